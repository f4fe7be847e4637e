"""Each fault of the miniature /v1/responses shows in some answer, and what is legal changes no text."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import httpx
import pytest

from .honours import SMALL_MODEL
from .interface import Server
from .proxy import honest
from .responses_faults import FIELD_FAULTS, LEGAL, OBJECT_FAULTS
from .responses_stream_faults import STREAM_FAULTS
from .test_responses import BODY, REQUESTS
from .transport import BASE_URL, InProcess

LONG = {
    "model": SMALL_MODEL,
    "input": [{"role": "user", "content": "about " * 600}, {"role": "user", "content": "Hi"}],
}
PARTS = [{"type": "input_text", "text": "Hi"}, {"type": "input_text", "text": "Ho"}]
PICTURE = {"type": "input_image", "image_url": "data:image/png;base64,iVBORw0KGgo="}
CALL, BOTH = REQUESTS["call"], REQUESTS["two calls"]["tools"]
OUTPUT = {"type": "function_call_output", "call_id": "call_1", "output": "zq"}
SHOWN = [
    *REQUESTS.values(),
    {"input": [{"role": "user", "content": [*PARTS, PICTURE]}]},
    {"input": [{"role": "user", "content": PARTS}]},
    {**CALL, "tool_choice": {"type": "function", "name": "get_weather"}, "tools": BOTH[::-1]},
    {**CALL, "input": [*CALL["input"][:2], OUTPUT]},
    {"temperature": 0.5, "top_p": 0.001, "tool_choice": "none"},
    LONG,
]
"""Requests, in at least one of which each fault must show."""

VOLATILE = re.compile(r'"(obfuscation|encrypted_content)": ?"?[^",}]*"?')
ID = re.compile(r"\b([a-z]+_)[0-9a-f]{24,32}\b")


def settled(text: str, names: dict[str, str]) -> str:
    """The text without what is random or a time; ids are numbered in the order in which they appear."""
    text = VOLATILE.sub(r'"\1"', text).replace(": ", ":").replace(", ", ",")
    text = re.sub(r'"(created|completed)_at":\d{10}\b', r'"\1_at":1', text)
    return ID.sub(lambda found: names.setdefault(found[0], f"{found[1]}{len(names)}"), text)


def client(server: Server) -> httpx.Client:
    return httpx.Client(transport=InProcess(server), base_url=BASE_URL)


def raw_answers(http: httpx.Client, *, stream: bool) -> Iterator[httpx.Response]:
    """What the server says to each request, to some that go on from others, and of what it keeps."""
    for fields in SHOWN:
        yield http.post("/responses", json={**BODY, **fields, "stream": stream})
    first = http.post("/responses", json={**BODY, "instructions": "zq"}).json()
    begun = http.post("/conversations", json={"items": [{"role": "user", "content": "zq"}]}).json()
    for fields in ({"previous_response_id": first["id"]}, {"conversation": begun["id"]}):
        yield http.post("/responses", json={**BODY, **fields, "stream": stream})
    forgotten = http.post("/responses", json={**BODY, "store": False}).json()
    for each in (first, forgotten):
        yield http.get(f"/responses/{each['id']}")


def answers(server: Server, *, stream: bool) -> Iterator[str]:
    names: dict[str, str] = {}
    return (settled(answer.text, names) for answer in raw_answers(client(server), stream=stream))


@cache
def honest_answers(*, stream: bool) -> list[str]:
    return list(answers(honest(), stream=stream))


def differs(server: Server, *, stream: bool) -> bool:
    return any(
        one != other for one, other in zip(answers(server, stream=stream), honest_answers(stream=stream), strict=True)
    )


def test_an_honest_server_says_the_same_again() -> None:
    assert not any(differs(honest(), stream=stream) for stream in (False, True))


@pytest.mark.parametrize("name", STREAM_FAULTS)
def test_a_fault_shows_in_some_stream_and_in_no_plain_answer(name: str) -> None:
    _, maker = STREAM_FAULTS[name]
    assert differs(maker(), stream=True)
    plain, honestly = (
        settled(client(server).post("/responses", json={**BODY, **REQUESTS["call"]}).text, {})
        for server in (maker(), honest())
    )
    assert plain == honestly


@pytest.mark.parametrize("name", [*FIELD_FAULTS, *OBJECT_FAULTS])
def test_a_fault_shows_in_some_plain_answer(name: str) -> None:
    _, maker = (FIELD_FAULTS | OBJECT_FAULTS)[name]
    assert differs(maker(), stream=False)


@pytest.mark.parametrize("name", LEGAL)
def test_what_is_legal_shows_too_and_loses_nothing(name: str) -> None:
    server: Callable[[], Server] = LEGAL[name]
    assert any(differs(server(), stream=stream) for stream in (False, True))
    plain = client(server()).post("/responses", json=BODY).json()
    assert (plain["status"], len(plain["output"])) == ("incomplete", 1)


def test_items_that_are_interleaved_keep_their_order() -> None:
    body = {**BODY, **REQUESTS["text beside a call"], "stream": True}
    text = client(LEGAL["interleaved_items"]()).post("/responses", json=body).text
    events: list[Any] = [json.loads(piece.partition("data: ")[2]) for piece in text.split("\n\n")[:-1]]
    places = [event["output_index"] for event in events if "output_index" in event]
    assert places[:4] == [0, 1, 0, 1]
    assert [event["sequence_number"] for event in events] == list(range(len(events)))
