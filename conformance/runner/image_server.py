"""The suite's own pictures on a port of this machine, for the rows that give the server an address to fetch."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

from conformance.probes.sample_images import PATTERNS, png


class _Handler(BaseHTTPRequestHandler):
    timeout = 10

    def do_GET(self) -> None:
        """Serve a picture by the name of its pattern."""
        pattern = self.path.rpartition("/")[2].removesuffix(".png")
        if pattern not in PATTERNS:
            self.send_error(404)
            return
        data = png(pattern)
        self.send_response(200)
        self.send_header("content-type", "image/png")
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def do_HEAD(self) -> None:
        """Answer a look: some servers send one before they fetch."""
        self.do_GET()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class names it so
        """Say nothing."""


@contextmanager
def serve_sample_images(base_url: str) -> Iterator[str]:
    """Return the address of the pictures, as the server at `base_url` can reach it."""
    host = _own_address(urlsplit(base_url).hostname or "127.0.0.1")
    server = ThreadingHTTPServer((host, 0), _Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield f"http://{host}:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


def _own_address(server: str) -> str:
    """Return this machine's address on the way to the server; loopback where that is here, or the way unknown."""
    try:
        family, kind, protocol, _, where = socket.getaddrinfo(server, 9, type=socket.SOCK_DGRAM)[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.connect(where)
            address = str(probe.getsockname()[0])
    except OSError:
        return "127.0.0.1"
    return address if ":" not in address else "127.0.0.1"
