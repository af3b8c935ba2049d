"""The text of a tariff says everything that a bill charges, in the words of the bill."""

import re
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest

from flipkit import tariffs
from flipkit.tariffs import (
    Adder,
    DemandCharge,
    DemandTier,
    Export,
    FixedCharge,
    Holidays,
    Minimum,
    PriceSeries,
    Ratchet,
    Rate,
    Tariff,
    Tax,
    Tier,
)
from flipkit.tariffs.rating import bill

PLACE = ("USD", "America/Los_Angeles")
LADDER = (Tier(0.4, 10.5, "day"), Tier(0.5))
FLAT = (Rate(0.3),)


def plan(rates=FLAT, **charges):
    return Tariff("Plan", *PLACE, tuple(rates), **charges)


def lines(tariff):
    head, *rest = tariff.describe().splitlines()
    assert head == "Plan: USD per kWh, local time of America/Los_Angeles"
    return rest


def charges(**given):
    return lines(plan(**given))[2:]


def test_a_ladder_shows_every_step_and_its_rule():
    rates = [
        Rate(tiers=LADDER, start="00:00", end="16:00", period="off"),
        Rate(0.6, "16:00", "24:00", period="peak"),
    ]
    assert lines(plan(rates, tier_rule="prorate")) == [
        "months   days  hours        period  price",
        "Jan-Dec  all   00:00-16:00  off     0.4 up to 10.5 kWh a day, then 0.5",
        "               16:00-24:00  peak    0.6",
        "tier rule prorate: the total fills them, each period pays its share of each",
    ]
    in_blocks = (Tier(0.6, 50, hours_of_use=20), Tier(0.4, 100, per_kw=True), Tier(0.5))
    by_power = plan([Rate(tiers=in_blocks)], tier_rule="chronological")
    assert lines(by_power)[1:] == [
        "Jan-Dec  all   00:00-24:00  0.6 up to 50 kWh and 20 kWh per kW of peak a month, then "
        "0.4 up to 100 kWh per kW of peak a month, then 0.5",
        "tier rule chronological: kWh count in the order of time, over all periods together",
    ]


@pytest.mark.parametrize(
    ("given", "line"),
    [
        ({"holidays": "US-CA"}, "public holidays: US-CA"),
        ({"fixed": FixedCharge("meter", 0.49281)}, "fixed meter: 0.49281 a day"),
        ({"fixed": FixedCharge("meter", 0.5, 12)}, "fixed meter: 0.5 a day and 12 a month"),
        ({"adders": Adder("levy", 0.00001)}, "adder levy: 0.00001 per kWh"),
        ({"minimum": Minimum(10)}, "minimum: 10 a month, before taxes"),
        ({"minimum": Minimum(10, 150)}, "minimum: 10 a month and 150 a year, before taxes"),
        ({"minimum": Minimum(per_day=0.3)}, "minimum: 0.3 a day, before taxes"),
        ({"taxes": Tax("VAT", 0.05)}, "tax VAT: 5 % of all charges"),
        ({"taxes": Tax("city", 0.075, ("energy", "adder"))}, "tax city: 7.5 % of energy, adder"),
        (
            {"demand": DemandCharge("top", (DemandTier(0, 2.5), DemandTier(4.2)))},
            "demand top: 0 per kW up to 2.5 kW, then 4.2 per kW, 00:00-24:00, "
            "highest mean of 15 minutes in a month",
        ),
        (
            {
                "demand": DemandCharge(
                    "peak",
                    DemandTier(9),
                    "16:00",
                    "21:00",
                    (6, 7, 8),
                    "weekday",
                    60,
                    Ratchet(0.8, 11, (7, 8)),
                )
            },
            "demand peak: 9 per kW, 16:00-21:00, weekday, Jun-Aug, "
            "highest mean of 60 minutes in a month, "
            "at least 80 % of the highest of the last 11 months (Jul-Aug only)",
        ),
        (
            {"demand": DemandCharge("daily", DemandTier(0.2), per="day", interval_minutes=30)},
            "demand daily: 0.2 per kW and day, 00:00-24:00, highest mean of 30 minutes in a month",
        ),
        (
            {
                "demand": DemandCharge(
                    "capacity", DemandTier(3.94), minimum_kw=2.5, trailing_months=12
                )
            },
            "demand capacity: 3.94 per kW, 00:00-24:00, highest mean of 15 minutes in a month, "
            "at least 2.5 kW, mean of the last 12 months",
        ),
        (
            {
                "demand": DemandCharge(
                    "steps",
                    (DemandTier(0, 2, 125), DemandTier(1, None, 206)),
                    interval_minutes=60,
                    peaks=3,
                )
            },
            "demand steps: 125 a month up to 2 kW, then 206 a month and 1 per kW, 00:00-24:00, "
            "mean of the 3 highest days' means of 60 minutes in a month",
        ),
        (
            {"taxes": Tax("VAT", 0.05, "energy", months=(1, 2, 12))},
            "tax VAT: 5 % of energy, Jan-Feb, Dec",
        ),
        ({"adders": Adder("levy", 0.1, True)}, "adder levy: 0.1 per kWh, whatever is exported"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_each_charge_has_a_line(given, line):
    assert charges(**given) == [line]


def test_tiers_that_begin_anew_each_day_and_adders_by_hour_say_so():
    daily = {"tier_rule": "chronological", "tier_reset": "day"}
    tariff = plan(
        [Rate(tiers=LADDER)],
        **daily,
        adders=Adder("grid", rates=(Rate(0.1, "17:00", "21:00"), Rate(0.02, "21:00", "17:00"))),
        export=Export("net_billing", (Rate(tiers=LADDER),), **daily),
    )
    rule = (
        "tier rule chronological: kWh count in the order of time, over all periods together; "
        "their count begins anew each day"
    )
    assert lines(tariff)[2:] == [
        rule,
        "adder grid: per kWh",
        "  months   days  hours        period    price",
        "  Jan-Dec  all   00:00-17:00  period 1  0.02",
        "                 17:00-21:00  period 2  0.1",
        "                 21:00-24:00  period 1  0.02",
        "export by net billing",
        "  months   days  hours        price",
        "  Jan-Dec  all   00:00-24:00  0.4 up to 10.5 kWh a day, then 0.5",
        f"  {rule}",
    ]


@pytest.mark.parametrize(
    ("export", "line"),
    [
        (Export("net_metering"), "net metering: kWh left over earn 0 per kWh each month"),
        (
            Export("net_metering", carry_over="year", payout_per_kwh=0.03, true_up_month=4),
            "net metering: kWh left over go to the next month, "
            "those left after Apr earn 0.03 per kWh",
        ),
        (Export("net_billing", (Rate(0.05),)), "net billing"),
        (
            Export("net_billing", (Rate(0.05),), carry_over="credit"),
            "net billing: credit above the charges goes to the next month, "
            "what is left after Dec is lost",
        ),
        (
            Export("net_billing", (Rate(0.05),), carry_over="credit", payout_share=0.5),
            "net billing: credit above the charges goes to the next month, "
            "what is left after Dec is 50 % paid out",
        ),
        (
            Export("net_billing", (Rate(0.05),), carry_over="credit", credit_on="energy"),
            "net billing: credit above the charges for energy goes to the next month, "
            "what is left after Dec is lost",
        ),
        (
            Export(
                "net_metering",
                (Rate(0.05),),
                carry_over="credit",
                credit_on=("fixed", "energy"),
                credit_next_month=True,
            ),
            "net metering: credit pays for the charges for energy, fixed from the next month on, "
            "what is left after Dec is lost",
        ),
        (
            Export(
                "net_metering",
                carry_over="year",
                payout_per_kwh=0.03,
                true_up_on="total",
                payout_as_credit=True,
            ),
            "net metering: kWh left over go to the next month, those left after Dec earn 0.03 "
            "per kWh on the total of all periods, as credit on the charges",
        ),
        (Export("buy_all_sell_all", (Rate(0.05),)), "buy all, sell all"),
    ],
    ids=lambda value: value.mode if isinstance(value, Export) else "",
)
def test_export_says_how_it_is_settled_and_at_which_prices(export, line):
    first, *prices = charges(export=export)
    assert first == f"export by {line}"
    table = ["  months   days  hours        price", "  Jan-Dec  all   00:00-24:00  0.05"]
    assert prices == (table if export.rates else [])


def test_a_series_has_its_charges_too_and_so_has_each_part():
    hour = 3_600_000_000
    series = [PriceSeries([n * hour], [n * hour + hour], [0.1 + n]) for n in range(2)]
    parts = [
        Tariff("a", *PLACE, (), one, fixed=FixedCharge("f", per_day=n + 1))
        for n, one in enumerate(series)
    ]
    text = Tariff.successive(parts).describe()
    assert "fixed f: 1 a day" in text
    assert "fixed f: 2 a day" in text
    assert charges(export=Export("net_billing", series=series[0]))[1].startswith(
        "  1 prices from 1970-01-01T00:00:00Z"
    )


def test_the_names_of_periods_are_those_of_the_bill(frames_library):
    from flipkit.frames import Table, take

    rates = [
        Rate(0.2, "00:00", "07:00"),
        Rate(0.3, "07:00", "16:00", period="period 1"),
        Rate(0.5, "16:00", "24:00"),
    ]
    columns = {
        "site_id": "a",
        "start_utc": np.arange(48) * 3_600_000_000,
        "consumption_kwh": np.ones(48),
    }
    energy = Table("energy", tuple(columns), key=()).build(columns, frames_library)
    components = set(take(bill(energy, plan(rates)), texts=["component"])["component"])
    named = {line.split("  ")[-2].strip() for line in lines(plan(rates))[1:]}
    assert components == {f"energy {name}" for name in named}
    assert len(named) == 3


def test_what_a_reader_could_not_price_is_described_and_not_compared():
    finding = "urdb.charge_in_words: fixedattrs is not priced"
    tariff = Tariff.flat(0.28, currency="USD", timezone="America/Chicago")
    noted = replace(tariff, findings=(finding,))
    assert noted.describe().splitlines()[-1] == finding
    assert noted == tariff
    assert hash(noted) == hash(tariff)


def test_the_page_about_plans_is_true():
    """Its code runs, and every name in its tables is one of the model's."""
    page = (Path(tariffs.__file__).parent / "README.md").read_text(encoding="utf-8")
    [code] = re.findall(r"^```python\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    made = {}
    exec(code, made)  # noqa: S102  the page's own code
    assert made["sydney"].tier_reset == "day"
    assert made["flanders"].demand[0].trailing_months == 12
    known = set(dir(tariffs)) | set(dir(Tariff)) | {"fk.bill", "energy"}
    for each in (Adder, DemandCharge, DemandTier, Export, Holidays, Rate, Tax, Tier, Tariff):
        known |= {field.name for field in fields(each)}
    words = {
        word
        for cell in re.findall(r"`([^`]+)`", page.replace(code, ""))
        for word in re.findall(r"\b([A-Za-z_]+)(?=[(=])", cell)
    }
    assert words - known - {"time_of_use", "bill"} == set()
