"""A rate limit per key."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

__all__ = ["Limiter"]


@dataclass(slots=True)
class _Bucket:
    tokens: float
    filled_at: float


class Limiter:
    """A token bucket for each key: `burst` requests at once, `rate` a second in the long run.

    Parameters
    ----------
    rate : float
        Requests a second, above 0.
    burst : int
        1 or more.
    now : callable, optional
        Monotonic seconds. Real ones, not the emulator's: what is limited is work per real second.
    """

    def __init__(
        self, rate: float, burst: int = 1, *, now: Callable[[], float] = time.monotonic
    ) -> None:
        self._rate, self._burst, self._now = rate, burst, now
        self._buckets: dict[str, _Bucket] = {}
        self._lock = threading.Lock()

    def wait_s(self, key: str) -> float:
        """0 and the request counts, or the seconds until one would be let through."""
        with self._lock:
            now = self._now()
            bucket = self._buckets.setdefault(key, _Bucket(self._burst, now))
            bucket.tokens = min(self._burst, bucket.tokens + (now - bucket.filled_at) * self._rate)
            bucket.filled_at = now
            if bucket.tokens < 1:
                return (1 - bucket.tokens) / self._rate
            bucket.tokens -= 1
            return 0.0
