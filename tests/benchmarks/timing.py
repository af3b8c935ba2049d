"""Shared by the benchmarks: medians, their spread, and one line per ratio."""

import statistics
import time


def seconds(work, *, repeat):
    """Wall times of `repeat` runs."""
    times = []
    for _ in range(repeat):
        begun = time.perf_counter()
        work()
        times.append(time.perf_counter() - begun)
    return times


def report(what, own, peer_name, peer, *, goal):
    """Print both medians, the ratio and the spread of each."""
    ratio = statistics.median(peer) / statistics.median(own)
    print(
        f"{what}: {_text(own)} against {_text(peer)} of {peer_name}: "
        f"{ratio:.1f} times faster (goal {goal})"
    )


def _text(times):
    middle = statistics.median(times) * 1000
    spread = (max(times) - min(times)) / 2 / statistics.median(times) if len(times) > 1 else 0
    return f"{middle:,.1f} ms" + (f" +-{spread:.0%}" if len(times) > 1 else "")
