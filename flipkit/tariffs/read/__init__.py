"""Readers: URDB, Octopus, Flatpeak, files and frames to tariffs."""

from flipkit.tariffs.read.file import read_plan, read_plans
from flipkit.tariffs.read.flatpeak_schedule import read_schedule
from flipkit.tariffs.read.json_source import load_json
from flipkit.tariffs.read.price_frame import series_of_frame

__all__ = [
    "load_json",
    "read_plan",
    "read_plans",
    "read_schedule",
    "series_of_frame",
]
