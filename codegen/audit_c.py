"""The audit of .c and .h files: a tokenizer that knows where statements begin."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from codegen import sources
from codegen.table import Table

Found = Iterable[tuple[Path, int, str, str]]
TOKEN = re.compile(
    r"""(?P<define>^[ \t]*\#[ \t]*define[ \t]+\w+(?:\([^)\n]*\))?)
      | (?P<skip>/\*.*?\*/|//[^\n]*|^[ \t]*\#(?:\\\n|[^\n])*|\\\n|[^\S\n]+)
      | (?P<newline>\n)
      | (?P<text>"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*')
      | (?P<name>[A-Za-z_]\w*)
      | (?P<other>->|&&|\|\||[=!<>+\-*/|&^%]=|\S)""",
    re.VERBOSE | re.DOTALL | re.MULTILINE,
)
# Of the functions that are nobody's here, those whose results say nothing about success.
HARMLESS = re.compile(
    r"""mem(cpy|move|set|cmp|chr)|str(len|n?cmp|n?cpy|n?cat|r?chr|str|error)|free|qsort|va_(start|end|arg|copy)
      |is(alnum|alpha|digit|space|upper|lower)|to(lower|upper)|get(pid|ppid|tid|uid|euid|pagesize)|__\w+|defined
      |Py_(X?(INCREF|DECREF|SETREF)|CLEAR|VISIT|BEGIN\w*|END\w*)|sa_(handler|sigaction)
      |sig(empty|fill)set|posix_spawn(attr|_file_actions)_destroy
      |sizeof|_Alignof|offsetof|alignof|typeof|_Static_assert|static_assert|likely|unlikely|sched_yield|setbuf|abs""",
    re.VERBOSE,
)
PYTHON_CALL = re.compile(r"_?Py[A-Z]\w*_\w+")
# Of these the result is void or says nothing about success.
PYTHON_VOID = re.compile(
    r"""(PyErr_(Clear|SetString|SetObject|SetNone|Restore|Fetch|NormalizeException|Format|NoMemory
        |WriteUnraisable|SetRaisedException|SetFromErrno\w*)|PyGILState_Release|PyEval_SetTrace\w*
        |PyEval_SetProfile\w*|PyEval_RestoreThread|PyMem_\w*Free|PyObject_Free|PyBuffer_Release
        |PyThread_release_lock|PyThread_free_lock|PyList_SET_ITEM|PyTuple_SET_ITEM
        |PyObject_GC_(Track|UnTrack|Del)|Py_\w*)""",
    re.VERBOSE,
)
# What raises an exception that is not of the table.
SETS_BUILTIN = re.compile(
    r"PyErr_(Set(String|Object|None|FromErrno\w*|ImportError\w*)|Format(V|Unraisable)?|NoMemory"
    r"|BadArgument|BadInternalCall|SyntaxLocation\w*)"
)
EXITS = {
    "abort", "exit", "_exit", "_Exit", "quick_exit", "Py_Exit", "Py_FatalError", "_Py_FatalErrorFunc",
    "raise", "pthread_exit", "pthread_kill", "tgkill", "__builtin_trap", "longjmp", "siglongjmp",
}  # fmt: skip
PRINTS = {
    "printf", "puts", "putchar", "fprintf", "vprintf", "vfprintf", "dprintf", "vdprintf", "fputs", "fputc",
    "putc", "perror", "fwrite", "psignal", "stdout", "stderr", "PySys_WriteStdout", "PySys_FormatStdout",
    "PySys_WriteStderr", "PySys_FormatStderr", "PyObject_Print", "PyErr_Print", "PyErr_PrintEx",
    "PyErr_Display", "PyErr_WriteUnraisable", "_PyObject_Dump",
}  # fmt: skip
# Python's names for pointers to functions that return nothing.
VOID_TYPES = {"destructor", "freefunc"}
ASSERTS = {"assert", "Py_UNREACHABLE", "__builtin_unreachable", "__assert_fail", "_PyObject_ASSERT"}
CONTROL = {"if", "while", "for", "switch"}
# What answers NULL when there is no memory or no such thing.
ALLOCATES = re.compile(r"(m|c|re)alloc|mmap|strdup|fopen|_?Py\w*_(New|From|Get|Import|Call)\w*")


@dataclass(frozen=True)
class Token:
    text: str
    line: int
    is_name: bool


def check(root: Path, table: Table) -> Found:
    files = {path: tokens(path) for path in sources.files(root, ".c", ".h")}
    known = {name: returns for path in files for name, returns in definitions(files[path])}
    for one in files.values():
        for kind, name in pairwise(one):
            if name.is_name and (kind.text in VOID_TYPES or known.get(kind.text) is False):
                known.setdefault(name.text, False)
    for path, found in files.items():
        yield from ((path, *what) for what in _check_tokens(found, known))


def _check_tokens(found: list[Token], known: dict[str, bool]) -> Iterable[tuple[int, str, str]]:
    for token, before in zip(found, [Token("", 0, False), *found], strict=False):
        name = token.text
        if not token.is_name or name in known or before.text in (".", "->", "struct"):
            continue
        if name in ASSERTS:
            yield token.line, "assert", ""
        elif name in EXITS:
            yield token.line, "exit", f"{name}()"
        elif name in PRINTS:
            yield token.line, "print", name
        elif SETS_BUILTIN.fullmatch(name):
            yield token.line, "builtin-raise", name
        elif name.startswith("PyErr_Warn"):
            yield token.line, "warning", name
    for i, is_discarded in calls(found):
        name = found[i].text
        if not _must_use(name, known) or name in EXITS | PRINTS | ASSERTS:
            continue
        if is_discarded:
            yield found[i].line, "unchecked", f"{name}()"
        elif why := _not_looked_at(found, i):
            yield found[i].line, "unchecked", why


def _must_use(name: str, known: dict[str, bool]) -> bool:
    if name in known:
        return known[name]
    if PYTHON_CALL.fullmatch(name):
        return not PYTHON_VOID.fullmatch(name)
    return not HARMLESS.fullmatch(name) and not name.isupper() and not SETS_BUILTIN.fullmatch(name)


def tokens(path: Path) -> list[Token]:
    """Names, punctuation and literals. Of a macro, its body, as if it were a block of its own."""
    found = []
    line = 1
    in_macro = False
    for match in TOKEN.finditer(path.read_text(encoding="utf-8")):
        kind = match.lastgroup
        if kind == "define":
            found.append(Token("{", line, False))
            in_macro = True
        elif kind == "newline":
            if in_macro:
                found += [Token(";", line, False), Token("}", line, False)]
            in_macro = False
        elif kind != "skip":
            found.append(Token(match[0], line, kind == "name"))
        line += match[0].count("\n")
    return found


def calls(found: list[Token]) -> Iterator[tuple[int, bool]]:
    """(place, whether nobody gets the result) of each call. `(void)f()` is as good as `f()`."""
    for i, token in enumerate(found[:-1]):
        is_call = token.is_name and found[i + 1].text == "("
        if is_call and token.text not in CONTROL | {"return", "sizeof", "defined"}:
            yield i, _is_thrown_away(found, _start_of_chain(found, i), _matching(found, i + 1))


def _is_thrown_away(found: list[Token], start: int, end: int) -> bool:
    after = found[end + 1].text if end + 1 < len(found) else ""
    if after not in (";", ",", ":", ")", "}"):
        return False
    if [t.text for t in found[max(start - 3, 0) : start]] == ["(", "void", ")"]:
        start -= 3
    before = found[start - 1].text
    in_for = before == "(" and found[start - 2].text == "for"
    if in_for or (before == ";" and after == ")"):
        return True
    if _begins_statement(found, start):
        return after in (";", ",", "}")
    # a && f(), b ? f() : g(), a, f(): in a statement whose value goes nowhere
    if before not in ("&&", "||", "?", ":", ",") or after == ")":
        return False
    return _is_bare(found, start - 1, () if before == "," else ("=", "+=", "|=", "&=", "-="))


def _is_bare(found: list[Token], i: int, keeping: tuple[str, ...]) -> bool:
    """Whether the statement around is an expression alone: no value of it is kept, returned or asked for."""
    depth = 0
    while i >= 0:
        text = found[i].text
        depth += (text in ")]") - (text in "([") if len(text) == 1 else 0
        if depth < 0 or text in ("return", "case", *keeping):
            return False
        if depth == 0 and _begins_statement(found, i):
            return not (found[i].is_name and found[i + 1].is_name)
        i -= 1
    return False


def _not_looked_at(found: list[Token], i: int) -> str:
    """What is wrong with a result that is put into a variable: nothing, if the next word about it is a look."""
    start = _start_of_chain(found, i) - 1
    if found[start].text == ")" and found[start - 1].text in ("*", "int", "void"):
        start = _matching(found, start, -1) - 1  # before a cast
    is_kept = found[start].text == "=" and found[start - 1].is_name
    if not is_kept or found[start - 2].text in (".", "->", "]"):
        return ""
    variable, name = found[start - 1].text, found[i].text
    begin, end = _function_around(found, i)
    static = any(found[k].text == "static" for k in range(max(begin, start - 6), start))
    if begin < 0 or static or not _is_local(found, begin, end, variable):
        return ""
    later = [k for k in range(_matching(found, i + 1) + 1, end) if _is_variable(found, k, variable)]
    if not later:
        return f"{variable} = {name}() is never looked at"
    first = later[0]
    is_new = found[first + 1].text == "=" and found[first - 1].text in (";", "{", "}")
    if is_new and not _names_itself(found, first, variable):
        return f"{variable} = {name}() is overwritten"
    used = found[first + 1].text in ("->", "[") or (
        found[first - 1].text == "*" and found[first - 2].text in (";", "{", "}")
    )
    if used and ALLOCATES.fullmatch(name):
        return f"{variable} = {name}() is used before it is looked at"
    return ""


def _names_itself(found: list[Token], first: int, variable: str) -> bool:
    """Whether the new value is made of the old one."""
    k = first + 2
    while found[k].text != ";":
        if found[k].text == variable:
            return True
        k += 1
    return False


def _is_variable(found: list[Token], k: int, variable: str) -> bool:
    return found[k].text == variable and found[k - 1].text not in (".", "->")


def _is_local(found: list[Token], begin: int, end: int, variable: str) -> bool:
    """Whether it is declared in the function: what is not, somebody else can look at."""
    for k in range(begin + 1, end):
        if _is_variable(found, k, variable):
            before = found[k - 1]
            return (before.is_name and before.text not in ("return", "else", "do")) or (
                before.text == "*" and found[k - 2].is_name
            )
    return False


def _function_around(found: list[Token], i: int) -> tuple[int, int]:
    """The places of the braces of the outermost block; (-1, -1) outside of any."""
    depth = 0
    begin = -1
    for k, token in enumerate(found):
        if token.text == "{":
            if depth == 0:
                begin = k
            depth += 1
        elif token.text == "}":
            depth -= 1
            if depth == 0 and begin <= i <= k:
                return begin, k
    return -1, -1


def _start_of_chain(found: list[Token], i: int) -> int:
    """Where `a.b->c` begins, given the place of c."""
    while i >= 2 and found[i - 1].text in (".", "->"):
        i -= 2
    return i


def _matching(found: list[Token], i: int, step: int = 1) -> int:
    """The place of the parenthesis that closes (or, with step -1, opens) the one at i."""
    opening = found[i].text
    closing = ")" if opening == "(" else "("
    depth = 0
    while 0 <= i < len(found):
        depth += (found[i].text == opening) - (found[i].text == closing)
        if depth == 0:
            return i
        i += step
    return i


def _begins_statement(found: list[Token], i: int) -> bool:
    if i == 0:
        return False
    if found[i].text == ")":
        return False
    before = found[i - 1].text
    if before == ")":
        opening = _matching(found, i - 1, -1)
        return opening > 0 and found[opening - 1].text in CONTROL
    if before == ":":
        return not _is_ternary(found, i - 1)
    return before in (";", "{", "}", "else", "do")


def _is_ternary(found: list[Token], i: int) -> bool:
    """Whether the colon at i belongs to a `?` of the same statement, and not to a label."""
    while i > 0 and found[i].text not in (";", "{", "}"):
        if found[i].text == "?":
            return True
        i -= 1
    return False


def definitions(found: list[Token]) -> Iterator[tuple[str, bool]]:
    """Functions defined or declared at the top of a file, and whether they return something."""
    depth = 0
    start = 0
    for i, token in enumerate(found):
        depth += (token.text == "{") - (token.text == "}")
        if depth == 0 and token.text in (";", "}"):
            start = i + 1
        is_head = depth == 0 and token.is_name and i > start and found[i + 1 : i + 2]
        if is_head and found[i + 1].text == "(":
            end = _matching(found, i + 1)
            if end + 1 < len(found) and found[end + 1].text in ("{", ";"):
                words = [t.text for t in found[start:i]]
                yield token.text, "*" in words or "void" not in words
        # A function that is known by a pointer: void (*name)(
        before = [t.text for t in found[max(i - 3, 0) : i]]
        if token.is_name and before == ["void", "(", "*"]:  # or the name of such a type
            yield token.text, False
