"""The lost value report by hand: each finding, and both bounds of the value."""

from datetime import date

import numpy as np
import pytest
from support import kits
from support.kits import scripted_flip

import flipkit as fk
from flipkit.errors import InputError
from flipkit.frames import facts, take

ZONE = "Europe/London"
LOST = {"2025-05": 100.0}


def lost_value(kit, start="2025-05", end=None):
    frame = fk.lost_value_report(kit, start, end)
    found = take(
        frame,
        numbers=["lost_kwh", "lost_value", "lost_value_low", "lost_value_high"],
        texts=["month", "currency", "finding"],
    )
    rows = [dict(zip(found, values, strict=True)) for values in zip(*found.values(), strict=True)]
    return {row["month"]: row for row in rows}


def site_kit(*, lost=LOST, location=True, import_price=None, export_price=None, records=()):
    """A kit over the site "home", which lost some kWh of 1,000 expected in each month."""
    kit = kits.kit_over()
    report = {
        "site_id": ["home"] * len(lost),
        "month": list(lost),
        "actual_production_kwh": [1000.0 - kwh for kwh in lost.values()],
        "expected_production_kwh": [1000.0] * len(lost),
        "system_size_kw": [5.0] * len(lost),
    }
    kit = kit._replace(flip=scripted_flip(["home"], report))
    if location:
        home = kit.flatpeak.create_location("home", city="London", country_code="GB")
        for direction, price in (("IMPORT", import_price), ("EXPORT", export_price)):
            if price is not None:
                tariff = fk.Tariff.flat(price, currency="GBP", timezone=ZONE)
                body = tariff.to_flatpeak(home, direction=direction)
                kit.flatpeak.create_tariff(home, body)
        rows = [{"location_id": home, **record} for record in records]
        assert len(kit.flatpeak.submit_interval(rows).failed) == 0
    return kit


def production(kwh, *, exported=False, day="2025-05-10"):
    record = {"units": "KWH", "value": kwh}
    record |= {"start_utc": f"{day}T10:00:00Z", "end_utc": f"{day}T11:00:00Z"}
    if exported:
        return record | {"energy_flow_direction": "OUTBOUND", "tariff_direction": "EXPORT"}
    return record | {"tariff_direction": "LOCAL"}


def test_lost_kwh_are_worth_what_the_own_production_was():
    kit = site_kit(
        import_price=0.3,
        export_price=0.1,
        records=[production(6.0), production(4.0, exported=True)],
    )
    row = lost_value(kit)["2025-05"]
    assert row["lost_kwh"] == 100.0
    assert row["lost_value"] == 22.0  # 0.6 x 0.30 + 0.4 x 0.10 per kWh
    assert (row["lost_value_low"], row["lost_value_high"]) == (10.0, 30.0)
    assert (row["currency"], row["finding"]) == ("GBP", None)


def test_without_a_location_there_is_no_value():
    row = lost_value(site_kit(location=False))["2025-05"]
    assert np.isnan(row["lost_value"])
    assert row["currency"] is None
    assert row["finding"].startswith("lost_value.no_location")


def test_without_an_import_price_there_is_no_value():
    row = lost_value(site_kit(export_price=0.1))["2025-05"]
    assert np.isnan([row["lost_value"], row["lost_value_low"], row["lost_value_high"]]).all()
    assert row["finding"].startswith("lost_value.no_price: 422")


def test_an_empty_price_list_is_no_price(monkeypatch):
    monkeypatch.setattr("flipkit.reports.lost_value.price_series", lambda *given, **named: None)
    row = lost_value(site_kit(import_price=0.3))["2025-05"]
    assert row["finding"] == "lost_value.no_price: the price list is empty"


def test_without_an_export_price_exported_energy_is_valued_at_zero():
    row = lost_value(site_kit(import_price=0.3, records=[production(6.0)]))["2025-05"]
    assert (row["lost_value"], row["lost_value_low"], row["lost_value_high"]) == (30.0, 0.0, 30.0)
    assert row["finding"] == "lost_value.no_export_price: exported energy is valued at zero"


def test_without_production_records_there_is_no_profile():
    row = lost_value(site_kit(import_price=0.3, export_price=0.1))["2025-05"]
    assert np.isnan(row["lost_value"])
    assert row["finding"].startswith("lost_value.no_profile")


def test_a_month_without_production_records_uses_those_of_the_window():
    kit = site_kit(
        lost={"2025-05": 100.0, "2025-06": 50.0},
        import_price=0.3,
        export_price=0.1,
        records=[production(5.0)],
    )
    rows = lost_value(kit, "2025-05", "2025-06")
    assert rows["2025-05"]["finding"] is None
    assert rows["2025-06"]["finding"].startswith("lost_value.profile_of_window")
    assert rows["2025-06"]["lost_value"] == 15.0


def test_nothing_lost_is_worth_nothing_and_needs_no_location():
    kit = site_kit(lost={"2025-05": 0.0}, location=False)
    row = lost_value(kit)["2025-05"]
    assert (row["lost_value"], row["lost_value_low"], row["lost_value_high"]) == (0.0, 0.0, 0.0)
    assert row["finding"] is None


def test_a_month_that_cannot_be_evaluated_keeps_its_finding():
    row = lost_value(site_kit(lost={"2025-05": float("nan")}, import_price=0.3))["2025-05"]
    assert np.isnan(row["lost_value"])
    assert row["finding"].startswith("performance.no_data")


def test_the_findings_of_both_reports_stand_together():
    row = lost_value(site_kit(lost={"2025-05": 200.0}, location=False))["2025-05"]
    assert row["finding"].startswith("performance.low: ")
    assert "; lost_value.no_location: " in row["finding"]


@pytest.mark.parametrize(("start", "end"), [(date(2025, 5, 15), None), ("2025-05-02", "2025-05")])
def test_a_window_within_a_month_is_the_whole_month(start, end):
    kit = site_kit(import_price=0.3, export_price=0.1, records=[production(5.0, day="2025-05-01")])
    assert lost_value(kit, start, end)["2025-05"]["lost_value"] == 30.0


def test_an_invalid_window_is_refused():
    with pytest.raises(InputError, match="2025-13"):
        fk.lost_value_report(site_kit(), "2025-13")


def test_it_knows_where_it_comes_from():
    frame = fk.lost_value_report(site_kit(), "2025-05")
    query = {"report": "lost value", "start": "2025-05", "end": None}
    assert facts(frame)["query"] == query
