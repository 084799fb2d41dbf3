"""Small programs at random: `make(seed)` is the text of one, and the breakpoints that may be asked of it.

Whatever is called ends: loops are short, and every function gets a number of calls that it has left.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Final

NAMES: Final = ("a", "b", "xs", "s", "d")  # an int, another, a list of ints, a text, a dict of ints
KINDS: Final = (
    "plain",
    "nested",
    "generator",
    "coroutine",
    "decorated",
    "method",
    "recursive",
    "class body",
)

Point = tuple[
    int, str, list[str], str
]  # line, condition, names to be shown, an expression to be watched

HEAD = """\
import asyncio, functools
class Trouble(Exception): pass
def around(function):
    @functools.wraps(function)
    def wrapper(*args, **kwargs):
        wrapper.calls += 1
        try:
            return function(*args, **kwargs)
        except Trouble as trouble:
            count = len(trouble.args)
            return count
        finally:
            left = wrapper.calls % 3
    wrapper.calls = 0
    return wrapper
def twice(value):
    got = yield value
    value = yield got
    return value
def run(it):
    got = []
    try:
        value = next(it)
        while True:
            got.append(value)
            value = it.send(len(got))
    except StopIteration as stop:
        got.append(stop.value)
    except Trouble:
        got.append(None)
    finally:
        it.close()
    return got
"""


class Maker:
    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.lines = HEAD.splitlines()
        self.points: list[int] = []  # lines at which the variables of NAMES may be known
        self.kind = ""
        self.kept = 0  # a name for what only is there

    def make(self) -> str:
        calls = []
        for number in range(self.random.randint(4, 7)):
            self.kind = self.random.choice(KINDS)
            calls.append(self.function(f"f{number}"))
        self.lines.append("for turn in range(3):")
        self.lines.append("    try:")
        self.lines += [f"        {call}" for call in calls]
        self.lines += ["    except Exception as trouble:", "        seen = repr(trouble)"]
        return "\n".join(self.lines) + "\n"

    def function(self, name: str) -> str:
        """Its text; how it is called."""
        start = "xs, s, d = [a, b, 3], 'ab', {'k': a}"
        if self.kind == "class body":
            self.put(0, f"def {name}(a, b):")
            self.put(1, f"class C{name}:")
            self.put(2, f"a, b, xs, s, d = 2, {self.random.randint(0, 4)}, [1, 2], 'c', {{'k': 0}}")
            self.block(2, 2)
            self.put(1, f"return C{name}")
        else:
            if self.kind == "decorated":
                self.put(0, "@around")
            if self.kind == "method":
                self.put(0, f"class K{name}:")
                self.put(1, "total = 0")
                self.put(1, f"def {name}(self, a, b):")
            else:
                given = ", left=3" if self.kind == "recursive" else ""
                self.put(
                    0, ("async " if self.kind == "coroutine" else "") + f"def {name}(a, b{given}):"
                )
            depth = 2 if self.kind == "method" else 1
            self.put(depth, start)
            if self.kind == "generator":
                self.put(depth, "yield a", True)
            if self.kind == "nested":
                self.put(depth, "def inner(n):")
                self.put(depth + 1, "nonlocal a, xs")
                self.put(depth + 1, "a += n", True)
                self.put(depth + 1, "xs = xs + [a]", True)
                self.put(depth + 1, "return a", True)
            self.block(depth, 3)
            if self.kind == "recursive":
                self.put(depth, "if left:", True)
                self.put(depth + 1, f"b += {name}(a % 4, b % 5, left - 1)", True)
            self.put(depth, "return a + b", True)
        one, other = self.random.randint(0, 5), self.random.randint(0, 5)
        given = f"({one} + turn, {other})"
        if self.kind == "coroutine":
            return f"asyncio.run({name}{given})"
        if self.kind == "generator":
            return f"run({name}{given})"
        return (f"K{name}()." if self.kind == "method" else "") + name + given

    def put(self, depth: int, text: str, is_point: bool = False) -> None:
        self.lines.append("    " * depth + text)
        if is_point:
            self.points.append(len(self.lines))

    def block(self, depth: int, deep: int) -> None:
        for _ in range(self.random.randint(1, 4)):
            choices: list[Callable[[int, int], None]] = [self.simple, self.simple]
            if deep:
                choices += [self.condition, self.loop, self.attempt, self.match, self.walrus]
            self.random.choice(choices)(depth, deep - 1)

    # ---- statements ----

    def simple(self, depth: int, deep: int) -> None:
        texts = [
            f"a = {self.number()}", f"b = {self.number()}", f"xs.append({self.number()})",
            f"d['k'] = {self.number()}", f"d[a % 3] = {self.number()}", "s = s[-5:] + 'x'",
            f"xs = xs[:4] + [{self.number()}]", "a, b = b, a", "xs[-1:] = [len(s)]", "b += len(d)",
        ]  # fmt: skip
        if self.kind == "nested":
            texts += ["b = inner(b % 3)"] * 3
        if self.kind == "generator":
            texts += ["b = yield a", "yield b", "b = (yield from twice(a)) or 1"] * 2
        if self.kind == "coroutine":
            texts += ["await asyncio.sleep(0)", "b = await asyncio.sleep(0, a)"] * 2
        if self.kind == "method":
            texts += ["self.total += a", f"type(self).total = {self.number()}"]
        self.put(depth, self.random.choice(texts), True)

    def condition(self, depth: int, deep: int) -> None:
        self.put(depth, f"if {self.truth()}:", True)
        self.block(depth + 1, deep)
        if self.random.random() < 0.5:
            self.put(depth, "else:")
            self.block(depth + 1, deep)

    def loop(self, depth: int, deep: int) -> None:
        self.kept += 1
        self.put(depth, f"for i{self.kept} in range({self.random.randint(1, 3)}):")
        name = f"i{self.kept}"
        self.block(depth + 1, min(deep, 1))
        if self.random.random() < 0.4:
            self.put(depth + 1, f"if {name} > {self.random.randint(0, 2)} or {self.truth()}:", True)
            self.put(depth + 2, self.random.choice(("break", "continue")), True)
        self.put(depth + 1, "a = a % 50 + 1", True)

    def attempt(self, depth: int, deep: int) -> None:
        self.put(depth, "try:")
        self.block(depth + 1, deep)
        self.put(depth + 1, f"if {self.truth()}:", True)
        self.put(depth + 2, self.random.choice(("raise Trouble(a)", "a // 0", "d['none']")), True)
        ways = self.random.choice(("except", "except finally", "finally", "except else finally"))
        if "except" in ways:
            self.put(depth, "except (Trouble, ZeroDivisionError, KeyError):")
            self.block(depth + 1, deep)
        if "else" in ways:
            self.put(depth, "else:")
            self.block(depth + 1, 0)
        if "finally" in ways:
            self.put(depth, "finally:")
            self.block(depth + 1, 0)
            if ways == "finally" and self.kind not in ("class body",):
                self.put(depth + 1, "a += 1", True)

    def match(self, depth: int, deep: int) -> None:
        self.put(depth, self.random.choice(("match [a % 3, b]:", "match xs[:2]:")), True)
        self.kept += 1
        n = f"n{self.kept}"
        self.put(depth + 1, "case [0, _]:")
        self.block(depth + 2, deep)
        self.put(depth + 1, f"case [1 | 2, int({n})] if {n} > 1:")
        self.put(depth + 2, f"b += {n}", True)
        self.put(depth + 1, f"case [*{n}]:")
        self.put(depth + 2, f"a += len({n})", True)

    def walrus(self, depth: int, deep: int) -> None:
        self.kept += 1
        self.put(
            depth, f"if (w{self.kept} := {self.number()}) > {self.random.randint(0, 9)}:", True
        )
        self.put(depth + 1, f"b = w{self.kept} % 17", True)
        self.block(depth + 1, min(deep, 1))

    # ---- expressions ----

    def number(self) -> str:
        return self.random.choice((
            "a + 1", "b - a", "a * 2 % 23", "len(xs)", "sum(xs) % 11", "max(a, b, 2)", "len(s) + a % 7",
            "d.get('k', 7)", "xs[0]", "abs(a - b)", "a if a > b else b", "(a ^ b) & 15", "a // 2", "-a % 9",
        ))  # fmt: skip

    def truth(self) -> str:
        return self.random.choice((
            "a > b", "a % 2", "not a", "b in xs", "len(xs) > 3", "a == 3 or b == 2", "s.endswith('xx')",
            "'k' in d and d['k'] > 2", "0 <= a < 4", "xs[-1] > a", "any(x > 5 for x in (a, b))",
            "len(d) > 1", "a is not None and b > 1", "max(xs) - min(xs) > 3", "isinstance(a, int) and a",
        ))  # fmt: skip

    def asked(self, most: int) -> list[Point]:
        """Breakpoints with conditions; a name may be unknown there, and the condition wrong. A comprehension in one
        speaks of its own names alone: before 3.12 pdb finds no others there."""
        found = []
        for line in sorted(self.random.sample(self.points, min(most, len(self.points)))):
            condition = self.random.choice((
                self.truth(), self.truth(), f"{self.number()} > {self.random.randint(0, 8)}",
                f"not ({self.truth()})", f"({self.truth()}) and ({self.truth()})", "xs[7] == 1",
                f"{self.number()} == {self.number()}", f"sorted(xs)[0] <= {self.number()}",
                "[x for x in xs if x > 3]", "{**d, 'a': a}['a'] > 2", "f'{a}{b}' in '1122334455'",
            ))  # fmt: skip
            found.append((line, condition, [], self.random.choice((*NAMES[:2], "len(xs)", "s"))))
        return found


def make(seed: int, most: int = 25) -> tuple[str, list[Point]]:
    maker = Maker(seed)
    return maker.make(), maker.asked(most)
