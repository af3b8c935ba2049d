"""What all pictures share: an Axes to draw on, colours that everybody can tell apart, quiet frames."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from flipkit.frames import checked_target, replace_file

__all__ = ["COLOURS", "axes", "nothing_to_show", "quiet", "write_png"]

# Okabe and Ito, "Color Universal Design" (2008): distinguishable with every kind of colour vision.
COLOURS = {
    "blue": "#0072B2",
    "orange": "#E69F00",
    "green": "#009E73",
    "red": "#D55E00",
    "grey": "#999999",
}


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


def nothing_to_show(ax: Axes) -> Axes:
    """Say in the picture that the frame held nothing to draw."""
    ax.text(
        0.5,
        0.5,
        "nothing to show",
        transform=ax.transAxes,
        ha="center",
        va="center",
        color=COLOURS["grey"],
    )
    ax.set_xticks([])
    ax.set_yticks([])
    return ax


def write_png(path: Path, draw: Callable[..., Axes], *data: Any, **options: Any) -> Path:
    """Draw a picture without a window and write it as a PNG, aside and renamed; the same data give the same bytes.

    Parameters
    ----------
    path : Path
    draw : callable
        One of the functions of this room.
    *data, **options
        What it draws.
    """
    import matplotlib.pyplot as plt

    shown = mpl.get_backend()
    plt.switch_backend("agg")
    try:
        figure = cast(
            Figure, draw(*data, **options).figure
        )  # of a new figure, never of a subfigure
        content = io.BytesIO()
        figure.savefig(content, format="png", dpi=120, metadata={"Software": None})
        plt.close(figure)
    finally:
        plt.switch_backend(shown)
    target = checked_target(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    replace_file(target, content.getvalue())
    return target
