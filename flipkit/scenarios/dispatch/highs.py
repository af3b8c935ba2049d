"""A linear or mixed-integer programme in HiGHS, put together a block of columns and rows at a time."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from flipkit.errors import ConfigurationError, FlipkitError
from flipkit.vocabulary import Float64, Int64

__all__ = ["Answer", "Programme", "highspy"]

Entries = tuple[Any, Any, Any]
"""Row (counted from the first of its block), column and value of entries; values may be one for all."""

_OPTIONS = {
    "output_flag": False,
    "threads": 1,
    "random_seed": 0,
    "mip_abs_gap": 1e-9,
    "mip_feasibility_tolerance": 1e-9,
}


class Answer(NamedTuple):
    """What HiGHS found.

    Attributes
    ----------
    values : ndarray of float64, shape (columns,)
    duals : ndarray of float64, shape (rows,)
        What one more on the right-hand side would cost; NaN where there are whole numbers, or HiGHS does not say.
    objective, bound : float
        The cost of what was found, and the least that is not ruled out.
    """

    values: Float64
    duals: Float64
    objective: float
    bound: float


class Programme:
    """Columns with bounds and costs, rows with bounds and entries."""

    def __init__(self) -> None:
        self._columns: list[tuple[Float64, Float64, Float64, bool]] = []
        self._rows: list[tuple[Float64, Float64]] = []
        self._entries: list[tuple[Int64, Int64, Float64]] = []
        self._width = self._height = 0

    def columns(
        self, upper: Any, cost: Any = 0.0, *, lower: Any = 0.0, whole: bool = False
    ) -> Int64:
        """Add a column for each upper bound; their numbers."""
        upper = np.atleast_1d(np.asarray(upper, dtype=np.float64))
        low, price = (
            np.broadcast_to(np.asarray(each, dtype=np.float64), upper.shape)
            for each in (lower, cost)
        )
        self._columns.append((low, upper, price, whole))
        self._width += len(upper)
        return np.arange(self._width - len(upper), self._width)

    def rows(self, least: Any, upto: Any, *entries: Entries) -> Int64:
        """Add a row for each lower bound; their numbers."""
        least = np.atleast_1d(np.asarray(least, dtype=np.float64))
        self._rows.append((least, np.broadcast_to(np.asarray(upto, dtype=np.float64), least.shape)))
        for row, column, value in entries:
            at = np.atleast_1d(np.asarray(row, dtype=np.int64)) + self._height
            where, values = np.broadcast_to(column, at.shape), np.broadcast_to(value, at.shape)
            self._entries.append((at, where, values))
        self._height += len(least)
        return np.arange(self._height - len(least), self._height)

    def solve(self, seconds: float, gap: float) -> Answer | None:
        """The cheapest that is found in so many seconds, proven to a relative `gap`; None where nothing is found.

        Raises
        ------
        ConfigurationError
            HiGHS is not installed.
        """
        solver = highspy()
        model = solver.Highs()
        for name, value in {
            **_OPTIONS,
            "time_limit": max(seconds, 0.01),
            "mip_rel_gap": gap,
        }.items():
            model.setOptionValue(name, value)
        is_whole = self._hand_over(model)
        model.run()
        found, info = model.getSolution(), model.getInfo()
        if info.primal_solution_status != solver.SolutionStatus.kSolutionStatusFeasible:
            return None
        ended = model.getModelStatus() == solver.HighsModelStatus.kOptimal
        cost = float(info.objective_function_value)
        bound = float(info.mip_dual_bound) if is_whole else cost if ended else -np.inf
        duals = (
            np.array(found.row_dual)
            if len(found.row_dual) == self._height and not is_whole
            else np.full(self._height, np.nan)
        )
        return Answer(np.array(found.col_value), duals, cost, bound)

    def _hand_over(self, model: Any) -> bool:
        lower, upper, cost = (np.concatenate([each[k] for each in self._columns]) for k in range(3))
        whole = np.concatenate([np.full(len(each[0]), each[3]) for each in self._columns])
        model.addVars(self._width, lower, upper)
        model.changeColsCost(self._width, np.arange(self._width, dtype=np.int32), cost)
        if whole.any():
            places = np.flatnonzero(whole).astype(np.int32)
            model.changeColsIntegrality(
                len(places), places, np.full(len(places), 1, dtype=np.uint8)
            )
        least, upto = (np.concatenate([each[k] for each in self._rows]) for k in range(2))
        row, column, value = (np.concatenate([each[k] for each in self._entries]) for k in range(3))
        # HiGHS refuses a column that is in a row twice, as an interval is that two of a ladder's stretches share.
        place, part = np.unique(row * self._width + column, return_inverse=True)
        values = np.asarray(np.bincount(part, value), dtype=np.float64)
        starts = np.searchsorted(place // self._width, np.arange(self._height)).astype(np.int32)
        columns = (place % self._width).astype(np.int32)
        taken = model.addRows(self._height, least, upto, len(values), starts, columns, values)
        if taken == highspy().HighsStatus.kError:
            raise FlipkitError(
                "HiGHS does not accept the programme of this dispatch; please report it with the tariff"
            )
        return bool(whole.any())


def highspy() -> Any:
    """The solver.

    Raises
    ------
    ConfigurationError
        It is not installed.
    """
    try:
        import highspy
    except ImportError:
        raise ConfigurationError(
            "the cheapest dispatch under demand charges or tiers, and one that outgrew the exact value function, needs "
            "the HiGHS solver: pip install 'flipkit[milp]', or choose method='rule' or 'rule_tou'"
        ) from None
    return highspy
