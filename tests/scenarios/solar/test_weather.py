"""Weather: what is refused, and how it is put on the energy's grid without loss."""

import gzip
import importlib.util
import pickle
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.solar_help import HOUR_US, grid, intervals, weather_frame

from flipkit.calendar import Grid
from flipkit.errors import InputError, MissingColumnError, NaiveTimestampError
from flipkit.scenarios.solar import Weather
from flipkit.scenarios.solar.sky import SolarSite, clear_sky, mean_over
from flipkit.scenarios.solar.weather import STATIONS, TABLE, nearest_station, typical_conditions

TOP = Path(__file__).parents[3]
pytest.importorskip("pvlib")
BRUSSELS = SolarSite(50.85, 4.35)
DAY = intervals("2025-06-10", "2025-06-11", 60)[0]


def hourly(values, first="2025-06-10", **more):
    start = intervals(first, np.datetime64(first) + np.timedelta64(len(values), "h"), 60)[0]
    return Weather.from_frame(weather_frame(start, ghi=np.asarray(values, dtype=float), **more))


# Reading


def test_both_libraries_and_dicts_read_alike():
    columns = {
        "ghi": np.arange(24.0),
        "dni": np.ones(24),
        "dhi": np.ones(24),
        "temp_air": np.full(24, -5.0),
    }
    read = [
        Weather.from_frame(weather_frame(DAY, library, **columns))
        for library in ("pandas", "polars")
    ]
    dicts = weather_frame(DAY, "polars", **columns).to_dicts()
    assert read[0] == read[1] == Weather.from_frame(dicts)
    assert hash(read[0]) == hash(read[1])
    assert pickle.loads(pickle.dumps(read[0])) == read[0]  # noqa: S301
    assert read[0] != Weather.from_frame(
        weather_frame(DAY, **columns | {"temp_air": np.full(24, -4.0)})
    )
    assert read[0] != Weather.from_frame(weather_frame(DAY, ghi=np.arange(24.0)))
    span = "2025-06-10T00:00:00Z to 2025-06-11T00:00:00Z in steps of 60 min"
    assert repr(read[0]) == f"<Weather {span}: ghi, dni, dhi, temp_air>"


def test_a_later_change_of_the_frame_does_not_reach_the_weather():
    frame = weather_frame(DAY, ghi=np.full(24, 7.0))
    read = Weather.from_frame(frame)
    frame["ghi"] = 8.0
    assert (read.ghi == 7).all()
    with pytest.raises(ValueError, match="read-only"):
        read.ghi[0] = 1


@pytest.mark.parametrize(
    ("change", "error", "text"),
    [
        (
            {"ghi": [1.0, float("nan")]},
            InputError,
            r"ghi in row 1 \(2025-06-10T01:00:00Z\) is missing",
        ),
        ({"ghi": [1.0, 3600.0]}, InputError, r"ghi in row 1 .* 3600 is outside -50 to 2000 W/m2"),
        ({"ghi": [None, None]}, InputError, "ghi is null throughout"),
        (
            {"temp_air": [290.0, 291.0]},
            InputError,
            r"temp_air in row 0 .* 290 is outside -90 to 60 degrees Celsius",
        ),
        ({"wind_speed": [1.0, -1.0]}, InputError, r"wind_speed in row 1"),
        ({"dni": [1.0, 2.0]}, InputError, "dni and dhi belong together"),
        (
            {"start_utc": ["2025-06-10T00:00:00", "2025-06-10T01:00:00"]},
            NaiveTimestampError,
            "has no zone",
        ),
        (
            {"start_utc": ["2025-06-10T00:00:00Z", "2025-06-10T00:00:00Z"]},
            InputError,
            "row 1 .* does not follow",
        ),
        (
            {"start_utc": ["2025-06-10T00:00:00Z", None]},
            InputError,
            "start_utc is missing in row 1",
        ),
    ],
)
def test_what_cannot_be_used_is_refused_with_row_and_reason(change, error, text):
    columns = {
        "start_utc": ["2025-06-10T00:00:00Z", "2025-06-10T01:00:00Z"],
        "ghi": [0.0, 5.0],
    } | change
    rows = [
        dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)
    ]
    with pytest.raises(error, match=text):
        Weather.from_frame(rows)


def test_of_two_bad_cells_the_first_is_named():
    values = np.arange(24.0)
    values[[5, 9]] = np.nan, 3600.0
    with pytest.raises(InputError, match=r"ghi in row 5 \(2025-06-10T05:00:00Z\) is missing"):
        Weather.from_frame(weather_frame(DAY, ghi=values))
    values[[5, 9]] = 3600.0, np.nan
    with pytest.raises(InputError, match=r"ghi in row 5 .* 3600 is outside"):
        Weather.from_frame(weather_frame(DAY, ghi=values))


def test_a_gap_and_something_other_than_a_frame_are_refused():
    with pytest.raises(
        InputError, match=r"row 5 \(2025-06-10T06:00:00Z\) does not follow .* 60 minutes"
    ):
        Weather.from_frame(weather_frame(np.delete(DAY, 5), ghi=np.zeros(23)))
    with pytest.raises(InputError, match="1 rows are too few"):
        Weather.from_frame(weather_frame(DAY[:1], ghi=np.zeros(1)))
    with pytest.raises(MissingColumnError, match="ghi"):
        Weather.from_frame(weather_frame(DAY, GHI=np.zeros(24)))
    with pytest.raises(InputError, match="expected a DataFrame"):
        Weather.from_frame("greensboro")


def test_irradiance_below_zero_at_night_is_zero():
    assert (hourly([-3.0, 5.0]).ghi == [0, 5]).all()


# On the energy's grid


@settings(max_examples=15)
@given(
    st.lists(st.floats(0, 1100), min_size=24, max_size=24),
    st.sampled_from([5, 15, 20, 30, 60, 120]),
)
def test_no_energy_is_added_or_lost_whatever_the_step(values, minutes):
    wanted = grid("2025-06-10", "2025-06-11", minutes)
    _, weather = hourly(values).conditions(BRUSSELS, wanted)
    # Hours with a dark clear sky are dropped; at 30 minutes and more their middle decides.
    step_us = min(wanted.step_us, HOUR_US)
    sky = clear_sky(BRUSSELS, Grid(wanted.start_us, step_us, 24 * HOUR_US // step_us))
    lit = sky.ghi.reshape(24, -1).mean(axis=1) > 0.01
    expected = np.asarray(values)[lit].sum()
    assert weather.ghi.sum() * minutes / 60 == pytest.approx(expected, rel=1e-9, abs=1e-6)
    assert (weather.ghi >= 0).all()


@settings(max_examples=10)
@given(st.lists(st.floats(0, 1100), min_size=24 * 12, max_size=24 * 12))
def test_finer_irradiance_is_averaged(values):
    start, _ = intervals("2025-06-10", "2025-06-11", 5)
    weather = Weather.from_frame(weather_frame(start, ghi=np.asarray(values)))
    _, averaged = weather.conditions(BRUSSELS, grid("2025-06-10", "2025-06-11", 15))
    lit = averaged.ghi > 0
    expected = np.reshape(values, (-1, 3)).mean(axis=1)
    assert averaged.ghi[lit] == pytest.approx(expected[lit], rel=1e-9, abs=1e-6)
    assert lit.sum() <= 4 * 18


def test_coarser_irradiance_has_the_shape_of_a_clear_sky_within_each_hour():
    fine = grid("2025-06-10", "2025-06-11", 15)
    clear = clear_sky(BRUSSELS, fine)
    half = hourly(
        0.5 * clear.ghi.reshape(24, 4).mean(axis=1),
        dni=clear.dni.reshape(24, 4).mean(axis=1),
        dhi=np.ones(24),
    )
    _, weather = half.conditions(BRUSSELS, fine)
    assert weather.ghi == pytest.approx(0.5 * clear.ghi, abs=1e-9)
    assert weather.dni == pytest.approx(clear.dni, abs=1e-9)


def test_energy_that_begins_within_an_hour_of_the_weather_gets_the_same_irradiance():
    weather = hourly(np.linspace(100, 900, 24))
    _, whole = weather.conditions(BRUSSELS, grid("2025-06-10", "2025-06-11", 15))
    sky, part = weather.conditions(BRUSSELS, grid("2025-06-10T09:45", "2025-06-10T14:15", 15))
    assert part.ghi == pytest.approx(whole.ghi[39:57], rel=1e-9)
    assert len(sky.zenith) == len(part.ghi) == 18


def test_air_is_averaged_or_repeated_and_a_default_where_unknown():
    start, _ = intervals("2025-06-10", "2025-06-11", 30)
    weather = Weather.from_frame(weather_frame(start, ghi=np.zeros(48), temp_air=np.arange(48.0)))
    _, weather = weather.conditions(BRUSSELS, grid("2025-06-10", "2025-06-11", 60))
    assert weather.temp_air == pytest.approx(np.arange(24) * 2 + 0.5)
    assert (weather.wind_speed == 1).all()
    _, weather = hourly(np.zeros(24)).conditions(BRUSSELS, grid("2025-06-10", "2025-06-11", 60))
    assert (weather.temp_air == 20).all()


def test_too_short_cover_names_the_first_time_without():
    weather = hourly(np.zeros(48))
    with pytest.raises(
        InputError,
        match=r"no row for 2025-06-12T00:00:00Z; it covers 2025-06-10T00:00:00Z to 2025-06-12",
    ):
        weather.conditions(BRUSSELS, grid("2025-06-10", "2025-06-12T00:30", 30))
    with pytest.raises(InputError, match="no row for 2025-06-09T23:00:00Z"):
        weather.conditions(BRUSSELS, grid("2025-06-09T23:30", "2025-06-10T12:00", 30))


def by_day(first, days):
    """A year whose temperature numbers its days from 1 and whose wind is the hour."""
    size = 24 * days
    air = {"temp_air": np.arange(size) // 24 / 10, "wind_speed": np.arange(size) % 24.0}
    return hourly(np.full(size, 50.0), first, **air)


def test_a_year_stands_for_other_years_by_month_day_and_hour():
    year = by_day("2023-01-01", 365)
    _, weather = year.conditions(BRUSSELS, grid("2025-12-30", "2026-01-03", 60))
    assert weather.temp_air.reshape(-1, 24)[:, 5] == pytest.approx([36.3, 36.4, 0, 0.1])
    assert weather.wind_speed[:24] == pytest.approx(np.arange(24))


def test_the_leap_day_is_the_28th_where_the_year_has_none():
    march = grid("2024-02-28", "2024-03-02", 60)
    _, weather = by_day("2023-01-01", 365).conditions(BRUSSELS, march)
    assert weather.temp_air[::24] == pytest.approx([5.8, 5.8, 5.9])
    _, weather = by_day("2024-01-01", 366).conditions(
        BRUSSELS, grid("2028-02-28", "2028-03-02", 60)
    )
    assert weather.temp_air[::24] == pytest.approx([5.8, 5.9, 6.0])
    _, weather = by_day("2024-01-01", 366).conditions(
        BRUSSELS, grid("2025-02-28", "2025-03-02", 60)
    )
    assert weather.temp_air[::24] == pytest.approx([5.8, 6.0])


def test_a_local_year_also_stands_for_the_hours_before_and_after_it():
    year = by_day("2025-01-01T08:00", 365)
    _, weather = year.conditions(BRUSSELS, grid("2024-12-31T23:00", "2025-01-02", 60))
    assert weather.temp_air[:3] == pytest.approx([36.4, 36.4, 36.4])  # the last day ends at 08:00
    _, weather = year.conditions(BRUSSELS, grid("2026-01-01T06:00", "2026-01-01T10:00", 60))
    assert weather.temp_air == pytest.approx([36.4, 36.4, 0, 0])


def test_part_of_a_year_is_not_used_for_other_years():
    with pytest.raises(InputError, match=r"only weather of one whole year \(365 or 366 days\)"):
        by_day("2023-01-01", 364).conditions(BRUSSELS, grid("2025-06-01", "2025-06-02", 60))


def test_a_time_that_is_covered_is_its_own_weather():
    """Of 366 days the last is another year's first: both keep their own."""
    year = by_day("2023-01-01", 366)
    _, weather = year.conditions(BRUSSELS, grid("2024-01-01", "2024-01-01T02:00", 60))
    assert weather.temp_air == pytest.approx([36.5, 36.5])
    _, weather = year.conditions(BRUSSELS, grid("2023-01-01", "2023-01-01T02:00", 60))
    assert weather.temp_air == pytest.approx([0, 0])


def test_means_over_other_intervals():
    edges = np.array([0, 60, 120, 180]) * 60_000_000
    assert mean_over(
        np.array([1.0, 2.0, 4.0]), edges, np.array([0, 90, 180]) * 60_000_000
    ) == pytest.approx([4 / 3, 10 / 3])


# The bundled year


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:DatetimeIndex.dayofyear")  # pvlib asks pandas by its old name
def test_the_table_is_made_again_from_the_stations(tmp_path):
    spec = importlib.util.spec_from_file_location("make_weather", TOP / "data" / "make_weather.py")
    maker = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(maker)
    assert list(STATIONS) == list(maker.ORDER)
    maker.make(tmp_path / "table.gz")
    again, kept = (
        np.loadtxt(gzip.open(file), delimiter=",", skiprows=1)  # noqa: SIM115
        for file in (
            tmp_path / "table.gz",
            TOP / "flipkit" / "scenarios" / "solar" / TABLE,
        )
    )
    assert kept.shape == (8760, 9)
    assert np.abs(again - kept).max() <= 1  # another pvlib may round another way


@pytest.mark.parametrize("key", STATIONS)
def test_at_a_station_the_bundled_days_follow_the_measured_days(key):
    """The table holds square roots of the shares: squared, they give the measured irradiance."""
    station = STATIONS[key]
    wanted = grid("2025-01-01", "2026-01-01", 60)
    sky, weather = typical_conditions(SolarSite(station.latitude, station.longitude), wanted)
    share = np.divide(weather.ghi, sky.ghi, out=np.zeros_like(sky.ghi), where=sky.ghi > 0)
    daily = (share**2 * sky.ghi).reshape(365, 24).sum(axis=1)
    measured = measured_ghi(key).reshape(365, 24).sum(axis=1)
    assert daily.sum() == pytest.approx(measured.sum(), rel=0.02)
    shifted = [np.corrcoef(daily, np.roll(measured, days))[0, 1] for days in (-2, -1, 0, 1, 2)]
    assert shifted[2] > 0.97
    assert max(shifted) == shifted[2]


STANDARD_TIME = {"greensboro": -5, "miami": -5, "sand_point": -9}
"""Hours by which the stations' clocks differ from UTC, as their files say."""


def measured_ghi(key):
    """Measured irradiance by UTC hour, read by pvlib from its own files."""
    import pvlib

    folder = Path(pvlib.__file__).parent / "data"
    if key == "miami":
        ghi = pvlib.iotools.read_tmy2(folder / "12839.tm2")[0]["GHI"]
    else:
        file = {"greensboro": "723170TYA.CSV", "sand_point": "703165TY.csv"}[key]
        ghi = pvlib.iotools.read_tmy3(folder / file, coerce_year=2025, map_variables=True)[0]["ghi"]
    return np.roll(ghi.to_numpy(float), -STANDARD_TIME[key])


@pytest.mark.parametrize("key", STANDARD_TIME)
def test_at_a_station_clouds_come_at_the_measured_hour(key):
    """A table that is read an hour off has the right days and seasons, but the wrong hours."""
    station = STATIONS[key]
    site = SolarSite(station.latitude, station.longitude)
    sky, weather = typical_conditions(site, grid("2025-01-01", "2026-01-01", 60))
    is_high = sky.ghi > 200
    bundled = (weather.ghi / np.maximum(sky.ghi, 1)) ** 2
    clear_index = measured_ghi(key) / np.maximum(sky.ghi, 1)
    by_shift = {}
    for hours in (-2, -1, 0, 1, 2):
        measured = np.roll(clear_index, hours)
        usable = is_high & np.roll(is_high, hours)
        by_shift[hours] = np.corrcoef(bundled[usable], measured[usable])[0, 1]
    assert max(by_shift, key=by_shift.get) == 0
    assert by_shift[0] > 0.95
    assert by_shift[0] > by_shift[1] + 0.05
    assert by_shift[0] > by_shift[-1] + 0.05


def test_the_nearest_station_by_latitude_north_or_south():
    nearest = {
        90: "sand_point",
        51.5: "sand_point",
        37: "greensboro",
        -33.9: "greensboro",
        0: "miami",
        -20: "miami",
    }
    keys = {station: key for key, station in STATIONS.items()}
    assert {latitude: keys[nearest_station(latitude)] for latitude in nearest} == nearest


def test_the_bundled_leap_day_is_the_28th_again():
    wanted = grid("2024-02-28", "2024-03-01", 60)
    _, weather = typical_conditions(SolarSite(36.1, -79.95), wanted)
    first, second = weather.temp_air.reshape(2, 24)
    assert first[6:] == pytest.approx(second[6:], abs=0.02)  # true solar time moves by seconds
    _, common = typical_conditions(SolarSite(36.1, -79.95), grid("2025-03-01", "2025-03-02", 60))
    _, after = typical_conditions(SolarSite(36.1, -79.95), grid("2024-03-01", "2024-03-02", 60))
    assert common.temp_air[6:] == pytest.approx(after.temp_air[6:], abs=0.1)


def test_south_of_the_equator_the_station_s_summer_is_in_january():
    def months(latitude):
        _, weather = typical_conditions(
            SolarSite(latitude, 0.0), grid("2025-01-01", "2026-01-01", 60)
        )
        return weather.temp_air.reshape(365, 24)

    south, north = months(-36.1), months(36.1)
    assert south[:31].mean() > south[180:211].mean() + 10
    assert south.mean() == pytest.approx(north.mean(), abs=0.1)
    assert south[:, 14].mean() > south[:, 4].mean() + 5  # days stay days
