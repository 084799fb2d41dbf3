"""The audit of .py files."""

from __future__ import annotations

import ast
import builtins
from collections.abc import Iterable
from pathlib import Path

from codegen import sources
from codegen.table import Row, Table, placeholders


def _is_exception(value: object) -> bool:
    return isinstance(value, type) and issubclass(value, BaseException)


Found = Iterable[tuple[Path, int, str, str]]
EXCEPTIONS = {name for name in dir(builtins) if _is_exception(getattr(builtins, name))}
# What Python's own protocols ask for.
PROTOCOLS = {
    "AttributeError": ("__getattr__", "__getattribute__", "__setattr__", "__delattr__"),
    "KeyError": ("__getitem__", "__delitem__", "__missing__"),
    "IndexError": ("__getitem__", "__delitem__"),
    "StopIteration": ("__next__",),
}
EXITS = {"sys.exit", "os._exit", "os.abort", "exit", "quit"}
PRINTS = {"print", "pprint.pprint", "pprint"}
# Facts that every exception takes, whatever its row says.
COMMON_FACTS = {"errno", "number", "trace_path", "trace_state", "events_lost"}


def check(root: Path, table: Table) -> Found:
    rows = {row.exception: row for row in table.rows}
    for path in sources.files(root, ".py"):
        if sources.is_generated(path):
            continue
        try:
            tree = sources.python_tree(path)
        except sources.UnparsableError as exc:
            yield path, exc.line, "unparsable", exc.why
            continue
        inside = path.relative_to(root).as_posix()
        for node in ast.walk(tree):
            for rule, detail in _check_node(node, inside, rows):
                yield path, getattr(node, "lineno", 1), rule, detail


def _check_node(node: ast.AST, inside: str, rows: dict[str, Row]) -> Iterable[tuple[str, str]]:
    if isinstance(node, ast.Raise):
        yield from _check_raise(node)
    elif isinstance(node, ast.ClassDef):
        yield from _check_class(node, inside)
    elif isinstance(node, ast.ExceptHandler):
        yield from _check_handler(node)
    elif isinstance(node, ast.Assert):
        yield "assert", ""
    elif isinstance(node, ast.Call):
        yield from _check_call(node, inside, rows)
    elif dotted(node) in ("sys.stdout", "sys.__stdout__") and "/cli/" not in inside:
        yield "print", f"{dotted(node)} outside of recorder/cli"


def dotted(node: ast.AST | None) -> str:
    """`a.b.c` for a name or an attribute of one; else empty."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        base = dotted(node.value)
        return f"{base}.{node.attr}" if base else ""
    return ""


def _check_raise(node: ast.Raise) -> Iterable[tuple[str, str]]:
    raised = node.exc.func if isinstance(node.exc, ast.Call) else node.exc
    name = dotted(raised)
    if name == "SystemExit":
        yield "exit", "raise SystemExit"
    elif name in EXCEPTIONS and function_of(node) not in PROTOCOLS.get(name, ()):
        yield "builtin-raise", f"raise {name}"


def function_of(node: ast.AST) -> str:
    """The name of the function a node is in."""
    for around in sources.ancestors(node):
        if isinstance(around, ast.FunctionDef | ast.AsyncFunctionDef):
            return str(around.name)
    return ""


def _check_class(node: ast.ClassDef, inside: str) -> Iterable[tuple[str, str]]:
    bases = {dotted(base) for base in node.bases}
    if bases & EXCEPTIONS and not inside.startswith("recorder/errors/"):
        yield "exception-class", f"class {node.name}({', '.join(sorted(bases))})"


def _check_handler(node: ast.ExceptHandler) -> Iterable[tuple[str, str]]:
    caught = node.type.elts if isinstance(node.type, ast.Tuple) else [node.type]
    everything = any(what is None or dotted(what) == "BaseException" for what in caught)
    if everything and not any(isinstance(inner, ast.Raise) for inner in ast.walk(node)):
        yield "bare-except", ""


def _check_call(node: ast.Call, inside: str, rows: dict[str, Row]) -> Iterable[tuple[str, str]]:
    name = dotted(node.func)
    if name in EXITS and not (inside.endswith("__main__.py") and not function_of(node)):
        yield "exit", f"{name}()"
    if name in PRINTS:
        yield "print", f"{name}()"
    row = rows.get(name.rpartition(".")[2])
    if row is not None:
        given = {keyword.arg for keyword in node.keywords}
        open_ended = None in given or any(isinstance(arg, ast.Starred) for arg in node.args)
        has_message = bool(node.args) and not open_ended
        names = {arg for arg in given if arg is not None}
        yield from check_facts(row, names, open_ended, has_message)


def check_facts(
    row: Row, given: set[str], open_ended: bool, has_message: bool
) -> Iterable[tuple[str, str]]:
    """Whether the facts given to an exception are the ones its row names."""
    needed = set(placeholders(row.message)) - {"number"}
    missing = sorted(needed - given)
    if missing and not open_ended and not has_message:
        yield "missing-fact", f"{row.exception} needs {', '.join(missing)}"
    unknown = sorted(given - row.context.keys() - COMMON_FACTS)
    if unknown:
        yield "unknown-fact", f"{row.exception} has no {', '.join(unknown)} in its context"
