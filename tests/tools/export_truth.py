"""What a trace holds, read straight from its events, in the words in which an export can be asked."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from recorder.trace.format import (
    TAG_DICT,
    TAG_INSTANCE,
    TAG_LIST,
    TAG_NAMED,
    TAG_TUPLE,
    TAG_TYPED,
)
from recorder.trace.reader import Event, Frame, Trace
from recorder.trace.values.nodes import Node
from recorder.trace.values.render import show
from recorder.trace.values.value import Value

SHOWN = 10_000
BEGIN = ("call", "resume", "throw")
END = ("return", "yield", "unwind")


@dataclass
class Activation:
    """A frame from its call or resumption to its return, yield or unwinding."""

    function: str
    title: str  # the same, but of bodies `class NAME` or `module NAME`
    is_body: bool
    thread: int
    frame: int
    began: str
    caller: str | None  # the title of what it is nested in
    depth: int
    ended: str = ""
    locals: dict[str, Value] = field(default_factory=dict)  # as of its last event
    value: Value | None = None
    arguments: list[str] = field(default_factory=list)
    # Where it begins, each line, and its end if a variable changed since the line before.
    steps: list[Event] = field(default_factory=list)
    waits: bool = False  # until the frame above it yields, or ends


@dataclass
class Truth:
    """Of a trace in which every call was seen to end. (On 3.11 a coroutine that goes on when the one
    it waited for has handled a throw is not seen to: it is `running` at its next event.) Activations:
    in the order in which they begin, one thread after the other, the first thread first."""

    activations: list[Activation]
    exceptions: list[Event]  # raise, reraise, handled: one thread after the other, too
    frames: dict[
        int, dict[str, Value]
    ]  # the variables of every frame at its last event; of no module's body
    modules: dict[
        str, dict[str, Value]
    ]  # the globals of every module in the end, if only one has that name
    events: int
    threads: list[int]  # in this order


def truth(trace: Trace) -> Truth:
    stacks: dict[int, list[Activation]] = {}
    found: dict[int, list[Activation]] = {}
    exceptions: dict[int, list[Event]] = {}
    frames = {}
    modules: dict[str, dict[str, Value]] = {}
    unseen: set[int] = set()  # frames of which a variable changed since their last step
    count = 0
    for event in trace.events():
        count += 1
        number = event.thread.number
        stack = stacks.setdefault(number, [])
        if event.kind in BEGIN or event.frame not in [active.frame for active in stack[-1:]]:
            began = event.kind if event.kind in BEGIN else "running"
            while event.kind in BEGIN and len(stack) > event.depth:
                stack.pop()  # it waited for what has ended
            if event.kind in BEGIN and event.depth > len(stack):
                wait(stack, found.setdefault(number, []), trace.at(event.seq).stack[:-1])
            caller = stack[-1].title if stack else None
            name = event.function.qualified_name
            is_body = not event.function._flags & 1  # CO_OPTIMIZED
            active = Activation(
                name, title(event) if is_body else name, is_body, number, event.frame, began, caller, len(stack)
            )  # fmt: skip
            assert active.depth == event.depth
            arguments = event.function.names[: event.function.argument_count]
            active.arguments = [name for name in arguments if name in event.locals]
            stack.append(active)
            found.setdefault(number, []).append(active)
        stack[-1].locals = dict(event.locals)
        if not event._is_module_body:
            frames[event.frame] = stack[-1].locals
        follow_globals(modules, event)
        if event._changed_slots:
            unseen.add(event.frame)
        ends_unlike = event.kind in END and event.frame in unseen
        if event.kind in BEGIN or event.kind == "line" or ends_unlike:
            stack[-1].steps.append(event)
            unseen.discard(event.frame)
        if event.kind in ("raise", "reraise", "handled"):
            exceptions.setdefault(number, []).append(event)
        elif event.kind in END:
            stack[-1].ended, stack[-1].value = event.kind, event.value
            stack.pop()
            while event.kind == "yield" and stack and stack[-1].waits:
                stack.pop()
            if stack:
                stack[-1].waits = False
    names = [namespace.name for namespace in trace.namespaces]
    order = list(found)[:1] + sorted(list(found)[1:])
    return Truth(
        [active for number in order for active in found[number]],
        [event for number in order for event in exceptions.get(number, [])],
        frames,
        {name: modules[name] for name in modules if names.count(name) == 1},
        count,
        order,
    )


def wait(stack: list[Activation], found: list[Activation], frames: list[Frame]) -> None:
    """What is thrown into frames that await one another goes to the innermost. The others are on the stack as well."""
    for frame in frames[len(stack) :]:
        name = frame.function.qualified_name
        caller = stack[-1].title if stack else None
        active = Activation(
            name,
            name,
            False,
            found[-1].thread,
            frame.frame,
            "waiting",
            caller,
            len(stack),
            "waiting",
        )
        active.waits = True
        stack.append(active)
        found.append(active)


def title(event: Event) -> str:
    if event.function.name != "<module>":
        return f"class {event.function.qualified_name}"
    if "__name__" not in event.globals:
        return f"code of {Path(event.file).name}"
    module = event.globals["__name__"].to_python()
    return f"code in {module}" if event.file.startswith("<") else f"module {module}"


def follow_globals(modules: dict[str, dict[str, Value]], event: Event) -> None:
    """The globals of the event's module, and what changed in others."""
    if event.namespace is not None:
        modules[event.namespace.name] = dict(event.globals)
    for change in event._global_changes:
        held = modules.setdefault(change.namespace.name, {})
        if change.raw is None:
            held.pop(change.name, None)
        else:
            held[change.name] = Value(change.raw, event._types)


def clean(text: str) -> str:
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def shown(value: Value | None, limit: int = 1000) -> str:
    assert value is not None
    return clean(value.show(limit))


# ---- values in CodeTracer's words ----------------------------------------------------------------


def from_record(record: Any) -> Any:
    """A value of an export, as Python has it; ("raw", text) for what it has not."""
    kind = record["kind"]
    if kind in ("Int", "Bool"):
        return record["i" if kind == "Int" else "b"]
    if kind == "BigInt":
        number = int.from_bytes(base64.b64decode(record["b"]), "big")
        return -number if record["negative"] else number
    if kind in ("String", "None"):
        return record.get("text")
    if kind in ("Raw", "Error"):
        return "raw", record["r" if kind == "Raw" else "msg"]
    parts = record["field_values"] if kind == "Struct" else record["elements"]
    return kind, [from_record(part) for part in parts]


def wanted(value: Value, *, big: bool) -> Any:
    """What that has to be. `big`: whether ints beyond 64 bits are ints."""
    return ("raw", shown(value, SHOWN)) if value.unexamined else _wanted(value._tree, big)


def _wanted(tree: Any, big: bool) -> Any:
    if isinstance(tree, Node) and tree.tag == TAG_TYPED:
        return _wanted(tree.items[0], big)
    if tree is None or isinstance(tree, bool):
        return tree
    if isinstance(tree, int) and (big or -(2**63) <= tree < 2**63):
        return tree
    if isinstance(tree, str) and clean(tree) == tree:
        return tree
    if isinstance(tree, Node) and TAG_LIST <= tree.tag <= TAG_DICT:
        return _container(tree, big)
    if isinstance(tree, Node) and tree.tag in (TAG_INSTANCE, TAG_NAMED):
        cut = [("raw", f"… {(tree.size or 0) - len(tree.items)} more")] if tree.cut else []
        return "Struct", [_wanted(part, big) for _, part in tree.items] + cut
    return "raw", clean(show(tree, SHOWN))


def _container(node: Node, big: bool) -> Any:
    parts: list[Any] = list(node.items)
    if node.tag == TAG_DICT:
        made = [("Tuple", [_wanted(k, big), _wanted(v, big)]) for k, v in parts]
    else:
        made = [_wanted(part, big) for part in parts]
    if (node.size or 0) > len(parts):
        made.append(("raw", f"… {(node.size or 0) - len(parts)} more"))
    return "Tuple" if node.tag == TAG_TUPLE else "Sequence", made


def replayed(changes: Iterator[tuple[Any, str, Any]]) -> dict[Any, dict[str, Any]]:
    """The last value of every variable of every frame, or module, from its changes; None: it lost it."""
    frames: dict[Any, dict[str, Any]] = {}
    for frame, name, value in changes:
        held = frames.setdefault(frame, {})
        if value is None:
            held.pop(name, None)
        else:
            held[name] = value
    return frames
