"""Rules of the maker: real meters, splitting of hours, battery, schedule, seeds."""

import csv
import gzip
import hashlib
from datetime import datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sample_maker.battery import Battery, run_battery
from sample_maker.car import Car, charge_car
from sample_maker.chance import Chance
from sample_maker.clock import local_year
from sample_maker.load import split_hours
from sample_maker.meters import METERS, read_meter, swap_back
from sample_maker.schedules import season

REAL = {
    "uk_hourly": (23_508, 3789.6, 0, 0),
    "uk_half_hourly": (35_468, 14_104.4, 24, 27),
    "us_hourly": (19_417, 19_565.1, 0, 0),
}


@pytest.mark.parametrize("name", REAL)
def test_readings_are_counted_as_their_attribution_says(name):
    found = read_meter(name).findings
    assert (found.rows, round(found.kwh, 1), found.repeated, found.gaps_as_written) == REAL[name]


def test_exchanged_dates_explain_the_gaps_of_the_half_hourly_meter(data_folder):
    """Counted in the file: 27 gaps without the exchange, three single half-hours with it."""
    found = read_meter("uk_half_hourly").findings
    assert (found.gaps, found.missing) == (3, 3)
    with gzip.open(
        data_folder / "real" / METERS["uk_half_hourly"].file, "rt", encoding="utf-8"
    ) as file:
        written = [datetime.fromisoformat(row["start"]) for row in csv.DictReader(file)]
    right = sorted({swap_back(moment) for moment in written})
    steps = np.diff(np.array(right, dtype="datetime64[m]")).astype(int)
    assert len(right) == len(set(written)) == found.rows - found.repeated
    assert sorted(steps[steps != 30]) == [60, 60, 60]
    assert found.swapped == sum(swap_back(moment) != moment for moment in written)


@given(st.datetimes(datetime(1990, 1, 1), datetime(2030, 1, 1)))
def test_exchanging_twice_changes_nothing(moment):
    assert swap_back(swap_back(moment)) == moment
    assert (swap_back(moment) != moment) == (moment.day <= 12 and moment.day != moment.month)


@pytest.mark.parametrize("name", REAL)
def test_pattern_weeks_are_whole_real_weeks(name, data_folder):
    meter = read_meter(name)
    assert meter.kwh.shape[1] == 7 * meter.per_day
    assert meter.findings.weeks == len(meter.kwh) > 90
    assert meter.kwh.min() >= 0
    assert set(range(1, 13)) <= {
        (datetime(2025, 1, 1) + timedelta(days=int(d) - 1)).month for d in meter.thursday
    }


@given(
    st.lists(st.tuples(st.integers(0, 3000), st.floats(0, 1)), min_size=1),
    st.sampled_from([1, 10]),
)
def test_half_hours_add_up_to_their_hour(hours, step):
    hourly = np.array([value * step for value, _ in hours])
    halves = split_hours(hourly, np.array([share for _, share in hours]), step)
    assert np.array_equal(halves.reshape(-1, 2).sum(axis=1), hourly)
    assert halves.min() >= 0
    assert not (halves % step).any()


flows = st.lists(st.tuples(st.integers(0, 9000), st.integers(0, 9000)), min_size=1, max_size=60)
batteries = st.builds(
    Battery, st.floats(0.5, 20), st.floats(0.5, 10), st.floats(0.7, 1.0), st.floats(0.7, 1.0)
)


@given(batteries, flows)
def test_the_battery_conserves_energy(battery, wanted):
    demand, generation = (np.array(column) for column in zip(*wanted, strict=True))
    charge, discharge = run_battery(battery, demand, generation)
    stored = np.cumsum(
        charge * battery.charge_efficiency - discharge / battery.discharge_efficiency
    )
    assert stored.min() > -1e-6
    assert stored.max() < 1000 * battery.capacity_kwh + 1e-6
    assert (charge <= np.maximum(generation - demand, 0)).all()
    assert (discharge <= np.maximum(demand - generation, 0)).all()
    assert max(charge.max(), discharge.max()) <= 500 * battery.power_kw


def test_the_battery_by_hand():
    """1 kWh, 1 kW, 80 % in, 50 % out: it takes 500, 500 and 250 Wh and returns half."""
    demand = np.array([0, 0, 0, 400, 400])
    generation = np.array([900, 900, 900, 0, 0])
    charge, discharge = run_battery(Battery(1.0, 1.0, 0.8, 0.5), demand, generation)
    assert charge.tolist() == [500, 500, 250, 0, 0]
    assert discharge.tolist() == [0, 0, 0, 400, 100]


@pytest.mark.parametrize("starts", [None, 0, 10])
def test_a_slow_charger_is_limited_by_the_stay(starts):
    clock = local_year("America/Los_Angeles")
    energy, sessions = charge_car("test", Car(1.0, 1.0, starts), clock)
    assert len(sessions) == 364
    assert sum(session.energy_wh for session in sessions) == energy.sum()
    assert energy.max() == 500
    assert max(s.energy_wh * 1800 / (s.end_s - s.start_s) for s in sessions) <= 500


def test_a_season_may_run_over_new_year():
    assert season("Nov", "Feb")["months"] == ["Jan", "Feb", "Nov", "Dec"]
    assert season("Jun", "Sep")["months"] == ["Jun", "Jul", "Aug", "Sep"]


def test_seeded_numbers_never_change():
    """The whole fleet depends on them: a numpy that draws other numbers must fail here first."""
    drawn = np.floor(Chance("load ca-01").uniform(1000) * 2**32).astype("<u4")
    assert hashlib.sha256(drawn.tobytes()).hexdigest()[:16] == "908f6003ae084ddd"
    assert not np.array_equal(Chance("a").uniform(5), Chance("b").uniform(5))
    assert sorted(Chance("a").order(100).tolist()) == list(range(100))
