"""Answers as probes read them: total views of an exchange, which say what they miss instead of failing."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from conformance.wire.exchange import Exchange


class MalformedResponseError(Exception):
    """An accepted answer lacks what every client reads; `exchange` is the answer."""

    def __init__(self, exchange: Exchange, missing: str) -> None:
        """`missing`: what a client looks for and does not find."""
        super().__init__(missing)
        self.exchange = exchange
        self.missing = missing


def get_path(value: object, *path: str | int) -> Any:
    """Return the value at a path of keys and indices, or None where the path leads nowhere."""
    for step in path:
        if isinstance(step, int) and isinstance(value, list):
            value = value[step] if -len(value) <= step < len(value) else None
        elif isinstance(step, str) and isinstance(value, Mapping):
            value = value.get(step)
        else:
            return None
    return value


def as_int64(value: object) -> int | None:
    """Return the value if it is a whole number that a client can hold, in 64 bits; True is none."""
    return value if isinstance(value, int) and not isinstance(value, bool) and -(2**63) <= value < 2**63 else None


def as_finite_float(value: object) -> float | None:
    """Return the value if it is a finite number that a client can hold; True is none."""
    if not isinstance(value, int | float) or isinstance(value, bool):
        return None
    return float(value) if abs(value) <= sys.float_info.max else None


def as_list(value: object) -> list[Any]:
    """Return the value if it is a list, else nothing."""
    return value if isinstance(value, list) else []


THOUGHTS = ("reasoning_content", "reasoning", "thinking")
"""Members in which servers put what a model thinks before it answers. OpenAI has none: its API hides thoughts."""

BEGIN_OF_THOUGHTS, END_OF_THOUGHTS = "<think>", "</think>"
"""Tags between which models write their thoughts, where the server leaves them in the content."""


def _thoughts_of(message: object) -> str:
    return next((said for name in THOUGHTS if isinstance(said := get_path(message, name), str)), "")


def _content_of(choice: object) -> str:
    content = get_path(choice, "message", "content") or get_path(choice, "text")
    return content if isinstance(content, str) else ""


def _join_members(parts: list[Any]) -> dict[str, Any]:
    """Return objects of texts as one: of each member, the texts joined; the first value of any other kind."""
    joined: dict[str, Any] = {}
    for part in parts:
        for name, value in part.items() if isinstance(part, dict) else ():
            both_texts = isinstance(value, str) and isinstance(joined.get(name), str)
            joined[name] = joined[name] + value if both_texts else joined.get(name) or value
    return joined


def _joined_call(deltas: list[Any]) -> dict[str, Any]:
    """Return the tool call that deltas make up: `id` and `type` come once, names and arguments in pieces."""
    call: dict[str, Any] = {"id": None, "type": None, "function": {"name": "", "arguments": ""}}
    for delta in deltas:
        call["id"] = call["id"] or get_path(delta, "id")
        call["type"] = call["type"] or get_path(delta, "type")
    for kind in ("function", "custom"):
        parts = [part for delta in deltas if (part := get_path(delta, kind))]
        if parts:
            call[kind] = {**call.get(kind, {}), **_join_members(parts)}
    if call["type"] == "custom":
        del call["function"]
    return call


@dataclass(frozen=True)
class TextResponse:
    """An accepted answer with choices, streamed or not: the same properties for both."""

    exchange: Exchange

    @property
    def streamed(self) -> bool:
        """Whether it was asked for as a stream."""
        return self.exchange.call.streams

    @cached_property
    def chunks(self) -> list[Any]:
        """The JSON of each event of a stream, without [DONE]."""
        return [event.json for event in self.exchange.events if event.data.strip() != "[DONE]"]

    @cached_property
    def body(self) -> Any:
        """The answer's JSON object; for a stream, the members of its chunks, the last of each that is not null."""
        if self.streamed:
            chunks = [chunk for chunk in self.chunks if isinstance(chunk, dict)]
            return {name: value for chunk in chunks for name, value in chunk.items() if value is not None}
        body = self.exchange.json
        if not isinstance(body, dict):
            raise MalformedResponseError(self.exchange, "a JSON object")
        return body

    @cached_property
    def choices(self) -> list[Any]:
        """The choices; for a stream: one per index, each a list-free summary with its joined text."""
        if self.streamed:
            return [self._joined(index) for index in self.indices]
        choices = self.body.get("choices")
        if not isinstance(choices, list) or not choices:
            raise MalformedResponseError(self.exchange, "choices")
        return choices

    @cached_property
    def indices(self) -> list[int]:
        """The indices of the choices, in order of appearance."""
        if not self.streamed:
            return [found for choice in self.choices if (found := as_int64(get_path(choice, "index"))) is not None]
        if not self.chunks:
            raise MalformedResponseError(self.exchange, "server-sent events")
        seen: dict[int, None] = {}
        for _, choice in self._parts:
            index = as_int64(get_path(choice, "index"))
            seen[0 if index is None else index] = None
        return list(seen)

    @cached_property
    def _parts(self) -> list[tuple[Any, Any]]:
        return [(chunk, choice) for chunk in self.chunks for choice in as_list(get_path(chunk, "choices"))]

    def _joined(self, index: int) -> dict[str, Any]:
        text: list[str] = []
        thoughts: list[str] = []
        finish = None
        logprobs: list[Any] = []
        for _, choice in self._parts_of(index):
            said = get_path(choice, "delta", "content") or get_path(choice, "text")
            text.append(said if isinstance(said, str) else "")
            thoughts.append(_thoughts_of(get_path(choice, "delta")))
            finish = get_path(choice, "finish_reason") or finish
            logprobs += as_list(get_path(choice, "logprobs", "content"))
        calls = self._joined_calls(index)
        message: dict[str, Any] = {"content": "".join(text), **({"tool_calls": calls} if calls else {})}
        roles = [role for _, choice in self._parts_of(index) if (role := get_path(choice, "delta", "role"))]
        if roles:
            message["role"] = roles[0]
        if any(thoughts):
            message[THOUGHTS[0]] = "".join(thoughts)
        for name in ("function_call", "audio"):
            if parts := [part for _, choice in self._parts_of(index) if (part := get_path(choice, "delta", name))]:
                message[name] = _join_members(parts)
        joined = {"content": logprobs} if logprobs else None
        return {
            "index": index,
            "message": message,
            "text": "".join(text),
            "finish_reason": finish,
            "logprobs": joined,
        }

    def _parts_of(self, index: int) -> list[tuple[Any, Any]]:
        return [part for part in self._parts if (as_int64(get_path(part[1], "index")) or 0) == index]

    def _joined_calls(self, index: int) -> list[Any]:
        calls: dict[int, list[Any]] = {}
        for _, choice in self._parts_of(index):
            for delta in as_list(get_path(choice, "delta", "tool_calls")):
                calls.setdefault(as_int64(get_path(delta, "index")) or 0, []).append(delta)
        return [_joined_call(calls[at]) for at in sorted(calls)]

    @property
    def message(self) -> Any:
        """The first choice's message."""
        return get_path(self.choices, 0, "message") or {}

    def text_of(self, choice: Any) -> str:
        """Return what a choice says: the thoughts and the content of a message, or a completion's text."""
        return _thoughts_of(get_path(choice, "message")) + _content_of(choice)

    @cached_property
    def text(self) -> str:
        """What the first choice says; empty where it says nothing."""
        if not self.choices or not isinstance(self.choices[0], dict):
            raise MalformedResponseError(self.exchange, "choices[0]")
        choice = self.choices[0]
        if not self.streamed and "message" not in choice and "text" not in choice:
            raise MalformedResponseError(self.exchange, "choices[0].message or choices[0].text")
        return self.text_of(choice)

    @property
    def thoughts(self) -> str:
        """What the first choice thinks before it answers, in a member of its own or between tags in the content."""
        if self.has_thoughts_in_content:
            return _content_of(self.choices[0]).partition(END_OF_THOUGHTS)[0]
        return _thoughts_of(self.message)

    @property
    def has_thoughts_in_content(self) -> bool:
        """Whether the content begins with thoughts between tags."""
        return _content_of(get_path(self.choices, 0)).lstrip().startswith(BEGIN_OF_THOUGHTS)

    @property
    def raw_content(self) -> str:
        """The content of the first choice as it stands on the wire, thoughts between tags included."""
        return _content_of(get_path(self.choices, 0))

    @property
    def content(self) -> str:
        """What the first choice answers, without the thoughts; empty where the answer has not begun."""
        self.text  # noqa: B018 - an answer without a choice is malformed
        content = _content_of(self.choices[0])
        return content.partition(END_OF_THOUGHTS)[2] if self.has_thoughts_in_content else content

    @property
    def is_cut(self) -> bool:
        """Whether the limit ended the first choice, so that what it does not say proves nothing."""
        return self.finish_reason == "length"

    @property
    def finish_reason(self) -> str | None:
        """The first choice's finish_reason."""
        reason = get_path(self.choices, 0, "finish_reason")
        return reason if isinstance(reason, str) else None

    @cached_property
    def usage(self) -> Any:
        """The usage object, of the last chunk that has one in a stream; None where there is none."""
        if not self.streamed:
            return get_path(self.body, "usage")
        found = [usage for chunk in self.chunks if isinstance(usage := get_path(chunk, "usage"), dict)]
        return found[-1] if found else None

    @property
    def prompt_tokens(self) -> int | None:
        """usage.prompt_tokens, None where the server does not count."""
        return as_int64(get_path(self.usage, "prompt_tokens"))

    @property
    def completion_tokens(self) -> int | None:
        """usage.completion_tokens, None where the server does not count."""
        return as_int64(get_path(self.usage, "completion_tokens"))

    @property
    def tool_calls(self) -> list[Any]:
        """The first choice's tool calls."""
        return as_list(get_path(self.message, "tool_calls"))

    @property
    def called_tools(self) -> list[tuple[str, str]]:
        """Name and arguments of each tool call, function or custom."""
        found = []
        for call in self.tool_calls:
            name = get_path(call, "function", "name") or get_path(call, "custom", "name")
            arguments = get_path(call, "function", "arguments") or get_path(call, "custom", "input")
            found.append((str(name or ""), arguments if isinstance(arguments, str) else ""))
        return found

    @property
    def logprobs(self) -> list[Any]:
        """The first choice's logprobs, chat form: a list of objects with token, logprob, bytes, top_logprobs."""
        return as_list(get_path(self.choices, 0, "logprobs", "content"))

    @property
    def finished_choice_count(self) -> int:
        """How many choices of a stream came to an end, whatever index they bear."""
        return sum(1 for _, choice in self._parts if get_path(choice, "finish_reason"))

    @property
    def text_times(self) -> list[float]:
        """When each piece of a stream with text of the first choice arrived, thoughts included, in seconds."""
        names = ("content", *THOUGHTS[:2])
        return [
            event.seconds
            for event in self.exchange.events
            if any(get_path(event.json, "choices", 0, "delta", name) for name in names)
        ]

    @property
    def content_chunk_count(self) -> int:
        """How many pieces with content a stream had."""
        return sum(1 for _, choice in self._parts if get_path(choice, "delta", "content") or get_path(choice, "text"))


@dataclass(frozen=True)
class EmbeddingResponse:
    """An accepted answer of the embeddings endpoint."""

    exchange: Exchange

    @cached_property
    def data(self) -> list[Any]:
        """The list of embedding objects."""
        data = get_path(self.exchange.json, "data")
        if not isinstance(data, list) or not data:
            raise MalformedResponseError(self.exchange, "data")
        return data

    @property
    def raw(self) -> Any:
        """The first embedding as it came: a list of numbers, or a base64 string."""
        return get_path(self.data, 0, "embedding")

    @cached_property
    def vectors(self) -> list[tuple[float, ...]]:
        """The embeddings as numbers, in the order of `data`."""
        return [decode_embedding(self.exchange, get_path(item, "embedding")) for item in self.data]

    @property
    def prompt_tokens(self) -> int | None:
        """usage.prompt_tokens, None where the server does not count."""
        return as_int64(get_path(self.exchange.json, "usage", "prompt_tokens"))


def decode_embedding(exchange: Exchange, embedding: object) -> tuple[float, ...]:
    """Return an embedding as numbers, out of a list or of base64 of little-endian float32.

    Raises:
        Unreadable: it is neither.
    """
    import base64
    import struct

    if isinstance(embedding, str):
        try:
            data = base64.b64decode(embedding, validate=True)
            return struct.unpack(f"<{len(data) // 4}f", data)
        except (ValueError, struct.error) as error:
            raise MalformedResponseError(exchange, "an embedding in base64 of float32") from error
    if isinstance(embedding, list) and all(isinstance(n, int | float) and not isinstance(n, bool) for n in embedding):
        try:
            return tuple(float(number) for number in embedding)
        except OverflowError as error:
            raise MalformedResponseError(exchange, "an embedding of numbers") from error
    raise MalformedResponseError(exchange, "an embedding")
