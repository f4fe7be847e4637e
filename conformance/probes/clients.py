"""clients: what the official SDK's other doors make of the server."""

from __future__ import annotations

from .answers import member
from .chat.formats import one_word
from .declaring import probe
from .endpoints import Chat
from .observation import Observation, broken, ignored, inconclusive, supported


@probe("clients/openai_python/sync", title="openai-python, sync")
def sync_client(chat: Chat) -> Observation:
    """The sync client reads the text that is on the wire."""
    return _reads(chat, "sdk")


@probe("clients/openai_python/async", title="openai-python, async")
def async_client(chat: Chat) -> Observation:
    """The async client reads the text that is on the wire, streamed too."""
    return _reads(chat, "async")


def _reads(chat: Chat, via: str) -> Observation:
    chat.control()
    for settings in ({}, {"stream": True}):
        answer = chat.ask(via=via, **settings)
        taken = answer.exchange.taken
        if taken is None or taken.text != answer.text:
            return broken("the client reads another text than is on the wire")
    return supported("the client reads the text that is on the wire, plain and streamed")


@probe("clients/openai_python/parse", title="openai-python, parse()")
def parse(chat: Chat) -> Observation:
    """`.parse()` with a pydantic model gives an object of that model."""
    chat.control()
    exchange = chat.attempt(via="parse", response_format=one_word("zq_key", "v7"), max_tokens=64)
    taken = exchange.taken
    if exchange.accepted and taken is not None and taken.text == '{"zq_key":"v7"}':
        return supported("parse() gives an object of the pydantic model")
    said = str(member(exchange.json, "choices", 0, "message", "content") or "")
    exception = taken.exception if taken else None
    if exception in ("ValidationError", "LengthFinishReasonError"):
        if said.lstrip().startswith("{"):
            return inconclusive(
                "the text begins as the JSON that the model demands, and does not end within 64 tokens"
            )
        return ignored(f"the text is not the JSON that the model demands: parse() raises {exception}")
    return broken(f"parse() gives {exception or said[:40]!r} (status {exchange.status})")
