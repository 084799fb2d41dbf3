"""A power cut at any moment: what was written and not yet synced may be lost, in parts and in any order.

A recording is sealed and published in this process while a log is kept of what reaches the disk. From every
prefix of the log the states are built that a disk may be in; each must give the whole trace, the older one, or
a staging folder from which recovery makes a trace that does not claim more than it holds.
"""

from __future__ import annotations

import os
import random
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import recorder
from recorder import errors
from recorder._core import syscalls
from recorder.policy import Policy
from recorder.trace import recovery
from recorder.trace.sealing import Tape
from tests.tools.fake_target import FakeTarget
from tests.tools.staged import prepare

OLDER = b"what was there before"
SECTOR = 512
pytestmark = pytest.mark.leaves_staging

Step = tuple[Any, ...]


class Log:
    """What is asked of the disk: writes, truncations and syncs of the trace, and what happens to names."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
        self.steps: list[Step] = []
        self.folder = folder
        for name in ("pwrite", "ftruncate", "fsync", "rename", "unlink", "rmdir"):
            monkeypatch.setattr(syscalls, name, self.logged(name, getattr(syscalls, name)))

    def logged(self, name: str, call: Any) -> Any:
        def wrapper(*arguments: Any) -> None:
            call(*arguments)
            if name == "pwrite":
                self.steps.append(("write", arguments[2], bytes(arguments[1])))
            elif name == "ftruncate":
                self.steps.append(("truncate", arguments[1]))
            elif name == "fsync":
                what = "sync names" if str(arguments[1]) == str(self.folder) else "sync"
                self.steps.append((what,))
            else:
                self.steps.append((name, *(os.path.basename(path) for path in arguments)))

        return wrapper


def record(folder: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[list[Step], int, str]:
    """The log of a recording of three segments; how many events it has; a copy of its staging folder
    as it was before anything was sealed."""
    prepared = prepare(folder / "app.rtrace", policy=Policy(min_free_space=0))
    target = FakeTarget(prepared.path)
    target.enter()
    for number in range(50):
        target.line(random.Random(number).randbytes(200_000))
    before = str(folder / "before")
    shutil.copytree(prepared.path, before)
    target.finish(0)
    target.close()
    with monkeypatch.context() as patch:
        log = Log(patch, folder)
        tape = Tape(prepared.path, target.page)
        for index in range(2):
            tape.seal(index)
        tape.finish(died=False)
        tape.writer.abandon()
    target.page.close()
    return log.steps, target.events, before


def disks(
    steps: list[Step], chance: random.Random, orders: int
) -> Iterator[tuple[bytes, bool, set[str]]]:
    """(content of the trace, whether it has its name, which names are gone) after a power cut."""
    synced = max((i + 1 for i, step in enumerate(steps) if step == ("sync",)), default=0)
    named = max((i + 1 for i, step in enumerate(steps) if step == ("sync names",)), default=0)
    unsynced = [step for step in steps[synced:] if step[0] in ("write", "truncate")]
    subsets = [[], unsynced]
    for _ in range(orders):
        subset = [step for step in unsynced if chance.random() < 0.5]
        subsets.append(chance.sample(subset, len(subset)))
    is_renamed = [any(step[0] == "rename" for step in steps[:named])]
    if any(step[0] == "rename" for step in steps[named:]):
        is_renamed.append(True)
    for subset in subsets:
        content = bytearray()
        for step in [*steps[:synced], *subset]:
            apply(content, step, chance if step in subset and step is subset[-1] else None)
        for renamed in is_renamed:
            removed = {step[1] for step in steps if step[0] == "unlink" and chance.random() < 0.5}
            yield bytes(content), renamed, removed if renamed else set()


def apply(content: bytearray, step: Step, tear: random.Random | None) -> None:
    if step[0] == "truncate":
        del content[step[1] :]
        content += bytes(step[1] - len(content))
    elif step[0] == "write":
        _, at, data = step
        content += bytes(max(0, at + len(data) - len(content)))
        for piece in range(0, len(data), SECTOR):
            if tear is None or tear.random() < 0.7:
                content[at + piece : at + piece + SECTOR] = data[piece : piece + SECTOR][
                    : len(content) - at - piece
                ]


def test_no_power_cut_makes_a_lie(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cut_everywhere(tmp_path, monkeypatch, 0)


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_no_power_cut_in_any_order_makes_a_lie(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cut_everywhere(tmp_path, monkeypatch, 30)


def cut_everywhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, orders: int) -> None:
    steps, events, before = record(tmp_path, monkeypatch)
    session = next(step[1] for step in reversed(steps) if step[0] == "rmdir")
    chance = random.Random(5)
    assert all(named for _, named, _ in disks(steps, chance, 0)), "what was published has its name"
    tried = 0
    seen: dict[str, int] = {}
    for end in range(len(steps) + 1):
        for content, is_renamed, removed in disks(steps[:end], chance, orders):
            place = tmp_path / "disk"
            shutil.copytree(before, place / session, copy_function=os.link)
            verdict = examine(place, session, content, is_renamed, removed, events)
            seen[verdict] = seen.get(verdict, 0) + 1
            shutil.rmtree(place)
            tried += 1
    print(f"{tried} states: {seen}")
    assert tried > 30
    assert {"complete", "truncated"} <= set(seen)


def examine(
    place: Path, session: str, content: bytes, is_renamed: bool, removed: set[str], events: int
) -> str:
    """What the user has after the power cut, and after recovery where that is needed."""
    folder, trace = place / session, place / "app.rtrace"
    copy_of(folder / "session.json", str(trace))
    copy_of(folder / "control")
    (folder / "trace").unlink()
    (trace if is_renamed else folder / "trace").write_bytes(content)
    if not is_renamed:
        trace.write_bytes(OLDER)
    for name in removed:
        (folder / name).unlink(missing_ok=True)
    if is_renamed:  # it was synced before it got its name
        with recorder.open_trace(trace) as found:
            assert (found.verdict, found.damage, len(found)) == ("complete", [], events)
    try:
        recovery.recover(folder)
    except errors.RecorderError as error:
        assert trace.read_bytes() != OLDER or error.error_name == "ERR_STAGING_LOST", error
    if trace.read_bytes() == OLDER:
        return "older"
    with recorder.open_trace(trace) as found:
        held = [event.seq for event in found.events()]
        verdict = found.verdict
        assert verdict != "complete" or held == list(range(events))
        assert len(held) == len(set(held))
        assert found.verify().events == len(held)
    return verdict.state


def copy_of(path: Path, destination: str | None = None) -> None:
    """A file of its own in place of the linked one; the session with another destination."""
    data = path.read_bytes()
    path.unlink()
    if destination is not None:
        import json

        facts = json.loads(data)  # of a program that no longer runs: that of this test does
        data = json.dumps({**facts, "destination": destination, "target_started": 1}).encode()
    path.write_bytes(data)
