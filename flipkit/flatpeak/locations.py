"""Locations (homes with address, time zone, currency and tariffs) and devices."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np

from flipkit.errors import ConnectionFailed, InputError
from flipkit.flatpeak.generations import answer_stamps
from flipkit.flatpeak.service import Service
from flipkit.flatpeak.shapes import Device, Location, LocationStatus, Page, Slot
from flipkit.frames import DEVICES, LOCATION_STATUS, LOCATIONS, FrameType, returns
from flipkit.http import Answer

__all__ = ["Devices", "Locations", "location_columns"]

_LOCATIONS = msgspec.json.Decoder(Page[Location])
_LOCATION = msgspec.json.Decoder(Location)
_STATUS = msgspec.json.Decoder(LocationStatus)
_DEVICES = msgspec.json.Decoder(Page[Device])


class Locations(Service[FrameType]):
    """The methods for locations."""

    @returns(LOCATIONS)
    def locations(self) -> FrameType:
        """Return all locations of the account.

        Returns
        -------
        DataFrame
        """
        found, answer = self._all(_LOCATIONS, "locations")
        return self._location_frame(found, answer, list="locations")

    @returns(LOCATIONS)
    def location(self, location_id: str) -> FrameType:
        """Return one location.

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
        answer = self._ask(_LOCATION, "GET", "locations", location_id)
        return self._location_frame([answer.value], answer, location_id=location_id)

    def _location_frame(
        self, found: Sequence[Location], answer: Answer[Any], **query: Any
    ) -> FrameType:
        facts = self._facts([answer.data_time_utc], **query)
        return LOCATIONS.build(_location_columns(found, answer), self.frames, facts=facts)

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
        """Create a location.

        Parameters
        ----------
        reference_id : str
            Your own id. The reports find a site's location by the site's id in Flip.
        city : str
        country_code : str
            ISO 3166-1 alpha-2, ``GB``.
        state : str, optional
            Required in the US. Flatpeak derives time zone, currency and market from the address.
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
            409: the location exists already.
        """
        address = {
            "address_line1": address_line1,
            "address_line2": address_line2,
            "city": city,
            "state": state,
            "post_code": post_code,
            "country_code": country_code,
        }
        body = {
            "reference_id": reference_id,
            "customer_id": customer_id,
            "postal_address": _without_nulls(address),
        }
        return self._create(_without_nulls(body), "locations")

    @returns(LOCATION_STATUS)
    def location_status(self, location_id: str) -> FrameType:
        """Return how the tariffs of a location are connected.

        Parameters
        ----------
        location_id : str
            Flatpeak's id.

        Returns
        -------
        DataFrame
            One row per tariff slot (``commodity_import``, ...); unknown words of the service are
            kept.

        Raises
        ------
        NotFound
            There is no such location.
        """
        answer = self._ask(_STATUS, "GET", "locations", location_id, "status")
        slots = [slot or Slot() for slot in answer.value.tariff_status.values()]
        tariffs = [slot.tariff for slot in slots]
        ends = [None if tariff is None else tariff.contract_end_date for tariff in tariffs]
        columns = {
            "location_id": location_id,
            "slot": list(answer.value.tariff_status),
            **_texts(slots, status="status", connection_type="connection_type"),
            **_texts([slot.provider for slot in slots], provider="display_name"),
            **_texts(
                tariffs,
                tariff_id="id",
                display_name="display_name",
                structure_type="structure_type",
            ),
            "contract_end_utc": answer_stamps(ends, "contract_end_date", answer.request),
        }
        facts = self._facts([answer.data_time_utc], location_id=location_id)
        return LOCATION_STATUS.build(columns, self.frames, facts=facts)


def location_columns(client: Locations) -> dict[str, np.ndarray]:
    """Return the columns of `Flatpeak.locations` as arrays, ordered by location id."""
    found, answer = client._all(_LOCATIONS, "locations")
    found = sorted(found, key=lambda location: location.id)
    return LOCATIONS.arrays(_location_columns(found, answer))


def _location_columns(found: Sequence[Location], answer: Answer[Any]) -> dict[str, Any]:
    addresses = [location.postal_address for location in found]
    statuses = [location.tariff_status for location in found]
    created = [location.time_created for location in found]
    return {
        "location_id": [location.id for location in found],
        "reference_id": [location.reference_id for location in found],
        **_texts(found, customer_id="customer_id", timezone="timezone", currency="currency_code"),
        **_texts(
            addresses,
            country_code="country_code",
            state="state",
            city="city",
            post_code="post_code",
        ),
        **_texts(
            statuses,
            tariff_commodity_import="commodity_import",
            tariff_commodity_export="commodity_export",
            tariff_non_commodity_import="non_commodity_import",
            tariff_local="local",
        ),
        "created_utc": answer_stamps(created, "time_created", answer.request),
        "live_mode": [location.live_mode for location in found],
    }


class Devices(Service[FrameType]):
    """The methods for devices."""

    def create_device(self, reference_id: str) -> str:
        """Create a device; two calls create two.

        Parameters
        ----------
        reference_id : str
            Your own id.

        Returns
        -------
        str
            Flatpeak's id, ``dev_...``.

        Raises
        ------
        InputError
            The id is not a string, or empty.
        ConnectionFailed
            No answer arrived; the device may exist, and `ensure_device` finds out.
        """
        return self._create({"reference_id": _reference(reference_id)}, "devices")

    def ensure_device(self, reference_id: str) -> str:
        """Return the device with this reference; create it if it does not exist.

        Parameters
        ----------
        reference_id : str
            Your own id.

        Returns
        -------
        str
            Flatpeak's id; that of the oldest device if several have the reference.

        Notes
        -----
        Two programs that call this at the same moment may create two: the API has no call that
        does both steps.
        """
        found = self._find_device(reference_id)
        if found:
            return found
        try:
            return self.create_device(reference_id)
        except ConnectionFailed:
            # The request may have arrived, and only the answer was lost.
            found = self._find_device(reference_id)
            if found:
                return found
            raise

    def _find_device(self, reference_id: str) -> str | None:
        query = {"reference_id": _reference(reference_id)}
        listed, _ = self._all(_DEVICES, "devices", query=query)
        same = [device for device in listed if device.reference_id == reference_id]
        oldest = min(same, key=lambda device: (device.time_created, device.id), default=None)
        return oldest.id if oldest else None

    @returns(DEVICES)
    def devices(self) -> FrameType:
        """Return all devices of the account.

        Returns
        -------
        DataFrame
        """
        found, answer = self._all(_DEVICES, "devices")
        last_seen = [device.last_seen for device in found]
        created = [device.time_created for device in found]
        columns = {
            "device_id": [device.id for device in found],
            "reference_id": [device.reference_id for device in found],
            "last_seen_utc": answer_stamps(last_seen, "last_seen", answer.request),
            "created_utc": answer_stamps(created, "time_created", answer.request),
            "live_mode": [device.live_mode for device in found],
        }
        facts = self._facts([answer.data_time_utc], list="devices")
        return DEVICES.build(columns, self.frames, facts=facts)

    def update_device(self, device_id: str, reference_id: str) -> None:
        """Change the reference of a device.

        Parameters
        ----------
        device_id : str
            Flatpeak's id.
        reference_id : str
            Your own new id.

        Raises
        ------
        InputError
            The reference is not a string, or empty.
        NotFound
            There is no such device.
        """
        body = {"reference_id": _reference(reference_id)}
        self._session.send("PATCH", ["devices", device_id], body=body)

    def delete_device(self, device_id: str) -> None:
        """Delete a device permanently.

        Parameters
        ----------
        device_id : str
            Flatpeak's id.

        Raises
        ------
        NotFound
            There is no such device.
        """
        self._delete("devices", device_id)


def _reference(reference_id: str) -> str:
    if not isinstance(reference_id, str) or not reference_id:
        raise InputError(
            f"reference_id {reference_id!r} is not valid; expected your own id of the device, a "
            "non-empty string"
        )
    return reference_id


def _texts(parts: Sequence[Any], **attributes: str) -> dict[str, list[str | None]]:
    """Return columns from parts of an answer by attribute; an absent part or text is null."""
    columns = {}
    for name, attribute in attributes.items():
        columns[name] = [getattr(part, attribute, None) or None for part in parts]
    return columns


def _without_nulls(fields: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}
