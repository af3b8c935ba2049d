"""How long to wait and how often to try: every number in one place."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

__all__ = ["RetryBudget", "RetryPolicy", "Throttle", "Timeouts", "Timing", "parse_retry_after"]

_NARROWEST_S, _WIDEST_S = 1 / 16, 2.0  # between two calls after the first 429, and after many
_WIDER, _EASE, _GONE_S = (
    1.5,
    0.97,
    0.001,
)  # what a 429 and a success make of the gap, and when it is none any more


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds to wait for a single attempt; `pool` is the wait for a free connection."""

    connect_s: float = 5.0
    read_s: float = 30.0
    write_s: float = 30.0
    pool_s: float = 30.0


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """When to try again, and when to stop.

    The n-th wait is drawn evenly from [0, min(cap, base x 2^(n-1))] (full jitter; Brooker, "Exponential Backoff
    And Jitter", AWS Architecture Blog, 2015); a wait that the service asks for is obeyed instead.

    Attributes
    ----------
    attempts : int
        Tries in all.
    base_s, throttle_base_s, cap_s : float
        Of the waits, in seconds; `throttle_base_s` holds after a 429.
    deadline_s : float
        For all tries of a call together, waits included.
    retry_after_max_s : float
        A longer wait asked for by the service is not obeyed but reported.
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
        """Seconds before the next try, after `failures` (1 or more) of them."""
        base = self.throttle_base_s if throttled else self.base_s
        return uniform(0.0, min(self.cap_s, base * 2.0 ** min(failures - 1, 32)))


@dataclass(slots=True)
class Timing:
    """The clock, the sleep and the dice of a session; tests replace them.

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
    """Retries that a session may still spend, so that a failing service gets less load, not more.

    A retry takes tokens, a success gives back what the last retry of its call took (or one).
    After botocore's retry quota: 500 tokens, 14 a retry, 5 after a 429.
    """

    def __init__(self, tokens: int = 500) -> None:
        self._most = self._left = tokens
        self._lock = threading.Lock()

    def spend(self, *, throttled: bool) -> int:
        """Take the tokens of one retry; 0 when too few are left."""
        cost = 5 if throttled else 14
        with self._lock:
            if self._left < cost:
                return 0
            self._left -= cost
            return cost

    def refund(self, tokens: int) -> None:
        """Give tokens back, up to the full budget."""
        with self._lock:
            self._left = min(self._most, self._left + tokens)

    @property
    def left(self) -> int:
        """Tokens that are left."""
        return self._left


class Throttle:
    """Where the calls of all threads of a session leave, one by one once the service said that there are too many.

    Each 429 widens the gap between them, each success narrows it a little; a ``Retry-After`` closes the gate for all.
    Without it the threads would come back all at once, and most of them be refused again.
    """

    def __init__(self) -> None:
        self._opens = self._next = self._gap = 0.0
        self._slowed = -float("inf")
        self._lock = threading.Lock()

    def wait_s(self, now: float) -> float:
        """Seconds until a call that comes `now` (monotonic seconds) has its turn; it is kept for it."""
        with self._lock:
            turn = max(now, self._opens, self._next)
            self._next = turn + self._gap
            return turn - now

    def is_open(self, now: float) -> bool:
        """Whether a turn that has come may be taken: not if the gate was closed while its call waited."""
        return self._opens <= now

    def slow_down(self, left: float, now: float, asked_s: float) -> None:
        """Note a 429: when its call left, when it came back, and how long the service asked to wait."""
        with self._lock:
            self._opens = max(self._opens, now + asked_s)
            if left >= self._slowed:  # those that left before are answers to the same crowd
                self._gap, self._slowed = min(_WIDEST_S, max(_NARROWEST_S, _WIDER * self._gap)), now

    def speed_up(self) -> None:
        """Note a success."""
        with self._lock:
            self._gap = _EASE * self._gap if self._gap > _GONE_S else 0.0


def parse_retry_after(text: str | None, now: datetime | None = None) -> float | None:
    """The seconds a ``Retry-After`` header asks for, given as seconds or as a date; None for none or nonsense."""
    if not text:
        return None
    try:
        seconds = float(text)
    except ValueError:
        try:
            moment = parsedate_to_datetime(text)
        except ValueError:
            return None
        moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        seconds = (moment - (now or datetime.now(UTC))).total_seconds()
    return max(0.0, seconds) if abs(seconds) < float("inf") else None
