"""Imports run one way, and each heavy or foreign library has one room: read from the source, nothing is run."""

import ast
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

import flipkit

PACKAGE = Path(flipkit.__file__).parent

# What each room (a folder or a module of the package) may import from the others.
_DATA = {"errors", "frames", "http"}
_CLIENTS = {"flip", "flatpeak"}
MAY_IMPORT = {
    "errors": set(),
    "frames": {"errors"},
    "http": {"errors"},
    "flip": _DATA,
    "flatpeak": _DATA | {"tariffs"},
    "tariffs": {"errors", "frames"},
    "plots": {"errors", "frames", "tariffs"},
    "emulator": {"errors", "frames", "tariffs"},
    "connect": _DATA | _CLIENTS | {"emulator"},
    "reports": _DATA | _CLIENTS | {"tariffs", "plots", "connect"},
    "scenarios": _DATA | _CLIENTS | {"tariffs", "plots", "connect"},
    "demo": _DATA | {"tariffs", "plots", "connect", "emulator", "reports", "scenarios"},
    "cli": _DATA | {"connect", "emulator", "tariffs", "reports", "scenarios", "demo"},
    "__main__": {"cli"},
    "__init__": _DATA | _CLIENTS | {"tariffs", "connect", "emulator", "reports", "scenarios"},
}
# A method that draws its own object reaches up, when it is called and not before.
WHEN_CALLED = {("tariffs", "plots")}

# Which rooms, or single modules, may import a library.
HOME = {
    "httpx": {"http"},
    "pandas": {"frames/_pandas.py"},
    "polars": {"frames/_polars.py"},
    "matplotlib": {"plots"},
    "flask": {"emulator"},
    "werkzeug": {"emulator"},
    "waitress": {"emulator"},
    "sqlite3": {"emulator"},
    "numba": {"tariffs", "scenarios"},
    "pvlib": {"scenarios"},
    "numpy_financial": {"scenarios"},
    "tqdm": {"http", "scenarios"},
    "keyring": {"http"},
}


def room_of(path):
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imports_of(path):
    """``(module, whether it is imported only when a function is called)`` for each import of a file."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    late = {id(inner) for function in functions for inner in ast.walk(function)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, id(node) in late) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports name their module in full"
            names = [f"flipkit.{alias.name}" for alias in node.names] if node.module == "flipkit" else [node.module]
            yield from ((name, id(node) in late) for name in names)


MODULES = sorted(PACKAGE.rglob("*.py"))
IMPORTS = [(path, name, late) for path in MODULES for name, late in imports_of(path)]


def test_the_rules_themselves_run_one_way():
    assert next(TopologicalSorter(MAY_IMPORT).static_order()) == "errors"


def test_every_room_has_a_rule():
    assert {room_of(path) for path in MODULES} <= set(MAY_IMPORT)


@pytest.mark.parametrize("room", MAY_IMPORT)
def test_a_room_imports_only_rooms_below_it(room):
    wrong = [
        f"{path.relative_to(PACKAGE)} imports {name}"
        for path, name, late in IMPORTS
        if room_of(path) == room and name.startswith("flipkit.")
        for other in [name.split(".")[1]]
        if other not in MAY_IMPORT[room] | {room} and not (late and (room, other) in WHEN_CALLED)
    ]
    assert wrong == []


@pytest.mark.parametrize("library", HOME)
def test_a_library_is_imported_where_it_belongs(library):
    wrong = [
        str(path.relative_to(PACKAGE))
        for path, name, _ in IMPORTS
        if name.split(".")[0] == library and not {room_of(path), path.relative_to(PACKAGE).as_posix()} & HOME[library]
    ]
    assert wrong == []


@pytest.mark.parametrize("room", ["flip", "flatpeak"])
def test_a_client_cannot_tell_the_emulator_from_the_service(room):
    words = [path.name for path in MODULES if room_of(path) == room and "flipkit.emulator" in path.read_text()]
    assert words == []
