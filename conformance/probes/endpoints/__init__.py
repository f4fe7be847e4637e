"""The endpoints of the API: one module per endpoint, with one class that owns everything the suite knows of it.

Adding a module here is all that it takes: the classes are found by walking this package. What other packages need of
all endpoints (headings, schemas, capabilities, routes of generated text) is asked of the classes, never listed again.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Mapping
from typing import Any

from conformance.checklist.rows import GROUPS
from conformance.probes.control import CONTROL_TOKENS
from conformance.probes.repetition import is_continuation

from .chat import Chat
from .completions import Completions
from .conversation import ConversationEndpoint
from .embeddings import Embeddings
from .endpoint import Endpoint, RequestEndpoint
from .models import Models, is_addressable
from .native import Native
from .operations import Operations
from .raw import Raw
from .responses import Responses
from .text import TextEndpoint

__all__ = [
    "CONTROL_TOKENS",
    "ENDPOINTS",
    "GENERATION_ROUTES",
    "HEADINGS",
    "Chat",
    "Completions",
    "ConversationEndpoint",
    "Embeddings",
    "Endpoint",
    "Models",
    "Native",
    "Operations",
    "Raw",
    "RequestEndpoint",
    "Responses",
    "TextEndpoint",
    "capability_of",
    "endpoint_at",
    "endpoint_for_model",
    "endpoint_named",
    "is_addressable",
    "is_continuation",
]

for _module in pkgutil.iter_modules(__path__, __name__ + "."):
    importlib.import_module(_module.name)


def _documented(kind: type[Endpoint]) -> list[type[Endpoint]]:
    found = [kind] if kind.path else []
    return found + [each for below in kind.__subclasses__() for each in _documented(below)]


ENDPOINTS: tuple[type[Endpoint], ...] = tuple(
    sorted(_documented(Endpoint), key=lambda endpoint: (endpoint.position, endpoint.name))
)
"""Every endpoint with a route of its own, in the order of the matrix."""

HEADINGS: Mapping[str, str] = {endpoint.name: f"/v1{endpoint.path}" for endpoint in ENDPOINTS} | GROUPS
"""First part of a row id -> heading of the documentation, in the order of the matrix."""

GENERATION_ROUTES: Mapping[str, Mapping[str, object]] = {
    endpoint.path: endpoint.smallest
    for endpoint in ENDPOINTS
    if issubclass(endpoint, RequestEndpoint) and endpoint.generates
}
"""Routes whose answers are texts of a model -> the fewest fields that can be asked with, beside the model."""

_BY_NAME = {endpoint.name: endpoint for endpoint in ENDPOINTS}


def endpoint_named(name: str) -> type[Endpoint] | None:
    """Return the endpoint of that name, the first part of its rows' ids; None for groups of rows and unknown ids."""
    return _BY_NAME.get(name)


def endpoint_at(path: str) -> type[Endpoint]:
    """Return the endpoint at a route, such as `/chat/completions`.

    Raises:
        LookupError: there is none.
    """
    found = next((endpoint for endpoint in ENDPOINTS if endpoint.path == path), None)
    if found is None:
        raise LookupError(f"no endpoint at {path}")
    return found


def capability_of(row: str) -> str:
    """Return the capability that a row needs a model for, unless its declaration says otherwise."""
    endpoint = endpoint_named(row.partition("/")[0])
    return Endpoint.capability if endpoint is None else endpoint.capability


def endpoint_for_model(capability: str) -> type[RequestEndpoint[Any]]:
    """Return the endpoint at which a model that is declared for a capability is asked; chat unless one is its own."""
    own = (each for each in ENDPOINTS if issubclass(each, RequestEndpoint) and each.capability == capability)
    return next(own, Chat)
