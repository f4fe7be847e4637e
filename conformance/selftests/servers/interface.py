"""What a miniature server is: a function from requests to replies, and the ways in which it can fail to reply."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol


@dataclass(frozen=True, kw_only=True)
class Request:
    """A request as it came."""

    method: str
    path: str
    """Decoded, with its leading `/v1`, without the query."""
    query: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    """Names in lower case."""
    body: bytes = b""

    @property
    def json(self) -> Any:
        """The body as JSON, or None where it is none."""
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError):
            return None


@dataclass(frozen=True, kw_only=True)
class Reply:
    """A reply; a body that is no bytes goes out piece by piece, as it is made."""

    status: int = 200
    headers: tuple[tuple[str, str], ...] = (("content-type", "application/json"),)
    body: bytes | Iterable[bytes] = b""


class Server(Protocol):
    """Answers requests. It may be asked by several threads at once."""

    def answer(self, request: Request) -> Reply:
        """The reply. Raises HangError, CutError or DeadError, here or while the body is taken."""
        ...


class HangError(Exception):
    """Nothing comes any more, and the connection stays open."""


class CutError(Exception):
    """The connection is closed without the rest."""


class DeadError(Exception):
    """The server is gone: this connection is cut, and no other is taken."""


def json_reply(value: Any, status: int = 200, headers: tuple[tuple[str, str], ...] = ()) -> Reply:
    """A reply with a JSON body."""
    body = json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")
    return Reply(status=status, headers=(("content-type", "application/json"), *headers), body=body)


def error_reply(
    status: int,
    message: str,
    *,
    param: str | None = None,
    code: str | None = None,
    kind: str = "invalid_request_error",
    headers: tuple[tuple[str, str], ...] = (),
) -> Reply:
    """A reply with OpenAI's error envelope."""
    error = {"message": message, "type": kind, "param": param, "code": code}
    return json_reply({"error": error}, status, headers)


class RefusalError(Exception):
    """A request that is answered with an error."""

    def __init__(self, message: str, *, param: str | None = None, code: str | None = None, status: int = 400) -> None:
        """The members of the envelope, and the status."""
        super().__init__(message)
        self.message = message
        self.param = param
        self.code = code
        self.status = status

    @property
    def reply(self) -> Reply:
        """As a reply."""
        return error_reply(self.status, self.message, param=self.param, code=self.code)
