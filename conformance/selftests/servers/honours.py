"""`honours everything`: a server that does what OpenAI's documentation says, on the routes of a model server."""

from __future__ import annotations

import importlib
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from conformance.probes.endpoints import ENDPOINTS, Endpoint, RequestEndpoint, endpoint_at

from .chat import Chat
from .completions import Completions
from .embeddings import answer as embed
from .embeddings import check as check_embeddings
from .fields import COMPANIONS, EXACT, EXTENSIONS, FIELDS
from .interface import RefusalError, Reply, Request, json_reply
from .parts import PLAIN, Parts, Serving
from .requests import body_of, not_allowed
from .responses import Responses
from .responses_routes import ResponsesRoutes

CHAT_MODEL = "mini"
EMBEDDING_MODEL = "mini-embed"
IMAGE_MODEL = "mini-image"
ALIAS = "team/mini:latest"
"""The chat model under a name with a slash."""
SMALL_MODEL = "mini-ctx512"
"""A chat model with a small context. It is not listed."""
SMALL_CONTEXT = 512
"""Tokens that its prompt and answer may have together."""
CREATED = 1_700_000_000
"""When the models were made."""

_LISTED = {CHAT_MODEL: "generate", ALIAS: "generate", EMBEDDING_MODEL: "embed", IMAGE_MODEL: "draw"}
_CAN = {**_LISTED, SMALL_MODEL: "generate"}
_COMPANIONS = {"responses": {"tool_choice": ("tools",), "stream_options": ("stream",)}}
"""Endpoint -> fields that belong to others, where they are not those of `COMPANIONS`."""
_MODELS = {"embedding": EMBEDDING_MODEL, "images": IMAGE_MODEL}


def model_for(capability: str) -> str:
    """The model that answers where a target declares one for the capability."""
    return _MODELS.get(capability, CHAT_MODEL)


@dataclass(kw_only=True)
class HonoursEverything:
    """Honours every field of chat completions, completions, responses, embeddings and models."""

    key: str | None = None
    """The API key that is asked for; None: none."""
    extensions: bool = False
    """Also honours `reasoning` in chat and `response_format` in completions, which OpenAI's clause does not have."""
    lenient: bool = False
    """Lets unknown fields pass, and fields without the one they belong to: as most servers do."""
    results_due: bool = False
    """Demands that earlier tool calls were answered, as OpenAI does."""
    pace: float = 0.0005
    """Seconds between the chunks of a stream."""
    late: float = 0.08
    """Seconds between the chunks after the 64th, so that a long stream outlasts a second."""
    parts: Parts = PLAIN
    """Of which model and which counts and manners it is made."""
    serving: Serving = field(init=False)
    chat: Chat = field(init=False)
    completions: Completions = field(init=False)
    responses: Responses = field(init=False)

    def __post_init__(self) -> None:
        """Open the endpoints."""
        self.serving = Serving(parts=self.parts)
        shared: dict[str, Any] = {"extensions": self.extensions, "pace": self.pace, "late": self.late}
        self.chat = Chat(results_due=self.results_due, serving=self.serving, **shared)
        self.completions = Completions(serving=self.serving, **shared)
        self.responses = Responses(
            chat=self.chat,
            context_of=self.context_named,
            results_due=self.results_due,
            **shared,
        )

    def answer(self, request: Request) -> Reply:
        """The reply to any request."""
        try:
            self._check_key(request)
            reply = self._route(request)
        except RefusalError as refusal:
            reply = refusal.reply
        headers = (*reply.headers, ("x-request-id", f"req_{uuid.uuid4().hex}"))
        return Reply(status=reply.status, headers=headers, body=reply.body)

    def _check_key(self, request: Request) -> None:
        if self.key is None:
            return
        given = request.headers.get("authorization", "")
        if not given.startswith("Bearer "):
            raise RefusalError("You didn't provide an API key.", status=401)
        if given != f"Bearer {self.key}":
            raise RefusalError("Incorrect API key provided.", code="invalid_api_key", status=401)

    def _route(self, request: Request) -> Reply:
        path = request.path.removeprefix("/v1")
        if path.startswith(("/responses", "/conversations")) and request.path.startswith("/v1/"):
            return self._responses(request)
        posted: dict[str, Callable[[Mapping[str, Any]], Reply]] = {
            "/chat/completions": self._chat,
            "/completions": self._completions,
            "/embeddings": self._embeddings,
        }
        for endpoint in ENDPOINTS:
            if issubclass(endpoint, RequestEndpoint) and endpoint.path not in posted:
                posted[endpoint.path] = partial(self._stateless, endpoint)
        if path in posted:
            if request.method != "POST":
                return not_allowed(request, "POST")
            body = body_of(request)
            return posted[path](self._let_pass(path, body) if self.lenient else body)
        got: Callable[[], Reply] | None = None
        if path == "/models":
            got = self.list_models
        elif path.startswith("/models/"):
            got = lambda: self.retrieve_model(path.removeprefix("/models/"))  # noqa: E731 - as the others
        elif path.startswith("/chat/completions/"):
            got = lambda: self.chat.retrieve(path.removeprefix("/chat/completions/"))  # noqa: E731
        if got is None or not request.path.startswith("/v1/"):
            message = f"Invalid URL ({request.method} {request.path[:80]})"
            raise RefusalError(message, status=404)
        return got() if request.method == "GET" else not_allowed(request, "GET")

    def _responses(self, request: Request) -> Reply:
        def check_model(name: str) -> None:
            self.check_model(name, "generate", "/v1/responses")

        def read(sent: Request) -> Mapping[str, Any]:
            body = body_of(sent)
            return self._let_pass("/responses", body) if self.lenient and sent.path == "/v1/responses" else body

        routes = ResponsesRoutes(responses=self.responses, check_model=check_model, read=read)
        return routes.answer(request)

    def _let_pass(self, path: str, body: Mapping[str, Any]) -> Mapping[str, Any]:
        """The body without what this server would have to refuse and lets pass."""
        endpoint = endpoint_at(path).name
        known = FIELDS.get(endpoint) or EXACT[endpoint]
        known = known | (EXTENSIONS.get(endpoint, {}) if self.extensions else {})
        companions = _COMPANIONS.get(endpoint, COMPANIONS)
        idle = {name for name, others in companions.items() if not any(body.get(other) for other in others)}
        kept = {name: value for name, value in body.items() if name in known and name not in idle}
        if kept.get("max_completion_tokens") is not None:
            kept.pop("max_tokens", None)
        if "audio" not in kept and isinstance(kept.get("modalities"), list):
            kept["modalities"] = [each for each in kept["modalities"] if each != "audio"] or None
        return kept

    def _chat(self, body: Mapping[str, Any]) -> Reply:
        self.chat.check(body)
        self.check_model(body["model"], "generate", "/v1/chat/completions")
        return self.chat.answer(body)

    def _completions(self, body: Mapping[str, Any]) -> Reply:
        self.completions.check(body)
        self.check_model(body["model"], "generate", "/v1/completions")
        return self.completions.answer(body)

    def _embeddings(self, body: Mapping[str, Any]) -> Reply:
        check_embeddings(body, self.parts)
        self.check_model(body["model"], "embed", "/v1/embeddings")
        return embed(body, self.serving)

    def _stateless(self, endpoint: type[Endpoint], body: Mapping[str, Any]) -> Reply:
        """The reply of the module here that bears the endpoint's name: its `check`, then its `answer`."""
        module = importlib.import_module(f".{endpoint.name}", __package__)
        module.check(body)
        self.check_model(body["model"], _CAN[model_for(endpoint.capability)], f"/v1{endpoint.path}")
        reply: Reply = module.answer(body)
        return reply

    def check_model(self, name: str, use: str, route: str) -> None:
        """Refuse a model that is not there, or cannot do this.

        `use`: `generate`, `embed` or `draw`. `route`: the path of the endpoint, for the message.

        Raises:
            RefusalError: 404 or 400.
        """
        if name not in _CAN:
            message = f"The model '{name[:80]}' does not exist or you do not have access to it."
            raise RefusalError(message, param="model", code="model_not_found", status=404)
        if _CAN[name] != use:
            raise RefusalError(f"The model '{name}' is not supported in the {route} endpoint.", param="model")

    def context_named(self, name: str) -> int:
        """Return how many tokens prompt and answer of the model of that name may have together."""
        return SMALL_CONTEXT if name == SMALL_MODEL else self.parts.manners.context

    def list_models(self) -> Reply:
        """GET /v1/models."""
        return json_reply({"object": "list", "data": [model_of(name) for name in _LISTED]})

    def retrieve_model(self, name: str) -> Reply:
        """GET /v1/models/{model}.

        Raises:
            RefusalError: there is none of that name.
        """
        if name not in _CAN:
            message = f"The model '{name[:80]}' does not exist"
            raise RefusalError(message, param="model", code="model_not_found", status=404)
        return json_reply(model_of(name))


def model_of(name: str) -> dict[str, Any]:
    """The description of a model."""
    return {"id": name, "object": "model", "created": CREATED, "owned_by": "selftests"}
