"""What the service has answered so far, in a file that a kill at any moment leaves usable.

One JSON value a line: the header; then for each site and scenario, one after another, what is priced there (how many
records, and a hash over all of them), followed by an array an answer: number of the record, hash of the record, cost.
No secret is in it: the service's address, hashes, and costs.
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
_FLUSH_EVERY = (
    256  # answers from one fsync to the next: a kill loses none of them, a power cut these
)


class _Section(msgspec.Struct, forbid_unknown_fields=True):
    site_id: str
    scenario: str
    records: int
    hash: str


class _Entry(NamedTuple):
    number: int
    key: str
    cost: float


_SECTION: msgspec.json.Decoder[_Section] = msgspec.json.Decoder(_Section)
_ENTRY: msgspec.json.Decoder[_Entry] = msgspec.json.Decoder(_Entry)


def key_of(*parts: object) -> str:
    """The hash by which a record is known."""
    return blake2b("|".join(map(str, parts)).encode(), digest_size=8).hexdigest()


class Journal:
    """Answers of the service, kept as they come; usable in a ``with`` block.

    Parameters
    ----------
    path : path-like
        Made where it is not there; otherwise it is read on, and what a kill left of a last line is dropped.
    service : str
        Address and version of the service that answers.

    Raises
    ------
    InputError
        The file is something else, of another service, or another run writes to it.
    """

    def __init__(self, path: str | os.PathLike[str], service: str) -> None:
        self.path = Path(path)
        self._lock, self._unflushed = threading.Lock(), 0
        try:
            self._file = os.open(
                self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND | getattr(os, "O_BINARY", 0), 0o666
            )
        except OSError as error:
            raise InputError(
                f"journal {self.path}: {error.strerror or error}; name a file in a folder"
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
        """Flush to the disk and let others have the file."""
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
            Of all its records, in their order: see `key_of`.

        Returns
        -------
        dict of int to float
            The costs that are known, by the place of the record in `keys`.

        Raises
        ------
        InputError
            The journal is of another simulation, or damaged.
        """
        wanted = _Section(site_id, scenario, len(keys), key_of(*keys))
        line = self._next()
        if line is None:
            self._append(wanted)
            return {}
        found = self._decoded(_SECTION, line)
        if found != wanted:
            raise self._is_of_another(found, wanted)
        return self._known(keys)

    def put(self, number: int, key: str, cost: float) -> None:
        """Keep an answer of the section that was begun last; it is in the file when this returns."""
        with self._lock:
            self._append(_Entry(number, key, cost))
            self._unflushed += 1
            if self._unflushed >= _FLUSH_EVERY:
                self._unflushed = 0
                os.fsync(self._file)

    def _begin(self, service: str) -> None:
        if not _lock(self._file):
            raise InputError(
                f"journal {self.path}: another run writes to it; wait until that has ended, or name another file"
            )
        header = msgspec.json.encode({"journal": _FORMAT, "service": service}) + b"\n"
        with self.path.open("rb") as file:
            first = file.readline()
        if not first.endswith(b"\n") and header.startswith(first):  # new, or killed at once
            os.ftruncate(self._file, 0)
            os.write(self._file, header)
        elif first != header:
            raise self._is_no_journal(first, service)
        self._end = _end_of_whole_lines(self.path)
        os.ftruncate(self._file, self._end)
        self._lines = self.path.open("rb")
        self._number, self._ahead = 1, b""
        self._lines.readline()

    def _is_no_journal(self, first: bytes, service: str) -> InputError:
        try:
            known = msgspec.json.decode(first)
            other = known["service"] if known["journal"] == _FORMAT else None
        except (msgspec.DecodeError, KeyError, TypeError):
            other = None
        if other is None:
            return InputError(
                f"journal {self.path}: the file is something else; name another one, or a new one"
            )
        return InputError(
            f"journal {self.path}: it holds answers of {other}, not of {service}; connect to that service, or name "
            "another file"
        )

    def _is_of_another(self, found: _Section, wanted: _Section) -> InputError:
        if (found.site_id, found.scenario) == (wanted.site_id, wanted.scenario):
            what = f"other energy for site {wanted.site_id}, scenario {wanted.scenario!r}"
        else:
            what = (
                f"site {found.site_id}, scenario {found.scenario!r} where site {wanted.site_id}, scenario "
                f"{wanted.scenario!r} is to be priced"
            )
        return InputError(
            f"journal {self.path}, line {self._number}: it is of another simulation: it has {what}; go on with that "
            "simulation's energy and scenarios, or name another file"
        )

    def _known(self, keys: Sequence[str]) -> dict[int, float]:
        """The answers up to the next section; all of them, where another one follows."""
        known: dict[int, float] = {}
        for line in self._entries():
            entry = self._decoded(_ENTRY, line)
            if not 0 <= entry.number < len(keys) or keys[entry.number] != entry.key:
                raise self._is_damaged(f"record {entry.number} is not one of those that are priced")
            known[entry.number] = entry.cost
        if self._ahead and len(known) < len(keys):
            raise self._is_damaged(f"{len(keys) - len(known):,} answers before it are missing")
        return known

    def _entries(self) -> Iterator[bytes]:
        while line := self._next():
            if not line.startswith(b"["):
                self._ahead = line
                return
            yield line

    def _next(self) -> bytes | None:
        """The next line that was there before this run; None when there is none."""
        line, self._ahead = self._ahead, b""
        if not line and self._lines.tell() < self._end:
            line = self._lines.readline()
            self._number += 1
        return line or None

    def _decoded(self, decoder: msgspec.json.Decoder[Any], line: bytes) -> Any:
        try:
            return decoder.decode(line)
        except msgspec.DecodeError as error:
            raise self._is_damaged(str(error)) from None

    def _is_damaged(self, reason: str) -> InputError:
        return InputError(
            f"journal {self.path}, line {self._number} is damaged: {reason}; delete this line and all after it, or "
            "name another file"
        )

    def _append(self, value: Any) -> None:
        # One write a line: a kill leaves a part of the last one at most.
        os.write(self._file, msgspec.json.encode(value) + b"\n")


def _end_of_whole_lines(path: Path) -> int:
    with path.open("rb") as file:
        end = file.seek(0, os.SEEK_END)
        while end:
            begin = max(0, end - 4_096)
            file.seek(begin)
            at = file.read(end - begin).rfind(b"\n")
            if at >= 0:
                return begin + at + 1
            end = begin
    return 0


def _lock(file: int) -> bool:
    """Take the file for this run, until it is closed or the process ends however it ends; False where it is taken."""
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
