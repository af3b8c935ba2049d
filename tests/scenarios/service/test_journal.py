"""The journal: answers are read back, wherever the file was cut, and nothing else is."""

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flipkit.errors import InputError
from flipkit.scenarios.service.journal import Journal, key_of

SERVICE = "https://service.example, version 1"
KEYS = {
    name: [key_of(name, number) for number in range(size)]
    for name, size in (("a", 5), ("b", 0), ("c", 7))
}
cost = st.floats(allow_nan=False, allow_infinity=False)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "costs.journal"


def fill(path, costs, stop=None):
    """Put each section's answers, last record first, up to `stop`; return what was known before."""
    known, left = {}, stop
    with Journal(path, SERVICE) as journal:
        for name, keys in KEYS.items():
            known[name] = journal.section("site", name, keys)
            for number in reversed(range(len(keys))):
                if number in known[name]:
                    continue
                if left == 0:
                    return known
                journal.put(number, keys[number], costs[name, number])
                left = None if left is None else left - 1
    return known


COSTS = {
    (name, number): (number - 2) / 7 for name, keys in KEYS.items() for number in range(len(keys))
}


def test_answers_are_read_back(path):
    assert fill(path, COSTS) == {name: {} for name in KEYS}
    again = fill(path, {})
    assert again == {
        name: {number: COSTS[name, number] for number in range(len(keys))}
        for name, keys in KEYS.items()
    }


@given(cost)
@settings(max_examples=50)
def test_costs_come_back_to_the_bit(tmp_path_factory, value):
    path = tmp_path_factory.mktemp("j") / "j"
    with Journal(path, SERVICE) as journal:
        journal.section("s", "c", ["k"])
        journal.put(0, "k", value)
    with Journal(path, SERVICE) as journal:
        assert repr(journal.section("s", "c", ["k"])[0]) == repr(value)


def test_cut_at_any_byte_it_resumes_after_the_last_whole_line(path, tmp_path):
    fill(path, COSTS)
    whole = path.read_bytes()
    for size in range(0, len(whole) + 1, 3):
        cut = tmp_path / "cut"
        cut.write_bytes(whole[:size])
        kept = whole[: whole[:size].rfind(b"\n") + 1].splitlines()
        known = fill(cut, COSTS)
        assert sum(map(len, known.values())) == sum(line.startswith(b"[") for line in kept)
        assert cut.read_bytes() == whole


@given(st.lists(st.integers(0, 12), max_size=4))
@settings(max_examples=30)
def test_stopped_again_and_again_nothing_is_put_in_twice(tmp_path_factory, stops):
    path = tmp_path_factory.mktemp("j") / "j"
    for stop in [*stops, None]:
        fill(path, COSTS, stop)
    lines = path.read_bytes().splitlines()
    assert len(set(lines)) == len(lines) == 1 + len(KEYS) + len(COSTS)
    assert sum(map(len, fill(path, {}).values())) == len(COSTS)


def test_another_simulation_is_refused_and_named(path):
    fill(path, COSTS, stop=6)
    words = "line 2: it is for another simulation, with site site, scenario 'a' instead of"
    with Journal(path, SERVICE) as journal, pytest.raises(InputError, match=words):
        journal.section("site", "z", KEYS["a"])
    with (
        Journal(path, SERVICE) as journal,
        pytest.raises(InputError, match="other energy for site site, scenario 'a'"),
    ):
        journal.section("site", "a", [*KEYS["a"][:-1], key_of("else")])
    before = path.read_bytes()
    with Journal(path, SERVICE) as journal:
        journal.section("site", "a", KEYS["a"])
        with pytest.raises(InputError, match="scenario 'b' instead of site site, scenario 'c'"):
            journal.section("site", "c", KEYS["c"])
    assert path.read_bytes() == before


def test_another_service_and_another_file_are_refused_and_not_touched(path, tmp_path):
    fill(path, COSTS)
    with pytest.raises(
        InputError,
        match=r"holds answers of https://service.example, version 1, not of http://other",
    ):
        Journal(path, "http://other, version 1")
    for content in (
        b"site_id,cost\n",
        b"mine",
        b"{}\n",
        b'{"journal":"x","service":"y"}\n',
        b"\xff\xfe\n",
        b"[1]\n",
    ):
        path.write_bytes(content)
        with pytest.raises(InputError, match="the file is not a journal"):
            Journal(path, SERVICE)
        assert path.read_bytes() == content
    for impossible in (tmp_path, tmp_path / "none" / "j"):
        with pytest.raises(InputError, match="name a file in an existing folder"):
            Journal(impossible, SERVICE)


@pytest.mark.parametrize("line", [2, 3, 4, 8, 9])
@pytest.mark.parametrize("damage", [b"???", b'[0,"k",1.0]', b'{"x":1}', b"[99]", b'[-1,"k",1.0]'])
def test_damage_in_the_middle_is_named_and_nothing_is_taken_from_it(path, line, damage):
    fill(path, COSTS)
    lines = path.read_bytes().splitlines()
    lines[line - 1] = damage
    path.write_bytes(b"\n".join(lines) + b"\n")
    with pytest.raises(InputError, match=rf"line {line} is damaged|line {line}: it is for another"):
        fill(path, {})


def test_a_missing_line_is_damage(path):
    fill(path, COSTS)
    lines = path.read_bytes().splitlines()
    del lines[3]
    path.write_bytes(b"\n".join(lines) + b"\n")
    with pytest.raises(InputError, match="1 answers before it are missing"):
        fill(path, {})


def test_two_runs_at_once_are_refused(path):
    with Journal(path, SERVICE):
        with pytest.raises(InputError, match="another run writes to it"):
            Journal(path, SERVICE)
        code = """
import sys
from flipkit.scenarios.service.journal import Journal

Journal(sys.argv[1], sys.argv[2])
"""
        command = [sys.executable, "-c", code, str(path), SERVICE]
        other = subprocess.run(command, capture_output=True, text=True, env=_environment())
        assert other.returncode == 1
        assert "another run writes to it" in other.stderr
    fill(path, COSTS)  # closed: free again


def _environment():
    import flipkit

    return {**os.environ, "PYTHONPATH": str(Path(flipkit.__file__).parents[1])}


def test_threads_write_whole_lines(path):
    keys = [key_of(number) for number in range(2_000)]
    with Journal(path, SERVICE) as journal:
        journal.section("s", "c", keys)

        def put(first):
            for number in range(first, len(keys), 8):
                journal.put(number, keys[number], number / 3)

        threads = [threading.Thread(target=put, args=(first,)) for first in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    with Journal(path, SERVICE) as journal:
        assert journal.section("s", "c", keys) == {
            number: number / 3 for number in range(len(keys))
        }
