"""Login, version, devices, customers, locations: their life, their lists, and how a refusal looks."""

from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flipkit.emulator import Clock, Store


def test_any_account_and_key_log_in(desk):
    answer = desk.login("acc_661677911f2197045e6cf1b1:sk_live_x:y")
    assert answer.status_code == 200
    assert (answer.json["expires_in"], answer.json["live_mode"]) == (3600, True)
    desk.token = answer.json["bearer_token"]
    device = desk.call("POST", "/devices", {"reference_id": "D"})
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
def test_a_login_that_fails(desk, header):
    answer = desk.client.get("/login", headers={} if header is None else {"Authorization": header})
    assert answer.status_code == 403
    assert (answer.json["message"], answer.json["context"]) == ("Bad credentials", "api.login")


def test_a_token_expires_by_the_clock_and_holds_across_a_restart(desk, desk_over):
    again = desk_over(Store(), Clock())
    again.token = desk.token
    again.call("GET", "/devices")
    desk.clock.advance(timedelta(seconds=3599))
    desk.call("GET", "/devices")
    desk.clock.advance(timedelta(seconds=1))
    assert desk.call("GET", "/devices", status=403)["code"] == "bad_credentials"


def test_a_token_that_was_touched_is_none(desk):
    header, claims, seal = desk.token.split(".")
    for token in (
        "",
        "x",
        "é",
        f"{header}.{claims}",
        f"{header}.{claims}.{seal[::-1]}",
        f"{header}.{claims}x.{seal}",
    ):
        desk.token = token
        desk.call("GET", "/devices", status=403)


def test_versions(desk):
    assert desk.ask("GET", "/devices").headers["flatpeak-version"] == "2025-09-14.anode"
    zero = desk.ask("GET", "/devices", version="2024-08-24.zero")
    assert zero.headers["flatpeak-version"] == "2024-08-24.zero"
    for version in ("2023-01-01", "2024-08-24", "2099-01-01.yotta"):
        assert (
            desk.call("GET", "/devices", version=version, status=422)["code"]
            == "api_version_not_supported"
        )
        assert desk.client.get("/login", headers={"Flatpeak-Version": version}).status_code == 422


@pytest.mark.parametrize(
    ("method", "path", "version"),
    [
        ("GET", "/tariffs/elements", "2025-09-14.anode"),
        ("GET", "/tariffs/rates/loc_1", "2025-09-14.anode"),
        ("POST", "/prices/loc_1", "2024-08-24.zero"),
        ("GET", "/tariffs", "2024-08-24.zero"),
    ],
)
def test_an_address_of_the_other_generation(desk, method, path, version):
    assert version in desk.call(method, path, version=version, status=404)["message"]


def test_a_refusal_in_full(desk):
    assert desk.call("GET", "/devices/dev_0", status=404) == {
        "object": "error",
        "live_mode": False,
        "context": "api.device_retrieve",
        "type": "invalid_request",
        "code": "not_found",
        "message": "Not Found: no device 'dev_0'",
        "time_created": "2026-01-10T12:00:00Z",
    }


def test_what_the_emulator_does_not_have_says_so(desk):
    for method, path, name in (
        ("POST", "/schedules/amount/loc_1", "schedule_by_amount"),
        ("POST", "/connect/tariff/batch", "connect_batch"),
    ):
        answer = desk.call(method, path, {}, status=501)
        assert (answer["type"], answer["code"]) == ("api_error", "not_implemented")
        assert (answer["context"], path in answer["message"]) == (f"api.{name}", True)
    assert desk.call("GET", "/events") == {
        "object": "list",
        "url": "/events",
        "has_more": False,
        "data": [],
    }
    desk.call("GET", "/events/evt_1", status=404)


@pytest.mark.parametrize(("kind", "changed"), [("device", 200), ("customer", 202)])
def test_the_life_of_devices_and_customers(desk, kind, changed):
    path = f"/{kind}s"
    made = desk.call("POST", path, {"reference_id": "A"}, status=201)
    assert made["object"] == kind
    assert made["id"].startswith({"device": "dev_", "customer": "cus_"}[kind])
    assert len(made["id"]) == 28
    assert desk.call("GET", f"{path}/{made['id']}") == made
    assert desk.call("PATCH", f"{path}/{made['id']}", {"other": 1}, status=changed) == made
    assert (
        desk.call("PATCH", f"{path}/{made['id']}", {"reference_id": "B"}, status=changed)[
            "reference_id"
        ]
        == "B"
    )
    assert desk.call("GET", path, reference_id="A")["data"] == []
    assert [each["id"] for each in desk.call("GET", path, reference_id="B")["data"]] == [made["id"]]
    assert desk.call("DELETE", f"{path}/{made['id']}", status=202) == {"message": "Accepted"}
    for method in ("GET", "DELETE"):
        desk.call(method, f"{path}/{made['id']}", status=404)
    desk.call("PATCH", f"{path}/{made['id']}", {}, status=404)
    assert desk.call("POST", path, {}, status=201)["id"] != made["id"]


def test_an_id_of_one_kind_is_none_of_another(desk):
    device = desk.device()
    for path in (f"/customers/{device}", f"/locations/{device}", f"/tariffs/{device}"):
        desk.call("GET", path, status=404)
        desk.call("DELETE", path, status=404)


@settings(max_examples=40, deadline=None)
@given(count=st.integers(0, 12), limit=st.integers(1, 5))
def test_pages_hold_everything_once(desk_over, count, limit):
    desk = desk_over(Store(), Clock())
    made = [desk.device(f"D-{number}") for number in range(count)][::-1]
    walked, query = [], {}
    while True:
        page = desk.call("GET", "/devices", limit=limit, **query)
        walked += [each["id"] for each in page["data"]]
        if not page["has_more"]:
            break
        query = {"starting_after": walked[-1]}
    assert walked == made
    back, query = [], {"ending_before": made[-1]} if made else {}
    while made:
        page = desk.call("GET", "/devices", limit=limit, **query)
        back = [each["id"] for each in page["data"]] + back
        if not page["has_more"]:
            break
        query = {"ending_before": back[0]}
    assert back == made[:-1]


def test_how_many_on_a_page(desk):
    for number in range(31):
        desk.device(f"D-{number}")
    page = desk.call("GET", "/devices")
    assert (len(page["data"]), page["has_more"], page["url"], page["object"]) == (
        30,
        True,
        "/devices",
        "list",
    )
    assert len(desk.call("GET", "/devices", limit=100)["data"]) == 31
    for limit in ("0", "101", "-1", "x", "1.5", "", "٣"):
        desk.call("GET", "/devices", limit=limit, status=422)
    device = page["data"][0]["id"]
    desk.call("GET", "/devices", starting_after=device, ending_before=device, status=422)
    desk.call("GET", "/devices", starting_after="dev_0", status=422)


def test_the_life_of_a_location(desk):
    customer = desk.call("POST", "/customers", {"reference_id": "C"})["id"]
    address = {
        "address_line1": "1",
        "city": "Ghent",
        "country_code": "be",
        "street": "unknown",
        "state": None,
    }
    body = {"reference_id": "L", "customer_id": customer, "postal_address": address}
    made = desk.call("POST", "/locations", body, status=201)
    assert (made["timezone"], made["currency_code"], made["customer_id"]) == (
        "Europe/Brussels",
        "EUR",
        customer,
    )
    assert made["postal_address"] == {"address_line1": "1", "city": "Ghent", "country_code": "be"}
    assert made["tariff_status"]["commodity_import"] == "NOT_CONNECTED"
    assert made["tariff_status"]["non_commodity_export"] == "NOT_SUPPORTED"
    tariff = desk.tariff(made["id"], 0.2)
    found = desk.call("GET", f"/locations/{made['id']}")
    assert found["tariff_elements"] == [tariff]
    assert found["tariff_status"]["commodity_import"] == "CONNECTED"
    assert desk.call("GET", f"/customers/{customer}")["locations"] == [made["id"]]
    assert desk.call("GET", "/locations", customer_id=customer)["data"] == [found]
    moved = {"postal_address": {"city": "Leeds", "country_code": "GB"}}
    changed = desk.call("PATCH", f"/locations/{made['id']}", moved, status=200)
    assert (changed["timezone"], changed["currency_code"], changed["reference_id"]) == (
        "Europe/London",
        "GBP",
        "L",
    )
    desk.call("DELETE", f"/customers/{customer}")
    assert "customer_id" not in desk.call("GET", f"/locations/{made['id']}")
    desk.call("DELETE", f"/locations/{made['id']}", status=202)
    desk.call("GET", f"/tariffs/{tariff}", status=404)
    desk.call("GET", f"/locations/{made['id']}/status", status=404)


def test_a_reference_is_of_one_location(desk):
    first, second = desk.location(reference_id="L"), desk.location()
    body = {"reference_id": "L", "postal_address": {"city": "x", "country_code": "GB"}}
    assert desk.call("POST", "/locations", body, status=409)["code"] == "conflict"
    assert (
        desk.call("PATCH", f"/locations/{second}", {"reference_id": "L"}, status=409)["code"]
        == "conflict"
    )
    desk.call("PATCH", f"/locations/{first}", {"reference_id": "L"})


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
def test_an_address_that_says_too_little(desk, address, word):
    body = {} if address is None else {"postal_address": address}
    assert word in desk.call("POST", "/locations", body, status=422)["message"]


def test_a_location_of_an_unknown_customer(desk):
    body = {"customer_id": "cus_0", "postal_address": {"city": "x", "country_code": "GB"}}
    desk.call("POST", "/locations", body, status=404)


def test_places_are_real_and_in_step_with_the_zone_and_currency_lists():
    from flipkit.calendar import zone
    from flipkit.emulator.flatpeak import places as flatpeak_places
    from flipkit.money import ISO_4217

    settings = [*flatpeak_places._US.values(), *flatpeak_places._COUNTRIES.values()]
    assert len(flatpeak_places._US) == 52
    for setting in settings:
        zone(setting.timezone)
        assert setting.currency in ISO_4217


def test_deleting_a_device_keeps_what_it_used(desk):
    location, device = desk.location(), desk.device()
    desk.tariff(location, 0.2)
    desk.submit(
        ("2025-01-01T00:00:00Z", "2025-01-01T01:00:00Z", 5), location_id=location, device_id=device
    )
    desk.call("DELETE", f"/devices/{device}")
    assert desk.costs(device, status=404) == "not_found"
    assert [row["energy"]["value"] for row in desk.costs(location)] == [5]


def test_deleting_a_location_forgets_its_records(desk):
    location, device = desk.location(), desk.device()
    desk.tariff(location, 0.2)
    named = {"location_id": location, "device_id": device, "session_reference_id": "s"}
    desk.submit(("2025-01-01T00:00:00Z", "2025-01-01T01:00:00Z", 5), **named)
    desk.call("DELETE", f"/locations/{location}")
    assert desk.costs(device) == []
    desk.call("POST", "/costs/session/s", status=404)


def test_the_same_calls_make_the_same_ids(desk, desk_over):
    assert desk.device() == desk_over(Store(), Clock()).device()
