"""Names of files. A module of its own, so that a command can have it without the reader of traces."""

from __future__ import annotations


def base_name(path: str) -> str:
    """The last part of a path."""
    return path.rpartition("/")[2] or path
