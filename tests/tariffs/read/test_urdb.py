"""Records of the Utility Rate Database: what is read, what it costs by hand and in SAM, refusals.

Facts of two published records, by their labels at https://openei.org/apps/USURDB:
539f6a23ec4f024411ec8bf9 (Town of Wallingford, primary service, 2013) and
55fc81d7682bea28da64f9ae (Southern California Edison, GS-2 option B, 2015).
The Florida Power & Light tiers, and the cost of 24,000 kWh with them: tests of NREL's REopt API.
"""

import contextlib
import copy
import json
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest
from hypothesis import HealthCheck, Phase, assume, given, settings
from hypothesis import strategies as st
from PySAM import UtilityRateTools
from support import sam_cases
from support.bill_as_tariff import energy_frame
from support.bill_hand import profile
from support.sam_cases import BUY_ALL, NET_BILLING, NET_METERING

import flipkit as fk
from flipkit.calendar import to_us
from flipkit.errors import InputError
from flipkit.tariffs import (
    DemandCharge,
    DemandTier,
    DemandWindow,
    Export,
    FixedCharge,
    Minimum,
    Ratchet,
    Rate,
    Tariff,
    Tier,
)

PATH = Path(__file__).parent / "data" / "urdb_home.json"
ANSWER = json.loads(PATH.read_text(encoding="utf-8"))
HOME = ANSWER["items"][0]
ZONE = "America/Los_Angeles"
SUMMER, WINTER = (6, 7, 8, 9), (1, 2, 3, 4, 5, 10, 11, 12)
ALWAYS = [[0] * 24] * 12
common = settings(
    deadline=None,
    database=None,
    phases=[Phase.generate, Phase.shrink],
    suppress_health_check=list(HealthCheck),
)


def read(source, timezone=ZONE, **options):
    return Tariff.from_urdb(source, timezone=timezone, **options)


def one_price(**fields):
    return {"energyratestructure": [[{"rate": 0.1}]], **fields}


def table(*hours, months=range(12), period=1):
    """Period 0, and another in some hours of some months."""
    return [
        [period if m in months and any(a <= h < b for a, b in hours) else 0 for h in range(24)]
        for m in range(12)
    ]


def codes(tariff):
    return [finding.partition(":")[0] for finding in tariff.findings]


def by_month(bill, component=""):
    rows = (
        bill.filter(pl.col("component").str.starts_with(component))
        .group_by("month")
        .agg(pl.col("cost").sum())
    )
    return dict(rows.sort("month").iter_rows())


# ---- the made-up record of the data folder, field by field


def test_every_field_of_a_record_has_its_place():
    low = (Tier(0.12, 300), Tier(0.22))
    high = (Tier(0.32, 300), Tier(0.42))
    flat = {"interval_minutes": 30}
    assert read(ANSWER, tier_rule="per_period") == Tariff(
        "Example Power: Home with evening peak",
        "USD",
        ZONE,
        (
            Rate(months=WINTER, tiers=low, period="period 1"),
            Rate(months=SUMMER, days="weekend", tiers=low, period="period 1"),
            Rate(
                start="21:00",
                end="16:00",
                months=SUMMER,
                days="weekday",
                tiers=low,
                period="period 1",
            ),
            Rate(
                start="16:00",
                end="21:00",
                months=SUMMER,
                days="weekday",
                tiers=high,
                period="period 2",
            ),
        ),
        valid_from_us=to_us("2025-01-01T08:00Z"),
        valid_to_us=to_us("2027-01-01T08:00Z"),
        tier_rule="per_period",
        demand=(
            DemandCharge("flat 1", (DemandTier(1, 5), DemandTier(2)), months=WINTER, **flat),
            DemandCharge("flat 2", (DemandTier(1.5),), months=SUMMER, **flat),
            DemandCharge("period 2", (DemandTier(4.5),), "16:00", "21:00", SUMMER, "weekday", 30),
        ),
        fixed=(FixedCharge("customer charge", per_day=0.25),),
        minimum=Minimum(20, 300),
    )


def test_a_record_is_read_from_an_object_text_and_file_and_never_changed():
    before = copy.deepcopy(ANSWER)
    want = read(HOME, tier_rule="prorate")
    assert read(HOME, tier_rule="prorate") == want  # the same object twice
    assert read(ANSWER, tier_rule="prorate") == want
    assert before == ANSWER
    for source in (PATH, str(PATH), PATH.read_text(encoding="utf-8"), json.dumps(HOME)):
        assert read(source, tier_rule="prorate") == want


def test_a_month_of_the_record_by_hand():
    # June 2025: 30 days, 21 weekdays; 1 kW all day, 3 kW from 17:00 to 18:00 on Tuesday the 10th.
    energy = profile(ZONE, "2025-06-01", 720, 1.0, at={24 * 9 + 17: 3.0})
    frame = energy_frame(energy).drop("generation_kwh")
    bill = fk.bill(frame, read(HOME, tier_rule="per_period"))
    found = dict(bill.select("component", "cost").iter_rows())
    peak, rest = 21 * 5 + 2, 720 - 21 * 5
    assert found == {
        "energy period 1 tier 1": pytest.approx(300 * 0.12),
        "energy period 1 tier 2": pytest.approx((rest - 300) * 0.22),
        "energy period 2 tier 1": pytest.approx(peak * 0.32),
        "demand flat 2": pytest.approx(3 * 1.5),
        "demand period 2": pytest.approx(3 * 4.5),
        "fixed customer charge": pytest.approx(30 * 0.25),
        "minimum": pytest.approx(0.0, abs=1e-12),
    }


def test_prices_and_adjustments_are_added_as_written():
    (rate,) = read({"energyratestructure": [[{"rate": 0.1, "adj": 0.2}]]}).rates
    assert rate.price_per_kwh == 0.3  # the floats' own sum is 0.30000000000000004


@pytest.mark.parametrize(
    ("unit", "per", "per_kw"),
    [
        ("kWh", "month", False),
        ("kWh daily", "day", False),
        ("kWh/kW", "month", True),
        ("kWh/kW daily", "day", True),
    ],
)
def test_units_of_tiers(unit, per, per_kw):
    tiers = [{"rate": 0.1, "max": 10, "unit": unit}, {"rate": 0.2, "unit": unit, "max": 1e38}]
    (rate,) = read({"energyratestructure": [tiers]}, tier_rule="chronological").rates
    assert rate.tiers == (Tier(0.1, 10, per, per_kw), Tier(0.2, None, per, per_kw))


@pytest.mark.parametrize(
    ("fields", "charge"),
    [
        (
            {"fixedchargefirstmeter": 10, "fixedchargeunits": "$/month"},
            FixedCharge("customer charge", per_month=10),
        ),
        (
            {"fixedchargefirstmeter": 0.3, "fixedchargeunits": "$/day"},
            FixedCharge("customer charge", 0.3),
        ),
        (
            {"fixedchargefirstmeter": 120, "fixedchargeunits": "$/year"},
            FixedCharge("customer charge", per_month=10),
        ),
        ({"fixedmonthlycharge": 275}, FixedCharge("customer charge", per_month=275)),
        (
            {
                "fixedmonthlycharge": 10,
                "fixedchargefirstmeter": 10,
                "fixedchargeunits": "$/month",
            },
            FixedCharge("customer charge", per_month=10),
        ),
    ],
)
def test_fixed_charges(fields, charge):
    assert read(one_price(**fields)).fixed == (charge,)


@pytest.mark.parametrize(
    ("fields", "minimum"),
    [
        ({"mincharge": 10, "minchargeunits": "$/month"}, Minimum(10)),
        ({"mincharge": 90, "minchargeunits": "$/year"}, Minimum(None, 90)),
        ({"annualmincharge": 90, "mincharge": 10, "minchargeunits": "$/month"}, Minimum(10, 90)),
        ({"minmonthlycharge": 7}, Minimum(7)),
        ({"minmonthlycharge": 7, "mincharge": 7, "minchargeunits": "$/month"}, Minimum(7)),
        ({"mincharge": 0.3, "minchargeunits": "$/day"}, Minimum(per_day=0.3)),
        ({"mincharge": 0, "minchargeunits": "$/month"}, None),
    ],
)
def test_minimums(fields, minimum):
    assert read(one_price(**fields)).minimum == minimum


@pytest.mark.parametrize(
    ("rule", "mode", "terms"),
    [
        ("Net Billing Instantaneous", "net_billing", {}),
        # SAM's option 3 with its defaults: ur_nb_apply_credit_current_month and
        # ur_nb_credit_expire are 0.
        (
            "Net Billing Hourly",
            "net_billing",
            {
                "carry_over": "credit",
                "payout_share": 1.0,
                "credit_on": "energy",
                "credit_next_month": True,
            },
        ),
        ("Buy All Sell All", "buy_all_sell_all", {}),
    ],
)
def test_selling_prices(rule, mode, terms):
    structure = [[{"rate": 0.1, "sell": 0.04}], [{"rate": 0.3}]]
    hours = {"energyweekdayschedule": table((16, 21)), "energyweekendschedule": table((16, 21))}
    tariff = read({"energyratestructure": structure, **hours, "dgrules": rule})
    rest, peak = (
        Rate(0.04, "21:00", "16:00", period="period 1"),
        Rate(0.0, "16:00", "21:00", period="period 2"),
    )
    assert tariff.export == replace(tariff, export=Export(mode, (rest, peak), **terms)).export
    assert codes(tariff) == (["tariff.assumed"] if terms else [])


def test_selling_prices_by_tier():
    tiers = [{"rate": 0.1, "max": 100, "sell": 0.02}, {"rate": 0.2, "sell": 0.05}]
    record = {"energyratestructure": [tiers], "dgrules": "Net Billing Instantaneous"}
    tariff = read(record, tier_rule="chronological")
    rate = Rate(tiers=(Tier(0.02, 100), Tier(0.05)))
    assert tariff.export == Export("net_billing", (rate,), tier_rule="chronological")


NETTED = Export("net_metering", carry_over="year", true_up_on="total")


@pytest.mark.parametrize(
    "fields", [{"dgrules": "Net Metering"}, {"usenetmetering": True}, {"usenetmetering": "True"}]
)
def test_net_metering(fields):
    assert read(one_price(**fields)).export == NETTED
    assert read(one_price(usenetmetering=False)).export is None


@pytest.mark.parametrize(("sell", "found"), [(0.1, []), (0, []), (0.05, ["tariff.assumed"])])
def test_selling_prices_beside_net_metering_are_not_used(sell, found):
    # SAM's reader and its option 0: kWh are netted, and ur_ec_tou_mat's sell rates are not used.
    tariff = read(
        {"energyratestructure": [[{"rate": 0.1, "sell": sell}]], "dgrules": "Net Metering"}
    )
    assert tariff.export == NETTED
    assert codes(tariff) == found


def test_what_is_not_said_about_exports_is_assumed_in_a_finding():
    sold = read({"energyratestructure": [[{"rate": 0.1, "sell": 0.06}]]})
    assert sold.export == Export("net_billing", (Rate(0.06),))
    free = read(one_price(dgrules="Buy All Sell All"))
    assert free.export == Export("buy_all_sell_all", (Rate(0.0),))
    assert codes(sold) == codes(free) == ["tariff.assumed"]


# ---- what carries no charge, and what is not priced


def test_fields_without_a_charge_change_nothing():
    # Descriptive fields of versions 3 to 8 and of exports of the database.
    told = {
        "_id": {"$oid": "539f6a23ec4f024411ec8bf9"},
        "supersedes": "539f75",
        "eiaid": 40165.0,
        "version": 8,
        "is_default": False,
        "demandunits": "kW",
        "peakkwcapacitymin": 500,
        "revisions": [{"date": "2020-01-09T16:08:44.000Z", "userid": 27111}],
        "voltagecategory": "Secondary",
        "coincidentrateunit": "kW",
        "coincidentratestructure": [[{"rate": 0, "max": 100}]],
        "pdp_credit_energyratestructure": [[{"rate": 0, "unit": "kWh"}]],
        "fueladjustmentsmonthly": [0] * 12,
        "demandreactivepowercharge": 0,
        "fixedattrs": [],
        "riders": None,
    }
    tariff = read(one_price(**told), strict=True)
    assert tariff == read(one_price())
    assert tariff.findings == ()


WORDS = {
    "energyattrs": [{"California Climate credit ": "$-0.00669/kwh"}, {"TOU": 2}],
    "fixedattrs": [{"Optional meter": "$30.00"}],
    "fixedchargeeaaddl": 5,
}


def test_charges_in_words_are_findings_or_with_strict_an_error():
    tariff = read(one_price(**WORDS))
    assert tariff == read(one_price())
    assert tariff.findings == (
        "tariff.unpriced: energyattrs, charges in words: California Climate credit $-0.00669/kwh, "
        "TOU 2",
        "tariff.unpriced: fixedattrs, charges in words: Optional meter $30.00",
        "tariff.unpriced: fixedchargeeaaddl, a charge for each meter after the first: 5",
    )
    names = r"energyattrs: .*; fixedattrs: .*; fixedchargeeaaddl: .*ignore=\('energyattrs', 'fix"
    with pytest.raises(InputError, match=names):
        read(one_price(**WORDS), strict=True)


def test_fields_that_are_to_be_ignored_are_left_out_with_a_finding():
    record = one_price(Surcharge=1, coincidentratestructure=[[{"rate": 3}]], startdate="never")
    names = ["surcharge", "coincidentRateStructure", "startdate", "demandwindow"]
    tariff = read(record, ignore=names, strict=True)
    assert tariff == read(one_price())
    assert tariff.findings == (
        "tariff.ignored: surcharge of the record, as asked",
        "tariff.ignored: coincidentratestructure of the record, as asked",
        "tariff.ignored: startdate of the record, as asked",
    )
    assert read(one_price(surcharge=1), ignore="surcharge") == tariff
    with pytest.raises(InputError, match="ignore: 'surcharges' is not a field"):
        read(record, ignore=["surcharges"])


@pytest.mark.parametrize(
    "start",
    [
        "2017-01-01 00:00:00",
        "2017-01-01T00:00:00.000Z",
        "2017-01-01",
        1483228800,
        1483250400.0,
        {"$date": "2017-01-01T07:00:00Z"},
        {"$date": 1483228800000},
    ],
)
def test_dates_as_numbers_and_as_text(start):
    tariff = read(one_price(startdate=start, enddate="9999-12-31"), "UTC")
    assert tariff.validity == (to_us("2017-01-01T00:00Z"), None)


def test_whole_numbers_may_be_written_as_floats():
    hours = [[float(period) for period in row] for row in table((16, 21))]
    schedule = {"energyweekdayschedule": hours, "energyweekendschedule": hours}
    demand = DEMAND | {"flatdemandmonths": [0.0] * 12}
    whole = {"energyweekdayschedule": table((16, 21)), "energyweekendschedule": table((16, 21))}
    assert read(TWO | schedule | demand) == read(TWO | whole | DEMAND)


@pytest.mark.parametrize("limit", [0, 1e14, 1e38])
def test_a_last_tier_without_a_limit(limit):
    tiers = [{"rate": 0.1, "max": 100}, {"rate": 0.2, "max": limit}]
    tariff = read({"energyratestructure": [tiers]}, tier_rule="chronological")
    assert tariff.rates[0].tiers == (Tier(0.1, 100), Tier(0.2))
    demand = {"flatdemandstructure": [[{"rate": 5, "max": limit}]]}
    assert read(one_price(**demand)).demand[0].tiers == (DemandTier(5),)


def test_a_limit_of_a_last_tier_is_a_finding():
    tariff = read(
        {"energyratestructure": [[{"rate": 0.1, "max": 100}, {"rate": 0.2, "max": 99_999}]]},
        tier_rule="chronological",
    )
    assert tariff.rates[0].tiers == (Tier(0.1, 100), Tier(0.2))
    assert tariff.findings == (
        "tariff.assumed: energyratestructure[0][1].max, of a last tier, is 99999, and what is above"
        " it is priced as what is below",
    )
    tariff = read(one_price(flatdemandstructure=[[{"rate": 5, "max": 50}]]))
    assert tariff.demand[0].tiers == (DemandTier(5),)
    assert codes(tariff) == ["tariff.assumed"]


def test_nan_is_an_absent_field():
    # A row of a DataFrame of records has NaN where a record lacks a field.
    missing = {"startdate": float("nan"), "fixedattrs": float("nan"), "dgrules": float("nan")}
    assert read(one_price(**missing)) == read(one_price())


def test_a_tier_may_have_an_adjustment_or_a_selling_price_alone():
    assert read(energy_of({"adj": 0.07})).rates[0].price_per_kwh == 0.07
    sold = read(energy_of({"sell": 0.05}) | {"dgrules": "Buy All Sell All"})
    assert sold.rates[0].price_per_kwh == 0
    assert codes(sold) == ["tariff.assumed"]
    free = read(one_price(demandratestructure=[[{}]], flatdemandstructure=[[{"unit": "kW"}]]))
    assert free.demand == ()


def test_a_period_without_hours_needs_no_price():
    structure = [[{"rate": 0.1}], [{"unit": "kWh"}]]
    hours = {"energyweekdayschedule": ALWAYS, "energyweekendschedule": ALWAYS}
    (rate,) = read({"energyratestructure": structure, **hours}).rates
    assert (rate.price_per_kwh, rate.period) == (0.1, "period 1")


def test_fuel_adjustments_are_on_top_of_all_energy_of_their_month():
    # OpenEI: "Array of 12 decimal numbers, one per month, each is $/kWh".
    record = one_price(fueladjustmentsmonthly=[0.01, -0.02] + [0] * 10)
    bill = fk.bill(
        energy_frame(profile("UTC", "2025-01-01", 24 * (31 + 28 + 31), 1)), read(record, "UTC")
    )
    assert by_month(bill) == {
        "2025-01": pytest.approx(744 * 0.11),
        "2025-02": pytest.approx(672 * 0.08),
        "2025-03": pytest.approx(744 * 0.10),
    }


def test_a_least_demand_is_of_who_may_have_the_tariff():
    # peakkwcapacitymin is demandMin in exports of the database; SAM's reader has neither.
    tariff = read(one_price(**DEMAND, demandmin=500))
    assert tariff == read(one_price(**DEMAND))
    assert codes(tariff) == ["tariff.assumed"]


def test_the_kind_of_service_is_in_the_name():
    assert (
        read(one_price(utility="Power", name="R-1", servicetype="Delivery")).name
        == "Power: R-1 (Delivery only)"
    )
    assert read(one_price(label="5a")).name == "5a"


# ---- demand


def test_demand_hours_across_midnight_and_by_season():
    structure = [[{"rate": 0}], [{"rate": 5}], [{"rate": 7}]]
    hours = table((0, 6), (22, 24), months=range(5))
    for month, row in enumerate(table((12, 18), months=range(5, 12), period=2)):
        hours[month] = row if month >= 5 else hours[month]
    record = one_price(
        demandratestructure=structure, demandweekdayschedule=hours, demandweekendschedule=hours
    )
    assert read(record).demand == (
        DemandCharge("period 2", (DemandTier(5),), "22:00", "06:00", (1, 2, 3, 4, 5)),
        DemandCharge("period 3", (DemandTier(7),), "12:00", "18:00", (6, 7, 8, 9, 10, 11, 12)),
    )
    assert read(record | {"demandweekdayschedule": ALWAYS}).demand[1].days == "weekend"
    moved = [table((8, 10), period=2)[0], *hours[1:]]
    found = read(record | {"demandweekdayschedule": moved, "demandweekendschedule": moved}).demand
    assert [(charge.name, charge.months) for charge in found] == [
        ("period 2", (2, 3, 4, 5)),
        ("period 3 Jan", (1,)),
        ("period 3 Jun/Jul/Aug/Sep/Oct/Nov/Dec", (6, 7, 8, 9, 10, 11, 12)),
    ]


DEMAND = {"flatdemandstructure": [[{"rate": 10}]], "flatdemandmonths": [0] * 12}


@pytest.mark.parametrize(
    ("fields", "ratchet"),
    [
        ({"demandratchetpercentage": [0.35] * 12}, Ratchet(0.35, 11)),
        ({"lookbackpercent": 0.8, "lookbackrange": 6, "lookbackmonths": [0] * 12}, Ratchet(0.8, 6)),
        (
            {
                "lookbackPercent": 0.8,
                "lookbackRange": 0,
                "lookbackMonths": [0] * 5 + [1] * 4 + [0] * 3,
            },
            Ratchet(0.8, 11, SUMMER),
        ),
        (
            {"lookbackpercent": 0.8, "lookbackrange": 3, "lookbackmonths": [0] * 11 + [1]},
            Ratchet(0.8, 3, (12,)),
        ),
        (
            {"lookbackpercent": 0.8, "lookbackrange": 3, "lookbackmonths": [True] * 12},
            Ratchet(0.8, 3),
        ),
        ({"lookbackpercent": 0, "lookbackrange": 0}, None),
        ({}, None),
    ],
)
def test_ratchets(fields, ratchet):
    (charge,) = read(one_price(**DEMAND, **fields)).demand
    assert charge.ratchet == ratchet


def test_a_ratchet_of_some_months_holds_in_those():
    found = read(one_price(**DEMAND, demandratchetpercentage=[0] * 10 + [0.5] * 2)).demand
    assert [(charge.name, charge.months, charge.ratchet) for charge in found] == [
        ("flat 1 Jan/Feb/Mar/Apr/May/Jun/Jul/Aug/Sep/Oct", tuple(range(1, 11)), None),
        ("flat 1 Nov/Dec", (11, 12), Ratchet(0.5, 11)),
    ]


# ---- published records


def wallingford():
    season = [[1] * 24] * 4 + [[0] * 24] * 6 + [[1] * 24] * 2
    return {
        "label": "539f6a23ec4f024411ec8bf9",
        "utility": "Town of Wallingford",
        "name": "Primary Service - Northford",
        "sector": "Industrial",
        "approved": "true",
        "eiaid": 20038,
        "phasewiring": "3-Phase",
        "peakkwcapacitymin": 400,
        "revisions": [1376316457],
        "startdate": 1372658400,
        "enddate": 1383199200,
        "energyratestructure": [
            [{"rate": 0.0687, "adj": 0.008376, "unit": "kWh"}],
            [{"rate": 0.0619, "adj": 0.008376, "unit": "kWh"}],
        ],
        "energyweekdayschedule": season,
        "energyweekendschedule": season,
        "flatdemandunit": "kW",
        "demandrateunit": "kW",
        "flatdemandstructure": [[{"rate": 11.5}], [{"rate": 10.5}]],
        "flatdemandmonths": [1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 1, 1],
        "demandratchetpercentage": [0.35] * 12,
        "fixedmonthlycharge": 275,
        "demandreactivepowercharge": 2.7,
    }


def test_a_published_record_with_reactive_power_is_refused_and_read_without():
    record = wallingford()
    with pytest.raises(
        InputError, match=r"539f6a23ec4f024411ec8bf9', demandreactivepowercharge: .*kvar"
    ):
        read(record)
    del record["demandreactivepowercharge"]
    zone = "America/New_York"
    tariff = read(record, zone)
    # 1 July to 31 October.
    assert tariff.validity == (to_us("2013-07-01T04:00Z"), to_us("2013-11-01T04:00Z"))
    # 500 kW once in July, then 100 kW: 35 % of 500 kW are billed from August on.
    energy = profile(zone, "2013-07-01", 24 * (31 + 31), 100, at={300: 500})
    bill = fk.bill(energy_frame(energy), tariff)
    assert by_month(bill, "demand") == {
        "2013-07": pytest.approx(11.5 * 500),
        "2013-08": pytest.approx(11.5 * 175),
    }
    assert by_month(bill, "energy") == {
        "2013-07": pytest.approx((74_400 + 400) * 0.077076),
        "2013-08": pytest.approx(74_400 * 0.077076),
    }
    assert by_month(bill, "fixed") == {"2013-07": 275, "2013-08": 275}


def test_a_demand_period_of_several_windows_is_one_charge():
    hours = [[0] * 24] * 5 + [[0] * 8 + [1] * 4 + [2] * 6 + [1] * 5 + [0]] * 4 + [[0] * 24] * 3
    rates = [[{"rate": 0}], [{"rate": 5.3}], [{"rate": 18.11}]]
    edison = one_price(
        demandratestructure=rates, demandweekdayschedule=hours, demandweekendschedule=ALWAYS
    )
    shoulder, peak = read(edison, "UTC").demand
    evening = (DemandWindow("18:00", "23:00", "weekday"),)
    assert shoulder == DemandCharge(
        "period 2", (DemandTier(5.3),), "08:00", "12:00", SUMMER, "weekday", also=evening
    )
    assert peak == DemandCharge(
        "period 3", (DemandTier(18.11),), "12:00", "18:00", SUMMER, "weekday"
    )
    # Friday 7 June 2024: 30 kW at 9:00, 40 at 20:00, 25 at noon; on Saturday 90 kW without charge.
    energy = profile("UTC", "2024-06-07", 48, 10, at={9: 30, 20: 40, 12: 25, 24 + 9: 90})
    bill = fk.bill(energy_frame(energy), read(edison, "UTC"))
    share = 2 / 30
    assert by_month(bill, "demand") == {"2024-06": pytest.approx((5.3 * 40 + 18.11 * 25) * share)}


def test_demand_windows_across_midnight_and_other_hours_on_weekends():
    night = one_price(
        demandratestructure=[[{"rate": 0}], [{"rate": 3}]], demandweekendschedule=ALWAYS
    )
    (charge,) = read(
        night | {"demandweekdayschedule": table((0, 5), (20, 22), (23, 24))}, "UTC"
    ).demand
    assert charge.windows == (
        DemandWindow("20:00", "22:00", "weekday"),
        DemandWindow("23:00", "05:00", "weekday"),
    )
    weekends = {
        "demandweekdayschedule": table((8, 9)),
        "demandweekendschedule": table((8, 9), (10, 12)),
    }
    (charge,) = read(night | weekends, "UTC").demand
    assert charge.windows == (
        DemandWindow("08:00", "09:00"),
        DemandWindow("10:00", "12:00", "weekend"),
    )


def test_florida_power_and_light():
    tiers = [
        {"max": 1000, "rate": 0.07531, "adj": 0.0119, "unit": "kWh"},
        {"rate": 0.09613, "adj": 0.0119},
    ]
    tariff = read({"energyratestructure": [tiers]}, "UTC", tier_rule="chronological")
    used = {
        sum(days * 24 for days in (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30)[:month]): 2000
        for month in range(12)
    }
    bill = fk.bill(energy_frame(profile("UTC", "2017-01-01", 8760, at=used)), tariff)
    assert bill["cost"].sum() == pytest.approx(2342.88)


# ---- SAM: what it bills for a tariff, and what flipkit bills for the record of it


def structure(rows, sell=None):
    """SAM's rows [period, tier, max, (unit,) price(, sell)] as periods of tiers."""
    periods = {}
    for number, _, limit, *rest in rows:
        tier = {"rate": rest[-2] if sell else rest[-1]} | ({} if limit >= 1e37 else {"max": limit})
        if sell:
            tier |= {"unit": ("kWh", "kWh/kW", "kWh daily", "kWh/kW daily")[int(rest[0])]}
            tier |= {"sell": rest[-1]} if sell == "sell" else {}
        periods.setdefault(int(number), []).append(tier)
    return list(periods.values())


def schedule(rows):
    return [[int(period) - 1 for period in row] for row in rows]


def record_of(case):
    """The record that says what a case says."""
    said = case.inputs
    rule = {0: "Net Metering", 2: "Net Billing Instantaneous", 4: "Buy All Sell All"}[
        said["ur_metering_option"]
    ]
    record = {
        "dgrules": rule,
        "energyratestructure": structure(
            said["ur_ec_tou_mat"], "none" if rule == "Net Metering" else "sell"
        ),
        "energyweekdayschedule": schedule(said["ur_ec_sched_weekday"]),
        "energyweekendschedule": schedule(said["ur_ec_sched_weekend"]),
        "fixedchargefirstmeter": said["ur_monthly_fixed_charge"],
        "fixedchargeunits": "$/month",
        "mincharge": said["ur_monthly_min_charge"],
        "minchargeunits": "$/month",
    }
    if said["ur_annual_min_charge"]:
        record |= {"mincharge": said["ur_annual_min_charge"], "minchargeunits": "$/year"}
    if "ur_dc_tou_mat" in said:
        record |= {
            "demandwindow": 60 // case.steps,
            "demandratestructure": structure(said["ur_dc_tou_mat"]),
            "demandweekdayschedule": schedule(said["ur_dc_sched_weekday"]),
            "demandweekendschedule": schedule(said["ur_dc_sched_weekend"]),
            "flatdemandstructure": structure(said["ur_dc_flat_mat"]),
            "flatdemandmonths": list(range(12)),
        }
    return record


@pytest.mark.slow
@settings(common, max_examples=40)
@given(sam_cases.cases(options=(NET_METERING, NET_BILLING, BUY_ALL)))
def test_a_record_costs_what_sam_bills(case):
    assume("ur_enable_billing_demand" not in case.inputs)  # SAM reads a ratchet's months wrongly
    record = record_of(case)
    before = copy.deepcopy(record)
    tariff = read(record, "UTC", tier_rule=case.plan.tier_rule)
    assert read(record, "UTC", tier_rule=case.plan.tier_rule) == tariff
    assert record == before
    if case.plan.export.mode == "net_metering":  # what a record cannot say
        payout, month = float(case.plan.export.payout), case.plan.export.true_up_month
        tariff = replace(
            tariff, export=replace(tariff.export, payout_per_kwh=payout, true_up_month=month)
        )
    found = by_month(fk.bill(energy_frame(case.profile), tariff))
    assert list(found.values()) == pytest.approx(sam_cases.bills(case), abs=0.01)


@settings(common, max_examples=12)
@given(sam_cases.cases(options=(BUY_ALL,)), st.data())
def test_demand_periods_of_any_hours_cost_what_sam_bills(case, data):
    assume("ur_dc_tou_mat" in case.inputs and "ur_enable_billing_demand" not in case.inputs)
    periods = sorted({int(row[0]) for row in case.inputs["ur_dc_tou_mat"]})
    rows = st.lists(st.sampled_from(periods), min_size=24, max_size=24)
    names = ("ur_dc_sched_weekday", "ur_dc_sched_weekend")
    schedules = {name: [data.draw(rows)] * 6 + [data.draw(rows)] * 6 for name in names}
    case = replace(case, inputs=case.inputs | schedules)
    tariff = read(record_of(case), "UTC", tier_rule=case.plan.tier_rule)
    found = by_month(fk.bill(energy_frame(case.profile), tariff))
    assert list(found.values()) == pytest.approx(sam_cases.bills(case), abs=0.01)


@settings(common, max_examples=8)
@given(sam_cases.cases(steps=(1,), options=(BUY_ALL,)))
def test_sams_own_reader_finds_the_same_bill(case):
    assume("ur_enable_billing_demand" not in case.inputs)
    record = record_of(case)
    tariff = read(record, "UTC", tier_rule="chronological")
    # A copy, because SAM's reader changes its input.
    inputs = UtilityRateTools.URDBv8_to_ElectricityRates(copy.deepcopy(record))
    model = sam_cases.run(inputs, case.load_kw, case.generation_kw)
    found = by_month(fk.bill(energy_frame(case.profile), tariff))
    assert list(found.values()) == pytest.approx(
        list(model.Outputs.year1_monthly_utility_bill_w_sys), abs=0.01
    )


# ---- refusals

TIERS = [[{"rate": 0.1, "max": 10}, {"rate": 0.2}]]
TWO = {"energyratestructure": [[{"rate": 0.1}], [{"rate": 0.2}]]}


def energy_of(*tiers):
    return {"energyratestructure": [list(tiers)]}


def demand_of(*tiers):
    return {"flatdemandstructure": [list(tiers)]}


REFUSED = {
    r"there are tiers.*'chronological' \(.*'prorate' \(.*'per_period' \(": {
        "energyratestructure": TIERS
    },
    r"energyratestructure: absent": {"energyratestructure": None},
    r"energyratestructure: expected a list of periods, got 'x'": {"energyratestructure": "x"},
    r"energyratestructure\[0\]: expected a list of tiers, got \[\]": {"energyratestructure": [[]]},
    r"energyratestructure\[0\]\[0\]: expected an object, got float": energy_of(0.1),
    r"energyratestructure\[0\]\[0\]: no rate": energy_of({"unit": "kWh", "max": 5}),
    r"energyratestructure\[0\]\[0\]: cannot price rates; known: rate, adj": energy_of(
        {"rate": 1, "rates": 2}
    ),
    r"energyratestructure\[0\]\[0\].rate '0.1' is not a finite number": energy_of({"rate": "0.1"}),
    r"energyratestructure\[0\]\[0\].adj nan is not a finite number": energy_of(
        {"rate": 0, "adj": float("nan")}
    ),
    r"energyratestructure\[0\]\[0\].unit: 'therm' is unknown": energy_of(
        {"rate": 0.1, "unit": "therm"}
    ),
    r"energyratestructure\[0\]: rate: tier 2 ends at 5, not above tier 1": {
        "energyratestructure": [[*TIERS[0][:1], {"rate": 0.2, "max": 5}, {"rate": 0.3}]]
    },
    r"energyratestructure\[0\]: rate: tiers 1 and 2 count in different units": {
        "energyratestructure": [[*TIERS[0][:1], {"rate": 0.2, "unit": "kWh daily"}]]
    },
    r"energyratestructure\[0\]\[0\].max: 0 must be above 0": energy_of(
        {"rate": 1, "max": 0}, {"rate": 2}
    ),
    r"energyratestructure\[0\]\[0\].max: -5 must be above 0": energy_of({"rate": 1, "max": -5}),
    r"energyratestructure\[0\]\[0\].unit: kWh before a tier of kWh/kW": energy_of(
        {"rate": 1, "max": 5}, {"rate": 2, "max": 50, "unit": "kWh/kW"}, {"rate": 3}
    ),
    r"energyratestructure\[0\]\[0\].unit: daily limits beside others": energy_of(
        {"rate": 1, "max": 5, "unit": "kWh/kW daily"}, {"rate": 2, "max": 50, "unit": "kWh"}
    ),
    r"energyrateunit: 'therm' is unknown": {"energyrateunit": "therm"},
    r"energyweekdayschedule: absent, but there are 2 periods": TWO,
    r"energyweekendschedule: absent, but there are 2 periods": TWO
    | {"energyweekdayschedule": ALWAYS},
    r"energyweekdayschedule: expected a list of 12 values": {"energyweekdayschedule": ALWAYS[:11]},
    r"energyweekdayschedule\[3\]: expected a list of 24": {
        "energyweekdayschedule": [*ALWAYS[:3], [0] * 23, *ALWAYS[:8]]
    },
    r"energyweekendschedule\[0\]\[4\]: 1 is not a period; the structure has 0 to 0": {
        "energyweekendschedule": table((4, 5))
    },
    r"energyweekdayschedule\[0\]\[0\]: True is not a period": {
        "energyweekdayschedule": [[True] * 24] * 12
    },
    r"energyweekdayschedule\[0\]\[0\]: -1 is not a period": {
        "energyweekdayschedule": [[-1] * 24] * 12
    },
    r"dgrules: 'Feed-in' is unknown; known: Net Metering": {"dgrules": "Feed-in"},
    r"dgrules: expected a string": {"dgrules": ["Net Metering"]},
    r"usenetmetering: true, but dgrules is": {
        "usenetmetering": True,
        "dgrules": "Buy All Sell All",
    },
    r"usenetmetering: 'yes' is neither": {"usenetmetering": "yes"},
    r"coincidentratestructure: .*system's peak": {"coincidentratestructure": [[{"rate": 3}]]},
    r"fueladjustmentsmonthly\[2\] '0.1' is not a finite number": {
        "fueladjustmentsmonthly": [0, 0, "0.1"] + [0] * 9
    },
    r"demandreactivepowercharge: .*kvar": {"demandreactivepowercharge": 0.3},
    r"riders: an unknown field.*; surcharge: an unknown field.*ignore=\('riders', 'surcharge'\)": {
        "surcharge": 1,
        "riders": ["a"],
    },
    r"pdp_charge_energy: charges on event days": {"pdp_charge_energy": [0] * 23 + [1.2]},
    r"fixedchargeunits: '\$/week' is unknown": {
        "fixedchargefirstmeter": 1,
        "fixedchargeunits": "$/week",
    },
    r"fixedchargeunits: '' is unknown": {"fixedchargefirstmeter": 1},
    r"fixedmonthlycharge: beside fixedchargefirstmeter": {
        "fixedchargefirstmeter": 1,
        "fixedchargeunits": "$/day",
        "fixedmonthlycharge": 2,
    },
    r"minchargeunits: '\$/kW' is unknown; known: \$/day": {
        "mincharge": 1,
        "minchargeunits": "$/kW",
    },
    r"annualmincharge: 2, but mincharge is 1": {
        "mincharge": 1,
        "minchargeunits": "$/year",
        "annualmincharge": 2,
    },
    r"minimum: per_month -1.0 must be at least 0": {"mincharge": -1, "minchargeunits": "$/month"},
    r"flatdemandunit: 'kVA' cannot be priced; known: kW": DEMAND | {"flatdemandunit": "kVA"},
    r"flatdemandstructure\[0\]\[0\].unit: 'hp' cannot be priced": demand_of(
        {"rate": 1, "unit": "hp"}
    ),
    r"flatdemandstructure\[0\]\[0\].sell: a selling price of demand": demand_of(
        {"rate": 1, "sell": 1}
    ),
    r"flatdemandmonths: absent, but there are 2 periods": {
        "flatdemandstructure": [[{"rate": 1}], [{"rate": 2}]]
    },
    r"flatdemandmonths\[2\]: 1 is not a period": DEMAND | {"flatdemandmonths": [0, 0, 1] + [0] * 9},
    r"demand charge flat 1: .* tier 2 ends at 3 kW": {
        "flatdemandstructure": [[{"rate": 1, "max": 5}, {"rate": 2, "max": 3}, {"rate": 4}]]
    },
    r"demandwindow: 5 minutes cannot be priced; known: 15, 30, 60": DEMAND | {"demandwindow": 5},
    r"demandratchetpercentage\[0\]: 35 is not a share; write 0.8": DEMAND
    | {"demandratchetpercentage": [35] * 12},
    r"lookbackpercent: beside demandratchetpercentage": DEMAND
    | {"demandratchetpercentage": [0.3] * 12, "lookbackpercent": 0.3, "lookbackrange": 3},
    r"lookbackpercent: needs lookbackrange or lookbackmonths": DEMAND | {"lookbackpercent": 0.3},
    r"lookbackrange: 2.5 is not a whole number": DEMAND
    | {"lookbackpercent": 0.3, "lookbackrange": 2.5},
    r"lookbackmonths: expected 12 values, each true": DEMAND
    | {"lookbackpercent": 0.3, "lookbackmonths": [2] * 12},
    r"demandratestructure: period 1 has other hours in other months, and a ratchet": {
        "demandratestructure": [[{"rate": 0}], [{"rate": 5}]],
        "demandratchetpercentage": [0.5] * 12,
        "demandweekdayschedule": [table((3, 5))[0], *table((8, 9))[1:]],
        "demandweekendschedule": ALWAYS,
    },
    r"demandweekendschedule: absent, but there are 2 periods": {
        "demandratestructure": [[{"rate": 0}], [{"rate": 5}]],
        "demandweekdayschedule": ALWAYS,
    },
    r"startdate: 'today' is not a date; expected seconds": {"startdate": "today"},
    r"startdate: 1e\+300 is not a date": {"startdate": 1e300},
    r"enddate: \[\] is not a date": {"enddate": {"$date": []}},
    r"enddate: True is not a date": {"enddate": True},
    r"ends before it begins": {"startdate": 1735689600, "enddate": 1704067200},
    r"name: expected a string, got 7": {"name": 7},
    r"the field name appears twice": {"name": "a", "Name": "b"},
}


@pytest.mark.parametrize("words", REFUSED)
def test_what_cannot_be_priced_is_refused_by_name(words):
    with pytest.raises(InputError, match=words):
        read(one_price() | REFUSED[words])


@pytest.mark.parametrize(
    ("source", "words"),
    [
        (
            {**HOME, "energyweekdayschedule": [[0] * 24] * 11},
            r"energyweekdayschedule: .* January first, got 11 values$",
        ),
        ({"items": []}, "0 records in items; pass one of them"),
        (
            {"items": [HOME, HOME]},
            r"2 records in items; pass one of them, such as answer\['items'\]\[0\]",
        ),
        ({"items": None}, "no list of records in items"),
        ([HOME], "expected an object, its JSON text or the path of a file, got"),
        (5, "expected an object"),
        ("[]", "expected an object"),
        ('{"items": ', "this is not valid JSON"),
        ("nowhere.json", "cannot read the file 'nowhere.json'"),
        ("\0", "cannot read the file"),
        ({}, "energyratestructure: absent"),
    ],
)
def test_what_is_not_a_record_is_refused(source, words):
    with pytest.raises(InputError, match=words):
        read(source)


def test_net_metering_with_tiers_in_the_order_of_time_is_refused():
    with pytest.raises(InputError, match="net metering leaves kWh without an hour"):
        read({"energyratestructure": TIERS, "dgrules": "Net Metering"}, tier_rule="chronological")


anything = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(-1, 2)
    | st.floats()
    | st.text(max_size=4)
    | st.just(10**400)
    | st.just([0] * 12)
    | st.just(ALWAYS),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["rate", "adj", "max", "unit", "sell"]), inner, max_size=3
        )
    ),
    max_leaves=8,
)


@pytest.mark.slow
@settings(common, max_examples=400)
@given(
    st.dictionaries(
        st.sampled_from([*HOME, *DEMAND, "dgrules", "lookbackpercent", "lookbackrange"]),
        anything,
        max_size=3,
    )
)
def test_random_fields_are_a_tariff_or_an_input_error(fields):
    for base in (HOME, one_price(), one_price(**DEMAND), {}):
        with contextlib.suppress(InputError):
            assert isinstance(read(base | fields, tier_rule="prorate"), Tariff)


@settings(common, max_examples=100)
@given(anything)
def test_random_input_is_a_tariff_or_an_input_error(source):
    with contextlib.suppress(InputError):
        assert isinstance(read(source), Tariff)
