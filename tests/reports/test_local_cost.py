"""The local cost: equal to the service's if that is right, and a finding if it is not."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from support import kits

import flipkit as fk
from flipkit.calendar import month_edges
from flipkit.emulator.flatpeak import pricing
from flipkit.errors import NotFound, PriceUnavailable, RequestInfo
from flipkit.flatpeak import cost_rows
from flipkit.frames import take
from flipkit.tariffs import PriceSeries

HALF_HOUR = timedelta(minutes=30)
LADDER = [
    {"fixed": 0.10, "to_kwh": 40},
    {"fixed": 0.20, "to_kwh": 120},
    {"fixed": 0.45, "to_kwh": None},
]
MARKET_SITES = {"uk-02", "uk-08"}
OPEN = {"contract_start_date": "2020-01-01T00:00:00Z", "contract_end_date": "2030-01-01T00:00:00Z"}


def records(frame):
    columns = take(
        frame,
        numbers=["cost", "local_cost", "energy_kwh"],
        texts=[
            "site_id",
            "object_id",
            "period",
            "tariff_direction",
            "local_cost_source",
            "finding",
        ],
    )
    return [
        dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)
    ]


def refuse(error):
    def refused(*given, **named):
        raise error("no", RequestInfo("GET", "/prices"), status=404)

    return refused


@pytest.fixture
def without_price_list(monkeypatch):
    monkeypatch.setattr("flipkit.reports.local_cost.price_series", refuse(PriceUnavailable))


@pytest.fixture
def without_tariff(monkeypatch):
    monkeypatch.setattr("flipkit.flatpeak.Flatpeak.tariff_objects", refuse(NotFound))


def scale_costs(monkeypatch, factor, month):
    """Let the service report costs of one month in London that are wrong by a factor."""

    def scaled_rows(*given, **named):
        rows = cost_rows(*given, **named)
        labels, edges = month_edges("Europe/London", *given[2:4])
        number = np.searchsorted(edges, rows.start_us, side="right") - 1
        is_wrong = np.array([labels[each] == month for each in number], dtype=bool)
        return replace(rows, cost=np.where(is_wrong, rows.cost * factor, rows.cost))

    monkeypatch.setattr("flipkit.reports.cost.cost_rows", scaled_rows)


def schedule(rate):
    hours = [{"valid_from": "00:00:00", "valid_to": "00:00:00", "rate": rate}]
    return [{"months": ["All"], "days_and_hours": [{"days": ["All"], "hours": hours}]}]


def metered(tariffs, *, days=75, start="2025-05-01T00:00:00+00:00", wh=(0.0, 900.0), values=None):
    """A kit over one home in London with fractions of Wh, and its location."""
    kit = kits.kit_over()
    location = kit.flatpeak.create_location("home", city="London", country_code="GB")
    for tariff in tariffs:
        kit.flatpeak.create_tariff(
            location, {"direction": "IMPORT", "type": "COMMODITY"} | OPEN | tariff
        )
    begin, rng = datetime.fromisoformat(start).astimezone(UTC), np.random.default_rng(3)
    count = days * 48 if values is None else len(values)
    times = [begin + number * HALF_HOUR for number in range(count)]
    common = {"location_id": location, "units": "WH"}
    if values is None:
        values = rng.uniform(*wh, count).round(3).tolist()
    rows = [
        common | {"start_utc": time, "end_utc": time + HALF_HOUR, "value": value}
        for time, value in zip(times, values, strict=True)
    ]
    assert len(kit.flatpeak.submit_interval(rows).failed) == 0
    return kit, location


def test_every_cost_of_the_sample_fleet_is_rated_to_the_cent(kit, monkeypatch):
    """Fixed tariffs and market rates alike; free LOCAL energy has no tariff and no local cost."""
    calls = []
    tariff_objects = fk.Flatpeak.tariff_objects

    def counted(client, location_id):
        calls.append(location_id)
        return tariff_objects(client, location_id)

    monkeypatch.setattr("flipkit.flatpeak.Flatpeak.tariff_objects", counted)
    rows = records(fk.cost_report(kit, "2025-09", "2025-10"))
    assert len(calls) == len(set(calls)) == 24
    checked = [
        row for row in rows if row["tariff_direction"] != "LOCAL" and not np.isnan(row["cost"])
    ]
    assert len(checked) == 2 * (24 + 18)
    assert all(row["local_cost"] == row["cost"] for row in checked)
    for row in checked:
        has_market_rates = row["site_id"] in MARKET_SITES and row["tariff_direction"] == "IMPORT"
        assert row["local_cost_source"] == ("price_list" if has_market_rates else "tariff")
    local = [row for row in rows if row["tariff_direction"] == "LOCAL"]
    assert all(np.isnan(row["local_cost"]) for row in local)
    assert {row["local_cost_source"] for row in local} == {None}
    assert not [row for row in rows if row["finding"] and "cost." in row["finding"]]


@pytest.mark.parametrize("aggregation", ["MONTH", "DAY"])
def test_a_month_whose_costs_are_one_percent_off_is_found(monkeypatch, aggregation):
    kit, _ = metered([{"schedule": schedule(LADDER[2:])}])
    scale_costs(monkeypatch, 1.01, "2025-06")
    report = fk.cost_report(kit, "2025-05", "2025-07-14", aggregation=aggregation)
    for row in records(report):
        wrong = row["period"].startswith("2025-06")
        assert ("cost.differs" in (row["finding"] or "")) == wrong, row
        if wrong:
            assert (
                f"{row['cost']} according to the service, {row['local_cost']} calculated from its "
                "tariffs" in row["finding"]
            )
            assert row["cost"] == pytest.approx(1.01 * row["local_cost"], abs=0.02)


# The contract dates of a tariff without a beginning and an end.
UNBOUNDED = {
    name: value
    for name, value in fk.Tariff.flat(0.1, currency="GBP", timezone="Europe/London")
    .to_flatpeak("any")
    .items()
    if name.startswith("contract_")
}
TARIFFS = {
    "flat": [{"schedule": schedule(LADDER[2:])}],
    "open-ended": [{"schedule": schedule(LADDER[2:]), **UNBOUNDED}],
    "tiers, open-ended": [{"schedule": schedule(LADDER), **UNBOUNDED}],
    "contracts that follow each other": [
        {"schedule": schedule(LADDER[2:]), "contract_end_date": "2025-06-10T12:00:00Z"},
        {"schedule": schedule([{"fixed": 0.3}]), "contract_start_date": "2025-06-10T12:00:00Z"},
    ],
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
def test_fractions_of_watt_hours_give_no_finding(name, window):
    """The service reports whole Wh, but its costs are of fractions; tiers count the whole month."""
    kit, _ = metered(TARIFFS[name])
    rows = [row for row in records(fk.cost_report(kit, *window)) if row["energy_kwh"] > 0]
    assert len(rows) == (3 if window[0] == "2025-05" else 2)
    for row in rows:
        assert row["local_cost"] == pytest.approx(row["cost"], abs=0.05)
        assert row["local_cost_source"] == source_of(name)
        assert row["cost"] > 5
        assert "cost." not in (row["finding"] or "")


def source_of(name):
    return "price_list" if name == "contracts that overlap" else "tariff"


@pytest.mark.parametrize("name", [name for name in TARIFFS if source_of(name) == "tariff"])
def test_the_tariff_alone_is_enough(without_price_list, name):
    kit, _ = metered(TARIFFS[name])
    rows = [row for row in records(fk.cost_report(kit, "2025-05", "2025-07")) if row["cost"] > 0]
    assert len(rows) == 3
    for row in rows:
        assert row["local_cost"] == pytest.approx(row["cost"], abs=0.05)
        assert row["local_cost_source"] == "tariff"
        assert "cost." not in (row["finding"] or "")


@pytest.mark.parametrize("name", TARIFFS)
def test_the_price_list_alone_is_enough_and_says_so(without_tariff, name):
    kit, _ = metered(TARIFFS[name])
    rows = [row for row in records(fk.cost_report(kit, "2025-05", "2025-07")) if row["cost"] > 0]
    assert len(rows) == 3
    for row in rows:
        assert row["local_cost"] == pytest.approx(row["cost"], abs=0.05)
        assert row["local_cost_source"] == "price_list"
        assert "cost." not in (row["finding"] or "")


def test_contracts_that_overlap_are_unchecked_without_a_price_list(without_price_list):
    kit, _ = metered(TARIFFS["contracts that overlap"])
    row = records(fk.cost_report(kit, "2025-06"))[0]
    assert row["cost"] > 0
    assert np.isnan(row["local_cost"])
    assert row["local_cost_source"] is None
    assert "cost.unchecked: no usable tariff (" in row["finding"]


STEEP = [{"fixed": 0.1, "to_kwh": 1.0}, {"fixed": 1000.0, "to_kwh": None}]


@pytest.mark.parametrize(
    ("wh", "cost", "local_cost"),
    [
        # 997 Wh in ten records, reported as 1,000: 3 of the next 500 are still on the first tier.
        (99.7, 0.1 * 1.0 + 1000 * 0.497, 0.1 * 1.0 + 1000 * 0.5),
        # 1,003 Wh in ten records, reported as 1,000: 3 of them are on the second tier.
        (100.3, 0.1 * 1.0 + 1000 * 0.503, 0.1 * 1.0 + 1000 * 0.5),
    ],
)
def test_rounded_energy_may_reach_a_tier_earlier_or_later_than_the_service_did(
    wh, cost, local_cost
):
    kit, _ = metered([{"schedule": schedule(STEEP)}], values=[wh] * 10 + [500.0])
    row = records(fk.cost_report(kit, "2025-05"))[0]
    assert row["cost"] == pytest.approx(cost, abs=0.005)
    assert row["local_cost"] == pytest.approx(local_cost, abs=0.005)
    assert "cost." not in row["finding"]


@pytest.mark.parametrize(("more", "is_found"), [(3.0, False), (5.0, True)])
def test_under_tiers_rounding_explains_a_few_wh_and_no_more(monkeypatch, more, is_found):
    """The last of eleven records may be off by 3.7 Wh of the first tier and 0.5 Wh of its own."""

    def more_for_the_last(*given, **named):
        rows = cost_rows(*given, **named)
        return replace(rows, cost=np.where(rows.energy_kwh > 0.4, rows.cost + more, rows.cost))

    monkeypatch.setattr("flipkit.reports.cost.cost_rows", more_for_the_last)
    kit, _ = metered([{"schedule": schedule(STEEP)}], values=[100.0] * 10 + [500.0])
    row = records(fk.cost_report(kit, "2025-05"))[0]
    assert row["cost"] - row["local_cost"] == pytest.approx(more, abs=0.01)
    assert ("cost.differs" in row["finding"]) == is_found


def test_one_percent_is_found_under_tiers_too(monkeypatch):
    kit, _ = metered(TARIFFS["tiers"])
    scale_costs(monkeypatch, 1.01, "2025-06")
    rows = records(fk.cost_report(kit, "2025-05", "2025-06"))
    differs = ["cost.differs" in (row["finding"] or "") for row in rows if row["energy_kwh"] > 0]
    assert differs == [False, True]


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
    [row] = records(fk.cost_report(kit, "2025-05"))
    assert row["local_cost"] == row["cost"] > 0
    assert row["local_cost_source"] == "price_list"
    assert "cost." not in row["finding"]


def test_without_tariff_and_price_list_it_is_unchecked(without_tariff, without_price_list):
    kit, _ = metered([{"schedule": schedule(LADDER[2:])}], days=2)
    [row] = records(fk.cost_report(kit, "2025-05"))
    assert row["cost"] > 0
    assert np.isnan(row["local_cost"])
    assert row["local_cost_source"] is None
    assert "cost.unchecked" in row["finding"]


def test_an_empty_price_list_leaves_the_cost_unchecked(monkeypatch, without_tariff):
    monkeypatch.setattr("flipkit.reports.local_cost.price_series", lambda *_, **__: None)
    kit, location = metered([{"schedule": schedule(LADDER[2:])}], days=2)
    [row] = records(fk.cost_report(kit, "2025-05"))
    assert row["local_cost_source"] is None
    assert f"no price list (the price list of {location} is empty)" in row["finding"]


def test_a_tariff_of_another_type_is_rated_by_the_price_list(monkeypatch):
    tariff_objects = fk.Flatpeak.tariff_objects

    def with_another(client, location_id):
        own = tariff_objects(client, location_id)
        return [*own, {**own[0], "type": "STANDING"}]

    monkeypatch.setattr("flipkit.flatpeak.Flatpeak.tariff_objects", with_another)
    kit, _ = metered([{"schedule": schedule(LADDER[2:])}], days=2)
    [row] = records(fk.cost_report(kit, "2025-05"))
    assert row["local_cost"] == pytest.approx(row["cost"], abs=0.05)
    assert row["local_cost_source"] == "price_list"


def test_a_device_is_unchecked_because_its_location_is_not_known():
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
    assert rows[0]["local_cost_source"] is None
