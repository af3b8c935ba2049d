"""A cost report of 100,000 rows from bytes to a frame: flipkit and json_normalize."""

import json
from datetime import UTC, datetime, timedelta
from functools import partial

import httpx
import numpy as np
import pandas as pd
import polars as pl
from timing import report, seconds

from flipkit.flatpeak import Flatpeak

ROWS = 100_000
RUNS = 9
SPAN = ("2020-01-01T00:00:00Z", "2026-01-01T00:00:00Z")


def answer(*, offset, references):
    """A cost report as the API writes it; `offset`: local times; `references`: one per row."""
    rng = np.random.default_rng(7)
    start = datetime(2020, 1, 1, tzinfo=UTC)
    zone = "+01:00" if offset else "Z"
    texts = [
        f"{start + timedelta(minutes=30 * i):%Y-%m-%dT%H:%M:%S}{zone}" for i in range(ROWS + 1)
    ]
    wh, prices = (
        rng.integers(0, 3000, ROWS).tolist(),
        rng.uniform(0.1, 0.4, ROWS).round(5).tolist(),
    )
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
    more = {
        "currency_code": "GBP",
        "location_timezone": "Europe/London",
        "tariff_direction": "IMPORT",
    }
    return json.dumps({**head, **more, "data": rows}).encode()


def client(body, library):
    """A client whose service answers with `body`, without a network."""
    login = httpx.Response(200, json={"bearer_token": "token", "expires_in": 3600})

    def handle(request):
        return login if request.url.path == "/login" else httpx.Response(200, content=body)

    return Flatpeak("account", "key", frames=library, transport=httpx.MockTransport(handle))


def pandas_json_normalize(body):
    """Decode with `json_normalize`, as most people do."""
    frame = pd.json_normalize(json.loads(body)["data"])
    for name in ("start_time", "end_time"):
        frame[name] = pd.to_datetime(frame[name], utc=True)
    return frame


def polars_json_normalize(body):
    """The same in polars."""
    frame = pl.json_normalize(json.loads(body)["data"])
    return frame.with_columns(pl.col("start_time", "end_time").str.to_datetime(time_zone="UTC"))


PEERS = {"pandas": pandas_json_normalize, "polars": polars_json_normalize}
SHAPES = {
    "Z": {"offset": False, "references": False},
    "Z, with record ids": {"offset": False, "references": True},
    "+01:00": {"offset": True, "references": False},
}


def main():
    """Time three shapes, two libraries and two peers, alternating against other load."""
    for label, options in SHAPES.items():
        body = answer(**options)
        clients = {library: client(body, library) for library in PEERS}
        ways = {
            f"flipkit to {name}": partial(one.cost_by_interval, "loc_1", *SPAN)
            for name, one in clients.items()
        }
        ways |= {peer.__name__: partial(peer, body) for peer in PEERS.values()}
        for way in ways.values():
            way()  # the first one pays for imports
        runs = {name: [] for name in ways}
        for _ in range(RUNS):
            for name, way in ways.items():
                runs[name] += seconds(way, repeat=1)
        for library in PEERS:
            for peer in PEERS.values():
                what = f"{ROWS:,} cost rows ({label}) to {library}"
                report(
                    what, runs[f"flipkit to {library}"], peer.__name__, runs[peer.__name__], goal=7
                )


if __name__ == "__main__":
    main()
