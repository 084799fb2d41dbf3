"""`recorder show --plain`: one command a line, for pipes and for terminals without the full screen."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from recorder import errors
from recorder.cli.before import Before, changed
from recorder.cli.events import doubt, headline, place, source_lines, variables
from recorder.cli.output import printable, write
from recorder.cli.queries import Who, thread_name
from recorder.trace.origins import REASONS
from recorder.trace.paths import base_name

if TYPE_CHECKING:
    from collections.abc import Callable

    from recorder.trace.navigate import Navigator

CONTEXT = 3  # lines of source before and after the present one
HELP = """\
  s  step            S  back          into whatever is called
  n  next            N  back          over what is called
  o  out             O  back          to the end of the function; back: to its caller's line
  g SEQ                               to an event; g end, g start
  / WHAT             ? WHAT           to FILE:LINE, a function or an exception's type
  e [TYPE]           E [TYPE]         to an exception
  b WHAT             b                a breakpoint at FILE:LINE or a function; the list
  c  continue        C  back          to a breakpoint
  v VAR              V VAR            to the last change of a variable; to the next one
  p PATH                              a value, whole: x, self.items[0]['id'], module.name
  l  l LINES                          the source around here
  w                                   the stack
  t  t NUMBER                         the threads; to one of them
  h                                   this help
  q                                   the end"""
WORDS = {
    "step": "s", "next": "n", "out": "o", "goto": "g", "find": "/", "exception": "e",
    "break": "b", "continue": "c", "changed": "v", "print": "p", "list": "l", "where": "w",
    "threads": "t", "help": "h", "back": "S",
}  # fmt: skip


class Plain:
    """Reads commands, and writes what a person or a program wants to know."""

    def __init__(self, walk: Navigator) -> None:
        self.walk = walk
        self.who = Who(walk.trace)
        self.before = Before(walk.trace, forwards=False)
        self.commands: dict[str, Callable[[str], object]] = {
            "s": lambda _: self.move(walk.step()),
            "S": lambda _: self.move(walk.step(back=True)),
            "n": lambda _: self.move(walk.next()),
            "N": lambda _: self.move(walk.next(back=True)),
            "o": lambda _: self.move(walk.out()),
            "O": lambda _: self.move(walk.out(back=True)),
            "g": self.goto,
            "/": lambda what: self.move(walk.search(what), sought=what),
            "?": lambda what: self.move(walk.search(what, back=True), sought=what),
            "e": lambda name: self.move(walk.to_exception(name or None), exception=name),
            "E": lambda name: self.move(walk.to_exception(name or None, back=True), exception=name),
            "b": self.breakpoint,
            "c": lambda _: self.move(walk.run()),
            "C": lambda _: self.move(walk.run(back=True)),
            "v": lambda name: self.move(walk.last_change(name), variable=name),
            "V": lambda name: self.move(walk.last_change(name, back=False), variable=name),
            "p": self.value,
            "l": self.source,
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
                return
            if line.strip():
                self.obey(line.strip())

    def obey(self, line: str) -> None:
        """One command: a letter, or the word it stands for, and what it is about."""
        word, _, rest = line.partition(" ")
        if line[0] in "/?":
            word, rest = line[0], line[1:]
        word = WORDS.get(word, word)
        command = self.commands.get(word)
        if command is None:
            write(f"{printable(word)} is not a command; h lists them")
            return
        try:
            command(rest.strip())
        except errors.RecorderUsageError as exc:
            write(printable(str(exc)))
        except (errors.TraceCorruptError, errors.UnknownRecordError) as exc:
            write(f"that cannot be read: {printable(str(exc))}")

    def move(self, moved: bool, **asked: str) -> None:
        """`asked`: what was looked for, so that it can be said if it is nowhere at all."""
        if moved:
            self.show_event()
            return
        said = self.walk.why_nothing(**asked)
        write(printable("nothing there" + (f": {said}" if said else "")))

    def show_event(self) -> None:
        """The present event: where, the line, what changed."""
        event = self.walk.event
        write(printable(headline(event, self.who)))
        lines = source_lines(self.walk.trace, event.function)
        if 0 < event.line <= len(lines):
            write(printable(f"  {event.line:>5} → {lines[event.line - 1]}"))
            self.warn()
        for change in self.walk.trace.changes(event):
            if not change.found:
                write(printable(f"        * {changed(change, self.before)}"))

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
        from recorder.trace.navigate import Breakpoint

        if what:
            point = Breakpoint.parse(what)
            if said := self.walk.why_nothing(sought=what):
                write(printable(f"  {said}"))
            self.walk.breakpoints.append(point)
        for point in self.walk.breakpoints:
            write(printable(f"  breakpoint at {point}"))

    def value(self, name: str) -> None:
        event = self.walk.event
        if name:
            from recorder.trace.lookup import Lookup

            found = Lookup(self.walk.trace, event).find(name)
            note = f"  ({found.note})" if found.note else ""
            write(printable(f"  {found.path} = {found.show(5_000)}{note}"))
            return
        for new, each, text in variables(event, set(event.changed)):
            write(printable(f"  {'*' if new else ' '} {each} = {text}"))

    def source(self, around: str) -> None:
        event = self.walk.event
        lines = source_lines(self.walk.trace, event.function)
        if not lines:
            write(f"the source is not in the trace{self.missing(event.file)}")
        reach = int(around) if around.isdecimal() and len(around) < 7 else CONTEXT
        first = max(event.line - reach, 1)
        for number, text in enumerate(lines[first - 1 : event.line + reach], first):
            write(printable(f"  {number:>5} {'→' if number == event.line else ' '} {text}"))

        if lines:
            self.warn()

    def warn(self) -> None:
        """Said with every line of a text that may not be what ran."""
        why = doubt(self.walk.trace, self.walk.event)
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
            write(printable(f"  {frame.depth:>4}  {place(frame, above)}"))
            above = frame

    def threads(self, number: str) -> None:
        if number.isdecimal() and len(number) < 10:
            self.move(self.walk.thread(int(number)), thread=number)
            return
        here = self.walk.event.thread.number
        for thread, frames in self.walk.moment.stacks:
            mark = "→" if thread.number == here else " "
            top = frames[-1]
            where = f"{top.title}  {base_name(top.file)}:{top.line}"
            write(printable(f"  {mark} {thread_name(thread)}  {where}"))
