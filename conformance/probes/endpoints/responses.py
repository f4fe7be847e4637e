"""/v1/responses, with what it stores."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, cast

from conformance.probes.response_output import OutputResponse
from conformance.wire.exchange import Call, Exchange, Transport

from .chat import Chat
from .conversation import ConversationEndpoint, Turn

TEXT_PARTS = {"user": "input_text", "assistant": "output_text"}
"""Role -> type of its text parts; that of the others is the user's."""


class Responses(ConversationEndpoint):
    """/v1/responses, with what it stores."""

    name = "responses"
    path = "/responses"
    position = 50
    sdk_method = "responses.create"
    schema = "response"
    stream_schema = "response_stream_event"
    reference = "responses/methods/create"
    stream_reference = "responses/streaming-events"
    prompts = Chat.prompts
    required = ("model", "input")
    smallest: ClassVar[Mapping[str, Any]] = {"max_output_tokens": 16, "input": "Hi"}
    out_of_range: ClassVar[Mapping[str, Any]] = {
        "temperature": 3,
        "top_p": 2,
        "top_logprobs": 21,
        "max_output_tokens": -5,
        "metadata": {f"zq{number}": "1" for number in range(17)},
    }
    joint_fields = ((
        "access_programs", "context_management", "conversation", "image", "max_tool_calls",
        "metadata", "moderation", "previous_response_id", "prompt", "prompt_cache_key", "prompt_cache_options",
        "prompt_cache_retention", "safety_identifier", "service_tier", "store", "truncation", "user",
    ), ("background", "include", "instructions", "temperature", "text", "top_p"))  # fmt: skip
    plain_after = "failures"
    limit_fields = ("max_output_tokens",)
    prompts_per_text = 1
    thinking_switches = ({"reasoning": {"effort": "none"}},)
    usage_of_stream: ClassVar[Mapping[str, Any]] = {}
    logprobs_fields: ClassVar[Mapping[str, Any]] = {"include": ["message.output_text.logprobs"]}
    odds_fields: ClassVar[Mapping[str, Any]] = {"include": ["message.output_text.logprobs"], "top_logprobs": 5}
    has_null_content = False
    response_rules = ("schema", "schema/details", "model", "content_type")
    stream_rules = ("schema", "schema/details", "content_type", "framing")

    def read(self, exchange: Exchange) -> OutputResponse:
        """Return the view of a response with output items."""
        return OutputResponse(exchange)

    def ask(
        self, subject: Any = None, /, *, repetition: int = 0, transport: Transport | None = None, **fields: Any
    ) -> OutputResponse:
        """Send a treatment.

        Raises:
            RequestRejectedError, RequestFailedError: the server did not take it.
        """
        return cast(OutputResponse, super().ask(subject, repetition=repetition, transport=transport, **fields))

    def ask_control(
        self, subject: Any = None, /, *, repetition: int = 0, transport: Transport | None = None, **fields: Any
    ) -> OutputResponse:
        """Send a request that must work.

        Raises:
            ControlFailedError: it does not.
        """
        answer = super().ask_control(subject, repetition=repetition, transport=transport, **fields)
        return cast(OutputResponse, answer)

    def subject_fields(self, subject: Any, /) -> dict[str, Any]:
        """Return the input. `subject` is a text, or the items."""
        return {"input": self.prompts[0] if subject is None else subject}

    def spell_turns(self, turns: Sequence[Turn]) -> list[dict[str, Any]]:
        """Return turns as input items: a message each, and the calls and results of tools beside them."""
        return [item for turn in turns for item in _spell_turn(turn)]

    def spell_tools(self, tools: Sequence[Mapping[str, Any]]) -> list[Any]:
        """Return function tools in the flat form."""
        return [_flatten(tool) for tool in tools]

    def spell_choice(self, choice: Any) -> Any:
        """Return a choice in the flat form."""
        if not isinstance(choice, Mapping):
            return choice
        if choice["type"] == "allowed_tools":
            allowed = choice["allowed_tools"]
            return {"type": "allowed_tools", **allowed, "tools": [_flatten(tool) for tool in allowed["tools"]]}
        return _flatten(choice)

    def spell_format(self, form: Mapping[str, Any]) -> dict[str, Any]:
        """Return `text.format` in the flat form."""
        return {"text": {"format": _flatten(form)}}

    def attempt_operation(
        self,
        method: str,
        path: str,
        sdk_method: str,
        *arguments: str,
        body: Mapping[str, Any] | None = None,
        repetition: int = 0,
    ) -> Exchange:
        """Send what acts on a stored object, whatever comes of it, and return the exchange.

        `path`: the route below the base URL. `arguments`: ids, as the SDK's method takes them in order. `body`: its
        other arguments, which the SDK puts into the body or the query.
        """
        return self.session.send_any(
            Call(
                method=method,
                path=path,
                body=None if body is None else dict(body),
                sdk_method=sdk_method,
                sdk_arguments=arguments,
                repetition=repetition,
            )
        )

    def attempt_retrieve(self, name: str, *, repetition: int = 0, **query: Any) -> Exchange:
        """Ask for a stored response by its id, and return the exchange."""
        path = f"{self.path}/{name}"
        return self.attempt_operation(
            "GET", path, "responses.retrieve", name, body=query or None, repetition=repetition
        )


def _flatten(form: Mapping[str, Any]) -> dict[str, Any]:
    """Return `{"type": "x", "x": {...}}` as one object."""
    kind = form["type"]
    return {"type": kind, **form[kind]} if kind in form else dict(form)


def _spell_turn(turn: Turn) -> list[dict[str, Any]]:
    role, content = turn["role"], turn.get("content")
    if role == "tool":
        return [{"type": "function_call_output", "call_id": turn["tool_call_id"], "output": content}]
    items: list[dict[str, Any]] = []
    if content is not None:
        spelled = content if isinstance(content, str) else [_spell_part(part, role) for part in content]
        items.append({"role": role, "content": spelled})
    calls = turn.get("tool_calls") or ()
    return [*items, *({"type": "function_call", "call_id": call["id"], **call["function"]} for call in calls)]


def _spell_part(part: Mapping[str, Any], role: str) -> dict[str, Any]:
    if part["type"] == "text":
        return {"type": TEXT_PARTS.get(role, TEXT_PARTS["user"]), "text": part["text"]}
    if part["type"] == "image_url":
        image = part["image_url"]
        return {"type": "input_image", "image_url": image["url"], "detail": image.get("detail", "auto")}
    if part["type"] == "file":
        return {"type": "input_file", **part["file"]}
    return dict(part)
