"""Records of OpenEI's Utility Rate Database (URDB) as tariffs."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta
from typing import Any

from flipkit.calendar import to_us
from flipkit.tariffs.model import FixedCharge, Minimum, Tariff, TierRule
from flipkit.tariffs.read.source import located
from flipkit.tariffs.read.urdb_demand import read_demand
from flipkit.tariffs.read.urdb_energy import (
    read_export,
    read_fuel_adjustments,
    read_periods,
    read_rates,
)
from flipkit.tariffs.read.urdb_record import Record, open_record

__all__ = ["read"]

_TIER_RULE_HELP = (
    "give tier_rule: 'chronological' (kWh count in the order of time, over all periods together), "
    "'prorate' (the month's total fills the tiers, each period pays its share of each) or "
    "'per_period' (each period fills its own tiers)"
)


def read(
    source: Any,
    *,
    timezone: str,
    currency: str,
    tier_rule: TierRule | None,
    strict: bool,
    ignore: Iterable[str],
) -> Tariff:
    """Return the tariff of a record; see ``Tariff.from_urdb``."""
    record = open_record(source, strict=strict, ignore=ignore)
    periods = read_periods(record)
    rates = read_rates(record, periods)
    if tier_rule is None and any(rate.tiers for rate in rates):
        raise record.error(
            "energyratestructure",
            f"there are tiers, and bills differ by how they are filled; {_TIER_RULE_HELP}",
        )
    return Tariff(
        name=_name(record),
        currency=currency,
        timezone=timezone,
        rates=rates,
        valid_from_us=_day(record, "startdate", timezone, 0),
        valid_to_us=_day(record, "enddate", timezone, 1),
        tier_rule=tier_rule,
        demand=read_demand(record),
        fixed=_fixed(record),
        minimum=_minimum(record),
        adders=read_fuel_adjustments(record),
        export=read_export(record, periods, tier_rule),
        findings=tuple(record.findings),  # last, when all fields are read
    )


def _name(record: Record) -> str:
    parts = [record.text("utility"), record.text("name")]
    name = ": ".join(part for part in parts if part) or record.text("label") or "URDB"
    # Delivery, Energy, ...: only a part of what a customer pays.
    service = record.text("servicetype")
    return name if service in ("", "Bundled") else f"{name} ({service} only)"


def _day(record: Record, name: str, timezone: str, days_after: int) -> int | None:
    """Return where the local day of a date field begins, or a day some days after it."""
    day = record.date(name)
    if day is None or day == date.max:
        return None
    with located(f"{record.what}, {name}"):
        return to_us(day + timedelta(days=days_after), timezone)


# ---- fixed charges and minimums


def _fixed(record: Record) -> tuple[FixedCharge, ...]:
    amount = record.number("fixedchargefirstmeter")
    monthly = record.number("fixedmonthlycharge")  # in older records, without a unit
    unit = record.text("fixedchargeunits")
    if monthly and amount and (amount, unit) != (monthly, "$/month"):
        raise record.error(
            "fixedmonthlycharge", "beside fixedchargefirstmeter; leave one of the two out"
        )
    if monthly:
        return (FixedCharge("customer charge", per_month=monthly),)
    if not amount:
        return ()
    if unit == "$/day":
        return (FixedCharge("customer charge", per_day=amount),)
    if unit == "$/month":
        return (FixedCharge("customer charge", per_month=amount),)
    if unit == "$/year":
        return (FixedCharge("customer charge", per_month=amount / 12.0),)
    raise record.error("fixedchargeunits", f"{unit!r} is unknown; known: $/day, $/month, $/year")


def _minimum(record: Record) -> Minimum | None:
    # Newer records have one amount with a unit, older ones a field for each unit.
    amount = record.number("mincharge")
    unit = record.text("minchargeunits")
    amounts = {"$/day": 0.0, "$/month": 0.0, "$/year": 0.0}
    if amount and unit not in amounts:
        raise record.error("minchargeunits", f"{unit!r} is unknown; known: {', '.join(amounts)}")
    if amount:
        amounts[unit] = amount
    for name, unit in (("minmonthlycharge", "$/month"), ("annualmincharge", "$/year")):
        older_amount = record.number(name)
        if older_amount and amounts[unit] not in (0.0, older_amount):
            raise record.error(
                name, f"{older_amount:g}, but mincharge is {amounts[unit]:g}; leave one of them out"
            )
        amounts[unit] = older_amount or amounts[unit]
    if not any(amounts.values()):
        return None
    with located(record.what):
        return Minimum(
            per_month=amounts["$/month"] or None,
            per_year=amounts["$/year"] or None,
            per_day=amounts["$/day"] or None,
        )
