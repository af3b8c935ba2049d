"""The result of a simulation, as frames made when they are asked for."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from math import fsum
from pathlib import Path
from typing import Any

import numpy as np

from flipkit.frames import Frame, returns, write_csv
from flipkit.frames.findings import Finding, as_text
from flipkit.frames.tables import CERTIFICATE, SIMULATION_BILLS, SIMULATION_INTERVALS, SIMULATION_SUMMARY
from flipkit.scenarios.certificate import Checked
from flipkit.scenarios.outcome import Outcome
from flipkit.tariffs.calendar import month_edges
from flipkit.tariffs.money import rounded

__all__ = ["Simulation"]


@dataclass(frozen=True, slots=True, repr=False, eq=False)
class Simulation:
    """What each scenario would have cost each site.

    Attributes
    ----------
    outcomes : tuple of Outcome
        One a site and scenario; sites by id, scenarios in the order given.
    checked : tuple of Checked
        What `certificate` shows.
    frames : {"pandas", "polars"}
        The library of the frames, that of the energy.
    """

    outcomes: tuple[Outcome, ...]
    checked: tuple[Checked, ...]
    frames: str

    def __repr__(self) -> str:
        sites, scenarios = {o.site_id for o in self.outcomes}, dict.fromkeys(o.scenario for o in self.outcomes)
        return f"Simulation({len(sites)} sites, scenarios: {', '.join(scenarios)}; see .summary())"

    @returns(SIMULATION_SUMMARY)
    def summary(self) -> Frame:
        """A row a site and scenario: what it costs, and what it saves against the first scenario.

        The cost is the sum of the rounded rows of `bills`, so that months and components add up to it. Finding:
        ``simulate.no_export_price`` (export counted as worth nothing).
        """
        costs = [rounded(fsum(row["cost"] for row in _bills(o)), o.currency) for o in self.outcomes]
        first: dict[str, float] = {}
        rows = [
            _summary(o, cost, first.setdefault(o.site_id, cost)) for o, cost in zip(self.outcomes, costs, strict=True)
        ]
        return SIMULATION_SUMMARY.build(_columns(rows, SIMULATION_SUMMARY.names), self.frames, facts=self._facts())

    @returns(SIMULATION_BILLS)
    def bills(self) -> Frame:
        """A row a site, scenario, local month and component: import, and export with a negative cost.

        Costs are rounded once, half to even, to the currency's smallest unit.
        """
        rows = [row for outcome in self.outcomes for row in _bills(outcome)]
        return SIMULATION_BILLS.build(_columns(rows, SIMULATION_BILLS.names), self.frames, facts=self._facts())

    @returns(SIMULATION_INTERVALS)
    def intervals(self) -> Frame:
        """Every interval of every site and scenario, made when asked for; unrounded."""
        sizes = [len(o.start_us) for o in self.outcomes]
        columns: dict[str, Any] = {
            name: np.concatenate([getattr(o, name) for o in self.outcomes]) for name in _INTERVAL_COLUMNS
        }
        for name in ("site_id", "scenario", "currency"):
            columns[name] = np.repeat(np.array([getattr(o, name) for o in self.outcomes], dtype=object), sizes)
        for name in ("start", "end"):
            columns[f"{name}_utc"] = np.concatenate([getattr(o, f"{name}_us") for o in self.outcomes])
        return SIMULATION_INTERVALS.build(columns, self.frames, facts=self._facts())

    @returns(CERTIFICATE)
    def certificate(self) -> Frame:
        """The intervals that the service priced once more, with both costs; empty without ``verify=``.

        The service counts whole watt-hours, so the local cost is that of the interval's energy in whole watt-hours.
        """
        columns: dict[str, Any] = {name: [getattr(c, name) for c in self.checked] for name in _CHECKED_COLUMNS}
        for name in ("start", "end"):
            columns[f"{name}_utc"] = np.array([getattr(c, f"{name}_us") for c in self.checked], dtype=np.int64)
        columns["difference"] = [c.local_cost - c.server_cost for c in self.checked]
        return CERTIFICATE.build(columns, self.frames, facts=self._facts())

    def plot(self, **options: Any) -> Any:
        """What each scenario saves by site; see `flipkit.plots.scenario_savings`, which gets the options.

        Returns
        -------
        matplotlib.axes.Axes
        """
        from flipkit.plots import scenario_savings  # here, not above: matplotlib is loaded for a picture only

        return scenario_savings(self.summary(), **options)

    def to_csv(self, folder: str | os.PathLike[str]) -> list[Path]:
        """Write ``summary.csv``, ``bills.csv`` and, where there is one, ``certificate.csv`` into a folder.

        Returns
        -------
        list of Path
        """
        frames = {"summary": self.summary(), "bills": self.bills()}
        if self.checked:
            frames["certificate"] = self.certificate()
        return [write_csv(frame, Path(folder) / f"{name}.csv") for name, frame in frames.items()]

    def _facts(self) -> dict[str, Any]:
        return {"query": {"simulation": list(dict.fromkeys(o.scenario for o in self.outcomes))}}


_INTERVAL_COLUMNS = (
    "consumption_kwh",
    "generation_kwh",
    "charge_kwh",
    "discharge_kwh",
    "import_kwh",
    "export_kwh",
    "import_cost",
    "export_credit",
)
_CHECKED_COLUMNS = ("site_id", "scenario", "tariff_direction", "local_cost", "server_cost", "currency")


def _columns(rows: list[dict[str, Any]], names: tuple[str, ...]) -> dict[str, list[Any]]:
    return {name: [row[name] for row in rows] for name in names}


def _summary(outcome: Outcome, cost: float, baseline: float) -> dict[str, Any]:
    exported = fsum(outcome.export_kwh)
    findings = []
    if exported > 0 and not outcome.has_export_price:
        findings.append(Finding("simulate.no_export_price", f"{exported:,.0f} kWh exported, counted as worth nothing"))
    return {
        "site_id": outcome.site_id,
        "scenario": outcome.scenario,
        "cost": cost,
        "saving": rounded(baseline - cost, outcome.currency),
        "currency": outcome.currency,
        "import_kwh": round(fsum(outcome.import_kwh), 6),
        "export_kwh": round(exported, 6),
        "self_consumption": outcome.self_consumption,
        "self_sufficiency": outcome.self_sufficiency,
        "peak_import_kw": outcome.peak_import_kw,
        "dispatch": outcome.dispatch,
        "equivalent_cycles": outcome.cycles,
        "finding": as_text(findings),
    }


def _bills(outcome: Outcome) -> Iterator[dict[str, Any]]:
    """Months in local time; an interval belongs to the month it begins in."""
    labels, edges = month_edges(outcome.timezone, int(outcome.start_us[0]), int(outcome.end_us[-1]))
    cuts = np.searchsorted(outcome.start_us, edges)
    parts = (
        ("import", outcome.import_kwh, outcome.import_cost, 1),
        ("export", outcome.export_kwh, outcome.export_credit, -1),
    )
    for number, month in enumerate(labels):
        rows = slice(cuts[number], cuts[number + 1])
        for component, kwh, money, sign in parts:
            if component == "export" and not outcome.generation_kwh.any() and not outcome.export_kwh.any():
                continue
            yield {
                "site_id": outcome.site_id,
                "scenario": outcome.scenario,
                "month": month,
                "component": component,
                "quantity": round(fsum(kwh[rows]), 6),
                "unit": "kWh",
                "cost": sign * rounded(fsum(money[rows]), outcome.currency) + 0.0,
                "currency": outcome.currency,
            }
