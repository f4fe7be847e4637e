"""native: what the documentation of a server with an API of its own promises about the two together.

Rows that write need leave, and a model of ours; what they create has a name of its own and is removed, come what may.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from typing import Any

from conformance.checklist.field_values import MODEL_COPY_PREFIX
from conformance.checklist.verdicts import Severity
from conformance.wire.exchange import Call
from conformance.wire.json_text import quote_value

from . import chance
from .endpoints import Chat, Models, Native, Raw, endpoint_at
from .models import UNKNOWN_MODEL, list_entries
from .observation import Observation, broken, ignored, inconclusive, supported
from .registry import probe
from .response_views import as_int64, as_list, get_path
from .session import ControlFailedError, UndeterminedError, is_rejection


@contextmanager
def copy_model(native: Native, purpose: str) -> Iterator[str]:
    """Copy the model to a name like a client's default, and remove the copy at the end whatever happens.

    A server may have made a copy that it says it refused, or that it had no time to confirm.

    Raises:
        UndeterminedError: the server did not copy the model.
    """
    name = f"{MODEL_COPY_PREFIX}-{purpose}"
    try:
        made = native.send("POST", "/api/copy", {"source": native.model, "destination": name})
        if not made.accepted:
            raise UndeterminedError(f"copying the model was answered with {made.failure or made.status}")
        yield name
    finally:
        with suppress(UndeterminedError):  # a server too busy to delete: the run tries again at its end
            native.send("DELETE", "/api/delete", {"model": name})


@probe("native/alias/chat", capability="writes", title="an alias answers chat", chance=chance.COPIED_MODEL)
def alias_chat(native: Native) -> Observation:
    """A model copied to a default name such as gpt-3.5-turbo answers chat completions, and is echoed as `model`."""
    messages = [{"role": "user", "content": "Hi"}]
    return _answers_as_alias(native, "chat", "/chat/completions", {"messages": messages, "max_tokens": 1})


@probe(
    "native/alias/completions", capability="writes", title="an alias answers completions", chance=chance.COPIED_MODEL
)
def alias_completions(native: Native) -> Observation:
    """A model copied to a default name answers completions, and is echoed as `model`."""
    return _answers_as_alias(native, "completions", "/completions", {"prompt": "Hi", "max_tokens": 1})


@probe(
    "native/alias/embeddings", capability="writes", title="an alias answers embeddings", chance=chance.COPIED_MODEL
)
def alias_embeddings(native: Native) -> Observation:
    """A model copied to a default name answers embeddings, and is echoed as `model`."""
    return _answers_as_alias(native, "embeddings", "/embeddings", {"input": "Hi", "encoding_format": "float"})


def _answers_as_alias(native: Native, purpose: str, path: str, body: dict[str, Any]) -> Observation:
    """Ask a copy for what `body` says. Always on the main server, where the copy is."""
    with copy_model(native, purpose) as name:
        # No treatment: a fault in the shape of every answer on this route is not the alias's.
        call = Call(path=path, body={"model": name, **body}, sdk_method=endpoint_at(path).sdk_method)
        answer = native.session.send_prerequisite(call).json
    content = "data" if path == "/embeddings" else "choices"
    if not as_list(get_path(answer, content)):
        return broken(f"the answer lacks {content}, which every client reads")
    told = get_path(answer, "model")
    if isinstance(told, str) and told.removesuffix(":latest") == name:
        return supported("the alias answers, and is echoed as `model`")
    return broken(f"the alias answers, and `model` is {quote_value(told, 60)}")


@probe("native/alias/listed", capability="writes", title="an alias is listed", chance=chance.COPIED_MODEL)
def alias_listed(native: Native) -> Observation:
    """A model copied to a default name is in /v1/models."""
    with copy_model(native, "listed") as name:
        call = Call(method="GET", path=Models.path, sdk_method=Models.sdk_method, purpose="after_copy")
        answer = native.session.send_prerequisite(call).json
    ids = [get_path(entry, "id") for entry in as_list(get_path(answer, "data"))]
    if any(isinstance(each, str) and each.removesuffix(":latest") == name for each in ids):
        return supported("the alias is in the list")
    return broken("the alias is not in the list")


def _native_models(native: Native) -> dict[str, Any]:
    """Name -> entry of /api/tags."""
    entries = as_list(get_path(native.get("/api/tags").json, "models"))
    return {str(get_path(entry, "name")): entry for entry in entries}


@probe(
    "native/models/created",
    capability="native",
    severity=Severity.SHOULD,
    title="`created` is modified_at",
    chance=chance.LISTS,
)
def created_is_modified(models: Models, native: Native) -> Observation:
    """`created` of each model is its last modification as /api/tags tells it, in seconds."""
    tags = _native_models(native)
    compared = 0
    for entry in list_entries(models):
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


@probe(
    "native/models/owned_by",
    capability="native",
    severity=Severity.SHOULD,
    title="`owned_by` is the namespace",
    chance=chance.LISTS,
)
def owned_by_namespace(models: Models) -> Observation:
    """`owned_by` is what stands before the slash of a name, `library` where there is none."""
    wrong = []
    entries = [entry for entry in list_entries(models) if isinstance(get_path(entry, "id"), str)]
    for entry in entries:
        name = str(get_path(entry, "id"))
        namespace = name.split("/")[-2] if "/" in name else "library"
        if get_path(entry, "owned_by") != namespace:
            wrong.append(name)
    if not entries:
        return inconclusive("the list names no model")
    return broken(f"{len(wrong)} models have another owner") if wrong else supported("`owned_by` is the namespace")


@probe("native/models/untagged", capability="native", title="a name without its tag", chance=chance.LISTS)
def untagged(models: Models, raw: Raw) -> Observation:
    """A model tagged `latest` is found without the tag."""
    tagged = [name for entry in list_entries(models) if (name := str(get_path(entry, "id"))).endswith(":latest")]
    if not tagged:
        return inconclusive("no listed model is tagged `latest`")
    # A slash in a name is a difficulty of its own, with the row below.
    name = next((name for name in tagged if "/" not in name), tagged[0]).removesuffix(":latest")
    told = str(get_path(models.retrieve(name).json, "id"))
    if told.removesuffix(":latest") != name:
        return broken("another model is found without the tag")
    return _unless_any_is_found(raw, supported("the model is found without its tag"))


@probe("native/models/slash", capability="native", title="a name with a namespace", chance=chance.LISTS)
def slashed(models: Models, raw: Raw) -> Observation:
    """A model whose name has a namespace and a slash is found by it."""
    names = [name for entry in list_entries(models) if "/" in (name := str(get_path(entry, "id")))]
    if not names:
        return inconclusive("no listed model has a namespace")
    if get_path(models.retrieve(names[0]).json, "id") != names[0]:
        return broken("another model is found")
    return _unless_any_is_found(raw, supported("the model is found by its name with namespace and slash"))


def _unless_any_is_found(raw: Raw, seen: Observation) -> Observation:
    """Return what was seen of a name that was found, if the server does not find a name that no model has too.

    Raises:
        ControlFailedError: it neither finds nor refuses that name.
    """
    unknown = raw.send(f"/models/{UNKNOWN_MODEL}", method="GET")
    if unknown.accepted:
        return inconclusive("the server describes a model of any name, there or not")
    if unknown.status is None or unknown.failure is not None or not is_rejection(unknown.status):
        raise ControlFailedError(unknown)
    return seen


SMALL_CONTEXT = 512
"""`num_ctx` of the model that is asked for a small context, in tokens."""

FILLER = 250
"""Words of each of the long messages. Three fit the usual context, and not one of `SMALL_CONTEXT`."""

LONG_CHAT = 3 * FILLER
"""Tokens, at the least, of the long messages together."""

QUESTION = "Say one word."


def make_filler(words: int, first: int = 0) -> str:
    """Return so many short words, each at least a token in any vocabulary; `first`: which of them is the first."""
    few = ("sun", "sea", "cat", "red", "tree", "bird", "rain")
    return " ".join(few[number % len(few)] for number in range(first, first + words))


def _long_chat(question: str = QUESTION) -> list[dict[str, Any]]:
    return [
        {"role": "user", "content": make_filler(FILLER)},
        {"role": "assistant", "content": make_filler(FILLER)},
        {"role": "user", "content": make_filler(FILLER)},
        {"role": "assistant", "content": "Yes."},
        {"role": "user", "content": question},
    ]


@probe(
    "native/context/num_ctx", capability="small_context", title="num_ctx by Modelfile", chance=chance.PROMPT_TOKENS
)
def num_ctx(chat: Chat) -> Observation:
    """A model with num_ctx 512 drops the older messages of a longer conversation."""
    counted = chat.ask(_long_chat(), limit=1).prompt_tokens
    if not counted:
        return inconclusive("the server counts no prompt tokens")
    if counted == chat.ask_control().prompt_tokens:
        return inconclusive("the server counts every prompt alike")
    if counted > SMALL_CONTEXT:
        return ignored("the prompt counts more tokens than the context of 512 holds")
    if not _reads_the_question(chat, counted):
        return broken("the prompt fits the context of 512, but its newest message does not reach the model")
    return supported("older messages are dropped: the prompt counts no more than the 512 tokens of the context")


def _reads_the_question(chat: Chat, counted: int) -> bool:
    """Tell whether the end of a long conversation, of so many tokens, reaches the model.

    A longer question counts more tokens. Where it does not, since the prompt is cut to size or the server counts only
    what is new, another question must be answered otherwise.

    Raises:
        ControlFailedError: the conversation with another question is not answered.
    """
    longer = _long_chat(f"{QUESTION} {make_filler(40)}")
    told = chat.ask_control(longer, limit=1).prompt_tokens
    if told is not None and told >= counted + 20:
        return True
    return chat.ask_control(longer).text != chat.ask_control(_long_chat()).text


@probe("native/context/default", capability="native", title="the default context", chance=chance.PROMPT_TOKENS)
def default_context(chat: Chat) -> Observation:
    """A model without num_ctx keeps a conversation of a thousand tokens whole."""
    short = chat.ask_control([{"role": "user", "content": QUESTION}], limit=1).prompt_tokens
    counted = chat.ask(_long_chat(), limit=1).prompt_tokens
    # Of other words than those before: some servers count only what they have not just read.
    one = chat.ask_control([{"role": "user", "content": make_filler(FILLER, first=1)}], limit=1).prompt_tokens
    if not (counted and short and one):
        return inconclusive("the server counts no prompt tokens")
    if one <= short:
        return inconclusive("the server counts every prompt alike")
    # A vocabulary may need several tokens for a word.
    if counted >= short + max(LONG_CHAT, 3 * (one - short)):
        return supported("the whole conversation reaches the model")
    return broken("messages of a conversation of a thousand tokens are dropped")
