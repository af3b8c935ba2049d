"""The energy of each site, checked: one step, no hole, nothing negative; as blocks of sites x intervals."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from flipkit.calendar import Grid, format_times
from flipkit.errors import InputError
from flipkit.frames import TextRuns, take
from flipkit.tariffs.rating.threads import at_once, shares
from flipkit.vocabulary import Float64, Int64

__all__ = ["Block", "read_blocks"]

_KWH = ("consumption_kwh", "generation_kwh")
# As unsigned numbers, the bits of all floats from 0 up to the largest finite one lie below those of infinity, and all
# else (negative, infinite, not a number) at or above: one pass tells whether a column is fit.
_INFINITY_BITS = np.uint64(0x7FF0_0000_0000_0000)
_ROWS_AT_ONCE = (
    4  # of a year each: what is netted stays in the processor's cache until it is checked
)


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
        Consumption less generation: above zero what is imported, below what is exported.
    """

    site_ids: tuple[str, ...]
    grid: Grid
    consumption_kwh: Float64
    generation_kwh: Float64 | None
    net_kwh: Float64 = None  # type: ignore[assignment]  # reckoned where it is not given

    def __post_init__(self) -> None:
        if self.net_kwh is None:
            made = self.generation_kwh
            object.__setattr__(
                self,
                "net_kwh",
                self.consumption_kwh if made is None else self.consumption_kwh - made,
            )

    def rows(self, rows: slice | Int64) -> Block:
        """Some of the sites; a slice takes them without a copy."""
        generation = None if self.generation_kwh is None else self.generation_kwh[rows]
        names = (
            self.site_ids[rows]
            if isinstance(rows, slice)
            else tuple(self.site_ids[row] for row in rows)
        )
        net = None if generation is None else self.net_kwh[rows]
        return Block(names, self.grid, self.consumption_kwh[rows], generation, net)  # type: ignore[arg-type]


def read_blocks(energy: Any) -> list[Block]:
    """Energy by sites that have the same intervals; without a copy where the rows are in order already.

    Parameters
    ----------
    energy : DataFrame
        ``site_id, start_utc, consumption_kwh`` and, where there is any, ``generation_kwh``; a site whose generation is
        null throughout has none. Sites may have different steps and windows.

    Raises
    ------
    MissingColumnError, NaiveTimestampError
    InputError
        No rows, a site with a single interval, a hole, a repeated time, a value that is missing, negative or
        infinite; names site and time.
    """
    columns = take(
        energy,
        times=["start_utc"],
        numbers=_KWH,
        runs=["site_id"],
        optional=["generation_kwh"],
        what="energy",
    )
    sites: TextRuns = columns.pop("site_id")
    if not len(columns["start_utc"]):
        raise InputError("energy: no rows")
    if len(missing := np.flatnonzero(sites.codes < 0)):
        raise InputError(f"energy, row {sites.starts[missing[0]]}: no site_id")
    made = columns["generation_kwh"]
    if np.isnan(made[0]) and np.isnan(made).all():
        del columns["generation_kwh"]
    columns["start_utc"] = columns["start_utc"].view(np.int64)
    return list(_in_place(sites, columns) or _gathered(sites, columns))


def _in_place(sites: TextRuns, columns: dict[str, np.ndarray]) -> list[Block] | None:
    """One block over the memory of the frame, where each site's rows follow one another with the same times."""
    rows, count = len(columns["start_utc"]), len(sites.labels)
    if len(sites.codes) != count or rows % count or rows // count < 2:
        return None
    each = rows // count
    times = columns["start_utc"].reshape(count, each)
    steps = np.diff(times[0])
    regular = (
        (steps == steps[0]).all()
        and steps[0] > 0
        and (sites.starts == each * np.arange(count)).all()
    )
    if not regular or not (times == times[0]).all():
        return None
    table = [
        np.ascontiguousarray(columns[name]).reshape(count, each) for name in _KWH if name in columns
    ]
    net = table[0] if len(table) == 1 else np.empty_like(table[0])
    if not all(at_once(lambda rows: _netted(table, net, rows), shares(count))):
        return None
    names = tuple(sites.labels[code] for code in sites.codes)
    grid = Grid(int(times[0, 0]), int(steps[0]), each)
    return [Block(names, grid, table[0], table[1] if len(table) > 1 else None, net)]


def _netted(table: list[Float64], net: Float64, rows: slice) -> bool:
    """Whether these rows are fit; their consumption less their generation goes into `net`."""
    for begin in range(rows.start, rows.stop, _ROWS_AT_ONCE):
        some = slice(begin, min(begin + _ROWS_AT_ONCE, rows.stop))
        if not all(values[some].view(np.uint64).max() < _INFINITY_BITS for values in table):
            return False
        if len(table) > 1:
            np.subtract(table[0][some], table[1][some], out=net[some])
    return True


def _gathered(sites: TextRuns, columns: dict[str, np.ndarray]) -> Iterator[Block]:
    """The rows by site and time, and sites with the same intervals together."""
    rows = len(columns["start_utc"])
    codes = np.repeat(sites.codes, np.diff(np.append(sites.starts, rows)))
    order = np.lexsort((columns["start_utc"], codes))
    cuts = np.searchsorted(codes[order], np.arange(len(sites.labels) + 1))
    columns = {name: values[order] for name, values in columns.items()}
    alike: dict[Grid, list[tuple[str, slice]]] = {}
    for code in sorted(range(len(sites.labels)), key=sites.labels.__getitem__):
        own = slice(cuts[code], cuts[code + 1])
        if "generation_kwh" in columns and np.isnan(columns["generation_kwh"][own]).all():
            columns["generation_kwh"][own] = (
                0.0  # a home without panels among others: the column has nothing for it
            )
        grid = _checked(sites.labels[code], {name: values[own] for name, values in columns.items()})
        alike.setdefault(grid, []).append((sites.labels[code], own))
    for grid, members in alike.items():
        table = {
            name: np.stack([columns[name][own] for _, own in members])
            for name in _KWH
            if name in columns
        }
        yield Block(
            tuple(site for site, _ in members),
            grid,
            table["consumption_kwh"],
            table.get("generation_kwh"),
        )


def _checked(site: str, columns: dict[str, np.ndarray]) -> Grid:
    start = columns["start_utc"]
    for name in _KWH:
        if name in columns:
            values = columns[name]
            wrong, problem = (
                ~(values >= 0) | np.isinf(values),
                f"{name} is missing, negative or infinite",
            )
            _refuse(
                site,
                start,
                wrong,
                problem,
                "write what was measured or estimated; no reading is not 0",
            )
    if len(start) < 2:
        raise InputError(
            f"energy, site {site}: a single interval; two or more are needed to know their length"
        )
    steps = np.diff(start)
    step = int(np.min(steps))
    _refuse(site, start[1:], steps == 0, "the time is there twice", "keep one of the rows")
    hole = f"no interval; the others are {step / 6e7:g} minutes long"
    _refuse(
        site,
        start[:-1] + step,
        steps != step,
        hole,
        "fill the hole, or rate what is before and after it apart",
    )
    return Grid(int(start[0]), step, len(start))


def _refuse(site: str, start: Int64, wrong: np.ndarray, problem: str, mend: str) -> None:
    if wrong.any():
        first = int(np.argmax(wrong))
        when = format_times(start[first : first + 1].view("datetime64[us]"))[0]
        more = f" (and {count - 1} more such times)" if (count := int(wrong.sum())) > 1 else ""
        raise InputError(f"energy, site {site}, {when}: {problem}{more}; {mend}")
