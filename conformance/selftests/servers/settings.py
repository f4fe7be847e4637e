"""What chat and completions read alike out of a request."""

from __future__ import annotations

import json
import random
import secrets
import string
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from .documents import UNFOLLOWED, any_object, compact, document
from .interface import RefusalError
from .model import Sampling
from .vocabulary import WORDS, Vocabulary

FINGERPRINT = "fp_mini_1"


def given(body: Mapping[str, Any], name: str, default: Any) -> Any:
    """The value of a field; null stands for its default."""
    value = body.get(name)
    return default if value is None else value


def sampling_of(body: Mapping[str, Any]) -> Sampling:
    """What decides which token is taken."""
    return Sampling(
        temperature=given(body, "temperature", 1.0),
        top_p=given(body, "top_p", 1.0),
        frequency_penalty=given(body, "frequency_penalty", 0.0),
        presence_penalty=given(body, "presence_penalty", 0.0),
        bias={int(token): bias for token, bias in given(body, "logit_bias", {}).items()},
    )


def stops_of(body: Mapping[str, Any]) -> tuple[str, ...]:
    """The stop sequences."""
    stop = given(body, "stop", ())
    return tuple(each for each in ((stop,) if isinstance(stop, str) else stop) if each)


def dice(body: Mapping[str, Any], index: int) -> random.Random:
    """Randomness of one choice: repeatable with a seed, fresh without."""
    if body.get("seed") is None:
        return random.Random(secrets.randbits(64))  # noqa: S311 - a seed for sampling
    return random.Random(f"{body['seed']}/{index}")  # noqa: S311 - repeatable on purpose


def form_dice(body: Mapping[str, Any], key: bytes, rng: random.Random) -> random.Random:
    """Randomness of a document's values: of the prompt alone at temperature 0."""
    return random.Random(key) if given(body, "temperature", 1.0) == 0 else rng  # noqa: S311


def form_plan(body: Mapping[str, Any], rng: random.Random, vocabulary: Vocabulary = WORDS) -> tuple[int, ...] | None:
    """The tokens that `response_format` demands; None where it demands nothing.

    Raises:
        RefusalError: the schema cannot be followed.
    """
    form = given(body, "response_format", {"type": "text"})
    if form["type"] == "text":
        return None
    schema = form["json_schema"].get("schema") if form["type"] == "json_schema" else None
    if schema is None:
        return tuple(vocabulary.encode(compact(any_object(rng))))
    try:
        return tuple(vocabulary.encode(compact(document(schema, rng))))
    except UNFOLLOWED as error:
        raise RefusalError(f"Invalid schema for response_format: {error}", param="response_format") from error


def room(body: Mapping[str, Any], used: int, field: str, context: int) -> int:
    """How many tokens the answer may have; `field` is the limit's name, `context` the most that there are in all.

    Raises:
        RefusalError: prompt and limit do not fit the context.
    """
    left = context - used
    if left <= 0:
        message = f"This model's maximum context length is {context} tokens, but the prompt has {used}."
        raise RefusalError(message, param="messages", code="context_length_exceeded")
    limit = body.get(field)
    if limit is None:
        return left
    if limit > left:
        message = f"{field} is too large: {limit}. This model supports at most {left} completion tokens here."
        raise RefusalError(message, param=field, code="invalid_value")
    return int(limit)


def check_stream(body: Mapping[str, Any]) -> None:
    """Refuse settings of a stream without a stream.

    Raises:
        RefusalError: so it is.
    """
    if body.get("stream_options") is not None and not body.get("stream"):
        message = "The 'stream_options' parameter is only allowed when 'stream' is enabled."
        raise RefusalError(message, param="stream_options")


def event(value: Any) -> bytes:
    """One server-sent event."""
    return f"data: {json.dumps(value, ensure_ascii=False, separators=(',', ':'))}\n\n".encode("utf-8", "replace")


def event_done() -> bytes:
    """The event that ends a stream."""
    return b"data: [DONE]\n\n"


def padded(chunk: dict[str, Any], body: Mapping[str, Any]) -> dict[str, Any]:
    """The chunk with what `stream_options` adds: a null usage, and random characters unless they are turned off."""
    options = given(body, "stream_options", {})
    if options.get("include_usage"):
        chunk = {**chunk, "usage": None}
    if options.get("include_obfuscation", True):
        chunk = {**chunk, "obfuscation": obfuscation()}
    return chunk


def obfuscation() -> str:
    """Return random characters, which hide the length of what stands beside them."""
    letters = string.ascii_letters + string.digits
    return "".join(secrets.choice(letters) for _ in range(2 + secrets.randbelow(12)))


QUICK = 64
"""Chunks that go out at the usual pace. Streams that go on slow down, so that a long one outlasts a second."""


def paced(chunks: Iterable[dict[str, Any]], pace: float, late: float) -> Iterator[bytes]:
    """The events of a stream: `pace` seconds between the first chunks, `late` seconds between later ones."""
    yield from paced_pieces(map(event, chunks), pace, late)
    yield event_done()


def paced_pieces(pieces: Iterable[bytes], pace: float, late: float) -> Iterator[bytes]:
    """The pieces, `pace` seconds between the first ones and `late` seconds between later ones."""
    for count, piece in enumerate(pieces):
        yield piece
        time.sleep(pace if count < QUICK else late)


def in_turn(streams: Sequence[Iterable[Any]]) -> Iterator[tuple[int, Any]]:
    """What the streams give, one of each in turn, with the place of the stream."""
    running = {place: iter(stream) for place, stream in enumerate(streams)}
    while running:
        for place, stream in list(running.items()):
            try:
                yield place, next(stream)
            except StopIteration:
                del running[place]
