"""Current prices: which calls they take, where they are read, what they cost."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
import polars as pl
import pytest
from support import kits

import flipkit as fk
from flipkit.errors import InputError
from flipkit.frames import records_of, take
from flipkit.scenarios.engine import current_prices
from flipkit.tariffs import Export, Rate

GBP = {"currency": "GBP", "timezone": "Europe/London"}
FLAT = fk.Tariff.flat(0.25, **GBP)
START = datetime(2025, 5, 1, tzinfo=UTC)
HALF_HOUR = timedelta(minutes=30)


def energy(count=96, site="a"):
    rng = np.random.default_rng(2)
    times = [START + number * HALF_HOUR for number in range(count)]
    return pd.DataFrame(
        {"site_id": site, "start_utc": times, "consumption_kwh": rng.uniform(0, 1, count)}
    )


def costs(result):
    frame = take(result.summary(band=False), numbers=["cost"], texts=["site_id", "scenario"])
    return {(site, scenario): cost for cost, site, scenario in zip(*frame.values(), strict=True)}


@pytest.mark.parametrize(("site", "listed"), [("ca-03", 0), ("be-01", 0), ("uk-02", 5)])
def test_a_site_year_takes_at_most_ten_calls(kit, site, listed):
    """One call for all locations, one for a site's tariffs, and the price list of a market."""
    frame = fk.site_energy(kit, "2025-01", "2025-12", site_id=site)
    calls = kits.count_calls(kit)
    fk.simulate(
        frame, [fk.Scenario("today"), fk.Scenario("less", load=fk.Load(scale=0.9))], prices=kit
    )
    assert len([path for _, path in calls if path.startswith("/prices/")]) == listed
    assert len(calls) == 2 + listed <= 10


@pytest.mark.parametrize("seed", [1, 2])
def test_a_location_with_tiers_costs_what_its_cost_report_says(seed):
    kit = kits.kit_over()
    location = kit.flatpeak.create_location("home", city="London", country_code="GB")
    ladder = [
        {"fixed": 0.1, "to_kwh": 200},
        {"fixed": 0.2, "to_kwh": 600},
        {"fixed": 0.4, "to_kwh": None},
    ]
    hours = [{"valid_from": "00:00:00", "valid_to": "00:00:00", "rate": ladder}]
    schedule = [{"months": ["All"], "days_and_hours": [{"days": ["All"], "hours": hours}]}]
    open_ended = {
        "contract_start_date": "1970-01-01T00:00:00Z",
        "contract_end_date": "9999-12-31T00:00:00Z",
    }
    kit.flatpeak.create_tariff(
        location, {"direction": "IMPORT", "type": "COMMODITY", "schedule": schedule} | open_ended
    )
    begin = datetime(2025, 5, 31, 23, tzinfo=UTC)  # midnight in London: the count of June begins
    times = [begin + number * HALF_HOUR for number in range(30 * 48)]
    values = np.random.default_rng(seed).integers(1, 1500, len(times)).tolist()
    rows = [
        {
            "location_id": location,
            "units": "WH",
            "value": value,
            "start_utc": time,
            "end_utc": time + HALF_HOUR,
        }
        for value, time in zip(values, times, strict=True)
    ]
    assert len(kit.flatpeak.submit_interval(rows).failed) == 0
    window = begin, times[-1] + HALF_HOUR
    reported = take(kit.flatpeak.cost_by_interval(location, *window), numbers=["cost"])["cost"]
    result = fk.simulate(fk.site_energy(kit, *window), [fk.Scenario("today")], prices=kit)
    got = take(result.intervals(), numbers=["import_cost"])["import_cost"]
    np.testing.assert_allclose(got, reported, atol=1e-9)
    assert set(result._interval_result("home", "today").import_tier) == {0, 1, 2}
    assert costs(result)["home", "today"] == pytest.approx(reported.sum(), abs=0.005)


def test_a_contract_that_has_ended_leaves_no_price():
    """Its tariff does not cover the energy, and the service's price list has nothing either."""
    kit = kits.kit_over()
    location = kits.home(kit)
    ended = {"contract_end_date": "2024-12-31T00:00:00Z"}
    sold = fk.Tariff.flat(0.1, **GBP).to_flatpeak(location, direction="EXPORT")
    kit.flatpeak.create_tariff(location, sold | ended)
    frame = energy(site="home").assign(generation_kwh=2.0)
    result = fk.simulate(frame, [fk.Scenario("today")], prices=kit)
    [row] = records_of(result.summary(band=False))
    assert row["export_kwh"] > 0.0
    assert row["cost"] == 0.0
    assert "simulate.no_export_price" in row["finding"]

    location = kit.flatpeak.create_location("ended", city="London", country_code="GB")
    bought = fk.Tariff.flat(0.25, **GBP).to_flatpeak(location)
    kit.flatpeak.create_tariff(location, bought | ended)
    with pytest.raises(InputError, match="site ended, scenario 'today': no import price"):
        fk.simulate(energy(site="ended"), [fk.Scenario("today")], prices=kit)


def test_own_use_that_has_a_price_is_priced_and_verified():
    """Leased panels: the home pays for each kWh of them that it uses."""
    kit = kits.kit_over()
    location = kit.flatpeak.create_location("home", city="London", country_code="GB")
    for direction, price in (("IMPORT", 0.3), ("EXPORT", 0.1), ("LOCAL", 0.07)):
        tariff = fk.Tariff.flat(price, **GBP).to_flatpeak(location, direction=direction)
        kit.flatpeak.create_tariff(location, tariff)
    frame = energy(site="home").assign(
        generation_kwh=lambda table: table["consumption_kwh"].to_numpy()[::-1]
    )
    scenarios = [fk.Scenario("today"), fk.Scenario("battery", battery=fk.Battery(3, 1))]
    result = fk.simulate(frame, scenarios, prices=kit, verify=30)
    assert result.proof.agrees
    assert {row.tariff_direction for row in result.proof.rows} == {"IMPORT", "EXPORT", "LOCAL"}
    used, made = frame["consumption_kwh"], frame["generation_kwh"]
    own = 0.07 * np.minimum(used, made).sum()
    plain = 0.3 * (used - made).clip(lower=0).sum() - 0.1 * (made - used).clip(lower=0).sum() + own
    assert costs(result)["home", "today"] == pytest.approx(plain, abs=0.016)
    reported = fk.simulate(frame, scenarios, prices=kit, method="instant")
    for key, cost in costs(reported).items():
        assert cost == pytest.approx(costs(result)[key], abs=0.02)
    assert set(take(reported.bills(), texts=["component"])["component"]) == {
        "import",
        "export",
        "own use",
    }


def test_one_tariff_for_all_or_one_for_each():
    frame = pd.concat([energy(site="a"), energy(site="b")])
    kwh = energy()["consumption_kwh"].sum()
    expensive = fk.Tariff.flat(0.5, **GBP)
    assert costs(fk.simulate(frame, [fk.Scenario("x")], prices=FLAT)) == {
        ("a", "x"): pytest.approx(0.25 * kwh, abs=0.006),
        ("b", "x"): pytest.approx(0.25 * kwh, abs=0.006),
    }
    each = costs(fk.simulate(frame, [fk.Scenario("x")], prices={"a": FLAT, "b": expensive}))
    assert each["b", "x"] == pytest.approx(0.5 * kwh, abs=0.006)
    with pytest.raises(InputError, match="site b, scenario 'x': no import price"):
        fk.simulate(frame, [fk.Scenario("x")], prices={"a": FLAT})


def test_a_tariff_settles_exports_unless_there_is_an_export_tariff():
    sold = fk.Tariff(
        "both", "GBP", "Europe/London", (Rate(0.25),), export=Export("net_billing", (Rate(0.1),))
    )
    frame = energy().assign(generation_kwh=2.0)
    exported = (2.0 - frame["consumption_kwh"]).clip(lower=0).sum()
    scenarios = [fk.Scenario("own"), fk.Scenario("other", export_tariff=fk.Tariff.flat(0.3, **GBP))]
    found = costs(fk.simulate(frame, scenarios, prices=sold))
    assert found["a", "own"] == pytest.approx(-0.1 * exported, abs=0.01)
    assert found["a", "other"] == pytest.approx(-0.3 * exported, abs=0.01)


def test_a_frame_has_import_export_and_own_use():
    half_hours = pd.to_datetime([START + n * HALF_HOUR for n in range(97)])
    common = {
        "site_id": "a",
        "start_utc": half_hours[:-1],
        "end_utc": half_hours[1:],
        "currency": "GBP",
    }
    prices = pd.concat(
        [
            pd.DataFrame(common | {"tariff_direction": direction, "price_per_kwh": price})
            for direction, price in (("IMPORT", 0.3), ("EXPORT", 0.1), ("LOCAL", 0.07))
        ]
    )
    frame = energy().assign(generation_kwh=0.5)
    used = frame["consumption_kwh"]
    own = np.minimum(used, 0.5).sum()
    expected = (
        0.3 * (used - 0.5).clip(lower=0).sum() - 0.1 * (0.5 - used).clip(lower=0).sum() + 0.07 * own
    )
    result = fk.simulate(frame, [fk.Scenario("x")], prices=prices)
    assert costs(result)["a", "x"] == pytest.approx(expected, abs=0.02)
    components = take(result.bills(), texts=["component"], numbers=["quantity"])
    assert list(dict.fromkeys(components["component"])) == ["import", "export", "own use"]
    assert components["quantity"][2] == pytest.approx(own, abs=1e-5)


def price_frame(library=pd, **columns):
    """Two half-hours of prices of site a, with some columns replaced."""
    good = {
        "site_id": ["a", "a"],
        "start_utc": [START, START + HALF_HOUR],
        "end_utc": [START + HALF_HOUR, START + 2 * HALF_HOUR],
        "tariff_direction": ["IMPORT", "IMPORT"],
        "price_per_kwh": [0.3, 0.3],
        "currency": ["GBP", "GBP"],
        "timezone": ["Europe/London", "Europe/London"],
    }
    return library.DataFrame(good | columns)


@pytest.mark.parametrize("library", [pd, pl])
@pytest.mark.parametrize(
    ("columns", "words"),
    [
        (
            {"tariff_direction": ["IMPORT", "INBOUND"]},
            "tariff_direction 'INBOUND'; choose one of IMPORT, EXPORT, LOCAL",
        ),
        ({"tariff_direction": ["import", "import"]}, "tariff_direction 'import'; choose one of"),
        ({"tariff_direction": [None, "IMPORT"]}, "tariff_direction None; choose one of"),
        ({"currency": ["GBP", "EUR"]}, "currency EUR, GBP; currencies are never added together"),
        ({"currency": ["GBP", None]}, "currency GBP, None; currencies are never"),
        ({"currency": [None, None]}, "currency ''"),
        ({"currency": ["Pounds", "Pounds"]}, "currency 'Pounds'"),
        (
            {"timezone": ["Europe/London", "Europe/Paris"]},
            "timezone Europe/London, Europe/Paris; give the site one time zone",
        ),
        ({"timezone": ["Mars/Base", "Mars/Base"]}, "Mars/Base"),
        (
            {"start_utc": [START, START]},
            "2025-05-01T00:00:00Z",
        ),
    ],
)
def test_a_wrong_price_frame_is_refused_by_site(library, columns, words):
    with pytest.raises(InputError, match=f"prices, site a: .*{words}"):
        current_prices(price_frame(library, **columns), {"a": (0, 1)}, {})


@pytest.mark.parametrize("source", [5, "kit", [FLAT], object()])
def test_other_values_are_refused_as_prices(source):
    with pytest.raises(InputError, match="prices: expected a kit, a Flatpeak client, a Tariff"):
        current_prices(source, {"a": (0, 1)}, {})


@pytest.mark.slow
def test_current_costs_equal_the_cost_report_of_every_site():
    """A year of the sample fleet, month by month and to the cent, by import and export."""
    with fk.connect("emulator", frames="polars") as kit:
        frame = fk.site_energy(kit, "2025-01", "2025-12")
        bills = fk.simulate(frame, [fk.Scenario("today")], prices=kit).bills()
        report = fk.cost_report(kit, "2025-01", "2025-12")
    components = {"IMPORT": ("import", 1), "EXPORT": ("export", -1)}
    wanted = {}
    for row in records_of(report):
        has_records = row["energy_kwh"] is not None  # a home without panels has none of its exports
        direction = row["tariff_direction"]
        if row["object_type"] == "location" and direction in components and has_records:
            component, sign = components[direction]
            cost = sign * row["cost"] + 0.0
            key = row["site_id"], row["period"], component
            wanted[key] = cost, row["energy_kwh"], row["currency"]
    found = {}
    for row in records_of(bills):
        key = row["site_id"], row["month"], row["component"]
        found[key] = row["cost"], row["quantity"], row["currency"]
    assert found == wanted
    assert len({site for site, _, _ in found}) == 24
