"""A CSV of 1,000,000 cost rows: write_csv against DataFrame.to_csv, in both libraries."""

import tempfile
from functools import partial
from pathlib import Path

import numpy as np
from timing import report, seconds

from flipkit.frames import COSTS, write_csv

ROWS, YEAR = 1_000_000, 17_520
RUNS = 3


def frames():
    """57 locations by half-hour over a year."""
    site, slot = np.divmod(np.arange(ROWS), YEAR)
    start = np.datetime64("2025-01-01", "us") + slot * np.timedelta64(30, "m")
    wh = np.random.default_rng(1).integers(0, 3000, ROWS)
    columns = {
        "object_id": np.array([f"loc_{n:024x}" for n in range(site[-1] + 1)], dtype=object)[site],
        "start_utc": start,
        "end_utc": start + np.timedelta64(30, "m"),
        "tariff_direction": "IMPORT",
        "energy_kwh": wh / 1000,
        "cost": wh * 0.2573 / 1000,
        "currency": "GBP",
        "confidence": np.ones(ROWS),
    }
    return {
        library: COSTS.build(columns, library, ordered=True) for library in ("pandas", "polars")
    }


def main():
    """Alternate the writers, so that a busy machine slows all of them."""
    made = frames()
    with tempfile.TemporaryDirectory() as folder:
        ways = {
            name: partial(write_csv, frame, Path(folder) / "own.csv")
            for name, frame in made.items()
        }
        ways["DataFrame.to_csv"] = partial(
            made["pandas"].to_csv, Path(folder) / "peer.csv", index=False
        )
        runs = {name: [] for name in ways}
        for _ in range(RUNS):
            for name, way in ways.items():
                runs[name] += seconds(way, repeat=1)
    for library in made:
        what = f"CSV of {ROWS:,} rows from {library}"
        report(what, runs[library], "DataFrame.to_csv", runs["DataFrame.to_csv"], goal=15)


if __name__ == "__main__":
    main()
