"""Every interval priced by the service: correctly, and nothing sent twice."""

import threading
from collections import Counter

import httpx
import numpy as np
import pytest
from support.kits import FakePace, kit_over, scripted
from support.proof_help import PAIRS, by_hand, flat_home, locations, patterns, priced_answer

from flipkit.connect import Emulation
from flipkit.emulator import Clock, FaultPlan, Limiter, Store, create_app
from flipkit.errors import InputError, PriceUnavailable, RateLimited, RequestError, ServerError
from flipkit.flatpeak import Flatpeak
from flipkit.http import in_process
from flipkit.scenarios.service.instant import price_instantly
from flipkit.scenarios.service.pricing import whole_wh


class Counting(FaultPlan):
    """A fault plan that also counts requests for an instant cost, by their body."""

    def __init__(self, *plan, **options):
        super().__init__(*plan, **options)
        self.asked = Counter()

    def fate(self, request):
        line, _, body = request.partition(b"\n")
        if line.startswith(b"POST /costs/instant"):
            assert b"non_persistent=true" in line
            self.asked[body] += 1
        return super().fate(request)


@pytest.fixture
def home():
    store = Store()
    return store, flat_home(kit_over(store).flatpeak)


def run(client, location, journal=None, pairs=PAIRS, outcomes=patterns):
    return [
        costs for _, costs in price_instantly(client, pairs, outcomes(location), journal=journal)
    ]


def same(one, two):
    assert len(one) == len(two)
    for a, b in zip(one, two, strict=True):
        np.testing.assert_array_equal(a.import_cost, b.import_cost)
        np.testing.assert_array_equal(a.export_credit, b.export_credit)


def test_every_interval_costs_what_is_calculated_by_hand_and_the_store_is_the_same(kit):
    before = kit.emulator.store.digest()
    outcome_of = by_hand(locations(kit))
    short = {}

    def first_days(site, scenario):
        whole = outcome_of(site, scenario)
        columns = ("start_us", "end_us", "import_kwh", "export_kwh", "import_cost", "export_credit")
        short[site] = whole.but(**{name: getattr(whole, name)[:96] for name in columns})
        return short[site]

    pairs = [(site, "today") for site in ("uk-03", "uk-08", "be-02")]
    for outcome, costs in price_instantly(kit.flatpeak, pairs, first_days):
        assert outcome is short[outcome.site_id]
        np.testing.assert_allclose(costs.import_cost, outcome.import_cost, rtol=1e-12, atol=0)
        np.testing.assert_allclose(costs.export_credit, outcome.export_credit, rtol=1e-12, atol=0)
        assert costs.calls == np.count_nonzero(outcome.import_kwh) + np.count_nonzero(
            outcome.export_kwh
        )
        assert costs.from_journal == 0
    assert kit.emulator.store.digest() == before


def test_energy_is_sent_in_whole_wh_half_up_and_zero_needs_no_call(home):
    store, location = home
    plan = Counting(0, 0.0)
    kwh = np.array([0.0, 0.0004999, 0.0005, 1.2345, 1.2344, 2.5])
    outcome = patterns(location, 6)("home", "0").but(import_kwh=kwh, export_kwh=np.zeros(6))
    client = kit_over(store, faults=plan).flatpeak
    [(_, costs)] = price_instantly(client, [("home", "0")], lambda *pair: outcome)
    np.testing.assert_allclose(
        costs.import_cost, np.array([0, 0, 1, 1235, 1234, 2500]) * 0.25 / 1000, rtol=1e-12
    )
    assert costs.calls == sum(plan.asked.values()) == 4
    assert whole_wh(np.array([0.1 + 0.2, 1.0005, 0.0014999])).tolist() == [300, 1001, 1]


@pytest.mark.parametrize("kinds", [pytest.param(["429"], marks=pytest.mark.slow), ["reset"], None])
def test_under_faults_the_result_and_the_store_are_the_same(home, tmp_path, kinds):
    store, location = home
    wanted = run(kit_over(store).flatpeak, location)
    before = store.digest()
    plan = Counting(11, 0.3, kinds or ["429", "500", "503", "reset", "truncated"])
    found = run(kit_over(store, faults=plan).flatpeak, location, tmp_path / "j")
    same(found, wanted)
    assert sum(plan.struck.values()) > 50
    assert len(plan.asked) == sum(costs.calls for costs in found) == 2 * 140
    assert store.digest() == before


@pytest.mark.parametrize("kind", ["500", "truncated"])
def test_a_record_that_fails_in_all_its_attempts_is_tried_again_later(home, kind):
    store, location = home
    wanted = run(kit_over(store).flatpeak, location)

    class Stubborn(Counting):
        """Every 50th record fails ten times: more often than a call is attempted."""

        def fate(self, request):
            fate, body = super().fate(request), request.partition(b"\n")[2]
            stubborn = b"/costs/instant" in request and list(self.asked).index(body) % 50 == 20
            return kind if stubborn and self.asked[body] <= 10 else fate

    plan = Stubborn(0, 0.0)
    same(run(kit_over(store, faults=plan).flatpeak, location), wanted)
    assert sorted(plan.asked.values())[-6:] == [11] * 6


def test_a_record_that_never_works_ends_the_run_and_the_others_are_kept(home, tmp_path):
    store, location = home

    class Broken(Counting):
        def fate(self, request):
            super().fate(request)
            return "500" if b"T03:00:00Z" in request else None

    with pytest.raises(ServerError):
        run(
            kit_over(store, faults=Broken(0, 0.0)).flatpeak,
            location,
            tmp_path / "j",
            pairs=PAIRS[:1],
        )
    lines = (tmp_path / "j").read_text(encoding="utf-8").splitlines()
    assert 120 < len(lines) - 2 < 140


def test_a_complete_journal_needs_no_call(home, tmp_path):
    store, location = home
    wanted = run(kit_over(store).flatpeak, location, tmp_path / "j")
    plan = Counting(0, 0.0)
    again = run(kit_over(store, faults=plan).flatpeak, location, tmp_path / "j")
    same(again, wanted)
    assert [costs.calls for costs in again] == [0, 0]
    assert [costs.from_journal for costs in again] == [140, 140]
    assert not plan.asked


def test_it_resumes_where_an_error_stopped_it(home, tmp_path):
    store, location = home
    wanted = run(kit_over(store).flatpeak, location)
    answered = set()

    class Dying(Counting):
        """Answers 90 requests, and then none."""

        def fate(self, request):
            fate = super().fate(request)
            if sum(self.asked.values()) > 90:
                return "500"
            if b"/costs/instant" in request:
                answered.add(request.partition(b"\n")[2])
            return fate

    with pytest.raises(ServerError) as caught:
        run(kit_over(store, faults=Dying(0, 0.0)).flatpeak, location, tmp_path / "j")
    assert f"the answers so far are in {tmp_path / 'j'}" in "".join(caught.value.__notes__)
    assert len(answered) == 90
    plan = Counting(0, 0.0)
    found = run(kit_over(store, faults=plan).flatpeak, location, tmp_path / "j")
    same(found, wanted)
    assert not answered & set(plan.asked)
    assert sum(plan.asked.values()) == 190
    assert [costs.from_journal for costs in found] == [90, 0]


def test_without_a_journal_the_error_says_how_to_keep_the_answers(home):
    store, location = home
    with pytest.raises(RequestError) as caught:
        run(kit_over(store, faults=FaultPlan(0, 1.0, ["503"])).flatpeak, location)
    assert "pass journal=" in "".join(caught.value.__notes__)


def test_a_service_that_is_down_does_not_get_every_record(home):
    store, location = home
    plan = Counting(0, 1.0, ["500"])
    client = kit_over(store).flatpeak
    client.locations()
    with pytest.raises(RequestError):
        run(kit_over(store, faults=plan).flatpeak, location)
    assert sum(plan.asked.values()) < 100


def limited(store, rate, burst):
    """A client of an emulator that limits in the client's own time."""
    pace = FakePace()
    lock, asked = threading.Lock(), []

    class Noting(Limiter):
        def wait_s(self, key):
            wait = super().wait_s(key)
            with lock:
                asked.append((pace.time, wait > 0))
            return wait

    app = create_app(store, Clock(), limiter=Noting(rate, burst, now=lambda: pace.time))
    client = Flatpeak(
        "acc_1",
        "sk_test_any_key",
        base_url="http://localhost",
        transport=in_process(app),
        pace=pace,
    )
    return client, pace, asked


@pytest.mark.parametrize(("rate", "burst"), [(50, 20), (5, 5), (1, 1)])
def test_a_rate_limit_is_respected_and_everything_is_priced(home, rate, burst):
    store, location = home
    wanted = run(kit_over(store).flatpeak, location, pairs=PAIRS[:1])
    before = store.digest()
    client, pace, asked = limited(store, rate, burst)
    found = run(client, location, pairs=PAIRS[:1])
    same(found, wanted)
    assert store.digest() == before
    refused = sum(was_refused for _, was_refused in asked)
    assert refused < len(asked)
    assert pace.time > 0


def test_one_pause_holds_for_all_threads():
    """After a 429 no thread sends a request before the time that it names."""
    lock, moments, state = threading.Lock(), [], {"paused": None}

    def answer(request):
        with lock:
            now = kit.flatpeak._session.pace.now()
            moments.append((now, state["paused"]))
            if len(moments) == 40:
                state["paused"] = now + 30
                return httpx.Response(
                    429, headers={"Retry-After": "30"}, json={"message": "slower"}
                )
        return priced_answer(request)

    kit = scripted(answer)
    [costs] = run(kit.flatpeak, "loc_1", pairs=PAIRS[:1])
    assert costs.calls == 140
    late = [now for now, until in moments if until is not None and now < until]
    assert len(late) <= 16  # those that were already sent


def test_a_very_long_pause_ends_the_run():
    calls = []

    def answer(request):
        calls.append(request)
        return httpx.Response(429, headers={"Retry-After": "86400"}, json={"message": "tomorrow"})

    with pytest.raises(RateLimited, match="tomorrow"):
        run(scripted(answer).flatpeak, "loc_1")
    assert len(calls) == 1


def test_no_price_is_an_error_that_names_site_and_scenario(home, tmp_path):
    store, location = home
    kit = kit_over(store)
    frame = kit.flatpeak.tariffs(location)
    kit.flatpeak.delete_tariff(
        dict(zip(frame["tariff_direction"], frame["tariff_id"], strict=True))["EXPORT"]
    )
    with pytest.raises(PriceUnavailable) as caught:
        run(kit.flatpeak, location, tmp_path / "j")
    assert "site home, scenario '0'" in "".join(caught.value.__notes__)


def test_unpaid_exports_need_no_call(home):
    store, location = home
    outcome = patterns(location)("home", "0").but(
        has_export_price=False, is_today=frozenset({"IMPORT"})
    )
    [(_, costs)] = price_instantly(kit_over(store).flatpeak, [("home", "0")], lambda *pair: outcome)
    assert costs.export_credit.sum() == 0
    assert costs.calls == np.count_nonzero(outcome.import_kwh)


def test_a_tariff_of_its_own_and_another_currency_are_refused(home):
    store, location = home
    client = kit_over(store).flatpeak
    outcome = patterns(location)("home", "0")
    for change, words in (
        (
            {"is_today": frozenset({"EXPORT"})},
            r"site home, scenario '0': a tariff of its own \(IMPORT\)",
        ),
        ({"is_today": frozenset({"IMPORT"})}, r"a tariff of its own \(EXPORT\)"),
        ({"location_id": None}, "a tariff of its own"),
        ({"currency": "EUR"}, "prices in GBP, the simulation in EUR"),
    ):
        with pytest.raises(InputError, match=words):
            list(
                price_instantly(
                    client, [("home", "0")], lambda *pair, change=change: outcome.but(**change)
                )
            )


def test_a_journal_of_other_energy_is_refused_before_any_call(home, tmp_path):
    store, location = home
    run(kit_over(store).flatpeak, location, tmp_path / "j")
    plan = Counting(0, 0.0)
    with pytest.raises(InputError, match="other energy for site home, scenario '0'"):
        run(
            kit_over(store, faults=plan).flatpeak,
            location,
            tmp_path / "j",
            outcomes=lambda place: lambda *pair: _more(patterns(place)(*pair)),
        )
    with pytest.raises(InputError, match="another simulation"):
        run(kit_over(store, faults=plan).flatpeak, location, tmp_path / "j", pairs=PAIRS[::-1])
    assert not plan.asked


def _more(outcome):
    kwh = outcome.import_kwh.copy()
    kwh[17] += 0.001
    return outcome.but(import_kwh=kwh)


def test_the_journal_holds_no_secret(home, tmp_path):
    store, location = home
    app = create_app(store, Clock())
    with Flatpeak(
        "acc_secret_1", "sk_test_secret_2", base_url="http://localhost", transport=in_process(app)
    ) as client:
        run(client, location, tmp_path / "j", pairs=PAIRS[:1])
    text = (tmp_path / "j").read_text(encoding="utf-8")
    service = '"service":"http://localhost, version 2025-09-14.anode"'
    assert text.startswith('{"journal":"flipkit instant costs, 1",' + service + "}")
    assert not any(word in text for word in ("secret", "Bearer", location))


def test_results_are_made_one_by_one_and_closing_the_iterator_releases_the_journal(home, tmp_path):
    store, location = home
    made = []

    def outcome_of(*pair):
        made.append(pair)
        return patterns(location, 20)(*pair)

    client = kit_over(store).flatpeak
    priced = price_instantly(client, PAIRS, outcome_of, journal=tmp_path / "j")
    assert made == []
    next(priced)
    assert made == PAIRS[:1]
    with pytest.raises(InputError, match="another run writes"):
        run(client, location, tmp_path / "j")
    priced.close()
    again = list(price_instantly(client, PAIRS, outcome_of, journal=tmp_path / "j"))
    assert [costs.from_journal for _, costs in again] == [20, 0]


def test_progress_counts_intervals_and_how_many_are_left(home, monkeypatch, tmp_path):
    import tqdm.auto

    store, location = home
    shown = []

    class Bar:
        def __init__(self, **options):
            self.n, self.initial, self.options = 0, 0, options
            shown.append(self)

        def update(self):
            self.n += 1

        def close(self):
            self.closed = True

    monkeypatch.setattr(tqdm.auto, "tqdm", Bar)
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    monkeypatch.delenv("TQDM_DISABLE")
    client = kit_over(store).flatpeak
    run(client, location, tmp_path / "j", outcomes=lambda place: patterns(place, 20))
    run(client, location, tmp_path / "j", outcomes=lambda place: patterns(place, 20))
    first, second = shown
    assert (first.total, first.n, first.initial) == (40, 40, 0)
    assert (second.total, second.n, second.initial) == (
        40,
        40,
        40,
    )  # from the journal: no part of the speed
    assert first.closed
    assert Emulation(store, Clock()).store.digest()
