"""The server of `recorder view`: the page, and what it asks, on this machine alone.

/TOKEN/                     the page, of recorder/view/static
/TOKEN/api/traces           which traces are shown
/TOKEN/api/0/moment?seq=7   an answer about the first one: see `answers`
/TOKEN/api/alive            stays open while a page is; when none is any more, the server ends

Below a proxy something may come before the token; the page's own addresses are relative.
"""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import sys
from collections.abc import AsyncIterator
from typing import Final

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Mount, Route

from recorder import errors, loopback
from recorder.view.answers import ANSWERS, VERSION
from recorder.view.guard import Guard
from recorder.view.lanes import Lanes
from recorder.view.proxy import Proxy, chosen

STATIC: Final = os.path.join(os.path.dirname(__file__), "static")
TYPES: Final = {
    ".html": "text/html",
    ".js": "text/javascript",
    ".css": "text/css",
    ".svg": "image/svg+xml",
}
# A browser asks for the icon again at each other address, of which every moment has its own.
KEPT: Final = {".svg": {"cache-control": "private, max-age=86400"}}
LINGER: Final = 30.0  # seconds after the last page was closed: it may be loaded anew
BEAT: Final = (
    10.0  # seconds between two signs of life; without one a page that is gone is not noticed
)


class Pages:
    """How many are open."""

    def __init__(self) -> None:
        self.open = 0
        self.changed = asyncio.Event()

    async def alive(self) -> AsyncIterator[bytes]:
        """What a page listens to, as long as it is open."""
        self.open += 1
        self.changed.set()
        try:
            while True:
                yield b": \n\n"
                await asyncio.sleep(BEAT)
        finally:
            self.open -= 1
            self.changed.set()

    async def all_closed(self, linger: float) -> None:
        """Returns when there was a page, and then for so long none."""
        await self.changed.wait()
        while True:
            self.changed.clear()
            try:
                await asyncio.wait_for(self.changed.wait(), None if self.open else linger)
            except TimeoutError:
                return


def application(lanes: Lanes, token: str, pages: Pages, proxy: Proxy | None = None) -> Guard:
    files = page()

    async def static(request: Request) -> Response:
        name = request.path_params.get("file", "index.html")
        return files.get(name) or Response(status_code=404)

    async def traces(_: Request) -> Response:
        return as_json(json.dumps({"version": VERSION, "traces": lanes.paths}).encode())

    async def alive(_: Request) -> Response:
        return StreamingResponse(pages.alive(), media_type="text/event-stream")

    async def ask(request: Request) -> Response:
        number, name = request.path_params["number"], request.path_params["name"]
        if name not in ANSWERS or number >= len(lanes.quick):
            return Response(status_code=404)
        asking = asyncio.ensure_future(lanes.ask(number, name, dict(request.query_params)))
        gone = asyncio.ensure_future(left(request))
        await asyncio.wait([asking, gone], return_when=asyncio.FIRST_COMPLETED)
        gone.cancel()
        if not asking.done():
            asking.cancel()  # nobody waits for it any more
            return Response(status_code=204)
        good, body = asking.result()
        return as_json(body, 200 if good else 422)

    routes = [
        Route("/api/traces", traces),
        Route("/api/alive", alive),
        Route("/api/{number:int}/{name}", ask),
        Route("/{file}", static),
        Route("/", static),
    ]
    return Guard(Starlette(routes=[Mount(f"/{token}", routes=routes)]), token, proxy)


async def left(request: Request) -> None:
    """Returns when whoever asked is not there any more."""
    while (await request.receive())["type"] != "http.disconnect":
        pass


def page() -> dict[str, Response]:
    """The files of the page, by name. They are read once: what is asked for is no path."""
    found = {}
    for entry in os.scandir(STATIC):
        ending = os.path.splitext(entry.name)[1]
        if ending in TYPES:
            with errors.mapped("read", path=entry.path), open(entry.path, "rb") as file:
                found[entry.name] = Response(
                    file.read(), headers=KEPT.get(ending), media_type=TYPES[ending]
                )
    return found


def as_json(body: bytes, status: int = 200) -> Response:
    return Response(body, status, media_type="application/json")


class Server:
    """Listens from the beginning, until it is left; `run` answers. Raises what the system says of the port. `proxy`: as
    `proxy.chosen` has it."""

    def __init__(
        self, lanes: Lanes, port: int = 0, linger: float = LINGER, proxy: str | None = None
    ) -> None:
        self.lanes = lanes
        self.linger = linger
        self.token = secrets.token_urlsafe(24)
        self.socket = loopback.listen(port)
        try:
            self.proxy = chosen(proxy, self.socket.getsockname()[1])
        except errors.InvalidArgumentError:
            self.socket.close()
            raise

    def __enter__(self) -> Server:
        return self

    def __exit__(self, *failure: object) -> None:
        self.socket.close()

    @property
    def address(self) -> str:
        if self.proxy is not None:
            return f"{self.proxy.address}{self.token}/"
        return f"http://{loopback.address_of(self.socket)}/{self.token}/"

    def run(self) -> None:
        """Until Ctrl-C, or until the last page has been closed for a while."""
        sys.setswitchinterval(0.001)  # a step is asked beside what goes through the whole trace
        asyncio.run(self._serve())

    async def _serve(self) -> None:
        pages = Pages()
        config = uvicorn.Config(
            application(self.lanes, self.token, pages, self.proxy),
            log_config=None,
            log_level="critical",
            access_log=False,
            lifespan="off",
            ws="none",
            http="h11",
            server_header=False,
            timeout_graceful_shutdown=1,
        )
        server = uvicorn.Server(config)
        serving = asyncio.ensure_future(server.serve([self.socket]))
        closed = asyncio.ensure_future(pages.all_closed(self.linger))
        await asyncio.wait([serving, closed], return_when=asyncio.FIRST_COMPLETED)
        server.should_exit = True
        closed.cancel()
        await serving
