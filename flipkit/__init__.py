"""flipkit: performance, cost and what-if reports for fleets of solar, battery and car-charging sites.

>>> import flipkit as fk
>>> kit = fk.connect()
>>> fk.performance_report(kit, "2025-01", "2025-12")
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

# Loaded at once, and light: the module `connect` must not come later and take the function's place.
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
    from flipkit.scenarios import simulate as simulate
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
    "Flatpeak",
    "Flip",
    "FlipkitError",
    "InformationRequired",
    "InputError",
    "InvalidRequest",
    "Kit",
    "Load",
    "MissingColumnError",
    "NaiveTimestampError",
    "NotFound",
    "PriceUnavailable",
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
    "lost_value_report",
    "performance_report",
    "simulate",
    "site_energy",
    "write_csv",
]

_ROOMS = {
    "Flatpeak": "flipkit.flatpeak",
    "Flip": "flipkit.flip",
    "Battery": "flipkit.scenarios",
    "EvCharging": "flipkit.scenarios",
    "Load": "flipkit.scenarios",
    "Scenario": "flipkit.scenarios",
    "Shift": "flipkit.scenarios",
    "Simulation": "flipkit.scenarios",
    "Solar": "flipkit.scenarios",
    "Tariff": "flipkit.tariffs",
    "bill": "flipkit.tariffs",
    "bill_matrix": "flipkit.tariffs",
    "cost_report": "flipkit.reports",
    "lost_value_report": "flipkit.reports",
    "performance_report": "flipkit.reports",
    "simulate": "flipkit.scenarios",
    "site_energy": "flipkit.reports",
    "write_csv": "flipkit.frames",
}
"""Which room a name comes from; the room is loaded when the name is first used."""


def __getattr__(name: str) -> Any:
    if name == "emulator":
        return import_module("flipkit.emulator")
    if name not in _ROOMS:
        raise AttributeError(f"module 'flipkit' has no attribute {name!r}")
    found = getattr(import_module(_ROOMS[name]), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
