"""`recorder agents install|uninstall|guide`: tells coding agents that work on a project of the recorder."""

from __future__ import annotations

import argparse
import os
from typing import TYPE_CHECKING

from recorder import errors
from recorder.cli.console import printable, write

if TYPE_CHECKING:
    # What add_subparsers() returns has no public name.
    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]

FOLDER = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "skill")
POINTER = os.path.join(FOLDER, "AGENTS.md")
GUIDE = os.path.join(FOLDER, "recorder", "SKILL.md")
FILES = ("AGENTS.md", "CLAUDE.md")  # the first one that is there; else the first one is made
ACTIONS = ("install", "uninstall", "guide")


def add_parser(subparsers: Subparsers) -> None:
    parser = subparsers.add_parser(
        "agents",
        help="tell coding agents of the recorder, in a project's AGENTS.md",
        description="install: puts a few marked lines into AGENTS.md or CLAUDE.md of the present folder, which tell "
        "coding agents of the recorder; again, and they are brought up to date. uninstall: takes them out, to the last "
        "byte. guide: how to record, ask and conclude; a skill, to be copied where an agent looks for them, is in "
        f"{FOLDER}.",
    )
    parser.add_argument("action", metavar="|".join(ACTIONS))
    parser.add_argument("--file", metavar="FILE", help="another file")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    from recorder.cli.marked_part import put, take_out

    if args.action not in ACTIONS:
        raise errors.InvalidArgumentError(
            argument="ACTION", value=args.action, expected=f"one of {', '.join(ACTIONS)}"
        )
    if args.action == "guide":
        write(_text(GUIDE).rstrip("\n"))
        return 0
    path = file_of(args.file)
    if args.action == "install":
        changed = put(path, _text(POINTER))
        said = "tells of the recorder" if changed else "tells of the recorder already"
    else:
        said = "is as it was before" if take_out(path) else "does not tell of the recorder"
    write(printable(f"{path} {said}"))
    return 0


def file_of(asked: str | None) -> str:
    """Raises INVALID_ARGUMENT for what is no file."""
    path = asked or next((name for name in FILES if os.path.exists(name)), FILES[0])
    if "\0" in path or (os.path.exists(path) and not os.path.isfile(path)):
        raise errors.InvalidArgumentError(
            argument="--file", value=path, expected="the name of a file"
        )
    return path


def _text(path: str) -> str:
    with errors.mapped("open", path=path), open(path, encoding="utf-8") as file:
        return file.read()
