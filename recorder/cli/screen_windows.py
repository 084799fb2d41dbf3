"""What opens over the full screen: a text, a list to choose from, and the tree of calls."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from recorder.cli.call_rows import as_text
from recorder.cli.console import printable
from recorder.trace.calls_around import CallsAround


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


class Choice(ModalScreen[int | None]):
    """Rows, one of which is chosen: its number; None: none is."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,q", "dismiss", "Close")]

    def __init__(self, title: str, rows: Sequence[tuple[int, str]]) -> None:
        super().__init__()
        self.heading = title
        self.rows = rows

    def compose(self) -> ComposeResult:
        rows = OptionList(
            *(Option(Text(printable(text)), id=str(number)) for number, text in self.rows),
            id="rows",
        )
        rows.border_title = self.heading
        rows.border_subtitle = "Enter goes there, Esc closes"
        yield rows

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        self.dismiss(int(event.option.id or 0))


class Calls(ModalScreen[int | None]):
    """The tree of calls around a moment: the event to go to; None: one stays. `around` makes the tree of another event,
    and hands it over when it is there."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,T", "dismiss", "Close"),
        Binding("right,plus", "enter", "Enter"),
        Binding("left,minus", "leave", "Leave"),
    ]

    def __init__(
        self, calls: CallsAround, around: Callable[[int, Callable[[CallsAround], None]], None]
    ) -> None:
        super().__init__()
        self.calls = calls
        self.around = around

    def compose(self) -> ComposeResult:
        rows = OptionList(id="rows")
        rows.border_title = "calls"
        rows.border_subtitle = "→ into a call  ← out  Enter goes there  Esc"
        yield rows

    def on_mount(self) -> None:
        self.fill(self.calls)

    def fill(self, calls: CallsAround) -> None:
        self.calls = calls
        rows = self.query_one("#rows", OptionList)
        rows.clear_options()
        rows.add_options(Option(Text(printable(as_text(row)), no_wrap=True)) for row in calls.rows)
        present = [number for number, row in enumerate(calls.rows) if row.kind == "here"]
        rows.highlighted = present[0] if present else 0

    def _marked(self) -> int | None:
        """The event of the row that the cursor is on."""
        number = self.query_one("#rows", OptionList).highlighted
        return None if number is None else self.calls.rows[number].seq

    def action_enter(self) -> None:
        seq = self._marked()
        if seq is not None and seq != self.calls.seq:
            self.around(seq, self.fill)

    def action_leave(self) -> None:
        if self.calls.leaves_to is not None:
            self.around(self.calls.leaves_to, self.fill)

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        self.dismiss(self._marked())
