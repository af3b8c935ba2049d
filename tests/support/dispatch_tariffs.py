"""Random tariffs that couple intervals, and hours around the end of January to rate them over."""

from dataclasses import replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
from hypothesis import strategies as st

from flipkit.calendar import Grid
from flipkit.scenarios.dispatch import dispatch, dispatch_tariff
from flipkit.tariffs import (
    Adder,
    DemandCharge,
    DemandTier,
    DemandWindow,
    Export,
    FixedCharge,
    Ratchet,
    Rate,
    Tariff,
    Tax,
    Tier,
)
from flipkit.tariffs.rating import bill
from support.engine_help import energy

ZONE = "Europe/London"
MIDNIGHT = datetime(2025, 2, 1, tzinfo=ZoneInfo(ZONE))
SPLITS = ((("00:00", "24:00"),), (("22:00", "24:00"), ("00:00", "22:00")))
MORE_SPLITS = (*SPLITS, (("00:00", "02:30"), ("02:30", "21:00"), ("21:00", "24:00")))


def tariff(rates=None, **charges):
    """Night and day at 0.10 and 0.30, or other rates, with charges."""
    rates = rates or (
        Rate(0.10, "00:00", "07:00", period="night"),
        Rate(0.30, "07:00", "24:00", period="day"),
    )
    return Tariff("made up", "GBP", ZONE, rates, **charges)


def ladder(first, *steps, per="month"):
    """Tiers: a price, and pairs of a limit and the price above it."""
    prices, limits = (first, *steps[1::2]), (*steps[::2], None)
    return tuple(Tier(price, limit, per) for price, limit in zip(prices, limits, strict=True))


def demand(price, *steps, name="demand", minutes=30, **more):
    """A demand charge: a price per kW, and pairs of a limit and the price above it."""
    prices, limits = (price, *steps[1::2]), (*steps[::2], None)
    tiers = tuple(DemandTier(each, limit) for each, limit in zip(prices, limits, strict=True))
    return DemandCharge(name, tiers, interval_minutes=minutes, **more)


def us(start):
    return int(start.timestamp()) * 1_000_000


def planned(net, start, minutes, plan, battery, method="optimal", **more):
    grid = Grid(us(start), minutes * 60_000_000, len(net))
    return dispatch_tariff(np.asarray(net, dtype=float), grid, plan, battery, method, **more)


def rule_dispatch(net, start, minutes, plan, battery, method="rule"):
    """A rule under a tariff: it sees prices by time of day (0.10 until 07:00), and has its bill."""
    count = len(net)
    begins = [start + timedelta(minutes=minutes * number) for number in range(count)]
    buy = np.array([0.1 if begin.hour < 7 else 0.3 for begin in begins])
    midnights = [k for k in range(1, count) if begins[k].date() != begins[k - 1].date()]
    edges = [0, *midnights, count]
    sell = np.zeros(count)
    result = dispatch(net, buy, sell, minutes / 60, battery, method, day_edges=edges)
    return replace(result, cost=billed(net, start, minutes, plan, result))


def billed(net, start, minutes, plan, result):
    """The bill of a result without fixed charges (which are not taxed in these tests)."""
    after = net + result.charge_kwh - result.discharge_kwh
    frame = energy(np.maximum(after, 0), np.maximum(-after, 0), start=start, minutes=minutes)
    rows = bill(frame, plan)
    return float(rows["cost"][~rows["component"].str.startswith("fixed")].sum())


@st.composite
def windows(draw, intervals=9):
    """Net energy, start, and minutes per interval; the end of the month is often within."""
    minutes = draw(st.sampled_from([15, 30, 60]))
    count = draw(st.integers(2, intervals))
    intervals_before = draw(st.integers(0, count))
    offset = draw(st.sampled_from([0, 0, 30])) if minutes == 60 else 0
    start = MIDNIGHT - timedelta(minutes=intervals_before * minutes + offset)
    tenths = draw(st.lists(st.integers(-20, 20), min_size=count, max_size=count))
    net = np.array(tenths) / 10
    return net * minutes / 30, start, minutes


def _money(low, high):
    return st.integers(round(100 * low), round(100 * high)).map(lambda cents: cents / 100)


@st.composite
def _rates(draw, rule, rises, lowest, reset="billing"):
    """Periods of the day in both months; the same steps where kWh of all periods count together."""
    rates = []
    for months in draw(st.sampled_from([(None,), ((1,), tuple(range(2, 13)))])):
        per = "day" if reset == "day" else draw(st.sampled_from(["month", "day"]))
        choices = [(3,), (8, 30)] if per == "day" else [(200,), (150, 500)]
        limits = draw(st.sampled_from([(1,), (2, 5)] if reset == "day" else choices))
        same_rises = [draw(rises) for _ in limits]
        for start, end in draw(st.sampled_from(MORE_SPLITS)):
            of_period = same_rises
            if rule == "per_period":
                of_period = [draw(rises) for _ in limits]
            first = draw(_money(lowest, 0.5))
            prices = np.round(np.cumsum([first, *of_period]), 2).tolist()
            hours = {"start": start, "end": end, "months": months, "period": f"{start} {months}"}
            if rule:
                steps = []
                for limit, price in zip(limits, prices[1:], strict=True):
                    steps += [limit, price]
                rates.append(Rate(tiers=ladder(first, *steps, per=per), **hours))
            else:
                rates.append(Rate(prices[0], **hours))
    return tuple(rates)


@st.composite
def _demand_charges(draw, rises):
    charges = []
    for name in draw(st.sampled_from([(), ("all",), ("all", "some")])):
        minutes = draw(st.sampled_from([15, 30, 60]))
        hours, also = {}, ()
        if name == "some":
            hours = {"start": "21:00", "end": draw(st.sampled_from(["24:00", "02:00"]))}
            if draw(st.booleans()):
                also = (DemandWindow("00:00", "01:00", "weekend"),)
        months = draw(st.sampled_from([None, None, (2,)]))
        ratchet = draw(st.sampled_from([None, None, Ratchet(0.8, 11), Ratchet(1.2, 1, (1,))]))
        price = draw(st.integers(20, 40))
        steps = []
        if draw(st.booleans()):
            steps = [0.8, max(price + 60 * draw(rises), 0.0)]
        trailing = 1 if ratchet else draw(st.sampled_from([1, 1, 2]))
        per = draw(st.sampled_from(["month", "month", "day"]))
        options = {
            "months": months,
            "ratchet": ratchet,
            "also": also,
            "per": per,
            "peaks": draw(st.sampled_from([1, 1, 2, 3])),
            "minimum_kw": draw(st.sampled_from([0.0, 0.0, 0.7])),
            "trailing_months": trailing,
            **hours,
        }
        charges.append(demand(price, *steps, name=name, minutes=minutes, **options))
    return tuple(charges)


ADDERS = (Adder("levy", 0.03), Adder("grid", 0.01))
BY_HOUR = (
    Adder("levy", 0.03),
    Adder("grid", rates=(Rate(0.2, "22:30", "00:30"), Rate(0.02, "00:30", "22:30"))),
)
TAXES = (Tax("vat", 0.05, ("energy", "demand", "adder")), Tax("green", 0.1, ("energy",)))


@st.composite
def tariffs(draw, *, convex=False):
    """Tiers by every rule, demand charges, adders, taxes, exports; if `convex`, no falling step."""
    rises = _money(0.0, 0.4) if convex else _money(-0.4, 0.4)
    rule = draw(st.sampled_from([None, "chronological", "prorate", "per_period"]))
    reset = draw(st.sampled_from(["billing", "billing", "day"])) if rule else "billing"
    rates = draw(_rates(rule, rises, 0.0 if convex else -0.2, reset))
    if not any(rate.tiers for rate in rates):
        reset = "billing"
    export_price = draw(st.sampled_from([0.0] if convex else [-0.05, 0.0, 0.15, 0.4]))
    export_rates = []
    for number, hours in enumerate(draw(st.sampled_from(SPLITS))):
        rise = 0.0 if convex else 0.05 * number
        export_rates.append(Rate(export_price + rise, *hours, period=hours[0]))
    return tariff(
        rates,
        tier_rule=rule,
        tier_reset=reset,
        demand=draw(_demand_charges(rises)),
        fixed=(FixedCharge("standing", 0.5),),
        adders=draw(st.sampled_from([(), ADDERS, BY_HOUR])),
        taxes=draw(st.sampled_from([(), TAXES])),
        export=draw(st.sampled_from([None, Export("net_billing", tuple(export_rates))])),
    )
