"""The pictures of the performance and lost-value reports show the numbers of the frames."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
from support import hand

from flipkit.errors import InputError
from flipkit.plots import lost_value_bars, performance_heatmap
from flipkit.reports import lost_value_report, performance_report


def labels(axis):
    return [label.get_text() for label in axis.get_ticklabels()]


def cells(ax):
    """The drawn matrix, NaN where nothing is drawn."""
    [mesh] = ax.collections
    return np.ma.filled(mesh.get_array(), np.nan).reshape(mesh.get_coordinates().shape[0] - 1, -1)


def test_the_heat_map_shows_the_index_of_each_site_and_month(performance):
    ax = performance_heatmap(
        performance(
            ("b", "2025-01", 0.7),
            ("a", "2025-02", 1.2),
            ("a", "2025-01", 0.9),
            ("b", "2025-02", np.nan),
        )
    )
    assert np.array_equal(cells(ax), [[0.9, 1.2], [0.7, np.nan]], equal_nan=True)
    assert labels(ax.yaxis) == ["a", "b"]
    assert labels(ax.xaxis) == ["2025-01", "2025-02"]
    assert ax.yaxis_inverted()  # the first site is at the top


def test_a_month_without_a_row_is_hatched(performance):
    ax = performance_heatmap(performance(("a", "2025-01", 0.9), ("b", "2025-02", 1.1)))
    assert np.array_equal(cells(ax), [[0.9, np.nan], [np.nan, 1.1]], equal_nan=True)
    assert ax.patch.get_hatch() == "////"  # visible where there is no cell


def test_the_color_scale_is_centered_on_1(performance):
    [mesh] = performance_heatmap(
        performance(("a", "2025-01", 1.0), ("a", "2025-02", 0.8))
    ).collections
    even, low = mesh.to_rgba(mesh.get_array()).reshape(-1, 4)
    assert np.ptp(even[:3]) < 0.02  # white
    assert low[0] > low[2]  # red
    assert mesh.norm(1.0) == 0.5


def test_the_heat_map_of_the_sample_fleet_shows_its_files(kit):
    ax = performance_heatmap(performance_report(kit, "2025-01", "2025-12"))
    drawn = cells(ax)
    sites, months = labels(ax.yaxis), labels(ax.xaxis)
    assert sites == sorted(hand.sites())
    for (site, month), (actual, expected) in hand.performance().items():
        if month in months:
            value = drawn[sites.index(site), months.index(month)]
            is_evaluated = actual is not None and expected
            assert (
                value == pytest.approx(float(actual / expected))
                if is_evaluated
                else np.isnan(value)
            )
    assert (
        int(np.isnan(drawn).sum()) == 7 * 12 + 2
    )  # six sites without panels and be-04; uk-04's and uk-07's month


def test_a_large_fleet_is_drawn_whole_and_labelled_in_part(performance):
    ax = performance_heatmap(performance(*((f"site-{n:04}", "2025-01", 1.0) for n in range(1000))))
    assert cells(ax).shape == (1000, 1)
    assert labels(ax.yaxis)[:2] == ["site-0000", "site-0009"]
    assert ax.figure.get_size_inches()[1] < 35


def bars(ax):
    """Lengths of horizontal bars by name, and the ends of their whiskers."""
    lengths = [patch.get_width() for patch in ax.patches]
    [whiskers] = ax.collections
    ends = [tuple(segment[:, 0]) for segment in whiskers.get_segments()]
    return dict(zip(labels(ax.yaxis), zip(lengths, ends, strict=True), strict=True))


def test_lost_value_is_summed_by_site_with_its_band_and_the_worst_is_first(lost):
    ax = lost_value_bars(
        lost(("a", 1.0, 0.5, 2.0, "EUR"), ("b", 4.0, 4.0, 6.0, "EUR"), ("a", 2.0, 1.0, 2.5, "EUR"))
    )
    assert list(bars(ax)) == ["b", "a"]
    assert bars(ax)["a"] == (3.0, (1.5, 4.5))
    assert bars(ax)["b"] == (4.0, (4.0, 6.0))
    assert "EUR" in ax.get_xlabel()


def test_months_without_a_value_are_left_out(lost):
    ax = lost_value_bars(lost(("a", 1.0, 0.5, 2.0, "EUR"), ("a", np.nan, np.nan, np.nan, "EUR")))
    assert bars(ax) == {"a": (1.0, (0.5, 2.0))}


def test_only_the_worst_sites_are_drawn(lost):
    frame = lost(*((f"s{n}", float(n), float(n), float(n), "EUR") for n in range(1, 30)))
    assert list(bars(lost_value_bars(frame, top=3))) == ["s29", "s28", "s27"]
    assert len(lost_value_bars(frame).patches) == 10


def test_lost_value_of_the_sample_fleet_is_the_sum_of_the_report(kit):
    report = lost_value_report(kit, "2025-10", "2025-12")
    drawn = bars(lost_value_bars(report, currency="USD"))
    for site, (value, (low, high)) in drawn.items():
        rows = (
            report[report["site_id"] == site]
            if kit.frames == "pandas"
            else report.filter(report["site_id"] == site)
        )
        assert value == pytest.approx(rows["lost_value"].sum(), abs=1e-9)
        assert low == pytest.approx(rows["lost_value_low"].sum(), abs=1e-9)
        assert high == pytest.approx(rows["lost_value_high"].sum(), abs=1e-9)
    assert [value for value, _ in drawn.values()] == sorted(
        (value for value, _ in drawn.values()), reverse=True
    )
    assert not {site for site in drawn if not site.startswith("ca-")}


def test_currencies_do_not_share_an_axis(lost):
    frame = lost(
        ("a", 1.0, 1.0, 1.0, "EUR"), ("b", 2.0, 2.0, 2.0, "USD"), ("c", 0.0, 0.0, 0.0, None)
    )
    with pytest.raises(InputError, match=r"holds EUR, USD; choose one with currency="):
        lost_value_bars(frame)
    with pytest.raises(InputError, match=r"holds EUR, USD; choose one"):
        lost_value_bars(frame, currency="GBP")
    assert list(bars(lost_value_bars(frame, currency="USD"))) == ["b"]


@pytest.mark.parametrize("draw", ["heat map", "bars"])
def test_the_axes_given_are_drawn_on_and_returned(performance, lost, draw):
    _, given = plt.subplots()
    if draw == "heat map":
        assert performance_heatmap(performance(("a", "2025-01", 0.9)), given) is given
    else:
        assert lost_value_bars(lost(("a", 1.0, 0.5, 2.0, "EUR")), given) is given
    assert len(plt.get_fignums()) == 1


def test_an_empty_report_has_nothing_to_show(performance, lost):
    for ax in (
        performance_heatmap(performance()),
        lost_value_bars(lost()),
        lost_value_bars(lost(), currency="EUR"),
    ):
        assert [text.get_text() for text in ax.texts] == ["nothing to show"]
    assert [t.get_text() for t in lost_value_bars(lost(("a", 0.0, 0.0, 0.0, None))).texts] == [
        "nothing to show"
    ]
