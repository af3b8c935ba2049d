"""Text as runs of equal cells: the same in both libraries, whatever the cells are stored as."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flipkit.errors import InputError, MissingColumnError
from flipkit.frames import take

cells = st.lists(st.sampled_from(["a", "b", "site 12, a long one", "", None]), max_size=12)
KINDS = {
    "str": lambda values: pd.DataFrame({"x": pd.Series(values, dtype="str")}),
    "fresh cells": lambda values: pd.DataFrame(
        {"x": pd.Series([None if v is None else "".join(list(v)) for v in values], dtype=object)}
    ),
    "categories": lambda values: pd.DataFrame(
        {"x": pd.Categorical(values, categories=["b", "a", "", "site 12, a long one"])}
    ),
    "polars": lambda values: pl.DataFrame({"x": pl.Series(values, dtype=pl.String)}),
    "lazy": lambda values: pl.LazyFrame({"x": pl.Series(values, dtype=pl.String)}),
    "polars categories": lambda values: pl.DataFrame(
        {"x": pl.Series(values, dtype=pl.Categorical)}
    ),
    "records": lambda values: [{"x": value} for value in values],
}


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=60, deadline=None)
@given(values=cells)
def test_runs_are_the_column(kind, values):
    runs = take(
        KINDS[kind](values) if values else pl.DataFrame({"x": []}, schema={"x": pl.String}),
        runs=["x"],
    )["x"]
    lengths = np.diff(np.append(runs.starts, len(values)))
    assert [
        None if code < 0 else runs.labels[code] for code in np.repeat(runs.codes, lengths)
    ] == values
    assert len(set(runs.labels)) == len(runs.labels)
    assert (lengths > 0).all()
    if kind != "records":
        assert (np.diff(runs.codes) != 0).all()


def test_an_index_level_is_a_column():
    frame = pd.DataFrame({"kwh": [1.0, 2.0, 3.0]}, index=pd.Index(["a", "a", "b"], name="x"))
    assert take(frame, runs=["x"])["x"].starts.tolist() == [0, 2]


@pytest.mark.parametrize("make", [pd.DataFrame, pl.DataFrame])
def test_a_cell_that_is_not_text_is_an_error_that_names_it(make):
    with pytest.raises(InputError, match="x, row 0: 7 is not text"):
        take(make({"x": [7, 7, 8]}), runs=["x"])
    with pytest.raises(MissingColumnError, match="missing y"):
        take(make({"x": ["a"]}), runs=["y"])


def test_a_column_of_numbers_is_not_copied():
    frame = pl.DataFrame({"kwh": np.arange(1000.0)})
    assert np.shares_memory(take(frame, numbers=["kwh"])["kwh"], frame["kwh"].to_numpy())
