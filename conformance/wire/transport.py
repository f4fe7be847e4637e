"""The recorder: an httpx transport under the SDK that overhears each request and answer, and bounds them.

The server is not trusted. An answer ends at the deadline (a whole one, however slowly it drips), at `LARGEST` bytes,
and is never unpacked: we ask for no content coding, and take none.
"""

from __future__ import annotations

import codecs
import ipaddress
import ssl
import time
import urllib.request
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextvars import ContextVar
from functools import cache
from typing import Any
from urllib.parse import urlsplit

import httpcore
import httpx

LARGEST = 8 * 1024 * 1024
"""Bytes of the longest answer that is taken."""


class TooLarge(httpx.ReadError):
    """The answer was cut off by us at `LARGEST` bytes."""


class Recording:
    """What passed during one request, filled while it passes."""

    def __init__(self, deadline: float) -> None:
        """`deadline`: seconds that the whole request may take, from the moment it is sent."""
        self._deadline = deadline
        self._begin()
        self.sent: bytes = b""
        self.sent_headers: list[tuple[str, str]] = []
        self.url = ""
        self.status: int | None = None
        self.headers: list[tuple[str, str]] = []
        self.pieces: list[tuple[float, str]] = []
        self.invalid_utf8 = False
        self.finished = False
        self.size = 0
        self.requests = 0
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._strict = codecs.getincrementaldecoder("utf-8")("strict")

    def _begin(self) -> None:
        self.started = time.time()
        self._start = time.monotonic()
        self.ends = self._start + self._deadline

    @property
    def seconds(self) -> float:
        """Since the request was made."""
        return time.monotonic() - self._start

    @property
    def left(self) -> float:
        """Seconds until the deadline."""
        return self.ends - time.monotonic()

    def request(self, request: httpx.Request) -> None:
        """Note what is really sent, and ask for no content coding. What the SDK did before is not the server's."""
        self._begin()
        request.headers["accept-encoding"] = "identity"
        for name in ("openai-organization", "openai-project"):
            request.headers.pop(name, None)
        self.requests += 1
        self.url = str(request.url)
        self.sent = request.content
        self.sent_headers = [(name.lower(), value) for name, value in request.headers.items()]

    def answer(self, response: httpx.Response) -> None:
        """Note the head of the answer; a content coding is not undone, and no redirection is even looked at."""
        self.status = response.status_code
        self.headers = [(name.lower(), value) for name, value in response.headers.multi_items()[:100]]
        for name in ("content-encoding", "location"):
            response.headers.pop(name, None)

    def piece(self, data: bytes) -> None:
        """Note bytes of the body.

        Raises:
            TooLarge: the answer is longer than `LARGEST`.
            httpx.ReadTimeout: the deadline has passed.
        """
        self.size += len(data)
        if self.size > LARGEST:
            raise TooLarge(f"the answer is longer than {LARGEST} bytes")
        self._decode(data)
        if self.left <= 0:
            raise httpx.ReadTimeout("the deadline passed while the answer was arriving")

    def end(self) -> None:
        """The body has arrived whole."""
        self._decode(b"", final=True)
        self.finished = True

    def _decode(self, data: bytes, *, final: bool = False) -> None:
        if not self.invalid_utf8:
            try:
                self._strict.decode(data, final)
            except UnicodeDecodeError:
                self.invalid_utf8 = True
        text = self._decoder.decode(data, final)
        if text:
            self.pieces.append((round(self.seconds, 4), text))


class _Overheard(httpx.SyncByteStream, httpx.AsyncByteStream):
    """A body that is noted as the SDK reads it."""

    def __init__(self, stream: Any, recording: Recording) -> None:
        self._stream = stream
        self._recording = recording

    def __iter__(self) -> Iterator[bytes]:
        for data in self._stream:
            self._recording.piece(data)
            yield data
        self._recording.end()

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for data in self._stream:
            self._recording.piece(data)
            yield data
        self._recording.end()

    def close(self) -> None:
        self._stream.close()

    async def aclose(self) -> None:
        await self._stream.aclose()


class Recorder(httpx.BaseTransport, httpx.AsyncBaseTransport):
    """Overhears all that passes through the transport `inner`."""

    def __init__(self, inner: Any, underneath: str | None = None) -> None:
        """`inner`: the transport that really asks, sync or async. `underneath`: a body in place of the SDK's."""
        self._inner = inner
        self._underneath = underneath
        self.recording = Recording(0)

    def begin(self, deadline: float) -> Recording:
        """Start the recording of the next request."""
        self.recording = Recording(deadline)
        return self.recording

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Pass on and overhear."""
        recording = self.recording
        if self._underneath is not None:
            request = _with_body(request, self._underneath.encode())
        recording.request(request)
        _limit(request, recording)
        _ends.set(recording.ends)
        response: httpx.Response = self._inner.handle_request(request)
        return self._overhear(response, request, recording)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Pass on and overhear."""
        recording = self.recording
        recording.request(request)
        _limit(request, recording)
        response: httpx.Response = await self._inner.handle_async_request(request)
        return self._overhear(response, request, recording)

    @staticmethod
    def _overhear(response: httpx.Response, request: httpx.Request, recording: Recording) -> httpx.Response:
        recording.answer(response)
        return httpx.Response(
            response.status_code,
            headers=response.headers,
            stream=_Overheard(response.stream, recording),
            extensions=response.extensions,
            request=request,
        )

    def close(self) -> None:
        """Leave the transport below open: it serves the next call too."""


def _with_body(request: httpx.Request, content: bytes) -> httpx.Request:
    headers = [(name, value) for name, value in request.headers.items() if name.lower() != "content-length"]
    return httpx.Request(request.method, request.url, headers=headers, content=content, extensions=request.extensions)


def _limit(request: httpx.Request, recording: Recording) -> None:
    left = max(recording.left, 0.001)
    timeout = {"connect": left, "read": left, "write": left, "pool": left}
    request.extensions = {**request.extensions, "timeout": timeout}


_ends: ContextVar[float] = ContextVar("ends", default=float("inf"))
"""Monotonic time at which reads and writes give up, however often a byte still passes. Set as a request begins."""

_PORTION = 16_384
"""Bytes that are written between two looks at the clock."""


def _left(timeout: float | None, late: type[httpcore.TimeoutException]) -> float:
    left = _ends.get() - time.monotonic()
    if left <= 0:
        raise late("the deadline passed")
    return left if timeout is None else min(left, timeout)


class _BoundedStream(httpcore.NetworkStream):
    """A socket that ends at the deadline: a head that drips a byte a second must not hold us for ever."""

    def __init__(self, stream: httpcore.NetworkStream) -> None:
        self._stream = stream

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, _left(timeout, httpcore.ReadTimeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        # In portions, since the stream below gives each send the whole time again.
        for start in range(0, len(buffer), _PORTION):
            self._stream.write(buffer[start : start + _PORTION], _left(timeout, httpcore.WriteTimeout))

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        return _BoundedStream(self._stream.start_tls(ssl_context, server_hostname, timeout))

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


class _BoundedBackend(httpcore.NetworkBackend):
    """Connections whose reads and writes end at the deadline."""

    def __init__(self, backend: httpcore.NetworkBackend) -> None:
        self._backend = backend

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        return _BoundedStream(
            self._backend.connect_tcp(host, port, timeout, local_address, socket_options=socket_options)
        )

    def sleep(self, seconds: float) -> None:
        self._backend.sleep(seconds)


_ONE_REQUEST_PER_CONNECTION = httpx.Limits(max_keepalive_connections=0)
"""A kept connection that the server closes as we write is a cut that says nothing about the request."""


@cache
def _certificates() -> ssl.SSLContext:
    return httpx.create_ssl_context()


def proxy_for(url: str) -> str | None:
    """The proxy that the environment names for the URL, as httpx itself would choose it; None for this machine.

    A proxy would look for `localhost` on its own machine, or say 403: so a loopback URL is asked directly whatever
    HTTP_PROXY and ALL_PROXY say, with or without NO_PROXY. This is our departure from httpx.
    """
    parts = urlsplit(url)
    host = parts.hostname or ""
    if not host or _is_this_machine(host):
        return None
    proxies = urllib.request.getproxies()
    exempt = [name.strip() for name in proxies.get("no", "").split(",")]
    place = f"{host}:{parts.port}" if parts.port and ":" not in host else host
    if "*" in exempt or urllib.request.proxy_bypass(place):
        return None
    proxy = proxies.get(parts.scheme) or proxies.get("all")
    return proxy if not proxy or "://" in proxy else f"http://{proxy}"


def _is_this_machine(host: str) -> bool:
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False  # a name
    return address.is_loopback or address.is_unspecified


def network(url: str) -> httpx.BaseTransport:
    """The transport that reaches `url`: proxies and private CAs from the environment, reads bounded."""
    transport = httpx.HTTPTransport(verify=_certificates(), proxy=proxy_for(url), limits=_ONE_REQUEST_PER_CONNECTION)
    # httpx offers no way to pass a network backend; httpcore does. A self-test holds this to account.
    pool = transport._pool  # noqa: SLF001
    pool._network_backend = _BoundedBackend(pool._network_backend)  # noqa: SLF001
    return transport


def async_network(url: str) -> httpx.AsyncBaseTransport:
    """The same for the async client, whose deadlines asyncio keeps."""
    return httpx.AsyncHTTPTransport(verify=_certificates(), proxy=proxy_for(url), limits=_ONE_REQUEST_PER_CONNECTION)


Network = Callable[[str], httpx.BaseTransport]
AsyncNetwork = Callable[[str], httpx.AsyncBaseTransport]
