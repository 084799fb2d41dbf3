"""What the flags of a code object (`co_flags`) say of the function, as `inspect` names them."""

from __future__ import annotations

from typing import Final

GENERATOR: Final = 0x20
COROUTINE: Final = 0x80
ITERABLE_COROUTINE: Final = 0x100  # a generator, that may be awaited
ASYNC_GENERATOR: Final = 0x200

SUSPENDS: Final = GENERATOR | COROUTINE | ASYNC_GENERATOR  # its calls come and go
AWAITS: Final = COROUTINE | ITERABLE_COROUTINE | ASYNC_GENERATOR
