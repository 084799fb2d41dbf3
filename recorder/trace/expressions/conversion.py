"""From the tree of a recorded value to what expressions compute with, and back again."""

from __future__ import annotations

import collections
import datetime
import decimal
import zoneinfo
from collections.abc import Callable
from types import GeneratorType
from typing import Any, Final

from recorder.trace.expressions import table_columns
from recorder.trace.expressions.arrays import ArrayItems, scalar_of
from recorder.trace.expressions.domain import (
    Column,
    Cut,
    Frame,
    Hidden,
    Named,
    Thing,
    TypeName,
    View,
    plain,
)
from recorder.trace.expressions.nothing import WITH_NOTHING, Nothing, nothing_of
from recorder.trace.expressions.operations import VIEWS
from recorder.trace.expressions.outcomes import Budget, Undecided
from recorder.trace.expressions.scalars import Scalar
from recorder.trace.format import (
    TAG_ARRAY,
    TAG_BYTES,
    TAG_CLASS,
    TAG_DATE,
    TAG_DATETIME,
    TAG_DICT,
    TAG_ENUM,
    TAG_ERROR,
    TAG_FORM,
    TAG_FROZENSET,
    TAG_INSTANCE,
    TAG_LIST,
    TAG_NAMED,
    TAG_OBJECT,
    TAG_REDACTED,
    TAG_REF,
    TAG_SET,
    TAG_STR,
    TAG_TIME,
    TAG_TIMEDELTA,
    TAG_TUPLE,
    TAG_TYPED,
    Form,
)
from recorder.trace.values import moments, stdlib_values, tables
from recorder.trace.values.forms import items_of, make_form, named_parts
from recorder.trace.values.masks import MASKED_ARRAYS
from recorder.trace.values.nodes import (
    Cell,
    Node,
    ObjectBytes,
    is_numbered,
    nodes,
    parts,
    with_parts,
    without_wrapping,
)
from recorder.trace.values.tables import (
    column_of,
    is_extension,
    is_spread,
    length_of,
    range_of,
)

KINDS: Final[dict[int, type]] = {
    TAG_STR: str, TAG_BYTES: bytes, TAG_LIST: list, TAG_TUPLE: tuple, TAG_SET: set,
    TAG_FROZENSET: frozenset, TAG_DICT: dict,
}  # fmt: skip
TAGS: Final = {kind: tag for tag, kind in KINDS.items()}
# Containers that compare and are true as others of Python's own.
PYTHONS: Final = (Form.DEQUE, Form.DEFAULTDICT, Form.MAPPINGPROXY)
STDLIB: Final = (TAG_DATE, TAG_TIME, TAG_DATETIME, TAG_TIMEDELTA)


def _nothing() -> None:
    """Of a value by itself."""


class Values:
    """The parts of one recorded value, each made once: what is one object in the program is one here."""

    __slots__ = ("_built_in", "_made", "_nodes", "_numbered", "_open", "classes", "path", "root")

    def __init__(self, root: Any, path: str) -> None:
        self.root = root
        self.path = path
        # What finds attributes of classes (expression.Names), where it is known at which moment. Weak: it has this one.
        self.classes: Callable[[], Any] = _nothing
        self._made: dict[int, Any] = {}  # by the id of a node, which the root keeps
        self._built_in: dict[int, Any] = {}  # likewise: the part that is Python's own
        self._nodes: dict[int, Node | ObjectBytes] = {}  # by the id of what was made of it
        self._open: set[int] = set()  # nodes that are being made
        self._numbered: list[Node] | None = None

    def value(self) -> Any:
        return self.of(self.root, self.path)

    def of(self, tree: Any, path: str) -> Any:
        if not isinstance(tree, (Node, ObjectBytes)):
            return tree
        if isinstance(tree, Node) and tree.tag == TAG_REF:
            tree = self.referred(tree)
            if tree is None:
                return Hidden(f"{path} is a reference to nothing that is recorded")
        key = id(tree)
        if key in self._made:
            return self._made[key]
        if key in self._open:
            return Hidden(f"{path} contains itself", tree)
        self._open.add(key)
        try:
            made = self._make(tree, path) if isinstance(tree, Node) else bytearray(tree)
        finally:
            self._open.discard(key)
        self._made[key] = made
        self._nodes[id(made)] = tree
        return made

    def tree_of(self, value: Any, budget: Budget) -> Any:
        """The tree of this value's part, or of what was computed from it, as one that stands for itself."""
        return _Trees(budget, self).of(value)

    def node_of(self, value: Any) -> Node | ObjectBytes | None:
        """What a part was made of."""
        return self._nodes.get(id(value))

    def inner_of(self, thing: Thing) -> Any:
        node = thing.node
        if node.tag == TAG_ENUM:
            return self.of(node.items[0][1], f"{thing.path}.value")
        if id(node) not in self._built_in:
            self._built_in[id(node)] = self._built_in_of(node, thing.path)
        return self._built_in[id(node)]

    def _built_in_of(self, node: Node, path: str) -> Any:
        inner = without_wrapping(node)
        if inner is node:
            return self._inner(node, path)
        if node.type in MASKED_ARRAYS and isinstance(inner, Node) and inner.tag == TAG_ARRAY:
            return ArrayItems(inner, self, path, masked=node)
        if node.type in MASKED_ARRAYS:
            return NotImplemented
        made = plain(self.of(inner, path))
        return (
            NotImplemented if isinstance(made, Nothing) else made
        )  # a class derived from it may have what it has not

    def is_member(self, node: Node) -> bool:
        return node.tag == TAG_ENUM

    def referred(self, tree: Node) -> Node | None:
        """The container of this value that a reference is about: by the order in which they begin."""
        if self._numbered is None:
            self._numbered = []
            waiting = [self.root]
            while waiting:
                each = waiting.pop()
                if isinstance(each, Node):
                    if is_numbered(each):
                        self._numbered.append(each)
                    waiting += list(parts(each))[::-1]
        number = tree.size or 0
        return self._numbered[number] if number < len(self._numbered) else None

    # ---- inside ----

    def _make(self, node: Node, path: str) -> Any:
        if node.tag == TAG_REDACTED:
            return Hidden(f"{path} is redacted", node)
        if node.tag == TAG_ERROR:
            return Hidden(f"{path} could not be recorded", node)
        if TAG_LIST <= node.tag <= TAG_DICT:
            return self._container(node, path)
        if TAG_STR <= node.tag < TAG_LIST:
            return Cut(node, type(node.items), node.items, path, self)
        if node.tag == TAG_CLASS:
            return TypeName(*(node.type or ("", "?")), node.type, self)
        if node.tag == TAG_NAMED and not node.cut:
            return self._named(node, path)
        if (node.tag in STDLIB and (node.type or ("",))[0] == "datetime") or (
            (node.type or ("", "")) in stdlib_values.MAKERS
        ):
            return self._of_stdlib(node, path)
        if node.tag == TAG_FORM:
            return self._form(node, path)
        return Thing(node, self, path)

    def _form(self, node: Node, path: str) -> Any:
        items = items_of(node)
        if isinstance(items, Node) and node.size in (Form.DATA_FRAME, Form.ARROW_TABLE):
            return self._frame(node, items, path)
        if node.type == ("decimal", "Decimal"):
            return self._decimal(node, path)
        return Thing(node, self, path)

    def _inner(self, node: Node, path: str) -> Any:
        """What is asked of a deque, a defaultdict, a column, and of what derives from a type of the standard library;
        NotImplemented of all else. Of a large array it is the beginning."""
        if node.tag == TAG_ARRAY:
            return scalar_of(node, path) if not node.items.shape else ArrayItems(node, self, path)
        if is_spread(node):
            return self._column(node, (), path)
        if node.tag == TAG_FORM and node.size in (Form.TIMESTAMP, Form.TIMEDELTA64):
            made = moments.as_of_python(node)
            return NotImplemented if made is None else self._of_stdlib(made, path)
        if node.tag in STDLIB or (node.tag == TAG_FORM and node.size == Form.DECIMAL):
            make = self._of_stdlib if node.tag in STDLIB else self._decimal
            made = make(node, path)
            return NotImplemented if isinstance(made, Thing) else made
        if node.tag != TAG_FORM:
            return NotImplemented
        if node.size in WITH_NOTHING:
            return nothing_of(node, path)
        if node.size in VIEWS:
            return self._view(node, path)
        numbers = (
            range_of(node.items[1]) if node.size == Form.INDEX and len(node.items) > 1 else None
        )
        if numbers is not None:
            return table_columns.TableColumn(numbers, path)
        items = items_of(node)
        if not isinstance(items, Node):
            return NotImplemented
        if node.size in tables.TABLES and column_of(node) is not None:
            return self._column(node, self._labels(node, path), path)
        made = self.of(items, path)
        if node.size == Form.DEQUE and isinstance(made, list):
            limit = node.items[1] if len(node.items) > 1 else None
            return collections.deque(made, limit if isinstance(limit, int) else None)
        if node.size in PYTHONS:
            return made
        return (table_columns.Objects if node.size in tables.ARRAYS else Column)(made, path)

    def _column(self, node: Any, labels: Any, path: str) -> Any:
        """Of values of which some are recorded; what only their library knows how to read is not asked."""
        node = tables.with_referred(node, self.referred)
        column = column_of(node)
        if node is None:
            return Hidden(f"{path} could not be recorded")
        if column is None or is_extension(node):
            return self.of(node, path)
        return table_columns.made_of(column, labels, path, self.of)

    def _view(self, node: Node, path: str) -> Any:
        """Of the keys, the values or the items of a dict; of one that was cut, those that were recorded."""
        mapping = plain(self.of(node.items[0], path)) if node.items else None
        which = VIEWS.index(node.size)
        if isinstance(mapping, dict):
            return (dict.keys, dict.values, dict.items)[which](mapping)
        if not isinstance(mapping, Cut) or mapping.kind is not dict:
            return NotImplemented
        parts = mapping.items if which == 2 else [pair[which] for pair in mapping.items]
        return View(Cut(mapping.node, list, parts, path), path)

    def _labels(self, node: Node, path: str) -> Any:
        """By what its items are asked for: of pandas' columns the values of the index; else by their place."""
        if node.size not in (Form.SERIES, Form.DATA_FRAME):
            return ()
        index = self.of(named_parts(node)["index"], f"{path}.index")
        if not isinstance(index, Thing):
            return None
        numbers = self.of(named_parts(index.node).get("values"), index.path)
        found = numbers if isinstance(numbers, range) else plain(index)
        found = found.items if isinstance(found, Column) else found
        return found if isinstance(found, (list, range)) else None

    def _decimal(self, node: Node, path: str) -> Any:
        try:
            return make_form(node, lambda part: part)
        except (TypeError, ValueError, ArithmeticError):
            return Thing(node, self, path)

    def _frame(self, node: Node, columns: Node, path: str) -> Frame:
        inside, labels = f"{path}[…]", self._labels(node, path)
        parts = without_wrapping(node.items[2 if node.size == Form.ARROW_TABLE else 3]).items
        pairs = [
            (self.of(name, f"a name of {path}"), self._column(part, labels, inside))
            for (name, _), part in zip(columns.items, parts, strict=True)
        ]
        return Frame(node, pairs, columns.size or 0, length_of(node) or 0, path)

    @staticmethod
    def _zone(zone: Any) -> Any:
        """One that Python's own tables tell of; of another kind, only its class could say what the clock shows."""
        if (
            isinstance(zone, Thing)
            and zone.node.tag == TAG_FORM
            and zone.node.size == Form.ZONE_INFO
        ):
            return make_form(zone.node, lambda part: part)
        return zone

    def _container(self, node: Node, path: str) -> Any:
        inside = f"{path}[…]"
        made: Any
        if node.tag == TAG_LIST and not node.cut:
            self._made[id(node)] = made = []
            made.extend(self.of(part, inside) for part in node.items)
            return made
        if node.tag == TAG_DICT:
            return self._dict(node, path, inside)
        items = [self.of(part, inside) for part in node.items]
        if node.cut:
            return Cut(node, KINDS[node.tag], items, path, self)
        if node.tag == TAG_TUPLE:
            return tuple(items)
        try:
            made = KINDS[node.tag](items)
        except (Undecided, TypeError):
            made = ()
        return made if len(made) == node.size else Cut(node, KINDS[node.tag], items, path, self)

    def _dict(self, node: Node, path: str, inside: str) -> Any:
        """A cut one, or one whose keys only code of the program's can compare, stays a list of pairs."""
        made: dict[Any, Any] = {}
        try:
            keys = [self.of(key, f"a key of {path}") for key, _ in node.items]
            if not node.cut:
                self._made[id(node)] = made
                made.update(dict.fromkeys(keys))
        except (Undecided, TypeError):
            made = {}
        if node.cut or len(made) != len(node.items):
            self._made.pop(id(node), None)
            pairs = [
                (key, self.of(part, inside))
                for key, (_, part) in zip(keys, node.items, strict=True)
            ]
            return Cut(node, dict, pairs, path, self)
        for key, (_, part) in zip(keys, node.items, strict=True):
            made[key] = self.of(part, inside)
        return made

    def _named(self, node: Node, path: str) -> Named:
        fields = {name: self.of(part, f"{path}.{name}") for name, part in node.items}
        made = Named(fields.values())
        made.fields, made.node, made.converter = fields, node, self
        made.kind = TypeName(*(node.type or ("", "?")))
        return made

    def _of_stdlib(self, node: Node, path: str) -> Any:
        try:
            if node.tag == TAG_DATE:
                return stdlib_values.make_date(node.items)
            if node.tag == TAG_TIMEDELTA:
                return stdlib_values.make_timedelta(node.items)
            if node.tag in (TAG_TIME, TAG_DATETIME):
                facts, zone = node.items
                make = (
                    stdlib_values.make_time if node.tag == TAG_TIME else stdlib_values.make_datetime
                )
                return make(facts, self._zone(self.of(zone, f"{path}.tzinfo")))
            maker = stdlib_values.MAKERS[node.type or ("", "")]
            return maker(*[self.of(part, path) for _, part in node.items])
        except (TypeError, ValueError, OverflowError):
            return Thing(node, self, path)


# ---- back ---------------------------------------------------------------------------------------


def tree_of(value: Any, budget: Budget) -> Any:
    """The tree of what an expression came to, by which it is shown, compared and written as JSON."""
    return _Trees(budget).of(value)


class _Trees:
    """Containers are numbered in the order in which they begin: that is how one refers to another around it."""

    def __init__(self, budget: Budget, converter: Values | None = None) -> None:
        self.budget = budget
        self.converter = converter
        self.count = 0
        self.open: dict[int, int] = {}  # containers that are being made: their numbers
        self.copied: dict[int, int] = {}  # nodes of the home that stand in the tree: their numbers

    def of(self, value: Any) -> Any:
        self.budget.charge(1)
        if self.converter is not None and (node := self.converter.node_of(value)) is not None:
            return node.number if isinstance(node, Cell) else self.copy(node, self.converter)
        if value is None or isinstance(value, (int, float, complex, str, bytes, bytearray)):
            return value
        if value is Ellipsis or value is NotImplemented:
            return value
        if isinstance(value, Thing) and isinstance(value.node, Cell):
            return value.node.number
        if isinstance(value, (Thing, Cut, Named)):
            return self.part(value)
        if isinstance(value, Column):
            return self.of(value.items)
        if isinstance(value, Scalar):
            return value.node
        if isinstance(value, ArrayItems):
            return value.node
        if isinstance(value, Hidden):
            return Node(TAG_ERROR) if value.node is None else value.node
        if isinstance(value, TypeName):
            return Node(TAG_CLASS, value.of or value.key)
        if type(value) in TAGS:
            return self.container(value)
        return self.other(value)

    def part(self, value: Thing | Cut | Named) -> Any:
        """As it was recorded; what it refers to outside of itself comes with it."""
        held = list(nodes(value.node))
        if value.converter is not None and any(node.tag == TAG_REF for node in held):
            return self.copy(value.node, value.converter)
        self.count += sum(map(is_numbered, held))
        return value.node

    def copy(self, node: Any, converter: Values) -> Any:
        """A part of a recorded value, whose references are about what stands in this tree."""
        if not isinstance(node, Node):
            return node
        if node.tag == TAG_REF:
            referred = converter.referred(node)
            if referred is None:
                return Node(TAG_ERROR)
            node = referred
        if is_numbered(node):
            if id(node) in self.copied:
                return Node(TAG_REF, None, self.copied[id(node)])
            self.copied[id(node)] = self.count
            self.count += 1
        self.budget.charge(1)
        return with_parts(node, lambda part: self.copy(part, converter))

    def container(self, value: Any) -> Node:
        key = id(value)
        if key in self.open:
            return Node(TAG_REF, None, self.open[key])
        self.open[key] = self.count
        self.count += 1
        items: list[Any]
        if isinstance(value, dict):
            items = [(self.of(name), self.of(part)) for name, part in value.items()]
        else:
            items = [self.of(part) for part in value]
        del self.open[key]
        return Node(TAGS[type(value)], None, len(items), items)

    def other(self, value: Any) -> Node:
        kind = type(value)
        of = (kind.__module__, kind.__qualname__)
        if isinstance(value, datetime.datetime):
            facts = (*_date(value), *_time(value))
            return Node(TAG_DATETIME, of, None, (facts, self.of(value.tzinfo)))
        if isinstance(value, datetime.date):
            return Node(TAG_DATE, of, None, _date(value))
        if isinstance(value, datetime.time):
            return Node(TAG_TIME, of, None, (_time(value), self.of(value.tzinfo)))
        if isinstance(value, datetime.timedelta):
            return Node(TAG_TIMEDELTA, of, None, (value.days, value.seconds, value.microseconds))
        if isinstance(value, decimal.Decimal):
            self.count += 1
            return Node(TAG_FORM, of, Form.DECIMAL, [str(value)])
        if isinstance(value, zoneinfo.ZoneInfo) and value.key is not None:
            self.count += 1
            return Node(TAG_FORM, ("zoneinfo", "ZoneInfo"), Form.ZONE_INFO, [value.key])
        if isinstance(value, (range, slice)):
            bounds = [(name, getattr(value, name)) for name in ("start", "stop", "step")]
            return Node(TAG_INSTANCE, of, 3, bounds)
        if kind.__name__ in ("dict_keys", "dict_values", "dict_items"):
            return Node(TAG_TYPED, of, None, [self.container(list(value))])
        return Node(
            TAG_OBJECT, ("builtins", "generator") if isinstance(value, GeneratorType) else of
        )


def _date(value: datetime.date) -> tuple[int, ...]:
    return value.year, value.month, value.day


def _time(value: Any) -> tuple[int, ...]:
    return value.hour, value.minute, value.second, value.microsecond, value.fold
