"""Price series: asked in windows the API allows, stitched without a seam."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise
from typing import Any

import numpy as np

from flipkit.errors import UnexpectedAnswer
from flipkit.flatpeak.ids import ids_of
from flipkit.flatpeak.moments import span_us, text_of, times_of
from flipkit.flatpeak.segments import Segments, stitch
from flipkit.flatpeak.service import Service
from flipkit.frames import PRICES, Frame, returns
from flipkit.http import Answer, map_concurrent

__all__ = ["Prices", "windows"]

_LONGEST_US = 90 * 86_400 * 1_000_000


class Prices(Service):
    """The verb for prices."""

    @returns(PRICES)
    def prices(
        self,
        location_id: str | Iterable[str],
        start: Any,
        end: Any,
        tariff_direction: str = "IMPORT",
    ) -> Frame:
        """The price of a kWh, segment by segment.

        Longer spans than the 90 days that the API allows are asked for in parts, side by side. Where a part's edge
        cuts a segment in two, the halves are joined again.

        Parameters
        ----------
        location_id : str or iterable of str
            Flatpeak's id of one location, or of many.
        start, end : datetime, Timestamp or str
            With a zone; the end is not included.
        tariff_direction : {"IMPORT", "EXPORT", "LOCAL"}

        Returns
        -------
        DataFrame
            Each location's segments follow each other without gap or overlap. They may begin later or end earlier than
            asked, where the service has no prices.

        Raises
        ------
        PriceUnavailable
            There is no price for a location and direction.
        UnexpectedAnswer
            A gap or an overlap; names the instant.
        """
        span = span_us(start, end)
        query = self._wire.report_query(tariff_direction)
        jobs = [
            (location, window)
            for location in ids_of(location_id, "location_id")
            for window in windows(*span)
        ]
        answers = map_concurrent(lambda job: self._price_part(*job, query), jobs, what="prices")
        series: dict[str, list[tuple[Segments, Answer[Any]]]] = {}
        for (location, window), answer in zip(jobs, answers, strict=True):
            series.setdefault(location, []).append((_segments(answer).clipped(*window), answer))
        asked = {
            "location_id": list(series),
            "start": text_of(span[0]),
            "end": text_of(span[1]),
            **query,
        }
        columns = _columns(series, query[self._wire.direction])
        return PRICES.build(
            columns, self.frames, ordered=True, facts=self._facts(answers, prices=asked)
        )

    def _price_part(
        self, location_id: str, window: tuple[int, int], query: dict[str, str]
    ) -> Answer[Any]:
        times = {"start_time": text_of(window[0]), "end_time": text_of(window[1])}
        if self._wire.anode:
            return self._ask(
                self._wire.prices, "POST", "prices", location_id, body={**times, **query}
            )
        return self._ask(
            self._wire.prices, "GET", "tariffs", "rates", location_id, query={**times, **query}
        )


def windows(start_us: int, end_us: int) -> list[tuple[int, int]]:
    """The span in parts of at most 90 days."""
    return list(pairwise([*range(start_us, end_us, _LONGEST_US), end_us]))


def _segments(answer: Answer[Any]) -> Segments:
    rows = answer.value.data or []
    starts = times_of([row.valid_from for row in rows], "data[].valid_from", answer.request).view(
        np.int64
    )
    ends = times_of([row.valid_to for row in rows], "data[].valid_to", answer.request).view(
        np.int64
    )
    prices = np.array([row.price.value for row in rows], dtype=np.float64)
    segments = Segments(
        starts, ends, prices, np.array([row.price.confidence for row in rows], dtype=np.float64)
    )
    backward = segments.backward()
    if backward is not None:
        raise UnexpectedAnswer(
            f"a price's `valid_to` {text_of(backward)} is not after its `valid_from`",
            answer.request,
        )
    return segments


def _columns(
    series: dict[str, list[tuple[Segments, Answer[Any]]]], direction: str
) -> dict[str, Any]:
    whole = {location: _stitched(location, parts) for location, parts in series.items()}
    sizes = [len(segments) for segments in whole.values()]
    currencies = [parts[0][1].value.currency_code for parts in series.values()]
    joined = Segments.joined(whole.values())
    return {
        "location_id": np.repeat(np.array(list(whole), dtype=object), sizes),
        "start_utc": joined.starts,
        "end_utc": joined.ends,
        "tariff_direction": direction,
        "price_per_kwh": joined.prices,
        "currency": np.repeat(np.array(currencies, dtype=object), sizes),
        "confidence": joined.confidences,
    }


def _stitched(location: str, parts: list[tuple[Segments, Answer[Any]]]) -> Segments:
    whole = stitch([segments for segments, _ in parts])
    currencies = {answer.value.currency_code for _, answer in parts}
    request = parts[0][1].request
    if len(currencies) > 1:
        raise UnexpectedAnswer(
            f"prices of {location} in several currencies: {sorted(currencies)}", request
        )
    rift = whole.rift()
    if rift is None:
        return whole
    before, after = rift
    kind = "a gap" if after > before else "an overlap"
    raise UnexpectedAnswer(
        f"prices of {location}: {kind}: one segment ends at {text_of(before)}, the next begins at {text_of(after)}",
        request,
    )
