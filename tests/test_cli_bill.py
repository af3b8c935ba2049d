"""``flipkit bill``: energy of a file under tariffs of other files, calculated by hand."""

import json
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

import flipkit as fk
from flipkit import cli
from flipkit.frames import read_file
from flipkit.tariffs.read import read_plan, read_plans

START = datetime(2025, 6, 1, tzinfo=UTC)
HOURS = 30 * 24
URDB = {
    "name": "Night and day",
    "energyratestructure": [
        [{"rate": 0.1, "max": 100, "unit": "kWh"}, {"rate": 0.2, "unit": "kWh"}],
        [{"rate": 0.5}],
    ],
    "energyweekdayschedule": [[0] * 12 + [1] * 12] * 12,
    "energyweekendschedule": [[0] * 12 + [1] * 12] * 12,
    "fixedchargefirstmeter": 6,
    "fixedchargeunits": "$/month",
}
OCTOPUS = {
    "count": 1,
    "next": None,
    "previous": None,
    "results": [
        {
            "value_exc_vat": 20.0,
            "value_inc_vat": 21.0,
            "valid_from": "2025-01-01T00:00:00Z",
            "valid_to": None,
            "payment_method": None,
        }
    ],
}
STANDING = {**OCTOPUS, "results": [{**OCTOPUS["results"][0], "value_inc_vat": 50.0}]}


def flatpeak(price, direction="IMPORT", **fields):
    hours = {
        "valid_from": "00:00:00",
        "valid_to": "00:00:00",
        "rate": [{"fixed": price, "to_kwh": None}],
    }
    schedule = [{"months": ["All"], "days_and_hours": [{"days": ["All"], "hours": [hours]}]}]
    known = {"display_name": f"{price:g} {direction}", "direction": direction, "type": "COMMODITY"}
    return {**known, "market_rates": False, "schedule": schedule, **fields}


HOME = {"timezone": "UTC", "currency": "EUR"}
PLANS = {
    "urdb.json": URDB,
    "octopus.json": OCTOPUS,
    "both.json": {"standard-unit-rates": OCTOPUS, "standing-charges": STANDING},
    "third.json": {"standard-unit-rates": OCTOPUS, "day-unit-rates": OCTOPUS},
    "flat.json": flatpeak(0.25, **HOME),
    "sold.json": [flatpeak(0.25, **HOME), flatpeak(0.1, "EXPORT", **HOME)],
    "plain.json": flatpeak(0.3),
    "levy.json": [flatpeak(0.25, **HOME), flatpeak(0.05, type="NON_COMMODITY", **HOME)],
    "only_sold.json": [flatpeak(0.1, "EXPORT", **HOME)],
    "two_zones.json": [
        flatpeak(0.2, **HOME),
        flatpeak(0.1, "EXPORT", timezone="Europe/Paris", currency="EUR"),
    ],
    "short_sold.json": [
        flatpeak(0.2, **HOME),
        flatpeak(0.1, "EXPORT", contract_end_date="2025-07-01T00:00:00Z", **HOME),
    ],
    "market.json": flatpeak(0.2, market_rates=True, **HOME),
    "odd_way.json": flatpeak(0.2, "SIDEWAYS", **HOME),
    "words.json": [flatpeak(0.2, **HOME), "and more"],
    "other.json": {"price": 0.3, "unit": "kWh"},
    "empty.json": [],
    "number.json": 7,
    "bad_urdb.json": {**URDB, "coincidentratestructure": [[{"rate": 3}]]},
}


@pytest.fixture
def cwd(tmp_path, monkeypatch):
    """A folder with tariffs, and with two homes that use 1 kWh and generate 0.25 each hour of June."""
    monkeypatch.chdir(tmp_path)
    for name, plan in PLANS.items():
        (tmp_path / name).write_text(json.dumps(plan), encoding="utf-8")
    (tmp_path / "broken.json").write_text("{", encoding="utf-8")
    (tmp_path / "utf16.json").write_text("{}", encoding="utf-16")
    times = [START + timedelta(hours=hour) for hour in range(HOURS)]
    home = pl.DataFrame(
        {"start_utc": times, "consumption_kwh": [1.0] * HOURS, "generation_kwh": [0.25] * HOURS}
    )
    energy = pl.concat([home.select(pl.lit(site).alias("site_id"), "*") for site in ("a", "b")])
    energy.write_parquet(tmp_path / "two.parquet")
    one = energy.filter(pl.col("site_id") == "a")
    fk.write_csv(one, "one.csv")
    fk.write_csv(one.drop("generation_kwh"), "used.csv")
    fk.write_csv(one[:10].vstack(one[11:]), "hole.csv")
    fk.write_csv(one.vstack(one[10:11]), "twice.csv")
    return tmp_path


@pytest.fixture
def run(cwd, capsys):
    """``run(words)`` gives the exit code, standard output and standard error."""

    def _run(line):
        try:
            code = cli.main(line.split())
        except SystemExit as left:
            code = left.code
        return (code, *capsys.readouterr())

    return _run


def test_each_month_is_one_line_and_nothing_is_written(run, cwd):
    before = sorted(cwd.iterdir())
    code, output, errors = run("bill used.csv --tariff flat.json")
    assert (code, errors) == (0, "")
    assert output.splitlines() == [
        "0.25 IMPORT, EUR",
        "  month    charged kWh  energy  to pay",
        "  2025-06       720.00  180.00  180.00",
    ]
    assert sorted(cwd.iterdir()) == before


def test_components_are_columns_and_months_have_a_sum(run):
    """In Brussels, 718 of the 720 hours are in June, 358 of them at night; limit and fee by share."""
    line = "bill used.csv --tariff urdb.json --timezone Europe/Brussels --tier-rule per_period"
    code, output, errors = run(line)
    assert (code, errors) == (0, "")
    # June: 99.7222 x 0.1 + 258.2778 x 0.2 + 360 x 0.5.
    # July: 2 of 744 hours, 0.2688 x 0.1 + 1.7312 x 0.2.
    assert output.splitlines()[:5] == [
        "Night and day, USD",
        "  month    charged kWh  energy  fixed  to pay",
        "  2025-06       718.00  241.63   5.98  247.61",
        "  2025-07         2.00    0.37   0.02    0.39",
        "  all           720.00  242.00   6.00  248.00",
    ]
    assert "rows have a finding, for example period.cut" in output


@pytest.mark.parametrize(
    ("words", "energy", "rest"),
    [
        # 360 kWh by day at 0.5 = 180; by night 100 at 0.1 and 260 at 0.2 = 62; 6 fixed.
        ("urdb.json --timezone UTC --tier-rule per_period", "242.00", ["6.00", "248.00"]),
        # All 720 kWh fill the tiers: half of the first 100 at 0.1 and half of the rest at 0.2 = 67.
        ("urdb.json --timezone UTC --tier-rule prorate", "247.00", ["6.00", "253.00"]),
        ("octopus.json --timezone UTC", "151.20", ["151.20"]),
        ("both.json --timezone UTC", "151.20", ["15.00", "166.20"]),  # 50 pence for each of 30 days
        ("plain.json --timezone UTC --currency CHF", "216.00", ["216.00"]),
        ("levy.json", "216.00", ["216.00"]),
    ],
)
def test_each_format_is_recognised_by_its_fields(run, words, energy, rest):
    code, output, errors = run(f"bill used.csv --tariff {words}")
    assert (code, errors) == (0, "")
    assert output.splitlines()[2].split() == ["2025-06", "720.00", energy, *rest]


def test_exports_earn_their_own_price(run):
    """Net import of 0.75 kWh per hour at 0.25, no export; then 0.25 kWh used and the rest sold."""
    code, output, _ = run("bill two.parquet --tariff sold.json")
    assert code == 0
    assert output.splitlines()[0] == "0.25 IMPORT, EUR, 2 sites together"
    assert output.splitlines()[2].split() == ["2025-06", "1,080.00", "270.00", "0.00", "270.00"]
    flipped = pl.read_parquet("two.parquet").rename(
        {"consumption_kwh": "generation_kwh", "generation_kwh": "x"}
    )
    fk.write_csv(flipped.rename({"x": "consumption_kwh"}), "flipped.csv")
    _, output, _ = run("bill flipped.csv --tariff sold.json")
    assert output.splitlines()[2].split() == ["2025-06", "0.00", "0.00", "-108.00", "-108.00"]


def test_several_tariffs_are_compared_and_written(run, cwd):
    line = (
        "bill two.parquet --tariff flat.json --tariff levy.json --tariff sold.json --out made/here"
    )
    code, output, errors = run(line)
    assert (code, errors) == (0, "")
    lines = output.splitlines()
    assert [each for each in lines if each.startswith("0.25")] == [
        f"0.25 IMPORT ({name}), EUR, 2 sites together" for name in ("flat", "levy", "sold")
    ]
    at = lines.index("All tariffs, EUR")
    assert [each.split() for each in lines[at + 1 : at + 5]] == [
        ["tariff", "cost", "above", "the", "cheapest", "cheapest", "for"],
        ["0.25", "IMPORT", "(flat)", "270.00", "0.00", "2"],
        ["0.25", "IMPORT", "(sold)", "270.00", "0.00", "0"],
        ["0.25", "IMPORT", "(levy)", "324.00", "54.00", "0"],
    ]
    assert lines[-2:] == [str(Path("made/here/bill.csv")), str(Path("made/here/bill_matrix.csv"))]
    names = [f"{name}.json" for name in ("flat", "levy", "sold")]
    plans = [fk.Tariff.from_flatpeak(PLANS["flat.json"], timezone="UTC", currency="EUR")]
    wanted = fk.bill(read_file("two.parquet"), plans)
    written = pl.read_csv("made/here/bill.csv")
    flat = written.filter(pl.col("tariff") == "0.25 IMPORT (flat)")
    assert flat["cost"].to_list() == wanted["cost"].to_list()
    assert written["tariff"].n_unique() == len(names)
    matrix = pl.read_csv("made/here/bill_matrix.csv")
    assert matrix.filter(pl.col("best"))["tariff"].to_list() == ["0.25 IMPORT (flat)"] * 2
    assert Path("made/here/bill.meta.json").is_file()


def test_the_spread_of_the_tier_rules_is_printed(run):
    place = "--timezone UTC --currency EUR --tier-rule prorate"
    code, output, _ = run(f"bill used.csv --tariff urdb.json --tariff plain.json {place}")
    assert code == 0
    bills = (248.0, 253.0, by_time())  # the first two as above
    wanted = 100 * (max(bills) - min(bills)) / 253.0
    [row] = [
        line.split() for line in output.splitlines() if line.startswith("  Night") and "%" in line
    ]
    assert row[-2:] == [f"{wanted:.1f}", "%"]


def by_time():
    """The bill in chronological order: the first 100 kWh of the month at the first night price."""
    night = [hour for hour in range(HOURS) if hour % 24 < 12]
    return 6.0 + sum(0.1 if hour < 100 else 0.2 for hour in night) + 0.5 * (HOURS - len(night))


MISTAKES = {
    "used.csv --tariff missing.json": "tariff: cannot read the file 'missing.json': No such file or directory\n",
    "used.csv --tariff broken.json": "file 'broken.json': this is not valid JSON",
    "used.csv --tariff other.json": "other.json: not a tariff that flipkit can read: neither a URDB record",
    "used.csv --tariff third.json": "third.json: cannot price day-unit-rates beside standard-unit-rates",
    "used.csv --tariff empty.json": "found no fields in a value of type list",
    "used.csv --tariff number.json": "found no fields in a value of type int",
    "used.csv --tariff urdb.json": "urdb.json: a URDB record does not name its time zone; give it: --timezone",
    "used.csv --tariff urdb.json --timezone UTC": "energyratestructure: there are tiers",
    "used.csv --tariff flat.json --timezone Mars/North": "'0.25 IMPORT': its timezone is UTC",
    "used.csv --tariff plain.json --currency EUR --timezone Mars/North": "time zone 'Mars/North' is unknown",
    "used.csv --tariff bad_urdb.json --timezone UTC --tier-rule prorate": "bad_urdb.json: URDB record 'Night and day', "
    "coincidentratestructure",
    "used.csv --tariff plain.json": "plain.json: the Flatpeak objects do not name their timezone; give one: --timezone",
    "used.csv --tariff plain.json --timezone UTC": "do not name their currency; give one: --currency",
    "used.csv --tariff plain.json --timezone UTC --currency gold": "plain.json: currency 'gold'",
    "used.csv --tariff two_zones.json": "name Europe/Paris and UTC as their timezone; keep those of one",
    "used.csv --tariff only_sold.json": "only_sold.json: only EXPORT tariffs",
    "used.csv --tariff short_sold.json": "the EXPORT contract '0.1 EXPORT' does not hold for all of the time",
    "used.csv --tariff market.json": "market.json: Flatpeak tariff '0.2 IMPORT': market_rates is true",
    "used.csv --tariff odd_way.json": "direction: 'SIDEWAYS' is not one of",
    "used.csv --tariff words.json": "item 1: expected a Flatpeak tariff object, got str",
    "used.csv --tariff flat.json --tariff octopus.json": "tariffs in EUR, GBP: currencies are never compared",
    "used.csv --tariff flat.json --tariff flat.json": "flat.json: given twice; name each tariff once",
    "used.csv --tariff flat.json --currency GBP": "'0.25 IMPORT': its currency is EUR, but GBP was given",
    "used.csv --tariff .": "tariff: cannot read the file '.'",
    "used.csv --tariff utf16.json": "cannot read the file 'utf16.json': it is not text in UTF-8",
    "twice.csv --tariff flat.json": "2025-06-01T10:00:00Z: the time occurs twice; keep one of the rows",
    "missing.csv --tariff flat.json": "missing.csv: No such file",
    "flat.json --tariff flat.json": "flat.json: expected a .csv or .parquet file",
    "hole.csv --tariff flat.json": "2025-06-01T10:00:00Z",
    "used.csv --tariff flat.json --out used.csv": "used.csv: a file is in the way",
}


@pytest.mark.parametrize("line", MISTAKES)
def test_a_mistake_is_one_message_on_standard_error(run, line):
    code, output, errors = run(f"bill {line}")
    assert (code, output) == (1, "")
    assert errors.startswith("flipkit: ")
    assert MISTAKES[line] in errors
    assert errors.count("\n") == 1


@pytest.fixture
def with_hole(cwd):
    """Two homes, of which b lacks an hour."""
    energy = pl.read_parquet("two.parquet")
    fk.write_csv(energy[: HOURS + 10].vstack(energy[HOURS + 11 :]), "hole_of_b.csv")
    return cwd


@pytest.mark.usefixtures("with_hole")
def test_a_home_with_a_hole_is_counted_beside_the_bill_of_the_others(run):
    _, alone, _ = run("bill one.csv --tariff flat.json --tariff levy.json")
    code, output, errors = run(
        "bill hole_of_b.csv --tariff flat.json --tariff levy.json --out bills"
    )
    assert (code, errors) == (3, "")
    figures = [line for line in alone.splitlines() if line.startswith("  ")]
    assert [line for line in output.splitlines() if line.startswith("  ")] == figures
    assert output.count(", EUR, 1 not rated") == 3
    assert "energy.gap: 2025-06-01T10:00:00Z: no interval" in output
    assert "b,,,,,,EUR," in (Path("bills") / "bill.csv").read_text(encoding="utf-8")


@pytest.mark.usefixtures("with_hole")
def test_a_simulation_names_a_home_with_a_hole(run):
    scenario = '[[scenario]]\nname = "today"\n'
    Path("s.toml").write_text(scenario, encoding="utf-8")
    code, output, errors = run("simulate s.toml --energy hole_of_b.csv --tariff flat.json --out o")
    assert (code, errors) == (3, "")
    assert "not evaluated: b (energy.gap: 2025-06-01T10:00:00Z: no interval" in output
    bills = pl.read_csv("o/bills.csv").filter(site_id="b")
    assert bills["cost"].to_list() == [None]
    assert bills["finding"][0].startswith("energy.gap: ")


@pytest.mark.usefixtures("cwd")
def test_tariffs_of_one_name_are_distinguished_by_their_files():
    Path("a").mkdir()
    for path in ("a/flat.json", "other.json"):
        Path(path).write_text(Path("flat.json").read_text(encoding="utf-8"), encoding="utf-8")
    names = [
        plan.name
        for plan in read_plans(["flat.json", Path("a", "flat.json"), "other.json", "levy.json"])
    ]
    first = f"0.25 IMPORT ({Path('a', 'flat.json')})"
    assert names == ["0.25 IMPORT (flat.json)", first, "0.25 IMPORT (other)", "0.25 IMPORT (levy)"]


@pytest.mark.parametrize(
    "line", ["bill", "bill used.csv", "bill used.csv --tariff flat.json --tier-rule guessed"]
)
def test_unknown_arguments_print_the_usage(run, line):
    code, output, errors = run(line)
    assert (code, output) == (2, "")
    assert errors.startswith("usage: flipkit bill")


@pytest.mark.usefixtures("cwd")
@pytest.mark.parametrize("rule", [None, "prorate"])
def test_flatpeak_tiers_fill_in_chronological_order_by_default(rule):
    plan = flatpeak(0.2, **HOME)
    [hours] = plan["schedule"][0]["days_and_hours"][0]["hours"]
    hours["rate"] = [{"fixed": 0.2, "to_kwh": 100}, {"fixed": 0.3, "to_kwh": None}]
    Path("tiers.json").write_text(json.dumps(plan), encoding="utf-8")
    assert read_plan("tiers.json", tier_rule=rule).tier_rule == (rule or "chronological")


@pytest.mark.usefixtures("cwd")
def test_an_export_price_holds_for_each_of_several_contracts():
    edge = "2025-06-15T00:00:00Z"
    contracts = [
        flatpeak(0.2, contract_end_date=edge, **HOME),
        flatpeak(0.4, contract_start_date=edge, **HOME),
        flatpeak(0.1, "EXPORT", **HOME),
    ]
    Path("changed.json").write_text(json.dumps(contracts), encoding="utf-8")
    plan = read_plan("changed.json")
    assert [part.export.rates[0].price_per_kwh for part in plan.parts] == [0.1, 0.1]
    sold = [flatpeak(0.1, "EXPORT", contract_end_date=edge, **HOME)]
    sold.append(flatpeak(0.2, "EXPORT", contract_start_date=edge, **HOME))
    Path("changed.json").write_text(json.dumps([flatpeak(0.2, **HOME), *sold]), encoding="utf-8")
    changing = read_plan("changed.json").export.tariff
    assert [part.rates[0].price_per_kwh for part in changing.parts] == [0.1, 0.2]


def test_it_calls_no_service(run, monkeypatch):
    monkeypatch.setattr(cli, "connect", lambda *_, **__: pytest.fail("a service was asked"))
    monkeypatch.setenv("FLIPKIT_ENVIRONMENT", "production")
    assert run("bill used.csv --tariff flat.json")[0] == 0
    assert "FLIP_API_KEY" not in os.environ
