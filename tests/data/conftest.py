"""The sample fleet, read with csv, json and numpy, without the code that makes it."""

import csv
import gzip
import json
import sys
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from zoneinfo import ZoneInfo

import numpy as np
import pytest

DATA = Path(__file__).resolve().parents[2] / "data"
FLOWS = ("home_wh", "car_wh", "generation_wh", "charge_wh", "discharge_wh")

if str(DATA) not in sys.path:
    sys.path.insert(0, str(DATA))  # `import sample_maker`, for the tests of single rules


def rows(path):
    text = (
        gzip.decompress(path.read_bytes()).decode()
        if path.suffix == ".gz"
        else path.read_text(encoding="utf-8")
    )
    return list(csv.DictReader(text.splitlines()))


def seconds(text):
    return int(datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC).timestamp())


@cache
def local_times(timezone, first_s, count):
    zone = ZoneInfo(timezone)
    return tuple(datetime.fromtimestamp(first_s + 1800 * i, zone) for i in range(count))


def energy_of(site):
    """The file of a site: `start` (seconds UTC), `local` (datetimes), and one array per flow."""
    read = rows(DATA / "sample" / "energy" / f"{site['site_id']}.csv.gz")
    assert tuple(read[0]) == ("start_utc", *FLOWS)
    start = np.array([seconds(row["start_utc"]) for row in read])
    flows = {name[:-3]: np.array([int(row[name]) for row in read]) for name in FLOWS}
    return SimpleNamespace(
        site=site,
        start=start,
        local=local_times(site["timezone"], int(start[0]), len(read)),
        **flows,
    )


def load(name):
    return json.loads((DATA / "sample" / name).read_text(encoding="utf-8"))


@pytest.fixture(scope="session")
def data_folder():
    return DATA


@pytest.fixture(scope="session")
def sites():
    return load("sites.json")


@pytest.fixture(scope="session")
def energy(sites):
    return {site["site_id"]: energy_of(site) for site in sites}


@pytest.fixture(scope="session")
def sessions():
    read = rows(DATA / "sample" / "sessions.csv")
    return [
        SimpleNamespace(
            reference=row["session_reference_id"],
            site_id=row["site_id"],
            start=seconds(row["start_utc"]),
            end=seconds(row["end_utc"]),
            wh=int(row["energy_wh"]),
        )
        for row in read
    ]


@pytest.fixture(scope="session")
def performance():
    """(site, month) -> (actual, expected), None where the file has nothing."""
    read = rows(DATA / "sample" / "performance.csv")
    columns = ("actual_production_kwh", "expected_production_kwh")
    return {
        (r["site_id"], r["month"]): tuple(float(r[c]) if r[c] else None for c in columns)
        for r in read
    }


@pytest.fixture(scope="session")
def tariffs():
    return {tariff["key"]: tariff for tariff in load("tariffs.json")}


@pytest.fixture(scope="session")
def troubles():
    return load("troubles.json")


@pytest.fixture(scope="session")
def market():
    """The price series: `start`, `end` (seconds UTC), `price` (GBP/kWh) and `local` (datetimes)."""
    read = rows(DATA / "sample" / "market_prices.csv.gz")
    assert {row["market"] for row in read} == {"agile-octopus-c-synthetic"}
    start, end = (np.array([seconds(row[c]) for row in read]) for c in ("start_utc", "end_utc"))
    price = np.array([float(row["price_per_kwh"]) for row in read])
    local = local_times("Europe/London", int(start[0]), len(read))
    return SimpleNamespace(start=start, end=end, price=price, local=local, rows=read)
