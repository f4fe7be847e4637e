"""The recording transport: what it changes of a request and of a response, what it records, and where it stops."""

from __future__ import annotations

import asyncio
import gzip
import time
from collections.abc import Callable, Iterator

import httpx
import pytest

from conformance.wire.recorder import MAX_BODY_BYTES, BodyTooLargeError, Recording, RecordingTransport

DEADLINE = 100.0
"""Seconds, and far from the default of httpx."""
URL = "http://host.test/v1"

Answer = Callable[[httpx.Request], httpx.Response]


def send_sync(transport: RecordingTransport, headers: dict[str, str]) -> httpx.Response:
    with httpx.Client(transport=transport, headers=headers, follow_redirects=True) as client:
        return client.post(URL, content=b"own")


def send_async(transport: RecordingTransport, headers: dict[str, str]) -> httpx.Response:
    async def send() -> httpx.Response:
        async with httpx.AsyncClient(transport=transport, headers=headers, follow_redirects=True) as client:
            return await client.post(URL, content=b"own")

    return asyncio.run(send())


each_client = pytest.mark.parametrize("send", [send_sync, send_async], ids=["sync", "async"])
Send = Callable[[RecordingTransport, dict[str, str]], httpx.Response]


def recorded(send: Send, answer: Answer, **headers: str) -> tuple[Recording, httpx.Response]:
    transport = RecordingTransport(httpx.MockTransport(answer))
    recording = transport.begin(DEADLINE)
    return recording, send(transport, headers)


@each_client
def test_the_deadline_is_the_timeout_of_the_transport_below(send: Send) -> None:
    seen: list[dict[str, float]] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request.extensions["timeout"])
        return httpx.Response(200)

    recorded(send, answer)
    [timeout] = seen
    assert set(timeout) == {"connect", "read", "write", "pool"}
    assert all(DEADLINE * 0.5 < seconds <= DEADLINE for seconds in timeout.values())


@each_client
def test_no_coding_is_asked_for_and_no_account_is_named(send: Send) -> None:
    recording, _ = recorded(
        send, lambda _: httpx.Response(200), **{"OpenAI-Organization": "o", "OpenAI-Project": "p", "X-Own": "1"}
    )
    sent = dict(recording.sent_headers)
    assert (sent["accept-encoding"], sent["x-own"]) == ("identity", "1")
    assert not {"openai-organization", "openai-project"} & set(sent)


@each_client
def test_a_coding_is_recorded_and_not_undone(send: Send) -> None:
    packed = gzip.compress(b"x" * 1000)
    coded = {"content-encoding": "gzip"}
    recording, response = recorded(
        send, lambda _: httpx.Response(200, headers=coded, stream=httpx.ByteStream(packed))
    )
    assert response.content == packed
    assert ("content-encoding", "gzip") in recording.headers


@each_client
def test_a_redirection_is_recorded_and_not_followed(send: Send) -> None:
    recording, response = recorded(send, lambda _: httpx.Response(307, headers={"location": "/other"}))
    assert (response.status_code, recording.status, recording.requests) == (307, 307, 1)
    assert ("location", "/other") in recording.headers


@each_client
def test_a_long_body_is_read_up_to_the_limit(send: Send) -> None:
    recording, response = recorded(send, lambda _: httpx.Response(200, content=b"x" * MAX_BODY_BYTES))
    assert len(response.content) == MAX_BODY_BYTES
    assert recording.finished
    with pytest.raises(BodyTooLargeError, match=str(MAX_BODY_BYTES)):
        recorded(send, lambda _: httpx.Response(200, content=b"x" * (MAX_BODY_BYTES + 1)))


@each_client
def test_of_many_headers_the_first_are_recorded(send: Send) -> None:
    headers = [(f"x-{number}", "1") for number in range(200)]
    recording, _ = recorded(send, lambda _: httpx.Response(200, headers=headers))
    assert recording.headers == headers[:100]


def test_another_body_is_sent_in_place_of_the_clients() -> None:
    heard: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        heard.append(request)
        return httpx.Response(200)

    transport = RecordingTransport(httpx.MockTransport(answer), body_override="\u2603!")
    recording = transport.begin(DEADLINE)
    send_sync(transport, {"x-own": "1"})
    [request] = heard
    assert request.content == recording.sent == b"\xe2\x98\x83!"
    assert (request.headers["content-length"], request.headers["x-own"]) == ("4", "1")


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[float]]:
    """The time, in one element that a test may change."""
    now = [100.0]
    with monkeypatch.context() as patch:
        patch.setattr(time, "monotonic", lambda: now[0])
        yield now


def test_the_time_of_a_request_begins_when_it_is_sent(clock: list[float]) -> None:
    recording = Recording(DEADLINE)
    clock[0] += 5
    recording.record_request(httpx.Request("GET", URL))
    clock[0] += 3
    assert (recording.seconds, recording.seconds_left) == (3, DEADLINE - 3)
    recording.record_chunk(b"a")
    assert recording.chunks == [(3, "a")]


def test_a_chunk_that_arrives_after_the_deadline_is_recorded_and_the_last(clock: list[float]) -> None:
    recording = Recording(DEADLINE)
    clock[0] += DEADLINE
    with pytest.raises(httpx.ReadTimeout):
        recording.record_chunk(b"a")
    assert (recording.chunks, recording.finished) == ([(DEADLINE, "a")], False)
