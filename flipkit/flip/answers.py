"""What Flip's answers say: rows as columns, and error bodies."""

from __future__ import annotations

import reprlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from http import HTTPStatus
from typing import Any, NamedTuple

import numpy as np

from flipkit.calendar import month_of, parse_times
from flipkit.errors import InformationRequired, InputError, UnexpectedAnswer
from flipkit.flip import wire
from flipkit.flip.requests import missing_rows, missing_text
from flipkit.frames import EQUIPMENT_PERFORMANCE, SITES, Table
from flipkit.http import Answer, ErrorBody

__all__ = ["read_error", "read_performance", "read_sites"]

_MAX_MESSAGE = 400  # characters, so that an error stays readable
_MAX_DETAILS = 10

Row = Mapping[str, Any]


class _Field(NamedTuple):
    """A value of a row, and the name under which the answer has it."""

    name: str
    value: Any


def read_sites(answer: Answer[Any]) -> dict[str, np.ndarray]:
    """Return the columns of the sites frame from an answer of ``GET /v1/sites``.

    Raises
    ------
    UnexpectedAnswer
        No list of sites, a site without an id, a value of the wrong type.
    """
    rows = _rows_in(answer, wire.SITE_LISTS)
    columns = _columns(answer, rows, SITES, wire.SITE_NAMES)
    names = zip(
        columns["customer_name"],
        columns["first_name"],
        columns["last_name"],
        columns["company_name"],
        strict=True,
    )
    columns["customer_name"] = [
        customer or _full_name(first, last) or company or None
        for customer, first, last, company in names
    ]
    manufacturers = columns["technology_provider_identifier"]
    columns["technology_provider_identifier"] = [
        manufacturer or _manufacturers(row)
        for manufacturer, row in zip(manufacturers, rows, strict=True)
    ]
    return SITES.arrays(columns)


def _full_name(first: str | None, last: str | None) -> str:
    return " ".join(part for part in (first, last) if part)


def _manufacturers(row: Row) -> str | None:
    """Return the manufacturers of a site's devices, for sites that name them only there."""
    devices = row.get("devices")
    if not isinstance(devices, list):
        return None
    names = []
    for device in devices:
        name = device.get("technology_provider_identifier") if isinstance(device, dict) else None
        if isinstance(name, str) and name and name not in names:
            names.append(name)
    return ", ".join(names) or None


def read_performance(answer: Answer[Any], month: str | None) -> dict[str, np.ndarray]:
    """Return the columns of the equipment performance frame.

    Rows without a month get `month`, the one that was requested. It is None if no month was
    requested; such rows have none, because Flip does not say in which zone its current month is.

    Raises
    ------
    UnexpectedAnswer
        No list of rows, a row without a site or of another month, a value of the wrong type.
    """
    rows = _rows_in(answer, wire.PERFORMANCE_LISTS)
    columns = _columns(answer, rows, EQUIPMENT_PERFORMANCE, wire.PERFORMANCE_NAMES)
    columns["month"] = [
        _month_of_row(answer, row, given, month) for row, given in enumerate(columns["month"])
    ]
    actual = columns["actual_production_kwh"]
    expected = columns["expected_production_kwh"]
    columns["performance_index"] = _index(columns["performance_index"], actual, expected)
    return EQUIPMENT_PERFORMANCE.arrays(columns)


def _month_of_row(
    answer: Answer[Any], row: int, given: str | None, requested: str | None
) -> str | None:
    if not given:
        return requested
    month = month_of(given)
    if month is None:
        raise UnexpectedAnswer(f"row {row}, month: {given!r} is not a valid month", answer.request)
    if requested and month != requested:  # two such answers would count a month twice
        raise UnexpectedAnswer(
            f"row {row}, month: requested {requested}, but the row is of {month}", answer.request
        )
    return month


def _index(given: np.ndarray, actual: np.ndarray, expected: np.ndarray) -> np.ndarray:
    """Return Flip's own ratio, else actual / expected; NaN where nothing was expected."""
    with np.errstate(all="ignore"):
        ratio = np.where(expected > 0, actual / expected, np.nan)
    ratio = np.where(np.isfinite(ratio), ratio, np.nan)
    return np.where(np.isnan(given), ratio, given)


# ---- Rows and columns


def _rows_in(answer: Answer[Any], names: Sequence[str]) -> list[Row]:
    rows = wire.list_in(answer.value, names)
    if rows is None:
        content = reprlib.repr(answer.value) if answer.content else "nothing"
        raise UnexpectedAnswer(
            f"expected an array, or an object with an array named {' or '.join(names)}; "
            f"the answer has {content}",
            answer.request,
        )
    for row, item in enumerate(rows):
        if not isinstance(item, dict):
            raise UnexpectedAnswer(
                f"row {row} of the answer is not an object: {reprlib.repr(item)}", answer.request
            )
    return rows


def _columns(
    answer: Answer[Any], rows: Sequence[Row], table: Table, aliases: wire.Aliases
) -> dict[str, Any]:
    """Read each column of `table` by its kind; ``site_id`` must be there.

    Null is null. An integer is accepted as text, but nothing else is accepted as a number.
    """
    columns: dict[str, Any] = {}
    for column in table.columns:
        fields = [_field(row, aliases[column.name]) for row in rows]
        try:
            columns[column.name] = _PARSERS[column.kind](fields)
        except InputError as error:
            raise UnexpectedAnswer(
                f"the answer does not match the contract: {error}", answer.request
            ) from None
    for row, site_id in enumerate(columns["site_id"]):
        if not site_id:
            names = " or ".join(aliases["site_id"])
            raise UnexpectedAnswer(f"row {row} of the answer has no {names}", answer.request)
    return columns


def _field(row: Row, names: Sequence[str]) -> _Field:
    """Return the first of the fields `names` that is not null."""
    for name in names:
        if row.get(name) is not None:
            return _Field(name, row[name])
    return _Field(names[0], None)


def _parse_texts(fields: Sequence[_Field]) -> list[str | None]:
    return [_parse_text(field, row) for row, field in enumerate(fields)]


def _parse_text(field: _Field, row: int) -> str | None:
    value = field.value
    if value is None or isinstance(value, str):
        return value
    is_integer = isinstance(value, int) and not isinstance(value, bool)
    if is_integer and abs(value) < 2**63:
        return str(value)  # an id that is written as a number
    raise InputError(f"row {row}, {field.name}: {reprlib.repr(value)} is not text")


def _parse_numbers(fields: Sequence[_Field]) -> np.ndarray:
    numbers = [_parse_number(field, row) for row, field in enumerate(fields)]
    return np.array(numbers, dtype=np.float64)


def _parse_number(field: _Field, row: int) -> float:
    value = field.value
    if value is None:
        return np.nan
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise InputError(f"row {row}, {field.name}: {reprlib.repr(value)} is not a number")
    divisor = 1000.0 if field.name.endswith("_wh") else 1.0
    try:
        return float(value) / divisor
    except OverflowError:
        raise InputError(f"row {row}, {field.name}: the number is out of range") from None


def _parse_times(fields: Sequence[_Field]) -> np.ndarray:
    values = [field.value for field in fields]
    names = [field.name for field in fields if field.value is not None]
    return parse_times(values, names[0] if names else "time")


_PARSERS: dict[str, Callable[[Sequence[_Field]], Any]] = {
    "text": _parse_texts,
    "number": _parse_numbers,
    "time": _parse_times,
}


# ---- Error bodies


def read_error(status: int, body: Any) -> ErrorBody:
    """Read an error body: Flip's own shapes, FastAPI's, or none.

    `body` is decoded, and None if it is empty or not JSON.
    """
    if not isinstance(body, Mapping):
        return ErrorBody(_reason(status))
    code = _text(body.get("code"))
    if status == 422 and isinstance(body.get("enrollment"), Mapping):
        return ErrorBody(
            message=missing_text(missing_rows(body)),
            code=code,
            error=InformationRequired,
            next_step="collect it and call commission again: site fields go into site=, terms into "
            "enrollment= by their names, program attributes into enrollment= as "
            '"program_specific_attributes": [{"name": ..., "value": ...}]',
        )
    messages = [_text(body.get(name)) for name in ("message", "detail", "error")]
    message = next(filter(None, messages), None) or _reason(status)
    details = [
        *_details(body.get("detail"), "loc", "msg"),
        *_details(body.get("errors"), "path", "message"),
    ]
    return ErrorBody("; ".join([message, *details]), code)


def _reason(status: int) -> str:
    try:
        return f"{HTTPStatus(status).phrase}, without an explanation"
    except ValueError:
        return "no explanation"


def _details(items: Any, path_name: str, message_name: str) -> Iterator[str]:
    """Yield ``path: message`` of each item of a validation error."""
    if not isinstance(items, list):
        return
    details = [item for item in items if isinstance(item, Mapping)]
    for detail in details[:_MAX_DETAILS]:
        path = _path(detail.get(path_name))
        message = _text(detail.get(message_name))
        if message:
            yield f"{path}: {message}" if path else message


def _path(value: Any) -> str:
    if isinstance(value, list):
        return ".".join(map(str, value[:_MAX_DETAILS]))
    return _text(value) or ""


def _text(value: Any) -> str | None:
    is_text = isinstance(value, str) and value.strip()
    return value[:_MAX_MESSAGE] if is_text else None
