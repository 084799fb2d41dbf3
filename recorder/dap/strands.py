"""What an editor is shown as threads: threads, greenlets and tasks, each with its own stack.

A task that runs has the frames from its coroutine on; what is below them is its thread's. One that is suspended has the
chain of those that wait for one another, as they were when it was suspended."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Final, NamedTuple

from recorder._core.decode import Task, Thread
from recorder.dap.arguments import Refused
from recorder.dap.position import ENTRIES, Position, Walk
from recorder.dap.suspended import Life, Suspended
from recorder.trace.code_flags import AWAITS
from recorder.trace.reader import Trace
from recorder.trace.snapshots import Event, Frame

FIRST_THREAD: Final = 1  # the editor's number of thread 0: some take 0 for none
FIRST_TASK: Final = 1 << 30  # that of the first task that is shown
MOST: Final = 1_000  # suspended tasks that are shown, the ones that began first

Frames = Sequence[Frame | Event]  # the innermost first


class Strand(NamedTuple):
    number: int  # the editor's
    name: str
    thread: int
    frames: Frames = ()
    life: Life | None = (
        None  # of a suspended task, whose frames are looked for when they are asked for
    )
    task: Task | None = None


class Strands:
    def __init__(self, trace: Trace, walk: Walk, suspended: Suspended) -> None:
        self.trace = trace
        self.walk = walk
        self.suspended = suspended
        self._numbers: dict[int, int] = {}  # of tasks, by the frame of their coroutine
        self._greenlets: dict[int, str] = {}  # names, by their outermost frame

    def at(self, now: Position) -> list[Strand]:
        running = list(self._running(now))
        live = {one.frame for strand in running for one in strand.frames}
        tasks = self.trace._queries.survey().tasks
        waiting = (
            self._waiting(one, tasks[one.task])
            for one in self.suspended.at(now.seq)
            if one.frame not in live
        )
        return running + list(islice(waiting, MOST))

    def _waiting(self, one: Life, task: Task) -> Strand:
        number = self._number(one.frame)
        return Strand(number, f"{task.name} (task, waits)", one.thread, life=one, task=task)

    def number(self, now: Position) -> int:
        """Of the one that a position is in."""
        root = self.walk.root(now)
        return now.event.thread.number + FIRST_THREAD if root is None else self._number(root.frame)

    def find(self, now: Position, number: int) -> Strand | None:
        """One of this moment, with its frames."""
        found = next((one for one in self.at(now) if one.number == number), None)
        return None if found is None else found._replace(frames=self.frames(now, found))

    def frames(self, now: Position, one: Strand) -> Frames:
        """Of one of this moment."""
        return one.frames if one.life is None else self._chain(one.life, now.seq)

    def position(self, now: Position, number: int) -> Position:
        """Where one stands at this moment. Raises Refused."""
        if number == self.number(now):
            return now
        found = self.find(now, number)
        if found is None or not found.frames:
            raise Refused("that thread does nothing at this moment")
        top = found.frames[0]
        if isinstance(top, Event):
            return Position(top)
        last = self.walk.frame_search.find(top.frame, found.thread, 0, now.seq + 1, backwards=True)
        for event in last:
            return Position(event)
        raise Refused("what that thread did before is not in the trace")

    # ---- inside ----

    def _running(self, now: Position) -> Iterator[Strand]:
        for thread, frames in self.trace.at(now.seq).stacks:
            is_here = thread.number == now.event.thread.number
            stack = (self.walk.stack(now) if is_here else frames)[::-1]
            coroutines = [at for at, one in enumerate(stack, 1) if one.function._flags & AWAITS]
            split = coroutines[-1] if coroutines else 0
            task = None
            if split:
                task = now.event.task if is_here else self._task_of(stack[split - 1], thread, now)
            own = stack if task is None else stack[split:]
            if own or is_here:
                name = self._name(thread, stack, now)
                yield Strand(thread.number + FIRST_THREAD, name, thread.number, own)
            if task is not None:
                number = self._number(stack[split - 1].frame)
                name = f"{task.name} (task, runs)"
                yield Strand(number, name, thread.number, stack[:split], task=task)

    def _task_of(self, coroutine: Frame | Event, thread: Thread, now: Position) -> Task | None:
        begun = self.walk.frame_search.find(
            coroutine.frame, thread.number, 0, now.seq + 1, backwards=True, kind=ENTRIES
        )
        return next((event.task for event in begun), None)

    def _name(self, thread: Thread, stack: Frames, now: Position) -> str:
        name = thread.name or f"thread {thread.number}"
        if thread.native_id or not stack:
            return name
        frame = stack[-1].frame
        if frame not in self._greenlets:
            last = self.walk.find(0, now.seq + 1, backwards=True, thread=thread.number)
            task = next((event.task for event in last), None)
            self._greenlets[frame] = "unknown" if task is None else task.name
        return f"{self._greenlets[frame]} (greenlet of {name})"

    def _number(self, coroutine: int) -> int:
        return self._numbers.setdefault(coroutine, FIRST_TASK + len(self._numbers))

    def _chain(self, life: Life, seq: int) -> list[Event]:
        """The events with which those that wait for one another were suspended, one right after the other."""
        start, stop = life.last_before(seq) or (0, 0)
        found = self.trace.find("yield", frame=life.frame, start=start, stop=stop, backwards=True)
        chain = list(islice(found, 1))
        before = (
            self.trace.find(thread=life.thread, stop=chain[0].seq, backwards=True) if chain else ()
        )
        for event in before:
            if event.kind != "yield" or event.caller != chain[-1].frame:
                break
            chain.append(event)
        return chain[::-1]
