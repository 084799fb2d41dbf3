"""`recorder unittest …`: `python -m unittest …`, with a recording of each test that fails."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from typing import TYPE_CHECKING

from recorder import policy
from recorder.testing import process

if TYPE_CHECKING:
    # What add_subparsers() returns has no public name.
    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]

HELP = ("-h", "--help")
OPTIONS = ("--record", "--recordings-dir", "--recordings-budget", *HELP)
# unittest's own.
SHORT = frozenset(("-v", "-q", "-f", "-c", "-b", "-k", "-s", "-p", "-t"))
LONG = frozenset((
    *("--verbose", "--quiet", "--locals", "--durations", "--failfast", "--catch", "--buffer"),
    *("--start-directory", "--pattern", "--top-level-directory"),
))  # fmt: skip
DESCRIPTION = """\
Runs tests as `python -m unittest` does, and of each one that fails keeps a recording of its own, from its setup to its
end, in .recordings. What unittest takes follows these options.

  recorder unittest -v tests.test_cart
  recorder unittest --record=all discover -s tests
"""


def add_parser(subparsers: Subparsers) -> None:
    parser = subparsers.add_parser(
        "unittest",
        help="run unittest's tests, with a recording of each that fails",
        description=DESCRIPTION,
        epilog="Exit status: that of unittest.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--record", choices=process.MODES, help="of failed tests (default), of all, or none"
    )
    parser.add_argument(
        "--recordings-dir", metavar="DIR", help="where they go (default: .recordings)"
    )
    parser.add_argument(
        "--recordings-budget", metavar="SIZE",
        help="what they may take together, the oldest go first (default: 500MB)",
    )  # fmt: skip
    parser.add_argument(
        "words", metavar="ARG", nargs=argparse.REMAINDER, help="what unittest takes"
    )
    parser.set_defaults(run=run)


def separated(words: list[str]) -> list[str]:
    """With `--` before what is unittest's, whose options look like ours."""
    end = 1
    while end < len(words):
        name, equals, _ = words[end].partition("=")
        if name not in OPTIONS:
            break
        end += 1 if equals or name in HELP else 2
    rest = words[end:]
    return [*words[:end], "--", *rest] if rest and _is_unittests(rest[0]) else words


def _is_unittests(word: str) -> bool:
    return word.partition("=")[0] in LONG or (word[:1] == "-" and word[:2] in SHORT)


def run(args: argparse.Namespace) -> int:
    if args.recordings_budget is not None:
        policy.check("max_bytes", args.recordings_budget, "--recordings-budget")
    given = {
        process.MODE: args.record,
        process.FOLDER: args.recordings_dir,
        process.BUDGET: args.recordings_budget,
    }
    words = args.words[1:] if args.words[:1] == ["--"] else args.words
    return run_tests(words, {name: value for name, value in given.items() if value})


def run_tests(words: list[str], environment: dict[str, str]) -> int:
    command = [sys.executable, "-m", "recorder.testing", *words]
    return subprocess.run(command, env={**os.environ, **environment}).returncode
