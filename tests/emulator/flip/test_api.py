"""The four endpoints of Flip, called as in Flip's own walk-through."""

from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flipkit.emulator import Clock, Store, create_app
from flipkit.emulator.flip.fleet import put_production

KEY = {"Authorization": "Bearer any-key"}
SITE = {
    "id": "site-abc-789",
    "first_name": "John",
    "last_name": "Doe",
    "street_address": "123 Main St",
}
SITE |= {"city": "San Francisco", "state_code": "CA", "zip_code": "88800"}
DEVICE = {"id": "device-xyz-123", "type": "BATTERY", "technology_provider_identifier": "DURACELL"}
DEVICE |= {"install_date": "2025-06-19T15:30:00Z"}
TERMS = {"has_agreed_to_terms_and_conditions": True, "terms_and_conditions_version": "2025-01-01"}
NEEDS_NOTHING = {
    "incorrect_terms_and_conditions_version": False,
    "missing_has_agreed_to_terms_and_conditions": False,
    "missing_terms_and_conditions_version": False,
    "missing_site_attributes": [],
    "missing_program_specific_attributes": [],
}


class Api:
    def __init__(self):
        self.store, self.clock = Store(), Clock()
        self.client = create_app(self.store, self.clock).test_client()

    def get(self, path, **query):
        return self.client.get(path, query_string=query, headers=KEY)

    def post(self, path, body):
        return self.client.post(path, json=body, headers=KEY)

    def commission(self, zip_code="88800", enrollment=None, **site):
        body = {"site": SITE | {"zip_code": zip_code} | site, "devices": [DEVICE]}
        return self.post(
            "/v1/commission", body if enrollment is None else body | {"enrollment": enrollment}
        )

    def push(self, external_id, record_type="site", **data):
        record = {"external_id": external_id, "record_type": record_type, "data": data}
        return self.post("/v1/fleet-data", {"records": [record]}).json["records"][0]

    def sites(self):
        return self.get("/v1/sites").json

    def row(self, month="2025-06"):
        (row,) = self.get("/v1/reports/equipment_performance", month=month).json
        return row


@pytest.fixture
def api():
    return Api()


def test_the_walk_through_of_commissioning_succeeds_with_an_empty_answer(api):
    answer = api.commission()

    assert (answer.status_code, answer.data, answer.content_type) == (201, b"", None)
    (site,) = api.sites()
    assert {name: site[name] for name in SITE} == SITE
    assert site["status"] == "PENDING"
    assert site["created_at"] == site["updated_at"] == "2026-01-10T12:00:00Z"
    assert site["technology_provider_identifier"] == "DURACELL"
    assert site["devices"] == [
        DEVICE | dict.fromkeys(("manufacturer_name", "product_name", "serial_number", "attributes"))
    ]


def test_a_site_outside_of_programs_needs_nothing_and_is_created(api):
    assert api.commission("94110").status_code == 201
    assert api.sites()[0]["status"] == "CREATED"


def test_a_site_that_moves_into_a_program_becomes_pending(api):
    api.commission("94110")
    api.commission("88800")
    assert [site["status"] for site in api.sites()] == ["PENDING"]


@pytest.mark.parametrize(
    ("enrollment", "needed"),
    [
        (
            None,
            {
                "missing_has_agreed_to_terms_and_conditions": True,
                "missing_terms_and_conditions_version": True,
            },
        ),
        (
            TERMS | {"has_agreed_to_terms_and_conditions": False},
            {"missing_has_agreed_to_terms_and_conditions": True},
        ),
        (
            TERMS | {"terms_and_conditions_version": None},
            {"missing_terms_and_conditions_version": True},
        ),
        (
            TERMS | {"terms_and_conditions_version": "2024-01-01"},
            {"incorrect_terms_and_conditions_version": True},
        ),
        (TERMS, None),
    ],
)
def test_88801_requires_its_terms_in_their_current_version(api, enrollment, needed):
    answer = api.commission("88801", enrollment)

    if needed is None:
        assert answer.status_code == 201
    else:
        assert (answer.status_code, answer.json) == (422, {"enrollment": NEEDS_NOTHING | needed})
        assert api.sites() == []


def test_88802_lists_everything_missing_at_once_and_accepts_the_answers(api):
    answer = api.commission("88802", city=" ", street_address=None, state_code=None)

    assert answer.status_code == 422
    assert answer.json["enrollment"] == {
        "incorrect_terms_and_conditions_version": False,
        "missing_has_agreed_to_terms_and_conditions": True,
        "missing_terms_and_conditions_version": True,
        "missing_site_attributes": ["street_address", "city", "state_code"],
        "missing_program_specific_attributes": [
            {
                "name": "account_id",
                "label": "Utility Account Number",
                "type": "string",
                "hint": "As printed on the bill",
                "error": "required",
            }
        ],
    }
    blank = {"program_specific_attributes": [{"name": "account_id", "value": " "}]}
    assert api.commission("88802", TERMS | blank).json["enrollment"][
        "missing_program_specific_attributes"
    ]
    account = {"program_specific_attributes": [{"name": "account_id", "value": "1234567-0"}]}
    assert api.commission("88802", TERMS | account).status_code == 201
    assert len(api.sites()) == 1


def test_a_refused_commission_leaves_no_trace(api):
    before = api.store.digest()
    api.commission("88802")
    assert api.store.digest() == before


def test_commissioning_again_replaces_what_is_sent_and_keeps_the_rest(api):
    api.commission()
    api.clock.advance(timedelta(days=1))
    second = DEVICE | {
        "id": "device-2",
        "type": "SOLAR",
        "attributes": {"battery_capacity_wh": 13500, "other": 1},
    }
    api.post(
        "/v1/commission", {"site": {"id": SITE["id"], "first_name": "Jane"}, "devices": [second]}
    )

    (site,) = api.sites()
    assert (site["first_name"], site["last_name"]) == ("Jane", "Doe")
    assert (site["created_at"], site["updated_at"]) == (
        "2026-01-10T12:00:00Z",
        "2026-01-11T12:00:00Z",
    )
    assert [device["id"] for device in site["devices"]] == ["device-xyz-123", "device-2"]
    assert site["devices"][1]["attributes"] == {"battery_capacity_wh": 13500.0}


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"site": SITE, "devices": []}, "devices array must not be empty"),
        ({"site": SITE}, "body: Object missing required field `devices`"),
        ({"site": {}, "devices": [DEVICE]}, "body.site: Object missing required field `id`"),
        (
            {"site": SITE | {"id": ""}, "devices": [DEVICE]},
            "body.site.id: Expected `str` of length >= 1",
        ),
        (
            {"site": SITE | {"id": 5}, "devices": [DEVICE]},
            "body.site.id: Expected `str`, got `int`",
        ),
        ({"site": SITE | {"state_code": "DC"}, "devices": [DEVICE]}, "body.site.state_code: "),
        ({"site": SITE | {"email": "no"}, "devices": [DEVICE]}, "body.site.email: "),
        (
            {"site": SITE, "devices": [DEVICE | {"install_date": "2025-06-19T15:30:00"}]},
            "body.devices[0].install_date",
        ),
        ({"site": SITE, "devices": [DEVICE | {"type": "battery"}]}, "body.devices[0].type: "),
        ([], "body: Expected `object`, got `array`"),
    ],
)
def test_what_cannot_be_commissioned_is_a_400_that_names_the_field(api, body, words):
    answer = api.post("/v1/commission", body)

    assert answer.status_code == 400
    message = answer.json["message"]
    assert message.startswith(words)
    expected = {
        "code": "VALIDATION_ERROR",
        "error": "Bad Request",
        "message": message,
        "statusCode": 400,
    }
    assert answer.json == expected
    assert api.sites() == []


def test_sites_can_be_skipped_and_limited(api):
    for number in range(5):
        api.commission(id=f"site-{number}")

    def ids(**query):
        return [site["id"][-1] for site in api.get("/v1/sites", **query).json]

    assert ids() == list("01234")
    assert ids(skip=1, limit=2) == list("12")
    assert ids(skip=4) == ["4"]
    assert ids(skip=9) == ids(limit=0) == []
    for bad in ("-1", "x", "", "1.0", "٣", "9" * 30):
        assert api.get("/v1/sites", limit=bad).status_code == 400
        assert api.get("/v1/sites", skip=bad).json["code"] == "VALIDATION_ERROR"


def test_a_new_site_is_in_the_report_without_values(api):
    api.commission()
    assert api.row() == {
        "site_id": "site-abc-789",
        "external_id": None,
        "customer_name": None,
        "month": "2025-06",
        "system_size_kw": None,
        "actual_production_kwh": None,
        "expected_production_kwh": None,
        "performance_ratio": None,
        "technology_provider_identifier": "DURACELL",
    }


def test_an_expected_value_of_zero_has_no_ratio(api):
    api.commission()
    api.push(SITE["id"], month="2025-06", expected_production_kwh=0)
    with api.store.write() as db:
        put_production(db, [(SITE["id"], "2025-06", 5.0, None)])
    row = api.row()
    assert (row["actual_production_kwh"], row["expected_production_kwh"]) == (5.0, 0.0)
    assert row["performance_ratio"] is None


def test_the_month_is_the_current_one_by_default(api):
    api.commission()
    assert api.get("/v1/reports/equipment_performance").json[0]["month"] == "2026-01"
    api.clock.advance(timedelta(days=31))
    assert api.get("/v1/reports/equipment_performance").json[0]["month"] == "2026-02"


@pytest.mark.parametrize(
    "month", ["2025-13", "2025-00", "2025-6", "25-06", "", "2025-06-01", "٢٠٢٥-٠٦", "2025-06\n"]
)
def test_a_bad_month_is_a_400(api, month):
    answer = api.get("/v1/reports/equipment_performance", month=month)
    assert (answer.status_code, answer.json["code"], answer.json["statusCode"]) == (
        400,
        "VALIDATION_ERROR",
        400,
    )
    assert "month must be YYYY-MM" in answer.json["message"]


def test_the_scheme_of_the_key_may_be_in_any_case(api):
    for scheme in ("Bearer", "bearer", "BEARER"):
        assert (
            api.client.get("/v1/sites", headers={"Authorization": f"{scheme} k"}).status_code == 200
        )


def test_pushed_values_are_in_the_next_report(api):
    api.commission()
    outcome = api.push(SITE["id"], customer_name="John Doe", system_size_kw=10.5)
    assert outcome == {"external_id": SITE["id"], "record_type": "site", "status": "SUCCESS"}
    assert (
        api.push(SITE["id"], month="2025-06", expected_production_kwh=1520)["status"] == "SUCCESS"
    )

    row = api.row()
    assert (row["customer_name"], row["system_size_kw"], row["expected_production_kwh"]) == (
        "John Doe",
        10.5,
        1520.0,
    )
    assert api.row("2025-07")["expected_production_kwh"] is None
    assert api.sites()[0]["customer_name"] == "John Doe"


def test_twelve_values_apply_to_every_year_and_a_single_month_takes_precedence(api):
    api.commission()
    api.push(
        SITE["id"], expected_monthly_production_kwh=[float(100 + month) for month in range(1, 13)]
    )
    api.push(SITE["id"], month="2025-06", expected_production_kwh=7)

    expected = {
        month: api.row(month)["expected_production_kwh"]
        for month in ("2024-06", "2025-06", "2025-12")
    }
    assert expected == {"2024-06": 106.0, "2025-06": 7.0, "2025-12": 112.0}
    api.push(SITE["id"], month="2025-06", expected_production_kwh=None)
    assert api.row()["expected_production_kwh"] == 106.0


def test_a_record_of_an_unknown_site_waits_until_it_is_commissioned(api):
    assert api.push(SITE["id"], customer_name="First")["status"] == "SUCCESS"
    api.push(SITE["id"], customer_name="Second", month="2025-06", expected_production_kwh=9)
    api.push(SITE["id"], customer_name="First")
    assert api.sites() == []

    api.commission()
    assert (api.row()["customer_name"], api.row()["expected_production_kwh"]) == ("First", 9.0)
    assert api.row()["external_id"] == SITE["id"]


def test_pushing_the_same_again_changes_nothing(api):
    api.commission()
    for external_id in (SITE["id"], "CRM-1"):
        api.push(external_id, customer_name="John", month="2025-06", expected_production_kwh=9)
    once = api.row(), api.sites(), waiting(api.store)
    for external_id in (SITE["id"], "CRM-1"):
        api.push(external_id, customer_name="John", month="2025-06", expected_production_kwh=9)

    assert (api.row(), api.sites(), waiting(api.store)) == once
    assert [row[0] for row in waiting(api.store)] == ["CRM-1"]


def waiting(store):
    with store.read() as db:
        return [tuple(row) for row in db.execute("SELECT external_id, data FROM flip_waiting")]


@pytest.mark.parametrize(
    ("record_type", "data", "words"),
    [
        ("device", {}, "record_type 'device' is unknown"),
        ("site", {"system_size_kw": -1}, "data.system_size_kw: Expected `float` >= 0.0"),
        ("site", {"system_size_kw": "10"}, "data.system_size_kw: Expected `float"),
        ("site", {"customer_name": 5}, "data.customer_name: Expected `str"),
        ("site", {"expected_production_kwh": 5}, "expected_production_kwh and month"),
        ("site", {"month": "2025-06"}, "expected_production_kwh and month"),
        ("site", {"month": "2025-13", "expected_production_kwh": 5}, "data.month: "),
        (
            "site",
            {"expected_monthly_production_kwh": [1.0] * 11},
            "data.expected_monthly_production_kwh: ",
        ),
    ],
)
def test_a_bad_record_fails_alone_and_says_why(api, record_type, data, words):
    api.commission()
    before = api.row()
    good = {"external_id": "CRM-2", "record_type": "site", "data": {"anything": {"else": [1]}}}
    bad = {"external_id": SITE["id"], "record_type": record_type, "data": data}

    outcome = api.post("/v1/fleet-data", {"records": [bad, good]}).json["records"]

    assert [record["status"] for record in outcome] == ["FAILED", "SUCCESS"]
    assert outcome[0]["error"].startswith(words)
    assert api.row() == before


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"records": []},
        {"records": {}},
        {"records": [1]},
        {"records": [{"external_id": "x", "record_type": "site"}]},
    ]
    + [
        {"records": [{"external_id": bad, "record_type": "site", "data": {}}]}
        for bad in (None, 5, "")
    ]
    + [
        {"records": [{"external_id": "x", "record_type": "site", "data": bad}]}
        for bad in (None, [], "x")
    ],
)
def test_a_bad_fleet_data_body_is_a_400(api, body):
    assert api.post("/v1/fleet-data", body).json["code"] == "VALIDATION_ERROR"


@pytest.mark.parametrize(
    "header", [None, "", "Bearer", "Bearer ", "Basic abc", "Bearer a b", "any-key", "Bearer ü"]
)
def test_without_a_bearer_key_every_request_is_a_401_before_its_body_is_read(api, header):
    headers = {} if header is None else {"Authorization": header}
    answers = [
        api.client.get("/v1/sites", headers=headers),
        api.client.get("/v1/reports/equipment_performance?month=bad", headers=headers),
        api.client.post("/v1/commission", data=b"{", headers=headers),
        api.client.post("/v1/fleet-data", data=b"{", headers=headers),
    ]
    for answer in answers:
        assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (401, "Bearer")
        assert set(answer.json) == {"code", "message", "status_code", "detail", "errors"}
        assert (answer.json["code"], answer.json["status_code"]) == ("UNAUTHORIZED", 401)


@pytest.mark.parametrize("content_type", [None, "text/plain", "application/x-www-form-urlencoded"])
def test_what_is_not_declared_as_json_is_a_415(api, content_type):
    answer = api.client.post("/v1/fleet-data", data=b"{}", headers=KEY, content_type=content_type)
    assert (answer.status_code, answer.json["statusCode"]) == (415, 415)


PUSHES = st.fixed_dictionaries(
    {},
    optional={
        "customer_name": st.none() | st.sampled_from("AB"),
        "system_size_kw": st.none() | st.integers(0, 3).map(float),
        "one": st.none() | st.integers(0, 3).map(float),
        "each": st.none() | st.integers(4, 6).map(float),
    },
)
STEPS = st.lists(st.tuples(st.sampled_from("xyz"), st.none() | PUSHES), max_size=12)


@settings(max_examples=60, deadline=None)
@given(STEPS)
def test_any_order_of_commissions_and_pushes_gives_the_last_pushed_value(steps):
    """Whatever the order, a site has the last value that was pushed for it."""
    api, commissioned, known = Api(), [], {name: {} for name in "xyz"}
    for site_id, push in steps:
        if push is None:
            assert api.commission(id=site_id).status_code == 201
            commissioned += [site_id] if site_id not in commissioned else []
        else:
            known[site_id] |= push
            data = {
                name: push[name] for name in ("customer_name", "system_size_kw") if name in push
            }
            if "one" in push:
                data |= {"month": "2025-06", "expected_production_kwh": push["one"]}
            if "each" in push:
                data["expected_monthly_production_kwh"] = [push["each"]] * 12
            assert api.push(site_id, **data)["status"] == "SUCCESS"

    report = api.get("/v1/reports/equipment_performance", month="2025-06").json

    assert [row["site_id"] for row in report] == commissioned
    for row in report:
        last = known[row["site_id"]]
        one, each = last.get("one"), last.get("each")
        assert row["expected_production_kwh"] == (each if one is None else one)
        assert (row["customer_name"], row["system_size_kw"]) == (
            last.get("customer_name"),
            last.get("system_size_kw"),
        )
