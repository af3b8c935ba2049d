"""What the first dispatch on a machine waits for: each loop is compiled once, and only the loops of the method."""

import importlib
import subprocess
import sys

import numba
import numpy as np
import pytest

from flipkit.scenarios import Battery
from flipkit.scenarios.dispatch import dispatch

MODULES = ("convex", "optimum", "pieces", "rules", "segments")


def loops(module):
    made = importlib.import_module(f"flipkit.scenarios.dispatch.{module}")
    return {
        name: each
        for name, each in vars(made).items()
        if hasattr(each, "overloads") and each.targetoptions
    }


@pytest.mark.parametrize("module", MODULES)
def test_each_loop_is_compiled_for_one_set_of_types(module):
    rng = np.random.default_rng(1)
    for method in ("optimal", "day_ahead", "rule"):
        dispatch(
            rng.normal(0, 1, 24),
            rng.normal(0.1, 0.2, 24),
            np.full(24, 0.1),
            1.0,
            Battery(5, 3),
            method,
            day_edges=[0, 24],
        )
    found = loops(module)
    assert found
    assert {
        name: len(each.overloads) for name, each in found.items() if len(each.overloads) > 1
    } == {}


def test_a_rule_does_not_wait_for_the_optimum():
    code = """
import sys, numpy as np
from flipkit.scenarios.battery import Battery
from flipkit.scenarios.dispatch import dispatch
dispatch(np.ones(4), np.ones(4), np.ones(4), 1.0, Battery(5, 3), "rule")
print(sorted(name for name in sys.modules if name.startswith("flipkit.scenarios.dispatch.o") or name == "highspy"))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_where_compiled_code_cannot_be_kept_it_is_made_anew(monkeypatch):
    make = numba.njit

    def njit(*signature, cache=False, **options):
        def refuse(function):
            raise RuntimeError("cannot cache function: no locator available")

        return refuse if cache else make(*signature, **options)

    monkeypatch.setattr(numba, "njit", njit)
    monkeypatch.delitem(sys.modules, "flipkit.scenarios.dispatch.rules")
    made = importlib.import_module("flipkit.scenarios.dispatch.rules")
    cost = np.zeros(1)
    made.costs(
        np.array([[2.0, -1.0]]),
        np.full((1, 2), 0.3),
        np.full((1, 2), 0.1),
        np.zeros((1, 2)),
        0,
        1,
        cost,
    )
    assert cost[0] == pytest.approx(0.5)
