"""clients: what the official SDK's other doors make of the server."""

from __future__ import annotations

from dataclasses import replace

from conformance.checklist.verdicts import Severity
from conformance.wire.exchange import Transport

from . import chance
from .control import CONTROL_TOKENS
from .documents import is_undetermined, single_value_schema
from .endpoints import Chat
from .observation import Observation, broken, ignored, inconclusive, rejected, supported
from .registry import probe
from .response_views import get_path
from .session import RequestRejectedError, is_rejection


@probe("clients/openai_python/sync", title="openai-python, sync", chance=chance.READ_AS_SENT)
def sync_client(chat: Chat) -> Observation:
    """The sync client reads the text that is on the wire."""
    return _reads(chat, "sdk")


@probe("clients/openai_python/async", title="openai-python, async", chance=chance.READ_AS_SENT)
def async_client(chat: Chat) -> Observation:
    """The async client reads the text that is on the wire, streamed too."""
    return _reads(chat, "sdk_async")


def _reads(chat: Chat, transport: Transport) -> Observation:
    chat.ask_control()
    for settings in ({}, {"stream": True}):
        answer = chat.ask(transport=transport, answer_limit=CONTROL_TOKENS, **settings)
        taken = answer.exchange.sdk_result
        if taken is None or (taken.text or "") != answer.raw_content:
            return broken("the client reads another text than is on the wire")
        if not answer.content.strip():
            return inconclusive("the answer holds no text that could be read")
    return supported("the client reads the text that is on the wire, plain and streamed")


MAX_PARSED_TOKENS = (64, 192)
"""Tokens of the document, and of the same where white space or thoughts fill the first limit."""


@probe("clients/openai_python/parse", title="openai-python, parse()", chance=chance.FORCED_DOCUMENT)
def parse(chat: Chat) -> Observation:
    """`.parse()` with a pydantic model gives an object of that model."""
    chat.ask_control()
    if chat.control.stream:
        return inconclusive("the server answers in streams alone, which parse() does not read")
    form = single_value_schema("zq_key", "v7", name="Word")
    for limit in MAX_PARSED_TOKENS:
        exchange = chat.attempt(transport="sdk_parse", response_format=form, answer_limit=limit)
        taken = exchange.sdk_result
        if taken is None or taken.exception != "LengthFinishReasonError":
            break
    if exchange.accepted and taken is not None and taken.text == '{"zq_key":"v7"}':
        return supported("parse() gives an object of the pydantic model")
    said = str(get_path(exchange.json, "choices", 0, "message", "content") or "")
    if exchange.failure is None and exchange.status is not None and is_rejection(exchange.status):
        raise RequestRejectedError(exchange)
    exception = taken.exception if taken else None
    if exception in ("ValidationError", "LengthFinishReasonError"):
        if is_undetermined(said) or said.lstrip().startswith("{"):
            return inconclusive(
                "the text has not begun, or begins as the JSON that the model demands, and does not end as it"
            )
        return ignored(f"the text is not the JSON that the model demands: parse() raises {exception}")
    return broken(f"parse() gives {exception or said[:40]!r} (status {exchange.status})")


@probe("clients/base_url/trailing_slash", title="a base URL with a trailing slash", chance=chance.HOLDS_TEXT)
def trailing_slash(chat: Chat) -> Observation:
    """The SDK works the same with a base URL that ends in a slash."""
    control = chat.ask_control()
    answer = chat.ask(trailing_slash=True)
    if (answer.text, answer.finish_reason) == (control.text, control.finish_reason):
        return supported("the answer is the one without the slash")
    if answer.text.strip():
        return supported("the assistant answers")
    if not control.text.strip():
        return inconclusive("the control says nothing either, and ends otherwise")
    return broken("no text comes, where the same without the slash gets one")


def _with_authorization(chat: Chat, authorization: str) -> Observation:
    plain = chat.ask_control(limit=1)
    call = replace(plain.exchange.call, transport="http", headers=(("authorization", authorization),))
    exchange = chat.session.send_any(call)
    if exchange.accepted and chat.read(exchange).choices:
        return supported("accepted: the server asks for no key of its own")
    if exchange.status in (401, 403):
        return rejected(f"refused with {exchange.status}: the server checks its keys")
    if exchange.failure is None and exchange.status is not None and is_rejection(exchange.status):
        return broken(f"answered with status {exchange.status} where 401 is due")
    return broken(f"answered with status {exchange.failure or exchange.status}")


@probe("clients/api_key/any", severity=Severity.SHOULD, title="any API key", chance=chance.STATUS_AND_ERROR)
def any_key(chat: Chat) -> Observation:
    """A server that gives out no keys takes any: the SDK insists on sending one."""
    return _with_authorization(chat, "Bearer zz-nobody-gave-this-key-out")


@probe("clients/api_key/empty", severity=Severity.SHOULD, title="an empty API key", chance=chance.STATUS_AND_ERROR)
def empty_key(chat: Chat) -> Observation:
    """A server that gives out no keys takes an empty one. The SDK refuses to send it: this goes without the SDK."""
    return _with_authorization(chat, "Bearer")
