"""Which server a run asks: decided from the options and the environment, and said in one line.

A pure function of what was asked for, so that the order can be read and tested in one place. What somebody
named is asked or refused, and never replaced by the next in line.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

from conformance.errors import UsageError
from conformance.targets.address import DEFAULT_OLLAMA, api_base, is_openai, ollama_host
from conformance.targets.detect import Server

Target = Literal["ollama", "embedded", "openai"]
"""What ``--target`` forces; ``openai`` is any server that speaks the API, asked without a look at its kind."""

Look = Callable[[str], Server]
"""Looks at what answers behind a base URL; raises :class:`TargetError` with the reason when nothing does."""

_KIND_NAMES = {"ollama": "Ollama", "llama.cpp": "llama.cpp", "generic": "a server", "embedded": "the embedded server"}


@dataclass(frozen=True, kw_only=True)
class Choice:
    """The server to ask. ``base_url`` is None for the embedded server, which is yet to be started."""

    kind: Literal["ollama", "llama.cpp", "generic", "embedded"]
    base_url: str | None
    why: str
    key_from_environment: bool = False
    """Whether ``OPENAI_API_KEY`` may be sent there: only to a URL from an option or from ``OPENAI_BASE_URL``."""
    version: str | None = None

    @property
    def line(self) -> str:
        """The line that tells the user which server is asked, and why."""
        words = [_KIND_NAMES[self.kind], self.version or "", f"at {self.base_url}" if self.base_url else ""]
        return f"asking {' '.join(word for word in words if word)}: {self.why}"


def choose(*, base_url: str | None, target: Target | None, environ: Mapping[str, str], look: Look) -> Choice:
    """Choose the server: ``--base-url``, ``OPENAI_BASE_URL``, ``OLLAMA_HOST``, a local Ollama, the embedded one.

    ``target`` (``--target``) leaves out every step that is not of its kind. Variables that are empty count as
    not set. OpenAI's own API costs money, so only ``--base-url`` can name it.

    Raises:
        TargetError: what was named cannot be reached, is of another kind than ``--target`` says, contradicts it,
            or is OpenAI's own API named by a variable.
    """
    if target == "embedded":
        if base_url:
            raise UsageError("--target embedded starts a server of its own: leave out --base-url")
        return _embedded("--target embedded")
    named = _named(base_url, target, environ)
    if named is not None:
        return named if target == "openai" else _looked_at(named, target, look)
    if target == "openai":
        raise UsageError("--target openai needs --base-url (or OPENAI_BASE_URL) to say which server")
    return _local(target, look)


def _named(base_url: str | None, target: Target | None, environ: Mapping[str, str]) -> Choice | None:
    """Return the server that an option or a variable names, not yet looked at."""
    if base_url:
        url = api_base(base_url)
        return Choice(kind="generic", base_url=url, why="--base-url", key_from_environment=True)
    from_sdk = environ.get("OPENAI_BASE_URL", "").strip()
    if from_sdk and target != "ollama":
        url = api_base(from_sdk, named_by="OPENAI_BASE_URL")
        if is_openai(url):
            raise UsageError(
                f"OPENAI_BASE_URL is OpenAI's own API ({url}), where every request is paid for; "
                "name it with --base-url if you mean it, or choose another with --target"
            )
        return Choice(kind="generic", base_url=url, why="OPENAI_BASE_URL is set", key_from_environment=True)
    from_ollama = environ.get("OLLAMA_HOST", "").strip().strip("\"'").strip()
    if from_ollama and target != "openai":
        url = ollama_host(from_ollama)
        return Choice(kind="generic", base_url=url, why="OLLAMA_HOST is set")
    return None


def _looked_at(named: Choice, target: Target | None, look: Look) -> Choice:
    """Return the named server with its kind and version."""
    url = named.base_url or ""
    if is_openai(url):
        return named
    try:
        server = look(url)
    except UsageError as error:
        raise UsageError(f"{error} ({named.why})") from error
    if target == "ollama" and server.kind != "ollama":
        raise UsageError(f"--target ollama, but what answers at {url} ({named.why}) is not an Ollama")
    return Choice(
        kind=server.kind,
        base_url=url,
        why=named.why,
        key_from_environment=named.key_from_environment,
        version=server.version,
    )


def _local(target: Target | None, look: Look) -> Choice:
    """Return the Ollama on its default port, else the embedded server."""
    try:
        server = look(DEFAULT_OLLAMA)
    except UsageError as error:
        if target == "ollama":
            raise UsageError(f"--target ollama, and none runs on its default port: {error}") from error
        return _embedded("nothing was named, and no Ollama answers on its default port")
    if server.kind != "ollama":
        if target == "ollama":
            raise UsageError(f"--target ollama, but what answers at {DEFAULT_OLLAMA} is not an Ollama")
        return _embedded("nothing was named, and what answers on Ollama's default port is none")
    why = "--target ollama" if target else "it answers on its default port"
    return Choice(kind="ollama", base_url=DEFAULT_OLLAMA, why=why, version=server.version)


def _embedded(why: str) -> Choice:
    """Return the server that the suite starts by itself."""
    return Choice(kind="embedded", base_url=None, why=why)
