"""Flip's part of the sample fleet: answers of the API compared with the files."""

import csv
import json

import pytest

from flipkit.emulator import Clock, Store, create_app, open_store, sample, sample_folder
from flipkit.emulator.flip import SCHEMA as FLIP_SCHEMA
from flipkit.errors import ConfigurationError

KEY = {"Authorization": "Bearer any-key"}


def flip_store():
    store = Store()
    store.create(FLIP_SCHEMA)
    with store.write() as db:
        sample.seed_flip(db, sample_folder())
    return store


@pytest.fixture(scope="module")
def client():
    store = flip_store()
    return create_app(store, Clock()).test_client()


@pytest.fixture(scope="module")
def sites():
    return json.loads((sample_folder() / "sites.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def months():
    with (sample_folder() / "performance.csv").open(encoding="utf-8", newline="") as file:
        return {(row["site_id"], row["month"]): row for row in csv.DictReader(file)}


def report(client, month):
    return client.get(
        "/v1/reports/equipment_performance", query_string={"month": month}, headers=KEY
    ).json


def test_every_site_is_there_as_its_file_says(client, sites):
    answer = client.get("/v1/sites", headers=KEY).json
    assert [site["id"] for site in answer] == [site["site_id"] for site in sites]
    for shown, written in zip(answer, sites, strict=True):
        same = set(shown) - {"id", "devices"}
        assert {name: shown[name] for name in same} == {name: written.get(name) for name in same}
        assert [device["id"] for device in shown["devices"]] == [
            device["id"] for device in written["devices"]
        ]
        providers = {device["technology_provider_identifier"] for device in shown["devices"]}
        assert providers <= {written["technology_provider_identifier"]}


def test_every_month_of_every_site_is_in_the_report(client, sites, months):
    found = 0
    for month in sorted({month for _, month in months}):
        rows = report(client, month)
        assert [row["site_id"] for row in rows] == [site["site_id"] for site in sites]
        for row in rows:
            written = months.get((row["site_id"], month))
            for name in ("actual_production_kwh", "expected_production_kwh"):
                text = written[name] if written else ""
                assert row[name] == (float(text) if text else None)
            found += written is not None
    assert found == len(months) >= 12 * 18


def test_the_performance_ratio_is_actual_by_expected_or_null(client):
    rows = [row for number in range(1, 13) for row in report(client, f"2025-{number:02}")]
    ratios = 0
    for row in rows:
        actual, expected = row["actual_production_kwh"], row["expected_production_kwh"]
        if actual is None or not expected:
            assert row["performance_ratio"] is None
        else:
            assert row["performance_ratio"] == float(f"{actual / expected:.3f}")
            ratios += 1
    assert 0 < ratios < len(rows)


def test_a_value_pushed_by_crm_id_takes_precedence_over_the_sample(sites):
    store = flip_store()
    client = create_app(store, Clock()).test_client()
    site = sites[0]
    data = {"month": "2025-06", "expected_production_kwh": 1.0, "customer_name": "Someone Else"}
    for any_id in (site["external_id"], site["site_id"]):
        record = {"external_id": any_id, "record_type": "site", "data": data}
        client.post("/v1/fleet-data", json={"records": [record]}, headers=KEY)

    row = next(row for row in report(client, "2025-06") if row["site_id"] == site["site_id"])
    assert (row["expected_production_kwh"], row["customer_name"]) == (1.0, "Someone Else")
    assert row["external_id"] == site["external_id"]


def test_a_store_with_data_is_not_seeded(tmp_path):
    path = tmp_path / "emulator.db"
    store = open_store(path, sample=False)
    record = {"external_id": "CRM-12345", "record_type": "site", "data": {}}
    create_app(store, Clock()).test_client().post(
        "/v1/fleet-data", json={"records": [record]}, headers=KEY
    )
    before = store.digest()
    store.close()

    store = open_store(path, sample=True)
    assert store.digest() == before
    store.close()


def test_a_file_is_seeded_once_and_completely(tmp_path):
    path = tmp_path / "emulator.db"
    for _ in range(2):
        store = open_store(path, sample=True)
        assert (
            len(create_app(store, Clock()).test_client().get("/v1/sites", headers=KEY).json) == 24
        )
        store.close()
    assert [file.name for file in tmp_path.iterdir()] == ["emulator.db"]


@pytest.mark.parametrize("there_before", [False, True])
def test_after_interrupted_seeding_the_next_start_seeds_everything(
    monkeypatch, tmp_path, there_before
):
    path = tmp_path / "emulator.db"
    if there_before:
        open_store(path, sample=False).close()

    def break_off(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as broken:
        broken.setattr(sample, "seed_flatpeak", break_off)
        with pytest.raises(KeyboardInterrupt):
            open_store(path, sample=True)
    store, whole = open_store(path, sample=True), open_store(None, sample=True)
    assert rows_by_table(store) == rows_by_table(whole)
    store.close()


def rows_by_table(store):
    with store.read() as db:
        tables = [
            name
            for (name,) in db.execute(
                "SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name"
            )
        ]
        return {name: db.execute(f"SELECT count(*) FROM {name}").fetchone()[0] for name in tables}  # noqa: S608


@pytest.mark.parametrize(
    "read",
    [
        sample_folder,
        sample.sample_sites,
        sample.sample_tariffs,
        lambda: open_store(None, sample=True),
    ],
)
def test_without_its_files_the_error_says_what_to_do(monkeypatch, tmp_path, read):
    monkeypatch.setattr(sample, "__file__", str(tmp_path / "flipkit" / "emulator" / "sample.py"))
    with pytest.raises(ConfigurationError, match=r"sample fleet is in neither .*--empty"):
        read()


def test_an_installed_package_has_its_own_files(monkeypatch, tmp_path):
    inside = tmp_path / "flipkit" / "emulator" / "sample_data"
    inside.mkdir(parents=True)
    (inside / "sites.json").write_text("[]", encoding="utf-8")
    monkeypatch.setattr(sample, "__file__", str(inside.parent / "sample.py"))
    assert sample_folder() == inside
