"""Prices of energy in a URDB record: ladders by period, their hours, and what exports earn."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from flipkit.checks import finite
from flipkit.errors import InputError
from flipkit.tariffs.model import Adder, Export, Rate, Tier, TierRule, clock_text, equal_runs
from flipkit.tariffs.read.source import checked_ladder, located
from flipkit.tariffs.read.urdb_record import Record, RecordTier

__all__ = ["read_export", "read_fuel_adjustments", "read_periods", "read_rates"]

_EXPORT_RULES = (
    "Net Metering",
    "Net Billing Instantaneous",
    "Net Billing Hourly",
    "Buy All Sell All",
)


class _Unit(NamedTuple):
    """What the limits of a tier count."""

    per: Any
    per_kw: bool


_UNITS = {
    "kwh": _Unit("month", per_kw=False),
    "kwh/kw": _Unit("month", per_kw=True),
    "kwh daily": _Unit("day", per_kw=False),
    "kwh/kw daily": _Unit("day", per_kw=True),
}
_Ladder = tuple[Tier, ...]


class EnergyPeriods(NamedTuple):
    """The periods of ``energyratestructure`` that hold at some hour.

    Attributes
    ----------
    structure_size : int
        Number of periods of the structure, with those that hold at no hour.
    tiers : dict of int to list of RecordTier
    weekdays, weekends : list of list of int
        Period by month and hour.
    """

    structure_size: int
    tiers: dict[int, list[RecordTier]]
    weekdays: list[list[int]]
    weekends: list[list[int]]

    def all_tiers(self) -> list[RecordTier]:
        """Return the tiers of all periods."""
        return [tier for tiers in self.tiers.values() for tier in tiers]

    def rates(self, ladders: Mapping[int, _Ladder]) -> tuple[Rate, ...]:
        """Return the ladder of each period at its hours."""
        rates = []
        for days, schedule in (("weekday", self.weekdays), ("weekend", self.weekends)):
            months_of_row: dict[tuple[int, ...], list[int]] = {}
            for month, row in enumerate(schedule, 1):
                months_of_row.setdefault(tuple(row), []).append(month)
            for periods, months in months_of_row.items():
                for start, end, period in equal_runs(periods):
                    rate = Rate(
                        start=clock_text(start * 3600),
                        end=clock_text(end * 3600),
                        months=tuple(months),
                        days=days,
                        tiers=ladders[period],
                        period=f"period {period + 1}" if self.structure_size > 1 else None,
                    )
                    rates.append(rate)
        return tuple(rates)


def read_periods(record: Record) -> EnergyPeriods:
    """Return the periods of a record and their hours.

    Raises
    ------
    InputError
        No structure, another unit than kWh, an hour without a period.
    """
    unit = record.text("energyrateunit")
    if unit.lower() not in ("", "kwh"):
        raise record.error("energyrateunit", f"{unit!r} is unknown; known: kWh")
    name = "energyratestructure"
    if name not in record:
        raise record.error(name, "absent; a tariff needs a price per kWh, 0 if there is none")
    structure = record.tiers(name)
    count = len(structure)
    weekdays = record.hours("energyweekdayschedule", count)
    weekends = record.hours("energyweekendschedule", count)
    used = sorted({period for row in (*weekdays, *weekends) for period in row})
    return EnergyPeriods(
        structure_size=count,
        tiers={period: structure[period] for period in used},
        weekdays=weekdays,
        weekends=weekends,
    )


def read_rates(record: Record, periods: EnergyPeriods) -> tuple[Rate, ...]:
    """Return the prices of imports.

    Raises
    ------
    InputError
        A tier without a price, an unknown unit, limits that do not rise.
    """
    ladders = {}
    for period, tiers in periods.tiers.items():
        ladders[period] = _ladder(tiers, [tier.price() for tier in tiers])
        if any(tier.sells() and not tier.costs() for tier in tiers):
            record.note(f"tariff.assumed: period {period + 1} has sell but no rate: imports cost 0")
    return periods.rates(ladders)


def read_export(
    record: Record, periods: EnergyPeriods, tier_rule: TierRule | None
) -> Export | None:
    """Return how exports are settled, from ``dgrules`` and the ``sell`` prices, as SAM does."""
    rule = _export_rule(record, periods)
    if rule is None:
        return None
    if rule == "Net Metering":
        _note_sell_prices(record, periods)
        return Export("net_metering", carry_over="year", true_up_on="total")
    if not any(tier.sells() for tier in periods.all_tiers()):
        record.note(f"tariff.assumed: dgrules {rule!r} without sell prices: exports earn 0")
    rates = _export_rates(periods)
    has_tiers = any(rate.tiers for rate in rates)
    options: dict[str, Any] = {"rates": rates, "tier_rule": tier_rule if has_tiers else None}
    if rule == "Buy All Sell All":
        return Export("buy_all_sell_all", **options)
    if rule == "Net Billing Instantaneous":
        return Export("net_billing", **options)
    record.note(
        f"tariff.assumed: dgrules {rule!r} with what SAM assumes: credit pays for energy, from the "
        "next month on, and what is left after December is paid out"
    )
    return Export(
        "net_billing",
        carry_over="credit",
        payout_share=1.0,
        credit_on=("energy",),
        credit_next_month=True,
        **options,
    )


def read_fuel_adjustments(record: Record) -> tuple[Adder, ...]:
    """Return the adjustment of each month, which is on top of all prices of energy."""
    name = "fueladjustmentsmonthly"
    if name not in record:
        return ()
    months_of_price: dict[float, list[int]] = {}
    for month, value in enumerate(record.months(name), 1):
        price = finite(value, f"{record.what}, {name}[{month - 1}]")
        months_of_price.setdefault(price, []).append(month)
    if list(months_of_price) == [0.0]:
        return ()
    rates = [Rate(price, months=tuple(months)) for price, months in months_of_price.items()]
    return (Adder("fuel adjustment", rates=tuple(rates)),)


# ---- ladders


def _ladder(record_tiers: list[RecordTier], prices: list[float]) -> _Ladder:
    """Return the tiers of a period.

    Tiers of kWh that follow a tier of kWh/kW are steps within it and end with it at the latest; the
    tier of kWh/kW itself is then their block and has no price. Source: NREL's ssc,
    ``rate_data::init_energy_rates``, which requires that the first tier is kWh/kW.
    """
    units = [_unit(tier) for tier in record_tiers]
    has_blocks = len({unit.per_kw for unit in units}) > 1
    if has_blocks:
        _check_blocks(record_tiers[0], units)
    block_hours = None
    tiers = []
    for number, (tier, unit, price) in enumerate(zip(record_tiers, units, prices, strict=True)):
        if has_blocks and unit.per_kw:
            block_hours = tier.limit()
            if not tier.is_last and not units[number + 1].per_kw:
                continue
        if not tier.costs() and not tier.sells():
            raise InputError(f"{tier.place}: no rate; write the price, 0 if there is none")
        hours = None if unit.per_kw or tier.is_last else block_hours
        with located(tier.place):
            tiers.append(Tier(price, tier.limit(), unit.per, unit.per_kw, hours))
    with located(record_tiers[0].place.removesuffix("[0]")):
        return checked_ladder(tiers)


def _check_blocks(first: RecordTier, units: list[_Unit]) -> None:
    if not units[0].per_kw:
        raise InputError(
            f"{first.place}.unit: kWh before a tier of kWh/kW, which cannot be priced; whether "
            "the steps of kWh end with that tier is not documented. Begin with kWh/kW"
        )
    if len({unit.per for unit in units}) > 1:
        raise InputError(f"{first.place}.unit: daily limits beside others; use one unit")


def _unit(tier: RecordTier) -> _Unit:
    unit = tier.unit(default="kWh")
    if unit not in _UNITS:
        raise InputError(
            f"{tier.place}.unit: {unit!r} is unknown; known: kWh, kWh daily, kWh/kW, kWh/kW daily"
        )
    return _UNITS[unit]


# ---- exports


def _export_rule(record: Record, periods: EnergyPeriods) -> str | None:
    """Return one of ``_EXPORT_RULES``; None if exports are not paid."""
    rule = record.text("dgrules")
    if rule and rule not in _EXPORT_RULES:
        raise record.error("dgrules", f"{rule!r} is unknown; known: {', '.join(_EXPORT_RULES)}")
    is_netted = record.flag("usenetmetering")
    if is_netted and rule not in ("", "Net Metering"):
        raise record.error(
            "usenetmetering", f"true, but dgrules is {rule!r}; leave one of the two out"
        )
    if rule:
        return rule
    if is_netted:
        return "Net Metering"
    if not any(tier.selling_price() for tier in periods.all_tiers()):
        return None
    record.note("tariff.assumed: sell prices without dgrules: Net Billing Instantaneous")
    return "Net Billing Instantaneous"


def _note_sell_prices(record: Record, periods: EnergyPeriods) -> None:
    """Note sell prices other than the price of the kWh that net metering offsets."""
    if any(tier.selling_price() not in (0.0, tier.price()) for tier in periods.all_tiers()):
        record.note(
            "tariff.assumed: sell prices beside Net Metering: kWh are netted, as in SAM, not sold"
        )


def _export_rates(periods: EnergyPeriods) -> tuple[Rate, ...]:
    ladders: dict[int, _Ladder] = {}
    for period, tiers in periods.tiers.items():
        prices = [tier.selling_price() for tier in tiers]
        if len(set(prices)) == 1:
            ladders[period] = (Tier(prices[0]),)
        else:
            ladders[period] = _ladder(tiers, prices)
    return periods.rates(ladders)
