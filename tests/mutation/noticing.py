"""Which tests are to notice a bug, and in which order they are asked: the likely and the fast ones first."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable
from fnmatch import fnmatchcase
from pathlib import Path

from tests.docs.test_documentation import ROOT, which_tests
from tests.mutation.reach import Seen

FIRST = 2.0  # seconds of processor time of tests that are asked first


def folders_for(file: str) -> list[str]:
    """The folders of tests that CONTRIBUTING names for a file, those of the narrowest row first."""
    rows = [
        (name, tests)
        for name, tests in which_tests().items()
        if fnmatchcase(file, f"{name}*" if name.endswith("/") else name)
    ]
    rows.sort(key=lambda row: -len(row[0]))
    folders = dict.fromkeys(word for _, tests in rows for word in re.findall(r"tests/\w+", tests))
    if not folders:
        raise SystemExit(f"CONTRIBUTING names no tests for {file}")
    return [*folders]


def tests_in(folder: str) -> list[str]:
    return sorted(str(path.relative_to(ROOT)) for path in (ROOT / folder).glob("test_*.py"))


def all_folders() -> list[str]:
    folders = (f"tests/{path.name}" for path in sorted((ROOT / "tests").iterdir()))
    return [folder for folder in folders if tests_in(folder)]


def in_order(
    file: str, function: str, number: int, tests: dict[str, Seen], noticed: Collection[str]
) -> list[str]:
    """Those that came by the bug themselves, then those of their files that were not run, then the others. First what
    has `noticed` another bug of the file, then tests that are called like the changed file or function, then those of
    the folders that are named for it; the cheapest of each file in turn."""
    names = f"{Path(file).stem} {function}".lower()
    words = {word.removesuffix("s") for word in re.findall("[a-z]{4,}", names)}
    folders = folders_for(file)
    place: Counter[str] = Counter()

    def likely(test: str) -> int:
        is_called_so = any(word in test.lower() for word in words)
        return 3 - is_called_so - (test.partition("::")[0].rpartition("/")[0] in folders)

    def far(test: str) -> int:
        seen = tests[test]
        return 0 if number in seen.reached else 2 if seen.is_known else 1

    ranked = []
    for test in sorted(tests, key=lambda test: (far(test), tests[test].cost)):
        path = test.partition("::")[0]
        place[path] += 1
        seen = tests[test]
        first = 0 if test in noticed else likely(test)
        ranked.append((far(test), first, place[path], seen.cost, test))
    return [test for *_, test in sorted(ranked)]


def rounds(
    tests: list[str], seen: dict[str, Seen], limit: float, most_files: int = 1000
) -> Iterable[list[str]]:
    """A few, of no more files than that; then as many as keep to the limit, in seconds of processor time. Those of one
    file are together."""
    left = tests
    for most in (FIRST, limit):
        some: list[str] = []
        rest: list[str] = []
        files: set[str] = set()
        total = 0.0
        for test in left:
            file = test.partition("::")[0]
            fits = total + seen[test].cost <= most and len(files | {file}) <= most_files
            if fits or not some:  # always one
                some.append(test)
                files.add(file)
                total += seen[test].cost
            else:
                rest.append(test)
        yield together(some)
        left = rest


def together(tests: list[str]) -> list[str]:
    files = {test.partition("::")[0]: n for n, test in reversed([*enumerate(tests)])}
    return sorted(tests, key=lambda test: files[test.partition("::")[0]])
