"""A JSON reader and writer in plain Python: recursion, short texts, nested containers."""

from __future__ import annotations

from typing import Any

SAMPLE = {
    "name": "sample",
    "tags": ["a", "b", "c", None, True, False],
    "rows": [{"id": i, "weight": i / 4, "label": f"row {i}", "deep": [[i], {}]} for i in range(20)],
    "empty": {},
}


def loads(text: str) -> Any:
    value, at = _value(text, _skip(text, 0))
    if _skip(text, at) != len(text):
        raise ValueError(f"more at {at}")
    return value


def _skip(text: str, at: int) -> int:
    while at < len(text) and text[at] in " \n\t":
        at += 1
    return at


def _value(text: str, at: int) -> tuple[Any, int]:
    c = text[at]
    if c == '"':
        end = text.index('"', at + 1)
        return text[at + 1 : end], end + 1
    if c == "{":
        return _object(text, at + 1)
    if c == "[":
        return _array(text, at + 1)
    for word, value in (("null", None), ("true", True), ("false", False)):
        if text.startswith(word, at):
            return value, at + len(word)
    return _number(text, at)


def _object(text: str, at: int) -> tuple[dict[str, Any], int]:
    found: dict[str, Any] = {}
    at = _skip(text, at)
    while text[at] != "}":
        key, at = _value(text, at)
        value, at = _value(text, _skip(text, _skip(text, at) + 1))
        found[key] = value
        at = _skip(text, at)
        if text[at] == ",":
            at = _skip(text, at + 1)
    return found, at + 1


def _array(text: str, at: int) -> tuple[list[Any], int]:
    found = []
    at = _skip(text, at)
    while text[at] != "]":
        value, at = _value(text, at)
        found.append(value)
        at = _skip(text, at)
        if text[at] == ",":
            at = _skip(text, at + 1)
    return found, at + 1


def _number(text: str, at: int) -> tuple[int | float, int]:
    end = at
    while end < len(text) and text[end] in "+-.0123456789e":
        end += 1
    digits = text[at:end]
    return (float(digits) if "." in digits else int(digits)), end


def dumps(value: Any) -> str:
    parts: list[str] = []
    _write(value, parts)
    return "".join(parts)


def _write(value: Any, parts: list[str]) -> None:
    if value is None or isinstance(value, bool):
        parts.append({None: "null", True: "true", False: "false"}[value])
    elif isinstance(value, str):
        parts.append(f'"{value}"')
    elif isinstance(value, int | float):
        parts.append(repr(value))
    elif isinstance(value, list):
        _write_all("[", value, "]", parts)
    else:
        parts.append("{")
        for i, (key, inner) in enumerate(value.items()):
            parts.append(f', "{key}": ' if i else f'"{key}": ')
            _write(inner, parts)
        parts.append("}")


def _write_all(opening: str, values: list[Any], closing: str, parts: list[str]) -> None:
    parts.append(opening)
    for i, value in enumerate(values):
        if i:
            parts.append(", ")
        _write(value, parts)
    parts.append(closing)
