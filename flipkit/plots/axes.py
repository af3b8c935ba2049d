"""What all pictures share: an Axes to draw on, colours that everybody can tell apart, quiet frames."""

from __future__ import annotations

from typing import Any

from matplotlib.axes import Axes

__all__ = ["COLOURS", "axes", "quiet"]

# Okabe and Ito, "Color Universal Design" (2008): distinguishable with every kind of colour vision.
COLOURS = {"blue": "#0072B2", "orange": "#E69F00", "green": "#009E73", "red": "#D55E00", "grey": "#999999"}


def axes(ax: Axes | None, *, width: float, height: float) -> Axes:
    """`ax`, or the Axes of a new figure of that size in inches."""
    if ax is not None:
        return ax
    import matplotlib.pyplot as plt  # here: it chooses a backend, which drawing on a given Axes does not need

    return plt.subplots(figsize=(width, height), layout="constrained")[1]


def quiet(ax: Axes, *, grid: str | None = None) -> Axes:
    """Take away what carries no information; grid lines along one axis where asked for."""
    for side in ("top", "right"):
        ax.spines[side].set_visible(False)
    if grid is not None:
        options: dict[str, Any] = {"axis": grid, "color": "#dddddd", "linewidth": 0.8}
        ax.grid(visible=True, **options)
        ax.set_axisbelow(True)
    return ax
