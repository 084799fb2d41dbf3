"""When modules are loaded: ours at once, whatever is said about the program's."""

from __future__ import annotations

import sys


class AtOnce:
    """Within this, an import is one. From 3.15 on `-X lazy_imports=all` puts the imports of every module off
    until a name is used: of ours that would be in the middle of the program, and be seen."""

    def __enter__(self) -> None:
        self.mode = getattr(sys, "get_lazy_imports", lambda: None)()
        if self.mode == "all":
            sys.set_lazy_imports("normal")  # type: ignore[attr-defined]  # 3.15

    def __exit__(self, *failure: object) -> None:
        if self.mode == "all":
            sys.set_lazy_imports(self.mode)  # type: ignore[attr-defined]  # 3.15
