"""The client against the emulator, in both API generations and both libraries."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from flipkit.emulator import Clock, Store, create_app
from flipkit.errors import NotFound, PriceUnavailable
from flipkit.flatpeak import Flatpeak
from flipkit.http import in_process
from flipkit.tariffs import Tariff

START = datetime(2025, 6, 1, tzinfo=UTC)
HALF = timedelta(minutes=30)
NIGHT, DAY = 0.09, 0.29


@pytest.fixture(params=["2025-09-14.anode", "2024-08-24.zero"])
def live(request, frames_library):
    store = Store()
    transport = in_process(create_app(store, Clock()))
    keys = {
        "account_id": "acc_emulator",
        "api_key": "sk_test_emulator",
        "base_url": "http://localhost",
    }
    with Flatpeak(
        **keys, version=request.param, frames=frames_library, transport=transport
    ) as client:
        yield client


@pytest.fixture
def home(live):
    home = live.create_location("site-1", city="London", country_code="GB")
    prices = {"00:00-07:00": NIGHT, "07:00-24:00": DAY}
    live.create_tariff(home, Tariff.time_of_use(prices, currency="GBP", timezone="Europe/London"))
    return home


def records(home, number, **more):
    return [
        {
            "location_id": home,
            "units": "KWH",
            "value": 1.0 + n,
            "start_utc": START + n * HALF,
            "end_utc": START + (n + 1) * HALF,
            **more,
        }
        for n in range(number)
    ]


def price(moment):
    return NIGHT if (moment + timedelta(hours=1)).hour < 7 else DAY  # British Summer Time


def test_what_is_submitted_is_reported_and_simulation_agrees(live, home, rows):
    given = records(home, 48, session_reference_id="ses 1")
    simulated = rows(live.simulate_costs(given))
    assert len(live.cost_by_interval(home, START, START + 2 * 48 * HALF)) == 0
    submission = live.submit_interval([*given, {**given[0], "location_id": "loc_nowhere"}])
    assert (submission.submitted, submission.accepted) == (49, 48)
    assert [row["row"] for row in rows(submission.failed)] == [48]
    reported = rows(live.cost_by_interval(home, START, START + 48 * HALF))
    session = rows(live.cost_by_session("ses 1"))
    assert len(reported) == len(session) == 48
    for row, (record, priced, charged) in enumerate(zip(given, simulated, reported, strict=True)):
        expected = record["value"] * price(record["start_utc"])
        assert priced["cost"] == pytest.approx(expected)
        assert charged["cost"] == session[row]["cost"] == priced["cost"]
        assert charged["energy_kwh"] == priced["energy_kwh"] == record["value"]
        assert charged["start_utc"] == priced["start_utc"] == record["start_utc"]
        assert (charged["currency"], charged["timezone"]) == ("GBP", "Europe/London")
    days = rows(live.cost_by_interval(home, START, START + 48 * HALF, aggregation="DAY"))
    assert [row["energy_kwh"] for row in days] == [sum(r["value"] for r in given[:46]), 47 + 48]


def test_a_year_of_prices_has_no_seam(live, home, rows):
    found = rows(live.prices(home, START, START + timedelta(days=365)))
    assert found[0]["start_utc"] == START
    assert found[-1]["end_utc"] == START + timedelta(days=365)
    assert all(row["price_per_kwh"] in (NIGHT, DAY) for row in found)
    assert {row["end_utc"] for row in found[:-1]} == {row["start_utc"] for row in found[1:]}
    levels = [(row["price_per_kwh"], row["confidence"]) for row in found]
    assert all(before != after for before, after in pairwise(levels))


def test_register_readings_arrive_as_differences(live, home, rows):
    readings = [
        {"location_id": home, "units": "WH", "value": 500.0 * n, "time_utc": START + n * HALF}
        for n in range(49)
    ]
    assert live.submit_cumulative(reversed(readings)).accepted == 49
    reported = rows(live.cost_by_interval(home, START, START + 48 * HALF))
    assert sum(row["energy_kwh"] for row in reported) == pytest.approx(24)


def test_objects_are_created_updated_and_deleted(live, home, rows):
    device = live.ensure_device("charger-1")
    assert live.ensure_device("charger-1") == device
    live.update_device(device, "charger-2")
    assert [(row["device_id"], row["reference_id"]) for row in rows(live.devices())] == [
        (device, "charger-2")
    ]
    live.delete_device(device)
    with pytest.raises(NotFound):
        live.delete_device(device)
    assert [row["reference_id"] for row in rows(live.locations())] == ["site-1"]
    assert rows(live.location(home))[0]["tariff_commodity_import"] == "CONNECTED"
    assert {row["slot"]: row["status"] for row in rows(live.location_status(home))}[
        "commodity_import"
    ] == "CONNECTED"
    with pytest.raises(PriceUnavailable, match="no_tariff_connected"):
        live.prices(home, START, START + HALF, "EXPORT")
    (tariff,) = rows(live.tariffs(home))
    assert (tariff["tariff_direction"], tariff["tariff_type"]) == ("IMPORT", "COMMODITY")
    live.delete_tariff(tariff["tariff_id"])
    assert len(live.tariffs(home)) == 0
    with pytest.raises(PriceUnavailable):
        live.prices(home, START, START + HALF)
