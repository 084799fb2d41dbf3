"""The bugs that `python -m tests.mutation` plants: of every kind, where code is and nowhere else, and what is made of
them can be read by a compiler."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.mutation import __main__ as mutation
from tests.mutation import native, noticing, python
from tests.mutation.checkout import Checkout

PYTHON = '''"""1 < 2"""
from typing import TYPE_CHECKING
if TYPE_CHECKING:
    x = 1 < 2
def f(a: "1 < 2", b=True):
    """No 1 < 2."""
    if a < 1 and b is not None:  # 1 < 2
        a.done = g("ä", a) + 7
    a += 1
    g(a)
    return a
'''
FROM_PYTHON = [
    ("constant", "True", "False"),
    ("condition", "a < 1 and b is not None", "not (a < 1 and b is not None)"),
    ("and, or", "and", "or"),
    ("comparison", "<", "<="),
    ("constant", "1", "2"),
    ("comparison", "is not", "is"),
    ("dropped statement", 'a.done = g("ä", a) + 7', "pass"),
    ("arithmetic", "+", "-"),
    ("argument order", '"ä", a', 'a, "ä"'),
    ("constant", "7", "8"),
    ("dropped statement", "a += 1", "pass"),
    ("constant", "1", "2"),
    ("dropped call", "g(a)", "pass"),
    ("return", "return a", "return None"),
]
C = """/* 1 < 2 */
#define MOST 3
static int f(int a, char *b)
{
    if (a < 4 && b != NULL) { // 1 < 2
        g(a, b);
    }
    a = a + 5; /* "1 < 2" */
    return a;
}
"""
FROM_C = [
    ("condition", "a < 4 && b != NULL", "!(a < 4 && b != NULL)"),
    ("comparison", "<", "<="),
    ("constant", "4", "5"),
    ("and, or", "&&", "||"),
    ("comparison", "!=", "=="),
    ("dropped call", "g(a, b);", ";"),
    ("argument order", "a, b", "b, a"),
    ("dropped statement", "a = a + 5;", ";"),
    ("arithmetic", "+", "-"),
    ("constant", "5", "6"),
    ("return", "a", "0"),
]
CYTHON = '''cdef int f(int a, object b) noexcept:
    """1 < 2"""
    if a < 4 and b is not None:        # 1 < 2
        g(a, b)
    a = a + 5
    return a
'''
FROM_CYTHON = [
    ("condition", "a < 4 and b is not None", "not (a < 4 and b is not None)"),
    ("comparison", "<", "<="),
    ("constant", "4", "5"),
    ("and, or", "and", "or"),
    ("and, or", "is not", "is"),
    ("dropped call", "g(a, b)", "pass"),
    ("argument order", "a, b", "b, a"),
    ("dropped statement", "a = a + 5", "pass"),
    ("arithmetic", "+", "-"),
    ("constant", "5", "6"),
    ("return", "a", "0"),
]


@pytest.mark.parametrize(
    ("file", "text", "expected"),
    [("a.py", PYTHON, FROM_PYTHON), ("a.c", C, FROM_C), ("a.pyx", CYTHON, FROM_CYTHON)],
)
def test_a_bug_of_every_kind(file: str, text: str, expected: list[tuple[str, str, str]]) -> None:
    made = (python if file == "a.py" else native).mutants(file, text)
    assert sorted((one.operator, one.old, one.new) for one in made) == sorted(expected)
    assert {one.function for one in made} == {"f"}
    for one in made:
        changed = one.applied(text)
        assert changed != text
        if file == "a.py":
            compile(changed, file, "exec")


def test_bugs_are_chosen_by_the_seed_and_some_in_the_core() -> None:
    made = mutation.mutants_of(["recorder/trace/varint.py", "recorder/_core/value/name_patterns.c"])
    some = mutation.chosen(made, 7, 6, 3)
    assert some == mutation.chosen(made, 7, 6, 3) != mutation.chosen(made, 8, 6, 3)
    assert len(some) == 6 and len({(one.file, one.line) for one in some}) == 6
    assert sum(one.file.endswith(".c") for one in some) >= 3


def test_the_report_names_what_survived(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mutation, "equivalents", lambda: {"a.py::f: constant: '2' → '3'": "why"})
    outcomes = {"1": "caught", "2": "survived", "3": "survived", "4": "impossible"}
    rows = [
        {"key": f"a.py::f: constant: '{n}' → '{int(n) + 1}'", "outcome": outcome}
        for n, outcome in outcomes.items()
    ]
    assert mutation.report(rows) == "a.py::f\n  constant: '3' → '4'\n1 of 2 caught, 50 %"


def test_the_tests_of_a_file_are_those_that_the_page_names() -> None:
    folders = ["tests/trace", "tests/export", "tests/bugs"]
    assert noticing.folders_for("recorder/trace/varint.py") == folders


def test_the_likely_and_the_fast_tests_come_first_and_no_more_than_there_is_time_for() -> None:
    names = ("cutting", "changes", "why", "compare", "bounds")
    seconds = {f"tests/trace/test_{name}.py": float(n) for n, name in enumerate(names, 1)}
    ordered = noticing.in_order("recorder/trace/compare.py", [*seconds], seconds)
    assert ordered[0] == "tests/trace/test_compare.py"
    assert sorted(ordered) == sorted(seconds)
    others = [one for one in ordered if "compare" not in (noticing.ROOT / one).read_text()]
    assert ordered[-len(others) :] == others == sorted(others, key=lambda one: seconds[one])
    assert noticing.within(ordered, seconds, 1.0) == ordered[:1]
    assert noticing.within(ordered, seconds, 15.0) == ordered


def test_how_long_tests_take_is_read_from_a_report_and_what_fails_is_left_out() -> None:
    report = """<testsuites><testsuite>
        <testcase classname="tests.trace.test_a" time="1.5"/>
        <testcase classname="tests.trace.test_a.Class" time="0.5"/>
        <testcase classname="tests.trace.test_b" time="2"><failure/></testcase>
    </testsuite></testsuites>"""
    found = noticing.times_of(ElementTree.ElementTree(ElementTree.fromstring(report)))
    assert found == {"tests/trace/test_a.py": 2.0, "tests/trace/test_b.py": None}


def test_a_bug_is_in_the_copy_as_long_as_it_is_looked_at(tmp_path: Path) -> None:
    [mutant, *_] = mutation.mutants_of(["recorder/trace/varint.py"])
    checkout = Checkout(tmp_path)
    planted = tmp_path / mutant.file
    text, times = planted.read_text(), planted.stat()
    with checkout.planted(mutant) as could_be_built:
        assert could_be_built
        assert planted.read_text() == mutant.applied(text)
    assert planted.read_text() == text
    assert planted.stat().st_mtime_ns == times.st_mtime_ns  # what was compiled of it counts again
    (tmp_path / "test_it.py").write_text("def test(): assert False")
    status, said = checkout.run(["test_it.py"], seconds=60)
    assert status == 1 and "FAILED test_it.py::test" in said
