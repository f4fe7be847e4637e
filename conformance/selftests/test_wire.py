"""Servers that misbehave on real sockets: every call ends in time, as an exchange that says what happened."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from conformance.selftests.servers import listening, made
from conformance.selftests.servers.hostile import DEPTH, LONG
from conformance.selftests.servers.sockets import PATIENCE, Peer, Script, answer, chunk, playing
from conformance.selftests.wire_calls import AMPLE, CALLS, CHUNKED, EVENTS, GOOD, JSON, asker_of, by_each_way
from conformance.wire.exchange import Call, Exchange, Transport
from conformance.wire.recorder import MAX_BODY_BYTES

DEADLINE = 0.2
MARGIN = 2.0
"""Seconds by which a loaded machine may be late."""


@pytest.fixture(scope="module", autouse=True)
def _sdk_is_imported() -> None:
    """Importing the SDK takes longer than the deadlines here."""
    with playing(lambda _: iter([answer(GOOD, JSON)])) as peer:
        for call in CALLS.values():
            asker_of(peer.url).send(call)


def asked(script: Script, call: Call, deadline: float = AMPLE, **playing_so: Any) -> Exchange:
    """The exchange with a server that plays the script; it must have come within the deadline."""
    with playing(script, **playing_so) as peer:
        began = time.monotonic()
        exchange = asker_of(peer.url, deadline).send(call)
        took = time.monotonic() - began
    assert took < deadline + MARGIN
    assert exchange.seconds < deadline + MARGIN / 2
    assert len(exchange.text) <= MAX_BODY_BYTES
    return exchange


def hang_before_the_head(peer: Peer) -> Iterator[bytes]:
    peer.pause()
    yield answer(GOOD, JSON)


def hang_in_the_head(peer: Peer) -> Iterator[bytes]:
    yield b"HTTP/1.1 200 OK\r\nContent-Ty"
    peer.pause()


def hang_in_the_body(peer: Peer) -> Iterator[bytes]:
    yield answer(GOOD[:20], JSON, f"Content-Length: {len(GOOD)}")
    peer.pause()


def drip_of_the_head(peer: Peer) -> Iterator[bytes]:
    yield b"HTTP/1.1 200 OK\r\nX-Drip: "
    yield from peer.forever(b"x", 0.02)


def drip_of_the_body(peer: Peer) -> Iterator[bytes]:
    yield answer(b"", JSON, CHUNKED)
    yield from peer.forever(chunk(b" "), 0.02)


def flood_of_informational_heads(peer: Peer) -> Iterator[bytes]:
    yield from peer.forever(b"HTTP/1.1 102 Processing\r\n\r\n" * 100)


def endless_events(peer: Peer) -> Iterator[bytes]:
    yield answer(b"", EVENTS, CHUNKED)
    yield from peer.forever(chunk(b"data: " + GOOD + b"\n\n"), 0.01)


def endless_comments(peer: Peer) -> Iterator[bytes]:
    yield answer(b"", EVENTS, CHUNKED)
    yield from peer.forever(chunk(b": keep-alive\n\n"), 0.01)


ENDLESS = (hang_before_the_head, hang_in_the_head, hang_in_the_body, drip_of_the_head, drip_of_the_body,
           flood_of_informational_heads, endless_events, endless_comments)  # fmt: skip


@by_each_way
@pytest.mark.parametrize("script", ENDLESS, ids=lambda script: script.__name__)
def test_what_does_not_end_is_ended_at_the_deadline(script: Script, call: Call) -> None:
    exchange = asked(script, call, DEADLINE)
    assert exchange.failure == "timeout"
    assert exchange.seconds >= DEADLINE * 0.9
    assert exchange.detail
    assert not exchange.accepted


def taken_slowly(connection: socket.socket) -> bytes:
    # Fast enough that the client can always send some more, and still for several seconds.
    ends = time.monotonic() + PATIENCE
    while time.monotonic() < ends and connection.recv(65_536):
        time.sleep(0.005)
    return b""


@pytest.mark.parametrize("takes", [lambda _: b"", taken_slowly], ids=["not at all", "slowly"])
@pytest.mark.parametrize("transport", ["http", "sdk_raw_body"])
def test_a_server_that_does_not_take_the_request_is_left_at_the_deadline(
    takes: Callable[[socket.socket], bytes], transport: Transport
) -> None:
    # Longer than what the buffers of a connection hold.
    call = Call(path="/chat/completions", raw="x" * 48 * 1024 * 1024, transport=transport)
    assert asked(hang_before_the_head, call, DEADLINE, takes=takes).failure == "timeout"


def flood(piece: bytes, *headers: str) -> Script:
    def script(peer: Peer) -> Iterator[bytes]:
        yield answer(b"", CHUNKED, *headers)
        yield from peer.forever(chunk(piece))

    return script


def endless_headers(peer: Peer) -> Iterator[bytes]:
    yield b"HTTP/1.1 200 OK\r\n"
    yield from (b"X-Header-%d: %b\r\n" % (number, b"x" * 1000) for number, _ in enumerate(peer.forever(b"")))


def endless_header(peer: Peer) -> Iterator[bytes]:
    yield b"HTTP/1.1 200 OK\r\nX-Header: "
    yield from peer.forever(b"x" * 10_000)


def endless_status_line(peer: Peer) -> Iterator[bytes]:
    yield b"HTTP/1.1 200 "
    yield from peer.forever(b"x" * 10_000)


def endless_trailers(peer: Peer) -> Iterator[bytes]:
    yield answer(b"", JSON, CHUNKED) + chunk(GOOD) + b"0\r\n"
    yield from peer.forever(b"X-Trailer: x\r\n" * 100)


FLOODS: dict[str, tuple[Script, str]] = {
    "body": (flood(b"a" * 65_536, JSON), "too_large"),
    "line of an event": (flood(b"a" * 65_536, EVENTS), "too_large"),
    "headers": (endless_headers, "cut"),
    "header": (endless_header, "cut"),
    "status line": (endless_status_line, "cut"),
    "trailers": (endless_trailers, "cut"),
}


@by_each_way
@pytest.mark.parametrize(("script", "failure"), FLOODS.values(), ids=FLOODS)
def test_a_flood_ends_at_the_size_limit(script: Script, failure: str, call: Call) -> None:
    assert asked(script, call).failure == failure


@by_each_way
def test_a_flood_of_events_ends_at_either_limit(call: Call) -> None:
    script = flood((b"data: " + GOOD + b"\n\n") * 100, EVENTS)
    assert asked(script, call, DEADLINE).failure in ("too_large", "timeout")


def playing_bytes(data: bytes) -> Script:
    return lambda _: iter([data])


CUTS = {
    "before a byte": b"",
    "in the status line": b"HTTP/1.1 20",
    "in the head": b"HTTP/1.1 200 OK\r\nContent-Le",
    "in the body": answer(GOOD[:20], JSON, f"Content-Length: {len(GOOD)}"),
    "in a chunk": answer(b"ff\r\nabc", JSON, CHUNKED),
    "before the last chunk": answer(chunk(GOOD), JSON, CHUNKED),
    "a length that is no number": answer(GOOD, JSON, "Content-Length: many"),
    "a negative length": answer(GOOD, JSON, "Content-Length: -5"),
    "two lengths": answer(GOOD, JSON, "Content-Length: 5", "Content-Length: 7"),
    "a chunk of no size": answer(b"zz\r\nabc", JSON, CHUNKED),
    "binary": bytes(range(256)) * 20,
    "another protocol": b"SSH-2.0-OpenSSH_9.6\r\n",
    "a status that is none": b"HTTP/1.1 abc OK\r\n\r\n",
}


@by_each_way
@pytest.mark.parametrize("data", CUTS.values(), ids=CUTS)
def test_what_is_no_whole_answer_is_cut(data: bytes, call: Call) -> None:
    exchange = asked(playing_bytes(data), call)
    assert exchange.failure == "cut"
    assert exchange.detail


@dataclass(frozen=True, kw_only=True)
class Odd:
    """A whole answer that is odd, and what must be kept of it."""

    data: bytes
    status: int = 200
    text: str | None = None
    invalid: bool = False


def redirect(location: str, status: str = "307 Temporary Redirect") -> Odd:
    return Odd(data=answer(b"gone", f"Location: {location}", status=status), status=int(status[:3]), text="gone")


BINARY = bytes(range(256)) * 4
DEEP = b'{"choices":' + b"[" * DEPTH + b"]" * DEPTH + b"}"
LINE = b'{"choices":"' + b"A" * LONG + b'"}'
ODD = {
    "too short a length": Odd(data=answer(GOOD, JSON, "Content-Length: 20"), text=GOOD[:20].decode()),
    "no length": Odd(data=b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n" + GOOD, text=GOOD.decode()),
    "204": Odd(data=b"HTTP/1.1 204 No Content\r\n\r\n", status=204, text=""),
    "204 with a body": Odd(data=answer(GOOD, JSON, status="204 No Content"), status=204, text=""),
    "304": Odd(data=b"HTTP/1.1 304 Not Modified\r\n\r\n", status=304, text=""),
    "nothing": Odd(data=answer(b""), text=""),
    "nothing, as JSON": Odd(data=answer(b"", JSON), text=""),
    "nothing, as events": Odd(data=answer(b"", EVENTS), text=""),
    "nothing, as a gzip": Odd(data=answer(b"", JSON, "Content-Encoding: gzip"), text=""),
    "binary": Odd(data=answer(BINARY, JSON), text=BINARY.decode("utf-8", "replace"), invalid=True),
    "a coding nobody knows": Odd(data=answer(GOOD, JSON, "Content-Encoding: zq"), text=GOOD.decode()),
    "a charset nobody knows": Odd(data=answer(GOOD, JSON + "; charset=zq"), text=GOOD.decode()),
    "invalid UTF-8": Odd(data=answer(b'{"a":"\xff\xc3"}', JSON), text='{"a":"\ufffd\ufffd"}', invalid=True),
    "half a character": Odd(data=answer(b'{"a":"\xe2\x98', JSON), text='{"a":"\ufffd', invalid=True),
    "deep JSON": Odd(data=answer(DEEP, JSON), text=DEEP.decode()),
    "deep JSON in an event": Odd(data=answer(b"data: " + DEEP + b"\n\n", EVENTS), text=f"data: {DEEP.decode()}\n\n"),
    "a line of 1 MB": Odd(data=answer(LINE, JSON), text=LINE.decode()),
    "an event of 1 MB": Odd(data=answer(b"data: " + LINE + b"\n\n", EVENTS), text=f"data: {LINE.decode()}\n\n"),
    "a header that is no ASCII": Odd(data=answer(GOOD, JSON, "X-Odd: \xff\xfe"), text=GOOD.decode()),
    "a cookie that is none": Odd(data=answer(GOOD, JSON, "Set-Cookie: ;;=;"), text=GOOD.decode()),
    "status 299": Odd(data=answer(GOOD, JSON, status="299 Odd"), status=299, text=GOOD.decode()),
    "status 600": Odd(data=answer(GOOD, JSON, status="600 Odd"), status=600, text=GOOD.decode()),
    "status 999": Odd(data=answer(b"\xff", status="999 "), status=999, text="\ufffd", invalid=True),
    "an error of odd JSON": Odd(data=answer(b'{"error": [7]}', JSON, status="400 No"), status=400),
    "an error of deep JSON": Odd(data=answer(DEEP, JSON, status="500 No"), status=500, text=DEEP.decode()),
    "redirect to itself": redirect("/v1/chat/completions"),
    "redirect to a file": redirect("file:///etc/passwd"),
    "redirect to nowhere": redirect(""),
    "redirect to no URL": redirect("http://[::1"),
    "redirect to another scheme": redirect("gopher://127.0.0.1:1/"),
    "redirect that turns to GET": redirect("/v1/models", "302 Found"),
}


@by_each_way
@pytest.mark.parametrize("odd", ODD.values(), ids=ODD)
def test_an_odd_answer_is_kept_as_it_came(odd: Odd, call: Call) -> None:
    exchange = asked(playing_bytes(odd.data), call)
    assert exchange.status == odd.status
    assert exchange.failure is None
    # The SDK does not read on where it has what it wants.
    assert odd.text is None or exchange.text == odd.text
    assert exchange.invalid_utf8 == odd.invalid


@by_each_way
@pytest.mark.parametrize("name", ["gzip_bomb", "deep_json", "hostile_text", "redirects_for_ever", "html_to_all"])
def test_hostile_servers_are_heard_out(name: str, call: Call) -> None:
    with listening(made(name)) as url:
        exchange = asker_of(url.removesuffix("/v1")).send(call)
    assert exchange.failure is None
    assert len(exchange.text) < 2 * LONG


@by_each_way
def test_another_host_is_not_asked_by_a_redirect(call: Call) -> None:
    with playing(playing_bytes(answer(GOOD, JSON))) as other:
        to_other = answer(b"", f"Location: {other.url}/v1/chat/completions", status="308 Permanent Redirect")
        exchange = asked(playing_bytes(to_other), call)
    assert (exchange.status, exchange.failure, other.heard) == (308, None, [])


@by_each_way
def test_each_call_is_sent_once_whatever_comes_back(call: Call) -> None:
    for data in (b"", answer(b"", status="500 No"), answer(b"", status="409 No"), answer(b"", status="408 No")):
        with playing(playing_bytes(data)) as peer:
            asker_of(peer.url).send(call)
        assert len(peer.heard) == 1


@pytest.mark.parametrize("way", ["sdk", "sdk stream", "async", "async stream"])
def test_the_sdk_reads_the_text_from_where_it_is_due(way: str) -> None:
    """An answer with both `message` and `delta`, as some servers send it, holds its text where the SDK looks."""
    events = b"data: " + GOOD + b"\n\ndata: [DONE]\n\n"
    data = answer(events, EVENTS) if CALLS[way].streams else answer(GOOD, JSON)
    taken = asked(playing_bytes(data), CALLS[way]).sdk_result
    assert taken is not None
    assert (taken.text, taken.exception) == ("Hi", None)
