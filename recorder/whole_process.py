"""Recording a whole process, from the first instruction of its `__main__`: what `_boot/sitecustomize.py` calls.

A process is recorded because `recorder run` has prepared it, because its environment says so, or because one that is
recorded has started it (policy `follow_children`).
"""

from __future__ import annotations

import os

from recorder import children
from recorder import policy as policies
from recorder.session import Session, start_child, start_process
from recorder.staging import create


def arm_for_main(staging_path: str) -> Session:
    """For `recorder run`: the staging folder was made for this process, and its sealer waits."""
    return start_process(create.read(staging_path), waiting=True, whole_process=True)


def start_below(text: str) -> None:
    """For a child of a recorded process; `text` is what that one passed on."""
    root, policy, parent = children.parse(text)
    start_child(root, policy, parent, waiting=True, whole_process=True)


def start_by_environment(name: str) -> None:
    """For RECORDER_AUTOSTART=name; the other RECORDER_ variables and pyproject.toml hold the policy. `%p` in the name
    stands for the pid, `%%` for a percent sign."""
    policy, _ = policies.load(policies.find_pyproject(), os.environ)
    path = expand(name, os.getpid())
    staging = create.plan(path, policy=policy, argv=children.command_line())
    start_process(staging, waiting=True, whole_process=True)


def expand(name: str, pid: int) -> str:
    return "%".join(part.replace("%p", str(pid)) for part in name.split("%%"))
