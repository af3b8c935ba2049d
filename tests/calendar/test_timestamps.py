"""Times as text: the fast and the careful parser agree."""

from datetime import UTC, datetime, timedelta, timezone

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flipkit.calendar import format_times, parse_time, parse_times
from flipkit.errors import InputError, NaiveTimestampError

moments = st.datetimes(datetime(1900, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC))
offsets = st.integers(-14 * 60, 14 * 60).map(lambda m: timezone(timedelta(minutes=m)))


@given(st.lists(moments.map(lambda t: t.replace(microsecond=0)), max_size=20))
def test_zulu_text_round_trips(times):
    texts = [t.strftime("%Y-%m-%dT%H:%M:%SZ") if t.year > 999 else t.isoformat() for t in times]
    parsed = parse_times(texts)
    assert parsed.tolist() == [t.replace(tzinfo=None) for t in times]
    assert format_times(parsed) == texts


@given(st.lists(st.tuples(moments, offsets), min_size=1, max_size=10))
def test_offsets_and_fractions_agree_with_datetime(pairs):
    texts = [t.astimezone(zone).isoformat() for t, zone in pairs]
    assert parse_times(texts).tolist() == [t.replace(tzinfo=None) for t, _ in pairs]


def near_times(text):
    """The text itself, or with one character changed, dropped or added."""
    spot, letter = st.integers(0, len(text)), st.sampled_from("0123456789+-:TZ \n\u00e9")
    changed = st.builds(
        lambda at, x, gone: text[:at] + x + text[at + gone :], spot, letter, st.integers(0, 1)
    )
    return st.one_of(st.just(text), changed)


def outcome(parse):
    try:
        return parse().tolist()
    except InputError:
        return "error"


@given(st.lists(st.tuples(moments, offsets, st.booleans()), min_size=1, max_size=4), st.data())
def test_a_column_at_once_agrees_with_one_time_at_a_time(triples, data):
    clean = [t.replace(microsecond=0).astimezone(zone).isoformat() for t, zone, _ in triples]
    texts = [
        data.draw(near_times(text)) if spoiled else text
        for text, (_, _, spoiled) in zip(clean, triples, strict=True)
    ]
    each = outcome(lambda: np.array([parse_time(text) for text in texts], dtype="datetime64[us]"))
    assert outcome(lambda: parse_times(texts)) == each


@given(st.text(max_size=25))
def test_any_text_is_a_time_or_an_error_that_names_it(text):
    try:
        parse_times([text], "start_utc")
    except InputError as error:
        message = str(error)
    else:
        message = "start_utc, row 0"
    assert "start_utc, row 0" in message


def test_impossible_dates_of_the_fast_shape_are_errors():
    for text in (
        "2025-02-30T00:00:00Z",
        "2025-13-01T00:00:00Z",
        "2025-01-01T25:00:00Z",
        "aaaa-bb-ccTdd:ee:ffZ",
    ):
        with pytest.raises(InputError):
            parse_times([text])


@pytest.mark.parametrize("text", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"])
def test_a_time_beyond_the_calendar_in_utc_is_an_error(text):
    with pytest.raises(InputError, match=r"row 0.*out of range"):
        parse_times([text])


def test_naive_text_is_an_error():
    with pytest.raises(NaiveTimestampError, match="row 1"):
        parse_times(["2025-01-01T00:00:00Z", "2025-01-01T00:00:00"])


def test_one_time():
    assert parse_time(datetime(2025, 1, 1, tzinfo=UTC)) == np.datetime64("2025-01-01T00:00:00")
    with pytest.raises(InputError, match="expected a time, got int"):
        parse_time(7)
