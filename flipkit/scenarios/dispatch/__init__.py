"""What a battery does, interval by interval: two rules, the optimum of each day, and the exact optimum of all."""

from flipkit.scenarios.dispatch.block import DispatchBlock, dispatch_block
from flipkit.scenarios.dispatch.coupled import dispatch_tariff
from flipkit.scenarios.dispatch.single import Dispatch, dispatch
from flipkit.scenarios.dispatch.tariff_terms import couples

__all__ = [
    "Dispatch",
    "DispatchBlock",
    "couples",
    "dispatch",
    "dispatch_block",
    "dispatch_tariff",
]
