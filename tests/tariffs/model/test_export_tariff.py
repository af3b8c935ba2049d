"""Export prices of a tariff of their own, such as Octopus Outgoing, wherever a tariff works."""

import pickle

import numpy as np
import pytest
from support.engine_help import billed, energy, hours_between

import flipkit as fk
from flipkit.calendar import to_us
from flipkit.errors import InputError
from flipkit.tariffs import Export, PriceSeries, Rate, Tariff, Tier
from flipkit.tariffs.model import parts_in_force

LONDON = {"currency": "GBP", "timezone": "Europe/London"}
JULY = PriceSeries(
    [to_us("2025-07-01", "Europe/London")], [to_us("2025-08-01", "Europe/London")], [0.15]
)
CHANGE = "2025-07-16T00:00:00+01:00"


def row(pence, start, end):
    return {"value_inc_vat": pence, "valid_from": start, "valid_to": end}


def outgoing():
    """15 p until the middle of July, 12 p from then on, without an end."""
    return Tariff.from_octopus(
        [row(12.0, CHANGE, None), row(15.0, "2024-01-01T00:00:00Z", CHANGE)], name="Outgoing"
    )


def paid_by(prices, mode="net_billing", **more):
    return importing(**more).replace(export=Export(mode, tariff=prices))


def importing(**more):
    return Tariff.flat(0.25, **LONDON, name="Import", **more)


def july(made=1.0, used=0.5):
    count = hours_between("2025-07-01", "2025-08-01", "Europe/London")
    return np.full(count, used), np.full(count, made)


# By hand: 0.5 kWh an hour, 15 days at 0.15 and 16 days at 0.12.
EARNED = 12 * (15 * 0.15 + 16 * 0.12)


def test_an_outgoing_tariff_pays_for_exports_of_an_import_tariff():
    used, made = july()
    tariff = importing(standing_per_day=0.4).replace(
        export=Export("net_billing", tariff=outgoing())
    )
    found = billed(used, tariff, made, start="2025-07-01")
    assert {key: cost for key, (_, cost) in found.items()} == pytest.approx(
        {
            ("2025-07", "energy all"): 0.0,
            ("2025-07", "fixed standing charge"): 31 * 0.4,
            ("2025-07", "export all"): -EARNED,
        }
    )


def test_it_is_the_same_wherever_exports_are_paid():
    used, made = july()
    frame = energy(used, made, start="2025-07-01", zone="Europe/London")
    within = importing().replace(name="within", export=Export("net_billing", tariff=outgoing()))
    matrix = fk.bill_matrix(frame, [within, importing()])
    cost = dict(zip(matrix["tariff"], matrix["cost"], strict=True))
    assert cost == pytest.approx({"within": -EARNED, "Import": 0.0})

    scenarios = [
        fk.Scenario("unpaid", tariff=importing()),
        fk.Scenario("within", tariff=within),
        fk.Scenario("beside", tariff=importing(), export_tariff=outgoing()),
    ]
    simulation = fk.simulate(frame, scenarios)
    summary = simulation.summary()
    found = dict(zip(summary["scenario"], summary["cost"], strict=True))
    assert found == pytest.approx({"unpaid": 0.0, "within": -EARNED, "beside": -EARNED}, abs=0.005)
    intervals = simulation.intervals(scenario="within")
    assert sum(intervals["export_credit"]) == pytest.approx(EARNED)


@pytest.mark.parametrize("way", ["open prices", "one rate", "a series"])
def test_what_was_assumed_of_the_export_prices_is_on_every_bill(way):
    said = "tariff.assumed: of the export prices"
    ways = {
        "open prices": outgoing(),
        "one rate": Tariff.flat(0.15, **LONDON),
        "a series": Tariff("spot", **LONDON, series=JULY),
    }
    used, made = july()
    frame = energy(used, made, start="2025-07-01", zone="Europe/London")
    for text in (said, said + ", again"):  # equal tariffs with other findings
        tariff = paid_by(ways[way].replace(findings=(text,)))
        assert fk.bill(frame, tariff)["finding"][0] == text
        assert fk.bill_matrix(frame, tariff)["finding"][0] == text
        summary = fk.simulate(frame, [fk.Scenario("now", tariff=tariff)]).summary()
        assert text in summary["finding"][0]


@pytest.mark.parametrize("mode", ["net_billing", "buy_all_sell_all"])
def test_a_battery_is_planned_by_its_prices(mode):
    # Exports earn more than imports cost in the second half of the day: the plan is the bill.
    half_days = Tariff.time_of_use({"00:00-12:00": 0.05, "12:00-24:00": 0.40}, **LONDON)
    sold = Tariff.successive(
        [
            half_days.replace(name="a", valid_to_us=to_us("2025-07-02", "Europe/London")),
            half_days.replace(name="b", valid_from_us=to_us("2025-07-02", "Europe/London")),
        ]
    )
    used = np.full(72, 0.5)
    frame = energy(used, np.full(72, 0.6), start="2025-07-01", zone="Europe/London")
    battery = fk.Battery(2, 1)
    ways = {
        "tariff": importing().replace(export=Export(mode, tariff=sold)),
        "rates": importing().replace(export=Export(mode, half_days.rates)),
    }
    scenarios = [fk.Scenario(name, tariff=each, battery=battery) for name, each in ways.items()]
    summary = fk.simulate(frame, scenarios, dispatch="optimal").summary()
    first, second = summary["cost"]
    assert first == pytest.approx(second, abs=1e-9)


def test_prices_by_hour_keep_their_own_clock():
    night = Tariff.from_economy7(0.2, 0.1, night_hours="00:00-12:00")  # of UTC
    used, made = july()
    tariff = paid_by(night)
    assert tariff.export.tariff is not None
    found = billed(used, tariff, made, start="2025-07-01")
    assert found["2025-07", "export all"] == pytest.approx((372.0, -(186 * 0.1 + 186 * 0.2)))


def test_rates_of_any_time_and_a_series_are_the_fields_of_that_name():
    hours = Tariff.time_of_use({"00:00-12:00": 0.05, "12:00-24:00": 0.40}, **LONDON)
    by_tariff = paid_by(hours)
    assert by_tariff == importing().replace(export=Export("net_billing", hours.rates))
    series = PriceSeries([0], [3_600_000_000], [0.1])
    spot = Tariff("spot", "GBP", "UTC", series=series)
    by_tariff = paid_by(spot)
    assert by_tariff.export == Export("net_billing", series=series)


def test_it_is_a_value_and_describes_itself():
    tariff = paid_by(outgoing())
    assert pickle.loads(pickle.dumps(tariff)) == tariff  # noqa: S301
    assert hash(tariff) == hash(paid_by(outgoing()))
    text = tariff.describe().splitlines()
    assert text[3] == "export by net billing"
    assert text[4] == "  Outgoing: GBP per kWh, local time of Europe/London"
    start, end = to_us("2025-07-01", "Europe/London"), to_us("2025-08-01", "Europe/London")
    (again, _, _), (part, _, _) = [next(parts_in_force(tariff, start, end)) for _ in range(2)]
    assert part is again  # all sites share it, and what is cached by it


def test_energy_that_it_does_not_cover_is_refused():
    used, made = july()
    first = outgoing().parts[0]
    tariff = paid_by(first)
    with pytest.raises(InputError, match=r"the prices of tariff 'Outgoing' hold .*first uncovered"):
        billed(used, tariff, made, start="2025-07-01")


@pytest.mark.parametrize(
    ("export", "words"),
    [
        (lambda: Export("net_billing", [Rate(0.1)], tariff=outgoing()), "needs either rates or"),
        (lambda: Export("net_metering", tariff=outgoing()), "net_metering has no price series and"),
        (
            lambda: Export("net_billing", tariff=importing(standing_per_day=0.4)),
            "export: tariff 'Import' has fixed; only its prices per kWh",
        ),
        (
            lambda: Export(
                "net_billing",
                tariff=Tariff(
                    "steps",
                    "GBP",
                    "UTC",
                    [Rate(tiers=[Tier(0.1, 5), Tier(0.2)])],
                    tier_rule="prorate",
                ),
            ),
            "tariff 'steps' has tiers",
        ),
        (
            lambda: Export("net_billing", tariff=Tariff.flat(0.1, currency="EUR", timezone="UTC")),
            "export: prices in EUR, but imports in GBP",
        ),
        (
            lambda: Export("net_billing", tariff=0.15),
            "export, tariff: expected a Tariff, got",
        ),
    ],
)
def test_a_tariff_that_cannot_pay_exports_is_refused(export, words):
    with pytest.raises(InputError, match=words):
        importing().replace(export=export())


def test_contracts_one_after_another_are_written_one_by_one():
    with pytest.raises(InputError, match="has parts"):
        outgoing().to_flatpeak("loc_1", direction="EXPORT")
    bodies = [part.to_flatpeak("loc_1", direction="EXPORT") for part in outgoing().parts]
    again = Tariff.from_flatpeak(bodies, **LONDON)
    assert [part.rates for part in again.parts] == [part.rates for part in outgoing().parts]
    assert again.validity == outgoing().validity
