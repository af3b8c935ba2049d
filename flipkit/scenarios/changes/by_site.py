"""Values by site."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flipkit.errors import InputError

__all__ = ["check_by_site"]


def check_by_site(values: Mapping[Any, Any], kind: type, what: str) -> None:
    """Raise InputError where a key is no text, or a value of another kind: names the site."""
    for key in values:
        if not isinstance(key, str):
            raise InputError(
                f"{what}: {key!r} is no site id; the keys are the texts in the energy's column site_id"
            )
    wrong = [key for key, each in values.items() if not isinstance(each, kind)]
    if wrong:
        raise InputError(
            f"{what}: no {kind.__name__} for {', '.join(wrong)}; leave out sites that have none"
        )
