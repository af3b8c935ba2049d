"""What energy cost: by interval, by session, and of single records, stored or only simulated."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import Any, cast

import numpy as np

from flipkit.calendar import Window, read_window, to_text
from flipkit.errors import InputError, UnexpectedAnswer
from flipkit.flatpeak.cost_answers import CostColumns, CostReport, CostRows, cost_columns, in_kwh
from flipkit.flatpeak.delivery import record_bodies
from flipkit.flatpeak.generations import Wire
from flipkit.flatpeak.records import CheckedRecords, implausible_intervals, read_intervals
from flipkit.flatpeak.service import Service, ids_of
from flipkit.frames import COSTS, INSTANT_COSTS, Finding, FrameType, as_text, returns
from flipkit.http import Answer, map_concurrent
from flipkit.vocabulary import Aggregation, Direction

__all__ = ["Costs", "InstantCosts", "cost_rows"]

_ATTRIBUTES = {"start_utc": "start_us", "end_utc": "end_us"}  # of `CostRows`, by column


class Costs(Service[FrameType]):
    """The methods for costs of submitted records."""

    @returns(COSTS)
    def cost_by_interval(
        self,
        object_id: str | Iterable[str],
        start: Any,
        end: Any = None,
        *,
        tariff_direction: Direction = "IMPORT",
        aggregation: Aggregation | None = None,
    ) -> FrameType:
        """Return what the energy of locations or devices cost, at the prices known today.

        Parameters
        ----------
        object_id : str or iterable of str
            Flatpeak's id of one location or device, or of many.
        start, end : str, date, datetime, Timestamp or Period
            ``"2025-06"`` and ``"2025-06-15"`` are local months and days of each location, the end
            included; a time with a zone is an instant, the end not included. `end` defaults to
            the end of `start`.
        tariff_direction : {"IMPORT", "EXPORT", "LOCAL"}
            Records that were submitted with this tariff direction.
        aggregation : {None, "DAY", "MONTH"}
            One row per local day or month of the location; None for one row per record.

        Returns
        -------
        DataFrame
            Standing charges are not included in the costs.

        Raises
        ------
        InputError
            An empty window, an unknown direction or aggregation, an id that is not a string, or
            local dates for a device, whose time zone the service does not give.
        NaiveTimestampError
            A time without a zone.
        PriceUnavailable
            There is no price for a location and direction.
        """
        window = read_window(start, end)
        if aggregation not in {None, "DAY", "MONTH"}:
            raise InputError(
                f"aggregation {aggregation!r} is not one of 'DAY', 'MONTH' and None (one row per "
                "record)"
            )
        self._wire.cost_query(tariff_direction)  # raises for an unknown direction
        ids = ids_of(object_id, "object_id")
        _check_zones(ids, window)
        jobs = list(zip(ids, self._bounds(ids, window), strict=True))
        ask = partial(cost_rows, self, tariff_direction=tariff_direction, aggregation=aggregation)
        parts = map_concurrent(lambda job: ask(job[0], *job[1]), jobs, what="costs")
        query = {
            "object_id": ids,
            "start": str(start),
            "end": None if end is None else str(end),
            "tariff_direction": tariff_direction,
            "aggregation": aggregation,
        }
        facts = self._facts([part.answered_utc for part in parts], cost_by_interval=query)
        return COSTS.build(_frame_columns(parts), self.frames, ordered=True, facts=facts)

    @returns(COSTS)
    def cost_by_session(
        self, session_reference_id: str, *, tariff_direction: Direction = "IMPORT"
    ) -> FrameType:
        """Return what a session cost, e.g. the charging of a car.

        Parameters
        ----------
        session_reference_id : str
            As submitted with its records.
        tariff_direction : {"IMPORT", "EXPORT", "LOCAL"}
            Records that were submitted with this tariff direction.

        Returns
        -------
        DataFrame

        Raises
        ------
        InputError
            An unknown direction, or an id that is not valid.
        PriceUnavailable
            There is no price for the location and direction.
        """
        query = self._wire.cost_query(tariff_direction)
        answer = self._ask(
            self._wire.costs, "POST", "costs", "session", session_reference_id, query=query
        )
        rows = _rows_of(answer, answer.value.head.object_id, query[self._wire.direction])
        columns = _frame_columns([rows])
        if columns["session_reference_id"] is None:
            columns["session_reference_id"] = session_reference_id
        asked = {"session_reference_id": session_reference_id, **query}
        facts = self._facts([rows.answered_utc], cost_by_session=asked)
        return COSTS.build(columns, self.frames, ordered=True, facts=facts)


def cost_rows(
    client: Costs,
    object_id: str,
    start_us: int,
    end_us: int,
    *,
    tariff_direction: Direction,
    aggregation: Aggregation | None = None,
) -> CostRows:
    """Return the cost rows of one location or device as arrays.

    Raises
    ------
    PriceUnavailable
        There is no price for the location and direction.
    """
    wire = client._wire
    query = wire.cost_query(tariff_direction)
    body = {"start_time": to_text(start_us), "end_time": to_text(end_us)}
    direction = query[wire.direction]
    if wire.is_anode:  # documented in both places; Zero refuses it in the body
        body[wire.direction] = direction
    if aggregation:
        query["aggregation"] = aggregation
    answer = client._ask(wire.costs, "POST", "costs", "interval", object_id, query=query, body=body)
    return _rows_of(answer, object_id, direction)


def _check_zones(ids: Sequence[str], window: Window) -> None:
    """Raise InputError if local dates are given for an object whose time zone is not known."""
    if not window.needs_zone:
        return
    for one in ids:
        if not one.startswith("loc_"):
            raise InputError(
                f"object {one!r} is not a location, and the service does not give the time zone of "
                "a device; give start and end as datetimes with a zone, or use fk.cost_report"
            )


def _rows_of(answer: Answer[CostReport], object_id: str | None, direction: str) -> CostRows:
    head = answer.value.head
    columns = CostColumns.of_report(answer)
    return CostRows(
        object_id=object_id,
        tariff_direction=cast(Direction, direction),
        currency=head.currency_code or None,
        timezone=head.location_timezone or None,
        answered_utc=answer.data_time_utc,
        start_us=columns.start_us,
        end_us=columns.end_us,
        energy_kwh=in_kwh(columns.energy, head.energy_units, answer.request),
        cost=columns.cost,
        confidence=columns.confidence,
        session_reference_id=columns.session_reference_id,
        record_reference_id=columns.record_reference_id,
        energy_flow_direction=columns.energy_flow_direction,
    )


def _frame_columns(parts: Sequence[CostRows]) -> dict[str, Any]:
    """Return the columns of a cost frame, one part after another."""
    if not parts:
        return {}
    sizes = [len(part) for part in parts]
    columns: dict[str, Any] = {}
    for name in COSTS.names:
        values = [getattr(part, _ATTRIBUTES.get(name, name)) for part in parts]
        columns[name] = _column(values, sizes)
    return columns


def _column(values: Sequence[Any], sizes: Sequence[int]) -> Any:
    """Return one column; a value that is None or a string fills all rows of its part."""
    if len(values) == 1:
        return values[0]
    if isinstance(values[0], np.ndarray):
        return np.concatenate(values)
    if not any(isinstance(value, list) for value in values):
        # A scalar fills the whole column much faster than an array does.
        if len(set(values)) == 1:
            return values[0]
        return np.repeat(np.array(values, dtype=object), sizes)
    column: list[str | None] = []
    for value, size in zip(values, sizes, strict=True):
        column.extend(value if isinstance(value, list) else [value] * size)
    return column


_SHOWN_ERRORS = 5


class InstantCosts(Service[FrameType]):
    """The methods for costs of records that are sent with the question."""

    @returns(INSTANT_COSTS)
    def instant_cost(self, record: Any, *, non_persistent: bool = False) -> FrameType:
        """Submit one record and return its cost.

        Parameters
        ----------
        record : dict or DataFrame of one row
            As for `submit_interval`.
        non_persistent : bool
            True: only simulate, and store nothing. False: store the record, as `submit_interval`
            does; the call is not repeated if it may have arrived.

        Returns
        -------
        DataFrame
            One row.

        Raises
        ------
        InputError
            The record cannot be used, or there is not exactly one; nothing was sent.
        PriceUnavailable
            There is no price for the location and direction.
        UnexpectedAnswer
            With `non_persistent`: the service does not confirm that it stored nothing.
        """
        checked = _read_all([record] if isinstance(record, Mapping) else record)
        if len(checked) != 1:
            raise InputError(
                f"instant_cost takes one record, got {len(checked)}; use simulate_costs for many"
            )
        answers = [self._instant(body, non_persistent) for body in self._bodies(checked)]
        return self._instant_frame(checked, answers, record, non_persistent=non_persistent)

    @returns(INSTANT_COSTS)
    def simulate_costs(self, records: Any) -> FrameType:
        """Return what records would cost; the service stores none of them.

        The API takes one record per call, so there is one call per record; they are made
        concurrently. For whole years use `flipkit.simulate`, which computes costs locally and
        verifies a sample with this method.

        Parameters
        ----------
        records : DataFrame or list of dict
            As for `submit_interval`.

        Returns
        -------
        DataFrame
            One row per record, in the order of the records; of the library of `records`, if that
            is a frame. Findings are the likely slips of `submit_interval`.

        Raises
        ------
        InputError
            A record cannot be used; names the rows, and nothing was sent.
        PriceUnavailable
            There is no price for a location and direction.
        UnexpectedAnswer
            The service does not confirm that it stored nothing; the first record is sent alone to
            find this out.
        """
        checked = _read_all(records)
        bodies = self._bodies(checked)
        # The first one alone: if the service does not confirm it, only one record may be stored.
        answers = [self._instant(body, non_persistent=True) for body in bodies[:1]]
        answers += map_concurrent(
            lambda body: self._instant(body, non_persistent=True), bodies[1:], what="simulating"
        )
        return self._instant_frame(checked, answers, records, non_persistent=True)

    def _bodies(self, checked: CheckedRecords) -> list[Any]:
        return record_bodies(checked.columns, np.arange(len(checked)), self._wire)

    def _instant(self, body: Any, non_persistent: bool) -> Answer[Any]:
        query = dict(self._wire.extra)
        if non_persistent:
            query["non_persistent"] = "true"
        answer = self._ask(
            self._wire.instant,
            "POST",
            "costs",
            "instant",
            query=query,
            body=body,
            repeatable=non_persistent,
        )
        echo = answer.value.request
        is_confirmed = echo is not None and echo.non_persistent
        if non_persistent and not is_confirmed:
            raise UnexpectedAnswer(
                "the service does not confirm `non_persistent`; it may have stored the record as "
                f"{answer.value.id}",
                answer.request,
            )
        return answer

    def _instant_frame(
        self,
        checked: CheckedRecords,
        answers: list[Answer[Any]],
        records: Any,
        *,
        non_persistent: bool,
    ) -> FrameType:
        into = self._library_of(records)
        facts = self._facts(
            [answer.data_time_utc for answer in answers],
            instant_cost={"records": len(checked), "non_persistent": non_persistent},
        )
        if not answers:
            return INSTANT_COSTS.build({}, into, facts=facts)
        columns = _instant_columns(answers, self._wire)
        columns["row"] = np.arange(len(checked))
        for name in _OF_RECORD:
            columns[name] = checked.columns[name]
        columns["finding"] = _findings_by_row(checked)
        return INSTANT_COSTS.build(columns, into, ordered=True, facts=facts)


# What a frame of instant costs repeats from the records: the answers need not have it.
_OF_RECORD = ("location_id", "device_id", "session_reference_id", "record_reference_id")


def _instant_columns(answers: Sequence[Answer[Any]], wire: Wire) -> dict[str, Any]:
    """Return the columns that the service's answers fill."""
    values = [answer.value for answer in answers]
    request = answers[0].request
    costs = cost_columns([value.data for value in values], request)
    units = [value.energy_units for value in values]
    return {
        "start_utc": costs.start_us,
        "end_utc": costs.end_us,
        "energy_flow_direction": [wire.flow_of(value.energy_flow_direction) for value in values],
        "tariff_direction": [value.tariff_direction for value in values],
        "energy_kwh": in_kwh(costs.energy, units, request),
        "cost": costs.cost,
        "currency": [value.currency_code for value in values],
        "confidence": costs.confidence,
    }


def _findings_by_row(checked: CheckedRecords) -> list[str | None]:
    """The likely slips of each record."""
    found: list[list[Finding]] = [[] for _ in range(len(checked))]
    for finding in implausible_intervals(checked):
        for row in finding.rows:
            found[row].append(finding._replace(rows=()))
    return [as_text(of_row) for of_row in found]


def _read_all(records: Any) -> CheckedRecords:
    """Read records; raise InputError if any of them cannot be sent."""
    checked = read_intervals(records)
    if not checked.errors:
        return checked
    rows = sorted(checked.errors)
    reasons = [f"row {row}: {checked.errors[row]}" for row in rows[:_SHOWN_ERRORS]]
    if len(rows) > _SHOWN_ERRORS:
        reasons.append(f"and {len(rows) - _SHOWN_ERRORS:,} more")
    raise InputError(
        f"nothing was sent, because {len(rows):,} of {len(checked):,} records are not valid: "
        f"{'; '.join(reasons)}"
    )
