"""What must fit together in a tariff: its charges with each other, and its parts in time."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

from flipkit.calendar import as_holidays, to_text, zone
from flipkit.checks import instance_of, repeated_names, set_fields
from flipkit.errors import InputError
from flipkit.tariffs.model.charges import Adder, FixedCharge, Minimum, Tax
from flipkit.tariffs.model.demand import DemandCharge
from flipkit.tariffs.model.export import Export
from flipkit.tariffs.model.rate_table import check_rates
from flipkit.tariffs.model.rates import check_tiers

__all__ = [
    "CHARGES",
    "TERMS",
    "Validity",
    "check_parts",
    "check_terms",
    "in_succession",
    "is_empty",
    "overlap",
    "shared_time",
    "start_key",
]

CHARGES = ("holidays", "demand", "fixed", "minimum", "adders", "taxes", "export")
"""The fields of a tariff beside prices."""
TERMS = ("tier_rule", "tier_reset", "hours_timezone", *CHARGES)
"""The fields that each part of a tariff has of its own, beside its prices and its time."""

Validity = tuple[int | None, int | None]
"""From when until when a tariff holds, microseconds since 1970-01-01 UTC; None for no limit."""

_FIELDS_OF_PARTS = ("rates", "series", "valid_from_us", "valid_to_us", *TERMS)


def check_terms(tariff: Any) -> None:
    """Check a tariff without parts, and store its prices and charges in canonical form."""
    what = f"tariff {tariff.name!r}"
    _check_prices(tariff, what)
    if tariff.hours_timezone is not None:
        zone(tariff.hours_timezone)
    is_own_clock = tariff.hours_timezone != tariff.timezone
    set_fields(
        tariff,
        hours_timezone=tariff.hours_timezone if is_own_clock else None,
        holidays=as_holidays(tariff.holidays),
        demand=_check_charges(tariff.demand, DemandCharge, f"{what}, demand"),
        fixed=_check_charges(tariff.fixed, FixedCharge, f"{what}, fixed"),
        adders=_check_charges(tariff.adders, Adder, f"{what}, adders"),
        taxes=_check_charges(tariff.taxes, Tax, f"{what}, taxes"),
    )
    if tariff.minimum is not None:
        instance_of(tariff.minimum, Minimum, f"{what}, minimum")
    if tariff.export is not None:
        instance_of(tariff.export, Export, f"{what}, export")
        export = _with_checked_tariff(tariff, f"{what}, export")
        if tariff.export.tariff is not None and export.tariff is None:
            # Its prices are now the tariff's own, and so is what its reader assumed.
            findings = (*tariff.findings, *tariff.export.tariff.findings)
            set_fields(tariff, findings=tuple(dict.fromkeys(findings)))
        set_fields(tariff, export=export)
    check_tiers(tariff.rates, tariff.tier_rule, tariff.tier_reset, what)
    _check_net_metering(tariff, what)
    _check_holiday_rates(tariff, what)


def check_parts(tariff: Any) -> None:
    """Check a tariff of parts, and store them in the order of time."""
    what = f"tariff {tariff.name!r}"
    unset = (None, (), "billing")
    given = [name for name in _FIELDS_OF_PARTS if getattr(tariff, name) not in unset]
    if given:
        raise InputError(f"{what}: {', '.join(given)} beside parts; they belong to the parts")
    parts = in_succession(tariff.parts, type(tariff))
    set_fields(tariff, parts=parts)
    if (tariff.currency, tariff.timezone) != (parts[0].currency, parts[0].timezone):
        raise InputError(f"{what}: currency and timezone must be those of its parts")


def _check_prices(tariff: Any, what: str) -> None:
    if bool(tariff.rates) == (tariff.series is not None):
        raise InputError(f"{what}: needs either rates or a price series")
    if tariff.rates:
        set_fields(tariff, rates=check_rates(tariff.rates, f"{what}, rates"))
    bounds = tariff.valid_from_us, tariff.valid_to_us
    if tariff.series is not None and bounds != (None, None):
        raise InputError(f"{what}: a price series holds over its own time; clip it instead")
    if is_empty(bounds):
        raise InputError(f"{what}: ends before it begins")


def _check_charges(values: Any, kind: type, what: str) -> tuple[Any, ...]:
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


def _with_checked_tariff(tariff: Any, what: str) -> Export:
    """Return the export terms; a tariff of exports that only has rates of any time is its rates."""
    export: Export = tariff.export
    prices = export.tariff
    if prices is None:
        return export
    instance_of(prices, type(tariff), f"{what}, tariff")
    if prices.currency != tariff.currency:
        raise InputError(f"{what}: prices in {prices.currency}, but imports in {tariff.currency}")
    for part in prices.parts or (prices,):
        charges = [name for name in CHARGES if name != "holidays"]
        given = [name for name in charges if getattr(part, name) not in (None, ())]
        given += ["tiers"] if any(rate.tiers for rate in part.rates) else []
        if given:
            raise InputError(
                f"{what}: tariff {part.name!r} has {', '.join(given)}; only its prices per kWh can "
                "be paid for exports"
            )
    if prices.series is not None:
        return replace(export, series=prices.series, tariff=None)
    is_always_valid = prices.validity == (None, None)
    if prices.rates and is_always_valid and prices.clock == tariff.clock:
        return replace(export, rates=prices.rates, tariff=None)
    return export


def _check_net_metering(tariff: Any, what: str) -> None:
    """Raise InputError for tiers that need the time of a kWh, beside net metering."""
    is_netted = tariff.export is not None and tariff.export.mode == "net_metering"
    if not is_netted or not any(rate.tiers for rate in tariff.rates):
        return
    if tariff.tier_rule == "chronological":
        raise InputError(
            f"{what}: net metering leaves kWh without an hour, so tier_rule 'chronological' "
            "cannot be used; write 'prorate' or 'per_period'"
        )
    if tariff.tier_reset == "day":
        raise InputError(
            f"{what}: net metering leaves kWh without a day, so tier_reset 'day' cannot be used; "
            "write 'billing'"
        )


def _check_holiday_rates(tariff: Any, what: str) -> None:
    """Raise InputError for days ``"holiday"`` without `holidays`."""
    if tariff.holidays is not None:
        return
    export_rates = () if tariff.export is None else tariff.export.rates
    adder_rates = [rate for adder in tariff.adders for rate in adder.rates]
    days = [rate.days for rate in (*tariff.rates, *export_rates, *adder_rates)]
    days += [window.days for charge in tariff.demand for window in charge.windows]
    if "holiday" in days:
        raise InputError(
            f"{what}: days 'holiday', but no holidays; "
            "write whose: holidays='US', 'US-CA', 'GB-ENG', 'BE', ..., or a list of dates"
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
