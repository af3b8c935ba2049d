"""``fk.bill``: what the energy of each site costs, month by month, component by component."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, NamedTuple, TypeVar

import numpy as np

from flipkit.calendar import BillingPeriods, check_dates
from flipkit.errors import InputError
from flipkit.frames import BILL, Frame, library_of, returns
from flipkit.tariffs.model import Tariff
from flipkit.tariffs.rating.energy import Block, read_blocks
from flipkit.tariffs.rating.lines import Line
from flipkit.tariffs.rating.rating import PartBill, rate
from flipkit.tariffs.rating.threads import at_once, shares
from flipkit.tariffs.rating.usage import COMPILED, EnergySums

__all__ = ["bill", "is_large", "named_tariffs", "over_blocks"]

# From how many intervals on a block is rated by compiled code. Below, numpy is done before that code is loaded; once it
# is there, it pays sooner. Their bits are the same, so nothing but the time depends on it.
LARGE, LARGE_ONCE_LOADED = 12_000_000, 1_000_000

Result = TypeVar("Result")


@returns(BILL)
def bill(
    energy: Any,
    tariff: Tariff | Mapping[str, Tariff] | Iterable[Tariff],
    *,
    billing_dates: Iterable[Any] | None = None,
) -> Frame:
    """Rate energy: the components of each month sum to its bill, the months to the year.

    Imports and exports are netted within each interval. Energy is spread evenly over its interval, so an interval
    across a price change, or across the end of a month, is split in proportion to time. Amounts are not rounded.

    Parameters
    ----------
    energy : pandas.DataFrame or polars.DataFrame
        ``site_id, start_utc, consumption_kwh`` and, where there is any, ``generation_kwh``; one step a site, no holes.
    tariff : Tariff, mapping of str to Tariff, or iterable of Tariff
        One for all sites, one for each site by its id, or several: then every site is rated under each.
    billing_dates : iterable of date or str, optional
        First days of the billing periods (local dates), the last ending the last one; calendar months by default.

    Returns
    -------
    DataFrame
        In the library of `energy`. Components are ``energy {period}``, with `` tier {n}`` where there are tiers,
        ``demand {name}``, ``fixed {name}``, ``adder {name}``, ``export {period}`` (credits are negative),
        ``carry over``, ``minimum`` and ``tax {name}``. A finding says where a billing period is cut short, where
        exports earn nothing, and where something carried over stays open.

    Raises
    ------
    MissingColumnError, NaiveTimestampError
        A column is absent, a time has no zone.
    InputError
        Energy that is not usable (names site and time), a site without a tariff, a tariff or billing dates that do not
        cover the energy (names the first time without).

    Examples
    --------
    >>> import flipkit as fk
    >>> fk.bill(energy, fk.Tariff.flat(0.28, currency="GBP", timezone="Europe/London"))  # doctest: +SKIP
    """
    library, dates, plans = library_of(energy), check_dates(billing_dates), named_tariffs(tariff)
    blocks = read_blocks(energy)
    if isinstance(plans, dict):
        jobs = [(part, [each]) for block in blocks for part, each in _by_tariff(block, plans)]
    else:
        jobs = [(block, plans) for block in blocks]
    done = over_blocks(
        jobs, lambda usage, each: [_rows(usage, plan, rate(usage, plan, dates)) for plan in each]
    )
    tables = [table for job in done for table in job]
    return BILL.build(_in_order(tables), library, ordered=True)


def named_tariffs(tariff: Any) -> dict[str, Tariff] | list[Tariff]:
    """Tariffs as asked for: by site, or a list in the order of their names.

    Raises
    ------
    InputError
        Something else than tariffs, none at all, a name twice in a list.
    """
    if isinstance(tariff, Tariff):
        return [tariff]
    if isinstance(tariff, str) or not isinstance(tariff, Iterable):
        raise InputError(
            f"tariff: expected a Tariff, a mapping of site ids, or a list, got {type(tariff).__name__}"
        )
    found = dict(tariff) if isinstance(tariff, Mapping) else list(tariff)
    for place, each in found.items() if isinstance(found, dict) else enumerate(found):
        if not isinstance(each, Tariff):
            raise InputError(f"tariff, {place!r}: expected a Tariff, got {type(each).__name__}")
    if isinstance(found, dict):
        return found
    names = [each.name for each in found]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice or not found:
        what = f"named {', '.join(map(repr, twice))} more than once; give each a name of its own"
        raise InputError(f"tariffs: {what if twice else 'none given; give at least one'}")
    return sorted(found, key=lambda each: each.name)


def over_blocks(
    jobs: list[tuple[Block, list[Tariff]]], work: Callable[[EnergySums, list[Tariff]], Result]
) -> list[Result]:
    """Run `work` on every block; large blocks in parts, one for each processor, at once.

    Sites do not touch one another, so neither their number nor that of the parts changes a bit of the results.
    """
    parts = [(part, large, plans) for block, plans in jobs for part, large in _shares(block)]
    if not any(large for _, large, _ in parts):
        return [work(EnergySums(part, False), plans) for part, _, plans in parts]
    return at_once(lambda each: work(EnergySums(each[0], each[1]), each[2]), parts)


def _shares(block: Block) -> Iterator[tuple[Block, bool]]:
    if not is_large(block):
        yield block, False
        return
    for rows in shares(len(block.site_ids)):
        yield block.rows(rows), True


def is_large(block: Block) -> bool:
    """Whether a block is worth compiled code."""
    return block.consumption_kwh.size >= (
        min(LARGE, LARGE_ONCE_LOADED) if COMPILED in sys.modules else LARGE
    )


def _by_tariff(block: Block, plans: dict[str, Tariff]) -> list[tuple[Block, Tariff]]:
    """The sites of a block that have the same tariff together."""
    missing = [site for site in block.site_ids if site not in plans]
    if missing:
        others = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
        raise InputError(
            f"energy, site {missing[0]}{others}: no tariff; the mapping needs one for each site"
        )
    members: dict[Tariff, list[int]] = {}
    for row, site in enumerate(block.site_ids):
        members.setdefault(plans[site], []).append(row)
    return [(block.rows(np.array(rows)), plan) for plan, rows in members.items()]


class _Rows(NamedTuple):
    """Rows of some sites under one tariff: those of a site follow one another, in order."""

    site_ids: tuple[str, ...]
    tariff: str
    columns: dict[str, np.ndarray]  # shape (sites, rows), or (rows,) where all sites have the same
    kept: np.ndarray  # shape (sites, rows)


def _rows(usage: EnergySums, tariff: Tariff, bills: list[PartBill]) -> _Rows:
    places = [(line, period, each.billing) for each in bills for period, line in _shown(each)]
    quantity = np.stack([line.quantity[:, period] for line, period, _ in places], axis=1)
    texts = {
        "month": [billing.labels[period] for _, period, billing in places],
        "component": [line.text for line, _, _ in places],
        "unit": [line.unit for line, _, _ in places],
        "currency": [tariff.currency] * len(places),
    }
    columns = {name: np.array(values, dtype=object) for name, values in texts.items()}
    columns["quantity"] = quantity
    columns["cost"] = np.stack([line.cost[:, period] for line, period, _ in places], axis=1)
    several = len(bills) > 1
    cuts = [_cut(each.tariff.name if several else None, each.billing) for each in bills]
    of_bill = [number for number, each in enumerate(bills) for _ in _shown(each)]
    cut = [cuts[number][period] for number, (_, period, _) in zip(of_bill, places, strict=True)]
    notes = [line.notes.get(period) for line, period, _ in places]
    columns["finding"] = _findings(cut, notes, quantity)
    sparse = np.array([line.sparse for line, _, _ in places], dtype=bool)
    return _Rows(usage.block.site_ids, tariff.name, columns, ~sparse | (quantity != 0.0))


def _shown(bill_of: PartBill) -> Iterator[tuple[int, Line]]:
    """The lines of each billing period, period by period."""
    for period in range(len(bill_of.billing)):
        yield from ((period, line) for line in bill_of.lines if line.shown[period])


def _cut(name: str | None, billing: BillingPeriods) -> list[str | None]:
    """What to say about billing periods that are cut short: by a change of tariff (named), or by the energy."""
    words = "" if name is None else f", under {name}"
    return [
        None if share == 1.0 else f"period.cut: {days:.6g} of {days / share:.6g} days{words}"
        for days, share in zip(billing.days.tolist(), billing.share.tolist(), strict=True)
    ]


def _findings(cut: list[str | None], notes: list[str | None], quantity: np.ndarray) -> np.ndarray:
    plain = np.array(cut, dtype=object)
    if not any(notes):
        return plain
    noted = [
        note if text is None else text if note is None else f"{text}; {note}"
        for text, note in zip(cut, notes, strict=True)
    ]
    return np.where(quantity != 0.0, np.array(noted, dtype=object), plain)


def _in_order(tables: list[_Rows]) -> dict[str, np.ndarray]:
    """All rows by site and tariff."""
    names = ("month", "component", "quantity", "unit", "cost", "currency", "finding")
    keys = [(site, table.tariff) for table in tables for site in table.site_ids]
    counts = np.concatenate([table.kept.sum(axis=1) for table in tables])
    order = sorted(range(len(keys)), key=keys.__getitem__)
    heads = np.cumsum(counts) - counts
    out = {name: np.concatenate([_flat(table, name) for table in tables]) for name in names}
    for number, name in enumerate(("site_id", "tariff")):
        out[name] = np.repeat(np.array([key[number] for key in keys], dtype=object), counts)
    if order == list(range(len(keys))):
        return out
    rows = np.concatenate([np.arange(heads[key], heads[key] + counts[key]) for key in order])
    return {name: values[rows] for name, values in out.items()}


def _flat(table: _Rows, name: str) -> np.ndarray:
    values: np.ndarray = np.broadcast_to(table.columns[name], table.kept.shape)[table.kept]
    return values
