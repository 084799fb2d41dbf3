"""Variables that the code of a line cannot store are not compared: that must change nothing.

Debug builds hold it at each event of every test (check_passed_over in variables.pxi). Here random programs are recorded
twice, with a frame object for each frame the second time: then all variables are compared at each event."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import recorder
from recorder.trace.snapshots import Event
from recorder.trace.values.value import Value
from tests.conftest import ENVIRONMENT, ROOT

PROGRAMS = 20
DRIVER = """
import builtins, sys, types
sys.path.insert(0, sys.argv[3])
from tests.tools import random_programs
import recorder
exposing = sys._getframe if sys.version_info >= (3, 12) else locals
builtins.probe = exposing if sys.argv[2] == "exposed" else dict
programs = []
for seed in range(int(sys.argv[4])):
    for kind, text in ("text", random_programs.source(seed)), ("tree", random_programs.tree(seed)):
        programs.append(compile(text, f"/nowhere/{kind}{seed}.py", "exec"))
with recorder.record(f"{sys.argv[1]}/{sys.argv[2]}.rtrace", min_free_space=0, source_text=False):
    for code in programs:
        exec(code, types.ModuleType("random_program").__dict__)
"""


def record(folder: Path, how: str) -> Path:
    subprocess.run(
        [sys.executable, "-c", DRIVER, str(folder), how, str(ROOT), str(PROGRAMS)],
        check=True, timeout=100, stdout=subprocess.DEVNULL, env={**ENVIRONMENT, "PYTHONHASHSEED": "0"},
    )  # fmt: skip
    return folder / f"{how}.rtrace"


def told(path: Path) -> list[Any]:
    """Everything but the time, and the numbers of classes, which depend on where their memory is."""
    trees: dict[bytes | None, Any] = {None: None}

    def tree(raw: bytes | None, event: Event) -> Any:
        if raw not in trees:
            assert raw is not None
            trees[raw] = raw[:1], Value(raw, event.types).tree
        return trees[raw]

    with recorder.open_trace(path) as trace:
        assert trace.verdict == "complete"
        return [
            (
                *(event.file, event.kind, event.function.qualified_name, event.line, event.frame),
                *(event.changed_slots, event.gap, event.marks, tree(event.raw_value, event)),
                [tree(raw, event) for raw in event.values],
                [tree(raw, event) for raw in event.global_values],
            )
            for event in trace.events()
            if event.file.startswith("/nowhere/")
        ]


def test_the_same_is_recorded_as_when_all_is_compared(tmp_path: Path) -> None:
    ours, whole = told(record(tmp_path, "hidden")), told(record(tmp_path, "exposed"))
    for number, (one, other) in enumerate(zip(ours, whole, strict=False)):
        assert one == other, f"event {number}"
    assert len(ours) == len(whole)
    assert len(ours) > 200 * PROGRAMS
