"""What energy cost, by interval and by session."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial
from typing import Any

import numpy as np

from flipkit.errors import InputError, RequestInfo, UnexpectedAnswer
from flipkit.flatpeak.cost_rows import Report, columns_of, joined
from flipkit.flatpeak.ids import ids_of
from flipkit.flatpeak.moments import span_us, text_of, times_of
from flipkit.flatpeak.service import Service
from flipkit.frames import COSTS, Frame, returns
from flipkit.http import Answer, map_concurrent

__all__ = ["Costs", "cost_columns"]

_AGGREGATIONS = (None, "DAY", "MONTH")
_PER_KWH = {"WH": 1000.0, "KWH": 1.0}


class Costs(Service):
    """The verbs for costs of records that were submitted."""

    @returns(COSTS)
    def cost_by_interval(
        self,
        object_id: str | Iterable[str],
        start: Any,
        end: Any,
        *,
        tariff_direction: str = "IMPORT",
        aggregation: str | None = None,
    ) -> Frame:
        """What the energy of locations or devices cost, with today's knowledge of the prices.

        Parameters
        ----------
        object_id : str or iterable of str
            Flatpeak's id of one location or device, or of many.
        start, end : datetime, Timestamp or str
            With a zone; the end is not included.
        tariff_direction : {"IMPORT", "EXPORT", "LOCAL"}
            Whose records: those submitted with this tariff direction.
        aggregation : {None, "DAY", "MONTH"}
            By local day or month of the location; None is a row a record.

        Returns
        -------
        DataFrame
            Standing charges are not part of the costs.

        Raises
        ------
        PriceUnavailable
            There is no price for a location and direction.
        """
        first, last = span_us(start, end)
        if aggregation not in _AGGREGATIONS:
            raise InputError(
                f"aggregation={aggregation!r}: choose DAY, MONTH, or None for a row a record"
            )
        direction = self._wire.cost_query(tariff_direction)
        query = direction | ({"aggregation": aggregation} if aggregation else {})
        body = {
            "start_time": text_of(first),
            "end_time": text_of(last),
            **(direction if self._wire.anode else {}),
        }
        objects = ids_of(object_id, "object_id")
        answers = map_concurrent(
            lambda one: self._ask(
                self._wire.costs, "POST", "costs", "interval", one, query=query, body=body
            ),
            objects,
            what="costs",
        )
        word = direction[self._wire.direction]
        parts = [
            _cost_rows(answer, one, word) for one, answer in zip(objects, answers, strict=True)
        ]
        facts = self._facts(answers, cost_by_interval={"object_id": objects, **body, **query})
        return COSTS.build(joined(parts), self.frames, ordered=True, facts=facts)

    @returns(COSTS)
    def cost_by_session(
        self, session_reference_id: str, *, tariff_direction: str = "IMPORT"
    ) -> Frame:
        """What a session cost, e.g. the charging of a car.

        Parameters
        ----------
        session_reference_id : str
            As submitted with its records.
        tariff_direction : {"IMPORT", "EXPORT", "LOCAL"}
            Whose records: those submitted with this tariff direction.

        Returns
        -------
        DataFrame

        Raises
        ------
        PriceUnavailable
            There is no price for the location and direction.
        """
        query = self._wire.cost_query(tariff_direction)
        answer = self._ask(
            self._wire.costs, "POST", "costs", "session", session_reference_id, query=query
        )
        columns = _cost_rows(answer, answer.value.head.object_id, query[self._wire.direction])
        if columns["session_reference_id"] is None:
            columns["session_reference_id"] = session_reference_id
        facts = self._facts(
            [answer], cost_by_session={"session_reference_id": session_reference_id, **query}
        )
        return COSTS.build(columns, self.frames, ordered=True, facts=facts)


def cost_columns(
    rows: Sequence[Any], units: Sequence[str] | str, request: RequestInfo
) -> dict[str, Any]:
    """Cost rows as columns; a text column that is null throughout is None.

    Parameters
    ----------
    rows : sequence of CostRow
    units : str, or sequence of str
        Of the energy, of all rows or of each.
    request : RequestInfo
        For errors.

    Raises
    ------
    UnexpectedAnswer
        A time that is none, or a unit that is not known.
    """
    return _in_kwh(columns_of(rows, partial(times_of, request=request)), units, request)


def _in_kwh(
    columns: dict[str, Any], units: Sequence[str] | str, request: RequestInfo
) -> dict[str, Any]:
    unknown = set([units] if isinstance(units, str) else units) - set(_PER_KWH)
    if unknown:
        raise UnexpectedAnswer(f"energy in {min(unknown)!r}; the contract promises WH", request)
    per_kwh = (
        _PER_KWH[units] if isinstance(units, str) else np.array([_PER_KWH[unit] for unit in units])
    )
    return {"energy_kwh": columns.pop("energy") / per_kwh, **columns}


def _cost_rows(answer: Answer[Report], object_id: str | None, direction: str) -> dict[str, Any]:
    head, columns = answer.value
    if columns is None:
        columns = cost_columns(head.data or [], head.energy_units, answer.request)
    else:
        columns = _in_kwh(columns, head.energy_units, answer.request)
    columns |= {"object_id": object_id, "tariff_direction": direction}
    columns |= {"currency": head.currency_code or None, "timezone": head.location_timezone or None}
    return _in_order(columns)


def _in_order(columns: dict[str, Any]) -> dict[str, Any]:
    starts, ends = columns["start_utc"], columns["end_utc"]
    if (starts[1:] > starts[:-1]).all():
        return columns
    order = np.lexsort((ends, starts))
    rows = order.tolist()
    return {
        name: [values[row] for row in rows] if isinstance(values, list) else _picked(values, order)
        for name, values in columns.items()
    }


def _picked(values: Any, order: np.ndarray) -> Any:
    return values[order] if isinstance(values, np.ndarray) else values
