"""The socket that requests come to."""

from __future__ import annotations

import os
import socket

import click

_WAITING = 2_048  # connections that the system keeps until they are accepted


class CannotListen(click.ClickException):
    """Raised when a host and port can't be listened on."""

    exit_code = 2


def listen(host: str, port: int) -> socket.socket:
    """
    Listen on a host and port.

    Args:
        host: An address, or a name that has one.
        port: The port; 0 for any that is free.

    Raises:
        CannotListen: If that is not possible.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP
        )[0]
        # Not create_server(): it leaves the protocol open, and only where that is TCP does asyncio
        # send small answers at once. Else they wait for an acknowledgement, some 40 ms.
        listening = socket.socket(family, kind, protocol)
        try:
            if os.name == "posix":
                listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listening.bind(address)
            listening.listen(_WAITING)
        except OSError:
            listening.close()
            raise
    except (OSError, UnicodeError) as error:
        raise CannotListen(f"can't listen on {host}, port {port}: {_reason(error)}") from error
    return listening


def url_of(listening: socket.socket) -> str:
    """Where it can be reached."""
    host, port = listening.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _reason(error: OSError | UnicodeError) -> str:
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return "no such host"
