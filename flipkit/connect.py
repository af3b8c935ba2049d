"""Environments: which services a piece of work talks to, and with whose keys."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple

from flipkit.errors import ConfigurationError

if TYPE_CHECKING:
    from types import TracebackType

    from flipkit.emulator import Clock, Store
    from flipkit.flatpeak import Flatpeak
    from flipkit.flip import Flip

__all__ = ["Emulation", "Kit", "connect"]

_ENVIRONMENTS = ("emulator", "sandbox", "production")
_ADDRESSES = ("FLIP_BASE_URL", "FLATPEAK_BASE_URL")
_WRONG_KEY = {"sandbox": "sk_live_", "production": "sk_test_"}


class Emulation(NamedTuple):
    """The emulator behind a `Kit`, when it runs in this process.

    Attributes
    ----------
    store : Store
        All it knows; ``store.digest()`` before and after a call proves that the call left no trace.
    clock : Clock
        Its time, which stands still until ``clock.advance(...)``.
    """

    store: Store
    clock: Clock


class Kit(NamedTuple):
    """Both clients of one environment, made by `connect`; usable in a ``with`` block.

    Attributes
    ----------
    flip : Flip
    flatpeak : Flatpeak
    environment : str
        ``emulator``, ``sandbox`` or ``production``.
    frames : str
        ``pandas`` or ``polars``: what the clients and reports return.
    emulator : Emulation or None
        The emulator's store and clock, when it runs in this process.
    """

    flip: Flip
    flatpeak: Flatpeak
    environment: str
    frames: str
    emulator: Emulation | None = None

    def close(self) -> None:
        """Close the connections; an emulator in this process forgets everything."""
        self.flip.close()
        self.flatpeak.close()
        if self.emulator:
            self.emulator.store.close()

    def __enter__(self) -> Kit:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return (
            f"<Kit {self.environment}, frames in {self.frames}: {self.flip!r}, {self.flatpeak!r}>"
        )


def connect(environment: str | None = None, *, frames: str = "pandas") -> Kit:
    """Both clients of an environment.

    Parameters
    ----------
    environment : {'emulator', 'sandbox', 'production'}, optional
        ``FLIPKIT_ENVIRONMENT`` by default, and ``emulator`` where that is not set.

        * ``emulator``: both APIs in this process, with the sample fleet; each call makes a new one. It needs no key
          and no network, and sends no key of yours. With ``FLIP_BASE_URL`` and ``FLATPEAK_BASE_URL`` both set to an
          address of this machine, the emulator that runs there (``flipkit emulator``) is used instead.
        * ``sandbox``: Flip's sandbox, and Flatpeak with a test key (``sk_test_...``).
        * ``production``: Flip, and Flatpeak with a live key (``sk_live_...``).

        The last two take ``FLIP_API_KEY``, ``FLATPEAK_ACCOUNT_ID`` and ``FLATPEAK_API_KEY`` from the environment or
        the system's key store, and ``FLIP_BASE_URL`` and ``FLATPEAK_BASE_URL`` as other addresses.
    frames : {'pandas', 'polars'}
        What the clients and reports return.

    Returns
    -------
    Kit

    Raises
    ------
    ConfigurationError
        No such environment; a key is missing, or is one of the other environment; the emulator's address is set for
        one client only, or is not on this machine.

    Examples
    --------
    >>> import flipkit as fk
    >>> kit = fk.connect()
    >>> sites = kit.flip.sites()
    """
    name = environment or os.environ.get("FLIPKIT_ENVIRONMENT") or "emulator"
    if name not in _ENVIRONMENTS:
        raise ConfigurationError(
            f"environment {name!r} does not exist; choose one of {', '.join(_ENVIRONMENTS)}"
        )
    if name != "emulator":
        return _real(name, frames)
    return _on_loopback(frames) if any(map(os.environ.get, _ADDRESSES)) else _in_process(frames)


def _real(environment: str, frames: str) -> Kit:
    from flipkit.flatpeak import Flatpeak
    from flipkit.flip import Flip
    from flipkit.http import find_secret

    if find_secret("FLATPEAK_API_KEY").reveal().startswith(_WRONG_KEY[environment]):
        raise ConfigurationError(
            f"FLATPEAK_API_KEY begins with {_WRONG_KEY[environment]}, which is not a key for {environment}; "
            "set the key of that environment, or connect to the other one"
        )
    return Kit(
        Flip(environment=environment, frames=frames), Flatpeak(frames=frames), environment, frames
    )


def _on_loopback(frames: str) -> Kit:
    from flipkit.flatpeak import Flatpeak
    from flipkit.flip import Flip

    flip_url, flatpeak_url = (_local_address(name) for name in _ADDRESSES)
    flip = Flip("emulator", environment="emulator", base_url=flip_url, frames=frames)
    flatpeak = Flatpeak("acc_emulator", "sk_test_emulator", base_url=flatpeak_url, frames=frames)
    return Kit(flip, flatpeak, "emulator", frames)


def _local_address(name: str) -> str:
    from flipkit.http import parts_of

    address = os.environ.get(name)
    if not address:
        raise ConfigurationError(
            f"{name} is not set, but the other of {' and '.join(_ADDRESSES)} is: for an emulator that runs elsewhere "
            "on this machine set both; for one in this process set neither"
        )
    if parts_of(address).hostname not in {"127.0.0.1", "localhost", "::1"}:
        raise ConfigurationError(
            f"{name} is not an address of this machine, and the environment is the emulator; "
            "unset it, or connect to 'sandbox' or 'production'"
        )
    return address


def _in_process(frames: str) -> Kit:
    from flipkit.emulator import Clock, create_app, open_store
    from flipkit.flatpeak import Flatpeak
    from flipkit.flip import Flip
    from flipkit.http import in_process

    clock = Clock()
    store = open_store(None, sample=True)
    transport = in_process(create_app(store, clock))
    url = "http://localhost"
    flip = Flip(
        "emulator", environment="emulator", base_url=url, frames=frames, transport=transport
    )
    flatpeak = Flatpeak(
        "acc_emulator", "sk_test_emulator", base_url=url, frames=frames, transport=transport
    )
    return Kit(flip, flatpeak, "emulator", frames, Emulation(store, clock))
