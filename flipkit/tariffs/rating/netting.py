"""Net metering: imports less exports by energy period, and the kWh that are carried over."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from flipkit.tariffs.model import Rate, Tariff, rate_table
from flipkit.tariffs.rating.runs import Partition
from flipkit.tariffs.rating.seasons import months_of_billing
from flipkit.tariffs.rating.sums import EnergySums, sum_in_order
from flipkit.vocabulary import DAY_S, Float64, Int64

__all__ = ["CarriedKwh", "KwhBank", "carry_kwh", "net_by_hours", "net_by_period"]

# How often each kind of day comes in a year: weekdays, and about ten public holidays.
_DAYS_A_YEAR = np.array([52.0] * 7 + [10.0])

# What a period is called that has no name of its own: the number says nothing about its role.
_NUMBERED = re.compile(r"period \d+")


class PeriodHours(NamedTuple):
    """The hours of the energy periods in a calendar month.

    Attributes
    ----------
    rates : tuple of Rate
        Empty where one price holds at all hours.
    month : int
        1 to 12.
    """

    rates: tuple[Rate, ...]
    month: int


class KwhBank(NamedTuple):
    """The kWh that a billing period leaves for the next one.

    Attributes
    ----------
    kwh : ndarray of float64, shape (sites, periods)
    hours : PeriodHours
        What the periods are.
    total : ndarray of float64, shape (sites,)
        What would be left if kWh were netted over all energy periods together.
    """

    kwh: Float64
    hours: PeriodHours
    total: Float64


class CarriedKwh(NamedTuple):
    """Net metering with carry-over.

    Attributes
    ----------
    kwh : ndarray of float64, shape (sites, billing periods, periods)
        Charged.
    balance : ndarray of float64, shape (sites, billing periods)
        Carried to the next billing period, all energy periods together.
    left, left_total : ndarray of float64, shape (sites, billing periods)
        What is left at a true-up, 0 in other billing periods: over all energy periods, and if kWh
        were netted over all energy periods together.
    bank : KwhBank
        What the last billing period leaves.
    """

    kwh: Float64
    balance: Float64
    left: Float64
    left_total: Float64
    bank: KwhBank


def net_by_period(sums: EnergySums, part: Partition) -> Float64:
    """Return imports less exports; shape (sites, billing periods, import periods)."""
    return sums.imports(part, False) - sums.exports_by_import_period(part)


def net_by_hours(sums: EnergySums, part: Partition) -> tuple[Float64, Float64]:
    """Return imports and surplus, netted within the hours in which neither price changes.

    Returns
    -------
    imported : ndarray of float64, shape (sites, billing periods, import periods)
    surplus : ndarray of float64, shape (sites, billing periods, export periods)
    """
    net = sums.net_by_both_periods(part)
    imported = sum_in_order(np.maximum(net, 0.0))
    surplus = sum_in_order(np.maximum(-net, 0.0), axis=2)
    return imported, surplus


def carry_kwh(
    net: Float64, tariff: Tariff, part: Partition, settled: list[bool], before: KwhBank | None
) -> CarriedKwh:
    """Net metering by the year: what a period has left covers the same hours later on.

    `before` is what the tariff before has left.
    """
    sites, billings, periods = net.shape
    kwh = np.zeros_like(net)
    balance = np.zeros((sites, billings))
    left = np.zeros((sites, billings))
    left_total = np.zeros((sites, billings))
    bank = before
    for number, months in enumerate(months_of_billing(part.calendar)):
        hours = PeriodHours(tariff.rates, months[0])
        available = np.zeros((sites, periods))
        available_total = np.zeros(sites)
        if bank is not None:
            available = _moved(bank, hours, periods)
            available_total = bank.total
        due = net[:, number] - available
        # What one season leaves serves the next, if that begins within the billing period.
        for month in months[1:]:
            following = PeriodHours(tariff.rates, month)
            due = _passed_on(due, hours, following)
            hours = following
        kwh[:, number] = np.maximum(due, 0.0)
        carried = np.maximum(-due, 0.0)
        carried_total = np.maximum(available_total - sum_in_order(net[:, number]), 0.0)
        if settled[number]:
            left[:, number] = sum_in_order(carried)
            left_total[:, number] = carried_total
            carried = np.zeros_like(carried)
            carried_total = np.zeros_like(carried_total)
        balance[:, number] = sum_in_order(carried)
        bank = KwhBank(carried, hours, carried_total)
    assert bank is not None  # a span has at least one billing period
    return CarriedKwh(kwh, balance, left, left_total, bank)


def _moved(bank: KwhBank, hours: PeriodHours, periods: int) -> Float64:
    """The kWh of a bank in the energy periods that take them over."""
    moved = np.zeros((len(bank.kwh), periods))
    for period, successor in enumerate(_successors(bank.hours, hours).tolist()):
        moved[:, successor] += bank.kwh[:, period]
    return moved


def _passed_on(due: Float64, before: PeriodHours, after: PeriodHours) -> Float64:
    """What is due, after the surplus of periods that end has moved to those that take over."""
    ended = _is_in_force(before) & ~_is_in_force(after)
    passed_on = due.copy()
    for period in np.flatnonzero(ended).tolist():
        successor = _successors(before, after)[period]
        surplus = np.maximum(-due[:, period], 0.0)
        passed_on[:, period] += surplus
        passed_on[:, successor] -= surplus
    return passed_on


def _is_in_force(hours: PeriodHours) -> np.ndarray:
    """Whether each period has hours."""
    cells = _in_force(hours, _edges_s(hours.rates)).sum(axis=1)
    in_force: np.ndarray = cells > 0
    return in_force


@lru_cache(maxsize=1024)
def _successors(before: PeriodHours, after: PeriodHours) -> Int64:
    """Return which energy period takes over the kWh of each.

    That of the same name; where there is none, that whose hours are most alike: most hours in
    common for the hours in either.
    """
    edges = np.union1d(_edges_s(before.rates), _edges_s(after.rates))
    in_force_before = _in_force(before, edges)
    in_force_after = _in_force(after, edges)
    hours = np.outer(_DAYS_A_YEAR, np.diff(edges)).ravel()
    common = (in_force_before[:, None] & in_force_after) @ hours
    either = (in_force_before[:, None] | in_force_after) @ hours
    is_alike = np.divide(common, either, out=np.zeros_like(common), where=either > 0.0)
    successors: Int64 = np.argmax(is_alike, axis=1)

    names = _names(after)
    for period in np.flatnonzero(~in_force_after.any(axis=1)).tolist():
        names[period] = None
    for period, name in enumerate(_names(before)):
        if name is not None and name in names:
            successors[period] = names.index(name)
    successors.flags.writeable = False  # cached: shared by all callers
    return successors


def _edges_s(rates: tuple[Rate, ...]) -> Int64:
    return rate_table(rates).edges_s if rates else np.array([0, DAY_S])


def _names(hours: PeriodHours) -> list[str | None]:
    """The names that the user gave to the periods."""
    if not hours.rates:
        return [None]
    names = [period.period for period in rate_table(hours.rates).periods]
    return [None if name is None or _NUMBERED.fullmatch(name) else name for name in names]


def _in_force(hours: PeriodHours, edges: Int64) -> np.ndarray:
    """Whether each period holds on each kind of day and stretch between edges.

    Shape (periods, kinds of day x stretches).
    """
    cells = len(_DAYS_A_YEAR) * (len(edges) - 1)
    if not hours.rates:
        return np.ones((1, cells), dtype=bool)
    table = rate_table(hours.rates)
    stretch = np.searchsorted(table.edges_s, edges[:-1], side="right") - 1
    period = table.grid[hours.month - 1][:, stretch].ravel()
    in_force: np.ndarray = np.arange(len(table.periods))[:, None] == period
    return in_force
