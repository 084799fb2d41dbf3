"""Greenlets: what is recorded of each is what sys.settrace sees in it, with the right caller and under its own name, in
every way in which greenlets begin, switch and end. The call tree, SQL and Perfetto then have as many calls as ran."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

import recorder
from recorder import export
from tests.capture.test_fidelity import KINDS

pytest.importorskip("greenlet")

BEGIN = "from greenlet import GreenletExit, getcurrent, greenlet\nmain = getcurrent()\n"
PROGRAMS = {
    "take turns": """
def double(n):
    return n * 2
def work(n):
    total = 0
    for i in range(n):
        total += double(i)
        main.switch()
    return total
workers = [greenlet(work) for _ in range(3)]
for n, worker in enumerate(workers):
    worker.switch(n + 1)
while workers:
    for worker in list(workers):
        worker.switch()
        if worker.dead:
            workers.remove(worker)
""",
    "one after the other": """
def inner(n):
    main.switch(n)
    return n
def work(n):
    return inner(n) + 1
for n in range(30):
    worker = greenlet(work)
    worker.switch(n)
    worker.switch()
""",
    "within one another": """
def innermost(n):
    main.switch(n)
    return n
def inner(n):
    return greenlet(innermost).switch(n)
def outer(n):
    child = greenlet(inner)
    return [child.switch(n), n]
top = greenlet(outer)
top.switch(1)
def raises(n):
    raise ValueError(n)
def catches(n):
    try:
        greenlet(raises, getcurrent()).switch(n)
    except ValueError as error:
        return str(error)
greenlet(catches).switch(2)
""",
    "killed": """
def leaf():
    main.switch()
def work(clean):
    try:
        leaf()
    except GreenletExit:
        clean.append(1)
        raise
    finally:
        clean.append(2)
def stubborn():
    while True:
        try:
            main.switch()
        except GreenletExit:
            main.switch("not yet")
            return
for _ in range(3):
    worker = greenlet(work)
    worker.switch([])
    worker.throw()
worker = greenlet(work)
worker.switch([])
try:
    worker.throw(KeyError("out"))
except KeyError:
    pass
worker = greenlet(stubborn)
worker.switch()
worker.throw()
worker.switch()
never = greenlet(work)
never.throw()
del never
""",
    "let go of": """
def leaf(out):
    try:
        main.switch()
    finally:
        out.append("gone")
def work(out):
    leaf(out)
out = []
for _ in range(3):
    worker = greenlet(work)
    worker.switch(out)
    del worker
def after(n):
    return n
greenlet(after).switch(len(out))
""",
    "inside generators": """
def inner(n):
    main.switch(n)
    return n
def numbers(n):
    for i in range(n):
        yield inner(i)
def work(n):
    return [i for i in numbers(n)]
one, two = greenlet(work), greenlet(work)
one.switch(2)
two.switch(3)
while not one.dead or not two.dead:
    one.dead or one.switch()
    two.dead or two.switch()
shared = numbers(3)
def take():
    return next(shared)
for _ in range(3):
    worker = greenlet(take)
    worker.switch()
    worker.switch()
""",
    "a generator as a greenlet": """
def inner(n):
    return n
def numbers(n):
    for i in range(n):
        main.switch(inner(i))
        yield i
worker = greenlet(numbers(2).__next__)
other = greenlet(numbers(3).__next__)
worker.switch()
other.switch()
worker.switch()
other.switch()
""",
    "inside __del__": """
def leaf(n):
    return n
class Switches:
    def __del__(self):
        leaf(1)
        main.switch()
        leaf(2)
def work():
    it = Switches()
    del it
    return leaf(3)
one, two = greenlet(work), greenlet(work)
one.switch()
two.switch()
two.switch()
one.switch()
""",
    "deep": """
def down(n):
    if n == 0:
        main.switch()
        return 0
    return down(n - 1) + 1
one, two = greenlet(down), greenlet(down)
one.switch(400)
two.switch(250)
down_here = down
one.switch()
two.switch()
""",
    "called by others": """
import functools
def leaf(n):
    main.switch(n)
    return n
one = greenlet(functools.partial(map, leaf))
workers = [greenlet(sorted) for _ in range(3)]
for worker in workers:
    worker.switch([3, 1], key=leaf)
for _ in range(2):
    for worker in workers:
        worker.switch()
""",
    "thousands, and one that comes back without a frame": """
from operator import call
def step():
    return 1
def work(n):
    return n
comes_back = greenlet(list)
comes_back.switch(map(call, [step, main.switch, step] * 3))
for _ in range(2):
    for n in range(1100):
        greenlet(work).switch(n)
    comes_back.switch()
comes_back.switch()
""",
    "in threads": """
import threading
def leaf(n):
    here.switch(n)
    return n
def work(n):
    return leaf(n) + 1
def run(n):
    global here
    here = getcurrent()
    workers = [greenlet(work) for _ in range(n)]
    for worker in workers:
        worker.switch(n)
    for worker in workers:
        worker.switch()
for n in (2, 3):
    thread = threading.Thread(target=run, args=(n,))
    thread.start()
    thread.join()
def leave(n):
    global here
    here = getcurrent()
    lost.append(greenlet(work))
    lost[-1].switch(n)
lost = []
for n in (1, 2):
    thread = threading.Thread(target=leave, args=(n,))
    thread.start()
    thread.join()
run(2)
""",
    "in a task": """
import asyncio
async def spawn(function, *args):
    worker = greenlet(function)
    worker.caller = getcurrent()
    result = worker.switch(*args)
    while not worker.dead:
        result = worker.switch(await result)
    return result
def wait(awaitable):
    return getcurrent().caller.switch(awaitable)
def query(n):
    wait(asyncio.sleep(0))
    return n
async def ask(n):
    return await spawn(query, n)
async def all_of_them():
    return await asyncio.gather(ask(1), ask(2), ask(3))
asyncio.run(all_of_them())
""",
}

# What sys.settrace sees: kind, function, line, the function that called it, thread, task or greenlet.
ORACLE = """
import json, sys, threading, weakref
from greenlet import getcurrent
program, out = sys.argv[1:]
events, names = [], weakref.WeakKeyDictionary()
count = 0
def name():
    global count
    if "asyncio" in sys.modules:
        try:
            task = sys.modules["asyncio"].current_task()
        except RuntimeError:
            task = None
        if task is not None:
            return task.get_name()
    current = getcurrent()
    if current.parent is None:
        return None
    if current not in names:
        count += 1
        names[current] = f"Greenlet-{count}"
    return names[current]
def note(frame, event, arg):
    if frame.f_code.co_filename != program:
        return None
    caller = frame.f_back
    while caller is not None and caller.f_code.co_filename != program:
        caller = caller.f_back
    called_by = caller and caller.f_code.co_qualname
    where = threading.current_thread().name, name()
    events.append((event, frame.f_code.co_qualname, frame.f_lineno, called_by, *where))
    return note
code = compile(open(program).read(), program, "exec")
scope = {"__name__": "__main__"}
threading.settrace(note)
sys.settrace(note)
exec(code, scope)
sys.settrace(None)
threading.settrace(None)
json.dump(events, open(out, "w"))
"""


@pytest.fixture(params=PROGRAMS)
def program(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    path = tmp_path / "program.py"
    path.write_text(BEGIN + PROGRAMS[request.param])
    return path


def record(program: Path, *options: str) -> Path:
    path = program.with_suffix(".rtrace")
    command = [sys.executable, "-m", "recorder", "run", "-o", path, *options, program]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, cwd=program.parent)
    assert (done.returncode, done.stderr) == (0, "")
    return path


def recorded(program: Path, trace: recorder.Trace) -> list[Any]:
    assert str(trace.verdict) == "complete"
    functions: dict[int | None, Any] = {None: None}
    events = []
    for event in trace.events():
        functions[event.frame] = event.function.qualified_name
        if event.kind not in KINDS or event.file != str(program):
            continue
        caller = functions.get(event.caller)
        line = event.line if event.kind != "unwind" else None
        whose = event.thread.name, event.task and event.task.name
        name = event.function.qualified_name
        events.append([KINDS[event.kind], name, line, caller, *whose])
    return events


def test_equals_settrace(program: Path, tmp_path: Path) -> None:
    out = tmp_path / "oracle.json"
    subprocess.run([sys.executable, "-c", ORACLE, program, out], check=True, timeout=120)
    expected = json.loads(out.read_text())
    with recorder.open_trace(record(program)) as trace:
        found = recorded(program, trace)
    for events in (
        found,
        expected,
    ):  # each thread by itself: which of two goes on first is the system's affair
        events.sort(key=lambda event: str(event[4]))
    for number, (ours, theirs) in enumerate(zip(found, expected, strict=False)):
        if ours[1] == "<module>":
            theirs[2] = ours[2] = theirs[2] or ours[2]
        assert ours[:2] == theirs[:2] and ours[3:] == theirs[3:], number
        assert ours[2] in (theirs[2], None) or ours[:2] == ["call", "<module>"], number
    assert len(found) == len(expected)
    assert len(found) > 20


def test_three_calls_are_three_calls(tmp_path: Path) -> None:
    """In the call tree, in SQL and in Perfetto; each with its arguments, its result and its caller."""
    program = tmp_path / "program.py"
    program.write_text(BEGIN + PROGRAMS["take turns"])
    path = record(program)
    with recorder.open_trace(path) as trace:
        calls = list(trace.calls())
        work = [call for call in calls if call.function.name == "work"]
        assert [call.arguments["n"].to_python() for call in work] == [1, 2, 3]
        assert [None if call.returned is None else call.returned.to_python() for call in work] == [
            0,
            2,
            6,
        ]
        assert [len(list(call.children())) for call in work] == [1, 2, 3]
        assert Counter(call.function.name for call in calls if call.function.name in ("work", "double")) == {
            "work": 3, "double": 6,
        }  # fmt: skip
        assert all(call.end is not None for call in calls)
        assert len(trace.threads) == 4
        assert trace.closing["threads"] == 1
        assert [bool(thread.native_id) for thread in trace.threads] == [True, False, False, False]
    export.export(path, "perfetto", tmp_path / "perfetto.json")
    begun = [
        (event["tid"], event["args"]["task"], event["args"]["arguments"])
        for event in json.loads((tmp_path / "perfetto.json").read_text())["traceEvents"]
        if event["ph"] == "B" and event["name"] == "work"
    ]
    assert [task for _, task, _ in begun] == ["Greenlet-1", "Greenlet-2", "Greenlet-3"]
    assert len({track for track, _, _ in begun}) == 3
    pytest.importorskip("duckdb")
    query = "SELECT task, depth, value FROM calls WHERE function = 'work' ORDER BY call"
    command = [sys.executable, "-m", "recorder", "sql", path, query, "--csv"]
    asked = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    assert asked.stdout.split()[1:] == ["Greenlet-1,0,0", "Greenlet-2,0,2", "Greenlet-3,0,6"]


def test_greenlets_without_number_need_no_more_stacks_than_run_at_once(tmp_path: Path) -> None:
    """One that died leaves its stack to the next, whatever it was doing; each has a name of its own."""
    program = tmp_path / "program.py"
    program.write_text(BEGIN + """
def leaf():
    main.switch()
def work(ends):
    leaf()
    return ends
for n in range(2000):
    worker = greenlet(work)
    worker.switch(n)
    if n % 3:
        worker.switch()
""")  # fmt: skip
    with recorder.open_trace(record(program)) as trace:
        names = {event.task.name for event in trace.events() if event.task}
        assert names == {f"Greenlet-{n}" for n in range(1, 2001)}
        assert len(trace.threads) <= 4


def test_one_that_comes_back_has_its_name(tmp_path: Path) -> None:
    """What calls code in scope may be out of scope: between two calls nothing tells whether the greenlet lives."""
    (tmp_path / "outside.py").write_text("def twice(f, switch):\n    f(1); switch(); f(2)\n")
    program = tmp_path / "program.py"
    program.write_text(BEGIN + """
from outside import twice
def leaf(n):
    return n
workers = [greenlet(twice) for _ in range(3)]
for worker in workers:
    worker.switch(leaf, main.switch)
for worker in reversed(workers):
    worker.switch()
""")  # fmt: skip
    with recorder.open_trace(record(program, "--exclude", "outside")) as trace:
        names = [event.task.name for event in trace.events() if event.task and event.kind == "call"]
    assert names == [f"Greenlet-{n}" for n in (1, 2, 3, 3, 2, 1)]


def test_recording_that_begins_within_one(tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(f"""
import recorder
from greenlet import getcurrent, greenlet
main = getcurrent()
def leaf(n):
    main.switch(n)
    return n
def work(n):
    return leaf(n) + 1
one, two = greenlet(work), greenlet(work)
one.switch(1)
def begin():
    with recorder.record({str(tmp_path / "trace.rtrace")!r}):
        two.switch(2)
        one.switch()
        two.switch()
begin()
for _ in range(2):
    with recorder.record({str(tmp_path / "trace.rtrace")!r}):
        three = greenlet(work)
        three.switch(3)
        three.switch()
""")
    subprocess.run([sys.executable, program], check=True, timeout=60)
    with recorder.open_trace(tmp_path / "trace.rtrace") as trace:
        assert str(trace.verdict) == "complete"
        assert {event.task.name for event in trace.events() if event.task} == {"Greenlet-1"}


SERVER = """
from gevent import monkey
monkey.patch_all()
import threading, time
from urllib.request import urlopen
import gevent
from gevent.pywsgi import WSGIServer
def compute(n):
    time.sleep(0.01)
    return n * 2
def app(environ, start_response):
    value = compute(int(environ["PATH_INFO"][1:]))
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [str(value).encode()]
def fetch(n):
    return int(urlopen(f"http://127.0.0.1:{server.server_port}/{n}").read())
server = WSGIServer(("127.0.0.1", 0), app, log=None)
server.start()
jobs = [gevent.spawn(fetch, n) for n in range(5)]
gevent.joinall(jobs)
thread = threading.Thread(target=compute, args=(7,))
thread.start()
thread.join()
victim = gevent.spawn(compute, 99)
gevent.sleep(0)
victim.kill()
server.stop()
assert [job.value for job in jobs] == [0, 2, 4, 6, 8]
"""


def test_a_server_of_gevent(tmp_path: Path) -> None:
    """Monkey-patched: requests that wait in turns, a thread that is a greenlet, and one that is killed."""
    pytest.importorskip("gevent")
    program = tmp_path / "program.py"
    program.write_text(SERVER)
    with recorder.open_trace(record(program)) as trace:
        calls = [call for call in trace.calls() if call.file == str(program)]
    found = {(call.function.name, *map(str, call.arguments.values())): call for call in calls}
    assert all(call.end is not None for call in calls)
    results = {n: found["compute", str(n)].returned for n in (*range(5), 7)}
    assert {n: None if value is None else value.to_python() for n, value in results.items()} == {
        n: 2 * n for n in results
    }
    assert found["compute", "99"].raised is not None
    ran = Counter(call.function.name for call in calls)
    assert (ran["compute"], ran["app"], ran["fetch"], ran["<module>"]) == (7, 5, 5, 1)
    by_frame: dict[int | None, str] = {call.frame: call.function.name for call in calls}
    callers = [by_frame.get(call.caller) for call in calls if call.function.name == "compute"]
    assert Counter(callers) == {"app": 5, None: 2}
