"""Work on parts of an array at once, where numpy or compiled code lets go of the interpreter."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import TypeVar

__all__ = ["at_once", "processors", "shares"]

Item = TypeVar("Item")
Result = TypeVar("Result")


def processors() -> int:
    """How many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def shares(count: int) -> list[slice]:
    """`count` rows in as many parts as there are processors."""
    parts = max(1, min(processors(), count))
    edges = [count * number // parts for number in range(parts + 1)]
    return [slice(begin, stop) for begin, stop in pairwise(edges)]


def at_once(work: Callable[[Item], Result], items: Iterable[Item]) -> list[Result]:
    """`work` on every item, in threads; results in the order of the items."""
    given = list(items)
    if len(given) < 2:
        return [work(item) for item in given]
    with ThreadPoolExecutor(min(len(given), processors())) as pool:
        return list(pool.map(work, given))
