"""One deadline for all of a request: servers and proxies that drip, each where it hurts."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest

from conformance.selftests.network_calls import (
    CERTIFICATE,
    CONNECTED,
    certificates_of_the_environment,
    connects,
    get,
    playing_bytes,
    server_tls,
    takes_nothing,
)
from conformance.selftests.servers.sockets import PATIENCE, Peer, Script, answer, chunk, playing
from conformance.selftests.wire_calls import AMPLE, CHUNKED, GOOD, JSON
from conformance.wire.network import DeadlineTransport, build_transport

DEADLINE = 0.3
MARGIN = PATIENCE / 2
"""Seconds by which a loaded machine may be late."""


@pytest.fixture(autouse=True)
def _trust(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The certificate is trusted, as that of a server and of a proxy."""
    with certificates_of_the_environment(monkeypatch, SSL_CERT_FILE=str(CERTIFICATE)):
        yield


def drip(*first: bytes) -> Script:
    """The pieces, then a byte now and then for ever."""

    def script(peer: Peer) -> Iterator[bytes]:
        yield from first
        yield from peer.forever(b"\x01", 0.02)

    return script


def chunks_without_end(peer: Peer) -> Iterator[bytes]:
    yield answer(b"", JSON, CHUNKED)
    yield from peer.forever(chunk(b"x"), 0.02)


def interim_answers_without_end(peer: Peer) -> Iterator[bytes]:
    yield from peer.forever(b"HTTP/1.1 102 Processing\r\n\r\n", 0.02)


HANDSHAKE = b"\x16\x03\x03\x3f\xff\x02\x00\x3f\xfb"
"""The beginning of a record of TLS that is announced to be long."""

DRIPS: dict[str, Script] = {
    "head": drip(b"HTTP/1.1 200 OK\r\nX-Drip: "),
    "body": drip(answer(b"", JSON, "Content-Length: 1000000")),
    "chunks": chunks_without_end,
    "interim answers": interim_answers_without_end,
}


def ends_in_time(transport: httpx.BaseTransport, url: str, content: bytes = b"") -> None:
    """Assert that the request ends at its deadline, and long before a script does."""
    began = time.monotonic()
    with pytest.raises(httpx.TimeoutException):
        get(transport, url, DEADLINE, method="POST", content=content)
    assert DEADLINE * 0.9 <= time.monotonic() - began < DEADLINE + MARGIN


@pytest.mark.parametrize("script", DRIPS.values(), ids=DRIPS)
@pytest.mark.parametrize("tls", [False, True], ids=["", "TLS"])
def test_an_answer_that_drips_ends_at_the_deadline(script: Script, tls: bool) -> None:
    with playing(script, tls=server_tls() if tls else None) as peer:
        ends_in_time(build_transport(peer.url), peer.url)


def test_a_tls_handshake_that_drips_ends_at_the_deadline() -> None:
    with playing(drip(HANDSHAKE), takes=takes_nothing) as peer:
        ends_in_time(DeadlineTransport(), peer.url.replace("http:", "https:"))


def takes_slowly(connection: socket.socket) -> bytes:
    # Fast enough that the client can always send some more, and still for several seconds.
    ends = time.monotonic() + PATIENCE
    while time.monotonic() < ends and connection.recv(65_536):
        time.sleep(0.005)
    return b""


@pytest.mark.parametrize("tls", [False, True], ids=["", "TLS"])
def test_a_request_that_is_taken_slowly_ends_at_the_deadline(tls: bool) -> None:
    # Longer than what the buffers of a connection hold.
    content = b"x" * 48 * 1024 * 1024
    with playing(playing_bytes(b""), takes=takes_slowly, tls=server_tls() if tls else None) as peer:
        ends_in_time(DeadlineTransport(), peer.url, content)


BEHIND_A_PROXY: dict[str, tuple[str, Script]] = {
    "forwarded, head": ("http://host.test", DRIPS["head"]),
    "forwarded, body": ("http://host.test", DRIPS["body"]),
    "CONNECT": ("https://host.test", DRIPS["head"]),
    "CONNECT, interim answers": ("https://host.test", DRIPS["interim answers"]),
}


@pytest.mark.parametrize(("url", "script"), BEHIND_A_PROXY.values(), ids=BEHIND_A_PROXY)
@pytest.mark.parametrize("tls", [False, True], ids=["http", "https"])
def test_a_proxy_that_drips_ends_at_the_deadline(url: str, script: Script, tls: bool) -> None:
    with playing(script, tls=server_tls() if tls else None) as proxy:
        ends_in_time(DeadlineTransport(httpx.Proxy(proxy.url)), url)


@pytest.mark.parametrize("tls", [False, True], ids=["http", "https"])
def test_a_handshake_behind_a_proxy_that_drips_ends_at_the_deadline(tls: bool) -> None:
    with playing(drip(HANDSHAKE), takes=connects, tls=server_tls() if tls else None) as proxy:
        ends_in_time(DeadlineTransport(httpx.Proxy(proxy.url)), "https://host.test")


class _Timed(socket.socket):
    """A socket that remembers how long its operations were given."""

    connected: list[_Timed]

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.timeouts: list[float | None] = []

    def settimeout(self, value: float | None) -> None:
        self.timeouts.append(value)
        super().settimeout(value)

    def connect(self, address: Any) -> None:
        self.connected.append(self)
        super().connect(address)


@pytest.fixture
def connected(monkeypatch: pytest.MonkeyPatch) -> list[_Timed]:
    """The sockets that a client connects from now on."""
    _Timed.connected = []
    monkeypatch.setattr(socket, "socket", _Timed)
    return _Timed.connected


def test_each_operation_is_given_only_what_those_before_have_left(connected: list[_Timed]) -> None:
    def late(peer: Peer) -> Iterator[bytes]:
        peer.pause(DEADLINE)
        yield CONNECTED
        peer.pause(DEADLINE)
        yield b"no TLS"

    with playing(late) as proxy:
        with pytest.raises(httpx.ConnectError):
            get(DeadlineTransport(httpx.Proxy(proxy.url)), "https://host.test", AMPLE)
        [connection] = connected
    connecting, writing, reading, *handshake = [seconds or 0 for seconds in connection.timeouts]
    assert AMPLE >= connecting > writing > reading
    assert len(handshake) >= 2
    assert all(reading - DEADLINE >= seconds > AMPLE / 2 for seconds in handshake)


@pytest.mark.parametrize("timeout", [httpx.Timeout(AMPLE, connect=DEADLINE), None], ids=["longer", "none"])
def test_the_deadline_is_the_longest_of_the_timeouts(timeout: httpx.Timeout | None) -> None:
    def late(peer: Peer) -> Iterator[bytes]:
        peer.pause(DEADLINE * 2)
        yield answer(GOOD, JSON)

    with playing(late) as peer:
        assert get(DeadlineTransport(), peer.url, timeout).content == GOOD


def test_each_timeout_holds_for_its_own_operations() -> None:
    timeout = httpx.Timeout(AMPLE, read=DEADLINE)
    with playing(lambda peer: iter([b""] if peer.pause() else [])) as peer:
        began = time.monotonic()
        with pytest.raises(httpx.ReadTimeout):
            get(DeadlineTransport(), peer.url, timeout)
        assert time.monotonic() - began < DEADLINE + MARGIN


@pytest.fixture
def swallows() -> Iterator[tuple[str, int]]:
    """An address that answers no attempt to connect: its queue is full."""
    with socket.socket() as door, socket.socket() as first, socket.socket() as second:
        door.bind(("127.0.0.1", 0))
        door.listen(0)
        for waiting in (first, second):
            waiting.setblocking(False)
            waiting.connect_ex(door.getsockname())
        yield door.getsockname()


@contextmanager
def resolving_to(*addresses: tuple[str, int]) -> Iterator[None]:
    """Have any name stand for these addresses."""
    found = [(socket.AF_INET, socket.SOCK_STREAM, 0, "", address) for address in addresses]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket, "getaddrinfo", lambda *_, **__: found)
        yield


def test_addresses_that_swallow_every_packet_end_at_the_deadline_together(
    swallows: tuple[str, int], connected: list[_Timed]
) -> None:
    with resolving_to(*[swallows] * 20):
        ends_in_time(DeadlineTransport(), "http://host.test")
    assert sum(each.timeouts[0] or AMPLE for each in connected) <= DEADLINE


def test_an_address_that_swallows_every_packet_leaves_time_for_the_next(swallows: tuple[str, int]) -> None:
    with playing(playing_bytes(answer(GOOD, JSON))) as peer:
        address = ("127.0.0.1", httpx.URL(peer.url).port or 0)
        with resolving_to(swallows, address):
            assert get(DeadlineTransport(), "http://host.test", MARGIN).content == GOOD
