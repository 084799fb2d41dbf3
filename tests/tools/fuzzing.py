"""What the commands have in common that try damaged traces for as long as one likes."""

from __future__ import annotations

import argparse
import resource
import time
from collections import Counter
from collections.abc import Callable

LONGEST_SECONDS = 10.0


def go_on(about: str | None, one: Callable[[str], str]) -> int:
    """Calls `one` with seed after seed, and counts what it answers. A seed that it fails with, or takes too long
    for, is the last, and printed."""
    parser = argparse.ArgumentParser(description=about)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    end = time.monotonic() + 60 * arguments.minutes
    seen: Counter[str] = Counter()
    slowest = 0.0
    while time.monotonic() < end:
        seed = f"{arguments.seed}:{seen.total()}"
        began = time.monotonic()
        try:
            seen[one(seed).partition("(")[0]] += 1
        except BaseException:
            print(f"seed {seed}")
            raise
        slowest = max(slowest, time.monotonic() - began)
        if slowest > LONGEST_SECONDS:
            print(f"seed {seed}: {slowest:.1f} s")
            return 1
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(
        f"{seen.total()} damaged traces, slowest {slowest:.3f} s, at most {most} MB: {dict(seen)}"
    )
    return 0
