"""Readers: tariffs from URDB records, Octopus lists, Flatpeak objects, files and frames.

A reader is one module per format with one function::

    def read(source, *, timezone, currency, ...) -> Tariff

It takes what the service returns, never changes it, and refuses by name whatever it cannot price:
a charge that is ignored makes bills wrong. What it assumes, and what it was told to leave out, are
`Tariff.findings`, as ``code: message`` with a code of ``flipkit/frames/findings.py``. ``source.py``
has what readers share: `load_json` (an object, its JSON text or a file), `check_object` (unknown
fields), `checked_ladder` (tiers), `located` (the place in an error message) and `read_instant`
(dates).

To add a reader:

1. Write ``flipkit/tariffs/read/<format>.py`` with `read`, and its tests.
2. Add ``Tariff.from_<format>`` in ``flipkit/tariffs/model/readers.py``. It imports the reader when
   it is called, returns what `read` returns, and has the public documentation.
3. Add the format to ``_FORMATS`` in ``flipkit/tariffs/read/file.py``, with the fields by which a
   JSON file, or the columns by which a table, is recognized. `Tariff.from_file`, the command line
   and scenario files then read it too.
4. Add ``from_<format>`` to the table in the docstring of `Tariff`.

A format that Flatpeak or another service accepts also has a function `write` in the same module
(``flatpeak.write``), behind a method ``Tariff.to_<format>``. `series_of_frame` reads the prices of
a DataFrame, for ``Tariff.from_prices`` and for callers that need a series and not a tariff.
"""

from flipkit.tariffs.read.file import read_plan, read_plans
from flipkit.tariffs.read.flatpeak import tariff_objects
from flipkit.tariffs.read.price_frame import series_of_frame
from flipkit.tariffs.read.source import load_json

__all__ = [
    "load_json",
    "read_plan",
    "read_plans",
    "series_of_frame",
    "tariff_objects",
]
