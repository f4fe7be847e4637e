"""Every operation of the installed SDK, as it sends it: `ledger.py` writes them to `checklist/data/operations.json`.

Each method that speaks to the API by itself is called once with the fewest arguments, and what it would send is
caught before it leaves the process. Nothing here is read from the SDK's text but which methods those are.
"""

from __future__ import annotations

import inspect
import json
import logging
import re
import warnings
from collections.abc import Callable, Iterator
from itertools import product
from typing import Any, get_overloads
from urllib.parse import unquote

import httpx
import openai
from openai._compat import cached_property
from openai._resource import SyncAPIResource

from conformance.checklist.operations import WEBSOCKET

_SENDS = re.compile(r"\bself\._(get|get_api_list|post|put|patch|delete)\(")
_PART = re.compile(r'\bname="([^"\[]+)')
_FILES: tuple[object, ...] = (b"zz", [b"zz"])
"""Tried where an argument's own name is not taken: the SDK looks into files before it sends them."""


class _CaughtError(Exception):
    """What the SDK would have sent."""

    def __init__(self, request: httpx.Request) -> None:
        super().__init__()
        self.request = request


class _Catching(httpx.BaseTransport):
    def handle_request(self, request: httpx.Request) -> httpx.Response:
        request.read()
        raise _CaughtError(request)


def sdk_operations() -> dict[str, dict[str, Any]]:
    """Return the operations by name, such as `chat.completions.create`: resources in the SDK's order."""
    logging.getLogger("openai").addHandler(logging.NullHandler())  # it warns of the values that it is given here
    with httpx.Client(transport=_Catching()) as http:
        client = openai.OpenAI(
            api_key="none",
            admin_api_key="none",
            base_url="http://nobody.invalid",
            http_client=http,
            max_retries=0,
        )
        with warnings.catch_warnings(action="ignore", category=DeprecationWarning):
            return {name: _describe(method) for name, method in _walk(client, (), set())}


def _walk(resource: object, trail: tuple[str, ...], seen: set[type]) -> Iterator[tuple[str, Callable[..., Any]]]:
    """Yield the methods of a resource that send a request of their own, then those of the resources below.

    A resource that can be reached by two ways (`beta.chat` is `chat`) counts by the first of them.
    """
    if type(resource) in seen:
        return
    seen.add(type(resource))
    own = {name: value for each in reversed(type(resource).__mro__) for name, value in vars(each).items()}
    if trail:
        for name, function in own.items():
            if inspect.isfunction(function) and not name.startswith("_") and _is_operation(name, function):
                yield ".".join((*trail, name)), getattr(resource, name)
    for name, attribute in own.items():
        if isinstance(attribute, cached_property):
            below = getattr(resource, name)
            if isinstance(below, SyncAPIResource):
                yield from _walk(below, (*trail, name), seen)


def _is_operation(name: str, function: Callable[..., Any]) -> bool:
    return name == "connect" or bool(_SENDS.search(inspect.getsource(inspect.unwrap(function))))


def _describe(method: Callable[..., Any]) -> dict[str, Any]:
    """Return the attributes of a `checklist.operations.Operation` that are not at their default."""
    if method.__name__ == "connect":
        return {"method": WEBSOCKET}
    function = inspect.unwrap(method)
    signatures = [_due(each) for each in get_overloads(getattr(function, "__func__", function)) or [function]]
    requests = [_caught(method, due) for due in signatures]
    first = requests[0]
    found = {
        "method": first.method,
        "path": unquote(first.url.raw_path.decode().partition("?")[0]),
        "required": _join([_members(request, due) for request, due in zip(requests, signatures, strict=True)]),
        "query": "beta=true" if first.url.params.get("beta") == "true" else "",
        "beta": first.headers.get("openai-beta", ""),
        "limit": first.method == "GET" and "limit" in inspect.signature(method).parameters,
        "multipart": first.headers.get("content-type", "").startswith("multipart/"),
    }
    return {name: value for name, value in found.items() if value}


def _join(required: list[set[str]]) -> list[str]:
    """Return what every signature requires, else what any does; nothing where one of them requires nothing."""
    return sorted(set.intersection(*required) or set.union(*required)) if all(required) else []


def _due(function: Callable[..., Any]) -> list[inspect.Parameter]:
    """Return the parameters that a call must give."""
    parameters = inspect.signature(function).parameters.values()
    return [each for each in parameters if each.default is each.empty and each.name != "self"]


def _caught(method: Callable[..., Any], due: list[inspect.Parameter]) -> httpx.Request:
    """Return the request of a method that is called with the fewest arguments; each id is its name in braces."""
    given = {each.name: (f"{{{each.name}}}", *_FILES) for each in due}
    for values in product(*given.values()):
        try:
            method(**dict(zip(given, values, strict=True)))
        except _CaughtError as caught:
            return caught.request
        except (TypeError, RuntimeError, AttributeError):
            continue
    raise AssertionError(f"{method} takes none of these: {given}")


def _members(request: httpx.Request, due: list[inspect.Parameter]) -> set[str]:
    """Return the members of a body or a query that the caller must give; not those that the SDK adds by itself.

    A body that is no form and no JSON is one parameter.
    """
    names = {each.name for each in due}
    text = request.content.decode("utf-8", "replace")
    kind = request.headers.get("content-type", "")
    if not text:
        return names & {name.removesuffix("[]") for name in request.url.params}
    if kind.startswith("multipart/"):
        return names & set(_PART.findall(text))
    return names & set(json.loads(text)) if kind.startswith("application/json") else names
