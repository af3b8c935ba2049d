"""Reading input: frames of both libraries and lists of dicts."""

from datetime import UTC, datetime

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flipkit.errors import InputError, MissingColumnError, NaiveTimestampError
from flipkit.frames import take

MOMENT = np.datetime64("2025-06-01T00:00:00", "us")
TIMES = {
    "aware datetime": datetime(2025, 6, 1, tzinfo=UTC),
    "zulu text": "2025-06-01T00:00:00Z",
    "offset text": "2025-06-01T02:00:00+02:00",
}


@pytest.mark.parametrize("value", TIMES.values(), ids=TIMES)
@pytest.mark.parametrize("shape", ["pandas", "polars", "records"])
def test_a_time_with_a_zone_is_read_from_any_shape(value, shape):
    records = [{"start_utc": value}, {"start_utc": None}]
    data = {
        "pandas": pd.DataFrame,
        "polars": lambda r: pl.DataFrame(r, strict=False),
        "records": list,
    }[shape](records)
    times = take(data, times=["start_utc"])["start_utc"]
    assert times[0] == MOMENT
    assert np.isnat(times[1])


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
def test_pandas_zones_and_resolutions(unit):
    index = pd.DatetimeIndex(["2025-06-01 02:00"]).tz_localize("Europe/Brussels").as_unit(unit)
    assert take(pd.DataFrame({"start_utc": index}), times=["start_utc"])["start_utc"][0] == MOMENT


def test_polars_zones_and_resolutions():
    frame = pl.DataFrame({"t": [datetime(2025, 6, 1, 2)]}).select(
        pl.col("t").dt.cast_time_unit("ms").dt.replace_time_zone("Europe/Brussels")
    )
    assert take(frame, times=["t"])["t"][0] == MOMENT
    assert take(frame.lazy(), times=["t"])["t"][0] == MOMENT


@pytest.mark.parametrize(
    "data",
    [
        pd.DataFrame({"start_utc": [pd.Timestamp("2025-06-01")]}),
        pl.DataFrame({"start_utc": [datetime(2025, 6, 1)]}),
        [{"start_utc": "2025-06-01T00:00:00"}],
        [{"start_utc": datetime(2025, 6, 1)}],
    ],
    ids=["pandas", "polars", "text", "datetime"],
)
def test_the_error_about_a_naive_time_says_how_to_fix_it(data):
    with pytest.raises(NaiveTimestampError, match="zone"):
        take(data, times=["start_utc"])


def test_a_time_in_the_index_is_found():
    index = pd.DatetimeIndex(["2025-06-01"], tz="UTC", name="start_utc")
    assert (
        take(pd.DataFrame({"v": [1]}, index=index), times=["start_utc"])["start_utc"][0] == MOMENT
    )


def test_the_error_about_a_missing_column_lists_the_others(frames_library):
    frame = {"pandas": pd.DataFrame, "polars": pl.DataFrame}[frames_library]({"a": [1]})
    with pytest.raises(MissingColumnError, match=r"energy: missing cost; the columns are: a"):
        take(frame, numbers=["cost"], what="energy")


def test_an_optional_column_that_is_absent_is_null():
    taken = take([{"a": 1}], times=["t"], numbers=["a", "n"], texts=["x"], optional=["t", "n", "x"])
    assert np.isnat(taken["t"][0])
    assert np.isnan(taken["n"][0])
    assert taken["x"][0] is None
    assert taken["a"][0] == 1.0


@pytest.mark.parametrize("value", ["12", True, b"1", object(), 10**400])
def test_the_error_about_a_bad_number_names_its_row(value):
    with pytest.raises(InputError, match="value, row 1"):
        take([{"value": 1}, {"value": value}], numbers=["value"])


def test_the_error_about_a_bad_text_names_its_row():
    with pytest.raises(InputError, match="site_id, row 0: 7"):
        take([{"site_id": 7}], texts=["site_id"])


def test_the_error_about_a_bad_time_names_its_row():
    with pytest.raises(InputError, match=r"start_utc, row 1: 'soon'"):
        take([{"start_utc": "2025-06-01T00:00:00Z"}, {"start_utc": "soon"}], times=["start_utc"])


@pytest.mark.parametrize("data", ["text", {"a": [1]}, 7, [1, 2]])
def test_input_that_is_not_a_table_is_an_error(data):
    with pytest.raises(InputError):
        take(data, numbers=["a"])


def test_numbers_keep_every_bit(frames_library):
    values = [0.1, 1e-300, 2.0**53, float("nan")]
    frame = {"pandas": pd.DataFrame, "polars": pl.DataFrame}[frames_library]({"v": values})
    np.testing.assert_array_equal(take(frame, numbers=["v"])["v"], values)


def test_pandas_nullable_and_categorical_columns_are_read():
    frame = pd.DataFrame(
        {"v": pd.array([1, None], dtype="Int64"), "t": pd.Categorical(["a", None])}
    )
    taken = take(frame, numbers=["v"], texts=["t"])
    np.testing.assert_array_equal(taken["v"], [1.0, np.nan])
    assert taken["t"].tolist() == ["a", None]


@given(st.lists(st.sampled_from([1, 2.5, None, "x", True]), min_size=1, max_size=30))
def test_faults_are_noted_by_row_and_the_rest_is_read(values):
    faults = {}
    taken = take([{"v": value} for value in values], numbers=["v"], faults=faults)["v"]
    assert sorted(faults) == [
        row for row, value in enumerate(values) if value in ("x",) or value is True
    ]
    expected = [
        value if isinstance(value, int | float) and value is not True else np.nan
        for value in values
    ]
    np.testing.assert_array_equal(taken, expected)
    assert all(text.startswith("v: ") for text in faults.values())


def test_faults_of_times_and_texts():
    faults = {}
    rows = [
        {"t": "2025-01-01T00:00:00Z", "x": "a"},
        {"t": "2025-01-01T00:00:00", "x": "b"},
        {"t": None, "x": 7},
    ]
    taken = take(rows, times=["t"], texts=["x"], faults=faults)
    assert np.isnat(taken["t"]).tolist() == [False, True, True]
    assert taken["x"].tolist() == ["a", "b", None]
    assert list(faults) == [1, 2]
    assert "has no zone" in faults[1]
    assert faults[2] == "x: 7 is not text"


def test_two_pandas_columns_of_one_name_are_an_error():
    frame = pd.DataFrame([[1.0, 2.0, "a"]], columns=["value", "value", "site_id"])
    with pytest.raises(InputError, match="2 columns are named value; rename or drop all but one"):
        take(frame, numbers=["value"])
    assert take(frame, texts=["site_id"])["site_id"].tolist() == ["a"]


def test_odd_column_names_are_printable_in_the_error():
    names = ["\x1b[2J", "a" * 900, 7, *(f"c{number}" for number in range(2000))]
    with pytest.raises(MissingColumnError) as caught:
        take([dict.fromkeys(names)], numbers=["value"])
    assert str(caught.value).isprintable()
    assert "7, c0, c1" in str(caught.value)
    assert "and 1,963 more" in str(caught.value)
    assert len(str(caught.value)) < 500


@pytest.mark.parametrize("shape", ["pandas", "polars", "records"])
@pytest.mark.parametrize(
    ("kind", "cells", "message"),
    [
        ("numbers", [1.0, "x", 2.0, "y"], "c, row 1: 'x' is not a number"),
        ("texts", ["a", 7, "b", 8.5], "c, row 1: 7 is not text"),
        (
            "times",
            ["2025-06-01T00:00:00Z", "soon", None, "late"],
            "c, row 1: 'soon' is not a valid",
        ),
        ("booleans", [True, None, False, "no"], "c, row 1: None is not True or False"),
    ],
)
def test_of_two_bad_cells_the_error_names_the_first(kind, cells, message, shape):
    with pytest.raises(InputError, match=message):
        take(_column_of(cells, shape), **{kind: ["c"]})


@pytest.mark.parametrize("shape", ["pandas", "polars", "records"])
@pytest.mark.parametrize(
    ("kind", "cells", "good"),
    [
        ("numbers", [1.0, "x", 2.0, True, 3.0], [1.0, np.nan, 2.0, np.nan, 3.0]),
        ("texts", ["a", 7, "b", 8.5, "c"], ["a", None, "b", None, "c"]),
    ],
)
def test_of_two_bad_cells_both_are_noted_and_the_others_are_read(kind, cells, good, shape):
    faults = {}
    taken = take(_column_of(cells, shape), faults=faults, **{kind: ["c"]})["c"]
    assert sorted(faults) == [1, 3]
    assert [repr(cells[row]) in faults[row] for row in (1, 3)] == [True, True]
    np.testing.assert_array_equal(taken, np.array(good, dtype=taken.dtype))


def test_two_bad_times_are_noted_and_the_others_are_read():
    faults = {}
    cells = ["2025-06-01T00:00:00Z", "soon", "2025-06-01T02:00:00+02:00", "2025-06-01"]
    times = take([{"c": cell} for cell in cells], times=["c"], faults=faults)["c"]
    assert sorted(faults) == [1, 3]
    assert "'soon' is not a valid" in faults[1]
    assert "has no zone" in faults[3]
    assert times[[0, 2]].tolist() == [MOMENT, MOMENT]
    assert np.isnat(times[[1, 3]]).all()


def test_a_row_with_two_bad_cells_is_noted_once():
    faults = {}
    taken = take([{"a": "x", "b": "y"}], numbers=["a", "b"], faults=faults)
    assert faults == {0: "a: 'x' is not a number"}
    assert np.isnan([taken["a"][0], taken["b"][0]]).all()


@pytest.mark.parametrize("shape", ["pandas", "polars", "records"])
def test_booleans_are_read(shape):
    taken = take(_column_of([True, False, True], shape), booleans=["c"])["c"]
    assert (taken.dtype, taken.tolist()) == (np.dtype(bool), [True, False, True])


def _column_of(cells, shape):
    """Return a frame or records with one column ``c``, whatever its cells are."""
    if shape == "pandas":
        return pd.DataFrame({"c": pd.Series(cells, dtype=object)})
    if shape == "polars":
        return pl.DataFrame({"c": pl.Series(cells, dtype=pl.Object)})
    return [{"c": cell} for cell in cells]
