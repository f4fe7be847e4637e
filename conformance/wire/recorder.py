"""Recording transport: an httpx transport beneath the SDK that records each request and response, and bounds them.

The server under test is not trusted. A response ends at the deadline, however slowly it arrives, and at
`MAX_BODY_BYTES`; and it is never decompressed: no content coding is requested, and none is undone.
"""

from __future__ import annotations

import codecs
import time
from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx

MAX_BODY_BYTES = 8 * 1024 * 1024
"""Bytes of the longest response body that is read."""

_MAX_HEADERS = 100
"""Headers of a response that are recorded."""

_ACCOUNT_HEADERS = ("openai-organization", "openai-project")
"""Headers that the SDK takes from the environment and would send to any server."""


class BodyTooLargeError(httpx.ReadError):
    """The response body is longer than `MAX_BODY_BYTES`; reading it was stopped."""


class Recording:
    """One request and its response, filled in while they pass."""

    def __init__(self, deadline: float) -> None:
        """Start the clock.

        Args:
            deadline: seconds that the request may take as a whole, from the moment at which it is sent.
        """
        self._deadline = deadline
        self._start_clock()
        self.sent: bytes = b""
        self.sent_headers: list[tuple[str, str]] = []
        self.url = ""
        self.status: int | None = None
        self.headers: list[tuple[str, str]] = []
        self.chunks: list[tuple[float, str]] = []
        """Seconds since the request was sent, and the text that arrived then."""
        self.invalid_utf8 = False
        self.finished = False
        """Whether the body arrived whole."""
        self.requests = 0
        """Number of requests that were sent."""
        self._body_bytes = 0
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._strict_decoder = codecs.getincrementaldecoder("utf-8")("strict")

    def _start_clock(self) -> None:
        self.started = time.time()
        self._start = time.monotonic()

    @property
    def seconds(self) -> float:
        """Seconds since the request was sent."""
        return time.monotonic() - self._start

    @property
    def seconds_left(self) -> float:
        """Seconds until the deadline; negative when it has passed."""
        return self._deadline - self.seconds

    def record_request(self, request: httpx.Request) -> None:
        """Record the request as it will be sent, less the headers that this server has no business with.

        The clock starts again: what the SDK did before this moment is not the server's time.
        """
        self._start_clock()
        request.headers["accept-encoding"] = "identity"
        for name in _ACCOUNT_HEADERS:
            request.headers.pop(name, None)
        self.requests += 1
        self.url = str(request.url)
        self.sent = request.content
        self.sent_headers = [(name.lower(), value) for name, value in request.headers.items()]

    def record_response(self, response: httpx.Response) -> None:
        """Record status and headers; remove those by which httpx would decompress the body or follow a redirect."""
        self.status = response.status_code
        self.headers = [(name.lower(), value) for name, value in response.headers.multi_items()[:_MAX_HEADERS]]
        for name in ("content-encoding", "location"):
            response.headers.pop(name, None)

    def record_chunk(self, data: bytes) -> None:
        """Record bytes of the body.

        Raises:
            BodyTooLargeError: the body is longer than `MAX_BODY_BYTES`.
            httpx.ReadTimeout: the deadline has passed.
        """
        self._body_bytes += len(data)
        if self._body_bytes > MAX_BODY_BYTES:
            raise BodyTooLargeError(f"the answer is longer than {MAX_BODY_BYTES} bytes")
        self._decode(data)
        if self.seconds_left <= 0:
            raise httpx.ReadTimeout("the deadline passed while the answer was arriving")

    def finish(self) -> None:
        """Record that the body has arrived whole."""
        self._decode(b"", final=True)
        self.finished = True

    def _decode(self, data: bytes, *, final: bool = False) -> None:
        if not self.invalid_utf8:
            try:
                self._strict_decoder.decode(data, final)
            except UnicodeDecodeError:
                self.invalid_utf8 = True
        text = self._decoder.decode(data, final)
        if text:
            self.chunks.append((round(self.seconds, 4), text))


class _RecordingStream(httpx.SyncByteStream, httpx.AsyncByteStream):
    """A response body that is recorded as the SDK reads it."""

    def __init__(self, stream: Any, recording: Recording) -> None:
        self._stream = stream
        self._recording = recording

    def __iter__(self) -> Iterator[bytes]:
        for data in self._stream:
            self._recording.record_chunk(data)
            yield data
        self._recording.finish()

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for data in self._stream:
            self._recording.record_chunk(data)
            yield data
        self._recording.finish()

    def close(self) -> None:
        self._stream.close()

    async def aclose(self) -> None:
        await self._stream.aclose()


class RecordingTransport(httpx.BaseTransport, httpx.AsyncBaseTransport):
    """Records all that passes through another transport, sync or async, and hands it the deadline as its timeout."""

    def __init__(self, inner: Any, body_override: str | None = None) -> None:
        """Wrap a transport.

        Args:
            inner: the transport that sends. It stays open when this one is closed, for it serves the next call too.
            body_override: sent in place of the body that the SDK made.
        """
        self._inner = inner
        self._body_override = body_override
        self.recording = Recording(0)

    def begin(self, deadline: float) -> Recording:
        """Start the recording of the next request, which may take `deadline` seconds, and return it."""
        self.recording = Recording(deadline)
        return self.recording

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send the request through the inner transport, and record it."""
        if self._body_override is not None:
            request = _with_body(request, self._body_override.encode())
        recording = self._record(request)
        response: httpx.Response = self._inner.handle_request(request)
        return self._wrap(response, request, recording)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send the request through the inner transport, and record it."""
        recording = self._record(request)
        response: httpx.Response = await self._inner.handle_async_request(request)
        return self._wrap(response, request, recording)

    def _record(self, request: httpx.Request) -> Recording:
        self.recording.record_request(request)
        timeout = httpx.Timeout(max(self.recording.seconds_left, 0.001))
        request.extensions = {**request.extensions, "timeout": timeout.as_dict()}
        return self.recording

    @staticmethod
    def _wrap(response: httpx.Response, request: httpx.Request, recording: Recording) -> httpx.Response:
        recording.record_response(response)
        return httpx.Response(
            response.status_code,
            headers=response.headers,
            stream=_RecordingStream(response.stream, recording),
            extensions=response.extensions,
            request=request,
        )

    def close(self) -> None:
        """Leave the inner transport open."""


def _with_body(request: httpx.Request, content: bytes) -> httpx.Request:
    headers = [(name, value) for name, value in request.headers.items() if name.lower() != "content-length"]
    return httpx.Request(request.method, request.url, headers=headers, content=content, extensions=request.extensions)
