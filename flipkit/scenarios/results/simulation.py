"""The result of a simulation, as frames made when they are asked for."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from flipkit.errors import ConfigurationError, InputError
from flipkit.frames import (
    CERTIFICATE,
    REGRET,
    SIMULATION_BILLS,
    SIMULATION_INTERVALS,
    SIMULATION_SUMMARY,
    WATERFALL,
    Frame,
    returns,
    write_csv,
)
from flipkit.scenarios.changes import Scenario
from flipkit.scenarios.engine import Fleet, IntervalResult, SiteTotals
from flipkit.scenarios.results.bills import bills_columns
from flipkit.scenarios.results.display import as_html, as_line
from flipkit.scenarios.results.regret import regret_columns
from flipkit.scenarios.results.summary import BAND, summary_columns
from flipkit.scenarios.results.waterfall import waterfall_rows
from flipkit.scenarios.service import Certificate, certify

__all__ = ["Simulation"]


@dataclass(frozen=True, slots=True, repr=False, eq=False)
class Simulation:
    """What each scenario would have cost each site.

    Attributes
    ----------
    fleet : Fleet
        Energy and prices of the sites.
    scenarios : tuple of Scenario
    dispatch : str
        How batteries were run.
    reckoned : tuple of SiteTotals
        What was added up.
    frames : {"pandas", "polars"}
        The library of the frames, that of the energy.
    proof : Certificate or None
        What `certificate` shows: ``proof.statement`` says it in words. None without ``verify=``.
    """

    fleet: Fleet
    scenarios: tuple[Scenario, ...]
    dispatch: str
    reckoned: tuple[SiteTotals, ...]
    frames: str
    proof: Certificate | None = None

    def __repr__(self) -> str:
        return as_line(len(self.fleet.site_ids), [scenario.name for scenario in self.scenarios])

    def _repr_html_(self) -> str:
        """What a notebook shows: costs that are known already, nothing is reckoned for it."""
        has_battery = any(scenario.battery is not None for scenario in self.scenarios)
        names = [scenario.name for scenario in self.scenarios]
        return as_html(self.reckoned, names, self.dispatch if has_battery else None)

    @returns(SIMULATION_SUMMARY)
    def summary(self, *, band: bool = True) -> Frame:
        """A row a site and scenario: what it costs, and what it saves against the first scenario.

        The cost is the sum of the rounded rows of `bills`, so that months and components add up to it. Sites by id,
        scenarios in the order given.

        Parameters
        ----------
        band : bool
            Whether to run each battery by every method, so that ``cost_rule``, ``cost_day_ahead`` and
            ``cost_optimal`` show between what a simple controller and perfect foresight would make of it: about 20 ms a
            site-year. Null without. ``day_ahead`` leaves nothing stored for the next morning, so it may cost more than
            the rule; and as rows of bills are rounded, equal costs may differ by a cent or two.

        Returns
        -------
        DataFrame
            Findings: ``simulate.no_export_price`` (export counted as worth nothing), ``simulate.fixed_charges`` (a
            tariff with standing charges beside one without), ``simulate.band`` (a method that could not be run),
            ``simulate.no_such_site`` (a change by site that names none of these), ``simulate.utc`` (a time zone that
            nothing names),
            ``simulate.month_cut`` (tiers of a month that is there in part), ``finance.part_year``, and those of load,
            panels, car and battery.
        """
        columns = summary_columns(self.scenarios, self.reckoned, self._band() if band else {})
        return SIMULATION_SUMMARY.build(columns, self.frames, facts=self._facts())

    @returns(SIMULATION_BILLS)
    def bills(self) -> Frame:
        """A row a site, scenario, local month and component; credits are negative.

        Components are ``import``, ``export``, ``own use`` (of own generation that has a price), and the other charges
        as `flipkit.bill` calls them. Costs are rounded once, half to even, to the currency's smallest unit.
        """
        columns = bills_columns(self.scenarios, self.reckoned)
        return SIMULATION_BILLS.build(columns, self.frames, facts=self._facts())

    @returns(SIMULATION_INTERVALS)
    def intervals(
        self,
        *,
        site_id: str | Sequence[str] | None = None,
        scenario: str | Sequence[str] | None = None,
    ) -> Frame:
        """Every interval, made anew when asked for, and not kept; unrounded.

        Parameters
        ----------
        site_id, scenario : str or sequence of str, optional
            Which; all by default, and that is 17,520 rows a site, year and scenario.

        Raises
        ------
        InputError
            A site or scenario that was not simulated.
        """
        sites = _asked(site_id, self.fleet.site_ids, "site_id")
        names = _asked(scenario, [each.name for each in self.scenarios], "scenario")
        outcomes = [self.outcome(site, name) for site in sites for name in names]
        columns: dict[str, Any] = {
            name: np.concatenate([getattr(o, name) for o in outcomes]) for name in _INTERVAL_COLUMNS
        }
        sizes = [len(o.start_us) for o in outcomes]
        for name in ("site_id", "scenario", "currency"):
            columns[name] = np.repeat(
                np.array([getattr(o, name) for o in outcomes], dtype=object), sizes
            )
        for name in ("start", "end"):
            columns[f"{name}_utc"] = np.concatenate([getattr(o, f"{name}_us") for o in outcomes])
        return SIMULATION_INTERVALS.build(columns, self.frames, facts=self._facts())

    @returns(WATERFALL)
    def waterfall(self) -> Frame:
        """What each change of a scenario brings: the difference to the first scenario, split among its changes.

        Each change has its Shapley value, the mean of what it brings over all orders in which the changes can be made:
        no order is preferred. Amounts are in the smallest unit and sum to the difference.

        Returns
        -------
        DataFrame
            For each site and scenario after the first: a row with the cost of the first scenario, a row a change
            (``tariff``, ``solar``, ``battery``, ``ev``, ``load``) with the cost so far, and a row ``difference``.
        """
        rows = list(waterfall_rows(self.fleet, self.scenarios, self.reckoned, self.dispatch))
        columns = {name: [row[name] for row in rows] for name in WATERFALL.names}
        return WATERFALL.build(columns, self.frames, facts=self._facts())

    @returns(REGRET)
    def regret(self, *, scenario: str | Sequence[str] | None = None) -> Frame:
        """Each home under every pair of import and export plans that the scenarios name; batteries run anew under each.

        Parameters
        ----------
        scenario : str or sequence of str, optional
            Whose homes; all by default.

        Returns
        -------
        DataFrame
            A row a site, scenario, month and pair of plans; ``month`` is null for the whole window. The regret of the
            row that is the scenario's ``own`` is the cost of staying.

        Raises
        ------
        InputError
            A scenario that was not simulated.
        """
        names = _asked(scenario, [each.name for each in self.scenarios], "scenario")
        homes = [each for each in self.scenarios if each.name in names]
        columns = regret_columns(self.fleet, self.scenarios, homes, self.dispatch)
        return REGRET.build(columns, self.frames, facts=self._facts())

    @returns(CERTIFICATE)
    def certificate(self) -> Frame:
        """The intervals that the service priced once more, with both costs; empty without ``verify=``.

        The service counts whole watt-hours, so the local cost is that of the interval's energy in whole watt-hours.
        What follows from the rows is in words, and with the largest difference, in `proof`, in the frame's facts and so
        in the ``.meta.json`` of its CSV.
        """
        rows = self.proof.rows if self.proof else ()
        columns: dict[str, Any] = {
            name: [getattr(row, name) for row in rows]
            for name in CERTIFICATE.names
            if not name.endswith("_utc")
        }
        for name in ("start", "end"):
            columns[f"{name}_utc"] = np.array(
                [getattr(row, f"{name}_us") for row in rows], dtype=np.int64
            )
        facts = self._facts()
        if self.proof:
            facts |= {
                "statement": self.proof.statement,
                "largest_difference": self.proof.largest_difference,
            }
        return CERTIFICATE.build(columns, self.frames, facts=facts)

    def outcome(self, site_id: str, scenario: str) -> IntervalResult:
        """One site under one scenario as arrays, made anew.

        Raises
        ------
        InputError
            A site or scenario that was not simulated.
        """
        _asked(site_id, self.fleet.site_ids, "site_id")
        _asked(scenario, [each.name for each in self.scenarios], "scenario")
        [chosen] = [each for each in self.scenarios if each.name == scenario]
        return self.fleet.outcome(site_id, chosen, self.dispatch)

    def verified(self, prices: Any, count: int) -> Simulation:
        """The same with `count` of its intervals priced by the service too."""
        client, pairs = getattr(prices, "flatpeak", prices), self.fleet.priced_today(self.scenarios)
        own = len(self.fleet.site_ids) * len(self.scenarios) - len(pairs)
        is_emulator = getattr(prices, "environment", None) == "emulator"
        proof = certify(
            client, pairs, self.outcome, count, own_tariffs=own, is_emulator=is_emulator
        )
        return replace(self, proof=proof)

    def plot(self, kind: str = "savings", **options: Any) -> Any:
        """Draw it; without arguments, what each scenario saves by site, with the band of each battery.

        Parameters
        ----------
        kind : str
            ``"savings"``: by site and scenario; ``band=`` whether with the band, by default for up to 40 sites.
            ``"waterfall"``: what each change of a scenario brings to a site.
            ``"regret"``, ``"regret_by_month"``: a home under all pairs of plans.
            ``"week"``: days of a site, interval by interval; ``start=``, ``days=``.
            ``"sweep"``: one figure of the summary over sizes of battery or solar; ``value=``.
        **options
            ``site_id=`` where there are several (but for savings); ``scenario=``, by default the last one, for regret
            the first; ``ax=``, and what else the function takes: `flipkit.plots.scenario_savings`,
            `savings_waterfall`, `plan_regret_heatmap`, `plan_regret_by_month`, `dispatch_week`, `sweep_lines`.

        Returns
        -------
        matplotlib.axes.Axes

        Raises
        ------
        InputError
            An unknown kind, site or scenario; several sites and none chosen.
        """
        from flipkit.scenarios.results.pictures import (
            draw,  # here, not above: matplotlib is loaded for a picture only
        )

        return draw(self, kind, options)

    def to_csv(self, folder: str | os.PathLike[str], *, band: bool = True) -> list[Path]:
        """Write ``summary.csv`` and ``bills.csv`` into a folder, and what there is of waterfall and certificate.

        Parameters
        ----------
        folder : path-like
            Made where it is not there.
        band : bool
            As `summary`.

        Returns
        -------
        list of Path

        Raises
        ------
        InputError
            What stands there is no folder.
        OSError
            The folder or the disk does not take it.
        """
        _check_folder(Path(folder))
        frames = {"summary": self.summary(band=band), "bills": self.bills()}
        if len(self.scenarios) > 1:
            frames["waterfall"] = self.waterfall()
        if self.proof:
            frames["certificate"] = self.certificate()
        return [write_csv(frame, Path(folder) / f"{name}.csv") for name, frame in frames.items()]

    def _band(self) -> dict[str, list[SiteTotals]]:
        """The scenarios with a battery under every method of the band; what is known is not reckoned again."""
        with_battery = [scenario for scenario in self.scenarios if scenario.battery is not None]
        if not with_battery:
            return {}
        names = {scenario.name for scenario in with_battery}
        known = [each for each in self.reckoned if each.scenario in names]
        found = {}
        for method in BAND:
            try:
                found[method] = (
                    known if method == self.dispatch else self.fleet.reckon(with_battery, method)
                )
            except (
                ConfigurationError
            ):  # HiGHS, which tiers and demand charges need, is not installed
                continue
        return found

    def _facts(self) -> dict[str, Any]:
        return {
            "query": {
                "simulation": [scenario.name for scenario in self.scenarios],
                "dispatch": self.dispatch,
            }
        }


_INTERVAL_COLUMNS = (
    "consumption_kwh",
    "generation_kwh",
    "ev_kwh",
    "charge_kwh",
    "discharge_kwh",
    "soc_kwh",
    "stored_value",
    "import_kwh",
    "export_kwh",
    "import_cost",
    "export_credit",
    "own_use_cost",
)


def _asked(wanted: Any, known: list[str], what: str) -> list[str]:
    if wanted is None:
        return known
    names = (
        [wanted] if isinstance(wanted, str) or not isinstance(wanted, Iterable) else list(wanted)
    )
    if not names:
        raise InputError(f"{what}: none given; leave it out for all")
    if unknown := [repr(name) for name in names if name not in known]:
        more = f" and {len(known) - _MOST_NAMES} more" if len(known) > _MOST_NAMES else ""
        there = ", ".join(known[:_MOST_NAMES]) + more
        raise InputError(f"{what}: {', '.join(unknown)} was not simulated; there are {there}")
    return list(dict.fromkeys(names))


_MOST_NAMES = 30


def _check_folder(folder: Path) -> None:
    """Before anything is reckoned for it."""
    for place in (folder, *folder.parents):
        if place.exists() and not place.is_dir():
            raise InputError(
                f"{place} is no folder; name a folder, which is made where it is not there"
            )
