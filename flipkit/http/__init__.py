"""HTTP: the only room that imports httpx."""

from flipkit.http.answers import Answer, Complaint
from flipkit.http.credentials import BearerKey, Credential, Token
from flipkit.http.fanout import side_by_side
from flipkit.http.policy import Pace, RetryPolicy, Timeouts
from flipkit.http.secret import Secret, find_secret
from flipkit.http.session import Session
from flipkit.http.transports import Transport, in_process

__all__ = [
    "Answer",
    "BearerKey",
    "Complaint",
    "Credential",
    "Pace",
    "RetryPolicy",
    "Secret",
    "Session",
    "Timeouts",
    "Token",
    "Transport",
    "find_secret",
    "in_process",
    "side_by_side",
]
