"""Names and shapes on the wire, one table for each API generation.

Everything else in this room speaks Anode's words; Zero is Anode under other names. ``direction=IMPORT`` there is
``INBOUND`` here, ``tariff_rate`` is ``tariff_direction``, and ``tariff{value}`` is ``cost{value}``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec
from msgspec import Struct, defstruct, field

from flipkit.errors import ConfigurationError, InputError
from flipkit.flatpeak.cost_rows import Report, cost_decoder
from flipkit.flatpeak.shapes import (
    CostAnswer,
    CostRowBase,
    InstantBase,
    Money,
    PriceAnswer,
    PriceRowBase,
)

__all__ = ["DEFAULT_VERSION", "Reading", "Wire", "wire_of"]

DEFAULT_VERSION = "2025-09-14.anode"

_RECORD: list[Any] = [
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
    """A reading of a register, on its way out; the time in seconds since 1970-01-01 UTC."""

    time: int
    value: float
    record_reference_id: str | None = None


class CostRow(CostRowBase, gc=False, kw_only=True):
    """Anode: what an interval cost."""

    cost: Money


class ZeroCostRow(CostRowBase, gc=False, kw_only=True):
    """Zero: what an interval cost."""

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
    """What one API generation calls things.

    Attributes
    ----------
    generation : str
    names : mapping
        Record fields that it calls otherwise.
    flows : mapping
        Its words for the energy flow.
    record : type
        A meter record on its way out.
    costs, instant, prices : msgspec.json.Decoder
        Of the answers.
    direction : str
        The query parameter of reports that chooses the tariff direction.
    directions : tuple of str
        What reports can be asked for.
    extra : mapping
        Query parameters without which reports leave out the money.
    anode : bool
        Whether cost reports take the direction in the body too, and prices are asked for by POST.
    tariffs : tuple of str
        Path of the tariffs.
    """

    generation: str
    names: Mapping[str, str]
    flows: Mapping[str, str]
    record: type[Struct]
    costs: msgspec.json.Decoder[Report]
    instant: msgspec.json.Decoder[Any]
    prices: msgspec.json.Decoder[Any]
    direction: str
    directions: tuple[str, ...]
    extra: Mapping[str, str]
    anode: bool
    tariffs: tuple[str, ...]

    def report_query(self, direction: str) -> dict[str, str]:
        """The query parameters that choose a report's tariff direction.

        Raises
        ------
        InputError
            For a direction that this generation cannot report.
        """
        word = direction.upper() if isinstance(direction, str) else direction
        if word not in self.directions:
            choice = ", ".join(self.directions)
            raise InputError(
                f"tariff_direction={direction!r}: with {self.generation}, choose one of {choice}"
            )
        return {self.direction: word, **self.extra}

    def cost_query(self, direction: str) -> dict[str, str]:
        """As `report_query`, for costs: Zero would add LOCAL energy to IMPORT.

        ``tariff_rate``, which keeps the two apart, is known from a case study alone.
        """
        query = self.report_query(direction)
        return query if self.anode else {**query, "tariff_rate": query[self.direction]}

    def flow_of(self, word: str) -> str:
        """Anode's word for a flow; words that are not known pass through."""
        return {wire: ours for ours, wire in self.flows.items()}.get(word, word)


_ZERO_NAMES = {"energy_flow_direction": "direction", "tariff_direction": "tariff_rate"}

_ANODE = Wire(
    generation="Anode",
    names={},
    flows={"INBOUND": "INBOUND", "OUTBOUND": "OUTBOUND"},
    record=defstruct("AnodeRecord", _RECORD, omit_defaults=True),
    costs=cost_decoder(
        msgspec.json.Decoder(CostAnswer[CostRow]), msgspec.json.Decoder(list[CostRow])
    ),
    instant=msgspec.json.Decoder(Instant),
    prices=msgspec.json.Decoder(PriceAnswer[PriceRow]),
    direction="tariff_direction",
    directions=("IMPORT", "EXPORT", "LOCAL"),
    extra={},
    anode=True,
    tariffs=("tariffs",),
)

_ZERO = Wire(
    generation="Zero",
    names=_ZERO_NAMES,
    flows={"INBOUND": "IMPORT", "OUTBOUND": "EXPORT"},
    record=defstruct("ZeroRecord", _RECORD, omit_defaults=True, rename=_ZERO_NAMES),
    costs=cost_decoder(
        msgspec.json.Decoder(CostAnswer[ZeroCostRow]), msgspec.json.Decoder(list[ZeroCostRow])
    ),
    instant=msgspec.json.Decoder(ZeroInstant),
    prices=msgspec.json.Decoder(PriceAnswer[ZeroPriceRow]),
    direction="direction",
    directions=("IMPORT", "EXPORT"),
    extra={"include_tariff": "true"},
    anode=False,
    tariffs=("tariffs", "elements"),
)

_BY_GENERATION = {"anode": _ANODE, "zero": _ZERO}
_VERSION = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}\.(anode|zero)")


def wire_of(version: str) -> Wire:
    """The table for a version such as ``2025-09-14.anode``.

    Raises
    ------
    ConfigurationError
        For a generation that flipkit does not speak.
    """
    match = _VERSION.fullmatch(version) if isinstance(version, str) else None
    if match is None:
        raise ConfigurationError(
            f"version={version!r}: flipkit speaks {DEFAULT_VERSION!r} (Anode) and '2024-08-24.zero' (Zero)"
        )
    return _BY_GENERATION[match[1]]
