"""The picture of a few days shows the energy of the intervals, as power, in local time."""

from datetime import UTC, date, datetime

import matplotlib.dates as mdates
import numpy as np
import pytest

from flipkit.errors import InputError
from flipkit.frames import SIMULATION_INTERVALS
from flipkit.plots import dispatch_week

HALF_HOUR = 1_800_000_000
START = (
    int(datetime(2025, 3, 28, 23, tzinfo=UTC).timestamp()) * 1_000_000
)  # the 29th in Brussels; clocks change on the 30th
COUNT = 4 * 48


def energy():
    """Every column different, and in balance."""
    rng = np.random.default_rng(3)
    home, car, charge, made = (rng.integers(0, 900, COUNT) / 1000 for _ in range(4))
    discharge = np.where(charge > 0.4, 0.0, 0.25)
    charge = np.where(charge > 0.4, charge, 0.0)
    net = home + car + charge - made - discharge
    bought = np.maximum(net, 0.0)
    return {
        "consumption_kwh": home + car,
        "generation_kwh": made,
        "ev_kwh": car,
        "charge_kwh": charge,
        "discharge_kwh": discharge,
        "import_kwh": bought,
        "export_kwh": np.maximum(-net, 0.0),
        "import_cost": bought * np.where(np.arange(COUNT) % 2, 0.3, 0.1),
    }


@pytest.fixture
def intervals(frames_library):
    def make(*homes, **changed):
        columns = energy() | changed
        begins = START + HALF_HOUR * np.arange(COUNT)
        whole = {name: np.tile(values, len(homes)) for name, values in columns.items()}
        whole |= {
            f"{name}_utc": np.tile(begins + at * HALF_HOUR, len(homes))
            for at, name in enumerate(("start", "end"))
        }
        for at, name in enumerate(("site_id", "scenario")):
            whole[name] = np.repeat(np.array([home[at] for home in homes], dtype=object), COUNT)
        return SIMULATION_INTERVALS.build(whole | {"currency": "EUR"}, frames_library)

    return make


def areas(ax):
    """What each area adds to those below it, by name and side of zero."""
    found = {}
    for patch in ax.patches:
        values, edges, base = patch.get_data()
        found[patch.get_label(), "above" if (values >= base).all() else "below"] = (
            values - base,
            edges,
        )
    return found


def test_areas_are_the_energy_of_each_interval_as_power(intervals):
    ax = dispatch_week(intervals(("a", "x")), timezone="Europe/Brussels")
    own = energy()
    wanted = {
        ("generation", "above"): own["generation_kwh"],
        ("battery", "above"): own["discharge_kwh"],
        ("grid", "above"): own["import_kwh"],
        ("home", "below"): own["ev_kwh"] - own["consumption_kwh"],
        ("car", "below"): -own["ev_kwh"],
        ("battery", "below"): -own["charge_kwh"],
        ("grid", "below"): -own["export_kwh"],
    }
    found = areas(ax)
    assert set(found) == set(wanted)
    for name, kwh in wanted.items():
        np.testing.assert_allclose(found[name][0], kwh / 0.5, atol=1e-12)
    supplied, used = (
        sum(power for (_, s), (power, _) in found.items() if s == side)
        for side in ("above", "below")
    )
    np.testing.assert_allclose(supplied, -used, atol=1e-12)


def test_areas_lie_on_top_of_one_another(intervals):
    patches = dispatch_week(intervals(("a", "x"))).patches
    tops, _, bases = zip(*(patch.get_data() for patch in patches[:3]), strict=True)
    np.testing.assert_array_equal(bases[0], 0.0)
    np.testing.assert_array_equal(bases[1:], tops[:-1])


def test_days_are_local_ones(intervals):
    ax = dispatch_week(
        intervals(("a", "x")), start="2025-03-30", days=1, timezone="Europe/Brussels"
    )
    _, edges = next(iter(areas(ax).values()))
    assert len(edges) == 46 + 1  # the clocks go forward that day
    begin, end = (datetime(2025, 3, day, hour, tzinfo=UTC) for day, hour in ((29, 23), (30, 22)))
    assert edges[[0, -1]].tolist() == [mdates.date2num(begin), mdates.date2num(end)]
    assert ax.get_xlim() == (edges[0], edges[-1])
    assert ax.get_xlabel() == "local time, Europe/Brussels"
    same = dispatch_week(
        intervals(("a", "x")), start=date(2025, 3, 30), days=1, timezone="Europe/Brussels"
    )
    assert same.get_xlim() == ax.get_xlim()
    whole = dispatch_week(intervals(("a", "x")), timezone="Europe/Brussels")
    assert whole.get_xlim()[0] == mdates.date2num(datetime(2025, 3, 28, 23, tzinfo=UTC))


def price(ax):
    [other] = [each for each in ax.figure.axes if each is not ax]
    [line] = other.patches
    return other, line.get_data().values


def test_the_price_is_cost_per_imported_kwh(intervals):
    other, values = price(dispatch_week(intervals(("a", "x"))))
    imported = energy()["import_kwh"] >= 1e-3
    wanted = np.where(np.arange(COUNT) % 2, 0.3, 0.1)
    np.testing.assert_allclose(values[imported], wanted[imported])
    assert np.isnan(values[~imported]).all()
    assert (~imported).any()
    assert other.get_ylabel() == "import price, EUR/kWh"


def test_the_price_is_drawn_at_all_hours(intervals):
    prices = np.where(np.arange(COUNT) % 2, 0.3, 0.1)
    _, values = price(dispatch_week(intervals(("a", "x"), import_price=prices)))
    np.testing.assert_array_equal(values, prices)


def test_the_zero_of_the_price_is_that_of_the_power(intervals):
    ax = dispatch_week(intervals(("a", "x")))
    other, _ = price(ax)
    heights = [-low / (high - low) for low, high in (ax.get_ylim(), other.get_ylim())]
    assert heights[0] == pytest.approx(heights[1])
    assert min(other.get_yticks()) == 0.0


def test_an_unknown_price_is_not_drawn(intervals):
    ax = dispatch_week(intervals(("a", "x"), import_cost=np.full(COUNT, np.nan)))
    assert ax.figure.axes == [ax]
    assert "import price" not in [text.get_text() for text in ax.get_legend().get_texts()]


def test_areas_without_energy_are_not_in_the_legend(intervals):
    nothing = np.zeros(COUNT)
    ax = dispatch_week(
        intervals(("a", "x"), ev_kwh=nothing, charge_kwh=nothing, discharge_kwh=nothing)
    )
    names = [text.get_text() for text in ax.get_legend().get_texts()]
    assert names == ["generation", "grid", "home", "import price"]


def test_a_session_that_is_moved_away_uses_nothing(intervals):
    own = energy()
    moved = dispatch_week(intervals(("a", "x"), ev_kwh=-own["ev_kwh"]))
    np.testing.assert_allclose(areas(moved)["home", "below"][0], -own["consumption_kwh"] / 0.5)
    assert ("car", "below") not in areas(moved)


def test_one_of_several_is_chosen(intervals):
    frame = intervals(("a", "x"), ("a", "y"), ("b", "x"))
    with pytest.raises(InputError, match="holds a, b; choose one with site_id="):
        dispatch_week(frame)
    with pytest.raises(InputError, match="holds x, y; choose one with scenario="):
        dispatch_week(frame, site_id="a")
    ax = dispatch_week(frame, site_id="a", scenario="y", dispatch="day_ahead")
    assert ax.get_title("left") == "a, 'y'; battery: day-ahead"


def test_days_without_an_interval_and_an_invalid_day_are_errors(intervals):
    with pytest.raises(
        InputError,
        match=r"no interval in 7 days from 2024-01-01; the frame has intervals from 2025-03-28T23:",
    ):
        dispatch_week(intervals(("a", "x")), start="2024-01-01")
    with pytest.raises(InputError, match="start 'monday' is not a valid date; write YYYY-MM-DD"):
        dispatch_week(intervals(("a", "x")), start="monday")


def test_a_frame_without_rows_has_nothing_to_show(frames_library):
    ax = dispatch_week(SIMULATION_INTERVALS.build({}, frames_library))
    assert [text.get_text() for text in ax.texts] == ["nothing to show"]
