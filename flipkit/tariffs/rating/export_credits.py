"""What exported energy earns, and what is carried to the next billing period."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from flipkit.tariffs.model import Export, Tariff, period_names, rate_table
from flipkit.tariffs.rating.energy_charges import Charged, settles
from flipkit.tariffs.rating.lines import Line
from flipkit.tariffs.rating.runs import Partition, occurring
from flipkit.tariffs.rating.usage import EnergySums
from flipkit.vocabulary import Float64

__all__ = ["carried_credit", "export_lines"]

_UNPAID = "export.unpaid: the tariff pays nothing for exported energy"
_OPEN = (
    "carry_over.open: carried beyond the last billing period of the energy, and not settled in it"
)


def export_lines(
    usage: EnergySums, tariff: Tariff, part: Partition, energy: Charged
) -> Iterator[Line]:
    """The lines of exported energy, and of kWh carried over."""
    export, everywhere = tariff.export, np.ones(len(part.place.billing), dtype=bool)
    if export is None:
        if usage.block.generation_kwh is not None:
            kwh = usage.cells(part, False, "sold")[:, :, 0]
            notes = dict.fromkeys(range(len(everywhere)), _UNPAID)
            yield Line(
                "export", "export all", "kWh", kwh, np.zeros_like(kwh), everywhere, notes=notes
            )
    elif export.mode == "net_metering":
        yield from _left_over(tariff, export, part, energy)
    else:
        yield from _sold(usage, export, part, everywhere)


def _sold(
    usage: EnergySums, export: Export, part: Partition, everywhere: np.ndarray
) -> Iterator[Line]:
    gross = export.mode == "buy_all_sell_all"
    sold = usage.cells(part, gross, "sold")
    if export.series is not None:
        earned = usage.costs(part, gross, True, export.series)
        yield Line("export", "export all", "kWh", sold[:, :, 0], -earned, everywhere)
        return
    periods = rate_table(export.rates).periods
    for number, name in enumerate(period_names(export.rates)):
        shown = occurring(part, "sold")[number]
        kwh = sold[:, :, number]
        yield Line(
            "export", f"export {name}", "kWh", kwh, -(kwh * periods[number].price_per_kwh), shown
        )


def _left_over(tariff: Tariff, export: Export, part: Partition, energy: Charged) -> Iterator[Line]:
    """What net metering leaves over: paid at once, or carried and paid when it is settled."""
    assert energy.over is not None
    everywhere = np.ones(len(part.place.billing), dtype=bool)
    if energy.carried is None:
        names = period_names(tariff.rates) if tariff.rates else ("all",)
        for number, name in enumerate(names):
            shown = occurring(part, "bought")[number]
            kwh = energy.over[:, :, number]
            yield Line(
                "export", f"export {name}", "kWh", kwh, -(kwh * export.payout_per_kwh), shown
            )
        return
    paid = np.zeros(energy.carried.shape)
    for number in range(energy.over.shape[2]):
        paid += energy.over[:, :, number]
    notes = {len(everywhere) - 1: _OPEN}
    cost = -(paid * export.payout_per_kwh)
    yield Line("carry over", "carry over", "kWh", energy.carried, cost, everywhere, notes=notes)


def carried_credit(
    charges: Float64, sold: Float64, export: Export, part: Partition, currency: str, ends: bool
) -> Line:
    """What exports earned above the other charges of a billing period, taken to the next.

    Parameters
    ----------
    charges, sold : ndarray of float64, shape (sites, billing periods)
        The other charges, and what exports cost (negative where they earn).
    export : Export
    part : Partition
    currency : str
    ends : bool
        Another tariff follows.
    """
    cost, carried = np.zeros_like(charges), np.zeros_like(charges)
    balance = np.zeros(len(charges))
    for number, settle in enumerate(settles(part.place.billing, export, ends).tolist()):
        pot = np.maximum(balance - sold[:, number], 0.0)
        left = pot - np.minimum(np.maximum(charges[:, number], 0.0), pot)
        kept = export.payout_share * left if settle else np.zeros_like(left)
        cost[:, number] = (left - kept) - balance
        balance = np.zeros_like(left) if settle else left
        carried[:, number] = balance
    notes = {len(part.place.billing) - 1: _OPEN}
    shown = np.ones(len(part.place.billing), dtype=bool)
    return Line("carry over", "carry over", currency, carried, cost, shown, notes=notes)
