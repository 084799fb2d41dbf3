"""Which tests are to notice a bug in a file, and in which order they are asked: the likely and the fast ones first."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from pathlib import Path
from xml.etree import ElementTree

from tests.docs.test_documentation import ROOT, files_of, which_tests
from tests.mutation.checkout import Checkout

TIMES = ROOT / "build/mutation-times.json"
UNKNOWN_SECONDS = 10.0  # of a file of tests that was never run


def folders_for(file: str) -> list[str]:
    """The folders of tests that CONTRIBUTING names for a file."""
    for name, tests in which_tests().items():
        if ROOT / file in files_of(name):
            return [
                word.strip(" `")
                for word in tests.split(",")
                if word.strip(" `").startswith("tests/")
            ]
    raise SystemExit(f"CONTRIBUTING names no tests for {file}")


def tests_in(folder: str) -> list[str]:
    return sorted(str(path.relative_to(ROOT)) for path in (ROOT / folder).glob("test_*.py"))


def all_folders() -> list[str]:
    folders = (f"tests/{path.name}" for path in sorted((ROOT / "tests").iterdir()))
    return [folder for folder in folders if tests_in(folder)]


def in_order(file: str, tests: list[str], seconds: dict[str, float]) -> list[str]:
    """Those that are called like the file, those that name it, the others; of each the fastest first."""
    word = re.compile(rf"\b{re.escape(Path(file).stem.strip('_'))}s?\b")

    def rank(test: str) -> tuple[int, float]:
        named = bool(word.search(Path(test).stem.removeprefix("test_").replace("_", " ")))
        told = named or bool(word.search((ROOT / test).read_text(encoding="utf-8")))
        return 2 - named - told, seconds.get(test, UNKNOWN_SECONDS)

    return sorted(tests, key=rank)


def within(tests: list[str], seconds: dict[str, float], most: float) -> list[str]:
    """As many of them, from the first on, as take no longer than that; always one."""
    chosen: list[str] = []
    total = 0.0
    for test in tests:
        total += seconds.get(test, UNKNOWN_SECONDS)
        if not chosen or total <= most:
            chosen.append(test)
    return chosen


# ---- how long they take, and which of them fail by themselves -------------------------------------


def known_times() -> dict[str, float | None]:
    return json.loads(TIMES.read_text()) if TIMES.exists() else {}


def measure(checkout: Checkout, folders: list[str]) -> dict[str, float]:
    """The seconds of each file of tests in these folders, without a bug; they are measured once. A file in which a test
    fails is left out: it would notice anything."""
    known = known_times()
    wanted = [test for folder in folders for test in tests_in(folder)]
    if new := [test for test in wanted if test not in known]:
        report = checkout.root / "build/report.xml"
        report.parent.mkdir(exist_ok=True)
        checkout.run(new, f"--junitxml={report}", seconds=3600)
        known |= times_of(ElementTree.parse(report))
        TIMES.write_text(json.dumps(known, indent=1, sort_keys=True))
    for test in wanted:
        if known.get(test) is None:
            print(f"left out, as a test in it fails without a bug: {test}")
    return {test: seconds for test in wanted if (seconds := known.get(test)) is not None}


def times_of(report: ElementTree.ElementTree) -> dict[str, float | None]:
    """Of a report in the form of JUnit: the seconds of each file, None where a test failed."""
    seconds: defaultdict[str, float] = defaultdict(float)
    failed = set()
    for case in report.iter("testcase"):
        found = re.match(r"(.*?\btest_\w+)", case.get("classname", ""))
        name = found[1].replace(".", "/") + ".py" if found else ""
        seconds[name] += float(case.get("time", 0))
        if case.find("failure") is not None or case.find("error") is not None:
            failed.add(name)
    return {name: None if name in failed else found for name, found in seconds.items()}
