"""A CPython that the recorder does not know: it is built all the same, no internal header is read, and the same is
recorded. Simulated by a build that is told so."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import recorder
from recorder import errors
from tests.capture.test_fidelity import assert_is_recorded
from tests.conftest import ENVIRONMENT, ROOT
from tests.tools.oracle_process import FOLDER, Oracle
from tests.tools.tape_tools import on_one_python

pytestmark = [
    pytest.mark.skipif(sys.version_info < (3, 12), reason="3.11 is known, and changes no more"),
    pytest.mark.needs("gcc"),
    pytest.mark.timeout(600),
    on_one_python,  # a build of its own takes its time
]

# All but tasks: which one runs, no public function says.
PROGRAMS = (
    "arguments", "cells", "classes", "comprehensions", "exceptions", "generators", "instances", "threads",
    "throw_and_close",
)  # fmt: skip


@pytest.fixture(scope="module")
def unknown(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The environment of a process that finds the recorder of such a build."""
    home = tmp_path_factory.mktemp("unknown")
    for name in ("recorder", "build/cython"):
        if (ROOT / name).exists():  # what Cython wrote is as good here
            compiled = shutil.ignore_patterns("*.so", "__pycache__")
            shutil.copytree(ROOT / name, home / name, ignore=compiled)
    for name in ("setup.py", "pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, home / name)
    done = subprocess.run(
        [sys.executable, "setup.py", "-q", "build_ext", "--inplace"], cwd=home, capture_output=True, text=True,
        env={**os.environ, "RECORDER_BUILD": "debug", "CFLAGS": "-DREC_CPYTHON_KNOWN=0"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    return {**ENVIRONMENT, "PYTHONPATH": str(home)}


def run(environment: dict[str, str], *arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "recorder", *map(str, arguments)]
    return subprocess.run(
        command, env=environment, capture_output=True, text=True, cwd=environment["PYTHONPATH"]
    )


@pytest.mark.parametrize("name", PROGRAMS)
def test_equals_the_oracle(
    name: str, tmp_path: Path, unknown: dict[str, str], oracle: Oracle
) -> None:
    program = FOLDER / f"{name}.py"
    # One of them has what 3.14 and later warn of when they compile it.
    done = run(unknown, "run", "-W", "ignore::SyntaxWarning", "-o", tmp_path / "a.rtrace", program)
    assert (done.returncode, done.stderr) == (0, "")
    assert_is_recorded(program, oracle.ask(program), tmp_path / "a.rtrace")


def test_info_says_so_once(tmp_path: Path, unknown: dict[str, str]) -> None:
    assert run(unknown, "run", "-o", tmp_path / "a.rtrace", "-c", "pass").returncode == 0
    with recorder.record(tmp_path / "known.rtrace"):
        pass
    said = "not known to this recorder"
    assert run(unknown, "info", tmp_path / "a.rtrace").stdout.count(said) == 1
    assert json.loads(run(unknown, "info", tmp_path / "a.rtrace", "--json").stdout)[
        "public_functions"
    ]
    assert said not in run(unknown, "info", tmp_path / "known.rtrace").stdout


@pytest.mark.provokes("UNSUPPORTED_PYTHON_FLAG")
def test_what_needs_an_internal_structure_is_refused(unknown: dict[str, str]) -> None:
    done = run(unknown, "run", "-I", "-c", "pass")
    assert done.returncode == errors.UnsupportedPythonFlagError.exit_code
    assert "[ERR_UNSUPPORTED_PYTHON_FLAG]" in done.stderr
