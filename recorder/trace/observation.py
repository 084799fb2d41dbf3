"""Until when a global was looked at: what it holds afterwards is not known.

A global that is bound anew is written down at once (on 3.11: when code of its module runs next). One that changes in
place is looked at before the events of code that names it, and by nobody else's.
"""

from __future__ import annotations

from typing import NamedTuple

from recorder import errors
from recorder._core.decode import Function
from recorder.trace.changes import Change
from recorder.trace.expressions.asking import names_of_codes
from recorder.trace.reader import Trace


class Unobserved(NamedTuple):
    """The last that is known of a global. Of what it held later the trace says nothing."""

    module: str
    name: str
    seq: int  # the last event that looked at it


class Observation:
    def __init__(self, trace: Trace) -> None:
        self.trace = trace
        self.names: dict[str, dict[tuple[str, int], frozenset[str]]] = {}
        self.watched = not str(trace.meta.get("python", "")).startswith("3.11.")

    @errors.guarded("read")
    def end(self, change: Change) -> Unobserved | None:
        """Of a global's last change; None if it is known until the trace ends."""
        if change.module is None or change.value is None:
            return None
        changing = change.value.can_change
        if not changing and self.watched:
            return None
        last = change.seq
        for event in self.trace.find(
            function=(lambda function: self.speaks_of(function, change.name)) if changing else None,
            start=change.seq, backwards=True,
        ):  # fmt: skip
            space = event.namespace
            if change.class_name or (space is not None and space.name == change.module):
                last = event.seq
                break
        if last == len(self.trace[:]) - 1:
            return None
        return Unobserved(change.module, change.name, last)

    def speaks_of(self, function: Function, name: str) -> bool:
        """Whether the code of a function names a global; not known without its source: then it does not."""
        path = function.file
        if path not in self.names:
            source = self.trace.sources.get(path)
            self.names[path] = {} if source is None else names_of_codes(source.text, path)
        place = (function.qualified_name, function.first_line)
        return name in self.names[path].get(place, ())
