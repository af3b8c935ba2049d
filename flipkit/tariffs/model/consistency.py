"""What must fit together in a tariff: its charges with each other, and its parts in time."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Any

from flipkit.calendar import check_holidays, to_text
from flipkit.checks import instance_of, repeated_names
from flipkit.errors import InputError
from flipkit.tariffs.model.charges import Adder
from flipkit.tariffs.model.demand import DemandCharge
from flipkit.tariffs.model.export import Export
from flipkit.tariffs.model.rates import Rate

__all__ = [
    "Validity",
    "check_charges",
    "check_holiday_rates",
    "check_net_metering",
    "in_succession",
    "is_empty",
    "overlap",
    "shared_time",
    "start_key",
]

Validity = tuple[int | None, int | None]
"""From when until when a tariff holds, microseconds since 1970-01-01 UTC; None for no limit."""


def check_charges(values: Any, kind: type, what: str) -> tuple[Any, ...]:
    """Return charges as a tuple; raise InputError for another type, or a name that is used twice.

    The lines of a bill are told apart by the names of the charges.
    """
    charges = tuple(values) if isinstance(values, list | tuple) else (values,)
    for number, charge in enumerate(charges):
        instance_of(charge, kind, f"{what}, item {number}")
    names = [charge.name for charge in charges]
    repeated = repeated_names(names)
    if repeated:
        raise InputError(
            f"{what}: {', '.join(map(repr, repeated))} used twice; give each charge its own name"
        )
    return charges


def check_net_metering(
    export: Export | None, rates: Sequence[Rate], tier_rule: Any, tier_reset: Any, what: str
) -> None:
    """Raise InputError for tiers that need the time of a kWh, beside net metering."""
    is_netted = export is not None and export.mode == "net_metering"
    if not is_netted or not any(rate.tiers for rate in rates):
        return
    if tier_rule == "chronological":
        raise InputError(
            f"{what}: net metering leaves kWh without an hour, so tier_rule 'chronological' "
            "cannot be used; write 'prorate' or 'per_period'"
        )
    if tier_reset == "day":
        raise InputError(
            f"{what}: net metering leaves kWh without a day, so tier_reset 'day' cannot be used; "
            "write 'billing'"
        )


def check_holiday_rates(
    holidays: Any,
    rates: Sequence[Rate],
    demand: Sequence[DemandCharge],
    adders: Sequence[Adder],
    export: Export | None,
    what: str,
) -> None:
    """Raise InputError for unknown holidays, or days ``"holiday"`` without `holidays`."""
    if holidays is not None:
        check_holidays(holidays)
        return
    export_rates = () if export is None else export.rates
    adder_rates = [rate for adder in adders for rate in adder.rates]
    days = [rate.days for rate in (*rates, *export_rates, *adder_rates)]
    days += [window.days for charge in demand for window in charge.windows]
    if "holiday" in days:
        raise InputError(
            f"{what}: days 'holiday', but no holidays; "
            "write whose: holidays='US', 'US-CA', 'GB-ENG', 'BE', ..."
        )


def in_succession(tariffs: Iterable[Any], kind: type) -> tuple[Any, ...]:
    """Return tariffs by time, with parts instead of tariffs that have them.

    Raises InputError unless each begins where the one before ends.
    """
    parts: list[Any] = []
    for number, tariff in enumerate(tariffs):
        instance_of(tariff, kind, f"successive tariffs, item {number}")
        parts.extend(tariff.parts or (tariff,))
    if len(parts) < 2:
        raise InputError(f"successive tariffs: got {len(parts)}; give two or more")
    places = {(part.currency, part.timezone) for part in parts}
    if len(places) > 1:
        raise InputError(
            f"successive tariffs: {sorted(places)}; they need one currency and one time zone"
        )
    parts.sort(key=lambda part: start_key(part.validity))
    for part, following in pairwise(parts):
        _check_succession(part, following)
    return tuple(parts)


def _check_succession(part: Any, following: Any) -> None:
    end = part.validity[1]
    begin = following.validity[0]
    if end is None or begin is None:
        raise InputError(
            f"successive tariffs: {part.name!r} has no end or {following.name!r} no beginning, so "
            "both apply at once; give the first valid_to_us and the second valid_from_us"
        )
    if end != begin:
        problem = "a gap" if begin > end else "an overlap"
        raise InputError(
            f"successive tariffs: {problem} between {part.name!r}, which ends at {to_text(end)}, "
            f"and {following.name!r}, which begins at {to_text(begin)}"
        )


def start_key(validity: Validity) -> tuple[bool, int]:
    """Return a key that sorts by start; the one without a start comes first."""
    start = validity[0]
    return start is not None, start or 0


def shared_time(validities: Sequence[Validity]) -> Validity:
    """Return the time that all validities have in common; it may be empty, see `is_empty`."""
    starts = [start for start, _ in validities if start is not None]
    ends = [end for _, end in validities if end is not None]
    return max(starts, default=None), min(ends, default=None)


def is_empty(validity: Validity) -> bool:
    """Return whether it ends before or when it begins."""
    start, end = validity
    return start is not None and end is not None and end <= start


def overlap(validity: Validity, start_us: int, end_us: int) -> tuple[int, int]:
    """Return the part of [start, end) within the validity; it may end before it begins."""
    begin, end = validity
    start = start_us if begin is None else max(start_us, begin)
    stop = end_us if end is None else min(end_us, end)
    return start, stop
