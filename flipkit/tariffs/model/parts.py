"""Questions about a tariff that are asked of each of its parts: tariffs that follow in time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache

from flipkit.tariffs.model.consistency import overlap
from flipkit.tariffs.model.tariff import Tariff

__all__ = [
    "all_findings",
    "has_tiers",
    "is_net_metered",
    "parts_in_force",
    "parts_of",
    "without_export",
]


def parts_of(tariff: Tariff) -> tuple[Tariff, ...]:
    """Return the tariffs that follow one another in time; most tariffs have one part."""
    return tariff.parts or (tariff,)


def parts_in_force(tariff: Tariff, start_us: int, end_us: int) -> Iterator[tuple[Tariff, int, int]]:
    """Yield each part that holds within [start, end), with the start and end of that time.

    Export prices of a tariff of their own become a series over that time.
    """
    for part in parts_of(tariff):
        begin, stop = overlap(part.validity, start_us, end_us)
        if begin < stop:
            yield _with_export_series(part, begin, stop), begin, stop


def _with_export_series(part: Tariff, start_us: int, end_us: int) -> Tariff:
    if part.export is None or part.export.tariff is None:
        return part
    return _export_tariff_as_series(part, all_findings(part), start_us, end_us)


# Cached, so that all sites and passes over the energy share one value. The findings are in the key
# because equal tariffs may have different ones.
@lru_cache(maxsize=256)
def _export_tariff_as_series(
    part: Tariff, findings: tuple[str, ...], start_us: int, end_us: int
) -> Tariff:
    assert part.export is not None
    series = part.export.tariff.prices(start_us, end_us)
    export = replace(part.export, series=series, tariff=None)
    return replace(part, export=export, findings=findings)


def has_tiers(tariff: Tariff) -> bool:
    """Return whether the price of a kWh depends on the kWh used before it."""
    return any(rate.tiers for part in parts_of(tariff) for rate in part.rates)


def is_net_metered(tariff: Tariff) -> bool:
    """Return whether imports and exports are netted over a billing period."""
    return any(
        part.export is not None and part.export.mode == "net_metering" for part in parts_of(tariff)
    )


def all_findings(tariff: Tariff) -> tuple[str, ...]:
    """Return the findings of a tariff, its parts and export prices; equal tariffs may differ."""
    findings = list(tariff.findings)
    for part in tariff.parts:
        findings += all_findings(part)
    if tariff.export is not None and tariff.export.tariff is not None:
        findings += all_findings(tariff.export.tariff)
    return tuple(dict.fromkeys(findings))


def without_export(tariff: Tariff) -> Tariff:
    """Return the tariff without export terms; cached, so that all its sites share one value."""
    return _without_export(tariff, all_findings(tariff))


@lru_cache(maxsize=256)
def _without_export(tariff: Tariff, findings: tuple[str, ...]) -> Tariff:
    if tariff.parts:
        parts = [without_export(part) for part in tariff.parts]
        return replace(tariff, parts=tuple(parts))
    if tariff.export is None:
        return tariff
    return replace(tariff, export=None)
