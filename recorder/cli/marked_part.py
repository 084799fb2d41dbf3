"""A marked part in a file of somebody else's: put in, brought up to date, and taken out again to the last byte."""

from __future__ import annotations

import errno
import os
import re
from typing import Final

from recorder import errors

# What stood before it tells how to take it out: how many line ends were added, and whether the file was made for it.
PART: Final = re.compile(
    rb"<!-- recorder: begin (?P<ends>\d)(?P<made> new)? -->\r?\n.*?<!-- recorder: end -->\r?\n",
    re.S,
)
BEGIN: Final = b"<!-- recorder: begin"
END: Final = b"<!-- recorder: end"
TWO_ENDS: Final = re.compile(rb"\r?\n\r?\n\Z")
WIDE: Final = (b"\xff\xfe", b"\xfe\xff")  # how a text begins that is in UTF-16 or -32
MOST: Final = 10 << 20  # bytes of a file of instructions


def put(path: str, text: str) -> bool:
    """Puts the text there, or in place of the one that is there; whether anything changed. Raises INVALID_ARGUMENT for
    a file whose marks were damaged, and what keeps it from being written."""
    old = _read(path)
    new = with_part(old, text, path)
    if new != old:
        _write(path, new)
    return new != old


def take_out(path: str) -> bool:
    """The file is as it was before; one that was made for it is gone. Whether there was anything."""
    old = _read(path)
    if old is None or (part := _part(old, path)) is None:
        return False
    new = _without_ends(old[: part.start()], int(part["ends"])) + old[part.end() :]
    if not new and part["made"]:
        with errors.mapped("unlink", path=path):
            os.unlink(path)
    else:
        _write(path, new)
    return True


def with_part(old: bytes | None, text: str, path: str) -> bytes:
    """The content of a file, None for one that is not there, with the text."""
    end = _end(old or b"")
    part = None if old is None else _part(old, path)
    if part is not None and old is not None:
        begin = part[0][: part[0].index(b"-->") + 3]
        return old[: part.start()] + _marked(begin, text, end) + old[part.end() :]
    if not old:
        begin = BEGIN + (b" 0 new -->" if old is None else b" 0 -->")
        return _marked(begin, text, end)
    added = 1 if old.endswith(b"\n") else 2
    return old + end * added + _marked(BEGIN + b" %d -->" % added, text, end)


def _marked(begin: bytes, text: str, end: bytes) -> bytes:
    lines = [begin, *text.strip("\n").encode().split(b"\n"), END + b" -->"]
    return b"".join(line + end for line in lines)


def _without_ends(before: bytes, added: int) -> bytes:
    """What stood before the part: it ends with two line ends, those added among them, or was changed since."""
    if added and not TWO_ENDS.search(before):
        return before
    for _ in range(added):
        before = before.removesuffix(b"\n").removesuffix(b"\r")
    return before


def _end(data: bytes) -> bytes:
    """How lines end in the file."""
    return b"\r\n" if b"\r\n" in data else b"\n"


def _part(data: bytes, path: str) -> re.Match[bytes] | None:
    found = list(PART.finditer(data))
    if len(found) == data.count(BEGIN) == data.count(END) <= 1:
        return found[0] if found else None
    raise errors.InvalidArgumentError(
        argument="--file", value=path, expected="a file whose marks of the recorder's are whole"
    )


def _read(path: str) -> bytes | None:
    with errors.mapped("open", path=path):
        try:
            with open(path, "rb") as file:
                data = file.read(MOST + 1)
        except FileNotFoundError:
            return None
    if len(data) > MOST:
        raise errors.InvalidArgumentError(
            argument="--file", value=path, expected="a file of at most 10 MiB"
        )
    if data.startswith(WIDE):
        raise errors.InvalidArgumentError(
            argument="--file", value=path, expected="a text in which ASCII stands as it is"
        )
    return data


def _write(path: str, data: bytes) -> None:
    """In one step; a link stays one, and the file keeps its mode and owner. One that nobody may write stays as it is,
    for whoever could all the same."""
    real = os.path.realpath(path)
    temporary = f"{real}.recorder-{os.getpid()}"
    with errors.mapped("write", path=path):
        old = os.stat(real) if os.path.exists(real) else None
        if old is not None and not old.st_mode & 0o222:
            # audit: mapped as what the system would have said
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        try:
            with open(temporary, "xb") as file:
                file.write(data)
            if old is not None:
                os.chmod(temporary, old.st_mode & 0o7777)
                if os.geteuid() == 0:
                    os.chown(temporary, old.st_uid, old.st_gid)
            os.replace(temporary, real)
        except OSError:
            if os.path.exists(temporary):
                os.unlink(temporary)
            raise
