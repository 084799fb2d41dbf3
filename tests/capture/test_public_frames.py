"""Frames read through CPython's public functions alone, as on a version whose layout is not known: the same is
recorded. In the build that ships, which can be told to."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from recorder._core import capture
from tests.capture.test_fidelity import assert_is_recorded
from tests.conftest import ENVIRONMENT
from tests.tools.oracle_process import FOLDER, Oracle

pytestmark = pytest.mark.skipif(
    sys.version_info < (3, 12), reason="the layout of 3.11 is known, and will not change any more"
)

# What a frame can be: with cells, with a namespace, suspended, thrown into, adopted, deep, of a task.
PROGRAMS = (
    "arguments", "cells", "classes", "class_bodies", "comprehensions", "delegation", "evaluated", "exceptions",
    "generators", "instances", "large_code", "mutual_recursion", "tasks", "threads", "throw_and_close",
)  # fmt: skip
DRIVER = """
import sys, types
from pathlib import Path
from recorder._core import capture
import recorder
assert capture.read_public_frames(True)
for path in sys.argv[2:]:
    main = sys.modules["__main__"] = types.ModuleType("__main__")
    main.__file__ = path
    code = compile(Path(path).read_text(), path, "exec")
    with recorder.record(Path(sys.argv[1], Path(path).stem + ".rtrace"), min_free_space=0):
        exec(code, main.__dict__)
"""


@pytest.fixture(scope="module")
def traces(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("public")
    paths = [str(FOLDER / f"{name}.py") for name in PROGRAMS]
    subprocess.run(
        [sys.executable, "-c", DRIVER, str(folder), *paths], check=True, timeout=100,
        stdout=subprocess.DEVNULL, env=ENVIRONMENT,
    )  # fmt: skip
    return folder


@pytest.mark.parametrize("name", PROGRAMS)
def test_equals_the_oracle(name: str, traces: Path, oracle: Oracle) -> None:
    program = FOLDER / f"{name}.py"
    assert_is_recorded(program, oracle.ask(program), traces / f"{name}.rtrace")


def test_they_are_read_in_place_unless_told() -> None:
    assert capture.read_public_frames(False) is False
