"""Locations: the homes, each with its address, time zone, currency and tariffs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from flipkit.flatpeak.moments import stamps
from flipkit.flatpeak.service import Service
from flipkit.flatpeak.shapes import Location, LocationStatus, Page, Slot
from flipkit.frames import LOCATION_STATUS, LOCATIONS, Frame, returns
from flipkit.http import Answer

__all__ = ["Locations"]

_PAGE = msgspec.json.Decoder(Page[Location])
_ONE = msgspec.json.Decoder(Location)
_STATUS = msgspec.json.Decoder(LocationStatus)


class Locations(Service):
    """The verbs for locations."""

    @returns(LOCATIONS)
    def locations(self) -> Frame:
        """All locations of the account.

        Returns
        -------
        DataFrame
        """
        found, answer = self._all(_PAGE, "locations")
        return self._location_frame(found, answer, list="locations")

    @returns(LOCATIONS)
    def location(self, location_id: str) -> Frame:
        """One location.

        Parameters
        ----------
        location_id : str
            Flatpeak's id, ``loc_...``.

        Returns
        -------
        DataFrame
            One row.

        Raises
        ------
        NotFound
            There is no such location.
        """
        answer = self._ask(_ONE, "GET", "locations", location_id)
        return self._location_frame([answer.value], answer, location_id=location_id)

    def _location_frame(
        self, found: Sequence[Location], answer: Answer[Any], **query: Any
    ) -> Frame:
        addresses = [x.postal_address for x in found]
        states = [x.tariff_status for x in found]
        columns = {
            "location_id": [x.id for x in found],
            "reference_id": [x.reference_id for x in found],
            "customer_id": [x.customer_id or None for x in found],
            "timezone": [x.timezone or None for x in found],
            "currency": [x.currency_code or None for x in found],
            **{name: [_text(address, name) for address in addresses] for name in _ADDRESS},
            **{f"tariff_{name}": [_text(state, name) for state in states] for name in _SLOTS},
            "created_utc": stamps([x.time_created for x in found], "time_created", answer.request),
            "live_mode": [x.live_mode for x in found],
        }
        return LOCATIONS.build(columns, self.frames, facts=self._facts([answer], **query))

    def create_location(
        self,
        reference_id: str,
        *,
        city: str,
        country_code: str,
        state: str | None = None,
        post_code: str | None = None,
        address_line1: str | None = None,
        address_line2: str | None = None,
        customer_id: str | None = None,
    ) -> str:
        """Make a location.

        Parameters
        ----------
        reference_id : str
            Your own id of it. flipkit's reports find a site's location by the site's id in Flip.
        city : str
        country_code : str
            ISO 3166-1 alpha-2, ``GB``.
        state : str, optional
            Needed in the US. From the address Flatpeak takes time zone, currency and market region.
        post_code, address_line1, address_line2 : str, optional
        customer_id : str, optional
            Flatpeak's id of the customer.

        Returns
        -------
        str
            Flatpeak's id, ``loc_...``.

        Raises
        ------
        InvalidRequest
            409: there is such a location already.
        """
        address = {
            "address_line1": address_line1,
            "address_line2": address_line2,
            "city": city,
            "state": state,
            "post_code": post_code,
            "country_code": country_code,
        }
        body: dict[str, Any] = {"reference_id": reference_id, "customer_id": customer_id}
        body["postal_address"] = _given(address)
        return self._create(_given(body), "locations")

    @returns(LOCATION_STATUS)
    def location_status(self, location_id: str) -> Frame:
        """How the tariffs of a location are connected.

        Parameters
        ----------
        location_id : str
            Flatpeak's id.

        Returns
        -------
        DataFrame
            A row for each of its tariffs' slots (``commodity_import``, ...); words that flipkit does not know pass
            through.

        Raises
        ------
        NotFound
            There is no such location.
        """
        answer = self._ask(_STATUS, "GET", "locations", location_id, "status")
        slots = {name: slot or Slot() for name, slot in answer.value.tariff_status.items()}
        tariffs = [slot.tariff for slot in slots.values()]
        contract_ends = [_text(tariff, "contract_end_date") for tariff in tariffs]
        columns = {
            "location_id": location_id,
            "slot": list(slots),
            "status": [slot.status or None for slot in slots.values()],
            "connection_type": [slot.connection_type or None for slot in slots.values()],
            "provider": [_text(slot.provider, "display_name") for slot in slots.values()],
            **{
                name: [_text(tariff, field) for tariff in tariffs]
                for name, field in _TARIFF.items()
            },
            "contract_end_utc": stamps(contract_ends, "contract_end_date", answer.request),
        }
        return LOCATION_STATUS.build(
            columns, self.frames, facts=self._facts([answer], location_id=location_id)
        )


_ADDRESS = ("country_code", "state", "city", "post_code")
_SLOTS = ("commodity_import", "commodity_export", "non_commodity_import", "local")
_TARIFF = {"tariff_id": "id", "display_name": "display_name", "structure_type": "structure_type"}


def _text(part: Any, name: str) -> str | None:
    """A text of a part of an answer; null where it is empty or the part is absent."""
    return getattr(part, name, None) or None


def _given(fields: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}
