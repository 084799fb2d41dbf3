"""Beside a debugger, coverage, or a trace function of the program's own: both see every event."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from conftest import ENVIRONMENT, Run

import recorder

TRACED = """
import sys, threading
seen = []
def t(frame, event, arg):
    if frame.f_code.co_name == "f":
        seen.append((event, frame.f_lineno))
    return t
def f():
    x = 1
    return x
"""
PLACES = {
    "in the main thread": "sys.settrace(t); f(); assert sys.gettrace() is t; sys.settrace(None); f()",
    "behind an audit hook": (
        "sys.addaudithook(lambda event, args: [n for n in range(9)]); sys.settrace(t); f(); sys.settrace(None); f()"
    ),
    "and left there": "sys.settrace(t); f()",
    "in every thread": """
threading.settrace(t)
threads = [threading.Thread(target=f) for _ in range(3)]
for thread in threads: thread.start()
for thread in threads: thread.join()
threading.settrace(None)
""",
    "that fails": """
def broken(frame, event, arg):
    if frame.f_code.co_name == "f" and event == "line": raise ValueError
    return broken
sys.settrace(broken)
try: f()
except ValueError: pass
assert sys.gettrace() is None
f()
""",
}


@pytest.mark.parametrize("place", PLACES)
def test_a_trace_function_and_the_recorder_both_see_everything(
    run_plain: Run, run_recorded: Run, place: str
) -> None:
    program = TRACED + PLACES[place] + "\nprint(seen, sys.gettrace() is None)\n"
    plain = run_plain(program)
    result = run_recorded(program)
    assert (result.status, result.stdout, result.stderr) == (0, plain.stdout, "")
    with recorder.open_trace(result.trace) as trace:
        assert str(trace.verdict) == "complete"
        kinds = [e.kind for e in trace.events() if e.function.name == "f"]
    calls = kinds.count("call")
    assert calls == {"in every thread": 3, "and left there": 1}.get(place, 2)
    assert kinds.count("return") + kinds.count("unwind") == calls


def test_a_trace_function_that_was_there_before_stays(tmp_path: Path) -> None:
    seen: list[str] = []

    def watch(frame: object, event: str, arg: object) -> object:
        seen.append(event)
        return watch

    def f() -> int:
        x = 1
        return x  # noqa: RET504 - two lines to be seen

    before = sys.gettrace()
    sys.settrace(watch)  # type: ignore[arg-type]
    try:
        with recorder.record(tmp_path / "p.rtrace", min_free_space=0):
            assert sys.gettrace() is watch
            seen.clear()
            f()
        assert seen[:4] == ["call", "line", "line", "return"]
        assert sys.gettrace() is watch
        seen.clear()
        f()
        assert seen[:4] == ["call", "line", "line", "return"]
    finally:
        sys.settrace(before)
    with recorder.open_trace(tmp_path / "p.rtrace") as trace:
        assert [e.kind for e in trace.events() if e.function.name == "f"] == [
            "call", "line", "line", "return",
        ]  # fmt: skip


COVERED = """
import sys, threading
def f(n):
    if n > 1:
        return "many"
    return "one"
def unused():
    return 0
class A:
    def m(self):
        for i in range(3):
            yield i
t = threading.Thread(target=f, args=(2,))
t.start(); t.join()
try:
    list(A().m()); f(1); 1 / 0
except ZeroDivisionError:
    pass
"""


def test_coverage_measures_the_same_lines(
    tmp_path: Path, run_plain: Run, run_recorded: Run
) -> None:
    import coverage

    program = tmp_path / "program.py"
    program.write_text(COVERED)
    driver = (
        "import coverage, runpy, sys\n"
        "c = coverage.Coverage(data_file=None, config_file=False)\n"
        f"c.start(); runpy.run_path({str(program)!r}); c.stop()\n"
        f"print(sorted(c.get_data().lines({str(program)!r})))\n"
    )
    driven = tmp_path / "driver.py"
    driven.write_text(driver)
    plain = run_plain(driven, env=ENVIRONMENT)
    result = run_recorded(driven, env=ENVIRONMENT)
    assert plain.status == 0, plain.stderr
    assert (result.status, result.stdout) == (0, plain.stdout)
    assert "16" in result.stdout.decode()
    with recorder.open_trace(result.trace) as trace:
        assert str(trace.verdict) == "complete"
        lines = {e.line for e in trace.steps() if e.file == str(program)}
    measured = {int(n) for n in plain.stdout.decode().strip(" []\n").split(",")}
    assert lines == measured
    assert coverage.__version__


@pytest.mark.skipif(sys.version_info < (3, 12), reason="tool ids came with 3.12")
@pytest.mark.provokes("HOOK_STOLEN")
def test_a_tool_id_taken_away_is_told(run_recorded: Run) -> None:
    result = run_recorded(
        "import sys\n"
        "for tool in range(6):\n"
        "    if sys.monitoring.get_tool(tool) == 'recorder':\n"
        "        sys.monitoring.set_events(tool, 0)\n"
        "x = 1\n"
    )
    assert result.status == 0
    with recorder.open_trace(result.trace) as trace:
        assert str(trace.verdict).startswith("partial")
        assert trace.failure is not None
        assert trace.failure.error_name == "ERR_HOOK_STOLEN"
