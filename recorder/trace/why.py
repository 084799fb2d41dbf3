"""Why a variable has the value that it has: the write that made it, and back from there.

Each step is one write: which line it was, what that line read, which call returned it or gave it as an argument. The
chain goes on where there is one thing to ask for next, and ends where the trace can no longer tell, with the reason.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable
from itertools import islice
from typing import Any, Final, NamedTuple

from recorder import errors
from recorder._core.decode import Function
from recorder.errors import arguments
from recorder.trace import bindings, class_attributes, elsewhere, filters
from recorder.trace.changes import Change, Changes
from recorder.trace.code_flags import SUSPENDS
from recorder.trace.elsewhere import Elsewhere
from recorder.trace.expressions.asking import Asker
from recorder.trace.expressions.expression import (
    Answer,
    Expression,
    for_class,
    given_as,
    made_of,
)
from recorder.trace.expressions.outcomes import Undecided
from recorder.trace.format import TAG_ELIDED
from recorder.trace.frame_search import FrameSearch
from recorder.trace.line_calls import LineCalls, called, is_same, made_by
from recorder.trace.object_history import own_content
from recorder.trace.one_line import Line
from recorder.trace.paths import base_name
from recorder.trace.queries import Queries
from recorder.trace.raises import Origin, Raises, place_of
from recorder.trace.seeking import ALL
from recorder.trace.snapshots import Event, title_of
from recorder.trace.statements import Statement
from recorder.trace.values.differences import what_changed
from recorder.trace.values.exceptions import exception_of
from recorder.trace.values.nodes import Node, has_own, identity_of
from recorder.trace.values.places import places_of
from recorder.trace.values.value import Value, is_definition
from recorder.trace.writes import Writes, Written, is_given, place_in

SHORTEST_CIRCLE: Final = 2  # steps
MOST_STEPS: Final = 50
SUSPENDED: Final = ("resume", "throw")  # the frame was, until then: it changed nothing itself
WAITED: Final = ("assigned", "returned", "entered", "element", "changed")
ENTERS: Final = ("__enter__", "__aenter__")
MOST_THROUGH: Final = 20  # calls, of which each returned what the next one gave it
MOST_LOST: Final = 5  # times that one chain looks for another name
MOST_GETTERS: Final = 20  # calls of one property, or of methods of its name
MOST_UNKNOWN: Final = 1_000  # changes of a variable, to find the last one that is known
MOST_LOOKED_AT: Final = 10_000  # changes of a variable, to find the one that changed a part of it
WAY: Final = re.compile(r"\.\w+|\[[^\]]*\]")  # one step into a value
MOST_LINES: Final = 2_000  # before a coroutine begins, of which one may have made it
MOST_CALLS: Final = 3  # of one line, that are told
A_PATH: Final = "a variable, or a part of one: total, self.items, config['retries']"


class Read(NamedTuple):
    """What a line read, and what it was then."""

    text: str
    value: Answer


@errors.guarded_class("read")
class Step(NamedTuple):
    """A write. `name` got its `value` at `line`, and `event` is the first that sees it. `how`: argument, default,
    enclosing (a variable of the function around), returned, element, assigned, entered, caught, raised (an exception
    that came otherwise), defined, imported, changed (in place), called (changed in a call that the line made), found
    (with its module), or unknown. `text` is the expression it came of. `end`: why the chain ends here; empty where it
    goes on. `at`: where it came of several, the event at which each of `reads` can be asked for. `of_class`: of an
    attribute of a class, which one, and where its body sets it, if that is in the trace: `Basket, shop.py:5`. `inner`:
    the event with which the call ended that returned it, and `through` those of calls that returned just what a call
    gave them, the outermost first. `keys`: the variables that chose it among others, `idx` of `return rows[idx]`, as
    they were at `inner`, or else at `at`. `calls`: the events with which calls ended that the line made, where it is
    made of what they returned. `inner_line`: that of the `return`, where `inner` stands at a `finally` or a `with` that
    held it up. Of an exception `inner` is where it was raised, `text` what was, and `through` has the calls that ended
    by it; `is_raised_by_c`: by what is written in C and that line called. `elsewhere`: what was sent while the line
    waited, and where the same value had stood in another thread or task."""

    name: str
    value: Answer
    event: Event
    function: Function | None
    file: str
    line: int
    how: str
    text: str = ""
    reads: tuple[Read, ...] = ()
    end: str = ""
    at: int | None = None
    of_class: str = ""
    inner: Event | None = None
    keys: tuple[Read, ...] = ()
    through: tuple[Event, ...] = ()
    calls: tuple[Event, ...] = ()
    inner_line: int | None = None
    elsewhere: tuple[Elsewhere, ...] = ()
    is_raised_by_c: bool = False

    @property
    def seq(self) -> int:
        """The number of the event that sees it first."""
        return self.event.seq

    @property
    def is_raised(self) -> bool:
        """Whether `inner` is where an exception was raised."""
        return self.inner is not None and self.how in ("caught", "raised")


class _Asked(NamedTuple):
    """What is to be explained: a variable, or a part of one, in the frame of an event, as it was there."""

    expression: Expression
    event: Event

    @property
    def root(self) -> str:
        return self.expression.names[0]


class _Given(NamedTuple):
    """What a call was given for a parameter. `where`: in its caller, before the call or, where it has this value only
    there, behind it; `is_seen`: it is known to have it."""

    expression: ast.expr | None
    where: Event
    is_default: bool = False
    is_seen: bool = False


class _Found(NamedTuple):
    step: Step
    following: _Asked | None = None


class Why:
    """Of one trace."""

    def __init__(self, queries: Queries, asker: Asker, changes: Changes) -> None:
        self._queries = queries
        self._asker = asker
        self._changes = changes
        self._frames = FrameSearch(queries)
        self._writes = Writes(queries, changes)
        self._calls = LineCalls(queries, changes.statements)
        self._raises = Raises(queries, changes.statements)

    @errors.guarded("read")
    def chain(self, expression: Expression, event: Event, limit: int) -> list[Step]:
        """From the last write before an event, or at it, back."""
        as_lines_are = Expression(bindings.text_of(expression._node))  # which it is compared with
        steps = self._chain(as_lines_are, event, limit)
        for n, step in enumerate(steps):
            if step.how in WAITED and step.inner is None:
                came = self._elsewhere_of(steps[: n + 1])
                steps[n] = step._replace(elsewhere=tuple(came))
                if any(one.how == "sent" for one in came):  # what comes behind is what that was of
                    steps[n] = steps[n]._replace(end=CAME_IN)
                    return steps[: n + 1]
                if came:
                    break
        return steps

    def _elsewhere_of(self, steps: list[Step]) -> list[Elsewhere]:
        """What the last one of these steps may have got from another thread, or by a request."""
        last = steps[-1]
        line = self._line(last.file, last.line)
        if not any(isinstance(n, ast.Call) for one in line.statements for n in bindings.own(one)):
            return []
        begun = self._calls.begun(last.event.frame, last.seq, line.statements[-1])
        here = [step for step in steps if step.event.frame == last.event.frame]
        roots = [step.event.locals.get(bindings.root_in(step.name)) for step in here]
        values = [one._tree for one in roots if one is not None]
        stop = max(step.seq for step in here)
        return elsewhere.found(self._queries, begun, stop, values, last.event)

    def _chain(self, expression: Expression, event: Event, limit: int) -> list[Step]:
        steps: list[Step] = []
        seen: set[tuple[str, int]] = set()
        lost = 0
        before = _Asked(expression, event)
        asked: _Asked | None = before
        while asked is not None and len(steps) < min(limit, MOST_STEPS):
            found = self._of_raise(asked, self._write(asked))
            if steps and _is_lost(steps[-1], found.step) and lost < MOST_LOST:
                lost += 1
                found = self._by_another_name(before, steps[-1], found)
            before = asked
            if (key := (found.step.name, found.step.seq)) in seen:
                steps[-1] = steps[-1]._replace(end="it came of itself")
                return steps
            seen.add(key)
            if _goes_in_circles(steps, found.step):
                end = f"and so on, by the same lines; ask for it at {found.step.seq}"
                steps[-1] = steps[-1]._replace(reads=(), end=end)
                return steps
            steps.append(found.step)
            asked = found.following
        if asked is not None and steps:
            steps[-1] = steps[-1]._replace(reads=(), end="there is more; --limit")
        return steps

    # ---- the write ----

    def _write(self, asked: _Asked) -> _Found:
        if (made := self._by_property(asked)) is not None:
            return made
        event, change = self._last_change(asked)
        value = self._value(asked, event, change)
        step = Step(
            asked.expression.text,
            value,
            event,
            None if change is None else change.function,
            event.file if change is None else change.file,
            event.line if change is None else change.line,
            "unknown",
        )
        if change is None:
            return _Found(step._replace(end="where it got this value is not in the trace"))
        body = None
        if change.class_name is not None:
            body = self._body_of(change, change.class_name)
            place = "" if body is None else f", {base_name(body.file)}:{body.previous_line}"
            step = step._replace(of_class=change.class_name + place)
        if change.found:
            return self._found(asked, step, change, body)
        if change.function is None or change.frame is None:
            unknown = _Found(step._replace(end="nobody knows which code changed it"))
            return self._meanwhile(asked, step, change) or unknown
        if value.kind == "unknown" and (known := self._last_known(asked, event)) is not None:
            later = self._elsewhere(known, asked.event.seq + 1)
            is_later = later is not None and later.event.seq > known.event.seq
            return _Found(step, later if is_later else known)
        if change.during is not None:
            return self._in_call(asked, step, change)
        if event.kind in SUSPENDED and change.module is None:
            end = "it was changed while the line waited, and no event shows by whom"
            found = self._meanwhile(asked, step, change) or self._as_it_was(asked, step)
            return found or _Found(step._replace(end=end))
        if self._is_enclosing(asked.root, change):
            return self._enclosing(asked, step)
        if self._is_argument(asked.root, change):
            return self._argument(asked, step._replace(line=event.line, how="argument"))
        return self._by_statement(asked, step, change)

    def _of_raise(self, asked: _Asked, found: _Found) -> _Found:
        """On to where an exception was raised, unless the chain goes on with just this one."""
        step = found.step
        if step.how == "caught":
            origin = self._raises.caught(step.event)
            return found if origin is None else self._from_raise(asked, step, origin)
        tree = _recorded(step.value, asked.root, step.event)[0]
        if exception_of(tree) is None:
            return found
        following = found.following
        if following is not None:
            before = self._ask(following.expression.text, following.event)
            if _is_one_object(before, step.value):
                return found
        origin = self._raises.of(tree, step.seq)
        return found if origin is None else self._from_raise(asked, step, origin)

    def _from_raise(self, asked: _Asked, step: Step, origin: Origin) -> _Found:
        """On to what the exception was made of. Of a group that no line of the program raised: of its only part."""
        if origin.statement is None and origin.event.value is not None:
            parts = self._raises.parts(origin.event.value._tree, origin.event.seq)
            if len(parts) == 1:
                origin = parts[0]
            elif parts:
                ends = "; ".join(place_of(one.event) for one in parts)
                return _Found(step._replace(end=f"a group, of exceptions raised at {ends}"))
        if origin.event.kind == "throw":  # into a generator
            return self._from_throw(step, origin)
        at, line = origin.event, self._line(origin.event.file, origin.event.line)
        text = "" if origin.made is None else bindings.text_of(origin.made)
        step = step._replace(
            how="caught" if step.how == "caught" else "raised",
            text=text, inner=at, through=origin.passed, reads=(), end="", at=None,
            calls=self._calls_before(origin), is_raised_by_c=origin.statement is None,
        )  # fmt: skip
        if (made := self._init_of(asked, origin)) is not None:
            return self._choose(step, *made)
        return self._choose(step, at, origin.reads(line.statements))

    def _from_throw(self, step: Step, origin: Origin) -> _Found:
        """On to what the line gave that threw it."""
        at = origin.event
        thrower = None if at.caller is None else self._before(at.seq, frame=at.caller)
        step = step._replace(inner=at if thrower is None else thrower, reads=(), calls=())
        if thrower is None:
            return _Found(step._replace(end="it was thrown in there, by what is not recorded"))
        calls = self._line(thrower.file, thrower.line).calls_of({"throw", "athrow"})
        given = [one for call in calls for one in call.args]
        return self._choose(step, thrower, [name for one in given for name in bindings.reads(one)])

    def _calls_before(self, origin: Origin) -> tuple[Event, ...]:
        """The events with which calls ended that the line had made before it raised the exception."""
        at = origin.event
        statement = origin.statement or next(iter(self._line(at.file, at.line).statements), None)
        if statement is None:
            return ()
        return _told(
            self._calls.ended(at.frame, self._calls.begun(at.frame, at.seq, statement), at.seq)
        )

    def _init_of(self, asked: _Asked, origin: Origin) -> tuple[Event, list[str]] | None:
        """The `__init__` that set an attribute of an exception which is asked for, and by which name."""
        rest = asked.expression.text[len(asked.root) :]
        if not rest or origin.statement is None:
            return None
        begun = self._calls.begun(origin.event.frame, origin.event.seq, origin.statement)
        for end in reversed(self._calls.ended(origin.event.frame, begun, origin.event.seq)):
            if end.function.name == "__init__":
                return end, [end.function.names[0] + rest]
        return None

    def _by_property(self, asked: _Asked) -> _Found | None:
        """What a property gave when the frame asked it last, or while it asked; None: it is none, or was not asked."""
        text = asked.expression.text
        owner, _, name = text.rpartition(".")
        if not owner or not name.isidentifier() or self._ask(text, asked.event).kind != "unknown":
            return None
        of = self._ask(owner, asked.event)
        wanted = filters.make("return", caller=asked.event.frame, function=name)
        ends = self._queries.find(wanted, 0, asked.event.seq + 1, backwards=True)
        for end in islice(ends, MOST_GETTERS):
            own = (
                end.locals.get(end.function.names[0]) if end.function.argument_count == 1 else None
            )
            if (
                own is None
                or end.value is None
                or not _is_one_object(of, Answer("known", own._tree))
            ):
                continue
            value = _answer_of(end.value)
            step = Step(
                text, value, end, asked.event.function, asked.event.file, 0, "returned", text
            )
            before = self._before(end.seq, frame=asked.event.frame)
            step = step._replace(line=asked.event.line if before is None else before.line)
            return self._return(asked, step, end, text)
        return None

    def _found(self, asked: _Asked, step: Step, change: Change, body: Event | None) -> _Found:
        """What nobody was seen to set. What a class has comes of its body, if that is in the trace."""
        if body is None:
            what = "module" if change.class_name is None else "class"
            end = f"it had this value when its {what} was first seen"
            return _Found(step._replace(how="found", end=end))
        _, _, rest = asked.expression.text.partition(f".{change.name}")
        return self._write(_Asked(Expression(change.name + rest), body))

    def _body_of(self, change: Change, class_name: str) -> Event | None:
        """The event at which the body of a class was last seen to set the attribute."""
        wanted = filters.make(name=change.name, function=class_name)
        events = self._queries.find(wanted, 0, change.seq, backwards=True)
        return next((one for one in events if title_of(one.function).startswith("class ")), None)

    def _last_change(self, asked: _Asked) -> tuple[Event, Change | None]:
        """The event that sees the write first, and the change of the variable there."""
        root, event = asked.root, asked.event
        if (found_of_class := self._last_of_class(asked)) is not None:
            return found_of_class
        module = None
        if event._is_module_body or root not in event.locals:
            module = "" if event.namespace is None else event.namespace.name
            wanted = filters.make(name=root)
            events = self._queries.find(wanted, 0, event.seq + 1, backwards=True)
        else:
            events = self._frames.back_to_its_begin(event, event.seq + 1, name=root)
        now = self._asker.ask(asked.expression, event)
        found: tuple[Event, Change | None] = (event, None)
        for one, _ in zip(events, range(MOST_LOOKED_AT), strict=False):
            for change in reversed(self._changes.of(one, root)):
                if change.module != module:
                    continue
                value = self._value(asked, one, change)
                if found[1] is not None and value != now:
                    if value.kind == "unknown" and now.kind == "known":
                        continue  # it was not looked at, and may have been what it is
                    return found
                if now.kind != "known":  # of a global that the function there does not use
                    now = value
                found = one, change
                if asked.expression.text == root:
                    return found
        return found

    def _last_known(self, asked: _Asked, event: Event) -> _Asked | None:
        """Where in its frame it was last known, of what was not looked at again."""
        events = self._frames.back_to_its_begin(event, event.seq, name=asked.root)
        for one, _ in zip(events, range(MOST_UNKNOWN), strict=False):
            if self._ask(asked.expression.text, one).kind == "known":
                return _Asked(asked.expression, one)
        return None

    def _by_another_name(self, before: _Asked, known: Step, lost: _Found) -> _Found:
        """What came before a step whose value is known: where that is lost under the name by which it came, as of a
        large value that holds it, the last write of it under any other name. Else what is `lost`."""
        written = self._elsewhere(before, known.seq)
        if written is None or self._ask(written.expression.text, written.event) != known.value:
            return lost
        return self._write(written)

    def _elsewhere(self, asked: _Asked, stop: int) -> _Asked | None:
        """The last write, before an event, of what is asked for or of the part of an object that it is, under whatever
        name that is known."""
        text = asked.expression.text
        for prefix in (text, *asked.expression.prefixes):
            identity = identity_of(self._ask(prefix, asked.event).tree)
            if identity is None:
                continue
            found: _Asked | None = None
            now: Answer | None = None
            for one in self._writes.sightings(identity, stop):
                written = _asked_at(one, text[len(prefix) :])
                if written is None or (prefix != text and written.expression.text == one.path):
                    continue
                answer = self._ask(written.expression.text, written.event)
                if answer.kind == "unknown":
                    continue
                now = answer if now is None else now
                if answer != now:
                    return found
                if not is_given(one.change):
                    found = written
            return None
        return None

    def _last_of_class(self, asked: _Asked) -> tuple[Event, Change] | None:
        """As above, where what is asked for is an attribute of a class, or a part of one; None where it is not."""
        event, name = asked.event, asked.expression.first_attribute
        owner = None if name is None else self._owner(asked.root, name, event)
        if name is None or owner is None:
            return None
        found: tuple[Event, Change] | None = None
        now: Answer | None = None
        events = self._queries.find(filters.make(name=name), 0, event.seq + 1, backwards=True)
        for one, _ in zip(events, range(MOST_LOOKED_AT), strict=False):
            for change in reversed(self._changes.of(one, name)):
                if change.class_name is None or change.module != owner:
                    continue
                value = self._value(asked, one, change)
                now = value if now is None else now
                if value != now:
                    return found
                found = one, change
        return found

    def _owner(self, root: str, name: str, event: Event) -> str | None:
        """The class whose attribute `root.name` is, with its module; None: it is the object's own, or not known, or
        what a descriptor makes of it."""
        of = self._ask(root, event)
        tree = of.tree if of.kind == "known" else self._global(root, event)
        if not isinstance(tree, Node):
            return None
        if tree.tag == TAG_ELIDED or tree.cut or has_own(tree, name):
            return None
        try:
            found = class_attributes.find(event, tree.type, name)
            if found is None or class_attributes.is_descriptor(event, found):
                return None
        except Undecided:
            return None
        return found.owner.name

    def _global(self, name: str, event: Event) -> Any:
        """What a global last was that the function there does not use; None if there is none of that name."""
        if name in event.locals:
            return None
        one = next(
            self._queries.find(filters.make(name=name), 0, event.seq + 1, backwards=True), None
        )
        changes = [] if one is None else self._changes.of(one, name)
        own = "" if event.namespace is None else event.namespace.name
        values = [change.value for change in changes if change.module == own]
        return None if not values or values[-1] is None else values[-1]._tree

    def _value(self, asked: _Asked, event: Event, change: Change | None) -> Answer:
        if change is None or change.module is None:
            return self._asker.ask(asked.expression, event)
        if change.class_name is not None:
            return for_class(asked.expression, event, change.module, change.name)
        if change.value is None:
            return Answer("error", reason=f"NameError: name '{asked.root}' is not defined")
        value = made_of(change.value, asked.root)
        return asked.expression.answer(lambda name: value)

    # ---- arguments ----

    def _is_argument(self, root: str, change: Change) -> bool:
        event = change.event
        parameters = event.function.names[: event.function.argument_count]
        return event.kind == "call" and change.module is None and root in parameters

    def _argument(self, asked: _Asked, step: Step) -> _Found:
        event = step.event
        caller = None if event.caller is None else self._before(event.seq, frame=event.caller)
        line = Line([]) if caller is None else self._line(caller.file, caller.line)
        made = self._made_before(asked, event, line)
        if made is not None:  # who goes on with it need not be who made it
            given, line, after = made
            caller = given.where
        elif caller is None:
            is_missing = event.caller is not None
            end = "its caller is not in the trace" if is_missing else NO_CALLER
            return _Found(step._replace(end=end))
        step = step._replace(function=caller.function, file=caller.file, line=caller.line)
        if not line.statements:
            return _Found(step._replace(end="there is no text of the caller's line"))
        if made is None:
            after = self._after(event.seq, frame=event.caller)
            given = self._given(asked, event, [caller, after], line)
        expression, caller, is_default = given.expression, given.where, given.is_default
        if is_default:
            end = "it is the default, made once when the function was defined"
            return _Found(step._replace(how="default", end=end))
        if expression is None:
            name = event.function.qualified_name
            if asked.expression.text != asked.root:  # as of a task, which nobody calls
                written = self._elsewhere(asked, event.seq)
                if written is not None:
                    return _Found(step, written)
            return _Found(step._replace(end=f"the line does not say what it gives to {name}"))
        returned = self._made_for(expression, asked, event, caller)
        if returned is not None:
            step = step._replace(text=bindings.text_of(expression))
            return self._return(asked, step, returned, asked.root)
        expression, target = bindings.narrowed(expression, asked.root, asked.expression.text)
        statement = line.around(expression)
        step = step._replace(calls=_told(self._calls.made_for(expression, event, statement)))
        where = caller if given.is_seen else _shown(expression, statement, line, caller, after)
        return self._of(asked, step, where, expression, target)

    def _made_before(
        self, asked: _Asked, event: Event, line: Line
    ) -> tuple[_Given, Line, Event | None] | None:
        """Of a coroutine or generator that was made by another line than the one that runs it: what that gave it. None
        where no line is known to, or it may be one of several."""
        function, value = event.function, event.locals.get(asked.root)
        if not function._flags & SUSPENDS or value is None or line.calls_of({function.name}):
            return None
        signature, is_method = self._signature(function), "self" in function.names[:1]
        found: dict[tuple[str, int], tuple[_Given, Line, Event | None]] = {}
        lines = self._queries.find(filters.make("line"), 0, event.seq, backwards=True)
        for one in islice(lines, MOST_LINES):
            here = self._line(one.file, one.line)
            for call in here.calls_of({function.name}):
                expression = bindings.given(call, signature, asked.root, is_method)
                if expression is None or (one.file, one.line) in found:
                    continue
                answer = self._ask(bindings.text_of(expression), one)
                if answer.kind == "known" and answer.tree == value._tree:
                    given = _Given(expression, one, is_seen=True)
                    found[one.file, one.line] = given, here, self._after(one.seq, frame=one.frame)
                    if _is_one_object(answer, _answer_of(value)):
                        return found[one.file, one.line]
        return next(iter(found.values())) if len(found) == 1 else None

    def _made_for(
        self, expression: ast.expr, asked: _Asked, event: Event, caller: Event
    ) -> Event | None:
        """The return of the call whose result the line gave to the call that begins with the event."""
        value = expression.value if isinstance(expression, ast.Await) else expression
        given = event.locals.get(asked.root)
        if not isinstance(value, ast.Call) or given is None:
            return None
        name, is_part = bindings.called(value), asked.expression.text != asked.root
        wanted = filters.make("return", caller=event.caller)
        found: Event
        for found in self._queries.find(wanted, caller.seq, event.seq, backwards=True):
            result = made_by(found) if is_part else None
            if result is None and found.function.name == name:
                result = found.value
            if is_same(result, given):
                return found
        return None

    def _given(
        self, asked: _Asked, event: Event, callers: list[Event | None], line: Line
    ) -> _Given:
        """The expression that the caller gave for a parameter, and where it has that value: what a line sets before
        it calls, as a loop does, is seen after the call."""
        seen = [caller for caller in callers if caller is not None]
        function = event.function
        names = {function.name}
        parameters = function.names[: function.argument_count]
        owner = function.qualified_name.rpartition(".")[0].rpartition(".")[2]
        if function.name == "__init__":
            names = {owner, "__init__"}
        is_method = bool(parameters) and parameters[0] in ("self", "cls")
        calls = self._calls.nth(line.calls_of(names), event, line)
        signature = self._signature(function)
        found = [bindings.given(one, signature, asked.root, is_method) for one in calls]
        if not calls and asked.root in parameters:  # by an operator, an item or the like
            at = parameters.index(asked.root)
            operands = [
                one for each in line.statements for one in bindings.operands(each, function.name)
            ]
            found = [one[at] for one in operands if at < len(one)]
        given = [one for one in found if one is not None]
        if calls and not given:
            is_bound = is_method or any(isinstance(one.func, ast.Attribute) for one in calls)
            may_be_left_out = asked.root != parameters[0] or not is_bound
            is_default = may_be_left_out and all(map(bindings.tells_all, calls))
            return _Given(None, seen[0], is_default=is_default)
        value = event.locals.get(asked.root)
        for expression in given:
            for caller in seen:
                answer = self._ask(bindings.text_of(expression), caller)
                if value is not None and answer.kind == "known" and answer.tree == value._tree:
                    return _Given(expression, caller, is_seen=True)
        return _Given(self._of_several(given, owner, function), seen[0])

    def _signature(self, function: Function) -> bindings.Signature:
        """As the text has it; where there is none, all are taken to be given by place."""
        parameters = function.names[: function.argument_count]
        for one in self._changes.statements.all_at(function.file, function.first_line):
            if (
                isinstance(one, (ast.FunctionDef, ast.AsyncFunctionDef))
                and one.name == function.name
            ):
                return bindings.signature(one)
        return bindings.Signature(parameters, named=frozenset(parameters))

    def _of_several(self, given: list[ast.expr], owner: str, function: Function) -> ast.expr | None:
        """Which expression it was, of those whose values are not known. `owner`: the class of the method."""
        if len({ast.dump(one) for one in given}) <= 1:
            return given[0] if given else None
        made = [one for one in given if isinstance(one, ast.Call) and bindings.called(one) == owner]
        if function.name in ENTERS and len(made) == 1:
            return made[0]
        return None

    # ---- variables of enclosing functions ----

    def _is_enclosing(self, root: str, change: Change) -> bool:
        function, slot = change.event.function, change.event.function._slots.get(root)
        is_free = slot is not None and function._kinds[slot] == "free"
        return is_free and change.event.kind == "call" and change.module is None

    def _enclosing(self, asked: _Asked, step: Step) -> _Found:
        """On in the function around, in the last call of it that wrote the variable."""
        owner = step.event.function.qualified_name.rpartition(".<locals>.")[0]
        step = step._replace(how="enclosing", text=owner, line=step.event.line)
        wanted = filters.make(name=asked.root, function=owner, file=step.event.file)
        found = next(self._queries.find(wanted, 0, step.seq, backwards=True), None)
        if found is None:
            return _Found(step._replace(end=f"its write in {owner} is not in the trace"))
        return _Found(step, _Asked(asked.expression, found))

    # ---- calls in which it changed ----

    def _in_call(self, asked: _Asked, step: Step, change: Change) -> _Found:
        """The line only waited: the object was changed by a call that it made, under a name of its own."""
        called = change.event._called
        step = step._replace(how="called")
        if called is None:
            return _Found(step._replace(end=NO_CALL))
        function, seq, calls = called[0], called[1], called[2]
        step = step._replace(text=f"{title_of(function)}()")
        if (written := self._written(asked, change, self._writes.during)) is not None:
            return _Found(step, written)
        if seq is None:  # it began in an earlier part, or before the first event
            begun_in = filters.make("call", caller=change.event.frame, function=function)
            begun = next(self._queries.find(begun_in, 0, change.event.seq, backwards=True), None)
            if begun is None:
                return _Found(step._replace(end=NO_CALL))
            seq = begun.seq
        begun = next(self._queries.find(filters.EVERYTHING, seq, seq + 1), None)
        calls = max(calls, 1)
        last = None if begun is None else self._before(step.event.seq, frame=begun.frame)
        if begun is None or last is None:
            return _Found(step._replace(end="the call cannot be read"))
        slot = begun.function._slots.get(asked.root)
        if slot is not None and begun.function._kinds[slot] == "free":
            return _Found(step, _Asked(asked.expression, last))
        following = self._known_as(asked, change, begun, last)
        if following is not None:
            return _Found(step, following)
        which = f"one of {calls} calls, the last" if calls > 1 else "that call"
        return _Found(step._replace(end=f"it changed in {which}, which knows it by no argument"))

    def _meanwhile(self, asked: _Asked, step: Step, change: Change) -> _Found | None:
        """Other code changed the object, by a name of its own: while the line waited, or nobody knows when."""
        written = self._written(asked, change, self._writes.meanwhile)
        if written is None:
            return None
        text = title_of(written.event.function)
        return _Found(step._replace(how="called", text=text), written)

    def _written(
        self, asked: _Asked, change: Change, by: Callable[[Change, Any], Written | None]
    ) -> _Asked | None:
        """What is asked for, by the name under which whoever wrote it had it: the innermost frame, however many calls
        are in between."""
        before = self._before(change.event.seq, frame=change.event.frame)
        text = asked.expression.text
        for prefix in (text, *asked.expression.prefixes):
            new, old = self._ask(prefix, change.event), self._ask(prefix, before)
            if identity_of(new.tree) is None or (
                own_content(*_recorded(new, asked.root, change.event))
                == own_content(*_recorded(old, asked.root, before))
            ):
                continue
            write = by(change, new.tree)
            if write is not None:
                return _asked_at(write, text[len(prefix) :])
            if old.kind == "known":
                return None
        new, old = self._ask(text, change.event), self._ask(text, before)
        if new.kind != "known" or old.kind != "known":
            return None
        trees = _recorded(old, asked.root, before)[0], _recorded(new, asked.root, change.event)[0]
        part = next(what_changed(*trees), None)
        write = None if part is None else by(change, part.owner)
        return None if write is None else _asked_at(write, "")

    def _known_as(self, asked: _Asked, change: Change, begun: Event, last: Event) -> _Asked | None:
        """What an argument of a call has to do with what changed: it is the same object, or has it in it. In traces
        that do not tell which objects are the same: one that changed in the same way."""
        text = asked.expression.text
        parameters = begun.function.names[: begun.function.argument_count]
        if (found := self._same_object(asked, change, last, parameters)) is not None:
            return found
        for part in ("", *self._changed_parts(asked, change)):
            value = self._ask(text + part, change.event)
            if value.kind != "known":
                continue
            rest = text[len(asked.root) :] + part
            for name in parameters:
                for inner in dict.fromkeys((name + rest, name + part, name)):
                    if self._ask(inner, last) == value and self._ask(inner, begun) != value:
                        return _Asked(Expression(inner), last)
        return None

    def _same_object(
        self, asked: _Asked, change: Change, last: Event, parameters: list[str]
    ) -> _Asked | None:
        """The innermost object that changed, by the name under which the call knew it."""
        for part in (*reversed(self._changed_parts(asked, change)), ""):
            identity = identity_of(self._ask(asked.expression.text + part, change.event).tree)
            if identity is None:
                continue
            for name in parameters:
                value = last.locals.get(name)
                places = () if value is None else places_of(name, value._tree)
                for place in places:
                    if place.identity.number != identity.number:
                        continue
                    try:
                        return _Asked(path(place.path), last)
                    except errors.InvalidArgumentError:  # audit: no expression says this way in
                        continue
        return None

    def _changed_parts(self, asked: _Asked, change: Change) -> list[str]:
        """The ways into what changed: `.items`, `.items[3]`."""
        before = self._before(change.event.seq, frame=change.event.frame)
        old = self._ask(asked.expression.text, before)
        new = self._value(asked, change.event, change)
        if old.kind != "known" or new.kind != "known":
            return []
        part = next(what_changed(old.tree, new.tree), None)
        ways = [] if part is None else WAY.findall(part.path)
        return ["".join(ways[: n + 1]) for n in range(len(ways))]

    # ---- statements ----

    def _by_statement(self, asked: _Asked, step: Step, change: Change) -> _Found:
        function = change.function
        statements = (
            [] if function is None else self._changes.statements.all_at(function.file, change.line)
        )
        statement = bindings.that_binds(statements, asked.root, asked.expression.text)
        if statement is None:
            return _Found(step._replace(end="there is no text of the line"))
        if change.class_name is not None:
            asked = self._as_written(asked, statement, change.name)
        found = bindings.binding(statement, asked.root, asked.expression.text)
        line = Line(statements[::-1])
        before = self._before(step.event.seq, frame=change.frame) or step.event
        begun = self._calls.begun(step.event.frame, step.event.seq, statement)
        is_assigned = found.how == "assigned" and begun < step.event.seq - 1
        whole = asked.expression.text
        is_apart = bindings.is_apart(found.target, whole)
        if found.value is not None and not is_apart and (found.call is not None or is_assigned):
            returned = self._returned(found, change, step.event, begun, line)
            if returned is not None:
                how = "returned" if found.at is None else "element"
                text = bindings.text_of(found.value if found.call is None else found.call)
                step, target = step._replace(how=how, text=text), found.target
                if found.call is not None:
                    target = target or asked.root
                return self._return(asked, step, returned, target, found.at)
        if found.how == "entered" and found.value is not None:
            given = self._entered(found.value, change, step.event, begun)
            if given is not None:
                step = step._replace(how="entered", text=bindings.text_of(found.value))
                return self._return(asked, step, given, asked.root)
        is_other = found.target and not asked.expression.text.startswith(found.target)
        if (found.how == "mentioned" or is_other) and step.event._called is not None:
            inside = self._in_call(asked, step, change)
            if inside.following is not None:
                return inside
        if is_apart and not bindings.speaks_of(statement, whole):
            written = self._elsewhere(asked, step.seq)
            end = (
                ""
                if written is not None
                else "the line sets another part, and no event shows what set this one"
            )
            return _Found(step._replace(end=end), written)
        if found.how == "mentioned":
            other = self._meanwhile(asked, step, change)
            if other is not None:
                return other
        ended = self._calls.ended(step.event.frame, begun, step.event.seq + 1)
        ended = self._calls.of_one(ended, statement, line)
        return self._by_calls(asked, step, found, statement, ended) or self._made_of(
            asked, step, found, before, statement, ended, line
        )

    def _by_calls(
        self,
        asked: _Asked,
        step: Step,
        found: bindings.Binding,
        statement: Statement,
        ended: list[Event],
    ) -> _Found | None:
        """On in the call of the line that gave just this: as an element, in a branch, to a method that kept it; or that
        gave this very object, whatever the line did with it."""
        whole, value = asked.expression.text, found.value
        if found.how not in ("assigned", "mentioned", "element") or step.value.kind != "known":
            return None
        if value is not None:
            value, _ = bindings.narrowed(value, found.target, whole)
        names = called(bindings.handed_on(value or statement))
        object_number = identity_of(step.value.tree)
        for end in reversed(ended):
            result = made_by(end) if end.function.name == "__init__" else end.value
            if result is None:
                continue
            handed = names.get(end.function.name)
            is_object = object_number is not None and identity_of(result._tree) == object_number
            if is_object or (handed is not None and _is_result(result, step.value)):
                text = "" if handed is None else bindings.text_of(handed)
                return self._return(asked, step._replace(how="returned", text=text), end, whole)
        return None

    def _made_of(
        self,
        asked: _Asked,
        step: Step,
        found: bindings.Binding,
        before: Event,
        statement: Statement,
        ended: list[Event],
        line: Line,
    ) -> _Found:
        """Of what the line reads, and of what calls gave it."""
        value, is_more = found.value, isinstance(statement, ast.AugAssign)
        if found.how not in NO_VALUES:
            step = step._replace(calls=_told(ended))
        if value is not None:
            value, target = bindings.narrowed(value, found.target, asked.expression.text)
            where = _shown(value, statement, line, before, step.event)
            return self._of(asked, step._replace(how=found.how), where, value, target, is_more)
        how = "changed" if found.how == "mentioned" else found.how
        reads = bindings.reads(statement) if how == "changed" else []
        reads = [one for one in reads if bindings.root_in(one) != asked.root]
        others = [one for one in reads if not _is_definition(self._ask(one, before))]
        if how == "changed" and not others and not isinstance(statement, ast.Expr):
            was = self._as_it_was(asked, step)  # the line is about something else
            if was is not None:
                return was
        return self._choose(step._replace(how=how), before, reads)

    def _as_it_was(self, asked: _Asked, step: Step) -> _Found | None:
        """On to where the object came from that has changed in place, of a variable that nothing has bound meanwhile.
        None: others can bind it, or it was not known."""
        event = step.event
        before = self._before(event.seq, frame=event.frame)
        is_own = asked.root in event.locals and not event._is_module_body
        if before is None or not is_own or self._ask(asked.expression.text, before).kind != "known":
            return None
        return _Found(step._replace(how="changed"), _Asked(asked.expression, before))

    def _as_written(self, asked: _Asked, statement: Any, name: str) -> _Asked:
        """By the name under which the statement sets the attribute of a class: `Cart.total` for `self.total`."""
        written = bindings.target_of_attribute(statement, name)
        if written is None:
            return asked
        rest = asked.expression.text[len(asked.root) + 1 + len(name) :]
        return _Asked(Expression(written + rest), asked.event)

    def _returned(
        self, found: Any, change: Change, seen: Event, begun: int, line: Line
    ) -> Event | None:
        """The return of the call whose result it is: of a function of the name that the line calls, or, since what is
        called may have another one (a decorated function, an object), of one that returned just that. Of an operator,
        an item or an attribute: of a method that makes these, and returned just that."""
        if change.value is None:
            return None
        if found.call is None:
            names = bindings.methods(found.value)
            return self._calls.last(
                seen, begun, change.value, lambda one: one.function.name in names
            )
        if line.is_shared:  # of calls of one function, each for another statement
            ended = self._calls.ended(seen.frame, begun, seen.seq + 1)
            if (end := self._calls.end_of(found.call, ended, line)) is not None:
                return end
        name = bindings.called(found.call)
        made = f"{name}.__init__"

        def is_called(one: Event) -> bool:
            return one.function.name == name or one.function.qualified_name == made

        return (
            self._calls.last(seen, begun, change.value, is_called, at=found.at)  # which gave it
            or self._calls.last(seen, begun, None, is_called)
            or self._calls.last(seen, begun, change.value, at=found.at)
            or self._calls.last(seen, begun, change.value)
        )

    def _entered(self, manager: ast.expr, change: Change, seen: Event, begun: int) -> Event | None:
        """The event with which the manager of a `with` gave this value: of a generator function its yield, else the
        return of its `__enter__`, unless that is the manager itself."""
        if change.value is None:
            return None
        name = bindings.called(manager) if isinstance(manager, ast.Call) else None

        def is_wanted(one: Event) -> bool:
            if one.kind == "yield":
                return one.function.name == name
            if one.function.name not in ENTERS:
                return False
            given = self._calls.given_by(one)
            return given is not None and bindings.text_of(given) != one.function.names[0]

        return self._calls.last(seen, begun, change.value, is_wanted, ("return", "yield"))

    def _handed_on(self, returned: Event, *, is_part: bool) -> list[Event]:
        """A return, and those of the calls within it, as far as each is of what a call gave."""
        found = [returned]
        while len(found) <= MOST_THROUGH:
            following = self._calls.handed(found[-1], is_part=is_part)
            if following is None:
                break
            found.append(following)
            if following.function.name == "__init__":
                break
        return found

    def _return(
        self, asked: _Asked, step: Step, returned: Event, target: str, at: int | None = None
    ) -> _Found:
        """On in the function that returned it, at its last line. `at`: it is this element of what was returned."""
        whole = asked.expression.text
        *through, returned = self._handed_on(returned, is_part=whole != target)
        step = step._replace(inner=returned, through=tuple(through))
        value = self._calls.given_by(returned)
        if at is not None and value is not None:
            elements = value.elts if isinstance(value, (ast.Tuple, ast.List)) else []
            value = elements[at] if at < len(elements) else None
        is_part = whole != target
        if returned.function.name == "__init__" and is_part and whole.startswith(target):
            part = returned.function.names[0] + whole[len(target) :]
            return self._choose(step, returned, [part])
        _, behind = self._calls.giving(returned)
        if value is None or (is_part and not self._can_be_asked(value, behind)):
            name = returned.function.qualified_name
            return _Found(step._replace(end=f"returned by {name}, event {returned.seq}"))
        text = bindings.text_of(value)
        inner = Step(
            f"return {text}", step.value, returned, returned.function, returned.file,
            returned.line, "returned", text, calls=_told(self._calls.at_end(returned)),
        )  # fmt: skip
        if behind.seq != returned.seq:
            step = step._replace(inner_line=behind.previous_line)
        found = self._of(asked, inner, behind, value, target)
        inner = found.step
        step = step._replace(
            reads=inner.reads, end=inner.end, at=inner.at, keys=inner.keys, calls=inner.calls
        )
        return _Found(step, found.following)

    def _of(
        self,
        asked: _Asked,
        step: Step,
        where: Event | None,
        value: Any,
        target: str = "",
        is_more: bool = False,
    ) -> _Found:
        """It came of an expression, in the frame of an event; None: no event shows what that read. `target`: what got
        the value, of which a part may have been asked for. `is_more`: it is what it was, and something is added."""
        text = bindings.text_of(value)
        step = step._replace(text=step.text or text)
        if where is None:
            return _Found(step._replace(end=SET_AGAIN.format(", ".join(bindings.reads(value)))))
        keys: list[Read] = []
        value = bindings.with_keys(value, lambda key: self._key(key, where, keys))
        text = bindings.text_of(value)
        root = bindings.root_of(value)
        if keys:
            at = where.seq if step.at is None else step.at
            step = step._replace(keys=tuple(keys), at=at)
        if root is not None and step.how in ("argument", "assigned", "returned"):
            whole = asked.expression.text
            rest = whole[len(target) :] if target and whole.startswith(target) else ""
            return self._choose(step, where, [text + rest])
        if step.how == "element" and root is not None:
            element = self._element(asked, step, where, text)
            if element is not None:
                return self._choose(step, where, [element])
        return self._choose(step, where, bindings.reads(value), is_more)

    def _element(self, asked: _Asked, step: Step, where: Event, container: str) -> str | None:
        """What is asked for, as the part of a container that a loop had come to: `rows[3].name` for `row.name`. None:
        nothing tells which one it was."""
        whole = asked.expression.text
        identity = identity_of(self._ask(asked.root, step.event).tree)
        held = self._ask(container, where)
        if identity is None or held.kind != "known":
            return None
        tree = _recorded(held, bindings.root_in(container), where)[0]
        found = [
            one for one in places_of(container, tree) if one.identity.number == identity.number
        ]
        nearest = min(found, key=lambda one: len(WAY.findall(one.path)), default=None)
        return None if nearest is None else nearest.path + whole[len(asked.root) :]

    def _can_be_asked(self, value: ast.expr, where: Event) -> bool:
        """Whether it is a variable or a part of one, by keys that are known there."""
        with_keys = bindings.with_keys(value, lambda key: self._key(key, where, []))
        return bindings.root_of(with_keys) is not None

    def _key(self, key: Any, where: Event, met: list[Read]) -> int | str | None:
        """What an index or key was there, which is noted; None: not known, or nothing that a name can have."""
        answer = self._ask(bindings.text_of(key), where)
        found = answer.tree if answer.kind == "known" else None
        is_plain = type(found) is str or (type(found) is int and found >= 0)
        if answer.kind == "known":
            met += [Read(text, self._ask(text, where)) for text in bindings.reads(key)]
        return found if is_plain else None

    def _choose(self, step: Step, where: Event, names: list[str], is_more: bool = False) -> _Found:
        """What to ask for next, of all that was read: the only one, unless calls gave something, too; or the one that
        had this very value."""
        if where.function.name == "<genexpr>" and step.how == "element":
            where = self._before(where.seq, frame=where.caller) or where  # it was evaluated there
        answers = [(name, self._ask(name, where)) for name in names]
        lost = [name for name, answer in answers if answer.kind == "error"]
        read = [
            Read(name, answer)
            for name, answer in answers
            if answer.kind != "error" and not _is_definition(answer)
        ]
        step = step._replace(reads=tuple(read))
        if not read:
            end = OF_CALLS if step.calls else _ENDS.get(step.how, WRITTEN)
            if lost:  # as of what a comprehension in a module goes through, where it is no function
                end = f"it came of what is not in the trace: {', '.join(lost)}"
            return _Found(step._replace(end=end))
        same = [one for one in read if _is_one_object(one.value, step.value)] or [
            one for one in read if one.value.kind == "known" and one.value == step.value
        ]
        is_only = len(read) == 1 and (is_more or not step.calls)
        chosen = read if is_only else same
        if len(chosen) != 1:
            end = f"it came of several; ask for one of them at {where.seq}"
            return _Found(step._replace(end=end, at=where.seq))
        try:
            following = _Asked(path(chosen[0].text), where)
        except errors.InvalidArgumentError:
            return _Found(step._replace(end="that cannot be asked for"))
        return _Found(step if is_more else step._replace(calls=()), following)

    # ---- what is asked of the trace ----

    def _line(self, file: str, number: int) -> Line:
        return Line(self._changes.statements.all_at(file, number)[::-1])

    def _before(self, seq: int, *, frame: int | None, kinds: Any = None) -> Event | None:
        """The last event of a frame before another one."""
        wanted = filters.make(kinds, frame=frame)
        found: Event | None = next(self._queries.find(wanted, 0, seq, backwards=True), None)
        return found

    def _after(self, seq: int, *, frame: int | None) -> Event | None:
        """The next event of a frame after another one."""
        found: Event | None = next(
            self._queries.find(filters.make(frame=frame), seq + 1, ALL), None
        )
        return found

    def _ask(self, text: str, where: Event | None) -> Answer:
        if where is None:
            return Answer("unknown", reason="not in the trace")
        try:
            return self._asker.ask(text, where)
        except errors.InvalidArgumentError:
            return Answer("unknown", reason="not an expression that can be asked")


NO_CALLER: Final = "no code that is recorded called it"
NO_CALL: Final = "the call is not in this part of the trace"
WRITTEN: Final = "it is written there"
CAME_IN: Final = "it came in while the line waited"
OF_CALLS: Final = "it came of what the line called, which can be looked at there"
SET_AGAIN: Final = "another statement of the line set {} before, which no event shows"
NO_VALUES: Final = ("caught", "defined", "imported", "deleted")
_ENDS: Final = {
    "defined": "it is defined there",
    "imported": "it is imported there",
    "caught": "it is raised there",
    "raised": "it is raised there",
    "deleted": "it is deleted there",
    "changed": "the line changed it, and reads nothing else",
}


def _shown(
    value: ast.expr, statement: Statement, line: Line, before: Event, after: Event | None
) -> Event | None:
    """The event at which is seen what an expression of a line read; None: at none."""
    shows = line.shows(bindings.reads(value), statement) if line.is_shared else False
    if shows is None:
        return None
    return after if shows else before


def _is_lost(step: Step, following: Step) -> bool:
    """Whether what was asked for is not what the chain came to: it is not known there, or was a part of what a call was
    given and is none of what the caller made that of."""
    if following.value.kind == "unknown":
        return step.value.kind == "known"
    return step.how == "argument" and following.value != step.value


def _goes_in_circles(steps: list[Step], step: Step) -> bool:
    """Whether the chain came to a line by which it came already, and not just there: a round of a loop is told once."""
    return any(
        (one.name, one.file, one.line, one.how) == (step.name, step.file, step.line, step.how)
        for one in steps[:-SHORTEST_CIRCLE]
    )


def _asked_at(write: Written, rest: str) -> _Asked | None:
    """A part of an object, by its name where it was written; or the object, where the part cannot be asked for."""
    for text in (write.path + rest, write.path):
        try:
            return _Asked(path(text), write.change.event)
        except errors.InvalidArgumentError:  # audit: no expression says this way in
            continue
    return None


def _recorded(answer: Answer, root: str, event: Event | None) -> tuple[Any, Any]:
    """What an answer is as it was recorded in a variable, and that variable's value: the answer does not tell which
    objects are in it."""
    identity = identity_of(answer.tree)
    value = None if event is None else event.locals.get(root, event.globals.get(root))
    place = None if identity is None else place_in(root, value, identity)
    if place is None or value is None:
        return answer.tree, answer.tree
    return place.tree, value._tree


def _answer_of(value: Value) -> Answer:
    made = made_of(value, "it")
    return Expression("it").answer(lambda name: made)


def _is_one_object(a: Answer, b: Answer) -> bool:
    mine, others = identity_of(a.tree), identity_of(b.tree)
    return mine is not None and others is not None and mine.number == others.number


def _told(ended: list[Event]) -> tuple[Event, ...]:
    """The last ones that gave anything that can be looked at."""
    return tuple([one for one in ended if one.function.name != "__init__"][-MOST_CALLS:])


def _is_result(result: Value, value: Answer) -> bool:
    return result.type_name != "NoneType" and bool(result._tree == value.tree)


def _is_definition(answer: Answer) -> bool:
    """Whether it is a class, a function or a module, Python's own ones included."""
    if answer.kind == "known":
        return is_definition(answer.tree)
    return answer.kind == "unknown" and answer.reason.endswith(" is a function")


def path(text: str | Expression, argument: str = "name") -> Expression:
    """What can be asked for. Raises INVALID_ARGUMENT."""
    expression = text if isinstance(text, Expression) else given_as(argument, text)
    if not expression.is_path:
        raise arguments.wrong(argument, expression.text, A_PATH)
    return expression
