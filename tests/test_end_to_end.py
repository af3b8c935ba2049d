"""End to end: reports recomputed by hand, reports through faults, uploads without loss."""

import contextlib
import csv
import itertools
import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from support import hand
from support.kits import FakePace, kit_over

import flipkit as fk
from flipkit import demo
from flipkit.connect import Kit
from flipkit.emulator import FaultPlan, Store, start
from flipkit.emulator.flatpeak import readings
from flipkit.frames import take
from flipkit.http import RetryPolicy

pytestmark = pytest.mark.slow

TOP = Path(fk.__file__).parents[1]
BEFORE = ("429", "500", "503", "reset", "truncated")
BEFORE_AND_AFTER = (*BEFORE, "500_after", "reset_after")
MONTHS = [f"2025-{month:02d}" for month in range(1, 13)]
NIGHT = {
    "uk": ["uk-octopus-go"],
    "be": ["be-engie-easy-fixed-day-night"],
    "ca-pge": ["ca-pge-ev2-a"],
}
NIGHT_EXPORT = {"ca-pge": ["ca-pge-ev2-a-nem2"]}


def rows_of(path, *key):
    with path.open(newline="", encoding="utf-8") as file:
        return {tuple(row[name] for name in key): row for row in csv.DictReader(file)}


def money(text):
    return Decimal(text).quantize(Decimal("0.01"))


# --- the reports of `flipkit demo`, recomputed by hand from data/


def test_the_performance_report_equals_the_files(demo_output):
    found = rows_of(demo_output[0] / "performance.csv", "site_id", "month")
    assert len(found) == 24 * 12
    for (site, month), (actual, expected) in hand.performance().items():
        if month not in MONTHS:
            continue
        row = found[site, month]
        for name, value in (
            ("actual_production_kwh", actual),
            ("expected_production_kwh", expected),
        ):
            assert row[name] == "" if value is None else Decimal(row[name]) == value
        if actual is None or not expected:
            assert (row["performance_index"], row["lost_kwh"], row["rank"]) == ("", "", "")
            assert row["finding"]
            continue
        assert float(row["performance_index"]) == pytest.approx(float(actual / expected), abs=1e-12)
        assert Decimal(row["lost_kwh"]) == max(expected - actual, Decimal(0))
        assert bool(row["finding"]) == (
            actual / expected < Decimal("0.9") or actual / expected > Decimal("1.3")
        )


def test_the_cost_report_is_right_to_the_cent_and_the_watt_hour(demo_output):
    found = rows_of(demo_output[0] / "cost.csv", "site_id", "tariff_direction", "period")
    checked = 0
    for (site, direction, month), row in found.items():
        about = hand.sites()[site]
        if direction == "EXPORT" and not (
            about["system_size_kw"] or about["battery"]
        ):  # a price, but nothing to sell
            assert (row["energy_kwh"], row["cost"], row["finding"][:13]) == (
                "",
                "",
                "coverage.none",
            )
            continue
        wh, cost = hand.monthly(site, direction)
        assert Decimal(row["energy_kwh"]) * 1000 == wh[month]
        assert money(row["cost"]) == Decimal(row["cost"]) == hand.cents(cost[month])
        assert (row["coverage"], row["confidence"], row["finding"]) == ("1.0", "1.0", "")
        checked += 1
    assert checked > 700
    for site, about in hand.sites().items():
        ways = {
            "IMPORT",
            "EXPORT" if about["export_tariff"] else "",
            "LOCAL" if about["system_size_kw"] else "",
        } - {""}
        assert {(way, month) for place, way, month in found if place == site} == set(
            itertools.product(ways, MONTHS)
        )


def test_lost_production_is_valued_by_its_definition(demo_output):
    found = rows_of(demo_output[0] / "lost_value.csv", "site_id", "month")
    valued = 0
    for (site, month), row in found.items():
        actual, expected = hand.performance().get((site, month), (None, None))
        if actual is None or not expected:
            assert (
                row["lost_kwh"],
                row["lost_value"],
                row["lost_value_low"],
                row["lost_value_high"],
            ) == ("",) * 4
            continue
        lost = max(expected - actual, Decimal(0))
        assert Decimal(row["lost_kwh"]) == lost
        assert row["currency"] == hand.sites()[site]["currency"]
        months = hand.worth(site)
        prices = months.get(month, months["year"]) if lost else (Decimal(0),) * 3
        value, sold, used = (hand.cents(lost * price) for price in prices)
        assert money(row["lost_value"]) == Decimal(row["lost_value"]) == value
        assert (money(row["lost_value_low"]), money(row["lost_value_high"])) == (
            min(sold, used),
            max(sold, used),
        )
        assert ("lost_value.profile_of_window" in row["finding"]) == (
            bool(lost) and month not in months
        )
        valued += bool(lost)
    assert valued > 100


def plan(site, direction, choice):
    """The tariffs of a site in a scenario: those of its utility, with its own grid fee."""
    about = hand.sites()[site]
    own = hand.keys_of(about, direction)
    return next(
        (
            keys + own[1:]
            for begin, keys in choice.items()
            if about["import_tariff"].startswith(begin)
        ),
        own,
    )


def changed(site, change, imports=None, exports=None):
    keys = plan(site, "IMPORT", imports or {}), plan(site, "EXPORT", exports or {})
    return hand.scenario(site, *keys, change)


def today(site):
    costs = [hand.monthly(site, direction)[1] for direction in ("IMPORT", "EXPORT")]
    return {month: [cost[month] for cost in costs] for month in MONTHS}


def as_is(_number, _start, used, made):
    return used, made


def with_battery(site, more_panels):
    """10 kWh and 5 kW beside the panels, or beside 3 kW more of them."""
    run = hand.battery(Decimal(10_000), Decimal(2_500), Decimal("0.95"))
    share = (
        Decimal(3) / Decimal(str(hand.sites()[site]["system_size_kw"]))
        if more_panels
        else Decimal(0)
    )

    def change(_number, _start, used, made):
        made *= 1 + share
        return used - run(made - used), made

    return changed(site, change)


def with_car(site):
    """7 kWh from 18:00 on weekdays, 9 kWh from 16:00 on others, at 7.4 kW."""
    zone = ZoneInfo(hand.sites()[site]["timezone"])
    wanted = 0

    def change(_number, start, used, made):
        nonlocal wanted
        local = start.astimezone(zone)
        if (local.hour, local.minute) == ((18, 0) if local.weekday() < 5 else (16, 0)):
            wanted = 7_000 if local.weekday() < 5 else 9_000
        charged = min(wanted, 3_700)
        wanted -= charged
        return used + charged, made

    return changed(site, change)


SCENARIOS = {
    "today": today,
    "cheap nights": lambda site: changed(site, as_is, NIGHT, NIGHT_EXPORT),
    "battery": lambda site: with_battery(site, more_panels=False),
    "panels and battery": lambda site: with_battery(site, more_panels=True),
    "car": with_car,
}
OTHERS = {"car at night", "all of it"}


def test_the_what_if_is_right_to_the_cent(demo_output):
    bills = rows_of(
        demo_output[0] / "what_if" / "bills.csv", "site_id", "scenario", "month", "component"
    )
    summary = rows_of(demo_output[0] / "what_if" / "summary.csv", "site_id", "scenario")
    assert summary.keys() == {(site, name) for site in demo.SITES for name in {*SCENARIOS, *OTHERS}}
    for site in demo.SITES:
        totals = {}
        for name, recompute in SCENARIOS.items():
            totals[name] = Decimal(0)
            for month, (paid, earned) in recompute(site).items():
                assert money(bills[site, name, month, "import"]["cost"]) == hand.cents(paid), (
                    site,
                    name,
                    month,
                )
                sold = bills.get((site, name, month, "export"), {"cost": "0"})
                assert -money(sold["cost"]) == hand.cents(earned), (site, name, month)
                totals[name] += hand.cents(paid) - hand.cents(earned)
            row = summary[site, name]
            assert money(row["cost"]) == Decimal(row["cost"]) == totals[name]
            stored_value = money(row["stored_change_value"] or "0")
            assert money(row["saving"]) == totals["today"] - (totals[name] - stored_value)


def test_the_certificate_of_the_what_if_agrees_with_hand_prices(demo_output):
    with (demo_output[0] / "what_if" / "certificate.csv").open(
        newline="", encoding="utf-8"
    ) as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 24
    for row in rows:
        assert float(row["local_cost"]) == pytest.approx(float(row["server_cost"]), rel=1e-12)
        site = hand.sites()[row["site_id"]]
        begin = datetime.fromisoformat(row["start_utc"])
        price = hand.price(hand.keys_of(site, row["tariff_direction"]), begin)
        wh = Decimal(row["server_cost"]) * 1000 / price
        assert abs(wh - round(wh)) < Decimal("1e-6")
        if row["scenario"] in {"today", "cheap nights"}:
            [own] = [
                half_hour for half_hour in hand.energy(row["site_id"]) if half_hour[0] == begin
            ]
            assert round(wh) == own[1 if row["tariff_direction"] == "IMPORT" else 2]


# --- the same through faults


@pytest.fixture
def one_month(monkeypatch):
    """The demo's reports of a single month, without pictures."""
    monkeypatch.setattr(demo, "YEAR", "2025-07")
    monkeypatch.setattr(demo, "_pictures", lambda *_: [])


def sample_kit(plan):
    return kit_over(fk.emulator.open_store(None, sample=True), faults=plan)


def until_done(work):
    """Return what `work` returns; repeat it if a call met six faults in a row (one in 1,400)."""
    for _ in range(9):
        with contextlib.suppress(fk.RequestError):
            return work()
    return work()


def files_of(folder):
    return {
        path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()
    }


@pytest.mark.usefixtures("one_month")
def test_reports_through_faults_are_the_same_to_the_byte(tmp_path):
    with sample_kit(None) as kit:
        demo.run(kit, tmp_path / "clean")
    for kinds in (BEFORE, BEFORE_AND_AFTER):
        plan = FaultPlan(1, 0.3, kinds, retry_after_s=2)
        with sample_kit(plan) as kit:
            until_done(lambda kit=kit: demo.run(kit, tmp_path / "faults"))
        assert plan.struck.total() > 50
        assert set(plan.struck) == set(kinds)
        assert files_of(tmp_path / "faults") == files_of(tmp_path / "clean")


def test_a_report_over_lost_connections_is_the_same(tmp_path, demo_output):
    plan = FaultPlan(2, 0.3, BEFORE_AND_AFTER)
    with start(faults=plan) as emulator:
        given = {"base_url": emulator.url, "frames": "polars", "pace": FakePace(real=0.001)}
        flip = fk.Flip("any-key-of-mine", environment="emulator", **given)
        with Kit(
            flip, fk.Flatpeak("acc_1", "sk_test_any_key", **given), "emulator", "polars"
        ) as kit:
            fk.write_csv(
                until_done(lambda: fk.cost_report(kit, "2025-10", "2025-10")), tmp_path / "cost.csv"
            )
    key = ("site_id", "tariff_direction", "period")
    clean = {
        at: row
        for at, row in rows_of(demo_output[0] / "cost.csv", *key).items()
        if at[2] == "2025-10"
    }
    assert plan.struck.total() > 10
    assert rows_of(tmp_path / "cost.csv", *key) == clean


def test_simulations_leave_no_trace_through_faults():
    plan = FaultPlan(3, 0.3, BEFORE_AND_AFTER)
    with sample_kit(plan) as kit:
        energy = until_done(
            lambda: fk.site_energy(kit, "2025-06-01", "2025-06-03", site_id=["be-02", "uk-02"])
        )
        before = kit.emulator.store.digest()
        result = until_done(
            lambda: fk.simulate(energy, [fk.Scenario("today")], prices=kit, verify=60)
        )
        [place, *_] = take(until_done(kit.flatpeak.locations), texts=["location_id"])["location_id"]
        record = {
            "location_id": place,
            "units": "KWH",
            "value": 1.0,
            "start_utc": "2025-06-01T00:00:00Z",
        }
        record["end_utc"] = "2025-06-01T01:00:00Z"
        until_done(
            lambda: kit.flatpeak.simulate_costs(
                [record | {"value": float(value)} for value in range(40)]
            )
        )
        until_done(lambda: kit.flatpeak.instant_cost(record, non_persistent=True))
        assert len(result.certificate()) == 60
        assert plan.struck["reset_after"] > 3
        assert kit.emulator.store.digest() == before
        kit.flatpeak.submit_interval([record])
        assert kit.emulator.store.digest() != before  # so a trace would have been seen


# --- uploads

HALF_HOUR = timedelta(minutes=30)
BEGIN = datetime(2025, 1, 1, tzinfo=UTC)


def three_locations(flatpeak):
    places = [
        flatpeak.create_location(f"home-{n}", city="London", country_code="GB") for n in range(3)
    ]
    return [
        (place, device)
        for place in places
        for device in (None, flatpeak.create_device(f"of-{place}"))
    ]


def many_records(places, count, repeats):
    """Distinct records, and repeats of some with another value, in random order."""
    random = np.random.default_rng(1)
    numbers = random.permutation(
        np.concatenate([np.arange(count), random.integers(0, count, repeats)])
    )
    for row, number in enumerate(numbers.tolist()):
        slot, (location, device) = number // len(places), places[number % len(places)]
        yield {
            "location_id": location,
            "device_id": device,
            "record_reference_id": f"r{row}",
            "energy_flow_direction": "OUTBOUND" if slot % 5 == 0 else "INBOUND",
            "units": "WH",
            "value": float(row + 1),
            "start_utc": BEGIN + slot * HALF_HOUR,
            "end_utc": BEGIN + (slot + 1) * HALF_HOUR,
        }


def key_of(record):
    return tuple(
        record[name] for name in ("location_id", "device_id", "energy_flow_direction", "start_utc")
    )


def held(store, places):
    """Every record of the store by key: its Wh and the caller's id."""
    found, count = {}, 0
    with store.read() as db:
        for place in {location for location, _ in places}:
            for series_id, series in readings.series_of(db, place):
                own = readings.read(db, series_id)
                names = [None] * len(own) if own.record is None else own.record
                for start_us, wh, name in zip(
                    own.start_us.tolist(), own.wh.tolist(), names, strict=True
                ):
                    begin = datetime.fromtimestamp(start_us / 1e6, UTC)
                    found[series.location_id, series.device_id or None, series.flow, begin] = (
                        wh,
                        name,
                    )
                    count += 1
    assert count == len(found)
    return found


def submitted(flatpeak, records, shape="interval"):
    """Submit, and submit failed records again until none fails; return the number of rounds."""
    submit = getattr(flatpeak, f"submit_{shape}")
    for tries in range(1, 20):
        submission = submit(records)
        failed = take(submission.failed, numbers=["row"])["row"].astype(int).tolist()
        assert submission.submitted == len(records) == submission.accepted + len(failed)
        records = [records[row] for row in failed]
        if not records:
            return tries
    raise AssertionError(f"{len(records)} records still fail")


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_thirty_thousand_records_are_stored_once_each(seed, monkeypatch):
    monkeypatch.setattr("flipkit.flatpeak.delivery.LARGEST_CALL", 500)
    store = Store()
    places = three_locations(kit_over(store).flatpeak)
    records = list(many_records(places, 27_000, 3_000))
    plan = FaultPlan(seed, 0.5, BEFORE_AND_AFTER)
    flatpeak = kit_over(store, faults=plan).flatpeak
    flatpeak.devices()  # logs in
    flatpeak._session.policy = RetryPolicy(
        attempts=2
    )  # so that whole calls fail, and what follows them must wait
    assert submitted(flatpeak, records) > 2
    model = {key_of(record): (record["value"], record["record_reference_id"]) for record in records}
    assert len(model) == 27_000
    assert held(store, places) == model


@pytest.mark.parametrize("seed", [4, 5])
def test_registers_through_faults_count_every_difference_once(seed, monkeypatch):
    monkeypatch.setattr("flipkit.flatpeak.delivery.LARGEST_CALL", 40)
    store = Store()
    places = three_locations(kit_over(store).flatpeak)
    registers = np.random.default_rng(seed).integers(0, 900, (len(places), 400)).cumsum(axis=1)
    records = [
        {
            "location_id": location,
            "device_id": device,
            "units": "WH",
            "value": float(wh),
            "time_utc": BEGIN + n * HALF_HOUR,
        }
        for (location, device), register in zip(places, registers.tolist(), strict=True)
        for n, wh in enumerate(register)
    ]
    plan = FaultPlan(seed, 0.3, BEFORE_AND_AFTER)
    flatpeak = kit_over(store, faults=plan).flatpeak
    submitted(flatpeak, records, "cumulative")
    assert plan.struck["reset_after"] + plan.struck["500_after"] > 2
    model = {
        (location, device, "INBOUND", BEGIN + n * HALF_HOUR): float(wh)
        for (location, device), register in zip(places, registers, strict=True)
        for n, wh in enumerate(np.diff(register).tolist())
    }
    assert {key: wh for key, (wh, _) in held(store, places).items()} == model


@contextlib.contextmanager
def emulator_process(path):
    """An emulator with a file in a separate process: the process, and its address."""
    options = ["--empty", "--port", "0", "--file", str(path)]
    command = [sys.executable, "-m", "flipkit", "emulator", *options]
    environment = os.environ | {"PYTHONPATH": str(TOP)}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as running:
        try:
            yield (
                running,
                "http://127.0.0.1:" + running.stdout.readline().split("127.0.0.1:")[1].split()[0],
            )
        finally:
            running.kill()


def test_accepted_records_survive_a_kill(tmp_path):
    path, sent, accepted = tmp_path / "store.db", set(), set()
    keys = {"account_id": "acc_1", "api_key": "sk_test_any_key"}
    with emulator_process(path) as (_, url), fk.Flatpeak(base_url=url, **keys) as flatpeak:
        places = three_locations(flatpeak)
    records = list(many_records(places, 60_000, 0))
    parts = iter([range(begin, begin + 50) for begin in range(0, len(records), 50)])

    def upload(flatpeak):
        for part in parts:  # shared by the threads: taking the next one is a single step
            sent.update(part)
            submission = flatpeak.submit_interval([records[number] for number in part])
            failed = take(submission.failed, numbers=["row"])["row"].astype(int).tolist()
            accepted.update(number for row, number in enumerate(part) if row not in failed)
            if failed:
                return

    for kills in range(1, 4):
        with (
            emulator_process(path) as (running, url),
            fk.Flatpeak(base_url=url, pace=FakePace(), **keys) as flatpeak,
            ThreadPoolExecutor(4) as pool,
        ):
            flatpeak.devices()  # logs in
            uploads = [pool.submit(upload, flatpeak) for _ in range(4)]
            while len(accepted) < 1500 * kills and not all(one.done() for one in uploads):
                threading.Event().wait(0.001)
            running.kill()
        assert [one.exception() for one in uploads] == [None] * 4
    store = Store(path)
    found = held(store, places)
    store.close()
    assert 4500 <= len(accepted) < len(sent) < len(records)
    for number in accepted:
        assert found.pop(key_of(records[number]))[0] == records[number]["value"]
    assert found.keys() <= {key_of(records[number]) for number in sent - accepted}
