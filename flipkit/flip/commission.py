"""``POST /v1/commission``: what is sent, checked before it leaves."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flipkit.errors import InputError
from flipkit.flip.plain import identifier, time_text, without_nulls
from flipkit.flip.wire import DEVICE_FIELDS, INSTALLED, STATE_CODES
from flipkit.frames import records_of

__all__ = ["commission_body"]


def commission_body(site: Any, devices: Any, enrollment: Any) -> dict[str, Any]:
    """The request body.

    Parameters
    ----------
    site, devices, enrollment
        As `Flip.commission` takes them.

    Raises
    ------
    InputError
        A field that Flip requires is missing or no id, an unknown state code; the text names the field.
    NaiveTimestampError
        An install date without a zone.
    """
    body = {"site": _site(site), "devices": _devices(devices)}
    if enrollment is None:
        return body
    return {**body, "enrollment": without_nulls(_dict(enrollment, "enrollment"), "enrollment")}


def _site(site: Any) -> dict[str, Any]:
    fields = without_nulls(_dict(site, "site"), "site")
    fields["id"] = identifier(fields.get("id"), "site.id")
    state = fields.get("state_code")
    if state is not None and not (isinstance(state, str) and state in STATE_CODES):
        raise InputError(
            f"site.state_code: {state!r} is none of the 51 that Flip takes: two capital letters of a state of the US, "
            f"or PR"
        )
    return fields


def _devices(devices: Any) -> list[dict[str, Any]]:
    found = [
        _device(device, f"devices[{place}]")
        for place, device in enumerate(records_of(devices, what="devices"))
    ]
    if not found:
        raise InputError("devices is empty: a site is commissioned with one device at least")
    return found


def _device(device: Mapping[str, Any], where: str) -> dict[str, Any]:
    fields = without_nulls(device, where)
    absent = [name for name in (*DEVICE_FIELDS, INSTALLED) if name not in fields]
    if absent:
        raise InputError(
            f"{where}.{absent[0]} is missing; each device has {', '.join((*DEVICE_FIELDS, INSTALLED))}"
        )
    names = {name: identifier(fields[name], f"{where}.{name}") for name in DEVICE_FIELDS}
    return {**fields, **names, INSTALLED: time_text(device[INSTALLED], f"{where}.{INSTALLED}")}


def _dict(value: Any, what: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise InputError(f"{what}: expected a dict, got {type(value).__name__}")
    return value
