"""Environments: the services and keys of a kit; the emulator gets no real key."""

import subprocess
import sys
from base64 import b64decode
from pathlib import Path

import pytest

import flipkit as fk
from flipkit import emulator
from flipkit.emulator import Limiter, sample, start

MINE = {
    "FLIP_API_KEY": "fl_mine",
    "FLATPEAK_ACCOUNT_ID": "acc_mine",
    "FLATPEAK_API_KEY": "sk_test_mine",
}


@pytest.fixture
def keys(monkeypatch):
    for name, value in MINE.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def _each_reads_the_sample_fleet(monkeypatch):
    """As outside of tests; see `_sample_fleet_is_read_once`."""
    monkeypatch.setattr(emulator, "open_store", sample.open_store)


def test_the_emulator_is_the_default_and_needs_neither_key_nor_network():
    with fk.connect() as kit:
        assert (kit.environment, kit.frames) == ("emulator", "pandas")
        assert len(kit.flip.sites()) == 24
        assert len(kit.flatpeak.locations()) == 24
        assert "emulator" in repr(kit)


def test_frames_are_of_the_requested_library():
    with fk.connect(frames="polars") as kit:
        assert kit.frames == kit.flip.frames == "polars"
        assert type(kit.flip.sites()).__module__.startswith("polars")
    with pytest.raises(fk.InputError, match="pandas"):
        fk.connect(frames="numpy")


@pytest.mark.usefixtures("_each_reads_the_sample_fleet")
def test_each_call_makes_an_emulator_of_its_own():
    with fk.connect() as one, fk.connect() as other:
        device = {"id": "d", "type": "SOLAR", "technology_provider_identifier": "X"}
        device["install_date"] = "2025-06-19T15:30:00Z"
        one.flip.commission({"id": "new"}, [device])
        assert (len(one.flip.sites()), len(other.flip.sites())) == (25, 24)
        assert one.emulator.store is not other.emulator.store


def test_the_emulators_store_proves_that_reading_leaves_no_trace():
    with fk.connect() as kit:
        before = kit.emulator.store.digest()
        kit.flip.equipment_performance("2025-06")
        assert kit.emulator.store.digest() == before
        assert kit.emulator.clock.text() == "2026-01-10T12:00:00Z"


@pytest.mark.usefixtures("_each_reads_the_sample_fleet")
def test_two_emulators_are_the_same_to_the_byte():
    with fk.connect() as one, fk.connect() as other:
        assert one.emulator.store.digest() == other.emulator.store.digest()


def test_a_closed_kit_makes_no_calls():
    with fk.connect() as kit:
        pass
    with pytest.raises(Exception, match="closed"):
        kit.flip.sites()


@pytest.mark.usefixtures("keys")
def test_the_environment_can_be_named_by_a_variable(monkeypatch):
    monkeypatch.setenv("FLIPKIT_ENVIRONMENT", "sandbox")
    with fk.connect() as kit:
        assert kit.environment == "sandbox"
        assert "sandbox" in kit.flip.base_url
        assert kit.emulator is None
    monkeypatch.setenv("FLIPKIT_ENVIRONMENT", "")
    with fk.connect() as kit:
        assert kit.environment == "emulator"


@pytest.mark.parametrize("name", ["staging", "Emulator", "prod"])
def test_an_unknown_environment_is_an_error_that_lists_the_three(name, monkeypatch):
    with pytest.raises(fk.ConfigurationError, match=f"'{name}'.*emulator, sandbox, production"):
        fk.connect(name)
    monkeypatch.setenv("FLIPKIT_ENVIRONMENT", name)
    with pytest.raises(fk.ConfigurationError, match="emulator, sandbox, production"):
        fk.connect()


@pytest.mark.usefixtures("keys")
def test_sandbox_and_production_have_their_own_addresses(monkeypatch):
    with fk.connect("sandbox") as kit:
        assert kit.flip.base_url == "https://aggregator-api-sandbox.flip.energy"
    monkeypatch.setenv("FLATPEAK_API_KEY", "sk_live_mine")
    with fk.connect("production") as kit:
        assert kit.flip.base_url == "https://aggregator-api.flip.energy"
        assert "mine" not in repr(kit)


@pytest.mark.usefixtures("keys")
@pytest.mark.parametrize(
    ("environment", "key"), [("sandbox", "sk_live_x"), ("production", "sk_test_x")]
)
def test_a_key_of_the_other_environment_is_refused_and_not_shown(environment, key, monkeypatch):
    monkeypatch.setenv("FLATPEAK_API_KEY", key)
    with pytest.raises(
        fk.ConfigurationError, match=f"FLATPEAK_API_KEY begins with {key[:-1]}"
    ) as refused:
        fk.connect(environment)
    assert key not in str(refused.value)


@pytest.mark.usefixtures("keys")
@pytest.mark.parametrize("name", MINE)
def test_a_missing_key_is_an_error_that_names_the_variable(name, monkeypatch):
    monkeypatch.delenv(name)
    with pytest.raises(fk.ConfigurationError, match=name):
        fk.connect("sandbox")


@pytest.mark.usefixtures("keys")
def test_addresses_from_the_environment_are_used(monkeypatch):
    monkeypatch.setenv("FLIP_BASE_URL", "https://flip.example")
    monkeypatch.setenv("FLATPEAK_BASE_URL", "https://flatpeak.example")
    with fk.connect("sandbox") as kit:
        assert kit.flip.base_url == "https://flip.example"
        assert kit.flatpeak.base_url == "https://flatpeak.example"
    with pytest.raises(
        fk.ConfigurationError, match="FLIP_BASE_URL is not an address of this machine"
    ):
        fk.connect("emulator")


class Watching(Limiter):
    """Pass every request on, and record its key."""

    def __init__(self):
        super().__init__(rate=1.0)
        self.seen = set()

    def wait_s(self, key):
        scheme, _, text = key.partition(" ")
        self.seen.add((scheme, b64decode(text).decode() if scheme == "Basic" else text))
        return 0.0


@pytest.mark.usefixtures("keys")
def test_a_running_emulator_at_both_addresses_is_used_and_gets_no_real_key(
    monkeypatch,
):
    watching = Watching()
    with start(limiter=watching) as emulator:
        for name in ("FLIP_BASE_URL", "FLATPEAK_BASE_URL"):
            monkeypatch.setenv(name, emulator.url)
        with fk.connect() as kit:
            assert kit.emulator is None
            assert (len(kit.flip.sites()), len(kit.flatpeak.locations())) == (24, 24)
    assert {("Bearer", "emulator"), ("Basic", "acc_emulator:sk_test_emulator")} <= watching.seen
    assert not any("mine" in text for _, text in watching.seen)


@pytest.mark.parametrize("name", ["FLIP_BASE_URL", "FLATPEAK_BASE_URL"])
def test_a_single_address_would_mix_two_fleets(name, monkeypatch):
    monkeypatch.setenv(name, "http://127.0.0.1:8080")
    with pytest.raises(fk.ConfigurationError, match="set both"):
        fk.connect()


def test_a_kit_cannot_be_changed():
    with fk.connect() as kit, pytest.raises(AttributeError):
        kit.environment = "production"


def test_it_works_in_a_process_that_begins_with_it():
    code = "import flipkit as fk; print(len(fk.connect().flip.sites()))"
    result = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        capture_output=True,
        text=True,
        cwd=Path(fk.__file__).parents[1],
    )
    assert (result.stdout, result.stderr) == ("24\n", "")
