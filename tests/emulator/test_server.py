"""The emulator on loopback: real connections, real faults, restarts and kills."""

import itertools
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

import flipkit as fk
from flipkit.emulator import Clock, FaultPlan, Store, start
from flipkit.errors import ConfigurationError

KEY = {"Authorization": "Bearer any-key"}
DEVICE = {
    "id": "d",
    "type": "SOLAR",
    "technology_provider_identifier": "X",
    "install_date": "2025-06-19T15:30:00Z",
}
RECORD = {"records": [{"external_id": "s", "record_type": "site", "data": {"customer_name": "N"}}]}
SERVE = """\
import sys
from flipkit.emulator import serve
serve(int(sys.argv[1]), path=sys.argv[2] or None, sample=False)
"""


def commission(url, site_id):
    return httpx.post(
        f"{url}/v1/commission", json={"site": {"id": site_id}, "devices": [DEVICE]}, headers=KEY
    )


def site_ids(url):
    return [site["id"] for site in httpx.get(f"{url}/v1/sites", headers=KEY).json()]


@pytest.fixture
def served(tmp_path):
    """Return a function that runs the emulator in its own process: (url, process)."""
    running = []

    def run(path=""):
        command = [sys.executable, "-c", SERVE, "0", str(path)]
        process = subprocess.Popen(
            command, stdout=subprocess.PIPE, text=True, env=os.environ | {"PYTHONPATH": os.curdir}
        )
        running.append(process)
        greeting = process.stdout.readline()
        return "http://127.0.0.1:" + greeting.split("127.0.0.1:")[1].split()[0], process

    yield run
    for process in running:
        process.kill()
        process.wait()
        process.stdout.close()


def test_it_answers_shows_its_address_and_releases_the_port():
    with start(sample=False) as emulator:
        assert commission(emulator.url, "s").status_code == 201
        assert site_ids(emulator.url) == ["s"]
        assert emulator.url.startswith("http://127.0.0.1:")
        for words in (
            emulator.url,
            f"FLIP_BASE_URL={emulator.url}",
            f"FLATPEAK_BASE_URL={emulator.url}",
        ):
            assert words in repr(emulator)
        answer = httpx.get(f"{emulator.url}/v1/sites", headers=KEY)
        assert answer.headers["Date"] == "Sat, 10 Jan 2026 12:00:00 GMT"
    with pytest.raises(httpx.ConnectError):
        site_ids(emulator.url)
    assert "stopped" in repr(emulator)
    port = int(emulator.url.rpartition(":")[2])
    with start(port, sample=False) as again:
        assert again.url == emulator.url
        assert site_ids(again.url) == []


def test_stopping_twice_is_fine_and_leaves_no_thread():
    before = threading.active_count()
    emulator = start(sample=False)
    emulator.stop()
    emulator.stop()
    assert threading.active_count() == before


def test_a_stop_finishes_requests_in_progress():
    arrived, go_on, statuses = threading.Semaphore(0), threading.Event(), []

    def hold(_seconds):
        arrived.release()
        go_on.wait(10)

    emulator = start(sample=False, faults=FaultPlan(1, 1.0, ["delay"], sleep=hold))
    clients = [
        threading.Thread(
            target=lambda n=n: statuses.append(commission(emulator.url, f"s{n}").status_code)
        )
        for n in range(8)
    ]
    for client in clients:
        client.start()
    for _ in clients:
        assert arrived.acquire(timeout=10)
    stopping = threading.Thread(target=emulator.stop)
    stopping.start()
    go_on.set()
    for thread in (stopping, *clients):
        thread.join()
    assert statuses == [201] * 8


def test_a_stop_waits_for_a_slow_reader_but_not_for_idle_connections(monkeypatch):
    monkeypatch.setattr("flipkit.emulator.server._PATIENCE_S", 30.0)
    emulator = start(sample=False)
    with httpx.Client(base_url=emulator.url, headers=KEY) as idle, socket.socket() as slow:
        big = RECORD["records"][0] | {
            "external_id": "s",
            "data": {"customer_name": "N" * 4_000_000},
        }
        assert (
            idle.post("/v1/commission", json={"site": {"id": "s"}, "devices": [DEVICE]}).status_code
            == 201
        )
        assert idle.post("/v1/fleet-data", json={"records": [big]}).status_code == 200
        slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        slow.connect(("127.0.0.1", int(emulator.url.rpartition(":")[2])))
        slow.sendall(b"GET /v1/sites HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer k\r\n\r\n")
        received = slow.recv(100)
        begun = time.monotonic()
        stopping = threading.Thread(target=emulator.stop)
        stopping.start()
        while part := slow.recv(1 << 20):
            received += part
        stopping.join()
    assert received.endswith(b"]")
    assert len(received) > 4_000_000
    assert time.monotonic() - begun < 15


def test_a_taken_port_is_an_error_that_says_what_to_do():
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(
            ConfigurationError, match=rf"port {port} .*another program listens there; stop it"
        ):
            start(port, sample=False)


@pytest.mark.parametrize("port", [-1, 70_000])
def test_an_invalid_port_is_an_error_that_says_what_to_do(port):
    with pytest.raises(ConfigurationError, match=r"choose a port from 1024 to 65535"):
        start(port, sample=False)


def test_it_listens_on_this_machine_only():
    with start(sample=False) as emulator:
        port = int(emulator.url.rpartition(":")[2])
        with socket.socket() as any_address, pytest.raises(OSError, match="refused"):
            any_address.connect(("127.0.0.2", port))


def test_sixteen_calls_are_handled_concurrently():
    together = threading.Barrier(16)
    plan = FaultPlan(1, 1.0, ["delay"], sleep=lambda _seconds: together.wait(10))
    with (
        start(sample=False, faults=plan) as emulator,
        httpx.Client(base_url=emulator.url, headers=KEY) as http,
        ThreadPoolExecutor(16) as pool,
    ):
        answers = list(pool.map(lambda _: http.get("/v1/sites"), range(16)))
    assert [answer.status_code for answer in answers] == [200] * 16


@pytest.mark.parametrize(
    ("kind", "words"),
    [("truncated", "without sending complete message"), ("reset", "without sending a response")],
)
def test_a_lost_connection_is_a_real_one(kind, words):
    with start(sample=False, faults=FaultPlan(1, 1.0, [kind])) as emulator:
        with pytest.raises(httpx.RemoteProtocolError, match=words):
            httpx.post(f"{emulator.url}/v1/fleet-data", json=RECORD, headers=KEY)
        with pytest.raises(OSError):  # noqa: PT011  another client, the same connection lost
            urllib.request.urlopen(emulator.url + "/v1/sites").read()


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_refusal_on_the_wire(status):
    with start(sample=False, faults=FaultPlan(1, 1.0, [str(status)])) as emulator:
        answer = httpx.get(f"{emulator.url}/v1/sites", headers=KEY)
        assert (answer.status_code, answer.json()["statusCode"]) == (status, status)
        assert "Retry-After" in answer.headers or status != 429


def test_too_large_a_body_is_refused_on_the_wire_too():
    with start(sample=False) as emulator:
        headers = KEY | {"Content-Type": "application/json"}
        answer = httpx.post(
            f"{emulator.url}/v1/fleet-data", content=b" " * (33 * 2**20), headers=headers
        )
        assert (answer.status_code, answer.json()["statusCode"]) == (413, 413)


def test_a_file_keeps_the_data(tmp_path):
    path = tmp_path / "emulator.db"
    with start(path=path, sample=False) as emulator:
        commission(emulator.url, "s")
    with start(path=path, sample=False) as emulator:
        assert site_ids(emulator.url) == ["s"]


@pytest.mark.parametrize("name", ["HTTP_PROXY", "http_proxy", "ALL_PROXY"])
def test_requests_to_this_machine_bypass_proxies(name, monkeypatch):
    with socket.socket() as unused, start(sample=False) as emulator:
        unused.bind(("127.0.0.1", 0))  # without listening: what goes there is refused
        monkeypatch.setenv(name, f"http://127.0.0.1:{unused.getsockname()[1]}")
        with fk.Flip("any-key", base_url=emulator.url) as flip:
            assert len(flip.sites()) == 0


@pytest.mark.slow
def test_acknowledged_data_survives_a_kill_at_any_moment(served, tmp_path):
    path, acknowledged, sent = tmp_path / "emulator.db", set(), set()

    def keep_sending(url, http, client):
        for number in itertools.count():
            site_id = f"{url}-{client}-{number}"
            sent.add(site_id)
            body = {"site": {"id": site_id}, "devices": [DEVICE]}
            try:
                http.post(f"{url}/v1/commission", json=body, headers=KEY).raise_for_status()
            except httpx.RequestError:
                return
            acknowledged.add(site_id)

    for kills in range(1, 4):
        url, process = served(path)
        with httpx.Client() as http, ThreadPoolExecutor(4) as pool:
            clients = [pool.submit(keep_sending, url, http, client) for client in range(4)]
            while len(acknowledged) < 25 * kills:
                assert [client.exception() for client in clients if client.done()] == []
                threading.Event().wait(0.001)
            process.kill()
        process.wait()
    url, _ = served(path)
    assert acknowledged <= set(site_ids(url)) <= sent


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_it_cleanly(served, number):
    _, process = served()
    process.send_signal(number)
    output, _ = process.communicate(timeout=10)
    assert process.returncode == 0
    assert output.endswith("The emulator has stopped.\n")


def test_a_file_of_another_program_is_an_error_that_says_what_to_do(tmp_path):
    path = tmp_path / "letter.txt"
    path.write_text("Dear reader, " * 100, encoding="utf-8")
    with pytest.raises(ConfigurationError, match=r"letter\.txt: .*name a file of an emulator"):
        start(path=path, sample=False)
    with pytest.raises(ConfigurationError, match="name a file of an emulator"):
        start(path=tmp_path / "no" / "folder.db")
    assert path.read_text(encoding="utf-8").startswith("Dear reader")


def test_a_running_emulator_gives_access_to_its_store_and_clock():
    with start(sample=False) as emulator:
        assert isinstance(emulator.store, Store)
        assert isinstance(emulator.clock, Clock)
        before = emulator.store.digest()
        site_ids(emulator.url)
        assert emulator.store.digest() == before
