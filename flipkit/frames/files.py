"""CSV and parquet files: written atomically with a ``.meta.json`` beside them, read with checks."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import platform
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import version
from io import BufferedRandom
from pathlib import Path
from typing import Any

from flipkit.errors import InputError
from flipkit.frames.columns import DTYPES, GLOSSARY
from flipkit.frames.libraries import Frame, library, library_of
from flipkit.frames.table import facts

__all__ = [
    "checked_target",
    "meta_path",
    "read_file",
    "read_text",
    "read_typed_csv",
    "rejected",
    "replace_file",
    "with_numbers",
    "write_csv",
]

# polars is imported inside functions: `import flipkit` and an empty emulator do without it.


def write_csv(frame: Frame, path: str | os.PathLike[str]) -> Path:
    """Write a frame as CSV, and beside it ``<name>.meta.json``.

    The CSV is UTF-8 with line feeds and one header line, whose names carry the units
    (``energy_kwh``; money is in the ``currency`` of its row). Rows keep the order of the frame, and
    times are written as ``2025-06-01T00:00:00Z``. A text cell that a spreadsheet would run as a
    formula gets a leading apostrophe. Each file is replaced atomically: after a crash the old or
    the new one is there.

    Parameters
    ----------
    frame : DataFrame
        Of pandas or polars.
    path : path-like
        The file to write; missing folders are created.

    Returns
    -------
    Path
        The CSV file.

    Raises
    ------
    InputError
        Not a DataFrame, two columns of the same name, or a path that is not a regular file.
    NaiveTimestampError
        Times without a zone.
    OSError
        The file cannot be written.

    Examples
    --------
    >>> fk.write_csv(kit.flip.sites(), "reports/sites.csv")  # doctest: +SKIP
    """
    from flipkit.frames import _polars  # 20 times faster than DataFrame.to_csv, for pandas too

    target = checked_target(Path(path))
    target.parent.mkdir(parents=True, exist_ok=True)
    plain = _to_polars(frame)
    with _replacing(target) as file:
        _polars.to_csv(plain, file)
        meta = _meta(frame, plain.schema, target.name, _sha256(file))
        text = json.dumps(meta, indent=2, ensure_ascii=False, default=str) + "\n"
    replace_file(meta_path(target), text.encode())
    return target


def checked_target(path: Path) -> Path:
    """Return `path` if it is a file or does not exist, else raise an InputError.

    Renaming would replace a folder, a device or a pipe by a file.
    """
    if path.exists() and not path.is_file():
        kind = "a folder" if path.is_dir() else "not a regular file"
        raise InputError(f"{path} is {kind}; choose the name of a file to write")
    return path


def meta_path(path: Path) -> Path:
    """Return where `write_csv` describes the columns of the CSV file `path`."""
    return path.with_name(path.name.removesuffix(".csv") + ".meta.json")


def replace_file(target: Path, content: bytes) -> None:
    """Write a file atomically: readers see the old content or the new one, never a part of it."""
    with _replacing(target) as file:
        file.write(content)


@contextlib.contextmanager
def _replacing(target: Path) -> Iterator[BufferedRandom]:
    """Yield a temporary file that is flushed to disk and renamed to `target`, or removed."""
    target = Path(os.path.realpath(target))  # a link stays a link
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    temporary = Path(name)
    try:
        with os.fdopen(handle, "w+b") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        temporary.chmod(0o644)
        temporary.replace(target)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def _to_polars(frame: Frame) -> Frame:
    """Return the frame in polars, with times in UTC."""
    from flipkit.frames import _polars

    source = library_of(frame)
    if source == "pandas":
        from flipkit.frames import _pandas

        frame = _pandas.flat(frame)
    names = library(source).names(frame)
    if len(set(names)) < len(names):
        raise InputError(f"two columns have the same name: {', '.join(names)}")
    if source == "polars":
        return _polars.in_utc(frame)

    columns = {name: _pandas.compressed(frame, name) for name in names}
    return _polars.from_compressed(columns)


def _meta(frame: Frame, types: Mapping[str, Any], name: str, sha256: str) -> dict[str, Any]:
    origin = facts(frame)
    return {
        "file": name,
        "sha256": sha256,
        "rows": library(library_of(frame)).rows(frame),
        "columns": [_column_meta(column, str(dtype)) for column, dtype in types.items()],
        "query": origin.pop("query", None),
        "data_time_utc": origin.pop("data_time_utc", None),
        **origin,
        "versions": {
            "flipkit": version("flipkit"),
            "polars": version("polars"),
            "python": platform.python_version(),
        },
    }


def _column_meta(name: str, dtype: str) -> dict[str, str]:
    declared = GLOSSARY.get(name)
    if declared is None:
        return {"name": name, "type": dtype, "unit": "", "meaning": ""}
    return {
        "name": name,
        "type": DTYPES[declared.kind],
        "unit": declared.unit,
        "meaning": declared.meaning,
    }


def _sha256(file: BufferedRandom) -> str:
    """Return the digest of a file, computed while the disk stores it."""
    file.seek(0)
    with ThreadPoolExecutor(1) as pool:
        stored = pool.submit(os.fsync, file.fileno())
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        stored.result()
    return digest


def read_file(path: str | os.PathLike[str]) -> Frame:
    """Read a CSV or parquet file as a polars frame, with the number columns of the glossary.

    A cell of a number column that is not a number stays text, so that the error about it can name
    its row and value. A file that cannot be read is an InputError.
    """
    return with_numbers(read_text(path))


def read_text(path: str | os.PathLike[str]) -> Frame:
    """Read a CSV file with every cell as text, or a parquet file as it is, as a polars frame.

    A file that is missing, has another ending, or cannot be read is an InputError.
    """
    from flipkit.frames import _polars

    file = Path(path)
    ending = file.suffix.lower()
    if ending not in {".csv", ".parquet"}:
        raise InputError(f"{path}: expected a .csv or .parquet file")
    try:
        # Open it here first: polars raises another error for each reason why it cannot be opened.
        with file.open("rb"):
            pass
        return _polars.read_text(file)
    except OSError as error:
        raise InputError(f"{path}: {error.strerror or error}") from None
    except _polars.UnreadableError as error:
        expected = "CSV in UTF-8, with commas between the fields" if ending == ".csv" else "parquet"
        reason = str(error).partition("\n")[0]
        raise InputError(f"{path}: cannot be read as {expected}: {reason}") from None


def with_numbers(frame: Frame) -> Frame:
    """Convert what `read_text` returns to what `read_file` returns."""
    from flipkit.frames import _polars

    return _polars.with_numbers(frame)


def read_typed_csv(path: Path, *, numbers: Sequence[str]) -> Frame:
    """Read a CSV file, also a compressed one, as a polars frame; other columns are text."""
    from flipkit.frames import _polars

    return _polars.read_typed(path, numbers)


def rejected(records: Frame, failed: Frame) -> Frame:
    """Return the records that an upload did not send, to be corrected and uploaded again.

    `records` is what `read_text` returned, `failed` is `Submission.failed` in polars. The columns
    are ``row`` (from 0) and ``error``, then those of the file.
    """
    from flipkit.frames import _polars

    return _polars.select_rows(records, failed["row"].to_list(), [failed["row"], failed["error"]])
