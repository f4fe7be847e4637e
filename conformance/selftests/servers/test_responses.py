"""The miniature /v1/responses: its streams, what it keeps, the routes below it. Its fields: `test_servers.py`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import httpx
import pytest
from pydantic import BaseModel

from conformance.judge.schema import violations

from .asking import HTTP, PROSE, SDK, WORDS, chat, refused, respond
from .honours import SMALL_MODEL, HonoursEverything
from .native import SMALL, NativeServer
from .responses_witnesses import BESIDE, EXAMPLES, TIME_TOOL, WEATHER_TOOL, absent, calls, kinds, picture, user
from .transport import BASE_URL, InProcess

BODY: dict[str, Any] = {"model": "mini", "input": PROSE[0], "temperature": 0, "max_output_tokens": WORDS}
CUSTOM = {"type": "custom", "name": "note"}
SCHEMA = {"type": "json_schema", "name": "zq", "schema": {"enum": ["v7"]}}
REQUESTS: dict[str, dict[str, Any]] = {
    "text": {},
    "whole": {"max_output_tokens": 200},
    "logprobs": {"include": ["message.output_text.logprobs"], "top_logprobs": 2},
    "call": {"input": EXAMPLES, "tools": [WEATHER_TOOL]},
    "text beside a call": {"input": BESIDE, "tools": [WEATHER_TOOL], "max_output_tokens": 48},
    "call that is cut": {"input": BESIDE, "tools": [WEATHER_TOOL], "max_output_tokens": 18},
    "two calls": {
        "input": "Call get_weather and get_time for Oslo.",
        "tools": [WEATHER_TOOL, TIME_TOOL],
        "max_output_tokens": 64,
    },
    "custom": {"input": "note this", "tools": [CUSTOM], "tool_choice": {"type": "custom", "name": "note"}},
    "thoughts": {"reasoning": {"effort": "low"}},
    "summary": {
        "reasoning": {"effort": "low", "summary": "auto"},
        "include": ["reasoning.encrypted_content"],
        "max_output_tokens": 200,
    },
    "only thoughts": {"reasoning": {"effort": "max"}},
    "thoughts and a call": {
        "input": EXAMPLES,
        "tools": [WEATHER_TOOL],
        "reasoning": {"effort": "low"},
        "max_output_tokens": 64,
    },
    "format": {"text": {"format": SCHEMA}},
    "search": {"tools": [{"type": "web_search"}], "max_output_tokens": 200},
    "hosted": {
        "tools": [
            {"type": "file_search", "vector_store_ids": ["vs_1"]},
            {"type": "code_interpreter", "container": {"type": "auto"}},
            {"type": "image_generation"},
            {"type": "mcp", "server_label": "zq", "server_url": "https://mcp.example"},
        ]
    },
    "background": {"background": True},
    "all settings": {
        "instructions": "zq",
        "max_tool_calls": 3,
        "metadata": {"zq": "1"},
        "moderation": {"model": "m"},
        "parallel_tool_calls": False,
        "prompt_cache_key": "zq",
        "prompt_cache_retention": "24h",
        "reasoning": {"effort": "low"},
        "safety_identifier": "zq",
        "service_tier": "flex",
        "store": True,
        "temperature": 0.5,
        "text": {"verbosity": "low"},
        "tool_choice": "none",
        "tools": [WEATHER_TOOL],
        "top_logprobs": 2,
        "top_p": 0.0,
        "truncation": "auto",
        "user": "zq",
        "image": {"context_compression": "auto"},
    },
}


def events_of(response: httpx.Response) -> list[dict[str, Any]]:
    assert response.headers["content-type"].startswith("text/event-stream")
    *pieces, rest = response.text.split("\n\n")
    assert rest == ""
    found = []
    for piece in pieces:
        head, data = piece.split("\n")
        event = json.loads(data.removeprefix("data: "))
        assert head == f"event: {event['type']}"
        found.append(event)
    return found


def streamed(**fields: Any) -> list[dict[str, Any]]:
    return events_of(HTTP.post("/responses", json={**BODY, **fields, "stream": True}))


CHANGING = {"id", "item_id", "call_id", "created_at", "completed_at", "encrypted_content", "obfuscation"}


def lasting(value: Any) -> Any:
    """The value without what differs in each answer."""
    if isinstance(value, Mapping):
        return {name: lasting(each) for name, each in value.items() if name not in CHANGING}
    return [lasting(each) for each in value] if isinstance(value, list) else value


@pytest.mark.parametrize("fields", REQUESTS.values(), ids=REQUESTS)
def test_a_plain_answer_is_what_its_stream_ends_with_and_both_obey_their_schemas(fields: dict[str, Any]) -> None:
    events = streamed(**fields)
    assert [violation for event in events for violation in violations("response_stream_event", event)] == []
    plain = HTTP.post("/responses", json={**BODY, **fields}).json()
    if fields.get("background"):
        HTTP.get(f"/responses/{plain['id']}")
        plain = HTTP.get(f"/responses/{plain['id']}").json()
    assert list(violations("response", plain)) == []
    assert lasting(plain) == lasting(events[-1]["response"])


PAIRS = {
    "output_item.added": "output_item.done",
    "content_part.added": "content_part.done",
    "reasoning_summary_part.added": "reasoning_summary_part.done",
    "output_text.delta": "output_text.done",
    "reasoning_text.delta": "reasoning_text.done",
    "reasoning_summary_text.delta": "reasoning_summary_text.done",
    "function_call_arguments.delta": "function_call_arguments.done",
    "custom_tool_call_input.delta": "custom_tool_call_input.done",
}
TEXTS = ("text", "arguments", "input")


@pytest.mark.parametrize("fields", REQUESTS.values(), ids=REQUESTS)
def test_a_stream_keeps_its_grammar(fields: dict[str, Any]) -> None:
    events = streamed(**fields)
    assert [event["sequence_number"] for event in events] == list(range(len(events)))
    names = [event["type"].removeprefix("response.") for event in events]
    assert names[: 3 if fields.get("background") else 2] == [
        "created",
        *(["queued"] if fields.get("background") else []),
        "in_progress",
    ]
    ends = [name for name in names if name in ("completed", "incomplete", "failed")]
    assert ends == [events[-1]["response"]["status"]]
    opened: dict[tuple[str, int], str] = {}
    for name, event in zip(names, events, strict=True):
        place = event.get("output_index", -1)
        if name in PAIRS:
            opened.setdefault((PAIRS[name], place), "")
            opened[PAIRS[name], place] += event.get("delta", "")
        elif name in PAIRS.values() and name.split(".")[0] != "output_item":
            joined = opened.pop((name, place), "")
            text = next((event[key] for key in TEXTS if key in event), None)
            assert text is None or text == joined
        elif name == "output_item.done":
            assert not [key for key in opened if key[1] == place and key[0] != name], "a part is still open"
            opened.pop((name, place))
            assert events[-1]["response"]["output"][place] == event["item"]
    assert opened == {}


@pytest.mark.parametrize("name", [name for name in REQUESTS if name != "background"])
def test_the_stream_helper_of_the_sdk_takes_every_stream(name: str) -> None:
    fields = {**BODY, **REQUESTS[name]}
    with SDK.responses.stream(**fields) as stream:
        events = list(stream)
        assert events[-1].response.output is not None
        if events[-1].type == "response.completed":
            assert stream.get_final_response().output_text == respond(fields.pop("input"), **fields).output_text


def test_the_helper_joins_text_and_call() -> None:
    with SDK.responses.stream(**{**BODY, **REQUESTS["text beside a call"]}) as stream:
        final = stream.get_final_response()
    assert final.output_text == "Let me check."
    assert calls(final) == [("get_weather", {"city": "London"})]


def test_parse() -> None:
    class Bread(BaseModel):
        grain: str

    answer = SDK.responses.parse(model="mini", input="Hi", text_format=Bread, max_output_tokens=64)
    assert isinstance(answer.output_parsed, Bread)


@pytest.mark.parametrize("prompt", PROSE)
def test_a_conversation_is_the_same_by_chat(prompt: str) -> None:
    turns = [
        {"role": "system", "content": "zq"},
        user(prompt),
        {"role": "assistant", "content": "zq"},
        user("Go on"),
    ]
    for conversation in ([user(prompt)], turns):
        one, other = respond(conversation), chat(conversation)
        assert one.output_text == other.choices[0].message.content
        assert one.usage.input_tokens == other.usage.prompt_tokens
        assert one.usage.output_tokens == other.usage.completion_tokens


# What is kept


def test_a_kept_response_is_found_until_it_is_deleted() -> None:
    kept = respond()
    assert SDK.responses.retrieve(kept.id).to_dict() == kept.to_dict()
    assert HTTP.delete(f"/responses/{kept.id}").json() == {"id": kept.id, "object": "response", "deleted": True}
    for ask in (SDK.responses.retrieve, SDK.responses.delete, SDK.responses.input_items.list):
        absent(lambda ask=ask: ask(kept.id))


def test_a_streamed_response_is_kept_too() -> None:
    *_, last = streamed(metadata={"zq": "1"})
    assert HTTP.get(f"/responses/{last['response']['id']}").json() == last["response"]


def test_a_response_in_the_background_is_streamed_again_from_any_event() -> None:
    events = streamed(background=True)
    path = f"/responses/{events[0]['response']['id']}"
    again = events_of(HTTP.get(path, params={"stream": "true", "starting_after": 5}))
    assert again == events[6:]
    with SDK.responses.stream(response_id=events[0]["response"]["id"], starting_after=5) as stream:
        assert [event.sequence_number for event in stream] == [event["sequence_number"] for event in again]
    refused(lambda: list(SDK.responses.retrieve(respond().id, stream=True)), "stream")


def test_cancel() -> None:
    begun = respond(background=True, max_output_tokens=256)
    assert SDK.responses.cancel(begun.id).status == "cancelled"
    assert SDK.responses.cancel(begun.id).status == SDK.responses.retrieve(begun.id).status == "cancelled"
    refused(lambda: SDK.responses.cancel(respond().id))
    ended = respond(background=True, max_output_tokens=200)
    for _ in range(2):
        SDK.responses.retrieve(ended.id)
    refused(lambda: SDK.responses.cancel(ended.id))


def test_input_items_come_in_pages() -> None:
    asked = [user("one"), {"role": "assistant", "content": "two"}, user("three")]
    name = respond(asked).id
    listed = SDK.responses.input_items.list(name, order="asc").data
    assert [item.content[0].text for item in listed] == ["one", "two", "three"]
    assert len({item.id for item in listed}) == 3
    newest = SDK.responses.input_items.list(name)
    assert [item.id for item in newest.data] == [item.id for item in reversed(listed)]
    assert (newest.first_id, newest.last_id, newest.has_more) == (listed[2].id, listed[0].id, False)
    first = SDK.responses.input_items.list(name, limit=1)
    assert (len(first.data), first.has_more) == (1, True)
    rest = SDK.responses.input_items.list(name, after=first.last_id)
    assert [item.id for item in [*first.data, *rest.data]] == [item.id for item in newest.data]
    assert [item.id for item in SDK.responses.input_items.list(name, limit=1)] == [item.id for item in newest.data]
    refused(lambda: SDK.responses.input_items.list(name, limit=0), "limit")
    refused(lambda: SDK.responses.input_items.list(name, order="zz"), "order")


def test_pictures_are_listed_where_they_are_asked_for() -> None:
    name = respond([user([picture(b"zq")])]).id
    for include in ([], ["message.input_image.image_url"]):
        part = SDK.responses.input_items.list(name, include=include).data[0].content[0]
        assert bool(part.image_url) == bool(include)


def test_an_item_is_referred_to() -> None:
    first = respond("about above actor")
    name = SDK.responses.input_items.list(first.id).data[0].id
    again = respond([{"type": "item_reference", "id": name}])
    assert again.output_text == first.output_text
    assert respond([{"id": first.output[0].id}, user("Hi")]).usage.input_tokens > respond("Hi").usage.input_tokens
    absent(lambda: respond([{"type": "item_reference", "id": "msg_zz"}]))


def test_a_tools_result_is_enough_where_the_call_is_kept() -> None:
    first = respond(EXAMPLES, tools=[WEATHER_TOOL])
    output = {"type": "function_call_output", "call_id": first.output[0].call_id, "output": "ZQ-417"}
    assert respond([output], previous_response_id=first.id).output_text
    refused(lambda: respond([output]), "input")


# What is counted and made small


@pytest.mark.parametrize("name", ["text", "call", "format"])
def test_input_tokens_are_those_of_a_response(name: str) -> None:
    fields = {**BODY, "instructions": "zq", **REQUESTS[name]}
    used = HTTP.post("/responses", json=fields).json()["usage"]["input_tokens"]
    asked = {key: value for key, value in fields.items() if key not in ("temperature", "max_output_tokens")}
    counted = SDK.responses.input_tokens.count(**asked)
    assert (counted.object, counted.input_tokens) == ("response.input_tokens", used)


def test_compact() -> None:
    turns: list[Any] = [user("about above"), {"role": "assistant", "content": "actor adult"}, user("after")]
    made = SDK.responses.compact(model="mini", input=turns)
    assert made.object == "response.compaction"
    assert kinds(made) == ["message", "message", "compaction"]
    assert made.usage.input_tokens == respond(turns).usage.input_tokens
    given = HTTP.post("/responses/compact", json={"model": "mini", "input": turns}).json()["output"]
    new = respond("Go on").usage.input_tokens
    assert respond([*given, user("Go on")]).usage.input_tokens > new
    assert respond([given[-1], user("Go on")]).usage.input_tokens > new
    refused(lambda: respond([{"type": "compaction", "encrypted_content": "zq"}, user("Hi")]), "input")


@pytest.mark.parametrize(("server", "model"), [(HonoursEverything(), SMALL_MODEL), (NativeServer(), SMALL)])
def test_a_small_context_drops_old_turns_only_where_it_is_told_to(server: Any, model: str) -> None:
    http = httpx.Client(transport=InProcess(server), base_url=BASE_URL)
    turn = " ".join(["about"] * 100)
    body = {**BODY, "model": model, "input": [*[user(turn) for _ in range(7)], user("Hi")], "max_output_tokens": 16}
    refusal = http.post("/responses", json=body)
    assert (refusal.status_code, refusal.json()["error"]["code"]) == (400, "context_length_exceeded")
    fitted = http.post("/responses", json={**body, "truncation": "auto"})
    assert 300 < fitted.json()["usage"]["input_tokens"] < 512
    alone = http.post("/responses", json={**body, "input": " ".join([turn] * 6), "truncation": "auto"})
    assert alone.json()["error"]["code"] == "context_length_exceeded"


# Conversations


def test_a_conversation_has_items_and_metadata() -> None:
    made = SDK.conversations.create(items=[{"type": "message", **user("one")}], metadata={"zq": "1"})
    assert SDK.conversations.retrieve(made.id) == made
    assert SDK.conversations.update(made.id, metadata={"zq": "2"}).metadata == {"zq": "2"}
    added = SDK.conversations.items.create(made.id, items=[{"type": "message", **user("two")}]).data
    listed = SDK.conversations.items.list(made.id).data
    assert [item.content[0].text for item in listed] == ["two", "one"]
    assert SDK.conversations.items.retrieve(added[0].id, conversation_id=made.id).id == listed[0].id
    assert SDK.conversations.items.delete(added[0].id, conversation_id=made.id).id == made.id
    assert [item.id for item in SDK.conversations.items.list(made.id)] == [listed[1].id]
    absent(lambda: SDK.conversations.items.retrieve(added[0].id, conversation_id=made.id))
    assert SDK.conversations.delete(made.id).deleted
    absent(lambda: SDK.conversations.retrieve(made.id))
