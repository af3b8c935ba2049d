"""Records of OpenEI's Utility Rate Database (URDB) as tariffs."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from flipkit.calendar import to_us
from flipkit.errors import InputError
from flipkit.tariffs.model import (
    Export,
    FixedCharge,
    Minimum,
    Rate,
    Tariff,
    Tier,
    TierRule,
    clock_text,
    equal_runs,
)
from flipkit.tariffs.read.source import located
from flipkit.tariffs.read.urdb_demand import read_demand
from flipkit.tariffs.read.urdb_record import Record, RecordTier, open_record
from flipkit.vocabulary import DAY_S

__all__ = ["read"]

_TIER_RULE_HELP = (
    "give tier_rule: 'chronological' (kWh count in the order of time, over all periods together), "
    "'prorate' (the month's total fills the tiers, each period pays its share of each) or "
    "'per_period' (each period fills its own tiers)"
)
_LIMIT_OF_UNIT: dict[str, dict[str, Any]] = {
    "kwh": {"per": "month", "per_kw": False},
    "kwh/kw": {"per": "month", "per_kw": True},
    "kwh daily": {"per": "day", "per_kw": False},
    "kwh/kw daily": {"per": "day", "per_kw": True},
}
_MODES = {
    "Net Metering": "net_metering",
    "Net Billing Instantaneous": "net_billing",
    "Net Billing Hourly": "net_billing",
    "Buy All Sell All": "buy_all_sell_all",
}


def read(source: Any, *, timezone: str, currency: str, tier_rule: TierRule | None) -> Tariff:
    """Return the tariff of a record; see ``Tariff.from_urdb``."""
    record = open_record(source)
    structure = _energy_structure(record)
    rates = _rates(record, [_ladder(tiers) for tiers in structure])
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
        export=_export(record, structure),
    )


def _name(record: Record) -> str:
    parts = [record.text("utility"), record.text("name")]
    name = ": ".join(part for part in parts if part) or record.text("label") or "URDB"
    # Delivery, Energy, ...: only a part of what a customer pays.
    service = record.text("servicetype")
    return name if service in ("", "Bundled") else f"{name} ({service} only)"


def _day(record: Record, name: str, timezone: str, days_after: int) -> int | None:
    """Return where the local day of a date field begins, or a day some days after it."""
    if name not in record:
        return None
    days = record.number(name) // DAY_S + days_after
    try:
        day = date(1970, 1, 1) + timedelta(days=days)
    except OverflowError:
        raise record.error(name, "not a date; expected seconds since 1970-01-01 UTC") from None
    with located(f"{record.what}, {name}"):
        return to_us(day, timezone)


# ---- energy


def _energy_structure(record: Record) -> list[list[RecordTier]]:
    unit = record.text("energyrateunit")
    if unit.lower() not in ("", "kwh"):
        raise record.error("energyrateunit", f"{unit!r} is unknown; known: kWh")
    if "energyratestructure" not in record:
        raise record.error(
            "energyratestructure", "absent; a tariff needs a price per kWh, 0 if there is none"
        )
    return record.tiers("energyratestructure")


def _ladder(record_tiers: list[RecordTier]) -> tuple[Tier, ...]:
    tiers = []
    for record_tier in record_tiers:
        unit = record_tier.unit(default="kWh")
        if unit not in _LIMIT_OF_UNIT:
            raise InputError(
                f"{record_tier.place}.unit: {unit!r} is unknown; "
                "known: kWh, kWh daily, kWh/kW, kWh/kW daily"
            )
        price = record_tier.price()
        limit = record_tier.limit()
        with located(record_tier.place):
            tiers.append(Tier(price, limit, **_LIMIT_OF_UNIT[unit]))
    with located(record_tiers[0].place.removesuffix("[0]")):
        return Rate(tiers=tuple(tiers)).tiers or tuple(tiers)


def _rates(record: Record, ladders: list[tuple[Tier, ...]]) -> tuple[Rate, ...]:
    """Return the ladders by month, kind of day and hour."""
    rates = []
    for days in ("weekday", "weekend"):
        months_of_row: dict[tuple[int, ...], list[int]] = {}
        hours = record.hours(f"energy{days}schedule", len(ladders))
        for month, row in enumerate(hours, 1):
            months_of_row.setdefault(tuple(row), []).append(month)
        for periods, months in months_of_row.items():
            for start, end, period in equal_runs(periods):
                rate = Rate(
                    start=clock_text(start * 3600),
                    end=clock_text(end * 3600),
                    months=tuple(months),
                    days=days,
                    tiers=ladders[period],
                    period=f"period {period + 1}" if len(ladders) > 1 else None,
                )
                rates.append(rate)
    return tuple(rates)


# ---- exports


def _export(record: Record, structure: list[list[RecordTier]]) -> Export | None:
    """Return how exports are settled, from ``dgrules`` and the ``sell`` prices."""
    mode = _export_mode(record)
    all_tiers = [tier for tiers in structure for tier in tiers]
    sold = [tier for tier in all_tiers if tier.selling_price()]
    if mode is None:
        if not sold:
            return None
        known = ", ".join(_MODES)
        raise record.error("dgrules", f"absent, but there are sell prices; write one of {known}")
    if mode == "net_metering":
        if sold:
            raise InputError(
                f"{sold[0].place}.sell: a selling price beside Net Metering; "
                "leave one of the two out"
            )
        return Export("net_metering", carry_over="year")
    if not any(tier.sells() for tier in all_tiers):
        raise record.error(
            "dgrules", f"{record.fields['dgrules']!r}, but energyratestructure has no sell prices"
        )
    prices = [(Tier(_only_selling_price(tiers)),) for tiers in structure]
    return Export(mode, _rates(record, prices))  # type: ignore[arg-type]


def _export_mode(record: Record) -> str | None:
    rule = record.text("dgrules")
    is_netted = record.fields.get("usenetmetering", False)
    if not isinstance(is_netted, bool):
        raise record.error("usenetmetering", f"{is_netted!r} is neither true nor false")
    if rule and rule not in _MODES:
        raise record.error("dgrules", f"{rule!r} is unknown; known: {', '.join(_MODES)}")
    if is_netted and rule not in ("", "Net Metering"):
        raise record.error(
            "usenetmetering", f"true, but dgrules is {rule!r}; leave one of the two out"
        )
    return "net_metering" if is_netted else _MODES.get(rule)


def _only_selling_price(tiers: list[RecordTier]) -> float:
    price = tiers[0].selling_price()
    for tier in tiers:
        if tier.selling_price() != price:
            raise InputError(
                f"{tier.place}.sell: {tier.selling_price()!r}, but tier 1 sells at {price!r}; "
                "tiers of export prices cannot be priced"
            )
    return price


# ---- fixed charges and minimums


def _fixed(record: Record) -> tuple[FixedCharge, ...]:
    amount = record.number("fixedchargefirstmeter")
    monthly = record.number("fixedmonthlycharge")  # in older records, without a unit
    if amount and monthly:
        raise record.error(
            "fixedmonthlycharge", "beside fixedchargefirstmeter; leave one of the two out"
        )
    if monthly:
        return (FixedCharge("customer charge", per_month=monthly),)
    if not amount:
        return ()
    unit = record.text("fixedchargeunits")
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
    monthly = {"minmonthlycharge": record.number("minmonthlycharge")}
    yearly = {"annualmincharge": record.number("annualmincharge")}
    if amount and unit == "$/month":
        monthly["mincharge"] = amount
    elif amount and unit == "$/year":
        yearly["mincharge"] = amount
    elif amount:
        raise record.error("minchargeunits", f"{unit!r} cannot be priced; known: $/month, $/year")
    per_month = _only_amount(record, monthly)
    per_year = _only_amount(record, yearly)
    if per_month is None and per_year is None:
        return None
    with located(record.what):
        return Minimum(per_month, per_year)


def _only_amount(record: Record, amounts: dict[str, float]) -> float | None:
    given = {name: amount for name, amount in amounts.items() if amount}
    if len(given) > 1:
        raise InputError(
            f"{record.what}: {' and '.join(given)} say the same; leave one of the two out"
        )
    return next(iter(given.values()), None)
