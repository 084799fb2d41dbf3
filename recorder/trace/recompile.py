"""What a text would be compiled to, by which it is proved to be what ran.

Nothing of it runs. A .pyc is taken instead of compiling, which costs ten times as much, where it cannot be of another
text: it says so by a hash, or the source was last touched well before it was written. What pytest has made of a text,
with other code for each `assert`, is in a .pyc as well, beside that of Python.
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
    from collections.abc import Collection, Iterator

    from recorder.trace.source_files import Read

LARGEST_COMPILED: Final = 1 << 20
SETTLED_NS: Final = 2 * 10**9  # that a source is older than its .pyc: more than an import takes
PYC_HEAD: Final = 16
IS_HASHED: Final = 1  # a flag: its source is told by a hash
REWRITTEN: Final = "-pytest-"  # behind Python's own word, and before the version of pytest
# In a cell; it makes no difference to what does not await. (ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, which is slow to import.)
AWAITING: Final = 0x2000
REWRITTEN_SUFFIXES: Final = (".pyc", ".pyo")


def digests(
    path: str,
    read: Read,
    optimize: int,
    in_parts: bool = False,
    began: int = 0,
    wanted: Collection[int] = (),
) -> frozenset[int] | str:
    """Those of all code that is in the text, as Python compiles it and as pytest has; or the word for why there are
    none. in_parts, wanted: see `compiled`. began: when the program was started, in nanoseconds; 0: nobody knows."""
    found = _digests(path, read, optimize, in_parts, wanted)
    if isinstance(found, str) or read.state is None:
        return found
    return found.union(*_rewritten(path, read, began))


def _digests(
    path: str, read: Read, optimize: int, in_parts: bool, wanted: Collection[int]
) -> frozenset[int] | str:
    cached = None if read.state is None else _cached(path, read, optimize)
    if cached is not None:
        return cached
    if len(read.content) > LARGEST_COMPILED:
        return origins.UNCHECKED
    return compiled(read.content, optimize, in_parts, wanted)


def compiled(
    content: bytes, optimize: int, in_parts: bool = False, wanted: Collection[int] = ()
) -> frozenset[int] | str:
    """in_parts: it may also have been compiled a statement at a time, as a notebook and the prompt do. wanted: what of
    it has run; if it is all in the whole, nobody need know of the parts, each of which is compiled many times."""
    import warnings

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = code_digests(_compile(content, "exec", optimize, AWAITING if in_parts else 0))
            if in_parts and not (wanted and found.issuperset(wanted)):
                found |= _digests_of_parts(content, optimize)
        return frozenset(found)
    except (SyntaxError, ValueError):
        return origins.NOT_PYTHON
    except (RecursionError, MemoryError, OverflowError):
        return origins.UNCHECKED


def _digests_of_parts(content: bytes, optimize: int) -> set[int]:
    import __future__

    import ast

    # A future that an earlier cell imported is there in all later ones.
    found: set[int] = set()
    for flags in (AWAITING, AWAITING | __future__.annotations.compiler_flag):
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


def _cached(path: str, read: Read, optimize: int) -> frozenset[int] | None:
    """Of the .pyc, if it is certainly of this text."""
    import _frozen_importlib_external as external

    try:
        name = external.cache_from_source(path, optimization=optimize or "")
    except (ValueError, NotImplementedError):
        return None
    return _of_pyc(name, read, 0)


def _rewritten(path: str, read: Read, began: int) -> Iterator[frozenset[int]]:
    """Of what each pytest has made of it, if that is certainly of this text. A pytest writes it before it runs it."""
    import _frozen_importlib_external as external

    try:
        folder, name = os.path.split(external.cache_from_source(path, optimization=""))
        beginning = name.removesuffix(".pyc") + REWRITTEN
        names = [one for one in os.listdir(folder) if one.startswith(beginning)]
    except (OSError, ValueError, NotImplementedError):
        return
    for name in names:
        if name.endswith(REWRITTEN_SUFFIXES):
            found = _of_pyc(os.path.join(folder, name), read, began)
            if found is not None:
                yield found


def _of_pyc(name: str, read: Read, began: int) -> frozenset[int] | None:
    import _frozen_importlib_external as external
    import marshal

    try:
        with open(name, "rb") as file:
            head = file.read(PYC_HEAD)
            if head[:4] != external.MAGIC_NUMBER or not _is_of(
                head, os.fstat(file.fileno()), read, began
            ):
                return None
            code = marshal.loads(file.read())
        return frozenset(code_digests(code)) if type(code) is CodeType else None
    except (OSError, ValueError, EOFError, TypeError, RecursionError):
        return None


def _is_of(head: bytes, pyc: os.stat_result, read: Read, began: int) -> bool:
    """Whether it was written by somebody who might have written the source, of this text: by its hash; or else by the
    time and the size of the source, when that had its content for a while, or by the program, and the source has not
    changed since that was started. Nobody can set the time of the last change of an inode."""
    source = read.state
    if source is None or pyc.st_uid not in (0, os.geteuid(), source.st_uid):
        return False
    flags = int.from_bytes(head[4:8], "little")
    if flags & IS_HASHED:
        return head[8:] == _hash(read.content)
    written, changed = min(pyc.st_mtime_ns, pyc.st_ctime_ns), source.st_ctime_ns
    has_settled = changed + SETTLED_NS < written or changed < began <= written
    return has_settled and flags == 0 and head[8:] == _stamp(source)


def _hash(content: bytes) -> bytes:
    import _frozen_importlib_external as external
    import _imp

    return _imp.source_hash(int.from_bytes(external.MAGIC_NUMBER, "little"), content)


def _stamp(source: os.stat_result) -> bytes:
    facts = (int(source.st_mtime), source.st_size)
    return b"".join((n & 0xFFFFFFFF).to_bytes(4, "little") for n in facts)


def is_same_python(version: object) -> bool:
    """Whether this Python compiles as that of the recorded program does."""
    return version == sys.version.split()[0]
