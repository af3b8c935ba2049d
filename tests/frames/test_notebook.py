"""Notebooks show the columns that have values, and name the others; the frame keeps them all."""

import copy
import gc
import pickle
import weakref

from flipkit.frames import REGRET


def build(frames_library, **columns):
    return REGRET.build({"site_id": ["a<b", "c"], "cost": [1.0, 2.0]} | columns, frames_library)


def test_columns_without_values_are_named_below_the_table(frames_library):
    frame = build(frames_library, import_plan=["Go", None])
    html = frame._repr_html_()
    table, note = html.split("columns without values: ")
    assert note == "scenario, month, export_plan, regret, currency</div>"
    assert all(f"{name}</th>" in table for name in ("site_id", "import_plan", "cost"))
    assert "export_plan" not in table
    assert list(frame.columns) == list(REGRET.names)


def test_a_frame_without_rows_shows_its_columns(frames_library):
    html = REGRET.build({}, frames_library)._repr_html_()
    assert "columns without values" not in html
    assert "export_plan" in html


def test_full_frames_and_selections_are_shown_as_usual(frames_library):
    frame = build(frames_library)
    selected = frame[["site_id", "month"]]
    assert "columns without values" not in selected._repr_html_()
    assert "month" in selected._repr_html_()
    assert "columns without values" not in type(frame)._repr_html_(frame)


def test_copies_and_pickles_are_plain_frames(frames_library):
    frame = build(frames_library)
    for same in (copy.copy(frame), copy.deepcopy(frame), pickle.loads(pickle.dumps(frame))):  # noqa: S301
        assert type(same) is type(frame)
        assert list(same.columns) == list(REGRET.names)
        assert "columns without values" not in same._repr_html_()


def test_columns_that_are_filled_later_are_shown():
    frame = build("pandas")
    frame["regret"] = 0.5
    assert "regret</th>" in frame._repr_html_()


def test_a_frame_is_freed_at_once(frames_library):
    """A notebook that reads month after month must not wait for the garbage collector."""
    gc.disable()
    try:
        frame = build(frames_library)
        frame._repr_html_()
        reference = weakref.ref(frame)
        del frame
        assert reference() is None
    finally:
        gc.enable()
