"""Zero: its answers against the published description, and its numbers against Anode's.

``data/zero_schemas.json`` has the fields, their types and which are required, as in the OpenAPI
description of the Flatpeak API of 2024-08-24 (github.com/flat-peak/openapi); names and types only.
"""

import json
from pathlib import Path

import jsonschema
import pytest

ANODE, ZERO = "2025-09-14.anode", "2024-08-24.zero"
SCHEMAS = json.loads(
    (Path(__file__).parent / "data" / "zero_schemas.json").read_text(encoding="utf-8")
)
HOUR = {"start_time": "2025-06-01T12:00:00Z", "end_time": "2025-06-01T13:00:00Z", "units": "KWH"}
"""The four documented uses: import, export, own generation, avoided cost."""
USES = [
    ("IMPORT", "IMPORT", 2),
    ("EXPORT", "EXPORT", 3),
    ("IMPORT", "LOCAL", 5),
    ("EXPORT", "IMPORT", 7),
]


def check(name, value):
    jsonschema.validate(value, SCHEMAS[name], cls=jsonschema.Draft202012Validator)
    return value


@pytest.fixture
def zero(api):
    api.version = ZERO
    return api


@pytest.fixture
def place(zero):
    """A location with a record of each use, all in one hour."""
    location = zero.location(reference_id="L")
    zero.tariff(location, 0.3, path="/tariffs/elements")
    zero.tariff(location, 0.1, path="/tariffs/elements", direction="EXPORT")
    for direction, rate, value in USES:
        zero.submit(
            HOUR | {"direction": direction, "tariff_rate": rate, "value": value},
            location_id=location,
        )
    return location


def test_answers_fit_the_description(zero, place):
    check("login", zero.login().json)
    device = check("device", zero.call("POST", "/devices", {"reference_id": "D"}))
    check("device_list", zero.call("GET", "/devices"))
    check("location", zero.call("PATCH", f"/locations/{place}", {"reference_id": "L2"}))
    check("location_list", zero.call("GET", "/locations"))
    check("location_status", zero.call("GET", f"/locations/{place}/status"))
    tariffs = check("tariff_list", zero.call("GET", "/tariffs/elements", location_id=place))["data"]
    check("tariff", zero.call("GET", f"/tariffs/elements/{tariffs[0]['id']}"))
    check("accepted", zero.call("DELETE", f"/devices/{device['id']}"))


def test_costs_and_prices_fit_the_description(zero, place):
    record = HOUR | {
        "location_id": place,
        "value": 1,
        "measurand": "TRANSFERRED",
        "session_reference_id": "s",
    }
    batch = zero.call(
        "PUT",
        "/meters/interval",
        [record, record | {"value": -1}, record | {"measurand": "OFFERED"}],
    )
    check("meter_batch", batch)
    assert [each["record_num"] for each in batch["failed_records"]] == [1, 2]
    assert "direction" in batch["failed_records"][0]["error"]
    register = {"location_id": place, "units": "WH", "data": [{"time": 1748779200, "value": 5}]}
    check("meter_batch", zero.call("PUT", "/meters/cumulative/epoch", register))
    check("meter_record", zero.call("POST", "/costs/instant", record, include_tariff="true"))
    for aggregation in ({}, {"aggregation": "DAY"}):
        check(
            "energy_cost",
            zero.call("POST", f"/costs/interval/{place}", {}, direction="IMPORT", **aggregation),
        )
    check("energy_cost", zero.call("POST", "/costs/session/s"))
    window = {"start_time": HOUR["start_time"], "end_time": HOUR["end_time"]}
    check(
        "tariff_rate", zero.call("GET", f"/tariffs/rates/{place}", include_tariff="true", **window)
    )


def test_refusals_fit_the_description(zero, place):
    check("not_found", zero.call("GET", "/devices/dev_0", status=404))
    check("not_available", zero.call("GET", f"/tariffs/rates/{place}", status=422))
    check(
        "not_available",
        zero.call("GET", f"/tariffs/rates/{place}", end_time=HOUR["end_time"], status=422),
    )
    zero.token = ""
    check("bad_credentials", zero.call("GET", "/devices", status=403))


def test_the_description_rejects_wrong_answers():
    with pytest.raises(jsonschema.ValidationError):
        check("device", {"id": "dev_1"})
    with pytest.raises(jsonschema.ValidationError):
        check("energy_cost", {"account_id": "a", "data": [{"start_time": 1}]})


def rows(answer, name):
    return [
        (row["energy"]["value"], row[name]["value"], row[name]["confidence"])
        for row in answer["data"]
    ]


@pytest.mark.parametrize("aggregation", [{}, {"aggregation": "DAY"}, {"aggregation": "MONTH"}])
@pytest.mark.parametrize(
    ("direction", "rate"), [("IMPORT", "IMPORT"), ("EXPORT", "EXPORT"), ("IMPORT", "LOCAL")]
)
def test_both_generations_give_the_same_numbers(zero, place, direction, rate, aggregation):
    """At one price, Anode's rows of the usual flow equal Zero's rows of that flow and rate."""
    path = f"/costs/interval/{place}"
    there = zero.call("POST", path, {}, direction=direction, tariff_rate=rate, **aggregation)
    here = zero.call("POST", path, {}, version=ANODE, tariff_direction=rate, **aggregation)
    here["data"] = [row for row in here["data"] if "energy_flow_direction" not in row]
    assert rows(there, "tariff") == rows(here, "cost")
    assert len(here["data"]) == 1


def test_zero_sums_a_flow_at_all_its_prices(zero, place):
    """Own generation is in the import report at a price of 0 (documented for Zero)."""
    path = f"/costs/interval/{place}"
    answer = zero.call("POST", path, {}, direction="IMPORT", aggregation="DAY")
    assert rows(answer, "tariff") == [(7000, pytest.approx(0.6), 1.0)]
    assert answer["direction"] == "IMPORT"
    assert rows(zero.call("POST", path, {}, direction="EXPORT", aggregation="DAY"), "tariff") == [
        (10_000, pytest.approx(0.3 + 7 * 0.3), 1.0)
    ]
    avoided = zero.call(
        "POST", path, {}, direction="EXPORT", tariff_rate="IMPORT", aggregation="DAY"
    )
    assert rows(avoided, "tariff") == [(7000, pytest.approx(2.1), 1.0)]


def test_zero_has_no_local_direction(zero, place):
    answer = zero.call("POST", f"/costs/interval/{place}", {}, direction="LOCAL", status=422)
    assert answer["code"] == "tariff_direction_invalid"
    assert zero.call("POST", f"/costs/interval/{place}", {}, tariff_rate="x", status=422)


def test_both_generations_give_the_same_prices(zero, place):
    window = {"start_time": "2026-01-10T10:00:00Z", "end_time": "2026-01-11T00:00:00+01:00"}
    there = zero.call("GET", f"/tariffs/rates/{place}", **window)
    here = zero.call("POST", f"/prices/{place}", window, version=ANODE)
    assert [
        (row["valid_from"], row["valid_to"], *row["tariff"].values()) for row in there["data"]
    ] == [(row["valid_from"], row["valid_to"], *row["price"].values()) for row in here["data"]]
    assert len(there["data"]) == 2


def test_the_instant_record_uses_zeros_names(zero, place):
    record = HOUR | {"location_id": place, "value": 1, "direction": "EXPORT"}
    answer = zero.call("POST", "/costs/instant", record, non_persistent="true")
    assert (answer["direction"], answer["tariff_rate"], answer["carbon_units"]) == (
        "EXPORT",
        "EXPORT",
        "gCO2eq",
    )
    assert answer["request"]["measurand"] == "TRANSFERRED"
    assert answer["data"]["tariff"]["value"] == pytest.approx(0.1)
