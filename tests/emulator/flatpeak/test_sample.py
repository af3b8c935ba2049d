"""Flatpeak's part of the sample fleet, recomputed from its files with Decimal and zoneinfo."""

import csv
import gzip
import time
from collections import defaultdict
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support import hand

from flipkit.emulator import Clock, Store
from flipkit.emulator.flatpeak import SCHEMA, seed_flatpeak
from flipkit.emulator.flatpeak.sample import shares

ROOT = Path(__file__).parents[3]
SAMPLE = ROOT / "data" / "sample"
ENERGIES = st.lists(st.tuples(*[st.integers(0, 12_000)] * 5), min_size=1, max_size=20)
NAMES = ("home_wh", "car_wh", "generation_wh", "charge_wh", "discharge_wh")


def seeded(store):
    store.create(SCHEMA)
    with store.write() as db:
        seed_flatpeak(store, db, SAMPLE)


@pytest.fixture(scope="module")
def api(api_over):
    store, clock = Store(), Clock()
    seeded(store)
    digest = store.digest()
    made = api_over(store, clock)
    made.seeded = digest
    made.locations = {
        each["reference_id"]: each for each in made.call("GET", "/locations", limit=100)["data"]
    }
    made.devices = {
        each["reference_id"]: each["id"] for each in made.call("GET", "/devices", limit=100)["data"]
    }
    return made


@given(ENERGIES)
def test_energy_is_divided_without_loss(rows):
    divided = shares(
        {
            name: np.array(column)
            for name, column in zip(NAMES, zip(*rows, strict=True), strict=True)
        }
    )
    for row, (home, car, generation, charge, discharge) in enumerate(rows):
        net = home + car + charge - generation - discharge
        bought, used = max(net, 0), home + car + charge
        exact = Decimal(bought * car) / used if used else Decimal(0)
        of_car = min(int(exact.quantize(Decimal(1), ROUND_HALF_UP)), bought)
        expected = bought - of_car, of_car, max(-net, 0), max(generation - max(-net, 0), 0)
        assert tuple(int(part[row]) for part in divided) == expected


def test_every_site_is_a_customer_and_a_location(api):
    sites = hand.sites()
    assert set(api.locations) == set(sites)
    for site_id, site in sites.items():
        location = api.locations[site_id]
        assert (location["timezone"], location["currency_code"]) == (
            site["timezone"],
            site["currency"],
        )
        [own] = api.call("GET", "/locations", customer_id=location["customer_id"])["data"]
        assert own == location
        tariffs = [
            key
            for key in (site["import_tariff"], site["grid_fee_tariff"], site["export_tariff"])
            if key
        ]
        assert len(location["tariff_elements"]) == len(tariffs)
    assert set(api.devices) == {
        device["id"] for site in sites.values() for device in site["devices"]
    }


@pytest.mark.parametrize("direction", ["IMPORT", "EXPORT", "LOCAL"])
@pytest.mark.parametrize("site_id", ["ca-09", "uk-02", "be-03"])
def test_a_year_recomputed_by_hand(api, site_id, direction):
    """A battery and a car in California, a market tariff, and a tariff of two parts."""
    rows = api.costs(api.locations[site_id]["id"], aggregation="MONTH", tariff_direction=direction)
    energy, cost = hand.monthly(site_id, direction)[:2]
    assert [row["energy"]["value"] for row in rows] == [energy[month] for month in sorted(energy)]
    found = [row["cost"]["value"] for row in rows]
    assert found == pytest.approx([float(cost[month]) for month in sorted(energy)], abs=1e-6)


def test_every_half_hour_has_a_record_of_the_location(api):
    with gzip.open(SAMPLE / "energy" / "uk-05.csv.gz", "rt", encoding="utf-8", newline="") as file:
        starts = [row["start_utc"] for row in csv.DictReader(file)]
    rows = api.costs(api.locations["uk-05"]["id"])
    assert [row["start_time"] for row in rows] == starts
    assert {row["cost"]["confidence"] for row in rows} == {1.0}


def test_the_charging_sessions_of_a_site(api):
    """The charger has a record of the grid's share of the car's energy, session by session."""
    site_id = "be-02"
    with (SAMPLE / "sessions.csv").open(encoding="utf-8", newline="") as file:
        sessions = [row for row in csv.DictReader(file) if row["site_id"] == site_id]
    with gzip.open(
        SAMPLE / "energy" / f"{site_id}.csv.gz", "rt", encoding="utf-8", newline=""
    ) as file:
        taken = [
            (row["start_utc"], int(row["car_wh"]))
            for row in csv.DictReader(file)
            if int(row["car_wh"])
        ]
    expected = defaultdict(list)
    for start, _ in taken:
        [name] = [
            s["session_reference_id"] for s in sessions if s["start_utc"] <= start < s["end_utc"]
        ]
        expected[name].append(start)
    charger = next(
        device["id"]
        for device in hand.sites()[site_id]["devices"]
        if device["type"] == "EV_CHARGER"
    )
    for name in list(expected)[:20]:
        answer = api.call("POST", f"/costs/session/{name}")
        assert answer["object_id"] == api.devices[charger]
        assert [row["start_time"] for row in answer["data"]] == expected[name]
    assert len(api.costs(api.devices[charger])) == len(taken)


def test_sites_without_solar_have_no_local_or_export_rows(api):
    location = api.locations["uk-05"]["id"]
    assert api.costs(location, tariff_direction="LOCAL") == []
    assert api.costs(location, tariff_direction="EXPORT", status=422) == "no_tariff_connected"


def test_seeding_gives_the_same_store_each_time(api):
    again = Store()
    began = time.perf_counter()
    seeded(again)
    took = time.perf_counter() - began
    assert again.digest() == api.seeded
    assert took < 10  # about half a second on an idle machine
