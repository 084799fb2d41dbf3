"""The bugs that `python -m tests.mutation` plants: of every kind, where code is and nowhere else, and what is made of
them can be read by a compiler."""

from __future__ import annotations

import pytest

from tests.mutation import __main__ as mutation
from tests.mutation import native, python

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
    made = mutation.mutants_of(["recorder/trace/varint.py", "recorder/_core/value/names.c"])
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
    assert mutation.tests_for("recorder/trace/varint.py") == ["tests/trace", "tests/export"]
