"""The transport over sockets with a deadline: what it makes of servers and proxies, side by side with httpx's own."""

from __future__ import annotations

import queue
import socket
import ssl
import struct
from collections.abc import Callable, Iterator
from typing import Any

import httpcore
import httpx
import pytest

from conformance.selftests.network_calls import (
    CERTIFICATE,
    certificates_of_the_environment,
    forget_certificates,
    get,
    playing_bytes,
    server_tls,
    takes_nothing,
    tunnel_to,
)
from conformance.selftests.servers.sockets import Peer, Script, answer, chunk, playing, request_of
from conformance.selftests.wire_calls import AMPLE, CHUNKED, GOOD, JSON
from conformance.wire.network import DeadlineTransport, server_certificates

DEADLINE = 0.3
BuildTransport = Callable[[httpx.Proxy | None], httpx.BaseTransport]


def of_httpx(proxy: httpx.Proxy | None) -> httpx.BaseTransport:
    return httpx.HTTPTransport(verify=server_certificates(), proxy=proxy)


as_with_httpx = pytest.mark.parametrize("build", [DeadlineTransport, of_httpx], ids=["ours", "httpx"])
"""For what a client of httpx expects, and must find with either."""


@pytest.fixture(autouse=True)
def _trust(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The certificate is trusted, as that of a server and of a proxy."""
    with certificates_of_the_environment(monkeypatch, SSL_CERT_FILE=str(CERTIFICATE)):
        yield


def silence(peer: Peer) -> Iterator[bytes]:
    peer.pause()
    yield b""


def reset_in_the_body(_: Peer) -> Iterator[bytes]:
    yield answer(GOOD[:20], JSON, f"Content-Length: {len(GOOD)}")
    raise ConnectionResetError


def takes_and_resets(connection: socket.socket) -> bytes:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    return request_of(connection)


FAILURES: dict[str, tuple[type[httpx.TransportError], Script, Callable[[socket.socket], bytes]]] = {
    "silence": (httpx.ReadTimeout, silence, request_of),
    "a request not taken": (httpx.WriteTimeout, silence, takes_nothing),
    "closed before the head": (httpx.RemoteProtocolError, playing_bytes(b""), request_of),
    "no HTTP": (httpx.RemoteProtocolError, playing_bytes(b"SSH-2.0-OpenSSH_9.6\r\n"), request_of),
    "cut in the body": (
        httpx.RemoteProtocolError,
        playing_bytes(answer(GOOD[:20], JSON, f"Content-Length: {len(GOOD)}")),
        request_of,
    ),
    "cut in a chunk": (httpx.RemoteProtocolError, playing_bytes(answer(b"ff\r\nabc", JSON, CHUNKED)), request_of),
    "no last chunk": (httpx.RemoteProtocolError, playing_bytes(answer(chunk(GOOD), JSON, CHUNKED)), request_of),
}


@as_with_httpx
@pytest.mark.parametrize(("error", "script", "takes"), FAILURES.values(), ids=FAILURES)
@pytest.mark.parametrize("tls", [False, True], ids=["", "TLS"])
def test_a_failure_of_the_server_raises_what_httpx_raises(
    build: BuildTransport,
    error: type[httpx.TransportError],
    script: Script,
    takes: Callable[[socket.socket], bytes],
    tls: bool,
) -> None:
    timeout = httpx.Timeout(AMPLE)
    if issubclass(error, httpx.TimeoutException):
        timeout = httpx.Timeout(AMPLE, read=DEADLINE, write=DEADLINE)
    # Longer than what the buffers of a connection hold.
    content = b"x" * 48 * 1024 * 1024 if error is httpx.WriteTimeout else b"x"
    with (
        playing(script, takes=takes, tls=server_tls() if tls else None) as peer,
        pytest.raises(httpx.TransportError) as caught,
    ):
        get(build(None), peer.url, timeout, method="POST", content=content)
    assert type(caught.value) is error
    assert caught.value.request.url == peer.url


ERRORS = [getattr(httpcore, name) for name in httpcore.__all__ if name.endswith(("Error", "Timeout", "Exception"))]


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: error.__name__)
def test_every_error_of_httpcore_is_raised_as_the_one_of_httpx(
    error: type[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any) -> None:
        raise error("what happened")

    monkeypatch.setattr(httpcore.ConnectionPool, "handle_request", fail)
    with pytest.raises(httpx.TransportError, match="what happened") as caught:
        get(DeadlineTransport(), "http://host.test")
    assert type(caught.value) is getattr(httpx, error.__name__)
    assert type(caught.value.__cause__) is error


@pytest.mark.parametrize(
    ("build", "tls"),
    [
        (DeadlineTransport, False),
        (of_httpx, False),
        (DeadlineTransport, True),  # with httpx it may be an end
    ],
    ids=["ours", "httpx", "ours over TLS"],
)
def test_a_reset_is_a_read_error(build: BuildTransport, tls: bool) -> None:
    with (
        playing(reset_in_the_body, takes=takes_and_resets, tls=server_tls() if tls else None) as peer,
        pytest.raises(httpx.ReadError),
    ):
        get(build(None), peer.url)


@as_with_httpx
def test_a_port_that_takes_no_connection_is_a_connect_error(build: BuildTransport) -> None:
    # Bound and not listening: no one else can take the port meanwhile.
    with socket.socket() as door:
        door.bind(("127.0.0.1", 0))
        with pytest.raises(httpx.ConnectError, match="Connection refused"):
            get(build(None), f"http://127.0.0.1:{door.getsockname()[1]}")


@as_with_httpx
def test_a_host_that_nobody_knows_is_a_connect_error(build: BuildTransport, monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: Any, **__: Any) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    with pytest.raises(httpx.ConnectError, match="not known"):
        get(build(None), "http://host.test")


def test_a_host_that_no_name_service_takes_is_a_connect_error() -> None:
    with pytest.raises(httpx.ConnectError, match="label"):
        get(DeadlineTransport(), f"http://{'x' * 64}.test")


@as_with_httpx
@pytest.mark.parametrize(
    ("url", "headers", "error"),
    [
        ("ftp://127.0.0.1", {}, httpx.UnsupportedProtocol),
        ("http://127.0.0.1:{port}", {"x-odd": "a\nb"}, httpx.LocalProtocolError),
    ],
    ids=["scheme", "header"],
)
def test_a_request_that_cannot_be_sent_raises_what_httpx_raises(
    build: BuildTransport, url: str, headers: dict[str, str], error: type[httpx.TransportError]
) -> None:
    with playing(playing_bytes(answer(GOOD, JSON))) as peer, pytest.raises(httpx.TransportError) as caught:
        get(build(None), url.format(port=httpx.URL(peer.url).port), headers=headers)
    assert type(caught.value) is error
    assert peer.heard == []


@as_with_httpx
def test_a_certificate_that_nobody_trusts_is_a_connect_error(
    build: BuildTransport, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SSL_CERT_FILE")
    forget_certificates()
    with (
        playing(playing_bytes(answer(GOOD, JSON)), tls=server_tls()) as peer,
        pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"),
    ):
        get(build(None), peer.url)
    assert peer.heard == []


def test_a_server_whose_certificate_is_refused_is_told_why(monkeypatch: pytest.MonkeyPatch) -> None:
    def takes(connection: socket.socket) -> bytes:
        try:
            server_tls().wrap_socket(connection, server_side=True)
        except ssl.SSLError as error:
            told.put(str(error))
        return b""

    told: queue.SimpleQueue[str] = queue.SimpleQueue()
    monkeypatch.delenv("SSL_CERT_FILE")
    forget_certificates()
    with playing(playing_bytes(b""), takes=takes) as peer:
        with pytest.raises(httpx.ConnectError):
            get(DeadlineTransport(), peer.url.replace("http:", "https:"))
        assert "ALERT_UNKNOWN_CA" in told.get(timeout=AMPLE)


@as_with_httpx
def test_a_certificate_for_another_host_is_a_connect_error(
    build: BuildTransport, monkeypatch: pytest.MonkeyPatch
) -> None:
    with playing(playing_bytes(answer(GOOD, JSON)), tls=server_tls()) as peer:
        port = httpx.URL(peer.url).port
        address = (socket.AF_INET, socket.SOCK_STREAM, 0, "", ("127.0.0.1", port))
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: [address])
        with pytest.raises(httpx.ConnectError, match="mismatch"):
            get(build(None), f"https://other.test:{port}")
    assert peer.heard == []


@as_with_httpx
@pytest.mark.parametrize("data", [b"HTTP/1.1 400 No\r\n\r\n", b""], ids=["plain HTTP", "nothing"])
def test_a_server_that_speaks_no_tls_is_a_connect_error(build: BuildTransport, data: bytes) -> None:
    with playing(playing_bytes(data), takes=takes_nothing) as peer, pytest.raises(httpx.ConnectError):
        get(build(None), peer.url.replace("http:", "https:"))


ANSWERS: dict[str, bytes] = {
    "a length": answer(GOOD, JSON),
    "chunks": answer(chunk(GOOD[:20]) + chunk(GOOD[20:]) + chunk(b""), JSON, CHUNKED),
    "until the end": b"HTTP/1.0 200 OK\r\n\r\n" + GOOD,
    "headers that are not ASCII": answer(GOOD, JSON, "X-Odd: \xff\xfe\xe9", "x-ODD:  b ", "X-Odd:"),
    "a reason that is not ASCII": answer(GOOD, JSON, status="299 \xff odd"),
    "interim answers": b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n" + answer(GOOD),
    "a redirection": answer(b"gone", "Location: /other", status="307 Temporary Redirect"),
    "no content": answer(b"", status="204 No Content"),
    "more than was announced": answer(GOOD, JSON, "Content-Length: 20"),
}


@pytest.mark.parametrize("data", ANSWERS.values(), ids=ANSWERS)
@pytest.mark.parametrize("tls", [False, True], ids=["", "TLS"])
def test_an_answer_is_the_one_that_httpx_reads(data: bytes, tls: bool) -> None:
    with playing(playing_bytes(data), tls=server_tls() if tls else None) as peer:
        ours, theirs = (get(build(None), peer.url) for build in (DeadlineTransport, of_httpx))
    assert (ours.status_code, ours.headers.raw) == (theirs.status_code, theirs.headers.raw)
    assert ours.content == theirs.content
    for name in ("http_version", "reason_phrase"):
        assert ours.extensions[name] == theirs.extensions[name]
    assert len(peer.heard) == 2
    assert peer.heard[0] == peer.heard[1]


def test_header_bytes_that_are_not_ascii_are_kept() -> None:
    with playing(playing_bytes(ANSWERS["headers that are not ASCII"])) as peer:
        raw = get(DeadlineTransport(), peer.url).headers.raw
    assert [value for name, value in raw if name.lower() == b"x-odd"] == [b"\xff\xfe\xe9", b"b", b""]


def test_an_interim_answer_is_passed_over() -> None:
    with playing(playing_bytes(ANSWERS["interim answers"])) as peer:
        response = get(DeadlineTransport(), peer.url)
    assert (response.status_code, response.content) == (200, GOOD)
    assert "link" not in response.headers


def test_a_redirection_is_not_followed() -> None:
    with playing(playing_bytes(ANSWERS["a redirection"])) as peer:
        response = get(DeadlineTransport(), peer.url)
    assert (response.status_code, response.content, len(peer.heard)) == (307, b"gone", 1)


def test_what_came_before_a_cut_is_read() -> None:
    read: list[bytes] = []
    with (
        playing(playing_bytes(answer(GOOD[:20], JSON, f"Content-Length: {len(GOOD)}"))) as peer,
        httpx.Client(transport=DeadlineTransport(), timeout=AMPLE) as client,
        pytest.raises(httpx.RemoteProtocolError),
        client.stream("GET", peer.url) as response,
    ):
        read.extend(response.iter_raw())
    assert b"".join(read) == GOOD[:20]


@as_with_httpx
@pytest.mark.parametrize("tls", [False, True], ids=["", "TLS"])
def test_a_long_body_arrives_whole(build: BuildTransport, tls: bool) -> None:
    """Longer than a record of TLS and than the buffers of a connection, both ways."""
    content = bytes(range(256)) * 40_000
    with playing(playing_bytes(answer(content)), tls=server_tls() if tls else None) as peer:
        assert get(build(None), peer.url, method="POST", content=content).content == content
    assert peer.heard[0].endswith(content)


def keep_alive(peer: Peer) -> Iterator[bytes]:
    yield answer(GOOD, JSON, "Connection: keep-alive")
    peer.pause()


class _Watched(socket.socket):
    """A socket that is remembered when a client opens it."""

    opened: list[socket.socket]

    def connect(self, address: Any) -> None:
        self.opened.append(self)
        super().connect(address)


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[socket.socket]:
    """The sockets that a client connects from now on."""
    _Watched.opened = []
    monkeypatch.setattr(socket, "socket", _Watched)
    return _Watched.opened


def test_each_request_has_a_connection_of_its_own_and_closes_it(opened: list[socket.socket]) -> None:
    with playing(keep_alive) as peer, httpx.Client(transport=DeadlineTransport(), timeout=AMPLE) as client:
        for count in (1, 2):
            assert client.get(peer.url).content == GOOD
            assert len(peer.heard) == count
            assert [each.fileno() for each in opened] == [-1] * count


def test_a_response_that_is_left_closes_its_connection(opened: list[socket.socket]) -> None:
    def endless(peer: Peer) -> Iterator[bytes]:
        yield answer(b"", JSON, CHUNKED)
        yield from peer.forever(chunk(b"x"), 0.01)

    with playing(endless) as peer, httpx.Client(transport=DeadlineTransport(), timeout=AMPLE) as client:
        with client.stream("GET", peer.url) as response:
            body = response.iter_raw()
            assert next(body) == b"x"
            assert [each.fileno() == -1 for each in opened] == [False]
            assert opened[0].getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
        assert [each.fileno() == -1 for each in opened] == [True]


@pytest.mark.parametrize("proxied", [False, True], ids=["TLS", "TLS through a proxy"])
def test_a_handshake_that_fails_closes_its_connection(opened: list[socket.socket], proxied: bool) -> None:
    def nonsense(_: Peer) -> Iterator[bytes]:
        yield b"HTTP/1.1 200 OK\r\n\r\nno TLS"

    with playing(nonsense, takes=request_of if proxied else takes_nothing) as peer:
        proxy = httpx.Proxy(peer.url) if proxied else None
        url = "https://host.test" if proxied else peer.url.replace("http:", "https:")
        with pytest.raises(httpx.ConnectError) as caught:
            get(DeadlineTransport(proxy), url)
        assert [each.fileno() for each in opened] == [-1], caught


@as_with_httpx
@pytest.mark.parametrize("proxy_tls", [False, True], ids=["http", "https"])
def test_a_plain_server_is_asked_through_the_proxy(build: BuildTransport, proxy_tls: bool) -> None:
    with playing(playing_bytes(answer(GOOD, JSON)), tls=server_tls() if proxy_tls else None) as proxy:
        transport = build(httpx.Proxy(proxy.url, auth=("me", "w\u00f6rd"), headers={"x-proxy": "1"}))
        assert get(transport, "http://host.test:8000/v1?a=b", headers={"x-own": "2"}).content == GOOD
    [heard] = proxy.heard
    head = heard.lower().split(b"\r\n")
    assert head[0] == b"get http://host.test:8000/v1?a=b http/1.1"
    assert {b"x-proxy: 1", b"x-own: 2", b"host: host.test:8000"} <= set(head)
    assert b"\r\nProxy-Authorization: Basic bWU6d8O2cmQ=\r\n" in heard


@as_with_httpx
@pytest.mark.parametrize("proxy_tls", [False, True], ids=["http", "https"])
def test_a_server_over_tls_is_asked_through_the_proxy(build: BuildTransport, proxy_tls: bool) -> None:
    content = bytes(range(256)) * 400
    with (
        playing(playing_bytes(answer(content)), tls=server_tls()) as server,
        playing(lambda _: iter([]), takes=tunnel_to(server.url), tls=server_tls() if proxy_tls else None) as proxy,
    ):
        transport = build(httpx.Proxy(proxy.url, auth=("me", "word")))
        assert get(transport, server.url, method="POST", content=content).content == content
    [heard] = server.heard
    assert heard.endswith(content)
    assert b"proxy-authorization" not in heard.lower()
    [connect] = proxy.heard
    assert connect.startswith(b"CONNECT 127.0.0.1:%d HTTP/1.1\r\n" % httpx.URL(server.url).port)
    assert b"\r\nProxy-Authorization: Basic bWU6d29yZA==\r\n" in connect


@as_with_httpx
@pytest.mark.parametrize("proxy_tls", [False, True], ids=["http", "https"])
def test_a_proxy_that_refuses_is_a_proxy_error(build: BuildTransport, proxy_tls: bool) -> None:
    refusal = playing_bytes(answer(b"", status="407 Who \xff are you"))
    with (
        playing(refusal, tls=server_tls() if proxy_tls else None) as proxy,
        pytest.raises(httpx.ProxyError, match=r"^407 Who  are you$"),
    ):
        get(build(httpx.Proxy(proxy.url)), "https://host.test")


@as_with_httpx
@pytest.mark.parametrize("reply", [b"", b"no HTTP at all\r\n\r\n"], ids=["nothing", "no HTTP"])
def test_a_proxy_that_speaks_no_http_is_a_protocol_error(build: BuildTransport, reply: bytes) -> None:
    with playing(playing_bytes(reply)) as proxy, pytest.raises(httpx.RemoteProtocolError):
        get(build(httpx.Proxy(proxy.url)), "https://host.test")
