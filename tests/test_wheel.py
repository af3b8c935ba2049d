"""The wheel: what it contains, and that it runs away from the checkout."""

import importlib.util
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

TOP = Path(__file__).parents[1]
SAMPLE = TOP / "data" / "sample"

pytestmark = pytest.mark.slow

needs_hatchling = pytest.mark.skipif(
    importlib.util.find_spec("hatchling") is None or importlib.util.find_spec("pip") is None,
    reason="hatchling and pip build and install the wheel (extra: dev)",
)


def run(command, folder, **environment):
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "COV_"))
    }
    done = subprocess.run(
        [sys.executable, *map(str, command)],
        cwd=folder,
        env=kept | environment,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wheel")
    quiet = ["--quiet", "--disable-pip-version-check"]
    offline = ["--no-deps", "--no-build-isolation", "--no-index"]
    run(["-m", "pip", "wheel", *quiet, *offline, "-w", folder, TOP], folder)
    [path] = folder.glob("*.whl")
    return path


@pytest.fixture(scope="module")
def installed(wheel):
    """A folder with the installed wheel alone; its dependencies are those of this environment."""
    target, quiet = wheel.parent / "installed", ["--quiet", "--disable-pip-version-check"]
    run(
        ["-m", "pip", "install", *quiet, "--no-deps", "--no-index", "--target", target, wheel],
        wheel.parent,
    )
    return target


@needs_hatchling
def test_it_contains_the_package_and_the_sample_fleet_only(wheel):
    with zipfile.ZipFile(wheel) as archive:
        names = {name for name in archive.namelist() if not name.endswith("/")}
        sample = {name: archive.read(name) for name in names if "/sample_data/" in name}
    assert wheel.name.endswith("-py3-none-any.whl")
    modules = {str(path.relative_to(TOP)) for path in (TOP / "flipkit").rglob("*.py")}
    assert modules <= names
    assert "flipkit/py.typed" in names
    assert sample == {
        f"flipkit/emulator/sample_data/{path.relative_to(SAMPLE)}": path.read_bytes()
        for path in SAMPLE.rglob("*")
        if path.is_file()
    }
    assert {name.partition("/")[0] for name in names} == {
        "flipkit",
        f"{'-'.join(wheel.name.split('-')[:2])}.dist-info",
    }
    assert not [
        name for name in names if "pycache" in name or "tests" in name or name.endswith(".ipynb")
    ]
    assert any(name.endswith("licenses/LICENSE") for name in names)


@needs_hatchling
def test_it_runs_away_from_the_checkout_and_makes_the_same_reports(
    installed, tmp_path, demo_output
):
    look = "import flipkit, flipkit.emulator as e; "
    look += "print(flipkit.__file__, e.sample_folder(), sep='\\n')"
    for place in run(["-c", look], tmp_path, PYTHONPATH=str(installed)).splitlines():
        assert Path(place).is_relative_to(installed)
    [script] = (installed / "bin").glob("flipkit*")
    said = run(
        [script, "demo", "--out", "reports"], tmp_path, PYTHONPATH=str(installed), TQDM_DISABLE="1"
    )
    assert "Next: flipkit --help" in said
    folder = demo_output[0]
    names = sorted(path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
    assert names == sorted(
        p.relative_to(tmp_path / "reports")
        for p in (tmp_path / "reports").rglob("*")
        if p.is_file()
    )
    for name in names:
        assert (tmp_path / "reports" / name).read_bytes() == (folder / name).read_bytes(), name
