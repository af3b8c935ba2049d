"""The cost of single records, stored or only simulated."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from flipkit.errors import InputError, UnexpectedAnswer
from flipkit.flatpeak.cost_answers import cost_columns, in_kwh
from flipkit.flatpeak.delivery import record_bodies
from flipkit.flatpeak.records import CheckedRecords, implausible_intervals, read_intervals
from flipkit.flatpeak.service import Service
from flipkit.frames import INSTANT_COSTS, Finding, FrameType, as_text, returns
from flipkit.http import Answer, map_concurrent

__all__ = ["InstantCosts"]

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
        values = [answer.value for answer in answers]
        request = answers[0].request
        costs = cost_columns([value.data for value in values], request)
        units = [value.energy_units for value in values]
        flows = [self._wire.flow_of(value.energy_flow_direction) for value in values]
        columns = {
            "row": np.arange(len(checked)),
            "location_id": checked.columns["location_id"],
            "device_id": checked.columns["device_id"],
            "start_utc": costs.start_us,
            "end_utc": costs.end_us,
            "energy_flow_direction": flows,
            "tariff_direction": [value.tariff_direction for value in values],
            "energy_kwh": in_kwh(costs.energy, units, request),
            "cost": costs.cost,
            "currency": [value.currency_code for value in values],
            "confidence": costs.confidence,
            "session_reference_id": checked.columns["session_reference_id"],
            "record_reference_id": checked.columns["record_reference_id"],
            "finding": _findings_by_row(checked),
        }
        return INSTANT_COSTS.build(columns, into, ordered=True, facts=facts)


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
