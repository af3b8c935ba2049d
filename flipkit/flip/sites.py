"""``GET /v1/sites`` as columns."""

from __future__ import annotations

from typing import Any

from flipkit.flip.read import Row, columns_of, rows_of
from flipkit.flip.wire import SITE_LISTS, SITE_NAMES
from flipkit.frames import SITES
from flipkit.http import Answer

__all__ = ["site_columns"]


def site_columns(answer: Answer[Any]) -> dict[str, Any]:
    """The columns of the sites frame.

    Raises
    ------
    UnexpectedAnswer
        No list of sites, a site without an id, a value of the wrong type.
    """
    rows = rows_of(answer, SITE_LISTS)
    columns = columns_of(answer, rows, SITES, SITE_NAMES, required=("site_id",))
    people = zip(
        *(columns[name] for name in ("customer_name", "first_name", "last_name", "company_name")),
        strict=True,
    )
    columns["customer_name"] = [_customer(*names) for names in people]
    makers = zip(columns["technology_provider_identifier"], rows, strict=True)
    columns["technology_provider_identifier"] = [own or _makers(row) for own, row in makers]
    return columns


def _customer(
    name: str | None, first: str | None, last: str | None, company: str | None
) -> str | None:
    return name or " ".join(part for part in (first, last) if part) or company or None


def _makers(row: Row) -> str | None:
    """The makers of a site's devices, for sites that list them only there."""
    devices = row.get("devices")
    listed = devices if isinstance(devices, list) else []
    makers = [
        device.get("technology_provider_identifier")
        for device in listed
        if isinstance(device, dict)
    ]
    return (
        ", ".join(dict.fromkeys(maker for maker in makers if isinstance(maker, str) and maker))
        or None
    )
