"""An abort is one line on stderr, wherever it strikes: also where CPython has nobody to pass an exception on to."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conftest import Run
from tests.tools.tape_tools import some_or_every

PROGRAMS = {
    # importlib keeps its locks by weak references with a callback.
    "imports": """
import sys
def forget():
    for name in [n for n in sys.modules if n.partition(".")[0] in ("email", "html", "json", "xml", "logging")]:
        del sys.modules[name]
for turn in range(30):
    forget()
    import email.message, html, json, logging, xml.dom.minidom
""",
    "__del__": """
class Thing:
    def __del__(self): work(100)
def work(n):
    x = [n]
    for i in range(n): x = [x, i] if i % 3 else [i]
def body():
    for i in range(100): Thing()
body()
""",
    "a weak reference's callback": """
import weakref
class Thing: pass
def work(n, *rest):
    x = [n]
    for i in range(100): x = [x, i] if i % 3 else [i]
kept = []
def body():
    for i in range(100):
        thing = Thing()
        kept.append(weakref.ref(thing, work))
        del thing
body()
""",
}


@pytest.mark.provokes("OUT_OF_MEMORY")
@some_or_every
@pytest.mark.parametrize("program", PROGRAMS)
def test_an_abort_says_one_line(run_recorded: Run, program: str, step: int) -> None:
    aborted = 0
    for nth in range(3, 45, 3 * step):
        result = run_recorded(
            PROGRAMS[program],
            "--on-recorder-error=abort",
            env={"RECORDER_TEST_FAULTS": f"target:malloc:{nth}:ENOMEM"},
        )
        lines = result.stderr.splitlines()
        if result.status == 10 and "in capture" in result.stderr:
            assert len(lines) == 1, result.stderr
            aborted += 1
    assert aborted


def test_what_else_cannot_be_raised_is_still_told(run_recorded: Run, tmp_path: Path) -> None:
    """Also by the hook that the program has put there; and afterwards it is what it was."""
    result = run_recorded(
        """
import sys
sys.unraisablehook = lambda it: print("theirs:", it.exc_value, flush=True)
hook = sys.unraisablehook
class Fails:
    def __del__(self): raise ValueError("of the program's")
def fill(n): return [str(i) * 50 for i in range(n)]
try:
    for i in range(10_000):
        x = fill(i % 50)
finally:
    Fails()
    import atexit
    atexit.register(lambda: print(sys.unraisablehook is hook))
""",
        "--on-recorder-error=abort",
        env={"RECORDER_TEST_FAULTS": "sealer:pwrite:2:EIO"},
    )
    assert result.stdout.startswith(b"theirs: of the program's\n")
    assert len(result.stderr.splitlines()) == 1
