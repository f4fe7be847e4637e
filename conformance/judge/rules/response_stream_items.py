"""Rules of the items and texts in streams of /v1/responses, a row each."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from conformance.checklist.verdicts import Severity
from conformance.judge.response_stream import Item, Part, ResponseStream
from conformance.probes import chance
from conformance.probes.response_views import as_list, get_path
from conformance.wire.exchange import Exchange
from conformance.wire.json_text import parse_json

from .registry import cross_response_rule, rule
from .response_streams import IS_STREAM, SHOULD, read_judged_stream, stream_rule

CALLS = ("function_call", "custom_tool_call")

ItemCheck = Callable[[ResponseStream], list[str] | None]
"""All that is wrong with the items of a stream; None where it cannot test the rule."""


def item_rule(
    name: str, title: str, *, severity: Severity = Severity.MUST, capability: str = "", lack: str = ""
) -> Callable[[ItemCheck], ItemCheck]:
    """Declare a rule row about items of single streams. The docstring of the check says what holds."""

    def register(check: ItemCheck) -> ItemCheck:
        @functools.wraps(check)
        def check_stream(stream: ResponseStream) -> str | None:
            faults = check(stream)
            return None if faults is None else min(faults, default="")

        stream_rule(name, title, severity=severity, capability=capability, lack=lack)(check_stream)
        return check

    return register


@item_rule("items_paired", "items begin and end")
def items_paired(stream: ResponseStream) -> list[str] | None:
    """Each item is added and done, once and as the same: its id and type stay, and its events lie in between."""
    if not stream.items:
        return None
    faults = [fault for item in stream.items for fault in item.faults]
    if stream.is_orderly and not all(item.done for item in stream.items):
        faults.append("an item is not done at the end")
    return faults


@item_rule("parts_paired", "parts of items begin and end")
def parts_paired(stream: ResponseStream) -> list[str] | None:
    """Each part of a message is added and done, once; its deltas lie in between, and its text is told at the end."""
    parts = [part for item in stream.items for part in item.of_track("content")]
    if not parts:
        return None
    faults = [fault for part in parts for fault in (*part.frame_faults, *part.order_faults, *_frame_gaps(part))]
    if stream.is_orderly:
        faults += [fault for part in parts for fault in _gaps_at_the_end(part)]
    return faults


def _frame_gaps(part: Part) -> Iterator[str]:
    if not part.added and not part.closed and (part.deltas or part.wholes):
        yield "text comes in a part that was not added"


def _gaps_at_the_end(part: Part) -> Iterator[str]:
    if part.added and not part.closed:
        yield "a part is not done at the end"
    kind = get_path(part.closed, 0, "type")
    if not part.wholes and (part.deltas or kind in ("output_text", "refusal")):
        yield "a text is not done at the end"


@item_rule("indices", "events say where they belong")
def indices(stream: ResponseStream) -> list[str] | None:
    """Events name item and part by index and id; each new one takes the next index, and none is taken twice."""
    return stream.index_faults if stream.items else None


# Kinds of items


@item_rule(
    "function_call_arguments", "arguments of calls are streamed", capability="tools", lack="no stream holds a call"
)
def function_call_arguments(stream: ResponseStream) -> list[str] | None:
    """The arguments of a call come in deltas, then once as a whole; so does the input of a custom tool."""
    calls = [item for item in stream.items if item.type in CALLS or item.of_track("arguments", "input")]
    if not calls:
        return None
    faults: list[str] = []
    for item in calls:
        parts = item.of_track("arguments", "input")
        faults += [fault for part in parts for fault in part.order_faults]
        if parts and item.type and item.type not in CALLS:
            faults.append("arguments come in an item that is no call")
        if stream.is_orderly and not stream.is_cut and not any(part.wholes for part in parts):
            faults.append("the arguments of a call are not done at the end")
    return faults


@item_rule("reasoning", "thoughts are streamed", capability="thinking", lack="no stream holds an item of thoughts")
def reasoning(stream: ResponseStream) -> list[str] | None:
    """Thoughts, and summaries of them, come in deltas, then once as a whole."""
    items = [item for item in stream.items if item.type == "reasoning" or item.of_track("reasoning", "summary")]
    if not items:
        return None
    faults: list[str] = []
    for item in items:
        parts = item.of_track("reasoning", "summary")
        faults += [fault for part in parts for fault in part.order_faults]
        if stream.is_orderly and not stream.is_cut and not all(part.wholes for part in parts if part.deltas):
            faults.append("thoughts are not done at the end")
        if not parts and any(_has_thoughts(told) for told in item.done):
            faults.append("the thoughts of an item were not streamed")
    return faults


def _has_thoughts(item: Any) -> bool:
    parts = [part for name in ("content", "summary") for part in as_list(get_path(item, name))]
    return any(get_path(part, "text") for part in parts)


@item_rule(
    "reasoning/parts", "parts of thoughts begin and end", severity=SHOULD, capability="thinking",
    lack="no stream of this run holds a summary of thoughts, or a part of them",
)  # fmt: skip
def reasoning_parts(stream: ResponseStream) -> list[str] | None:
    """Each part of a summary is added and done, and its deltas lie in between; so with thoughts that have parts."""
    parts = [part for item in stream.items for part in item.of_track("reasoning", "summary")]
    framed = [part for part in parts if part.track == "summary" or part.added or part.closed]
    if not framed:
        return None
    faults = [fault for part in framed for fault in (*part.frame_faults, *_frame_gaps(part))]
    if stream.is_orderly and not all(part.closed for part in framed if part.added):
        faults.append("a part of thoughts is not done at the end")
    return faults


# Texts


Told = list[Any]
"""The objects that tell an item at its end: when it is done, and in the response at the end. Two at most."""


def _is_told_by(item: Item, told: Any) -> bool:
    """Tell whether an object is an item of the stream, as far as both have a type and an id."""
    kind, name = get_path(told, "type"), get_path(told, "id")
    if item.type and kind is not None and kind != item.type:
        return False
    return not item.ids or not isinstance(name, str) or not name or name in item.ids


def _find_told(stream: ResponseStream) -> Iterator[tuple[Item, Told]]:
    output = stream.output or []
    for place, item in enumerate(stream.ordered_items):
        last = [told for told in output[place : place + 1] if _is_told_by(item, told)]
        yield item, [told for told in (*item.done[-1:], *last) if isinstance(told, dict)]


def _numbered(item: Item, *tracks: str) -> Iterator[tuple[int, Part]]:
    """Yield the parts of some tracks, each with its place in the list that the item holds of them."""
    for track in tracks:
        yield from enumerate(sorted(item.of_track(track), key=lambda part: part.index))


def _held_parts(track: str, told: Any) -> list[Any]:
    """Return the parts of a track that an item holds; those of a call are its one input."""
    if track in ("arguments", "input"):
        held = get_path(told, track)
        return [] if held is None else [{"text": held}]
    return as_list(get_path(told, "summary" if track == "summary" else "content"))


def _text_of(part: Any) -> Any:
    """Return the text of a part of a message, of thoughts or of a call; None where it has none."""
    text = get_path(part, "text")
    return get_path(part, "refusal") if text is None else text


@item_rule("deltas_join", "deltas join to the text")
def deltas_join(stream: ResponseStream) -> list[str] | None:
    """Deltas join to the text at their end, to that of the item and to that of the response at the end.

    So do the arguments of a call, which are a JSON object unless the limit cut them.
    """
    faults: list[str] = []
    compared = False
    for item, told in _find_told(stream):
        for place, part in _numbered(item, "content", "reasoning", "summary", "arguments", "input"):
            compared = True
            faults += _join_faults(part, place, told)
        faults += _silent_faults(item, told)
        if stream.is_orderly and not stream.is_cut:
            faults += _argument_faults(item, told)
    return faults if compared or faults else None


def _join_faults(part: Part, place: int, told: Told) -> Iterator[str]:
    text = part.text
    for whole in (*part.wholes, *(_text_of(closed) for closed in part.closed)):
        if whole is not None and whole != text:
            yield "the deltas do not join to the text at their end"
    for item in told:
        held = _held_parts(part.track, item)
        if part.track == "reasoning" and not held:
            continue  # thoughts may be left out of the item
        whole = _text_of(get_path(held, place))
        if whole != text and (whole is not None or text):
            yield "the deltas do not join to the text of the item"


def _silent_faults(item: Item, told: Told) -> Iterator[str]:
    """Yield a fault where a message or a call holds a text that no event of the stream held."""
    for track in ("content", "arguments", "input"):
        if track == "content" and item.type != "message":
            continue
        streamed = len(item.of_track(track))
        if any(_text_of(part) for each in told for part in _held_parts(track, each)[streamed:]):
            yield "a text of the item was not streamed"


def _argument_faults(item: Item, told: Told) -> Iterator[str]:
    if any(get_path(each, "status") == "incomplete" for each in told):
        return
    for part in item.of_track("arguments"):
        whole = part.wholes[-1] if part.wholes else "{}"
        if isinstance(whole, str) and not isinstance(parse_json(whole), dict):
            yield "the arguments of a call hold no JSON object"


@item_rule("output_order", "the response at the end holds the items")
def output_order(stream: ResponseStream) -> list[str] | None:
    """`output` of the response at the end is the items of the stream, in the order of their `output_index`."""
    if not stream.is_orderly or stream.output is None:
        return None
    items = stream.ordered_items
    if len(stream.output) < len(items):
        return ["the response at the end lacks an item of the stream"]
    if len(stream.output) > len(items):
        return ["the response at the end holds an item that was not streamed"]
    if all(_is_told_by(item, told) for item, told in zip(items, stream.output, strict=True)):
        return []
    return ["the items of the response at the end are not those of the stream, in their order"]


ITEM_RULES = (items_paired, parts_paired, indices, function_call_arguments, deltas_join, output_order)


@cross_response_rule(
    "responses/stream/text_beside_call",
    title="a text before a call",
    chance=chance.RULE_GREEDY,
    capability="tools",
    lack="no stream holds a text and a call",
    applies=IS_STREAM,
)
def text_beside_call(exchanges: Sequence[Exchange]) -> Iterator[tuple[str, str]]:
    """A message and a call in one stream are as sound as each of them is alone.

    A fault that streams with one of them show too is that of another row.
    """
    streams = [(exchange.id, stream) for exchange in exchanges if (stream := _read_rule_stream(exchange))]
    known = {fault for _, stream in streams if not _has_both(stream) for fault in _item_faults(stream)}
    for name, stream in streams:
        if _has_both(stream):
            yield name, min((fault for fault in _item_faults(stream) if fault not in known), default="")


def _read_rule_stream(exchange: Exchange) -> ResponseStream | None:
    return read_judged_stream(exchange) if IS_STREAM(exchange) else None


def _item_faults(stream: ResponseStream) -> list[str]:
    return [fault for check in ITEM_RULES for fault in check(stream) or ()]


def _has_both(stream: ResponseStream) -> bool:
    says = any(part.text for item in stream.items if item.type == "message" for part in item.of_track("content"))
    return says and any(item.type in CALLS for item in stream.items)


# Characters and log probabilities


@rule(
    "responses/stream/utf8", IS_STREAM, severity=SHOULD, title="whole characters", chance=chance.RULE_GREEDY
)  # fmt: skip
def utf8(exchange: Exchange) -> str | None:
    """No character is torn apart between deltas: all is valid UTF-8, without U+FFFD but where the limit cut one."""
    stream = read_judged_stream(exchange)
    if stream is None:
        return None
    if exchange.invalid_utf8:
        return "a stream is not valid UTF-8"
    tracks = ("content", "reasoning", "summary", "arguments", "input")
    halves = [part.text for item in stream.items for part in item.of_track(*tracks) if "\ufffd" in part.text]
    if not halves:
        return "a stream holds U+FFFD outside of its texts" if "\ufffd" in exchange.text else ""
    cut = stream.is_cut and all("\ufffd" not in text.rstrip("\ufffd") for text in halves)
    return "" if cut else "a delta holds U+FFFD, half a character"


LOGPROBS = "message.output_text.logprobs"
"""The value of `include` that asks for log probabilities."""


def _asks_for_logprobs(exchange: Exchange) -> bool:
    return IS_STREAM(exchange) and LOGPROBS in as_list(get_path(exchange.call.body, "include"))


@rule(
    "responses/stream/logprobs", _asks_for_logprobs, severity=SHOULD, title="log probabilities join",
    chance=chance.RULE_GREEDY, lack="no stream holds the log probabilities that were asked for",
)  # fmt: skip
def logprobs(exchange: Exchange) -> str | None:
    """Where asked for, the log probabilities of the deltas join to those of the whole text."""
    stream = read_judged_stream(exchange)
    found = None if stream is None else list(_logprob_faults(stream))
    return max(found) if found else None


def _logprob_faults(stream: ResponseStream) -> Iterator[str]:
    """Yield a fault, or nothing that is wrong, of each text that has log probabilities."""
    for item, told in _find_told(stream):
        for place, part in _numbered(item, "content"):
            held = [as_list(get_path(_held_parts("content", each), place, "logprobs")) for each in told]
            wholes = [_tokens(entries) for entries in (*part.told_logprobs, *held) if entries]
            pieces = _tokens(part.delta_logprobs)
            if not wholes and not (pieces and stream.is_orderly):
                continue
            if not wholes:
                yield "the deltas hold log probabilities, and the whole text none"
            elif any(whole != pieces for whole in wholes):
                yield "the log probabilities of the deltas do not join to those of the whole text"
            else:
                yield ""


def _tokens(entries: Sequence[Any]) -> list[str | None]:
    tokens = (get_path(entry, "token") for entry in entries)
    return [token if isinstance(token, str) else None for token in tokens]
