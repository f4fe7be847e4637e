"""Servers that do one operation on what /v1/responses keeps in a wrong way."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from typing import cast

from .interface import RefusalError, Reply, Request, Server, json_reply
from .proxy import Body, honest
from .responses_proxy import Operates


def finds_nothing(method: str, path: str) -> Server:
    """An operation finds nothing, whatever there is."""
    missing = RefusalError("Not found.", status=404).reply
    return Operates(method=method, path=path, instead=lambda _request, _reply: missing)


def answers_with(method: str, path: str, change: Callable[[Body], Body]) -> Server:
    """What an operation answers is changed."""

    def instead(_request: Request, reply: Reply) -> Reply:
        return json_reply(change(json.loads(cast("bytes", reply.body)))) if reply.status == 200 else reply

    return Operates(method=method, path=path, instead=instead)


@dataclass(kw_only=True)
class DeletesNothing:
    """Says that a response is deleted, and keeps it."""

    inner: Server = field(default_factory=honest)

    def answer(self, request: Request) -> Reply:
        """The reply; what is to be deleted is only looked at."""
        if request.method != "DELETE" or not request.path.startswith("/v1/responses/"):
            return self.inner.answer(request)
        found = self.inner.answer(replace(request, method="GET"))
        name = request.path.rpartition("/")[2]
        told = {"id": name, "object": "response", "deleted": True}
        return json_reply(told) if found.status == 200 else found


@dataclass(kw_only=True)
class StreamsFromTheStart:
    """Streams the whole again, wherever it is to start."""

    inner: Server = field(default_factory=honest)

    def answer(self, request: Request) -> Reply:
        """The reply to a request that names no start."""
        return self.inner.answer(replace(request, query=re.sub("starting_after=[0-9]+", "", request.query)))


_ONE, _ITEMS = "/v1/responses/[^/]+", "/v1/responses/[^/]+/input_items"

OPERATION_FAULTS: dict[str, tuple[str, Callable[[], Server]]] = {
    "retrieves_another_status": (
        "responses/operations/retrieve",
        partial(answers_with, "GET", _ONE, lambda made: {**made, "status": "in_progress", "output": []}),
    ),
    "streams_from_the_start": ("responses/operations/retrieve/stream", StreamsFromTheStart),
    "deletes_nothing": ("responses/operations/delete", DeletesNothing),
    "cancels_nothing": (
        "responses/operations/cancel",
        partial(answers_with, "POST", f"{_ONE}/cancel", lambda made: {**made, "status": "in_progress"}),
    ),
    "lists_no_items": (
        "responses/operations/input_items",
        partial(answers_with, "GET", _ITEMS, lambda made: {**made, "data": [], "first_id": "", "last_id": ""}),
    ),
    "lists_items_the_other_way": (
        "responses/operations/input_items",
        partial(answers_with, "GET", _ITEMS, lambda made: {**made, "data": made["data"][::-1]}),
    ),
    "counts_a_constant": (
        "responses/operations/input_tokens",
        partial(answers_with, "POST", "/v1/responses/input_tokens", lambda made: {**made, "input_tokens": 7}),
    ),
    "compacts_to_nothing": (
        "responses/operations/compact",
        partial(answers_with, "POST", "/v1/responses/compact", lambda made: {**made, "output": []}),
    ),
    "conversations_have_no_items": (
        "responses/operations/conversations",
        partial(answers_with, "GET", "/v1/conversations/[^/]+/items", lambda made: {**made, "data": []}),
    ),
}
"""Name -> the row that it must fail, and a maker of the server."""
