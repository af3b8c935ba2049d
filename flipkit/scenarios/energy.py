"""The energy of each site, checked: one step, no hole, nothing negative."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from flipkit.errors import InputError
from flipkit.frames import format_times, take

__all__ = ["SiteEnergy", "read_energy"]

Float64 = npt.NDArray[np.float64]
Int64 = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class SiteEnergy:
    """A site's energy by interval.

    Attributes
    ----------
    site_id : str
    start_us, end_us : ndarray of int64, shape (n,)
        One interval after another, all of the same length.
    consumption_kwh, generation_kwh : ndarray of float64, shape (n,)
    """

    site_id: str
    start_us: Int64
    end_us: Int64
    consumption_kwh: Float64
    generation_kwh: Float64

    @property
    def window(self) -> tuple[int, int]:
        """First start and last end."""
        return int(self.start_us[0]), int(self.end_us[-1])


def read_energy(energy: Any) -> list[SiteEnergy]:
    """Energy by site, in the order of their ids.

    Parameters
    ----------
    energy : DataFrame
        ``site_id, start_utc, consumption_kwh`` and, where there is any, ``generation_kwh``. Sites may have different
        steps.

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
        numbers=["consumption_kwh", "generation_kwh"],
        texts=["site_id"],
        optional=["generation_kwh"],
        what="energy",
    )
    if not len(columns["site_id"]):
        raise InputError("energy: no rows")
    if np.isnan(columns["generation_kwh"]).all():
        columns["generation_kwh"] = np.zeros(len(columns["site_id"]))
    return [_site(site, {k: v[rows] for k, v in columns.items()}) for site, rows in _groups(columns["site_id"])]


def _groups(sites: np.ndarray) -> list[tuple[str, Int64]]:
    if any(site is None for site in sites):
        raise InputError(f"energy, row {[site is None for site in sites].index(True)}: no site_id")
    names, codes = np.unique(sites.astype(str), return_inverse=True)
    order = np.argsort(codes, kind="stable")
    cuts = np.searchsorted(codes[order], np.arange(1, len(names)))
    return list(zip(names.tolist(), np.split(order, cuts), strict=True))


def _site(site: str, columns: dict[str, np.ndarray]) -> SiteEnergy:
    order = np.argsort(columns["start_utc"], kind="stable")
    start = columns["start_utc"][order].view(np.int64)
    consumption, generation = columns["consumption_kwh"][order], columns["generation_kwh"][order]
    for name, values in (("consumption_kwh", consumption), ("generation_kwh", generation)):
        _refuse(site, start, ~(values >= 0) | np.isinf(values), f"{name} is missing, negative or infinite")
    if len(start) < 2:
        raise InputError(f"energy, site {site}: a single interval; two or more are needed to know their length")
    steps = np.diff(start)
    step = int(np.min(steps))
    _refuse(site, start[1:], steps == 0, "the time is there twice")
    _refuse(site, start[:-1] + step, steps != step, f"no interval; the others are {step / 6e7:g} minutes long")
    return SiteEnergy(site, start, start + step, consumption, generation)


def _refuse(site: str, start: Int64, wrong: np.ndarray, why: str) -> None:
    if wrong.any():
        first = int(np.argmax(wrong))
        when = format_times(start[first : first + 1].view("datetime64[us]"))[0]
        raise InputError(f"energy, site {site}, {when}: {why} ({int(wrong.sum())} such intervals)")
