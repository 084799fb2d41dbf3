"""`recorder policy [options of run] [--json]`: the policy in force, and where values come from."""

from __future__ import annotations

import json
import os
import sys

from recorder import policy as policies
from recorder.capture_options import standard_library
from recorder.cli import options
from recorder.cli.console import write

USAGE = """\
usage: recorder policy [options] [--json]

Shows the policy that `recorder run` with these options would follow here, and which folders hold your own code.

options:
{rows}
"""


def main(arguments: list[str]) -> int:
    if "-h" in arguments or "--help" in arguments:
        write(USAGE.format(rows=options.help_rows(output=False)).rstrip())
        return 0
    given = options.parse_policy([word for word in arguments if word != "--json"])
    given.pop("output", None)
    policy, origins = policies.load(policies.find_pyproject(), os.environ, given)
    values = policy.to_dict()
    if "--json" in arguments:
        rows: dict[str, object] = {
            key: {"value": values[key], "source": origins[key]} for key in values
        }
        rows["own code"] = {"in": list(policy.own_folders), "not in": not_own(policy)}
        write(json.dumps(rows, indent=1))
    else:
        write(listing(values, origins) + own_code(policy))
    return 0


def own_code(policy: policies.Policy) -> str:
    """Which folders count, in words."""
    if policy.own_folders:
        lines = ["own code is what is in", *policy.own_folders]
    else:
        lines = ["own code is what is not in", *not_own(policy)]
    return "\n" + "\n  ".join(lines)


def not_own(policy: policies.Policy) -> list[str]:
    """Where code is that belongs to Python and to what was installed, unless folders were named."""
    if policy.own_folders:
        return []
    packages = [p for p in sys.path if os.path.basename(p) in ("site-packages", "dist-packages")]
    return list(dict.fromkeys(os.path.normpath(p) for p in (*standard_library(), *packages)))


def listing(values: dict[str, object], origins: dict[str, str]) -> str:
    shown = {key: readable(value) for key, value in values.items()}
    wide = max(map(len, shown))
    # A long list pushes only its own source aside.
    column = max(len(text) for text in shown.values() if len(text) <= 24)
    return "".join(
        f"{key:<{wide}}  {text:<{column}}  {origins[key]}\n" for key, text in shown.items()
    )


def readable(value: object) -> str:
    if isinstance(value, list):
        return ",".join(map(str, value)) or "(empty)"
    if isinstance(value, bool):
        return str(value).lower()
    return "-" if value is None else str(value)
