"""Bills of homes with panels against SAM (PySAM's Utilityrate5), month by month.

All five metering options, seasons and hours, tiers, demand charges, minimums, and every rule for
credit and true-ups. Drawn is what both can say; what SAM does otherwise is shown in
`test_pysam.py`, or left out here for the reason given at the place.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from support import sam_cases

import flipkit as fk
from flipkit.tariffs import (
    DemandCharge,
    DemandTier,
    Export,
    FixedCharge,
    Minimum,
    Rate,
    Tariff,
    Tier,
)

HOURS = 8760
STARTS = pd.date_range("2018-01-01", periods=HOURS, freq="h", tz="UTC")
MONTHS = range(1, 13)
# SAM takes a surplus to the period that holds at 0:00, 5:00, 11:00 or 17:00 of the next month's
# weekdays, whichever of these the period had first: hours begin at these times.
BLOCKS = ((0, 5), (5, 11), (11, 17), (17, 24))
# Which role each block has; that of midnight has the most hours, so that SAM and flipkit take the
# kWh of a month with one period to the same.
ROLES = ((0, 0, 0, 0), (0, 0, 0, 1), (0, 0, 1, 0), (0, 1, 0, 0), (0, 1, 0, 2), (0, 0, 1, 2))
NET_METERING, NET_METERING_DOLLARS, NET_BILLING, NET_BILLING_CARRIED, BUY_ALL = range(5)


@dataclass(frozen=True)
class Home:
    """A year of a home, its tariff, and the same for SAM."""

    tariff: Tariff
    inputs: dict[str, Any]
    load_kwh: np.ndarray
    generation_kwh: np.ndarray

    def bills(self):
        energy = pd.DataFrame(
            {
                "site_id": "home",
                "start_utc": STARTS,
                "consumption_kwh": self.load_kwh,
                "generation_kwh": self.generation_kwh,
            }
        )
        frame = fk.bill(energy, self.tariff)
        return frame.groupby("month")["cost"].sum().to_numpy()

    def sam_bills(self):
        model = sam_cases.run(self.inputs, self.load_kwh, self.generation_kwh)
        return np.array(model.Outputs.year1_monthly_utility_bill_w_sys)


def energy_of(dice):
    """Load and panels; some homes have no panels, some months no load."""
    load = np.round(dice.random(HOURS) ** 2 * dice.choice([0.5, 2.0, 6.0]), 3)
    if dice.random() < 0.3:
        load[STARTS.month == dice.integers(1, 13)] = 0.0
    height = np.maximum(0.0, 1 - np.abs(STARTS.hour - 12.5) / 6)
    season = 1 - np.abs(STARTS.day_of_year - 182) / 240
    cloud = np.repeat(dice.random(365), 24)
    size = dice.choice([0.0, 1.0, 3.0, 8.0])
    return load, np.round(np.asarray(size * height * season * cloud), 3)


def prices_of(dice, count):
    """Different prices: hours of one price are one period to flipkit, and not to SAM."""
    return (dice.permutation(60)[:count] + 1) / 100


def rates_of(dice):
    """Energy rates and selling rates, and SAM's tables."""
    seasons = dice.integers(0, dice.integers(1, 4), 12)
    roles = ROLES[dice.integers(len(ROLES))]
    tiers = int(dice.choice([1, 1, 2, 3]))
    limits = np.cumsum(dice.integers(20, 200, tiers - 1)).astype(float)
    named = dice.random() < 0.5
    weekend_rests = dice.random() < 0.5
    rates, sold, rows = [], [], []
    weekday, weekend = np.zeros((12, 24)), np.zeros((12, 24))
    number = 0
    for season in np.unique(seasons):
        months = tuple(int(month) for month in MONTHS if seasons[month - 1] == season)
        own_roles = (0, 0, 0, 0) if dice.random() < 0.3 else roles
        count = max(own_roles) + 1
        first_prices = prices_of(dice, count)
        for role in range(count):
            number += 1
            ladder = [round(first_prices[role] + 0.07 * tier, 2) for tier in range(tiers)]
            sell = dice.integers(0, 30) / 100
            for tier, price in enumerate(ladder):
                limit = [*limits, sam_cases.NO_LIMIT][tier]
                rows.append([number, tier + 1, limit, 0, price, sell])
            for days in ("weekday", "weekend"):
                rests = days == "weekend" and weekend_rests
                of_blocks = (0, 0, 0, 0) if rests else own_roles
                for (start, end), of_block in zip(BLOCKS, of_blocks, strict=True):
                    if of_block != role:
                        continue
                    table = weekend if days == "weekend" else weekday
                    table[np.ix_(np.array(months) - 1, range(start, end))] = number
                    hours = {"start": f"{start:02d}:00", "end": f"{end:02d}:00"}
                    when = hours | {"months": months, "days": days}
                    steps = [
                        Tier(p, None if n == tiers - 1 else limits[n]) for n, p in enumerate(ladder)
                    ]
                    name = f"season {season} role {role}" if named else None
                    rates.append(
                        Rate(
                            ladder[0], tiers=tuple(steps) if tiers > 1 else (), period=name, **when
                        )
                    )
                    sold.append(Rate(sell, **when))
    tables = {"ur_ec_sched_weekday": weekday.tolist(), "ur_ec_sched_weekend": weekend.tolist()}
    return tuple(rates), tuple(sold), tables | {"ur_ec_tou_mat": rows}


def export_of(dice, option, sold):
    """How exports are settled, in both languages."""
    month = int(dice.integers(1, 13))
    inputs = {"ur_nm_credit_month": month - 1}
    share = int(dice.integers(2))
    if option == NET_METERING:
        payout, as_credit = dice.integers(0, 20) / 100, bool(dice.integers(2))
        inputs |= {"ur_nm_yearend_sell_rate": payout, "ur_nm_credit_rollover": int(as_credit)}
        export = Export(
            "net_metering",
            carry_over="year",
            payout_per_kwh=payout,
            true_up_month=month,
            true_up_on="total",
            payout_as_credit=as_credit,
            credit_on="energy" if as_credit else "all",
        )
    elif option == NET_METERING_DOLLARS:
        export = Export(
            "net_metering",
            sold,
            carry_over="credit",
            payout_share=1.0,
            true_up_month=month,
            credit_on=("energy",),
        )
    elif option == NET_BILLING_CARRIED:
        waits = bool(dice.integers(2))
        inputs |= {
            "ur_nb_credit_expire": 1 - share,
            "ur_nb_apply_credit_current_month": int(not waits),
        }
        export = Export(
            "net_billing",
            sold,
            carry_over="credit",
            payout_share=float(share),
            true_up_month=month,
            credit_on=("energy",),
            credit_next_month=waits,
        )
    else:
        export = Export("net_billing" if option == NET_BILLING else "buy_all_sell_all", sold)
    return export, inputs


def minimum_of(dice):
    """None, by the month or by the year; SAM adds the whole of both, see `test_pysam.py`."""
    kind = dice.integers(3)
    amount = float(dice.integers(1, 120))
    inputs = {
        "ur_monthly_min_charge": amount if kind == 1 else 0,
        "ur_annual_min_charge": 12 * amount if kind == 2 else 0,
    }
    if kind == 0:
        return None, inputs
    return Minimum(amount) if kind == 1 else Minimum(per_year=12 * amount), inputs


def demand_of(dice):
    if dice.random() < 0.6:
        return (), {}
    price = dice.integers(1, 40) / 4
    inputs = {
        "ur_dc_enable": 1,
        "ur_dc_sched_weekday": sam_cases.flat_schedule(),
        "ur_dc_sched_weekend": sam_cases.flat_schedule(),
        "ur_dc_tou_mat": [[1, 1, sam_cases.NO_LIMIT, 0]],
        "ur_dc_flat_mat": [[month, 1, sam_cases.NO_LIMIT, price] for month in range(12)],
    }
    return (DemandCharge("demand", (DemandTier(price),), interval_minutes=60),), inputs


def home_of(seed, option):
    dice = np.random.default_rng(seed)
    load_kwh, generation_kwh = energy_of(dice)
    rates, sold, tables = rates_of(dice)
    export, export_inputs = export_of(dice, option, sold)
    minimum, minimum_inputs = minimum_of(dice)
    demand, demand_inputs = demand_of(dice)
    fixed = dice.integers(0, 40) / 2
    is_netted = option in (NET_METERING, NET_METERING_DOLLARS)
    has_tiers = any(rate.tiers for rate in rates)
    rule = "prorate" if is_netted else "chronological"
    tariff = Tariff(
        "plan",
        "USD",
        "UTC",
        rates,
        tier_rule=rule if has_tiers else None,
        demand=demand,
        fixed=(FixedCharge("basic", per_month=fixed),),
        minimum=minimum,
        export=export,
    )
    inputs = {"ur_metering_option": option, "ur_monthly_fixed_charge": fixed}
    inputs |= tables | export_inputs | minimum_inputs | demand_inputs
    return Home(tariff, inputs, load_kwh, generation_kwh)


@pytest.mark.parametrize("option", range(5))
@settings(
    max_examples=32,
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.generate],
)
@given(seed=st.integers(0, 2**32))
def test_every_month_of_a_home_with_panels_costs_what_sam_bills(option, seed):
    home = home_of(seed, option)
    assert home.bills() == pytest.approx(home.sam_bills(), abs=0.01)
