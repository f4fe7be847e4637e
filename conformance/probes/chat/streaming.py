"""chat/fields/stream and stream_options."""

from __future__ import annotations

from typing import Any

from conformance.checklist.field_values import values
from conformance.checklist.verdicts import Severity
from conformance.probes import chance, text_generation
from conformance.probes.arrival import judge_pieces
from conformance.probes.endpoints import Chat
from conformance.probes.observation import Observation, broken, inconclusive, supported
from conformance.probes.registry import declare_derived, probe
from conformance.probes.response_views import TextResponse, as_list, get_path
from conformance.probes.session import RequestRejectedError, is_usable
from conformance.probes.tool_conversations import EXAMPLES, TOOLS, fill_content
from conformance.wire.json_text import quote_value


@probe("chat/fields/stream", values=values(False, "zz"), chance=chance.MEMBERS)
def stream(chat: Chat) -> Observation:
    """The answer arrives as server-sent events."""
    return text_generation.check_stream(chat)


declare_derived(
    "chat/fields/stream_options",
    "Settings of a stream.",
    "chat/fields/stream_options/include_usage",
    values=values({"include_usage": True}, 7, stream=True),
)


@probe("chat/fields/stream_options/include_usage", chance=chance.MEMBERS)
def include_usage(chat: Chat) -> Observation:
    """A last chunk, without choices, counts the tokens of the whole request."""
    return text_generation.check_include_usage(chat)


@probe("chat/fields/stream_options/include_obfuscation", severity=Severity.SHOULD, chance=chance.MEMBERS)
def include_obfuscation(chat: Chat) -> Observation:
    """Chunks carry random characters that even out their sizes, against eavesdroppers; false turns them off."""
    return text_generation.check_include_obfuscation(chat)


@probe("chat/stream/equals_plain", title="stream and plain answer say the same", chance=chance.GREEDY_TEXT)
def equals_plain(chat: Chat) -> Observation:
    """At temperature 0 the joined chunks are the plain answer: content, finish_reason, usage."""
    return text_generation.check_stream_equals_plain(chat, compare_counts=True)


@probe(
    "chat/stream/arrives_in_pieces",
    severity=Severity.SHOULD,
    title="pieces arrive as they are generated",
    chance=chance.ARRIVAL_TIMES,
)
def arrives_in_pieces(chat: Chat) -> Observation:
    """The content comes in several chunks, the first long before the whole of a plain answer would."""
    return judge_pieces(chat)


@probe(
    "chat/stream/error_before_first_token",
    title="an error before the first token is no stream",
    chance=chance.STATUS_AND_ERROR,
)
def error_before_first_token(chat: Chat) -> Observation:
    """A bad request for a stream is refused with a 4xx and a JSON envelope, as a plain one is."""
    return text_generation.check_error_before_stream(chat, messages="x")


@probe("chat/stream/tool_calls", capability="tools", title="tool calls in chunks join", chance=chance.MEMBERS)
def tool_calls(chat: Chat) -> Observation:
    """Each call starts with index, id, type and name; later chunks bring arguments only; finish_reason tool_calls."""
    answer = chat.ask(fill_content(chat, EXAMPLES), tools=TOOLS, answer_limit=48, stream=True)
    deltas = [
        delta for chunk in answer.chunks for delta in as_list(get_path(chunk, "choices", 0, "delta", "tool_calls"))
    ]
    if not deltas:
        return inconclusive("no chunk holds a tool call")
    first: dict[int, object] = {}
    wrong = set()
    for delta in deltas:
        index = get_path(delta, "index")
        if not isinstance(index, int):
            wrong.add("`index` is missing")
            continue
        if index not in first:
            first[index] = delta
            if (
                not get_path(delta, "id")
                or not get_path(delta, "function", "name")
                or get_path(delta, "type") != "function"
            ):
                wrong.add("a first delta lacks id, type or name")
    if answer.finish_reason not in ("tool_calls", None):
        wrong.add(f"finish_reason is {quote_value(answer.finish_reason)}")
    if wrong:
        return broken("; ".join(sorted(wrong)))
    return supported(f"{len(first)} call in {len(deltas)} deltas, with index, id, type and name")


MIN_STREAM_SECONDS = 1.05
"""Seconds of a stream within which a clock must move on."""


LONG_LIMITS = (2000, 400, 100)
"""Limits in tokens of a text that lasts, the longest first: a small context refuses what does not fit."""


def _ask_long(chat: Chat, **settings: Any) -> TextResponse:
    """Send a request for a text as long as the server takes.

    Raises:
        RequestRejectedError, RequestFailedError: it takes none.
    """
    for limit in LONG_LIMITS[:-1]:
        try:
            return chat.ask(stream=True, limit=limit, **settings)
        except RequestRejectedError:
            continue
    return chat.ask(stream=True, limit=LONG_LIMITS[-1], **settings)


@probe("chat/stream/created_constant", severity=Severity.SHOULD, title="`created` is constant", chance=chance.CLOCK)
def created_constant(chat: Chat) -> Observation:
    """`created` is the same in every chunk. Seen in a stream that is read for more than a second, then left."""
    answer = _ask_long(chat, abort_after_seconds=MIN_STREAM_SECONDS + 0.2)
    times = [event.seconds for event in answer.exchange.events if event.json is not None]
    if len({repr(get_path(chunk, "created")) for chunk in answer.chunks}) > 1:
        return broken("`created` moves on while the stream lasts")
    if not times or times[-1] - times[0] < MIN_STREAM_SECONDS:
        return inconclusive("the text ended within a second, in which no clock need move on")
    return supported("`created` stays while the stream lasts more than a second")


@probe("chat/stream/client_leaves", title="a client that leaves frees the server", chance=chance.STILL_ANSWERS)
def client_leaves(chat: Chat) -> Observation:
    """After a client closes a long stream, the next request is answered."""
    chat.ask_control(stream=True)
    left = chat.attempt(stream=True, limit=400, abort_after_events=2)
    if left.status != 200 or not chat.read(left).indices:
        return inconclusive("the stream to leave did not begin")
    after = chat.attempt(limit=1, purpose="after_abort")
    if is_usable(after) and chat.read(after).choices:
        return supported("the request after a stream was left is answered")
    return broken(f"the request after a stream was left: {after.failure or after.status}")
