"""The Flatpeak API: the client, the report of an upload, and arrays for reports.

`cost_rows`, `price_series` and `location_columns` answer with arrays; the client's public methods
answer with frames.
"""

from flipkit.flatpeak.client import Flatpeak
from flipkit.flatpeak.cost_answers import CostRows
from flipkit.flatpeak.costs import cost_rows
from flipkit.flatpeak.delivery import Submission
from flipkit.flatpeak.locations import location_columns
from flipkit.flatpeak.tariffs import price_series

__all__ = [
    "CostRows",
    "Flatpeak",
    "Submission",
    "cost_rows",
    "location_columns",
    "price_series",
]
