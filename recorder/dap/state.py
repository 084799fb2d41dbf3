"""What a session knows: the trace, where it stands in it, and the numbers that it gave the editor."""

from __future__ import annotations

from recorder.dap.arguments import Refused
from recorder.dap.position import Position, Walk
from recorder.dap.sources import Files
from recorder.dap.strands import Frames, Strands
from recorder.dap.suspended import Suspended
from recorder.dap.variables import References
from recorder.trace.frame_search import Check
from recorder.trace.reader import Trace
from recorder.trace.snapshots import Event, Frame


class State:
    """`suspended`: the tasks, which are found out beside the session."""

    def __init__(
        self, trace: Trace, mappings: list[tuple[str, str]], check: Check, suspended: Suspended
    ) -> None:
        self.trace = trace
        self.walk = Walk(trace, check)
        self.strands = Strands(trace, self.walk, suspended)
        self.files = Files(trace, mappings)
        self.references = References()
        self.frames: list[Frame | Event] = []  # of this moment
        self._first = (
            1  # the editor's number of the first of them: no two of a session are the same
        )
        self.position: Position | None = None

    def move(self, position: Position) -> None:
        """All numbers of frames and variables are void from here on."""
        self.position = position
        self.references.clear()
        self._first += len(self.frames)
        self.frames.clear()

    @property
    def now(self) -> Position:
        if self.position is None:
            raise Refused("nothing was recorded: there is no moment to look at")
        return self.position

    def stack(self, strand: int) -> Frames:
        """The frames of what has that number among the editor's threads, the innermost first."""
        found = self.strands.find(self.now, strand)
        return () if found is None else found.frames

    def thread_of(self, frame: Frame | Event) -> int:
        """The number of the thread that a frame of this moment is in."""
        if isinstance(frame, Event):
            return frame.thread.number
        for thread, frames in self.trace.at(self.now.seq).stacks:
            if any(one.frame == frame.frame for one in frames):
                return thread.number
        return self.now.event.thread.number

    def number_of(self, frame: Frame | Event) -> int:
        self.frames.append(frame)
        return self._first + len(self.frames) - 1

    def frame(self, number: int | None) -> Frame | Event:
        """None: the one on top."""
        if number is None:
            return self.walk.top(self.now)
        if not 0 <= number - self._first < len(self.frames):
            raise Refused("that frame is of another moment")
        return self.frames[number - self._first]
