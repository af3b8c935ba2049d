"""The sample fleet recomputed with Decimal and zoneinfo from ``data/``, without flipkit.

Slow and plain on purpose: one half-hour after another, one (cached) price at a time.
"""

import csv
import gzip
import json
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_EVEN, Decimal
from functools import cache
from pathlib import Path
from zoneinfo import ZoneInfo

SAMPLE = Path(__file__).parents[2] / "data" / "sample"
HALF_HOUR = timedelta(minutes=30)
DAYS = {"All": range(7), "Weekday": range(5), "Weekend": (5, 6)}
MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]


@cache
def sites():
    return {
        site["site_id"]: site
        for site in json.loads((SAMPLE / "sites.json").read_text(encoding="utf-8"))
    }


@cache
def tariffs():
    content = json.loads((SAMPLE / "tariffs.json").read_text(encoding="utf-8"), parse_float=Decimal)
    return {tariff["key"]: tariff for tariff in content}


@cache
def market():
    with gzip.open(SAMPLE / "market_prices.csv.gz", "rt", newline="", encoding="utf-8") as file:
        return {
            (row["market"], row["start_utc"]): Decimal(row["price_per_kwh"])
            for row in csv.DictReader(file)
        }


@cache
def energy(site_id):
    """Half-hours in order: (start in UTC, imported, exported, own generation used), in Wh."""
    rows = []
    with gzip.open(
        SAMPLE / "energy" / f"{site_id}.csv.gz", "rt", newline="", encoding="utf-8"
    ) as file:
        for row in csv.DictReader(file):
            names = ("home_wh", "car_wh", "generation_wh", "charge_wh", "discharge_wh")
            home, car, generation, charge, discharge = (int(row[name]) for name in names)
            net = home + car + charge - generation - discharge
            start = datetime.fromisoformat(row["start_utc"]).astimezone(UTC)
            rows.append((start, max(net, 0), max(-net, 0), generation - max(-net, 0)))
    return rows


def price(keys, start):
    """The price of a half-hour: the tariffs' rates in force at its local beginning, added."""
    return sum((_price(key, start) for key in keys), Decimal(0))


@cache
def _price(key, start):
    tariff = tariffs()[key]
    if tariff["market_rates"]:
        return market()[tariff["market"], start.strftime("%Y-%m-%dT%H:%M:%SZ")]
    local = start.astimezone(ZoneInfo(tariff["timezone"]))
    return _scheduled(key, local.month, local.weekday(), local.strftime("%H:%M:%S"))


@cache
def _scheduled(key, month, weekday, clock):
    found = [
        Decimal(hours["rate"][0]["fixed"])
        for season in tariffs()[key]["schedule"]
        if season["months"] == ["All"] or MONTHS[month - 1] in season["months"]
        for kind in season["days_and_hours"]
        if any(weekday in DAYS[day] for day in kind["days"])
        for hours in kind["hours"]
        if hours["valid_from"] <= clock
        and (hours["valid_to"] == "00:00:00" or clock < hours["valid_to"])
    ]
    assert len(found) == 1, (key, month, weekday, clock, found)
    return found[0]


def keys_of(site, direction):
    if direction == "LOCAL":
        return []
    names = ("import_tariff", "grid_fee_tariff") if direction == "IMPORT" else ("export_tariff",)
    return [site[name] for name in names if site[name]]


@cache
def month_of(start, zone):
    return start.astimezone(ZoneInfo(zone)).strftime("%Y-%m")


@cache
def monthly(site_id, direction):
    """Energy in Wh and cost, unrounded, by local month."""
    site = sites()[site_id]
    zone, keys = site["timezone"], keys_of(site, direction)
    column = {"IMPORT": 1, "EXPORT": 2, "LOCAL": 3}[direction]
    wh, cost = defaultdict(int), defaultdict(Decimal)
    for row in energy(site_id):
        month = month_of(row[0], zone)
        wh[month] += row[column]
        cost[month] += row[column] * price(keys, row[0]) / 1000 if keys and row[column] else 0
    return dict(wh), dict(cost)


@cache
def worth(site_id):
    """The value of a lost kWh by local month and for "year": as used, all sold, all used."""
    site = sites()[site_id]
    sold, used, at_export, at_import = (defaultdict(Decimal) for _ in range(4))
    for start, _, exported, own in energy(site_id):
        if not exported + own:
            continue
        for month in (month_of(start, site["timezone"]), "year"):
            sold[month] += exported
            used[month] += own
            at_export[month] += (exported + own) * price(keys_of(site, "EXPORT"), start)
            at_import[month] += (exported + own) * price(keys_of(site, "IMPORT"), start)
    found = {}
    for month, kwh in {month: sold[month] + used[month] for month in sold}.items():
        low, high = at_export[month] / kwh, at_import[month] / kwh
        found[month] = (used[month] * high + sold[month] * low) / kwh, low, high
    return found


def scenario(
    site_id, import_keys, export_keys, change=lambda _number, _start, used, made: (used, made)
):
    """Cost of imports and value of exports by local month; ``change`` gives the Wh."""
    bills = defaultdict(lambda: [Decimal(0), Decimal(0)])
    for number, (start, imported, exported, own) in enumerate(energy(site_id)):
        used, made = change(number, start, imported + own, exported + own)
        net = used - made
        bill = bills[month_of(start, sites()[site_id]["timezone"])]
        if net > 0:
            bill[0] += net * price(import_keys, start) / 1000
        elif net < 0:
            bill[1] -= net * price(export_keys, start) / 1000
    return dict(bills)


def battery(capacity_wh, most_wh, efficiency):
    """``run(surplus)``: Wh that a self-consumption battery discharges (below zero: charges)."""
    stored = Decimal(0)

    def run(surplus):
        nonlocal stored
        if surplus > 0:
            taken = min(surplus, most_wh, (capacity_wh - stored) / efficiency)
            stored += taken * efficiency
            return -taken
        given = min(-surplus, most_wh, stored * efficiency)
        stored -= given / efficiency
        return given

    return run


def cents(amount):
    return amount.quantize(Decimal("0.01"), rounding=ROUND_HALF_EVEN)


@cache
def performance():
    """Actual and expected kWh by site and month; None where the report is empty."""
    with (SAMPLE / "performance.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    figures = ("actual_production_kwh", "expected_production_kwh")
    return {
        (row["site_id"], row["month"]): tuple(Decimal(row[f]) if row[f] else None for f in figures)
        for row in rows
    }
