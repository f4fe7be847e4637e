"""Servers over TLS, clients that trust them, and a tunnel: for the tests of the network layer."""

from __future__ import annotations

import contextlib
import select
import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from conformance.selftests.servers.sockets import PATIENCE, Script, request_of
from conformance.selftests.wire_calls import AMPLE
from conformance.wire.network import proxy_certificates, server_certificates

CERTIFICATE = Path(__file__).parent / "data" / "tls" / "server.crt"
"""Signs itself, for `localhost` and 127.0.0.1. Nobody trusts it; good for a hundred years. Its key lies beside it."""

CONNECTED = b"HTTP/1.1 200 OK\r\n\r\n"
"""What a proxy says once it has connected."""


def server_tls() -> ssl.SSLContext:
    """How a server speaks TLS with the certificate."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(CERTIFICATE, CERTIFICATE.with_suffix(".key"))
    return context


@contextmanager
def certificates_of_the_environment(monkeypatch: pytest.MonkeyPatch, **variables: str) -> Iterator[None]:
    """No proxy, and no certificates but those that the variables name."""
    for name in ("SSL_CERT_FILE", "SSL_CERT_DIR", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    forget_certificates()
    yield
    forget_certificates()


def forget_certificates() -> None:
    """Have the environment looked at anew."""
    server_certificates.cache_clear()
    proxy_certificates.cache_clear()


def get(transport: httpx.BaseTransport, url: str, timeout: Any = AMPLE, **request: Any) -> httpx.Response:
    """The whole response to a request, or what httpx raises."""
    with httpx.Client(transport=transport, timeout=timeout, trust_env=False) as client:
        return client.request(request.pop("method", "GET"), url, **request)


def first_connection(client: httpx.Client, url: str) -> tuple[str, int]:
    """The host and port that a client connects to in order to reach the URL: the server's, or a proxy's."""
    asked: list[tuple[str, int]] = []

    def resolve(host: str, port: int, *_: Any, **__: Any) -> list[Any]:
        asked.append((host, port))
        raise socket.gaierror(socket.EAI_NONAME, "nothing is looked up here")

    with pytest.MonkeyPatch.context() as patch, client:
        patch.setattr(socket, "getaddrinfo", resolve)
        with pytest.raises(httpx.ConnectError):
            client.get(url)
    return asked[0]


def playing_bytes(data: bytes) -> Script:
    """A script that sends the bytes and closes."""
    return lambda _: iter([data])


def takes_nothing(_: socket.socket) -> bytes:
    """Leave what the client sends where it is."""
    return b""


def connects(client: socket.socket) -> bytes:
    """Take a CONNECT, and the client's first words to the server."""
    return accept_connect(client) + client.recv(65_536)


def accept_connect(client: socket.socket) -> bytes:
    """Take a CONNECT and agree to it."""
    heard = request_of(client)
    client.sendall(CONNECTED)
    return heard


def tunnel_to(
    url: str, accept: Callable[[socket.socket], bytes] = accept_connect
) -> Callable[[socket.socket], bytes]:
    """Be a proxy: after its greeting, pass on what client and server say to each other, until one of them closes."""

    def takes(client: socket.socket) -> bytes:
        heard = accept(client)
        address = httpx.URL(url)
        # Whoever closes first may reset the connection.
        with (
            socket.create_connection((address.host, address.port or 0), timeout=PATIENCE) as server,
            contextlib.suppress(OSError),
        ):
            while _pass_on(client, server):
                pass
        return heard

    return takes


def _pass_on(client: socket.socket, server: socket.socket) -> bool:
    waiting = isinstance(client, ssl.SSLSocket) and client.pending()
    readable = [client] if waiting else select.select([client, server], [], [], PATIENCE)[0]
    for source in readable:
        data = source.recv(65_536)
        if not data:
            return False
        (server if source is client else client).sendall(data)
    return bool(readable)
