"""A choice that a frame does not have is refused by every picture, with what the frame has."""

import pytest

from flipkit import plots
from flipkit.errors import InputError
from flipkit.frames import (
    BILL,
    BILL_MATRIX,
    COST_REPORT,
    LOST_VALUE_REPORT,
    REGRET,
    SIMULATION_INTERVALS,
    SIMULATION_SUMMARY,
    WATERFALL,
)

CHOICES = [
    (plots.bill_bars, BILL, "tariff"),
    (plots.bill_bars, BILL, "currency"),
    (plots.regret_by_month, BILL, "site_id"),
    (plots.cost_bars, COST_REPORT, "currency"),
    (plots.lost_value_bars, LOST_VALUE_REPORT, "currency"),
    (plots.plan_regret_heatmap, REGRET, "site_id"),
    (plots.plan_regret_heatmap, REGRET, "scenario"),
    (plots.plan_regret_by_month, REGRET, "site_id"),
    (plots.plan_regret_by_month, REGRET, "scenario"),
    (plots.dispatch_week, SIMULATION_INTERVALS, "site_id"),
    (plots.dispatch_week, SIMULATION_INTERVALS, "scenario"),
    (plots.scenario_savings, SIMULATION_SUMMARY, "currency"),
    (plots.savings_waterfall, WATERFALL, "site_id"),
    (plots.savings_waterfall, WATERFALL, "scenario"),
    (plots.sweep_lines, SIMULATION_SUMMARY, "site_id"),
]
TEXTS = {"site_id": "home", "scenario": "today", "tariff": "plan", "currency": "EUR"}


def frame_of(table, library, *, currencies=("EUR",)):
    columns = {
        name: [text] * len(currencies) for name, text in TEXTS.items() if name in table.names
    }
    return table.build(columns | {"currency": list(currencies)}, library)


@pytest.mark.parametrize(("draw", "table", "option"), CHOICES)
def test_a_choice_that_the_frame_does_not_have_is_refused(frames_library, draw, table, option):
    more = {"x": {"today": 5.0}} if draw is plots.sweep_lines else {}
    with pytest.raises(InputError, match=f"holds {TEXTS[option]}; choose one with {option}="):
        draw(frame_of(table, frames_library), **more, **{option: "other"})


def test_the_regret_of_two_currencies_is_not_one_picture(frames_library):
    frame = frame_of(BILL_MATRIX, frames_library, currencies=("EUR", "GBP"))
    with pytest.raises(InputError, match="holds EUR, GBP"):
        plots.regret_heatmap(frame)
