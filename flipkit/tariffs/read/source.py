"""What all readers need: JSON from an object, text or file, and refusals that name the place."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeGuard

from flipkit.calendar import to_us
from flipkit.errors import InputError
from flipkit.tariffs.model import Rate, Tier

__all__ = [
    "check_object",
    "checked_ladder",
    "is_json_text",
    "is_list",
    "load_json",
    "located",
    "read_instant",
]


def load_json(source: Any, what: str) -> Any:
    """Return the object that `source` stands for.

    Parameters
    ----------
    source : mapping, list, str or Path
        The object itself (returned as it is), its JSON text, or the path of a file.
    what : str
        For error messages.

    Raises
    ------
    InputError
        A file that cannot be read, or text that is not valid JSON.
    """
    if not isinstance(source, str | Path):
        return source
    # A string that begins like JSON is JSON; any other is a path.
    if is_json_text(source):
        return _parse(source, what)
    try:
        # Some editors begin a file with a byte order mark, which JSON does not allow.
        text = Path(source).read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise _unreadable(source, what, "it is not text in UTF-8") from None
    except (OSError, ValueError) as error:
        raise _unreadable(source, what, getattr(error, "strerror", None) or str(error)) from None
    return _parse(text, f"{what}, file {str(source)!r}")


def is_json_text(source: Any) -> TypeGuard[str]:
    """Return whether a value is JSON text, and not the name of a file."""
    return isinstance(source, str) and source.lstrip()[:1] in ("{", "[")


@contextmanager
def located(place: str) -> Iterator[None]:
    """Put the place in front of the message of an InputError."""
    try:
        yield
    except InputError as error:
        raise type(error)(f"{place}: {error}") from None


def is_list(value: Any) -> bool:
    """Return whether `value` is a list of values, not a string."""
    return isinstance(value, Sequence) and not isinstance(value, str | bytes)


def checked_ladder(tiers: Sequence[Tier]) -> tuple[Tier, ...]:
    """Return the tiers of a rate; raise InputError unless their limits rise."""
    # A rate checks its tiers, and holds a single one as its price.
    return Rate(tiers=tuple(tiers)).tiers or tuple(tiers)


def check_object(value: Any, known: Iterable[str], place: str) -> None:
    """Raise InputError if `value` is not a JSON object, or has a field that is not known.

    A field that flipkit does not know may be a charge; ignoring it could make bills wrong.
    """
    if not isinstance(value, Mapping):
        raise InputError(f"{place}: expected an object, got {type(value).__name__}")
    given = [name for name, content in value.items() if content is not None]
    unknown = sorted(str(name) for name in given if name not in known)
    if unknown:
        raise InputError(f"{place}: cannot price {', '.join(unknown)}; known: {', '.join(known)}")


def read_instant(
    row: Mapping[str, Any], field: str, place: str, timezone: str | None = None
) -> int | None:
    """Return the first instant of a date or time field in microseconds; None if it is null."""
    if row.get(field) is None:
        return None
    with located(f"{place}, {field}"):
        return to_us(row[field], timezone)


def _parse(text: str, what: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{what}: this is not valid JSON: {error}") from None


def _unreadable(source: str | Path, what: str, reason: str) -> InputError:
    return InputError(f"{what}: cannot read the file {str(source)[:200]!r}: {reason}")
