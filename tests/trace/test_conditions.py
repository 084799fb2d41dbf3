"""What the core computes of a condition has the meaning that the expression has; what rules an event out once does so
until something that it names is set; and neither loses an event."""

from __future__ import annotations

import builtins
import contextlib
import random
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from recorder.trace.expressions.asking import Repeated
from recorder.trace.expressions.expression import Expression
from recorder.trace.reader import Event, Trace, open_trace

PROGRAMS = Path(__file__).parent.parent / "programs"
ASKED = ("classes", "containers", "global_names", "instances", "mappings", "number_values", "scalars", "text_values",
         "typed_values")  # fmt: skip
MOST_EVENTS = 250
QUESTIONS = 150

TraceOf = Callable[[Path], Path]


@pytest.fixture(scope="module", params=ASKED)
def trace(request: pytest.FixtureRequest, trace_of: TraceOf) -> Iterator[Trace]:
    with open_trace(trace_of(PROGRAMS / f"{request.param}.py")) as opened:
        yield opened


# ---- one meaning ---------------------------------------------------------------------------------


def brute(trace: Trace, text: str, events: Iterable[Event]) -> list[tuple[int, str, str]]:
    """The condition itself, asked at every event."""
    found, condition = [], Expression(text)
    for event in events:
        answer = trace._asker.ask(condition, event, True)
        if answer.kind == "error":
            found.append((event.seq, "error", answer.reason))
        elif answer.truth is not False:
            kind = "hit" if answer.truth else "maybe"
            found.append((event.seq, kind, "" if answer.truth else answer.reason))
    return found


def test_random_conditions_mean_in_the_core_what_they_mean(trace: Trace) -> None:
    rng = random.Random(11)
    stop = min(len(trace), MOST_EVENTS)
    maker = Maker(rng, trace, stop)
    events, computed = [*trace.events(stop=stop)], 0
    for _ in range(QUESTIONS):
        text = maker.condition(3)
        computed += bool(Expression(text).steps)
        hits = [(hit.seq, hit.kind, hit.reason) for hit in trace.hits(when=text, stop=stop)]
        assert hits == brute(trace, text, events), text
    assert computed > QUESTIONS / 2  # otherwise it is the expression that was held against itself


class Maker:
    """Conditions about what is in a trace."""

    def __init__(self, rng: random.Random, trace: Trace, stop: int) -> None:
        self.rng = rng
        self.names: dict[str, set[str]] = {}  # with the parts that they have
        self.constants = [
            "0",
            "1",
            "-1",
            "2.5",
            "None",
            "True",
            "False",
            "''",
            "'a'",
            "7",
            "2**40",
            "'é'",
            "-0.0",
        ]
        for event in trace.events(stop=stop):
            for name, value in event.locals.items():
                if name[:2] != "__":
                    self.names.setdefault(name, set()).update(parts(value))
        for event in trace.events(stop=stop):
            for value in event.locals.values():
                if len(self.constants) < 60 and type(value._tree) in (int, float, str):
                    written = repr(value._tree)
                    if len(written) < 20 and written not in ("nan", "inf", "-inf"):
                        self.constants.append(written)

    def condition(self, depth: int) -> str:
        which = self.rng.randrange(11) if depth else 10
        if which < 2:
            word = self.rng.choice((" and ", " or "))
            return (
                "("
                + word.join(self.condition(depth - 1) for _ in range(self.rng.choice((2, 3))))
                + ")"
            )
        if which == 2:
            return f"not {self.condition(depth - 1)}"
        if which == 3:
            return f"{self.value(depth - 1)} is {self.rng.choice(('', 'not '))}{self.rng.choice(('None', 'True'))}"
        if which == 4:
            chosen = ", ".join(self.rng.choices(self.constants, k=2))
            return f"{self.value(depth - 1)} {self.rng.choice(('in', 'not in'))} ({chosen},)"
        if which == 5:
            return f"{self.name()}.{self.rng.choice(('startswith', 'endswith'))}('a')"
        if which == 6:
            return self.value(depth - 1)
        if which == 7:
            return f"{self.value(0)} {self.rng.choice(('in', 'not in'))} {self.name()}"
        if which == 8:
            asked = self.rng.choice(
                ("int", "str", "bool", "object", "(list, tuple)", "(dict, float)", "bytes", "set")
            )
            return f"isinstance({self.value(depth - 1)}, {asked})"
        signs = self.rng.choices(
            ("==", "!=", "<", "<=", ">", ">="), k=self.rng.choice((1, 1, 1, 2))
        )
        return self.value(depth) + "".join(
            f" {sign} {self.value(max(depth - 1, 0))}" for sign in signs
        )

    def value(self, depth: int) -> str:
        which = self.rng.randrange(13) if depth else 6 + self.rng.randrange(4)
        if which > 10:
            asked = self.rng.choice(("abs", "str", "int", "float", "bool"))
            return f"{asked}({self.value(depth - 1)})"
        if which == 10:
            given = ", ".join(self.value(depth - 1) for _ in range(self.rng.choice((2, 3))))
            return f"{self.rng.choice(('min', 'max'))}({given})"
        if which < 2:
            sign = self.rng.choice(("+", "-", "*", "//", "%", "/", "&", "|", "^"))
            return f"({self.value(depth - 1)} {sign} {self.value(depth - 1)})"
        if which == 2:
            return self.of_contents(depth - 1)
        if which == 3:
            return f"-{self.value(depth - 1)}"
        if which < 5:
            return self.rng.choice(self.constants)
        return self.name()

    def of_contents(self, depth: int) -> str:
        """Of what is in a container: as it is, sorted, or as a comprehension goes through it."""
        function = self.rng.choice(("len", "sum", "min", "max", "any", "all"))
        which = self.rng.randrange(6)
        if which == 0:
            return f"{function}({self.name()})"
        if which == 1:
            return f"sorted({self.name()})[{self.rng.choice((0, -1, 1))}]"
        bound, method = self.rng.choice(
            (("v", ""), ("v", ""), ("v", ".keys()"), ("v", ".values()"), ("k, v", ".items()"))
        )
        kept = f" if {self.about_each(depth)}" if self.rng.random() < 0.4 else ""
        made = f"{self.about_each(depth)} for {bound} in {self.name()}{method}{kept}"
        return f"{function}([{made}])" if which == 2 or function == "len" else f"{function}({made})"

    def about_each(self, depth: int) -> str:
        """Some of it about the variable of the comprehension."""
        return self.rng.choice(
            ("v", "v", f"v > {self.value(depth)}", f"{self.value(depth)} == v", "v is None", "v.get('a')",
                                f"v + {self.value(0)}", "str(v)", "v.size", f"{self.condition(depth)} and v")
        )  # fmt: skip

    def name(self) -> str:
        name = self.rng.choice(sorted(self.names) or ["nothing"])
        found = sorted(self.names.get(name, ()))
        return name + (self.rng.choice(found) if found and self.rng.random() < 0.6 else "")


def parts(value: Any) -> Iterator[str]:
    """Ways into a value."""
    tree = value._tree
    items = getattr(tree, "items", None)
    if not isinstance(items, list):
        return
    yield "[0]"
    yield "[-1]"
    for item in items[:4]:
        if isinstance(item, tuple) and len(item) == 2 and isinstance(item[0], str):
            yield f".{item[0]}" if item[0].isidentifier() else "[1]"
            yield f"[{item[0]!r}]"
        elif isinstance(item, tuple) and len(item) == 2 and type(item[0]) is int:
            yield f"[{item[0]}]"


# ---- what is computed where ----------------------------------------------------------------------

PROGRAM = """\
class Point:
    def __init__(self, x, name):
        self.x = x
        self.name = name
        self.tags = {"kind": "round", 3: "three"}

limit = 10
def walk(count, point, row, nothing):
    for number in range(count):
        half = number / 2
        text = f"n{number}"
        number = number
    return half

walk(12, Point(5, "home"), [1, 2, 3], None)
"""
FALSE = [
    "number > 100", "number == 100 or half < -1", "number * 2 + 1 == 8", "number // 4 == 77", "number % 5 == 9",
    "not number >= 0", "half > 1000.5", "half == 0.25", "text == 'n99'", "text < 'a'", "text in ('x', 'y')",
    "point.x != 5", "point.name == 'away'", "point.tags[3] == 'four'",
    "row[1] == 3", "row[-1] == 1", "len(row) > 3", "nothing is not None", "number is None", "not row", "nothing",
    "limit > 10", "0 <= number < 0", "text.startswith('m')", "text.endswith('x')", "-number > 0", "number in (88, 99)",
    "number in (-88, 99)", "point.tags['kind'] == 'square'", "number > 100 and sorted(row) == 7",
    "abs(number - 5) > 7", "abs(half) == 7", "str(number) == '99'", "str(nothing) == 'nothing'",
    "max(number, 3, 7) > 11", "min(half, -1) > 0", "'q' in text", "text not in text", "number + 20 in row",
    "7 in point.tags", "'kind' not in point.tags",
    "isinstance(number, str)", "isinstance(row, (str, dict))", "not isinstance(text, object)", "int(half) > 6",
    "float(number) < 0.0", "bool(row) is False", "number & 16", "(number | 1) % 2 == 0", "number ^ number",
    "text.startswith(('m', 'o'))", "sum(row) == 7", "min(row) > 1", "max(row) == number + 20", "any(row) is False",
    "all(row) == 0", "number > 10**9", "2**62 < sum(row)",
]  # fmt: skip
HARD = [
    "sorted([number]) == [99]",
    "sorted(row) == [7]",
    "any(n > m + 9 for n in row for m in row)",
    "text.upper() == 'N99'",
    "number == 10**80",
]


@pytest.fixture(scope="module")
def walked(trace_of: TraceOf, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Trace]:
    path = tmp_path_factory.mktemp("walk") / "conditions_walk.py"
    path.write_text(PROGRAM)
    with open_trace(trace_of(path)) as trace:
        yield trace


def asked(monkeypatch: pytest.MonkeyPatch, trace: Trace, when: str) -> tuple[list[int], int]:
    """The hits, and how often the expression itself was asked."""
    calls = []
    ask = Repeated._is_false
    monkeypatch.setattr(
        Repeated, "_is_false", lambda self, event: (calls.append(event.seq), ask(self, event))[1]
    )
    return [hit.seq for hit in trace.hits("line", line=12, when=when)], len(calls)


@pytest.mark.parametrize("when", FALSE)
def test_the_core_alone_rules_out_what_is_simple(
    walked: Trace, monkeypatch: pytest.MonkeyPatch, when: str
) -> None:
    assert asked(monkeypatch, walked, when) == ([], 0)
    hits, calls = asked(monkeypatch, walked, f"not ({when})")
    assert len(hits) == 12
    assert calls >= 12


CONTENTS = [
    [], [3], [True, False], [2**62, 2**62], [-0.0], [0.1] * 10, [1e16, 1.0, -1e16], [1, 0.1, 0.2, 1e100, -1e100],
    [0.1, 1], [1e308, 1e308, -1e308], [float("inf"), 1.0], [float("nan"), 1.0], [1.0, float("nan")],
    [2**53 + 1, 0.5], [1, 1.0, True], ["b", "a"], ["a", 1], [None], [[], [0]], (0.1, 0.2, 0.3), {0.1, 3}, {"k": 0},
    "text", 5, list(range(300)),
]  # fmt: skip


@pytest.mark.parametrize("function", ["sum", "min", "max", "any", "all"])
def test_what_contents_come_to_is_what_python_says(
    trace_of: TraceOf, tmp_path: Path, function: str
) -> None:
    path = tmp_path / f"conditions_of_{function}.py"
    path.write_text(
        f"inf, nan = float('inf'), float('nan')\ndef f(x):\n    return x\nfor n in {CONTENTS!r}:\n    f(n)\n"
    )
    answers = {0, 0.3, 0.6, 1, 3, "'a'", "True"}
    for contents in CONTENTS:
        with contextlib.suppress(TypeError, ValueError):
            answers.add(repr(getattr(builtins, function)(contents)))
    with open_trace(trace_of(path)) as trace:
        for answer in answers - {"nan", "inf", "[0]", "[]"}:
            for sign in ("==", "<=", ">"):
                when = f"{function}(x) {sign} {answer}"
                hits = [(hit.seq, hit.kind, hit.reason) for hit in trace.hits(when=when)]
                assert hits == brute(trace, when, trace.events()), when


# What is asked of each of CONTENTS, as Python has it.
OF_EACH = {
    "any(v > 0 for v in x)": "comparison", "all(v >= 0 for v in x)": "none", "sum(v for v in x if v)": "filter",
    "sum([v + v for v in x])": "arithmetic", "max(v for v in x)": "greatest", "min([v for v in x if v == v])": "order",
    "len([v for v in x if v])": "count", "any(x == 0 for x in x)": "its own name",
    "any(any(w == v for w in x) for v in x)": "within another", "all(v in (0, 0.1, 1) for v in x)": "in",
    "any(k == 'k' and not v for k, v in x.items())": "items", "max(v for v in x.values()) == 0": "values",
    "max(x.values()) == 0": "values as they are", "x.get('k') == 0": "what it has", "x.get('none')": "what it has not",
    "x.get(1) is None": "an int", "any(k > 'a' for k in x.keys())": "keys",
    "any(str(v) == '1' for v in x)": "texts", "sorted(x)[0]": "first",
    "sorted(x)[-1] is True": "the last of equal ones", "sorted(x)[1]": "second",
    "sum(n for n in x) == n": "what is bound is bound within", "max(str(v) for v in x) == '7'": "many texts",
    **{f"sorted(x)[{n}] != 7": "each place of it and beyond" for n in range(-6, 6)},
}  # fmt: skip


@pytest.mark.parametrize("when", OF_EACH)
def test_what_a_comprehension_comes_to_is_what_python_says(
    trace_of: TraceOf, tmp_path_factory: pytest.TempPathFactory, when: str
) -> None:
    path = tmp_path_factory.getbasetemp() / "conditions_of_each.py"
    path.write_text(
        f"inf, nan = float('inf'), float('nan')\ndef f(x, n=4):\n    return x\nfor n in {CONTENTS!r}:\n    f(n)\n"
    )
    assert Expression(when).steps
    with open_trace(trace_of(path)) as trace:
        hits = [(hit.seq, hit.kind, hit.reason) for hit in trace.hits(when=when)]
        assert hits == brute(trace, when, trace.events())


EACH = [
    "any(n > 900 for n in row)",
    "sorted(row)[0] > 900",
    "len([n for n in row if n > 90]) > 3",
    "all(number < 0 for n in row)",
]


@pytest.mark.parametrize("when", EACH)
def test_comprehensions_are_computed_by_the_core(
    walked: Trace, monkeypatch: pytest.MonkeyPatch, when: str
) -> None:
    assert asked(monkeypatch, walked, when) == ([], 0)


@pytest.mark.parametrize("when", HARD)
def test_what_is_not_simple_is_asked_where_something_changed(
    walked: Trace, monkeypatch: pytest.MonkeyPatch, when: str
) -> None:
    hits, calls = asked(monkeypatch, walked, when)
    assert hits == []
    names = set(Expression(when).names)
    assert calls == (12 if names & {"number", "text"} else 1)


def test_of_the_same_values_it_is_asked_once(
    trace_of: TraceOf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "conditions_again.py"
    path.write_text("limit = 3\ndef f(x):\n    return x\nfor n in range(40):\n    f(n % 4)\n")
    with open_trace(trace_of(path)) as trace:
        found, calls = [], []
        ask = Repeated._is_false
        monkeypatch.setattr(
            Repeated, "_is_false", lambda self, event: (calls.append(1), ask(self, event))[1]
        )
        for when in ("round(x) > limit", "round(x) >= limit", "round(x) > limit + 1"):
            calls.clear()
            found.append((len(list(trace.hits("line", line=3, when=when))), len(calls)))
        assert found == [(0, 4), (10, 3 + 10), (0, 4)]
        calls.clear()
        expression = Expression("round(x) > limit + 2")
        hits = [
            trace.hits("line", line=3, when=expression, start=n, stop=n + 20)
            for n in range(0, 200, 20)
        ]
        assert not any(list(one) for one in hits)
        assert len(calls) == 4  # in all parts of the trace that it is asked for


def test_a_simple_part_that_comes_first_rules_out_by_itself(
    walked: Trace, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert asked(monkeypatch, walked, "number == 3 and sorted(row) == [7]") == ([], 1)


def test_one_condition_is_not_taken_for_another(walked: Trace) -> None:
    """The same reader goes on with the next question, in frames that were ruled out for the one before."""
    for when, expected in (
        ("sum(row) == 7", 0),
        ("sum(row) == 6", 12),
        ("len(str(row)) == 1", 0),
    ) * 2:
        assert len(list(walked.hits("line", line=12, when=when))) == expected


def test_backwards_and_in_part_it_is_the_same(walked: Trace) -> None:
    when = "number % 3 == 1 and isinstance(text, str)"
    found = [hit.seq for hit in walked.hits("line", line=12, when=when)]
    back = [hit.seq for hit in walked.hits("line", line=12, when=when, backwards=True)]
    assert found == back[::-1] != []
    part = [
        hit.seq for hit in walked.hits("line", line=12, when=when, start=found[1], stop=found[-1])
    ]
    assert part == found[1:-1]


@pytest.mark.parametrize(
    ("name", "when"),
    [
        ("len", "len(row) == 9"),
        ("abs", "abs(number) == 9"),
        ("max", "max(number, 1) == 9"),
        ("str", "isinstance(number, str)"),
        ("isinstance", "not isinstance(number, int)"),
        ("sum", "sum(row) == 9"),
    ],
)
def test_a_name_of_python_is_only_python_s_where_nobody_else_has_it(
    trace_of: TraceOf, tmp_path: Path, name: str, when: str
) -> None:
    path = tmp_path / f"conditions_own_{name}.py"
    path.write_text(
        f"def {name}(*x):\n    return 7\ndef f(row, number):\n    return row\nf([1], -3)\n"
    )
    with open_trace(trace_of(path)) as trace:
        found = list(trace.hits(when=when, function="f"))
        assert found
        assert {hit.kind for hit in found} == {"maybe"}
