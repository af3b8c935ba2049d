"""Retries: how often to try, how long to wait, and how a 429 slows down a whole session.

Every number is here. `Session` applies them: `RetryPolicy` to each call, `Throttle` (after a 429)
and `RetryBudget` to all calls of all threads together.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

__all__ = ["RetryBudget", "RetryPolicy", "Throttle", "Timeouts", "Timing", "parse_retry_after"]

# The gap between two requests of a session after a 429.
_SMALLEST_GAP_S = 1 / 16
_LARGEST_GAP_S = 2.0
_GAP_FACTOR_429 = 1.5
_GAP_FACTOR_SUCCESS = 0.97
_NO_GAP_S = 0.001  # below it the gap is dropped

# After botocore's retry quota: 500 tokens, 14 for a retry, 5 for one after a 429.
_BUDGET_TOKENS = 500
_RETRY_TOKENS = 14
_THROTTLED_RETRY_TOKENS = 5


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds to wait for a single attempt; `pool_s` is the wait for a free connection."""

    connect_s: float = 5.0
    read_s: float = 30.0
    write_s: float = 30.0
    pool_s: float = 30.0


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """When to try again, and when to stop.

    The n-th wait is drawn evenly from [0, min(cap, base x 2^(n-1))] (full jitter; Brooker,
    "Exponential Backoff And Jitter", AWS Architecture Blog, 2015). A longer wait that the service
    asks for is respected.

    Attributes
    ----------
    attempts : int
        Maximum number of attempts.
    base_s, throttle_base_s, cap_s : float
        Parameters of the waits in seconds; `throttle_base_s` applies after a 429.
    deadline_s : float
        Limit for all attempts of a call together, including waits.
    retry_after_max_s : float
        If the service asks for a longer wait, the call fails at once.
    """

    attempts: int = 6
    base_s: float = 0.25
    throttle_base_s: float = 1.0
    cap_s: float = 20.0
    deadline_s: float = 120.0
    retry_after_max_s: float = 120.0

    def wait_s(
        self, failures: int, *, throttled: bool, uniform: Callable[[float, float], float]
    ) -> float:
        """Return the seconds to wait before the next attempt, after `failures` (1 or more)."""
        base_s = self.throttle_base_s if throttled else self.base_s
        doublings = min(failures - 1, 32)  # 2.0 ** 1024 would overflow
        return uniform(0.0, min(self.cap_s, base_s * 2.0**doublings))


@dataclass(slots=True)
class Timing:
    """The clock, the sleep and the random numbers of a session; tests replace them.

    Attributes
    ----------
    now : callable
        Monotonic seconds.
    sleep : callable
    uniform : callable
        ``uniform(low, high)``.
    """

    now: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    uniform: Callable[[float, float], float] = field(
        default_factory=lambda: random.Random().uniform
    )


class RetryBudget:
    """Limits the retries of a session, so that a failing service gets less load, not more.

    A retry spends tokens. A success refunds what the last retry of its call spent, or one token.
    """

    def __init__(self, tokens: int = _BUDGET_TOKENS) -> None:
        self._capacity = tokens
        self._left = tokens
        self._lock = threading.Lock()

    def spend(self, *, throttled: bool) -> int:
        """Spend the tokens of one retry and return them; 0 if too few are left."""
        tokens = _THROTTLED_RETRY_TOKENS if throttled else _RETRY_TOKENS
        with self._lock:
            if self._left < tokens:
                return 0
            self._left -= tokens
            return tokens

    def refund(self, tokens: int) -> None:
        """Add tokens, up to the capacity."""
        with self._lock:
            self._left = min(self._capacity, self._left + tokens)

    @property
    def left(self) -> int:
        """Remaining tokens."""
        return self._left


class Throttle:
    """Spaces out the requests of all threads of a session after a 429.

    Each 429 widens the gap between two requests and each success narrows it; a ``Retry-After``
    holds back all of them. Otherwise all threads would return at once, and most be refused again.
    All times are monotonic seconds.
    """

    def __init__(self) -> None:
        self._opens_at = 0.0
        self._next_turn = 0.0
        self._gap_s = 0.0
        self._slowed_at = -float("inf")
        self._lock = threading.Lock()

    def wait_s(self, now: float) -> float:
        """Reserve the next turn and return the seconds until then."""
        with self._lock:
            turn = max(now, self._opens_at, self._next_turn)
            self._next_turn = turn + self._gap_s
            return turn - now

    def is_open(self, now: float) -> bool:
        """Return whether a turn still holds: not if a ``Retry-After`` came in the meantime."""
        return self._opens_at <= now

    def slow_down(self, sent_at: float, now: float, asked_s: float) -> None:
        """Handle a 429 for a request sent at `sent_at`, whose ``Retry-After`` is `asked_s`."""
        with self._lock:
            self._opens_at = max(self._opens_at, now + asked_s)
            # Requests sent before the last slow-down belong to the same burst: widen only once.
            if sent_at >= self._slowed_at:
                wider = max(_SMALLEST_GAP_S, _GAP_FACTOR_429 * self._gap_s)
                self._gap_s = min(_LARGEST_GAP_S, wider)
                self._slowed_at = now

    def speed_up(self) -> None:
        """Handle a success."""
        with self._lock:
            self._gap_s = _GAP_FACTOR_SUCCESS * self._gap_s if self._gap_s > _NO_GAP_S else 0.0


def parse_retry_after(text: str | None, now: datetime | None = None) -> float | None:
    """Return the seconds of a ``Retry-After`` header (a number or a date); None if not valid."""
    if not text:
        return None
    try:
        seconds = float(text)
    except ValueError:
        try:
            moment = parsedate_to_datetime(text)
        except ValueError:
            return None
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        seconds = (moment - (now or datetime.now(UTC))).total_seconds()
    is_finite = abs(seconds) < float("inf")  # NaN is not
    return max(0.0, seconds) if is_finite else None
