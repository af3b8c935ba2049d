"""The main job in one command: three reports and a what-if, as CSV files and pictures."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from math import fsum
from pathlib import Path
from textwrap import wrap
from typing import TYPE_CHECKING, Any, NamedTuple

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

__all__ = ["SITES", "YEAR", "DemoResults", "plans", "run", "scenarios", "summary"]

YEAR = "2025"
"""The year of the sample fleet."""

SITES = ("be-04", "be-05", "ca-05", "ca-07", "uk-04", "uk-07")
"""The homes of the what-if: with panels, without battery and car, two of each currency."""

# What the customers of each utility could switch to: keys of the sample's tariffs.
_NIGHT_TARIFFS = {
    "uk-": "uk-octopus-go",
    "be-": "be-engie-easy-fixed-day-night",
    "ca-pge": "ca-pge-ev2-a",
}
_NIGHT_EXPORT_TARIFFS = {"ca-pge": "ca-pge-ev2-a-nem2"}

_CHARGING = {"mon-fri": ("18:00", "07:00", 7.0), "sat,sun": ("16:00", "09:00", 9.0)}
_ADDED_SOLAR_KW = 3
_EVERYTHING = "all of it"
_WATERFALL_SITE = "uk-07"
_WORST_SITES = 6


class DemoResults(NamedTuple):
    """What `run` makes.

    Attributes
    ----------
    performance, cost, lost_value, what_if, waterfall : DataFrame
    simulation : Simulation
    files : list of Path
        The files written.
    """

    performance: Frame
    cost: Frame
    lost_value: Frame
    what_if: Frame
    waterfall: Frame
    simulation: Simulation
    files: list[Path]


def run(kit: Kit, folder: Path) -> DemoResults:
    """Make the reports of the sample fleet and write them, with pictures, to `folder`."""
    energy = site_energy(kit, YEAR, site_id=SITES)
    simulation = simulate(energy, scenarios(), prices=kit, verify=24)
    results = DemoResults(
        performance=performance_report(kit, YEAR),
        cost=cost_report(kit, YEAR),
        lost_value=lost_value_report(kit, YEAR),
        what_if=simulation.summary(),
        waterfall=simulation.waterfall(),
        simulation=simulation,
        files=[],
    )
    for name in ("performance", "cost", "lost_value"):
        results.files.append(write_csv(getattr(results, name), folder / f"{name}.csv"))
    results.files.extend(simulation.to_csv(folder / "what_if"))
    results.files.extend(_pictures(folder, results))
    return results


def scenarios() -> list[Scenario]:
    """Return the scenarios of the demo; the first one is the baseline."""
    from flipkit.emulator import sample_sites

    night: dict[str, Any] = {
        "tariff": plans(_NIGHT_TARIFFS),
        "export_tariff": plans(_NIGHT_EXPORT_TARIFFS),
    }
    # Scaled from the panels that are there, which needs no weather.
    solar = {
        site["site_id"]: Solar.like_existing(_ADDED_SOLAR_KW, site["system_size_kw"])
        for site in sample_sites()
        if site["site_id"] in SITES
    }
    battery = Battery(capacity_kwh=10, power_kw=5)
    car = EvCharging.weekly(_CHARGING, max_power_kw=7.4)
    car_at_night = replace(car, strategy="cheapest")
    return [
        Scenario("today"),
        Scenario("cheap nights", **night),
        Scenario("battery", battery=battery),
        Scenario("panels and battery", solar=solar, battery=battery),
        Scenario("car", ev=car),
        Scenario("car at night", ev=car_at_night, **night),
        Scenario(_EVERYTHING, solar=solar, battery=battery, ev=car_at_night, **night),
    ]


def plans(alternatives: dict[str, str]) -> dict[str, Tariff]:
    """Return the tariff that each sample site could switch to, grid fees included.

    Parameters
    ----------
    alternatives : dict of str to str
        Key of the new sample tariff by the beginning of the key of the current one. Sites of
        other utilities are left out.
    """
    from flipkit.emulator import sample_sites, sample_tariffs
    from flipkit.tariffs import Tariff

    objects = sample_tariffs()
    tariffs = {}
    for site in sample_sites():
        for beginning, key in alternatives.items():
            if not site["import_tariff"].startswith(beginning):
                continue
            parts = [objects[key]]
            if site["grid_fee_tariff"]:
                parts.append(objects[site["grid_fee_tariff"]])
            tariffs[site["site_id"]] = Tariff.from_flatpeak(
                parts, timezone=site["timezone"], currency=site["currency"]
            )
    return tariffs


def summary(results: DemoResults, folder: Path) -> Iterator[str]:
    """Yield the lines that the command prints: what stands out, and where everything is."""
    yield ""
    yield f"Performance {YEAR}: the sites that lost most"
    yield from text_table(_worst_sites(results.lost_value))
    yield ""
    yield f"Cost {YEAR}, all sites of a currency (imports less export earnings)"
    yield from text_table(_cost_totals(results.cost))
    yield ""
    yield f"What if: cost of {len(SITES)} homes by scenario, and with perfect foresight"
    yield from text_table(_scenario_costs(results.what_if))
    yield ""
    yield f"What each change contributes to {_EVERYTHING!r}"
    yield from text_table(_waterfall_steps(results.waterfall))
    if results.simulation.proof is not None:
        yield ""
        yield from wrap(results.simulation.proof.statement, 100)
    yield ""
    yield f"{len(results.files)} files are in {folder}:"
    for path in results.files:
        yield f"  {path.relative_to(folder)}"
    yield "The .meta.json beside each CSV describes its columns."
    yield ""
    yield f"Open {folder / 'performance.png'} first, then {folder / 'lost_value.csv'}."
    notebook = Path("notebooks", "01_getting_started.ipynb")
    yield f"Next: jupyter lab {notebook}" if notebook.is_file() else "Next: flipkit --help"


def _pictures(folder: Path, results: DemoResults) -> Iterator[Path]:
    from flipkit.plots import (
        cost_bars,
        lost_value_bars,
        performance_heatmap,
        savings_waterfall,
        scenario_savings,
        write_png,
    )

    yield write_png(folder / "performance.png", performance_heatmap, results.performance)
    for currency in _currencies(take(results.cost, texts=["currency"])["currency"]):
        for name, draw, frame in (
            ("cost", cost_bars, results.cost),
            ("lost_value", lost_value_bars, results.lost_value),
            ("what_if", scenario_savings, results.what_if),
        ):
            path = folder / f"{name}_{currency.lower()}.png"
            yield write_png(path, draw, frame, currency=currency)
    yield write_png(
        folder / "what_if_waterfall.png",
        savings_waterfall,
        results.waterfall,
        site_id=_WATERFALL_SITE,
        scenario=_EVERYTHING,
    )


def _currencies(column: np.ndarray) -> list[str]:
    return sorted({currency for currency in column if currency})


def _worst_sites(lost_value: Frame) -> list[tuple[str, ...]]:
    columns = take(lost_value, numbers=["lost_kwh", "lost_value"], texts=["site_id", "currency"])
    losses = []
    for site in dict.fromkeys(columns["site_id"]):
        selected = columns["site_id"] == site
        lost_kwh = float(np.nansum(columns["lost_kwh"][selected]))
        lost_money = float(np.nansum(columns["lost_value"][selected]))
        currency = next(iter(_currencies(columns["currency"][selected])), "")
        losses.append((lost_kwh, site, lost_money, currency))
    losses.sort(key=lambda loss: (-loss[0], loss[1]))
    rows: list[tuple[str, ...]] = [("site", "lost kWh", "worth", "")]
    for lost_kwh, site, lost_money, currency in losses[:_WORST_SITES]:
        rows.append((site, f"{lost_kwh:,.0f}", f"{lost_money:,.2f}", currency))
    return rows


def _cost_totals(cost: Frame) -> list[tuple[str, ...]]:
    columns = take(cost, numbers=["energy_kwh", "cost"], texts=["tariff_direction", "currency"])
    rows: list[tuple[str, ...]] = [
        ("currency", "imported kWh", "paid", "exported kWh", "earned", "to pay")
    ]
    for currency in _currencies(columns["currency"]):
        of_currency = columns["currency"] == currency
        imports = of_currency & (columns["tariff_direction"] == "IMPORT")
        exports = of_currency & (columns["tariff_direction"] == "EXPORT")
        paid = np.nansum(columns["cost"][imports])
        earned = np.nansum(columns["cost"][exports])
        rows.append(
            (
                currency,
                f"{np.nansum(columns['energy_kwh'][imports]):,.0f}",
                f"{paid:,.2f}",
                f"{np.nansum(columns['energy_kwh'][exports]):,.0f}",
                f"{earned:,.2f}",
                f"{paid - earned:,.2f}",
            )
        )
    return rows


def _scenario_costs(what_if: Frame) -> list[tuple[str, ...]]:
    """Return cost, saving and cost with foresight of all sites of a currency, by scenario."""
    numbers = ["cost", "saving", "cost_optimal"]
    columns = take(what_if, numbers=numbers, texts=["scenario", "currency"])
    rows: list[tuple[str, ...]] = [("scenario", "currency", "cost", "saving", "with foresight")]
    for currency in _currencies(columns["currency"]):
        for scenario in dict.fromkeys(columns["scenario"]):
            selected = (columns["scenario"] == scenario) & (columns["currency"] == currency)
            sums = [fsum(columns[name][selected]) for name in numbers]
            cells = ["" if np.isnan(amount) else f"{amount:,.2f}" for amount in sums]
            rows.append((scenario, currency, *cells))
    return rows


def _waterfall_steps(waterfall: Frame) -> list[tuple[str, ...]]:
    """Return the steps to the scenario with all changes, over all sites of a currency."""
    columns = take(waterfall, numbers=["change"], texts=["scenario", "step", "currency"])
    selected = columns["scenario"] == _EVERYTHING
    currencies = _currencies(columns["currency"][selected])
    steps = list(dict.fromkeys(columns["step"][selected]))
    rows: list[tuple[str, ...]] = [("change", *currencies)]
    for step in steps[1:]:  # the first is the baseline
        cells = []
        for currency in currencies:
            matches = selected & (columns["step"] == step) & (columns["currency"] == currency)
            cells.append(f"{fsum(columns['change'][matches]):,.2f}")
        rows.append((step, *cells))
    return rows
