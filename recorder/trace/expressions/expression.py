"""An expression, and what it comes to at a moment of a trace."""

from __future__ import annotations

import ast
import weakref
from collections.abc import Callable
from typing import Any, Final, Literal, NamedTuple

from recorder import errors
from recorder.errors import arguments
from recorder.trace import class_attributes
from recorder.trace.expressions import compiling, functions, operations
from recorder.trace.expressions.conversion import Values, tree_of
from recorder.trace.expressions.domain import Hidden, TypeName
from recorder.trace.expressions.outcomes import Budget, TooMuch, Undecided
from recorder.trace.expressions.steps import steps
from recorder.trace.snapshots import Event, Frame, Locals
from recorder.trace.values.nodes import identified, identity_of
from recorder.trace.values.render import SHOWN, show
from recorder.trace.values.to_json import Json, to_json
from recorder.trace.values.to_python import Builder
from recorder.trace.values.value import Value

TOO_MUCH: Final = "too much work"
MOST_WORDS: Final = 200  # characters of an error

# Whether a global that can change in place was looked at for this frame's function.
Looked = Callable[["Frame | Event", str], bool]


@errors.guarded_class("read")
class Answer(NamedTuple):
    """What an expression came to. `kind`: known; unknown, for the `reason`; or error, where Python would raise one, and
    its words are the `reason`. `tree` is the value; `truth` whether it is true, or None where that is not known."""

    kind: Literal["known", "unknown", "error"]
    tree: Any = None
    truth: bool | None = None
    reason: str = ""

    def to_python(self) -> Any:
        """The value, made anew, as Value.to_python() does. Raises VALUE_UNREADABLE where it is not known."""
        if self.kind != "known":
            raise errors.ValueUnreadableError(f"the value is {self.show()}")
        return Builder().build(self.tree)

    def to_json(self) -> Json:
        if self.kind == "known":
            return to_json(self.tree)
        return {"type": self.kind, "reason": self.reason}

    def show(self, limit: int = SHOWN) -> str:
        """As Python would write it, in at most so many characters; or why there is no value."""
        return self._show(arguments.number(limit, "limit", "a number of characters"))

    def _show(self, limit: int, short: bool = False) -> str:
        """`short`: as in a line that is read."""
        if self.kind == "known":
            return show(self.tree, limit, root=self.tree, short=short)
        return f"unknown: {self.reason}" if self.kind == "unknown" else self.reason

    def __repr__(self) -> str:
        return f"<{self.kind}: {self.show()}>"


@errors.guarded_class("read")
class Expression:
    """Python's syntax, without what has effects: names (variables, then globals), attributes, items, operators,
    comparisons, `in`, `is`, `if`/`else`, comprehensions, displays, f-strings, methods of built-in values that change
    nothing, and abs all any bool chr dict divmod enumerate float frozenset int isinstance len list max min ord range
    repr reversed round set sorted str sum tuple type zip.

    It is walked over recorded values, and never run. Raises INVALID_ARGUMENT for what is none, and says where."""

    def __init__(self, text: str) -> None:
        self._read(text, "expression")

    @classmethod
    def _given_as(cls, argument: str, text: str, node: ast.expr | None = None) -> Expression:
        """Of an argument or option of that name; or of a part of it that was parsed already."""
        made = cls.__new__(cls)
        made._read(text, argument, node)
        return made

    def _read(self, text: str, argument: str, node: ast.expr | None = None) -> None:
        self.text = arguments.text(text, argument, "a Python expression")
        node = compiling.parsed(self.text, argument) if node is None else node
        self._node = node
        compiler = compiling.Compiler(self.text, argument)
        self._code = compiler.code(node)
        self.names = tuple(compiler.names)
        attributes = [one.attr for one in ast.walk(node) if isinstance(one, ast.Attribute)]
        self.attributes = tuple(dict.fromkeys(attributes))  # in whatever it speaks of
        self.steps = steps(node, self.names)

    def at(
        self, frame: Frame | Event, looked: Looked | None = None, is_condition: bool = False
    ) -> Answer:
        """What it comes to in a frame. `looked`: see Looked; None: every global is taken as it was last seen."""
        names = Names(frame, looked)
        return self.answer(names.find, is_condition, names.tree_of)

    def answer(
        self,
        find: Callable[[str], Any],
        is_condition: bool = False,
        tree_of_name: Callable[[Any], Any] = lambda value: None,
    ) -> Answer:
        """What it comes to where `find` gives what a name stands for, or raises NameError, and `tree_of_name` what
        that, or a part of it, was made of. A condition's answer has no `tree`: only its truth is asked for."""
        budget = Budget(tree_of=tree_of_name)
        truth: bool | None = None
        try:
            value = self._code(compiling.Scope(find, budget))
            if isinstance(value, Hidden):
                return Answer("unknown", reason=value.reason)
            if isinstance(value, (functions.Method, functions.BuiltinFunction)):
                return Answer("unknown", reason=f"{value.name} is a function")
            tree = None if is_condition else _tree_of(value, budget)
            try:
                truth = operations.truth(value)
            except Undecided as exc:
                return Answer("known", tree, None, exc.reason)
            return Answer("known", tree, truth)
        except Undecided as exc:
            return Answer("unknown", None, exc.truth, exc.reason)
        except (TooMuch, MemoryError):
            return Answer("unknown", reason=TOO_MUCH)
        except Exception as exc:  # as a debugger's watch shows it
            return Answer("error", reason=_words(exc))

    @property
    def paths(self) -> list[Expression]:
        """The names in it, each with the attributes and items that it stands with: what it depends on, to be shown."""
        found: dict[str, Expression] = {}
        waiting: list[ast.AST] = [self._node]
        while waiting:
            node = waiting.pop(0)
            if isinstance(node, ast.Call):
                method = node.func.value if isinstance(node.func, ast.Attribute) else None
                waiting = [*([method] if method else []), *node.args, *waiting]
            elif _is_path(node, self.names):
                text = ast.unparse(node)
                found.setdefault(text, Expression(text))
            else:
                waiting = [*ast.iter_child_nodes(node), *waiting]
        return list(found.values())

    @property
    def is_path(self) -> bool:
        """Whether it is a variable, or a part of one by attributes and constant items."""
        return _is_path(self._node, self.names)

    @property
    def prefixes(self) -> list[str]:
        """Of a path what it leads through, the longest first, and not the whole: `a.b[0]`, `a.b`, `a` of `a.b[0].c`."""
        found = []
        node = self._node
        while isinstance(node, (ast.Attribute, ast.Subscript)):
            node = node.value
            found.append(ast.unparse(node))
        return found

    @property
    def first_name(self) -> str | None:
        """The name that is asked first, whatever the rest is: where it stands for nothing the whole is an error. None:
        that cannot be told."""
        node: ast.AST | None = self._node
        while node is not None and not isinstance(node, ast.Name):
            node = compiling.first_part(node)
        return None if node is None or functions.is_builtin(node.id) else node.id

    def names_with(self, attribute: str) -> set[str]:
        """The names of which it speaks of this attribute."""
        return {
            one.value.id
            for one in ast.walk(self._node)
            if isinstance(one, ast.Attribute)
            and one.attr == attribute
            and isinstance(one.value, ast.Name)
        }

    @property
    def first_attribute(self) -> str | None:
        """Of a path, the attribute of its variable."""
        node = self._node
        while isinstance(node, (ast.Attribute, ast.Subscript)):
            if isinstance(node.value, ast.Name):
                return node.attr if isinstance(node, ast.Attribute) and self.is_path else None
            node = node.value
        return None

    def __repr__(self) -> str:
        return f"<expression {self.text}>"


def _tree_of(value: Any, budget: Budget) -> Any:
    return identified(tree_of(value, budget), identity_of(budget.tree_of(value)))


def given_as(argument: str, text: str, node: ast.expr | None = None) -> Expression:
    """The expression that an argument or option of that name has; or of a part of it that was parsed already. Raises
    INVALID_ARGUMENT."""
    return Expression._given_as(argument, text, node)


def _is_path(node: ast.AST, names: tuple[str, ...]) -> bool:
    """Whether it is a name of the program's, or parts of one by attributes and constant items."""
    while True:
        if isinstance(node, ast.Attribute) or (
            isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Constant)
        ):
            node = node.value
        else:
            return isinstance(node, ast.Name) and node.id in names


def _words(exc: Exception) -> str:
    """As the last line of a traceback has it."""
    try:
        said = str(exc)
    except Exception:  # audit: of a KeyError, whose key only code of the program's could write
        said = ""
    name = type(exc).__name__
    return f"{name}: {said[:MOST_WORDS]}" if said else name


class Names:
    """What names stand for in a frame: variables, then globals, then what is Python's own. Each is taken apart once."""

    __slots__ = ("__weakref__", "_converters", "_found", "_frame", "_looked")

    def __init__(self, frame: Frame | Event, looked: Looked | None) -> None:
        self._frame = frame
        self._looked = looked
        self._found: dict[str, Any] = {}
        self._converters: list[Values] = []

    def tree_of(self, value: Any) -> Any:
        """What a value of one of the names, or a part of one, was made of; None for what was computed."""
        return next(
            (
                node
                for converter in self._converters
                if (node := converter.node_of(value)) is not None
            ),
            None,
        )

    def find(self, name: str) -> Any:
        if name not in self._found:
            self._found[name] = self._look_up(name)
        return self._found[name]

    def _look_up(self, name: str) -> Any:
        frame = self._frame
        value = _value(frame.locals, name)
        if value is None and frame.namespace is not None:
            value = _value(frame.globals, name)
            if value is not None and self._is_stale(name, value):
                return Hidden(f"{name} is a global that {frame.function.name} does not look at")
        if value is None:
            return functions.builtin(name)
        return self._made(value, name)

    def _made(self, value: Value, path: str) -> Any:
        made, converter = value._known_as(path)
        converter.classes = weakref.ref(self)
        self._converters.append(converter)
        return made

    def class_named(self, name: str) -> TypeName:
        """A class, by its module and name, with the attributes of this moment."""
        known = self._frame._attributes
        converter = Values(None, name)
        converter.classes = weakref.ref(self)
        numbers = (
            one for one, space in known.of_type.items() if known.namespaces[space].name == name
        )
        kind = max(numbers, default=None)
        return TypeName("", name, None if kind is None else self._frame._types[kind], converter)

    def of_class(self, kind: Any, name: str, path: str, of_instance: bool) -> Any:
        """What an attribute of a class is; NotImplemented: there is none, as far as its classes are recorded. Of an
        instance it is no descriptor. Raises Undecided."""
        key = f"{kind[0]}.{kind[1]}.{name}" + " of an instance" * of_instance
        if key in self._found:
            return self._found[key]
        found = class_attributes.find(self._frame, kind, name)
        if found is None:
            return NotImplemented
        if of_instance and class_attributes.is_descriptor(self._frame, found):
            raise Undecided(f"{path} is what only code of {kind[1]} could tell")
        if self._is_stale(name, found.value):
            return Hidden(
                f"{path} is of a class, and {self._frame.function.name} does not look at it"
            )
        self._found[key] = self._made(found.value, path)
        return self._found[key]

    def is_recorded(self, kind: Any) -> bool:
        return class_attributes.is_recorded(self._frame, kind)

    def asks_instances(self, kind: Any) -> bool:
        return class_attributes.asks_instances(self._frame, kind)

    def _is_stale(self, name: str, value: Value) -> bool:
        if self._looked is None:
            return False
        return not self._looked(self._frame, name) and value.can_change


def for_class(expression: Expression, event: Event, name: str, attribute: str) -> Answer:
    """What it comes to where the names with this attribute are the class of this name, with its module."""
    names = Names(event, None)
    of_class, roots = names.class_named(name), expression.names_with(attribute)
    return expression.answer(lambda one: of_class if one in roots else names.find(one))


def _value(variables: Locals, name: str) -> Value | None:
    return variables.get(name)


def made_of(value: Value, name: str) -> Any:
    """What expressions compute with, of a value that was recorded under this name."""
    return value._known_as(name)[0]
