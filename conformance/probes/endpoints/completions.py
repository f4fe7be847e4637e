"""/v1/completions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from .text import TextEndpoint


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

    odds_fields: ClassVar[Mapping[str, Any]] = {"logprobs": 5}

    def subject_fields(self, subject: Any, /) -> dict[str, Any]:
        """Return the prompt. `subject` is any of its four forms."""
        return {"prompt": self.prompts[0] if subject is None else subject}
