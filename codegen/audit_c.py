"""The audit of .c and .h files: a tokenizer that knows where statements begin."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from codegen import sources
from codegen.table import Table

Found = Iterable[tuple[Path, int, str, str]]
TOKEN = re.compile(
    r"""(?P<skip>/\*.*?\*/|//[^\n]*|^[ \t]*\#(?:\\\n|[^\n])*|\s+)
      | (?P<text>"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*')
      | (?P<name>[A-Za-z_]\w*)
      | (?P<other>->|\S)""",
    re.VERBOSE | re.DOTALL | re.MULTILINE,
)
LIBC = {
    "atexit", "calloc", "clock_gettime", "close", "dup", "dup2", "dup3", "execv", "execve",
    "fallocate", "fcntl", "fdatasync", "fork", "fstat", "fsync", "ftruncate", "ioctl", "kill",
    "lseek", "madvise", "malloc", "mkdir", "mkdirat", "mmap", "mprotect", "msync", "munmap",
    "on_exit", "open", "openat", "pipe", "pipe2", "posix_fallocate", "pread", "pthread_atfork",
    "pthread_create", "pthread_key_create", "pthread_mutex_lock", "pthread_mutex_unlock",
    "pthread_sigmask", "pwrite", "read", "realloc", "rename", "renameat", "rmdir", "sigaction",
    "sigaltstack", "sigprocmask", "stat", "truncate", "unlink", "unlinkat", "waitpid", "write",
}  # fmt: skip
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
EXITS = {"abort", "exit", "_exit", "_Exit", "quick_exit"}
PRINTS = {"printf", "puts", "putchar", "fprintf", "vprintf", "perror"}
CONTROL = {"if", "while", "for", "switch"}


@dataclass(frozen=True)
class Token:
    text: str
    line: int
    is_name: bool


def check(root: Path, table: Table) -> Found:
    files = {path: tokens(path) for path in sources.files(root, ".c", ".h")}
    known = {name: returns for path in files for name, returns in definitions(files[path])}
    for path, found in files.items():
        for line, name, is_discarded in calls(found):
            if name == "assert":
                yield path, line, "assert", ""
            elif name in EXITS:
                yield path, line, "exit", f"{name}()"
            elif name in PRINTS:
                yield path, line, "print", f"{name}()"
            elif is_discarded and _must_use(name, known):
                yield path, line, "unchecked", f"{name}()"


def _must_use(name: str, known: dict[str, bool]) -> bool:
    if name in known:
        return known[name]
    if PYTHON_CALL.fullmatch(name):
        return not PYTHON_VOID.fullmatch(name)
    return name in LIBC


def tokens(path: Path) -> list[Token]:
    """Names, punctuation and literals; comments and preprocessor lines are left out."""
    found = []
    line = 1
    for match in TOKEN.finditer(path.read_text(encoding="utf-8")):
        if match.lastgroup != "skip":
            found.append(Token(match[0], line, match.lastgroup == "name"))
        line += match[0].count("\n")
    return found


def calls(found: list[Token]) -> Iterator[tuple[int, str, bool]]:
    """(line, name, whether it is a statement of its own) of each call; `(void)f()` is not one."""
    for i, token in enumerate(found[:-1]):
        if token.is_name and found[i + 1].text == "(" and token.text not in CONTROL:
            start = _start_of_chain(found, i)
            end = _matching(found, i + 1)
            ends = end + 1 < len(found) and found[end + 1].text == ";"
            yield token.line, token.text, ends and _begins_statement(found, start)


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
