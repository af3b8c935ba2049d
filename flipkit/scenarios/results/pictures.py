"""The pictures of a simulation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flipkit.errors import InputError
from flipkit.frames import Frame
from flipkit.scenarios.changes import Scenario
from flipkit.scenarios.engine import Fleet
from flipkit.scenarios.results.comparisons import step_names, sweep_of
from flipkit.scenarios.results.pivot import check_names, sweep_axes
from flipkit.scenarios.results.tables import BAND_COLUMNS
from flipkit.vocabulary import DispatchMethod

__all__ = ["Pictures", "listed"]

_KINDS = ("savings", "waterfall", "regret", "regret_by_month", "week", "sweep", "heatmap")
# As many as a picture of savings shows one by one; the band of a larger fleet takes its time.
_MOST_SITES_WITH_BAND = 40
_MOST_NAMES = 30


class Pictures:
    """What `Simulation` draws, from the frames that it makes."""

    scenarios: tuple[Scenario, ...]
    dispatch: DispatchMethod
    _fleet: Fleet

    def summary(self, *, band: bool = True) -> Frame:
        """Return the frame of `Simulation.summary`."""
        raise NotImplementedError

    def intervals(self, *, site_id: Any = None, scenario: Any = None) -> Frame:
        """Return the frame of `Simulation.intervals`."""
        raise NotImplementedError

    def waterfall(self) -> Frame:
        """Return the frame of `Simulation.waterfall`."""
        raise NotImplementedError

    def regret(self, *, scenario: Any = None) -> Frame:
        """Return the frame of `Simulation.regret`."""
        raise NotImplementedError

    def _part(self, site_id: str, *scenarios: Scenario) -> Any:
        """Return the simulation of one site and some scenarios, so that a picture is quick."""
        raise NotImplementedError

    def plot(self, kind: str = "savings", **options: Any) -> Any:
        """Draw the simulation.

        Parameters
        ----------
        kind : {"savings", "waterfall", "regret", "regret_by_month", "week", "sweep", "heatmap"}
            "savings": what each scenario saves by site; ``band=`` whether with the band, by default
            for up to 40 sites. "waterfall": what each change of a scenario brings to a site.
            "regret" and "regret_by_month": a home under all pairs of plans. "week": days of a site
            by interval; ``start=``, ``days=``. "sweep": a column of the summary over sizes of
            battery or solar; ``value=``. "heatmap": a column of the summary over two others, as
            `pivot` arranges it; ``index=``, ``columns=``, ``values=``.
        **options
            ``site_id=`` if there are several sites (not for savings). ``scenario=``, by default the
            last one, for regret the first. ``ax=`` and further options are those of
            `flipkit.plots.scenario_savings`, `savings_waterfall`, `plan_regret_heatmap`,
            `plan_regret_by_month`, `dispatch_week`, `sweep_lines` and `sweep_heatmap`.

        Returns
        -------
        matplotlib.axes.Axes

        Raises
        ------
        InputError
            An unknown kind, site or scenario, or several sites and no ``site_id=``.
        """
        if kind not in _KINDS:
            raise InputError(f"plot: unknown kind {kind!r}; choose one of {', '.join(_KINDS)}")
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
        defaults = {
            "names": step_names(first, chosen, site_id),
            "dispatch": self._dispatch_of(site_id, first, chosen),
        }
        return savings_waterfall(steps, **(defaults | options))

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

    def _plot_heatmap(
        self,
        *,
        site_id: str | None = None,
        index: str | Sequence[str] | None = None,
        columns: str | None = None,
        values: str = "saving",
        **options: Any,
    ) -> Any:
        from flipkit.plots import sweep_heatmap

        site_id = self._site_to_plot(site_id)
        down, across = sweep_axes(self.scenarios, site_id, index, columns)
        check_names(down, across, values)
        defaults: dict[str, Any] = {"dispatch": self._dispatch_of(site_id, *self.scenarios)}
        return sweep_heatmap(
            self.summary(band=values in BAND_COLUMNS),
            index=down,
            columns=across,
            values=values,
            site_id=site_id,
            **(defaults | options),
        )

    def _site_to_plot(self, site_id: str | None) -> str:
        known = self._fleet.site_ids
        if site_id is None and len(known) == 1:
            return known[0]
        if site_id not in known:
            raise InputError(f"plot: the sites are {listed(known)}; choose one with site_id=")
        return site_id

    def _scenario_to_plot(self, name: str | None, default: Scenario) -> Scenario:
        if name is None:
            return default
        for scenario in self.scenarios:
            if scenario.name == name:
                return scenario
        known = listed([each.name for each in self.scenarios])
        raise InputError(f"plot: the scenarios are {known}; choose one with scenario=")

    def _dispatch_of(self, site_id: str, *scenarios: Scenario) -> str | None:
        """Return how the battery was run; None if no scenario has one at the site."""
        has_battery = any(scenario.at(site_id, "battery") is not None for scenario in scenarios)
        return self.dispatch if has_battery else None


def listed(names: Sequence[str]) -> str:
    """Return names in a line; of many the first."""
    text = ", ".join(names[:_MOST_NAMES])
    if len(names) > _MOST_NAMES:
        text += f" and {len(names) - _MOST_NAMES} more"
    return text
