"""What a tool answers: as many lines as the budget holds, what was left out, and what to ask next."""

from __future__ import annotations

import json
import re
import shlex
from typing import Any, Final

from recorder.errors.text import cut, printable
from recorder.explain.tokens import TokenQuota, tokens
from recorder.mcp.tools import JSON, Tool, call_of

MOST_NOTES: Final = 6
NOTE: Final = 300  # characters
FRAME: Final = 100  # tokens for the names of the parts
REST: Final = 0.3  # of a budget, at most, for notes and suggestions
TIME: Final = "TIME"  # of a question that took too long
OF_ERRORS: Final = {
    "ERR_NOT_IN_TRACE": "not recorded",
    "ERR_TRACE_BUSY": "unknown",
    TIME: "unknown",
}
STATUSES: Final = {
    "found": "there are answers",
    "true": "what was to be checked was never false",
    "false": "what was to be checked was false",
    "never": "it is in the trace, which is complete, and it never happened",
    "not recorded": "there is nothing of that name in the trace",
    "unknown": "the trace does not tell: it is partial, damaged or still being written, or a value was cut or "
    "redacted; or there was no time to look at all of it",
    "failed": "the question could not be asked; `notes` say why",
}
VERDICT: Final = re.compile(r"^recorder: .* is (partial|truncated|corrupt)\b")
BROKEN_OFF: Final = re.compile(r"^recorder: interrupted: .* --since (\d+) goes on$")
INTERRUPTED: Final = "recorder: interrupted: "
NUMBER: Final = re.compile(r" *(\d+) ")  # of an event, at the beginning of a line
GOES_ON: Final = "goes on from there"
NEXT: Final = re.compile(r"^next: recorder (?P<words>.*?)  \((?P<reason>.*)\)$")
DOUBTFUL: Final = re.compile(r"; unknown at |it was true at 0 events|\"unknown\": [1-9]")
UNKNOWN: Final = re.compile(r"\bmay be\b|\bunknown: ")


class Gathering:
    """An answer that comes line by line. It is full when its budget is used up."""

    def __init__(
        self, tool: Tool, form: str, budget: int, given: dict[str, Any] | None = None
    ) -> None:
        self.tool = tool
        self.given = given or {}
        self.form = form
        self.budget = budget
        self.lines: list[str] = []
        self.quota = TokenQuota(int(budget * (1 - REST)) - FRAME)
        self.is_full = False
        self.is_cut = False
        self.more = 0  # lines, that there was no room for

    def take(self, line: str) -> bool:
        """False if there was no room for it: nothing more is needed."""
        text = line if self.form == JSON else json.dumps(line, ensure_ascii=False)
        if not self.is_full and self.quota.takes(text):
            self.lines.append(line)
            return True
        self.more += 1
        if self.is_full:
            return False
        self.is_full = True
        if self.form != JSON and not self.lines:  # rather a part than nothing
            self.lines.append(cut(line, max(self.quota.left, 1)))
            self.is_cut = True
        return False

    def result(
        self,
        notes: list[str],
        error: dict[str, Any] | None,
        trace: str,
        exit_status: int | None = 0,
    ) -> dict[str, Any]:
        """As the output schema says. `notes`: what came on stderr."""
        found = [NEXT.match(note) for note in notes]
        said = [note for note, match in zip(notes, found, strict=True) if match is None]
        broken_off = [match for note in said if (match := BROKEN_OFF.match(note))]
        if self.is_full:  # that says more
            said = [note for note in said if not note.startswith(INTERRUPTED)]
        if error is not None:
            said.append(f"{error['code']}: {error['detail']}")
            said += [error["hint"]] if error.get("hint") else []
        suggestions = [
            one for match in found if match is not None and (one := _suggestion(match, trace))
        ]
        if self.tool.command in IN_ORDER:
            if self.is_full:  # those are of an answer that is not told
                suggestions = self._of_the_last()
            suggestions = [*self._going_on(broken_off), *suggestions]
        answer: dict[str, Any] = {
            "status": self.status(said, error, exit_status),
            "lines": self.lines if self.form != JSON else [],
            "rows": [_row(line) for line in self.lines] if self.form == JSON else [],
            "left_out": self._left_out(),
            "notes": [cut(note, NOTE) for note in said[:MOST_NOTES]],
            "next": suggestions,
        }
        return fitted(answer, self.budget)

    def status(
        self, notes: list[str], error: dict[str, Any] | None, exit_status: int | None
    ) -> str:
        is_answered = error is not None and error["code"] == TIME and self.lines
        if is_answered and self.tool.command != "check":
            return "found"
        if error is not None and not is_answered:
            return OF_ERRORS.get(error["code"], "failed")
        if self.tool.command == "check":
            is_doubtful = error is not None or any(DOUBTFUL.search(line) for line in self.lines)
            held = "unknown" if is_doubtful else "true"
            return "false" if exit_status == 1 else held
        if self.tool.command == "explain":
            return "found"
        if self.is_full and not self.lines:  # the first one has no room
            return "found"
        if self.lines:
            return "unknown" if all(UNKNOWN.search(line) for line in self.lines) else "found"
        is_whole = not any(VERDICT.match(note) for note in notes)
        return "never" if is_whole else "unknown"

    def _left_out(self) -> str | None:
        if not self.is_full:
            return None
        part = (
            "the first answer is cut" if self.is_cut else f"{self.more} lines or more are left out"
        )
        ways = ["a larger budget"]
        if self.form == JSON:
            ways.append("form=text, which is shorter")
        if self._last() is not None:
            ways.append("as `next` says, from the last one on")
        if any(option.name == "function" for option in self.tool.options):
            ways.append("function=one of them")
        return f"{part}: ask with {', or '.join(ways)}"

    def _last(self) -> int | None:
        """The event of the last answer that is told, where they are in the order of their events."""
        if self.tool.command not in IN_ORDER:
            return None
        if self.form == JSON:
            return _row(self.lines[-1]).get("seq") if self.lines else None
        if (
            self.tool.command == "exceptions"
        ):  # of which each has several lines, the last one perhaps not all
            return None
        numbers = [match[1] for line in self.lines if (match := NUMBER.match(line))]
        return int(numbers[-1]) if numbers else None

    def _going_on(self, broken_off: list[re.Match[str]]) -> list[dict[str, Any]]:
        """The same question, of what is not told yet."""
        is_backwards = bool(self.given.get("backwards"))
        if self.is_full:
            last = self._last()
            if last is None:
                return []
            bound = {"until": f"{last}"} if is_backwards else {"since": f"{last + 1}"}
        elif broken_off:
            bound = {"since": broken_off[0][1]}
        else:
            return []
        return [{"tool": self.tool.name, "arguments": {**self.given, **bound}, "reason": GOES_ON}]

    def _of_the_last(self) -> list[dict[str, Any]]:
        last = self._last()
        reason = "all variables at the last one here"
        return (
            []
            if last is None
            else [{"tool": "state", "arguments": {"at": f"{last}"}, "reason": reason}]
        )


IN_ORDER: Final = ("calls", "find", "watch", "check", "exceptions")  # of their events


PARTS: Final = {"next": 0, "notes": 1, "rows": 0, "lines": 0}  # what goes first, and how many stay


def fitted(answer: dict[str, Any], budget: int) -> dict[str, Any]:
    """Without the last suggestions and notes, and then lines, until it is within the budget."""
    while tokens(json.dumps(answer, ensure_ascii=False)) > budget:
        full = [name for name, least in PARTS.items() if len(answer[name]) > least]
        part = full[0] if full else None
        if part is None:
            break
        answer[part] = answer[part][:-1]
        if part in ("rows", "lines"):
            answer["left_out"] = (
                answer["left_out"] or "the last lines are left out: ask with a larger budget"
            )
    return answer


def as_text(answer: dict[str, Any]) -> str:
    """The same, to be read."""
    parts = [
        *map(printable, answer["lines"]),
        *(json.dumps(row, ensure_ascii=False) for row in answer["rows"]),
    ]
    parts += [f"status: {answer['status']}"] if answer["status"] != "found" else []
    parts += [f"left out: {answer['left_out']}"] if answer["left_out"] else []
    parts += [f"note: {printable(note)}" for note in answer["notes"]]
    for one in answer["next"]:
        given = " ".join(f"{name}={value!r}" for name, value in one["arguments"].items())
        parts.append(f"next: {one['tool']} {given}  ({one['reason']})")
    return "\n".join(parts)


def output_schema() -> dict[str, Any]:
    texts = {"type": "array", "items": {"type": "string"}}
    return {
        "type": "object",
        "required": ["status", "lines", "rows", "left_out", "notes", "next"],
        "properties": {
            "status": {
                "enum": list(STATUSES),
                "description": "; ".join(f"{name}: {text}" for name, text in STATUSES.items()),
            },
            "lines": {
                **texts,
                "description": "the answer; a number at the beginning is that of an event",
            },
            "rows": {
                "type": "array",
                "items": {"type": "object"},
                "description": "the answer, with form=json",
            },
            "left_out": {
                "type": ["string", "null"],
                "description": "what there was no room for, and how to get it",
            },
            "notes": texts,
            "next": {
                "type": "array",
                "items": {
                    "type": "object",
                    "required": ["tool", "arguments", "reason"],
                    "properties": {
                        "tool": {"type": "string"},
                        "arguments": {"type": "object"},
                        "reason": {"type": "string"},
                    },
                },
            },
        },
    }


def _suggestion(match: re.Match[str], trace: str) -> dict[str, Any] | None:
    try:
        command, *words = shlex.split(match["words"])
    except ValueError:
        return None
    words = [word for word in words if word != trace]
    found = call_of(command, words)
    if found is None:
        return None
    return {"tool": found[0], "arguments": found[1], "reason": match["reason"]}


def _row(line: str) -> dict[str, Any]:
    row = json.loads(line)
    return row if isinstance(row, dict) else {"value": row}
