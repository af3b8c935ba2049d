"""Whatever an answer contains, the client raises only flipkit's own errors."""

import random

import httpx
import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flipkit.errors import FlipkitError
from flipkit.frames import EQUIPMENT_PERFORMANCE, FLEET_DATA, SITES

SITE = {
    "id": "a",
    "status": "ACTIVE",
    "first_name": "J",
    "system_size_kw": 1.5,
    "created_at": "2025-06-01T00:00:00Z",
}
SITE["devices"] = [{"technology_provider_identifier": "X"}]
ROW = {
    "site_id": "a",
    "month": "2025-06",
    "actual_production_kwh": 1.5,
    "expected_energy_wh": 2,
    "performance_ratio": None,
}
RESULT = {"external_id": "a", "record_type": "site", "status": "FAILED", "error": "unknown"}
ASKED = {
    "missing_site_attributes": ["email"],
    "missing_program_specific_attributes": [{"name": "n", "label": "l"}],
}
REFUSAL = {
    "code": "C",
    "message": "m",
    "detail": [{"loc": ["a"], "msg": "m"}],
    "errors": [{"message": "m", "path": "p"}],
}
DEVICE = {
    "id": "b",
    "type": "X",
    "technology_provider_identifier": "Y",
    "install_date": "2025-06-01T00:00Z",
}

CALLS = {
    "sites": (200, [SITE, SITE], lambda flip: flip.sites(), SITES),
    "performance": (
        200,
        {"data": [ROW]},
        lambda flip: flip.equipment_performance("2025-06"),
        EQUIPMENT_PERFORMANCE,
    ),
    "fleet data": (
        200,
        {"records": [RESULT]},
        lambda flip: flip.push_fleet_data([{"external_id": "a"}]),
        FLEET_DATA,
    ),
    "information": (
        422,
        {"enrollment": ASKED},
        lambda flip: flip.commission({"id": "a"}, [DEVICE]),
        None,
    ),
    "refusal": (400, REFUSAL, lambda flip: flip.sites(), None),
}

leaves = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)
leaves |= st.sampled_from(
    ["2025-06", "0001-01-01T00:00:00+14:00", "2025-06-01", 10**400, -(2**70), 1e308, -0.0, ""]
)
anything = st.recursive(
    leaves, lambda x: st.lists(x, max_size=3) | st.dictionaries(st.text(max_size=3), x, max_size=3)
)


# Made once: Hypothesis examines each new strategy, which takes longer than to draw from it.
one_in_eight = st.integers(0, 7)
one_in_ten = st.integers(0, 9)
repetitions = st.sampled_from([1, 1, 1, 0, 2])


@st.composite
def changed(draw, value):
    """`value` with some of its parts exchanged, dropped or repeated."""
    return change(draw, value)


def change(draw, value):
    if draw(one_in_eight) == 0:
        return draw(anything)
    if isinstance(value, dict):
        return {name: change(draw, member) for name, member in value.items() if draw(one_in_ten)}
    if isinstance(value, list):
        return [change(draw, member) for member in value for _ in range(draw(repetitions))]
    return value


def try_it(serve, frames, name, content):
    status, _, call, table = CALLS[name]
    answer = httpx.Response(status, content=content)
    flip, _ = serve(
        frames, sites=answer, equipment_performance=answer, fleet_data=answer, commission=answer
    )
    try:
        frame = call(flip)
    except FlipkitError:
        return False
    if table is not None:
        assert list(frame.columns) == list(table.names)
    return True


@pytest.mark.parametrize("frames", ["pandas", "polars"])
@pytest.mark.parametrize("name", CALLS)
@settings(max_examples=200, deadline=None)
@given(st.data())
def test_answers_of_another_shape(serve, frames, name, data):
    body = data.draw(changed(CALLS[name][1]))
    try_it(serve, frames, name, msgspec.json.encode(body))


@pytest.mark.slow
@pytest.mark.parametrize("name", CALLS)
def test_damaged_bytes(serve, name):
    dice = random.Random(name)
    whole = msgspec.json.encode(CALLS[name][1])
    for _ in range(1000):
        content = bytearray(whole)
        for _ in range(dice.randint(1, 4)):
            place = dice.randrange(len(content))
            content[place : place + dice.randint(0, 3)] = dice.choice(
                [b"", b"\xff", b"]", b"{", b'"', b"9", b"-", b"null"]
            )
        try_it(
            serve,
            dice.choice(["pandas", "polars"]),
            name,
            bytes(content[: dice.choice([None, place])]),
        )


@pytest.mark.parametrize("name", CALLS)
def test_the_undamaged_answer_is_read(serve, frames_library, name):
    status, body, _, _ = CALLS[name]
    assert try_it(serve, frames_library, name, msgspec.json.encode(body)) == (status == 200)
