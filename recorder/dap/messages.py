"""Messages as the protocol frames them: a header with their length, an empty line, JSON."""

from __future__ import annotations

import json
import threading
from typing import Any, BinaryIO, Final

LONGEST: Final = 16 << 20  # bytes of a message
LONGEST_HEADER: Final = 4_096
MOST_HEADERS: Final = 16


class NotUnderstood(Exception):
    """What came is no message. `lost`: nor is it known where the next one begins."""

    def __init__(self, why: str, *, lost: bool = False) -> None:
        super().__init__(why)
        self.lost = lost


class Channel:
    """Both directions. Messages that are sent have a number each; they may be sent by several threads."""

    def __init__(self, incoming: BinaryIO, outgoing: BinaryIO) -> None:
        self._incoming = incoming
        self._outgoing = outgoing
        self._lock = threading.Lock()
        self._sent = 0

    def receive(self) -> dict[str, Any] | None:
        """The next message; None at the end. Raises NotUnderstood."""
        length = self._length()
        if length is None:
            return None
        data = self._incoming.read(length)
        if len(data) < length:
            return None
        try:
            message = json.loads(data)
        except (ValueError, RecursionError) as exc:
            raise NotUnderstood("a message is not JSON") from exc
        if not isinstance(message, dict):
            raise NotUnderstood("a message is not a JSON object")
        return message

    def _length(self) -> int | None:
        length = None
        for _ in range(MOST_HEADERS):
            line = self._incoming.readline(LONGEST_HEADER)
            if not line.endswith(b"\n"):
                if len(line) < LONGEST_HEADER:
                    return None
                break
            if not line.strip():
                if length is None:
                    break
                return length
            name, _, value = line.partition(b":")
            if name.strip().lower() == b"content-length":
                length = self._number(value.strip())
        raise NotUnderstood("a message has to begin with Content-Length", lost=True)

    @staticmethod
    def _number(text: bytes) -> int:
        if not text.isdigit() or len(text) > 9 or int(text) > LONGEST:
            raise NotUnderstood(f"a message has at most {LONGEST:,} bytes", lost=True)
        return int(text)

    def send(self, message: dict[str, Any]) -> None:
        """Raises OSError if nobody reads any more."""
        with self._lock:
            self._sent += 1
            data = json.dumps({"seq": self._sent, **message}).encode("ascii")
            self._outgoing.write(b"Content-Length: %d\r\n\r\n%b" % (len(data), data))
            self._outgoing.flush()
