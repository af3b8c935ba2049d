"""Tariff objects as contracts: which holds when, and any value that they have, one contract after another."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

from flipkit.tariffs import PriceSeries, Tariff
from flipkit.tariffs.model import joined
from flipkit.tariffs.rating import Span

__all__ = ["FAR_US", "Contract", "Gaps", "nothing", "stitched"]

FAR_US = 1 << 62

Gaps = tuple[tuple[int, int], ...]


class Contract(NamedTuple):
    """A tariff object, ready to price: between two instants, of a direction and a kind; and the object itself."""

    direction: str
    kind: str
    tariff: Tariff
    from_us: int
    to_us: int
    tiered: bool
    source: Mapping[str, Any]


def stitched(
    contracts: Sequence[Contract],
    window: Span,
    value: Callable[[Contract, Span, Span], PriceSeries],
) -> tuple[PriceSeries, Gaps]:
    """A value over the window, contract by contract, and where there is none (it is 0 there).

    Parameters
    ----------
    contracts : sequence of Contract
        Oldest first; where several hold, the last of them counts.
    window : tuple of int
        Microseconds since 1970-01-01 UTC.
    value : callable
        Takes a contract, from when until when it counts, and the part of that within the window, over which its answer
        goes.
    """
    parts, gaps = [], []
    for contract, in_force in _holding(contracts):
        begin, stop = max(in_force[0], window[0]), min(in_force[1], window[1])
        if begin >= stop:
            continue
        if contract is None:
            gaps.append((begin, stop))
        parts.append(
            nothing((begin, stop)) if contract is None else value(contract, in_force, (begin, stop))
        )
    return (parts[0] if len(parts) == 1 else joined(parts)), tuple(gaps)


def nothing(span: Span) -> PriceSeries:
    """0 over all of the span."""
    return PriceSeries(np.array([span[0]]), np.array([span[1]]), np.zeros(1))


def _holding(contracts: Sequence[Contract]) -> list[tuple[Contract | None, Span]]:
    """Which contract holds from when until when, over all time; None for none."""
    edges = {-FAR_US, FAR_US, *(edge for each in contracts for edge in (each.from_us, each.to_us))}
    found: list[tuple[Contract | None, Span]] = []
    for begin, stop in pairwise(sorted(edges)):
        last = next(
            (each for each in reversed(contracts) if each.from_us <= begin and stop <= each.to_us),
            None,
        )
        since = found.pop()[1][0] if found and found[-1][0] is last else begin
        found.append((last, (since, stop)))
    return found
