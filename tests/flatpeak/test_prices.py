"""Prices: windows, and that joining them changes nothing."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flipkit.errors import InputError, PriceUnavailable, UnexpectedAnswer

START = datetime(2025, 1, 1, tzinfo=UTC)
DAY = timedelta(days=1)


def text(moment):
    return moment.isoformat().replace("+00:00", "Z")


def answer(segments, currency="GBP", clip=None):
    """A price answer; segments are (from, to, price, confidence)."""
    if clip:
        first, last = clip
        segments = [
            (max(a, first), min(b, last), *rest)
            for a, b, *rest in segments
            if b > first and a < last
        ]
    return {
        "id": "prs_1",
        "object": "price",
        "currency_code": currency,
        "location_id": "loc_1",
        "data": [
            {"valid_from": text(a), "valid_to": text(b), "price": {"value": p, "confidence": c}}
            for a, b, p, c in segments
        ],
    }


def window_of(call):
    body = call.body or call.query
    return tuple(datetime.fromisoformat(body[name]) for name in ("start_time", "end_time"))


def got(rows, frame):
    return [
        (r["start_utc"], r["end_utc"], r["price_per_kwh"], r["confidence"]) for r in rows(frame)
    ]


levels = st.tuples(st.sampled_from([0.1, 0.2, -0.05]), st.sampled_from([1.0, 0.8]))
# Lengths that often end on the edge of a window, and in the hours around it.
hours = st.one_of(
    st.integers(1, 48),
    st.sampled_from([24 * 30, 24 * 45, 24 * 90, 24 * 90 + 1]),
    st.integers(1, 24 * 60),
)


@st.composite
def price_series(draw, distinct):
    """Consecutive segments from before the start of the query until its end or later."""
    moment, series = START - timedelta(hours=draw(st.integers(0, 1))), []
    for length, (price, confidence) in draw(
        st.lists(st.tuples(hours, levels), min_size=1, max_size=15)
    ):
        same = distinct and series and (price, confidence) == series[-1][2:]
        series.append((moment, moment + timedelta(hours=length), price + bool(same), confidence))
        moment = series[-1][1]
    end = max(START + timedelta(hours=1), moment - timedelta(hours=draw(st.integers(0, 30))))
    series.append((moment, moment + timedelta(hours=2), 7.0, 1.0))
    return series, end


@settings(deadline=None)
@given(made=price_series(distinct=True), clipping=st.booleans(), seed=st.integers(0, 2**32 - 1))
def test_joined_windows_equal_one_series(make_service, rows, made, clipping, seed):
    series, end = made
    service = make_service()

    def prices(call):
        window = window_of(call)
        assert timedelta(0) < window[1] - window[0] <= timedelta(days=90)
        inside = [s for s in series if s[1] > window[0] and s[0] < window[1]]
        Random(f"{seed} {window}").shuffle(
            inside
        )  # by window: the calls come from threads, in any order
        return answer(inside, clip=window if clipping else None)

    service.answers["POST /prices/loc_1"] = prices
    with service.client() as client:
        frame = client.prices("loc_1", START, end)
    direct = [(max(a, START), min(b, end), p, c) for a, b, p, c in series if b > START and a < end]
    assert got(rows, frame) == direct


@settings(deadline=None)
@given(made=price_series(distinct=False))
def test_the_price_of_every_instant_is_kept(make_service, rows, made):
    series, end = made
    service = make_service()
    service.answers["POST /prices/loc_1"] = lambda call: answer(series, clip=window_of(call))
    with service.client() as client:
        found = got(rows, client.prices("loc_1", START, end))
    assert (found[0][0], found[-1][1]) == (START, end)
    assert all(before[1] == after[0] for before, after in pairwise(found))
    for a, b, price, confidence in series:
        for moment in (a, b - timedelta(microseconds=1)):
            if START <= moment < end:
                assert [s[2:] for s in found if s[0] <= moment < s[1]] == [(price, confidence)]
    changes = {s[0] for s in series}
    assert all(s[0] in changes or s[0] == START for s in found)


def test_a_window_without_prices_at_its_edges_returns_the_rest(service, flatpeak, rows):
    known = [(START + DAY, START + 2 * DAY, 0.1, 1.0)]
    service.answers["POST /prices/loc_1"] = lambda call: answer(known, clip=window_of(call))
    assert got(rows, flatpeak.prices("loc_1", START, START + 200 * DAY)) == known
    service.answers["POST /prices/loc_1"] = answer([])
    assert len(flatpeak.prices("loc_1", START, START + DAY)) == 0


@pytest.mark.parametrize(("shift", "kind"), [(1, "a gap"), (-1, "an overlap")])
@pytest.mark.parametrize("at", [10, 90, 120])
def test_a_gap_or_an_overlap_names_the_instant(service, flatpeak, shift, kind, at):
    middle = START + at * DAY
    segments = [
        (START, middle, 0.1, 1.0),
        (middle + shift * timedelta(hours=1), START + 200 * DAY, 0.2, 1.0),
    ]
    service.answers["POST /prices/loc_1"] = lambda call: answer(segments, clip=window_of(call))
    with pytest.raises(UnexpectedAnswer, match=kind) as caught:
        flatpeak.prices("loc_1", START, START + 200 * DAY)
    assert text(middle) in str(caught.value)


@pytest.mark.parametrize("until", [START, START - DAY])
def test_a_segment_must_end_after_it_begins(service, flatpeak, until):
    service.answers["POST /prices/loc_1"] = answer([(START, until, 0.1, 1.0)])
    with pytest.raises(UnexpectedAnswer, match="valid_to"):
        flatpeak.prices("loc_1", START, START + DAY)


def test_many_locations_are_one_sorted_frame(service, flatpeak, rows):
    for number in (2, 1):
        made = [(START, START + 100 * DAY, number / 10, 1.0)]
        currency = f"EU{number}"
        service.answers[f"POST /prices/loc_{number}"] = lambda call, made=made, currency=currency: (
            answer(made, currency, clip=window_of(call))
        )
    found = rows(flatpeak.prices(["loc_2", "loc_1", "loc_2"], START, START + 100 * DAY, "EXPORT"))
    assert [
        (r["location_id"], r["currency"], r["price_per_kwh"], r["tariff_direction"]) for r in found
    ] == [("loc_1", "EU1", 0.1, "EXPORT"), ("loc_2", "EU2", 0.2, "EXPORT")]
    assert len(service.calls) == 4
    assert service.last.body["tariff_direction"] == "EXPORT"
    assert len(flatpeak.prices([], START, START + DAY)) == 0


def test_one_location_has_one_currency(service, flatpeak):
    currencies = iter(["GBP", "EUR", "GBP"])
    service.answers["POST /prices/loc_1"] = lambda call: answer(
        [(START, START + 300 * DAY, 0.1, 1.0)], next(currencies), clip=window_of(call)
    )
    with pytest.raises(UnexpectedAnswer, match="currencies"):
        flatpeak.prices("loc_1", START, START + 200 * DAY)


def test_zero_requests_rates(service, frames_library, rows):
    row = {
        "valid_from": text(START),
        "valid_to": text(START + DAY),
        "tariff": {"rate": 0.3, "confidence": 0.8},
    }
    body = {"currency_code": "GBP", "data": [{**row, "carbon": {"intensity": 1}}]}
    service.answers["GET /tariffs/rates/loc_1"] = body
    client = service.client(version="2024-08-24.zero", frames=frames_library)
    assert got(rows, client.prices("loc_1", START, START + DAY)) == [(START, START + DAY, 0.3, 0.8)]
    assert service.last.query == {
        "start_time": "2025-01-01T00:00:00Z",
        "end_time": "2025-01-02T00:00:00Z",
        "direction": "IMPORT",
        "include_tariff": "true",
    }
    assert service.last.body is None


def test_local_dates_are_those_of_the_location(service, flatpeak):
    service.answers["GET /locations/loc_1"] = {
        "id": "loc_1",
        "live_mode": False,
        "time_created": text(START),
        "timezone": "Europe/Brussels",
    }
    service.answers["POST /prices/loc_1"] = answer([(START - DAY, START + 300 * DAY, 0.1, 1.0)])
    frame = flatpeak.prices("loc_1", "2025-01")
    assert [call.path for call in service.calls] == ["/locations/loc_1", "/prices/loc_1"]
    assert service.last.body["start_time"] == "2024-12-31T23:00:00Z"
    assert service.last.body["end_time"] == "2025-01-31T23:00:00Z"
    assert len(frame) == 1


def test_equal_neighbours_of_the_service_stay_apart_and_windows_do_not_cut(service, flatpeak, rows):
    edges = [START, START + 10 * DAY, START + 200 * DAY]
    segments = [(edges[0], edges[1], 0.1, 1.0), (edges[1], edges[2], 0.1, 1.0)]
    service.answers["POST /prices/loc_1"] = lambda call: answer(segments, clip=window_of(call))
    assert got(rows, flatpeak.prices("loc_1", START, edges[2])) == segments


def test_a_missing_price_is_an_error_of_its_own(service, flatpeak):
    service.answers["POST /prices/loc_1"] = (422, {"code": "no_price_data", "message": "No prices"})
    with pytest.raises(PriceUnavailable, match="15 minutes"):
        flatpeak.prices("loc_1", START, START + DAY)
    with pytest.raises(InputError):
        flatpeak.prices("loc_1", START, START)
