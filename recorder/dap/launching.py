"""Recording a program on the editor's behalf: `recorder run`, with what it says handed on while it runs."""

from __future__ import annotations

import codecs
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from typing import IO, Any, Final

from recorder import processes
from recorder.dap.arguments import Arguments, Refused
from recorder.staging.stale import file_at, staging_folders

CONSOLES: Final = ("internalConsole", "integratedTerminal", "externalTerminal")
RECORDING: Final = "recording"  # what progress is called that one may cancel: it ends the program
POLL: Final = 0.05  # seconds
ENDED_WITHIN: Final = 5.0  # seconds that a program is given to end
UPDATE: Final = 0.5
PUBLISHED_WITHIN: Final = 30.0  # seconds after a program was killed
KEPT_OF_STDERR: Final = 2_000  # characters of stderr, where nothing was recorded

# Tells its own process and, by a file that is there at once, how the program ended. What keys send is for the program;
# that the terminal is gone is for both.
WRAPPER: Final = """\
trap : INT QUIT
echo $$ >"$0/pid"
"$@"
echo $? >"$0/ended"
mv "$0/ended" "$0/status"
"""

Emit = Callable[[str, dict[str, Any]], None]


class Launch:
    """Of a `launch` request: program, module or code, args, cwd, env, python, scope, output, recorderArgs, console."""

    def __init__(self, asked: Arguments, emit: Emit, ask: Emit) -> None:
        self.emit = emit
        self.ask = ask
        self.cwd = os.path.abspath(asked.optional("cwd") or os.getcwd())
        if not os.path.isdir(self.cwd):
            raise Refused(f"there is no folder {self.cwd}")
        own = asked.texts("recorderArgs")
        if scope := asked.optional("scope"):
            own += ["--scope", scope]
        program, name = _program(asked)
        self.title = f"Recording {os.path.basename(program[-1])[:60]}"
        self.program = [*program, *asked.texts("args")]
        self.trace = os.path.join(self.cwd, asked.optional("output") or f"{name}.rtrace")
        self.command = [
            asked.optional("python") or sys.executable, "-m", "recorder", "run", *own,
            "-o", self.trace, *self.program,
        ]  # fmt: skip
        self.environment = asked.mapping("env")
        self.console = asked.optional("console") or CONSOLES[0]
        if self.console not in CONSOLES:
            raise Refused("console is one of " + ", ".join(CONSOLES))
        self._process: subprocess.Popen[bytes] | None = None
        self._terminal: str | None = None  # the folder in which its process tells of itself
        self._ended: float | None = None  # when it was told to end
        self.is_running = True  # the program, or what is to start it
        self._refusal: str | None = None
        self.exit_code: int | None = None  # of a program that was recorded
        self._said = ""
        self._before: dict[str, object] = {}  # what was beside the trace

    def record(self) -> str:
        """Runs the program to its end; the path of the trace. Raises Refused where there is none."""
        before, left = file_at(self.trace), staging_folders(self.trace)
        self._before = self._beside()
        self.emit(
            "progressStart", {"progressId": RECORDING, "title": self.title, "cancellable": True}
        )
        try:
            status = self._in_terminal() if self.console != CONSOLES[0] else self._run()
        finally:
            self.emit("progressEnd", {"progressId": RECORDING})
            self.is_running = False
        self._until_published(before, left)
        if file_at(self.trace) in (None, before):
            words = self._said.strip()
            raise Refused(
                f"nothing was recorded (exit status {status})" + (f": {words}" if words else "")
            )
        self.exit_code = status if status >= 0 else 128 - status
        return self.trace

    def others(self) -> list[str]:
        """Traces of processes that the program started (`--follow-children`): they have their pids in their names."""
        return [path for path, one in self._beside().items() if self._before.get(path) != one]

    def _beside(self) -> dict[str, object]:
        folder, name = os.path.split(os.path.abspath(self.trace))
        stem, ending = os.path.splitext(name)
        named = re.compile(rf"{re.escape(stem)}(\.\d+(-\d+)?)+{re.escape(ending)}")
        try:
            found = sorted(one for one in os.listdir(folder) if named.fullmatch(one))
        except OSError:
            return {}
        return {path: file_at(path) for path in (os.path.join(folder, one) for one in found)}

    def end(self) -> None:
        """Ends the program, if it still runs: as a user would, and then for good."""
        self._ended = self._ended or time.monotonic()
        for pid in self._in_the_terminal():
            _send(pid, signal.SIGTERM)
        process = self._process
        if process is None or process.poll() is not None:
            return
        process.terminate()
        try:
            process.wait(ENDED_WITHIN)
        except subprocess.TimeoutExpired:
            process.kill()

    # ---- inside ----

    def _run(self) -> int:
        environment = {**os.environ, **{k: v for k, v in self.environment.items() if v is not None}}
        for name in (name for name, value in self.environment.items() if value is None):
            environment.pop(name, None)
        try:
            process = subprocess.Popen(
                self.command, cwd=self.cwd, env=environment, stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            )  # fmt: skip
        except (OSError, ValueError) as exc:
            raise Refused(f"{self.command[0]} cannot be run: {exc}") from exc
        self._process = process
        if self._ended:
            self.end()
        pumps = [
            threading.Thread(target=self._pump, args=(stream, name), daemon=True)
            for stream, name in ((process.stdout, "stdout"), (process.stderr, "stderr"))
        ]
        for pump in pumps:
            pump.start()
        self._wait(lambda: process.poll() is not None)
        for pump in pumps:
            pump.join(1)  # a process that the program left behind may hold the pipes
        return process.wait()

    def _pump(self, stream: IO[bytes], category: str) -> None:
        decoder = codecs.getincrementaldecoder("utf-8")("replace")
        with stream:
            while data := os.read(stream.fileno(), 1 << 16):
                text = decoder.decode(data)
                if category == "stderr":
                    self._said = (self._said + text)[-KEPT_OF_STDERR:]
                if text:
                    self.emit("output", {"category": category, "output": text})

    def _wait(self, is_done: Callable[[], bool]) -> None:
        began = reported = time.monotonic()
        last = ""
        while not is_done():
            time.sleep(POLL)
            now = time.monotonic()
            if now - reported > UPDATE:
                reported = now
                said = f"{now - began:.0f} s, {self._size() / 1e6:.1f} MB"
                if said != last:
                    self.emit("progressUpdate", {"progressId": RECORDING, "message": said})
                last = said

    def _size(self) -> int:
        """Bytes of the trace so far."""
        total = 0
        for folder in staging_folders(self.trace):
            try:
                total += os.stat(os.path.join(folder, "trace")).st_blocks * 512
            except OSError:
                continue
        return total

    def _until_published(self, before: object, left: list[str]) -> None:
        """A program that was killed is published by the sealer, some moments later. `left`: what others had left."""
        until = time.monotonic() + PUBLISHED_WITHIN
        while file_at(self.trace) in (None, before) and time.monotonic() < until:
            if set(staging_folders(self.trace)) <= set(left):
                return
            time.sleep(POLL)

    def answered(self, message: dict[str, Any]) -> None:
        """What the editor says to a request of ours: a terminal that it does not have is no reason to wait."""
        if message.get("success") is False:
            self._refusal = str(message.get("message") or "the editor opened no terminal")[
                :KEPT_OF_STDERR
            ]

    def _in_terminal(self) -> int:
        """In the editor's own terminal. Its process is the editor's: what became of it is told by files."""
        folder = self._terminal = tempfile.mkdtemp(prefix="recorder-dap-")
        status = os.path.join(folder, "status")
        try:
            self.ask("runInTerminal", {
                "kind": "external" if self.console == "externalTerminal" else "integrated",
                "title": f"recorder: {shlex.join(self.program)[:60]}",
                "cwd": self.cwd,
                "args": ["/bin/sh", "-c", WRAPPER, folder, *self.command],
                "env": self.environment,
            })  # fmt: skip
            self._wait(
                lambda: self._refusal is not None or self._is_over(folder) or self._is_too_late()
            )
            if os.path.exists(status):
                with open(status, encoding="ascii") as file:
                    return int(file.read())
            if self._refusal is not None:
                raise Refused(f"no terminal: {self._refusal}")
            if self._is_too_late():
                raise Refused("given up: the program does not end")
            return -signal.SIGHUP  # it went with its terminal, and the program with it
        finally:
            self._terminal = None
            shutil.rmtree(folder, ignore_errors=True)

    def _is_too_late(self) -> bool:
        return self._ended is not None and time.monotonic() - self._ended > ENDED_WITHIN

    @staticmethod
    def _is_over(folder: str) -> bool:
        if os.path.exists(os.path.join(folder, "status")):
            return True
        pid = _number_in(os.path.join(folder, "pid"))
        return pid is not None and not processes.is_another_running(pid)

    def _in_the_terminal(self) -> list[int]:
        """The processes that the one in the terminal started: the program."""
        pid = None if self._terminal is None else _number_in(os.path.join(self._terminal, "pid"))
        try:
            with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
                return [int(one) for one in file.read().split()]
        except OSError:
            return []


def _number_in(path: str) -> int | None:
    """None: it is not written yet."""
    try:
        with open(path, encoding="ascii") as file:
            text = file.read()
    except OSError:
        return None
    return int(text) if text.endswith("\n") else None


def _send(pid: int, number: signal.Signals) -> None:
    try:
        os.kill(pid, number)
    except OSError:
        pass  # it has ended by itself


def _program(asked: Arguments) -> tuple[list[str], str]:
    """What to run, and what its trace is called, as `recorder run` would call it."""
    program, module, code = (asked.optional(name) for name in ("program", "module", "code"))
    if program:
        words = ["--", program] if program.startswith("-") else [program]
        return words, os.path.splitext(os.path.basename(os.path.abspath(program)))[0]
    if module:
        return ["-m", module], module
    if code is not None:
        return ["-c", code], "command"
    raise Refused("launch needs a program, a module or code")
