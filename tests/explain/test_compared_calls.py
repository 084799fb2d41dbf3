"""What `explain` says of a call that was given the same as an earlier one of its object, and had another result."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from pathlib import Path

import pytest

from recorder import cli

PROGRAM = """\
class Rule:
    def __init__(self):
        self.cache = None
    def compiled(self):
        if self.cache is None:
            self.cache = ["made"]
        return self.cache
class Page:
    def __init__(self, options):
        self.rule = Rule()
        self.options = options
        self.name = "a page with a name that is rather long, so that it is not told whole"
    def show(self, text):
        self.rule.compiled()
        return text.upper() if self.options["loud"] else text
shared = {{"loud": False}}
page = Page(shared)
before = page.show("hello")
shared["loud"] = True
after = {other}.show("hello")
print(after)
"""
TITLE = "## What differs from an earlier call with another result"


def explained(
    folder: Path, name: str, other: str, trace_of: Callable[[Path], Path], *words: str
) -> list[str]:
    program = folder / f"{name}.py"
    program.write_text(PROGRAM.format(other=other))
    return ["explain", str(trace_of(program)), *words]


def test_the_first_values_that_differ_are_told(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], trace_of: Callable[[Path], Path]
) -> None:
    """And not the cache that filled."""
    words = explained(tmp_path, "explained_pair", "page", trace_of)
    assert cli.main(words) == 0
    page = capfd.readouterr().out
    section, after = page.split(TITLE)[1].split("## What to ask next")
    assert "`self.options['loud']` is `True`, and was `False` at #" in section
    assert "cache" not in section
    (why,) = [row.split("`")[1] for row in after.splitlines() if "which differed" in row]
    assert '''"self.options['loud']"''' in why  # as a person types it
    assert cli.main(shlex.split(why)[1:]) == 0
    assert 'shared["loud"] = True' in capfd.readouterr().out
    assert cli.main([*words, "--budget", "3000"]) == 0
    assert "`page.rule.cache = ['made'], and was None`" in capfd.readouterr().out


def test_of_two_objects_nothing_is_said(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], trace_of: Callable[[Path], Path]
) -> None:
    assert cli.main(explained(tmp_path, "explained_two", "Page(shared)", trace_of)) == 0
    assert TITLE not in capfd.readouterr().out
