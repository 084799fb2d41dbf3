"""What becomes of a recording when the program forks, starts other processes, replaces itself, or ends at
once; and children that are recorded too, each into a trace of its own.
"""

from __future__ import annotations

import itertools
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

import recorder
from recorder import errors
from tests.conftest import ENVIRONMENT, ROOT, Result, Run, processes_of
from tests.tools.tape_tools import in_turn, leftovers, state_of, until


def opened(path: Path) -> Any:
    """The trace, once the sealer has published it."""
    until(path.exists)
    return recorder.open_trace(path)


def functions_in(path: Path) -> set[str]:
    with opened(path) as trace:
        return {step.function.name for step in trace.steps()}


def verdict_of(path: Path) -> tuple[str, int | None]:
    with opened(path) as trace:
        return str(trace.verdict), trace.exit_status


def traces_in(folder: Path) -> list[Path]:
    """All of them but the first process's, when nothing is on its way any more."""
    until(lambda: not list(folder.glob(".*.partial-*")))
    return sorted(path for path in folder.glob("*.rtrace") if path.name != "program.rtrace")


# ------------------------------------------------------------------ a forked child steps aside

FORKING = """
import os, sys

def in_parent(): return 1
def in_child(): return 2

pid = os.fork()
if pid == 0:
    in_child()
    sys.exit(3)
in_parent()
print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
"""


def test_a_forked_child_is_not_in_the_trace_and_leaves_it_alone(run_recorded: Run) -> None:
    result = run_recorded(FORKING)
    assert (result.status, result.stdout, result.stderr) == (0, b"3\n", "")
    assert verdict_of(result.trace) == ("complete", 0)
    assert functions_in(result.trace) == {"<module>", "in_parent"}


@pytest.mark.provokes("FORKED")
def test_a_forked_child_says_so_where_diagnostics_are_wanted(
    run_recorded: Run, tmp_path: Path
) -> None:
    told, log = tmp_path / "told.json", tmp_path / "log"
    result = run_recorded(
        FORKING, f"--json-errors={told}", "--log-file", log, "--log-level", "info"
    )
    assert (result.status, result.stdout, result.stderr) == (0, b"3\n", "")
    (line,) = told.read_text().splitlines()
    diagnostic = json.loads(line)
    assert (diagnostic["code"], diagnostic["disposition"]) == ("ERR_FORKED", "disable")
    assert diagnostic["pid"] == diagnostic["context"]["child_pid"]
    assert re.fullmatch(r"\S+ INFO .* was forked from the recorded one .*\n", log.read_text())


@pytest.mark.parametrize(
    "fork",
    [
        "os.fork()",
        "ctypes.CDLL(None).fork()",  # Python hears nothing of it; libc does
        "threaded_fork()",
    ],
)
def test_a_child_can_record_itself(run_recorded: Run, tmp_path: Path, fork: str) -> None:
    """What the hint of ERR_FORKED says. The hooks of its parent are gone, and their tool id is free."""
    result = run_recorded(
        f"""
import ctypes, os, sys, threading

def threaded_fork():
    got = []
    # A process with threads is warned of fork().
    import warnings; warnings.simplefilter("ignore")
    thread = threading.Thread(target=lambda: got.append(os.fork()))
    thread.start(); thread.join(5 if os.getpid() == first else 0)
    return got[0] if got else 0

def in_child(): return 2

first = os.getpid()
pid = {fork}
if os.getpid() != first:
    import recorder
    assert not recorder.is_recording()
    session = recorder.start("child.rtrace")
    in_child()
    if sys.version_info >= (3, 12):
        tools = [sys.monitoring.get_tool(i) for i in range(6)]
        assert tools.count("recorder") == 1, tools
    session.stop()
    os._exit(0)
print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
"""
        if "threaded" not in fork
        else FORK_IN_A_THREAD,
        env={"PYTHONPATH": str(ROOT)},
    )
    assert (result.status, result.stdout, result.stderr) == (0, b"0\n", "")
    assert "in_child" in functions_in(tmp_path / "child.rtrace")
    assert verdict_of(tmp_path / "child.rtrace")[0] == "complete"
    assert verdict_of(result.trace) == ("complete", 0)
    assert "in_child" not in functions_in(result.trace)


FORK_IN_A_THREAD = """
import os, sys, threading, warnings

warnings.simplefilter("ignore")  # a process with threads is warned of fork()

def in_child(): return 2

def thread():
    pid = os.fork()
    if pid == 0:
        import recorder
        with recorder.record("child.rtrace"):
            in_child()
        os._exit(0)
    print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))

t = threading.Thread(target=thread)
t.start()
t.join()
"""


def test_a_child_leaves_the_with_block_of_its_parent_in_peace(run_plain: Run) -> None:
    result = run_plain(
        """
import os, recorder
with recorder.record("parent.rtrace") as session:
    pid = os.fork()
if pid == 0:
    print(session.stop().error.error_name, flush=True)
    os._exit(0)
os.waitpid(pid, 0)
print(session.stop().state)
"""
    )
    assert (result.status, result.stderr) == (0, "")
    assert result.stdout == b"ERR_FORKED\ncomplete\n"


def test_ways_of_starting_a_process_leave_the_trace_whole(run_recorded: Run) -> None:
    ways = (
        "subprocess.run(['true'])",
        "subprocess.run(['true'], preexec_fn=lambda: None)",
        "os.waitpid(os.posix_spawn('/bin/true', ['true'], os.environ), 0)",
        "os.system('true')",
        "ctypes.CDLL(None).system(b'true')",
        "os.forkpty()[0] or os._exit(0); os.wait()",
    )
    program = "import ctypes, os, subprocess\n"
    program += "".join(
        f"def after_{n}(): return 1\n{way}\nafter_{n}()\n" for n, way in enumerate(ways)
    )
    result = run_recorded(program)
    assert (result.status, result.stderr) == (0, "")
    assert verdict_of(result.trace) == ("complete", 0)
    assert functions_in(result.trace) >= {f"after_{n}" for n in range(len(ways))}


# ---------------------------------------------------------------------- exec, and the end at once


@pytest.mark.provokes("TARGET_EXEC")
@pytest.mark.parametrize(
    "way",
    [
        "os.execv('/bin/sleep', ['sleep', '3'])",
        "os.execve('/bin/sleep', ['sleep', '3'], {})",
        "os.execlp('sleep', 'sleep', '3')",
        "ctypes.CDLL(None).execv(b'/bin/sleep', (ctypes.c_char_p * 3)(b'sleep', b'3', None))",
    ],
)
def test_the_trace_of_a_program_that_replaced_itself_is_there_while_the_new_one_runs(
    tmp_path: Path, way: str
) -> None:
    script = tmp_path / "program.py"
    script.write_text(f"import ctypes, os\ndef f(): return 1\nf()\n{way}\n")
    command = [sys.executable, "-m", "recorder", "run", str(script)]
    process = subprocess.Popen(command, cwd=tmp_path, env=ENVIRONMENT)
    try:
        with opened(tmp_path / "program.rtrace") as trace:
            assert process.poll() is None
            assert str(trace.verdict) == "partial(TARGET_EXEC)"
            assert "f" in {step.function.name for step in trace.steps()}
    finally:
        process.kill()
        process.wait()


def test_an_exec_that_fails_is_nothing(run_recorded: Run) -> None:
    result = run_recorded(
        "import os\ntry: os.execv('/nowhere', ['x'])\nexcept OSError as e: print(e)\n"
    )
    assert result.stdout == b"[Errno 2] No such file or directory\n"
    assert verdict_of(result.trace) == ("complete", 0)


def test_a_program_killed_after_an_exec_that_failed_was_killed(run_recorded: Run) -> None:
    result = run_recorded(
        "import os\ntry: os.execv('/nowhere', ['x'])\nexcept OSError: os.kill(os.getpid(), 9)\n"
    )
    assert result.status == -signal.SIGKILL
    assert verdict_of(result.trace) == ("truncated", -signal.SIGKILL)


@pytest.mark.parametrize("old_kernel", [False, True])
@pytest.mark.parametrize(
    ("way", "state"),
    [
        ("os.kill(os.getpid(), signal.SIGTERM)", "complete"),
        ("signal.raise_signal(signal.SIGTERM)", "complete"),
        ("signal.raise_signal(15)", "complete"),
        ("os.kill(os.getpid(), 9)", "truncated"),
        ("signal.raise_signal(signal.SIGSEGV)", "truncated"),
    ],
)
def test_an_end_by_a_signal_of_its_own(
    run_recorded: Run, way: str, state: str, old_kernel: bool
) -> None:
    """Servers end so when a handler has done its work. Before Linux 6.15 nobody else may say how it ended."""
    program = f"import os, signal\ndef f(): return 1\nos.kill(os.getpid(), 0)\nf()\n{way}\n"
    env = {"RECORDER_TEST_FAULTS": "sealer:pidfd_open:1:ENOSYS"} if old_kernel else {}
    result = run_recorded(program, env=env)
    assert result.status < 0
    assert verdict_of(result.trace) == (state, result.status)


def test_a_signal_to_itself_that_it_outlives(run_recorded: Run) -> None:
    result = run_recorded(
        "import ctypes, os, signal\nsignal.signal(15, lambda *_: print('got', flush=True))\n"
        "os.kill(os.getpid(), 15)\nsignal.raise_signal(15)\nctypes.CDLL(None)._exit(4)\n"
    )
    assert (result.status, result.stdout) == (4, b"got\ngot\n")
    assert verdict_of(result.trace) == ("complete", 4)


def test_info_names_the_signal(run_recorded: Run, recorder_says: Run) -> None:
    result = run_recorded("import signal\nsignal.raise_signal(signal.SIGTERM)\n")
    until(result.trace.exists)
    assert b"exit status  ended by SIGTERM\n" in recorder_says("info", result.trace).stdout
    assert json.loads(recorder_says("info", "--json", result.trace).stdout)["exit_status"] == -15


@pytest.mark.parametrize("call", ["os._exit(7)", "os._exit(status=7)"])
def test_an_end_by_os_exit_is_as_whole_as_any_other(run_recorded: Run, call: str) -> None:
    result = run_recorded(f"import os\ndef f(): return 1\nf()\n{call}\n")
    assert (result.status, result.stderr) == (7, "")
    assert verdict_of(result.trace) == ("complete", 7)


def test_os_exit_in_a_thread(run_recorded: Run) -> None:
    result = run_recorded(
        "import os, threading, time\n"
        "threading.Thread(target=lambda: os._exit(5)).start()\n"
        "while True: time.sleep(0.001)\n"
    )
    assert result.status == 5
    assert verdict_of(result.trace) == ("complete", 5)


def test_os_exit_called_wrongly_ends_nothing(run_recorded: Run) -> None:
    program = "import os\n"
    for call in ("os._exit('x')", "os._exit(2**70)", "os._exit()", "os._exit(x=1)"):
        program += f"try: {call}\nexcept Exception as e: print(type(e).__name__)\n"
    result = run_recorded(program)
    assert result.stdout.split() == [b"TypeError", b"OverflowError", b"TypeError", b"TypeError"]
    assert verdict_of(result.trace) == ("complete", 0)


def test_os_exit_obeys_the_policy(run_recorded: Run) -> None:
    result = run_recorded("import os; os._exit(7)", "--no-propagate-script-exit")
    assert result.status == 0
    result = run_recorded(
        "import os\nfor i in range(1000): pass\nos._exit(0)",
        *("--require-trace", "--no-keep-partial-trace", "--max-bytes", "1kB"),
    )
    assert (result.status, result.trace.exists()) == (0, True)


def test_what_the_c_library_has_buffered_is_written_whoever_says_the_exit_status(
    run_recorded: Run,
) -> None:
    program = "import ctypes, sys\nctypes.CDLL(None).printf(b'kept by C\\n')\nsys.exit(3)"
    for options, status in ((), 3), (("--no-propagate-script-exit",), 0):
        result = run_recorded(program, *options)
        assert (result.status, result.stdout) == (status, b"kept by C\n")


def test_the_functions_are_what_they_were_afterwards(run_plain: Run) -> None:
    """And while something is recorded they look no different."""
    result = run_plain(
        """
import os, recorder
before = repr((os._exit, os.execv, os.execve))
session = recorder.start("a.rtrace")
assert repr((os._exit, os.execv, os.execve)) == before
session.stop()
recorder.start("b.rtrace")
os._exit(4)
"""
    )
    assert result.status == 4
    assert verdict_of(result.trace.parent / "b.rtrace") == ("complete", 4)


def test_an_exit_from_below_python_while_threads_run(run_recorded: Run) -> None:
    """C code calls exit() without the GIL: the threads go on until the process is gone."""
    result = run_recorded(
        "import ctypes, threading, time\n"
        "def work():\n    n = 0\n    while True: n = step(n)\n"
        "def step(n): return n + 1\n"
        "for _ in range(3): threading.Thread(target=work, daemon=True).start()\n"
        "time.sleep(0.05)\n"
        "ctypes.CDLL(None).exit(5)\n"
    )
    assert (result.status, result.stderr) == (5, "")
    assert verdict_of(result.trace) == ("complete", 5)
    assert "step" in functions_in(result.trace)


def test_python_that_still_runs_when_the_process_exits(run_plain: Run, tmp_path: Path) -> None:
    """As where it is embedded: the exit handlers that came before ours still run Python."""
    result = run_plain(
        """
import ctypes, recorder
def last(status, nothing):
    total = sum(n for n in range(10))
    print("last", total, flush=True)
libc = ctypes.CDLL(None)
callback = ctypes.CFUNCTYPE(None, ctypes.c_int, ctypes.c_void_p)(last)
libc.on_exit(callback, None)
recorder.start("a.rtrace")
def f(): return 1
f()
ctypes.PyDLL(None).exit(6)
"""
    )
    assert (result.status, result.stdout, result.stderr) == (6, b"last 45\n", "")
    assert verdict_of(tmp_path / "a.rtrace") == ("complete", 6)
    assert functions_in(tmp_path / "a.rtrace") >= {"f"}


# ------------------------------------------------------------------------------ children recorded

CHILDREN = {
    "fork": "pid = os.fork()\nif not pid: work(); os._exit(5)\nos.waitpid(pid, 0)",
    "fork and exit": "pid = os.fork()\nif not pid: work(); sys.exit(5)\nos.waitpid(pid, 0)",
    "subprocess": "subprocess.run([sys.executable, 'below.py'])",
    "subprocess -I": "subprocess.run([sys.executable, '-X', 'dev', 'below.py'])",
    "os.system": "os.system(sys.executable + ' below.py')",
    "posix_spawn": "pid = os.posix_spawn(sys.executable, [sys.executable, 'below.py'], os.environ)\n"
    "os.waitpid(pid, 0)",
}


@pytest.mark.parametrize("way", CHILDREN)
def test_a_child_has_a_trace_of_its_own(run_recorded: Run, tmp_path: Path, way: str) -> None:
    work = "def work(): return 1\n"
    (tmp_path / "below.py").write_text(f"import sys\n{work}work(); sys.exit(5)\n")
    result = run_recorded(
        f"import os, subprocess, sys\n{work}{CHILDREN[way]}\nprint('end')\n", "--follow-children"
    )
    assert (result.status, result.stdout, result.stderr) == (0, b"end\n", "")
    (child,) = traces_in(tmp_path)
    assert verdict_of(child) == ("complete", 5)
    assert verdict_of(result.trace) == ("complete", 0)
    assert "work" in functions_in(child)
    assert "work" not in functions_in(result.trace)
    with opened(child) as below, opened(result.trace) as above:
        assert child.name == f"program.{below.meta['pid']}.rtrace"
        assert below.meta["parent"] == {
            "run_id": above.meta["run_id"],
            "trace_id": above.meta["trace_id"],
            "pid": above.meta["pid"],
            "path": str(result.trace),
        }
        assert "parent" not in above.meta


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_multiprocessing(run_recorded: Run, tmp_path: Path, method: str) -> None:
    result = run_recorded(
        f"""
import multiprocessing, sys
def work(n): return n * n
def task(n): sys.exit(work(n))
if __name__ == "__main__":
    context = multiprocessing.get_context({method!r})
    processes = [context.Process(target=task, args=(n,)) for n in (2, 3)]
    for process in processes: process.start()
    for process in processes: process.join()
    print([process.exitcode for process in processes])
""",
        "--follow-children",
    )
    assert (result.status, result.stdout, result.stderr) == (0, b"[4, 9]\n", "")
    workers = [path for path in traces_in(tmp_path) if "work" in functions_in(path)]
    assert len(workers) == 2
    assert all(verdict_of(path)[0] == "complete" for path in workers)


IDLE = """
import multiprocessing
def begin(barrier): barrier.wait()
if __name__ == "__main__":
    multiprocessing.set_start_method("{}")
    barrier = multiprocessing.Barrier(4 if {} else 1)
    pool = multiprocessing.Pool(3, begin, (barrier,))
    idle = list(pool._pool)
    barrier.wait()
    pool.terminate()
    pool.join()
    for process in idle: print(process.pid, process.exitcode)
"""


@pytest.mark.parametrize(
    ("method", "waits"),
    in_turn(itertools.product(["fork", "spawn", "forkserver"], [False, True]), of=2),
)
def test_idle_workers_that_are_terminated(
    run_recorded: Run, tmp_path: Path, method: str, waits: bool
) -> None:
    """Each trace says how its worker ended. Of one that had not begun to be recorded nothing is left. One may have
    come to its own end, and told of it, when the signal came."""
    result = run_recorded(IDLE.format(method, waits), "--follow-children")
    assert result.status == 0
    until(lambda: not processes_of(tmp_path), 20)
    ends = dict(map(int, line.split()) for line in result.stdout.splitlines())
    told: dict[int, int | None] = {}
    for pid in ends:
        path = result.trace.with_suffix(f".{pid}.rtrace")
        if path.exists():
            with recorder.open_trace(path) as trace:
                assert trace.verdict == "complete", pid
                told[pid] = trace.exit_status
    overtaken = [(told[pid], ends[pid]) for pid in told if told[pid] != ends[pid]]
    assert overtaken in ([], [(0, -signal.SIGTERM)])
    assert len(told) == len(ends) or not waits
    assert leftovers(tmp_path) == []


def test_a_child_of_a_child_and_a_process_that_replaces_itself(
    run_recorded: Run, tmp_path: Path
) -> None:
    (tmp_path / "last.py").write_text("def last(): return 1\nlast()\n")
    result = run_recorded(
        """
import os, sys
def first(): return 1
def second(): return 1
pid = os.fork()
if pid == 0:
    first()
    inner = os.fork()
    if inner == 0:
        second()
        os.execv(sys.executable, [sys.executable, "last.py"])
    os.waitpid(inner, 0)
    os._exit(0)
os.waitpid(pid, 0)
""",
        "--follow-children",
    )
    assert (result.status, result.stderr) == (0, "")
    found = {name: path for path in traces_in(tmp_path) for name in functions_in(path)}
    assert len(traces_in(tmp_path)) == 3
    one, two, last = (found[name] for name in ("first", "second", "last"))
    with opened(one) as a, opened(two) as b, opened(last) as c:
        assert b.meta["parent"]["trace_id"] == a.meta["trace_id"]
        assert c.meta["parent"]["trace_id"] == b.meta["trace_id"]
        assert str(b.verdict) == "partial(TARGET_EXEC)"
        # The same process twice: the second program's trace does not replace the first one's.
        assert last.name == two.name.replace(".rtrace", "-2.rtrace")
        assert c.meta["pid"] == b.meta["pid"]


def test_children_of_a_part_of_a_program(run_plain: Run, tmp_path: Path) -> None:
    (tmp_path / "below.py").write_text("def below(): return 1\nbelow()\n")
    result = run_plain(
        """
import os, recorder, subprocess, sys
def run(): subprocess.run([sys.executable, "below.py"], check=True)
before = dict(os.environ)
with recorder.record("part.rtrace", follow_children=True):
    run()
run()
assert dict(os.environ) == before
"""
    )
    assert (result.status, result.stderr) == (0, "")
    part, child = sorted(traces_in(tmp_path), key=lambda path: len(path.name))
    assert "run" in functions_in(part)
    assert "below" in functions_in(child)


def test_a_child_that_cannot_be_recorded_runs_all_the_same(
    run_recorded: Run, tmp_path: Path
) -> None:
    (tmp_path / "traces").mkdir()
    result = run_recorded(
        "import os, shutil\n"
        "os.rename('traces', 'gone')\n"
        "pid = os.fork()\n"
        "if pid == 0: print('child', flush=True); os._exit(0)\n"
        "os.waitpid(pid, 0)\n"
        "os.rename('gone', 'traces')\n"
        "print('parent')\n",
        "--follow-children",
        output=tmp_path / "traces" / "program.rtrace",
        cwd=tmp_path,
    )
    assert (result.status, result.stdout) == (0, b"child\nparent\n")
    assert result.codes == ["ERR_DIRECTORY_CREATE_FAILED"]
    assert verdict_of(result.trace) == ("complete", 0)


# --------------------------------------------------------------------------- start by environment


def autostart(tmp_path: Path, name: str, program: str, *flags: str, **env: str) -> Result:
    """`RECORDER_AUTOSTART=name python program.py`, without an installation: the folder of our
    sitecustomize is on PYTHONPATH, where one has a .pth file."""
    script = tmp_path / "program.py"
    script.write_text(program)
    done = subprocess.run(
        [sys.executable, *flags, script, "argument"],
        cwd=tmp_path,
        env={
            **ENVIRONMENT,
            "PYTHONPATH": str(ROOT / "recorder" / "_boot"),
            "RECORDER_AUTOSTART": name,
            **env,
        },
        capture_output=True,
        timeout=60,
    )
    return Result(done.returncode, done.stdout, done.stderr.decode(), tmp_path / name)


def test_a_start_by_environment(tmp_path: Path) -> None:
    program = (
        "import os, sys\ndef f(): return 1\nf()\n"
        "print(sys.argv[1:], sys.path[0] == os.getcwd(), 'json' in sys.modules)\n"
        "print([name for name in os.environ if name.startswith('RECORDER')])\nsys.exit(3)\n"
    )
    result = autostart(tmp_path, "out.rtrace", program)
    assert (result.status, result.stderr) == (3, "")
    assert result.stdout == b"['argument'] True False\n[]\n"
    assert verdict_of(result.trace) == ("complete", 3)
    with opened(result.trace) as trace:
        assert trace.meta["argv"] == [str(tmp_path / "program.py"), "argument"]
        assert "f" in {step.function.name for step in trace.steps()}


def test_the_pid_in_the_name(tmp_path: Path) -> None:
    """Every process has a trace of its own, so those below are recorded as well."""
    program = (
        "import os, subprocess, sys\nprint(os.getpid(), flush=True)\n"
        "if len(sys.argv) > 1: subprocess.run([sys.executable, __file__])\n"
    )
    result = autostart(tmp_path, "100%%-%p.rtrace", program)
    assert (result.status, result.stderr) == (0, "")
    names = {f"100%-{pid.decode()}.rtrace" for pid in result.stdout.split()}
    assert len(names) == 2
    assert {path.name for path in traces_in(tmp_path)} == names


@pytest.mark.parametrize(
    ("pattern", "names"),
    [
        ("app.rtrace", ["app.rtrace", "app-2.rtrace", "app-3.rtrace"]),
        ("app", ["app", "app-2", "app-3"]),
        ("app-%n.rtrace", ["app-1.rtrace", "app-2.rtrace", "app-3.rtrace"]),
        ("%n-%h-%%p-%x.rtrace", [f"{n}-{os.uname().nodename}-%p-%x.rtrace" for n in (1, 2, 3)]),
    ],
)
def test_no_trace_is_replaced(tmp_path: Path, pattern: str, names: list[str]) -> None:
    for number, name in enumerate(names):
        autostart(tmp_path, pattern, f"def f{number}(): pass\nf{number}()\n")
        until((tmp_path / name).exists)
    assert set(names) < set(os.listdir(tmp_path))
    for number, name in enumerate(names):
        assert f"f{number}" in functions_in(tmp_path / name)


def test_the_time_in_the_name(tmp_path: Path) -> None:
    autostart(tmp_path, "at-%t.rtrace", "pass")
    (trace,) = until(lambda: list(tmp_path.glob("*.rtrace")))
    began = time.mktime(time.strptime(trace.name, "at-%Y%m%d-%H%M%S.rtrace"))
    assert abs(time.time() - began) < 60


def test_a_program_that_executes_itself_has_a_trace_each_time(tmp_path: Path) -> None:
    program = (
        "import os, sys\n"
        "if len(sys.argv) < 5: os.execv(sys.executable, [sys.executable, *sys.argv, 'more'])\n"
    )
    autostart(tmp_path, "app-%p.rtrace", program)
    assert len(traces_in(tmp_path)) == 4


def test_many_at_once_take_a_name_each(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text("import time\ntime.sleep(0.3)\n")
    env = {
        **ENVIRONMENT,
        "PYTHONPATH": str(ROOT / "recorder" / "_boot"),
        "RECORDER_AUTOSTART": "app.rtrace",
    }
    command = [sys.executable, "app.py"]
    started = [
        subprocess.Popen(command, cwd=tmp_path, env=env, stderr=subprocess.PIPE) for _ in range(5)
    ]
    assert [process.communicate()[1] for process in started] == [b""] * 5
    assert len(traces_in(tmp_path)) == 5


@pytest.mark.provokes("TRACE_BUSY")
def test_of_two_recordings_into_one_trace_the_second_is_refused(
    tmp_path: Path, recorder_says: Run
) -> None:
    (tmp_path / "app.py").write_text("import sys\nprint('there', flush=True)\nsys.stdin.read()\n")
    command = [sys.executable, "-m", "recorder", "run", "app.py"]
    first = subprocess.Popen(
        command, cwd=tmp_path, env=ENVIRONMENT, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    try:
        assert first.stdout is not None and first.stdout.readline() == b"there\n"
        said = recorder_says("run", "app.py", cwd=tmp_path, stdin=subprocess.DEVNULL)
        assert (said.status, said.codes) == (errors.TraceBusyError.exit_code, ["ERR_TRACE_BUSY"])
        with pytest.raises(errors.TraceBusyError):
            recorder.start(tmp_path / "app.rtrace")
    finally:
        first.communicate()
    assert verdict_of(tmp_path / "app.rtrace") == ("complete", 0)
    again = recorder_says("run", "app.py", cwd=tmp_path, stdin=subprocess.DEVNULL)
    assert again.status == 0


def test_without_the_pid_in_it_only_the_first_process_is_recorded(tmp_path: Path) -> None:
    program = (
        "import subprocess, sys\nif len(sys.argv) > 1: subprocess.run([sys.executable, __file__])\n"
    )
    result = autostart(tmp_path, "out.rtrace", program)
    assert [path.name for path in traces_in(tmp_path)] == ["out.rtrace"]
    with opened(result.trace) as trace:
        assert trace.meta["argv"][-1] == "argument"


def test_its_policy_is_in_the_environment(tmp_path: Path) -> None:
    program = "def f(): return 1\nfor _ in range(200): f()\n"
    result = autostart(tmp_path, "out.rtrace", program, RECORDER_MAX_EVENTS="100")
    assert result.status == 0
    assert result.codes == ["ERR_LIMIT_REACHED"]
    assert verdict_of(result.trace)[0] == "partial(LIMIT_REACHED)"


def test_children_of_a_program_started_by_environment(tmp_path: Path) -> None:
    program = "import os\nif not os.fork(): os._exit(4)\nprint(os.wait()[1] >> 8)\n"
    result = autostart(tmp_path, "out.rtrace", program, RECORDER_FOLLOW_CHILDREN="1")
    assert (result.status, result.stdout, result.stderr) == (0, b"4\n", "")
    statuses = sorted(verdict_of(path)[1] or 0 for path in traces_in(tmp_path))
    assert statuses == [0, 4]


@pytest.mark.parametrize(
    ("name", "env", "code"),
    [
        ("/nowhere/out.rtrace", {}, "ERR_DIRECTORY_CREATE_FAILED"),
        ("/dev/null", {}, "ERR_DESTINATION_NOT_REGULAR"),
        ("/", {}, "ERR_DESTINATION_IS_DIRECTORY"),
        ("out.rtrace", {"RECORDER_SCOPE": "mine"}, "ERR_INVALID_POLICY_VALUE"),
        ("out.rtrace", {"RECORDER_SCOPES": "own"}, "ERR_UNKNOWN_POLICY_KEY"),
        ("out.rtrace", {"RECORDER_BOOT_FOLLOW": "{"}, "ERR_INVALID_ARGUMENT"),
        ("out.rtrace", {"RECORDER_TEST_FAULTS": "target:spawn:1:EAGAIN"}, "ERR_SEALER_START_FAILED"),
        ("out.rtrace", {"RECORDER_TEST_FAULTS": "target:mmap:2:ENOMEM"}, "ERR_OUT_OF_MEMORY"),
        ("out.rtrace", {"RECORDER_ON_RECORDER_ERROR": "abort", "RECORDER_MAX_BYTES": "0"},
         "ERR_INVALID_POLICY_VALUE"),
    ],
)  # fmt: skip
def test_what_fails_there_does_not_keep_the_program_from_starting(
    tmp_path: Path, name: str, env: dict[str, str], code: str
) -> None:
    program = "import sys\nprint('it ran', 'json' in sys.modules)\nsys.exit(3)\n"
    result = autostart(tmp_path, name, program, **env)
    assert (result.status, result.stdout) == (3, b"it ran False\n")
    assert result.codes == [code]
    assert "Traceback" not in result.stderr
    assert os.listdir(tmp_path) == ["program.py"]


def test_a_failure_there_as_json(tmp_path: Path) -> None:
    told = tmp_path / "told"
    result = autostart(tmp_path, "/", "print('it ran')", RECORDER_JSON_ERRORS=str(told))
    assert result.stdout == b"it ran\n"
    assert json.loads(told.read_text())["code"] == "ERR_DESTINATION_IS_DIRECTORY"


def test_the_recorders_own_commands_do_not_record_themselves(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text("print('x')")
    env = {
        **ENVIRONMENT,
        "PYTHONPATH": f"{ROOT / 'recorder' / '_boot'}{os.pathsep}{ROOT}",
        "RECORDER_AUTOSTART": str(tmp_path / "auto.rtrace"),
    }
    command = [sys.executable, "-m", "recorder", "run", "app.py"]
    done = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"x\n", b"")
    assert [path.name for path in traces_in(tmp_path)] == ["app.rtrace"]


def test_the_line_that_an_installation_has(tmp_path: Path) -> None:
    """`recorder_autostart.pth` in a site-packages folder: inert without the variable; with it the
    program is recorded, where PYTHONPATH is ignored too."""
    packages = tmp_path / "packages"
    packages.mkdir()
    shutil.copy(ROOT / "recorder" / "_boot" / "recorder_autostart.pth", packages)
    (packages / "a_path_to_the_package.pth").write_text(f"{ROOT}\n")
    program = tmp_path / "program.py"
    program.write_text(
        "import sys\nprint([n for n in sys.modules if 'recorder' in n or n == 'json'])"
    )
    # A folder whose .pth files are read, as those of site-packages are.
    (tmp_path / "start.py").write_text(
        f"import site, runpy\nsite.addsitedir({str(packages)!r})\n"
        f"runpy.run_path({str(program)!r}, run_name='__main__')\n"
    )
    command = [sys.executable, "-I", str(tmp_path / "start.py")]
    plain = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, timeout=60)
    assert (plain.stdout, plain.stderr) == ("[]\n", "")
    env = {**os.environ, "RECORDER_AUTOSTART": "out.rtrace"}
    done = subprocess.run(
        command, capture_output=True, text=True, cwd=tmp_path, env=env, timeout=60
    )
    assert done.stdout == "['recorder._boot']\n"
    assert "'json'" not in done.stdout
    until((tmp_path / "out.rtrace").exists)


# --------------------------------------------------------------------------------- subinterpreters


@pytest.mark.provokes("SUBINTERPRETER")
@pytest.mark.parametrize("first", ["", "import recorder.session\n"])
def test_a_subinterpreter_cannot_be_recorded(run_plain: Run, first: str) -> None:
    module = "_interpreters" if sys.version_info >= (3, 13) else "_xxsubinterpreters"
    inside = (
        "try:\n    import recorder\n    recorder.start('a.rtrace')\n"
        "except Exception as error: print(type(error).__mro__[0].__name__, flush=True)"
    )
    result = run_plain(
        f"{first}import {module} as i\nn = i.create()\n"
        f"i.run_string(n, {inside!r})\ni.destroy(n)\nprint('end')\n"
    )
    assert (result.status, result.stdout) == (0, b"SubinterpreterError\nend\n")


def test_a_start_by_environment_is_not_for_subinterpreters(tmp_path: Path) -> None:
    module = "_interpreters" if sys.version_info >= (3, 13) else "_xxsubinterpreters"
    inside = "print('inside', flush=True)"
    program = f"import {module} as i; n = i.create(); i.run_string(n, {inside!r}); i.destroy(n)\n"
    result = autostart(tmp_path, "out-%p.rtrace", program)
    assert (result.status, result.stdout, result.stderr) == (0, b"inside\n", "")
    (trace,) = traces_in(tmp_path)
    assert verdict_of(trace) == ("complete", 0)


# ------------------------------------------------------------- nobody waits for the sealer


def test_the_caller_of_a_killed_run_does_not_wait_for_the_sealer(tmp_path: Path) -> None:
    """The sealer has none of the program's descriptors: a shell's $(…) ends when the program does."""
    (tmp_path / "app.py").write_text("print('x', flush=True)\nimport os\nos.kill(os.getpid(), 9)")
    # The sealer stops where it would begin to publish, so that it is still there afterwards.
    env = {**ENVIRONMENT, "RECORDER_TEST_FAULTS": "sealer:fsync:1:STOP"}
    command = [sys.executable, "-m", "recorder", "run", "app.py"]
    started = time.monotonic()
    done = subprocess.run(
        ["sh", "-c", 'echo "$("$@")"', "sh", *command],
        cwd=tmp_path, env=env, stdout=subprocess.PIPE, timeout=30,
    )  # fmt: skip
    assert done.stdout == b"x\n"
    assert time.monotonic() - started < 8
    (staging,) = tmp_path.glob(".*.partial-*")
    page = recorder_page(staging)
    sealer = page.sealer_pid
    page.close()
    until(lambda: state_of(sealer) == "T")
    os.kill(sealer, signal.SIGCONT)
    until((tmp_path / "app.rtrace").exists)


def recorder_page(staging: Path) -> Any:
    from recorder._core.control import ControlPage

    return ControlPage(str(staging / "control"))


def test_nothing_of_the_recorder_is_left_after_the_end(run_recorded: Run, tmp_path: Path) -> None:
    """What `ps` shows: the sealer is gone when the caller has its exit status, or at once after."""
    result = run_recorded("print('x')")
    assert result.status == 0

    def left() -> list[str]:
        found = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True).stdout
        return [line for line in found.splitlines() if str(tmp_path) in line]

    until(lambda: not left())


@pytest.mark.provokes("UNSUPPORTED_PYTHON_FLAG")
def test_a_flag_with_which_nothing_can_be_loaded_is_refused(tmp_path: Path) -> None:
    """A recorder in a folder whose name the dynamic linker would take for two."""
    home = tmp_path / "a b"
    shutil.copytree(ROOT / "recorder", home / "recorder")
    (tmp_path / "app.py").write_text("print('it ran')")
    command = [sys.executable, "-m", "recorder", "run", "-I", "app.py"]
    done = subprocess.run(
        command, cwd=tmp_path, env={**ENVIRONMENT, "PYTHONPATH": str(home)}, capture_output=True
    )
    assert b"[ERR_UNSUPPORTED_PYTHON_FLAG]" in done.stderr
    assert (done.returncode, done.stdout) == (errors.UnsupportedPythonFlagError.exit_code, b"")
    assert not list(tmp_path.glob(".*.partial-*"))


LAZY = """
import sys
import colorsys
def here(): return [name for name in sorted(sys.modules) if name.partition(".")[0] != "recorder"]
print(sys.get_lazy_imports(), type(globals()["colorsys"]).__name__, sorted(sys.lazy_modules), here())
for i in range(100):
    pass
print(here())
"""


STILL_PUT_OFF = """
import sys
for name, module in sorted(sys.modules.items()):
    if name.partition(".")[0] == "recorder":
        if any(type(value).__name__ == "lazy_import" for value in list(vars(module).values())):
            print(name)
"""


@pytest.mark.skipif(sys.version_info < (3, 15), reason="there are no lazy imports")
@pytest.mark.parametrize("flags", [("-X", "lazy_imports=all"), ("-I", "-X", "lazy_imports=all")])
def test_imports_that_are_put_off_are_the_programs_alone(
    tmp_path: Path, run_recorded: Run, flags: tuple[str, ...]
) -> None:
    """Ours happen before the program, and once: nothing of ours is loaded in its midst, also when recording ends."""
    (tmp_path / "program.py").write_text(LAZY)
    plain = subprocess.run(
        [sys.executable, *flags, "program.py"], cwd=tmp_path, capture_output=True
    )
    result = run_recorded(LAZY, "--max-events=50", *flags)
    assert result.stdout == plain.stdout and b"all lazy_import" in result.stdout
    assert result.status == 0 and "[ERR_LIMIT_REACHED]" in result.stderr
    still_put_off = run_recorded(STILL_PUT_OFF, *flags).stdout.split()
    assert set(still_put_off) <= {b"recorder", b"recorder.imports"}  # which see to the others
