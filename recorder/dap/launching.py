"""Recording a program on the editor's behalf: `recorder run`, with what it says handed on while it runs."""

from __future__ import annotations

import codecs
import glob
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from typing import IO, Any, Final

from recorder.dap.arguments import Arguments, Refused

POLL: Final = 0.05  # seconds
UPDATE: Final = 0.5
PUBLISHED_WITHIN: Final = 30.0  # seconds after a program was killed
LAST_WORDS: Final = 2_000  # characters of stderr, where nothing was recorded

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
        self.program = [*program, *asked.texts("args")]
        self.trace = os.path.join(self.cwd, asked.optional("output") or f"{name}.rtrace")
        self.command = [
            asked.optional("python") or sys.executable, "-m", "recorder", "run", *own,
            "-o", self.trace, *self.program,
        ]  # fmt: skip
        self.environment = asked.mapping("env")
        self.console = asked.optional("console") or "internalConsole"
        self._process: subprocess.Popen[bytes] | None = None
        self._ended = False
        self._said = ""

    def record(self) -> str:
        """Runs the program to its end; the path of the trace. Raises Refused where there is none."""
        before = _identity(self.trace)
        progress = {
            "progressId": "recording",
            "title": f"Recording {os.path.basename(self.program[-1])}",
        }
        self.emit("progressStart", {**progress, "cancellable": False})
        try:
            status = self._in_terminal() if self.console != "internalConsole" else self._run()
        finally:
            self.emit("progressEnd", {"progressId": "recording"})
        self._until_published(before)
        if _identity(self.trace) in (None, before):
            words = self._said.strip()
            raise Refused(
                f"nothing was recorded (exit status {status})" + (f": {words}" if words else "")
            )
        self.emit("exited", {"exitCode": status if status >= 0 else 128 - status})
        return self.trace

    def end(self) -> None:
        """Ends the program, if it still runs: as a user would, and then for good."""
        self._ended = True
        process = self._process
        if process is None or process.poll() is not None:
            return
        process.terminate()
        try:
            process.wait(5)
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
        while data := os.read(stream.fileno(), 1 << 16):
            text = decoder.decode(data)
            if category == "stderr":
                self._said = (self._said + text)[-LAST_WORDS:]
            if text:
                self.emit("output", {"category": category, "output": text})

    def _wait(self, is_done: Callable[[], bool]) -> None:
        began = told = time.monotonic()
        while not is_done():
            time.sleep(POLL)
            now = time.monotonic()
            if now - told > UPDATE:
                told = now
                said = f"{now - began:.0f} s, {self._size() / 1e6:.1f} MB"
                self.emit("progressUpdate", {"progressId": "recording", "message": said})

    def _size(self) -> int:
        """Bytes of the trace so far."""
        total = 0
        for path in glob.glob(os.path.join(glob.escape(self._staging()) + "*", "trace")):
            try:
                total += os.stat(path).st_blocks * 512
            except OSError:
                continue
        return total

    def _staging(self) -> str:
        folder, name = os.path.split(self.trace)
        return os.path.join(folder, f".{name}.partial-")

    def _until_published(self, before: object) -> None:
        """A program that was killed is published by the sealer, some moments later."""
        until = time.monotonic() + PUBLISHED_WITHIN
        while _identity(self.trace) in (None, before) and time.monotonic() < until:
            if not glob.glob(glob.escape(self._staging()) + "*"):
                return
            time.sleep(POLL)

    def _in_terminal(self) -> int:
        """In the editor's own terminal. Its process is the editor's: that it has ended is told by a file."""
        folder = tempfile.mkdtemp(prefix="recorder-dap-")
        done = os.path.join(folder, "status")
        try:
            self.ask("runInTerminal", {
                "kind": "external" if self.console == "externalTerminal" else "integrated",
                "title": f"recorder: {shlex.join(self.program)[:60]}",
                "cwd": self.cwd,
                "args": ["/bin/sh", "-c", '"$@"; echo $? > "$0.new"; mv "$0.new" "$0"', done, *self.command],
                "env": self.environment,
            })  # fmt: skip
            self._wait(lambda: self._ended or os.path.exists(done))
            if not os.path.exists(done):
                raise Refused("given up")
            with open(done, encoding="ascii") as file:
                return int(file.read())
        finally:
            shutil.rmtree(folder, ignore_errors=True)


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


def _identity(path: str) -> tuple[int, int, int] | None:
    try:
        facts = os.stat(path)
    except OSError:
        return None
    return facts.st_dev, facts.st_ino, facts.st_mtime_ns
