"""`recorder dap`: the server that editors debug a recording with."""

from __future__ import annotations

import argparse
import os
import socket
import sys
import threading

from recorder import loopback
from recorder.cli.console import write

TYPE_CHECKING = False
if TYPE_CHECKING:
    # What add_subparsers() returns has no public name.
    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]


def add_parser(subparsers: Subparsers) -> None:
    parser = subparsers.add_parser(
        "dap",
        help="serve a recording to an editor, which steps through it in both directions",
        description="Speaks the Debug Adapter Protocol: over stdin and stdout, which is how editors start it, or on a "
        "port of this machine (--port), for any number of sessions. `attach` opens a trace, `launch` records a program "
        "and opens what it recorded: docs/editors.md.",
    )
    parser.add_argument(
        "--port",
        type=int,
        metavar="N",
        help="listen on this port of the loopback; 0: on a free one",
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    if args.port is None:
        return speak()
    loopback.check_port(args.port)
    return listen(args.port)


def speak() -> int:
    """Over stdin and stdout. Whatever else is printed, by whomever, must not come between the messages."""
    from recorder.dap.messages import Channel
    from recorder.dap.server import Server

    incoming, outgoing = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    Server(Channel(incoming, outgoing)).run()
    return 0


def listen(port: int) -> int:
    """Says on stdout where, and serves each who comes until it is interrupted."""
    with loopback.listen(port) as server:
        write(loopback.address_of(server))
        sys.stdout.flush()
        while True:
            connection, _ = server.accept()
            threading.Thread(target=serve, args=(connection,), daemon=True).start()


def serve(connection: socket.socket) -> None:
    from recorder.dap.messages import Channel
    from recorder.dap.server import Server

    with connection, connection.makefile("rb") as incoming, connection.makefile("wb") as outgoing:
        Server(Channel(incoming, outgoing)).run()
