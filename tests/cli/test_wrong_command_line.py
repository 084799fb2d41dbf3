"""Every option of every command, given wrongly: one line that names the failure, one hint, the exit code
of its kind, nothing else, and nothing ran.

The options are read from the commands themselves; one without a row in the table fails here.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import re
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

import recorder
from recorder import cli, errors, export
from recorder.cli import dap, manual, mcp, options, plain, run, unittest, until_fails, view
from recorder.trace.reader import Trace
from tests.conftest import lacks_a_fact

# ------------------------------------------------------------------------------------- what there is


def parser_of(name: str) -> argparse.ArgumentParser | None:
    """The parser of a command that uses Python's."""
    module = cli.COMMANDS[name][0]
    __import__(module)
    command = sys.modules[module]
    if not hasattr(command, "add_parser"):
        return None
    made: argparse.ArgumentParser = argparse.ArgumentParser()
    command.add_parser(made.add_subparsers())
    (choices,) = (a.choices for a in made._actions if isinstance(a.choices, dict))
    return choices[name]


def spellings(name: str) -> dict[str, bool]:
    """The options of a command, and whether a value must follow."""
    parser = parser_of(name)
    if parser is None:  # those that read the options of `run`
        found = {
            spelling: bool(metavar) and not metavar.startswith("[")
            for spelling, (key, metavar, _) in options.SPELLINGS.items()
            if name == "run" or key != "output"
        }
        return found | ({} if name == "run" else {"--json": False})
    return {
        spelling: action.nargs != 0
        for action in parser._actions
        for spelling in action.option_strings
        if spelling not in ("-h", "--help")
    }


def without(words: list[str], spelling: str) -> list[str]:
    """The words, but for an option and its value: `--to` has to be among them."""
    if spelling not in words:
        return words
    at = words.index(spelling)
    return words[:at] + words[at + 2 :]


def is_refused_twice(name: str) -> bool:
    """Of two values for one option of a question, neither is meant more than the other."""
    return parser_of(name) is not None


def positionals(name: str) -> int:
    """How many words without a dash a command needs."""
    parser = parser_of(name)
    if parser is None:
        return 1 if name == "run" else 0
    return sum(not a.option_strings and a.nargs in (None, "+") for a in parser._actions)


def takes_many(name: str) -> bool:
    """Whether what follows the words that it needs may be some more: a program's, or traces."""
    parser = parser_of(name)
    return name == "run" or (
        parser is not None
        and any(a.nargs in ("+", "*", argparse.REMAINDER) for a in parser._actions)
    )


# A good value for each option that takes one, and what is a bad one; None: any text is good.
TEXT = None
VALUES: dict[str, tuple[str, str | None]] = {
    "-o": ("out.rtrace", TEXT),
    "--output": ("out.rtrace", TEXT),
    "--scope": ("own", "mine"),
    "--own-folders": ("src", TEXT),
    "--include": ("a.b", TEXT),
    "--exclude": ("a.b", TEXT),
    "--redact": ("pin*", "none"),
    "--on-recorder-error": ("abort", "explode"),
    "--log-level": ("debug", "loud"),
    "--log-file": ("log", TEXT),
    "--max-bytes": ("5MB", "5 parsecs"),
    "--keep-last": ("500MB", "the last ones"),
    "--max-events": ("5", "-5"),
    "--max-duration": ("5s", "soon"),
    "--min-free-space": ("5MB", "plenty"),
    "--function": ("f", TEXT),
    "--file": ("app.py", TEXT),
    "--in": ("f", TEXT),
    "--thread": ("0", TEXT),
    "--limit": ("5", "many"),
    "--port": ("0", "65536"),
    "--proxy": ("https://h/proxy/{port}/", "h"),
    "--type": ("ValueError", TEXT),
    "--ignore": ("x", TEXT),
    "--of": ("Basket", TEXT),
    "--when": ("n > 3", "n >"),
    "--value": ("3", TEXT),
    "--hits": ("2-3", "3-2"),
    "--log": ("{n}", "{n"),
    "--at": ("0", "the end"),
    "--to": ("jsonl", "docx"),
    "--since": ("0%", "yesterday"),
    "--until": ("1s", "soon"),
    "--sort": ("calls", "beauty"),
    "--depth": ("3", "deep"),
    "--from": ("0", "the start"),
    "--lines": ("app.py", TEXT),
    "--grep": ("x", "("),
    "--task": ("Task-1", TEXT),
    "--line": ("3", "the first"),
    "--kind": ("call", "calls"),
    "--changed": ("x", TEXT),
    "--around": ("0", "here"),
    "--calls": ("0,0", "0"),
    "--call": ("0", "the first"),
    "--exception": ("ValueError", TEXT),
    "--events": ("5", "some"),
    "--span": ("part", "nowhere"),
    "-n": ("3", "many"),
    "--runs": ("3", "0"),
    "--budget": ("200", "a lot"),
    "--passing": ("good.rtrace", TEXT),
    "--stream": ("stdout", "stdlog"),
    "--capture-output": ("5MB", "much"),
    "--capture-audit": ("5MB", "much"),
    "--value-budget": ("8", "much"),
    "--value-limit": ("300", "all"),
    "--record": ("all", "some"),
    "--recordings-dir": ("kept", TEXT),
    "--recordings-budget": ("5MB", "much"),
    "--level": ("warning", "loud"),
    "--name": ("shop", TEXT),
}
# What a bad value is, where it is not a bad value of the policy.
ELSEWHERE = {  # an option that means something else there
    ("find", "--at"): ("app.py:3", "app.py"),
    ("find", "--output"): ("total", TEXT),
    ("logs", "--kind"): ("warning", "call"),
    ("manual", "--to"): ("pages", TEXT),
}
BAD = {
    "--to": "UNSUPPORTED_FORMAT",
    **dict.fromkeys(
        [
            *(
                "--limit",
                "--port",
                "--proxy",
                "--at",
                "--since",
                "--until",
                "--sort",
                "--depth",
                "--from",
                "--grep",
            ),
            *(
                "--stream",
                "--level",
                "--budget",
                "--line",
                "--kind",
                "--around",
                "--calls",
                "--call",
                "--events",
                "--when",
                "--hits",
                "--log",
                "--span",
                "-n",
                "--runs",
                "--record",
            ),
        ],
        "INVALID_ARGUMENT",
    ),
}
OPTIONAL_VALUES = {"--json-errors": ("fd:2", "fd:1")}
FLAGS = {
    *("--json", "--csv", "--plain", "--flow", "--backwards", "--self", "--imports", "--strict"),
    *("--uncaught", "--last", "--external", "--source-text", "--no-source-text", "--no-source"),
    *("--allow-record", "--http", "--no-open"),
    *("--own", "--changed-arguments", "--full", "--fixed", "--ignore-case", "--seq"),
    *("--keep-spans", "--no-keep-spans"),
    *("--follow-children", "--no-follow-children", "--redact-defaults", "--no-redact-defaults"),
    *(f"--{no}{name}" for no in ("", "no-") for name in ("require-trace", "keep-partial-trace")),
    *(f"--{no}{name}" for no in ("", "no-") for name in ("propagate-script-exit", "summary")),
}
NOT_WITH_OTHERS = ("--csv", "--output", "--runs", "--calls", "--call", "--exception")
LISTS = ("--ignore", "--redact")  # of which there may be several
ANSWERED = (None, "NOT_IN_TRACE")  # nothing wrong with the question
COMMANDS = sorted(cli.COMMANDS)
STRANGE = {
    "empty": "",
    "NUL": "a\0b",
    "surrogate": "\udcff",
    "lone surrogate": "\ud800",
    "long": "x" * 10_000,
    "newline": "a\nb",
    "control": "\x1b[31m",
    "dashes": "--",
    "percent": "%s%n{0}",
    "huge": "9" * 5000,
}


def test_every_option_has_a_row() -> None:
    for name in COMMANDS:
        for spelling, takes_value in spellings(name).items():
            known = spelling in VALUES if takes_value else spelling in {*FLAGS, *OPTIONAL_VALUES}
            assert known, f"{name} {spelling} needs a row in {Path(__file__).name}"


# ----------------------------------------------------------------------------------------- asking it


class Said(NamedTuple):
    status: int
    out: str
    err: str

    @property
    def code(self) -> str | None:
        found = re.match(r"recorder: \[ERR_(\w+)\]", self.err)
        return found.group(1) if found else None


class WouldRun(BaseException):
    """`run` found nothing wrong."""


class Asking:
    """Gives command lines to the command, in this process, and checks how it answers."""

    def __init__(self, capfd: pytest.CaptureFixture[str]) -> None:
        self.capfd = capfd

    def __call__(self, *words: str) -> Said:
        self.capfd.readouterr()
        try:
            status = cli.main(list(words))
        except WouldRun:
            status = 0
        said = Said(status, *self.capfd.readouterr())
        self.check(said)
        return said

    def check(self, said: Said) -> None:
        assert "Traceback" not in said.err
        if said.code is None:
            # Nothing failed; or diagnostics as JSON alone were asked for.
            assert said.status in (0, 1, 3) or json.loads(said.err)["exit_code"] == said.status
            return
        error = next(c for c in errors.ErrorCode if c.name == said.code)
        assert said.status == errors.class_for(error).exit_code != 70, said.err
        first, *rest = said.err.splitlines()
        assert [line.partition(":")[0] for line in rest] == ["hint"], said.err
        assert not lacks_a_fact(first), first
        assert len(first) < 2000 and first.isprintable()

    def refuses(self, code: str, *words: str) -> Said:
        said = self(*words)
        assert (said.code, said.out) == (code, ""), (words, said)
        return said


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A trace in which nothing happens, in a part of its own."""
    path = tmp_path_factory.mktemp("good") / "good.rtrace"
    with recorder.record(path), recorder.span("part"):
        pass
    return path


@pytest.fixture
def ask(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    arrow_threads: None,
    good: Path,
) -> Iterator[Asking]:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "app.py").write_text("")
    shutil.copy(good, tmp_path)

    def become(*_: Any, **__: Any) -> None:
        raise WouldRun

    monkeypatch.setattr(run, "become", become)
    monkeypatch.setattr(export, "export", become)
    monkeypatch.setattr(Trace, "write_part", become)
    monkeypatch.setattr(manual, "write_all", become)
    monkeypatch.setattr(plain.Plain, "run", become)
    monkeypatch.setattr(until_fails, "run_once", become)
    monkeypatch.setattr(unittest, "run_tests", become)
    monkeypatch.setattr(dap, "speak", become)
    monkeypatch.setattr(dap, "listen", become)
    monkeypatch.setattr("recorder.mcp.server.make", become)
    monkeypatch.setattr(mcp, "speak", become)
    monkeypatch.setattr(mcp, "listen", become)
    monkeypatch.setattr(view, "serve", become)
    before = sorted(tmp_path.iterdir())
    yield Asking(capfd)
    assert sorted(set(tmp_path.iterdir()) - set(before)) == []


WORDS = {
    "run": ["app.py"],
    "history": ["good.rtrace", "x"],
    "watch": ["good.rtrace", "x"],
    "check": ["good.rtrace", "x"],
    "why": ["good.rtrace", "x"],
    "same": ["good.rtrace", "x", "--at", "0"],
    "origin": ["good.rtrace", "x", "--at", "0"],
    "diff": ["good.rtrace", "good.rtrace"],
    "state": ["good.rtrace", "0%"],
    "grep": ["good.rtrace", "x"],
    "export": ["good.rtrace", "--to", "jsonl"],
    "sql": ["good.rtrace", "select 1"],
    "completion": ["bash"],
    "ci-report": ["."],
    "agents": ["guide"],
    "until-fails": ["--", "pytest"],
    "unittest": ["tests"],
}


def good_words(name: str) -> list[str]:
    """What makes a whole command line of it."""
    return WORDS.get(name, ["good.rtrace"] * positionals(name))


def values(name: str, spelling: str) -> tuple[str, str | None]:
    return ELSEWHERE.get((name, spelling), VALUES[spelling])


def value_of(name: str, spelling: str) -> tuple[str, ...]:
    return (values(name, spelling)[0],) if spelling in VALUES else ()


# --------------------------------------------------------------------------------------------- cases


@pytest.mark.provokes("MISSING_ARGUMENT", "INVALID_ARGUMENT")
@pytest.mark.parametrize("name", COMMANDS)
def test_the_words_of_a_command(ask: Asking, name: str) -> None:
    needed = positionals(name)
    if needed:
        ask.refuses("MISSING_ARGUMENT", name)
    ask.refuses("INVALID_ARGUMENT", name, "--no-such-option", *good_words(name))
    ask.refuses("INVALID_ARGUMENT", name, "--no-such-option=1", *good_words(name))
    ask.refuses("INVALID_ARGUMENT", name, "-Z", *good_words(name))
    for word in STRANGE.values():
        for words in ([word], [*good_words(name), word], [word, *good_words(name)]):
            ask(name, *words)
        ask(word, name)
        ask(word)
    if not takes_many(name):
        ask.refuses("INVALID_ARGUMENT", name, *good_words(name), *["too", "many"])


@pytest.mark.provokes("MISSING_ARGUMENT", "INVALID_ARGUMENT", "INVALID_POLICY_VALUE")
@pytest.mark.parametrize("name", COMMANDS)
def test_each_option_wrongly(ask: Asking, name: str) -> None:
    words = good_words(name)
    for spelling, takes_value in spellings(name).items():
        if takes_value:
            good, bad = values(name, spelling)
            said = ask(name, spelling)  # at the end, or followed by nothing that is a value
            assert said.code == "MISSING_ARGUMENT", (spelling, said)
            for n, value in enumerate(STRANGE.values(), len(spelling)):  # one way or the other
                joined = spelling.startswith("--") and n % 2
                ask(name, *([f"{spelling}={value}"] if joined else [spelling, value]), *words)
            if bad is not None:
                code = BAD.get(spelling, "INVALID_POLICY_VALUE")
                ask.refuses(code, name, spelling, bad, *without(words, spelling))
                # The later one counts, where one may come twice.
                if code != "INVALID_ARGUMENT" and not is_refused_twice(name):
                    assert ask(name, spelling, bad, spelling, good, *words).code is None
                    ask.refuses(code, name, spelling, good, spelling, bad, *words)
        elif spelling in OPTIONAL_VALUES:
            good, bad = OPTIONAL_VALUES[spelling]
            ask(name, f"{spelling}={good}", *words)
            ask.refuses("INVALID_POLICY_VALUE", name, f"{spelling}={bad}", *words)
            for value in STRANGE.values():
                ask(name, f"{spelling}={value}", *words)
                with contextlib.suppress(OSError, ValueError):
                    Path(value).unlink()  # where the diagnostic went
        else:
            ask.refuses("INVALID_ARGUMENT", name, f"{spelling}=yes", *words)
        if len(spelling) > 5:
            ask.refuses("INVALID_ARGUMENT", name, spelling[:-1], *value_of(name, spelling), *words)
        ask.refuses("INVALID_ARGUMENT", spelling, *value_of(name, spelling), name, *words)


@pytest.mark.parametrize("name", COMMANDS)
def test_each_option_twice_and_with_each_other(ask: Asking, name: str) -> None:
    """A policy's later one counts, and a question's second one is refused; no two of them are in each other's way."""
    words = good_words(name)
    whole = []
    for spelling, takes_value in spellings(name).items():
        one = [spelling, *value_of(name, spelling)]
        said = ask(name, *one, *one, *words)
        if takes_value and is_refused_twice(name) and spelling not in LISTS:
            assert said.code == "INVALID_ARGUMENT", spelling
        else:
            assert said.code in ANSWERED, spelling
        # --csv or --json; --output is -o; --runs is -n; --since or --exception; the trace has no calls.
        whole += one if spelling not in (*NOT_WITH_OTHERS, *words) else []
    assert ask(name, *whole, *words).code in ANSWERED


@pytest.mark.provokes("INVALID_POLICY_VALUE", "UNKNOWN_POLICY_KEY")
@pytest.mark.parametrize("name", ["run", "policy"])
def test_the_environment(ask: Asking, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    words = good_words(name)
    for spelling, (good, bad) in {**VALUES, **OPTIONAL_VALUES}.items():
        if spelling not in options.SPELLINGS:
            continue
        key = options.SPELLINGS[spelling][0]
        if key == "output":
            continue
        variable = f"RECORDER_{key.upper()}"
        for value in (good, bad, *STRANGE.values()):
            if value is None or "\0" in value or "\ud800" in value:  # no environment can hold it
                continue
            monkeypatch.setenv(variable, value)
            said = ask(name, *words)
            if value == good:
                assert said.code is None, (variable, said)
            elif value == bad:
                assert f"(from environment {variable})" in said.err
        monkeypatch.delenv(variable)
    monkeypatch.setenv("RECORDER_SCOPES", "own")
    said = ask.refuses("UNKNOWN_POLICY_KEY", name, *words)
    assert "did you mean scope?" in said.err


@pytest.mark.provokes("INVALID_POLICY_VALUE", "UNKNOWN_POLICY_KEY")
def test_a_pyproject_that_is_wrong(ask: Asking, tmp_path: Path) -> None:
    project = tmp_path / "pyproject.toml"
    for text, code in (
        ("[tool.recorder]\nscope = 'mine'\n", "INVALID_POLICY_VALUE"),
        ("[tool.recorder]\nscope = 5\n", "INVALID_POLICY_VALUE"),
        ("[tool.recorder]\nscope = [\n", "INVALID_POLICY_VALUE"),
        ("[tool]\nrecorder = 'yes'\n", "INVALID_POLICY_VALUE"),
        ("[tool.recorder]\nscop = 'own'\n", "UNKNOWN_POLICY_KEY"),
        ("[tool.recorder]\n'a b\\u0007' = 'own'\n", "UNKNOWN_POLICY_KEY"),
    ):
        project.write_text(text)
        said = ask.refuses(code, "run", "app.py")
        assert str(project) in said.err
    project.unlink()


@pytest.mark.provokes("INVALID_ARGUMENT")
def test_no_command_at_all(ask: Asking) -> None:
    assert ask().out == ask("--help").out != ""
    for word in ("rnu", "", "-", "--", "-x", "--scope", "app.py", "good.rtrace"):
        ask.refuses("INVALID_ARGUMENT", word)
