"""Every error that a method of the client documents, method by method."""

import httpx
import pytest

from flipkit.errors import (
    AuthenticationFailed,
    ConnectionFailed,
    InputError,
    InvalidRequest,
    MissingColumnError,
    NaiveTimestampError,
    NotFound,
    PriceUnavailable,
    UnexpectedAnswer,
)

RECORD = {
    "location_id": "loc_1",
    "units": "WH",
    "value": 1.0,
    "start_utc": "2025-06-01T00:00:00Z",
    "end_utc": "2025-06-01T00:30:00Z",
}
READING = {"location_id": "loc_1", "units": "WH", "value": 1.0, "time_utc": RECORD["start_utc"]}
JUNE = ("2025-06-01T00:00:00Z", "2025-07-01T00:00:00Z")
NO_PRICE = (422, {"code": "no_price_data", "message": "No prices"})


@pytest.mark.parametrize(
    "call",
    [
        lambda client: client.location("loc_9"),
        lambda client: client.location_status("loc_9"),
        lambda client: client.update_device("dev_9", "mine"),
        lambda client: client.delete_device("dev_9"),
        lambda client: client.delete_tariff("trf_9"),
        lambda client: client.batch("bat_9"),
    ],
)
def test_an_object_that_does_not_exist_is_not_found(flatpeak, call):
    with pytest.raises(NotFound, match="check the id"):
        call(flatpeak)


@pytest.mark.parametrize(
    ("key", "call"),
    [
        ("POST /costs/interval/loc_1", lambda client: client.cost_by_interval("loc_1", *JUNE)),
        ("POST /costs/session/s", lambda client: client.cost_by_session("s")),
        ("POST /prices/loc_1", lambda client: client.prices("loc_1", *JUNE)),
        ("POST /costs/instant", lambda client: client.instant_cost(RECORD)),
        ("POST /costs/instant", lambda client: client.simulate_costs([RECORD])),
    ],
)
def test_a_missing_price_is_unavailable(service, flatpeak, key, call):
    service.answers[key] = NO_PRICE
    with pytest.raises(PriceUnavailable, match="15 minutes"):
        call(flatpeak)


@pytest.mark.parametrize(
    "call",
    [
        lambda client: client.cost_by_interval("loc_1", *JUNE, tariff_direction="BOTH"),
        lambda client: client.cost_by_interval("loc_1", *JUNE, aggregation="WEEK"),
        lambda client: client.cost_by_interval(7, *JUNE),
        lambda client: client.cost_by_interval("loc_1", *reversed(JUNE)),
        lambda client: client.cost_by_interval("dev_1", "2025-06"),
        lambda client: client.cost_by_session("s", tariff_direction="BOTH"),
        lambda client: client.cost_by_session(".."),
        lambda client: client.prices("loc_1", *JUNE, "BOTH"),
        lambda client: client.prices(["loc_1", None], *JUNE),
        lambda client: client.prices("loc_1", *reversed(JUNE)),
        lambda client: client.instant_cost({**RECORD, "value": None}),
        lambda client: client.instant_cost([]),
        lambda client: client.simulate_costs([RECORD, {**RECORD, "units": "?"}]),
        lambda client: client.create_device(""),
        lambda client: client.update_device("dev_1", None),
        lambda client: client.create_tariff("loc_1", 0.2),
        lambda client: client.create_tariff("loc_1", {"location_id": "loc_2"}),
    ],
)
def test_invalid_input_is_not_sent(service, flatpeak, call):
    with pytest.raises(InputError):
        call(flatpeak)
    assert service.calls == []


@pytest.mark.parametrize("name", ["cost_by_interval", "prices"])
def test_a_time_without_a_zone_is_not_sent(service, flatpeak, name):
    with pytest.raises(NaiveTimestampError):
        getattr(flatpeak, name)("loc_1", "2025-06-01T00:00:00", JUNE[1])
    assert service.calls == []


@pytest.mark.parametrize("name", ["submit_interval", "submit_cumulative"])
def test_records_without_a_column_are_not_sent(service, flatpeak, name):
    record = RECORD if name == "submit_interval" else READING
    incomplete = {key: value for key, value in record.items() if key != "units"}
    with pytest.raises(MissingColumnError, match="units"):
        getattr(flatpeak, name)([incomplete])
    assert (service.calls, service.logins) == ([], 0)


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        ((403, {"message": "Bad credentials"}), AuthenticationFailed),
        (httpx.ReadTimeout("lost"), ConnectionFailed),
    ],
)
@pytest.mark.parametrize("name", ["submit_interval", "submit_cumulative"])
def test_a_failed_login_is_one_error_and_nothing_is_sent(service, flatpeak, name, answer, error):
    service.login_answer = answer
    record = RECORD if name == "submit_interval" else READING
    with pytest.raises(error):
        getattr(flatpeak, name)([record])
    assert service.calls == []


def test_a_location_that_exists_already_is_refused(service, flatpeak):
    service.answers["POST /locations"] = (409, {"message": "Conflict"})
    with pytest.raises(InvalidRequest, match="409"):
        flatpeak.create_location("home", city="London", country_code="GB")


def test_a_lost_answer_to_create_device_says_that_it_may_have_arrived(service, flatpeak):
    service.answers["POST /devices"] = httpx.ReadTimeout("lost")
    with pytest.raises(ConnectionFailed, match="may have arrived"):
        flatpeak.create_device("mine")


def test_an_instant_cost_that_may_have_been_stored_is_unexpected(service, flatpeak):
    costs = {"energy": {"value": 1}, "cost": {"value": 1, "confidence": 1}}
    service.answers["POST /costs/instant"] = {
        "id": "mre_1",
        "currency_code": "GBP",
        "energy_flow_direction": "INBOUND",
        "tariff_direction": "IMPORT",
        "data": {"start_time": JUNE[0], "end_time": JUNE[1], **costs},
    }
    with pytest.raises(UnexpectedAnswer, match="stored the record as mre_1"):
        flatpeak.instant_cost(RECORD, non_persistent=True)
    with pytest.raises(UnexpectedAnswer, match="stored the record as mre_1"):
        flatpeak.simulate_costs([RECORD, RECORD])


@pytest.mark.parametrize("time", ["2025-06-01T00:00:00", "2025-06-31T00:00:00Z", "yesterday"])
def test_a_price_at_a_time_that_is_not_valid_is_unexpected(service, flatpeak, time):
    price = {"valid_to": JUNE[1], "price": {"value": 0.2, "confidence": 1}}
    rows = [price | {"valid_from": JUNE[0]}, price | {"valid_from": time}]
    service.answers["POST /prices/loc_1"] = {"currency_code": "GBP", "data": rows}
    with pytest.raises(UnexpectedAnswer, match=r"data\[\]\.valid_from.*" + time):
        flatpeak.prices("loc_1", *JUNE)


def test_an_object_that_was_created_at_no_time_is_unexpected(service, flatpeak):
    device = {"id": "dev_1", "reference_id": "mine", "live_mode": False}
    device |= {"time_created": "yesterday"}
    service.answers["GET /devices"] = {"object": "list", "has_more": False, "data": [device]}
    with pytest.raises(UnexpectedAnswer, match=r"time_created.*yesterday"):
        flatpeak.devices()
