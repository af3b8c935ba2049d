"""A caller of Flatpeak's API, over an empty store."""

import base64
from dataclasses import dataclass, field

import msgspec
import pytest

from flipkit.emulator import Clock, Store, create_app

CITIES = {"GB": "London", "BE": "Brussels", "US": "Oakland"}


@dataclass
class Api:
    """Calls the emulator and checks the status of each answer."""

    store: Store
    clock: Clock
    version: str | None = None
    client: object = field(init=False)
    token: str = field(init=False)

    def __post_init__(self):
        self.client = create_app(self.store, self.clock).test_client()
        self.token = self.login().json["bearer_token"]

    def login(self, pair="acc_test:sk_test_1"):
        coded = base64.b64encode(pair.encode()).decode()
        return self.client.get("/login", headers={"Authorization": f"Basic {coded}"})

    def ask(self, method, path, body=None, *, version=None, **query):
        """Return the whole answer."""
        version = version or self.version
        headers = {"Authorization": f"Bearer {self.token}"} | (
            {"Flatpeak-Version": version} if version else {}
        )
        content = (
            {}
            if body is None
            else {"data": body if isinstance(body, bytes) else msgspec.json.encode(body)}
        )
        return self.client.open(path, method=method, headers=headers, query_string=query, **content)

    def call(self, method, path, body=None, *, status=None, **options):
        """Return the decoded body of an answer that must have a status (2xx by default)."""
        answer = self.ask(method, path, body, **options)
        expected = status or (200, 201, 202)
        assert answer.status_code in (expected if isinstance(expected, tuple) else (expected,)), (
            answer.data
        )
        return answer.json

    def location(self, country="GB", **fields):
        address = {"city": CITIES[country], "country_code": country} | (
            {"state": "CA"} if country == "US" else {}
        )
        return self.call("POST", "/locations", {"postal_address": address} | fields)["id"]

    def device(self, reference="D-1"):
        return self.call("POST", "/devices", {"reference_id": reference})["id"]

    def tariff(self, location, price, *, path="/tariffs", **fields):
        """Create a tariff: one price for all time, or hours as {(from, to): price}."""
        hours = price if isinstance(price, dict) else {("00:00:00", "00:00:00"): price}
        entries = [
            {"valid_from": begin, "valid_to": stop, "rate": [{"fixed": value, "to_kwh": None}]}
            for (begin, stop), value in hours.items()
        ]
        body = {
            "location_id": location,
            "direction": "IMPORT",
            "type": "COMMODITY",
            "contract_start_date": "2020-01-01T00:00:00Z",
            "contract_end_date": "2030-01-01T00:00:00Z",
            "schedule": [
                {"months": ["All"], "days_and_hours": [{"days": ["All"], "hours": entries}]}
            ],
        }
        return self.call("POST", path, body | fields)["id"]

    def submit(self, *records, **common):
        """Submit interval records, which must all be accepted; (start, end, Wh) or dicts."""
        bodies = [common | (each if isinstance(each, dict) else _record(*each)) for each in records]
        batch = self.call("PUT", "/meters/interval", bodies)
        assert batch["failed_records"] == []
        return batch

    def costs(self, object_id, start=None, end=None, *, status=None, body=None, **query):
        """Return the rows of a cost report; the code of the error if a status is given."""
        window = {"start_time": start, "end_time": end} | (body or {})
        asked = {name: value for name, value in window.items() if value is not None}
        answer = self.call("POST", f"/costs/interval/{object_id}", asked, status=status, **query)
        return answer["data"] if status is None else answer["code"]


def _record(start, end, wh):
    return {"start_time": start, "end_time": end, "units": "WH", "value": wh}


@pytest.fixture
def api():
    return Api(Store(), Clock())


@pytest.fixture(scope="session")
def api_over():
    """Return the class, for a caller over another store."""
    return Api
