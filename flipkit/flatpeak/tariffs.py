"""Tariffs of a location, and its price series."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby, pairwise
from operator import attrgetter
from typing import Any, NamedTuple, Protocol

import msgspec
import numpy as np

from flipkit.calendar import read_window, to_text
from flipkit.errors import InputError, RequestInfo, UnexpectedAnswer
from flipkit.flatpeak.generations import answer_stamps, answer_times
from flipkit.flatpeak.service import Service, ids_of
from flipkit.flatpeak.shapes import Page, TariffObject
from flipkit.frames import PRICES, TARIFFS, FrameType, returns
from flipkit.http import Answer, map_concurrent
from flipkit.tariffs import PriceSeries
from flipkit.tariffs.model import joined
from flipkit.vocabulary import DAY_US, Direction

__all__ = ["Prices", "Tariffs", "price_series"]

_TARIFFS = msgspec.json.Decoder(Page[TariffObject])
_OBJECTS = msgspec.json.Decoder(Page[dict[str, Any]])


class _HasBody(Protocol):
    def to_flatpeak(self, location_id: str) -> dict[str, Any]:
        """Return the body that creates the tariff."""


class Tariffs(Service[FrameType]):
    """The methods for tariffs."""

    def create_tariff(self, location_id: str, tariff: Mapping[str, Any] | _HasBody) -> str:
        """Create a tariff for a location.

        Parameters
        ----------
        location_id : str
            Flatpeak's id of the location.
        tariff : Tariff or mapping
            A `Tariff` becomes the price of imported energy; for any other use give a body, e.g.
            ``tariff.to_flatpeak(location_id, direction="EXPORT")``.

        Returns
        -------
        str
            Flatpeak's id of the tariff, ``trf_...``.

        Raises
        ------
        InputError
            Not a tariff, or a body for another location.
        """
        if isinstance(tariff, Mapping):
            body = {"location_id": location_id, **tariff}
        elif hasattr(tariff, "to_flatpeak"):
            body = tariff.to_flatpeak(location_id)
        else:
            raise InputError(
                f"tariff: expected a Tariff or a body as a dict, got {type(tariff).__name__}"
            )
        if body["location_id"] != location_id:
            raise InputError(
                f"the tariff's body is for location {body['location_id']!r}, not {location_id!r}; "
                "make it with tariff.to_flatpeak(location_id)"
            )
        return self._create(body, *self._wire.tariffs)

    @returns(TARIFFS)
    def tariffs(self, location_id: str) -> FrameType:
        """Return the tariffs of a location.

        Parameters
        ----------
        location_id : str
            Flatpeak's id of the location.

        Returns
        -------
        DataFrame
        """
        query = {"location_id": location_id}
        found, answer = self._all(_TARIFFS, *self._wire.tariffs, query=query)
        facts = self._facts([answer.data_time_utc], tariffs_of=location_id)
        return TARIFFS.build(_tariff_columns(found, answer.request), self.frames, facts=facts)

    def tariff_objects(self, location_id: str) -> list[dict[str, Any]]:
        """Return the tariffs of a location as the service lists them, for `Tariff.from_flatpeak`.

        Parameters
        ----------
        location_id : str
            Flatpeak's id of the location.

        Returns
        -------
        list of dict
            Of all directions and types, with all fields.
        """
        query = {"location_id": location_id}
        return self._all(_OBJECTS, *self._wire.tariffs, query=query)[0]

    def delete_tariff(self, tariff_id: str) -> None:
        """Delete a tariff.

        Parameters
        ----------
        tariff_id : str
            Flatpeak's id of the tariff.

        Raises
        ------
        NotFound
            There is no such tariff.
        """
        self._delete(*self._wire.tariffs, tariff_id)


def _tariff_columns(found: Sequence[TariffObject], request: RequestInfo) -> dict[str, Any]:
    directions = [tariff.direction or tariff.tariff_direction for tariff in found]
    types = [tariff.type or tariff.tariff_type for tariff in found]
    for name, values in {"direction": directions, "type": types}.items():
        if not all(values):
            raise UnexpectedAnswer(
                f"the answer does not match the contract: a tariff has no `{name}`", request
            )
    starts = [tariff.contract_start_date for tariff in found]
    ends = [tariff.contract_end_date for tariff in found]
    return {
        "tariff_id": [tariff.id for tariff in found],
        "location_id": [tariff.location_id for tariff in found],
        "tariff_direction": directions,
        "tariff_type": types,
        "display_name": [tariff.display_name for tariff in found],
        "market_rates": [tariff.market_rates for tariff in found],
        "contract_start_utc": answer_stamps(starts, "contract_start_date", request),
        "contract_end_utc": answer_stamps(ends, "contract_end_date", request),
        "status": [tariff.status or None for tariff in found],
    }


_LONGEST_US = 90 * DAY_US  # the API's limit for one request


class _PriceRequest(NamedTuple):
    """Prices of one location over at most 90 days."""

    location_id: str
    start_us: int
    end_us: int


class _PriceAnswer(NamedTuple):
    """A request with its answer."""

    request: _PriceRequest
    answer: Answer[Any]

    @property
    def location_id(self) -> str:
        return self.request.location_id


class Prices(Service[FrameType]):
    """The method for prices."""

    @returns(PRICES)
    def prices(
        self,
        location_id: str | Iterable[str],
        start: Any,
        end: Any = None,
        tariff_direction: Direction = "IMPORT",
    ) -> FrameType:
        """Return the price per kWh, segment by segment.

        Spans above the API's limit of 90 days are requested in parts, concurrently. If the edge of
        a part cuts a segment in two, the halves are joined again.

        Parameters
        ----------
        location_id : str or iterable of str
            Flatpeak's id of one location, or of many.
        start, end : str, date, datetime, Timestamp or Period
            ``"2025-06"`` and ``"2025-06-15"`` are local months and days of each location, the end
            included; a time with a zone is an instant, the end not included. `end` defaults to
            the end of `start`.
        tariff_direction : {"IMPORT", "EXPORT", "LOCAL"}

        Returns
        -------
        DataFrame
            The segments of a location follow each other without a gap or an overlap. They may begin
            later or end earlier than the window if the service has no prices there.

        Raises
        ------
        InputError
            An empty window, an unknown direction, or an id that is not a string.
        NaiveTimestampError
            A time without a zone.
        PriceUnavailable
            There is no price for a location and direction.
        UnexpectedAnswer
            A gap, an overlap or several currencies; names the location and the instant.
        """
        window = read_window(start, end)
        query = self._wire.report_query(tariff_direction)
        ids = ids_of(location_id, "location_id")
        requests = []
        for one, bounds in zip(ids, self._bounds(ids, window), strict=True):
            requests.extend(_requests(one, *bounds))
        answers = _answers(self, requests, tariff_direction)
        asked = {
            "location_id": ids,
            "start": str(start),
            "end": None if end is None else str(end),
            **query,
        }
        answered = [each.answer.data_time_utc for each in answers]
        return PRICES.build(
            _frame_columns(answers, query[self._wire.direction]),
            self.frames,
            ordered=True,
            facts=self._facts(answered, prices=asked),
        )


def price_series(
    client: Prices, location_id: str, start_us: int, end_us: int, *, tariff_direction: Direction
) -> PriceSeries | None:
    """Return the prices of one location; None if the service answers without any.

    Raises
    ------
    PriceUnavailable
        There is no price for the location and direction.
    UnexpectedAnswer
        A gap, an overlap or several currencies.
    """
    requests = _requests(location_id, start_us, end_us)
    return _series(_answers(client, requests, tariff_direction))


def _requests(location_id: str, start_us: int, end_us: int) -> list[_PriceRequest]:
    edges = [*range(start_us, end_us, _LONGEST_US), end_us]
    return [_PriceRequest(location_id, first, last) for first, last in pairwise(edges)]


def _answers(
    client: Prices, requests: Sequence[_PriceRequest], direction: Direction
) -> list[_PriceAnswer]:
    wire = client._wire
    query = wire.report_query(direction)

    def ask(request: _PriceRequest) -> _PriceAnswer:
        times = {"start_time": to_text(request.start_us), "end_time": to_text(request.end_us)}
        asked = {**times, **query}
        if wire.is_anode:
            path = ["prices", request.location_id]
            answer = client._ask(wire.prices, "POST", *path, body=asked)
        else:
            path = ["tariffs", "rates", request.location_id]
            answer = client._ask(wire.prices, "GET", *path, query=asked)
        return _PriceAnswer(request, answer)

    return map_concurrent(ask, requests, what="prices")


def _frame_columns(answers: Sequence[_PriceAnswer], direction: str) -> dict[str, Any]:
    """Return the columns of a price frame, one location after another."""
    ids, currencies, found = [], [], []
    for location_id, group in groupby(answers, key=attrgetter("location_id")):
        own_answers = list(group)
        series = _series(own_answers)
        if series is not None:
            ids.append(location_id)
            currencies.append(own_answers[0].answer.value.currency_code)
            found.append(series)
    if not found:
        return {}
    sizes = [len(series) for series in found]
    return {
        "location_id": np.repeat(np.array(ids, dtype=object), sizes),
        "start_utc": np.concatenate([series.start_us for series in found]),
        "end_utc": np.concatenate([series.end_us for series in found]),
        "tariff_direction": direction,
        "price_per_kwh": np.concatenate([series.price_per_kwh for series in found]),
        "currency": np.repeat(np.array(currencies, dtype=object), sizes),
        "confidence": np.concatenate([series.confidence for series in found]),
    }


def _series(answers: Sequence[_PriceAnswer]) -> PriceSeries | None:
    """Join the answers for one location, which are of consecutive windows."""
    location_id = answers[0].location_id
    info = answers[0].answer.request
    currencies = {each.answer.value.currency_code for each in answers}
    if len(currencies) > 1:
        raise UnexpectedAnswer(
            f"the prices of {location_id} are in several currencies: {sorted(currencies)}", info
        )
    try:
        parts = [_part(each.request, each.answer) for each in answers]
        found = [part for part in parts if part is not None]
        if not found:
            return None
        return _without_seams(joined(found), [each.request.start_us for each in answers])
    except InputError as error:
        # PriceSeries checks its input; here the input is the service's answer.
        raise UnexpectedAnswer(
            f"the prices of {location_id} are not usable: {error}", info
        ) from None


def _part(request: _PriceRequest, answer: Answer[Any]) -> PriceSeries | None:
    """Return the segments of one answer in order of time, cut to the window."""
    rows = answer.value.data or []
    starts = answer_times([row.valid_from for row in rows], "data[].valid_from", answer.request)
    ends = answer_times([row.valid_to for row in rows], "data[].valid_to", answer.request)
    start_us = starts.view(np.int64)
    end_us = ends.view(np.int64)
    backward = np.flatnonzero(end_us <= start_us)
    if len(backward):
        raise UnexpectedAnswer(
            f"a price's `valid_to` {to_text(end_us[backward[0]])} is not after its `valid_from`",
            answer.request,
        )
    start_us = np.maximum(start_us, request.start_us)
    end_us = np.minimum(end_us, request.end_us)
    inside = np.flatnonzero(end_us > start_us)
    if len(inside) == 0:
        return None
    # The service may list segments in any order.
    order = inside[np.lexsort((end_us[inside], start_us[inside]))]
    price = np.array([row.price.value for row in rows], dtype=np.float64)
    confidence = np.array([row.price.confidence for row in rows], dtype=np.float64)
    return PriceSeries(start_us[order], end_us[order], price[order], confidence[order])


def _without_seams(series: PriceSeries, request_starts: Sequence[int]) -> PriceSeries:
    """Merge segments that only the edge of a request separates: no price changes there."""
    assert series.confidence is not None
    at_request = np.isin(series.start_us[1:], request_starts)
    same_price = series.price_per_kwh[1:] == series.price_per_kwh[:-1]
    same_confidence = series.confidence[1:] == series.confidence[:-1]
    kept = np.append(True, ~(at_request & same_price & same_confidence))
    start_us = series.start_us[kept]
    end_us = np.append(start_us[1:], series.end_us[-1])
    return PriceSeries(start_us, end_us, series.price_per_kwh[kept], series.confidence[kept])
