"""Tables have the same columns and dtypes in both libraries, whatever the data."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flipkit.errors import InputError
from flipkit.frames import GLOSSARY, Finding, Table, facts, library_of, table, tables, take

TABLES = [value for value in vars(tables).values() if isinstance(value, Table)]
EVERY_KIND = Table(
    "every kind",
    ("site_id", "month", "energy_kwh", "row", "market_rates", "start_utc"),
    ("site_id", "row"),
)

rows = st.lists(
    st.tuples(
        st.none() | st.text(max_size=5),
        st.none() | st.text(max_size=5),
        st.none() | st.floats(allow_nan=False, allow_infinity=False),
        st.integers(-(2**53), 2**53),
        st.booleans(),
        st.none() | st.integers(-(10**15), 10**15),
    ),
    max_size=30,
)


def columns_of(data):
    site, month, energy, row, market, start = zip(*data, strict=True) if data else [()] * 6
    return {
        "site_id": site,
        "month": month,
        "energy_kwh": [np.nan if v is None else v for v in energy],
        "row": list(row),
        "market_rates": list(market),
        "start_utc": np.array(
            [np.datetime64("NaT", "us") if v is None else np.datetime64(v, "us") for v in start],
            "datetime64[us]",
        ),
    }


def schema(frame):
    return [
        (n, str(t))
        for n, t in (
            frame.dtypes.items() if library_of(frame) == "pandas" else frame.schema.items()
        )
    ]


@given(rows)
def test_the_schema_does_not_depend_on_the_data(data):
    for library in ("pandas", "polars"):
        assert schema(EVERY_KIND.build(columns_of(data), library)) == schema(
            EVERY_KIND.build({}, library)
        )


@given(rows)
def test_both_libraries_return_the_values_that_were_put_in(data):
    names = {
        "times": ["start_utc"],
        "numbers": ["energy_kwh", "row"],
        "texts": ["site_id", "month"],
    }
    one = take(EVERY_KIND.build(columns_of(data), "pandas"), **names)
    two = take(EVERY_KIND.build(columns_of(data), "polars"), **names)
    for name in one:
        np.testing.assert_array_equal(one[name], two[name])
        assert one[name].dtype == two[name].dtype


@given(rows)
def test_rows_are_sorted_by_their_key_with_nulls_last(data):
    frame = EVERY_KIND.build(columns_of(data), "polars")
    expected = sorted(((s is None, s or "", r) for s, _, _, r, _, _ in data))
    assert [
        (s is None, s or "", r) for s, r in zip(frame["site_id"], frame["row"], strict=True)
    ] == expected


@pytest.mark.parametrize("declared", TABLES, ids=lambda each: each.name)
def test_every_declared_table_builds_empty(declared, frames_library):
    frame = declared.build({}, frames_library)
    assert library_of(frame) == frames_library
    assert list(frame.columns) == list(declared.names)
    assert len(frame) == 0


def test_dtypes_are_the_documented_ones():
    pandas, polars = EVERY_KIND.build({}, "pandas"), EVERY_KIND.build({}, "polars")
    assert [str(t) for t in pandas.dtypes] == [
        "str",
        "str",
        "float64",
        "int64",
        "bool",
        "datetime64[us, UTC]",
    ]
    assert polars.dtypes == [
        pl.String,
        pl.String,
        pl.Float64,
        pl.Int64,
        pl.Boolean,
        pl.Datetime("us", "UTC"),
    ]


def test_nulls_are_nulls_in_both_libraries():
    data = {"site_id": [None], "energy_kwh": [np.nan], "row": [0]}
    assert EVERY_KIND.build(data, "polars").null_count().row(0) == (1, 1, 1, 0, 0, 1)
    assert EVERY_KIND.build(data, "pandas").isna().sum().tolist() == [1, 1, 1, 0, 0, 1]


@pytest.mark.parametrize("number", [1.5, 2, np.float64(0.1), np.float32(0.5)])
def test_a_scalar_number_fills_its_column(number, frames_library):
    columns = {"site_id": ["b", "a", "c"], "energy_kwh": number, "row": 7, "market_rates": True}
    frame = EVERY_KIND.build(columns, frames_library)
    assert frame["energy_kwh"].to_list() == [float(number)] * 3
    assert frame["row"].to_list() == [7, 7, 7]
    assert frame["market_rates"].to_list() == [True] * 3
    assert frame["site_id"].to_list() == ["a", "b", "c"]
    assert schema(frame) == schema(EVERY_KIND.build({}, frames_library))


def test_a_scalar_text_and_time_fill_their_columns(frames_library):
    moment = np.datetime64("2025-06-01T00:00", "us")
    columns = {"row": [1, 0], "month": "2025-06", "start_utc": moment}
    taken = take(
        EVERY_KIND.build(columns, frames_library), times=["start_utc"], texts=["month", "site_id"]
    )
    assert taken["month"].tolist() == ["2025-06", "2025-06"]
    assert taken["site_id"].tolist() == [None, None]
    assert (taken["start_utc"] == moment).all()


def test_scalars_alone_make_no_rows(frames_library):
    assert len(EVERY_KIND.build({"energy_kwh": 1.0, "site_id": "a"}, frames_library)) == 0


def test_building_leaves_the_input_alone():
    site = np.array(["b", None, "a"], dtype=object)
    EVERY_KIND.build({"site_id": site, "row": [0, 1, 2]}, "pandas")
    assert site.tolist() == ["b", None, "a"]


def test_taking_leaves_the_frame_alone(frames_library):
    frame = EVERY_KIND.build({"site_id": ["a", None], "row": [0, 1]}, frames_library)
    before = frame.copy() if frames_library == "pandas" else frame.clone()
    take(frame, texts=["site_id"])["site_id"][0] = "changed"
    assert frame.equals(before)


def test_a_column_that_is_not_declared_is_an_error():
    with pytest.raises(InputError, match="no such column: cost"):
        EVERY_KIND.build({"cost": [1.0]}, "pandas")


def test_columns_of_different_lengths_are_an_error():
    with pytest.raises(InputError, match="expected 2 rows"):
        EVERY_KIND.build({"site_id": ["a", "b"], "row": [1]}, "pandas")


def test_an_unknown_library_is_an_error():
    with pytest.raises(InputError, match="'pandas' or 'polars'"):
        EVERY_KIND.build({}, "arrow")


def test_facts_live_as_long_as_the_frame(frames_library):
    frame = EVERY_KIND.build({}, frames_library, facts={"query": {"a": 1}})
    assert facts(frame) == {"query": {"a": 1}}
    key = id(frame)
    del frame
    assert key not in table._facts_by_id


def test_every_glossary_column_has_a_meaning_and_units_match_their_names():
    suffixes = {"_kwh": {"kWh", "currency/kWh"}, "_kw": {"kW"}, "_utc": {"UTC"}}
    for column in GLOSSARY.values():
        assert column.meaning
        for suffix, units in suffixes.items():
            if column.name.endswith(suffix):
                assert column.unit in units, column.name


def test_the_docstring_table_names_every_column():
    for declared in TABLES:
        assert all(name in declared.docstring() for name in declared.names)
    assert pd.__version__ >= "3"


@pytest.mark.parametrize(
    ("rows", "text"),
    [
        ((), "a.code: words"),
        ((4,), "a.code: words (row 4)"),
        ((4, 7), "a.code: words (rows 4, 7)"),
    ],
)
def test_a_finding_names_its_rows(rows, text):
    assert str(Finding("a.code", "words", rows)) == text


def test_a_finding_of_many_rows_counts_those_it_does_not_show():
    text = str(Finding("a.code", "words", tuple(range(2000))))
    shown = text.partition("(rows ")[2].partition(" and ")[0].split(", ")
    assert shown == [str(row) for row in range(len(shown))]
    assert text.endswith(f" and {2000 - len(shown):,} more)")
