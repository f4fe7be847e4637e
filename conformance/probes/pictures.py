"""Pictures in answers: which format they have and how large they are, read from their first bytes.

No pixel is decoded. What a server sends is read within its bounds: whatever it is, nothing is raised.
"""

from __future__ import annotations

import base64
import binascii
import struct
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from conformance.wire.exchange import Exchange

from .response_views import MalformedResponseError, get_path
from .session import UndeterminedError

_START_OF_FRAME = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
"""JPEG: the markers of segments that tell the size. The three in between are tables and reserved."""
_WITHOUT_LENGTH = frozenset({0x01, *range(0xD0, 0xD9)})
"""JPEG: the markers that stand alone."""


@dataclass(frozen=True, kw_only=True)
class Picture:
    """What the first bytes of a picture tell."""

    format: str
    """As the field `output_format` spells it."""
    width: int
    height: int
    """Both in pixels; 0 for a drawing, which has no pixels."""

    @property
    def size(self) -> str:
        """As the field `size` spells it."""
        return f"{self.width}x{self.height}"


@dataclass(frozen=True)
class ImagesResponse:
    """An accepted answer of the images endpoint, plain or streamed."""

    exchange: Exchange

    @cached_property
    def data(self) -> list[Any]:
        """The list of pictures.

        Raises:
            MalformedResponseError: there is none, or it is empty.
        """
        data = get_path(self.exchange.json, "data")
        if not isinstance(data, list) or not data:
            raise MalformedResponseError(self.exchange, "data")
        return data

    @property
    def encoded(self) -> list[str]:
        """The pictures that stand in the answer itself, in base64 and not yet decoded."""
        return [text for entry in self.data if isinstance(text := get_path(entry, "b64_json"), str) and text]

    @property
    def urls(self) -> list[str]:
        """The addresses of pictures. They are not fetched: they may lead anywhere."""
        return [text for entry in self.data if isinstance(text := get_path(entry, "url"), str) and text]

    @cached_property
    def picture(self) -> Picture | None:
        """The first picture, None where only its address comes.

        Raises:
            MalformedResponseError: there is neither, or what there is is not base64.
            UndeterminedError: it is of a format that is not read here.
        """
        if not self.encoded and not self.urls:
            raise MalformedResponseError(self.exchange, "`b64_json` or `url` in `data`")
        held = [*self.encoded, *filter(_is_data_url, self.urls)]
        if not held:
            return None
        data = decode_base64(held[0])
        if not data:
            raise MalformedResponseError(self.exchange, "base64 of a picture")
        found = read_picture(data)
        if found is None:
            raise UndeterminedError("what came is a picture of no format that the clause names")
        return found

    def events(self, kind: str) -> list[Any]:
        """Return the events of a stream whose type is `image_generation.` and the kind."""
        documents = [event.json for event in self.exchange.events]
        return [each for each in documents if get_path(each, "type") == f"image_generation.{kind}"]


def _is_data_url(text: str) -> bool:
    return text.startswith("data:")


def decode_base64(text: str) -> bytes:
    """Return the bytes of a text in base64, a data URL included; none where it is not base64."""
    if _is_data_url(text):
        text = text.partition(",")[2]
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):  # ValueError: characters beyond ASCII
        return b""


def read_picture(data: bytes) -> Picture | None:
    """Return what the first bytes of a picture tell; None where it is none that the endpoint may send."""
    for format_, read in (("png", _read_png), ("jpeg", _read_jpeg), ("webp", _read_webp), ("gif", _read_gif)):
        size = read(data)
        if size is not None:
            return Picture(format=format_, width=size[0], height=size[1]) if all(size) else None
    is_drawing = b"<svg" in data[:1000] and data.lstrip().startswith((b"<svg", b"<?xml", b"<!"))
    return Picture(format="svg", width=0, height=0) if is_drawing else None


def _read_png(data: bytes) -> tuple[int, int] | None:
    if not data.startswith(b"\x89PNG\r\n\x1a\n") or data[12:16] != b"IHDR" or len(data) < 24:
        return None
    return struct.unpack(">II", data[16:24])


def _read_gif(data: bytes) -> tuple[int, int] | None:
    if not data.startswith((b"GIF87a", b"GIF89a")) or len(data) < 10:
        return None
    return struct.unpack("<HH", data[6:10])


def _read_jpeg(data: bytes) -> tuple[int, int] | None:
    if not data.startswith(b"\xff\xd8"):
        return None
    place = 2
    while place + 9 <= len(data) and data[place] == 0xFF:
        marker = data[place + 1]
        if marker in _START_OF_FRAME:
            height, width = struct.unpack(">HH", data[place + 5 : place + 9])
            return width, height
        if marker == 0xFF:  # a filler before the marker
            place += 1
        elif marker in _WITHOUT_LENGTH:
            place += 2
        else:
            place += 2 + max(2, int.from_bytes(data[place + 2 : place + 4], "big"))
    return None


def _read_webp(data: bytes) -> tuple[int, int] | None:
    if data[:4] != b"RIFF" or data[8:12] != b"WEBP" or len(data) < 30:
        return None
    kind, body = data[12:16], data[20:30]
    if kind == b"VP8X":
        return 1 + int.from_bytes(body[4:7], "little"), 1 + int.from_bytes(body[7:10], "little")
    if kind == b"VP8L" and body[0] == 0x2F:
        bits = int.from_bytes(body[1:5], "little")
        return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    if kind == b"VP8 " and body[3:6] == b"\x9d\x01\x2a":
        width, height = struct.unpack("<HH", body[6:10])
        return width & 0x3FFF, height & 0x3FFF
    return None
