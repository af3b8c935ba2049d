"""Records of OpenEI's Utility Rate Database (URDB) as tariffs."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from flipkit.calendar import to_us
from flipkit.errors import InputError
from flipkit.tariffs.model import FixedCharge, Minimum
from flipkit.tariffs.read.urdb_demand import read_demand
from flipkit.tariffs.read.urdb_energy import read_energy, read_export
from flipkit.tariffs.read.urdb_record import Record, located, open_record

__all__ = ["read"]

_RULE = (
    "give tier_rule: "
    "'chronological' (kWh count in the order of time, over all periods together), 'prorate' (the month's total fills "
    "the tiers, each period pays its share of each) or 'per_period' (each period fills its own tiers)"
)
_DAY_S = 86_400


def read(source: Any, timezone: str, tier_rule: str | None) -> dict[str, Any]:
    """The fields of a `Tariff` but currency and time zone; see ``Tariff.from_urdb`` for what is refused."""
    record = open_record(source)
    rates = read_energy(record)
    if tier_rule is None and any(rate.tiers for rate in rates):
        raise record.error(
            "energyratestructure",
            f"there are tiers, and bills differ by how they are filled: {_RULE}",
        )
    return {
        "name": _name(record),
        "rates": rates,
        "valid_from_us": _day(record, "startdate", timezone, 0),
        "valid_to_us": _day(record, "enddate", timezone, 1),
        "tier_rule": tier_rule,
        "demand": read_demand(record),
        "fixed": _fixed(record),
        "minimum": _minimum(record),
        "export": read_export(record),
    }


def _name(record: Record) -> str:
    parts = [record.text("utility"), record.text("name")]
    name = ": ".join(part for part in parts if part) or record.text("label") or "URDB"
    kind = record.text("servicetype")
    return name if kind in ("", "Bundled") else f"{name} ({kind} only)"


def _day(record: Record, name: str, timezone: str, after: int) -> int | None:
    """The beginning of the local day that a date field names, or of the day after."""
    if name not in record:
        return None
    number = record.number(name) // _DAY_S
    try:
        day = date(1970, 1, 1) + timedelta(days=number + after)
    except OverflowError:
        raise record.error(name, "no date; expected seconds since 1970-01-01 UTC") from None
    with located(f"{record.what}, {name}"):
        return to_us(day, timezone)


def _fixed(record: Record) -> tuple[FixedCharge, ...]:
    amount, old, unit = (
        record.number("fixedchargefirstmeter"),
        record.number("fixedmonthlycharge"),
        "fixedchargeunits",
    )
    if amount and old:
        raise record.error(
            "fixedmonthlycharge", "beside fixedchargefirstmeter; leave one of the two out"
        )
    if not amount and not old:
        return ()
    text = "$/month" if old else record.text(unit)
    if text == "$/day":
        return (FixedCharge("customer charge", per_day=amount),)
    if text not in ("$/month", "$/year"):
        raise record.error(unit, f"{text!r} is unknown; known: $/day, $/month, $/year")
    return (
        FixedCharge(
            "customer charge", per_month=(amount or old) / (12.0 if text == "$/year" else 1.0)
        ),
    )


def _minimum(record: Record) -> Minimum | None:
    amount, unit = record.number("mincharge"), record.text("minchargeunits")
    if amount and unit not in ("$/month", "$/year"):
        raise record.error("minchargeunits", f"{unit!r} cannot be priced; known: $/month, $/year")
    months = {name: record.number(name) for name in ("minmonthlycharge",)}
    years = {"annualmincharge": record.number("annualmincharge")}
    (months if unit == "$/month" else years)["mincharge"] = amount
    per_month, per_year = (_only(record, found) for found in (months, years))
    if per_month is None and per_year is None:
        return None
    with located(record.what):
        return Minimum(per_month, per_year)


def _only(record: Record, amounts: dict[str, float]) -> float | None:
    given = {name: amount for name, amount in amounts.items() if amount}
    if len(given) > 1:
        raise InputError(
            f"{record.what}: {' and '.join(given)} say the same; leave one of the two out"
        )
    return next(iter(given.values()), None)
