"""The certificate: it agrees if local costs are right, and finds each fault planted in them."""

import pickle
from collections import Counter
from datetime import UTC, datetime, timedelta
from math import isnan

import httpx
import numpy as np
import polars as pl
import pytest
from support import kits
from support.kits import kit_over, scripted
from support.proof_help import (
    HandService,
    Site,
    by_hand,
    flat_home,
    locations,
    patterns,
    priced_answer,
    prices,
)

import flipkit as fk
from flipkit.emulator import FaultPlan, Store
from flipkit.errors import AuthenticationFailed, InputError, UnexpectedAnswer
from flipkit.scenarios.service import Certificate, certify
from flipkit.scenarios.service.certificate import CertificateRow
from flipkit.scenarios.service.pricing import PriceRequest
from flipkit.scenarios.service.sampling import strata
from flipkit.scenarios.service.service_tiers import ServiceTiers

MONTH = "2025-06"
SITES = ["be-02", "uk-03", "uk-08", "ca-09"]
PAIRS = [(site, scenario) for site in SITES for scenario in ("today", "0.9")]
SEEDS = range(20)


@pytest.fixture(scope="module")
def service():
    return HandService(SITES)


def right(site, scenario):
    return by_hand({site: site for site in SITES})(site, scenario)


def results_of(change):
    outcomes = {pair: change(right(*pair)) for pair in PAIRS}
    return lambda site, scenario: outcomes[site, scenario]


def codes(found):
    return [finding.name for finding in found.findings]


def test_costs_by_hand_agree_with_the_emulator_and_leave_no_trace(kit):
    before = kit.emulator.store.digest()
    found = certify(kit.flatpeak, PAIRS, by_hand(locations(kit)), 40)
    assert found.agrees
    assert found.largest_difference < 1e-12
    assert len(found.rows) == 40
    assert found.statement.startswith(
        "Verified: 40 of 40 intervals agree with the service to within 0.0000005 of their currency;"
        " the largest difference is 0.0000000000 "
    )
    assert "in 8 of 8 combinations of site and scenario, seed 20250601" in found.statement
    assert {row.tariff_direction for row in found.rows} == {"IMPORT", "EXPORT"}
    assert {row.price_level for row in found.rows} == {
        "negative",
        "cheapest",
        "middle",
        "most expensive",
        "the only price",
    }
    assert {(row.site_id, row.scenario) for row in found.rows} == set(PAIRS)
    assert kit.emulator.store.digest() == before
    assert pickle.loads(pickle.dumps(found)) == found  # noqa: S301


def test_the_same_seed_samples_the_same_and_another_seed_others(service):
    one, two, other = (certify(service, PAIRS, right, 30, seed=seed) for seed in (1, 1, 2))
    assert one == two
    assert one.rows != other.rows
    assert len({row[:6] for row in one.rows}) == 30


def test_every_kind_of_interval_is_sampled_about_equally_often(service):
    rows = certify(service, PAIRS, right, 60).rows
    kinds = Counter(row[5:6] + row[7:10] for row in rows)
    assert len(kinds) == 9
    assert min(kinds.values()) >= 5
    assert max(kinds.values()) <= 9
    assert sum(row.beside_change for row in rows) >= 15


def test_a_small_sample_is_spread_over_scenarios_and_sites():
    sites, scenarios = [f"s{n}" for n in range(10)], ["a", "b"]
    asked = []

    def outcome_of(site, scenario):
        asked.append((site, scenario))
        return by_hand({"uk-05": "uk-05"})("uk-05", "today").but(site_id=site, scenario=scenario)

    certify(HandService(["uk-05"]), [(s, c) for s in sites for c in scenarios], outcome_of, 10)
    assert len(asked) == 10  # no result is made that nothing is sampled from
    assert len({site for site, _ in asked}) == 10
    assert [scenario for _, scenario in asked].count("a") == 5


def test_few_intervals_are_all_sampled_and_the_statement_says_so(service):
    def short(site, scenario):
        whole = right(site, scenario)
        size = 2 if site == "uk-03" else 30
        columns = ("start_us", "end_us", "import_kwh", "export_kwh", "import_cost", "export_credit")
        return whole.but(**{name: getattr(whole, name)[:size] for name in columns})

    pairs = [("uk-03", "today"), ("uk-08", "today")]
    found = certify(service, pairs, short, 20)
    assert len(found.rows) == 20  # the one site has two only, the other makes up for it
    whole = certify(service, pairs, short, 100)
    assert len(whole.rows) == whole.intervals == 32
    assert "Only 32 of the 100 requested intervals could be sampled." in whole.statement
    assert codes(whole) == ["certificate.fewer"]
    assert len({row[:6] for row in whole.rows}) == 32


# Faults in the local prices, with the sample size that finds them whatever the seed.


def priced(outcome, **series):
    way = {"import_cost": outcome.import_kwh, "export_credit": outcome.export_kwh}
    return outcome.but(**{name: way[name] * values for name, values in series.items()})


def of(outcome, direction, **how):
    return prices(outcome.site_id, direction, MONTH, **how)


def off_by_the_last_digit(outcome):
    return priced(outcome, import_cost=of(outcome, "IMPORT") + 0.00001)


def next_lower_price(outcome):
    series = of(outcome, "IMPORT")
    steps = np.unique(series)
    return priced(outcome, import_cost=steps[np.maximum(np.searchsorted(steps, series) - 1, 0)])


def directions_swapped(outcome):
    return priced(outcome, import_cost=of(outcome, "EXPORT"), export_credit=of(outcome, "IMPORT"))


def an_hour(later):
    def shifted(outcome):
        series = [np.roll(of(outcome, way), 2 if later else -2) for way in ("IMPORT", "EXPORT")]
        return priced(outcome, import_cost=series[0], export_credit=series[1])

    return shifted


def without_grid_fee(outcome):
    return priced(outcome, import_cost=of(outcome, "IMPORT", fees=False))


def in_pence(outcome):
    return outcome.but(import_cost=outcome.import_cost * 100)


def by_the_wh(outcome):
    return outcome.but(import_cost=outcome.import_cost / 1000)


def export_price_dropped(outcome):
    nothing = np.zeros(len(outcome.start_us))
    return outcome.but(
        has_export_price=False, is_today=outcome.is_today - {"EXPORT"}, export_credit=nothing
    )


def one_scenario_of_one_site(outcome):
    return in_pence(outcome) if (outcome.site_id, outcome.scenario) == ("ca-09", "0.9") else outcome


FAULTS = [
    (off_by_the_last_digit, 2),
    (directions_swapped, 1),
    (in_pence, 2),
    (by_the_wh, 2),
    (export_price_dropped, 2),
    (an_hour(later=True), 4),
    (an_hour(later=False), 4),
    (without_grid_fee, 6),
    (next_lower_price, 4),
    (one_scenario_of_one_site, 16),
]


@pytest.mark.parametrize(("fault", "draws"), FAULTS)
def test_a_planted_fault_is_found(service, fault, draws):
    wrong = results_of(fault)
    for seed in SEEDS:
        found = certify(service, PAIRS, wrong, draws, seed=seed)
        assert not found.agrees, (fault, seed)
        assert found.statement.startswith("Not verified: ")
    assert any(name in found.statement for name in ("IMPORT", "EXPORT"))


def test_without_a_fault_every_seed_agrees(service):
    for seed in SEEDS:
        assert certify(service, PAIRS, right, 24, seed=seed).agrees


def test_a_fault_is_named_by_scenario_direction_site_and_time(service):
    found = certify(service, PAIRS, results_of(one_scenario_of_one_site), 32)
    [finding] = found.findings
    assert finding.name == "certificate.differs"
    assert finding.words.startswith("scenario '0.9', IMPORT: 4 of ")
    assert "sites ca-09" in finding.words
    worst = max(found.rows, key=lambda row: abs(row.difference))
    assert found.largest_difference == abs(worst.difference) > 0.01
    assert worst.finding.startswith("certificate.cost: ")
    calculated, priced = f"{worst.local_cost:.7f}", f"{worst.server_cost:.7f}"
    assert f"{calculated} calculated, {priced} USD from the service" in finding.words
    assert f"price level: {worst.price_level}, " in finding.words
    assert sum(row.verdict == "differs" for row in found.rows) == 4


# Faults between pricing and verification.


@pytest.fixture
def home():
    kit = kit_over()
    return kit, flat_home(kit.flatpeak)


def flat_outcome(location, **changes):
    whole = patterns(location, 300)("home", "0")
    return whole.but(
        import_cost=whole.import_kwh * 0.25, export_credit=whole.export_kwh * 0.1, **changes
    )


def tariffs_of(kit, location):
    frame = kit.flatpeak.tariffs(location)
    return dict(zip(frame["tariff_direction"], frame["tariff_id"], strict=True))


def check(kit, outcome, count=12, **options):
    return certify(kit.flatpeak, [("home", "0")], lambda *pair: outcome, count, **options)


def test_a_tariff_that_is_edited_on_the_server_is_found(home):
    kit, location = home
    outcome = flat_outcome(location)
    assert check(kit, outcome).agrees
    kit.flatpeak.create_tariff(
        location, fk.Tariff.flat(0.2501, currency="GBP", timezone="Europe/London")
    )
    found = check(kit, outcome)
    assert {row.tariff_direction: row.verdict for row in found.rows} == {
        "IMPORT": "differs",
        "EXPORT": "agrees",
    }


def test_an_export_tariff_that_is_deleted_on_the_server_is_found(home):
    kit, location = home
    kit.flatpeak.delete_tariff(tariffs_of(kit, location)["EXPORT"])
    found = check(kit, flat_outcome(location))
    silent = [row for row in found.rows if row.verdict == "unanswered"]
    assert {row.tariff_direction for row in silent} == {"EXPORT"}
    assert all(isnan(row.server_cost) and "PriceUnavailable" in row.finding for row in silent)
    assert not found.agrees
    assert "intervals were not priced: PriceUnavailable" in found.statement
    assert codes(found) == ["certificate.unanswered"]
    assert len(found.rows) == 12


def test_unpaid_exports_agree_if_the_service_has_no_price_either(home):
    kit, location = home
    nothing = {
        "has_export_price": False,
        "is_today": frozenset({"IMPORT"}),
        "export_credit": np.zeros(300),
    }
    outcome = flat_outcome(location).but(**nothing)
    found = check(kit, outcome)
    [row] = [row for row in found.rows if row.tariff_direction == "EXPORT"]  # asked once
    assert (row.local_cost, row.server_cost, row.verdict) == (
        0.0,
        pytest.approx(0.05 * 0.1, abs=0.05),
        "differs",
    )
    kit.flatpeak.delete_tariff(tariffs_of(kit, location)["EXPORT"])
    again = check(kit, outcome)
    assert again.agrees
    [row] = [row for row in again.rows if row.tariff_direction == "EXPORT"]
    assert row.verdict == "agrees"
    assert isnan(row.server_cost)
    assert row.finding == "certificate.no_price: the service has no price either"


def test_the_wrong_zone_is_found():
    kit = kit_over()
    location = kit.flatpeak.create_location("home", city="London", country_code="GB")
    hours = {"00:00-07:00": 0.09, "07:00-24:00": 0.29}
    kit.flatpeak.create_tariff(
        location, fk.Tariff.time_of_use(hours, currency="GBP", timezone="Europe/London")
    )
    outcome = patterns(location, 300)("home", "0").but(
        export_kwh=np.zeros(300), has_export_price=False
    )
    span = int(outcome.start_us[0]), int(outcome.end_us[-1])
    for zone, agrees in (("Europe/London", True), ("Europe/Brussels", False), ("UTC", False)):
        series = fk.Tariff.time_of_use(hours, currency="GBP", timezone=zone).prices(*span)
        local = outcome.but(
            import_cost=series.cost(outcome.start_us, outcome.end_us, outcome.import_kwh)
        )
        assert {check(kit, local, 8, seed=seed).agrees for seed in range(5)} == {agrees}


def test_another_currency_and_other_energy_are_found(home):
    kit, location = home
    found = check(kit, flat_outcome(location, currency="EUR"))
    assert {row.finding for row in found.rows} == {
        "certificate.currency: the service prices in GBP, not EUR"
    }

    class Halving(HandService):
        def instant_cost(self, record, *, non_persistent):
            [answer] = super().instant_cost(record, non_persistent=non_persistent)
            return [{**answer, "energy_kwh": answer["energy_kwh"] / 2}]

    found = certify(Halving(SITES), PAIRS, right, 6)
    assert all(
        row.finding.startswith("certificate.energy: the service counts") for row in found.rows
    )


# What cannot be priced.


def test_scenarios_with_tariffs_of_their_own_are_counted_and_not_sampled(service):
    def outcome_of(site, scenario):
        outcome = right(site, "today").but(scenario=scenario)
        if scenario == "other plan":
            return outcome.but(is_today=frozenset(), import_cost=outcome.import_cost * 2)
        return (
            outcome.but(is_today=frozenset({"IMPORT"})) if scenario == "other export" else outcome
        )

    pairs = [
        (site, scenario)
        for site in ("uk-03", "be-02")
        for scenario in ("today", "other plan", "other export")
    ]
    found = certify(service, pairs, outcome_of, 24, own_tariffs=5)
    assert found.agrees
    assert {row.scenario for row in found.rows} == {"today", "other export"}
    assert {row.tariff_direction for row in found.rows if row.scenario == "other export"} == {
        "IMPORT"
    }
    own, partly_own = [finding.words for finding in found.findings]
    assert codes(found) == 2 * ["certificate.own_tariff"]
    assert own == "7 combinations have tariffs of their own, which the service cannot price"
    assert partly_own.startswith("2 combinations have a tariff of their own in one direction;")
    assert "in 4 of 11 combinations" in found.statement


def test_nothing_to_price_is_not_verified(service):
    def own(site, scenario):
        return right(site, scenario).but(is_today=frozenset())

    found = certify(service, PAIRS, own, 5)
    assert not found.agrees
    assert isnan(found.largest_difference)
    assert found.statement.startswith(
        "Not verified: there was no interval that the service could price. 8 combinations have"
    )
    assert not certify(service, [], own, 5).agrees


def test_costs_that_only_the_whole_bill_determines_are_left_out_and_counted(service):
    def netted(site, scenario):
        outcome = right(site, scenario)
        return outcome.but(
            import_cost=outcome.import_cost
            * np.where(np.arange(len(outcome.start_us)) % 2, 1, np.nan)
        )

    found = certify(service, [("uk-05", "today")], lambda *pair: netted("uk-03", "today"), 20)
    assert found.agrees
    assert "have a cost that only the whole bill determines" in found.statement
    assert codes(found) == ["certificate.whole_bill"]


def test_energy_below_half_a_wh_is_not_sampled(home):
    kit, location = home
    kwh = np.where(np.arange(300) < 3, 0.0005, 0.00049)
    outcome = flat_outcome(location).but(
        import_kwh=kwh, import_cost=kwh * 0.25, export_kwh=np.zeros(300)
    )
    found = check(kit, outcome)
    assert [row.energy_wh for row in found.rows] == [1, 1, 1]
    assert found.agrees
    assert found.rows[0].local_cost == pytest.approx(0.00025)  # of the whole Wh


# Errors during verification.


def test_errors_during_verification_affect_only_their_rows_and_are_named():
    calls = []

    def answer(request):
        calls.append(request)
        if len(calls) % 5 == 0 or len(calls) > 20:
            return httpx.Response(500, json={"message": "broken"})
        return priced_answer(request)

    kit = scripted(answer)
    found = check(kit, flat_outcome("loc_1"), 30)
    assert len(found.rows) == 30
    assert {row.verdict for row in found.rows} == {"agrees", "unanswered"}
    assert "intervals were not priced: ServerError: 500: broken" in found.statement
    assert not found.agrees


def test_a_service_that_may_have_kept_a_record_is_stopped_at_the_first():
    calls = []

    def answer(request):
        calls.append(request)
        return priced_answer(request, request={"non_persistent": False})

    with pytest.raises(UnexpectedAnswer, match="may have stored"):
        check(scripted(answer), flat_outcome("loc_1"), 30)
    assert len(calls) == 1


def test_a_key_that_is_refused_is_an_error():
    with pytest.raises(AuthenticationFailed):
        check(
            scripted(lambda request: httpx.Response(403, json={"message": "no"})),
            flat_outcome("loc_1"),
        )


@pytest.mark.parametrize("kinds", [["429"], ["500", "503"], ["reset"], ["truncated"]])
def test_transport_faults_change_nothing(kinds):
    store = Store()
    location = flat_home(kit_over(store).flatpeak)
    kit = kit_over(store, faults=FaultPlan(5, 0.3, kinds))
    before = kit.emulator.store.digest()
    found = check(kit, flat_outcome(location), 40)
    assert found.agrees
    assert len(found.rows) == 40
    assert kit.emulator.store.digest() == before


@pytest.mark.parametrize("count", [0, -1, 1.5, True, "9"])
def test_an_invalid_count_is_refused(service, count):
    with pytest.raises(InputError, match="verify="):
        certify(service, PAIRS, right, count)


def test_only_a_flatpeak_client_can_verify():
    with pytest.raises(InputError, match="prices=kit"):
        certify(object(), PAIRS, right, 3)


# Tiers.

TIERS = [(0.10, 20.0), (0.20, 60.0), (0.40, None)]


def tiered_home(stored_wh):
    """A location with three tiers, and a stored record of so many Wh for each half-hour of June."""
    kit = kit_over()
    location = kit.flatpeak.create_location("home", city="London", country_code="GB")
    rate = [{"fixed": price, "to_kwh": limit} for price, limit in TIERS]
    hours = [{"valid_from": "00:00:00", "valid_to": "00:00:00", "rate": rate}]
    body = {
        "location_id": location,
        "direction": "IMPORT",
        "type": "COMMODITY",
        "market_rates": False,
        "contract_start_date": "2024-01-01T00:00:00Z",
        "contract_end_date": "2028-01-01T00:00:00Z",
        "schedule": [{"months": ["All"], "days_and_hours": [{"days": ["All"], "hours": hours}]}],
    }
    kit.flatpeak.create_tariff(location, body)
    begin = datetime(2025, 5, 31, 23, tzinfo=UTC)  # local midnight of 1 June
    times = [begin + timedelta(minutes=30 * number) for number in range(len(stored_wh))]
    records = [
        {
            "location_id": location,
            "units": "WH",
            "value": float(wh),
            "start_utc": time,
            "end_utc": time + timedelta(minutes=30),
        }
        for time, wh in zip(times, stored_wh, strict=True)
    ]
    assert len(kit.flatpeak.submit_interval(records).failed) == 0
    tariff = fk.Tariff.from_flatpeak(
        body, timezone="Europe/London", currency="GBP", tier_rule="chronological"
    )
    return kit, location, tariff


def climbing(location, tariff, wh, scenario="0"):
    """Costs and tiers by a plain loop: kWh fill the tiers in the order of time."""
    used, costs, tiers = 0.0, [], []
    for amount in wh:
        low, high, begin, cost = used, used + amount / 1000, 0.0, 0.0
        tiers.append(sum(limit is not None and used >= limit - 1e-9 for _, limit in TIERS))
        for price, limit in TIERS:
            stop = float("inf") if limit is None else limit
            cost += price * max(min(stop, high) - max(begin, low), 0.0)
            begin = stop
        costs.append(cost)
        used = high
    start = (1_748_736_000 - 3600) * 1_000_000 + 1_800_000_000 * np.arange(len(wh), dtype=np.int64)
    nothing = np.zeros(len(wh))
    return Site(
        "home",
        scenario,
        location,
        "GBP",
        start,
        start + 1_800_000_000,
        np.array(wh) / 1000,
        nothing,
        np.array(costs),
        nothing,
        import_tier=np.array(tiers),
        import_tariff=tariff,
    )


STORED = 40 + np.arange(1440) % 80  # all of June, 115 kWh: all three tiers


def test_intervals_of_every_tier_are_sampled_and_agree():
    kit, location, tariff = tiered_home(STORED)
    before = kit.emulator.store.digest()
    found = check(kit, climbing(location, tariff, STORED), 30)
    assert found.agrees
    assert sorted({row.tier for row in found.rows}) == [0, 1, 2]
    assert min(sum(row.tier == tier for row in found.rows) for tier in range(3)) >= 8
    assert "; 10 are on tier 1, 10 on tier 2 and 10 on tier 3. Each was" in found.statement
    assert "on the same tier; " in found.statement  # the intervals across a limit
    assert kit.emulator.store.digest() == before


def test_a_scenario_with_other_use_is_compared_where_the_tiers_are_the_same():
    kit, location, tariff = tiered_home(STORED)
    for share in (0.4, 0.9, 1.3):
        found = check(kit, climbing(location, tariff, STORED * share), 60)
        assert found.agrees
        assert found.intervals < 1440 - 3
    low = check(kit, climbing(location, tariff, STORED * 0.4), 60)
    assert sorted({row.tier for row in low.rows}) == [0, 1]


def test_a_tier_that_the_service_never_reaches_is_named_and_not_verified():
    kit, location, tariff = tiered_home(STORED // 4)  # 28 kWh: it does not reach the third tier
    found = check(kit, climbing(location, tariff, STORED), 30)
    assert found.agrees  # what was sampled
    assert "not compared at all" in found.statement.lower()
    assert "site home, scenario '0', tier 3" in found.statement
    assert codes(found) == ["certificate.other_tier", "certificate.tier_left"]
    assert 2 not in {row.tier for row in found.rows}


def test_the_tier_of_the_service_is_what_it_says_a_record_costs():
    """At both limits, for records of several sizes: -1 if the record would be on two tiers."""
    kit, location, tariff = tiered_home(STORED)
    outcome = climbing(location, tariff, STORED)
    near = np.flatnonzero(np.diff(outcome.import_tier))[:, None] + np.arange(-24, 25, 2)
    rows = near.ravel()
    start, end = outcome.start_us[rows], outcome.end_us[rows]
    for wh in (1, 100, 900):
        met = ServiceTiers(kit.flatpeak).tiers_at(
            location, tariff, start, end, np.full(len(rows), wh / 1000)
        )
        records = [
            PriceRequest(0, location, "IMPORT", a, b, wh).record()
            for a, b in zip(start, end, strict=True)
        ]
        costs = kit.flatpeak.simulate_costs(records)["cost"].to_numpy() / wh * 1000
        prices_of = np.array([price for price, _ in TIERS])
        np.testing.assert_allclose(costs[met >= 0], prices_of[met[met >= 0]], rtol=1e-9)
        mixed = np.abs(costs[:, None] - prices_of).min(axis=1) > 1e-9
        assert (met[mixed] == -1).all()
        assert mixed.any() == (wh > 1)
        assert set(met) == {-1, 0, 1, 2}


@pytest.mark.parametrize("tier", [0, 1, 2])
def test_a_wrong_price_of_one_tier_is_found_and_named(tier):
    kit, location, tariff = tiered_home(STORED)
    outcome = climbing(location, tariff, STORED)
    wrong = outcome.import_cost + outcome.import_kwh * 0.01 * (outcome.import_tier == tier)
    for seed in range(5):
        found = check(kit, outcome.but(import_cost=wrong), 3, seed=seed)
        assert [row.tier for row in found.rows if row.verdict == "differs"] == [tier]
    assert f"IMPORT, tier {tier + 1}: 1 of 1 differ" in found.statement


def test_tiers_that_restart_every_third_day_are_found():
    """The local tiers are those of another tier rule."""
    kit, location, tariff = tiered_home(STORED)
    days = [climbing(location, tariff, day) for day in np.split(STORED, 10)]
    outcome = climbing(location, tariff, STORED)
    wrong = outcome.but(import_cost=np.concatenate([day.import_cost for day in days]))
    assert not check(kit, wrong, 6).agrees


def test_limits_edited_on_the_server_are_found():
    kit, location, tariff = tiered_home(STORED)
    [known] = tariffs_of(kit, location).values()
    body = kit.flatpeak.tariff_objects(location)[0]
    kit.flatpeak.delete_tariff(known)
    [hours] = body["schedule"][0]["days_and_hours"][0]["hours"]
    hours["rate"][0]["to_kwh"] = 40.0
    names = (
        "location_id",
        "direction",
        "type",
        "market_rates",
        "contract_start_date",
        "contract_end_date",
        "schedule",
    )
    kit.flatpeak.create_tariff(location, {name: body[name] for name in names})
    found = check(kit, climbing(location, tariff, STORED), 30)
    assert {row.tier for row in found.rows if row.verdict == "differs"} == {1}


def test_stored_records_that_cannot_be_read_leave_tiers_out_and_say_so():
    def answer(request):
        if "/costs/interval/" in request.url.path:
            return httpx.Response(422, json={"code": "pending_connect", "message": "wait"})
        return priced_answer(request)

    tariff = tiered_home(STORED[:2])[2]
    found = check(scripted(answer), climbing("loc_1", tariff, STORED))
    assert not found.rows
    unknown = "the tier that the service has reached is unknown: PriceUnavailable"
    assert unknown in found.statement
    assert "certificate.tier_unread" in codes(found)


# Price levels.


def test_price_levels_are_thirds_of_the_prices_and_every_row_has_one():
    rng = np.random.default_rng(1)
    for price in (
        rng.normal(0.2, 0.2, 500),
        np.full(500, 0.3),
        np.full(500, -0.1),
        np.array([0.1, 0.2] * 250),
    ):
        kwh = rng.random(500) + 0.01
        kwh[::7] = 0
        rows = np.flatnonzero(kwh)
        found = dict(strata("IMPORT", rows, kwh, kwh * price, None))
        assert sorted(np.concatenate(list(found.values())).tolist()) == rows.tolist()
        assert all(
            (price[part] < 0).all() == (s.price_level == "negative")
            for s, part in found.items()
            if len(part)
        )
        levels = [s.price_level for s in found]
        if "cheapest" in levels and "most expensive" in levels:
            low, high = (
                [price[p] for s, p in found.items() if s.price_level == n]
                for n in ("cheapest", "most expensive")
            )
            assert max(map(max, low)) < min(map(min, high))
    assert list(strata("IMPORT", rows[:0], kwh, kwh, None)) == []


# Through `simulate`.


def tiered_simulation(kit, wh=STORED, **options):
    begin = datetime(2025, 5, 31, 23, tzinfo=UTC)
    half_hours = [begin + timedelta(minutes=30 * number) for number in range(len(wh))]
    sun = [max(0.0, 1.5 - abs(number % 48 - 25) / 4) for number in range(len(wh))]
    energy = {
        "site_id": ["home"] * len(wh),
        "start_utc": half_hours,
        "consumption_kwh": (wh / 1000).tolist(),
        "generation_kwh": [0.0] * len(wh),
    }
    sunny = {**energy, "generation_kwh": sun} if options.pop("solar", False) else energy
    battery = fk.Battery(
        capacity_kwh=3.0, power_kw=1.5, charge_efficiency=0.95, discharge_efficiency=0.95
    )
    scenarios = [fk.Scenario("today"), fk.Scenario("battery", battery=battery)]
    return fk.simulate(pl.DataFrame(sunny), scenarios, prices=kit, **options)


def test_a_simulation_with_tiers_is_verified_in_every_tier():
    kit, _, _ = tiered_home(STORED)
    before = kit.emulator.store.digest()
    proof = tiered_simulation(kit, verify=40).proof
    assert proof.agrees
    assert len(proof.rows) == 40
    assert {row.tier for row in proof.rows} == {0, 1, 2}
    assert {row.scenario for row in proof.rows} == {"today", "battery"}
    sunny = tiered_simulation(kit, verify=20, solar=True).proof
    assert {row.verdict for row in sunny.rows} == {"agrees"}  # exports are unpaid at both
    assert {row.price_level for row in sunny.rows} >= {"no price"}
    assert kit.emulator.store.digest() == before


def test_a_cut_month_has_its_share_of_the_limits_in_flipkit_but_not_at_the_service():
    kit, _, _ = tiered_home(STORED)
    for days in (10, 20):
        proof = tiered_simulation(kit, STORED[: 48 * days], verify=30).proof
        assert proof.agrees
        assert "are on the same tier; " in proof.statement


def test_a_tariff_that_is_edited_after_a_simulation_is_found_by_its_verification():
    kit, location, _ = tiered_home(STORED)
    simulation = tiered_simulation(kit)
    assert simulation.verified(kit, 10).proof.agrees
    kit.flatpeak.create_tariff(
        location, fk.Tariff.flat(0.3, currency="GBP", timezone="Europe/London")
    )
    proof = simulation.verified(kit, 10).proof
    assert {row.verdict for row in proof.rows} == {"differs"}
    kit.flatpeak.create_tariff(
        location,
        fk.Tariff.flat(0.05, currency="GBP", timezone="Europe/London").to_flatpeak(
            location, direction="EXPORT"
        ),
    )
    dropped = tiered_simulation(kit, solar=True)
    frame = kit.flatpeak.tariffs(location)
    names = zip(frame["tariff_direction"], frame["tariff_id"], strict=True)
    kit.flatpeak.delete_tariff(next(name for way, name in names if way == "EXPORT"))
    proof = dropped.verified(kit, 10).proof
    assert {row.tariff_direction for row in proof.rows if row.verdict == "unanswered"} == {"EXPORT"}
    assert "PriceUnavailable" in proof.statement


def row_of(direction, level, *, tier=None, beside_change=False):
    return CertificateRow(
        site_id="home",
        scenario="today",
        location_id="loc_1",
        start_us=0,
        end_us=1_800_000_000,
        tariff_direction=direction,
        energy_wh=500,
        price_level=level,
        beside_change=beside_change,
        tier=tier,
        local_cost=0.25,
        server_cost=0.25,
        currency="GBP",
        verdict="agrees",
        finding=None,
    )


@pytest.mark.parametrize(
    ("rows", "sentence"),
    [
        ([row_of("IMPORT", "the only price")], "1 is of imports; 1 is at the only price."),
        (
            [row_of("EXPORT", "no price"), row_of("IMPORT", "middle", beside_change=True)],
            "1 is of exports and 1 of imports; 1 is in the middle third and 1 without a price;"
            " 1 is next to a price change.",
        ),
        (
            [row_of("IMPORT", "cheapest", tier=0)] * 1200
            + [row_of("LOCAL", "most expensive", tier=1)] * 3
            + [row_of("EXPORT", "negative")] * 2,
            "2 are of exports, 1,200 of imports and 3 of own use; 2 are at negative prices, 1,200"
            " in the cheapest third of prices and 3 in the most expensive third; 1,200 are on tier"
            " 1 and 3 on tier 2.",
        ),
    ],
)
def test_the_statement_counts_the_kinds_of_intervals_in_a_sentence(rows, sentence):
    found = Certificate(
        rows=tuple(rows),
        asked=len(rows),
        seed=7,
        pairs=4,
        pairs_seen=3,
        intervals=9876,
        findings=(),
    )
    assert (
        "They were sampled from 9,876 intervals with energy in 3 of 4 combinations of site and"
        f" scenario, seed 7: {sentence} Each was priced by" in found.statement
    )


def test_combinations_with_tariffs_of_their_own_are_counted():
    kit = kit_over()
    kits.home(kit)
    begin = datetime(2025, 6, 1, tzinfo=UTC)
    energy = {
        "site_id": ["home"] * 48,
        "start_utc": [begin + timedelta(minutes=30 * number) for number in range(48)],
        "consumption_kwh": [0.5] * 48,
    }
    own = fk.Tariff.flat(0.1, currency="GBP", timezone="Europe/London")
    scenarios = [
        fk.Scenario("today"),
        fk.Scenario("cheap", tariff=own),
        fk.Scenario("less", load=fk.Load(scale=0.9)),
        fk.Scenario("cheap and less", tariff=own, load=fk.Load(scale=0.9)),
    ]
    proof = fk.simulate(pl.DataFrame(energy), scenarios, prices=kit, verify=6).proof
    assert proof.agrees
    assert codes(proof) == ["certificate.own_tariff"]
    assert "2 combinations have tariffs of their own" in proof.statement


EMULATOR = "emulator, which shares the rating engine with flipkit: this checks the wiring"


def test_on_the_emulator_the_statement_says_that_prices_are_not_checked():
    kit, _, _ = tiered_home(STORED)
    simulation = tiered_simulation(kit, verify=10)
    assert simulation.proof.is_emulator
    assert EMULATOR in simulation.proof.statement
    assert "not the prices." in simulation.proof.statement
    assert simulation.proof.statement.startswith("Verified: 10 of 10 intervals agree")
    elsewhere = simulation.verified(kit._replace(environment="sandbox"), 10).proof
    assert not elsewhere.is_emulator
    assert "emulator" not in elsewhere.statement
