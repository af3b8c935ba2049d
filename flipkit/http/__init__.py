"""HTTP: the only room that imports httpx."""

from flipkit.http.address import joined, parts_of
from flipkit.http.answers import Answer, ErrorBody
from flipkit.http.credentials import BearerKey, Credential, Token
from flipkit.http.fanout import WORKERS, map_concurrent
from flipkit.http.policy import RetryPolicy, Timeouts, Timing
from flipkit.http.secret import Secret, find_secret
from flipkit.http.session import Session
from flipkit.http.transports import Transport, in_process

__all__ = [
    "WORKERS",
    "Answer",
    "BearerKey",
    "Credential",
    "ErrorBody",
    "RetryPolicy",
    "Secret",
    "Session",
    "Timeouts",
    "Timing",
    "Token",
    "Transport",
    "find_secret",
    "in_process",
    "joined",
    "map_concurrent",
    "parts_of",
]
