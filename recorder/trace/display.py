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


def variables(one: object, held: Mapping[str, object]) -> str:
    return table(repr(one), held.items())


def clean(text: str) -> str:
    """Lone surrogates and control characters, too, are no text of a page."""
    return escape("".join(each if each.isprintable() else ascii(each)[1:-1] for each in text))
