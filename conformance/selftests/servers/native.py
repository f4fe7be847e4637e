"""A miniature of Ollama: its native API beside the OpenAI-compatible one, and models that are copied and deleted.

It does what Ollama's `api.md` says, and answers in the form in which Ollama 0.6.8 to 0.32.15 did (`reports/`). In two
points it is better than they are: `/v1/models/{model}` finds a name with a slash, and every chat model embeds and
draws.
A new endpoint is a method, and a line in `NativeServer.routes`.
"""

from __future__ import annotations

import hashlib
import json
import re
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta, timezone
from typing import Any

from .behaviours import behaviour
from .chat import Chat
from .honours import CREATED, SMALL_CONTEXT, HonoursEverything
from .interface import RefusalError, Reply, Request, Server, json_reply

VERSION = "0.32.15"
DEFAULT_CONTEXT = 4096
"""Tokens of context of a model that sets no `num_ctx`."""
KEEP_ALIVE = 300
"""Seconds for which a model stays in memory after a request."""

_NANOSECONDS = 10**9
_TEXT = (("content-type", "text/plain"),)

Handler = Callable[[Request], Reply]
Render = Callable[[Sequence[Any]], tuple[int, ...]]
"""Messages -> the tokens of the prompt that they make."""


@dataclass(frozen=True, kw_only=True)
class ModelName:
    """A model's name, `host/namespace/model:tag`, of which only the model has to be given."""

    model: str
    tag: str = "latest"
    namespace: str = "library"
    host: str = "registry.ollama.ai"

    def __str__(self) -> str:
        """Return the name as the server lists it: what is usual is left out, but never the tag."""
        path = [self.host, self.namespace, self.model]
        if self.host == ModelName.host:
            path = path[2:] if self.namespace == ModelName.namespace else path[1:]
        return f"{'/'.join(path)}:{self.tag}"


_PART = r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}"
_NAME = re.compile(rf"(((?P<host>[^/]+)/)?(?P<namespace>{_PART})/)?(?P<model>{_PART})(:(?P<tag>{_PART}))?")


def parse_name(text: object) -> ModelName:
    """Return the name that a client gave.

    Raises:
        RefusalError: 400, it is none.
    """
    found = _NAME.fullmatch(text) if isinstance(text, str) else None
    if found is None:
        raise RefusalError(f"name {json.dumps(text)[:80]} is invalid")
    return ModelName(**{part: value for part, value in found.groupdict().items() if value is not None})


@dataclass(frozen=True, kw_only=True)
class Model:
    """What the server keeps of a model."""

    modified: int
    """When it was made or copied, in nanoseconds since 1970."""
    uses: frozenset[str] = frozenset({"generate", "embed", "draw"})
    num_ctx: int | None = None
    """Tokens of context that its Modelfile sets; None: as many as the server's default."""

    @property
    def size(self) -> int:
        """Bytes of its files."""
        return 98_363_799 if "generate" in self.uses else 45_949_480

    @property
    def digest(self) -> str:
        """Hash of what it is made of: a copy has the same."""
        return hashlib.sha256(f"{sorted(self.uses)} {self.num_ctx}".encode()).hexdigest()

    @property
    def details(self) -> dict[str, Any]:
        """What the native API tells of its weights."""
        family, size, level = ("llama", "134.52M", "Q4_1") if "generate" in self.uses else ("bert", "22.57M", "F16")
        return {
            "parent_model": "",
            "format": "gguf",
            "family": family,
            "families": [family],
            "parameter_size": size,
            "quantization_level": level,
        }


def _made(seconds: float, **more: Any) -> Model:
    return Model(modified=CREATED * _NANOSECONDS + int(seconds * _NANOSECONDS), **more)


CHAT = "mini:latest"
EMBEDDING = "mini-embed:latest"
SMALL = "team/mini-ctx512:latest"
FROM_A_HOST = "hf.co/maker/mini:q4"
MODELS: Mapping[str, Model] = {
    CHAT: _made(0.98),
    EMBEDDING: _made(60.5, uses=frozenset({"embed"})),
    SMALL: _made(120, num_ctx=SMALL_CONTEXT),
    FROM_A_HOST: _made(7200.123456789),
}
"""Name -> what the server has when it starts."""


def named(models: Mapping[str, Model]) -> dict[ModelName, Model]:
    """Return the models by their whole names."""
    return {parse_name(name): model for name, model in models.items()}


def local_time(nanoseconds: int, zone: timezone) -> str:
    """Return a time as Go writes it: with as many digits of a fraction as it needs, and the zone, `Z` for UTC."""
    seconds, fraction = divmod(nanoseconds, _NANOSECONDS)
    head, offset = datetime.fromtimestamp(seconds, zone).isoformat()[:19], str(zone).removeprefix("UTC")
    digits = f".{fraction:09d}".rstrip("0").rstrip(".")
    return f"{head}{digits}{offset or 'Z'}"


@dataclass(kw_only=True)
class ChatInContext(Chat):
    """Chat whose models have a context, out of which the older messages of a conversation are dropped."""

    server: NativeServer

    def prompt(self, body: Mapping[str, Any]) -> tuple[int, ...]:
        """Return the tokens that the model reads of a conversation."""
        num_ctx = self.server.context_of(self.server.find(body["model"]))
        render: Render = lambda messages: super(ChatInContext, self).prompt({**body, "messages": messages})  # noqa: E731
        return self.server.fit(body["messages"], num_ctx, render)


@dataclass(kw_only=True)
class NativeServer(HonoursEverything):
    """Honours every field of the OpenAI-compatible API, and the native API with the same models."""

    models: dict[ModelName, Model] = field(default_factory=lambda: named(MODELS))
    loaded: dict[ModelName, int] = field(default_factory=dict)
    """Model in memory -> when it leaves it, in nanoseconds since 1970."""
    default_context: int = DEFAULT_CONTEXT
    zone: timezone = timezone(timedelta(hours=-7))
    """Where the server stands: times of the native API are local."""
    lenient: bool = True
    extensions: bool = True

    def __post_init__(self) -> None:
        """Open the endpoints."""
        super().__post_init__()
        self.chat = ChatInContext(server=self, extensions=self.extensions, pace=self.pace, late=self.late)

    def routes(self) -> Mapping[str, Mapping[str, Handler]]:
        """Return the routes of the native API: path -> method -> what answers it. A GET answers HEAD too."""
        return {
            "/": {"GET": lambda _: Reply(headers=_TEXT, body=b"Ollama is running")},
            "/api/version": {"GET": lambda _: json_reply({"version": VERSION})},
            "/api/tags": {"GET": lambda _: self.tags()},
            "/api/ps": {"GET": lambda _: self.ps()},
            "/api/show": {"POST": lambda request: self.show(read_body(request))},
            "/api/copy": {"POST": lambda request: self.copy(read_body(request))},
            "/api/delete": {"DELETE": lambda request: self.delete(read_body(request))},
        }

    def answer(self, request: Request) -> Reply:
        """Return the reply to any request; errors of the native API are `{"error": text}`."""
        if request.path.startswith("/v1/"):
            return super().answer(request)
        handlers = self.routes().get(request.path)
        if handlers is None:
            return Reply(status=404, headers=_TEXT, body=b"404 page not found")
        handler = handlers.get("GET" if request.method == "HEAD" else request.method)
        if handler is None:
            return Reply(status=405, headers=_TEXT, body=b"405 method not allowed")
        try:
            reply = handler(request)
        except RefusalError as refusal:
            reply = json_reply({"error": refusal.message}, refusal.status)
        return replace(reply, body=b"") if request.method == "HEAD" else reply

    # What is known of models

    def find(self, name: object) -> Model:
        """Return the model of a name that a client gave.

        Raises:
            RefusalError: 404, there is none; 400, the name is none.
        """
        found = self.models.get(parse_name(name))
        if found is None:
            raise RefusalError(f"model '{str(name)[:80]}' not found", code="model_not_found", status=404)
        return found

    def context_of(self, model: Model) -> int:
        """Return how many tokens a prompt for the model may have."""
        return model.num_ctx or self.default_context

    def fit(self, messages: Sequence[Any], num_ctx: int, render: Render) -> tuple[int, ...]:
        """Return the prompt of the newest messages that the context holds; older ones are dropped but for `system`.

        The last message stays, if need be without its beginning.
        """
        tokens: tuple[int, ...] = ()
        for start in range(len(messages)):
            kept = [message for message in messages[:start] if message["role"] == "system"]
            tokens = render([*kept, *messages[start:]])
            if len(tokens) <= num_ctx:
                return tokens
        return tokens[-num_ctx:]

    # The native API

    def tags(self) -> Reply:
        """Return what GET /api/tags is answered with: the models, the one modified last first."""
        return json_reply({"models": [self.tag(name, model) for name, model in self.newest_first()]})

    def newest_first(self) -> Iterable[tuple[ModelName, Model]]:
        """Return the models in the order of all lists."""
        return sorted(self.models.items(), key=lambda pair: -pair[1].modified)

    def tag(self, name: ModelName, model: Model) -> dict[str, Any]:
        """Return the entry of a model in /api/tags."""
        return {**_identity(name, model), "modified_at": local_time(model.modified, self.zone)}

    def ps(self) -> Reply:
        """Return what GET /api/ps is answered with: the models in memory."""
        now = time.time_ns()
        running = [(name, until) for name, until in list(self.loaded.items()) if until > now and name in self.models]
        entries = [
            {
                **_identity(name, self.models[name]),
                "expires_at": local_time(until, self.zone),
                "size_vram": 0,
                "context_length": self.context_of(self.models[name]),
            }
            for name, until in running
        ]
        return json_reply({"models": entries})

    def show(self, body: Mapping[str, Any]) -> Reply:
        """Return what POST /api/show is answered with: what one model is made of."""
        model = self.find(body.get("model"))
        family = model.details["family"]
        shown = {
            "parameters": f"num_ctx {model.num_ctx}" if model.num_ctx else "",
            "template": "{{ .Prompt }}",
            "details": model.details,
            "model_info": {"general.architecture": family, f"{family}.context_length": 8192},
            "capabilities": ["completion", "tools"] if "generate" in model.uses else ["embedding"],
            "modified_at": local_time(model.modified, self.zone),
        }
        return json_reply(shown)

    def copy(self, body: Mapping[str, Any]) -> Reply:
        """Return what POST /api/copy is answered with; the model has one more name then."""
        source = self.find(body.get("source"))
        self.models[parse_name(body.get("destination"))] = replace(source, modified=time.time_ns())
        return Reply(headers=())

    def delete(self, body: Mapping[str, Any]) -> Reply:
        """Return what DELETE /api/delete is answered with; the model has that name no more."""
        self.find(body.get("model"))
        name = parse_name(body.get("model"))
        self.models.pop(name, None)
        self.loaded.pop(name, None)
        return Reply(headers=())

    # The OpenAI-compatible API

    def check_model(self, name: str, use: str, route: str) -> None:
        """Refuse a model that is not there, or cannot do this; load it otherwise.

        Raises:
            RefusalError: 404 or 400.
        """
        if use not in self.find(name).uses:
            raise RefusalError(f'"{name}" does not support {route.split("/")[2]}')
        self.loaded[parse_name(name)] = time.time_ns() + KEEP_ALIVE * _NANOSECONDS

    def context_named(self, name: str) -> int:
        """Return how many tokens prompt and answer of the model of that name may have together."""
        return self.context_of(self.find(name))

    def list_models(self) -> Reply:
        """Return what GET /v1/models is answered with."""
        data = [self.entry(str(name), name, model) for name, model in self.newest_first()]
        return json_reply({"object": "list", "data": data})

    def retrieve_model(self, name: str) -> Reply:
        """Return what GET /v1/models/{model} is answered with, in the name that was asked for.

        Raises:
            RefusalError: there is none of that name.
        """
        model = self.find(name)
        return json_reply(self.entry(name, parse_name(name), model))

    def entry(self, shown: str, name: ModelName, model: Model) -> dict[str, Any]:
        """Return the description of a model, under the name that is to be shown."""
        created, owner = self.created(model), self.owner(name)
        return {"id": shown, "object": "model", "created": created, "owned_by": owner}

    def created(self, model: Model) -> int:
        """Return `created`: when the model was modified last, in whole seconds."""
        return model.modified // _NANOSECONDS

    def owner(self, name: ModelName) -> str:
        """Return `owned_by`: the namespace."""
        return name.namespace


def _identity(name: ModelName, model: Model) -> dict[str, Any]:
    """Return what every list of the native API tells of a model."""
    known = {"size": model.size, "digest": model.digest, "details": model.details}
    return {"name": str(name), "model": str(name), **known}


def read_body(request: Request) -> Mapping[str, Any]:
    """Return the JSON object of a native request, whatever its content type says.

    Raises:
        RefusalError: 400, it is none.
    """
    if not request.body:
        raise RefusalError("missing request body")
    body = request.json
    if not isinstance(body, dict):
        raise RefusalError("invalid request body: expected a JSON object")
    return body


@behaviour
def native() -> Server:
    """Honours everything, and has Ollama's native API beside it."""
    return NativeServer()
