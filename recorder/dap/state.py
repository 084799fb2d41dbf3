"""What a session knows: the trace, where it stands in it, and the numbers that it gave the editor."""

from __future__ import annotations

from recorder.dap.arguments import Refused
from recorder.dap.position import Position, Walk
from recorder.dap.sources import Files
from recorder.dap.variables import References
from recorder.trace.leaping import Check
from recorder.trace.reader import Trace
from recorder.trace.snapshots import Event, Frame

FIRST_THREAD = 1  # the editor's number of thread 0: some take 0 for none


class State:
    def __init__(self, trace: Trace, mappings: list[tuple[str, str]], check: Check) -> None:
        self.trace = trace
        self.walk = Walk(trace, check)
        self.files = Files(trace, mappings)
        self.references = References()
        self.frames: list[Frame | Event] = []  # by the editor's number − 1
        self.position: Position | None = None

    def move(self, position: Position) -> None:
        """All numbers of frames and variables are void from here on."""
        self.position = position
        self.references.clear()
        self.frames.clear()

    @property
    def now(self) -> Position:
        if self.position is None:
            raise Refused("nothing was recorded: there is no moment to look at")
        return self.position

    def stack(self, thread: int) -> list[Frame | Event]:
        """The frames of a thread, the innermost first."""
        now = self.now
        if thread == now.event.thread.number:
            return self.walk.stack(now)[::-1]
        for one, frames in self.trace.at(now.seq).stacks:
            if one.number == thread:
                return frames[::-1]
        return []

    def thread_of(self, frame: Frame | Event) -> int:
        """The number of the thread that a frame of this moment is in."""
        for thread, frames in self.trace.at(self.now.seq).stacks:
            if any(one.frame == frame.frame for one in frames):
                return thread.number
        return self.now.event.thread.number

    def number_of(self, frame: Frame | Event) -> int:
        self.frames.append(frame)
        return len(self.frames)

    def frame(self, number: int | None) -> Frame | Event:
        """None: the one on top."""
        if number is None:
            return self.walk.top(self.now)
        if not 1 <= number <= len(self.frames):
            raise Refused("that frame is of another moment")
        return self.frames[number - 1]
