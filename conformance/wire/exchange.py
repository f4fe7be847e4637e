"""Exchanges with a server, as frozen data. Nothing here asks anything."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, fields
from functools import cached_property
from typing import Any, Literal

from .json_text import parse_json
from .sse import Event, parse_events

IMAGE_HOST = "http://image.host.invalid"
"""Stands in a call for the address where the suite serves its pictures, so that equal calls stay equal."""

Transport = Literal["sdk", "sdk_async", "sdk_parse", "sdk_stream", "sdk_raw_body", "http"]
"""How a call is sent.

`sdk`: the method of the SDK's sync client for the route. `sdk_async`: the same of its async client. `sdk_parse`:
its `.parse()`, with a pydantic model. `sdk_stream`: its `.stream()`, which joins the events itself. `sdk_raw_body`:
the SDK's `post` or `get` for any route, with `Call.raw` as the body. `http`: without the SDK."""

Server = Literal["main", "embedding", "native"]
"""Whose base URL a path lies below: the target's, that of the embedding model, or the root of the native API."""

Purpose = Literal[
    "probe",
    "timing",
    "concurrency",
    "warm_up",
    "cache_reset",
    "liveness",
    "after_abort",
    "after_copy",
    "after_error",
    "cleanup",
    "existence",
]
"""What a call is for. Equal requests of another purpose are not shared: what follows an event is sent after it."""

Failure = Literal["timeout", "cut", "unreachable", "too_large"]
"""Why there is no whole response: the deadline passed, the connection was cut in the middle or never made, or the
body is longer than is read."""

_MIN_RETRY_SECONDS = 0.5
"""Seconds: a server that is busy and says "retry after 0" is not hammered."""


@dataclass(frozen=True, kw_only=True)
class Call:
    """A request as a probe wants it sent. Equal calls are asked once and shared by all probes and workers."""

    path: str
    """Below the base URL: `/chat/completions`. `native` calls: below the server's root."""
    method: str = "POST"
    body: Any = None
    """JSON body. It goes through the SDK unless `transport` says otherwise."""
    raw: str | None = None
    """A body that is sent byte for byte, for requests that no SDK would build."""
    headers: tuple[tuple[str, str], ...] = ()
    transport: Transport = "sdk"
    sdk_method: str = ""
    """The method of the SDK's client that the call goes through, such as `chat.completions.create`. Transports
    that begin with `sdk` need one, but for `sdk_raw_body`."""
    sdk_arguments: tuple[str, ...] = ()
    """What the method puts into the path: its positional arguments."""
    trailing_slash: bool = False
    """Whether the SDK is given a base URL that ends in a slash."""
    server: Server = "main"
    abort_after_events: int | None = None
    """Close the stream after so many events."""
    abort_after_seconds: float | None = None
    """Close the stream so many seconds after its first event."""
    purpose: Purpose = "probe"
    follows: str = ""
    """Purpose `after_error`: the exchange of the bad request that it is sent right after. Each has one of its own."""
    repetition: int = 0
    """Which repetition of an equal request a row wants, counted from 0: a repetition is sent again, not shared."""
    attempt: int = 0
    """0 in the first place; 1 where a row is asked once more before its regression is believed."""
    isolated: bool = False
    """Whether it is sent alone, after a request that leaves the server's prompt cache in a known state."""
    shard: int = 0
    """The shard, counted from 1, that sent it too, after another one; 0 for the first, and where nothing is split."""

    @cached_property
    def id(self) -> str:
        """Name of the exchange: the same call has the same name in every run and in every worker.

        Fields at their default do not count, so that a field added later renames nothing.
        """
        given = {each.name: value for each in fields(self) if (value := getattr(self, each.name)) != each.default}
        text = json.dumps(given, sort_keys=True, ensure_ascii=True)
        return f"e{hashlib.sha256(text.encode()).hexdigest()[:10]}"

    @property
    def streams(self) -> bool:
        """Whether an event stream was asked for."""
        return isinstance(self.body, dict) and self.body.get("stream") is True

    @property
    def aborts(self) -> bool:
        """Whether the stream is to be closed before its end."""
        return self.abort_after_events is not None or self.abort_after_seconds is not None

    def should_abort(self, count: int, seconds: float) -> bool:
        """Whether to close the stream at this event: the one of that number, so long after the first."""
        if self.abort_after_events is not None and count >= self.abort_after_events:
            return True
        return self.abort_after_seconds is not None and seconds >= self.abort_after_seconds


@dataclass(frozen=True, kw_only=True)
class SdkResult:
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
    chunks: tuple[tuple[float, str], ...] = ()
    """What arrived, and when (seconds since the request was sent). Bytes that are not UTF-8 read U+FFFD."""
    invalid_utf8: bool = False
    failure: Failure | None = None
    detail: str = ""
    sdk_result: SdkResult | None = None
    started: float = 0.0
    """Unix time."""
    seconds: float = 0.0
    retry_wait_seconds: float = 0.0
    """Seconds spent waiting out a server that said it was busy."""

    @property
    def id(self) -> str:
        """Name of the exchange."""
        return self.call.id

    @cached_property
    def text(self) -> str:
        """The whole body."""
        return "".join(piece for _, piece in self.chunks)

    @cached_property
    def json(self) -> Any:
        """The body as JSON, or None where it is none."""
        return parse_json(self.text)

    @cached_property
    def events(self) -> tuple[Event, ...]:
        """The server-sent events of the body."""
        return parse_events(self.chunks)

    def header(self, name: str) -> str:
        """Return a header of the answer, empty where it is absent."""
        return next((value for key, value in self.headers if key.lower() == name.lower()), "")

    @property
    def busy(self) -> bool:
        """Whether the server refused for now, whatever was asked: too many requests, a full queue, still loading."""
        return self.status == 429 or self.retry_after is not None

    @property
    def retry_after(self) -> float | None:
        """In how many seconds a server that is busy may be asked again; None where it does not say that it is."""
        if self.status not in (429, 503):
            return None
        after = self.header("retry-after")
        if after.isascii() and after.isdigit() and len(after) < 10:
            return max(float(after), _MIN_RETRY_SECONDS)
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

    def to_record(self) -> dict[str, Any]:
        """As one JSON object: a line of exchanges.jsonl."""
        return {"id": self.id, **asdict(self)}


def exchange_from_record(record: dict[str, Any]) -> Exchange:
    """Return the exchange of a line of exchanges.jsonl.

    Raises:
        KeyError, TypeError: the object is no record of an exchange.
    """
    fields = {key: value for key, value in record.items() if key != "id"}
    call = fields.pop("call")
    call["headers"] = tuple((str(k), str(v)) for k, v in call["headers"])
    call["sdk_arguments"] = tuple(str(argument) for argument in call.get("sdk_arguments", ()))
    sdk_result = fields.pop("sdk_result")
    if sdk_result is not None:
        sdk_result["vector_lengths"] = tuple(sdk_result["vector_lengths"])
    for name in ("headers", "sent_headers", "chunks"):
        fields[name] = tuple((key, value) for key, value in fields[name])
    return Exchange(call=Call(**call), sdk_result=None if sdk_result is None else SdkResult(**sdk_result), **fields)
