"""The split of a saving among its changes: the mean over all orders, and exact to the cent."""

from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import permutations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import flipkit as fk

GBP = {"currency": "GBP", "timezone": "Europe/London"}
FLAT = fk.Tariff.flat(0.25, **GBP)
NIGHT = fk.Tariff.time_of_use({"00:00-07:00": 0.09, "07:00-24:00": 0.29}, **GBP)
CHANGES = {
    "tariff": {"tariff": NIGHT, "export_tariff": fk.Tariff.flat(0.15, **GBP)},
    "solar": {"solar": fk.Solar.like_existing(3.0, 4.0)},
    "battery": {"battery": fk.Battery(5, 2.5)},
    "ev": {
        "ev": fk.EvCharging.weekly(
            {"all": ("18:00", "07:00", 6.0)}, max_power_kw=7.4, strategy="cheapest"
        )
    },
    "load": {"load": fk.Load(scale=0.9)},
}
TODAY = {"tariff": FLAT, "export_tariff": fk.Tariff.flat(0.05, **GBP)}


def energy(seed, sites=1, days=5):
    rng, count = np.random.default_rng(seed), days * 48
    frames = []
    for number in range(sites):
        times = [datetime(2025, 6, 1, tzinfo=UTC) + k * timedelta(minutes=30) for k in range(count)]
        sun = np.maximum(0.0, np.sin((np.arange(count) % 48 - 12) / 24 * np.pi))
        table = {
            "site_id": f"s{number}",
            "start_utc": times,
            "consumption_kwh": rng.gamma(1.5, 0.3, count),
        }
        frames.append(pd.DataFrame(table | {"generation_kwh": sun * rng.uniform(0, 2, count)}))
    return pd.concat(frames)


def cost(frame, changes):
    """What `changes` cost together; they have no field in common, so their order says nothing."""
    given = dict(TODAY)
    for name in changes:
        given |= CHANGES[name]
    row = fk.simulate(frame, [fk.Scenario("x", **given)]).summary(band=False).iloc[0]
    stored_value = row["stored_change_value"]
    return row["cost"] - (0.0 if pd.isna(stored_value) else stored_value)


@given(st.integers(0, 9999), st.sets(st.sampled_from(sorted(CHANGES)), min_size=1, max_size=4))
@settings(max_examples=10, deadline=None)
def test_each_change_has_its_mean_over_all_orders(seed, changes):
    frame, orders = energy(seed), list(permutations(sorted(changes)))
    mean = dict.fromkeys(changes, 0.0)

    @cache  # the orders share their beginnings
    def cost_of(chosen):
        return cost(frame, sorted(chosen))

    for order in orders:
        for number, name in enumerate(order):
            before, after = frozenset(order[:number]), frozenset(order[: number + 1])
            step = cost_of(after) - cost_of(before)
            mean[name] += step / len(orders)
    given = dict(TODAY)
    for name in changes:
        given |= CHANGES[name]
    result = fk.simulate(frame, [fk.Scenario("today", **TODAY), fk.Scenario("x", **given)])
    rows = result.waterfall().set_index("step")["change"]
    assert set(rows.index) == {"today", "difference", *changes}
    for name in changes:
        assert rows[name] == pytest.approx(mean[name], abs=0.01 + 1e-9)


def test_steps_add_up_to_the_cent_for_every_site_and_scenario():
    everything = {key: value for change in CHANGES.values() for key, value in change.items()}
    scenarios = [
        fk.Scenario("today", **TODAY),
        fk.Scenario("battery", **TODAY, battery=fk.Battery(5, 2.5)),
        fk.Scenario("all", **everything),
        fk.Scenario("the same", **TODAY),
    ]
    result = fk.simulate(energy(1, sites=3), scenarios, dispatch="optimal")
    summary = result.summary(band=False).set_index(["site_id", "scenario"])
    frame = result.waterfall()
    assert list(frame["scenario"].unique()) == ["battery", "all", "the same"]
    for (site, scenario), rows in frame.groupby(["site_id", "scenario"]):
        first, last, steps = rows.iloc[0], rows.iloc[-1], rows.iloc[1:-1]
        assert (first["step"], last["step"]) == ("today", "difference")
        assert first["cost"] == summary.loc[(site, "today"), "cost"]
        assert last["cost"] == summary.loc[(site, scenario), "cost"]
        assert last["change"] == -summary.loc[(site, scenario), "saving"]
        assert round(steps["change"].sum(), 6) == last["change"]
        assert all(round(cents * 100, 6) == round(cents * 100) for cents in rows["change"])
        if len(steps):
            assert steps.iloc[-1]["cost"] == last["cost"]
    assert list(frame[frame["scenario"] == "all"]["step"].unique()[1:-1]) == list(CHANGES)
    assert len(frame[frame["scenario"] == "the same"]) == 2 * 3


def test_a_single_scenario_has_no_waterfall():
    assert len(fk.simulate(energy(0), [fk.Scenario("today", **TODAY)]).waterfall()) == 0
