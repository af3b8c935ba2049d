"""The emulator's own clock: it stands still until it is told to go on."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

__all__ = ["Clock"]

_SAMPLE_NOW = datetime(2026, 1, 10, 12, tzinfo=UTC)


class Clock:
    """A time that does not pass by itself, so that the same calls give the same answers.

    Parameters
    ----------
    now : datetime, optional
        With a zone; the sample fleet's "now", 2026-01-10 12:00 UTC, by default.
    """

    def __init__(self, now: datetime | None = None) -> None:
        self._now = now or _SAMPLE_NOW

    def now(self) -> datetime:
        """The time it is here."""
        return self._now

    def now_us(self) -> int:
        """The same in microseconds since 1970-01-01 UTC."""
        return int((self._now - datetime(1970, 1, 1, tzinfo=UTC)) / timedelta(microseconds=1))

    def text(self) -> str:
        """The same as RFC 3339 text."""
        return self._now.strftime("%Y-%m-%dT%H:%M:%SZ")

    def advance(self, by: timedelta) -> None:
        """Let time pass."""
        self._now += by
