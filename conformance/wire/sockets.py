"""Sockets with one deadline for all that is done with them, as a network backend of httpcore.

httpcore's own gives every single read, write and round of a handshake the whole timeout again, so that a server or a
proxy that sends a byte a second holds its client for ever. Here each operation gets what is left until the deadline.
"""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from typing import Any, Protocol, TypeVar

import httpcore

_MAX_READ_BYTES = 65_536
"""Bytes that are read at once from below TLS."""

_Result = TypeVar("_Result")


class Deadline:
    """The moment at which everything about one request gives up."""

    def __init__(self, seconds: float | None) -> None:
        """Set the deadline `seconds` from now; None for no deadline."""
        self._moment = None if seconds is None else time.monotonic() + seconds

    def limit(self, timeout: float | None) -> float | None:
        """Return the seconds that an operation with this timeout may take.

        Raises:
            TimeoutError: the deadline has passed.
        """
        if self._moment is None:
            return timeout
        left = self._moment - time.monotonic()
        if left <= 0:
            raise TimeoutError("the deadline passed")
        return left if timeout is None else min(left, timeout)


class DeadlineBackend(httpcore.NetworkBackend):
    """Opens the connections of one request, and closes them."""

    def __init__(self, deadline: Deadline) -> None:
        """Open connections that end at the deadline."""
        self._deadline = deadline
        self._sockets: list[socket.socket] = []

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,  # noqa: ARG002 - never given
        socket_options: Iterable[Any] | None = None,  # noqa: ARG002 - never given
    ) -> httpcore.NetworkStream:
        """Connect to the first address of the host that takes a connection. Its lookup is bounded by the system only.

        Raises:
            httpcore.ConnectTimeout: the deadline passed.
            httpcore.ConnectError: there is no such host, or it takes no connection.
        """
        with _httpcore_errors(httpcore.ConnectTimeout, httpcore.ConnectError):
            connection = self._connect(host, port, timeout)
        return _DeadlineStream(_TcpChannel(connection, self._deadline))

    def _connect(self, host: str, port: int, timeout: float | None) -> socket.socket:
        addresses = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        failure = OSError(f"{host} has no address")
        for tried, (family, kind, protocol, _, address) in enumerate(addresses):
            limit = self._deadline.limit(timeout)
            # An address that swallows packets leaves time for the next one.
            share = None if limit is None else limit / (len(addresses) - tried)
            try:
                connection = socket.socket(family, kind, protocol)
                self._sockets.append(connection)
                connection.settimeout(share)
                connection.connect(address)
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            except OSError as error:
                failure = error
            else:
                return connection
        raise failure

    def close(self) -> None:
        """Close every connection that was opened, however far it got."""
        for connection in self._sockets:
            connection.close()


@contextmanager
def _httpcore_errors(
    timeout: type[httpcore.TimeoutException], failure: type[httpcore.NetworkError]
) -> Iterator[None]:
    """Raise the errors of sockets and TLS as those of httpcore. A host name may fail as a `UnicodeError`."""
    try:
        yield
    except TimeoutError as error:
        raise timeout(error) from error
    except (OSError, UnicodeError) as error:
        raise failure(error) from error


class _Channel(Protocol):
    """Bytes to and from the peer. Both methods raise `TimeoutError` at the deadline, and other kinds of `OSError`."""

    def receive(self, max_bytes: int, timeout: float | None) -> bytes: ...

    def send(self, data: bytes, timeout: float | None) -> None: ...

    def close(self) -> None: ...


class _TcpChannel:
    """A socket."""

    def __init__(self, connection: socket.socket, deadline: Deadline) -> None:
        self._socket = connection
        self._deadline = deadline

    def receive(self, max_bytes: int, timeout: float | None) -> bytes:
        self._socket.settimeout(self._deadline.limit(timeout))
        return self._socket.recv(max_bytes)

    def send(self, data: bytes, timeout: float | None) -> None:
        # `sendall` takes no deadline, and slices of `bytes` would be copies.
        rest = memoryview(data)
        while rest:
            self._socket.settimeout(self._deadline.limit(timeout))
            rest = rest[self._socket.send(rest) :]

    def close(self) -> None:
        self._socket.close()


class _TlsChannel:
    """TLS over another channel, which may be TLS itself: a server over TLS behind a proxy over TLS.

    `ssl.SSLSocket` works on sockets only. With an `ssl.SSLObject` the bytes are moved here, each time with a look at
    the clock: a handshake that drips ends at the deadline.
    """

    def __init__(self, below: _Channel, context: ssl.SSLContext, hostname: str | None) -> None:
        self._below = below
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self.ssl_object = context.wrap_bio(self._incoming, self._outgoing, server_hostname=hostname)

    def handshake(self, timeout: float | None) -> None:
        self._run(self.ssl_object.do_handshake, timeout)

    def receive(self, max_bytes: int, timeout: float | None) -> bytes:
        try:
            return self._run(partial(self.ssl_object.read, max_bytes), timeout)
        except ssl.SSLEOFError:
            return b""  # Closed without TLS's goodbye, as many servers do; HTTP tells whether the answer was whole.

    def send(self, data: bytes, timeout: float | None) -> None:
        rest = memoryview(data)
        while rest:
            rest = rest[self._run(partial(self.ssl_object.write, rest), timeout) :]

    def close(self) -> None:
        self._below.close()

    def _run(self, operation: Callable[[], _Result], timeout: float | None) -> _Result:
        """Run an operation of the SSL object, and move the bytes that it makes and those that it waits for."""
        while True:
            try:
                result = operation()
            except ssl.SSLWantReadError:
                self._flush(timeout)
                if data := self._below.receive(_MAX_READ_BYTES, timeout):
                    self._incoming.write(data)
                else:
                    self._incoming.write_eof()
            except ssl.SSLError:
                with suppress(OSError):
                    self._flush(timeout)  # the alert that tells the server why
                raise
            else:
                self._flush(timeout)
                return result

    def _flush(self, timeout: float | None) -> None:
        self._below.send(self._outgoing.read(), timeout)


class _DeadlineStream(httpcore.NetworkStream):
    """A channel as httpcore wants it."""

    def __init__(self, channel: _TcpChannel | _TlsChannel) -> None:
        self._channel = channel

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        with _httpcore_errors(httpcore.ReadTimeout, httpcore.ReadError):
            return self._channel.receive(max_bytes, timeout)

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        with _httpcore_errors(httpcore.WriteTimeout, httpcore.WriteError):
            self._channel.send(buffer, timeout)

    def close(self) -> None:
        self._channel.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        with _httpcore_errors(httpcore.ConnectTimeout, httpcore.ConnectError):
            channel = _TlsChannel(self._channel, ssl_context, server_hostname)
            channel.handshake(timeout)
        return _DeadlineStream(channel)

    def get_extra_info(self, info: str) -> Any:
        return self._channel.ssl_object if info == "ssl_object" and isinstance(self._channel, _TlsChannel) else None
