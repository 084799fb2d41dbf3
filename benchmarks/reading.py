"""What it costs to read a long trace: decoding, `at(seq)`, and queries about something rare.

    python benchmarks/reading.py [--events N] [--keep FOLDER] [--cpu]    100 million events of each kind

Three programs: numbers that follow a rule, texts that nobody could guess, and all kinds of values (containers
that change, instances, generators, exceptions, three threads). Each is recorded and read in processes of their own.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent)]

EVERY = 500_000  # turns of the loop from one rare thing to the next
LOOKS = 300


class Order:
    def __init__(self, name: str, price: float) -> None:
        self.name = name
        self.price = price
        self.tags: dict[str, int] = {}


def rare(turn: int) -> str:
    return f"turn {turn}"


def broken(turn: int) -> None:
    raise LookupError(turn)


def seldom(turn: int) -> None:
    if turn % EVERY == EVERY // 2:
        rare(turn)
        try:
            broken(turn)
        except LookupError:
            pass


def numbers(turns: int) -> int:
    total = 0
    for i in range(turns):
        double = i * 2
        total += double + 1
        if i % EVERY == EVERY // 2:
            seldom(i)
    return total


def texts(turns: int) -> int:
    chance = random.Random(turns)
    size = 0
    for i in range(turns):
        number = chance.getrandbits(60)
        text = f"{number:x} {chance.random()}"
        short = text[:12]
        size += len(short)
        if i % EVERY == EVERY // 2:
            seldom(i)
    return size


def slices(items: list[int]) -> Iterator[list[int]]:
    for start in range(0, len(items), 4):
        yield items[start : start + 4]


def price(order: Order, chance: random.Random) -> float:
    order.price += chance.random()
    order.tags[f"tag {chance.getrandbits(3)}"] = chance.getrandbits(40)
    return order.price


def everything(turns: int) -> float:
    chance = random.Random(turns)
    recent: list[int] = []
    counts: dict[str, int] = {}
    total = 0.0
    for i in range(turns):
        order = Order(f"order {chance.getrandbits(50):x}", chance.random())
        recent.append(chance.getrandbits(60))
        if len(recent) == 16:
            for part in slices(recent):
                total += sum(part)
            recent.clear()
        counts[f"key {i % 24}"] = chance.getrandbits(30)
        total += price(order, chance)
        pair = (order.name, {"price": total, "few": recent[-3:]})
        if pair[0] == "nothing":
            break
        if i % EVERY == EVERY // 2:
            seldom(i)
    return total


def in_threads(turns: int) -> None:
    started = [threading.Thread(target=everything, args=(turns // 2,)) for _ in range(2)]
    for thread in started:
        thread.start()
    for thread in started:
        thread.join()


class Program(NamedTuple):
    run: Callable[[int], object]
    a_turn: float  # its events, about
    copies: int  # of its chunks; only this part of the events is recorded, since recording takes its time


PROGRAMS = {
    "numbers": Program(numbers, 4.0, 1),
    "texts": Program(texts, 6.0, 20),
    "everything": Program(in_threads, 25.0, 20),
}


def record(name: str, events: int, path: Path) -> dict[str, Any]:
    import recorder

    program = PROGRAMS[name]
    session = recorder.start(path, min_free_space=0, scope="deps")
    started = time.perf_counter()
    program.run(int(events / program.copies / program.a_turn))
    seconds = time.perf_counter() - started
    summary = session.stop()
    found = {"recorded": summary.events, "bytes": path.stat().st_size, "recording": seconds}
    if program.copies > 1:
        multiply(path, program.copies)
    return found


def multiply(path: Path, copies: int) -> None:
    """The chunks of events one after the other, so many times: a trace that was never closed."""
    from recorder.trace.container.file import TraceFile
    from recorder.trace.format import HEADER_SIZE, ChunkType

    file = TraceFile(path)
    first = sequence = 0
    with open(f"{path}.long", "wb") as out:
        out.write(file._reader.read(HEADER_SIZE, 0))
        for _ in range(copies):
            for chunk in file.of(ChunkType.EVENTS):
                head = chunk.head._replace(
                    sequence=sequence, first_event=first, segment=sequence + 1
                )
                out.write(head.to_bytes() + file._reader.stored(chunk))
                first += head.events
                sequence += 1
    file.close()
    os.replace(f"{path}.long", path)


def read(path: Path, clock: Callable[[], float]) -> dict[str, Any]:
    import recorder

    started = clock()
    trace = recorder.open_trace(path)
    found: dict[str, Any] = {"opening": clock() - started}
    events = len(trace)
    found |= decode(trace, clock)
    chance = random.Random(1)
    anywhere = [chance.randrange(events - 1) for _ in range(LOOKS)]
    found["at"] = look(trace, anywhere, clock)
    found["at_the_next_one"] = look(trace, [seq + 1 for seq in anywhere], clock, after=anywhere)
    found["at_off_the_disk"] = look(trace, anywhere[: LOOKS // 3], clock, forget=True)
    found["memory_before_queries"] = memory()
    for name, ask in QUESTIONS.items():
        started = clock()
        answers = ask(trace)
        found[name] = {"seconds": clock() - started, "answers": answers}
    started = clock()
    some = min(events, 300_000)
    assert sum(1 for _ in trace.events(stop=some)) == some
    found["iterated_per_s"] = some / (clock() - started)
    found["memory"] = memory()
    return found


def look(
    trace: Any,
    where: list[int],
    clock: Callable[[], float],
    *,
    after: list[int] | None = None,
    forget: bool = False,
) -> dict[str, float]:
    """What `at(seq)` takes. `after`: where it is asked for just before. `forget`: the file is not in memory."""
    took = []
    for number, seq in enumerate(where):
        if after:
            trace.at(after[number])
        if forget:
            os.posix_fadvise(trace._file._reader.fd, 0, 0, os.POSIX_FADV_DONTNEED)
        started = clock()
        trace.at(seq)
        took.append(clock() - started)
    took.sort()
    return {"median": took[len(took) // 2], "p95": took[len(took) * 95 // 100], "worst": took[-1]}


QUESTIONS: dict[str, Callable[[Any], int]] = {
    "calls": lambda trace: len(list(trace.calls("rare"))),
    "exceptions": lambda trace: len(list(trace.exceptions("LookupError"))),
    "history": lambda trace: len(list(trace.history("turn", "rare"))),
    "last": lambda trace: len(list(islice(trace.find("call", function="rare", backwards=True), 1))),
    "nothing": lambda trace: len(list(trace.find(function="no such function"))),
    "threads": lambda trace: len(trace.threads),
}


def decode(trace: Any, clock: Callable[[], float]) -> dict[str, float]:
    """Events a second in the core alone, of up to 200 chunks all over the trace; and with reading, checking and
    decompressing them."""
    from recorder.trace.format import ChunkType
    from recorder.trace.seeking import Seeker

    chunks = list(trace._file.of(ChunkType.EVENTS))
    chosen = chunks[:: max(len(chunks) // 200, 1)]
    core = whole = 0.0
    events = size = 0
    reader = Seeker(trace._queries.payloads).reader
    for chunk in chosen:
        started = clock()
        payload = trace._file.payload(chunk)
        loaded = clock()
        reader.load(payload, chunk.head.first_event)
        reader.skip_to(2**64 - 1)
        ended = clock()
        whole += ended - started
        core += ended - loaded
        events += chunk.head.events
        size += len(payload)
    return {
        "decoded_per_s": events / core,
        "with_decompression_per_s": events / whole,
        "record_bytes_per_event": size / events,
        "record_MB_per_s": size / core / 1e6,
        "chunks": len(chunks),
    }


def memory() -> int:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    raise SystemExit("/proc/self/status has no VmHWM")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=100_000_000)
    parser.add_argument(
        "--keep", type=Path, help="a folder for the traces; those in it are read again"
    )
    parser.add_argument("--only", choices=PROGRAMS)
    parser.add_argument("--cpu", action="store_true", help="processor time, on a busy machine")
    parser.add_argument("--work", nargs=3, help=argparse.SUPPRESS)  # in a process of its own
    args = parser.parse_args()
    if args.work:
        what, name, path = args.work
        clock = time.process_time if args.cpu else time.perf_counter
        done = (
            record(name, args.events, Path(path)) if what == "record" else read(Path(path), clock)
        )
        print(json.dumps(done))
        return
    with tempfile.TemporaryDirectory() as scratch:
        folder = args.keep or Path(scratch)
        folder.mkdir(exist_ok=True)
        for name in [args.only] if args.only else PROGRAMS:
            path = folder / f"{name}.rtrace"
            found: dict[str, Any] = {"program": name, "python": sys.version.split()[0]}
            if not path.exists():
                found |= work("record", name, path)
            print(json.dumps({**found, **work("read", name, path)}, indent=1), flush=True)


def work(what: str, name: str, path: Path) -> dict[str, Any]:
    """In a process of its own, with the options of this one."""
    command = [sys.executable, str(Path(__file__)), *sys.argv[1:], "--work", what, name, str(path)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


if __name__ == "__main__":
    main()
