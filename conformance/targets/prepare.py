"""Putting the suite's own models into an Ollama server, and taking exactly those away again.

Through the native API, so the server may be anywhere: each file goes to `/api/blobs/<digest>` unless it is there,
then `/api/create` names the files. All names lie in a namespace of ours. Nothing here runs without being asked.
"""

import hashlib
import json
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from conformance.checklist.field_values import MODEL_COPY_PREFIX
from conformance.errors import UsageError
from conformance.targets.address import server_root
from conformance.targets.fixtures.cache import FixtureUnavailableError, Progress
from conformance.targets.fixtures.models import CHAT, EMBEDDINGS, THINKING, FixtureModel
from conformance.targets.ollama import NAMESPACE, RECIPE, Capability
from conformance.targets.progress import Step

from .native_http import fetch, fetch_lines, to_printable_line

if TYPE_CHECKING:
    import httpx

SMALL_CONTEXT = 512
"""`num_ctx` of the model with a context of its own, in tokens."""

_PARAMETERS: Mapping[str, Any] = {"repeat_penalty": 1.0, "num_thread": 1}
"""Ollama before v0.32 punishes repetition by 1.1 unless told otherwise, and then the model cannot copy a call: on
v0.24.0 it wrote `"name": "London"` for `"name": "get_weather"`. One thread is enough for models of this
size, and several, which wait for each other by spinning, are ten times slower on a machine that is busy."""

_CHUNK_BYTES = 1 << 20
_MAX_LOAD_SECONDS = 300.0
_MAX_SILENCE_SECONDS = 120.0
_RETRY_SECONDS = 1.0


@dataclass(frozen=True, kw_only=True)
class OllamaModel:
    """One model that `prepare` creates: what it answers for, and what it is made of."""

    name: str
    fixture: FixtureModel
    answers_for: tuple[Capability, ...]
    with_projector: bool = False
    parameters: Mapping[str, Any] = field(default_factory=dict)
    in_namespace: bool = False
    """Whether the name has a namespace and a slash, which some routes of some versions do not find."""

    @property
    def id(self) -> str:
        """The model's id on the wire."""
        return f"{NAMESPACE}{'/' if self.in_namespace else '-'}{self.name}:latest"


PREPARED = (
    OllamaModel(name=CHAT.name, fixture=CHAT, answers_for=("completion", "tools", "insert")),
    OllamaModel(name=f"{CHAT.name}-vision", fixture=CHAT, answers_for=("vision",), with_projector=True),
    OllamaModel(name=THINKING.name, fixture=THINKING, answers_for=("thinking",)),
    OllamaModel(
        name=f"{CHAT.name}-ctx{SMALL_CONTEXT}",
        fixture=CHAT,
        answers_for=(),
        parameters={"num_ctx": SMALL_CONTEXT},
        in_namespace=True,
    ),
    OllamaModel(name=EMBEDDINGS.name, fixture=EMBEDDINGS, answers_for=("embedding",)),
)
"""The models, in the order of their creation. Images have a model apart, so that a server that cannot load the
projector is still asked about text; the weights lie on the server once. The first has the server's own context."""

SMALL_CONTEXT_ID = PREPARED[3].id
"""The id of the model whose Modelfile sets `num_ctx`."""

FIXTURE_IDS: Mapping[Capability, str] = {able: model.id for model in PREPARED for able in model.answers_for}
"""Which of our models answers for which capability, for `conformance.targets.ollama.discover`."""


@dataclass(frozen=True, kw_only=True)
class Preparation:
    """What `prepare` did: the ids that can be asked, and for each of the others why this server cannot."""

    ready: tuple[str, ...]
    failed: Mapping[str, str]


def prepare(
    client: "httpx.Client", base_url: str, *, progress: Progress, models: Sequence[OllamaModel] = PREPARED
) -> Preparation:
    """Put the suite's models into the server, and load each once; what is there already stays as it is.

    A model that this server cannot create or load is taken away again, and named with the server's words.

    Raises:
        UsageError: the server cannot be reached, or a file of ours cannot be had.
    """
    root = server_root(base_url)
    ready: list[str] = []
    failed: dict[str, str] = {}
    for model in models:
        recipe = _recipe(model, progress)
        if _is_there(client, root, recipe):
            progress(f"{model.id} is there")
            ready.append(model.id)
            continue
        _upload(client, root, recipe, progress)
        error = _create(client, root, recipe, progress) or _load(client, root, model, progress)
        if error is None:
            ready.append(model.id)
        else:
            failed[model.id] = error
            progress(f"{model.id} cannot be used: {error}")
            _delete(client, root, model)
    return Preparation(ready=tuple(ready), failed=failed)


def remove(
    client: "httpx.Client", base_url: str, *, progress: Progress, models: Sequence[OllamaModel] = PREPARED
) -> tuple[str, ...]:
    """Take the suite's models away from the server, and nothing else; return the ids that were there.

    Raises:
        UsageError: the server cannot be reached, or refuses.
    """
    root = server_root(base_url)
    removed = tuple(model.id for model in models if _delete(client, root, model))
    leftovers = [name for name in _list_names(client, root) if name.startswith(MODEL_COPY_PREFIX)]
    for name in leftovers:
        fetch(client, "DELETE", f"{root}/api/delete", json_body={"model": name})
    for name in (*removed, *leftovers):
        progress(f"{name} is removed")
    return (*removed, *leftovers)


def _list_names(client: "httpx.Client", root: str) -> list[str]:
    """Return the names of all models, for copies that a run left when it was killed."""
    models = fetch(client, "GET", f"{root}/api/tags").object().get("models")
    return [str(one.get("name")) for one in models or [] if isinstance(one, dict)]


@dataclass(frozen=True, kw_only=True)
class _Recipe:
    """What `/api/create` is told, and the files it needs by their digests."""

    body: Mapping[str, Any]
    files: Mapping[str, Path]

    @property
    def mark(self) -> str:
        """A text in the model's licence that tells this recipe from a former one of the same name."""
        return str(self.body["license"])


def _recipe(model: OllamaModel, progress: Progress) -> _Recipe:
    """Return how to make the model; its licence carries a hash of all the rest."""
    try:
        files = model.fixture.fetch_files(progress=progress)
    except FixtureUnavailableError as error:
        raise UsageError(str(error)) from error
    wanted = {name: path for name, path in files.items() if model.with_projector or name != "projector.gguf"}
    digests = {name: f"sha256:{_sha256(path)}" for name, path in sorted(wanted.items())}
    body: dict[str, Any] = {"model": model.id, "files": digests}
    if model.fixture.template is not None:
        body["template"] = model.fixture.go_template()
        body["parameters"] = {**_PARAMETERS, **model.parameters, "stop": list(model.fixture.stop)}
    mark = hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()
    body["license"] = f"Apache-2.0. {RECIPE}{mark}"
    return _Recipe(body=body, files={digests[name]: path for name, path in wanted.items()})


@cache
def _sha256(path: Path) -> str:
    """Return the hex SHA-256 of a file, read once: four models share their weights."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _is_there(client: "httpx.Client", root: str, recipe: _Recipe) -> bool:
    """Tell whether the server has the model, made by this very recipe."""
    answer = fetch(client, "POST", f"{root}/api/show", json_body={"model": recipe.body["model"]})
    return answer.ok and recipe.mark in str(answer.object().get("license"))


def _upload(client: "httpx.Client", root: str, recipe: _Recipe, progress: Progress) -> None:
    """Send the files that the server lacks.

    Never one that it has: a POST of that is answered before the body is read, and the connection breaks.
    """
    for digest, path in recipe.files.items():
        url = f"{root}/api/blobs/{digest}"
        if fetch(client, "HEAD", url).ok:
            continue
        headers = {"Content-Length": str(path.stat().st_size)}
        answer = fetch(client, "POST", url, content=_read_chunks(path, progress), headers=headers, seconds=3600)
        if not answer.ok:
            raise UsageError(f"{url} refused {path.name} with {answer.status}: {answer.reason()}")


def _read_chunks(path: Path, progress: Progress) -> Iterator[bytes]:
    """Yield the file piece by piece, telling every two seconds how much is sent."""
    told = time.monotonic()
    size = path.stat().st_size
    with path.open("rb") as stream:
        while piece := stream.read(_CHUNK_BYTES):
            if time.monotonic() - told > 2:
                told = time.monotonic()
                sent = stream.tell()
                words = f"sending {path.name}: {sent / 1e6:.0f} of {size / 1e6:.0f} MB"
                progress(Step(words, share=sent / size))
            yield piece


def _create(client: "httpx.Client", root: str, recipe: _Recipe, progress: Progress) -> str | None:
    """Create the model; return the server's error, or None."""
    name = recipe.body["model"]
    progress(f"creating {name}")
    status = ""
    lines = fetch_lines(client, f"{root}/api/create", json_body=recipe.body, silence=_MAX_SILENCE_SECONDS)
    for line in lines:
        if isinstance(line.get("error"), str):
            return f"create: {to_printable_line(line['error'])}"
        status = str(line.get("status"))
    return None if status == "success" else f"create: the server stopped at {to_printable_line(status)!r}"


def _load(client: "httpx.Client", root: str, model: OllamaModel, progress: Progress) -> str | None:
    """Let the server load the model, with a request that generates nothing; return its error, or None."""
    progress(f"loading {model.id}")
    embeds = model.answers_for == ("embedding",)
    url = f"{root}/api/embed" if embeds else f"{root}/api/generate"
    body: dict[str, Any] = {"model": model.id} | ({"input": "hello"} if embeds else {"stream": False})
    deadline = time.monotonic() + _MAX_LOAD_SECONDS
    answer = fetch(client, "POST", url, json_body=body, seconds=_MAX_LOAD_SECONDS)
    while answer.status == 503 and time.monotonic() < deadline:  # its queue is full, which says nothing of the model
        time.sleep(_RETRY_SECONDS)
        answer = fetch(client, "POST", url, json_body=body, seconds=_MAX_LOAD_SECONDS)
    if answer.status == 503:
        raise UsageError(f"{url} is still busy after {_MAX_LOAD_SECONDS:g} s: {answer.reason()}")
    return None if answer.ok else f"load: {answer.status} {answer.reason()}"


def _delete(client: "httpx.Client", root: str, model: OllamaModel) -> bool:
    """Delete the model; tell whether it was there."""
    answer = fetch(client, "DELETE", f"{root}/api/delete", json_body={"model": model.id})
    if answer.ok or answer.status == 404:
        return answer.ok
    raise UsageError(f"{answer.url} did not delete {model.id}: {answer.status} {answer.reason()}")
