"""A plan in plain terms as flipkit's `Tariff`, and flipkit's bill as plain numbers."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import numpy as np
import polars as pl

import flipkit as fk
from flipkit.tariffs import (
    Adder,
    DemandCharge,
    DemandTier,
    DemandWindow,
    FixedCharge,
    Minimum,
    PriceSeries,
    Rate,
    Tariff,
    Tax,
    Tier,
)
from flipkit.tariffs import Export as TariffExport
from flipkit.tariffs import Ratchet as TariffRatchet
from support.bill_plan import Demand, Export, Period, Plan, Profile, Series, When

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
Numbers = dict[tuple[str, str], list[float]]


def us(moment: datetime) -> int:
    return (moment - EPOCH) // timedelta(microseconds=1)


def clock(minute: int) -> str:
    return f"{minute // 60:02d}:{minute % 60:02d}"


def days_of(when: When) -> str | tuple[int, ...]:
    return "holiday" if when.holiday else when.days


def tiers_of(period: Period) -> tuple[Tier, ...]:
    if not period.limits:
        return ()
    unit: Any = "day" if period.limits[0].daily else "month"
    *prices, last = period.prices
    tiers = [
        Tier(float(price), number(end.amount), unit, end.per_kw, number(end.hours))
        for price, end in zip(prices, period.limits, strict=True)
    ]
    return (*tiers, Tier(float(last)))


def number(amount: Decimal | None) -> float | None:
    return None if amount is None else float(amount)


def rates_of(periods: Iterable[Period], named: bool = True) -> tuple[Rate, ...]:
    return tuple(
        Rate(
            float(period.prices[0]),
            clock(when.start),
            clock(when.end),
            when.months,
            days_of(when),
            tiers=tiers_of(period),
            period=period.name if named else None,
        )
        for period in periods
        for when in period.whens
    )


def reset_of(reset: str, periods: Iterable[Period]) -> Any:
    """A ladder of one step is a price, which has no count."""
    return reset if any(period.limits for period in periods) else "billing"


def series_of(series: Series) -> PriceSeries | None:
    if not series:
        return None
    starts, ends, prices = zip(*series, strict=True)
    return PriceSeries(
        np.array([*map(us, starts)]), np.array([*map(us, ends)]), np.array([*map(float, prices)])
    )


def demand_of(charge: Demand) -> DemandCharge:
    ratchet = charge.ratchet
    minutes: Any = charge.minutes
    amounts = charge.amounts or (0,) * len(charge.prices)
    ends = [*charge.limits_kw, None]
    tiers = tuple(
        DemandTier(float(price), None if end is None else float(end), float(amount))
        for price, end, amount in zip(charge.prices, ends, amounts, strict=True)
    )
    return DemandCharge(
        charge.name,
        tiers,
        clock(charge.when.start),
        clock(charge.when.end),
        charge.when.months,
        days_of(charge.when),
        minutes,
        None
        if ratchet is None
        else TariffRatchet(float(ratchet.share), ratchet.months, ratchet.of_months),
        tuple(
            DemandWindow(clock(when.start), clock(when.end), days_of(when)) for when in charge.also
        ),
        per="day" if charge.per_day else "month",
        peaks=charge.peaks,
        minimum_kw=float(charge.minimum_kw),
        trailing_months=charge.trailing_months,
    )


def export_of(export: Export | None) -> TariffExport | None:
    if export is None:
        return None
    mode: Any = export.mode
    carry: Any = export.carry_over
    true_up_on: Any = export.true_up_on
    rule: Any = export.tier_rule
    reset = reset_of(export.tier_reset, export.periods)
    return TariffExport(
        mode,
        rates_of(export.periods),
        None if is_split(export.series) else series_of(export.series),
        carry,
        float(export.payout),
        float(export.payout_share),
        export.true_up_month,
        export.credit_on,
        export.credit_next_month,
        true_up_on,
        export.payout_as_credit,
        tier_rule=rule,
        tier_reset=reset,
        tariff=successive_of(export.series) if is_split(export.series) else None,
    )


def is_split(series: Series) -> bool:
    """Whether to write prices as those of two tariffs, one after another: often enough."""
    return len(series) > 0 and len(series) % 2 == 0


def successive_of(series: Series) -> Tariff:
    half = len(series) // 2
    parts = [series[:half], series[half:]]
    return Tariff.successive(
        Tariff("sold", "EUR", "UTC", series=series_of(prices)) for prices in parts
    )


def minimum_of(plan: Plan) -> Minimum | None:
    amounts = (plan.min_month, plan.min_year, plan.min_day)
    if amounts == (None, None, None):
        return None
    return Minimum(*map(number, amounts))


def tariff(plan: Plan, name: str = "plan") -> Tariff:
    """The plan as flipkit has it."""
    rule: Any = plan.tier_rule
    reset = reset_of(plan.tier_reset, plan.periods)
    adders = [
        Adder(label, float(price), non_bypassable=label in plan.non_bypassable)
        for label, price in plan.adders
    ]
    adders += [
        Adder(label, rates=rates_of(periods), non_bypassable=label in plan.non_bypassable)
        for label, periods in plan.timed_adders
    ]
    return Tariff(
        name,
        "EUR",
        plan.timezone,
        rates_of(plan.periods, plan.named),
        series_of(plan.series),
        None if plan.start is None or plan.series else us(plan.start),  # a series has its own time
        None if plan.end is None or plan.series else us(plan.end),
        tier_rule=rule,
        tier_reset=reset,
        hours_timezone=plan.hours_timezone,
        holidays=plan.region,
        demand=tuple(map(demand_of, plan.demands)),
        fixed=tuple(
            FixedCharge(label, float(day), float(month)) for label, day, month in plan.fixed
        ),
        minimum=minimum_of(plan),
        adders=tuple(adders),
        taxes=tuple(
            Tax(tax.name, float(tax.share), tax.on, months=tax.months) for tax in plan.taxes
        ),
        export=export_of(plan.export),
    )


def tariff_of(plans: list[Plan]) -> Tariff:
    """One plan, or several one after another."""
    made = [tariff(plan, f"plan {number}") for number, plan in enumerate(plans, 1)]
    return made[0] if len(made) == 1 else Tariff.successive(made)


def energy_frame(profile: Profile, site: str = "home") -> pl.DataFrame:
    count = len(profile.consumption)
    starts = [
        profile.start + timedelta(minutes=profile.minutes) * number for number in range(count)
    ]
    return pl.DataFrame(
        {
            "site_id": [site] * count,
            "start_utc": pl.Series(starts, dtype=pl.Datetime("us", "UTC")),
            "consumption_kwh": [float(kwh) for kwh in profile.consumption],
            "generation_kwh": [float(kwh) for kwh in profile.generation],
        }
    )


def engine_bill(plans: list[Plan], profile: Profile, edges: list[date] | None = None) -> Numbers:
    """flipkit's bill by (month, component): quantity and cost, rows of the same name added."""
    return numbers_of(fk.bill(energy_frame(profile), tariff_of(plans), billing_dates=edges))


def numbers_of(frame: pl.DataFrame) -> Numbers:
    result: Numbers = {}
    for row in frame.iter_rows(named=True):
        sums = result.setdefault((row["month"], row["component"]), [0.0, 0.0])
        sums[0] += row["quantity"] if row["quantity"] is not None else 0.0
        sums[1] += row["cost"]
    return result


def differences(
    expected: dict[tuple[str, str], list[Decimal]], got: Numbers, share: float = 1e-9
) -> list[tuple[tuple[str, str], str, float, float]]:
    """Where two bills differ by more than a share of the component.

    A thousandth of the money that moves in the month counts as well, for components near 0.
    """
    moved: dict[str, float] = {}
    for bill in (expected, got):
        for (month, _), (_, cost) in bill.items():
            moved[month] = moved.get(month, 0.0) + abs(float(cost))
    found = []
    for key in sorted({*expected, *got}):
        theirs, ours = got.get(key, [0.0, 0.0]), expected.get(key, [Decimal(0)] * 2)
        if abs(float(ours[1]) - theirs[1]) > share * (abs(theirs[1]) + moved[key[0]] / 1000):
            found.append((key, "cost", float(ours[1]), theirs[1]))
        measured = key[1].split()[0] in ("energy", "demand", "export", "adder")
        if measured and abs(float(ours[0]) - theirs[0]) > share * max(abs(theirs[0]), 1e-3):
            found.append((key, "quantity", float(ours[0]), theirs[0]))
    return found
