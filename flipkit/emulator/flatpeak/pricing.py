"""What a kWh costs at a location: its stored tariffs as one price series.

COMMODITY and NON_COMMODITY prices are added. Where contracts of one kind overlap, the one created
last applies. LOCAL energy is free unless there is a LOCAL tariff. Prices before the clock's "now"
are confirmed (confidence 1); later ones are a forecast: 0.8, falling by 0.2 every 90 days to 0.2.

Of tiers, the contract documents ``to_kwh`` only; all of this is inferred:

* kWh are counted per local calendar month, in order of time, over all records of a location and its
  devices in a tariff direction. Forecasts count like actuals. Energy against the usual flow of its
  direction (a battery that discharges at the import price) is priced at the tier it meets and does
  not count.
* The price of a kWh is that of the tier reached before it: an interval across a limit is split, and
  a late record changes what later records of its month cost. A report that begins within a month
  counts from the start of the month.
* A contract in force for part of a month counts separately, with limits prorated by its days.
* A price list shows the tier reached at each time by the stored records; as others may follow, its
  confidence is at most 0.8.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise
from typing import Any, NamedTuple

import msgspec
import numpy as np

from flipkit.calendar import month_edges, to_text
from flipkit.emulator.clock import Clock
from flipkit.emulator.flatpeak import objects, readings
from flipkit.emulator.flatpeak.objects import StoredObject
from flipkit.emulator.flatpeak.readings import FAR_US, Readings, Series, SeriesReadings
from flipkit.emulator.flatpeak.wire import Refusal
from flipkit.emulator.store import Store
from flipkit.errors import InputError
from flipkit.tariffs import PriceSeries, Tariff
from flipkit.tariffs.model import has_tiers, joined
from flipkit.tariffs.rating import Span, Used, mean_prices, step_prices
from flipkit.vocabulary import DAY_US, USUAL_FLOW, Int64

__all__ = [
    "SCHEMA",
    "Contract",
    "Priced",
    "PricedLocation",
    "Pricer",
    "default_market",
    "put_market",
]

SCHEMA = """
CREATE TABLE IF NOT EXISTS market_prices (
    market TEXT PRIMARY KEY,
    timezone TEXT NOT NULL,
    start BLOB NOT NULL,
    "end" BLOB NOT NULL,
    price BLOB NOT NULL
) WITHOUT ROWID;
"""

_FORECAST_CONFIDENCE = np.array([0.8, 0.6, 0.4, 0.2])
_FORECAST_STEP_US = 90 * DAY_US  # how long each of them holds
_NO_READINGS = Readings(np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0), np.zeros(0))


class PricedLocation(NamedTuple):
    """A location, as far as its prices depend on it."""

    id: str
    timezone: str
    currency: str

    @classmethod
    def of(cls, location: StoredObject) -> PricedLocation:
        """Take it from a stored location."""
        return cls(location.id, location.body["timezone"], location.body["currency_code"])

    @classmethod
    def get(cls, db: sqlite3.Connection, location_id: str) -> PricedLocation:
        """Read it from the store; 404 if it does not exist."""
        return cls.of(objects.get(db, "location", location_id))


class Contract(NamedTuple):
    """A tariff object that is ready to price.

    Attributes
    ----------
    direction, kind : str
        IMPORT, EXPORT or LOCAL; COMMODITY or NON_COMMODITY.
    tariff : Tariff
    from_us, to_us : int
        When it is in force.
    tiered : bool
    """

    direction: str
    kind: str
    tariff: Tariff
    from_us: int
    to_us: int
    tiered: bool


Gaps = tuple[Span, ...]


class Priced(NamedTuple):
    """Prices over a window, and the gaps in it that no contract covers (the price is 0 there)."""

    series: PriceSeries
    gaps: Gaps

    def check_covers(self, start_us: Int64, end_us: Int64) -> None:
        """Raise a 422 ``no_price_data`` that names the gap if an interval touches one."""
        for begin, stop in self.gaps:
            touches = (start_us < stop) & (end_us > begin)
            if bool(touches.any()):
                message = f"there is no price from {to_text(begin)} to {to_text(stop)}"
                raise Refusal.invalid(message, "no_price_data")


class PriceTerms(NamedTuple):
    """What prices depend on, for a location and direction over a window.

    Attributes
    ----------
    window : tuple of int
    used : Used or None
        The energy that counts towards tiers; None if there are none.
    cuts : ndarray of int64, shape (n,), or None
        As in `Pricer.priced`.
    """

    window: Span
    used: Used | None
    cuts: Int64 | None

    def series(self, contracts: Sequence[Contract]) -> tuple[PriceSeries, Gaps]:
        """Return prices over the window, contract by contract, and the gaps between them."""
        parts, gaps = [], []
        for contract, in_force in _in_force(contracts):
            begin = max(in_force[0], self.window[0])
            stop = min(in_force[1], self.window[1])
            if begin >= stop:
                continue
            if contract is None:
                parts.append(_free((begin, stop)))
                gaps.append((begin, stop))
            else:
                parts.append(self._contract_prices(contract, in_force, (begin, stop)))
        series = parts[0] if len(parts) == 1 else joined(parts)
        return series, tuple(gaps)

    def _contract_prices(self, contract: Contract, in_force: Span, span: Span) -> PriceSeries:
        """Return the prices over `span` of a contract whose tiers count over `in_force`."""
        if not contract.tiered:
            return contract.tariff.prices(*span)
        assert self.used is not None
        if self.cuts is not None:
            return mean_prices(contract.tariff, self.used, in_force, span, self.cuts)
        # A price list: later records may change the tier, so it is as uncertain as a forecast.
        steps = step_prices(contract.tariff, self.used, in_force, span)
        confidence = np.full(len(steps), _FORECAST_CONFIDENCE[0])
        return PriceSeries(steps.start_us, steps.end_us, steps.price_per_kwh, confidence)


class Pricer:
    """Reads the tariffs of a store, each object once.

    Parameters
    ----------
    store : Store
        Its ``market_prices`` are the base of tariffs with ``market_rates``.
    clock : Clock
        Separates confirmed prices from forecasts.
    """

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        # A stored tariff never changes, and the key is its text: what was read once stays valid.
        self._read = lru_cache(maxsize=4096)(self._read_contract)

    def contract(self, body: bytes, location: PricedLocation) -> Contract:
        """Read a stored tariff object; 422 with the reason if it cannot be priced."""
        try:
            return self._read(body, location.timezone, location.currency)
        except InputError as error:
            raise Refusal.invalid(str(error)) from None

    def contracts(self, db: sqlite3.Connection, location: PricedLocation) -> list[Contract]:
        """Return the tariffs of a location, oldest first."""
        query = (
            "SELECT body FROM flatpeak_objects WHERE kind = 'tariff' AND parent_id = ? ORDER BY seq"
        )
        rows = db.execute(query, (location.id,))
        return [self.contract(row["body"], location) for row in rows]

    def priced(
        self,
        db: sqlite3.Connection,
        location: PricedLocation,
        direction: str,
        window: Span,
        *,
        cuts: Int64 | None = None,
        new: SeriesReadings | None = None,
    ) -> Priced:
        """Return the prices of a location in a direction.

        Parameters
        ----------
        db : sqlite3.Connection
        location : PricedLocation
        direction : str
            IMPORT, EXPORT or LOCAL.
        window : tuple of int
            Microseconds since 1970-01-01 UTC.
        cuts : ndarray of int64, shape (n,), optional
            Where the energy to be priced is cut: tiered prices are then means between these times
            and the edges of the records that count. By default they are those of the tier reached.
        new : (Series, Readings), optional
            Records that count as if they were stored.

        Raises
        ------
        Refusal
            422 ``no_tariff_connected`` if there is no COMMODITY tariff in that direction.
        """
        own = [each for each in self.contracts(db, location) if each.direction == direction]
        commodity = [contract for contract in own if contract.kind == "COMMODITY"]
        fees = [contract for contract in own if contract.kind == "NON_COMMODITY"]
        if not commodity:
            if direction == "LOCAL":
                return Priced(_free(window), ())
            message = f"{location.id} has no tariff connected for {direction}"
            raise Refusal.invalid(message, "no_tariff_connected")

        used = None
        if any(contract.tiered for contract in own):
            used = _used_energy(db, location, direction, window, new)
        terms = PriceTerms(window, used, cuts)
        series, gaps = terms.series(commodity)
        if fees:
            fee_series, _ = terms.series(fees)
            series = series.plus(fee_series)
        series = _with_confidence(series, self._clock.now_us())
        # Own energy is free where no LOCAL contract holds: that is not a gap.
        return Priced(series, () if direction == "LOCAL" else gaps)

    def _read_contract(self, body: bytes, timezone: str, currency: str) -> Contract:
        source: dict[str, Any] = msgspec.json.decode(body)
        market = self._market(source["market"]) if source.get("market_rates") else None
        tariff = Tariff.from_flatpeak(source, timezone=timezone, currency=currency, market=market)
        if tariff.series is not None:  # market rates: as far as the market has prices
            start = int(tariff.series.start_us[0])
            end = int(tariff.series.end_us[-1])
        else:
            start = -FAR_US if tariff.valid_from_us is None else tariff.valid_from_us
            end = FAR_US if tariff.valid_to_us is None else tariff.valid_to_us
        return Contract(
            direction=source["direction"],
            kind=source["type"],
            tariff=tariff,
            from_us=start,
            to_us=end,
            tiered=has_tiers(tariff),
        )

    def _market(self, name: str) -> PriceSeries:
        with self._store.read() as db:
            row = db.execute("SELECT * FROM market_prices WHERE market = ?", (name,)).fetchone()
        if row is None:
            raise InputError(f"market: there are no prices of {name!r}")
        return PriceSeries(
            np.frombuffer(row["start"], dtype=np.int64),
            np.frombuffer(row["end"], dtype=np.int64),
            np.frombuffer(row["price"], dtype=np.float64),
        )


def put_market(db: sqlite3.Connection, market: str, timezone: str, prices: PriceSeries) -> None:
    """Store the prices of a market, the base of tariffs with ``market_rates``."""
    db.execute(
        "REPLACE INTO market_prices VALUES (?, ?, ?, ?, ?)",
        (
            market,
            timezone,
            prices.start_us.tobytes(),
            prices.end_us.tobytes(),
            prices.price_per_kwh.tobytes(),
        ),
    )


def default_market(db: sqlite3.Connection, timezone: str) -> str | None:
    """Return the market of a tariff that names none: the first, by name, of the time zone."""
    query = "SELECT market FROM market_prices WHERE timezone = ? ORDER BY market LIMIT 1"
    row = db.execute(query, (timezone,)).fetchone()
    return str(row["market"]) if row else None


def _free(span: Span) -> PriceSeries:
    """Return a price of 0 over all of the span."""
    return PriceSeries(np.array([span[0]]), np.array([span[1]]), np.zeros(1))


def _in_force(contracts: Sequence[Contract]) -> list[tuple[Contract | None, Span]]:
    """Return which contract is in force when, over all time; None for none, the last of several."""
    edges = {-FAR_US, FAR_US}
    for each in contracts:
        edges |= {each.from_us, each.to_us}

    stretches: list[tuple[Contract | None, Span]] = []
    for begin, stop in pairwise(sorted(edges)):
        holding = [each for each in contracts if each.from_us <= begin and stop <= each.to_us]
        contract = holding[-1] if holding else None
        if stretches and stretches[-1][0] is contract:  # an edge of a contract that is covered
            _, (since, _) = stretches.pop()
            stretches.append((contract, (since, stop)))
        else:
            stretches.append((contract, (begin, stop)))
    return stretches


def _used_energy(
    db: sqlite3.Connection,
    location: PricedLocation,
    direction: str,
    window: Span,
    new: SeriesReadings | None,
) -> Used:
    """Return the energy that counts towards tiers, from the start of the window's first month.

    New records count as if they were stored.
    """
    months = month_edges(location.timezone, *window).edges
    counted: dict[Series, Readings | None] = {}
    for series_id, series in readings.series_of(db, location.id):
        if _counts(series, direction):
            counted[series] = readings.read(db, series_id, int(months[0]), window[1])
    if new is not None and _counts(new[0], direction):
        series, columns = new
        counted[series] = readings.merged(counted.get(series), columns)

    # Sorted by name, not by creation: then the same records give the same sums to the last bit.
    parts = [counted[series] for series in sorted(counted)]
    found = [part for part in parts if part is not None] or [_NO_READINGS]
    start = np.concatenate([part.start_us for part in found])
    end = np.concatenate([part.end_us for part in found])
    wh = np.concatenate([part.wh for part in found])
    return Used.of(start, end, wh / 1000.0)


def _counts(series: Series, direction: str) -> bool:
    return series.tariff_direction == direction and series.flow == USUAL_FLOW[direction]


def _with_confidence(series: PriceSeries, now_us: int) -> PriceSeries:
    """Return the same prices, with those after now marked as a forecast."""
    first = int(series.start_us[0])
    last = int(series.end_us[-1])
    if last <= now_us:
        return series
    # Prices are cut where the confidence falls, so that each piece has one confidence.
    steps = now_us + _FORECAST_STEP_US * np.arange(len(_FORECAST_CONFIDENCE))
    starts = np.union1d(series.start_us, steps[(steps > first) & (steps < last)])
    by_step = np.append(1.0, _FORECAST_CONFIDENCE)
    confidence = by_step[np.searchsorted(steps, starts, side="right")]
    segment = np.searchsorted(series.start_us, starts, side="right") - 1
    if series.confidence is not None:
        confidence = np.minimum(confidence, series.confidence[segment])
    ends = np.append(starts[1:], last)
    return PriceSeries(starts, ends, series.price_per_kwh[segment], confidence)
