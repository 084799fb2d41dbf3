"""What others take to show the same programs: writes, of each, the page of `recorder explain`, what `recorder` suggests
until the line is named, a session of pdb and kolo's compact trace, as files, for a tokenizer to count.

    python -m tests.bugs.peers FOLDER [KOLO]

The session of pdb steps through the program and shows the variables at each line, since nobody tells it where to stop.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.bugs.follow import PROGRAMS, follow, unmarked, wrong_line

MOST_STEPS = 400
SHOW = "{k: v for k, v in locals().items() if not k.startswith('__')}"
SECONDS = 60


def of_pdb(program: Path) -> str:
    commands = f"step\np {SHOW}\n" * MOST_STEPS
    words = [sys.executable, "-m", "pdb", program.name]
    done = subprocess.run(
        words, cwd=program.parent, input=f"{commands}q\n", capture_output=True, text=True, timeout=SECONDS, check=False
    )  # fmt: skip
    # It begins anew when the program has ended.
    return done.stdout.partition("The program finished")[0].partition("Post mortem")[0]


def of_kolo(program: Path, command: str) -> str:
    words = [command, "run", "--inline", "--returns", program.name]
    done = subprocess.run(
        words, cwd=program.parent, capture_output=True, text=True, timeout=SECONDS, check=False
    )
    return done.stderr


def main(folder: Path, kolo: str | None) -> None:
    folder.mkdir(exist_ok=True)
    for path in PROGRAMS:
        text = path.read_text()
        program = folder / path.name
        program.write_text(unmarked(text))
        trace = program.with_suffix(".rtrace")
        words = [sys.executable, "-P", "-m", "recorder", "run", "-o", str(trace), program.name]
        subprocess.run(words, cwd=folder, capture_output=True, check=False)
        hunt = follow(trace, path.name, wrong_line(text), text)
        program.with_suffix(".recorder.txt").write_text(hunt.transcript)
        program.with_suffix(".pdb.txt").write_text(of_pdb(program))
        if kolo is not None:
            program.with_suffix(".kolo.txt").write_text(of_kolo(program, kolo))


if __name__ == "__main__":
    main(Path(sys.argv[1]).absolute(), sys.argv[2] if len(sys.argv) > 2 else None)
