"""How far the answers lead by themselves: who only reads the page of `recorder explain` and asks what is suggested,
first things first: of how many programs with a mistake is the wrong line named, in how many calls and tokens?

    python -m tests.bugs.follow [--show NAME]

Nobody here knows the mistake, nor the symptom: what was written last is taken to be wrong. A line counts where it is
named as a place (`app.py:12`), and not where it stands in a listing of a function.
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from recorder import cli
from recorder.explain.tokens import tokens

PROGRAMS = sorted((Path(__file__).parent / "programs").glob("*.py"))
MOST_CALLS = 6
MOST_TOKENS = 3_000
BUDGET = 1_500  # of the page
LIMIT = ["--limit", "10"]


class Hunt(NamedTuple):
    """`named`: lines of the program that were named, up to the wrong one; `lines` of code are in it."""

    is_found: bool
    calls: int
    tokens: int
    named: int
    lines: int
    transcript: str


def follow(trace: Path, name: str, line: int, text: str) -> Hunt:
    """`name`: of the file; `line`: the wrong one."""
    waiting: list[list[str]] = [["explain", str(trace), "--budget", str(BUDGET)]]
    asked: set[str] = set()
    named: list[int] = []
    used = calls = 0
    transcript = ""
    while waiting and calls < MOST_CALLS:
        words = waiting.pop(0)
        if (key := " ".join(words)) in asked:
            continue
        asked.add(key)
        answer, suggested = ask(words)
        calls += 1
        used += tokens(answer)
        transcript += f"$ recorder {' '.join(words)}\n{answer}\n"
        if used > MOST_TOKENS:
            break
        found = [int(n) for n in re.findall(rf"\b{re.escape(name)}:(\d+)\b", answer)]
        named = list(dict.fromkeys([*named, *found]))
        if line in named:
            break
        waiting += suggested
    code = [one for one in text.partition("# Symptom")[0].splitlines() if one.strip()]
    place = named.index(line) + 1 if line in named and used <= MOST_TOKENS else len(named)
    is_found = line in named and used <= MOST_TOKENS
    return Hunt(is_found, calls, used, place, len(code), transcript)


def ask(words: list[str]) -> tuple[str, list[list[str]]]:
    """The answer, and the commands that it suggests."""
    out = io.StringIO()
    with suggestions() as said, contextlib.redirect_stdout(out):
        cli.main(words)
    answer = out.getvalue()
    begin = "next: recorder "
    lines = [one for one in said if one.startswith(begin)]
    found = [shlex.split(re.sub(r"  \(.*\)$", "", one.removeprefix(begin))) for one in lines]
    return answer + "".join(f"{one}\n" for one in lines), found


@contextlib.contextmanager
def suggestions() -> Iterator[list[str]]:
    """The lines that are said on stderr meanwhile, by its descriptor; they are there at the end."""
    before, lines = os.environ.get("RECORDER_NEXT"), list[str]()
    os.environ["RECORDER_NEXT"] = "1"
    kept = os.dup(2)
    with tempfile.TemporaryFile() as file:
        os.dup2(file.fileno(), 2)
        try:
            yield lines
        finally:
            os.dup2(kept, 2)
            os.close(kept)
            if before is None:
                del os.environ["RECORDER_NEXT"]
            else:
                os.environ["RECORDER_NEXT"] = before
            file.seek(0)
            lines += file.read().decode().splitlines()


def unmarked(text: str) -> str:
    """The program without what tells of its mistake, its lines where they were."""
    return text.partition("\n# Symptom")[0].replace("  # bug", "")


def wrong_line(text: str) -> int:
    (line,) = (n for n, one in enumerate(text.splitlines(), 1) if one.endswith("# bug"))
    return line


def main() -> None:
    shown = sys.argv[2:] if sys.argv[1:2] == ["--show"] else []
    found = 0
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        for program in PROGRAMS:
            if shown and program.stem not in shown:
                continue
            text = program.read_text()
            Path(program.name).write_text(unmarked(text))
            trace = Path(f"{program.stem}.rtrace")
            command = [
                sys.executable,
                "-P",
                "-m",
                "recorder",
                "run",
                "-o",
                str(trace),
                program.name,
            ]
            subprocess.run(command, capture_output=True, check=False)
            hunt = follow(trace, program.name, wrong_line(text), text)
            found += hunt.is_found
            print(
                f"{program.stem:24} {'yes' if hunt.is_found else 'no':4} {hunt.calls} calls {hunt.tokens:5} tokens, "
                f"named as number {hunt.named}, of {hunt.lines} lines"
            )
            if shown:
                print(hunt.transcript)
    print(f"{found} of {len(PROGRAMS)}")


if __name__ == "__main__":
    main()
