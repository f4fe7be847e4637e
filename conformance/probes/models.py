"""/v1/models and /v1/models/{model}."""

from __future__ import annotations

import time
from email.utils import parsedate_to_datetime

from conformance.checklist.field_values import MODEL_COPY_PREFIX
from conformance.checklist.verdicts import Severity
from conformance.wire.exchange import Call, Exchange

from . import chance
from .endpoints import Models, Raw, is_addressable
from .observation import Observation, broken, ignored, inconclusive, partial, supported
from .registry import probe
from .response_views import as_int64, as_list, get_path
from .session import UndeterminedError

UNKNOWN_MODEL = "no-such-model-zz"
"""A name that no model has."""


COMPARED = ("id", "object", "owned_by")
"""Members of an entry of the list that the model alone has too."""


def list_entries(models: Models) -> list[object]:
    """Return the entries of the list, but for the copies that rows of `native` make: those are gone in a moment."""
    entries = as_list(get_path(models.list().json, "data"))
    return [entry for entry in entries if not str(get_path(entry, "id")).startswith(MODEL_COPY_PREFIX)]


@probe("models/features/list", is_control=True, title="List models", chance=chance.LISTS)
def list_models(models: Models) -> Observation:
    """The list names the models that can be asked; the one that answers us is among them."""
    ids = [get_path(entry, "id") for entry in list_entries(models)]
    twice = sorted({name for name in ids if isinstance(name, str) and ids.count(name) > 1})
    if models.model in ids and twice:
        return partial(
            f"the model that answers is in the list, and {len(twice)} of its names are there more than once"
        )
    if models.model in ids:
        return supported("the model that answers is in the list")
    if ids:
        return broken("the model that answers is not in the list")
    return ignored("the list is empty, though a model answers")


@probe("models/features/retrieve", title="Retrieve a model", chance=chance.LISTS)
def retrieve_model(models: Models) -> Observation:
    """A listed id can be retrieved, and equals its entry in the list."""
    named = [entry for entry in list_entries(models) if isinstance(get_path(entry, "id"), str)]
    # A slash in a name is a difficulty of its own, with a row of its own.
    entries = [entry for entry in named if "/" not in str(get_path(entry, "id"))] or named
    if not entries:
        models.retrieve(models.model)
        return inconclusive("the list names no model that could be compared")
    differing: dict[str, None] = {}
    for entry in entries[:4]:
        one = models.retrieve(str(get_path(entry, "id"))).json
        differing |= {key: None for key in COMPARED if get_path(one, key) != get_path(entry, key)}
    if differing:
        members = " and ".join(f"`{key}`" for key in differing)
        return broken(f"{members} of a retrieved model differs from its entry in the list")
    return supported("retrieved models equal their entries in the list")


@probe("models/features/retrieve/unknown", title="an unknown model is 404", chance=chance.STATUS_AND_ERROR)
def retrieve_unknown(models: Models, raw: Raw) -> Observation:
    """An id that no model has is answered with 404, where one that a model has is found."""
    _find_known(models)
    exchange = raw.send(f"/models/{UNKNOWN_MODEL}", method="GET")
    if exchange.status == 404:
        return supported("an unknown id is answered with 404, and a known one with its model")
    if exchange.accepted:
        return ignored("an unknown id is answered with a model")
    return broken(f"an unknown id is answered with status {exchange.status}")


def _find_known(models: Models) -> None:
    """Ask for a model that is there, as a prerequisite: other rows judge the answer.

    Raises:
        UndeterminedError: no client can ask for its name.
        RequestRejectedError, RequestFailedError: the server did not find it.
    """
    name = _name(models)
    if not is_addressable(name):
        raise UndeterminedError("the list names a model by what cannot stand in an address")
    path = f"{models.path}/{name}"
    call = Call(method="GET", path=path, sdk_method="models.retrieve", sdk_arguments=(name,))
    models.session.send_prerequisite(call)


MAX_CLOCK_DIFFERENCE = 2
"""Seconds by which two clocks that agree may differ, one of which tells whole seconds only."""


def _asked_at(exchange: Exchange) -> float:
    """Return when a request was sent: by the server's clock, where it tells one that is not ours."""
    try:
        told = parsedate_to_datetime(exchange.header("date")).timestamp() - exchange.seconds
    except (ValueError, OverflowError):  # none, or no time
        return exchange.started
    return told if abs(told - exchange.started) > MAX_CLOCK_DIFFERENCE else exchange.started


def _creation(entry: object, asked: float) -> Observation:
    created = as_int64(get_path(entry, "created"))
    if get_path(entry, "created") is None:
        return broken("`created` is missing")
    if created is None:
        return broken("`created` is no whole number")
    now = int(time.time())
    if created > 10 * now:
        return broken("`created` is not in seconds")
    if created >= int(asked):
        return broken("`created` is the time of the request, not of the model")
    if created > 1_000_000_000:
        return supported("`created` is a time in seconds that lies in the past")
    return broken("`created` is no plausible time")


def _entry(models: Models) -> object:
    return next((entry for entry in list_entries(models) if get_path(entry, "id") == models.model), None)


def _name(models: Models) -> str:
    """Return a name to retrieve: without a slash where there is one, else the model that answers."""
    names = [name for entry in list_entries(models) if isinstance(name := get_path(entry, "id"), str)]
    return next((name for name in names if "/" not in name), models.model)


@probe("models/notes/created", severity=Severity.SHOULD, chance=chance.LISTS)
def created(models: Models) -> Observation:
    """`created` is a time in seconds: the model's creation, says OpenAI; its last modification, says Ollama."""
    entry = _entry(models)
    if entry is None:
        return inconclusive("the model is not in the list")
    return _creation(entry, _asked_at(models.list()))


@probe("models/notes/owned_by", severity=Severity.SHOULD, chance=chance.LISTS)
def owned_by(models: Models) -> Observation:
    """`owned_by` names the organisation that owns the model; at Ollama the namespace, `library` by default."""
    return _owner(_entry(models))


def _owner(entry: object) -> Observation:
    if entry is None:
        return inconclusive("the model is not in the list")
    owner = get_path(entry, "owned_by")
    if isinstance(owner, str) and owner:
        return supported("`owned_by` names an owner")
    return broken("`owned_by` is missing or empty")


@probe("models/notes/retrieve/created", severity=Severity.SHOULD, chance=chance.LISTS)
def retrieved_created(models: Models) -> Observation:
    """`created` of one retrieved model is a time in seconds too."""
    one = models.retrieve(_name(models))
    return _creation(one.json, _asked_at(one))


@probe("models/notes/retrieve/owned_by", severity=Severity.SHOULD, chance=chance.LISTS)
def retrieved_owned_by(models: Models) -> Observation:
    """`owned_by` of one retrieved model names an owner too."""
    return _owner(models.retrieve(_name(models)).json)
