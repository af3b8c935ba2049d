"""What a kWh costs at a location: its stored tariffs as one price series.

COMMODITY and NON_COMMODITY add up. Where contracts of one kind overlap, the one that was created last holds. LOCAL
energy costs nothing unless there is a LOCAL tariff. Prices before the clock's "now" are confirmed (confidence 1);
later ones are a forecast: 0.8, falling by 0.2 each 90 days, down to 0.2.

Tiers, of which the contract says no more than ``to_kwh`` (all of this is inferred): kWh count from the beginning of
the local calendar month in the order of time, over all of a location's records of that tariff direction, its own and
its devices' (`flatpeak_counters`). A kWh costs what the tier says that was reached before it, so an interval across a
limit is split, and a record that comes in late changes what later ones of its month cost. A report that begins within
a month counts from the month's beginning. A contract that holds part of a month counts for itself, with the share of
the limits that it has of the days. A price list says which tier was reached at each time by the records stored; as
others may follow, its confidence is 0.8 at most.
"""

from __future__ import annotations

import sqlite3
from functools import lru_cache
from typing import Any, NamedTuple

import msgspec
import numpy as np

from flipkit.calendar import month_edges, to_text
from flipkit.emulator.clock import Clock
from flipkit.emulator.flatpeak.answers import Refusal
from flipkit.emulator.flatpeak.contracts import FAR_US, Contract, Gaps, nothing, stitched
from flipkit.emulator.flatpeak.counters import New, used_energy
from flipkit.emulator.flatpeak.places import Setting
from flipkit.emulator.store import Store
from flipkit.errors import InputError
from flipkit.tariffs import PriceSeries, Tariff
from flipkit.tariffs.rating import Span, Used, has_tiers, mean_prices, step_prices
from flipkit.vocabulary import DAY_US, Int64

__all__ = ["SCHEMA", "Place", "Priced", "Pricer", "Terms", "default_market", "put_market"]

SCHEMA = """
CREATE TABLE IF NOT EXISTS market_prices (
    market TEXT PRIMARY KEY,
    timezone TEXT NOT NULL,
    start BLOB NOT NULL,
    "end" BLOB NOT NULL,
    price BLOB NOT NULL
) WITHOUT ROWID;
"""

_FORECAST = np.array([0.8, 0.6, 0.4, 0.2])
_STEP_US = 90 * DAY_US


class Place(NamedTuple):
    """A location, as far as prices go."""

    id: str
    setting: Setting


class Terms(NamedTuple):
    """What prices a location in a direction over a window: contracts of energy and of fees, and the count of tiers.

    Attributes
    ----------
    commodity, fees : list of Contract
        Oldest first; no commodity only where energy is free.
    window : tuple of int
    used : Used or None
        The energy that counts; None where there are no tiers.
    cuts : ndarray of int64, shape (n,), or None
        As in `Pricer.priced`.
    """

    commodity: list[Contract]
    fees: list[Contract]
    window: Span
    used: Used | None
    cuts: Int64 | None

    def prices(self, contract: Contract, in_force: Span, span: Span) -> PriceSeries:
        """What a kWh costs by a contract that counts over `in_force`, over `span`."""
        if not contract.tiered:
            return contract.tariff.prices(*span)
        assert self.used is not None
        if self.cuts is not None:
            return mean_prices(contract.tariff, self.used, in_force, span, self.cuts)
        steps = step_prices(contract.tariff, self.used, in_force, span)
        return PriceSeries(
            steps.start_us, steps.end_us, steps.price_per_kwh, np.full(len(steps), _FORECAST[0])
        )


class Priced(NamedTuple):
    """Prices over a window, and the stretches in it that no contract covers (their price is 0 in the series)."""

    series: PriceSeries
    gaps: Gaps

    def check_covers(self, start_us: Int64, end_us: Int64) -> None:
        """Raise 422 ``no_price_data`` where an interval touches a gap; it names the gap."""
        for begin, stop in self.gaps:
            if bool(((start_us < stop) & (end_us > begin)).any()):
                raise Refusal.invalid(
                    f"no price from {to_text(begin)} to {to_text(stop)}", "no_price_data"
                )


class Pricer:
    """Reads tariffs of the store, each object once.

    Parameters
    ----------
    store : Store
        Whose ``market_prices`` are the base of tariffs with ``market_rates``.
    clock : Clock
        Divides confirmed prices from forecasts.
    """

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store, self._clock = store, clock
        # A stored tariff never changes, and its text is the key: what was read once stays right.
        self._read = lru_cache(maxsize=4096)(self._read_contract)

    def contract(self, body: bytes, setting: Setting) -> Contract:
        """A stored tariff object.

        Raises
        ------
        Refusal
            422 for one that cannot price anything; the text says why.
        """
        try:
            return self._read(body, setting)
        except InputError as error:
            raise Refusal.invalid(str(error)) from None

    def priced(
        self,
        db: sqlite3.Connection,
        place: Place,
        direction: str,
        start_us: int,
        end_us: int,
        *,
        cuts: Int64 | None = None,
        new: New | None = None,
    ) -> Priced:
        """Prices of a location in a direction over [start, end).

        Parameters
        ----------
        db : sqlite3.Connection
        place : Place
        direction : str
            IMPORT, EXPORT or LOCAL.
        start_us, end_us : int
        cuts : ndarray of int64, shape (n,), optional
            Where energy is cut that is to be priced: under tiers prices are then means between these times and the
            edges of the records that count. Without it, each is the price of the tier reached.
        new : New, optional
            Records that count as if they were stored.

        Raises
        ------
        Refusal
            422 ``no_tariff_connected`` where it has no COMMODITY tariff in that direction.
        """
        terms = self.terms(db, place, direction, (start_us, end_us), cuts=cuts, new=new)
        if not terms.commodity:
            return Priced(nothing(terms.window), ())
        series, gaps = stitched(terms.commodity, terms.window, terms.prices)
        if terms.fees:
            series = series.plus(stitched(terms.fees, terms.window, terms.prices)[0])
        known = self._clock.now_us()
        return Priced(_with_confidence(series, known), () if direction == "LOCAL" else gaps)

    def terms(
        self,
        db: sqlite3.Connection,
        place: Place,
        direction: str,
        window: Span,
        *,
        cuts: Int64 | None = None,
        new: New | None = None,
    ) -> Terms:
        """What `priced` goes by; parameters and errors as there."""
        own = [each for each in self.contracts(db, place) if each.direction == direction]
        commodity, fees = (
            [each for each in own if each.kind == kind] for kind in ("COMMODITY", "NON_COMMODITY")
        )
        if not commodity and direction != "LOCAL":
            raise Refusal.invalid(
                f"{place.id} has no tariff connected for {direction}", "no_tariff_connected"
            )
        used = None
        if any(each.tiered for each in own):
            whole = month_edges(place.setting.timezone, *window).edges
            used = used_energy(db, place.id, direction, (int(whole[0]), window[1]), new)
        return Terms(commodity, fees, window, used, cuts)

    def contracts(self, db: sqlite3.Connection, place: Place) -> list[Contract]:
        """The tariffs of a location, oldest first."""
        query = (
            "SELECT body FROM flatpeak_objects WHERE kind = 'tariff' AND parent_id = ? ORDER BY seq"
        )
        return [self.contract(row["body"], place.setting) for row in db.execute(query, (place.id,))]

    def _read_contract(self, body: bytes, setting: Setting) -> Contract:
        source: dict[str, Any] = msgspec.json.decode(body)
        market = self.market(source["market"]) if source.get("market_rates") else None
        tariff = Tariff.from_flatpeak(
            source, timezone=setting.timezone, currency=setting.currency, market=market
        )
        if tariff.series is not None:
            start, end = int(tariff.series.start_us[0]), int(tariff.series.end_us[-1])
        else:
            start = -FAR_US if tariff.valid_from_us is None else tariff.valid_from_us
            end = FAR_US if tariff.valid_to_us is None else tariff.valid_to_us
        return Contract(
            source["direction"], source["type"], tariff, start, end, has_tiers(tariff), source
        )

    def market(self, name: str) -> PriceSeries:
        """The prices of a market.

        Raises
        ------
        InputError
            There are none of that name.
        """
        with self._store.read() as db:
            row = db.execute("SELECT * FROM market_prices WHERE market = ?", (name,)).fetchone()
        if row is None:
            raise InputError(f"market: there are no prices of {name!r}")
        start, end = (np.frombuffer(row[column], dtype=np.int64) for column in ("start", "end"))
        return PriceSeries(start, end, np.frombuffer(row["price"], dtype=np.float64))


def put_market(db: sqlite3.Connection, market: str, timezone: str, prices: PriceSeries) -> None:
    """Keep a market's prices, the base of tariffs with ``market_rates``."""
    packed = (column.tobytes() for column in (prices.start_us, prices.end_us, prices.price_per_kwh))
    db.execute("REPLACE INTO market_prices VALUES (?, ?, ?, ?, ?)", (market, timezone, *packed))


def default_market(db: sqlite3.Connection, setting: Setting) -> str | None:
    """The market of a location whose tariff names none: the first, by name, of its time zone."""
    query = "SELECT market FROM market_prices WHERE timezone = ? ORDER BY market LIMIT 1"
    row = db.execute(query, (setting.timezone,)).fetchone()
    return str(row["market"]) if row else None


def _with_confidence(series: PriceSeries, now_us: int) -> PriceSeries:
    """The same prices, those after now marked as a forecast."""
    first, last = int(series.start_us[0]), int(series.end_us[-1])
    if last <= now_us:
        return series
    steps = now_us + _STEP_US * np.arange(len(_FORECAST))
    starts = np.union1d(series.start_us, steps[(steps > first) & (steps < last)])
    confidence = np.append(1.0, _FORECAST)[np.searchsorted(steps, starts, side="right")]
    holding = np.searchsorted(series.start_us, starts, side="right") - 1
    if series.confidence is not None:
        confidence = np.minimum(confidence, series.confidence[holding])
    return PriceSeries(
        starts, np.append(starts[1:], last), series.price_per_kwh[holding], confidence
    )
