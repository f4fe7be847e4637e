"""A server that answers in JSON of shapes that no client expects."""

from __future__ import annotations

import itertools
import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from .behaviours import behaviour
from .honours import HonoursEverything
from .interface import Reply, Request, Server, json_reply

SHAPES: tuple[Any, ...] = (
    None, [], 7, "x", True, {"choices": None}, {"choices": {}}, {"choices": []}, {"choices": [None]},
    {"choices": [{"message": None}]}, {"choices": [{"message": {"content": 7}}], "usage": []},
    {"choices": [{"index": "0", "text": [], "message": {"content": {"a": 1}, "tool_calls": "x"}}], "usage": "x"},
    {"data": None}, {"data": {}}, {"data": [None]}, {"data": [{"embedding": None}]}, {"data": [{"embedding": [{}]}]},
    {"object": "list", "data": [{"id": 7}, {"id": None}, {}, "x"]}, {"error": "x"}, {"error": {"message": {}}},
    {"object": "response", "output": None}, {"output": {}}, {"output": [None]}, {"output": [{"type": "message"}]},
    {"id": 7, "status": [], "output": [{"type": "message", "content": [{"type": "output_text", "text": 7}]}]},
    {"output": [{"type": "function_call", "arguments": {}}], "usage": {"input_tokens": "x"}, "incomplete_details": 7},
    {"type": "response.completed", "sequence_number": "0", "response": []}, {"type": "response.output_text.delta"},
)  # fmt: skip
"""JSON of other shapes than any client expects."""


@dataclass(kw_only=True)
class OtherShapes:
    """200, and JSON of another shape each time."""

    turn: Iterator[Any] = field(default_factory=lambda: itertools.cycle(SHAPES))
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def answer(self, request: Request) -> Reply:
        """The next shape; as an event stream where one is asked for."""
        with self._lock:
            shape = next(self.turn)
        body = request.json
        if isinstance(body, dict) and body.get("stream") is True:
            events = f"data: {json.dumps(shape)}\n\ndata: [DONE]\n\n".encode()
            return Reply(headers=(("content-type", "text/event-stream"),), body=iter([events]))
        return json_reply(shape)


@behaviour
def other_shapes() -> Server:
    """200 with JSON of other shapes than any client expects, and a good list of models."""
    return Except(path="/v1/models", reply=HonoursEverything().list_models, inner=OtherShapes())


@dataclass(kw_only=True)
class Except:
    """Another server but for one route."""

    path: str
    reply: Callable[[], Reply]
    inner: Server

    def answer(self, request: Request) -> Reply:
        """The reply of whichever it is."""
        return self.reply() if request.path == self.path else self.inner.answer(request)
