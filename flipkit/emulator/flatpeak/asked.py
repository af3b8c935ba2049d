"""What answers about the prices of a location have in common: the window asked for, and what stands around the rows."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, NamedTuple

from flipkit.emulator.clock import Clock
from flipkit.emulator.flatpeak.answers import Refusal
from flipkit.emulator.flatpeak.pricing import Place
from flipkit.emulator.flatpeak.requests import Window, window
from flipkit.emulator.flatpeak.tokens import Caller
from flipkit.tariffs.rating import Span
from flipkit.vocabulary import DAY_US

__all__ = ["Asked", "around", "asked_for", "next_update"]


class Asked(NamedTuple):
    """A stretch of time with both its ends, and how the caller writes times."""

    span: Span
    window: Window

    def echo(self) -> dict[str, str]:
        """Both ends as the service echoes them: without fractions of a second."""
        start, end = (self.window.text(edge // 1_000_000 * 1_000_000) for edge in self.span)
        return {"start_time": start, "end_time": end}


def asked_for(fields: Mapping[str, Any], clock: Clock, most_days: int) -> Asked:
    """``start_time``, which is now by default, and ``end_time``.

    Raises
    ------
    Refusal
        422 for a time that is none, a missing end, an end not after the start, more than so many days.
    """
    found = window(fields, needs_end=True)
    assert found.end_us is not None
    start = clock.now_us() if found.start_us is None else found.start_us
    if found.end_us <= start:
        raise Refusal.invalid("end_time must be after start_time, which is now by default")
    if found.end_us - start > most_days * DAY_US:
        raise Refusal.invalid(f"the window must be at most {most_days} days long")
    return Asked((start, found.end_us), found)


def around(caller: Caller, place: Place, clock: Clock) -> dict[str, Any]:
    """Whose answer it is, about which location, and when it was made."""
    return {
        "live_mode": caller.live_mode,
        "account_id": caller.account_id,
        "location_id": place.id,
        "location_timezone": place.setting.timezone,
        "currency_code": place.setting.currency,
        "time_created": clock.text(),
    }


def next_update(clock: Clock) -> str:
    """When to ask again: in a day."""
    return (clock.now() + timedelta(days=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
