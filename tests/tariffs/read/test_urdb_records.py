"""Real records of the Utility Rate Database: each loads and costs what SAM bills, or says why not.

The records and where they were found: ``data/urdb/README.md``. SAM's own reader
(`PySAM.UtilityRateTools`) says what a record means; where it leaves something out, the test adds
it and says so.
"""

import copy
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from PySAM import UtilityRateTools
from support import sam_cases

import flipkit as fk
from flipkit.errors import InputError
from flipkit.tariffs import Tariff, Tier

FOLDER = Path(__file__).parent / "data" / "urdb"
RECORDS = {path.stem: json.loads(path.read_text("utf-8")) for path in FOLDER.glob("*.json")}
HOURS = 8760
DAYS = np.array([31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31])
DICE = np.random.default_rng(2018)
LOAD_KW = DICE.random(HOURS) * 300
SUN = np.maximum(0.0, np.sin((np.arange(HOURS) % 24 - 6) / 12 * np.pi)) * DICE.random(HOURS)

# Part of the name of the record, and what is said of it.
REFUSED = {
    "dixie-escalante": r"539fc25dec4f024c27d8b0a5', energyratestructure\[0\]\[0\]: no rate",
    "peco-energy": r"53ac8daa5257a3406ac32a35', coincidentratestructure: demand at the system's pe",
    "seward-county": r"energyweekdayschedule\[0\]\[0\]: 1 is not a period",
    "southern-california": r"demandweekdayschedule\[5\]\[12\]: 2 is not a period",
}
UNPRICED = {
    "pacific-gas-electric-co-e-19": ["demandattrs", "energyattrs"],
    "southerncalifornia": ["demandattrs", "energyattrs"],
}


def found_in(table, name):
    return next((value for part, value in table.items() if name.startswith(part)), None)


READ = sorted(name for name in RECORDS if found_in(REFUSED, name) is None)


def read(record, **options):
    return Tariff.from_urdb(record, timezone="UTC", tier_rule="chronological", **options)


def monthly_bills(record, tariff, load_kw, generation_kw=None, **inputs):
    """What flipkit bills for 2018, and what SAM bills."""
    tariff = replace(tariff, valid_from_us=None, valid_to_us=None)
    start = np.datetime64("2018-01-01T00", "us") + np.arange(HOURS) * np.timedelta64(1, "h")
    energy = pl.DataFrame(
        {
            "site_id": ["home"] * HOURS,
            "start_utc": pl.Series(start).dt.replace_time_zone("UTC"),
            "consumption_kwh": load_kw,
        }
    )
    generation_kw = np.zeros(HOURS) if generation_kw is None else generation_kw
    bill = fk.bill(energy.with_columns(generation_kwh=generation_kw), tariff)
    by_month = bill.group_by("month").agg(pl.col("cost").sum()).sort("month")["cost"]

    # A copy, because SAM's reader changes its input.
    inputs = UtilityRateTools.URDBv8_to_ElectricityRates(copy.deepcopy(record)) | inputs
    model = sam_cases.run(inputs, load_kw, generation_kw)
    sam = np.array(model.Outputs.year1_monthly_utility_bill_w_sys)
    # SAM bills a daily charge for the mean month, and does not read the field of older records.
    sam += record.get("fixedmonthlycharge", 0.0)
    if record.get("fixedchargeunits") == "$/day":
        sam += record["fixedchargefirstmeter"] * (DAYS - 365 / 12)
    return by_month.to_list(), sam.tolist()


@pytest.mark.parametrize("name", READ)
def test_a_real_record_costs_what_sam_bills(name):
    record = RECORDS[name]
    before = copy.deepcopy(record)
    tariff = read(record)
    assert record == before
    bills, sam = monthly_bills(record, tariff, LOAD_KW)
    assert bills == pytest.approx(sam, rel=1e-9)
    codes = [finding.split(", ")[0] for finding in tariff.findings]
    assert codes == [f"tariff.unpriced: {field}" for field in found_in(UNPRICED, name) or ()]


@pytest.mark.parametrize("part", REFUSED)
def test_a_real_record_that_cannot_be_priced_says_why(part):
    (name,) = [name for name in RECORDS if name.startswith(part + "-")]
    with pytest.raises(InputError, match=REFUSED[part]):
        read(RECORDS[name])


def test_without_its_coincident_demand_the_rest_of_a_record_is_read():
    (name,) = [name for name in RECORDS if name.startswith("peco-")]
    record = RECORDS[name]
    tariff = read(record, ignore=["coincidentratestructure"])
    bills, sam = monthly_bills(record, tariff, LOAD_KW)
    assert bills == pytest.approx(sam, rel=1e-9)
    # "Net metering at full retail rate", its comment says; the sell price is rate and adjustment.
    assert tariff.export.mode == "net_billing"
    assert [finding.split(": ")[0] for finding in tariff.findings] == [
        "tariff.ignored",
        "tariff.unpriced",
        "tariff.assumed",
    ]


# ---- with panels


# One more has `usenetmetering`, Entergy's. Its summer begins in June with other hours: SAM carries
# the kWh of May by what is in force at four hours of the day, flipkit by most of the same hours.
@pytest.mark.parametrize(
    "name", [name for name in READ if RECORDS[name].get("dgrules") == "Net Metering"]
)
def test_a_real_record_with_net_metering_costs_what_sam_bills(name):
    bills, sam = monthly_bills(RECORDS[name], read(RECORDS[name]), LOAD_KW, SUN * 600)
    assert bills == pytest.approx(sam, rel=1e-9)


# What SAM assumes where it is given nothing else; `sam_cases.run` has other terms.
DEFAULTS = {"ur_nb_credit_expire": 0, "ur_nb_apply_credit_current_month": 0}


@pytest.mark.parametrize("sells", [(0.05, 0.05), (0.02, 0.08)])
@pytest.mark.parametrize(
    "rule", ["Net Billing Instantaneous", "Net Billing Hourly", "Buy All Sell All"]
)
def test_selling_prices_by_tier_earn_what_sam_pays(rule, sells):
    tiers = [{"rate": 0.2, "max": 500, "sell": sells[0]}, {"rate": 0.3, "sell": sells[1]}]
    record = flat_record(*tiers) | {
        "dgrules": rule,
        "fixedchargefirstmeter": 10,
        "fixedchargeunits": "$/month",
    }
    bills, sam = monthly_bills(record, read(record), LOAD_KW / 75, SUN * 14, **DEFAULTS)
    assert bills == pytest.approx(sam, rel=1e-9)


def test_a_daily_minimum_is_for_the_days_of_each_month():
    record = flat_record(kwh(0.1)) | {"mincharge": 3, "minchargeunits": "$/day"}
    bills, sam = monthly_bills(record, read(record), np.zeros(HOURS))
    assert bills == pytest.approx((DAYS * 3).tolist())
    assert sam == pytest.approx([3 * 365 / 12] * 12)  # SAM takes the mean month


# ---- kWh within blocks of hours of use


def flat_record(*tiers):
    # Lists of their own: SAM's reader adds 1 to each hour, twice to one that is shared.
    return {
        "energyratestructure": [list(tiers)],
        "energyweekdayschedule": [[0] * 24 for _ in range(12)],
        "energyweekendschedule": [[0] * 24 for _ in range(12)],
    }


def kwh(rate, limit=None, unit="kWh"):
    return {"rate": rate, "unit": unit} | ({} if limit is None else {"max": limit})


def per_kw(rate, limit=None):
    return kwh(rate, limit, "kWh/kW")


# Georgia Power's schedule PLL is of this form: steps of kWh in the first 200 hours of the demand.
GEORGIA = (
    {"unit": "kWh/kW", "max": 200},
    kwh(0.13, 3000),
    kwh(0.12, 10_000),
    kwh(0.10, 200_000),
    kwh(0.09),
    per_kw(0.014, 400),
    per_kw(0.011, 600),
    per_kw(0.009),
)


def test_steps_of_kwh_within_a_block_of_hours_of_use():
    tiers = read(flat_record(*GEORGIA)).rates[0].tiers
    assert tiers == (
        Tier(0.13, 3000, hours_of_use=200),
        Tier(0.12, 10_000, hours_of_use=200),
        Tier(0.10, 200_000, hours_of_use=200),
        Tier(0.09, hours_of_use=200),
        Tier(0.014, 400, per_kw=True),
        Tier(0.011, 600, per_kw=True),
        Tier(0.009, per_kw=True),
    )


def test_a_month_of_blocks_by_hand():
    # January: 744 hours at 40 kW, and a peak of 60 kW: 29,780 kWh; 200 hours of it are 12,000 kWh.
    load = np.full(HOURS, 40.0)
    load[5] = 60.0
    block, *steps = GEORGIA
    record = flat_record(block | {"rate": 0}, *steps)  # SAM's reader needs a rate, and ignores it
    bills, sam = monthly_bills(record, read(record), load)
    assert bills == pytest.approx(sam, rel=1e-9)
    first_block = 3000 * 0.13 + 7000 * 0.12 + 2000 * 0.10
    assert bills[0] == pytest.approx(first_block + 12_000 * 0.014 + 5780 * 0.011)


prices = st.integers(0, 40).map(lambda number: number / 100)


@st.composite
def blocks(draw):
    """Blocks of kWh/kW that rise, the first with steps of kWh that rise, a second with one step.

    A step that ends below the block before it has no width in flipkit; SAM prices what is above it
    at the next price.
    """
    limits = sorted(draw(st.sets(st.integers(1, 60_000), max_size=3)))
    steps = [kwh(draw(prices), limit) for limit in limits]
    hours = sorted(draw(st.sets(st.integers(1, 700), min_size=1, max_size=3)))
    first, *others = [per_kw(draw(prices), limit) for limit in hours]
    second = [kwh(draw(prices))] if others and draw(st.booleans()) else []
    last = per_kw(draw(prices))
    return [first, *steps, kwh(draw(prices)), *others[:1], *second, *others[1:], last]


@settings(
    max_examples=15,
    deadline=None,
    database=None,
    phases=[Phase.generate, Phase.shrink],
    suppress_health_check=list(HealthCheck),
)
@given(blocks(), st.integers(0, 2**16), st.sampled_from([5, 60, 300]))
def test_random_blocks_cost_what_sam_bills(tiers, seed, size):
    record = flat_record(*tiers)
    load = np.random.default_rng(seed).random(HOURS) ** 2 * size
    bills, sam = monthly_bills(record, read(record), load)
    assert bills == pytest.approx(sam, rel=1e-9)
