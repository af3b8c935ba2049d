"""The fault plan: the same failures in every run, and what a client sees of them."""

from collections import Counter

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flipkit.emulator import Clock, FaultPlan, Store, create_app
from flipkit.emulator.faults import AFTER_KINDS, KINDS
from flipkit.errors import InputError
from flipkit.http import in_process

KEY = {"Authorization": "Bearer any-key"}
COMMISSION = {
    "site": {"id": "s"},
    "devices": [
        {
            "id": "d",
            "type": "SOLAR",
            "technology_provider_identifier": "X",
            "install_date": "2025-06-19T15:30:00Z",
        }
    ],
}
RECORD = {"records": [{"external_id": "s", "record_type": "site", "data": {"customer_name": "N"}}]}


class Emulated:
    """An emulator in this process with one kind of fault."""

    def __init__(self, kind, rate=1.0, **options):
        self.store, self.slept = Store(), []
        self.plan = FaultPlan(1, rate, [kind], sleep=self.slept.append, **options)
        app = create_app(self.store, Clock(), faults=self.plan)
        self.http = httpx.Client(
            transport=in_process(app), base_url="http://localhost", headers=KEY
        )

    def rows(self, table="flip_sites"):
        with self.store.read() as db:
            return db.execute(f"SELECT count(*) FROM {table}").fetchone()[0]  # noqa: S608


@pytest.mark.parametrize("status", [429, 500, 503])
@pytest.mark.parametrize(
    ("path", "key"), [("/v1/commission", "statusCode"), ("/devices", "time_created")]
)
def test_a_refusal_has_the_envelope_and_carries_nothing_out(status, path, key):
    emulated = Emulated(str(status), retry_after_s=7)
    answer = emulated.http.post(path, json=COMMISSION)

    assert answer.status_code == status
    assert key in answer.json()
    assert answer.headers.get("Retry-After") == ("7" if status == 429 else None)
    assert emulated.rows() == 0


def test_a_reset_carries_nothing_out():
    emulated = Emulated("reset")
    with pytest.raises(ConnectionResetError):
        emulated.http.post("/v1/commission", json=COMMISSION)
    assert emulated.rows() == 0


def test_a_delay_waits_and_then_answers():
    emulated = Emulated("delay", delay_s=0.3)
    assert emulated.http.post("/v1/commission", json=COMMISSION).status_code == 201
    assert (emulated.slept, emulated.rows()) == ([0.3], 1)


def test_half_an_answer_is_never_json_and_shorter_than_its_length_header():
    emulated = Emulated("truncated")
    answer = emulated.http.post("/v1/fleet-data", json=RECORD)

    assert answer.status_code == 200
    assert int(answer.headers["Content-Length"]) > len(answer.content) > 0
    with pytest.raises(ValueError, match=r"(?i)expecting|unterminated"):
        answer.json()
    assert emulated.rows("flip_waiting") == 1


def test_an_empty_answer_cannot_be_truncated_and_is_lost():
    emulated = Emulated("truncated")
    with pytest.raises(ConnectionResetError):
        emulated.http.post("/v1/commission", json=COMMISSION)
    assert emulated.rows() == 1


def test_the_after_kinds_carry_out_the_request_and_lose_the_answer():
    emulated = Emulated("500_after")
    answer = emulated.http.post("/v1/fleet-data", json=RECORD)
    assert (answer.status_code, answer.json()["statusCode"]) == (500, 500)
    assert emulated.rows("flip_waiting") == 1

    emulated = Emulated("reset_after")
    with pytest.raises(ConnectionResetError):
        emulated.http.post("/v1/fleet-data", json=RECORD)
    assert emulated.rows("flip_waiting") == 1


def test_the_after_kinds_are_off_unless_asked_for():
    plan = FaultPlan(3, 1.0)
    struck = {plan.fate(b"%d" % number) for number in range(200)}
    assert struck == set(KINDS)
    assert struck.isdisjoint(AFTER_KINDS)


@settings(deadline=None)
@given(st.integers(), st.floats(0, 1), st.lists(st.binary(max_size=2), max_size=30), st.randoms())
def test_the_fate_of_an_arrival_does_not_depend_on_what_comes_in_between(
    seed, rate, requests, random
):
    """Threads change the order of different requests, but not the fates of each request."""

    def fates(order):
        plan, fates = FaultPlan(seed, rate), {}
        for request in order:
            fates.setdefault(request, []).append(plan.fate(request))
        return fates, plan.struck

    shuffled = requests.copy()
    random.shuffle(shuffled)
    assert fates(requests) == fates(shuffled)


@pytest.mark.parametrize("rate", [0.0, 0.1, 0.3, 1.0])
def test_the_share_of_failures_is_the_rate_and_kinds_are_equally_likely(rate):
    plan, count = FaultPlan(7, rate), 20_000
    fates = Counter(plan.fate(b"%d" % number) for number in range(count))

    failed = count - fates[None]
    assert failed == pytest.approx(rate * count, abs=4 * (rate * (1 - rate) * count) ** 0.5)
    assert failed == plan.struck.total()
    for kind in KINDS:
        assert fates[kind] == pytest.approx(
            failed / len(KINDS), abs=4 * (failed / len(KINDS)) ** 0.5
        )


def test_requests_that_differ_in_method_address_query_or_body_have_separate_fates():
    def fates(**varied):
        emulated = Emulated("500", rate=0.5)
        request = {"method": "POST", "url": "/v1/fleet-data", "content": b""} | varied
        return [emulated.http.request(**request).status_code == 500 for _ in range(40)]

    assert fates() == fates()
    for varied in (
        {"content": b"x"},
        {"params": {"a": "b"}},
        {"url": "/v1/commission"},
        {"method": "PUT"},
    ):
        assert fates() != fates(**varied)


def test_another_seed_is_another_plan():
    requests = [b"%d" % number for number in range(100)]
    assert [FaultPlan(1, 0.5).fate(r) for r in requests] != [
        FaultPlan(2, 0.5).fate(r) for r in requests
    ]


def test_a_second_try_has_another_fate():
    plan = FaultPlan(1, 0.5)
    assert {plan.fate(b"the same") is None for _ in range(50)} == {True, False}


def test_the_application_gets_the_body_that_the_plan_read():
    emulated = Emulated("500", rate=0.0)
    assert emulated.http.post("/v1/commission", json=COMMISSION).status_code == 201
    assert emulated.http.get("/v1/sites").json()[0]["id"] == "s"


@pytest.mark.parametrize(
    "arguments", [(1, 1.5), (1, -0.1), (1, float("nan")), (1, 0.5, ["501"]), (1, 0.5, [])]
)
def test_an_invalid_plan_is_refused(arguments):
    with pytest.raises(InputError, match=r"rate|choose"):
        FaultPlan(*arguments)
