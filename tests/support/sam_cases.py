"""Random tariffs as SAM's bill calculator takes them, and the same tariffs in plain terms.

Only what both calculate alike is drawn; `tests/tariffs/rating/test_pysam.py` lists what is left
out and why.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from itertools import pairwise
from typing import Any

from hypothesis import strategies as st
from PySAM import Utilityrate5  # type: ignore[import-untyped]

from support.bill_plan import (
    MONTHS,
    ZERO,
    Demand,
    Export,
    Limit,
    Period,
    Plan,
    Profile,
    Ratchet,
    When,
)

NO_LIMIT = 1e38
START = datetime(2018, 1, 1, tzinfo=UTC)  # a Monday, and no leap year
WEEKDAYS, WEEKEND = (0, 1, 2, 3, 4), (5, 6)
UNITS = {
    0: (False, False),
    1: (False, True),
    2: (True, False),
    3: (True, True),
}  # SAM's unit: (daily, per kW)
NET_METERING, NET_BILLING, NET_BILLING_CARRIED, BUY_ALL = 0, 2, 3, 4
Table = list[list[float]]


@dataclass(frozen=True, repr=False)
class Case:
    """A year for SAM, and what it means."""

    inputs: dict[str, Any]
    plan: Plan
    steps: int  # an hour
    load_kw: tuple[float, ...]
    generation_kw: tuple[float, ...]

    def __repr__(self) -> str:
        return f"<{self.plan}; {self.profile}; {self.inputs}>"

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        """Without this, Hypothesis prints every field of a dataclass."""
        printer.text(repr(self))

    @property
    def profile(self) -> Profile:
        consumption, generation = (
            tuple(Decimal(kw / self.steps) for kw in column)
            for column in (self.load_kw, self.generation_kw)
        )
        return Profile(START, 60 // self.steps, consumption, generation)


def exact(values: Any) -> tuple[Decimal, ...]:
    return tuple(Decimal(value) for value in values)


def bills(case: Case) -> list[float]:
    """SAM's bill of each month."""
    model = run(
        case.inputs, case.load_kw, case.generation_kw
    )  # held: its outputs are freed with it
    return list(model.Outputs.year1_monthly_utility_bill_w_sys)


def run(inputs: dict[str, Any], load_kw: Any, generation_kw: Any) -> Any:
    """One year through SAM, with one period, one tier and no price where `inputs` says nothing."""
    model = Utilityrate5.new()
    everything = {
        "analysis_period": 1,
        "inflation_rate": 0,
        "system_use_lifetime_output": 0,
        "degradation": [0],
        "load_escalation": [0],
        "rate_escalation": [0],
        "load": list(load_kw),
        "gen": list(generation_kw),
        "ur_metering_option": NET_BILLING,
        "ur_monthly_fixed_charge": 0,
        "ur_monthly_min_charge": 0,
        "ur_annual_min_charge": 0,
        "ur_nm_credit_month": 11,
        "ur_nm_yearend_sell_rate": 0,
        "ur_nm_credit_rollover": 0,
        "ur_nb_credit_expire": 1,
        "ur_nb_apply_credit_current_month": 1,
        "ur_sell_eq_buy": 0,
        "ur_en_ts_buy_rate": 0,
        "ur_en_ts_sell_rate": 0,
        "ur_ts_buy_rate": [0],
        "ur_ts_sell_rate": [0],
        "ur_ec_sched_weekday": flat_schedule(),
        "ur_ec_sched_weekend": flat_schedule(),
        "ur_ec_tou_mat": [[1, 1, NO_LIMIT, 0, 0, 0]],
        "ur_dc_enable": 0,
        "ur_enable_billing_demand": 0,
        "en_electricity_rates": 1,
    } | inputs
    for name, value in everything.items():
        model.value(name, value)
    model.execute()
    return model


def flat_schedule() -> Table:
    return [[1] * 24 for _ in MONTHS]


# --- energy


@st.composite
def seasons(draw: st.DrawFn, most: int = 3) -> list[tuple[int, ...]]:
    """The months in one to three groups."""
    count = draw(st.integers(1, most))
    of = draw(st.lists(st.integers(0, count - 1), min_size=12, max_size=12))
    return [
        months
        for group in range(count)
        if (months := tuple(m for m in MONTHS if of[m - 1] == group))
    ]


@st.composite
def day_row(
    draw: st.DrawFn, periods: list[int], blocks: tuple[int, ...] | None = None
) -> list[int]:
    """A period for each hour of a day, in one to four blocks."""
    cuts = blocks or tuple(sorted(draw(st.sets(st.integers(1, 23), max_size=3))))
    chosen = draw(
        st.lists(st.sampled_from(periods), min_size=len(cuts) + 1, max_size=len(cuts) + 1)
    )
    return [chosen[sum(hour >= cut for cut in cuts)] for hour in range(24)]


@st.composite
def schedules(draw: st.DrawFn, periods: int, rolls: bool) -> tuple[Table, Table]:
    """Weekday and weekend.

    SAM rolls a period's surplus over to the next month only if the period is in force at one of
    four hours of the weekday; where kWh roll over, there is one season with such periods.
    """
    names = list(range(1, periods + 1))
    weekday, weekend = [[0.0] * 24 for _ in MONTHS], [[0.0] * 24 for _ in MONTHS]
    for months in [MONTHS] if rolls else draw(seasons()):
        week = draw(day_row(names, (5, 11, 17) if rolls else None))
        end = draw(day_row(sorted(set(week)) if rolls else names))
        for month in months:
            weekday[month - 1], weekend[month - 1] = list(map(float, week)), list(map(float, end))
    return weekday, weekend


def windows(table: Table, period: int, days: tuple[int, ...]) -> list[When]:
    """The hours of a period in a schedule, month by month."""
    found = []
    for month, row in zip(MONTHS, table, strict=True):
        for hour in range(24):
            if row[hour] == period:
                found.append(When((month,), days, hour * 60, hour * 60 + 60))
    return merged(found)


def merged(whens: list[When]) -> list[When]:
    """Hours that follow one another as one window, and months of equal windows together."""
    joined: list[When] = []
    for when in whens:
        last = joined[-1] if joined else None
        if last and last.months == when.months and last.end == when.start:
            joined[-1] = When(last.months, last.days, last.start, when.end)
        else:
            joined.append(when)
    months: dict[tuple[int, int], list[int]] = {}
    for when in joined:
        months.setdefault((when.start, when.end), []).extend(when.months)
    days = joined[0].days if joined else ()
    return [When(tuple(of), days, start, end) for (start, end), of in months.items()]


prices = st.integers(0, 60).map(lambda number: number / 100)
kilowatts = st.integers(1, 12).map(float)


@st.composite
def ladders(draw: st.DrawFn, unit: int, tiers: int) -> list[float]:
    size = {0: 250.0, 1: 60.0, 2: 8.0, 3: 2.0}[unit]
    steps = draw(st.lists(st.integers(1, 8), min_size=tiers - 1, max_size=tiers - 1))
    return [size / 4 * sum(steps[: number + 1]) for number in range(tiers - 1)]


@st.composite
def energy(
    draw: st.DrawFn, rolls: bool, per_kw: bool = True
) -> tuple[dict[str, Any], tuple[Period, ...], list[float]]:
    """SAM's energy tables, the periods, and the selling price of each."""
    count, tiers = draw(st.integers(1, 4)), draw(st.integers(1, 4))
    unit = draw(st.sampled_from([0, 1, 2, 3] if per_kw else [0, 2]))
    limits, (weekday, weekend) = draw(ladders(unit, tiers)), draw(schedules(count, rolls))
    rows, periods, sells = [], [], []
    daily, by_kw = UNITS[unit]
    for number in range(1, count + 1):
        buy = draw(st.lists(prices, min_size=tiers, max_size=tiers))
        sells.append(draw(prices))
        for tier, price in enumerate(buy):
            rows.append([number, tier + 1, [*limits, NO_LIMIT][tier], unit, price, sells[-1]])
        whens = windows(weekday, number, WEEKDAYS) + windows(weekend, number, WEEKEND)
        ends = tuple(Limit(limit, daily, by_kw) for limit in exact(limits))
        if whens:
            periods.append(Period(f"P{number}", tuple(whens), exact(buy), ends))
    used = [sells[int(period.name[1:]) - 1] for period in periods]
    tables = {"ur_ec_sched_weekday": weekday, "ur_ec_sched_weekend": weekend, "ur_ec_tou_mat": rows}
    return tables, tuple(periods), used


# --- demand


@st.composite
def demand_ladder(draw: st.DrawFn) -> tuple[list[float], list[float]]:
    tiers = draw(st.integers(1, 3))
    limits = [
        float(kw)
        for kw in sorted(draw(st.sets(st.integers(1, 12), min_size=tiers - 1, max_size=tiers - 1)))
    ]
    return [
        number / 4 for number in draw(st.lists(st.integers(0, 60), min_size=tiers, max_size=tiers))
    ], limits


@st.composite
def flat_demand(
    draw: st.DrawFn, minutes: int, ratchet: Ratchet | None
) -> tuple[Table, list[Demand]]:
    rows, charges = [], []
    for number, months in enumerate(draw(seasons())):
        cost, limits = draw(demand_ladder())
        for month in months:
            ends = [*limits, NO_LIMIT]
            rows += [[month - 1, tier + 1, ends[tier], price] for tier, price in enumerate(cost)]
        when = When(months)
        charges.append(
            Demand(f"flat {number + 1}", exact(cost), exact(limits), when, minutes, ratchet)
        )
    return sorted(rows), charges


@st.composite
def period_demand(draw: st.DrawFn, minutes: int) -> tuple[dict[str, Any], list[Demand]]:
    """Two periods that cost, one in up to two windows, and the rest, which does not.

    SAM requires equal limits in all of them.
    """
    tables = {"ur_dc_sched_weekday": flat_schedule(), "ur_dc_sched_weekend": flat_schedule()}
    cuts = sorted(draw(st.sets(st.integers(1, 23), min_size=3, max_size=5)))
    (cost_a, limits), tiers = draw(demand_ladder()), 0
    tiers = len(cost_a)
    cost_b = [
        number / 4 for number in draw(st.lists(st.integers(0, 60), min_size=tiers, max_size=tiers))
    ]
    charges, mat = [], []
    hours = [[(cuts[0], cuts[1]), *pairwise(cuts[3:])], [(cuts[1], cuts[2])]]
    for number, (cost, blocks) in enumerate(zip((cost_a, cost_b), hours, strict=True)):
        months = draw(seasons(2))[0]
        every_day = draw(st.booleans())
        for month in months:
            for hour in (hour for block in blocks for hour in range(*block)):
                tables["ur_dc_sched_weekday"][month - 1][hour] = number + 2
                if every_day:
                    tables["ur_dc_sched_weekend"][month - 1][hour] = number + 2
        days = WEEKDAYS + WEEKEND if every_day else WEEKDAYS
        when, *also = [When(months, days, begin * 60, stop * 60) for begin, stop in blocks]
        charges.append(
            Demand(
                f"period {number + 1}", exact(cost), exact(limits), when, minutes, also=tuple(also)
            )
        )
    for number, cost in enumerate(([0.0] * tiers, cost_a, cost_b)):
        mat += [
            [number + 1, tier + 1, [*limits, NO_LIMIT][tier], price]
            for tier, price in enumerate(cost)
        ]
    return tables | {"ur_dc_tou_mat": mat}, charges


@st.composite
def ratchets(draw: st.DrawFn) -> Ratchet:
    share = Decimal(draw(st.sampled_from([0.5, 0.75, 1.0])))
    of = draw(st.sets(st.sampled_from(MONTHS), min_size=1))
    return Ratchet(share, draw(st.integers(1, 11)), tuple(sorted(of)))


def ratchet_inputs(ratchet: Ratchet) -> dict[str, Any]:
    share = [float(ratchet.share * 100) if month in ratchet.of_months else 0 for month in MONTHS]
    return {
        "ur_enable_billing_demand": 1,
        "ur_billing_demand_lookback_percentages": [[percent, 1] for percent in share],
        "ur_billing_demand_lookback_period": ratchet.months,
        "ur_billing_demand_minimum": 0,
        "ur_dc_billing_demand_periods": [[1, 1]],
        "ur_yearzero_usage_peaks": [0] * 12,
    }


@st.composite
def demand(
    draw: st.DrawFn, minutes: int, may_ratchet: bool
) -> tuple[dict[str, Any], tuple[Demand, ...]]:
    """No demand charge, one for all hours, one by windows, both; a ratchet with the first alone."""
    kind = draw(
        st.sampled_from(["none", "flat", "windows", "both", *(["ratchet"] if may_ratchet else [])])
    )
    if kind == "none":
        return {}, ()
    ratchet = draw(ratchets()) if kind == "ratchet" else None
    flat, charges = draw(flat_demand(minutes, ratchet))
    tables: dict[str, Any] = {
        "ur_dc_enable": 1,
        "ur_dc_sched_weekday": flat_schedule(),
        "ur_dc_sched_weekend": flat_schedule(),
        "ur_dc_tou_mat": [[1, 1, NO_LIMIT, 0]],
        "ur_dc_flat_mat": [[month, 1, NO_LIMIT, 0] for month in range(12)]
        if kind == "windows"
        else flat,
    }
    charges = [] if kind == "windows" else charges
    if kind in ("windows", "both"):
        more, windowed = draw(period_demand(minutes))
        tables, charges = tables | more, charges + windowed
    return tables | (ratchet_inputs(ratchet) if ratchet else {}), tuple(charges)


# --- profiles


def load(kind: str, count: int, seed: int) -> tuple[float, ...]:
    """A year of power: noise with spikes; at times nothing for weeks, never for a whole month."""
    dice = random.Random(seed)
    top = {"small": 0.4, "usual": 3.0, "large": 9.0}[kind]
    values = [round(dice.random() ** 2 * top, 3) for _ in range(count)]
    for _ in range(dice.randrange(6)):
        values[dice.randrange(count)] = round(
            dice.random() * 400, 1
        )  # more than a whole tier at once
    if dice.random() < 0.5:
        begin = dice.randrange(count)
        values[begin : begin + 500] = [0.0] * len(values[begin : begin + 500])
    return tuple(values)


def sunshine(size: float, steps: int, seed: int) -> tuple[float, ...]:
    dice = random.Random(seed + 1)
    values = []
    for day in range(365):
        season = 1 - abs(day - 182) / 240
        cloud = dice.random()
        for step in range(24 * steps):
            height = max(0.0, 1 - abs(step / steps - 12.5) / 6)
            values.append(round(size * season * cloud * height, 3))
    return tuple(values)


# --- whole cases


@st.composite
def exports(
    draw: st.DrawFn, option: int, periods: tuple[Period, ...], sells: list[float]
) -> tuple[dict[str, Any], Export]:
    """The metering option in both languages."""
    single = tuple(
        Period(period.name, period.whens, (Decimal(sell),))
        for period, sell in zip(periods, sells, strict=True)
    )
    month = draw(st.integers(1, 12))
    if (
        option == NET_METERING
    ):  # SAM pays what is left on the sum of all periods: alike with one period alone
        payout = draw(prices) if len(periods) == 1 else 0.0
        inputs = {"ur_nm_yearend_sell_rate": payout, "ur_nm_credit_month": month - 1}
        return inputs, Export(
            "net_metering", carry_over="year", payout=Decimal(payout), true_up_month=month
        )
    if option == NET_BILLING_CARRIED:
        return {"ur_nm_credit_month": 11}, Export("net_billing", single, carry_over="credit")
    return {}, Export("buy_all_sell_all" if option == BUY_ALL else "net_billing", single)


@st.composite
def minimums(draw: st.DrawFn, allowed: bool) -> tuple[float | None, float | None]:
    kind = draw(st.sampled_from(["none", "month", "year"])) if allowed else "none"
    amount = float(draw(st.integers(1, 200)))
    return (amount if kind == "month" else None), (amount * 12 if kind == "year" else None)


@st.composite
def cases(
    draw: st.DrawFn,
    steps: tuple[int, ...] = (1, 2),
    options: tuple[int, ...] = (NET_METERING, NET_BILLING, NET_BILLING_CARRIED, BUY_ALL),
) -> Case:
    """A tariff and a year of load and generation."""
    option = draw(st.sampled_from(options))
    size = draw(st.sampled_from([0.0, 2.0, 8.0, 25.0]))
    carried = option == NET_BILLING_CARRIED
    per_hour, seed = draw(st.sampled_from(steps)), draw(st.integers(0, 2**32))
    tables, periods, sells = draw(energy(rolls=option == NET_METERING and size > 0))
    by_kw = any(limit.per_kw for period in periods for limit in period.limits)
    charges, demands = ({}, ()) if carried else draw(demand(60 // per_hour, may_ratchet=not by_kw))
    metering, export = draw(exports(option, periods, sells))
    fixed = 0.0 if carried else draw(st.integers(0, 40)) / 2
    month, year = draw(
        minimums(size == 0 or carried or (option == NET_METERING and not export.payout))
    )
    inputs = (
        {
            "ur_metering_option": option,
            "ur_monthly_fixed_charge": fixed,
            "ur_monthly_min_charge": month or 0,
            "ur_annual_min_charge": year or 0,
        }
        | tables
        | charges
        | metering
    )
    plan = Plan(
        "UTC",
        periods,
        tier_rule="prorate" if option == NET_METERING else "chronological",
        demands=demands,
        fixed=(("basic", ZERO, Decimal(fixed)),),
        export=export,
        min_month=None if month is None else Decimal(month),
        min_year=None if year is None else Decimal(year),
    )
    kind = draw(st.sampled_from(["small", "usual", "large"]))
    return Case(
        inputs, plan, per_hour, load(kind, 8760 * per_hour, seed), sunshine(size, per_hour, seed)
    )
