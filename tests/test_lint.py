"""Lint, format and types are part of the tests."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

TOP = Path(__file__).parents[1]


@pytest.mark.parametrize(
    "command",
    [
        ["ruff", "check", "."],
        ["ruff", "format", "--check", "."],
        pytest.param(["mypy"], marks=pytest.mark.slow),
    ],
    ids=["ruff check", "ruff format", "mypy"],
)
def test_the_tree_is_clean(command):
    if command == ["mypy"] and np.lib.NumpyVersion(np.__version__) >= "2.5.0":
        pytest.skip("numpy 2.5's types reject ndarray.max() and the like; checked with numpy 2.4")
    done = subprocess.run(
        [sys.executable, "-m", *command], cwd=TOP, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stdout + done.stderr


TYPED_CALLS = """
import flipkit as fk

kit = fk.connect(frames="polars")
reveal_type(fk.connect().flip.sites())
reveal_type(kit.flatpeak.locations())
reveal_type(fk.cost_report(kit, "2025"))
"""


@pytest.mark.slow
def test_an_editor_knows_the_type_of_a_frame(tmp_path):
    """Here, because mypy has just examined the package: this run uses its cache."""
    code = tmp_path / "typed_calls.py"
    code.write_text(TYPED_CALLS, encoding="utf-8")
    command = [sys.executable, "-m", "mypy", "--config-file", "pyproject.toml", code]
    result = subprocess.run(command, capture_output=True, text=True, cwd=TOP)
    assert re.findall(r'Revealed type is "(.*)"', result.stdout) == [
        "pandas.core.frame.DataFrame",
        "polars.dataframe.frame.DataFrame",
        "polars.dataframe.frame.DataFrame",
    ]


def _text_calls_without_encoding(tree):
    """Yield the calls that read or write text in the encoding of the machine."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        if any(keyword.arg in {"encoding", None} for keyword in node.keywords):
            continue
        if _is_text_call(node):
            yield node


def _is_text_call(call):
    function, values = call.func, call.args
    if isinstance(function, ast.Name):
        return function.id == "open" and "b" not in _mode(call, values[1:], "r")
    if not isinstance(function, ast.Attribute):
        return False
    owner = function.value.id if isinstance(function.value, ast.Name) else ""
    if function.attr == "read_text":
        return not values
    if function.attr == "write_text":
        return len(values) == 1
    if function.attr == "fdopen" or (function.attr == "open" and owner in {"gzip", "io"}):
        return "t" in _mode(call, values[1:], "rb" if owner == "gzip" else "rt")
    if function.attr == "open" and owner not in {"os", "self"}:
        return bool(re.fullmatch("[rwaxt+]+", _mode(call, values, "r")))
    return False


def _mode(call, values, default):
    """Return the mode of an ``open``; other text if the call does not open a file."""
    given = [keyword.value for keyword in call.keywords if keyword.arg == "mode"] + values
    if not given:
        return default
    return given[0].value if isinstance(given[0], ast.Constant) else "?"


FILES = sorted(
    path
    for folder in ("flipkit", "tests", "data", "notebooks")
    for path in (TOP / folder).rglob("*.py")
)


def test_text_files_are_read_and_written_as_utf_8():
    """The encoding of the machine may be ASCII. Ruff's PLW1514 misses paths of unknown type."""
    wrong = []
    for path in FILES:
        text = path.read_text(encoding="utf-8")
        if re.search(r"open|read_text|write_text", text):  # few files, and parsing takes long
            calls = _text_calls_without_encoding(ast.parse(text))
            wrong += [f"{path.relative_to(TOP)}:{call.lineno}" for call in calls]
    assert wrong == []


@pytest.mark.parametrize(
    ("call", "is_found"),
    [
        ("path.read_text()", True),
        ("path.read_text(encoding='utf-8')", False),
        ("path.write_text('x')", True),
        ("path.open()", True),
        ("path.open('w', newline='')", True),
        ("path.open('rb')", False),
        ("open('x', 'a')", True),
        ("open('x', mode='rb')", False),
        ("gzip.open(path)", False),
        ("gzip.open(path, 'rt')", True),
        ("os.fdopen(handle, 'w+b')", False),
        ("client.open('/v1/sites', method='GET')", False),
        ("read_text(path)", False),
    ],
)
def test_a_call_without_encoding_is_found(call, is_found):
    assert bool(list(_text_calls_without_encoding(ast.parse(call)))) == is_found
