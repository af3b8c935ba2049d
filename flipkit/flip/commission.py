"""``POST /v1/commission``: the request, checked before it is sent, and what Flip asks for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from flipkit.errors import InputError
from flipkit.flip.json_values import to_id, to_rfc3339, without_nulls
from flipkit.flip.wire import DEVICE_FIELDS, INSTALLED, STATE_CODES
from flipkit.frames import records_of

__all__ = ["commission_body", "missing_rows", "missing_text"]

_AGREED = "has_agreed_to_terms_and_conditions"
_VERSION = "terms_and_conditions_version"
_ATTRIBUTE_FIELDS = ("name", "label", "type", "hint", "error")
_KINDS = {
    "site_attribute": "site fields",
    "terms": "terms",
    "program_attribute": "program attributes",
}

MissingRow = Mapping[str, str | None]


def commission_body(site: Any, devices: Any, enrollment: Any) -> dict[str, Any]:
    """Return the request body; the parameters are those of `Flip.commission`.

    Raises
    ------
    InputError
        A required field is missing or not an id, or the state code is unknown; names the field.
    NaiveTimestampError
        An install date without a zone.
    """
    body = {"site": _site(site), "devices": _devices(devices)}
    if enrollment is not None:
        body["enrollment"] = without_nulls(_dict(enrollment, "enrollment"), "enrollment")
    return body


def _site(site: Any) -> dict[str, Any]:
    fields = without_nulls(_dict(site, "site"), "site")
    fields["id"] = to_id(fields.get("id"), "site.id")
    state = fields.get("state_code")
    is_known = isinstance(state, str) and state in STATE_CODES
    if state is not None and not is_known:
        raise InputError(
            f"site.state_code: {state!r} is not one of the 51 that Flip accepts; "
            f"write the two capital letters of a US state, or PR"
        )
    return fields


def _devices(devices: Any) -> list[dict[str, Any]]:
    records = records_of(devices, what="devices")
    if not records:
        raise InputError("devices is empty; a site needs at least one device")
    return [_device(record, f"devices[{index}]") for index, record in enumerate(records)]


def _device(record: Mapping[str, Any], where: str) -> dict[str, Any]:
    fields = without_nulls(record, where)
    required = (*DEVICE_FIELDS, INSTALLED)
    for name in required:
        if name not in fields:
            raise InputError(f"{where}.{name} is missing; a device needs {', '.join(required)}")
    for name in DEVICE_FIELDS:
        fields[name] = to_id(fields[name], f"{where}.{name}")
    fields[INSTALLED] = to_rfc3339(record[INSTALLED], f"{where}.{INSTALLED}")
    return fields


def _dict(value: Any, what: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise InputError(f"{what}: expected a dict, got {type(value).__name__}")
    return value


# ---- What is missing


def missing_rows(body: Any) -> list[MissingRow]:
    """Return one row per thing to collect from the body of a 422, ``{"enrollment": {...}}``.

    The keys are those of the missing information frame. A key that the body lacks asks for nothing.
    """
    enrollment = body.get("enrollment") if isinstance(body, Mapping) else None
    if not isinstance(enrollment, Mapping):
        return []
    site_attributes = _list(enrollment, "missing_site_attributes")
    program_attributes = _list(enrollment, "missing_program_specific_attributes")
    return [
        *(_row("site_attribute", name=_text(name), error="missing") for name in site_attributes),
        *_terms(enrollment),
        *map(_program_attribute, program_attributes),
    ]


def missing_text(rows: Sequence[MissingRow]) -> str:
    """Return the rows as an error message."""
    parts = []
    for kind, words in _KINDS.items():
        items = [_described(row) for row in rows if row["kind"] == kind]
        if items:
            parts.append(f"{words}: {', '.join(items)}")
    missing = "; ".join(parts) or "it does not say what"
    return f"Flip needs more information to commission this site: {missing}"


def _terms(enrollment: Mapping[str, Any]) -> Iterator[MissingRow]:
    if enrollment.get(f"missing_{_AGREED}") is True:
        yield _row("terms", name=_AGREED, type="boolean", error="missing")
    errors = [
        error for error in ("missing", "incorrect") if enrollment.get(f"{error}_{_VERSION}") is True
    ]
    if errors:
        yield _row("terms", name=_VERSION, type="string", error=" and ".join(errors))


def _program_attribute(item: Any) -> MissingRow:
    if not isinstance(item, Mapping):
        return _row("program_attribute", name=_text(item))
    fields = {name: _text(item.get(name)) for name in _ATTRIBUTE_FIELDS}
    return _row("program_attribute", **fields)


def _row(kind: str, **fields: str | None) -> MissingRow:
    empty = dict.fromkeys(_ATTRIBUTE_FIELDS)
    return {"kind": kind, **empty, **fields}


def _described(row: MissingRow) -> str:
    details = (row["label"], row["type"], row["hint"], row["error"])
    given = [detail for detail in details if detail and detail != "missing"]
    return f"{row['name']} ({'; '.join(given)})" if given else f"{row['name']}"


def _list(enrollment: Mapping[str, Any], name: str) -> list[Any]:
    value = enrollment.get(name)
    return value if isinstance(value, list) else []


def _text(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    return str(value)[:400]
