"""What `to_python(strict=False)` gives for what is not wholly in a trace: each says what is known, and what is not."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from recorder import errors

SHOWN: Final = 200  # characters


@errors.guarded_class("read")
class Truncated:
    """What was too large, or too deep, to be recorded whole. `size`: the true one, as `len()` said, and of an int its
    bits. `value`: what there is, the first items or the beginning; None if that is nothing."""

    __slots__ = ("size", "type_name", "value")

    def __init__(self, type_name: str, size: int, value: object = None) -> None:
        self.type_name = type_name
        self.size = size
        self.value = value

    def __repr__(self) -> str:
        held = "" if self.value is None else f", which begins {self.value!r:.{SHOWN}}"
        return f"<truncated {self.type_name} of size {self.size}{held}>"


@errors.guarded_class("read")
class Redacted:
    """What the policy says is a secret."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "<redacted>"


@errors.guarded_class("read")
class Opaque:
    """An object that cannot be made anew: of a class of the program's, a function, a class, a generator.

    `type_name` its type, with the module; `attributes` those that were recorded, by name, each an attribute of this
    one, too, where it has none of that name itself; `missing` how many were not recorded; `reason` why it is not the
    object itself.
    """

    __slots__ = ("attributes", "missing", "reason", "type_name")

    attributes: Mapping[str, object]

    def __init__(
        self,
        type_name: str,
        attributes: Mapping[str, object],
        missing: int = 0,
        reason: str = "it is not one that can be made anew",
    ) -> None:
        self.type_name = type_name
        self.attributes = attributes
        self.missing = missing
        self.reason = reason

    def __getattr__(self, name: str) -> object:
        if type(name) is not str or name in Opaque.__slots__:  # of one that `copy` is making
            raise AttributeError("no such attribute")
        try:
            return self.attributes[name]
        except KeyError:
            raise AttributeError(
                f"{self.type_name} has no attribute {name} that is recorded"
            ) from None

    def __repr__(self) -> str:
        held = ", ".join(f"{name}={_shown(part)}" for name, part in self.attributes.items())
        more = f", … {self.missing} more" if self.missing else ""
        return f"<opaque {self.type_name}{': ' if held else ''}{held[:SHOWN]}{more}>"


def _shown(part: object) -> str:
    return f"<opaque {part.type_name}>" if isinstance(part, Opaque) else repr(part)
