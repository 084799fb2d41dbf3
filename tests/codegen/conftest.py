"""Templates are compiled once for all tests, not once for each tree in which the generator runs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import jinja2
import pytest

from codegen import generate


class CompiledTemplates(jinja2.BytecodeCache):
    def __init__(self) -> None:
        self.known: dict[str, bytes] = {}

    def load_bytecode(self, bucket: jinja2.bccache.Bucket) -> None:
        if bucket.checksum in self.known:  # of the template's text
            bucket.bytecode_from_string(self.known[bucket.checksum])

    def dump_bytecode(self, bucket: jinja2.bccache.Bucket) -> None:
        self.known[bucket.checksum] = bucket.bytecode_to_string()


@pytest.fixture(autouse=True, scope="session")
def compiled_templates() -> Iterator[None]:
    environment, compiled = generate._environment, CompiledTemplates()

    def with_cache(root: Path) -> jinja2.Environment:
        made = environment(root)
        made.bytecode_cache = compiled
        return made

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(generate, "_environment", with_cache)
        yield
