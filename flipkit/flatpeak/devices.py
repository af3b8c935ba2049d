"""Devices: what records are attributed to, besides locations."""

from __future__ import annotations

import msgspec

from flipkit.errors import ConnectionFailed, InputError
from flipkit.flatpeak.moments import stamps
from flipkit.flatpeak.service import Service
from flipkit.flatpeak.shapes import Device, Page
from flipkit.frames import DEVICES, Frame, returns

__all__ = ["Devices"]

_DEVICES = msgspec.json.Decoder(Page[Device])


class Devices(Service):
    """The verbs for devices."""

    def create_device(self, reference_id: str) -> str:
        """Make a device; two calls make two.

        Parameters
        ----------
        reference_id : str
            Your own id of it.

        Returns
        -------
        str
            Flatpeak's id, ``dev_...``.

        Raises
        ------
        ConnectionFailed
            No answer came; the device may exist, and `ensure_device` finds out.
        """
        return self._create({"reference_id": _reference(reference_id)}, "devices")

    def ensure_device(self, reference_id: str) -> str:
        """The device with this reference, made if there is none.

        Parameters
        ----------
        reference_id : str
            Your own id of it.

        Returns
        -------
        str
            Flatpeak's id; the oldest device's, where several have the reference.

        Notes
        -----
        Two programs that do this at the same moment may make two: the API has no call that does both.
        """
        found = self._find_device(reference_id)
        if found:
            return found
        try:
            return self.create_device(reference_id)
        except ConnectionFailed:  # the request may have arrived, and only the answer was lost
            found = self._find_device(reference_id)
            if found:
                return found
            raise

    def _find_device(self, reference_id: str) -> str | None:
        devices, _ = self._all(
            _DEVICES, "devices", query={"reference_id": _reference(reference_id)}
        )
        same = [device for device in devices if device.reference_id == reference_id]
        return min(same, key=lambda device: (device.time_created, device.id)).id if same else None

    @returns(DEVICES)
    def devices(self) -> Frame:
        """All devices of the account.

        Returns
        -------
        DataFrame
        """
        devices, answer = self._all(_DEVICES, "devices")
        columns = {
            "device_id": [d.id for d in devices],
            "reference_id": [d.reference_id for d in devices],
            "last_seen_utc": stamps([d.last_seen for d in devices], "last_seen", answer.request),
            "created_utc": stamps(
                [d.time_created for d in devices], "time_created", answer.request
            ),
            "live_mode": [d.live_mode for d in devices],
        }
        return DEVICES.build(columns, self.frames, facts=self._facts([answer], list="devices"))

    def update_device(self, device_id: str, reference_id: str) -> None:
        """Give a device another reference.

        Parameters
        ----------
        device_id : str
            Flatpeak's id.
        reference_id : str
            Your own id of it, from now on.

        Raises
        ------
        NotFound
            There is no such device.
        """
        self._session.send(
            "PATCH", ["devices", device_id], body={"reference_id": _reference(reference_id)}
        )

    def delete_device(self, device_id: str) -> None:
        """Delete a device for good.

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
            f"reference_id={reference_id!r}: expected your own id of the device, a text that is not empty"
        )
    return reference_id
