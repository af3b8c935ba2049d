#!/usr/bin/env python
"""Make the sample fleet: ``python data/make_sample.py [folder]``; the default is data/sample.

It needs the extra ``solar`` (pvlib) and no network. data/README.md describes the data.
"""

from __future__ import annotations

import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
if str(HERE) not in sys.path:
    sys.path.insert(0, str(HERE))

from sample_maker import write  # noqa: E402
from sample_maker.build import performance_rows, site_year  # noqa: E402
from sample_maker.faults import TROUBLES  # noqa: E402
from sample_maker.fleet import FLEET, site_record  # noqa: E402
from sample_maker.meters import METERS, read_meter  # noqa: E402
from sample_maker.tariffs import tariffs  # noqa: E402


def make(folder: Path) -> None:
    """Write every file of the sample into a folder."""
    meters = {name: read_meter(name) for name in METERS}
    for name, meter in meters.items():
        print(f"{name}: {meter.findings}")
    sessions, performance = [], []
    for site in FLEET:
        year = site_year(site, meters)
        write.write_energy(folder / "energy" / f"{site.site_id}.csv.gz", year)
        sessions += year.sessions
        performance += performance_rows(site, year.generation) if site.solar else []
    write.write_sessions(folder / "sessions.csv", sessions)
    write.write_performance(folder / "performance.csv", performance)
    write.write_json(
        folder / "sites.json", [site_record(i, site) for i, site in enumerate(FLEET, 1)]
    )
    write.write_json(folder / "tariffs.json", tariffs())
    write.write_troubles(folder / "troubles.json", TROUBLES)
    write.write_market(folder / "market_prices.csv.gz")


if __name__ == "__main__":
    make(Path(sys.argv[1]) if len(sys.argv) > 1 else HERE / "sample")
