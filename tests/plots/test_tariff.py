"""The heat map of a tariff shows the mean price of each month and local half-hour."""

from dataclasses import replace

import matplotlib.pyplot as plt
import numpy as np
import pytest

from flipkit.calendar import to_us
from flipkit.errors import InputError
from flipkit.plots import tariff_heatmap
from flipkit.tariffs import Rate, Tariff, Tier

NIGHT = Tariff.time_of_use(
    {"00:00-07:00": 0.1, "07:00-16:30": 0.25, "16:30-24:00": 0.4},
    currency="EUR",
    timezone="Europe/Brussels",
)


def cells(ax):
    [mesh] = ax.collections
    return np.asarray(mesh.get_array()).reshape(12, 48)


def test_hours_are_local_in_summer_and_winter():
    wanted = np.repeat([0.1, 0.25, 0.4], [14, 19, 15])
    assert cells(tariff_heatmap(NIGHT)) == pytest.approx(np.tile(wanted, (12, 1)), abs=1e-12)


def test_a_price_series_is_averaged_over_the_days_of_a_month(frames_library):
    """A price of 1 on the first ten days of each month, else 0; in UTC."""
    from flipkit.frames import Table

    edges = np.arange("2025-01-01", "2026-01-02", dtype="datetime64[D]")
    month_day = (edges - edges.astype("datetime64[M]")).astype(int)
    columns = {
        "start_utc": edges[:-1].astype("datetime64[us]"),
        "end_utc": edges[1:].astype("datetime64[us]"),
        "price_per_kwh": (month_day[:-1] < 10).astype(float),
    }
    frame = Table("prices", tuple(columns), key=("start_utc",)).build(columns, frames_library)
    drawn = cells(tariff_heatmap(Tariff.from_prices(frame, currency="EUR", timezone="UTC")))
    days = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
    assert drawn == pytest.approx(np.repeat([10 / n for n in days], 48).reshape(12, 48), abs=1e-12)


def test_the_labels_name_tariff_zone_and_currency():
    ax = tariff_heatmap(NIGHT)
    assert ax.get_title("left") == "Time of use"
    assert ax.get_xlabel() == "local hour, Europe/Brussels"
    assert [label.get_text() for label in ax.yaxis.get_ticklabels()][::11] == ["Jan", "Dec"]
    assert "EUR/kWh" in [other.get_ylabel() for other in ax.figure.axes]


@pytest.mark.parametrize("in_parts", [False, True])
def test_with_tiers_the_first_one_is_drawn_and_the_title_says_so(in_parts):
    ladder = Rate(tiers=[Tier(0.2, 100), Tier(0.3)], start="00:00", end="12:00", period="a")
    place = ("tiered", "EUR", "UTC", (ladder, Rate(0.4, "12:00", "24:00", period="b")))
    tariff = Tariff(*place, tier_rule="prorate")
    if in_parts:
        edge = 1_750_000_000_000_000
        halves = [
            Tariff(*place, None, *bounds, tier_rule="prorate")
            for bounds in ((None, edge), (edge, None))
        ]
        tariff = Tariff.successive(halves)
    ax = tariff_heatmap(tariff)
    assert cells(ax) == pytest.approx(np.tile(np.repeat([0.2, 0.4], 24), (12, 1)), abs=1e-12)
    names = "tiered, then tiered" if in_parts else "tiered"
    assert ax.get_title("left") == f"{names}: price of the first tier"


def test_the_axes_given_are_drawn_on_and_returned():
    _, given = plt.subplots()
    assert tariff_heatmap(NIGHT, given) is given
    assert NIGHT.plot(ax=given) is given
    assert len(plt.get_fignums()) == 1


def january(frames_library):
    """A price in January 2024, and none at any other time."""
    from flipkit.frames import PRICES

    columns = {
        "location_id": "loc_1",
        "start_utc": np.array(["2024-01-01"], dtype="datetime64[us]"),
        "end_utc": np.array(["2024-02-01T12:15"], dtype="datetime64[us]"),
        "price_per_kwh": np.array([0.2]),
        "tariff_direction": "IMPORT",
        "currency": "EUR",
    }
    return Tariff.from_prices(PRICES.build(columns, frames_library), currency="EUR", timezone="UTC")


def test_the_nearest_year_is_drawn_and_cells_without_a_price_stay_empty(frames_library):
    ax = tariff_heatmap(january(frames_library))
    drawn, there = (
        np.ma.getmaskarray(ax.collections[0].get_array()).reshape(12, 48),
        np.zeros((12, 48), dtype=bool),
    )
    there[0], there[1, :24] = True, True  # the half-hour that is cut has no price of its own
    assert (drawn == ~there).all()
    assert cells(ax)[there] == pytest.approx(0.2)
    assert ax.get_ylabel() == "2024"
    assert tariff_heatmap(NIGHT).get_ylabel() == "2025"


@pytest.mark.parametrize(
    ("bounds", "year"), [(("2026-06-01", None), 2026), ((None, "2024-01-01"), 2023)]
)
def test_contracts_before_and_after_have_their_own_year(bounds, year):
    start, end = (None if day is None else to_us(day, "Europe/Brussels") for day in bounds)
    assert tariff_heatmap(replace(NIGHT, valid_from_us=start, valid_to_us=end)).get_ylabel() == str(
        year
    )


def test_a_year_without_prices_is_an_error(frames_library):
    with pytest.raises(
        InputError, match=r"no price in 2025, it is valid from 2024-01-01 00:00 .* another year="
    ):
        tariff_heatmap(january(frames_library), year=2025)
