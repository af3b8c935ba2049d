"""Tariff objects and price series."""

from datetime import timedelta

import numpy as np
import pytest

from flipkit.emulator.flatpeak import pricing
from flipkit.tariffs import PriceSeries

DATES = {"contract_start_date": "2020-01-01T00:00:00Z", "contract_end_date": "2030-01-01T00:00:00Z"}
FLAT = {"fixed": 0.2, "to_kwh": None}
HALF_HOUR = 1_800_000_000
NEW_YEAR = 1_767_225_600_000_000  # 2026-01-01T00:00:00Z


def body(location, rate=FLAT, **fields):
    hours = [
        {
            "valid_from": "00:00:00",
            "valid_to": "00:00:00",
            "rate": rate if isinstance(rate, list) else [rate],
        }
    ]
    schedule = [{"months": ["All"], "days_and_hours": [{"days": ["All"], "hours": hours}]}]
    return (
        {"location_id": location, "direction": "IMPORT", "type": "COMMODITY", "schedule": schedule}
        | DATES
        | fields
    )


def market(api, name="gb-1", timezone="Europe/London", prices=(0.10, -0.02, 0.30)):
    """Store half-hourly prices from 2026-01-01 on."""
    starts = NEW_YEAR + HALF_HOUR * np.arange(len(prices))
    with api.store.write() as db:
        pricing.put_market(
            db, name, timezone, PriceSeries(starts, starts + HALF_HOUR, np.array(prices))
        )


def prices(api, location, start, end, **fields):
    asked = {"start_time": start, "end_time": end} | fields
    return api.call(
        "POST",
        f"/prices/{location}",
        {name: value for name, value in asked.items() if value is not None},
    )


def test_a_tariff_is_created_listed_read_and_deleted(api):
    location = api.location("BE")
    sent = body(location, display_name="Night saver", provider_id="prv_1")
    made = api.call("POST", "/tariffs", sent, status=200)
    assert made == sent | {
        "id": made["id"],
        "object": "tariff",
        "live_mode": False,
        "is_linked": False,
        "connection_type": "MANUAL",
        "status": "CONNECTED",
        "timezone": "Europe/Brussels",
        "market_rates": False,
        "time_created": "2026-01-10T12:00:00Z",
        "account_id": "acc_test",
    }
    export = api.call("POST", "/tariffs", body(location, direction="EXPORT"))
    assert api.call("GET", f"/tariffs/{made['id']}") == made
    assert api.call("GET", "/tariffs", location_id=location)["data"] == [export, made]
    assert api.call("GET", "/tariffs", location_id=location, direction="EXPORT")["data"] == [export]
    assert api.call("GET", "/tariffs", location_id=location, type="NON_COMMODITY")["data"] == []
    assert api.call("DELETE", f"/tariffs/{made['id']}", status=202) == {"message": "Accepted"}
    assert api.call("GET", "/tariffs", location_id=location)["data"] == [export]
    api.call("GET", f"/tariffs/{made['id']}", status=404)
    api.call("GET", "/tariffs", status=422)
    api.call("GET", "/tariffs", location_id="loc_0", status=404)
    api.call("GET", "/tariffs", location_id=location, type="x", status=422)
    api.call("PATCH", f"/tariffs/{export['id']}", {}, status=405)


@pytest.mark.parametrize(
    ("fields", "status", "word"),
    [
        ({"location_id": "loc_0"}, 404, "not_found"),
        ({"location_id": None}, 422, "location_id"),
        ({"direction": "UP"}, 422, "tariff_direction_invalid"),
        ({"direction": None}, 422, "direction"),
        ({"type": "UP"}, 422, "tariff_type_invalid"),
        ({"type": "NON_COMMODITY", "direction": "EXPORT"}, 422, "tariff_direction_not_supported"),
        ({"market_rates": "yes"}, 422, "market_rates"),
        ({"market_rates": True}, 422, "no_price_data"),
        ({"market_rates": True, "market": "nowhere"}, 422, "nowhere"),
        ({"contract_start_date": None}, 422, "contract_start_date"),
        ({"contract_end_date": "2030-01-01"}, 422, "contract_end_date"),
        ({"contract_end_date": "2019-01-01T00:00:00Z"}, 422, "2019"),
        ({"schedule": None}, 422, "schedule"),
        ({"schedule": [[]]}, 422, "schedule"),
        (
            {"rate": [{"fixed": 1, "to_kwh": 10}, {"fixed": 2, "to_kwh": 10}, FLAT]},
            422,
            "tier 2 ends at 10",
        ),
        ({"rate": [{"fixed": 1, "to_kwh": 20}, {"fixed": 2, "to_kwh": 10}]}, 422, "not above tier"),
        ({"rate": {"fixed": 10**30}}, 422, "64 bits"),
        ({"rate": {"fixed": "0.2"}}, 422, "fixed"),
    ],
)
def test_a_tariff_that_cannot_be_priced_is_refused(api, fields, status, word):
    location = api.location()
    before = api.store.digest()
    sent = body(location, fields.pop("rate", FLAT)) | fields
    answer = api.call("POST", "/tariffs", sent, status=status)
    assert word in answer["code"] + answer["message"]
    assert api.store.digest() == before


def test_the_status_lists_every_slot(api):
    location = api.location()
    market(api)
    api.tariff(location, 0.2, display_name="Old", contract_end_date="2025-01-01T00:00:00Z")
    api.tariff(
        location, {("00:00:00", "07:00:00"): 0.1, ("07:00:00", "00:00:00"): 0.3}, display_name="New"
    )
    api.call(
        "POST",
        "/tariffs",
        body(location, {"surcharge_fixed": 0.01}, direction="EXPORT", market_rates=True),
    )
    status = api.call("GET", f"/locations/{location}/status")
    assert status["object"] == "location_status"
    found = {
        name: (
            slot["status"],
            slot.get("connection_type"),
            slot.get("tariff", {}).get("structure_type"),
        )
        for name, slot in status["tariff_status"].items()
    }
    assert found == {
        "commodity_import": ("CONNECTED", "MANUAL", "TIME_OF_DAY"),
        "commodity_export": ("CONNECTED", "MARKET", "MARKET"),
        "non_commodity_import": ("NOT_CONNECTED", None, None),
        "non_commodity_export": ("NOT_SUPPORTED", None, None),
        "local": ("NOT_CONNECTED", None, None),
    }
    assert status["tariff_status"]["commodity_import"]["tariff"]["display_name"] == "New"


def test_prices_are_cut_to_the_window(api):
    location = api.location()
    api.tariff(location, {("00:00:00", "07:00:00"): 0.09, ("07:00:00", "00:00:00"): 0.29})
    answer = prices(api, location, "2025-07-01T05:30:00+01:00", "2025-07-01T22:59:59.5Z")
    assert answer["data"] == [
        {
            "valid_from": "2025-07-01T04:30:00Z",
            "valid_to": "2025-07-01T06:00:00.000000Z",
            "price": {"value": 0.09, "confidence": 1.0},
        },
        {
            "valid_from": "2025-07-01T06:00:00Z",
            "valid_to": "2025-07-01T22:59:59.500000Z",
            "price": {"value": 0.29, "confidence": 1.0},
        },
    ]
    assert answer["request"] == {
        "tariff_direction": "IMPORT",
        "start_time": "2025-07-01T04:30:00Z",
        "end_time": "2025-07-01T22:59:59Z",
    }
    assert (answer["location_timezone"], answer["currency_code"]) == ("Europe/London", "GBP")


def test_the_start_is_now_by_default_and_the_future_is_a_forecast(api):
    location = api.location()
    api.tariff(location, 0.2)
    assert prices(api, location, None, "2026-01-10T13:00:00Z")["data"] == [
        {
            "valid_from": "2026-01-10T12:00:00Z",
            "valid_to": "2026-01-10T13:00:00Z",
            "price": {"value": 0.2, "confidence": 0.8},
        }
    ]
    across = prices(api, location, "2026-01-10T11:00:00Z", "2026-04-10T11:00:00Z")["data"]
    assert [row["price"]["confidence"] for row in across] == [1.0, 0.8]
    assert across[0]["valid_to"] == "2026-01-10T12:00:00Z"
    api.clock.advance(timedelta(days=365))
    api.token = api.login().json["bearer_token"]
    assert {
        row["price"]["confidence"]
        for row in prices(api, location, None, "2027-01-11T00:00:00Z")["data"]
    } == {0.8}


@pytest.mark.parametrize(
    ("start", "end"),
    [
        ("2025-01-01T00:00:00Z", None),
        ("2025-01-01T00:00:00Z", "2025-04-01T00:00:00.000001Z"),
        ("2025-01-01T00:00:00Z", "2025-01-01T00:00:00Z"),
        (None, "2026-01-10T12:00:00Z"),
        ("2025-01-01T00:00:00", "2025-01-02T00:00:00Z"),
        (7, "2025-01-02T00:00:00Z"),
    ],
)
def test_invalid_price_windows_are_refused(api, start, end):
    location = api.location()
    api.tariff(location, 0.2)
    sent = {
        name: value
        for name, value in (("start_time", start), ("end_time", end))
        if value is not None
    }
    assert api.call("POST", f"/prices/{location}", sent, status=422)["code"] == "invalid_request"


def test_ninety_days_are_allowed(api):
    location = api.location()
    api.tariff(location, 0.2)
    assert len(prices(api, location, "2025-01-01T00:00:00Z", "2025-04-01T00:00:00Z")["data"]) == 1


def test_missing_prices_are_refused(api):
    location = api.location()
    window = {"start_time": "2025-01-01T00:00:00Z", "end_time": "2025-01-02T00:00:00Z"}

    def ask(**fields):
        return api.call("POST", f"/prices/{location}", window | fields, status=422)["code"]

    assert ask() == "no_tariff_connected"
    api.tariff(location, 0.2, contract_start_date="2025-01-01T12:00:00Z")
    assert ask() == "no_price_data"
    assert ask(tariff_direction="EXPORT") == "no_tariff_connected"
    assert (
        prices(api, location, *window.values(), tariff_direction="LOCAL")["data"][0]["price"][
            "value"
        ]
        == 0.0
    )
    api.call("POST", "/prices/loc_0", window, status=404)


def test_market_prices_and_their_surcharges(api):
    """The fixed surcharge comes first, then the fraction: 0.05 is 5 %."""
    location = api.location()
    market(api)
    rate = {"fixed": None, "surcharge_fixed": 0.02, "surcharge_percentage": 0.05}
    made = api.call("POST", "/tariffs", body(location, rate, market_rates=True))
    assert (made["market"], made["connection_type"]) == ("gb-1", "MARKET")
    rows = prices(api, location, "2026-01-01T00:10:00Z", "2026-01-01T01:30:00Z")["data"]
    assert [row["price"]["value"] for row in rows] == pytest.approx([0.12 * 1.05, 0.0, 0.32 * 1.05])
    assert [row["valid_to"] for row in rows] == [
        "2026-01-01T00:30:00Z",
        "2026-01-01T01:00:00Z",
        "2026-01-01T01:30:00Z",
    ]
    beyond = {"start_time": "2026-01-01T01:00:00Z", "end_time": "2026-01-01T01:30:00.000001Z"}
    assert api.call("POST", f"/prices/{location}", beyond, status=422)["code"] == "no_price_data"


def test_the_market_is_the_named_one_or_that_of_the_time_zone(api):
    location = api.location("BE")
    market(api)
    assert (
        api.call("POST", "/tariffs", body(location, market_rates=True), status=422)["code"]
        == "no_price_data"
    )
    assert (
        api.call("POST", "/tariffs", body(location, market_rates=True, market="gb-1"))["market"]
        == "gb-1"
    )
    market(api, "be-1", "Europe/Brussels")
    assert api.call("POST", "/tariffs", body(location, market_rates=True))["market"] == "be-1"
