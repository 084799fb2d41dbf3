"""`recorder completion SHELL`: what makes bash, zsh or fish complete the commands and their options.

All of it comes from the parsers of the commands, as does `recorder manual`.
"""

from __future__ import annotations

import argparse
import sys
from typing import Any, Final, NamedTuple

from recorder.cli.console import write

SHELLS: Final = ("bash", "zsh", "fish")
DESCRIPTION: Final = """\
Prints a script for the shell:

  source <(recorder completion bash)                                  in ~/.bashrc
  source <(recorder completion zsh)                                   in ~/.zshrc, behind compinit
  recorder completion fish > ~/.config/fish/completions/recorder.fish
"""


class Command(NamedTuple):
    """A command as a person types it. `options`: (spellings, metavar or empty, help, choices)."""

    name: str
    help: str
    options: list[tuple[tuple[str, ...], str, str, tuple[str, ...]]]
    takes_file: bool
    parser: argparse.ArgumentParser | None  # None: it reads its words itself


def add_parser(subparsers: Any) -> None:
    parser = subparsers.add_parser(
        "completion",
        help="completion for bash, zsh or fish",
        description=DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("shell", choices=SHELLS)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    scripts = {"bash": bash, "zsh": zsh, "fish": fish}
    write(scripts[args.shell](commands(args.table)).rstrip())
    return 0


# ---- what there is -------------------------------------------------------------------------------


def commands(table: dict[str, tuple[str, str]]) -> list[Command]:
    """All of them, in the order in which they are shown. `table`: as COMMANDS."""
    from recorder.cli.options import OPTIONS

    found = []
    for name, (module, text) in table.items():
        __import__(module)
        command = sys.modules[module]
        if not hasattr(command, "add_parser"):
            rows = OPTIONS if name in ("run", "policy") else ()
            options = [option for row in rows for option in _own(*row)]
            found.append(Command(name, text, options, name == "run", None))
            continue
        parser = argparse.ArgumentParser(prog="recorder")
        subparsers = parser.add_subparsers()
        command.add_parser(subparsers)
        found.append(_of(name, text, subparsers.choices[name]))
    return found


def _own(spelling: str, metavar: str, _: str, text: str) -> list[Any]:
    """One row of `recorder run`'s own options; [no-] makes two of one."""
    both = [spelling.replace("[no-]", "")] + (
        [spelling.replace("[no-]", "no-")] if "[no-]" in spelling else []
    )
    choices = tuple(metavar.split("|")) if "|" in metavar and "[" not in metavar else ()
    return [((one,), metavar.strip("[]"), text, choices) for one in both]


def _of(name: str, text: str, parser: argparse.ArgumentParser) -> Command:
    options = []
    takes_file = False
    for action in parser._actions:  # argparse has no public way to ask
        if not action.option_strings:
            takes_file = takes_file or not action.choices
            continue
        metavar = "" if action.nargs == 0 else str(action.metavar or action.dest).upper()
        choices = tuple(map(str, action.choices or ()))
        summary = (action.help or "").replace("%%", "%")
        options.append((tuple(action.option_strings), metavar, summary, choices))
    return Command(name, text, options, takes_file, parser)


def spellings(command: Command) -> list[str]:
    return [one for option in command.options for one in option[0]]


# ---- scripts -------------------------------------------------------------------------------------

BASH: Final = """\
_recorder() {{
    local word=${{COMP_WORDS[COMP_CWORD]}} before=${{COMP_WORDS[COMP_CWORD-1]}} options= values=
    if (( COMP_CWORD == 1 )); then
        COMPREPLY=($(compgen -W "{names}" -- "$word"))
        return
    fi
    case ${{COMP_WORDS[1]}} in
{cases}
    esac
    if [[ -n $values ]]; then
        COMPREPLY=($(compgen -W "$values" -- "$word"))
    elif [[ $word == -* ]]; then
        COMPREPLY=($(compgen -W "$options" -- "$word"))
    else
        COMPREPLY=($(compgen -f -- "$word"))
    fi
}}
complete -o filenames -F _recorder recorder
"""


def bash(found: list[Command]) -> str:
    cases = "\n".join(_bash_case(command) for command in found)
    return BASH.format(names=" ".join(command.name for command in found), cases=cases)


def _bash_case(command: Command) -> str:
    lines = [f"    {command.name})", f'        options="{" ".join(spellings(command))}"']
    chosen = [(names, choices) for names, _, _, choices in command.options if choices]
    if chosen:
        lines.append("        case $before in")
        for names, choices in chosen:
            lines.append(f'        {"|".join(names)}) values="{" ".join(choices)}";;')
        lines.append("        esac")
    return "\n".join([*lines, "        ;;"])


def zsh(found: list[Command]) -> str:
    rows = "\n".join(f"        {_quoted(f'{c.name}:{c.help}')}" for c in found)
    cases = "\n".join(_zsh_case(command) for command in found)
    return f"""\
#compdef recorder
_recorder() {{
    local -a commands=(
{rows}
    )
    if (( CURRENT == 2 )); then
        _describe command commands
        return
    fi
    local command=$words[2]
    shift words
    (( CURRENT-- ))
    case $command in
{cases}
    esac
}}
compdef _recorder recorder
"""


def _zsh_case(command: Command) -> str:
    rows = []
    for names, metavar, text, choices in command.options:
        summary = text.replace("[", "(").replace("]", ")").replace(":", ";")
        action = f":{metavar}:({' '.join(choices)})" if choices else f":{metavar}:_files"
        for name in names:
            rows.append(_quoted(f"{name}[{summary}]{action if metavar else ''}"))
    rows.append("'*:file:_files'")
    arguments = " \\\n            ".join(rows)
    return f"    {command.name})\n        _arguments \\\n            {arguments}\n        ;;"


def fish(found: list[Command]) -> str:
    lines = ["complete -c recorder -f"]
    for command in found:
        lines.append(
            f"complete -c recorder -n __fish_use_subcommand -a {command.name} -d {_quoted(command.help)}"
        )
    for command in found:
        here = f"complete -c recorder -n '__fish_seen_subcommand_from {command.name}'"
        lines.append(f"{here} -F")
        for names, metavar, text, choices in command.options:
            spelled = " ".join(
                f"-l {name[2:]}" if name.startswith("--") else f"-s {name[1:]}" for name in names
            )
            values = f" -x -a {_quoted(' '.join(choices))}" if choices else " -r" if metavar else ""
            lines.append(f"{here} {spelled}{values} -d {_quoted(text)}")
    return "\n".join(lines)


def _quoted(text: str) -> str:
    """For any of the three shells."""
    return "'" + text.replace("\\", "").replace("'", "’") + "'"
