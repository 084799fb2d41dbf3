"""A recorded value compares with what it was, and is as true and as long as that. Of what is derived from a known
class, whose operators can be the program's, nothing can be told."""

from __future__ import annotations

import contextvars
from pathlib import Path
from typing import Any

import numpy  # noqa: F401  # whose own threads are there before the first test
import pytest

import recorder
from tests.capture.test_known_types import record_values

SETUP = """
import array, collections, contextvars, decimal, fractions, ipaddress, itertools, pathlib, re, types, uuid, zoneinfo
import numpy, pandas, pyarrow
class Share(fractions.Fraction): pass
class Folder(type(pathlib.Path())): pass
"""

# Each with what it is not equal to.
EQUAL = {
    "fractions.Fraction(1, 3)": "fractions.Fraction(1, 4)",
    "decimal.Decimal('1.5')": "decimal.Decimal('1.6')",
    "collections.deque([1, 2])": "collections.deque([1, 3])",
    "collections.ChainMap({'a': 1})": "{'b': 1}",
    "collections.UserDict(a=1)": "{'a': 2}",
    "collections.UserList([1])": "[2]",
    "collections.UserString('x')": "'y'",
    "types.SimpleNamespace(a=1)": "types.SimpleNamespace(a=2)",
    "{'a': 1}.keys()": "{'b'}",
    "{'a': 1}.items()": "{('a', 2)}",
    "array.array('i', [1, 2])": "array.array('i', [1, 3])",
    "re.compile('a')": "re.compile('b')",
    "list[int]": "list[str]",
    "uuid.UUID(int=5)": "uuid.UUID(int=6)",
    "pathlib.Path('/a')": "pathlib.Path('/b')",
    "ipaddress.ip_address('10.0.0.1')": "ipaddress.ip_address('10.0.0.2')",
    "ipaddress.ip_network('10.0.0.0/8')": "5",
    "numpy.array([1, 2])": "numpy.array([1, 3])",
    "numpy.int64(5)": "6",
    "numpy.float32(0.5)": "0.25",
    "numpy.datetime64('2020-01-01')": "numpy.datetime64('2020-01-02')",
    "pandas.Series([1, 2])": "pandas.Series([1, 3])",
    "pandas.DataFrame({'a': [1]})": "pandas.DataFrame({'a': [2]})",
    "pandas.Index([1, 2])": "pandas.Index([1, 3])",
    "pandas.Timestamp('2020')": "pandas.Timestamp('2021')",
    "pandas.Interval(0, 1)": "pandas.Interval(0, 2)",
    "pandas.array([1, None], dtype='Int64')": "pandas.array([2, None], dtype='Int64')",
    "pyarrow.array([1, 2])": "pyarrow.array([1, 3])",
    "pyarrow.array([[1], None])": "pyarrow.array([[1], [2]])",
    "pyarrow.table({'a': [1]})": "pyarrow.table({'a': [2]})",
    "pyarrow.scalar(5)": "pyarrow.scalar(6)",
}

UNKNOWN = ("Share(1, 3)", "Folder('/a')", "itertools.count(5)", "{'a': 1}.values()")


def names_of_test() -> dict[str, Any]:
    pytest.importorskip("pandas")
    pytest.importorskip("pyarrow")
    names: dict[str, Any] = {"__name__": "own_operators_of_test"}
    exec(SETUP, names)
    return names


def test_a_value_compares_with_what_it_was(tmp_path: Path) -> None:
    names = names_of_test()
    values = [eval(text, names) for text in EQUAL]
    for (text, other), value, found in zip(
        EQUAL.items(), values, record_values(tmp_path, values), strict=True
    ):
        assert found == value, text
        assert not found != value, text
        assert found != eval(other, names), text


def test_what_only_code_of_the_program_can_tell_is_not_told(tmp_path: Path) -> None:
    names = names_of_test()
    values = [eval(text, names) for text in UNKNOWN]
    for value, found in zip(values, record_values(tmp_path, values), strict=True):
        with pytest.raises(recorder.errors.ValueNotRecordedError):
            assert found == value


def test_a_context_is_equal_to_none_that_is_not_recorded(tmp_path: Path) -> None:
    context = contextvars.copy_context()
    [found] = record_values(tmp_path, [context])
    with pytest.raises(recorder.errors.ValueNotRecordedError):
        assert found == context


ASKED = {
    "numpy.int64(5)": (True, None, 5, 5.0),
    "fractions.Fraction(7, 2)": (True, None, 3, 3.5),
    "fractions.Fraction(0)": (False, None, 0, 0.0),
    "array.array('i')": (False, 0, None, None),
    "{'a': 1}.values()": (True, 1, None, None),
    "collections.ChainMap({}, {})": (False, 0, None, None),
    "uuid.UUID(int=5)": (True, None, 5, None),
    "numpy.array([1])": (True, 1, None, None),
    "pyarrow.scalar(5)": (True, None, 5, None),
}


def test_a_value_is_as_true_and_as_long_and_as_large_as_what_it_was(tmp_path: Path) -> None:
    names = names_of_test()
    values = [eval(text, names) for text in ASKED]
    for (text, wanted), found in zip(ASKED.items(), record_values(tmp_path, values), strict=True):
        asks: tuple[Any, ...] = (bool, len, int, float)
        for ask, answer in zip(asks, wanted, strict=True):
            if answer is not None:
                assert ask(found) == answer, (text, ask)
            elif ask is len:
                with pytest.raises(TypeError, match="no len"):
                    len(found)


def test_an_order_is_told(tmp_path: Path) -> None:
    names = names_of_test()
    values = [
        eval(text, names)
        for text in ("fractions.Fraction(1, 3)", "pathlib.Path('/a')", "numpy.int64(5)")
    ]
    third, folder, five = record_values(tmp_path, values)
    assert third < names["fractions"].Fraction(1, 2) and third <= 0.5 and not third > five
    assert folder < Path("/b") and five >= 5
    with pytest.raises(TypeError, match="not supported"):
        assert folder < 5
