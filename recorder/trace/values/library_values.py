"""Values of well-known types that are written in Python: instances, whose attributes say all.

One row for each type, by its module and qualified name: what is made of its attributes, and how it is shown where that
is not as the object that was made would show itself.
"""

from __future__ import annotations

import fractions
import ipaddress
import pathlib
import types
import typing
import uuid
from collections import ChainMap, Counter, OrderedDict, UserDict, UserList, UserString
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final

from recorder.trace.format import TAG_INSTANCE, TAG_TUPLE, TAG_TYPED, Form
from recorder.trace.values import generics
from recorder.trace.values.nodes import CannotMake, Node, qualified
from recorder.trace.values.show_tables import Writer

Attributes = Mapping[str, Any]

PATHS: Final[dict[str, type[pathlib.PurePath]]] = {
    "PosixPath": pathlib.PosixPath,
    "WindowsPath": pathlib.PureWindowsPath,  # which exists everywhere
    "PurePosixPath": pathlib.PurePosixPath,
    "PureWindowsPath": pathlib.PureWindowsPath,
}


def _fraction(made: Attributes) -> Any:
    return fractions.Fraction(made["_numerator"], made["_denominator"])


def _uuid(made: Attributes) -> Any:
    return uuid.UUID(int=made["int"])


def _path(name: str) -> Callable[[Attributes], Any]:
    """A path keeps what it was made of, and what it has been asked for: each version of Python something else."""

    def make(made: Attributes) -> Any:
        kind = PATHS[name]
        if "_raw_paths" in made:
            return kind(*made["_raw_paths"])
        if "_parts" in made:
            return kind(*made["_parts"])
        if "_str" in made:
            return kind(made["_str"])
        raise CannotMake

    return make


def _address(kind: Callable[[Any], Any]) -> Callable[[Attributes], Any]:
    def make(made: Attributes) -> Any:
        address = kind(made["_ip"])
        scope = made.get("_scope_id")
        return address if scope is None else kind(f"{address}%{scope}")

    return make


def _network(kind: Callable[[Any], Any]) -> Callable[[Attributes], Any]:
    return lambda made: kind((made["network_address"], made["_prefixlen"]))


def _interface(kind: Callable[[Any], Any]) -> Callable[[Attributes], Any]:
    return lambda made: kind((made["_ip"], made["_prefixlen"]))


def _namespace(made: Attributes) -> Any:
    return types.SimpleNamespace(**dict(made))


def _of_typing(made: Attributes) -> Any:
    return getattr(typing, made["_name"])


def _of_data(kind: Callable[[Any], Any]) -> Callable[[Attributes], Any]:
    return lambda made: kind(made["data"])


MAKERS: Final[dict[tuple[str, str], Callable[[Attributes], Any]]] = {
    ("fractions", "Fraction"): _fraction,
    ("uuid", "UUID"): _uuid,
    ("types", "SimpleNamespace"): _namespace,
    **{("typing", name): _of_typing for name in generics.NAMED},
    ("collections", "ChainMap"): lambda made: ChainMap(*made["maps"]),
    ("collections", "UserDict"): _of_data(UserDict),
    ("collections", "UserList"): _of_data(UserList),
    ("collections", "UserString"): _of_data(UserString),
    ("ipaddress", "IPv4Address"): _address(ipaddress.IPv4Address),
    ("ipaddress", "IPv6Address"): _address(ipaddress.IPv6Address),
    ("ipaddress", "IPv4Network"): _network(ipaddress.IPv4Network),
    ("ipaddress", "IPv6Network"): _network(ipaddress.IPv6Network),
    ("ipaddress", "IPv4Interface"): _interface(ipaddress.IPv4Interface),
    ("ipaddress", "IPv6Interface"): _interface(ipaddress.IPv6Interface),
    **{
        (module, name): _path(name)
        for name in PATHS
        for module in ("pathlib", "pathlib._local")  # 3.13 has them in the latter
    },
}

# Of dicts that are more than one, by the type of the TYPED around their items.
DICTS: Final[dict[tuple[str, str], Callable[[Any], Any]]] = {
    ("collections", "OrderedDict"): OrderedDict,
    ("collections", "Counter"): Counter,
}


def most_common_first(items: Any) -> Any:
    """The dict of a Counter in the order in which it shows itself, if all its counts can be compared."""
    if not isinstance(items, Node) or any(not isinstance(n, (int, float)) for _, n in items.items):
        return items
    return items._replace(items=sorted(items.items, key=lambda pair: pair[1], reverse=True))


# Those whose own words are shown: all that they have are texts and numbers.
SPELLED_OUT: Final = frozenset(
    key
    for key in MAKERS
    if key[0] in ("fractions", "uuid", "ipaddress", "pathlib", "pathlib._local")
)


class Parts(Mapping[str, Any]):
    """The attributes of an instance, each made when it is asked for."""

    def __init__(self, node: Node, build: Callable[[Any], Any]) -> None:
        self.node = node
        self.attributes = attributes_of(node)
        self.build = build

    def __getitem__(self, name: str) -> Any:
        return self.build(self.attributes[name])

    def __iter__(self) -> Iterator[str]:
        return iter(self.attributes)

    def __len__(self) -> int:
        return len(self.attributes)

    def __contains__(self, name: object) -> bool:
        return name in self.attributes


def attributes_of(node: Node) -> dict[str, Any]:
    return {name: part for name, part in node.items if name}


def show_instance(out: Writer, node: Node, spelled: str | None) -> bool:
    """Whether it has been shown. `spelled`: what the object says of itself, if it could be made."""
    key = node.type or ("", "")
    if spelled is not None:
        out.add(spelled)
        return True
    attributes = attributes_of(node)
    if key == ("types", "SimpleNamespace"):
        _arguments(out, "namespace", attributes)
    elif key == ("collections", "ChainMap") and isinstance(attributes.get("maps"), Node):
        out.add("ChainMap(")
        out.sequence(attributes["maps"].items, out.part)
        out.add(")")
    elif key[0] == "collections" and key in MAKERS and "data" in attributes:
        out.part(attributes["data"])
    elif key == ("threading", "Event"):
        out.add(f"<threading.Event: {'set' if attributes.get('_flag') is True else 'unset'}>")
    elif key[0] == "threading" and "_name" in attributes and "_daemonic" in attributes:
        _thread(out, key[1], attributes)
    elif key[0].startswith("multiprocessing.") and "_parent_pid" in attributes:
        _process(out, key[1], attributes)
    elif key[0] == "multiprocessing.synchronize" and "_semlock" in attributes:
        _semaphore(out, key[1], attributes["_semlock"])
    elif key[0] == "typing" and "__origin__" in attributes and "__args__" in attributes:
        generics.show(out, attributes)
    elif key == ("string.templatelib", "Template"):
        _arguments(out, "Template", attributes)
    elif key == ("string.templatelib", "Interpolation"):
        out.add("Interpolation(")
        out.sequence(attributes.values(), out.part)
        out.add(")")
    elif generics.show_stand_in(out, node):
        return True
    elif key in WAITED_FOR and all(name in attributes for name in WAITED_FOR[key][1:]):
        _waited_for(out, key, attributes)
    elif (
        key == ("socket", "socket") and isinstance(node.items[0][1], Node) and not node.items[0][0]
    ):
        out.part(node.items[0][1])
    elif key[0] == "logging" and key[1] in ("Logger", "RootLogger") and "name" in attributes:
        _facts(out, "logging.Logger", attributes, ("name", "level", "disabled"))
    elif key == ("subprocess", "Popen"):
        _facts(out, "Popen", attributes, ("args", "pid", "returncode"))
    elif key[0] == "queue" and isinstance(attributes.get("queue"), Node):
        _facts(out, f"queue.{key[1]}", attributes, ("queue", "maxsize", "unfinished_tasks"))
    elif key == ("concurrent.futures._base", "Future"):
        _future(out, attributes)
    elif isinstance(attributes.get("_headers"), Node) and "_payload" in attributes:
        _message(out, qualified(key), attributes)
    else:
        return False
    return True


def _message(out: Writer, name: str, attributes: Attributes) -> None:
    """`<email.message.EmailMessage Subject='hi', payload='…'>`: of each header the text."""
    headers = attributes["_headers"]
    out.add(f"<{name} ")
    told: list[tuple[str, Any]] = []
    for header in headers.items:
        if isinstance(header, Node) and header.tag == TAG_TUPLE and len(header.items) == 2:
            title, value = header.items
            told.append((title, _text_of(value)))
    _named(out, [*told, ("payload", attributes["_payload"])])
    out.add(", …>" if headers.cut or len(told) < len(headers.items) else ">")


def _text_of(value: Any) -> Any:
    """The text of what is of a class derived from str, with attributes of its own."""
    if isinstance(value, Node) and value.tag == TAG_INSTANCE and value.items:
        value = value.items[0][1]
    return value.items[0] if isinstance(value, Node) and value.tag == TAG_TYPED else value


def _named(out: Writer, parts: Iterable[tuple[str, Any]]) -> None:
    for number, (name, part) in enumerate(parts):
        out.add(f"{', ' if number else ''}{name}=")
        out.part(part)


def _arguments(out: Writer, name: str, attributes: Attributes) -> None:
    out.add(f"{name}(")
    _named(out, attributes.items())
    out.add(")")


def _facts(out: Writer, name: str, attributes: Attributes, names: tuple[str, ...]) -> None:
    _arguments(out, name, {each: attributes[each] for each in names if each in attributes})


# What is asked of things that threads and tasks wait for: how it is called, and in which attributes it is kept.
WAITED_FOR: Final = {
    ("threading", "Condition"): ("lock", "_lock"),
    ("threading", "Semaphore"): ("value", "_value"),
    ("threading", "BoundedSemaphore"): ("value", "_value"),
    ("threading", "Barrier"): ("waiters", "_count", "_parties"),
    ("asyncio.locks", "Event"): ("set", "_value"),
    ("asyncio.locks", "Lock"): ("locked", "_locked"),
    ("asyncio.locks", "Semaphore"): ("value", "_value"),
    ("asyncio.locks", "BoundedSemaphore"): ("value", "_value"),
    ("asyncio.queues", "Queue"): ("queue", "_queue"),
}


def _waited_for(out: Writer, key: tuple[str, str], attributes: Attributes) -> None:
    """`<threading.Barrier: waiters=0/2>`."""
    word, *names = WAITED_FOR[key]
    out.add(f"<{key[0].partition('.')[0]}.{key[1]}: {word}=")
    for number, name in enumerate(names):
        out.add("/" if number else "")
        out.part(attributes[name])
    out.add(">")


def _thread(out: Writer, kind: str, attributes: Attributes) -> None:
    out.add(f"<{kind}(")
    out.part(attributes["_name"])
    if attributes.get("_is_stopped") is True:
        state = "stopped"
    elif attributes.get("_ident") is None:
        state = "initial"
    else:  # since 3.13 only C knows the rest, and may wait for the thread before it tells
        is_handled = "_handle" in attributes or "_os_thread_handle" in attributes
        state = "started, perhaps stopped" if is_handled else "started"
    daemon = " daemon" if attributes.get("_daemonic") is True else ""
    ident = attributes.get("_ident")
    out.add(f", {state}{daemon}{f' {ident}' if isinstance(ident, int) else ''})>")


def _process(out: Writer, kind: str, attributes: Attributes) -> None:
    """<Process(name='p', initial)>, as a thread is shown."""
    running = attributes.get("_popen")
    out.add(f"<{kind}(")
    out.part(attributes.get("_name"))
    if attributes.get("_closed") is True:
        state = "closed"
    elif not isinstance(running, Node):
        state = "initial"
    else:
        facts = attributes_of(running)
        code, number = facts.get("returncode"), facts.get("pid")
        state = f"{'started' if code is None else f'stopped, exit code {code}'} {number}"
    out.add(f", {state})>")


def _semaphore(out: Writer, kind: str, held: Any) -> None:
    """A lock between processes: what its semaphore says."""
    is_zero = held.items[0] if isinstance(held, Node) and held.size == Form.LOCK else None
    state = "?" if is_zero is None else "locked" if is_zero else "unlocked"
    out.add(f"<multiprocessing.{kind}: {state}>")


def _future(out: Writer, attributes: Attributes) -> None:
    state, exception = attributes.get("_state"), attributes.get("_exception")
    out.add(f"<Future state={state.lower() if isinstance(state, str) else '?'}")
    if state == "FINISHED":
        out.add(" raised " if exception is not None else " returned ")
        out.part(attributes.get("_result") if exception is None else exception)
    out.add(">")
