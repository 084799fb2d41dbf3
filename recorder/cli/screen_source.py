"""The source of the full screen: a file around a line, in colours, with breakpoints, and values beside the lines."""

from __future__ import annotations

from collections.abc import Container, Mapping
from typing import TYPE_CHECKING

from rich.cells import cell_len
from rich.style import Style
from rich.syntax import Syntax
from rich.text import Text

from recorder.cli.console import printable
from recorder.cli.events import beside_line

if TYPE_CHECKING:
    from recorder.trace.line_values import LineValues

REACH = 200  # lines before and after the present one


def first_shown(line: int) -> int:
    """The first line that is shown around this one."""
    return max(line - REACH, 1)


def source_text(
    lines: list[str], here: int, stops: Container[int], values: Mapping[int, LineValues], width: int
) -> Text:
    """`stops`: lines with breakpoints; `width`: of what it is shown in, which the present line fills."""
    first = first_shown(here)
    texts = [printable(line.expandtabs(4)) for line in lines[first - 1 : here + REACH]]
    digits = len(str(len(lines)))
    width = max(width - digits - 6, *map(cell_len, texts))
    out = Text(no_wrap=True)
    for number, line in enumerate(colored(texts), first):
        is_here = number == here
        row = Text.assemble(
            ("●" if number in stops else " ", "bold red"),
            (f"{number:>{digits + 1}} ", "bold" if is_here else "dim"),
            "→ " if is_here else "  ",
            line,
            (printable(beside_line(values.get(number))), "italic dim"),
        )
        if is_here:
            row.append(" " * max(width - cell_len(line.plain), 0))
            row.stylize("bold on #303a5a", 1)
        out.append_text(row).append("\n")
    return out


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
