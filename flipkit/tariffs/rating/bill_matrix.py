"""``fk.bill_matrix``: every site under every tariff, and which one is best."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from flipkit.calendar import check_dates
from flipkit.errors import InputError
from flipkit.frames import BILL_MATRIX, Frame, library_of, returns
from flipkit.tariffs.model import TIER_RULES, Tariff, TierRule
from flipkit.tariffs.rating.bill import named_tariffs, over_blocks
from flipkit.tariffs.rating.energy import read_blocks
from flipkit.tariffs.rating.rating import prepare, rate, total
from flipkit.tariffs.rating.usage import EnergySums
from flipkit.vocabulary import Float64, Int64

__all__ = ["bill_matrix"]

_SAME = 1e-9  # of the highest cost: what plans differ by less is noise of floats


@returns(BILL_MATRIX)
def bill_matrix(
    energy: Any, tariffs: Iterable[Tariff], *, billing_dates: Iterable[Any] | None = None
) -> Frame:
    """Rate every site under every tariff, and tell which is cheapest for it, and what the others would cost more.

    Tariffs with the same hours share one pass over the energy.

    Parameters
    ----------
    energy : pandas.DataFrame or polars.DataFrame
        As in `bill`.
    tariffs : iterable of Tariff
        In one currency, each with a name of its own.
    billing_dates : iterable of date or str, optional
        As in `bill`.

    Returns
    -------
    DataFrame
        In the library of `energy`. Costs that differ by less than a billionth of the site's highest are the same: then
        the first by name comes first, and the regret of the best is 0 for all of them.

    Raises
    ------
    MissingColumnError, NaiveTimestampError
        As in `bill`.
    InputError
        As in `bill`; tariffs in several currencies, which are never compared.
    """
    plans = named_tariffs(tariffs)
    if isinstance(plans, dict):
        raise InputError(
            "tariffs: expected a list, got a mapping; every site is rated under every tariff"
        )
    currencies = sorted({plan.currency for plan in plans})
    if len(currencies) > 1:
        raise InputError(
            f"tariffs in {', '.join(currencies)}: currencies are never compared; give those of one"
        )
    library, dates = library_of(energy), check_dates(billing_dates)
    done = over_blocks(
        [(block, plans) for block in read_blocks(energy)],
        lambda usage, each: _costs(usage, each, dates),
    )
    return BILL_MATRIX.build(_columns(done, plans, currencies[0]), library, ordered=True)


def _costs(
    usage: EnergySums, plans: list[Tariff], dates: tuple[str, ...] | None
) -> tuple[tuple[str, ...], Float64, Float64]:
    """Sites, cost and spread by site and plan; plans with the same hours one after another."""
    cost, spread = np.zeros((usage.sites, len(plans))), np.zeros((usage.sites, len(plans)))
    prepare(usage, plans, dates)
    for number in sorted(range(len(plans)), key=lambda each: _hours(plans[each])):
        cost[:, number] = total(rate(usage, plans[number], dates))
        others = [
            total(rate(usage, plans[number], dates, rule)) for rule in _other_rules(plans[number])
        ]
        if others:
            every = np.stack([cost[:, number], *others])
            wide = every.max(axis=0) - every.min(axis=0)
            known = cost[:, number] != 0.0
            spread[:, number] = np.divide(
                wide, np.abs(cost[:, number]), out=np.full(usage.sites, np.nan), where=known
            )
    return usage.block.site_ids, cost, spread


def _hours(plan: Tariff) -> int:
    """Something equal for plans with the same hours, to have them one after another."""
    parts = plan.parts or (plan,)
    hours = [
        (rate.start, rate.end, rate.months, rate.days) for part in parts for rate in part.rates
    ]
    return hash((plan.timezone, tuple(hours)))


def _other_rules(plan: Tariff) -> Iterator[TierRule]:
    """The other rules by which the tiers of a tariff can be filled."""
    parts = plan.parts or (plan,)
    used = {part.tier_rule for part in parts if any(rate.tiers for rate in part.rates)}
    netted = any(part.export is not None and part.export.mode == "net_metering" for part in parts)
    for rule in TIER_RULES if used else ():
        if used != {rule} and not (netted and rule == "chronological"):
            yield rule


def _ranked(cost: Float64) -> tuple[Int64, Float64]:
    """Rank (from 1) and regret; plans, which are in the order of their names, cost the same but for noise of floats."""
    order = np.argsort(cost, axis=1, kind="stable")
    ascending = np.take_along_axis(cost, order, axis=1)
    apart = np.diff(ascending, axis=1) > _SAME * np.abs(cost).max(axis=1, keepdims=True)
    level = np.zeros(cost.shape, dtype=np.int64)
    np.put_along_axis(level, order[:, 1:], np.cumsum(apart, axis=1), axis=1)
    rank = np.argsort(np.argsort(level, axis=1, kind="stable"), axis=1) + 1
    return rank, np.where(level == 0, 0.0, cost - ascending[:, :1])


def _columns(
    done: list[tuple[tuple[str, ...], Float64, Float64]], plans: list[Tariff], currency: str
) -> dict[str, Any]:
    sites = [site for names, _, _ in done for site in names]
    order = sorted(range(len(sites)), key=sites.__getitem__)
    cost, spread = (np.concatenate([each[number] for each in done])[order] for number in (1, 2))
    rank, regret = _ranked(cost)
    return {
        "site_id": np.repeat(np.array(sites, dtype=object)[order], len(plans)),
        "tariff": np.tile(np.array([plan.name for plan in plans], dtype=object), len(sites)),
        "cost": cost.ravel(),
        "currency": currency,
        "rank": rank.ravel().astype(np.float64),
        "best": (rank == 1).ravel(),
        "regret": regret.ravel(),
        "rule_spread": spread.ravel(),
    }
