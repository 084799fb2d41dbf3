"""Back from what went wrong: which writes made the values that a line read, and what decided that it ran.

It is what `recorder why` tells of one value, told of all that come together: where a value is made of several the way
goes on from each, into the calls that a line made, and to the conditions around it. What is nearest comes first.
"""

from __future__ import annotations

import ast
import time
from collections import deque
from collections.abc import Iterator
from itertools import islice
from typing import Final, NamedTuple

from recorder import errors
from recorder.explain.markdown import code
from recorder.explain.texts import LOOPS, Head, Texts
from recorder.trace import bindings
from recorder.trace.changes import Change
from recorder.trace.format import TAG_DICT
from recorder.trace.paths import base_name
from recorder.trace.reader import Trace
from recorder.trace.snapshots import Event, title_of
from recorder.trace.values import differences
from recorder.trace.values.differences import what_changed
from recorder.trace.values.nodes import Node, without_wrapping
from recorder.trace.values.shown import shown
from recorder.trace.values.value import is_definition
from recorder.trace.why import Step

WIDTH: Final = 60  # characters of a value
READ_WIDTH: Final = 30
SHORT: Final = 20  # characters of a value that is told again and again
SAID: Final = ("returned", "element", "changed")  # what the text of a line shows by itself
MOST_LINKS: Final = 60
MOST_STEPS: Final = 8  # of one chain before the nearer ones of others
MOST_NAMES: Final = 6  # that one line reads
MOST_RETURNS: Final = 4  # calls that one line made: the last ones
MOST_BACK: Final = 5_000  # events, in which an exception was raised that is handled
MOST_CHANGES: Final = 500  # of one variable in one frame, that are looked at
REACH: Final = 1_000_000  # events on either side of a moment, that are looked through
MOST_SECONDS: Final = (
    10.0  # of processor time for the whole way: in a very long trace one step may take some
)
WORDS: Final = {
    "argument": "given as {text}",
    "default": "not given",
    "enclosing": "a variable of {text}, around it",
    "returned": "returned by {text}",
    "element": "an element of {text}",
    "entered": "by with {text}",
    "called": "changed during {text}",
    "changed": "changed in place",
}


class Link(NamedTuple):
    """One fact on the way: what was so, at which event, and the line that made it so."""

    seq: int
    what: str
    file: str
    line: int
    title: str
    how: str = ""
    name: str = ""  # what `recorder why` can be asked for at this event: the first of a chain, which has the others
    depth: int = 0
    is_write: bool = False  # an object was changed there, and not only a name bound
    ended: Event | None = None  # the event with which the call ended that gave the value

    @property
    def key(self) -> tuple[str, int, str]:
        """The line, and what it did, whatever came of it."""
        return self.file, self.line, self.what.partition(" = ")[0]


class _Ask(NamedTuple):
    """To be followed: a variable or a part of one as it was at an event; or, without a name, what an event did."""

    depth: int
    seq: int
    name: str = ""
    event: Event | None = None


class Backwards:
    """Of one trace."""

    def __init__(self, trace: Trace) -> None:
        self.trace = trace
        self.texts = Texts(trace)
        self._met: set[tuple[str, int, str]] = set()
        self._told: set[tuple[object, ...]] = set()  # lines with what they read
        self._asked: set[tuple[object, ...]] = set()
        self._waiting: deque[_Ask] = deque()
        self._later: deque[_Ask] = deque()  # conditions
        self.is_over = False  # there was no time to follow all of it

    def from_line(self, event: Event, depth: int = 0) -> None:
        """What the line of an event reads, the calls that it made, and what decided that it runs."""
        self._calls_of(event, depth)
        statement = self.texts.statement(event.file, event.line)
        looked_at = None if statement is None else getattr(statement, "test", None) or statement
        if looked_at is not None:
            self._names(self._read_by(looked_at, event), event.seq, depth)
        self._conditions(event, depth)

    def links(self) -> Iterator[Link]:
        """The nearest first; each line once for what it did."""
        found = 0
        deadline = time.thread_time() + MOST_SECONDS
        while found < MOST_LINKS and (self._waiting or self._later):
            if time.thread_time() > deadline:
                self.is_over = True
                return
            queue = self._waiting
            if not queue or (self._later and self._later[0].depth < queue[0].depth):
                queue = self._later
            asked = queue.popleft()
            try:
                for link in self._follow(asked):
                    if self._is_new(link):
                        found += 1
                        yield link
            # audit: that part cannot be read: the head of the page has the verdict, and other ways go on
            except (errors.TraceCorruptError, errors.UnknownRecordError, errors.EventNotFoundError):
                continue

    def _is_new(self, link: Link) -> bool:
        is_new = link.key not in self._met
        self._met.add(link.key)
        return is_new

    # ---- one thing that is asked ----

    def _follow(self, asked: _Ask) -> Iterator[Link]:
        if asked.event is None:
            yield from self._value(asked)
        elif asked.event.kind in ("return", "yield"):
            yield self._ended(asked.event, asked.depth)
            self._of_return(asked.event, asked.depth + 1)
        elif asked.event.kind in ("raise", "reraise", "unwind"):
            yield self._ended(asked.event, asked.depth)
            self.from_line(asked.event, asked.depth + 1)
        else:
            yield from self._condition(asked.event, asked.depth)

    def _value(self, asked: _Ask) -> Iterator[Link]:
        try:
            steps = self.trace.why(asked.name, asked.seq, limit=MOST_STEPS)
        except errors.InvalidArgumentError:
            return  # nothing that can be asked for, such as a slice
        if not steps or steps[0].value.kind == "error":
            yield from self._first_seen(asked)
        depth = asked.depth
        if steps:
            yield from self._idle(asked, steps[0])
        told: Step | None = None
        for step in steps:
            if step.value.kind == "error":
                return
            if step.how in ("changed", "called") and self.texts.is_foreign(step.value.tree):
                self._writers(bindings.root_in(step.name), step.event, depth)
                continue  # what a library does within its own objects leads nowhere
            if step.value.kind == "unknown" and "." in step.name:
                yield from self._of_class(step, depth)
                yield from self._first_seen(asked, is_missing=False)
            if step.how == "unknown":
                self._of_object(step, depth + 1)
            is_passed_on = step.how == "argument" and told is not None and told.value == step.value
            link, told = self._link(step, depth, told), step
            is_again = link.key in self._met
            if not is_passed_on or step.end or step is steps[-1]:
                yield link
            depth += 1
            self._expand(step, depth, is_again)
            yield from self._namesakes(bindings.root_in(step.name), step, depth)
            if step.how == "default":
                yield self._definition(step, depth)
            if is_again:
                return

    def _link(self, step: Step, depth: int, before: Step | None = None) -> Link:
        """`before`: the step that led to it, whose value is not told again."""
        title = "(not known)" if step.function is None else title_of(step.function)
        how = WORDS.get(step.how, "").format(text=step.text)
        is_said = step.how in SAID and self.texts.line(step.file, step.line)
        if is_said or (step.how == "argument" and step.text == step.name):
            how = ""
        if step.how == "argument" and not step.text:
            how = f"given to {step.event.title}" + (f"; {step.end}" if step.end else "")
        if step.is_raised:  # told by itself
            how = ""
        elif step.inner is not None and step.inner.function.name != "__init__":
            line = step.inner.line if step.inner_line is None else step.inner_line
            text = self.texts.line(step.inner.file, line)
            where = f"{base_name(step.inner.file)}:{line}"
            how = f"there {step.inner.title} ended at {where}" + (f" {code(text)}" if text else "")
        chosen = [
            f"{one.text} was {one.value._show(READ_WIDTH, short=True)}"
            for one in step.keys[:MOST_NAMES]
        ]
        if step.of_class and self._is_untold(step.of_class, 0, []):
            chosen.insert(0, f"of class {step.of_class}: all its instances have it in common")
        how = "; ".join([*filter(None, [how]), *chosen])
        reads = [
            f"{one.text} was {one.value._show(READ_WIDTH, short=True)}"
            for one in step.reads[:MOST_NAMES]
            if one.text != step.text
        ]
        if (
            step.end
            and reads
            and not step.is_raised
            and self._is_untold(step.file, step.line, reads)
        ):
            how = "; ".join([*filter(None, [how]), ", ".join(reads)])
        value = step.value._show(WIDTH, short=True)
        is_again = before is not None and len(value) > SHORT and before.value == step.value
        what = f"{step.name} = {'(the same)' if is_again else value}"
        if step.how == "called" and len(value) > SHORT:
            what = self._what_became(step) or what
        name = step.name if before is None else ""
        is_part = step.name != bindings.root_in(step.name)
        is_write = step.how in ("changed", "deleted") or (step.how == "assigned" and is_part)
        return Link(
            step.seq, what, step.file, step.line, title, how, name, depth, is_write, step.inner
        )

    def _what_became(self, step: Step) -> str:
        """Of a large object that changed in a call: in what, which may be no more than a cache that filled."""
        earlier = self.trace.find(
            frame=step.event.frame, start=_near(step.seq), stop=step.seq, backwards=True
        )
        before = next(earlier, None)
        old = None if before is None else self.trace.evaluate(step.name, before)
        if old is None or old.kind != "known" or step.value.kind != "known":
            return ""
        part = next(what_changed(old.tree, step.value.tree), None)
        if part is None:
            return ""
        path, left, right = differences.shown(part, step.name, WIDTH // 2)
        return f"{path} = {right}, and was {left}"

    def _is_untold(self, file: str, line: int, reads: list[str]) -> bool:
        """Whether a line was not told yet with what it read."""
        key = file, line, *reads
        is_untold = key not in self._told
        self._told.add(key)
        return is_untold

    def _expand(self, step: Step, depth: int, is_again: bool) -> None:
        """Where the way goes on from a write, besides what `why` follows itself."""
        if step.keys and step.at is not None:
            self._names([one.text for one in step.keys], step.at, depth)
        if step.at is not None and not step.is_raised:
            names = [one.text for one in step.reads if one.value.kind == "known"]
            self._names(names, step.at, depth)
        if step.how in ("caught", "raised"):
            self._caught(step.event, depth)
        root = bindings.root_in(step.name)
        if is_again or step.name != root or not self._is_whole(step, root):
            self._writers(root, step.event, depth)
        if step.function is not None and step.how not in ("argument", "default", "found"):
            before = self._line_before(step.event)
            if before is not None and before.line == step.line:
                self._calls_of(before, depth)
                self._conditions(before, depth)

    def _is_whole(self, step: Step, root: str) -> bool:
        """Whether the line gave the variable its value, and did not change something in it."""
        if step.how in ("changed", "called", "unknown"):
            return False
        return self.texts.binds(step.file, step.line, root)

    def _definition(self, step: Step, depth: int) -> Link:
        """Where the default of a parameter is made."""
        function = step.event.function
        what = f"the default of {step.name} is made once"
        title = function.qualified_name
        return Link(step.seq, what, function.file, function.first_line, title, depth=depth)

    def _ended(self, event: Event, depth: int) -> Link:
        verb = {"return": "returned", "yield": "yielded"}.get(event.kind, "raised")
        value = "" if event.value is None else shown(event.value, WIDTH)
        what = f"{event.title} {verb} {value}"
        ended = event if event.kind == "return" else None
        return Link(event.seq, what, event.file, event.line, event.title, depth=depth, ended=ended)

    def _of_return(self, event: Event, depth: int) -> None:
        before = self._line_before(event)
        if before is not None:  # what a call gave is nearer to it than what the call was made with
            self._calls_of(before, depth, event.seq)
        statement = self.texts.statement(event.file, event.line)
        value = None if statement is None else getattr(statement, "value", None)
        if value is not None:
            names = self._read_by(value, event)
            for name in self._as_key(names, event)[:1]:
                self._put(_Ask(depth, event.seq, name), (name, event.seq), at_once=True)
            self._names(names, event.seq, depth)
        if before is not None:
            self._conditions(before, depth)

    def _as_key(self, names: list[str], event: Event) -> list[str]:
        """Of what was returned, where it is a key of a dict that the line read: what the dict has there, whose last
        write is why it is a key still."""
        tree = None if event.value is None else event.value._tree
        if type(tree) not in (int, str) or not tree:
            return []
        items = [
            f"{name}[{tree!r}]"
            for name in names
            if "[" not in name and _is_dict(self.trace.evaluate(name, event).tree)
        ]
        return [one for one in items if self.trace.evaluate(one, event).kind == "known"]

    def _condition(self, event: Event, depth: int) -> Iterator[Link]:
        """A line that decided: what it looked at, and what that was."""
        head = self.texts.at(event.file, event.line)
        decides = None if head is None else head.decides
        names = [] if decides is None else bindings.reads(decides)
        shown = [
            f"{name} was {self.trace.evaluate(name, event)._show(READ_WIDTH, short=True)}"
            for name in names[:MOST_NAMES]
        ]
        shown = shown if self._is_untold(event.file, event.line, shown) else []
        what = (
            "it was decided there"
            if head is None or not isinstance(head.node, LOOPS)
            else "the loop went so far"
        )
        yield Link(
            event.seq, what, event.file, event.line, event.title, ", ".join(shown), "", depth
        )
        self._names(names, event.seq, depth + 1)
        self._calls_of(event, depth + 1)
        if head is not None and isinstance(head.node, ast.For | ast.AsyncFor):
            self._gone_through(head.node.iter, event, depth + 1)

    def _gone_through(self, iterable: ast.expr, event: Event, depth: int) -> None:
        """On into the call that made what a loop goes through: the loop made it when it was come to."""
        calls = [one for one in ast.walk(iterable) if isinstance(one, ast.Call)]
        names = {bindings.called(one) for one in calls}
        ends = self.trace.find(
            "return", caller=event.frame, start=_near(event.seq), stop=event.seq, backwards=True
        )
        for end in islice(ends, MOST_CHANGES if names else 0):
            if end.function.name in names:
                self._put(_Ask(depth, end.seq, event=end), ("event", end.seq))
                return

    def _first_seen(self, asked: _Ask, is_missing: bool = True) -> Iterator[Link]:
        """Of a part that is not there, or not known: where its object was made."""
        root = bindings.root_in(asked.name)
        if root == asked.name:
            return
        first = self.trace._first_seen(root, asked.seq)
        if first is None:
            yield from self._value(asked._replace(name=root))
            return
        yield from self._made(first.value.type_name, asked)
        part = asked.name[len(root) :].lstrip(".")
        what = f"{root}, which has no {part}, is first seen"
        if not is_missing:
            what = f"{root}, of which {part} is not known, is first seen"
        title = "(not known)" if first.function is None else title_of(first.function)
        yield Link(first.seq, what, first.file, first.line, title, depth=asked.depth)

    def _made(self, type_name: str, asked: _Ask) -> Iterator[Link]:
        """Where an object of such a class was made last."""
        made = f"{type_name.rpartition('.')[2]}.__init__"
        near = _near(asked.seq)
        calls = self.trace.find("call", function=made, start=near, stop=asked.seq, backwards=True)
        call = next(calls, None)
        if call is not None:
            what = f"{made} is called"
            yield Link(call.seq, what, call.file, call.line, call.title, depth=asked.depth)

    def _of_class(self, step: Step, depth: int) -> Iterator[Link]:
        """Of an attribute that the instance does not have: the class may."""
        name = step.name.rpartition(".")[2]
        if name.isidentifier():
            for one in self.trace.why(name, limit=1):
                yield self._link(one, depth)

    def _of_object(self, step: Step, depth: int) -> None:
        """On to what changed at the same event as something that nobody is seen to write: it is likely a part of it."""
        for change in self.trace.changes(step.event):
            if change.function is not None and change.value is not None and not change.found:
                self._put(_Ask(depth, change.seq, change.name), ("write", change.name, change.seq))

    # ---- what to follow next ----

    def _read_by(self, node: ast.AST, event: Event) -> list[str]:
        """What a line reads: the parts of variables (`known['pen']` for `known[item]`), then the variables; last what
        is only imported or defined."""

        def is_defined(name: str) -> bool:
            answer = self.trace.evaluate(name, event)
            return answer.kind == "known" and is_definition(answer.tree)

        def key(of: ast.expr) -> int | str | None:
            answer = self.trace.evaluate(ast.unparse(of), event)
            found = answer.tree if answer.kind == "known" else None
            return found if type(found) is str or (type(found) is int and found >= 0) else None

        parts = [one for one in ast.walk(node) if isinstance(one, ast.Subscript)]
        with_keys = [bindings.with_keys(one, key) for one in parts]
        names = [ast.unparse(one) for one in with_keys if bindings.root_of(one) is not None]
        found = list(dict.fromkeys([*names, *bindings.reads(node)]))
        found = [one for one in found if not any(_is_within(other, one) for other in found)]
        return sorted(found, key=is_defined)

    def _names(self, names: list[str], seq: int, depth: int) -> None:
        for name in names[:MOST_NAMES]:
            self._put(_Ask(depth, seq, name), (name, seq))

    def _put(
        self, asked: _Ask, key: tuple[object, ...], *, later: bool = False, at_once: bool = False
    ) -> None:
        if key in self._asked:
            return
        self._asked.add(key)
        if at_once:
            self._waiting.appendleft(asked)
        else:
            (self._later if later else self._waiting).append(asked)

    def _calls_of(self, event: Event, depth: int, stop: int | None = None) -> None:
        """The calls that a line made, from the event at which it was about to run: the last ones' ends."""
        if stop is None:
            rest = self.trace.find(frame=event.frame, start=event.seq + 1, stop=event.seq + REACH)
            following = next(rest, None)
            stop = event.seq + REACH if following is None else following.seq + 1
        start = max(self._arrived(event), _near(stop))
        ends = self.trace.find(
            ("return", "yield"), caller=event.frame, start=start, stop=stop, backwards=True
        )
        for end in islice(ends, MOST_RETURNS):
            if not end.function.is_body:
                self._put(_Ask(depth, end.seq, event=end), ("event", end.seq))

    def _arrived(self, event: Event) -> int:
        """Where a frame came to its line: a comprehension is there again and again."""
        start = event.seq
        earlier = self.trace.find(
            frame=event.frame, start=_near(event.seq), stop=event.seq, backwards=True
        )
        for one in islice(earlier, MOST_CHANGES):
            if one.line != event.line:
                break
            start = one.seq
        return start

    def _conditions(self, event: Event, depth: int) -> None:
        """The conditions and loops that a line is in, and one that was just left, or not entered."""
        heads = self.texts.around(event.function, event.line)
        before = self._line_before(event, other=True)
        if before is not None and (left := self.texts.at(before.file, before.line)) is not None:
            heads = [left, *(head for head in heads if head.first != left.first)]
        for head in heads[:MOST_NAMES]:
            if head.decides is None:
                self._caught(event, depth)
            self._decided(head, event, depth)

    def _decided(self, head: Head, event: Event, depth: int) -> None:
        found = next(
            self.trace.find(
                "line",
                frame=event.frame,
                line=head.first,
                start=_near(event.seq),
                stop=event.seq,
                backwards=True,
            ),
            None,
        )
        if found is not None:
            key = ("line", found.file, found.line)
            self._put(_Ask(depth, found.seq, event=found), key, later=True)

    def _caught(self, event: Event, depth: int) -> None:
        """On where the exception was raised that a frame handled last."""
        near = _near(event.seq)
        handled = next(
            self.trace.find(
                "handled", frame=event.frame, start=near, stop=event.seq + 1, backwards=True
            ),
            None,
        )
        if handled is None or handled.value is None:
            return
        begun = max(handled.seq - MOST_BACK, 0)
        for raised in self.trace.exceptions(
            thread=event.thread.number, start=begun, stop=handled.seq + 1
        ):
            if any(one.seq == handled.seq for one in raised.events):
                origin = raised.origin
                self._put(_Ask(depth, origin.seq, event=origin), ("event", origin.seq))

    def _writers(self, root: str, event: Event, depth: int) -> None:
        """On to every line that wrote or changed a variable in this frame: the first time that each did."""
        is_global = root not in event.locals or event._is_module_body
        frame = None if is_global else event.frame
        key = ("writers", root, frame)
        if key in self._asked:
            return
        self._asked.add(key)
        lines = set()
        near = _near(event.seq)
        changes = self.trace.history(root, frame=frame, start=near, stop=event.seq + 1)
        for change in islice(changes, MOST_CHANGES):
            if change.found or (change.file, change.line) in lines:
                continue
            if self.texts.binds(change.file, change.line, root) or not self._is_foreign(change):
                lines.add((change.file, change.line))
                self._put(_Ask(depth, change.seq, root), ("write", root, change.seq))

    def _is_foreign(self, change: Change) -> bool:
        return change.value is not None and self.texts.is_foreign(change.value._tree)

    def _idle(self, asked: _Ask, step: Step) -> Iterator[Link]:
        """The lines that ran between a write and the moment that is asked for, and were there to change it: they
        assign it, or call something on it and do nothing with what comes back. They left it as it was."""
        root = bindings.root_in(step.name)
        met = set()
        start = max(step.seq, _near(asked.seq))
        lines = self.trace.find("line", frame=step.event.frame, start=start, stop=asked.seq)
        for event in islice(lines, MOST_CHANGES):
            statement = self.texts.statement(event.file, event.line)
            if statement is None or event.line in met or event.line == step.line:
                continue
            if self.texts.is_to_change(statement, root):
                met.add(event.line)
                what = f"{root} stays as it is"
                yield Link(
                    event.seq, what, event.file, event.line, event.title, "", root, asked.depth + 1
                )

    def _namesakes(self, root: str, step: Step, depth: int) -> Iterator[Link]:
        """Variables of functions that have the name of a global, and are others."""
        if step.function is None or not step.function.is_body or not step.event._is_module_body:
            return
        for function in self.trace.functions:
            slot = function._slots.get(root)
            if slot is None or function.is_body or function._kinds[slot] == "free":
                continue
            near = _near(step.seq)
            changes = self.trace.history(
                root, function.qualified_name, start=near, stop=step.seq + REACH
            )
            change = next(changes, None)
            if change is not None and change.module is None and change.event.kind != "call":
                what = f"{root} of {function.qualified_name} is another variable"
                yield Link(
                    change.seq, what, change.file, change.line, change.title, "", root, depth
                )

    def _line_before(self, event: Event, *, other: bool = False) -> Event | None:
        """The line of its frame that ran last before an event; with `other`: the last that is another line."""
        near = _near(event.seq)
        lines = self.trace.find(
            "line", frame=event.frame, start=near, stop=event.seq, backwards=True
        )
        for one in islice(lines, MOST_CHANGES):
            if not other or one.line != event.line:
                return one
        return None


def _is_dict(tree: object) -> bool:
    inner = without_wrapping(tree)
    return isinstance(inner, Node) and inner.tag == TAG_DICT


def _is_within(part: str, whole: str) -> bool:
    """Whether one path leads through the other."""
    return part.startswith((f"{whole}.", f"{whole}["))


def _near(seq: int) -> int:
    return max(seq - REACH, 0)
