"""200 cost reports from an emulator with 200 ms latency, against 200 x 200 ms / 16."""

import statistics

from timing import seconds

import flipkit as fk

CALLS, DELAY_S, WORKERS = 200, 0.2, 16


def main():
    with fk.emulator.start(delay_s=DELAY_S) as emulator:
        for library in ("pandas", "polars"):
            client = fk.Flatpeak(
                "acc_emulator", "sk_test_emulator", base_url=emulator.url, frames=library
            )
            ids = sorted(client.locations()["location_id"])
            many = [ids[n % len(ids)] for n in range(CALLS)]
            window = ("2025-06-01T00:00:00Z", "2025-07-01T00:00:00Z")

            def ask(client=client, many=many, window=window):
                for frame in fan_out(client, many, window):
                    assert len(frame)

            own = seconds(ask, repeat=3)
            floor = CALLS * DELAY_S / WORKERS
            print(
                f"{CALLS} cost reports ({library}), {DELAY_S * 1000:.0f} ms each: "
                f"{statistics.median(own):.2f} s (from {min(own):.2f} to {max(own):.2f}) "
                f"against {floor:.2f} s: "
                f"{statistics.median(own) / floor:.2f} times (goal 1.5)"
            )


def fan_out(client, ids, window):
    from flipkit.http import map_concurrent

    return map_concurrent(lambda key: client.cost_by_interval(key, *window, aggregation="DAY"), ids)


if __name__ == "__main__":
    main()
