"""Small frames in either library, and figures that are closed after each test."""

import matplotlib as mpl
import pytest

from flipkit.frames import (
    BILL,
    BILL_MATRIX,
    COST_REPORT,
    LOST_VALUE_REPORT,
    PERFORMANCE_REPORT,
    SIMULATION_SUMMARY,
)

mpl.use("agg")

NAMES = {
    BILL: ("site_id", "tariff", "month", "component", "cost", "currency"),
    BILL_MATRIX: ("site_id", "tariff", "regret", "currency"),
    PERFORMANCE_REPORT: ("site_id", "month", "performance_index"),
    COST_REPORT: ("site_id", "period", "tariff_direction", "cost", "currency", "coverage"),
    LOST_VALUE_REPORT: ("site_id", "lost_value", "lost_value_low", "lost_value_high", "currency"),
    SIMULATION_SUMMARY: ("site_id", "scenario", "saving", "currency"),
}


@pytest.fixture(autouse=True)
def _no_figure_stays_open():
    import matplotlib.pyplot as plt

    yield
    plt.close("all")


def _maker(table):
    """Return a fixture that builds a frame from rows of the columns that the picture reads."""

    def fixture(frames_library):
        def make(*rows):
            return table.build(
                {name: [row[at] for row in rows] for at, name in enumerate(NAMES[table])},
                frames_library,
            )

        return make

    return pytest.fixture(fixture)


bill_rows = _maker(BILL)
matrix = _maker(BILL_MATRIX)
performance = _maker(PERFORMANCE_REPORT)
cost = _maker(COST_REPORT)
lost = _maker(LOST_VALUE_REPORT)
summary = _maker(SIMULATION_SUMMARY)
