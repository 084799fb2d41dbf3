"""What a text would be compiled to, by which it is proved to be what ran.

Nothing of it runs. A .pyc is taken instead of compiling, which costs ten times as much, where it cannot be of another
text: the source was last touched well before it was written.
"""

from __future__ import annotations

import os
import sys
from types import CodeType
from typing import TYPE_CHECKING, Final

from recorder._core.decode import code_digests
from recorder.trace import origins

if TYPE_CHECKING:
    from ast import Expression, Interactive, Module, stmt
    from collections.abc import Iterator

    from recorder.trace.source_files import Read

LARGEST_COMPILED: Final = 1 << 20
SETTLED_NS: Final = 2 * 10**9  # that a source is older than its .pyc: more than an import takes
PYC_HEAD: Final = 16


def digests(path: str, read: Read, optimize: int, in_parts: bool = False) -> frozenset[int] | str:
    """Those of all code that is in the text; or the word for why there are none. in_parts: it may also have been
    compiled a statement at a time, as a notebook and the prompt do."""
    cached = None if read.state is None else _cached(path, read.state, optimize)
    if cached is not None:
        return cached
    if len(read.content) > LARGEST_COMPILED:
        return origins.UNCHECKED
    return compiled(read.content, optimize, in_parts)


def compiled(content: bytes, optimize: int, in_parts: bool = False) -> frozenset[int] | str:
    import warnings

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            if in_parts:
                found = _digests_of_parts(content, optimize)
            else:
                found = code_digests(_compile(content, "exec", optimize))
        return frozenset(found)
    except (SyntaxError, ValueError):
        return origins.NOT_PYTHON
    except (RecursionError, MemoryError, OverflowError):
        return origins.UNCHECKED


def _digests_of_parts(content: bytes, optimize: int) -> set[int]:
    import __future__

    import ast

    # In a cell; neither makes a difference to what does not await, or has no annotations. A future that an earlier cell
    # imported is there in all later ones.
    awaiting = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
    found: set[int] = set()
    for flags in (awaiting, awaiting | __future__.annotations.compiler_flag):
        found |= code_digests(_compile(content, "exec", optimize, flags))
        for statement in ast.parse(content).body:
            for part, mode in _parts_of(statement):
                found |= code_digests(_compile(part, mode, optimize, flags))
    return found


def _parts_of(statement: stmt) -> Iterator[tuple[Module | Interactive | Expression, str]]:
    """The ways in which it may have been compiled alone."""
    import ast

    yield ast.Module([statement], []), "exec"
    yield ast.Interactive([statement]), "single"
    if isinstance(statement, ast.Expr):  # whose value is shown, or asked for
        yield ast.Expression(statement.value), "eval"


def _compile(
    source: bytes | Module | Interactive | Expression, mode: str, optimize: int, flags: int = 0
) -> CodeType:
    code: CodeType = compile(source, "", mode, flags, dont_inherit=True, optimize=min(optimize, 2))
    return code


def _cached(path: str, source: os.stat_result, optimize: int) -> frozenset[int] | None:
    """Of the .pyc, if it is certainly of this text."""
    import _frozen_importlib_external as external
    import marshal

    try:
        name = external.cache_from_source(path, optimization=optimize or "")
        with open(name, "rb") as file:
            state = os.fstat(file.fileno())
            if not _is_trusted(state, source):
                return None
            head = file.read(PYC_HEAD)
            if head != _head(external.MAGIC_NUMBER, source):
                return None
            code = marshal.loads(file.read())
        return frozenset(code_digests(code)) if type(code) is CodeType else None
    except (OSError, ValueError, EOFError, TypeError, NotImplementedError, RecursionError):
        return None


def _is_trusted(pyc: os.stat_result, source: os.stat_result) -> bool:
    """Whether it was written by somebody who might have written the source, and when the source had its content for a
    while. Nobody can set the time of the last change of an inode."""
    written = min(pyc.st_mtime_ns, pyc.st_ctime_ns)
    owners = (0, os.geteuid(), source.st_uid)
    return pyc.st_uid in owners and source.st_ctime_ns + SETTLED_NS < written


def _head(magic: bytes, source: os.stat_result) -> bytes:
    """As Python writes it: of a source with this time and size."""
    facts = (0, int(source.st_mtime), source.st_size)
    return magic + b"".join((n & 0xFFFFFFFF).to_bytes(4, "little") for n in facts)


def is_same_python(version: object) -> bool:
    """Whether this Python compiles as that of the recorded program does."""
    return version == sys.version.split()[0]
