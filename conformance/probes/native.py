"""native: what the documentation of a server with an API of its own promises about the two together.

Rows that write need leave, and a model of ours; what they create has a name of its own and is removed, come what may.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from conformance.checklist.field_values import MODEL_COPY_PREFIX
from conformance.checklist.verdicts import Severity
from conformance.wire.exchange import Call, Server

from .endpoints import ENDPOINTS, Chat, Models, Native
from .models import listed
from .observation import Observation, broken, ignored, inconclusive, supported
from .registry import probe
from .response_views import EmbeddingResponse, TextResponse, as_int64, as_list, get_path


@contextmanager
def copied(native: Native, purpose: str) -> Iterator[str]:
    """A copy of the model under a name like a client's default, removed at the end whatever happens."""
    name = f"{MODEL_COPY_PREFIX}-{purpose}"
    made = native.send("POST", "/api/copy", {"source": native.model, "destination": name})
    try:
        if not made.accepted:
            raise LookupError(f"copying the model was answered with {made.failure or made.status}")
        yield name
    finally:
        native.send("DELETE", "/api/delete", {"model": name})


def _aliased(native: Native, purpose: str, path: str, body: dict[str, Any]) -> Any:
    """The answer of an alias on a route, or the reason why there is none."""
    server: Server = "embedding" if path == "/embeddings" else "main"
    method = next(endpoint.sdk_method for endpoint in ENDPOINTS if endpoint.path == path)
    try:
        with copied(native, purpose) as name:
            return name, native.session.send_treatment(
                Call(path=path, body={"model": name, **body}, server=server, sdk_method=method)
            )
    except LookupError as error:
        return str(error), None


@probe("native/alias/chat", capability="writes", title="an alias answers chat")
def alias_chat(native: Native) -> Observation:
    """A model copied to a default name such as gpt-3.5-turbo answers chat completions, and is echoed as `model`."""
    messages = [{"role": "user", "content": "Hi"}]
    name, exchange = _aliased(native, "chat", "/chat/completions", {"messages": messages, "max_tokens": 1})
    if exchange is None:
        return inconclusive(name)
    return _echoes(name, get_path(TextResponse(exchange).body, "model"))


@probe("native/alias/completions", capability="writes", title="an alias answers completions")
def alias_completions(native: Native) -> Observation:
    """A model copied to a default name answers completions, and is echoed as `model`."""
    name, exchange = _aliased(native, "completions", "/completions", {"prompt": "Hi", "max_tokens": 1})
    if exchange is None:
        return inconclusive(name)
    return _echoes(name, get_path(TextResponse(exchange).body, "model"))


@probe("native/alias/embeddings", capability="writes", title="an alias answers embeddings")
def alias_embeddings(native: Native) -> Observation:
    """A model copied to a default name answers embeddings, and is echoed as `model`."""
    body = {"input": "Hi", "encoding_format": "float"}
    name, exchange = _aliased(native, "embeddings", "/embeddings", body)
    if exchange is None:
        return inconclusive(name)
    return _echoes(name, get_path(EmbeddingResponse(exchange).exchange.json, "model"))


def _echoes(name: str, told: object) -> Observation:
    if isinstance(told, str) and told.removesuffix(":latest") == name:
        return supported("the alias answers, and is echoed as `model`")
    return broken(f"the alias answers, and `model` is {repr(told)[:60]}")


@probe("native/alias/listed", capability="writes", title="an alias is listed")
def alias_listed(native: Native) -> Observation:
    """A model copied to a default name is in /v1/models."""
    try:
        with copied(native, "listed") as name:
            exchange = native.session.send_treatment(
                Call(method="GET", path="/models", sdk_method=Models.sdk_method, purpose="after_copy")
            )
    except LookupError as error:
        return inconclusive(str(error))
    ids = [get_path(entry, "id") for entry in as_list(get_path(exchange.json, "data"))]
    if any(isinstance(each, str) and each.removesuffix(":latest") == name for each in ids):
        return supported("the alias is in the list")
    return broken("the alias is not in the list")


def _native_models(native: Native) -> dict[str, Any]:
    """Name -> entry of /api/tags."""
    entries = as_list(get_path(native.get("/api/tags").json, "models"))
    return {str(get_path(entry, "name")): entry for entry in entries}


@probe("native/models/created", capability="native", severity=Severity.SHOULD, title="`created` is modified_at")
def created_is_modified(models: Models, native: Native) -> Observation:
    """`created` of each model is its last modification as /api/tags tells it, in seconds."""
    tags = _native_models(native)
    compared = 0
    for entry in listed(models):
        modified = _moment(get_path(tags.get(str(get_path(entry, "id"))), "modified_at"))
        if modified is None:
            continue
        compared += 1
        if as_int64(get_path(entry, "created")) != int(modified):
            return broken("`created` is another second than modified_at")
    return (
        supported("`created` is modified_at, in seconds") if compared else inconclusive("no model is in both lists")
    )


def _moment(text: object) -> float | None:
    """Seconds of a time like 2026-11-21T08:00:00.123456789+01:00, whose fraction may be longer than Python reads."""
    if not isinstance(text, str):
        return None
    head, _, zone = text.partition(".")
    whole_seconds = head + (zone.lstrip("0123456789") or "+00:00") if zone else text
    try:
        return datetime.fromisoformat(whole_seconds).timestamp()
    except (ValueError, OverflowError):  # no time, or one before the first year in this zone
        return None


@probe("native/models/owned_by", capability="native", severity=Severity.SHOULD, title="`owned_by` is the namespace")
def owned_by_namespace(models: Models) -> Observation:
    """`owned_by` is what stands before the slash of a name, `library` where there is none."""
    wrong = []
    entries = [entry for entry in listed(models) if isinstance(get_path(entry, "id"), str)]
    for entry in entries:
        name = str(get_path(entry, "id"))
        namespace = name.split("/")[-2] if "/" in name else "library"
        if get_path(entry, "owned_by") != namespace:
            wrong.append(name)
    if not entries:
        return inconclusive("the list names no model")
    return broken(f"{len(wrong)} models have another owner") if wrong else supported("`owned_by` is the namespace")


@probe("native/models/untagged", capability="native", title="a name without its tag")
def untagged(models: Models) -> Observation:
    """A model tagged `latest` is found without the tag."""
    tagged = [name for entry in listed(models) if (name := str(get_path(entry, "id"))).endswith(":latest")]
    if not tagged:
        return inconclusive("no listed model is tagged `latest`")
    found = models.retrieve(tagged[0].removesuffix(":latest"))
    told = str(get_path(found.json, "id"))
    if told.removesuffix(":latest") == tagged[0].removesuffix(":latest"):
        return supported("the model is found without its tag")
    return broken("another model is found without the tag")


@probe("native/models/slash", capability="native", title="a name with a namespace")
def slashed(models: Models) -> Observation:
    """A model whose name has a namespace and a slash is found by it."""
    names = [name for entry in listed(models) if "/" in (name := str(get_path(entry, "id")))]
    if not names:
        return inconclusive("no listed model has a namespace")
    if get_path(models.retrieve(names[0]).json, "id") == names[0]:
        return supported("the model is found by its name with namespace and slash")
    return broken("another model is found")


LONG_CHAT = 3 * 250
"""Words of a conversation that fits the usual context and not one of 512 tokens."""


def filler(words: int) -> str:
    """So many short words, each at least a token in any vocabulary."""
    few = ("sun", "sea", "cat", "red", "tree", "bird", "rain")
    return " ".join(few[number % len(few)] for number in range(words))


def _long_chat() -> list[dict[str, Any]]:
    return [
        {"role": "user", "content": filler(250)},
        {"role": "assistant", "content": filler(250)},
        {"role": "user", "content": filler(250)},
        {"role": "assistant", "content": "Yes."},
        {"role": "user", "content": "Say one word."},
    ]


@probe("native/context/num_ctx", capability="small_context", title="num_ctx by Modelfile")
def num_ctx(chat: Chat) -> Observation:
    """A model with num_ctx 512 drops the older messages of a longer conversation."""
    counted = chat.ask(_long_chat(), max_tokens=1).prompt_tokens
    if counted is None:
        return inconclusive("the server counts no prompt tokens")
    if counted <= 512:
        return supported("older messages are dropped: the prompt counts no more than the 512 tokens of the context")
    return ignored("the prompt counts more tokens than the context of 512 holds")


@probe("native/context/default", capability="native", title="the default context")
def default_context(chat: Chat) -> Observation:
    """A model without num_ctx keeps a conversation of a thousand tokens whole."""
    short = chat.ask_control([{"role": "user", "content": "Say one word."}], max_tokens=1).prompt_tokens
    counted = chat.ask(_long_chat(), max_tokens=1).prompt_tokens
    if counted is None or short is None:
        return inconclusive("the server counts no prompt tokens")
    if counted >= short + LONG_CHAT:
        return supported("the whole conversation reaches the model")
    return broken("messages of a conversation of a thousand tokens are dropped")
