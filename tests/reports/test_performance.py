"""The performance report against the fleet's own files, and with every kind of bad data."""

import json
from datetime import date
from decimal import Decimal

import numpy as np
import pytest
from support import hand
from support.kits import scripted_flip

from flipkit.errors import InputError
from flipkit.frames import PERFORMANCE_REPORT, facts, library_of, take
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


def test_every_fault_of_the_sample_fleet_is_found(year):
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
        evaluated = [
            r for (_, m), r in rows(year).items() if m == month and not np.isnan(r["lost_kwh"])
        ]
        by_rank = sorted(evaluated, key=lambda r: r["rank"])
        assert [r["rank"] for r in by_rank] == list(range(1, len(evaluated) + 1))
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
def test_an_invalid_window_is_refused(kit, start, end):
    with pytest.raises(InputError):
        performance_report(kit, start, end)


@pytest.mark.parametrize(
    ("start", "end", "months"),
    [
        ("2025-06", None, 1),
        ("2025", None, 12),
        (date(2025, 6, 1), None, 1),
        (date(2025, 6, 15), date(2025, 7, 1), 2),
        ("2025-06-30", "2025-07-01", 2),
    ],
)
def test_the_report_has_each_month_that_the_window_touches(kit, year, start, end, months):
    found = rows(performance_report(kit, start, end))
    assert len(found) == 24 * months
    whole_year = rows(year)
    for key, row in found.items():
        assert row["lost_kwh"] == pytest.approx(whole_year[key]["lost_kwh"], nan_ok=True)


def test_a_date_that_does_not_exist_says_what_to_write(kit):
    with pytest.raises(InputError, match=r"'2025-06-31' is not a valid date.*write '2025'"):
        performance_report(kit, "2025-06-31")


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
    found = rows(performance_report(FakeKit(scripted_flip(["a"], report)), "2025-01", "2025-01"))
    assert found["a", "2025-01"]["finding"].startswith("performance.no_row")
    assert found["b", "2025-01"]["finding"] == "performance.low: 50% below the expected value"
    assert found["b", "2025-01"]["lost_kwh"] == 50.0
    assert found["b", "2025-01"]["rank"] == 1


def test_an_empty_fleet_is_an_empty_report(frames_library):
    frame = performance_report(FakeKit(scripted_flip([], {})), "2025-01", "2025-01")
    assert list(frame.columns) == list(PERFORMANCE_REPORT.names)
    assert len(frame) == 0


def report_of(actual, expected, size=5.0):
    report = {
        "site_id": ["a"],
        "month": ["2025-01"],
        "actual_production_kwh": [actual],
        "expected_production_kwh": [expected],
        "system_size_kw": [size],
    }
    flip = scripted_flip(["a"], report)
    return rows(performance_report(FakeKit(flip), "2025-01"))["a", "2025-01"]


NULL = float("nan")


@pytest.mark.parametrize(
    ("actual", "expected", "size", "code"),
    [
        (NULL, 100.0, 5.0, "performance.no_data"),
        (50.0, NULL, 5.0, "performance.no_expected_value"),
        (50.0, 0.0, 5.0, "performance.expected_zero"),
        (NULL, NULL, NULL, "performance.not_monitored"),
        (0.0, 100.0, 5.0, "performance.zero_production"),
        (89.0, 100.0, 5.0, "performance.low"),
        (131.0, 100.0, 5.0, "performance.implausible"),
    ],
)
def test_each_finding_has_its_case(actual, expected, size, code):
    finding = report_of(actual, expected, size)["finding"]
    assert [text.split(":")[0] for text in finding.split("; performance")] == [code]


@pytest.mark.parametrize("actual", [90.0, 100.0, 130.0])
def test_an_index_between_the_limits_has_no_finding(actual):
    assert report_of(actual, 100.0)["finding"] is None
