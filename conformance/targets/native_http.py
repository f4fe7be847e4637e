"""Answers of a server's native API, read with distrust: limited in size and time, checked before use.

The server under test may be broken in any way; here that ends in a `UsageError` with the URL in it.
"""

import json
import os
import re
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from conformance.errors import UsageError

if TYPE_CHECKING:
    import httpx

MAX_BODY_BYTES = 16 * 1024 * 1024
"""The longest answer we read, in bytes. `/api/show` of a model with all its licences is well below 1 MB."""


@dataclass(frozen=True, kw_only=True)
class NativeResponse:
    """A whole answer of a native API."""

    url: str
    status: int
    body: bytes
    content_type: str = ""

    @property
    def ok(self) -> bool:
        """Whether the status is a 2xx."""
        return 200 <= self.status < 300

    def json_or_none(self) -> Any:
        """Return the body as JSON, or None where it is none."""
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError):
            return None

    def object(self) -> dict[str, Any]:
        """Return the JSON object that a good answer holds.

        Raises:
            UsageError: the status is no 2xx (with the server's own message), or the body is no JSON object.
        """
        body = self.json_or_none()
        if not self.ok:
            raise UsageError(f"{self.url} answered {self.status}: {self.reason()}")
        if not isinstance(body, dict):
            raise UsageError(f"{self.url} answered {self.status} with something that is no JSON object")
        return body

    def reason(self) -> str:
        """Return the server's words about an error, one short printable line."""
        body = self.json_or_none()
        error = body.get("error") if isinstance(body, dict) else None
        text = error if isinstance(error, str) else self.body.decode(errors="replace")
        return to_printable_line(text) or "no message"


_ENVIRONMENT = ("SSL_CERT_FILE", "SSL_CERT_DIR", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")

_THIS_MACHINE = ("all://localhost", "all://127.0.0.1", "all://[::1]")
"""Never asked through a proxy: it would ask itself. Ollama's own client (Go's `net/http`) does so too."""


def native_client() -> "httpx.Client":
    """Return a client with the proxies and certificates that the environment names.

    Raises:
        UsageError: what it names cannot be used; the message names the variables, whose values may hold a password.
    """
    import httpx

    try:
        return httpx.Client(follow_redirects=False, timeout=30, mounts=dict.fromkeys(_THIS_MACHINE))
    except (OSError, ValueError, ImportError, httpx.InvalidURL) as error:
        named = [name for name in _ENVIRONMENT if os.environ.get(name) or os.environ.get(name.lower())]
        said = to_printable_line(str(error)) or type(error).__name__
        raise UsageError(f"cannot use what the environment says ({', '.join(named)}): {said}") from error


def to_printable_line(text: str, *, limit: int = 300) -> str:
    """Return a server's text as one short line that cannot steer a terminal."""
    line = " ".join(text.split())
    return "".join(character for character in line if character.isprintable())[:limit]


def fetch(
    client: "httpx.Client",
    method: str,
    url: str,
    *,
    json_body: Any = None,
    content: Iterable[bytes] | None = None,
    headers: Mapping[str, str] | None = None,
    seconds: float = 60.0,
    limit: int = MAX_BODY_BYTES,
    named: str = "",
) -> NativeResponse:
    """Ask once and return the whole answer, whatever its status. A body is `json_body` or `content`.

    `seconds` bounds the whole of it, so that an answer that drips in cannot hold us; `limit` is in bytes. `named`:
    what to call the server where no connection is made, if not by this URL.

    Raises:
        UsageError: no connection, no answer in time, or too long an answer.
    """
    deadline = time.monotonic() + seconds
    body = bytearray()
    body_and_headers = {"json": json_body, "content": content, "headers": headers}
    with (
        _translate_errors(named or url),
        client.stream(method, url, timeout=_build_timeout(seconds), **body_and_headers) as response,
    ):
        for piece in response.iter_bytes():
            body += piece
            if len(body) > limit:
                raise UsageError(f"{url} sends more than {limit // 1024} KB")
            if time.monotonic() > deadline:
                raise UsageError(f"{url} did not finish its answer in {seconds:g} s")
        kind = to_printable_line(response.headers.get("content-type", ""), limit=60)
        return NativeResponse(url=url, status=response.status_code, body=bytes(body), content_type=kind)


def fetch_lines(client: "httpx.Client", url: str, *, json_body: Any, silence: float) -> Iterator[Mapping[str, Any]]:
    """POST and yield each line of a streamed answer as JSON, as Ollama's `/api/create` reports progress.

    `silence` is how many seconds may pass without a line. A status that is no 2xx becomes a line with `error`,
    as the server itself writes once it has begun to answer.

    Raises:
        UsageError: no connection, a line that is no JSON object, a long silence.
    """
    with (
        _translate_errors(url),
        client.stream("POST", url, json=json_body, timeout=_build_timeout(silence)) as response,
    ):
        if not response.is_success:
            answer = NativeResponse(url=url, status=response.status_code, body=response.read()[:MAX_BODY_BYTES])
            yield {"error": f"{answer.status} {answer.reason()}"}
            return
        for line in response.iter_lines():
            if line.strip():
                yield NativeResponse(url=url, status=response.status_code, body=line.encode()).object()


def _build_timeout(seconds: float) -> tuple[float, float, float, float]:
    """Return httpx's four time-outs (connect, read, write, pool); a host that is there answers in 5 s."""
    return (min(seconds, 5.0), seconds, seconds, seconds)


@contextmanager
def _translate_errors(url: str) -> Iterator[None]:
    """Turn the errors of httpx into ours."""
    import httpx  # takes 0.2 s, and the command line imports this module before it asks anybody

    try:
        yield
    except httpx.ConnectTimeout as error:
        raise UsageError(f"cannot reach {url}: no connection in time") from error
    except httpx.TimeoutException as error:
        raise UsageError(f"cannot reach {url}: it does not answer in time") from error
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        said = re.sub(r"^\[Errno -?\d+\] ", "", to_printable_line(str(error))) or type(error).__name__
        raise UsageError(f"cannot reach {url}: {said}") from error
