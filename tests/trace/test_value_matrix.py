"""Python's operators on a Value of each kind that docs/values.md names, against the object itself: what is told is
right, and what is not told stands here."""

from __future__ import annotations

import contextlib
import importlib
import io
import itertools
import re
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from recorder import errors
from recorder.trace.values.value import Value
from tests.capture.test_known_types import record_values
from tests.tools import table_of_values

MODULES = ("array", "collections", "numpy", "pandas", "pyarrow", "types")
MOST = 9  # items of what may have no end
OPERATIONS: dict[str, Callable[[Any], Any]] = {
    "len": len,
    "bool": bool,
    "int": int,
    "float": float,
    "complex": complex,
    "iter": lambda v: [*itertools.islice(v, MOST)],
    "reversed": lambda v: [*itertools.islice(reversed(v), MOST)],
    "in": lambda v: [1 in v, "a" in v, None in v],
    "[0]": lambda v: v[0],
    "[-1]": lambda v: v[-1],
    "['a']": lambda v: v["a"],
    "[:1]": lambda v: v[:1],
}
ENDLESS = ("count(", "repeat(", "cycle(")  # in which nothing can be sought
NULL = "ctypes.POINTER"  # which Python itself cannot be asked: it would follow the pointer
TOLD_BY_VALUE = (
    "pyarrow.array",
    "pyarrow.chunked",
    "pyarrow.table",
)  # what Python has for each of its scalars

# What only the object's own code could tell, though it has an answer; of a group of kinds, by how they begin.
NOT_TOLD = {
    "bool": """Page typing.TypeVar threading. multiprocessing. queue. done asyncio. socket. contextvars.Context( ctypes.
        (ctypes. Pixel Share Folder Measured pyarrow.list_ cached random.Random struct.Struct csv.reader message
        ElementTree.fromstring""",
    "len": "ElementTree.fromstring message",
    "int": "Share",
    "float": "Share",
    "complex": "Share",
    "iter": "loop. list[int] typing.Literal ipaddress.ip_network open( map itertools.accumulate itertools.groupby "
    "itertools.pairwise pyarrow.schema csv.reader ElementTree.fromstring message",
    "reversed": "pyarrow.table pyarrow.schema ElementTree.fromstring message",
    "in": "loop. io. open( ipaddress.ip_network iter( enumerate reversed zip map itertools. pyarrow.schema "
    "csv.reader ElementTree.fromstring message",
    "[0]": "ipaddress.ip_network pyarrow.schema ElementTree.fromstring message",
    "[-1]": "ipaddress.ip_network pyarrow.schema ElementTree.fromstring message",
    "['a']": "message",
    "[:1]": "Measured numpy.ma. pandas.DataFrame pyarrow.table ElementTree.fromstring message",
}


def outcome(ask: Callable[[Any], Any], value: Any) -> Any:
    try:
        return plain(ask(value))
    except errors.ValueNotRecordedError:
        return None
    except Exception as exc:
        return (
            "refused" if isinstance(exc, (TypeError, LookupError, Warning)) else type(exc).__name__
        )


def plain(value: Any) -> str:
    """What can be compared of a part: numpy's numbers are Python's, and a part of an array has its items."""
    if isinstance(value, Value):
        value = value.to_python()
    for name in ("tolist", "as_py", "to_pylist"):
        if hasattr(value, name):
            value = getattr(value, name)()
    if type(value).__module__.partition(".")[0] in ("pandas", "array") and hasattr(
        value, "__iter__"
    ):
        value = list(value)
    if isinstance(value, (list, tuple, range, memoryview)):
        return f"[{', '.join(map(plain, value))}]"
    return re.sub(r"0x\w+|<NA>|masked", "None", repr(value))


@pytest.fixture
def made() -> Iterator[Callable[[str, dict[str, Any]], Any]]:
    """Makes a value, which is closed in the end if it can be."""
    held: list[Any] = []

    def make(text: str, names: dict[str, Any]) -> Any:
        held.append(eval(text, names))
        return held[-1]

    yield make
    for each in held:
        if isinstance(each, (io.IOBase, socket.socket)):
            each.close()


@pytest.mark.parametrize("section", table_of_values.SECTIONS)
def test_a_value_answers_as_the_object_or_not_at_all(
    section: str, made: Callable[[str, dict[str, Any]], Any], tmp_path: Path
) -> None:
    setup, rows = table_of_values.SECTIONS[section]
    names: dict[str, Any] = {"__name__": "__main__"}
    exec(setup, names)
    texts = [text for text in rows if NULL not in text]
    found = record_values(tmp_path, [made(text, names) for text in texts])
    wrong, not_told = [], []
    for text, value in zip(texts, found, strict=True):
        for name, ask in OPERATIONS.items():
            if name == "in" and any(each in text for each in (*ENDLESS, *TOLD_BY_VALUE)):
                continue
            wanted, told = outcome(ask, made(text, names)), outcome(ask, value)
            if told is None and wanted not in ("refused", "ValueError"):
                not_told.append((name, text))
            elif told is not None and told != wanted and not says_no(wanted, told):
                wrong.append(f"{name} of {text}: {told}, and not {wanted}")
    for name in ("loop", "connection"):
        if name in names:
            names[name].close()
    assert wrong == []
    assert [
        each
        for each in not_told
        if not each[1].startswith(tuple(NOT_TOLD.get(each[0], "").split()))
    ] == []


def says_no(wanted: str, told: str) -> bool:
    """A value is none of those that are asked for, and its type refuses the question."""
    return wanted == "refused" and told == "[False, False, False]"


CUT = (
    "numpy.arange(100_000)", "array.array('i', range(10_000))", "memoryview(array.array('i', range(9_999)))",
    "dict.fromkeys(range(5_000)).keys()", "collections.deque(range(5_000))", "list(range(5_000))",
    "pandas.Series(range(5_000))", "pandas.DataFrame({'c': range(5_000)})['c']", "pandas.Index(range(0, 9_999, 1))",
    "types.MappingProxyType(dict.fromkeys(range(5_000)))", "pyarrow.array(range(5_000))",
)  # fmt: skip


@pytest.mark.parametrize("text", CUT)
def test_what_was_cut_gives_what_was_recorded_and_then_says_so(text: str, tmp_path: Path) -> None:
    [whole] = [eval(text, {name: importlib.import_module(name) for name in MODULES})]
    [value] = record_values(tmp_path, [whole])
    given: list[object] = []
    with contextlib.suppress(errors.ValueNotRecordedError):
        for each in value:
            given.append(each.to_python())
        assert len(given) == len(whole), "it says that there are more"
    size = len(whole)
    assert len(value) == size
    assert 30 < len(given) < size or type(whole).__name__ == "RangeIndex"
    assert plain(given) == plain([*whole][: len(given)])
    assert 0 in value
    if type(whole).__name__ == "Series":
        assert 4_999 in value  # its labels are known
    elif len(given) < size:
        with pytest.raises(errors.ValueNotRecordedError):
            4_970 in value
    if text.startswith("pyarrow"):
        assert 4_999 in value  # the end of a column is recorded, too
