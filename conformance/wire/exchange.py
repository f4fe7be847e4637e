"""Exchanges with a server, as frozen data. Nothing here asks anything."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from typing import Any

from .json_text import parse_json
from .sse import Event, parse_events

IMAGE_HOST = "http://image.host.invalid"
"""Stands in a call for the address where the suite serves its pictures, so that equal calls stay equal."""

GENERATING = ("/chat/completions", "/completions")
"""Routes whose answers are texts of a model."""

_SHORTEST_PAUSE = 0.5
"""Seconds: a server that is busy and says "retry after 0" is not hammered."""


@dataclass(frozen=True, kw_only=True)
class Call:
    """A request as a probe wants it sent. Equal calls are asked once and shared by all probes and workers."""

    path: str
    """Below the base URL: `/chat/completions`. `native` calls: below the server's root."""
    method: str = "POST"
    body: Any = None
    """JSON body. It goes through the SDK unless `via` says otherwise."""
    raw: str | None = None
    """A body that is sent byte for byte, for requests that no SDK would build."""
    headers: tuple[tuple[str, str], ...] = ()
    via: str = "sdk"
    """`sdk`, `async` (the SDK's async client), `parse` (`.parse()` with a pydantic model), `bare` (the SDK's door for
    any route, with `raw` put underneath), or `raw` (without the SDK)."""
    server: str = "main"
    """`main`, `embedding` (the URL of the embedding model) or `native` (the server's own root)."""
    leave_after: int | None = None
    """Close the stream after so many events."""
    leave_after_seconds: float | None = None
    """Close the stream so many seconds after its first event."""
    ordinal: int = 0
    """Tells repetitions of one call apart."""

    @cached_property
    def id(self) -> str:
        """Name of the exchange: the same call has the same name in every run and in every worker."""
        text = json.dumps(asdict(self), sort_keys=True, ensure_ascii=True)
        return f"e{hashlib.sha256(text.encode()).hexdigest()[:10]}"

    @property
    def streams(self) -> bool:
        """Whether an event stream was asked for."""
        return isinstance(self.body, dict) and self.body.get("stream") is True

    @property
    def leaves(self) -> bool:
        """Whether the stream is to be closed before its end."""
        return self.leave_after is not None or self.leave_after_seconds is not None

    def leaves_at(self, count: int, seconds: float) -> bool:
        """Whether to close the stream at this event: the one of that number, so long after the first."""
        if self.leave_after is not None and count >= self.leave_after:
            return True
        return self.leave_after_seconds is not None and seconds >= self.leave_after_seconds

    def again(self, ordinal: int) -> Call:
        """The same call as a repetition of its own."""
        return replace(self, ordinal=self.ordinal + ordinal)


@dataclass(frozen=True, kw_only=True)
class Taken:
    """What the SDK made of the answer: an object, or an exception."""

    exception: str | None = None
    message: str = ""
    status: int | None = None
    code: str | None = None
    param: str | None = None
    type: str | None = None
    text: str | None = None
    """The content that the SDK's own objects hold, joined; None when there is none."""
    vector_lengths: tuple[int, ...] = ()
    """Lengths of the vectors that the SDK decoded."""


@dataclass(frozen=True, kw_only=True)
class Exchange:
    """One request and what came back, as overheard on the wire; keys are redacted."""

    call: Call
    url: str = ""
    sent: str = ""
    """The request body that was really sent."""
    sent_headers: tuple[tuple[str, str], ...] = ()
    status: int | None = None
    headers: tuple[tuple[str, str], ...] = ()
    pieces: tuple[tuple[float, str], ...] = ()
    """What arrived, and when (seconds since the request was sent). Bytes that are not UTF-8 read U+FFFD."""
    invalid_utf8: bool = False
    failure: str | None = None
    """`timeout`, `cut`, `unreachable`, `too_large`: why there is no whole answer. None when there is one."""
    detail: str = ""
    taken: Taken | None = None
    started: float = 0.0
    """Unix time."""
    seconds: float = 0.0
    waited: float = 0.0
    """Seconds spent waiting out a server that said it was busy."""

    @property
    def id(self) -> str:
        """Name of the exchange."""
        return self.call.id

    @cached_property
    def text(self) -> str:
        """The whole body."""
        return "".join(piece for _, piece in self.pieces)

    @cached_property
    def json(self) -> Any:
        """The body as JSON, or None where it is none."""
        return parse_json(self.text)

    @cached_property
    def events(self) -> tuple[Event, ...]:
        """The server-sent events of the body."""
        return parse_events(self.pieces)

    def header(self, name: str) -> str:
        """A header of the answer, empty where it is absent."""
        return next((value for key, value in self.headers if key.lower() == name.lower()), "")

    @property
    def busy(self) -> bool:
        """Whether the server refused for now, whatever was asked: too many requests, a full queue, still loading."""
        return self.status == 429 or self.comes_back is not None

    @property
    def comes_back(self) -> float | None:
        """In how many seconds a server that is busy may be asked again; None where it does not say that it is."""
        if self.status not in (429, 503):
            return None
        after = self.header("retry-after")
        if after.isascii() and after.isdigit() and len(after) < 10:
            return max(float(after), _SHORTEST_PAUSE)
        words = self.text[:2000].lower()
        return 1.0 if any(word in words for word in ("busy", "loading", "overload")) else None

    @property
    def accepted(self) -> bool:
        """Whether the server said 2xx and the answer arrived whole."""
        return self.status is not None and 200 <= self.status < 300 and self.failure is None

    @property
    def sent_json(self) -> Any:
        """The body that was really sent, as JSON."""
        return parse_json(self.sent)

    def record(self) -> dict[str, Any]:
        """As one JSON object: a line of exchanges.jsonl."""
        return {"id": self.id, **asdict(self)}


def restored(record: dict[str, Any]) -> Exchange:
    """The exchange of a line of exchanges.jsonl.

    Raises:
        KeyError, TypeError: the object is no record of an exchange.
    """
    fields = {key: value for key, value in record.items() if key != "id"}
    call = fields.pop("call")
    call["headers"] = tuple((str(k), str(v)) for k, v in call["headers"])
    taken = fields.pop("taken")
    if taken is not None:
        taken["vector_lengths"] = tuple(taken["vector_lengths"])
    for name in ("headers", "sent_headers", "pieces"):
        fields[name] = tuple((key, value) for key, value in fields[name])
    return Exchange(call=Call(**call), taken=None if taken is None else Taken(**taken), **fields)
