"""A tariff: what a kWh costs and what else a bill charges, in which currency and time zone."""

from __future__ import annotations

import html
import os
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
from flipkit.tariffs.model.series import PriceSeries, check_cover, joined

__all__ = ["Tariff"]


@dataclass(frozen=True, slots=True)
class Tariff:
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
        keeps another clock than its customers, such as ``"UTC"``; None for `timezone`. Dates go by
        `timezone` all the same: months, the kind of day of an hour, billing periods.
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

    @classmethod
    def from_file(
        cls,
        path: str | os.PathLike[str],
        *,
        timezone: str | None = None,
        currency: str | None = None,
        tier_rule: TierRule | None = None,
    ) -> Tariff:
        """Return the tariff of a file; its format is recognized by its fields.

        Parameters
        ----------
        path : path-like
            JSON: a URDB record (or the API's answer with one); Octopus unit rates, as for
            `from_octopus`, with standing charges in an object of both lists,
            ``standard-unit-rates`` and ``standing-charges``; or Flatpeak tariff objects, where
            EXPORT objects beside the imports are net billing. CSV or parquet: a price series, as
            for `from_prices`, or rows of Octopus.
        timezone : str, optional
            As in `Tariff`; required if the file does not state it. Octopus: Europe/London by
            default.
        currency : str, optional
            As in `Tariff`; required for prices and for Flatpeak objects that do not state it. By
            default USD for URDB and GBP for Octopus.
        tier_rule : str, optional
            As in `Tariff`; required for a URDB record with tiers.

        Raises
        ------
        InputError
            The file does not exist or has none of these formats, or its reader refuses it; the
            message names the file.
        """
        from flipkit.tariffs.read import read_plan

        return read_plan(path, timezone=timezone, currency=currency, tier_rule=tier_rule)

    @classmethod
    def from_prices(
        cls, frame: Any, *, currency: str, timezone: str, name: str | None = None
    ) -> Tariff:
        """Return a price series, such as market prices, from a DataFrame.

        Parameters
        ----------
        frame : pandas.DataFrame or polars.DataFrame
            ``start_utc``, ``end_utc`` (with a zone) and ``price_per_kwh`` (major currency units).
            Rows of any length in any order, without gap or overlap.
        currency, timezone, name : str
            As in `Tariff`; `name` is "Price series" by default.

        Raises
        ------
        MissingColumnError, NaiveTimestampError
            A column is missing, or its times have no zone.
        InputError
            A null, a gap or an overlap; the message names row and time.
        """
        from flipkit.tariffs.read import series_of_frame

        series = series_of_frame(frame)
        return cls("Price series" if name is None else name, currency, timezone, series=series)

    @classmethod
    def from_urdb(
        cls,
        source: Any,
        *,
        timezone: str,
        tier_rule: TierRule | None = None,
        currency: str = "USD",
    ) -> Tariff:
        """Return the tariff of a record of OpenEI's Utility Rate Database (API version 3 to 8).

        Parameters
        ----------
        source : mapping, str or Path
            The record, or the API's answer with one record in ``items``: the object, its JSON text,
            or the path of a file. Never changed.
        timezone, tier_rule, currency : str
            As in `Tariff`. Records do not state their time zone, nor how kWh fill the tiers:
            `tier_rule` is required if there are tiers.

        Raises
        ------
        InputError
            Several records, or none; whatever cannot be priced, with the name of its field:
            coincident demand, monthly fuel adjustments, reactive power, charges for additional
            meters or in words (``energyattrs``), units other than kWh and kW, any unknown field.

        Notes
        -----
        ``rate`` and ``adj`` are added. Period 0 of the record is ``period 1``; a single period has
        no name. ``startdate`` and ``enddate`` are the first and the last local day. A demand
        interval that is not stated is 15 minutes. Ratchets apply to flat demand and to demand by
        period, and look back 11 billing periods if no range is stated.

        ``dgrules``: Net Metering carries kWh over to the end of the year and pays nothing for what
        is left. Both kinds of Net Billing net within each interval of the energy that is rated (for
        Net Billing Hourly, use hourly energy) and pay ``sell``. Without the field, exports are not
        paid.
        """
        from flipkit.tariffs.read import urdb

        return urdb.read(source, timezone=timezone, currency=currency, tier_rule=tier_rule)

    @classmethod
    def from_octopus(
        cls,
        unit_rates: Any,
        standing_charges: Any = None,
        *,
        timezone: str = "Europe/London",
        currency: str = "GBP",
        payment_method: str | None = None,
        name: str | None = None,
    ) -> Tariff:
        """Return a tariff of Octopus Energy from the lists of its API.

        Prices are pence including VAT (``value_inc_vat``). The tariff holds over the time that both
        lists cover: a flat rate or a price series, and `successive` tariffs where a price has no
        end or the standing charge changes.

        Parameters
        ----------
        unit_rates, standing_charges : mapping, list of mapping, DataFrame, str or Path
            The answers of ``standard-unit-rates`` and, optionally, ``standing-charges``: a page, a
            list of all pages, or all rows as a list or a DataFrame; the object, its JSON text, or
            the path of a file. Never changed.
        payment_method : str, optional
            ``"DIRECT_DEBIT"`` or ``"NON_DIRECT_DEBIT"``; required if the prices differ by it.
        timezone, currency, name : str
            As in `Tariff`; `name` is "Octopus" by default.

        Raises
        ------
        InputError
            A gap or an overlap between two rows, missing pages, several payment methods, day and
            night registers, an unknown field; the message names the row.
        """
        from flipkit.tariffs.read import octopus

        return octopus.read(
            unit_rates,
            standing_charges,
            timezone=timezone,
            currency=currency,
            payment_method=payment_method,
            name="Octopus" if name is None else name,
        )

    @classmethod
    def from_economy7(
        cls,
        day: Any,
        night: Any,
        standing_charges: Any = None,
        *,
        night_hours: str | Iterable[str] | None = None,
        hours_timezone: str | None = "UTC",
        timezone: str = "Europe/London",
        currency: str = "GBP",
        payment_method: str | None = None,
        name: str | None = None,
    ) -> Tariff:
        """Return a tariff of a meter with a day and a night register.

        Parameters
        ----------
        day, night, standing_charges : float, mapping, list of mapping, DataFrame, str or Path
            Prices in major currency units, per kWh and per day; or the answers of Octopus'
            ``day-unit-rates``, ``night-unit-rates`` and ``standing-charges``, as in `from_octopus`.
        night_hours : str or iterable of str, optional
            Windows of the night register, such as ``"00:30-07:30"``. By default these, which
            Octopus states for smart meters, and a finding says so.
        hours_timezone : str or None
            As in `Tariff`; by default the hours are UTC all year, as smart meters keep them.
        timezone, currency, payment_method, name : str
            As in `from_octopus`; `name` is "Economy 7" by default.

        Raises
        ------
        InputError
            As `from_octopus`; lists that share no time; night hours that are not valid.
        """
        from flipkit.tariffs.read import octopus

        return octopus.read_economy7(
            day,
            night,
            standing_charges,
            night_hours=night_hours,
            hours_timezone=hours_timezone,
            timezone=timezone,
            currency=currency,
            payment_method=payment_method,
            name="Economy 7" if name is None else name,
        )

    @classmethod
    def from_flatpeak(
        cls,
        source: Mapping[str, Any] | Iterable[Mapping[str, Any]],
        *,
        timezone: str,
        currency: str,
        market: PriceSeries | None = None,
        tier_rule: TierRule = "chronological",
    ) -> Tariff:
        """Return the price of Flatpeak tariff objects together: COMMODITY plus NON_COMMODITY.

        Contracts of one type must follow one another; the tariff is then `successive`.

        Parameters
        ----------
        source : mapping or iterable of mapping
            One tariff object, or several in the same direction, as the API returns them. Never
            changed.
        timezone, currency : str
            Those of the location; the hours of the schedule are local.
        market : PriceSeries, optional
            Required where ``market_rates`` is true: price = (market + surcharge_fixed) x (1 +
            surcharge_percentage), where 0.05 is 5 %. The tariff is then a price series over the
            time that both the market prices and the contracts cover.
        tier_rule : str
            As in `Tariff`; Flatpeak states neither the rule nor the time over which ``to_kwh``
            counts. flipkit counts within a local calendar month.

        Raises
        ------
        InputError
            Whatever cannot be priced, by name: ``dates``, rate formulas, market rates without
            `market`, tiers of surcharges or in both types, tiers beside a price that changes within
            a month, contracts of one type that overlap or leave a gap, an unknown field inside the
            schedule, objects of another time zone or currency.
        """
        from flipkit.tariffs.read import flatpeak

        return flatpeak.read(
            source, timezone=timezone, currency=currency, market=market, tier_rule=tier_rule
        )

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
        """What its dates and hours go by."""
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
