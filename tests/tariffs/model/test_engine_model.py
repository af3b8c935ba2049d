"""The tariff model: refusals, equality by value, periods, holidays, successive tariffs."""

import pickle
from datetime import date

import pytest

from flipkit.calendar import to_us
from flipkit.errors import InputError
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
from flipkit.tariffs.model import canonical, period_names

LA = {"currency": "USD", "timezone": "America/Los_Angeles"}
HOUR = 3_600_000_000


def ladder(*prices, step=100.0, **more):
    steps = [Tier(price, step * number, **more) for number, price in enumerate(prices[:-1], 1)]
    return (*steps, Tier(prices[-1], **more))


def prices_of_an_hour():
    return PriceSeries([0], [HOUR], [0.1])


def full():
    """A tariff with one of everything."""
    return Tariff(
        "Everything",
        "USD",
        "America/Los_Angeles",
        (
            Rate(start="16:00", end="21:00", tiers=ladder(0.4, 0.5), period="peak"),
            Rate(0.2, "21:00", "16:00", period="off-peak"),
        ),
        tier_rule="chronological",
        holidays="US-CA",
        demand=[
            DemandCharge(
                "peak kW", [DemandTier(9.0, 10), DemandTier(12.0)], "16:00", "21:00", days="weekday"
            )
        ],
        fixed=[FixedCharge("service", per_day=0.3), FixedCharge("meter", per_month=4)],
        minimum=Minimum(per_month=10),
        adders=[Adder("levy", 0.006)],
        taxes=[Tax("city", 0.05, ("fixed", "energy"))],
        export=Export("net_billing", [Rate(0.05)], carry_over="credit"),
    )


def test_tariffs_with_charges_are_values():
    assert full() == full()
    assert hash(full()) == hash(full())
    assert pickle.loads(pickle.dumps(full())) == full()  # noqa: S301
    assert full().taxes[0].on == ("energy", "fixed")
    assert full().demand[0].tiers[0] == DemandTier(9, 10.0)


def test_a_ladder_of_one_step_is_a_price():
    assert Rate(tiers=[Tier(0.3)]) == Rate(0.3)
    unit = {"per": "day", "per_kw": True}  # the last tier has no limit that would need one
    assert Rate(tiers=[Tier(0.3, 5, **unit), Tier(0.4)]) == Rate(
        tiers=[Tier(0.3, 5, **unit), Tier(0.4, **unit)]
    )
    assert Rate(0.3, tiers=[Tier(0.3, 5), Tier(0.4)]).price_per_kwh == 0.3


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (
            lambda: Rate(tiers=[Tier(1, 10), Tier(2, 10), Tier(3)]),
            "tier 2 ends at 10, not above tier 1",
        ),
        (
            lambda: Rate(tiers=[Tier(1, 10), Tier(2, 5), Tier(3)]),
            "tier 2 ends at 5, not above tier 1 ",
        ),
        (lambda: Rate(tiers=[Tier(1), Tier(2)]), "tier 1 of 2 has no limit"),
        (lambda: Rate(tiers=[Tier(1, 10)]), "tier 1, the last, ends at 10"),
        (
            lambda: Rate(tiers=[Tier(1, 10, "day"), Tier(2, 20), Tier(3)]),
            "tiers 1 and 2 count in different units",
        ),
        (
            lambda: Rate(0.2, tiers=[Tier(1, 10), Tier(2)]),
            "price 0.2 beside tiers that begin at 1.0",
        ),
        (lambda: Rate(tiers=[0.2]), "tier 1: expected a Tier, got float"),
        (lambda: Rate(0.1, period=" "), "period ' ' is not a name"),
        (lambda: Tier(float("nan")), "tier: price_per_kwh nan"),
        (lambda: Tier(1, 0), "up_to 0 must be above 0"),
        (lambda: Tier(1, 5, "week"), "per 'week' is not known; write 'month' or 'day'"),
        (lambda: Tier(1, 5, per_kw=1), "per_kw 1"),
        (lambda: Tier(1, 5, hours_of_use=0), "hours_of_use 0 must be above 0"),
        (lambda: Tier(1, 5, per_kw=True, hours_of_use=9), "hours_of_use beside per_kw"),
        (lambda: Rate(tiers=[Tier(1, hours_of_use=9)]), "the last, ends at 9; leave hours_of_use"),
        (
            lambda: Rate(tiers=[Tier(1, 5), Tier(2, 9, per_kw=True), Tier(3)]),
            "tiers 1 and 2 count in different units",
        ),
        (lambda: DemandTier(float("inf")), "demand tier: price_per_kw inf"),
        (lambda: DemandTier(1, -1), "up_to_kw -1 must be above 0"),
        (lambda: DemandCharge("", DemandTier(1)), "'' is not a name"),
        (lambda: DemandCharge("x", ()), "'x': tiers .* at least one DemandTier"),
        (
            lambda: DemandCharge("x", [DemandTier(1, 5), DemandTier(2, 5), DemandTier(3)]),
            "tier 2 ends at 5 kW",
        ),
        (lambda: DemandCharge("x", [DemandTier(1, 5)]), "tier 1, the last, ends at 5 kW"),
        (lambda: DemandCharge("x", [DemandTier(1), DemandTier(2)]), "tier 1 of 2 has no limit"),
        (
            lambda: DemandCharge("x", DemandTier(1), interval_minutes=20),
            "interval_minutes 20 is not supported; write 15, 30 or 60",
        ),
        (
            lambda: DemandCharge("x", DemandTier(1), "16:30", "21:00", interval_minutes=60),
            "cut its 60-minute",
        ),
        (lambda: DemandCharge("x", DemandTier(1), "16:00", "16:00"), "has no length"),
        (lambda: DemandCharge("x", DemandTier(1), ratchet=0.8), "expected a Ratchet, got float"),
        (lambda: Ratchet(-0.1, 11), "share -0.1 must be at least 0"),
        (lambda: Ratchet(0.8, 0), "months 0 is not a number of billing periods; write how many"),
        (lambda: Ratchet(0.8, 11, (0,)), "month 0 does not exist"),
        (lambda: FixedCharge("x", per_day=float("nan")), "'x': per_day nan"),
        (Minimum, "give per_month, per_year or per_day"),
        (lambda: Minimum(-1), "per_month -1 must be at least 0"),
        (lambda: Adder("x", None), "adder 'x': price_per_kwh None"),
        (lambda: Tax("x", "5%"), "tax 'x': share '5%'"),
        (
            lambda: Tax("x", 0.05, "export"),
            "on 'export' cannot be taxed .*; write some of energy, demand",
        ),
        (lambda: Tax("x", 0.05, ()), r"on \(\) has no charges; write some of"),
        (lambda: Export("metering"), "mode 'metering'"),
        (lambda: Export("net_billing"), "net_billing needs either rates or a price series"),
        (
            lambda: Export("net_billing", [Rate(0.1, months=(1,))]),
            "export, rates: the rates have a gap: no price in Feb",
        ),
        (
            lambda: Export("net_metering", [Rate(0.1)]),
            "net_metering has no export price but payout_per_kwh",
        ),
        (
            lambda: Export("net_billing", [Rate(0.1)], carry_over="year"),
            "net_billing has no carry_over 'year'",
        ),
        (
            lambda: Export("net_billing", two_ladders()),
            "export has tiers, but no tier_rule; say how kWh fill them",
        ),
        (lambda: Export("net_billing", [0.1]), "rates, item 0: expected a Rate"),
        (
            lambda: Export("net_billing", [Rate(0.1)], payout_per_kwh=0.1),
            "payout_per_kwh is for net_metering",
        ),
        (
            lambda: Export("net_billing", [Rate(0.1)], payout_share=0.5),
            "payout_share is for carry_over",
        ),
        (lambda: Export("net_metering", true_up_month=0), "true_up_month 0"),
        (lambda: Export("net_metering", true_up_on="sum"), "true_up_on 'sum' is not known"),
        (
            lambda: Export("net_metering", true_up_on="total"),
            "true_up_on is for carry_over='year', got true_up_on='total' with net_metering",
        ),
        (
            lambda: Export("net_metering", payout_as_credit=True),
            "payout_as_credit is for carry_over='year'",
        ),
        (
            lambda: Export("net_metering", carry_over="year", credit_next_month=True),
            "credit_next_month is for carry_over='credit'",
        ),
        (
            lambda: Export("net_metering", carry_over="year", credit_next_month=1),
            "credit_next_month: expected a bool",
        ),
        (
            lambda: Export("net_metering", carry_over="credit"),
            "net_metering with carry_over 'credit' needs rates",
        ),
        (
            lambda: Export("net_metering", [Rate(0.1)], carry_over="credit", payout_per_kwh=0.1),
            "payout_per_kwh is for kWh; credit has rates",
        ),
        (
            lambda: Export("net_billing", [Rate(0.1)], credit_on="energy"),
            "credit_on is for carry_over='credit' or payout_as_credit",
        ),
        (
            lambda: Export("net_billing", [Rate(0.1)], carry_over="credit", credit_on="tax"),
            "credit_on 'tax' cannot be paid by credit; write some of energy, demand",
        ),
        (
            lambda: Export("net_billing", [Rate(0.1)], carry_over="credit", credit_on=()),
            r"credit_on \(\) has no charges",
        ),
        (
            lambda: Export("net_metering", series=prices_of_an_hour()),
            "net_metering has no price series",
        ),
        (lambda: Adder("x", 0.1, non_bypassable="yes"), "non_bypassable: expected a bool"),
    ],
)
def test_charges_that_are_not_valid_are_refused(make, words):
    with pytest.raises(InputError, match=words):
        make()


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"rates": [0.1]}, "rates, item 0: expected a Rate, got float"),
        ({"fixed": None}, "fixed, item 0: expected a FixedCharge, got NoneType"),
        ({"rates": [Rate(tiers=ladder(1, 2))]}, "has tiers, but no tier_rule"),
        (
            {"tier_rule": "blocks"},
            "tier_rule 'blocks' is not known; write 'chronological', 'prorate'",
        ),
        (
            {
                "rates": [Rate(tiers=ladder(1, 2))],
                "tier_rule": "chronological",
                "export": Export("net_metering"),
            },
            "net metering leaves kWh without an hour",
        ),
        ({"holidays": "XX"}, "holidays 'XX': unknown country"),
        ({"holidays": "US-XX"}, "holidays 'US-XX'"),
        ({"holidays": 7}, "holidays 7"),
        (
            {"rates": [Rate(0.1), Rate(0.2, days="holiday")]},
            "days 'holiday', but no holidays; write whose",
        ),
        (
            {"demand": DemandCharge("x", DemandTier(1), days="holiday")},
            "days 'holiday', but no holidays; write whose",
        ),
        (
            {"export": Export("net_billing", [Rate(0.1), Rate(0.2, days="holiday")])},
            "days 'holiday', but no holidays; write whose",
        ),
        ({"demand": [DemandCharge("x", DemandTier(1))] * 2}, "demand: 'x' used twice"),
        ({"fixed": [0.3]}, "fixed, item 0: expected a FixedCharge, got float"),
        ({"minimum": 10}, "minimum: expected a Minimum, got int"),
        ({"export": "net_billing"}, "export: expected an Export, got str"),
        (
            {"rates": [Rate(0.1, "00:00", "12:00", period="a"), Rate(0.2, "12:00", period="a")]},
            "period 'a' have diff",
        ),
        (
            {
                "rates": [Rate(0.1), Rate(0.2, days="holiday"), Rate(0.3, days="holiday")],
                "holidays": "US",
            },
            "days holiday",
        ),
    ],
)
def test_tariffs_whose_charges_do_not_fit_are_refused(fields, words):
    with pytest.raises(InputError, match=words):
        Tariff("x", "USD", "UTC", **{"rates": [Rate(0.1)], **fields})


def test_periods_by_name_ladder_and_price():
    named = [Rate(0.3, "16:00", "21:00", period="peak"), Rate(0.3, "21:00", "16:00")]
    assert period_names(canonical(tuple(named))) == ("period 1", "peak")
    assert period_names((Rate(0.3, "00:00", "12:00"), Rate(0.3, "12:00"))) == ("all",)
    assert len(canonical((Rate(0.3, "00:00", "12:00"), Rate(0.3, "12:00")))) == 1
    taken = (
        Rate(0.1, "00:00", "08:00"),
        Rate(0.2, "08:00", "12:00", period="period 1"),
        Rate(0.4, "12:00"),
    )
    assert period_names(taken) == ("period 2", "period 1", "period 3")
    tiered = (Rate(tiers=ladder(0.1, 0.2), end="12:00"), Rate(0.1, "12:00"))
    assert period_names(tiered) == ("period 1", "period 2")


def test_holidays_have_sundays_prices_hour_by_hour_unless_named():
    rates = [
        Rate(0.4, days="weekday"),
        Rate(0.2, days="weekend"),
        Rate(0.1, "16:00", "21:00", days="holiday"),
    ]
    tariff = Tariff("x", rates=rates, holidays="US", **LA)
    start = to_us(date(2025, 7, 3), LA["timezone"])
    series = tariff.prices(start, start + 72 * HOUR)
    hours = ((series.end_us - series.start_us) // HOUR).tolist()
    want = [(24, 0.4), (16, 0.2), (5, 0.1), (3 + 24, 0.2)]
    assert list(zip(hours, series.price_per_kwh.tolist(), strict=True)) == want
    plain = Tariff("x", rates=[Rate(0.4, days=range(6)), Rate(0.2, days=(6,))], holidays="US", **LA)
    assert plain.prices(start, start + 72 * HOUR).price_per_kwh.tolist() == [0.4, 0.2, 0.4]
    assert [rate.days for rate in tariff.rates] == [
        "weekday",
        "weekend",
        "holiday",
        "holiday",
        "holiday",
    ]


def test_holidays_that_are_priced_as_sundays_leave_no_trace():
    rates = (Rate(0.4, days="weekday"), Rate(0.2, days="weekend"))
    assert canonical((*rates, Rate(0.2, days="holiday"))) == canonical(rates)


def test_a_tiered_price_by_time_is_refused_with_the_fix():
    with pytest.raises(InputError, match=r"'Everything' has tiers: .* fk.bill"):
        full().prices(0, HOUR)
    with pytest.raises(
        InputError, match="has holidays, demand, fixed, minimum, adders, taxes, export;"
    ):
        full().to_flatpeak("loc_1")


def dated(name, price, begin, stop, **more):
    return Tariff(name, rates=(Rate(price),), valid_from_us=begin, valid_to_us=stop, **LA, **more)


def test_successive_tariffs_follow_one_another():
    a, b, c = (
        dated("a", 0.1, None, 5 * HOUR),
        dated("b", 0.2, 5 * HOUR, 9 * HOUR),
        dated("c", 0.3, 9 * HOUR, None),
    )
    both = Tariff.successive([c, a, b])
    assert (both.name, both.parts, both.validity) == ("a, then b, then c", (a, b, c), (None, None))
    assert both == Tariff.successive([Tariff.successive([a, b], name=both.name), c], name=both.name)
    series = both.prices(0, 12 * HOUR)
    assert series.price_per_kwh.tolist() == [0.1, 0.2, 0.3]
    assert (series.start_us // HOUR).tolist() == [0, 5, 9]
    assert both.prices(6 * HOUR, 7 * HOUR).price_per_kwh.tolist() == [0.2]
    prices = Tariff("s", series=PriceSeries([5 * HOUR], [6 * HOUR], [0.7]), **LA)
    assert Tariff.successive([a, prices]).prices(4 * HOUR, 6 * HOUR).price_per_kwh.tolist() == [
        0.1,
        0.7,
    ]


@pytest.mark.parametrize(
    ("tariffs", "words"),
    [
        (lambda: [dated("a", 0.1, 0, 5)], "got 1; give two or more"),
        (
            lambda: [dated("a", 0.1, 0, 5), dated("b", 0.1, 6, 9)],
            "a gap between 'a', which ends at",
        ),
        (lambda: [dated("a", 0.1, 0, 5), dated("b", 0.1, 4, 9)], "an overlap between 'a'"),
        (
            lambda: [dated("a", 0.1, 0, None), dated("b", 0.1, 4, 9)],
            "'a' has no end or 'b' no beginning",
        ),
        (
            lambda: [dated("a", 0.1, 0, 5), Tariff("b", "EUR", "UTC", (Rate(1),), None, 5)],
            "one currency and one time",
        ),
        (lambda: [0.1, 0.2], "item 0: expected a Tariff, got float"),
    ],
)
def test_successive_tariffs_that_do_not_follow_are_refused(tariffs, words):
    with pytest.raises(InputError, match=words):
        Tariff.successive(tariffs())


def test_a_tariff_of_parts_has_nothing_of_its_own():
    parts = (dated("a", 0.1, 0, 5), dated("b", 0.1, 5, 9))
    with pytest.raises(InputError, match="rates, taxes beside parts"):
        Tariff("x", rates=(Rate(1),), taxes=(Tax("t", 0.1),), parts=parts, **LA)
    with pytest.raises(InputError, match="must be those of its parts"):
        Tariff("x", "USD", "UTC", parts=parts)


def test_rates_are_read_only_values_in_any_order():
    a = [
        Rate(0.1, "00:00", "12:00", period="am"),
        Rate(tiers=ladder(0.2, 0.3), start="12:00", period="pm"),
    ]
    assert canonical(tuple(a)) == canonical(tuple(reversed(a)))
    assert len({canonical(tuple(a)), canonical(tuple(reversed(a)))}) == 1


def two_ladders():
    return [
        Rate(start="07:00", end="23:00", tiers=ladder(0.1, 0.05)),
        Rate(start="23:00", end="07:00", tiers=ladder(0.08, 0.04)),
    ]


def demand(**fields):
    return DemandCharge("x", DemandTier(1), **fields)


DAILY = ladder(0.2, 0.3, per="day")
TIMED = [Rate(0.1, "17:00", "21:00"), Rate(0.0, "21:00", "17:00")]


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: demand(per="week"), "per 'week' is not known; write 'month' or 'day'"),
        (lambda: demand(peaks=0), "peaks 0 is not a number of days; write how many"),
        (lambda: demand(peaks=True), "peaks True is not a number of days"),
        (lambda: demand(peaks=2.0), "peaks 2.0 is not a number of days"),
        (lambda: demand(trailing_months=0), "trailing_months 0 is not a number of billing periods"),
        (lambda: demand(minimum_kw=-1), "minimum_kw -1 must be at least 0"),
        (
            lambda: demand(trailing_months=12, ratchet=Ratchet(0.8, 11)),
            "a ratchet beside trailing_months 12; .* leave the other out",
        ),
        (lambda: DemandTier(1, per_month=float("nan")), "demand tier: per_month nan"),
        (lambda: Adder("x"), "adder 'x': price_per_kwh None"),
        (lambda: Adder("x", 0.1, rates=TIMED), "price_per_kwh 0.1 beside rates"),
        (lambda: Adder("x", rates=[Rate(tiers=DAILY)]), "rates: an adder has no tiers"),
        (lambda: Adder("x", rates=TIMED[:1]), "a gap: no price in Jan"),
        (lambda: Adder("x", rates=[0.1]), "rates, item 0: expected a Rate, got float"),
        (lambda: Tax("x", 0.1, months=(13,)), "month 13 does not exist"),
        (lambda: Tax("x", 0.1, "net"), "'net' cannot be taxed .*what exports earn, and a net"),
        (
            lambda: Export("net_metering", carry_over="year", payout_per_kwh=[Rate(0.1)]),
            "payout_per_kwh .* is not one price; .* rates with carry_over='credit'",
        ),
        (
            lambda: Export("net_metering", payout_per_kwh={"peak": 0.1}),
            "payout_per_kwh {'peak': 0.1} is not one price",
        ),
        (
            lambda: Export("net_metering", [Rate(tiers=DAILY)], carry_over="credit"),
            "surplus has no tiers",
        ),
        (lambda: Export("net_billing", [Rate(0.1)], tier_reset="day"), "export: .*but no tiers"),
        (lambda: Export("net_billing", [Rate(0.1)], tier_reset="week"), "'week' is not known"),
        (
            lambda: Export("net_billing", [Rate(tiers=ladder(0.2, 0.3))], tier_reset="day"),
            "export: tiers count kWh of a month or by kW, but begin anew each day; "
            "write tiers with per='day'",
        ),
        (
            lambda: Tariff("t", *LA.values(), (Rate(0.1),), tier_reset="day"),
            "tier_reset 'day', but no tiers; .* in Export",
        ),
        (
            lambda: Tariff(
                "t",
                *LA.values(),
                [Rate(tiers=DAILY)],
                tier_rule="prorate",
                tier_reset="day",
                export=Export("net_metering"),
            ),
            "net metering leaves kWh without a day, so tier_reset 'day' cannot be used",
        ),
        (
            lambda: Tariff(
                "t", *LA.values(), (Rate(0.1),), adders=Adder("x", rates=[Rate(1, days="holiday")])
            ),
            "gap",
        ),
    ],
)
def test_plans_that_cannot_be_are_refused(make, words):
    with pytest.raises(InputError, match=words):
        make()


def test_days_of_an_adder_need_the_holidays():
    rates = [
        Rate(1, days="holiday"),
        Rate(2, days="weekday"),
        Rate(3, days="weekend"),
    ]
    with pytest.raises(InputError, match="days 'holiday', but no holidays"):
        Tariff("t", *LA.values(), (Rate(0.1),), adders=Adder("x", rates=rates))


def test_adders_with_the_same_prices_are_equal():
    other = [Rate(0.0, "21:00", "24:00"), Rate(0.0, "00:00", "17:00"), TIMED[0]]
    assert Adder("x", rates=TIMED) == Adder("x", rates=other)
    assert hash(Adder("x", rates=TIMED)) == hash(Adder("x", rates=other))
