"""The Flatpeak client."""

from __future__ import annotations

from flipkit.flatpeak.costs import Costs
from flipkit.flatpeak.devices import Devices
from flipkit.flatpeak.instant import InstantCosts
from flipkit.flatpeak.locations import Locations
from flipkit.flatpeak.meters import Meters
from flipkit.flatpeak.prices import Prices
from flipkit.flatpeak.tariffs import Tariffs

__all__ = ["Flatpeak"]


class Flatpeak(Devices, Locations, Tariffs, Meters, Prices, Costs, InstantCosts):
    """Devices, locations, tariffs, meter records, prices and costs of a Flatpeak account, as DataFrames.

    Parameters
    ----------
    account_id, api_key : str, optional
        By default from ``FLATPEAK_ACCOUNT_ID`` and ``FLATPEAK_API_KEY``, then from the system's key store. The key
        decides between test and live data.
    base_url : str, optional
        By default ``FLATPEAK_BASE_URL``, else https://api.flatpeak.com.
    version : str
        The API's version, ``2025-09-14.anode`` or ``2024-08-24.zero``.
    frames : {"pandas", "polars"}
        The library of the frames that come back.
    transport : Transport, optional
        In place of the network, e.g. the emulator in process.
    pace : Timing, optional
        The clock, for tests.

    Raises
    ------
    ConfigurationError
        A key is missing, the address is not safe, or the version is not known.

    Notes
    -----
    Logs in with the first call, and again before the token ends. Threads may share a client. Every verb raises
    `RequestError` and its kinds: see `flipkit.errors`.

    Examples
    --------
    >>> with Flatpeak() as flatpeak:  # doctest: +SKIP
    ...     flatpeak.cost_by_interval("loc_...", "2025-06-01T00:00:00Z", "2025-07-01T00:00:00Z", aggregation="DAY")
    """
