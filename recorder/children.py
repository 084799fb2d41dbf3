"""Child processes that are recorded too (policy `follow_children`): each into a trace of its own, with a
sealer of its own, beside its parent's.

The trace of process 123 below `app.rtrace` is `app.123.rtrace`; its META says whose child it is. A forked
child starts its recording before fork() returns in it. A Python that is started anew learns from its
environment that it is to be recorded: PYTHONPATH leads to `_boot/sitecustomize.py`, and FOLLOW says the rest.
"""

from __future__ import annotations

import os

from recorder import errors
from recorder import policy as policies
from recorder.staging import layout, stale

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from recorder.policy import Policy
    from recorder.session import Session

FOLLOW = "RECORDER_BOOT_FOLLOW"
BOOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "_boot")

# The trace that names those of all processes below it; this process's own, unless it is a child itself.
_root: str | None = None


def follow_fork(parent: Session, waiting: bool) -> None:
    """Records this process, a forked child, from here on."""
    start(_root or parent.path, parent.policy, facts_of(parent), waiting, parent.whole_process)


def start(
    root: str, policy: Policy, parent: Mapping[str, Any], waiting: bool, whole_process: bool
) -> None:
    """Records this process as a child of the one that `parent` tells of."""
    from recorder import session

    global _root
    name = free_name(root, os.getpid())
    before, _root = _root, root
    try:
        session.start_process(
            name, policy, waiting=waiting, whole_process=whole_process, parent=parent
        )
    except BaseException:
        _root = before
        raise


def facts_of(session: Session) -> dict[str, Any]:
    """What the META of a child says of its parent."""
    return {
        "run_id": session.run_id,
        "trace_id": session.trace_id,
        "pid": session.pid,
        "path": layout.portable(session.path),
    }


def free_name(root: str, pid: int) -> str:
    """`app.123.rtrace`; with a number more if a process had this pid before, or was another program."""
    stem, suffix = os.path.splitext(root)
    name, times = f"{stem}.{pid}{suffix}", 1
    while os.path.lexists(name) or stale.staging_folders(name):
        times += 1
        name = f"{stem}.{pid}-{times}{suffix}"
    return name


# ----------------------------------------------------------------------- processes started anew


def pass_on(session: Session) -> None:
    """Puts into the environment what a Python started below us needs to record itself."""
    import json

    facts = {
        "root": layout.portable(_root or session.path),
        "policy": session.policy.to_dict(),
        "parent": facts_of(session),
    }
    os.environ[FOLLOW] = json.dumps(facts)
    path = os.environ.get("PYTHONPATH")
    if path is None or path.partition(os.pathsep)[0] != BOOT:
        os.environ["PYTHONPATH"] = BOOT + (os.pathsep + path if path else "")


def withdraw() -> None:
    """Takes that out again: children are not recorded any more."""
    if os.environ.pop(FOLLOW, None) is None:
        return
    first, _, rest = os.environ.get("PYTHONPATH", "").partition(os.pathsep)
    if first == BOOT:
        os.environ.pop("PYTHONPATH")
        if rest:
            os.environ["PYTHONPATH"] = rest


def start_below(text: str) -> None:
    """Records this process, which a recorded one has started; `text` is what that one passed on."""
    import json

    try:
        facts = json.loads(text)
        root, parent = layout.native(facts["root"]), dict(facts["parent"])
        policy = policies.Policy.from_dict(facts["policy"])
    except (ValueError, KeyError, TypeError, AttributeError) as exc:
        raise errors.InvalidArgumentError(
            argument=FOLLOW, value=errors.describe(text), expected="what a recorder has put there"
        ) from exc
    start(root, policy, parent, waiting=True, whole_process=True)


# ------------------------------------------------------------------------- start by environment


def start_by_environment(name: str) -> None:
    """Records this process as RECORDER_AUTOSTART=name says; the other RECORDER_ variables and
    pyproject.toml hold the policy. `%p` in the name stands for the pid, `%%` for a percent sign."""
    from recorder import session

    policy, _ = policies.load(policies.find_pyproject(), os.environ)
    session.start_process(expand(name, os.getpid()), policy, waiting=True, whole_process=True)


def expand(name: str, pid: int) -> str:
    return "%".join(part.replace("%p", str(pid)) for part in name.split("%%"))


def is_for_every_process(name: str) -> bool:
    """Whether processes below would not replace each other's traces."""
    return expand(name, 0) != expand(name, 1)
