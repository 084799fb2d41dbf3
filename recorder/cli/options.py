"""The command line of `recorder run`, read the way Python reads its own.

Everything from SCRIPT, -m MODULE or -c CODE on belongs to the program, and Python's flags before
it to Python, word for word. What is left is ours: policy, and where the trace goes.
"""

from __future__ import annotations

import os

from recorder import errors

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

# Spelling, what stands for its value, the policy key it sets ("output" is none), help.
# [no-] makes two options of one; a value in brackets may be left out and is given with "=" only.
OPTIONS = (
    ("-o", "OUT", "output", "where the trace goes (default: app.rtrace for app.py)"),
    ("--output", "OUT", "output", "the same"),
    ("--scope", "own|deps|all", "scope", "yours only (default), installed packages' too, or all"),
    ("--own-folders", "FOLDERS", "own_folders", "folders that hold your own code, with commas"),
    ("--include", "PATTERNS", "include", "modules or paths to record as well, with commas"),
    ("--exclude", "PATTERNS", "exclude", "modules or paths not to record"),
    ("--redact", "PATTERNS", "redact", "further names whose values are secret"),
    ("--[no-]redact-defaults", "", "redact_defaults", "redact what looks like a secret (default)"),
    ("--[no-]source-text", "", "source_text", "keep the text of the files that ran (default)"),
    ("--value-budget", "N", "value_budget", "elements of values looked at for an event (64)"),
    ("--value-limit", "N", "value_limit", "elements of one container that are recorded (200)"),
    ("--capture-output", "on|off|SIZE", "capture_output", "stdout and stderr, so much of them (64MiB)"),
    ("--capture-audit", "on|off|SIZE", "capture_audit", "files, processes and connections (off)"),
    ("--[no-]follow-children", "", "follow_children", "child processes too, each with its own trace"),
    ("--on-recorder-error", "disable|abort", "on_recorder_error", "when recording fails"),
    ("--[no-]require-trace", "", "require_trace", "fail at the end if there is no whole trace"),
    ("--[no-]keep-partial-trace", "", "keep_partial_trace", "keep what there is (default)"),
    ("--[no-]propagate-script-exit", "", "propagate_script_exit", "exit as it does (default)"),
    ("--json-errors", "[PATH|fd:N]", "json_errors", "diagnostics as JSON, on stderr or there"),
    ("--log-level", "LEVEL", "log_level", "error, warning (default), info or debug"),
    ("--log-file", "FILE", "log_file", "where the recorder's own log goes"),
    ("--[no-]summary", "", "summary", "one line at the end (default: on a terminal)"),
    ("--max-bytes", "SIZE", "max_bytes", "end the recording at this size, such as 500MB"),
    ("--max-events", "N", "max_events", "… after so many events"),
    ("--max-duration", "TIME", "max_duration", "… after this time, such as 90s or 15m"),
    ("--min-free-space", "SIZE", "min_free_space", "… before the disk has less than this free"),
    ("--keep-last", "SIZE", "keep_last", "keep only the last events, of this size"),
    ("--[no-]keep-spans", "", "keep_spans", "keep only what is in spans, and is not forgotten"),
)  # fmt: skip

FLAGS = frozenset("bBdEiIOPqsSuvx")  # Python's, without a value
FLAGS_WITH_VALUE = frozenset("WX")
LONG_FLAG = "--check-hash-based-pycs"  # Python's only long one, with a value
BLIND = frozenset("IES")  # with these it does not see PYTHONPATH: there is another way in


class Run:
    """What the command line asks for.

    kind     "script", "module", "code" or "stdin"
    target   the path, the module's name or the code
    flags    Python's flags, as they were given
    blind    the one of them by which Python does not see PYTHONPATH, or ""
    program  all that follows, as it was given: from SCRIPT, -m or -c on
    policy   options that set a policy value, by key
    """

    __slots__ = (
        "blind",
        "flags",
        "help",
        "kind",
        "output",
        "policy",
        "program",
        "safe_path",
        "target",
    )

    def __init__(self) -> None:
        self.kind = ""
        self.blind = ""
        self.target = ""
        self.output: str | None = None
        self.policy: dict[str, object] = {}
        self.flags: list[str] = []
        self.program: list[str] = []
        self.safe_path = bool(os.environ.get("PYTHONSAFEPATH"))
        self.help = False

    @property
    def destination(self) -> str:
        """Where the trace goes."""
        if self.output is not None:
            return self.output
        if self.kind == "module":
            stem = self.target
        elif self.kind == "script":
            path = os.path.normpath(self.target)
            name = os.path.basename(path if path.strip("./") else os.path.abspath(path))
            stem = os.path.splitext(name)[0]
        else:
            stem = {"code": "command", "stdin": "stdin"}[self.kind]
        return f"{stem}.rtrace"


def parse(arguments: Sequence[str]) -> Run:
    """What `recorder run` was asked for."""
    run = Run()
    rest = list(arguments)
    while rest and not run.kind:
        word = rest.pop(0)
        if word in ("-h", "--help"):
            run.help = True
            return run
        if word == "--":
            run.flags.append(word)
            _take_script(run, rest)
        elif word == LONG_FLAG:
            run.flags += [word, _value_of(word, rest)]
        elif word.startswith("--"):
            take_own(word, rest, run.policy)
        elif word.startswith("-o"):
            take_own("-o", [word[2:]] if word[2:] else rest, run.policy)
        elif word.startswith("-") and word != "-":
            _take_flags(run, word, rest)
        else:
            _take_script(run, [word, *rest])
    if not run.kind:
        raise errors.MissingArgumentError(argument="SCRIPT, -m MODULE or -c CODE")
    output = run.policy.pop("output", None)
    run.output = output if isinstance(output, str) else None
    if run.output == "-":
        expected = "a file, not a stream: a trace takes its place in one step (./- for a file of that name)"
        raise errors.InvalidArgumentError(argument="-o", value="-", expected=expected)
    return run


def parse_policy(arguments: Sequence[str]) -> dict[str, object]:
    """Policy options alone, for commands that run nothing."""
    given: dict[str, object] = {}
    rest = list(arguments)
    while rest:
        take_own(rest.pop(0), rest, given)
    return given


def take_own(word: str, rest: list[str], given: dict[str, object]) -> None:
    """One option of ours, with its value from the same word or the next."""
    name, equals, attached = word.partition("=")
    if name not in SPELLINGS:
        raise _not_an_option(name)
    key, metavar, constant = SPELLINGS[name]
    if not metavar:
        if equals:
            raise errors.InvalidArgumentError(argument=name, value=attached, expected="no value")
        given[key] = constant
    elif metavar.startswith("["):
        given[key] = attached if equals else True
    else:
        given[key] = attached if equals else _value_of(name, rest)


def _take_flags(run: Run, word: str, rest: list[str]) -> None:
    """A cluster of Python's short flags, such as -Bu, -Wignore or -um."""
    for index, letter in enumerate(word[1:], start=1):
        attached = word[index + 1 :]
        if letter in "mc":
            run.kind = "module" if letter == "m" else "code"
            run.program = [word, *rest]
            run.target = attached or _value_of(f"-{letter}", rest)
            return
        if letter in FLAGS_WITH_VALUE:
            run.flags += [word] if attached else [word, _value_of(f"-{letter}", rest)]
            return
        if letter not in FLAGS:
            raise _not_an_option(f"-{letter}")
        run.safe_path |= letter in "PI"
        if letter in BLIND:
            run.blind = f"-{letter}"
    run.flags.append(word)


def _take_script(run: Run, rest: list[str]) -> None:
    if rest:
        run.target = rest[0]
        run.kind = "stdin" if run.target == "-" else "script"
        run.program = rest


def _value_of(name: str, rest: list[str]) -> str:
    if not rest:
        raise errors.MissingArgumentError(argument=f"the value of {name}")
    return rest.pop(0)


def _not_an_option(name: str) -> errors.RecorderError:
    from difflib import get_close_matches

    near = get_close_matches(name, SPELLINGS, n=1)
    message = f"{name} is not an option of this command"
    if near:
        message += f"; did you mean {near[0]}?"
    return errors.InvalidArgumentError(message, argument=name)


def _spellings() -> Iterator[tuple[str, tuple[str, str, object]]]:
    for spelling, metavar, key, _ in OPTIONS:
        on, off = ("always", "never") if key == "summary" else (True, False)
        yield spelling.replace("[no-]", ""), (key, metavar, on)
        if "[no-]" in spelling:
            yield spelling.replace("[no-]", "no-"), (key, metavar, off)


SPELLINGS = dict(_spellings())


def help_rows(*, output: bool = True) -> str:
    """The options as `--help` shows them."""
    rows = []
    for spelling, metavar, key, text in OPTIONS:
        if key != "output" or output:
            joint = "[=" if metavar.startswith("[") else " "
            rows.append((f"{spelling}{joint if metavar else ''}{metavar.lstrip('[')}", text))
    return "\n".join(f"  {left:<34}  {text}" for left, text in rows)
