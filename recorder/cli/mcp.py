"""`recorder mcp [TRACE|FOLDER…]`: a server of the Model Context Protocol, by which a language model asks traces."""

from __future__ import annotations

import argparse
import os
import secrets
import sys
from typing import TYPE_CHECKING

from recorder import errors, loopback
from recorder.cli.console import warn, write

if TYPE_CHECKING:
    # What add_subparsers() returns has no public name.
    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]

TOKEN = "RECORDER_MCP_TOKEN"
LEAST_TOKEN = 16  # characters


def add_parser(subparsers: Subparsers) -> None:
    parser = subparsers.add_parser(
        "mcp",
        help="serve traces to a coding agent, by the Model Context Protocol",
        description="Serves the named traces, and those in the named folders (default: the present one), over "
        "stdin and stdout, which is how agents start it; with --http on a port of this machine, to who knows the "
        f"token that is said on stdout ({TOKEN} sets it). Needs the SDK: pip install 'recorder-core[mcp]'. See "
        "docs/for-agents.md.",
    )
    parser.add_argument("paths", metavar="TRACE|FOLDER", nargs="*", default=["."])
    parser.add_argument(
        "--allow-record",
        action="store_true",
        help="a tool that records programs: it runs what it is asked to run",
    )
    parser.add_argument("--http", action="store_true", help="streamable HTTP on the loopback")
    parser.add_argument(
        "--port", type=int, metavar="N", help="--http on this port; 0, the default: a free one"
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    from recorder.mcp.allowed import Allowed
    from recorder.mcp.server import make

    port = 0 if args.port is None else args.port
    loopback.check_port(port)
    server = make(Allowed(args.paths), may_record=args.allow_record)
    if args.http or args.port is not None:
        return listen(server, port, token_given())
    return speak(server)


def token_given() -> str:
    """From the environment, or a new one. Raises INVALID_ARGUMENT for one that could be guessed."""
    token = os.environ.get(TOKEN) or secrets.token_urlsafe(32)
    if len(token) < LEAST_TOKEN or not token.isascii() or not token.isprintable():
        raise errors.InvalidArgumentError(
            argument=TOKEN, value="…", expected=f"at least {LEAST_TOKEN} printable ASCII characters"
        )
    return token


def speak(server: object) -> int:
    from recorder.mcp.server import serve_stdio

    serve_stdio(server)
    return 0


def listen(server: object, port: int, token: str) -> int:
    """Says on stdout where, and what token it wants."""
    from recorder.mcp.server import serve_http

    def listening(address: str) -> None:
        write(f"http://{address}/mcp")
        if not os.environ.get(TOKEN):
            write(f"token: {token}")
        sys.stdout.flush()

    warn("recorder: serving until interrupted")
    serve_http(server, port, token, listening)
    return 0
