"""chat/fields/messages: pictures, sounds and files. Prompt tokens, answers and their odds are the witnesses."""

from __future__ import annotations

import base64
import struct
from typing import Any

from conformance.checklist.verdicts import Severity
from conformance.probes import chance
from conformance.probes.content_parts import check_image_part, check_media_part
from conformance.probes.endpoints import Chat
from conformance.probes.observation import Observation
from conformance.probes.registry import declare_derived, probe
from conformance.probes.sample_images import data_url
from conformance.wire.exchange import IMAGE_HOST

declare_derived("chat/fields/messages/image", "Pictures reach the model.", capability="vision")


@probe("chat/fields/messages/image/base64", capability="vision", chance=chance.GREEDY_MEDIA)
def image_base64(chat: Chat) -> Observation:
    """`image_url` as an object whose url is a data URL."""
    return check_image_part(chat, lambda pattern: {"type": "image_url", "image_url": {"url": data_url(pattern)}})


@probe("chat/fields/messages/image/url", capability="vision", chance=chance.GREEDY_MEDIA)
def image_url(chat: Chat) -> Observation:
    """`image_url` as an object whose url is an http address that the server fetches."""
    return check_image_part(
        chat, lambda pattern: {"type": "image_url", "image_url": {"url": f"{IMAGE_HOST}/{pattern}.png"}}
    )


@probe(
    "chat/fields/messages/image/bare",
    capability="vision",
    title="bare string",
    severity=Severity.SHOULD,
    chance=chance.GREEDY_MEDIA,
)
def image_bare(chat: Chat) -> Observation:
    """`image_url` as a bare string, as Ollama's documentation shows it; OpenAI's clause knows the object only."""
    return check_image_part(chat, lambda pattern: {"type": "image_url", "image_url": data_url(pattern)})


def sound(samples: bytes) -> dict[str, Any]:
    """Return a WAV of one channel, 8,000 samples a second, as a content part."""
    head = struct.pack("<4sI4s4sIHHIIHH4sI", b"RIFF", 36 + len(samples), b"WAVE", b"fmt ", 16, 1, 1, 8000, 8000, 1, 8,
                       b"data", len(samples))  # fmt: skip
    data = base64.b64encode(head + samples).decode()
    return {"type": "input_audio", "input_audio": {"data": data, "format": "wav"}}


@probe("chat/fields/messages/input_audio", severity=Severity.SHOULD, chance=chance.GREEDY_MEDIA)
def input_audio(chat: Chat) -> Observation:
    """A content part with sound, for models that hear."""
    long = sound(b"\x00\xff" * 1600)
    return check_media_part(chat, sound(b"\x80" * 800), long, written=len(long["input_audio"]["data"]))


def document(name: str, data: bytes) -> dict[str, Any]:
    """Return a PDF as a content part."""
    url = f"data:application/pdf;base64,{base64.b64encode(data).decode()}"
    return {"type": "file", "file": {"filename": name, "file_data": url}}


@probe("chat/fields/messages/file", severity=Severity.SHOULD, chance=chance.GREEDY_MEDIA)
def file(chat: Chat) -> Observation:
    """A content part with a file, for models that read files."""
    return check_media_part(
        chat, document("zq.pdf", b"%PDF-1.1\n%%EOF\n"), document("qx.pdf", b"%PDF-1.1\n%" + b"b" * 400)
    )
