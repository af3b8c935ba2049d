"""The check column: equal to the service where the service is right, and a finding where it is not."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from support import kits

import flipkit as fk
from flipkit.emulator.flatpeak import pricing
from flipkit.errors import NotFound, PriceUnavailable, RequestInfo
from flipkit.frames import take
from flipkit.tariffs import PriceSeries

HALF_HOUR = timedelta(minutes=30)
LADDER = [
    {"fixed": 0.10, "to_kwh": 40},
    {"fixed": 0.20, "to_kwh": 120},
    {"fixed": 0.45, "to_kwh": None},
]
OPEN = {"contract_start_date": "2020-01-01T00:00:00Z", "contract_end_date": "2030-01-01T00:00:00Z"}


def records(frame):
    numbers, texts = (
        ["cost", "local_cost", "energy_kwh"],
        ["object_id", "period", "tariff_direction", "finding"],
    )
    columns = take(frame, numbers=numbers, texts=texts)
    return [
        dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)
    ]


class Told:
    """A Flatpeak client whose answers are told otherwise, verb by verb."""

    def __init__(self, client, **verbs):
        self._client, self._verbs = client, verbs

    def __getattr__(self, name):
        verb = getattr(self._client, name)
        return (
            (lambda *given, **named: self._verbs[name](verb, *given, **named))
            if name in self._verbs
            else verb
        )


def told(kit, **verbs):
    return kit._replace(flatpeak=Told(kit.flatpeak, **verbs))


def dearer(factor, month):
    """Costs of one month in London that are off by a factor."""

    def costs(verb, *given, **named):
        import polars as pl

        frame = verb(*given, **named)
        within = (
            pl.col("start_utc").dt.convert_time_zone("Europe/London").dt.strftime("%Y-%m") == month
        )
        return frame.with_columns(
            pl.when(within).then(pl.col("cost") * factor).otherwise(pl.col("cost")).alias("cost")
        )

    return costs


def schedule(rate):
    hours = [{"valid_from": "00:00:00", "valid_to": "00:00:00", "rate": rate}]
    return [{"months": ["All"], "days_and_hours": [{"days": ["All"], "hours": hours}]}]


def metered(tariffs, *, days=75, start="2025-05-01T00:00:00+00:00", wh=(0.0, 900.0)):
    """A kit over one home in London with fractions of Wh, and its location."""
    kit = kits.kit_over()
    location = kit.flatpeak.create_location("home", city="London", country_code="GB")
    for tariff in tariffs:
        kit.flatpeak.create_tariff(
            location, {"direction": "IMPORT", "type": "COMMODITY"} | OPEN | tariff
        )
    begin, rng = datetime.fromisoformat(start).astimezone(UTC), np.random.default_rng(3)
    times = [begin + number * HALF_HOUR for number in range(days * 48)]
    common = {"location_id": location, "units": "WH"}
    values = rng.uniform(*wh, len(times)).round(3).tolist()
    rows = [
        common | {"start_utc": time, "end_utc": time + HALF_HOUR, "value": value}
        for time, value in zip(times, values, strict=True)
    ]
    assert len(kit.flatpeak.submit_interval(rows).failed) == 0
    return kit, location


def test_every_cost_of_the_sample_fleet_is_rated_to_the_cent(kit):
    """Fixed tariffs and market rates alike; free LOCAL energy has no tariff, and nothing to say."""
    calls = []

    def tariff_objects(verb, location_id):
        calls.append(location_id)
        return verb(location_id)

    rows = records(fk.cost_report(told(kit, tariff_objects=tariff_objects), "2025-09", "2025-10"))
    assert len(calls) == len(set(calls)) == 24
    checked = [
        row for row in rows if row["tariff_direction"] != "LOCAL" and not np.isnan(row["cost"])
    ]
    assert len(checked) == 2 * (24 + 18)
    assert all(row["local_cost"] == row["cost"] for row in checked)
    assert all(np.isnan(row["local_cost"]) for row in rows if row["tariff_direction"] == "LOCAL")
    assert not [row for row in rows if row["finding"] and "cost." in row["finding"]]


@pytest.mark.parametrize("aggregation", ["MONTH", "DAY"])
def test_a_month_whose_costs_are_one_percent_off_is_found(aggregation):
    kit, _ = metered([{"schedule": schedule(LADDER[2:])}])
    rows = records(
        fk.cost_report(
            told(kit, cost_by_interval=dearer(1.01, "2025-06")),
            "2025-05",
            "2025-07-14",
            aggregation=aggregation,
        )
    )
    for row in rows:
        wrong = row["period"].startswith("2025-06")
        assert ("cost.differs" in (row["finding"] or "")) == wrong, row
        if wrong:
            assert (
                f"{row['cost']} by the service, {row['local_cost']} by its tariffs"
                in row["finding"]
            )
            assert row["cost"] == pytest.approx(1.01 * row["local_cost"], abs=0.02)


TARIFFS = {
    "flat": [{"schedule": schedule(LADDER[2:])}],
    "fees": [
        {"schedule": schedule(LADDER[2:])},
        {"schedule": schedule(LADDER[2:]), "type": "NON_COMMODITY"},
    ],
    "tiers": [{"schedule": schedule(LADDER)}],
    "tiers and fees that change": [
        {"schedule": schedule(LADDER)},
        {
            "schedule": schedule(LADDER[2:]),
            "type": "NON_COMMODITY",
            "contract_end_date": "2025-06-10T12:00:00Z",
        },
        {
            "schedule": schedule(LADDER[2:]),
            "type": "NON_COMMODITY",
            "contract_start_date": "2025-06-10T12:00:00Z",
        },
    ],
    "tiers that change": [
        {"schedule": schedule(LADDER), "contract_end_date": "2025-06-10T12:00:00Z"},
        {"schedule": schedule(LADDER[1:]), "contract_start_date": "2025-06-10T12:00:00Z"},
    ],
    "contracts that overlap": [
        {"schedule": schedule(LADDER)},
        {"schedule": schedule(LADDER[2:]), "contract_start_date": "2025-06-10T12:00:00Z"},
    ],
}


@pytest.mark.parametrize("name", TARIFFS)
@pytest.mark.parametrize("window", [("2025-05", "2025-07"), ("2025-05-20", "2025-06-17")])
def test_fractions_of_watt_hours_are_no_finding(name, window):
    """The service tells whole Wh; costs come from fractions. A window within a month counts from its beginning."""
    kit, _ = metered(TARIFFS[name])
    rows = [row for row in records(fk.cost_report(kit, *window)) if row["energy_kwh"] > 0]
    assert len(rows) == (3 if window[0] == "2025-05" else 2)
    for row in rows:
        assert row["local_cost"] == pytest.approx(row["cost"], abs=0.05)
        assert row["cost"] > 5
        assert "cost." not in (row["finding"] or "")


def test_one_percent_is_found_under_tiers_too():
    kit, _ = metered(TARIFFS["tiers"])
    rows = records(
        fk.cost_report(told(kit, cost_by_interval=dearer(1.01, "2025-06")), "2025-05", "2025-06")
    )
    assert ["cost.differs" in (row["finding"] or "") for row in rows if row["energy_kwh"] > 0] == [
        False,
        True,
    ]


def test_market_rates_are_rated_by_the_price_list():
    kit = kits.kit_over()
    location = kit.flatpeak.create_location("home", city="London", country_code="GB")
    starts = 1_746_057_600_000_000 + 1_800_000_000 * np.arange(48)  # 2025-05-01
    prices = PriceSeries(starts, starts + 1_800_000_000, np.linspace(-0.1, 0.4, 48))
    with kit.emulator.store.write() as db:
        pricing.put_market(db, "gb-1", "Europe/London", prices)
    body = {
        "direction": "IMPORT",
        "type": "COMMODITY",
        "market_rates": True,
        "schedule": schedule([{"surcharge_fixed": 0.05}]),
    }
    kit.flatpeak.create_tariff(location, body | OPEN)
    record = {"location_id": location, "units": "KWH", "value": 3.0}
    record |= {"start_utc": "2025-05-01T10:10:00Z", "end_utc": "2025-05-01T15:20:00Z"}
    assert len(kit.flatpeak.submit_interval([record]).failed) == 0
    [row] = records(fk.cost_report(kit, "2025-05", "2025-05"))
    assert row["local_cost"] == row["cost"] > 0
    assert "cost." not in row["finding"]


def refuse(error):
    def verb(*given, **named):
        raise error("no", RequestInfo("GET", "/prices", None, 1), status=404)

    return verb


def test_without_tariff_and_price_it_is_unchecked_and_says_so():
    kit, _ = metered([{"schedule": schedule(LADDER[2:])}], days=2)
    silent = told(kit, tariff_objects=refuse(NotFound), prices=refuse(PriceUnavailable))
    [row] = records(fk.cost_report(silent, "2025-05", "2025-05"))
    assert row["cost"] > 0
    assert np.isnan(row["local_cost"])
    assert "cost.unchecked" in row["finding"]
    [row] = records(
        fk.cost_report(told(kit, tariff_objects=refuse(NotFound)), "2025-05", "2025-05")
    )
    assert row["local_cost"] == pytest.approx(row["cost"], abs=0.01)


def test_a_device_is_unchecked_for_its_location_is_not_known():
    kit, location = metered([{"schedule": schedule(LADDER[2:])}], days=1)
    device = kit.flatpeak.create_device("car")
    record = {"location_id": location, "device_id": device, "units": "WH", "value": 500}
    record |= {"start_utc": "2025-05-01T10:00:00Z", "end_utc": "2025-05-01T11:00:00Z"}
    kit.flatpeak.submit_interval([record])
    rows = [
        row
        for row in records(fk.cost_report(kit, "2025-05", "2025-05", object_id=device))
        if row["energy_kwh"] > 0
    ]
    assert [(row["cost"], "cost.unchecked" in row["finding"]) for row in rows] == [(0.22, True)]
    assert np.isnan(rows[0]["local_cost"])
