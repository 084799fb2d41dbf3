"""`trace.same` says of any two names what `is` says in the program itself."""

from __future__ import annotations

import json
from pathlib import Path

from recorder.trace.reader import open_trace
from tests.conftest import Run

PROGRAM = """\
import asyncio, collections, dataclasses, functools, itertools, json, sys, types, weakref

def probe(*names):
    frame = sys._getframe(1)
    print(json.dumps({one: id(eval(one, frame.f_globals, frame.f_locals)) for one in names}))

class Box:
    def __init__(self, held=None):
        self.held = held
    def go(self):
        return self
@dataclasses.dataclass
class Pair:
    a: object
    b: object
Named = collections.namedtuple("Named", "a b")
class Key:
    pass

def containers():
    box, other, rows = Box(), Box(), []
    held = [box, other]
    by = {"box": box, "rows": rows}
    pair, named = Pair(box, rows), Named(box, rows)
    deque, ordered = collections.deque([box]), collections.OrderedDict(box=box)
    nested = [[rows], {"in": [box]}]
    probe("box", "other", "rows", "held", "held[0]", "held[1]", "by", "by['box']", "by['rows']", "pair", "pair.a",
          "pair.b", "named.a", "named.b", "deque", "deque[0]", "ordered", "ordered['box']", "nested",
          "nested[0]", "nested[0][0]", "nested[1]['in']", "nested[1]['in'][0]")

def wrapped():
    box, key, rows = Box(), Key(), [Box()]
    kept, frozen = {key}, frozenset([key])
    called, method, weak = functools.partial(print, box), box.go, weakref.ref(box)
    view, items, over = types.MappingProxyType({"box": box}), {"box": box}.values(), iter(rows)
    chained, first, got = itertools.chain(rows, rows), rows[0], box.go()
    probe("box", "key", "rows", "kept", "frozen", "called", "method", "weak", "view", "items", "over", "chained",
          "first", "rows[0]", "got")

async def job(box):
    await asyncio.sleep(0)
    return box

async def main():
    box, other = Box(), Box()
    task, queue, future = asyncio.create_task(job(box)), asyncio.Queue(), asyncio.get_running_loop().create_future()
    await queue.put(other)
    future.set_result(other)
    given = await task
    done, tasks = task.result(), [task]
    probe("box", "other", "task", "queue", "future", "given", "done", "tasks", "tasks[0]")

def copies():
    import copy
    box = Box([1])
    shallow, deep, same = copy.copy(box), copy.deepcopy(box), box
    sliced, rows = box.held[:], box.held
    probe("box", "shallow", "deep", "same", "box.held", "shallow.held", "deep.held", "sliced", "rows")

containers()
wrapped()
asyncio.run(main())
copies()
"""


def test_what_same_names_is_what_the_program_has(tmp_path: Path, recorder_says: Run) -> None:
    program, path = tmp_path / "same_and_is.py", tmp_path / "same_and_is.rtrace"
    program.write_text(PROGRAM)
    done = recorder_says("run", "-o", path, program)
    truths = [json.loads(line) for line in done.stdout.splitlines()]
    compared = 0
    with open_trace(path) as trace:
        for truth, call in zip(truths, trace.find("call", function="probe"), strict=True):
            here = next(trace.find("line", frame=call.caller, stop=call.seq, backwards=True))
            for name, number in truth.items():
                told = {
                    one.path
                    for one in trace.same(name, here.seq)
                    if one.frame is not None and one.frame.frame == call.caller
                }
                alike = {other for other, its in truth.items() if its == number}
                assert told & truth.keys() <= alike, name
                compared += len(told & truth.keys())
                if told:
                    assert told >= alike, name
    assert compared > 60
