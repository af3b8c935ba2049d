"""One site whose energy cannot be evaluated: it stays, with nulls and a finding; others go on."""

from datetime import UTC, datetime, timedelta

import pandas as pd
import polars as pl
import pytest

import flipkit as fk
from flipkit.errors import InputError
from flipkit.frames import records_of
from flipkit.reports import site_energy

GBP = {"currency": "GBP", "timezone": "Europe/London"}
FLAT = fk.Tariff.flat(0.25, name="Flat", **GBP)
NIGHT = fk.Tariff.time_of_use({"00:00-07:00": 0.09, "07:00-24:00": 0.29}, name="Night", **GBP)
BATTERY = fk.Battery(5, 2.5)
SCENARIOS = [
    fk.Scenario("now", FLAT),
    fk.Scenario("battery", NIGHT, battery=BATTERY, capex=900, lifetime_years=9, battery_fade=0.1),
]
START = datetime(2025, 6, 1, tzinfo=UTC)
MAKE = {"pandas": pd.DataFrame, "polars": pl.DataFrame}
SITES = [f"s{number}" for number in range(10)]


def site(site_id, minutes, count, start=START):
    """Rows of one site, one every so many minutes."""
    return [
        {
            "site_id": site_id,
            "start_utc": start + timedelta(minutes=minutes * number),
            "consumption_kwh": 0.1 + 0.001 * (number * 7 % 31),
            "generation_kwh": 0.05 * (number % 3),
        }
        for number in range(count)
    ]


def frame_of(rows, library="pandas"):
    return MAKE[library]({name: [row[name] for row in rows] for name in rows[0]})


def fleet(bad):
    rows = [row for site_id in SITES if site_id != "s4" for row in site(site_id, 30, 96)]
    return [*rows, *bad]


DAY = timedelta(days=1)
HOLE = site("s4", 30, 96)
HOLE.pop(5)
TWICE = site("s4", 30, 96)
TWICE.insert(5, TWICE[5])
NEGATIVE = site("s4", 30, 96)
NEGATIVE[3] = NEGATIVE[3] | {"consumption_kwh": -1.0}
FINER = [*site("s4", 30, 48), *site("s4", 15, 96, START + DAY)]
COARSER = [*site("s4", 15, 96), *site("s4", 30, 48, START + DAY)]
THERE_AND_BACK = [*FINER, *site("s4", 30, 48, START + 2 * DAY)]
AT_THE_END = [*site("s4", 30, 48), *site("s4", 15, 2, START + DAY)]
HOLES = [row for number, row in enumerate(site("s4", 30, 96)) if number not in (20, 21, 23, 60)]
BAD = {
    "a missing half-hour": (HOLE, "energy.gap: 2025-06-01T02:30:00Z: no interval"),
    "holes side by side": (HOLES, "energy.gap: 2025-06-01T10:00:00Z: no interval"),
    "30 to 15 minutes": (
        FINER,
        "energy.step: 2025-06-02T00:00:00Z: the length of intervals changes from 30 to 15 minutes",
    ),
    "15 to 30 minutes": (
        COARSER,
        "energy.step: 2025-06-02T00:00:00Z: the length of intervals changes from 15 to 30 minutes",
    ),
    "30 to 15 minutes and back": (
        THERE_AND_BACK,
        "changes from 30 to 15 minutes (and 1 more such times)",
    ),
    "30 to 15 minutes at the end": (AT_THE_END, "changes from 30 to 15 minutes"),
    "a time twice": (TWICE, "energy.repeated: 2025-06-01T02:30:00Z: the time occurs twice"),
    "a negative reading": (NEGATIVE, "energy.invalid: 2025-06-01T01:30:00Z: consumption_kwh is"),
    "a single interval": (site("s4", 30, 1), "energy.single: a single interval"),
}
HOLE_FINDING = BAD["a missing half-hour"][1]


def of_site(frame, site_id="s4"):
    return [row for row in records_of(frame) if row["site_id"] == site_id]


def without_site(frame):
    return [row for row in records_of(frame) if row["site_id"] != "s4"]


def is_null(row, *names):
    return all(row[name] is None for name in names)


@pytest.fixture(scope="module")
def simulations():
    """The fleet with a hole in one site, and the fleet without that site, by library."""
    return {
        library: (
            fk.simulate(frame_of(fleet(HOLE), library), SCENARIOS),
            fk.simulate(frame_of(fleet([]), library), SCENARIOS),
        )
        for library in MAKE
    }


@pytest.mark.parametrize("why", BAD)
def test_the_finding_says_what_is_wrong(why):
    rows, words = BAD[why]
    [row] = of_site(fk.bill(frame_of(fleet(rows)), FLAT))
    assert words in row["finding"]
    with pytest.raises(InputError) as caught:
        fk.bill(frame_of(fleet(rows)), FLAT, strict=True)
    assert str(caught.value).startswith("energy, site s4")
    assert words.partition(": ")[2] in str(caught.value)


def test_a_bill_has_one_row_of_nulls_under_each_tariff(frames_library):
    found = fk.bill(frame_of(fleet(HOLE), frames_library), [FLAT, NIGHT])
    rows = of_site(found)
    assert [(row["tariff"], row["currency"]) for row in rows] == [("Flat", "GBP"), ("Night", "GBP")]
    for row in rows:
        assert is_null(row, "month", "component", "quantity", "unit", "cost")
        assert row["finding"].startswith(HOLE_FINDING)
    alone = fk.bill(frame_of(fleet([]), frames_library), [FLAT, NIGHT])
    assert without_site(found) == records_of(alone)
    assert list(found.columns) == list(alone.columns)
    assert list(found.dtypes) == list(alone.dtypes)


def test_a_bill_by_site_needs_the_tariff_of_every_site():
    energy = frame_of(fleet(HOLE))
    by_site = dict.fromkeys(SITES, FLAT) | {"s4": NIGHT}
    [row] = of_site(fk.bill(energy, by_site))
    assert row["tariff"] == "Night"
    del by_site["s4"]
    with pytest.raises(InputError, match="site s4: no tariff"):
        fk.bill(energy, by_site)


def test_a_matrix_ranks_the_others(frames_library):
    tariffs = [FLAT, NIGHT]
    found = fk.bill_matrix(frame_of(fleet(HOLE), frames_library), tariffs)
    for row in of_site(found):
        assert is_null(row, "cost", "rank", "regret", "rule_spread")
        assert row["best"] is False
        assert row["finding"].startswith(HOLE_FINDING)
    assert len(of_site(found)) == 2
    alone = fk.bill_matrix(frame_of(fleet([]), frames_library), tariffs)
    assert without_site(found) == records_of(alone)
    with pytest.raises(InputError, match="site s4, 2025-06-01T02:30:00Z: no interval"):
        fk.bill_matrix(frame_of(fleet(HOLE), frames_library), tariffs, strict=True)


@pytest.mark.parametrize(
    ("name", "rows_of_site"),
    [("summary", 2), ("bills", 2), ("intervals", 2), ("waterfall", 1), ("regret", 2)],
)
def test_every_frame_of_a_simulation_keeps_the_site(
    simulations, frames_library, name, rows_of_site
):
    whole, alone = simulations[frames_library]
    found = getattr(whole, name)()
    rows = of_site(found)
    assert len(rows) == rows_of_site
    assert [row["scenario"] for row in rows] == ["now", "battery"][-rows_of_site:]
    for row in rows:
        filled = {column for column, value in row.items() if value is not None}
        assert filled - {"best", "own"} == {"site_id", "scenario", "finding"}
        assert row["finding"].startswith(HOLE_FINDING)
    # The other sites have the same bits, in the same order.
    assert without_site(found) == records_of(getattr(alone, name)())
    site_ids = [row["site_id"] for row in records_of(found)]
    assert site_ids == sorted(site_ids)


def test_intervals_of_the_site_can_be_asked_for(simulations, frames_library):
    whole, _ = simulations[frames_library]
    [row] = records_of(whole.intervals(site_id="s4", scenario="battery"))
    assert row["scenario"] == "battery"
    assert row["finding"].startswith(HOLE_FINDING)
    assert of_site(whole.intervals(site_id=["s1", "s2"])) == []
    assert list(whole.intervals(site_id="s4").dtypes) == list(whole.intervals(site_id="s1").dtypes)


def test_a_simulation_says_how_many_sites_are_not_evaluated(simulations):
    whole, alone = simulations["pandas"]
    assert "9 sites and 1 not evaluated" in repr(whole)
    assert "9 sites and 1 not evaluated" in whole._repr_html_()
    assert "not evaluated" not in repr(alone)


def test_pictures_leave_the_site_out_or_say_why(simulations):
    whole, _ = simulations["pandas"]
    assert whole.plot("savings") is not None
    with pytest.raises(InputError, match=r"site s4 is not evaluated: energy\.gap"):
        whole.plot("week", site_id="s4")


def test_files_have_the_site(simulations, tmp_path):
    whole, _ = simulations["polars"]
    whole.to_csv(tmp_path, band=False)
    for name in ("summary", "bills", "waterfall"):
        assert "s4,battery" in (tmp_path / f"{name}.csv").read_text(encoding="utf-8")


def test_strict_refuses_the_fleet():
    with pytest.raises(InputError, match="energy, site s4, 2025-06-01T02:30:00Z: no interval"):
        fk.simulate(frame_of(fleet(HOLE)), SCENARIOS, strict=True)
    with pytest.raises(InputError, match="strict: expected a bool, got str"):
        fk.simulate(frame_of(fleet(HOLE)), SCENARIOS, strict="yes")


def test_without_any_site_there_is_no_result():
    """All that is left would be nulls: the first site says what is wrong."""
    for rows in (HOLE, [*HOLE, *site("s0", 30, 1)]):
        with pytest.raises(InputError, match="energy, site s"):
            fk.simulate(frame_of(rows), SCENARIOS)


def test_a_change_for_the_site_is_not_taken_for_a_misspelt_one():
    scenarios = [fk.Scenario("now", FLAT), fk.Scenario("x", FLAT, battery={"s4": BATTERY})]
    summary = fk.simulate(frame_of(fleet(HOLE)), scenarios).summary(band=False)
    assert not any("no_such_site" in (row["finding"] or "") for row in records_of(summary))


def test_the_certificate_names_the_site(kit):
    energy = site_energy(kit, "2025-06-01", "2025-06-02", site_id="uk-01")
    rows = records_of(energy)
    hole = [row | {"site_id": "uk-02"} for number, row in enumerate(rows) if number != 7]
    library = "pandas" if isinstance(energy, pd.DataFrame) else "polars"
    result = fk.simulate(
        frame_of([*rows, *hole], library), [fk.Scenario("today")], prices=kit, verify=3
    )
    found = records_of(result.certificate())
    assert [row["site_id"] for row in found] == ["uk-01"] * 3 + ["uk-02"]
    assert found[-1]["finding"].startswith("energy.gap: ")
    assert is_null(found[-1], "start_utc", "local_cost", "server_cost", "verdict")
    assert result.proof.agrees


@pytest.mark.parametrize("frame", ["waterfall", "regret", "intervals", "bill"])
def test_a_picture_of_a_frame_with_the_site_is_that_of_the_others(simulations, frame):
    whole, alone = simulations["pandas"]
    drawn = []
    for simulation, rows in ((whole, HOLE), (alone, [])):
        if frame == "bill":
            ax = fk.plots.bill_bars(fk.bill(frame_of(fleet(rows)), FLAT))
        else:
            draw = {
                "waterfall": fk.plots.savings_waterfall,
                "regret": fk.plots.plan_regret_heatmap,
                "intervals": fk.plots.dispatch_week,
            }[frame]
            options = {} if frame == "waterfall" else {"scenario": "battery"}
            ax = draw(getattr(simulation, frame)(), site_id="s1", **options)
        drawn.append([text.get_text() for text in ax.texts] + [str(patch) for patch in ax.patches])
    assert drawn[0] == drawn[1]
    assert drawn[0] or frame == "intervals"
