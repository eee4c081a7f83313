"""SIGTERM: not ready any more, but still answering, until clients have moved elsewhere."""

from __future__ import annotations

import asyncio
import ctypes
import os
import signal
import socket
import struct
import sys
import threading
from types import FrameType

import uvicorn

HANDSHAKE_SECONDS = 0.2
"""For connections that have begun to be established, before the port is closed."""

ACCEPT_SECONDS = 0.01
"""Between two looks at whether all of them have been accepted."""


class Drain:
    """Stands between SIGTERM and uvicorn's shutdown.

    For `seconds`, /health/ready says 503 and every answer carries "Connection: close", so that
    load balancers look elsewhere and no client sends a request into a connection that is being
    closed. Then no new connections are let in, those that wait are accepted, and uvicorn closes
    the port, lets the requests that run finish, and ends.

    Args:
        seconds: How long to go on.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self.draining = False

    def install(self) -> None:
        """Takes over SIGTERM from uvicorn, in its main thread and running loop."""
        if threading.current_thread() is not threading.main_thread():
            return
        shutdown = signal.getsignal(signal.SIGTERM)
        server = getattr(shutdown, "__self__", None)
        if not callable(shutdown) or not isinstance(server, uvicorn.Server):
            return
        loop = asyncio.get_running_loop()
        listeners: list[socket.socket] = []

        def close_port() -> None:
            # uvloop's own sockets take no options.
            for each in (each for one in server.servers for each in one.sockets):
                listeners.append(socket.socket(fileno=os.dup(each.fileno())))
                refuse_handshakes(listeners[-1])
            loop.call_later(HANDSHAKE_SECONDS, close_when_accepted)

        def close_when_accepted() -> None:
            if any(map(waiting, listeners)):
                loop.call_later(ACCEPT_SECONDS, close_when_accepted)
                return
            for listener in listeners:
                listener.close()
            shutdown(signal.SIGTERM, None)

        def begin(number: int, frame: FrameType | None) -> None:
            if not self.draining:
                self.draining = True
                loop.call_soon_threadsafe(loop.call_later, self._seconds, close_port)

        signal.signal(signal.SIGTERM, begin)


_SO_ATTACH_FILTER = 26  # socket(7)
_DROP_SYN = (  # classic BPF on the TCP header: code, jump if true, jump if false, operand
    (0x30, 0, 0, 13),  # load the byte of the flags
    (0x45, 0, 1, 0x02),  # SYN set?
    (0x06, 0, 0, 0),  # then drop
    (0x06, 0, 0, 0xFFFF),  # else pass
)
_TCP_INFO_BYTES = 28
_TCP_INFO_WAITING = 24  # tcpi_unacked, which for a listener counts those to be accepted


def refuse_handshakes(listener: socket.socket) -> None:
    """Makes the kernel ignore who begins to connect; elsewhere than on Linux, does nothing.

    Closing a port resets the connections that wait to be accepted, perhaps with a request already
    sent. Who has not begun loses nothing: its next attempt, a second later, finds the port closed.
    """
    if sys.platform == "linux":
        program = b"".join(struct.pack("HBBI", *instruction) for instruction in _DROP_SYN)
        code = ctypes.create_string_buffer(program)
        value = struct.pack("HP", len(_DROP_SYN), ctypes.addressof(code))
        listener.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, value)


def waiting(listener: socket.socket) -> int:
    """Returns the number of connections that wait to be accepted; 0 where that is not known."""
    if sys.platform != "linux":
        return 0
    info = listener.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _TCP_INFO_BYTES)
    count: int = struct.unpack_from("I", info, _TCP_INFO_WAITING)[0]
    return count
