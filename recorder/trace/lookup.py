"""What a name or a path (`self.items[0]['id']`) stands for at an event, as far as it is recorded.

A name is a variable of the frame, or else a global of its module. An attribute that an instance does not have itself
is its class's: as it was then; of a class that is not followed, and in traces of earlier versions, what the class's
body left it as.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import Any, NamedTuple, TypeAlias

from recorder import errors
from recorder.trace import class_attributes
from recorder.trace.existence import nearest, not_in_trace
from recorder.trace.expressions.outcomes import Undecided
from recorder.trace.format import (
    TAG_BYTEARRAY,
    TAG_BYTES,
    TAG_DICT,
    TAG_ELIDED,
    TAG_INSTANCE,
    TAG_LIST,
    TAG_MODULE,
    TAG_NAMED,
    TAG_REF,
    TAG_STR,
    TAG_TUPLE,
)
from recorder.trace.reader import Trace
from recorder.trace.snapshots import Event, Frame, Locals
from recorder.trace.values.nodes import (
    Node,
    is_numbered,
    parts,
    qualified,
    type_name,
    without_wrapping,
)
from recorder.trace.values.render import SHOWN, show
from recorder.trace.values.to_json import Json, to_json

Step: TypeAlias = "tuple[str, Any]"  # ("attribute", name) or ("item", key)
FORM = "a name, or a path such as self.items[0]['id']"


@errors.guarded_class("read")
class Found(NamedTuple):
    """What a path stands for."""

    path: str
    tree: Any  # values.nodes
    note: str  # a global's module, a class's attribute; or empty
    unexamined: bool = False  # the variable was not looked at again

    def show(self, limit: int = SHOWN) -> str:
        return show(self.tree, limit) + (" (not looked at again)" if self.unexamined else "")

    def to_json(self) -> Json:
        shown = to_json(self.tree)
        return {"type": "unexamined", "last": shown} if self.unexamined else shown


def parse(path: str) -> tuple[str, list[Step]]:
    """A name, and the steps from its value on. Raises INVALID_ARGUMENT."""
    try:
        node: ast.expr = ast.parse(path.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as exc:
        raise _malformed(path) from exc
    steps: list[Step] = []
    while not isinstance(node, ast.Name):
        if isinstance(node, ast.Attribute):
            steps.append(("attribute", node.attr))
        elif isinstance(node, ast.Subscript):
            try:
                steps.append(("item", ast.literal_eval(node.slice)))
            except (ValueError, TypeError, SyntaxError, RecursionError) as exc:
                raise _malformed(path) from exc
        else:
            raise _malformed(path)
        node = node.value
    return node.id, steps[::-1]


def _malformed(path: str) -> errors.RecorderError:
    return errors.InvalidArgumentError(argument="path", value=path[:100], expected=FORM)


class Lookup:
    """At one event. Raises NOT_IN_TRACE with the nearest names."""

    def __init__(self, trace: Trace, event: Event) -> None:
        self.trace = trace
        self.event = event

    @errors.guarded("read")
    def find(self, path: str, frame: Frame | Event | None = None) -> Found:
        """What the path stands for in a frame of that moment: the event's own, or another."""
        name, steps = parse(path)
        found = self.name(name, frame or self.event)
        root, note = found.tree, found.note  # the value that a reference in it is about
        for kind, key in steps:
            reached = f"{found.path}.{key}" if kind == "attribute" else f"{found.path}[{key!r}]"
            if kind == "attribute":
                found = self.attribute(found, root, key, reached)
            else:
                found = self.item(found, root, key, reached)
            if found.note != note:
                root, note = found.tree, found.note
        return found

    def name(self, name: str, frame: Frame | Event) -> Found:
        for variables, note in self._scopes(frame):
            if name in variables:
                value = variables[name]
                return Found(name, value._tree, note, value.unexamined)
        raise self._unbound(name, frame)

    def _scopes(self, frame: Frame | Event) -> Iterator[tuple[Locals, str]]:
        yield frame.locals, ""
        if frame.namespace is not None:
            yield frame.globals, f"a global of {frame.namespace.name or 'its module'}"

    def _unbound(self, name: str, frame: Frame | Event) -> errors.RecorderError:
        where = frame.title
        slots = list(frame._slots)
        if name in slots:
            return errors.NotInTraceError(
                f"{name} is a variable of {where}, and has no value at this event",
                what="value of", name=name, path=self.trace.path, near="",
            )  # fmt: skip
        if frame.namespace is not None:
            slots += frame.namespace.names
        return not_in_trace(self.trace.path, "variable", name, nearest(name, slots))

    # ---- steps ----

    def attribute(self, of: Found, root: Any, name: str, path: str) -> Found:
        tree = resolved(of.tree, root)
        if isinstance(tree, Node):
            if tree.tag in (TAG_INSTANCE, TAG_NAMED):
                for each, part in tree.items:
                    if each == name:
                        return of._replace(path=path, tree=part)
                if tree.cut:
                    raise self._nothing(path, "it was too large to be recorded whole")
            if tree.tag == TAG_ELIDED:  # its class may have one of the name, and it another
                raise self._nothing(path, "of what it is in only the size is recorded")
            if tree.tag == TAG_MODULE:
                return self._of_module(tree.items, name, path)
            if tree.type is not None:
                return self._of_class_then(tree, name, path) or self._of_class(tree, name, path)
        raise self._nothing(path, f"of a {type_name(tree)} no attributes are recorded")

    def _of_module(self, module: str, name: str, path: str) -> Found:
        changes = self.trace.history(name, stop=self.event.seq + 1, backwards=True)
        for change in changes:
            if change.module == module and change.value is not None:
                note = f"of module {module}, set at event {change.seq}"
                return Found(path, change.value._tree, note, change.value.unexamined)
            if change.module == module:
                break
        raise self._nothing(path, f"module {module} has no {name} in the trace")

    def _of_class_then(self, tree: Node, name: str, path: str) -> Found | None:
        try:
            found = class_attributes.find(self.event, tree.type, name)
        except Undecided:
            return None
        if found is None:
            return None
        value, owner = found
        return Found(path, value._tree, f"of class {owner.class_name}", value.unexamined)

    def _of_class(self, tree: Node, name: str, path: str) -> Found:
        """What the body of a class left its attribute as."""
        module, class_name = tree.type or ("", "")
        own = [each for each, _ in tree.items] if tree.tag in (TAG_INSTANCE, TAG_NAMED) else []
        bodies = self.trace.find(
            "return", function=class_name, stop=self.event.seq, backwards=True
        )  # the last one of that name
        for body in bodies:
            space = body.namespace
            if body.function.is_body and (space is None or space.name in (module, "")):
                variables = body.locals
                if name in variables:
                    note = f"of class {class_name}, as its body left it at event {body.seq}"
                    value = variables[name]
                    return Found(path, value._tree, note, value.unexamined)
                near = nearest(name, [*own, *variables])
                raise not_in_trace(self.trace.path, "attribute", path, near)
        why = f"the body of class {qualified((module, class_name))} was not recorded"
        near = nearest(name, own)
        raise self._nothing(path, why + (f"; did you mean {' or '.join(near)}?" if near else ""))

    def item(self, of: Found, root: Any, key: Any, path: str) -> Found:
        tree = without_wrapping(resolved(of.tree, root))
        if isinstance(tree, Node) and tree.tag == TAG_DICT:
            return of._replace(path=path, tree=self._of_dict(tree, key, path))
        parts_of = _sequence(tree)
        size = tree.size if isinstance(tree, Node) else len(parts_of or ())
        kind = type_name(tree)
        if parts_of is None:
            raise self._nothing(path, f"of a {kind} no items are recorded")
        if type(key) is not int:
            raise self._nothing(path, f"it is a {kind}, with {size} items from 0 on")
        at = key + (size or 0) if key < 0 else key
        if not 0 <= at < len(parts_of):
            held = "" if len(parts_of) == size else f", of which {len(parts_of)} are recorded"
            raise self._nothing(path, f"it is a {kind} of {size} items{held}")
        return of._replace(path=path, tree=parts_of[at])

    def _of_dict(self, tree: Node, key: Any, path: str) -> Any:
        for each, part in tree.items:
            if type(each) is type(key) and each == key:
                return part
        if tree.cut:
            raise self._nothing(path, "it was too large to be recorded whole")
        keys = [each for each, _ in tree.items if isinstance(each, str)]
        raise not_in_trace(self.trace.path, "item", path, nearest(str(key), keys))

    def _nothing(self, path: str, why: str) -> errors.RecorderError:
        return errors.NotInTraceError(
            f"{path} is not in the trace: {why}",
            what="value of", name=path, path=self.trace.path, near="",
        )  # fmt: skip


def _sequence(tree: Any) -> Any:
    """The items of what has them by number, or None."""
    if isinstance(tree, (str, bytes, bytearray)):
        return tree
    if isinstance(tree, Node) and tree.tag == TAG_NAMED:
        return [part for _, part in tree.items]
    if isinstance(tree, Node) and tree.tag in (
        TAG_STR,
        TAG_BYTES,
        TAG_BYTEARRAY,
        TAG_LIST,
        TAG_TUPLE,
    ):
        return tree.items
    return None


def resolved(tree: Any, root: Any) -> Any:
    """A reference as what it refers to: a container of the same value, by the order in which they begin."""
    if not isinstance(tree, Node) or tree.tag != TAG_REF:
        return tree
    number = 0
    waiting = [root]
    while waiting:
        each = waiting.pop()
        if not isinstance(each, Node):
            continue
        if is_numbered(each):
            if number == tree.size:
                return each
            number += 1
        waiting += list(parts(each))[::-1]
    return tree
