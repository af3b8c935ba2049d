"""The emulator on this machine's loopback address, for curl and other programs."""

from __future__ import annotations

import errno
import logging
import signal
import socket
import threading
import time
from contextlib import ExitStack
from pathlib import Path
from types import FrameType, TracebackType
from typing import Any

from waitress.server import BaseWSGIServer, create_server
from waitress.wasyncore import close_all, loop

from flipkit.emulator.app import create_app
from flipkit.emulator.clock import Clock
from flipkit.emulator.faults import FaultPlan, Limiter
from flipkit.emulator.sample import open_store
from flipkit.emulator.store import Store
from flipkit.errors import ConfigurationError

__all__ = ["RunningEmulator", "serve", "start"]

_HOST = "127.0.0.1"  # never another one: the emulator accepts every key
_THREADS = 32  # above the 16 calls that a client keeps in flight, so that delays do not queue
_PATIENCE_S = 2.0  # for clients that do not read their answer while the server stops


class RunningEmulator:
    """An emulator that listens until it is stopped; made by `start`, usable in a ``with`` block.

    Attributes
    ----------
    url : str
        ``http://127.0.0.1:<port>``, for ``FLIP_BASE_URL`` and ``FLATPEAK_BASE_URL``.
    store : Store
    clock : Clock
    """

    def __init__(self, server: BaseWSGIServer, store: Store, clock: Clock) -> None:
        self.url = f"http://{_HOST}:{server.effective_port}"
        self.store = store
        self.clock = clock
        self._server = server
        self._stopped = False
        self._loop_ended = False
        self._thread = threading.Thread(target=self._run, name="flipkit-emulator", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Finish the requests in progress, then close the port and the store."""
        if self._stopped:
            return
        self._stopped = True
        server = self._server
        server.task_dispatcher.shutdown()
        # While the server's thread runs, only that thread may touch its sockets: the trigger
        # wakes it up and makes it call what it is given.
        server.trigger.pull_trigger(self._close_when_flushed)
        deadline = time.monotonic() + _PATIENCE_S
        while server.active_channels and time.monotonic() < deadline:
            time.sleep(0.005)
        self._loop_ended = True
        server.trigger.pull_trigger()
        self._thread.join()
        close_all(server._map)
        self.store.close()

    def _run(self) -> None:
        while not self._loop_ended:
            loop(timeout=1.0, map=self._server._map, count=1)

    def _close_when_flushed(self) -> None:
        for channel in self._server.active_channels.values():
            channel.close_when_flushed = True

    def __enter__(self) -> RunningEmulator:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def __repr__(self) -> str:
        state = f"set FLIP_BASE_URL={self.url} and FLATPEAK_BASE_URL={self.url}"
        if self._stopped:
            state = "stopped"
        return f"<emulator at {self.url}; {state}>"


def start(
    port: int = 0,
    *,
    path: str | Path | None = None,
    sample: bool = True,
    faults: FaultPlan | None = None,
    limiter: Limiter | None = None,
    delay_s: float = 0.0,
) -> RunningEmulator:
    """Start the emulator in the background.

    Parameters
    ----------
    port : int
        0 takes a free one.
    path : path-like, optional
        A file that keeps the data; in memory by default.
    sample : bool
        Write the sample fleet to the store if it is empty.
    faults : FaultPlan, optional
    limiter : Limiter, optional
    delay_s : float
        As for `create_app`.

    Returns
    -------
    RunningEmulator
        Listens on 127.0.0.1 only.

    Raises
    ------
    ConfigurationError
        The port is taken or not allowed, or the file is not one of an emulator.

    Examples
    --------
    >>> import flipkit as fk
    >>> with fk.emulator.start() as emulator:
    ...     flip = fk.Flip("any-key", base_url=emulator.url)
    """
    clock = Clock()
    with ExitStack() as cleanup:
        listener = cleanup.enter_context(_listener(port))  # first: a taken port creates no file
        store = open_store(path, sample=sample)
        cleanup.callback(store.close)
        app = create_app(store, clock, faults=faults, limiter=limiter, delay_s=delay_s)
        running = RunningEmulator(_server(app, listener), store, clock)
        cleanup.pop_all()
    return running


def _server(app: Any, listener: socket.socket) -> BaseWSGIServer:
    # waitress warns about full queues and truncated answers; both are intended here.
    for name in ("waitress", "waitress.queue"):
        logging.getLogger(name).setLevel(logging.ERROR)
    # Without logging of socket errors, a ConnectionResetError of the application closes the
    # connection without a byte.
    return create_server(app, sockets=[listener], threads=_THREADS, log_socket_errors=False)


def _listener(port: int) -> socket.socket:
    listener = socket.socket()
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((_HOST, port))
        listener.listen()
    except (OSError, OverflowError) as error:
        listener.close()
        raise ConfigurationError(f"port {port} on {_HOST}: {_reason(error)}") from error
    return listener


def _reason(error: Exception) -> str:
    number = getattr(error, "errno", None)
    if number == errno.EADDRINUSE:
        return "another program listens there; stop it, or choose another port (0 takes a free one)"
    if number == errno.EACCES:
        return "not allowed; choose a port from 1024 to 65535 (0 takes a free one)"
    return f"{error}; choose a port from 1024 to 65535 (0 takes a free one)"


def serve(
    port: int = 8080,
    *,
    path: str | Path | None = None,
    sample: bool = True,
    faults: FaultPlan | None = None,
    limiter: Limiter | None = None,
    delay_s: float = 0.0,
) -> None:
    """Run the emulator until Ctrl-C or a SIGTERM; print its address and what to set.

    Parameters
    ----------
    port, path, sample, faults, limiter, delay_s
        As for `start`.

    Raises
    ------
    ConfigurationError
        As for `start`.
    """
    ended = threading.Event()

    def end(_signal: int, _frame: FrameType | None) -> None:
        ended.set()

    with start(
        port, path=path, sample=sample, faults=faults, limiter=limiter, delay_s=delay_s
    ) as emulator:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, end)
        print(_greeting(emulator, path), flush=True)
        ended.wait()
    print("The emulator has stopped.", flush=True)


def _greeting(emulator: RunningEmulator, path: str | Path | None) -> str:
    url = emulator.url
    storage = f"data is kept in {path}" if path else "data is in memory and lost when it stops"
    return "\n".join(
        [
            f"The emulator of both APIs listens on {url} (this machine only; {storage}).",
            "It accepts any bearer key. To use it from flipkit in another terminal or notebook:",
            f"  export FLIP_BASE_URL={url} FLATPEAK_BASE_URL={url}",
            f"Try: curl -H 'Authorization: Bearer any-key' {url}/v1/sites",
            "Press Ctrl-C to stop it.",
        ]
    )
