"""/v1/embeddings: every one of its fields."""

from __future__ import annotations

import base64
import hashlib
import math
import struct
from collections.abc import Mapping, Sequence
from typing import Any

from .fields import check_body
from .interface import RefusalError, Reply, json_reply
from .parts import PLAIN, Parts, Serving
from .vocabulary import Vocabulary

SIZE = 64
"""Numbers of a whole vector."""


def check(body: Mapping[str, Any], parts: Parts = PLAIN) -> None:
    """Refuse what OpenAI refuses.

    Raises:
        RefusalError: naming the field.
    """
    check_body("embeddings", body, tokens=parts.vocabulary.size)
    if body.get("dimensions", 1) > SIZE:
        message = f"Invalid value for 'dimensions': this model supports at most {SIZE} dimensions."
        raise RefusalError(message, param="dimensions", code="integer_above_max_value")
    if isinstance(body["input"], str):
        return
    if not body["input"]:
        raise RefusalError("Invalid 'input': empty array.", param="input", code="empty_array")


def answer(body: Mapping[str, Any], serving: Serving | None = None) -> Reply:
    """The reply to a body that passed the check."""
    serving = serving or Serving()
    body = serving.parts.heard(body)
    texts = _inputs(body["input"], serving.parts.vocabulary)
    size = body.get("dimensions", SIZE)
    packed = body.get("encoding_format", "float") == "base64"
    data = [
        {"object": "embedding", "index": index, "embedding": _told(vector(tokens, size), packed=packed)}
        for index, tokens in enumerate(texts)
    ]
    count = sum(map(serving.prompt_count, texts))
    told = {"usage": {"prompt_tokens": count, "total_tokens": count}} if serving.counts else {}
    return json_reply({"object": "list", "data": data, "model": body["model"], **told})


def _inputs(value: Any, vocabulary: Vocabulary) -> list[list[int]]:
    encode = vocabulary.encode
    if isinstance(value, str):
        return [encode(value)]
    if isinstance(value[0], int):
        return [list(value)]
    return [encode(each) if isinstance(each, str) else list(each) for each in value]


def vector(tokens: Sequence[int], size: int = SIZE) -> list[float]:
    """The vector of a text: the sum of what its pairs of tokens point at, cut, scaled to unit length, in float32."""
    total = [0.0] * SIZE
    for pair in zip((0, *tokens), tokens, strict=False):
        digest = hashlib.blake2b(b"%d %d" % pair, digest_size=SIZE).digest()
        total = [number + byte - 127.5 for number, byte in zip(total, digest, strict=True)]
    cut = total[:size]
    norm = math.hypot(*cut) or 1.0
    return list(struct.unpack(f"<{size}f", struct.pack(f"<{size}f", *(number / norm for number in cut))))


def _told(numbers: Sequence[float], *, packed: bool) -> Any:
    if packed:
        return base64.b64encode(struct.pack(f"<{len(numbers)}f", *numbers)).decode()
    return list(numbers)
