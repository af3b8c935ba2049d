"""Environments: which services to talk to, and with which keys."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Generic, Literal, NamedTuple, Self, TypeVar, overload

from flipkit.errors import ConfigurationError

if TYPE_CHECKING:
    from types import TracebackType

    import pandas as pd
    import polars as pl

    from flipkit.emulator import Clock, Store
    from flipkit.flatpeak import Flatpeak
    from flipkit.flip import Flip
    from flipkit.frames import FrameLibrary, FrameType
    from flipkit.http import Transport

else:
    FrameType = TypeVar("FrameType")  # frames would load numpy

__all__ = ["ENVIRONMENTS", "Emulation", "Environment", "Kit", "connect"]

Environment = Literal["emulator", "sandbox", "production"]
ENVIRONMENTS: tuple[Environment, ...] = ("emulator", "sandbox", "production")

_ADDRESSES = ("FLIP_BASE_URL", "FLATPEAK_BASE_URL")
_LOOPBACK = {"127.0.0.1", "localhost", "::1"}
_WRONG_KEY = {"sandbox": "sk_live_", "production": "sk_test_"}


class Emulation(NamedTuple):
    """The emulator behind a `Kit`, if it runs in this process.

    Attributes
    ----------
    store : Store
        Its data. ``store.digest()`` before and after a call shows that the call stored nothing.
    clock : Clock
        Its time, which stands still until ``clock.advance(...)``.
    """

    store: Store
    clock: Clock


class Kit(NamedTuple, Generic[FrameType]):
    """Both clients of one environment, made by `connect`; use it in a ``with`` block.

    Attributes
    ----------
    flip : Flip
    flatpeak : Flatpeak
    environment : {"emulator", "sandbox", "production"}
    frames : {"pandas", "polars"}
        What the clients and reports return.
    emulator : Emulation or None
        The emulator's store and clock, if it runs in this process.
    """

    flip: Flip[FrameType]
    flatpeak: Flatpeak[FrameType]
    environment: str
    frames: FrameLibrary
    emulator: Emulation | None = None

    def close(self) -> None:
        """Close the connections; an emulator in this process loses its data."""
        self.flip.close()
        self.flatpeak.close()
        if self.emulator:
            self.emulator.store.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        clients = f"{self.flip!r}, {self.flatpeak!r}"
        return f"<Kit {self.environment}, frames in {self.frames}: {clients}>"

    def __dir__(self) -> list[str]:
        return ["close", *self._fields]


@overload
def connect(
    environment: Environment | None = None, *, frames: Literal["pandas"] = "pandas"
) -> Kit[pd.DataFrame]: ...


@overload
def connect(
    environment: Environment | None = None, *, frames: Literal["polars"]
) -> Kit[pl.DataFrame]: ...


def connect(environment: Environment | None = None, *, frames: FrameLibrary = "pandas") -> Kit[Any]:
    """Connect to both services of an environment.

    Parameters
    ----------
    environment : {"emulator", "sandbox", "production"}, optional
        Default: the variable ``FLIPKIT_ENVIRONMENT``, or else ``"emulator"``.

        * ``"emulator"``: both APIs in this process, with the sample fleet; each call makes a new
          one. It needs no key and no network, and never sends a key of yours. If
          ``FLIP_BASE_URL`` and ``FLATPEAK_BASE_URL`` are both set to an address of this machine,
          the emulator that runs there (``flipkit emulator``) is used instead.
        * ``"sandbox"``: Flip's sandbox, and Flatpeak with a test key (``sk_test_...``).
        * ``"production"``: Flip, and Flatpeak with a live key (``sk_live_...``).

        The last two read ``FLIP_API_KEY``, ``FLATPEAK_ACCOUNT_ID`` and ``FLATPEAK_API_KEY`` from
        the environment or the system's key store. ``FLIP_BASE_URL`` and ``FLATPEAK_BASE_URL``
        override the addresses.
    frames : {"pandas", "polars"}
        What the clients and reports return.

    Returns
    -------
    Kit

    Raises
    ------
    ConfigurationError
        An unknown environment; a missing key, or one of the other environment; the emulator's
        address set for one client only, or not on this machine.

    Examples
    --------
    >>> import flipkit as fk
    >>> kit = fk.connect()
    >>> sites = kit.flip.sites()
    """
    name = environment or os.environ.get("FLIPKIT_ENVIRONMENT") or "emulator"
    if name not in ENVIRONMENTS:
        raise ConfigurationError(
            f"environment {name!r} does not exist; choose one of {', '.join(ENVIRONMENTS)}"
        )
    if name != "emulator":
        return _connect_services(name, frames)
    if any(os.environ.get(variable) for variable in _ADDRESSES):
        return _connect_loopback(frames)
    return _emulate(frames)


def _connect_services(environment: str, frames: FrameLibrary) -> Kit:
    from flipkit.flatpeak import Flatpeak
    from flipkit.flip import Flip
    from flipkit.http import find_secret

    wrong = _WRONG_KEY[environment]
    if find_secret("FLATPEAK_API_KEY").reveal().startswith(wrong):
        raise ConfigurationError(
            f"FLATPEAK_API_KEY begins with {wrong}, which is not a key for {environment}; "
            "set the key of that environment, or connect to the other one"
        )
    return Kit(
        flip=Flip(environment=environment, frames=frames),
        flatpeak=Flatpeak(frames=frames),
        environment=environment,
        frames=frames,
    )


def _connect_loopback(frames: FrameLibrary) -> Kit:
    flip_url, flatpeak_url = (_loopback_address(variable) for variable in _ADDRESSES)
    return _emulator_kit(flip_url, flatpeak_url, frames)


def _loopback_address(variable: str) -> str:
    from flipkit.http import parts_of

    address = os.environ.get(variable)
    if not address:
        raise ConfigurationError(
            f"{variable} is not set, but the other one of {' and '.join(_ADDRESSES)} is; for an "
            "emulator that runs elsewhere on this machine set both, for one in this process neither"
        )
    if parts_of(address).hostname not in _LOOPBACK:
        raise ConfigurationError(
            f"{variable} is not an address of this machine, and the environment is the emulator; "
            "unset it, or connect to 'sandbox' or 'production'"
        )
    return address


def _emulate(frames: FrameLibrary) -> Kit:
    from flipkit.emulator import Clock, create_app, open_store
    from flipkit.http import in_process

    clock = Clock()
    store = open_store(None, sample=True)
    transport = in_process(create_app(store, clock))
    url = "http://localhost"
    kit = _emulator_kit(url, url, frames, transport)
    return kit._replace(emulator=Emulation(store, clock))


def _emulator_kit(
    flip_url: str, flatpeak_url: str, frames: FrameLibrary, transport: Transport | None = None
) -> Kit:
    from flipkit.flatpeak import Flatpeak
    from flipkit.flip import Flip

    flip = Flip(
        "emulator",
        environment="emulator",
        base_url=flip_url,
        frames=frames,
        transport=transport,
    )
    flatpeak = Flatpeak(
        "acc_emulator",
        "sk_test_emulator",
        base_url=flatpeak_url,
        frames=frames,
        transport=transport,
    )
    return Kit(flip=flip, flatpeak=flatpeak, environment="emulator", frames=frames)
