"""The import price of every interval: what a kWh costs or would cost, in the tier reached."""

import numpy as np
import pytest

import flipkit as fk
from flipkit.tariffs import Adder, Export, Rate, Tax, Tier
from tests.support.engine_help import energy

HOURS = 744  # January in UTC
UTC = {"currency": "GBP", "timezone": "UTC"}
TIERS = (Rate(tiers=(Tier(0.1, 150.0), Tier(0.3, 400.0), Tier(0.2))),)


def intervals(tariff, **more):
    rng = np.random.default_rng(5)
    home = rng.uniform(0, 2, HOURS)
    sun = rng.uniform(0, 2, HOURS) * (np.arange(HOURS) % 24 > 8)
    frame = energy(home, sun, start="2025-01-01")
    found = fk.simulate(frame, [fk.Scenario("x", tariff=tariff, **more)]).intervals()
    assert (found["import_kwh"] == 0).sum() > 100
    return found


def test_it_is_the_energy_price_as_the_cost_is_without_adders_and_taxes():
    rates = (Rate(0.09, "00:00", "07:00"), Rate(0.29, "07:00", "24:00"))
    tariff = fk.Tariff(
        "x", rates=rates, adders=(Adder("levy", 0.02),), taxes=(Tax("VAT", 0.05),), **UTC
    )
    found = intervals(tariff)
    hour = np.arange(HOURS) % 24
    wanted = np.where(hour < 7, 0.09, 0.29)
    np.testing.assert_allclose(found["import_price"], wanted, rtol=1e-9)
    np.testing.assert_allclose(found["import_cost"], wanted * found["import_kwh"], rtol=1e-9)


def test_it_is_that_of_the_tier_reached_also_where_nothing_is_imported():
    found = intervals(fk.Tariff("x", rates=TIERS, tier_rule="chronological", **UTC))
    used = 0.0
    wanted = []
    for kwh in found["import_kwh"]:
        # By hand: the mean over the tiers that the kWh fill, else the price of the next kWh.
        edges = [(0.0, 150.0, 0.1), (150.0, 400.0, 0.3), (400.0, np.inf, 0.2)]
        if kwh == 0:
            wanted.append(next(price for _, end, price in edges if used < end))
            continue
        cost = 0.0
        for begin, end, price in edges:
            cost += price * max(0.0, min(used + kwh, end) - max(used, begin))
        wanted.append(cost / kwh)
        used += kwh
    assert used > 410  # all three tiers are reached
    np.testing.assert_allclose(found["import_price"], wanted, rtol=1e-9)


def test_net_metering_has_the_price_of_the_hour_though_not_its_cost():
    rates = (Rate(0.09, "00:00", "07:00"), Rate(0.29, "07:00", "24:00"))
    found = intervals(fk.Tariff("x", rates=rates, export=Export("net_metering"), **UTC))
    assert found["import_cost"].isna().all()
    wanted = np.where(np.arange(HOURS) % 24 < 7, 0.09, 0.29)
    np.testing.assert_allclose(found["import_price"], wanted, rtol=1e-12)


@pytest.mark.parametrize("rule", ["prorate", "per_period"])
def test_it_is_null_where_only_the_whole_month_tells_it(rule):
    found = intervals(fk.Tariff("x", rates=TIERS, tier_rule=rule, **UTC))
    assert found["import_price"].isna().all()


def test_successive_tariffs_have_each_their_price():
    parts = [
        fk.Tariff("a", rates=(Rate(0.1),), valid_to_us=1_736_899_200_000_000, **UTC),  # 15 January
        fk.Tariff("b", rates=(Rate(0.4),), valid_from_us=1_736_899_200_000_000, **UTC),
    ]
    found = intervals(fk.Tariff.successive(parts))
    wanted = np.where(np.arange(HOURS) < 14 * 24, 0.1, 0.4)
    np.testing.assert_allclose(found["import_price"], wanted, rtol=1e-12)
