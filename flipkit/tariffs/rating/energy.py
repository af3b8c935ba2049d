"""The energy of each site, checked: regular steps, no gap, no negative use; as blocks."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, TypeVar

import numpy as np

from flipkit.calendar import Grid, format_times
from flipkit.checks import instance_of
from flipkit.errors import InputError
from flipkit.frames import Finding, TextRuns, library, library_of, take
from flipkit.plausibility import (
    MeterSeries,
    consumption_findings,
    generation_findings,
    suspicious_rows,
)
from flipkit.vocabulary import HOUR_US, MINUTE_US, Float64, Int64

__all__ = ["Block", "Energy", "map_threads", "read_energy", "row_slices"]

_KWH = ("consumption_kwh", "generation_kwh")
_FACTS = ("timezone", "currency")
# As unsigned numbers, the bits of all floats from 0 up to the largest finite one lie below those of
# infinity; negative, infinite and NaN lie at or above. One pass tells whether a column is valid.
_INFINITY_BITS = np.uint64(0x7FF0_0000_0000_0000)
# Rows of a year each: the net of so many stays in the processor's cache until it is checked.
_ROWS_AT_ONCE = 4

Item = TypeVar("Item")
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True, eq=False)
class Block:
    """The energy of sites whose intervals are the same.

    Attributes
    ----------
    site_ids : tuple of str
    grid : Grid
    consumption_kwh : ndarray of float64, shape (sites, intervals)
    generation_kwh : ndarray of float64, shape (sites, intervals), or None
        None where no site generates.
    net_kwh : ndarray of float64, shape (sites, intervals)
        Consumption less generation: imports above zero, exports below. Calculated by default.
    """

    site_ids: tuple[str, ...]
    grid: Grid
    consumption_kwh: Float64
    generation_kwh: Float64 | None
    net_kwh: Float64 = None  # type: ignore[assignment]

    def __post_init__(self) -> None:
        if self.net_kwh is not None:
            return
        net = self.consumption_kwh
        if self.generation_kwh is not None:
            net = net - self.generation_kwh
        object.__setattr__(self, "net_kwh", net)

    def rows(self, rows: slice | Int64) -> Block:
        """Return some of the sites; a slice takes them without a copy."""
        if isinstance(rows, slice):
            site_ids = self.site_ids[rows]
        else:
            site_ids = tuple(self.site_ids[row] for row in rows)
        consumption = self.consumption_kwh[rows]
        if self.generation_kwh is None:
            return Block(site_ids, self.grid, consumption, None)
        generation = self.generation_kwh[rows]
        return Block(site_ids, self.grid, consumption, generation, self.net_kwh[rows])


@dataclass(frozen=True, slots=True, eq=False)
class Energy:
    """The energy of an energy frame, and what the frame says about each site.

    Attributes
    ----------
    blocks : list of Block
        Each site is in one of them.
    timezones, currencies : dict of str to str
        By site id; a site of which the frame says nothing is absent.
    findings : dict of str to tuple of Finding
        By site id: ``generation.negative`` and those of `flipkit.plausibility`; a site without
        findings is absent.
    refused : dict of str to Finding
        Why the energy of a site cannot be evaluated, by site id in order; the site is in no block.
    """

    blocks: list[Block]
    timezones: dict[str, str] = field(default_factory=dict)
    currencies: dict[str, str] = field(default_factory=dict)
    findings: dict[str, tuple[Finding, ...]] = field(default_factory=dict)
    refused: dict[str, Finding] = field(default_factory=dict)


def read_energy(energy: Any, *, strict: bool = True) -> Energy:
    """Read an energy frame as blocks of sites that have the same intervals.

    Uses the memory of the frame where its rows are in order.

    Parameters
    ----------
    energy : DataFrame
        ``site_id, start_utc, consumption_kwh`` and, optionally, ``generation_kwh``, ``timezone``,
        ``currency``. A site whose generation is null throughout has none; negative generation
        becomes consumption. Sites may have different steps and windows.
    strict : bool, default True
        Whether one site that cannot be evaluated is an error. If not, it is in `Energy.refused`.

    Raises
    ------
    MissingColumnError, NaiveTimestampError
    InputError
        No rows, a row without a site, a site with two time zones or currencies. A site with a
        single interval, a gap, another length of intervals from some time on, a repeated time, a
        value that is missing or infinite, or negative consumption (names site and time), if
        `strict`, or if no site can be evaluated.
    """
    instance_of(strict, bool, "strict")
    columns = take(
        energy,
        times=["start_utc"],
        numbers=_KWH,
        runs=["site_id", *_FACTS],
        optional=["generation_kwh", *_FACTS],
        what="energy",
    )
    _refuse_second_register(energy)
    sites: TextRuns = columns.pop("site_id")
    facts = {name: columns.pop(name) for name in _FACTS}
    if not len(columns["start_utc"]):
        raise InputError("energy: no rows; give at least two intervals per site")
    missing = np.flatnonzero(sites.codes < 0)
    if len(missing):
        row = sites.starts[missing[0]]
        raise InputError(f"energy, row {row}: no site_id; every row needs the id of its site")
    generation = columns["generation_kwh"]
    # The first value decides nearly always, and spares a pass over the column.
    if np.isnan(generation[0]) and np.isnan(generation).all():
        del columns["generation_kwh"]
    columns["start_utc"] = columns["start_utc"].view(np.int64)

    findings: dict[str, list[Finding]] = {}
    refused: dict[str, Finding] = {}
    blocks = _in_place(sites, columns)
    if blocks is None:
        _move_negative_generation(sites, columns, findings)
        blocks = _in_place(sites, columns) or list(_gathered(sites, columns, refused))
    if refused and (strict or not blocks):
        site, problem = next(iter(refused.items()))
        begins_with_time = problem.name != "energy.single"
        separator = ", " if begins_with_time else ": "
        raise InputError(f"energy, site {site}{separator}{problem.words}")
    for block in blocks:
        _add_plausibility(block, findings)
    return Energy(
        blocks=blocks,
        timezones=_by_site_id(sites, facts["timezone"], "timezone"),
        currencies=_by_site_id(sites, facts["currency"], "currency"),
        findings={site: tuple(of_site) for site, of_site in findings.items()},
        refused=refused,
    )


def _move_negative_generation(
    sites: TextRuns, columns: dict[str, np.ndarray], findings: dict[str, list[Finding]]
) -> None:
    """Count negative generation, which is what an inverter draws, as consumption.

    The net does not change: consumption - generation has the same bits before and after.
    """
    generation = columns.get("generation_kwh")
    if generation is None:
        return
    # Consumption that is not valid stays as it is, to be refused.
    consumption = columns["consumption_kwh"]
    is_negative = (generation < 0) & np.isfinite(generation) & (consumption >= 0)
    if not is_negative.any():
        return
    drawn = np.where(is_negative, -generation, 0.0)
    columns["consumption_kwh"] = consumption + drawn
    columns["generation_kwh"] = np.where(is_negative, 0.0, generation)

    codes = np.repeat(sites.codes, np.diff(np.append(sites.starts, len(drawn))))
    count = len(sites.labels)
    drawn_kwh = np.bincount(codes, drawn, count)
    intervals = np.bincount(codes, is_negative, count).astype(np.int64)
    made_kwh = np.bincount(codes, np.where(generation > 0, generation, 0.0), count)
    for code in np.flatnonzero(intervals).tolist():
        finding = _negative_generation(drawn_kwh[code], made_kwh[code], intervals[code])
        findings.setdefault(sites.labels[code], []).append(finding)


def _negative_generation(drawn_kwh: float, made_kwh: float, intervals: int) -> Finding:
    message = (
        f"{drawn_kwh:,.6g} kWh of negative generation in {intervals:,} intervals, which the "
        "inverter draws, counted as consumption"
    )
    if drawn_kwh > made_kwh:
        message += f", more than the {made_kwh:,.6g} kWh generated: is the sign reversed?"
    return Finding("generation.negative", message)


def _add_plausibility(block: Block, findings: dict[str, list[Finding]]) -> None:
    hours = block.grid.step_us / HOUR_US

    def suspicious(rows: slice) -> np.ndarray:
        selected = suspicious_rows(block.consumption_kwh[rows], hours)
        if block.generation_kwh is not None:
            selected |= suspicious_rows(block.generation_kwh[rows], hours)
        return selected

    selected = np.concatenate(map_threads(suspicious, row_slices(len(block.site_ids))))
    for row in np.flatnonzero(selected).tolist():
        consumption = MeterSeries("consumption_kwh", block.consumption_kwh[row], hours)
        found = consumption_findings(consumption)
        if block.generation_kwh is not None:
            generation = MeterSeries("generation_kwh", block.generation_kwh[row], hours)
            found += generation_findings(generation, consumption)
        if found:
            findings.setdefault(block.site_ids[row], []).extend(found)


def _by_site_id(sites: TextRuns, values: TextRuns, name: str) -> dict[str, str]:
    """The value of a text column for each site; null says nothing."""
    if not values.labels:
        return {}
    # Both columns are constant between these rows.
    rows = np.union1d(sites.starts, values.starts)
    site = sites.codes[np.searchsorted(sites.starts, rows, side="right") - 1]
    value = values.codes[np.searchsorted(values.starts, rows, side="right") - 1]
    pairs = np.unique(np.stack([site, value], axis=1)[value >= 0], axis=0)
    found: dict[str, str] = {}
    for site_code, value_code in pairs.tolist():
        site_id, label = sites.labels[site_code], values.labels[value_code]
        if site_id in found:
            raise InputError(
                f"energy, site {site_id}: {name} is {found[site_id]!r} and {label!r}; a site has "
                f"one {name}"
            )
        found[site_id] = label
    return found


def _refuse_second_register(energy: Any) -> None:
    """Raise InputError for a column of controlled load, which has prices of its own."""
    for name in library(library_of(energy)).names(energy):
        if "controlled" in name.lower():
            raise InputError(
                f"energy, column {name!r}: controlled load on a register of its own cannot be "
                "priced beside the other register; give it as a site of its own, with the tariff "
                "of that register, and add the two bills"
            )


def _in_place(sites: TextRuns, columns: dict[str, np.ndarray]) -> list[Block] | None:
    """One block over the memory of the frame, if each site's rows are adjacent with equal times."""
    site_count = len(sites.labels)
    intervals, left_over = divmod(len(columns["start_utc"]), site_count)
    if len(sites.codes) != site_count or left_over or intervals < 2:
        return None
    shape = (site_count, intervals)
    times = columns["start_utc"].reshape(shape)
    is_in_order = (sites.starts == intervals * np.arange(site_count)).all()
    if not is_in_order or not _are_regular(times):
        return None
    first, second = times[0, :2].tolist()
    tables = [
        np.ascontiguousarray(columns[name]).reshape(shape) for name in _KWH if name in columns
    ]
    has_generation = len(tables) > 1
    net = np.empty(shape) if has_generation else tables[0]
    are_valid = map_threads(lambda rows: _fill_net(tables, net, rows), row_slices(site_count))
    if not all(are_valid):
        return None
    block = Block(
        site_ids=tuple(sites.labels[code] for code in sites.codes),
        grid=Grid(first, second - first, intervals),
        consumption_kwh=tables[0],
        generation_kwh=tables[1] if has_generation else None,
        net_kwh=net,
    )
    return [block]


def _are_regular(times: Int64) -> bool:
    """Whether all sites have the same times, at one step."""
    steps = np.diff(times[0])
    has_one_step = steps[0] > 0 and (steps == steps[0]).all()
    return bool(has_one_step and (times == times[0]).all())


def _fill_net(tables: list[Float64], net: Float64, rows: slice) -> bool:
    """Write consumption less generation of some rows into `net`; False if a value is not valid."""
    for begin in range(rows.start, rows.stop, _ROWS_AT_ONCE):
        some = slice(begin, min(begin + _ROWS_AT_ONCE, rows.stop))
        for values in tables:
            if values[some].view(np.uint64).max() >= _INFINITY_BITS:
                return False
        if len(tables) > 1:
            consumption, generation = tables
            np.subtract(consumption[some], generation[some], out=net[some])
    return True


def _gathered(
    sites: TextRuns, columns: dict[str, np.ndarray], refused: dict[str, Finding]
) -> Iterator[Block]:
    """Sort the rows by site and time, and put sites with the same intervals together.

    Sites that cannot be evaluated are added to `refused`.
    """
    members: dict[Grid, dict[str, dict[str, np.ndarray]]] = {}
    for site, own in _by_site(sites, columns):
        problem = _problem(own)
        if problem is not None:
            refused[site] = problem
            continue
        start = own["start_utc"]
        grid = Grid(int(start[0]), int(start[1] - start[0]), len(start))
        members.setdefault(grid, {})[site] = own
    for grid, energy in members.items():
        tables = {}
        for name in _KWH:
            if name in columns:
                tables[name] = np.stack([own[name] for own in energy.values()])
        yield Block(
            site_ids=tuple(energy),
            grid=grid,
            consumption_kwh=tables["consumption_kwh"],
            generation_kwh=tables.get("generation_kwh"),
        )


def _by_site(
    sites: TextRuns, columns: dict[str, np.ndarray]
) -> Iterator[tuple[str, dict[str, np.ndarray]]]:
    """Yield each site, by id, with its rows in the order of time."""
    start = columns["start_utc"]
    rows_of_run = np.diff(np.append(sites.starts, len(start)))
    codes = np.repeat(sites.codes, rows_of_run)
    order = np.lexsort((start, codes))
    edges = np.searchsorted(codes[order], np.arange(len(sites.labels) + 1))
    for code in sorted(range(len(sites.labels)), key=sites.labels.__getitem__):
        rows = order[edges[code] : edges[code + 1]]
        own = {name: values[rows] for name, values in columns.items()}
        if "generation_kwh" in own and np.isnan(own["generation_kwh"]).all():
            own["generation_kwh"][:] = 0.0  # a home without panels among others
        yield sites.labels[code], own


def _problem(columns: dict[str, np.ndarray]) -> Finding | None:
    """Return why the rows of a site, sorted by time, cannot be evaluated; None if they can."""
    start = columns["start_utc"]
    for name in _KWH:
        if name not in columns:
            continue
        values = columns[name]
        is_wrong = ~(values >= 0) | np.isinf(values)
        if is_wrong.any():
            problem = f"{name} is missing, negative or infinite"
            if name == "generation_kwh":  # negative generation has become consumption
                problem = f"{name} is missing or infinite"
            fix = "give the measured or estimated energy; a missing reading is not 0"
            return _finding("energy.invalid", start[is_wrong], problem, fix)
    if len(start) < 2:
        message = "a single interval; two or more are needed to know their length"
        return Finding("energy.single", message)
    steps = np.diff(start)
    is_repeated = steps == 0
    if is_repeated.any():
        times = start[1:][is_repeated]
        return _finding("energy.repeated", times, "the time occurs twice", "keep one of the rows")
    if (steps == steps[0]).all():
        return None
    return _changed_step(start, steps) or _gap(start, steps)


def _changed_step(start: Int64, steps: Int64) -> Finding | None:
    """Return a finding if intervals of one length follow those of another.

    A gap is a single long step. Every second reading missing looks like a longer step, and is named
    as one.
    """
    lasts = np.append(steps[1:] == steps[:-1], False)
    lasts[1:] |= steps[1:] < np.minimum.accumulate(steps)[:-1]  # no gap is shorter than a step
    lasting = steps[lasts]
    changes = np.flatnonzero(np.diff(lasting)) + 1
    if not len(changes):
        return None
    times = start[:-1][lasts][changes]
    before, after = lasting[changes[0] - 1 : changes[0] + 1] / MINUTE_US
    problem = f"the length of intervals changes from {before:g} to {after:g} minutes"
    fix = "bring all to the longer one, or give the parts as separate frames"
    return _finding("energy.step", times, problem, fix)


def _gap(start: Int64, steps: Int64) -> Finding:
    step = int(steps.min())
    times = start[:-1][steps != step] + step
    problem = f"no interval; the others are {step / MINUTE_US:g} minutes long"
    fix = "fill the gap, or rate what is before and after it separately"
    return _finding("energy.gap", times, problem, fix)


def _finding(code: str, times_us: Int64, problem: str, fix: str) -> Finding:
    """Return a finding with the first of the times at which something is wrong."""
    time = format_times(times_us[:1].view("datetime64[us]"))[0]
    others = len(times_us) - 1
    more = f" (and {others} more such times)" if others else ""
    return Finding(code, f"{time}: {problem}{more}; {fix}")


def processors() -> int:
    """Return how many processors this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def row_slices(count: int) -> list[slice]:
    """Divide `count` rows into as many parts as there are processors."""
    parts = max(1, min(processors(), count))
    edges = [count * number // parts for number in range(parts + 1)]
    return [slice(begin, stop) for begin, stop in pairwise(edges)]


def map_threads(work: Callable[[Item], Result], items: Iterable[Item]) -> list[Result]:
    """Apply `work` to every item in threads; results are in the order of the items.

    Pays where numpy or compiled code releases the interpreter lock.
    """
    given = list(items)
    if len(given) < 2:
        return [work(item) for item in given]
    with ThreadPoolExecutor(min(len(given), processors())) as pool:
        return list(pool.map(work, given))
