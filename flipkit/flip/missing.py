"""What Flip still wants to know before it commissions a site: the body of a 422, as rows and as words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

__all__ = ["missing_rows", "what_to_collect"]

_AGREED, _VERSION = "has_agreed_to_terms_and_conditions", "terms_and_conditions_version"


def missing_rows(body: Any) -> list[dict[str, str | None]]:
    """A row for each thing to collect.

    Parameters
    ----------
    body : object
        ``{"enrollment": {...}}``, decoded. A key that is absent asks for nothing.

    Returns
    -------
    list of dict
        ``kind`` (``site_attribute``, ``terms``, ``program_attribute``), ``name`` (that of the field in ``site`` or in
        ``enrollment``, or of the programme's attribute), ``label``, ``type``, ``hint``, ``error``.
    """
    asked = body.get("enrollment") if isinstance(body, Mapping) else None
    asked = asked if isinstance(asked, Mapping) else {}
    return [
        *(
            _row("site_attribute", name=_text(name), error="missing")
            for name in _list(asked, "missing_site_attributes")
        ),
        *_terms(asked),
        *(_attribute(item) for item in _list(asked, "missing_program_specific_attributes")),
    ]


def what_to_collect(rows: Sequence[Mapping[str, str | None]]) -> str:
    """The rows in words."""
    kinds = {
        "site_attribute": "site fields",
        "terms": "terms",
        "program_attribute": "programme attributes",
    }
    parts = [
        f"{words}: {_listed(row for row in rows if row['kind'] == kind)}"
        for kind, words in kinds.items()
    ]
    asked = "; ".join(part for part in parts if not part.endswith(": "))
    return f"Flip needs more to commission this site: {asked or 'it does not say what'}"


def _terms(asked: Mapping[str, Any]) -> Iterable[dict[str, str | None]]:
    if asked.get(f"missing_{_AGREED}") is True:
        yield _row("terms", name=_AGREED, type="boolean", error="missing")
    faults = [
        fault for fault in ("missing", "incorrect") if asked.get(f"{fault}_{_VERSION}") is True
    ]
    if faults:
        yield _row("terms", name=_VERSION, type="string", error=" and ".join(faults))


def _attribute(item: Any) -> dict[str, str | None]:
    if not isinstance(item, Mapping):
        return _row("program_attribute", name=_text(item))
    return _row(
        "program_attribute",
        **{key: _text(item.get(key)) for key in ("name", "label", "type", "hint", "error")},
    )


def _row(kind: str, **values: str | None) -> dict[str, str | None]:
    return {"kind": kind, **dict.fromkeys(("name", "label", "type", "hint", "error")), **values}


def _listed(rows: Iterable[Mapping[str, str | None]]) -> str:
    return ", ".join(_worded(row) for row in rows)


def _worded(row: Mapping[str, str | None]) -> str:
    about = [
        row[key] for key in ("label", "type", "hint", "error") if row[key] and row[key] != "missing"
    ]
    return f"{row['name']}" + (f" ({'; '.join(map(str, about))})" if about else "")


def _list(asked: Mapping[str, Any], key: str) -> list[Any]:
    value = asked.get(key)
    return value if isinstance(value, list) else []


def _text(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    return str(value)[:400]
