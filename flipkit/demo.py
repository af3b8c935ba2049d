"""The main job in one command: three reports and a what-if, as CSV files and pictures."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from math import fsum
from pathlib import Path
from textwrap import wrap
from typing import TYPE_CHECKING, Any

import numpy as np

from flipkit.frames import Frame, take, write_csv
from flipkit.reports import (
    cost_report,
    lost_value_report,
    performance_report,
    site_energy,
    text_table,
)
from flipkit.scenarios import Battery, EvCharging, Scenario, Simulation, Solar, simulate

if TYPE_CHECKING:
    from flipkit.connect import Kit
    from flipkit.tariffs import Tariff

__all__ = [
    "FIRST",
    "LAST",
    "SITES",
    "plans",
    "run",
    "scenario_table",
    "scenarios",
    "summary",
    "verdict",
]

FIRST, LAST = "2025-01", "2025-12"
"""The months of the sample fleet."""

SITES = ("be-04", "be-05", "ca-05", "ca-07", "uk-04", "uk-07")
"""The homes of the what-if: with panels, without battery and car, two of each currency."""

# What each utility's customers could have instead, imports and exports: keys of the sample's tariffs.
_NIGHT = {"uk-": "uk-octopus-go", "be-": "be-engie-easy-fixed-day-night", "ca-pge": "ca-pge-ev2-a"}
_NIGHT_EXPORT = {"ca-pge": "ca-pge-ev2-a-nem2"}


def run(kit: Kit, folder: Path) -> dict[str, Any]:
    """Make the reports of the sample fleet and write them with their pictures.

    Returns
    -------
    dict
        ``performance``, ``cost``, ``lost_value``, ``what_if``, ``waterfall`` (frames), ``simulation``, and ``files``
        (paths written).
    """
    performance = performance_report(kit, FIRST, LAST)
    cost = cost_report(kit, FIRST, LAST)
    lost = lost_value_report(kit, FIRST, LAST)
    simulation = simulate(
        site_energy(kit, FIRST, LAST, site_id=SITES), scenarios(), prices=kit, verify=24
    )
    what_if = simulation.summary()
    named = {"performance": performance, "cost": cost, "lost_value": lost}
    files = [write_csv(frame, folder / f"{name}.csv") for name, frame in named.items()]
    files += simulation.to_csv(folder / "what_if")
    waterfall = simulation.waterfall()
    files += _pictures(folder, performance, cost, lost, what_if, waterfall)
    return {
        **named,
        "what_if": what_if,
        "waterfall": waterfall,
        "simulation": simulation,
        "files": files,
    }


def scenarios() -> list[Scenario]:
    """Today; a tariff with cheap nights; a battery; panels beside it; a car that charges at once, or at night; all."""
    from flipkit.emulator import sample_sites

    night: dict[str, Any] = {"tariff": plans(_NIGHT), "export_tariff": plans(_NIGHT_EXPORT)}
    roofs = {
        site["site_id"]: site["system_size_kw"]
        for site in sample_sites()
        if site["site_id"] in SITES
    }
    more = {
        site_id: Solar.like_existing(3, kw) for site_id, kw in roofs.items()
    }  # 3 kW, which needs no weather
    battery = Battery(10, 5)
    car = EvCharging.weekly(_WEEK, max_power_kw=7.4)
    at_night = replace(car, strategy="cheapest")
    return [
        Scenario("today"),
        Scenario("cheap nights", **night),
        Scenario("battery", battery=battery),
        Scenario("panels and battery", solar=more, battery=battery),
        Scenario("car", ev=car),
        Scenario("car at night", ev=at_night, **night),
        Scenario(_ALL, solar=more, battery=battery, ev=at_night, **night),
    ]


_ALL = "all of it"
_SHOWN = "uk-07"  # whose waterfall is drawn
_WEEK = {"mon-fri": ("18:00", "07:00", 7.0), "sat,sun": ("16:00", "09:00", 9.0)}


def plans(choice: dict[str, str]) -> dict[str, Tariff]:
    """The tariff that each sample site would have, grid fees included; sites of other utilities keep theirs.

    Parameters
    ----------
    choice : dict of str to str
        Key of a sample tariff by the beginning of the key of today's tariff.
    """
    from flipkit.emulator import sample_sites, sample_tariffs
    from flipkit.tariffs import Tariff

    tariffs = sample_tariffs()
    found = {}
    for site in sample_sites():
        plan = next(
            (key for begin, key in choice.items() if site["import_tariff"].startswith(begin)), None
        )
        if plan:
            parts = [
                tariffs[plan],
                *([tariffs[site["grid_fee_tariff"]]] if site["grid_fee_tariff"] else []),
            ]
            found[site["site_id"]] = Tariff.from_flatpeak(
                parts, timezone=site["timezone"], currency=site["currency"]
            )
    return found


def _pictures(
    folder: Path, performance: Frame, cost: Frame, lost: Frame, what_if: Frame, waterfall: Frame
) -> Iterator[Path]:
    from flipkit.plots import (
        cost_bars,
        lost_value_bars,
        performance_heatmap,
        savings_waterfall,
        scenario_savings,
        write_png,
    )

    yield write_png(folder / "performance.png", performance_heatmap, performance)
    for currency in sorted({c for c in take(cost, texts=["currency"])["currency"] if c}):
        name = currency.lower()
        yield write_png(folder / f"cost_{name}.png", cost_bars, cost, currency=currency)
        yield write_png(folder / f"lost_value_{name}.png", lost_value_bars, lost, currency=currency)
        yield write_png(
            folder / f"what_if_{name}.png", scenario_savings, what_if, currency=currency
        )
    shown = {"site_id": _SHOWN, "scenario": _ALL}
    yield write_png(folder / "what_if_waterfall.png", savings_waterfall, waterfall, **shown)


def summary(made: dict[str, Any], folder: Path) -> Iterator[str]:
    """The result in words: what stands out, where everything is, and what to open next.

    Parameters
    ----------
    made : dict
        What `run` gave.
    folder : Path
        Where the files are.
    """
    yield from (
        "",
        "Performance 2025: the sites that lost most",
        *text_table(_worst(made["lost_value"])),
    )
    yield from ("", "Cost 2025, all sites of a currency (imports, less what exports earned)")
    yield from text_table(_totals(made["cost"]))
    yield from (
        "",
        f"What if: cost of {len(SITES)} homes by scenario, and with batteries that know the future",
    )
    yield from scenario_table(made["what_if"])
    yield from ("", f"What each change brings to {_ALL!r}", *text_table(_steps(made["waterfall"])))
    yield from ("", *verdict(made["simulation"]))
    yield from ("", f"{len(made['files'])} files are in {folder}:")
    yield from (f"  {path.relative_to(folder)}" for path in made["files"])
    yield "Beside each CSV, a .meta.json says what its columns mean."
    yield from ("", f"Open {folder / 'performance.png'} first, then {folder / 'lost_value.csv'}.")
    notebook = Path("notebooks", "01_getting_started.ipynb")
    yield f"Next: jupyter lab {notebook}" if notebook.is_file() else "Next: flipkit --help"


def scenario_table(summary: Frame) -> Iterator[str]:
    """Of all sites of a currency, by scenario, from `Simulation.summary`: cost, saving, and the cost with foresight."""
    numbers = ["cost", "saving", "cost_optimal"]
    columns = take(summary, numbers=numbers, texts=["scenario", "currency"])
    rows: list[tuple[str, ...]] = [("scenario", "currency", "cost", "saving", "with foresight")]
    for currency in sorted(set(columns["currency"])):
        for scenario in dict.fromkeys(columns["scenario"]):
            own = (columns["scenario"] == scenario) & (columns["currency"] == currency)
            sums = [fsum(columns[name][own]) for name in numbers]
            rows.append(
                (scenario, currency, *("" if np.isnan(each) else f"{each:,.2f}" for each in sums))
            )
    return text_table(rows)


def _steps(waterfall: Frame) -> list[tuple[str, ...]]:
    """The steps to the scenario with all changes, over all sites of a currency."""
    columns = take(waterfall, numbers=["change"], texts=["scenario", "step", "currency"])
    own = columns["scenario"] == _ALL
    currencies = sorted(set(columns["currency"][own]))
    rows: list[tuple[str, ...]] = [("change", *currencies)]
    for step in list(dict.fromkeys(columns["step"][own]))[1:]:
        parts = [
            columns["change"][own & (columns["step"] == step) & (columns["currency"] == c)]
            for c in currencies
        ]
        rows.append((step, *(f"{fsum(part):,.2f}" for part in parts)))
    return rows


def verdict(simulation: Simulation) -> Iterator[str]:
    """What the certificate says, in lines; nothing of a simulation that was not verified."""
    if simulation.proof is not None:
        yield from wrap(simulation.proof.statement, 100)


def _worst(lost: Frame, most: int = 6) -> list[tuple[str, ...]]:
    columns = take(lost, numbers=["lost_kwh", "lost_value"], texts=["site_id", "currency"])
    rows = []
    for site in dict.fromkeys(columns["site_id"]):
        own = columns["site_id"] == site
        kwh, money = (float(np.nansum(columns[name][own])) for name in ("lost_kwh", "lost_value"))
        rows.append((kwh, site, money, next((c for c in columns["currency"][own] if c), "")))
    rows.sort(key=lambda row: (-row[0], row[1]))
    shown = [
        (site, f"{kwh:,.0f}", f"{money:,.2f}", currency)
        for kwh, site, money, currency in rows[:most]
    ]
    return [("site", "lost kWh", "worth", ""), *shown]


def _totals(cost: Frame) -> list[tuple[str, ...]]:
    columns = take(cost, numbers=["energy_kwh", "cost"], texts=["tariff_direction", "currency"])
    rows: list[tuple[str, ...]] = [
        ("currency", "imported kWh", "paid", "exported kWh", "earned", "to pay")
    ]
    for currency in sorted({c for c in columns["currency"] if c}):
        sums = [
            float(
                np.nansum(
                    columns[name][
                        (columns["currency"] == currency) & (columns["tariff_direction"] == way)
                    ]
                )
            )
            for way in ("IMPORT", "EXPORT")
            for name in ("energy_kwh", "cost")
        ]
        amounts = [f"{sums[0]:,.0f}", f"{sums[1]:,.2f}", f"{sums[2]:,.0f}", f"{sums[3]:,.2f}"]
        rows.append((currency, *amounts, f"{sums[1] - sums[3]:,.2f}"))
    return rows
