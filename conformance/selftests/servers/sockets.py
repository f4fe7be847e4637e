"""Servers below HTTP: a script of bytes on a loopback socket, for answers that no HTTP library would send."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial

PATIENCE = 10.0
"""Seconds after which a script that goes on for ever ends: a client without a deadline fails its test, and ends."""


@dataclass(kw_only=True)
class Peer:
    """What a script sees of its server."""

    url: str
    closing: threading.Event = field(default_factory=threading.Event)
    heard: list[bytes] = field(default_factory=list)
    """The requests, head and body, byte for byte."""

    def pause(self, seconds: float = PATIENCE) -> bool:
        """Wait, unless the server closes before; whether it is still open."""
        return not self.closing.wait(seconds)

    def forever(self, piece: bytes, pause: float = 0.0) -> Iterator[bytes]:
        """One piece again and again, until nobody takes it any more."""
        ends = time.monotonic() + PATIENCE
        while time.monotonic() < ends and self.pause(pause):
            yield piece


Script = Callable[[Peer], Iterator[bytes]]
"""What is sent on one connection once the request has been heard; the connection closes when it ends."""


def request_of(connection: socket.socket) -> bytes:
    """A whole request, byte for byte."""
    data = b""
    while b"\r\n\r\n" not in data and (piece := connection.recv(65_536)):
        data += piece
    if not data:
        return b""
    head, _, body = data.partition(b"\r\n\r\n")
    lengths = [line.split(b":")[1] for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
    while lengths and len(body) < int(lengths[0]) and (piece := connection.recv(65_536)):
        body += piece
    return head + b"\r\n\r\n" + body


@contextmanager
def playing(
    script: Script, *, takes: Callable[[socket.socket], bytes] = request_of, tls: ssl.SSLContext | None = None
) -> Iterator[Peer]:
    """A server that plays the script to each connection, once it has taken the request in its way."""
    with socket.create_server(("127.0.0.1", 0), backlog=64) as door:
        peer = Peer(url=f"{'https' if tls else 'http'}://127.0.0.1:{door.getsockname()[1]}")
        play = partial(_play, script, peer, takes, tls)
        players: list[threading.Thread] = []
        acceptor = threading.Thread(target=_accept, args=(door, peer, play, players), daemon=True)
        acceptor.start()
        try:
            yield peer
        finally:
            peer.closing.set()
            # A thread in accept() holds the port open; a last connection wakes it.
            with contextlib.suppress(OSError), socket.create_connection(door.getsockname(), timeout=1):
                acceptor.join(timeout=5)
            for player in players:  # what it has heard is known once it has ended
                player.join(timeout=5)


def _accept(
    door: socket.socket, peer: Peer, play: Callable[[socket.socket], None], players: list[threading.Thread]
) -> None:
    while True:
        connection, _ = door.accept()
        if peer.closing.is_set():
            connection.close()
            return
        player = threading.Thread(target=play, args=(connection,), daemon=True)
        players.append(player)
        player.start()


def _play(
    script: Script,
    peer: Peer,
    takes: Callable[[socket.socket], bytes],
    tls: ssl.SSLContext | None,
    accepted: socket.socket,
) -> None:
    # Clients that leave are what these servers are for.
    with accepted, contextlib.suppress(OSError):
        accepted.settimeout(PATIENCE)
        with tls.wrap_socket(accepted, server_side=True) if tls else accepted as connection:
            if request := takes(connection):  # who only looks whether the port is open sends none
                peer.heard.append(request)
            for piece in script(peer):
                connection.sendall(piece)
            connection.shutdown(socket.SHUT_WR)


def answer(body: bytes, *headers: str, status: str = "200 OK") -> bytes:
    """A whole answer; a length among the headers is left as it is."""
    lines = [f"HTTP/1.1 {status}", *headers]
    if not any(line.lower().startswith(("content-length", "transfer-encoding")) for line in headers):
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body


def chunk(data: bytes) -> bytes:
    """A piece of a chunked body."""
    return b"%x\r\n%b\r\n" % (len(data), data)
