"""Rules of event streams, a row each, for chat and for completions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from conformance.checklist.verdicts import Severity, Verdict
from conformance.probes import chance
from conformance.probes.endpoints import ENDPOINTS, Chat
from conformance.probes.response_views import THOUGHTS, as_int64, as_list, get_path
from conformance.wire.exchange import Exchange
from conformance.wire.json_text import quote_value

from .registry import Check, applies_to_stream, rule
from .responses import FINISHES, schema, schema_details

SHOULD = Severity.SHOULD
DONE = "[DONE]"


def chunks(exchange: Exchange) -> list[Any]:
    """Return the JSON of each event but [DONE]."""
    return [event.json for event in exchange.events if event.data.strip() != DONE]


def choices(exchange: Exchange) -> list[tuple[int, Any]]:
    """Return number of the chunk, and choice, of every choice of a stream."""
    return [
        (number, choice)
        for number, chunk in enumerate(chunks(exchange))
        for choice in as_list(get_path(chunk, "choices"))
    ]


def content_type(exchange: Exchange) -> str:
    """A stream is text/event-stream."""
    kind = exchange.header("content-type")
    return "" if kind.startswith("text/event-stream") else f"content-type is {quote_value(kind, 60)}"


def framing(exchange: Exchange) -> str | None:
    """Every event is `data: ` with JSON or [DONE], ended by a blank line."""
    events = exchange.events
    if not events:
        return "there are no events"
    for event in events:
        if event.malformed_lines:
            return "a line is neither a field nor a comment"
        if event.data.strip() != DONE and not isinstance(event.json, dict):
            return "an event holds no JSON object"
    # The SDK leaves at [DONE]; what follows it is seen where the server sent it along.
    if not events[-1].terminated and events[-1].data.strip() != DONE:
        return "the last event is not ended by a blank line"
    return ""


def done(exchange: Exchange) -> str | None:
    """The last event is [DONE], and comes once."""
    marks = [event.data.strip() == DONE for event in exchange.events]
    if not marks:
        return None
    if not any(marks):
        return "no [DONE] ends the stream"
    return "" if marks.index(True) == len(marks) - 1 else "something follows the first [DONE]"


def constant(exchange: Exchange) -> str | None:
    """id, object and model are the same in every chunk."""
    found = [chunk for chunk in chunks(exchange) if isinstance(chunk, dict)]
    if len(found) < 2:
        return None
    for name in ("id", "object", "model"):
        if len({repr(chunk.get(name)) for chunk in found}) > 1:
            return f"`{name}` changes from chunk to chunk"
    return ""


def finishes_once(exchange: Exchange) -> str | None:
    """Each choice has one finish_reason, a documented word, in its last chunk."""
    by_index: dict[Any, list[Any]] = {}
    for _, choice in choices(exchange):
        by_index.setdefault(repr(get_path(choice, "index")), []).append(get_path(choice, "finish_reason"))
    if not by_index:
        return None
    for reasons in by_index.values():
        said = [reason for reason in reasons if reason is not None]
        if any(reason == "" for reason in said):
            return "finish_reason is empty before the end, not null"
        if not said:
            return "no finish_reason comes"
        if len(said) > 1:
            return "finish_reason comes more than once"
        if reasons[-1] is None:
            return "chunks follow the finish_reason"
        if said[0] not in FINISHES:
            return f"finish_reason is {quote_value(said[0])}"
    return ""


def no_empty_choices(exchange: Exchange) -> str | None:
    """Unless usage was asked for, every chunk has a choice."""
    if get_path(exchange.call.body, "stream_options", "include_usage") is True:
        return None
    found = chunks(exchange)
    if not found:
        return None
    return "" if all(as_list(get_path(chunk, "choices")) for chunk in found) else "a chunk has no choices"


def usage_last(exchange: Exchange) -> str | None:
    """Where asked for, usage comes once, in a last chunk without choices, and adds up."""
    if get_path(exchange.call.body, "stream_options", "include_usage") is not True:
        return None
    found = chunks(exchange)
    counted = [number for number, chunk in enumerate(found) if isinstance(get_path(chunk, "usage"), dict)]
    if not counted:
        return "no chunk holds the usage"
    if len(counted) > 1 or counted[0] != len(found) - 1:
        return "usage comes in more chunks than the last"
    if get_path(found[-1], "choices") != []:
        return "the usage chunk has choices"
    parts = [as_int64(get_path(found[-1], "usage", f"{name}_tokens")) for name in ("prompt", "completion", "total")]
    if None in parts or (parts[0] or 0) + (parts[1] or 0) != parts[2]:
        return "the usage of a stream does not add up"
    return ""


def indices(exchange: Exchange) -> str | None:
    """Every choice has a whole number as its index."""
    found = choices(exchange)
    if not found:
        return None
    return "" if all(as_int64(get_path(choice, "index")) is not None for _, choice in found) else "`index` is missing"


def utf8(exchange: Exchange) -> str | None:
    """No character is torn apart between chunks: all is valid UTF-8, without U+FFFD but where the limit cut one."""
    if exchange.invalid_utf8:
        return "a stream is not valid UTF-8"
    if "\ufffd" not in exchange.text:
        return ""
    return "" if _is_cut_in_a_character(exchange) else "a chunk holds U+FFFD, half a character"


def _is_cut_in_a_character(exchange: Exchange) -> bool:
    """Tell whether U+FFFD comes only as the last of texts that the limit ended: half of their last character."""
    ends: dict[str, str] = {}
    cut: set[str] = set()
    for _, choice in choices(exchange):
        index = repr(get_path(choice, "index"))
        said = [get_path(choice, "text"), get_path(choice, "delta", "content")]
        said += [get_path(choice, "delta", name) for name in THOUGHTS]
        ends[index] = ends.get(index, "") + "".join(text for text in said if isinstance(text, str))
        if get_path(choice, "finish_reason") == "length":
            cut.add(index)
    halves = [index for index, text in ends.items() if "\ufffd" in text]
    return bool(halves) and all(index in cut and "\ufffd" not in ends[index].rstrip("\ufffd") for index in halves)


RULES: Mapping[str, tuple[str, Check, Severity]] = {
    "schema": ("schema of a chunk", schema, Severity.MUST),
    "schema/details": ("schema of a chunk, optional members", schema_details, SHOULD),
    "content_type": ("content-type", content_type, Severity.MUST),
    "framing": ("framing of events", framing, Severity.MUST),
    "done": ("[DONE] ends the stream", done, Severity.MUST),
    "constant": ("id, model and object are constant", constant, SHOULD),
    "finishes_once": ("one finish_reason for each choice", finishes_once, Severity.MUST),
    "no_empty_choices": ("no chunk without choices", no_empty_choices, Severity.MUST),
    "usage_last": ("usage comes last, and once", usage_last, Severity.MUST),
    "indices": ("choices have an index", indices, Severity.MUST),
    "utf8": ("whole characters", utf8, SHOULD),
}
"""Rule -> title, check and severity. Each endpoint's class names those that hold for its streams."""

for _endpoint in ENDPOINTS:
    for _name in _endpoint.stream_rules:
        _title, _check, _severity = RULES[_name]
        _applies = applies_to_stream(_endpoint)
        rule(
            f"{_endpoint.name}/stream/{_name}", _applies, severity=_severity, title=_title, chance=chance.RULE_GREEDY
        )(_check)

_CHAT = applies_to_stream(Chat)


def _deltas(exchange: Exchange) -> dict[str, list[Any]]:
    by_index: dict[str, list[Any]] = {}
    for _, choice in choices(exchange):
        by_index.setdefault(repr(get_path(choice, "index")), []).append(get_path(choice, "delta"))
    return by_index


@rule("chat/stream/role_first", _CHAT, title="the role comes in the first chunk only", chance=chance.RULE_GREEDY)
def role_first(exchange: Exchange) -> str | None:
    """The first delta of each choice has the role assistant, later ones none."""
    by_index = _deltas(exchange)
    if not by_index:
        return None
    for deltas in by_index.values():
        if get_path(deltas[0], "role") != "assistant":
            return "the first chunk of a choice lacks the role"
        if any(isinstance(delta, dict) and delta.get("role") for delta in deltas[1:]):
            return "the role comes in later chunks too"
        if any(isinstance(delta, dict) and "role" in delta and delta["role"] is None for delta in deltas):
            return "the role is null"
    return ""


@rule(
    "chat/stream/content_is_text",
    _CHAT,
    severity=SHOULD,
    title="content is text or absent",
    chance=chance.RULE_GREEDY,
)
def content_is_text(exchange: Exchange) -> str | None:
    """A delta's content is a string or absent; null is appended as text by some clients."""
    deltas = [delta for found in _deltas(exchange).values() for delta in found if isinstance(delta, dict)]
    if not deltas:
        return None
    calls = ("tool_calls", "function_call")
    null = any(
        "content" in delta and delta["content"] is None and not any(delta.get(name) for name in calls)
        for delta in deltas
    )
    return "a delta's content is null" if null else ""


@rule(
    "chat/stream/last_delta_empty",
    _CHAT,
    severity=SHOULD,
    title="the finishing chunk adds nothing",
    chance=chance.RULE_GREEDY,
    fault_verdict=Verdict.PARTIAL,
)
def last_delta_empty(exchange: Exchange) -> str | None:
    """The chunk with the finish_reason holds no text: some clients drop it."""
    last = [choice for _, choice in choices(exchange) if get_path(choice, "finish_reason")]
    if not last:
        return None
    full = any(get_path(choice, "delta", "content") or get_path(choice, "delta", "tool_calls") for choice in last)
    return "the chunk with the finish_reason holds text or calls too" if full else ""
