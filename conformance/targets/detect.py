"""What answers behind a base URL: Ollama, llama.cpp's server, or just something that speaks the API.

It is shown in the report, picks the documentation's claims and finds models. No verdict depends on it.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from conformance.errors import UsageError
from conformance.targets.address import server_root

from .native_http import NativeResponse, fetch

if TYPE_CHECKING:
    import httpx

Kind = Literal["ollama", "llama.cpp", "generic"]


@dataclass(frozen=True, kw_only=True)
class Server:
    """What answered: its kind, and its version where it tells one."""

    kind: Kind
    version: str | None = None


def detect(client: "httpx.Client", base_url: str, *, seconds: float = 10.0) -> Server:
    """Look at what answers at `base_url`, with two harmless GETs at most, waiting `seconds` for each.

    `/api/version` is Ollama's, `/props` is llama.cpp's (its `build_info` is the version). Whatever else
    answers, be it 404 or 401, is a server, of a kind that we do not know.

    Raises:
        UsageError: nothing answers, or it hangs, or only a gateway in between answers; the message names the URL
            and the reason.
    """
    root = server_root(base_url)
    first = fetch(client, "GET", f"{root}/api/version", seconds=seconds)
    if first.status in (502, 504):
        raise UsageError(f"cannot reach {first.url}: a gateway answers {first.status} in its place")
    version = _text(first, "version")
    if version is not None:
        return Server(kind="ollama", version=version)
    props = fetch(client, "GET", f"{root}/props", seconds=seconds)
    build = _text(props, "build_info")
    if build is not None or _has(props, "default_generation_settings"):
        return Server(kind="llama.cpp", version=build)
    return Server(kind="generic")


def _has(answer: NativeResponse, key: str) -> bool:
    """Tell whether a good answer is a JSON object with this key."""
    body = answer.json_or_none() if answer.ok else None
    return isinstance(body, dict) and key in body


def _text(answer: NativeResponse, key: str) -> str | None:
    """Return the text that a good answer holds under this key; it is shown on terminals, so it stays short."""
    body = answer.json_or_none() if answer.ok else None
    value = body.get(key) if isinstance(body, dict) else None
    return value if isinstance(value, str) and value.isprintable() and 0 < len(value) <= 100 else None
