"""The performance report against the fleet's own files, and on every kind of trouble."""

import json
from decimal import Decimal

import numpy as np
import pytest
from support import hand

from flipkit.errors import InputError
from flipkit.frames import EQUIPMENT_PERFORMANCE, PERFORMANCE_REPORT, SITES, facts, library_of, take
from flipkit.reports import performance_report

NUMBERS = [
    "actual_production_kwh",
    "expected_production_kwh",
    "performance_index",
    "lost_kwh",
    "rank",
]


def rows(frame):
    columns = take(frame, numbers=NUMBERS, texts=["site_id", "month", "finding"])
    records = [
        dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)
    ]
    return {(record["site_id"], record["month"]): record for record in records}


@pytest.fixture(scope="module")
def year(kit):
    return performance_report(kit, "2025-01", "2025-12")


def test_every_figure_is_the_one_of_the_files(year):
    found = rows(year)
    for (site, month), (actual, expected) in hand.performance().items():
        if month > "2025-12":
            continue
        row = found[site, month]
        for value, name in (
            (actual, "actual_production_kwh"),
            (expected, "expected_production_kwh"),
        ):
            assert (
                row[name] == pytest.approx(float(value), abs=1e-9)
                if value is not None
                else np.isnan(row[name])
            )
        if actual is not None and expected:
            assert row["performance_index"] == pytest.approx(float(actual / expected), abs=1e-9)
            assert row["lost_kwh"] == pytest.approx(
                float(max(expected - actual, Decimal(0))), abs=1e-6
            )
        else:
            assert np.isnan([row["performance_index"], row["lost_kwh"], row["rank"]]).all()
            assert row["finding"]


def test_no_site_and_no_month_is_missing(year):
    found = rows(year)
    assert {site for site, _ in found} == set(hand.sites())
    assert len(found) == 24 * 12
    assert list(found) == sorted(found)


EXPECTED_FINDINGS = {
    "dead_string": "performance.low",
    "zero_production": "performance.zero_production",
    "no_report_data": "performance.no_data",
    "no_expected": "performance.no_expected_value",
    "zero_expected": "performance.expected_zero",
    "tiny_expected": "performance.implausible",
}


def test_the_trouble_in_the_fleet_is_found(year):
    found = rows(year)
    troubles = json.loads((hand.SAMPLE / "troubles.json").read_text(encoding="utf-8"))
    assert set(EXPECTED_FINDINGS) <= {trouble["kind"] for trouble in troubles}
    for trouble in troubles:
        findings = [
            found[trouble["site_id"], month]["finding"] or ""
            for month in trouble["months"]
            if month < "2026"
        ]
        assert any(
            EXPECTED_FINDINGS.get(trouble["kind"], "performance.low") in text for text in findings
        ), trouble


def test_a_healthy_month_has_no_finding(year):
    troubled = {
        t["site_id"]
        for t in json.loads((hand.SAMPLE / "troubles.json").read_text(encoding="utf-8"))
    }
    for (site, _), row in rows(year).items():
        if site not in troubled and hand.sites()[site]["system_size_kw"]:
            assert row["finding"] is None, row


def test_the_ranks_of_a_month_order_what_was_lost(year):
    for month in ("2025-01", "2025-08", "2025-11"):
        judged = [
            r for (_, m), r in rows(year).items() if m == month and not np.isnan(r["lost_kwh"])
        ]
        by_rank = sorted(judged, key=lambda r: r["rank"])
        assert [r["rank"] for r in by_rank] == list(range(1, len(judged) + 1))
        lost = [r["lost_kwh"] for r in by_rank]
        assert lost == sorted(lost, reverse=True)


def test_the_running_month_says_so(kit):
    found = rows(performance_report(kit, "2026-01", "2026-01"))
    assert "performance.month_to_date" in found["ca-01", "2026-01"]["finding"]


def test_a_month_that_the_service_does_not_know_stays(kit):
    found = rows(performance_report(kit, "2019-06", "2019-06"))
    assert len(found) == 24
    assert all(row["finding"] for row in found.values())


def test_it_knows_where_it_comes_from(year, kit):
    about = facts(year)
    assert about["query"] == {"report": "performance", "start": "2025-01", "end": "2025-12"}
    assert about["data_time_utc"] == "2026-01-10T12:00:00Z"
    assert library_of(year) == kit.frames


@pytest.mark.parametrize(
    ("start", "end"),
    [("2025-13", "2025-12"), ("2025-02", "2025-01"), ("June", "July"), (None, None)],
)
def test_a_window_that_is_none_is_refused(kit, start, end):
    with pytest.raises(InputError):
        performance_report(kit, start, end)


class FakeFlip:
    """Answers what the test says."""

    def __init__(self, sites, report):
        self._sites, self._report = sites, report

    def sites(self):
        return SITES.build(self._sites, "pandas")

    def equipment_performance(self, *, start, end):
        return EQUIPMENT_PERFORMANCE.build(self._report, "pandas")


class FakeKit:
    frames, environment = "pandas", "test"

    def __init__(self, flip):
        self.flip = flip


def test_a_site_of_the_report_that_the_list_lacks_and_the_other_way_round():
    report = {
        "site_id": ["b"],
        "month": ["2025-01"],
        "actual_production_kwh": [50.0],
        "expected_production_kwh": [100.0],
        "system_size_kw": [5.0],
    }
    found = rows(
        performance_report(FakeKit(FakeFlip({"site_id": ["a"]}, report)), "2025-01", "2025-01")
    )
    assert found["a", "2025-01"]["finding"].startswith("performance.no_row")
    assert found["b", "2025-01"]["finding"] == "performance.low: 50% below the expectation"
    assert found["b", "2025-01"]["lost_kwh"] == 50.0
    assert found["b", "2025-01"]["rank"] == 1


def test_an_empty_fleet_is_an_empty_report(frames_library):
    frame = performance_report(FakeKit(FakeFlip({}, {})), "2025-01", "2025-01")
    assert list(frame.columns) == list(PERFORMANCE_REPORT.names)
    assert len(frame) == 0
