"""What answers behind a base URL: a server that says who it is, or just something that speaks the API.

It is shown in the report, names the report's folder, picks the documentation's claims and finds models. No verdict
depends on it.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from conformance.errors import UsageError
from conformance.targets.address import server_root

from .native_http import NativeResponse, fetch

if TYPE_CHECKING:
    import httpx

Kind = Literal["ollama", "llama.cpp", "vllm", "llama-cpp-python", "litellm", "generic"]

TITLES: Mapping[Kind, str] = {
    "ollama": "Ollama",
    "llama.cpp": "llama.cpp",
    "vllm": "vLLM",
    "llama-cpp-python": "llama-cpp-python",
    "litellm": "the gateway LiteLLM",
    "generic": "a server",
}
"""How each kind is called in a sentence."""

GATEWAYS = frozenset[Kind]({"litellm"})
"""Kinds that pass requests on: what is measured there is the gateway together with what stands behind it."""

MAX_VERSION_LENGTH = 100
MAX_SCHEMA_BYTES = 2 * 1024 * 1024
"""The longest `/openapi.json` we read: llama-cpp-python's has 60 KB."""


@dataclass(frozen=True, kw_only=True)
class Server:
    """What answered: its kind, and its version where it tells one."""

    kind: Kind
    version: str | None = None


def detect(client: "httpx.Client", base_url: str, *, seconds: float = 10.0, key: str = "") -> Server:
    """Look at what answers at `base_url`, with seven harmless GETs at most.

    `/api/version` is Ollama's, `/props` is llama.cpp's (its `build_info` is the version); each may take `seconds`.
    Whatever else answers, be it 404 or 401, is a server, and if it does not say within `seconds` more which one, it
    is of a kind that we do not know. `key` is sent to the list of models alone.

    Raises:
        UsageError: nothing answers, or it hangs, or only a gateway in between answers; the message names the URL
            and the reason.
    """
    root = server_root(base_url)
    first = fetch(client, "GET", f"{root}/api/version", seconds=seconds, named=root)
    if first.status in (502, 504):
        raise UsageError(f"cannot reach {first.url}: a gateway answers {first.status} in its place")
    version = _read_text(_read_object(first), "version")
    if version is not None:
        return Server(kind="ollama", version=version)
    props = _read_object(fetch(client, "GET", f"{root}/props", seconds=seconds))
    build = _read_text(props, "build_info")
    if build is not None or "default_generation_settings" in props:
        return Server(kind="llama.cpp", version=build)
    ask = _build_asker(client, seconds)
    return (
        _find_vllm(ask, root, f"{base_url}/models", key)
        or _find_litellm(ask, root)
        or _find_llama_cpp_python(ask, root)
        or Server(kind="generic")
    )


_Ask = Callable[..., Mapping[str, Any]]
"""GETs a URL and returns the JSON object of a good answer, else an empty one."""


def _build_asker(client: "httpx.Client", seconds: float) -> _Ask:
    """Return what asks for the rest: no answer to it, or a bad one, says nothing about the server.

    All its questions together take `seconds` at most: a server that hangs on paths it does not know is asked once.
    """
    deadline = time.monotonic() + seconds

    def ask(url: str, headers: Mapping[str, str] | None = None) -> Mapping[str, Any]:
        left = deadline - time.monotonic()
        if left <= 0:
            return {}
        try:
            return _read_object(fetch(client, "GET", url, headers=headers, seconds=left, limit=MAX_SCHEMA_BYTES))
        except UsageError:
            return {}

    return ask


def _find_vllm(ask: _Ask, root: str, models: str, key: str) -> Server | None:
    """Return vLLM if it is that: many servers have a `/version`, but only its models are owned by `vllm`."""
    version = _read_text(ask(f"{root}/version"), "version")
    if version is None:
        return None
    listed = ask(models, {"authorization": f"Bearer {key}"} if key else None).get("data")
    entries = listed if isinstance(listed, list) else []
    owned = any(entry.get("owned_by") == "vllm" for entry in entries if isinstance(entry, dict))
    return Server(kind="vllm", version=version) if owned else None


def _find_litellm(ask: _Ask, root: str) -> Server | None:
    """Return LiteLLM if it is that: without a key it names its version to load balancers, or to its own web pages."""
    health = ask(f"{root}/health/readiness")
    version = _read_text(health, "litellm_version")
    if version is None and "db" in health:  # newer ones tell load balancers less
        version = _read_text(ask(f"{root}/public/model_hub/info"), "litellm_version")
    return Server(kind="litellm", version=version) if version is not None else None


def _find_llama_cpp_python(ask: _Ask, root: str) -> Server | None:
    """Return llama-cpp-python if it is that: its schema has a title and a version of its own."""
    info = ask(f"{root}/openapi.json").get("info")
    if not isinstance(info, dict) or "llama.cpp Python" not in str(info.get("title")):
        return None
    return Server(kind="llama-cpp-python", version=_read_text(info, "version"))


def _read_object(answer: NativeResponse) -> Mapping[str, Any]:
    """Return the JSON object of a good answer, else an empty one."""
    body = answer.json_or_none() if answer.ok else None
    return body if isinstance(body, dict) else {}


def _read_text(body: Mapping[str, Any], key: str) -> str | None:
    """Return the text under this key; it is shown on terminals and names a folder, so it stays short and plain."""
    value = body.get(key)
    if not isinstance(value, str) or not 0 < len(value) <= MAX_VERSION_LENGTH:
        return None
    return value if value.isascii() and value.isprintable() else None
