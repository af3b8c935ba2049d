"""The cheapest dispatch as a mixed-integer programme in HiGHS: for value functions that outgrow their room.

One variable for each segment of an interval, from the most charging to the most discharging. Where their slopes do not
fall, the programme fills them in that order of itself; elsewhere a yes-or-no variable holds each until the one before
it is full.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from flipkit.errors import FlipkitError
from flipkit.scenarios.dispatch.highs import highspy
from flipkit.scenarios.dispatch.problem import Problem
from flipkit.scenarios.dispatch.segments import MOST, table
from flipkit.vocabulary import Float64

__all__ = ["solve"]

_OPTIONS = {
    "output_flag": False,
    "threads": 1,
    "random_seed": 0,
    "mip_rel_gap": 1e-9,
    "mip_abs_gap": 1e-9,
}


class _Rows(NamedTuple):
    """Rows of the programme as HiGHS takes them."""

    least: Float64
    upto: Float64
    starts: Any
    columns: Any
    values: Float64


def solve(problem: Problem, row: int) -> tuple[Float64, Float64, float]:
    """Dispatch one site, window after window, the store carried over.

    Returns
    -------
    flow : array of float
        Energy into the battery at its terminals, below 0 where it comes out.
    soc : array of float
        The store at the end of each interval, kWh.
    cost : float
        What HiGHS claims.

    Raises
    ------
    ConfigurationError
        HiGHS is not installed.
    FlipkitError
        HiGHS found no optimum.
    """
    slope, length, shape, fixed = table(problem, row)
    limits, at, total = problem.limits, problem.limits.first, 0.0
    drawn, begun = np.zeros(len(fixed)), 0
    for end in np.flatnonzero(problem.ends) + 1:
        part = slice(begun, int(end))
        used, cost = _window(slope[part], length[part], shape[part], limits.width, at)
        reach = np.where(np.arange(MOST) < shape[part, 1:], length[part], 0.0).sum(axis=1)
        drawn[part] = used.sum(axis=1) - reach
        at, total, begun = at - drawn[part].sum(), total + cost + fixed[part].sum(), int(end)
    flow = np.where(drawn > 0, -drawn * limits.out, -drawn / limits.into)
    return (
        np.clip(flow, -limits.most, limits.most),
        limits.floor + limits.first - np.cumsum(drawn),
        total,
    )


def _window(
    slope: Float64, length: Float64, shape: Any, width: float, at: float
) -> tuple[Float64, float]:
    """How much of each segment is used within one window, and what that costs."""
    solver, count = highspy(), len(slope)
    model = solver.Highs()
    for name, value in _OPTIONS.items():
        model.setOptionValue(name, value)
    pairs = _pairs(slope, shape[:, 0])
    first, yes = MOST * count, MOST * count + count
    upper = np.concatenate([length.ravel(), np.full(count, width), np.ones(len(pairs))])
    model.addVars(len(upper), np.zeros(len(upper)), upper)
    model.changeColsCost(first, np.arange(first, dtype=np.int32), slope.ravel())
    if len(pairs):
        binary = np.arange(yes, len(upper), dtype=np.int32)
        model.changeColsIntegrality(len(binary), binary, np.full(len(binary), 1, dtype=np.uint8))
    for rows in (_balance(length, shape[:, 1], at), _order(length.ravel(), pairs, yes)):
        if len(rows.least):
            model.addRows(len(rows.least), rows.least, rows.upto, len(rows.values), *rows[2:])
    model.run()
    if model.getModelStatus() != solver.HighsModelStatus.kOptimal:
        raise FlipkitError(
            f"HiGHS found no optimal dispatch: {model.modelStatusToString(model.getModelStatus())}"
        )
    used = np.array(model.getSolution().col_value[:first]).reshape(count, MOST)
    return np.clip(used, 0.0, length), float(model.getInfo().objective_function_value)


def _pairs(slope: Float64, parts: Any) -> Any:
    """The flat index of each segment that must be full before the next, in intervals that are not convex."""
    there = np.arange(1, MOST) < parts[:, None]
    bent = ((np.diff(slope, axis=1) < 0) & there).any(axis=1)
    return np.flatnonzero(np.pad(there & bent[:, None], ((0, 0), (0, 1))))


def _balance(length: Float64, charging: Any, at: float) -> _Rows:
    """Store after = store before + most charging - what is used of the segments."""
    count = len(length)
    reach = np.where(np.arange(MOST) < charging[:, None], length, 0.0).sum(axis=1)
    reach[0] += at
    stored = MOST * count + np.arange(count)
    columns = np.column_stack(
        [np.arange(MOST * count).reshape(count, MOST), stored, stored - 1]
    ).astype(np.int32)
    values = np.tile([1.0] * MOST + [1.0, -1.0], (count, 1))
    starts = np.concatenate([[0], MOST + 1 + (MOST + 2) * np.arange(count - 1)]).astype(np.int32)
    kept = (
        np.arange(count * (MOST + 2)) != MOST + 1
    )  # before the first interval stands a number, not a variable
    return _Rows(reach, reach, starts, columns.ravel()[kept], values.ravel()[kept])


def _order(length: Float64, pairs: Any, yes: int) -> _Rows:
    """A segment is full, and the next one open, only where its variable says yes."""
    count = len(pairs)
    binary = yes + np.arange(count)
    columns = np.concatenate(
        [np.column_stack([pairs, binary]), np.column_stack([pairs + 1, binary])]
    )
    values = np.concatenate([np.column_stack([np.ones(count), -length[pairs]]),
                             np.column_stack([np.ones(count), -length[pairs + 1]])])  # fmt: skip
    least = np.concatenate([np.zeros(count), np.full(count, -np.inf)])
    upto = np.concatenate([np.full(count, np.inf), np.zeros(count)])
    starts = np.arange(0, 4 * count, 2, dtype=np.int32)
    return _Rows(least, upto, starts, columns.ravel().astype(np.int32), values.ravel())
