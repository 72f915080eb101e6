"""Ports of this machine."""

import socket
import urllib.request
from http.client import HTTPResponse

from companion.errors import SentenceError


def free_port(wanted: int = 0) -> int:
    """Return `wanted` if nothing listens there on 127.0.0.1, otherwise a port that the system picks.

    Raises
    ------
    SentenceError
        If the system has none left.
    """
    for port in (wanted, 0):
        with socket.socket() as listener:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as servers do
            try:
                listener.bind(("127.0.0.1", port))
            except OSError:
                continue
            return int(listener.getsockname()[1])
    raise SentenceError("No port is free on 127.0.0.1: restart the computer.")


def open_here(request: urllib.request.Request | str, timeout: float) -> HTTPResponse:
    """Open an address of this machine; a proxy that the environment names is not asked.

    Parameters
    ----------
    request
        The address, or a whole request.
    timeout
        Seconds to wait for each answer.

    Raises
    ------
    urllib.error.HTTPError
        If the answer is a refusal.
    OSError
        If nothing answers.
    """
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    response: HTTPResponse = direct.open(request, timeout=timeout)
    return response
