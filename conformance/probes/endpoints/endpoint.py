"""What every endpoint is: facts about it as class attributes, and the ways in which probes send requests to it."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Generic, Literal, TypeVar

from conformance.probes.session import Session, drop_absent
from conformance.wire.exchange import Call, Exchange, Server, Transport

_CALL_SETTINGS = ("abort_after_events", "abort_after_seconds", "purpose", "trailing_slash")
"""Keyword arguments that belong to the call, not to the request's body."""

Response = TypeVar("Response")
"""The view through which probes read an accepted response of an endpoint."""


@dataclass(kw_only=True)
class Endpoint:
    """Something that probes speak to. An experiment gets an object of each class that annotates its parameters.

    The class attributes are all that the rest of the suite knows of an endpoint. One with a `path` has rows, a
    heading and a place in the matrix; one without is only a way of sending.
    """

    session: Session
    model: str

    name: ClassVar[str] = ""
    """First part of the ids of its rows."""
    path: ClassVar[str] = ""
    """Route below the base URL, such as `/chat/completions`."""
    position: ClassVar[int] = 100
    """Place in the matrix; endpoints of equal position are sorted by name."""
    capability: ClassVar[str] = "chat"
    """What a target must declare a model for, unless a row says otherwise. One of `rows.CAPABILITIES`."""
    server: ClassVar[Server] = "main"
    """Whose base URL the route lies below."""
    sdk_method: ClassVar[str] = ""
    """The method of the SDK's client, such as `chat.completions.create`; empty where it has none."""
    schema: ClassVar[str | None] = None
    """The JSON Schema of an accepted response, by the name of its file in `schemas/`."""
    stream_schema: ClassVar[str | None] = None
    """The JSON Schema of each event of an accepted stream; None where nothing is streamed."""
    response_rules: ClassVar[tuple[str, ...]] = ()
    """Which of the shared rules of `judge.rules.responses` hold for responses, a row `NAME/response/RULE` each."""
    stream_rules: ClassVar[tuple[str, ...]] = ()
    """Which of the shared rules of `judge.rules.streams` hold for its streams: a row `NAME/stream/RULE` each."""
    generates: ClassVar[bool] = False
    """Whether its responses are texts of a model, which may depend on what the server was asked before."""
    reference: ClassVar[str] = ""
    """Page of OpenAI's API reference, below `resources/`. The anchors of its fields stand in `checklist/data`."""
    stream_reference: ClassVar[str] = ""
    """Page about its streams."""

    @classmethod
    def answers(cls, call: Call) -> bool:
        """Tell whether a call is a request to this endpoint."""
        return call.path == cls.path

    @classmethod
    def schema_of(cls, call: Call) -> str | None:
        """Return the schema that an accepted response to a call must obey, None where there is none."""
        return cls.stream_schema if call.streams else cls.schema

    def ask_plain(self, *, stream: bool = False) -> Exchange | None:  # noqa: ARG002 - for those that have one
        """Send the request that every treatment adds one thing to, and return the exchange; None if there is none.

        Raises:
            ControlFailedError: it does not work.
        """
        return None


@dataclass(kw_only=True)
class RequestEndpoint(Endpoint, Generic[Response]):
    """An endpoint that takes a JSON object with fields, and reads them."""

    required: ClassVar[tuple[str, ...]] = ("model",)
    """Fields without which a request is refused: an error row each."""
    smallest: ClassVar[Mapping[str, Any]] = {}
    """The fewest fields, beside `model`, that make a request."""
    out_of_range: ClassVar[Mapping[str, Any]] = {}
    """Field -> a value just beyond what the clause allows: an error row each."""
    plain_after: ClassVar[Literal["errors", "failures", "nothing"]] = "errors"
    """After which answers to bad requests a plain one is sent: all errors; failures alone, not refusals, where many
    bad requests are sent; nothing where every answer costs time or money."""
    joint_fields: ClassVar[tuple[tuple[str, ...], ...]] = ()
    """Groups of fields whose nonsense is sent in one request first, since few servers read them: taken, it tells of
    each of them."""
    minimal_subject: ClassVar[Any] = None
    """What a request is about that only has to be accepted; None for the plain request's."""
    minimal_fields: ClassVar[Mapping[str, Any]] = {}
    """What keeps the response to such a request short."""
    warm_up_subject: ClassVar[Any] = None
    """What a model is asked when it is loaded."""

    @abstractmethod
    def body(self, subject: Any, /, **fields: Any) -> dict[str, Any]:
        """Return the plain request about a subject (prompt, messages, input), with the fields put over it.

        `subject` is None for the plain request's own.
        """

    @abstractmethod
    def read(self, exchange: Exchange) -> Response:
        """Return the view of an accepted response."""

    def minimal_body(self) -> dict[str, Any]:
        """Return the smallest request, as `attempt_raw` takes it."""
        return {"model": self.model, **self.smallest}

    def ask(
        self, subject: Any = None, /, *, repetition: int = 0, transport: Transport | None = None, **fields: Any
    ) -> Response:
        """Send a treatment.

        Raises:
            RequestRejectedError, RequestFailedError: the server did not take it.
        """
        return self.read(self.session.send_treatment(self._call(subject, repetition, transport, fields)))

    def attempt(
        self, subject: Any = None, /, *, repetition: int = 0, transport: Transport | None = None, **fields: Any
    ) -> Exchange:
        """Send a request that may come to anything, and return the exchange."""
        return self.session.send_any(self._call(subject, repetition, transport, fields))

    def ask_control(
        self, subject: Any = None, /, *, repetition: int = 0, transport: Transport | None = None, **fields: Any
    ) -> Response:
        """Send a request that must work.

        Raises:
            ControlFailedError: it does not.
        """
        return self.read(self.session.send_control(self._call(subject, repetition, transport, fields)))

    def ask_prerequisite(
        self, subject: Any = None, /, *, repetition: int = 0, transport: Transport | None = None, **fields: Any
    ) -> Response:
        """Send what a treatment stands on, where a field beside the row's own has to be taken.

        Raises:
            RequestRejectedError, RequestFailedError: the server did not take it, and so cannot take the row's.
        """
        return self.read(self.session.send_prerequisite(self._call(subject, repetition, transport, fields)))

    def ask_minimal(self, **fields: Any) -> Response:
        """Send a treatment that only has to be accepted, with a response as short as possible.

        Raises:
            RequestRejectedError, RequestFailedError: the server did not take it.
        """
        return self.ask(self.minimal_subject, **{**self.minimal_fields, **fields})

    def attempt_minimal(self, *, transport: Transport | None = None, **fields: Any) -> Exchange:
        """Send such a request that may come to anything, and return the exchange."""
        return self.attempt(self.minimal_subject, transport=transport, **{**self.minimal_fields, **fields})

    def ask_minimal_control(self) -> Exchange:
        """Send such a request that must work, and return the exchange: the bad ones of `errors` stand beside it.

        Raises:
            ControlFailedError: it does not.
        """
        return self.session.send_control(self._call(self.minimal_subject, 0, None, self.minimal_fields))

    def attempt_raw(
        self, path: str = "", *, raw: str | None = None, body: Any = None, method: str = "POST"
    ) -> Exchange:
        """Send a request that the SDK has no method for, by the SDK's own `post` or `get`, and return the exchange.

        `path`: another route than this endpoint's. `raw`: the body byte for byte, in place of `body`.
        """
        return self.session.send_any(
            Call(
                path=path or self.path,
                method=method,
                raw=raw,
                body=body,
                transport="sdk_raw_body",
                server=self.server,
            )
        )

    def warm_up_call(self) -> Call:
        """Return the call that makes the server load the model."""
        return self._call(self.warm_up_subject, 0, None, {**self.minimal_fields, "purpose": "warm_up"})

    def ask_plain(self, *, stream: bool = False) -> Exchange:
        """Send the plain request, streamed where that is asked for and the endpoint streams.

        Raises:
            ControlFailedError: it does not work.
        """
        fields = {"stream": True} if stream and self.stream_schema else {}
        return self.session.send_control(self._call(None, 0, None, fields))

    def _call(self, subject: Any, repetition: int, transport: Transport | None, fields: Mapping[str, Any]) -> Call:
        settings = {name: value for name, value in fields.items() if name in _CALL_SETTINGS}
        given = {name: value for name, value in fields.items() if name not in _CALL_SETTINGS}
        return Call(
            path=self.path,
            body=drop_absent(self.body(subject, **given)),
            repetition=repetition,
            transport=transport or ("sdk" if self.sdk_method else "sdk_raw_body"),
            server=self.server,
            sdk_method=self.sdk_method,
            **settings,
        )
