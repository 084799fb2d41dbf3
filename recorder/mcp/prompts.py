"""Three hunts, as prompts: what to ask first, what to believe, and how to conclude."""

from __future__ import annotations

from typing import Final, NamedTuple


class Hunt(NamedTuple):
    name: str
    description: str
    arguments: tuple[tuple[str, str], ...]
    text: str


RULES: Final = (
    "Say of each step which event (#number) shows it. `never` is a fact, `unknown` and `not recorded` are none. "
    "End with the line that is wrong, the value that it made, and the smallest change that would mend it."
)
HUNTS: Final = (
    Hunt(
        "wrong_value",
        "A value is wrong: find the line that made it so.",
        (("name", "the variable, or what was printed"), ("trace", "the trace")),
        "In the recording {trace} the value {name} is wrong. Ask `overview` first; if its way back does not show the "
        "line, ask `why` for the value at the event where it is wrong, then for what the last step read, and "
        "`watch` for where it changed. " + RULES,
    ),
    Hunt(
        "exception",
        "An exception was raised: find the value that caused it, and where that came from.",
        (("trace", "the trace"),),
        "The program recorded in {trace} failed. Ask `overview`, then `exceptions` with last=true for the variables of "
        "every frame, then `why` for the variable that must not be what it is. " + RULES,
    ),
    Hunt(
        "two_runs",
        "Two runs differ: find the first difference that matters.",
        (("trace", "the run that failed"), ("other", "the run that passed")),
        "{trace} failed and {other} passed. Ask `diff` of the two with limit=3; the first difference of a value is "
        "where to ask `why` in each; if what ran differs first, ask `state` at both events. "
        + RULES,
    ),
)
BY_NAME: Final = {hunt.name: hunt for hunt in HUNTS}
