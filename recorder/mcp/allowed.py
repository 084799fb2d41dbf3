"""Which traces a client may read: those that were named when the server was started, and those in folders that were."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Final

from recorder import errors
from recorder.errors import arguments

SUFFIX: Final = ".rtrace"
LONGEST: Final = 4_096  # characters of a path
MOST_FOLDERS: Final = 10_000  # that are looked through for them


class Allowed:
    """Files and folders, by their real paths: a link counts as what it leads to, when it is asked for."""

    def __init__(self, paths: list[str]) -> None:
        """Raises TRACE_NOT_FOUND."""
        self.roots: list[str] = []
        for path in paths:
            if not os.path.exists(path):
                raise errors.TraceNotFoundError(path=path)
            self.roots.append(os.path.realpath(path))

    def trace(self, asked: object, argument: str = "trace") -> str:
        """The path of a trace that may be read. Raises INVALID_ARGUMENT for one that may not, which says nothing of
        what is there; MISSING_ARGUMENT where there are several and none is named."""
        if asked is None:
            found = [path for path, _ in zip(self.traces(), range(2), strict=False)]
            if len(found) != 1:
                raise errors.MissingArgumentError(argument=argument)
            return found[0]
        path = arguments.path(arguments.text(asked, argument, "the path of a trace"), argument)
        if len(path) > LONGEST:
            raise arguments.wrong(argument, path, "the path of a trace")
        inside = [real for real in self._candidates(path) if self.holds(real)]
        if inside:  # one that is not there is for the command to tell of
            return next((real for real in inside if os.path.exists(real)), inside[0])
        raise errors.InvalidArgumentError(
            argument=argument,
            value=path,
            expected="a trace that may be read; the tool traces lists them",
        )

    def holds(self, real: str) -> bool:
        """Whether a path without links is one of the files, or in one of the folders."""
        return any(
            real == root or real.startswith(root.rstrip(os.sep) + os.sep) for root in self.roots
        )

    def traces(self) -> Iterator[str]:
        """Each once, in the order of their names; of folders that are linked to, none."""
        for root in self.roots:
            if not os.path.isdir(root):
                yield root
                continue
            walk = zip(os.walk(root), range(MOST_FOLDERS), strict=False)
            for (folder, folders, names), _ in walk:
                folders[:] = sorted(one for one in folders if not one.startswith("."))
                for name in sorted(names):
                    path = os.path.join(folder, name)
                    if name.endswith(SUFFIX) and self.holds(os.path.realpath(path)):
                        yield path

    def unfinished(self) -> Iterator[str]:
        """What is still being recorded, or was left behind, right in the folders."""
        for root in self.roots:
            if os.path.isdir(root):
                yield from (
                    os.path.join(root, name)
                    for name in sorted(os.listdir(root))
                    if name.startswith(".") and f"{SUFFIX}.partial-" in name
                )

    def folder(self) -> str | None:
        """Where a new trace goes."""
        return next((root for root in self.roots if os.path.isdir(root)), None)

    def _candidates(self, path: str) -> Iterator[str]:
        """What a path may mean: as it stands, or within one of the folders."""
        yield os.path.realpath(path)
        if not os.path.isabs(path):
            for root in self.roots:
                if os.path.isdir(root):
                    yield os.path.realpath(os.path.join(root, path))
