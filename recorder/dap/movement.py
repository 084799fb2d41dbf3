"""Requests that move through the recording: steps and runs, in both directions, and jumps."""

from __future__ import annotations

import os
from collections.abc import Callable
from itertools import islice
from typing import Any, Final

from recorder._core.decode import Function
from recorder.dap.arguments import Arguments, Refused
from recorder.dap.breakpoints import Breakpoints, executions
from recorder.dap.console import Console
from recorder.dap.position import Position
from recorder.dap.state import State
from recorder.dap.stops import Met, passed
from recorder.trace.filters import is_named

MOST_TARGETS: Final = 100
# Typed where expressions are, for editors that have no keys to go back.
TYPED: Final = {
    ".back": "stepBack",
    ".back-in": "recorder.stepBackIn",
    ".back-out": "recorder.stepBackOut",
    ".reverse": "reverseContinue",
    ".goto": "recorder.goto",
}
Emit = Callable[[str, dict[str, Any]], None]


class Movement:
    """`emit` sends an event. What moves answers None at once, and is then done by `pending`."""

    def __init__(
        self, state: State, breakpoints: Breakpoints, console: Console, emit: Emit
    ) -> None:
        self.state = state
        self.console = console
        self.walk = state.walk
        self.breakpoints = breakpoints
        self.emit = emit
        self._targets: dict[int, Position] = {}
        self.moves: dict[str, Callable[[Arguments], Callable[[], None]]] = {
            "continue": lambda _: lambda: self.run(False),
            "reverseContinue": lambda _: lambda: self.run(True),
            "next": lambda asked: self._step(asked, self.walk.next),
            "stepIn": self.step_in,
            "stepOut": lambda asked: self._step(asked, self.walk.step_out),
            "stepBack": self.step_back,
            "recorder.stepBackIn": lambda asked: self._step(asked, self.walk.back_in, back=True),
            "recorder.stepBackOut": lambda asked: self._step(asked, self.walk.back_out, back=True),
            "goto": self.goto,
            "restartFrame": self.restart_frame,
            "restart": lambda _: self.begin,
            "recorder.goto": self.goto_event,
        }
        self.commands = {
            "gotoTargets": self.goto_targets,
            "stepInTargets": self.step_in_targets,
            "recorder.position": self.where,
        }

    def typed(self, asked: Arguments) -> Callable[[], None] | None:
        """The move that is typed into a console: `.back`, `.goto 12`. None: it is an expression."""
        word, _, number = asked.text("expression", "").strip().partition(" ")
        if word not in TYPED or asked.optional("context") not in (None, "repl"):
            return None
        given: dict[str, Any] = {}
        if word == ".goto":
            if not number.strip().isdecimal():
                raise Refused(".goto takes the number of an event")
            given["seq"] = int(number)
        elif number:
            raise Refused(f"{word} takes nothing else")
        return self.moves[TYPED[word]](Arguments(given))

    # ---- steps ----

    def step_in(self, asked: Arguments) -> Callable[[], None]:
        if asked.has("targetId"):
            return self._to_target(asked.number("targetId"), "step")
        return self._step(asked, self.walk.step_in)

    def step_back(self, asked: Arguments) -> Callable[[], None]:
        by_event = asked.optional("granularity") == "instruction"
        return self._step(asked, self.walk.back_in if by_event else self.walk.back, back=True)

    def _step(
        self,
        asked: Arguments,
        step: Callable[[Position], Position | None],
        *,
        back: bool = False,
    ) -> Callable[[], None]:
        now, present = self._in_thread(asked), self.state.now.seq

        def move() -> None:
            found = step(now)
            if back:
                bounds = 0 if found is None else found.seq + found.after, present
            elif found is None:
                bounds = present + 1, self.walk.end
            else:
                bounds = present + 1, found.seq + (not found.after)
            if self._met(*bounds, back):
                return
            if found is None:
                self._at_the_end(back)
            else:
                self.arrive(found, "step")

        return move

    def _in_thread(self, asked: Arguments) -> Position:
        """The present position, or where another thread or task is at this moment."""
        now = self.state.now
        if not asked.has("threadId"):
            return now
        return self.state.strands.position(now, asked.number("threadId"))

    # ---- runs ----

    def run(self, back: bool) -> None:
        now = self.state.now
        start, stop = (0, now.seq) if back else (now.seq + 1, self.walk.end)
        if not self._met(start, stop, back):
            self._at_the_end(back)

    def _met(self, start: int, stop: int, back: bool) -> bool:
        """Whether a breakpoint within these bounds stopped it, the nearest one."""
        for met in passed(self.walk, self.breakpoints.all, start, stop, back):
            self._say(met)
            if any(one.stop.log is None for one in met):
                self._stop_at(met)
                return True
        return False

    def _say(self, met: list[Met]) -> None:
        for one in met:
            if one.stop.log is not None:
                event = self.state.trace[one.seq]
                source = self.state.files.of(event.function)
                self.console.say(one.text + "\n", source=source, line=event.line)

    def _stop_at(self, met: list[Met]) -> None:
        stops = [one for one in met if one.stop.log is None]
        position = Position(self.state.trace[stops[0].seq])
        numbers = [one.stop.number for one in stops if one.stop.number]
        said = [one.text or (one.stop.says(one.seq) if one.stop.says else "") for one in stops]
        more: dict[str, Any] = {"hitBreakpointIds": numbers}
        if any(said):
            more["description"] = f"Paused: {'; '.join(filter(None, said))}"
        if stops[0].stop.reason == "exception" and position.event.value is not None:
            more["text"] = position.event.value.show()
        self.arrive(position, stops[0].stop.reason, **more)

    def report_failed_conditions(self) -> None:
        for stop in self.breakpoints.all:
            if stop.failed:
                self.console.say(
                    f"the condition of a breakpoint cannot be asked: {stop.failed}\n", "important"
                )
                stop.failed = ""

    # ---- arriving ----

    def begin(self, function: str | None = None) -> None:
        """At the first line, or at that of the first call of a function."""
        first = self._called(function) if function else None
        first = first or self.walk.first_line(0) or self._any()
        if first is not None:
            self.arrive(first, "entry")

    def _called(self, function: str) -> Position | None:
        def wanted(one: Function) -> bool:
            return is_named(one.qualified_name, function)

        for call in self.walk.find(0, None, kind="call", function=wanted):
            return self.walk.first_line(call.seq, frame=call.frame)
        self.console.say(f"{function[:200]} was not called\n", "important")
        return None

    def _any(self) -> Position | None:
        event = next(self.state.trace.events(), None)
        return None if event is None else Position(event)

    def _at_the_end(self, back: bool) -> None:
        """There is nothing further: it stays where the recording begins or ends."""
        if back:
            first = self.walk.first_line(0) or self._any()
            text = "the beginning of the recording"
        else:
            first, text = self.walk.last(), self._end()
        if first is not None:
            self.arrive(first, "step", description=f"Paused at {text}", text=text)

    def _end(self) -> str:
        trace = self.state.trace
        if trace.failure is not None:
            return f"the end of the recording, which stopped early: {trace.failure.message}"
        status = trace.exit_status
        if status is None:
            return "the end of the recording"
        ended = f"signal {-status} ended it" if status < 0 else f"it exited with {status}"
        return f"the end of the recording; {ended}"

    def arrive(self, position: Position, reason: str, **more: Any) -> None:
        self.state.move(position)
        self._targets.clear()
        self.console.arrive(position.seq)
        thread = self.state.strands.number(position)
        self.emit(
            "stopped", {"reason": reason, "threadId": thread, "allThreadsStopped": True, **more}
        )

    # ---- jumps ----

    def where(self, _: Arguments) -> dict[str, Any]:
        event = self.state.now.event
        since = event.time - int(self.state.trace.header["started"])
        return {
            "trace": os.path.abspath(self.state.trace.path),
            "seq": event.seq,
            "events": self.walk.end,
            "nanoseconds": max(since, 0),
            "kind": event.kind,
        }

    def goto_targets(self, asked: Arguments) -> dict[str, Any]:
        path = self.state.files.recorded(asked.part("source").text("path", ""))
        line = asked.number("line")
        found = executions(self.state, path, line, MOST_TARGETS)
        return {"targets": [self._target(event, line) for event in found]}

    def step_in_targets(self, asked: Arguments) -> dict[str, Any]:
        if self.state.frame(asked.number("frameId")).frame != self.walk.top(self.state.now).frame:
            return {"targets": []}
        targets = []
        for call in islice(self.walk.calls_of(self.state.now), MOST_TARGETS):
            first = self.walk.entry(call.frame, call.thread.number, call.seq) or Position(call)
            self._targets[len(self._targets) + 1] = first
            targets.append({"id": len(self._targets), "label": call.title})
        return {"targets": targets}

    def _target(self, event: Any, line: int) -> dict[str, Any]:
        self._targets[len(self._targets) + 1] = Position(event)
        since = max(event.time - int(self.state.trace.header["started"]), 0) / 1e9
        label = f"event {event.seq:,} at {since:.6f} s, in {event.title}"
        return {"id": len(self._targets), "label": label, "line": line}

    def goto(self, asked: Arguments) -> Callable[[], None]:
        return self._to_target(asked.number("targetId"), "goto")

    def _to_target(self, number: int, reason: str) -> Callable[[], None]:
        if number not in self._targets:
            raise Refused("that target is of another moment")
        position = self._targets[number]
        return lambda: self.arrive(position, reason)

    def goto_event(self, asked: Arguments) -> Callable[[], None]:
        position = Position(self.state.trace.at(asked.number("seq")).event)
        return lambda: self.arrive(position, "goto")

    def restart_frame(self, asked: Arguments) -> Callable[[], None]:
        frame = self.state.frame(asked.number("frameId"))
        first = self.walk.entry(frame.frame, self.state.thread_of(frame), self.state.now.seq)
        if first is None:
            raise Refused("this call began before the recording did")
        return lambda: self.arrive(first, "restart")
