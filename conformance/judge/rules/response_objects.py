"""Rules of the response object of /v1/responses, a row each.

Those of `/v1/responses` alone: what every endpoint shares is in `responses`, what a response says of its request in
`response_echo`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

from conformance.checklist.verdicts import Severity
from conformance.probes import chance
from conformance.probes.endpoints.responses import Responses
from conformance.probes.response_views import (
    BEGIN_OF_THOUGHTS,
    END_OF_THOUGHTS,
    as_finite_float,
    as_int64,
    as_list,
    get_path,
)
from conformance.wire.exchange import Exchange
from conformance.wire.json_text import parse_json, quote_value

from .registry import applies_to_plain, applies_to_stream, cross_response_rule, rule
from .responses import SPECIAL_TOKEN

SHOULD = Severity.SHOULD
GREEDY = chance.RULE_GREEDY

_PLAIN = applies_to_plain(Responses)
_ANY_PLAIN = applies_to_plain(Responses, sampled=True)
_STREAM = applies_to_stream(Responses)

STATUSES = ("completed", "failed", "in_progress", "cancelled", "queued", "incomplete")
ENDED = ("completed", "incomplete")
"""Statuses of a response that is there, whole or in part."""

SECONDS_PER_DAY = 86_400


def _items(exchange: Exchange, *kinds: str) -> list[Any]:
    """Return the items of the output; only those of some types, where any are given."""
    items = as_list(get_path(exchange.json, "output"))
    return [item for item in items if not kinds or get_path(item, "type") in kinds]


def _status(exchange: Exchange) -> Any:
    return get_path(exchange.json, "status")


@rule("responses/response/status", _PLAIN, title="the status fits the items", chance=GREEDY)
def status(exchange: Exchange) -> str | None:
    """`status` is a documented word; where it is `completed`, so is every item."""
    told = _status(exchange)
    if told is None:
        return None
    if told not in STATUSES:
        return f"the status is {quote_value(told)}"
    if told == "completed" and any(
        get_path(item, "status") in ("in_progress", "incomplete") for item in _items(exchange)
    ):
        return "a completed response holds an item that is not"
    return ""


@rule(
    "responses/response/error_and_incomplete_details", _PLAIN, title="why a response is not complete", chance=GREEDY
)
def error_and_incomplete_details(exchange: Exchange) -> str | None:
    """A failed response says why in `error`, an incomplete one in `incomplete_details`; others have neither."""
    told = _status(exchange)
    if told not in STATUSES:
        return None
    error, details = (get_path(exchange.json, name) for name in ("error", "incomplete_details"))
    if told == "failed" and not all(isinstance(get_path(error, name), str) for name in ("code", "message")):
        return "a failed response has no `error` with code and message"
    if told == "incomplete" and not isinstance(get_path(details, "reason"), str):
        return "an incomplete response has no `incomplete_details` with a reason"
    if told != "failed" and error is not None:
        return "a response that did not fail has an `error`"
    if told != "incomplete" and details is not None:
        return "a response that is not incomplete has `incomplete_details`"
    return ""


@rule("responses/response/created_at", _PLAIN, title="`created_at` is now, in seconds", chance=GREEDY)
def created_at(exchange: Exchange) -> str | None:
    """`created_at` is a time in seconds, within a day of the client's clock, and not after `completed_at`."""
    when = as_finite_float(get_path(exchange.json, "created_at"))
    if when is None:
        return "`created_at` is no number"
    if abs(when - exchange.started) > SECONDS_PER_DAY:
        return "`created_at` is not near now, in seconds"
    until = as_finite_float(get_path(exchange.json, "completed_at"))
    # A whole second may stand beside a fraction of the same.
    return "`completed_at` is before `created_at`" if until is not None and until < int(when) else ""


@rule(
    "responses/response/completed_at", _PLAIN, severity=SHOULD, title="`completed_at` fits the status", chance=GREEDY,
    lack="no response has `completed_at`",
)  # fmt: skip
def completed_at(exchange: Exchange) -> str | None:
    """Where responses have `completed_at`, it is a number if the status is `completed`, and null else."""
    body, told = exchange.json, _status(exchange)
    if not isinstance(body, dict) or "completed_at" not in body or told not in STATUSES:
        return None
    if told == "completed":
        return (
            "" if as_finite_float(body["completed_at"]) is not None else "a completed response has no `completed_at`"
        )
    return "" if body["completed_at"] is None else "a response that is not completed has `completed_at`"


# Usage


@rule("responses/response/usage", _PLAIN, title="usage adds up", chance=GREEDY)
def usage(exchange: Exchange) -> str | None:
    """total_tokens is input_tokens plus output_tokens; details do not exceed what they are part of."""
    if _status(exchange) not in (None, *ENDED):
        return None
    found = get_path(exchange.json, "usage")
    read, written, total = (as_int64(get_path(found, f"{name}_tokens")) for name in ("input", "output", "total"))
    if read is None or written is None or total is None:
        return "`usage` is missing or incomplete"
    if total != read + written:
        return "`total_tokens` is not the sum of `input_tokens` and `output_tokens`"
    cached = as_int64(get_path(found, "input_tokens_details", "cached_tokens")) or 0
    thought = as_int64(get_path(found, "output_tokens_details", "reasoning_tokens")) or 0
    return "a detail of `usage` exceeds the count that it is part of" if cached > read or thought > written else ""


@rule(
    "responses/response/usage/reasoning_tokens", _PLAIN, severity=SHOULD, title="thoughts are counted",
    chance=GREEDY, capability="thinking", lack="no response that shows thoughts tells how many tokens they took",
)  # fmt: skip
def reasoning_tokens(exchange: Exchange) -> str | None:
    """Where a response shows thoughts, `reasoning_tokens` is not 0."""
    if not any(_shows_thoughts(item) for item in _items(exchange, "reasoning")):
        return None
    counted = as_int64(get_path(exchange.json, "usage", "output_tokens_details", "reasoning_tokens"))
    if counted is None:
        return None
    return "" if counted > 0 else "a response shows thoughts, and `reasoning_tokens` is 0"


def _shows_thoughts(item: Any) -> bool:
    parts = [part for name in ("content", "summary") for part in as_list(get_path(item, name))]
    return any(isinstance(text := get_path(part, "text"), str) and text.strip() for part in parts)


@cross_response_rule(
    "responses/response/usage/repeatable", title="equal requests count alike", chance=chance.RULE_STATUS
)
def repeatable_usage(exchanges: Sequence[Exchange]) -> Iterator[tuple[str, str]]:
    """Equal requests count equally many input tokens, those from a cache included.

    Requests that go on from what the server keeps are left out.
    """
    counted: dict[str, list[tuple[str, int]]] = {}
    for exchange in exchanges:
        body = exchange.call.body
        read = as_int64(get_path(exchange.json, "usage", "input_tokens")) if _ANY_PLAIN(exchange) else None
        if (
            read is not None
            and isinstance(body, dict)
            and not any(body.get(name) for name in ("conversation", "previous_response_id"))
        ):
            counted.setdefault(json.dumps(body, sort_keys=True), []).append((exchange.id, read))
    for same in counted.values():
        if len(same) > 1:
            fault = "equal requests count different `input_tokens`" if len({read for _, read in same}) > 1 else ""
            yield from ((name, fault) for name, _ in same)


# Items


@rule("responses/response/message", _PLAIN, title="messages are well formed", chance=GREEDY)
def message(exchange: Exchange) -> str | None:
    """A message is of the role assistant, and holds parts: texts, or a refusal."""
    found = _items(exchange, "message")
    if not found:
        return None
    for item in found:
        if get_path(item, "role") != "assistant":
            return f"the role is {quote_value(get_path(item, 'role'))}"
        parts = get_path(item, "content")
        if not isinstance(parts, list) or (not parts and get_path(item, "status") in (None, "completed")):
            return "a message has no content"
        for part in parts:
            if fault := _part_fault(part):
                return fault
    return ""


def _part_fault(part: Any) -> str:
    kind = get_path(part, "type")
    member = {"output_text": "text", "refusal": "refusal"}.get(str(kind))
    if member is not None:
        return "" if isinstance(get_path(part, member), str) else "a part of a message has no text"
    is_vendors = isinstance(kind, str) and ":" in kind
    return "" if is_vendors else f"a part of a message is of type {quote_value(kind)}"


@rule(
    "responses/response/function_call", _PLAIN, title="calls are well formed", chance=GREEDY, capability="tools",
    lack="no response holds a whole call",
)  # fmt: skip
def function_call(exchange: Exchange) -> str | None:
    """Each call has a `call_id` of its own, a name, and arguments that are a string holding a JSON object.

    A call that the limit cut may hold less, and is not completed.
    """
    calls = _items(exchange, "function_call")
    if not calls:
        return None
    names = [get_path(call, "call_id") for call in calls]
    if not all(isinstance(name, str) and name for name in names) or len(set(names)) < len(names):
        return "`call_id` is missing or repeated"
    if not all(isinstance(name := get_path(call, "name"), str) and name for call in calls):
        return "a call has no name"
    if not all(isinstance(get_path(call, "arguments"), str) for call in calls):
        return "`arguments` is no string"
    cut = _status(exchange) == "incomplete"
    if all(_has_sound_arguments(call, cut=cut) for call in calls):
        return ""
    if not cut and _is_at_limit(exchange):
        return None  # that it says nothing of its cut belongs to a row of its own
    return "`arguments` of a completed call holds no JSON object"


def _is_at_limit(exchange: Exchange) -> bool:
    """Tell whether the answer has as many tokens as were allowed."""
    limit = as_int64(get_path(exchange.call.body, "max_output_tokens"))
    written = as_int64(get_path(exchange.json, "usage", "output_tokens"))
    return limit is not None and written is not None and written >= limit


def _has_sound_arguments(call: Any, *, cut: bool) -> bool:
    told = get_path(call, "status")
    may_be_half = told == "incomplete" or (cut and told != "completed")
    return may_be_half or isinstance(parse_json(get_path(call, "arguments")), dict)


@rule(
    "responses/response/reasoning", _PLAIN, title="thoughts are well formed", chance=GREEDY, capability="thinking",
    lack="no response holds an item of thoughts",
)  # fmt: skip
def reasoning(exchange: Exchange) -> str | None:
    """An item of thoughts has a list `summary`, empty where none was asked for; its content is a list of texts."""
    items = _items(exchange, "reasoning")
    if not items:
        return None
    for item in items:
        summary, content = get_path(item, "summary"), get_path(item, "content")
        if not isinstance(summary, list):
            return "`summary` of thoughts is no list"
        if content is not None and not isinstance(content, list):
            return "`content` of thoughts is no list"
        if not all(isinstance(get_path(part, "text"), str) for part in (*summary, *as_list(content))):
            return "a part of thoughts has no text"
        if not isinstance(get_path(item, "encrypted_content"), str | None):
            return "`encrypted_content` is no text"
    return ""


# Texts


def _texts(exchange: Exchange) -> list[str]:
    parts = [part for item in _items(exchange, "message") for part in as_list(get_path(item, "content"))]
    return [text for part in parts if isinstance(text := get_path(part, "text"), str) and text]


@rule("responses/response/special_tokens", _PLAIN, title="no special tokens in the text", chance=GREEDY)
def special_tokens(exchange: Exchange) -> str | None:
    """Control tokens of the model's template do not leak into the text."""
    texts = _texts(exchange)
    if not texts:
        return None
    leak = next((found for text in texts if (found := SPECIAL_TOKEN.search(text))), None)
    return f"the text holds {leak.group()[:30]}" if leak else ""


@rule(
    "responses/response/thoughts_apart", _PLAIN, title="no thoughts in messages", chance=GREEDY,
    capability="thinking", lack="no response shows thoughts",
)  # fmt: skip
def thoughts_apart(exchange: Exchange) -> str | None:
    """What a model thinks is in an item of its own, never in a message."""
    texts = _texts(exchange)
    tagged = any(END_OF_THOUGHTS in text or text.lstrip().startswith(BEGIN_OF_THOUGHTS) for text in texts)
    if tagged:
        return "a message holds the tags of thoughts"
    return "" if texts and _items(exchange, "reasoning") else None
