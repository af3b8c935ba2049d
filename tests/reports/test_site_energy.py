"""Site energy: which intervals it has, what they add up to, and what it refuses."""

from collections import Counter
from datetime import date

import numpy as np
import pytest
from support import kits

import flipkit as fk
from flipkit.errors import InputError, NaiveTimestampError, PriceUnavailable
from flipkit.frames import facts, take


def columns(frame):
    return take(
        frame,
        numbers=["consumption_kwh", "generation_kwh"],
        texts=["site_id"],
        times=["start_utc", "end_utc"],
    )


def record(location, hour, kwh, **more):
    return {
        "location_id": location,
        "units": "KWH",
        "value": kwh,
        "start_utc": f"2025-06-01T{hour:02}:00:00Z",
        "end_utc": f"2025-06-01T{hour + 1:02}:00:00Z",
        **more,
    }


def site_kit(*, export=True):
    """A kit over a site with an import tariff, and an export tariff if wanted; its location."""
    kit = kits.kit_over()
    location = kits.home(kit)
    if export:
        tariff = fk.Tariff.flat(0.1, currency="GBP", timezone="Europe/London")
        kit.flatpeak.create_tariff(location, tariff.to_flatpeak(location, direction="EXPORT"))
    return kit, location


@pytest.mark.parametrize(
    ("start", "end"),
    [
        ("2025-06", None),
        ("2025-06", "2025-06"),
        ("2025-06-01", "2025-06-30"),
        (date(2025, 6, 1), date(2025, 6, 30)),
    ],
)
def test_the_last_day_of_june_is_included(kit, start, end):
    found = columns(fk.site_energy(kit, start, end))
    assert set(Counter(found["site_id"]).values()) == {1440}
    uk = found["site_id"] == "uk-01"
    assert found["start_utc"][uk][0] == np.datetime64("2025-05-31T23:00:00")
    assert found["end_utc"][uk][-1] == np.datetime64("2025-06-30T23:00:00")


def test_consumption_and_generation_are_sums_of_the_directions():
    kit, location = site_kit()
    outbound = {"energy_flow_direction": "OUTBOUND"}
    submission = kit.flatpeak.submit_interval(
        [
            record(location, 10, 1.0),
            record(location, 10, 2.0, tariff_direction="LOCAL"),
            record(location, 10, 4.0, **outbound),
            record(location, 11, 8.0),
        ]
    )
    assert len(submission.failed) == 0
    frame = fk.site_energy(kit, "2025-06-01", site_id="home")
    found = columns(frame)
    assert found["consumption_kwh"].tolist() == [3.0, 8.0]
    assert found["generation_kwh"].tolist() == [6.0, 0.0]
    assert facts(frame)["query"] == {
        "report": "site energy",
        "start": "2025-06-01",
        "end": None,
        "site_id": "home",
    }


def test_a_location_without_an_import_price_is_refused():
    kit = kits.kit_over()
    kit.flatpeak.create_location("bare", city="London", country_code="GB")
    with pytest.raises(PriceUnavailable, match="create_tariff"):
        fk.site_energy(kit, "2025-06", site_id="bare")


def test_without_an_export_price_the_service_reports_no_exported_energy():
    kit, location = site_kit(export=False)
    records = [
        record(location, 10, 1.0),
        record(location, 10, 2.0, tariff_direction="LOCAL"),
        record(location, 10, 4.0, energy_flow_direction="OUTBOUND"),
    ]
    assert len(kit.flatpeak.submit_interval(records).failed) == 0
    found = columns(fk.site_energy(kit, "2025-06-01"))
    assert found["consumption_kwh"].tolist() == [3.0]
    assert found["generation_kwh"].tolist() == [2.0]


def test_an_unknown_site_is_named(kit):
    with pytest.raises(InputError, match="reference_id no-such-site, nor-this"):
        fk.site_energy(kit, "2025-06", site_id=["uk-01", "no-such-site", "nor-this"])


@pytest.mark.parametrize("change", [{"end_utc": "T10:30"}, {"start_utc": "T10:30"}])
def test_one_record_with_another_interval_is_refused(change):
    kit, location = site_kit()
    other_time = {name: f"2025-06-01{time}:00Z" for name, time in change.items()}
    records = [
        record(location, 9, 1.0),
        record(location, 9, 1.0, tariff_direction="LOCAL"),
        record(location, 10, 1.0),
        record(location, 10, 1.0, tariff_direction="LOCAL") | other_time,
    ]
    assert len(kit.flatpeak.submit_interval(records).failed) == 0
    with pytest.raises(InputError, match="site home: its records do not share the same intervals"):
        fk.site_energy(kit, "2025-06-01")


@pytest.mark.parametrize("imported", [[], [10], [10, 12]])
def test_generation_without_a_record_of_imports_is_refused(imported):
    """Before, between and after the imports; and where there are none at all."""
    for hour in (9, 11, 13):
        kit, location = site_kit()
        records = [record(location, each, 1.0) for each in imported]
        records.append(record(location, hour, 2.0, tariff_direction="LOCAL"))
        assert len(kit.flatpeak.submit_interval(records).failed) == 0
        with pytest.raises(InputError, match="site home: its records do not share the same"):
            fk.site_energy(kit, "2025-06-01")


@pytest.mark.parametrize(
    ("start", "end", "error"),
    [
        ("2025-06", "2025-05", InputError),
        ("2025-06-31", None, InputError),
        ("2025-06-01T00:00:00", None, NaiveTimestampError),
    ],
)
def test_an_invalid_window_is_refused(kit, start, end, error):
    with pytest.raises(error):
        fk.site_energy(kit, start, end)


def test_local_dates_need_the_time_zone_of_the_location():
    location = {"id": "loc_1", "live_mode": False, "time_created": "2025-01-01T00:00:00Z"}
    location |= {"reference_id": "home", "timezone": None}
    kit = kits.scripted(lambda request: {"has_more": False, "data": [location]})
    with pytest.raises(InputError, match="site home has no time zone"):
        fk.site_energy(kit, "2025-06")


def test_no_locations_are_an_empty_frame():
    assert len(fk.site_energy(kits.kit_over(), "2025-06")) == 0


def test_each_row_has_the_time_zone_and_currency_of_its_site(kit):
    frame = fk.site_energy(kit, "2025-06-01", site_id=["uk-01", "be-01", "ca-01"])
    found = take(frame, texts=["site_id", "timezone", "currency"])
    assert set(zip(*found.values(), strict=True)) == {
        ("uk-01", "Europe/London", "GBP"),
        ("be-01", "Europe/Brussels", "EUR"),
        ("ca-01", "America/Los_Angeles", "USD"),
    }
    tariff = fk.Tariff.flat(0.3, currency="GBP", timezone="Europe/London")
    for rated in (lambda: fk.bill(frame, tariff), lambda: fk.bill_matrix(frame, [tariff])):
        with pytest.raises(InputError, match=r"site be-01: currency is 'EUR'.* is 'GBP'"):
            rated()


def test_the_energy_of_the_sample_fleet_raises_no_alarm(kit):
    frame = fk.site_energy(kit, "2025-06")
    result = fk.simulate(frame, [fk.Scenario("today")], prices=kit)
    findings = [text for text in take(result.summary(), texts=["finding"])["finding"] if text]
    assert not [text for text in findings if "energy." in text or "price.unit" in text]
