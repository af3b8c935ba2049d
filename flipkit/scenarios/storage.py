"""What a scenario's battery does at a site."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from flipkit.scenarios.battery import Battery
from flipkit.tariffs.calendar import local_midnights
from flipkit.tariffs.energy import SiteEnergy
from flipkit.tariffs.offsets import Int64
from flipkit.tariffs.series import Float64, PriceSeries

if TYPE_CHECKING:
    from flipkit.scenarios.dispatch import Dispatch

__all__ = ["dispatched"]


def dispatched(
    site: SiteEnergy, net_kwh: Float64, prices: Mapping[str, PriceSeries], zone: str, battery: Battery, method: str
) -> Dispatch:
    """Dispatch a battery at the site's mean price of each interval; exports earn nothing where they have no price."""
    from flipkit.scenarios.dispatch import dispatch  # here, not above: a what-if without a battery loads no compiler

    ones = np.ones(len(net_kwh))
    bought = prices["IMPORT"].cost(site.start_us, site.end_us, ones)
    sold = prices["EXPORT"].cost(site.start_us, site.end_us, ones) if "EXPORT" in prices else np.zeros(len(net_kwh))
    step_h = int(site.end_us[0] - site.start_us[0]) / 3.6e9
    return dispatch(net_kwh, bought, sold, step_h, battery, method, day_edges=_day_edges(site, zone))


def _day_edges(site: SiteEnergy, zone: str) -> Int64:
    """Index of the first interval that begins on each local day, and the number of intervals."""
    midnights = local_midnights(zone, *site.window)
    return np.unique([0, *np.searchsorted(site.start_us, midnights), len(site.start_us)])
