"""A simulation changes no byte of the service's store: normally, under faults, when killed."""

import json
import os
import signal
import subprocess
import sys
import threading
from collections import Counter
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest
from support.kits import kit_over
from support.proof_help import PAIRS, by_hand, flat_home, locations, patterns

import flipkit
from flipkit.emulator import FaultPlan, Store, start
from flipkit.frames import records_of
from flipkit.reports import site_energy
from flipkit.scenarios import Load, Scenario, simulate
from flipkit.scenarios.service import certify
from flipkit.scenarios.service.instant import price_instantly
from flipkit.scenarios.service.journal import key_of

HELP = Path(__file__).parents[2] / "support" / "proof_help.py"


@pytest.fixture
def unchanged():
    """``unchanged(store)`` in a ``with`` block: the store is the same after it, byte for byte."""

    class Unchanged:
        def __init__(self, store):
            self.store = store

        def __enter__(self):
            self.before = self.store.digest()

        def __exit__(self, *unused):
            assert self.store.digest() == self.before

    return Unchanged


def test_the_digest_sees_every_record(unchanged):
    """A test of the test: a record that is stored changes the digest."""
    kit = kit_over()
    location = flat_home(kit.flatpeak)
    hour = {"start_utc": "2025-06-01T10:00:00Z", "end_utc": "2025-06-01T11:00:00Z"}
    record = {"location_id": location, "units": "WH", "value": 1, **hour}
    with unchanged(kit.emulator.store):
        kit.flatpeak.instant_cost(record, non_persistent=True)
    before = kit.emulator.store.digest()
    kit.flatpeak.instant_cost(record)
    assert kit.emulator.store.digest() != before


def test_simulations_and_certificates_leave_no_trace(kit, unchanged, tmp_path):
    pairs = [(site, scenario) for site in ("be-02", "uk-03") for scenario in ("today", "0.9")]
    with unchanged(kit.emulator.store):
        energy = site_energy(kit, "2025-06-01", "2025-06-01", site_id=["be-02", "uk-03"])
        scenarios = [Scenario("today"), Scenario("less", load=Load(scale=0.9))]
        for method in ("rule", "optimal"):
            simulation = simulate(energy, scenarios, prices=kit, verify=5, dispatch=method)
            assert len(simulation.certificate()) == 5
        journal = tmp_path / "j"
        one = simulate(energy, scenarios[:1], prices=kit, method="instant", journal=journal)
        two = simulate(energy, scenarios[:1], prices=kit, method="instant", journal=journal)
        assert records_of(one.bills()) == records_of(two.bills())
        assert certify(kit.flatpeak, pairs, by_hand(locations(kit)), 10).agrees


def test_every_call_is_non_persistent(unchanged):
    store = Store()
    location = flat_home(kit_over(store).flatpeak)
    seen = Counter()

    class Watching(FaultPlan):
        def fate(self, request):
            seen[request.partition(b"\n")[0]] += 1
            return super().fate(request)

    kit = kit_over(store, faults=Watching(0, 0.0))
    with unchanged(store):
        list(price_instantly(kit.flatpeak, PAIRS[:1], patterns(location, 30)))
        certify(kit.flatpeak, PAIRS[:1], patterns(location, 30), 10)
    assert set(seen) == {b"GET /login?", b"POST /costs/instant?non_persistent=true"}


class KillAt(FaultPlan):
    """Kills the child at the given numbers of requests for a cost, counted over all runs."""

    def __init__(self, at, journal, **plan):
        super().__init__(**plan)
        self.at, self.journal, self.child = list(at), journal, None
        self.asked, self.again = Counter(), []
        self._known, self._mutex = set(), threading.Lock()

    def begin(self):
        """Before a run: note what the journal holds, which must not be sent again."""
        self._known |= answered(self.journal)

    def fate(self, request):
        line, _, body = request.partition(b"\n")
        if b"/costs/instant" in line:
            with self._mutex:
                self.asked[body] += 1
                if key(json.loads(body)) in self._known:
                    self.again.append(body)
                if self.at and sum(self.asked.values()) >= self.at[0]:
                    self.at.pop(0)
                    os.kill(self.child.pid, signal.SIGKILL)
        return super().fate(request)


def key(body):
    start, end = (
        int(datetime.fromisoformat(body[name]).timestamp()) * 1_000_000
        for name in ("start_time", "end_time")
    )
    return key_of(body["location_id"], body["tariff_direction"], start, end, int(body["value"]))


def answered(journal):
    if not journal.exists():
        return set()
    whole = journal.read_bytes().rpartition(b"\n")[0].splitlines()
    return {json.loads(line)[1] for line in whole if line.startswith(b"[")}


@pytest.mark.slow
def test_killed_at_any_moment_it_resumes_and_the_result_is_the_same(tmp_path, unchanged):
    path, journal = tmp_path / "store.db", tmp_path / "costs.journal"
    store = Store(path)
    location = flat_home(kit_over(store).flatpeak)
    store.close()
    kills = np.cumsum(np.random.default_rng(7).integers(3, 90, 4)).tolist()
    plan = KillAt(kills, journal, seed=3, rate=0.1, kinds=["500", "reset", "truncated"])
    with start(path=path, sample=False, faults=plan) as emulator, unchanged(emulator.store):
        codes, printed = [], ""
        while 0 not in codes and len(codes) < 9:
            plan.begin()
            command = [sys.executable, str(HELP), emulator.url, location, str(journal)]
            plan.child = subprocess.Popen(
                command, stdout=subprocess.PIPE, text=True, env=environment()
            )
            printed, _ = plan.child.communicate()
            codes.append(plan.child.returncode)
    assert codes == [-signal.SIGKILL] * 4 + [0]
    assert plan.again == []  # no record with a kept answer is sent again
    assert len(plan.asked) == len(answered(journal)) == 2 * 140
    assert json.loads(printed) == [by_the_prices(scenario) for _, scenario in PAIRS]


def environment():
    root = Path(flipkit.__file__).parents[1]
    return {**os.environ, "PYTHONPATH": str(root)}


def by_the_prices(scenario):
    """What `flat_home` costs, by hand."""
    site = patterns("loc_any")("home", scenario)
    bought, sold = (np.rint(kwh * 1000) / 1000 for kwh in (site.import_kwh, site.export_kwh))
    return [*(bought * 0.25).tolist(), *(sold * 0.1).tolist()]
