"""When a server is gone, when it only fails, and when it is busy and waited for."""

from __future__ import annotations

import socket
import time
from dataclasses import dataclass, replace

import httpx
import pytest

from conformance.selftests.servers import Reply, Request, Server, listening
from conformance.selftests.servers.behaviours import Dies
from conformance.selftests.servers.interface import CutError, HangError, json_reply
from conformance.selftests.wire_calls import AMPLE, CALLS, GOOD, asker_of, by_each_way
from conformance.wire.client import ServerUnreachableError
from conformance.wire.exchange import Call, Exchange

MARGIN = 2.0
"""Seconds by which a loaded machine may be late."""


@dataclass(kw_only=True)
class Turns:
    """One reply after the other; the last one again and again. None cuts the connection."""

    replies: tuple[Reply | None, ...]
    count: int = 0

    def answer(self, request: Request) -> Reply:  # noqa: ARG002 - whatever is asked
        """The next."""
        reply = self.replies[min(self.count, len(self.replies) - 1)]
        self.count += 1
        if reply is None:
            raise CutError
        return reply


OK = Reply(body=GOOD)


@by_each_way
def test_a_server_that_nobody_reaches_any_more_is_gone(call: Call) -> None:
    # Bound and not listening: no one else can take the port meanwhile.
    with socket.socket() as door:
        door.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{door.getsockname()[1]}"
        with pytest.raises(ServerUnreachableError, match="takes no connections any more"):
            asker_of(url).send(call)


@by_each_way
def test_a_server_that_dies_in_the_middle_is_gone_from_then_on(call: Call) -> None:
    with listening(Dies(left=1, inner=Turns(replies=(OK,)))) as url:
        asker = asker_of(url.removesuffix("/v1"))
        assert asker.send(call).status == 200
        with pytest.raises(ServerUnreachableError):
            asker.send(replace(call, repetition=1))
        with pytest.raises(ServerUnreachableError):
            asker.send(replace(call, repetition=2))


@by_each_way
def test_a_server_that_fails_once_is_not_gone(call: Call) -> None:
    with listening(Turns(replies=(None, OK))) as url:
        asker = asker_of(url.removesuffix("/v1"))
        assert asker.send(call).failure == "cut"
        assert asker.send(replace(call, repetition=1)).status == 200


def test_who_fails_to_connect_once_finds_it_unreachable_but_not_gone() -> None:
    class Refuses(httpx.BaseTransport):
        def handle_request(self, request: httpx.Request) -> httpx.Response:
            raise httpx.ConnectError("refused", request=request)

    asker = asker_of("http://mini.test")
    asker.network = lambda _: Refuses()
    assert asker.send(CALLS["sdk"]).failure == "unreachable"


def busy(status: int, message: str = "no", after: str | None = None) -> Reply:
    headers = () if after is None else (("retry-after", after),)
    return json_reply({"error": {"message": message}}, status, headers)


BUSY = "server busy, please try again.  maximum pending requests exceeded"


def patiently(server: Server, call: Call, deadline: float = AMPLE) -> Exchange:
    with listening(server) as url:
        return asker_of(url.removesuffix("/v1"), deadline).send(call)


@pytest.mark.parametrize(
    "reply",
    [
        pytest.param(busy(503, BUSY), id="Ollama's words"),
        pytest.param(busy(429, "no", "1"), id="429 with a time"),
    ],
)
def test_a_busy_server_is_waited_for(reply: Reply) -> None:
    server = Turns(replies=(reply, OK))
    exchange = patiently(server, CALLS["sdk"])
    assert (exchange.status, exchange.retry_wait_seconds, server.count) == (200, 1.0, 2)
    assert exchange.seconds < AMPLE / 2


@by_each_way
def test_waiting_ends_before_the_deadline_would_pass(call: Call) -> None:
    server = Turns(replies=(busy(429, "no", "31"),))
    exchange = patiently(server, call)
    assert (exchange.status, exchange.retry_wait_seconds, server.count) == (429, 0, 1)


@pytest.mark.parametrize("reply", [busy(503, BUSY), busy(429, "no", "0")], ids=["words", "no time at all"])
def test_a_server_that_stays_busy_is_given_up_and_not_hammered(reply: Reply) -> None:
    server = Turns(replies=(reply,))
    began = time.monotonic()
    exchange = patiently(server, CALLS["sdk"], 1.5)
    assert time.monotonic() - began < 1.5 + MARGIN
    assert exchange.status == reply.status
    assert 0 < exchange.retry_wait_seconds <= 1.5
    assert server.count <= 4


@pytest.mark.parametrize(
    "reply",
    [
        busy(503, "out of memory"),
        busy(429, "quota exceeded"),
        busy(500, BUSY),
        busy(400, BUSY, "1"),
        *(busy(429, "no", after) for after in ("soon", "-1", "", "\u00b2", "9" * 400, "1e999", "nan")),
    ],
)
def test_what_is_not_busy_is_not_asked_again(reply: Reply) -> None:
    server = Turns(replies=(reply,))
    exchange = patiently(server, CALLS["raw"])
    assert (exchange.status, exchange.retry_wait_seconds, server.count) == (reply.status, 0, 1)


@dataclass(kw_only=True)
class HangsAfter:
    """Answers so many requests, then none any more, though it takes connections; and none that holds `zz`."""

    left: int

    def answer(self, request: Request) -> Reply:
        """The same for all, or nothing."""
        self.left -= 1
        if self.left < 0 or b'"zz"' in request.body:
            raise HangError
        return OK


def test_a_server_that_hangs_for_good_is_gone_and_one_that_hangs_on_a_request_is_not() -> None:
    call = CALLS["sdk"]
    with listening(HangsAfter(left=2)) as url:
        asker = asker_of(url, deadline=1.0)
        assert asker.send(call).accepted
        assert asker.send(replace(call, repetition=1)).accepted
        with pytest.raises(ServerUnreachableError, match="hangs"):
            asker.send(replace(call, repetition=2))
    with listening(HangsAfter(left=99)) as url:
        asker = asker_of(url, deadline=1.0)
        assert asker.send(call).accepted
        assert asker.send(replace(call, body={**call.body, "zz": 1})).failure == "timeout"


@dataclass(kw_only=True)
class BlockedFor:
    """Answers nobody for so many requests after the first: it works on one that its client has left."""

    requests: int
    count: int = 0

    def answer(self, request: Request) -> Reply:  # noqa: ARG002 - as every server
        self.count += 1
        if 1 < self.count <= 1 + self.requests:
            raise HangError
        return OK


def test_a_server_that_still_works_on_a_request_its_client_has_left_is_waited_for() -> None:
    call = CALLS["sdk"]
    with listening(server := BlockedFor(requests=2)) as url:
        asker = asker_of(url, deadline=1.0)
        assert asker.send(call).accepted
        assert asker.send(replace(call, repetition=1)).accepted
    assert server.count == 5
