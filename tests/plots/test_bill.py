"""The pictures of bills show the numbers of the frames."""

import numpy as np
import pytest

from flipkit.errors import InputError
from flipkit.plots import bill_bars, regret_by_month, regret_heatmap

A = [
    ("a", "Day", "2025-01", "energy peak", 10.0, "EUR"),
    ("a", "Day", "2025-01", "energy off tier 2", 2.0, "EUR"),
    ("a", "Day", "2025-01", "fixed meter", 1.0, "EUR"),
    ("a", "Day", "2025-01", "export all", -4.0, "EUR"),
    ("a", "Day", "2025-01", "carry over", -1.5, "EUR"),
    ("a", "Day", "2025-02", "energy peak", 3.0, "EUR"),
    ("a", "Day", "2025-02", "demand top tier 2", 5.0, "EUR"),
]
B = [
    ("a", "Night", "2025-01", "energy all", 9.0, "EUR"),
    ("a", "Night", "2025-02", "energy all", 6.0, "EUR"),
]
OTHER = [
    ("b", "Day", "2025-01", "energy peak", 0.5, "EUR"),
    ("b", "Day", "2025-02", "energy peak", 0.25, "EUR"),
]


def bars(ax):
    """Bottom and height of each bar by kind."""
    return {
        each.get_label(): [(bar.get_y(), bar.get_height()) for bar in each]
        for each in ax.containers
    }


def drawn(ax):
    [mesh] = ax.collections
    return np.asarray(mesh.get_array())


def names(axis):
    return [label.get_text() for label in axis.get_ticklabels()]


def figures(ax):
    return [text.get_text() for text in ax.texts]


def test_charges_are_stacked_above_zero_and_credits_below(bill_rows):
    ax = bill_bars(bill_rows(*A, *OTHER))
    assert bars(ax) == {
        "energy": [(0.0, 12.5), (0.0, 3.25)],
        "demand": [(12.5, 0.0), (3.25, 5.0)],
        "fixed": [(12.5, 1.0), (8.25, 0.0)],
        "export": [(0.0, -4.0), (8.25, 0.0)],
        "carry over": [(-4.0, -1.5), (8.25, 0.0)],
    }
    [line] = [each for each in ax.lines if each.get_label() == "to pay"]
    assert line.get_ydata().tolist() == [8.0, 8.25]
    assert (names(ax.xaxis), ax.get_ylabel()) == (["2025-01", "2025-02"], "EUR")
    assert ax.get_ylim() == pytest.approx((-5.83, 14.31))


def test_a_kind_that_costs_nothing_is_not_drawn(bill_rows):
    free = [
        ("a", "Day", "2025-01", "export all", 0.0, "EUR"),
        ("a", "Day", "2025-01", "energy all", 2.0, "EUR"),
    ]
    assert bars(bill_bars(bill_rows(*free))) == {"energy": [(0.0, 2.0)]}


def test_a_bill_of_nothing_is_an_empty_picture(bill_rows):
    """Without an extent the axis stays as matplotlib makes it; equal limits would be a warning."""
    ax = bill_bars(bill_rows(("a", "Day", "2025-01", "energy all", 0.0, "EUR")))
    assert bars(ax) == {}
    low, high = ax.get_ylim()
    assert low < 0.0 < high


def test_a_site_with_bills_of_two_tariffs_is_not_counted_twice(bill_rows):
    both = bill_rows(*A, *B)
    with pytest.raises(
        InputError, match="site a has bills of 'Day' and 'Night'; choose one with tariff="
    ):
        bill_bars(both)
    ax = bill_bars(both, tariff="Night")
    assert bars(ax) == {"energy": [(0.0, 9.0), (0.0, 6.0)]}
    assert ax.get_title("left") == "Components of the bill: Night"
    with pytest.raises(InputError, match="the bill holds Day, Night; choose one with tariff="):
        bill_bars(both, tariff="Noon")


def test_currencies_do_not_share_an_axis(bill_rows):
    pound = ("c", "Day", "2025-01", "energy all", 7.0, "GBP")
    with pytest.raises(InputError, match="EUR, GBP"):
        bill_bars(bill_rows(*A, pound))
    assert bars(bill_bars(bill_rows(*A, pound), currency="GBP")) == {"energy": [(0.0, 7.0)]}
    with pytest.raises(InputError, match="EUR, GBP"):
        regret_by_month(bill_rows(*A, ("a", "Pound", "2025-01", "energy all", 7.0, "GBP")))


def test_regret_by_month_is_the_cost_above_the_cheapest_tariff(bill_rows):
    ax = regret_by_month(bill_rows(*A, *B))
    assert drawn(ax).tolist() == [[0.0, 2.0], [1.5, 0.0]]
    assert (names(ax.yaxis), names(ax.xaxis)) == (["Day", "Night"], ["2025-01", "2025-02"])
    assert figures(ax) == ["0", "2", "2", "0"]
    assert "EUR" in [other.get_ylabel() for other in ax.figure.axes]


def test_regret_by_month_is_of_one_site_and_of_the_same_months(bill_rows):
    with pytest.raises(InputError, match="the bill holds a, b; choose one with site_id="):
        regret_by_month(bill_rows(*A, *OTHER))
    assert drawn(regret_by_month(bill_rows(*A, *OTHER), site_id="b")).tolist() == [[0.0, 0.0]]
    with pytest.raises(
        InputError, match="tariff 'Night' has no month 2025-01; rate the same energy"
    ):
        regret_by_month(bill_rows(*A, B[1]))


def test_the_regret_of_sites_and_tariffs(matrix):
    rows = [
        ("b", "x", 0.0, "EUR"),
        ("b", "y", 12.25, "EUR"),
        ("a", "x", 3.5, "EUR"),
        ("a", "y", 0.0, "EUR"),
    ]
    ax = regret_heatmap(matrix(*rows))
    assert drawn(ax).tolist() == [[3.5, 0.0], [0.0, 12.25]]
    assert (names(ax.yaxis), names(ax.xaxis)) == (["a", "b"], ["x", "y"])
    assert figures(ax) == ["4", "0", "0", "12"]


@pytest.mark.parametrize("draw", [bill_bars, regret_by_month])
def test_a_bill_without_rows_has_nothing_to_show(bill_rows, draw):
    assert figures(draw(bill_rows())) == ["nothing to show"]


def test_a_matrix_without_rows_has_nothing_to_show(matrix):
    assert figures(regret_heatmap(matrix())) == ["nothing to show"]


def test_a_real_bill_is_drawn_to_the_cent(frames_library):
    from flipkit.frames import Table, take
    from flipkit.tariffs import FixedCharge, Tariff
    from flipkit.tariffs.rating import bill, bill_matrix

    columns = {
        "site_id": "a",
        "start_utc": np.arange(24 * 60) * 3_600_000_000,
        "consumption_kwh": np.ones(24 * 60),
    }
    energy = Table("energy", tuple(columns), key=()).build(columns, frames_library)
    place = {"currency": "EUR", "timezone": "UTC"}
    plans = [
        Tariff(
            "fee", "EUR", "UTC", Tariff.flat(0.1, **place).rates, fixed=FixedCharge("f", per_day=1)
        ),
        Tariff.time_of_use({"00:00-12:00": 0.1, "12:00-24:00": 0.3}, name="hours", **place),
    ]
    cost = {
        name: np.array(values)
        for name, values in {"fee": (105.4, 95.2, 3.4), "hours": (148.8, 134.4, 4.8)}.items()
    }
    ax = regret_by_month(bill(energy, plans))
    assert drawn(ax) == pytest.approx(
        np.array([cost["fee"] - cost["fee"], cost["hours"] - cost["fee"]])
    )
    assert drawn(regret_heatmap(bill_matrix(energy, plans))) == pytest.approx(
        np.array([[0.0, 84.0]])
    )
    assert take(bill_matrix(energy, plans), numbers=["cost"])["cost"] == pytest.approx(
        [204.0, 288.0]
    )
