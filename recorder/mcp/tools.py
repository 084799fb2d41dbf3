"""The tools: which command each of them is, and how what a client gives becomes the words of a command line."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Final, NamedTuple

from recorder import errors
from recorder.errors import arguments
from recorder.explain.tokens import LEAST
from recorder.mcp.allowed import Allowed

BUDGET: Final = 2_000
MOST_BUDGET: Final = 20_000
SECONDS: Final = 45  # many clients wait for no more than 60
MOST_SECONDS: Final = 600
LONGEST: Final = 2_000  # characters of a text that is asked for
LONGEST_NAME: Final = 80  # of an argument, in what is said of it
TEXT: Final = "text"
JSON: Final = "json"


class Option(NamedTuple):
    """An argument of a tool. `flag`: how the command line spells it; empty: it stands by itself, in order. `kind`: as
    JSON Schema has it, `trace` or `event`."""

    name: str
    description: str
    flag: str = ""
    kind: str = "string"
    required: bool = False


class Tool(NamedTuple):
    """`command`: of `recorder`."""

    name: str
    command: str
    description: str
    options: tuple[Option, ...] = ()


FUNCTION: Final = Option(
    "function", "only of this function: a name, or a pattern such as test_*", "--function"
)
FILE: Final = Option("file", "only of this file: the end of its path", "--file")
LIMIT: Final = Option("limit", "so many answers at most", "--limit", "integer")
SINCE: Final = Option(
    "since", "from this event on: its number, a time such as 1.5s, a part such as 25%", "--since"
)
UNTIL: Final = Option("until", "up to there", "--until")
RANGE: Final = (SINCE, UNTIL)

TOOLS: Final = (
    Tool(
        "overview", "explain",
        "Begin here: what ran, how it ended, what failed, and the way back from there through writes, calls and "
        "conditions, each with its event number.",
        (Option("passing", "a trace of a run that passed, to compare with", "--passing", "trace"),),
    ),
    Tool(
        "calls", "calls", "What was called with which arguments, and what it returned or raised.",
        (FUNCTION, FILE, LIMIT, *RANGE, Option("self", "show self, too", "--self", "boolean")),
    ),
    Tool(
        "tree", "tree", "Who called what, how often and how long, folded into a few lines.",
        (FUNCTION, FILE, LIMIT, *RANGE, Option("own", "leave out what is Python's or installed", "--own", "boolean")),
    ),
    Tool(
        "find", "find", "The events where a condition holds, as breakpoints would have stopped.",
        (
            Option("at", "FILE:LINE about to run", "--at"),
            Option("when", "a Python expression over the variables there: 'n > 3 and not done'", "--when"),
            Option("value", "where this value is new: 3, 'text'", "--value"),
            Option("kind", "call, line, return, yield, raise, handled, unwind …", "--kind"),
            Option("output", "what wrote this text to stdout or stderr", "--output"),
            Option("backwards", "the last one first", "--backwards", "boolean"),
            FUNCTION, FILE, LIMIT, *RANGE,
        ),
    ),
    Tool(
        "state", "state", "The stack at an event, with all variables of each frame.",
        (Option("at", "the number of an event", kind="event", required=True),),
    ),
    Tool(
        "watch", "watch", "Every change of a variable, attribute or expression: old, new, and the line that did it.",
        (
            Option("expression", "such as total, self.items, len(queue)", required=True),
            Option("of", "only where its first name is of this class", "--of"),
            FUNCTION, FILE, LIMIT, *RANGE,
        ),
    ),
    Tool(
        "why", "why",
        "Why a variable has its value at an event: the write that made it, and back from there, a step a write.",
        (
            Option("name", "such as total, self.items, config['retries']", required=True),
            Option("at", "the number of an event; left out: where it was written last", "--at", "event"),
            FUNCTION, FILE, LIMIT,
        ),
    ),
    Tool(
        "check", "check",
        "Where an expression that should always be true is first false: status false, true or unknown.",
        (
            Option("expression", "such as self.total >= 0", required=True),
            Option("of", "only where its first name is of this class", "--of"),
            FUNCTION, FILE, *RANGE,
        ),
    ),
    Tool(
        "exceptions", "exceptions", "What was raised, where it went, and the variables of every frame.",
        (
            Option("type", "such as ValueError", "--type"),
            Option("uncaught", "only those that left the program", "--uncaught", "boolean"),
            Option("last", "the last one", "--last", "boolean"),
            FUNCTION, FILE, LIMIT, *RANGE,
        ),
    ),
    Tool(
        "source", "source",
        "The text of a function or file, with how often each line ran (-: never). No name: which there are.",
        (
            Option("name", "a function or a file"),
            Option("grep", "only the lines in which this regular expression matches", "--grep"),
            LIMIT,
        ),
    ),
    Tool(
        "diff", "diff", "Where this trace differs from another one, or two calls of it: in what ran, and in values.",
        (
            Option("other", "the trace to compare with", kind="trace"),
            Option("calls", "two calls, of this trace or one of each, by their first events: 40,49", "--calls"),
            Option("flow", "what ran only, and no values", "--flow", "boolean"),
            LIMIT,
        ),
    ),
    Tool(
        "query", "sql",
        "A question in SQL (DuckDB), read-only; it reads all of the trace first. Tables: events(seq, kind, function, "
        "file, line, depth, value, time_ns), calls(call, parent, function, file, line, first_seq, last_seq, ended, "
        "duration_ns, own_ns, arguments, value), values(seq, name, function, file, line, value), exceptions(seq, kind, "
        "type, value, function, file, line), output(seq, stream, text, file, line), logs, spans, files, traces.",
        (Option("sql", "a select statement", required=True),),
    ),
)  # fmt: skip
BY_NAME: Final = {tool.name: tool for tool in TOOLS}
BY_COMMAND: Final = {tool.command: tool for tool in TOOLS}
COMMON: Final = {
    "trace": {
        "type": "string",
        "description": "the path of a trace; not needed where there is one alone",
    },
    "budget": {
        "type": "integer", "minimum": LEAST, "maximum": MOST_BUDGET, "default": BUDGET,
        "description": "tokens that the answer may be long",
    },
    "seconds": {
        "type": "integer", "minimum": 1, "maximum": MOST_SECONDS, "default": SECONDS,
        "description": "so long it may take; what was found until then is told",
    },
    "form": {
        "enum": [TEXT, JSON], "default": TEXT,
        "description": "lines of text, or rows as answers.schema.json describes them",
    },
}  # fmt: skip


# As JSON Schema has it.
KINDS: Final[dict[str, Any]] = {"trace": "string", "event": ["string", "integer"]}


def input_schema(tool: Tool) -> dict[str, Any]:
    properties: dict[str, Any] = dict(COMMON)
    for option in tool.options:
        kind = KINDS.get(option.kind, option.kind)
        properties[option.name] = {"type": kind, "description": option.description}
        if "string" in kind:
            properties[option.name]["maxLength"] = LONGEST
    return {
        "type": "object",
        "properties": properties,
        "required": [option.name for option in tool.options if option.required],
        "additionalProperties": False,
    }


def words(tool: Tool, given: dict[str, Any], allowed: Allowed, trace: str) -> list[str]:
    """The words of the command. What a client gives is a value, whatever it begins with: behind `=`, or behind `--`.
    Raises INVALID_ARGUMENT, MISSING_ARGUMENT."""
    check_names(given, {option.name for option in tool.options} | set(COMMON))
    options: list[str] = []
    standing = [trace]
    for option in tool.options:
        value = given.get(option.name)
        if value is None:
            if option.required:
                raise errors.MissingArgumentError(argument=option.name)
            continue
        if option.kind == "boolean":
            options += [option.flag] if arguments.boolean(value, option.name) else []
            continue
        text = allowed.trace(value, option.name) if option.kind == "trace" else _text(option, value)
        if option.flag:
            options.append(f"{option.flag}={text}")
        else:
            standing.append(text)
    if given.get("form") == JSON:
        options.append("--json")
    return [tool.command, *options, "--", *standing]


def check_names(given: dict[str, Any], known: Collection[str]) -> None:
    """Raises INVALID_ARGUMENT."""
    for name in given:
        if name not in known:
            raise errors.InvalidArgumentError(
                argument=name[:LONGEST_NAME],
                value="",
                expected=f"one of {', '.join(sorted(known))}",
            )


def _text(option: Option, value: object) -> str:
    """As the command line has it."""
    if type(value) is int and option.kind in ("integer", "event"):
        return str(value)
    if option.kind == "integer" or not isinstance(value, str) or len(value) > LONGEST:
        expected = (
            "a number" if option.kind == "integer" else f"a text of at most {LONGEST:,} characters"
        )
        raise arguments.wrong(option.name, value, expected)
    if "\0" in value or (not value.isprintable() and not value.strip()):
        raise arguments.wrong(option.name, value, "a text")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise arguments.wrong(option.name, value, "a text in Unicode") from None
    return value


def seconds_of(given: dict[str, Any]) -> int:
    return _whole_number(given, "seconds", SECONDS, 1, MOST_SECONDS)


def budget_of(given: dict[str, Any]) -> int:
    budget = _whole_number(given, "budget", BUDGET, LEAST, MOST_BUDGET)
    if given.get("form", TEXT) not in (TEXT, JSON):
        raise arguments.wrong("form", given["form"], f"{TEXT} or {JSON}")
    return budget


def _whole_number(given: dict[str, Any], name: str, default: int, least: int, most: int) -> int:
    number = given.get(name, default)
    if type(number) is not int or not least <= number <= most:
        raise arguments.wrong(name, number, f"a number from {least} to {most:,}")
    return number


def call_of(command: str, words: list[str]) -> tuple[str, dict[str, Any]] | None:
    """The tool and its arguments that a suggested command stands for; None if no tool does."""
    tool = BY_COMMAND.get(command)
    if tool is None:
        return None
    by_flag = {option.flag: option for option in tool.options if option.flag}
    standing = [option for option in tool.options if not option.flag]
    arguments: dict[str, Any] = {}
    rest = list(words)
    while rest:
        word = rest.pop(0)
        if (option := by_flag.get(word)) is not None:
            if option.kind == "boolean":
                arguments[option.name] = True
            elif rest:
                value = rest.pop(0)
                arguments[option.name] = int(value) if option.kind == "integer" else value
        elif standing:
            arguments[standing.pop(0).name] = word
        else:
            return None
    return tool.name, arguments
