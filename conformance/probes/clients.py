"""clients: what the official SDK's other doors make of the server."""

from __future__ import annotations

from dataclasses import replace

from conformance.checklist.verdicts import Severity
from conformance.wire.exchange import Exchange, Transport
from conformance.wire.json_text import quote_value

from . import chance
from .control import CONTROL_TOKENS
from .documents import is_undetermined, single_value_schema
from .endpoints import Chat, ConversationEndpoint, Responses
from .observation import Observation, broken, ignored, inconclusive, rejected, supported
from .registry import probe
from .response_views import MalformedResponseError
from .session import RequestRejectedError, is_refused
from .tool_conversations import EXAMPLES, MAX_CALL_TOKENS, TOOLS, spell


@probe("clients/openai_python/sync", title="openai-python, sync", chance=chance.READ_AS_SENT)
def sync_client(chat: Chat) -> Observation:
    """The sync client reads the text that is on the wire."""
    return _check_text(chat, "sdk")


@probe("clients/openai_python/async", title="openai-python, async", chance=chance.READ_AS_SENT)
def async_client(chat: Chat) -> Observation:
    """The async client reads the text that is on the wire, streamed too."""
    return _check_text(chat, "sdk_async")


def _check_text(endpoint: ConversationEndpoint, transport: Transport) -> Observation:
    endpoint.ask_control()
    for settings in ({}, {"stream": True}):
        answer = endpoint.ask(transport=transport, answer_limit=CONTROL_TOKENS, **settings)
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
    return _check_parse(chat)


def _check_parse(endpoint: ConversationEndpoint) -> Observation:
    endpoint.ask_control()
    if endpoint.control.stream:
        return inconclusive("the server answers in streams alone, which parse() does not read")
    form = single_value_schema("zq_key", "v7", name="Word")
    for limit in MAX_PARSED_TOKENS:
        exchange = endpoint.attempt(transport="sdk_parse", **endpoint.spell_format(form), answer_limit=limit)
        taken = exchange.sdk_result
        if taken is None or taken.exception != "LengthFinishReasonError":
            break
    if exchange.accepted and taken is not None and taken.text == '{"zq_key":"v7"}':
        return supported("parse() gives an object of the pydantic model")
    if is_refused(exchange):
        raise RequestRejectedError(exchange)
    said = _content_of(endpoint, exchange)
    exception = taken.exception if taken else None
    if exception in ("ValidationError", "LengthFinishReasonError"):
        if is_undetermined(said) or said.lstrip().startswith("{"):
            return inconclusive(
                "the text has not begun, or begins as the JSON that the model demands, and does not end as it"
            )
        return ignored(f"the text is not the JSON that the model demands: parse() raises {exception}")
    return broken(f"parse() gives {quote_value(exception or said)} (status {exchange.status})")


def _content_of(endpoint: ConversationEndpoint, exchange: Exchange) -> str:
    try:
        return endpoint.read(exchange).raw_content if exchange.accepted else ""
    except MalformedResponseError:
        return ""


@probe("clients/openai_python/responses_create", title="openai-python, responses", chance=chance.READ_AS_SENT)
def responses_create(responses: Responses) -> Observation:
    """The sync client reads the text of a response that is on the wire."""
    return _check_text(responses, "sdk")


@probe("clients/openai_python/responses_async", title="openai-python, responses, async", chance=chance.READ_AS_SENT)
def responses_async(responses: Responses) -> Observation:
    """The async client reads the text of a response that is on the wire, streamed too."""
    return _check_text(responses, "sdk_async")


@probe("clients/openai_python/responses_parse", title="responses.parse()", chance=chance.FORCED_DOCUMENT)
def responses_parse(responses: Responses) -> Observation:
    """`responses.parse()` with a pydantic model gives an object of that model."""
    return _check_parse(responses)


@probe("clients/openai_python/responses_stream", title="responses.stream()", chance=chance.READ_AS_SENT)
def responses_stream(responses: Responses) -> Observation:
    """The SDK's helper, which joins the events to a response itself, takes a stream and reads its text."""
    responses.ask_control(stream=True)
    exchange = responses.attempt(transport="sdk_stream", stream=True, answer_limit=CONTROL_TOKENS)
    return _judge_helper(responses, exchange)


@probe(
    "clients/openai_python/responses_stream/call",
    title="responses.stream(), a call",
    capability="tools",
    chance=chance.READ_AS_SENT,
)
def responses_stream_call(responses: Responses) -> Observation:
    """The helper takes a stream with a call too."""
    tools = responses.spell_tools(TOOLS)
    turns = spell(responses, EXAMPLES)
    plain = responses.ask(turns, tools=tools, stream=True, answer_limit=MAX_CALL_TOKENS)
    if not plain.called_tools:
        return inconclusive("the model calls no function where the examples show it")
    exchange = responses.attempt(
        turns, tools=tools, transport="sdk_stream", stream=True, answer_limit=MAX_CALL_TOKENS
    )
    return _judge_helper(responses, exchange)


def _judge_helper(responses: Responses, exchange: Exchange) -> Observation:
    if is_refused(exchange):
        raise RequestRejectedError(exchange)
    taken = exchange.sdk_result
    if taken is not None and taken.exception is not None:
        return broken(f"the helper raises {taken.exception} on a stream")
    if taken is None or not exchange.accepted:
        return broken(f"the stream gives {exchange.failure or exchange.status}")
    answer = responses.read(exchange)
    if (taken.text or "") != answer.raw_content:
        return broken("the helper reads another text than is on the wire")
    if not answer.content.strip() and not answer.called_tools:
        return inconclusive("the stream holds no text that could be read")
    return supported("the helper takes the stream, and reads the text that is on the wire")


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
    if is_refused(exchange):
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
