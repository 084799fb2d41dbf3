"""What real programs write is what their traces have, to the last byte; of those that are killed, to the last write."""

from __future__ import annotations

import importlib.util
import os
import signal
import subprocess
import time
from pathlib import Path
from typing import Final

import pytest

import recorder
from recorder.trace.output import Output
from tests.conftest import ENVIRONMENT, recorder_command

FILES: Final = {
    "test_some.py": """\
import pytest, warnings
@pytest.mark.parametrize("n", range(40))
def test_it(n):
    print("number", n)
    assert n % 7 != 3
def test_warns(): warnings.warn("old")
""",
    "messy.py": "x = {  'a':1,\n'b' : 2 }\ndef f( a,b ):\n  return   a+b\n" * 20,
    "bars.py": "from tqdm import tqdm\nfor n in tqdm(range(3000), mininterval=0): pass\nprint('done')\n",
    "tables.py": """\
from rich.console import Console
from rich.table import Table
from rich.progress import track
console = Console(force_terminal=True, width=80)
for n in range(30):
    table = Table("name", "number"); table.add_row("[red]row[/red]", str(n)); console.print(table)
for n in track(range(20), console=console): console.log({"n": n})
""",
    "shop.py": """\
import django.conf
django.conf.settings.configure(DEBUG=True, INSTALLED_APPS=["django.contrib.contenttypes"], ROOT_URLCONF="shop")
urlpatterns = []
if __name__ == "__main__":
    import sys
    from django.core.management import execute_from_command_line
    execute_from_command_line(sys.argv)
""",
    "web.py": """\
from flask import Flask
app = Flask(__name__)
@app.get("/")
def index(): print("asked", flush=True); return "hello"
""",
    "told.py": """\
import logging, sys
logging.basicConfig(level="DEBUG", format="%(levelname)s %(message)s")
for n in range(300): print("line", n); logging.info("number %d", n); sys.stdout.flush() if n % 50 == 0 else None
""",
}
# What it is run with; which of them have to be installed.
PROGRAMS: Final[dict[str, list[str]]] = {
    "pytest": ["-m", "pytest", "-v", "-s", "-p", "no:cacheprovider", "test_some.py"],
    "pip": ["-m", "pip", "list", "--disable-pip-version-check"],
    "black": ["-m", "black", "--diff", "messy.py"],
    "tqdm": ["bars.py"],
    "rich": ["tables.py"],
    "django": ["shop.py", "check", "--verbosity", "3"],
    "IPython": ["-m", "IPython", "--no-banner", "-c", "print(1); 1 / 0"],
    "logging": ["told.py"],
    "pydoc": ["-m", "pydoc", "argparse"],
    "unittest": ["-m", "unittest", "-v", "test.test_colorsys"],
}
# They go on until they are killed, behind what they say last.
SERVERS: Final[dict[str, tuple[list[str], bytes]]] = {
    "flask": (["-m", "flask", "--app", "web", "run", "--port", "0"], b"CTRL+C"),
    "gunicorn": (["-m", "gunicorn", "--bind", "127.0.0.1:0", "--workers", "1", "web:app"], b"Booting worker"),
    "http.server": (["-u", "-m", "http.server", "--bind", "127.0.0.1", "0"], b"Serving HTTP"),
}  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, text in FILES.items():
        (tmp_path / name).write_text(text)
    return tmp_path


def has(name: str) -> bool:
    return importlib.util.find_spec(name) is not None


def started(words: list[str], folder: Path, out: int, err: int) -> subprocess.Popen[bytes]:
    options = ["--no-summary", "--no-redact-defaults", "--min-free-space=0", "--follow-children"]
    return subprocess.Popen(
        recorder_command("run", *options, "-o", "t.rtrace", *words),
        cwd=folder, env=ENVIRONMENT, stdin=subprocess.DEVNULL, stdout=out, stderr=err, start_new_session=True,
    )  # fmt: skip


def told(folder: Path, stream: str | None = None) -> bytes:
    """Of the program, and of the processes that it forked."""
    deadline = time.monotonic() + 60
    while list(folder.glob(".*partial*")) and time.monotonic() < deadline:  # the sealers close them
        time.sleep(0.05)
    found: list[Output] = []
    for path in folder.glob("*.rtrace"):
        with recorder.open_trace(path) as trace:
            found += trace.output(stream)
    return b"".join(one.data for one in sorted(found, key=lambda one: one.time))


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in PROGRAMS if has(name)])
def test_all_of_it(name: str, folder: Path) -> None:
    with open(folder / "1", "wb") as out, open(folder / "2", "wb") as err:
        process = started(PROGRAMS[name], folder, out.fileno(), err.fileno())
        assert process.wait(100) >= 0
    arrived = (folder / "1").read_bytes(), (folder / "2").read_bytes()
    assert (told(folder, "stdout"), told(folder, "stderr")) == arrived
    assert sum(map(len, arrived)) > 20


def killed_behind(words: list[str], folder: Path, enough: bytes | int) -> bytes:
    """What came until all of it was killed, as soon as so much, or these words, had come."""
    read, write = os.pipe()
    process = started(words, folder, write, write)
    os.close(write)
    arrived = b""
    with open(read, "rb", buffering=0) as file:
        while data := file.read(1 << 12):
            arrived += data
            if (len(arrived) >= enough) if isinstance(enough, int) else enough in arrived:
                os.killpg(process.pid, signal.SIGKILL)
    process.wait(60)
    return arrived


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", [*(name for name in PROGRAMS if has(name)), *(name for name in SERVERS if has(name))]
)
def test_up_to_the_last_write(name: str, folder: Path) -> None:
    """Of a write that was under way it is not known whether it was taken: it is in the trace."""
    words, enough = SERVERS[name] if name in SERVERS else (PROGRAMS[name], 30)
    arrived = killed_behind(words, folder, enough)
    found = told(folder)
    assert found.startswith(arrived) and arrived
    assert len(found) - len(arrived) <= 1 << 16
