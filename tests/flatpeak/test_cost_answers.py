"""Long cost reports are decoded in chunks; the result equals that of json, whatever the rows."""

import json
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flipkit.errors import UnexpectedAnswer
from flipkit.flatpeak import cost_answers
from flipkit.flatpeak.generations import wire_of

JUNE = ("2025-06-01T00:00:00Z", "2025-07-01T00:00:00Z")
DECODER = wire_of("2025-09-14.anode").costs
TRAPS = [
    "}, {",
    "}]",
    '"data": [',
    '"data":[{}, {}]',
    '{"a": 1}, {"b": 2}',
    "\\",
    '"',
    "]",
    "é",
    "[",
    "",
]

texts = st.none() | st.text(max_size=3) | st.lists(st.sampled_from(TRAPS), max_size=3).map("".join)
numbers = st.integers(-9, 9) | st.floats(allow_nan=False, allow_infinity=False)
unknown = st.recursive(
    st.none() | numbers | texts,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["data", "x", "}, {"]), inner, max_size=2)
    ),
    max_leaves=4,
)


@st.composite
def cost_row(draw):
    start = datetime(2025, 6, 1) + timedelta(minutes=30) * draw(st.integers(0, 9))
    zone = draw(st.sampled_from(["Z", "+01:00"]))
    row = {
        "start_time": f"{start.isoformat()}{zone}",
        "end_time": f"{(start + timedelta(minutes=30)).isoformat()}{zone}",
        "energy": {"value": draw(numbers), **draw(st.dictionaries(st.just("more"), unknown))},
        "cost": {"value": draw(numbers), "confidence": draw(numbers)},
        **draw(
            st.dictionaries(st.sampled_from(["session_reference_id", "record_reference_id"]), texts)
        ),
        **draw(st.dictionaries(st.just("other"), unknown)),
    }
    return {name: row[name] for name in draw(st.permutations(list(row)))}


@st.composite
def reports(draw):
    """Bytes of a report: fields in any order, unknown fields of any shape, any white space."""
    rows = st.none() | st.lists(cost_row(), max_size=12)
    fields = {
        "account_id": "a",
        "data": draw(rows),
        **draw(st.dictionaries(st.sampled_from(["meta", "x"]), unknown)),
    }
    order = draw(st.permutations(list(fields)))
    style = {
        "indent": draw(st.sampled_from([None, 0, 1])),
        "separators": draw(st.sampled_from([None, (",", ":")])),
    }
    return json.dumps(
        {name: fields[name] for name in order}, ensure_ascii=draw(st.booleans()), **style
    ).encode()


def cells(report):
    """The report's rows as tuples, numbers as text, so that they compare to the bit."""
    found = report.columns
    if found is None:
        found = cost_answers.CostColumns.of_rows(report.head.data or [])
    nulls = [None] * len(found.cost)
    return list(
        zip(
            found.start_us.view("datetime64[us]").tolist(),
            found.end_us.view("datetime64[us]").tolist(),
            map(repr, found.energy.tolist()),
            map(repr, found.cost.tolist()),
            map(repr, found.confidence.tolist()),
            found.session_reference_id or nulls,
            found.record_reference_id or nulls,
            strict=True,
        )
    )


def expected(content):
    """The same with the standard library alone."""
    return [
        (
            *(
                datetime.fromisoformat(row[at]).astimezone(UTC).replace(tzinfo=None)
                for at in ("start_time", "end_time")
            ),
            *(
                repr(float(x))
                for x in (row["energy"]["value"], row["cost"]["value"], row["cost"]["confidence"])
            ),
            *(row.get(name) or None for name in ("session_reference_id", "record_reference_id")),
        )
        for row in json.loads(content)["data"] or []
    ]


def small_chunks(monkeypatch):
    monkeypatch.setattr(cost_answers, "_CHUNK_BYTES", 40)


@pytest.mark.slow
def test_whatever_the_rows_hold_they_are_what_json_finds(monkeypatch):
    small_chunks(monkeypatch)

    @settings(max_examples=300)
    @given(reports())
    def check(content):
        report = DECODER.decode(content)
        assert cells(report) == expected(content)
        assert report.head.account_id == "a"

    check()


@pytest.mark.slow
def test_half_an_answer_is_refused_wherever_it_ends(monkeypatch):
    small_chunks(monkeypatch)

    @given(reports(), st.data())
    def check(content, data):
        half = content[: data.draw(st.integers(0, len(content) - 1))]
        with pytest.raises((msgspec.DecodeError, UnicodeDecodeError)):
            DECODER.decode(half)

    check()


META = '"meta": {"data": [ROWS]}'
LIKE_ROWS = {
    "another list of that name, deeper": f'{{{META}, "account_id": "a", "data": null}}',
    "another list of that name, before": f'{{{META}, "account_id": "a", "data": [OURS]}}',
    "another list of that name, after": f'{{"account_id": "a", "data": [OURS], {META}}}',
    "a list, and no rows": f'{{{META}, "account_id": "a", "data": []}}',
    "a key that ends so": '{"x\\"data": [ROWS], "account_id": "a", "data": null}',
    "rows in a row": '{"account_id": "a", "data": [{"other": [ROWS], "and": [ROWS], OUR1]}',
}


@pytest.mark.parametrize("case", LIKE_ROWS)
def test_text_that_looks_like_rows_is_not_read_as_rows(monkeypatch, case):
    small_chunks(monkeypatch)
    rows = [
        {
            "start_time": JUNE[0],
            "end_time": JUNE[1],
            "energy": {"value": n},
            "cost": {"value": n, "confidence": 1},
        }
        for n in range(9)
    ]
    theirs, ours = json.dumps(rows[:6])[1:-1], json.dumps(rows[6:])[1:-1]
    content = (
        LIKE_ROWS[case]
        .replace("ROWS", theirs)
        .replace("OURS", ours)
        .replace("OUR1", ours[1:])
        .encode()
    )
    assert cells(DECODER.decode(content)) == expected(content)


def long_report(count):
    start = datetime(2020, 1, 1)
    texts = [f"{(start + timedelta(minutes=30 * n)).isoformat()}Z" for n in range(count + 1)]
    money = [{"value": n / 7, "confidence": 1} for n in range(count)]
    rows = [
        {"start_time": texts[n], "end_time": texts[n + 1], "energy": {"value": n}, "cost": money[n]}
        for n in range(count)
    ]
    return {"account_id": "a", "energy_units": "WH", "currency_code": "GBP", "data": rows}


def test_a_long_report_is_decoded_in_chunks():
    content = json.dumps(long_report(10_000)).encode()
    report = DECODER.decode(content)
    assert report.columns is not None
    assert report.head.data == []
    assert report.columns.record_reference_id is None
    assert cells(report) == expected(content)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (
            {"start_time": "2025-06-01T00:00:00"},
            r"start_time or end_time, row 9000: 2025-06-01T00:00:00 has no zone",
        ),
        ({"end_time": "noon"}, r"end_time, row 9000: 'noon' is not a valid ISO 8601 timestamp"),
        ({"energy": None}, r"data\[9000\]\.energy"),
    ],
)
def test_a_late_error_in_a_long_report_is_located_in_the_whole_report(
    service, flatpeak, wrong, words
):
    report = long_report(10_000)
    report["data"][9_000] |= wrong
    if "start_time" in wrong:
        report["data"][8_999] |= {"end_time": wrong["start_time"]}
    service.answers["POST /costs/interval/loc_1"] = report
    with pytest.raises(UnexpectedAnswer, match=words):
        flatpeak.cost_by_interval("loc_1", *JUNE)
