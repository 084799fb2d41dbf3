"""`recorder show --plain`: one command a line, for pipes and for terminals without the full screen."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from recorder import errors
from recorder.cli.call_rows import as_text
from recorder.cli.console import printable, write
from recorder.cli.events import (
    doubt,
    function_rows,
    headline,
    outcome,
    place,
    source_lines,
    variables,
)
from recorder.cli.output import text_of
from recorder.cli.queries import Who, is_definition, shown, thread_name
from recorder.cli.search_progress import PlainSearch, given_up
from recorder.cli.shown_change import ShownChanges, changed, parts_changed
from recorder.cli.task_rows import Tasks
from recorder.dap.arguments import Refused
from recorder.trace.bookmarks import Bookmarks
from recorder.trace.calls_around import CallsAround
from recorder.trace.existence import nearest, not_in_trace
from recorder.trace.moments import event_at
from recorder.trace.origins import REASONS
from recorder.trace.paths import base_name
from recorder.trace.shared import marks_at, may_hold_objects

if TYPE_CHECKING:
    from collections.abc import Callable

    from recorder.trace.expressions.expression import Expression
    from recorder.trace.navigate import Navigator
    from recorder.trace.snapshots import Event, Frame

TASKS_PATIENCE = 5  # seconds that are waited for what tasks did
CONTEXT = 3  # lines of source before and after the present one
HELP = """\
  s  step            S  back          into whatever is called
  n  next            N  back          over what is called
  o  out             O  back          to the end of the function; back: to its caller's line
  g SEQ                               to an event; g end, g start
  / WHAT             ? WHAT           to FILE:LINE, a function or an exception's type
  e [TYPE]           E [TYPE]         to an exception
  b WHAT             b                a breakpoint at FILE:LINE or a function; the list
  b WHAT if EXPR     b WHAT hits N    where a condition holds; at the N-th hit, or hits 3-5
  B N                B                without the N-th breakpoint; without any
  c  continue        C  back          to a breakpoint
  v VAR              V VAR            to the last change of a variable; to the next one
  p PATH             p EXPR           a value, whole: x, self.items[0]['id'], module.name, len(x)
  p                  G                the variables; the globals
  x EXPR             X                an expression, shown at each halt; without any
  u                  d                the frame below, which called; the one above
  l  l LINES         L                the source around here; the whole function, with values
  w                                   the stack
  T  T SEQ                            the calls around here; those around another event
  t  t NUMBER  t NAME                 threads and tasks, who awaits whom; to one of them
  m  m NAME          M  M NAME        a bookmark here, or none; the list; to one of them
  h                                   this help
  q                                   the end
A search that takes long is ended by Ctrl-C: one stays where one is."""
WORDS = {
    "step": "s", "next": "n", "out": "o", "goto": "g", "find": "/", "exception": "e",
    "break": "b", "continue": "c", "changed": "v", "print": "p", "list": "l", "where": "w",
    "threads": "t", "help": "h", "back": "S", "up": "u", "down": "d", "display": "x", "globals": "G",
    "function": "L", "longlist": "L", "calls": "T", "mark": "m", "marks": "M",
}  # fmt: skip


class Plain:
    """Reads commands, and writes what a person or a program wants to know."""

    def __init__(self, walk: Navigator) -> None:
        self.walk = walk
        self.who = Who(walk.trace)
        self.shown_changes = ShownChanges(walk.trace, forwards=False)
        self.frame: Frame | Event = walk.event  # the chosen one, whose variables are asked for
        self.displayed: dict[str, tuple[Expression, str]] = {}  # with what it came to last
        self.bookmarks = Bookmarks()
        self._tasks: Tasks | None = None
        self._over = ""  # what is said where the present command is given up
        self.commands: dict[str, Callable[[str], object]] = {
            "s": lambda _: self.move(walk.step()),
            "S": lambda _: self.move(walk.step(back=True)),
            "n": lambda _: self.move(walk.next()),
            "N": lambda _: self.move(walk.next(back=True)),
            "o": lambda _: self.move(walk.out()),
            "O": lambda _: self.move(walk.out(back=True)),
            "m": self.mark,
            "M": self.marks,
            "T": self.calls,
            "L": self.function,
            "g": self.goto,
            "/": lambda what: self.move(walk.search(what), sought=what),
            "?": lambda what: self.move(walk.search(what, back=True), sought=what),
            "e": lambda name: self.move(walk.to_exception(name or None), exception=name),
            "E": lambda name: self.move(walk.to_exception(name or None, back=True), exception=name),
            "b": self.breakpoint,
            "B": self.without,
            "c": lambda _: self.run_on(),
            "C": lambda _: self.run_on(back=True),
            "v": lambda name: self.move(walk.last_change(name), variable=name),
            "V": lambda name: self.move(walk.last_change(name, back=False), variable=name),
            "p": self.value,
            "l": self.source,
            "G": self.globals,
            "x": self.display,
            "X": lambda _: self.displayed.clear(),
            "u": lambda _: self.choose(-1),
            "d": lambda _: self.choose(1),
            "w": self.stack,
            "t": self.threads,
            "h": lambda _: write(HELP),
        }

    def run(self) -> None:
        terminal = sys.stdin is not None and sys.stdin.isatty()
        self.show_event()
        while True:
            if terminal:
                sys.stdout.write("> ")
                sys.stdout.flush()
            line = sys.stdin.readline() if sys.stdin is not None else ""
            if not line or line.strip() in ("q", "quit", "exit"):
                break
            if line.strip():
                self.obey(line.strip())
        if self._tasks is not None:
            self._tasks.end()

    def obey(self, line: str) -> None:
        """One command, which Ctrl-C ends."""
        self._over = ""
        with PlainSearch(self.walk.trace) as search:
            self._obey(line)
        if search.is_cancelled:
            write(self._over or given_up(search, self.walk.event.seq))

    def _obey(self, line: str) -> None:
        """A letter, or the word it stands for, and what it is about."""
        word, _, rest = line.partition(" ")
        if line[0] in "/?":
            word, rest = line[0], line[1:]
        word = WORDS.get(word, word)
        command = self.commands.get(word)
        if command is None:
            near = nearest(word, WORDS)
            meant = f"; did you mean {' or '.join(near)}?" if near else "; h lists them"
            write(f"{printable(word)} is not a command{meant}")
            return
        try:
            command(rest.strip())
        except (errors.RecorderUsageError, Refused) as exc:
            write(printable(str(exc)))
        except (errors.TraceCorruptError, errors.UnknownRecordError) as exc:
            write(f"that cannot be read: {printable(str(exc))}")

    def move(self, moved: bool, **asked: str) -> None:
        """`asked`: what was looked for, so that it can be said if it is nowhere at all."""
        if moved:
            self.show_event()
            return
        self._over = f"nothing there; this is still event {self.walk.event.seq}"
        said = self.walk.why_nothing(**asked)
        write(printable("nothing there" + (f": {said}" if said else "")))

    def run_on(self, back: bool = False) -> None:
        moved = self.walk.run(back=back)
        self.move(moved)
        for point in self.walk.breakpoints if moved else ():
            if why := point.doubt(self.walk.trace, self.walk.event):
                write(printable(f"        ? {point.when} may be: {why}"))

    def show_event(self) -> None:
        """The present event: where, the line, what changed."""
        event = self.frame = self.walk.event
        write(printable(headline(event, self.who)))
        self.show_line()
        changes = [one for one in self.walk.trace.changes(event) if not one.found]
        if any(one.value is not None and may_hold_objects(one.value) for one in changes):
            self.shown_changes.marks = marks_at(self.walk.moment)
        for change in changes:
            write(printable(f"        * {changed(change, self.shown_changes)}"))
        for log in self.walk.trace.logs_at(self.walk.event.seq):
            write(printable(f"        > {log.shown}"))
        for output in self.walk.trace.output_at(self.walk.event.seq):
            write(printable(f"        > {text_of(output)}"))
        self.show_displayed()

    def goto(self, where: str) -> None:
        if where in ("start", "end"):
            self.move(self.walk.to_end(back=where == "start"))
            return
        if not where.isdecimal() or len(where) > 18:
            raise errors.InvalidArgumentError(
                argument="g", value=where, expected="the number of an event, start or end"
            )
        self.move(self.walk.goto(int(where)))

    def breakpoint(self, what: str) -> None:
        from recorder.trace.breakpoints import Breakpoint

        if what:
            point = Breakpoint.parse(what)
            self._over = "it is not known whether it is ever met: b lists it"
            self.walk.breakpoints.append(point)
            try:
                said = self.walk.why_nothing(sought=what)
            except errors.NotInTraceError:
                self.walk.breakpoints.remove(point)
                raise
            if said:
                write(printable(f"  {said}"))
        for number, point in enumerate(self.walk.breakpoints, 1):
            write(printable(f"  {number} breakpoint at {point}"))

    def without(self, number: str) -> None:
        points = self.walk.breakpoints
        if not number:
            points.clear()
        elif number.isdecimal() and len(number) < 10 and 0 < int(number) <= len(points):
            del points[int(number) - 1]
        else:
            write(f"there is no breakpoint {printable(number)}")
        self.breakpoint("")

    def value(self, name: str) -> None:
        if not name:
            self.variables()
            return
        from recorder.trace.expressions.expression import Expression
        from recorder.trace.lookup import Lookup
        from recorder.trace.values.grid import text_lines

        try:
            found = Lookup(self.walk.trace, self.walk.event).find(name, self.frame)
        except errors.InvalidArgumentError:  # no path
            self.evaluate(Expression(name))
            return
        note = f"  ({found.note})" if found.note else ""
        write(printable(f"  {found.path} = {found.show(5_000)}{note}"))
        for line in text_lines(found.tree):
            write(f"    {line}")

    def variables(self) -> None:
        """Those of the chosen frame, and what the event itself is about."""
        event, frame = self.walk.event, self.frame
        is_here = frame.frame == event.frame
        changed = set(event.changed) if is_here else set()
        for new, each, text in variables(frame, changed, marks_at(self.walk.moment)):
            write(printable(f"  {'*' if new else ' '} {each} = {text}"))
            for row in parts_changed(self.walk.trace, event, each) if new else ():
                write(printable(f"      * {row}"))
        label, text = outcome(event)
        if label and is_here:
            write(printable(f"    {label} {text}"))

    def globals(self, _: str) -> None:
        """Those of the chosen frame's module, but for what it defines and imports."""
        marks = marks_at(self.walk.moment)
        for name, value in self.frame.globals.items():
            if not is_definition(name, value):
                write(printable(f"    {name} = {shown(value, 120, marks)}"))

    def display(self, text: str) -> None:
        from recorder.trace.expressions.expression import Expression

        if text:
            self.displayed.setdefault(text, (Expression(text), ""))
        self.show_displayed()

    def show_displayed(self) -> None:
        """In the chosen frame; and what they came to before, where that is something else."""
        for text, (expression, before) in self.displayed.items():
            now = self.answer(expression)
            was = f"  (was {before})" if before not in ("", now) else ""
            write(printable(f"    {text} = {now}{was}"))
            self.displayed[text] = expression, now

    def evaluate(self, expression: Expression) -> None:
        write(printable(f"    {expression.text} = {self.answer(expression)}"))

    def answer(self, expression: Expression) -> str:
        return self.walk.trace.evaluate(expression, self.frame).show(5_000)

    def choose(self, step: int) -> None:
        """The frame below the chosen one, which called it, or the one above."""
        frames = self.walk.moment.stack
        at = next((n for n, one in enumerate(frames) if one.frame == self.frame.frame), -1)
        if not 0 <= at + step < len(frames):
            write("there is no frame there")
            return
        self.frame = frames[at + step]
        above = frames[at + step + 1] if at + step + 1 < len(frames) else None
        write(printable(f"  {self.frame.depth:>4}  {place(self.frame, above)}"))
        self.show_line()

    def show_line(self) -> None:
        """The line of the chosen frame."""
        lines = source_lines(self.walk.trace, self.frame.function)
        if 0 < self.frame.line <= len(lines):
            write(printable(f"  {self.frame.line:>5} → {lines[self.frame.line - 1]}"))
            self.warn()

    def source(self, around: str) -> None:
        event = self.frame
        lines = source_lines(self.walk.trace, event.function)
        if not lines:
            write(f"the source is not in the trace{self.missing(event.file)}")
        reach = int(around) if around.isdecimal() and len(around) < 7 else CONTEXT
        first = max(event.line - reach, 1)
        for number, text in enumerate(lines[first - 1 : event.line + reach], first):
            write(printable(f"  {number:>5} {'→' if number == event.line else ' '} {text}"))

        if lines:
            self.warn()

    def function(self, _: str) -> None:
        """The whole text of the chosen frame's function, what each line brought about beside it."""
        rows = function_rows(self.walk.trace, self.frame, self.walk.event.seq)
        for row in rows:
            write(printable(row))
        if rows:
            self.warn()
        else:
            write(f"the source is not in the trace{self.missing(self.frame.file)}")

    def warn(self) -> None:
        """Said with every line of a text that may not be what ran."""
        why = doubt(self.walk.trace, self.frame)
        if why:
            write(printable(f"        ! {why}"))

    def missing(self, path: str) -> str:
        why = self.walk.trace.why_missing(path)
        return f": {REASONS.get(why, why)}" if why else ""

    def stack(self, _: str) -> None:
        above = None
        if who := self.who(self.walk.event):
            write(printable(who))
        for frame in reversed(self.walk.moment.stack):
            is_chosen = frame.frame == self.frame.frame != self.walk.event.frame
            mark = ">" if is_chosen else " "
            write(printable(f" {mark}{frame.depth:>4}  {place(frame, above)}"))
            above = frame

    def threads(self, asked: str) -> None:
        here = self.walk.event.thread.number
        if asked.isdecimal() and len(asked) < 10:
            self.move(self.walk.thread(int(asked)), thread=asked)
        elif asked:
            self.to_task(asked)
        else:
            for thread, frames in self.walk.moment.stacks:
                mark = "→" if thread.number == here else " "
                top = frames[-1]
                where = f"{top.title}  {base_name(top.file)}:{top.line}"
                write(printable(f"  {mark} {thread_name(thread)}  {where}"))
            for row in self.tasks.at(self.walk.event):
                write(printable(f"    task {row.text}"))
            if not self.tasks.are_known:
                write("    which tasks wait is not known yet: t asks again")

    @property
    def tasks(self) -> Tasks:
        if self._tasks is None:
            self._tasks = Tasks(self.walk.trace, TASKS_PATIENCE)
        return self._tasks

    def to_task(self, name: str) -> None:
        rows = self.tasks.at(self.walk.event)
        number = next((row.number for row in rows if row.name == name), None)
        if number is None:
            known = [row.name for row in rows]
            raise not_in_trace(
                self.walk.trace.path, "task at this moment", name, nearest(name, known)
            )
        self.move(self.walk.goto(self.tasks.event_of(self.walk.event, number).seq))

    def calls(self, around: str) -> None:
        """The tree of calls around the present event, or another one."""
        seq = event_at(self.walk.trace, around, "T") if around else self.walk.event.seq
        for row in CallsAround(self.walk.trace, seq).rows:
            write(printable(as_text(row)))

    def mark(self, name: str) -> None:
        if self.bookmarks.toggle(self.walk.event.seq, name) is None:
            write("  there is no bookmark here any more")
        self.list_marks()

    def marks(self, asked: str) -> None:
        if asked:
            self.move(self.walk.goto(self.bookmarks.find(asked).seq))
        else:
            self.list_marks()

    def list_marks(self) -> None:
        for number, one in enumerate(self.bookmarks.all, 1):
            mark = "→" if one.seq == self.walk.event.seq else " "
            write(printable(f"  {mark} {number} {one}"))
