"""The full screen of `recorder show`: source, stack, variables and threads around one event.

The keys are those of --plain: a letter goes forwards, its capital back.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from rich.cells import cell_len
from rich.style import Style
from rich.syntax import Syntax
from rich.text import Text
from textual import work
from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import DataTable, Footer, Input, OptionList, Static
from textual.widgets.option_list import Option

from recorder import errors
from recorder._core.decode import Thread
from recorder.cli.console import printable
from recorder.cli.events import (
    OUTCOMES,
    doubt,
    elapsed,
    outcome,
    place,
    source_lines,
    title,
    variables,
)  # fmt: skip
from recorder.cli.queries import shown, thread_name
from recorder.export.text import notice
from recorder.trace.breakpoints import Breakpoint
from recorder.trace.navigate import Navigator
from recorder.trace.origins import REASONS
from recorder.trace.paths import base_name
from recorder.trace.shared import marks_at
from recorder.trace.snapshots import Event, Frame

MOST_FRAMES = 200  # listed of a stack: the innermost
REACH = 200  # lines of source before and after the present one
WHOLE = 20_000  # characters of a value that is looked at alone

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
    Binding("e", "move('to_exception')", "Raise", key_display="eE"),
    Binding("E", "move('to_exception', True)", show=False),
    Binding("v", "changed", "Var", key_display="vV"),
    Binding("V", "changed(False)", show=False),
    Binding("g", "ask('goto')", "Go"),
    Binding("slash", "ask('search')", "Find", key_display="/?"),
    Binding("question_mark", "ask('back')", show=False),
    Binding("home", "move('to_end', True)", show=False, priority=True),
    Binding("end", "move('to_end')", show=False, priority=True),
    Binding("h,f1", "help", "Help", key_display="h"),
    Binding("q", "quit", "Quit"),
]

HELP = """\
 s step       S back   into what is called
 n next       N back   over what is called
 o out        O back   to the function's end; to its call
 c run        C back   to a breakpoint
 b                     a breakpoint here, or none
 B                     one at FILE:LINE or a function, after
                       which `hits 3` or `if x > 1` may be
 p                     an expression, in the frame shown
 e            E back   to where an exception is raised
 v            V        to the marked variable's last
                       change; to its next one
 g                     to an event, by number
 Home End              to the first event, the last one
 / find       ? back   FILE:LINE, a function, or the type
                       of an exception
 Tab, arrows           from part to part, and within one
 Enter                 a frame, thread or value: show it
 h  q  Esc             this help; the end; close this"""

QUESTIONS = {
    "goto": "the number of an event",
    "search": "forwards to FILE:LINE, a function, or an exception's type",
    "breakpoint": "FILE:LINE or a function, and after it: hits N, if EXPR",
    "evaluate": "an expression, in the frame that is shown",
    "back": "back to FILE:LINE, a function, or an exception's type",
}


class Window(ModalScreen[None]):
    """A text over the rest, until a key closes it."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,h,q,enter,f1", "dismiss", "Close")]

    def __init__(self, title: str, text: str) -> None:
        super().__init__()
        self.heading = title
        self.text = text

    def compose(self) -> ComposeResult:
        with VerticalScroll(id="window") as window:
            window.border_title = Text(self.heading)
            window.border_subtitle = "Esc closes"
            yield Static(Text(self.text))


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
    #say { height: 1; padding: 0 1; color: $text-warning; }
    #ask { display: none; height: 3; }
    #ask.open { display: block; }
    Window { align: center middle; }
    #window {
        width: auto; min-width: 18; max-width: 90%; height: auto; max-height: 90%; padding: 0 2;
        border: round $accent; background: $surface;
    }
    #window Static { width: auto; max-width: 100%; }
    """

    def __init__(self, walk: Navigator) -> None:
        super().__init__()
        self.walk = walk
        self.frame: Frame | Event = walk.event  # the one whose variables are shown
        self.busy = False
        self.asking = ""

    def compose(self) -> ComposeResult:
        yield Static(id="where")
        yield Static(id="warning")
        with Horizontal():
            with VerticalScroll(id="source"):
                yield Static(id="text")
            with Vertical(id="side"):
                yield DataTable(id="variables", cursor_type="row", show_header=False)
                yield OptionList(id="stack")
                yield OptionList(id="threads")
        yield Input(id="ask")
        yield Static(id="say")
        yield Footer(show_command_palette=False, compact=True)

    def on_mount(self) -> None:
        for name in ("source", "variables", "stack", "threads"):
            self.query_one(f"#{name}").border_title = name
        self.query_one("#source").focus()
        self.show()

    # ---- what is shown ----

    def show(self) -> None:
        """Everything, as it is at the present event."""
        event = self.walk.event
        self.frame = event
        said = notice(self.walk.trace, checked=False)
        self.query_one("#warning", Static).update(Text(printable(said)))
        self.query_one("#warning").set_class(bool(said), "open")
        line = f"{event.seq} of {self.walk.last}  {title(event)}"
        line += f"  +{elapsed(self.walk.trace, event)}  {thread_name(event.thread)}"
        if event.task is not None:
            line += f"  {event.task.name}"
        self.query_one("#where", Static).update(Text(printable(line)))
        try:
            moment = self.walk.moment
        except (errors.TraceCorruptError, errors.UnknownRecordError) as exc:
            self.say(str(exc))
            return
        self.show_stack(moment.stack)
        self.show_threads(moment.stacks)
        self.show_frame()

    def show_stack(self, frames: list[Frame | Event]) -> None:
        stack = self.query_one("#stack", OptionList)
        stack.border_title = f"stack of {thread_name(self.walk.event.thread)}"
        stack.clear_options()
        above = [*frames[1:], None]  # of each the one that it called
        stack.add_options(
            Option(Text(printable(_frame_line(frame, called))), id=str(frame.frame))
            for frame, called in list(zip(frames, above, strict=True))[: -MOST_FRAMES - 1 : -1]
        )
        stack.highlighted = 0

    def show_threads(self, stacks: list[tuple[Thread, list[Frame | Event]]]) -> None:
        """Those that are running something, and where; the present one is marked."""
        here = self.walk.event.thread.number
        threads = self.query_one("#threads", OptionList)
        threads.border_title = f"threads: {len(stacks)}"
        threads.clear_options()
        for row, (thread, frames) in enumerate(stacks):
            mark = "→" if thread.number == here else " "
            top = frames[-1]
            text = f"{mark} {thread.number} {thread.name}  {top.title}:{top.line}"
            threads.add_option(Option(Text(printable(text)), id=str(thread.number)))
            if thread.number == here:
                threads.highlighted = row

    def show_frame(self) -> None:
        """The source and the variables of one frame."""
        self.show_variables()
        frame = self.frame
        pane, text = self.query_one("#source"), self.query_one("#text", Static)
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
        frame, event = self.frame, self.walk.event
        is_here = frame.frame == event.frame
        changed = set(event.changed) if is_here else set()
        table = self.query_one("#variables", DataTable)
        heading = f"variables of {frame.title}"
        if not is_here:  # it waits for a call, which may have changed them
            heading += f", as of event {frame.as_of}"
        table.border_title = Text(printable(heading))
        marked, marks = self.marked(), marks_at(self.walk.moment)
        rows = [("", mark, text) for mark, text in [outcome(event)] if mark and is_here]
        rows += [("*", name, text) for name, text in self.globals_changed() if is_here]
        rows += [
            ("*" if new else "", name, text) for new, name, text in variables(frame, changed, marks)
        ]
        table.clear(columns=True)
        for column in zip(("*", "", ""), *rows, strict=True):  # as wide as what is in it now
            table.add_column("", width=max(cell_len(printable(cell)) for cell in column))
        for mark, name, value in rows:
            style = "bold yellow" if mark else "bold cyan" if name in OUTCOMES.values() else ""
            table.add_row(*(Text(printable(cell), style) for cell in (mark, name, value)), key=name)
        names = [name for _, name, _ in rows]
        news = [name for mark, name, _ in rows if mark]
        if news and marked not in news:
            marked = news[0]
        if marked in names:
            table.move_cursor(row=names.index(marked))

    def globals_changed(self) -> list[tuple[str, str]]:
        """Globals that were set before this event, but by a module's own body: name and value."""
        changes = self.walk.trace.changes(self.walk.event)
        return [
            (change.qualified_name, shown(change.value, 120))
            for change in changes
            if not change.found and change.qualified_name != change.name
        ]

    def marked(self) -> str:
        """The name of the variable that the cursor is on."""
        table = self.query_one("#variables", DataTable)
        if not table.row_count:
            return ""
        return str(table.coordinate_to_cell_key(table.cursor_coordinate).row_key.value)

    def source(self, lines: list[str], frame: Frame | Event) -> Text:
        """The file around the frame's line: that one marked, and those with breakpoints."""
        first = self.first(frame.line)
        shown = [printable(line.expandtabs(4)) for line in lines[first - 1 : frame.line + REACH]]
        digits = len(str(len(lines)))
        width = max(self.query_one("#source").size.width - digits - 6, *map(cell_len, shown))
        stops = {one.line for one in self.walk.breakpoints if one.file == frame.file}
        out = Text(no_wrap=True)
        for number, line in enumerate(colored(shown), first):
            is_here = number == frame.line
            row = Text.assemble(
                ("●" if number in stops else " ", "bold red"),
                (f"{number:>{digits + 1}} ", "bold" if is_here else "dim"),
                "→ " if is_here else "  ",
                line,
            )
            if is_here:
                row.append(" " * max(width - cell_len(line.plain), 0))
                row.stylize("bold on #303a5a", 1)
            out.append_text(row).append("\n")
        return out

    def first(self, line: int) -> int:
        """The first line of the source that is shown around this one."""
        return max(line - REACH, 1)

    def scroll_to(self, line: int) -> None:
        pane = self.query_one("#source", VerticalScroll)
        above = line - self.first(line)
        pane.scroll_to(x=0, y=max(above - pane.size.height // 2, 0), animate=False)

    def say(self, text: str) -> None:
        self.query_one("#say", Static).update(Text(printable(text)))

    # ---- moving ----

    def action_move(self, how: str, back: bool = False) -> None:
        if how == "run" and not self.walk.breakpoints:
            self.say("there is no breakpoint: b sets one at this line")
            return
        self.go(lambda: getattr(self.walk, how)(back=back))

    def go(self, move: Callable[[], bool]) -> None:
        """Moves in a thread, since a search of a long trace may take seconds. One at a time: a
        trace is not for two threads at once."""
        if self.busy:
            return
        self.busy = True
        self.say("…")
        self.move(move)

    @work(thread=True, exit_on_error=False)
    def move(self, move: Callable[[], bool]) -> None:
        text = ""
        try:
            if not move():
                text = f"nothing there; this is still event {self.walk.event.seq}"
        except errors.RecorderError as exc:
            text = str(exc)
        except Exception as exc:  # a bug of ours is said, and the screen stays
            text = str(errors.from_exception(exc, operation="show"))
        self.call_from_thread(self.moved, text)

    def moved(self, text: str) -> None:
        self.busy = False
        self.say(text)
        self.show()

    def action_changed(self, back: bool = True) -> None:
        name = self.marked()
        if not name or name in OUTCOMES.values():
            self.say("no variable is marked")
            return
        self.go(lambda: self.walk.last_change(name, back=back))

    def action_breakpoint(self) -> None:
        point = Breakpoint(self.frame.file, self.frame.line, None)
        points = self.walk.breakpoints
        same = [one for one in points if (one.file, one.line) == (point.file, point.line)]
        if same:
            points.remove(same[0])
        else:
            points.append(point)
        self.say_breakpoints()

    def ask_breakpoint(self, text: str) -> None:
        try:
            self.walk.breakpoints.append(Breakpoint.parse(text))
        except errors.InvalidArgumentError as exc:
            self.say(str(exc))
            return
        self.say_breakpoints()

    def evaluate(self, text: str) -> None:
        try:
            answer = self.walk.trace.evaluate(text, self.frame)
        except errors.RecorderError as exc:
            self.say(str(exc))
            return
        self.push_screen(Window(printable(text), printable(answer.show(WHOLE))))

    def say_breakpoints(self) -> None:
        points = self.walk.breakpoints
        self.say("breakpoints: " + (", ".join(base_name(str(one)) for one in points) or "none"))
        self.show_frame()

    # ---- asking ----

    def action_ask(self, what: str) -> None:
        self.asking = what
        field = self.query_one("#ask", Input)
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
        elif self.asking != "goto":
            back = self.asking == "back"
            self.go(lambda: self.walk.search(text, back=back))
        elif text.isdecimal() and len(text) < 19:
            self.go(lambda: self.walk.goto(int(text)))
        else:
            self.say(f"{text} is not the number of an event")

    def close_question(self) -> None:
        self.query_one("#ask", Input).remove_class("open")
        self.query_one("#source").focus()

    def on_key(self, event: object) -> None:
        if getattr(event, "key", "") == "escape" and self.query_one("#ask").has_class("open"):
            self.close_question()

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        number = int(event.option.id or 0)
        if event.option_list.id == "threads":
            self.go(lambda: self.walk.thread(number))
            return
        frames = [one for one in self.walk.moment.stack if one.frame == number]
        if frames:
            self.frame = frames[-1]
            self.show_frame()

    def on_data_table_row_selected(self, event: DataTable.RowSelected) -> None:
        """A value, whole."""
        name = str(event.row_key.value)
        value = self.walk.event.value if name in OUTCOMES.values() else self.frame.locals.get(name)
        self.push_screen(
            Window(printable(name), printable(shown(value, WHOLE, marks_at(self.walk.moment))))
        )

    def action_help(self) -> None:
        self.push_screen(Window("keys", HELP))


def colored(lines: list[str]) -> list[Text]:
    """Lines of Python, in colours that leave the background alone."""
    text = Syntax("", "python", theme="ansi_dark").highlight("\n".join(lines))
    text.style = ""
    plain = Text(text.plain)
    for begin, end, style in text.spans:
        if isinstance(style, Style):
            plain.stylize(
                Style(color=style.color, bold=style.bold, italic=style.italic), begin, end
            )
    return list(plain.split("\n", allow_blank=True))[: len(lines)]


def _frame_line(frame: Frame | Event, called: Frame | Event | None) -> str:
    return f"{frame.depth:>3}  {place(frame, called)}"
