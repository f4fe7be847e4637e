"""A server that has operations of the SDK, all or some, and takes note of every request that would have an effect."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from operator import attrgetter
from typing import get_overloads

import openai

from conformance.checklist.operations import WEBSOCKET, Operation, load_operations

from .interface import RefusalError, Reply, Request, error_reply, json_reply

Has = Callable[[Operation], bool]


@cache
def _client() -> openai.OpenAI:
    return openai.OpenAI(api_key="none", admin_api_key="none", base_url="http://nobody.invalid")


@cache
def signatures_of(name: str) -> tuple[inspect.Signature, ...]:
    """The signatures of a method of the SDK; one, where it has no overloads."""
    function = inspect.unwrap(attrgetter(name)(_client()).__func__)
    return tuple(inspect.signature(each) for each in get_overloads(function) or [function])


def has_effect(operation: Operation, request: Request) -> bool:
    """Whether a server in which nothing has an id that begins with `zz` would do what it is asked for.

    Judged by the signatures of the SDK's methods alone, not by what is recorded of them.
    """
    if request.method == "GET" or "/zz" in request.path:
        return False
    given = {*(request.json or {}), *re.findall(r'\bname="([^"]+)', request.body.decode("utf-8", "replace"))}
    needed = (
        {name for name, each in signature.parameters.items() if each.default is each.empty} - {"self", *operation.ids}
        for signature in signatures_of(operation.name)
    )
    return request.method != "POST" or any(names <= given for names in needed)


@cache
def operations_at(path: str) -> list[Operation]:
    """The operations at a path, those first whose path has the fewest ids."""
    parts = path.removeprefix("/v1").split("/")
    found = [
        each
        for each in load_operations().values()
        if each.method != WEBSOCKET
        and len(forms := each.path.split("/")) == len(parts)
        and all(form == part or form.startswith("{") for form, part in zip(forms, parts, strict=True))
    ]
    return sorted(found, key=lambda each: len(each.ids))


def no_route(request: Request) -> Reply:
    """What OpenAI says of a route that is not there."""
    return error_reply(404, f"Invalid URL ({request.method} {request.path})")


def no_such(noun: str, name: str) -> Reply:
    """What OpenAI says of an id that nothing has."""
    return error_reply(404, f"No such {noun} object: {name}", param="id")


def missing(name: str) -> Reply:
    """What OpenAI says of a member that is not there."""
    return error_reply(400, f"Missing required parameter: '{name}'.", param=name, code="missing_required_parameter")


@dataclass(kw_only=True)
class HasOperations:
    """Has those operations of the SDK that `has` names, and nothing of what they are about."""

    has: Has = lambda _: True
    no_route: Callable[[Request], Reply] = no_route
    no_such: Callable[[str, str], Reply] = no_such
    missing: Callable[[str], Reply] = missing
    wrong_method: Callable[[Request], Reply] = lambda request: error_reply(405, f"Not allowed: {request.method}")
    always: Callable[[Request], Reply] | None = None
    """What is answered by an operation that it has, in place of all that."""
    requests: list[Request] = field(default_factory=list)
    effects: list[Request] = field(default_factory=list)

    def answer(self, request: Request) -> Reply:
        """The reply to any request."""
        self.requests.append(request)
        try:
            return self._answer(request)
        except RefusalError as refusal:
            return refusal.reply

    def _answer(self, request: Request) -> Reply:
        there = [each for each in operations_at(request.path) if self.has(each)]
        found = [each for each in there if each.method == request.method]
        if not there:
            return self.no_route(request)
        if not found:
            return self.wrong_method(request)
        if has_effect(found[0], request):
            self.effects.append(request)
        return self._reply(found[0], request) if self.always is None else self.always(request)

    def _reply(self, operation: Operation, request: Request) -> Reply:
        for part, name in zip(operation.path.split("/"), request.path.removeprefix("/v1").split("/"), strict=True):
            if part.startswith("{"):
                return self.no_such(part.strip("{}").removesuffix("_id"), name)
        for member in operation.required:
            if member not in (request.json or {}) and member not in request.query:
                return self.missing(member)
        return json_reply({"object": "list", "data": [], "has_more": False})
