"""Kits for tests: over an emulator of their own, or over answers from a script, in time that only sleeping moves."""

import threading

import httpx

import flipkit as fk
from flipkit.connect import Emulation, Kit
from flipkit.emulator import Clock, Store, create_app
from flipkit.http import Timing, in_process


class FakePace(Timing):
    """Time that only sleeping moves, for all threads; `real` is how much of a second is slept in truth."""

    __slots__ = ("_lock", "time")

    def __init__(self, real=0.0):
        self.time, self._lock = 0.0, threading.Lock()

        def sleep(seconds):
            with self._lock:
                self.time += seconds
            threading.Event().wait(seconds * real)

        super().__init__(
            now=lambda: self.time, sleep=sleep, uniform=lambda low, high: (low + high) / 2
        )


def kit_over(
    store=None, *, faults=None, frames="polars", keys=("any-key", "acc_1", "sk_test_any_key")
):
    """A kit over an emulator in this process; its store is empty unless one is given."""
    store, clock = store or Store(), Clock()
    app = create_app(store, clock, faults=faults)
    kit = _kit(in_process(app), "http://localhost", frames, keys)
    return kit._replace(emulator=Emulation(store, clock))


def scripted(answer, *, frames="polars", keys=("any-key", "acc_1", "sk_test_any_key")):
    """A kit whose requests ``answer(request)`` answers; a login is answered before that is asked."""

    def handle(request):
        if request.url.path == "/login":
            return httpx.Response(
                200, json={"bearer_token": "token-of-the-login", "expires_in": 3600}
            )
        found = answer(request)
        return found if isinstance(found, httpx.Response) else httpx.Response(200, json=found)

    return _kit(httpx.MockTransport(handle), "https://service.example", frames, keys)


def _kit(transport, url, frames, keys):
    given = {"base_url": url, "transport": transport, "pace": FakePace(), "frames": frames}
    flip = fk.Flip(keys[0], environment="emulator", **given)
    return Kit(flip, fk.Flatpeak(*keys[1:], **given), "emulator", frames)


def scripted_flip(site_ids, report):
    """A Flip client whose answers hold these sites and the rows of these columns; NaN is null."""
    rows = []
    for values in zip(*report.values(), strict=True):
        cells = (None if value != value else value for value in values)
        rows.append(dict(zip(report, cells, strict=True)))

    def answer(request):
        if request.url.path == "/v1/sites":
            return [{"id": site_id, "status": "ACTIVE"} for site_id in site_ids]
        month = request.url.params["month"]
        return [row for row in rows if row["month"] == month]

    return scripted(answer, frames="pandas").flip


def home(kit, price=0.25):
    """A site with a device at Flip and a location with a flat tariff at Flatpeak, both called home; the location."""
    roof = {
        "id": "roof",
        "type": "SOLAR",
        "technology_provider_identifier": "ANY",
        "install_date": "2025-01-01T00:00:00Z",
    }
    kit.flip.commission({"id": "home"}, [roof])
    name = kit.flatpeak.create_location("home", city="London", country_code="GB")
    kit.flatpeak.create_tariff(
        name, fk.Tariff.flat(price, currency="GBP", timezone="Europe/London")
    )
    return name


def reach(emulator, monkeypatch):
    """Let the command line and `flipkit.connect` find an emulator that runs on this machine."""
    for name in ("FLIP_BASE_URL", "FLATPEAK_BASE_URL"):
        monkeypatch.setenv(name, emulator.url)


def count_calls(kit):
    """A list that grows by method and path with each request to Flatpeak from now on."""
    calls = []
    client = kit.flatpeak._session._client
    client.event_hooks = {
        "request": [lambda request: calls.append((request.method, request.url.path))]
    }
    return calls
