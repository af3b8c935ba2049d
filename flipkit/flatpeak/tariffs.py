"""Tariffs of a location."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import msgspec

from flipkit.errors import InputError, UnexpectedAnswer
from flipkit.flatpeak.service import Service
from flipkit.flatpeak.shapes import Page, TariffObject
from flipkit.flatpeak.wire import answer_stamps
from flipkit.frames import TARIFFS, FrameType, returns
from flipkit.http import Answer

__all__ = ["Tariffs"]

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
        directions = []
        types = []
        for tariff in found:
            direction = tariff.direction or tariff.tariff_direction
            directions.append(_required(direction, "direction", answer))
            types.append(_required(tariff.type or tariff.tariff_type, "type", answer))
        starts = [tariff.contract_start_date for tariff in found]
        ends = [tariff.contract_end_date for tariff in found]
        columns = {
            "tariff_id": [tariff.id for tariff in found],
            "location_id": [tariff.location_id for tariff in found],
            "tariff_direction": directions,
            "tariff_type": types,
            "display_name": [tariff.display_name for tariff in found],
            "market_rates": [tariff.market_rates for tariff in found],
            "contract_start_utc": answer_stamps(starts, "contract_start_date", answer.request),
            "contract_end_utc": answer_stamps(ends, "contract_end_date", answer.request),
            "status": [tariff.status or None for tariff in found],
        }
        facts = self._facts([answer.data_time_utc], tariffs_of=location_id)
        return TARIFFS.build(columns, self.frames, facts=facts)

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


def _required(value: str | None, name: str, answer: Answer[Any]) -> str:
    if not value:
        raise UnexpectedAnswer(
            f"the answer does not match the contract: a tariff has no `{name}`", answer.request
        )
    return value
