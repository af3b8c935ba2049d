"""Price series from frames of either library."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
import polars as pl
import pytest

from flipkit.errors import InputError, MissingColumnError, NaiveTimestampError
from flipkit.tariffs import PriceSeries, Tariff

START = datetime(2025, 10, 26, tzinfo=UTC)
HOUR = timedelta(hours=1)
EUR = {"currency": "EUR", "timezone": "Europe/Brussels"}


def rows(*prices):
    return {
        "start_utc": [START + k * HOUR for k in range(len(prices))],
        "end_utc": [START + (k + 1) * HOUR for k in range(len(prices))],
        "price_per_kwh": list(prices),
    }


def as_pandas(columns):
    return pd.DataFrame(columns)


def as_polars(columns):
    return pl.DataFrame(columns, strict=False)


@pytest.fixture(params=[as_pandas, as_polars], ids=["pandas", "polars"])
def frame(request):
    return request.param


def changed(columns, **cells):
    """The columns with one cell of each named column replaced: name=(row, value)."""
    out = {name: list(values) for name, values in columns.items()}
    for name, (row, value) in cells.items():
        out[name][row] = value
    return out


def test_prices_in_any_order_become_a_series(frame):
    columns = rows(0.1, -0.02, 0.3)
    turned = {name: [values[k] for k in (2, 0, 1)] for name, values in columns.items()}
    tariff = Tariff.from_prices(frame(columns), **EUR, name="Spot")
    assert tariff == Tariff.from_prices(frame(turned), **EUR, name="Spot")
    start = int(START.timestamp()) * 1_000_000
    edges = start + 3_600_000_000 * np.arange(4)
    assert tariff.prices(start, int(edges[-1])) == PriceSeries(
        edges[:-1], edges[1:], [0.1, -0.02, 0.3]
    )
    assert tariff.prices(start + 1, start + 2).price_per_kwh.tolist() == [0.1]
    with pytest.raises(InputError, match="first uncovered: 2025-10-26T03:00:00Z"):
        tariff.prices(start, int(edges[-1]) + 1)


def test_both_libraries_make_equal_tariffs():
    columns = rows(0.1, 0.2)
    assert Tariff.from_prices(as_pandas(columns), **EUR) == Tariff.from_prices(
        as_polars(columns), **EUR
    )


@pytest.mark.parametrize(
    ("cells", "words"),
    [
        ({"price_per_kwh": (1, None)}, "price_per_kwh is null .* in row 1"),
        ({"price_per_kwh": (2, float("inf"))}, "not a finite number in row 2"),
        ({"start_utc": (1, None)}, "start_utc is null in row 1"),
        ({"end_utc": (2, None)}, "end_utc is null in row 2"),
        (
            {"end_utc": (1, START + HOUR)},
            "row 1: end_utc 2025-10-26T01:00:00Z is not after start_utc",
        ),
        (
            {"end_utc": (0, START + HOUR / 2)},
            "a gap between row 0, which ends at 2025-10-26T00:30:00Z, and row 1",
        ),
        (
            {"end_utc": (0, START + 1.5 * HOUR)},
            "an overlap between row 0, .* and row 1, which begins at 2025-10-26T01",
        ),
        ({"start_utc": (2, START + HOUR)}, "an overlap between row 1, .* and row 2"),
    ],
)
def test_what_makes_no_series_is_named_with_its_row(frame, cells, words):
    with pytest.raises(InputError, match=words):
        Tariff.from_prices(frame(changed(rows(0.1, 0.2, 0.3), **cells)), **EUR)


def test_rows_are_named_as_they_stand_in_the_frame(frame):
    columns = {name: values[::-1] for name, values in rows(0.1, 0.2, 0.3).items()}
    with pytest.raises(InputError, match=r"a gap between row 2, .* and row 1"):
        Tariff.from_prices(frame(changed(columns, end_utc=(2, START + HOUR / 2))), **EUR)


def test_no_rows_are_refused(frame):
    with pytest.raises(InputError, match="no rows"):
        Tariff.from_prices(frame(rows(0.1))[:0], **EUR)


def test_a_missing_column_is_named(frame):
    columns = rows(0.1)
    del columns["end_utc"]
    with pytest.raises(MissingColumnError, match="end_utc"):
        Tariff.from_prices(frame(columns), **EUR)


def test_times_without_a_zone_are_refused(frame):
    naive = {
        name: [
            value.replace(tzinfo=None) if isinstance(value, datetime) else value for value in values
        ]
        for name, values in rows(0.1).items()
    }
    with pytest.raises(NaiveTimestampError):
        Tariff.from_prices(frame(naive), **EUR)
