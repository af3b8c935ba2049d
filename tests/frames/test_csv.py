"""CSV files that finance can open and trust."""

import csv
import hashlib
import json
import os
from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flipkit.errors import InputError, NaiveTimestampError
from flipkit.frames import files as room
from flipkit.frames import read_text, tables, write_csv

MAKE = {"pandas": pd.DataFrame, "polars": pl.DataFrame}
DANGEROUS = [
    "=1+1",
    "+1",
    "-1",
    "@A1",
    "\t=1",
    "\r=1",
    "\n=1",
    "  =1",
    '"=1',
    "' @x",
    "＝1",
    "－2",
    "＋3",
    "＠x",
]
HARMLESS = ["a", "", "a=b", "1-2", "x@y.example", "Müller", "日本", "a\nb", 'say "hi"', "a,b"]


def times_array(times):
    return np.array(
        [None if t is None else t.replace(tzinfo=None) for t in times], dtype="datetime64[us]"
    )


def read(path):
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.reader(file))


@pytest.mark.parametrize("text", DANGEROUS)
def test_a_formula_is_escaped(text, frames_library, tmp_path):
    path = write_csv(MAKE[frames_library]({"name": [text], "cost": [-1.0]}), tmp_path / "x.csv")
    assert read(path)[1] == ["'" + text, "-1.0"]


@pytest.mark.parametrize("dtype", [pl.Categorical, pl.Enum(["a", "=1+1"])])
def test_a_formula_among_categories_is_escaped(dtype, tmp_path):
    frame = pl.DataFrame({"name": pl.Series(["=1+1", "a", None], dtype=dtype), "n": range(3)})
    assert read(write_csv(frame, tmp_path / "x.csv"))[1:] == [["'=1+1", "0"], ["a", "1"], ["", "2"]]


@pytest.mark.parametrize("text", HARMLESS)
def test_other_text_stays_as_it_is(text, frames_library, tmp_path):
    assert (
        read(write_csv(MAKE[frames_library]({"name": [text], "n": [1]}), tmp_path / "x.csv"))[1][0]
        == text
    )


def test_escaped_text_is_read_as_it_was(tmp_path):
    texts = [*DANGEROUS, *filter(None, HARMLESS), "'plain", "''"]
    path = write_csv(pl.DataFrame({"name": texts, "n": range(len(texts))}), tmp_path / "x.csv")
    assert read_text(path)["name"].to_list() == texts


def test_a_header_that_is_a_formula_is_escaped(frames_library, tmp_path):
    assert read(write_csv(MAKE[frames_library]({"=x": [1]}), tmp_path / "x.csv"))[0] == ["'=x"]


def test_no_cell_begins_like_a_formula(tmp_path_factory):
    folder = tmp_path_factory.mktemp("csv")

    @given(st.lists(st.text(max_size=6), min_size=1, max_size=5))
    def check(texts):
        path = write_csv(pl.DataFrame({"name": texts, "n": range(len(texts))}), folder / "x.csv")
        for cell, _ in read(path)[1:]:
            assert cell.lstrip(" \"'")[:1] not in tuple("=+-@\t\r\n") or cell.startswith("'")

    check()


def test_both_libraries_write_the_same_bytes(tmp_path):
    data = {
        "object_id": ["loc_1", "loc_1"],
        "start_utc": pd.DatetimeIndex(["2025-06-01", "2025-06-02"]).to_numpy("datetime64[us]"),
        "cost": [0.1 + 0.2, float("nan")],
        "currency": "EUR",
    }
    paths = [write_csv(tables.COSTS.build(data, lib), tmp_path / lib / "costs.csv") for lib in MAKE]
    assert paths[0].read_bytes() == paths[1].read_bytes()
    assert "loc_1,2025-06-01T00:00:00Z,,,,0.30000000000000004,EUR,,," in paths[0].read_text(
        encoding="utf-8"
    )


@pytest.mark.parametrize("cells", [[None, "a"], ["a", None], [None, None, "b"], [None, None]])
def test_a_null_text_is_an_empty_cell_in_any_row(cells, frames_library, tmp_path):
    frame = tables.SITES.build(
        {"site_id": list("abc")[: len(cells)], "city": cells}, frames_library
    )
    with write_csv(frame, tmp_path / "x.csv").open(newline="", encoding="utf-8") as file:
        assert [row["city"] for row in csv.DictReader(file)] == [cell or "" for cell in cells]


MOMENTS = st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30), timezones=st.just(UTC))
STEPS = st.sampled_from(
    [timedelta(minutes=30), timedelta(days=1), timedelta(microseconds=7), timedelta(days=900_000)]
)


def test_times_are_written_the_same_whether_rows_share_them_or_not(frames_library, tmp_path):
    @settings(max_examples=50)
    @given(MOMENTS, STEPS, st.lists(st.none() | st.integers(0, 4), min_size=1, max_size=30))
    def check(first, step, multiples):
        last = datetime(9999, 12, 30, tzinfo=UTC)
        times = [
            None if m is None else min(first + min(m * step, last - first), last) for m in multiples
        ]
        columns = {"start_utc": times_array(times), "object_id": ["a"] * len(times)}
        path = write_csv(
            tables.COSTS.build(columns, frames_library, ordered=True), tmp_path / "x.csv"
        )
        written = [row[1] for row in read(path)[1:]]
        assert [datetime.fromisoformat(text) if text else None for text in written] == times

    check()


CELLS = st.one_of(st.none(), st.text(max_size=4), st.integers(), st.booleans(), st.dates())


def test_runs_of_equal_cells_are_written_like_single_cells(tmp_path):
    @settings(max_examples=50)
    @given(st.lists(st.tuples(CELLS, st.integers(1, 9)), min_size=1, max_size=6))
    def check(stretches):
        cells = [cell for cell, count in stretches for _ in range(count)]
        apart = [one for cell in cells for one in (cell, "between")]
        whole, spread = (
            read(
                write_csv(
                    pd.DataFrame({"x": pd.Series(x, dtype=object), "n": 1}), tmp_path / "x.csv"
                )
            )[1:]
            for x in (cells, apart)
        )
        assert whole == spread[::2]

    check()


def test_a_column_of_one_number_is_written_as_among_others(frames_library, tmp_path):
    @settings(max_examples=30)
    @given(st.floats(), st.booleans(), st.sampled_from([1, 3]))
    def check(number, negative_zero, count):
        columns = {
            "x": [number] * count,
            "zero": [-0.0 if negative_zero else 0.0] * (count - 1) + [0.0],
        }
        path = write_csv(MAKE[frames_library](columns), tmp_path / "x.csv")
        among = write_csv(
            MAKE[frames_library]({"x": [number, 1.5], "zero": [-0.0, 0.0]}), tmp_path / "among.csv"
        )
        [x, minus], [_, plus] = read(among)[1:]
        zeros = [minus if negative_zero else plus] * (count - 1) + [plus]
        assert read(path)[1:] == [[x, zero] for zero in zeros]

    check()


def test_line_ends_and_encoding(tmp_path):
    content = write_csv(pl.DataFrame({"name": ["Zoë"]}), tmp_path / "x.csv").read_bytes()
    assert content == "name\nZoë\n".encode()


def test_the_meta_file_describes_the_columns(frames_library, tmp_path):
    frame = tables.COSTS.build(
        {"object_id": ["a"], "cost": [1.0]},
        frames_library,
        facts={
            "query": {"start": "2025-01"},
            "data_time_utc": "2026-01-10T12:00:00Z",
            "service": "flatpeak",
        },
    )
    path = write_csv(frame, tmp_path / "costs.csv")
    meta = json.loads((tmp_path / "costs.meta.json").read_text(encoding="utf-8"))
    assert meta["rows"] == 1
    assert meta["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
    assert meta["query"] == {"start": "2025-01"}
    assert meta["data_time_utc"] == "2026-01-10T12:00:00Z"
    assert meta["service"] == "flatpeak"
    assert [c["name"] for c in meta["columns"]] == list(tables.COSTS.names)
    assert all(c["meaning"] for c in meta["columns"])
    assert {"flipkit", "python"} <= set(meta["versions"])


def test_an_empty_frame_has_its_header(frames_library, tmp_path):
    path = write_csv(tables.COSTS.build({}, frames_library), tmp_path / "x.csv")
    assert read(path) == [list(tables.COSTS.names)]


def test_a_failure_leaves_the_old_file(tmp_path, monkeypatch):
    path = write_csv(pl.DataFrame({"a": [1]}), tmp_path / "x.csv")
    monkeypatch.setattr(room.os, "fsync", lambda _: (_ for _ in ()).throw(OSError("disk full")))
    with pytest.raises(OSError, match="disk full"):
        write_csv(pl.DataFrame({"a": [2]}), path)
    assert path.read_text(encoding="utf-8") == "a\n1\n"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["x.csv", "x.meta.json"]


def test_a_pandas_index_with_a_name_is_kept(tmp_path):
    index = pd.DatetimeIndex([datetime(2025, 6, 1, tzinfo=UTC)], name="start_utc")
    assert read(write_csv(pd.DataFrame({"cost": [1.0]}, index=index), tmp_path / "x.csv"))[0] == [
        "cost",
        "start_utc",
    ]


def test_input_that_is_not_a_frame_is_an_error(tmp_path):
    with pytest.raises(InputError, match="DataFrame"):
        write_csv([1, 2], tmp_path / "x.csv")


@pytest.mark.parametrize("library", [pd, pl])
def test_times_without_a_zone_are_not_written(tmp_path, library):
    frame = library.DataFrame({"start_utc": [datetime(2025, 6, 1)]})
    with pytest.raises(NaiveTimestampError, match="start_utc has times without a zone"):
        write_csv(frame, tmp_path / "x.csv")
    assert not (tmp_path / "x.csv").exists()


def test_two_columns_of_one_name_are_not_written(tmp_path):
    frame = pd.DataFrame([[1, 2]], columns=["cost", "cost"])
    with pytest.raises(InputError, match="two columns have the same name: cost"):
        write_csv(frame, tmp_path / "x.csv")
    assert not (tmp_path / "x.csv").exists()


def test_a_folder_or_a_pipe_is_not_replaced(tmp_path):
    frame = pl.DataFrame({"cost": [1.0]})
    with pytest.raises(InputError, match=r"is a folder; choose the name of a file to write"):
        write_csv(frame, tmp_path)
    os.mkfifo(tmp_path / "pipe.csv")
    with pytest.raises(InputError, match=r"pipe.csv is not a regular file; choose the name"):
        write_csv(frame, tmp_path / "pipe.csv")
