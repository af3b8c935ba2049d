"""What Flip's error bodies say."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import Any

from flipkit.errors import InformationRequired
from flipkit.flip.missing import missing_rows, what_to_collect
from flipkit.http import ErrorBody

__all__ = ["envelope"]

_LONGEST = 400  # characters of a message, so that an error stays readable
_MOST = 10  # details of one


def envelope(status: int, body: Any) -> ErrorBody:
    """Read an error body: Flip's validation, general and enrollment envelopes, FastAPI's, or none at all.

    Parameters
    ----------
    status : int
    body : object
        Decoded; None where it is empty or no JSON.
    """
    if not isinstance(body, Mapping):
        return ErrorBody(_phrase(status))
    if status == 422 and isinstance(body.get("enrollment"), Mapping):
        return ErrorBody(
            what_to_collect(missing_rows(body)),
            _text(body.get("code")),
            InformationRequired,
            "collect them and call commission again: site fields go into site=, terms into enrollment= by their names, "
            'programme attributes into enrollment= as "program_specific_attributes": [{"name": ..., "value": ...}]',
        )
    said = (
        _text(body.get("message"))
        or _text(body.get("detail"))
        or _text(body.get("error"))
        or _phrase(status)
    )
    details = [
        *_details(body.get("detail"), "loc", "msg"),
        *_details(body.get("errors"), "path", "message"),
    ]
    return ErrorBody("; ".join([said, *details]), _text(body.get("code")))


def _phrase(status: int) -> str:
    try:
        return f"{HTTPStatus(status).phrase}, without an explanation"
    except ValueError:
        return "no explanation"


def _details(items: Any, place: str, message: str) -> Iterable[str]:
    """``where: what`` of validation items."""
    found = [item for item in items if isinstance(item, Mapping)] if isinstance(items, list) else []
    for item in found[:_MOST]:
        where, what = _path(item.get(place)), _text(item.get(message))
        if what:
            yield f"{where}: {what}" if where else what


def _path(value: Any) -> str:
    return (
        ".".join(str(part) for part in value[:_MOST])
        if isinstance(value, list)
        else _text(value) or ""
    )


def _text(value: Any) -> str | None:
    return value[:_LONGEST] if isinstance(value, str) and value.strip() else None
