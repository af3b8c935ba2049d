"""What a kWh costs at a location: its stored tariffs as one price series.

COMMODITY and NON_COMMODITY add up. Where contracts of one kind overlap, the one that was created last holds. LOCAL
energy costs nothing unless there is a LOCAL tariff. Prices before the clock's "now" are confirmed (confidence 1);
later ones are a forecast: 0.8, falling by 0.2 each 90 days, down to 0.2.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise
from typing import Any, NamedTuple

import msgspec
import numpy as np

from flipkit.emulator.clock import Clock
from flipkit.emulator.flatpeak_answers import Refusal
from flipkit.emulator.flatpeak_places import Setting
from flipkit.emulator.store import Store
from flipkit.errors import InputError
from flipkit.tariffs import PriceSeries, Tariff
from flipkit.tariffs.calendar import to_text
from flipkit.tariffs.offsets import DAY_US, Int64
from flipkit.tariffs.tariff_checks import check_untiered

__all__ = ["SCHEMA", "Contract", "Place", "Priced", "Pricer", "default_market", "put_market"]

SCHEMA = """
CREATE TABLE IF NOT EXISTS market_prices (
    market TEXT PRIMARY KEY,
    timezone TEXT NOT NULL,
    start BLOB NOT NULL,
    "end" BLOB NOT NULL,
    price BLOB NOT NULL
) WITHOUT ROWID;
"""

Gaps = tuple[tuple[int, int], ...]

_FAR_US = 1 << 62
_FORECAST = np.array([0.8, 0.6, 0.4, 0.2])
_STEP_US = 90 * DAY_US


class Place(NamedTuple):
    """A location, as far as prices go."""

    id: str
    setting: Setting


class Contract(NamedTuple):
    """A tariff object, ready to price: between two instants, of a direction and a kind."""

    direction: str
    kind: str
    tariff: Tariff
    from_us: int
    to_us: int


class Priced(NamedTuple):
    """Prices over a window, and the stretches in it that no contract covers (their price is 0 in the series)."""

    series: PriceSeries
    gaps: Gaps

    def check_covers(self, start_us: Int64, end_us: Int64) -> None:
        """Raise 422 ``no_price_data`` where an interval touches a gap; it names the gap."""
        for begin, stop in self.gaps:
            if bool(((start_us < stop) & (end_us > begin)).any()):
                raise Refusal.invalid(f"no price from {to_text(begin)} to {to_text(stop)}", "no_price_data")


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

    def priced(self, db: sqlite3.Connection, place: Place, direction: str, start_us: int, end_us: int) -> Priced:
        """Prices of a location in a direction over [start, end).

        Raises
        ------
        Refusal
            422 ``no_tariff_connected`` where it has no COMMODITY tariff in that direction.
        """
        own = [each for each in self.contracts(db, place) if each.direction == direction]
        commodity, fees = ([each for each in own if each.kind == kind] for kind in ("COMMODITY", "NON_COMMODITY"))
        if not commodity and direction == "LOCAL":
            return Priced(_free(start_us, end_us), ())
        if not commodity:
            raise Refusal.invalid(f"{place.id} has no tariff connected for {direction}", "no_tariff_connected")
        series, gaps = _stitched(commodity, start_us, end_us)
        if fees:
            series = series.plus(_stitched(fees, start_us, end_us)[0])
        known = self._clock.now_us()
        return Priced(_with_confidence(series, known), () if direction == "LOCAL" else gaps)

    def contracts(self, db: sqlite3.Connection, place: Place) -> list[Contract]:
        """The tariffs of a location, oldest first."""
        query = "SELECT body FROM flatpeak_objects WHERE kind = 'tariff' AND parent_id = ? ORDER BY seq"
        return [self.contract(row["body"], place.setting) for row in db.execute(query, (place.id,))]

    def _read_contract(self, body: bytes, setting: Setting) -> Contract:
        source: dict[str, Any] = msgspec.json.decode(body)
        market = self._market(source["market"]) if source.get("market_rates") else None
        tariff = Tariff.from_flatpeak(source, timezone=setting.timezone, currency=setting.currency, market=market)
        check_untiered(tariff)
        if tariff.series is not None:
            start, end = int(tariff.series.start_us[0]), int(tariff.series.end_us[-1])
        else:
            start = -_FAR_US if tariff.valid_from_us is None else tariff.valid_from_us
            end = _FAR_US if tariff.valid_to_us is None else tariff.valid_to_us
        return Contract(source["direction"], source["type"], tariff, start, end)

    def _market(self, name: str) -> PriceSeries:
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


def _stitched(contracts: Sequence[Contract], start_us: int, end_us: int) -> tuple[PriceSeries, Gaps]:
    """The price over the window, contract by contract, and where there is none."""
    edges = {start_us, end_us}
    for each in contracts:
        edges.update(edge for edge in (each.from_us, each.to_us) if start_us < edge < end_us)
    parts, gaps = [], []
    for begin, stop in pairwise(sorted(edges)):
        holding = [each for each in contracts if each.from_us <= begin and stop <= each.to_us]
        if not holding:
            gaps.append((begin, stop))
        parts.append(holding[-1].tariff.prices(begin, stop) if holding else _free(begin, stop))
    if len(parts) == 1:
        return parts[0], tuple(gaps)
    columns = zip(*((part.start_us, part.end_us, part.price_per_kwh) for part in parts), strict=True)
    return PriceSeries(*(np.concatenate(column) for column in columns)), tuple(gaps)


def _free(start_us: int, end_us: int) -> PriceSeries:
    return PriceSeries(np.array([start_us]), np.array([end_us]), np.zeros(1))


def _with_confidence(series: PriceSeries, now_us: int) -> PriceSeries:
    """The same prices, those after now marked as a forecast."""
    first, last = int(series.start_us[0]), int(series.end_us[-1])
    if last <= now_us:
        return series
    steps = now_us + _STEP_US * np.arange(len(_FORECAST))
    starts = np.union1d(series.start_us, steps[(steps > first) & (steps < last)])
    confidence = np.append(1.0, _FORECAST)[np.searchsorted(steps, starts, side="right")]
    holding = np.searchsorted(series.start_us, starts, side="right") - 1
    return PriceSeries(starts, np.append(starts[1:], last), series.price_per_kwh[holding], confidence)
