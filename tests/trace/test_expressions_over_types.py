"""What expressions say of values of the standard library's types, and of classes derived from these, is what Python
says, or that it is not known."""

from __future__ import annotations

import collections
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


@pytest.mark.parametrize("base", [base for base in UNDER if base != "float"])
def test_an_attribute_of_its_own_comes_before_a_method(
    tmp_path: Path, run_recorded: Run, base: str
) -> None:
    names = [
        name
        for name in ("get", "count", "pop", "upper", "bit_length")
        if hasattr(eval(base, {"collections": collections}), name)
    ]
    text = f"{IMPORTS}class K({base}): pass\ndef main():\n    v = K({VALUES[base]})\n"
    text += "".join(f"    v.{name} = 77\n" for name in names) + "    return 1\nmain()\n"
    with open_trace(run_recorded(text).trace) as trace:
        (end,) = trace.find("return", function="main")
        assert names and [said(trace.evaluate(f"v.{name} + 1", end)) for name in names] == [
            "78"
        ] * len(names)


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
    "by_label['a']": "1.5", "by_place[2]": "6", "table['a'][8]": "2",
    "names[0]": "1", "long[3] == 3": "True", "long[4_999] == 4999": "True", "long[4_980] + 0": "4980",
    "long[4_979]": "?", "long[-1]": "?", "table['a'].iloc[1] == 2": "True", "table.loc[8, 'b'] == 5": "True",
    "table.iloc[1, 0] == 2": "True", "table['a'][0]": "error", "by_label.iloc[0] == 1.5": "True",
    "table.shape": "(3, 2)", "table.loc[8]": "?", "by_label.iloc[0:2]": "?", "by_label.loc['z']": "error",
    "len(by_label)": "3", "len(table)": "3", "len(long)": "5000", "sum(by_place)": "15", "max(table['b'])": "6",
    "'a' in by_label": "True", "1.5 in by_label": "False", "4 in table['b']": "False", "7 in table['b']": "True",
    "[x for x in kinds]": "['a', 'b', 'a']", "type(by_label).__name__": "'Series'", "by_label is None": "False",
    "by_label == 1.5": "?", "table['a'] == 1": "?", "by_place > 4": "?", "bool(names)": "?", "str(kinds)": "?",
    "isinstance(by_label, list)": "?", "table[0:2]": "?", "table[['a']]": "?", "by_place + 1": "?",
    "when.value": "?", "by_label['z']": "?", "by_label[0]": "?", "by_label.max()": "?", "when.year": "2020",
}  # fmt: skip


ARRAYS = """\
import array, datetime, sqlite3, threading, zoneinfo
import numpy as np
import pandas as pd
def main():
    n, small, f, d = np.int64(5), np.uint8(200), np.float32(0.1), np.float64(0.5)
    b, c = np.bool_(True), np.complex64(1j)
    numbers, grid = np.array([1, 2, 3]), np.array([[1, 2], [3, 4]])
    bytes_, floats = np.array([100, 200], "u1"), np.array([0.1], "f4")
    texts, long, masked = np.array(["a", "b"]), np.arange(100_000), np.ma.array([1, 2], mask=[0, 1])
    plain, view = array.array("i", [1, 2]), memoryview(b"ab")
    many = dict.fromkeys(range(5_000), 1)
    keys, items, all_keys = {"a": 1}.keys(), {"a": 1}.items(), many.keys()
    texts_only, narrow = pd.DataFrame({"t": ["x", None]}), pd.DataFrame({"f": np.array([0.1], "f4")})
    rows, levels = pd.RangeIndex(3), pd.MultiIndex.from_tuples([(1, "a")])
    when = datetime.datetime(2020, 7, 1, tzinfo=zoneinfo.ZoneInfo("UTC"))
    lock = threading.Lock()
    row = sqlite3.connect(":memory:").execute("select 1 as a")
    row.row_factory = sqlite3.Row
    row = row.fetchone()
    return 1
main()
"""
OF_ARRAYS = {
    "n == 5": "True", "n > 3 and n < 5.5": "True", "n + 1": "6", "n % 2 == 1": "True",
    "[10, 20, 30, 40, 50, 60][n]": "60", "n in [5]": "True", "f'{n}'": "'5'", "int(n)": "5", "n // 0": "?",
    "n * 2 ** 62": "?", "2 ** 60 == n": "False", "small == 200": "True", "small > 100": "True", "small + small": "?",
    "small + 1": "?", "-small": "?", "f == 0.1": "True", "f < 0.1": "False", "f == 0.1000001": "False",
    "float(f)": "0.10000000149011612", "f * 2": "?", "str(f)": "?", "d * 2": "1.0", "d / 0": "?", "round(d)": "?",
    "b": "np.True_", "not b": "False", "b is True": "False", "c == 1j": "True", "c < 1": "?", "numbers[0] + 1": "2",
    "numbers[-1]": "np.int64(3)", "sum(numbers)": "6", "2 in numbers": "True", "'a' in numbers": "False",
    "[x for x in numbers if x > 1]": "[np.int64(2), np.int64(3)]", "max(numbers)": "np.int64(3)",
    "any(x > 2 for x in numbers)": "True", "numbers[1:]": "numpy.ndarray(shape=(2,), format='l', [2, 3])",
    "numbers == 1": "?", "bool(numbers)": "?", "numbers + 1": "?", "grid[1, 0]": "np.int64(3)",
    "grid[1][1]": "np.int64(4)", "len(grid)": "2", "4 in grid": "True", "grid[:, 0]": "?", "grid[5]": "error",
    "bytes_[0] + bytes_[1]": "?", "bytes_[1] > bytes_[0]": "True", "floats[0] == 0.1": "True",
    "texts[1] == 'b'": "True", "long[3] == 3": "True", "long[99_999]": "?", "5 in long": "True", "-1 in long": "?",
    "sum(long)": "?", "len(long)": "100000", "masked[0] == 1": "True", "masked[1] == 2": "?", "2 in masked": "?",
    "sum(plain)": "3", "plain[1:] == plain": "?", "list(view)": "[97, 98]", "bool(plain)": "True",
    "1 in plain": "True", "list(keys)": "['a']", "'a' in keys": "True", "list(items)": "[('a', 1)]",
    "len(items)": "1", "len(all_keys)": "5000", "0 in all_keys": "True", "4_999 in all_keys": "?",
    "list(all_keys)": "?", "keys[0]": "error", "len(texts_only)": "2", "narrow['f'][0] == 0.1": "True",
    "list(rows)": "[0, 1, 2]", "1 in rows": "True", "rows[1]": "1", "1 in levels": "?", "(1, 'a') in levels": "True",
    "(1, 'b') in levels": "False", "when.year": "2020", "bool(when)": "True", "when > when": "False",
    "bool(lock)": "True", "len(lock)": "error", "lock == 1": "?", "str(lock)": "?", "row['A']": "1",
    "row['b']": "error",
}  # fmt: skip


def test_numbers_and_items_of_numpy_are_what_numpy_says(tmp_path: Path, run_recorded: Run) -> None:
    """Or it is not known: sums of small integers overflow, and a number of Python's is rounded to what it is compared
    with."""
    if importlib.util.find_spec("pandas") is None:
        pytest.skip("pandas is not installed")
    with open_trace(run_recorded(ARRAYS).trace) as trace:
        (end,) = trace.find("return", function="main")
        answers = {text: trace.evaluate(text, end) for text in OF_ARRAYS}
    found = {text: said(answer).partition(":")[0] for text, answer in answers.items()}
    assert found == {text: "unknown" if want == "?" else want for text, want in OF_ARRAYS.items()}


def test_columns_of_tables_are_asked_by_their_labels(tmp_path: Path, run_recorded: Run) -> None:
    """What a library does with all of its values at once only it can tell."""
    if importlib.util.find_spec("pandas") is None:
        pytest.skip("pandas is not installed")
    with open_trace(run_recorded(TABLES).trace) as trace:
        (end,) = trace.find("return", function="main")
        answers = {text: trace.evaluate(text, end) for text in ASKED}
        found = {text: said(answer) for text, answer in answers.items()}
    assert found == {text: "unknown" if want == "?" else want for text, want in ASKED.items()}
