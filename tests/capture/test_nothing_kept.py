"""Recording holds on to nothing: neither to what the program has, nor to what CPython makes to tell of it."""

from __future__ import annotations

import collections
import gc
import sys
import types
from pathlib import Path
from typing import Any

import pytest

import recorder
from tests.capture import test_known_types as known

LIBRARIES = """
numpy.arange(5)  numpy.float32(1.5)  numpy.datetime64("2020-01-02")  numpy.array([1, "a", None], dtype=object)
pandas.DataFrame({"a": [1, 2], "b": ["x", "y"]})  pandas.Series([1, 2], name="s")  pandas.Index(["a", "b"])
pandas.Timestamp("2020-01-02", tz="UTC")  pandas.Timedelta(5)  pandas.Period("2020-01")  pandas.Categorical(["a"])
pandas.MultiIndex.from_tuples([("a", 1), ("b", 2)])  pyarrow.table({"a": [1, None]})  pyarrow.array(["a", "b"])
""".split("\n")
WORK = """
def work(value, times):
    for i in range(times):
        beside = [value, i]
        beside = None
"""


def of_libraries() -> dict[str, Any]:
    import numpy
    import pandas
    import pyarrow

    names = {"numpy": numpy, "pandas": pandas, "pyarrow": pyarrow}
    texts = [each for line in LIBRARIES for each in line.split("  ") if each]
    return {text: eval(text, dict(names)) for text in texts}


def held(value: Any) -> list[tuple[str, int]]:
    """How often what is in it is referred to, two levels deep."""
    parts = gc.get_referents(value)
    parts += [part for one in parts if not isinstance(one, type) for part in gc.get_referents(one)]
    counts = collections.Counter(map(id, parts))
    by_id = {id(part): part for part in parts}
    return [(type(by_id[key]).__name__, sys.getrefcount(by_id[key])) for key in counts]


TIMES = 60


@pytest.mark.usefixtures("arrow_threads")
def test_nothing_of_a_value_is_kept(tmp_path: Path) -> None:
    """Of any value that is known: it is looked at and written many times, and there is no more than before."""
    texts = [
        *known.expressions(),
        *known.SHOWN,
        *known.EXCEPTIONS,
        *known.WITH_MEMBERS,
        *known.STEPS,
    ]
    values = dict(zip(texts, known.make(texts), strict=True)) | of_libraries()
    module = types.ModuleType("kept")
    exec(compile(WORK, str(tmp_path / "kept.py"), "exec", dont_inherit=True), module.__dict__)
    kept = {}
    with recorder.record(tmp_path / "a.rtrace", min_free_space=0, include=["*kept.py"]):
        for text, value in values.items():
            module.work(value, 3)  # what is made once for all is made
            before, blocks = held(value), sys.getallocatedblocks()
            module.work(value, TIMES)
            more, after = sys.getallocatedblocks() - blocks, held(value)
            grown = [(a, b) for a, b in zip(before, after, strict=True) if b[1] - a[1] >= TIMES]
            if more >= TIMES or grown:
                kept[text] = more, grown
    assert kept == {}
