"""What only the C that Cython makes can tell: exceptions that would vanish, and elements that are released twice.

A `noexcept` function in which something raises tells nobody: the exception goes to `sys.unraisablehook`
and the caller reads 0, which is OK. Only the compiler knows which operations can raise, and it writes
down for each where it goes on then. What ends at `__Pyx_WriteUnraisable` is found here.

A list comprehension, where its list cannot grow for lack of memory, releases the element that it could not append;
Cython 3.3 then releases it once more, and the interpreter crashes some time later. A loop with `append` does not.
"""

from __future__ import annotations

import ast
import contextlib
import io
import re
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from Cython.Compiler import Main as _Main
from Cython.Compiler import Options as _Options

from codegen import sources
from codegen.table import Table

# The compiler is not annotated.
Main: Any = _Main
Options: Any = _Options

Found = Iterable[tuple[Path, int, str, str]]
BUILT = Path("build/cython")
LOST = "__Pyx_WriteUnraisable("
FILES = re.compile(r"static const char\* const __pyx_f\[\] = \{(.*?)\};", re.DOTALL)
FUNCTION = re.compile(r"^\w[^\n;{]*\) \{\n(.*?)^\}", re.DOTALL | re.MULTILINE)
RAISES = re.compile(r"__PYX_ERR\((\d+), (\d+), (\w+)\)")
GROWS = re.compile(r"__Pyx_ListComp_AppendAndDecref\(__pyx_t_\d+, .*__PYX_ERR\((\d+), (\d+), ")
JUMP = re.compile(r" *goto (__pyx_L\w+);")


def check(root: Path, table: Table) -> Found:
    for path in sources.files(root, ".pyx"):
        if sources.is_generated(path):
            continue
        try:
            code = compiled(path, root)
        except sources.UnparsableError as exc:
            yield path, exc.line, "uncompilable", exc.why
            continue
        for file, line, name in vanishing(code):
            yield root / file, line, "vanishes", f"in {name}"
        for file, line in comprehensions(code):
            if (root / file).is_file():  # else Cython's own
                yield root / file, line, "comprehension", ""


def compiled(path: Path, root: Path) -> str:
    """The C of a module: what the build has left, if nothing is newer than that."""
    built = (root / BUILT / path.relative_to(root)).with_suffix(".c")
    if built.exists() and all(
        p.stat().st_mtime <= built.stat().st_mtime for p in parts(path, root)
    ):
        return built.read_text(encoding="utf-8")
    said = io.StringIO()
    with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stderr(said):
        out = Path(folder, "compiled.c")
        options = Options.CompilationOptions(
            Options.default_options,
            output_file=str(out),
            compiler_directives=directives(root),
            include_path=[str(root)],
        )
        with contextlib.chdir(root):
            result = Main.compile_single(str(path.relative_to(root)), options, None)
        if result.num_errors == 0:
            return out.read_text(encoding="utf-8")
    lines = [text for text in said.getvalue().splitlines() if re.match(r"\S+:\d+:\d+:", text)]
    line = int(lines[0].split(":")[1]) if lines else 1
    why = lines[0].split(":", 3)[3].strip() if lines else "the compiler fails"
    raise sources.UnparsableError(path, line, why)


def parts(path: Path, root: Path) -> set[Path]:
    """The sources of a module: what it includes, and what it and those declare."""
    tree = sources.cython_tree(path)
    found = {sources.location(node)[0] for node in sources.walk(tree)}
    found |= {path.with_suffix(".pxd"), root / "setup.py"}
    for node in sources.walk(tree):
        if sources.is_a(node, "FromCImportStatNode", "CImportStatNode"):
            declared = sources.cimported(node.module_name, root)
            if declared is not None and declared.is_relative_to(root):
                found.add(declared)
    return {file for file in found if file.exists()}


def directives(root: Path) -> dict[str, Any]:
    """The ones that the build uses, as setup.py gives them: what can raise depends on them."""
    setup = root / "setup.py"
    for node in ast.walk(ast.parse(setup.read_text(encoding="utf-8"))) if setup.exists() else ():
        if isinstance(node, ast.keyword) and node.arg == "compiler_directives":
            found: dict[str, Any] = ast.literal_eval(node.value)
            return found
    return {"language_level": 3}


def comprehensions(code: str) -> Iterator[tuple[str, int]]:
    """(file, line) of each list comprehension, and of what Cython makes one of."""
    files = _files(code)
    for file, line in GROWS.findall(code):
        yield files[int(file)], int(line)


def _files(code: str) -> list[str]:
    names = FILES.search(code)
    return re.findall(r'"([^"]*)"', names[1]) if names else []


def vanishing(code: str) -> Iterator[tuple[str, int, str]]:
    """(file, line, function) of each operation whose exception gets lost."""
    files = _files(code)
    for function in FUNCTION.finditer(code):
        if LOST in function[1]:
            lines = function[1].splitlines()
            lost = next(line for line in lines if LOST in line)
            name = re.findall(r'"([^"]*)"', lost)[0].rpartition(".")[2]
            for file, line, label in _raising(lines):
                if _gets_lost(lines, label):
                    yield files[file], line, name


def _raising(lines: list[str]) -> Iterator[tuple[int, int, str]]:
    for text in lines:
        # To take hold of an exception that was caught is not an operation of the source's.
        if "__Pyx_GetException(" not in text:
            for file, line, label in RAISES.findall(text):
                yield int(file), int(line), label


def _gets_lost(lines: list[str], label: str) -> bool:
    """Whether what goes on at this label is neither caught nor handed on."""
    at = next(i for i, text in enumerate(lines) if text.strip().startswith(f"{label}:"))
    indent = _indent(lines[at])
    depth = indent + 2 if lines[at].endswith("{") else indent
    for text in lines[at + 1 :]:
        if LOST in text:
            return True
        if _indent(text) == indent and _catches_all(text):
            return False
        if text.strip() == "/*exception exit:*/{":  # what `finally` does, one level in
            depth = indent + 2
        jump = JUMP.match(text)
        if jump and _indent(text) <= depth:
            return _gets_lost(lines, jump[1])
    return False


def _catches_all(text: str) -> bool:
    matches = "ExceptionMatches" in text and "PyExc_BaseException" in text
    return matches or text.strip() == "/*except:*/ {"


def _indent(text: str) -> int:
    return len(text) - len(text.lstrip())
