"""Many records priced by the service, one call each, none of them kept there."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from flipkit.calendar import from_us
from flipkit.errors import (
    ConnectionFailed,
    FlipkitError,
    InvalidRequest,
    NotFound,
    RateLimited,
    RequestError,
    ServerError,
    UnexpectedAnswer,
)
from flipkit.frames import take
from flipkit.http import WORKERS, RetryPolicy, map_concurrent
from flipkit.vocabulary import Float64, Int64

__all__ = ["Asked", "Question", "ask_all", "whole_wh"]

_FIRST = 4  # side by side; twice as many after each block without trouble, half where the service says 429
_DEPTH = (
    32  # records of a block for each that is under way: what memory holds, however many there are
)
_ROUNDS = 3  # further ones over what failed
_STREAK = (
    2 * WORKERS
)  # failures, each after all its attempts, without one answer between them: the service is down
_LONGEST_WAIT_S = RetryPolicy().retry_after_max_s
_FOR_NOW = (ConnectionFailed, RateLimited, ServerError)
_FOR_GOOD = (InvalidRequest, NotFound)


class Question(NamedTuple):
    """A record whose cost is asked for.

    Attributes
    ----------
    number : int
        The caller's own.
    location_id : str
    tariff_direction : str
        IMPORT, EXPORT or LOCAL; the energy flows as is usual for it.
    start_us, end_us : int
    energy_wh : int
    """

    number: int
    location_id: str
    tariff_direction: str
    start_us: int
    end_us: int
    energy_wh: int

    def record(self) -> dict[str, Any]:
        """The record for `Flatpeak.instant_cost`."""
        return {
            "location_id": self.location_id,
            "energy_flow_direction": "OUTBOUND" if self.tariff_direction == "EXPORT" else "INBOUND",
            "tariff_direction": self.tariff_direction,
            "units": "WH",
            "value": self.energy_wh,
            "start_utc": from_us(self.start_us),
            "end_utc": from_us(self.end_us),
        }


class Asked(NamedTuple):
    """What the service says of a record: its cost in major units, and the energy that it counted."""

    cost: float
    energy_wh: float
    currency: str | None


Answered: TypeAlias = Callable[[Question, Asked], None]
Refused: TypeAlias = Callable[[Question, FlipkitError], None]


def whole_wh(kwh: Float64) -> Int64:
    """Energy as the service counts it: whole Wh, half up, a millionth of a Wh taken for the noise of floats.

    Parameters
    ----------
    kwh : ndarray of float64, shape (n,)

    Returns
    -------
    ndarray of int64, shape (n,)
    """
    found: Int64 = np.floor(np.round(kwh * 1000.0, 6) + 0.5).astype(np.int64)
    return found


def ask_all(
    client: Any, questions: Iterable[Question], answered: Answered, refused: Refused | None = None
) -> None:
    """Price records with ``non_persistent=true``, side by side; each is answered, or refused, once.

    The first goes alone, so that a service that does not confirm that it keeps nothing is found out by it. A pause
    that the service asks for holds for all calls (the client's session sees to it), and fewer go side by side after
    one that did not help. What fails for now (no connection, 429, 5xx, after all attempts of the session) waits until
    the others are through and is tried again; where failures follow one another without an answer between them, the
    rest is not sent.

    Parameters
    ----------
    client : Flatpeak
    questions : iterable of Question
        Taken as they are sent; at most a few thousand are held.
    answered : callable
        ``answered(question, asked)``, as soon as the answer is there, from many threads, one at a time.
    refused : callable, optional
        ``refused(question, error)`` for a record that the service does not price. Without it the error is raised.

    Raises
    ------
    AuthenticationFailed
        Always, as is every error that concerns more than the record.
    UnexpectedAnswer
        The service does not confirm that it kept nothing.
    """
    desk = _Desk(client, answered, refused)
    source = iter(questions)
    for question in source:
        desk.run(iter([question]))
        if desk.is_open or desk.stopped:
            break
    desk.run(source)
    for _ in range(_ROUNDS):
        again, desk.later = desk.later, []
        desk.run(question for question, _ in again)
    for question, error in desk.later:
        desk.refuse(question, error)


class _Desk:
    """What the calls share."""

    def __init__(self, client: Any, answered: Answered, refused: Refused | None) -> None:
        self._client, self._answered, self._refused = client, answered, refused
        self._lock = threading.Lock()
        self._streak, self._lanes, self._is_throttled = 0, _FIRST, False
        self.is_open = (
            False  # the service has answered once, and so confirmed once that it keeps nothing
        )
        self.later: list[tuple[Question, RequestError]] = []
        self.stopped: RequestError | None = None

    def run(self, questions: Iterator[Question]) -> None:
        """Ask each once."""
        while block := list(islice(questions, self._lanes * _DEPTH)):
            self._is_throttled = False
            map_concurrent(self._ask, block, workers=self._lanes)
            if self.stopped and self._refused is None:
                raise self.stopped
            self._lanes = (
                max(1, self._lanes // 2) if self._is_throttled else min(WORKERS, self._lanes * 2)
            )

    def refuse(self, question: Question, error: RequestError) -> None:
        if self._refused is None:
            raise error
        with self._lock:
            self._refused(question, error)

    def _ask(self, question: Question) -> None:
        if self.stopped:
            return self._put_off(question, self.stopped)
        try:
            asked = _ask(self._client, question)
        except _FOR_GOOD as error:
            return self.refuse(question, error)
        except _FOR_NOW as error:
            return self._put_off(question, error)
        except UnexpectedAnswer as error:
            # An answer that is cut off is tried again by the session; what comes at once is not what was promised.
            if error.request.attempts == 1 or not self.is_open:
                raise
            return self._put_off(question, error)
        with self._lock:
            self._streak, self.is_open = 0, True
            self._answered(question, asked)
        return None

    def _put_off(self, question: Question, error: RequestError) -> None:
        too_long = isinstance(error, RateLimited) and (error.retry_after_s or 0.0) > _LONGEST_WAIT_S
        with self._lock:
            self.later.append((question, error))
            self._streak += 1
            self._is_throttled |= isinstance(error, RateLimited)
            if too_long or self._streak >= _STREAK:
                self.stopped = error


def _ask(client: Any, question: Question) -> Asked:
    row: Mapping[str, Any] = take(
        client.instant_cost(question.record(), non_persistent=True),
        numbers=["cost", "energy_kwh"],
        texts=["currency"],
    )
    return Asked(float(row["cost"][0]), float(row["energy_kwh"][0]) * 1000.0, row["currency"][0])
