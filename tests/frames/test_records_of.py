"""Rows as dicts, from a frame of either library or from a list of dicts."""

from datetime import UTC, date, datetime

import numpy as np
import pandas as pd
import polars as pl
import pytest

from flipkit.errors import InputError
from flipkit.frames import records_of

ROWS = [
    {
        "id": 2**53 + 1,
        "kw": 1.5,
        "at": datetime(2025, 6, 1, tzinfo=UTC),
        "name": "a",
        "ok": True,
        "tags": ["x"],
    },
    {"id": 2, "kw": None, "at": None, "name": None, "ok": False, "tags": None},
]


def test_both_libraries_give_the_rows_that_made_them(frames_library):
    frame = pd.DataFrame(ROWS) if frames_library == "pandas" else pl.DataFrame(ROWS)
    found = records_of(frame)
    assert found == ROWS
    assert [type(found[0][name]) for name in ("id", "kw", "ok")] == [int, float, bool]


def test_pandas_nulls_of_every_kind_are_none_and_index_levels_are_columns():
    frame = pd.DataFrame(
        {
            "n": pd.array([1, None], dtype="Int64"),
            "t": pd.to_datetime(["2025-06-01T00:00Z", None]),
            "f": [np.nan, 1.0],
            "o": [pd.NA, date(2025, 6, 1)],
        },
        index=pd.Index(["a", "b"], name="site"),
    )
    first, second = records_of(frame)
    assert first == {
        "site": "a",
        "n": 1,
        "t": pd.Timestamp("2025-06-01T00:00Z"),
        "f": None,
        "o": None,
    }
    assert second == {"site": "b", "n": None, "t": None, "f": 1.0, "o": date(2025, 6, 1)}
    assert frame.columns.tolist() == ["n", "t", "f", "o"]


def test_frames_without_rows_and_lazy_frames():
    assert (
        records_of(pd.DataFrame({"a": []}))
        == records_of(pl.DataFrame({"a": []}))
        == records_of([])
        == []
    )
    assert records_of(pl.LazyFrame({"a": [1]})) == [{"a": 1}]


def test_input_that_is_not_a_table_of_dicts_is_an_error():
    with pytest.raises(InputError, match="two columns have the same name: a, a"):
        records_of(pd.DataFrame([[1, 2]], columns=["a", "a"]))
    with pytest.raises(InputError, match="devices, row 1: expected a dict, got int"):
        records_of([{}, 1], what="devices")
    with pytest.raises(InputError, match="expected a DataFrame or a list of dicts, got dict"):
        records_of({"a": 1})
