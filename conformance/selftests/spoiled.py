"""Answers of an honest server, spoiled: what no server should send, in every place where a probe or a rule looks.

Honest answers with one thing wrong lead a probe further than random bytes do, which end at its first control.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import cache
from typing import Any

from conformance.checklist.findings import Finding
from conformance.checklist.rows import CAPABILITIES
from conformance.judge.catalog import load_catalog
from conformance.judge.schema_faults import read_documents
from conformance.probes.session import Send
from conformance.runner.evaluate import ProbeRun
from conformance.wire.client import Client
from conformance.wire.exchange import Call, Exchange

from .asking import NATIVE_MODELS, asker_of
from .servers import native

EVERY = {**dict.fromkeys(CAPABILITIES, native.CHAT), **NATIVE_MODELS}
"""A model for every capability: the rows of a server with an API of its own are asked too."""


def nested(depth: int, opening: str = "[", closing: str = "]") -> str:
    return opening * depth + closing * depth


NASTY = {
    "null": "null",
    "list": "[]",
    "object": "{}",
    "list of null": "[null]",
    "list of object": "[{}]",
    "text": '"x"',
    "empty text": '""',
    "surrogate": r'"\ud800"',
    "true": "true",
    "number": "-7",
    "half": "0.5",
    "huge": "1" + "0" * 400,
    "too long": "1" * 5000,
    "list of huge": f"[1, 1{'0' * 400}]",
    "infinite": "1e400",
    "not a number": "NaN",
    "deep": nested(900),
    "deep object": '{"a":' * 900 + "1" + "}" * 900,
}
"""Name -> JSON text, or what Python's reader takes for it."""

KEYS = (
    "choices", "message", "delta", "content", "text", "finish_reason", "index", "logprobs", "token", "logprob",
    "bytes", "top_logprobs", "tokens", "token_logprobs", "text_offset", "tool_calls", "function_call", "function",
    "custom", "type", "name", "arguments", "reasoning", "reasoning_content", "usage", "prompt_tokens",
    "completion_tokens", "total_tokens", "prompt_tokens_details", "id", "object", "created", "model", "data",
    "embedding", "owned_by", "error", "param", "code", "models", "modified_at", "system_fingerprint", "obfuscation",
)  # fmt: skip
"""What probes and rules look for in an answer."""

_HOLE = "\x01hole"


@cache
def _server() -> Client:
    return asker_of(native.NativeServer(pace=0))


def honest(call: Call) -> Exchange:
    """The answer of a server that honours everything and has a native API: what was asked once is answered alike."""
    return _server().send(call)


def with_text(exchange: Exchange, text: str) -> Exchange:
    """The exchange with another body, of one piece."""
    return replace(exchange, chunks=((0.1, text),))


def spoiled(exchange: Exchange, key: str, nasty: str) -> Exchange:
    """The exchange with a nasty value in every place of that key; an empty key stands for the whole document."""
    _known.setdefault(exchange.id, exchange)
    return _spoiled(exchange.id, key, nasty)


_known: dict[str, Exchange] = {}


@cache
def _spoiled(name: str, key: str, nasty: str) -> Exchange:
    exchange = _known[name]
    if key == "":
        body = f"data: {NASTY[nasty]}\n\ndata: [DONE]\n\n" if exchange.call.streams else NASTY[nasty]
        return with_text(exchange, body)
    return replace(exchange, chunks=tuple((at, _filled(piece, key, NASTY[nasty])) for at, piece in exchange.chunks))


def _filled(text: str, key: str, nasty: str) -> str:
    """Every line of JSON in the text, a stream's `data:` included, with the value of the key replaced."""
    lines = []
    for line in text.split("\n"):
        head, document = ("data: ", line[6:]) if line.startswith("data: ") else ("", line)
        try:
            body = json.loads(document)
        except ValueError:
            lines.append(line)
            continue
        filled = json.dumps(_with_hole(body, key))
        lines.append(head + filled.replace(json.dumps(_HOLE), nasty))
    return "\n".join(lines)


def _with_hole(value: Any, key: str) -> Any:
    if isinstance(value, dict):
        return {name: _HOLE if name == key else _with_hole(below, key) for name, below in value.items()}
    return [_with_hole(below, key) for below in value] if isinstance(value, list) else value


def spoiling(key: str, nasty: str, after: int = 0) -> Send:
    """A server that is honest in its first `after` answers, and spoils the key in all others."""
    return honest_for(after, lambda call: spoiled(honest(call), key, nasty))


def honest_for(count: int, later: Send) -> Send:
    """A server that is honest so many times, and then is another one."""
    answers = itertools.count()
    return lambda call: honest(call) if next(answers) < count else later(call)


@cache
def calls_of(row: str) -> tuple[Exchange, ...]:
    """The requests that a row makes of an honest server, in order, with their answers."""
    asked: list[Exchange] = []

    def send(call: Call) -> Exchange:
        asked.append(honest(call))
        return asked[-1]

    found_of(row, send)
    return tuple(asked)


@cache
def keys_of(row: str) -> tuple[int, tuple[str, ...]]:
    """How many requests a row makes of an honest server, and which of the keys are in the answers."""
    asked = calls_of(row)
    named = {key for exchange in asked for document in read_documents(exchange) for key in _keys(document)}
    return len(asked), tuple(key for key in KEYS if key in named)


def _keys(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        yield from value
    for below in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from _keys(below)


def found_of(row: str, send: Send, models: Mapping[str, str] = EVERY) -> Finding:
    """The finding of a row, for a target that has everything."""
    return ProbeRun(row=load_catalog()[row], send=send, models=models).evaluate()
