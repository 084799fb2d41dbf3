"""What may be asked of the tool `record`: each limit at its value, one below and one above."""

from __future__ import annotations

from typing import Any

import pytest

from recorder import errors
from recorder.mcp import recording

GOOD: list[dict[str, Any]] = [
    *({"command": command} for command in (["a"], ["a"] * 99, ["a"] * 100, ["a.py", "-x"])),
    *({"command": command} for command in (["-m", "a"], ["-c", "a", "-"])),
    *({"command": ["a"], "name": name} for name in ("a", "_", "-a", "a.b-c", "é", "a" * 79, "a" * 80)),
    *({"command": ["a"], "seconds": seconds} for seconds in (1, 2, 599, 600)),
]  # fmt: skip
BAD: list[tuple[str, dict[str, Any]]] = [
    *(("command", {"command": it}) for it in ([], ["a"] * 101, "a", None, 1, ("a",), [1], [""], ["a", ""])),
    *(("command", {"command": it}) for it in (["a\0"], ["a", "\0"], ["-"], ["-x"], ["--m"], ["-mc"], ["-m\0"])),
    ("command", {}),
    *(("name", {"command": ["a"], "name": it}) for it in ("", ".a", "a/b", "a b", "a\n", "a" * 81, 5, None)),
    *(("seconds", {"command": ["a"], "seconds": it}) for it in (-1, 0, 601, 1.0, True, "5", None)),
    ("second", {"command": ["a"], "second": 5}),
]  # fmt: skip


@pytest.mark.parametrize("given", GOOD, ids=str)
def test_what_may_be_asked(given: dict[str, Any]) -> None:
    command, name, seconds = recording._checked(given)
    assert command == given["command"]
    assert name == given.get("name", "recorded") + ".rtrace"
    assert seconds == given.get("seconds", 60)


@pytest.mark.parametrize("name", ["a.rtrace", "a"])
def test_a_trace_is_called_so_once(name: str) -> None:
    assert recording._checked({"command": ["a"], "name": name})[1] == "a.rtrace"


@pytest.mark.parametrize(("wrong", "given"), BAD, ids=str)
def test_what_may_not_be_asked(wrong: str, given: dict[str, Any]) -> None:
    with pytest.raises(errors.InvalidArgumentError, match=f"^{wrong}\\b|{wrong} "):
        recording._checked(given)
