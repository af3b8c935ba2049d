"""Keys and tokens: text that is never shown, where keys are looked up, how tokens are renewed."""

from __future__ import annotations

import hmac
import os
import threading
from collections.abc import Callable
from typing import NoReturn, Protocol

from flipkit.errors import ConfigurationError
from flipkit.http.retry import Timing

__all__ = ["BearerKey", "Credential", "Secret", "Token", "find_secret"]

_KEYRING_SERVICE = "flipkit"
_RENEW_AFTER = 0.8  # of a token's lifetime, so that no request is sent with one about to expire


class Secret:
    """Text that is masked in repr, str, format, vars, pickles and tracebacks that print values.

    Parameters
    ----------
    text : str
        The secret; `reveal` returns it to the one place that sends it.
    """

    __slots__ = ("__text",)

    def __init__(self, text: str) -> None:
        self.__text = text

    def reveal(self) -> str:
        """Return the text; call this only where it is sent to the service."""
        return self.__text

    def __repr__(self) -> str:
        return "Secret('***')"

    def __str__(self) -> str:
        return "***"

    def __format__(self, spec: str) -> str:
        return "***"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return False
        return hmac.compare_digest(self.__text.encode(), other.reveal().encode())

    def __hash__(self) -> int:
        return hash(Secret)

    def __reduce__(self) -> NoReturn:
        raise TypeError("a Secret cannot be pickled; look it up again where it is needed")


def find_secret(name: str, given: str | None = None) -> Secret:
    """Look up a key: the argument, then the environment, then the system's keyring.

    Parameters
    ----------
    name : str
        Name of the environment variable, and user name in the keyring (service ``flipkit``).
    given : str, optional
        The caller's argument.

    Returns
    -------
    Secret
        Without surrounding whitespace.

    Raises
    ------
    ConfigurationError
        Not found, or not usable in a header; the message names the variable, never the value.
    """
    text = given
    if text is None:
        text = os.environ.get(name, "").strip() or _from_keyring(name)
    if text is None:
        raise ConfigurationError(
            f"{name} is missing; pass it as an argument, set the environment variable {name}, "
            f"or store it with `keyring set {_KEYRING_SERVICE} {name}` (extra: keyring)"
        )
    text = text.strip() if isinstance(text, str) else ""
    # httpx would refuse such a header too, but its message would show the key.
    if not text or not text.isascii() or not text.isprintable() or " " in text:
        del text, given  # a traceback that prints variables would show them
        raise ConfigurationError(
            f"{name} is not a valid key; it must be non-empty ASCII text without spaces"
        )
    return Secret(text)


def _from_keyring(name: str) -> str | None:
    """Return what the keyring holds; None without the package, a back end or an entry."""
    try:
        import keyring  # an optional dependency, and slow to import
        import keyring.errors
    except ImportError:
        return None
    try:
        found: str | None = keyring.get_password(_KEYRING_SERVICE, name)
    except keyring.errors.KeyringError:
        return None
    return found


class Credential(Protocol):
    """Gives a session the bearer of each request."""

    def secret(self) -> Secret:
        """Return the bearer to send."""

    def renew(self, refused: Secret) -> bool:
        """Replace a bearer that the service refused; return False if there is no other one."""


class BearerKey:
    """A key that never changes."""

    def __init__(self, key: Secret) -> None:
        self._key = key

    def secret(self) -> Secret:
        """Return the key."""
        return self._key

    def renew(self, refused: Secret) -> bool:
        """Return False: there is no other key."""
        return False


class Token:
    """A bearer token with a lifetime, shared by threads; one of them fetches it for all.

    Parameters
    ----------
    fetch : callable
        Returns the token and its lifetime in seconds.
    pace : Timing
        The clock.
    """

    def __init__(self, fetch: Callable[[], tuple[Secret, float]], pace: Timing) -> None:
        self._fetch = fetch
        self._pace = pace
        self._lock = threading.Lock()
        self._token: Secret | None = None
        self._renew_at = 0.0

    def secret(self) -> Secret:
        """Return a token that is still valid; log in if there is none."""
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
        self._token, lifetime_s = self._fetch()
        self._renew_at = self._pace.now() + _RENEW_AFTER * lifetime_s
