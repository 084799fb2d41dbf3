"""The files under the tape are cut, overwritten, moved or deleted while a program is recorded.

Touching a mapping whose file was cut raises SIGBUS. The program does not notice: recording ends, the trace
says so, and the program's own handlers of SIGBUS work as if ours were not there.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import recorder
from tests.conftest import ENVIRONMENT, Result, Run
from tests.tools.tape_tools import leftovers, until

# What every program here has: `harm(name, size)` cuts a file of the staging folder.
PRELUDE = """
import faulthandler, glob, mmap, os, shutil, signal, sys, time

HERE = os.path.dirname(os.path.abspath(__file__))

def staging():
    return (glob.glob(HERE + "/.*.partial-*") + [None])[0]

def harm(name, size):
    if staging():
        os.truncate(os.path.join(staging(), name), size)

def work(turns):
    total = 0
    for turn in range(turns):
        total += turn
    return total

def fill(segments):
    texts = [f"{n} " * 250 for n in range(1000)]
    for turn in range(segments * 85):
        some = texts[turn % 900 : turn % 900 + 60]

def calls(turns):
    return sum(work(3) for _ in range(turns))
"""
ENDING = """
print(work(50000), calls(2000), flush=True)
sys.exit(7)
"""


def check(result: Result, plain: Result, code: str = "MAPPING_LOST") -> None:
    """The program did as it does; the trace holds what was recorded before, and says what happened."""
    assert (result.status, result.stdout) == (plain.status, plain.stdout)
    assert result.codes == [f"ERR_{code}"]
    assert len(result.stderr.splitlines()) == 1
    assert leftovers(result.trace.parent) == []
    with recorder.open_trace(result.trace) as trace:
        assert trace.verdict == f"partial({code})"
        for _ in trace.events():
            pass
        assert trace.damage == []


@pytest.mark.provokes("MAPPING_LOST")
@pytest.mark.parametrize(
    ("name", "size"),
    [("segment-0", 0), ("segment-0", 10), ("segment-0", 100_000), ("control", 0), ("control", 10)],
)
def test_a_file_that_is_cut(run_recorded: Run, run_plain: Run, name: str, size: int) -> None:
    program = PRELUDE + f"work(1000)\nharm({name!r}, {size})\n" + ENDING
    check(run_recorded(program), run_plain(program))


@pytest.mark.provokes("MAPPING_LOST")
@pytest.mark.parametrize("name", ["segment-0", pytest.param("segment-1", marks=pytest.mark.slow)])
def test_a_segment_that_is_cut_in_the_midst(run_recorded: Run, run_plain: Run, name: str) -> None:
    """The ring has gone round; whatever the segment was, free, full or live, nobody is harmed."""
    program = PRELUDE + f"fill(5)\nharm({name!r}, 8192)\nfill(12)" + ENDING
    check(run_recorded(program), run_plain(program))


@pytest.mark.provokes("MAPPING_LOST")
def test_what_was_recorded_before_is_there(run_recorded: Run) -> None:
    program = PRELUDE + "work(1000)\nharm('segment-0', 65536)\n" + ENDING
    result = run_recorded(program)
    with recorder.open_trace(result.trace) as trace:
        turns = [e.locals["turn"].to_python() for e in trace.steps() if "turn" in e.locals]
    assert turns[0:2000:2] == list(range(1000))


@pytest.mark.provokes("MAPPING_LOST")
def test_a_control_page_that_is_overwritten(run_recorded: Run, run_plain: Run) -> None:
    harm = """
if staging():
    with open(os.path.join(staging(), "control"), "r+b") as file:
        file.write(b"\\xa5" * 4096)
"""
    program = PRELUDE + "work(1000)\n" + harm + "time.sleep(0.2)\n" + ENDING
    check(run_recorded(program), run_plain(program))


@pytest.mark.provokes("MAPPING_LOST")
@pytest.mark.parametrize("kept", [8, 10, 24, 64, 196])
def test_a_control_page_whose_end_became_zeros(
    run_recorded: Run, run_plain: Run, kept: int
) -> None:
    """It was cut and grew again between two looks at it: no signal tells of that."""
    harm = f"harm('control', {kept})\nharm('control', 4096)\n"
    check(run_recorded(PRELUDE + "work(1000)\n" + harm + ENDING), run_plain(PRELUDE + ENDING))


@pytest.mark.provokes("MAPPING_LOST")
def test_a_control_page_that_is_cut_for_a_sleeper(run_recorded: Run, run_plain: Run) -> None:
    """The sealer touches it first; the program hears of it at its next call."""
    program = PRELUDE + "work(10)\nharm('control', 0)\ntime.sleep(0.3)\n" + ENDING
    check(run_recorded(program), run_plain(program))


@pytest.mark.provokes("MAPPING_LOST")
def test_a_control_page_is_cut_and_the_program_killed(
    run_recorded: Run, run_plain: Run, tmp_path: Path
) -> None:
    program = PRELUDE + "work(1000)\nharm('control', 0)\ntime.sleep(0.2)\nos.kill(os.getpid(), 9)\n"
    result = run_recorded(program)
    assert result.status == -signal.SIGKILL
    until(lambda: leftovers(tmp_path) == [])
    with recorder.open_trace(result.trace) as trace:
        assert trace.verdict == "partial(MAPPING_LOST)"
        assert len(trace) > 2000


# -------------------------------------------------------------------------- the program's own handlers

FOREIGN = """
with open(HERE + "/own", "wb") as file:
    file.write(bytes(8192))
with open(HERE + "/own", "r+b") as file:
    mine = mmap.mmap(file.fileno(), 8192)
os.truncate(HERE + "/own", 0)
def own_fault():
    mine[5000] = 1
"""
HANDLERS = {
    "none": "",
    "faulthandler": "faulthandler.enable()\n",
    "ignored": "signal.signal(signal.SIGBUS, signal.SIG_IGN)\n",
    "default": "signal.signal(signal.SIGBUS, signal.SIG_DFL)\n",
    "both": "faulthandler.enable()\nsignal.signal(signal.SIGBUS, signal.SIG_DFL)\nfaulthandler.enable()\n",
    "gone": "faulthandler.enable()\nfaulthandler.disable()\n",
}


def spoken(result: Result) -> str:
    """Standard error without what differs from run to run, and our modules. From 3.14 on faulthandler shows the stack
    of C, too: there is the address of every function, and our handler, which calls the program's."""
    differing = ("Current thread", "Extension modules: recorder.", "recorder:", "  Binary file ")
    lines = [line for line in result.stderr.splitlines() if line]
    return "\n".join(line for line in lines if not line.startswith(differing))


@pytest.mark.parametrize("handler", HANDLERS)
def test_a_fault_of_the_programs_own(run_recorded: Run, run_plain: Run, handler: str) -> None:
    """It ends as it does without the recorder, whoever handles it, and the trace is truncated."""
    program = (
        PRELUDE
        + FOREIGN
        + HANDLERS[handler]
        + "work(1000)\ntime.sleep(0.02)\ncalls(9)\nown_fault()\n"
    )
    plain = run_plain(program)
    assert plain.status == -signal.SIGBUS
    result = run_recorded(program)
    assert (result.status, spoken(result)) == (plain.status, spoken(plain))
    until(result.trace.exists)
    with recorder.open_trace(result.trace) as trace:
        assert trace.verdict == "truncated"


@pytest.mark.parametrize("handler", [*HANDLERS, "python"])
def test_a_signal_that_is_sent(run_recorded: Run, run_plain: Run, handler: str) -> None:
    own = {
        **HANDLERS,
        "python": "signal.signal(signal.SIGBUS, lambda *_: print('mine', flush=True))\n",
    }
    program = (
        PRELUDE + own[handler] + "work(1000)\ntime.sleep(0.02)\ncalls(9)\n"
        "for _ in range(2):\n    os.kill(os.getpid(), signal.SIGBUS)\n    calls(5)\n" + ENDING
    )
    plain, result = run_plain(program), run_recorded(program)
    assert (result.status, result.stdout) == (plain.status, plain.stdout)
    assert spoken(result) == spoken(plain)


@pytest.mark.provokes("MAPPING_LOST")
@pytest.mark.parametrize("handler", [*HANDLERS, "python"])
def test_a_lost_mapping_under_a_handler_of_the_programs(
    run_recorded: Run, run_plain: Run, handler: str
) -> None:
    """It was installed after ours, and is never called for a mapping of ours."""
    own = {
        **HANDLERS,
        "python": "signal.signal(signal.SIGBUS, lambda *_: print('mine', flush=True))\n",
    }
    program = (
        PRELUDE
        + own[handler]
        + "work(1000)\ntime.sleep(0.02)\ncalls(9)\nharm('segment-0', 0)\n"
        + ENDING
    )
    check(run_recorded(program), run_plain(program))


@pytest.mark.provokes("MAPPING_LOST")
def test_a_handler_that_was_there_before(run_recorded: Run, run_plain: Run) -> None:
    program = PRELUDE + "work(1000)\nharm('segment-0', 0)\n" + ENDING
    env = {"PYTHONFAULTHANDLER": "1"}
    check(run_recorded(program, env=env), run_plain(program, env=env))


def test_the_handler_goes_with_the_recording(tmp_path: Path) -> None:
    """What a process had before, it has again."""
    code = f"""
import recorder
def caught():
    line = [l for l in open("/proc/self/status") if l.startswith("SigCgt")][0]
    return int(line.split()[1], 16) >> 6 & 1
seen = [caught()]
for turn in range(2):
    session = recorder.start({str(tmp_path / "t.rtrace")!r})
    seen.append(caught())
    session.stop()
    seen.append(caught())
print(*seen)
"""
    done = subprocess.run([sys.executable, "-c", code], env=ENVIRONMENT, capture_output=True)
    assert done.stdout.split() == [b"0", b"1", b"0", b"1", b"0"], done.stderr


# ------------------------------------------------------------------------------ the folder goes away


def test_a_staging_folder_that_is_renamed(run_recorded: Run, run_plain: Run) -> None:
    """The trace gets its name all the same."""
    move = "if staging(): os.rename(staging(), HERE + '/elsewhere')\n"
    program = PRELUDE + "work(1000)\n" + move + "fill(9)\n" + ENDING
    plain, result = run_plain(program), run_recorded(program)
    assert (result.status, result.stdout, result.stderr) == (7, plain.stdout, "")
    assert not os.path.exists(result.trace.parent / "elsewhere")
    with recorder.open_trace(result.trace) as trace:
        assert trace.verdict == "complete"


def test_a_project_that_is_moved_while_it_runs(tmp_path: Path, run_plain: Run) -> None:
    (tmp_path / "before").mkdir()
    script = tmp_path / "before" / "program.py"
    script.write_text(
        PRELUDE + "work(1000)\nos.rename(HERE, HERE + '/../after')\nfill(3)\n" + ENDING
    )
    command = [sys.executable, "-m", "recorder", "run", str(script)]
    done = subprocess.run(command, cwd=tmp_path / "before", env=ENVIRONMENT, capture_output=True)
    assert (done.returncode, done.stderr) == (7, b"")
    assert sorted(os.listdir(tmp_path / "after")) == ["program.py", "program.rtrace"]
    with recorder.open_trace(tmp_path / "after" / "program.rtrace") as trace:
        assert trace.verdict == "complete"


@pytest.mark.provokes("STAGING_LOST")
@pytest.mark.parametrize("rest", ["work(100)", "fill(12)"], ids=["short", "long"])
def test_a_staging_folder_that_is_deleted(
    run_recorded: Run, run_plain: Run, tmp_path: Path, rest: str
) -> None:
    gone = "if staging(): shutil.rmtree(staging())\n"
    program = PRELUDE + "work(1000)\n" + gone + f"{rest}\n" + ENDING
    (tmp_path / "program.rtrace").write_bytes(b"an older trace")
    plain, result = run_plain(program), run_recorded(program)
    assert (result.status, result.stdout) == (plain.status, plain.stdout)
    assert result.codes == ["ERR_STAGING_LOST"]
    assert result.trace.read_bytes() == b"an older trace"
    assert leftovers(tmp_path) == []


@pytest.mark.provokes("STAGING_LOST")
@pytest.mark.leaves_staging
@pytest.mark.parametrize("name", ["segment-0", "trace", "session.json"])
def test_a_file_that_is_deleted(
    run_recorded: Run, run_plain: Run, tmp_path: Path, name: str
) -> None:
    gone = f"if staging(): os.unlink(staging() + '/{name}')\n"
    program = PRELUDE + "fill(5)\n" + gone + "fill(12)\n" + ENDING
    plain, result = run_plain(program), run_recorded(program)
    assert (result.status, result.stdout) == (plain.status, plain.stdout)
    if name == "session.json":  # nobody needs it but recovery
        assert result.stderr == "" and leftovers(tmp_path) == []
        return
    assert result.codes == ["ERR_STAGING_LOST"]
    if name == "trace":
        assert not result.trace.exists()
    else:
        with recorder.open_trace(result.trace) as trace:
            assert trace.verdict == "partial(STAGING_LOST)"
            assert trace.damage == []


@pytest.mark.provokes("MAPPING_LOST")
def test_a_fault_that_another_wipes_from_the_control_page(run_recorded: Run) -> None:
    """As the sealer does, where it makes the page anew at the same moment: the target knows its fault by itself."""
    wipe = """
import subprocess
WIPE = '''
import mmap, sys
with open(sys.argv[1], "r+b") as file:
    page = mmap.mmap(file.fileno(), 4096)
nothing = bytes(48)
print("ready", flush=True)
while True:
    page[120:168] = nothing
'''
path = os.path.join(staging(), "control")
wiper = subprocess.Popen([sys.executable, "-S", "-c", WIPE, path], stdout=subprocess.PIPE)
wiper.stdout.readline()
harm('segment-0', 0)
work(10)
wiper.kill()
wiper.wait()
"""
    result = run_recorded(PRELUDE + "work(1000)\n" + wipe)
    assert (result.status, result.codes) == (0, ["ERR_MAPPING_LOST"])
    assert "the memory behind " in result.stderr and "segment-0 is no longer" in result.stderr
