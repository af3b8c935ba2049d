"""Scenarios for every combination of some choices, each with a name that says which."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import product
from typing import Any

from flipkit.errors import InputError

__all__ = ["grid", "label"]

# What it means that a scenario leaves one of these out.
_TODAY = {
    "tariff": "today's tariff",
    "export_tariff": "today's export tariff",
    "load": "today's load",
}
_CALLED = {"ev": "car"}


def grid(name: str, **fields: Any) -> list[dict[str, Any]]:
    """The fields of a scenario for every combination of choices.

    Parameters
    ----------
    name : str
        Begins the name of each: ``"sweep: battery 5 kWh/2.5 kW, no solar"``.
    **fields
        By field of a scenario: a list (or tuple) of choices, or one value for all. What is one for all is not in the
        names.

    Returns
    -------
    list of dict
        ``name`` and every field; the first choices first, the field named last changing fastest.

    Raises
    ------
    InputError
        A list without choices, or two choices of a field that go by the same words.
    """
    choices = {
        field: value if isinstance(value, list | tuple) else [value]
        for field, value in fields.items()
    }
    words = {field: _words(field, values) for field, values in choices.items()}
    varied = [field for field, values in choices.items() if len(values) > 1]
    out = []
    for numbers in product(*(range(len(values)) for values in choices.values())):
        chosen = dict(zip(choices, numbers, strict=True))
        which = ", ".join(words[field][chosen[field]] for field in varied)
        full = f"{name}: {which}" if name and which else name or which
        out.append(
            {"name": full, **{field: choices[field][number] for field, number in chosen.items()}}
        )
    return out


def label(value: Any) -> str:
    """A value in a few words: its own ``label``, else its ``name``, else as text; numbers without an idle ``.0``."""
    if isinstance(value, Mapping):
        return "by site"
    own = getattr(value, "label", None) or getattr(value, "name", None)
    if isinstance(own, str):
        return own
    return str(value).removesuffix(".0") if isinstance(value, float) else str(value)


def _words(field: str, values: list[Any] | tuple[Any, ...]) -> list[str]:
    """What each choice of a field is called, with the field."""
    if not values:
        raise InputError(f"grid: {field}: no choices; give at least one, or leave the field out")
    called = _CALLED.get(field, field.replace("_", " "))
    words = [
        _TODAY.get(field, f"no {called}") if value is None else f"{called} {label(value)}"
        for value in values
    ]
    twice = sorted({each for each in words if words.count(each) > 1})
    if twice:
        raise InputError(
            f"grid: {field}: more than one choice is called {', '.join(map(repr, twice))}; leave out what is there "
            "twice, and make scenarios that differ in something else one by one"
        )
    return words
