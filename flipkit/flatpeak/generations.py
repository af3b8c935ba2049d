"""Names, shapes and times on the wire, one table for each API generation.

The rest of this room uses the names of Anode; Zero is Anode under other names. Its
``direction=IMPORT`` is ``INBOUND`` here, its ``tariff_rate`` is ``tariff_direction``, and its
``tariff{value}`` is ``cost{value}``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np
from msgspec import Struct, defstruct, field

from flipkit.calendar import parse_times
from flipkit.errors import ConfigurationError, InputError, RequestInfo
from flipkit.flatpeak.cost_answers import CostDecoder, contract_error
from flipkit.flatpeak.shapes import (
    CostAnswer,
    CostRowBase,
    InstantBase,
    Money,
    PriceAnswer,
    PriceRowBase,
)
from flipkit.vocabulary import DIRECTIONS

__all__ = ["DEFAULT_VERSION", "Reading", "Wire", "answer_stamps", "answer_times", "wire_of"]

DEFAULT_VERSION = "2025-09-14.anode"

_RECORD_FIELDS: list[Any] = [
    ("location_id", str),
    ("energy_flow_direction", str),
    ("tariff_direction", str),
    ("units", str),
    ("value", float),
    ("start_time", str),
    ("end_time", str),
    ("device_id", str | None, None),
    ("session_reference_id", str | None, None),
    ("record_reference_id", str | None, None),
    ("confidence", float | None, None),
]


class Reading(Struct, omit_defaults=True):
    """A register reading to send; the time in seconds since 1970-01-01 UTC."""

    time: int
    value: float
    record_reference_id: str | None = None


class CostRow(CostRowBase, gc=False, kw_only=True):
    """Anode: the cost of an interval."""

    cost: Money


class ZeroCostRow(CostRowBase, gc=False, kw_only=True):
    """Zero: the cost of an interval."""

    cost: Money = field(name="tariff")


class Instant(InstantBase, kw_only=True):
    """Anode: the cost of one record."""

    data: CostRow
    energy_flow_direction: str
    tariff_direction: str


class ZeroInstant(InstantBase, kw_only=True):
    """Zero: the cost of one record."""

    data: ZeroCostRow
    energy_flow_direction: str = field(name="direction")
    tariff_direction: str = field(name="tariff_rate")


class PriceRow(PriceRowBase, gc=False, kw_only=True):
    """Anode: the price of a segment."""

    price: Money


class _ZeroRate(Struct, gc=False):
    confidence: float
    value: float = field(name="rate")


class ZeroPriceRow(PriceRowBase, gc=False, kw_only=True):
    """Zero: the price of a segment."""

    price: _ZeroRate = field(name="tariff")


@dataclass(frozen=True, slots=True)
class Wire:
    """The names and shapes of one API generation.

    Attributes
    ----------
    generation : str
    names : mapping
        Record fields with another name.
    flows : mapping
        Its word for each energy flow.
    record : type
        A meter record to send.
    costs, instant, prices : Decoder
        Of the answers.
    direction : str
        The query parameter of reports that selects the tariff direction.
    directions : tuple of str
        The tariff directions that it can report.
    extra : mapping
        Query parameters without which reports contain no money.
    is_anode : bool
        Whether cost reports take the direction in the body too, and prices are requested by POST.
    tariffs : tuple of str
        Path of the tariffs.
    """

    generation: str
    names: Mapping[str, str]
    flows: Mapping[str, str]
    record: type[Struct]
    costs: CostDecoder
    instant: msgspec.json.Decoder[Any]
    prices: msgspec.json.Decoder[Any]
    direction: str
    directions: tuple[str, ...]
    extra: Mapping[str, str]
    is_anode: bool
    tariffs: tuple[str, ...]

    def report_query(self, direction: str) -> dict[str, str]:
        """Return the query parameters that select a report's tariff direction.

        Raises
        ------
        InputError
            A direction that this generation cannot report.
        """
        word = direction.upper() if isinstance(direction, str) else direction
        if word not in self.directions:
            raise InputError(
                f"tariff_direction {direction!r} is not one of {', '.join(self.directions)} "
                f"(API generation {self.generation})"
            )
        return {self.direction: word, **self.extra}

    def cost_query(self, direction: str) -> dict[str, str]:
        """Return the query parameters of a cost report; errors as `report_query`."""
        query = self.report_query(direction)
        if not self.is_anode:
            # Keeps LOCAL energy out of IMPORT; known only from a case study.
            query["tariff_rate"] = query[self.direction]
        return query

    def flow_of(self, word: str) -> str:
        """Return Anode's word for a flow; unknown words are returned as they are."""
        for flow, own_word in self.flows.items():
            if own_word == word:
                return flow
        return word


_ZERO_NAMES = {"energy_flow_direction": "direction", "tariff_direction": "tariff_rate"}

_ANODE = Wire(
    generation="Anode",
    names={},
    flows={"INBOUND": "INBOUND", "OUTBOUND": "OUTBOUND"},
    record=defstruct("AnodeRecord", _RECORD_FIELDS, omit_defaults=True),
    costs=CostDecoder(
        answers=msgspec.json.Decoder(CostAnswer[CostRow]), rows=msgspec.json.Decoder(list[CostRow])
    ),
    instant=msgspec.json.Decoder(Instant),
    prices=msgspec.json.Decoder(PriceAnswer[PriceRow]),
    direction="tariff_direction",
    directions=DIRECTIONS,
    extra={},
    is_anode=True,
    tariffs=("tariffs",),
)

_ZERO = Wire(
    generation="Zero",
    names=_ZERO_NAMES,
    flows={"INBOUND": "IMPORT", "OUTBOUND": "EXPORT"},
    record=defstruct("ZeroRecord", _RECORD_FIELDS, omit_defaults=True, rename=_ZERO_NAMES),
    costs=CostDecoder(
        answers=msgspec.json.Decoder(CostAnswer[ZeroCostRow]),
        rows=msgspec.json.Decoder(list[ZeroCostRow]),
    ),
    instant=msgspec.json.Decoder(ZeroInstant),
    prices=msgspec.json.Decoder(PriceAnswer[ZeroPriceRow]),
    direction="direction",
    directions=("IMPORT", "EXPORT"),
    extra={"include_tariff": "true"},
    is_anode=False,
    tariffs=("tariffs", "elements"),
)

_BY_GENERATION = {"anode": _ANODE, "zero": _ZERO}
_VERSION = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}\.(anode|zero)")


def wire_of(version: str) -> Wire:
    """Return the table for a version such as ``2025-09-14.anode``.

    Raises
    ------
    ConfigurationError
        A generation that flipkit does not support.
    """
    match = _VERSION.fullmatch(version) if isinstance(version, str) else None
    if match is None:
        raise ConfigurationError(
            f"version {version!r} is not supported; use {DEFAULT_VERSION!r} (Anode) or "
            "'2024-08-24.zero' (Zero)"
        )
    return _BY_GENERATION[match[1]]


def answer_times(texts: Sequence[str | None], what: str, request: RequestInfo) -> np.ndarray:
    """Return times of an answer, which must have a zone, as datetime64[us] in UTC.

    Raises
    ------
    UnexpectedAnswer
        A time without a zone, or not a valid time; names the row.
    """
    try:
        return parse_times(texts, what)
    except InputError as error:
        raise contract_error(error, request) from None


def answer_stamps(texts: Sequence[str | None], what: str, request: RequestInfo) -> np.ndarray:
    """Return time stamps of the service, which may be null, or UTC without a zone."""
    return answer_times([_with_zone(text) for text in texts], what, request)


def _with_zone(text: str | None) -> str | None:
    if not text:
        return None
    date, _, clock = text.partition("T")
    if not clock:
        return f"{date}T00:00:00Z"
    has_zone = clock.endswith(("Z", "z")) or "+" in clock or "-" in clock
    return text if has_zone else f"{text}Z"
