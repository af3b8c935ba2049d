"""The Flatpeak client."""

from __future__ import annotations

from flipkit.flatpeak.costs import Costs, InstantCosts
from flipkit.flatpeak.locations import Devices, Locations
from flipkit.flatpeak.meters import Meters
from flipkit.flatpeak.tariffs import Prices, Tariffs
from flipkit.frames import FrameType

__all__ = ["Flatpeak"]


class Flatpeak(
    Devices[FrameType],
    Locations[FrameType],
    Tariffs[FrameType],
    Meters[FrameType],
    Prices[FrameType],
    Costs[FrameType],
    InstantCosts[FrameType],
):
    """Devices, locations, tariffs, meter records, prices and costs of a Flatpeak account.

    Parameters
    ----------
    account_id, api_key : str, optional
        Default: ``FLATPEAK_ACCOUNT_ID`` and ``FLATPEAK_API_KEY``, then the system's keyring. The
        key decides between test and live data.
    base_url : str, optional
        Default: ``FLATPEAK_BASE_URL``, else https://api.flatpeak.com.
    version : str
        Version of the API, ``2025-09-14.anode`` or ``2024-08-24.zero``.
    frames : {"pandas", "polars"}
        Library of the returned DataFrames.
    transport : Transport, optional
        Replaces the network, e.g. with the emulator in process.
    pace : Timing, optional
        The clock, for tests.

    Raises
    ------
    ConfigurationError
        A key is missing, the address is not safe, or the version is unknown.

    Notes
    -----
    The client logs in with the first call, and again before the token expires. Threads may share
    it. Every method raises `RequestError` and its subclasses: see `flipkit.errors`.

    Examples
    --------
    >>> with Flatpeak() as flatpeak:  # doctest: +SKIP
    ...     flatpeak.cost_by_interval("loc_...", "2025-06", aggregation="DAY")
    """
