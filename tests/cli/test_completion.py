"""Shells complete what there is, and the manual tells of it."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from recorder.cli import COMMANDS, main
from recorder.cli.completion import commands, spellings
from recorder.cli.options import SPELLINGS

SHELLS = ("bash", "zsh", "fish")


@pytest.mark.parametrize("shell", SHELLS)
def test_every_command_and_option_is_in_the_script(
    shell: str, capfd: pytest.CaptureFixture[str]
) -> None:
    assert main(["completion", shell]) == 0
    script = capfd.readouterr().out
    for command in commands(COMMANDS):
        assert command.name in script
        for spelling in spellings(command):
            dashes = len(spelling) - len(spelling.lstrip("-"))
            as_fish = f"-{'sl'[dashes - 1]} {spelling[dashes:]}"
            assert (as_fish if shell == "fish" else spelling) in script


@pytest.mark.parametrize("shell", SHELLS)
def test_the_shell_itself_reads_it(
    shell: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed")
    main(["completion", shell])
    path = tmp_path / "script"
    path.write_text(capfd.readouterr().out)
    done = subprocess.run([shell, "-n", str(path)], capture_output=True, timeout=20)
    assert (done.returncode, done.stderr) == (0, b"")


@pytest.mark.parametrize(
    ("words", "expected", "absent"),
    [
        (["recorder", "fi"], {"find"}, {"show"}),
        (["recorder", ""], set(COMMANDS), set()),
        (["recorder", "find", "--wh"], {"--when"}, {"--json"}),
        (["recorder", "run", "--require"], {"--require-trace"}, set()),
        (["recorder", "tree", "--sort", ""], {"time", "own", "calls"}, {"--json"}),
    ],
)
def test_bash_completes(
    words: list[str],
    expected: set[str],
    absent: set[str],
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
) -> None:
    main(["completion", "bash"])
    path = tmp_path / "script"
    path.write_text(capfd.readouterr().out)
    typed = " ".join(f"'{word}'" for word in words)
    asked = f"source {path}; COMP_WORDS=({typed}); COMP_CWORD={len(words) - 1}; _recorder; "
    asked += "printf '%s\\n' \"${COMPREPLY[@]}\""
    done = subprocess.run(
        ["bash", "-c", asked], capture_output=True, text=True, timeout=20, cwd=tmp_path
    )
    found = set(done.stdout.split())
    assert done.stderr == ""
    assert expected <= found
    assert not absent & found


def test_all_options_are_those_that_the_commands_read() -> None:
    found = {command.name: command for command in commands(COMMANDS)}
    assert list(found) == list(COMMANDS)
    assert set(spellings(found["run"])) == set(SPELLINGS)
    assert {"--when", "--at", "--json"} <= set(spellings(found["find"]))


def test_every_command_has_a_page(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["manual", "--to", str(tmp_path)]) == 0
    pages = {path.name: path.read_text() for path in tmp_path.iterdir()}
    assert set(pages) == {"recorder.1", *(f"recorder-{name}.1" for name in COMMANDS)}
    for command in commands(COMMANDS):
        page = pages[f"recorder-{command.name}.1"]
        assert page.startswith(f'.TH RECORDER-{command.name.upper()} 1 "" "recorder ')
        for section in (".SH NAME", ".SH SYNOPSIS"):
            assert section in page
        for spelling in spellings(command):
            assert spelling.replace("-", "\\-") in page
    assert main(["manual"]) == 0
    assert capfd.readouterr().out.rstrip("\n") == pages["recorder.1"].rstrip("\n")


def test_a_page_is_one_that_man_reads(tmp_path: Path) -> None:
    reader = shutil.which("mandoc") or shutil.which("groff")
    if reader is None:
        pytest.skip("neither mandoc nor groff is installed")
    main(["manual", "--to", str(tmp_path)])
    command = (
        [reader, "-Tlint"]
        if reader.endswith("mandoc")
        else [reader, "-K", "utf8", "-man", "-Tutf8", "-ww", "-z"]
    )
    for page in sorted(tmp_path.iterdir()):
        done = subprocess.run([*command, str(page)], capture_output=True, text=True, timeout=20)
        assert done.stderr == ""


def test_a_page_of_nothing_is_refused(capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["manual", "nothing"]) == 2
    assert main(["manual", "--to", "/nowhere/at/all"]) != 0
