"""A tariff: what a kWh costs and what else a bill charges, in which currency, by whose clock, between which dates."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from flipkit.calendar import to_us, zone
from flipkit.errors import InputError
from flipkit.money import check_currency
from flipkit.tariffs.model import checks as tariff_checks
from flipkit.tariffs.model.charges import Adder, DemandCharge, FixedCharge, Minimum, Tax
from flipkit.tariffs.model.describe import describe_rates, describe_series, describe_validity
from flipkit.tariffs.model.describe_charges import describe_charges
from flipkit.tariffs.model.export import Export
from flipkit.tariffs.model.rate_table import canonical, rate_series
from flipkit.tariffs.model.rates import Rate
from flipkit.tariffs.model.series import PriceSeries, check_cover, joined

__all__ = ["Tariff", "TierRule"]

TierRule: TypeAlias = Literal["chronological", "prorate", "per_period"]


@dataclass(frozen=True, slots=True)
class Tariff:
    """Energy prices by season, kind of day and local hour, or as a price series, and the other charges of a bill.

    Equal tariffs have the same prices at the same times, however they were written: rates are held in canonical form
    (seasons, kinds of day and hours ascending; neighbours of one period merged; no window across midnight).

    Attributes
    ----------
    name : str
        What reports call it.
    currency : str
        ISO 4217.
    timezone : str
        IANA zone of the hours, days and months.
    rates : tuple of Rate
        Empty where the tariff is a price series.
    series : PriceSeries or None
        The prices themselves, where the tariff is a price series; it holds over its own time only.
    valid_from_us, valid_to_us : int or None
        Between which instants rates hold, microseconds since 1970-01-01 UTC; None for no bound.
    tier_rule : {"chronological", "prorate", "per_period"} or None
        How the kWh of a billing period fill the tiers; needed where any rate has tiers, and never guessed: it moves
        bills by a fifth. chronological: kWh count in the order of time, over all periods together, and each has the
        price of its own period at the step reached. prorate: the total fills the steps, and each period pays its own
        prices on its share of every step. per_period: each period fills its own ladder.
    holidays : str or None
        Whose public holidays: ``"US"``, ``"US-CA"``, ``"GB-ENG"``, ``"BE"``; None for none.
    demand : tuple of DemandCharge
    fixed : tuple of FixedCharge
    minimum : Minimum or None
    adders : tuple of Adder
    taxes : tuple of Tax
    export : Export or None
        None: what is exported earns nothing.
    parts : tuple of Tariff
        Tariffs in force one after another; made by `successive`, and then everything else is theirs.

    Raises
    ------
    InputError
        An unknown currency or zone, a gap or overlap in the rates, both rates and a series, or neither; tiers without
        a `tier_rule`; unknown holidays, or a rate for holidays where none are named.
    """

    name: str
    currency: str
    timezone: str
    rates: tuple[Rate, ...] = ()
    series: PriceSeries | None = None
    valid_from_us: int | None = None
    valid_to_us: int | None = None
    tier_rule: TierRule | None = field(default=None, kw_only=True)
    holidays: str | None = field(default=None, kw_only=True)
    demand: tuple[DemandCharge, ...] = field(default=(), kw_only=True)
    fixed: tuple[FixedCharge, ...] = field(default=(), kw_only=True)
    minimum: Minimum | None = field(default=None, kw_only=True)
    adders: tuple[Adder, ...] = field(default=(), kw_only=True)
    taxes: tuple[Tax, ...] = field(default=(), kw_only=True)
    export: Export | None = field(default=None, kw_only=True)
    parts: tuple[Tariff, ...] = field(default=(), kw_only=True)

    def __post_init__(self) -> None:
        check_currency(self.currency)
        zone(self.timezone)
        if self.parts:
            return tariff_checks.check_parts(self)
        if bool(self.rates) == (self.series is not None):
            raise InputError(f"tariff {self.name!r}: needs either rates or a price series")
        if self.rates:
            object.__setattr__(self, "rates", canonical(tuple(self.rates)))
        bounds = (self.valid_from_us, self.valid_to_us)
        if self.series is not None and bounds != (None, None):
            raise InputError(
                f"tariff {self.name!r}: a price series holds over its own time; clip it instead"
            )
        if None not in bounds and bounds[0] >= bounds[1]:  # type: ignore[operator]
            raise InputError(f"tariff {self.name!r}: ends before it begins")
        for name, value in tariff_checks.checked_charges(self).items():
            object.__setattr__(self, name, value)
        return None

    @classmethod
    def flat(cls, rate: float, *, currency: str, timezone: str, name: str | None = None) -> Tariff:
        """One price at all times.

        Parameters
        ----------
        rate : float
            Price per kWh, major currency units.
        currency : str
            ISO 4217 code.
        timezone : str
            IANA name.
        name : str, optional
            Default ``"Flat rate"``.

        Raises
        ------
        InputError
            A rate that is no finite number, an unknown currency or zone.
        """
        return cls("Flat rate" if name is None else name, currency, timezone, (Rate(rate),))

    @classmethod
    def time_of_use(
        cls,
        rates: Mapping[str, float] | Iterable[Rate],
        *,
        currency: str,
        timezone: str,
        name: str | None = None,
    ) -> Tariff:
        """Prices by local hour and, with `Rate`, by month and kind of day.

        Parameters
        ----------
        rates : mapping of str to float, or iterable of Rate
            ``{"00:00-07:00": 0.09, "07:00-24:00": 0.29}`` for every day, or a list of `Rate`. A window may cross
            midnight.
        currency : str
            ISO 4217 code.
        timezone : str
            IANA name.
        name : str, optional
            Default ``"Time of use"``.

        Raises
        ------
        InputError
            An hour with no price or with two (names month, days and hours), an unknown currency or zone.
        """
        if not isinstance(rates, Iterable):
            raise InputError(
                f"time of use: expected windows with their prices, got {type(rates).__name__}"
            )
        given = (
            [_window(*item) for item in rates.items()]
            if isinstance(rates, Mapping)
            else list(rates)
        )
        for number, rate in enumerate(given):
            if not isinstance(rate, Rate):
                raise InputError(
                    f"rates, item {number}: expected a Rate, got {type(rate).__name__}"
                )
        if not given:
            raise InputError("time of use: no rates; give at least one")
        return cls("Time of use" if name is None else name, currency, timezone, tuple(given))

    @classmethod
    def successive(cls, tariffs: Iterable[Tariff], *, name: str | None = None) -> Tariff:
        """Tariffs in force one after another; a billing period in which they change is rated part by part.

        Parameters
        ----------
        tariffs : iterable of Tariff
            In one currency and zone, each beginning where the one before ends (`valid_from_us`, `valid_to_us`, or the
            time of its price series).
        name : str, optional
            Default: their names, in order.

        Raises
        ------
        InputError
            Fewer than two, a gap or an overlap between two, another currency or zone: names the tariffs and the time.
        """
        parts = tariff_checks.in_order(tariffs, cls)
        text = ", then ".join(part.name for part in parts) if name is None else name
        return cls(text, parts[0].currency, parts[0].timezone, parts=parts)

    @classmethod
    def from_prices(
        cls, frame: Any, *, currency: str, timezone: str, name: str | None = None
    ) -> Tariff:
        """A price series, such as market prices, from a frame.

        Parameters
        ----------
        frame : pandas.DataFrame or polars.DataFrame
            Columns ``start_utc``, ``end_utc`` (with a zone) and ``price_per_kwh`` (major currency units); rows of any
            length in any order, without gap or overlap.
        currency : str
            ISO 4217 code.
        timezone : str
            IANA name; the zone of local days and months.
        name : str, optional
            Default ``"Price series"``.

        Raises
        ------
        MissingColumnError
            A column is absent.
        NaiveTimestampError
            Times without a zone.
        InputError
            A null, a gap or an overlap (names row and time), an unknown currency or zone.
        """
        from flipkit.tariffs.read import series_of_frame

        return cls(
            "Price series" if name is None else name, currency, timezone, (), series_of_frame(frame)
        )

    @classmethod
    def from_urdb(
        cls,
        source: Any,
        *,
        timezone: str,
        tier_rule: TierRule | None = None,
        currency: str = "USD",
    ) -> Tariff:
        """A record of OpenEI's Utility Rate Database (API version 3 to 8), https://openei.org/wiki/Utility_Rate_Database.

        Parameters
        ----------
        source : mapping, str or Path
            The record, or the API's answer with one record in ``items``; the object, its JSON text, or the path of a
            file. Never changed.
        timezone : str
            IANA zone of the schedules' hours; records do not name theirs.
        tier_rule : str, optional
            How kWh fill the tiers, see `Tariff`; needed where there are tiers.
        currency : str
            ISO 4217 code.

        Returns
        -------
        Tariff
            ``rate`` and ``adj`` are added. Period 0 of the record is ``period 1`` (where there is but one, it has no
            name). ``dgrules``: Net Metering carries kWh over to the end of the year and pays nothing for what is left;
            both kinds of Net Billing net within each interval of the energy that is rated (hand in hourly energy for
            Net Billing Hourly) and pay ``sell``; without the field exports earn nothing. ``startdate`` and ``enddate``
            are the first and the last local day; ``dataclasses.replace(tariff, valid_from_us=None,
            valid_to_us=None)`` prices other times. A demand interval that is not stated is 15 minutes; ratchets hold
            for flat demand and for demand by period, and look back 11 billing periods where no range is stated.

        Raises
        ------
        InputError
            Whatever cannot be priced, by the name of its field: tiers without `tier_rule`, coincident demand, fuel
            adjustments by month, reactive power, charges for additional meters or in words (``energyattrs``), units
            other than kWh and kW, any field that is unknown. Several records, or none.
        """
        from flipkit.tariffs.read import urdb

        return cls(currency=currency, timezone=timezone, **urdb.read(source, timezone, tier_rule))

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
        """A tariff of Octopus Energy from the lists of its API, in pence with VAT (``value_inc_vat``).

        Parameters
        ----------
        unit_rates : mapping, list of mapping, str or Path
            The answer of ``standard-unit-rates``, or a list of all its pages; the object, its JSON text, or the path
            of a file. Rows in any order. Never changed.
        standing_charges : mapping, list of mapping, str or Path, optional
            The answer of ``standing-charges``, charged for each local day.
        timezone : str
            IANA zone of local days and months.
        currency : str
            ISO 4217 code of the major unit.
        payment_method : str, optional
            ``"DIRECT_DEBIT"`` or ``"NON_DIRECT_DEBIT"``; needed where the prices differ by it.
        name : str, optional
            Default ``"Octopus"``.

        Returns
        -------
        Tariff
            Over the time that both lists cover. One price is a flat rate, several are a price series; prices without
            an end and changes of the standing charge make tariffs one after another (`successive`).

        Raises
        ------
        InputError
            A gap or an overlap between two rows, pages that are missing, several ways of payment, day and night
            registers, a value that is no number, a field that is unknown: names the row.
        """
        text = "Octopus" if name is None else name
        from flipkit.tariffs.read import octopus

        fields = octopus.read(unit_rates, standing_charges, payment_method)
        parts = [cls(name=text, currency=currency, timezone=timezone, **each) for each in fields]
        return parts[0] if len(parts) == 1 else cls.successive(parts, name=text)

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
        """The price that Flatpeak tariff objects make together: COMMODITY and NON_COMMODITY are added.

        Parameters
        ----------
        source : mapping or iterable of mapping
            One tariff object, or several in the same direction, as the API gives them; never changed. Contracts of one
            type must follow one another; the tariff is then their succession (`successive`).
        timezone : str
            IANA zone of the location; the hours of the schedule are local.
        currency : str
            ISO 4217 code of the location.
        market : PriceSeries, optional
            Market prices, needed (and used) where ``market_rates`` is true: price = (market + surcharge_fixed) x
            (1 + surcharge_percentage), 0.05 being 5 %. The tariff is then a price series over the time that both the
            market prices and the contracts cover.
        tier_rule : str
            How kWh fill the tiers of ``to_kwh``, see `Tariff`; unused where there are none. Flatpeak does not say, nor
            over which time it counts; read here as the order of time within a local calendar month.

        Raises
        ------
        InputError
            Anything this form cannot price, by name: ``dates``, rate formulas, market rates without `market`, tiers of
            surcharges or in both types, tiers beside a price that changes within a month (the count would begin anew),
            contracts of one type that overlap or leave a gap, a field it does not know inside the schedule, gaps and
            overlaps; objects of another time zone or currency.
        """
        from flipkit.tariffs.read import flatpeak as flatpeak_reader

        parts = []
        for name, rates, series, start, end in flatpeak_reader.read(
            source, timezone, currency, market, tier_rule
        ):
            rule = tier_rule if any(rate.tiers for rate in rates) else None
            parts.append(cls(name, currency, timezone, rates, series, start, end, tier_rule=rule))
        names = ", then ".join(dict.fromkeys(part.name for part in parts))
        return parts[0] if len(parts) == 1 else cls.successive(parts, name=names)

    def to_flatpeak(
        self,
        location_id: str,
        *,
        direction: str = "IMPORT",
        type: str = "COMMODITY",  # noqa: A002  the name of the field
        start: Any = None,
        end: Any = None,
    ) -> dict[str, Any]:
        """The body that creates this tariff at Flatpeak; `from_flatpeak` reads the equal tariff back.

        Flatpeak has no field for the names of periods and for the tier rule: read tiers back with the `tier_rule` of
        this tariff.

        Parameters
        ----------
        location_id : str
            Flatpeak's id of the location, ``loc_...``.
        direction : str
            IMPORT, EXPORT or LOCAL.
        type : str
            COMMODITY or NON_COMMODITY.
        start, end : datetime, date or str, optional
            Contract dates; a date is the beginning of that local day. By default those of the tariff, and where it has
            none 1970-01-01 and 9999-12-31, which `from_flatpeak` reads as no bound.

        Returns
        -------
        dict

        Raises
        ------
        InputError
            A price series, tiers by day or by kW, holidays or charges beside the price per kWh, parts, which a schedule
            cannot express; an unknown direction or type; contract dates outside the tariff's own.
        """
        if self.series is not None:
            raise InputError(
                f"tariff {self.name!r} is a price series, which a Flatpeak schedule (month, day, hour) cannot "
                "express; create the tariff with market_rates at Flatpeak instead"
            )
        tariff_checks.check_plain(self, "a Flatpeak schedule cannot express them")
        begin = self.valid_from_us if start is None else to_us(start, self.timezone)
        stop = self.valid_to_us if end is None else to_us(end, self.timezone)
        self._check_validity(begin, stop)
        from flipkit.tariffs.read import flatpeak_writer

        return flatpeak_writer.write(
            self.name, self.rates, location_id, direction, type, begin, stop
        )

    def prices(self, start_us: int, end_us: int) -> PriceSeries:
        """The price in force over [start, end), in order, without gap, cut to the window.

        Parameters
        ----------
        start_us, end_us : int
            Microseconds since 1970-01-01 UTC.

        Returns
        -------
        PriceSeries
            From rates, neighbours of equal price are one segment; a price series keeps its own segments.

        Raises
        ------
        InputError
            An empty window, or one outside the price series or the contract dates: names the first uncovered instant.
            A tariff with tiers, where the price depends on what was used before.
        """
        if self.series is not None:
            return self.series.clip(start_us, end_us)
        tariff_checks.check_untiered(self)
        valid_from, valid_to = self.validity
        begin, stop = (
            start_us if valid_from is None else valid_from,
            end_us if valid_to is None else valid_to,
        )
        check_cover(start_us, end_us, begin, stop, f"the prices of tariff {self.name!r}")
        if self.parts:
            spans = [
                (part, *tariff_checks.overlap(part.validity, start_us, end_us))
                for part in self.parts
            ]
            return joined([part.prices(start, end) for part, start, end in spans if start < end])
        return rate_series(self.rates, self.timezone, start_us, end_us, self.holidays)

    @property
    def validity(self) -> tuple[int | None, int | None]:
        """From when until when it holds, microseconds since 1970-01-01 UTC; None for no bound."""
        if self.parts:
            return self.parts[0].validity[0], self.parts[-1].validity[1]
        if self.series is not None:
            return int(self.series.start_us[0]), int(self.series.end_us[-1])
        return self.valid_from_us, self.valid_to_us

    def describe(self) -> str:
        """A short text: name, currency, zone, validity, prices by season, kind of day and hours, and all other charges.

        Periods have the names that the lines of a bill have.
        """
        head = f"{self.name}: {self.currency} per kWh, local time of {self.timezone}"
        if self.parts:
            return "\n".join([head, *(part.describe() for part in self.parts)])
        if self.series is not None:
            return "\n".join([head, describe_series(self.series), *describe_charges(self)])
        valid = describe_validity(self.timezone, self.valid_from_us, self.valid_to_us)
        return "\n".join([head, *valid, describe_rates(self.rates), *describe_charges(self)])

    def plot(self, **options: Any) -> Any:
        """Draw the prices by month and hour; see `flipkit.plots.tariff_heatmap`, which gets the options.

        Returns
        -------
        matplotlib.axes.Axes
        """
        # Here, not above: matplotlib is loaded for a picture only.
        from flipkit.plots import tariff_heatmap

        return tariff_heatmap(self, **options)

    def _check_validity(self, start_us: int | None, end_us: int | None) -> None:
        early = (
            self.valid_from_us is not None
            and start_us is not None
            and start_us < self.valid_from_us
        )
        late = self.valid_to_us is not None and end_us is not None and end_us > self.valid_to_us
        if early or late:
            raise InputError(
                f"tariff {self.name!r}: the contract dates given reach beyond the tariff's own"
            )
        if start_us is not None and end_us is not None and end_us <= start_us:
            raise InputError(f"tariff {self.name!r}: the contract ends before it starts")


def _window(window: str, price: float) -> Rate:
    begin, dash, stop = window.partition("-") if isinstance(window, str) else ("", "", "")
    if not dash:
        raise InputError(
            f"time of use: window {window!r} is none; write 'HH:MM-HH:MM', such as '07:00-16:00'"
        )
    return Rate(price, begin.strip(), stop.strip())
