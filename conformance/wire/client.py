"""The asker: sends calls through the SDK or raw, overhears the wire, and never lets the server hold us."""

from __future__ import annotations

import re
import socket
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
from filelock import FileLock

from .exchange import IMAGE_HOST, Call, Exchange, Failure, SdkResult
from .exchange_cache import ExchangeCache
from .network import AsyncTransportFactory, TransportFactory, build_async_transport, build_transport, proxy_for
from .recorder import BodyTooLargeError, Recording, RecordingTransport
from .sdk import SdkClients, enumerate_timed, sdk_error

KEY_PLACEHOLDER = "$OPENAI_API_KEY"
_MIN_KEY_CHARACTERS = 8
"""Characters of the shortest key that is looked for in what the server says. Shorter ones are no secrets but words
(`none`, `test`, `ollama`), and taking those out of answers would change what is judged."""
_MAX_HEADER_CHARACTERS = 2000
_MAX_MESSAGE_CHARACTERS = 300


class ServerUnreachableError(Exception):
    """The server no longer takes connections: the run ends, and what it had not told stays untested."""


@dataclass(frozen=True, kw_only=True)
class Address:
    """Where the calls of a run go."""

    base_url: str
    embedding_base_url: str = ""
    native_url: str = ""
    key: str = ""
    image_url: str = ""
    """Where the suite itself serves its pictures, for the rows that give the server an address."""

    def __post_init__(self) -> None:
        """Refuse a key that no header can hold: sent, it would look like a fault of the server in every row.

        Raises:
            ValueError: the key has a line end at its end, or characters that are not printable ASCII.
        """
        if self.key and not (self.key.isascii() and self.key.isprintable() and self.key == self.key.strip()):
            raise ValueError("the API key holds characters that no header can hold: is there a line end in it?")

    def key_for(self, call: Call) -> str:
        """The key that the call is sent with: the native API has none."""
        return "" if call.server == "native" else self.key

    def base_url_for(self, call: Call) -> str:
        """The base URL of the call's server."""
        if call.server == "native":
            return self.native_url
        return self.embedding_base_url or self.base_url if call.server == "embedding" else self.base_url


@dataclass(kw_only=True)
class Client:
    """Asks one target."""

    address: Address
    store: ExchangeCache
    deadline: float = 60.0
    """The longest one request may take, in seconds."""
    network: TransportFactory = build_transport
    async_network: AsyncTransportFactory = build_async_transport
    attempt: int = 0
    """Calls of another attempt are sent anew, controls included."""
    loaded: set[str] = field(default_factory=set)
    """The model that was asked last. The first answer of another may include loading it, again if it was asked
    before: it may have been pushed out since."""
    answered: set[str] = field(default_factory=set)
    """Models that have answered: where one does not even answer a plain request any more, the server is gone."""
    cold_start_factor: float = 1.0
    """By how much the deadline of a model's first request is longer."""
    apart: Path | None = None
    """A folder shared by all workers, for servers whose text depends on what was asked just before: there each
    generation is asked alone, after a request of ours that leaves the server's prompt cache in a known state."""
    generation_routes: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    """Routes whose answers are texts of a model -> the fewest fields that can be asked with, beside the model."""
    _reached: dict[str, httpx.BaseTransport] = field(default_factory=dict)

    def send(self, call: Call) -> Exchange:
        """The exchange of the call, asked unless somebody has.

        Raises:
            ServerUnreachable: the server takes no connection any more.
        """
        isolated = self.apart is not None and call.path in self.generation_routes and call.server == "main"
        call = replace(call, attempt=self.attempt, isolated=isolated)
        return self.store.get_or_send(call, self._send_isolated if isolated else self._send)

    def _send_isolated(self, call: Call) -> Exchange:
        folder = self.apart or Path()
        model = _model(call)
        with FileLock(folder / "apart.lock"):
            if model:
                messages = [{"role": "user", "content": "Forget what was before."}]
                body = {"model": model, "messages": messages, "max_tokens": 1, "temperature": 0}
                self._send_once(
                    Call(path="/chat/completions", body=body, transport="http", purpose="cache_reset"), self.deadline
                )
                with (folder / "between").open("a", encoding="utf-8") as count:
                    count.write(".")
            return self._send(call)

    def _send(self, call: Call) -> Exchange:
        began = time.monotonic()
        deadline = self._deadline_for(call)
        waited = 0.0
        while True:
            exchange = self._send_once(call, deadline)
            pause = exchange.retry_after
            if pause is None or time.monotonic() - began + pause > deadline:
                break
            time.sleep(pause)
            waited += pause
        if exchange.failure is not None and not self._takes_connections(call):
            raise ServerUnreachableError(
                f"{self.address.base_url_for(call)} takes no connections any more ({exchange.detail})"
            )
        if exchange.failure == "timeout" and _model(call) in self.answered and self._hangs(call):
            raise ServerUnreachableError(
                f"{self.address.base_url_for(call)} hangs: it answers not even a plain request any more"
            )
        if exchange.status is not None:
            self.answered.add(_model(call))
        return replace(exchange, retry_wait_seconds=waited)

    def _hangs(self, call: Call) -> bool:
        """Whether the server has no answer to the least that one can ask of a model, within a deadline either."""
        if call.path not in self.generation_routes or call.server != "main":
            return False
        body = {"model": _model(call), **self.generation_routes[call.path]}
        return (
            self._send_once(
                Call(path=call.path, body=body, transport="http", purpose="liveness"), self.deadline
            ).failure
            == "timeout"
        )

    def _deadline_for(self, call: Call) -> float:
        model = _model(call)
        if not model or model in self.loaded:
            return self.deadline
        self.loaded.clear()
        self.loaded.add(model)
        return self.deadline * self.cold_start_factor

    def _send_once(self, call: Call, deadline: float) -> Exchange:
        url = self.address.base_url_for(call)
        is_async = call.transport == "sdk_async"
        body_override = call.raw if call.transport == "sdk_raw_body" else None
        recorder = RecordingTransport(self.async_network(url) if is_async else self._reach(url), body_override)
        recording = recorder.begin(deadline)
        real = self._with_images(call)
        clients = SdkClients(url + "/" if call.trailing_slash else url, self.address.key_for(call))
        error: Exception | None = None
        taken: SdkResult | None = None
        try:
            if call.transport == "http":
                self._raw(real, url, recorder)
            elif is_async:
                taken = clients.call_async(real, recorder, deadline)
            else:
                taken = clients.call(real, recorder)
        except Exception as raised:
            if recording.requests == 0:
                raise
            error = raised
            taken = sdk_error(raised)
        return self._build_exchange(call, recording, taken, error)

    def _reach(self, url: str) -> httpx.BaseTransport:
        if url not in self._reached:
            self._reached[url] = self.network(url)
        return self._reached[url]

    def _raw(self, call: Call, url: str, recorder: RecordingTransport) -> None:
        headers = {name.lower(): value for name, value in call.headers}
        if key := self.address.key_for(call):
            headers.setdefault("authorization", f"Bearer {key}")
        if call.raw is not None or call.body is not None:
            headers.setdefault("content-type", "application/json")
        with httpx.Client(transport=recorder, trust_env=False) as http:
            content = call.raw.encode() if call.raw is not None else None
            target = url.rstrip("/") + call.path
            with http.stream(call.method, target, headers=headers, content=content, json=call.body) as response:
                for count, seconds, _ in enumerate_timed(response.iter_raw()):
                    if call.should_abort(count, seconds):
                        break

    def _with_images(self, call: Call) -> Call:
        """The call with the address of our own pictures in the place that a probe left for it."""
        if not self.address.image_url or call.body is None:
            return call
        return replace(call, body=_substitute(call.body, IMAGE_HOST, self.address.image_url))

    def _takes_connections(self, call: Call) -> bool:
        url = self.address.base_url_for(call)
        if self.network is not build_transport or proxy_for(url):
            return True
        parts = urlsplit(url)
        port = parts.port or (443 if parts.scheme == "https" else 80)
        try:
            with socket.create_connection((parts.hostname or "", port), timeout=5):
                return True
        except OSError:
            return False

    def _build_exchange(
        self, call: Call, recording: Recording, taken: SdkResult | None, error: Exception | None
    ) -> Exchange:
        hide = self._redact
        failure = _classify_failure(call, recording, error)
        return Exchange(
            call=call,
            url=hide(recording.url),
            sent=hide(recording.sent.decode("utf-8", "replace")),
            sent_headers=tuple((name, self._redact_header(value)) for name, value in recording.sent_headers),
            status=recording.status,
            # Clipped when hidden, never before: half a key would not be known as one.
            headers=tuple((hide(name), hide(value)[:_MAX_HEADER_CHARACTERS]) for name, value in recording.headers),
            chunks=_redact_chunks(recording.chunks, hide),
            invalid_utf8=recording.invalid_utf8,
            failure=failure,
            detail="" if failure is None or error is None else _describe_error(error, hide),
            sdk_result=None if taken is None else _redact_sdk_result(taken, hide),
            started=recording.started,
            seconds=round(recording.seconds, 4),
        )

    def _redact(self, text: str) -> str:
        key = self.address.key
        # In any case: names of headers arrive in lower case.
        return (
            re.sub(re.escape(key), KEY_PLACEHOLDER, text, flags=re.IGNORECASE)
            if len(key) >= _MIN_KEY_CHARACTERS
            else text
        )

    def _redact_header(self, value: str) -> str:
        """The value of a header of ours: here a key is hidden however short it is."""
        key = self.address.key
        return f"Bearer {KEY_PLACEHOLDER}" if key and value == f"Bearer {key}" else self._redact(value)


def _model(call: Call) -> str:
    """The model that is asked, empty where none is named."""
    model = call.body.get("model") if isinstance(call.body, dict) else None
    return model if isinstance(model, str) else ""


def _substitute(value: object, old: str, new: str) -> object:
    if isinstance(value, str):
        return value.replace(old, new)
    if isinstance(value, dict):
        return {key: _substitute(item, old, new) for key, item in value.items()}
    if isinstance(value, list):
        return [_substitute(item, old, new) for item in value]
    return value


def _redact_chunks(pieces: list[tuple[float, str]], hide: Callable[[str], str]) -> tuple[tuple[float, str], ...]:
    """The pieces without the key; where the key crossed from piece to piece, they become one."""
    whole = "".join(text for _, text in pieces)
    if hide(whole) == whole:
        return tuple(pieces)
    hidden = [(seconds, hide(text)) for seconds, text in pieces]
    joined = "".join(text for _, text in hidden)
    return tuple(hidden) if hide(joined) == joined else ((pieces[-1][0], hide(whole)),)


def _redact_sdk_result(taken: SdkResult, hide: Callable[[str], str]) -> SdkResult:
    """What the SDK took, without the key, and with its message clipped."""
    texts: dict[str, Any] = {name: hide(text) for name, text in asdict(taken).items() if isinstance(text, str)}
    return replace(taken, **{**texts, "message": texts["message"][:_MAX_MESSAGE_CHARACTERS]})


def _chain(error: BaseException | None) -> list[BaseException]:
    found: list[BaseException] = []
    while error is not None and len(found) < 10:
        found.append(error)
        error = error.__cause__ or error.__context__
    return found


def _describe_error(error: Exception, hide: Callable[[str], str]) -> str:
    return "; ".join(hide(f"{type(each).__name__}: {each}")[:200] for each in _chain(error)[:3])


def _classify_failure(call: Call, recording: Recording, error: Exception | None) -> Failure | None:
    """Why there is no whole answer: by what was overheard, and by what lies at the root of the exception."""
    if recording.finished or (call.aborts and error is None):
        return None
    chain = _chain(error)
    if any(isinstance(each, BodyTooLargeError) for each in chain):
        return "too_large"
    if any(isinstance(each, httpx.TimeoutException | TimeoutError) for each in chain):
        return "timeout"
    if any(isinstance(each, httpx.ConnectError | httpx.ProxyError) for each in chain):
        return "unreachable"
    if any(isinstance(each, httpx.TransportError) for each in chain):
        return "cut"
    # The SDK stopped reading: it had what it wanted (its own [DONE]), or it could not take what it saw.
    return None
