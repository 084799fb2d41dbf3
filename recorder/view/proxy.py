"""A proxy that leads to the page under an address of its own: that of a code-server, of a JupyterHub, or one's own."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from typing import Final, NamedTuple
from urllib.parse import SplitResult, urlsplit

from recorder import errors

VARIABLE: Final = "VSCODE_PROXY_URI"  # by which a code-server tells its terminals and extensions
PORT: Final = re.compile(r"\{\{port\}\}|\{port\}")


class Proxy(NamedTuple):
    """`address`: where it leads to this server, with a slash at its end."""

    address: str

    @property
    def scheme(self) -> str:
        return urlsplit(self.address).scheme

    @property
    def host(self) -> str:
        """With the port, as a browser sends it."""
        return urlsplit(self.address).netloc


def chosen(given: str | None, port: int, environ: Mapping[str, str] = os.environ) -> Proxy | None:
    """What was asked for, else what a code-server says of itself. Raises INVALID_ARGUMENT of the first."""
    if given is not None:
        found = _proxy(given, port)
        if found is None:
            raise errors.InvalidArgumentError(
                argument="--proxy", value=given[:200], expected="an address such as https://HOST/proxy/{port}/"
            )  # fmt: skip
        return found
    told = environ.get(VARIABLE)
    return None if told is None else _proxy(told, port)


def _proxy(template: str, port: int) -> Proxy | None:
    text = PORT.sub(str(port), template)
    parts = _split(text)
    is_plain = text.isascii() and text.isprintable() and " " not in text
    if parts is None or not is_plain or parts.query or parts.fragment or "@" in parts.netloc:
        return None
    return Proxy(text.rstrip("/") + "/")


def _split(text: str) -> SplitResult | None:
    try:
        parts = urlsplit(text)
        parts.port  # noqa: B018 - raises for what is none
    except ValueError:
        return None
    return parts if parts.scheme in ("http", "https") and parts.hostname else None
