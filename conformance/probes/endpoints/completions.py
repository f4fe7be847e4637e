"""/v1/completions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from .text import CONTROL_TOKENS, TextEndpoint


class Completions(TextEndpoint):
    """/v1/completions."""

    name = "completions"
    path = "/completions"
    position = 20
    sdk_method = "completions.create"
    schema = "completion"
    stream_schema = "completion_chunk"
    reference = "completions/methods/create"
    stream_reference = "chat/subresources/completions/streaming-events"
    prompts = (
        "Describe the planet Mars in great detail.",
        "Describe castles in great detail.",
        "Describe the Sun in great detail.",
        "Describe the Grand Canyon in great detail.",
    )
    required = ("model", "prompt")
    smallest: ClassVar[Mapping[str, Any]] = {"max_tokens": 1, "prompt": "Hi"}
    out_of_range: ClassVar[Mapping[str, Any]] = {"temperature": 3, "logprobs": 6}

    def body(self, subject: Any, /, **fields: Any) -> dict[str, Any]:
        """Return the body of a greedy request of `CONTROL_TOKENS` tokens.

        `subject` is any of the four forms of `prompt`.
        """
        prompt = self.prompts[0] if subject is None else subject
        return {"model": self.model, "prompt": prompt, "temperature": 0, "max_tokens": CONTROL_TOKENS, **fields}
