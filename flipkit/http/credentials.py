"""What opens a service: a fixed key, or a token that is fetched and renewed."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Protocol

from flipkit.http.policy import Timing
from flipkit.http.secret import Secret

__all__ = ["BearerKey", "Credential", "Token"]

_RENEW_AT = 0.8  # of a token's life, so that no request leaves with one that is about to end


class Credential(Protocol):
    """What a session asks for with every request."""

    def secret(self) -> Secret:
        """What to send as the bearer."""

    def renew(self, refused: Secret) -> bool:
        """Replace a bearer that the service refused; False when there is no other."""


class BearerKey:
    """A key that never changes."""

    def __init__(self, key: Secret) -> None:
        self._key = key

    def secret(self) -> Secret:
        """The key."""
        return self._key

    def renew(self, refused: Secret) -> bool:
        """There is no other."""
        return False


class Token:
    """A bearer token with a life, fetched once by whichever thread comes first.

    Parameters
    ----------
    fetch : callable
        Returns the token and its life in seconds.
    pace : Timing
        The clock.
    """

    def __init__(self, fetch: Callable[[], tuple[Secret, float]], pace: Timing) -> None:
        self._fetch, self._pace, self._lock = fetch, pace, threading.Lock()
        self._token: Secret | None = None
        self._renew_at = 0.0

    def secret(self) -> Secret:
        """A token with life left."""
        with self._lock:
            if self._token is None or self._pace.now() >= self._renew_at:
                self._refresh()
            assert self._token is not None
            return self._token

    def renew(self, refused: Secret) -> bool:
        """Log in again, unless another thread has done so since `refused` was sent."""
        with self._lock:
            if self._token == refused:
                self._refresh()
            return True

    def _refresh(self) -> None:
        self._token, life = self._fetch()
        self._renew_at = self._pace.now() + _RENEW_AT * life
