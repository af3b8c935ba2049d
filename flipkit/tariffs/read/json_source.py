"""What a person hands in as JSON: the object itself, its text, or the path of a file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from flipkit.errors import InputError

__all__ = ["load_json"]


def load_json(source: Any, what: str) -> Any:
    """The object that `source` stands for.

    Parameters
    ----------
    source : mapping, list, str or Path
        The object itself (returned as it is), JSON text, or the path of a file.
    what : str
        For error texts.

    Raises
    ------
    InputError
        A file that cannot be read, or text that is no JSON.
    """
    if not isinstance(source, str | Path):
        return source
    if isinstance(source, str) and source.lstrip()[:1] in ("{", "["):
        return _parsed(source, what)
    try:
        text = Path(source).read_text(encoding="utf-8-sig")
    except (OSError, ValueError) as error:
        text = "it is no text in UTF-8" if isinstance(error, UnicodeDecodeError) else str(error)
        reason = getattr(error, "strerror", None) or text
        raise InputError(f"{what}: cannot read the file {str(source)[:200]!r}: {reason}") from None
    return _parsed(text, f"{what}, file {str(source)!r}")


def _parsed(text: str, what: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{what}: this is no JSON: {error}") from None
