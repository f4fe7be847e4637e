"""The miniature servers by name: each does one thing, and the suite must say so.

`NAMED` holds a maker of each. Some take an argument after a colon: `strips:temperature`, `dies_after:5`.
"""

from __future__ import annotations

import json
import random
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import parse_qsl, urlencode

from conformance.probes.endpoints import ENDPOINTS, RequestEndpoint

from .honours import CHAT_MODEL, EMBEDDING_MODEL, HonoursEverything, model_for
from .interface import CutError, DeadError, HangError, Reply, Request, Server, json_reply

ROUTES = {
    "/v1/chat/completions": "messages",
    "/v1/completions": "prompt",
    "/v1/responses": "input",
    "/v1/embeddings": "input",
}
"""Route -> its required field beside the model."""

LIMITS = {
    "/v1/chat/completions": "max_tokens",
    "/v1/completions": "max_tokens",
    "/v1/responses": "max_output_tokens",
}
"""Route of generated text -> the field that limits it."""

OTHERS = {
    f"/v1{endpoint.path}": endpoint
    for endpoint in ENDPOINTS
    if issubclass(endpoint, RequestEndpoint) and f"/v1{endpoint.path}" not in ROUTES
}
"""Route -> endpoint, of those that nothing but their class is known of here."""

PLAIN: Mapping[str, Any] = {
    "messages": [{"role": "user", "content": "Hello."}],
    "prompt": "Hello.",
    "input": "Hello.",
}
"""Required field -> a value that every server takes."""

Maker = Callable[..., Server]

NAMED: dict[str, Maker] = {}


def behaviour(maker: Maker) -> Maker:
    """Enter a maker under its name."""
    NAMED[maker.__name__] = maker
    return maker


def made(name: str) -> Server:
    """The server of that name, which may hold an argument after a colon.

    Raises:
        KeyError: there is none of that name.
    """
    known, colon, argument = name.partition(":")
    return NAMED[known](argument) if colon else NAMED[known]()


@behaviour
def honours_everything() -> Server:
    """Does what OpenAI's documentation says."""
    return HonoursEverything()


@behaviour
def honours_extensions() -> Server:
    """The same, and honours what other servers add: `reasoning` in chat, `response_format` in completions."""
    return HonoursEverything(extensions=True)


@behaviour
def honours_leniently() -> Server:
    """Honours every field, and lets unknown ones pass, as most servers do."""
    return HonoursEverything(lenient=True, extensions=True)


@behaviour
def demands_tool_results() -> Server:
    """Honours everything, and refuses conversations whose tool calls nobody answered, as OpenAI does."""
    return HonoursEverything(results_due=True)


@dataclass(kw_only=True)
class IgnoresFields:
    """Answers 200 on every route, whatever is sent beside the required fields and `stream`."""

    inner: Server = field(default_factory=lambda: HonoursEverything(late=0))
    greedy: bool = True
    """Whether equal requests get equal answers."""
    reads_input: bool = True
    """Whether messages, prompt and input are read at all."""

    def answer(self, request: Request) -> Reply:
        """As if the required fields alone had been sent."""
        required = ROUTES.get(request.path)
        body = request.json if isinstance(request.json, dict) else {}
        if request.path in OTHERS and request.method == "POST":
            return self._answer_other(request, OTHERS[request.path], body)
        if required is None or request.method != "POST":
            return self.inner.answer(replace(request, query=""))
        given = body.get(required) if self.reads_input else self._own(request.path)
        reply = self._ask(request, given, body)
        if reply.status >= 400:
            reply = self._ask(request, PLAIN[required], body)
        model = body.get("model")
        return renamed(reply, model) if isinstance(model, str) and model else reply

    def _answer_other(self, request: Request, endpoint: type[RequestEndpoint[Any]], body: Mapping[str, Any]) -> Reply:
        """Reply as if the endpoint's required fields alone had been sent, or its smallest request."""
        smallest = {"model": model_for(endpoint.capability), **endpoint.smallest}
        given = {name: body[name] for name in endpoint.smallest if name in body} if self.reads_input else {}
        reply = self.inner.answer(with_body(request, {**smallest, **given}))
        if reply.status >= 400:
            reply = self.inner.answer(with_body(request, smallest))
        model = body.get("model")
        return renamed(reply, model) if isinstance(model, str) and model else reply

    def _own(self, path: str) -> Any:
        if path not in LIMITS and not self.greedy:
            return [300 + random.randrange(400) for _ in range(6)]  # noqa: S311 - fresh text
        return PLAIN[ROUTES[path]]

    def _ask(self, request: Request, given: Any, body: Mapping[str, Any]) -> Reply:
        limit = LIMITS.get(request.path)
        asked = {"model": EMBEDDING_MODEL if limit is None else CHAT_MODEL, ROUTES[request.path]: given}
        if limit is not None:
            asked |= {"temperature": 0 if self.greedy else 1, "stream": body.get("stream") is True}
            # As servers do that know no limit: the model ends by itself.
            asked |= {limit: 200}
        return self.inner.answer(with_body(request, asked))


def with_body(request: Request, body: Any) -> Request:
    """The request with another body."""
    data = json.dumps(body).encode()
    headers = {**request.headers, "content-type": "application/json", "content-length": str(len(data))}
    return replace(request, headers=headers, body=data)


def renamed(reply: Reply, model: str) -> Reply:
    """The reply in the name of the model that was asked for."""
    new = b'"model":' + json.dumps(model, ensure_ascii=False).encode("utf-8", "replace")
    olds = [b'"model":"%b"' % name.encode() for name in (CHAT_MODEL, EMBEDDING_MODEL)]

    def put(piece: bytes) -> bytes:
        for old in olds:
            piece = piece.replace(old, new, 1)
        return piece

    body = reply.body
    return replace(reply, body=put(body) if isinstance(body, bytes) else map(put, body))


@behaviour
def ignores_every_field() -> Server:
    """200 to everything, as if only model and messages, prompt or input had been sent. It is greedy."""
    return IgnoresFields()


@behaviour
def ignores_and_samples() -> Server:
    """The same, but the answers are sampled: no two are equal."""
    return IgnoresFields(greedy=False)


@behaviour
def always_repeats_itself() -> Server:
    """One and the same text whatever is asked."""
    return IgnoresFields(reads_input=False)


@behaviour
def always_random() -> Server:
    """A fresh text at every request, whatever is asked."""
    return IgnoresFields(reads_input=False, greedy=False)


REQUIRED = {"model", *ROUTES.values(), *(name for endpoint in OTHERS.values() for name in endpoint.required)}
"""Fields that a request of some endpoint is refused without."""

KNOWN = {*REQUIRED, *LIMITS.values(), "stream", "temperature"}
"""What servers that refuse or crash know."""


@dataclass(kw_only=True)
class KnowsFewFields:
    """Answers any other field in its own way."""

    otherwise: Callable[[str], Reply]
    inner: Server = field(default_factory=HonoursEverything)

    def answer(self, request: Request) -> Reply:
        """The reply, unless there is more in the body than is known."""
        body = request.json
        if request.path in (*ROUTES, *OTHERS) and isinstance(body, dict):
            # The SDK sends encoding_format with each request for embeddings.
            known = KNOWN | ({"encoding_format"} if request.path == "/v1/embeddings" else set())
            extras = [name for name in body if name not in known]
            if extras:
                return self.otherwise(extras[0])
        return self.inner.answer(request)


@behaviour
def refuses_extras() -> Server:
    """400 with an envelope for any field beyond the required ones, stream, temperature and the limit."""

    def refuse(name: str) -> Reply:
        error = {
            "message": f"Unsupported parameter: '{name}'.",
            "type": "invalid_request_error",
            "param": name,
            "code": "unsupported_parameter",
        }
        return json_reply({"error": error}, 400)

    return KnowsFewFields(otherwise=refuse)


@behaviour
def crashes_on_extras() -> Server:
    """500 with a page of text for any field beyond the same few."""
    page = b"<html><head><title>500</title></head><body><h1>Internal Server Error</h1></body></html>"
    crash = Reply(status=500, headers=(("content-type", "text/html"),), body=page)
    return KnowsFewFields(otherwise=lambda _: crash)


@dataclass(kw_only=True)
class Always:
    """Gives the same reply to everything."""

    reply: Callable[[], Reply]

    def answer(self, request: Request) -> Reply:  # noqa: ARG002 - whatever is asked
        """The reply."""
        return self.reply()


@behaviour
def hangs() -> Server:
    """Takes requests and never answers."""

    def hang() -> Reply:
        raise HangError

    return Always(reply=hang)


@behaviour
def absent_404() -> Server:
    """404 to everything, with a line of text."""
    text = (("content-type", "text/plain"),)
    return Always(reply=lambda: Reply(status=404, headers=text, body=b"404 page not found\n"))


@behaviour
def absent_501() -> Server:
    """501 to everything."""
    return Always(reply=lambda: json_reply({"error": "not implemented"}, 501))


@behaviour
def ok_to_all() -> Server:
    """200 with `{}` to every request on any route."""
    return Always(reply=lambda: json_reply({}))


@dataclass(kw_only=True)
class CutsAnswers:
    """Ends what it answers to POST requests in the middle, and closes the connection."""

    inner: Server = field(default_factory=HonoursEverything)

    def answer(self, request: Request) -> Reply:
        """Half of the reply."""
        reply = self.inner.answer(request)
        if request.method != "POST" or reply.status != 200:
            return reply
        if isinstance(reply.body, bytes):
            size = (("content-length", str(len(reply.body))),)
            return replace(reply, headers=reply.headers + size, body=_half([reply.body]))
        return replace(reply, body=_half(list(reply.body)))


def _half(pieces: list[bytes]) -> Iterator[bytes]:
    whole = b"".join(pieces)
    yield whole[: len(whole) // 2]
    raise CutError


@behaviour
def cuts_the_stream() -> Server:
    """Streams and plain bodies end in the middle; the connection is closed without the rest."""
    return CutsAnswers()


@dataclass(kw_only=True)
class Dies:
    """Answers so many requests, then is gone."""

    left: int
    inner: Server = field(default_factory=HonoursEverything)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def answer(self, request: Request) -> Reply:
        """The reply, while it lives."""
        with self._lock:
            self.left -= 1
            if self.left < 0:
                raise DeadError
        return self.inner.answer(request)


@behaviour
def dies_after(count: int | str = 5) -> Server:
    """Answers so many requests, then takes no connection any more."""
    return Dies(left=int(count))


@dataclass(kw_only=True)
class Strips:
    """Takes one top-level field out of each body or query before the server sees it: a client that forgets it."""

    inner: Server
    field: str
    value: Any = None
    """What a required field is replaced with; None takes the field out."""

    def answer(self, request: Request) -> Reply:
        """The reply to the request without the field."""
        body = request.json
        if isinstance(body, dict) and self.field in body:
            body = {name: value for name, value in body.items() if name != self.field}
            if self.value is not None:
                body[self.field] = self.value
            request = with_body(request, body)
        query = [pair for pair in parse_qsl(request.query) if pair[0] not in (self.field, f"{self.field}[]")]
        return self.inner.answer(replace(request, query=urlencode(query)))


@behaviour
def strips(field: str, server: Server | None = None, value: Any = None) -> Server:
    """A lenient server that never sees one field. Required ones are replaced with a plain value, or with `value`."""
    replaced = {**PLAIN, "model": CHAT_MODEL}.get(field) if value is None else value
    return Strips(inner=server or honours_leniently(), field=field, value=replaced)


@behaviour
def busy() -> Server:
    """429 to everything, without saying for how long."""
    error = {"message": "The server is busy.", "type": "rate_limit_error", "param": None, "code": "rate_limited"}
    return Always(reply=lambda: json_reply({"error": error}, 429))
