"""What the endpoints share that answer with text: controls that repeat, and streams."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from conformance.probes.response_views import TextResponse
from conformance.probes.session import RequestFailedError, RequestRejectedError, UndeterminedError
from conformance.wire.exchange import Exchange

from .endpoint import RequestEndpoint

CONTROL_TOKENS = 24
"""Tokens of a control. Long enough to cut, to penalise and to compare; no prose prompt ends within it."""

STREAM_WITH_USAGE: Mapping[str, Any] = {"stream": True, "stream_options": {"include_usage": True}}
"""What asks for a stream that ends with its usage."""


def is_continuation(longer: str, text: str) -> bool:
    """Tell whether a text with a token more is the same. A limit may cut a character, and a server trim a space."""
    return longer.startswith(text.rstrip().rstrip("\ufffd").rstrip())


@dataclass(kw_only=True)
class TextEndpoint(RequestEndpoint[TextResponse]):
    """What chat and completions share: prompts, controls, treatments."""

    prompts: ClassVar[tuple[str, ...]]
    """Three, and a spare. Of several hundred, those that SmolLM2-135M is surest of: in each of the first 24 tokens,
    raw and in its chat template, its first choice leads the second by 0.2 nats, the spare's by 0.15. Where the lead
    was 0.004, rounding decided, and so what the server held in its cache."""

    generates = True
    minimal_fields: ClassVar[Mapping[str, Any]] = {"max_tokens": 1}
    warm_up_subject = "Hi"
    response_rules = (
        "schema",
        "schema/details",
        "usage",
        "choice_indices",
        "finish_reason",
        "length_is_the_limit",
        "created",
        "model",
        "content_type",
    )
    stream_rules = (
        "schema",
        "schema/details",
        "content_type",
        "framing",
        "done",
        "constant",
        "finishes_once",
        "no_empty_choices",
        "usage_last",
        "indices",
        "utf8",
    )

    def read(self, exchange: Exchange) -> TextResponse:
        """Return the view of a response with choices."""
        return TextResponse(exchange)

    def ask_stream_with_usage(self, prompt: Any = None, /, **fields: Any) -> TextResponse:
        """Send a treatment that streams, with its usage where the server can tell that of a stream.

        Raises:
            RequestRejectedError, RequestFailedError: the server did not take it, with the usage nor without.
        """
        try:
            return self.ask(prompt, **fields, **STREAM_WITH_USAGE)
        except (RequestRejectedError, RequestFailedError):
            return self.ask(prompt, **fields, stream=True)

    def repeat_control(self, prompt: str) -> TextResponse:
        """Send the greedy control once more, with a token more: a cache of whole requests cannot answer it.

        Raises:
            ControlFailedError: it does not work.
        """
        return self.ask_control(prompt, max_tokens=CONTROL_TOKENS + 1)

    def has_stable_prompt_count(self, prompt: str) -> bool:
        """Tell whether a prompt counts as many tokens each time: some count only what they have not cached."""
        return self.ask_control(prompt).prompt_tokens == self.repeat_control(prompt).prompt_tokens

    def find_repeatable_controls(self, count: int = 3) -> list[tuple[str, TextResponse]]:
        """Return prompts and their greedy controls, each asked twice and equal as far as both go.

        A prompt whose text changes, as rounding may do to one, is passed over for a spare.

        Raises:
            UndeterminedError: too few prompts get equal text twice, or the model said nothing.
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
