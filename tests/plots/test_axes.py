"""What pictures share: the PNG writer and colors."""

import matplotlib as mpl
import matplotlib.pyplot as plt
import pytest

from flipkit.errors import InputError
from flipkit.plots import performance_heatmap, write_png
from flipkit.plots.axes import COLORS


def test_the_same_data_give_the_same_bytes(performance, tmp_path):
    frame = performance(("a", "2025-01", 0.7), ("b", "2025-01", 1.1))
    first, second, other = (
        write_png(tmp_path / f"{n}.png", performance_heatmap, frame) for n in (1, 2, 3)
    )
    write_png(other, performance_heatmap, performance(("a", "2025-01", 0.8), ("b", "2025-01", 1.1)))
    assert first.read_bytes() == second.read_bytes()
    assert first.read_bytes() != other.read_bytes()
    assert first.read_bytes().startswith(b"\x89PNG")
    assert mpl.__version__.encode() not in first.read_bytes()


def test_folders_are_created_and_no_figure_stays_open(performance, tmp_path):
    path = write_png(
        tmp_path / "a" / "b.png", performance_heatmap, performance(("a", "2025-01", 0.7))
    )
    assert path == tmp_path / "a" / "b.png"
    assert plt.get_fignums() == []


def test_the_backend_is_restored_also_after_an_error(performance, tmp_path):
    mpl.use("svg")
    try:
        with pytest.raises(ZeroDivisionError):
            write_png(tmp_path / "x.png", lambda: 1 / 0)
        assert mpl.get_backend() == "svg"
    finally:
        mpl.use("agg")


def test_options_are_passed_to_the_picture(lost, tmp_path):
    from flipkit.plots import lost_value_bars

    frame = lost(("a", 1.0, 1.0, 1.0, "EUR"), ("b", 2.0, 2.0, 2.0, "USD"))
    one, two = (
        write_png(tmp_path / f"{c}.png", lost_value_bars, frame, currency=c) for c in ("EUR", "USD")
    )
    assert one.read_bytes() != two.read_bytes()


def test_every_color_is_one_of_the_palette_of_okabe_and_ito():
    published = {
        "#000000",
        "#E69F00",
        "#56B4E9",
        "#009E73",
        "#F0E442",
        "#0072B2",
        "#D55E00",
        "#CC79A7",
    }
    assert set(COLORS.values()) - {"#999999"} <= published


def test_a_folder_is_not_replaced_by_a_picture(tmp_path, performance):
    with pytest.raises(InputError, match="is a folder; choose the name of a file to write"):
        write_png(tmp_path, performance_heatmap, performance(("a", "2025-01", 0.8)))
