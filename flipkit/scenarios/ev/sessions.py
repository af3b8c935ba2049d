"""Charging sessions: when each arrives and leaves, how much it wants, and what was metered; as columns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from flipkit.calendar import to_text
from flipkit.vocabulary import Float64, Int64

__all__ = ["Records", "Sessions"]

_US_PER_HOUR = 3.6e9


class Records(NamedTuple):
    """Energy that flows evenly from a start to an end: arrays of one length.

    Attributes
    ----------
    session : ndarray of int64
        Position of the session it belongs to.
    start_us, end_us : ndarray of int64
        Microseconds since 1970-01-01 UTC.
    energy_kwh : ndarray of float64
    """

    session: Int64
    start_us: Int64
    end_us: Int64
    energy_kwh: Float64

    @classmethod
    def none(cls) -> Records:
        """No record at all."""
        nothing = np.empty(0, dtype=np.int64)
        return cls(nothing, nothing, nothing, np.empty(0))


@dataclass(frozen=True, slots=True, eq=False)
class Sessions:
    """Charging sessions of one site, by arrival; equal where all their values are, whatever their rows in a frame.

    Attributes
    ----------
    arrive_us, leave_us : ndarray of int64, shape (n,)
        Microseconds since 1970-01-01 UTC, arrivals ascending.
    asked_kwh : ndarray of float64, shape (n,)
        Energy at the meter; NaN where only the records tell.
    max_power_kw : ndarray of float64, shape (n,)
        At the meter.
    names : tuple of str
        What the sessions are called; empty where they have no names.
    rows : ndarray of int64, shape (n,)
        Where they stood in the frame; empty where there was none.
    metered : Records
        When energy flowed, by session; empty where that is not known.
    """

    arrive_us: Int64
    leave_us: Int64
    asked_kwh: Float64
    max_power_kw: Float64
    names: tuple[str, ...]
    rows: Int64
    metered: Records

    def __len__(self) -> int:
        return len(self.arrive_us)

    def __repr__(self) -> str:
        return f"<{len(self):,} charging sessions, {self.energy_kwh.sum():,.1f} kWh>"

    def __eq__(self, other: object) -> bool:
        return self._value() == other._value() if isinstance(other, Sessions) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._value())

    def _value(self) -> tuple[Any, ...]:
        columns = (self.arrive_us, self.leave_us, self.asked_kwh, self.max_power_kw, *self.metered)
        return *((column + 0).tobytes() for column in columns), self.names  # -0.0 becomes 0.0

    @property
    def is_metered(self) -> np.ndarray:
        """Which of them have records."""
        return np.bincount(self.metered.session, minlength=len(self)) > 0

    @property
    def metered_kwh(self) -> Float64:
        """Sum of the records of each."""
        return np.bincount(
            self.metered.session, self.metered.energy_kwh, minlength=len(self)
        ).astype(float)

    @property
    def energy_kwh(self) -> Float64:
        """What each is to get: what was metered, so that moving a session keeps its energy; else what it asks."""
        return np.where(self.is_metered, self.metered_kwh, self.asked_kwh)

    @property
    def stay_us(self) -> Int64:
        """How long each stays; 0 for one that does not leave after it arrives."""
        stay: Int64 = np.maximum(self.leave_us - self.arrive_us, 0)
        return stay

    @property
    def most_kwh(self) -> Float64:
        """What each can take: its maximum power for its whole stay."""
        return self.max_power_kw * (self.stay_us / _US_PER_HOUR)

    @property
    def span_us(self) -> tuple[Int64, Int64]:
        """The first and the last moment of each session, its records counted."""
        first, last = self.arrive_us.copy(), np.maximum(self.arrive_us, self.leave_us)
        np.minimum.at(first, self.metered.session, self.metered.start_us)
        np.maximum.at(last, self.metered.session, self.metered.end_us)
        return first, last

    def label(self, at: int) -> str:
        """Name and arrival of one of them, for texts."""
        when = to_text(self.arrive_us[at])
        return f"session {self.names[at]} ({when})" if self.names else f"session {when}"

    def within(self, start_us: int, end_us: int, timezone: str) -> Sessions:
        """The sessions themselves, whatever the window; as `Week.within`, which makes them."""
        return self

    def part(self, begin: int, stop: int) -> Sessions:
        """The sessions from one position up to another."""
        own, known = slice(begin, stop), self.metered
        its = slice(*np.searchsorted(known.session, [begin, stop]).tolist())
        return Sessions(
            self.arrive_us[own],
            self.leave_us[own],
            self.asked_kwh[own],
            self.max_power_kw[own],
            self.names[own],
            self.rows[own],
            Records(
                known.session[its] - begin,
                known.start_us[its],
                known.end_us[its],
                known.energy_kwh[its],
            ),
        )

    def at_once(self, energy_kwh: Float64) -> Records:
        """Maximum power from arrival until so much energy is served, or until leaving; a record a session."""
        served = np.minimum(energy_kwh, self.most_kwh)
        hours = np.divide(
            served, self.max_power_kw, out=np.zeros(len(self)), where=self.max_power_kw > 0
        )
        took = np.minimum(np.ceil(hours * _US_PER_HOUR), self.stay_us).astype(np.int64)
        return Records(np.arange(len(self)), self.arrive_us, self.arrive_us + took, served)

    def as_came(self) -> Records:
        """The metered records, and for the sessions without any: at once."""
        alone, known = ~self.is_metered, self.metered
        guess = self.at_once(self.energy_kwh)
        return Records(
            np.append(known.session, guess.session[alone]),
            np.append(known.start_us, guess.start_us[alone]),
            np.append(known.end_us, guess.end_us[alone]),
            np.append(known.energy_kwh, guess.energy_kwh[alone]),
        )
