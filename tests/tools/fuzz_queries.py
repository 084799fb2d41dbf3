"""Every query of damaged and of random traces: no crash, no hang, no error but a mapped one.

python -m tests.tools.fuzz_queries --minutes 10 [--seed N]
"""

from __future__ import annotations

import random
import sys
import tempfile
from collections.abc import Callable, Iterable
from itertools import islice
from pathlib import Path
from typing import Any

import recorder
from recorder import errors
from recorder.trace.compare import Comparison
from recorder.trace.folding import fold
from recorder.trace.listing import listings
from recorder.trace.navigate import Navigator
from recorder.trace.reader import Trace
from tests.tools import reference_writer as w
from tests.tools.fuzz_file import damage, make_trace, stored
from tests.tools.fuzzing import go_on
from tests.tools.random_recording import Recording, cut
from tests.tools.rechunk import rechunked
from tests.tools.tape_tools import write_anew

MOST = 400  # answers that are looked at
MOVES = ("step", "next", "out", "run", "to_exception", "to_end", "last_change")


def ask_everything(path: Path, chance: random.Random) -> str:
    """Asks all there is to ask, in any order; the verdict, or the name of the failure to open it."""
    try:
        trace = recorder.open_trace(path)
    except errors.RecorderError as error:
        return calm(error)
    with trace:
        questions = [*about_all(trace, chance), *about_some(trace, chance)]
        chance.shuffle(questions)
        for question in questions:
            try:
                question()
            except errors.RecorderError as error:
                calm(error)
        return str(trace.verdict)


def calm(error: errors.RecorderError) -> str:
    """The name of an error that says what is wrong with the trace. A record that nobody knows, under a checksum
    that fits, is a recorder's fault, and told as one."""
    if isinstance(error, errors.UnknownRecordError):
        return error.error_name
    if errors.ErrorCode[error.error_name[4:]] // 1000 == errors.ErrorKind.INTERNAL:
        raise error
    return error.error_name


def look(found: Iterable[Any]) -> None:
    for one in islice(found, MOST):
        repr(one)
        for name in (
            "locals",
            "globals",
            "value",
            "changed",
            "arguments",
            "returned",
            "raised",
            "duration",
        ):
            repr(getattr(one, name, None))


def about_all(trace: Trace, chance: random.Random) -> list[Callable[[], object]]:
    back = chance.random() < 0.5
    return [
        lambda: look(trace), lambda: look(trace.steps()), lambda: look(trace.find(backwards=True)),
        lambda: look(trace.calls()), lambda: walk_tree(trace), lambda: look(trace.threads),
        lambda: look(trace.functions), lambda: look(trace.sources.values()),
        lambda: look(frame for raised in islice(trace.exceptions(), 20) for frame in raised.stack),
        lambda: look(trace[:: chance.choice((1, -1, 3, -7))]), lambda: trace.verify(), lambda: wander(trace, chance),
        lambda: repr((trace.meta, trace.closing, trace.header, trace.failure, trace.verdict_so_far, len(trace))),
        lambda: look(Comparison(trace, trace, values=back).differences()),
        lambda: look(fold(trace.tree(own=back), chance.choice((None, 5)))), lambda: look(trace.stats()),
        lambda: look(line for name in trace.sources for line in listings(trace, name)),
    ]  # fmt: skip


def walk_tree(trace: Trace) -> None:
    waiting = list(islice(trace.call_tree(), 20))
    for _ in range(60):
        if waiting:
            call = waiting.pop()
            look([call])
            waiting += islice(call.children(), 5)


def wander(trace: Trace, chance: random.Random) -> None:
    walk = Navigator(trace)
    walk.search("f")
    for _ in range(25):
        move = chance.choice(MOVES)
        given = ("x",) if move == "last_change" else ()
        getattr(walk, move)(*given, back=chance.random() < 0.5)
        look(walk.moment.stack)


def about_some(trace: Trace, chance: random.Random) -> list[Callable[[], object]]:
    """Questions about what is there, or nearly."""
    end = len(trace[:]) + 2
    seqs = [chance.randrange(end) for _ in range(8)]
    events = list(islice(trace.find(start=seqs[0]), 5))
    names = {name for event in events for name in event.changed} | {"x", "i"}
    functions = [event.function for event in events] + ["work", "q.n*", "no such"]
    low, high = sorted(seqs[:2])
    asked: dict[str, Any] = {}
    for name, value in {
        "function": chance.choice(functions), "line": chance.randrange(40), "thread": chance.choice((0, 3, "T3")),
        "exception": "IndexError", "depth": chance.randrange(4), "frame": chance.randrange(9),
        "since": events[0].time if events else 0, "caller": chance.randrange(5), "file": "*.py", "start": low,
        "stop": high, "kind": chance.choice(("call", "line", "raise")),
    }.items():  # fmt: skip
        if chance.random() < 0.25:
            asked[name] = value
    found: list[Callable[[], object]] = [
        lambda: look(trace.find(**asked, backwards=chance.random() < 0.5)),
        lambda: look(trace.calls(chance.choice(functions), start=low, stop=high)),
    ]
    found += [lambda seq=seq: look(trace.at(seq).stack) for seq in seqs]  # type: ignore[misc]
    found += [lambda name=name: look(trace.history(name)) for name in names]  # type: ignore[misc]
    return found


# ---- traces -------------------------------------------------------------------------------------


def random_trace(seed: int, steps: int, cuts: list[int]) -> bytes:
    """A trace of random records, in several chunks."""
    from recorder._core.decode import Scanner

    scanner, file = Scanner(), w.File()
    for segment, first in cut(Recording(seed).run(steps), cuts):
        info = scanner.segment(segment, first)
        file.segment(info.preamble + segment, info.events, info.lost)
    return file.close()


def base_traces(folder: Path) -> list[bytes]:
    """A real one, the same in many chunks, both also without compression; and random ones."""
    path = folder / "small.rtrace"
    whole = make_trace(path)
    many = rechunked(path, 5)
    return [
        whole,
        stored(whole),
        many,
        stored(many),
        random_trace(1, 150, [400, 700]),
        random_trace(2, 150, [500]),
    ]


def one(bases: list[bytes], path: Path, seed: str) -> str:
    """A damaged trace is asked everything."""
    chance = random.Random(seed)
    write_anew(path, damage(chance.choice(bases), chance)[0])
    return ask_everything(path, chance)


def main() -> int:
    with tempfile.TemporaryDirectory() as folder:
        bases, path = base_traces(Path(folder)), Path(folder) / "damaged.rtrace"
        return go_on(__doc__, lambda seed: one(bases, path, seed))


if __name__ == "__main__":
    sys.exit(main())
