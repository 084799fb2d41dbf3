"""Recording a whole process, from the first instruction of its `__main__`: what `_boot/boot.py` calls.

A process is recorded because `recorder run` has prepared it, because its environment says so, or because one that is
recorded has started it (policy `follow_children`).
"""

from __future__ import annotations

import itertools
import os
import re
import time

from recorder import children
from recorder import policy as policies
from recorder.session import Session, start_child, start_process, start_under_a_free_name
from recorder.staging import create

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Final

PLACEHOLDER: Final = re.compile("%([ptnh%])")


def arm_for_main(staging_path: str) -> Session:
    """For `recorder run`: the staging folder was made for this process, and its sealer waits."""
    return start_process(create.read(staging_path), waiting=True, whole_process=True)


def start_below(text: str) -> None:
    """For a child of a recorded process; `text` is what that one passed on."""
    root, policy, parent, host = children.parse(text)
    start_child(root, policy, parent, host, waiting=True, whole_process=True)


def start_by_environment(pattern: str) -> None:
    """For RECORDER_AUTOSTART=pattern; the other RECORDER_ variables and pyproject.toml hold the policy. No trace is
    ever replaced: the first name that is free is taken."""
    policy, _ = policies.load(policies.find_pyproject(), os.environ)
    start_under_a_free_name(names(pattern), policy, waiting=True, whole_process=True)


def names(pattern: str) -> Iterator[str]:
    """What a pattern stands for, the first choice first. In it, `%p` is the pid, `%t` the time as 20260131-235959,
    `%h` the host's name, `%n` a number from 1, and `%%` a percent sign. Without `%n` a number is put before the suffix
    where the name is taken."""
    facts = {
        "p": str(os.getpid()),
        "t": time.strftime("%Y%m%d-%H%M%S"),
        "h": os.uname().nodename.replace(os.sep, "-"),
        "%": "%",
    }

    def filled(number: int) -> str:
        return PLACEHOLDER.sub(lambda found: {**facts, "n": str(number)}[found[1]], pattern)

    if "n" not in PLACEHOLDER.findall(pattern):
        return children.numbered(filled(0))
    return map(filled, itertools.count(1))
