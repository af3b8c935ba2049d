"""The customers and places of the sites."""

from zoneinfo import ZoneInfo

import pytest

BOXES = {
    "US": (32.5, 42.0, -124.5, -114.0),
    "GB": (49.9, 58.7, -8.2, 1.8),
    "BE": (49.5, 51.5, 2.5, 6.4),
}
KEYS = """
    site_id status first_name last_name company_name customer_name email street_address
    street_address2 city state_code zip_code country_code service_account_id lat lon timezone
    currency system_size_kw tilt azimuth technology_provider_identifier external_id battery ev
    import_tariff export_tariff grid_fee_tariff devices created_at updated_at
"""


def test_every_site_has_the_same_fields(sites):
    assert all(list(site) == KEYS.split() for site in sites)
    assert [s["site_id"] for s in sites] == sorted(
        (s["site_id"] for s in sites), key=lambda i: ("cub".index(i[0]), i)
    )


def test_places_lie_in_their_country(sites):
    for site in sites:
        south, north, west, east = BOXES[site["country_code"]]
        assert south < site["lat"] < north
        assert west < site["lon"] < east
        assert ZoneInfo(site["timezone"])
        assert site["state_code"] == ("CA" if site["country_code"] == "US" else None)


def test_customers_are_obviously_invented(sites):
    for site in sites:
        assert site["email"].endswith(".example")
        assert site["street_address"].endswith(" Example Street")
        assert site["customer_name"] == (
            site["company_name"] or f"{site['first_name']} {site['last_name']}"
        )


def test_external_ids_are_unique_where_given(sites):
    given = [site["external_id"] for site in sites if site["external_id"]]
    assert len(set(given)) == len(given)
    assert 15 < len(given) < len(sites)


def test_devices_match_the_equipment(sites):
    identifiers = [device["id"] for site in sites for device in site["devices"]]
    assert len(set(identifiers)) == len(identifiers)
    for site in sites:
        wanted = {
            "SOLAR": site["system_size_kw"],
            "BATTERY": site["battery"],
            "EV_CHARGER": site["ev"],
        }
        assert [d["type"] for d in site["devices"]] == [
            kind for kind, there in wanted.items() if there
        ]
        for device in site["devices"]:
            if device["type"] == "BATTERY":
                assert (
                    device["attributes"]["battery_capacity_wh"]
                    == 1000 * site["battery"]["capacity_kwh"]
                )
                assert (
                    device["attributes"]["battery_power_input_w"]
                    == 1000 * site["battery"]["power_kw"]
                )


@pytest.mark.parametrize("field", ["import_tariff", "export_tariff", "grid_fee_tariff"])
def test_tariffs_fit_their_sites(sites, tariffs, field):
    for site in sites:
        key = site[field]
        if key is None:
            assert field != "import_tariff"
            assert field != "export_tariff" or not site["system_size_kw"]
            continue
        tariff = tariffs[key]
        assert (tariff["currency"], tariff["timezone"]) == (site["currency"], site["timezone"])
        assert tariff["direction"] == ("EXPORT" if field == "export_tariff" else "IMPORT")
        assert tariff["type"] == ("NON_COMMODITY" if field == "grid_fee_tariff" else "COMMODITY")
    assert all(site["grid_fee_tariff"] for site in sites if site["country_code"] == "BE")
