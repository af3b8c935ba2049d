"""A key that prints masked everywhere, and where it is looked for."""

from __future__ import annotations

import hmac
import os
from typing import NoReturn

from flipkit.errors import ConfigurationError

__all__ = ["Secret", "find_secret"]

_SERVICE = "flipkit"  # under which the system's key store keeps the keys


class Secret:
    """Text that never shows itself: not in repr, str, format, vars, pickles or tracebacks that print values.

    Parameters
    ----------
    text : str
        The secret; `reveal` gives it back to the one place that sends it.
    """

    __slots__ = ("__text",)

    def __init__(self, text: str) -> None:
        self.__text = text

    def reveal(self) -> str:
        """The text itself; call it only where it leaves for the service."""
        return self.__text

    def __repr__(self) -> str:
        return "Secret('***')"

    def __str__(self) -> str:
        return "***"

    def __format__(self, spec: str) -> str:
        return "***"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and hmac.compare_digest(
            self.__text.encode(), other.reveal().encode()
        )

    def __hash__(self) -> int:
        return hash(Secret)

    def __reduce__(self) -> NoReturn:
        raise TypeError("a secret is not written to a pickle; read it again where it is needed")


def find_secret(name: str, given: str | None = None) -> Secret:
    """The credential called `name`: as given, else from the environment, else from the system's key store.

    Parameters
    ----------
    name : str
        Of the environment variable, and of the user under which ``keyring`` (where installed) keeps it for the
        service ``flipkit``.
    given : str, optional
        What the caller handed in.

    Returns
    -------
    Secret
        Without blanks around it.

    Raises
    ------
    ConfigurationError
        It is nowhere, or cannot be sent in a header; the text names the variable and never shows the value.
    """
    text = given if given is not None else os.environ.get(name, "").strip() or _from_keyring(name)
    if text is None:
        raise ConfigurationError(
            f"{name} is missing: hand it in, set the environment variable {name}, "
            f"or store it with `keyring set {_SERVICE} {name}` (extra: keyring)"
        )
    text = text.strip() if isinstance(text, str) else ""
    if (
        not text or not (text.isascii() and text.isprintable()) or " " in text
    ):  # httpx would show it when it refuses
        del text, given  # a traceback with the values of variables would show them
        raise ConfigurationError(
            f"{name} cannot be a key: it must be plain ASCII text without blanks, and not empty"
        )
    return Secret(text)


def _from_keyring(name: str) -> str | None:
    """What the system's key store holds; None without ``keyring``, without a store, or without an entry."""
    try:
        import keyring  # an extra, and slow to load: only when there is no other place left
        import keyring.errors
    except ImportError:
        return None
    try:
        found: str | None = keyring.get_password(_SERVICE, name)
    except keyring.errors.KeyringError:
        return None
    return found
