"""Lint, format and types are part of the tests."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

TOP = Path(__file__).parents[1]


@pytest.mark.parametrize(
    "command",
    [["ruff", "check", "."], ["ruff", "format", "--check", "."], ["mypy"]],
    ids=["ruff check", "ruff format", "mypy"],
)
def test_the_tree_is_clean(command):
    if command == ["mypy"] and np.lib.NumpyVersion(np.__version__) >= "2.5.0":
        pytest.skip(
            "the types of numpy 2.5 refuse ndarray.max() and the like; the verdict is that with numpy 2.4"
        )
    done = subprocess.run(
        [sys.executable, "-m", *command], cwd=TOP, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stdout + done.stderr
