"""The two generations of the Flatpeak API: the one table of how their wire differs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

__all__ = ["ANODE", "HEADER", "USUAL_FLOW", "VERSIONS", "ZERO", "Version"]

HEADER = "Flatpeak-Version"

# Which way energy flows that is priced by each tariff direction, where nothing else is said.
USUAL_FLOW = {"IMPORT": "INBOUND", "EXPORT": "OUTBOUND", "LOCAL": "INBOUND"}


@dataclass(frozen=True, slots=True)
class Version:
    """Names on the wire of one generation; everything inside the emulator bears Anode's.

    Attributes
    ----------
    name : str
        What the version header says.
    record : mapping of str to str
        Fields of a meter record that have another name here.
    flows : mapping of str to str
        Values of the flow field, and which flow each means.
    report_direction : str
        Query parameter and field that chooses what a cost or price report is about.
    reports_by_flow : bool
        Whether that chooses the flow of the energy (Zero) or the price (Anode).
    cost, price, price_value : str
        The object of a cost row, the object of a price row, and the field in it.
    measurand, carbon : bool
        Whether records have a measurand, and answers a carbon unit.
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

    def flow_word(self, flow: str) -> str:
        """What a flow is called here."""
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
