"""How a miniature server is reached: in the process, under an HTTP client, or on a loopback socket."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote, urlsplit

import httpx

from .interface import CutError, DeadError, HangError, Reply, Request, Server

BASE_URL = "http://mini.test/v1"
"""A base URL for clients that reach a server in the process; the host is never looked up."""


class InProcess(httpx.BaseTransport, httpx.AsyncBaseTransport):
    """Brings a server to httpx clients, sync and async, without a socket."""

    def __init__(self, server: Server, *, patience: float = 0.0) -> None:
        """`patience`: how many seconds a server that hangs is waited for before the time-out is raised."""
        self.server = server
        self.patience = patience

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Ask the server."""
        with self._as_httpx(request):
            reply = self.server.answer(_request(request))
        return self._response(request, reply)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Ask the server, in another thread."""
        await request.aread()

        def ask() -> Reply:
            with self._as_httpx(request):
                return self.server.answer(_request(request))

        return self._response(request, await asyncio.to_thread(ask))

    def _response(self, request: httpx.Request, reply: Reply) -> httpx.Response:
        headers = list(reply.headers)
        if isinstance(reply.body, bytes) and not any(name.lower() == "content-length" for name, _ in headers):
            headers.append(("content-length", str(len(reply.body))))
        pieces = iter((reply.body,) if isinstance(reply.body, bytes) else reply.body)
        raw = [(name.encode(), value.encode("utf-8", "surrogateescape")) for name, value in headers]
        stream = _Pieces(pieces, lambda: self._as_httpx(request))
        return httpx.Response(reply.status, headers=raw, stream=stream, request=request)

    @contextmanager
    def _as_httpx(self, request: httpx.Request) -> Iterator[None]:
        """Failures of the server as what an httpx client would see of them."""
        try:
            yield
        except HangError as failure:
            time.sleep(self.patience)
            raise httpx.ReadTimeout("the server hangs", request=request) from failure
        except CutError as failure:
            raise httpx.RemoteProtocolError("the server cut the connection", request=request) from failure
        except DeadError as failure:
            raise httpx.ConnectError("the server is gone", request=request) from failure


def _request(request: httpx.Request) -> Request:
    return Request(
        method=request.method,
        path=unquote(request.url.raw_path.decode().partition("?")[0]),
        query=request.url.query.decode(),
        headers={name.lower(): value for name, value in request.headers.items()},
        body=request.read(),
    )


class _Pieces(httpx.SyncByteStream, httpx.AsyncByteStream):
    """A body that is made as it is read."""

    def __init__(self, pieces: Iterator[bytes], guarded: Callable[[], Any]) -> None:
        self._pieces = pieces
        self._guarded = guarded

    def _next(self) -> bytes | None:
        with self._guarded():
            return next(self._pieces, None)

    def __iter__(self) -> Iterator[bytes]:
        while (piece := self._next()) is not None:
            yield piece

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while (piece := await asyncio.to_thread(self._next)) is not None:
            yield piece

    def close(self) -> None:
        close = getattr(self._pieces, "close", None)
        if close is not None:
            with contextlib.suppress(ValueError):
                close()

    async def aclose(self) -> None:
        self.close()


class LoopbackServer(ThreadingHTTPServer):
    """Serves a miniature server on a port of this machine."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, server: Server, port: int = 0) -> None:
        """`port`: 0 takes a free one."""
        self.server = server
        self.closing = threading.Event()
        super().__init__(("127.0.0.1", port), _Handler)

    @property
    def base_url(self) -> str:
        """Where it is reached."""
        return f"http://127.0.0.1:{self.server_port}/v1"

    def die(self) -> None:
        """Take no connection any more. May be called from a connection's own thread."""
        self.closing.set()
        self.shutdown()
        self.server_close()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of clients that leave."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 60
    server: LoopbackServer

    def setup(self) -> None:
        """Send each chunk at once."""
        super().setup()
        self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def _handle(self) -> None:
        try:
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            parts = urlsplit(self.path)
            asked = Request(
                method=self.command,
                path=unquote(parts.path),
                query=parts.query,
                headers={name.lower(): value for name, value in self.headers.items()},
                body=body,
            )
            self._send(self.server.server.answer(asked))
        except HangError:
            self.server.closing.wait(timeout=3600)
            self._cut()
        except DeadError:
            # Closed before the client hears of it, so that it finds no connection any more.
            self.server.die()
            self._cut()
        except (CutError, ConnectionError, TimeoutError):
            self._cut()

    do_GET = do_POST = do_DELETE = do_PUT = do_PATCH = do_HEAD = do_OPTIONS = _handle  # noqa: N815 - their names

    def _cut(self) -> None:
        self.close_connection = True
        with contextlib.suppress(OSError):
            self.wfile.flush()
            self.connection.shutdown(socket.SHUT_WR)

    def _send(self, reply: Reply) -> None:
        self.send_response(reply.status)
        names = {name.lower() for name, _ in reply.headers}
        for name, value in reply.headers:
            self.send_header(name, value)
        if isinstance(reply.body, bytes):
            if "content-length" not in names:
                self.send_header("content-length", str(len(reply.body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(reply.body)
            return
        chunked = "content-length" not in names
        if chunked:
            self.send_header("transfer-encoding", "chunked")
        self.end_headers()
        for piece in reply.body:
            if piece:
                self.wfile.write(b"%x\r\n%b\r\n" % (len(piece), piece) if chunked else piece)
            if self.server.closing.is_set():
                raise CutError
        if chunked:
            self.wfile.write(b"0\r\n\r\n")

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class names it so
        """Say nothing."""


@contextmanager
def listening(server: Server, port: int = 0) -> Iterator[str]:
    """The base URL of a server on a loopback socket, as long as the context lasts."""
    loopback = LoopbackServer(server, port)
    thread = threading.Thread(target=loopback.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield loopback.base_url
    finally:
        loopback.die()
