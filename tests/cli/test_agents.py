"""`recorder agents`: a pointer in a project's file for coding agents, put in once, and taken out to the last byte."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from recorder import cli, errors
from recorder.cli import agents, marked_part
from recorder.cli.completion import commands, spellings

BEFORE = {
    "nothing": None,
    "empty": b"",
    "a line": b"# Mine\n",
    "no end": b"# Mine",
    "blank lines": b"# Mine\n\n\n",
    "Windows": b"# Mine\r\nmore\r\n",
    "Windows, no end": b"# Mine\r\nmore",
    "no text": b"\xff\x00\n",
    "a mark before it": b"\xef\xbb\xbf# Mine\r\n",
    "nothing but a mark": b"\xef\xbb\xbf",
    "mixed ends": b"# Mine\r\nmore\n",
    "mixed ends, none": b"# Mine\nmore\r\nand more",
    "blank Windows lines": b"# Mine\r\n\r\n",
}


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("before", BEFORE.values(), ids=list(BEFORE))
@pytest.mark.parametrize("behind", [b"", b"## Later\n", b"no end"])
def test_it_is_put_in_once_and_taken_out_to_the_last_byte(
    here: Path, before: bytes | None, behind: bytes
) -> None:
    """Whatever the file was, and whatever was written behind it since."""
    file = here / "AGENTS.md"
    if before is not None:
        file.write_bytes(before)
    assert cli.main(["agents", "install"]) == 0
    once = file.read_bytes()
    assert b"recorder agents guide" in once and once.startswith(before or b"")
    assert cli.main(["agents", "install"]) == 0
    assert file.read_bytes() == once
    file.write_bytes(once + behind)
    assert cli.main(["agents", "uninstall"]) == 0
    if before is None and not behind:
        assert not file.exists()
    else:
        assert file.read_bytes() == (before or b"") + behind
    assert cli.main(["agents", "uninstall"]) == 0


def test_an_older_text_is_brought_up_to_date(here: Path) -> None:
    file = here / "AGENTS.md"
    file.write_bytes(b"a\n")
    assert marked_part.put("AGENTS.md", "old") and marked_part.put("AGENTS.md", "new")
    assert b"new" in file.read_bytes() and b"old" not in file.read_bytes()
    assert marked_part.take_out("AGENTS.md") and file.read_bytes() == b"a\n"


@pytest.mark.parametrize(
    "damaged",
    [
        b"<!-- recorder: begin 1 -->\n",
        b"<!-- recorder: end -->\n",
        b"<!-- recorder: begin x -->\nz\n<!-- recorder: end -->\n",
        b"<!-- recorder: begin 0 -->\nz\n<!-- recorder: end -->\n" * 2,
        b"<!-- recorder: begin 0 -->\n<!-- recorder: begin 0 -->\nz\n<!-- recorder: end -->\n",
        b"<!-- recorder: end -->\nz\n<!-- recorder: begin 0 -->\n",
        "# Mine\n".encode("utf-16"),
    ],
)
@pytest.mark.parametrize(
    "ask", [lambda: marked_part.put("A.md", "x"), lambda: marked_part.take_out("A.md")]
)
def test_a_file_with_damaged_marks_is_left_alone(here: Path, damaged: bytes, ask: object) -> None:
    (here / "A.md").write_bytes(damaged)
    with pytest.raises(errors.InvalidArgumentError):
        ask()  # type: ignore[operator]
    assert (here / "A.md").read_bytes() == damaged


def test_what_somebody_changed_around_it_stays(here: Path) -> None:
    """The line ends, and the blank line before it."""
    file = here / "AGENTS.md"
    for change in (
        lambda data: data.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n"),
        lambda data: data.replace(b"more\n\n", b"more\n"),
        lambda data: data.replace(b"# Mine\n", b"# Mine\r\n"),
    ):
        file.write_bytes(b"# Mine\nmore\n")
        marked_part.put("AGENTS.md", "text")
        changed = change(file.read_bytes())
        file.write_bytes(changed)
        assert marked_part.take_out("AGENTS.md")
        assert file.read_bytes() == change(b"# Mine\nmore\n"), changed


def test_a_file_that_nobody_may_write_is_left_alone(here: Path) -> None:
    file = here / "AGENTS.md"
    file.write_bytes(b"# Mine\n")
    file.chmod(0o444)
    assert cli.main(["agents", "install"]) != 0
    assert file.read_bytes() == b"# Mine\n" and [file] == list(here.iterdir())


def test_which_file_it_is(here: Path) -> None:
    (here / "CLAUDE.md").write_text("x\n")
    assert agents.file_of(None) == "CLAUDE.md"
    (here / "AGENTS.md").symlink_to("CLAUDE.md")
    (here / "CLAUDE.md").chmod(0o640)
    assert cli.main(["agents", "install"]) == 0
    assert (here / "AGENTS.md").is_symlink() and (
        here / "CLAUDE.md"
    ).stat().st_mode & 0o777 == 0o640
    assert b"recorder" in (here / "CLAUDE.md").read_bytes()
    assert sorted(path.name for path in here.iterdir()) == ["AGENTS.md", "CLAUDE.md"]
    os.mkfifo("pipe")  # of which nobody would ever read the end
    for none in (".", "pipe", "a\0b"):
        assert cli.main(["agents", "install", "--file", none]) == 2
    os.unlink("pipe")
    assert cli.main(["agents", "install", "--file", "no/such/folder.md"]) == 10


def test_the_guide_is_short_and_names_what_there_is(capfd: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["agents", "guide"]) == 0
    text = capfd.readouterr().out
    assert len(text.splitlines()) < 150
    assert text.startswith("---\nname: recorder\ndescription: ")
    known = {command.name: command for command in commands(cli.COMMANDS)}
    for name, rest in re.findall(r"`?recorder ([a-z-]+)([^`\n|]*)", text):
        if name in known:
            asked = re.findall(
                r"(?<= )--[a-z-]+", rest.partition(" -- ")[0].partition(" app.py")[0]
            )
            assert set(asked) <= set(spellings(known[name])), (name, asked)
    named = set(re.findall(r"^recorder ([a-z-]+)|`recorder ([a-z-]+) ", text, re.M))
    assert {one or other for one, other in named} <= set(cli.COMMANDS)
