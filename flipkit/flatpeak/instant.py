"""The cost of a single record, kept or only simulated."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from flipkit.errors import InputError, UnexpectedAnswer
from flipkit.flatpeak.costs import cost_columns
from flipkit.flatpeak.lanes import record_bodies
from flipkit.flatpeak.records import Checked, read_intervals
from flipkit.flatpeak.service import Service
from flipkit.frames import INSTANT_COSTS, Frame, is_frame, library_of, returns
from flipkit.http import Answer, map_concurrent

__all__ = ["InstantCosts"]

_NAMED = 5


class InstantCosts(Service):
    """The verbs for costs of records that are handed in with the question."""

    @returns(INSTANT_COSTS)
    def instant_cost(self, record: Any, *, non_persistent: bool = False) -> Frame:
        """Submit one record and learn its cost at once.

        Parameters
        ----------
        record : dict or DataFrame of one row
            As for `submit_interval`.
        non_persistent : bool
            True: only simulate, and keep nothing. False: the record is stored, as by `submit_interval`, and the call
            is not sent again when it may have arrived.

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
        """
        checked = _sound([record] if isinstance(record, Mapping) else record)
        if len(checked) != 1:
            raise InputError(
                f"instant_cost takes one record, got {len(checked)}; for many, simulate_costs"
            )
        answers = [self._instant(body, non_persistent) for body in self._bodies(checked)]
        return self._instant_frame(checked, answers, record, non_persistent=non_persistent)

    @returns(INSTANT_COSTS)
    def simulate_costs(self, records: Any) -> Frame:
        """What records would cost; the service keeps none of them.

        The API takes one record a call, so this is one call a record, side by side. For whole years
        `flipkit.simulate` computes the costs here and checks a sample with this.

        Parameters
        ----------
        records : DataFrame or list of dict
            As for `submit_interval`.

        Returns
        -------
        DataFrame
            A row a record, in the order of the records, of the library of `records` where that is a frame.

        Raises
        ------
        InputError
            A record cannot be used; names the rows, and nothing was sent.
        PriceUnavailable
            There is no price for a location and direction.
        UnexpectedAnswer
            The service does not confirm that it kept nothing; the first record goes alone, to find this out.
        """
        checked = _sound(records)
        bodies = self._bodies(checked)
        first = [self._instant(body, non_persistent=True) for body in bodies[:1]]
        rest = map_concurrent(
            lambda body: self._instant(body, non_persistent=True), bodies[1:], what="simulating"
        )
        return self._instant_frame(checked, first + rest, records, non_persistent=True)

    def _bodies(self, checked: Checked) -> list[Any]:
        return record_bodies(checked.columns, np.arange(len(checked)), self._wire)

    def _instant(self, body: Any, non_persistent: bool) -> Answer[Any]:
        query = {**self._wire.extra, **({"non_persistent": "true"} if non_persistent else {})}
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
        if non_persistent and not (echo and echo.non_persistent):
            raise UnexpectedAnswer(
                f"the service does not confirm `non_persistent`: it may have stored the record as {answer.value.id}",
                answer.request,
            )
        return answer

    def _instant_frame(
        self, checked: Checked, answers: list[Answer[Any]], records: Any, **query: Any
    ) -> Frame:
        into = library_of(records) if is_frame(records) else self.frames
        facts = self._facts(answers, instant_cost={"records": len(checked), **query})
        if not answers:
            return INSTANT_COSTS.build({}, into, facts=facts)
        values = [answer.value for answer in answers]
        units = [value.energy_units for value in values]
        costs = cost_columns([value.data for value in values], units, answers[0].request)
        ours = {name: checked.columns[name] for name in ("location_id", "device_id")}
        columns = {
            **costs,
            **ours,
            "row": np.arange(len(checked)),
            "energy_flow_direction": [
                self._wire.flow_of(value.energy_flow_direction) for value in values
            ],
            "tariff_direction": [value.tariff_direction for value in values],
            "currency": [value.currency_code for value in values],
            "session_reference_id": checked.columns["session_reference_id"],
            "record_reference_id": checked.columns["record_reference_id"],
        }
        return INSTANT_COSTS.build(columns, into, ordered=True, facts=facts)


def _sound(records: Any) -> Checked:
    """Records of which every one can be sent."""
    checked = read_intervals(records)
    if checked.errors:
        rows = sorted(checked.errors)
        named = "; ".join(f"row {row}: {checked.errors[row]}" for row in rows[:_NAMED])
        more = f"; and {len(rows) - _NAMED:,} more" if len(rows) > _NAMED else ""
        raise InputError(
            f"nothing was sent, for {len(rows):,} of {len(checked):,} records cannot be: {named}{more}"
        )
    return checked
