"""The lines of a bill: one component, for all sites and billing periods at once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from flipkit.vocabulary import Float64

__all__ = ["Kind", "Line", "added_up"]

Kind = Literal["energy", "demand", "fixed", "adder", "export", "carry over", "minimum", "tax"]


@dataclass(frozen=True, slots=True, eq=False)
class Line:
    """One component of a bill.

    Attributes
    ----------
    kind : str
        What taxes and minimums know it by.
    text : str
        What the bill calls it: ``energy peak tier 2``.
    unit : str
        Of the quantity.
    quantity, cost : ndarray of float64, shape (sites, billing periods)
        The cost in the tariff's currency, unrounded; credits are negative.
    shown : ndarray of bool, shape (billing periods,)
        Where the component is charged at all; elsewhere quantity and cost are 0.
    sparse : bool
        A row without a quantity says nothing and is left out.
    notes : mapping of int to str
        What is to be known about a billing period, where the quantity is not 0.
    """

    kind: Kind
    text: str
    unit: str
    quantity: Float64
    cost: Float64
    shown: np.ndarray
    sparse: bool = False
    notes: Mapping[int, str] = field(default_factory=dict)


def added_up(
    lines: Iterable[Line], like: tuple[int, int], kinds: Iterable[str] | None = None
) -> Float64:
    """The cost of lines together, added in their order; shape `like`, all kinds by default."""
    total = np.zeros(like)
    for line in lines:
        if kinds is None or line.kind in kinds:
            total += line.cost
    return total
