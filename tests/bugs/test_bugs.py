"""Forty small programs with a mistake each, of the kinds that collections of bugs list, and the questions that
lead from what one sees to the line that is wrong.

Each program names its symptom and its questions at its end: `# $ words of the command`, and with `# > ` what the answer
has to say. The last answer has to show the line that is marked as the bug.
"""

from __future__ import annotations

import re
import shlex
import shutil
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

import recorder
from recorder import cli
from tests.bugs.follow import PROGRAMS, follow, unmarked, wrong_line
from tests.tools.tape_tools import in_turn

MOST_QUESTIONS = 6
MOST_CHARACTERS = 5_000  # of all answers


class Question(NamedTuple):
    command: str
    words: list[str]
    says: list[str]


class Bug(NamedTuple):
    text: str
    line: int
    questions: list[Question]


def read(path: Path) -> Bug:
    text = path.read_text()
    questions: list[Question] = []
    for kind, rest in re.findall(r"^# ([$>]) (.*)$", text, re.M):
        if kind == "$":
            command, *words = shlex.split(rest)
            questions.append(Question(command, words, []))
        else:
            questions[-1].says.append(rest)
    return Bug(text, wrong_line(text), questions)


def record(path: Path, to: Path) -> None:
    """As `recorder run` would, without a process."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SyntaxWarning)  # what one of the mistakes is, from 3.14 on
        code = compile(path.read_text(), str(path), "exec")
    with recorder.record(to, policy=recorder.Policy(include=[str(path)])):
        exec(code, {"__name__": "__main__", "__file__": str(path)})


def test_there_are_forty() -> None:
    assert len(PROGRAMS) >= 40


@pytest.mark.parametrize("path", in_turn(PROGRAMS), ids=lambda path: path.stem)
def test_the_questions_lead_to_the_line(
    path: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    bug, trace = read(path), tmp_path / "bug.rtrace"
    record(path, trace)
    assert 1 <= len(bug.questions) <= MOST_QUESTIONS
    capfd.readouterr()
    answer, read_so_far = "", 0
    for question in bug.questions:
        cli.main([question.command, str(trace), *question.words])
        answer, err = capfd.readouterr()
        answer += err
        read_so_far += len(answer)
        for text in question.says:
            assert text in answer, f"{question}\n{answer}"
    shown = rf"{path.name}:{bug.line}\b|^ *\S+ +{bug.line} .*# bug$"  # a place, or a line of source
    assert re.search(shown, answer, re.M), answer
    assert read_so_far <= MOST_CHARACTERS


@pytest.mark.parametrize("path", in_turn(PROGRAMS, of=8), ids=lambda path: path.stem)
def test_what_is_suggested_leads_to_the_line(
    path: Path, tmp_path: Path, trace_of: Callable[[Path], Path], capfd: pytest.CaptureFixture[str]
) -> None:
    """Without a question of ours. `python -m tests.bugs.follow` tells of all of them."""
    bug, program = read(path), tmp_path / path.name
    program.write_text(unmarked(bug.text))
    hunt = follow(trace_of(program), path.name, bug.line, bug.text)
    assert hunt.is_found, hunt.transcript
    assert hunt.calls <= 2


PAGE = Path(__file__).parents[2] / "docs/for-agents.md"
TRANSCRIPTS = re.findall(
    r"^\$ recorder (explain (\w+)\.rtrace .*)\n((?:.*\n)*?)```$", PAGE.read_text(), re.M
)


def test_the_transcripts_are_what_comes_out(
    tmp_path: Path,
    trace_of: Callable[[Path], Path],
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Those of docs/for-agents.md; a line `…` stands for some that are left out."""
    assert len(TRANSCRIPTS) == 3
    monkeypatch.chdir(tmp_path)
    for command, name, expected in TRANSCRIPTS:
        program = tmp_path / f"{name}.py"
        program.write_text(unmarked((PROGRAMS[0].parent / program.name).read_text()))
        shutil.copy(trace_of(program), f"{name}.rtrace")
        capfd.readouterr()
        assert cli.main(shlex.split(command)) == 0
        answer = capfd.readouterr().out
        for part in filter(None, re.split(r"^…\n", expected, flags=re.M)):
            assert f"\n{part}" in f"\n{answer}", command
            answer = answer.partition(part)[2]
