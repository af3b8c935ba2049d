"""Costs of single records, stored and simulated."""

from datetime import UTC, datetime, timedelta

import httpx
import pandas as pd
import polars as pl
import pytest

from flipkit.errors import (
    ConnectionFailed,
    FlipkitError,
    InputError,
    MissingColumnError,
    UnexpectedAnswer,
)
from flipkit.frames import INSTANT_COSTS, library_of

START = datetime(2025, 6, 1, tzinfo=UTC)
RECORD = {
    "location_id": "loc_1",
    "units": "W",
    "value": 20567,
    "start_utc": datetime(2025, 6, 1, 10, 30, tzinfo=UTC),
    "end_utc": "2025-06-01T13:00:00+02:00",
}


def priced(call, echo="as asked", **more):
    """An instant cost: energy from the record, 0.3 per kWh."""
    body = call.body
    begin, end = (datetime.fromisoformat(body[name]) for name in ("start_time", "end_time"))
    power = body["units"] in ("W", "KW")
    hours = (end - begin) / timedelta(hours=1) if power else 1
    wh = body["value"] * hours * (1000 if body["units"].startswith("K") else 1)
    asked = call.query.get("non_persistent") == "true"
    return {
        "id": "mre_1",
        "object": "meter_record",
        "live_mode": False,
        "energy_flow_direction": body["energy_flow_direction"],
        "tariff_direction": body["tariff_direction"],
        "currency_code": "GBP",
        "energy_units": "WH",
        "request": {**body, "non_persistent": asked} if echo == "as asked" else echo,
        "data": {
            "start_time": body["start_time"],
            "end_time": body["end_time"],
            "energy": {"value": int(wh + 0.5)},
            "cost": {"value": wh / 1000 * 0.3, "confidence": 1},
        },
        "time_created": "2025-06-01T12:00:00Z",
        **more,
    }


@pytest.mark.parametrize("non_persistent", [False, True])
def test_the_documented_example(service, flatpeak, rows, non_persistent):
    service.answers["POST /costs/instant"] = priced
    found = rows(
        flatpeak.instant_cost({**RECORD, "record_reference_id": "r"}, non_persistent=non_persistent)
    )
    assert service.last.query == ({"non_persistent": "true"} if non_persistent else {})
    assert service.last.body == {
        "location_id": "loc_1",
        "energy_flow_direction": "INBOUND",
        "tariff_direction": "IMPORT",
        "units": "W",
        "value": 20567.0,
        "start_time": "2025-06-01T10:30:00Z",
        "end_time": "2025-06-01T11:00:00Z",
        "record_reference_id": "r",
    }
    assert len(found) == 1
    assert found[0] == {
        "row": 0,
        "location_id": "loc_1",
        "device_id": None,
        "start_utc": datetime(2025, 6, 1, 10, 30, tzinfo=UTC),
        "end_utc": datetime(2025, 6, 1, 11, tzinfo=UTC),
        "energy_flow_direction": "INBOUND",
        "tariff_direction": "IMPORT",
        "energy_kwh": 10.284,
        "cost": pytest.approx(3.08505),
        "currency": "GBP",
        "confidence": 1.0,
        "session_reference_id": None,
        "record_reference_id": "r",
        "finding": None,
    }


def test_a_stored_record_is_not_sent_twice_and_a_simulated_one_may_be(service, flatpeak):
    service.answers["POST /costs/instant"] = (503, {"message": "busy"})
    with pytest.raises(FlipkitError):
        flatpeak.instant_cost(RECORD)
    assert len(service.calls) == 1
    answers = iter([False, True])
    service.answers["POST /costs/instant"] = lambda call: (
        priced(call) if next(answers) else (503, {})
    )
    flatpeak.instant_cost(RECORD, non_persistent=True)
    assert len(service.calls) == 3
    service.answers["POST /costs/instant"] = httpx.ReadTimeout("lost")
    with pytest.raises(ConnectionFailed, match="look before you send it again"):
        flatpeak.instant_cost(RECORD)


@pytest.mark.parametrize("records", [[], [RECORD, RECORD]])
def test_instant_cost_takes_one_record(service, flatpeak, records):
    with pytest.raises(InputError, match="one record"):
        flatpeak.instant_cost(records)
    assert service.calls == []


def half_hours(number):
    return [
        {
            "location_id": f"loc_{i % 3}",
            "device_id": f"dev_{i}" if i % 2 else None,
            "energy_flow_direction": "OUTBOUND" if i % 5 == 0 else None,
            "units": "KWH",
            "value": float(i),
            "start_utc": START + timedelta(minutes=30 * i),
            "end_utc": START + timedelta(minutes=30 * (i + 1)),
        }
        for i in reversed(range(number))
    ]


def test_simulated_costs_keep_the_order_and_leave_no_trace(service, flatpeak, rows):
    service.answers["POST /costs/instant"] = priced
    records = half_hours(50)
    found = rows(flatpeak.simulate_costs(records))
    assert all(call.query == {"non_persistent": "true"} for call in service.calls)
    assert [call.path for call in service.calls] == ["/costs/instant"] * 50
    assert [r["row"] for r in found] == list(range(50))
    for row, record in zip(found, records, strict=True):
        assert row["energy_kwh"] == record["value"]
        assert row["cost"] == pytest.approx(record["value"] * 0.3)
        assert (row["location_id"], row["device_id"]) == (
            record["location_id"],
            record["device_id"],
        )
        assert row["start_utc"] == record["start_utc"]
        assert row["tariff_direction"] == (
            "EXPORT" if record["energy_flow_direction"] else "IMPORT"
        )


@pytest.mark.parametrize("echo", [{"non_persistent": False}, {}, None])
def test_after_the_first_record_that_may_have_been_stored_no_more_are_sent(service, flatpeak, echo):
    service.answers["POST /costs/instant"] = lambda call: priced(call, echo=echo)
    with pytest.raises(UnexpectedAnswer, match="mre_1"):
        flatpeak.simulate_costs(half_hours(40))
    assert len(service.calls) == 1


@pytest.mark.parametrize(
    ("row", "change", "words"),
    [
        (3, {"units": "MWH"}, "units is 'MWH'"),
        (0, {"value": None}, "value is missing"),
        (2, {"start_utc": "2025-06-01T00:00:00"}, "no zone"),
        (1, {"location_id": "../x"}, "not allowed"),
    ],
)
def test_a_bad_record_is_named_and_nothing_is_sent(service, flatpeak, row, change, words):
    records = half_hours(5)
    records[row] = {**records[row], **change}
    with pytest.raises(InputError, match=rf"row {row}: .*{words}"):
        flatpeak.simulate_costs(records)
    with pytest.raises(InputError, match=words):
        flatpeak.instant_cost(records[row])
    assert service.calls == []


def test_many_bad_records_are_counted(flatpeak):
    with pytest.raises(InputError, match=r"8 of 8 records.*and 3 more"):
        flatpeak.simulate_costs([{**record, "value": -1} for record in half_hours(8)])


def test_no_records_are_an_empty_frame_and_a_missing_column_is_named(flatpeak):
    frame = flatpeak.simulate_costs([])
    assert len(frame) == 0
    assert list(frame.columns) == list(INSTANT_COSTS.names)
    with pytest.raises(MissingColumnError, match="end_utc"):
        flatpeak.simulate_costs(
            [{name: RECORD[name] for name in ("location_id", "units", "value", "start_utc")}]
        )


@pytest.mark.parametrize("make", [pd.DataFrame, pl.DataFrame])
def test_a_frame_comes_back_as_its_own_library(service, flatpeak, make):
    service.answers["POST /costs/instant"] = priced
    frame = make(half_hours(3))
    assert library_of(flatpeak.simulate_costs(frame)) == library_of(frame)
    assert library_of(flatpeak.instant_cost(frame[:1])) == library_of(frame)
    assert library_of(flatpeak.instant_cost(RECORD)) == flatpeak.frames


def test_zero_has_its_own_routes_and_fields(service, rows):
    def zero(call):
        body = call.body
        assert set(body) == {
            "location_id",
            "direction",
            "tariff_rate",
            "units",
            "value",
            "start_time",
            "end_time",
        }
        answer = priced(type(call)(call.method, call.path, call.query, _anode(body), call.headers))
        answer["direction"], answer["tariff_rate"] = body["direction"], body["tariff_rate"]
        answer["data"]["tariff"] = answer["data"].pop("cost")
        del answer["energy_flow_direction"], answer["tariff_direction"]
        return answer

    service.answers["POST /costs/instant"] = zero
    client = service.client(version="2024-08-24.zero")
    record = {**RECORD, "energy_flow_direction": "outbound", "tariff_direction": "IMPORT"}
    found = rows(client.simulate_costs([record]))[0]
    assert service.last.query == {"include_tariff": "true", "non_persistent": "true"}
    assert (service.last.body["direction"], service.last.body["tariff_rate"]) == (
        "EXPORT",
        "IMPORT",
    )
    assert (found["energy_flow_direction"], found["tariff_direction"]) == ("OUTBOUND", "IMPORT")
    assert found["energy_kwh"] == 10.284


def _anode(body):
    return {
        **body,
        "energy_flow_direction": body["direction"],
        "tariff_direction": body["tariff_rate"],
    }


def test_likely_slips_are_in_the_row_of_each_record(service, flatpeak, rows):
    service.answers["POST /costs/instant"] = priced
    plain = [{**record, "value": 0.2 + (n % 7) / 9} for n, record in enumerate(half_hours(48))]
    found = rows(flatpeak.simulate_costs(plain))
    assert {row["finding"] for row in found} == {None}
    at_once = {"energy_flow_direction": None, "device_id": None, "location_id": "loc_1"}
    in_wh = [{**record, "value": 1000 * record["value"], **at_once} for record in plain]
    found = rows(flatpeak.simulate_costs(in_wh))
    [text] = {row["finding"] for row in found}
    assert text.startswith("energy.unit: location ")
    assert "(row" not in text
    [single] = rows(flatpeak.instant_cost({**plain[0], "value": 600.0}, non_persistent=True))
    assert single["finding"] == "records.power: mean power above 1 MW, check the unit"
