"""A cost report of 100,000 rows from bytes to a frame: flipkit beside ``json_normalize``.

Run it: ``python tests/benchmarks/bench_decode.py``. Both ways alternate, so that a busy machine slows both; the ratio
is that of the medians, the noise half the distance between the quartiles, relative to the median.
"""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import httpx
import numpy as np
import pandas as pd
import polars as pl

from flipkit.flatpeak import Flatpeak

ROWS = 100_000
RUNS = 9
SPAN = ("2020-01-01T00:00:00Z", "2026-01-01T00:00:00Z")


def answer(*, offset: bool, references: bool) -> bytes:
    """A cost report as the API writes it; `offset`: local times, `references`: every row names its record."""
    dice = np.random.default_rng(7)
    start = datetime(2020, 1, 1, tzinfo=UTC)
    zone = "+01:00" if offset else "Z"
    texts = [f"{start + timedelta(minutes=30 * i):%Y-%m-%dT%H:%M:%S}{zone}" for i in range(ROWS + 1)]
    wh, prices = dice.integers(0, 3000, ROWS).tolist(), dice.uniform(0.1, 0.4, ROWS).round(5).tolist()
    rows = [
        {
            "start_time": texts[i],
            "end_time": texts[i + 1],
            "energy": {"value": wh[i]},
            "cost": {"value": wh[i] / 1000 * prices[i], "confidence": 1},
            **({"record_reference_id": f"meter-1-{i:06d}"} if references else {}),
        }
        for i in range(ROWS)
    ]
    head = {"id": "ecs_1", "object": "energy_cost", "account_id": "acc_1", "energy_units": "WH"}
    more = {"currency_code": "GBP", "location_timezone": "Europe/London", "tariff_direction": "IMPORT"}
    return json.dumps({**head, **more, "data": rows}).encode()


def client(body: bytes, library: str) -> Flatpeak:
    """A client whose service answers with `body`, without a network."""
    login = httpx.Response(200, json={"bearer_token": "token", "expires_in": 3600})

    def handle(request: httpx.Request) -> httpx.Response:
        return login if request.url.path == "/login" else httpx.Response(200, content=body)

    return Flatpeak("account", "key", frames=library, transport=httpx.MockTransport(handle))


def with_json_normalize(body: bytes) -> pd.DataFrame:
    """What most people write."""
    frame = pd.json_normalize(json.loads(body)["data"])
    for name in ("start_time", "end_time"):
        frame[name] = pd.to_datetime(frame[name], utc=True)
    return frame


def with_json_normalize_to_polars(body: bytes) -> pl.DataFrame:
    """The same in polars."""
    frame = pl.json_normalize(json.loads(body)["data"])
    return frame.with_columns(pl.col("start_time", "end_time").str.to_datetime(time_zone="UTC"))


def milliseconds(call: Callable[[], object]) -> float:
    """One run."""
    begin = time.perf_counter()
    call()
    return 1000 * (time.perf_counter() - begin)


def noise(times: list[float]) -> float:
    """Half the distance between the quartiles, relative to the median, in per cent."""
    low, middle, high = statistics.quantiles(times, n=4)
    return 50 * (high - low) / middle


def main() -> None:
    """Print the medians and their ratios."""
    print(f"{ROWS:,} rows, median of {RUNS} runs; the ratio is against pandas json_normalize (p) and polars' own (l)")
    for label, options in {
        "Z": {"offset": False, "references": False},
        "Z, with record ids": {"offset": False, "references": True},
        "+01:00": {"offset": True, "references": False},
    }.items():
        body = answer(**options)
        clients = {library: client(body, library) for library in ("pandas", "polars")}
        ways = {f"flipkit to {n}": lambda c=c: c.cost_by_interval("loc_1", *SPAN) for n, c in clients.items()}
        ways |= {
            "json_normalize (p)": lambda body=body: with_json_normalize(body),
            "json_normalize (l)": lambda body=body: with_json_normalize_to_polars(body),
        }
        runs = {name: [] for name in ways}
        for _ in range(RUNS + 1):
            for name, way in ways.items():
                runs[name].append(milliseconds(way))
        runs = {name: times[1:] for name, times in runs.items()}  # the first one pays for imports
        medians = {name: statistics.median(times) for name, times in runs.items()}
        print(f"\ntimes as {label}, {len(body) / 1e6:.1f} MB")
        for name, median in medians.items():
            p, l = (medians[f"json_normalize ({x})"] / median for x in "pl")  # noqa: E741
            print(f"  {name:20} {median:8.1f} ms  noise {noise(runs[name]):4.1f} %   p {p:5.1f}x   l {l:5.1f}x")


if __name__ == "__main__":
    main()
