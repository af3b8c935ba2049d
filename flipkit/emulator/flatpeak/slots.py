"""What a location's tariffs are, slot by slot: direction and kind."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flipkit.emulator.flatpeak.contracts import Contract
from flipkit.emulator.flatpeak.objects import Stored

__all__ = ["slots", "status_words"]

_SLOTS = {
    "commodity_import": ("IMPORT", "COMMODITY"),
    "commodity_export": ("EXPORT", "COMMODITY"),
    "non_commodity_import": ("IMPORT", "NON_COMMODITY"),
    "local": ("LOCAL", "COMMODITY"),
}
_NONE = {"non_commodity_export": "NOT_SUPPORTED"}  # documented: disabled


def status_words(tariffs: Sequence[Stored]) -> dict[str, str]:
    """CONNECTED, NOT_CONNECTED or NOT_SUPPORTED for each slot."""
    taken = {(tariff.body["direction"], tariff.body["type"]) for tariff in tariffs}
    return {
        name: "CONNECTED" if slot in taken else "NOT_CONNECTED" for name, slot in _SLOTS.items()
    } | _NONE


def slots(tariffs: Sequence[Stored], contracts: Sequence[Contract]) -> dict[str, Any]:
    """Status, kind of connection, provider and tariff for each slot; of several tariffs the last created.

    Parameters
    ----------
    tariffs : sequence of Stored
    contracts : sequence of Contract
        The same tariffs, in the same order.
    """
    found: dict[str, Any] = {name: {"status": word} for name, word in status_words(tariffs).items()}
    for tariff, contract in zip(tariffs, contracts, strict=True):
        name = next(
            name for name, slot in _SLOTS.items() if slot == (contract.direction, contract.kind)
        )
        found[name] = _slot(tariff, contract)
    return found


def _slot(tariff: Stored, contract: Contract) -> dict[str, Any]:
    body = tariff.body
    market = bool(body["market_rates"])
    structure = "FIXED" if len(contract.tariff.rates) == 1 else "TIME_OF_DAY"
    return {
        "status": "CONNECTED",
        "connection_type": "MARKET" if market else "MANUAL",
        "provider": {"id": body.get("provider_id", ""), "display_name": "", "logo_url": ""},
        "tariff": {
            "id": tariff.id,
            "display_name": body.get("display_name", ""),
            "structure_type": "MARKET" if market else structure,
            "contract_end_date": body["contract_end_date"],
        },
    }
