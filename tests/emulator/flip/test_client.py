"""The Flip client against the emulator, with and without faults."""

from types import SimpleNamespace

import pytest

import flipkit as fk
from flipkit.emulator import Clock, FaultPlan, Store, create_app, sample, sample_folder
from flipkit.emulator.flip import SCHEMA as FLIP_SCHEMA
from flipkit.frames import records_of
from flipkit.http import Timing, in_process

SITE = {"id": "site-abc-789", "first_name": "John", "last_name": "Doe", "zip_code": "88802"}
DEVICE = {"id": "device-xyz-123", "type": "BATTERY", "technology_provider_identifier": "DURACELL"}
DEVICE |= {"install_date": "2025-06-19T15:30:00Z"}
SEEDS = range(5)


class QuickPace(Timing):
    """Advances a clock of its own instead of sleeping."""

    def __init__(self):
        clock = SimpleNamespace(now=0.0)

        def sleep(seconds):
            clock.now += seconds

        super().__init__(
            now=lambda: clock.now, sleep=sleep, uniform=lambda low, high: (low + high) / 2
        )


def client(store, frames="pandas", faults=None):
    app = create_app(store, Clock(), faults=faults)
    return fk.Flip(
        "key",
        base_url="http://localhost",
        frames=frames,
        transport=in_process(app),
        pace=QuickPace(),
    )


@pytest.fixture
def store():
    return Store()


def test_a_site_is_commissioned_in_two_calls(store, frames_library):
    flip = client(store, frames_library)
    with pytest.raises(fk.InformationRequired) as asked:
        flip.commission(SITE, [DEVICE])
    missing = {
        (row["kind"], row["name"]) for row in records_of(asked.value.missing, what="missing")
    }
    assert {name for _, name in missing} == {
        "street_address",
        "city",
        "state_code",
        "has_agreed_to_terms_and_conditions",
        "terms_and_conditions_version",
        "account_id",
    }
    assert len(flip.sites()) == 0

    address = {"street_address": "123 Main St", "city": "San Francisco", "state_code": "CA"}
    account = {"name": "account_id", "value": "1234567-0"}
    terms = {
        "has_agreed_to_terms_and_conditions": True,
        "terms_and_conditions_version": "2025-01-01",
    }
    flip.commission(SITE | address, [DEVICE], terms | {"program_specific_attributes": [account]})
    (row,) = records_of(flip.sites(), what="sites")
    assert (row["site_id"], row["status"]) == ("site-abc-789", "PENDING")
    assert row["technology_provider_identifier"] == "DURACELL"


def test_pushed_values_are_in_the_report(store, frames_library):
    flip = client(store, frames_library)
    flip.commission(SITE | {"zip_code": "88800"}, [DEVICE])
    data = {"customer_name": "John Doe", "month": "2025-06", "expected_production_kwh": 1520.0}
    records = [
        {"external_id": SITE["id"], **data},
        {"external_id": "CRM-12345", "customer_name": "Not Yet Here"},
    ]
    outcome = records_of(flip.push_fleet_data(records), what="outcome")
    assert [row["status"] for row in outcome] == ["SUCCESS", "SUCCESS"]

    (row,) = records_of(flip.equipment_performance("2025-06"), what="report")
    assert (row["customer_name"], row["expected_production_kwh"]) == ("John Doe", 1520.0)


@pytest.mark.parametrize("seed", SEEDS)
def test_failures_of_a_third_of_the_calls_change_no_value(store, seed):
    store.create(FLIP_SCHEMA)
    with store.write() as db:
        sample.seed_flip(db, sample_folder())
    plan = FaultPlan(seed, 0.3, sleep=lambda _seconds: None)
    wanted = client(store).equipment_performance(start="2025-01", end="2026-01")
    found = client(store, faults=plan).equipment_performance(start="2025-01", end="2026-01")

    assert plan.struck.total() > 0
    assert records_of(found, what="found") == records_of(wanted, what="wanted")
