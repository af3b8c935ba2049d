"""Conservation laws of the energy files, from the files alone."""

from collections import Counter
from itertools import combinations, pairwise

import numpy as np
import pytest

SITE_IDS = [
    f"{country}-{i:02d}"
    for country, count in (("ca", 10), ("uk", 8), ("be", 6))
    for i in range(1, count + 1)
]
SOLAR = ["ca-01", "ca-02", "ca-03", "ca-05", "ca-06", "ca-07", "ca-08", "ca-09"]
SOLAR += ["uk-01", "uk-02", "uk-03", "uk-04", "uk-07", "be-01", "be-02", "be-03", "be-04", "be-05"]
BATTERY = ["be-01", "be-03", "ca-01", "ca-06", "ca-09", "uk-02"]
CAR = ["be-02", "ca-02", "ca-09", "ca-10", "uk-03", "uk-08"]
CLOCK_CHANGES = {"America/Los_Angeles": ("03-09", "11-02"), "Europe/London": ("03-30", "10-26")}
CLOCK_CHANGES["Europe/Brussels"] = CLOCK_CHANGES["Europe/London"]


def net(e):
    """What crosses the meter, Wh: import above zero, export below."""
    return e.home + e.car + e.charge - e.generation - e.discharge


def test_the_fleet_has_the_documented_sites(sites):
    assert sorted(site["site_id"] for site in sites) == sorted(SITE_IDS)
    assert [s["site_id"] for s in sites if s["system_size_kw"]] == SOLAR
    assert sorted(s["site_id"] for s in sites if s["battery"]) == BATTERY
    assert sorted(s["site_id"] for s in sites if s["ev"]) == CAR


@pytest.mark.parametrize("site_id", SITE_IDS)
def test_one_local_year_of_half_hours_without_a_gap(energy, site_id):
    e = energy[site_id]
    assert len(e.start) == 17_520
    assert set(np.diff(e.start)) == {1800}
    assert e.local[0].strftime("%Y-%m-%d %H:%M") == "2025-01-01 00:00"
    assert e.local[-1].strftime("%Y-%m-%d %H:%M") == "2025-12-31 23:30"


@pytest.mark.parametrize("site_id", SITE_IDS)
def test_days_have_48_half_hours_except_at_clock_changes(energy, site_id):
    e = energy[site_id]
    by_day = Counter(moment.strftime("%m-%d") for moment in e.local)
    short, long = CLOCK_CHANGES[e.site["timezone"]]
    assert {day: count for day, count in by_day.items() if count != 48} == {short: 46, long: 50}


@pytest.mark.parametrize("site_id", SITE_IDS)
def test_energy_is_never_negative_and_balances(energy, site_id):
    e = energy[site_id]
    for flow in (e.home, e.car, e.generation, e.charge, e.discharge):
        assert flow.min() >= 0
    bought, sold = np.maximum(net(e), 0), np.maximum(-net(e), 0)
    assert np.array_equal(bought + e.generation + e.discharge, sold + e.home + e.car + e.charge)
    assert not (bought * sold).any()


@pytest.mark.parametrize("site_id", sorted(set(SITE_IDS) - set(SOLAR)))
def test_sites_without_panels_generate_nothing(energy, site_id):
    assert not energy[site_id].generation.any()


@pytest.mark.parametrize("site_id", sorted(set(SITE_IDS) - set(BATTERY)))
def test_sites_without_a_battery_have_no_battery_flow(energy, site_id):
    assert not (energy[site_id].charge + energy[site_id].discharge).any()


@pytest.mark.parametrize("site_id", BATTERY)
def test_the_battery_stays_within_its_limits(energy, site_id):
    e, battery = energy[site_id], energy[site_id].site["battery"]
    stored = np.cumsum(
        e.charge * battery["charge_efficiency"] - e.discharge / battery["discharge_efficiency"]
    )
    assert stored.min() >= -1e-6
    assert stored.max() <= 1000 * battery["capacity_kwh"] + 1e-6
    assert max(e.charge.max(), e.discharge.max()) <= 500 * battery["power_kw"]
    assert not (e.charge * e.discharge).any()


@pytest.mark.parametrize("site_id", BATTERY)
def test_the_battery_exchanges_nothing_with_the_grid_and_is_idle_only_when_it_must_be(
    energy, site_id
):
    e, battery = energy[site_id], energy[site_id].site["battery"]
    surplus = e.generation - e.home - e.car
    assert (e.charge <= np.maximum(surplus, 0)).all()
    assert (e.discharge <= np.maximum(-surplus, 0)).all()
    gained = e.charge * battery["charge_efficiency"] - e.discharge / battery["discharge_efficiency"]
    before = np.concatenate([[0.0], np.cumsum(gained)[:-1]])
    limit = 500 * battery["power_kw"]
    room = (1000 * battery["capacity_kwh"] - before) / battery["charge_efficiency"]
    ready = before * battery["discharge_efficiency"]
    could = np.minimum(
        np.where(surplus > 0, np.minimum(surplus, room), np.minimum(-surplus, ready)), limit
    )
    did = e.charge + e.discharge
    assert (np.abs(did - could) < 1 + 1e-6).all()  # whole Wh, rounded down
    assert 100 < e.discharge.sum() / 1000 / battery["capacity_kwh"] < 400  # full cycles a year


@pytest.mark.parametrize("site_id", SITE_IDS)
def test_sessions_hold_all_car_energy_and_do_not_overlap(energy, sessions, site_id):
    e = energy[site_id]
    own = [s for s in sessions if s.site_id == site_id]
    left = e.car.copy()
    for session in own:
        first, last = np.searchsorted(e.start, [session.start, session.end])
        assert e.start[first] == session.start
        assert (session.end - session.start) % 1800 == 0
        assert e.car[first:last].sum() == session.wh
        left[first:last] = 0
    assert not left.any()
    assert all(a.end <= b.start for a, b in pairwise(own))
    assert bool(own) == (site_id in CAR)
    if own:
        assert e.car.max() <= 500 * e.site["ev"]["charger_kw"]


def test_charging_sessions_have_plausible_energy(energy, sessions):
    assert all(5_000 <= session.wh <= 27_000 for session in sessions)
    for site_id in CAR:
        assert 2000 < energy[site_id].car.sum() / 1000 < 3500


def test_sessions_are_sorted_and_have_unique_ids(sessions):
    assert sessions == sorted(sessions, key=lambda s: (s.site_id, s.start))
    assert len({s.reference for s in sessions}) == len(sessions) > 600


@pytest.mark.parametrize(
    ("country", "low", "high"), [("ca", 5000, 11000), ("uk", 2200, 4500), ("be", 2500, 4500)]
)
def test_consumption_is_plausible_for_the_country(energy, country, low, high):
    drawn = [e.home.sum() / 1000 for site_id, e in energy.items() if site_id.startswith(country)]
    assert low <= min(drawn) < max(drawn) <= high
    assert max(drawn) > 1.5 * min(drawn)


def test_no_home_is_a_copy_of_another(energy):
    for one, other in combinations(energy.values(), 2):
        assert np.corrcoef(one.home, other.home)[0, 1] < 0.85


def test_weekday_evenings_use_more_than_nights(energy):
    for site_id, e in energy.items():
        hour = np.array([moment.hour for moment in e.local])
        evening, night = (
            e.home[(hour >= 18) & (hour < 22)].mean(),
            e.home[(hour >= 1) & (hour < 5)].mean(),
        )
        if site_id == "uk-05":  # storage heaters: the other way round
            assert night > 2 * evening
        else:
            assert evening > night


@pytest.mark.parametrize("site_id", SOLAR)
def test_generation_is_by_day_and_within_the_inverter_limit(energy, site_id):
    e = energy[site_id]
    hour = np.array([moment.hour for moment in e.local])
    assert not e.generation[(hour >= 22) | (hour < 3)].any()
    size = e.site["system_size_kw"]
    assert e.generation.max() <= 500 * size / 1.2 + 10
    yearly = e.generation.sum() / 1000 / size
    assert (800 < yearly < 1050) if e.site["currency"] != "USD" else (1100 < yearly < 1650)


@pytest.mark.parametrize("site_id", ["ca-02", "uk-01", "uk-04", "be-01"])
def test_panels_that_face_south_peak_at_solar_noon(energy, site_id):
    e = energy[site_id]
    assert e.site["azimuth"] == 180
    solar_hour = (
        (e.start + 900) / 3600 + e.site["lon"] / 15
    ) % 24  # mean solar time: right over a year
    assert np.average(solar_hour, weights=e.generation) == pytest.approx(12.0, abs=0.25)


def test_neighbours_share_their_weather(energy):
    def daily(site_id):
        return energy[site_id].generation[: 365 * 48].reshape(365, 48).sum(axis=1)

    def month_free(site_id):
        days = daily(site_id).astype(float)
        trend = np.convolve(np.pad(days, 15, mode="edge"), np.ones(31) / 31, mode="valid")
        return days - trend

    near = np.corrcoef(month_free("ca-01"), month_free("ca-02"))[0, 1]
    far = np.corrcoef(month_free("ca-01"), month_free("ca-07"))[0, 1]
    assert 0.5 < near < 0.98
    assert abs(far) < 0.3
