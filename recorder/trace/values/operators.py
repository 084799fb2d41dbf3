"""Python's own operators on a recorded value: `==`, `<`, `len`, `in`, `v["k"]`, `v.name`, `int()` and so on.

They mean what they mean in an expression (recorder/trace/expressions): what was recorded whole is asked as Python would
ask it, and what was not is unknown. Here unknown is an exception, VALUE_NOT_RECORDED; what Python itself would raise (a
KeyError, a TypeError) comes as it is.
"""

from __future__ import annotations

import ast
import operator
import warnings
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, Final, Self, TypeVar, cast, overload

from recorder import errors
from recorder.errors import arguments
from recorder.trace.expressions import functions, operations
from recorder.trace.expressions.domain import Cut, Frame, Opaque, Thing, TypeName, plain
from recorder.trace.expressions.outcomes import Budget, TooMuch, Undecided
from recorder.trace.expressions.scalars import Scalar
from recorder.trace.format import TAG_ENUM, TAG_FORM, TAG_INSTANCE, TAG_NAMED
from recorder.trace.values import own_operators
from recorder.trace.values.comparands import Given, Recorded
from recorder.trace.values.nodes import Node

if TYPE_CHECKING:
    from typing import Self


T = TypeVar("T")

PATH: Final = "the path of a part, such as items[0].price"
ORDERS: Final[dict[type[ast.cmpop], Callable[[Any, Any], Any]]] = {
    ast.Lt: operator.lt, ast.LtE: operator.le, ast.Gt: operator.gt, ast.GtE: operator.ge,
}  # fmt: skip
BUILT_IN: Final = (
    list,
    tuple,
    dict,
    set,
    frozenset,
    str,
    bytes,
    int,
    float,
    bool,
    complex,
    type(None),
)
MOST_WORK: Final = (
    10_000_000  # steps of one operator; the largest value that is recorded has 100,000 parts
)
KNOWN_ATTRIBUTES: Final = (
    TAG_INSTANCE,
    TAG_NAMED,
    TAG_ENUM,
)  # of which all are written down, if they are not cut


def decided(ask: Callable[[Budget], T]) -> T:
    """What a question comes to. Raises VALUE_NOT_RECORDED where that is unknown."""
    try:
        return ask(Budget(MOST_WORK))
    except Undecided as exc:
        reason = exc.reason
    except TooMuch:
        reason = "it is too much work"
    raise errors.ValueNotRecordedError(reason=reason)


@errors.guarded_class("read")
class Operators(Recorded):
    """What Value inherits."""

    __slots__ = ()
    __array_ufunc__ = None  # numpy's numbers leave it to us how they compare with one

    def _part(self, made: Any) -> Self:
        raise NotImplementedError  # audit: Value has it

    # ---- comparisons ----

    def _compare(self, kind: type[ast.cmpop], other: object) -> bool:
        """As expressions do; where these cannot tell, as the objects themselves."""
        made, _ = self._asked
        found: bool | None = None
        unknown: errors.ValueNotRecordedError | None = None
        try:
            found = decided(
                lambda budget: operations.compare(kind, made, Given(budget).of(other), budget)
            )
        except errors.ValueNotRecordedError as exc:
            unknown = exc
        except ValueError:  # of an array, which has a truth for each item
            pass
        if found is True or (found is False and kind is not ast.Eq):
            return found
        if found is False and isinstance(
            plain(made), Scalar
        ):  # of which Python's number is not all
            return found
        said = self._compare_objects(kind, other)
        if isinstance(said, bool):
            return said
        if found is not None and (type(other) in BUILT_IN or not self._is_form):
            return found
        raise unknown or errors.ValueNotRecordedError(reason="its library would have to tell")

    @property
    def _is_form(self) -> bool:
        """Whether it is computed with as a list or a dict, which it is not."""
        _, values = self._asked
        return isinstance(values.root, Node) and values.root.tag == TAG_FORM

    def _compare_objects(self, kind: type[ast.cmpop], other: object) -> Any:
        own = self._object
        given = other._object if isinstance(other, Recorded) else other
        if own is own_operators.NOTHING or given is own_operators.NOTHING:
            return None
        if kind is not ast.Eq and complex in (
            type(own),
            type(given),
        ):  # of which numpy has an order
            return None
        if kind is ast.Eq:
            return own_operators.are_equal(own, given)
        return own_operators.ask(ORDERS[kind], own, given)

    def _told(self, engine: Callable[[], T], own: Callable[[Any], Any]) -> T:
        """What an expression makes of it, or the object itself."""
        try:
            return engine()
        except errors.ValueNotRecordedError:
            made = self._object
            said = (
                own_operators.NOTHING  # a complex number of numpy's is a float, too, with a warning
                if made is own_operators.NOTHING or type(made) is complex
                else own_operators.ask(own, made)
            )
            if said is own_operators.NOTHING:
                raise
            return cast(T, said)

    def __eq__(self, other: object) -> bool:
        return self._compare(ast.Eq, other)

    def __ne__(self, other: object) -> bool:
        return not self._compare(ast.Eq, other)

    def __lt__(self, other: object) -> bool:
        return self._compare(ast.Lt, other)

    def __le__(self, other: object) -> bool:
        return self._compare(ast.LtE, other)

    def __gt__(self, other: object) -> bool:
        return self._compare(ast.Gt, other)

    def __ge__(self, other: object) -> bool:
        return self._compare(ast.GtE, other)

    def __hash__(self) -> int:
        """That of the object, so that it is found among Python's own; what has none in Python has none here."""
        try:
            return hash(self.to_python())
        except errors.ValueUnreadableError as exc:
            raise errors.ValueNotRecordedError(reason=exc.message) from exc

    def __bool__(self) -> bool:
        made, _ = self._asked
        if made is NotImplemented:  # of which Python says so from 3.14 on, and warned before
            # audit: Python's own protocol
            raise TypeError("NotImplemented should not be used in a boolean context")
        return self._told(lambda: decided(lambda _: operations.truth(made)), bool)

    # ---- parts ----

    def __len__(self) -> int:
        made, _ = self._asked
        return self._told(
            lambda: decided(lambda budget: int(functions.FUNCTIONS["len"](budget, made))), len
        )

    def __contains__(self, item: object) -> bool:
        made, _ = self._asked
        given = item._object if isinstance(item, Recorded) else item
        return self._told(
            lambda: decided(
                lambda budget: operations.contains(Given(budget).of(item), made, budget)
            ),
            lambda own: own_operators.NOTHING if hasattr(own, "__next__") else _told(given) in own,
        )

    def __getitem__(self, key: object) -> Self:
        made, _ = self._asked
        given = key._object if isinstance(key, Recorded) else key

        def item(budget: Budget) -> Any:
            try:
                return operations.item(made, Given(budget).of(key), budget)
            except ValueError as exc:
                raise arguments.wrong("key", key, "a slice whose step is not 0") from exc

        return self._part(self._asked_of_own(lambda: decided(item), lambda own: own[_told(given)]))

    def __iter__(self) -> Iterator[Self]:
        """The items; of a cut one those that were recorded, and then VALUE_NOT_RECORDED."""
        made, _ = self._asked
        engine = lambda: decided(lambda budget: operations.ticks(budget, made))  # noqa: E731
        return self._each(self._asked_of_own(engine, iter))

    def __reversed__(self) -> Iterator[Self]:
        made, _ = self._asked
        ask = functions.FUNCTIONS["reversed"]
        return self._each(
            self._asked_of_own(lambda: decided(lambda budget: ask(budget, made)), reversed)
        )

    def _asked_of_own(self, engine: Callable[[], Any], own: Callable[[Any], Any]) -> Any:
        """As `_told`, of what is a part, or gives parts: of Python's own values, since others are not recorded."""
        try:
            return engine()
        except errors.ValueNotRecordedError as unknown:
            made = self._iterable
            if made is own_operators.NOTHING:
                raise
            try:
                found = own(made)
            except (TypeError, LookupError):
                raise  # audit: Python's own protocol
            except Exception:
                raise unknown from None
            if hasattr(found, "__next__"):
                return _plain_items(found, unknown)
            if not own_operators.is_plain(found):
                raise
            return found

    def _each(self, items: Iterator[Any]) -> Iterator[Self]:
        end = object()
        while True:
            item = decided(lambda _: next(items, end))
            if item is end:
                return
            yield self._part(item)

    def __getattr__(self, name: str) -> Any:
        """An attribute of the object that was recorded, or a method of a built-in value that changes nothing. What
        `Value` has itself comes first; `get(".size")` gives the object's own."""
        if type(name) is not str or (name.startswith("_") and name.endswith("_")):
            raise AttributeError("no such attribute")  # what Python and notebooks ask of anything
        return self._attribute(name)

    def _attribute(self, name: str) -> Any:
        made, _ = self._asked
        try:
            found = functions.member(made, name)
        except Undecided as exc:
            if _may_have(made, name):
                raise errors.ValueNotRecordedError(reason=exc.reason) from None
            raise AttributeError(exc.reason) from None  # audit: Python's own protocol
        if not isinstance(found, functions.Method):
            return self._part(found)

        def method(*given: object, **named: object) -> Any:
            def called(budget: Budget) -> Any:
                of = Given(budget).of
                by_name = {key: of(one) for key, one in named.items()}
                return functions.call(found, [of(one) for one in given], by_name, budget)

            result = decided(called)
            return self._each(result) if isinstance(result, Iterator) else self._part(result)

        method.__name__ = name
        return method

    @overload
    def get(self, path: str) -> Self | None: ...
    @overload
    def get(self, path: str, default: T) -> Self | T: ...
    def get(self, path: str, default: object = None) -> object:
        """A part by its path, as the commands write it: `"items[0].price"`, `"['retries'].limit"`; `default` where
        there is none. A name is an attribute, and of a dict a key. Raises VALUE_NOT_RECORDED where it cannot be told,
        INVALID_ARGUMENT for what is no path."""
        value = self
        for is_name, key in steps(arguments.text(path, "path", PATH)):
            try:
                value = value._step(key) if is_name else value[key]
            except errors.RecorderError:
                raise
            except (LookupError, TypeError, AttributeError):
                return default
        return value

    def _step(self, name: str) -> Self:
        made, _ = self._asked
        inner = plain(made)
        is_dict = isinstance(inner, dict) or (isinstance(inner, Cut) and inner.kind is dict)
        if is_dict and not functions.has(made, name):
            return self[name]
        found = self._attribute(name)
        if not isinstance(found, type(self)):
            raise AttributeError(name)  # audit: a method; caught above
        return found

    # ---- conversions ----

    def __int__(self) -> int:
        made, _ = self._asked
        return self._told(
            lambda: decided(lambda budget: int(functions.MAKERS["int"](budget, made))), int
        )

    def __float__(self) -> float:
        made, _ = self._asked
        return self._told(
            lambda: decided(lambda budget: float(functions.MAKERS["float"](budget, made))), float
        )

    def __complex__(self) -> complex:
        made, _ = self._asked
        return self._told(lambda: decided(lambda _: complex(plain(made))), complex)

    def __index__(self) -> int:
        made, _ = self._asked
        return decided(lambda _: operator.index(plain(made)))

    def __format__(self, spec: str) -> str:
        """With a format that of the object, without one `str(value)`."""
        return format(self.to_python(), spec) if spec else str(self)


def _told(given: Any) -> Any:
    """What is asked for, if it is known."""
    if given is own_operators.NOTHING:
        raise errors.ValueNotRecordedError(reason="it is not known what is asked for")
    return given


def _plain_items(items: Iterator[Any], unknown: errors.ValueNotRecordedError) -> Iterator[Any]:
    for item in items:
        if not own_operators.is_plain(item):
            raise unknown
        yield item


def _may_have(made: Any, name: str) -> bool:
    """Whether it may have an attribute that was not recorded, but for those that only its class tells of."""
    if isinstance(made, Thing):
        return made.node.cut or made.node.tag not in KNOWN_ATTRIBUTES
    if isinstance(made, Cut) and not isinstance(made, Frame):
        return hasattr(made.kind, name)
    return isinstance(made, (Opaque, TypeName)) or hasattr(made, name)


def steps(path: str) -> list[tuple[bool, Any]]:
    """The names (True) and the keys (False) of a path. Raises INVALID_ARGUMENT."""
    found: list[tuple[bool, Any]] = []
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            node = ast.parse(f"it{'' if path[:1] in ('[', '.') else '.'}{path}", mode="eval").body
        while not isinstance(node, ast.Name):
            if isinstance(node, ast.Attribute):
                found.append((True, node.attr))
            elif isinstance(node, ast.Subscript):
                found.append((False, ast.literal_eval(node.slice)))
            else:
                raise arguments.wrong("path", path, PATH)
            node = node.value
    except (SyntaxError, ValueError, TypeError, RecursionError, MemoryError) as exc:
        if isinstance(exc, errors.RecorderError):
            raise
        raise arguments.wrong("path", path, PATH) from exc
    return found[::-1]
