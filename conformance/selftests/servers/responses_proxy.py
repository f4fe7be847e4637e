"""What stands before the miniature /v1/responses, and changes requests, responses or the events of streams."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace

from .behaviours import with_body
from .interface import RefusalError, Reply, Request, Server
from .proxy import Body, honest
from .responses import event_bytes

Events = list[Body]

ROUTE = "/v1/responses"


def _as_sent(body: Body) -> Body:
    return body


def _as_made(_sent: Body, made: Body) -> Body:
    return made


def _as_told(_sent: Body, events: Events) -> Events:
    return events


@dataclass(kw_only=True)
class ResponsesProxy:
    """Changes what is asked of `/v1/responses`, and what comes back; all other routes are as they are."""

    going: Callable[[Body], Body] = _as_sent
    """The body of a request -> the one that goes on. May raise RefusalError."""
    coming: Callable[[Body, Body], Body] = _as_made
    """The request, and a response object of an answer or of an event -> what the client gets."""
    events: Callable[[Body, Events], Events] = _as_told
    """The request, and all events of a stream -> those that the client gets."""
    pack: Callable[[Body], bytes] = event_bytes
    """An event -> its bytes."""
    ending: bytes = b""
    """What a stream ends with."""
    inner: Server = field(default_factory=honest)

    def answer(self, request: Request) -> Reply:
        """The reply, changed."""
        if request.method != "POST" or request.path != ROUTE or not isinstance(request.json, dict):
            return self.inner.answer(request)
        sent: Body = request.json
        try:
            reply = self.inner.answer(with_body(request, self.going(dict(sent))))
        except RefusalError as refusal:
            return refusal.reply
        if reply.status != 200:
            return reply
        if isinstance(reply.body, bytes):
            return replace(reply, body=json.dumps(self.coming(sent, json.loads(reply.body))).encode())
        return replace(reply, body=self._streamed(sent, reply.body))

    def _streamed(self, sent: Body, pieces: Iterable[bytes]) -> Iterator[bytes]:
        told = [json.loads(piece.partition(b"data: ")[2]) for piece in pieces]
        held = [
            {**event, "response": self.coming(sent, event["response"])} if "response" in event else event
            for event in told
        ]
        yield from map(self.pack, self.events(sent, held))
        if self.ending:
            yield self.ending


@dataclass(kw_only=True)
class Hides:
    """Answers 404 to what begins with a method and a path, as if there were no such thing."""

    method: str
    path: str
    inner: Server = field(default_factory=honest)

    def answer(self, request: Request) -> Reply:
        """The reply, or none such."""
        if request.method == self.method and request.path.startswith(self.path):
            return RefusalError("Not found.", status=404).reply
        return self.inner.answer(request)
