"""The models of an Ollama server: which of them answers for which capability.

By the native API: `/api/tags` lists models with digest and size, `/api/show` tells what one can do.
`capabilities` came with v0.6.4 (`thinking` with v0.9.0); what an older server does not say is read from the
template and the family, as those versions themselves did.
"""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, get_args

from conformance.errors import UsageError
from conformance.targets.address import server_root

from .native_http import fetch, to_printable_line

if TYPE_CHECKING:
    import httpx

Capability = Literal["completion", "tools", "insert", "vision", "embedding", "thinking"]
CAPABILITIES: tuple[Capability, ...] = get_args(Capability)

SUGGESTED_MODELS: Mapping[Capability, str] = {
    "completion": "smollm2:135m",
    "tools": "qwen2.5:0.5b",
    "insert": "qwen2.5-coder:0.5b",
    "vision": "moondream",
    "embedding": "all-minilm",
    "thinking": "qwen3:0.6b",
}
"""A small model of Ollama's library for each capability, for the hint to somebody who has none."""

NAMESPACE = "openai-conformance"
"""Before the slash in the names of our models: every version takes letters, digits, `-` and `_` there, no dot."""

RECIPE = "A fixture of openai-conformance, recipe "
"""In the licence of each model that the suite made, before a hash of all that it was made of."""

_RECIPE = re.compile(re.escape(RECIPE) + "([0-9a-f]{64})")

_LEGACY_TEMPLATE_MARKERS: Mapping[Capability, re.Pattern[str]] = {
    "tools": re.compile(r"\.Tools\b"),
    "insert": re.compile(r"\.Suffix\b"),
    "thinking": re.compile(r"\.Thinking\b|<think>"),
}


@dataclass(frozen=True, kw_only=True)
class Model:
    """A model that answers: its id as a request spells it, and the digest of its manifest.

    For a model that the suite made, `digest` is `recipe:` and the hash of its recipe: each version of Ollama
    writes another manifest for the very same files, and to compare two versions must not mean to compare those.
    """

    id: str
    digest: str


@dataclass(frozen=True, kw_only=True)
class DiscoveredModels:
    """Which model answers for which capability; what is missing here is missing on the server."""

    by_capability: Mapping[Capability, Model]
    notes: tuple[str, ...] = ()
    """What to tell the user: which models could not be looked at, and what would cover the missing ones."""
    listed: Mapping[str, Model] = field(default_factory=dict)
    """Id -> model, for those that the caller named besides."""


@dataclass(frozen=True, kw_only=True)
class _ListedModel:
    """A model as `/api/tags` lists it."""

    model: Model
    size: int
    families: tuple[str, ...]
    capabilities: frozenset[str] = field(default_factory=frozenset)


def read_version(client: "httpx.Client", base_url: str) -> str:
    """Return the version that the server gives itself, such as `0.24.0`.

    Raises:
        UsageError: no Ollama answers there.
    """
    answer = fetch(client, "GET", f"{server_root(base_url)}/api/version", seconds=10)
    value = answer.object().get("version")
    if not isinstance(value, str):
        raise UsageError(f"{answer.url} names no version")
    return to_printable_line(value, limit=100)


def discover(
    client: "httpx.Client",
    base_url: str,
    *,
    wanted: Mapping[Capability, str] | None = None,
    fixtures: Mapping[Capability, str] | None = None,
    unusable: Mapping[str, str] | None = None,
    also: Collection[str] = (),
) -> DiscoveredModels:
    """Find a model for each capability: the wanted one, else the suite's own, else the smallest that fits.

    `wanted` are the ids that options name, also for a capability that no model is looked for; the model wanted for
    completion also answers for whatever else it can do. `fixtures` are the ids of the suite's own models, taken where
    they are there; `unusable` says of some why this server cannot use them. Of the others, models that do not think
    go before those that do, and cloud models are left out: they cost money. `also` are ids to return with their
    digests, whatever they can do.

    Raises:
        UsageError: a wanted model is not there, or the server's answers cannot be used.
    """
    listed = _list_models(client, base_url)
    look = _ModelInspector(
        client=client, base_url=base_url, predates_thinking=_is_before(read_version(client, base_url), (0, 9))
    )
    notes: list[str] = []
    found = {capability: _find_by_name(listed, name).model for capability, name in (wanted or {}).items()}
    if "completion" in found:
        _assign_candidates(found, [one for one in listed if one.model == found["completion"]], look, notes)
    for capability, name in (fixtures or {}).items():
        for one in listed:
            if _is_same_name(one.model.id, name):
                found.setdefault(capability, one.model)
    _assign_candidates(found, sorted(listed, key=lambda one: (one.size, one.model.id)), look, notes)
    asked = [*found.values(), *(one.model for one in listed if one.model.id in also)]
    known = {model.id: look.identify(model) for model in dict.fromkeys(asked)}
    for capability in CAPABILITIES:
        if capability not in found:
            name = (fixtures or {}).get(capability, "")
            notes.append(_format_hint(capability, name, (unusable or {}).get(name)))
    return DiscoveredModels(
        by_capability={name: known[found[name].id] for name in (*CAPABILITIES, *(wanted or {})) if name in found},
        notes=tuple(notes),
        listed={name: model for name, model in known.items() if name in also},
    )


@dataclass(frozen=True, kw_only=True)
class _ModelInspector:
    """How to look at one model of this server."""

    client: "httpx.Client"
    base_url: str
    predates_thinking: bool

    def read_capabilities(self, one: _ListedModel) -> frozenset[str]:
        """Return what the model can do; `thinks` marks one that thinks, declared or not."""
        if one.capabilities:
            return one.capabilities | ({"thinks"} if "thinking" in one.capabilities else frozenset())
        shown = self.show(one.model)
        template = shown.get("template")
        signs = {name for name, sign in _LEGACY_TEMPLATE_MARKERS.items() if sign.search(str(template or ""))}
        declared = shown.get("capabilities")
        if isinstance(declared, list) and declared:
            able = {name for name in declared if isinstance(name, str)}
            able |= signs & {"thinking"} if self.predates_thinking else set()
        else:
            able = signs | _guess_legacy_capabilities(one, shown)
        return frozenset(able | ({"thinks"} if "thinking" in able | signs else set()))

    def identify(self, model: Model) -> Model:
        """Return the model, known by its recipe if it is one of ours."""
        if not model.id.startswith(NAMESPACE):
            return model
        match = _RECIPE.search(str(self.show(model).get("license")))
        return Model(id=model.id, digest=f"recipe:{match[1]}") if match else model

    def show(self, model: Model) -> dict[str, Any]:
        """Return what the server tells of the model."""
        url = f"{server_root(self.base_url)}/api/show"
        return fetch(self.client, "POST", url, json_body={"model": model.id}).object()


def _guess_legacy_capabilities(one: _ListedModel, shown: Mapping[str, Any]) -> set[str]:
    """Return what an older server knows of a model from its weights: embedding or completion, and vision."""
    info = shown.get("model_info")
    keys = tuple(info) if isinstance(info, dict) else ()
    embeds = any(key.endswith(".pooling_type") for key in keys) or {"bert", "nomic-bert"} & {*one.families}
    sees = any(key.endswith(".vision.block_count") for key in keys) or {"clip", "mllama"} & {*one.families}
    return {"embedding" if embeds else "completion"} | ({"vision"} if sees or shown.get("projector_info") else set())


def _assign_candidates(
    found: dict[Capability, Model], candidates: Sequence[_ListedModel], look: _ModelInspector, notes: list[str]
) -> None:
    """Give each open capability the first candidate that has it; one that thinks only if no other does."""
    thinking: dict[Capability, Model] = {}
    for one in candidates:
        open_ones = [capability for capability in CAPABILITIES if capability not in found]
        if not open_ones:
            return
        try:
            able = look.read_capabilities(one)
        except UsageError as error:
            notes.append(f"{one.model.id} is left out: {error}")
            continue
        for capability in open_ones:
            if capability in able and ("thinks" not in able or capability == "thinking"):
                found[capability] = one.model
            elif capability in able:
                thinking.setdefault(capability, one.model)
    for capability, model in thinking.items():
        found.setdefault(capability, model)


def _list_models(client: "httpx.Client", base_url: str) -> tuple[_ListedModel, ...]:
    """Return the models that lie on the server itself."""
    answer = fetch(client, "GET", f"{server_root(base_url)}/api/tags")
    models = answer.object().get("models") or []
    if not isinstance(models, list) or not all(isinstance(model, dict) for model in models):
        raise UsageError(f"{answer.url} answers without a list of models")
    local = (model for model in models if not model.get("remote_host") and not model.get("remote_model"))
    return tuple(_read_entry(model, answer.url) for model in local)


def _read_entry(model: Mapping[str, Any], url: str) -> _ListedModel:
    """Return one entry of the list, checked."""
    name, digest, size = model.get("name"), model.get("digest"), model.get("size")
    if not (isinstance(name, str) and name.isprintable() and isinstance(digest, str) and isinstance(size, int)):
        raise UsageError(f"{url} lists a model without name, digest or size")
    details = model.get("details")
    details = details if isinstance(details, dict) else {}
    families = (*_as_strings(details.get("families")), *_as_strings([details.get("family")]))
    return _ListedModel(
        model=Model(id=name, digest=to_printable_line(digest, limit=100)),
        size=size,
        families=families,
        capabilities=frozenset(_as_strings(model.get("capabilities"))),
    )


def _as_strings(value: Any) -> Iterable[str]:
    """Return the strings of what should be a list of strings."""
    return (item for item in value if isinstance(item, str)) if isinstance(value, list) else ()


def _find_by_name(listed: Sequence[_ListedModel], name: str) -> _ListedModel:
    """Return the model that an option names."""
    for one in listed:
        if _is_same_name(one.model.id, name):
            return one
    there = ", ".join(one.model.id for one in listed[:10]) or "none"
    raise UsageError(f"no model {name!r} on this server (there: {there}); try: ollama pull {name}")


def _is_same_name(listed: str, name: str) -> bool:
    """Tell whether two names are one to Ollama: case does not count, and no tag is `latest`."""
    tagged = name if ":" in name.rpartition("/")[2] else f"{name}:latest"
    return listed.casefold() == tagged.casefold()


def _is_before(text: str, release: tuple[int, int]) -> bool:
    """Tell whether a version is older than a release; one that says nothing (`0.0.0`) is taken for a new one."""
    match = re.match(r"v?(\d+)\.(\d+)", text)
    return match is not None and (0, 0) < (int(match[1]), int(match[2])) < release


def _format_hint(capability: Capability, own: str, error: str | None) -> str:
    """Say what would cover a capability that no model has; `error` is why the suite's `own` model does not."""
    pull = f"`ollama pull {SUGGESTED_MODELS[capability]}`"
    if error is not None:
        return f"no model for {capability}: {own} cannot be used ({error}); try {pull}"
    return f"no model for {capability}: try {pull}, or --prepare for the suite's own"
