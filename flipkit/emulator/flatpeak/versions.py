"""The two generations of the Flatpeak API: the one table of their differences on the wire."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

__all__ = ["ANODE", "HEADER", "VERSIONS", "ZERO", "Version"]

HEADER = "Flatpeak-Version"


@dataclass(frozen=True, slots=True)
class Version:
    """Names on the wire of one generation; everything inside the emulator uses Anode's.

    Attributes
    ----------
    name : str
        Value of the version header.
    record : mapping of str to str
        Fields of a meter record that have another name in this generation.
    flows : mapping of str to str
        Values of the flow field, and the flow that each means.
    report_direction : str
        Query parameter and field that selects what a cost or price report is about.
    reports_by_flow : bool
        It selects the flow of the energy (Zero), not the price (Anode).
    cost, price, price_value : str
        The object of a cost row, the object of a price row, and the field in it.
    measurand, carbon : bool
        Records have a measurand; answers have a carbon unit.
    """

    name: str
    record: Mapping[str, str]
    flows: Mapping[str, str]
    report_direction: str
    reports_by_flow: bool
    cost: str
    price: str
    price_value: str
    measurand: bool
    carbon: bool

    def name_of(self, field: str) -> str:
        """Return the name of a field of a meter record in this generation."""
        return self.record.get(field, field)

    def flow_word(self, flow: str) -> str:
        """Return the name of a flow in this generation."""
        return next(word for word, meaning in self.flows.items() if meaning == flow)


ANODE = Version(
    name="2025-09-14.anode",
    record={},
    flows={"INBOUND": "INBOUND", "OUTBOUND": "OUTBOUND"},
    report_direction="tariff_direction",
    reports_by_flow=False,
    cost="cost",
    price="price",
    price_value="value",
    measurand=False,
    carbon=False,
)
ZERO = Version(
    name="2024-08-24.zero",
    record={"energy_flow_direction": "direction", "tariff_direction": "tariff_rate"},
    flows={"IMPORT": "INBOUND", "EXPORT": "OUTBOUND"},
    report_direction="direction",
    reports_by_flow=True,
    cost="tariff",
    price="tariff",
    price_value="rate",
    measurand=True,
    carbon=True,
)
VERSIONS = {version.name: version for version in (ANODE, ZERO)}
