"""The routes of responses and conversations: which method of which path does what."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs

from .checks import Check, array, missing, nullable, one_of, record
from .interface import RefusalError, Reply, Request, json_reply
from .requests import not_allowed
from .responses import Responses, compaction_of
from .responses_fields import COMPACT, INCLUDE, INPUT_TOKENS
from .responses_input import Item, items_of, new_id
from .responses_items import ITEM
from .responses_object import usage_of
from .responses_state import MAX_PAGE, page_of
from .settings import given
from .shared_fields import METADATA

Handler = Callable[..., Reply]
"""Takes the request, and the ids that stand in its path."""

MAX_ITEMS = 20
"""Items that are added to a conversation at a time."""

_ITEMS = array(ITEM, most=MAX_ITEMS)
_COUNT = record(INPUT_TOKENS)
_COMPACT = record(COMPACT, required=("model",))
_BEGIN = record({"items": nullable(_ITEMS), "metadata": nullable(METADATA)})
_UPDATE = record({"metadata": nullable(METADATA)}, required=("metadata",))
_ADD = record({"items": _ITEMS}, required=("items",))


@dataclass(frozen=True, kw_only=True)
class ResponsesRoutes:
    """Answers what is asked below `/v1/responses` and `/v1/conversations`."""

    responses: Responses
    check_model: Callable[[str], None]
    """Refuses the name of a model that is not there, or does not generate."""
    read: Callable[[Request], Mapping[str, Any]]
    """Request -> the JSON object of its body."""

    def routes(self) -> Mapping[str, Mapping[str, Handler]]:
        """Return path -> method -> what answers it; the first path that fits is taken."""
        return {
            "/responses": {"POST": self.create},
            "/responses/input_tokens": {"POST": self.count},
            "/responses/compact": {"POST": self.compact},
            "/responses/{}": {"GET": self.retrieve, "DELETE": self.delete},
            "/responses/{}/cancel": {"POST": self.cancel},
            "/responses/{}/input_items": {"GET": self.list_input},
            "/conversations": {"POST": self.begin},
            "/conversations/{}": {
                "GET": self.retrieve_conversation,
                "POST": self.update_conversation,
                "DELETE": self.delete_conversation,
            },
            "/conversations/{}/items": {"GET": self.list_items, "POST": self.add_items},
            "/conversations/{}/items/{}": {"GET": self.retrieve_item, "DELETE": self.delete_item},
        }

    def answer(self, request: Request) -> Reply:
        """Return the reply to a request.

        Raises:
            RefusalError: there is no such route, or it refuses the request.
        """
        path = request.path.removeprefix("/v1")
        for route, methods in self.routes().items():
            found = re.fullmatch(route.replace("{}", "([^/]+)"), path)
            if found is None:
                continue
            if request.method not in methods:
                return not_allowed(request, ", ".join(methods))
            return methods[request.method](request, *found.groups())
        raise RefusalError(f"Invalid URL ({request.method} {request.path[:80]})", status=404)

    # Responses

    def create(self, request: Request) -> Reply:
        """POST /responses."""
        body = self.read(request)
        self.responses.check(body)
        self.check_model(body["model"])
        return self.responses.answer(body)

    def count(self, request: Request) -> Reply:
        """POST /responses/input_tokens: as many as a response to the same would have read."""
        body = self._read(request, _COUNT)
        turn = self.responses.turn({**body, "model": self._model(body)})
        count = self.responses.chat.serving.prompt_count(turn.prompt)
        return json_reply({"object": "response.input_tokens", "input_tokens": count})

    def compact(self, request: Request) -> Reply:
        """POST /responses/compact: what the user said stays, and all else becomes one item."""
        body = self._read(request, _COMPACT)
        turn = self.responses.turn({**body, "model": self._model(body)})
        items = [*turn.earlier, *turn.asked]
        kept = [item for item in items if item["type"] == "message" and item["role"] == "user"]
        compacted = compaction_of([item for item in items if item not in kept])
        serving = self.responses.chat.serving
        count = serving.text_count(serving.parts.vocabulary.encode(compacted["encrypted_content"]))
        return json_reply(
            {
                "id": new_id("resp"),
                "object": "response.compaction",
                "created_at": int(time.time()),
                "output": [*kept, compacted],
                "usage": usage_of(serving.prompt_count(turn.prompt), count, 0),
            }
        )

    def _model(self, body: Mapping[str, Any]) -> str:
        name = body.get("model")
        if name is None:
            raise missing("model")
        self.check_model(name)
        return str(name)

    def retrieve(self, request: Request, name: str) -> Reply:
        """GET /responses/{id}, or its events above a number."""
        kept = self.responses.archive.record(name)
        query = _Query.of(request)
        INCLUDE("include", query.several("include"))
        if query.one("stream") != "true":
            return json_reply(kept.look())
        if not kept.is_background:
            raise RefusalError("Only responses created with 'background' can be streamed.", param="stream")
        return self.responses.stream(kept.events(query.number("starting_after", -1)))

    def delete(self, _: Request, name: str) -> Reply:
        """DELETE /responses/{id}."""
        self.responses.archive.drop_record(name)
        return json_reply({"id": name, "object": "response", "deleted": True})

    def cancel(self, _: Request, name: str) -> Reply:
        """POST /responses/{id}/cancel."""
        return json_reply(self.responses.archive.record(name).cancel())

    def list_input(self, request: Request, name: str) -> Reply:
        """GET /responses/{id}/input_items."""
        return _page(request, self.responses.archive.record(name).asked)

    # Conversations

    def begin(self, request: Request) -> Reply:
        """POST /conversations."""
        body = self._read(request, _BEGIN) if request.body else {}
        items = self.responses.archive.resolve(items_of(body.get("items")))
        return json_reply(self.responses.archive.begin(items, given(body, "metadata", {})).described())

    def retrieve_conversation(self, _: Request, name: str) -> Reply:
        """GET /conversations/{id}."""
        return json_reply(self.responses.archive.conversation(name).described())

    def update_conversation(self, request: Request, name: str) -> Reply:
        """POST /conversations/{id}."""
        found = self.responses.archive.conversation(name)
        found.metadata = given(self._read(request, _UPDATE), "metadata", {})
        return json_reply(found.described())

    def delete_conversation(self, _: Request, name: str) -> Reply:
        """DELETE /conversations/{id}."""
        self.responses.archive.drop_conversation(name)
        return json_reply({"id": name, "object": "conversation.deleted", "deleted": True})

    def list_items(self, request: Request, name: str) -> Reply:
        """GET /conversations/{id}/items."""
        return _page(request, self.responses.archive.conversation(name).items)

    def add_items(self, request: Request, name: str) -> Reply:
        """POST /conversations/{id}/items."""
        found = self.responses.archive.conversation(name)
        added = self.responses.archive.resolve(items_of(self._read(request, _ADD)["items"]))
        found.items += added
        return json_reply(page_of(added, order="asc", limit=MAX_ITEMS))

    def retrieve_item(self, _: Request, name: str, item: str) -> Reply:
        """GET /conversations/{id}/items/{item}."""
        return json_reply(self.responses.archive.conversation(name).item(item))

    def delete_item(self, _: Request, name: str, item: str) -> Reply:
        """DELETE /conversations/{id}/items/{item}."""
        found = self.responses.archive.conversation(name)
        found.items.remove(found.item(item))
        return json_reply(found.described())

    def _read(self, request: Request, check: Check) -> Mapping[str, Any]:
        body = self.read(request)
        check("", body)
        return body


@dataclass(frozen=True, kw_only=True)
class _Query:
    """The query of a request."""

    values: Mapping[str, list[str]]

    @classmethod
    def of(cls, request: Request) -> _Query:
        return cls(values=parse_qs(request.query, keep_blank_values=True))

    def one(self, name: str) -> str | None:
        """Return the value of a parameter, None where it is not there."""
        return self.values.get(name, [None])[-1]

    def several(self, name: str) -> list[str]:
        """Return the values of a parameter that may be there several times, with brackets or without."""
        return [*self.values.get(name, ()), *self.values.get(f"{name}[]", ())]

    def number(self, name: str, default: int) -> int:
        """Return the value of a parameter that is a whole number.

        Raises:
            RefusalError: it is none.
        """
        text = self.one(name)
        if text is None:
            return default
        if not text.isdecimal():
            raise RefusalError(f"Invalid '{name}': expected an integer.", param=name, code="invalid_type")
        return int(text)


def _page(request: Request, items: Sequence[Item]) -> Reply:
    query = _Query.of(request)
    include = query.several("include")
    INCLUDE("include", include)
    order = query.one("order") or "desc"
    one_of("asc", "desc")("order", order)
    limit = query.number("limit", 20)
    if not 1 <= limit <= MAX_PAGE:
        raise RefusalError(f"Invalid 'limit': expected 1 to {MAX_PAGE}.", param="limit", code="invalid_value")
    shown = items if "message.input_image.image_url" in include else [_without_pictures(item) for item in items]
    return json_reply(page_of(shown, order=order, after=query.one("after"), limit=limit))


def _without_pictures(item: Item) -> Item:
    """Return the item without the addresses of pictures, which are told only where they are asked for."""
    if item["type"] != "message":
        return item
    parts = [{**part, "image_url": None} if part.get("type") == "input_image" else part for part in item["content"]]
    return {**item, "content": parts}
