"""A home battery."""

from __future__ import annotations

from dataclasses import dataclass

from flipkit.checks import MOST, check_field
from flipkit.errors import InputError

__all__ = ["Battery"]

_AMOUNT = f"a number of 0 or more, up to {MOST:,.0f}"
_EFFICIENCY = "above 0 and at most 1; 0.95 loses 5 %"
_FRACTION = "a fraction of the capacity from 0 to 1; 0.2 is 20 %"
_SMALLEST_FLOAT = 5e-324  # anything above 0


@dataclass(frozen=True, slots=True)
class Battery:
    """A battery behind the meter.

    Power and energy are those at its AC terminals: stored energy = energy in x
    `charge_efficiency`, energy out = energy drawn x `discharge_efficiency`. It never charges and
    discharges within one interval. How it is dispatched is an argument of `simulate`.

    Parameters
    ----------
    capacity_kwh : float
        Usable capacity, kWh; 0, with no power, for a home without a battery.
    power_kw : float
        Maximum power of charging and of discharging, kW.
    charge_efficiency, discharge_efficiency : float, default 0.95
        Within (0, 1]. The default is that of NREL's REopt: rectifier or inverter 0.96 x the square
        root of the internal 0.975 = 0.948. Together they are 0.90, the round trip that makers of
        home batteries state.
    reserve : float, default 0.0
        Fraction of the capacity that is never drawn.
    initial_soc : float, optional
        State of charge at the start, a fraction of the capacity. Default: the reserve.
    grid_charging : bool, default True
        Whether it may charge from the grid, not only from surplus. The default is that of REopt
        (``can_grid_charge``).
    export_from_battery : bool, default False
        Whether discharged energy may be exported. The default is that of REopt (``can_net_meter``,
        ``can_wholesale``): many export tariffs pay for solar energy only.
    cycle_life : float, optional
        Equivalent full cycles after which it is worn out. `Simulation.summary` counts no savings of
        a battery beyond it, if `Scenario.lifetime_years` is longer. Default: not limited.

    Raises
    ------
    InputError
        A field that is not a number, negative or out of range; power without capacity; an initial
        state of charge below the reserve.

    See Also
    --------
    flipkit.simulate : Its argument `dispatch` chooses how the battery is run.
    flipkit.scenarios.dispatch : The methods; ``dispatch.rules`` holds the rules.

    Examples
    --------
    >>> import flipkit as fk
    >>> fk.Battery(5, 2.5, reserve=0.1).label
    '5 kWh/2.5 kW'
    """

    capacity_kwh: float
    power_kw: float
    charge_efficiency: float = 0.95
    discharge_efficiency: float = 0.95
    reserve: float = 0.0
    initial_soc: float | None = None
    grid_charging: bool = True
    export_from_battery: bool = False
    cycle_life: float | None = None

    def __post_init__(self) -> None:
        for field in ("capacity_kwh", "power_kw"):
            check_field(self, field, "battery", _AMOUNT, most=MOST)
        for field in ("charge_efficiency", "discharge_efficiency"):
            check_field(self, field, "battery", _EFFICIENCY, _SMALLEST_FLOAT, 1.0)
        check_field(self, "reserve", "battery", _FRACTION, most=1.0)
        if self.initial_soc is not None:
            check_field(self, "initial_soc", "battery", _FRACTION, most=1.0)
        if self.cycle_life is not None:
            check_field(self, "cycle_life", "battery", "a number of cycles of 1 or more", least=1.0)
        for field in ("grid_charging", "export_from_battery"):
            value = getattr(self, field)
            if not isinstance(value, bool):
                raise InputError(f"battery: {field} {value!r} must be True or False")
        if self.power_kw > 0 and self.capacity_kwh == 0:
            raise InputError(
                f"battery: power_kw {self.power_kw:g} without capacity: capacity_kwh is 0; give"
                " both or neither"
            )
        if self.initial_soc is not None and self.initial_soc < self.reserve:
            raise InputError(
                f"battery: initial_soc {self.initial_soc:g} is below the reserve of"
                f" {self.reserve:g}"
            )

    @property
    def label(self) -> str:
        """The size, for names of scenarios: ``5 kWh/2.5 kW``."""
        return f"{self.capacity_kwh:g} kWh/{self.power_kw:g} kW"
