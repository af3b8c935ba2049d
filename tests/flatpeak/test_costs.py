"""Cost reports: what is requested, and what the frame contains."""

from collections import Counter
from datetime import UTC, date, datetime, timedelta, timezone

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flipkit.errors import InputError, NaiveTimestampError, PriceUnavailable, UnexpectedAnswer
from flipkit.frames import COSTS, facts

JUNE = ("2025-06-01T00:00:00Z", "2025-07-01T00:00:00Z")


def cost_row(start, minutes=30, wh=1500, cost=0.45, **more):
    begin = datetime.fromisoformat(start)
    end = (begin + timedelta(minutes=minutes)).isoformat().replace("+00:00", "Z")
    money = {"value": cost, "confidence": 1}
    return {"start_time": start, "end_time": end, "energy": {"value": wh}, "cost": money, **more}


def report(*rows, **more):
    return {
        "id": "ecs_1",
        "object": "energy_cost",
        "account_id": "acc_1",
        "currency_code": "GBP",
        "energy_units": "WH",
        "location_timezone": "Europe/London",
        "data": list(rows),
        **more,
    }


def test_the_request_has_its_parameters_in_query_and_body_and_in_utc(service, flatpeak):
    service.answers["POST /costs/interval/loc_1"] = report()
    zone = timezone(timedelta(hours=1))
    flatpeak.cost_by_interval(
        "loc_1",
        datetime(2025, 6, 1, 1, tzinfo=zone),
        pd.Timestamp("2025-07-01", tz="UTC"),
        aggregation="MONTH",
    )
    assert service.last.query == {"tariff_direction": "IMPORT", "aggregation": "MONTH"}
    assert service.last.body == {
        "start_time": JUNE[0],
        "end_time": JUNE[1],
        "tariff_direction": "IMPORT",
    }


def test_rows_become_columns(service, flatpeak, rows):
    service.answers["POST /costs/interval/loc_1"] = report(
        cost_row("2025-06-01T10:30:00Z", record_reference_id="r")
    )
    frame = flatpeak.cost_by_interval("loc_1", *JUNE, tariff_direction="EXPORT")
    assert rows(frame) == [
        {
            "object_id": "loc_1",
            "start_utc": datetime(2025, 6, 1, 10, 30, tzinfo=UTC),
            "end_utc": datetime(2025, 6, 1, 11, tzinfo=UTC),
            "tariff_direction": "EXPORT",
            "energy_kwh": 1.5,
            "cost": 0.45,
            "currency": "GBP",
            "confidence": 1.0,
            "session_reference_id": None,
            "record_reference_id": "r",
            "timezone": "Europe/London",
            "energy_flow_direction": None,
        }
    ]
    noted = facts(frame)
    assert noted["service"] == "flatpeak"
    assert noted["data_time_utc"] == "2025-06-01T12:00:00Z"
    assert noted["query"]["cost_by_interval"]["object_id"] == ["loc_1"]


@pytest.mark.parametrize("data", [[], None])
def test_no_rows_have_the_same_columns(service, flatpeak, data):
    service.answers["POST /costs/interval/loc_1"] = report(data=data)
    service.answers["POST /costs/interval/loc_2"] = report(cost_row("2025-06-01T10:30:00Z"))
    empty, full = (flatpeak.cost_by_interval(one, *JUNE) for one in ("loc_1", "loc_2"))
    assert len(empty) == 0
    assert list(empty.columns) == list(full.columns) == list(COSTS.names)
    assert list(empty.dtypes) == list(full.dtypes)
    assert len(flatpeak.cost_by_interval([], *JUNE)) == 0


starts = st.integers(0, 40).map(
    lambda half_hours: datetime(2025, 6, 1) + timedelta(minutes=30 * half_hours)
)
part = st.lists(
    st.tuples(starts, st.sampled_from([30, 60]), st.sampled_from(["a", None])), max_size=8
)


@settings(deadline=None)
@given(
    parts=st.dictionaries(st.sampled_from(["loc_1", "loc_2", "dev_1", "dev_2"]), part),
    zone=st.sampled_from([0, 1]),
)
def test_many_objects_are_one_sorted_frame(make_service, rows, parts, zone):
    service = make_service()
    clock = timezone(timedelta(hours=zone))
    for one, entries in parts.items():
        made = [
            cost_row(t.replace(tzinfo=UTC).astimezone(clock).isoformat(), m, record_reference_id=r)
            for t, m, r in entries
        ]
        service.answers[f"POST /costs/interval/{one}"] = report(*made, currency_code=f"C{one}")
    with service.client() as client:
        found = rows(client.cost_by_interval(list(parts) * 2, *JUNE))
    expected = [
        (one, t.replace(tzinfo=UTC), (t + timedelta(minutes=m)).replace(tzinfo=UTC), r, f"C{one}")
        for one, entries in parts.items()
        for t, m, r in entries
    ]
    got = [
        (r["object_id"], r["start_utc"], r["end_utc"], r["record_reference_id"], r["currency"])
        for r in found
    ]
    assert [key[:3] for key in got] == sorted(key[:3] for key in expected)
    assert Counter(got) == Counter(expected)
    assert len(service.calls) == len(parts)


@pytest.mark.parametrize(("units", "kwh"), [("WH", 1.5), ("KWH", 1500.0)])
def test_energy_units(service, flatpeak, rows, units, kwh):
    service.answers["POST /costs/interval/loc_1"] = report(
        cost_row("2025-06-01T00:00:00Z"), energy_units=units
    )
    assert rows(flatpeak.cost_by_interval("loc_1", *JUNE))[0]["energy_kwh"] == kwh


BROKEN = {
    "data": {"energy_units": "MJ", "rows": {}},
    "start_time": {"rows": {"start_time": "2025-06-01T00:00:00"}},
    "end_time": {"rows": {"end_time": "noon"}},
    "energy": {"rows": {"energy": None}},
    "value": {"rows": {"energy": {}}},
    "cost": {"rows": {"cost": {"value": None, "confidence": 1}}},
    "confidence": {"rows": {"cost": {"value": 1}}},
    "account_id": {"account_id": None, "rows": {}},
}


@pytest.mark.parametrize("field", BROKEN)
def test_an_answer_that_breaks_the_contract_names_the_field(service, flatpeak, field):
    more = dict(BROKEN[field])
    row = {**cost_row("2025-06-01T00:00:00Z"), **more.pop("rows")}
    service.answers["POST /costs/interval/loc_1"] = report(row, **more)
    with pytest.raises(UnexpectedAnswer, match="MJ" if field == "data" else field) as caught:
        flatpeak.cost_by_interval("loc_1", *JUNE)
    assert "/costs/interval/loc_1" in str(caught.value)


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("pending_connect", "being connected"),
        ("no_tariff_connected", "create_tariff"),
        ("no_price_data", "no price"),
    ],
)
def test_a_missing_price_says_what_to_do_and_is_not_requested_again(service, flatpeak, code, words):
    envelope = {"object": "error", "type": "invalid_request", "code": code, "message": "Sorry"}
    service.answers["POST /costs/interval/loc_1"] = (422, envelope)
    with pytest.raises(PriceUnavailable, match="15 minutes") as caught:
        flatpeak.cost_by_interval("loc_1", *JUNE)
    assert words in str(caught.value)
    assert caught.value.code == code
    assert len(service.calls) == 1


@pytest.mark.parametrize(
    ("start", "end", "error"),
    [
        ("2025-06-01T00:00:00", JUNE[1], NaiveTimestampError),
        ("2025-06-31", None, InputError),
        (JUNE[0], None, InputError),
        (JUNE[0], datetime(2025, 7, 1), NaiveTimestampError),
        (JUNE[0], JUNE[0], InputError),
        (JUNE[1], JUNE[0], InputError),
        (None, JUNE[1], InputError),
        (np.datetime64("2025-06-01"), JUNE[1], InputError),
        (pd.NaT, JUNE[1], InputError),
    ],
)
def test_times_need_a_zone_and_an_order(service, flatpeak, start, end, error):
    with pytest.raises(error):
        flatpeak.cost_by_interval("loc_1", start, end)
    assert service.calls == []


def location(key, zone):
    return {
        "id": key,
        "live_mode": False,
        "time_created": "2025-01-01T00:00:00Z",
        "timezone": zone,
    }


@pytest.mark.parametrize(
    ("start", "end", "first", "last"),
    [
        ("2025-06", None, "2025-05-31T23:00:00Z", "2025-06-30T23:00:00Z"),
        ("2025", None, "2025-01-01T00:00:00Z", "2026-01-01T00:00:00Z"),
        ("2025-06-01", "2025-06-02", "2025-05-31T23:00:00Z", "2025-06-02T23:00:00Z"),
        (date(2025, 6, 1), date(2025, 6, 30), "2025-05-31T23:00:00Z", "2025-06-30T23:00:00Z"),
        (pd.Period("2025-06", "M"), None, "2025-05-31T23:00:00Z", "2025-06-30T23:00:00Z"),
    ],
)
def test_local_dates_are_those_of_the_location(service, flatpeak, start, end, first, last):
    service.answers["GET /locations/loc_1"] = location("loc_1", "Europe/London")
    service.answers["POST /costs/interval/loc_1"] = report()
    flatpeak.cost_by_interval("loc_1", start, end)
    assert [call.path for call in service.calls] == ["/locations/loc_1", "/costs/interval/loc_1"]
    assert (service.last.body["start_time"], service.last.body["end_time"]) == (first, last)


def test_each_location_has_its_own_local_month(service, flatpeak):
    zones = {"loc_1": "Europe/London", "loc_2": "America/New_York"}
    for key, zone in zones.items():
        service.answers[f"GET /locations/{key}"] = location(key, zone)
        service.answers[f"POST /costs/interval/{key}"] = report()
    flatpeak.cost_by_interval(list(zones), "2025-06")
    starts = {call.path: call.body["start_time"] for call in service.calls if call.body}
    assert starts == {
        "/costs/interval/loc_1": "2025-05-31T23:00:00Z",
        "/costs/interval/loc_2": "2025-06-01T04:00:00Z",
    }


def test_local_dates_of_a_device_are_refused_and_say_what_to_do(service, flatpeak):
    with pytest.raises(InputError, match=r"dev_1.*datetimes with a zone, or use fk\.cost_report"):
        flatpeak.cost_by_interval(["dev_1", "loc_1"], "2025-06")
    assert service.calls == []


def test_a_location_without_a_time_zone_is_named(service, flatpeak):
    service.answers["GET /locations/loc_1"] = location("loc_1", None)
    with pytest.raises(UnexpectedAnswer, match="loc_1 has no `timezone`"):
        flatpeak.cost_by_interval("loc_1", "2025-06")


@pytest.mark.parametrize(
    "options",
    [
        {"tariff_direction": "BOTH"},
        {"tariff_direction": None},
        {"aggregation": "WEEK"},
        {"object_id": 7},
        {"object_id": ""},
    ],
)
def test_invalid_requests_are_not_sent(service, flatpeak, options):
    arguments = {"object_id": "loc_1", "start": JUNE[0], "end": JUNE[1], **options}
    with pytest.raises(InputError):
        flatpeak.cost_by_interval(**arguments)
    assert service.calls == []


def test_the_costs_of_a_session(service, flatpeak, rows):
    made = [cost_row("2025-06-01T11:00:00Z"), cost_row("2025-06-01T10:30:00Z")]
    service.answers["POST /costs/session/S%201"] = report(*made, object_id="dev_1")
    found = rows(flatpeak.cost_by_session("S 1", tariff_direction="LOCAL"))
    assert service.last.query == {"tariff_direction": "LOCAL"}
    assert service.last.body is None
    assert [r["start_utc"].hour for r in found] == [10, 11]
    assert {(r["object_id"], r["session_reference_id"], r["tariff_direction"]) for r in found} == {
        ("dev_1", "S 1", "LOCAL")
    }


def test_zero_has_its_own_routes_and_fields(service, frames_library, rows):
    client = service.client(version="2024-08-24.zero", frames=frames_library)
    row = cost_row("2025-06-01T10:30:00Z")
    row["tariff"] = row.pop("cost")
    row["carbon"] = {"value": 1, "confidence": 1}
    service.answers["POST /costs/interval/loc_1"] = service.answers["POST /costs/session/s"] = (
        report(row)
    )
    found = rows(
        client.cost_by_interval("loc_1", *JUNE, tariff_direction="EXPORT", aggregation="DAY")
    )
    words = {"direction": "EXPORT", "tariff_rate": "EXPORT", "include_tariff": "true"}
    assert service.last.query == {**words, "aggregation": "DAY"}
    assert service.last.body == {"start_time": JUNE[0], "end_time": JUNE[1]}
    assert service.last.headers["flatpeak-version"] == "2024-08-24.zero"
    assert (found[0]["cost"], found[0]["energy_kwh"], found[0]["tariff_direction"]) == (
        0.45,
        1.5,
        "EXPORT",
    )
    assert rows(client.cost_by_session("s"))[0]["cost"] == 0.45
    with pytest.raises(InputError, match="Zero"):
        client.cost_by_interval("loc_1", *JUNE, tariff_direction="LOCAL")
    service.answers["POST /costs/interval/loc_1"] = (
        422,
        {"message": "Connect is processing link to tariff source."},
    )
    with pytest.raises(PriceUnavailable) as caught:
        client.cost_by_interval("loc_1", *JUNE)
    assert caught.value.code == "pending_connect"
