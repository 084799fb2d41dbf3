"""What may be entered into the fields of a question: names that the trace knows, which have what is typed in them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final, TypeAlias

from recorder.trace.filters import is_own
from recorder.trace.paths import base_name
from recorder.trace.profile import ORDERS
from recorder.trace.queries import KIND_NAMES
from recorder.trace.reader import Trace
from recorder.trace.values.nodes import qualified
from recorder.view.parameters import Parameters

MOST: Final = 50  # words of an answer

Words: TypeAlias = Callable[[Trace], Iterable[str]]


def words(trace: Trace, asked: Parameters) -> dict[str, Any]:
    """For a field, in the order in which they are likely meant: what begins so first. Of a field that takes anything
    there are none. Of a trace that does not tell what occurs in it all of it is read, once."""
    find = FIELDS.get(asked.needed("field"))
    typed = (asked.text("text") or "").casefold()
    found = dict.fromkeys(find(trace)) if find is not None else {}
    near = [word for word in found if word and typed in word.casefold()]
    near.sort(key=lambda word: not word.casefold().startswith(typed))
    return {"words": near[:MOST]}


def _functions(trace: Trace) -> Iterable[str]:
    own = [one for one in trace.functions if not one.is_body]
    return (one.qualified_name for one in sorted(own, key=lambda one: not is_own(one.file)))


def _files(trace: Trace) -> Iterable[str]:
    return map(base_name, sorted(trace.sources, key=lambda path: not is_own(path)))


def _places(trace: Trace) -> Iterable[str]:
    """Where functions begin, as FILE:LINE."""
    own = sorted(trace.functions, key=lambda one: not is_own(one.file))
    return (f"{base_name(one.file)}:{one.first_line}" for one in own)


def _variables(trace: Trace) -> Iterable[str]:
    for one in sorted(trace.functions, key=lambda one: not is_own(one.file)):
        yield from one.names
    for namespace in trace.namespaces:
        yield from namespace.names


def _types(trace: Trace) -> Iterable[str]:
    return map(qualified, trace.types)


def _threads(trace: Trace) -> Iterable[str]:
    return (one.name or str(one.number) for one in trace.threads)


def _always(text: str) -> Words:
    return lambda _: text.split()


FIELDS: Final[dict[str, Words]] = {
    "function": _functions,
    "through": _functions,
    "file": _files,
    "at": _places,
    "name": _variables,
    "expression": _variables,
    "when": _variables,
    "type": _types,
    "of": _types,
    "thread": _threads,
    "sort": lambda _: ORDERS,
    "kind": lambda _: KIND_NAMES.values(),
    "stream": _always("stdout stderr stdin all"),
    "level": _always("DEBUG INFO WARNING ERROR CRITICAL"),
}
