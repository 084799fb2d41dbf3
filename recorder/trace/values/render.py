"""From the tree of a value to text for people, of bounded length."""

from __future__ import annotations

import sys
from collections.abc import Callable, Container
from functools import cached_property
from typing import Any, Final

from recorder import errors
from recorder.errors.text import without_passwords
from recorder.trace.format import (
    TAG_ARRAY,
    TAG_BYTEARRAY,
    TAG_BYTES,
    TAG_CLASS,
    TAG_DATE,
    TAG_DATETIME,
    TAG_DICT,
    TAG_ELIDED,
    TAG_ENUM,
    TAG_ERROR,
    TAG_EXCEPTION,
    TAG_FORM,
    TAG_FROZENSET,
    TAG_GENERATOR,
    TAG_INSTANCE,
    TAG_INT_CUT,
    TAG_LIST,
    TAG_NAMED,
    TAG_OBJECT,
    TAG_REDACTED,
    TAG_REF,
    TAG_SET,
    TAG_STR,
    TAG_TIME,
    TAG_TUPLE,
    TAG_TYPED,
)
from recorder.trace.values import (
    exceptions,
    library_values,
    orm_values,
    show_tables,
    stdlib_values,
)
from recorder.trace.values.derived import Derived, derived
from recorder.trace.values.forms import (
    is_all,
    is_file,
    is_of_facts,
    show_facts,
    show_file,
    show_form,
)
from recorder.trace.values.long_doubles import is_long_double
from recorder.trace.values.long_doubles import shown as shown_long_double
from recorder.trace.values.masks import MASKED_ARRAYS
from recorder.trace.values.nodes import (
    BUILTIN_NAMES,
    Node,
    identity_of,
    numbered,
    qualified,
    short_name,
    shown_name,
    type_name,
)
from recorder.trace.values.numbers import as_shown
from recorder.trace.values.to_python import Builder

SHOWN: Final = 200  # characters
CELL: Final = 60  # of a cell of a table
METHOD: Final = ("builtins", "method")
ARRAY_OF_PYTHON: Final = ("array", "array")
FEW_METHODS: Final = 3  # bound ones that an object keeps, from which on they are put together
MOST_AGAIN: Final = (
    100  # references of one value that are followed: each may be to what has references itself
)
BRACKETS: Final = {
    TAG_LIST: ("[", "]"), TAG_TUPLE: ("(", ")"), TAG_SET: ("{", "}"), TAG_FROZENSET: ("frozenset({", "})"),
    TAG_DICT: ("{", "}"),
}  # fmt: skip
NUMPY_TEXTS: Final = (("numpy", "str_"), ("numpy", "bytes_"))
EMPTY: Final = {TAG_SET: "set()", TAG_FROZENSET: "frozenset()"}
OWN_ELLIPSIS: Final = {TAG_LIST: "[...]", TAG_TUPLE: "(...)", TAG_SET: "{...}", TAG_DICT: "{...}"}


class _Writer:
    """Text up to a limit; beyond it nothing is added, and nothing looked at."""

    def __init__(
        self, limit: int, root: Any, marks: Container[int] = (), short: bool = False
    ) -> None:
        self.left = limit
        self.short = short  # classes without their modules, bound methods by their number
        self.marks = marks  # numbers of objects that are told with them
        self.out: list[str] = []
        self.full = False
        self.root = root  # what its references are about; None: not known
        self.followed = 0
        self.open: list[Node] = []

    @cached_property
    def containers(self) -> list[Node]:
        return [] if self.root is None else numbered(self.root)

    def text(self) -> str:
        return "".join(self.out) + ("…" if self.full else "")

    def add(self, text: str) -> None:
        if not self.full:
            self.out.append(text[: self.left])
            self.left -= len(text)
            self.full = self.left < 0

    def part(self, tree: Any) -> None:
        if not isinstance(tree, Node):
            self.scalar(tree)
        elif tree.tag == TAG_REF:
            return self.again(tree)
        else:
            self.open.append(tree)
            self.node(tree)
            self.open.pop()
        if self.marks and (identity := identity_of(tree)) and identity.number in self.marks:
            self.add(f" #{identity.number}")
        return None

    def node(self, tree: Node) -> None:
        if TAG_LIST <= tree.tag <= TAG_DICT:
            self.container(tree)
        elif tree.tag == TAG_TYPED:
            self.typed(tree)
        elif tree.tag == TAG_EXCEPTION:
            self.exception(tree)
        elif tree.tag == TAG_INSTANCE:
            self.instance(tree)
        elif tree.tag == TAG_NAMED:
            self.attributes(tree)
        elif tree.tag == TAG_ENUM:
            member = tree.items[0][0]  # which bits that have no name are without
            self.add(f"<{self.name_of(tree)}{'' if member in ('', '?') else f'.{member}'}: ")
            self.part(tree.items[0][1])
            self.add(">")
        elif tree.tag == TAG_FORM:
            show_form(self, tree)
        elif tree.tag >= TAG_DATE:
            self.stdlib(tree)
        else:
            self.add(self.leaf(tree))

    def again(self, tree: Node) -> None:
        """What was met before in the same value: once more, or as Python writes what contains itself. An object that is
        told by its number alone has a text besides."""
        node = self.referred(tree)
        if tree.items:
            self.add(f"<object #{tree.size}>")
        elif node is None:
            self.add(f"<container {tree.size or 0} again>")
        elif not self.is_open(tree):
            self.part(node)
        elif node.tag in OWN_ELLIPSIS:
            self.add(OWN_ELLIPSIS[node.tag])
        else:
            self.add("...")

    def is_open(self, reference: Node) -> bool:
        """Whether it is about what is being written."""
        node = self.referred(reference)
        return any(node is each for each in self.open)

    def referred(self, tree: Node) -> Node | None:
        """What a reference is about; None where that is not known, or where it were too much."""
        number = tree.size or 0
        self.followed += 1
        known = number < len(self.containers) and self.followed <= MOST_AGAIN
        return self.containers[number] if known else None

    def typed(self, tree: Node) -> None:
        [inner] = tree.items
        if tree.type in library_values.DICTS and isinstance(inner, Node) and inner.tag == TAG_REF:
            if self.is_open(inner):
                return self.add("...")
            inner = self.referred(inner) or inner
        name = short_name(tree) if tree.type in library_values.DICTS else shown_name(tree)
        if tree.type in NUMPY_TEXTS:
            name = name.replace("numpy.", "np.")
        if tree.type == ("collections", "Counter"):
            inner = library_values.most_common_first(inner)
        if tree.type in library_values.DICTS and inner.tag == TAG_DICT and not inner.size:
            return self.add(f"{name}()")
        self.add(f"{name}(")
        told = inner
        if tree.type == ("collections", "OrderedDict") and sys.version_info < (3, 12):
            pairs = [Node(TAG_TUPLE, None, 2, pair) for pair in inner.items or ()]
            told = Node(TAG_LIST, None, inner.size, pairs, inner.cut)
        self.open.append(inner)
        self.part(told)
        self.open.pop()
        return self.add(")")

    def instance(self, tree: Node) -> None:
        if tree.type in stdlib_values.POSITIONAL:
            return self.positional(tree)
        if tree.type is not None and tree.type[1] == "MaskedConstant":
            return self.add("masked")
        if tree.type in MASKED_ARRAYS and show_tables.show_masked(self, tree):
            return None
        if show_tables.show_spread(self, tree):
            return None
        if (parts := derived(tree)) is not None:
            return self.derived(tree, parts)
        if orm_values.show_instance(self, tree):
            return None
        if library_values.show_instance(self, tree, self.spelled_out(tree)):
            return None
        if not tree.size:
            name = self.name_of(tree) if self.short else type_name(tree)
            return self.add(f"<{name} object>")
        if not tree.items[0][0] and is_file(tree.items[0][1]):
            return show_file(self, tree)
        if not tree.items[0][0] and is_all(tree.items[0][1]):
            return self.part(tree.items[0][1])
        if not tree.items[0][0] and is_of_facts(tree.items[0][1]):
            return show_facts(self, tree.items[0][1], tree.items[1:])
        return self.attributes(tree)

    def spelled_out(self, tree: Node) -> str | None:
        """As the object itself would say, for one that consists of texts and numbers."""
        if tree.type not in library_values.SPELLED_OUT:
            return None
        builder = Builder()
        if self.root is not None:  # its references are about what is in the whole value
            builder.containers = self.containers
        try:
            return repr(builder.build(tree))
        except errors.RecorderError:
            return None

    def positional(self, tree: Node) -> None:
        items = [part for _, part in tree.items]
        name = type_name(tree)
        if name == "method":
            function = items[0].items if isinstance(items[0], Node) else "?"
            if self.short:
                return self.add(f"<bound method {function}>")
            self.add(f"<bound method {function} of ")
            self.part(items[1])
            return self.add(">")
        if name == "datetime.timezone":
            if items[1] is None:
                items = items[:1]
            if len(items) == 1 and isinstance(items[0], Node) and not any(items[0].items):
                return self.add("datetime.timezone.utc")
        if name == "range" and items[-1] == 1:
            items = items[:2]
        self.add(f"{name}(")
        self.sequence(items, self.part)
        return self.add(")")

    def attributes(self, tree: Node) -> None:
        items = _without_own_name(tree)
        told = list(exceptions.with_arguments(items))
        if not self.began(tree):
            self.add(self.name_of(tree) + "(")
        elif told := told[1:]:
            self.add(", ")
        methods = [one for one in told if self.short and is_method(one[1])]
        if len(methods) >= FEW_METHODS:
            told = [one for one in told if not is_method(one[1])]
        self.sequence(told, self.attribute)
        if len(methods) >= FEW_METHODS:
            self.add(f"{', ' if told else ''}… {len(methods)} bound methods")
        missing = (tree.size or 0) - len(tree.items)
        if missing > 0:
            self.add(f", … {missing} more")
        self.add(")")
        for words, origin in exceptions.origins(items):
            self.add(words)
            self.part(origin)

    def derived(self, tree: Node, parts: Derived) -> None:
        """As what it is derived from shows itself, by its own name, and then its own attributes."""
        before = len(self.out)
        self.part(parts.base)
        text = "".join(self.out[before:])
        if self.full:
            return None
        name, bracket, rest = text.partition("(")
        is_call = bracket and name.rpartition(".")[2] == (parts.base.type or ("", ""))[1]
        inside = rest.removesuffix(")") if is_call else text
        self.left += len(text)
        self.out[before:] = []
        self.add(f"{self.name_of(tree)}({inside}")
        if parts.own:
            self.add(", ")
            self.sequence(parts.own, self.attribute)
        missing = (tree.size or 0) - len(tree.items)
        return self.add(f", … {missing} more)" if missing > 0 else ")")

    def began(self, tree: Node) -> bool:
        """Whether the built-in part, which has the name of its class, has been written, but for its last bracket."""
        name, inner = tree.items[0] if tree.items else ("", None)
        if name or not isinstance(inner, Node) or inner.type != tree.type:
            return False
        if inner.tag in (TAG_TYPED, TAG_EXCEPTION):
            return False
        before = len(self.out)
        self.part(inner)
        text = "".join(self.out[before:])
        if self.full:
            return True
        reopened = text[:-1] if text.endswith(")") else f"{self.name_of(tree)}({text}"
        self.left += len(text) - len(reopened)
        self.out[before:] = [reopened]
        return True

    def name_of(self, tree: Node) -> str:
        name = shown_name(tree)
        return name if not self.short or tree.type is None else tree.type[1]

    def stdlib(self, tree: Node) -> None:
        if tree.tag == TAG_GENERATOR:
            state, name, line = tree.items
            at = f" at line {line}" if line else ""
            return self.add(f"<{type_name(tree)} {name}, {state}{at}>")
        if tree.tag == TAG_ARRAY:
            return self.array(tree)
        arguments, fold = stdlib_values.arguments_of(tree), ""
        if tree.tag == TAG_TIME and tree.items[1] is not None:  # which has it behind the zone
            arguments, fold, _ = arguments.partition(", fold=1")
        self.add(f"{type_name(tree)}({arguments}")
        if tree.tag in (TAG_TIME, TAG_DATETIME) and tree.items[1] is not None:
            self.add(", tzinfo=")
            self.part(tree.items[1])
        return self.add(f"{fold})")

    def array(self, node: Node) -> None:
        array = node.items
        items = array.items()
        if not array.shape and items and node.type and node.type[0] == "numpy":
            item = as_shown(items[0], array.dtype)
            return self.scalar_of_numpy(node.type[1], item)
        if node.type == ARRAY_OF_PYTHON:
            return self.array_of_python(node, array, items)
        self.add(f"{shown_name(node)}(shape={array.shape}, format={array.format!r}")
        if items is not None and (items or not node.cut):
            self.add(", [")
            dtype = array.dtype
            self.sequence(items, lambda item: show_tables.cell(self, as_shown(item, dtype)))
            if node.cut:
                self.add(", …")
            self.add("]")
        return self.add(")")

    def array_of_python(self, node: Node, array: stdlib_values.Array, items: Any) -> None:
        """As it shows itself: array('i', [1, 2])."""
        self.add(f"array({array.typecode!r}")
        if array.format == "w" and items and not node.cut:
            self.add(f", {''.join(items)!r}")
        elif items is None or array.length:
            self.add(", [")
            self.sequence(items or [], self.part)
            missing = array.length - len(items or [])
            self.add((f"{', ' if items else ''}… {missing} more" if missing else "") + "]")
        self.add(")")

    def scalar_of_numpy(self, name: str, item: Any) -> None:
        if name in ("bool", "bool_"):
            return self.add(f"np.{item}_")
        if isinstance(item, complex):
            return self.add(f"np.{name}({repr(item).strip('()')})")
        self.add(f"np.{name}(")
        if isinstance(item, Node) and item.tag == TAG_NAMED:
            self.sequence(item.items, self.attribute)
        elif is_long_double(item):
            self.add(f"'{shown_long_double(item)}'")
        else:
            self.part(item)
        return self.add(")")

    def scalar(self, tree: Any) -> None:
        if isinstance(tree, int) and tree.bit_length() > 8 * (self.left + 8):
            self.add(hex(tree >> (tree.bit_length() - 4 * (self.left + 8))))
        elif isinstance(tree, int) and tree.bit_length() > 2_000:
            self.add(hex(tree))  # Python refuses to write so many digits
        elif isinstance(tree, str):
            self.add(repr(without_passwords(tree)[: self.left + 1]))
        elif isinstance(tree, (bytes, bytearray)):
            self.add(repr(tree[: self.left + 1]))
        else:
            self.add(repr(tree))

    def container(self, node: Node) -> None:
        if node.tag in EMPTY and not node.size:
            return self.add(EMPTY[node.tag])
        opening, closing = BRACKETS[node.tag]
        self.add(opening)
        if node.tag == TAG_DICT:
            self.sequence(node.items, self.pair)
        else:
            self.sequence(node.items, self.part)
        missing = (node.size or 0) - len(node.items)
        if missing > 0:
            self.add(f"{', ' if node.items else ''}… {missing} more")
        elif node.tag == TAG_TUPLE and len(node.items) == 1:
            self.add(",")
        return self.add(closing)

    def exception(self, node: Node) -> None:
        if node.type == orm_values.PYDANTIC_ERROR:
            return self.add(f"<{shown_name(node)}: Rust keeps what is in it>")
        self.add(shown_name(node))
        args = node.items[0]
        if isinstance(args, Node) and args.tag == TAG_TUPLE and len(args.items) == args.size == 1:
            self.add("(")
            self.part(args.items[0])
            return self.add(")")
        if isinstance(args, Node) and args.tag == TAG_ELIDED:
            return self.add(f"(… {args.size} more)")
        return self.part(args)

    def sequence(self, items: Any, write: Callable[[Any], object]) -> None:
        for number, item in enumerate(items):
            if self.full:
                return
            if number:
                self.add(", ")
            write(item)

    def attribute(self, item: Any) -> None:
        if item[0]:
            self.add(item[0] + "=")
        self.part(item[1])

    def pair(self, item: Any) -> None:
        self.part(item[0])
        self.add(": ")
        self.part(item[1])

    def leaf(self, node: Node) -> str:
        if node.tag in (TAG_STR, TAG_BYTES, TAG_BYTEARRAY):
            text = without_passwords(node.items) if node.tag == TAG_STR else node.items
            return f"{text[: self.left + 1]!r}… ({node.size})"
        if node.tag == TAG_INT_CUT:
            return f"<{'negative ' if node.items else ''}int of {node.size} bits>"
        if node.tag == TAG_ERROR:
            return (
                "<unknown>"
                if node.size is None
                else f"<unreadable: {errors.class_for(node.size).error_name}>"
            )
        if node.tag == TAG_REDACTED:
            return "<redacted>"
        if node.tag == TAG_ELIDED:
            name = self.name_of(node) if self.short else type_name(node)
            return f"<{name} of size {node.size}>"
        if node.tag == TAG_OBJECT:
            is_dtype = type_name(node).startswith("pandas.") and type_name(node).endswith("Dtype")
            name = self.name_of(node) if self.short else type_name(node)
            if node.type is not None and node.type[0] == orm_values.PYDANTIC_ERROR[0]:
                return f"<{name}: Rust keeps what is in it>"
            return f"{type_name(node)}()" if is_dtype else f"<{name} object>"
        if node.tag == TAG_CLASS:
            return f"<class '{qualified(node.type or ('', '?'))}'>"
        return f"<{BUILTIN_NAMES[node.tag]} {node.items}>"


def is_method(tree: Any) -> bool:
    """Whether it is a method that is bound to its object."""
    return isinstance(tree, Node) and tree.type == METHOD and len(tree.items) > 1


def _without_own_name(tree: Node) -> list[tuple[Any, Any]]:
    """The parts of an instance: of its built-in part what is in it, where that has the same name."""
    if not tree.items or tree.items[0][0] or not isinstance(inner := tree.items[0][1], Node):
        return list(tree.items)
    if inner.tag == TAG_TYPED and inner.type == tree.type:
        return [(None, inner.items[0]), *tree.items[1:]]
    return list(tree.items)


def show_cell(tree: Any) -> str:
    """What stands in a cell of a table: texts as they are."""
    if isinstance(tree, str):
        return tree[:CELL]
    out = _Writer(CELL, None)
    show_tables.cell(out, tree)
    return out.text()


def show(
    tree: Any,
    limit: int = SHOWN,
    whole: bool = False,
    marks: Container[int] = (),
    *,
    root: Any = None,
    short: bool = False,
) -> str:
    """As Python would write it, in at most `limit` characters. `whole`: it is no part of a greater value, so that what
    its references are about is in it; or in `root`, the value that it is a part of. `marks`: the numbers of objects
    that are marked with them. `short`: for a line: classes without their modules, bound methods by their number."""
    out = _Writer(limit, tree if whole else root, marks, short)
    out.part(tree)
    return out.text()
