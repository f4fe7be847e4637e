"""The operations of the SDK: which requests it can make, and what each of them needs. Data, written by a command."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources

WEBSOCKET = "WEBSOCKET"
"""In place of an HTTP method: the operation opens a WebSocket."""


@dataclass(frozen=True, kw_only=True)
class Operation:
    """A method of the SDK's client that sends a request of its own."""

    name: str
    """As the SDK spells it: `vector_stores.files.list`."""
    method: str
    """`GET`, `POST`, `DELETE`, ..., or `WEBSOCKET`."""
    path: str = ""
    """Below the base URL, with the ids in braces: `/vector_stores/{vector_store_id}/files`."""
    required: tuple[str, ...] = ()
    """Members of the body, or parameters of the query, without which the SDK makes no request: of one with several
    signatures those that all of them require, else all that any does. Empty where one signature requires nothing."""
    query: str = ""
    """What the SDK always puts after the path: `beta=true`."""
    beta: str = ""
    """The header `OpenAI-Beta` that the SDK sends."""
    limit: bool = False
    """Whether it is a list that takes `limit`."""
    multipart: bool = False
    """Whether the body is a form, which may hold files."""

    @property
    def row(self) -> str:
        """Id of the row that tells whether a server has it."""
        return f"operations/{self.name.replace('.', '/')}"

    @property
    def ids(self) -> tuple[str, ...]:
        """Names of the ids in its path."""
        return tuple(re.findall(r"{(\w+)}", self.path))


@cache
def load_operations() -> Mapping[str, Operation]:
    """Return name -> operation, resources in the SDK's order.

    Written by `python -m conformance.selftests.ledger --write`, from what the SDK's methods send.
    """
    file = resources.files(__package__).joinpath("data", "operations.json")
    known = json.loads(file.read_text(encoding="utf-8"))
    return {
        name: Operation(name=name, **{**about, "required": tuple(about.get("required", ()))})
        for name, about in known.items()
    }
