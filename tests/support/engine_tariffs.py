"""Random tariffs with anything a tariff can have, and energy beside an edge of the calendar."""

from datetime import date, timedelta
from itertools import pairwise

import numpy as np
from hypothesis import strategies as st

from flipkit.calendar import Grid, to_us
from flipkit.tariffs import (
    Adder,
    DemandCharge,
    DemandTier,
    Export,
    FixedCharge,
    Minimum,
    PriceSeries,
    Ratchet,
    Rate,
    Tariff,
    Tax,
    Tier,
)
from flipkit.tariffs.rating import Block

MINUTE_US = 60_000_000
# Zone, whose holidays, and a local date some weeks before something happens there.
PLACES = [
    ("Europe/London", "GB-ENG", "2025-03-28"),
    ("Europe/London", "GB-ENG", "2025-10-12"),
    ("America/Los_Angeles", "US-CA", "2025-10-20"),
    ("America/St_Johns", "CA-NL", "2010-10-20"),
    ("Australia/Lord_Howe", "AU-NSW", "2025-03-20"),
    ("Asia/Kathmandu", None, "2024-02-10"),
    ("Africa/Cairo", None, "2024-04-15"),
    ("UTC", "US", "2024-12-20"),
]

prices = st.integers(-2_000, 10_000).map(lambda n: n / 10_000)
positive = st.integers(1, 400).map(lambda n: n / 4)
months = st.one_of(
    st.none(), st.lists(st.integers(1, 12), min_size=4, max_size=11, unique=True).map(tuple)
)
days = st.sampled_from(["all", "weekday", "weekend", (0, 2, 4)])

# Made once: Hypothesis examines each new strategy, which takes longer than to draw from it.
limit_sets = st.sets(positive, max_size=3)
tier_units = st.sampled_from([("month", False), ("day", False), ("month", True), ("day", True)])
seasons = st.sampled_from(["000000000000", "001111110000", "012012012012"])
day_kinds = st.sampled_from([["all"], ["weekday", "weekend"], [(0, 1), (2, 3, 4), (5, 6)]])
hour_cuts = st.sets(st.integers(0, 95).map(lambda n: 15 * n), max_size=3)
series_minutes = st.sampled_from([15, 30, 60, 50])
export_modes = st.sampled_from([None, "net_billing", "net_metering", "buy_all_sell_all"])
carry_overs = st.sampled_from([None, "year"])
demand_hours = st.sampled_from([("00:00", "24:00"), ("16:00", "21:00"), ("22:00", "06:00")])
ratchets = st.sampled_from([None, Ratchet(0.8, 2), Ratchet(0.9, 11, (3, 10))])
demand_minutes = st.sampled_from([15, 30, 60])
tier_rules = st.sampled_from(["chronological", "prorate", "per_period"])
names = st.sampled_from(["plan", "offer"])
minimums = st.sampled_from([None, Minimum(30.0), Minimum(5.0, 100.0)])
places = st.sampled_from(PLACES)
grid_minutes = st.sampled_from([15, 30, 60, 60, 45, 180])
minutes_off = st.sampled_from([0, 0, 0, 7, 90])
coin = st.booleans()


@st.composite
def ladders(draw, units):
    limits = sorted(draw(limit_sets))
    steps = [Tier(draw(prices), limit, *units) for limit in limits]
    return (*steps, Tier(draw(prices), None, *units))


@st.composite
def rate_lists(draw, tiered, holidays):
    """Rates that cover every hour once; of one month and kind of day or more."""
    units = draw(tier_units)
    out = []
    season = draw(seasons)
    for number in sorted(set(season)):
        in_season = tuple(month + 1 for month in range(12) if season[month] == number)
        kinds = draw(day_kinds)
        for kind in [*kinds, *(["holiday"] if holidays and draw(coin) else [])]:
            cuts = sorted(draw(hour_cuts))
            windows = list(pairwise([*cuts, cuts[0]])) if len(cuts) > 1 else [(0, 1440)]
            for begin, end in windows:
                steps = draw(ladders(units)) if tiered else (Tier(draw(prices)),)
                out.append(Rate(None, _clock(begin), _clock(end), in_season, kind, tiers=steps))
    return tuple(out)


def _clock(minute):
    return f"{minute // 60:02d}:{minute % 60:02d}"


@st.composite
def price_series(draw, start_us, end_us):
    step = draw(series_minutes) * MINUTE_US
    edges = np.arange(start_us - draw(st.integers(0, 100)) * MINUTE_US, end_us + step + 1, step)
    values = (
        np.random.default_rng(draw(st.integers(0, 99))).integers(-500, 5000, len(edges) - 1)
        / 10_000
    )
    return PriceSeries(edges[:-1], edges[1:], values)


@st.composite
def exports(draw, holidays, start_us, end_us, may_net):
    mode = draw(export_modes)
    if mode is None or (mode == "net_metering" and not may_net):
        return None
    true_up = draw(st.integers(1, 12))
    if mode == "net_metering":
        return Export(
            mode,
            carry_over=draw(carry_overs),
            payout_per_kwh=0.03,
            true_up_month=true_up,
        )
    credit = mode == "net_billing" and draw(coin)
    more = {"carry_over": "credit", "payout_share": 0.25} if credit else {}
    if draw(coin):
        return Export(mode, draw(rate_lists(False, holidays)), true_up_month=true_up, **more)
    return Export(mode, series=draw(price_series(start_us, end_us)), true_up_month=true_up, **more)


@st.composite
def demand_charges(draw, number):
    steps = [DemandTier(2.0, 1.5), DemandTier(3.0)] if draw(coin) else [DemandTier(4.0)]
    begin, end = draw(demand_hours)
    ratchet = draw(ratchets)
    minutes = draw(demand_minutes)
    return DemandCharge(f"d{number}", steps, begin, end, draw(months), draw(days), minutes, ratchet)


@st.composite
def tariffs(draw, place, start_us, end_us):
    zone, code, _ = place
    holidays = code if code and draw(coin) else None
    rule = draw(tier_rules)
    rates, series = (), None
    if draw(st.integers(0, 4)):
        rates = draw(rate_lists(draw(coin), holidays))
    else:
        series = draw(price_series(start_us, end_us))
    demand = [draw(demand_charges(number)) for number in range(draw(st.integers(0, 2)))]
    in_order = rule == "chronological" and any(rate.tiers for rate in rates)
    may_net = series is None and not in_order
    return Tariff(
        draw(names),
        "EUR",
        zone,
        rates,
        series,
        tier_rule=rule,
        holidays=holidays,
        demand=demand,
        fixed=[FixedCharge("f", 0.3, 5.0)] * draw(st.integers(0, 1)),
        minimum=draw(minimums),
        adders=[Adder("a", 0.01)] * draw(st.integers(0, 1)),
        taxes=[Tax("t", 0.2)] * draw(st.integers(0, 1)),
        export=draw(exports(holidays, start_us, end_us, may_net)),
    )


@st.composite
def blocks(draw, place, sites=1, days=70):
    """Energy of some weeks in whole thousandths; the grid may begin off the hour."""
    zone, _, day = place
    minutes = draw(grid_minutes)
    begin = to_us(day, zone) + draw(minutes_off) * MINUTE_US
    count = draw(st.integers(2, days * 1440 // minutes))
    rng = np.random.default_rng(draw(st.integers(0, 999)))
    use = rng.integers(0, 2000, (sites, count)) / 1000
    made = np.where(
        rng.random((sites, count)) < 0.4, rng.integers(0, 4000, (sites, count)) / 1000, 0.0
    )
    site_ids = tuple(f"s{number}" for number in range(sites))
    return Block(
        site_ids, Grid(begin, minutes * MINUTE_US, count), use, made if draw(coin) else None
    )


@st.composite
def cases(draw, sites=1, days=70):
    """A block and a tariff that fits it."""
    place = draw(places)
    block = draw(blocks(place, sites, days))
    return block, draw(tariffs(place, block.grid.start_us, block.grid.end_us))


def some_dates(block, zone, spans):
    """Billing dates of the given lengths in days that enclose the block's time."""
    first = date(1970, 1, 1) + timedelta(days=block.grid.start_us // (1440 * MINUTE_US) - 3)
    out, number = [first], 0
    while to_us(out[-1], zone) < block.grid.end_us:
        out.append(out[-1] + timedelta(days=spans[number % len(spans)]))
        number += 1
    return tuple(
        day.isoformat() for day in (out if len(out) > 1 else [*out, out[0] + timedelta(days=9)])
    )
