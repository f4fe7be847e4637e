"""Streams of /v1/responses as lists of events, which tests leave out, repeat, move and change.

Events are numbered when they are written out, so that one that is taken away leaves no gap.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from conformance.wire.exchange import Call

from .rule_samples import NOW, STREAM_HEAD, Sample

Event = dict[str, Any]
Events = list[Event]

USAGE = {
    "input_tokens": 5,
    "input_tokens_details": {"cached_tokens": 2},
    "output_tokens": 16,
    "output_tokens_details": {"reasoning_tokens": 3},
    "total_tokens": 21,
}
ASKED = {"model": "m", "input": "Hi", "max_output_tokens": 16, "temperature": 0}
TOOL_ASKED = {**ASKED, "tools": [{"type": "function", "name": "get_weather", "parameters": None, "strict": None}]}


def call(**fields: Any) -> Call:
    """A greedy request of sixteen tokens."""
    return Call(path="/responses", body={**ASKED, **fields})


def response(status: str = "completed", output: Sequence[Any] = (), **members: Any) -> dict[str, Any]:
    """A response, as plain answers are and as events hold it."""
    ended = status in ("completed", "incomplete")
    return {
        "id": "resp_1",
        "object": "response",
        "created_at": NOW,
        "completed_at": NOW + 1 if status == "completed" else None,
        "status": status,
        "error": {"code": "server_error", "message": "out of memory"} if status == "failed" else None,
        "incomplete_details": {"reason": "max_output_tokens"} if status == "incomplete" else None,
        "model": "m",
        "output": list(output),
        "usage": USAGE if ended else None,
        "instructions": None,
        "metadata": {},
        "parallel_tool_calls": True,
        "tool_choice": "auto",
        "tools": [],
        **members,
    }


DEFAULTS: dict[str, Any] = {
    "background": False,
    "max_output_tokens": 16,
    "max_tool_calls": None,
    "previous_response_id": None,
    "reasoning": {"effort": None, "summary": None},
    "service_tier": "default",
    "store": True,
    "temperature": 0,
    "text": {"format": {"type": "text"}},
    "top_logprobs": 0,
    "top_p": 1,
    "truncation": "disabled",
}
"""Members that every response of OpenAI has, and no client needs."""


# Items, whole


def text_part(text: str, **members: Any) -> dict[str, Any]:
    return {"type": "output_text", "text": text, "annotations": [], "logprobs": [], **members}


def message(*parts: Any, name: str = "msg_1", status: str = "completed") -> dict[str, Any]:
    return {"type": "message", "id": name, "status": status, "role": "assistant", "content": list(parts)}


def function_call(
    arguments: str = '{"city":"Rome"}', name: str = "fc_1", status: str = "completed"
) -> dict[str, Any]:
    return {
        "type": "function_call",
        "id": name,
        "call_id": f"call_{name}",
        "name": "get_weather",
        "arguments": arguments,
        "status": status,
    }


def custom_call(text: str = "a b", name: str = "ctc_1") -> dict[str, Any]:
    call_id = f"call_{name}"
    return {
        "type": "custom_tool_call",
        "id": name,
        "call_id": call_id,
        "name": "t",
        "input": text,
        "status": "completed",
    }


def thoughts(*summary: str, content: Sequence[str] = (), name: str = "rs_1") -> dict[str, Any]:
    return {
        "type": "reasoning",
        "id": name,
        "summary": [{"type": "summary_text", "text": text} for text in summary],
        "content": [{"type": "reasoning_text", "text": text} for text in content],
    }


# Their events


def added(index: int, item: Event) -> Event:
    """The event that adds an item: nothing is in it yet."""
    empty = {"content": [], "summary": [], "arguments": "", "input": "", "status": "in_progress"}
    begun = {**item, **{name: value for name, value in empty.items() if name in item}}
    return {"type": "response.output_item.added", "output_index": index, "item": begun}


def done(index: int, item: Event) -> Event:
    return {"type": "response.output_item.done", "output_index": index, "item": item}


def _pieces(text: str) -> list[str]:
    """A text in two pieces at least."""
    middle = max(1, len(text) // 2)
    return [text[:middle], text[middle:]]


def _part(kind: str, at: Event, text: str, member: str, part: Any = None, frame: str = "") -> Events:
    """The events of a part: surrounded by those of a frame, where it has one."""
    deltas = [{"type": f"{kind}.delta", **at, "delta": piece} for piece in _pieces(text)]
    whole = {"type": f"{kind}.done", **at, member: text}
    if not frame:
        return [*deltas, whole]
    empty = {**part, **{name: type(value)() for name, value in part.items() if name != "type"}}
    return [
        {"type": f"{frame}.added", **at, "part": empty},
        *deltas,
        whole,
        {"type": f"{frame}.done", **at, "part": part},
    ]


def _content(at: Event, number: int, part: Event) -> Events:
    where = {**at, "content_index": number}
    member = "refusal" if part["type"] == "refusal" else "text"
    kind = "response.refusal" if member == "refusal" else "response.output_text"
    return _part(kind, where, part[member], member, part, "response.content_part")


def events_of(index: int, item: Event) -> Events:
    """All events of an item."""
    at = {"item_id": item["id"], "output_index": index}
    inner: Events = []
    if item["type"] == "message":
        inner = [event for number, part in enumerate(item["content"]) for event in _content(at, number, part)]
    elif item["type"] == "function_call":
        inner = _part("response.function_call_arguments", at, item["arguments"], "arguments")
    elif item["type"] == "custom_tool_call":
        inner = _part("response.custom_tool_call_input", at, item["input"], "input")
    elif item["type"] == "reasoning":
        for number, part in enumerate(item["summary"]):
            where = {**at, "summary_index": number}
            frame = "response.reasoning_summary_part"
            inner += _part("response.reasoning_summary_text", where, part["text"], "text", part, frame)
        for number, part in enumerate(item["content"]):
            inner += _part("response.reasoning_text", {**at, "content_index": number}, part["text"], "text")
    return [added(index, item), *inner, done(index, item)]


def lifecycle(kind: str, **members: Any) -> Event:
    """An event about the response."""
    status = {"created": "in_progress"}.get(kind, kind)
    return {"type": f"response.{kind}", "response": response(status, **members)}


def stream(*items: Event, end: str = "completed") -> Events:
    """A whole stream of some items, one after the other."""
    inner = [event for index, item in enumerate(items) for event in events_of(index, item)]
    return around(inner, *items, end=end)


def around(inner: Events, *items: Event, end: str = "completed") -> Events:
    """A whole stream: events of items, with those about the response around them."""
    return apart([lifecycle("created"), lifecycle("in_progress"), *inner, lifecycle(end, output=items)])


def apart(events: Sequence[Event]) -> Events:
    """The events, of which no two hold the same object: a change of one is no change of another."""
    found: Events = json.loads(json.dumps(events))
    return found


TEXT = message(text_part("One two three"))
SPEECH = stream(TEXT)
CALL = stream(function_call())
BOTH = stream(message(text_part("Let me check.")), function_call())
THOUGHT = stream(thoughts("I think", "so I am", content=["Well, then"]), TEXT)


# Written out


def write(events: Sequence[Event], **fields: Any) -> Sample:
    """The sample of a stream: its events are numbered, and named after their type."""
    return write_as_is(number(events), **fields)


def number(events: Sequence[Event]) -> Events:
    """The events with their numbers, from 0."""
    return [{**event, "sequence_number": place} for place, event in enumerate(events)]


def write_as_is(events: Sequence[Event], **fields: Any) -> Sample:
    """The sample of a stream whose events already have their numbers, or none."""
    blocks = (f"event: {event.get('type', '')}\ndata: {compact(event)}\n\n" for event in events)
    return Sample(call=call(stream=True, **fields), wire=STREAM_HEAD + "".join(blocks))


def compact(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def having(events: Events, kind: str) -> list[int]:
    """Where the events of a type are."""
    return [place for place, event in enumerate(events) if event["type"] == f"response.{kind}"]


def without(events: Events, *kinds: str) -> Events:
    """The stream without its events of some types."""
    return [event for event in events if event["type"].removeprefix("response.") not in kinds]


def changed(events: Events, kind: str, edit: Callable[[Event], Any], nth: int = 0) -> Events:
    """The stream with one event of a type edited in place."""
    found = apart(events)
    edit(found[having(found, kind)[nth]])
    return found


def each_changed(events: Events, edit: Callable[[Event], Any]) -> Events:
    """The stream with every event edited in place."""
    found = apart(events)
    for event in found:
        edit(event)
    return found


def put(*path: str | int, value: Any) -> Callable[[Any], None]:
    """An edit that puts a value at a path."""

    def edit(event: Any) -> None:
        for step in path[:-1]:
            event = event[step]
        event[path[-1]] = value

    return edit


def drop(*names: str) -> Callable[[Any], None]:
    """An edit that takes members away from an event, and from the response that it holds."""

    def edit(event: Any) -> None:
        for holder in (event, event.get("response")):
            for name in names if isinstance(holder, dict) else ():
                holder.pop(name, None)

    return edit


def complete(event: Event) -> None:
    """Put in what every event of OpenAI has, and no client needs."""
    if "response" in event:
        event["response"] = {**DEFAULTS, **event["response"]}
    if event["type"].startswith("response.output_text."):
        event["logprobs"] = []


def interleaved(first: Events, second: Events) -> Iterator[Event]:
    """The events of two lists, in turn."""
    for one, other in zip(first, second, strict=False):
        yield one
        yield other
    shorter = min(len(first), len(second))
    yield from first[shorter:]
    yield from second[shorter:]
