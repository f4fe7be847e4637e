"""Streams of /v1/responses with one fault each, and streams that are legal and look as if they were not."""

from __future__ import annotations

from typing import Any

from .response_events import (
    BOTH,
    CALL,
    SPEECH,
    TEXT,
    THOUGHT,
    USAGE,
    Event,
    Events,
    added,
    around,
    call,
    changed,
    custom_call,
    done,
    drop,
    each_changed,
    events_of,
    function_call,
    having,
    interleaved,
    lifecycle,
    message,
    number,
    put,
    response,
    stream,
    text_part,
    thoughts,
    without,
    write,
    write_as_is,
)
from .response_stream_pairs import with_logprobs
from .rule_samples import Sample

# What clients were seen to fail at, one fault each


def numbered(events: Events, count: Any) -> Sample:
    return write_as_is([{**event, "sequence_number": count(number)} for number, event in enumerate(events)])


def one_index(events: Events) -> Events:
    """All items at index 0."""
    return each_changed(events, lambda event: event.update(output_index=0) if "output_index" in event else None)


def renamed_when_done(events: Events) -> Events:
    return changed(events, "output_item.done", put("item", "id", value="msg_other"))


def one_id_when_done(event: Event) -> None:
    if event["type"] == "response.output_item.done":
        event["item"]["id"] = "zq_1"


def changed_id(events: Events) -> Events:
    return changed(events, "completed", put("response", "id", value="resp_2"))


def reordered(events: Events) -> Events:
    return changed(events, "completed", lambda event: event["response"]["output"].reverse())


FAULTS: dict[str, tuple[Sample, set[str]]] = {
    "no sequence_number": (write_as_is(SPEECH), {"sequence_number"}),
    "numbers from 1": (numbered(SPEECH, lambda number: number + 1), {"sequence_number"}),
    "a gap in the numbers": (numbered(SPEECH, lambda number: number + (number > 3)), {"sequence_number"}),
    "numbers for each type": (numbered(SPEECH, lambda _: 0), {"sequence_number"}),
    "output null at the end": (
        write(changed(SPEECH, "completed", put("response", "output", value=None))),
        {"empty_output"},
    ),
    "output_item.done missing": (write(without(SPEECH, "output_item.done")), {"items_paired"}),
    "output empty at the end": (
        write(changed(SPEECH, "completed", put("response", "output", value=[]))),
        {"output_order"},
    ),
    "created missing": (write(without(SPEECH, "created")), {"created_first"}),
    "in_progress missing": (write(without(SPEECH, "in_progress")), {"created_first"}),
    "output_item.added missing": (write(without(SPEECH, "output_item.added")), {"items_paired"}),
    "content_part.added missing": (write(without(SPEECH, "content_part.added")), {"parts_paired"}),
    "content_part.done missing": (write(without(SPEECH, "content_part.done")), {"parts_paired"}),
    "no part events": (write(without(SPEECH, "content_part.added", "content_part.done")), {"parts_paired"}),
    "output_text.done missing": (write(without(SPEECH, "output_text.done")), {"parts_paired"}),
    "no deltas": (write(without(SPEECH, "output_text.delta")), {"deltas_join"}),
    "one id for all items that are done": (
        write(each_changed(BOTH, one_id_when_done)),
        {"items_paired", "text_beside_call"},
    ),
    "two items at one output_index": (write(one_index(BOTH)), {"indices", "text_beside_call"}),
    "output_index missing": (write(each_changed(SPEECH, drop("output_index"))), {"indices"}),
    "output_index missing, two items": (
        write(each_changed(BOTH, drop("output_index"))),
        {"indices", "text_beside_call"},
    ),
    "content_index missing": (write(each_changed(SPEECH, drop("content_index"))), {"indices"}),
    "item_id missing": (write(each_changed(SPEECH, drop("item_id"))), {"indices"}),
    "all indices missing": (
        write(each_changed(SPEECH, drop("output_index", "content_index", "item_id"))),
        {"indices"},
    ),
    "a gap in the indices": (
        write(each_changed(SPEECH, lambda event: event.update(output_index=1) if "output_index" in event else None)),
        {"indices"},
    ),
    "response id changes": (write(changed_id(SPEECH)), {"lifecycle_response"}),
    "item id changes": (write(renamed_when_done(SPEECH)), {"items_paired"}),
    "item type changes": (
        write(changed(SPEECH, "output_item.done", put("item", "type", value="reasoning"))),
        {"items_paired"},
    ),
    "no created_at, no model": (
        write(each_changed(SPEECH, drop("created_at", "model"))),
        {"lifecycle_response/details"},
    ),
    "created_at changes": (
        write(changed(SPEECH, "completed", put("response", "created_at", value=7))),
        {"lifecycle_response/details"},
    ),
    "completed holding incomplete": (
        write(changed(SPEECH, "completed", put("response", "status", value="incomplete"))),
        {"terminal"},
    ),
    "completed holding an incomplete item": (
        write(changed(SPEECH, "completed", put("response", "output", 0, "status", value="incomplete"))),
        {"terminal"},
    ),
    "final output in another order": (write(reordered(BOTH)), {"output_order", "text_beside_call"}),
    "final output lacks the text": (
        write(changed(BOTH, "completed", lambda event: event["response"]["output"].pop(0))),
        {"output_order", "text_beside_call"},
    ),
    "no function_call_arguments.done": (
        write(without(CALL, "function_call_arguments.done")),
        {"function_call_arguments"},
    ),
    "no argument deltas": (write(without(CALL, "function_call_arguments.delta")), {"deltas_join"}),
    "arguments that are no JSON": (write(stream(function_call('{"city":'))), {"deltas_join"}),
    "no usage": (write(each_changed(SPEECH, drop("usage"))), {"usage"}),
    "usage from the start": (write(changed(SPEECH, "created", put("response", "usage", value=USAGE))), {"usage"}),
    "ends without a terminal event": (write(without(SPEECH, "completed")), {"terminal"}),
    "ends in the middle": (write(SPEECH[:5]), {"terminal"}),
    "two terminal events": (write([*SPEECH, lifecycle("completed", output=[TEXT])]), {"terminal"}),
    "an event after the end": (write([*SPEECH, lifecycle("in_progress")]), {"terminal"}),
    "item never closed before a call": (
        write([event for event in BOTH if event is not BOTH[having(BOTH, "output_item.done")[0]]]),
        {"items_paired", "text_beside_call"},
    ),
    "text in another item than its own": (
        write(changed(SPEECH, "output_text.delta", put("item_id", value="msg_9"))),
        {"indices"},
    ),
    "the item holds another text": (
        write(changed(SPEECH, "output_item.done", put("item", "content", 0, "text", value="One two"))),
        {"deltas_join"},
    ),
    "the response at the end holds another text": (
        write(changed(SPEECH, "completed", put("response", "output", 0, "content", 0, "text", value="One two"))),
        {"deltas_join"},
    ),
    "a delta lost": (
        write([event for number, event in enumerate(SPEECH) if number != having(SPEECH, "output_text.delta")[0]]),
        {"deltas_join"},
    ),
    "an item after its text": (write([SPEECH[0], SPEECH[1], *SPEECH[3:5], SPEECH[2], *SPEECH[5:]]), {"items_paired"}),
    "thoughts without an end": (write(without(THOUGHT, "reasoning_text.done")), {"reasoning"}),
    "a summary without an end": (write(without(THOUGHT, "reasoning_summary_text.done")), {"reasoning"}),
    "a summary without parts": (
        write(without(THOUGHT, "reasoning_summary_part.added", "reasoning_summary_part.done")),
        {"reasoning/parts"},
    ),
    "a summary's part without an end": (write(without(THOUGHT, "reasoning_summary_part.done")), {"reasoning/parts"}),
    "failed without a word": (
        write([*SPEECH[:5], {"type": "response.failed", "response": response("failed", error=None)}]),
        {"error_in_stream"},
    ),
    "goes on after an error": (
        write([*SPEECH[:5], {"type": "error", "code": "server_error", "message": "no"}, *SPEECH[5:]]),
        {"error_in_stream"},
    ),
    "no event lines": (
        Sample(call=call(stream=True), wire="\n".join(
            line for line in write(SPEECH).wire.split("\n") if not line.startswith("event:")
        )),
        {"event_names"},
    ),
    "no type": (
        Sample(call=call(stream=True), wire=write(SPEECH).wire.replace('"type":"response.', '"kind":"response.')),
        {"event_names"},
    ),
}  # fmt: skip
"""A fault in an otherwise honest stream, and the rows that it belongs to."""


# What is legal


def with_vendors(events: Events) -> list[dict[str, Any]]:
    """A vendor's event, without a number, after each."""
    return [each for event in number(events) for each in (event, {"type": "acme:progress", "percent": 7})]


def with_hosted_tool() -> Events:
    search = {"type": "web_search_call", "id": "ws_1", "status": "completed"}
    at = {"item_id": "ws_1", "output_index": 0}
    inner: Events = [
        {"type": f"response.web_search_call.{step}", **at} for step in ("in_progress", "searching", "completed")
    ]
    beside = [added(0, search), *inner, done(0, search), *events_of(1, TEXT)]
    return around(beside, search, TEXT)


def with_both_interleaved() -> Events:
    said, asked = message(text_part("Let me check.")), function_call()
    inner = list(interleaved(events_of(0, said), events_of(1, asked)))
    return around(inner, said, asked)


def with_parts_interleaved() -> Events:
    said = message(text_part("One two"), {"type": "refusal", "refusal": "no more"})
    begin, *inner, end = events_of(0, said)
    half = len(inner) // 2
    mixed = list(interleaved(inner[:half], inner[half:]))
    return around([begin, *mixed, end], said)


def cut_short() -> Events:
    said = message(text_part("One two three"), status="incomplete")
    return stream(said, end="incomplete")


def cut_in_a_call() -> Events:
    asked = function_call('{"city":', status="incomplete")
    return without(stream(asked, end="incomplete"), "function_call_arguments.done")


def annotated() -> Events:
    note = {"type": "url_citation", "url": "http://x", "start_index": 0, "end_index": 1, "title": "x"}
    events = stream(message(text_part("One two three", annotations=[note])))
    at = {"item_id": "msg_1", "output_index": 0, "content_index": 0, "annotation_index": 0, "annotation": note}
    after = having(events, "output_text.delta")[0] + 1
    return [*events[:after], {"type": "response.output_text.annotation.added", **at}, *events[after:]]


def reasoning_with_parts() -> Events:
    item = thoughts(content=["Well, then"])
    at = {"item_id": "rs_1", "output_index": 0, "content_index": 0}
    begin, *inner, end = events_of(0, item)
    part = {"type": "reasoning_text", "text": "Well, then"}
    frame = [{"type": "response.content_part.added", **at, "part": {**part, "text": ""}}]
    close = [{"type": "response.content_part.done", **at, "part": part}]
    events = [begin, *frame, *inner, *close, end]
    return around(events, item)


QUEUED = {"type": "response.queued", "response": response("queued")}
ERROR = {"type": "error", "code": "server_error", "message": "no", "param": None}
LEGAL: dict[str, Sample] = {
    "text": write(SPEECH),
    "a call": write(CALL),
    "text and a call": write(BOTH),
    "thoughts and text": write(THOUGHT),
    "a custom tool": write(stream(custom_call())),
    "nothing said": write(stream()),
    "an empty text": write(stream(message(text_part("")))),
    "two parts": write(stream(message(text_part("One"), text_part("two")))),
    "a refusal": write(stream(message({"type": "refusal", "refusal": "I will not"}))),
    "two calls": write(stream(function_call(), function_call(name="fc_2"))),
    "items interleaved": write(with_both_interleaved()),
    "parts interleaved": write(with_parts_interleaved()),
    "[DONE] at the end": Sample(call=call(stream=True), wire=write(SPEECH).wire + "data: [DONE]\n\n"),
    "[DONE] as its name too": Sample(
        call=call(stream=True), wire=write(SPEECH).wire + "event: done\ndata: [DONE]\n\n"
    ),
    "comments": Sample(call=call(stream=True), wire=write(SPEECH).wire.replace("event:", ": alive\n\nevent:")),
    "events of a vendor": write_as_is(with_vendors(SPEECH)),
    "numbered events of a vendor": write([*SPEECH[:4], {"type": "keepalive"}, *SPEECH[4:]]),
    "events of a hosted tool": write(with_hosted_tool()),
    "an event of the API that is new": write([*SPEECH[:3], {"type": "response.brand_new.delta"}, *SPEECH[3:]]),
    "obfuscation": write([{**event, "obfuscation": "x"} if "delta" in event else event for event in SPEECH]),
    "no annotations, no logprobs": write(stream(message({"type": "output_text", "text": "One two three"}))),
    "keys in another order": write([dict(reversed(event.items())) for event in SPEECH]),
    "annotations": write(annotated()),
    "cut by the limit": write(cut_short()),
    "cut in a call": write(cut_in_a_call()),
    "failed": write([*SPEECH[:5], lifecycle("failed")]),
    "an error": write([*SPEECH[:5], ERROR]),
    "an error, log probabilities": write(
        [*with_logprobs()[:5], ERROR], include=["message.output_text.logprobs"], top_logprobs=2
    ),
    "an error, then failed": write([*SPEECH[:5], ERROR, lifecycle("failed")]),
    "the envelope of an error": write_as_is([*number(SPEECH[:5]), {"error": {"message": "no"}}]),
    "an error at once": write([ERROR]),
    "queued first": write([SPEECH[0], QUEUED, *SPEECH[1:]]),
    "created as queued": write(changed(SPEECH, "created", put("response", "status", value="queued"))),
    "no usage details": write(changed(SPEECH, "completed", lambda event: event["response"].update(
        usage={"input_tokens": 5, "output_tokens": 16, "total_tokens": 21}
    ))),
    "thoughts only summed up": write(stream(thoughts("I think"), TEXT)),
    "thoughts hidden": write(stream({**thoughts(), "encrypted_content": "zq"}, TEXT)),
    "thoughts left out of the item": write(
        each_changed(stream(thoughts(content=["Well"]), TEXT), lambda event: event.get("item", {}).pop("content", 0)
                     if event.get("item", {}).get("type") == "reasoning" else 0)
    ),
    "parts of thoughts": write(reasoning_with_parts()),
}  # fmt: skip
