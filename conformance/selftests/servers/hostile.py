"""Servers that want to harm who asks them: the recorder must bound them, and the report must not pass them on."""

from __future__ import annotations

import itertools
import json
import time
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from .behaviours import KNOWN, ROUTES, Always, behaviour
from .honours import HonoursEverything, model_of
from .interface import Reply, Request, Server, error_reply, json_reply

EVIL = (
    "<script>alert(1)</script></script><img src=x onerror=alert(1)> \x1b[2J\x1b]0;owned\x07\x1b[31mred "
    "\u202etxet desrever\u202c\u200b\r\n| a | b |\n```\n[x](javascript:alert(1)) ]]> --> {{ 7*7 }} \u2028 "
)
"""Text that breaks out of pages, terminals, tables and templates that let it through."""

LONG = 1_000_000
"""Characters of the longest line."""

_HOLE = "@@invalid@@"
_INVALID = b"\xff\xfe\xc3\x28"

_JSON = (("content-type", "application/json"),)
_EVENTS = (("content-type", "text/event-stream"),)


def _message(text: str) -> dict[str, Any]:
    message = {"role": "assistant", "content": text, "refusal": None}
    return {"index": 0, "message": message, "text": text, "logprobs": None, "finish_reason": "stop"}


def _answer(text: str) -> dict[str, Any]:
    usage = {"prompt_tokens": 9, "completion_tokens": 9, "total_tokens": 18}
    head = {"id": f"chatcmpl-{EVIL}", "object": "chat.completion", "created": 1_700_000_000, "model": EVIL}
    return {**head, "choices": [_message(text)], "usage": usage, "system_fingerprint": EVIL, EVIL: EVIL}


@dataclass(kw_only=True)
class HostileText:
    """Answers with evil text everywhere: contents, names, messages of errors."""

    inner: Server = field(default_factory=HonoursEverything)

    def answer(self, request: Request) -> Reply:
        """Evil."""
        body = request.json
        if request.path == "/v1/models":
            return json_reply({"object": "list", "data": [model_of("mini"), model_of("mini-embed"), model_of(EVIL)]})
        if request.path not in ROUTES or not isinstance(body, dict):
            return error_reply(404, EVIL, param=EVIL, code=EVIL, kind=EVIL)
        if any(name not in KNOWN for name in body):
            return error_reply(400, EVIL, param=EVIL, code=EVIL, kind=EVIL)
        text = EVIL + _HOLE + "A" * (LONG if body.get("max_tokens") == 1 else 10)
        data = json.dumps(_answer(text), ensure_ascii=False).encode().replace(_HOLE.encode(), _INVALID)
        if body.get("stream") is True:
            return Reply(headers=_EVENTS, body=iter([self._chunk(text), b"data: [DONE]\n\n"]))
        return Reply(headers=_JSON, body=data)

    @staticmethod
    def _chunk(text: str) -> bytes:
        choice = {"index": 0, "delta": {"role": "assistant", "content": text}, "text": text, "finish_reason": "stop"}
        chunk = {**_answer(text), "object": "chat.completion.chunk", "choices": [choice]}
        data = json.dumps(chunk, ensure_ascii=False).encode().replace(_HOLE.encode(), _INVALID)
        return b"event: <script>\n: \x1b[31mcomment\ndata: " + data + b"\n\n"


@behaviour
def hostile_text() -> Server:
    """Markup, control sequences, reversed text, lines of a megabyte and invalid UTF-8 in every place."""
    return HostileText()


def _chunks() -> Iterator[bytes]:
    for number in itertools.count():
        choice = {"index": 0, "delta": {"content": f" word{number}"}, "logprobs": None, "finish_reason": None}
        head = {
            "id": "chatcmpl-endless",
            "object": "chat.completion.chunk",
            "created": 1_700_000_000,
            "model": "mini",
        }
        yield f"data: {json.dumps({**head, 'choices': [choice]})}\n\n".encode()


@behaviour
def endless_stream() -> Server:
    """A stream of good chunks that never ends."""
    return Always(reply=lambda: Reply(headers=_EVENTS, body=_chunks()))


@behaviour
def endless_body() -> Server:
    """One JSON document that never ends."""
    piece = b"a" * 65_536
    start = b'{"choices":[{"index":0,"message":{"role":"assistant","content":"'
    return Always(reply=lambda: Reply(headers=_JSON, body=itertools.chain([start], itertools.repeat(piece))))


@cache
def bomb(megabytes: int = 64) -> bytes:
    """So many megabytes of spaces, in gzip: a thousandth of it."""
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    spaces = b" " * (1 << 20)
    return b"".join([*(packer.compress(spaces) for _ in range(megabytes)), packer.flush()])


@behaviour
def gzip_bomb() -> Server:
    """A small body that unpacks to 64 megabytes."""
    return Always(reply=lambda: Reply(headers=(*_JSON, ("content-encoding", "gzip")), body=bomb()))


def _drops(pause: float) -> Iterator[bytes]:
    for byte in itertools.chain(b'{"choices":[', itertools.repeat(32)):
        yield bytes([byte])
        time.sleep(pause)


@behaviour
def slow_drip(pause: float | str = 0.2) -> Server:
    """A byte every so often, for ever."""
    return Always(reply=lambda: Reply(headers=_JSON, body=_drops(float(pause))))


DEPTH = 100_000


@behaviour
def deep_json() -> Server:
    """A hundred thousand arrays in each other."""
    body = b'{"choices":' + b"[" * DEPTH + b"]" * DEPTH + b"}"
    return Always(reply=lambda: Reply(headers=_JSON, body=body))


def _with_numbers(number: str) -> Reply:
    body = json.dumps(_answer("Hello.")).replace("1700000000", number).replace(": 9,", f": {number},")
    data = f'{{"data": [{{"object": "embedding", "index": {number}, "embedding": [{number}, 1]}}], {body[1:]}'
    return Reply(headers=_JSON, body=data.encode())


@behaviour
def huge_numbers() -> Server:
    """Numbers of a thousand digits where counts and vectors are due."""
    return Always(reply=lambda: _with_numbers("9" * 1000))


@behaviour
def longer_numbers() -> Server:
    """Numbers of ten thousand digits, which Python's own JSON reader refuses."""
    return Always(reply=lambda: _with_numbers("9" * 10_000))


@behaviour
def not_a_number() -> Server:
    """NaN where counts and vectors are due, which is no JSON though Python reads it."""
    return Always(reply=lambda: _with_numbers("NaN"))


@behaviour
def infinite_numbers() -> Server:
    """1e999 where counts and vectors are due: JSON, and infinite once read."""
    return Always(reply=lambda: _with_numbers("1e999"))


@behaviour
def redirects_for_ever() -> Server:
    """A redirection to itself."""
    return Always(reply=lambda: Reply(status=307, headers=(("location", "/v1/models"),), body=b""))


@behaviour
def empty_answers() -> Server:
    """200 with nothing in it."""
    return Always(reply=lambda: Reply(headers=(), body=b""))


@behaviour
def html_to_all() -> Server:
    """200 with a page, as a proxy's login has it."""
    page = b"<!doctype html><title>Login</title><script>alert(1)</script>"
    return Always(reply=lambda: Reply(headers=(("content-type", "text/html"),), body=page))
