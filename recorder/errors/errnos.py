"""The errno names of this platform. A module of its own, and loaded before a program is recorded: it holds on to
`errno`, which is hidden from the program and which a failure must not import again.
"""

from __future__ import annotations

import errno

NAMES = errno.errorcode
NUMBERS: dict[str, int] = {
    name: number for name, number in vars(errno).items() if name.startswith("E")
}
