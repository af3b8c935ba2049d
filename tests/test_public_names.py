"""The public names: which there are, how long they take to load, and their docstrings."""

import ast
import importlib
import subprocess
import sys
from pathlib import Path

import pytest

import flipkit as fk

PACKAGE = Path(fk.__file__).parent
HEAVY = (
    "pandas",
    "polars",
    "numpy",
    "httpx",
    "matplotlib",
    "flask",
    "waitress",
    "msgspec",
    "dataclasses",
    "inspect",
)
NAMES = [
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


def run(code):
    command = [sys.executable, "-c", code]
    result = subprocess.run(command, capture_output=True, text=True, cwd=PACKAGE.parent)
    assert result.returncode == 0, result.stderr
    return result.stdout.split()


def test_the_names_are_these():
    assert fk.__all__ == NAMES
    assert dir(fk) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_each_name_exists_and_has_its_own_name(name):
    found = getattr(fk, name)
    assert found.__name__.rpartition(".")[2] == name
    assert found.__doc__
    assert getattr(fk, name) is found


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'performnce_report'"):
        fk.performnce_report  # noqa: B018
    assert not hasattr(fk, "__path_of_nothing__")


def test_the_function_connect_is_not_hidden_by_its_module():
    importlib.import_module("flipkit.connect")
    assert callable(fk.connect)
    assert run(
        "import flipkit.connect, flipkit; flipkit.Kit; print(callable(flipkit.connect))"
    ) == ["True"]


def test_importing_loads_nothing_heavy():
    assert run(f"import sys, flipkit; dir(flipkit); print(*set({HEAVY}) & set(sys.modules))") == []


def test_importing_loads_what_connect_needs_and_no_more():
    """`tests/benchmarks/bench_import.py` measures the time."""
    code = "import sys, flipkit; "
    code += "print(*sorted(name for name in sys.modules if name.startswith('flipkit')))"
    assert run(code) == ["flipkit", "flipkit.connect", "flipkit.errors"]


def public_definitions():
    """Functions, classes and methods whose names and modules do not begin with an underscore."""
    for path in sorted(PACKAGE.rglob("*.py")):
        if not any(
            part.startswith("_") and part != "__init__.py"
            for part in path.relative_to(PACKAGE).parts
        ):
            yield from _inside(
                ast.parse(path.read_text(encoding="utf-8")), str(path.relative_to(PACKAGE))
            )


def _inside(scope, where):
    for node in scope.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and not (
            node.name.startswith("_") or _is_overload(node)
        ):
            yield f"{where}:{node.lineno} {node.name}", node
            if isinstance(node, ast.ClassDef):
                yield from _inside(node, where)


def _is_overload(node):
    return any(getattr(each, "id", "") == "overload" for each in node.decorator_list)


def test_everything_public_has_a_docstring():
    assert [where for where, node in public_definitions() if not ast.get_docstring(node)] == []


def test_every_public_function_is_fully_annotated():
    assert [where for where, node in public_definitions() if not _is_annotated(node)] == []


def _is_annotated(node):
    if isinstance(node, ast.ClassDef):
        return True
    arguments = [
        *node.args.posonlyargs,
        *node.args.args,
        *node.args.kwonlyargs,
        node.args.vararg,
        node.args.kwarg,
    ]
    named = [argument for argument in arguments if argument and argument.arg not in {"self", "cls"}]
    return node.returns is not None and all(argument.annotation for argument in named)
