"""Prices of energy in a URDB record: ladders by period, their hours, and what exports earn."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from flipkit.checks import finite
from flipkit.errors import InputError
from flipkit.tariffs.model import MONTH_NAMES, Rate, Tier, clock_text, equal_runs
from flipkit.tariffs.read.source import located
from flipkit.tariffs.read.urdb_record import Record, RecordTier

__all__ = ["EnergyPeriods", "read_periods"]


class _Unit(NamedTuple):
    """What the limits of a tier count."""

    per: Any
    per_kw: bool


_UNITS = {
    "kwh": _Unit("month", per_kw=False),
    "kwh/kw": _Unit("month", per_kw=True),
    "kwh daily": _Unit("day", per_kw=False),
    "kwh/kw daily": _Unit("day", per_kw=True),
}
_Ladder = tuple[Tier, ...]


class EnergyPeriods(NamedTuple):
    """The periods of ``energyratestructure`` that hold at some hour.

    Attributes
    ----------
    count : int
        Number of periods of the structure, with those that hold at no hour.
    tiers : dict of int to list of RecordTier
    weekdays, weekends : list of list of int
        Period by month and hour.
    """

    count: int
    tiers: dict[int, list[RecordTier]]
    weekdays: list[list[int]]
    weekends: list[list[int]]

    def rates(self, ladders: Mapping[int, _Ladder]) -> tuple[Rate, ...]:
        """Return the ladder of each period at its hours."""
        rates = []
        for days, schedule in (("weekday", self.weekdays), ("weekend", self.weekends)):
            months_of_row: dict[tuple[int, ...], list[int]] = {}
            for month, row in enumerate(schedule, 1):
                months_of_row.setdefault(tuple(row), []).append(month)
            for periods, months in months_of_row.items():
                for start, end, period in equal_runs(periods):
                    rate = Rate(
                        start=clock_text(start * 3600),
                        end=clock_text(end * 3600),
                        months=tuple(months),
                        days=days,
                        tiers=ladders[period],
                        period=f"period {period + 1}" if self.count > 1 else None,
                    )
                    rates.append(rate)
        return tuple(rates)


def read_periods(record: Record) -> EnergyPeriods:
    """Return the periods of a record and their hours.

    Raises
    ------
    InputError
        No structure, another unit than kWh, an hour without a period.
    """
    unit = record.text("energyrateunit")
    if unit.lower() not in ("", "kwh"):
        raise record.error("energyrateunit", f"{unit!r} is unknown; known: kWh")
    name = "energyratestructure"
    if name not in record:
        raise record.error(name, "absent; a tariff needs a price per kWh, 0 if there is none")
    structure = record.tiers(name)
    count = len(structure)
    weekdays = record.hours("energyweekdayschedule", count)
    weekends = record.hours("energyweekendschedule", count)
    used = sorted({period for row in (*weekdays, *weekends) for period in row})
    return EnergyPeriods(
        count=count,
        tiers={period: structure[period] for period in used},
        weekdays=weekdays,
        weekends=weekends,
    )
