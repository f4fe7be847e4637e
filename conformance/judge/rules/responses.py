"""Rules of plain answers: schema, usage, ids, choices, finish reasons, times, logprobs, tool calls."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from conformance.checklist.verdicts import Severity
from conformance.judge.schema_faults import find_schema_faults
from conformance.probes import chance
from conformance.probes.endpoints import ENDPOINTS, Chat, Completions, Embeddings
from conformance.probes.response_views import (
    MalformedResponseError,
    TextResponse,
    as_finite_float,
    as_int64,
    as_list,
    get_path,
)
from conformance.wire.exchange import Exchange
from conformance.wire.json_text import quote_value

from .registry import Check, applies_to_plain, cross_response_rule, rule

SHOULD = Severity.SHOULD

SPECIAL_TOKEN = re.compile(r"<\|\w+\|>|<end_of_turn>|</s>")

FINISHES = ("stop", "length", "tool_calls", "content_filter", "function_call")


def schema(exchange: Exchange) -> str:
    """The answer has every member that clients read, of the right type."""
    faults = find_schema_faults(exchange)
    return min(faults) if faults else ""


def schema_details(exchange: Exchange) -> str:
    """Members, identifiers and values are as in OpenAI's own answers, also where clients would tolerate others."""
    faults = find_schema_faults(exchange, "should")
    return min(faults) if faults else ""


def usage(exchange: Exchange) -> str | None:
    """total_tokens is prompt_tokens plus completion_tokens; details do not exceed what they are part of."""
    found = get_path(exchange.json, "usage")
    prompt, completion, total = (
        as_int64(get_path(found, f"{name}_tokens")) for name in ("prompt", "completion", "total")
    )
    if prompt is None or completion is None or total is None:
        return "`usage` is missing or incomplete"
    if total != prompt + completion:
        return "`total_tokens` is not the sum of `prompt_tokens` and `completion_tokens`"
    cached = as_int64(get_path(found, "prompt_tokens_details", "cached_tokens")) or 0
    reasoning = as_int64(get_path(found, "completion_tokens_details", "reasoning_tokens")) or 0
    if cached > prompt or reasoning > completion:
        return "a detail of `usage` exceeds the count that it is part of"
    return ""


def choice_indices(exchange: Exchange) -> str | None:
    """The indices of the choices count from 0 without gaps."""
    choices = as_list(get_path(exchange.json, "choices"))
    if not choices:
        return "`choices` is missing or empty"
    indices = [get_path(choice, "index") for choice in choices]
    return (
        ""
        if indices == list(range(len(choices)))
        else f"the indices of the choices are {quote_value(indices[:6], 60)}"
    )


def finish_reason(exchange: Exchange) -> str | None:
    """finish_reason is one of the documented words."""
    choices = as_list(get_path(exchange.json, "choices"))
    if not choices:
        return None
    unknown = [reason for choice in choices if (reason := get_path(choice, "finish_reason")) not in FINISHES]
    return f"finish_reason is {quote_value(unknown[0])}" if unknown else ""


def length_is_the_limit(exchange: Exchange) -> str | None:
    """Where one choice ends with `length`, it has as many tokens as were allowed."""
    body = exchange.call.body if isinstance(exchange.call.body, dict) else {}
    limit = body.get("max_tokens", body.get("max_completion_tokens"))
    choices = as_list(get_path(exchange.json, "choices"))
    if (
        not isinstance(limit, int)
        or limit <= 0
        or len(choices) != 1
        or get_path(choices, 0, "finish_reason") != "length"
    ):
        return None
    said = as_int64(get_path(exchange.json, "usage", "completion_tokens"))
    if said is None or "best_of" in body or "prediction" in body:
        return None  # the usage counts texts, or predicted tokens, that are not in the answer
    return "" if said == limit else f"finish_reason `length` with {said} tokens where {limit} were allowed"


def created(exchange: Exchange) -> str | None:
    """`created` is a time in seconds, within a day of the client's clock."""
    when = as_int64(get_path(exchange.json, "created"))
    if when is None:
        return "`created` is no whole number"
    return "" if abs(when - int(exchange.started)) < 86_400 else "`created` is not near now, in seconds"


def model_echoed(exchange: Exchange) -> str | None:
    """`model` names the model that was asked for."""
    asked = get_path(exchange.call.body, "model")
    if not isinstance(asked, str) or asked.startswith("no-such-model"):
        return None
    told = get_path(exchange.json, "model")
    if isinstance(told, str) and told.startswith(asked):
        return ""
    return f"`model` is {quote_value(told, 60)}, not the one asked for"


def content_type(exchange: Exchange) -> str:
    """A plain answer is application/json."""
    kind = exchange.header("content-type")
    return "" if kind.startswith("application/json") else f"content-type is {quote_value(kind, 60)}"


SHARED: Mapping[str, tuple[str, Check, Severity]] = {
    "schema": ("schema", schema, Severity.MUST),
    "schema/details": ("schema, optional members", schema_details, SHOULD),
    "usage": ("usage adds up", usage, Severity.MUST),
    "choice_indices": ("indices of choices", choice_indices, Severity.MUST),
    "finish_reason": ("finish_reason is a documented word", finish_reason, Severity.MUST),
    "length_is_the_limit": ("`length` means the limit", length_is_the_limit, SHOULD),
    "created": ("`created` is now, in seconds", created, Severity.MUST),
    "model": ("`model` is the one asked for", model_echoed, SHOULD),
    "content_type": ("content-type", content_type, Severity.MUST),
}
"""Rule -> title, check and severity. Each endpoint's class names those that hold for its responses."""

for _endpoint in ENDPOINTS:
    for _name in _endpoint.response_rules:
        _title, _check, _severity = SHARED[_name]
        # Several choices are asked for by sampling.
        _applies = applies_to_plain(_endpoint, sampled=_name == "choice_indices")
        _chance = chance.RULE_GREEDY if _endpoint.generates else chance.RULE_COMPUTED
        if _name == "choice_indices":
            _chance = chance.RULE_NUMBERING
        rule(f"{_endpoint.name}/response/{_name}", _applies, severity=_severity, title=_title, chance=_chance)(_check)

_CHAT = applies_to_plain(Chat)


@rule("chat/response/role", _CHAT, title="the role is assistant", chance=chance.RULE_GREEDY)
def role(exchange: Exchange) -> str | None:
    """Each message's role is `assistant`."""
    choices = as_list(get_path(exchange.json, "choices"))
    if not choices:
        return None
    others = [who for choice in choices if (who := get_path(choice, "message", "role")) != "assistant"]
    return f"the role is {quote_value(others[0])}" if others else ""


@rule("chat/response/tool_calls", _CHAT, title="tool calls are well formed", chance=chance.RULE_GREEDY)
def tool_calls(exchange: Exchange) -> str | None:
    """Each call has an id of its own, type `function`, and arguments that are a string holding a JSON object."""
    calls = [
        call
        for choice in as_list(get_path(exchange.json, "choices"))
        for call in as_list(get_path(choice, "message", "tool_calls"))
        if get_path(call, "type") != "custom"
    ]
    if not calls:
        return None
    ids = [get_path(call, "id") for call in calls]
    if not all(isinstance(each, str) and each for each in ids) or len(set(ids)) < len(ids):
        return "ids of tool calls are missing or repeated"
    if any(get_path(call, "type") != "function" for call in calls):
        return "a tool call's type is not `function`"
    cut = any(get_path(choice, "finish_reason") == "length" for choice in as_list(get_path(exchange.json, "choices")))
    for call in calls:
        arguments = get_path(call, "function", "arguments")
        if not isinstance(arguments, str):
            return "`arguments` is no string"
        if not cut and not _is_object(arguments):
            return "`arguments` holds no JSON object"
    return ""


def _is_object(text: str) -> bool:
    try:
        return isinstance(json.loads(text), dict)
    except (ValueError, RecursionError):
        return False


@rule(
    "chat/response/finish_tool_calls",
    _CHAT,
    title="`tool_calls` is said when tools are called",
    chance=chance.RULE_GREEDY,
)
def finish_tool_calls(exchange: Exchange) -> str | None:
    """finish_reason is `tool_calls` exactly when there are calls; with a named tool OpenAI says `stop`."""
    faults = None
    for choice in as_list(get_path(exchange.json, "choices")):
        calls = as_list(get_path(choice, "message", "tool_calls"))
        reason = get_path(choice, "finish_reason")
        named = isinstance(get_path(exchange.call.body, "tool_choice"), dict)
        if calls:
            faults = faults or ""
            if reason not in ("tool_calls", "length") and not (named and reason == "stop"):
                faults = f"tools are called, and finish_reason is {quote_value(reason)}"
        elif reason == "tool_calls":
            faults = "finish_reason is `tool_calls`, and no tool is called"
    return faults


@rule("chat/response/special_tokens", _CHAT, title="no special tokens in the text", chance=chance.RULE_GREEDY)
def special_tokens(exchange: Exchange) -> str | None:
    """Control tokens of the model's template do not leak into the text, unless a bias forces them."""
    if get_path(exchange.call.body, "logit_bias"):
        return None
    texts = [
        text
        for choice in as_list(get_path(exchange.json, "choices"))
        if isinstance(text := get_path(choice, "message", "content"), str) and text
    ]
    if not texts:
        return None
    leak = next((found for text in texts if (found := SPECIAL_TOKEN.search(text))), None)
    return f"the text holds {leak.group()[:30]}" if leak else ""


@rule("chat/response/logprobs", _CHAT, title="logprobs join to the text", chance=chance.RULE_GREEDY)
def logprobs(exchange: Exchange) -> str | None:
    """Tokens join to the content; logprobs are at most 0, alternatives sorted; at temperature 0 the first wins."""
    try:
        answer = TextResponse(exchange)
        entries, texts = answer.logprobs, _texts_due(answer)
    except MalformedResponseError:
        return None
    if not entries:
        return None
    if not any(_joins(entries, text, answer.finish_reason) for text in texts):
        return "the tokens do not join to the content"
    for entry in entries:
        fault = _entry_fault(entry, greedy=get_path(exchange.call.body, "temperature") == 0)
        if fault:
            return fault
    return ""


def _texts_due(answer: TextResponse) -> list[str]:
    """Return what the tokens may join to: the content, with the thoughts before it or without.

    Raises:
        MalformedResponseError: the answer holds no choice.
    """
    return [answer.content, answer.text, answer.raw_content]


def _joins(entries: Sequence[Any], text: str, finish: str | None) -> bool:
    """Tell whether tokens join to a text. Where the limit cuts a character, half of it may be in one alone."""
    joined = {_joined(entries), "".join(str(get_path(entry, "token")) for entry in entries)}
    if text in joined:
        return True
    whole = text.rstrip("\ufffd")
    return finish == "length" and any(each is not None and each.rstrip("\ufffd") == whole for each in joined)


def _joined(entries: Sequence[Any]) -> str | None:
    parts = [get_path(entry, "bytes") for entry in entries]
    if not all(isinstance(part, list) and all(isinstance(b, int) and 0 <= b < 256 for b in part) for part in parts):
        return None
    return b"".join(bytes(part) for part in parts).decode("utf-8", "replace")


def _entry_fault(entry: Any, *, greedy: bool) -> str:
    value = as_finite_float(get_path(entry, "logprob"))
    if value is None or value > 1e-6:
        return "a logprob is above 0, or no number"
    found = [as_finite_float(get_path(top, "logprob")) for top in as_list(get_path(entry, "top_logprobs"))]
    tops = [top for top in found if top is not None]
    if len(tops) < len(found):
        return "an alternative has no logprob"
    if tops != sorted(tops, reverse=True):
        return "the alternatives are not sorted by falling logprob"
    if greedy and tops and value < tops[0] - 1e-4:
        return "at temperature 0 the chosen token is not the likeliest"
    return ""


@rule(
    "embeddings/response/vectors",
    applies_to_plain(Embeddings),
    title="vectors are sound",
    chance=chance.RULE_COMPUTED,
)
def vectors(exchange: Exchange) -> str | None:
    """Vectors are finite, not all zero, of one length; `index` is the place in the list."""
    data = as_list(get_path(exchange.json, "data"))
    if not data:
        return "`data` is missing or empty"
    if [get_path(item, "index") for item in data] != list(range(len(data))):
        return "`index` is not the place in the list"
    floats = [get_path(item, "embedding") for item in data]
    lists = [vector for vector in floats if isinstance(vector, list)]
    if len({len(vector) for vector in lists}) > 1:
        return "the vectors of one answer differ in length"
    for vector in lists:
        if any(as_finite_float(each) is None for each in vector):
            return "a vector holds what is no finite number"
        if not any(vector):
            return "a vector is all zeros"
    return ""


@cross_response_rule("chat/response/ids_unique", title="ids are unique", chance=chance.RULE_IDS)
def ids_unique(exchanges: Sequence[Exchange]) -> list[tuple[str, str]]:
    """No two answers of the run have the same id."""
    named = [
        (exchange.id, name)
        for exchange in exchanges
        if exchange.accepted
        and exchange.call.path in (Chat.path, Completions.path)
        and isinstance(name := get_path(_first_document(exchange), "id"), str)
    ]
    if len(named) < 2:
        return []
    holders: dict[str, set[str]] = {}
    for exchange_id, name in named:
        holders.setdefault(name, set()).add(exchange_id)
    return [
        (exchange_id, "two answers have the same id" if len(holders[name]) > 1 else "") for exchange_id, name in named
    ]


def _first_document(exchange: Exchange) -> Any:
    return exchange.events[0].json if exchange.call.streams and exchange.events else exchange.json
