"""``fk.bill``: what energy costs each site, by component."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, TypeVar

import numpy as np

from flipkit.calendar import check_dates
from flipkit.checks import instance_of, repeated_names
from flipkit.errors import InputError
from flipkit.frames import BILL, Finding, Frame, as_text, library_of, returns
from flipkit.tariffs.model import Tariff, all_findings
from flipkit.tariffs.rating.energy import Block, Energy, map_threads, read_energy, row_slices
from flipkit.tariffs.rating.findings import (
    check_site,
    cut_findings,
    findings_by_part,
)
from flipkit.tariffs.rating.rate_block import PartBill, rate
from flipkit.tariffs.rating.sums import COMPILED, EnergySums, Line

__all__ = ["LARGE", "bill", "jobs_of", "named_tariffs", "object_array", "over_blocks"]

LARGE = 12_000_000
"""Intervals from which on compiled code rates a block; numpy is done with less before it is loaded.

The bits are the same, so only the time depends on it.
"""
LARGE_ONCE_LOADED = 1_000_000

_BY_ROW = ("month", "component", "quantity", "unit", "cost", "currency", "finding")

Result = TypeVar("Result")


@returns(BILL)
def bill(
    energy: Any,
    tariff: Tariff | Mapping[str, Tariff] | Iterable[Tariff],
    *,
    billing_dates: Iterable[Any] | None = None,
    strict: bool = False,
) -> Frame:
    """Rate energy: the components of each month sum to its bill, the months to the year.

    Imports and exports are netted within each interval. Energy is spread evenly over its interval:
    an interval across a price change or the end of a month is split in proportion to time. Amounts
    are not rounded.

    Parameters
    ----------
    energy : pandas.DataFrame or polars.DataFrame
        ``site_id, start_utc, consumption_kwh`` and, optionally, ``generation_kwh``, in kWh. Each
        site has intervals of one length, without gaps. Negative generation, which an inverter
        draws, counts as consumption. Optional ``timezone`` and ``currency`` must be those of the
        site's tariffs; a time zone that keeps the same clock is the same.
    tariff : Tariff, mapping of str to Tariff, or iterable of Tariff
        One tariff for all sites; one per site, by its id; or several, and every site is rated under
        each of them.
    billing_dates : iterable of date or str, optional
        First local day of each billing period, and the day after the last one. Calendar months by
        default.
    strict : bool, default False
        Whether one site whose energy cannot be rated is an error. If not, it has one row with a
        finding and nulls, and the other sites are rated; it is an error if no site can be rated.

    Returns
    -------
    DataFrame
        In the library of `energy`. The components are ``energy {period}``, with `` tier {n}`` where
        there are tiers, ``demand {name}``, ``fixed {name}``, ``adder {name}``, ``export {period}``
        (credits are negative), ``carry over``, ``minimum`` and ``tax {name}``.

        Findings of a row: ``period.cut`` where a billing period is cut short, ``export.unpaid``
        where exports earn nothing, ``carry_over.open`` where something carried over is not settled,
        ``carry_over.expired`` where kWh or credit are lost at a true-up, ``minimum.open`` where a
        yearly minimum is not applied, ``demand.history`` where a billing demand looks back beyond
        the energy, ``adder.spread`` where an adder by hour meets net metering. On the first row of
        each billing period, those of the tariff: what its reader assumed or could not price
        (`Tariff.findings`), ``price.unit`` (pence for pounds), ``interval.coarse`` (intervals
        across a change of price, or longer than demand is measured). On the first row of a site
        under a tariff, those of its energy: ``generation.negative`` and the likely slips
        ``energy.unit`` (Wh or MWh for kWh), ``energy.register`` (readings of a register) and
        ``energy.peak`` (a stray reading). No value is changed. On the row of a site that is not
        rated: ``energy.gap``, ``energy.step`` (from 30 to 15 minutes, say), ``energy.repeated``,
        ``energy.invalid`` or ``energy.single``.

    Raises
    ------
    MissingColumnError
        A column is absent.
    NaiveTimestampError
        A time has no zone.
    InputError
        Energy that cannot be rated (names site and time; see `strict`), a site without a tariff or
        in another time zone or currency than its tariff, or a tariff or billing dates that do not
        cover the energy (names the first time that is not covered).

    See Also
    --------
    bill_matrix : Every site under every tariff, ranked.

    Examples
    --------
    >>> import flipkit as fk
    >>> tariff = fk.Tariff.flat(0.28, currency="GBP", timezone="Europe/London")
    >>> fk.bill(energy, tariff)  # doctest: +SKIP
    """
    library = library_of(energy)
    dates = check_dates(billing_dates)
    tariffs = named_tariffs(tariff)
    metered = read_energy(energy, strict=strict)
    jobs = jobs_of(metered, tariffs)

    def rate_all(sums: EnergySums, each: list[Tariff]) -> list[_BillTable]:
        return [_bill_table(sums, one, dates, metered.findings) for one in each]

    tables = []
    for done in over_blocks(jobs, rate_all):
        tables += done
    tables += _refused_tables(metered, tariffs)
    return BILL.build(_sorted_rows(tables), library, ordered=True)


def named_tariffs(tariff: Any) -> dict[str, Tariff] | list[Tariff]:
    """The tariffs that the user gave: by site, or a list sorted by name."""
    if isinstance(tariff, Tariff):
        return [tariff]
    if isinstance(tariff, str) or not isinstance(tariff, Iterable):
        got = type(tariff).__name__
        raise InputError(f"tariff: expected a Tariff, a mapping of site ids, or a list, got {got}")
    if isinstance(tariff, Mapping):
        by_site = dict(tariff)
        for site, each in by_site.items():
            instance_of(each, Tariff, f"tariff, {site!r}")
        return by_site
    several = list(tariff)
    for number, each in enumerate(several):
        instance_of(each, Tariff, f"tariff, {number}")
    if not several:
        raise InputError("tariffs: none given; give at least one")
    names = [each.name for each in several]
    repeated = repeated_names(names)
    if repeated:
        which = ", ".join(map(repr, repeated))
        raise InputError(f"tariffs: named {which} more than once; give each a different name")
    return sorted(several, key=lambda each: each.name)


def jobs_of(
    energy: Energy, tariffs: dict[str, Tariff] | list[Tariff]
) -> list[tuple[Block, list[Tariff]]]:
    """Sites that are rated together, and their tariffs."""
    _check_all_have_tariffs(energy, tariffs)
    jobs: list[tuple[Block, list[Tariff]]] = []
    for block in energy.blocks:
        if isinstance(tariffs, dict):
            jobs += _by_tariff(block, tariffs)
        else:
            jobs.append((block, tariffs))
    if not energy.timezones and not energy.currencies:
        return jobs
    for block, of_sites in jobs:
        for site in block.site_ids:
            for tariff in of_sites:
                check_site(energy, site, tariff, block.grid)
    return jobs


def _check_all_have_tariffs(energy: Energy, tariffs: dict[str, Tariff] | list[Tariff]) -> None:
    if isinstance(tariffs, list):
        return
    for site_ids in (*(block.site_ids for block in energy.blocks), tuple(energy.refused)):
        missing = [site for site in site_ids if site not in tariffs]
        if missing:
            others = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
            raise InputError(
                f"energy, site {missing[0]}{others}: no tariff; the mapping needs one for each site"
            )


def _by_tariff(block: Block, tariffs: dict[str, Tariff]) -> list[tuple[Block, list[Tariff]]]:
    """The sites of a block that have the same tariff together."""
    # Equal tariffs may have different findings.
    members: dict[tuple[Tariff, tuple[str, ...]], list[int]] = {}
    for row, site in enumerate(block.site_ids):
        tariff = tariffs[site]
        members.setdefault((tariff, all_findings(tariff)), []).append(row)
    return [(block.rows(np.array(rows)), [tariff]) for (tariff, _), rows in members.items()]


def over_blocks(
    jobs: list[tuple[Block, list[Tariff]]], work: Callable[[EnergySums, list[Tariff]], Result]
) -> list[Result]:
    """Run `work` on every block; large blocks in parts, one for each processor, in threads.

    Sites are independent, so neither their number nor that of the parts changes a bit of the
    results.
    """
    parts: list[tuple[Block, list[Tariff], bool]] = []
    for block, tariffs in jobs:
        if is_large(block):
            for rows in row_slices(len(block.site_ids)):
                parts.append((block.rows(rows), tariffs, True))
        else:
            parts.append((block, tariffs, False))

    def run(part: tuple[Block, list[Tariff], bool]) -> Result:
        block, tariffs, compiled = part
        return work(EnergySums(block, compiled), tariffs)

    if any(compiled for _, _, compiled in parts):
        return map_threads(run, parts)
    return [run(part) for part in parts]


def is_large(block: Block) -> bool:
    """Whether a block is worth compiled code."""
    # Once the compiled code is loaded, smaller blocks are worth it.
    least = min(LARGE, LARGE_ONCE_LOADED) if COMPILED in sys.modules else LARGE
    return block.consumption_kwh.size >= least


class _BillRow(NamedTuple):
    """One line of one billing period, for all sites of a block, and its findings."""

    line: Line
    period: int
    month: str
    findings: list[str]


class _BillTable(NamedTuple):
    """The bills of some sites under one tariff; the rows of a site are adjacent and in order.

    Attributes
    ----------
    site_ids : tuple of str
    tariff : str
    columns : dict of str to ndarray, shape (sites, rows), or (rows,) where all sites have the same
    kept : ndarray of bool, shape (sites, rows)
        Rows that are in the bill.
    """

    site_ids: tuple[str, ...]
    tariff: str
    columns: dict[str, np.ndarray]
    kept: np.ndarray


def _bill_table(
    sums: EnergySums,
    tariff: Tariff,
    dates: tuple[str, ...] | None,
    site_findings: Mapping[str, tuple[Finding, ...]],
) -> _BillTable:
    bills = rate(sums, tariff, dates)
    of_parts = findings_by_part(tariff, bills)
    rows: list[_BillRow] = []
    for each, findings in zip(bills, of_parts, strict=True):
        rows += _rows_of(each, findings, is_alone=len(bills) == 1)
    quantity = np.stack([row.line.quantity[:, row.period] for row in rows], axis=1)
    columns = {
        "month": object_array([row.month for row in rows]),
        "component": object_array([row.line.text for row in rows]),
        "quantity": quantity,
        "unit": object_array([row.line.unit for row in rows]),
        "cost": np.stack([row.line.cost[:, row.period] for row in rows], axis=1),
        "currency": object_array([tariff.currency] * len(rows)),
        "finding": _findings(rows, sums.block.site_ids, site_findings),
    }
    is_sparse = np.array([row.line.sparse for row in rows], dtype=bool)
    kept = ~is_sparse | (quantity != 0.0)
    return _BillTable(sums.block.site_ids, tariff.name, columns, kept)


def _refused_tables(
    energy: Energy, tariffs: dict[str, Tariff] | list[Tariff]
) -> Iterator[_BillTable]:
    """One row for each site that cannot be rated, under each of its tariffs: its finding alone."""
    for site, finding in energy.refused.items():
        for tariff in [tariffs[site]] if isinstance(tariffs, dict) else tariffs:
            columns = {
                "month": object_array([None]),
                "component": object_array([None]),
                "quantity": np.array([np.nan]),
                "unit": object_array([None]),
                "cost": np.array([np.nan]),
                "currency": object_array([tariff.currency]),
                "finding": object_array([as_text([finding])]),
            }
            yield _BillTable((site,), tariff.name, columns, kept=np.ones((1, 1), dtype=bool))


def object_array(values: Sequence[str | None]) -> np.ndarray:
    """Return strings as an array of objects."""
    return np.array(values, dtype=object)


def _rows_of(bill_of: PartBill, part_findings: list[Finding], is_alone: bool) -> Iterator[_BillRow]:
    """The lines that are shown, period by period; `is_alone`: no other tariff is in force.

    The findings of the tariff are on the first row of each billing period.
    """
    cut = cut_findings(bill_of, is_alone)
    for period, month in enumerate(bill_of.billing.labels):
        of_period = list(map(str, part_findings))
        for line in bill_of.lines:
            if not line.shown[period]:
                continue
            findings = list(map(str, cut[period]))
            # A sparse line may be left out of the bill.
            if not line.sparse:
                findings = of_period + findings
                of_period = []
            yield _BillRow(line, period, month, findings)


def _findings(
    rows: list[_BillRow],
    site_ids: tuple[str, ...],
    site_findings: Mapping[str, tuple[Finding, ...]],
) -> np.ndarray:
    """The finding of each row; by site too, where one holds for some sites only."""
    texts = object_array([as_text(row.findings) for row in rows])
    notes = {number: row.line.site_notes(row.period) for number, row in enumerate(rows)}
    noted = {number: of_sites for number, of_sites in notes.items() if of_sites is not None}
    if not noted and site_findings.keys().isdisjoint(site_ids):
        return texts
    findings = np.tile(texts, (len(site_ids), 1))
    for number, of_sites in noted.items():
        for site in np.flatnonzero(of_sites).tolist():
            findings[site, number] = as_text([texts[number], of_sites[site]])
    # What holds for all of a site's energy is on the first row of its bill.
    first = next(number for number, row in enumerate(rows) if not row.line.sparse)
    for site, site_id in enumerate(site_ids):
        if site_id in site_findings:
            of_site = as_text(site_findings[site_id])
            findings[site, first] = as_text([of_site, findings[site, first]])
    return findings


def _sorted_rows(tables: list[_BillTable]) -> dict[str, np.ndarray]:
    """The columns of all rows, by site and tariff."""
    keys = [(site, table.tariff) for table in tables for site in table.site_ids]
    counts = np.concatenate([table.kept.sum(axis=1) for table in tables])
    columns = {}
    for name in _BY_ROW:
        columns[name] = np.concatenate([_kept(table, name) for table in tables])
    columns["site_id"] = np.repeat(object_array([site for site, _ in keys]), counts)
    columns["tariff"] = np.repeat(object_array([tariff for _, tariff in keys]), counts)

    # Most frames come sorted by site, and are spared a copy of all columns.
    order = sorted(range(len(keys)), key=keys.__getitem__)
    if order == list(range(len(keys))):
        return columns
    heads = np.append(0, np.cumsum(counts))
    rows = np.concatenate([np.arange(heads[key], heads[key + 1]) for key in order])
    return {name: values[rows] for name, values in columns.items()}


def _kept(table: _BillTable, name: str) -> np.ndarray:
    """A column of the rows that are in the bill, site by site."""
    values: np.ndarray = np.broadcast_to(table.columns[name], table.kept.shape)[table.kept]
    return values
