"""chat/fields: what decides which tokens are generated, how many, and in how many choices."""

from __future__ import annotations

from conformance.checklist.field_values import values
from conformance.probes import chance, text_generation, token_choice, told_odds
from conformance.probes.endpoints import Chat
from conformance.probes.observation import Observation
from conformance.probes.registry import declare_derived, probe


@probe("chat/fields/model", values=values(None, 7), chance=chance.STATUS_AND_ERROR)
def model(chat: Chat) -> Observation:
    """The model that answers; a name that no model has is refused."""
    return text_generation.check_unknown_model(chat)


@probe("chat/fields/frequency_penalty", values=values(0.5, "zz"), chance=chance.GREEDY_TEXT)
def frequency_penalty(chat: Chat) -> Observation:
    """-2 to 2: tokens become less likely the more often they have come."""
    return token_choice.check_penalty(chat, "frequency_penalty")


@probe("chat/fields/presence_penalty", values=values(0.5, "zz"), chance=chance.GREEDY_TEXT)
def presence_penalty(chat: Chat) -> Observation:
    """-2 to 2: tokens become less likely once they have come."""
    return token_choice.check_penalty(chat, "presence_penalty")


@probe("chat/fields/seed", chance=chance.SEEDED, values=values(11, "zz"))
def seed(chat: Chat) -> Observation:
    """Sampling with the same seed gives the same text (best effort, says the clause; deprecated)."""
    return token_choice.check_seed(chat)


declare_derived(
    "chat/fields/stop",
    "Up to four sequences where generation ends; the text does not contain them.",
    values=values("zz", 7),
)


@probe("chat/fields/stop/string", chance=chance.GREEDY_TEXT)
def stop_string(chat: Chat) -> Observation:
    """One sequence, as a string: the text ends before it."""
    return text_generation.check_stop(chat, lambda word: word)


@probe("chat/fields/stop/array", chance=chance.GREEDY_TEXT)
def stop_array(chat: Chat) -> Observation:
    """Several sequences, as an array: the text ends before the first that comes."""
    return text_generation.check_stop(chat, lambda word: ["\u2603\u2603", word, "\u2603\u2603\u2603"])


@probe("chat/fields/stop/stream", chance=chance.GREEDY_TEXT)
def stop_stream(chat: Chat) -> Observation:
    """The sequence does not leak into a stream either."""
    return text_generation.check_stop(chat, lambda word: [word], stream=True)


@probe("chat/fields/temperature", chance=chance.HOTTEST_OF_THREE, values=values(0.5, "hot"))
def temperature(chat: Chat) -> Observation:
    """0 to 2: how far sampling strays from the likeliest token."""
    return token_choice.check_temperature(chat)


@probe("chat/fields/top_p", chance=chance.HOTTEST_OF_TWO, values=values(0.9, "wide"))
def top_p(chat: Chat) -> Observation:
    """Sampling considers only the tokens that make up this share of the probability."""
    return token_choice.check_top_p(chat)


declare_derived(
    "chat/fields/max_tokens", "The most tokens that an answer may have (deprecated).", values=values(1, "zz")
)


@probe("chat/fields/max_tokens/plain", title="without stream", chance=chance.GREEDY_TEXT)
def max_tokens(chat: Chat) -> Observation:
    """The answer ends at the limit, with finish_reason `length`."""
    return text_generation.check_token_limit(chat, "max_tokens")


@probe("chat/fields/max_tokens/stream", title="with stream", chance=chance.GREEDY_TEXT)
def max_tokens_stream(chat: Chat) -> Observation:
    """A stream ends at the limit too."""
    return text_generation.check_token_limit(chat, "max_tokens", stream=True)


declare_derived(
    "chat/fields/max_completion_tokens",
    "The most tokens that an answer may have, thinking included.",
    values=values(1, "zz"),
)


@probe("chat/fields/max_completion_tokens/plain", title="without stream", chance=chance.GREEDY_TEXT)
def max_completion_tokens(chat: Chat) -> Observation:
    """The answer ends at the limit, with finish_reason `length`."""
    return text_generation.check_token_limit(chat, "max_completion_tokens")


@probe("chat/fields/max_completion_tokens/stream", title="with stream", chance=chance.GREEDY_TEXT)
def max_completion_tokens_stream(chat: Chat) -> Observation:
    """A stream ends at the limit too."""
    return text_generation.check_token_limit(chat, "max_completion_tokens", stream=True)


@probe("chat/fields/logit_bias", values=values({"300": 1}, "zz"), chance=chance.GREEDY_TEXT)
def logit_bias(chat: Chat) -> Observation:
    """-100 to 100 by token id: 100 makes a token certain, -100 impossible."""
    return token_choice.check_logit_bias(chat)


declare_derived("chat/fields/n", "How many choices are generated.", values=values(1, "zz"), chance=chance.AS_CHOICES)


@probe("chat/fields/n/plain", chance=chance.CHOICES_COUNTED, title="without stream")
def n(chat: Chat) -> Observation:
    """As many choices as asked for, with indices counting from 0."""
    return text_generation.check_n(chat)


@probe("chat/fields/n/stream", chance=chance.CHOICES_COUNTED, title="with stream")
def n_stream(chat: Chat) -> Observation:
    """Each choice has chunks of its own index."""
    return text_generation.check_n(chat, stream=True)


declare_derived(
    "chat/fields/logprobs", "Whether the probabilities of the generated tokens are told.", values=values(True, "zz")
)


@probe("chat/fields/logprobs/plain", title="without stream", chance=chance.MEMBERS)
def logprobs(chat: Chat) -> Observation:
    """`choices[].logprobs.content` has an entry for each token."""
    return told_odds.check_logprobs(chat)


@probe("chat/fields/logprobs/stream", title="with stream", chance=chance.MEMBERS)
def logprobs_stream(chat: Chat) -> Observation:
    """The chunks carry the probabilities of their tokens."""
    return told_odds.check_logprobs(chat, stream=True)


@probe("chat/fields/top_logprobs", values=values(2, "zz", logprobs=True), chance=chance.MEMBERS)
def top_logprobs(chat: Chat) -> Observation:
    """0 to 20: as many alternatives at each token."""
    return told_odds.check_top_logprobs(chat)
