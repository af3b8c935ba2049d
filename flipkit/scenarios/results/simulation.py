"""The result of a simulation: frames and pictures, made when they are asked for."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Mapping, Sequence
from copy import copy
from dataclasses import replace
from functools import cached_property
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
    Table,
    pivot_frame,
    returns,
    write_csv,
)
from flipkit.scenarios.changes import Scenario
from flipkit.scenarios.engine import Fleet, IntervalResult, SiteTotals
from flipkit.scenarios.results.comparisons import regret_columns, waterfall_rows
from flipkit.scenarios.results.lifetime import LifetimeSavings, lifetime_savings
from flipkit.scenarios.results.pictures import Pictures, listed
from flipkit.scenarios.results.pivot import pivoted
from flipkit.scenarios.results.tables import (
    BAND,
    BAND_COLUMNS,
    bills_columns,
    certificate_columns,
    interval_columns,
    summary_columns,
    summary_html,
    summary_line,
    with_refused,
)
from flipkit.scenarios.service import Certificate, certify
from flipkit.vocabulary import DispatchMethod

__all__ = ["Simulation"]


class Simulation(Pictures):
    """What each scenario would have cost each site; `simulate` makes it.

    Its methods return frames in the library of the energy. What a method has to calculate first is
    calculated once and kept, except for `intervals`.

    Attributes
    ----------
    scenarios : tuple of Scenario
        The first is the baseline.
    dispatch : {"rule", "rule_tou", "day_ahead", "optimal"}
        How batteries were run.
    frames : {"pandas", "polars"}
        The library of the frames.
    refused : dict of str to Finding
        Why the energy of a site cannot be evaluated, by site id. In the frames the site has nulls.
    proof : Certificate or None
        The evidence of `certificate`; ``proof.statement`` says it in words. None without
        ``verify=``.
    """

    def __init__(
        self, fleet: Fleet, dispatch: DispatchMethod, totals: Sequence[SiteTotals], frames: str
    ) -> None:
        self.scenarios = fleet.scenarios
        self.dispatch = dispatch
        self.frames = frames
        self.refused = fleet.energy.refused
        self.proof: Certificate | None = None
        self._fleet = fleet
        self._totals = tuple(totals)
        self._regret_columns: dict[tuple[str, ...], dict[str, np.ndarray]] = {}

    def __repr__(self) -> str:
        return summary_line(len(self._fleet.site_ids), self._scenario_names, len(self.refused))

    def _repr_html_(self) -> str:
        """Return a table of the costs that are known already, for a notebook."""
        has_battery = any(scenario.battery is not None for scenario in self.scenarios)
        dispatch = self.dispatch if has_battery else None
        return summary_html(self._totals, self._scenario_names, dispatch, len(self.refused))

    @returns(SIMULATION_SUMMARY)
    def summary(self, *, band: bool = True) -> Frame:
        """Return the cost of each site under each scenario, and the saving against the first one.

        The cost is the sum of the rounded rows of `bills`, so months and components add up to it.
        The saving, and with it the payback, also counts ``stored_change_value``: what a battery
        stores more or less at the end than at first would save if the last week (or the whole days
        that there are) were repeated, with dispatch by rule, at marginal prices without tiers and
        demand charges.

        Self-consumption is the share of generation used on site, directly or through the battery,
        its losses included; self-sufficiency that of consumption that generation serves. What is in
        a battery is drawn in proportion to its sources; what was in it at first has none.

        One row per site and scenario: sites by id, scenarios in their order.

        Parameters
        ----------
        band : bool
            Whether to run each battery by several methods too: ``cost_rule`` is the cost with a
            simple controller, ``cost_day_ahead`` that with a plan for each day, and
            ``cost_optimal`` that with perfect foresight. Each includes what the battery stores less
            at the end, so that none is free, but not what it stores more. They are null otherwise.
            The first call takes about 20 ms per site and year. "day_ahead" leaves nothing stored
            for the next morning, so it may cost more than the rule. Bills are rounded row by row,
            so equal costs may differ by a cent or two.

        Returns
        -------
        DataFrame
            Findings:

            * ``simulate.no_export_price``: exports count as worth nothing.
            * ``simulate.fixed_charges``: only one of two tariffs has standing charges.
            * ``simulate.stored_energy``: the battery ends with more or less than it began with.
            * ``simulate.band``: a method of the band could not be run.
            * ``simulate.no_such_site``: a change by site names none of the sites.
            * ``simulate.utc``: the time zone of the prices is not known.
            * ``simulate.month_cut``: tiers of a month that the energy covers in part.
            * ``simulate.instant``: the costs are the service's.
            * ``finance.part_year``: the saving of a year is projected from a part of it.
            * ``finance.cycle_life``: the battery is worn out before the lifetime ends.
            * those of load, solar, car and battery (``dispatch``).
            * those of the tariffs in force: what their readers could not price, ``price.unit``,
              ``interval.coarse``.
            * those of the site's energy: ``generation.negative``, ``energy.unit``,
              ``energy.register``, ``energy.peak``, and of a site that is not evaluated
              ``energy.gap``, ``energy.step`` and others; see `flipkit.bill`.
        """
        totals_by_method = self._band if band else {}
        columns = summary_columns(
            self.scenarios, self._totals, totals_by_method, self._lifetimes, self.refused
        )
        return self._frame(SIMULATION_SUMMARY, columns)

    def pivot(
        self,
        index: str | Sequence[str],
        columns: str,
        values: str,
        *,
        site_id: str | Sequence[str] | None = None,
    ) -> Frame:
        """Arrange a number of `summary` by what the scenarios change, such as their sizes.

        Where the baseline has the changes of another scenario, that one is taken.

        Parameters
        ----------
        index : str or sequence of str
            Columns of `summary` that go down: ``battery_kwh``, ``["site_id", "tariff"]``.
        columns : str
            The column of `summary` that goes across: ``solar_kw``.
        values : str
            A number column of `summary`: ``saving``, ``npv``, ``self_sufficiency``.
        site_id : str or sequence of str, optional
            Default: all sites.

        Returns
        -------
        DataFrame
            One row per combination of the index, one column per label; labels that are numbers
            ascend. In pandas as ``DataFrame.pivot`` returns it; in polars the columns of the index
            come first, and labels are names: ``"5.0"``. Null where no scenario has the combination.

        Raises
        ------
        InputError
            An unknown column or site, a column that is null, several scenarios or sites in one
            cell, or amounts in several currencies without ``currency`` in the index.

        Examples
        --------
        >>> what_if.pivot("battery_kwh", "solar_kw", "npv")  # doctest: +SKIP
        """
        site_ids = _selected(site_id, self._fleet.site_ids, "site_id")
        by = [index] if isinstance(index, str) else list(index)
        band = self._band if values in BAND_COLUMNS else {}
        summary = summary_columns(self.scenarios, self._totals, band, self._lifetimes)
        table = pivoted(summary, by, columns, values, site_ids, self.scenarios[0].name)
        query = {"simulation": self._scenario_names, "dispatch": self.dispatch, "values": values}
        return pivot_frame(table, self.frames, {"query": query})

    @returns(SIMULATION_BILLS)
    def bills(self) -> Frame:
        """Return the bills: one row per site, scenario, local month and component.

        Components are ``import``, ``export``, ``own use`` (of own generation that has a price), and
        the other charges under the names of `flipkit.bill`. Credits are negative. Costs are rounded
        half to even to the currency's smallest unit.
        """
        columns = bills_columns(self.scenarios, self._totals)
        return self._frame(SIMULATION_BILLS, columns)

    @returns(SIMULATION_INTERVALS)
    def intervals(
        self,
        *,
        site_id: str | Sequence[str] | None = None,
        scenario: str | Sequence[str] | None = None,
    ) -> Frame:
        """Return every interval, unrounded; calculated at each call and not kept.

        Parameters
        ----------
        site_id, scenario : str or sequence of str, optional
            Sites and scenarios; default all. A site has 17,520 half-hours per year and scenario.

        Raises
        ------
        InputError
            A site or scenario that was not simulated.
        """
        known_sites = sorted([*self._fleet.site_ids, *self.refused])
        site_ids = _selected(site_id, known_sites, "site_id")
        names = _selected(scenario, self._scenario_names, "scenario")
        evaluated = [site for site in site_ids if site not in self.refused]
        results = [self._interval_result(site, name) for site in evaluated for name in names]
        columns = interval_columns(self.scenarios, results)
        return self._frame(SIMULATION_INTERVALS, columns, scenarios=names, site_ids=site_ids)

    @returns(WATERFALL)
    def waterfall(self) -> Frame:
        """Split the difference of each scenario to the first one among its changes.

        Each change has its Shapley value: the mean of what it brings over all orders in which the
        changes can be made, so no order is preferred. Costs are those of `summary` less
        ``stored_change_value``, so the difference is the saving with the other sign. Amounts are in
        the smallest unit of the currency and sum to the difference.

        Returns
        -------
        DataFrame
            For each site and each scenario after the first: one row with the cost of the first
            scenario, one row per change (``tariff``, ``solar``, ``battery``, ``ev``, ``load``) with
            the cost so far, and one row ``difference``.
        """
        rows = self._waterfall_rows
        names = [name for name in WATERFALL.names if name != "finding"]
        columns = {name: [row[name] for row in rows] for name in names}
        return self._frame(WATERFALL, columns, scenarios=self._scenario_names[1:])

    @returns(REGRET)
    def regret(self, *, scenario: str | Sequence[str] | None = None) -> Frame:
        """Compare each home under every pair of import and export plans of the scenarios.

        Batteries are run again under each pair; costs are those of `summary` less
        ``stored_change_value``, which belongs to the last month.

        Parameters
        ----------
        scenario : str or sequence of str, optional
            Scenarios whose homes are compared; default all.

        Returns
        -------
        DataFrame
            One row per site, scenario, month and pair of plans; ``month`` is null for the whole
            window. The row with ``own`` is the scenario's own pair: its regret is the cost of
            staying.

        Raises
        ------
        InputError
            A scenario that was not simulated.
        """
        names = _selected(scenario, self._scenario_names, "scenario")
        homes = [each for each in self.scenarios if each.name in names]
        key = tuple(home.name for home in homes)
        if key not in self._regret_columns:
            self._regret_columns[key] = regret_columns(self._fleet, homes, self.dispatch)
        columns = self._regret_columns[key]
        return self._frame(REGRET, columns, scenarios=key)

    @returns(CERTIFICATE)
    def certificate(self) -> Frame:
        """Return the intervals that the service priced too, with both costs.

        Empty without ``verify=``. The service counts whole watt-hours, so the local cost is that of
        the interval's energy in whole watt-hours. The statement and the largest difference are in
        `proof`, in the frame's facts, and so in the ``.meta.json`` of its CSV.
        """
        columns = certificate_columns(self.proof)
        facts: dict[str, Any] = {}
        if self.proof:
            facts["statement"] = self.proof.statement
            facts["largest_difference"] = self.proof.largest_difference
        return self._frame(CERTIFICATE, columns, facts, scenarios=None if self.proof else ())

    def verified(self, prices: Any, count: int) -> Simulation:
        """Return the same simulation, with `count` of its intervals priced by the service too.

        Parameters
        ----------
        prices : Kit or Flatpeak
        count : int
            Number of intervals, 1 or more.

        Raises
        ------
        InputError
            `prices` is not a kit or a Flatpeak client, or `count` is not a number of intervals.
        RequestError
            The service did not answer.
        """
        client = getattr(prices, "flatpeak", prices)
        pairs = self._fleet.priced_currently()
        own_tariffs = len(self._fleet.site_ids) * len(self.scenarios) - len(pairs)
        result = copy(self)  # shares what is calculated already
        result.proof = certify(
            client,
            pairs,
            self._interval_result,
            count,
            own_tariffs=own_tariffs,
            is_emulator=getattr(prices, "environment", None) == "emulator",
        )
        return result

    def to_csv(self, folder: str | os.PathLike[str], *, band: bool = True) -> list[Path]:
        """Write the frames into a folder.

        The files are ``summary.csv`` and ``bills.csv``, with several scenarios ``waterfall.csv``,
        and with a proof ``certificate.csv``.

        Parameters
        ----------
        folder : path-like
            Created if it does not exist.
        band : bool
            As in `summary`.

        Returns
        -------
        list of Path
            The files.

        Raises
        ------
        InputError
            The path, or a part of it, is a file.
        OSError
            The files cannot be written.
        """
        _check_folder(Path(folder))
        frames = {"summary": self.summary(band=band), "bills": self.bills()}
        if len(self.scenarios) > 1:
            frames["waterfall"] = self.waterfall()
        if self.proof:
            frames["certificate"] = self.certificate()
        return [write_csv(frame, Path(folder) / f"{name}.csv") for name, frame in frames.items()]

    def _part(self, site_id: str, *scenarios: Scenario) -> Simulation:
        """Return the simulation of one site and some scenarios, so that a picture is quick."""
        fleet = replace(self._fleet.of_site(site_id), scenarios=scenarios)
        return Simulation(fleet, self.dispatch, self._totals, self.frames)

    def _interval_result(self, site_id: str, scenario: str) -> IntervalResult:
        """Return one site under one scenario as arrays, calculated at each call."""
        [chosen] = [each for each in self.scenarios if each.name == scenario]
        return self._fleet.interval_result(site_id, chosen, self.dispatch)

    @property
    def _scenario_names(self) -> list[str]:
        return [scenario.name for scenario in self.scenarios]

    @cached_property
    def _band(self) -> dict[str, list[SiteTotals]]:
        """The scenarios with a battery, by the methods of the band."""
        with_battery = [each for each in self.scenarios if each.battery is not None]
        if not with_battery:
            return {}
        names = {scenario.name for scenario in with_battery}
        totals: dict[str, list[SiteTotals]] = {}
        for method in BAND:
            if method == self.dispatch:
                totals[method] = [part for part in self._totals if part.scenario in names]
                continue
            try:
                totals[method] = self._fleet.evaluate(with_battery, method)
            except ConfigurationError:
                continue  # HiGHS is not installed: the summary has a finding
        return totals

    @cached_property
    def _lifetimes(self) -> dict[tuple[str, str], LifetimeSavings]:
        return lifetime_savings(self._fleet, self._totals, self.dispatch)

    @cached_property
    def _waterfall_rows(self) -> list[dict[str, Any]]:
        return waterfall_rows(self._fleet, self._totals, self.dispatch)

    def _frame(
        self,
        table: Table,
        columns: Mapping[str, Any],
        facts: Mapping[str, Any] | None = None,
        *,
        scenarios: Sequence[str] | None = None,
        site_ids: Collection[str] | None = None,
    ) -> Frame:
        """Build a frame, with the sites that are not evaluated; `scenarios` and sites: those of it.

        Both are all by default.
        """
        refused = self.refused
        if site_ids is not None:
            refused = {site: why for site, why in refused.items() if site in site_ids}
        names = self._scenario_names if scenarios is None else scenarios
        complete = with_refused(table, columns, refused, names)
        query = {"simulation": self._scenario_names, "dispatch": self.dispatch}
        return table.build(complete, self.frames, facts={"query": query, **(facts or {})})


def _selected(wanted: Any, known: list[str], what: str) -> list[str]:
    """Return the names that were asked for, each once; all by default."""
    if wanted is None:
        return known
    is_single = isinstance(wanted, str) or not isinstance(wanted, Iterable)
    names = [wanted] if is_single else list(wanted)
    if not names:
        raise InputError(f"{what}: empty; leave it out for all")
    unknown = [repr(name) for name in names if name not in known]
    if unknown:
        raise InputError(
            f"{what}: {', '.join(unknown)} was not simulated; choose from {listed(known)}"
        )
    return list(dict.fromkeys(names))


def _check_folder(folder: Path) -> None:
    """Raise InputError before anything is calculated for a folder that cannot be created."""
    for path in (folder, *folder.parents):
        if path.exists() and not path.is_dir():
            raise InputError(f"{path} is a file; give a folder, which is created if needed")
