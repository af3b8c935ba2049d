"""Findings: every code has a meaning, every meaning a use and a test; how findings read."""

import ast
import re
from pathlib import Path

import pytest

import flipkit
from flipkit.frames import FINDING_CODES, Finding, as_text, rows_text

PACKAGE = Path(flipkit.__file__).parent
TESTS = Path(__file__).parents[1]
CODE = re.compile(r"[a-z_]+\.[a-z_]+")
# A finding written out: "period.cut: 3 of 30 days".
HEAD = re.compile(r"([a-z_]+\.[a-z_]+): ")
# A code that is made up when it is needed: f"dispatch.{method}".
FAMILY = re.compile(r"[a-z_]+\.")


def codes_in(source):
    """Return codes and families of codes, such as ``dispatch.``, in Python source."""
    tree = ast.parse(source)
    # Errors may begin with the name of a field: "site.state_code: ...".
    raised = {
        id(node)
        for statement in ast.walk(tree)
        if isinstance(statement, ast.Raise)
        for node in ast.walk(statement)
    }
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and node.args:
            found |= code_of_call(node)
        if (
            isinstance(node, ast.Constant)
            and isinstance(node.value, str)
            and id(node) not in raised
        ):
            head = HEAD.match(node.value)
            found |= {head[1]} if head else set()
    return found


def code_of_call(call):
    """The code in ``Finding("x.y", ...)``, ``_finding("x.y", ...)`` or ``note("x.y", ...)``."""
    code = call.args[0]
    function = ast.unparse(call.func).lower()
    if "finding" not in function and not function.endswith("note"):
        return set()
    if isinstance(code, ast.JoinedStr):
        code = code.values[0]
        pattern = FAMILY
    else:
        pattern = CODE
    return {code.value} if is_text(code) and pattern.fullmatch(code.value) else set()


def is_text(node):
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


def test_the_reader_of_codes_sees_every_way_to_write_one():
    source = """
a = Finding("one.a", words)
b = _finding("two.b", rows, "three.c: words")
c = f"four.d: {number} of 5"
d = Finding(f"five.{method}", "words")
record.note("six.f", "words")
raise InputError("site.state_code: unknown")
words = "no code"
e = Finding(other.name, "words")
"""
    assert codes_in(source) == {"one.a", "two.b", "three.c", "four.d", "five.", "six.f"}


def test_every_code_has_a_meaning_and_every_meaning_is_used():
    found = set()
    for path in PACKAGE.rglob("*.py"):
        found |= codes_in(path.read_text(encoding="utf-8"))
    families = tuple(code for code in found if code.endswith("."))
    codes = found - set(families)
    known = set(FINDING_CODES)
    assert len(codes) > 50
    assert codes - known == set(), "add them to FINDING_CODES in flipkit/frames/findings.py"
    unused = {code for code in known - codes if not code.startswith(families)}
    assert unused == set(), "nothing in the package has these codes"
    assert all(any(code.startswith(family) for code in known) for family in families)


def test_every_code_occurs_in_a_test():
    texts = [path.read_text(encoding="utf-8") for path in TESTS.rglob("test_*.py")]
    text = "\n".join(texts)
    assert {code for code in FINDING_CODES if code not in text} == set()


def test_a_meaning_is_one_line_without_a_stop():
    for meaning in FINDING_CODES.values():
        assert meaning == meaning.strip()
        assert "\n" not in meaning
        assert not meaning.endswith(".")


@pytest.mark.parametrize(
    ("rows", "shown"),
    [
        ((), ""),
        ((4,), " (row 4)"),
        ((4, 5), " (rows 4, 5)"),
        ((4, 5, 6), " (rows 4, 5, 6)"),
        ((4, 5, 6, 7), " (rows 4, 5, 6 and 1 more)"),
        (tuple(range(1234)), " (rows 0, 1, 2 and 1,231 more)"),
    ],
)
def test_three_rows_are_named_and_the_others_counted(rows, shown):
    assert rows_text(rows) == shown
    assert str(Finding("a.b", "words", rows)) == f"a.b: words{shown}"


def test_the_findings_of_a_row_are_one_cell():
    findings = [Finding("a.b", "one"), Finding("c.d", "two", (3,))]
    assert as_text(findings) == "a.b: one; c.d: two (row 3)"
    assert as_text([None, "e.f: three", None]) == "e.f: three"
    assert as_text([]) is None


def test_an_error_that_becomes_a_finding_does_not_look_like_two():
    finding = Finding("a.b", "no price; give one")
    assert as_text([finding, finding]) == "a.b: no price, give one; a.b: no price, give one"


def test_a_finding_is_read_back_from_its_text():
    assert Finding.of("a.b: demand c: 3 kW") == Finding("a.b", "demand c: 3 kW")
