"""Columns, series, indexes and arrays of libraries, each of every type of values, and what can be asked of one: an
item, its length, what is in it. The library itself says what is right; what is not recorded is unknown, never wrong."""

from __future__ import annotations

import datetime
import decimal
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from recorder import errors
from recorder.trace.values.value import Value
from tests.capture.test_known_types import record_values
from tests.tools.tape_tools import in_turn
from tests.trace.test_expressions import ask

numpy = pytest.importorskip("numpy")
pandas = pytest.importorskip("pandas")
pyarrow = pytest.importorskip("pyarrow")

BERLIN = "Europe/Berlin"
MOMENT = datetime.datetime(2020, 7, 1, 12, 30)
SECONDS = datetime.timedelta(seconds=90)
PRICE = decimal.Decimal("19.90")
# Of each type three values, of which the last one is missing where that can be; and what they are compared with.
TYPES: dict[str, tuple[Callable[[], Any], list[Any]]] = {
    "int": (lambda: pandas.Series([1, 7, 1]), [1, 7, 9, 1.0, True, "1", numpy.int64(7)]),
    "int8": (lambda: pandas.Series([1, 7, -1], dtype="int8"), [1, 7, 300, -1.0, numpy.int64(7)]),
    "uint64": (lambda: pandas.Series([1, 2**64 - 1, 0], dtype="uint64"), [1, 2**64 - 1, -1]),
    "float": (lambda: pandas.Series([0.1, 7.0, None]), [0.1, 7, 9, "x", numpy.float32(0.1)]),
    "float32": (lambda: pandas.Series([0.1, 7, None], dtype="float32"), [0.1, 7, numpy.float32(0.1)]),
    "complex": (lambda: pandas.Series([1j, 7, 0]), [1j, 7, 0]),
    "str": (lambda: pandas.Series(["a", "bc", None]), ["a", "bc", "z", 1, b"a"]),
    "object": (lambda: pandas.Series(["a", 7, None], dtype=object), ["a", 7, None, [1]]),
    "lists": (lambda: pandas.Series([[1], {"k": 1}, None], dtype=object), [[1], {"k": 1}, None]),
    "bool": (lambda: pandas.Series([True, False, True]), [True, False, 1, 0, 2, "x"]),
    "datetime": (lambda: pandas.Series(pandas.to_datetime([MOMENT, "2021-01-01", None])),
        [MOMENT, pandas.Timestamp(MOMENT), numpy.datetime64(MOMENT), "2020-07-01 12:30", MOMENT.date(), 1]),
    "datetime_s": (lambda: pandas.Series(pandas.to_datetime([MOMENT, "2021-01-01", None])).astype("M8[s]"),
        [MOMENT, pandas.Timestamp(MOMENT)]),
    "datetime_tz": (lambda: pandas.Series(pandas.to_datetime([MOMENT, "2021-01-01", None]).tz_localize(BERLIN)),
        [MOMENT, pandas.Timestamp(MOMENT, tz=BERLIN), datetime.datetime(2020, 7, 1, 10, 30, tzinfo=datetime.UTC)]),
    "timedelta": (lambda: pandas.Series(pandas.to_timedelta([SECONDS, "1D", None])),
        [SECONDS, pandas.Timedelta(SECONDS), numpy.timedelta64(90, "s"), 90]),
    "category": (lambda: pandas.Series(pandas.Categorical(["a", "bc", None])), ["a", "bc", "z", 0]),
    "category_int": (lambda: pandas.Series(pandas.Categorical([10, 20, None])), [10, 20, 0, 1]),
    "category_moment": (lambda: pandas.Series(pandas.Categorical(pandas.to_datetime([MOMENT, "2021-01-01", None]))),
        [MOMENT, 0]),
    "Int64": (lambda: pandas.Series([1, 7, None], dtype="Int64"), [1, 7, 9, "1"]),
    "Int8": (lambda: pandas.Series([1, 7, None], dtype="Int8"), [1, 7, 300]),
    "Float64": (lambda: pandas.Series([0.1, 7, None], dtype="Float64"), [0.1, 7]),
    "Float32": (lambda: pandas.Series([0.1, 7, None], dtype="Float32"), [0.1, 7, numpy.float32(0.1)]),
    "boolean": (lambda: pandas.Series([True, False, None], dtype="boolean"), [True, False, 1]),
    "string[python]": (lambda: pandas.Series(["a", "bc", None], dtype="string[python]"), ["a", "bc", 1]),
    "string[pyarrow]": (lambda: pandas.Series(["a", "bc", None], dtype="string[pyarrow]"), ["a", "bc", 1]),
    "int64[pyarrow]": (lambda: _arrow([1, 7, None], pyarrow.int64()), [1, 7, "1"]),
    "float[pyarrow]": (lambda: _arrow([0.1, 7, None], pyarrow.float32()), [0.1, 7]),
    "bool[pyarrow]": (lambda: _arrow([True, False, None], pyarrow.bool_()), [True, 0]),
    "string[pyarrow]d": (lambda: _arrow(["a", "bc", None], pyarrow.string()), ["a", "bc"]),
    "binary[pyarrow]": (lambda: _arrow([b"a", b"bc", None], pyarrow.binary()), [b"a", "a"]),
    "decimal128": (lambda: _arrow([PRICE, decimal.Decimal("7.00"), None], pyarrow.decimal128(9, 2)),
        [PRICE, 7, decimal.Decimal("19.9"), 19.9]),
    "timestamp": (lambda: _arrow([MOMENT, MOMENT, None], pyarrow.timestamp("us")), [MOMENT, pandas.Timestamp(MOMENT)]),
    "timestamp_ns": (lambda: _arrow([MOMENT, MOMENT, None], pyarrow.timestamp("ns")), [MOMENT]),
    "timestamp_tz": (lambda: _arrow([MOMENT, MOMENT, None], pyarrow.timestamp("us", BERLIN)), [MOMENT]),
    "duration": (lambda: _arrow([SECONDS, SECONDS, None], pyarrow.duration("us")), [SECONDS, 90]),
    "date32": (lambda: _arrow([MOMENT.date(), MOMENT.date(), None], pyarrow.date32()), [MOMENT.date(), MOMENT]),
    "date64": (lambda: _arrow([MOMENT.date(), MOMENT.date(), None], pyarrow.date64()), [MOMENT.date(), MOMENT]),
    "time64": (lambda: _arrow([MOMENT.time(), MOMENT.time(), None], pyarrow.time64("us")), [MOMENT.time()]),
    "list": (lambda: _arrow([[1, 2], [], None], pyarrow.list_(pyarrow.int64())), [[1, 2], [], 1]),
    "struct": (lambda: _arrow([{"a": 1}, {"a": None}, None], pyarrow.struct([("a", pyarrow.int64())])), [{"a": 1}]),
    "map": (lambda: _arrow([[("k", 1)], [], None], pyarrow.map_(pyarrow.string(), pyarrow.int64())), [[("k", 1)]]),
    "dictionary": (lambda: _arrow(["a", "bc", None], pyarrow.dictionary(pyarrow.int8(), pyarrow.string())), ["a", 0]),
    "period": (lambda: pandas.Series(pandas.PeriodIndex(["2020-01", "2020-02", None], freq="M")),
        [pandas.Period("2020-01", "M"), 600, "2020-01"]),
    "interval": (lambda: pandas.Series(pandas.arrays.IntervalArray.from_tuples([(0, 1), (1, 2), None])),
        [pandas.Interval(0, 1), 0.5, 5, (0, 1)]),
    "sparse": (lambda: pandas.Series(pandas.arrays.SparseArray([5, 7, 5], fill_value=5)), [5, 7, 0]),
}  # fmt: skip


def _arrow(values: list[Any], kind: Any) -> Any:
    return pandas.Series(values, dtype=pandas.ArrowDtype(kind))


def _as_arrow(series: Any) -> Any:
    if hasattr(series.array, "_pa_array"):
        return series.array._pa_array
    return pyarrow.chunked_array([pyarrow.array(series)])


CONTAINERS: dict[str, Callable[[Any], Any]] = {
    "Series": lambda series: series,
    "labelled": lambda series: pandas.Series(series.array, index=["p", "q", "r"]),
    "DataFrame": lambda series: pandas.DataFrame({"c": series, "n": [1, 2, 3]}),
    "two of a block": lambda series: pandas.DataFrame({"b": series[::-1].array, "c": series.array}),
    "Index": lambda series: pandas.Index(series),
    "array": lambda series: series.array,
    "numpy": lambda series: series.to_numpy(),
    "pyarrow.Array": lambda series: _as_arrow(series).combine_chunks(),
    "ChunkedArray": _as_arrow,
    "several chunks": lambda series: pyarrow.chunked_array(
        [piece.combine_chunks() for piece in (_as_arrow(series)[:1], _as_arrow(series)[1:])]
    ),
    "Table": lambda series: pyarrow.table({"c": _as_arrow(series)}),
    "RecordBatch": lambda series: pyarrow.record_batch({"c": _as_arrow(series).combine_chunks()}),
}  # fmt: skip
OF_COLUMN = ("DataFrame", "two of a block", "Table", "RecordBatch")

# `v` is the value, `c` its column, `p` what it is compared with.
QUESTIONS = (
    "{c}[0]; {c}[1]; {c}[2]; {c}[-1]; {c}[3]; {c}['q']; {c}['nosuch']; {c}[:1]; {c}[0:2]; {c}[True]; "
    "{c}[1.0]; len({c}); len(v); [x for x in {c}]; [x for x in v]; list({c}); tuple({c}); "
    "list(reversed({c})); bool({c}[0]); not {c}[1]; not {c}[2]; bool({c}); {c}[0] is None; {c}[2] is None; "
    "{c}[2] == None; {c}[2] != {c}[2]; {c}[0] == {c}[0]; {c}[0] == {c}[1]; {c}[0] < {c}[1]; {c}[0] + {c}[1]; "
    "{c}[0] * 2; {c}[0] - 1; -{c}[0]; sum({c}); max({c}); min({c}); sorted({c}); None in {c}; 0 in {c}; "
    "'c' in v; 'nosuch' in v; 'q' in {c}; str({c}[0]); repr({c}[0]); str({c}[2]); repr({c}[2]); "
    "f\"{{{c}[0]}}\"; int({c}[0]); float({c}[0]); type({c}[0]).__name__; type({c}[2]).__name__; "
    "type({c}).__name__; isinstance({c}[0], int); isinstance({c}[0], str); isinstance({c}[0], float); "
    "isinstance({c}[0], list); len({c}[0]); {c}[0][0]; {c}[0]['a']; {c}[0].year; {c}[0].days; {c}[0].left; "
    "{c}[0].real; {c}[0].upper(); {c}[0].ordinal; any(x is None for x in {c}); any(x == 7 for x in {c}); "
    "[x for x in enumerate({c})]; {c} == None; {c} is None; set({c}); dict(enumerate({c})); v['nosuch']; "
    "len([x for x in v]); [x for x in zip({c}, {c})]; abs({c}[0]); round({c}[0]); {c}[0] // 2; {c}[0] % 2; "
    "{c}[0] / 2; {c}[0] ** 2; {c}[0] + 1; 1 + {c}[0]; {c}[0] + 0.5; {c}.size; {c}.shape; {c}.ndim; {c}.name; "
    "v.shape; {c}[0, 0]; {c}[0] in {c}; {c}[2] in {c}; [{c}[0]] == [{c}[0]]; {c} == {c}; v == v"
).split("; ")  # fmt: skip
WITH_OTHER = (
    "{c}[0] == p; p == {c}[0]; {c}[0] != p; {c}[1] == p; {c}[2] == p; {c}[2] != p; {c}[0] < p; {c}[0] <= p; "
    "p < {c}[0]; {c}[2] < p; p in {c}; p in [x for x in {c}]; p not in {c}; any(x == p for x in {c}); "
    "all(x != p for x in {c}); sum(x == p for x in {c}); {c} == p; [p] == [{c}[0]]; {c}[0] in [p]; "
    "{c}[0] in {{p: 1}}; {c}[0] + p; {c}[0] - p; [p, p, p] == {c}; [p] == {c}[:1]; list({c}) == [p, p, p]; "
    "max(p, {c}[0]); [x for x in {c} if x == p]; [x for x in {c} if x != p]; p in v; {c}[p]; v[p]"
).split("; ")  # fmt: skip

REFUSED = "refused"  # by an exception of Python's own
UNKNOWN = "unknown"


class AsPython(list[Any]):
    """The values of a column of pyarrow's, each as Python has it; what is asked of all at once is not."""

    def __getitem__(self, key: Any) -> Any:
        found = super().__getitem__(int(key) if key is True else key)
        return AsPython(found) if isinstance(key, slice) else found

    def __eq__(self, other: object) -> bool:
        return isinstance(other, AsPython) and [*self] == [*other]

    def __ne__(self, other: object) -> bool:
        return not self == other

    __hash__ = None


class TableAsPython:
    """A table of pyarrow's, of such columns."""

    def __init__(self, table: Any) -> None:
        self.columns = {name: AsPython(table[name].to_pylist()) for name in table.schema.names}
        self.shape = table.shape

    def __getitem__(self, key: Any) -> Any:
        return [*self.columns.values()][key] if type(key) is int else self.columns[key]

    def __len__(self) -> int:
        return self.shape[0]

    def __iter__(self) -> Any:
        return iter(self.columns.values())

    def __eq__(self, other: object) -> bool:
        return isinstance(other, TableAsPython) and self.columns == other.columns

    __hash__ = None


def native(value: Any) -> Any:
    if isinstance(value, (pyarrow.Array, pyarrow.ChunkedArray)):
        return AsPython(value.to_pylist())
    if isinstance(value, (pyarrow.Table, pyarrow.RecordBatch)):
        return TableAsPython(value)
    return value


def plain(value: Any) -> str:
    """What can be compared of an answer: numbers of numpy's are Python's, moments have no type."""
    if isinstance(value, Value):
        value = value.to_python()
    if isinstance(value, (pyarrow.Array, pyarrow.ChunkedArray, pyarrow.Scalar)):
        value = value.as_py() if isinstance(value, pyarrow.Scalar) else value.to_pylist()
    if value is pandas.NA or value is pandas.NaT:
        return str(value)
    if isinstance(value, (numpy.datetime64, numpy.timedelta64)):
        made = pandas.Timestamp if isinstance(value, numpy.datetime64) else pandas.Timedelta
        return plain(made(value))
    if isinstance(value, pandas.Timestamp):
        value = value.to_pydatetime()
    if isinstance(value, pandas.Timedelta):
        value = value.to_pytimedelta()
    if type(value).__module__.partition(".")[0] == "pandas" and hasattr(value, "__iter__"):
        value = list(value)
    if isinstance(value, (numpy.ndarray, numpy.generic)):
        value = value.tolist()
    if isinstance(value, datetime.datetime) and value.tzinfo is not None:
        return f"{value.astimezone(datetime.UTC)} at {value.utcoffset()}"
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(map(plain, value))}]"
    if isinstance(value, dict):
        return f"{{{', '.join(f'{plain(key)}: {plain(one)}' for key, one in value.items())}}}"
    if isinstance(value, (set, frozenset)):
        return f"set {sorted(map(plain, value))}"
    return repr(value)


def by_library(question: str, value: Any, other: Any) -> str:
    """What Python and the library answer: of pyarrow's scalars the values that they stand for."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            answer = eval(question, {"v": native(value), "p": other})
            return plain(answer)
    except Exception:
        return REFUSED


def is_right(wanted: str, told: str, question: str, is_value: bool) -> bool:
    """What is asked of all items at once a library answers with an array, and a Value whether they are all the same."""
    if told in (UNKNOWN, wanted):
        return True
    return "AsPython" in wanted or (is_value and "==" in question and wanted[:1] in "[{")


def by_expression(question: str, value: Value, other: Value) -> str:
    answer = ask(question, v=value._tree, p=other._tree)
    if answer.kind != "known":
        return REFUSED if answer.kind == "error" else UNKNOWN
    try:
        return plain(answer.to_python())
    except errors.RecorderError:
        return UNKNOWN


# What Python itself is asked of a Value has only these.
NO_OPERATORS_OF_VALUES = (
    " + ", " - ", " * ", " / ", " // ", " % ", " ** ", "-{c}", "abs(", "round(", "type(", "isinstance", "str(", "repr(",
    "is None", "is p", 'f"', ".size", "sum({c})",
)  # fmt: skip


def by_value(question: str, value: Value, other: Any) -> str:
    try:
        return plain(eval(question, {"v": value, "p": other}))
    except errors.RecorderError:
        return UNKNOWN
    except Exception:
        return REFUSED


# What has to be told, and is not only not wrong.
TOLD = ("{c}[0]", "{c}[1]", "len({c})", "len(v)", "[x for x in {c}]", "{c}[0] is None")
# Columns of extensions of pandas', and what a small part of a large value has no room for.
NOT_READ = {"period", "interval", "map"}


def made_of(container: str) -> dict[str, tuple[Any, list[Any]]]:
    made = {}
    for name, (make, others) in TYPES.items():
        try:
            made[name] = CONTAINERS[container](make()), others
        except pyarrow.ArrowException:  # it has no such type
            assert name in ("complex", "object", "lists", "sparse")
    return made


@pytest.mark.parametrize("container", in_turn([*CONTAINERS], of=3))
def test_a_column_answers_as_its_library_or_not_at_all(container: str, tmp_path: Path) -> None:
    made = made_of(container)
    column = "v['c']" if container in OF_COLUMN else "v"
    found = record_values(tmp_path, [value for value, _ in made.values()])
    others = [other for _, given in made.values() for other in given]
    recorded = iter(record_values(tmp_path, others))
    wrong, not_told = [], []
    for (name, (value, given)), told in zip(made.items(), found, strict=True):
        pairs = [(other, next(recorded)) for other in given]
        for question in (*QUESTIONS, *WITH_OTHER):
            text = question.format(c=column)
            for other, its_value in pairs if question in WITH_OTHER else pairs[:1]:
                wanted = by_library(text, value, other)
                answers = {"expression": by_expression(text, told, its_value)}
                if not any(part in question for part in NO_OPERATORS_OF_VALUES):
                    answers["value"] = by_value(text, told, other)
                for how, answer in answers.items():
                    if not is_right(wanted, answer, question, how == "value"):
                        wrong.append(
                            f"{name}: {text} of {other!r} as {how}: {answer}, and not {wanted}"
                        )
                is_told = answers["expression"] != UNKNOWN or wanted == REFUSED
                if question in TOLD and not is_told:
                    not_told.append((name, text))
    assert wrong == []
    if container != "numpy":  # in which all is an object, with a meaning of its own
        assert [each for each in not_told if each[0] not in NOT_READ] == []
