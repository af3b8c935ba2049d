"""Frames: columns declared once, built in pandas or polars, read from either, written as CSV."""

from flipkit.frames.columns import GLOSSARY, Column
from flipkit.frames.csv import write_csv
from flipkit.frames.findings import Finding
from flipkit.frames.libraries import Frame, TextRuns, is_frame, library_of
from flipkit.frames.provenance import facts
from flipkit.frames.table import Table, returns
from flipkit.frames.take import records_of, take
from flipkit.frames.times import format_times, parse_time, parse_times

__all__ = [
    "GLOSSARY",
    "Column",
    "Finding",
    "Frame",
    "Table",
    "TextRuns",
    "facts",
    "format_times",
    "is_frame",
    "library_of",
    "parse_time",
    "parse_times",
    "records_of",
    "returns",
    "take",
    "write_csv",
]
