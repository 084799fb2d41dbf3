"""CPython's own test modules, plain and recorded: every test has to end the same.

    python -m tests.tools.cpython_modules                          # all modules, on this Python
    python -m tests.tools.cpython_modules test_generators test_re  # some
    python -m tests.tools.cpython_modules --results FILE           # append a line of JSON for each module
    python -m tests.tools.cpython_modules --together test_with …   # in one process each way: quicker
    python -m tests.tools.cpython_modules --quick                  # the small ones, a group in a process
    python -m tests.tools.cpython_modules --seconds 1500           # for each run of a module

Each module is run by `python -m test` and by `recorder run --scope all -m test`. A test whose outcome differs is
run again, alone: plain twice, recorded twice, and once under a hook that does nothing. It is *unsteady* if plain
runs differ among themselves, *the same* if it was a matter of chance, *any hook* if the empty hook has the same
outcome as the recorder, and *known* if REASONS has it; else it is a difference, and this command fails.

Not part of the default tests: it takes about half an hour for each Python.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as xml
from collections import Counter
from pathlib import Path
from typing import NamedTuple

from benchmarks import floor

ROOT = Path(__file__).resolve().parents[2]
SECONDS = 900
TIMED_OUT = -1000  # for an exit status

MODULES = """
test_generators test_generator_stop test_genexps test_coroutines test_asyncgen test_yield_from test_contextlib
test_contextlib_async test_exceptions test_exception_group test_except_star test_exception_variations test_raise
test_traceback test_with test_descr test_class test_metaclass test_super test_property test_subclassinit test_types
test_dict test_list test_set test_tuple test_bytes test_dictviews test_userdict test_iter test_enumerate test_range
test_weakref test_weakset test_gc test_threading test_thread test_threading_local test_queue test_context
test_dataclasses test_enum test_functools test_itertools test_operator test_collections test_heapq test_bisect
test_json test_re test_pickle test_copy test_scope test_closures test_keywordonlyarg test_positional_only_arg
test_extcall test_call test_decorators test_frame test_code test_funcattrs test_inspect test_typing
test_named_expressions test_patma test_unpack test_unpack_ex test_listcomps test_setcomps test_dictcomps
test_compile test_builtin test_global test_long test_float test_complex test_int test_bool test_string test_str
test_unicode test_format test_fstring test_slice test_sort test_array test_memoryview test_datetime test_uuid
test_abc test_contains test_compare test_richcmp test_hash test_binop test_opcodes test_sys test_sys_setprofile
test_sys_settrace test_monitoring test_bdb test_pdb test_finalization test_io test_textwrap test_shelve test_logging
test_unittest test_runpy test_importlib test_pkgutil test_concurrent_futures test_fractions test_statistics
test.test_asyncio.test_tasks test.test_asyncio.test_futures test.test_asyncio.test_locks
test.test_asyncio.test_queues test.test_asyncio.test_taskgroups test.test_asyncio.test_timeouts
test.test_asyncio.test_runners
""".split()

# Small ones that get on with each other. Starting `test` takes longer than most of them.
QUICK = """
test_generators test_coroutines test_asyncgen test_genexps test_yield_from test_generator_stop
test_exceptions test_contextlib test_contextlib_async test_with test_raise test_exception_group test_except_star
test_super test_property test_scope test_listcomps test_named_expressions test_weakset test_class test_copy
test_metaclass test_subclassinit test_threading_local test_thread test_queue test_context test_dict test_list
test_patma test_unpack test_unpack_ex test_setcomps test_dictcomps test_decorators test_closures test_global
test_dictviews test_iter test_enumerate test_range test_bool test_slice test_contains test_compare test_binop
test.test_asyncio.test_futures test.test_asyncio.test_queues test.test_asyncio.test_timeouts
test_dataclasses test_enum
test_json test_descr
"""

# Outcomes that the recorder changes and has to. Test → reason.
REASONS: dict[str, str] = {}


class Run(NamedTuple):
    """outcomes: test → passed, failed, skipped or error."""

    outcomes: dict[str, str]
    status: int
    seconds: float
    tail: str


class Ways:
    """How the tests of a module are run."""

    def __init__(self, folder: Path, most: float = SECONDS) -> None:
        self.folder = folder
        self.most = most  # seconds
        self.trace = folder / "module.rtrace"
        library = Path(floor.build().__file__ or "")
        record = ["-m", "recorder", "run", "--scope", "all", "--min-free-space", "0"]
        self.starts = {
            "plain": [],
            "recorded": [*record, "-o", str(self.trace)],
            "empty hook": ["-c", EMPTY_HOOK, str(library)],
        }

    def run(self, way: str, module: str, *tests: str) -> Run:
        report = self.folder / "report.xml"
        report.unlink(missing_ok=True)
        python = [sys.executable, *self.starts[way]]
        if way != "empty hook":
            python += ["-m", "test"]
        options = ["--randseed", "1", "--junit-xml", str(report)]
        for test in tests:
            options += ["-m", test]
        started = time.monotonic()
        log = self.folder / f"{way}.log"
        with log.open("wb") as out:
            status = _status([*python, *options, *module.split()], self.folder, out, self.most)
        seconds = time.monotonic() - started
        tail = log.read_text("utf-8", "replace")
        return Run(outcomes_in(report), status, seconds, tail)


def _status(command: list[str], folder: Path, out: object, most: float) -> int:
    env = {
        key: value
        for key, value in os.environ.items()
        if not key.startswith(("PYTHON", "RECORDER"))
    }
    env |= {"PYTHONPATH": str(ROOT), "PYTHONHASHSEED": "0", "TMPDIR": str(folder)}
    try:
        return subprocess.run(
            command, cwd=folder, env=env, stdin=subprocess.DEVNULL, stdout=out,  # type: ignore[call-overload]
            stderr=subprocess.STDOUT, timeout=most,
        ).returncode  # fmt: skip
    except subprocess.TimeoutExpired:
        return TIMED_OUT


EMPTY_HOOK = """
import importlib.util, runpy, sys
spec = importlib.util.spec_from_file_location("recorder_floor", sys.argv.pop(1))
floor = importlib.util.module_from_spec(spec)
spec.loader.exec_module(floor)
if sys.version_info < (3, 12):
    floor.start_trace()
else:
    events = sys.monitoring.events
    wanted = (events.PY_START | events.PY_RESUME | events.PY_RETURN | events.PY_YIELD | events.PY_THROW
              | events.PY_UNWIND | events.LINE | events.RAISE | events.RERAISE | events.EXCEPTION_HANDLED)
    sys.monitoring.use_tool_id(3, "nothing")
    for bit in range(32):
        if wanted >> bit & 1:
            sys.monitoring.register_callback(3, 1 << bit, floor.empty)
    sys.monitoring.set_events(3, wanted)
runpy.run_module("test", run_name="__main__", alter_sys=True)
"""


def outcomes_in(report: Path) -> dict[str, str]:
    if not report.exists():
        return {}
    found: dict[str, str] = {}
    for case in xml.parse(report).iter("testcase"):
        name = str(case.get("name"))
        outcome = next((c.tag for c in case if c.tag in ("failure", "error", "skipped")), "passed")
        found[name] = outcome if found.get(name, "passed") == "passed" else found[name]
    return found


def compare(ways: Ways, module: str) -> dict[str, object]:
    """Runs one module both ways; a description of how that ended."""
    plain = ways.run("plain", module)
    recorded = ways.run("recorded", module)
    facts = trace_facts(ways.trace)
    if TIMED_OUT in (plain.status, recorded.status):
        late = "plain" if plain.status == TIMED_OUT else "recorded"
        return told(module, plain, recorded, facts, {f"{late}, not done in time": "differs"})
    suspects = sorted(
        test
        for test in plain.outcomes.keys() | recorded.outcomes.keys()
        if plain.outcomes.get(test) != recorded.outcomes.get(test)
    )
    if not suspects and plain.status != recorded.status:
        return told(module, plain, recorded, facts, {"exit status": judge_status(ways, module)})
    return told(
        module, plain, recorded, facts, {test: judge(ways, module, test) for test in suspects}
    )


def told(
    module: str, plain: Run, recorded: Run, facts: str, judged: dict[str, str]
) -> dict[str, object]:
    if not plain.outcomes and plain.status == recorded.status:
        judged["nothing ran"] = plain.tail[-400:]
    return {
        "python": "{}.{}.{}".format(*sys.version_info), "module": module,
        "tests": dict(sorted(Counter(plain.outcomes.values()).items())),
        "tests_of": dict(Counter(map(module_of, plain.outcomes))),
        "plain_seconds": round(plain.seconds, 1), "recorded_seconds": round(recorded.seconds, 1),
        "status": [plain.status, recorded.status], "trace": facts, "suspects": judged,
        "said": recorder_lines(recorded.tail),
    }  # fmt: skip


def module_of(test: str) -> str:
    """test.test_with.Some.test_thing → test_with"""
    return test.removeprefix("test.").partition(".")[0]


def recorder_lines(log: str) -> list[str]:
    return [line[:300] for line in log.splitlines() if "[ERR_" in line]


def judge(ways: Ways, module: str, test: str) -> str:
    """Runs a test again, alone, in every way. The words before the colon are what becomes of it."""
    seen: dict[str, list[str]] = {"plain": [], "recorded": []}
    for _ in range(2):
        for way, outcomes in seen.items():
            outcomes.append(ways.run(way, module, test).outcomes.get(test, "missing"))
    if len(set(seen["plain"])) > 1:
        return f"unsteady: {seen}"
    if set(seen["plain"]) == set(seen["recorded"]):
        return f"the same: {seen['plain'][0]} when run alone"
    if test in REASONS:
        return f"known: {REASONS[test]}"
    empty = ways.run("empty hook", module, test).outcomes.get(test, "missing")
    if empty == seen["recorded"][0]:
        return f"any hook: {empty}"
    return f"differs: {seen}, empty hook {empty}"


def judge_status(ways: Ways, module: str) -> str:
    """The tests end the same, what surrounds them does not."""
    statuses = {way: ways.run(way, module).status for way in ways.starts}
    if statuses["plain"] == statuses["recorded"]:
        return f"the same: {statuses}"
    if module in REASONS:
        return f"known: {REASONS[module]}"
    if statuses["recorded"] == statuses["empty hook"]:
        return f"any hook: {statuses}"
    return f"differs: {statuses}"


def trace_facts(trace: Path) -> str:
    command = [sys.executable, "-m", "recorder", "info", "--json", str(trace)]
    done = subprocess.run(
        command, capture_output=True, text=True, env={**os.environ, "PYTHONPATH": str(ROOT)}
    )
    if done.returncode != 0:
        return f"no trace: {done.stderr.strip()[-200:]}"
    found = json.loads(done.stdout)
    trace.unlink(missing_ok=True)
    return f"{found['events']:,} events, {found['size'] / 1e6:.0f} MB, {found['verdict']}"


def is_difference(verdict: str) -> bool:
    return not verdict.startswith(("the same", "unsteady", "any hook", "known"))


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("modules", nargs="*", metavar="MODULE")
    parser.add_argument("--results", type=Path, help="append a line of JSON for each module")
    parser.add_argument("--together", action="store_true", help="all modules in one process")
    parser.add_argument("--quick", action="store_true", help="the small ones, in groups")
    parser.add_argument("--seconds", type=float, default=SECONDS, help="for each run of a module")
    given = parser.parse_args()
    modules, differ = given.modules or MODULES, 0
    if given.together:
        modules = [" ".join(modules)]
    elif given.quick:
        modules = QUICK.strip().splitlines()
    for module in modules:
        with tempfile.TemporaryDirectory() as folder:
            found = compare(Ways(Path(folder), given.seconds), module)
        print(json.dumps(found), flush=True)
        if given.results is not None:
            with given.results.open("a") as out:
                out.write(json.dumps(found) + "\n")
        suspects = found["suspects"]
        assert isinstance(suspects, dict)
        differ += sum(map(is_difference, suspects.values()))
    return 1 if differ else 0


if __name__ == "__main__":
    sys.exit(main())
