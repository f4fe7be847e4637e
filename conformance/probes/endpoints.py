"""The endpoints as probes speak to them. A probe gets the one that its parameter names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from conformance.wire.exchange import Call, Exchange, Transport

from .response_views import EmbeddingResponse, TextResponse
from .session import RequestFailedError, RequestRejectedError, Session, UndeterminedError, drop_absent

CONTROL_TOKENS = 24
"""Tokens of a control. Long enough to cut, to penalise and to compare; no prose prompt ends within it."""

STREAM_WITH_USAGE: Mapping[str, Any] = {"stream": True, "stream_options": {"include_usage": True}}
"""What asks for a stream that ends with its usage."""


_CALL_SETTINGS = ("abort_after_events", "abort_after_seconds", "purpose", "trailing_slash")
"""Keyword arguments that belong to the call, not to the request's body."""


def is_continuation(longer: str, text: str) -> bool:
    """Whether a text with a token more is the same text. A limit may cut a character, and a server trim a space."""
    return longer.startswith(text.rstrip().rstrip("\ufffd").rstrip())


@dataclass(kw_only=True)
class TextEndpoint:
    """What chat and completions share: prompts, controls, treatments."""

    session: Session
    model: str

    name: ClassVar[str]
    path: ClassVar[str]
    prompts: ClassVar[tuple[str, ...]]
    """Three, and a spare. Of several hundred, those that SmolLM2-135M is surest of: in each of the first 24 tokens,
    raw and in its chat template, its first choice leads the second by 0.2 nats, the spare's by 0.15. Where the lead
    was 0.004, rounding decided, and so what the server held in its cache."""

    def body(self, prompt: Any, /, **fields: Any) -> dict[str, Any]:
        """A greedy request of `SAID` tokens, with the fields put over it."""
        raise NotImplementedError

    def ask(
        self, prompt: Any = None, /, *, repetition: int = 0, transport: Transport = "sdk", **fields: Any
    ) -> TextResponse:
        """A treatment.

        Raises:
            Refused, Failed: the server did not take it.
        """
        return TextResponse(self.session.send_treatment(self._call(prompt, repetition, transport, fields)))

    def attempt(
        self, prompt: Any = None, /, *, repetition: int = 0, transport: Transport = "sdk", **fields: Any
    ) -> Exchange:
        """A request that may come to anything."""
        return self.session.send_any(self._call(prompt, repetition, transport, fields))

    def ask_control(
        self, prompt: Any = None, /, *, repetition: int = 0, transport: Transport = "sdk", **fields: Any
    ) -> TextResponse:
        """A request that must work.

        Raises:
            ControlFailed: it does not.
        """
        return TextResponse(self.session.send_control(self._call(prompt, repetition, transport, fields)))

    def ask_prerequisite(
        self, prompt: Any = None, /, *, repetition: int = 0, transport: Transport = "sdk", **fields: Any
    ) -> TextResponse:
        """What a treatment is compared with and stands on, where a field beside the row's own has to be taken.

        Raises:
            Refused, Failed: the server did not take it, and so cannot take the row's.
        """
        return TextResponse(self.session.send_prerequisite(self._call(prompt, repetition, transport, fields)))

    def ask_stream_with_usage(self, prompt: Any = None, /, **fields: Any) -> TextResponse:
        """A treatment that streams, with its usage where the server can tell that of a stream.

        Raises:
            Refused, Failed: the server did not take it, with the usage nor without.
        """
        try:
            return self.ask(prompt, **fields, **STREAM_WITH_USAGE)
        except (RequestRejectedError, RequestFailedError):
            return self.ask(prompt, **fields, stream=True)

    def ask_minimal(self, **fields: Any) -> TextResponse:
        """A treatment of one token, for what only has to be accepted.

        Raises:
            Refused, Failed: the server did not take it.
        """
        return self.ask(**{"max_tokens": 1, **fields})

    def attempt_minimal(self, *, transport: Transport = "sdk", **fields: Any) -> Exchange:
        """A request of one token that may come to anything."""
        return self.attempt(transport=transport, **{"max_tokens": 1, **fields})

    def _call(self, prompt: Any, repetition: int, transport: Transport, fields: dict[str, Any]) -> Call:
        settings = {name: fields.pop(name) for name in _CALL_SETTINGS if name in fields}
        body = drop_absent(self.body(self.prompts[0] if prompt is None else prompt, **fields))
        return Call(path=self.path, body=body, repetition=repetition, transport=transport, **settings)

    def repeat_control(self, prompt: str) -> TextResponse:
        """The greedy control once more. It may say one token more: a cache of whole requests does not know it.

        Raises:
            ControlFailed: it does not work.
        """
        return self.ask_control(prompt, max_tokens=CONTROL_TOKENS + 1)

    def has_stable_prompt_count(self, prompt: str) -> bool:
        """Whether one prompt counts as many tokens each time: some servers count only what they have not cached."""
        return self.ask_control(prompt).prompt_tokens == self.repeat_control(prompt).prompt_tokens

    def find_repeatable_controls(self, count: int = 3) -> list[tuple[str, TextResponse]]:
        """Prompts and their greedy controls, each asked twice and equal as far as both go.

        A prompt whose text changes, as rounding may do to one, is passed over for a spare.

        Raises:
            CannotTell: too few prompts get equal text twice, or the model said nothing.
        """
        found: list[tuple[str, TextResponse]] = []
        doubt = ""
        for prompt in self.prompts:
            if len(found) == count:
                break
            control, again = self.ask_control(prompt), self.repeat_control(prompt)
            if not control.text.strip():
                raise UndeterminedError("the control said nothing")
            if is_continuation(again.text, control.text):
                found.append((prompt, control))
            else:
                doubt = "two equal requests at temperature 0 were answered differently"
        if len(found) < count:
            raise UndeterminedError(doubt)
        return found


class Chat(TextEndpoint):
    """/v1/chat/completions."""

    name = "chat"
    path = "/chat/completions"
    prompts = (
        "Describe the piano in great detail.",
        "Write a long text about chocolate.",
        "Tell me about elephants.",
        "Describe tea in great detail.",
    )

    def body(self, prompt: Any, /, **fields: Any) -> dict[str, Any]:
        """`prompt` is the user's text, or the messages."""
        messages = [{"role": "user", "content": prompt}] if isinstance(prompt, str) else prompt
        body = {"model": self.model, "messages": messages, "temperature": 0, "max_tokens": CONTROL_TOKENS, **fields}
        if isinstance(fields.get("max_completion_tokens"), int):
            del body["max_tokens"]  # OpenAI refuses the two together
        return body


class Completions(TextEndpoint):
    """/v1/completions."""

    name = "completions"
    path = "/completions"
    prompts = (
        "Describe the planet Mars in great detail.",
        "Describe castles in great detail.",
        "Describe the Sun in great detail.",
        "Describe the Grand Canyon in great detail.",
    )

    def body(self, prompt: Any, /, **fields: Any) -> dict[str, Any]:
        """`prompt` is any of the four forms."""
        return {"model": self.model, "prompt": prompt, "temperature": 0, "max_tokens": CONTROL_TOKENS, **fields}


@dataclass(kw_only=True)
class Embeddings:
    """/v1/embeddings."""

    session: Session
    model: str

    name: ClassVar[str] = "embeddings"

    def ask(
        self, given: Any, /, *, transport: Transport = "sdk", repetition: int = 0, **fields: Any
    ) -> EmbeddingResponse:
        """A treatment. Floats are asked for by name: the SDK would ask for base64 of its own accord.

        Raises:
            Refused, Failed: the server did not take it.
        """
        return EmbeddingResponse(self.session.send_treatment(self._call(given, transport, repetition, fields)))

    def attempt(self, given: Any, /, *, transport: Transport = "sdk", repetition: int = 0, **fields: Any) -> Exchange:
        """A request that may come to anything."""
        return self.session.send_any(self._call(given, transport, repetition, fields))

    def ask_control(
        self, given: Any, /, *, transport: Transport = "sdk", repetition: int = 0, **fields: Any
    ) -> EmbeddingResponse:
        """A request that must work.

        Raises:
            ControlFailed: it does not.
        """
        return EmbeddingResponse(self.session.send_control(self._call(given, transport, repetition, fields)))

    def ask_minimal(self, **fields: Any) -> EmbeddingResponse:
        """A treatment that only has to be accepted.

        Raises:
            Refused, Failed: the server did not take it.
        """
        return self.ask("Hello.", **fields)

    def attempt_minimal(self, *, transport: Transport = "sdk", **fields: Any) -> Exchange:
        """A request that may come to anything."""
        return self.attempt("Hello.", transport=transport, **fields)

    def _call(self, given: Any, transport: Transport, repetition: int, fields: dict[str, Any]) -> Call:
        body = drop_absent({"model": self.model, "input": given, "encoding_format": "float", **fields})
        return Call(path="/embeddings", body=body, transport=transport, repetition=repetition, server="embedding")


def is_addressable(name: str) -> bool:
    """Whether a name that a server gave can stand in a path: the SDK does not even send others."""
    return name.strip(".") != "" and name.isprintable() and len(name) <= 400


@dataclass(kw_only=True)
class Models:
    """/v1/models and /v1/models/{model}."""

    session: Session
    model: str

    def list(self) -> Exchange:
        """The list, as a control."""
        return self.session.send_control(Call(method="GET", path="/models"))

    def retrieve(self, name: str) -> Exchange:
        """One model, as a treatment.

        Raises:
            CannotTell: no client can ask for such a name.
            Refused, Failed: the server did not find it.
        """
        if not is_addressable(name):
            raise UndeterminedError("the list names a model by what cannot stand in an address")
        return self.session.send_treatment(Call(method="GET", path=f"/models/{name}"))


@dataclass(kw_only=True)
class Raw:
    """Requests that no SDK would build."""

    session: Session
    model: str

    def send(self, path: str, raw: str | None = None, *, method: str = "POST", **settings: Any) -> Exchange:
        """Bytes as they are; whatever comes of it."""
        return self.session.send_any(Call(path=path, method=method, raw=raw, transport="http", **settings))


@dataclass(kw_only=True)
class Native:
    """The server's own API, beside the one it imitates. Only for rows of targets that declare it."""

    session: Session
    model: str

    def get(self, path: str) -> Exchange:
        """A look, as a control."""
        return self.session.send_control(Call(method="GET", path=path, transport="http", server="native"))

    def send(self, method: str, path: str, body: Any) -> Exchange:
        """A request that changes something, whatever comes of it."""
        return self.session.send_any(Call(method=method, path=path, body=body, transport="http", server="native"))
