"""One id or many."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from flipkit.errors import InputError

__all__ = ["ids_of"]


def ids_of(value: Any, what: str) -> list[str]:
    """The ids in `value`, each once, sorted.

    Raises
    ------
    InputError
        It is neither a text nor an iterable of texts.
    """
    ids = (
        [value]
        if isinstance(value, str)
        else list(value)
        if isinstance(value, Iterable)
        else [value]
    )
    wrong = [one for one in ids if not isinstance(one, str) or not one]
    if wrong:
        raise InputError(f"{what}: expected ids as texts that are not empty, got {wrong[0]!r}")
    return sorted(set(ids))
