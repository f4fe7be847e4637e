"""errors: bad requests, each one fault away from a request that is accepted.

An error is right when status, envelope and the SDK's exception are; where only `type`, `param` or `code` differ it is
partial. Source: the error guide, and the answers that OpenAI itself was seen to give.
"""

from __future__ import annotations

import json
from typing import Any

from conformance.checklist.field_values import FIELD_VALUES
from conformance.checklist.verdicts import Severity
from conformance.wire.exchange import Call, Exchange, Server

from .availability import ask_plain, send_bad, send_plain_after
from .endpoints import Chat, Completions, Embeddings, TextEndpoint
from .observation import Observation, broken, ignored, inconclusive, partial, supported
from .registry import probe
from .response_views import get_path
from .session import ABSENT

EXCEPTIONS = {400: "BadRequestError", 404: "NotFoundError", 405: "APIStatusError", 422: "UnprocessableEntityError"}
"""Status -> the SDK's exception class, which clients catch."""

Endpoint = Chat | Completions | Embeddings


def graded(exchange: Exchange, status: int, param: str | None = None, code: str | None = None) -> Observation:
    """What an answer to a bad request is worth. `param`, `code`: what OpenAI names, None where it is open."""
    if exchange.accepted:
        return ignored(f"the bad request is answered with {exchange.status}")
    if exchange.status != status:
        return broken(f"status {exchange.failure or exchange.status} where {status} is due")
    error = get_path(exchange.json, "error")
    message = get_path(error, "message")
    if not isinstance(message, str) or not message:
        return broken(f"status {status}, but the body is no error envelope with a message")
    exception = exchange.sdk_result.exception if exchange.sdk_result else None
    if exception != EXCEPTIONS[status]:
        return broken(f"the SDK raises {exception} where {EXCEPTIONS[status]} is due")
    wrong = _details(error, param, code)
    if wrong:
        return partial(f"status {status} and message are right; {', '.join(wrong)}")
    return supported(f"status {status}, envelope and the SDK's {exception} are right")


def _details(error: Any, param: str | None, code: str | None) -> list[str]:
    wrong = []
    if error.get("type") != "invalid_request_error":
        wrong.append(f"`type` is {_clipped(error.get('type'))}")
    named = error.get("param", ABSENT)
    if named is ABSENT:
        wrong.append("`param` is missing")
    elif param is not None and not (isinstance(named, str) and param in named):
        wrong.append(f"`param` is {_clipped(named)}, not `{param}`")
    coded = error.get("code", ABSENT)
    if coded is ABSENT:
        wrong.append("`code` is missing")
    elif not isinstance(coded, str | None) or (code is not None and coded != code):
        wrong.append(f"`code` is {_clipped(coded)}" + (f", not `{code}`" if code else ""))
    return wrong


def _clipped(value: object) -> str:
    return repr(value)[:40]


def send_bad_raw(
    endpoint: Endpoint, path: str, *, raw: str | None = None, body: Any = None, method: str = "POST"
) -> Exchange:
    """Send a bad request that the SDK has no method for, through its own door, and a plain one right after it."""
    plain = ask_plain(endpoint)
    server: Server = "embedding" if isinstance(endpoint, Embeddings) else "main"
    call = Call(path=path, method=method, raw=raw, body=body, transport="sdk_raw_body", server=server)
    bad = endpoint.session.send_any(call)
    send_plain_after(endpoint, plain, bad)
    return bad


def path_of(endpoint: Endpoint) -> str:
    """The route."""
    return endpoint.path if isinstance(endpoint, TextEndpoint) else "/embeddings"


def unknown_model(endpoint: Endpoint) -> Observation:
    """A name that no model has: 404, `model_not_found`."""
    exchange = send_bad(endpoint, model="no-such-model-zz")
    return graded(exchange, 404, code="model_not_found")


def missing(endpoint: Endpoint, field: str) -> Observation:
    """A required field is absent: 400."""
    body: dict[str, Any] = {"model": endpoint.model}
    if isinstance(endpoint, TextEndpoint):
        body["max_tokens"] = 1
    body |= {"messages": [{"role": "user", "content": "Hi"}]} if isinstance(endpoint, Chat) else {}
    body |= {"prompt": "Hi"} if isinstance(endpoint, Completions) else {}
    body |= {"input": "Hi"} if isinstance(endpoint, Embeddings) else {}
    body.pop(field)
    return graded(send_bad_raw(endpoint, path_of(endpoint), body=body), 400)


def malformed(endpoint: Endpoint) -> Observation:
    """A body that is cut in the middle: 400."""
    return graded(send_bad_raw(endpoint, path_of(endpoint), raw=json.dumps({"model": endpoint.model})[:-1]), 400)


def not_an_object(endpoint: Endpoint) -> Observation:
    """A body that is JSON, but no object: 400."""
    return graded(send_bad_raw(endpoint, path_of(endpoint), raw="[]"), 400)


def wrong_type(endpoint: Endpoint, field: str) -> Observation:
    """Nonsense in place of the field's value, where a valid one is accepted: 400."""
    return misused(endpoint, field, FIELD_VALUES[endpoint.name][field].invalid)


def out_of_range(endpoint: Endpoint, field: str, value: Any) -> Observation:
    """A value beyond the documented range, where a valid one is accepted: 400."""
    return misused(endpoint, field, value)


def misused(endpoint: Endpoint, field: str, value: Any) -> Observation:
    """A bad value of a field. A server that refuses valid ones too has not told them apart."""
    values = FIELD_VALUES[endpoint.name][field]
    bad = send_bad(endpoint, **{**values.context, field: value}, **_bounded(field))
    if not bad.accepted and values.valid is not None:
        twin = endpoint.attempt_minimal(**{**values.context, field: values.valid})
        if not twin.accepted:
            return inconclusive(f"a valid value is answered with {twin.failure or twin.status} too")
    return graded(bad, 400, param=field)


def _bounded(field: str) -> dict[str, Any]:
    """What ends the answer of a server that takes a bad limit for none: we leave at its first words.

    Seen: -5 keeps Ollama writing for as long as its context lasts, and all other requests waiting. Where another
    limit holds, we stay to the end: leaving just as it came made Ollama 0.13.5 hang for good.
    """
    return {"stream": True, "abort_after_events": 1} if field == "max_tokens" else {}


RANGES: dict[str, dict[str, Any]] = {
    "chat": {
        "temperature": 3,
        "top_p": 2,
        "frequency_penalty": 3,
        "presence_penalty": -3,
        "n": 0,
        "top_logprobs": 21,
        "max_tokens": -5,
        "stop": ["a1", "b2", "c3", "d4", "e5"],
        "logit_bias": {"300": 101},
    },
    "completions": {"temperature": 3, "logprobs": 6},
    "embeddings": {"dimensions": 0},
}
"""Endpoint -> field -> a value just beyond what the clause allows."""

REQUIRED = {"chat": ("model", "messages"), "completions": ("model", "prompt"), "embeddings": ("model", "input")}

_TYPES = {"chat": Chat, "completions": Completions, "embeddings": Embeddings}


def _row(row: str, endpoint: str, description: str, experiment: Any, *arguments: Any) -> None:
    """Declare an error row of an endpoint; `experiment` takes the endpoint, then the arguments."""

    def asked(**subject: Any) -> Observation:
        outcome: Observation = experiment(subject[endpoint], *arguments)
        return outcome

    asked.__signature__ = _signature(endpoint)  # type: ignore[attr-defined]
    capability = (
        "embedding" if endpoint == "embeddings" else "thinking" if row.endswith("/reasoning_effort") else "chat"
    )
    probe(f"errors/{endpoint}/{row}", description=description, capability=capability, severity=Severity.SHOULD)(asked)


def _signature(endpoint: str) -> Any:
    import inspect

    parameter = inspect.Parameter(endpoint, inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=_TYPES[endpoint])
    return inspect.Signature([parameter])


for _endpoint, _fields in FIELD_VALUES.items():
    _row("unknown_model", _endpoint, "A name that no model has: 404, `model_not_found`.", unknown_model)
    for _required in REQUIRED[_endpoint]:
        _row(f"missing/{_required}", _endpoint, f"`{_required}` is absent: 400.", missing, _required)
    _row("malformed_json", _endpoint, "A body cut in the middle: 400.", malformed)
    _row("not_an_object", _endpoint, "A body that is JSON, but no object: 400.", not_an_object)
    for _field, _values in _fields.items():
        _about = f"{json.dumps(_values.invalid)} as `{_field}`, where a valid value is accepted: 400."
        _row(f"wrong_type/{_field}", _endpoint, _about, wrong_type, _field)
    for _field, _value in RANGES[_endpoint].items():
        _about = f"{json.dumps(_value)} as `{_field}`, beyond the documented range: 400."
        _row(f"out_of_range/{_field}", _endpoint, _about, out_of_range, _field, _value)


@probe("errors/chat/empty_messages", severity=Severity.SHOULD)
def empty_messages(chat: Chat) -> Observation:
    """No message at all: 400."""
    return graded(send_bad(chat, messages=[]), 400, param="messages")


@probe("errors/chat/unknown_role", severity=Severity.SHOULD)
def unknown_role(chat: Chat) -> Observation:
    """A role that nobody has: 400."""
    return graded(send_bad(chat, messages=[{"role": "wizard", "content": "Hi"}]), 400, param="messages")


@probe("errors/chat/unknown_field", severity=Severity.SHOULD)
def unknown_field(chat: Chat) -> Observation:
    """A field that does not exist: 400, says OpenAI; most servers let it pass."""
    return graded(send_bad(chat, zz_unknown=1), 400, param="zz_unknown")


@probe("errors/embeddings/empty_input", capability="embedding", severity=Severity.SHOULD)
def empty_input(embeddings: Embeddings) -> Observation:
    """An empty list: 400."""
    return graded(send_bad(embeddings, input=[]), 400)


@probe("errors/routes/unknown", severity=Severity.SHOULD)
def unknown_route(chat: Chat) -> Observation:
    """A route that does not exist: 404 with an envelope."""
    return graded(send_bad_raw(chat, "/zz-no-such-route", body={}), 404)


@probe("errors/routes/wrong_method", severity=Severity.SHOULD)
def wrong_method(chat: Chat) -> Observation:
    """GET where only POST is known: 405 with an envelope."""
    exchange = send_bad_raw(chat, "/completions", method="GET")
    return graded(exchange, 404 if exchange.status == 404 else 405)
