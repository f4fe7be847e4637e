"""Miniature servers, each with one named behaviour, which prove the suite.

`NAMED` holds a maker of each by name; `InProcess` and `listening` bring them to a client, in the process or on a
loopback socket. By hand: `python -m conformance.selftests.servers NAME`.
"""

from . import hostile as _hostile
from . import native as _native
from . import other_shapes as _other_shapes
from . import sly as _sly
from .behaviours import NAMED, made, strips
from .honours import (
    ALIAS,
    CHAT_MODEL,
    EMBEDDING_MODEL,
    IMAGE_MODEL,
    SMALL_MODEL,
    HonoursEverything,
    model_for,
)
from .interface import Reply, Request, Server
from .transport import BASE_URL, InProcess, listening

__all__ = [
    "ALIAS",
    "BASE_URL",
    "CHAT_MODEL",
    "EMBEDDING_MODEL",
    "IMAGE_MODEL",
    "NAMED",
    "SMALL_MODEL",
    "HonoursEverything",
    "InProcess",
    "Reply",
    "Request",
    "Server",
    "listening",
    "made",
    "model_for",
    "strips",
]

del _hostile, _native, _other_shapes, _sly
