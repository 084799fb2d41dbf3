"""The CTFS container: files in one file, made of blocks that are only ever appended.

Block 0 is the header with the names. Every file has mapping blocks, which say where its data blocks are.
"""

from __future__ import annotations

import struct
from typing import Final

from recorder import errors
from recorder.export.atomic_output import Sink

MAGIC: Final = bytes.fromhex("c0de72ace2")
VERSION: Final = 4
BLOCK: Final = 4096
MOST_FILES: Final = 31
POINTERS: Final = 511  # of a mapping block; the last place leads to the next level
ALPHABET: Final = "\0000123456789abcdefghijklmnopqrstuvwxyz./-"
LONGEST_NAME: Final = 12
HEAD: Final = struct.Struct("<5sBBBII")
ENTRY: Final = struct.Struct("<QQQ")


class Container:
    def __init__(self, sink: Sink) -> None:
        self.sink = sink
        self.blocks = 0
        self.files: list[ContainedFile] = []
        self.append(bytes(BLOCK))

    def append(self, block: bytes) -> int:
        """One more block; its number."""
        self.sink.write(block)
        self.blocks += 1
        return self.blocks - 1

    def file(self, name: str) -> ContainedFile:
        if len(self.files) == MOST_FILES:
            raise errors.InvariantBrokenError(invariant="a container has at most 31 files")
        file = ContainedFile(self, name)
        self.files.append(file)
        return file

    def close(self) -> None:
        head = HEAD.pack(MAGIC, VERSION, 0, 1, BLOCK, MOST_FILES)
        for file in self.files:
            file.close()
            head += ENTRY.pack(file.size, file.roots[0].number, base40(file.name))
        self.sink.patch(head.ljust(BLOCK, b"\0"), 0)


class ContainedFile:
    """Grows at its end."""

    def __init__(self, container: Container, name: str) -> None:
        self.container = container
        self.name = name
        self.size = 0
        self.roots = [_Mapping(container)]  # by level
        self.path: dict[int, _Mapping] = {}  # the mapping blocks below the roots that still fill
        self._buffer = bytearray()
        self._count = 0  # data blocks

    def write(self, data: bytes) -> None:
        self.size += len(data)
        self._buffer += data
        if len(self._buffer) >= BLOCK:
            whole = len(self._buffer) // BLOCK * BLOCK
            for at in range(0, whole, BLOCK):
                self._add(bytes(self._buffer[at : at + BLOCK]))
            del self._buffer[:whole]

    def _add(self, block: bytes) -> None:
        self._map(self._count, self.container.append(block))
        self._count += 1

    def _map(self, index: int, block: int) -> None:
        """Notes that data block `index` is at `block`."""
        level = 1
        while index >= POINTERS**level:
            index -= POINTERS**level
            level += 1
            if len(self.roots) < level:
                root = _Mapping(self.container)
                self.roots[-1].set(POINTERS, root.number)
                self.roots.append(root)
        node = self.roots[level - 1]
        for below in range(level - 1, 0, -1):
            slot, index = divmod(index, POINTERS**below)
            child = self.path.get(below)
            if not node.get(slot):  # the one before it is full
                if child is not None:
                    child.save()
                child = self.path[below] = _Mapping(self.container)
                node.set(slot, child.number)
            if child is None:
                raise errors.InvariantBrokenError(invariant="blocks are mapped in order")
            node = child
        node.set(index, block)

    def close(self) -> None:
        if self._buffer:
            self._add(bytes(self._buffer).ljust(BLOCK, b"\0"))
        for mapping in (*self.path.values(), *self.roots):
            mapping.save()


class _Mapping:
    """A mapping block: its place is taken at once, and what it says written when it is full."""

    def __init__(self, container: Container) -> None:
        self.container = container
        self.number = container.append(bytes(BLOCK))
        self.content = bytearray(BLOCK)

    def get(self, slot: int) -> int:
        return int.from_bytes(self.content[8 * slot : 8 * slot + 8], "little")

    def set(self, slot: int, block: int) -> None:
        self.content[8 * slot : 8 * slot + 8] = block.to_bytes(8, "little")

    def save(self) -> None:
        self.container.sink.patch(bytes(self.content), self.number * BLOCK)


def base40(name: str) -> int:
    if len(name) > LONGEST_NAME:
        raise errors.InvariantBrokenError(invariant="a name in a container has 12 characters")
    return sum(ALPHABET.index(letter) * 40**place for place, letter in enumerate(name))
