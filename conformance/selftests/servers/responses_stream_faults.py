"""Streams of /v1/responses with one thing wrong: what an honest one told, changed.

`STREAM_FAULTS` holds those that break a rule, `LEGAL_STREAMS` those that look odd and are right.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection
from functools import partial
from typing import Any

from .interface import Server
from .proxy import Body, without
from .responses_output import Event
from .responses_proxy import Events, ResponsesProxy

TERMINAL = ("response.completed", "response.incomplete", "response.failed")
INDICES = ("output_index", "content_index", "summary_index", "item_id")
Change = Callable[[Events], Events]


def numbered(events: Events) -> Events:
    """The events, numbered anew in the order in which they are, from the first one's number on."""
    start = min((event["sequence_number"] for event in events if "sequence_number" in event), default=0)
    return [{**event, "sequence_number": start + place} for place, event in enumerate(events)]


def dropping(*kinds: str) -> Change:
    """Events of some types never come."""
    return lambda events: numbered([event for event in events if event["type"] not in kinds])


def changing(change: Callable[[Event], Event], *kinds: str) -> Change:
    """Events of some types, or all, are changed one by one."""
    return lambda events: [change(event) if not kinds or event["type"] in kinds else event for event in events]


def changing_last(change: Callable[[Body], Body]) -> Change:
    """The response that the last event holds is changed."""
    return lambda events: [*events[:-1], {**events[-1], "response": change(events[-1]["response"])}]


def _of_second_item(event: Event) -> bool:
    return event.get("output_index") == 1


def _one_index(events: Events) -> Events:
    return [{**event, "output_index": 0} if "output_index" in event else event for event in events]


def _gaps_in_indices(events: Events) -> Events:
    return [
        {**event, "output_index": 2 * event["output_index"] + 1} if "output_index" in event else event
        for event in events
    ]


def _loses_the_text(events: Events) -> Events:
    """The message beside a call is in no response, though its events were."""
    items = events[-1]["response"]["output"]
    calls = [item for item in items if item["type"] != "message"]
    return changing_last(lambda response: {**response, "output": calls or items})(events)


def _never_closes_the_text(events: Events) -> Events:
    """The message beside a call is opened and never closed."""
    ends = ("response.output_text.done", "response.content_part.done", "response.output_item.done")
    beside = any(map(_of_second_item, events))
    return numbered(
        [event for event in events if not (beside and event["type"] in ends and event["output_index"] == 0)]
    )


def _other_id(events: Events) -> Events:
    last = events[-1]
    return [*events[:-1], {**last, "response": {**last["response"], "id": "resp_another"}}]


def _other_item_id(event: Event) -> Event:
    return {**event, "item": {**event["item"], "id": "msg_another"}}


def _cut(events: Events) -> Events:
    return events[: len(events) // 2]


def _failing(events: Events, *, tells: bool) -> Events:
    """The stream breaks off in its middle, with an event that says so or without."""
    error = {"type": "error", "code": "server_error", "message": "The server had an error.", "param": None}
    return numbered([*_cut(events), error]) if tells else _cut(events)


def _completed(events: Events) -> Events:
    """A stream that was cut by the limit ends as one that was not."""
    response = {**events[-1]["response"], "status": "completed", "incomplete_details": None}
    return [*events[:-1], {**events[-1], "type": "response.completed", "response": response}]


def _other_text(response: Body) -> Body:
    return {**response, "output": [_with_text(item, "Another text.") for item in response["output"]]}


def _with_text(item: Body, text: str) -> Body:
    if item["type"] != "message":
        return item
    return {**item, "content": [{**part, "text": text} for part in item["content"]]}


def _one_piece(events: Events) -> Events:
    """The whole text comes in one delta, behind everything else of its kind."""
    deltas = [event for event in events if event["type"] == "response.output_text.delta"]
    if len(deltas) < 2:
        return events
    whole = {**deltas[0], "delta": "".join(event["delta"] for event in deltas)}
    kept = [whole if event is deltas[0] else event for event in events if event not in deltas[1:]]
    return numbered(kept)


def _other_arguments(event: Event) -> Event:
    return {**event, "arguments": "{}"}


def _interleaved(events: Events) -> Events:
    """The events of two items come in turn, each item's in their order."""
    first = [event for event in events if event.get("output_index") == 0]
    second = [event for event in events if event.get("output_index") == 1]
    if not first or not second:
        return events
    start = events.index(first[0])
    others = [event for event in events[start:] if event not in first and event not in second]
    mixed = [first[0], second[0]]
    tails = first[1:], second[1:]
    for place in range(max(map(len, tails))):
        mixed += [tail[place] for tail in tails if place < len(tail)]
    return numbered([*events[:start], *mixed, *others])


def _with_vendor_events(events: Events) -> Events:
    return [*events[:2], {"type": "zq.heartbeat", "at": 1}, *events[2:]]


def _data_only(event: Event) -> bytes:
    return f"data: {json.dumps(event)}\n\n".encode()


def _misnamed(event: Event) -> bytes:
    return f"event: message\ndata: {json.dumps(event)}\n\n".encode()


def _served(change: Change, **more: Any) -> Server:
    return ResponsesProxy(events=lambda _sent, events: change(events), **more)


def _same(events: Events) -> Events:
    return events


def _lifecycle(change: Callable[[Body], Body], kinds: Collection[str]) -> Change:
    return changing(lambda event: {**event, "response": change(event["response"])}, *kinds)


_BEGINNINGS = ("response.created", "response.in_progress")

_FAULTS: dict[str, tuple[str, Change]] = {
    "no_sequence_number": ("sequence_number", changing(lambda event: without(event, "sequence_number"))),
    "one_sequence_number": ("sequence_number", changing(lambda event: {**event, "sequence_number": 0})),
    "gaps_in_sequence_numbers": (
        "sequence_number",
        changing(lambda event: {**event, "sequence_number": 2 * event["sequence_number"]}),
    ),
    "no_created": ("created_first", dropping("response.created")),
    "no_in_progress": ("created_first", dropping("response.in_progress")),
    "output_at_the_beginning": (
        "created_first",
        _lifecycle(lambda response: {**response, "output": [{"type": "message", "id": "msg_1"}]}, _BEGINNINGS),
    ),
    "another_response_id": ("lifecycle_response", _other_id),
    "lifecycle_without_model": (
        "lifecycle_response/details",
        _lifecycle(lambda response: without(response, "created_at", "model"), _BEGINNINGS),
    ),
    "no_terminal_event": ("terminal", dropping(*TERMINAL)),
    "terminal_event_twice": ("terminal", lambda events: numbered([*events, events[-1]])),
    "always_completed": ("terminal", _completed),
    "no_item_added": ("items_paired", dropping("response.output_item.added")),
    "no_item_done": ("items_paired", dropping("response.output_item.done")),
    "another_item_id": ("items_paired", changing(_other_item_id, "response.output_item.done")),
    "no_part_added": ("parts_paired", dropping("response.content_part.added")),
    "no_part_done": ("parts_paired", dropping("response.content_part.done")),
    "no_text_done": ("parts_paired", dropping("response.output_text.done")),
    "no_arguments_done": ("function_call_arguments", dropping("response.function_call_arguments.done")),
    "no_reasoning_done": ("reasoning", dropping("response.reasoning_text.done")),
    "text_lost_beside_a_call": ("output_order", _loses_the_text),
    "text_never_closed_beside_a_call": ("text_beside_call", _never_closes_the_text),
    "two_items_at_one_index": ("indices", _one_index),
    "gaps_in_indices": ("indices", _gaps_in_indices),
    "no_indices": ("indices", changing(lambda event: without(event, *INDICES))),
    "another_text_at_the_end": ("deltas_join", changing_last(_other_text)),
    "other_arguments_at_the_end": (
        "deltas_join",
        changing(_other_arguments, "response.function_call_arguments.done"),
    ),
    "output_reversed_at_the_end": (
        "output_order",
        changing_last(lambda response: {**response, "output": response["output"][::-1]}),
    ),
    "output_empty_at_the_end": ("output_order", changing_last(lambda response: {**response, "output": []})),
    "output_null_at_the_end": ("empty_output", changing_last(lambda response: {**response, "output": None})),
    "output_null_at_the_beginning": (
        "empty_output",
        _lifecycle(lambda response: {**response, "output": None}, _BEGINNINGS),
    ),
    "no_usage_at_the_end": ("usage", changing_last(lambda response: {**response, "usage": None})),
    "usage_at_the_beginning": (
        "usage",
        _lifecycle(lambda response: {**response, "usage": {"input_tokens": 0}}, _BEGINNINGS),
    ),
    "no_logprobs_in_deltas": (
        "logprobs",
        changing(lambda event: {**event, "logprobs": []}, "response.output_text.delta"),
    ),
    "one_piece": ("pieces", _one_piece),
    "breaks_off": ("terminal", partial(_failing, tells=False)),
}

STREAM_FAULTS: dict[str, tuple[str, Callable[[], Server]]] = {
    **{name: (rule, partial(_served, change)) for name, (rule, change) in _FAULTS.items()},
    "events_without_names": ("event_names", partial(_served, _same, pack=_data_only)),
    "events_misnamed": ("event_names", partial(_served, _same, pack=_misnamed)),
}
"""Name -> the rule `responses/stream/...` that it breaks, and a maker of the server."""

LEGAL_STREAMS: dict[str, Callable[[], Server]] = {
    "done_marker": partial(_served, _same, ending=b"data: [DONE]\n\n"),
    "interleaved_items": partial(_served, _interleaved),
    "vendor_events": partial(_served, _with_vendor_events),
}
"""Name -> a maker of a server whose streams are odd, and right."""


def tells_its_failure() -> Server:
    """Each stream breaks off in its middle, and says so: no rule about its form is broken."""
    return _served(partial(_failing, tells=True))


def hides_no_lengths() -> Server:
    """No event has random characters beside its delta."""
    return _served(changing(lambda event: without(event, "obfuscation")))
