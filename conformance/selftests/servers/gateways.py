"""What stands between a client and a server that honours every field, and changes its answers in its own way."""

from __future__ import annotations

import itertools
import json
import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from .interface import Reply, Request, Server, json_reply
from .settings import event, event_done

RENAMED = "vendor/mini-2026-01-01"


@dataclass(kw_only=True)
class Gateway:
    """Comments in streams, further members, a model under its full name."""

    inner: Server

    def answer(self, request: Request) -> Reply:
        """The reply, dressed."""
        reply = self.inner.answer(request)
        if reply.status != 200 or request.path.startswith(("/v1/models", "/v1/embeddings")):
            return reply
        if isinstance(reply.body, bytes):
            return replace(json_reply(_dressed(json.loads(reply.body))), headers=reply.headers)
        return replace(reply, body=self._commented(reply.body))

    def _commented(self, pieces: Iterable[bytes]) -> Iterator[bytes]:
        yield b": PROCESSING\n\n"
        for place, piece in enumerate(pieces):
            if piece == event_done():
                yield piece
                continue
            head, _, data = piece.partition(b"data: ")
            yield head + event(_dressed(json.loads(data)))
            if place % 8 == 0:
                yield b": keep-alive\n\n"


def _dressed(answer: dict[str, Any]) -> dict[str, Any]:
    """The answer, the chunk or the event with what the gateway adds, under the name that it has for the model."""
    if "response" in answer:
        return {**answer, "response": _dressed(answer["response"])}
    if "choices" in answer:
        choices = [{**choice, "native_finish_reason": choice["finish_reason"]} for choice in answer["choices"]]
        return {**answer, "model": RENAMED, "provider": "Zq", "choices": choices}
    return {**answer, "model": RENAMED, "provider": "Zq"} if "model" in answer else answer


@dataclass(kw_only=True)
class Interrupts:
    """Ends a running stream with `[DONE]` after the piece at hand when another request comes.

    `crowd`: in one of so many streams, another client's request comes; 0 for requests of one's own alone.
    """

    inner: Server
    crowd: int = 0
    _requests: Iterator[int] = field(default_factory=lambda: itertools.count(1))
    _last: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def answer(self, request: Request) -> Reply:
        """The reply, as long as no other request comes."""
        if request.method != "POST":
            return self.inner.answer(request)
        with self._lock:
            self._last = number = next(self._requests)
        reply = self.inner.answer(request)
        return reply if isinstance(reply.body, bytes) else replace(reply, body=self._running(number, reply.body))

    def _running(self, number: int, pieces: Iterable[bytes]) -> Iterator[bytes]:
        crowded = self.crowd and number % self.crowd == 0
        for place, piece in enumerate(pieces):
            yield piece
            if self._last != number or (crowded and place == 3):
                yield event_done()
                return
