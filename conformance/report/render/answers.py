"""What decides of an answer, in a few short lines: content, finish_reason, tool calls, usage, or an error's words."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from conformance.probes.response_output import OutputResponse
from conformance.probes.response_views import THOUGHTS, MalformedResponseError, TextResponse, as_list, get_path
from conformance.report.wrapping import cut_line
from conformance.wire.exchange import Exchange
from conformance.wire.json_text import quote_value

MAX_VALUE_CHARACTERS = 300
"""Characters of one member that are shown."""
_MAX_CHOICES = 4
_MAX_CALLS = 6
_MAX_ENTRIES = 3


def format_result(exchange: Exchange) -> str:
    """Return the status of an answer, or why there is none, and how long it took."""
    return f"{exchange.failure or exchange.status or 'no answer'} in {exchange.seconds:.2f} s"


def summarize_answer(exchange: Exchange) -> list[str]:
    """Return what decides of an answer: at most some twenty lines, whatever a server sent."""
    return [cut_line(line, MAX_VALUE_CHARACTERS + 100) for line in _summarize(exchange)]


def _summarize(exchange: Exchange) -> Iterator[str]:
    if exchange.failure:
        yield f"{exchange.failure}: {exchange.detail}".rstrip(": ")
    if exchange.call.streams and any(event.data for event in exchange.events):
        yield _describe_stream(exchange)
    told = _error_of(exchange)
    if told is not None:
        yield from _describe_error(told)
        return
    view = OutputResponse(exchange) if _is_output(exchange) else TextResponse(exchange)
    try:
        lines = [*_describe_choices(view), *_describe_usage(view.usage)]
    except MalformedResponseError:
        lines = list(_describe_other(exchange))
    yield from lines


def _is_output(exchange: Exchange) -> bool:
    """Whether an answer has output items, of which it is known by its own form: a proxy may have changed the path."""
    first = exchange.events[0].json if exchange.call.streams and exchange.events else exchange.json
    named = get_path(first, "type")
    return isinstance(get_path(first, "output"), list) or (isinstance(named, str) and named.startswith("response."))


def _describe_stream(exchange: Exchange) -> str:
    events = exchange.events
    ends = " and [DONE]" if events[-1].data.strip() == "[DONE]" else ""
    return f"stream: {len(events) - bool(ends)} events{ends}"


def _error_of(exchange: Exchange) -> Any:
    """Return the error that an answer tells, in its body or in an event of its stream; None where there is none."""
    documents = [exchange.json] if exchange.json is not None else [event.json for event in exchange.events]
    found = next((error for each in documents if (error := get_path(each, "error"))), None)
    if found is None and (exchange.status or 0) >= 400:
        found = get_path(exchange.json, "detail") or get_path(exchange.json, "message")
    return found


def _describe_error(error: Any) -> Iterator[str]:
    if not isinstance(error, dict):
        yield f"error: {quote_value(error, MAX_VALUE_CHARACTERS)}"
        return
    yield f"error: {quote_value(error.get('message'), MAX_VALUE_CHARACTERS)}"
    details = [f"{name} {quote_value(error[name])}" for name in ("type", "param", "code") if name in error]
    if details:
        yield f"error's {', '.join(details)}"


def _describe_choices(view: TextResponse) -> Iterator[str]:
    choices = view.choices
    for number, choice in enumerate(choices[:_MAX_CHOICES]):
        place = f"choice {number}: " if len(choices) > 1 else ""
        message = get_path(choice, "message")
        for name in THOUGHTS:
            if thoughts := get_path(message, name):
                yield f"{place}{name}: {quote_value(thoughts, MAX_VALUE_CHARACTERS)}"
        content = get_path(message, "content") if isinstance(message, dict) else get_path(choice, "text")
        yield f"{place}content: {quote_value(content, MAX_VALUE_CHARACTERS)}"
        for call in as_list(get_path(message, "tool_calls"))[:_MAX_CALLS]:
            yield f"{place}tool call: {_describe_call(call)}"
        if logprobs := get_path(choice, "logprobs"):
            yield f"{place}logprobs: {quote_value(logprobs, 120)}"
        yield f"{place}finish_reason: {quote_value(get_path(choice, 'finish_reason'))}"
    if len(choices) > _MAX_CHOICES:
        yield f"and {len(choices) - _MAX_CHOICES} more choices"
    if isinstance(view, OutputResponse):
        kinds = ", ".join(quote_value(kind) for kind in view.item_types[:_MAX_CALLS])
        yield f"status: {quote_value(view.status)}; output: {kinds or 'no items'}"


def _describe_call(call: Any) -> str:
    """Return a call as source code would have it: `get_weather({"city": "Oslo"})`."""
    function = get_path(call, "function") or get_path(call, "custom")
    name = get_path(function, "name")
    arguments = get_path(function, "arguments") or get_path(function, "input")
    shown = arguments if isinstance(arguments, str) else quote_value(arguments, MAX_VALUE_CHARACTERS)
    return f"{name if isinstance(name, str) else quote_value(name)}({shown[:MAX_VALUE_CHARACTERS]})"


def _describe_usage(usage: Any) -> Iterator[str]:
    if not isinstance(usage, dict):
        yield f"usage: {quote_value(usage)}"
        return
    counts = [f"{name} {quote_value(value)}" for name, value in usage.items() if not isinstance(value, dict)]
    yield f"usage: {', '.join(counts[:_MAX_CALLS])}"


def _describe_other(exchange: Exchange) -> Iterator[str]:
    """Describe an answer without choices: a list of embeddings or models, any other JSON, or text that is none."""
    body = exchange.json
    vectors = [get_path(entry, "embedding") for entry in as_list(get_path(body, "data"))]
    if any(vector is not None for vector in vectors):
        sizes = [_describe_vector(vector) for vector in vectors[:_MAX_ENTRIES]]
        yield f"data: {len(vectors)} {'entry' if len(vectors) == 1 else 'entries'}: {'; '.join(sizes)}"
        yield from _describe_usage(get_path(body, "usage"))
    elif body is not None:
        yield f"body: {quote_value(body, MAX_VALUE_CHARACTERS)}"
    elif exchange.text:
        kind = exchange.header("content-type") or "no content-type"
        yield f"no JSON ({kind}): {quote_value(exchange.text, MAX_VALUE_CHARACTERS)}"


def _describe_vector(vector: Any) -> str:
    if isinstance(vector, list):
        return f"{len(vector)} numbers, {quote_value(vector[:3])}"
    return f"{quote_value(vector)}" if not isinstance(vector, str) else f"base64 of {len(vector)} characters"
