"""HTTP: the only room that imports httpx.

``session.py`` sends requests and handles every answer; ``retry.py`` holds what it waits for: the
policy for repeats, the throttle after a 429, and the budget of retries.
"""

from flipkit.http.address import Transport, in_process, joined, parts_of
from flipkit.http.answers import Answer, Decoder, ErrorBody
from flipkit.http.credentials import BearerKey, Secret, Token, find_secret
from flipkit.http.fanout import WORKERS, map_concurrent, shows_progress
from flipkit.http.retry import RetryPolicy, Timing
from flipkit.http.session import Session

__all__ = [
    "WORKERS",
    "Answer",
    "BearerKey",
    "Decoder",
    "ErrorBody",
    "RetryPolicy",
    "Secret",
    "Session",
    "Timing",
    "Token",
    "Transport",
    "find_secret",
    "in_process",
    "joined",
    "map_concurrent",
    "parts_of",
    "shows_progress",
]
