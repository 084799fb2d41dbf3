"""What the program printed, as an editor's console has it: told once, with its moment, as soon as one gets there. Over
what was told one may go back, and on again: a console takes nothing back, so a line says which output that was."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final

from recorder.dap.arguments import Arguments
from recorder.dap.state import State
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
                self.say(one.text, one.stream, **self._place_of(one))

    def _name(self, where: str, start: int, stop: int) -> None:
        start = max(start, stop - MOST_TOLD)
        found = list(self._between(start, stop))
        if found:
            first = found[0].text.strip()
            text = first if len(first) <= SHORT else first[: SHORT - 1] + "…"
            text = " ".join(text.split())
            more = f" and {len(found) - 1:,} more" if len(found) > 1 else ""
            self.say(f"{where}: {text}{more}\n", **self._place_of(found[0]))

    def output_at(self, asked: Arguments) -> dict[str, Any]:
        """What the console had at this moment: the last `most` characters, each part with its moment."""
        most = min(max(asked.number("most", MOST_SHOWN), 1), MOST_SHOWN * 16)
        now, size = self.state.now.seq, 0
        found: list[Output] = []
        stop, lowest = now, max(now - MOST_LOOKED, 0)
        while stop > lowest and size < most:
            self.state.walk.check(stop)
            low = self.state.trace._queries.chunk_around(stop - 1)[0]
            part = list(self._between(low, stop))
            size += sum(len(one.text) for one in part)
            found, stop = part + found, low
        is_whole = stop <= 0 and size <= most
        while found and size - len(found[0].text) >= most:
            size -= len(found.pop(0).text)
        return {
            "seq": now,
            "output": [{"stream": one.stream, "text": one.text[-most:], **self._place_of(one)} for one in found],
            "complete": is_whole,
        }  # fmt: skip

    def _between(self, start: int, stop: int) -> Iterator[Output]:
        """What was printed from one event on, before another one."""
        found = self._outputs.between(start, stop)
        return (one for one in found if one.stream != "stdin")

    def _place_of(self, one: Output) -> dict[str, Any]:
        place: dict[str, Any] = {"data": {"seq": one.moment or 0}}
        if one.function is not None and one.line is not None:
            place |= {"source": self.state.files.of(one.function), "line": one.line}
        return place
