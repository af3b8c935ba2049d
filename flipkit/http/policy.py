"""How long to wait and how often to try: every number in one place."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

__all__ = ["Budget", "Gate", "Pace", "RetryPolicy", "Timeouts", "parse_retry_after"]


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

    def wait_s(self, failures: int, *, throttled: bool, uniform: Callable[[float, float], float]) -> float:
        """Seconds before the next try, after `failures` (1 or more) of them."""
        base = self.throttle_base_s if throttled else self.base_s
        return uniform(0.0, min(self.cap_s, base * 2.0 ** min(failures - 1, 32)))


@dataclass(slots=True)
class Pace:
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
    uniform: Callable[[float, float], float] = field(default_factory=lambda: random.Random().uniform)


class Budget:
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


class Gate:
    """Closed for all threads of a session while the service asked to wait."""

    def __init__(self) -> None:
        self._opens = 0.0
        self._lock = threading.Lock()

    def close_until(self, moment: float) -> None:
        """Keep the gate closed until `moment` (monotonic seconds) at least."""
        with self._lock:
            self._opens = max(self._opens, moment)

    def closed_s(self, now: float) -> float:
        """Seconds until the gate opens; 0 when it is open."""
        return max(0.0, self._opens - now)


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
