"""The script makes the committed files again, and they stay small."""

import gzip
import runpy
import warnings
import zlib
from gzip import compress

import pvlib
import pytest

pytestmark = pytest.mark.slow

MADE_WITH_PVLIB = "0.16"


@pytest.fixture(scope="module")
def made_again(data_folder, tmp_path_factory):
    folder = tmp_path_factory.mktemp("sample")
    script = data_folder / "make_sample.py"
    with pytest.MonkeyPatch.context() as patch, warnings.catch_warnings(action="ignore"):
        patch.setattr("sys.argv", [str(script), str(folder)])
        # The strongest compression takes a third of the time; what is compressed is compared.
        patch.setattr("gzip.compress", quick_compress)
        runpy.run_path(str(script), run_name="__main__")
    return folder


def quick_compress(data, level, *, mtime):
    return compress(data, 1, mtime=mtime)


def names(folder):
    return sorted(
        path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()
    )


@pytest.mark.skipif(
    not pvlib.__version__.startswith(MADE_WITH_PVLIB + "."),
    reason=f"made with pvlib {MADE_WITH_PVLIB}; {pvlib.__version__} may differ by a watt-hour",
)
def test_the_script_makes_the_same_content_again(made_again, data_folder):
    committed = data_folder / "sample"
    assert names(made_again) == names(committed)
    for name in names(committed):
        before, after = (committed / name).read_bytes(), (made_again / name).read_bytes()
        if name.endswith(
            ".gz"
        ):  # compressed bytes follow the machine's zlib, what is in them does not
            before, after = gzip.decompress(before), gzip.decompress(after)
        assert before == after, name


def test_the_list_of_files_is_complete(data_folder, sites):
    wanted = [
        "market_prices.csv.gz",
        "performance.csv",
        "sessions.csv",
        "sites.json",
        "tariffs.json",
        "troubles.json",
    ]
    wanted += [f"energy/{site['site_id']}.csv.gz" for site in sites]
    assert names(data_folder / "sample") == sorted(wanted)


def test_compressed_files_hold_no_time_and_no_name(data_folder):
    for path in (data_folder / "sample").rglob("*.gz"):
        header = path.read_bytes()[:10]
        assert header[3] == 0, f"{path.name}: flags, a file name among them"
        assert header[4:8] == bytes(4), f"{path.name}: time"


def test_text_files_end_lines_with_newline_alone(data_folder):
    for path in (data_folder / "sample").rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            text = zlib.decompress(content, 31) if path.suffix == ".gz" else content
            assert b"\r" not in text, path.name
            assert text.endswith(b"\n"), path.name
            assert not text.endswith(b"\n\n"), path.name


def test_data_is_under_three_megabytes(data_folder):
    kept = [p for p in data_folder.rglob("*") if p.is_file() and "__pycache__" not in p.parts]
    assert sum(path.stat().st_size for path in kept) < 3_000_000
