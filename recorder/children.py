"""Child processes that are recorded too (policy `follow_children`): each into a trace of its own, with a
sealer of its own, beside its parent's.

The trace of process 123 below `app.rtrace` is `app.123.rtrace`; its META says whose child it is. A forked
child starts its recording before fork() returns in it. A Python that is started anew learns from its
environment that it is to be recorded: PYTHONPATH leads to `_boot/sitecustomize.py`, and FOLLOW says the rest.
Here is what is passed on to them and how their traces are called; `session` and `whole_process` start them.
"""

from __future__ import annotations

import itertools
import json
import os
import sys

from recorder import errors
from recorder.policy import Policy
from recorder.staging import layout, requests, stale

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Any

    from recorder.staging.layout import Staging

FOLLOW = "RECORDER_BOOT_FOLLOW"
BOOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "_boot")

# The trace that names those of all processes below it, and whose sealer starts theirs; this process's own, unless it is
# a child itself.
_root: str | None = None
_host: Mapping[str, Any] | None = None


def root_of(staging: Staging) -> str:
    return _root or staging.destination


def host_of(staging: Staging) -> Mapping[str, Any]:
    return _host or requests.host(staging)


def set_root(
    root: str | None, host: Mapping[str, Any] | None
) -> tuple[str | None, Mapping[str, Any] | None]:
    """Names what processes below this one are recorded into, and whose sealer starts theirs; what it was before."""
    global _root, _host
    before, (_root, _host) = (_root, _host), (root, host)
    return before


def facts_of(staging: Staging) -> dict[str, Any]:
    """What the META of a child says of its parent, which this staging folder is of."""
    return {
        "run_id": staging.run_id,
        "trace_id": staging.trace_id,
        "pid": staging.target_pid,
        "path": layout.portable(staging.destination),
    }


def command_line() -> list[str]:
    """What this process was started with, after the name of Python."""
    return [argument for argument in sys.orig_argv[1:] if type(argument) is str] or [""]


def names_below(root: str, pid: int) -> Iterator[str]:
    """`app.123.rtrace`; with a number more if a process had this pid before, or was another program."""
    stem, suffix = os.path.splitext(root)
    return numbered(f"{stem}.{pid}{suffix}")


def numbered(name: str) -> Iterator[str]:
    """The name, and then others: `app.rtrace`, `app-2.rtrace`, …"""
    stem, suffix = os.path.splitext(name)
    yield name
    for number in itertools.count(2):
        yield f"{stem}-{number}{suffix}"


def is_free(name: str) -> bool:
    """Whether no trace of this name is there, or on its way."""
    return not os.path.isfile(name) and not stale.staging_folders(os.path.realpath(name))


# ----------------------------------------------------------------------- processes started anew


def pass_on(staging: Staging) -> None:
    """Puts into the environment what a Python started below us needs to record itself."""
    facts = {
        "root": layout.portable(root_of(staging)),
        "policy": staging.policy.to_dict(),
        "parent": facts_of(staging),
        "host": host_of(staging),
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


def parse(text: str) -> tuple[str, Policy, dict[str, Any], dict[str, Any] | None]:
    """What a recorded process has passed on: the root of the traces, the policy, the facts of that process, and whom to
    ask for a sealer, which older ones do not know."""
    try:
        facts = json.loads(text)
        root, parent = layout.native(facts["root"]), dict(facts["parent"])
        host = facts.get("host")
        return root, Policy.from_dict(facts["policy"]), parent, dict(host) if host else None
    except (ValueError, KeyError, TypeError, AttributeError) as exc:
        raise errors.InvalidArgumentError(
            argument=FOLLOW, value=errors.describe(text), expected="what a recorder has put there"
        ) from exc
