"""Bills that others published with their arithmetic, recalculated to the cent.

* Rocky Mountain Power, Idaho, residential schedule 1, two bills of 2019 (Idaho Public Utilities
  Commission, document 39228). The efficiency charge is 2.7 % of the basic charge, the energy and
  the cost adjustment; the last two lines are not in its base.
* City of Seymour, Missouri: calculation examples of its residential rates, winter and summer.
* Ceylon Electricity Board: domestic tariff, blocks by the day, 210 units in 31 days, with a fuel
  charge of 40 % (without the fixed charge).
* The rule of a demand ratchet as the Pacific Northwest National Laboratory explains it: 1,000 kW
  once, and at least 80 % of it in the eleven months that follow.
"""

from functools import partial

import pytest
from support.bill_hand import D, bill_by, flat, numbers, profile, total
from support.bill_plan import Demand, Plan, Ratchet, Tax, When


@pytest.fixture(params=["oracle", "engine"])
def rate(request):
    return partial(bill_by, request.param)


@pytest.mark.parametrize(
    ("month", "days", "kwh", "bill"), [("2019-01", 31, 1484, 138.39), ("2019-02", 28, 1380, 126.95)]
)
def test_rocky_mountain_power(rate, month, days, kwh, bill):
    adjustment = 0.00276
    plan = Plan(
        "America/Boise",
        (flat(0.085806 + adjustment, 1000, prices=(0.114943 + adjustment,)),),
        tier_rule="chronological",
        fixed=(("basic", D(0), D(5)),),
        adders=(("tax act", D(-0.00252)), ("Columbia River benefits", D(-0.008403))),
        taxes=(Tax("efficiency services", D(0.027), ("energy", "fixed")),),
    )
    rows = rate([plan], profile("America/Boise", f"{month}-01", days * 24, kwh / days / 24))
    assert total(rows) == {month: pytest.approx(bill, abs=0.005)}


@pytest.mark.parametrize(
    ("month", "hours", "kwh", "energy", "bill"),
    [("2025-01", 744, 1200, 60.35, 171.55), ("2025-07", 744, 2000, 97.625, 277.88)],
)
def test_city_of_seymour(rate, month, hours, kwh, energy, bill):
    winter, summer = (1, 2, 3, 4, 5, 10, 11, 12), (6, 7, 8, 9)
    blocks = flat(0.064, 250, 700, prices=(0.049, 0.0446), name="winter", whens=(When(winter),))
    warm = flat(
        0.064, 250, 700, 1250, prices=(0.049, 0.0475, 0.0446), name="summer", whens=(When(summer),)
    )
    plan = Plan(
        "America/Chicago",
        (blocks, warm),
        tier_rule="per_period",
        fixed=(("base", D(0), D(7.5)),),
        adders=(("power cost", D(0.085)),),
        taxes=(Tax("city sales tax", D(0.01)),),
    )
    rows = rate([plan], profile("America/Chicago", f"{month}-01", hours, kwh / hours))
    assert total(rows, "energy") == {month: pytest.approx(energy)}
    assert total(rows) == {month: pytest.approx(bill, abs=0.005)}


def test_ceylon_electricity_board(rate):
    ladder = flat(3, 1, 2, 3, 4, 6, prices=(4.7, 7.5, 21, 24, 36), daily=True)
    plan = Plan(
        "Asia/Colombo",
        (ladder,),
        tier_rule="chronological",
        taxes=(Tax("fuel adjustment", D(0.4), ("energy",)),),
    )
    rows = rate([plan], profile("Asia/Colombo", "2012-05-01", 744, 210 / 744))
    assert total(rows) == {"2012-05": pytest.approx(4863.88, abs=0.005)}


def test_a_demand_ratchet_holds_for_eleven_months(rate):
    charge = Demand("ratchet", numbers(1), minutes=60, ratchet=Ratchet(D(0.8), 11))
    plan = Plan("UTC", (flat(0),), demands=(charge,))
    rows = rate([plan], profile("UTC", "2024-01-01", 397 * 24, 500, at={3: 1000}))
    assert [round(cost, 6) for _, cost in sorted(total(rows).items())] == [1000] + [800] * 11 + [
        500
    ]
