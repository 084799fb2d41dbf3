"""What the trace of a test is called: its id as the name of a file."""

from __future__ import annotations

import hashlib
import re

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

SUFFIX: Final = ".rtrace"
SESSION: Final = (
    ".session-"  # what the recording of a whole process begins with, until it is cut up
)
PASSED: Final = ".passed"  # in the name of a recording that is kept for comparison
LONGEST: Final = 150  # characters
ODD: Final = re.compile(r"[^\w.,=+@\[\]-]+", re.ASCII)
# A name in which "::" and "/" are told from "--" and "." that stood there: of pytest's, and of unittest's.
CLEAR: Final = re.compile(
    r"(?!\.|.*(--|-::|::-))(([^./]+/)*[^./]+\.[^./]+::[^/]*|((?!::)[^/])*)", re.DOTALL
)


def trace_of(test: str) -> str:
    """The name of the file: `tests/test_a.py::TestB::test_c[1]` becomes `tests.test_a.py--TestB--test_c[1].rtrace`.
    Where another test could be called the same by that, and what had to be changed otherwise, or cut, some digits of a
    hash tell them apart."""
    plain = test.replace("::", "--").replace("/", ".").lstrip(".")
    name = ODD.sub("_", plain)[:LONGEST]
    if name != plain or not CLEAR.fullmatch(test):
        name += "-" + hashlib.sha256(test.encode("utf-8", "surrogatepass")).hexdigest()[:8]
    return name + SUFFIX


def passed(path: str) -> str:
    """Where the recording of a run is kept in which the test of this one passed."""
    return path.removesuffix(SUFFIX) + PASSED + SUFFIX


def session_of(worker: str) -> str:
    """What that begins with, whatever the process."""
    return f"{SESSION}{ODD.sub('_', worker)}-"


def session(worker: str, pid: int) -> str:
    """The name of the recording of a process."""
    return f"{session_of(worker)}{pid}{SUFFIX}"
