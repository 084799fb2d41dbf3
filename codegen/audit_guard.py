"""The audit of the boundary: that every exported function has the guard, and what it is there for.

Exported is what a module of recorder/ names in `__all__`. A function among that has `@errors.guarded(…)`, a class with
code of its own `@errors.guarded_class(…)`, or is given to it where it cannot be imported from; what is imported is
followed to where it is made. A function whose whole body is one `try` that makes something of every Exception is a
guard itself: `recorder.cli.main` is, for all commands.

`implicit` lists the places where Python or a library raises by itself: information, and no findings, since the guard
maps what they raise.
"""

from __future__ import annotations

import ast
import contextlib
from collections.abc import Iterable, Iterator
from pathlib import Path

from codegen import sources
from codegen.audit_python import Module, dotted
from codegen.table import Table

Found = Iterable[tuple[Path, int, str, str]]
Function = ast.FunctionDef | ast.AsyncFunctionDef

# Builtins and functions of the standard library and of others that raise by themselves, by what they do.
RAISERS = {
    "parse": ("int", "float", "bytes.fromhex", "json.loads", "json.load", "json.dumps", "tomllib.loads"),
    "binary": ("struct.unpack", "struct.unpack_from", "struct.pack", "struct.pack_into"),
    "iterate": ("next", "min", "max", "zip"),
    "file": ("open", "os.open", "os.stat", "os.fstat", "os.listdir", "os.readlink", "os.getcwd", "os.dup2"),
    "process": ("os.kill", "os.fork", "os.execve", "signal.signal", "subprocess.run", "os.waitpid"),
    "library": ("zstandard.ZstdCompressor", "zstandard.ZstdDecompressor", "import_module", "__import__"),
}  # fmt: skip
KIND_OF = {name: kind for kind, names in RAISERS.items() for name in names}
METHODS = {
    "encode": "codec",
    "decode": "codec",
    "index": "lookup",
    "remove": "lookup",
    "decompress": "library",
}
CODECS = {"os.fsencode", "os.fsdecode"}


def check(root: Path, table: Table) -> Found:
    """Every exported function without the guard."""
    del table
    trees = dict(_trees(root))
    given = set(_given_to_the_guard(root, trees))
    for path, tree in trees.items():
        for name in _exported(tree):
            for location, node in _makers(root, trees, path, name):
                if _lacks_guard(node, location, given) and not sources.is_generated(location):
                    yield location, node.lineno, "unguarded", f"{name} is exported"


def _trees(root: Path) -> Iterator[tuple[Path, ast.Module]]:
    """Every module that can be parsed; the audit of Python names the others."""
    for path in sources.files(root, ".py"):
        with contextlib.suppress(sources.UnparsableError):
            yield path, sources.python_tree(path)


def _exported(tree: ast.Module) -> list[str]:
    """The names in `__all__`."""
    for statement in tree.body:
        if isinstance(statement, ast.Assign) and dotted(statement.targets[0]) == "__all__":
            return [
                node.value
                for node in ast.walk(statement.value)
                if isinstance(node, ast.Constant) and isinstance(node.value, str)
            ]
    return []


def _makers(
    root: Path, trees: dict[Path, ast.Module], path: Path, name: str
) -> Iterator[tuple[Path, Function | ast.ClassDef]]:
    """The function or class that a name of a module stands for, and the file it is in."""
    for node in trees[path].body:
        if isinstance(node, Function | ast.ClassDef) and node.name == name:
            yield path, node
            return
    for below in ast.walk(trees[path]):
        if isinstance(below, ast.ImportFrom) and below.module:
            for alias in below.names:
                origin = _file_of(root, below.module)
                if (alias.asname or alias.name) == name and origin in trees and origin != path:
                    yield from _makers(root, trees, origin, alias.name)
                    return


def _file_of(root: Path, module: str) -> Path:
    path = root.joinpath(*module.split("."))
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


def _lacks_guard(
    node: Function | ast.ClassDef, location: Path, given: set[tuple[Path, str]]
) -> bool:
    names = {
        dotted(one.func).rpartition(".")[2]
        for one in node.decorator_list
        if isinstance(one, ast.Call)
    }
    if isinstance(node, ast.ClassDef):
        has_code = any(isinstance(one, Function) for one in node.body)
        return has_code and "guarded_class" not in names and (location, node.name) not in given
    return "guarded" not in names and not _is_guard(node)


def _is_guard(node: Function) -> bool:
    """Whether the whole body is one `try` that makes something of every Exception."""
    body = [one for one in node.body if not _is_text(one)]
    if len(body) != 1 or not isinstance(body[0], ast.Try):
        return False
    wide = [one for one in body[0].handlers if dotted(one.type) == "Exception" and one.name]
    return any(dotted(n) == one.name for one in wide for part in one.body for n in ast.walk(part))


def _is_text(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)


def _given_to_the_guard(root: Path, trees: dict[Path, ast.Module]) -> Iterator[tuple[Path, str]]:
    """Classes in calls `guarded_class("…")(Class)`, with the file they are made in."""
    for path, tree in trees.items():
        for node in tree.body:
            call = node.value if isinstance(node, ast.Expr) else None
            if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Call):
                continue
            if dotted(call.func.func).rpartition(".")[2] == "guarded_class":
                for argument in call.args:
                    for location, made in _makers(root, trees, path, dotted(argument)):
                        yield location, made.name


# ---- what raises by itself ------------------------------------------------------------------------


def implicit(root: Path) -> Iterator[tuple[str, int, str, str]]:
    """(file, line, kind, what) of each place where something raises that no statement of ours says."""
    for path in sources.files(root, ".py"):
        if sources.is_generated(path):
            continue
        tree = sources.python_tree(path)
        module = Module(tree, path.relative_to(root).as_posix())
        for node in ast.walk(tree):
            kind, what = _raises_by_itself(node, module)
            if kind and not _is_caught(node):
                yield module.inside, getattr(node, "lineno", 1), kind, what


def _raises_by_itself(node: ast.AST, module: Module) -> tuple[str, str]:
    if isinstance(node, ast.Call):
        name = module.name(node.func)
        if name in CODECS:
            return "codec", name
        if name in KIND_OF and not (name == "next" and len(node.args) > 1):
            return KIND_OF[name], name
        method = node.func.attr if isinstance(node.func, ast.Attribute) else ""
        if method in METHODS and name not in KIND_OF:
            return METHODS[method], f".{method}()"
    if (
        isinstance(node, ast.Subscript)
        and isinstance(node.ctx, ast.Load)
        and not isinstance(node.slice, ast.Slice)
        and not _is_annotation(node)
    ):
        return "lookup", f"{dotted(node.value) or '…'}[…]"
    return "", ""


def _is_annotation(node: ast.AST) -> bool:
    child = node
    for around in sources.ancestors(node):
        if isinstance(around, ast.arg | ast.AnnAssign):
            return around.annotation is child
        if isinstance(around, Function):
            return around.returns is child
        if isinstance(around, ast.stmt):
            return False
        child = around
    return False


def _is_caught(node: ast.AST) -> bool:
    """Whether something near catches or maps it: a `try` around it, or `with mapped(…)`."""
    child = node
    for around in sources.ancestors(node):
        if isinstance(around, ast.Try) and child in around.body and around.handlers:
            return True
        if isinstance(around, ast.With):
            calls = [one.context_expr for one in around.items]
            if any(isinstance(c, ast.Call) and dotted(c.func).endswith("mapped") for c in calls):
                return True
        if isinstance(around, Function):
            return False
        child = around
    return False


def as_text(root: Path) -> str:
    """The list, by file, with how many there are of each kind."""
    lines: list[str] = []
    counts: dict[str, int] = {}
    last = ""
    for path, line, kind, what in sorted(implicit(root)):
        if path != last:
            lines.append(path)
            last = path
        counts[kind] = counts.get(kind, 0) + 1
        lines.append(f"  {line}: {kind}: {what}")
    total = ", ".join(f"{count} {kind}" for kind, count in sorted(counts.items()))
    lines.append(f"{sum(counts.values())} places that the guard is for: {total}")
    return "\n".join(lines) + "\n"
