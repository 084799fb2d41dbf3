"""Requests that set breakpoints. Each replaces all of its kind, and says of each whether it can be met."""

from __future__ import annotations

import json
from array import array
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any, Final

from recorder import errors
from recorder.dap.arguments import Arguments, Refused
from recorder.dap.state import State
from recorder.dap.stops import Stop
from recorder.trace.existence import Existence
from recorder.trace.expressions.expression import Expression
from recorder.trace.snapshots import Event
from recorder.trace.watching import Watched

FILTERS: Final = [
    {"filter": "raised", "label": "Raised exceptions", "default": False, "supportsCondition": True,
     "conditionDescription": "types, such as ValueError, KeyError"},
    {"filter": "uncaught", "label": "Uncaught exceptions", "default": True, "supportsCondition": True,
     "conditionDescription": "types, such as ValueError, KeyError"},
]  # fmt: skip
MOST_CHANGES: Final = 1_000_000  # of one data breakpoint


class Breakpoints:
    def __init__(self, state: State) -> None:
        self.state = state
        self.trace = state.trace
        self.lines: dict[str, list[Stop]] = {}
        self.functions: list[Stop] = []
        self.data: list[Stop] = []
        self.exceptions: list[Stop] = []
        self._made = 0
        self.commands = {
            "setBreakpoints": self.set_lines, "setFunctionBreakpoints": self.set_functions,
            "setExceptionBreakpoints": self.set_exceptions, "dataBreakpointInfo": self.data_info,
            "setDataBreakpoints": self.set_data, "breakpointLocations": self.locations,
        }  # fmt: skip

    @property
    def all(self) -> list[Stop]:
        lines = [stop for stops in self.lines.values() for stop in stops]
        return [*lines, *self.functions, *self.data, *self.exceptions]

    # ---- lines ----

    def set_lines(self, asked: Arguments) -> dict[str, Any]:
        source = asked.part("source")
        path = self.state.files.recorded(source.text("path", ""))
        wanted = asked.parts("breakpoints")
        if not wanted and asked.has("lines"):  # as older editors ask
            wanted = [Arguments({"line": line}) for line in asked.items("lines")]
        known = self.state.files.lines(path)
        stops: list[Stop] = []
        answers = [self._line(one, path, known, stops) for one in wanted]
        self.lines[path] = stops
        return {"breakpoints": answers}

    def _line(
        self, one: Arguments, path: str, known: list[int], stops: list[Stop]
    ) -> dict[str, Any]:
        line = one.number("line")
        if not known:
            return self._failed("no code of this file was recorded", line=line)
        at = next((number for number in known if number >= line), None)
        if at is None:
            return self._failed("there is no code at or below this line", line=line)
        asked: dict[str, Any] = {
            "kind": "line", "function": self.state.walk.is_of(path), "line": at,
        }  # fmt: skip
        answer = self._made_of(one, "breakpoint", asked, stops, line=at)
        if answer["verified"] and next(self.state.walk.find(0, None, **asked), None) is None:
            answer["message"] = "this line never ran"
        return answer

    def locations(self, asked: Arguments) -> dict[str, Any]:
        path = self.state.files.recorded(asked.part("source").text("path", ""))
        first = asked.number("line")
        last = asked.number("endLine", first)
        lines = [one for one in self.state.files.lines(path) if first <= one <= last]
        return {"breakpoints": [{"line": one} for one in lines]}

    # ---- functions, exceptions ----

    def set_functions(self, asked: Arguments) -> dict[str, Any]:
        stops: list[Stop] = []
        answers = []
        for one in asked.parts("breakpoints"):
            name = one.text("name").removesuffix("()")
            try:
                said = Existence(self.trace).function(name)
            except errors.NotInTraceError as exc:
                answers.append(self._failed(exc.message))
                continue
            answer = self._made_of(
                one, "function breakpoint", {"kind": "call", "function": name}, stops
            )
            answers.append({**answer, **({"message": said} if said else {})})
        self.functions = stops
        return {"breakpoints": answers}

    def set_exceptions(self, asked: Arguments) -> dict[str, Any]:
        chosen = [(one, "") for one in asked.texts("filters")]
        chosen += [
            (one.text("filterId"), one.optional("condition") or "")
            for one in asked.parts("filterOptions")
        ]
        stops: list[Stop] = []
        answers = [self._exception(name, types, stops) for name, types in chosen]
        self.exceptions = stops
        return {"breakpoints": answers}

    def _exception(self, name: str, types: str, stops: list[Stop]) -> dict[str, Any]:
        named = [one.strip() for one in types.split(",") if one.strip()]
        wanted: list[str | None] = [*named] or [None]
        number = self._number()
        for one in wanted:
            if name == "raised":
                asked = {"kind": "raise", "exception": one}
                stops.append(Stop(self.state.walk, "exception", number=number, asked=asked))
            elif name == "uncaught":
                places = array("Q", sorted(self._uncaught(one)))
                stops.append(Stop(self.state.walk, "exception", number=number, places=places))
            else:
                return self._failed(f"there is no kind of exceptions called {name[:100]}")
        return {"id": number, "verified": True}

    def _uncaught(self, type_name: str | None) -> Iterator[int]:
        """How a program exits is told at its end: SystemExit only where it is named."""
        for one in self.trace.exceptions(type_name, uncaught=True):
            self.state.walk.check(one.origin.seq)
            if type_name is not None or one.type_name != "SystemExit":
                yield one.origin.seq

    # ---- data ----

    def data_info(self, asked: Arguments) -> dict[str, Any]:
        name = asked.text("name")
        path = name
        if asked.has("variablesReference"):
            items = self.state.references.page(asked.number("variablesReference"))
            path = next((one.path for one in items or () if one.name == name), "")
        try:
            expression = Expression(path) if path else None
        except errors.InvalidArgumentError:
            expression = None
        if expression is None or not expression.is_path:
            return {
                "dataId": None,
                "description": f"{name[:100]} is not a variable or a part of one",
            }
        number = asked.number("frameId") if asked.has("frameId") else None
        frame = self.state.frame(number)
        is_local = expression.names[0] in frame.locals and not frame.function.is_body
        owner = {"frame": frame.frame, "function": frame.function.number} if is_local else {}
        return {
            "dataId": json.dumps({"path": path, **owner}),
            "description": f"{path} in this call of {frame.title}" if is_local else path,
            "accessTypes": ["write"],
            "canPersist": False,
        }

    def set_data(self, asked: Arguments) -> dict[str, Any]:
        stops: list[Stop] = []
        answers = [self._data(one, stops) for one in asked.parts("breakpoints")]
        self.data = stops
        return {"breakpoints": answers}

    def _data(self, one: Arguments, stops: list[Stop]) -> dict[str, Any]:
        try:
            wanted = Arguments(json.loads(one.text("dataId")))
            path = wanted.text("path")
            frame = wanted.number("frame") if wanted.has("frame") else None
            function = wanted.number("function", -1)
        except (ValueError, RecursionError):
            return self._failed("this is no variable of the recording")
        if one.optional("accessType") not in (None, "write"):
            return self._failed("reads of variables are not recorded: only writes")
        places = array("Q")
        said: dict[int, str] = {}
        for changed in self.trace.watch(path, lambda each: function in (-1, each.number)):
            self.state.walk.check(changed.seq)
            if _is_write(changed, path) and (frame is None or changed.event.frame == frame):
                places.append(changed.seq)
                said[changed.seq] = _did(changed, path)
            if len(places) >= MOST_CHANGES:
                break
        return self._made_of(
            one,
            "data breakpoint",
            {},
            stops,
            places=places,
            says=said.get,
        )

    # ---- inside ----

    def _made_of(
        self,
        one: Arguments,
        reason: str,
        asked: dict[str, Any],
        stops: list[Stop],
        *,
        places: array[int] | None = None,
        says: Callable[[int], str | None] | None = None,
        **more: Any,
    ) -> dict[str, Any]:
        number = self._number()
        try:
            stops.append(
                Stop(
                    self.state.walk, reason, number=number, asked=asked, places=places, says=says,
                    when=one.optional("condition"), hits=one.optional("hitCondition"), log=one.optional("logMessage"),
                )
            )  # fmt: skip
        except (errors.InvalidArgumentError, Refused) as exc:
            return {**self._failed(str(getattr(exc, "message", exc))), **more}
        return {"id": number, "verified": True, **more}

    def _failed(self, why: str, **more: Any) -> dict[str, Any]:
        return {"id": self._number(), "verified": False, "message": why, "reason": "failed", **more}

    def _number(self) -> int:
        self._made += 1
        return self._made


def _is_write(changed: Watched, path: str) -> bool:
    """That a variable gets its first value is one; that a part of something is first seen is none."""
    return changed.old is not None or (path.isidentifier() and not changed.change.found)


def _did(changed: Watched, path: str) -> str:
    if changed.event.kind == "call":
        return f"the call gave {path}"
    return f"line {changed.change.line} {'set' if changed.old is None else 'changed'} {path}"


def executions(state: State, path: str, line: int, most: int) -> list[Event]:
    """Those of a line, the nearest to the present moment, in order."""
    now = state.now.seq
    asked: dict[str, Any] = {"kind": "line", "function": state.walk.is_of(path), "line": line}
    before = list(islice(state.walk.find(0, now, backwards=True, **asked), most // 2))
    after = list(islice(state.walk.find(now, None, **asked), most - len(before)))
    return before[::-1] + after
