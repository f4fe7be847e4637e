"""/v1/images/generations: every one of its fields. The pictures are the smallest of their format and size."""

from __future__ import annotations

import base64
import json
import re
import struct
import time
import zlib
from collections.abc import Iterator, Mapping
from typing import Any

from .fields import check_body
from .interface import RefusalError, Reply, json_reply

RULE_CHANGES = {
    "schema": ("data.*.url: is missing", "b64_json", "base64"),
    "schema/details": ("size: does not match ^[0-9]+x[0-9]+$", '"size":"64x48"', '"size":"0 by 0"'),
    "content_type": ('content-type is "text/plain"', "application/json", "text/plain"),
}
"""Shared rule -> the reason that it must name, and what to replace in an honest response for that, old and new."""

USUAL_SIZE = "64x48"
"""Of a picture whose size nobody named."""
MAX_COUNT = 10
MAX_SIDE = 2048
"""Pixels."""

COMPANIONS = {
    "output_compression": ("output_format", ("jpeg", "webp")),
    "frame_count": ("output_format", ("gif",)),
    "frame_duration_ms": ("output_format", ("gif",)),
    "svg": ("output_format", ("svg",)),
    "partial_images": ("stream", (True,)),
}
"""Field -> the field that must be there too for it to be allowed, and with which values."""


def check(body: Mapping[str, Any]) -> None:
    """Refuse what OpenAI refuses.

    Raises:
        RefusalError: naming the field.
    """
    check_body("images", body)
    count = body.get("n")
    if count is not None and not 1 <= count <= MAX_COUNT:
        raise RefusalError(f"Invalid 'n': 1 to {MAX_COUNT}.", param="n", code="integer_out_of_range")
    for name, allowed in (("response_format", ("b64_json", "url")), ("output_format", tuple(DRAWN))):
        if body.get(name) not in (None, *allowed):
            raise RefusalError(f"Invalid value: '{name}'.", param=name, code="invalid_value")
    _sides(body)
    for name, (other, allowed) in COMPANIONS.items():
        if body.get(name) is not None and body.get(other) not in allowed:
            raise RefusalError(f"'{name}' is only allowed with '{other}'.", param=name, code="invalid_value")


def _sides(body: Mapping[str, Any]) -> tuple[int, int]:
    """The width and the height that are asked for.

    Raises:
        RefusalError: there are no such pictures.
    """
    size = body.get("size")
    found = re.fullmatch(r"([1-9]\d{0,3})x([1-9]\d{0,3})", USUAL_SIZE if size in (None, "auto") else size)
    if found is None or max(map(int, found.groups())) > MAX_SIDE:
        raise RefusalError("Invalid value: 'size'. Say WIDTHxHEIGHT.", param="size", code="invalid_value")
    return int(found[1]), int(found[2])


def answer(body: Mapping[str, Any]) -> Reply:
    """The reply to a body that passed the check."""
    if body.get("stream"):
        events = b"".join(
            f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode() for event in _events(body)
        )
        return Reply(headers=(("content-type", "text/event-stream"),), body=events)
    drawn = base64.b64encode(_draw(body)).decode()
    linked = {"url": "https://pictures.invalid/zq.png"}
    entry = linked if body.get("response_format") == "url" else {"b64_json": drawn}
    return json_reply({"created": int(time.time()), "data": [entry] * (body.get("n") or 1), **_told(body)})


def _events(body: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    shared = {"b64_json": base64.b64encode(_draw(body)).decode(), "created_at": int(time.time()), **_told(body)}
    for index in range(body.get("partial_images") or 0):
        yield {"type": "image_generation.partial_image", "partial_image_index": index, **shared}
    yield {"type": "image_generation.completed", **shared}


def _told(body: Mapping[str, Any]) -> dict[str, Any]:
    """What the reply tells of its settings and its cost."""
    count = len(body["prompt"].split())
    width, height = _sides(body)
    return {
        "background": body.get("background") or "opaque",
        "output_format": body.get("output_format") or "png",
        "quality": body.get("quality") or "low",
        "size": f"{width}x{height}",
        "usage": {
            "input_tokens": count,
            "input_tokens_details": {"text_tokens": count, "image_tokens": 0},
            "output_tokens": 16,
            "total_tokens": count + 16,
        },
    }


def _draw(body: Mapping[str, Any]) -> bytes:
    return DRAWN[body.get("output_format") or "png"](*_sides(body))


def _png(width: int, height: int) -> bytes:
    """All black, a bit for each pixel."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    lines = zlib.compress(bytes((1 + (width + 7) // 8) * height))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", lines) + chunk(b"IEND", b"")


def _jpeg(width: int, height: int) -> bytes:
    """Of the headers alone."""
    head = b"\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01\x01\x00\x00\x01\x00\x01\x00\x00"
    frame = struct.pack(">BHHBBBB", 8, height, width, 1, 1, 0x11, 0)
    return head + b"\xff\xc0" + struct.pack(">H", len(frame) + 2) + frame + b"\xff\xd9"


def _webp(width: int, height: int) -> bytes:
    """Of the headers alone."""
    bits = (width - 1) | (height - 1) << 14
    data = b"\x2f" + struct.pack("<I", bits) + bytes(11)
    body = b"WEBPVP8L" + struct.pack("<I", len(data)) + data
    return b"RIFF" + struct.pack("<I", len(body)) + body


def _gif(width: int, height: int) -> bytes:
    """Of the headers alone."""
    return b"GIF89a" + struct.pack("<HH", width, height) + b"\0\0\0;"


def _svg(width: int, height: int) -> bytes:
    return f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}"/>'.encode()


DRAWN = {"png": _png, "jpeg": _jpeg, "webp": _webp, "gif": _gif, "svg": _svg}
"""Format -> how a picture of it is drawn."""
