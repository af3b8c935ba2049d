"""Constructors of a tariff from what services, files and frames hold."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from typing import Any, Self, cast

from flipkit.tariffs.model.rates import TierRule
from flipkit.tariffs.model.series import PriceSeries

__all__ = ["TariffReaders"]


class TariffReaders:
    """The constructors of `Tariff` that read; each loads its reader when it is called.

    They have no state: only the documentation and the signature of each reader.
    """

    __slots__ = ()

    @classmethod
    def from_file(
        cls,
        path: str | os.PathLike[str],
        *,
        timezone: str | None = None,
        currency: str | None = None,
        tier_rule: TierRule | None = None,
    ) -> Self:
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

        tariff = read_plan(path, timezone=timezone, currency=currency, tier_rule=tier_rule)
        return cast("Self", tariff)

    @classmethod
    def from_prices(
        cls, frame: Any, *, currency: str, timezone: str, name: str | None = None
    ) -> Self:
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
        from flipkit.tariffs.read import price_frame

        name = "Price series" if name is None else name
        tariff = price_frame.read(frame, currency=currency, timezone=timezone, name=name)
        return cast("Self", tariff)

    @classmethod
    def from_urdb(
        cls,
        source: Any,
        *,
        timezone: str,
        tier_rule: TierRule | None = None,
        currency: str = "USD",
        strict: bool = False,
        ignore: Iterable[str] = (),
    ) -> Self:
        """Return the tariff of a record of OpenEI's Utility Rate Database (API version 3 to 8).

        Parameters
        ----------
        source : mapping, str or Path
            The record, or the API's answer with one record in ``items``: the object, its JSON text,
            or the path of a file. Never changed.
        timezone, tier_rule, currency : str
            As in `Tariff`. Records do not state their time zone, nor how kWh fill the tiers:
            `tier_rule` is required if there are tiers.
        strict : bool
            Whether charges in words (``fixedattrs``, ``demandattrs``, ``energyattrs``) and charges
            for additional meters are an error; otherwise the tariff is read without them and they
            are findings (``tariff.unpriced``).
        ignore : iterable of str
            Fields of the record to leave out; each is a finding (``tariff.ignored``).

        Raises
        ------
        InputError
            Several records, or none; whatever cannot be priced, with the names of all fields:
            coincident demand, reactive power, units other than kWh and kW, a tier without a price,
            any unknown field that is not zero or empty.

        Notes
        -----
        ``rate``, ``adj`` and the month's fuel adjustment are added. Period 0 of the record is
        ``period 1``; a single period has no name. ``startdate`` and ``enddate`` are the first and
        the last local day. A demand interval that is not stated is 15 minutes. Ratchets apply to
        flat demand and to demand by period, and look back 11 billing periods if no range is stated.
        A last tier has no limit; one that is stated is a finding (``tariff.assumed``).
        Tiers of kWh after one of kWh/kW are steps within that block of hours of use, as NREL's SAM
        reads them.

        ``dgrules`` are read as SAM reads them, with its defaults. Net Metering carries kWh over to
        the end of the year and pays nothing for what is left. Both kinds of Net Billing net within
        each interval of the energy that is rated (for Net Billing Hourly, use hourly energy) and
        pay ``sell``; the Hourly kind as credit for energy from the next month on, paid out after
        December. Without the field, exports earn ``sell``, or nothing if there is none (SAM assumes
        Net Metering). What is assumed is a finding (``tariff.assumed``).
        """
        from flipkit.tariffs.read import urdb

        tariff = urdb.read(
            source,
            timezone=timezone,
            currency=currency,
            tier_rule=tier_rule,
            strict=strict,
            ignore=ignore,
        )
        return cast("Self", tariff)

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
    ) -> Self:
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

        tariff = octopus.read(
            unit_rates,
            standing_charges,
            timezone=timezone,
            currency=currency,
            payment_method=payment_method,
            name="Octopus" if name is None else name,
        )
        return cast("Self", tariff)

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
    ) -> Self:
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

        tariff = octopus.read_economy7(
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
        return cast("Self", tariff)

    @classmethod
    def from_flatpeak(
        cls,
        source: Mapping[str, Any] | Iterable[Mapping[str, Any]],
        *,
        timezone: str,
        currency: str,
        market: PriceSeries | None = None,
        tier_rule: TierRule = "chronological",
    ) -> Self:
        """Return the price of Flatpeak tariff objects together: COMMODITY plus NON_COMMODITY.

        Contracts of one type must follow one another; the tariff is then `successive`.

        Parameters
        ----------
        source : mapping or iterable of mapping
            One tariff object, several in the same direction, or the API's answer with a list of
            them. Never changed. A status other than CONNECTED and a limit of a last tier are
            findings. Prices by ``dates``, days of the month, are a price series over the contract.
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
            Whatever cannot be priced, by name: rate formulas, market rates without `market`,
            ``dates`` beside tiers or without contract dates, tiers of surcharges or in both types,
            tiers beside a price that changes within a month, contracts of one type that overlap or
            leave a gap, an unknown field inside the schedule, objects of another time zone or
            currency, an incomplete list.
        """
        from flipkit.tariffs.read import flatpeak

        tariff = flatpeak.read(
            source, timezone=timezone, currency=currency, market=market, tier_rule=tier_rule
        )
        return cast("Self", tariff)
