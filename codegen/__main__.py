"""`python -m codegen`: write every generated file. `--check`: say what is out of date, and fail."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from codegen import generate, table

MEND = "run `python -m codegen` and commit what it writes"


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m codegen", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; fail if stale")
    parser.add_argument("--root", type=Path, default=Path(__file__).parent.parent)
    args = parser.parse_args(argv)
    try:
        outputs = generate.render(table.load(args.root / table.TABLE), args.root)
    except (table.TableError, generate.GenerationError) as exc:
        sys.stderr.write(f"{exc}\n")
        return 1
    if args.check:
        problems = generate.stale(outputs, args.root)
        for problem in problems:
            sys.stderr.write(problem)
        if problems:
            sys.stderr.write(f"To mend it: {MEND}\n")
        return 1 if problems else 0
    for output in generate.write(outputs, args.root):
        sys.stdout.write(f"wrote {output}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
