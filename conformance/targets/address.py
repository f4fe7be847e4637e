"""Addresses of servers: what people write in options and variables, made into one form.

The form is the SDK's base URL: scheme, host, path, no trailing slash, ending in the version of the API
(`http://127.0.0.1:11434/v1`). The root of a server, where its native API lies, is the same without it.
"""

import ipaddress
import re
from urllib.parse import urlsplit, urlunsplit

from conformance.errors import UsageError

DEFAULT_OLLAMA = "http://127.0.0.1:11434/v1"
"""Where an Ollama listens that nobody configured (`envconfig.Host` in its source)."""

_OLLAMA_PORTS = {"http": "80", "https": "443"}
_VERSIONED = re.compile(r"/v\d+\w*(/openai)?$")
_HOST_AND_PORT = re.compile(r"\[([^\[\]]*)\]:([^:\[\]]*)|([^:\[\]]*):([^:\[\]]*)")


def parse_base_url(url: str, *, named_by: str = "--base-url") -> str:
    """Return `url` as a base URL that ends in the API's version: `/v1`, unless it brings one.

    Taken with and without scheme (`http` is assumed), `/v1`, trailing slash and path prefix. A path that
    ends in another version (`/api/paas/v4`, `/v1beta/openai`) is left as it is.

    Raises:
        UsageError: this is no address of a server, or it holds a password, which would end in the report.
    """
    text = url.strip()
    try:
        parts = urlsplit(text if "://" in text else f"http://{text}")
        _port = parts.port  # raises when it is no number
    except ValueError as error:
        raise UsageError(f"{named_by}: {url!r} is not a URL: {error}") from error
    if parts.username or parts.password:
        raise UsageError(f"{named_by}: the URL holds a user or a password; give a key as --api-key instead")
    if parts.scheme not in _OLLAMA_PORTS or not parts.hostname or parts.query or parts.fragment:
        raise UsageError(f"{named_by}: {url!r} is not a base URL such as http://localhost:8000/v1")
    path = parts.path.rstrip("/")
    if not _VERSIONED.search(path):
        path += "/v1"
    return urlunsplit((parts.scheme, parts.netloc, path, "", ""))


def server_root(base_url: str) -> str:
    """Return where the server's own, native API lies: the base URL without its last `/v1`."""
    return base_url.removesuffix("/v1")


def is_openai_api(base_url: str) -> bool:
    """Tell whether the URL is OpenAI's own API (or a region of it), where every request is paid for."""
    host = (urlsplit(base_url).hostname or "").rstrip(".")
    return host == "openai.com" or host.endswith(".openai.com")


def parse_ollama_host(value: str) -> str:
    """Return the base URL of the server that `OLLAMA_HOST` names, read as Ollama's own client reads it.

    So `envconfig.Host` and `envconfig.ConnectableHost` of Ollama's source do: the port is 11434 without a
    scheme, 80 and 443 with one; a port that is none counts as not given; an address one can only listen on
    (`0.0.0.0`, `::`, no host at all) means this machine.

    Raises:
        UsageError: the scheme is neither http nor https.
    """
    text = value.strip().strip("\"'").strip()
    scheme, found, rest = text.partition("://")
    if not found:
        scheme, rest = ("https", "ollama.com:443") if text == "ollama.com" else ("http", text)
    default = _OLLAMA_PORTS.get(scheme, "11434") if found else "11434"
    authority, _, path = rest.partition("/")
    host, port = _split_host_and_port(authority, default)
    if not re.fullmatch(r"[+-]?\d+", port, re.ASCII) or not 0 <= int(port) <= 65535:
        port = default
    host = _to_connectable_host(host)
    netloc = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    return parse_base_url(f"{scheme.lower()}://{netloc}/{path}", named_by="OLLAMA_HOST")


def _split_host_and_port(authority: str, default: str) -> tuple[str, str]:
    """Split as Go's `net.SplitHostPort` does; where that fails, all of it is the host."""
    match = _HOST_AND_PORT.fullmatch(authority)
    if match is None:
        return authority.strip("[]") if _parse_ip(authority.strip("[]")) else authority, default
    host, port, bare_host, bare_port = match.groups()
    return (bare_host, bare_port) if host is None else (host, port)


def _to_connectable_host(host: str) -> str:
    """Return where a client finds a server that listens on `host`."""
    ip = _parse_ip(host)
    if not host:
        return "127.0.0.1"
    if ip is None or not ip.is_unspecified:
        return host
    return "127.0.0.1" if ip.version == 4 else "::1"


def _parse_ip(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """Return the IP address, or None for a name."""
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None
