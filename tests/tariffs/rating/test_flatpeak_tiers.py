"""Tiers, and contracts one after another, in Flatpeak tariff objects."""

import copy
import json

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import flipkit as fk
from flipkit.calendar import to_us
from flipkit.errors import InputError
from flipkit.tariffs import FixedCharge, PriceSeries, Rate, Tariff, Tier

WHERE = {"timezone": "Europe/Brussels", "currency": "EUR"}
RULES = ("chronological", "prorate", "per_period")


def ladder(*steps):
    return [{"fixed": price, "to_kwh": limit} for price, limit in steps]


def plan(
    *windows,
    kind="COMMODITY",
    start="2025-01-01T00:00:00Z",
    end="2026-01-01T00:00:00Z",
    name="Blocks",
    **fields,
):
    hours = [{"valid_from": begin, "valid_to": stop, "rate": rate} for begin, stop, rate in windows]
    return {
        "location_id": "loc_1",
        "direction": "IMPORT",
        "type": kind,
        "display_name": name,
        "market_rates": False,
        "contract_start_date": start,
        "contract_end_date": end,
        "schedule": [{"months": ["All"], "days_and_hours": [{"days": ["All"], "hours": hours}]}],
        **fields,
    }


def all_day(rate, **fields):
    return plan(("00:00:00", "00:00:00", rate), **fields)


def read(*objects, **options):
    return Tariff.from_flatpeak(
        objects[0] if len(objects) == 1 else list(objects), **WHERE, **options
    )


BLOCKS = ladder((0.2, 100), (0.25, 400), (0.4, None))


def test_tiers_are_read_and_written_back_word_for_word():
    source = plan(("00:00:00", "07:00:00", ladder((0.1, None))), ("07:00:00", "00:00:00", BLOCKS))
    before = copy.deepcopy(source)
    tariff = read(source)
    steps = (Tier(0.2, 100), Tier(0.25, 400), Tier(0.4))
    assert tariff.rates == (Rate(0.1, "00:00", "07:00"), Rate(start="07:00", tiers=steps))
    assert tariff.tier_rule == "chronological"
    written = tariff.to_flatpeak("loc_1")
    assert written == source
    assert source == before
    assert read(source) == tariff  # the same object read twice


@pytest.mark.parametrize("rule", RULES)
def test_the_tier_rule_is_the_readers(rule):
    assert read(all_day(BLOCKS), tier_rule=rule).tier_rule == rule
    assert read(all_day(ladder((0.2, None))), tier_rule=rule).tier_rule is None


def test_an_unknown_tier_rule_is_refused():
    with pytest.raises(InputError, match="tier_rule 'sideways'"):
        read(all_day(BLOCKS), tier_rule="sideways")


cents = st.integers(-50, 900).map(lambda number: number / 1000)


@st.composite
def ladders(draw):
    limits = sorted(draw(st.sets(st.integers(1, 5000), max_size=3)))
    prices = draw(st.lists(cents, min_size=len(limits) + 1, max_size=len(limits) + 1))
    return tuple(Tier(*step) for step in zip(prices, [*limits, None], strict=True))


@settings(max_examples=100, deadline=None)
@given(
    st.lists(ladders(), min_size=1, max_size=4),
    st.sets(st.integers(1, 47), min_size=3, max_size=3),
    st.data(),
)
def test_what_is_written_is_read_back_equal(steps, cuts, data):
    edges = [f"{cut // 2:02d}:{cut % 2 * 3}0" for cut in (0, *sorted(cuts)[: len(steps) - 1])] + [
        "24:00"
    ]
    rates = []
    for months in ((1, 2, 12), (3, 4, 5, 6, 7, 8, 9, 10, 11)):
        for days in ("weekday", "weekend"):
            order = data.draw(st.permutations(steps))
            rates += [
                Rate(None, *edges[n : n + 2], months, days, tiers=each)
                for n, each in enumerate(order)
            ]
    rule = data.draw(st.sampled_from(RULES)) if any(rate.tiers for rate in rates) else None
    tariff = Tariff(
        "Any",
        "EUR",
        "Europe/Brussels",
        tuple(rates),
        None,
        to_us("2025-01-01T00:00Z"),
        tier_rule=rule,
    )
    body = json.loads(json.dumps(tariff.to_flatpeak("loc_1")))
    assert read(body, tier_rule=rule or "chronological") == tariff


# ---- a grid fee on top


def test_a_fee_goes_on_every_step():
    fee = plan(
        ("00:00:00", "12:00:00", ladder((0.05, None))),
        ("12:00:00", "00:00:00", ladder((0.5, None))),
        kind="NON_COMMODITY",
    )
    for both in ([all_day(BLOCKS), fee], [fee, all_day(BLOCKS)]):
        rates = Tariff.from_flatpeak(both, **WHERE).rates
        assert [[(step.price_per_kwh, step.up_to) for step in rate.tiers] for rate in rates] == [
            [(0.2 + 0.05, 100), (0.25 + 0.05, 400), (0.4 + 0.05, None)],
            [(0.2 + 0.5, 100), (0.25 + 0.5, 400), (0.4 + 0.5, None)],
        ]
    with pytest.raises(
        InputError, match="'per_period', tiers cannot be added to a price that changes"
    ):
        read(all_day(BLOCKS), fee, tier_rule="per_period")
    flat = all_day(ladder((0.05, None)), kind="NON_COMMODITY")
    assert len(read(all_day(BLOCKS), flat, tier_rule="per_period").rates) == 1


def test_two_ladders_have_no_sum():
    with pytest.raises(InputError, match="cannot add two ladders of tiers"):
        read(all_day(BLOCKS), all_day(BLOCKS, kind="NON_COMMODITY"))


def test_tiers_beside_market_prices_are_refused():
    spot = all_day([{"surcharge_fixed": 0.01}], market_rates=True)
    edges = to_us("2025-06-01T00:00Z") + 3_600_000_000 * np.arange(3)
    market = PriceSeries(edges[:-1], edges[1:], [0.1, 0.2])
    with pytest.raises(InputError, match="tiers beside market_rates"):
        read(spot, all_day(BLOCKS, kind="NON_COMMODITY"), market=market)
    tiered = all_day(
        [{"surcharge_fixed": 0.01, "to_kwh": 9}, {"surcharge_fixed": 0.02}], market_rates=True
    )
    with pytest.raises(
        InputError, match=r"hours\[0\].rate: 2 rates are tiers, and surcharges cannot have them"
    ):
        read(tiered, market=market)


# ---- refusals

WRONG = {
    r"rate: rate: tier 2 ends at 100, not above tier 1 \(400\)": ladder(
        (0.2, 400), (0.25, 100), (0.3, None)
    ),
    r"rate: rate: tier 1 of 2 has no limit": ladder((0.2, None), (0.25, None)),
    r"rate\[0\].to_kwh: tier: up_to 0 must be above 0": ladder((0.2, 0), (0.25, None)),
    r"rate\[0\].to_kwh: tier: up_to '100' is not a finite number": ladder(
        (0.2, "100"), (0.25, None)
    ),
    r"rate\[1\]: no fixed": [{"fixed": 0.2, "to_kwh": 100}, {"fixed": None, "to_kwh": None}],
    r"rate\[1\]: cannot price from_kwh": [
        {"fixed": 0.2, "to_kwh": 100},
        {"fixed": 0.1, "from_kwh": 100},
    ],
}


@pytest.mark.parametrize("words", WRONG)
def test_wrong_tiers_are_refused_by_name(words):
    with pytest.raises(InputError, match=r"schedule\[0\].days_and_hours\[0\].hours\[0\]." + words):
        read(all_day(WRONG[words]))


@pytest.mark.parametrize("fields", [{"per": "day"}, {"per_kw": True}, {"hours_of_use": 20}])
def test_tiers_that_flatpeak_cannot_count_are_not_written(fields):
    rates = (Rate(tiers=(Tier(0.1, 5, **fields), Tier(0.2))),)
    tariff = Tariff("Daily", "EUR", "Europe/Brussels", rates, tier_rule="prorate")
    with pytest.raises(InputError, match="'Daily' has tiers by day or by kW"):
        tariff.to_flatpeak("loc_1")


def test_charges_and_parts_are_not_written():
    fixed = Tariff(
        "Fixed", "EUR", "Europe/Brussels", (Rate(0.1),), fixed=(FixedCharge("meter", 0.1),)
    )
    with pytest.raises(InputError, match="'Fixed' has fixed; a Flatpeak schedule cannot"):
        fixed.to_flatpeak("loc_1")
    with pytest.raises(InputError, match="has parts, and a Flatpeak object is one contract"):
        read(
            all_day(BLOCKS, end="2025-06-01T00:00:00Z"),
            all_day(BLOCKS, start="2025-06-01T00:00:00Z"),
        ).to_flatpeak("l")


# ---- contracts one after another

FIRST = {"start": "2025-01-01T00:00:00Z", "end": "2025-05-31T22:00:00Z", "name": "Old"}
SECOND = {"start": "2025-05-31T22:00:00Z", "end": "2026-01-01T00:00:00Z", "name": "New"}


def test_contracts_follow_one_another():
    old, new = all_day(BLOCKS, **FIRST), all_day(ladder((0.3, None)), **SECOND)
    tariff = read(new, old)
    assert tariff.name == "Old, then New"
    assert tariff.parts == (read(old), read(new))
    assert [part.to_flatpeak("loc_1") for part in tariff.parts] == [old, new]
    assert read(old, {**new, "display_name": "Old"}).name == "Old"


def test_fees_and_energy_change_each_at_its_time():
    energy = [all_day(ladder((0.3, None)), **FIRST), all_day(ladder((0.4, None)), **SECOND)]
    fees = [
        all_day(
            ladder((0.01, None)),
            kind="NON_COMMODITY",
            start="2025-02-01T00:00:00Z",
            end="2025-03-01T00:00:00Z",
        ),
        all_day(
            ladder((0.02, None)),
            kind="NON_COMMODITY",
            start="2025-03-01T00:00:00Z",
            end="2025-12-01T00:00:00Z",
        ),
    ]
    tariff = read(*energy, *fees)
    found = [(part.rates[0].price_per_kwh, *part.validity) for part in tariff.parts]
    edges = [
        to_us(f"2025-{day}Z")
        for day in ("02-01T00:00", "03-01T00:00", "05-31T22:00", "12-01T00:00")
    ]
    assert found == [
        (0.3 + 0.01, edges[0], edges[1]),
        (0.3 + 0.02, edges[1], edges[2]),
        (0.4 + 0.02, edges[2], edges[3]),
    ]


def test_a_market_contract_after_a_fixed_one():
    fixed, spot = (
        all_day(ladder((0.3, None)), **FIRST),
        all_day([{"surcharge_fixed": 0.5}], market_rates=True, **SECOND),
    )
    edges = to_us("2025-05-31T21:00Z") + 3_600_000_000 * np.arange(4)
    market = PriceSeries(edges[:-1], edges[1:], [0.1, 0.2, 0.25])
    tariff = read(spot, fixed, market=market)
    assert tariff.validity == (to_us("2025-01-01T00:00Z"), edges[-1])
    assert tariff.parts[1].series.price_per_kwh.tolist() == [0.7, 0.75]
    # Market prices of the second of two market contracts: the first has no price, and is left out.
    assert (
        read({**fixed, "market_rates": True}, spot, market=market.clip(edges[1], edges[3]))
        == tariff.parts[1]
    )


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        (
            {"start": "2025-05-31T21:00:00Z"},
            "two COMMODITY contracts, 'Old' and 'New', hold at once from 2025-05-31T21",
        ),
        (
            {"start": "2025-06-01T00:00:00Z"},
            "'Old' and 'New', leave a gap from 2025-05-31T22:00:00Z to 2025-06-01T00:00:00Z",
        ),
        ({"start": None}, "'New' and 'Old', hold at once from 2025-01-01"),
    ],
)
def test_contracts_that_do_not_follow_are_refused(fields, words):
    with pytest.raises(InputError, match=words):
        read(all_day(BLOCKS, **FIRST), all_day(BLOCKS, **SECOND | fields))


# ---- tiers of one type beside another type that changes


def fee(price, start, end, kind="NON_COMMODITY"):
    return all_day(ladder((price, None)), kind=kind, start=start, end=end, name=f"Fee {price:g}")


def fees_from(change):
    return [fee(0.01, "2025-01-01T00:00:00Z", change), fee(0.02, change, "2026-01-01T00:00:00Z")]


@pytest.mark.parametrize("kinds", [("COMMODITY", "NON_COMMODITY"), ("NON_COMMODITY", "COMMODITY")])
def test_a_price_that_changes_within_a_month_beside_tiers_is_refused(kinds):
    change = f"{kinds[1]} 'Fee 0.02' begins within a month, 2025-03-14T23:00:00Z"
    words = f"'Blocks' has tiers, and {change}, .* add their"
    others = [{**each, "type": kinds[1]} for each in fees_from("2025-03-14T23:00:00Z")]
    with pytest.raises(InputError, match=words):
        read(all_day(BLOCKS, kind=kinds[0]), *others)
    for each in kinds:  # as the text says
        assert read(
            *(one for one in [all_day(BLOCKS, kind=kinds[0]), *others] if one["type"] == each)
        )


def test_the_count_goes_on_where_the_price_beside_it_changes_with_the_month():
    """The sum of both types costs what each costs by itself."""
    blocks, fees = all_day(BLOCKS), fees_from("2025-02-28T23:00:00Z")
    together, apart = read(blocks, *fees), [read(blocks), read(*fees)]
    assert len(together.parts) == 2
    hours = np.arange("2025-01-31T23", "2025-03-31T22", dtype="datetime64[h]")
    start = pl.Series("start_utc", hours.astype("datetime64[us]")).dt.replace_time_zone("UTC")
    kwh = pl.Series("consumption_kwh", np.random.default_rng(1).random(len(hours)) * 2)
    energy = pl.DataFrame([start, kwh]).with_columns(site_id=pl.lit("a"))
    one, *others = (fk.bill(energy, each)["cost"].sum() for each in (together, *apart))
    assert one == pytest.approx(sum(others), rel=1e-12)


def test_changes_outside_the_contract_with_tiers_do_not_matter():
    tiered, flat = all_day(BLOCKS, **FIRST), all_day(ladder((0.3, None)), **SECOND)
    assert len(read(tiered, flat, *fees_from("2025-07-14T22:00:00Z")).parts) == 3
    middle = {"end": "2025-05-14T22:00:00Z"}, {"start": "2025-05-14T22:00:00Z"}
    tiered, flat = (
        all_day(BLOCKS, **FIRST | middle[0]),
        all_day(ladder((0.3, None)), **SECOND | middle[1]),
    )
    assert len(read(tiered, flat, *fees_from("2025-05-14T22:00:00Z")).parts) == 2
