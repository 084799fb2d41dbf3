"""A program that is a container's first process, or has asked for the orphans below it: none of the recorder's
processes becomes its child, as far as any wait can tell, and none is left.
"""

from __future__ import annotations

import itertools
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

import recorder
from tests.conftest import ENVIRONMENT, ROOT
from tests.tools.tape_tools import leftovers, until

AS_SUBREAPER = (
    "import ctypes, os, sys; assert ctypes.CDLL(None).prctl(36, 1, 0, 0, 0) == 0; "
    "os.execvp(sys.argv[1], sys.argv[1:])"
)
PLACES = {
    "pid 1": ("unshare", "-pf", "--mount-proc", "--kill-child"),
    "subreaper": (sys.executable, "-c", AS_SUBREAPER),
}
in_each_place = pytest.mark.parametrize(
    "place",
    [pytest.param("pid 1", marks=pytest.mark.root("unshare", "setpriv")), "subreaper"],
)

# Starts processes of its own, and waits for whatever there is; Python's way, and C's.
PROGRAM = """
import ctypes, os, subprocess, sys, time

libc = ctypes.CDLL(None, use_errno=True)

def work(): return 1

def forked(end):
    pid = os.fork()
    if pid == 0:
        work()
        end()
        os._exit(0)
    return pid

def orphan():
    if os.fork() == 0: time.sleep(0.2)

def in_python():
    while True:
        try: yield os.waitpid(-1, 0)[0]
        except ChildProcessError: return

def in_c():
    while (pid := libc.waitpid(-1, None, 0)) > 0: yield pid
    assert ctypes.get_errno() == 10, ctypes.get_errno()

{start}
try: os.waitid(os.P_ALL, 0, os.WEXITED)
except ChildProcessError: print("none")
pids = []
if {children}:
    pids += [forked(lambda: None) for _ in range(2)]
    pids.append(forked(lambda: os.kill(os.getpid(), 9)))
    pids.append(forked(lambda: os.execv("/bin/true", ["true"])))
    started = subprocess.Popen([sys.executable, "-c", "def work(): pass\\nwork()"])
    prepared = subprocess.Popen(["true"], preexec_fn=lambda: None)
    pids += [started.pid, prepared.pid]
    forked(orphan)
seen = [pid for pid in {wait}()]
time.sleep(0.3)
seen += [pid for pid in {wait}()]
print(set(pids) <= set(seen), len(seen) - len(pids))
{stop}
"""
START = {
    "run": ("", ""),
    "environment": ("", ""),
    "in the program": (
        "import recorder; session = recorder.start('out.rtrace', follow_children={children})",
        "session.stop()\nprint(open(f'/proc/self/task/{os.getpid()}/children').read().split())",
    ),
}


def waits() -> Iterator[object]:
    """Who waits makes no difference to who can be waited for: by default each of the others has one of the two."""
    for number, (way, children) in enumerate(itertools.product(START, (False, True))):
        for turn, wait in enumerate(("in_python", "in_c")):
            marks = () if (number + number // 2 + turn) % 2 else pytest.mark.slow
            yield pytest.param(way, children, wait, marks=marks)


@in_each_place
@pytest.mark.parametrize(("way", "children", "wait"), [*waits()])
def test_no_wait_sees_a_process_of_ours(
    tmp_path: Path, place: str, way: str, children: bool, wait: str
) -> None:
    start, stop = START[way]
    start = start.format(children=children)
    program = PROGRAM.format(start=start, stop="{stop}", children=children, wait=wait)
    (tmp_path / "app.py").write_text(program.replace("{stop}", stop))
    command = [sys.executable, "app.py"]
    if way == "run":
        follow = ["--follow-children"] if children else []
        command = [sys.executable, "-m", "recorder", "run", "-o", "out.rtrace", *follow, "app.py"]
    elif way == "environment":
        set_there = {
            "RECORDER_AUTOSTART": "out.rtrace",
            "PYTHONPATH": ROOT / "recorder" / "_boot",
            "RECORDER_FOLLOW_CHILDREN": int(children),
        }
        command = ["env", *(f"{name}={value}" for name, value in set_there.items()), *command]
    done = subprocess.run(
        [*PLACES[place], *command], cwd=tmp_path, env=ENVIRONMENT, capture_output=True, timeout=60
    )
    # The orphan and who made it are the program's own.
    said = f"none\nTrue {2 if children else 0}\n" + ("[]\n" if way == "in the program" else "")
    assert (done.returncode, done.stdout.decode(), done.stderr) == (0, said, b"")
    until(lambda: not leftovers(tmp_path))
    with recorder.open_trace(tmp_path / "out.rtrace") as trace:
        assert trace.verdict == "complete"
    if children:
        found = [path for path in tmp_path.glob("out.*.rtrace") if has_work(path)]
        assert len(found) == 6  # not that of what is nothing but a way to /bin/true


def has_work(path: Path) -> bool:
    with recorder.open_trace(path) as trace:
        return any(event.function.name == "work" for event in trace.events())


@in_each_place
def test_a_supervisor_that_waits_for_ever_goes_on(tmp_path: Path, place: str) -> None:
    """The loop of every simple init: it ends when the last child has."""
    (tmp_path / "app.py").write_text(
        "import os\n"
        "if os.fork() == 0: os._exit(0)\n"
        "while True:\n"
        "    try: print(os.wait()[1])\n"
        "    except ChildProcessError: break\n"
    )
    command = [*PLACES[place], sys.executable, "-m", "recorder", "run", "app.py"]
    done = subprocess.run(command, cwd=tmp_path, env=ENVIRONMENT, capture_output=True, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"0\n", b"")


def test_the_program_has_no_child_and_gets_no_signal_of_ours(tmp_path: Path) -> None:
    """Also when its recording ends early, while it goes on."""
    (tmp_path / "app.py").write_text(
        "import os, signal, time\n"
        "signal.signal(signal.SIGCHLD, lambda *_: print('SIGCHLD'))\n"
        "def f(): pass\n"
        "for _ in range(200): f()\n"
        "time.sleep(0.5)\n"
        "try: os.wait()\n"
        "except ChildProcessError: print('none')\n"
    )
    command = [*PLACES["subreaper"], sys.executable, "-m", "recorder", "run", "--max-events=100"]
    done = subprocess.run(
        [*command, "app.py"], cwd=tmp_path, env=ENVIRONMENT, capture_output=True, timeout=60
    )
    assert (done.returncode, done.stdout) == (0, b"none\n")


def test_the_keeper_holds_no_memory_of_the_programs(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(
        "import os, recorder\n"
        "big = bytearray(os.urandom(50_000_000))\n"
        "session = recorder.start('out.rtrace')\n"
        "(keeper,) = open(f'/proc/self/task/{os.getpid()}/children').read().split()\n"
        "status = dict(line.split(':', 1) for line in open(f'/proc/{keeper}/status'))\n"
        "print(int(status['VmRSS'].split()[0]) < 1000, status['Name'].strip())\n"
        "print(os.listdir(f'/proc/{keeper}/fd'), open(f'/proc/{keeper}/cmdline').read().strip('\\0'))\n"
        "session.stop()\n"
    )
    command = [*PLACES["subreaper"], sys.executable, "app.py"]
    done = subprocess.run(command, cwd=tmp_path, env=ENVIRONMENT, capture_output=True, timeout=60)
    assert (done.stdout, done.stderr) == (b"True recorder\n[] \n", b"")


# A kernel, or a container, that knows no close_range: a filter answers that there is no such call.
OLD_KERNEL = """
import ctypes, os, select, struct
import recorder

NO_NEW_PRIVILEGES, SECCOMP, FILTER, CLOSE_RANGE, ALLOW, NO_SUCH_CALL = 38, 22, 2, 436, 0x7FFF0000, 0x00050026
steps = [(0x20, 0, 0, 0), (0x15, 0, 1, CLOSE_RANGE), (0x06, 0, 0, NO_SUCH_CALL), (0x06, 0, 0, ALLOW)]
code = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *step) for step in steps))
libc = ctypes.CDLL(None, use_errno=True)
assert libc.prctl(NO_NEW_PRIVILEGES, 1, 0, 0, 0) == 0
if libc.prctl(SECCOMP, FILTER, struct.pack("HxxxxxxP", len(steps), ctypes.addressof(code)), 0, 0):
    raise SystemExit(9)
assert libc.syscall(CLOSE_RANGE, 900, 901, 0) == -1 and ctypes.get_errno() == 38

ends = [os.pipe() for _ in range(3)]
high = os.dup2(ends[2][1], 900, inheritable=True)
for _, write in ends:
    os.set_inheritable(write, True)
with recorder.record("old.rtrace", min_free_space=0):
    for write in (*(write for _, write in ends), high):
        os.close(write)
    print([select.select([read], [], [], 5)[0] == [read] and os.read(read, 1) for read, _ in ends])
"""


def test_the_sealer_has_nothing_of_the_programs_open_on_an_old_kernel(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", OLD_KERNEL], cwd=tmp_path, env=ENVIRONMENT, capture_output=True, text=True, timeout=60
    )  # fmt: skip
    if done.returncode == 9:
        pytest.skip("system calls cannot be filtered")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "[b'', b'', b'']\n"
    with recorder.open_trace(tmp_path / "old.rtrace") as trace:
        assert trace.verdict == "complete"


def test_a_killed_program_is_published_all_the_same(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(
        "import os, signal\ndef work(): pass\nwork()\nos.kill(os.getpid(), 9)"
    )
    command = [*PLACES["subreaper"], sys.executable, "-m", "recorder", "run", "app.py"]
    done = subprocess.run(command, cwd=tmp_path, env=ENVIRONMENT, capture_output=True, timeout=60)
    assert done.returncode == -signal.SIGKILL
    until((tmp_path / "app.rtrace").exists)
    assert has_work(tmp_path / "app.rtrace")


def test_a_host_that_cannot_be_asked(tmp_path: Path) -> None:
    """The sealer of the first process is stopped, or killed: the child starts its own."""
    (tmp_path / "app.py").write_text(
        "import os, signal, time\n"
        "from recorder._core.control import ControlPage\n"
        "(folder,) = [n for n in os.listdir('.') if '.partial-' in n]\n"
        "page = ControlPage(folder + '/control')\n"
        "os.kill(page.sealer_pid, signal.SIGKILL)\n"
        "def work(): pass\n"
        "if os.fork() == 0:\n    work()\n    os._exit(3)\n"
        "print(os.wait()[1] >> 8)\n"
    )
    command = [sys.executable, "-m", "recorder", "run", "--follow-children", "app.py"]
    env = {**ENVIRONMENT, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, timeout=60)
    assert (done.returncode, done.stdout) == (0, b"3\n")
    until(lambda: list(tmp_path.glob("app.*.rtrace")))
    (child,) = tmp_path.glob("app.*.rtrace")
    assert has_work(child)
    until(lambda: not leftovers(tmp_path))


def test_sealers_of_children_outlive_that_of_the_first_process(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(
        "import os, time\n"
        "def work(): pass\n"
        "if os.fork() == 0:\n    time.sleep(1)\n    work()\n    os._exit(3)\n"
    )
    command = [sys.executable, "-m", "recorder", "run", "--follow-children", "app.py"]
    began = time.monotonic()
    # What the child would print goes nowhere: its stdout may stay open.
    done = subprocess.run(
        command, cwd=tmp_path, env=ENVIRONMENT, stdout=subprocess.DEVNULL, timeout=60
    )
    assert done.returncode == 0 and (tmp_path / "app.rtrace").exists()
    until(lambda: list(tmp_path.glob("app.*.rtrace")))
    assert time.monotonic() - began > 1
    (child,) = tmp_path.glob("app.*.rtrace")
    with recorder.open_trace(child) as trace:
        assert (trace.verdict, trace.exit_status) == ("complete", 3)
    assert os.listdir(tmp_path).count("app.py") == 1
