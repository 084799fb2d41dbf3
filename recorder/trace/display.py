"""How what a reader hands out is shown where people ask interactively: IPython and notebooks.

All text is escaped: what a program computed cannot act in the page that shows it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from html import escape
from typing import Final, Protocol

MOST_ROWS: Final = 100


class Printer(Protocol):
    """Of IPython."""

    def text(self, text: str) -> None: ...


def pretty(one: object, printer: Printer, _cycle: bool) -> None:
    """As `_repr_pretty_`."""
    printer.text(repr(one))


def html(one: object) -> str:
    """As `_repr_html_`."""
    return f"<code>{clean(repr(one))}</code>"


def table(title: str, rows: Iterable[tuple[str, object]]) -> str:
    """Names and what they stand for."""
    shown = [
        f"<tr><th style='text-align:left'>{clean(name)}</th><td style='text-align:left'><code>{clean(repr(value))}"
        f"</code></td></tr>"
        for name, value in rows
    ]
    more = len(shown) - MOST_ROWS
    if more > 0:
        shown[MOST_ROWS:] = [f"<tr><td></td><td>… {more} more</td></tr>"]
    return f"<div><code>{clean(title)}</code><table>{''.join(shown)}</table></div>"


def grid(title: str, rows: Iterable[Iterable[str]]) -> str:
    """Rows of cells, of which the first has what stands above, and in each the first what stands beside."""
    lines = []
    for above, row in enumerate(rows):
        cells = [
            f"<{mark}>{clean(text)}</{mark}>"
            for mark, text in (("th" if not above or not beside else "td", text) for beside, text in enumerate(row))
        ]  # fmt: skip
        lines.append(f"<tr>{''.join(cells)}</tr>")
    return f"<div><table>{''.join(lines)}</table><code>{clean(title)}</code></div>"


def variables(one: object, held: Mapping[str, object]) -> str:
    return table(repr(one), held.items())


def clean(text: str) -> str:
    """Lone surrogates and control characters, too, are no text of a page."""
    return escape("".join(each if each.isprintable() else ascii(each)[1:-1] for each in text))
