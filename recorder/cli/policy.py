"""`recorder policy [options of run] [--json]`: the policy in force, and where values come from."""

from __future__ import annotations

import json
import os

from recorder import policy as policies
from recorder.cli import options
from recorder.cli.output import write

USAGE = """\
usage: recorder policy [options] [--json]

Shows the policy that `recorder run` with these options would follow here.

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
        rows = {key: {"value": values[key], "source": origins[key]} for key in values}
        write(json.dumps(rows, indent=1))
    else:
        write(listing(values, origins).rstrip())
    return 0


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
