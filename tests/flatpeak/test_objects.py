"""Devices, locations, tariffs."""

from datetime import UTC, datetime

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flipkit.errors import (
    ConnectionFailed,
    FlipkitError,
    InputError,
    InvalidRequest,
    NotFound,
    UnexpectedAnswer,
)
from flipkit.tariffs import Tariff

NOON = "2025-06-01T12:00:00Z"


def device(number, reference=None, **more):
    return {
        "id": f"dev_{number:04d}",
        "object": "device",
        "live_mode": False,
        "reference_id": reference or f"ref-{number}",
        "time_created": NOON,
        "account_id": "acc_1",
        **more,
    }


def pages(objects, largest=100):
    """A list endpoint: newest first, cursors by id."""

    def answer(call):
        limit = min(int(call.query.get("limit", 30)), largest)
        wanted = call.query.get("reference_id")
        found = [o for o in reversed(objects) if wanted in (None, o["reference_id"])]
        after = call.query.get("starting_after")
        first = next((i + 1 for i, o in enumerate(found) if o["id"] == after), 0)
        page = found[first : first + limit]
        return {
            "object": "list",
            "url": call.path,
            "has_more": first + limit < len(found),
            "data": page,
        }

    return answer


@settings(deadline=None)
@given(number=st.integers(0, 25), largest=st.integers(1, 7))
def test_every_page_is_read_and_nothing_twice(make_service, rows, number, largest):
    service = make_service()
    service.answers["GET /devices"] = pages([device(i) for i in range(number)], largest)
    with service.client() as client:
        assert [r["device_id"] for r in rows(client.devices())] == [
            f"dev_{i:04d}" for i in range(number)
        ]
    assert len(service.calls) == max(1, -(-number // largest))
    assert all(call.query["limit"] == "100" for call in service.calls)


def test_devices_are_typed_and_sorted(service, flatpeak, rows):
    service.answers["GET /devices"] = pages(
        [device(2, last_seen="2025-06-01T14:00:00+02:00"), device(1, None, new=1)]
    )
    assert rows(flatpeak.devices()) == [
        {
            "device_id": "dev_0001",
            "reference_id": "ref-1",
            "last_seen_utc": None,
            "created_utc": datetime(2025, 6, 1, 12, tzinfo=UTC),
            "live_mode": False,
        },
        {
            "device_id": "dev_0002",
            "reference_id": "ref-2",
            "last_seen_utc": datetime(2025, 6, 1, 12, tzinfo=UTC),
            "created_utc": datetime(2025, 6, 1, 12, tzinfo=UTC),
            "live_mode": False,
        },
    ]


@pytest.mark.parametrize(
    "stamp", ["2025-06-01T12:00:00", "2025-06-01T12:00:00.000", "2025-06-01T14:00:00+02:00", NOON]
)
def test_timestamps_of_the_service_without_a_zone_are_utc(service, flatpeak, rows, stamp):
    service.answers["GET /devices"] = pages([device(1, time_created=stamp)])
    assert rows(flatpeak.devices())[0]["created_utc"] == datetime(2025, 6, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize("data", [[], None])
def test_an_endless_list_is_an_error(service, flatpeak, data):
    service.answers["GET /devices"] = {"has_more": True, "data": data}
    with pytest.raises(UnexpectedAnswer, match="has_more"):
        flatpeak.devices()
    service.answers["GET /devices"] = {"has_more": True, "data": [device(1)]}
    with pytest.raises(UnexpectedAnswer, match="has_more"):
        flatpeak.devices()


@pytest.mark.parametrize("field", ["id", "reference_id", "live_mode", "time_created"])
def test_a_missing_required_field_is_named(service, flatpeak, field):
    broken = device(1)
    del broken[field]
    service.answers["GET /devices"] = {"has_more": False, "data": [broken]}
    with pytest.raises(UnexpectedAnswer, match=f"`{field}`"):
        flatpeak.devices()


def test_create_device_sends_the_reference_once(service, flatpeak):
    service.answers["POST /devices"] = (
        201,
        {"id": "dev_1", "object": "device", "reference_id": "r"},
    )
    assert flatpeak.create_device("r") == "dev_1"
    assert service.last.body == {"reference_id": "r"}
    service.answers["POST /devices"] = (503, {})
    before = len(service.calls)
    with pytest.raises(FlipkitError):
        flatpeak.create_device("r")
    assert len(service.calls) == before + 1


def test_ensure_device_takes_the_oldest_that_has_the_reference(service, flatpeak):
    old = device(3, "r", time_created="2024-01-01T00:00:00Z")
    # A service that ignores the filter must not make it take another's device.
    service.answers["GET /devices"] = {
        "has_more": False,
        "data": [device(1, "other"), device(2, "r"), old],
    }
    assert flatpeak.ensure_device("r") == "dev_0003"
    assert service.last.query["reference_id"] == "r"


def test_ensure_device_creates_a_missing_device(service, flatpeak):
    service.answers["GET /devices"] = {"has_more": False, "data": []}
    service.answers["POST /devices"] = (201, {"id": "dev_9"})
    assert flatpeak.ensure_device("r") == "dev_9"


def test_ensure_device_looks_again_when_the_answer_was_lost(service, flatpeak):
    made = []

    def lose(call):
        made.append(device(9, call.body["reference_id"]))
        raise httpx.ReadTimeout("lost")

    service.answers["GET /devices"] = lambda call: {"has_more": False, "data": made}
    service.answers["POST /devices"] = lose
    assert flatpeak.ensure_device("r") == "dev_0009"
    assert len(made) == 1
    service.answers["POST /devices"] = httpx.ReadTimeout("lost before it arrived")
    with pytest.raises(ConnectionFailed):
        flatpeak.ensure_device("another")


@pytest.mark.parametrize("reference", ["", None, 7])
def test_a_reference_must_be_a_string(service, flatpeak, reference):
    for call in (flatpeak.create_device, flatpeak.ensure_device):
        with pytest.raises(InputError, match="reference_id"):
            call(reference)
    assert service.calls == []


def test_update_and_delete(service, flatpeak):
    service.answers["PATCH /devices/dev_1"] = device(1)
    service.answers["DELETE /devices/dev_1"] = (202, {"message": "Accepted"})
    flatpeak.update_device("dev_1", "new")
    assert service.last.body == {"reference_id": "new"}
    flatpeak.delete_device("dev_1")
    with pytest.raises(NotFound):
        flatpeak.delete_device("dev_2")
    answers = iter([httpx.ReadTimeout("lost"), (404, {"message": "Not Found"})])
    service.answers["DELETE /devices/dev_3"] = lambda call: next(answers)
    flatpeak.delete_device("dev_3")  # the first try arrived


@pytest.mark.parametrize("id_", ["..", "../devices", "a/../b", "", "dev\n1"])
def test_an_id_cannot_leave_its_path_segment(service, flatpeak, id_):
    for call in (
        flatpeak.delete_device,
        flatpeak.location,
        flatpeak.location_status,
        flatpeak.delete_tariff,
    ):
        with pytest.raises(InputError):
            call(id_)
    assert service.calls == []


LOCATION = {
    "id": "loc_1",
    "object": "location",
    "live_mode": True,
    "reference_id": "site-1",
    "timezone": "Europe/London",
    "currency_code": "GBP",
    "postal_address": {"city": "London", "country_code": "GB", "state": "", "address_line2": "x"},
    "tariff_status": {
        "commodity_import": "CONNECTED",
        "commodity_export": "A_NEW_WORD",
        "local": None,
    },
    "geo_location": {"lat": 1, "lng": 2},
    "time_created": NOON,
    "account_id": "acc_1",
}


def test_a_location_is_a_row(service, flatpeak, rows):
    service.answers["GET /locations/loc_1"] = LOCATION
    service.answers["GET /locations"] = {"has_more": False, "data": [LOCATION]}
    expected = {
        "location_id": "loc_1",
        "reference_id": "site-1",
        "customer_id": None,
        "timezone": "Europe/London",
        "currency": "GBP",
        "country_code": "GB",
        "state": None,
        "city": "London",
        "post_code": None,
        "tariff_commodity_import": "CONNECTED",
        "tariff_commodity_export": "A_NEW_WORD",
        "tariff_non_commodity_import": None,
        "tariff_local": None,
        "created_utc": datetime(2025, 6, 1, 12, tzinfo=UTC),
        "live_mode": True,
    }
    assert rows(flatpeak.location("loc_1")) == [expected]
    assert rows(flatpeak.locations()) == [expected]


def test_a_bare_location_is_a_row_of_nulls(service, flatpeak, rows):
    service.answers["GET /locations/loc_1"] = {
        "id": "loc_1",
        "live_mode": False,
        "time_created": NOON,
    }
    row = rows(flatpeak.location("loc_1"))[0]
    assert {name for name, value in row.items() if value is not None} == {
        "location_id",
        "live_mode",
        "created_utc",
    }


def test_create_location_sends_the_given_fields(service, flatpeak):
    service.answers["POST /locations"] = (201, LOCATION)
    made = flatpeak.create_location(
        "site-1", city="Austin", country_code="US", state="TX", customer_id="cus_1"
    )
    assert made == "loc_1"
    address = {"city": "Austin", "country_code": "US", "state": "TX"}
    assert service.last.body == {
        "reference_id": "site-1",
        "customer_id": "cus_1",
        "postal_address": address,
    }
    service.answers["POST /locations"] = (409, {"message": "Conflict"})
    with pytest.raises(InvalidRequest, match="Conflict"):
        flatpeak.create_location("site-1", city="Austin", country_code="US")


def test_location_status_has_one_row_per_slot(service, flatpeak, rows):
    tariff = {
        "id": "trf_1",
        "display_name": "Go",
        "structure_type": "FIXED",
        "contract_end_date": "2026-01-01T00:00:00Z",
    }
    provider = {"id": "prv_1", "display_name": "Octopus Energy", "logo_url": "https://x"}
    service.answers["GET /locations/loc_1/status"] = {
        "id": "loc_1",
        "object": "location_status",
        "tariff_status": {
            "commodity_import": {
                "status": "CONNECTED",
                "connection_type": "DIRECT",
                "provider": provider,
                "tariff": tariff,
            },
            "commodity_export": {
                "status": "NOT_CONNECTED",
                "connection_type": "",
                "provider": {"display_name": ""},
            },
            "non_commodity_import": {"elements": [], "status": "NOT_CONNECTED"},
            "local": None,
        },
    }
    found = rows(flatpeak.location_status("loc_1"))
    assert [row["slot"] for row in found] == [
        "commodity_export",
        "commodity_import",
        "local",
        "non_commodity_import",
    ]
    assert found[1] == {
        "location_id": "loc_1",
        "slot": "commodity_import",
        "status": "CONNECTED",
        "connection_type": "DIRECT",
        "provider": "Octopus Energy",
        "tariff_id": "trf_1",
        "display_name": "Go",
        "structure_type": "FIXED",
        "contract_end_utc": datetime(2026, 1, 1, tzinfo=UTC),
    }
    empty = {name: value for name, value in found[0].items() if value is not None}
    assert empty == {"location_id": "loc_1", "slot": "commodity_export", "status": "NOT_CONNECTED"}


TARIFF = {
    "id": "trf_1",
    "object": "tariff",
    "location_id": "loc_1",
    "type": "COMMODITY",
    "display_name": "Night saver",
    "market_rates": False,
    "contract_start_date": "2025-01-01",
    "contract_end_date": "9999-12-31T00:00:00Z",
    "status": "CONNECTED",
}


@pytest.mark.parametrize("field", ["direction", "tariff_direction"])
@pytest.mark.parametrize(
    ("version", "path"),
    [("2025-09-14.anode", "/tariffs"), ("2024-08-24.zero", "/tariffs/elements")],
)
def test_tariffs_of_a_location(service, frames_library, rows, field, version, path):
    service.answers[f"GET {path}"] = {"has_more": False, "data": [{**TARIFF, field: "IMPORT"}]}
    found = rows(service.client(frames=frames_library, version=version).tariffs("loc_1"))
    assert service.last.query["location_id"] == "loc_1"
    assert found == [
        {
            "tariff_id": "trf_1",
            "location_id": "loc_1",
            "tariff_direction": "IMPORT",
            "tariff_type": "COMMODITY",
            "display_name": "Night saver",
            "market_rates": False,
            "contract_start_utc": datetime(2025, 1, 1, tzinfo=UTC),
            "contract_end_utc": datetime(9999, 12, 31, tzinfo=UTC),
            "status": "CONNECTED",
        }
    ]


def test_a_tariff_without_a_direction_is_an_error(service, flatpeak):
    service.answers["GET /tariffs"] = {"has_more": False, "data": [TARIFF]}
    with pytest.raises(UnexpectedAnswer, match="direction"):
        flatpeak.tariffs("loc_1")


def test_create_tariff_takes_a_tariff_or_a_body(service, flatpeak):
    service.answers["POST /tariffs"] = {"id": "trf_1"}
    tariff = Tariff.flat(0.2, currency="GBP", timezone="Europe/London")
    assert flatpeak.create_tariff("loc_1", tariff) == "trf_1"
    assert service.last.body == tariff.to_flatpeak("loc_1")
    assert (
        flatpeak.create_tariff("loc_1", tariff.to_flatpeak("loc_1", direction="EXPORT")) == "trf_1"
    )
    assert service.last.body["direction"] == "EXPORT"
    assert flatpeak.create_tariff("loc_1", {"direction": "IMPORT"}) == "trf_1"
    assert service.last.body == {"location_id": "loc_1", "direction": "IMPORT"}
    with pytest.raises(InputError, match="loc_2"):
        flatpeak.create_tariff("loc_1", {"location_id": "loc_2"})
    with pytest.raises(InputError, match="expected a Tariff"):
        flatpeak.create_tariff("loc_1", 0.2)


def test_delete_tariff(service, flatpeak):
    service.answers["DELETE /tariffs/trf_1"] = (202, {"message": "Accepted"})
    flatpeak.delete_tariff("trf_1")
    assert service.last.path == "/tariffs/trf_1"
