"""The performance report against the metered energy, and the faults that it must show."""

from collections import defaultdict

import pytest

MONTHS = [f"2025-{month:02d}" for month in range(1, 13)] + ["2026-01"]


@pytest.fixture(scope="module")
def metered(energy):
    """(site, month) -> kWh, by the local calendar, summed here."""
    found = defaultdict(int)
    for site_id, e in energy.items():
        for moment, wh in zip(e.local, e.generation.tolist(), strict=True):
            found[site_id, moment.strftime("%Y-%m")] += wh
    return {key: wh / 1000 for key, wh in found.items()}


def kinds(troubles, site_id, month):
    return {t["kind"] for t in troubles if t["site_id"] == site_id and month in t["months"]}


def index(performance, site_id, month):
    actual, expected = performance[site_id, month]
    return actual / expected


def test_there_is_one_row_per_month_and_site_with_panels(performance, sites):
    solar = [site["site_id"] for site in sites if site["system_size_kw"]]
    assert sorted(performance) == sorted((site_id, month) for site_id in solar for month in MONTHS)


def test_actual_production_is_the_metered_energy(performance, metered, troubles):
    unmetered = 0
    for (site_id, month), (actual, _) in performance.items():
        if month == "2026-01":
            assert actual > 0  # after the end of the energy files
        elif "no_report_data" in kinds(troubles, site_id, month):
            assert actual is None
            assert metered[site_id, month] > 100  # the meter has it
            unmetered += 1
        else:
            assert actual == pytest.approx(metered[site_id, month], abs=5e-4)
    assert unmetered == 1


def test_healthy_months_are_near_expectation(performance, troubles):
    healthy = [
        index(performance, site_id, month)
        for site_id, month in performance
        if not kinds(troubles, site_id, month) and performance[site_id, month][1]
    ]
    assert len(healthy) > 180
    assert min(healthy) >= 0.93
    assert max(healthy) <= 1.06
    assert 0.97 < sum(healthy) / len(healthy) < 1.0


def test_expected_production_follows_the_sun(performance):
    for site_id in {key[0] for key in performance} - {"be-04", "be-05", "uk-07"}:
        december, june = performance[site_id, "2025-12"][1], performance[site_id, "2025-06"][1]
        assert december < 0.8 * june


def test_the_running_month_is_to_date(performance):
    for site_id in ("ca-01", "uk-01", "be-01"):
        begun, whole = performance[site_id, "2026-01"][1], performance[site_id, "2025-01"][1]
        assert 0.15 * whole < begun < 0.5 * whole  # nine and a half of thirty-one days


def test_dead_string(performance):
    before = [index(performance, "ca-03", f"2025-{m:02d}") for m in range(1, 6)]
    after = [index(performance, "ca-03", month) for month in MONTHS[6:]]
    assert min(before) > 0.95
    assert all(0.62 < value < 0.70 for value in after)  # two of three strings
    assert 0.70 < index(performance, "ca-03", "2025-06") < 0.85  # dead from the 11th


def test_soiling_grows_until_the_rain(performance):
    dirty = [index(performance, "ca-05", f"2025-{m:02d}") for m in range(4, 10)]
    assert dirty == sorted(dirty, reverse=True)
    assert dirty[-1] < 0.82
    assert index(performance, "ca-05", "2025-11") > 0.94


def test_zero_production(performance, energy):
    assert performance["ca-08", "2025-11"][0] == 0
    assert performance["ca-08", "2025-11"][1] > 500
    assert index(performance, "ca-08", "2025-09") > 0.95
    assert index(performance, "ca-08", "2026-01") > 0.95
    e = energy["ca-08"]
    silent = [
        str(m.date())
        for m, wh in zip(e.local, e.generation, strict=True)
        if m.hour == 12 and not wh
    ]
    assert (min(silent), max(silent), len(silent)) == ("2025-10-29", "2025-12-02", 70)


def test_missing_zero_and_tiny_values(performance, metered):
    assert all(performance["be-04", month][1] is None for month in MONTHS)
    assert all(performance["be-04", month][0] for month in MONTHS)
    assert performance["uk-04", "2025-08"][0] is None
    assert performance["uk-04", "2025-08"][1] > 200
    assert performance["uk-07", "2025-12"][1] == 0
    assert 900 < index(performance, "be-05", "2025-07") < 1100


def test_nulls_and_zeros_are_nowhere_else(performance, troubles):
    for (site_id, month), (actual, expected) in performance.items():
        found = kinds(troubles, site_id, month)
        assert (actual is None) == ("no_report_data" in found)
        assert (expected is None) == ("no_expected" in found)
        assert (expected == 0) == ("zero_expected" in found)


def test_each_fault_is_described_once(troubles, data_folder):
    described = {
        "dead_string",
        "soiling",
        "zero_production",
        "no_report_data",
        "no_expected",
        "zero_expected",
        "tiny_expected",
    }
    assert {t["kind"] for t in troubles} == described
    readme = (data_folder / "README.md").read_text(encoding="utf-8")
    for trouble in troubles:
        assert trouble["first_day"] <= trouble["last_day"]
        assert trouble["site_id"] in readme
        assert f"`{trouble['kind']}`" in readme
        assert len(trouble["words"]) > 30
