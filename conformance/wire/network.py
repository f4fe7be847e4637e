"""How a server is reached: transports with one deadline per request; proxies and certificates of the environment."""

from __future__ import annotations

import importlib
import ipaddress
import ssl
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import cache
from urllib.parse import urlsplit

import httpcore
import httpx

from .sockets import Deadline, DeadlineBackend

TransportFactory = Callable[[str], httpx.BaseTransport]
"""Builds the transport that reaches a URL."""
AsyncTransportFactory = Callable[[str], httpx.AsyncBaseTransport]
"""The same for async clients."""

_ERRORS: dict[type[Exception], type[httpx.TransportError]] = {
    httpcore.TimeoutException: httpx.TimeoutException,
    httpcore.ConnectTimeout: httpx.ConnectTimeout,
    httpcore.ReadTimeout: httpx.ReadTimeout,
    httpcore.WriteTimeout: httpx.WriteTimeout,
    httpcore.PoolTimeout: httpx.PoolTimeout,
    httpcore.NetworkError: httpx.NetworkError,
    httpcore.ConnectError: httpx.ConnectError,
    httpcore.ReadError: httpx.ReadError,
    httpcore.WriteError: httpx.WriteError,
    httpcore.ProxyError: httpx.ProxyError,
    httpcore.UnsupportedProtocol: httpx.UnsupportedProtocol,
    httpcore.ProtocolError: httpx.ProtocolError,
    httpcore.LocalProtocolError: httpx.LocalProtocolError,
    httpcore.RemoteProtocolError: httpx.RemoteProtocolError,
}
"""What httpcore raises -> what a client of httpx expects."""


def build_transport(url: str) -> httpx.BaseTransport:
    """Return the transport that reaches `url`, with the proxy and the certificates that the environment names.

    The timeout of a request bounds it as a whole: see `DeadlineTransport`.

    Raises:
        OSError, ValueError, ImportError, httpx.InvalidURL: what the environment names cannot be used.
    """
    proxy = proxy_for(url)
    return DeadlineTransport(None if proxy is None else httpx.Proxy(proxy))


def build_async_transport(url: str) -> httpx.AsyncBaseTransport:
    """Return the transport that reaches `url` for an async client, whose deadline asyncio keeps.

    Raises:
        OSError, ValueError, ImportError, httpx.InvalidURL: what the environment names cannot be used.
    """
    one_request_per_connection = httpx.Limits(max_keepalive_connections=0)
    return httpx.AsyncHTTPTransport(
        verify=server_certificates(), proxy=proxy_for(url), limits=one_request_per_connection
    )


@cache
def server_certificates() -> ssl.SSLContext:
    """Return the certificates that a server is verified by: those that the environment names, else certifi's."""
    return httpx.create_ssl_context()


@cache
def proxy_certificates() -> ssl.SSLContext:
    """Return the certificates that a proxy is verified by: as with httpx, those of the system and certifi's."""
    return httpcore.default_ssl_context()


def proxy_for(url: str) -> str | None:
    """Return the proxy that the environment names for the URL, as httpx itself would choose it; None for no proxy.

    A proxy would look for `localhost` on its own machine, or say 403: so a loopback URL is asked directly whatever
    HTTP_PROXY and ALL_PROXY say, with or without NO_PROXY. In this alone it departs from httpx.
    """
    parts = urlsplit(url)
    host = parts.hostname or ""
    if not host or is_this_machine(host):
        return None
    proxies = urllib.request.getproxies()
    exempt = [name.strip() for name in proxies.get("no", "").split(",")]
    authority = f"{host}:{parts.port}" if parts.port and ":" not in host else host
    if "*" in exempt or urllib.request.proxy_bypass(authority):
        return None
    proxy = proxies.get(parts.scheme) or proxies.get("all")
    return proxy if not proxy or "://" in proxy else f"http://{proxy}"


def is_this_machine(host: str) -> bool:
    """Tell whether a host is this machine, by its name or address."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False  # a name
    return address.is_loopback or address.is_unspecified


class DeadlineTransport(httpx.BaseTransport):
    """An httpx transport on which a request ends in time.

    It differs from `httpx.HTTPTransport` in two ways. The longest timeout of a request bounds all of it: connecting,
    the proxy, TLS handshake, writing, head and body; httpx gives each read and write its timeout anew. And each
    request has a connection of its own: where a kept one is closed by the server just as the next request is written,
    that says nothing about the request.
    """

    def __init__(self, proxy: httpx.Proxy | None = None) -> None:
        """Reach servers directly, or through the proxy: `http`, `https`, or, where socksio is installed, `socks5[h]`.

        Raises:
            OSError: the certificates that the environment names cannot be read.
            ImportError: the proxy speaks SOCKS, and socksio is not installed.
        """
        self._certificates = server_certificates()
        self._errors = dict(_ERRORS)
        if proxy is not None and proxy.url.scheme.startswith("socks"):
            self._errors[_socks_error()] = httpx.ProxyError
        self._proxy = None if proxy is None else _httpcore_proxy(proxy)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send the request, and return the response with its head read and its body not yet.

        Raises:
            httpx.TransportError: there is no response, or none in time.
        """
        backend = DeadlineBackend(_deadline_of(request))
        pool = httpcore.ConnectionPool(self._certificates, self._proxy, network_backend=backend)
        with ExitStack() as on_failure:
            on_failure.callback(backend.close)
            with _httpx_errors(self._errors):
                response = pool.handle_request(_httpcore_request(request))
            on_failure.pop_all()
        return httpx.Response(
            response.status,
            headers=response.headers,
            stream=_Body(response, backend),
            extensions=response.extensions,
        )


class _Body(httpx.SyncByteStream):
    """The body of a response, and its connection."""

    def __init__(self, response: httpcore.Response, backend: DeadlineBackend) -> None:
        self._response = response
        self._backend = backend

    def __iter__(self) -> Iterator[bytes]:
        with _httpx_errors(_ERRORS):
            yield from self._response.iter_stream()

    def close(self) -> None:
        self._response.close()
        self._backend.close()


def _deadline_of(request: httpx.Request) -> Deadline:
    timeouts = request.extensions.get("timeout", {})
    seconds = [timeouts.get(phase) for phase in ("connect", "write", "read")]
    return Deadline(None if None in seconds else max(seconds))


def _httpcore_request(request: httpx.Request) -> httpcore.Request:
    return httpcore.Request(
        request.method,
        _httpcore_url(request.url),
        headers=request.headers.raw,
        content=request.stream,
        extensions=request.extensions,
    )


def _httpcore_url(url: httpx.URL) -> httpcore.URL:
    return httpcore.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path)


def _httpcore_proxy(proxy: httpx.Proxy) -> httpcore.Proxy:
    return httpcore.Proxy(
        _httpcore_url(proxy.url),
        auth=proxy.raw_auth,
        headers=proxy.headers.raw,
        ssl_context=proxy_certificates() if proxy.url.scheme == "https" else None,
    )


def _socks_error() -> type[Exception]:
    """Return what httpcore raises, unlike all else, as it is: a SOCKS proxy that breaks the protocol."""
    try:
        error: type[Exception] = importlib.import_module("socksio").SOCKSError
    except ImportError as missing:
        raise ImportError("a SOCKS proxy needs the package socksio, which is not installed") from missing
    return error


@contextmanager
def _httpx_errors(errors: dict[type[Exception], type[httpx.TransportError]]) -> Iterator[None]:
    """Raise the errors below as those of httpx, by the most specific class that is listed."""
    try:
        yield
    except tuple(errors) as error:
        kind = next(errors[each] for each in type(error).__mro__ if each in errors)
        raise kind(str(error)) from error
