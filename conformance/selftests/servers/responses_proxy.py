"""What stands before the miniature /v1/responses, and changes requests, responses or the events of streams."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace

from .behaviours import with_body
from .interface import RefusalError, Reply, Request, Server, json_reply
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
    """Changes what is asked of `/v1/responses`, and each response that comes back, also one that was kept."""

    going: Callable[[Body], Body] = _as_sent
    """The body of a request -> the one that goes on. May raise RefusalError."""
    coming: Callable[[Body, Body], Body] = _as_made
    """The request (empty for one that was kept), and a response object of an answer or an event -> what comes."""
    events: Callable[[Body, Events], Events] = _as_told
    """The request, and all events of a stream -> those that the client gets."""
    pack: Callable[[Body], bytes] = event_bytes
    """An event -> its bytes."""
    ending: bytes = b""
    """What a stream ends with."""
    inner: Server = field(default_factory=honest)

    def answer(self, request: Request) -> Reply:
        """The reply, changed."""
        asks = request.method == "POST" and request.path in (ROUTE, f"{ROUTE}/input_tokens")
        sent: Body = dict(request.json) if asks and isinstance(request.json, dict) else {}
        try:
            reply = self.inner.answer(with_body(request, self.going(dict(sent))) if sent else request)
        except RefusalError as refusal:
            return refusal.reply
        if reply.status != 200 or not request.path.startswith(ROUTE):
            return reply
        if not isinstance(reply.body, bytes):
            return replace(reply, body=self._streamed(sent, reply.body))
        made = json.loads(reply.body)
        return json_reply(self.coming(sent, made)) if made.get("object") == "response" else reply

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
class Operates:
    """Answers one operation in another way."""

    method: str
    path: str
    """Of the operation, as a pattern."""
    instead: Callable[[Request, Reply], Reply]
    """The request, and the honest reply -> the one that the client gets."""
    inner: Server = field(default_factory=honest)

    def answer(self, request: Request) -> Reply:
        """The reply, or another."""
        reply = self.inner.answer(request)
        meant = request.method == self.method and re.fullmatch(self.path, request.path)
        return self.instead(request, reply) if meant else reply
