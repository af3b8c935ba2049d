"""flipkit: performance, cost and what-if reports for fleets of solar, battery and car sites.

* `connect`: both services, or their emulator.
* `performance_report`, `cost_report`, `lost_value_report`: one row per site and period.
* `site_energy`: the metered energy of sites, for the functions below.
* `bill`, `bill_matrix`: energy rated under one tariff or several; `Tariff`.
* `simulate`: what-if, with `Scenario`, `Battery`, `Solar`, `EvCharging`, `Load`.
* `write_csv`: a CSV and the description of its columns.
* `plots`, `emulator`, `errors`: pictures, the emulator, every error.

>>> import flipkit as fk
>>> kit = fk.connect()
>>> fk.performance_report(kit, "2025")
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

# Imported at once, and light: loaded later, the module `connect` would replace the function.
from flipkit.connect import Kit, connect
from flipkit.errors import (
    AuthenticationFailed,
    ConfigurationError,
    ConnectionFailed,
    DeadlineExceeded,
    FlipkitError,
    InformationRequired,
    InputError,
    InvalidRequest,
    MissingColumnError,
    NaiveTimestampError,
    NotFound,
    PriceUnavailable,
    RateLimited,
    RequestError,
    ServerError,
    StatusError,
    UnexpectedAnswer,
)

if TYPE_CHECKING:
    from flipkit import emulator as emulator
    from flipkit import errors as errors
    from flipkit import plots as plots
    from flipkit.flatpeak import Flatpeak as Flatpeak
    from flipkit.flip import Flip as Flip
    from flipkit.frames import write_csv as write_csv
    from flipkit.reports import cost_report as cost_report
    from flipkit.reports import lost_value_report as lost_value_report
    from flipkit.reports import performance_report as performance_report
    from flipkit.reports import site_energy as site_energy
    from flipkit.scenarios import Battery as Battery
    from flipkit.scenarios import EvCharging as EvCharging
    from flipkit.scenarios import Load as Load
    from flipkit.scenarios import Scenario as Scenario
    from flipkit.scenarios import Shift as Shift
    from flipkit.scenarios import Simulation as Simulation
    from flipkit.scenarios import Solar as Solar
    from flipkit.scenarios.simulate import simulate as simulate
    from flipkit.tariffs import Export as Export
    from flipkit.tariffs import FixedCharge as FixedCharge
    from flipkit.tariffs import Holidays as Holidays
    from flipkit.tariffs import Rate as Rate
    from flipkit.tariffs import Tariff as Tariff
    from flipkit.tariffs import bill as bill
    from flipkit.tariffs import bill_matrix as bill_matrix

__version__ = "0.1.0"

__all__ = [
    "AuthenticationFailed",
    "Battery",
    "ConfigurationError",
    "ConnectionFailed",
    "DeadlineExceeded",
    "EvCharging",
    "Export",
    "FixedCharge",
    "Flatpeak",
    "Flip",
    "FlipkitError",
    "Holidays",
    "InformationRequired",
    "InputError",
    "InvalidRequest",
    "Kit",
    "Load",
    "MissingColumnError",
    "NaiveTimestampError",
    "NotFound",
    "PriceUnavailable",
    "Rate",
    "RateLimited",
    "RequestError",
    "Scenario",
    "ServerError",
    "Shift",
    "Simulation",
    "Solar",
    "StatusError",
    "Tariff",
    "UnexpectedAnswer",
    "bill",
    "bill_matrix",
    "connect",
    "cost_report",
    "emulator",
    "errors",
    "lost_value_report",
    "performance_report",
    "plots",
    "simulate",
    "site_energy",
    "write_csv",
]

_SUBPACKAGES = {"emulator", "plots"}
_MODULES = {
    "Flatpeak": "flipkit.flatpeak",
    "Flip": "flipkit.flip",
    "write_csv": "flipkit.frames",
    "cost_report": "flipkit.reports",
    "lost_value_report": "flipkit.reports",
    "performance_report": "flipkit.reports",
    "site_energy": "flipkit.reports",
    "Battery": "flipkit.scenarios",
    "EvCharging": "flipkit.scenarios",
    "Load": "flipkit.scenarios",
    "Scenario": "flipkit.scenarios",
    "Shift": "flipkit.scenarios",
    "Simulation": "flipkit.scenarios",
    "Solar": "flipkit.scenarios",
    "simulate": "flipkit.scenarios",
    "Export": "flipkit.tariffs",
    "FixedCharge": "flipkit.tariffs",
    "Holidays": "flipkit.tariffs",
    "Rate": "flipkit.tariffs",
    "Tariff": "flipkit.tariffs",
    "bill": "flipkit.tariffs",
    "bill_matrix": "flipkit.tariffs",
}
"""The module of each name that is loaded when it is first used."""


def __getattr__(name: str) -> Any:
    if name in _SUBPACKAGES:
        return import_module(f"flipkit.{name}")
    if name not in _MODULES:
        raise AttributeError(f"module 'flipkit' has no attribute {name!r}")
    value = getattr(import_module(_MODULES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
