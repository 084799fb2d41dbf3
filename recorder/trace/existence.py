"""Why a question has no answer: what was asked for is not in the trace, or it is there and never happened."""

from __future__ import annotations

import builtins
from collections.abc import Iterable
from difflib import get_close_matches

from recorder import errors
from recorder._core.decode import Function, Namespace
from recorder.trace.changes import is_owner
from recorder.trace.filters import is_file, is_named
from recorder.trace.paths import base_name
from recorder.trace.reader import Trace
from recorder.trace.statements import definitions, lines_with_code

MOST_NEAR = 3


class Existence:
    """What a trace knows of names. Each answer is a sentence, or NOT_IN_TRACE with the nearest names."""

    def __init__(self, trace: Trace) -> None:
        self.trace = trace

    def why_nothing(
        self,
        *,
        function: str | None = None,
        file: str | None = None,
        thread: int | str | None = None,
        name: str | None = None,
        exception: str | None = None,
    ) -> str:
        """Why nothing fits all that is given. Raises NOT_IN_TRACE for what is nowhere in it."""
        if file is not None:
            self.file(file)
        if thread is not None:
            self.thread(thread)
        said = [] if function is None else [self.function(function, file)]
        if name is not None:
            said.append(self.variable(name, function))
        if exception is not None:
            said.append(self.exception(exception))
        if not any(said) and thread is not None:
            said = [f"thread {thread} ran nothing of that kind"]
        return next((one for one in said if one), "it never happened")

    def file(self, asked: str) -> None:
        known = {function.file for function in self.trace.functions} | set(self.trace.sources)
        if not any(is_file(path, asked) for path in known):
            raise self._missing("file", asked, [base_name(path) for path in known])

    def thread(self, asked: int | str) -> None:
        threads = self.trace.threads
        if not any(asked in (one.number, one.name) for one in threads):
            known = [one.name for one in threads] + [str(one.number) for one in threads]
            raise self._missing("thread", str(asked), known)

    def function(self, asked: str, file: str | None = None) -> str:
        """Empty if it was called."""
        ran = self._ran(asked)
        if file is not None and ran and not any(is_file(one.file, file) for one in ran):
            return f"{asked} is in {_listed(base_name(one.file) for one in ran)}, and not in {file}"
        if ran:
            return ""
        defined = list(self._defined())
        for name, path, line in defined:
            if is_named(name, asked) or is_named(name.rpartition(".")[2], asked):
                return f"{name} is defined at {base_name(path)}:{line}, and was never called"
        known = [one.qualified_name for one in self.trace.functions] + [
            name for name, _, _ in defined
        ]
        raise self._missing("function", asked, known + [one.rpartition(".")[2] for one in known])

    def variable(self, asked: str, function: str | None = None) -> str:
        """Of a variable, or a global, by its name; of an attribute of a class, or a global of a module, by both."""
        if "." in asked:
            return self._owned(asked)
        owners = [one.qualified_name for one in self.trace.functions if asked in one.names]
        modules = [_titled(one) for one in self.trace.namespaces if asked in one.names]
        if not owners and not modules:
            within = self.trace.functions if function is None else self._ran(function)
            known = [name for one in within for name in one.names]
            known += [name for one in self.trace.namespaces for name in one.names]
            raise self._missing("variable", asked, known)
        if function is not None and not any(asked in one.names for one in self._ran(function)):
            where = [*owners, *modules]
            return f"{asked} is a variable of {_listed(where)}, and not of {function}"
        return f"{asked} is there, and never got a value"

    def _owned(self, asked: str) -> str:
        owner, _, short = asked.rpartition(".")
        owners = [one for one in self.trace.namespaces if is_owner(one.name, owner)]
        if any(short in one.names for one in owners):
            return f"{asked} is there, and never got a value"
        known = [f"{owner}.{name}" for one in owners for name in one.names]
        known += [
            f"{one.class_name or one.name}.{short}"
            for one in self.trace.namespaces
            if short in one.names
        ]
        raise self._missing("variable", asked, known)

    def is_exception(self, name: str) -> bool:
        """Whether it is a type of which something is in the trace, or an exception of Python's own."""
        builtin = getattr(builtins, name, None)
        if isinstance(builtin, type) and issubclass(builtin, BaseException):
            return True
        return any(name in (own, f"{module}.{own}") for module, own in self.trace.types)

    def exception(self, asked: str) -> str:
        if self.is_exception(asked):
            return f"{asked} was never raised"
        known = [name for _, name in self.trace.types]
        named = [name for name in dir(builtins) if name.endswith(("Error", "Exception", "Warning"))]
        raise self._missing("exception", asked, [*known, *named])

    def line(self, file: str, line: int) -> str:
        """Of a line that never ran."""
        self.file(file)
        texts = {
            path: source.text for path, source in self.trace.sources.items() if is_file(path, file)
        }
        lines = sorted({one for text in texts.values() for one in lines_with_code(text)})
        if lines and line not in lines:
            nearest = sorted(lines, key=lambda one: (abs(one - line), one))[:MOST_NEAR]
            raise self._missing(
                "code at line", f"{file}:{line}", [], [f"{file}:{n}" for n in nearest]
            )
        return f"{file}:{line} never ran"

    # ---- inside ----

    def _ran(self, asked: str) -> list[Function]:
        return [
            one
            for one in self.trace.functions
            if is_named(one.name, asked) or is_named(one.qualified_name, asked)
        ]

    def _defined(self) -> Iterable[tuple[str, str, int]]:
        for path, source in self.trace.sources.items():
            for name, line in definitions(source.text):
                yield name, path, line

    def _missing(
        self, what: str, name: str, known: Iterable[str], near: list[str] | None = None
    ) -> errors.RecorderError:
        if near is None:
            near = nearest(name, known)
        return not_in_trace(self.trace.path, what, name, near)


def _titled(one: Namespace) -> str:
    return f"module {one.name}" if one.class_name is None else f"class {one.name}"


def nearest(name: str, known: Iterable[str]) -> list[str]:
    """The names that look like it, the best first."""
    return get_close_matches(name, sorted({one for one in known if one}), n=MOST_NEAR)


def not_in_trace(path: str, what: str, name: str, near: list[str]) -> errors.RecorderError:
    """NOT_IN_TRACE, with what comes nearest."""
    message = f"there is no {what} {name} in {path}"
    if near:
        message += f"; did you mean {' or '.join(near)}?"
    return errors.NotInTraceError(message, what=what, name=name, path=path, near=", ".join(near))


def _listed(names: Iterable[str]) -> str:
    return ", ".join(sorted(set(names)))
