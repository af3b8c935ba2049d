"""The 24 sites of the sample fleet: fictional customers in real places."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .battery import Battery
from .car import Car
from .load import Home
from .solar import Climate, SolarSystem

__all__ = ["FLEET", "REGIONS", "Region", "Site", "site_record"]

Json = dict[str, Any]


@dataclass(frozen=True)
class Region:
    """Properties that neighbouring sites share.

    Attributes
    ----------
    country_code, state_code, timezone, currency : str
        ``state_code`` is None outside the United States.
    step_wh : int
        Resolution of the meters.
    station : str
        Weather station of :data:`sample_maker.weather.STATIONS`.
    """

    country_code: str
    state_code: str | None
    timezone: str
    currency: str
    step_wh: int
    station: str


REGIONS = {
    "ca-north": Region("US", "CA", "America/Los_Angeles", "USD", 10, "greensboro"),
    "ca-south": Region("US", "CA", "America/Los_Angeles", "USD", 10, "miami"),
    "uk": Region("GB", None, "Europe/London", "GBP", 1, "sand_point"),
    "uk-north": Region("GB", None, "Europe/London", "GBP", 1, "sand_point"),
    "be": Region("BE", None, "Europe/Brussels", "EUR", 1, "sand_point"),
}


@dataclass(frozen=True)
class Site:
    """One site.

    Attributes
    ----------
    site_id : str
        Flip's ``site_id`` and Flatpeak's ``reference_id``.
    region : str
        Key of :data:`REGIONS`.
    name : str
        First and last name, or a company after a ``*``.
    town, zip_code : str
        A real place.
    place : tuple of float
        Latitude, longitude.
    home : Home
        Household load.
    tariffs : tuple of (str or None)
        Keys of the import tariff, the export tariff and the grid fees.
    climate : Climate
        Air temperature.
    solar : tuple of float or None
        DC kW, tilt, azimuth.
    battery, car : Battery or None, Car or None
        Equipment.
    provider : str or None
        ``technology_provider_identifier``: DURACELL is the only documented one, the others are
        illustrative.
    status, crm : str, bool
        Flip's status; whether the site has an ``external_id``.
    """

    site_id: str
    region: str
    name: str
    town: str
    zip_code: str
    place: tuple[float, float]
    home: Home
    tariffs: tuple[str, str | None, str | None]
    climate: Climate
    solar: tuple[float, float, float] | None = None
    battery: Battery | None = None
    car: Car | None = None
    provider: str | None = None
    status: str = "ACTIVE"
    crm: bool = True

    @property
    def system(self) -> SolarSystem | None:
        """The solar system at its place."""
        return SolarSystem(*self.place, *self.solar) if self.solar else None

    @property
    def where(self) -> Region:
        """Its region."""
        return REGIONS[self.region]


def _us(kwh: float, evenness: float) -> Home:
    return Home(kwh, (("us_hourly", 1.0),), evenness)


def _eu(kwh: float, hourly_share: float) -> Home:
    return Home(kwh, (("uk_hourly", hourly_share), ("uk_half_hourly", 1 - hourly_share)))


_PGE_C = ("ca-pge-e-tou-c", "ca-pge-e-tou-c-nem2", None)
_PGE_ELEC = ("ca-pge-e-elec", "ca-pge-nsc", None)
_SCE = ("ca-sce-tou-d-prime", "ca-sce-nsc", None)
_SDGE = ("ca-sdge-ev-tou-5", "ca-sdge-nsc", None)
_CAP = ("uk-ofgem-cap-2025-q3", "uk-octopus-outgoing", None)
_GO = ("uk-octopus-go", "uk-octopus-outgoing", None)
_AGILE = ("uk-octopus-agile", "uk-octopus-outgoing", None)
_BAY, _VALLEY = Climate(10, 18, 5), Climate(8, 28, 8)
_COAST, _DESERT = Climate(14, 21, 4), Climate(14, 33, 8)
_ENGLAND, _NORTH, _FLANDERS = Climate(5, 17, 4), Climate(4, 15.5, 3.5), Climate(4, 18.5, 4)


def _be(key: str, grid: str) -> tuple[str, str, str]:
    supplier = "be-engie-easy-fixed"
    return f"{supplier}-{key}", f"{supplier}-injection", f"be-fluvius-{grid}-2025"


FLEET = (
    Site("ca-01", "ca-north", "Ada Example", "Oakland", "94612", (37.81, -122.27), _us(5600, 0.75), _PGE_ELEC, _BAY,
         (5.2, 20, 190), Battery(13.5, 5.0), provider="DURACELL"),
    Site("ca-02", "ca-north", "Bruno Sample", "San Jose", "95112", (37.34, -121.89), _us(6900, 0.65),
         ("ca-pge-ev2-a", "ca-pge-ev2-a-nem2", None), _BAY, (6.4, 22, 180), car=Car(7.7, 0.55, 0), provider="ENPHASE"),
    Site("ca-03", "ca-north", "Carla Specimen", "Davis", "95616", (38.55, -121.74), _us(8200, 0.4), _PGE_C, _VALLEY,
         (7.0, 25, 200), provider="SOLAREDGE"),
    Site("ca-04", "ca-north", "Dov Placeholder", "San Francisco", "94103", (37.77, -122.41), _us(5050, 0.85), _PGE_C,
         _BAY, status="NEEDS_ACTION", crm=False),
    Site("ca-05", "ca-north", "Elif Fictional", "Fresno", "93721", (36.74, -119.79), _us(9800, 0.25), _PGE_C, _VALLEY,
         (8.4, 18, 180), provider="SOLAREDGE"),
    Site("ca-06", "ca-north", "Femi Invented", "Bakersfield", "93301", (35.37, -119.02), _us(10700, 0.2), _PGE_ELEC,
         _VALLEY, (9.6, 20, 225), Battery(10.0, 5.0, 0.96, 0.94), provider="DURACELL"),
    Site("ca-07", "ca-south", "Grace Pretend", "Long Beach", "90802", (33.77, -118.19), _us(6300, 0.6), _SCE, _COAST,
         (4.8, 15, 180), provider="ENPHASE", crm=False),
    Site("ca-08", "ca-south", "Hugo Imaginary", "Palm Springs", "92262", (33.83, -116.55), _us(10950, 0.1), _SCE,
         _DESERT, (10.0, 15, 170), provider="SOLAREDGE"),
    Site("ca-09", "ca-south", "Iris Madeup", "San Diego", "92101", (32.72, -117.16), _us(6050, 0.65), _SDGE, _COAST,
         (6.0, 20, 180), Battery(13.5, 5.0), Car(9.6, 0.6, 0), "DURACELL"),
    Site("ca-10", "ca-south", "Jonas Dummy", "Escondido", "92025", (33.12, -117.08), _us(7400, 0.45), _SDGE, _VALLEY,
         car=Car(7.7, 0.5), status="PENDING"),
    Site("uk-01", "uk", "Kezia Example", "Brighton", "BN1 1JA", (50.82, -0.14), _eu(3100, 0.7), _CAP, _ENGLAND,
         (3.6, 35, 180), provider="SOLAREDGE"),
    Site("uk-02", "uk", "Liam Sample", "Bristol", "BS1 5TR", (51.45, -2.60), _eu(3600, 0.6), _AGILE, _ENGLAND,
         (4.2, 32, 200), Battery(9.5, 3.6, 0.95, 0.95), provider="DURACELL"),
    Site("uk-03", "uk", "Mina Specimen", "Exeter", "EX1 1JN", (50.72, -3.53), _eu(2900, 0.75), _GO, _ENGLAND,
         (4.0, 30, 165), car=Car(7.4, 0.55, 1), provider="ENPHASE"),
    Site("uk-04", "uk", "Noor Placeholder", "Norwich", "NR2 1NH", (52.63, 1.30), _eu(2650, 0.7), _CAP, _ENGLAND,
         (3.2, 40, 180), provider="ENPHASE"),
    Site("uk-05", "uk-north", "Owen Fictional", "Leeds", "LS1 3AD", (53.80, -1.55),
         Home(4450, (("uk_half_hourly", 1.0),), night_heating=True), ("uk-octopus-go", None, None), _NORTH, crm=False),
    Site("uk-06", "uk-north", "*Pretend Tea Rooms Ltd", "Manchester", "M60 2LA", (53.48, -2.24), _eu(2250, 0.85),
         ("uk-ofgem-cap-2025-q3", None, None), _NORTH, status="PAUSED"),
    Site("uk-07", "uk", "Rhys Imaginary", "Cardiff", "CF10 3ND", (51.48, -3.18), _eu(3300, 0.65), _CAP, _ENGLAND,
         (3.8, 30, 190), provider="SOLAREDGE"),
    Site("uk-08", "uk-north", "Skye Madeup", "Edinburgh", "EH1 1YJ", (55.95, -3.19), _eu(3850, 0.6),
         ("uk-octopus-agile", None, None), _NORTH, car=Car(7.4, 0.5)),
    Site("be-01", "be", "Thijs Voorbeeld", "Antwerpen", "2000", (51.22, 4.40), _eu(4100, 0.6),
         _be("day-night", "antwerpen"), _FLANDERS, (5.0, 35, 180), Battery(10.0, 4.6), provider="DURACELL"),
    Site("be-02", "be", "Ugo Exemple", "Gent", "9000", (51.05, 3.72), _eu(3400, 0.7), _be("single", "imewo"), _FLANDERS,
         (4.5, 40, 200), car=Car(7.4, 0.6), provider="SOLAREDGE"),
    Site("be-03", "be", "Veerle Fictief", "Leuven", "3000", (50.88, 4.70), _eu(4450, 0.55),
         _be("day-night", "zenne-dijle"), _FLANDERS, (6.0, 30, 175), Battery(7.7, 3.3, 0.94, 0.94),
         provider="DURACELL"),
    Site("be-04", "be", "Zo\u00eb Verzonnen", "Hasselt", "3500", (50.93, 5.34), _eu(3700, 0.65),
         _be("single", "limburg"), _FLANDERS, (5.4, 35, 180), provider="ENPHASE"),
    Site("be-05", "be", "*Bakkerij Voorbeeld BV", "Brugge", "8000", (51.21, 3.22), _eu(4300, 0.6),
         _be("single", "west"), _FLANDERS, (4.0, 35, 160), provider="SOLAREDGE"),
    Site("be-06", "be", "Yara Exemplaire", "Berchem", "2600", (51.19, 4.43), _eu(2550, 0.8),
         ("be-engie-easy-fixed-single", None, "be-fluvius-antwerpen-2025"), _FLANDERS, crm=False),
)  # fmt: skip
"""In order of ``site_id`` within each country."""


def site_record(number: int, site: Site) -> Json:
    """A site as in ``sites.json``; ``number`` counts from 1, for addresses and CRM ids."""
    region = site.where
    company = site.name[1:] if site.name.startswith("*") else None
    first, last = (None, None) if company else site.name.split(" ", 1)
    size, tilt, azimuth = site.solar or (None, None, None)
    return {
        "site_id": site.site_id,
        "status": site.status,
        "first_name": first,
        "last_name": last,
        "company_name": company,
        "customer_name": company or site.name,
        "email": f"{site.site_id}@customers.example",
        "street_address": f"{number} Example Street",
        "street_address2": None,
        "city": site.town,
        "state_code": region.state_code,
        "zip_code": site.zip_code,
        "country_code": region.country_code,
        "service_account_id": f"SAMPLE-{number:04d}" if region.country_code == "US" else None,
        "lat": site.place[0],
        "lon": site.place[1],
        "timezone": region.timezone,
        "currency": region.currency,
        "system_size_kw": size,
        "tilt": tilt,
        "azimuth": azimuth,
        "technology_provider_identifier": site.provider,
        "external_id": f"CRM-{1000 + number}" if site.crm else None,
        "battery": _battery_record(site.battery),
        "ev": {"charger_kw": site.car.charger_kw} if site.car else None,
        "import_tariff": site.tariffs[0],
        "export_tariff": site.tariffs[1],
        "grid_fee_tariff": site.tariffs[2],
        "devices": _devices(site),
        "created_at": f"2024-{1 + number % 12:02d}-{1 + number:02d}T09:00:00Z",
        "updated_at": "2026-01-05T09:00:00Z",
    }


def _battery_record(battery: Battery | None) -> Json | None:
    if battery is None:
        return None
    return {
        "capacity_kwh": battery.capacity_kwh,
        "power_kw": battery.power_kw,
        "charge_efficiency": battery.charge_efficiency,
        "discharge_efficiency": battery.discharge_efficiency,
    }


def _devices(site: Site) -> list[Json]:
    """The devices of a site; Flip documents BATTERY and EV_CHARGER only, ``SOLAR`` is our own type."""
    devices = [_device(site, "SOLAR", "solar", {})] if site.solar else []
    if site.battery:
        power_w = round(1000 * site.battery.power_kw)
        attributes = {
            "battery_capacity_wh": round(1000 * site.battery.capacity_kwh),
            "battery_power_input_w": power_w,
            "battery_power_output_w": power_w,
        }
        devices.append(_device(site, "BATTERY", "battery", attributes))
    return [*devices, _device(site, "EV_CHARGER", "charger", {})] if site.car else devices


def _device(site: Site, kind: str, ending: str, attributes: Json) -> Json:
    return {
        "id": f"{site.site_id}-{ending}",
        "type": kind,
        "manufacturer_name": "Example Devices",
        "product_name": f"Sample {ending.title()}",
        "serial_number": f"SAMPLE-{site.site_id.upper()}-{ending.upper()}",
        "attributes": attributes,
        "install_date": "2024-11-15T12:00:00Z",
    }
