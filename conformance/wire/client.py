"""HTTP client of the probes.

Sends a `Call` through the SDK or raw, records the exchange, enforces the deadline, and redacts the API key.
"""

from __future__ import annotations

import re
import socket
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Protocol
from urllib.parse import urlsplit

import httpx

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
        """Return the key that the call is sent with: the native API has none."""
        return "" if call.server == "native" else self.key

    def base_url_for(self, call: Call) -> str:
        """Return the base URL of the call's server."""
        if call.server == "native":
            return self.native_url
        return self.embedding_base_url or self.base_url if call.server == "embedding" else self.base_url


@dataclass(kw_only=True)
class ModelState:
    """What a process knows of the server's models; all clients of the process share it."""

    current: str = ""
    """The model that was asked last, empty before the first."""
    responsive: set[str] = field(default_factory=set)
    """Models that have answered: where one of them does not even answer a plain request any more, the server is
    gone."""

    def switch_to(self, model: str) -> bool:
        """Make a model the current one, and return whether another was.

        Its next answer may include loading it, also where it was asked before: it may have been pushed out since.
        """
        switched = model != self.current
        self.current = model
        return switched


class GenerationIsolation(Protocol):
    """What all workers of a run share where each generation is asked alone."""

    def isolate_generation(self) -> AbstractContextManager[None]:
        """Keep the generations of all other workers waiting as long as the context is open."""

    def count_cache_reset(self) -> None:
        """Count a request that was sent only to reset the server's cache. Called with the generation isolated."""


MAX_LIVENESS_REQUESTS = 3
"""Plain requests, each with a deadline of its own, that a server may leave unanswered before it is given up."""


@dataclass(kw_only=True)
class Client:
    """Sends calls to one target."""

    address: Address
    cache: ExchangeCache
    deadline: float = 60.0
    """The longest one request may take, in seconds."""
    network: TransportFactory = build_transport
    async_network: AsyncTransportFactory = build_async_transport
    attempt: int = 0
    """Calls of another attempt are sent anew, controls included."""
    models: ModelState = field(default_factory=ModelState)
    cold_start_factor: float = 1.0
    """Factor (not seconds) by which `deadline` is multiplied for the first request after a change of model."""
    isolation: GenerationIsolation | None = None
    """Keeps generations apart, for servers that do not take several at once as they take one. None elsewhere."""
    resets_cache: bool = True
    """Whether each of them is asked after a request of ours that leaves the server's prompt cache in a known state:
    the text of some servers depends on what was asked just before."""
    generation_routes: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    """Routes whose answers are texts of a model -> the fewest fields that can be asked with, beside the model."""
    _reached: dict[str, httpx.BaseTransport] = field(default_factory=dict)

    def send(self, call: Call) -> Exchange:
        """Return the exchange of a call, and send it unless a worker of the run has.

        Raises:
            ServerUnreachableError: the server takes no connection any more.
        """
        isolation = self.isolation if call.path in self.generation_routes and call.server == "main" else None
        call = replace(call, attempt=self.attempt, isolated=isolation is not None)
        if isolation is None:
            return self.cache.get_or_send(call, self._send)
        return self.cache.get_or_send(call, lambda call: self._send_isolated(call, isolation))

    def _send_isolated(self, call: Call, isolation: GenerationIsolation) -> Exchange:
        model = _model(call)
        with isolation.isolate_generation():
            if model and self.resets_cache:
                messages = [{"role": "user", "content": "Forget what was before."}]
                body = {"model": model, "messages": messages, "max_tokens": 1, "temperature": 0}
                reset = Call(path="/chat/completions", body=body, transport="http", purpose="cache_reset")
                self._send_once(reset, self.deadline)
                isolation.count_cache_reset()
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
        if exchange.failure == "timeout" and _model(call) in self.models.responsive:
            exchange = self._ask_again_if_blocked(call, exchange, deadline)
        if exchange.status is not None:
            self.models.responsive.add(_model(call))
        return replace(exchange, retry_wait_seconds=waited)

    def _ask_again_if_blocked(self, call: Call, exchange: Exchange, deadline: float) -> Exchange:
        """Return the exchange of a call that timed out; a new one where the server was busy with something else.

        A server may still work on a request that its client has left, and answer nobody meanwhile.

        Raises:
            ServerUnreachableError: it answers not even a plain request any more.
        """
        if call.path not in self.generation_routes or call.server != "main":
            return exchange
        body = {"model": _model(call), **self.generation_routes[call.path]}
        plain = Call(path=call.path, body=body, transport="http", purpose="liveness")
        for waits in range(MAX_LIVENESS_REQUESTS):
            if self._send_once(plain, self.deadline).failure != "timeout":
                return self._send_once(call, deadline) if waits else exchange
        raise ServerUnreachableError(
            f"{self.address.base_url_for(call)} hangs: it answers not even a plain request any more"
        )

    def _deadline_for(self, call: Call) -> float:
        model = _model(call)
        cold = bool(model) and self.models.switch_to(model)
        return self.deadline * self.cold_start_factor if cold else self.deadline

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
        """Return the call with the address of our own pictures in the place that a probe left for it."""
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
        """Return the value of a header of ours: here a key is hidden however short it is."""
        key = self.address.key
        return f"Bearer {KEY_PLACEHOLDER}" if key and value == f"Bearer {key}" else self._redact(value)


def _model(call: Call) -> str:
    """Return the model that is asked, empty where none is named."""
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
    """Return the pieces without the key; where the key crossed from piece to piece, they become one."""
    whole = "".join(text for _, text in pieces)
    if hide(whole) == whole:
        return tuple(pieces)
    hidden = [(seconds, hide(text)) for seconds, text in pieces]
    joined = "".join(text for _, text in hidden)
    return tuple(hidden) if hide(joined) == joined else ((pieces[-1][0], hide(whole)),)


def _redact_sdk_result(taken: SdkResult, hide: Callable[[str], str]) -> SdkResult:
    """Return what the SDK took, without the key, and with its message clipped."""
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
