"""The examples of docs/pytest.md for CI: their steps are run as they stand there, in a shell of their own each."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from tests.conftest import ENVIRONMENT

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "pytest.md").read_text()
TESTS = """
import pytest

@pytest.mark.parametrize("n", range(4))
def test_each(n):
    password = "hunter2-%d" % n
    assert n == 3
"""
LINE = re.compile(r"^ +- (?!\|)(.+)$|^(?:- | +)run: (?!\|)(.+)$", re.MULTILINE)
BLOCK = re.compile(r"^( +)(?:- |run: )\|\n((?:\1 .*\n)+)", re.MULTILINE)


def example(host: str) -> str:
    found = re.search(rf"^{host}:\n\n```yaml\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
    assert found is not None
    return found[1]


def steps(text: str) -> list[str]:
    """In their order: the words behind `run:`, and the items of GitLab's lists."""
    found = [(one.start(), one[1] or one[2]) for one in LINE.finditer(text)]
    found += [(one.start(), textwrap.dedent(one[2])) for one in BLOCK.finditer(text)]
    return [step for _, step in sorted(found)]


def artefacts(text: str, folder: Path) -> list[list[Path]]:
    patterns = re.findall(r"[\w.]+(?:/\*)?\.(?:rtrace|html|md)\b", text.partition("path")[2])
    return [list(folder.glob(pattern)) for pattern in patterns]


def test_steps_are_found() -> None:
    assert [len(steps(example(host))) for host in ("GitHub Actions", "GitLab")] == [3, 3]


@pytest.mark.parametrize("host", ["GitHub Actions", "GitLab"])
def test_an_example_does_what_the_page_says(host: str, tmp_path: Path) -> None:
    (tmp_path / "test_shop.py").write_text(TESTS)
    commands = tmp_path / "bin"
    commands.mkdir()
    for name in ("pytest", "recorder"):
        script = f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m {name} "$@"\n'
        (commands / name).write_text(script)
        (commands / name).chmod(0o755)
    env = {
        **ENVIRONMENT,
        "PATH": f"{commands}:{ENVIRONMENT['PATH']}",
        "PYTHONPATH": str(ROOT),
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
        "PYTEST_PLUGINS": "recorder.pytest_plugin",
        "GITHUB_STEP_SUMMARY": str(tmp_path / "summary.md"),
    }
    if host == "GitHub Actions":
        env["GITHUB_ACTIONS"] = "true"
    done = []
    for step in steps(example(host)):
        command = ["bash", "-e", "-c", step]
        run = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True)
        done.append(run)
    assert [run.returncode for run in done] == [1, 0, 0], done

    said = tmp_path / ("summary.md" if host == "GitHub Actions" else "recordings.md")
    assert said.read_text().count("### `test_shop.py::test_each") == 3
    annotated = done[0].stdout.count("::error file=test_shop.py,line=7,title=test_shop.py%3A%3A")
    assert annotated == (3 if host == "GitHub Actions" else 0)
    if host == "GitLab":
        assert (tmp_path / "junit.xml").read_text().count('<property name="recording"') == 3

    kept = artefacts(example(host), tmp_path)
    assert [len(files) for files in kept] == [3, 3, 1][: len(kept)]
    for path in (path for files in kept for path in files):
        content = path.read_bytes()
        assert len(content) <= 2_000_000
        assert b"hunter2-1" not in content, path
