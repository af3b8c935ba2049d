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
    "mip_abs_gap": 1e-9,  # close to 0: the relative gap decides
    "mip_feasibility_tolerance": 1e-9,
}
_CONTINUOUS, _INTEGER = 0, 1  # highspy.HighsVarType as the array interface takes it


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


class LinearProgram:
    """Columns with bounds and costs, rows with bounds and coefficients; minimizes the cost."""

    def __init__(self) -> None:
        # Blocks of arrays, joined when the program is passed to HiGHS.
        self._column_lower: list[Float64] = []
        self._column_upper: list[Float64] = []
        self._column_cost: list[Float64] = []
        self._column_kind: list[Int64] = []
        self._row_lower: list[Float64] = []
        self._row_upper: list[Float64] = []
        self._entry_row: list[Int64] = []
        self._entry_column: list[Int64] = []
        self._entry_value: list[Float64] = []
        self._columns = 0
        self._rows = 0

    def add_columns(
        self, upper: Any, cost: Any = 0.0, *, lower: Any = 0.0, integer: bool = False
    ) -> Int64:
        """Add a column per upper bound, and return their numbers."""
        upper = np.atleast_1d(np.asarray(upper, dtype=np.float64))
        self._column_lower.append(_spread(lower, upper.shape))
        self._column_upper.append(upper)
        self._column_cost.append(_spread(cost, upper.shape))
        self._column_kind.append(np.full(len(upper), _INTEGER if integer else _CONTINUOUS))
        first = self._columns
        self._columns += len(upper)
        return np.arange(first, self._columns)

    def add_rows(self, lower: Any, upper: Any, *entries: Entries) -> Int64:
        """Add a row per lower bound, and return their numbers."""
        lower = np.atleast_1d(np.asarray(lower, dtype=np.float64))
        self._row_lower.append(lower)
        self._row_upper.append(_spread(upper, lower.shape))
        first = self._rows
        for row, column, value in entries:
            rows = np.atleast_1d(np.asarray(row, dtype=np.int64)) + first
            self._entry_row.append(rows)
            self._entry_column.append(np.broadcast_to(column, rows.shape))
            self._entry_value.append(np.broadcast_to(value, rows.shape))
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
        feasible = highspy.SolutionStatus.kSolutionStatusFeasible
        if model.getInfo().primal_solution_status != feasible:
            return None
        is_optimal = model.getModelStatus() == highspy.HighsModelStatus.kOptimal
        return self._result(model, has_integers=has_integers, is_optimal=is_optimal)

    def _result(self, model: Any, *, has_integers: bool, is_optimal: bool) -> SolverResult:
        info = model.getInfo()
        solution = model.getSolution()
        objective = float(info.objective_function_value)
        # A MILP has a bound of its own; an LP that ran out of time has none.
        if has_integers:
            bound = float(info.mip_dual_bound)
        elif is_optimal:
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
        lower = np.concatenate(self._column_lower)
        upper = np.concatenate(self._column_upper)
        cost = np.concatenate(self._column_cost)
        model.addVars(self._columns, lower, upper)
        numbers = np.arange(self._columns, dtype=np.int32)
        model.changeColsCost(self._columns, numbers, cost)
        kind = np.concatenate(self._column_kind)
        integers = np.flatnonzero(kind).astype(np.int32)
        if len(integers):
            kinds = kind[integers].astype(np.uint8)
            model.changeColsIntegrality(len(integers), integers, kinds)
        return len(integers) > 0

    def _pass_rows(self, model: Any) -> Any:
        """Pass the rows to HiGHS in compressed form, and return its status."""
        lower = np.concatenate(self._row_lower)
        upper = np.concatenate(self._row_upper)
        row = np.concatenate(self._entry_row)
        column = np.concatenate(self._entry_column)
        value = np.concatenate(self._entry_value)
        # HiGHS rejects two entries at one place, as where two runs of a ladder share an interval:
        # add them up.
        places, entry_place = np.unique(row * self._columns + column, return_inverse=True)
        values = np.asarray(np.bincount(entry_place, value), dtype=np.float64)
        rows, columns = np.divmod(places, self._columns)  # sorted by row
        starts = np.searchsorted(rows, np.arange(self._rows))
        return model.addRows(
            self._rows,
            lower,
            upper,
            len(values),
            starts.astype(np.int32),
            columns.astype(np.int32),
            values,
        )


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
