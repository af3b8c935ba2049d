"""A home battery."""

from __future__ import annotations

from dataclasses import dataclass

from flipkit.checks import MOST, number
from flipkit.errors import InputError

__all__ = ["Battery"]


@dataclass(frozen=True, slots=True)
class Battery:
    """A battery behind the meter; power and energy are those at its AC terminals.

    Stored = energy in x `charge_efficiency`; energy out = drawn x `discharge_efficiency`. It never charges and
    discharges within one interval, starts at `initial_soc`, and ends free.

    Attributes
    ----------
    capacity_kwh : float
        Usable capacity; 0 with no power for a home without a battery.
    power_kw : float
        Most power, in and out.
    charge_efficiency, discharge_efficiency : float
        Within (0, 1]. The default of 0.95 each is that of NREL's REopt: rectifier or inverter 0.96 x the root of the
        internal 0.975 = 0.948; together 0.90, the round trip that makers of home batteries state.
    reserve : float
        Fraction of the capacity that is never drawn.
    initial_soc : float, optional
        Fraction of the capacity stored at the beginning; the reserve without.
    grid_charging : bool
        Whether it may charge from the grid, not only from surplus. Allowed, as in REopt (``can_grid_charge``).
    export_from_battery : bool
        Whether what it discharges may be exported. Not allowed unless said so, as in REopt (``can_net_meter``,
        ``can_wholesale``): many export tariffs pay for solar energy alone.

    Raises
    ------
    InputError
        A field that is no number, negative, or outside its range; power without capacity; a start below the reserve.
    """

    capacity_kwh: float
    power_kw: float
    charge_efficiency: float = 0.95
    discharge_efficiency: float = 0.95
    reserve: float = 0.0
    initial_soc: float | None = None
    grid_charging: bool = True
    export_from_battery: bool = False

    def __post_init__(self) -> None:
        for field in ("capacity_kwh", "power_kw"):
            self._check(field, 0.0, MOST, f"a number of 0 or more, up to {MOST:,.0f}")
        if self.power_kw > 0 and self.capacity_kwh == 0:
            raise InputError(
                f"battery: power_kw {self.power_kw:g} without capacity: capacity_kwh is 0; give both or none"
            )
        for field in ("charge_efficiency", "discharge_efficiency"):
            self._check(field, 5e-324, 1.0, "above 0 and at most 1; 0.95 loses 5 %")
        for field in ("reserve", "initial_soc"):
            if field != "initial_soc" or self.initial_soc is not None:
                self._check(field, 0.0, 1.0, "a fraction of the capacity from 0 to 1; 0.2 is 20 %")
        if self.initial_soc is not None and self.initial_soc < self.reserve:
            raise InputError(
                f"battery: initial_soc {self.initial_soc:g} is below the reserve of {self.reserve:g}"
            )
        for field in ("grid_charging", "export_from_battery"):
            if not isinstance(getattr(self, field), bool):
                raise InputError(f"battery: {field} {getattr(self, field)!r} must be True or False")

    def _check(self, field: str, least: float, most: float, wanted: str) -> None:
        object.__setattr__(
            self, field, number(getattr(self, field), f"battery: {field}", wanted, least, most)
        )

    @property
    def label(self) -> str:
        """A few words for names: ``5 kWh/2.5 kW``."""
        return f"{self.capacity_kwh:g} kWh/{self.power_kw:g} kW"
