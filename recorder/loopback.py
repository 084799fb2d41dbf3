"""Ports of this machine alone, by which editors, agents and browsers ask."""

from __future__ import annotations

import socket
from typing import Final

from recorder import errors

ADDRESS: Final = "127.0.0.1"


def check_port(port: int) -> None:
    """Raises INVALID_ARGUMENT for what is none. 0 is one: any that is free."""
    if not 0 <= port <= 65_535:
        raise errors.InvalidArgumentError(argument="--port", value=str(port), expected="0 to 65535")


def listen(port: int) -> socket.socket:
    """What is accepted there sends at once: an answer in two pieces would otherwise wait for the other side to confirm
    the first one, which takes it 40 ms. Raises what the system says of the port."""
    with errors.mapped("open", path=f"{ADDRESS}:{port}"):
        listening = socket.create_server((ADDRESS, port))
        listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return listening


def address_of(listening: socket.socket) -> str:
    """As it stands in a URL."""
    return f"{ADDRESS}:{listening.getsockname()[1]}"
