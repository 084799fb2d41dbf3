"""Who is answered: a page of ours, in a browser of this machine, that knows the token.

The token is the first part of the address's path, so that no cookie and no header is needed, and none is left behind.
`Host` is looked at since the name of a foreign page may be made to lead here (DNS rebinding), `Origin` since a page of
any other origin may send a request here, even where it cannot read the answer.
"""

from __future__ import annotations

import hmac
from typing import Final

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

NAMES: Final = (
    "127.0.0.1",
    "localhost",
    "[::1]",
)  # whatever the port: `ssh -L` may lead from another one
POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
)
SAID: Final = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-store",
}


class Guard:
    """Around the application: what is refused does not reach it."""

    def __init__(self, app: ASGIApp, token: str) -> None:
        self.app = app
        self.token = token

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in SAID.items():
                    headers[name] = value
            await send(message)

        if scope["type"] != "http":
            return
        status = self.refusal(scope)
        app = self.app if status is None else PlainTextResponse("", status)
        await app(scope, receive, send_with_headers)

    def refusal(self, scope: Scope) -> int | None:
        """The status that a request is refused with; None: it is answered."""
        headers = Headers(scope=scope)
        host = headers.getlist("host")
        if len(host) != 1 or name_of(host[0]) not in NAMES:
            return 403
        if any(origin != f"http://{host[0]}" for origin in headers.getlist("origin")):
            return 403
        # What the browser says of who asks; "none" is the person, by the address bar.
        if headers.get("sec-fetch-site", "none") not in ("same-origin", "none"):
            return 403
        given = scope["path"].removeprefix("/").partition("/")[0]
        if not hmac.compare_digest(given.encode(), self.token.encode()):
            return 404
        return None if scope["method"] in ("GET", "HEAD") else 405


def name_of(host: str) -> str:
    """Of a Host header, without the port."""
    name, colon, port = host.rpartition(":")
    return name if colon and port.isdecimal() else host
