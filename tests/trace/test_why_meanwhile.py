"""What other code changed: a task or thread while a line waited, or whoever has a global by another name."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from recorder.trace.reader import open_trace

BEGIN = "import asyncio, functools, threading, time\n"
# Name: the program, what is asked for behind its last event, and the line of the write that has to be found; "": none.
CASES = {
    "another task, by a name of its own": (
        """
async def fill(into):
    await asyncio.sleep(0)
    into.append(7)  # write

async def main():
    done = []
    task = asyncio.create_task(fill(done))
    await asyncio.sleep(0.01)
    print(len(done))

asyncio.run(main())
""",
        "done",
        "main",
    ),
    "another task, the last of several": (
        """
async def fill(into, n):
    await asyncio.sleep(0.001 * n)
    if n == 3:
        into["n"] = n  # write
    else:
        into["n"] = 0
    await asyncio.sleep(0)

async def main():
    done = {}
    tasks = [asyncio.create_task(fill(done, n)) for n in (1, 2, 3)]
    await asyncio.sleep(0.05)
    print(len(done))

asyncio.run(main())
""",
        "done['n']",
        "main",
    ),
    "another thread": (
        """
def fill(into):
    into[1] = "x"  # write
    time.sleep(0)

def main():
    done = [0, 0]
    thread = threading.Thread(target=fill, args=(done,))
    thread.start()
    thread.join()
    print(len(done))

main()
""",
        "done",
        "main",
    ),
    "a global, by another name": (
        """
TABLE = {"a": {"b": 1}}

def change(of):
    part = of["a"]
    part["b"] = 2  # write
    return part

def use():
    return TABLE

change(TABLE)
use()
""",
        "TABLE['a']['b']",
        "use",
    ),
    "a global as a whole, by a part of it": (
        """
TABLE = {"a": [1]}

def change():
    copy = dict(TABLE)
    copy["a"].append(2)  # write
    return copy

change()
dict(TABLE)
""",
        "TABLE",
        "<module>",
    ),
    # What only sees it: the line has nothing to do with it.
    "a witness": (
        """
TABLE = {"a": 1}
later = functools.partial(TABLE.update, a=2)

def use():
    return TABLE

def look(at):
    later()
    use()

look(TABLE)
""",
        "TABLE",
        "use",
    ),
    # It changed while there was no name for it.
    "an alias that came later": (
        """
TABLE = {"a": {"b": 1}}
later = functools.partial(TABLE["a"].update, b=2)
later()
part = TABLE["a"]
part["c"] = 3
dict(TABLE)
""",
        "TABLE['a']['b']",
        "<module>",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_what_other_code_changed(
    case: str, tmp_path: Path, trace_of: Callable[[Path], Path]
) -> None:
    text, name, function = CASES[case]
    program = tmp_path / f"meanwhile_{list(CASES).index(case)}.py"
    program.write_text(BEGIN + text)
    wanted = [n for n, line in enumerate(program.read_text().splitlines(), 1) if "# write" in line]
    with open_trace(trace_of(program)) as trace:
        last = max(
            event.seq
            for event in trace.events()
            if event.kind in ("line", "return") and event.function.name == function
        )
        steps, whole = trace.why(name, last), name.partition("[")[0]
        assert steps
        if not wanted:
            assert all(step.function is None or step.how != "called" for step in steps), steps
            assert not any(trace.written_by(one) for one in trace.watch(whole))
            return
        told = [step.line for step in steps if step.function is not None]
        assert set(wanted) & set(told[:2]), steps
        assert steps[0].how == "called"
        changes = [one for one in trace.watch(whole) if one.seq == steps[0].seq]
        assert [by.change.line for one in changes if (by := trace.written_by(one))] == wanted


def test_a_line_that_speaks_of_it_did_it_itself(
    tmp_path: Path, trace_of: Callable[[Path], Path]
) -> None:
    """Whatever another task did to the same object meanwhile."""
    program = tmp_path / "meanwhile_itself.py"
    program.write_text(
        BEGIN
        + """
async def fill(into):
    into.append(1)
    return 2

async def main():
    done = []
    other = asyncio.create_task(fill(done))
    await asyncio.sleep(0)
    done.extend([await other])
    print(done)

asyncio.run(main())
"""
    )
    with open_trace(trace_of(program)) as trace:
        last = max(event.seq for event in trace.events() if event.function.name == "main")
        assert trace.why("done", last)[0].line == 11
