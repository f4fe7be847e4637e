"""SOCKS proxies: with the package socksio, which few have, they work as with httpx; without it they are named."""

from __future__ import annotations

import socket
import sys
import time
from collections.abc import Callable, Iterator

import httpx
import pytest

from conformance.selftests.network_calls import (
    CERTIFICATE,
    certificates_of_the_environment,
    get,
    playing_bytes,
    server_tls,
    tunnel_to,
)
from conformance.selftests.servers.sockets import PATIENCE, answer, playing
from conformance.selftests.wire_calls import AMPLE, GOOD, JSON
from conformance.wire.network import DeadlineTransport, build_transport, server_certificates

DEADLINE = 0.3
MARGIN = PATIENCE / 2
"""Seconds by which a loaded machine may be late."""


@pytest.fixture(autouse=True)
def _trust(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with certificates_of_the_environment(monkeypatch, SSL_CERT_FILE=str(CERTIFICATE)):
        yield


@pytest.fixture
def _socksio() -> None:
    pytest.importorskip("socksio")


needs_socksio = pytest.mark.usefixtures("_socksio")


def accept_socks(client: socket.socket) -> bytes:
    """Take the greeting of SOCKS 5, with or without a password, and agree to the command; all that was heard."""
    heard = [client.recv(1000)]
    method = heard[0][-1:]
    client.sendall(b"\x05" + method)
    if method == b"\x02":
        heard.append(client.recv(1000))
        client.sendall(b"\x01\x00")
    heard.append(client.recv(1000))
    client.sendall(b"\x05\x00\x00\x01\x7f\x00\x00\x01\x00\x50")
    return b"|".join(heard)


def of_httpx(proxy: httpx.Proxy) -> httpx.BaseTransport:
    return httpx.HTTPTransport(verify=server_certificates(), proxy=proxy)


@needs_socksio
@pytest.mark.parametrize("build", [DeadlineTransport, of_httpx], ids=["ours", "httpx"])
@pytest.mark.parametrize("tls", [False, True], ids=["", "TLS"])
@pytest.mark.parametrize("auth", [None, ("me", "word")], ids=["open", "password"])
@pytest.mark.parametrize("scheme", ["socks5", "socks5h"])
def test_a_server_is_asked_through_a_socks_proxy(
    build: Callable[[httpx.Proxy], httpx.BaseTransport], tls: bool, auth: tuple[str, str] | None, scheme: str
) -> None:
    with (
        playing(playing_bytes(answer(GOOD, JSON)), tls=server_tls() if tls else None) as server,
        playing(playing_bytes(b""), takes=tunnel_to(server.url, accept_socks)) as proxy,
    ):
        url = httpx.URL(server.url).copy_with(host="localhost")
        transport = build(httpx.Proxy(proxy.url.replace("http", scheme), auth=auth))
        assert get(transport, str(url)).content == GOOD
    [heard] = proxy.heard
    assert (b"|\x01\x02me\x04word|" in heard) is (auth is not None)
    assert heard.endswith(b"\x05\x01\x00\x03\x09localhost" + (url.port or 0).to_bytes(2, "big"))


@needs_socksio
@pytest.mark.parametrize("reply", [b"", b"\x05", b"\x05\xff", b"HTTP/1.1 400 No\r\n\r\n", b"\x05\x00\x05"])
def test_a_socks_proxy_that_breaks_the_protocol_is_a_proxy_error(reply: bytes) -> None:
    with (
        playing(playing_bytes(reply), takes=lambda client: client.recv(1000)) as proxy,
        pytest.raises(httpx.ProxyError),
    ):
        get(DeadlineTransport(httpx.Proxy(proxy.url.replace("http", "socks5"))), "http://host.test")


@needs_socksio
def test_a_socks_proxy_that_says_nothing_ends_at_the_deadline() -> None:
    with playing(lambda peer: iter([b""] if peer.pause() else [])) as proxy:
        began = time.monotonic()
        with pytest.raises(httpx.TimeoutException):
            get(DeadlineTransport(httpx.Proxy(proxy.url.replace("http", "socks5"))), "http://host.test", DEADLINE)
        assert DEADLINE * 0.9 <= time.monotonic() - began < DEADLINE + MARGIN


def test_without_the_package_a_socks_proxy_is_refused_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "socksio", None)
    monkeypatch.setenv("ALL_PROXY", "socks5://127.0.0.1:1")
    with pytest.raises(ImportError, match="socksio"):
        build_transport("http://host.test")


def test_other_proxies_need_no_such_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "socksio", None)
    with playing(playing_bytes(answer(GOOD, JSON))) as proxy:
        monkeypatch.setenv("ALL_PROXY", proxy.url)
        assert get(build_transport("http://host.test"), "http://host.test", AMPLE).content == GOOD
