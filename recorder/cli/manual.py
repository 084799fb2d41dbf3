"""`recorder manual`: the manual pages, made of the parsers of the commands, as `recorder completion` is.

recorder manual | man -l -                  recorder(1)
recorder manual find | man -l -             recorder-find(1)
recorder manual --to ~/.local/share/man/man1
"""

from __future__ import annotations

import argparse
import os
from typing import Any, Final

from recorder import errors
from recorder.cli.completion import Command, commands
from recorder.cli.console import write
from recorder.errors import arguments
from recorder.version import VERSION

DESCRIPTION: Final = """\
Prints a manual page, of recorder itself or of one command, in the language of man:

  recorder manual find | man -l -
  recorder manual --to ~/.local/share/man/man1        all of them, as files
"""


def add_parser(subparsers: Any) -> None:
    parser = subparsers.add_parser(
        "manual",
        help="the manual pages",
        description=DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("command", metavar="COMMAND", nargs="?")
    parser.add_argument("--to", metavar="FOLDER", help="write all pages there, as files")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    found = {command.name: command for command in commands(args.table)}
    if args.to is not None:
        write_all(arguments.path(args.to, "--to"), found)
    elif args.command is None:
        write(overview(found).rstrip())
    elif args.command in found:
        write(page(found[args.command]).rstrip())
    else:
        raise errors.InvalidArgumentError(
            argument="COMMAND", value=args.command, expected=", ".join(found)
        )
    return 0


def write_all(folder: str, found: dict[str, Command]) -> None:
    pages = {"recorder.1": overview(found)}
    pages |= {f"recorder-{name}.1": page(command) for name, command in found.items()}
    for name, text in pages.items():
        path = os.path.join(folder, name)
        with errors.mapped("write", path=path), open(path, "w", encoding="utf-8") as file:
            file.write(text)


# ---- pages ---------------------------------------------------------------------------------------


def overview(found: dict[str, Command]) -> str:
    rows = "".join(_row(f"recorder-{name}(1)", command.help) for name, command in found.items())
    return (
        _head("recorder", "a flight recorder for Python programs")
        + ".SH SYNOPSIS\n.B recorder\n.I COMMAND ...\n"
        + ".SH DESCRIPTION\nRecords every call, line, variable change, return and exception of a program into one\n"
        + "file, and answers questions about it.\n"
        + f".SH COMMANDS\n{rows}"
    )


def page(command: Command) -> str:
    name = f"recorder-{command.name}"
    parser = command.parser
    text = _head(name, command.help)
    if parser is None:
        usage = "[OPTIONS] SCRIPT|-m MODULE|-c CODE ..." if command.takes_file else "[OPTIONS]"
        description = ""
    else:
        usage = _usage(parser)
        description = _block(parser.description or "") + _block(parser.epilog or "")
    text += f".SH SYNOPSIS\n.B recorder {command.name}\n{_escaped(usage)}\n"
    if description:
        text += f".SH DESCRIPTION\n{description}"
    rows = ""
    for names, metavar, summary, choices in command.options:
        value = "|".join(choices) if choices else metavar
        rows += _row(", ".join(names) + (f" {value}" if metavar else ""), summary)
    return text + (f".SH OPTIONS\n{rows}" if rows else "") + ".SH SEE ALSO\n.BR recorder (1)\n"


def _usage(parser: argparse.ArgumentParser) -> str:
    """Without the name, in one line."""
    vars(parser)["color"] = False  # 3.14 and later colour it on a terminal
    words = parser.format_usage().removeprefix("usage: ").split()
    return " ".join(words[len(parser.prog.split()) :])


def _head(name: str, text: str) -> str:
    title = f'.TH {name.upper()} 1 "" "recorder {VERSION}"'
    return f"{title}\n.SH NAME\n{_escaped(name)} \\- {_escaped(text)}\n"


def _row(left: str, right: str) -> str:
    return f".TP\n.B {_escaped(left)}\n{_escaped(right)}\n"


def _block(text: str) -> str:
    """As it is: examples are in it, which stand in columns."""
    return f".nf\n{_escaped(text.strip())}\n.fi\n.PP\n" if text.strip() else ""


def _escaped(text: str) -> str:
    text = text.replace("\\", "\\e").replace("-", "\\-")
    return "\n".join(f"\\&{line}" if line[:1] in (".", "'") else line for line in text.split("\n"))
