#!/usr/bin/env python
"""Make the bundled weather year: ``python data/make_weather.py [file]``.

Writes flipkit/scenarios/solar/typical_weather.csv.gz, or the given file, from the typical years
that pvlib includes (extra ``solar``, no network). For each hour and station: the clear-sky index,
raised as for the sample fleet (data/README.md), in half percents; air temperature in degrees
Celsius; wind in m/s.
"""

from __future__ import annotations

import gzip
import io
import sys
from pathlib import Path

import numpy as np
import pvlib
from numpy.typing import NDArray

HERE = Path(__file__).resolve().parent
if str(HERE) not in sys.path:
    sys.path.insert(0, str(HERE))

from sample_maker.weather import STATIONS, clear_share  # noqa: E402

ORDER = ("greensboro", "miami", "sand_point")


def make(file: Path) -> None:
    """Write the table; the bytes are the same on every run."""
    columns = [
        column
        for name in ORDER
        for column in (np.rint(200 * clear_share(name).share.ravel()), *air(name))
    ]
    header = ",".join(
        f"{name}_{what}" for name in ORDER for what in ("half_percent", "degrees", "m_s")
    )
    text = io.StringIO()
    np.savetxt(text, np.stack(columns, axis=1), fmt="%d", delimiter=",", header=header, comments="")
    with file.open("wb") as out, gzip.GzipFile("", "wb", 9, out, mtime=0) as packed:
        packed.write(text.getvalue().encode())


def air(name: str) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Hourly air temperature (degrees Celsius) and wind (m/s) of a station, shape (8760,) each."""
    path = Path(pvlib.__file__).parent / "data" / STATIONS[name].file
    if path.suffix == ".tm2":
        table, _ = pvlib.iotools.read_tmy2(path)
        return np.rint(table["DryBulb"].to_numpy(float) / 10), np.rint(
            table["Wspd"].to_numpy(float) / 10
        )
    table, _ = pvlib.iotools.read_tmy3(path, coerce_year=2025, map_variables=True)
    return np.rint(table["temp_air"].to_numpy(float)), np.rint(table["wind_speed"].to_numpy(float))


if __name__ == "__main__":
    make(
        Path(sys.argv[1])
        if len(sys.argv) > 1
        else HERE.parent / "flipkit/scenarios/solar/typical_weather.csv.gz"
    )
