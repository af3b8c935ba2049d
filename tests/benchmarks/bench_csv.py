"""A CSV of 1,000,000 cost rows: write_csv against DataFrame.to_csv, in both libraries."""

import tempfile
from pathlib import Path

import numpy as np
from timing import report, seconds

from flipkit.frames import write_csv
from flipkit.frames.tables import COSTS

ROWS = 1_000_000


def frames():
    start = np.datetime64("2025-01-01", "us") + np.arange(ROWS) * np.timedelta64(30, "m")
    wh = np.random.default_rng(1).integers(0, 3000, ROWS)
    columns = {
        "object_id": "loc_641b90b758fb8e6293716e40",
        "start_utc": start,
        "end_utc": start + np.timedelta64(30, "m"),
        "tariff_direction": "IMPORT",
        "energy_kwh": wh / 1000,
        "cost": wh * 0.2573 / 1000,
        "currency": "GBP",
        "confidence": np.ones(ROWS),
    }
    return {library: COSTS.build(columns, library, ordered=True) for library in ("pandas", "polars")}


def main():
    made = frames()
    with tempfile.TemporaryDirectory() as folder:
        peer = seconds(lambda: made["pandas"].to_csv(Path(folder) / "peer.csv", index=False), repeat=1)
        for library, frame in made.items():
            own = seconds(lambda frame=frame: write_csv(frame, Path(folder) / "own.csv"), repeat=3)
            report(f"CSV of {ROWS:,} rows from {library}", own, "DataFrame.to_csv", peer, goal=15)


if __name__ == "__main__":
    main()
