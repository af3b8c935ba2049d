"""The service's answers in a file that stays usable after a crash at any moment.

One JSON value per line: a header; then for each site and scenario a section line with the number of
its records and a hash of all of them, followed by one array per answer: number of the record, hash
of the record, cost. The file holds no secrets: the service's address, hashes and costs.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator, Sequence
from hashlib import blake2b
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self

import msgspec

from flipkit.errors import InputError

__all__ = ["Journal", "key_of"]

_FORMAT = "flipkit instant costs, 1"
_ANSWERS_PER_FSYNC = 256  # a crash loses none of them, a power cut at most so many


class _Section(msgspec.Struct, forbid_unknown_fields=True):
    site_id: str
    scenario: str
    records: int
    hash: str


class _Answer(NamedTuple):
    number: int
    key: str
    cost: float


_SECTION: msgspec.json.Decoder[_Section] = msgspec.json.Decoder(_Section)
_ANSWER: msgspec.json.Decoder[_Answer] = msgspec.json.Decoder(_Answer)


def key_of(*parts: object) -> str:
    """Return the hash that identifies a record."""
    text = "|".join(map(str, parts))
    return blake2b(text.encode(), digest_size=8).hexdigest()


class Journal:
    """Answers of the service, written as they arrive; usable in a ``with`` block.

    Parameters
    ----------
    path : path-like
        Created if missing; otherwise continued, without the incomplete last line of a crash.
    service : str
        Address and version of the service.

    Raises
    ------
    InputError
        The file is something else, is for another service, or is written by another run.
    """

    def __init__(self, path: str | os.PathLike[str], service: str) -> None:
        self.path = Path(path)
        self._lock = threading.Lock()
        self._unsynced = 0
        flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | getattr(os, "O_BINARY", 0)
        try:
            self._file = os.open(self.path, flags, 0o666)
        except OSError as error:
            reason = error.strerror or error
            raise InputError(
                f"journal {self.path}: {reason}; name a file in an existing folder"
            ) from None
        try:
            self._begin(service)
        except BaseException:
            os.close(self._file)
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Flush to disk and release the file."""
        with self._lock:
            self._lines.close()
            os.fsync(self._file)
            os.close(self._file)

    def section(self, site_id: str, scenario: str, keys: Sequence[str]) -> dict[int, float]:
        """Begin the next site and scenario.

        Parameters
        ----------
        site_id, scenario : str
        keys : sequence of str
            Of all its records, in order; see `key_of`.

        Returns
        -------
        dict of int to float
            The known costs by position in `keys`.

        Raises
        ------
        InputError
            The journal is for another simulation, or damaged.
        """
        expected = _Section(site_id, scenario, len(keys), key_of(*keys))
        line = self._next_line()
        if line is None:
            self._append(expected)
            return {}
        found = self._decoded(_SECTION, line)
        if found != expected:
            raise self._other_simulation(found, expected)
        return self._known_costs(keys)

    def put(self, number: int, key: str, cost: float) -> None:
        """Write an answer of the current section; it is in the file when this returns."""
        with self._lock:
            self._append(_Answer(number, key, cost))
            self._unsynced += 1
            if self._unsynced >= _ANSWERS_PER_FSYNC:
                self._unsynced = 0
                os.fsync(self._file)

    def _begin(self, service: str) -> None:
        if not _lock(self._file):
            raise InputError(
                f"journal {self.path}: another run writes to it; wait until it has ended, or name"
                " another file"
            )
        header = msgspec.json.encode({"journal": _FORMAT, "service": service}) + b"\n"
        with self.path.open("rb") as file:
            first_line = file.readline()
        is_incomplete = not first_line.endswith(b"\n") and header.startswith(first_line)
        if is_incomplete:  # a new file, or a crash while the header was written
            os.ftruncate(self._file, 0)
            os.write(self._file, header)
        elif first_line != header:
            raise self._wrong_header(first_line, service)
        # A crash may have left a part of the last line.
        self._end = _end_of_whole_lines(self.path)
        os.ftruncate(self._file, self._end)
        self._lines = self.path.open("rb")
        self._lines.readline()
        self._line_number = 1
        self._pending = b""  # a section line that was read while answers were expected

    def _wrong_header(self, first_line: bytes, service: str) -> InputError:
        other_service = None
        try:
            header = msgspec.json.decode(first_line)
            if header["journal"] == _FORMAT:
                other_service = header["service"]
        except (msgspec.DecodeError, KeyError, TypeError):
            pass  # not a journal, which the error says
        if other_service is None:
            return InputError(f"journal {self.path}: the file is not a journal; name another one")
        return InputError(
            f"journal {self.path}: it holds answers of {other_service}, not of {service}; connect"
            " to that service, or name another file"
        )

    def _other_simulation(self, found: _Section, expected: _Section) -> InputError:
        found_pair = f"site {found.site_id}, scenario {found.scenario!r}"
        expected_pair = f"site {expected.site_id}, scenario {expected.scenario!r}"
        if found_pair == expected_pair:
            difference = f"other energy for {found_pair}"
        else:
            difference = f"{found_pair} instead of {expected_pair}"
        return InputError(
            f"journal {self.path}, line {self._line_number}: it is for another simulation, with"
            f" {difference}; use that simulation's energy and scenarios, or name another file"
        )

    def _known_costs(self, keys: Sequence[str]) -> dict[int, float]:
        """The answers up to the next section; all of them if there is one."""
        costs: dict[int, float] = {}
        for line in self._answer_lines():
            answer = self._decoded(_ANSWER, line)
            is_known = 0 <= answer.number < len(keys) and keys[answer.number] == answer.key
            if not is_known:
                raise self._damaged(f"record {answer.number} does not belong to the section")
            costs[answer.number] = answer.cost
        missing = len(keys) - len(costs)
        if self._pending and missing:
            raise self._damaged(f"{missing:,} answers before it are missing")
        return costs

    def _answer_lines(self) -> Iterator[bytes]:
        while line := self._next_line():
            if not line.startswith(b"["):
                self._pending = line
                return
            yield line

    def _next_line(self) -> bytes | None:
        """The next line from before this run; None after the last one."""
        line, self._pending = self._pending, b""
        if not line and self._lines.tell() < self._end:
            line = self._lines.readline()
            self._line_number += 1
        return line or None

    def _decoded(self, decoder: msgspec.json.Decoder[Any], line: bytes) -> Any:
        try:
            return decoder.decode(line)
        except msgspec.DecodeError as error:
            raise self._damaged(str(error)) from None

    def _damaged(self, reason: str) -> InputError:
        return InputError(
            f"journal {self.path}, line {self._line_number} is damaged: {reason}; delete this line"
            " and all after it, or name another file"
        )

    def _append(self, value: Any) -> None:
        # One write per line: a crash leaves at most a part of the last one.
        os.write(self._file, msgspec.json.encode(value) + b"\n")


def _end_of_whole_lines(path: Path) -> int:
    """The position after the last line break."""
    end = 0
    with path.open("rb") as file:
        for line in file:
            if line.endswith(b"\n"):
                end += len(line)
    return end


def _lock(file: int) -> bool:
    """Lock the file until it is closed or the process ends; return False if it is locked."""
    if sys.platform == "win32":
        import msvcrt

        try:
            msvcrt.locking(file, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True
    import fcntl

    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
