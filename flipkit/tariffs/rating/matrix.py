"""``fk.bill_matrix``: every site under every tariff, ranked."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import chain
from typing import Any, NamedTuple

import numpy as np

from flipkit.calendar import check_dates
from flipkit.errors import InputError
from flipkit.frames import BILL_MATRIX, Finding, Frame, as_text, library_of, returns
from flipkit.tariffs.model import TIER_RULES, Tariff, TierRule, has_tiers, is_net_metered, parts_of
from flipkit.tariffs.rating.bill import jobs_of, named_tariffs, object_array, over_blocks
from flipkit.tariffs.rating.energy import read_energy
from flipkit.tariffs.rating.findings import cut_findings, findings_by_part
from flipkit.tariffs.rating.rate_block import PartBill, price_together, rate, total_cost
from flipkit.tariffs.rating.sums import EnergySums
from flipkit.vocabulary import Float64, Int64

__all__ = ["bill_matrix"]

# Of the highest cost: tariffs that differ by less cost the same, but for the noise of floats.
_SAME = 1e-9


@returns(BILL_MATRIX)
def bill_matrix(
    energy: Any,
    tariffs: Iterable[Tariff],
    *,
    billing_dates: Iterable[Any] | None = None,
    strict: bool = False,
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
    strict : bool, default False
        As in `bill`. A site that cannot be rated has null costs, ranks and regrets, and no best
        tariff.

    Returns
    -------
    DataFrame
        In the library of `energy`; one row per site and tariff. Costs that differ by less than a
        billionth of the site's highest count as equal: the first by name ranks first, and the
        regret of all that equal the best is 0. ``finding`` has all findings of `bill`, each once.

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
    candidates = named_tariffs(tariffs)
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
    metered = read_energy(energy, strict=strict)
    jobs = jobs_of(metered, candidates)

    def rate_all(sums: EnergySums, each: list[Tariff]) -> _SiteCosts:
        return _site_costs(sums, each, dates, metered.findings)

    done = over_blocks(jobs, rate_all)
    if metered.refused:
        done.append(_refused_costs(metered.refused, len(candidates)))
    columns = _matrix_columns(done, candidates, currencies[0])
    return BILL_MATRIX.build(columns, library, ordered=True)


class _SiteCosts(NamedTuple):
    """Costs of some sites under every tariff.

    Attributes
    ----------
    site_ids : tuple of str
    cost, rule_spread : ndarray of float64, shape (sites, tariffs)
    finding : ndarray of object, shape (sites, tariffs)
    """

    site_ids: tuple[str, ...]
    cost: Float64
    rule_spread: Float64
    finding: np.ndarray


def _refused_costs(refused: Mapping[str, Finding], tariffs: int) -> _SiteCosts:
    """Sites whose energy cannot be rated: no costs, and why."""
    shape = (len(refused), tariffs)
    texts = object_array([as_text([finding]) for finding in refused.values()])
    return _SiteCosts(
        site_ids=tuple(refused),
        cost=np.full(shape, np.nan),
        rule_spread=np.full(shape, np.nan),
        finding=np.repeat(texts[:, np.newaxis], tariffs, axis=1),
    )


def _site_costs(
    sums: EnergySums,
    tariffs: list[Tariff],
    dates: tuple[str, ...] | None,
    site_findings: Mapping[str, tuple[Finding, ...]],
) -> _SiteCosts:
    """Rate the sites under every tariff; those with the same hours one after another."""
    cost = np.zeros((sums.sites, len(tariffs)))
    spread = np.zeros((sums.sites, len(tariffs)))
    finding = np.empty((sums.sites, len(tariffs)), dtype=object)
    price_together(sums, tariffs, dates)
    # Sums of energy are kept for a few calendars only.
    for number in sorted(range(len(tariffs)), key=lambda each: _hours_key(tariffs[each])):
        tariff = tariffs[number]
        bills = rate(sums, tariff, dates)
        cost[:, number] = total_cost(bills)
        of_parts = findings_by_part(tariff, bills)
        finding[:, number] = _findings_of_bills(bills, of_parts, sums, site_findings)
        others = [total_cost(rate(sums, tariff, dates, rule)) for rule in _other_rules(tariff)]
        if others:
            spread[:, number] = _relative_spread(cost[:, number], others)
    return _SiteCosts(sums.block.site_ids, cost, spread, finding)


def _findings_of_bills(
    bills: list[PartBill],
    of_parts: list[list[Finding]],
    sums: EnergySums,
    site_findings: Mapping[str, tuple[Finding, ...]],
) -> np.ndarray:
    """The findings of each site's bills together, each once."""
    common: dict[str, None] = {}
    noted: dict[int, dict[str, None]] = {}
    for bill_of, of_part in zip(bills, of_parts, strict=True):
        cut = cut_findings(bill_of, is_alone=len(bills) == 1)
        common |= dict.fromkeys(map(str, [*of_part, *chain.from_iterable(cut)]))
        for line in bill_of.lines:
            latest = np.full(sums.sites, None, dtype=object)
            for period in filter(line.shown.__getitem__, line.notes):
                of_sites = line.site_notes(period)
                assert of_sites is not None
                sites = np.flatnonzero(of_sites)
                # Most notes are those of the billing period before.
                sites = sites[of_sites[sites] != latest[sites]]
                latest[sites] = of_sites[sites]
                for site in sites.tolist():
                    noted.setdefault(site, {})[of_sites[site]] = None
    texts = np.full(sums.sites, as_text(common), dtype=object)
    for number, site_id in enumerate(sums.block.site_ids):
        of_site = site_findings.get(site_id, ())
        if of_site or number in noted:
            texts[number] = as_text([*of_site, *common, *noted.get(number, ())])
    return texts


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
    used = {part.tier_rule for part in parts_of(tariff) if has_tiers(part)}
    if not used:
        return []
    rules = list(TIER_RULES)
    if is_net_metered(tariff):
        # What is left of a billing period is charged, without an order in time.
        rules.remove("chronological")
    return [rule for rule in rules if used != {rule}]


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
    finding = np.concatenate([each.finding for each in done])[order]
    rank, regret = _rank(cost)
    is_unknown = np.isnan(cost)
    return {
        "site_id": np.repeat(object_array(sorted(sites)), len(tariffs)),
        "tariff": np.tile(object_array([tariff.name for tariff in tariffs]), len(sites)),
        "cost": cost.ravel(),
        "currency": currency,
        "rank": np.where(is_unknown, np.nan, rank).ravel(),
        "best": ((rank == 1) & ~is_unknown).ravel(),
        "regret": np.where(is_unknown, np.nan, regret).ravel(),
        "rule_spread": spread.ravel(),
        "finding": finding.ravel(),
    }
