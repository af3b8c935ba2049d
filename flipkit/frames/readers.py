"""Frames from CSV and parquet files."""

from __future__ import annotations

import os
from pathlib import Path

from flipkit.errors import InputError
from flipkit.frames.libraries import Frame

__all__ = ["read_file", "read_text", "rejected", "with_numbers"]


def read_file(path: str | os.PathLike[str]) -> Frame:
    """A CSV or parquet file as a polars frame: numbers where the glossary has numbers, times and the rest as they are.

    A cell of a number column that is no number stays text, so that the error about it can name row and value.

    Raises
    ------
    InputError
        No such file, another ending, or content that cannot be read.
    """
    return with_numbers(read_text(path))


def read_text(path: str | os.PathLike[str]) -> Frame:
    """A CSV or parquet file as a polars frame, every cell of a CSV as the text that was written there.

    Raises
    ------
    InputError
        As for `read_file`.
    """
    from flipkit.frames import _polars

    file = Path(path)
    if file.suffix.lower() not in {".csv", ".parquet"}:
        raise InputError(f"{path}: expected a .csv or .parquet file")
    try:
        with file.open(
            "rb"
        ):  # polars has another error for each way in which a file cannot be opened
            pass
        return _polars.read_text(file)
    except OSError as error:
        raise InputError(f"{path}: {error.strerror or error}") from None
    except _polars.UnreadableError as error:
        shape = (
            "parquet"
            if file.suffix.lower() == ".parquet"
            else "CSV in UTF-8, with commas between the fields"
        )
        raise InputError(
            f"{path}: cannot be read as {shape}: {str(error).partition(chr(10))[0]}"
        ) from None


def with_numbers(frame: Frame) -> Frame:
    """What `read_text` gives, with the number columns of the glossary as numbers; see `read_file`."""
    from flipkit.frames import _polars

    return _polars.with_numbers(frame)


def rejected(records: Frame, failed: Frame) -> Frame:
    """The records of a file that an upload left behind, as they stand there, to be mended and sent again.

    Parameters
    ----------
    records : polars.DataFrame
        What `read_text` gave.
    failed : polars.DataFrame
        `Submission.failed`.

    Returns
    -------
    polars.DataFrame
        ``row`` (from 0) and ``error``, then the columns of the file.
    """
    from flipkit.frames import _polars

    return _polars.rows_before(records, failed["row"].to_list(), [failed["row"], failed["error"]])
