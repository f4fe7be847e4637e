"""errors: bad requests, each one fault away from a request that is accepted.

An error is right when status, envelope and the SDK's exception are; where only `type`, `param` or `code` differ it is
partial. Source: the error guide, and the answers that OpenAI itself was seen to give.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Mapping
from typing import Any

from conformance.checklist.field_values import FieldValues
from conformance.checklist.rows import field_values
from conformance.checklist.verdicts import Severity
from conformance.wire.exchange import Call, Exchange
from conformance.wire.json_text import quote_value

from . import chance
from .availability import attempt_valid, send_bad, send_bad_raw, send_nonsense
from .endpoints import ENDPOINTS, Chat, Embeddings, RequestEndpoint
from .observation import Observation, broken, ignored, inconclusive, not_applicable, partial, supported
from .registry import probe
from .response_views import get_path
from .session import ABSENT, is_refused

EXCEPTIONS = {400: "BadRequestError", 404: "NotFoundError", 405: "APIStatusError", 422: "UnprocessableEntityError"}
"""Status -> the SDK's exception class, which clients catch."""


def grade_error(exchange: Exchange, status: int, param: str | None = None, code: str | None = None) -> Observation:
    """Grade the answer to a bad request. `param`, `code`: what OpenAI names, None where it is open."""
    if exchange.accepted:
        return ignored(f"the bad request is answered with {exchange.status}")
    if exchange.status != status:
        return broken(f"status {exchange.failure or exchange.status} where {status} is due")
    error = get_path(exchange.json, "error")
    message = get_path(error, "message")
    if not isinstance(message, str) or not message:
        return broken(f"status {status}, but the body is no error envelope with a message")
    exception = exchange.sdk_result.exception if exchange.sdk_result else EXCEPTIONS[status]  # sent without the SDK
    if exception != EXCEPTIONS[status]:
        return broken(f"the SDK raises {exception} where {EXCEPTIONS[status]} is due")
    wrong = _details(error, param, code)
    if wrong:
        return partial(f"status {status} and message are right; {', '.join(wrong)}")
    return supported(f"status {status}, envelope and the SDK's {exception} are right")


def _details(error: Any, param: str | None, code: str | None) -> list[str]:
    wrong = []
    if error.get("type") != "invalid_request_error":
        wrong.append(f"`type` is {quote_value(error.get('type'))}")
    named = error.get("param", ABSENT)
    if named is ABSENT:
        wrong.append("`param` is missing")
    elif param is not None and not (isinstance(named, str) and param in named):
        wrong.append(f"`param` is {quote_value(named)}, not `{param}`")
    coded = error.get("code", ABSENT)
    if coded is ABSENT:
        wrong.append("`code` is missing")
    elif not isinstance(coded, str | None) or (code is not None and coded != code):
        wrong.append(f"`code` is {quote_value(coded)}" + (f", not `{code}`" if code else ""))
    return wrong


def unknown_model(endpoint: RequestEndpoint[Any]) -> Observation:
    """Ask for a name that no model has: 404, `model_not_found`."""
    exchange = send_bad(endpoint, model="no-such-model-zz")
    return grade_error(exchange, 404, code="model_not_found")


def missing(endpoint: RequestEndpoint[Any], field: str) -> Observation:
    """Leave out a required field: 400."""
    body = endpoint.minimal_body()
    del body[field]
    return grade_error(send_bad_raw(endpoint, body=body), 400)


def malformed(endpoint: RequestEndpoint[Any]) -> Observation:
    """Send a body that is cut in the middle: 400."""
    return grade_error(send_bad_raw(endpoint, raw=json.dumps({"model": endpoint.model})[:-1]), 400)


def not_an_object(endpoint: RequestEndpoint[Any]) -> Observation:
    """Send a body that is JSON, but no object: 400."""
    return grade_error(send_bad_raw(endpoint, raw="[]"), 400)


def wrong_type(endpoint: RequestEndpoint[Any], field: str) -> Observation:
    """Nonsense in place of the field's value, where a valid one is accepted: 400."""
    values = field_values(endpoint.name)[field]
    return judge_misuse(endpoint, field, send_nonsense(endpoint, field, values, **_bounded(field)))


def out_of_range(endpoint: RequestEndpoint[Any], field: str) -> Observation:
    """Send a value beyond the documented range, where a valid one is accepted: 400."""
    return misused(endpoint, field, endpoint.out_of_range[field])


def misused(endpoint: RequestEndpoint[Any], field: str, value: Any) -> Observation:
    """Send a bad value of a field. A server that refuses valid ones too has not told them apart."""
    values = field_values(endpoint.name)[field]
    bad = send_bad(endpoint, **{**values.context, field: value}, **_bounded(field))
    return judge_misuse(endpoint, field, bad)


def judge_misuse(
    endpoint: RequestEndpoint[Any], field: str, bad: Exchange, *, param: str | None = None
) -> Observation:
    """Judge the answer to a bad value of a field. `param`: what OpenAI names, the field unless given."""
    values = field_values(endpoint.name)[field]
    if not bad.accepted and values.valid is not None:
        twin = attempt_valid(endpoint, field, values)
        if not twin.accepted:
            return _judge_refused_field(endpoint, values.context, bad, twin)
    return grade_error(bad, 400, param=param or field)


def _judge_refused_field(
    endpoint: RequestEndpoint[Any], context: Mapping[str, Any], bad: Exchange, twin: Exchange
) -> Observation:
    """Judge a bad value where a valid one is not accepted either: a field that is not taken has no wrong type.

    That the field is refused is told by its own row, and what every refusal must look like by rules. Where what must
    be sent along is refused, nothing is known of the field.
    """
    companions_taken = not context or endpoint.attempt_minimal(**context).accepted
    if companions_taken and is_refused(bad) and is_refused(twin):
        return not_applicable(
            f"a valid value is refused with {twin.status} too: the field, or this value, is not taken"
        )
    return inconclusive(f"a valid value is answered with {twin.failure or twin.status} too")


def _bounded(field: str) -> dict[str, Any]:
    """Return what ends the answer of a server that takes a bad limit for none: we leave at its first words.

    Seen: -5 keeps Ollama writing for as long as its context lasts, and all other requests waiting. Where another
    limit holds, we stay to the end: leaving just as it came made Ollama 0.13.5 hang for good.
    """
    return {"stream": True, "abort_after_events": 1} if field in ("max_tokens", "max_output_tokens") else {}


def declare_error_rows() -> None:
    """Declare the error rows of every endpoint, made of its required fields and of the values of all its fields.

    Call it once, when all probe modules are imported.
    """
    for endpoint in ENDPOINTS:
        if not issubclass(endpoint, RequestEndpoint):
            continue
        fields = field_values(endpoint.name)
        _collect_bad_values(endpoint, fields)
        _declare(endpoint, "unknown_model", "A name that no model has: 404, `model_not_found`.", unknown_model)
        for name in endpoint.required:
            _declare(endpoint, f"missing/{name}", f"`{name}` is absent: 400.", missing, field=name)
        _declare(endpoint, "malformed_json", "A body cut in the middle: 400.", malformed)
        _declare(endpoint, "not_an_object", "A body that is JSON, but no object: 400.", not_an_object)
        for name in _in_order(endpoint, fields):
            about = f"{json.dumps(fields[name].invalid)} as `{name}`, where a valid value is accepted: 400."
            capability = fields[name].capability
            _declare(endpoint, f"wrong_type/{name}", about, wrong_type, capability=capability, field=name)
        for name, value in endpoint.out_of_range.items():
            about = f"{json.dumps(value)} as `{name}`, beyond the documented range: 400."
            _declare(endpoint, f"out_of_range/{name}", about, out_of_range, field=name)


def _in_order(endpoint: type[RequestEndpoint[Any]], fields: dict[str, FieldValues]) -> list[str]:
    """Return first the fields that endpoints of text share, then its own: of each the required ones first."""
    others = [field_values(each.name) for each in ENDPOINTS if each.generates and each is not endpoint]

    def key(name: str) -> tuple[bool, bool, str]:
        shared = endpoint.generates and any(other.get(name) == fields[name] for other in others)
        return (not shared, name not in endpoint.required, name)

    return sorted(fields, key=key)


def _declare(
    endpoint: type[RequestEndpoint[Any]],
    row: str,
    description: str,
    experiment: Callable[..., Observation],
    *,
    capability: str = "",
    **arguments: str,
) -> None:
    """Declare an error row of an endpoint; `experiment` takes the endpoint, then the arguments by name."""
    probe(
        f"errors/{endpoint.name}/{row}",
        endpoints=(endpoint,),
        description=description,
        capability=capability or endpoint.capability,
        severity=Severity.SHOULD,
        chance=chance.STATUS_AND_ERROR,
    )(functools.partial(experiment, **arguments))


BAD_MESSAGES: tuple[Any, ...] = ([], [{"role": "wizard", "content": "Hi"}])
"""No message at all, and a role that nobody has."""

BAD_INPUT: list[Any] = []
"""Nothing to embed."""


def is_bad_request(call: Call) -> bool:
    """Tell whether a call holds a value that these rows put there to be refused.

    A server that accepts it is told so by the row; the answer that it makes of it says nothing of its answers.
    """
    body = call.body
    if not isinstance(body, dict):
        return False
    return any(name in body and body[name] in bad for name, bad in _bad_values.get(call.path, {}).items())


_bad_values: dict[str, dict[str, tuple[Any, ...]]] = {}
"""Route -> field -> values that are none of it; filled as the error rows are declared."""


def _collect_bad_values(endpoint: type[RequestEndpoint[Any]], fields: dict[str, FieldValues]) -> None:
    for name, values in fields.items():
        declare_bad_values(endpoint.path, name, values.invalid)
    for name, value in endpoint.out_of_range.items():
        declare_bad_values(endpoint.path, name, value)


def declare_bad_values(path: str, field: str, *bad: Any) -> None:
    """Declare values of a field at a route that are none: what a server makes of them says nothing of its answers."""
    known = _bad_values.setdefault(path, {})
    known[field] = (*known.get(field, ()), *bad)


declare_bad_values(Chat.path, "messages", *BAD_MESSAGES)
declare_bad_values(Embeddings.path, "input", BAD_INPUT)


@probe("errors/chat/empty_messages", severity=Severity.SHOULD, chance=chance.STATUS_AND_ERROR)
def empty_messages(chat: Chat) -> Observation:
    """No message at all: 400."""
    return grade_error(send_bad(chat, messages=BAD_MESSAGES[0]), 400, param="messages")


@probe("errors/chat/unknown_role", severity=Severity.SHOULD, chance=chance.STATUS_AND_ERROR)
def unknown_role(chat: Chat) -> Observation:
    """A role that nobody has: 400."""
    return grade_error(send_bad(chat, messages=BAD_MESSAGES[1]), 400, param="messages")


@probe("errors/chat/unknown_field", severity=Severity.SHOULD, chance=chance.STATUS_AND_ERROR)
def unknown_field(chat: Chat) -> Observation:
    """A field that does not exist: 400, says OpenAI; most servers let it pass."""
    return grade_error(send_bad(chat, zz_unknown=1), 400, param="zz_unknown")


@probe(
    "errors/embeddings/empty_input", capability="embedding", severity=Severity.SHOULD, chance=chance.STATUS_AND_ERROR
)
def empty_input(embeddings: Embeddings) -> Observation:
    """An empty list: 400."""
    return grade_error(send_bad(embeddings, input=BAD_INPUT), 400)


@probe("errors/routes/unknown", severity=Severity.SHOULD, chance=chance.STATUS_AND_ERROR)
def unknown_route(chat: Chat) -> Observation:
    """A route that does not exist: 404 with an envelope."""
    return grade_error(send_bad_raw(chat, "/zz-no-such-route", body={}), 404)


@probe("errors/routes/wrong_method", severity=Severity.SHOULD, chance=chance.STATUS_AND_ERROR)
def wrong_method(chat: Chat) -> Observation:
    """GET where only POST is known: 405 with an envelope."""
    exchange = send_bad_raw(chat, "/completions", method="GET")
    return grade_error(exchange, 404 if exchange.status == 404 else 405)
