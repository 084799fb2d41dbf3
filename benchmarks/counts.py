"""Whether a trace holds every event of its program: counted by a hook of plain Python, and by decoding.

    python counts.py WORKLOAD [SIZE]

Prints both counts in JSON and fails if they differ.
"""

from __future__ import annotations

import collections
import json
import sys
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent), str(HERE)]

import workloads  # noqa: E402
from floor import in_scope  # noqa: E402

Counts = dict[str, int]
SIDES = {
    **dict.fromkeys(("call", "resume", "throw"), "begins"),
    **dict.fromkeys(("return", "yield", "unwind"), "ends"),
    "line": "lines",
    **dict.fromkeys(("raise", "stop_iteration"), "raised"),
}


def _counts(file: str) -> bool:
    return in_scope(file) and file != __file__


def counted(run: Callable[[int], object], size: int) -> Counts:
    """Events of code in scope while `run(size)` runs, as Python's own hooks see them."""
    found: collections.Counter[str] = collections.Counter()
    (_monitor if sys.version_info >= (3, 12) else _trace)(lambda: run(size), found)
    return dict(found)


def _trace(work: Callable[[], object], found: collections.Counter[str]) -> None:
    names = {"call": "begins", "line": "lines", "return": "ends", "exception": "raised"}

    def hook(frame: FrameType, event: str, arg: object) -> Any:
        if _counts(frame.f_code.co_filename):
            found[names[event]] += 1
            return hook
        return None

    threading.settrace(hook)
    sys.settrace(hook)
    try:
        work()
    finally:
        sys.settrace(None)
        threading.settrace(None)  # type: ignore[arg-type]


def _monitor(work: Callable[[], object], found: collections.Counter[str]) -> None:
    monitoring = sys.monitoring
    e = monitoring.events
    kinds = {
        **dict.fromkeys((e.PY_START, e.PY_RESUME, e.PY_THROW), "begins"),
        **dict.fromkeys((e.PY_RETURN, e.PY_YIELD, e.PY_UNWIND), "ends"),
        **dict.fromkeys((e.RAISE, e.STOP_ITERATION), "raised"),
        e.LINE: "lines",
    }

    def counter(kind: str) -> Callable[..., None]:
        def hook(code: CodeType, *rest: object) -> None:
            if _counts(code.co_filename):
                found[kind] += 1

        return hook

    def jumps(code: CodeType, source: int, target: int) -> None:
        """A jump back within a line is that line once more, as for `sys.settrace`."""
        if target < source and _counts(code.co_filename):
            lines = [line for line, *_ in code.co_positions()]
            if lines[source // 2] == lines[target // 2]:
                found["lines"] += 1

    monitoring.use_tool_id(4, "counts")
    for event, kind in kinds.items():
        monitoring.register_callback(4, event, counter(kind))
    monitoring.register_callback(4, e.JUMP, jumps)
    monitoring.set_events(4, sum(kinds) | e.JUMP)
    try:
        work()
    finally:
        monitoring.set_events(4, 0)
        monitoring.free_tool_id(4)


def decoded(run: Callable[[int], object], size: int) -> Counts:
    """Events of the same code in the trace of a recording of it."""
    import recorder

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "counts.rtrace"
        with recorder.record(path, min_free_space=0, scope="deps"):
            run(size)
        found: collections.Counter[str] = collections.Counter()
        with recorder.open_trace(path) as trace:
            for event in trace.events():
                if event.kind in SIDES and _counts(event.file):
                    found[SIDES[event.kind]] += 1
    return dict(found)


def main() -> None:
    name = sys.argv[1]
    size = int(sys.argv[2]) if len(sys.argv) > 2 else max(1, workloads.WORKLOADS[name].size // 100)
    run = workloads.prepare(name)
    expected, found = counted(run, size), decoded(run, size)
    for kind in ("begins", "ends", "raised", "lines"):
        expected.setdefault(kind, 0)
        found.setdefault(kind, 0)
    print(json.dumps({"counted": expected, "decoded": found}))
    sys.exit(expected != found)


if __name__ == "__main__":
    main()
