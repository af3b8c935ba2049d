"""What a battery does: two rules, the optimum of each day, and the exact optimum of all.

``block`` runs batteries on prices: by ``rules`` or by ``optimum``, which needs no solver
(``segments`` and ``convolution`` are its value functions). ``tariff_dispatch`` runs one battery
under a tariff with tiers or demand charges: ``charge_terms`` turns the tariff into ``cost_terms``,
and ``window_program`` these into a linear program. ``storage`` says whose energy is stored
(``sources``), and what more or less of it at the end is worth.
"""

from flipkit.scenarios.dispatch.block import Dispatch, DispatchBlock, dispatch, dispatch_block
from flipkit.scenarios.dispatch.charge_terms import EXPORT_TIERS, couples
from flipkit.scenarios.dispatch.storage import (
    ForeignEnergy,
    StoredChange,
    foreign_energy,
    no_battery,
    stored_change,
)
from flipkit.scenarios.dispatch.tariff_dispatch import APPROXIMATE, dispatch_tariff

__all__ = [
    "APPROXIMATE",
    "EXPORT_TIERS",
    "Dispatch",
    "DispatchBlock",
    "ForeignEnergy",
    "StoredChange",
    "couples",
    "dispatch",
    "dispatch_block",
    "dispatch_tariff",
    "foreign_energy",
    "no_battery",
    "stored_change",
]
