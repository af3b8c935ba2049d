"""Tokens for Connect: the answer as documented, what is refused, and that nothing is kept."""

import pytest

ZERO = "2024-08-24.zero"
HERE = {"connect_url": "myapp://connect", "callback_url": "myapp://complete"}
THERE = {"callback_uri": "https://app.example/done"}


def create(desk, body, *, version=None, **options):
    path = "/connect/tariff/token" if version else "/connect/token"
    return desk.call("POST", path, body, version=version, **options)


@pytest.mark.parametrize(("needed", "version"), [(HERE, None), (THERE, ZERO)])
def test_a_token_is_made_and_nothing_kept(desk, needed, version):
    location = desk.location()
    own = {
        "customer_id": desk.call("POST", "/customers", {"reference_id": "C"})["id"],
        "location_id": location,
        "tariff_id": desk.tariff(location, 0.2),
        "postal_address": {"city": "London", "country_code": "GB"},
    }
    before = desk.store.digest()
    answers = [create(desk, needed | more, version=version) for more in ({}, own)]
    first, second = (answer.pop("connect_token") for answer in answers)
    assert answers == [{"expires_in": 86400, "live_mode": False}] * 2
    assert first != second
    assert all(token.startswith("cot_") and len(token) == 28 for token in (first, second))
    assert desk.store.digest() == before


def test_each_generation_has_its_own_address(desk):
    desk.call("POST", "/connect/token", HERE, version=ZERO, status=404)
    desk.call("POST", "/connect/tariff/token", THERE, status=404)


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"connect_url": None}, "invalid_request"),
        ({"callback_url": 7}, "invalid_request"),
        ({"tariff_direction": "UP"}, "tariff_direction_invalid"),
        ({"tariff_direction": ["IMPORT"]}, "tariff_direction_invalid"),
        ({"tariff_direction": "LOCAL"}, "tariff_direction_not_supported"),
        ({"tariff_type": "x"}, "tariff_type_invalid"),
        ({"location_id": "loc_1", "location_reference_id": "L"}, "invalid_request"),
        ({"postal_address": {"city": "London"}}, "country_code_missing"),
        ({"postal_address": []}, "invalid_request"),
        ({"actions": 1}, "invalid_request"),
        ({"location_reference_id": {}}, "invalid_request"),
    ],
)
def test_what_is_refused(desk, fields, code):
    answer = create(desk, HERE | fields, status=422)
    assert (answer["code"], answer["context"]) == (code, "api.connect_token_create")


def test_zeros_fields_have_other_names(desk):
    assert create(desk, HERE, version=ZERO, status=422)["message"] == "callback_uri is missing"
    for fields, code in (
        ({"direction": "UP"}, "tariff_direction_invalid"),
        ({"type": "x"}, "tariff_type_invalid"),
    ):
        answer = create(desk, THERE | fields, version=ZERO, status=422)
        assert (answer["code"], answer["context"]) == (code, "api.connect_tariff_token_create")


@pytest.mark.parametrize("kind", ["customer", "location", "tariff"])
def test_ids_must_be_there(desk, kind):
    create(desk, HERE | {f"{kind}_id": "x_0"}, status=404)
