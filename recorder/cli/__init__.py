"""The command line: `recorder COMMAND ...`. Every command is a module, loaded when it is called.

A command module has `add_parser(subparsers)` and `run(args)`, which returns the exit status; or,
where Python's argument parser will not do, `main(arguments)` instead of both.
"""

from __future__ import annotations

import gc
import os
import sys

# Not as `errors`: the command of that name becomes an attribute of this package.
from recorder import errors as failures
from recorder.cli import console, failure
from recorder.cli.commands import COMMANDS as COMMANDS
from recorder.errors import arguments

# Loaded now: where no file can be opened any more, a failure can still be reported.
from recorder.errors import errnos as errnos
from recorder.errors import tables as tables
from recorder.version import VERSION

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any, NoReturn

__all__ = ["main"]

INTERRUPTED = 130
BROKEN_PIPE = 141
YOUNG = 50_000  # objects, among which is looked for garbage at once


def main(argv: Sequence[str] | None = None) -> int:
    """The command; its exit status. No exception and no traceback of ours comes out of it."""
    try:
        open_what_is_closed()
        given = sys.argv[1:] if argv is None else argv
        status = answer(arguments.texts(given, "argv", "the words of a command"))
        console.flush()
        return status
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        return BROKEN_PIPE
    except Exception as exc:
        return failure.report(exc, failure.json_errors_wanted())


def of_process() -> int:
    """`main`, of a process that ends with its status. One that was interrupted has put everything away, and ends at
    once: Python would take longer to give back the memory, object by object, than the search took to end."""
    status = main()
    if status == INTERRUPTED:
        failure.end_at_once(status)
    return status


def answer(words: list[str]) -> int:
    """The command, whose failure is told as --json-errors among its words says."""
    if not words or words[0] not in COMMANDS or words[0] == "run":  # which reads it itself
        return dispatch(words)
    given = failure.json_errors_in(words)
    if given is not None:
        failure.check_json_errors(given)
    try:
        # `policy` shows it.
        kept = words if words[0] == "policy" else failure.without_json_errors(words)
        return dispatch(kept, given)
    except BrokenPipeError:
        raise  # audit: main() ends quietly where nobody reads any more
    except Exception as exc:
        return failure.report(exc, failure.json_errors_wanted(given))


def open_what_is_closed() -> None:
    """A stream that was closed when we were started must not become the number of a file of ours: a
    message would end up in it. What `run` becomes has it closed again."""
    for fd in (0, 1, 2):
        try:
            os.fstat(fd)
        except OSError:
            try:
                os.open(os.devnull, os.O_RDWR)  # the lowest free number, and not inherited
            except OSError:
                return


def dispatch(words: list[str], json_errors: object = None) -> int:
    """`json_errors`: for a command that goes on after a failure, and reports it itself."""
    name = words[0] if words else "help"
    if name in ("-h", "--help", "help"):
        console.write(overview().rstrip())
        return 0
    if name in ("-V", "--version"):
        console.write(f"recorder {VERSION}")
        return 0
    if name not in COMMANDS:
        raise _not_a_command(name)
    module = COMMANDS[name][0]
    __import__(module)
    command = sys.modules[module]
    if name == "run":  # which becomes the program
        return int(command.main(words[1:]))
    from recorder.cli.paging import paged

    status = 0  # of who leaves the pager before the end
    # What an answer is made of lives until it is given, and is no garbage: to look for some in it again and again would
    # take a third of the time of a large `tree`.
    before = gc.get_threshold()
    gc.set_threshold(before[0] and max(before[0], YOUNG), *before[1:])
    try:
        with paged(name, words):
            if hasattr(command, "main"):
                status = int(command.main(words[1:]))
            else:
                status = _parse_and_run(command, words, json_errors)
    finally:
        gc.set_threshold(*before)
    return status


def _parse_and_run(command: Any, words: list[str], json_errors: object) -> int:
    import argparse

    class Parser(argparse.ArgumentParser):  # the commands' own parsers are of this class, too
        def __init__(self, **options: Any) -> None:
            super().__init__(**{**options, "allow_abbrev": False})

        def error(self, message: str) -> NoReturn:
            subject, _, problem = message.removeprefix("argument ").partition(": ")
            if subject == "the following arguments are required":
                raise failures.MissingArgumentError(argument=problem)
            if problem.startswith("expected "):  # so many values
                raise failures.MissingArgumentError(argument=f"the value of {subject}")
            raise failures.InvalidArgumentError(message, argument=subject)

    for word in words:
        if word.startswith("--") and word.endswith("=--"):  # argparse makes an empty list of it
            raise failures.InvalidArgumentError(
                argument=word[:-3], value="--", expected="another value"
            )
    parser = Parser(prog="recorder")
    commands = parser.add_subparsers(required=True)
    command.add_parser(commands)
    if hasattr(command, "separated"):  # what follows its own options is for another program
        words = command.separated(words)
    _refuse_twice(commands.choices[words[0]], words[1:])
    try:
        args = parser.parse_args(words)
    except SystemExit as exc:  # --help
        return int(exc.code or 0)
    args.table = COMMANDS
    args.json_errors = json_errors
    return int(command.run(args))


def _refuse_twice(parser: Any, words: list[str]) -> None:
    """Of an option that is given twice the last value would win, in silence."""
    given = [
        word.partition("=")[0] for word in words[: words.index("--") if "--" in words else None]
    ]
    for action in parser._actions:  # argparse has no public way to ask
        is_single = action.option_strings and type(action).__name__ == "_StoreAction"
        spelled = [word for word in given if word in action.option_strings]
        if is_single and len(spelled) > 1:
            raise failures.InvalidArgumentError(
                f"{spelled[0]} is given {len(spelled)} times", argument=spelled[0]
            )


def overview() -> str:
    rows = "\n".join(f"  {name:<10}  {text}" for name, (_, text) in COMMANDS.items())
    return f"""\
usage: recorder COMMAND ...

A flight recorder for Python programs.

commands:
{rows}

`recorder COMMAND --help` tells more. `recorder run app.py` is the place to start.
With --json-errors[=PATH|fd:N] every command tells of its failure as JSON, on stderr or there.
"""


def _not_a_command(name: str) -> failures.RecorderError:
    from difflib import get_close_matches

    message = f"{name} is not a command"
    if near := get_close_matches(name, COMMANDS, n=1):
        message += f"; did you mean {near[0]}?"
    elif name.endswith(".py") or os.path.exists(name):
        message += f"; did you mean recorder run {name}?"
    return failures.InvalidArgumentError(message, argument="COMMAND", value=name)
