"""Path × scope × include × exclude: of which files code is recorded, held against tables that say it in full."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

import pytest

from tests.conftest import ENVIRONMENT

LIBRARY = os.path.dirname(os.__file__)
# Code of these files is run in each recording: `o` own code, `O` with capitals in its path, `d` and `e` installed
# packages, `s` the standard library.
FILES = {
    "o": "/srv/shop/orders/cart.py",
    "O": "/srv/Shop/Tools/Report.py",
    "d": "/srv/venv/lib/python3.12/site-packages/acme/client.py",
    "e": "/usr/lib/python3/dist-packages/zeta/core.py",
    "s": f"{LIBRARY}/json/decoder.py",
}
PROJECT, TOOLS, SHOP = "/srv/shop/orders", "/srv/Shop/Tools", "/srv/shop"
LINK = "link"  # to PROJECT
RULES: list[tuple[dict[str, Any], str]] = [
    # Scope alone.
    ({"scope": "own"}, "oO"),
    ({"scope": "deps"}, "oOde"),
    ({"scope": "all"}, "oOdes"),
    # Folders that are own say all.
    ({"scope": "own", "own_folders": PROJECT}, "o"),
    ({"scope": "own", "own_folders": [PROJECT, TOOLS]}, "oO"),
    ({"scope": "own", "own_folders": SHOP}, "o"),  # not /srv/Shop: a path is one in its own case
    ({"scope": "deps", "own_folders": PROJECT}, "ode"),
    ({"scope": "all", "own_folders": PROJECT}, "oOdes"),
    ({"scope": "own", "own_folders": LINK}, "o"),
    ({"scope": "own", "include": ["acme", "json.decoder"]}, "oOds"),
    ({"scope": "own", "include": "*"}, "oOdes"),
    ({"scope": "all", "exclude": ["orders", "acme.client"]}, "Oes"),
    ({"scope": "own", "exclude": "*"}, ""),
    # What is excluded is not recorded, whatever else says that it is.
    ({"scope": "own", "include": "acme", "exclude": "acme"}, "oO"),
    ({"scope": "own", "include": "*", "exclude": "acme"}, "oOes"),
    ({"scope": "all", "include": "acme", "exclude": "*"}, ""),
    ({"scope": "deps", "include": "json", "exclude": "ZETA"}, "oOds"),
    ({"scope": "own", "own_folders": PROJECT, "include": "json", "exclude": "cart.py"}, "s"),
]  # fmt: skip
# Patterns, each with a file that it is for, and with one that it is not for. All are asked for at once.
SPELLINGS = {
    "one": ("one/mod.py", "one2/mod.py"),
    "TWO": ("two/mod.py", "two.txt/mod.py"),
    "three": ("Three/mod.py", "bthree/mod.py"),
    "four": ("four.py", "fourth.py"),
    "five.part": ("five/part.py", "five/party.py"),
    "Six.Part": ("six/part/mod.py", "six/apart/mod.py"),
    "zero.part.of": ("zero/part/of.py", "zero.part/of.py"),
    "seven.py": ("in/seven.py", "in/xseven.py"),
    "EIGHT.PY": ("in/eight.py", "in/eight.pyx"),
    "nine/mod.py": ("in/nine/mod.py", "in/nine/mod2.py"),
    "*/ten/*": ("ten/mod.py", "ten.py"),
    "*ele?en*": ("in/Eleven.py", "in/eleeven.py"),
    "/srv/x/site-packages/twelve/mod.py": ("twelve/mod.py", "twelve/mod.pyi"),
    "/SRV/X/site-packages/Thirteen/*": ("thirteen/mod.py", "thirteenth/mod.py"),
}
SPELLED = {
    f"{side}{number}": f"/srv/x/site-packages/{file}"
    for number, pair in enumerate(SPELLINGS.values())
    for side, file in zip(("is", "not"), pair, strict=True)
}


PROGRAM = """
import json, os, sys
import recorder
os.symlink("/srv/shop/orders", "link")
for asked, files in json.load(sys.stdin):
    codes = [compile(f"def {name}_(): pass\\n{name}_()", path, "exec") for name, path in files.items()]
    with recorder.record("p.rtrace", min_free_space=0, **asked):
        for code in codes:
            exec(code, {"__name__": "anything"})
    with recorder.open_trace("p.rtrace") as trace:
        recorded = {one.name for one in trace.functions}
    print(*(name for name in files if name + "_" in recorded))
"""
BY_SPELLING = [
    {"scope": "own", "include": list(SPELLINGS)},
    {"scope": "all", "exclude": list(SPELLINGS)},
]


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> list[list[str]]:
    """The files of which code was recorded, by recording. In a process of its own, which has nothing else to record."""
    asked = [(rule, FILES) for rule, _ in RULES] + [(rule, SPELLED) for rule in BY_SPELLING]
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], input=json.dumps(asked), env=ENVIRONMENT,
        cwd=tmp_path_factory.mktemp("scope"),
        check=True, timeout=100, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    return [line.split() for line in done.stdout.splitlines()]


@pytest.mark.parametrize("number", range(len(RULES)), ids=lambda number: repr(RULES[number][0]))
def test_each_file_by_the_rules(number: int, recorded: list[list[str]]) -> None:
    assert "".join(recorded[number]) == RULES[number][1]


def test_patterns_of_every_spelling(recorded: list[list[str]]) -> None:
    included, excluded = recorded[len(RULES) :]
    assert included == [name for name in SPELLED if name.startswith("is")]
    assert excluded == [name for name in SPELLED if name.startswith("not")]
