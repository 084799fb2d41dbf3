"""What is in a page of `recorder export --to html`: the answers, by what the page asks."""

from __future__ import annotations

import base64
import gzip
import json
import re
from pathlib import Path
from typing import Any, NoReturn

CUT = re.compile(r'<script id="cut" type="application/octet-stream">([A-Za-z0-9+/=]*)</script>')


def packed_in(path: Path) -> bytes:
    """The JSON."""
    found = CUT.search(path.read_text(encoding="utf-8"))
    assert found is not None
    return gzip.decompress(base64.b64decode(found[1]))


def cut_in(path: Path) -> Any:
    """`answers`: by what the page asks."""
    found = json.loads(packed_in(path), parse_constant=refuse)
    asked = found.pop("asked")
    return {**found, "answers": {key: found["answers"][number] for key, number in asked.items()}}


def refuse(word: str) -> NoReturn:
    raise AssertionError(f"{word} is not JSON")
