"""Names of files. A module of its own, so that a command can have it without the reader of traces."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable


def base_name(path: str) -> str:
    """The last part of a path."""
    return path.rpartition("/")[2] or path


class ShortPaths:
    """Each of these paths by as much of its end as no other one has: `orders.py`, `shop/utils.py`. What asks by the end
    of a path (`--file`) takes it."""

    def __init__(self, paths: Iterable[str]) -> None:
        self._short: dict[str, str] = {}
        waiting, parts = set(paths), 1
        while waiting:
            ends = {path: "/".join(path.rsplit("/", parts)[-parts:]) for path in waiting}
            times = Counter(ends.values())
            alone = {path for path, end in ends.items() if times[end] == 1 or end == path}
            self._short.update((path, ends[path]) for path in alone)
            waiting -= alone
            parts += 1

    def __call__(self, path: str) -> str:
        return self._short.get(path, path)
