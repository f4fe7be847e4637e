"""chat/features: each follows from the fields that make it up."""

from __future__ import annotations

from conformance.probes import chance
from conformance.probes.endpoints import Chat
from conformance.probes.observation import Observation, inconclusive, supported
from conformance.probes.registry import declare_derived, probe
from conformance.probes.response_views import get_path


@probe("chat/features/chat_completions", is_control=True, chance=chance.HOLDS_TEXT)
def chat_completions(chat: Chat) -> Observation:
    """A model answers messages with a message."""
    answer = chat.ask()
    # In a stream the role stands in the first chunk alone, which a rule of its own looks at.
    if answer.text.strip() and (answer.streamed or get_path(answer.message, "role") == "assistant"):
        return supported("the assistant answers")
    return inconclusive("the answer holds no assistant's text")


declare_derived("chat/features/streaming", "Answers arrive piece by piece.", "chat/fields/stream")
declare_derived("chat/features/json_mode", "Answers are valid JSON.", "chat/fields/response_format/json_object")
declare_derived(
    "chat/features/reproducible_outputs",
    "Equal requests with an equal seed get equal answers.",
    "chat/fields/seed",
    chance=chance.AS_SEED,
)
declare_derived(
    "chat/features/vision", "Models see pictures.", "chat/fields/messages/image/base64", capability="vision"
)
declare_derived("chat/features/tools", "Models call functions.", "chat/fields/tools/function", capability="tools")
declare_derived(
    "chat/features/reasoning",
    "How much a model thinks can be set.",
    "chat/fields/reasoning_effort",
    capability="thinking",
)
declare_derived(
    "chat/features/logprobs",
    "Answers tell the probability of each token.",
    "chat/fields/logprobs",
    "chat/fields/top_logprobs",
)
