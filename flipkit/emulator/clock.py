"""The emulator's clock, which stands still until it is advanced."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from flipkit.vocabulary import EPOCH

__all__ = ["Clock"]

_SAMPLE_NOW = datetime(2026, 1, 10, 12, tzinfo=UTC)


class Clock:
    """A clock that does not run by itself, so that the same calls give the same answers.

    Parameters
    ----------
    now : datetime, optional
        With a zone. The "now" of the sample fleet, 2026-01-10 12:00 UTC, by default.
    """

    def __init__(self, now: datetime | None = None) -> None:
        self._now = now or _SAMPLE_NOW

    def now(self) -> datetime:
        """Return the current time."""
        return self._now

    def now_us(self) -> int:
        """Return the current time in microseconds since 1970-01-01 UTC."""
        return int((self._now - EPOCH) / timedelta(microseconds=1))

    def text(self) -> str:
        """Return the current time as RFC 3339 text."""
        return self._now.strftime("%Y-%m-%dT%H:%M:%SZ")

    def advance(self, by: timedelta) -> None:
        """Move the clock forward.

        Parameters
        ----------
        by : timedelta
        """
        self._now += by
