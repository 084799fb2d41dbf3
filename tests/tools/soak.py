"""The soak: a busy program is recorded again and again while system calls fail at random.

    python -m tests.tools.soak                      60 s, 8 threads, 1,000 asyncio tasks
    python -m tests.tools.soak --seconds 600 --seed 7

The program (soak_program.py) is one process that never rests: threads, tasks, generators, exceptions, code that comes
and goes. One of its threads starts and stops recordings; into most of them a fault is injected, by the table of system
calls, in the program or in its sealer, chosen by the seed. What this process looks at: the program does not die and
does not hang, every recording says what became of it, and every trace says the same and is right: whole from end to
end, its events on the threads and tasks they happened on, its variables with the values they had.
"""

from __future__ import annotations

import argparse
import collections
import json
import os
import re
import selectors
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import recorder
from recorder.trace import recovery

ROOT = Path(__file__).resolve().parents[2]
PACKAGE_HOME = str(Path(recorder.__file__).resolve().parent.parent)
HANG_SECONDS = 120  # without a word from the program; a sealer that stalls is given up after 10
# What AddressSanitizer says of the process that spawns a sealer and ends on a stack of its own, too.
EXPECTED = (
    r"recorder: \[ERR_\w+\] |==\d+==WARNING: ASan is ignoring|False positive error|For details see"
)
HARMLESS = ("REMOVE_FAILED",)  # told of a trace that is complete


class Soak:
    """One run: `problems` is what was wrong, `outcomes` counts what became of the recordings."""

    def __init__(self, seconds: float, seed: int, threads: int = 8, tasks: int = 1000) -> None:
        self.seed = seed
        self.arguments = [f"{seconds}", f"{seed}", f"{threads}", f"{tasks}"]
        self.outcomes: collections.Counter[str] = collections.Counter()
        self.problems: list[str] = []
        self.checked = 0  # values in the traces that were compared with what they must be
        self.events = 0

    def run(self) -> Soak:
        folder = Path(tempfile.mkdtemp(prefix="soak-"))
        try:
            self._run(folder)
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        return self

    def _run(self, folder: Path) -> None:
        with open(folder / "stderr", "wb") as stderr:
            program = subprocess.Popen(
                [
                    sys.executable,
                    "-X",
                    "faulthandler",
                    str(ROOT / "tests/tools/soak_program.py"),
                    *self.arguments,
                ],
                cwd=folder,
                env={**os.environ, "PYTHONPATH": PACKAGE_HOME},
                stdout=subprocess.PIPE,
                stderr=stderr,
            )
            recordings = [
                recording
                for line in self._lines(program)
                for recording in self._look_at(folder, json.loads(line))
            ]
            status = program.wait()
            assert program.stdout is not None
            program.stdout.close()
        said = (folder / "stderr").read_text(errors="replace")
        if status != 0:
            self.problems.append(f"exit status {status}: {said[-4000:]}")
        for line in said.splitlines():
            if not re.match(EXPECTED, line):
                self.problems.append(f"stderr: {line}")
        if not await_end(folder):
            self.problems.append("a sealer is left")
        for recording in recordings:  # those that were left to their sealers
            self._judge(folder, recording)
        for name in sorted(os.listdir(folder)):
            if ".partial-" in name:
                self.problems.append(f"{name} is left, and nobody said so")

    def _lines(self, program: subprocess.Popen[bytes]) -> Iterator[bytes]:
        assert program.stdout is not None
        with selectors.DefaultSelector() as selector:
            selector.register(program.stdout, selectors.EVENT_READ)
            while True:
                if not selector.select(HANG_SECONDS):
                    self.problems.append("it hangs")
                    program.send_signal(signal.SIGABRT)  # faulthandler shows where
                line = program.stdout.readline()
                if not line:
                    return
                yield line

    def _look_at(self, folder: Path, said: dict[str, Any]) -> Iterator[dict[str, Any]]:
        """Judges a recording at once, or hands it back: then its sealer has not finished yet."""
        if "problem" in said:
            self.problems.append(said["problem"])
        elif said["how"] == "reset":
            yield said
        else:
            self._judge(folder, said)

    def _judge(self, folder: Path, said: dict[str, Any]) -> None:
        where = f"{said['name']} ({said['fault'] or 'no fault'}, {said['policy']})"
        self.outcomes[f"{said['how']} {said['state']} {said['code'] or '-'}"] += 1
        try:
            for problem in self._problems(folder, said):
                self.problems.append(f"{where}: {problem}")
        except Exception as error:
            self.problems.append(f"{where}: {type(error).__name__}: {error}")

    def _problems(self, folder: Path, said: dict[str, Any]) -> Iterator[str]:
        path = folder / said["name"]
        staging = list(folder.glob(f".{said['name']}.partial-*"))
        if said["how"] == "refused":
            if staging or path.exists():
                yield f"a start that failed left {[p.name for p in staging]}, {path.exists()}"
            return
        if said["how"] == "stopped" and (said["state"] in ("partial", "complete")) != path.exists():
            yield f"it says {said['state']}, and path.exists() is {path.exists()}"
        if staging:
            removal = "ERR_REMOVE_FAILED" in said.get("failures", ())
            told = removal or (said["code"] is not None and said["state"] == "none")
            if said["how"] == "stopped" and not told:
                yield "a staging folder is left, and nothing was said"
            for each in staging:
                recovery.recover(each)
        if path.exists():
            yield from self._check_trace(path, said, bool(staging))
            path.unlink()

    def _check_trace(self, path: Path, said: dict[str, Any], was_recovered: bool) -> Iterator[str]:
        with recorder.open_trace(path) as trace:
            verdict, check = str(trace.verdict), trace.verify()
            self.events += check.events
            if check.damage or check.events != len(trace) or (check.lost and verdict == "complete"):
                yield f"{verdict}: {check}"
            if said["how"] == "stopped" and not was_recovered:
                wanted = "complete" if said["state"] == "complete" else f"partial({said['code']})"
                died = said["code"] == "SEALER_DIED" and verdict == "truncated"
                if verdict != wanted and not died:
                    yield f"it says {said['state']} {said['code']}, the trace {verdict}"
                if verdict == "complete" and len(trace) != said["events"]:
                    yield f"it says {said['events']} events, the trace {len(trace)}"
            if said["state"] == "complete" and said["code"] not in (None, *HARMLESS):
                yield f"complete, and {said['code']}"
            yield from self._check_values(trace)

    def _check_values(self, trace: recorder.Trace) -> Iterator[str]:
        """twin(who, n) of the program has b == 7 * a and c == [a, b, who]: `who` names the task or thread."""
        for event in trace.find(function="twin"):
            known = {name: value.to_python() for name, value in event.locals.items()}
            runs = event.task.name if event.task is not None else event.thread.name
            self.checked += 1
            if known.get("who") != runs and event.task is None:
                yield f"event {event.seq}: {known.get('who')} ran on {runs}"
            elif known.get("who") != runs:
                yield f"event {event.seq}: {known.get('who')} ran in {runs} on {event.thread.name}"
            if "a" in known and known["a"] != known["n"]:
                yield f"event {event.seq}: {known}"
            if "b" in known and known["b"] != 7 * known["a"]:
                yield f"event {event.seq}: {known}"
            if "c" in known and known["c"][:2] != [known["a"], known["b"]]:
                yield f"event {event.seq}: {known}"
            if event.kind == "return" and event.value is not None:
                if event.value.to_python() != [known["n"], 7 * known["n"], known["who"]]:
                    yield f"event {event.seq}: returned {event.value}, {known}"


def await_end(folder: Path) -> bool:
    """Whether all sealers end."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if not any(os.fsencode(folder) in line for line in command_lines()):
            return True
        time.sleep(0.02)
    return False


def command_lines() -> Iterator[bytes]:
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            yield Path("/proc", pid, "cmdline").read_bytes()
        except OSError:
            pass


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--threads", type=int, default=8)
    parser.add_argument("--tasks", type=int, default=1000)
    given = parser.parse_args()
    print(f"seed {given.seed}", flush=True)
    began = time.monotonic()
    soak = Soak(given.seconds, given.seed, given.threads, given.tasks).run()
    for outcome, times in sorted(soak.outcomes.items()):
        print(f"{times:6} {outcome}")
    for problem in soak.problems[:50]:
        print(problem)
    print(
        f"{sum(soak.outcomes.values())} recordings, {soak.events} events, {soak.checked} states compared, "
        f"{len(soak.problems)} problems, {time.monotonic() - began:.0f} s"
    )
    return 1 if soak.problems else 0


if __name__ == "__main__":
    sys.exit(main())
