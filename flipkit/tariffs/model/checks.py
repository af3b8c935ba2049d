"""What makes a tariff one: its charges fit together, and its parts follow one another."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final

from flipkit.calendar import check_holidays, to_text
from flipkit.errors import InputError
from flipkit.tariffs.model.charges import Adder, DemandCharge, FixedCharge, Minimum, Tax, distinct
from flipkit.tariffs.model.export import Export
from flipkit.tariffs.model.rate_table import canonical

if TYPE_CHECKING:
    from flipkit.tariffs.model.tariff import Tariff

__all__ = [
    "TIER_RULES",
    "check_parts",
    "check_plain",
    "check_untiered",
    "checked_charges",
    "in_order",
    "overlap",
]

TIER_RULES: Final = ("chronological", "prorate", "per_period")
_CHARGES = ("holidays", "demand", "fixed", "minimum", "adders", "taxes", "export", "parts")
_OWN = ("rates", "series", "valid_from_us", "valid_to_us", "tier_rule", *_CHARGES[:-1])


def checked_charges(tariff: Tariff) -> dict[str, Any]:
    """The charges of a tariff in their one form, by field.

    Raises
    ------
    InputError
        See `Tariff`.
    """
    what = f"tariff {tariff.name!r}"
    kinds = {"demand": DemandCharge, "fixed": FixedCharge, "adders": Adder, "taxes": Tax}
    found: dict[str, Any] = {
        name: distinct(getattr(tariff, name), kind, f"{what}, {name}")
        for name, kind in kinds.items()
    }
    for name, kind in (("minimum", Minimum), ("export", Export)):
        if not isinstance(getattr(tariff, name), kind | None):
            raise InputError(
                f"{what}, {name}: expected {kind.__name__}, got {type(getattr(tariff, name)).__name__}"
            )
    _check_tier_rule(tariff, what)
    _check_holidays(tariff, found["demand"], what)
    if tariff.export is not None and tariff.export.rates:
        found["export"] = replace(tariff.export, rates=canonical(tariff.export.rates))
    return found


def _check_tier_rule(tariff: Tariff, what: str) -> None:
    tiered = any(rate.tiers for rate in tariff.rates)
    if tariff.tier_rule not in (None, *TIER_RULES):
        raise InputError(
            f"{what}: tier_rule {tariff.tier_rule!r}; write one of {', '.join(TIER_RULES)}"
        )
    if tiered and tariff.tier_rule is None:
        raise InputError(
            f"{what} has tiers, but no tier_rule; say how kWh fill them: {', '.join(TIER_RULES)} (bills differ by it)"
        )
    netted = tariff.export is not None and tariff.export.mode == "net_metering"
    if tiered and netted and tariff.tier_rule == "chronological":
        raise InputError(
            f"{what}: net metering leaves kWh of no certain hour, so tier_rule 'chronological' cannot be; "
            "write 'prorate' or 'per_period'"
        )


def _check_holidays(tariff: Tariff, demand: tuple[DemandCharge, ...], what: str) -> None:
    if tariff.holidays is not None:
        check_holidays(tariff.holidays)
        return
    sold = tariff.export.rates if tariff.export is not None else ()
    if "holiday" in {
        *(rate.days for rate in (*tariff.rates, *sold)),
        *(charge.days for charge in demand),
    }:
        raise InputError(
            f"{what}: days 'holiday', but whose holidays? Write holidays='US', 'US-CA', 'GB-ENG', 'BE', ..."
        )


def check_parts(tariff: Tariff) -> None:
    """Raise InputError where a tariff of parts has something of its own, or its parts do not follow one another."""
    own = [name for name in _OWN if getattr(tariff, name) not in (None, ())]
    if own:
        raise InputError(
            f"tariff {tariff.name!r}: {', '.join(own)} beside parts; they belong to the parts"
        )
    object.__setattr__(tariff, "parts", in_order(tariff.parts, type(tariff)))
    first = tariff.parts[0]
    if (tariff.currency, tariff.timezone) != (first.currency, first.timezone):
        raise InputError(
            f"tariff {tariff.name!r}: currency and timezone must be those of its parts"
        )


def in_order(tariffs: Iterable[Tariff], kind: type) -> tuple[Tariff, ...]:
    """The tariffs by time, checked to follow one another; those that have parts are taken apart.

    Raises
    ------
    InputError
        See ``Tariff.successive``.
    """
    given = list(tariffs)
    for number, each in enumerate(given):
        if not isinstance(each, kind):
            raise InputError(
                f"successive tariffs, item {number}: expected a Tariff, got {type(each).__name__}"
            )
    flat: list[Tariff] = [part for each in given for part in (each.parts or (each,))]
    if len(flat) < 2:
        raise InputError(f"successive tariffs: {len(flat)} given; give two or more")
    places = {(part.currency, part.timezone) for part in flat}
    if len(places) > 1:
        raise InputError(
            f"successive tariffs: {sorted(places)}; they need one currency and one time zone"
        )
    flat.sort(key=lambda part: (part.validity[0] is not None, part.validity[0] or 0))
    for a, b in pairwise(flat):
        _check_follows(a, b)
    return tuple(flat)


def _check_follows(a: Tariff, b: Tariff) -> None:
    ends, begins = a.validity[1], b.validity[0]
    if ends is None or begins is None:
        raise InputError(
            f"successive tariffs: {a.name!r} has no end or {b.name!r} no beginning, so both hold at once; give the "
            "first valid_to_us and the second valid_from_us"
        )
    if ends != begins:
        kind = "a gap" if begins > ends else "an overlap"
        raise InputError(
            f"successive tariffs: {kind} between {a.name!r}, which ends at {to_text(ends)}, and {b.name!r}, which "
            f"begins at {to_text(begins)}"
        )


def overlap(validity: tuple[int | None, int | None], start_us: int, end_us: int) -> tuple[int, int]:
    """The part of [start, end) within the validity; empty where it ends before it begins."""
    begin, stop = validity
    return max(start_us, start_us if begin is None else begin), min(
        end_us, end_us if stop is None else stop
    )


def check_untiered(tariff: Tariff) -> None:
    """Raise InputError where the price of a kWh depends on what was used before."""
    for part in tariff.parts or (tariff,):
        if any(rate.tiers for rate in part.rates):
            raise InputError(
                f"tariff {part.name!r} has tiers: what a kWh costs depends on what was used before it in the billing "
                "period, so there is no price by time; rate the energy with fk.bill(energy, tariff)"
            )


def check_plain(tariff: Tariff, why: str) -> None:
    """Raise InputError where a tariff has more than prices and tiers by month, weekday and hour: names what."""
    found = [name for name in _CHARGES if getattr(tariff, name) not in (None, ())]
    if found:
        raise InputError(f"tariff {tariff.name!r} has {', '.join(found)}; {why}")
