"""Who is answered: a page of ours, in a browser of this machine, that knows the token.

The token is the first part of the address's path, so that no cookie and no header is needed, and none is left behind.
`Host` is looked at since the name of a foreign page may be made to lead here (DNS rebinding), `Origin` since a page of
any other origin may send a request here, even where it cannot read the answer.

A proxy may have put a path of its own before the token, as a code-server does (`/absproxy/8000/TOKEN/`): the page asks
relative to where it is. The name that the proxy has in the browser is answered where one was told.
"""

from __future__ import annotations

import hmac
from typing import Final

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from recorder.view.proxy import Proxy

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

    def __init__(self, app: ASGIApp, token: str, proxy: Proxy | None = None) -> None:
        self.app = app
        self.token = token
        self.proxy = proxy

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in SAID.items():
                    headers.setdefault(name, value)
            await send(message)

        if scope["type"] != "http":
            return
        status = self.refusal(scope)
        if status is None:
            within = {**scope, "root_path": self.before_token(scope["path"])}
            await self.app(within, receive, send_with_headers)
        else:
            await PlainTextResponse("", status)(scope, receive, send_with_headers)

    def refusal(self, scope: Scope) -> int | None:
        """The status that a request is refused with; None: it is answered."""
        headers = Headers(scope=scope)
        host = headers.getlist("host")
        if len(host) != 1 or not (schemes := self.schemes(host[0])):
            return 403
        expected = [f"{scheme}://{host[0]}" for scheme in schemes]
        if any(origin not in expected for origin in headers.getlist("origin")):
            return 403
        if not self.is_asked_by_us(headers):
            return 403
        if self.before_token(scope["path"]) is None:
            return 404
        return None if scope["method"] in ("GET", "HEAD") else 405

    def schemes(self, host: str) -> list[str]:
        """Those by which a page of that host may be ours; none: it is nobody's."""
        found = ["http"] if name_of(host) in NAMES else []
        if self.proxy is not None and host == self.proxy.host:
            found.append(self.proxy.scheme)
        return found

    def is_asked_by_us(self, headers: Headers) -> bool:
        """By what the browser says of who asks; "none" is the person, by the address bar. A proxy may have a name for
        each port: then it is a page of the same site that opens ours."""
        site = headers.get("sec-fetch-site", "none")
        if site == "same-site" and self.proxy is not None:
            return headers.get("sec-fetch-mode") == "navigate"
        return site in ("same-origin", "none")

    def before_token(self, path: str) -> str | None:
        """What a proxy has put before the token; None: it is not there."""
        before = ""
        for part in path.split("/")[1:]:
            if hmac.compare_digest(part.encode(), self.token.encode()):
                return before
            before += f"/{part}"
        return None


def name_of(host: str) -> str:
    """Of a Host header, without the port."""
    name, colon, port = host.rpartition(":")
    return name if colon and port.isdecimal() else host
