"""Tariffs of a location: made, listed, deleted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import msgspec

from flipkit.errors import InputError, UnexpectedAnswer
from flipkit.flatpeak.moments import stamps
from flipkit.flatpeak.service import Service
from flipkit.flatpeak.shapes import Page, Tariff
from flipkit.frames import TARIFFS, Frame, returns
from flipkit.http import Answer

__all__ = ["Tariffs"]

_PAGE = msgspec.json.Decoder(Page[Tariff])
_OBJECTS = msgspec.json.Decoder(Page[dict[str, Any]])


class _HasBody(Protocol):
    def to_flatpeak(self, location_id: str) -> dict[str, Any]:
        """The body that creates it."""


class Tariffs(Service):
    """The verbs for tariffs."""

    def create_tariff(self, location_id: str, tariff: Mapping[str, Any] | _HasBody) -> str:
        """Give a location a tariff.

        Parameters
        ----------
        location_id : str
            Flatpeak's id of the location.
        tariff : Tariff or mapping
            A `Tariff` becomes the price of imported energy; for any other use hand in a body, e.g.
            ``tariff.to_flatpeak(location_id, direction="EXPORT")``.

        Returns
        -------
        str
            Flatpeak's id of the tariff, ``trf_...``.

        Raises
        ------
        InputError
            It is no tariff, or a body for another location.
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
                f"the tariff's body is for location {body['location_id']!r}, not {location_id!r}"
            )
        return self._create(body, *self._wire.tariffs)

    @returns(TARIFFS)
    def tariffs(self, location_id: str) -> Frame:
        """The tariffs of a location.

        Parameters
        ----------
        location_id : str
            Flatpeak's id of the location.

        Returns
        -------
        DataFrame
        """
        found, answer = self._all(_PAGE, *self._wire.tariffs, query={"location_id": location_id})
        columns = {
            "tariff_id": [x.id for x in found],
            "location_id": [x.location_id for x in found],
            "tariff_direction": [
                _one_of(x.direction, x.tariff_direction, "direction", answer) for x in found
            ],
            "tariff_type": [_one_of(x.type, x.tariff_type, "type", answer) for x in found],
            "display_name": [x.display_name for x in found],
            "market_rates": [x.market_rates for x in found],
            "contract_start_utc": stamps(
                [x.contract_start_date for x in found], "contract_start_date", answer.request
            ),
            "contract_end_utc": stamps(
                [x.contract_end_date for x in found], "contract_end_date", answer.request
            ),
            "status": [x.status or None for x in found],
        }
        return TARIFFS.build(
            columns, self.frames, facts=self._facts([answer], tariffs_of=location_id)
        )

    def tariff_objects(self, location_id: str) -> list[dict[str, Any]]:
        """The tariffs of a location as the service gives them, for `Tariff.from_flatpeak`.

        Parameters
        ----------
        location_id : str
            Flatpeak's id of the location.

        Returns
        -------
        list of dict
            Of all directions and types, whole.
        """
        return self._all(_OBJECTS, *self._wire.tariffs, query={"location_id": location_id})[0]

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


def _one_of(first: str | None, second: str | None, field: str, answer: Answer[Any]) -> str:
    value = first or second
    if not value:
        raise UnexpectedAnswer(
            f"the answer is not what the contract promises: a tariff lacks `{field}`",
            answer.request,
        )
    return value
