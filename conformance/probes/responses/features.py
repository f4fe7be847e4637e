"""responses/features: what the endpoint can do as a whole."""

from __future__ import annotations

from conformance.probes import chance
from conformance.probes.endpoints import Responses
from conformance.probes.observation import Observation, inconclusive, supported
from conformance.probes.registry import declare_derived, probe


@probe("responses/features/responses", is_control=True, chance=chance.HOLDS_TEXT)
def responses_(responses: Responses) -> Observation:
    """A model answers an input with a message."""
    answer = responses.ask()
    if answer.text.strip() and (answer.streamed or answer.items_of("message") or answer.items_of("reasoning")):
        return supported("the assistant answers")
    return inconclusive("the answer holds no assistant's text")


declare_derived("responses/features/streaming", "Answers arrive as events.", "responses/fields/stream")
declare_derived(
    "responses/features/tools", "Models call functions.", "responses/fields/tools/function", capability="tools"
)
declare_derived(
    "responses/features/stateful_requests",
    "A request goes on where an earlier one ended.",
    "responses/fields/previous_response_id",
    "responses/fields/conversation",
)
