"""Requests about a moment: threads, stacks, variables, expressions, texts."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

from recorder import errors
from recorder.dap.arguments import Arguments, Refused
from recorder.dap.state import State
from recorder.dap.variables import Item, children, is_special, of_mapping
from recorder.trace import class_attributes
from recorder.trace.expressions.functions import FUNCTIONS, MAKERS
from recorder.trace.filters import is_own
from recorder.trace.snapshots import Event, Frame
from recorder.trace.values.render import show

CHANGES: Final = "this is a recording: what happened cannot be changed"
PATH: Final = re.compile(r"(?:(.*)\.)?(\w*)$", re.DOTALL)
COPIED: Final = 1 << 20  # characters of a value that is copied
LINE: Final = 200


class Inspection:
    def __init__(self, state: State) -> None:
        self.state = state
        self.trace = state.trace
        self.commands = {
            "threads": self.threads, "stackTrace": self.stack_trace, "scopes": self.scopes,
            "variables": self.variables, "evaluate": self.evaluate, "completions": self.completions,
            "source": self.source, "loadedSources": self.loaded_sources, "modules": self.modules,
            "exceptionInfo": self.exception_info, "setVariable": self.refuse, "setExpression": self.refuse,
        }  # fmt: skip

    # ---- stacks ----

    def threads(self, _: Arguments) -> dict[str, Any]:
        """Threads, greenlets and tasks."""
        now = self.state.position
        found = () if now is None else self.state.strands.at(now)
        return {"threads": [{"id": one.number, "name": one.name} for one in found]}

    def stack_trace(self, asked: Arguments) -> dict[str, Any]:
        frames = self.state.stack(asked.number("threadId"))
        start, levels = asked.number("startFrame", 0), asked.number("levels", 0)
        wanted = frames[start : start + levels] if levels > 0 else frames[max(start, 0) :]
        return {"stackFrames": [self._frame(one) for one in wanted], "totalFrames": len(frames)}

    def _frame(self, frame: Frame | Event) -> dict[str, Any]:
        answer = {
            "id": self.state.number_of(frame),
            "name": frame.title,
            "line": frame.line,
            "column": 1,
            "source": self.state.files.of(frame.function),
            "canRestart": True,
        }
        if not is_own(frame.file):
            answer["presentationHint"] = "subtle"
        return answer

    # ---- variables ----

    def scopes(self, asked: Arguments) -> dict[str, Any]:
        frame = self.state.frame(asked.number("frameId"))
        scopes = [self._scope("Locals", "locals", list(of_mapping(frame.locals)))]
        of_class = class_attributes.of_first_argument(frame)
        if of_class is not None:
            argument, name, found = of_class
            items = [
                Item(one, part.value._tree, part.value._tree, f"{argument}.{one}")
                for one, part in found.items()
                if not is_special(one)
            ]
            if items:
                scopes.append(self._scope(f"Class {name}", None, items))
        outcome = self._outcome(frame)
        if outcome is not None:
            scopes.insert(0, outcome)
        if frame.function.name != "<module>":  # whose variables are its globals
            is_now = not isinstance(frame, Event) or frame.seq == self.state.now.seq
            name = "Globals" if is_now else "Globals, when it was suspended"
            found = self._scope(name, "globals", list(of_mapping(frame.globals)))
            scopes.append({**found, "expensive": True})
        return {"scopes": scopes}

    def _outcome(self, frame: Frame | Event) -> dict[str, Any] | None:
        """What a function returned, where it just did; or the exception that was raised."""
        event = self.state.now.event
        if event.value is None:
            return None
        item = Item(event.title, event.value._tree, event.value._tree)
        if event.kind in ("return", "yield") and self._is_top(frame):
            return self._scope("Return value", "returnValue", [item])
        if event.kind in ("raise", "reraise", "throw", "unwind", "handled") and self._is_top(frame):
            return self._scope("Exception", None, [item._replace(name=event.value.type_name)])
        return None

    def _is_top(self, frame: Frame | Event) -> bool:
        return frame.frame == self.state.walk.top(self.state.now).frame

    def _scope(self, name: str, hint: str | None, items: list[Item]) -> dict[str, Any]:
        answer = {
            "name": name,
            "variablesReference": self.state.references.scope(items),
            "namedVariables": len(items),
            "expensive": False,
        }
        return answer if hint is None else {**answer, "presentationHint": hint}

    def variables(self, asked: Arguments) -> dict[str, Any]:
        only = asked.optional("filter")
        items = self.state.references.page(
            asked.number("variablesReference"),
            max(asked.number("start", 0), 0),
            max(asked.number("count", 0), 0),
            only if only in ("indexed", "named") else None,
        )
        if items is None:
            raise Refused("that value is of another moment")
        in_hex = asked.part("format").flag("hex")
        shown = [self.state.references.shown(one, in_hex=in_hex) for one in items]
        return {"variables": shown}

    # ---- expressions ----

    def evaluate(self, asked: Arguments) -> dict[str, Any]:
        text = asked.text("expression")
        number = asked.number("frameId") if asked.has("frameId") else None
        frame = self.state.frame(number)
        try:
            answer = self.trace.evaluate(text, frame)
        except errors.RecorderUsageError as exc:
            raise Refused(_why_not(text, exc)) from exc
        if answer.kind == "error":
            raise Refused(answer.reason)
        if answer.kind == "unknown":
            return {"result": f"unknown: {answer.reason}", "variablesReference": 0}
        path = text.strip() if _is_path(text) else ""
        item = Item("", answer.tree, answer.tree, path)
        shown = self.state.references.shown(item, in_hex=asked.part("format").flag("hex"))
        if asked.optional("context") == "clipboard":
            shown["value"] = show(answer.tree, COPIED)
        result = {"result": shown.pop("value"), **shown}
        del result["name"]
        result.pop("evaluateName", None)
        return result

    def completions(self, asked: Arguments) -> dict[str, Any]:
        text = asked.text("text")[: max(asked.number("column") - 1, 0)]
        frame = self.state.frame(asked.number("frameId") if asked.has("frameId") else None)
        found = PATH.search(text.rpartition("\n")[2])
        before, start = (None, "") if found is None else (found[1], found[2])
        if before:
            tail = re.search(r"[\w.\[\]'\"]*$", before)
            names = list(self._attributes(tail[0] if tail else "", frame))
        else:
            names = [*frame.locals, *frame.globals, *FUNCTIONS, *MAKERS]
        wanted = sorted({one for one in names if one.startswith(start)})
        return {"targets": [{"label": one, "length": len(start)} for one in wanted[:200]]}

    def _attributes(self, path: str, frame: Frame | Event) -> Iterator[str]:
        try:
            answer = self.trace.evaluate(path, frame)
        except errors.RecorderUsageError:
            return
        found = children(Item("", answer.tree, answer.tree)) if answer.kind == "known" else None
        for one in found.make() if found is not None else ():
            if one.name.isidentifier():
                yield one.name

    def refuse(self, _: Arguments) -> dict[str, Any]:
        raise Refused(CHANGES)

    # ---- texts ----

    def source(self, asked: Arguments) -> dict[str, Any]:
        source = asked.part("source")
        reference = asked.number("sourceReference", 0) or source.number("sourceReference", 0)
        text = self.state.files.text(reference, source.optional("path"))
        if text is None:
            raise Refused("this text is not in the trace")
        return {"content": text, "mimeType": "text/x-python"}

    def loaded_sources(self, _: Arguments) -> dict[str, Any]:
        return {"sources": self.state.files.loaded()}

    def modules(self, asked: Arguments) -> dict[str, Any]:
        spaces = [one for one in self.trace.namespaces if one.name and one.class_name is None]
        names = {one.name: one.number for one in spaces}
        modules = [{"id": number, "name": name} for name, number in sorted(names.items())]
        start, count = asked.number("startModule", 0), asked.number("moduleCount", 0)
        return {
            "modules": modules[start : start + count] if count > 0 else modules[max(start, 0) :],
            "totalModules": len(modules),
        }

    def exception_info(self, _: Arguments) -> dict[str, Any]:
        event = self.state.now.event
        if event.value is None or event.kind not in (
            "raise",
            "reraise",
            "throw",
            "handled",
            "unwind",
        ):
            raise Refused("there is no exception at this moment")
        name = event.value.type_name
        return {
            "exceptionId": name,
            "description": event.value.show(2_000),
            "breakMode": "always",
            "details": {
                "typeName": name.rpartition(".")[2],
                "fullTypeName": name,
                "message": event.value.show(LINE),
                "stackTrace": "".join(self._traceback()),
            },
        }

    def _traceback(self) -> Iterator[str]:
        for frame in self.state.walk.stack(self.state.now):
            yield f'  File "{self.state.files.here(frame.file)}", line {frame.line}, in {frame.title}\n'
            source = self.trace.source_of(frame.function)
            lines = [] if source is None else source.lines
            if 0 < frame.line <= len(lines):
                yield f"    {lines[frame.line - 1].strip()}\n"


def _why_not(text: str, exc: errors.RecorderError) -> str:
    if re.match(r"\s*[\w.\[\]'\"]+\s*([-+*/%&|^@]|//|\*\*|<<|>>)?=(?!=)", text) or ":=" in text:
        return CHANGES
    return exc.message


def _is_path(text: str) -> bool:
    return re.fullmatch(r"[\w.]+(?:\[[^\[\]]*\][\w.]*)*", text.strip()) is not None
