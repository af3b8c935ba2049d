"""A linear program (LP) or mixed-integer one (MILP) in HiGHS, built from columns and rows."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from flipkit.errors import ConfigurationError, FlipkitError
from flipkit.vocabulary import Float64, Int64

__all__ = ["LinearProgram", "SolverResult"]

Entries = tuple[Any, Any, Any]
"""Row (counted from the first of its block), column and value; a single one serves all."""

_OPTIONS = {
    "output_flag": False,
    "threads": 1,  # so that each run gives the same result
    "random_seed": 0,
    "mip_abs_gap": 1e-9,
    "mip_feasibility_tolerance": 1e-9,
}
_INTEGER = 1  # highspy.HighsVarType.kInteger, as the array interface takes it


class SolverResult(NamedTuple):
    """The best solution that HiGHS found.

    Attributes
    ----------
    values : ndarray of float64, shape (columns,)
    duals : ndarray of float64, shape (rows,)
        What one more on the right-hand side would cost; NaN if there are integer columns, or HiGHS
        gives none.
    objective, bound : float
        Cost of the solution, and the proven lower bound.
    """

    values: Float64
    duals: Float64
    objective: float
    bound: float


class _Columns(NamedTuple):
    lower: Float64
    upper: Float64
    cost: Float64
    is_integer: np.ndarray


class _ProgramRows(NamedTuple):
    lower: Float64
    upper: Float64


class _Coefficients(NamedTuple):
    row: Int64
    column: Int64
    value: Float64


class LinearProgram:
    """Columns with bounds and costs, rows with bounds and coefficients; minimizes the cost."""

    def __init__(self) -> None:
        self._column_blocks: list[_Columns] = []
        self._row_blocks: list[_ProgramRows] = []
        self._coefficient_blocks: list[_Coefficients] = []
        self._columns = 0
        self._rows = 0

    def add_columns(
        self, upper: Any, cost: Any = 0.0, *, lower: Any = 0.0, integer: bool = False
    ) -> Int64:
        """Add a column per upper bound, and return their numbers."""
        upper = np.atleast_1d(np.asarray(upper, dtype=np.float64))
        block = _Columns(
            lower=_spread(lower, upper.shape),
            upper=upper,
            cost=_spread(cost, upper.shape),
            is_integer=np.full(len(upper), integer),
        )
        self._column_blocks.append(block)
        first = self._columns
        self._columns += len(upper)
        return np.arange(first, self._columns)

    def add_rows(self, lower: Any, upper: Any, *entries: Entries) -> Int64:
        """Add a row per lower bound, and return their numbers."""
        lower = np.atleast_1d(np.asarray(lower, dtype=np.float64))
        self._row_blocks.append(_ProgramRows(lower, _spread(upper, lower.shape)))
        first = self._rows
        for row, column, value in entries:
            rows = np.atleast_1d(np.asarray(row, dtype=np.int64)) + first
            block = _Coefficients(
                row=rows,
                column=np.broadcast_to(column, rows.shape),
                value=np.broadcast_to(value, rows.shape),
            )
            self._coefficient_blocks.append(block)
        self._rows += len(lower)
        return np.arange(first, self._rows)

    def solve(self, seconds: float, gap: float) -> SolverResult | None:
        """Return the best solution found in time, to a relative `gap`; None if there is none.

        Raises
        ------
        ConfigurationError
            HiGHS is not installed.
        """
        highspy = _import_highspy()
        model = highspy.Highs()
        limits = {"time_limit": max(seconds, 0.01), "mip_rel_gap": gap}
        for name, value in {**_OPTIONS, **limits}.items():
            model.setOptionValue(name, value)
        has_integers = self._pass_columns(model)
        status = self._pass_rows(model)
        if status == highspy.HighsStatus.kError:
            raise FlipkitError(
                "HiGHS rejects the linear program of this dispatch; please report it with the "
                "tariff"
            )
        model.run()

        info = model.getInfo()
        if info.primal_solution_status != highspy.SolutionStatus.kSolutionStatusFeasible:
            return None
        solution = model.getSolution()
        objective = float(info.objective_function_value)
        if has_integers:
            bound = float(info.mip_dual_bound)
        elif model.getModelStatus() == highspy.HighsModelStatus.kOptimal:
            bound = objective
        else:
            bound = -np.inf
        duals = np.full(self._rows, np.nan)
        if not has_integers and len(solution.row_dual) == self._rows:
            duals = np.array(solution.row_dual)
        return SolverResult(
            values=np.array(solution.col_value), duals=duals, objective=objective, bound=bound
        )

    def _pass_columns(self, model: Any) -> bool:
        """Pass the columns to HiGHS, and return whether some are integers."""
        blocks = self._column_blocks
        lower = np.concatenate([block.lower for block in blocks])
        upper = np.concatenate([block.upper for block in blocks])
        cost = np.concatenate([block.cost for block in blocks])
        is_integer = np.concatenate([block.is_integer for block in blocks])
        model.addVars(self._columns, lower, upper)
        model.changeColsCost(self._columns, np.arange(self._columns, dtype=np.int32), cost)
        integers = np.flatnonzero(is_integer).astype(np.int32)
        if len(integers):
            kinds = np.full(len(integers), _INTEGER, dtype=np.uint8)
            model.changeColsIntegrality(len(integers), integers, kinds)
        return len(integers) > 0

    def _pass_rows(self, model: Any) -> Any:
        """Pass the rows to HiGHS, and return its status."""
        lower = np.concatenate([block.lower for block in self._row_blocks])
        upper = np.concatenate([block.upper for block in self._row_blocks])
        row = np.concatenate([block.row for block in self._coefficient_blocks])
        column = np.concatenate([block.column for block in self._coefficient_blocks])
        value = np.concatenate([block.value for block in self._coefficient_blocks])
        # HiGHS rejects two entries at one place, as where two runs of a ladder share an interval:
        # add them up.
        places, entry_place = np.unique(row * self._columns + column, return_inverse=True)
        values = np.asarray(np.bincount(entry_place, value), dtype=np.float64)
        starts = np.searchsorted(places // self._columns, np.arange(self._rows)).astype(np.int32)
        columns = (places % self._columns).astype(np.int32)
        return model.addRows(self._rows, lower, upper, len(values), starts, columns, values)


def _spread(values: Any, shape: tuple[int, ...]) -> Float64:
    return np.broadcast_to(np.asarray(values, dtype=np.float64), shape)


def _import_highspy() -> Any:
    try:
        import highspy
    except ImportError:
        raise ConfigurationError(
            "the cheapest dispatch under demand charges or tiers requires the HiGHS solver: run "
            "pip install 'flipkit[milp]', or choose dispatch='rule' or 'rule_tou'"
        ) from None
    return highspy
