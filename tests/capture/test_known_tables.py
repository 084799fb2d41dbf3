"""Arrays of numpy's of every dtype, and frames of pandas: what is recorded is what they are; every change is seen."""

from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import recorder
from recorder import cli
from recorder.trace.values.differences import sides, what_changed
from recorder.trace.values.grid import text_lines
from recorder.trace.values.value import Value
from tests.capture.test_known_types import record_values
from tests.trace.test_expressions import ask

pandas = pytest.importorskip("pandas")
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # between the two libraries

ARRAYS = {
    "numpy.array(['2020-01-02', 'NaT'], dtype='M8[D]')": "format='M8[D]', [2020-01-02, NaT]",
    "numpy.array(['2020-01-02T03:04:05.6'], dtype='M8[ms]')": "format='M8[ms]', [2020-01-02 03:04:05.6]",
    "numpy.array([90, -1], dtype='m8[s]')": "format='m8[s]', [0 days 00:01:30, -1 days +23:59:59]",
    "numpy.array(['a', 'bcd', 'é'])": "format='3w', ['a', 'bcd', 'é']",
    "numpy.array([b'a', b'xy'])": "format='2s', [b'a', b'xy']",
    "numpy.array([1, 2], dtype='>i4')": "format='>i', [1, 2]",
    "numpy.array([1 + 2j])": "format='Zd', [(1+2j)]",
    "numpy.array([0.5], dtype='f2')": "format='e', [0.5]",
    "numpy.array([True, False])": "format='?', [True, False]",
    "numpy.array([(1, 2.5)], dtype=[('a', 'i4'), ('b', 'f8')])": "[numpy.void(a=1, b=2.5)]",
    "numpy.array([(1, 'xy')], dtype=[('n', 'u1'), ('t', 'U2')])": "[numpy.void(n=1, t='xy')]",
    "numpy.array([{}, [1], None], dtype=object)": "format='O', [{}, [1], None]",
    "numpy.array([['a', 1]], dtype=object).T": "shape=(2, 1), format='O', ['a', 1]",
    "numpy.arange(6, dtype='i2').reshape(2, 3)[:, ::2]": "shape=(2, 2), format='h', [0, 2, 3, 5]",
    "numpy.array([], dtype='M8[ns]')": "shape=(0,), format='M8[ns]', []",
    "numpy.ma.array([1, 2, 3], mask=[0, 1, 0])": "np.ma.array([1, --, 3])",
    "numpy.ma.array([1.5, 2.5])": "np.ma.array([1.5, 2.5])",
    "numpy.ma.array([(1, 2.5), (3, 4.5)], dtype='i4,f8', mask=[(0, 1), (1, 1)])":
        "np.ma.array([numpy.void(f0=1, f1=--), --])",
    "numpy.ma.array([(1, 2.5)], dtype='i4,f8')": "np.ma.array([numpy.void(f0=1, f1=2.5)])",
    "numpy.ma.array([(1, [2, 3])], dtype=[('a', 'i4'), ('b', 'i4', (2,))], mask=[(0, [0, 1])])":
        "np.ma.array([numpy.void(a=1, b=[2, --])])",
    "numpy.ma.array([[1], ['a']], dtype=object, mask=[[0], [1]])": "np.ma.array(shape=(2, 1), [1, --])",
    "numpy.ma.array(numpy.array(['a', 'b'], dtype='T'), mask=[0, 1])": "np.ma.array(['a', --])",
    "numpy.ma.masked": "masked",
    "numpy.array(['a', 'more than fifteen bytes', '', 'é' * 300], dtype='T')":
        f"format='T', ['a', 'more than fifteen bytes', '', '{'é' * 200}",
    "numpy.array([['a', 'b'], ['c', 'd']], dtype='T').T": "shape=(2, 2), format='T', ['a', 'c', 'b', 'd']",
    "numpy.array('abc', dtype='T')": "shape=(), format='T', ['abc']",
    "numpy.empty(2, dtype='T')": "shape=(2,), format='T', ['', '']",
    "numpy.array(['x', 'y', 'z'], dtype='T')[::-2]": "shape=(2,), format='T', ['z', 'x']",
    "numpy.array(['a', None], dtype=numpy.dtypes.StringDType(na_object=None))": "format='T', ['a', None]",
    "numpy.array(['a', pandas.NA], dtype=numpy.dtypes.StringDType(na_object=pandas.NA))": "format='T', ['a', <NA>]",
    "replaced(numpy.array(['a', 'b', 'c' * 20], dtype='T'))": f"format='T', ['{'x' * 40}', 'y', '{'z' * 20}']",
    "numpy.datetime64('2020-01-01T12:00')": "np.datetime64('2020-01-01T12:00')",
    "numpy.datetime64('NaT')": "np.datetime64('NaT')",
    "numpy.timedelta64(5, 'D')": "np.timedelta64(5,'D')",
    "numpy.complex64(1j)": "np.complex64(1j)",
    "numpy.bool_(True)": "np.True_",
    "numpy.float16(0.5)": "np.float16(0.5)",
}  # fmt: skip

MOMENTS = [
    f"numpy.{kind}({number!r}, {unit!r})"
    for kind in ("datetime64", "timedelta64")
    for number in (0, 3, -70, "NaT")
    for unit in ("Y", "2M", "D", "s", "25s", "ns", "10ns")
] + ["numpy.datetime64('NaT')"]

FRAMES = {
    "pandas.DataFrame({'a': [1, 2], 'b': [1.5, 2.0]})": "pandas.DataFrame({'a': [1, 2], 'b': [1.5, 2.0]})",
    "pandas.DataFrame({'s': ['x', None]})": "pandas.DataFrame({'s': ['x', …]})",
    "pandas.DataFrame({'t': pandas.to_datetime(['2020-01-01', '2021-01-01'])})":
        "pandas.DataFrame({'t': [2020-01-01, 2021-01-01]})",
    "pandas.DataFrame({'z': pandas.to_datetime(['2020-01-01'], utc=True)})":
        "pandas.DataFrame({'z': [2020-01-01 UTC]})",
    "pandas.DataFrame({'c': pandas.Categorical(['u', 'v', None, 'u'])})":
        "pandas.DataFrame({'c': ['u', 'v', <NA>, 'u']})",
    "pandas.DataFrame({'i': pandas.array([1, None], dtype='Int64')})": "pandas.DataFrame({'i': [1, <NA>]})",
    "pandas.DataFrame({'o': pandas.Series([{}, [1]], dtype=object)})": "pandas.DataFrame({'o': [{}, [1]]})",
    "pandas.DataFrame({'k': [1, 5, 2], 'v': [3, 4, 6]}).set_index('k')":
        "pandas.DataFrame({'v': [3, 4, 6]}, index=pandas.Index([1, 5, 2], name='k'))",
    "pandas.DataFrame({'v': [3, 4]}, index=['p', 'q'])": "pandas.DataFrame({'v': [3, 4]}, index=['p', 'q'])",
    "pandas.DataFrame({'x': [1, 2], 'y': ['p', 'q'], 'z': [5, 6]})":
        "pandas.DataFrame({'x': [1, 2], 'y': ['p', 'q'], 'z': [5, 6]})",
    "pandas.DataFrame({'x': [1, 2], 'y': [3, 4]})[::-1]":
        "pandas.DataFrame({'x': [2, 1], 'y': [4, 3]}, index=pandas.RangeIndex(1, -1, -1))",
    "pandas.DataFrame()": "pandas.DataFrame({})",
    "pandas.Series([1.5, None], name='n')": "pandas.Series([1.5, nan], name='n')",
    "pandas.Series(['x'], index=['k'])": "pandas.Series(['x'], index=['k'])",
    "pandas.Series(pandas.to_timedelta([90], 's'))": "pandas.Series([0 days 00:01:30])",
    "pandas.Index([3, 1])": "pandas.Index([3, 1])",
    "pandas.RangeIndex(4)": "pandas.RangeIndex(0, 4)",
    "pandas.date_range('2020-01-01', periods=2)": "pandas.DatetimeIndex([2020-01-01, 2020-01-02], freq=<Day>)",
    "pandas.MultiIndex.from_tuples([(1, 'a'), (2, 'b')], names=['n', 't'])":
        "pandas.MultiIndex([(1, 'a'), (2, 'b')], names=['n', 't'])",
    "pandas.Timestamp('2020-01-02 03:04:05')": "Timestamp('2020-01-02 03:04:05')",
    "pandas.Timestamp('2020-01-02 03:04:05.5')": "Timestamp('2020-01-02 03:04:05.500000')",
    "pandas.Timedelta('1 days 00:00:01.5')": "Timedelta('1 days 00:00:01.500000')",
    "pandas.NaT": "NaT",
    "pandas.NA": "<NA>",
    "pandas.Interval(0, 1)": "Interval(0, 1, closed='right')",
    "pandas.Categorical(['a', 'b'])": "pandas.Categorical(['a', 'b'])",
    "pandas.array([True, None], dtype='boolean')": "pandas.BooleanArray([True, <NA>])",
    "pandas.Period('2020-01', '3M')": "Period('2020-01', '3M')",
    **{
        f"pandas.Period('{text}', '{name}')": f"Period('{text}', '{name}')"
        for text, name in (
            ("2020", "Y-DEC"), ("2020Q3", "Q-DEC"), ("2020Q3", "Q-MAR"), ("2020-01", "M"), ("1969-12-30", "D"),
            ("2020-01-06/2020-01-12", "W-SUN"), ("2020-01-09/2020-01-15", "W-WED"), ("2020-01-02 03:00", "h"),
            ("2020-01-02 03:04", "min"), ("2020-01-02 03:04:05", "s"), ("2020-01-02 03:04:05.600", "ms"),
            ("2020-01-02 03:04:05.600001", "us"), ("2020-01-02 03:04:05.600001002", "ns"),
        )
    },
    "pandas.Series(pandas.period_range('2020Q4', periods=2, freq='Q'))": "pandas.Series([2020Q4, 2021Q1])",
    "pandas.PeriodIndex(['2020-01', None], freq='M')": "pandas.PeriodIndex([2020-01, NaT])",
    "pandas.interval_range(0, 2)": "pandas.IntervalIndex([(0, 1], (1, 2]])",
    "pandas.arrays.IntervalArray.from_breaks([0.5, 1, 2], closed='left')":
        "pandas.IntervalArray([[0.5, 1.0), [1.0, 2.0)])",
    "pandas.Series(pandas.arrays.SparseArray([0, 7, 0, 2]))": "pandas.Series([0, 7, 0, 2])",
    "pandas.DataFrame({'a': pandas.interval_range(0, 2).array, 'b': pandas.interval_range(2, 4).array})":
        "pandas.DataFrame({'a': [(0, 1], (1, 2]], 'b': [(2, 3], (3, 4]]})",
    "pandas.DataFrame({name: pandas.arrays.SparseArray([0, 7]) for name in 'ab'})":
        "pandas.DataFrame({'a': [0, 7], 'b': [0, 7]})",
    "pandas.arrays.SparseArray([0, 0, 2, 3, 0, 5], kind='block')":
        "pandas.SparseArray([0, 0, 2, 3, 0, 5], fill_value=0)",
    "pandas.date_range('2020-07-01', periods=2, freq='184D', tz='Europe/Berlin')":
        "pandas.DatetimeIndex([2020-07-01 00:00:00+02:00, 2021-01-01 00:00:00+01:00], freq=<184 * Days>)",
    "pandas.Timestamp('2020-01-01', tz='Europe/Berlin')":
        "Timestamp('2020-01-01 00:00:00+0100', tz='Europe/Berlin')",
    "pandas.Timestamp('2020-01-01 12:30:00.5+0530')": "Timestamp('2020-01-01 12:30:00.500000+0530', tz='UTC+05:30')",
    "pandas.Timestamp('2020-01-01', tz='UTC')": "Timestamp('2020-01-01 00:00:00+0000', tz='UTC')",
    "pandas.Series([1, None], dtype='int64[pyarrow]')": "pandas.Series([1, <NA>])",
    "pandas.DataFrame({'a': [1.5, 'x']}).dtypes": "pandas.Series([dtype('O')], index=['a'])",
    "numpy.dtype('i4')": "dtype('int32')",
    "numpy.dtype('>f8')": "dtype('>f8')",
    "numpy.dtype('U3')": "dtype('<U3')",
    "Sheet({'a': [1]})": "tables_of_test.Sheet({'a': [1]})",
}  # fmt: skip

NAMES: dict[str, Any] = {
    "numpy": numpy,
    "pandas": pandas,
    "__name__": "tables_of_test",
}
exec("class Sheet(pandas.DataFrame): pass", NAMES)
exec("def replaced(it): it[:] = ['x' * 40, 'y', 'z' * 20]; return it", NAMES)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Any, Value]]:
    texts = [*ARRAYS, *MOMENTS, *FRAMES]
    values = [eval(text, NAMES) for text in texts]
    found = record_values(tmp_path_factory.mktemp("tables"), values)
    return dict(zip(texts, zip(values, found, strict=True), strict=True))


@pytest.mark.parametrize("text", ARRAYS)
def test_an_array_is_shown_with_its_items(made: dict[str, tuple[Any, Value]], text: str) -> None:
    value, found = made[text]
    assert ARRAYS[text] in str(found)
    assert found.to_json()
    if (
        isinstance(value, numpy.ndarray)
        and value.dtype.names is None
        and "ma" not in type(value).__module__
        and value.dtype.char != "T"
    ):
        again = found.to_python()
        assert numpy.array_equal(
            numpy.asarray(again, dtype=value.dtype), value, equal_nan=value.dtype.kind in "Mm"
        )
    elif isinstance(value, numpy.ndarray):
        again = found.to_python()
        assert again.dtype == value.dtype and str(again) == str(value)
        assert (again is numpy.ma.masked) == (value is numpy.ma.masked)


@pytest.mark.parametrize("text", MOMENTS)
def test_a_moment_is_made_anew_with_its_unit(made: dict[str, tuple[Any, Value]], text: str) -> None:
    value, found = made[text]
    again = found.to_python()
    assert (repr(again), again.dtype) == (repr(value), value.dtype)


@pytest.mark.parametrize("text", FRAMES)
def test_a_frame_is_shown_by_its_columns_and_made_anew(
    made: dict[str, tuple[Any, Value]], text: str
) -> None:
    """A text that is missing is whatever this version of pandas has for it."""
    value, found = made[text]
    assert str(found) in [FRAMES[text].replace("…", each) for each in ("None", "nan")]
    assert found.to_json()
    again = found.to_python()
    if isinstance(value, pandas.DataFrame):
        pandas.testing.assert_frame_equal(again, pandas.DataFrame(value), check_column_type=False)
    elif isinstance(value, pandas.Series):
        pandas.testing.assert_series_equal(again, value)
    elif isinstance(value, pandas.Index):
        pandas.testing.assert_index_equal(again, value)
    elif value is pandas.NaT or value is pandas.NA:
        assert again is value
    else:
        assert again is not None and repr(again) == repr(value)


CHANGES = {
    "numpy.array(['2020-01-02'], dtype='M8[D]')": ["it[0] = '2021-01-01'"],
    "numpy.array([{}, 1], dtype=object)": ["it[1] = 2", "it[0]['k'] = 1"],
    "numpy.array(['a', 'b'])": ["it[0] = 'c'"],
    "numpy.array(['a', 'b'], dtype='T')": ["it[0] = 'more than fifteen bytes'", "it[0] = 'More than fifteen bytes'"],
    "numpy.array(['a'] * 100, dtype='T')": ["it[99] = 'b'"],
    "numpy.array([(1, 2.5)], dtype=[('a', 'i4'), ('b', 'f8')])": ["it['b'][0] = 1.0"],
    "numpy.arange(9.0).reshape(3, 3).T": ["it[2, 0] = 99.0"],
    "numpy.ma.array([1, 2, 3])": ["it[1] = numpy.ma.masked", "it[0] = 7"],
    "numpy.zeros(2000)": ["it[1500] = 1.0"],
    "numpy.zeros((2000, 2))[:, 0]": ["it[1500] = 1.0"],
    "numpy.array(['x'] * 2000, dtype=object)": ["it[1500] = 'y'"],
    "pandas.DataFrame({'amt': [1.0, 2.0], 'n': [1, 2]})":
        ["it.loc[0, 'amt'] = 99.0", "it['n'] += 1", "it['new'] = 5", "it.drop(columns='n', inplace=True)",
         "it.index = ['p', 'q']", "it.columns = ['a', 'b']", "it.loc['r'] = [3.0, 4]"],
    "pandas.DataFrame({'t': ['x', 'y']})": ["it.loc[1, 't'] = 'z'", "it['t'] = it['t'].str.upper()"],
    "pandas.DataFrame({'c': pandas.Categorical(['u', 'v'])})": ["it.loc[0, 'c'] = 'v'"],
    "pandas.DataFrame({'d': pandas.to_datetime(['2020-01-01'])})": ["it.loc[0, 'd'] = pandas.Timestamp(0)"],
    "pandas.DataFrame({'i': pandas.array([1, 2], dtype='Int64')})":
        ["it.loc[0, 'i'] = pandas.NA", "it.loc[1, 'i'] = 7"],
    "pandas.DataFrame({'o': pandas.Series([{}, [1]], dtype=object)})": ["it.loc[1, 'o'].append(2)"],
    "pandas.DataFrame({'x': numpy.zeros(500)})": ["it.loc[250, 'x'] = 1.0"],
    "pandas.Series([1, 2])": ["it[0] = 5", "it.name = 'n'", "it.index = ['a', 'b']"],
    "pandas.Series(range(500))": ["it[250] = 0"],
}  # fmt: skip


def changing_program() -> str:
    lines = ["import numpy, pandas"]
    for number, (start, changes) in enumerate(CHANGES.items()):
        lines += [
            f"def change_{number}():",
            f"    it = {start}",
            *(f"    {each}" for each in changes),
            "    end = 1",
        ]
    return "\n".join([*lines, *(f"change_{number}()" for number in range(len(CHANGES)))])


@pytest.fixture(scope="module")
def changed(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[int, int], bool]:
    """Whether `it` changed: by the number of the function and of the change in it."""
    folder = tmp_path_factory.mktemp("changes")
    code = compile(changing_program(), str(folder / "changing.py"), "exec", dont_inherit=True)
    with recorder.record(folder / "c.rtrace", min_free_space=0, include=["*changing.py"]):
        exec(code, {"__name__": "changing"})
    with recorder.open_trace(folder / "c.rtrace") as trace:
        return {
            (int(event.function.name.removeprefix("change_")), event.line - event.function.first_line - 3):
                "it" in event.changed
            for event in trace.events()
            if event.kind == "line" and event.function.name.startswith("change_")
        }  # fmt: skip


@pytest.mark.parametrize(
    ("number", "at"),
    [(number, at) for number, changes in enumerate(CHANGES.values()) for at in range(len(changes))],
    ids=[f"{start}: {change}" for start, changes in CHANGES.items() for change in changes],
)
def test_a_change_in_place_is_seen_at_the_next_line(
    changed: dict[tuple[int, int], bool], number: int, at: int
) -> None:
    assert changed[number, at]


@pytest.mark.parametrize(
    ("start", "change", "told"),
    [
        ("pandas.Series([0.5, 0.1], dtype='f4')", "it[1] = 0.2", "it[1]: 0.1 → 0.2"),
        ("pandas.DataFrame({'x': [0.1]}, dtype='f4')", "it.loc[0, 'x'] = 0.3", "it['x'][0]: 0.1 → 0.3"),
        ("numpy.array([0.1], dtype='f2')", "it[0] = 0.7", "it[0]: 0.1 → 0.7"),
        ("pandas.Series([1, 2], index=['p', 'q'])", "it['q'] = 3", "it['q']: 2 → 3"),
        ("pandas.Series([1, 2], index=[7, 0])", "it[0] = 3", "it[0]: 2 → 3"),
        ("pandas.Series([1, 2], index=['p', 'p'])", "it.iloc[1] = 3", "it.iloc[1]: 2 → 3"),
        ("pandas.DataFrame({'x': [1, 2]}, index=[7, 8])", "it.loc[8, 'x'] = 3", "it['x'][8]: 2 → 3"),
        ("pandas.DataFrame({'x': [1, 2]}, index=[0.5, 8])", "it.loc[8, 'x'] = 3", "it['x'].iloc[1]: 2 → 3"),
        ("numpy.array(['a', 'b'], dtype='T')", "it[1] = 'c' * 20", "it[1]: 'b' → 'cccccccccccccccccccc'"),
    ],
)  # fmt: skip
def test_a_change_is_told_as_the_values_are_shown(
    tmp_path: Path, start: str, change: str, told: str
) -> None:
    """Of floats of few bits no digit that says nothing."""
    names = NAMES | {"it": eval(start, NAMES)}
    [before] = record_values(tmp_path, [names["it"]])
    exec(change, names)
    (tmp_path / "later").mkdir()
    [after] = record_values(tmp_path / "later", [names["it"]])
    [part] = what_changed(before._tree, after._tree)
    assert "{}: {} → {}".format(*sides(part, "it", 40)) == told


def test_dates_in_milliseconds_and_extensions_of_python_are_read(tmp_path: Path) -> None:
    pyarrow = pytest.importorskip("pyarrow")
    dates = pyarrow.array([86_400_000, None], pyarrow.date64())
    months = pyarrow.array(pandas.Series(pandas.period_range("1970-02", periods=1, freq="M")))
    found = record_values(tmp_path, [dates, pyarrow.chunked_array([months])])
    assert [*map(str, found)] == [
        "pyarrow.Date64Array([1970-01-02, <NA>])",
        "pyarrow.ChunkedArray([1])",
    ]
    assert dates.equals(found[0].to_python())


MASKED = {
    "numpy.ma.array([[1, 2], [3, 4]], mask=[[1, 0], [0, 0]])": {"it[0][0] == 1": "unknown", "len(it) == 2": True},
    "numpy.ma.array([[1, 2], [3, 4]])": {"it[0][0] == 1": True, "2 in it": True},
    "numpy.ma.array([1, 'a'], dtype=object, mask=[0, 1])": {"it[1] == 'a'": "unknown"},
    "numpy.ma.array([(1, 2)], dtype='i4,i4', mask=[(0, 1)])":
        {"it[0]['f0'] == 1": True, "it[0]['f1'] == 2": "unknown"},
}  # fmt: skip


@pytest.mark.parametrize("text", MASKED)
def test_what_is_masked_is_not_told_in_expressions(tmp_path: Path, text: str) -> None:
    [found] = record_values(tmp_path, [eval(text, NAMES)])
    for asked, wanted in MASKED[text].items():
        answer = ask(asked, it=found._tree)
        assert (answer.truth if answer.kind == "known" else answer.kind) == wanted, asked


def test_what_is_cut_says_so(tmp_path: Path) -> None:
    values = [
        pandas.DataFrame({"x": range(1000)}), pandas.DataFrame({f"c{n}": [n] for n in range(100)}),
        pandas.Series(["é" * 2000]), numpy.array([[n] for n in range(300)] + [None], dtype=object),
    ]  # fmt: skip
    long, wide, text, objects = record_values(tmp_path, values)
    assert long.truncated and long.size == 1000
    assert "38, 39, … 940 more, 980, 981" in str(long) and str(long).endswith("999]})")
    assert wide.truncated and "'c39': [39], … 60 more columns" in str(wide)
    assert text.truncated and objects.truncated and objects.size == 301
    for value in (long, wide, text, objects):
        with pytest.raises(recorder.RecorderError, match="too large"):
            value.to_python()


def test_many_large_arrays_of_a_class_keep_to_the_room_of_a_value(tmp_path: Path) -> None:
    """A debug build checks it."""
    record = numpy.zeros(600, dtype="f8,f8").view(numpy.recarray)
    record.f0[0] = 1.5
    (found,) = record_values(tmp_path, [[record.copy() for _ in range(200)]])
    assert found.size == 200 and "1.5" in str(found[0])


def test_a_change_of_what_is_not_shown_is_seen(tmp_path: Path) -> None:
    """In the middle of a long column of each kind: by all of its items, though most are not written."""
    columns = [
        pandas.Series(range(1000)), pandas.Series(pandas.array([1, None] * 500, dtype="Int64")),
        pandas.Series(["a", "b"] * 500), pandas.Series([object(), 1] * 500, dtype=object),
    ]  # fmt: skip
    path = tmp_path / "middle.rtrace"
    with recorder.record(path, min_free_space=0, include=__file__):
        change_each(columns)
    with recorder.open_trace(path) as trace:
        (end,) = trace.find("return", function="change_each")
        changes = [event for event in trace.find(frame=end.frame) if "column" in event.changed]
        assert len(changes) == 3 * len(columns)


def change_each(columns: list[Any]) -> None:
    for column in columns:
        column.iloc[501] = column.iloc[500]
        column.iloc[503] = None


# Made of texts of digits, or of None: what has more items than are shown of it.
LONG_KINDS = {
    "numpy.array([int(text or 0) for text in texts])": False,
    "numpy.array([text or '' for text in texts], dtype='T')": False,
    "numpy.array(texts, dtype=object)": True,
    "numpy.ma.array([int(text or 0) for text in texts], mask=[text is None for text in texts])": True,
    "pandas.Series([int(text or 0) for text in texts])": False,
    "pandas.Series(texts)": True,
    "pandas.Series(texts, dtype='category')": True,
    "pandas.Index(texts)": True,
    "pandas.array([text and int(text) for text in texts], dtype='Int64')": True,
    "pandas.DataFrame({'a': range(len(texts)), 'b': texts})": True,
    "pyarrow.array(texts)": True,
    "pyarrow.array([text and int(text) for text in texts])": True,
    "pyarrow.array([[text] for text in texts])": True,
    "pyarrow.array([text and [text] for text in texts])": True,
    "pyarrow.array([{'a': text} for text in texts])": True,
    "pyarrow.array(texts).dictionary_encode()": True,
    "pyarrow.chunked_array([texts])": True,
    "pyarrow.chunked_array([texts[:450], texts[450:]])": True,
    "pyarrow.table({'a': texts})": True,
    "pyarrow.record_batch({'a': texts})": True,
}


@pytest.mark.parametrize(("kind", "can_lack"), LONG_KINDS.items(), ids=LONG_KINDS)
def test_a_difference_where_nothing_is_shown_is_one(
    tmp_path: Path, kind: str, can_lack: bool
) -> None:
    """Of two values that are made apart, by all that is in them; and those that hold the same do not differ."""
    names = NAMES | {"pyarrow": pytest.importorskip("pyarrow")}
    texts: list[str | None] = [str(n) for n in range(1000)]

    def made(at: int, text: str | None) -> Any:
        return eval(kind, names | {"texts": [*texts[:at], text, *texts[at + 1 :]]})

    others = [made(at, "7") for at in (200, 450, 500, 979)] + [made(500, None)] * can_lack
    first, again, *found = record_values(tmp_path, [made(0, "0"), made(0, "0"), *others])
    assert not [*what_changed(first._tree, again._tree)]
    assert all([*what_changed(first._tree, other._tree)] for other in found)
    assert len(found) == 4 + can_lack


LONG = {
    "numpy.longdouble('0.1')": "np.longdouble('0.1')",
    "numpy.longdouble(2)": "np.longdouble('2.0')",
    "numpy.longdouble(0)": "np.longdouble('0.0')",
    "-numpy.longdouble(1) / 3": "np.longdouble('-0.33333333333333333334')",
    "numpy.longdouble('1e4000')": "np.longdouble('1e+4000')",
    "numpy.longdouble('inf')": "np.longdouble('inf')",
    "numpy.longdouble('nan')": "np.longdouble('nan')",
    "numpy.finfo(numpy.longdouble).tiny": "np.longdouble('3.3621031431120935063e-4932')",
    "numpy.array([0.5, 2], dtype='g')": "numpy.ndarray(shape=(2,), format='g', [0.5, 2.0])",
    "numpy.array([1 + 2j], dtype='G')": "numpy.ndarray(shape=(1,), format='Zg', [(1+2j)])",
}


@pytest.mark.skipif(
    numpy.finfo(numpy.longdouble).nmant != 63, reason="C's long double has other bits"
)
def test_floats_of_80_bits_are_told_with_all_their_digits(tmp_path: Path) -> None:
    values = [eval(text, {"numpy": numpy}) for text in LONG]
    for text, value, found in zip(LONG, values, record_values(tmp_path, values), strict=True):
        assert str(found) == LONG[text]
        if "array" not in text:
            assert str(found) == repr(value)
        made = found.to_python()
        assert type(made) is type(value) and made.dtype == value.dtype
        assert numpy.array_equal(made, value, equal_nan=True)


def test_a_structure_with_a_secrets_name_is_not_told(tmp_path: Path) -> None:
    """Of an array, one of its items, and of records: all of it, since the bytes of the fields stand side by side."""
    array = numpy.array([(1, "hunter2")], dtype=[("a", "i4"), ("password", "U10")])
    inner = numpy.array([((1, "hunter2"),)], dtype=[("a", array.dtype)])
    values = [
        array,
        array[0],
        array.view(numpy.recarray),
        inner,
        memoryview(array["a"].copy()),
        array[["a"]].copy(),
    ]
    found = record_values(tmp_path, values)
    assert all(
        "hunter2" not in str(each) and "hunter2" not in str(each.to_json()) for each in found[:4]
    )
    assert [str(each) for each in found[:2]] == ["<redacted>", "<redacted>"]


def test_a_column_with_a_secrets_name_is_not_told(tmp_path: Path) -> None:
    values = [
        pandas.DataFrame({"user": ["ada"], "password": ["hunter2"]}),
        pandas.DataFrame({"user": ["ada"], "password": ["hunter2"]}).iloc[0],
        pandas.DataFrame({"user": ["ada"], "password": ["hunter2"]}).T,
        pandas.DataFrame({"user": ["ada"], "password": ["hunter2"]}, dtype=object),
        pandas.Series(["hunter2"], name="password"),
        pandas.Index(["hunter2"], name="api_key"),
        pandas.Series(
            ["hunter2"] * 100, index=pandas.Index([*range(99), "password"], dtype=object)
        ),
        pandas.Series(["hunter2"] * 100, index=[*(f"n{n}" for n in range(99)), "password"]),
        pandas.DataFrame({("a", "user"): ["ada"], ("a", "password"): ["hunter2"]}),
        pandas.DataFrame({("a", "user"): ["ada"], ("a", "password"): ["hunter2"]}).stack(
            level=[0, 1]
        ),
        pandas.DataFrame({("a", "password"): ["hunter2"]})[("a", "password")],
    ]
    found = record_values(tmp_path, values)
    assert "'ada'" in str(found[0]) and "'password': <redacted>" in str(found[0])
    assert "('a', 'user'): ['ada'], ('a', 'password'): <redacted>" in str(found[8])
    for value in found:
        assert "hunter2" not in str(value) + str(value.to_json())
        assert "<redacted>" in str(value)


UNMADE = """
class Sheet(pandas.DataFrame):
    def __init__(self):
        rows = {"a": [1]}
        super().__init__(rows)
        end = 1
Sheet()
"""


def test_a_frame_that_is_being_made_has_nothing_yet(tmp_path: Path) -> None:
    code = compile(UNMADE, str(tmp_path / "unmade.py"), "exec", dont_inherit=True)
    with recorder.record(tmp_path / "u.rtrace", min_free_space=0, include=["*unmade.py"]):
        exec(code, {"__name__": "unmade", "pandas": pandas})
    with recorder.open_trace(tmp_path / "u.rtrace") as trace:
        shown = [str(event.locals["self"]) for event in trace.events() if "self" in event.locals]
    assert shown[0] == "<unmade.Sheet object>"
    assert shown[-1] == "unmade.Sheet({'a': [1]})"


# ---- anything, and layouts that are not the known ones ---------------------------------------------------------------

DTYPES = ["?", "i1", "u2", "i4", "i8", "f4", "f8", "c16", "M8[us]", "m8[s]", "U3", "S2", ">i4", "O"]
LENGTHS = st.sampled_from([0, 1, 3, 60, 61, 300])


@st.composite
def cells(draw: st.DrawFn) -> Any:
    """An array of any dtype, of one dimension, that lies in memory in any way."""
    dtype, size, step = (
        draw(st.sampled_from(DTYPES)),
        draw(LENGTHS),
        draw(st.sampled_from([1, 2, -1])),
    )
    seed = numpy.random.default_rng(draw(st.integers(0, 99)))
    numbers = seed.integers(0, 100, size * abs(step))
    if dtype == "O":
        values = numpy.empty(len(numbers), dtype=object)
        values[:] = [(n, str(n), None, [n])[n % 4] for n in numbers.tolist()]
    else:
        values = numbers.astype("i8" if dtype[0] in "Mm" else dtype).astype(dtype)
    return values[::step]


@st.composite
def frames(draw: st.DrawFn) -> Any:
    size = draw(LENGTHS)
    columns = {f"c{n}": numpy.resize(draw(cells()), size) for n in range(draw(st.integers(0, 4)))}
    frame = pandas.DataFrame({name: pandas.Series(values) for name, values in columns.items()
                              if values.dtype.kind not in "USc" and values.dtype.byteorder != ">"})  # fmt: skip
    return frame[::-1] if draw(st.booleans()) else frame


@settings(max_examples=4, deadline=None, suppress_health_check=list(HealthCheck))
@given(values=st.lists(st.one_of(cells(), frames()), min_size=20, max_size=30))
def test_any_array_and_any_frame_comes_back(
    tmp_path_factory: pytest.TempPathFactory, values: list[Any]
) -> None:
    for value, found in zip(
        values, record_values(tmp_path_factory.mktemp("any"), values), strict=True
    ):
        if found.truncated:
            assert len(value) + numpy.size(value) > 60, "the budget may be used up"
        elif isinstance(value, pandas.DataFrame):
            pandas.testing.assert_frame_equal(
                found.to_python(), value, check_dtype=bool(len(value)), check_column_type=False,
                check_index_type=bool(len(value)),
            )  # fmt: skip
        elif value.dtype == object:
            assert list(found.to_python()) == list(value)
        else:
            assert numpy.array_equal(numpy.array(found.to_python(), dtype=value.dtype), value)


def test_a_layout_that_is_not_the_known_one_makes_values_opaque(tmp_path: Path) -> None:
    frame, series, index = pandas.DataFrame({"a": [1]}), pandas.Series([1]), pandas.Index([5])
    longer, axes = pandas.array([1, 2], dtype="Int64"), pandas.DataFrame({"a": [1]})
    frame._mgr = axes  # anything else
    series._mgr = object()
    index._data = object()
    longer._mask = numpy.array([False] * 5)
    axes._mgr.axes = [axes.index]
    found = record_values(tmp_path, [frame, series, index, longer, axes])
    assert [str(one) for one in found] == [
        "<pandas.DataFrame object, of a layout that is not known>",
        "<pandas.Series object, of a layout that is not known>",
        "pandas.Index(<object object>)",
        "<pandas.arrays.IntegerArray object, of a layout that is not known>".replace(
            "pandas.arrays", type(longer).__module__
        ),
        "<pandas.DataFrame object, of a layout that is not known>",
    ]


HOSTILE = """
class Sheet(pandas.DataFrame):
    def __getattribute__(self, name): ran.append(name); return super().__getattribute__(name)
    def __len__(self): ran.append("len"); return 0
class Grid(numpy.ndarray):
    def __getitem__(self, at): ran.append(at); return 0
    def __array_finalize__(self, other): ran.append("finalize")
class Cell:
    def __repr__(self): ran.append("repr"); return ""
    def __eq__(self, other): ran.append("eq"); return True
    def __hash__(self): ran.append("hash"); return 1
"""


# What is done before an array of texts is first looked at: numpy makes no array to prove the layout by; a function of
# the program's stands where numpy's does; another thread holds the lock of the texts.
HINDRANCES = {
    "no proof": "made['array'] = len",
    "a function": "made['array'] = lambda *args: exit('ran')",
    "a lock": """
of = ctypes.c_ssize_t.from_address(id(value.dtype) + 136).value + 48
if sys.version_info < (3, 13):
    take = ctypes.pythonapi.PyThread_acquire_lock
    take.argtypes = ctypes.c_void_p, ctypes.c_int
    lock = ctypes.c_void_p(ctypes.c_ssize_t.from_address(of).value)
    assert take(lock, 0)
    give = lambda: ctypes.pythonapi.PyThread_release_lock(lock)
else:
    lock = ctypes.c_uint8.from_address(of)
    lock.value = 1
    def give(): lock.value = 0
""",
}
TEXTS_HINDERED = """
import ctypes, sys
import numpy, recorder
def look(value): return None
value = numpy.array(["hidden"], dtype="T")
made = sys.modules["numpy._core._multiarray_umath"].__dict__
kept = made["array"]
give = lambda: None
{}
with recorder.record(sys.argv[1], min_free_space=0, include=["<string>"]):
    look(value)
give()
made["array"] = kept
"""


@pytest.mark.parametrize("what", HINDRANCES)
def test_texts_of_numpy_that_are_not_proved_or_not_free_are_told_by_their_type(
    what: str, tmp_path: Path
) -> None:
    done = subprocess.run(
        [sys.executable, "-c", TEXTS_HINDERED.format(HINDRANCES[what]), str(tmp_path / "t.rtrace")],
        capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    with recorder.open_trace(tmp_path / "t.rtrace") as trace:
        [found] = [event.locals["value"] for event in trace.events() if event.kind == "call"]
    assert str(found) == "<numpy.ndarray object>"


def test_no_code_of_theirs_runs(tmp_path: Path) -> None:
    ran: list[object] = []
    names = {**NAMES, "ran": ran}
    exec(HOSTILE, names)
    cell = names["Cell"]()
    values = [
        names["Sheet"]({"a": [1]}), numpy.arange(3).view(names["Grid"]), numpy.array([cell, 1], dtype=object),
        pandas.Series([cell], dtype=object),
    ]  # fmt: skip
    ran.clear()
    found = record_values(tmp_path, values)
    assert not ran
    assert "{'a': [1]}" in str(found[0]) and "[0, 1, 2]" in str(found[1])


def test_memory_of_a_mapped_file_is_not_looked_at(tmp_path: Path) -> None:
    """The file may be shorter by now, and a look at it the end of the program."""
    file = tmp_path / "numbers"
    file.write_bytes(bytes(8 * 4096))
    mapped = numpy.memmap(file, dtype="f8", mode="r+")
    seen = numpy.asarray(mapped)
    file.write_bytes(b"")
    for found in record_values(tmp_path, [mapped, seen, seen[4000:]]):
        assert "shape=" in str(found) and "0.0" not in str(found)


def test_what_is_in_a_frame_can_be_asked_for(tmp_path: Path) -> None:
    frame = pandas.DataFrame({"amt": [1.0, 99.0, 3.0], "who": ["ada", "bob", "eve"]})
    found, series, index = record_values(tmp_path, [frame, frame["amt"], frame.columns])
    assert found["amt"][1] == 99.0 and found["who"][0] == "ada"
    assert series[1] == 99.0 and len(series) == 3 and index[1] == "who"
    assert len(found) == 3 and found.size == 3


def test_a_page_shows_a_table(tmp_path: Path) -> None:
    values = [
        pandas.DataFrame({"amt": [1.0, 99.0], "<b>": ["ada", "b&b"]}, index=["p", "q"]),
        pandas.DataFrame({"x": range(1000)}), pandas.Series([1, 2], name="n"), numpy.arange(6).reshape(2, 3),
        pandas.Index([1]),
    ]  # fmt: skip
    frame, long, series, array, index = (v._repr_html_() for v in record_values(tmp_path, values))
    assert "<tr><th></th><th>amt</th><th>&lt;b&gt;</th></tr>" in frame
    assert (
        "<tr><th>q</th><td>99.0</td><td>b&amp;b</td></tr>" in frame
        and "2 rows × 2 columns" in frame
    )
    assert "<tr><th>39</th><td>39</td></tr><tr><th>…</th><td>…</td></tr><tr><th>980</th>" in long
    assert "<tr><th>1</th><td>2</td></tr>" in series
    assert "<tr><th>1</th><td>3</td><td>4</td><td>5</td></tr>" in array
    assert index == "<code>pandas.Index([1])</code>"


def test_a_terminal_shows_a_table(tmp_path: Path) -> None:
    values = [
        pandas.DataFrame({"amt": [1.0, 99.5], "who\n": ["ada", "b" * 99]}, index=["p", "q"]),
        pandas.DataFrame({f"column {n}": [n] for n in range(40)}), numpy.arange(4).reshape(2, 2), numpy.arange(4),
    ]  # fmt: skip
    frame, wide, array, row = (text_lines(v._tree) for v in record_values(tmp_path, values))
    assert frame == [
        "    amt                     who\\n",
        "p   1.0                       ada",
        f"q  99.5  {'b' * 23}…",
        "2 rows × 2 columns",
    ]
    assert wide[0].startswith("   column 0  column 1  ") and wide[0].endswith("  …")
    assert len(wide) == 3 and max(map(len, wide)) <= 100
    assert array == ["   0  1", "0  0  1", "1  2  3", "2 × 2, int64"]
    assert row == []


def test_show_prints_one_for_what_is_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    record_values(tmp_path, [pandas.DataFrame({"amt": [1.0, 99.5]})])
    seq = str(value_event(tmp_path / "looking.rtrace"))
    monkeypatch.setattr("sys.stdin", io.StringIO("p value\nq\n"))
    assert cli.main(["show", str(tmp_path / "looking.rtrace"), "--plain", "--at", seq]) == 0
    assert (
        "       amt\n    0   1.0\n    1  99.5\n    2 rows × 1 columns\n" in capsys.readouterr().out
    )


def value_event(path: Path) -> int:
    with recorder.open_trace(path) as trace:
        (call,) = trace.find("call", function="look")
        return call.seq
