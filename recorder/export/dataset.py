"""Where the tables of a trace go: a dataset of any number of traces, a folder for each table and in it a file a trace.

    runs/calls/0a1b….parquet
    runs/traces/0a1b….parquet

Nothing shows of a trace until all of its tables are written and durable. Then they get their names, `traces` last, so
that a trace that has a row there is whole. A trace that is written again takes its own place, and touches no other's.
"""

from __future__ import annotations

import os
from types import TracebackType

from recorder import errors
from recorder._core import syscalls
from recorder.errors import arguments
from recorder.export.atomic_output import Sink, check_parent, folder_at, remove
from recorder.staging import layout
from recorder.trace.container import publish

FIRST = "traces"  # the table that every dataset has, and in which a trace appears last


def is_dataset(path: str) -> bool:
    return os.path.isdir(os.path.join(path, FIRST))


def files_of(path: str, table: str) -> list[str]:
    """The files of a table, one a trace. Raises as reading a folder fails."""
    folder = os.path.join(path, table)
    with errors.mapped("read", path=folder):
        names = os.listdir(folder) if os.path.isdir(folder) else []
    return sorted(os.path.join(folder, name) for name in names if name.endswith(".parquet"))


class Dataset:
    """A dataset that gets the tables of one more trace."""

    def __init__(self, destination: str | os.PathLike[str], trace_id: str) -> None:
        """Raises what forbids this destination: DESTINATION_NOT_EMPTY, PERMISSION_DENIED …"""
        self.destination = _check(arguments.path(destination, "output"))
        self.trace_id = trace_id
        self.staging = layout.staging_path(os.path.join(self.destination, trace_id), os.getpid())
        self._sinks: dict[str, Sink] = {}
        self._made: list[str] = []  # folders

    def __enter__(self) -> Dataset:
        try:
            self._make(self.destination)
            self._make(self.staging)
        except BaseException as failure:
            self._undo(failure, [])
            raise
        return self

    def table(self, name: str) -> Sink:
        sink = self._sinks[name] = Sink(os.path.join(self.staging, f"{name}.parquet"))
        return sink

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        named: list[str] = []
        if error is None:
            try:
                self._publish(named)
                return
            except BaseException as failure:
                self._undo(failure, named)
                raise
        self._undo(error, named)

    def _make(self, path: str) -> None:
        with errors.mapped("mkdir", path=path):
            try:
                syscalls.mkdir(path)
            except FileExistsError:
                return  # another one that extends it may have been there first
        self._made.append(path)

    def _publish(self, named: list[str]) -> None:
        """`named`: gets the new files, as they come to be."""
        for sink in self._sinks.values():
            if sink.fd >= 0:
                sink.finish()
        for name in sorted(self._sinks, key=lambda name: name == FIRST):
            folder = os.path.join(self.destination, name)
            path = os.path.join(folder, f"{self.trace_id}.parquet")
            self._make(folder)
            is_new = not os.path.exists(path)
            publish.publish(self._sinks[name].path, path)
            if is_new:
                named.append(path)
            publish.sync_folder(folder)
        with errors.mapped("rmdir", path=self.staging):
            syscalls.rmdir(self.staging)
        publish.sync_folder(self.destination)
        publish.sync_folder(os.path.dirname(self.destination))

    def _undo(self, error: BaseException, named: list[str]) -> None:
        """Removes what is new; what cannot be removed is noted with the failure."""
        for sink in self._sinks.values():
            sink.abandon()
        paths = [*reversed(named), *(sink.path for sink in self._sinks.values())]
        for left in remove(paths, self._made):
            if not _is_used(str(left.path)):
                error.add_note(str(left))


def _is_used(path: str) -> bool:
    """Whether a folder that we made has something in it that another one made since."""
    return os.path.isdir(path) and bool(os.listdir(path))


def _check(given: str) -> str:
    """A dataset, an empty folder, or nothing yet."""
    with errors.mapped("open"):
        cwd = os.getcwd()
    path = folder_at(given, cwd)
    check_parent(os.path.dirname(path))
    with errors.mapped("open", path=path):
        there = os.listdir(path) if os.path.isdir(path) else []
    # What begins with a point is what another one that extends it has begun.
    if not is_dataset(path) and any(name[0] != "." for name in there):
        raise errors.DestinationNotEmptyError(path=path)
    return path
