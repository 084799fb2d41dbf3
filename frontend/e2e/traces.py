"""Traces for the walk: `python traces.py FOLDER` records each program beside this file, and makes a damaged trace.

A program whose library is not there is left out, and named.
"""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from tests.tools.rechunk import places, rechunked  # noqa: E402

PROGRAMS = sorted((Path(__file__).parent / "programs").glob("*.py"))
BUGS = sorted((Path(__file__).parent / "bugs").glob("*.py"))
NEEDS = {"web": "flask", "table": "pandas", "merge": "pandas", "broadcast": "numpy"}


def record(program: Path, trace: Path) -> None:
    """A program that fails is as good as another."""
    command = [
        sys.executable,
        "-m",
        "recorder",
        "run",
        "-o",
        trace,
        program,
    ]
    subprocess.run(command, cwd=trace.parent, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def damage(trace: Path, damaged: Path) -> None:
    """Chunks of a few events, of which one in the middle does not fit its checksum."""
    data = bytearray(rechunked(trace, 8))
    chunks = [one for one in places(bytes(data), damaged) if one.head.events]
    data[chunks[len(chunks) // 2].end - 1] ^= 0xFF
    damaged.write_bytes(data)


def main() -> None:
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for program in PROGRAMS + BUGS:
        try:
            __import__(NEEDS.get(program.stem, "sys"))
        except ImportError:
            print(f"{program.stem}: {NEEDS[program.stem]} is not there")
            continue
        record(program, folder / f"{program.stem}.rtrace")
    damage(folder / "shop.rtrace", folder / "damaged.rtrace")
    another(folder, "dearer", "[1, 2, 3]", "[1, 2, 4]")
    pays = '        print(owner, "pays", total)\n'
    another(folder, "longer", pays, f"        basket.total()\n{pays}")


def another(folder: Path, name: str, old: str, new: str) -> None:
    """The same program, in which something else stands."""
    program = folder / name / "shop.py"
    program.parent.mkdir(exist_ok=True)
    program.write_text((PROGRAMS[0].parent / "shop.py").read_text().replace(old, new))
    record(program, folder / f"{name}.rtrace")


main()
