"""The main job in one command: three reports and a what-if, as CSV files and pictures."""

from __future__ import annotations

from collections.abc import Iterator
from math import fsum
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from flipkit.frames import Frame, take, write_csv
from flipkit.reports import cost_report, lost_value_report, performance_report, site_energy
from flipkit.reports.text import text_table
from flipkit.scenarios import Load, Scenario, Simulation, simulate

if TYPE_CHECKING:
    from flipkit.connect import Kit
    from flipkit.tariffs import Tariff

__all__ = ["FIRST", "LAST", "plans", "run", "scenario_table", "scenarios", "summary", "verdict"]

FIRST, LAST = "2025-01", "2025-12"
"""The months of the sample fleet."""

# What each utility's customers could have instead: keys of the sample's tariffs.
_FLAT = {"uk-": "uk-ofgem-cap-2025-q3", "be-": "be-engie-easy-fixed-single", "ca-pge": "ca-pge-e-tou-c"}
_NIGHT = {"uk-": "uk-octopus-go", "be-": "be-engie-easy-fixed-day-night", "ca-pge": "ca-pge-ev2-a"}


def run(kit: Kit, folder: Path) -> dict[str, Any]:
    """Make the reports of the sample fleet and write them with their pictures.

    Returns
    -------
    dict
        ``performance``, ``cost``, ``lost_value``, ``what_if`` (frames), ``simulation``, and ``files`` (paths written).
    """
    performance = performance_report(kit, FIRST, LAST)
    cost = cost_report(kit, FIRST, LAST)
    lost = lost_value_report(kit, FIRST, LAST)
    simulation = simulate(site_energy(kit, FIRST, LAST), scenarios(), prices=kit, verify=24)
    what_if = simulation.summary()
    named = {"performance": performance, "cost": cost, "lost_value": lost}
    files = [write_csv(frame, folder / f"{name}.csv") for name, frame in named.items()]
    files += simulation.to_csv(folder / "what_if")
    files += _pictures(folder, performance, cost, lost, what_if)
    return {**named, "what_if": what_if, "simulation": simulation, "files": files}


def scenarios() -> list[Scenario]:
    """Today; the utility's plan without and with cheap nights; and a tenth less consumption."""
    return [
        Scenario("today"),
        Scenario("day rate", tariff=plans(_FLAT)),
        Scenario("cheap nights", tariff=plans(_NIGHT)),
        Scenario("10 % less used", load=Load(scale=0.9)),
    ]


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
        plan = next((key for begin, key in choice.items() if site["import_tariff"].startswith(begin)), None)
        if plan:
            parts = [tariffs[plan], *([tariffs[site["grid_fee_tariff"]]] if site["grid_fee_tariff"] else [])]
            found[site["site_id"]] = Tariff.from_flatpeak(parts, timezone=site["timezone"], currency=site["currency"])
    return found


def _pictures(folder: Path, performance: Frame, cost: Frame, lost: Frame, what_if: Frame) -> Iterator[Path]:
    from flipkit.plots import cost_bars, lost_value_bars, performance_heatmap, scenario_savings, write_png

    yield write_png(folder / "performance.png", performance_heatmap, performance)
    for currency in sorted({c for c in take(cost, texts=["currency"])["currency"] if c}):
        name = currency.lower()
        yield write_png(folder / f"cost_{name}.png", cost_bars, cost, currency=currency)
        yield write_png(folder / f"lost_value_{name}.png", lost_value_bars, lost, currency=currency)
        yield write_png(folder / f"what_if_{name}.png", scenario_savings, what_if, currency=currency)


def summary(made: dict[str, Any], folder: Path) -> Iterator[str]:
    """The result in words: what stands out, where everything is, and what to open next.

    Parameters
    ----------
    made : dict
        What `run` gave.
    folder : Path
        Where the files are.
    """
    yield from ("", "Performance 2025: the sites that lost most", *text_table(_worst(made["lost_value"])))
    yield from ("", "Cost 2025, all sites of a currency (imports, less what exports earned)")
    yield from text_table(_totals(made["cost"]))
    yield from ("", "What if: cost of all sites by scenario", *scenario_table(made["what_if"]))
    yield from ("", *verdict(made["simulation"]))
    yield from ("", f"{len(made['files'])} files are in {folder}:")
    yield from (f"  {path.relative_to(folder)}" for path in made["files"])
    yield "Beside each CSV, a .meta.json says what its columns mean."
    yield from ("", f"Open {folder / 'performance.png'} first, then {folder / 'lost_value.csv'}.")
    notebook = Path("notebooks", "01_getting_started.ipynb")
    yield f"Next: jupyter lab {notebook}" if notebook.is_file() else "Next: flipkit --help"


def scenario_table(summary: Frame) -> Iterator[str]:
    """Cost and saving of all sites of a currency, by scenario, from `Simulation.summary`."""
    columns = take(summary, numbers=["cost", "saving"], texts=["scenario", "currency"])
    rows: list[tuple[str, ...]] = [("scenario", "currency", "cost", "saving")]
    for currency in sorted(set(columns["currency"])):
        for scenario in dict.fromkeys(columns["scenario"]):
            own = (columns["scenario"] == scenario) & (columns["currency"] == currency)
            rows.append((scenario, currency, *(f"{fsum(columns[name][own]):,.2f}" for name in ("cost", "saving"))))
    return text_table(rows)


def verdict(simulation: Simulation) -> Iterator[str]:
    """What the certificate says: how many intervals were priced twice, and how far the two prices are apart."""
    differences = np.abs(take(simulation.certificate(), numbers=["difference"])["difference"])
    if not len(differences):
        yield "No interval was priced with Flatpeak's own prices, so there was none for the service to price once more."
        return
    yield f"{len(differences)} intervals of the what-if were priced once more by the service, without being"
    yield f"stored there; the largest difference is {differences.max():.2g}."


def _worst(lost: Frame, most: int = 6) -> list[tuple[str, ...]]:
    columns = take(lost, numbers=["lost_kwh", "lost_value"], texts=["site_id", "currency"])
    rows = []
    for site in dict.fromkeys(columns["site_id"]):
        own = columns["site_id"] == site
        kwh, money = (float(np.nansum(columns[name][own])) for name in ("lost_kwh", "lost_value"))
        rows.append((kwh, site, money, next((c for c in columns["currency"][own] if c), "")))
    rows.sort(key=lambda row: (-row[0], row[1]))
    shown = [(site, f"{kwh:,.0f}", f"{money:,.2f}", currency) for kwh, site, money, currency in rows[:most]]
    return [("site", "lost kWh", "worth", ""), *shown]


def _totals(cost: Frame) -> list[tuple[str, ...]]:
    columns = take(cost, numbers=["energy_kwh", "cost"], texts=["tariff_direction", "currency"])
    rows: list[tuple[str, ...]] = [("currency", "imported kWh", "paid", "exported kWh", "earned", "to pay")]
    for currency in sorted({c for c in columns["currency"] if c}):
        sums = [
            float(np.nansum(columns[name][(columns["currency"] == currency) & (columns["tariff_direction"] == way)]))
            for way in ("IMPORT", "EXPORT")
            for name in ("energy_kwh", "cost")
        ]
        amounts = [f"{sums[0]:,.0f}", f"{sums[1]:,.2f}", f"{sums[2]:,.0f}", f"{sums[3]:,.2f}"]
        rows.append((currency, *amounts, f"{sums[1] - sums[3]:,.2f}"))
    return rows
