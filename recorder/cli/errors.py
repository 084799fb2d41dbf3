"""`recorder errors [CODE] [--json]`: the table of failures, and one of them explained."""

from __future__ import annotations

import argparse
import difflib
import json
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, Any

from recorder import errors
from recorder.cli.console import write

if TYPE_CHECKING:
    # What add_subparsers() returns has no public name.
    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]

WIDTH = 88
EXPLANATIONS = Path(errors.__file__).with_name("explanations.json")
IN_A_RECORDING = {
    "degrade": "A marker stands in the trace where it struck, and recording goes on.",
    "disable": "Recording stops and the program goes on; the trace so far is kept.",
    "abort": "Recording stops and the program ends.",
    "raise": "It is the answer to a call, before or after anything is recorded.",
}


def add_parser(subparsers: Subparsers) -> None:
    parser = subparsers.add_parser("errors", help="list every error code, or explain one")
    parser.add_argument("code", metavar="CODE", nargs="?", help="ERR_NAME, NAME or number")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    if args.code is None:
        rows = load()
        text = json.dumps(rows, indent=1) if args.json else listing(rows)
    else:
        row = find(args.code)
        text = json.dumps(row, indent=1) if args.json else explanation(row)
    write(text)
    return 0


def load() -> list[dict[str, Any]]:
    """Every row of the table, as far as a user is concerned."""
    with errors.mapped("read", path=EXPLANATIONS):
        rows: list[dict[str, Any]] = json.loads(EXPLANATIONS.read_bytes())["errors"]
    return rows


def find(given: str) -> dict[str, Any]:
    """The row a person means by ERR_DISK_FULL, disk_full, DiskFullError or 2001."""
    rows = load()
    wanted = given.strip().upper().replace("-", "_")
    for row in rows:
        if wanted in names_of(row):
            return row
    names = [row["code"] for row in rows]
    near = difflib.get_close_matches(f"ERR_{wanted.removeprefix('ERR_')}", names, n=1)
    shown = errors.describe(given)
    if near:
        message = f"{shown} is not an error code of this version; did you mean {near[0]}?"
        raise errors.UnknownErrorCodeError(message, given=shown)
    raise errors.UnknownErrorCodeError(given=shown)


def names_of(row: dict[str, Any]) -> tuple[str, ...]:
    code: str = row["code"]
    return code, code.removeprefix("ERR_"), str(row["number"]), row["exception"].upper()


def listing(rows: list[dict[str, Any]]) -> str:
    width = max(len(row["code"]) for row in rows)
    lines: list[str] = []
    kind = ""
    for row in rows:
        if row["kind"] != kind:
            kind = row["kind"]
            lines += ["", f"{kind} (exit code {row['exit_code']})"]
        lines.append(f"  {row['number']}  {row['code']:<{width}}  {row['title']}")
    return "\n".join(lines[1:])


def explanation(row: dict[str, Any]) -> str:
    """One code, as `rustc --explain` does it: what, when, an example, the remedy."""
    parts = [
        f"{row['code']} ({row['number']}): {row['title']}",
        f"    {row['message']}",
        fill(row["doc"]),
    ]
    if row["example"]:
        parts.append(f"For example:\n\n    {row['example']}")
    parts += [fill(f"What to do: {row['hint']}"), "\n".join(facts(row))]
    return "\n\n".join(parts)


def facts(row: dict[str, Any]) -> list[str]:
    builtin = f", caught as {row['also']} too" if row["also"] else ""
    lines = [
        f"Exception:       errors.{row['exception']}{builtin}",
        f"Kind:            {row['kind']}, exit code {row['exit_code']}",
        f"In a recording:  {IN_A_RECORDING[row['on_error']]}",
    ]
    if row["context"]:
        named = ", ".join(f"{name} ({kind})" for name, kind in row["context"].items())
        lines.append(f"Facts:           {named}")
    if row["select"]:
        chosen = f"Chosen for:      {', '.join(row['select'])}"
        lines.append(textwrap.fill(chosen, WIDTH, subsequent_indent=" " * 17))
    if row["retriable"]:
        lines.append("Trying again:    may help")
    status = row["status"] if row["status"] != "active" else ""
    replaced = f"replaced by ERR_{row['replaced_by']}" if row["replaced_by"] else ""
    since = ", ".join(filter(None, [row["since"], status, replaced]))
    return [*lines, f"Since:           {since}", f"More:            {row['doc_url']}"]


def fill(text: str) -> str:
    return textwrap.fill(text, WIDTH, break_on_hyphens=False)
