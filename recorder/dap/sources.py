"""Files as the editor knows them: where they are on this machine, and what the trace has of them."""

from __future__ import annotations

import os
from typing import Any

from recorder._core.decode import Function
from recorder.trace.filters import is_own
from recorder.trace.listing import lines_of_code
from recorder.trace.paths import base_name
from recorder.trace.reader import Source, Trace


class Files:
    """`mappings`: pairs of a folder here and the one that it was recorded in."""

    def __init__(self, trace: Trace, mappings: list[tuple[str, str]]) -> None:
        self.trace = trace
        self.mappings = mappings
        self._texts: list[Source] = []  # those that the editor has to ask us for, by number − 1
        self._answers: dict[tuple[str, str], dict[str, Any]] = {}
        self._lines: dict[str, list[int]] = {}

    # ---- paths ----

    def here(self, recorded: str) -> str:
        for local, remote in self.mappings:
            if within(recorded, remote):
                return local.rstrip("/") + recorded[len(remote.rstrip("/")) :]
        return recorded

    def recorded(self, path: str) -> str:
        """The path that a file of this machine has in the trace."""
        for local, remote in self.mappings:
            if within(path, local):
                return remote.rstrip("/") + path[len(local.rstrip("/")) :]
        known = {one.file for one in self.trace.functions} | set(self.trace.sources)
        if path in known:
            return path
        real = os.path.realpath(path)
        return next((one for one in known if os.path.realpath(one) == real), path)

    # ---- what the protocol calls a Source ----

    def of(self, function: Function) -> dict[str, Any]:
        return self.answer(function.file, self.trace.source_of(function))

    def named(self, path: str, function: Function | None) -> dict[str, Any]:
        """The file of a function, or another one."""
        if function is not None and function.file == path:
            return self.of(function)
        return self.answer(path, self.trace.sources.get(path))

    def answer(self, path: str, source: Source | None) -> dict[str, Any]:
        key = (path, "" if source is None else source.sha256)
        if key not in self._answers:
            self._answers[key] = self._answer(path, source)
        return self._answers[key]

    def _answer(self, path: str, source: Source | None) -> dict[str, Any]:
        here = self.here(path)
        answer: dict[str, Any] = {"name": base_name(path), "path": here}
        if not is_own(path):
            answer["presentationHint"] = "deemphasize"
        if source is None:
            if not os.path.isfile(here):
                answer["origin"] = "not in the trace"
            return answer
        said = self._differs(here, source)
        if said:
            self._texts.append(source)
            answer |= {"sourceReference": len(self._texts), "origin": f"from the trace: {said}"}
        elif source.doubt is not None:
            answer["origin"] = source.why
        return answer

    @staticmethod
    def _differs(here: str, source: Source) -> str:
        """Why the file of this machine cannot be shown for it; empty if it can."""
        try:
            with open(here, "rb") as file:
                same = file.read(len(source.content) + 1) == source.content
        except (OSError, ValueError):
            return "there is no such file here"
        return "" if same else "the file here is another"

    def text(self, reference: int, path: str | None) -> str | None:
        if 1 <= reference <= len(self._texts):
            return self._texts[reference - 1].text
        if path is not None and (source := self.trace.sources.get(self.recorded(path))):
            return source.text
        return None

    def loaded(self) -> list[dict[str, Any]]:
        return [self.answer(source.path, source) for source in self.trace.all_sources]

    # ---- lines ----

    def lines(self, recorded: str) -> list[int]:
        """Those that have code, in order. Where the text is not there those that ran: all events are looked through."""
        if recorded not in self._lines:
            found: set[int] = set()
            for source in self.trace.all_sources:
                if source.path == recorded:
                    found |= lines_of_code(source.text, source.path)
            if not found and any(one.file == recorded for one in self.trace.functions):
                for counts in self.trace.line_counts(lambda one: one.file == recorded).values():
                    found.update(counts)
            self._lines[recorded] = sorted(found)
        return self._lines[recorded]


def within(path: str, folder: str) -> bool:
    folder = folder.rstrip("/")
    return path == folder or path.startswith(folder + "/")
