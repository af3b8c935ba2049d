"""Login, versions, devices, locations, lists, and error envelopes."""

from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flipkit.calendar import zone
from flipkit.emulator import Clock, Store
from flipkit.emulator.flatpeak import locations, objects
from flipkit.money import ISO_4217


def test_any_account_and_key_can_log_in(api):
    answer = api.login("acc_661677911f2197045e6cf1b1:sk_live_x:y")
    assert answer.status_code == 200
    assert (answer.json["expires_in"], answer.json["live_mode"]) == (3600, True)
    api.token = answer.json["bearer_token"]
    device = api.call("POST", "/devices", {"reference_id": "D"})
    assert (device["account_id"], device["live_mode"]) == ("acc_661677911f2197045e6cf1b1", True)


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "Basic",
        "Basic !!!",
        "Basic YQ==",
        "Basic OmI=",
        "Basic YTo=",
        "Basic //8=",
        "Bearer YTpi",
    ],
)
def test_a_malformed_login_is_refused(api, header):
    answer = api.client.get("/login", headers={} if header is None else {"Authorization": header})
    assert answer.status_code == 403
    assert (answer.json["message"], answer.json["context"]) == ("Bad credentials", "api.login")


def test_a_token_expires_by_the_clock_and_stays_valid_across_a_restart(api, api_over):
    again = api_over(Store(), Clock())
    again.token = api.token
    again.call("GET", "/devices")
    api.clock.advance(timedelta(seconds=3599))
    api.call("GET", "/devices")
    api.clock.advance(timedelta(seconds=1))
    assert api.call("GET", "/devices", status=403)["code"] == "bad_credentials"


def test_a_modified_token_is_refused(api):
    header, claims, seal = api.token.split(".")
    for token in (
        "",
        "x",
        "é",
        f"{header}.{claims}",
        f"{header}.{claims}.{seal[::-1]}",
        f"{header}.{claims}x.{seal}",
    ):
        api.token = token
        api.call("GET", "/devices", status=403)


def test_versions(api):
    assert api.ask("GET", "/devices").headers["flatpeak-version"] == "2025-09-14.anode"
    zero = api.ask("GET", "/devices", version="2024-08-24.zero")
    assert zero.headers["flatpeak-version"] == "2024-08-24.zero"
    for version in ("2023-01-01", "2024-08-24", "2099-01-01.yotta"):
        assert (
            api.call("GET", "/devices", version=version, status=422)["code"]
            == "api_version_not_supported"
        )
        assert api.client.get("/login", headers={"Flatpeak-Version": version}).status_code == 422


@pytest.mark.parametrize(
    ("method", "path", "version"),
    [
        ("GET", "/tariffs/elements", "2025-09-14.anode"),
        ("GET", "/tariffs/rates/loc_1", "2025-09-14.anode"),
        ("POST", "/prices/loc_1", "2024-08-24.zero"),
        ("GET", "/tariffs", "2024-08-24.zero"),
    ],
)
def test_an_address_of_the_other_generation_is_a_404(api, method, path, version):
    assert version in api.call(method, path, version=version, status=404)["message"]


def test_a_refusal_in_full(api):
    assert api.call("GET", "/devices/dev_0", status=404) == {
        "object": "error",
        "live_mode": False,
        "context": "api.device_retrieve",
        "type": "invalid_request",
        "code": "not_found",
        "message": "Not Found: no device 'dev_0'",
        "time_created": "2026-01-10T12:00:00Z",
    }


@pytest.mark.parametrize("version", ["2025-09-14.anode", "2024-08-24.zero"])
@pytest.mark.parametrize(
    ("method", "path", "name"),
    [
        ("POST", "/customers", "customer_create"),
        ("GET", "/customers", "customer_list"),
        ("GET", "/customers/cus_1", "customer_retrieve"),
        ("PATCH", "/customers/cus_1", "customer_update"),
        ("DELETE", "/customers/cus_1", "customer_delete"),
        ("GET", "/events", "event_list"),
        ("GET", "/events/evt_1", "event_retrieve"),
        ("POST", "/audits/prices/loc_1", "price_audit"),
        ("GET", "/tariffs/audit/loc_1", "tariff_rate_audit"),
        ("POST", "/schedules", "schedule_create"),
        ("POST", "/schedules/amount/loc_1", "schedule_by_amount"),
        ("POST", "/schedules/duration/loc_1", "schedule_by_duration"),
        ("POST", "/schedules/limit/loc_1", "schedule_by_limit"),
        ("GET", "/slots/time/loc_1", "slot_time"),
        ("GET", "/slots/threshold/loc_1", "slot_threshold"),
        ("POST", "/connect/token", "connect_token_create"),
        ("POST", "/connect/tariff/token", "connect_tariff_token_create"),
        ("GET", "/connect/tariff/token", "connect_tariff_token_retrieve"),
        ("POST", "/connect/tariff/batch", "connect_batch"),
    ],
)
def test_a_route_that_is_not_implemented_answers_501(api, method, path, name, version):
    before = api.store.digest()
    assert api.call(method, path, {}, version=version, status=501) == {
        "object": "error",
        "live_mode": False,
        "context": f"api.{name}",
        "type": "api_error",
        "code": "not_implemented",
        "message": f"the emulator does not implement {method} {path}",
        "time_created": "2026-01-10T12:00:00Z",
    }
    assert api.store.digest() == before


def test_a_device_is_created_read_updated_and_deleted(api):
    device = api.call("POST", "/devices", {"reference_id": "A"}, status=201)
    path = f"/devices/{device['id']}"
    assert device["object"] == "device"
    assert device["id"].startswith("dev_")
    assert len(device["id"]) == 28
    assert api.call("GET", path) == device
    assert api.call("PATCH", path, {"other": 1}, status=200) == device
    updated = api.call("PATCH", path, {"reference_id": "B"}, status=200)
    assert updated == device | {"reference_id": "B"}
    assert api.call("GET", "/devices", reference_id="A")["data"] == []
    assert api.call("GET", "/devices", reference_id="B")["data"] == [updated]
    assert api.call("DELETE", path, status=202) == {"message": "Accepted"}
    for method in ("GET", "DELETE"):
        api.call(method, path, status=404)
    api.call("PATCH", path, {}, status=404)
    assert api.call("POST", "/devices", {}, status=201)["id"] != device["id"]


def test_an_id_of_one_kind_is_unknown_to_another(api):
    device = api.device()
    for path in (f"/locations/{device}", f"/tariffs/{device}"):
        api.call("GET", path, status=404)
        api.call("DELETE", path, status=404)


@settings(max_examples=40, deadline=None)
@given(count=st.integers(0, 12), limit=st.integers(1, 5))
def test_pages_hold_everything_once(api_over, count, limit):
    api = api_over(Store(), Clock())
    made = [api.device(f"D-{number}") for number in range(count)][::-1]
    walked, query = [], {}
    while True:
        page = api.call("GET", "/devices", limit=limit, **query)
        walked += [each["id"] for each in page["data"]]
        if not page["has_more"]:
            break
        query = {"starting_after": walked[-1]}
    assert walked == made
    back, query = [], {"ending_before": made[-1]} if made else {}
    while made:
        page = api.call("GET", "/devices", limit=limit, **query)
        back = [each["id"] for each in page["data"]] + back
        if not page["has_more"]:
            break
        query = {"ending_before": back[0]}
    assert back == made[:-1]


def test_the_limit_of_a_page(api):
    for number in range(31):
        api.device(f"D-{number}")
    page = api.call("GET", "/devices")
    assert (len(page["data"]), page["has_more"], page["url"], page["object"]) == (
        30,
        True,
        "/devices",
        "list",
    )
    assert len(api.call("GET", "/devices", limit=100)["data"]) == 31
    for limit in ("0", "101", "-1", "x", "1.5", "", "٣"):
        api.call("GET", "/devices", limit=limit, status=422)
    device = page["data"][0]["id"]
    api.call("GET", "/devices", starting_after=device, ending_before=device, status=422)
    api.call("GET", "/devices", starting_after="dev_0", status=422)


def test_a_location_is_created_read_updated_and_deleted(api):
    with api.store.write() as db:
        customer = objects.create(api.store, db, "customer", api.clock.text(), {}).id
    address = {
        "address_line1": "1",
        "city": "Ghent",
        "country_code": "be",
        "street": "unknown",
        "state": None,
    }
    body = {"reference_id": "L", "customer_id": customer, "postal_address": address}
    made = api.call("POST", "/locations", body, status=201)
    assert (made["timezone"], made["currency_code"], made["customer_id"]) == (
        "Europe/Brussels",
        "EUR",
        customer,
    )
    assert made["postal_address"] == {"address_line1": "1", "city": "Ghent", "country_code": "be"}
    assert made["tariff_status"]["commodity_import"] == "NOT_CONNECTED"
    assert made["tariff_status"]["non_commodity_export"] == "NOT_SUPPORTED"
    tariff = api.tariff(made["id"], 0.2)
    found = api.call("GET", f"/locations/{made['id']}")
    assert found["tariff_elements"] == [tariff]
    assert found["tariff_status"]["commodity_import"] == "CONNECTED"
    assert api.call("GET", "/locations", customer_id=customer)["data"] == [found]
    moved = {"postal_address": {"city": "Leeds", "country_code": "GB"}}
    changed = api.call("PATCH", f"/locations/{made['id']}", moved, status=200)
    assert (changed["timezone"], changed["currency_code"], changed["reference_id"]) == (
        "Europe/London",
        "GBP",
        "L",
    )
    api.call("DELETE", f"/locations/{made['id']}", status=202)
    api.call("GET", f"/tariffs/{tariff}", status=404)
    api.call("GET", f"/locations/{made['id']}/status", status=404)


def test_a_reference_belongs_to_one_location(api):
    first, second = api.location(reference_id="L"), api.location()
    body = {"reference_id": "L", "postal_address": {"city": "x", "country_code": "GB"}}
    assert api.call("POST", "/locations", body, status=409)["code"] == "conflict"
    assert (
        api.call("PATCH", f"/locations/{second}", {"reference_id": "L"}, status=409)["code"]
        == "conflict"
    )
    api.call("PATCH", f"/locations/{first}", {"reference_id": "L"})


@pytest.mark.parametrize(
    ("address", "word"),
    [
        (None, "country_code"),
        ({}, "country_code"),
        ({"country_code": "GB"}, "city"),
        ({"city": "x", "country_code": "US"}, "state"),
        ({"city": "x", "country_code": "US", "state": "ZZ"}, "ZZ"),
        ({"city": "x", "country_code": "XX"}, "XX"),
        ({"city": 7, "country_code": "GB"}, "city"),
    ],
)
def test_an_incomplete_address_is_refused(api, address, word):
    body = {} if address is None else {"postal_address": address}
    assert word in api.call("POST", "/locations", body, status=422)["message"]


def test_a_location_of_an_unknown_customer_is_refused(api):
    body = {"customer_id": "cus_0", "postal_address": {"city": "x", "country_code": "GB"}}
    api.call("POST", "/locations", body, status=404)


def test_time_zones_and_currencies_of_places_exist():
    regions = [*locations._US.values(), *locations._COUNTRIES.values()]
    assert len(locations._US) == 52
    for region in regions:
        zone(region.timezone)
        assert region.currency in ISO_4217


def test_deleting_a_device_keeps_its_records(api):
    location, device = api.location(), api.device()
    api.tariff(location, 0.2)
    api.submit(
        ("2025-01-01T00:00:00Z", "2025-01-01T01:00:00Z", 5), location_id=location, device_id=device
    )
    api.call("DELETE", f"/devices/{device}")
    assert api.costs(device, status=404) == "not_found"
    assert [row["energy"]["value"] for row in api.costs(location)] == [5]


def test_deleting_a_location_deletes_its_records(api):
    location, device = api.location(), api.device()
    api.tariff(location, 0.2)
    named = {"location_id": location, "device_id": device, "session_reference_id": "s"}
    api.submit(("2025-01-01T00:00:00Z", "2025-01-01T01:00:00Z", 5), **named)
    api.call("DELETE", f"/locations/{location}")
    assert api.costs(device) == []
    api.call("POST", "/costs/session/s", status=404)


def test_the_same_calls_make_the_same_ids(api, api_over):
    assert api.device() == api_over(Store(), Clock()).device()
