"""What stands between a client and a server, and changes what passes: a proxy, and a cache."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from .behaviours import with_body
from .honours import HonoursEverything
from .interface import RefusalError, Reply, Request, Server

Body = dict[str, Any]


def honest() -> Server:
    """What stands behind the proxy: it honours everything, and is lenient, as most servers are."""
    return HonoursEverything(lenient=True, extensions=True, pace=0, late=0)


def _as_sent(body: Body) -> Body:
    return body


def _as_got(_sent: Body, got: Body) -> Body:
    return got


@dataclass(kw_only=True)
class Proxy:
    """Changes what is posted, and what comes back of it."""

    going: Callable[[Body], Body] = _as_sent
    """The request's body -> the one that goes on. May raise RefusalError."""
    coming: Callable[[Body, Body], Body] = _as_got
    """The request's body and the plain answer, or a chunk of the stream -> what the client gets."""
    inner: Server = field(default_factory=honest)

    def answer(self, request: Request) -> Reply:
        """The reply, changed."""
        sent = request.json
        if request.method != "POST" or not isinstance(sent, dict):
            return self.inner.answer(request)
        try:
            reply = self.inner.answer(with_body(request, self.going(dict(sent))))
        except RefusalError as refusal:
            return refusal.reply
        if reply.status != 200:
            return reply
        if isinstance(reply.body, bytes):
            return replace(reply, body=_packed(self.coming(sent, json.loads(reply.body))))
        return replace(reply, body=self._events(sent, reply.body))

    def _events(self, sent: Body, pieces: Iterable[bytes]) -> Iterator[bytes]:
        for piece in pieces:
            head, _, data = piece.decode().strip().partition("data: ")
            changed = data.encode() if data == "[DONE]" else _packed(self.coming(sent, json.loads(data)))
            yield head.encode() + b"data: " + changed + b"\n\n"


def _packed(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")


def without(body: Body, *names: str) -> Body:
    """The body less some fields."""
    return {name: value for name, value in body.items() if name not in names}


@dataclass(kw_only=True)
class Caches:
    """Answers what was asked before, to the letter, with what it answered then: a proxy with a cache."""

    inner: Server
    _kept: dict[tuple[str, bytes], Reply] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def answer(self, request: Request) -> Reply:
        """The reply, of the first time."""
        with self._lock:
            key = (request.path, request.body)
            if request.method != "POST":
                return self.inner.answer(request)
            if key not in self._kept:
                reply = self.inner.answer(request)
                body = reply.body if isinstance(reply.body, bytes) else list(reply.body)
                self._kept[key] = replace(reply, body=body)
            return self._kept[key]
