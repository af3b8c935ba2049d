"""The result of a simulation: frames and pictures, made when they are asked for."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
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
    returns,
    write_csv,
)
from flipkit.scenarios.changes import Scenario
from flipkit.scenarios.engine import Fleet, IntervalResult, SiteTotals
from flipkit.scenarios.results.comparisons import regret_columns, sweep_of, waterfall_rows
from flipkit.scenarios.results.tables import (
    BAND,
    bills_columns,
    certificate_columns,
    interval_columns,
    summary_columns,
    summary_html,
    summary_line,
)
from flipkit.scenarios.service import Certificate, certify
from flipkit.vocabulary import DispatchMethod

__all__ = ["Simulation"]

_PICTURES = ("savings", "waterfall", "regret", "regret_by_month", "week", "sweep")
# As many as a picture of savings shows one by one; the band of a larger fleet takes its time.
_MOST_SITES_WITH_BAND = 40
_MOST_NAMES = 30


class Simulation:
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
        self.proof: Certificate | None = None
        self._fleet = fleet
        self._totals = tuple(totals)
        self._regret_columns: dict[tuple[str, ...], dict[str, np.ndarray]] = {}

    def __repr__(self) -> str:
        return summary_line(len(self._fleet.site_ids), self._scenario_names)

    def _repr_html_(self) -> str:
        """Return a table of the costs that are known already, for a notebook."""
        has_battery = any(scenario.battery is not None for scenario in self.scenarios)
        dispatch = self.dispatch if has_battery else None
        return summary_html(self._totals, self._scenario_names, dispatch)

    @returns(SIMULATION_SUMMARY)
    def summary(self, *, band: bool = True) -> Frame:
        """Return the cost of each site under each scenario, and the saving against the first one.

        The cost is the sum of the rounded rows of `bills`, so months and components add up to it.
        One row per site and scenario: sites by id, scenarios in their order.

        Parameters
        ----------
        band : bool
            Whether to run each battery by several methods too: ``cost_rule`` is the cost with a
            simple controller, ``cost_day_ahead`` that with a plan for each day, and
            ``cost_optimal`` that with perfect foresight. They are null otherwise. The first call
            takes about 20 ms per site and year. "day_ahead" leaves nothing stored for the next
            morning, so it may cost more than the rule. Bills are rounded row by row, so equal costs
            may differ by a cent or two.

        Returns
        -------
        DataFrame
            Findings:

            * ``simulate.no_export_price``: exports count as worth nothing.
            * ``simulate.fixed_charges``: only one of two tariffs has standing charges.
            * ``simulate.band``: a method of the band could not be run.
            * ``simulate.no_such_site``: a change by site names none of the sites.
            * ``simulate.utc``: the time zone of the prices is not known.
            * ``simulate.month_cut``: tiers of a month that the energy covers in part.
            * ``simulate.instant``: the costs are the service's.
            * ``finance.part_year``: the saving of a year is projected from a part of it.
            * those of load, solar, car and battery (``dispatch``).
            * those of the tariffs in force: what their readers could not price, ``price.unit``,
              ``interval.coarse``.
            * those of the site's energy: ``generation.negative``, ``energy.unit``,
              ``energy.register``, ``energy.peak``; see `flipkit.bill`.
        """
        totals_by_method = self._band if band else {}
        columns = summary_columns(self.scenarios, self._totals, totals_by_method)
        return self._frame(SIMULATION_SUMMARY, columns)

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
        site_ids = _selected(site_id, self._fleet.site_ids, "site_id")
        names = _selected(scenario, self._scenario_names, "scenario")
        results = [self._interval_result(site, name) for site in site_ids for name in names]
        columns = interval_columns(results)
        return self._frame(SIMULATION_INTERVALS, columns)

    @returns(WATERFALL)
    def waterfall(self) -> Frame:
        """Split the difference of each scenario to the first one among its changes.

        Each change has its Shapley value: the mean of what it brings over all orders in which the
        changes can be made, so no order is preferred. Amounts are in the smallest unit of the
        currency and sum to the difference.

        Returns
        -------
        DataFrame
            For each site and each scenario after the first: one row with the cost of the first
            scenario, one row per change (``tariff``, ``solar``, ``battery``, ``ev``, ``load``) with
            the cost so far, and one row ``difference``.
        """
        rows = self._waterfall_rows
        columns = {name: [row[name] for row in rows] for name in WATERFALL.names}
        return self._frame(WATERFALL, columns)

    @returns(REGRET)
    def regret(self, *, scenario: str | Sequence[str] | None = None) -> Frame:
        """Compare each home under every pair of import and export plans of the scenarios.

        Batteries are run again under each pair.

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
        return self._frame(REGRET, columns)

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
        return self._frame(CERTIFICATE, columns, facts)

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

    def plot(self, kind: str = "savings", **options: Any) -> Any:
        """Draw the simulation.

        Parameters
        ----------
        kind : {"savings", "waterfall", "regret", "regret_by_month", "week", "sweep"}
            "savings": what each scenario saves by site; ``band=`` whether with the band, by default
            for up to 40 sites. "waterfall": what each change of a scenario brings to a site.
            "regret" and "regret_by_month": a home under all pairs of plans. "week": days of a site
            by interval; ``start=``, ``days=``. "sweep": a column of the summary over sizes of
            battery or solar; ``value=``.
        **options
            ``site_id=`` if there are several sites (not for savings). ``scenario=``, by default the
            last one, for regret the first. ``ax=`` and further options are those of
            `flipkit.plots.scenario_savings`, `savings_waterfall`, `plan_regret_heatmap`,
            `plan_regret_by_month`, `dispatch_week` and `sweep_lines`.

        Returns
        -------
        matplotlib.axes.Axes

        Raises
        ------
        InputError
            An unknown kind, site or scenario, or several sites and no ``site_id=``.
        """
        if kind not in _PICTURES:
            raise InputError(f"plot: unknown kind {kind!r}; choose one of {', '.join(_PICTURES)}")
        return getattr(self, f"_plot_{kind}")(**options)

    def _plot_savings(self, *, band: bool | None = None, **options: Any) -> Any:
        from flipkit.plots import scenario_savings

        if band is None:
            band = len(self._fleet.site_ids) <= _MOST_SITES_WITH_BAND
        return scenario_savings(self.summary(band=band), **options)

    def _plot_waterfall(
        self, *, site_id: str | None = None, scenario: str | None = None, **options: Any
    ) -> Any:
        from flipkit.plots import savings_waterfall

        site_id = self._site_to_plot(site_id)
        first = self.scenarios[0]
        chosen = self._scenario_to_plot(scenario, default=self.scenarios[-1])
        if chosen is first:
            raise InputError(
                f"plot: {first.name!r} is the first scenario, the baseline of the others; choose "
                "another one"
            )
        steps = self._part(site_id, first, chosen).waterfall()
        dispatch = self._dispatch_of(site_id, first, chosen)
        return savings_waterfall(steps, dispatch=dispatch, **options)

    def _plot_regret(self, **options: Any) -> Any:
        from flipkit.plots import plan_regret_heatmap

        return self._draw_regret(plan_regret_heatmap, **options)

    def _plot_regret_by_month(self, **options: Any) -> Any:
        from flipkit.plots import plan_regret_by_month

        return self._draw_regret(plan_regret_by_month, **options)

    def _draw_regret(
        self, draw: Any, *, site_id: str | None = None, scenario: str | None = None, **options: Any
    ) -> Any:
        site_id = self._site_to_plot(site_id)
        home = self._scenario_to_plot(scenario, default=self.scenarios[0])
        regret = self._part(site_id, *self.scenarios).regret(scenario=home.name)
        return draw(regret, dispatch=self._dispatch_of(site_id, home), **options)

    def _plot_week(
        self, *, site_id: str | None = None, scenario: str | None = None, **options: Any
    ) -> Any:
        from flipkit.plots import dispatch_week

        site_id = self._site_to_plot(site_id)
        chosen = self._scenario_to_plot(scenario, default=self.scenarios[-1])
        return dispatch_week(
            self.intervals(site_id=site_id, scenario=chosen.name),
            timezone=self._fleet.case(site_id, chosen).import_tariff.timezone,
            dispatch=self._dispatch_of(site_id, chosen),
            **options,
        )

    def _plot_sweep(self, *, site_id: str | None = None, **options: Any) -> Any:
        from flipkit.plots import sweep_lines

        site_id = self._site_to_plot(site_id)
        sweep = sweep_of(self.scenarios, site_id)
        defaults: dict[str, Any] = {
            "x": sweep.sizes,
            "lines": sweep.lines,
            "label": sweep.label,
            "site_id": site_id,
            "dispatch": self._dispatch_of(site_id, *self.scenarios),
        }
        return sweep_lines(self.summary(band=False), **(defaults | options))

    def _site_to_plot(self, site_id: str | None) -> str:
        known = self._fleet.site_ids
        if site_id is None and len(known) == 1:
            return known[0]
        if site_id not in known:
            raise InputError(f"plot: the sites are {_listed(known)}; choose one with site_id=")
        return site_id

    def _scenario_to_plot(self, name: str | None, default: Scenario) -> Scenario:
        if name is None:
            return default
        for scenario in self.scenarios:
            if scenario.name == name:
                return scenario
        known = _listed(self._scenario_names)
        raise InputError(f"plot: the scenarios are {known}; choose one with scenario=")

    def _dispatch_of(self, site_id: str, *scenarios: Scenario) -> str | None:
        """Return how the battery was run; None if no scenario has one at the site."""
        has_battery = any(scenario.at(site_id, "battery") is not None for scenario in scenarios)
        return self.dispatch if has_battery else None

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
    def _waterfall_rows(self) -> list[dict[str, Any]]:
        return waterfall_rows(self._fleet, self._totals, self.dispatch)

    def _frame(
        self, table: Table, columns: Mapping[str, Any], facts: Mapping[str, Any] | None = None
    ) -> Frame:
        query = {"simulation": self._scenario_names, "dispatch": self.dispatch}
        return table.build(columns, self.frames, facts={"query": query, **(facts or {})})


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
            f"{what}: {', '.join(unknown)} was not simulated; choose from {_listed(known)}"
        )
    return list(dict.fromkeys(names))


def _listed(names: Sequence[str]) -> str:
    text = ", ".join(names[:_MOST_NAMES])
    if len(names) > _MOST_NAMES:
        text += f" and {len(names) - _MOST_NAMES} more"
    return text


def _check_folder(folder: Path) -> None:
    """Raise InputError before anything is calculated for a folder that cannot be created."""
    for path in (folder, *folder.parents):
        if path.exists() and not path.is_dir():
            raise InputError(f"{path} is a file; give a folder, which is created if needed")
