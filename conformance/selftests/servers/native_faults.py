"""Servers with a native API and one fault each: a class overrides one method of the honest one, and nothing else."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from .behaviours import Strips
from .interface import CutError, HangError, RefusalError, Reply, Request, json_reply
from .native import CHAT, FROM_A_HOST, Model, ModelName, NativeServer, Render, parse_name

Body = Mapping[str, Any]


def changed(reply: Reply, change: Callable[[dict[str, Any]], dict[str, Any]]) -> Reply:
    """Return an accepted reply with another JSON body; an error and a stream as they are."""
    if reply.status != 200 or not isinstance(reply.body, bytes):
        return reply
    return json_reply(change(json.loads(reply.body)))


# Copies


class RefusesCopies(NativeServer):
    """Copies no model, as a server does that may only be read."""

    def copy(self, body: Body) -> Reply:  # noqa: ARG002 - whatever is asked
        """Refuse."""
        raise RefusalError("models cannot be changed on this server", status=403)


class ForgetsCopies(NativeServer):
    """Says that it copied a model, and has not."""

    def copy(self, body: Body) -> Reply:
        """Look for the source, and do nothing."""
        self.find(body.get("source"))
        return Reply(headers=())


class CopiesAndFails(NativeServer):
    """Copies a model, and says that it failed."""

    def copy(self, body: Body) -> Reply:
        """Answer with an error when it is done."""
        super().copy(body)
        return json_reply({"error": "disk quota exceeded"}, 500)


class CopiesAndIsBusy(NativeServer):
    """Copies a model, and says that it had no time for it."""

    def copy(self, body: Body) -> Reply:
        """Answer that there are too many requests when it is done."""
        super().copy(body)
        return json_reply({"error": "too many requests"}, 429)


class CopiesAndHangs(NativeServer):
    """Copies a model, and never says so."""

    def copy(self, body: Body) -> Reply:
        """Hang when it is done."""
        super().copy(body)
        raise HangError


class CopiesAndCuts(NativeServer):
    """Copies a model, and closes the connection."""

    def copy(self, body: Body) -> Reply:
        """Cut when it is done."""
        super().copy(body)
        raise CutError


class IsBusyForDeletions(NativeServer):
    """Never has time to delete a model."""

    def delete(self, body: Body) -> Reply:  # noqa: ARG002 - whatever is asked
        """Answer that there are too many requests."""
        raise RefusalError("too many requests", status=429)


class ListsNoCopies(NativeServer):
    """`/v1/models` lists the models that were there when the server started."""

    def list_models(self) -> Reply:
        """Leave the copies out."""
        started = {str(name) for name in NativeServer().models}
        keep = lambda got: {**got, "data": [each for each in got["data"] if each["id"] in started]}  # noqa: E731
        return changed(super().list_models(), keep)


class LosesCopies(NativeServer):
    """A copy stands in every list, and is not found by its name, as one that is deleted in between."""

    def retrieve_model(self, name: str) -> Reply:
        """Find no copy."""
        NativeServer().find(name)
        return super().retrieve_model(name)


class KnowsNoCopyInChat(NativeServer):
    """Chat knows the models that were there when the server started."""

    def _chat(self, body: Body) -> Reply:
        NativeServer().find(body["model"])
        return super()._chat(body)


class KnowsNoCopyInCompletions(NativeServer):
    """Completions know the models that were there when the server started."""

    def _completions(self, body: Body) -> Reply:
        NativeServer().find(body["model"])
        return super()._completions(body)


class EmbedsWithEmbeddingModels(NativeServer):
    """Embeds with no model that can chat, as Ollama 0.32.15."""

    def _embeddings(self, body: Body) -> Reply:
        if "generate" in self.find(body["model"]).uses:
            message = "This server does not support embeddings. Start it with `--embeddings`"
            raise RefusalError(message, status=501)
        return super()._embeddings(body)


class NamesTheSourceInChat(NativeServer):
    """`model` of a chat is the model that was copied, not the name that was asked."""

    def _chat(self, body: Body) -> Reply:
        return changed(super()._chat(body), lambda got: {**got, "model": CHAT})


class NamesTheSourceInCompletions(NativeServer):
    """`model` of a completion is the model that was copied, not the name that was asked."""

    def _completions(self, body: Body) -> Reply:
        return changed(super()._completions(body), lambda got: {**got, "model": CHAT})


class NamesTheSourceInEmbeddings(NativeServer):
    """`model` of embeddings is the model that was copied, not the name that was asked."""

    def _embeddings(self, body: Body) -> Reply:
        return changed(super()._embeddings(body), lambda got: {**got, "model": CHAT})


def _is_copy(body: Body) -> bool:
    return parse_name(body["model"]) not in NativeServer().models


class ChatsWithoutChoices(NativeServer):
    """A copy's answer to a chat has no choices."""

    def _chat(self, body: Body) -> Reply:
        reply = super()._chat(body)
        return changed(reply, lambda got: {**got, "choices": []}) if _is_copy(body) else reply


class CompletesWithoutChoices(NativeServer):
    """A copy's completion has no choices."""

    def _completions(self, body: Body) -> Reply:
        reply = super()._completions(body)
        return changed(reply, lambda got: {**got, "choices": []}) if _is_copy(body) else reply


class EmbedsWithoutVectors(NativeServer):
    """A copy's embeddings are an empty list."""

    def _embeddings(self, body: Body) -> Reply:
        reply = super()._embeddings(body)
        return changed(reply, lambda got: {**got, "data": []}) if _is_copy(body) else reply


# Lists of models


class CreatesNow(NativeServer):
    """`created` is the time of the request."""

    def created(self, model: Model) -> int:  # noqa: ARG002 - whatever model
        """Return now."""
        return int(time.time())


class CreatesInMilliseconds(NativeServer):
    """`created` is in milliseconds."""

    def created(self, model: Model) -> int:
        """Return a thousand times as much."""
        return model.modified // 10**6


class CreatesInLocalTime(NativeServer):
    """`created` counts from midnight of the server's own zone."""

    def created(self, model: Model) -> int:
        """Return seconds that are seven hours off."""
        return super().created(model) - 7 * 3600


class TagsNothing(NativeServer):
    """`/api/tags` is empty."""

    def tags(self) -> Reply:
        """Return no model."""
        return json_reply({"models": []})


class HasNoTags(NativeServer):
    """`/api/tags` is not there."""

    def tags(self) -> Reply:
        """Refuse."""
        raise RefusalError("not found", status=404)


class ListsNothing(NativeServer):
    """`/v1/models` is empty."""

    def list_models(self) -> Reply:
        """Return no model."""
        return json_reply({"object": "list", "data": []})


class OwnsAllInLibrary(NativeServer):
    """`owned_by` is `library`, whatever the namespace."""

    def owner(self, name: ModelName) -> str:  # noqa: ARG002 - whatever name
        """Return the usual namespace."""
        return "library"


class OwnsByHost(NativeServer):
    """`owned_by` is the first part of the name: the host, where there is one."""

    def owner(self, name: ModelName) -> str:
        """Return the host of a name that has one."""
        return name.namespace if name.host == ModelName.host else name.host


# One model


class FindsWholeNamesOnly(NativeServer):
    """`/v1/models/{model}` demands the tag."""

    def retrieve_model(self, name: str) -> Reply:
        """Find none without a tag."""
        if ":" not in name:
            raise RefusalError(f"model '{name}' not found", status=404)
        return super().retrieve_model(name)


class FindsAnotherWithoutTag(NativeServer):
    """`/v1/models/{model}` takes a name without a tag for another model's."""

    def retrieve_model(self, name: str) -> Reply:
        """Describe another, if there is one of that name."""
        self.find(name)
        return super().retrieve_model(name if ":" in name else FROM_A_HOST)


class FindsNoSlash(NativeServer):
    """`/v1/models/{model}` is one segment of the path, as at Ollama 0.6.8 to 0.32.15: a slash is another route."""

    def answer(self, request: Request) -> Reply:
        """Know no route with a segment more."""
        if request.path.startswith("/v1/models/") and "/" in request.path.removeprefix("/v1/models/"):
            return Reply(status=404, headers=(("content-type", "text/plain"),), body=b"404 page not found")
        return super().answer(request)


class FindsTheLastSegment(NativeServer):
    """`/v1/models/{model}` reads what stands behind the last slash, and answers in that name."""

    def retrieve_model(self, name: str) -> Reply:
        """Look for the name without its namespace; any tag will do."""
        return super().retrieve_model(name if "/" not in name else CHAT)


class FindsAnyName(NativeServer):
    """`/v1/models/{model}` describes a model of any name, there or not."""

    def retrieve_model(self, name: str) -> Reply:
        """Describe it."""
        known = self.models.get(parse_name(name), self.find(CHAT))
        return json_reply(self.entry(name, parse_name(name), known))


# Contexts


class IgnoresNumCtx(NativeServer):
    """`num_ctx` is not read: every model has the usual context."""

    def context_of(self, model: Model) -> int:  # noqa: ARG002 - whatever model
        """Return the usual context."""
        return self.default_context


class RefusesLongConversations(NativeServer):
    """A conversation that the context does not hold is refused."""

    def fit(self, messages: Sequence[Any], num_ctx: int, render: Render) -> tuple[int, ...]:
        """Drop nothing."""
        tokens = render(messages)
        if len(tokens) > num_ctx:
            raise RefusalError("the prompt is longer than the context", param="messages")
        return tokens


class CutsTheEnd(NativeServer):
    """Of a conversation that the context does not hold the beginning is kept: the model never reads the question."""

    def fit(self, messages: Sequence[Any], num_ctx: int, render: Render) -> tuple[int, ...]:
        """Cut behind."""
        return render(messages)[:num_ctx]


class CutsTheBeginning(NativeServer):
    """Of a conversation that the context does not hold the last tokens are kept, whatever message they are of."""

    def fit(self, messages: Sequence[Any], num_ctx: int, render: Render) -> tuple[int, ...]:
        """Cut in front."""
        return render(messages)[-num_ctx:]


class DropsTheFirstMessage(NativeServer):
    """The first of several messages is always dropped."""

    def fit(self, messages: Sequence[Any], num_ctx: int, render: Render) -> tuple[int, ...]:
        """Begin with the second."""
        return super().fit(messages[1:] or messages, num_ctx, render)


class DropsAllButTheLast(NativeServer):
    """The model reads the last message alone."""

    def fit(self, messages: Sequence[Any], num_ctx: int, render: Render) -> tuple[int, ...]:
        """Begin with the last."""
        return super().fit(messages[-1:], num_ctx, render)


class RefusesLongBodies(NativeServer):
    """Chats of more than three thousand bytes are refused, as by a proxy with a limit."""

    def _chat(self, body: Body) -> Reply:
        if len(json.dumps(body)) > 3000:
            raise RefusalError("Request Entity Too Large", status=413)
        return super()._chat(body)


def _with_prompt_tokens(reply: Reply, count: int | None) -> Reply:
    usage = {} if count is None else {"prompt_tokens": count, "completion_tokens": 1, "total_tokens": count + 1}
    return changed(reply, lambda got: {**got, "usage": usage or None})


class CountsNothing(NativeServer):
    """Answers of chat have no usage."""

    def _chat(self, body: Body) -> Reply:
        return _with_prompt_tokens(super()._chat(body), None)


class CountsZero(NativeServer):
    """The usage of a chat is zero."""

    def _chat(self, body: Body) -> Reply:
        return _with_prompt_tokens(super()._chat(body), 0)


class CountsEveryPromptAlike(NativeServer):
    """The usage of a chat is the same whatever is asked."""

    def _chat(self, body: Body) -> Reply:
        return _with_prompt_tokens(super()._chat(body), 20)


def cannot_chat(server: NativeServer) -> Strips:
    """Return the server behind a proxy that takes the messages out of every chat: no control works."""
    return Strips(inner=server, field="messages")
