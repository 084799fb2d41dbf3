"""A recorded program without a core: it writes records into the ring as docs/trace-format.md says.

Run as a script, it records by itself: fake_target.py DESTINATION EVENTS [option=value …]. It prints
the number of every event after it was committed, so that a test knows what must be in the trace.
"""

from __future__ import annotations

import mmap
import os
import random
import signal
import struct
import sys
import time

from recorder import processes
from recorder._core import control
from recorder.policy import Policy
from recorder.staging import launch, layout
from tests.tools.staged import prepare

HEAD = struct.Struct("<IIQQQ")
SEGMENT_MAGIC = 0x47455352
ROOM = control.SEGMENT_SIZE - control.SEGMENT_HEAD


class Stopped(Exception):
    """The sealer wants the target to stop."""


class FakeTarget:
    """One thread in one function, whose one variable gets a new value before every line."""

    def __init__(self, path: str) -> None:
        self.page = control.ControlPage(os.path.join(path, "control"))
        self.sealer = processes.Watch(self.page.sealer_pid) if self.page.sealer_pid else None
        self.maps = []
        for name in layout.SEGMENTS:
            with open(os.path.join(path, name), "r+b") as file:
                self.maps.append(mmap.mmap(file.fileno(), control.SEGMENT_SIZE))
        self.index, self.sequence, self.events = 0, 0, 0
        self._begin_segment()
        self.page.target_state = control.TARGET_RECORDING
        self.write(b"\x12\0\x01" + string("MainThread"))
        self.write(b"\x15\0" + string(__file__))
        name = string("main")
        self.write(b"\x13\0\0\x01\0" + name + name + b"\0\x01\x01" + string("x"))

    def _begin_segment(self) -> None:
        deadline = time.monotonic() + 10
        while self.page.slot(self.index)[0] != control.SLOT_FREE:
            if self.page.attention or self.sealer.dead(0) or time.monotonic() > deadline:
                raise Stopped
            time.sleep(0.001)
        self.sequence += 1
        self.used = 0
        head = HEAD.pack(SEGMENT_MAGIC, 1, self.sequence, 0, self.events)
        self.maps[self.index][: len(head)] = head
        self.page.set_slot(self.index, control.SLOT_LIVE, self.sequence)

    def write(self, records: bytes, events: int = 0) -> None:
        if self.page.attention:
            raise Stopped
        if self.used + len(records) > ROOM:
            self.page.events = self.events
            self.page.set_slot(self.index, control.SLOT_FULL, self.sequence)
            self.index = (self.index + 1) % control.RING_SLOTS
            self._begin_segment()
        segment = self.maps[self.index]
        start = control.SEGMENT_HEAD + self.used
        segment[start : start + len(records)] = records
        self.used += len(records)
        self.events += events
        segment[16:24] = struct.pack("<Q", self.used)

    def enter(self) -> None:
        self.write(b"\x11\0\x03\0\x04\x01", events=1)

    def line(self, value: bytes) -> None:
        self.write(b"\x40\x0e" + varint(len(value)) + value + b"\xa0", events=1)

    def stop(self) -> None:
        self.page.events = self.events
        self.page.stopped_mono_ns = time.monotonic_ns()
        self.page.target_state = control.TARGET_STOPPED

    def finish(self, exit_status: int | None = 0) -> None:
        self.stop()
        if exit_status is not None:
            self.page.exit_status = exit_status
            self.page.has_exit_status = 1
        self.page.target_state = control.TARGET_FINISHED

    def wait(self, seconds: float = 10.0) -> int:
        """The state in which the sealer ended."""
        deadline = time.monotonic() + seconds
        while self.page.sealer_state < control.SEALER_PUBLISHED and time.monotonic() < deadline:
            time.sleep(0.002)
        return self.page.sealer_state

    def close(self) -> None:
        """Gives back what a process that ends would."""
        if self.sealer is not None:
            self.sealer.close()
        for segment in self.maps:
            segment.close()


def varint(number: int) -> bytes:
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes(out) + bytes([number])


def string(text: str) -> bytes:
    data = text.encode()
    return varint(len(data)) + data


def main(
    destination: str, events: int, size: int = 100, end: str = "finish", **policy: str
) -> None:
    prepared = prepare(destination, policy=Policy(**policy))
    launch.launch_sealer(prepared)
    target = FakeTarget(prepared.path)
    target.enter()
    try:
        for number in range(events):
            target.line(random.Random(number).randbytes(size))
            if end in ("announce", "hang"):
                os.write(1, b"%d\n" % target.events)
    except Stopped:
        if end != "kill":
            target.finish(0)
            raise SystemExit(target.wait()) from None
    if end == "hang":
        time.sleep(60)
    if end == "finish":
        target.finish(0)
        raise SystemExit(target.wait())
    if end == "stop":
        target.stop()
    if end == "exit":
        os._exit(7)
    if end == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    if end == "kill-late" and target.sealer is not None and target.sealer.dead(10_000):
        os.kill(os.getpid(), signal.SIGKILL)
    if end == "kill-both":
        os.kill(target.page.sealer_pid, signal.SIGKILL)
        os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    options = dict(item.split("=") for item in sys.argv[3:])
    if "size" in options:
        options["size"] = int(options["size"])
    main(sys.argv[1], int(sys.argv[2]), **options)
