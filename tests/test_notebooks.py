"""The notebooks are small, executed and independent of the machine; nbval runs them."""

import json
import re
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[1] / "notebooks"
PATHS = sorted(FOLDER.glob("*.ipynb"))

MACHINE = {
    "a path of a machine": r"(?<![\w.])/(?:home|root|tmp|work|usr|var|opt|Users|private)/|[A-Z]:\\",
    "a key or token": r"sk_live_\w{6}|sk_test_\w{6}|eyJ[\w-]{20}|Bearer [\w.-]{12}|Basic [\w=]{12}",
    "a timing or progress bar": r"it/s\]|s/it\]|\d%\|| ms ± |Wall time|CPU times",
    "an address in memory": r"\bat 0x[0-9a-f]{6}",
    "a warning": r"\w+Warning\b",
}


@pytest.fixture(params=PATHS, ids=lambda path: path.stem)
def notebook(request):
    return json.loads(request.param.read_text(encoding="utf-8"))


def source(cell):
    return "".join(cell["source"])


def code_cells(notebook):
    return [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]


def outputs(cell):
    """All output of a cell except pictures."""
    for output in cell["outputs"]:
        yield "".join(output.get("text", ""))
        yield from (
            "".join(text)
            for kind, text in output.get("data", {}).items()
            if kind.startswith("text/")
        )


def has_picture(cell):
    return any("image/png" in output.get("data", {}) for output in cell["outputs"])


def test_they_are_numbered_without_a_gap():
    assert [path.name[:3] for path in PATHS] == [f"{n:02}_" for n in range(1, len(PATHS) + 1)]
    assert len(PATHS) >= 3


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_each_is_at_most_250_kb(path):
    assert path.stat().st_size <= 250_000


def test_there_is_more_text_than_code(notebook):
    cells = notebook["cells"]
    assert len(cells) <= 30
    assert len(code_cells(notebook)) <= 0.6 * len(cells)
    assert max(len(source(cell).splitlines()) for cell in code_cells(notebook)) <= 12
    assert cells[0]["cell_type"] == "markdown"
    assert source(cells[0]).startswith("# ")


def test_every_cell_was_run_in_order_and_none_failed(notebook):
    counts = [cell["execution_count"] for cell in code_cells(notebook)]
    assert counts == list(range(1, len(counts) + 1))
    kinds = {output["output_type"] for cell in code_cells(notebook) for output in cell["outputs"]}
    assert kinds <= {"stream", "execute_result", "display_data"}
    assert "stderr" not in {
        output.get("name") for cell in code_cells(notebook) for output in cell["outputs"]
    }


def test_any_machine_can_run_it(notebook):
    assert notebook["metadata"]["kernelspec"]["name"] == "python3"
    assert not any(cell["metadata"] for cell in notebook["cells"])
    assert not any(
        source(cell).rstrip().endswith(";") for cell in notebook["cells"]
    )  # nbval would see an output more


@pytest.mark.parametrize("what", MACHINE)
def test_it_contains_nothing_of_one_machine_or_run(notebook, what):
    written = [source(cell) for cell in notebook["cells"]]
    written += [text for cell in code_cells(notebook) for text in outputs(cell)]
    assert [found.group() for text in written for found in re.finditer(MACHINE[what], text)] == []


def test_the_patterns_find_their_targets():
    examples = [
        "/home/me/x",
        "sk_live_65e88ad8b130",
        "| 3/9 [00:01<00:02,  2.50it/s]",
        "<X at 0x7f00aa12>",
        "UserWarning",
    ]
    for pattern, example in zip(MACHINE.values(), examples, strict=True):
        assert re.search(pattern, example)


def test_a_table_of_the_numbers_follows_each_picture(notebook):
    """Pictures are not compared when the notebooks are tested; the tables are."""
    cells = code_cells(notebook)
    for cell, following in zip(cells, [*cells[1:], None], strict=True):
        if has_picture(cell):
            assert following is not None
            assert any("<table" in text for text in outputs(following))


def test_figures_in_the_text_are_in_an_output(notebook):
    """Bold figures in the text occur in the output of a cell above."""
    seen = ""
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code":
            seen += " ".join(outputs(cell)) + " "
            continue
        for figure in re.findall(r"\*\*(-?[\d.]+)\*\*", source(cell)):
            assert re.search(rf"(?<![\d.]){re.escape(figure)}(?![\d]|\.\d)", seen), (
                f"{figure}: {source(cell)[:80]}"
            )
