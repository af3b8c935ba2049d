"""``fk.bill`` and ``fk.bill_matrix``: what energy costs each site, by component and by tariff."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, TypeVar

import numpy as np

from flipkit.calendar import BillingPeriods, check_dates
from flipkit.checks import instance_of, repeated_names
from flipkit.errors import InputError
from flipkit.frames import BILL, BILL_MATRIX, Frame, library_of, returns
from flipkit.tariffs.model import TIER_RULES, Tariff, TierRule, has_tiers, parts_of
from flipkit.tariffs.rating.energy import Block, map_threads, read_blocks, row_slices
from flipkit.tariffs.rating.rate_block import PartBill, price_together, rate, total_cost
from flipkit.tariffs.rating.sums import COMPILED, EnergySums, Line
from flipkit.vocabulary import Float64, Int64

__all__ = ["LARGE", "bill", "bill_matrix"]

LARGE = 12_000_000
"""Intervals from which on compiled code rates a block; numpy is done with less before it is loaded.

The bits are the same, so only the time depends on it.
"""
LARGE_ONCE_LOADED = 1_000_000

# Of the highest cost: tariffs that differ by less cost the same, but for the noise of floats.
_SAME = 1e-9

_BY_ROW = ("month", "component", "quantity", "unit", "cost", "currency", "finding")

Result = TypeVar("Result")


@returns(BILL)
def bill(
    energy: Any,
    tariff: Tariff | Mapping[str, Tariff] | Iterable[Tariff],
    *,
    billing_dates: Iterable[Any] | None = None,
) -> Frame:
    """Rate energy: the components of each month sum to its bill, the months to the year.

    Imports and exports are netted within each interval. Energy is spread evenly over its interval:
    an interval across a price change or the end of a month is split in proportion to time. Amounts
    are not rounded.

    Parameters
    ----------
    energy : pandas.DataFrame or polars.DataFrame
        ``site_id, start_utc, consumption_kwh`` and, optionally, ``generation_kwh``, in kWh. Each
        site has intervals of one length, without gaps.
    tariff : Tariff, mapping of str to Tariff, or iterable of Tariff
        One tariff for all sites; one per site, by its id; or several, and every site is rated under
        each of them.
    billing_dates : iterable of date or str, optional
        First local day of each billing period, and the day after the last one. Calendar months by
        default.

    Returns
    -------
    DataFrame
        In the library of `energy`. The components are ``energy {period}``, with `` tier {n}`` where
        there are tiers, ``demand {name}``, ``fixed {name}``, ``adder {name}``, ``export {period}``
        (credits are negative), ``carry over``, ``minimum`` and ``tax {name}``. Findings:
        ``period.cut`` where a billing period is cut short, ``export.unpaid`` where exports earn
        nothing, ``carry_over.open`` where something carried over is not settled,
        ``carry_over.expired`` where kWh or credit are lost at a true-up, ``minimum.open`` where a
        yearly minimum is not applied.

    Raises
    ------
    MissingColumnError
        A column is absent.
    NaiveTimestampError
        A time has no zone.
    InputError
        Energy that cannot be rated (names site and time), a site without a tariff, or a tariff or
        billing dates that do not cover the energy (names the first time that is not covered).

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
    tariffs = _named_tariffs(tariff)
    jobs = []
    for block in read_blocks(energy):
        if isinstance(tariffs, dict):
            jobs += _by_tariff(block, tariffs)
        else:
            jobs.append((block, tariffs))

    def rate_all(sums: EnergySums, each: list[Tariff]) -> list[_BillTable]:
        return [_bill_table(sums, one, rate(sums, one, dates)) for one in each]

    tables = []
    for done in _over_blocks(jobs, rate_all):
        tables += done
    return BILL.build(_sorted_rows(tables), library, ordered=True)


@returns(BILL_MATRIX)
def bill_matrix(
    energy: Any, tariffs: Iterable[Tariff], *, billing_dates: Iterable[Any] | None = None
) -> Frame:
    """Rate every site under every tariff, and rank the tariffs of each site by cost.

    Tariffs with the same hours share one pass over the energy.

    Parameters
    ----------
    energy : pandas.DataFrame or polars.DataFrame
        As in `bill`.
    tariffs : iterable of Tariff
        In one currency, each with a different name.
    billing_dates : iterable of date or str, optional
        As in `bill`.

    Returns
    -------
    DataFrame
        In the library of `energy`; one row per site and tariff. Costs that differ by less than a
        billionth of the site's highest count as equal: the first by name ranks first, and the
        regret of all that equal the best is 0.

    Raises
    ------
    MissingColumnError, NaiveTimestampError
        As in `bill`.
    InputError
        As in `bill`; or tariffs in several currencies, which are never compared.

    See Also
    --------
    bill : The components of each bill.

    Examples
    --------
    >>> import flipkit as fk
    >>> flat = fk.Tariff.flat(0.28, currency="GBP", timezone="Europe/London", name="Flat")
    >>> cheap = fk.Tariff.flat(0.25, currency="GBP", timezone="Europe/London", name="Cheap")
    >>> fk.bill_matrix(energy, [flat, cheap])  # doctest: +SKIP
    """
    candidates = _named_tariffs(tariffs)
    if isinstance(candidates, dict):
        raise InputError(
            "tariffs: expected a list, got a mapping; every site is rated under every tariff"
        )
    currencies = sorted({tariff.currency for tariff in candidates})
    if len(currencies) > 1:
        raise InputError(
            f"tariffs in {', '.join(currencies)}: currencies are never compared; give one only"
        )
    library = library_of(energy)
    dates = check_dates(billing_dates)
    jobs = [(block, candidates) for block in read_blocks(energy)]
    done = _over_blocks(jobs, lambda sums, each: _site_costs(sums, each, dates))
    columns = _matrix_columns(done, candidates, currencies[0])
    return BILL_MATRIX.build(columns, library, ordered=True)


def _named_tariffs(tariff: Any) -> dict[str, Tariff] | list[Tariff]:
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


def _by_tariff(block: Block, tariffs: dict[str, Tariff]) -> list[tuple[Block, list[Tariff]]]:
    """The sites of a block that have the same tariff together."""
    missing = [site for site in block.site_ids if site not in tariffs]
    if missing:
        others = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
        raise InputError(
            f"energy, site {missing[0]}{others}: no tariff; the mapping needs one for each site"
        )
    members: dict[Tariff, list[int]] = {}
    for row, site in enumerate(block.site_ids):
        members.setdefault(tariffs[site], []).append(row)
    return [(block.rows(np.array(rows)), [tariff]) for tariff, rows in members.items()]


def _over_blocks(
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
    # Whoever has loaded the compiled code before has paid for it.
    least = min(LARGE, LARGE_ONCE_LOADED) if COMPILED in sys.modules else LARGE
    return block.consumption_kwh.size >= least


class _BillRow(NamedTuple):
    """One line of one billing period, for all sites of a block."""

    line: Line
    period: int
    month: str
    cut: str | None


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


def _bill_table(sums: EnergySums, tariff: Tariff, bills: list[PartBill]) -> _BillTable:
    rows: list[_BillRow] = []
    for each in bills:
        rows += _rows_of(each, is_alone=len(bills) == 1)
    quantity = np.stack([row.line.quantity[:, row.period] for row in rows], axis=1)
    columns = {
        "month": _object_array([row.month for row in rows]),
        "component": _object_array([row.line.text for row in rows]),
        "quantity": quantity,
        "unit": _object_array([row.line.unit for row in rows]),
        "cost": np.stack([row.line.cost[:, row.period] for row in rows], axis=1),
        "currency": _object_array([tariff.currency] * len(rows)),
        "finding": _findings(rows, len(quantity)),
    }
    is_sparse = np.array([row.line.sparse for row in rows], dtype=bool)
    kept = ~is_sparse | (quantity != 0.0)
    return _BillTable(sums.block.site_ids, tariff.name, columns, kept)


def _object_array(values: Sequence[str | None]) -> np.ndarray:
    return np.array(values, dtype=object)


def _rows_of(bill_of: PartBill, is_alone: bool) -> Iterator[_BillRow]:
    """The lines that are shown, period by period; `is_alone`: no other tariff is in force."""
    cut = _cut_findings(bill_of.billing, None if is_alone else bill_of.tariff.name)
    for period, month in enumerate(bill_of.billing.labels):
        for line in bill_of.lines:
            if line.shown[period]:
                yield _BillRow(line, period, month, cut[period])


def _cut_findings(billing: BillingPeriods, tariff: str | None) -> list[str | None]:
    """The finding of billing periods that a change of tariff (named) or the energy cuts short."""
    under = "" if tariff is None else f", under {tariff}"
    findings: list[str | None] = []
    for days, share in zip(billing.days.tolist(), billing.share.tolist(), strict=True):
        text = f"period.cut: {days:.6g} of {days / share:.6g} days{under}"
        findings.append(None if share == 1.0 else text)
    return findings


def _findings(rows: list[_BillRow], sites: int) -> np.ndarray:
    """The finding of each row; where a note holds for some sites only, by site."""
    cuts = _object_array([row.cut for row in rows])
    notes = {number: row.line.site_notes(row.period) for number, row in enumerate(rows)}
    noted = {number: texts for number, texts in notes.items() if texts is not None}
    if not noted:
        return cuts
    findings = np.tile(cuts, (sites, 1))
    for number, texts in noted.items():
        cut = rows[number].cut
        for site in np.flatnonzero(texts).tolist():
            known = [text for text in (cut, texts[site]) if text is not None]
            findings[site, number] = "; ".join(known)
    return findings


def _sorted_rows(tables: list[_BillTable]) -> dict[str, np.ndarray]:
    """The columns of all rows, by site and tariff."""
    keys = [(site, table.tariff) for table in tables for site in table.site_ids]
    counts = np.concatenate([table.kept.sum(axis=1) for table in tables])
    columns = {}
    for name in _BY_ROW:
        columns[name] = np.concatenate([_kept(table, name) for table in tables])
    columns["site_id"] = np.repeat(_object_array([site for site, _ in keys]), counts)
    columns["tariff"] = np.repeat(_object_array([tariff for _, tariff in keys]), counts)

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


class _SiteCosts(NamedTuple):
    """Costs of some sites under every tariff.

    Attributes
    ----------
    site_ids : tuple of str
    cost, rule_spread : ndarray of float64, shape (sites, tariffs)
    """

    site_ids: tuple[str, ...]
    cost: Float64
    rule_spread: Float64


def _site_costs(
    sums: EnergySums, tariffs: list[Tariff], dates: tuple[str, ...] | None
) -> _SiteCosts:
    """Rate the sites under every tariff; those with the same hours one after another."""
    cost = np.zeros((sums.sites, len(tariffs)))
    spread = np.zeros((sums.sites, len(tariffs)))
    price_together(sums, tariffs, dates)
    # Sums of energy are kept for a few calendars only.
    for number in sorted(range(len(tariffs)), key=lambda each: _hours_key(tariffs[each])):
        tariff = tariffs[number]
        cost[:, number] = total_cost(rate(sums, tariff, dates))
        others = [total_cost(rate(sums, tariff, dates, rule)) for rule in _other_rules(tariff)]
        if others:
            spread[:, number] = _relative_spread(cost[:, number], others)
    return _SiteCosts(sums.block.site_ids, cost, spread)


def _relative_spread(cost: Float64, others: list[Float64]) -> Float64:
    """Highest less lowest cost over the cost; NaN where that is 0."""
    costs = np.stack([cost, *others])
    spread = costs.max(axis=0) - costs.min(axis=0)
    unknown = np.full(len(cost), np.nan)
    relative: Float64 = np.divide(spread, np.abs(cost), out=unknown, where=cost != 0.0)
    return relative


def _hours_key(tariff: Tariff) -> int:
    """A number that is equal for tariffs with the same hours."""
    rates = [rate for part in parts_of(tariff) for rate in part.rates]
    hours = [(rate.start, rate.end, rate.months, rate.days) for rate in rates]
    return hash((tariff.timezone, tuple(hours)))


def _other_rules(tariff: Tariff) -> list[TierRule]:
    """The other rules by which the tiers of a tariff can be filled."""
    parts = parts_of(tariff)
    used = {part.tier_rule for part in parts if has_tiers(part)}
    if not used:
        return []
    others: list[TierRule] = [rule for rule in TIER_RULES if used != {rule}]
    nets = any(part.export is not None and part.export.mode == "net_metering" for part in parts)
    # Net metering has no order in time: what is left of a billing period is charged.
    return [rule for rule in others if not (nets and rule == "chronological")]


def _rank(cost: Float64) -> tuple[Int64, Float64]:
    """Rank (from 1) and regret of tariffs by site; equal costs rank in the order of the columns."""
    order = np.argsort(cost, axis=1, kind="stable")
    ascending = np.take_along_axis(cost, order, axis=1)
    noise = _SAME * np.abs(cost).max(axis=1, keepdims=True)
    is_higher = np.diff(ascending, axis=1) > noise
    # Costs that follow each other within the noise are on one level.
    level = np.zeros(cost.shape, dtype=np.int64)
    np.put_along_axis(level, order[:, 1:], np.cumsum(is_higher, axis=1), axis=1)
    by_level = np.argsort(level, axis=1, kind="stable")
    rank = np.argsort(by_level, axis=1) + 1
    regret = np.where(level == 0, 0.0, cost - ascending[:, :1])
    return rank, regret


def _matrix_columns(done: list[_SiteCosts], tariffs: list[Tariff], currency: str) -> dict[str, Any]:
    sites = [site for each in done for site in each.site_ids]
    order = sorted(range(len(sites)), key=sites.__getitem__)
    cost = np.concatenate([each.cost for each in done])[order]
    spread = np.concatenate([each.rule_spread for each in done])[order]
    rank, regret = _rank(cost)
    return {
        "site_id": np.repeat(_object_array(sorted(sites)), len(tariffs)),
        "tariff": np.tile(_object_array([tariff.name for tariff in tariffs]), len(sites)),
        "cost": cost.ravel(),
        "currency": currency,
        "rank": rank.ravel().astype(np.float64),
        "best": (rank == 1).ravel(),
        "regret": regret.ravel(),
        "rule_spread": spread.ravel(),
    }
