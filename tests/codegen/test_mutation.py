"""The bugs that `python -m tests.mutation` plants: of every kind, where code is and nowhere else, and what is made of
them can be read by a compiler."""

from __future__ import annotations

import math
import subprocess
import sys
from functools import partialmethod
from pathlib import Path
from typing import Any

import pytest

from tests.mutation import __main__ as mutation
from tests.mutation import loaded, native, noticing, python, switched
from tests.mutation.checkout import Checkout
from tests.mutation.forks import CANNOT, Request
from tests.mutation.mutant import Mutant
from tests.mutation.reach import Ledger, Marks, Seen

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
    return None
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
    assert sum(one.file.endswith(".c") for one in some) == 3


def test_the_report_names_what_survived(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mutation, "equivalents", lambda: {"a.py::f: constant: '2' → '3'": "why"})
    outcomes = {"1": "caught", "2": "survived", "3": "survived", "4": "impossible"}
    rows = [
        {"key": f"a.py::f: constant: '{n}' → '{int(n) + 1}'", "line": 5, "outcome": outcome}
        for n, outcome in outcomes.items()
    ]
    assert mutation.report(rows) == "a.py::f\n  5: constant: '3' → '4'\n1 of 2 caught, 50 %"


@pytest.mark.parametrize(
    ("file", "folders"),
    [
        ("varint.py", "trace export bugs"),
        ("values/forms.py", "trace capture export bugs"),  # of both rows that it is in
        ("container/file.py", "trace staging export bugs"),
        ("recovery.py", "staging trace export bugs"),
    ],
)
def test_the_tests_of_a_file_are_those_that_the_page_names(file: str, folders: str) -> None:
    found = noticing.folders_for(f"recorder/trace/{file}")
    assert found == [f"tests/{folder}" for folder in folders.split()]


# ---- many in one build -----------------------------------------------------------------------------

C_FORMS = [  # a line of a function, what a bug makes of a part of it, what is built
    ("if (a < b) {", "<", "<=", "if (mutated(1) ? !!(a <= b) : !!(a < b)) {"),
    (
        "} else if (f(a, b)) {",
        "a, b",
        "b, a",
        "} else if (mutated(1) ? !!(f(b, a)) : !!(f(a, b))) {",
    ),
    ("return a + 1;", "+", "-", "return mutated(1) ? (a - 1) : (a + 1);"),
    ("int c = a + 1;", "1", "2", "int c = mutated(1) ? (a + 2) : (a + 1);"),
    ("a = b + 1;", "+", "-", "{ if (mutated(1)) { a = b - 1; } else { a = b + 1; } }"),
    ("if (a) f(b);", "f(b);", ";", "if (a) { if (mutated(1)) { ; } else { f(b); } }"),
    (
        "for (a = 0; a < b; a++)",
        "<",
        "<=",
        "for (a = 0;mutated(1) ? !!( a <= b) : !!( a < b); a++)",
    ),
    (
        "for (;;) if (a < b) f(a);",
        "<",
        ">",
        "for (;;) if (mutated(1) ? !!(a > b) : !!(a < b)) f(a);",
    ),
    ("case 1: f(a);", "a", "b", "case 1: { if (mutated(1)) { f(b); } else { f(a); } }"),
    ("switch (a) {", "a", "b", "switch (mutated(1) ? (b) : (a)) {"),
    ("static int c = 1;", "1", "2", None),
    ("case 1:", "1", "2", None),
    ("int c[] = {1, 2};", "1", "2", None),
]
CYTHON_FORMS = [
    ("if a < b:", "<", "<=", "if ((not not (a <= b)) if mutated(1) else (not not (a < b))):"),
    ("elif a:", "a", "not (a)", "elif ((not not (not (a))) if mutated(1) else (not not (a))):"),
    ("return a + 1", "+", "-", "return ((a - 1) if mutated(1) else (a + 1))"),
    ("cdef int c = a + 1", "+", "-", "cdef int c = ((a - 1) if mutated(1) else (a + 1))"),
    ("a += 1  # one", "1", "2", "if mutated(1): a += 2\n    else: a += 1  # one"),
    ("f(a,\n      b)", "a,\n      b", "b, a", "if mutated(1): f(b, a)\n    else: f(a,\n      b)"),
    ("for i in range(n):", "n", "n + 1", None),
    ("cdef int f(int a=1):", "1", "2", None),
]


@pytest.mark.parametrize(
    ("file", "line", "old", "new", "expected"),
    [("a.c", *row) for row in C_FORMS] + [("a.pxi", *row) for row in CYTHON_FORMS],
)
def test_a_bug_is_behind_a_switch(
    file: str, line: str, old: str, new: str, expected: str | None
) -> None:
    head, tail = (
        ("int f(int a)\n{\n    g();\n    ", "\n}\n") if file == "a.c" else ("cdef f():\n    ", "\n")
    )
    text = head + line + tail
    at = len(head) + (line.rindex(old) if old in "ab" else line.index(old))
    bug = Mutant(file, "f", 1, "", at, at + len(old), old, new)
    made = switched.switched(file, text, [(1, bug)])
    assert made.text == head + (line if expected is None else expected) + tail
    assert (1 in made.lines) == (expected is not None)


def test_several_bugs_of_one_place_are_behind_switches_of_their_own() -> None:
    text = "cdef f():\n    if a < 1:\n        pass\n"
    bugs = [Mutant("", "", 0, "", 19, 20, "<", "<="), Mutant("", "", 0, "", 21, 22, "1", "2")]
    made = switched.switched("a.pyx", text, enumerate(bugs, 1))
    both = "(not not (a <= 1)) if mutated(1) else (not not (a < 2)) if mutated(2) else (not not (a < 1))"
    assert made.text == text.replace("a < 1", f"({both})") + switched.DECLARED
    assert made.lines == {1: (2, 2), 2: (2, 2)}


@pytest.mark.needs("cc")
def test_the_number_of_the_bug_is_written_into_what_was_built(tmp_path: Path) -> None:
    reached = tmp_path / "reached"
    reached.write_bytes(bytes(switched.MOST))
    compiler = switched.write_compiler(tmp_path, "cc")
    subprocess.run(["cc", "-fPIC", "-c", "switch.c"], cwd=tmp_path, check=True)
    (tmp_path / "a.c").write_text("int asked(int n) { return mutated(n); }")
    for command in (["-fPIC", "-c", "a.c"], ["-shared", "a.o", "-o", "a.so"]):
        subprocess.run([compiler, *command], cwd=tmp_path, check=True)
    ask = "import ctypes; asked = ctypes.CDLL('./a.so').asked; print(asked(7), asked(8))"
    for number, said in ((switched.NONE, "0 0"), (7, "1 0"), (8, "0 1"), (switched.ALL, "0 0")):
        switched.switch(tmp_path / "a.so", number, reached if number == switched.ALL else None)
        found = subprocess.check_output([sys.executable, "-c", ask], cwd=tmp_path, text=True)
        assert found == f"{said}\n"
        again = f"{ask.partition(';')[0]}; ctypes.CDLL('./a.so').switch_mutation(8); {ask}"
        found = subprocess.check_output([sys.executable, "-c", again], cwd=tmp_path, text=True)
        assert found == "0 1\n"  # of what is loaded
        assert reached.read_bytes()[7:9] == (b"\1\1" if number == switched.ALL else b"\0\0")


def test_what_a_test_comes_by_is_marked_in_whichever_process(tmp_path: Path) -> None:
    text = (
        "from __future__ import annotations\n"
        "@staticmethod\ndef f(a,\n      b=1):\n    if a:\n        return 1\n    elif b:\n"
        "        return [\n            2]\n    return 3\n"
    )
    bugs = {
        n: Mutant("a.py", "f", line, "", 0, 0, "", "") for n, line in enumerate((4, 6, 7, 9, 10), 1)
    }
    marks = Marks(tmp_path / "marks")
    marks.make(bugs, 64)
    with_marks = marks.with_marks(text, bugs.items())
    for call, reached in (("", {1}), ("f(1)", {2, 3}), ("f(0)", {3, 4}), ("f(0, 0)", {3, 5})):
        begun = {} if call else marks.taken()
        assert not begun
        marks.make(bugs, 64)
        subprocess.run(
            [sys.executable, "-c", with_marks + call.replace("f(", "f.__func__(")], check=True
        )
        assert marks.taken() - (set() if not call else {1}) == reached
    marks.core.write_bytes(b"\0\0\1")
    assert marks.taken() == {2} and marks.taken() == set()


# ---- which tests are asked ---------------------------------------------------------------------------


def seen(**tests: tuple[float, set[int]]) -> dict[str, Seen]:
    return {
        f"tests/{name.replace('__', '/')}.py::t": Seen(9.0, seconds, "passed", frozenset(reached))
        for name, (seconds, reached) in tests.items()
    }


def test_the_likely_and_the_fast_tests_come_first_and_then_more() -> None:
    tests = seen(
        view__test_a=(0.1, {1}),
        trace__test_b=(7.0, {1}),
        trace__test_c=(4.5, {1}),
        trace__test_compare=(20.0, {1}),
        trace__test_fixture=(0.1, {2}),
    )
    ordered = noticing.in_order("recorder/trace/compare.py", "f", 1, tests, ())
    names = [test.partition("test_")[2].partition(".")[0] for test in ordered]
    assert names == ["compare", "c", "b", "a", "fixture"]
    first, second = noticing.rounds(ordered, tests, 7.2)
    assert first == ordered[:1]  # always one
    assert second == [ordered[1], *ordered[3:]]  # what fits
    _, all_of_them = noticing.rounds(ordered, tests, math.inf)
    assert all_of_them == ordered[1:]
    _, from_few_files = noticing.rounds(ordered, tests, math.inf, 2)
    assert from_few_files == ordered[1:3]
    for function, first in ("g", "c"), ("comparing", "c"), ("compare_it", "compare"):
        found = noticing.in_order("recorder/trace/varint.py", function, 1, tests, ())
        assert found[0].endswith(f"test_{first}.py::t")
    tests["tests/view/test_z.py::t"] = Seen(9.0, 0.1, "unknown", frozenset())
    assert noticing.in_order("recorder/trace/compare.py", "f", 1, tests, ())[-2].endswith(
        "test_z.py::t"
    )
    again = noticing.in_order(
        "recorder/trace/compare.py", "f", 1, tests, ["tests/view/test_a.py::t"]
    )
    assert again[:2] == [ordered[3], ordered[0]]  # it has noticed another bug of the file


def test_a_file_of_tests_that_has_changed_is_looked_at_again(tmp_path: Path) -> None:
    test = tmp_path / "test_a.py"
    test.write_text("1")
    ledger = Ledger(tmp_path / "ledger", tmp_path)
    found = {
        "test_a.py::one": Seen(1.0, 0.5, "passed", frozenset({3})),
        "test_a.py::two": Seen(1.0, 0.5, "passed", frozenset()),
    }
    ledger.add("test_a.py", found | {"test_a.py::bad": Seen(1.0, 0.5, "failed", frozenset({3}))})
    again = Ledger(ledger.path, tmp_path)
    assert again.reaching(3) == found  # what a file's tests share is made by the first of them
    assert again.reaching(4) == {}
    test.write_text("2")
    assert Ledger(ledger.path, tmp_path).files == {}


class Answers:
    """What pytest says, time after time: the test that failed, its status."""

    def __init__(self, *answers: tuple[str, int | None, str]) -> None:
        self.answers = [*answers]
        self.asked: list[list[str]] = []

    def __call__(self, trial: object, tests: list[str]) -> tuple[str, int | None, str, float]:
        self.asked.append(tests)
        answer = self.answers.pop(0)
        return (*answer, 1.0 if answer == QUICKLY else 1.5)


QUICKLY = ("c", 1, "assert")
PASSES, FAILS, HANGS = ("", 0, ""), ("b", 1, "assert"), ("", None, "")


@pytest.mark.parametrize(
    ("answers", "asked", "found"),
    [
        ([PASSES], ["abc"], ("", "")),
        ([QUICKLY], ["abc"], ("c", "")),
        ([FAILS, FAILS], ["abc", "b"], ("b", "")),
        ([FAILS, PASSES, PASSES], ["abc", "b", "c"], ("", "")),  # by chance: it goes on behind it
        ([("b", 1, ""), ("b", 1, "Failed: Timeout (>120.0s)")], ["abc", "b"], ("b", "b")),
        ([("", -11, ""), ("", -11, "boom")], ["abc", "abc"], ("status -11: boom", "")),
        ([HANGS, HANGS], ["abc", "abc"], ("it hangs", "abc")),
        ([HANGS, PASSES], ["abc", "abc"], ("", "")),
    ],
)
def test_what_fails_has_noticed_but_if_it_took_long_it_has_to_fail_twice(
    answers: list[tuple[str, int | None, str]], asked: list[str], found: tuple[str, str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    tests = Answers(*answers)
    monkeypatch.setattr(mutation.Trial, "run", lambda *asked: tests(*asked))
    known = dict.fromkeys("abc", Seen(0.1, 0.1, "passed", frozenset()))
    [mutant, *_] = mutation.mutants_of(["recorder/trace/varint.py"])
    trial = mutation.Trial(None, 1, mutant, False, known)  # type: ignore[arg-type]
    failed, slow = trial.first_failure([*"abc"])
    assert (failed, "".join(slow)) == found
    assert ["".join(one) for one in tests.asked] == asked


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    return Checkout(tmp_path_factory.mktemp("mutation"))


def test_a_bug_is_in_the_copy_as_long_as_it_is_looked_at(checkout: Checkout) -> None:
    [mutant, *_] = mutation.mutants_of(["recorder/trace/varint.py"])
    planted = checkout.root / mutant.file
    text = planted.read_text()
    times = [planted.stat().st_mtime]
    for _ in range(2):
        with checkout.planted(1, mutant) as could_be_built:
            assert could_be_built
            assert planted.read_text() == mutant.applied(text)
            times.append(planted.stat().st_mtime)
        assert planted.read_text() == text
        times.append(planted.stat().st_mtime)
    assert (
        len({int(time) for time in times}) == 5
    )  # nothing that was compiled counts for another text


TESTS = """
import os, subprocess, sys, time
from recorder.trace import varint
def test_first(): assert os.getpid() != varint.MASK
def test_second(): assert varint.put(300) == bytes([0xAC, 2])
def test_started():
    code = "from recorder.trace import varint; print(*varint.put(300))"
    assert subprocess.check_output([sys.executable, "-c", code]) == b"172 2\\n"
def test_slow(): time.sleep(100)
"""
OLD = """MASK = 0x7F
def put(number):
    made = bytearray()
    while number > MASK:
        made.append(number & MASK | 0x80)
        number >>= 7
    return bytes(made) + bytes([number])
"""


def test_a_process_that_has_collected_forks_for_each_bug(checkout: Checkout) -> None:
    """A bug is in the process that is forked, and in those that it starts; of the next bug nothing is left."""
    module = checkout.root / "recorder/trace/varint.py"
    whole = module.read_text()
    checkout.write(module, OLD)
    (checkout.root / "tests/test_it.py").write_text(TESTS)
    names = [f"tests/test_it.py::test_{name}" for name in ("second", "started", "first", "slow")]

    def outcomes(new: str, tests: list[str], stop: bool = False) -> tuple[int | None, list[str]]:
        checkout.write(module, new)
        request = Request(tests, str(checkout.told), stop, 0, str(module), OLD, new)
        status = mutation.ask(checkout, server, request, 1 if names[3] in tests else 60)
        return status, [row[3] for row in mutation.read_lines(checkout.told)[1:]]

    server = checkout.serve(["tests/test_it.py"])
    try:
        assert outcomes(OLD, names[:3]) == (0, ["passed", "passed", "passed"])
        bug = OLD.replace(">>= 7", ">>= 8")
        assert outcomes(bug, names[:3]) == (1, ["failed", "failed", "passed"])
        assert outcomes(bug, names[:3], stop=True) == (1, ["failed"])
        assert outcomes(OLD.replace("0x7F", "0x7E"), names[:3]) == (CANNOT, [])
        assert outcomes(OLD, names[3:]) == (None, [])
        assert outcomes(OLD, names[:1]) == (0, ["passed"])
    finally:
        server.close()
        checkout.write(module, whole)


def test_what_has_no_bug_has_collected_before_there_is_one(
    checkout: Checkout, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else it imports the first one, and with it fails, or hides, whatever else is asked."""
    module = checkout.root / "recorder/trace/varint.py"
    whole = module.read_text()
    checkout.write(module, OLD)
    (checkout.root / "tests/test_it.py").write_text(TESTS)
    monkeypatch.setattr(Checkout, "serve", partialmethod(Checkout.serve, ["tests/test_it.py"]))
    server = checkout.server
    try:
        checkout.write(module, OLD.replace(">>= 7", ">>= 8"))
        request = Request(["tests/test_it.py::test_second"], str(checkout.told), True)
        assert mutation.ask(checkout, server, request, 60) == 0
    finally:
        checkout.close()
        checkout.write(module, whole)


NESTED = """
def outer(a):
    def inner():
        return a + 1
    return inner
class Of:
    @property
    def it(self): return [n + 1 for n in (1, 2)]
    LIMIT = 3
made = outer(5)
"""


@pytest.mark.parametrize(
    ("old", "new", "seen"),
    [
        ("a + 1", "a - 1", (4, [2, 3], 4)),  # in what was made before, too
        ("n + 1", "n - 1", (6, [0, 1], 6)),
        ("return inner", "return None", (6, [2, 3], None)),
        ("LIMIT = 3", "LIMIT = 4", None),
        ("outer(5)", "outer(6)", None),
        ("return a + 1", "return 1", None),  # it needs nothing of what is around it
    ],
)
def test_a_loaded_function_is_changed(old: str, new: str, seen: object, tmp_path: Path) -> None:
    name = str(tmp_path / "nested.py")
    names: dict[str, Any] = {}
    exec(compile(NESTED, name, "exec", dont_inherit=True), names)
    can = loaded.change_functions(name, NESTED, NESTED.replace(old, new))
    assert can == (seen is not None)
    if can:
        again = names["outer"](5)
        assert (names["made"](), names["Of"]().it, again and again()) == seen


def test_a_folder_is_gone_on_with_by_who_asks_for_the_same(tmp_path: Path) -> None:
    asked = mutation.Asked(["recorder/trace/varint.py"], 3, 2, None)
    sample = mutation.sample_in(tmp_path, None, asked)  # type: ignore[arg-type]  # nothing is built
    assert [*sample.mutants.values()] == asked.mutants()
    again = mutation.sample_in(tmp_path, None, asked)  # type: ignore[arg-type]
    assert again == sample
    with pytest.raises(SystemExit, match="other bugs were begun with"):
        mutation.sample_in(tmp_path, None, asked._replace(seed=4))  # type: ignore[arg-type]
