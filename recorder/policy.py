"""What the recorder does when something goes wrong, and within which bounds it records.

`Policy` is the value, `load` collects it from its sources, `decide` applies it to one failure.
Loaded inside the recorded program: nothing is imported that a bare start of Python does not have.
"""

from __future__ import annotations

import os
import stat

from recorder import errors
from recorder.errors import arguments

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from typing import Any, NoReturn

    Convert = Callable[[object], Any]
    Json = dict[str, Any]
    Row = tuple[str, object, str]  # key, value, source

__all__ = ["Policy"]

ENVIRONMENT_PREFIX = "RECORDER_"

GIB = 1 << 30
MOST_OUTPUT = 64 << 20  # bytes
MOST_BUDGET = 100_000  # elements
LEAST_LIMIT, MOST_LIMIT = 10, 5_000  # what a value of that size takes fits into a segment
UNITS = {"": 1, "b": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30, "t": 1 << 40}
UNITS |= {"kib": 1 << 10, "mib": 1 << 20, "gib": 1 << 30, "tib": 1 << 40}
UNITS |= {"kb": 10**3, "mb": 10**6, "gb": 10**9, "tb": 10**12}
SECONDS = {"": 1.0, "ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
BOOLEANS = {"1": True, "true": True, "yes": True, "on": True}
BOOLEANS |= {"0": False, "false": False, "no": False, "off": False}


# ------------------------------------------------------------------------------- kinds of values
# A converter returns the value in its one true form, and answers ValueError to anything else. Text
# is understood wherever it comes from: environment and command line have nothing else to offer.


def _refuse() -> NoReturn:
    raise ValueError  # audit: check() makes the mapped error of it


def _choice(*allowed: str) -> Convert:
    def convert(value: object) -> str:
        if isinstance(value, str) and value in allowed:
            return value
        _refuse()

    return convert


def _boolean(value: object) -> bool:
    if isinstance(value, str):
        value = BOOLEANS.get(value.strip().lower())
    if isinstance(value, bool):
        return value
    _refuse()


def _quantity(value: object, units: Mapping[str, float]) -> float:
    """A positive number, or text that is a number and a unit."""
    if isinstance(value, str):
        text = value.strip().lower()
        number = text.rstrip("abcdefghijklmnopqrstuvwxyz ")
        unit = units.get(text[len(number) :].strip())
        if unit is None or not number.isascii():
            _refuse()
        # The integer branch keeps large sizes exact.
        value = int(number) * unit if number.isdigit() else float(number) * unit
    if isinstance(value, bool) or not isinstance(value, int | float):
        _refuse()
    if not 0 < value < 1 << 63:  # false for nan as well
        _refuse()
    return value


def _size(value: object) -> int:
    return int(_whole(_quantity(value, UNITS)))


def _count(value: object) -> int:
    return int(_whole(_quantity(value, {"": 1})))


def _duration(value: object) -> float:
    return float(_quantity(value, SECONDS))


def _whole(value: float) -> float:
    if value < 1 or value != int(value):
        _refuse()
    return value


def _floor(value: object) -> int:
    """As a size, but 0 is a value of its own: keep nothing free."""
    zero = value.strip() == "0" if isinstance(value, str) else type(value) is int and value == 0
    return 0 if zero else _size(value)


def _kept_output(value: object) -> int:
    """How many bytes of it are kept: `on`, `off`, or a size."""
    word = BOOLEANS.get(value.strip().lower(), value) if isinstance(value, str) else value
    if word is True:
        return MOST_OUTPUT
    if word is False or (type(word) is int and word == 0):
        return 0
    return _size(value)


def _within(least: int, most: int) -> Convert:
    def converted(value: object) -> int:
        count = _count(value)
        if not least <= count <= most:
            _refuse()
        return count

    return converted


def _or_none(convert: Convert, *words: str) -> Convert:
    def wrapped(value: object) -> Any:
        if value is None or (isinstance(value, str) and value.strip().lower() in words):
            return None
        return convert(value)

    return wrapped


def _patterns(value: object) -> tuple[str, ...]:
    if isinstance(value, str):
        value = tuple(part.strip() for part in value.split(",") if part.strip())
    if not isinstance(value, list | tuple):
        _refuse()
    if not all(isinstance(part, str) and part and "\0" not in part for part in value):
        _refuse()
    return tuple(value)


def _folders(value: object) -> tuple[str, ...]:
    """As patterns, and os.PathLikes."""
    if isinstance(value, list | tuple):
        value = tuple(map(_path, value))
    return tuple(map(_path, _patterns(value)))


def _more_patterns(value: object) -> tuple[str, ...]:
    """Added to what is there anyway: nothing, or a word for nothing, is a mistake."""
    patterns = _patterns(value)
    if not patterns or patterns == ("none",):
        _refuse()
    return patterns


def _path(value: object) -> str:
    if isinstance(value, os.PathLike):
        value = os.fspath(value)
    if not isinstance(value, str) or not value or "\0" in value:
        _refuse()
    os.fsencode(value)  # a lone surrogate that no file system could hold
    return value


def _stream(value: object) -> str | None:
    """Where JSON diagnostics go: None, "stderr", "fd:N" or a path."""
    if isinstance(value, str) and value.lower() in BOOLEANS:
        value = BOOLEANS[value.lower()]
    if isinstance(value, bool) or value is None:
        return "stderr" if value else None
    text = _path(value)
    number = text.removeprefix("fd:")
    if number != text and not (number.isascii() and number.isdigit() and int(number) >= 2):
        _refuse()  # 0 and 1 are the program's
    return text


SIZE = "a size, such as 500MB or 2GiB"
# Every key: how its value is read, and what to say when it cannot be.
KEYS: dict[str, tuple[Convert, str]] = {
    "on_recorder_error": (_choice("disable", "abort"), "disable or abort"),
    "require_trace": (_boolean, "true or false"),
    "keep_partial_trace": (_boolean, "true or false"),
    "propagate_script_exit": (_boolean, "true or false"),
    "json_errors": (_stream, "true, false, a path, or fd:N with N from 2"),
    "log_level": (_choice("error", "warning", "info", "debug"), "error, warning, info or debug"),
    "log_file": (_or_none(_path, "none", ""), "a path or none"),
    "summary": (_choice("auto", "always", "never"), "auto, always or never"),
    "scope": (_choice("own", "deps", "all"), "own, deps or all"),
    "own_folders": (_folders, "a list of folders"),
    "include": (_patterns, "a list of patterns"),
    "exclude": (_patterns, "a list of patterns"),
    "redact": (
        _or_none(_more_patterns),
        "a list of patterns besides the recorder's own, which redact_defaults = false leaves out",
    ),
    "redact_defaults": (_boolean, "true or false"),
    "source_text": (_boolean, "true or false"),
    "value_budget": (
        _or_none(_within(1, MOST_BUDGET), "auto"),
        "a whole number from 1 to 100000, or auto",
    ),
    "value_limit": (_within(LEAST_LIMIT, MOST_LIMIT), "a whole number from 10 to 5000"),
    "capture_output": (_kept_output, f"on, off, or {SIZE}"),
    "capture_audit": (_kept_output, f"on, off, or {SIZE}"),
    "follow_children": (_boolean, "true or false"),
    "max_bytes": (_or_none(_size, "none"), f"{SIZE}, or none"),
    "keep_last": (_or_none(_size, "none"), f"{SIZE}, or none"),
    "keep_spans": (_boolean, "true or false"),
    "max_events": (_or_none(_count, "none"), "a positive whole number or none"),
    "max_duration": (_or_none(_duration, "none"), "a time, such as 90s, 15m or 2h, or none"),
    "min_free_space": (_or_none(_floor, "auto"), f"{SIZE}, 0 or auto"),
}


# ----------------------------------------------------------------------------------------- policy


@errors.guarded_class("policy")
class Policy:
    """How a session behaves. Immutable; checked when it is made; equal when all its values are.

    on_recorder_error      "disable": recording stops and the program goes on; "abort": it ends too
    require_trace          bool: a run that leaves no whole trace ends with the exit code of that failure
    keep_partial_trace     bool: publish what there is when recording ended early; else leave nothing
    propagate_script_exit  bool: exit as the program does; else with 0
    json_errors            where diagnostics go as JSON: None, "stderr", "fd:N" or a path
    log_level              "error", "warning", "info" or "debug"
    log_file               path of the recorder's own log; None: there is none
    summary                one line at the end: "auto" (on a terminal), "always" or "never"
    scope                  "own" code, own and installed "deps", or "all"
    own_folders            tuple of folders whose code is own; empty: all that is not of Python or installed
    include, exclude       tuple of patterns of module names and paths, on top of the scope
    redact                 tuple of patterns of further names whose values are secret; None: there are none
    redact_defaults        bool: values of names that look like secrets are left out anyway
    source_text            bool: keep the text of the files that ran
    value_budget           elements of values that are looked at for an event, on average; None: 64, and as many
                           times more as value_limit is more than 200; 4 in tests
    value_limit            elements of one container that are recorded; of a whole value ten times as many,
                           up to 20,000; of a text as many times more than 1,024 characters as this is more than 200
    capture_output         bytes of stdout and stderr that are kept; "on": 64 MiB; "off": 0, they are not looked at
    capture_audit          bytes of audit events (files, processes, connections) that are kept; "on": 64 MiB; "off": 0
    follow_children        bool: record forked and started Python processes too, each into a trace of its own
    max_bytes              bytes of the trace, or text as "500MB", "2GiB"; None: without a limit
    max_events             number of events; None: without a limit
    max_duration           seconds, or text as "90s", "15m", "2h"; None: without a limit
                           (at each of these recording ends, at the next call or line)
    keep_last              bytes that the events may take, the beginning is dropped; None: all are kept
    keep_spans             bool: keep only what is in spans, and not in those that said at their end to be forgotten
    min_free_space         bytes that the disk keeps free; None: the smaller of 1 GiB and 5 % of it

    Raises InvalidPolicyValueError for a value that is none of these.
    """

    __slots__ = tuple(KEYS)

    if TYPE_CHECKING:
        on_recorder_error: str
        require_trace: bool
        keep_partial_trace: bool
        propagate_script_exit: bool
        json_errors: str | None
        log_level: str
        log_file: str | None
        summary: str
        scope: str
        own_folders: tuple[str, ...]
        include: tuple[str, ...]
        exclude: tuple[str, ...]
        redact: tuple[str, ...] | None
        redact_defaults: bool
        source_text: bool
        value_budget: int | None
        value_limit: int
        capture_output: int
        capture_audit: int
        follow_children: bool
        max_bytes: int | None
        keep_last: int | None
        keep_spans: bool
        max_events: int | None
        max_duration: float | None
        min_free_space: int | None

    def __init__(
        self,
        *,
        on_recorder_error: str = "disable",
        require_trace: bool = False,
        keep_partial_trace: bool = True,
        propagate_script_exit: bool = True,
        json_errors: bool | str | os.PathLike[str] | None = None,
        log_level: str = "warning",
        log_file: str | os.PathLike[str] | None = None,
        summary: str = "auto",
        scope: str = "own",
        own_folders: Iterable[str | os.PathLike[str]] = (),
        include: Iterable[str] = (),
        exclude: Iterable[str] = (),
        redact: Iterable[str] | None = None,
        redact_defaults: bool = True,
        source_text: bool = True,
        value_budget: int | str | None = None,
        value_limit: int | str = 200,
        capture_output: bool | int | str = True,
        capture_audit: bool | int | str = False,
        follow_children: bool = False,
        max_bytes: int | str | None = None,
        keep_last: int | str | None = None,
        keep_spans: bool = False,
        max_events: int | str | None = None,
        max_duration: float | str | None = None,
        min_free_space: int | str | None = None,
    ) -> None:
        # Not locals(): where memory lacks, CPython 3.13 crashes in it.
        given: dict[str, object] = {
            "on_recorder_error": on_recorder_error,
            "require_trace": require_trace,
            "keep_partial_trace": keep_partial_trace,
            "propagate_script_exit": propagate_script_exit,
            "json_errors": json_errors,
            "log_level": log_level,
            "log_file": log_file,
            "summary": summary,
            "scope": scope,
            "own_folders": own_folders,
            "include": include,
            "exclude": exclude,
            "redact": redact,
            "redact_defaults": redact_defaults,
            "source_text": source_text,
            "value_budget": value_budget,
            "value_limit": value_limit,
            "capture_output": capture_output,
            "capture_audit": capture_audit,
            "follow_children": follow_children,
            "max_bytes": max_bytes,
            "keep_last": keep_last,
            "keep_spans": keep_spans,
            "max_events": max_events,
            "max_duration": max_duration,
            "min_free_space": min_free_space,
        }
        for key in KEYS:
            object.__setattr__(self, key, check(key, given[key], "argument"))

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError("a Policy cannot be changed: replace() makes another one")

    def __delattr__(self, name: str) -> NoReturn:
        raise AttributeError("a Policy cannot be changed")

    def __eq__(self, other: object) -> bool:
        return self._values() == other._values() if isinstance(other, Policy) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._values())

    def __repr__(self) -> str:
        """What differs from the default: that is what a reader wants to know."""
        values = ((key, getattr(self, key), getattr(DEFAULT, key)) for key in KEYS)
        shown = (f"{key}={value!r}" for key, value, default in values if value != default)
        return f"Policy({', '.join(shown)})"

    def __reduce__(self) -> tuple[Callable[[Json], Policy], tuple[Json]]:
        return Policy.from_dict, (self.to_dict(),)

    def _values(self) -> tuple[object, ...]:
        return tuple(getattr(self, key) for key in KEYS)

    def replace(self, **changes: Any) -> Policy:
        """A policy with these values changed."""
        return Policy.from_dict({**self.to_dict(), **changes}, source="argument")

    def to_dict(self) -> Json:
        """The values as JSON has them: tuples become lists."""
        values = zip(KEYS, self._values(), strict=True)
        return {key: list(v) if isinstance(v, tuple) else v for key, v in values}

    @staticmethod
    def from_dict(values: Mapping[str, Any], source: str = "dict") -> Policy:
        """The policy with these values, and defaults for the rest."""
        try:
            rows = list(dict(values).items())
        except Exception as exc:  # whatever the methods of no mapping raise
            if arguments.is_unrelated(exc, values):
                raise
            raise arguments.wrong("values", values, "a mapping of policy keys to values") from exc
        source = source if isinstance(source, str) else errors.describe(source)
        return Policy(**{key: check(key, value, source) for key, value in rows})

    def free_space_floor(self, disk_bytes: int) -> int:
        """How many bytes a disk of this size has to keep free."""
        disk_bytes = arguments.number(disk_bytes, "disk_bytes")
        if self.min_free_space is not None:
            return self.min_free_space
        return min(GIB, disk_bytes // 20)


def check(key: str, value: object, source: str) -> Any:
    """The value in its one true form, or the error that names where it came from."""
    if key not in KEYS:
        raise unknown_key(key, source)
    convert, expected = KEYS[key]
    try:
        return convert(value)
    except Exception as error:  # ours is ValueError; the rest is what the value's own methods raise
        if arguments.is_unrelated(error, value):
            raise
        shown = errors.describe(value)
        raise errors.InvalidPolicyValueError(
            key=key, value=shown, source=source, expected=expected
        ) from None


def unknown_key(key: object, source: str) -> errors.RecorderError:
    shown = key if isinstance(key, str) else errors.describe(key)
    message = f"{shown} (from {source}) is not a policy key"
    if (near := _nearest(shown)) is not None:
        message += f"; did you mean {near}?"
    return errors.UnknownPolicyKeyError(message, key=shown, source=source)


def _nearest(key: str) -> str | None:
    from difflib import get_close_matches

    matches = get_close_matches(key.lower().replace("-", "_"), KEYS, n=1, cutoff=0.75)
    return matches[0] if matches else None


DEFAULT = Policy()


# ---------------------------------------------------------------------------------------- sources


@errors.guarded("policy")
def load(
    pyproject: str | None = None,
    environ: Mapping[str, str] | None = None,
    cli_options: Mapping[str, object] | None = None,
    arguments: Mapping[str, object] | None = None,
) -> tuple[Policy, dict[str, str]]:
    """The effective policy and where each value came from. A later source wins over an earlier.

    `pyproject` is the path of a pyproject.toml (see `find_pyproject`); `cli_options` and
    `arguments` hold what was given, by policy key.
    """
    values: Json = {}
    origins = dict.fromkeys(KEYS, "default")
    cwd = current_folder()
    for rows, folder in (
        (_from_pyproject(pyproject), os.path.dirname(pyproject or "")),
        (_from_environment(environ or {}), cwd),
        (_from_options(cli_options or {}), cwd),
        ([(key, value, "argument") for key, value in (arguments or {}).items()], cwd),
    ):
        for key, value, source in rows:
            values[key] = _absolute(key, check(key, value, source), folder)
            origins[key] = source
    return Policy(**values), origins


@errors.guarded("policy")
def find_pyproject(folder: str | None = None) -> str | None:
    """The nearest pyproject.toml, here or in a folder above."""
    folder = folder or current_folder()
    while folder:
        candidate = os.path.join(folder, "pyproject.toml")
        if _is_file(candidate):
            return candidate
        parent = os.path.dirname(folder)
        folder = parent if parent != folder else ""
    return None


def _is_file(path: str) -> bool:
    """As os.path.isfile, which would take an OSError out of a signal handler for a no."""
    try:
        return stat.S_ISREG(os.stat(path).st_mode)
    except OSError as error:
        if errors.is_from_program(error):
            raise
        return False


def current_folder() -> str:
    """An empty text if it was removed under us, or may not be known."""
    try:
        return os.getcwd()
    except OSError as error:  # the folder was removed under us
        if errors.is_from_program(error):
            raise
        return ""


def _from_pyproject(path: str | None) -> list[Row]:
    if path is None:
        return []
    with errors.mapped("open", path=path), open(path, "rb") as file:
        data = file.read()
    if b"recorder" not in data:  # most files say nothing about us: do not load a parser for them
        return []
    import tomllib

    try:
        table = tomllib.loads(data.decode()).get("tool", {})
    except ValueError as exc:
        raise _bad_table(path, str(exc), "a file that is valid TOML") from exc
    table = table.get("recorder", {}) if isinstance(table, dict) else {}
    if not isinstance(table, dict):
        raise _bad_table(path, errors.describe(table), "a table")
    source = f"{path} [tool.recorder]"
    return [(key.replace("-", "_"), value, source) for key, value in table.items()]


def _bad_table(path: str, value: str, expected: str) -> errors.RecorderError:
    return errors.InvalidPolicyValueError(
        key="[tool.recorder]", value=value, source=path, expected=expected
    )


def _from_environment(environ: Mapping[str, str]) -> list[Row]:
    """RECORDER_<KEY>. Other names with the prefix are left alone, unless they look mistyped."""
    found: list[Row] = []
    for name, value in environ.items():
        if not name.startswith(ENVIRONMENT_PREFIX):
            continue
        key = name[len(ENVIRONMENT_PREFIX) :].lower()
        if key in KEYS:
            found.append((key, value, f"environment {name}"))
        elif _nearest(key) is not None:
            raise unknown_key(key, f"environment {name}")
    return found


def _from_options(options: Mapping[str, object]) -> list[Row]:
    return [(k, v, f"command line --{k.replace('_', '-')}") for k, v in options.items()]


def _absolute(key: str, value: Any, folder: str) -> Any:
    """Paths hold wherever the program goes with chdir."""
    if key == "own_folders":
        return tuple(os.path.join(folder, path) for path in value)
    names_file = key == "log_file" or (
        key == "json_errors" and value != "stderr" and not str(value).startswith("fd:")
    )
    return os.path.join(folder, value) if names_file and value is not None else value


# --------------------------------------------------------------------------------------- decision


class Disposition:
    """What to do about a failure.

    action     "raise"    the call that failed raises the error
               "degrade"  a marker stands where the value should be, a counter goes up; go on
               "disable"  recording ends, the program goes on
               "abort"    recording ends, and the program ends with exit_code
    trace      "continue" (it goes on), "keep" (publish what there is) or "discard" (leave nothing)
    exit_code  what the process has to exit with; None: as the program does
    """

    __slots__ = ("action", "exit_code", "trace")

    def __init__(self, action: str, trace: str, exit_code: int | None = None) -> None:
        self.action = action
        self.trace = trace
        self.exit_code = exit_code

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Disposition):
            return NotImplemented
        mine = (self.action, self.trace, self.exit_code)
        return mine == (other.action, other.trace, other.exit_code)

    def __hash__(self) -> int:
        return hash((self.action, self.trace, self.exit_code))

    def __repr__(self) -> str:
        return f"Disposition({self.action!r}, {self.trace!r}, {self.exit_code!r})"


# Where a failure comes from.
ORIGINS = ("start", "callback", "sealer", "fork", "stop", "shutdown")
# What the session is when it happens: "failed" is one that an earlier failure has ended already.
STATES = ("starting", "recording", "failed", "stopped", "poisoned")

GO_ON = "degrade"
BY_POLICY = "policy"  # what on_recorder_error says, where the code leaves it a choice

# The table. The first row that fits decides; "*" fits everything.
# fmt: off
RULES: tuple[tuple[str, str, str, str], ...] = (
    # origin      state        on_error    → action
    ("start",     "*",         "*",          "raise"),    # nothing has run yet
    ("*",         "starting",  "*",          "raise"),
    ("fork",      "*",         "*",          "disable"),  # in the child; the trace is its parent's
    ("*",         "*",         "degrade",    GO_ON),
    ("callback",  "recording", "*",          BY_POLICY),
    ("callback",  "*",         "*",          GO_ON),      # the first failure has decided
    ("sealer",    "recording", "*",          BY_POLICY),
    ("sealer",    "stopped",   "*",          BY_POLICY),  # the trace may still be lost
    ("sealer",    "*",         "*",          GO_ON),
    ("stop",      "poisoned",  "*",          "raise"),
    ("stop",      "*",         "raise",      "raise"),    # the answer to this very call
    ("stop",      "*",         "*",          BY_POLICY),
    ("shutdown",  "poisoned",  "*",          GO_ON),
    ("shutdown",  "*",         "*",          BY_POLICY),
)
# fmt: on


def decide(number: int, origin: str, policy: Policy, state: str = "recording") -> Disposition:
    """What a failure leads to. The only place that chooses; touches nothing."""
    failure = errors.class_for(number)
    action = _rule(origin, state, failure.on_error)
    if action == BY_POLICY:
        action = _by_policy(failure, policy)
        if action == "abort" and origin == "stop":
            action = "raise"  # there is a caller to raise it to
    if action == "degrade":
        return Disposition(action, "continue")
    trace = _trace_after(failure, origin, policy, state)
    if action in ("raise", "abort"):
        return Disposition(action, trace, failure.exit_code)
    if origin == "fork":
        return Disposition(action, trace)
    required = requirement(policy, "partial" if trace == "keep" else "missing", number)
    return Disposition(action, trace, errors.class_for(required).exit_code if required else None)


def requirement(policy: Policy, trace_state: str, number: int = 0) -> int:
    """What require_trace makes of the end of a run: the number of its failure, or 0. Checked last.

    `trace_state` is the verdict, or "missing"; `number` is the failure that ended the recording.
    A trace that is partial by what policy cannot override (a limit that was asked for, an exec) is
    all that could be had.
    """
    if not policy.require_trace or trace_state == "complete":
        return 0
    if trace_state == "missing":
        return errors.TraceMissingError.number
    return errors.TraceIncompleteError.number if errors.class_for(number).override else 0


def after_finalization(
    policy: Policy, *, owns_status: bool
) -> list[tuple[int, bytes, tuple[int, ...]]]:
    """What each failure leads to that comes up after Python has gone, for the core, which cannot ask then: its
    number, the disposition, and the exit status with a complete trace, a partial one, none (-1: the program's own).

    The first row is for no failure at all, the last for one that is in no other. `owns_status`: the whole process is
    recorded, so that its exit status can show an abort."""

    def exits(number: int, aborts: bool = False) -> tuple[int, ...]:
        found = (requirement(policy, state, number) for state in ("complete", "partial", "missing"))
        own = errors.class_for(number).exit_code if aborts else -1
        return tuple(errors.class_for(n).exit_code if n and not aborts else own for n in found)

    rows = [(0, b"disable", exits(0))]
    for number in (*errors.BY_NUMBER, errors.UnknownFailureError.number):
        action = decide(number, "shutdown", policy, "stopped").action
        rows.append((number, action.encode(), exits(number, action == "abort" and owns_status)))
    return rows


def exit_status(policy: Policy, disposition: Disposition | None, program: int) -> int:
    """The exit status of the process: the program's own, unless the recorder has to speak up."""
    if disposition is not None and disposition.exit_code is not None:
        return disposition.exit_code
    return program if policy.propagate_script_exit else 0


def _rule(origin: str, state: str, on_error: str) -> str:
    for where, when, kind, action in RULES:
        if where in ("*", origin) and when in ("*", state) and kind in ("*", on_error):
            return action
    raise errors.InvariantBrokenError(invariant=f"a rule for {origin} while {state}")


def _by_policy(failure: type[errors.RecorderError], policy: Policy) -> str:
    if failure.number in (errors.TraceMissingError.number, errors.TraceIncompleteError.number):
        return "abort"  # require_trace beats disable
    if failure.on_error == "abort":
        return "abort"
    return policy.on_recorder_error if failure.override else "disable"


def _trace_after(
    failure: type[errors.RecorderError], origin: str, policy: Policy, state: str
) -> str:
    if state == "starting":
        return "discard"  # nothing is in it
    if state in ("failed", "poisoned") or origin in ("start", "fork"):
        return "continue"  # decided already, or not this failure's to touch
    if failure.on_error == "raise" and (state == "stopped" or origin == "stop"):
        return "continue"  # a wrong call, or a remark on a trace that is finished
    kept = policy.keep_partial_trace and failure.trace_effect != "discarded"
    return "keep" if kept else "discard"
