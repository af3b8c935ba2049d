"""Energy by interval that comes on top of a home's consumption: a heat pump, a pool."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from flipkit.calendar import to_text
from flipkit.errors import InputError, MissingColumnError
from flipkit.frames import take
from flipkit.tariffs import PriceSeries
from flipkit.tariffs.model import check_cover
from flipkit.vocabulary import Float64, Int64

__all__ = ["LoadProfile"]

_KWH = ("kwh", "consumption_kwh")


@dataclass(frozen=True, slots=True, eq=False)
class LoadProfile:
    """Energy of intervals of one length, one after another; equal where all its values are equal.

    Attributes
    ----------
    start_us, step_us : int
        Begin of the first interval and length of each, microseconds (since 1970-01-01 UTC).
    kwh : ndarray of float64, shape (n,)
        Energy of each interval, read-only.
    """

    start_us: int
    step_us: int
    kwh: Float64

    @classmethod
    def from_frame(cls, frame: Any) -> LoadProfile:
        """Read a profile from the columns ``start_utc`` and ``kwh`` (or ``consumption_kwh``), in any order of rows.

        Parameters
        ----------
        frame : DataFrame or sequence of mapping
            Two rows or more; the time between two rows is the length of an interval, kWh the energy in it.

        Raises
        ------
        MissingColumnError, NaiveTimestampError
        InputError
            Both columns of energy, fewer than two rows, a hole, a repeated time, or energy that is missing, negative
            or infinite: names the time.
        """
        columns = take(frame, times=["start_utc"], numbers=_KWH, optional=_KWH, what="load: add")
        if np.isnat(columns["start_utc"]).any():
            raise InputError(
                f"load: add, row {int(np.argmax(np.isnat(columns['start_utc'])))}: no start_utc"
            )
        order = np.argsort(columns["start_utc"], kind="stable")
        start = columns["start_utc"][order].astype(np.int64)
        step = _step(start)
        kwh = np.array(_energy(columns)[order])
        _refuse(start, ~(kwh >= 0) | np.isinf(kwh), "the energy is missing, negative or infinite")
        kwh.flags.writeable = False
        return cls(int(start[0]), step, kwh)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, LoadProfile):
            return NotImplemented
        return self._value() == other._value()

    def __hash__(self) -> int:
        return hash(self._value())

    def _value(self) -> tuple[int, int, bytes]:
        return self.start_us, self.step_us, (self.kwh + 0.0).tobytes()  # -0.0 becomes 0.0

    def energy(self, start_us: Int64, end_us: Int64) -> Float64:
        """The profile's energy in each interval, where it is spread evenly over its own intervals.

        Parameters
        ----------
        start_us, end_us : ndarray of int64, shape (n,)
            Intervals of one length, one after another, microseconds since 1970-01-01 UTC.

        Returns
        -------
        ndarray of float64, shape (n,)
            kWh: parts of longer intervals, sums of shorter ones.

        Raises
        ------
        InputError
            The profile does not cover the intervals: names the first time without.
        """
        edges = self.start_us + self.step_us * np.arange(len(self.kwh) + 1)
        window = int(start_us[0]), int(end_us[-1])
        check_cover(
            *window, int(edges[0]), int(edges[-1]), "the rows of the added profile", "load: add: "
        )
        first, last = (
            np.searchsorted(edges, window[0], side="right") - 1,
            np.searchsorted(edges, window[1]),
        )
        # A price series weighs steps by their time in each interval; here the steps are energies.
        steps = PriceSeries(edges[first:last], edges[first + 1 : last + 1], self.kwh[first:last])
        return steps.cost(start_us, end_us, (end_us - start_us) / self.step_us)


def _energy(columns: dict[str, np.ndarray]) -> Float64:
    given = [name for name in _KWH if not np.isnan(columns[name]).all()]
    if not given:
        raise MissingColumnError(
            "load: add: no energy; give a column kwh, the energy of each interval"
        )
    if len(given) > 1:
        raise InputError(
            "load: add: energy in kwh and in consumption_kwh; leave one of the two out"
        )
    return columns[given[0]]


def _step(start: Int64) -> int:
    if len(start) < 2:
        raise InputError(
            f"load: add: rows: {len(start)}; two or more are needed to know the length of an interval"
        )
    steps = np.diff(start)
    step = int(steps.min())
    _refuse(start[1:], steps == 0, "the time is there twice; give the profile of one site")
    _refuse(
        start[:-1] + step, steps != step, f"no interval; the others are {step / 6e7:g} minutes long"
    )
    return step


def _refuse(start: Int64, wrong: np.ndarray, why: str) -> None:
    if wrong.any():
        raise InputError(
            f"load: add, {to_text(int(start[np.argmax(wrong)]))}: {why} ({int(wrong.sum())} such rows)"
        )
