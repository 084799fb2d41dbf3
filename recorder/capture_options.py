"""What the core is given when a recording begins: the policy, and what surrounds it, in the core's own terms."""

from __future__ import annotations

import os
import sys

from recorder import errors, redaction
from recorder import policy as policies
from recorder._core import capture

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from recorder.diagnostics import Reporter
    from recorder.policy import Policy
    from recorder.staging.layout import Staging

# What one value may take. The policy's value_limit says how many elements a container has, and all else follows.
MOST_DEPTH = 6  # nesting
MOST_NODES = 20_000  # elements in all: ten times as many as of a container, up to these
USUAL_ITEMS = 200  # where the limit is larger, the next two are so much larger, too
TEXT = 1024  # code points of a str
BUDGET = 64  # elements that are looked at for an event, on average: see _core/capture/budget.pxi
# How long the program waits for a sealer that shows no sign of life before recording is given up.
WAIT_MS = 10_000
NO_LIMIT = (1 << 64) - 1
NO_LIMIT_SECONDS = 1e9


def options_for(
    staging: Staging,
    reporter: Reporter,
    *,
    whole_process: bool,
    waiting: bool,
    on_fork: Callable[[bool], None],
    at_exit: Callable[[], None],
) -> capture.Options:
    """`waiting`: recording begins with `__main__`. on_fork and at_exit are called if the policy has a use for that."""
    policy, path = staging.policy, staging.destination
    missing = errors.TraceMissingError(path=path)
    items = policy.value_limit
    more = max(items, USUAL_ITEMS) / USUAL_ITEMS
    json_fd, json_path, json_facts = reporter.after_finalization()
    return capture.Options(
        optimize=sys.flags.optimize,
        source_text=policy.source_text,
        scope=capture.SCOPES[policy.scope],
        outside=(_folder(__file__),),
        stdlib=standard_library(),
        own=_own(policy),
        included=_paths(policy.include),
        excluded=_paths(policy.exclude),
        secrets=redaction.patterns_of(policy),
        items=items,
        depth=MOST_DEPTH,
        text=int(TEXT * more),
        nodes=min(10 * items, MOST_NODES),
        budget=policy.value_budget or int(BUDGET * more),
        output=policy.capture_output,
        audit=policy.capture_audit,
        max_events=NO_LIMIT if policy.max_events is None else policy.max_events,
        max_seconds=NO_LIMIT_SECONDS if policy.max_duration is None else policy.max_duration,
        wait_ms=WAIT_MS,
        wait_for_main=waiting,
        summary=waiting and _wants_summary(policy),
        exit_status=0 if whole_process and not policy.propagate_script_exit else -1,
        name=os.fsencode(_short(path)),
        path=path.encode("utf-8", "backslashreplace"),
        decisions=policies.after_finalization(policy, owns_status=whole_process),
        missing=f"recorder: {missing}\n".encode("utf-8", "backslashreplace"),
        json_fd=json_fd,
        json_path=json_path,
        json_facts=json_facts,
        on_fork=on_fork if _reports_forks(policy) else None,
        before_exit=at_exit if whole_process else None,
    )


def _short(path: str) -> str:
    """The path as a user here would write it."""
    try:
        return os.path.relpath(path)
    except OSError as error:  # the current folder is gone
        if errors.is_from_program(error):
            raise
        return path


def _ascii(pattern: str) -> bytes:
    """With `?` for everything else. In dev mode the codec of that name would be loaded, and seen by the program."""
    return "".join(c if c.isascii() else "?" for c in pattern).encode()


def _paths(patterns: tuple[str, ...]) -> tuple[bytes, ...]:
    """Patterns of files. `package.module` stands for its file, or for the folder of that name."""
    found = []
    for pattern in patterns:
        pattern = pattern.lower()
        if os.sep not in pattern and not pattern.endswith(".py"):
            pattern = pattern.replace(".", os.sep)
            found += [name for end in (".py", "/*") for name in _anywhere(pattern + end)]
        else:
            found += [pattern] if pattern.startswith((os.sep, "*")) else _anywhere(pattern)
    return tuple(_ascii(pattern) for pattern in found)


def _anywhere(pattern: str) -> list[str]:
    """In whatever folder, and as it is: 3.11 calls a script by the name that it was given on the command line."""
    return [f"*/{pattern}", pattern]


def _own(policy: Policy) -> tuple[str, ...]:
    """Each folder by the path that the policy gives it, and by the one without symbolic links: code may name its file
    by either."""
    folders = [os.path.abspath(folder) for folder in policy.own_folders]
    return tuple(os.path.join(f, "") for path in folders for f in {path, os.path.realpath(path)})


def _reports_forks(policy: Policy) -> bool:
    return bool(policy.follow_children or policy.json_errors or policy.log_file)


def _wants_summary(policy: Policy) -> bool:
    return policy.summary == "always" or (policy.summary == "auto" and os.isatty(2))


def standard_library() -> tuple[str, ...]:
    folder = _folder(os.__file__)
    return (folder, os.path.realpath(folder) + os.sep)


def _folder(file: str) -> str:
    return os.path.dirname(os.path.abspath(file)) + os.sep
