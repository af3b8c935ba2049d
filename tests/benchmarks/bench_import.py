"""`import flipkit`: the time it takes by itself, and what it must not load."""

import statistics
import subprocess
import sys

HEAVY = ("pandas", "polars", "matplotlib", "httpx", "numpy", "flask", "numba")
PROGRAM = (
    "import sys, time; t = time.perf_counter(); import flipkit; "
    f"print(time.perf_counter() - t, *[m for m in {HEAVY!r} if m in sys.modules])"
)


def main():
    command = [sys.executable, "-c", PROGRAM]
    runs = []
    for _ in range(11):
        process = subprocess.run(command, capture_output=True, text=True, check=True)
        runs.append(process.stdout.split())
    times = [float(run[0]) * 1000 for run in runs]
    loaded = sorted({name for run in runs for name in run[1:]})
    print(
        f"import flipkit: {statistics.median(times):.1f} ms "
        f"(from {min(times):.1f} to {max(times):.1f}; goal 40), "
        f"heavy modules loaded: {', '.join(loaded) or 'none'}"
    )


if __name__ == "__main__":
    main()
