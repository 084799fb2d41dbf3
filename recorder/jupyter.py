"""In a notebook: `%load_ext recorder`, and `%%record [TRACE]` records a cell and shows it below.

What is shown is the page that `recorder export --to html` writes, in a frame of its own. Another process makes it: the
kernel gets nothing but the recorder.
"""

from __future__ import annotations

import ast
import html
import os
import subprocess
import sys
import tempfile
from typing import Any, Final

from recorder import errors
from recorder.session import record
from recorder.trace import libraries

TRACE: Final = "cell.rtrace"
BUDGET: Final = 2_000_000  # bytes of a page, which the notebook keeps
FRAME: Final = (
    '<iframe srcdoc="{}" sandbox="allow-scripts allow-forms" title="what the cell did" '
    'style="width: 100%; height: 44rem; border: 0"></iframe>'
)


def load(ipython: Any) -> None:
    """What IPython calls with itself."""

    def record_cell(line: str, cell: str) -> None:
        """%%record [TRACE]: records the cell, as the trace of that name (cell.rtrace), and shows what it did."""
        trace = line.strip() or TRACE
        has_begun = False
        try:
            with record(trace):
                has_begun = True
                run(ipython, cell)
        finally:
            if has_begun:
                show(trace)

    ipython.register_magic_function(record_cell, "cell", "record")


def run(ipython: Any, cell: str) -> None:
    """As IPython runs a cell, a statement at a time, but for what it awaits: the value of its last expression is shown,
    and what it raises is raised."""
    text = ipython.transform_cell(cell)
    name = ipython.compile.cache(text)
    tree = ipython.transform_ast(ast.parse(text, name))
    last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
    for statement in tree.body:
        exec(ipython.compile(ast.Module([statement], []), name, "exec"), ipython.user_ns)
    if last is not None:
        ipython.displayhook(
            eval(ipython.compile(ast.Expression(last.value), name, "eval"), ipython.user_ns)
        )


def show(trace: str) -> None:
    """The page, below the cell; or why there is none."""
    display = libraries.load("IPython.display", "ipython").display

    with tempfile.TemporaryDirectory() as folder:
        page = os.path.join(folder, "page.html")
        words = ["export", trace, "--to", "html", "--budget", str(BUDGET), "-o", page]
        done = subprocess.run(
            [sys.executable, "-P", "-m", "recorder", *words], capture_output=True, text=True
        )
        if done.stderr:
            display({"text/plain": done.stderr}, raw=True)
        if done.returncode or not os.path.exists(page):
            return
        with errors.mapped("read", path=page), open(page, encoding="utf-8") as file:
            display({"text/html": FRAME.format(html.escape(file.read()))}, raw=True)
