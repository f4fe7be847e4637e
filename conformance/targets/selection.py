"""Which server a run asks: decided from the options and the environment, and said in one line.

A pure function of what was asked for, so that the order can be read and tested in one place. What somebody
named is asked or refused, and never replaced by the next in line.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

from conformance.errors import UsageError
from conformance.targets.address import DEFAULT_OLLAMA, is_openai_api, parse_base_url, parse_ollama_host
from conformance.targets.detect import GATEWAYS, TITLES, Kind, Server

Target = Literal["ollama", "embedded", "openai"]
"""What `--target` forces; `openai` is any server that speaks the API, asked without a look at its kind."""

Detect = Callable[[str], Server]
"""Looks at what answers behind a base URL; raises `UsageError` with the reason when nothing does."""


@dataclass(frozen=True, kw_only=True)
class Choice:
    """The server to ask. `base_url` is None for the embedded server, which is yet to be started."""

    kind: Kind | Literal["embedded"]
    base_url: str | None
    reason: str
    key_from_environment: bool = False
    """Whether `OPENAI_API_KEY` may be sent there: only to a URL from an option or from `OPENAI_BASE_URL`."""
    version: str | None = None

    @property
    def line(self) -> str:
        """The line that tells the user which server is asked, and why."""
        title = "the embedded server" if self.kind == "embedded" else TITLES[self.kind]
        words = [title, self.version or "", f"at {self.base_url}" if self.base_url else ""]
        return f"asking {' '.join(word for word in words if word)}: {self.reason}"

    @property
    def notes(self) -> tuple[str, ...]:
        """What the report has to say of a server of this kind."""
        if self.kind not in GATEWAYS:
            return ()
        return ("a gateway: the verdicts are of it and of the server behind it together",)


def choose(
    *,
    base_url: str | None,
    target: Target | None,
    environ: Mapping[str, str],
    look: Detect,
    forced_by: str = "--target ollama",
) -> Choice:
    """Choose the server: `--base-url`, `OPENAI_BASE_URL`, `OLLAMA_HOST`, a local Ollama, the embedded one.

    `target` (`--target`) leaves out every step that is not of its kind. Variables that are empty count as
    not set. OpenAI's own API costs money, so only `--base-url` can name it. `forced_by`: what asks for an Ollama,
    as its users typed it.

    Raises:
        UsageError: what was named cannot be reached, is of another kind than `--target` says, contradicts it,
            or is OpenAI's own API named by a variable.
    """
    if target == "embedded":
        if base_url:
            raise UsageError("--target embedded starts a server of its own: leave out --base-url")
        return _choose_embedded("--target embedded")
    named = _find_named(base_url, target, environ)
    if named is not None:
        return named if target == "openai" else _detect_named(named, target, look, forced_by)
    if target == "openai":
        raise UsageError("--target openai needs --base-url (or OPENAI_BASE_URL) to say which server")
    return _choose_local(target, look, forced_by)


def _find_named(base_url: str | None, target: Target | None, environ: Mapping[str, str]) -> Choice | None:
    """Return the server that an option or a variable names, not yet looked at."""
    if base_url:
        url = parse_base_url(base_url)
        return Choice(kind="generic", base_url=url, reason="--base-url", key_from_environment=True)
    from_sdk = environ.get("OPENAI_BASE_URL", "").strip()
    if from_sdk and target != "ollama":
        url = parse_base_url(from_sdk, named_by="OPENAI_BASE_URL")
        if is_openai_api(url):
            raise UsageError(
                f"OPENAI_BASE_URL is OpenAI's own API ({url}), where every request is paid for; "
                "name it with --base-url if you mean it, or choose another with --target"
            )
        return Choice(kind="generic", base_url=url, reason="OPENAI_BASE_URL is set", key_from_environment=True)
    from_ollama = environ.get("OLLAMA_HOST", "").strip().strip("\"'").strip()
    if from_ollama and target != "openai":
        url = parse_ollama_host(from_ollama)
        return Choice(kind="generic", base_url=url, reason="OLLAMA_HOST is set")
    return None


def _detect_named(named: Choice, target: Target | None, look: Detect, forced_by: str) -> Choice:
    """Return the named server with its kind and version."""
    url = named.base_url or ""
    if is_openai_api(url):
        return named
    try:
        server = look(url)
    except UsageError as error:
        raise UsageError(f"{error} ({named.reason})") from error
    if target == "ollama" and server.kind != "ollama":
        raise UsageError(f"{forced_by}, but what answers at {url} ({named.reason}) is not an Ollama")
    return Choice(
        kind=server.kind,
        base_url=url,
        reason=named.reason,
        key_from_environment=named.key_from_environment,
        version=server.version,
    )


def _choose_local(target: Target | None, look: Detect, forced_by: str) -> Choice:
    """Return the Ollama on its default port, else the embedded server."""
    try:
        server = look(DEFAULT_OLLAMA)
    except UsageError as error:
        if target == "ollama":
            raise UsageError(f"{forced_by}, and none runs on its default port: {error}") from error
        return _choose_embedded("nothing was named, and no Ollama answers on its default port")
    if server.kind != "ollama":
        if target == "ollama":
            raise UsageError(f"{forced_by}, but what answers at {DEFAULT_OLLAMA} is not an Ollama")
        return _choose_embedded("nothing was named, and what answers on Ollama's default port is none")
    why = forced_by if target else "it answers on its default port"
    return Choice(kind="ollama", base_url=DEFAULT_OLLAMA, reason=why, version=server.version)


def _choose_embedded(why: str) -> Choice:
    """Return the server that the suite starts by itself."""
    return Choice(kind="embedded", base_url=None, reason=why)
