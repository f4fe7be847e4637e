"""Pictures for the vision rows: PNGs that differ as much as pictures can, made without a library."""

from __future__ import annotations

import base64
import struct
import zlib
from collections.abc import Callable
from functools import cache

SIDE = 32

Pixel = Callable[[int, int], tuple[int, int, int]]

_PATTERNS: dict[str, Pixel] = {
    "checks": lambda x, y: (255, 255, 255) if (x // 4 + y // 4) % 2 else (0, 0, 0),
    "stripes": lambda x, y: (255, 0, 0) if x // 8 % 2 else (0, 0, 255),  # noqa: ARG005 - stripes run down
}


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


@cache
def png(pattern: str) -> bytes:
    """Return a picture of `SIDE` by `SIDE` pixels: `checks` or `stripes`."""
    pixel = _PATTERNS[pattern]
    lines = b"".join(b"\0" + b"".join(bytes(pixel(x, y)) for x in range(SIDE)) for y in range(SIDE))
    head = struct.pack(">IIBBBBB", SIDE, SIDE, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", head) + _chunk(b"IDAT", zlib.compress(lines)) + _chunk(b"IEND", b"")


def data_url(pattern: str) -> str:
    """Return the picture as a data URL."""
    return f"data:image/png;base64,{base64.b64encode(png(pattern)).decode()}"


PATTERNS = tuple(_PATTERNS)
