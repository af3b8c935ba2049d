"""The tariffs of the sample fleet: published rates, each with its publisher, source and date."""

from __future__ import annotations

from .market import MARKET
from .schedules import Json, day, every_month, market, season

__all__ = ["tariffs"]

CONTRACT = {
    "contract_start_date": "2024-01-01T00:00:00Z",
    "contract_end_date": "2028-01-01T00:00:00Z",
}
LOOKED_UP = "2026-11-22"

_ZONES = {"USD": "America/Los_Angeles", "GBP": "Europe/London", "EUR": "Europe/Brussels"}
_NO_FIXED = (
    "Energy charge only: no daily or minimum charge. Public holidays are priced as ordinary days."
)


def tariffs() -> list[Json]:
    """All tariffs as in ``tariffs.json``, sorted by key."""
    found = [*_pge(), *_pge_exports(), *_sce(), *_sdge(), *_uk(), *_belgium(), *_fluvius()]
    return sorted(found, key=lambda tariff: str(tariff["key"]))


def _tariff(
    key: str,
    name: str,
    currency: str,
    schedule: list[Json],
    source: Json,
    note: str,
    *,
    figures: str = "published",
) -> Json:
    """A tariff object; direction and type follow from its key's ending and from ``fluvius``."""
    export = any(word in key for word in ("nem2", "nsc", "outgoing", "injection"))
    return {
        "key": key,
        "display_name": name,
        "currency": currency,
        "timezone": _ZONES[currency],
        "direction": "EXPORT" if export else "IMPORT",
        "type": "NON_COMMODITY" if "fluvius" in key else "COMMODITY",
        "market_rates": False,
        "market": None,
        **CONTRACT,
        "schedule": schedule,
        "figures": figures,
        "source": source,
        "note": note,
    }


def _source(publisher: str, document: str, effective: str, found_in: str) -> Json:
    """Where figures come from; ``found_in`` is always a stored public copy, never the live page."""
    return {
        "publisher": publisher,
        "document": document,
        "effective_date": effective,
        "found_in": found_in,
        "looked_up": LOOKED_UP,
    }


# --- California --------------------------------------------------------------------------------

_TARIFFKIT = "stored copy of the public repository eman/tariffkit, src/nem_rates/data/tariff/pge/{}/2025-03-01.toml"
_ACC = "stored copy of the public repository RyanCMann/ACC_to_NBT_ECR, "


def _pge_source(schedule: str, folder: str) -> Json:
    document = f"Electric Schedule {schedule}, Advice 7516-E"
    return _source("Pacific Gas and Electric", document, "2025-03-01", _TARIFFKIT.format(folder))


def _e_tou_c(less: float = 0.0) -> list[Json]:
    rates = [round(rate - less, 5) for rate in (0.62569, 0.50269, 0.50086, 0.47086)]
    summer = day("All", (0, 16, rates[1]), (16, 21, rates[0]), (21, 24, rates[1]))
    winter = day("All", (0, 16, rates[3]), (16, 21, rates[2]), (21, 24, rates[3]))
    return [season("Jun", "Sep", summer), season("Oct", "May", winter)]


def _three_periods(
    summer: tuple[float, float, float], winter: tuple[float, float, float]
) -> list[Json]:
    """Peak 16-21, part-peak 15-16 and 21-24, off-peak 0-15, every day; rates in that order."""

    def whole_day(rates: tuple[float, float, float]) -> Json:
        peak, part, off = rates
        return day("All", (0, 15, off), (15, 16, part), (16, 21, peak), (21, 24, part))

    return [season("Jun", "Sep", whole_day(summer)), season("Oct", "May", whole_day(winter))]


def _pge() -> list[Json]:
    over = "The price above baseline for every kWh: the baseline credit of 0.10301 USD/kWh is a tier, left out here. "
    return [
        _tariff("ca-pge-e-tou-c", "PG&E E-TOU-C (4-9 pm), above baseline", "USD", _e_tou_c(),
                _pge_source("E-TOU-C", "etouc"), over + _NO_FIXED),
        _tariff("ca-pge-ev2-a", "PG&E EV2-A", "USD",
                _three_periods((0.62277, 0.51228, 0.31026), (0.49566, 0.47896, 0.31027)),
                _pge_source("EV2-A", "ev2a"), _NO_FIXED),
        _tariff("ca-pge-e-elec", "PG&E E-ELEC", "USD",
                _three_periods((0.61418, 0.4523, 0.39562), (0.38266, 0.36057, 0.34671)),
                _pge_source("E-ELEC", "eelec"),
                "The base services charge of 0.49281 USD/day is left out. " + _NO_FIXED),
    ]  # fmt: skip


# Public purpose programs, nuclear decommissioning, competition transition and wildfire fund, as in
# Advice 7516-E.
_NON_BYPASSABLE = round(0.02644 - 0.00024 - 0.00072 + 0.00595, 5)


def _pge_exports() -> list[Json]:
    nem = (
        "Derived: the retail price of the same hour less the four non-bypassable charges of NEM 2.0 (0.03143 USD/kWh), "
        "for every exported kWh. Real NEM 2.0 nets by month and trues up by year."
    )
    ev2 = [[round(rate - _NON_BYPASSABLE, 5) for rate in row] for row in
           ((0.62277, 0.51228, 0.31026), (0.49566, 0.47896, 0.31027))]  # fmt: skip
    nsc = (
        *(0.03396, 0.03087, 0.03043, 0.03041, 0.02919, 0.02965),
        *(0.03089, 0.0304, 0.02999, 0.0313, 0.03094, 0.03145),
    )
    months = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
    monthly = [
        season(month, month, day("All", (0, 24, rate)))
        for month, rate in zip(months, nsc, strict=True)
    ]
    found = "stored copy of the public repository eman/tariffkit, src/nem_rates/data/nsc/pge.toml"
    return [
        _tariff("ca-pge-e-tou-c-nem2", "PG&E export, NEM 2.0 on E-TOU-C", "USD", _e_tou_c(_NON_BYPASSABLE),
                _pge_source("E-TOU-C", "etouc"), nem, figures="derived"),
        _tariff("ca-pge-ev2-a-nem2", "PG&E export, NEM 2.0 on EV2-A", "USD",
                _three_periods((ev2[0][0], ev2[0][1], ev2[0][2]), (ev2[1][0], ev2[1][1], ev2[1][2])),
                _pge_source("EV2-A", "ev2a"), nem, figures="derived"),
        _tariff("ca-pge-nsc", "PG&E export, net surplus compensation", "USD", monthly,
                _source("Pacific Gas and Electric", "AB920 Net Surplus Compensation rates for energy, months of 2025",
                        "2025-01-01", found), _NSC),
    ]  # fmt: skip


_NSC = (
    "Published for the net surplus of a year at true-up; used here as the price of every exported kWh, which the "
    "hourly credits of a net billing customer are not. A low stand-in."
)


def _nsc(key: str, name: str, publisher: str, rate: float) -> Json:
    found = _ACC + "NBT ECR Visualization/Net Surplus Compensation Rate by Generation Supplier.csv"
    source = _source(publisher, "Net surplus compensation rate, July 2025", "2025-07-01", found)
    return _tariff(key, name, "USD", [every_month(day("All", (0, 24, rate)))], source, _NSC)


def _sce() -> list[Json]:
    weekday = day("Weekday", (0, 16, 0.26322), (16, 21, 0.56368), (21, 24, 0.26322))
    weekend = day("Weekend", (0, 16, 0.26322), (16, 21, 0.38128), (21, 24, 0.26322))
    winter = day("All", (0, 16, 0.2449), (16, 21, 0.5334), (21, 24, 0.2449))
    found = _ACC + "Retail Rate Creation/SCE TOU-D-PRIME/SCE TOU-D-PRIME Tariff Vectors Creator.R"
    document = "Schedule TOU-D, option PRIME, sheets of 2025-06-01"
    source = _source("Southern California Edison", document, "2025-06-01", found)
    note = "Delivery, generation and two flat riders added up. Winter off-peak and super-off-peak cost the same. "
    return [
        _tariff("ca-sce-tou-d-prime", "SCE TOU-D-PRIME", "USD",
                [season("Jun", "Sep", weekday, weekend), season("Oct", "May", winter)], source, note + _NO_FIXED),
        _nsc("ca-sce-nsc", "SCE export, net surplus compensation", "Southern California Edison", 0.01786),
    ]  # fmt: skip


def _sdge() -> list[Json]:
    def usual(on: float, off: float, super_off: float) -> tuple[Json, Json]:
        weekday = day("Weekday", (0, 6, super_off), (6, 16, off), (16, 21, on), (21, 24, off))
        weekend = day("Weekend", (0, 14, super_off), (14, 16, off), (16, 21, on), (21, 24, off))
        return weekday, weekend

    on, off, low = 0.49758, 0.44879, 0.11381
    morning = (0, 6, low), (6, 10, off), (10, 14, low)
    evening = (14, 16, off), (16, 21, on), (21, 24, off)
    spring = day("Weekday", *morning, *evening)
    schedule = [
        season("Jun", "Oct", *usual(0.73092, 0.47446, 0.12017)),
        season("Nov", "Feb", *usual(on, off, low)),
        season("Mar", "Apr", spring, usual(on, off, low)[1]),
        season("May", "May", *usual(on, off, low)),
    ]
    found = _ACC + "Retail Rate Creation/SDG&E EV-TOU-5/SDG&E EV-TOU-5 Tariff Vectors Creator.R"
    source = _source(
        "San Diego Gas & Electric", "Schedule EV-TOU-5, sheets of 2025-06-01", "2025-06-01", found
    )
    note = "The basic service fee is left out. "
    return [
        _tariff("ca-sdge-ev-tou-5", "SDG&E EV-TOU-5", "USD", schedule, source, note + _NO_FIXED),
        _nsc(
            "ca-sdge-nsc",
            "SDG&E export, net surplus compensation",
            "San Diego Gas & Electric",
            0.01284,
        ),
    ]


# --- United Kingdom ----------------------------------------------------------------------------


def _uk() -> list[Json]:
    cap = _source("Ofgem", "Energy price cap, 1 July to 30 September 2025, direct debit, average of Great Britain",
                  "2025-07-01", "stored copy of www.ofgem.gov.uk/energy-price-cap")  # fmt: skip
    out = _source("Octopus Energy", "Why are Outgoing Octopus export prices changing from March 1 2026", "2022-09-01",
                  "stored copy of the help page of octopus.energy")  # fmt: skip
    go = _source("Octopus Energy", "Octopus Go, as quoted for July 2026 by a public comparison", "2026-07-01",
                 "third-party quotations in stored public pages: 8.5 p from 00:30 to 05:30, 30.1 p else")  # fmt: skip
    return [
        _tariff("uk-ofgem-cap-2025-q3", "Ofgem price cap July-September 2025", "GBP",
                [every_month(day("All", (0, 24, 0.2573)))], cap,
                "With 5 % VAT. The cap of this one quarter for the whole time (24.86 p from January, 27.03 p from "
                "April 2025). The standing charge of 51.37 p/day is left out."),
        _tariff("uk-octopus-go", "Octopus Go", "GBP",
                [every_month(day("All", (0, 0.5, 0.301), (0.5, 5.5, 0.085), (5.5, 24, 0.301)))], go,
                "With 5 % VAT. Other people's quotation of the supplier's rates, not its own rate sheet; the day rate "
                "varies by region. The standing charge is left out.", figures="quoted"),
        _tariff("uk-octopus-outgoing", "Outgoing Octopus (fixed)", "GBP", [every_month(day("All", (0, 24, 0.15)))], out,
                "15 p/kWh from September 2022 until it fell to 12 p/kWh on 2026-03-01; 15 p for the whole time here."),
        _agile(),
    ]  # fmt: skip


def _agile() -> Json:
    source = _source(
        "Octopus Energy",
        "Formula of Agile Octopus, region C (London): wholesale x 2.0, + 12 p from 16:00 to 19:00, 5 % VAT, cap 100 p",
        "2024-10-01",
        "stored copies: the public repository Johnr24/outgoing_agile_predict, agile_incoming_calc.md (multiplier and "
        "adder; it still names the older cap of 35 p), and a public note of region C's prices from October 2025 on",
    )
    note = (
        "The price series is synthetic: a seeded wholesale model under the published formula, in market_prices.csv.gz "
        "under the key in `market`. It lands near the published statistics of region C (October 2025 to September "
        "2026: mean 20.0 p, 16-19 h 34.8 p, other hours 17.9 p, range -11.3 to 86.7 p), but no single price "
        "is real. Prices carry VAT; the standing charge is left out."
    )
    tariff = _tariff("uk-octopus-agile", "Agile Octopus, region C (synthetic prices)", "GBP", [market()], source, note,
                     figures="synthetic")  # fmt: skip
    return {**tariff, "market_rates": True, "market": MARKET}


# --- Belgium -----------------------------------------------------------------------------------

_BE_PRICES = "stored copy of the public repository renaudallard/homeassistant_be_electricity_prices, its Engie tests"


def _belgium() -> list[Json]:
    document = "Tariff card Easy Fixed, residential electricity, Flanders, spring 2026"
    card = _source("ENGIE Belgium", document, "2026-04-01", _BE_PRICES)
    note = (
        "With 6 % VAT. A card of spring 2026 (month read off its neighbours), used for 2025 too. The yearly fee of 69 "
        "EUR is left out; grid fees and levies are separate tariffs."
    )
    weekday = day("Weekday", (0, 7, 0.17176), (7, 22, 0.20197), (22, 24, 0.17176))
    return [
        _tariff("be-engie-easy-fixed-single", "ENGIE Easy Fixed, single rate", "EUR",
                [every_month(day("All", (0, 24, 0.18938)))], card, note),
        _tariff("be-engie-easy-fixed-day-night", "ENGIE Easy Fixed, day and night", "EUR",
                [every_month(weekday, day("Weekend", (0, 24, 0.17176)))], card,
                note + " Day is 7 to 22 h on weekdays, the usual Flemish hours."),
        _tariff("be-engie-easy-fixed-injection", "ENGIE Easy Fixed, injection", "EUR",
                [every_month(day("All", (0, 24, 0.03217)))], card, "The card's indicative monthly price; free of VAT."),
    ]  # fmt: skip


_VAT_BE = 1.06
# EUR/MWh without VAT: use of the grid, public service obligations, surcharges; low voltage, digital
# meter, 2025.
_GRID_2025 = {
    "antwerpen": (22.8362, 31.8285, 1.8454),
    "imewo": (24.6108, 32.4899, 1.8024),
    "limburg": (22.7614, 36.5973, 4.7676),
    "west": (26.6881, 41.7181, 2.0324),
    "zenne-dijle": (26.3144, 31.9922, 2.3034),
}
# EUR/MWh without VAT: federal excise and energy contribution.
_FEDERAL = (47.48, 1.9261)
# EUR/kWh with VAT: green power and combined heat and power, Flanders, from the same ENGIE card.
_RENEWABLES = 0.01582


def _fluvius() -> list[Json]:
    return [_grid_fee(area, parts) for area, parts in _GRID_2025.items()]


def _grid_fee(area: str, parts: tuple[float, float, float]) -> Json:
    rate = round((sum(parts) + sum(_FEDERAL)) * _VAT_BE / 1000 + _RENEWABLES, 7)
    folder = "src/energy_cost/data/be/"
    source = _source(
        "Fluvius and the Flemish regulator; Belgian federal levies; ENGIE for the green power cost",
        f"Distribution grid tariffs 2025, Fluvius {area}, low voltage, digital meter",
        "2025-01-01",
        f"stored copy of the public repository EnergieID/energy-cost, {folder}flanders/electricity/distributors and "
        f"{folder}fees; levies agree with the ENGIE card in {_BE_PRICES}",
    )
    note = (
        f"Sum per kWh with 6 % VAT: grid {parts[0]}, public service {parts[1]}, surcharges {parts[2]}, excise "
        f"{_FEDERAL[0]}, energy contribution {_FEDERAL[1]} EUR/MWh before VAT, green power {_RENEWABLES} EUR/kWh with. "
        "The capacity tariff (by monthly peak) and the data fee are no price per kWh and are left out."
    )
    name = f"Fluvius {area} 2025: grid fees and levies"
    return _tariff(
        f"be-fluvius-{area}-2025",
        name,
        "EUR",
        [every_month(day("All", (0, 24, rate)))],
        source,
        note,
    )
