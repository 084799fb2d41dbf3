"""`recorder view TRACE…`: traces in the browser."""

from __future__ import annotations

import argparse
import sys
import threading
from typing import TYPE_CHECKING

from recorder import loopback
from recorder.cli.console import write
from recorder.cli.queries import EXIT_STATUS, conclude
from recorder.view.proxy import VARIABLE

if TYPE_CHECKING:
    from recorder.view.lanes import Lanes
    from recorder.view.server import Server

    # What add_subparsers() returns has no public name.
    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]

INSTALL = "recorder-core[view]"


def add_parser(subparsers: Subparsers) -> None:
    parser = subparsers.add_parser(
        "view",
        help="traces in the browser",
        description="Serves a page to a browser of this machine, and opens it: source, variables, calls, output, "
        "questions and a timeline of any moment. The first line is the address; who has it can read the traces. It "
        f"ends with Ctrl-C, or when the last page was closed. Needs starlette and uvicorn: pip install '{INSTALL}'.",
        epilog=EXIT_STATUS,
    )
    parser.add_argument("traces", metavar="TRACE", nargs="+")
    parser.add_argument("--no-open", action="store_true", help="only say the address")
    parser.add_argument("--port", type=int, metavar="N", default=0, help="(default: a free one)")
    parser.add_argument("--at", type=int, metavar="SEQ", help="the event to begin at")
    parser.add_argument("--proxy", metavar="ADDRESS",
                        help="where a proxy leads to the port, such as https://HOST/proxy/{port}/ "
                        f"(default: what ${VARIABLE} says, which a code-server sets)")  # fmt: skip
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    loopback.check_port(args.port)
    from recorder.trace import libraries

    for module in ("starlette", "uvicorn"):
        libraries.load(module, INSTALL)
    from recorder.view.lanes import Lanes, give_back_memory
    from recorder.view.server import Server

    give_back_memory()
    with Lanes(args.traces) as lanes, Server(lanes, args.port, proxy=args.proxy) as server:
        check_moment(lanes, args.at)
        address = server.address if args.at is None else f"{server.address}#at={args.at}"
        write(address)
        sys.stdout.flush()
        if not args.no_open:
            open_browser(address)
        serve(server)
        # Each in its own thread, behind what may still be answered there.
        return max(lane.thread.submit(conclude, lane.trace).result() for lane in lanes.slow)


def serve(server: Server) -> None:
    """Until Ctrl-C, or until nobody looks at it any more."""
    try:
        server.run()
    # This is how it is ended.
    except KeyboardInterrupt:
        pass


def check_moment(lanes: Lanes, seq: int | None) -> None:
    """Raises EVENT_NOT_FOUND before there is an address."""
    if seq is not None:
        lanes.quick[0].trace.at(seq)


def open_browser(address: str) -> None:
    """In a thread, since one that has no window of its own would stay until it is left."""
    import webbrowser

    threading.Thread(target=webbrowser.open, args=(address,), daemon=True).start()
