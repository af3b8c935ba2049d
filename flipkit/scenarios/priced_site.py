"""What the service is asked about: one site under one scenario, priced here."""

from __future__ import annotations

from typing import Protocol, TypeAlias

from flipkit.scenarios.asking import whole_wh
from flipkit.tariffs.offsets import Int64
from flipkit.tariffs.series import Float64
from flipkit.tariffs.tariff import Tariff

__all__ = ["Pair", "PricedSite", "columns_of", "directions_of"]

Pair: TypeAlias = tuple[str, str]
"""A site id and the name of a scenario."""


class PricedSite(Protocol):
    """One site under one scenario, priced here.

    Attributes
    ----------
    site_id, scenario : str
    location_id : str or None
        None where the prices do not come from the service.
    currency : str or None
    start_us, end_us : ndarray of int64, shape (n,)
    import_kwh, export_kwh : ndarray of float64, shape (n,)
    import_cost, export_credit : ndarray of float64, shape (n,)
        What each interval costs and earns by the kWh; NaN where only the whole bill tells it.
    is_today : set of str
        Directions (IMPORT, EXPORT) that are priced by the location's own tariff.
    has_export_price : bool
        False: exports are taken to earn nothing.
    import_tier : ndarray of int64, shape (n,), or None
        The tier on which an interval begins, from 0 on, where `import_tariff` has tiers; of a month that is cut, the
        limits have their share, as in a bill.
    import_tariff : Tariff or None
        Needed with `import_tier`, to tell which tier the service has reached.
    """

    @property
    def site_id(self) -> str: ...
    @property
    def scenario(self) -> str: ...
    @property
    def location_id(self) -> str | None: ...
    @property
    def currency(self) -> str | None: ...
    @property
    def start_us(self) -> Int64: ...
    @property
    def end_us(self) -> Int64: ...
    @property
    def import_kwh(self) -> Float64: ...
    @property
    def export_kwh(self) -> Float64: ...
    @property
    def import_cost(self) -> Float64: ...
    @property
    def export_credit(self) -> Float64: ...
    @property
    def is_today(self) -> frozenset[str]: ...
    @property
    def has_export_price(self) -> bool: ...
    @property
    def import_tier(self) -> Int64 | None: ...
    @property
    def import_tariff(self) -> Tariff | None: ...


def directions_of(outcome: PricedSite) -> tuple[list[str], list[str]]:
    """Directions with energy: those that the service can be asked about, and those with a tariff of their own."""
    asked: list[str] = []
    own: list[str] = []
    for direction in ("IMPORT", "EXPORT"):
        if not (whole_wh(columns_of(outcome, direction)[0]) > 0).any():
            continue
        is_unpriced = direction == "EXPORT" and not outcome.has_export_price
        askable = outcome.location_id is not None and (direction in outcome.is_today or is_unpriced)
        (asked if askable else own).append(direction)
    return asked, own


def columns_of(outcome: PricedSite, direction: str) -> tuple[Float64, Float64]:
    """The kWh of a direction and what they cost or earn."""
    if direction == "IMPORT":
        return outcome.import_kwh, outcome.import_cost
    return outcome.export_kwh, outcome.export_credit
