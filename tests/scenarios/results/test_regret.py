"""Every home under every pair of plans: against simulations of each pair on its own."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
import pytest

import flipkit as fk
from flipkit.errors import InputError

GBP = {"currency": "GBP", "timezone": "Europe/London"}
FLAT = fk.Tariff.flat(0.25, **GBP)
NIGHT = fk.Tariff.time_of_use({"00:00-07:00": 0.05, "07:00-24:00": 0.33}, **GBP)
LOW, HIGH = (
    fk.Tariff.flat(price, name=name, **GBP) for price, name in ((0.05, "low"), (0.15, "high"))
)
HOMES = [
    fk.Scenario("today", tariff=FLAT, export_tariff=LOW),
    fk.Scenario("night", tariff=NIGHT, export_tariff=LOW),
    fk.Scenario("battery", tariff=NIGHT, export_tariff=HIGH, battery=fk.Battery(5, 2.5)),
]


def energy(sites=2, days=40):
    rng, count = np.random.default_rng(5), days * 48
    frames = []
    for number in range(sites):
        times = [
            datetime(2025, 5, 20, 23, tzinfo=UTC) + k * timedelta(minutes=30) for k in range(count)
        ]
        sun = np.maximum(0.0, np.sin((np.arange(count) % 48 - 12) / 24 * np.pi))
        table = {
            "site_id": f"s{number}",
            "start_utc": times,
            "consumption_kwh": rng.gamma(1.5, 0.3, count),
        }
        frames.append(
            pd.DataFrame(table | {"generation_kwh": number * sun * rng.uniform(0, 2, count)})
        )
    return pd.concat(frames)


def test_each_pair_costs_what_a_simulation_of_it_costs():
    frame = energy()
    regret = fk.simulate(frame, HOMES, dispatch="optimal").regret()
    assert len(regret) == 2 * 3 * 4 * 3  # sites, scenarios, pairs, two months and the whole
    for home in HOMES:
        for bought in (FLAT, NIGHT):
            for sold in (LOW, HIGH):
                pair = fk.Scenario("x", tariff=bought, export_tariff=sold, battery=home.battery)
                bills = fk.simulate(frame, [pair], dispatch="optimal").bills()
                rows = regret[
                    (regret["scenario"] == home.name)
                    & (regret["import_plan"] == bought.name)
                    & (regret["export_plan"] == sold.name)
                ]
                for row in rows.to_dict("records"):
                    own = bills[bills["site_id"] == row["site_id"]]
                    own = own if pd.isna(row["month"]) else own[own["month"] == row["month"]]
                    assert row["cost"] == pytest.approx(own["cost"].sum(), abs=1e-9)
                    assert row["own"] == (bought == home.tariff and sold == home.export_tariff)


def test_one_pair_is_the_best_and_regret_is_the_difference_to_it():
    regret = fk.simulate(energy(), HOMES).regret(scenario="battery")
    for _, rows in regret.groupby(["site_id", "scenario", "month"], dropna=False):
        assert rows["best"].sum() == 1
        assert rows["own"].sum() == 1
        np.testing.assert_allclose(rows["regret"], rows["cost"] - rows["cost"].min(), atol=1e-9)
        assert rows[rows["best"]]["regret"].item() == 0
    assert (regret["regret"] >= 0).all()
    assert list(regret["month"].unique()[:2]) == ["2025-05", "2025-06"]
    assert pd.isna(regret["month"].iloc[2 * 4 :]).any()


def test_a_scenario_that_was_not_simulated_is_an_error(frames_library):
    result = fk.simulate(energy(1, 2), HOMES[:1])
    with pytest.raises(InputError, match="'x' was not simulated"):
        result.regret(scenario="x")
