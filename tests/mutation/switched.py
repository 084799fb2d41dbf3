"""Many bugs of the core in one build, each behind a switch: none of them has to be built by itself.

Of a condition, a value, or a statement that a bug changes, both forms are compiled, and `mutated(17)` says which of
them is meant. The number stands in each built module behind a mark, and is written into the file (`switch`): a process
that loads it then knows of no other bug, and nothing has to be handed on to the processes that tests start. With the
number of ALL no bug is on, and a file that all processes share tells which of the bugs were come by (`reached`)."""

from __future__ import annotations

import bisect
import re
import struct
from collections import defaultdict
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NamedTuple

from tests.mutation.mutant import Mutant
from tests.mutation.native import language_of, without_comments

MOST = 4096  # bugs in a build
NONE, ALL = 0, -1
# Behind it, at a multiple of four, an int, and with ALL the path of the file that tells which were come by.
MARK = b"the bug is number"
LONGEST = 256  # of a path

HEADER = """
extern __attribute__((visibility("hidden"))) volatile struct mutation {{
    char mark[20];
    int number;
    char reached[{longest}];
}} mutation;
extern __attribute__((visibility("hidden"))) unsigned char *mutation_reached;
static inline __attribute__((unused)) int
mutated(int number)
{{
    mutation_reached[number] = 1;
    return mutation.number == number;
}}
"""
SOURCE = """
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>
__attribute__((visibility("hidden"))) volatile struct mutation {{
    char mark[20];
    int number;
    char reached[{longest}];
}} mutation = {{ "{mark}", 0, "" }};
static unsigned char nowhere[{most}];
__attribute__((visibility("hidden"))) unsigned char *mutation_reached = nowhere;
__attribute__((constructor)) static void
share(void)
{{
    int fd = mutation.number == {all} ? open((const char *)mutation.reached, O_RDWR | O_CLOEXEC) : -1;
    if (fd >= 0) {{
        void *shared = mmap(0, {most}, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        close(fd);
        if (shared != MAP_FAILED)
            mutation_reached = shared;
    }}
}}
/* For a process that has loaded it already. */
__attribute__((visibility("default"))) void
switch_mutation(int number)
{{
    mutation.number = number;
}}
"""
# Warnings of what is compared with itself are no errors here; what must hold is checked (sys/checks.h).
COMPILER = """#!/bin/sh
case " $* " in
*" -shared "*) exec cc "$@" "{folder}/switch.o" ;;
esac
exec {cc} "$@" -w -Wno-error -O1 -UNDEBUG -include "{folder}/switch.h"
"""
DECLARED = """
cdef extern from *:
    bint mutated(int number) noexcept nogil

"""


def write_compiler(folder: Path, cc: str) -> Path:
    """A compiler that knows of the switch; it is called like any other."""
    facts = {"mark": MARK.decode(), "most": MOST, "all": ALL, "longest": LONGEST}
    (folder / "switch.h").write_text(HEADER.format(**facts))
    (folder / "switch.c").write_text(SOURCE.format(**facts))
    compiler = folder / "cc"
    compiler.write_text(COMPILER.format(folder=folder, cc=cc))
    compiler.chmod(0o755)
    return compiler


def switch(path: Path, number: int, reached: Path | None = None) -> None:
    """Writes a number into a built module: into a new file, as a process may have the old one loaded. With ALL, what
    is come by is told in a file."""
    data = bytearray(path.read_bytes())
    if MARK not in data:  # built without
        return
    at = data.index(MARK) + 20
    name = bytes(reached) if reached else b""
    assert len(name) < LONGEST
    data[at : at + 4 + LONGEST] = struct.pack(f"i{LONGEST}s", number, name)
    new = path.with_suffix(".new")
    new.write_bytes(data)
    new.chmod(0o755)
    new.replace(path)


# ---- what a bug is in ------------------------------------------------------------------------------


class Unit(NamedTuple):
    """`text[start:end]` is a condition, a value or a statement."""

    kind: str
    start: int
    end: int


def unit_of(language: str, code: str, at: int) -> Unit | None:
    """In which a place is, of text whose comments and strings are blank. None where it is in something else, as in a
    table or in the head of a loop: a bug there has to be built by itself."""
    return (unit_of_c if language == "c" else unit_of_cython)(code, at)


def unit_of_c(code: str, at: int) -> Unit | None:
    opened = brackets_at(code, at)
    begin = opened[0] if opened else at  # of the outermost parenthesis in these braces
    start = begin
    while start and (code[start - 1] not in ";{}" or in_for(code, start - 1)):
        start -= 1
    while True:
        start += len(code[start:]) - len(code[start:].lstrip())
        if head := re.compile(r"(else|do)\b|(?:case\b[^:?]*|default|\w+):(?!:)").match(code, start):
            start = head.end()
            if start > at:
                return None
        elif head := re.compile(r"(if|while|switch|for) *\(").match(code, start):
            end = closing(code, head.end() - 1)
            if end is None:
                return None
            if at < end:
                return c_head(code, head[1], head.end(), end, at)
            start = end + 1
        else:
            break
    end = end_of_statement(code, start)
    if end is None or not start <= at < end:
        return None
    statement = code[start:end]
    if found := re.compile(r"return\b\s*(?=[^\s;])").match(statement):
        return Unit("value", start + found.end(), end - 1)
    declared = re.compile(
        r"(?!return\b|goto\b)(?:(?:const|struct|unsigned|static|enum) )*\w+[ *]+(?:const )?\w+ = (?!\{)"
    ).match(statement)
    if declared:
        if statement.startswith("static") or top_level_comma(statement[declared.end() :]):
            return None
        return Unit("value", start + declared.end(), end - 1)
    if re.match(r"[\w()*>.\-\[\]&+|!]+", statement) and "{" not in statement:
        return Unit("statement", start, end)
    return None


def c_head(code: str, word: str, start: int, end: int, at: int) -> Unit | None:
    if word == "switch":
        return Unit("value", start, end)
    if word != "for":
        return Unit("condition", start, end)
    parts = [found.start() for found in re.finditer(";", code[start:end])]
    if len(parts) == 2 and start + parts[0] < at < start + parts[1]:
        return Unit("condition", start + parts[0] + 1, start + parts[1])
    return None


def brackets_at(code: str, at: int) -> list[int]:
    """The places of the parentheses and square brackets that are open there, within the innermost braces."""
    depth, opened = 0, []
    for place in range(at - 1, -1, -1):
        sign = code[place]
        if sign in ")]":
            depth += 1
        elif sign in "([":
            depth -= 1
            if depth < 0:
                opened.append(place)
                depth = 0
        elif sign in "{}" or (
            sign == ";" and not opened and depth == 0 and not in_for(code, place)
        ):
            break
    return opened[::-1]


def in_for(code: str, place: int) -> bool:
    """Whether a semicolon is one of those in the head of a loop."""
    if code[place] != ";":
        return False
    begin = max(code.rfind(sign, 0, place) for sign in "{}")
    heads = [found.end() for found in re.compile(r"\bfor *\(").finditer(code, begin + 1, place)]
    return bool(heads) and (closing(code, heads[-1] - 1) or 0) > place


def closing(code: str, at: int) -> int | None:
    """Of the bracket that is opened there."""
    depth = 0
    for place in range(at, len(code)):
        depth += (code[place] in "([{") - (code[place] in ")]}")
        if depth == 0:
            return place
    return None


def end_of_statement(code: str, start: int) -> int | None:
    depth = 0
    for place in range(start, len(code)):
        depth += (code[place] in "([{") - (code[place] in ")]}")
        if depth < 0:
            return None
        if depth == 0 and code[place] == ";":
            return place + 1
    return None


def top_level_comma(code: str) -> bool:
    depth = 0
    for sign in code:
        depth += (sign in "([{") - (sign in ")]}")
        if depth == 0 and sign == ",":
            return True
    return False


CYTHON_BLOCK = re.compile(
    r"(cdef|cpdef|def|class|for|with|try|else|except|finally|import|from|cimport|include|global|if|elif|while|return|"
    r"del|DEF|IF|ctypedef|@)\b"
)


def unit_of_cython(code: str, at: int) -> Unit | None:
    start, end = logical_line(code, at)
    line = code[start:end]
    if found := re.match(r"(if|elif|while) (.+):\s*$", line, re.S):
        return Unit("condition", start + found.start(2), start + found.end(2))
    if found := re.match(r"return (?=.)", line, re.S):
        return Unit("value", start + found.end(), end)
    if found := re.match(r"cdef [\w. *\[\],]+ = ", line):
        return Unit("value", start + found.end(), end)
    if CYTHON_BLOCK.match(line) or line.endswith(":") or not line:
        return None
    return Unit("statement", start, end)


def logical_line(code: str, at: int) -> tuple[int, int]:
    """Without its indentation and what is blank behind it."""
    begins, depth = [0], 0
    for place, sign in enumerate(code):
        depth += (sign in "([{") - (sign in ")]}")
        if sign == "\n" and depth <= 0 and code[place - 1] != "\\":
            depth = 0
            begins.append(place + 1)
    n = bisect.bisect_right(begins, at) - 1
    end = begins[n + 1] if n + 1 < len(begins) else len(code)
    line = code[begins[n] : end]
    return begins[n] + len(line) - len(line.lstrip()), begins[n] + len(line.rstrip())


# ---- both forms in one text ------------------------------------------------------------------------


class Switched(NamedTuple):
    """A text with its bugs behind switches, and the lines in which each of them is."""

    text: str
    lines: dict[int, tuple[int, int]]  # by number


def switched(file: str, text: str, numbered: Iterable[tuple[int, Mutant]]) -> Switched:
    """Those that cannot be behind one are in no line of the result."""
    language = language_of(file)
    code = without_comments(language, text)
    units: defaultdict[Unit, list[tuple[int, str]]] = defaultdict(list)
    for number, mutant in numbered:
        unit = unit_of(language, code, mutant.start)
        if unit and unit.start <= mutant.start and mutant.end <= unit.end:
            changed = text[unit.start : mutant.start] + mutant.new + text[mutant.end : unit.end]
            units[unit].append((number, changed))
    made, done = "", 0
    lines: dict[int, tuple[int, int]] = {}
    for unit in sorted(units, key=lambda unit: unit.start):
        if unit.start < done:
            continue
        made += text[done : unit.start]
        first = made.count("\n") + 1
        indentation = " " * (unit.start - code.rfind("\n", 0, unit.start) - 1)
        made += FORMS[language, unit.kind](text[unit.start : unit.end], units[unit], indentation)
        lines |= {number: (first, made.count("\n") + 1) for number, _ in units[unit]}
        done = unit.end
    made += text[done:]
    if file.endswith(".pyx"):
        made += DECLARED
    return Switched(made, lines)


Forms = list[tuple[int, str]]


def c_condition(whole: str, forms: Forms, _: str) -> str:
    return "".join(f"mutated({n}) ? !!({new}) : " for n, new in forms) + f"!!({whole})"


def c_value(whole: str, forms: Forms, _: str) -> str:
    return "".join(f"mutated({n}) ? ({new}) : " for n, new in forms) + f"({whole})"


def c_statement(whole: str, forms: Forms, _: str) -> str:
    return (
        "{ "
        + "".join(f"if (mutated({n})) {{ {new} }} else " for n, new in forms)
        + f"{{ {whole} }} }}"
    )


def cython_condition(whole: str, forms: Forms, _: str) -> str:
    return (
        "("
        + "".join(f"(not not ({new})) if mutated({n}) else " for n, new in forms)
        + f"(not not ({whole})))"
    )


def cython_value(whole: str, forms: Forms, _: str) -> str:
    return "(" + "".join(f"({new}) if mutated({n}) else " for n, new in forms) + f"({whole}))"


def cython_statement(whole: str, forms: Forms, indentation: str) -> str:
    words = ["if", *["elif"] * len(forms)]
    choices = [f"{word} mutated({n}): {new}" for word, (n, new) in zip(words, forms)]
    return f"\n{indentation}".join([*choices, f"else: {whole}"])


FORMS: dict[tuple[str, str], Callable[[str, Forms, str], str]] = {
    ("c", "condition"): c_condition,
    ("c", "value"): c_value,
    ("c", "statement"): c_statement,
    ("cython", "condition"): cython_condition,
    ("cython", "value"): cython_value,
    ("cython", "statement"): cython_statement,
}
