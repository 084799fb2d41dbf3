"""Programs whose one dimension grows; each is a function of that dimension and of how much to do.

In a process of its own:   python growing.py DIMENSION VALUE WORK RECORDED
prints seconds, events, bytes and memory in JSON.
"""

from __future__ import annotations

import gc
import json
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent), str(HERE)]

from workloads import scalar_loop  # noqa: E402


def events(count: int, _: int) -> None:
    scalar_loop(count // 5)  # five lines a turn


def local_variables(count: int, turns: int) -> None:
    """A loop in a function that has that many further locals, which do not change.

    They are set on one line: from 128 lines after its first on, CPython 3.12 and 3.13 search for the line
    of every event, whoever listens."""
    names = "; ".join(f"v{i} = {i}" for i in range(count))
    source = f"def loop(turns):\n    {names}\n    for i in range(turns):\n        pass\n"
    namespace: dict[str, Any] = {}
    exec(compile(source, str(HERE / "growing-locals.py"), "exec"), namespace)
    namespace["loop"](turns)


def untouched(size: int, turns: int) -> None:
    """A loop that has a list in a variable and leaves it alone."""
    items = list(range(size))
    for _ in range(turns):
        pass
    items.clear()


def touched(size: int, turns: int) -> None:
    """A loop that changes the last element of the list in a variable."""
    items = list(range(size))
    for i in range(turns):
        items[-1] = i


def recursion(depth: int, calls: int) -> None:
    def down(left: int) -> int:
        return 0 if left == 0 else down(left - 1)

    for _ in range(max(1, calls // depth)):
        down(depth)


def threads(count: int, turns: int) -> None:
    started = [threading.Thread(target=scalar_loop, args=(turns // count,)) for _ in range(count)]
    for thread in started:
        thread.start()
    for thread in started:
        thread.join()


DIMENSIONS: dict[str, Callable[[int, int], None]] = {
    "events": events,
    "locals": local_variables,
    "untouched list": untouched,
    "touched list": touched,
    "recursion depth": recursion,
    "threads": threads,
}


def memory(what: str) -> int:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(what + ":"):
            return int(line.split()[1]) * 1024
    raise SystemExit(f"/proc/self/status has no {what}")


def main() -> None:
    name, value, work, is_recorded = sys.argv[1], *map(int, sys.argv[2:])
    run = DIMENSIONS[name]
    sys.setrecursionlimit(20_000)
    run(1, 1)
    found: dict[str, Any] = {}
    gc.collect()
    with tempfile.TemporaryDirectory() as folder:
        if is_recorded:
            import recorder

            session = recorder.start(Path(folder) / "growth.rtrace", min_free_space=0, scope="deps")
        started, used = time.perf_counter(), time.process_time()
        run(value, work)
        found["cpu"] = time.process_time() - used
        found["seconds"] = time.perf_counter() - started
        if is_recorded:
            started = time.perf_counter()
            summary = session.stop()
            found["finishing"] = time.perf_counter() - started
            found |= {"events": summary.events, "bytes": summary.bytes, "state": summary.state}
            found["at_seconds"] = look(Path(folder) / "growth.rtrace")
        found["peak"] = memory("VmHWM")
    print(json.dumps(found))


def look(path: Path) -> float:
    """Seconds to open a trace and see everything as it was in its middle; best of three."""
    import recorder

    best = float("inf")
    for _ in range(3):
        started = time.perf_counter()
        with recorder.open_trace(path) as trace:
            trace.at(len(trace) // 2)
        best = min(best, time.perf_counter() - started)
    return best


if __name__ == "__main__":
    main()
