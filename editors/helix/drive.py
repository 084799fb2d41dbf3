"""Drives `recorder dap` by Helix, in a terminal that nobody sees:

    python drive.py HX PYTHON FOLDER

HX is Helix's program, PYTHON has the recorder installed; FOLDER is for the program and its trace. Needs tmux. What does
not hold ends it with a status of 1.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

PROGRAM = """\
def total(prices):
    t = 0
    for price in prices:
        t += price
    return t

print(total([1, 2, 3]))
"""
LANGUAGES = """\
[[language]]
name = "python"

[language.debugger]
name = "recorder"
transport = "stdio"
command = "{python}"
args = ["-m", "recorder", "dap"]

[[language.debugger.templates]]
name = "record"
request = "launch"
completion = [{{ name = "program", completion = "filename" }}]
args = {{ program = "{{0}}" }}

[[language.debugger.templates]]
name = "trace"
request = "attach"
completion = [{{ name = "trace", completion = "filename" }}]
args = {{ trace = "{{0}}" }}
"""
PATIENCE = 60  # seconds
PAUSE = 0.2

hx, python, folder = sys.argv[1], sys.argv[2], Path(sys.argv[3])


def tmux(*words: str) -> str:
    return subprocess.run(
        ["tmux", "-L", f"helix-{os.getpid()}", *words], check=True, capture_output=True, text=True
    ).stdout


def keys(*names: str) -> None:
    """One after the other: a menu opens between them."""
    for name in names:
        tmux("send-keys", name)
        time.sleep(PAUSE)


def typed(command: str) -> None:
    tmux("send-keys", "-l", command)
    keys("Enter")


def debug(*names: str) -> None:
    """From the menu for debuggers, which stays open."""
    keys("Space", "G", *names, "Escape")


def wait_for(what: str, is_so: Callable[[list[str]], bool]) -> None:
    end = time.monotonic() + PATIENCE
    while not is_so(tmux("capture-pane", "-p").splitlines()):
        if time.monotonic() > end:
            sys.exit(f"in vain: {what}\n{tmux('capture-pane', '-p')}")
        time.sleep(PAUSE)


def stands(line: int, what: str) -> None:
    wait_for(what, lambda screen: any(one.split()[:2] == ["▶", f"{line}"] for one in screen))


def says(expression: str, result: str) -> None:
    """Sooner or later: Helix may still be on its way."""

    def is_so(screen: list[str]) -> bool:
        if screen[-1].strip() == result:
            return True
        typed(f":debug-eval {expression}")
        return False

    wait_for(f"{expression} = {result}", is_so)


def session() -> None:
    typed(":debug-start record shop.py")
    stands(1, "the first line")
    keys("4", "g", "g")
    debug("b")
    debug("c")
    stands(4, "the breakpoint")
    says("price", "1")
    debug("n")
    stands(3, "a step")
    typed(":debug-eval .back")
    stands(4, "a step back")
    debug("c")
    says("price", "2")
    typed(":debug-eval .reverse")
    says("price", "1")
    keys("Space", "G", "C-c")
    typed("price == 3")
    keys("Escape")
    debug("c")
    says("price", "3")
    debug("o")
    stands(7, "out of the call")
    debug("t")
    typed(":debug-start trace shop.rtrace")
    stands(1, "the first line of the trace")


def main() -> None:
    (folder / "config/helix").mkdir(parents=True, exist_ok=True)
    (folder / "config/helix/languages.toml").write_text(LANGUAGES.format(python=python))
    (folder / "shop.py").write_text(PROGRAM)
    environment = f"XDG_CONFIG_HOME={folder / 'config'}"
    tmux(
        "new-session",
        "-d",
        "-x",
        "110",
        "-y",
        "30",
        "-c",
        str(folder),
        "-e",
        environment,
        hx,
        "shop.py",
    )
    try:
        wait_for("the editor", lambda screen: any("def total" in one for one in screen))
        session()
        sys.stdout.write("all of it holds\n")
    finally:
        tmux("kill-server")


if __name__ == "__main__":
    main()
