"""One session: requests come in, each is answered, and events go out. One thread reads, one answers; so what takes long
can be cancelled."""

from __future__ import annotations

import os
import queue
import threading
import time
from collections.abc import Callable
from typing import Any, Final

from recorder import errors
from recorder.dap.arguments import Arguments, Refused
from recorder.dap.breakpoints import FILTERS, Breakpoints
from recorder.dap.console import Console
from recorder.dap.custom_requests import CustomRequests
from recorder.dap.inspection import Inspection
from recorder.dap.launching import CONSOLES, RECORDING, Launch
from recorder.dap.messages import Channel, NotUnderstood
from recorder.dap.movement import Movement
from recorder.dap.state import State
from recorder.dap.suspended import Suspended
from recorder.trace.reader import Trace, open_trace

CAPABILITIES: Final = dict.fromkeys(
    (
        "supportsConfigurationDoneRequest", "supportsFunctionBreakpoints", "supportsConditionalBreakpoints",
        "supportsHitConditionalBreakpoints", "supportsEvaluateForHovers", "supportsStepBack", "supportsRestartFrame",
        "supportsGotoTargetsRequest", "supportsStepInTargetsRequest", "supportsCompletionsRequest",
        "supportsModulesRequest", "supportsRestartRequest",
        "supportsValueFormattingOptions", "supportsExceptionInfoRequest", "supportTerminateDebuggee",
        "supportsDelayedStackTraceLoading", "supportsLoadedSourcesRequest", "supportsLogPoints",
        "supportsTerminateRequest", "supportsDataBreakpoints", "supportsClipboardContext",
        "supportsSteppingGranularity", "supportsExceptionFilterOptions", "supportsCancelRequest",
        "supportsBreakpointLocationsRequest", "supportsANSIStyling",
    ),
    True,
)  # fmt: skip
PATIENCE: Final = 0.5  # seconds of a search, after which its progress is told
UPDATE: Final = 0.25
FAILED: Final = 1  # numbers of messages to the user
# What is about the present moment is answered though it be cancelled: an editor that has cancelled what it asks again
# would show that as an error.
AT_ONCE: Final = frozenset({"threads", "stackTrace", "scopes", "variables"})
MOST_OTHERS: Final = 16  # processes of a program whose traces are opened
NEEDS_TRACE: Final = "no trace is open: launch or attach comes first"


class Cancelled(Exception):  # audit: of the server's own; each is answered
    """Somebody asked for what is being done to be given up."""


class Server:
    """`run` returns when the other side is gone, or has said so."""

    def __init__(self, channel: Channel) -> None:
        self.channel = channel
        self.trace: Trace | None = None
        self.state: State | None = None
        self.movement: Movement | None = None
        self.breakpoints: Breakpoints | None = None
        self.custom_requests: CustomRequests | None = None
        self.suspended: Suspended | None = None
        self.launch: Launch | None = None
        self._commands: dict[str, Callable[[Arguments], dict[str, Any] | None]] = {
            "initialize": self.initialize, "launch": self.start_launch, "attach": self.attach,
            "configurationDone": self.configuration_done, "disconnect": self.disconnect,
            "terminate": self.terminate, "pause": lambda _: None, "cancel": lambda _: None,
        }  # fmt: skip
        self._requests: queue.SimpleQueue[dict[str, Any] | NotUnderstood | None] = (
            queue.SimpleQueue()
        )
        self._cancelled: set[int] = set()
        self._to_program: set[int] = set()  # requests that end it, and not the session
        self._interrupt = threading.Event()
        self._current = self._received = 0
        self._since = self._progress_sent = 0.0
        self._progress = self._is_at_once = False
        self._client: Arguments = Arguments(None)
        self._stop_on_entry = True
        self._shared: dict[str, Any] = {}  # with the sessions of other processes
        self._entry: str | None = None
        self._over = False
        self._has_ended = False
        self._after: list[Callable[[], None]] = []

    def run(self) -> None:
        reader = threading.Thread(target=self._read, daemon=True)
        reader.start()
        try:
            while not self._over and (message := self._requests.get()) is not None:
                if isinstance(message, NotUnderstood):
                    self._not_understood(message)
                else:
                    self._serve(message)
        except OSError:
            pass  # nobody reads any more
        finally:
            if self.launch is not None:
                self.launch.end()
            if self.custom_requests is not None:
                self.custom_requests.close()
            if self.suspended is not None:
                self.suspended.end()
            if self.trace is not None:
                self.trace.close()

    # ---- reading ----

    def _read(self) -> None:
        """Puts requests in line; those to cancel what is being done act at once."""
        try:
            while (message := self._receive()) is not None:
                self._requests.put(message)
                if isinstance(message, NotUnderstood):
                    if message.lost:
                        break
                    continue
                self._notice(message)
        except (OSError, ValueError):
            pass  # closed
        self._interrupt.set()
        if self.launch is not None:
            self.launch.end()  # nobody is there to see what it records
        self._requests.put(None)

    def _receive(self) -> dict[str, Any] | NotUnderstood | None:
        try:
            return self.channel.receive()
        except NotUnderstood as exc:
            return exc

    def _notice(self, message: dict[str, Any]) -> None:
        command = message.get("command")
        if command == "cancel":
            asked = message.get("arguments")
            asked = asked if isinstance(asked, dict) else {}
            number = asked.get("requestId")
            if asked.get("progressId") == RECORDING:
                if self.launch is not None:
                    self.launch.end()
                return
            if isinstance(number, int) and len(self._cancelled) < 10_000:
                self._cancelled.add(number)
            if number in (None, self._current) and not self._is_at_once:
                self._interrupt.set()
        elif message.get("type") == "response":
            if self.launch is not None:
                self.launch.answered(message)
        elif command in ("pause", "terminate") and self.launch and self.launch.is_running:
            if command == "terminate":
                self._to_program.add(_number(message) or 0)
                self.launch.end()
        elif command in ("pause", "disconnect", "terminate"):
            self._interrupt.set()
            if self.launch is not None and command != "pause":
                self.launch.end()

    def check(self, seq: int) -> None:
        """Asked again and again by what may take long. Raises Cancelled."""
        if self._interrupt.is_set():
            raise Cancelled
        now = time.monotonic()
        if now - self._since < PATIENCE:
            return
        if not self._progress:
            self._progress = True
            self.emit("progressStart", {"progressId": f"{self._current}", "title": "Searching the recording",
                                        "requestId": self._current, "cancellable": True})  # fmt: skip
        elif now - self._progress_sent > UPDATE:
            self._progress_sent = now
            self.emit(
                "progressUpdate", {"progressId": f"{self._current}", "message": f"event {seq:,}"}
            )

    # ---- answering ----

    def _serve(self, message: dict[str, Any]) -> None:
        if message.get("type") == "response":
            return  # to what we asked; nothing depends on it
        self._received += 1
        number = _number(message)
        self._current = self._received if number is None else number
        self._since, self._progress = time.monotonic(), False
        command = message.get("command")
        if message.get("type") != "request" or not isinstance(command, str):
            self._refuse("", "a message has to be a request with a command")
            return
        self._is_at_once = command in AT_ONCE
        if self._current in self._cancelled and not self._is_at_once:
            self._cancelled.discard(self._current)
            self._refuse(command, "cancelled")
            return
        self._interrupt.clear()
        try:
            self._obey(command, message.get("arguments"))
        finally:
            if self._progress:
                self.emit("progressEnd", {"progressId": f"{self._current}"})
            self._cancelled.discard(self._current)

    def _obey(self, command: str, given: object) -> None:
        try:
            asked = Arguments(given)
            if self.movement is not None and command in self.movement.moves:
                move = self.movement.moves[command](asked)
                self._answer(
                    command, {"allThreadsContinued": True} if "ontinue" in command else None
                )
                self._move(move, self.movement)
                return
            if self.movement is not None and command == "evaluate":
                typed = self.movement.typed(asked)
                if typed is not None:
                    self._move_as_typed(typed, self.movement)
                    return
            handler = self._handler(command)
            self._answer(command, handler(asked))
            while self._after:
                self._after.pop(0)()
        except Cancelled:
            self._refuse(command, "cancelled")
        except Refused as exc:
            self._refuse(command, str(exc))
        except errors.RecorderError as exc:
            self._refuse(command, str(exc))
        except OSError:
            raise  # audit: nobody reads any more; run() ends
        except Exception as exc:
            self._refuse(command, f"{errors.from_exception(exc)}")

    def _handler(self, command: str) -> Callable[[Arguments], dict[str, Any] | None]:
        handler = self._commands.get(command)
        if handler is None and self.state is None:
            raise Refused(NEEDS_TRACE)
        if handler is None:
            raise Refused(f"{command[:60]} is nothing that a recording can do")
        return handler

    def _move(self, move: Callable[[], None], movement: Movement) -> None:
        try:
            move()
        except Cancelled:
            now = movement.state.position
            if now is not None:
                movement.arrive(now, "pause", description="Paused: the search was given up")
        except errors.RecorderError as exc:
            movement.console.say(f"{exc}\n", "important")
            if movement.state.position is not None:
                movement.arrive(movement.state.position, "pause")
        movement.report_failed_conditions()

    def _move_as_typed(self, move: Callable[[], None], movement: Movement) -> None:
        """The editor does not know that it has asked for a move."""
        self._answer("evaluate", {"result": "", "variablesReference": 0})
        thread = movement.state.strands.number(movement.state.now)
        self.emit("continued", {"threadId": thread, "allThreadsContinued": True})
        self._move(move, movement)

    def _answer(self, command: str, body: dict[str, Any] | None) -> None:
        answer = {
            "type": "response",
            "request_seq": self._current,
            "success": True,
            "command": command,
        }
        self.channel.send(answer if body is None else {**answer, "body": body})

    def _refuse(self, command: str, why: str) -> None:
        error = {"id": FAILED, "format": why.replace("{", "(").replace("}", ")"), "showUser": False}
        self.channel.send({
            "type": "response", "request_seq": self._current, "success": False, "command": command,
            "message": why, "body": {"error": error},
        })  # fmt: skip

    def emit(self, event: str, body: dict[str, Any] | None = None) -> None:
        if event.startswith("progress") and not self._client.flag("supportsProgressReporting"):
            return
        if event == "invalidated" and not self._client.flag("supportsInvalidatedEvent"):
            return
        message: dict[str, Any] = {"type": "event", "event": event}
        self.channel.send(message if body is None else {**message, "body": body})

    def ask(self, command: str, arguments: dict[str, Any]) -> None:
        """A request to the editor. Its answer tells nothing that is needed."""
        self.channel.send({"type": "request", "command": command, "arguments": arguments})

    def _not_understood(self, exc: NotUnderstood) -> None:
        """The answer has to have a number: editors count their messages from 1."""
        self._received += 1
        self._current = self._received
        self._refuse("", str(exc))

    # ---- the session ----

    def initialize(self, asked: Arguments) -> dict[str, Any]:
        self._client = asked
        if asked.optional("pathFormat") not in (None, "path"):
            raise Refused("only paths are understood, and no addresses")
        return {**CAPABILITIES, "exceptionBreakpointFilters": FILTERS,
                "supportedChecksumAlgorithms": []}  # fmt: skip

    def attach(self, asked: Arguments) -> None:
        self._open(asked.text("trace"), asked)

    def start_launch(self, asked: Arguments) -> None:
        if self.trace is not None:
            raise Refused("a trace is open already")
        launch = Launch(asked, self.emit, self.ask)
        if launch.console != CONSOLES[0] and not self._client.flag("supportsRunInTerminalRequest"):
            raise Refused(f"this editor has no terminal; console may be {CONSOLES[0]}")
        self.launch = launch
        path = self.launch.record()
        if self._interrupt.is_set():
            raise Cancelled
        self._open(path, asked)

    def _open(self, path: str, asked: Arguments) -> None:
        if self.trace is not None:
            raise Refused("a trace is open already")
        mappings = [
            (one.text("localRoot"), one.text("remoteRoot")) for one in asked.parts("pathMappings")
        ]
        self._stop_on_entry = asked.flag("stopOnEntry", True)
        self._shared = {
            "stopOnEntry": self._stop_on_entry,
            "pathMappings": [{"localRoot": here, "remoteRoot": there} for here, there in mappings],
        }
        self._entry = asked.optional("entry")
        self.trace = open_trace(path)
        self.suspended = Suspended(self.trace, self._tell_tasks)
        self.state = State(self.trace, mappings, self.check, self.suspended)
        self.breakpoints = Breakpoints(self.state)
        console = Console(self.state, self.emit)
        self.movement = Movement(self.state, self.breakpoints, console, self.emit)
        self.custom_requests = CustomRequests(self.state, self.emit)
        for part in (
            Inspection(self.state), self.custom_requests, self.breakpoints, self.movement, console,
        ):  # fmt: skip
            self._commands |= part.commands
        self._after.append(lambda: self.emit("initialized"))

    def configuration_done(self, _: Arguments) -> None:
        movement, state = self.movement, self.state
        if movement is None or state is None or self.trace is None:
            raise Refused(NEEDS_TRACE)
        movement.console.say(self._about(self.trace))
        self._after.append(lambda: self._begin(movement, state))

    def _begin(self, movement: Movement, state: State) -> None:
        first = state.walk.first_line(0)
        if first is None or (self._stop_on_entry and not self._entry):
            movement.begin()
        else:
            state.move(first)
            entry = self._entry
            self._move(lambda: movement.begin(entry) if entry else movement.run(False), movement)
        if state.position is None:
            movement.console.say("nothing was recorded\n", "important")
            self._tell_end()
        elif self.launch is not None:
            self._tell_others(movement, self.launch.others())

    def _tell_others(self, movement: Movement, traces: list[str]) -> None:
        """Of processes that the program started: each is a session of its own, below this one where the editor can."""
        for path in traces[:MOST_OTHERS]:
            if self._client.flag("supportsStartDebuggingRequest"):
                about = {"type": "recorder", "name": os.path.basename(path), "trace": path}
                configuration = {**about, **self._shared}
                self.ask("startDebugging", {"request": "attach", "configuration": configuration})
            else:
                movement.console.say(f"a process that it started: {path}\n")
        if len(traces) > MOST_OTHERS:
            movement.console.say(f"and {len(traces) - MOST_OTHERS:,} more processes\n")

    def _tell_tasks(self) -> None:
        """They are known now, which they were not when the editor asked."""
        try:
            self.emit("invalidated", {"areas": ["threads"]})
        except OSError:
            pass  # nobody reads any more; the session notices by itself

    @staticmethod
    def _about(trace: Trace) -> str:
        said = f"{trace.path}: {len(trace):,} events, {trace.verdict_so_far}"
        return said + (f": {trace.failure.message}\n" if trace.failure is not None else "\n")

    def terminate(self, _: Arguments) -> None:
        """While it is recorded the program is told to end, and what was recorded is then open: to look at that is why
        one stops a server."""
        if self._current in self._to_program and self.trace is not None:
            self._to_program.discard(self._current)
        else:
            self._after.append(self._tell_end)

    def _tell_end(self) -> None:
        """How the program ended is told only now: to editors a session whose program has exited is over. Once, as
        there are some that ask for the end whenever it is told."""
        if self._has_ended:
            return
        self._has_ended = True
        if self.launch is not None and self.launch.exit_code is not None:
            self.emit("exited", {"exitCode": self.launch.exit_code})
        self.emit("terminated")

    def disconnect(self, _: Arguments) -> None:
        self._over = True


def _number(message: dict[str, Any]) -> int | None:
    """Of a request: from 1 on, as the protocol has it; there are clients that begin with 0."""
    number = message.get("seq")
    return number if type(number) is int and number >= 0 else None
