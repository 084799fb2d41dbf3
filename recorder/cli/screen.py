"""The full screen of `recorder show`: source, stack, variables and threads around one event.

The keys are those of --plain: a letter goes forwards, its capital back.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar, TypeVar

from rich.text import Text
from textual import work
from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.widgets import Footer, Input, OptionList, Static, Tree
from textual.widgets.option_list import Option

from recorder import errors
from recorder._core.decode import Thread
from recorder.cli.console import printable
from recorder.cli.events import doubt, elapsed, function_rows, place, source_lines, title
from recorder.cli.queries import thread_name
from recorder.cli.screen_source import first_shown, source_text
from recorder.cli.screen_variables import Entry, Variables
from recorder.cli.screen_windows import Calls, Choice, Window
from recorder.cli.search_progress import given_up, progress
from recorder.cli.task_rows import Tasks
from recorder.dap.arguments import Refused
from recorder.dap.strands import FIRST_TASK
from recorder.export.text import notice
from recorder.trace.bookmarks import Bookmarks
from recorder.trace.breakpoints import Breakpoint
from recorder.trace.calls_around import CallsAround
from recorder.trace.cancellable import Cancellable
from recorder.trace.expressions.expression import Expression
from recorder.trace.line_values import values_at_lines
from recorder.trace.navigate import Navigator
from recorder.trace.origins import REASONS
from recorder.trace.paths import base_name
from recorder.trace.shared import marks_at
from recorder.trace.snapshots import Event, Frame

T = TypeVar("T")

MOST_FRAMES = 200  # listed of a stack: the innermost
WHOLE = 20_000  # characters of a value that is looked at alone
TICK = 0.2  # seconds between two times that it is said how far a search is
TASKS_PATIENCE = (
    0.05  # seconds that each list waits for what tasks did; it is made again when that is known
)

# Key, what it does, shown at the bottom. A capital goes back, and stands beside its letter.
KEYS: list[BindingType] = [
    Binding("s", "move('step')", "Step", key_display="sS"),
    Binding("S", "move('step', True)", show=False),
    Binding("n", "move('next')", "Next", key_display="nN"),
    Binding("N", "move('next', True)", show=False),
    Binding("o", "move('out')", "Out", key_display="oO"),
    Binding("O", "move('out', True)", show=False),
    Binding("c", "move('run')", "Run", key_display="cC"),
    Binding("C", "move('run', True)", show=False),
    Binding("b", "breakpoint", "Break"),
    Binding("B", "ask('breakpoint')", show=False),
    Binding("p", "ask('evaluate')", show=False),
    Binding("x", "ask('display')", show=False),
    Binding("X", "no_display", show=False),
    Binding("u", "frame(-1)", show=False),
    Binding("d", "frame(1)", show=False),
    Binding("T", "calls", show=False),
    Binding("L", "function", show=False),
    Binding("m", "bookmark", show=False),
    Binding("M", "bookmarks", show=False),
    Binding("t", "threads", show=False),
    Binding("e", "move('to_exception')", "Raise", key_display="eE"),
    Binding("E", "move('to_exception', True)", show=False),
    Binding("v", "changed", "Var", key_display="vV"),
    Binding("V", "changed(False)", show=False),
    Binding("g", "ask('goto')", "Go"),
    Binding("slash", "ask('search')", "Find", key_display="/?"),
    Binding("question_mark", "ask('back')", show=False),
    Binding("home", "move('to_end', True)", show=False, priority=True),
    Binding("end", "move('to_end')", show=False, priority=True),
    Binding("escape", "escape", show=False),
    Binding("h,f1", "help", "Help", key_display="h"),
    Binding("q", "quit", "Quit"),
]

HELP = """\
s S  step, back: into calls       e E  to an exception, back
n N  next, back: over calls       v V  to the marked variable's
o O  out; back: to the call            last change; its next one
c C  run to a breakpoint, back    g    to an event, by number
b    a breakpoint here, or none   / ?  find, back: FILE:LINE, a
                                       function, exception's type
B    one at FILE:LINE or a function, and behind it `hits 3`
     or `if x > 1`; a number takes that one away
p    an expression, in the frame that is shown
x X  one that is shown at each halt; none of these any more
u d  the frame below, which called; the one above
T L  the calls around here, to walk in; the whole function
m M  a bookmark here, or none; the list, to go to one
t    threads and tasks, who awaits whom; Enter goes to one
Tab  from part to part; Home, End: the first event, the last
Enter  a frame: to it; a value: all of it; → ←  open, shut
Esc  ends a search that takes long, and closes this
h q  this help; the end"""

QUESTIONS = {
    "goto": "the number of an event",
    "search": "forwards to FILE:LINE, a function, or an exception's type",
    "breakpoint": "FILE:LINE or a function, then: hits N, if EXPR; or a number",
    "evaluate": "an expression, in the frame that is shown",
    "display": "an expression, to be shown at each halt",
    "back": "back to FILE:LINE, a function, or an exception's type",
}


class Screen(App[None]):
    """One event of a trace, and the way to the others."""

    TITLE = "recorder"
    ENABLE_COMMAND_PALETTE = False
    BINDINGS: ClassVar[list[BindingType]] = KEYS
    CSS = """
    #where { height: 1; background: $primary; color: $text; text-style: bold; padding: 0 1; }
    #warning { height: 1; background: $warning; color: $text; padding: 0 1; display: none; }
    #warning.open { display: block; }
    #source { width: 3fr; overflow-x: auto; }
    #text { width: auto; }
    #side { width: 2fr; }
    #variables { height: 3fr; }
    #stack { height: 2fr; }
    #threads { height: auto; max-height: 8; }
    #source, #variables, #stack, #threads {
        border: round $foreground 40%; border-title-color: $foreground 80%; background: $background;
        scrollbar-size-vertical: 1; scrollbar-size-horizontal: 1;
    }
    #source:focus, #variables:focus, #stack:focus, #threads:focus {
        border: round $accent; border-title-color: $accent;
    }
    #variables { overflow-x: auto; padding: 0; }
    #say { height: 1; padding: 0 1; color: $text-warning; }
    #ask { display: none; height: 3; }
    #ask.open { display: block; }
    Window, Choice, Calls { align: center middle; }
    #window {
        width: auto; min-width: 18; max-width: 90%; height: auto; max-height: 90%; padding: 0 2;
        border: round $accent; background: $surface;
    }
    #rows {
        width: 95%; height: auto; max-height: 90%; border: round $accent; background: $surface;
        text-wrap: nowrap; text-overflow: ellipsis;
    }
    #window Static { width: auto; max-width: 100%; }
    """

    def __init__(self, walk: Navigator) -> None:
        super().__init__()
        self.walk = walk
        self.frame: Frame | Event = walk.event  # the one whose variables are shown
        self.search: Cancellable | None = None  # while something is looked for
        self.asking = ""
        self.displayed: dict[str, str] = {}  # expressions, and what they came to last
        self.bookmarks = Bookmarks()
        self.tasks: Tasks | None = None

    @property
    def busy(self) -> bool:
        return self.search is not None

    def compose(self) -> ComposeResult:
        yield Static(id="where")
        yield Static(id="warning")
        with Horizontal():
            with VerticalScroll(id="source"):
                yield Static(id="text")
            with Vertical(id="side"):
                yield Variables(id="variables")
                yield OptionList(id="stack")
                yield OptionList(id="threads")
        yield Input(id="ask")
        yield Static(id="say")
        yield Footer(show_command_palette=False, compact=True)

    def on_mount(self) -> None:
        for name in ("source", "variables", "stack", "threads"):
            self.query_one(f"#{name}").border_title = name
        self.query_one("#source").focus()
        self.set_interval(TICK, self.tick)
        self.tasks = Tasks(self.walk.trace, TASKS_PATIENCE, self.tasks_are_known)
        self.show()

    def on_unmount(self) -> None:
        if self.search is not None:
            self.search.cancel()
        if self.tasks is not None:
            self.tasks.end()

    def part(self, name: str, kind: type[T]) -> T:
        """Of the screen below whatever is open over it."""
        found: Any = self.screen_stack[0].query_one(f"#{name}")
        assert isinstance(found, kind)  # audit: as compose() makes it
        return found

    # ---- what is shown ----

    def show(self) -> None:
        """Everything, as it is at the present event."""
        event = self.walk.event
        self.frame = event
        said = notice(self.walk.trace, checked=False)
        self.part("warning", Static).update(Text(printable(said)))
        self.part("warning", Static).set_class(bool(said), "open")
        line = f"{event.seq} of {self.walk.last}  {title(event)}"
        line += f"  +{elapsed(self.walk.trace, event)}  {thread_name(event.thread)}"
        if event.task is not None:
            line += f"  {event.task.name}"
        self.part("where", Static).update(Text(printable(line)))
        try:
            moment = self.walk.moment
        except (errors.TraceCorruptError, errors.UnknownRecordError) as exc:
            self.say(str(exc))
            return
        self.show_stack(moment.stack)
        self.show_threads(moment.stacks)
        self.show_frame()

    def show_stack(self, frames: list[Frame | Event]) -> None:
        stack = self.part("stack", OptionList)
        stack.border_title = f"stack of {thread_name(self.walk.event.thread)}"
        stack.clear_options()
        above = [*frames[1:], None]  # of each the one that it called
        stack.add_options(
            Option(Text(printable(_frame_line(frame, called))), id=str(frame.frame))
            for frame, called in list(zip(frames, above, strict=True))[: -MOST_FRAMES - 1 : -1]
        )
        stack.highlighted = 0

    def show_threads(self, stacks: list[tuple[Thread, list[Frame | Event]]]) -> None:
        """Those that are running something, and where; the present one is marked. Below them the tasks."""
        here = self.walk.event.thread.number
        threads = self.part("threads", OptionList)
        tasks = [] if self.tasks is None else self.tasks.at(self.walk.event)
        threads.border_title = f"threads: {len(stacks)}" + (
            f", tasks: {len(tasks)}" if tasks else ""
        )
        threads.clear_options()
        for row, (thread, frames) in enumerate(stacks):
            mark = "→" if thread.number == here else " "
            top = frames[-1]
            text = f"{mark} {thread.number} {thread.name}  {top.title}:{top.line}"
            threads.add_option(Option(Text(printable(text)), id=str(thread.number)))
            if thread.number == here:
                threads.highlighted = row
        for one in tasks:
            threads.add_option(Option(Text(printable(f"  {one.text}")), id=str(one.number)))

    def tasks_are_known(self) -> None:
        """Called by another thread."""
        self.call_from_thread(
            lambda: None if self.busy else self.show_threads(self.walk.moment.stacks)
        )

    def show_frame(self) -> None:
        """The source and the variables of one frame."""
        self.show_variables()
        frame = self.frame
        pane, text = self.part("source", VerticalScroll), self.part("text", Static)
        why = doubt(self.walk.trace, frame)
        pane.border_title = Text(printable(f"{frame.file}  ! {why}" if why else frame.file))
        lines = source_lines(self.walk.trace, frame.function)
        if not 0 < frame.line <= len(lines):
            missing = self.walk.trace.why_missing(frame.file)
            reason = f":\n  {REASONS.get(missing, missing)}" if missing else ""
            text.update(Text(f"\n  line {frame.line}: its source is not in the trace{reason}"))
            return
        text.update(self.source(lines, frame))
        self.call_after_refresh(self.scroll_to, frame.line)

    def show_variables(self) -> None:
        """Those of the frame, the changed ones marked; what the event itself is about comes first."""
        frame = self.frame
        table = self.part("variables", Variables)
        heading = f"variables of {frame.title}"
        if frame.frame != self.walk.event.frame:  # it waits for a call, which may have changed them
            heading += f", as of event {frame.as_of}"
        table.border_title = Text(printable(heading))
        table.fill(self.walk, frame, [(text, self.watched(text)) for text in self.displayed])

    def watched(self, text: str) -> str:
        """What an expression comes to here; and what it came to before, where that is something else."""
        now, before = self.walk.trace.evaluate(text, self.frame).show(120), self.displayed[text]
        self.displayed[text] = now
        return now if before in ("", now) else f"{now}  (was {before})"

    def source(self, lines: list[str], frame: Frame | Event) -> Text:
        """The file around the frame's line, with what its lines brought about."""
        stops = {one.line for one in self.walk.breakpoints if one.file == frame.file and one.line}
        values = values_at_lines(self.walk.trace, frame, self.walk.event.seq)
        width = self.part("source", VerticalScroll).size.width
        return source_text(lines, frame.line, stops, values, width)

    def scroll_to(self, line: int) -> None:
        pane = self.part("source", VerticalScroll)
        above = line - first_shown(line)
        pane.scroll_to(x=0, y=max(above - pane.size.height // 2, 0), animate=False)

    def say(self, text: str) -> None:
        self.part("say", Static).update(Text(printable(text)))

    # ---- moving ----

    def action_move(self, how: str, back: bool = False) -> None:
        if how == "run" and not self.walk.breakpoints:
            self.say("there is no breakpoint: b sets one at this line")
            return
        self.go(lambda: getattr(self.walk, how)(back=back))

    def go(self, move: Callable[[], bool], sought: str = "") -> None:
        """`sought`: what is looked for, so that it can be said if it is nowhere at all."""

        def went(there: bool) -> None:
            if there or not sought:
                self.moved("" if there else still)
            else:
                self.do(lambda: self.walk.why_nothing(sought=sought), say_why, over=still)

        def say_why(why: str) -> None:
            self.moved(f"nothing there: {why}" if why else still)

        still = f"nothing there; this is still event {self.walk.event.seq}"
        self.do(move, went)

    def moved(self, text: str) -> None:
        self.say(text)
        self.show()

    def do(self, question: Callable[[], T], take: Callable[[T], None], over: str = "") -> None:
        """Asks in a thread, since a search of a long trace may take minutes, and hands the answer to `take`. One at a
        time: a trace is not for two threads at once. `over`: what is said where it is given up."""
        if self.busy:
            self.say("it is still looking: Esc ends that")
            return
        self.search = Cancellable(self.walk.trace)
        self.say("…")
        self.ask_trace(self.search, question, take, over)

    @work(thread=True, exit_on_error=False)
    def ask_trace(
        self, search: Cancellable, question: Callable[[], T], take: Callable[[T], None], over: str
    ) -> None:
        text = ""
        answers: list[T] = []
        try:
            with search:
                answers.append(question())
        except errors.NotInTraceError as exc:
            text = nowhere(exc)
        except (errors.RecorderError, Refused) as exc:
            text = str(exc)
        except Exception as exc:  # a bug of ours is said, and the screen stays
            text = str(errors.from_exception(exc, operation="show"))
        if search.is_cancelled:
            text = over or given_up(search, self.walk.event.seq)
        self.call_from_thread(self.answered, text, lambda: take(answers[0]) if answers else None)

    def answered(self, text: str, take: Callable[[], None]) -> None:
        self.search = None
        self.say(text)
        take()

    def tick(self) -> None:
        """How far a search is."""
        if self.search is not None and self.search.seq is not None:
            self.say(f"{progress(self.walk.trace, self.search.seq)}, Esc ends it")

    def action_escape(self) -> None:
        if self.search is not None:
            self.search.cancel()
        elif self.part("ask", Input).has_class("open"):
            self.close_question()

    def action_changed(self, back: bool = True) -> None:
        name = self.part("variables", Variables).marked
        if not name or not (
            name in self.frame.locals or name in self.walk.event.globals or "." in name
        ):
            self.say("no variable is marked")
            return
        self.go(lambda: self.walk.last_change(name, back=back))

    def action_breakpoint(self) -> None:
        if self.busy:
            return
        point = Breakpoint(self.frame.file, self.frame.line, None)
        points = self.walk.breakpoints
        same = [one for one in points if (one.file, one.line) == (point.file, point.line)]
        if same:
            points.remove(same[0])
        else:
            points.append(point)
        self.say_breakpoints()

    def ask_breakpoint(self, text: str) -> None:
        points = self.walk.breakpoints
        if text.isdecimal() and len(text) < 10:
            if not 0 < int(text) <= len(points):
                self.say(f"there is no breakpoint {text}")
                return
            del points[int(text) - 1]
            self.say_breakpoints()
            return
        try:
            point = Breakpoint.parse(text)
        except errors.InvalidArgumentError as exc:
            self.say(str(exc))
            return
        points.append(point)
        self.say_breakpoints()
        listed = f"{self.breakpoints}; it is not known whether the last one is ever met"
        self.do(lambda: self.why_never(point, text), self.say_breakpoints, over=listed)

    def why_never(self, point: Breakpoint, text: str) -> str:
        """Why a breakpoint is never met; one at what there is not is taken away."""
        try:
            return self.walk.why_nothing(sought=text)
        except errors.NotInTraceError:
            self.walk.breakpoints.remove(point)
            raise

    def evaluate(self, text: str) -> None:
        try:
            answer = self.walk.trace.evaluate(text, self.frame)
        except errors.RecorderError as exc:
            self.say(str(exc))
            return
        self.push_screen(Window(printable(text), printable(answer.show(WHOLE))))

    def say_breakpoints(self, but: str = "") -> None:
        """`but`: what is wrong with the last one."""
        self.say(f"{self.breakpoints}; {but}" if but else self.breakpoints)
        self.show_frame()

    @property
    def breakpoints(self) -> str:
        points = enumerate(self.walk.breakpoints, 1)
        listed = ", ".join(f"{number} {base_name(str(one))}" for number, one in points)
        return f"breakpoints: {listed or 'none'}"

    # ---- what is shown at each halt, frames, calls, bookmarks ----

    def show_always(self, text: str) -> None:
        try:
            self.displayed.setdefault(Expression(text).text, "")
        except errors.InvalidArgumentError as exc:
            self.say(str(exc))
            return
        self.show_variables()

    def action_no_display(self) -> None:
        self.displayed.clear()
        if not self.busy:
            self.show_variables()

    def action_frame(self, step: int) -> None:
        """The frame below the one that is shown, which called it, or the one above."""
        if self.busy:
            return
        frames = self.walk.moment.stack
        at = next((n for n, one in enumerate(frames) if one.frame == self.frame.frame), -1)
        if not 0 <= at + step < len(frames):
            self.say("there is no frame there")
            return
        self.frame = frames[at + step]
        self.part("stack", OptionList).highlighted = len(frames) - 1 - at - step
        self.show_frame()

    def action_function(self) -> None:
        if self.busy:
            return
        rows = function_rows(self.walk.trace, self.frame, self.walk.event.seq)
        text = "\n".join(map(printable, rows)) or "its source is not in the trace"
        self.push_screen(Window(printable(self.frame.title), text))

    def action_calls(self) -> None:
        def shown(calls: CallsAround) -> None:
            self.push_screen(Calls(calls, self.calls_around), self.go_to)

        self.calls_around(self.walk.event.seq, shown)

    def calls_around(self, seq: int, take: Callable[[CallsAround], None]) -> None:
        self.do(lambda: CallsAround(self.walk.trace, seq), take)

    def go_to(self, seq: int | None) -> None:
        if seq is not None:
            self.go(lambda: self.walk.goto(seq))

    def action_bookmark(self) -> None:
        if self.busy:
            return
        event = self.walk.event
        made = self.bookmarks.toggle(event.seq, f"{event.title}:{event.line}")
        self.say("no bookmark here any more" if made is None else f"bookmark at {made}")

    def action_bookmarks(self) -> None:
        rows = [(one.seq, str(one)) for one in self.bookmarks.all]
        if rows:
            self.push_screen(Choice("bookmarks", rows), self.go_to)
        else:
            self.say("there is no bookmark: m makes one here")

    def action_threads(self) -> None:
        self.part("threads", OptionList).focus()

    # ---- asking ----

    def action_ask(self, what: str) -> None:
        if self.busy:
            self.say("it is still looking: Esc ends that")
            return
        self.asking = what
        field = self.part("ask", Input)
        field.placeholder = QUESTIONS[what]
        field.value = ""
        field.add_class("open")
        field.focus()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        self.close_question()
        text = event.value.strip()
        if not text:
            return
        if self.asking == "breakpoint":
            self.ask_breakpoint(text)
        elif self.asking == "evaluate":
            self.evaluate(text)
        elif self.asking == "display":
            self.show_always(text)
        elif self.asking != "goto":
            back = self.asking == "back"
            self.go(lambda: self.walk.search(text, back=back), text)
        elif text.isdecimal() and len(text) < 19:
            self.go(lambda: self.walk.goto(int(text)))
        else:
            self.say(f"{text} is not the number of an event")

    def close_question(self) -> None:
        self.part("ask", Input).remove_class("open")
        self.part("source", VerticalScroll).focus()

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        number = int(event.option.id or 0)
        if event.option_list.id == "threads" and number >= FIRST_TASK:
            self.go(lambda: self.to_task(number))
        elif event.option_list.id == "threads":
            self.go(lambda: self.walk.thread(number))
        elif not self.busy:
            frames = [one for one in self.walk.moment.stack if one.frame == number]
            self.frame = frames[-1] if frames else self.frame
            self.show_frame()

    def to_task(self, number: int) -> bool:
        assert self.tasks is not None  # audit: there is a row of it
        return self.walk.goto(self.tasks.event_of(self.walk.event, number).seq)

    def on_tree_node_selected(self, event: Tree.NodeSelected[Entry]) -> None:
        """A value, whole."""
        entry = event.node.data
        if entry is None or self.busy or not entry.text:
            event.node.toggle()
            return
        text = entry.whole(marks_at(self.walk.moment))
        self.push_screen(Window(printable(entry.name), printable(text)))

    def action_help(self) -> None:
        self.push_screen(Window("keys", HELP))


def nowhere(exc: errors.NotInTraceError) -> str:
    """In one line, without the trace's path."""
    what, name, near = (exc.context.get(fact, "") for fact in ("what", "name", "near"))
    meant = f"; did you mean {str(near).replace(', ', ' or ')}?" if near else ""
    return f"there is no {what} {name}{meant}"


def _frame_line(frame: Frame | Event, called: Frame | Event | None) -> str:
    return f"{frame.depth:>3}  {place(frame, called)}"
