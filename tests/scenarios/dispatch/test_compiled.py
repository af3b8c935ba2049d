"""What the first dispatch on a machine waits for: each loop is compiled once, if needed."""

import importlib
import subprocess
import sys

import numba
import numpy as np
import pytest

from flipkit.scenarios import Battery
from flipkit.scenarios.dispatch import dispatch

MODULES = ("convolution", "optimum", "rules", "segments")


def compiled_functions(module):
    imported = importlib.import_module(f"flipkit.scenarios.dispatch.{module}")
    return {
        name: value
        for name, value in vars(imported).items()
        if hasattr(value, "overloads") and value.targetoptions
    }


@pytest.mark.parametrize("module", MODULES)
def test_each_loop_is_compiled_for_one_set_of_types(module):
    rng = np.random.default_rng(1)
    net = rng.normal(0, 1, 24)
    buy, sell = rng.normal(0.1, 0.2, 24), np.full(24, 0.1)
    for method in ("optimal", "day_ahead", "rule"):
        dispatch(net, buy, sell, 1.0, Battery(5, 3), method, day_edges=[0, 24])
    functions = compiled_functions(module)
    assert functions
    for name, function in functions.items():
        assert len(function.overloads) == 1, name


@pytest.mark.slow
def test_the_room_does_not_load_numba_and_a_rule_does_not_load_the_optimum():
    code = """
import sys
import flipkit.scenarios.dispatch
print("numba" in sys.modules)
import numpy as np
from flipkit.scenarios import Battery
from flipkit.scenarios.dispatch import dispatch
dispatch(np.ones(4), np.ones(4), np.ones(4), 1.0, Battery(5, 3), "rule")
optimum = "flipkit.scenarios.dispatch.optimum"
print(sorted({optimum, "highspy"} & set(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["False", "[]"]


@pytest.mark.slow
def test_without_a_folder_for_a_cache_the_loops_are_compiled_anyway(monkeypatch):
    njit = numba.njit

    def njit_without_cache(*signature, cache=False, **options):
        def refuse(function):
            raise RuntimeError("cannot cache function: no locator available")

        return refuse if cache else njit(*signature, **options)

    monkeypatch.setattr(numba, "njit", njit_without_cache)
    monkeypatch.delitem(sys.modules, "flipkit.scenarios.dispatch.rules")
    rules = importlib.import_module("flipkit.scenarios.dispatch.rules")
    net, no_flow = np.array([[2.0, -1.0]]), np.zeros((1, 2))
    buy, sell = np.full((1, 2), 0.3), np.full((1, 2), 0.1)
    cost = np.zeros(1)
    rules.energy_costs(net, buy, sell, no_flow, cost)
    assert cost[0] == pytest.approx(0.5)
