"""Of a library whose objects are laid out otherwise, nothing is read: where it says another thing of itself than what
stands where we look, its values are opaque.

Each row lets a getter answer what another one answers, which is what a version with other fields would come to.
"""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from tests.conftest import ENVIRONMENT, ROOT

pytest.importorskip("pyarrow")

# A forked process for each row: what has been proved once stays. At last all values, of which nothing is a lie.
# C's tables of getters are below a type's tp_getset.
PROGRAM = """
import ctypes, datetime, decimal, json, os, sys, warnings
from pathlib import Path
import pyarrow
import recorder.session, recorder.staging.create
from tests.capture.test_known_types import record_values
from tests.tools import warm_sealer
warm_sealer.use(sys.argv[3])
warnings.simplefilter("ignore")  # of threads where one forks

class Getter(ctypes.Structure):
    _fields_ = [(name, ctypes.c_char_p if name == "name" else ctypes.c_void_p)
                for name in ("name", "get", "set", "doc", "closure")]

def getter_of(path):
    class_, _, wanted = path.partition(".")
    at = ctypes.c_void_p.from_address(id(getattr(pyarrow.lib, class_)) + 31 * 8).value
    while True:
        one = Getter.from_address(at)
        if one.name == wanted.encode():
            return one
        assert one.name, path
        at += ctypes.sizeof(Getter)

rows, values = json.loads(sys.argv[1])
for n, (asked, answered, made) in enumerate(rows):
    sys.stdout.flush()
    if os.fork() == 0:
        value = eval(made)
        getter_of(asked).get = getter_of(answered).get
        folder = Path(sys.argv[2], str(n))
        folder.mkdir()
        print(n, record_values(folder, [value])[0], flush=True)
        os._exit(0)
    os.wait()
for value in record_values(Path(sys.argv[2]), [eval(made) for made in values]):
    print("true", value)
"""
NUMBERS, TEXTS, PIECES = (
    "pyarrow.array([1])",
    "pyarrow.array(['a'])",
    "pyarrow.chunked_array([[1], [2]])",
)
LISTS, STRUCTS = "pyarrow.array([[1], [2]])", "pyarrow.array([{'a': 1}])"
WORDS = "pyarrow.array(['u', 'v', None]).dictionary_encode()"
MOMENTS = "pyarrow.array([datetime.datetime(2020, 1, 2, 3)])"
TABLE, BATCH = "pyarrow.table({'a': [1, 2]})", "pyarrow.record_batch({'a': [1, 2]})"
SCALAR = "pyarrow.scalar(1)"
# What is asked, what answers, and of which value.
LIES = [
    ("Array.offset", "Array.null_count", "pyarrow.array([1, 2]).slice(1)"),
    ("Array.offset", "Array.null_count", "pyarrow.array([[1], [2]]).slice(1)"),
    ("Array.type", "Array._name", NUMBERS),
    ("ChunkedArray.num_chunks", "ChunkedArray.null_count", PIECES),
    ("ChunkedArray.type", "ChunkedArray._name", PIECES),
    ("DataType.id", "DataType.num_fields", NUMBERS),
    ("DataType.id", "DataType.num_fields", PIECES),
    ("DataType.num_fields", "DataType.id", LISTS),
    ("TimestampType.unit", "TimestampType.tz", MOMENTS),
    ("TimestampType.tz", "TimestampType.unit", MOMENTS),
    ("DurationType.unit", "DataType.id", "pyarrow.array([datetime.timedelta(1)])"),
    ("Time32Type.unit", "DataType.id", "pyarrow.array([5], type=pyarrow.time32('ms'))"),
    ("Time64Type.unit", "DataType.id", "pyarrow.array([datetime.time(1, 2, 3, 4), None])"),
    ("FixedSizeListType.list_size", "DataType.id", "pyarrow.array([[1, 2]], type=pyarrow.list_(pyarrow.int16(), 2))"),
    ("Decimal128Type.scale", "Decimal128Type.precision", "pyarrow.array([decimal.Decimal('19.90')])"),
    ("BaseExtensionType.storage_type", "BaseExtensionType.extension_name", "pyarrow.array(['{}'], pyarrow.json_())"),
    ("DictionaryType.index_type", "DictionaryType.value_type", WORDS),
    ("DictionaryType.value_type", "DictionaryType.index_type", WORDS),
    *((one, "Buffer.size" if one == "Buffer.address" else "Buffer.address", value)
      for one in ("Buffer.address", "Buffer.size") for value in (NUMBERS, TEXTS, LISTS, STRUCTS, PIECES)),
    *((one, "Field.name" if one != "Field.name" else "Field.type", value)
      for one in ("Field.name", "Field.type", "Field.nullable") for value in (LISTS, STRUCTS)),
    ("Scalar.type", "Scalar.is_valid", SCALAR),
    ("Scalar.is_valid", "Scalar.type", SCALAR),
    ("Schema.names", "Schema.types", "pyarrow.schema({'a': 'int64'})"),
    *((f"{kind}.{one}", f"{kind}.{other}", value)
      for kind, value in (("Table", TABLE), ("RecordBatch", BATCH))
      for one, other in (("num_rows", "num_columns"), ("num_columns", "num_rows"), ("schema", "num_rows"))),
    # Where the limit of depth is reached there is no less to be told of what is not known.
    *((one, other, f"[[[[[[{value}]]]]]]") for one, other, value in (
        ("Schema.names", "Schema.types", "pyarrow.schema({'a': 'int64'})"),
        ("Array.type", "Array._name", NUMBERS), ("Table.schema", "Table.num_rows", TABLE),
        ("Scalar.type", "Scalar.is_valid", SCALAR), ("ChunkedArray.type", "ChunkedArray._name", PIECES))),
]  # fmt: skip


TRUE = sorted({made for *_, made in LIES})


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory, sealers: str) -> list[str]:
    """What is told of each lie, and then of each value."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, json.dumps([LIES, TRUE]), str(tmp_path_factory.mktemp("lies")), sealers],
        cwd=ROOT, env=ENVIRONMENT, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return [line.partition(" ")[2] for line in done.stdout.splitlines()]


@pytest.mark.parametrize(
    "n", range(len(LIES)), ids=[f"{asked} of {made}" for asked, _, made in LIES]
)
def test_what_says_another_thing_of_itself_is_not_read(shown: list[str], n: int) -> None:
    assert shown[n].rstrip("]").endswith(" object, of a layout that is not known>")


def test_what_says_the_same_is_read(shown: list[str]) -> None:
    found = shown[len(LIES) :]
    assert len(found) == len(TRUE)
    assert not [text for text in found if "layout" in text]
