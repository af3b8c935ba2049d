"""Flatpeak tariff objects: reading, writing, and named refusals."""

import copy
import json
from datetime import UTC, date, datetime
from fractions import Fraction

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flipkit.calendar import to_us
from flipkit.errors import InputError, NaiveTimestampError
from flipkit.tariffs import PriceSeries, Rate, Tariff

WHERE = {"timezone": "Europe/London", "currency": "GBP"}
HOUR = 3_600_000_000
START = to_us("2025-03-29T00:00Z")


def hours(*windows, field="fixed"):
    return [
        {"valid_from": begin, "valid_to": end, "rate": [{field: price, "to_kwh": None}]}
        for begin, end, price in windows
    ]


def night_saver():
    """The two-price plan that the contract shows."""
    windows = hours(("00:00:00", "07:00:00", 0.09), ("07:00:00", "00:00:00", 0.29))
    return {
        "location_id": "loc_641b90b758fb8e6293716e40",
        "direction": "IMPORT",
        "type": "COMMODITY",
        "display_name": "Night saver",
        "market_rates": False,
        "contract_start_date": "2025-01-01T00:00:00Z",
        "contract_end_date": "2026-01-01T00:00:00Z",
        "schedule": [{"months": ["All"], "days_and_hours": [{"days": ["All"], "hours": windows}]}],
    }


def with_schedule(entry, **fields):
    return {**night_saver(), "schedule": [entry], **fields}


def whole_day(price, days=("All",), months=("All",), field="fixed"):
    windows = hours(("00:00:00", "00:00:00", price), field=field)
    return {"months": list(months), "days_and_hours": [{"days": list(days), "hours": windows}]}


def read(*objects, **options):
    return Tariff.from_flatpeak(
        objects[0] if len(objects) == 1 else list(objects), **WHERE, **options
    )


def test_the_plan_of_the_contract_is_read_and_written_back_word_for_word():
    source = night_saver()
    tariff = read(source)
    assert tariff == Tariff(
        "Night saver",
        "GBP",
        "Europe/London",
        (Rate(0.09, "00:00", "07:00"), Rate(0.29, "07:00")),
        None,
        to_us("2025-01-01T00:00Z"),
        to_us("2026-01-01T00:00Z"),
    )
    assert tariff.to_flatpeak(source["location_id"]) == source
    assert source == night_saver()


def test_what_the_service_adds_to_an_object_changes_nothing():
    extra = {
        "id": "trf_1",
        "object": "tariff",
        "live_mode": False,
        "timezone": "Europe/London",
        "is_linked": False,
    }
    assert read(
        {**night_saver(), **extra, "contract_start_date": "2025-01-01T01:00:00+01:00"}
    ) == read(night_saver())


def test_contract_dates_bound_the_prices():
    tariff = read(night_saver())
    with pytest.raises(InputError, match="first uncovered: 2026-01-01T00:00:00Z"):
        tariff.prices(START, to_us("2026-01-01T00:00Z") + 1)
    with pytest.raises(InputError, match=r"first uncovered: 2024-12-31T23:59:59.999999Z"):
        tariff.prices(to_us("2025-01-01T00:00Z") - 1, START)
    undated = {**night_saver(), "contract_start_date": None}
    del undated["contract_end_date"]
    assert (read(undated).valid_from_us, read(undated).valid_to_us) == (None, None)


def test_a_tariff_without_dates_stays_without():
    tariff = Tariff.flat(0.3, **WHERE)
    body = tariff.to_flatpeak("loc_1")
    assert (body["contract_start_date"], body["contract_end_date"]) == (
        "1970-01-01T00:00:00Z",
        "9999-12-31T00:00:00Z",
    )
    assert Tariff.from_flatpeak(json.loads(json.dumps(body)), **WHERE) == tariff


def test_contract_dates_given_are_written():
    tariff = Tariff.flat(0.3, **WHERE)
    body = tariff.to_flatpeak("loc_1", start="2025-07-01", end=datetime(2026, 7, 1, tzinfo=UTC))
    assert (body["contract_start_date"], body["contract_end_date"]) == (
        "2025-06-30T23:00:00Z",
        "2026-07-01T00:00:00Z",
    )
    again = read(body)
    assert (again.valid_from_us, again.rates) == (to_us("2025-06-30T23:00Z"), tariff.rates)
    narrower = again.to_flatpeak("loc_1", start=date(2025, 8, 1))
    assert (narrower["contract_start_date"], narrower["contract_end_date"]) == (
        "2025-07-31T23:00:00Z",
        "2026-07-01T00:00:00Z",
    )
    for wrong in ({"start": "2025-06-30"}, {"end": "2026-07-02"}):
        with pytest.raises(InputError, match="beyond the tariff's own"):
            again.to_flatpeak("loc_1", **wrong)
    with pytest.raises(InputError, match="ends before it starts"):
        tariff.to_flatpeak("loc_1", start="2025-07-01", end="2025-06-30")


@pytest.mark.parametrize("end", ["2026-06-30", date(2026, 6, 30), "2026-06", pd.Period("2026-06")])
def test_the_last_day_of_a_contract_is_included(end):
    body = Tariff.flat(0.3, **WHERE).to_flatpeak("loc_1", start="2025-07", end=end)
    assert body["contract_start_date"] == "2025-06-30T23:00:00Z"
    assert body["contract_end_date"] == "2026-06-30T23:00:00Z"


@pytest.mark.parametrize(
    ("days", "weekdays"),
    [
        (["All"], "all"),
        (None, "all"),
        (["Weekday"], "weekday"),
        (["Weekdays"], "weekday"),
        (["weekend"], "weekend"),
        (["Weekday", "Weekend"], "all"),
        (["Mon", "Sun"], (0, 6)),
        ([1, 7], (0, 6)),
        (["1", "Tue", 3], (0, 1, 2)),
    ],
)
def test_days_by_name_kind_and_number(days, weekdays):
    named = Rate(0.5, days=weekdays).weekday_numbers()
    rest = [
        ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")[day]
        for day in range(7)
        if day not in named
    ]
    schedule = [whole_day(0.5)] + ([whole_day(0.1, rest)] if rest else [])
    schedule[0]["days_and_hours"][0]["days"] = days
    tariff = read({**night_saver(), "schedule": schedule})
    assert [rate.days for rate in tariff.rates if rate.price_per_kwh == 0.5] == [weekdays]


def test_months_hours_and_defaults():
    summer = {
        "months": ["Jun", "JUL", "aug"],
        "dates": [],
        "days_and_hours": [
            {"hours": hours(("22:30:00", "06:00:00", 0.1), ("06:00:00", "22:30:00", 0.4))}
        ],
    }
    winter = ["Jan", "Feb", "Mar", "Apr", "May", "Sep", "Oct", "Nov", "Dec"]
    rest = {
        "months": winter,
        "days_and_hours": [{"days": ["All"], "hours": [{"rate": [{"fixed": 0.2}]}]}],
    }
    assert read({**night_saver(), "schedule": [summer, rest]}).rates == (
        Rate(0.2, months=(1, 2, 3, 4, 5, 9, 10, 11, 12)),
        Rate(0.1, "00:00", "06:00", (6, 7, 8)),
        Rate(0.4, "06:00", "22:30", (6, 7, 8)),
        Rate(0.1, "22:30", "24:00", (6, 7, 8)),
    )


def test_days_are_written_by_name():
    tariff = Tariff.time_of_use(
        [Rate(0.1, days=(0, 2)), Rate(0.2, days=(1, 3, 4)), Rate(0.3, days="weekend")], **WHERE
    )
    written = tariff.to_flatpeak("loc_1")["schedule"][0]["days_and_hours"]
    assert [entry["days"] for entry in written] == [
        ["Mon", "Wed"],
        ["Tue", "Thu", "Fri"],
        ["Weekend"],
    ]


def test_commodity_and_non_commodity_share_the_time_of_both():
    network = with_schedule(
        whole_day(0.05),
        type="NON_COMMODITY",
        display_name="Grid",
        contract_start_date="2025-02-01T00:00:00Z",
    )
    del network["contract_end_date"]
    both = read(network, night_saver())
    assert [rate.price_per_kwh for rate in both.rates] == [0.05 + 0.09, 0.05 + 0.29]
    assert (both.valid_from_us, both.valid_to_us) == (
        to_us("2025-02-01T00:00Z"),
        to_us("2026-01-01T00:00Z"),
    )
    assert read(network).rates == (Rate(0.05),)


# ---- market prices


def market(prices, confidence=None):
    edges = START + HOUR * np.arange(len(prices) + 1)
    return PriceSeries(edges[:-1], edges[1:], prices, confidence)


def market_tariff(*windows):
    rates = [
        {
            "valid_from": begin,
            "valid_to": end,
            "rate": [{"surcharge_fixed": fixed, "surcharge_percentage": percent}],
        }
        for begin, end, fixed, percent in windows
    ]
    schedule = {"months": ["All"], "days_and_hours": [{"days": ["All"], "hours": rates}]}
    return with_schedule(schedule, market_rates=True, display_name="Spot plus")


small = st.integers(-5000, 5000).map(lambda n: n / 10_000)


@settings(max_examples=60, deadline=None)
@given(st.lists(small, min_size=48, max_size=48), small, small, small, small)
def test_surcharges_go_on_the_market_price_amount_first_then_percent(
    prices, fixed_a, part_a, fixed_b, part_b
):
    source = market_tariff(
        ("00:30:00", "12:00:00", fixed_a, part_a), ("12:00:00", "00:30:00", fixed_b, part_b)
    )
    tariff = read(source, market=market(prices))
    series = tariff.prices(START, START + 48 * HOUR)
    assert tariff.name == "Spot plus"
    for half_hour in range(96):
        at = START + half_hour * HOUR // 2
        # London springs forward at 01:00 UTC of the second day: from then on it is an hour ahead.
        wall = half_hour / 2 % 24 + (1 if half_hour >= 50 else 0)
        first = 0.5 <= wall % 24 < 12
        fixed, part = (fixed_a, part_a) if first else (fixed_b, part_b)
        want = (Fraction(prices[half_hour // 2]) + Fraction(fixed)) * (1 + Fraction(part))
        (got,) = series.cost([at], [at + HOUR // 2], [1.0])
        assert abs(got - float(want)) <= 1e-15


def test_five_percent_is_five_percent():
    (price,) = read(
        market_tariff(("00:00:00", "00:00:00", 0.1, 0.05)), market=market([0.3])
    ).series.price_per_kwh
    assert price == pytest.approx(0.42, abs=1e-15)


def test_network_fees_are_added_to_the_market_price_and_contracts_cut_it():
    source = market_tariff(("00:00:00", "00:00:00", 0.01, None))
    network = with_schedule(
        whole_day(0.05),
        type="NON_COMMODITY",
        contract_start_date="2025-03-29T01:00:00Z",
        contract_end_date="2025-03-29T03:00:00Z",
    )
    series = read(source, network, market=market([0.1, 0.2, 0.3, 0.4], [1.0, 0.8, 0.6, 0.4])).series
    assert series.price_per_kwh == pytest.approx([0.26, 0.36], abs=1e-15)
    assert series.confidence.tolist() == [0.8, 0.6]
    assert (series.start_us[0], series.end_us[-1]) == (START + HOUR, START + 3 * HOUR)


@pytest.mark.parametrize("schedule", [None, [], "absent"])
def test_market_rates_without_a_schedule_are_the_market_price(schedule):
    source = {**night_saver(), "market_rates": True, "schedule": schedule}
    if schedule == "absent":
        del source["schedule"]
    assert read(source, market=market([0.1, -0.2])).series == market([0.1, -0.2])


def test_a_fixed_price_beside_market_rates_is_ignored_and_surcharges_beside_fixed_prices_too():
    source = market_tariff(("00:00:00", "00:00:00", 0.01, 0.0))
    source["schedule"][0]["days_and_hours"][0]["hours"][0]["rate"][0]["fixed"] = 9.9
    assert read(source, market=market([0.5])).series.price_per_kwh.tolist() == [0.51]
    assert read({**source, "market_rates": None}).rates == (Rate(9.9),)


# ---- refusals


def edited(edit):
    source = copy.deepcopy(night_saver())
    edit(source, source["schedule"][0], source["schedule"][0]["days_and_hours"][0])
    return source


EDITS = {
    r"rate: tier 1 of 2 has no limit": lambda s, e, d: d["hours"][0]["rate"].append(
        {"fixed": 0.2, "to_kwh": None}
    ),
    r"schedule, day 3 of the month: a gap: no price": lambda s, e, d: e.update(dates=[1, 2]),
    r"schedule\[0\].dates: '32' is not one of All, or days of the month": lambda s, e, d: e.update(
        dates=[32]
    ),
    r"prices in both schedule and data": lambda s, e, d: s.update(data=s["schedule"]),
    r"rate\[0\]: cannot price variables": lambda s, e, d: d["hours"][0].update(
        rate=[{"value": "0.03 * $index", "variables": {"index": "BELPEX"}}]
    ),
    r"hours\[0\]: cannot price demand": lambda s, e, d: d["hours"][0].update(demand=4),
    r"schedule\[0\]: cannot price holidays; known: months, dates, days_and_hours": lambda s, e, d: (
        e.update(holidays=True)
    ),
    r"hours\[0\].rate\[0\]: no fixed": lambda s, e, d: d["hours"][0].update(rate=[{"fixed": None}]),
    r"rate\[0\].fixed: price '0.3' is not a finite number": lambda s, e, d: d["hours"][0].update(
        rate=[{"fixed": "0.3"}]
    ),
    r"rate: expected a list with at least one entry, got \[\]": lambda s, e, d: d["hours"][
        0
    ].update(rate=[]),
    r"rate\[0\]: expected an object, got float": lambda s, e, d: d["hours"][0].update(rate=[0.3]),
    r"schedule: expected a list with at least one entry, got None": lambda s, e, d: s.update(
        schedule=None
    ),
    r"schedule: expected a list .* got 'always'": lambda s, e, d: s.update(schedule="always"),
    r"months: 'june' is not one of All, Jan": lambda s, e, d: e.update(months=["June"]),
    r"months: expected a list of names, got 'All'": lambda s, e, d: e.update(months="All"),
    r"days: 'bank holiday' is not one of All": lambda s, e, d: d.update(days=["Bank holiday"]),
    r"days: '0' is not one of All, .* or 1 \(Monday\) to 7": lambda s, e, d: d.update(days=[0]),
    r"days: '31' is not one of All": lambda s, e, d: d.update(days=[31]),
    r"hours\[0\]: rate: hour '7am'": lambda s, e, d: d["hours"][0].update(valid_to="7am"),
    r"hours\[0\]: rate: the window from 07:00:00 to 07:00:00 has no length": lambda s, e, d: d[
        "hours"
    ][0].update(valid_from="07:00:00"),
    r"schedule: .* gap: no price in Jan, days all, hours 06:59:58-07:00": lambda s, e, d: d[
        "hours"
    ][0].update(valid_to="06:59:58"),
    r"schedule: .* overlap: .* hours 06:00-07:00": lambda s, e, d: d["hours"][1].update(
        valid_from="06:00:00"
    ),
    r"schedule: .* gap: no price in Jan, days weekend": lambda s, e, d: d.update(days=["Weekday"]),
    r"market_rates: 'yes' is neither true nor false": lambda s, e, d: s.update(market_rates="yes"),
    r"give the market prices as market=": lambda s, e, d: s.update(market_rates=True),
    r"market_rates on NON_COMMODITY": lambda s, e, d: s.update(
        market_rates=True, type="NON_COMMODITY"
    ),
    r"'Night saver', type: 'GAS' is not one of COMMODITY, NON_COMMODITY": lambda s, e, d: s.update(
        type="GAS"
    ),
    r"direction: None is not one of IMPORT": lambda s, e, d: s.pop("direction"),
    r"its timezone is Europe/Paris, but Europe/London": lambda s, e, d: s.update(
        timezone="Europe/Paris"
    ),
    r"'Night saver': its currency is EUR, but GBP was given": lambda s, e, d: s.update(
        currency="EUR"
    ),
    r"contract_end_date: time 'never' is not a valid date or time": lambda s, e, d: s.update(
        contract_end_date="never"
    ),
    r"the contracts leave no time": lambda s, e, d: s.update(
        contract_end_date="2024-01-01T00:00:00Z"
    ),
}


@pytest.mark.parametrize("words", EDITS)
def test_what_cannot_be_priced_is_refused_by_name(words):
    with pytest.raises(InputError, match=words):
        read(edited(EDITS[words]))


def test_a_contract_date_without_a_zone_is_refused():
    with pytest.raises(
        NaiveTimestampError, match=r"'Night saver', contract_start_date: .*has no zone"
    ):
        read(edited(lambda s, e, d: s.update(contract_start_date="2025-01-01T00:00:00")))


@pytest.mark.parametrize(
    ("objects", "words"),
    [
        ([], "none given"),
        (["trf_1"], "expected objects, got str"),
        (
            [night_saver(), night_saver()],
            "two COMMODITY contracts, 'Night saver' and 'Night saver', "
            "hold at once from 2025-01-01T00:00:00Z on",
        ),
        (
            [night_saver(), {**night_saver(), "type": "NON_COMMODITY", "direction": "EXPORT"}],
            "EXPORT, IMPORT together",
        ),
        (
            [
                night_saver(),
                {
                    **night_saver(),
                    "type": "NON_COMMODITY",
                    "contract_start_date": "2027-01-01T00:00:00Z",
                },
            ],
            "no time together: from 2027-01-01T00:00:00Z to 2026-01-01T00:00:00Z",
        ),
    ],
)
def test_objects_that_make_no_price_together_are_refused(objects, words):
    with pytest.raises(InputError, match=words):
        Tariff.from_flatpeak(objects, **WHERE)


def test_market_prices_of_another_time_are_refused():
    source = {
        **market_tariff(("00:00:00", "00:00:00", 0.0, 0.0)),
        "contract_start_date": "2025-06-01T00:00:00Z",
    }
    with pytest.raises(
        InputError,
        match="market prices, 2025-03-29T00:00:00Z to 2025-03-29T01:00:00Z, share no time",
    ):
        read(source, market=market([0.1]))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"location_id": ""}, "location_id ''"),
        ({"location_id": None}, "location_id None"),
        ({"direction": "BOTH"}, "direction 'BOTH'"),
        ({"type": "GAS"}, "type 'GAS'"),
        ({"start": "2025-01-01T00:00"}, "no zone"),
    ],
)
def test_bodies_that_the_service_would_not_take_are_not_written(arguments, words):
    with pytest.raises(InputError, match=words):
        Tariff.flat(0.3, **WHERE).to_flatpeak(**{"location_id": "loc_1", **arguments})


def test_a_price_series_has_no_schedule():
    with pytest.raises(InputError, match="'Spot' is a price series, which a Flatpeak schedule"):
        Tariff("Spot", "GBP", "Europe/London", (), market([0.1])).to_flatpeak("loc_1")


# ---- other ways of writing


@pytest.mark.parametrize("status", ["ERROR", "DISCONNECTED"])
def test_a_status_other_than_connected_is_a_finding(status):
    tariff = Tariff.from_flatpeak({**night_saver(), "status": status}, **WHERE)
    (finding,) = tariff.findings
    assert finding.startswith(f"tariff.status: Flatpeak tariff 'Night saver' has status {status}")
    assert tariff == Tariff.from_flatpeak({**night_saver(), "status": "CONNECTED"}, **WHERE)
    assert Tariff.from_flatpeak({**night_saver(), "status": "CONNECTED"}, **WHERE).findings == ()


def test_an_end_may_be_its_last_second():
    windows = hours(("00:00:00", "06:59:59", 0.09), ("07:00:00", "23:59:59", 0.29))
    entry = {"days_and_hours": [{"hours": windows}]}
    assert Tariff.from_flatpeak(with_schedule(entry), **WHERE) == Tariff.from_flatpeak(
        night_saver(), **WHERE
    )
    windows[1]["valid_to"] = "23:59"
    assert Tariff.from_flatpeak(with_schedule(entry), **WHERE) == Tariff.from_flatpeak(
        night_saver(), **WHERE
    )


def test_a_limit_of_the_last_tier_is_a_finding():
    source = night_saver()
    rates = source["schedule"][0]["days_and_hours"][0]["hours"][0]["rate"]
    rates[0]["to_kwh"] = 100
    tariff = Tariff.from_flatpeak(source, **WHERE)
    assert tariff == Tariff.from_flatpeak(night_saver(), **WHERE)
    (finding,) = tariff.findings
    assert finding.startswith("tariff.assumed: ")
    assert "hours[0].rate[0].to_kwh is 100, and kWh above it are priced as those below" in finding

    rates.append({"fixed": 0.2, "to_kwh": 300})
    ladder = Tariff.from_flatpeak(source, **WHERE).rates[0].tiers
    assert [(tier.price_per_kwh, tier.up_to) for tier in ladder] == [(0.09, 100), (0.2, None)]
    rates[1]["to_kwh"] = 50
    with pytest.raises(InputError, match="tier 2 ends at 50, not above tier 1"):
        Tariff.from_flatpeak(source, **WHERE)


def test_the_answer_with_a_list_is_read():
    answer = {"object": "list", "url": "/tariffs", "has_more": False, "data": [night_saver()]}
    assert Tariff.from_flatpeak(answer, **WHERE) == Tariff.from_flatpeak(night_saver(), **WHERE)
    with pytest.raises(InputError, match="has_more is true, so the list is incomplete"):
        Tariff.from_flatpeak({**answer, "has_more": True}, **WHERE)
    with pytest.raises(InputError, match="none given"):
        Tariff.from_flatpeak({**answer, "data": []}, **WHERE)


def test_the_schedule_of_early_2024_is_read():
    # contracts, 7.2: `data[]` instead of `schedule[]`, `rate[{to_kwh, value}]`; FlatPeak's own
    # connector for Octopus writes `value` in pounds: pence divided by 100.
    source = night_saver()
    source["data"] = source.pop("schedule")
    for window in source["data"][0]["days_and_hours"][0]["hours"]:
        window["rate"] = [{"value": window["rate"][0]["fixed"], "to_kwh": None}]
    assert Tariff.from_flatpeak(source, **WHERE) == Tariff.from_flatpeak(night_saver(), **WHERE)


# ---- days of the month


def dated(first_days, others):
    entries = [{**whole_day(first_days), "dates": list(range(1, 11))}]
    entries.append({**whole_day(others), "dates": [str(day) for day in range(11, 32)]})
    return {**night_saver(), "schedule": entries}


def test_prices_by_day_of_the_month_are_a_price_series():
    tariff = Tariff.from_flatpeak(dated(0.1, 0.4), **WHERE)
    # By hand: each local day has the price of its number, also where the clock changes.
    for day in ("2025-01-01", "2025-02-28", "2025-03-10", "2025-03-30", "2025-10-10", "2025-10-26"):
        want = 0.1 if int(day[-2:]) <= 10 else 0.4
        assert tariff.prices(day).price_per_kwh.tolist() == [want], day
    # 1 to 10 in twelve months, and the days between: one price each.
    assert len(tariff.series) == 24
    extra = {**night_saver(), "type": "NON_COMMODITY", "schedule": [whole_day(0.05)]}
    total = Tariff.from_flatpeak([dated(0.1, 0.4), extra], **WHERE)
    assert total.prices("2025-03-30").price_per_kwh.tolist() == [0.4 + 0.05]


def test_all_days_of_the_month_are_no_dates():
    entries = [{**whole_day(0.1), "dates": list(range(1, 32))}]
    assert Tariff.from_flatpeak(with_schedule(entries[0]), **WHERE) == Tariff.from_flatpeak(
        with_schedule(whole_day(0.1)), **WHERE
    )


def test_days_of_the_month_need_an_end_and_no_tiers():
    with pytest.raises(InputError, match=r"dates .* needs contract_start_date and contract"):
        Tariff.from_flatpeak({**dated(0.1, 0.4), "contract_end_date": None}, **WHERE)
    source = dated(0.1, 0.4)
    rates = source["schedule"][0]["days_and_hours"][0]["hours"][0]["rate"]
    rates[:] = [{"fixed": 0.1, "to_kwh": 5}, {"fixed": 0.2, "to_kwh": None}]
    with pytest.raises(InputError, match="tiers beside dates"):
        Tariff.from_flatpeak(source, **WHERE)


def test_hours_of_another_clock_cannot_be_written():
    tariff = Tariff.time_of_use({"00:30-07:30": 0.1, "07:30-00:30": 0.3}, **WHERE)
    assert tariff.to_flatpeak("loc_1")
    with pytest.raises(InputError, match="has hours of UTC; those of a Flatpeak schedule are the"):
        tariff.replace(hours_timezone="UTC").to_flatpeak("loc_1")
    # Without hours there is no clock to keep.
    flat = Tariff.flat(0.3, **WHERE).replace(hours_timezone="UTC")
    assert Tariff.from_flatpeak(flat.to_flatpeak("loc_1"), **WHERE).rates == flat.rates
