"""`recorder export --to html`: what the file has, and that nothing in it can run but the page's own script."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from recorder import errors
from recorder.cli import main
from recorder.export import export
from recorder.trace.reader import open_trace
from recorder.view import html
from recorder.view.answers import ANSWERS
from tests.conftest import ROOT
from tests.tools.html_reader import CUT, cut_in

HOSTILE = "</script><script>alert(1)</script><!--\x1b[31m\u202e\ud800"
PROGRAM = f"""
import asyncio
import threading

def fail(text, n):
    rows = [dict(text=text, n=n)]
    if n == 30:
        raise ValueError(text)
    return rows

async def work():
    for n in range(40):
        print(n)
        fail({HOSTILE!r}, n)

threading.excepthook = lambda _: None
worker = threading.Thread(target=lambda: asyncio.run(work()))
worker.start()
worker.join()
"""


@pytest.fixture(scope="module")
def app(trace_of: Callable[[Path], Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("html") / "html_app.py"
    path.write_text(PROGRAM)
    return trace_of(path)


@pytest.fixture(scope="module")
def page(app: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("page") / "app.html"
    export(app, "html", out)
    return out


def answers(page: Path) -> dict[str, Any]:
    found: dict[str, Any] = cut_in(page)["answers"]
    return found


def key(name: str, *given: object) -> str:
    return json.dumps([name, *map(str, given)], separators=(",", ":"))


def test_every_answer_fits_its_schema(page: Path) -> None:
    schema = json.loads((ROOT / "recorder/view/answers.schema.json").read_text(encoding="utf-8"))
    validators = {
        name: jsonschema.Draft202012Validator({**schema, "$ref": f"#/$defs/{name}"})
        for name in (*ANSWERS, "error")
    }
    asked = set()
    for text, answer in answers(page).items():
        name = json.loads(text)[0]
        asked.add(name)
        validators["error" if "error" in answer else name].validate(answer)
    assert asked == ANSWERS.keys() - {
        "table", "words", "whole", "globals", "evaluate", "files", "differences", "aligned",
    }  # fmt: skip


def test_it_begins_where_it_went_wrong(page: Path, app: Path) -> None:
    with open_trace(app) as trace:
        (raised,) = trace.exceptions(uncaught=True)
    found = answers(page)
    about = found[key("about")]
    assert about["begin_at"] == raised.origin.seq
    moment = found[key("moment", "seq", raised.origin.seq)]
    assert moment["kind"] == "raise" and moment["variables"][-1]["name"] == "rows"
    back = found[key("move", "back", 1, "how", "step", "seq", raised.origin.seq)]
    assert key("moment", "seq", back["seq"]) in found
    why = key("ask", "at", raised.origin.seq, "name", "rows", "question", "why")
    assert found[why]["rows"][0]["name"] == "rows"


def test_nothing_of_a_trace_is_markup(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert "alert(1)" not in text and "alert(1)" in json.dumps(cut_in(page))
    assert text.isprintable() or not re.search("[\x1b\u202e\ud800]", text)
    assert len(re.findall("<script", text)) == len(re.findall("</script", text)) == 2
    assert not re.search(r"(src|href)=\"(?!data:)", CUT.sub("", text).partition("<style>")[0])


def test_only_its_own_script_may_run(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', text)
    script = re.search(r'<script type="module">(.*?)</script>', text, re.DOTALL)
    style = re.search(r"<style>(.*?)</style>", text, re.DOTALL)
    assert policy and script and style
    assert policy[1].startswith("default-src 'none';") and "unsafe" not in policy[1]
    for kind, part in (("script", script[1]), ("style", style[1])):
        digest = base64.b64encode(hashlib.sha256(part.encode()).digest()).decode()
        assert f"{kind}-src 'sha256-{digest}'" in policy[1]


def test_a_budget_leaves_out_what_is_furthest(page: Path, app: Path, tmp_path: Path) -> None:
    whole = page.stat().st_size
    small = tmp_path / "small.html"
    budget = whole - 3_000
    assert (
        main(["export", str(app), "--to", "html", "--budget", str(budget), "-o", str(small)]) == 0
    )
    assert small.stat().st_size <= budget
    found, every = answers(small)[key("about")], answers(page)[key("about")]
    assert found["begin_at"] == every["begin_at"]
    assert every["first"] < found["first"] <= found["begin_at"] < found["end"] <= every["end"]


@pytest.mark.provokes("INVALID_ARGUMENT")
@pytest.mark.parametrize(
    ("format", "budget"), [("html", 1_000), ("jsonl", 5_000_000), ("html", -1)]
)
def test_a_budget_that_is_none(app: Path, tmp_path: Path, format: str, budget: int) -> None:
    with pytest.raises(errors.InvalidArgumentError, match="budget"):
        export(app, format, tmp_path / "out", budget=budget)
    assert list(tmp_path.iterdir()) == []


def test_of_a_long_run_it_has_what_led_to_the_end() -> None:
    cut = html.Cut(0, 1_000, 900)
    for _ in range(50):
        smaller = html.shrunk(cut, 0.5)
        assert smaller.start <= 900 < smaller.stop or smaller == cut
        cut = smaller
    assert cut == html.Cut(900, 901, 900)


def test_the_page_is_built_of_its_sources() -> None:
    """`npm run build` in frontend was not forgotten."""
    home = ROOT / "frontend"
    names = ["index.html", "package-lock.json", "vite.config.ts"]
    names += [f"src/{path.name}" for path in (home / "src").iterdir()]
    found = hashlib.sha256()
    for name in sorted(names):
        found.update(f"{name}\0".encode() + (home / name).read_bytes())
    built = (ROOT / "recorder/view/static/sources.sha256").read_text()
    assert built.strip() == found.hexdigest()
