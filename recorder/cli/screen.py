"""The full screen of `recorder show`: source, stack, variables and threads around one event.

The keys are those of --plain: a letter goes forwards, its capital back.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from rich.markup import escape
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
from recorder.cli.output import printable
from recorder.cli.queries import base, thread_name
from recorder.cli.show import HELP, elapsed, headline, source_lines, variables
from recorder.trace.moments import Event, Frame
from recorder.trace.navigate import Breakpoint, Navigator

MOST_FRAMES = 200  # listed of a stack: the innermost

# Key, what it does, shown at the bottom.
KEYS: list[BindingType] = [
    Binding("s", "move('step')", "Step"),
    Binding("S", "move('step', True)", "back", key_display="S"),
    Binding("n", "move('next')", "Next"),
    Binding("N", "move('next', True)", "back", key_display="N"),
    Binding("o", "move('out')", "Out"),
    Binding("O", "move('out', True)", "back", key_display="O"),
    Binding("c", "move('run')", "Continue"),
    Binding("C", "move('run', True)", "back", key_display="C"),
    Binding("e", "move('to_exception')", "Exception"),
    Binding("E", "move('to_exception', True)", show=False),
    Binding("b", "breakpoint", "Break"),
    Binding("v", "changed", "Variable"),
    Binding("V", "changed(False)", show=False),
    Binding("g", "ask('goto')", "Goto"),
    Binding("slash", "ask('search')", "Search", key_display="/"),
    Binding("question_mark", "ask('back')", show=False),
    Binding("home", "move('to_end', True)", show=False, priority=True),
    Binding("end", "move('to_end')", show=False, priority=True),
    Binding("h,f1", "help", "Help", key_display="h"),
    Binding("q", "quit", "Quit"),
]

QUESTIONS = {
    "goto": "the number of an event",
    "search": "forwards to FILE:LINE, a function, or an exception's type",
    "back": "back to FILE:LINE, a function, or an exception's type",
}


class Help(ModalScreen[None]):
    """What the keys do."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,h,q,enter,f1", "dismiss", "Close")]
    TEXT = HELP.replace("g SEQ                               to an event; g end, g start",
                        "g                  Home End         to an event; the first, the last") \
        .replace("b WHAT             b                a breakpoint at FILE:LINE or a function; the list",
                 "b                                   a breakpoint at this line, or no more") \
        .replace("v VAR              V VAR            to the last change of a variable; to the next one",
                 "v                  V                to the marked variable's last change; the next")  # fmt: skip

    def compose(self) -> ComposeResult:
        rows = [row for row in self.TEXT.splitlines() if row[2] not in "plwt"]
        rows.append("  Tab, arrows                         from part to part, and within one")
        rows.append("  Enter                               on a frame or thread: look at it")
        yield Static(escape("\n".join(rows)), id="help")


class Screen(App[None]):
    """One event of a trace, and the way to the others."""

    TITLE = "recorder"
    ENABLE_COMMAND_PALETTE = False
    BINDINGS: ClassVar[list[BindingType]] = KEYS
    CSS = """
    #where { height: 1; background: $primary; color: $text; padding: 0 1; }
    #source { width: 3fr; border: round $surface-lighten-2; }
    #side { width: 2fr; }
    #variables { height: 3fr; border: round $surface-lighten-2; }
    #stack { height: 2fr; border: round $surface-lighten-2; }
    #threads { height: auto; max-height: 6; border: round $surface-lighten-2; }
    #source:focus, #variables:focus, #stack:focus, #threads:focus { border: round $accent; }
    #say { height: 1; padding: 0 1; color: $text-muted; }
    #ask { display: none; height: 3; }
    #ask.open { display: block; }
    Help { align: center middle; }
    #help { width: auto; height: auto; padding: 1 3; border: round $accent; background: $surface; }
    """

    def __init__(self, walk: Navigator) -> None:
        super().__init__()
        self.walk = walk
        self.frame: Frame | Event = walk.event  # the one whose variables are shown
        self.busy = False
        self.asking = ""

    def compose(self) -> ComposeResult:
        yield Static(id="where")
        with Horizontal():
            with VerticalScroll(id="source"):
                yield Static(id="text")
            with Vertical(id="side"):
                yield DataTable(id="variables", cursor_type="row", show_header=False)
                yield OptionList(id="stack")
                yield OptionList(id="threads")
        yield Input(id="ask")
        yield Static(id="say")
        yield Footer(show_command_palette=False)

    def on_mount(self) -> None:
        self.query_one("#variables", DataTable).add_columns("", "name", "value")
        for name in ("source", "variables", "stack", "threads"):
            self.query_one(f"#{name}").border_title = name
        self.query_one("#source").focus()
        self.show()

    # ---- what is shown ----

    def show(self) -> None:
        """Everything, as it is at the present event."""
        event = self.walk.event
        self.frame = event
        when = elapsed(self.walk.trace, event)
        line = f"{headline(event)}   {thread_name(event.thread)}   +{when}"
        self.query_one("#where", Static).update(Text(printable(line)))
        try:
            moment = self.walk.moment
        except (errors.TraceCorruptError, errors.UnknownRecordError) as exc:
            self.say(str(exc))
            return
        stack = self.query_one("#stack", OptionList)
        stack.clear_options()
        stack.add_options(
            Option(Text(printable(_frame_line(frame))), id=str(frame.frame))
            for frame in reversed(moment.stack[-MOST_FRAMES:])
        )
        stack.highlighted = 0
        threads = self.query_one("#threads", OptionList)
        threads.clear_options()
        for thread, frames in moment.stacks:
            mark = "→ " if thread.number == event.thread.number else "  "
            text = f"{mark}{thread_name(thread)}  {frames[-1].function.qualified_name}"
            threads.add_option(Option(Text(printable(text)), id=str(thread.number)))
        self.show_frame()

    def show_frame(self) -> None:
        """The source and the variables of one frame."""
        frame, event = self.frame, self.walk.event
        changed = set(event.changed) if frame.frame == event.frame else set()
        table = self.query_one("#variables", DataTable)
        table.clear()
        for is_new, name, value in variables(frame, changed):
            style = "bold yellow" if is_new else ""
            cells = ("*" if is_new else " ", name, value)
            table.add_row(*(Text(printable(cell), style) for cell in cells), key=name)
        lines = source_lines(self.walk.trace, frame.file)
        self.query_one("#source").border_title = printable(frame.file)
        text = self.query_one("#text", Static)
        if not lines:
            text.update("the source is not in the trace")
            return
        text.update(self.source(lines, frame))
        self.call_after_refresh(self.scroll_to, frame.line)

    def source(self, lines: list[str], frame: Frame | Event) -> Syntax:
        """The file, as far as a screen goes in both directions, with the present line marked."""
        code = "\n".join(printable(line.expandtabs(4)) for line in lines)
        shown = Syntax(
            code, "python", line_numbers=True, highlight_lines={frame.line}, theme="ansi_dark",
            line_range=self.around(frame.line),
        )  # fmt: skip
        shown.stylize_range("reverse", (frame.line, 0), (frame.line, 10_000))
        return shown

    def around(self, line: int) -> tuple[int, int]:
        return max(line - 200, 1), line + 200

    def scroll_to(self, line: int) -> None:
        pane = self.query_one("#source", VerticalScroll)
        first, _ = self.around(line)
        pane.scroll_to(y=max(line - first - pane.size.height // 2, 0), animate=False)

    def say(self, text: str) -> None:
        self.query_one("#say", Static).update(Text(printable(text)))

    # ---- moving ----

    def action_move(self, how: str, back: bool = False) -> None:
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
                text = "nothing there"
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
        table = self.query_one("#variables", DataTable)
        if not table.row_count:
            self.say("no variable is marked")
            return
        name = str(table.coordinate_to_cell_key(table.cursor_coordinate).row_key.value)
        self.go(lambda: self.walk.last_change(name, back=back))

    def action_breakpoint(self) -> None:
        point = Breakpoint(self.frame.file, self.frame.line, None)
        points = self.walk.breakpoints
        same = [one for one in points if str(one) == str(point)]
        if same:
            points.remove(same[0])
        else:
            points.append(point)
        self.say("breakpoints: " + (", ".join(base(str(one)) for one in points) or "none"))

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
        if self.asking != "goto":
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

    def action_help(self) -> None:
        self.push_screen(Help())


def _frame_line(frame: Frame | Event) -> str:
    return f"{frame.depth:>3}  {frame.function.qualified_name}  {base(frame.file)}:{frame.line}"
