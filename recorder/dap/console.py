"""What the program printed and logged, as an editor's console has it: told once, with its moment, as soon as one gets
there. Over what was told one may go back, and on again: a console takes nothing back, so a line says which output that
was."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from heapq import merge
from typing import Any, Final

from recorder.dap.arguments import Arguments
from recorder.dap.state import State
from recorder.trace.logs import Log, told
from recorder.trace.output import ByEvent, Output, printed

MOST_TOLD: Final = 1_000_000  # events of a way on which output is told: the last ones
MOST_LOOKED: Final = 10_000_000  # events before a moment in which its output is looked for
MOST_SHOWN: Final = 1 << 16  # characters of it
SHORT: Final = 60  # characters by which one is named
Emit = Callable[[str, dict[str, Any]], None]


class Console:
    def __init__(self, state: State, emit: Emit) -> None:
        self.state = state
        self.emit = emit
        self._outputs = ByEvent(state.trace._queries, printed, lambda one: one.moment)
        self._logs = ByEvent(state.trace._queries, told, lambda one: one.moment)
        self._at = self._told = 0  # where one is, and the furthest that one has been
        self.commands = {"recorder.outputAt": self.output_at}

    def say(self, text: str, category: str = "console", **more: Any) -> None:
        self.emit("output", {"category": category, "output": text, **more})

    def arrive(self, seq: int) -> None:
        """Tells what lies between where one was and here."""
        last, self._at = self._at, seq
        if seq < last:
            self._name("back before this output", seq, last)
        elif last < self._told:
            self._name("again after this output", last, min(seq, self._told))
        if seq > self._told:
            first, self._told = self._told, seq
            if seq - first > MOST_TOLD:
                self.say(f"(output of {seq - first - MOST_TOLD:,} events is passed over here)\n")
            for one in self._between(max(first, seq - MOST_TOLD), seq):
                self.say(_text(one), _category(one), **self._place_of(one))

    def _name(self, where: str, start: int, stop: int) -> None:
        start = max(start, stop - MOST_TOLD)
        found = list(self._between(start, stop))
        if found:
            first = _text(found[0]).strip()
            text = first if len(first) <= SHORT else first[: SHORT - 1] + "…"
            text = " ".join(text.split())
            more = f" and {len(found) - 1:,} more" if len(found) > 1 else ""
            self.say(f"{where}: {text}{more}\n", **self._place_of(found[0]))

    def output_at(self, asked: Arguments) -> dict[str, Any]:
        """What the console had at this moment: the last `most` characters, each part with its moment."""
        most = min(max(asked.number("most", MOST_SHOWN), 1), MOST_SHOWN * 16)
        now, size = self.state.now.seq, 0
        found: list[Output | Log] = []
        stop, lowest = now, max(now - MOST_LOOKED, 0)
        while stop > lowest and size < most:
            self.state.walk.check(stop)
            low = self.state.trace._queries.chunk_around(stop - 1)[0]
            part = list(self._between(low, stop))
            size += sum(len(_text(one)) for one in part)
            found, stop = part + found, low
        is_whole = stop <= 0 and size <= most
        while found and size - len(_text(found[0])) >= most:
            size -= len(_text(found.pop(0)))
        return {
            "seq": now,
            "output": [{"stream": _category(one), "text": _text(one)[-most:], **self._place_of(one)} for one in found],
            "complete": is_whole,
        }  # fmt: skip

    def _between(self, start: int, stop: int) -> Iterator[Output | Log]:
        """What was printed and logged from one event on, before another one. What a logger or a warning prints is told
        as it was printed, and not as a record as well."""
        written = [one for one in self._outputs.between(start, stop) if one.stream != "stdin"]
        told = [one for one in self._logs.between(start, stop) if not one.omitted]
        by_line: dict[tuple[int | None, int | None], list[Output]] = {}
        for one in written:
            by_line.setdefault((one.seq, one.frame), []).append(one)
        logs = (
            log
            for log in told
            if not any(_prints(one, log) for one in by_line.get((log.seq, log.frame), ()))
        )
        return merge(logs, written, key=_moment)

    def _place_of(self, one: Output | Log) -> dict[str, Any]:
        """Of what code did that is not recorded, the line that called it; `data` says whom."""
        place: dict[str, Any] = {"data": {"seq": _moment(one)}}
        if one.during is not None:
            place["data"]["during"] = str(one.during)
        if one.file is not None and one.line is not None:
            place |= {"source": self.state.files.named(one.file, one.function), "line": one.line}
        return place


def _prints(output: Output, log: Log) -> bool:
    return log.kind in ("record", "warning") and bool(log.text) and log.text in output.text


def _moment(one: Output | Log) -> int:
    return one.moment or 0


def _text(one: Output | Log) -> str:
    return f"{one.shown}\n" if isinstance(one, Log) else one.text


def _category(one: Output | Log) -> str:
    if not isinstance(one, Log):
        return one.stream
    return "important" if one.kind in ("uncaught", "unraisable") else "console"
