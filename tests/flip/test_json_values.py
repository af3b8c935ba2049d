"""Values of any library as JSON values."""

from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from enum import Enum, StrEnum

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flipkit.errors import InputError, NaiveTimestampError
from flipkit.flip.requests import to_id, to_json, to_rfc3339, without_nulls


class Kind(StrEnum):
    SITE = "site"


class Level(Enum):
    HIGH = 3


MOMENT = datetime(2025, 6, 19, 15, 30, tzinfo=timezone(-timedelta(hours=7)))


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (np.int64(2**53 + 1), 2**53 + 1),
        (np.float32(0.5), 0.5),
        (np.bool_(True), True),
        (np.str_("a"), "a"),
        (np.array([[1, 2], [3, 4]]), [[1, 2], [3, 4]]),
        (Decimal("10.5"), 10.5),
        (Kind.SITE, "site"),
        (Level.HIGH, 3),
        (date(2025, 6, 19), "2025-06-19"),
        (MOMENT, "2025-06-19T15:30:00-07:00"),
        (pd.Timestamp("2025-06-19 15:30", tz="UTC"), "2025-06-19T15:30:00Z"),
        ((1, None, float("nan")), [1, None, None]),
        ({"a": {"b": np.float64(1)}}, {"a": {"b": 1.0}}),
        *[
            (null, None)
            for null in (
                None,
                float("nan"),
                np.float32("nan"),
                pd.NA,
                pd.NaT,
                np.datetime64("NaT", "us"),
            )
        ],
    ],
)
def test_each_type_has_one_json_form(value, expected):
    found = to_json(value, "x")
    assert found == expected
    assert type(found) is type(expected)


texts = st.text(st.characters(codec="utf-8"))
json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=10,
)


@given(json_values)
def test_json_values_stay_as_they_are(value):
    assert to_json(value, "x") == value


@pytest.mark.parametrize(
    "value",
    [float("inf"), np.float64("-inf"), "\ud800", b"x", {1, 2}, timedelta(1), object(), {1: 2}],
)
def test_a_value_that_json_cannot_hold_is_an_error_that_names_it(value):
    with pytest.raises(InputError, match=r"^record\.kw"):
        to_json(value, "record.kw")


@pytest.mark.parametrize(
    "value", [datetime(2025, 6, 19), pd.Timestamp("2025-06-19"), np.datetime64("2025-06-19")]
)
def test_a_time_without_a_zone_is_named(value):
    with pytest.raises(NaiveTimestampError, match=r"^when: .*zone"):
        to_json(value, "when")


def test_a_list_that_contains_itself_is_an_error():
    endless = []
    endless.append(endless)
    with pytest.raises(InputError, match="nested deeper than 32 levels"):
        to_json(endless, "x")


def test_nulls_are_left_out():
    record = {"a": 1, "b": None, "c": float("nan"), "d": pd.NA, "e": 0, "f": "", "g": False}
    assert without_nulls(record, "") == {"a": 1, "e": 0, "f": "", "g": False}


@pytest.mark.parametrize(
    ("value", "text"), [("007", "007"), (7, "7"), (np.int64(2**53 + 1), "9007199254740993")]
)
def test_an_id_is_text_or_an_integer(value, text):
    assert to_id(value, "id") == text


@pytest.mark.parametrize("value", [7.0, True, np.float64(7), ["7"], b"7"])
def test_an_id_of_another_type_is_an_error_that_says_how_to_fix_it(value):
    with pytest.raises(InputError, match=r"^id: .* is not text; read that column as text"):
        to_id(value, "id")


@pytest.mark.parametrize("value", [None, "", "  ", float("nan"), pd.NA])
def test_a_missing_id_is_an_error(value):
    with pytest.raises(InputError, match=r"^id is missing"):
        to_id(value, "id")


@given(
    st.datetimes(
        timezones=st.timezones() | st.just(UTC),
        allow_imaginary=False,
        min_value=datetime(1950, 1, 1),
    )
)
def test_rfc_3339_text_is_the_same_instant(moment):
    if moment.utcoffset() % timedelta(minutes=1):
        return  # offsets with seconds, before zones were introduced
    text = to_rfc3339(moment, "t")
    assert pd.Timestamp(text) == pd.Timestamp(moment)
    assert to_rfc3339(text, "t") == text
