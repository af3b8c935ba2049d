"""Progress bars appear in notebooks and terminals only, and can be turned off."""

import sys
from types import SimpleNamespace

import pytest

from flipkit.http import map_concurrent


@pytest.fixture
def bars(monkeypatch):
    """The arguments of each call of tqdm."""
    found = []

    def tqdm(steps, **options):
        found.append(options)
        return steps

    monkeypatch.setitem(sys.modules, "tqdm.auto", SimpleNamespace(tqdm=tqdm))
    monkeypatch.delitem(sys.modules, "ipykernel", raising=False)
    monkeypatch.delenv("TQDM_DISABLE", raising=False)
    monkeypatch.setattr(sys, "stderr", SimpleNamespace(isatty=lambda: False))
    return found


def test_a_bar_in_a_notebook(bars, monkeypatch):
    monkeypatch.setitem(sys.modules, "ipykernel", SimpleNamespace())
    assert map_concurrent(abs, [-1, -2], what="costs") == [1, 2]
    [options] = bars
    assert options["desc"] == "costs"
    assert options["total"] == 2


def test_the_environment_turns_it_off(bars, monkeypatch):
    monkeypatch.setitem(sys.modules, "ipykernel", SimpleNamespace())
    monkeypatch.setenv("TQDM_DISABLE", "1")
    assert map_concurrent(abs, [-1, -2], what="costs") == [1, 2]
    assert bars == []


def test_a_bar_in_a_terminal(bars, monkeypatch):
    monkeypatch.setattr(sys, "stderr", SimpleNamespace(isatty=lambda: True))
    map_concurrent(abs, [-1, -2], what="costs")
    assert len(bars) == 1


@pytest.mark.parametrize("what", [None, "costs"])
def test_there_is_no_bar_without_a_terminal(bars, what):
    assert map_concurrent(abs, [-1, -2], what=what) == [1, 2]
    assert bars == []
