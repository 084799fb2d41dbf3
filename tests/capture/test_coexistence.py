"""Beside a debugger, coverage, or a trace function of the program's own: both see every event."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

import recorder
from tests.conftest import ENVIRONMENT, Run

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


PROFILED = """
import sys, threading
seen = []
def p(frame, event, arg):
    if frame.f_code.co_name in ("f", "g"):
        seen.append((event, frame.f_lineno, getattr(arg, "__name__", arg)))
def g():
    yield 1
def f(n):
    x = len([n])
    return sum(g()) + x
sys.setprofile(p); f(1); assert sys.getprofile() is p
sys.setprofile(None); f(2)
threading.setprofile(p)
threads = [threading.Thread(target=f, args=(n,)) for n in range(2)]
for thread in threads: thread.start(); thread.join()
threading.setprofile(None)
sys.settrace(lambda *_: None); sys.setprofile(p); f(3); sys.setprofile(None); sys.settrace(None)
print(seen)
"""


def test_a_profile_function_and_the_recorder_both_see_everything(
    run_plain: Run, run_recorded: Run
) -> None:
    plain = run_plain(PROFILED)
    result = run_recorded(PROFILED)
    assert (result.status, result.stdout, result.stderr) == (0, plain.stdout, "")
    assert plain.stdout.count(b"'call'") >= 4 * 2
    with recorder.open_trace(result.trace) as trace:
        assert str(trace.verdict) == "complete"
        kinds = [e.kind for e in trace.events() if e.function.name == "f"]
    assert kinds.count("call") == kinds.count("return") == 5


MONITORED = """
import sys
seen = []
m, e = sys.monitoring, sys.monitoring.events
def f(n):
    for i in range(n):
        x = i
    return x
def line(code, number):
    if code is f.__code__:
        seen.append(number)
        return m.DISABLE if number == 6 else None
def start(code, offset):
    seen.append(code.co_name)
def returned(code, offset, value):
    seen.append(value)
tools = [tool for tool in range(6) if m.get_tool(tool) is None][:3]
for tool in tools:
    m.use_tool_id(tool, f"tool {tool}")
    m.register_callback(tool, e.LINE, line)
    m.register_callback(tool, e.PY_START, start)
    m.register_callback(tool, e.PY_RETURN, returned)
    m.set_local_events(tool, f.__code__, e.LINE | e.PY_START)
    m.set_events(tool, e.PY_RETURN if tool == tools[0] else 0)
f(2)
m.restart_events()
f(3)
for tool in tools:
    m.set_events(tool, 0)
    m.free_tool_id(tool)
f(1)
print(seen)
"""


@pytest.mark.skipif(sys.version_info < (3, 12), reason="tool ids came with 3.12")
def test_other_tools_see_the_same_events(run_plain: Run, run_recorded: Run) -> None:
    plain = run_plain(MONITORED)
    result = run_recorded(MONITORED)
    assert (result.status, result.stdout, result.stderr) == (0, plain.stdout, "")
    # 3.14 and later: a tool that is gone leaves no local events behind, which f(1) would still have.
    assert plain.stdout.count(b"'f'") == (6 if sys.version_info >= (3, 14) else 9)
    with recorder.open_trace(result.trace) as trace:
        assert str(trace.verdict) == "complete"
        kinds = [e.kind for e in trace.events() if e.function.name == "f"]
    assert (kinds.count("call"), kinds.count("line"), kinds.count("return")) == (3, 18, 3)


GIVEN = """
from hypothesis import given, settings, strategies
@settings(database=None, derandomize=True)
@given(strategies.integers(), strategies.booleans())
def check(number, unused):
    assert number < 5
try:
    check()
except AssertionError as failure:
    print(failure.__notes__)
"""


def test_hypothesis_explains_as_without_us(run_plain: Run, run_recorded: Run) -> None:
    """It asks for a tool id of its own when a test has failed, and warns where somebody has it."""
    plain = run_plain(GIVEN)
    assert b"number=5" in plain.stdout
    result = run_recorded(GIVEN)
    assert (result.status, result.stdout, result.stderr) == (0, plain.stdout, plain.stderr)
    with recorder.open_trace(result.trace) as trace:
        assert str(trace.verdict) == "complete"
        failed = [one for one in trace.find("unwind", function="check") if "number" in one.locals]
        assert failed[-1].locals["number"] == 5


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


@pytest.mark.parametrize("core", ["ctrace", "pytrace", "sysmon"])
def test_coverage_measures_the_same_lines(
    tmp_path: Path, run_plain: Run, run_recorded: Run, core: str
) -> None:
    """On 3.11 coverage has no core that uses sys.monitoring, and takes its C tracer in its place."""
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
    env = {**ENVIRONMENT, "COVERAGE_CORE": core if sys.version_info >= (3, 12) else "ctrace"}
    plain = run_plain(driven, env=env)
    result = run_recorded(driven, env=env)
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


@pytest.mark.skipif(sys.version_info < (3, 12), reason="sys.monitoring came with 3.12")
def test_a_tool_that_asks_who_else_listens_finds_functions_with_names(run_recorded: Run) -> None:
    result = run_recorded("""
import sys
m = sys.monitoring
(ours,) = [tool for tool in range(6) if m.get_tool(tool) == "recorder"]
for event in ("PY_START", "PY_RETURN", "LINE", "JUMP", "PY_UNWIND"):
    number = getattr(m.events, event)
    found = m.register_callback(ours, number, None)
    m.register_callback(ours, number, found)
    print(event, found.__name__, repr(found)[:27])
""")
    names = {"PY_START": "start", "PY_RETURN": "return", "PY_UNWIND": "unwind"}
    assert result.stdout.decode().splitlines() == [
        f"{event} {name} {f'<built-in function {name}>'[:27]}"
        for event in ("PY_START", "PY_RETURN", "LINE", "JUMP", "PY_UNWIND")
        for name in [f"on_{names.get(event, event.lower())}"]
    ]
    with recorder.open_trace(result.trace) as trace:
        assert trace.verdict == "complete"
