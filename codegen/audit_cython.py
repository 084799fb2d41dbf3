"""The audit of .pyx, .pxi and .pxd files, over the trees of Cython's own parser."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from codegen import sources
from codegen.audit_python import EXCEPTIONS, EXITS, PRINTS, PROTOCOLS, check_facts
from codegen.sources import is_a, walk
from codegen.table import Row, Table

Found = Iterable[tuple[Path, int, str, str]]
# Their results say nothing about success.
HARMLESS = {"memcpy", "memmove", "memset", "strcpy", "strncpy"}
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
            where, line = sources.place(node)
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

    def _declare(self, tree: Any) -> None:
        for name, in_class in declared_must_use(tree):
            (self.methods if in_class else self.functions).add(name)

    def _from_cimport(self, node: Any, root: Path) -> None:
        must_use = _must_use(node.module_name, root)
        for imported in node.imported_names:
            name, alias = imported[1], imported[2] or imported[1]
            if name in must_use:
                self.functions.add(alias)
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
            if may_tell(function, node) and not has_waiver(node):
                yield function.name, in_class


def may_tell(function: Function, node: Any) -> bool:
    """Whether its result is the only word of a failure.

    What a function of ours returns is a value, unless it is a Status or a pointer.
    """
    is_extern = any(is_a(around, "CDefExternNode") for around in sources.ancestors(node))
    tells = is_extern or function.type_name == "Status" or function.is_pointer
    return tells and function.returns_c and not function.is_checked


def has_waiver(node: Any) -> bool:
    """A reason at the declaration of a function excuses all who throw its result away."""
    return sources.waiver_at(*sources.place(node)) is not None


class Function:
    """A cdef function as it is declared."""

    def __init__(self, base_type: Any, outer: Any, declarator: Any) -> None:
        name = declarator.base
        while not hasattr(name, "name"):
            name = name.base
        self.name = str(name.name)
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
    else:
        return
    for outer in outers:
        declarator = outer
        while declarator is not None and not is_a(declarator, "CFuncDeclaratorNode"):
            declarator = getattr(declarator, "base", None)
        if declarator is not None:
            yield Function(node.base_type, outer, declarator)


def _check_node(node: Any, names: Names, rows: dict[str, Row]) -> Iterable[tuple[str, str]]:
    if is_a(node, "CFuncDefNode", "CVarDefNode"):
        yield from _check_function(node, names)
    elif is_a(node, "RaiseStatNode", "ReraiseStatNode"):
        yield from _check_raise(node)
    elif is_a(node, "ExceptClauseNode"):
        yield from _check_except(node)
    elif is_a(node, "AssertStatNode"):
        yield "assert", ""
    elif is_a(node, "ExprStatNode") and is_a(node.expr, "SimpleCallNode"):
        name = names.must_use(node.expr.function)
        if name:
            yield "unchecked", f"{name}()"
    if is_a(node, "SimpleCallNode", "GeneralCallNode"):
        yield from _check_call(node, rows)


def _check_function(node: Any, names: Names) -> Iterable[tuple[str, str]]:
    around = list(sources.ancestors(node))
    if any(is_a(n, "CDefExternNode", "CStructOrUnionDefNode") for n in around):
        return
    for function in functions_of(node):
        returns_python = function.returns_python or function.type_name in names.classes
        if not function.has_clause and not returns_python:
            yield "cdef-except", function.name
        if may_tell(function, node) and has_waiver(node):
            yield "unchecked", f"{function.name}() may be thrown away by everybody"


def _check_raise(node: Any) -> Iterable[tuple[str, str]]:
    raised: Any = getattr(node, "exc_type", None)
    if is_a(raised, "SimpleCallNode", "GeneralCallNode"):
        raised = raised.function
    name = cython_dotted(raised)
    if name == "SystemExit":
        yield "exit", "raise SystemExit"
    elif name in EXCEPTIONS and _function_of(node) not in PROTOCOLS.get(name, ()):
        yield "builtin-raise", f"raise {name}"


def _function_of(node: Any) -> str:
    for around in sources.ancestors(node):
        if is_a(around, "DefNode"):
            return str(around.name)
    return ""


def _check_except(node: Any) -> Iterable[tuple[str, str]]:
    pattern = getattr(node, "pattern", None) or []
    names = {cython_dotted(name) for name in (pattern if isinstance(pattern, list) else [pattern])}
    raises = any(is_a(n, "RaiseStatNode", "ReraiseStatNode") for n in walk(node.body))
    if (not names or "BaseException" in names) and not raises and not _becomes_a_status(node):
        yield "bare-except", ""


def _becomes_a_status(node: Any) -> bool:
    """A `noexcept` body has to catch everything; it says by its status that it did."""
    names = [str(n.name) for n in walk(node.body) if is_a(n, "NameNode")]
    return any(name.startswith("ERR_") or name == "fail_by_exception" for name in names)


def _check_call(node: Any, rows: dict[str, Row]) -> Iterable[tuple[str, str]]:
    name = cython_dotted(node.function)
    if name in EXITS or name in ("_exit", "abort"):
        yield "exit", f"{name}()"
    if name in PRINTS:
        yield "print", f"{name}()"
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
