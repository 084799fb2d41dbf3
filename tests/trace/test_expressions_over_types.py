"""What expressions say of values of the standard library's types, and of classes derived from these, is what Python
says, or that it is not known."""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from recorder.trace.expressions.expression import Answer
from recorder.trace.reader import Trace, open_trace
from recorder.trace.snapshots import Event
from recorder.trace.values.render import show
from tests.conftest import Run

WHOLE = 4_000  # characters
VALUES = {
    "collections.deque": "[1, 2], 5",
    "collections.defaultdict": "list, a=1",
    "collections.OrderedDict": "a=1, b=2",
    "collections.Counter": "'abca'",
    "decimal.Decimal": "'1.50'",
    "datetime.timedelta": "1, 5",
    "datetime.datetime": "2020, 1, 2, 3",
    "datetime.date": "2020, 1, 2",
    "datetime.time": "3, 4",
    "fractions.Fraction": "1, 3",
    "pathlib.PurePosixPath": "'a/b.txt'",
    "array.array": "'i', [1, 2]",
    "types.SimpleNamespace": "x=1",
    "io.BytesIO": "b'abc'",
    "ipaddress.IPv4Address": "'1.2.3.4'",
    "uuid.UUID": "int=5",
    "dict": "a=1",
    "list": "[1, 2]",
    "tuple": "[1, 2]",
    "set": "[1]",
    "frozenset": "[1]",
    "str": "'text'",
    "bytes": "b'text'",
    "int": "300",
    "float": "1.5",
    "complex": "1, 2",
    "ValueError": "'a', 2",
}
ONLY = {  # nothing can be derived from these
    "range": "range(3, 9, 2)",
    "slice": "slice(1, 2)",
    "bool": "True",
    "none": "None",
    "pattern": "re.compile('a+')",
    "view": "{'a': 1}.keys()",
    "partial": "functools.partial(int, '3', base=7)",
}
QUESTIONS = (
    *("len({})", "type({}).__name__", "type({}) is dict", "type({}) == list", "bool({})"),
    *(
        "isinstance({}, dict)",
        "isinstance({}, list)",
        "isinstance({}, int)",
        "isinstance({}, tuple)",
    ),
    *(
        "{} == {}",
        "{} == [1, 2]",
        "{} == {{'a': 1}}",
        "{} is None",
        "{} in ({},)",
        "1 in {}",
        "'a' in {}",
    ),
    *(
        "str({})",
        "repr({})",
        'f"{{{}}}"',
        'f"{{{}!r}}"',
        "'%s' % ({},)",
        "list({})",
        "sorted({})",
        "tuple({})",
    ),
    *(
        "sum({})",
        "max({})",
        "{}[0]",
        "{}[-1]",
        "{}['a']",
        "{}[:1]",
        "[x for x in {}]",
        "{}.get('a')",
    ),
    *(
        "{}.level",
        "{}.nothing",
        "{} + {}",
        "{} * 2",
        "{} < {}",
        "-{}",
        "{}.count(1)",
        "{}.index(2)",
    ),
)
IMPORTS = (
    "import array, collections, datetime, decimal, fractions, functools\n"
    "import io, ipaddress, pathlib, re, types, uuid\n"
)


def program() -> str:
    lines = [IMPORTS]
    pairs = []
    for number, (base, arguments) in enumerate(VALUES.items()):
        lines.append(f"class K{number}({base}):\n    level = 1\n")
        pairs += [f"'{base}': {base}({arguments})", f"'K{number}': K{number}({arguments})"]
    pairs += [f"'{name}': {made}" for name, made in ONLY.items()]
    rows = ",\n    ".join(pairs)
    return "".join(lines) + f"def main():\n    v = {{\n    {rows}}}\n    return v\nmain()\n"


NAMES = [
    *[name for number, base in enumerate(VALUES) for name in (base, f"K{number}")],
    *ONLY,
]


@pytest.fixture(scope="module")
def real() -> Any:
    space: dict[str, Any] = {"__name__": "__main__"}
    exec(program(), space)
    return space


@pytest.fixture(scope="module")
def asked(
    tmp_path_factory: pytest.TempPathFactory, trace_of: Callable[[Path], Path]
) -> Iterator[tuple[Trace, Event]]:
    file = tmp_path_factory.mktemp("types") / "expressions_over_types.py"
    file.write_text(program())
    with open_trace(trace_of(file)) as trace:
        (end,) = trace.find("return", function="main")
        yield trace, end


def said(answer: Answer) -> str:
    if answer.kind == "known":
        # An enum's member is shown with its module.
        return re.sub(r"^<\w+\.(\w+\.\w+: )", r"<\1", show(answer.tree, WHOLE))
    return f"error: {answer.reason}".partition(":")[0] if answer.kind == "error" else answer.kind


def is_right(answer: Answer, text: str, space: dict[str, Any]) -> bool:
    try:
        want = eval(text, space)
    except Exception:
        return answer.kind in ("error", "unknown")
    if isinstance(want, str) and re.search(r" at 0x|\bobject\b", want):
        return answer.kind == "unknown"
    return said(answer) in (repr(want), "unknown")


@pytest.mark.parametrize("name", NAMES)
def test_it_is_what_python_says(
    name: str, real: dict[str, Any], asked: tuple[Trace, Event]
) -> None:
    trace, end = asked
    value = real["main"]()[name]
    data = [each for each in dir(value) if not each.startswith("_") and is_data(value, each)]
    wrong = []
    for question in (*QUESTIONS, *[f"{{}}.{each}" for each in data]):
        text = question.replace("{{", "\0").replace("}}", "\1")
        text = text.replace("{}", f"v['{name}']").replace("\0", "{").replace("\1", "}")
        answer = trace.evaluate(text, end)
        if not is_right(answer, text, {**real, "v": real["main"]()}):
            wrong.append(f"{text}: {said(answer)}")
    assert wrong == []


def is_data(value: Any, name: str) -> bool:
    try:
        return not callable(getattr(value, name))
    except Exception:
        return False


# ---- of classes with methods of their own --------------------------------------------------------

METHODS = {
    "__len__": ("len({})", "bool({})", "{} and 1"),
    "__bool__": ("bool({})", "not {}", "1 if {} else 2"),
    "__eq__": ("{} == {}", "{} != {}", "{} in [1]", "[{}] == [1]", "{} in (1,)"),
    "__contains__": ("1 in {}", "1 not in {}"),
    "__getitem__": ("{}[0]", "{}[:1]", "{}['a']"),
    "__iter__": ("list({})", "sum({})", "[x for x in {}]", "sorted({})", "max({})"),
    "__lt__": ("{} < {}", "sorted([{}, {}])", "min([{}, {}])"),
    "__add__": ("{} + {}",),
    "__radd__": ("[1] + {}", "1 + {}"),
    "__neg__": ("-{}",),
    "__invert__": ("~{}",),
    "__abs__": ("abs({})",),
    "__hash__": ("{{{}: 1}}", "{} in {{1}}"),
    "__str__": ("str({})", 'f"{{{}}}"', "'%s' % ({},)"),
    "__repr__": ("repr({})", "str([{}])"),
    "get": ("{}.get('a')",),
    "count": ("{}.count(1)",),
}
UNDER = ("dict", "list", "str", "int", "set", "collections.deque", "tuple", "float")


@pytest.mark.parametrize("base", UNDER)
def test_what_a_method_of_a_class_would_tell_is_not_told(
    tmp_path: Path, run_recorded: Run, base: str
) -> None:
    rows, lines = [], [IMPORTS]
    for number, method in enumerate(METHODS):
        lines.append(f"class K{number}({base}):\n    def {method}(self, *_): return 77\n")
        rows.append(f"'{method}': K{number}({VALUES[base]})")
    lines.append(f"def main():\n    v = {{{', '.join(rows)}}}\n    return 1\nmain()\n")
    told = []
    with open_trace(run_recorded("".join(lines)).trace) as trace:
        (end,) = trace.find("return", function="main")
        for method, questions in METHODS.items():
            for question in questions:
                text = question.format(*[f"v['{method}']"] * 2)
                answer = trace.evaluate(text, end)
                if answer.kind == "known":
                    told.append(f"{text}: {said(answer)}")
    assert told == []


# ---- of libraries --------------------------------------------------------------------------------

TABLES = """\
import pandas as pd
def main():
    by_label = pd.Series([1.5, 2.5, 3.0], index=["a", "b", "c"])
    by_place = pd.Series([4, 5, 6])
    long = pd.Series(range(5_000))
    table = pd.DataFrame({"a": [1, 2, 3], "b": [4, 5, 6]}, index=[7, 8, 9])
    names = pd.Index([1, 2, 3])
    kinds = pd.Categorical(["a", "b", "a"])
    when = pd.Timestamp("2020-01-02")
    return 1
main()
"""
ASKED = {
    "by_label['a']": "1.5", "by_place[2]": "6", "table['a'][8]": "2", "names[0]": "1", "long[3]": "3",
    "len(by_label)": "3", "len(table)": "3", "len(long)": "5000", "sum(by_place)": "15", "max(table['b'])": "6",
    "'a' in by_label": "True", "1.5 in by_label": "False", "4 in table['b']": "False", "7 in table['b']": "True",
    "[x for x in kinds]": "['a', 'b', 'a']", "type(by_label).__name__": "'Series'", "by_label is None": "False",
    "by_label == 1.5": "?", "table['a'] == 1": "?", "by_place > 4": "?", "bool(names)": "?", "str(kinds)": "?",
    "isinstance(by_label, list)": "?", "table[0:2]": "?", "table[['a']]": "?", "by_place + 1": "?",
    "when.value": "?", "by_label['z']": "?", "by_label[0]": "1.5", "by_label.max()": "?",
}  # fmt: skip


def test_columns_of_tables_are_asked_by_their_labels(tmp_path: Path, run_recorded: Run) -> None:
    """What a library does with all of its values at once only it can tell."""
    if importlib.util.find_spec("pandas") is None:
        pytest.skip("pandas is not installed")
    with open_trace(run_recorded(TABLES).trace) as trace:
        (end,) = trace.find("return", function="main")
        answers = {text: trace.evaluate(text, end) for text in ASKED}
        found = {text: said(answer) for text, answer in answers.items()}
    assert found == {text: "unknown" if want == "?" else want for text, want in ASKED.items()}
