"""/v1/chat/completions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from conformance.wire.exchange import Call, Exchange

from .conversation import ConversationEndpoint


class Chat(ConversationEndpoint):
    """/v1/chat/completions."""

    name = "chat"
    path = "/chat/completions"
    position = 10
    sdk_method = "chat.completions.create"
    schema = "chat_completion"
    stream_schema = "chat_completion_chunk"
    reference = "chat/subresources/completions/methods/create"
    stream_reference = "chat/subresources/completions/streaming-events"
    prompts = (
        "Describe the piano in great detail.",
        "Write a long text about chocolate.",
        "Tell me about elephants.",
        "Describe tea in great detail.",
    )
    required = ("model", "messages")
    smallest: ClassVar[Mapping[str, Any]] = {"max_tokens": 1, "messages": [{"role": "user", "content": "Hi"}]}
    out_of_range: ClassVar[Mapping[str, Any]] = {
        "temperature": 3,
        "top_p": 2,
        "frequency_penalty": 3,
        "presence_penalty": -3,
        "n": 0,
        "top_logprobs": 21,
        "max_tokens": -5,
        "stop": ["a1", "b2", "c3", "d4", "e5"],
        "logit_bias": {"300": 101},
    }

    limit_fields = ("max_tokens", "max_completion_tokens")
    logprobs_fields: ClassVar[Mapping[str, Any]] = {"logprobs": True}
    odds_fields: ClassVar[Mapping[str, Any]] = {"logprobs": True, "top_logprobs": 5}

    def subject_fields(self, subject: Any, /) -> dict[str, Any]:
        """Return the messages. `subject` is the user's text, or the messages."""
        said = self.prompts[0] if subject is None else subject
        return {"messages": [{"role": "user", "content": said}] if isinstance(said, str) else said}

    def attempt_retrieve(self, name: str) -> Exchange:
        """Ask for a stored completion by its id, and return the exchange."""
        return self.session.send_any(
            Call(
                method="GET",
                path=f"{self.path}/{name}",
                sdk_method="chat.completions.retrieve",
                sdk_arguments=(name,),
            )
        )
