"""The audit of .pyx, .pxi and .pxd files, over the trees of Cython's own parser."""

from __future__ import annotations

import builtins
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from codegen import sources
from codegen.audit_c import EXITS as C_EXITS
from codegen.audit_c import PRINTS as C_PRINTS
from codegen.audit_c import SETS_BUILTIN
from codegen.audit_python import (
    ASSERTS,
    CONVERSIONS,
    EXCEPTIONS,
    EXITS,
    LOOKS,
    PRINTS,
    PROTOCOLS,
    STDOUT,
    WARNINGS,
    check_facts,
)
from codegen.sources import is_a, walk
from codegen.table import Row, Table

Found = Iterable[tuple[Path, int, str, str]]
# Their results say nothing about success.
HARMLESS = {"memcpy", "memmove", "memset", "strcpy", "strncpy"}
# What answers NULL when there is no memory or no such thing.
ALLOCATES = re.compile(r"(m|c|re)alloc|mmap|strdup|fopen|_?Py\w*_(New|From|Get|Import|Call)\w*")
PYTHON_TYPES = {
    "object", "bytes", "bytearray", "str", "unicode", "list", "tuple", "dict", "set", "frozenset",
    "type", "slice", "memoryview",
}  # fmt: skip


def check(root: Path, table: Table) -> Found:
    rows = {row.exception: row for row in table.rows}
    included: set[Path] = set()
    for path in sources.files(root, ".pyx", ".pxd"):
        if sources.is_generated(path):
            continue
        try:
            tree = sources.cython_tree(path)
        except sources.UnparsableError as exc:
            yield path, exc.line, "unparsable", exc.why
            continue
        names = Names(tree, path, root)
        for node in walk(tree):
            where, line = sources.location(node)
            included.add(where)
            for rule, detail in _check_node(node, names, rows):
                yield where, line, rule, detail
    for path in sources.files(root, ".pxi"):
        if path not in included:
            yield path, 1, "unparsable", "no .pyx includes it, so it was not audited"


class Names:
    """What the names of a module stand for: which calls have a result that must be looked at."""

    def __init__(self, tree: Any, path: Path, root: Path) -> None:
        self.functions: set[str] = set()
        self.methods: set[str] = set()
        self.modules: dict[str, set[str]] = {}
        self.origins: dict[str, str] = {}
        self.classes = {n.class_name for n in walk(tree) if is_a(n, "CClassDefNode")}
        self._declare(tree)
        own = path.with_suffix(".pxd")
        if path.suffix == ".pyx" and own.exists():
            self._declare(sources.cython_tree(own))
        for node in walk(tree):
            if is_a(node, "FromCImportStatNode"):
                self._from_cimport(node, root)
            elif is_a(node, "CImportStatNode"):
                name = node.as_name or node.module_name
                self.modules[name] = _must_use(node.module_name, root)
            elif is_a(node, "FromImportStatNode"):
                for name, target in node.items:
                    origin = f"{node.module.module_name.value}.{name}"
                    self.origins[str(target.name)] = origin
            elif is_a(node, "SingleAssignmentNode") and is_a(node.rhs, "ImportNode"):
                self.origins[cython_dotted(node.lhs)] = str(node.rhs.module_name.value)
            for function in functions_of(node):
                if function.cname:  # under another name here
                    self.origins[function.name] = function.cname

    def resolve(self, node: Any) -> str:
        """What a name or an attribute means, by its full name: Python's, or that of a C function."""
        is_getattr = is_a(node, "SimpleCallNode") and cython_dotted(node.function) == "getattr"
        if is_getattr and is_a(node.args[-1], "UnicodeNode", "StringNode"):
            return f"{self.resolve(node.args[0])}.{node.args[-1].value}"
        first, dot, rest = cython_dotted(node).partition(".")
        return (self.origins.get(first, first) + dot + rest).removeprefix("builtins.")

    def _declare(self, tree: Any) -> None:
        for name, in_class in declared_must_use(tree):
            (self.methods if in_class else self.functions).add(name)

    def _from_cimport(self, node: Any, root: Path) -> None:
        must_use = _must_use(node.module_name, root)
        for imported in node.imported_names:
            name, alias = imported[1], imported[2] or imported[1]
            if name in must_use:
                self.functions.add(alias)
            if alias != name:
                self.origins[alias] = name
        # Classes and structs of the module bring their methods and function pointers.
        path = sources.cimported(node.module_name, root)
        if path is not None and path.is_relative_to(root):
            self.methods |= {
                n for n, inner in declared_must_use(sources.cython_tree(path)) if inner
            }

    def must_use(self, called: Any) -> str:
        """The name of what is called if its result must be looked at; else empty."""
        if is_a(called, "NameNode"):
            return str(called.name) if called.name in self.functions - HARMLESS else ""
        if is_a(called, "AttributeNode"):
            module = self.modules.get(cython_dotted(called.obj))
            known = self.methods if module is None else module
            return str(called.attribute) if called.attribute in known - HARMLESS else ""
        return ""


def _must_use(module: str, root: Path) -> set[str]:
    path = sources.cimported(module, root)
    return {name for name, _ in declared_must_use(sources.cython_tree(path))} if path else set()


def declared_must_use(tree: Any) -> Iterator[tuple[str, bool]]:
    """Names of functions that tell of failure by their result alone, and whether in a class."""
    for node in walk(tree):
        for function in functions_of(node):
            in_class = any(
                is_a(around, "CClassDefNode", "CStructOrUnionDefNode")
                for around in sources.ancestors(node)
            )
            if may_report(function, node) and not has_waiver(node):
                yield function.name, in_class


def may_report(function: Function, node: Any) -> bool:
    """Whether its result is the only word of a failure.

    What a function of ours returns is a value, unless it is a Status or a pointer.
    """
    is_extern = any(is_a(around, "CDefExternNode") for around in sources.ancestors(node))
    reports = is_extern or function.type_name == "Status" or function.is_pointer
    return reports and function.returns_c and not function.is_checked


def has_waiver(node: Any) -> bool:
    """A reason at the declaration of a function excuses all who throw its result away."""
    return sources.waiver_at(*sources.location(node)) is not None


class Function:
    """A cdef function as it is declared."""

    def __init__(self, base_type: Any, outer: Any, declarator: Any) -> None:
        name = declarator.base
        while not hasattr(name, "name"):
            name = name.base
        self.name = str(name.name)
        self.cname = str(getattr(name, "cname", None) or "")
        self.has_clause = bool(declarator.has_explicit_exc_clause)
        self.is_checked = (
            bool(declarator.exception_check) and self.has_clause
        ) or declarator.exception_value is not None
        type_name = getattr(base_type, "name", None)
        self.is_pointer = is_pointer = outer is not declarator
        is_object = type_name in PYTHON_TYPES or type_name is None
        self.is_void = type_name == "void" and not is_pointer
        self.returns_python = is_object and not is_pointer
        self.type_name = str(type_name)
        self.returns_c = not self.returns_python and not self.is_void


def functions_of(node: Any) -> Iterator[Function]:
    """The cdef functions a node defines or declares."""
    if is_a(node, "CFuncDefNode"):
        outers = [node.declarator]
    elif is_a(node, "CVarDefNode"):
        outers = node.declarators
    elif is_a(node, "CTypeDefNode"):
        outers = [node.declarator]
    else:
        return
    for outer in outers:
        declarator = outer
        while declarator is not None and not is_a(declarator, "CFuncDeclaratorNode"):
            declarator = getattr(declarator, "base", None)
        if declarator is not None:
            yield Function(node.base_type, outer, declarator)


def _check_node(node: Any, names: Names, rows: dict[str, Row]) -> Iterable[tuple[str, str]]:
    if is_a(node, "CFuncDefNode", "CVarDefNode", "CTypeDefNode"):
        yield from _check_function(node, names)
    elif is_a(node, "RaiseStatNode", "ReraiseStatNode"):
        yield from _check_raise(node)
    elif is_a(node, "ExceptClauseNode"):
        yield from _check_except(node)
    elif is_a(node, "TryFinallyStatNode"):
        yield from _check_finally(node)
    elif is_a(node, "AssertStatNode"):
        yield "assert", ""
    elif is_a(node, "NameNode", "AttributeNode"):
        yield from _check_name(node, names)
    elif is_a(node, "ExprStatNode"):
        for call in _thrown_away(node.expr):
            if name := names.must_use(call.function):
                yield "unchecked", f"{name}()"
    elif is_a(node, "SingleAssignmentNode") and is_a(node.lhs, "NameNode"):
        yield from _check_assigned(node, node.lhs.name, node.rhs, names)
    elif is_a(node, "CNameDeclaratorNode") and getattr(node, "default", None) is not None:
        yield from _check_assigned(node, node.name, node.default, names)
    if is_a(node, "SimpleCallNode", "GeneralCallNode"):
        yield from _check_call(node, names, rows)


def _thrown_away(expr: Any) -> Iterator[Any]:
    """The calls whose results nobody gets, in an expression that is a statement."""
    if is_a(expr, "SimpleCallNode", "GeneralCallNode"):
        yield expr
    elif is_a(expr, "TypecastNode"):
        yield from _thrown_away(expr.operand)
    elif is_a(expr, "BoolBinopNode"):
        yield from _thrown_away(expr.operand2)
    elif is_a(expr, "CondExprNode"):
        yield from _thrown_away(expr.true_val)
        yield from _thrown_away(expr.false_val)
    elif is_a(expr, "TupleNode"):
        for one in expr.args:
            yield from _thrown_away(one)


def _check_assigned(node: Any, variable: str, call: Any, names: Names) -> Iterable[tuple[str, str]]:
    """A result that is kept in a variable, and never looked at."""
    while is_a(call, "TypecastNode"):
        call = call.operand
    if not is_a(call, "SimpleCallNode", "GeneralCallNode"):
        return
    name = names.must_use(call.function)
    function = _enclosing(node)
    if not name or function is None:
        return
    after = [n for n in _names(function, variable) if n is not getattr(node, "lhs", None)]
    later = [n for n in after if _at(n) > _at(call)]
    reads = [n for n in later if not _is_target(n)]
    in_loop = any(is_a(n, "LoopNode", "WhileStatNode", "_ForInStatNode") for n in _around(node))
    if in_loop:
        reads = [n for n in after if not _is_target(n)]
    if _is_global(function, variable):
        return
    if not reads:
        yield "unchecked", f"{variable} = {name}() is never looked at"
    elif later and _is_overwritten(node, later[0]):
        yield "unchecked", f"{variable} = {name}() is overwritten"
    elif ALLOCATES.fullmatch(name) and later and _is_dereferenced(later[0]):
        yield "unchecked", f"{variable} = {name}() is used before it is looked at"


def _enclosing(node: Any) -> Any:
    return next((n for n in sources.ancestors(node) if is_a(n, "FuncDefNode")), None)


def _around(node: Any) -> Iterator[Any]:
    for around in sources.ancestors(node):
        if is_a(around, "FuncDefNode"):
            return
        yield around


def _names(function: Any, variable: str) -> list[Any]:
    found = [n for n in walk(function) if is_a(n, "NameNode") and n.name == variable]
    return sorted(found, key=_at)


def _at(node: Any) -> tuple[int, int]:
    return int(node.pos[1]), int(node.pos[2])


def _is_target(name: Any) -> bool:
    parent = name.parent
    return is_a(parent, "SingleAssignmentNode") and parent.lhs is name


def _is_global(function: Any, variable: str) -> bool:
    return any(is_a(n, "GlobalNode") and variable in n.names for n in walk(function))


def _is_overwritten(node: Any, later: Any) -> bool:
    """Whether the next statement that names the variable, in the same block, gives it another value."""
    if not _is_target(later) or later.parent.parent is not node.parent:
        return False
    return not any(is_a(n, "NameNode") and n.name == later.name for n in walk(later.parent.rhs))


def _is_dereferenced(name: Any) -> bool:
    parent = name.parent
    return (is_a(parent, "AttributeNode") and parent.obj is name) or (
        is_a(parent, "IndexNode") and parent.base is name
    )


def _check_function(node: Any, names: Names) -> Iterable[tuple[str, str]]:
    if any(is_a(n, "CDefExternNode") for n in sources.ancestors(node)):
        return
    for function in functions_of(node):
        returns_python = function.returns_python or function.type_name in names.classes
        if not function.has_clause and not returns_python:
            yield "cdef-except", function.name
        if may_report(function, node) and has_waiver(node):
            yield "unchecked", f"{function.name}() may be thrown away by everybody"


def _check_name(node: Any, names: Names) -> Iterable[tuple[str, str]]:
    """What must not even be handed on, as it could be called wherever it gets."""
    parent = getattr(node, "parent", None)
    if parent is None or _is_target(node):
        return
    name = names.resolve(node)
    if _is_variable(node, name):
        return
    if name in EXCEPTIONS and not _is_look(node, names):
        around = parent.parent if is_a(parent, "SimpleCallNode", "GeneralCallNode") else parent
        raised = is_a(around, "RaiseStatNode")
        finding = f"raise {name}" if raised else f"{name} could be raised"
        if name == "SystemExit":
            yield "exit", finding
        elif not raised or _function_of(node) not in PROTOCOLS.get(name, ()):
            yield "builtin-raise", finding
    elif name in EXITS | C_EXITS:
        yield "exit", name
    elif name in PRINTS | C_PRINTS | STDOUT:
        yield "print", name
    elif name in WARNINGS or name.startswith("PyErr_Warn"):
        yield "warning", name
    elif name in ASSERTS:
        yield "assert", name
    elif SETS_BUILTIN.fullmatch(name):
        yield "builtin-raise", name


def _is_variable(node: Any, name: str) -> bool:
    """Whether the function around has a variable or an argument of its own by that name."""
    function = _enclosing(node)
    declared = walk(function) if function is not None else ()
    return any(is_a(n, "CNameDeclaratorNode") and n.name == name for n in declared)


def _is_look(node: Any, names: Names) -> bool:
    """Whether an exception's name only says what is caught, compared or declared."""
    child = node
    for around in sources.ancestors(node):
        if is_a(around, "ExceptClauseNode"):
            pattern = around.pattern if isinstance(around.pattern, list) else [around.pattern]
            return any(child is one for one in pattern)
        if is_a(around, "PrimaryCmpNode", "CascadedCmpNode", "ClassDefNode", "CImportStatNode"):
            return True
        if is_a(around, "SimpleCallNode", "GeneralCallNode"):
            name = names.resolve(around.function)
            if child is not around.function:
                return name in LOOKS or name.rpartition(".")[2] in CONVERSIONS
        if is_a(around, "StatNode"):
            return False
        child = around
    return False


def _check_raise(node: Any) -> Iterable[tuple[str, str]]:
    raised: Any = getattr(node, "exc_type", None)
    if is_a(raised, "SimpleCallNode", "GeneralCallNode"):
        raised = raised.function
    if is_a(raised, "SimpleCallNode", "GeneralCallNode"):
        yield "builtin-raise", "raises whatever class this is"
    clause = next((n for n in _around(node) if is_a(n, "ExceptClauseNode")), None)
    if clause is None:
        return
    target = getattr(getattr(clause, "target", None), "name", None)
    if raised is None or (target is not None and cython_dotted(raised) == target):
        for caught in _caught(clause):
            if caught in EXCEPTIONS and issubclass(getattr(builtins, caught), Exception):
                yield "builtin-raise", f"lets {caught} out again"


def _caught(clause: Any) -> set[str]:
    """What an `except` takes; nothing where it takes all."""
    pattern = getattr(clause, "pattern", None) or []
    found = set()
    for one in pattern if isinstance(pattern, list) else [pattern]:
        for name in one.args if is_a(one, "TupleNode") else [one]:
            found.add(cython_dotted(name).removeprefix("builtins."))
    return found


def _function_of(node: Any) -> str:
    for around in sources.ancestors(node):
        if is_a(around, "DefNode"):
            return str(around.name)
    return ""


def _check_except(node: Any) -> Iterable[tuple[str, str]]:
    caught = _caught(node)
    inner = list(walk(node.body))
    raises = any(is_a(n, "RaiseStatNode", "ReraiseStatNode") for n in inner)
    target = getattr(getattr(node, "target", None), "name", None)
    uses = target is not None and any(is_a(n, "NameNode") and n.name == target for n in inner)
    last = node.body.stats[-1] if is_a(node.body, "StatListNode") else node.body
    ends = is_a(last, "RaiseStatNode", "ReraiseStatNode")
    if _becomes_a_status(node):
        return
    if not caught or "BaseException" in caught:
        if not raises or not (uses or ends):
            yield "bare-except", ""
    elif "Exception" in caught and not raises and not uses:
        yield "swallowed", "except Exception, and nothing is made of it"


def _check_finally(node: Any) -> Iterable[tuple[str, str]]:
    """A `return` in a `finally` throws away whatever was on its way."""
    for inner in walk(node.finally_clause):
        if is_a(inner, "ReturnStatNode"):
            yield "swallowed", "return in finally"


def _becomes_a_status(node: Any) -> bool:
    """A `noexcept` body has to catch everything; it says by its status that it did."""
    names = [str(n.name) for n in walk(node.body) if is_a(n, "NameNode")]
    return any(name.startswith("ERR_") or name == "fail_by_exception" for name in names)


def _check_call(node: Any, names: Names, rows: dict[str, Row]) -> Iterable[tuple[str, str]]:
    name = cython_dotted(node.function)
    if is_a(node.function, "SimpleCallNode") and names.resolve(node.function) in EXITS:
        yield "exit", names.resolve(node.function)
    row = rows.get(name.rpartition(".")[2])
    if row is None:
        return
    keywords = getattr(node, "keyword_args", None)
    pairs = getattr(keywords, "key_value_pairs", None) if keywords is not None else []
    given = {str(pair.key.value) for pair in pairs or ()}
    arguments = getattr(node, "args", None) or getattr(
        getattr(node, "positional_args", None), "args", []
    )
    yield from check_facts(row, given, pairs is None, bool(arguments))


def cython_dotted(node: Any) -> str:
    """`a.b` for a name or an attribute of one; else empty."""
    if is_a(node, "NameNode"):
        return str(node.name)
    if is_a(node, "AttributeNode"):
        base = cython_dotted(node.obj)
        return f"{base}.{node.attribute}" if base else ""
    return ""
