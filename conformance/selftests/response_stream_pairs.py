"""Pairs of the rules of the streams of /v1/responses: an honest stream, and a change that breaks a rule."""

from __future__ import annotations

from collections.abc import Iterator

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
    compact,
    complete,
    custom_call,
    done,
    each_changed,
    function_call,
    having,
    lifecycle,
    message,
    put,
    response,
    stream,
    text_part,
    thoughts,
    without,
    write,
)
from .rule_samples import JSON_HEAD, NOW, Pair, Sample, change


def repeated(events: Events, kind: str) -> Events:
    """The stream with an event twice, one after the other."""
    at = having(events, kind)[0]
    return [*events[: at + 1], *events[at:]]


def moved(events: Events, kind: str, *, before: str = "", after: str = "") -> Events:
    """The stream with an event elsewhere."""
    rest = list(events)
    event = rest.pop(having(rest, kind)[0])
    at = having(rest, before)[0] if before else having(rest, after)[0] + 1
    return [*rest[:at], event, *rest[at:]]


FAILING = write([*SPEECH[:5], {"type": "error", "code": None, "message": "no"}])
NOTHING_LEFT = "events follow the one that tells of the failure"
SPENT = {**USAGE, "total_tokens": 7}
LATE = lifecycle("in_progress")
ORPHAN = {
    "type": "response.output_text.delta",
    "item_id": "msg_1",
    "output_index": 0,
    "content_index": 0,
    "delta": "!",
}
SUMMED = write(THOUGHT)


def thinking(item: Event) -> Events:
    """A stream of thoughts of which only the item tells."""
    return around([added(0, item), done(0, item)], item)


def wrong(row: str, reason: str, events: Events, honest: Events = SPEECH) -> Pair:
    """The pair of a stream and its spoiled form."""
    sample = write(honest)
    return row, (sample,), change(reason, sample.wire, write(events).wire)


def pairs_of_responses_in_streams() -> Iterator[Pair]:
    """Yield the pairs of rules about events, and about the responses that they hold."""
    honest = write(SPEECH)
    yield "schema", (honest,), change("item.type: is missing", '"item":{"type":"message",', '"item":{')
    whole = write(each_changed(SPEECH, complete))
    yield "schema/details", (whole,), change("logprobs: is missing", ',"logprobs":[],"seq', ',"seq')
    yield "content_type", (honest,), change('content-type is "text/html; charset=utf-8"', "event-stream", "html")
    yield "framing", (honest,), change("an event holds no JSON object", "data: {", "data: ", nth=1)
    yield "event_names", (honest,), change("an event has no name", "event: response.completed\n")
    yield "event_names", (honest,), change("the name of an event is not its `type`", "event: response.c", "event: c")
    yield "event_names", (honest,), change("an event has no `type`", '"type":"response.created",')
    yield "sequence_number", (honest,), change("an event has no `sequence_number`", ',"sequence_number":0')
    counted = "`sequence_number` does not count from 0 without a gap"
    yield "sequence_number", (honest,), change(counted, '"sequence_number":3', '"sequence_number":4')
    yield wrong("created_first", "the stream does not begin with `response.created`", without(SPEECH, "created"))
    yield wrong("created_first", "`response.created` comes twice", repeated(SPEECH, "created"))
    follows = "`response.in_progress` does not follow `response.created`"
    yield wrong("created_first", follows, without(SPEECH, "in_progress"))
    begun = changed(SPEECH, "created", put("response", "status", value="completed"))
    yield wrong("created_first", "the response has another status than `in_progress` when it begins", begun)
    full = changed(SPEECH, "created", put("response", "output", value=[TEXT]))
    yield wrong("created_first", "the response has output when it begins", full)
    bare = changed(SPEECH, "created", put("response", value=None))
    yield wrong("lifecycle_response", "an event about the response does not hold it", bare)
    nameless = changed(SPEECH, "created", put("response", "id", value=""))
    yield wrong("lifecycle_response", "the response has no id", nameless)
    renamed = changed(SPEECH, "completed", put("response", "id", value="resp_2"))
    yield wrong("lifecycle_response", "the id of the response changes", renamed)
    for name, other, words in (("created_at", NOW + 1, "goes back"), ("model", "x", "changes")):
        lost = changed(SPEECH, "created", put("response", name, value=None))
        yield wrong("lifecycle_response/details", f"`{name}` is missing from a response of the stream", lost)
        another = changed(SPEECH, "created", put("response", name, value=other))
        yield wrong("lifecycle_response/details", f"`{name}` {words} within the stream", another)
    early = changed(SPEECH, "in_progress", put("response", "usage", value=USAGE))
    yield wrong("usage", "the usage is told before the end", early)
    unspent = changed(SPEECH, "completed", put("response", "usage", value=None))
    yield wrong("usage", "`usage` is missing or incomplete at the end", unspent)
    summed = "`total_tokens` is not the sum of `input_tokens` and `output_tokens`"
    yield wrong("usage", summed, changed(SPEECH, "completed", put("response", "usage", value=SPENT)))
    null = changed(SPEECH, "completed", put("response", "output", value=None))
    yield wrong("empty_output", "`output` is no list", null)


def pairs_of_ends() -> Iterator[Pair]:
    """Yield the pairs of rules about the end of a stream."""
    yield "error_in_stream", (FAILING,), change(NOTHING_LEFT, FAILING.wire, f"{FAILING.wire}{block(LATE)}")
    silent = "the event that tells of a failure holds no message"
    yield "error_in_stream", (FAILING,), change(silent, '"message":"no"', '"message":null')
    yield wrong("terminal", "no event ends the stream", without(SPEECH, "completed"))
    yield wrong("terminal", "more than one event ends the stream", repeated(SPEECH, "completed"))
    yield wrong("terminal", "events follow the one that ends the stream", [*SPEECH, LATE])
    status = "the event that ends the stream is not named after the status of its response"
    yield wrong("terminal", status, changed(SPEECH, "completed", put("response", "status", value="incomplete")))
    told = changed(SPEECH, "completed", put("response", "incomplete_details", value={"reason": "max_output_tokens"}))
    yield wrong("terminal", "`response.completed` ends a response that is incomplete", told)
    more = response(output=[message(text_part("One two three four"))])
    longer = Sample(call=call(max_output_tokens=24), wire=JSON_HEAD + compact(more))
    cut = stream(message(text_part("One two three"), status="incomplete"), end="incomplete")
    reason = "a response that the limit cut ends with `response.completed`"
    yield "terminal", (longer, write(cut)), change(reason, write(cut).wire, write(SPEECH).wire)


def block(event: Event) -> str:
    return f"event: {event['type']}\ndata: {compact(event)}\n\n"


def pairs_of_items() -> Iterator[Pair]:
    """Yield the pairs of rules about items and their parts."""
    yield wrong("items_paired", "an item is added twice", repeated(SPEECH, "output_item.added"))
    late = moved(SPEECH, "output_item.added", after="content_part.added")
    yield wrong("items_paired", "an event of an item comes before it is added", late)
    finished = moved(SPEECH, "output_item.added", after="output_item.done")
    yield wrong("items_paired", "an item is added after it has begun", without(finished, *PARTS))
    yield wrong("items_paired", "an item is done twice", repeated(SPEECH, "output_item.done"))
    unborn = without(SPEECH, "output_item.added", *PARTS)
    yield wrong("items_paired", "an item is done that was not added", unborn)
    for name, word in (("id", "id"), ("type", "type")):
        other = changed(SPEECH, "output_item.done", put("item", name, value="other"))
        yield wrong("items_paired", f"an item has another {word} when it is done", other)
    early = moved(SPEECH, "output_item.done", before="content_part.done")
    yield wrong("items_paired", "an event of an item comes after it is done", early)
    yield wrong("items_paired", "an item is not done at the end", without(SPEECH, "output_item.done"))
    yield wrong("parts_paired", "a part is added twice", repeated(SPEECH, "content_part.added"))
    begun = moved(SPEECH, "content_part.added", before="output_text.done")
    yield wrong("parts_paired", "a part is added after its text has begun", begun)
    yield wrong("parts_paired", "a part is done twice", repeated(SPEECH, "content_part.done"))
    yield wrong("parts_paired", "a part is done that was not added", without(SPEECH, "content_part.added"))
    closed = moved(SPEECH, "content_part.done", before="output_text.done")
    yield wrong("parts_paired", "text comes after its part is done", closed)
    yield wrong("parts_paired", "a text is done twice", repeated(SPEECH, "output_text.done"))
    ended = moved(SPEECH, "output_text.done", before="output_text.delta")
    yield wrong("parts_paired", "a delta comes after its text is done", ended)
    frameless = without(SPEECH, "content_part.added", "content_part.done")
    yield wrong("parts_paired", "text comes in a part that was not added", frameless)
    yield wrong("parts_paired", "a part is not done at the end", without(SPEECH, "content_part.done"))
    yield wrong("parts_paired", "a text is not done at the end", without(SPEECH, "output_text.done"))


PARTS = ("content_part.added", "output_text.delta", "output_text.done", "content_part.done")


def pairs_of_indices() -> Iterator[Pair]:
    """Yield the pairs of the rule about indices."""
    for name in ("output_index", "content_index", "item_id"):
        yield "indices", (write(SPEECH),), change(f"`{name}` is missing", f'"{name}":', '"other":')
    yield "indices", (SUMMED,), change("`summary_index` is missing", '"summary_index":', '"other":')
    other = changed(SPEECH, "output_text.delta", put("item_id", value="msg_9"))
    yield wrong("indices", "`item_id` is not that of the item at the `output_index`", other)
    elsewhere = changed(SPEECH, "output_text.delta", put("output_index", value=4))
    yield wrong("indices", "`output_index` is not that of the item of that id", elsewhere)
    for reason, index in (
        ("two items have one `output_index`", 0),
        ("an item does not take the next `output_index`", 2),
    ):
        events = [{**event, "output_index": index} if event.get("output_index") == 1 else event for event in BOTH]
        yield wrong("indices", reason, events, BOTH)
    gap = [{**event, "content_index": 1} if "content_index" in event else event for event in SPEECH]
    yield wrong("indices", "a part does not take the next index", gap)


def pairs_of_kinds() -> Iterator[Pair]:
    """Yield the pairs of rules about calls, thoughts, and a text beside a call."""
    row = "function_call_arguments"
    yield wrong(row, "a text is done twice", repeated(CALL, "function_call_arguments.done"), CALL)
    early = moved(CALL, "function_call_arguments.done", before="function_call_arguments.delta")
    yield wrong(row, "a delta comes after its text is done", early, CALL)
    unended = without(CALL, "function_call_arguments.done")
    yield wrong(row, "the arguments of a call are not done at the end", unended, CALL)
    custom = stream(custom_call())
    unended = without(custom, "custom_tool_call_input.done")
    yield wrong(row, "the arguments of a call are not done at the end", unended, custom)
    foreign = changed(CALL, "output_item.added", put("item", "type", value="message"))
    yield wrong(row, "arguments come in an item that is no call", foreign, CALL)
    for kind in ("reasoning_text", "reasoning_summary_text"):
        yield wrong("reasoning", "thoughts are not done at the end", without(THOUGHT, f"{kind}.done"), THOUGHT)
        ended = moved(THOUGHT, f"{kind}.done", before=f"{kind}.delta")
        yield wrong("reasoning", "a delta comes after its text is done", ended, THOUGHT)
    untold = thinking(thoughts("I think", content=["Well"]))
    yield wrong("reasoning", "the thoughts of an item were not streamed", untold, thinking(thoughts()))
    row, frame = "reasoning/parts", "reasoning_summary_part"
    yield wrong(row, "a part is added twice", repeated(THOUGHT, f"{frame}.added"), THOUGHT)
    yield wrong(row, "a part of thoughts is not done at the end", without(THOUGHT, f"{frame}.done"), THOUGHT)
    bare = without(THOUGHT, f"{frame}.added", f"{frame}.done")
    yield wrong(row, "text comes in a part that was not added", bare, THOUGHT)
    unclosed = [event for place, event in enumerate(BOTH) if place != having(BOTH, "output_item.done")[0]]
    yield wrong("text_beside_call", "an item is not done at the end", unclosed, BOTH)


def pairs_of_texts() -> Iterator[Pair]:
    """Yield the pairs of rules about what the pieces make up."""
    row, joined = "deltas_join", "the deltas do not join to the text of the item"
    told = changed(SPEECH, "output_text.done", put("text", value="One"))
    yield wrong(row, "the deltas do not join to the text at their end", told)
    part = changed(SPEECH, "content_part.done", put("part", "text", value="One"))
    yield wrong(row, "the deltas do not join to the text at their end", part)
    for kind, holder in (("output_item.done", ("item",)), ("completed", ("response", "output", 0))):
        other = changed(SPEECH, kind, put(*holder, "content", 0, "text", value="One"))
        yield wrong(row, joined, other)
        yield wrong(row, joined, changed(SPEECH, kind, put(*holder, "content", value=[])))
        yield wrong(row, joined, changed(CALL, kind, put(*holder, "arguments", value="{}")), CALL)
        yield wrong(row, joined, changed(THOUGHT, kind, put(*holder, "summary", 1, "text", value="")), THOUGHT)
        yield wrong(row, joined, changed(THOUGHT, kind, put(*holder, "content", 0, "text", value="")), THOUGHT)
    yield wrong(row, "a text of the item was not streamed", without(BOTH, *PARTS), BOTH)
    half = stream(function_call('{"city":'))
    yield wrong(row, "the arguments of a call hold no JSON object", half, CALL)
    row, output = "output_order", ("response", "output")
    lacking = changed(SPEECH, "completed", put(*output, value=[]))
    yield wrong(row, "the response at the end lacks an item of the stream", lacking)
    more = changed(SPEECH, "completed", put(*output, value=[TEXT, function_call()]))
    yield wrong(row, "the response at the end holds an item that was not streamed", more)
    order = "the items of the response at the end are not those of the stream, in their order"
    yield wrong(row, order, changed(BOTH, "completed", lambda event: event["response"]["output"].reverse()), BOTH)


def pairs_of_characters() -> Iterator[Pair]:
    """Yield the pairs of the rules about characters and log probabilities."""
    honest = write(SPEECH)
    yield "utf8", (honest,), change("a stream is not valid UTF-8", "two", "tw\udcc3")
    half = write(stream(message(text_part("One t\ufffd three"))))
    yield "utf8", (honest,), change("a delta holds U+FFFD, half a character", honest.wire, half.wire)
    yield "utf8", (honest,), change("a stream holds U+FFFD outside of its texts", '"model":"m"', '"model":"\ufffd"')
    asked = {"include": ["message.output_text.logprobs"]}
    spoken = write(with_logprobs(), **asked)
    lost = "the log probabilities of the deltas do not join to those of the whole text"
    yield "logprobs", (spoken,), change(lost, '"token":"a"', '"token":"b"')
    untold = "the deltas hold log probabilities, and the whole text none"
    empty = write(with_logprobs(told=()), **asked)
    yield "logprobs", (spoken,), change(untold, spoken.wire, empty.wire)


def with_logprobs(told: tuple[str, ...] = ("a", "b")) -> Events:
    """A stream whose deltas hold the log probabilities of two tokens; `told`: those that its ends hold."""
    wholes = [{"token": token, "logprob": -0.1} for token in told]
    events = stream(message(text_part("ab", logprobs=wholes)))
    for place, token in zip(having(events, "output_text.delta"), "ab", strict=True):
        events[place]["logprobs"] = [{"token": token, "logprob": -0.1}]
    return changed(events, "output_text.done", put("logprobs", value=wholes))


def pairs_of_streams() -> Iterator[Pair]:
    """Yield the pairs of all rules of streams, by the ends of their ids."""
    yield from pairs_of_responses_in_streams()
    yield from pairs_of_ends()
    yield from pairs_of_items()
    yield from pairs_of_indices()
    yield from pairs_of_kinds()
    yield from pairs_of_texts()
    yield from pairs_of_characters()
