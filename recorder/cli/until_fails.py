"""`recorder until-fails -- pytest …`: runs tests until one fails, keeps a passing and the failing recording of it, and
says where they first differ."""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from typing import TYPE_CHECKING

from recorder import errors
from recorder.cli.console import printable, warn, write
from recorder.cli.queries import at_least

if TYPE_CHECKING:
    from recorder.testing.single_traces import SingleTrace

    # What add_subparsers() returns has no public name.
    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]

MOST = 100  # runs
MOST_AGAIN = 10  # after one that failed, until what failed passes
FOLDER = ".recordings"
FAILED = 1  # exit status of pytest
DESCRIPTION = """\
Runs a command of pytest's again and again, recording each test, until one fails. The failing recording and the last one
of the same test in which it passed are kept in .recordings, and the first places where they differ are told, as
`recorder diff` does. Of a test that fails at once, a few runs more are made until it passes. Select few tests: all of
them are recorded each time.

  recorder until-fails -n 50 -- pytest test_cart.py::test_total
"""


def add_parser(subparsers: Subparsers) -> None:
    parser = subparsers.add_parser(
        "until-fails",
        help="run tests until one fails, and compare it",
        description=DESCRIPTION,
        epilog="Exit status: 1 if a test failed, 0 if none did in all runs, else that of pytest.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "-n", "--runs", type=int, metavar="N", default=MOST,
        help=f"so many at most (default: {MOST})",
    )  # fmt: skip
    parser.add_argument(
        "command", metavar="COMMAND", nargs=argparse.REMAINDER, help="[--] pytest [ARG...]"
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    at_least(1, args.runs, "--runs")
    words = pytest_of(args.command)
    with tempfile.TemporaryDirectory(prefix="recorder-until-fails-") as work:
        last = os.path.join(work, "passed")
        for number in range(1, args.runs + 1):
            folder = os.path.join(work, f"run-{number}")
            status = run_once(words, folder)
            if status == FAILED:
                failed = failed_in(folder)
                again = min(number + MOST_AGAIN, args.runs)
                run_until_passed(words, failed, last, range(number + 1, again + 1))
                return show_failure(number, failed, last)
            if status:
                warn(f"recorder: pytest ended with {status} in run {number}")
                return status
            shutil.rmtree(last, ignore_errors=True)
            if os.path.isdir(folder):
                os.rename(folder, last)
    write(f"no test failed in {args.runs} runs")
    return 0


def pytest_of(given: list[str]) -> list[str]:
    """What pytest is to be run with. Raises INVALID_ARGUMENT for another command, MISSING_ARGUMENT for none."""
    words = given[1:] if given[:1] == ["--"] else given
    if not words:
        raise errors.MissingArgumentError(argument="COMMAND")
    if words[:2] == ["-m", "pytest"]:
        return words[2:]
    if os.path.basename(words[0]) not in ("pytest", "py.test"):
        raise errors.InvalidArgumentError(argument="COMMAND", value=words[0], expected="pytest")
    return words[1:]


def run_once(words: list[str], folder: str) -> int:
    """The exit status of one run, whose recordings go into the folder, of which pytest need not speak."""
    plugin = ["-p", "recorder.pytest_plugin", "--record=all", f"--recordings-dir={folder}"]
    command = [sys.executable, "-m", "pytest", "-q", "--tb=short", *words, *plugin]
    return subprocess.run(command, env={**os.environ, "RECORDER_PYTEST_REPORT": "no"}).returncode


def run_until_passed(
    words: list[str], failed: list[SingleTrace], last: str, numbers: range
) -> None:
    """Runs on until each test that failed has a recording in which it passed."""
    missing = names_of(failed)
    if os.path.isdir(last):
        missing -= set(os.listdir(last))
    for number in numbers:
        if not missing:
            return
        write(f"run {number}: once more, for a recording in which it passes")
        again = os.path.join(os.path.dirname(last), f"run-{number}")
        if run_once(words, again) not in (0, FAILED) or not os.path.isdir(again):
            return
        for name in missing.intersection(os.listdir(again)) - names_of(failed_in(again)):
            os.makedirs(last, exist_ok=True)
            os.rename(os.path.join(again, name), os.path.join(last, name))
            missing.discard(name)
        shutil.rmtree(again)


def failed_in(folder: str) -> list[SingleTrace]:
    """The recordings of tests that failed."""
    from recorder.testing import single_traces

    return single_traces.of_folder(folder, sys.maxsize)[0]


def names_of(recordings: list[SingleTrace]) -> set[str]:
    return {os.path.basename(one.path) for one in recordings}


def show_failure(number: int, failed: list[SingleTrace], last: str) -> int:
    """Of the tests that failed in this run."""
    from recorder.testing import names, session

    write(f"run {number} failed: {', '.join(printable(one.test) for one in failed) or 'no test'}")
    session.make_folder(FOLDER)
    for one in failed:
        name = os.path.basename(one.path)
        failing = shutil.copy(one.path, os.path.join(FOLDER, name))
        write(f"\n{printable(one.test)}")
        before = os.path.join(last, name)
        if os.path.exists(before):
            passing = shutil.copy(before, names.passed(os.path.join(FOLDER, name)))
            write(f"  A, passed: {printable(passing)}\n  B, failed: {printable(failing)}\n")
            compare(passing, failing)
        else:
            write(f"  failed: {printable(failing)}")
            write("  it has not passed: there is nothing to compare it with")
    return FAILED


def compare(passing: str, failing: str) -> None:
    """The first differences, each thread for itself: what only the order of threads has made is none."""
    from recorder.cli.diff import first_differences

    for line in first_differences(passing, failing, limit=3):
        write(line)
