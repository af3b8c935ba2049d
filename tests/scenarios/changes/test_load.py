"""Load: scaled, shifted within the local day, added to; against a reference by local clock."""

import dataclasses
import pickle
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flipkit.calendar import Grid
from flipkit.errors import InputError, MissingColumnError, NaiveTimestampError
from flipkit.scenarios import Load, Shift
from flipkit.scenarios.changes.load import LoadProfile

MINUTE = 60_000_000
TICK = 5  # minutes: a divisor of all times in these tests
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# The first three change their clocks in spring and autumn.
ZONES = ("Europe/London", "America/Los_Angeles", "Australia/Lord_Howe", "Asia/Kathmandu", "UTC")
CHANGES = {
    "Europe/London": ("2025-03-30", "2025-10-26"),
    "America/Los_Angeles": ("2025-03-09", "2025-11-02"),
    "Australia/Lord_Howe": ("2025-04-06", "2025-10-05"),
}


def us_of(text):
    return (datetime.fromisoformat(text).replace(tzinfo=UTC) - EPOCH) // timedelta(microseconds=1)


def grid(start_us, minutes, count):
    return Grid(start_us, minutes * MINUTE, count)


def clock(minutes):
    return f"{minutes // 60:02d}:{minutes % 60:02d}"


@st.composite
def hours(draw):
    begin = draw(st.integers(0, 287)) * TICK
    end = draw(st.integers(1, 288).filter(lambda n: n * TICK != begin)) * TICK
    return f"{clock(begin)}-{clock(end)}"


@st.composite
def homes(draw):
    """``(zone, grid, kWh)``: up to some days around a clock change, cut anywhere."""
    zone = draw(st.sampled_from(ZONES))
    day = us_of(draw(st.sampled_from(CHANGES.get(zone, ("2025-01-01",)))))
    minutes = draw(st.sampled_from([5, 15, 30, 60, 120]))
    start = day - draw(st.integers(0, 36 * 60 // TICK)) * TICK * MINUTE
    count = draw(st.integers(2, 72 * 60 // minutes))
    random = np.random.default_rng(draw(st.integers(0, 99)))
    kwh = random.random(count) * (random.random(count) < 0.9)
    return zone, grid(start, minutes, count), kwh


def inside(window, at):
    """Whether the clock is within the window; one across midnight is two halves."""
    now = at.hour * 60 + at.minute
    begin, end = (int(text[:2]) * 60 + int(text[3:]) for text in window.split("-"))
    return begin <= now < end if begin < end else now >= begin or now < end


def shifted_by_the_clock(shift, zone, start, end, kwh):
    """The same shift in fractions, tick by tick, with local times by ``zoneinfo``."""
    place = ZoneInfo(zone)
    read = lambda us: (EPOCH + timedelta(microseconds=int(us))).astimezone(place)  # noqa: E731
    ticks = range(int(start[0]) - 1560 * MINUTE, int(end[-1]) + 1560 * MINUTE, TICK * MINUTE)
    whole = {}
    for at in map(read, ticks):
        whole[at.date()] = whole.get(at.date(), 0) + inside(shift.to_hours, at)
    sources, rooms, days = [], [], [read(us).date() for us in start]
    for begin, stop in zip(start.tolist(), end.tolist(), strict=True):
        within = [read(us) for us in range(begin, stop, TICK * MINUTE)]
        sources.append(Fraction(sum(inside(shift.from_hours, at) for at in within), len(within)))
        rooms.append(sum(inside(shift.to_hours, at) for at in within))
    out = [Fraction(value) for value in kwh.tolist()]
    for day in set(days):
        rows = [row for row, its in enumerate(days) if its == day]
        there = sum(rooms[row] for row in rows)
        if not there:
            continue
        known = Fraction(there, max(there, whole[day]))
        taken = {
            row: Fraction(kwh[row]) * Fraction(shift.share) * sources[row] * known for row in rows
        }
        for row in rows:
            out[row] += sum(taken.values()) * rooms[row] / there - taken[row]
    return [float(value) for value in out], days


@settings(max_examples=80)
@given(homes(), st.floats(0, 1), hours(), hours())
def test_a_shift_follows_the_local_clock_and_each_local_day_keeps_its_energy(
    home, share, source, target
):
    zone, times, kwh = home
    shift = Shift(share, source, target)
    moved = Load(shift=shift).applied(kwh, times, zone)
    expected, days = shifted_by_the_clock(shift, zone, *times.times_us, kwh)
    np.testing.assert_allclose(moved, expected, rtol=1e-12, atol=1e-13)
    assert (moved >= 0).all()
    for day in set(days):
        rows = [its == day for its in days]
        assert moved[rows].sum() == pytest.approx(kwh[rows].sum(), rel=1e-13, abs=1e-14)


@pytest.mark.parametrize(
    ("zone", "day", "intervals"),
    [
        ("Europe/London", "2025-03-30", 46),
        ("Europe/London", "2025-10-26", 50),
        ("UTC", "2025-10-26", 48),
    ],
)
def test_a_day_by_hand(zone, day, intervals):
    """A fifth of five hours at 1 kWh goes to five others: 0.8 kWh is left, and 1.2 arrives."""
    begin = datetime.fromisoformat(day).replace(tzinfo=ZoneInfo(zone))
    day_grid = grid((begin - EPOCH) // timedelta(microseconds=1), 30, intervals)
    load = Load(shift=Shift(0.2, "16:00-21:00", "10:00-15:00"))
    moved = load.applied(np.ones(intervals), day_grid, zone)
    late = intervals - 16  # 16:00 is eight hours before the day's end
    expected = np.ones(intervals)
    expected[late : late + 10] = 0.8
    expected[late - 12 : late - 2] = 1.2
    np.testing.assert_allclose(moved, expected, rtol=1e-15)


def test_a_repeated_hour_receives_twice_and_a_skipped_one_nothing():
    shift = Shift(1.0, "12:00-13:00", "01:00-02:00")
    autumn = grid(us_of("2025-10-25T23:00"), 60, 25)
    moved = Load(shift=shift).applied(np.ones(25), autumn, "Europe/London")
    assert (moved[1], moved[2], moved[13]) == (1.5, 1.5, 0.0)
    spring = grid(us_of("2025-03-30T00:00"), 60, 23)
    assert (Load(shift=shift).applied(np.ones(23), spring, "Europe/London") == 1.0).all()


def test_an_interval_across_midnight_belongs_to_the_day_it_begins_on():
    """Two-hour intervals, a day of 25 hours: the last one includes an hour of the next day."""
    two_hours = grid(us_of("2025-10-25T23:00"), 120, 13)
    moved = Load(shift=Shift(1.0, "12:00-14:00", "00:00-01:00")).applied(
        np.ones(13), two_hours, "Europe/London"
    )
    np.testing.assert_allclose(moved, [1.5, *[1] * 5, 0.5, 0.5, *[1] * 4, 1.5], rtol=1e-15)


def test_a_day_cut_by_the_data_moves_the_part_whose_target_hours_have_data():
    shift = Shift(0.5, "16:00-20:00", "10:00-14:00")
    for first, part in (("09:00", 1.0), ("12:00", 0.5), ("14:00", 0.0)):
        begin = us_of(f"2025-06-01T{first}")
        hours = (us_of("2025-06-02T00:00") - begin) // (60 * MINUTE)
        moved = Load(shift=shift).applied(np.ones(hours), grid(begin, 60, hours), "UTC")
        assert moved[-8:-4].tolist() == [1 - 0.5 * part] * 4
        assert moved.sum() == hours
        assert moved.max() == (1.5 if part else 1.0)


@settings(max_examples=60)
@given(homes(), st.floats(0, 3), st.integers(1, 30), st.integers(0, 50))
def test_an_added_profile_adds_its_energy_whatever_its_step(home, scale, ticks, before):
    zone, times, kwh = home
    start, end = times.times_us
    step = ticks * TICK * MINUTE
    first = int(start[0]) - before * TICK * MINUTE
    count = max(2, -(-(int(end[-1]) - first) // step))
    energy = [Fraction(7 * row % 11, 8) for row in range(count)]
    rows = [
        {"start_utc": EPOCH + timedelta(microseconds=first + step * k), "kwh": float(energy[k])}
        for k in range(count)
    ]
    out = Load(scale, add=rows[::-1]).applied(kwh, times, zone)

    def upto(us):
        """The profile's energy from its beginning to a time."""
        whole, rest = divmod(int(us) - first, step)
        return sum(energy[:whole]) + (energy[whole] * Fraction(rest, step) if rest else 0)

    expected = [
        float(upto(stop) - upto(begin))
        for begin, stop in zip(start.tolist(), end.tolist(), strict=True)
    ]
    np.testing.assert_allclose(out, kwh * scale + expected, rtol=1e-12, atol=1e-13)


def test_a_profile_of_the_same_intervals_is_added_to_the_bit():
    day = grid(us_of("2025-06-01"), 30, 48)
    kwh, pump = np.random.default_rng(1).random((2, 48))
    load = Load(
        add=[
            {"start_utc": EPOCH + timedelta(microseconds=int(us)), "kwh": k}
            for us, k in zip(day.times_us[0], pump, strict=True)
        ]
    )
    assert (load.applied(kwh, day, "Europe/London") == kwh + pump).all()


def test_scaled_then_shifted_then_added():
    pump = [{"start_utc": f"2025-06-{day:02d}T00:00:00Z", "kwh": 12.0} for day in (1, 2)]
    load = Load(2.0, Shift(0.5, "16:00-17:00", "10:00-11:00"), pump)
    out = load.applied(np.ones(24), grid(us_of("2025-06-01"), 60, 24), "UTC")
    assert out.tolist() == [2.5] * 10 + [3.5] + [2.5] * 5 + [1.5] + [2.5] * 7
    assert load.label == "x 2, 50 % of 16:00-17:00 to 10:00-11:00, plus 24 kWh"
    assert (Load().label, Load(add=pump).label) == ("unchanged", "plus 24 kWh")


@given(homes())
def test_an_empty_change_changes_nothing(home):
    zone, times, kwh = home
    before = kwh.copy()
    for load in (Load(), Load(shift=Shift(0.0, "16:00-21:00", "10:00-15:00"))):
        assert (load.applied(kwh, times, zone) == before).all()
    Load(2.0, Shift(1.0, "16:00-21:00", "10:00-15:00")).applied(kwh, times, zone)
    assert (kwh == before).all()


def pump_frame(library, column="kwh"):
    times = [datetime(2025, 6, 1, hour, tzinfo=UTC) for hour in range(4)]
    columns = {"start_utc": times, column: [0.5, 1.0, 0.0, 2.0]}
    if library == "pandas":
        import pandas as pd

        return pd.DataFrame(columns)
    import polars as pl

    return pl.DataFrame(columns)


def test_loads_are_values(frames_library):
    shift = Shift(0.2, "16:00-21:00", "22:00-06:00")
    load, again = (
        Load(1.5, shift, pump_frame(frames_library, name)) for name in ("kwh", "consumption_kwh")
    )
    other = Load(1.5, shift, pump_frame("pandas").assign(kwh=1.0))
    assert load == again == pickle.loads(pickle.dumps(load)) == dataclasses.replace(load)  # noqa: S301
    assert hash(load) == hash(again)
    assert load != other
    assert load != Load(1.5, shift)
    assert load.add != "a profile"
    with pytest.raises(dataclasses.FrozenInstanceError):
        load.scale = 2.0
    with pytest.raises(ValueError, match="read-only"):
        load.add.kwh[0] = 9.0


def test_a_later_change_of_the_frame_does_not_reach_the_load():
    frame = pump_frame("pandas")
    load = Load(add=frame)
    frame.loc[0, "kwh"] = 99.0
    assert load == Load(add=pump_frame("pandas"))


@pytest.mark.parametrize("scale", [-0.1, float("nan"), float("inf"), "2", True, None])
def test_an_invalid_scale_is_refused(scale):
    with pytest.raises(
        InputError, match=r"load: scale .* must be a number of 0 or more; 1\.1 is 10 % more"
    ):
        Load(scale)


@pytest.mark.parametrize("share", [-0.1, 1.01, 20, float("nan"), "0.2", True])
def test_an_invalid_share_is_refused(share):
    with pytest.raises(
        InputError, match=r"shift: share .* must be a fraction from 0 to 1; 0\.2 is 20 %"
    ):
        Shift(share, "16:00-21:00", "10:00-15:00")


@pytest.mark.parametrize(
    "window", ["16:00", "16:00-16:00", "16-21", "25:00-26:00", "16:00-21:00-22:00", "", None, 16]
)
def test_invalid_hours_are_refused(window):
    with pytest.raises(
        InputError, match=r"shift: from_hours .* is not a window of the day; write 'HH:MM-HH:MM'"
    ):
        Shift(0.2, window, "10:00-15:00")
    with pytest.raises(InputError, match="shift: to_hours"):
        Shift(0.2, "10:00-15:00", window)


def test_something_other_than_a_shift_is_refused():
    with pytest.raises(InputError, match="load: shift: expected a Shift, got float"):
        Load(shift=0.2)


def rows_of(*pairs):
    return [{"start_utc": f"2025-06-01T{hour}:00Z", "kwh": kwh} for hour, kwh in pairs]


@pytest.mark.parametrize(
    ("rows", "error", "words"),
    [
        ([], MissingColumnError, "missing start_utc"),
        (rows_of(("00:00", 1.0)), InputError, "load: add: 1 rows; two or more"),
        (
            rows_of(("00:00", 1.0), ("00:00", 2.0)),
            InputError,
            "2025-06-01T00:00:00Z: the time is repeated",
        ),
        (
            rows_of(("00:00", 1.0), ("01:00", 2.0), ("03:00", 2.0)),
            InputError,
            "2025-06-01T02:00:00Z: no interval; .* 60 ",
        ),
        (
            rows_of(("00:00", 1.0), ("01:00", -2.0)),
            InputError,
            "2025-06-01T01:00:00Z: the energy is missing, negative",
        ),
        (
            rows_of(("00:00", 1.0), ("01:00", None)),
            InputError,
            "2025-06-01T01:00:00Z: the energy is missing, negative",
        ),
        (rows_of(("00:00", 1.0), ("01:00", float("inf"))), InputError, "negative or infinite"),
        ([{"start_utc": "2025-06-01T00:00:00", "kwh": 1.0}] * 2, NaiveTimestampError, "no zone"),
        (
            [*rows_of(("00:00", 1.0)), {"start_utc": None, "kwh": 1.0}],
            InputError,
            "row 1: no start_utc",
        ),
        ([{"kwh": 1.0}], MissingColumnError, "missing start_utc"),
        (
            [{"start_utc": f"2025-06-01T0{k}:00:00Z", "kw": 1.0} for k in (0, 1)],
            MissingColumnError,
            "give a column kwh",
        ),
        (
            [{**row, "consumption_kwh": 1.0} for row in rows_of(("00:00", 1.0), ("01:00", 1.0))],
            InputError,
            "leave one out",
        ),
        (5.0, InputError, "load: add: expected a DataFrame"),
    ],
)
def test_a_profile_that_cannot_be_read(rows, error, words):
    with pytest.raises(error, match=words):
        Load(add=rows)


@pytest.mark.parametrize(
    ("first", "missing"), [("00:30", "2025-06-01T00:00:00Z"), ("00:00", "2025-06-01T04:00:00Z")]
)
def test_a_profile_that_does_not_cover_the_energy_names_the_first_time_without(first, missing):
    energy_grid = grid(us_of("2025-06-01"), 60, 5)
    begin = us_of(f"2025-06-01T{first}")
    profile = LoadProfile(begin, 60 * MINUTE, np.ones(4))
    with pytest.raises(
        InputError,
        match=rf"load: add: .* the rows of the added profile .* first uncovered: {missing}",
    ):
        Load(add=profile).applied(np.ones(5), energy_grid, "UTC")


def test_an_unknown_zone():
    day = grid(us_of("2025-06-01"), 60, 24)
    with pytest.raises(InputError, match="Mars/Olympus"):
        Load(shift=Shift(0.2, "16:00-21:00", "10:00-15:00")).applied(
            np.ones(24), day, "Mars/Olympus"
        )


def test_every_bad_row_of_a_profile_is_counted_and_the_first_is_named():
    rows = rows_of(("00:00", 1.0), ("01:00", -2.0), ("02:00", None), ("03:00", 1.0))
    with pytest.raises(InputError, match=r"T01:00:00Z: the energy is .* \(2 such rows\)"):
        Load(add=rows)
    gaps = rows_of(("00:00", 1.0), ("01:00", 1.0), ("03:00", 1.0), ("05:00", 1.0))
    with pytest.raises(InputError, match=r"T02:00:00Z: no interval; .* \(2 such rows\)"):
        Load(add=gaps)
