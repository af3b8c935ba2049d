"""What the pictures of simulations share: one site of many, colours for scenarios, long names in lines."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable
from typing import Any

import matplotlib as mpl
import numpy as np

from flipkit.errors import InputError
from flipkit.frames import Frame, library, library_of
from flipkit.plots.axes import COLOURS

__all__ = ["DISPATCH", "battery_by", "colours", "flag", "money", "only", "rows", "wrapped"]

# The further colours are Okabe and Ito's as well; yellow last, it is weak on white.
_PALETTE = [*COLOURS.values(), "#56B4E9", "#CC79A7", "#F0E442"]
_MOST_NAMED = 6

DISPATCH = {
    "rule_tou": "rule with night charging",
    "rule": "rule",
    "day_ahead": "day-ahead",
    "optimal": "perfect foresight",
}
"""How batteries are run, in words."""


def rows(columns: dict[str, np.ndarray], keep: np.ndarray) -> dict[str, np.ndarray]:
    """The rows to keep of each column."""
    return {name: values[keep] for name, values in columns.items()}


def flag(frame: Frame, name: str) -> np.ndarray:
    """A column of yes or no."""
    return library(library_of(frame)).column(frame, name).astype(bool)


def only(values: Iterable[str], chosen: str | None, option: str, what: str) -> str:
    """What was chosen, or the one that is there; of a frame without rows, nothing.

    Raises
    ------
    InputError
        Several and none chosen, or one that is not there.
    """
    there = list(dict.fromkeys(values))
    if chosen is None and len(there) == 1:
        return there[0]
    if there and chosen not in there:
        more = f" and {len(there) - _MOST_NAMED} more" if len(there) > _MOST_NAMED else ""
        raise InputError(
            f"the {what} holds {', '.join(there[:_MOST_NAMED])}{more}; choose one with {option}="
        )
    return chosen or ""


def colours(count: int) -> list[Any]:
    """Colours for so many scenarios, none twice: distinct ones, or of very many an even scale."""
    if count <= len(_PALETTE):
        return _PALETTE[:count]
    return list(mpl.colormaps["viridis"](np.linspace(0, 0.95, count)))


def battery_by(dispatch: str | None) -> str:
    """What a title says of how batteries are run; nothing where that is not known."""
    return f"; battery: {DISPATCH.get(dispatch, dispatch)}" if dispatch else ""


def wrapped(name: str, width: int, lines: int = 4) -> str:
    """A name in lines of that many letters, with an ellipsis after the last; a dollar is no formula."""
    return textwrap.fill(name, width, max_lines=lines, placeholder=" …").replace("$", r"\$")


def money(amount: float, *, sign: bool = False) -> str:
    """An amount with two decimals and a minus as long as a plus; its plus where asked for."""
    return f"{amount:{'+' if sign else ''},.2f}".replace("-", "\u2212")
