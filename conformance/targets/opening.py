"""Opening a target: choose it, find its models, and start what has to be started; closing it again."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import httpx

from conformance.errors import UsageError

from .address import parse_base_url
from .detect import detect
from .native_http import fetch, native_client, to_printable_line
from .ollama import Model, discover
from .selection import Choice, choose

Progress = Callable[[str], None]


class Options(Protocol):
    """The options that say what is asked; see `conformance.runner.options`."""

    base_url: str | None
    target: Any
    api_key: str | None
    model: str | None
    tools_model: str | None
    insert_model: str | None
    vision_model: str | None
    thinking_model: str | None
    embedding_model: str | None
    images_model: str | None
    embedding_base_url: str | None
    prepare: bool
    deadline: float


@dataclass(frozen=True, kw_only=True)
class Target:
    """A server that is ready to be asked."""

    kind: str
    version: str | None
    selection_reason: str
    base_url: str
    embedding_base_url: str
    key: str
    models: Mapping[str, Model] = field(default_factory=dict)
    """Capability -> model; see `conformance.checklist.rows.CAPABILITIES`."""
    hints: tuple[str, ...] = ()
    """What would cover the capabilities that have no model."""
    notes: tuple[str, ...] = ()
    """What the report says of the target: which of the suite's own models it cannot use, and why."""

    def record(self) -> dict[str, Any]:
        """Return the target as `report.json` holds it: no key, and nothing that only this run needs."""
        return {
            "kind": self.kind,
            "version": self.version,
            "base_url": self.base_url,
            "notes": list(self.notes),
            "models": {
                capability: {
                    "id": model.id,
                    "digest": model.digest or None,
                    "base_url": self.embedding_base_url if capability == "embedding" else self.base_url,
                }
                for capability, model in sorted(self.models.items())
            },
        }

    @property
    def line(self) -> str:
        """What is asked and why, in one line."""
        return (
            f"asking {self.kind} {self.version or ''} at {self.base_url}".replace("  ", " ")
            + f": {self.selection_reason}"
        )


_ROLES = {"completion": "chat"}
"""Ollama's word for a capability -> ours, where they differ."""

_CAPABILITIES = {ours: theirs for theirs, ours in _ROLES.items()}


@contextmanager
def open_target(options: Options, environ: Mapping[str, str], folder: Path, progress: Progress) -> Iterator[Target]:
    """Open the target that options and environment name; yield it, ready to be asked until the context ends.

    Raises:
        UsageError: it cannot be reached, or lacks what was named.
    """
    with ExitStack() as stack:
        client = stack.enter_context(native_client())
        choice = choose(
            base_url=options.base_url,
            target=options.target,
            environ=environ,
            look=lambda url: detect(client, url, seconds=min(10.0, options.deadline), key=options.api_key or ""),
        )
        progress(choice.line)
        if choice.kind == "embedded":
            yield _open_embedded(options, stack, folder, progress)
        elif choice.kind == "ollama":
            yield _open_ollama(options, choice, client, environ, progress)
        else:
            yield _open_generic(options, choice, client, environ)


def _open_embedded(options: Options, stack: ExitStack, folder: Path, progress: Progress) -> Target:
    from .embedded.server import ServerStartError, start
    from .fixtures.cache import FixtureUnavailableError
    from .fixtures.models import SMOLLM2

    try:
        server = stack.enter_context(start(folder, progress=progress))
    except (ServerStartError, FixtureUnavailableError) as error:
        raise UsageError(str(error)) from error
    digest = SMOLLM2.files[0].sha256
    chat = Model(id=server.chat_model, digest=digest)
    models = dict.fromkeys(("chat", "tools", "insert", "vision", "whole_template"), chat)
    models["embedding"] = Model(id=server.embedding_model, digest=digest)
    return Target(
        kind="llama.cpp",
        version=server.version,
        selection_reason="the embedded server",
        base_url=server.base_url,
        embedding_base_url=server.embedding_base_url,
        key="",
        models={**models, **_read_named_models(options)},
    )


def _key(options: Options, choice: Choice, environ: Mapping[str, str]) -> str:
    if options.api_key is not None:
        return options.api_key
    return environ.get("OPENAI_API_KEY", "") if choice.key_from_environment else ""


def _read_named_models(options: Options) -> dict[str, Model]:
    """Return the models that options name."""
    named = {
        "chat": options.model,
        "tools": options.tools_model,
        "insert": options.insert_model,
        "vision": options.vision_model,
        "thinking": options.thinking_model,
        "embedding": options.embedding_model,
        "images": options.images_model,
    }
    return {role: Model(id=name, digest="") for role, name in named.items() if name}


def _open_ollama(
    options: Options,
    choice: Choice,
    client: httpx.Client,
    environ: Mapping[str, str],
    progress: Progress,
) -> Target:
    from .prepare import FIXTURE_IDS, SMALL_CONTEXT_ID, Preparation, prepare

    url = choice.base_url or ""
    elsewhere = _embedding_base_url(options)
    prepared = prepare(client, url, progress=progress) if options.prepare else Preparation(ready=(), failed={})
    named = {
        role: model.id for role, model in _read_named_models(options).items() if role != "embedding" or not elsewhere
    }
    found = discover(
        client,
        url,
        wanted={_CAPABILITIES.get(role, role): name for role, name in named.items()},  # type: ignore[misc]
        fixtures=FIXTURE_IDS,
        unusable=prepared.failed,
        also=prepared.ready,
    )
    models = {_ROLES.get(name, name): model for name, model in found.by_capability.items()}
    if elsewhere:
        models.pop("embedding", None)
        models |= _find_embedding_model(options, client, elsewhere)
    if not models:
        told = "; ".join(found.notes) or "pull one"
        raise UsageError(f"no model of {url} can be asked: {told}")
    if "chat" in models:
        models["native"] = models["chat"]
    # What writes to the server needs leave (--prepare), and touches models of ours only.
    ours = {
        "writes": FIXTURE_IDS["completion"],
        "small_context": SMALL_CONTEXT_ID,
        "whole_template": FIXTURE_IDS["completion"],
    }
    models |= {role: found.listed[name] for role, name in ours.items() if name in prepared.ready}
    return Target(
        kind="ollama",
        version=choice.version,
        selection_reason=choice.reason,
        base_url=url,
        embedding_base_url=elsewhere or url,
        key=_key(options, choice, environ),
        models=models,
        hints=found.notes,
        notes=tuple(f"{name} cannot be used on this server: {error}" for name, error in prepared.failed.items()),
    )


def _embedding_base_url(options: Options) -> str:
    """Return the base URL of the embedding model where it is another server's, else nothing."""
    named = options.embedding_base_url
    return parse_base_url(named, named_by="--embedding-base-url") if named else ""


def _find_embedding_model(options: Options, client: httpx.Client, url: str) -> dict[str, Model]:
    """Return the embedding model of a server of its own, known by its digest where that is an Ollama."""
    named = options.embedding_model
    if detect(client, url).kind != "ollama":
        return {"embedding": Model(id=named, digest="")} if named else {}
    found = discover(client, url, wanted={"embedding": named} if named else {}).by_capability
    return {"embedding": found["embedding"]} if "embedding" in found else {}


def _open_generic(options: Options, choice: Choice, client: httpx.Client, environ: Mapping[str, str]) -> Target:
    url = choice.base_url or ""
    key = _key(options, choice, environ)
    models = _read_named_models(options)
    if not {"chat", "embedding", "images"} & set(models):
        models["chat"] = Model(id=_find_only_model(client, url, key), digest="")
    if "chat" in models:
        # Chat first: where its model is wrong, --model is the option to name.
        models = {**dict.fromkeys(("chat", "tools", "insert"), models["chat"]), **models}
    hints = tuple(
        f"no model for {role}: name one with --{option}"
        for role, option in (
            ("chat", "model"),
            ("vision", "vision-model"),
            ("embedding", "embedding-model"),
            ("thinking", "thinking-model"),
            ("images", "images-model"),
        )
        if role not in models
    )
    return Target(
        kind=choice.kind,
        version=choice.version,
        selection_reason=choice.reason,
        base_url=url,
        embedding_base_url=_embedding_base_url(options) or url,
        key=key,
        models=models,
        hints=hints,
        notes=choice.notes,
    )


def _find_only_model(client: httpx.Client, url: str, key: str) -> str:
    """Return the one model that the server lists.

    Raises:
        UsageError: it lists none or several.
    """
    headers = {"authorization": f"Bearer {key}"} if key else {}
    answer = fetch(client, "GET", f"{url}/models", headers=headers)
    body = answer.json_or_none() if answer.ok else None
    data = body.get("data") if isinstance(body, dict) else None
    entries = data if isinstance(data, list) else []
    ids = [name for entry in entries if isinstance(entry, dict) and isinstance(name := entry.get("id"), str)]
    if len(ids) != 1:
        listed = ", ".join(to_printable_line(name, limit=100) for name in ids[:10]) or (
            "none" if answer.ok else f"none (status {answer.status})"
        )
        if answer.json_or_none() is None:
            kind = answer.content_type or "no content type"
            raise UsageError(
                f"{url} does not look like an OpenAI API: GET {url}/models gives {answer.status}, {kind}; "
                "if it is one without a list of models, name the model with --model"
            )
        raise UsageError(f"name the model to ask with --model; {url}/models lists {listed}")
    return ids[0]
