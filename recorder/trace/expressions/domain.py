"""What expressions compute with. What was recorded whole is Python's own: None, numbers, texts, dates, and containers
of these. What was not, or is an object of the program's, stands in them as one of the classes here: whoever asks it for
more than is known of it, be it Python's own `==` of two lists, gets Undecided.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final

from recorder.trace.expressions.outcomes import Undecided
from recorder.trace.format import TAG_ELIDED, TAG_FUNCTION, TAG_MODULE, Form

ASKED: Final = """
    eq ne lt le gt ge hash bool len iter contains getitem index int float complex str repr format abs neg pos invert
    round reversed call
"""
ARITHMETIC: Final = "add sub mul truediv floordiv mod divmod pow lshift rshift and or xor matmul"


MAY_BE_MORE: Final = "a larger --value-budget or --value-limit may record more"
RECORDS_MORE: Final = "a larger --value-limit records more"
LIMITED: Final = 60  # elements of a value that is met where the policy's value_budget is used up; else its value_limit
_THINGS: Final[dict[type, str]] = {str: "characters", bytes: "bytes", dict: "entries"}


SIZED: Final = {("builtins", one) for one in ("list", "tuple", "dict", "set", "frozenset")}


class Opaque:
    """Something of which not all is known."""

    __slots__ = ()

    @property
    def reason(self) -> str:
        """Why it cannot be told."""
        return "it is not known"


def _undecided(self: Opaque, *_: object) -> Any:
    raise Undecided(self.reason)


for _name in f"{ASKED} {ARITHMETIC} r{ARITHMETIC.replace(' ', ' r')}".split():
    setattr(Opaque, f"__{_name}__", _undecided)


class Hidden(Opaque):
    """A value that was redacted, not looked at, or could not be recorded: it may be anything."""

    __slots__ = ("node", "why")

    def __init__(self, why: str, node: Any = None) -> None:
        self.why = why
        self.node = node

    @property
    def reason(self) -> str:
        return self.why


NO_NAME: Final = "?"  # of a type that is not known
NO_KIND: Final = "which kind of function it is is not recorded"


class TypeName:
    """A class, by its name. `of` is the type as a value names it, by whose converter its attributes are found."""

    __slots__ = ("converter", "module", "name", "of")

    def __init__(self, module: str, name: str, of: Any = None, converter: Any = None) -> None:
        self.module = module
        self.name = name
        self.of = of
        self.converter = converter  # conversion.Values

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Opaque):
            return NotImplemented
        return isinstance(other, TypeName) and self.key == other.key

    def __hash__(self) -> int:
        return hash(self.key)

    @property
    def key(self) -> tuple[str, str]:
        return self.module, self.name

    def __repr__(self) -> str:
        if self.module != "builtins":
            raise Undecided(f"how {self.name} is written is not recorded")
        return f"<class '{self.name}'>"

    def __getitem__(self, _: object) -> Any:
        raise Undecided(f"{self.name}[…] is not looked at")

    __or__ = __ror__ = __lt__ = __gt__ = __call__ = __getitem__


class Named(tuple[Any, ...]):
    """A named tuple."""

    fields: dict[str, Any]
    node: Any
    kind: TypeName
    converter: Any = None  # as a Thing has it

    def __repr__(self) -> str:
        short = self.kind.name.rpartition(".")[2]
        return f"{short}({', '.join(f'{name}={part!r}' for name, part in self.fields.items())})"


def _unhashable_in(wanted: object, with_sets: bool) -> object:
    """What of it has no hash, or None."""
    if isinstance(wanted, (list, dict, bytearray)) or (with_sets and isinstance(wanted, set)):
        return wanted
    parts = wanted if isinstance(wanted, tuple) else ()
    return next((one for part in parts if (one := _unhashable_in(part, True)) is not None), None)


class Cut(Opaque):
    """A text or container of which not everything is there, or whose keys cannot be looked up as Python does."""

    __slots__ = ("converter", "items", "kind", "last", "node", "path", "size")

    def __init__(self, node: Any, kind: type, items: Any, path: str, converter: Any = None) -> None:
        self.node = node
        self.converter = converter  # as a Thing has it
        self.kind = kind
        self.items = items  # of a dict pairs
        self.last: list[Any] = []  # of a column, those at its end, which are recorded, too
        self.size = node.size or 0
        self.path = path

    @property
    def reason(self) -> str:
        held, what = len(self.items) + len(self.last), _THINGS.get(self.kind, "items")
        is_text = self.kind in (str, bytes, bytearray)
        more = RECORDS_MORE if is_text or held > LIMITED else MAY_BE_MORE
        return f"{self.path} is cut: {held:,} of its {self.size:,} {what} are recorded; {more}"

    @property
    def is_whole(self) -> bool:
        return len(self.items) == self.size

    def __len__(self) -> int:
        return int(self.size)

    def __bool__(self) -> bool:
        return self.size > 0

    def __iter__(self) -> Iterator[Any]:
        for item in self.items:
            yield item[0] if self.kind is dict else item
        if not self.is_whole:
            raise Undecided(self.reason)

    def __contains__(self, wanted: object) -> bool:
        if self.kind in (str, bytes, bytearray):
            found = type(wanted) is self.kind and wanted in self.items
            if not found:
                raise Undecided(self.reason)
            return True
        self._refuse_unhashable(wanted)
        doubt: Undecided | None = None
        for item in (*self.items, *self.last):
            key = item[0] if self.kind is dict else item
            try:
                if key is wanted or key == wanted:
                    return True
            except Undecided as exc:
                doubt = exc
        if doubt is not None or not self.is_whole:
            raise doubt or Undecided(self.reason)
        return False

    def __getitem__(self, key: Any) -> Any:
        if self.kind is dict:
            return self.value_of(key)
        if self.kind in (set, frozenset):
            # audit: the user's own expression, and caught with it
            raise TypeError(f"'{self.kind.__name__}' object is not subscriptable")
        held = len(self.items)
        if isinstance(key, slice):
            start, stop, step = key.start or 0, key.stop, key.step or 1
            bounds = (start, stop, step)
            if all(type(one) is int for one in bounds) and 0 <= start <= stop <= held and step > 0:
                found = self.items[key]
                return tuple(found) if self.kind is tuple else found
        elif type(key) is int:
            at = key + self.size if key < 0 else key
            if not 0 <= at < self.size:
                raise IndexError(f"{self.kind.__name__} index out of range")
            if at < held:
                return self.items[at]
            if at >= self.size - len(self.last):
                return self.last[at - self.size]
        raise Undecided(self.reason)

    def _refuse_unhashable(self, wanted: object) -> None:
        """As Python does, whatever is in a set or dict. A set can be looked for in a set."""
        if self.kind in (set, frozenset, dict):
            hash(_unhashable_in(wanted, self.kind is dict))

    def value_of(self, wanted: Any) -> Any:
        """Of a dict's key."""
        self._refuse_unhashable(wanted)
        doubt: Undecided | None = None
        for key, part in self.items:
            try:
                if key is wanted or key == wanted:
                    return part
            except Undecided as exc:
                doubt = exc
        if doubt is not None or not self.is_whole:
            raise doubt or Undecided(self.reason)
        raise KeyError(wanted)  # audit: the user's own expression, and caught with it

    def __eq__(self, other: object) -> bool:
        """Different it may be for certain; equal only to itself."""
        if other is self:
            return True
        if isinstance(other, Opaque):
            if isinstance(other, Cut) and _cannot_equal(self, other.kind, other.size, other.items):
                return False
        elif _cannot_equal(self, type(other), other, other):
            return False
        raise Undecided(self.reason)

    def __ne__(self, other: object) -> bool:
        return not self == other

    __hash__ = Opaque.__hash__

    def startswith(self, text: Any) -> bool:
        is_text = type(text) is self.kind
        if is_text:
            if len(text) <= len(self.items):
                return bool(self.items.startswith(text))
            if not text.startswith(self.items) or len(text) > self.size:
                return False
        raise Undecided(self.reason)


class Frame(Cut):
    """A table with columns that have names: a dict of these, but as long as it has rows. Whether it is true only its
    library could say."""

    __slots__ = ("rows",)

    def __init__(self, node: Any, items: Any, columns: int, rows: int, path: str) -> None:
        super().__init__(node, dict, items, path)
        self.size = columns
        self.rows = rows

    @property
    def reason(self) -> str:
        return f"only its library could tell it of {self.path}"

    def __len__(self) -> int:
        return self.rows

    @property
    def is_of_arrow(self) -> bool:
        return bool(self.node.size == Form.ARROW_TABLE)

    def __iter__(self) -> Iterator[Any]:
        """The names of pandas' columns; pyarrow's columns themselves."""
        if not self.is_of_arrow:
            yield from super().__iter__()
            return
        yield from (column for _, column in self.items)
        if not self.is_whole:
            raise Undecided(self.reason)

    def __contains__(self, wanted: object) -> bool:
        if self.is_of_arrow:
            raise Undecided(self.reason)
        return super().__contains__(wanted)

    def __getitem__(self, key: Any) -> Any:
        if isinstance(key, (slice, list, Column)):  # rows, or several columns
            raise Undecided(self.reason)
        if self.is_of_arrow and type(key) is int:
            at = key + self.size if key < 0 else key
            if not 0 <= at < len(self.items):
                raise Undecided(self.reason)
            return self.items[at][1]
        return super().__getitem__(key)

    def __bool__(self) -> bool:
        raise Undecided(self.reason)

    def __eq__(self, other: object) -> bool:
        raise Undecided(self.reason)

    __hash__ = Opaque.__hash__


class Column(Opaque):
    """The values of a column, or of something like it, which its library compares one by one. They are asked for by
    their places, as paths into values name them, or by `labels` that are no place of them; None where these are not
    recorded."""

    __slots__ = ("items", "labels", "of_one", "path")

    def __init__(
        self, items: Any, path: str, labels: Any = (), of_one: Callable[[Any], Any] | None = None
    ) -> None:
        self.items = items  # a list, or a Cut
        self.path = path
        self.labels = labels
        self.of_one = of_one  # what its library makes of one that is asked for

    @property
    def reason(self) -> str:
        return f"only its library could tell it of {self.path}"

    def __len__(self) -> int:
        return len(self.items)

    def __iter__(self) -> Iterator[Any]:
        return iter(self.items)

    def __getitem__(self, key: Any) -> Any:
        if isinstance(key, slice):
            return self.items[key]
        found = self._item(key)
        return found if self.of_one is None else self.of_one(found)

    def _item(self, key: Any) -> Any:
        if (type(key) is int and 0 <= key < len(self)) or self.labels == ():
            return self.items[key]
        if self.labels is None:
            raise Undecided(self.reason)
        found = [at for at, label in enumerate(self.labels) if label == key]
        if not found:
            raise KeyError(key)  # audit: the user's own expression, and caught with it
        if len(found) > 1:
            raise Undecided(self.reason)
        return self.items[found[0]]

    def __contains__(self, wanted: object) -> bool:
        if self.labels is None or self._may_be_part(wanted):
            raise Undecided(self.reason)
        return wanted in (self.items if self.labels == () else self.labels)

    def _may_be_part(self, wanted: object) -> bool:
        """Of labels of several levels, the first ones are among them as well."""
        held = self.items.items if isinstance(self.items, Cut) else self.items
        label = next((one for one in held if type(one) is tuple), ())
        return len(label) > (len(wanted) if type(wanted) is tuple else 1)

    def __reversed__(self) -> Iterator[Any]:
        if isinstance(self.items, dict):  # of a context
            raise TypeError("it is not reversible")  # audit: the user's own expression
        yield from [*self][::-1]


class View(Column):
    """The keys, the values or the items of a dict that was cut."""

    __slots__ = ()

    def __bool__(self) -> bool:
        return len(self) > 0

    def __getitem__(self, key: Any) -> Any:
        raise TypeError("a view of a dict is not subscriptable")  # audit: the user's own expression

    def _may_be_part(self, wanted: object) -> bool:
        return False


ALIKE: Final[dict[type, type]] = {bytearray: bytes, frozenset: set, Named: tuple}


def _compared_as(kind: type) -> type | None:
    """The type whose `==` is used; None for a class of somebody's, whose own may say anything."""
    if type.__getattribute__(kind, "__module__") in ("builtins", "datetime") or kind is Named:
        return ALIKE.get(kind, kind)
    return next(
        (
            ALIKE.get(base, base)
            for base in (str, bytes, bytearray, list, tuple, set, frozenset, dict)
            if issubclass(kind, base) and type.__getattribute__(kind, "__eq__") is base.__eq__
        ),
        None,
    )


def _cannot_equal(cut: Cut, kind: Any, size: Any, items: Any) -> bool:
    """Whether no value of this kind, size and with these items can be equal to one that was cut."""
    kind = _compared_as(kind)
    if kind is None:
        return False
    if _compared_as(cut.kind) is not kind or (size if type(size) is int else len(size)) != cut.size:
        return True
    if kind not in (str, bytes, list, tuple):
        return False
    for mine, others in zip(cut.items, items, strict=False):
        try:
            if mine is not others and mine != others:
                return True
        except Undecided:
            pass
    return False


class Thing(Opaque):
    """An object of a type that Python alone does not know how to ask: of its attributes those are there that were
    recorded, and its built-in part if it has one. Nothing of its class's code is run."""

    __slots__ = ("converter", "node", "path")

    def __init__(self, node: Any, converter: Any, path: str) -> None:
        self.node = node
        self.converter = converter  # conversion.Values
        self.path = path

    @property
    def type(self) -> TypeName:
        module, name = self.node.type or _kind_of(self.node)
        return TypeName(module, name, self.node.type, self.converter)

    @property
    def reason(self) -> str:
        if self.node.tag == TAG_ELIDED:
            size = "" if self.node.size is None else f" of size {self.node.size:,}"
            what = f"{self.path}, a {self.type.name}{size}, was left out"
            return f"{what} of a value that is large or deep; {MAY_BE_MORE}"
        name = self.type.name
        whose = "the program" if name == NO_NAME else name
        return f"only code of {whose} could tell it of {self.path}"

    def __len__(self) -> int:
        """Of a container of Python's own that was left out, the size is known."""
        if self._is_sized:
            return int(self.node.size)
        raise Undecided(self.reason)

    def __bool__(self) -> bool:
        if self._is_sized:
            return bool(self.node.size)
        raise Undecided(self.reason)

    @property
    def _is_sized(self) -> bool:
        key = self.node.type or ("", "")
        return self.node.tag == TAG_ELIDED and key in SIZED and self.node.size is not None

    @property
    def inner(self) -> Any:
        """The built-in part of an instance of a subclass; NotImplemented if there is none."""
        return self.converter.inner_of(self)

    def defines(self, name: str) -> bool:
        """Whether its class, or one that it derives from, is seen to have a method of that name."""
        classes = None if self.node.type is None else self.converter.classes()
        try:
            found = NotImplemented
            if classes is not None:
                found = classes.of_class(self.node.type, name, f"{self.path}.{name}", False)
        except Undecided:  # where what it derives from was not recorded
            return False
        return found is not NotImplemented

    @property
    def is_class_recorded(self) -> bool:
        """Whether it is known what its own class has."""
        classes = self.converter.classes()
        return classes is not None and classes.is_recorded(self.node.type)

    def _inner_for(self, method: str) -> Any:
        """`inner`, unless its class has that method of its own."""
        return NotImplemented if self.defines(method) else self.inner

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Thing) and self.is_member and self.type.key == other.type.key:
            if not (self.member and other.member):  # combined flags
                return bool(self.inner == other.inner)
            return self.member == other.member
        mine = self._inner_for("__eq__")
        if mine is NotImplemented or (self.is_member and (mine == plain(other)) is True):
            raise Undecided(self.reason)
        return bool(mine == plain(other))

    def __ne__(self, other: object) -> bool:
        return not self == other

    def __hash__(self) -> int:
        mine = self._inner_for("__hash__")
        return hash(mine) if mine is not NotImplemented else _undecided(self)

    def __lt__(self, other: Any) -> Any:
        mine = self._inner_for("__lt__")
        if mine is NotImplemented or self.is_member:
            raise Undecided(self.reason)
        return mine < plain(other)

    def __gt__(self, other: Any) -> Any:
        mine = self._inner_for("__gt__")
        if mine is NotImplemented or self.is_member:
            raise Undecided(self.reason)
        return mine > plain(other)

    @property
    def is_member(self) -> bool:
        """Whether it is a member of an enum."""
        return bool(self.converter.is_member(self.node))

    @property
    def member(self) -> str:
        return str(self.node.items[0][0])


def plain(value: Any) -> Any:
    """The built-in part of an instance of a subclass of a built-in type; everything else as it is."""
    if type(value) is Thing and not value.is_member:
        inner = value.inner
        return value if inner is NotImplemented else inner
    return value


def asked(value: Any, *methods: str) -> Any:
    """As `plain`, of what these methods would tell. Raises Undecided where a class of the program's has one of them."""
    inner = plain(value)
    if inner is not value and any(value.defines(name) for name in methods):
        raise Undecided(value.reason)
    return inner


def _kind_of(node: Any) -> tuple[str, str]:
    """The type of what is recorded by its name alone. One that is called without its module may be a function of
    Python's own, a method of a type, or one that was made without any: they have types of their own."""
    if node.tag == TAG_MODULE:
        return "builtins", "module"
    is_plain = node.tag == TAG_FUNCTION and "." in node.items
    return ("builtins", "function") if is_plain else ("", NO_NAME)


def type_of(value: Any) -> TypeName:
    if isinstance(value, Hidden):
        raise Undecided(value.reason)
    if isinstance(value, Thing):
        return value.type
    if isinstance(value, Frame):
        return TypeName(*(value.node.type or ("", "?")))
    if isinstance(value, Cut):
        return TypeName("builtins", value.kind.__name__)
    if isinstance(value, Named):
        return value.kind
    if isinstance(value, TypeName):
        return TypeName("builtins", "type")
    if isinstance(value, Opaque):
        raise Undecided(value.reason)
    kind = type(value)
    return TypeName(kind.__module__, kind.__qualname__)


def known_type(value: Any) -> TypeName:
    """As `type_of`. Raises Undecided where that is not recorded: a class may be one of any."""
    if isinstance(value, TypeName) and value.module != "builtins":
        raise Undecided(f"of which class {value.name} is one is not recorded")
    kind = type_of(value)
    if kind.name == NO_NAME:
        raise Undecided(NO_KIND)
    return kind
