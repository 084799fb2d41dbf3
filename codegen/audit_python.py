"""The audit of .py files."""

from __future__ import annotations

import ast
import builtins
import sys
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
EXITS = {
    "exit", "quit", "sys.exit", "os._exit", "os.abort", "posix._exit", "posix.abort",
    "signal.raise_signal", "_thread.exit", "_thread.interrupt_main",
}  # fmt: skip
KILLS = ("os.kill", "os.killpg")
OURSELVES = ("os.getpid", "os.getpgrp")
PRINTS = {
    "print", "pprint.pprint", "pprint.pp", "traceback.print_exc", "traceback.print_exception",
    "traceback.print_last", "traceback.print_stack", "traceback.print_tb", "sys.displayhook",
}  # fmt: skip
STDOUT = {"sys.stdout", "sys.__stdout__", "input"}
STDERR = {"sys.stderr.write", "sys.__stderr__.write", "sys.stderr.writelines"}
WRITERS = {"os.write", "os.fdopen", "open", "io.open", "io.FileIO"}
# The functions of `logging` itself speak to the root logger, and print where nobody has set it up.
WARNINGS = {"warnings.warn", "warnings.warn_explicit"} | {
    f"logging.{name}"
    for name in (
        "basicConfig", "critical", "debug", "error", "exception", "info", "log", "warn", "warning",
    )
}  # fmt: skip
# Functions that answer how much they did; and what they answer must be looked at.
PARTIAL = {"os.write", "os.writev", "os.pwrite", "os.sendfile", "os.posix_fallocate"}
ASSERTS = {"typing.assert_never", "typing_extensions.assert_never"}
EVERYTHING = {"", "BaseException"}
# Where a builtin exception is only named: nothing that stands there is raised.
LOOKS = {"isinstance", "issubclass", "contextlib.suppress", "typing.cast"}
# What makes an exception of ours out of another one.
CONVERSIONS = {"from_oserror", "from_exception", "mapped"}
# What tells an exception of the program's own, which goes out as it is.
ASKS_ORIGIN = ("is_from_program", "is_unrelated")
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
        module = Module(tree, inside)
        for node in ast.walk(tree):
            for rule, detail in _check_node(node, module, rows):
                yield path, getattr(node, "lineno", 1), rule, detail


class Module:
    """What the names of a module stand for."""

    def __init__(self, tree: ast.Module, inside: str) -> None:
        self.inside = inside
        self.imported: dict[str, str] = {}
        self.constants: dict[str, ast.expr] = {}
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                for name in node.names:
                    if name.asname:
                        self.imported[name.asname] = name.name
            elif isinstance(node, ast.ImportFrom):
                for name in node.names:
                    origin = f"{'.' * node.level}{node.module or ''}.{name.name}"
                    self.imported[name.asname or name.name] = origin
        for statement in tree.body:
            if isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Name):
                self.constants[statement.targets[0].id] = statement.value

    def name(self, node: ast.AST | None) -> str:
        """What a name or an attribute means, by its full name; `getattr(a, "b")` is a.b."""
        if isinstance(node, ast.Call) and dotted(node.func) == "getattr" and len(node.args) > 1:
            last = node.args[1]
            if isinstance(last, ast.Constant) and isinstance(last.value, str):
                return f"{self.name(node.args[0])}.{last.value}"
        first, dot, rest = dotted(node).partition(".")
        return (self.imported.get(first, first) + dot + rest).removeprefix("builtins.")

    def caught(self, node: ast.expr | None) -> list[str]:
        """The names of what an `except` takes; a constant of the module is looked up."""
        if isinstance(node, ast.Name) and node.id in self.constants:
            return self.caught(self.constants[node.id])
        if isinstance(node, ast.Tuple):
            return [name for one in node.elts for name in self.caught(one)]
        if isinstance(node, ast.Starred):
            return self.caught(node.value)
        return [self.name(node)]


def _check_node(node: ast.AST, module: Module, rows: dict[str, Row]) -> Iterable[tuple[str, str]]:
    if isinstance(node, ast.Raise):
        yield from _check_raise(node, module)
    elif isinstance(node, ast.ClassDef):
        yield from _check_class(node, module, rows)
    elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
        if module.name(node.value.func) in PARTIAL:
            yield "unchecked", f"{module.name(node.value.func)} may do less than it was asked to"
    elif isinstance(node, ast.ExceptHandler):
        yield from _check_handler(node, module, rows)
    elif isinstance(node, ast.Try | ast.TryStar):
        yield from _check_finally(node)
    elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        yield from _check_exit_method(node)
    elif isinstance(node, ast.Assert):
        yield "assert", ""
    elif isinstance(node, ast.Name | ast.Attribute) and isinstance(node.ctx, ast.Load):
        yield from _check_name(node, module)
    elif isinstance(node, ast.Call):
        yield from _check_call(node, module, rows)


def dotted(node: ast.AST | None) -> str:
    """`a.b.c` for a name or an attribute of one; else empty."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        base = dotted(node.value)
        return f"{base}.{node.attr}" if base else ""
    return ""


def _check_name(node: ast.Name | ast.Attribute, module: Module) -> Iterable[tuple[str, str]]:
    """What must not even be handed on, as it could be called wherever it gets."""
    name = module.name(node)
    if name in EXCEPTIONS and not _is_look(node, module):
        raised = isinstance(_raise_of(node), ast.Raise)
        if name == "SystemExit":
            yield "exit", f"raise {name}" if raised else f"{name} could be raised"
        elif not raised or function_of(node) not in PROTOCOLS.get(name, ()):
            yield "builtin-raise", f"raise {name}" if raised else f"{name} could be raised"
    elif name in EXITS and not (module.inside.endswith("__main__.py") and not function_of(node)):
        yield "exit", name
    elif name in PRINTS:
        yield "print", name
    elif name in STDOUT | STDERR and "/cli/" not in module.inside:
        yield "print", f"{name} outside of recorder/cli"
    elif name in WARNINGS:
        yield "warning", name
    elif name in ASSERTS:
        yield "assert", name


def _raise_of(node: ast.AST) -> ast.AST | None:
    """The statement that raises just this class, or an instance that it makes of it."""
    around: ast.AST | None = getattr(node, "parent", None)
    if isinstance(around, ast.Call) and around.func is node:
        around = getattr(around, "parent", None)
    return around


def _is_look(node: ast.AST, module: Module) -> bool:
    """Whether an exception's name only says what is caught, compared or annotated."""
    child = node
    for around in sources.ancestors(node):
        if isinstance(around, ast.ExceptHandler):
            return around.type is child
        if isinstance(
            around, ast.Compare | ast.ClassDef | ast.match_case | ast.arg | ast.Subscript
        ):
            return True
        if isinstance(around, ast.AnnAssign):
            return around.annotation is child
        if isinstance(around, ast.FunctionDef | ast.AsyncFunctionDef):
            return around.returns is child
        if isinstance(around, ast.Call):
            name = module.name(around.func)
            if child in around.args and name.rpartition(".")[2] in CONVERSIONS:
                return True
            if child is not around.func:
                return name in LOOKS
        if isinstance(around, ast.Assign):  # a constant that says what is caught
            return isinstance(child, ast.Tuple) and isinstance(
                getattr(around, "parent", None), ast.Module
            )
        if isinstance(around, ast.stmt):
            return False
        child = around
    return False


def _check_raise(node: ast.Raise, module: Module) -> Iterable[tuple[str, str]]:
    raised = node.exc.func if isinstance(node.exc, ast.Call) else node.exc
    if isinstance(raised, ast.Call):
        yield "builtin-raise", "raises whatever class this is"
    name = module.name(raised)
    if dotted(raised).partition(".")[0] in module.imported or "." in dotted(raised):
        top = name.partition(".")[0]
        if top in sys.stdlib_module_names and name not in EXITS:
            yield "builtin-raise", f"raise {name}"
    handler = _handler_of(node)
    again = node.exc is None or (handler is not None and dotted(node.exc) == handler.name)
    if handler is not None and again and not _is_passed_on(node):
        for caught in module.caught(handler.type):
            if caught in EXCEPTIONS and issubclass(getattr(builtins, caught), Exception):
                yield "builtin-raise", f"lets {caught} out again"


def _is_passed_on(node: ast.AST) -> bool:
    """Whether it is asked first if the exception is the program's, or one of ours; or it gets to a
    conversion around it."""
    for around in sources.ancestors(node):
        if isinstance(around, ast.If):
            asked = [dotted(n.func) for n in ast.walk(around.test) if isinstance(n, ast.Call)]
            ours = any(dotted(n).endswith("RecorderError") for n in ast.walk(around.test))
            if any(name.endswith(ASKS_ORIGIN) for name in asked) or ours:
                return True
        elif isinstance(around, ast.With):
            calls = [one.context_expr for one in around.items]
            if any(isinstance(c, ast.Call) and dotted(c.func).endswith("mapped") for c in calls):
                return True
        elif isinstance(around, ast.FunctionDef | ast.AsyncFunctionDef):
            return False
    return False


def _handler_of(node: ast.AST) -> ast.ExceptHandler | None:
    """The `except` a statement is in, and not in a function inside of it."""
    for around in sources.ancestors(node):
        if isinstance(around, ast.ExceptHandler):
            return around
        if isinstance(around, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Lambda):
            return None
    return None


def function_of(node: ast.AST) -> str:
    """The name of the function a node is in."""
    for around in sources.ancestors(node):
        if isinstance(around, ast.FunctionDef | ast.AsyncFunctionDef):
            return str(around.name)
    return ""


def _check_class(
    node: ast.ClassDef, module: Module, rows: dict[str, Row]
) -> Iterable[tuple[str, str]]:
    bases = {module.name(base) for base in node.bases}
    ours = _ours(bases, rows)
    if (bases & EXCEPTIONS or ours) and not module.inside.startswith("recorder/errors/"):
        yield "exception-class", f"class {node.name}({', '.join(sorted(bases))})"


def _ours(names: Iterable[str], rows: dict[str, Row]) -> set[str]:
    """Those of the names that are exceptions of the recorder's."""
    return {name for name in names if name.rpartition(".")[2] in (*rows, "RecorderError")}


def _check_handler(
    node: ast.ExceptHandler, module: Module, rows: dict[str, Row]
) -> Iterable[tuple[str, str]]:
    caught = set(module.caught(node.type)) if node.type is not None else {""}
    inner = list(_own(node.body))
    raises = any(isinstance(one, ast.Raise) for one in inner)
    uses = any(isinstance(n, ast.Name) and n.id == node.name for n in inner if node.name)
    if caught & EVERYTHING:
        if not raises or not (uses or isinstance(node.body[-1], ast.Raise)):
            yield "bare-except", ""
    elif "Exception" in caught and not raises and not uses:
        yield "swallowed", "except Exception, and nothing is made of it"
    elif _ours(caught, rows) and all(isinstance(one, ast.Pass | ast.Continue) for one in node.body):
        yield "swallowed", "a failure of ours, and nothing is made of it"


def _own(body: Iterable[ast.AST]) -> Iterable[ast.AST]:
    """Everything in these statements that runs with them: not the insides of functions."""
    for node in body:
        yield node
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            yield from _own(ast.iter_child_nodes(node))


def _check_finally(node: ast.Try | ast.TryStar) -> Iterable[tuple[str, str]]:
    """A `return` in a `finally` throws away whatever was on its way."""
    for inner in _own(node.finalbody):
        if isinstance(inner, ast.Return):
            yield "swallowed", "return in finally"
        elif isinstance(inner, ast.Break | ast.Continue) and not _loops_inside(inner, node):
            yield "swallowed", "leaves finally by a jump"


def _loops_inside(jump: ast.AST, node: ast.AST) -> bool:
    """Whether the loop that a `break` is about is in the `finally` too."""
    for around in sources.ancestors(jump):
        if around is node:
            return False
        if isinstance(around, ast.For | ast.While | ast.AsyncFor):
            return True
    return False


def _check_exit_method(node: ast.FunctionDef | ast.AsyncFunctionDef) -> Iterable[tuple[str, str]]:
    for inner in _own(node.body) if node.name in ("__exit__", "__aexit__") else ():
        answer = inner.value if isinstance(inner, ast.Return) else None
        if isinstance(answer, ast.Constant) and answer.value:
            yield "swallowed", f"{node.name} answers {answer.value!r}"


def _check_call(node: ast.Call, module: Module, rows: dict[str, Row]) -> Iterable[tuple[str, str]]:
    name = module.name(node.func)
    first = node.args[0] if node.args else None
    if isinstance(node.func, ast.Call) and module.name(node.func) in EXITS | PRINTS | WARNINGS:
        yield "exit" if module.name(node.func) in EXITS else "print", module.name(node.func)
    if name in WRITERS and isinstance(first, ast.Constant) and first.value in (1, "/dev/stdout"):
        yield "print", f"{name}({first.value!r})"
    if name in KILLS and isinstance(first, ast.Call) and module.name(first.func) in OURSELVES:
        yield "exit", f"{name} of this very process"
    if name == "contextlib.suppress":
        caught = {n for arg in node.args for n in module.caught(arg)}
        wide = caught & {"Exception", "BaseException"} | _ours(caught, rows)
        if wide:
            yield "swallowed", f"suppress({', '.join(sorted(wide))})"
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
