"""Random functions that store to their variables in every way that there is, for what has to know which line stores
what.

`source(seed)` is the text of one program, which calls its functions and ends. `tree(seed)` is the same program, with
line numbers that a compiler of another language could have given: a line is that of parts of any statements."""

from __future__ import annotations

import ast
import random
import textwrap

NAMES = ("a", "b", "c", "d", "e", "items")
EXPRESSIONS = (
    "{n}", "{i}", "'text'", "{i} + 1", "[{n}, {i}]", "({n}, {i})", "({n} := {i})", "({n} := {n} or {i}) and {m}",
    "(lambda: {i})()", "[{m} for {m} in range(2)]", "{{{m}: {n} for {m} in range(2)}}", "sum({m} for {m} in (1, 2))",
    "[({n} := {m}) for {m} in range(3)]", "{n} if {m} else {i}", "1.5", "None", "f'{{{n}}} {{{m}}}'",
    "[[{m} for {m} in range({m})] for {m} in range(2)]", "(yielded() or {n})", "str({n})",
    "{n} if ({m} :=\n    {i}) else {m}", "({n},\n    ({m} := {i}),\n    {n})", "2 ** 70", "list(range(3))",
)  # fmt: skip
STATEMENTS = (
    "{n} = {x}", "{n} = {m} = {x}", "{n}, {m} = {x}, {y}", "{n}, *{m} = 1, 2, 3", "{n} = {x}; {m} = {y}",
    "{n} = {i}\n{n} += {i}", "{n}: object = {x}", "del {n}\n{n} = {i}", "del {n}",
    "import os.path as {n}", "from os import path as {n}, sep as {m}",
    "if {x}: {n} = {y}", "if {x}:\n    {n} = {y}\nelif {m}:\n    {body}\nelse:\n    {body}",
    "for {n} in range(3): {m} = {n}", "for {n} in range(2):\n    {body}\nelse:\n    {m} = {i}",
    "for {n}, {m} in [(1, 2), (3, 4)]:\n    {body}\n    break", "{n} = 0\nwhile {n} < 2:\n    {m} = {n}; {n} += 1",
    "with managed({x}) as {n}:\n    {body}", "with managed({i}) as {n}, managed({i}) as {m}: {n} = {x}",
    "with swallowing() as {n}:\n    {m} = {x}\n    raise ValueError({i})",
    "try:\n    {body}\nexcept Exception as {n}:\n    {m} = {i}\nelse:\n    {body}",
    "try:\n    {n} = {i}\n    raise KeyError({n})\n"
    "except (KeyError, ValueError) as {m}:\n    {body}\nfinally:\n    {n} = {y}",
    "try: {n} = 1 / 0\nexcept ZeroDivisionError as {m}: {n} = {i}",
    "try:\n    try:\n        raise ValueError\n    finally:\n        {n} = {x}\nexcept ValueError: {m} = {i}",
    "try:\n    raise ExceptionGroup('two', [ValueError(1), KeyError(2)])\n"
    "except* ValueError as {n}:\n    {m} = {i}\nexcept* KeyError as {m}:\n    {body}",
    "match {x}:\n    case [{n}, {m}, *_]: {body}\n    case int({n}): {m} = {n}\n"
    "    case str() as {m}:\n        {n} = {i}\n"
    "    case {n}: pass",
    "def inner():\n    {n} = {i}\n    return {n}\n{m} = inner()", "class Inner:\n    {n} = {i}\n{m} = Inner",
    "items = [{i}]\nitems.append({n})", "items = {{}}\nitems[{i}] = {n}\nitems.update(a={i})",
    "shared = shared + 1 if shared < 9 else 0",
    "{n} = lambda {m}={i}: {m}",
    "{n} = [c for c in 'ab' if c]; {m} = c if 'c' in 'ab' else {i}", "assert {n} is not {m} or {x}",
    "global outside; outside = {n}",
    "{n} = yielded()", "{n} = (yield {x})", "yield from (1, 2)", "{n} = yield; {m} = {n}",
)  # fmt: skip
RAISING = (
    "raise",
    "1 / 0",
    "assert",
    "throw",
)  # a frame that had an exception is looked at otherwise
BEGINNING = """
class managed:
    def __init__(self, value): self.value = value
    def __enter__(self): return self.value
    def __exit__(self, *what): return False

class swallowing(managed):
    def __init__(self): self.value = 7
    def __exit__(self, *what): return True

def yielded():
    return 0

outside = 0
"""
FUNCTION = """
def outer{number}():
    shared = 0
    def change():
        nonlocal shared
        shared += 1
        return shared
    def function{number}(a, b=2, *c, d=4, **e):
        nonlocal shared
        probe()
        change()
        items = []
{body}
        return a
    return function{number}

for arguments in ((1,), (1.5, "b", 3)):
    try:
        result = outer{number}()(*arguments, d=arguments, more=1)
        if hasattr(result, "send"):
            try:
                for sent in (None, 1, "two", [3]): result.send(sent)
                result.throw(ValueError("thrown"))
            finally:
                result.close()
    except Exception as error:
        pass
"""


class _Maker:
    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.plain = self.calm = True

    def fill(self, template: str, depth: int) -> str:
        r = self.random
        n, m = r.choices(NAMES, k=2)
        facts = {"n": n, "m": m, "i": r.randrange(5)}
        body = self.body(depth + 1, 1) if "{body}" in template else ""
        x, y = (r.choice(EXPRESSIONS[:20] if depth else EXPRESSIONS).format(**facts) for _ in "xy")
        text = template.format(**facts, x=f"({x})", y=f"({y})", body="\0")
        lines = []
        for line in text.split("\n"):
            indent = line[: len(line) - len(line.lstrip())]
            if line.rstrip().endswith(": \0"):
                line = line.replace("\0", f"{m} = {facts['i']}")
            lines.append(textwrap.indent(body, indent) if line.strip() == "\0" else line)
        return "\n".join(lines)

    def body(self, depth: int, most: int) -> str:
        count = self.random.randint(1, most)
        usable = STATEMENTS if depth < 3 else STATEMENTS[:10]
        if self.plain:
            usable = tuple(
                one
                for one in usable
                if "(yield" not in one and "yield;" not in one and "yield f" not in one
            )
        if self.calm:
            usable = tuple(
                one
                for one in usable
                if one != "del {n}" and not any(word in one for word in RAISING)
            )
        return "\n".join(self.fill(self.random.choice(usable), depth) for _ in range(count))

    def source(self) -> str:
        functions = []
        for number in range(4):
            self.plain = number % 2 == 0  # no generator
            self.calm = number < 2
            body = textwrap.indent(self.body(0, 8), " " * 8)
            functions.append(FUNCTION.format(number=number, body=body))
        return BEGINNING + "\n".join(functions)


def source(seed: int) -> str:
    """One that compiles: where a choice does not, such as a walrus in a comprehension's iterable, another."""
    for attempt in range(100):
        text = _Maker(seed * 1000 + attempt).source()
        try:
            compile(text, "<random>", "exec")
        except SyntaxError:
            continue
        return text
    raise AssertionError(f"no program for {seed}")


def tree(seed: int) -> ast.Module:
    parsed = ast.parse(source(seed))
    r = random.Random(seed)
    for node in ast.walk(parsed):
        if hasattr(node, "lineno") and hasattr(node, "end_lineno"):
            node.lineno = node.end_lineno = max(1, node.lineno + r.choice((0, 0, 0, 1, -1, 3, -3)))
            node.col_offset = node.end_col_offset = 0
    return parsed
