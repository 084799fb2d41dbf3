"""The text of a log point, with expressions in braces as in an f-string: `total is {total:.2f} of {len(items)}`."""

from __future__ import annotations

import ast
from typing import Final

from recorder.errors import arguments
from recorder.trace.expressions import compiling
from recorder.trace.expressions.asking import Asker
from recorder.trace.expressions.expression import Expression, given_as
from recorder.trace.snapshots import Event, Frame

QUOTES: Final = ("'''", '"""')
WIDTH: Final = 60  # characters of a value


class Template:
    def __init__(self, text: str, argument: str = "log") -> None:
        text = arguments.text(text, argument, "a text with expressions in braces")
        self.parts: list[str | tuple[Expression, bool]] = []
        for part in _parts(text, argument):
            if isinstance(part, ast.FormattedValue):
                is_plain = part.conversion == -1 and part.format_spec is None
                inner = part.value if is_plain else ast.JoinedStr([part])
                self.parts.append((given_as(argument, text, inner), is_plain))
            else:
                self.parts.append(str(getattr(part, "value", "")))

    def fill(self, asker: Asker, frame: Event | Frame) -> str:
        """With what is known; where nothing is, the reason stands between angle brackets."""
        return "".join(
            part if isinstance(part, str) else _shown(asker, frame, *part) for part in self.parts
        )


def _shown(asker: Asker, frame: Event | Frame, expression: Expression, is_plain: bool) -> str:
    answer = asker.ask(expression, frame)
    if answer.kind != "known":
        return f"<{answer.show()}>"
    if isinstance(answer.tree, str):
        return answer.tree
    return answer.show(WIDTH) if is_plain else answer.show()


def _parts(text: str, argument: str) -> list[ast.expr]:
    """Read as Python reads an f-string; a backslash is one."""
    quote = next((one for one in QUOTES if one not in text and text[-1:] != one[0]), None)
    if quote is None:
        raise arguments.wrong(argument, text, "a text without three quotes in a row")
    node = compiling.parsed(f"rf{quote}{text}{quote}", argument)
    return node.values if isinstance(node, ast.JoinedStr) else [node]
