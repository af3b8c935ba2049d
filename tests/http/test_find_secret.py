"""Where a key is looked for, and that it shows nowhere when it is refused."""

import sys
import types

import pytest

from flipkit import errors
from flipkit.http import find_secret

NAME = "FLIP_API_KEY"


def key_store(monkeypatch, answer):
    """A stand-in for the keyring package."""
    package, family = types.ModuleType("keyring"), types.ModuleType("keyring.errors")
    asked = []

    class KeyringError(Exception):
        pass

    def get_password(service, user):
        asked.append((service, user))
        if answer is KeyringError:
            raise KeyringError("no store on this machine")
        return answer

    family.KeyringError = package.KeyringError = KeyringError
    package.get_password, package.errors = get_password, family
    if answer == "broken":
        answer = KeyringError
    monkeypatch.setitem(sys.modules, "keyring", package)
    monkeypatch.setitem(sys.modules, "keyring.errors", family)
    return asked


def test_the_argument_comes_first_then_the_environment_then_the_key_store(monkeypatch):
    asked = key_store(monkeypatch, "from-store")
    assert find_secret(NAME).reveal() == "from-store"
    assert asked == [("flipkit", NAME)]
    monkeypatch.setenv(NAME, " from-environment\n")
    assert find_secret(NAME).reveal() == "from-environment"
    assert find_secret(NAME, "given").reveal() == "given"
    assert len(asked) == 1


@pytest.mark.parametrize("store", [None, "broken"])
def test_without_a_key_the_error_names_the_variable(monkeypatch, store):
    key_store(monkeypatch, store)
    monkeypatch.setenv(NAME, "  ")
    with pytest.raises(
        errors.ConfigurationError, match=f"{NAME} is missing.*environment variable {NAME}"
    ):
        find_secret(NAME)


def test_without_a_key_store_the_error_is_the_same():
    with pytest.raises(errors.ConfigurationError, match=f"{NAME} is missing"):
        find_secret(NAME)


@pytest.mark.parametrize(
    "bad", ["", "  ", "fl_can\nary", "fl_can ary", "fl_canäry", "fl_can\x7fary", b"fl_canary", 7]
)
def test_a_key_that_no_header_can_hold_is_refused_without_showing_it(monkeypatch, bad):
    monkeypatch.setenv(NAME, "another")
    with pytest.raises(errors.ConfigurationError, match=f"{NAME} is not a valid key") as caught:
        find_secret(NAME, bad)
    assert "ary" not in str(caught.value)
