"""Rules of the streams of /v1/responses, a row each.

Nothing is judged by which event is next to which: items may be interleaved, and events of vendors and of hosted
tools may lie between. [DONE] is no row: OpenAI sends none, the Open Responses specification demands one, the SDKs
take both.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from conformance.checklist.verdicts import Severity
from conformance.judge.response_stream import (
    CREATED,
    ERROR,
    IN_PROGRESS,
    QUEUED,
    TERMINAL,
    ResponseStream,
    StreamEvent,
    read_response_stream,
)
from conformance.probes import chance
from conformance.probes.endpoints.responses import Responses
from conformance.probes.response_views import as_int64, as_list, get_path
from conformance.wire.exchange import Exchange

from .registry import applies_to_plain, applies_to_stream, cross_response_rule, rule

SHOULD = Severity.SHOULD

StreamCheck = Callable[[ResponseStream], str | None]
"""What is wrong with a stream; empty where nothing is; None where it cannot test the rule."""

IS_STREAM = applies_to_stream(Responses)
_IS_PLAIN = applies_to_plain(Responses)


def read_judged_stream(exchange: Exchange) -> ResponseStream | None:
    """Return a stream that rules can judge.

    None where none came, or where the SDK could not read on: the rows about framing and type say so. At an error that
    an event tells of, it raises too.
    """
    stream = read_response_stream(exchange.events)
    was_left = exchange.sdk_result is not None and exchange.sdk_result.exception is not None and not stream.errors
    return stream if stream.known and not was_left else None


def stream_rule(
    name: str,
    title: str,
    *,
    severity: Severity = Severity.MUST,
    capability: str = "",
    lack: str = "",
) -> Callable[[StreamCheck], StreamCheck]:
    """Declare a rule row about single streams. The docstring of the check says what holds."""

    def register(check: StreamCheck) -> StreamCheck:
        @functools.wraps(check)
        def check_exchange(exchange: Exchange) -> str | None:
            stream = read_judged_stream(exchange)
            return None if stream is None else check(stream)

        declare = rule(
            f"responses/stream/{name}",
            IS_STREAM,
            severity=severity,
            title=title,
            capability=capability,
            chance=chance.RULE_GREEDY,
            lack=lack,
        )
        declare(check_exchange)
        return check

    return register


# The events


@stream_rule("event_names", "events are named after their type")
def event_names(stream: ResponseStream) -> str | None:
    """Every event has a `type`, and the field `event` of its framing says the same."""
    for event in stream.events:
        if event.is_bare_error:
            continue
        if not isinstance(event.body.get("type"), str) or not event.type:
            return "an event has no `type`"
        if event.name != event.type:
            return "an event has no name" if not event.name else "the name of an event is not its `type`"
    return ""


@stream_rule("sequence_number", "events are numbered")
def sequence_number(stream: ResponseStream) -> str | None:
    """`sequence_number` counts the events from 0 without a gap. Vendors' own events need none."""
    due = 0
    for event in stream.events:
        if "sequence_number" not in event.body and (event.is_bare_error or not event.is_known):
            continue
        number = as_int64(event.body.get("sequence_number"))
        if number is None:
            return "an event has no `sequence_number`"
        if number != due:
            return "`sequence_number` does not count from 0 without a gap"
        due += 1
    return ""


# The response


@stream_rule("created_first", "the stream begins with the response")
def created_first(stream: ResponseStream) -> str | None:
    """`response.created` comes first and once, then `response.in_progress`: both without output so far.

    A response in the background may be `queued` in between.
    """
    kinds = [event.type for event in stream.known]
    if kinds[0] == ERROR:
        return None
    if kinds[0] != CREATED:
        return "the stream does not begin with `response.created`"
    if kinds.count(CREATED) > 1:
        return "`response.created` comes twice"
    then = next((kind for kind in kinds[1:] if kind != QUEUED), ERROR)
    if then not in (IN_PROGRESS, ERROR, "response.failed"):
        return "`response.in_progress` does not follow `response.created`"
    for event in stream.lifecycle:
        fault = _beginning_fault(event) if event.type in _EARLY else ""
        if fault:
            return fault
    return ""


_EARLY = {CREATED: ("in_progress", "queued"), IN_PROGRESS: ("in_progress",)}
"""Events before the output -> the statuses of the responses that they may hold."""


def _beginning_fault(event: StreamEvent) -> str:
    if not isinstance(event.response, dict):
        return ""  # a fault of `lifecycle_response`
    if event.response.get("status") not in _EARLY[event.type]:
        return "the response has another status than `in_progress` when it begins"
    return "the response has output when it begins" if as_list(event.response.get("output")) else ""


@stream_rule("lifecycle_response", "events about the response hold it")
def lifecycle_response(stream: ResponseStream) -> str | None:
    """Each event about the response as a whole holds it, and its id never changes."""
    names = [get_path(event.response, "id") for event in stream.lifecycle]
    if not names:
        return None
    if not all(isinstance(event.response, dict) for event in stream.lifecycle):
        return "an event about the response does not hold it"
    if not all(isinstance(name, str) and name for name in names):
        return "the response has no id"
    return "" if len(set(names)) == 1 else "the id of the response changes"


@stream_rule("lifecycle_response/details", "events about the response hold all of it", severity=SHOULD)
def lifecycle_details(stream: ResponseStream) -> str | None:
    """`created_at` and `model` are in each response of a stream; `model` never changes, `created_at` never goes back.

    A server that tells the time of each event in `created_at` is wrong too, which is not held against it: it shows
    only in a stream that happens to last into another second.
    """
    held = [event.response for event in stream.lifecycle if isinstance(event.response, dict)]
    if not held:
        return None
    for name, kinds in (("created_at", (int, float)), ("model", (str,))):
        values = [response.get(name) for response in held]
        if not all(isinstance(value, kinds) for value in values):
            return f"`{name}` is missing from a response of the stream"
    if len({response["model"] for response in held}) > 1:
        return "`model` changes within the stream"
    times = [response["created_at"] for response in held]
    return "" if times == sorted(times) else "`created_at` goes back within the stream"


@stream_rule("usage", "usage comes at the end")
def usage(stream: ResponseStream) -> str | None:
    """The response at the end tells its usage, which adds up; until then it is null."""
    if not stream.is_orderly or stream.terminal is None:
        return None
    if any(get_path(event.response, "usage") is not None for event in stream.lifecycle if event.type in _EARLY):
        return "the usage is told before the end"
    told = get_path(stream.terminal.response, "usage")
    read, written, total = (as_int64(get_path(told, f"{name}_tokens")) for name in ("input", "output", "total"))
    if read is None or written is None or total is None:
        return "`usage` is missing or incomplete at the end"
    return "" if read + written == total else "`total_tokens` is not the sum of `input_tokens` and `output_tokens`"


@stream_rule("empty_output", "`output` is always a list")
def empty_output(stream: ResponseStream) -> str | None:
    """`output` of every response in the stream is a list, empty where nothing was said so far; never null."""
    held = [event.response for event in stream.lifecycle if isinstance(event.response, dict)]
    if not held:
        return None
    return "" if all(isinstance(response.get("output"), list) for response in held) else "`output` is no list"


@stream_rule("error_in_stream", "a stream that fails says so", lack="no stream of this run failed once it had begun")
def error_in_stream(stream: ResponseStream) -> str | None:
    """Where the server fails once a stream has begun, an `error` event or `response.failed` says why and ends it."""
    failed = [event for event in stream.known if event.type in (ERROR, "response.failed")]
    if not failed:
        return None
    if stream.known[-len(failed) :] != failed:
        return "events follow the one that tells of the failure"
    for event in failed:
        told = event.body.get("error") if event.type == ERROR else get_path(event.response, "error")
        message = get_path(told, "message") or (event.body.get("message") if event.type == ERROR else None)
        if not isinstance(message, str):
            return "the event that tells of a failure holds no message"
    return ""


# The end


@cross_response_rule(
    "responses/stream/terminal", title="the stream ends with its response", chance=chance.RULE_GREEDY
)
def terminal(exchanges: Sequence[Exchange]) -> Iterator[tuple[str, str]]:
    """One event ends a stream and comes last: `response.completed`, `response.incomplete`, `response.failed`.

    It is named after the status of the response that it holds. A text that the limit cut, as the same request with a
    larger limit shows, is incomplete. Where the server fails, an `error` event may stand in its place.
    """
    texts = _collect_texts(exchanges)
    for exchange in exchanges:
        stream = read_judged_stream(exchange) if IS_STREAM(exchange) else None
        if stream is None:
            continue
        fault = _terminal_fault(stream)
        longer = "" if fault else _find_longer(exchange, stream, texts)
        if longer:
            fault = "a response that the limit cut ends with `response.completed`"
            yield longer, fault  # sent again with it, where the finding is to be confirmed
        yield exchange.id, fault


def _terminal_fault(stream: ResponseStream) -> str:
    kinds = [event.type for event in stream.known]
    ends = [kind for kind in kinds if kind in TERMINAL]
    if len(ends) > 1:
        return "more than one event ends the stream"
    if stream.errors:
        return ""  # the row `error_in_stream` judges how it ends
    if stream.terminal is None:
        return "no event ends the stream"
    if kinds[-1] != stream.terminal.type:
        return "events follow the one that ends the stream"
    response = stream.terminal.response
    status = get_path(response, "status")
    if isinstance(status, str) and status != TERMINAL[stream.terminal.type]:
        return "the event that ends the stream is not named after the status of its response"
    if stream.terminal.type != "response.completed":
        return ""
    cut = [get_path(item, "status") == "incomplete" for item in as_list(get_path(response, "output"))]
    if any(cut) or get_path(response, "incomplete_details") is not None:
        return "`response.completed` ends a response that is incomplete"
    return ""


_FORM = ("stream", "stream_options", "max_output_tokens")
"""Fields that change how much is said, or in which form, but not the text itself."""

Texts = dict[str, list[tuple[int, str, str]]]
"""Request -> limit in tokens, text and exchange of each of its greedy answers."""


def _request_of(exchange: Exchange) -> tuple[str, int] | None:
    """Return what is asked, and with which limit; None where another answer may say something else."""
    body = exchange.call.body
    limit = as_int64(get_path(body, "max_output_tokens"))
    if limit is None or body.get("temperature") != 0:
        return None
    return json.dumps({name: value for name, value in body.items() if name not in _FORM}, sort_keys=True), limit


def _collect_texts(exchanges: Sequence[Exchange]) -> Texts:
    found: Texts = {}
    for exchange in exchanges:
        request = _request_of(exchange) if IS_STREAM(exchange) or _IS_PLAIN(exchange) else None
        if request is not None:
            stream = read_response_stream(exchange.events) if exchange.call.streams else None
            output = get_path(exchange.json, "output") if stream is None else stream.output
            found.setdefault(request[0], []).append((request[1], _text_of(output), exchange.id))
    return found


def _text_of(output: Any) -> str:
    """Return the texts of an output, joined."""
    parts = [part for item in as_list(output) for part in as_list(get_path(item, "content"))]
    texts = [get_path(part, "text") for part in parts if get_path(part, "type") == "output_text"]
    return "".join(text for text in texts if isinstance(text, str))


def _find_longer(exchange: Exchange, stream: ResponseStream, texts: Texts) -> str:
    """Return the exchange that shows that the limit cut a stream which says that it is complete; empty for none.

    It ends where the limit does, and the same request with a larger limit goes on from there.
    """
    request = _request_of(exchange)
    if request is None or stream.terminal is None or stream.terminal.type != "response.completed":
        return ""
    key, limit = request
    text = _text_of(stream.output)
    written = as_int64(get_path(stream.terminal.response, "usage", "output_tokens"))
    if not text or written is None or written < limit:
        return ""
    longer = (name for most, more, name in texts[key] if most > limit and more != text and more.startswith(text))
    return next(longer, "")
