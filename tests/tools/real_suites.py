"""The test suites of real packages, plain and recorded: every test has to end the same.

    python tests/tools/real_suites.py                     # all packages, on this Python
    python tests/tools/real_suites.py anyio click         # some
    python tests/tools/real_suites.py --work /tmp/suites  # keep what was downloaded and installed
    python tests/tools/real_suites.py --deps              # record all that is installed, too: much slower
    python tests/tools/real_suites.py --seconds 300 trio  # a suite that takes longer, plain or recorded, has not passed

Each package is fetched as a source distribution from the package index, gets an environment of its own with
what its tests need, and has its suite run twice: by `python -m pytest` and by `recorder run -m pytest`, which records
the package and its tests (`--everything`: pytest and all that is installed, too). A test
whose outcome differs is run again, alone and both ways, three times: if plain runs differ among themselves, the
test is unsteady, and is listed as such; else it is a difference, and this command fails.

Not part of the default tests: it needs the network, and some ten minutes for each Python.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import signal
import subprocess
import sys
import tarfile
import tempfile
import time
import xml.etree.ElementTree as xml
from collections import Counter
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).resolve().parents[2]
RERUNS = 3
SUITE_SECONDS = 1200
TIMED_OUT = "not done in time"
DEPS = "--deps"
# What a package is imported as, where that is another name; pluggy is what pytest itself runs in.
MODULES = {"pluggy": (), "pyyaml": ("yaml",), "attrs": ("attr", "attrs")}


class Suite(NamedTuple):
    """version: pinned, so that two runs are comparable. needs: what its tests import. arguments: of
    pytest, in the folder of the sources. why: what is in it that a recorder could get wrong."""

    version: str
    why: str
    needs: tuple[str, ...] = ()
    arguments: tuple[str, ...] = ("tests",)


SUITES = {
    "attrs": Suite(
        "26.1.0", "class bodies, __slots__, code made by exec", ("hypothesis", "cloudpickle")
    ),
    "asgiref": Suite(
        "3.11.1",
        "asyncio in threads and threads in asyncio, context variables",
        ("pytest-asyncio",),
    ),
    "filelock": Suite(
        "3.29.0",
        "threads, forked and spawned processes, asyncio, a metaclass, __del__",
        ("pytest-asyncio", "pytest-mock", "pytest-timeout", "virtualenv"),
    ),
    "markupsafe": Suite("3.0.3", "a C extension, a subclass of str, threads"),
    "pluggy": Suite("1.6.0", "wrappers, tracebacks, frames", (), ("testing",)),
    "click": Suite("8.5.1", "terminal, streams, subprocesses, exit codes"),
    "pyyaml": Suite("6.0.3", "metaclasses, generators, a C extension", ()),
    "werkzeug": Suite(
        "3.1.9",
        "servers in subprocesses, threads, context variables",
        ("pytest-timeout", "ephemeral-port-reserve", "cryptography", "watchdog"),
        ("tests", "--timeout=30"),
    ),
    "anyio": Suite(
        "4.16.0",
        "asyncio and trio, threads, worker processes, subprocesses",
        (
            "trio",
            "hypothesis",
            "psutil",
            "trustme",
            "pytest-mock",
            "pytest-timeout",
            "truststore",
            "blockbuster",
        ),
    ),
    "trio": Suite(
        "0.35.0",
        "an event loop of its own, signals, threads, subprocesses, guest mode",
        ("trustme", "pyopenssl", "async-generator", "astor"),
        ("--pyargs", "trio", "-p", "trio._tests.pytest_plugin", "--skip-optional-imports"),
    ),
    "psutil": Suite(
        "7.2.2",
        "a C extension, child processes, signals, fds",
        ("pytest-instafail", "pytest-xdist"),
        ("tests", "-o", "addopts="),
    ),
}


class Run(NamedTuple):
    """outcomes: test → passed, failed, skipped or error."""

    outcomes: dict[str, str]
    status: int | str
    seconds: float
    tail: str


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("packages", nargs="*", metavar="PACKAGE", help=", ".join(SUITES))
    parser.add_argument(
        "--work", type=Path, help="where everything goes (default: removed at the end)"
    )
    parser.add_argument(
        "--seconds", type=float, default=SUITE_SECONDS, help="for one run of a suite"
    )
    given = parser.parse_args()
    names = given.packages or list(SUITES)
    if given.work is not None:
        return compare_all(given.work, names, given.seconds)
    with tempfile.TemporaryDirectory() as folder:
        return compare_all(Path(folder), names, given.seconds)


def compare_all(work: Path, names: list[str], seconds: float) -> int:
    version = "py{}{}".format(*sys.version_info)
    differ = 0
    for name in names:
        folder = work / version / name
        folder.mkdir(parents=True, exist_ok=True)
        differ += compare(name, SUITES[name], folder, seconds)
    return 1 if differ else 0


def compare(name: str, suite: Suite, folder: Path, most: float) -> int:
    """Runs one suite both ways, says how that ended; the number of tests that differ."""
    source = sources(name, suite, folder)
    python = environment(suite, source, folder)
    plain = run_suite([python], suite, source, folder, "plain", most)
    recorded = run_suite(recorder(python, folder), suite, source, folder, "recorded", most)
    late = TIMED_OUT in (plain.status, recorded.status)
    suspects = sorted(
        test
        for test in plain.outcomes.keys() | recorded.outcomes.keys()
        if plain.outcomes.get(test) != recorded.outcomes.get(test) and not late
    )
    verdicts = {test: judge(test, python, suite, source, folder) for test in suspects}
    different = [test for test in suspects if verdicts[test].startswith("differs")]
    facts = trace_facts(python, folder)
    print(
        f"{name} {suite.version} on {sys.version.split()[0]}: "
        f"{counts(plain)} in {plain.seconds:.0f} s plain (exit {plain.status}), "
        f"{counts(recorded)} in {recorded.seconds:.0f} s recorded (exit {recorded.status}); "
        f"{facts}; {len(different)} differ"
    )
    for test in suspects:
        outcomes = f"{plain.outcomes.get(test)} → {recorded.outcomes.get(test)}"
        print(f"    {test}: {outcomes}; again, alone: {verdicts[test]}")
    if late:
        print(f"    {TIMED_OUT}: {plain.tail if plain.status == TIMED_OUT else recorded.tail}")
        return 1
    if not plain.outcomes:
        print(f"    nothing was run: {plain.tail}")
    if plain.status != recorded.status and not suspects:
        print(f"    the exit status differs: {recorded.tail}")
        return len(different) + 1
    sys.stdout.flush()
    return len(different) + (not plain.outcomes)


def sources(name: str, suite: Suite, folder: Path) -> Path:
    """The unpacked source distribution."""
    if not list(folder.glob("*.tar.gz")):
        command = ["download", "--quiet", "--no-deps", "--no-binary", name, "-d", str(folder)]
        pip(sys.executable, *command, f"{name}=={suite.version}")
    (archive,) = folder.glob("*.tar.gz")
    unpacked = folder / archive.name.removesuffix(".tar.gz")
    if not unpacked.exists():
        with tarfile.open(archive) as file:
            file.extractall(folder, filter="data")
    return unpacked


def environment(suite: Suite, source: Path, folder: Path) -> str:
    """The Python of an environment in which the package and its tests can be run."""
    python, whole = folder / "venv" / "bin" / "python", folder / "venv" / "whole"
    if not whole.exists():
        subprocess.run([sys.executable, "-m", "venv", "--clear", folder / "venv"], check=True)
        zstd = () if sys.version_info >= (3, 14) else ("zstandard",)
        needs = ("pytest", "rich", *zstd, *suite.needs)
        pip(str(python), "install", "--quiet", *needs, str(source))
        whole.touch()
    return str(python)


def pip(python: str, *arguments: str) -> None:
    command = [python, "-m", "pip", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600)
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(command)}:\n{done.stderr[-2000:]}")


def recorder(python: str, folder: Path) -> list[str]:
    """`recorder run` from this tree, without a need for it to be on any path of the program."""
    modules = MODULES.get(folder.name, (folder.name,))
    own = ",".join(f"*/site-packages/{name}/*" for name in modules)
    scope = (
        ["--scope", "deps"]
        if DEPS in sys.argv
        else ["--scope", "own", *(["--include", own] if own else [])]
    )
    code = (
        f"import sys; sys.path.insert(0, {str(ROOT)!r}); "
        "from recorder.cli import main; sys.exit(main(['run', *sys.argv[1:]]))"
    )
    return [python, "-I", "-c", code, "-o", str(folder / "suite.rtrace"), *scope]


def run_suite(
    start: list[str],
    suite: Suite,
    source: Path,
    folder: Path,
    name: str,
    most: float,
    *arguments: str,
) -> Run:
    report = folder / f"{name}.xml"
    report.unlink(missing_ok=True)
    options = ["-q", "-p", "no:cacheprovider", "-p", "no:randomly", f"--junitxml={report}"]
    command = [*start, "-m", "pytest", *options, *(arguments or suite.arguments)]
    env = {
        key: value
        for key, value in os.environ.items()
        if not key.startswith(("PYTHON", "RECORDER"))
    }
    env |= {"PYTHONDONTWRITEBYTECODE": "1", "PYTHONHASHSEED": "0", "TMPDIR": str(folder)}
    started = time.monotonic()
    with (folder / f"{name}.log").open("wb") as log:
        status = status_of(command, most, cwd=source, env=env, stdout=log)
    seconds = time.monotonic() - started
    tail = (folder / f"{name}.log").read_text("utf-8", "replace")[-1500:]
    return Run(outcomes_in(report), status, seconds, tail)


def status_of(command: list[str], most: float, **rest: Any) -> int | str:
    """How a command ended; after so many seconds it is ended, with the processes that it started."""
    process = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stderr=subprocess.STDOUT, start_new_session=True, **rest
    )
    try:
        return process.wait(most)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        return TIMED_OUT


def outcomes_in(report: Path) -> dict[str, str]:
    if not report.exists():
        return {}
    found: dict[str, str] = {}
    for case in xml.parse(report).iter("testcase"):
        test = f"{case.get('classname')}::{case.get('name')}"
        outcome = next((c.tag for c in case if c.tag in ("failure", "error", "skipped")), "passed")
        # A test that fails in its teardown as well is there twice.
        found[test] = outcome if found.get(test, "passed") == "passed" else found[test]
    return found


def judge(test: str, python: str, suite: Suite, source: Path, folder: Path) -> str:
    """Runs a test again, alone, both ways."""
    name = test.rpartition("::")[2].partition("[")[0]
    seen: dict[str, list[str]] = {"plain": [], "recorded": []}
    options = (*suite.arguments, "-k", name)
    for _ in range(RERUNS):
        for way, start in (("plain", [python]), ("recorded", recorder(python, folder))):
            run = run_suite(start, suite, source, folder, "again", SUITE_SECONDS, *options)
            seen[way].append(run.outcomes.get(test, "missing"))
    said = f"plain {' '.join(seen['plain'])}, recorded {' '.join(seen['recorded'])}"
    if set(seen["plain"]) == set(seen["recorded"]) and len(set(seen["plain"])) == 1:
        return f"the same ({said})"
    return f"unsteady ({said})" if len(set(seen["plain"])) > 1 else f"differs ({said})"


def counts(run: Run) -> str:
    return ", ".join(f"{n} {name}" for name, n in sorted(Counter(run.outcomes.values()).items()))


def trace_facts(python: str, folder: Path) -> str:
    code = f"import sys; sys.path.insert(0, {str(ROOT)!r}); from recorder.cli import main; sys.exit(main())"
    command = [python, "-I", "-c", code, "info", "--json", str(folder / "suite.rtrace")]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        return re.sub(r"\s+", " ", f"no trace: {done.stderr}")
    facts = json.loads(done.stdout)
    return f"{facts['events']:,} events, {facts['size'] / 1e6:.0f} MB, {facts['verdict']}"


if __name__ == "__main__":
    sys.exit(main())
