"""The picture of the cost report shows the numbers of the frame."""

from datetime import date, timedelta

import matplotlib.pyplot as plt
import numpy as np
import pytest
from support import hand

from flipkit.errors import InputError
from flipkit.plots import cost_bars
from flipkit.reports import cost_report


def heights(ax, label):
    [container] = [each for each in ax.containers if each.get_label() == label]
    return [bar.get_height() for bar in container]


def line(ax, label):
    [found] = [each for each in ax.lines if each.get_label() == label]
    return list(zip(*found.get_data(), strict=True))


def names(axis):
    return [label.get_text() for label in axis.get_ticklabels()]


ROWS = [
    ("a", "2025-01", "IMPORT", 10.0, "EUR", 1.0),
    ("a", "2025-01", "EXPORT", 4.0, "EUR", 1.0),
    ("a", "2025-01", "LOCAL", 0.0, "EUR", 1.0),
    ("a", "2025-02", "IMPORT", 3.0, "EUR", 1.0),
    ("b", "2025-01", "IMPORT", 1.5, "EUR", 1.0),
]


def test_imports_go_up_exports_down_and_the_line_is_the_sum(cost):
    ax = cost_bars(cost(*ROWS))
    assert heights(ax, "imports") == [11.5, 3.0]
    assert heights(ax, "exports") == [-4.0, 0.0]
    assert line(ax, "to pay") == [(0, 7.5), (1, 3.0)]
    assert names(ax.xaxis) == ["2025-01", "2025-02"]
    assert ax.get_ylabel() == "EUR"


def test_a_period_with_missing_records_is_marked(cost):
    rows = [
        ("a", f"2025-0{n}", "IMPORT", 1.0, "EUR", coverage)
        for n, coverage in enumerate((1.0, 0.5, 1.0, 0.0), 1)
    ]
    ax = cost_bars(cost(*rows))
    assert [place for place, _ in line(ax, "records are missing")] == [1, 3]
    assert not [
        each for each in cost_bars(cost(rows[0])).lines if each.get_label() == "records are missing"
    ]


def test_a_site_that_never_exports_has_no_missing_records(cost):
    ax = cost_bars(
        cost(
            ("a", "2025-01", "IMPORT", 1.0, "EUR", 1.0),
            ("a", "2025-01", "EXPORT", np.nan, "EUR", 0.0),
        )
    )
    assert "records are missing" not in [text.get_text() for text in ax.get_legend().get_texts()]


def test_an_unknown_cost_is_left_out(cost):
    ax = cost_bars(cost(*ROWS[:1], ("b", "2025-01", "IMPORT", np.nan, "EUR", 1.0)))
    assert heights(ax, "imports") == [10.0]


def test_the_year_of_the_sample_fleet_is_the_one_computed_by_hand(kit):
    ax = cost_bars(cost_report(kit, "2025-01", "2025-12"), currency="GBP")
    own = [site for site, about in hand.sites().items() if about["currency"] == "GBP"]
    months = names(ax.xaxis)
    assert months == [f"2025-{n:02}" for n in range(1, 13)]
    for direction, label, sign in (("IMPORT", "imports", 1), ("EXPORT", "exports", -1)):
        by_hand = [hand.monthly(site, direction)[1] for site in own]
        wanted = [
            float(sum(hand.cents(each.get(month, hand.Decimal(0))) for each in by_hand))
            for month in months
        ]
        assert heights(ax, label) == pytest.approx([sign * value for value in wanted], abs=1e-9)


def test_a_year_of_days_fits_on_a_page_and_some_days_are_labelled(cost):
    days = [(date(2025, 1, 1) + timedelta(days=n)).isoformat() for n in range(365)]
    ax = cost_bars(
        cost(*(("a", day, "IMPORT", float(n), "EUR", 1.0) for n, day in enumerate(days)))
    )
    assert heights(ax, "imports") == list(map(float, range(365)))
    assert ax.figure.get_size_inches()[0] <= 12
    assert names(ax.xaxis) == days[::12]
    assert ax.get_xticks().tolist() == list(range(0, 365, 12))


def test_currencies_do_not_share_an_axis(cost):
    with pytest.raises(InputError, match=r"holds EUR, GBP; choose one with currency="):
        cost_bars(cost(*ROWS, ("c", "2025-01", "IMPORT", 1.0, "GBP", 1.0)))
    both = cost(*ROWS, ("c", "2025-01", "IMPORT", 1.0, "GBP", 1.0))
    assert heights(cost_bars(both, currency="GBP"), "imports") == [1.0]
    assert heights(cost_bars(both, currency="EUR"), "imports") == [11.5, 3.0]


def test_the_axes_given_are_drawn_on_and_returned(cost):
    _, given = plt.subplots()
    assert cost_bars(cost(*ROWS), given) is given
    assert len(plt.get_fignums()) == 1


def test_an_empty_frame_has_nothing_to_show(cost):
    assert [text.get_text() for text in cost_bars(cost()).texts] == ["nothing to show"]
