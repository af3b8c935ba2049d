"""Imports run one way, and each heavy library has one room; read from the source."""

import ast
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

import flipkit

PACKAGE = Path(flipkit.__file__).parent

# What each room (a folder or a module of the package) may import from the others.
_GROUND = {"errors", "vocabulary", "checks", "money", "calendar"}
_DATA = _GROUND | {"frames", "http"}
_TARIFFS = {"tariffs", "tariffs.model", "tariffs.rating"}
_CHANGES = {"scenarios.changes", "scenarios.ev", "scenarios.solar"}
_RESULTS = {"scenarios.engine", "scenarios.service", "scenarios.results"}
MAY_IMPORT = {
    "errors": set(),
    "vocabulary": set(),
    "checks": {"errors", "vocabulary"},
    "money": {"errors", "vocabulary"},
    "calendar": {"checks", "errors", "vocabulary"},
    "frames": _GROUND,
    "plausibility": _GROUND | {"frames"},
    "http": _GROUND,
    "flip": _DATA,
    "flatpeak": _DATA | {"plausibility", "tariffs", "tariffs.model"},
    "tariffs.model": _GROUND | {"frames"},
    "tariffs.read": _GROUND | {"frames", "tariffs.model"},
    "tariffs.rating": _GROUND | {"frames", "plausibility", "tariffs.model"},
    "tariffs": {"tariffs.model", "tariffs.rating"},
    "plots": _GROUND | {"frames"} | _TARIFFS,
    "emulator": _GROUND | {"frames"} | _TARIFFS,
    "connect": _DATA | {"flip", "flatpeak", "emulator"},
    "scenarios.ev": _GROUND | {"frames"} | _TARIFFS,
    "scenarios.solar": _GROUND | {"frames"},
    "scenarios.changes": _GROUND
    | {"frames", "tariffs.read", "scenarios.ev", "scenarios.solar"}
    | _TARIFFS,
    "scenarios.dispatch": _GROUND | {"scenarios.changes"} | _TARIFFS,
    "scenarios.engine": _DATA | _TARIFFS | _CHANGES | {"tariffs.read", "scenarios.dispatch"},
    "scenarios.service": _DATA | _TARIFFS | _CHANGES | {"scenarios.engine"},
    "scenarios.results": _DATA
    | _TARIFFS
    | _CHANGES
    | {"scenarios.engine", "scenarios.service", "plots"},
    "scenarios": _DATA | _TARIFFS | _CHANGES | _RESULTS,
    "reports": _DATA | _TARIFFS | {"flip", "flatpeak", "connect"},
    "demo": {"frames", "connect", "emulator", "plots", "reports", "scenarios", "tariffs"},
    "cli": _DATA | _TARIFFS | {"connect", "demo", "emulator", "reports", "scenarios"},
    "__main__": {"cli"},
    "__init__": {"errors", "connect", "emulator", "frames", "flip", "flatpeak", "plots"}
    | {"reports", "scenarios", "tariffs"},
}
# Methods of a value that read, write or draw it reach up when they are called.
WHEN_CALLED = {
    ("tariffs.model", "plots"),
    ("tariffs.model", "tariffs.read"),
    ("cli", "scenarios.changes"),
    ("cli", "tariffs.read"),
    ("scenarios.results", "plots"),
}

# Which rooms, or single modules, may import a library (connect names frames to type checkers).
HOME = {
    "httpx": {"http"},
    "pandas": {"frames/_pandas.py", "connect.py"},
    "polars": {"frames/_polars.py", "connect.py"},
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


def room_of(module):
    """The room of a dotted module name: its longest prefix in MAY_IMPORT."""
    parts = module.removeprefix("flipkit.").split(".")
    names = [".".join(parts[:count]) for count in range(len(parts), 0, -1)]
    return next((name for name in names if name in MAY_IMPORT), parts[0])


def module_of(path):
    return ".".join(path.relative_to(PACKAGE).with_suffix("").parts)


def imports_of(path):
    """``(module, whether the import is inside a function)`` for each import of a file."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    nodes = list(ast.walk(tree))
    functions = [node for node in nodes if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    late = {id(inner) for function in functions for inner in ast.walk(function)}
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from ((alias.name, id(node) in late) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports name their module in full"
            names = (
                [f"flipkit.{alias.name}" for alias in node.names]
                if node.module == "flipkit"
                else [node.module]
            )
            yield from ((name, id(node) in late) for name in names)


MODULES = sorted(PACKAGE.rglob("*.py"))


@cache  # when a test asks: every test process imports this module
def all_imports():
    return [(path, name, late) for path in MODULES for name, late in imports_of(path)]


def test_the_rules_themselves_run_one_way():
    assert list(TopologicalSorter(MAY_IMPORT).static_order())


def test_every_room_has_a_rule():
    assert {room_of(module_of(path)) for path in MODULES} <= set(MAY_IMPORT)


@pytest.mark.parametrize("room", MAY_IMPORT)
def test_a_room_imports_only_rooms_below_it(room):
    wrong = [
        f"{path.relative_to(PACKAGE)} imports {name}"
        for path, name, late in all_imports()
        if room_of(module_of(path)) == room and name.startswith("flipkit.")
        for other in [room_of(name)]
        if other not in MAY_IMPORT[room] | {room} and not (late and (room, other) in WHEN_CALLED)
    ]
    assert wrong == []


@pytest.mark.parametrize("library", HOME)
def test_a_library_is_imported_where_it_belongs(library):
    wrong = [
        str(path.relative_to(PACKAGE))
        for path, name, _ in all_imports()
        if name.split(".")[0] == library
        and not {module_of(path).split(".")[0], path.relative_to(PACKAGE).as_posix()}
        & HOME[library]
    ]
    assert wrong == []


@pytest.mark.parametrize("room", ["flip", "flatpeak"])
def test_a_client_cannot_tell_the_emulator_from_the_service(room):
    words = [
        path.name
        for path in MODULES
        if room_of(module_of(path)) == room
        and "flipkit.emulator" in path.read_text(encoding="utf-8")
    ]
    assert words == []
