"""A scenario: what would be different."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from flipkit.errors import InputError
from flipkit.scenarios.battery import Battery
from flipkit.tariffs import Tariff

__all__ = ["Load", "Scenario"]


@dataclass(frozen=True, slots=True)
class Load:
    """A change of consumption.

    Attributes
    ----------
    scale : float
        Factor on the consumption of every interval; 1.1 is 10 % more.

    Raises
    ------
    InputError
        A scale that is negative or no number.
    """

    scale: float = 1.0

    def __post_init__(self) -> None:
        if not isinstance(self.scale, int | float) or not math.isfinite(self.scale) or self.scale < 0:
            raise InputError(f"load: scale {self.scale!r} must be a number of 0 or more; 1.1 is 10 % more")


@dataclass(frozen=True, slots=True)
class Scenario:
    """One what-if: today's home, with the changes that are named.

    Attributes
    ----------
    name : str
    tariff : Tariff or mapping of str to Tariff, optional
        What imports cost; by site id where sites differ. Today's prices without.
    export_tariff : Tariff or mapping of str to Tariff, optional
        What exports earn. Today's prices without.
    load : Load, optional
    battery : Battery, optional

    Raises
    ------
    InputError
        A name that is no text, or a tariff, load or battery that is none.
    """

    name: str
    tariff: Tariff | Mapping[str, Tariff] | None = None
    export_tariff: Tariff | Mapping[str, Tariff] | None = None
    load: Load | None = None
    battery: Battery | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not self.name:
            raise InputError(f"scenario: the name must be a text, got {self.name!r}")
        for field in ("tariff", "export_tariff"):
            object.__setattr__(self, field, _checked(getattr(self, field), f"scenario {self.name!r}: {field}"))
        for field, kind in (("load", Load), ("battery", Battery)):
            value = getattr(self, field)
            if value is not None and not isinstance(value, kind):
                raise InputError(
                    f"scenario {self.name!r}: {field}: expected a {kind.__name__}, got {type(value).__name__}"
                )

    def tariff_of(self, site_id: str, direction: str) -> Tariff | None:
        """The scenario's own tariff for a site, IMPORT or EXPORT; None for today's prices."""
        tariff = self.tariff if direction == "IMPORT" else self.export_tariff
        return tariff.get(site_id) if isinstance(tariff, Mapping) else tariff


def _checked(value: Any, what: str) -> Tariff | Mapping[str, Tariff] | None:
    if value is None or isinstance(value, Tariff):
        return value
    if not isinstance(value, Mapping):
        raise InputError(f"{what}: expected a Tariff or a mapping of site id to Tariff, got {type(value).__name__}")
    wrong = [key for key, tariff in value.items() if not isinstance(tariff, Tariff)]
    if wrong:
        raise InputError(f"{what}: no Tariff for {', '.join(map(str, wrong))}")
    return MappingProxyType(dict(value))
