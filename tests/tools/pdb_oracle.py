"""What pdb does with conditional breakpoints: `python pdb_oracle.py < asked > answers`, both JSON.

asked:   [[program, [[line, condition, names, expression], …]], …]
answers: of each program the stops: [[line, function, {name: repr of its value}, where, displayed], …], with what
`where` lists of the program, the outermost frame first, and what `display` of the expression says there
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import pdb
import sys
import types
from types import FrameType
from typing import Any


class Driver(pdb.Pdb):
    """Sets its breakpoints, notes each stop, and goes on."""

    def __init__(self, program: str, points: list[tuple[int, str, list[str], str]]) -> None:
        super().__init__(nosigint=True, readrc=False, stdout=io.StringIO())
        self.program = program
        self.asked = {line: (names, expression) for line, _, names, expression in points}
        self.stops: list[Any] = []
        self.said: list[str] = []
        for line, condition, _, _ in points:
            wrong = self.set_break(program, line, cond=condition)
            assert not wrong, wrong

    def user_line(self, frame: FrameType) -> None:
        code = frame.f_code
        if code.co_filename == self.program and self.get_breaks(self.program, frame.f_lineno):
            if self.break_here(frame):
                self.stops.append([frame.f_lineno, code.co_qualname, *self.look(frame)])
        self.set_continue()

    def look(self, frame: FrameType) -> list[Any]:
        names, expression = self.asked[frame.f_lineno]
        self.setup(frame, None)
        try:
            where = [
                [one.f_code.co_qualname, line]
                for one, line in self.stack
                if one.f_code.co_filename == self.program
            ]
            values = {name: repr(frame.f_locals[name]) for name in names}
            return [values, where, self.displayed(frame, expression)]
        finally:
            self.forget()

    def displayed(self, frame: FrameType, expression: str) -> list[str]:
        """What is said of this one expression."""
        self.said.clear()
        others = self.displaying.pop(frame, {})
        if expression in others:
            self.displaying[frame] = {expression: others[expression]}
            getattr(self, "_show_display", self.preloop)()  # as 3.13 calls it
        else:
            self.do_display(expression)
        self.displaying[frame] = others | self.displaying[frame]
        return list(self.said)

    def user_call(self, frame: FrameType, argument_list: Any) -> None: ...
    def user_return(self, frame: FrameType, return_value: Any) -> None: ...
    def user_exception(self, frame: FrameType, exc_info: Any) -> None: ...

    def message(self, msg: str) -> None:
        self.said.append(msg)


def stops(program: str, points: list[Any]) -> list[Any]:
    driver = Driver(program, points)
    with open(program, encoding="utf-8") as file:
        code = compile(file.read(), program, "exec")
    module = types.ModuleType("__main__")
    module.__file__ = program
    sys.modules["__main__"] = module
    space = module.__dict__
    with contextlib.redirect_stdout(io.StringIO()), contextlib.suppress(SystemExit):
        driver.run(code, space, space)
    for number in list(driver.breaks.get(program, [])):
        driver.clear_break(program, number)
    return driver.stops


if __name__ == "__main__":
    sys.path.insert(0, os.getcwd())
    json.dump([stops(program, points) for program, points in json.load(sys.stdin)], sys.stdout)
