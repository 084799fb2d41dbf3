"""`recorder until-fails` and `recorder ci-report`."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import recorder
from recorder import cli
from tests.conftest import ENVIRONMENT

ROOT = Path(__file__).resolve().parents[2]
TESTS = """
import os

def runs():
    number = len(os.listdir("runs"))
    open(f"runs/{number}", "w").close()
    return number

def test_flaky():
    limit = 2 - runs()
    assert limit > 0

def test_steady():
    assert True
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where a test was run until it failed; what was said is in `said`."""
    folder = tmp_path_factory.mktemp("flaky")
    run_until_fails(folder, TESTS)
    return folder


def run_until_fails(folder: Path, tests: str) -> None:
    (folder / "runs").mkdir()
    (folder / "test_shop.py").write_text(tests)
    words = ["until-fails", "-n", "4", "--", "pytest", "-p", "no:cacheprovider"]
    command = [sys.executable, "-m", "recorder", *words]
    env = {**ENVIRONMENT, "PYTHONPATH": str(ROOT), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, timeout=100)
    assert done.returncode == 1, done.stderr
    (folder / "said").write_text(done.stdout)


def test_the_first_difference_of_a_flaky_test_is_told(folder: Path) -> None:
    assert len(list((folder / "runs").iterdir())) == 3
    said = (folder / "said").read_text()
    assert "run 3 failed: test_shop.py::test_flaky\n" in said
    assert "  A, passed: .recordings/test_shop.py--test_flaky.passed.rtrace\n" in said
    assert "  B, failed: .recordings/test_shop.py--test_flaky.rtrace\n" in said
    first = said.partition("1. thread 0 MainThread")[2].splitlines()[1]
    assert first.strip() == "number: 1 → 2"
    kept = {path.name for path in (folder / ".recordings").iterdir()} - {".gitignore"}
    assert kept == {"test_shop.py--test_flaky.rtrace", "test_shop.py--test_flaky.passed.rtrace"}
    for name, last in (("", "unwind"), (".passed", "return")):
        path = folder / f".recordings/test_shop.py--test_flaky{name}.rtrace"
        with recorder.open_trace(path) as trace:
            assert trace[-1].kind == last


@pytest.mark.parametrize(("limit", "runs"), [("runs() - 1", 3), ("-runs()", 4)])
def test_what_fails_at_once_is_run_until_it_passes(tmp_path: Path, limit: str, runs: int) -> None:
    run_until_fails(tmp_path, TESTS.replace("2 - runs()", limit))
    assert len(list((tmp_path / "runs").iterdir())) == runs
    said = (tmp_path / "said").read_text()
    assert "run 1 failed: test_shop.py::test_flaky\n" in said
    kept = {path.name for path in (tmp_path / ".recordings").iterdir()} - {".gitignore"}
    if runs == 3:
        assert kept == {"test_shop.py--test_flaky.rtrace", "test_shop.py--test_flaky.passed.rtrace"}
        assert "number: 2 → 0" in said
    else:
        assert kept == {"test_shop.py--test_flaky.rtrace"}
        assert "it has not passed: there is nothing to compare it with" in said


def test_a_report_is_markdown_of_those_that_failed(
    folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (folder / ".recordings/broken.rtrace").write_bytes(b"no trace")
    assert cli.main(["ci-report", str(folder / ".recordings")]) == 0
    said, err = capfd.readouterr()
    assert said.count("### ") == 1
    assert said.startswith("### `test_shop.py::test_flaky`\n")
    assert "limit = 0" in said
    assert "raise test_flaky ! AssertionError('assert 0 > 0')" in said
    assert "broken.rtrace cannot be read" in err


def test_there_may_be_nothing_to_report(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["ci-report", str(tmp_path)]) == 0
    assert capfd.readouterr().out == "No test has left a recording.\n"
    assert cli.main(["ci-report", str(tmp_path / "missing")]) == 2


@pytest.mark.parametrize(
    "words", [["until-fails"], ["until-fails", "--", "ls"], ["until-fails", "-n", "0", "pytest"]]
)
def test_only_pytest_is_run(words: list[str]) -> None:
    assert cli.main(words) == 2
