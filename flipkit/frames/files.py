"""Frames from CSV and parquet files."""

from __future__ import annotations

import os
from pathlib import Path

from flipkit.errors import InputError
from flipkit.frames.libraries import Frame

__all__ = ["read_file"]


def read_file(path: str | os.PathLike[str]) -> Frame:
    """A CSV or parquet file as a polars frame; times stay text where the file holds text.

    Raises
    ------
    InputError
        No such file, another ending, or content that cannot be read.
    """
    from flipkit.frames import _polars

    file = Path(path)
    if file.suffix not in {".csv", ".parquet"}:
        raise InputError(f"{path}: expected a .csv or .parquet file")
    try:
        return _polars.read_file(file)
    except OSError as error:
        raise InputError(f"{path}: {error.strerror or error}") from None
    except _polars.UnreadableError as error:
        raise InputError(f"{path}: cannot be read: {error}") from None
