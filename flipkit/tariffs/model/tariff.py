"""A tariff: what a kWh costs and what else a bill charges, in which currency and time zone."""

from __future__ import annotations

import html
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any

import numpy as np

from flipkit.calendar import Holidays, read_window, zone
from flipkit.checks import nearest
from flipkit.errors import InputError
from flipkit.money import check_currency
from flipkit.tariffs.model.charges import Adder, FixedCharge, Minimum, Tax, standing_charge
from flipkit.tariffs.model.clock import LocalClock
from flipkit.tariffs.model.consistency import (
    TERMS,
    Validity,
    check_parts,
    check_terms,
    in_succession,
    overlap,
)
from flipkit.tariffs.model.demand import DemandCharge
from flipkit.tariffs.model.export import Export
from flipkit.tariffs.model.rate_table import rate_series
from flipkit.tariffs.model.rates import Rate, TierReset, TierRule, rate_of_window
from flipkit.tariffs.model.readers import TariffReaders
from flipkit.tariffs.model.series import PriceSeries, check_cover, joined

__all__ = ["Tariff"]


@dataclass(frozen=True, slots=True)
class Tariff(TariffReaders):
    """The prices of a kWh and the other charges of a bill: an immutable value.

    Prices are rates (by season, kind of day and local hour, with or without tiers) or a price
    series. Rates are held in canonical form (seasons, kinds of day and hours ascend; neighbours of
    one period are merged; no window crosses midnight), so that tariffs with the same prices are
    equal, however they were written. To change a tariff, make a new one with `replace`. The
    constructors below take `currency`, `timezone` and `name` as they are here, and raise the errors
    of this class too.

    ============================= ====================================================
    `flat`                        one price at all times
    `time_of_use`                 prices by local hour, month and kind of day
    `from_file`                   any of the following, from a file
    `from_prices`                 a price series from a DataFrame
    `from_urdb`                   a record of OpenEI's Utility Rate Database
    `from_octopus`                unit rates and standing charges of Octopus Energy
    `from_economy7`               prices of a day and a night register
    `from_flatpeak`               tariff objects of the Flatpeak API
    `successive`                  tariffs in force one after another
    ============================= ====================================================

    Attributes
    ----------
    name : str
        Name in reports.
    currency, timezone : str
        ISO 4217 code; IANA time zone of hours, days and months.
    rates : tuple of Rate
        Empty if the tariff is a price series.
    series : PriceSeries or None
        The prices, if the tariff is a price series; it holds only over its own time.
    valid_from_us, valid_to_us : int or None
        When rates hold, microseconds since 1970-01-01 UTC, the end excluded; None for no limit.
    tier_rule : {"chronological", "prorate", "per_period"} or None
        How the kWh of a billing period fill the tiers. Required with tiers and never guessed: it
        changes bills by a fifth. chronological: kWh count in the order of time, over all periods
        together. prorate: the total fills the tiers, and each period pays its own prices on its
        share of every tier. per_period: each period fills its own ladder.
    tier_reset : {"billing", "day"}
        When the count of kWh begins anew: with the billing period, or with each local day (the
        first 15 kWh of each day; tiers with ``per="day"``).
    hours_timezone : str or None
        IANA time zone of all hours (rates, demand windows, export prices, adders), where a meter
        keeps another clock than its customers, such as ``"UTC"``; None for `timezone`. Dates are
        those of `timezone` all the same: months, the kind of day of an hour, billing periods.
    holidays : Holidays or None
        The public holidays. A code such as ``"US"``, ``"US-CA"``, ``"GB-ENG"`` or ``"BE"``, or a
        list of dates, may be given instead.
    demand : tuple of DemandCharge
    fixed : tuple of FixedCharge
    minimum : Minimum or None
    adders : tuple of Adder
    taxes : tuple of Tax
    export : Export or None
        How exported energy is settled; None: exports are not paid.
    parts : tuple of Tariff
        Tariffs in force one after another (`successive`); all other charges are theirs.
    findings : tuple of str
        What a reader assumed or could not price, as ``code: message``. Bills repeat them; they are
        not compared.

    Raises
    ------
    InputError
        A price that is not a finite number; an unknown currency, time zone or holidays; an hour
        with no price or with two (the message names month, days and hours); both rates and a
        series, or neither; tiers without `tier_rule`; days ``"holiday"`` without `holidays`;
        charges of one kind with the same name; a gap or an overlap between parts.

    See Also
    --------
    flipkit.bill, flipkit.bill_matrix : Calculate and compare the bills of tariffs.

    Notes
    -----
    How plans of several countries are written, and what comes nearest to plans that cannot be
    written (controlled load on a second register, a tax on the net of the year, a payout by period,
    a cap on credits), is in ``flipkit/tariffs/README.md``.

    Examples
    --------
    >>> import flipkit as fk
    >>> tariff = fk.Tariff.time_of_use(
    ...     {"00:00-07:00": 0.09, "07:00-24:00": 0.29}, currency="GBP", timezone="Europe/London"
    ... )
    >>> print(tariff.describe())
    Time of use: GBP per kWh, local time of Europe/London
    months   days  hours        period    price
    Jan-Dec  all   00:00-07:00  period 1  0.09
                   07:00-24:00  period 2  0.29
    >>> tariff.prices("2025-06-15").price_per_kwh
    array([0.09, 0.29])
    """

    name: str
    currency: str
    timezone: str
    rates: tuple[Rate, ...] = ()
    series: PriceSeries | None = None
    valid_from_us: int | None = None
    valid_to_us: int | None = None
    tier_rule: TierRule | None = field(default=None, kw_only=True)
    tier_reset: TierReset = field(default="billing", kw_only=True)
    hours_timezone: str | None = field(default=None, kw_only=True)
    holidays: Holidays | None = field(default=None, kw_only=True)
    demand: tuple[DemandCharge, ...] = field(default=(), kw_only=True)
    fixed: tuple[FixedCharge, ...] = field(default=(), kw_only=True)
    minimum: Minimum | None = field(default=None, kw_only=True)
    adders: tuple[Adder, ...] = field(default=(), kw_only=True)
    taxes: tuple[Tax, ...] = field(default=(), kw_only=True)
    export: Export | None = field(default=None, kw_only=True)
    parts: tuple[Tariff, ...] = field(default=(), kw_only=True)
    findings: tuple[str, ...] = field(default=(), kw_only=True, compare=False)

    def __post_init__(self) -> None:
        check_currency(self.currency)
        zone(self.timezone)
        if self.parts:
            check_parts(self)
        else:
            check_terms(self)

    @classmethod
    def flat(
        cls,
        rate: float,
        *,
        currency: str,
        timezone: str,
        name: str | None = None,
        standing_per_day: float | None = None,
    ) -> Tariff:
        """Return a tariff with one price at all times.

        Parameters
        ----------
        rate : float
            Price per kWh, major currency units.
        currency, timezone, name : str
            As in `Tariff`; `name` is "Flat rate" by default.
        standing_per_day : float, optional
            A standing charge per local day, major currency units.
        """
        name = "Flat rate" if name is None else name
        fixed = standing_charge(standing_per_day)
        return cls(name, currency, timezone, (Rate(rate),), fixed=fixed)

    @classmethod
    def time_of_use(
        cls,
        rates: Mapping[str, float] | Iterable[Rate],
        *,
        currency: str,
        timezone: str,
        hours_timezone: str | None = None,
        name: str | None = None,
        standing_per_day: float | None = None,
    ) -> Tariff:
        """Return a tariff with prices by local hour and, with `Rate`, by month and kind of day.

        Parameters
        ----------
        rates : mapping of str to float, or iterable of Rate
            ``{"23:00-07:00": 0.09, "07:00-23:00": 0.29}`` for every day, or a list of `Rate`.
        currency, timezone, hours_timezone, name : str
            As in `Tariff`; `name` is "Time of use" by default.
        standing_per_day : float, optional
            As in `flat`.
        """
        if isinstance(rates, Mapping):
            rates = [rate_of_window(window, price) for window, price in rates.items()]
        elif not isinstance(rates, Iterable):
            raise InputError(
                f"time of use: expected windows with their prices, got {type(rates).__name__}"
            )
        rates = tuple(rates)
        if not rates:
            raise InputError("time of use: no rates; give at least one")
        return cls(
            "Time of use" if name is None else name,
            currency,
            timezone,
            rates,
            hours_timezone=hours_timezone,
            fixed=standing_charge(standing_per_day),
        )

    @classmethod
    def successive(cls, tariffs: Iterable[Tariff], *, name: str | None = None) -> Tariff:
        """Return one tariff for several that are in force one after another.

        A billing period in which they change is rated part by part.

        Parameters
        ----------
        tariffs : iterable of Tariff
            Two or more in one currency and time zone, in any order. Each begins where the one
            before ends (`valid_from_us` and `valid_to_us`, or the time of its price series).
        name : str, optional
            Default: their names, in order.
        """
        parts = in_succession(tariffs, cls)
        if name is None:
            name = ", then ".join(part.name for part in parts)
        return cls(name, parts[0].currency, parts[0].timezone, parts=parts)

    def to_flatpeak(
        self,
        location_id: str,
        *,
        direction: str = "IMPORT",
        type: str = "COMMODITY",  # noqa: A002  the name of the field
        start: Any = None,
        end: Any = None,
    ) -> dict[str, Any]:
        """Return the body that creates this tariff at Flatpeak; `from_flatpeak` reads it back.

        Flatpeak has no fields for the names of periods and the tier rule.

        Parameters
        ----------
        location_id : str
            Flatpeak's id of the location, ``loc_...``.
        direction : {"IMPORT", "EXPORT", "LOCAL"}
        type : {"COMMODITY", "NON_COMMODITY"}
        start, end : str, date, datetime, Timestamp or Period, optional
            Contract dates, as in `prices`. By default those of the tariff; if it has none,
            1970-01-01 and 9999-12-31, which `from_flatpeak` reads as no limit.

        Raises
        ------
        InputError
            Contract dates outside the tariff's own, or what a schedule cannot express: a price
            series, tiers by day or by kW, holidays, charges beside the price per kWh, parts.
        """
        from flipkit.tariffs.read import flatpeak

        return flatpeak.write(
            self, location_id, direction=direction, contract_type=type, start=start, end=end
        )

    def prices(self, start: Any, end: Any = None) -> PriceSeries:
        """Return the prices of a window, in order, without gap, cut to the window.

        From rates, neighbours of equal price are one segment; a series keeps its own segments.

        Parameters
        ----------
        start, end : str, date, datetime, Timestamp, Period or int
            Local days, the end included (``"2025"``, ``"2025-06"``, ``"2025-06-15"``, a date, a
            Period), or instants, the end excluded (a datetime or text with a zone, or microseconds
            since 1970-01-01 UTC). `end` defaults to the end of `start`.

        Raises
        ------
        InputError
            An empty window, or one outside the price series or the contract dates (the message
            names the first instant without a price); a time without a zone (NaiveTimestampError);
            a tariff with tiers, where the price depends on the energy used before.
        """
        # flipkit's own arrays hold microseconds.
        if isinstance(start, int | np.integer) and isinstance(end, int | np.integer):
            start_us, end_us = int(start), int(end)
        else:
            start_us, end_us = read_window(start, end).bounds(self.timezone)
        if self.series is not None:
            return self.series.clip(start_us, end_us)

        self._check_no_tiers()
        check_cover(start_us, end_us, self.validity, f"the prices of tariff {self.name!r}")
        if not self.parts:
            return rate_series(self.rates, self.clock, start_us, end_us)
        prices_of_parts = []
        for part in self.parts:
            part_start, part_end = overlap(part.validity, start_us, end_us)
            if part_start < part_end:
                prices_of_parts.append(part.prices(part_start, part_end))
        return joined(prices_of_parts)

    @property
    def validity(self) -> Validity:
        """From when until when it holds, microseconds since 1970-01-01 UTC; None for no limit."""
        if self.parts:
            return self.parts[0].validity[0], self.parts[-1].validity[1]
        if self.series is not None:
            return self.series.span_us
        return self.valid_from_us, self.valid_to_us

    @property
    def clock(self) -> LocalClock:
        """The time zones and holidays of its dates and hours."""
        return LocalClock(self.timezone, self.hours_timezone, self.holidays)

    def replace(self, **changes: Any) -> Tariff:
        """Return this tariff with other values of some fields.

        Parameters
        ----------
        **changes
            Fields of `Tariff`. With parts, charges, `tier_rule`, `hours_timezone`, `currency` and
            `timezone` change in every part.

        Raises
        ------
        InputError
            An unknown field, or values that the class refuses.

        Examples
        --------
        >>> import flipkit as fk
        >>> flat = fk.Tariff.flat(0.28, currency="GBP", timezone="Europe/London")
        >>> flat.replace(fixed=fk.FixedCharge("standing charge", per_day=0.5)).fixed[0].per_day
        0.5
        """
        known = [each.name for each in fields(self)]
        for name in changes:
            if name not in known:
                raise InputError(f"tariff has no field {name!r}; {nearest(name, known)}")
        if not self.parts or "parts" in changes:
            return replace(self, **changes)
        in_parts = {name: changes.pop(name) for name in TERMS if name in changes}
        in_both = {name: changes[name] for name in ("currency", "timezone") if name in changes}
        parts = tuple(replace(part, **in_parts, **in_both) for part in self.parts)
        return replace(self, parts=parts, **changes)

    def describe(self) -> str:
        """Return a text: prices by season, kind of day and hours as a table, and all charges."""
        from flipkit.tariffs.model.describe import describe

        return describe(self)

    def _repr_html_(self) -> str:
        """Return `describe` for notebooks."""
        return f"<pre>{html.escape(self.describe())}</pre>"

    def plot(self, **options: Any) -> Any:
        """Draw the prices by month and hour; the options are those of `plots.tariff_heatmap`."""
        from flipkit.plots import tariff_heatmap

        return tariff_heatmap(self, **options)

    def _check_no_tiers(self) -> None:
        for part in self.parts or (self,):
            if any(rate.tiers for rate in part.rates):
                raise InputError(
                    f"tariff {part.name!r} has tiers: the price of a kWh depends on the energy "
                    "used before it in the billing period, so there is no price by time; "
                    "calculate the bill with fk.bill(energy, tariff)"
                )
