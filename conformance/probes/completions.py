"""/v1/completions, in the order of the documentation."""

from __future__ import annotations

from typing import Any

from conformance.checklist.field_values import values
from conformance.checklist.verdicts import Evidence, Severity
from conformance.wire.json_text import quote_value

from . import chance, documents, text_generation, token_choice
from .endpoints import CONTROL_TOKENS, Completions
from .observation import Observation, broken, ignored, inconclusive, partial, supported, weigh
from .registry import declare_derived, probe
from .response_views import TextResponse, as_list, get_path
from .session import RequestFailedError, RequestRejectedError
from .unread_fields import check_value_is_read


@probe("completions/features/completions", is_control=True, chance=chance.HOLDS_TEXT)
def completions_work(completions: Completions) -> Observation:
    """A model continues a text."""
    if completions.ask().text.strip():
        return supported("the text is continued")
    return inconclusive("the answer holds no text")


declare_derived("completions/features/streaming", "Answers arrive piece by piece.", "completions/fields/stream")
declare_derived(
    "completions/features/reproducible_outputs",
    "Equal requests with an equal seed get equal answers.",
    "completions/fields/seed",
    chance=chance.AS_SEED,
)
declare_derived(
    "completions/features/logprobs",
    "Answers tell the probability of each token.",
    "completions/fields/logprobs/plain",
)


@probe("completions/features/json_mode", chance=chance.FORCED_DOCUMENT)
def json_mode(completions: Completions) -> Observation:
    """The text is JSON with `response_format`, which OpenAI's clause does not have here, but Ollama's page claims."""
    return documents.check_json_object(completions, completions.prompts[:2])


@probe("completions/fields/model", values=values(None, 7), chance=chance.STATUS_AND_ERROR)
def model(completions: Completions) -> Observation:
    """The model that answers; a name that no model has is refused."""
    return text_generation.check_unknown_model(completions)


@probe("completions/fields/frequency_penalty", values=values(0.5, "zz"), chance=chance.GREEDY_TEXT)
def frequency_penalty(completions: Completions) -> Observation:
    """-2 to 2: tokens become less likely the more often they have come."""
    return token_choice.check_penalty(completions, "frequency_penalty")


@probe("completions/fields/presence_penalty", values=values(0.5, "zz"), chance=chance.GREEDY_TEXT)
def presence_penalty(completions: Completions) -> Observation:
    """-2 to 2: tokens become less likely once they have come."""
    return token_choice.check_penalty(completions, "presence_penalty")


@probe("completions/fields/seed", chance=chance.SEEDED, values=values(11, "zz"))
def seed(completions: Completions) -> Observation:
    """Sampling with the same seed gives the same text (best effort, says the clause)."""
    return token_choice.check_seed(completions)


declare_derived(
    "completions/fields/stop",
    "Up to four sequences where generation ends; the text does not contain them.",
    values=values("zz", 7),
)


@probe("completions/fields/stop/string", chance=chance.GREEDY_TEXT)
def stop_string(completions: Completions) -> Observation:
    """One sequence, as a string: the text ends before it."""
    return text_generation.check_stop(completions, lambda word: word)


@probe("completions/fields/stop/array", chance=chance.GREEDY_TEXT)
def stop_array(completions: Completions) -> Observation:
    """Several sequences, as an array: the text ends before the first that comes."""
    return text_generation.check_stop(completions, lambda word: ["\u2603\u2603", word, "\u2603\u2603\u2603"])


@probe("completions/fields/stop/stream", chance=chance.GREEDY_TEXT)
def stop_stream(completions: Completions) -> Observation:
    """The sequence does not leak into a stream either."""
    return text_generation.check_stop(completions, lambda word: [word], stream=True)


@probe("completions/fields/stream", values=values(False, "zz"), chance=chance.MEMBERS)
def stream(completions: Completions) -> Observation:
    """The text arrives as server-sent events."""
    return text_generation.check_stream(completions)


declare_derived(
    "completions/fields/stream_options",
    "Settings of a stream.",
    "completions/fields/stream_options/include_usage",
    values=values({"include_usage": True}, 7, stream=True),
)


@probe("completions/fields/stream_options/include_usage", chance=chance.MEMBERS)
def include_usage(completions: Completions) -> Observation:
    """A last chunk, without choices, counts the tokens of the whole request."""
    return text_generation.check_include_usage(completions)


@probe("completions/fields/temperature", chance=chance.HOTTEST_OF_THREE, values=values(0.5, "hot"))
def temperature(completions: Completions) -> Observation:
    """0 to 2: how far sampling strays from the likeliest token."""
    return token_choice.check_temperature(completions)


@probe("completions/fields/top_p", chance=chance.HOTTEST_OF_TWO, values=values(0.9, "wide"))
def top_p(completions: Completions) -> Observation:
    """Sampling considers only the tokens that make up this share of the probability."""
    return token_choice.check_top_p(completions)


declare_derived(
    "completions/fields/max_tokens",
    "The most tokens that an answer may have; 16 where absent.",
    values=values(1, "zz"),
)


@probe("completions/fields/max_tokens/plain", title="without stream", chance=chance.GREEDY_TEXT)
def max_tokens(completions: Completions) -> Observation:
    """The text ends at the limit, with finish_reason `length`."""
    return text_generation.check_token_limit(completions, "max_tokens")


@probe("completions/fields/max_tokens/stream", title="with stream", chance=chance.GREEDY_TEXT)
def max_tokens_stream(completions: Completions) -> Observation:
    """A stream ends at the limit too."""
    return text_generation.check_token_limit(completions, "max_tokens", stream=True)


@probe(
    "completions/fields/max_tokens/default",
    title="16 where absent",
    severity=Severity.SHOULD,
    chance=chance.GREEDY_TEXT,
)
def max_tokens_default(completions: Completions) -> Observation:
    """Without `max_tokens` the text ends after 16 tokens. The word that the stop names comes later."""
    whole = (each for each in completions.find_repeatable_controls(2) if each[1].is_whole)
    prompt, control = next(whole, ("", None))
    if control is None or not text_generation.has_more_tokens(control.response, 16):
        return inconclusive("the control may have no more than 16 tokens, and need not be cut")
    sequence = text_generation.find_sequence_inside(control.text, after=0.7)
    answer = _ask_unlimited(completions, prompt, sequence)
    shorter = len(answer.text) < len(control.text) and control.text.startswith(answer.text.rstrip())
    counts = completions.control.counts == "tokens" and answer.completion_tokens is not None
    if answer.is_cut and (answer.completion_tokens == 16 if counts else shorter):
        return supported("without `max_tokens` the text ends after 16 tokens")
    stopped = answer.text.strip() == control.text.partition(sequence)[0].strip()
    if shorter and not stopped and answer.completion_tokens == 16:
        return partial("without `max_tokens` the text ends after 16 tokens, but finish_reason is not `length`")
    if shorter and not stopped and not counts:
        return inconclusive("without `max_tokens` the text ends, but the server's counts do not tell after how many")
    if not (stopped or answer.text.startswith(control.text) or (counts and (answer.completion_tokens or 0) > 16)):
        return inconclusive("without `max_tokens` the text is another than with it")
    return ignored("without `max_tokens` the text does not end after 16 tokens")


def _ask_unlimited(completions: Completions, prompt: str, sequence: str) -> TextResponse:
    """Send a request without `max_tokens`. Were there no default, a stop sequence must end the answer.

    A text that nothing ends may keep a server busy long after its client has left. So where `stop` is not taken, it
    is streamed, which tells most servers that the client is gone.
    """
    for stop in (sequence, [sequence]):
        try:
            return completions.ask(prompt, limit=None, stop=stop)
        except (RequestRejectedError, RequestFailedError):
            continue
    return completions.ask(prompt, limit=None, stream=True, abort_after_events=2 * CONTROL_TOKENS)


@probe("completions/fields/suffix", capability="insert", values=values(" zz", 7), chance=chance.GREEDY_TEXT)
def suffix(completions: Completions) -> Observation:
    """What comes after the text to be inserted: it reaches the model."""
    votes: list[bool | None] = []
    behind = " And so they lived happily ever after in a castle."
    for prompt, control in completions.find_repeatable_controls(2):
        answer = completions.ask(prompt, suffix=behind)
        # Some servers put the suffix behind the text, and count it, and do not show it to the model.
        changed: bool | None = not control.is_repeated_in(answer.text.removesuffix(behind))
        if changed:
            changed = completions.is_changed(prompt, control, suffix=behind)
        counts = completions.has_stable_prompt_count(prompt) and answer.prompt_tokens is not None
        grown = counts and (answer.prompt_tokens or 0) > (control.prompt_tokens or 0)
        votes.append(True if changed else None if grown else False)
    return weigh(
        votes,
        seen="the suffix changes the text that comes before it",
        absent="prompt tokens and text are the same as without the suffix, but for the suffix itself",
        unclear="the suffix shows on one prompt and not on the other, or in the count of prompt tokens alone",
    )


@probe("completions/fields/best_of", values=values(1, "zz"), chance=chance.TEXTS_COUNTED)
def best_of(completions: Completions) -> Observation:
    """The best of so many texts is returned: the usage counts them all, and fewer than `n` is refused."""
    votes: list[bool | None] = []
    for prompt in completions.prompts[:2]:
        settings: dict[str, Any] = {"temperature": 1, "limit": 1}
        one, four = (completions.ask(prompt, best_of=count, **settings) for count in (1, 4))
        told = completions.control.counts == "tokens"
        if not told or one.completion_tokens is None or four.completion_tokens is None:
            votes.append(None)
        elif one.completion_tokens <= 1:
            votes.append(four.completion_tokens > 1)
        else:  # the limit is not kept: counts that differ say nothing, as sampled texts differ in length by luck
            votes.append(False if four.completion_tokens == one.completion_tokens else None)
    if True in votes:  # one text of one token cannot count more
        return supported("with best_of 4 the usage counts the tokens of several texts")
    if not completions.attempt(n=2, **text_generation.SAMPLED_CHOICES).accepted:
        return inconclusive("the usage counts one text, and more than one choice is refused whatever `best_of` says")
    fewer = completions.attempt(best_of=1, n=2, **text_generation.SAMPLED_CHOICES)
    if fewer.status is not None and 400 <= fewer.status < 500:
        if all(vote is False for vote in votes):
            return ignored("the usage counts one text whatever `best_of` says, though best_of below n is refused")
        return supported("best_of below n is refused: it is read", Evidence.PARSED)
    if None in votes:
        return inconclusive("the server counts no tokens")
    return ignored("with best_of 4 the usage counts one text, and best_of below n is accepted")


@probe("completions/fields/echo", values=values(False, "zz"), chance=chance.GREEDY_TEXT)
def echo(completions: Completions) -> Observation:
    """The text begins with the prompt."""
    votes: list[bool | None] = []
    for prompt, control in completions.find_repeatable_controls(2):
        answer = completions.ask(prompt, echo=True)
        begins = answer.text.startswith(prompt) and not control.text.startswith(prompt)
        votes.append(False if control.is_repeated_in(answer.text) else begins or None)
    return weigh(
        votes,
        seen="the text begins with the prompt",
        absent="the text is the same as without echo",
        unclear="the text changes, but does not begin with the prompt, or did so before",
    )


@probe("completions/fields/logit_bias", values=values({"300": 1}, "zz"), chance=chance.GREEDY_TEXT)
def logit_bias(completions: Completions) -> Observation:
    """-100 to 100 by token id: 100 makes a token certain, -100 impossible."""
    return token_choice.check_logit_bias(completions)


declare_derived(
    "completions/fields/logprobs",
    "0 to 5: probabilities of the tokens, and of as many alternatives.",
    values=values(2, "zz"),
)


@probe("completions/fields/logprobs/plain", title="without stream", chance=chance.MEMBERS)
def logprobs(completions: Completions) -> Observation:
    """`logprobs` holds four parallel arrays: tokens, token_logprobs, top_logprobs, text_offset."""
    control = completions.ask_control()
    return _legacy_logprobs(completions.ask(logprobs=2, limit=4), control)


@probe("completions/fields/logprobs/stream", title="with stream", chance=chance.MEMBERS)
def logprobs_stream(completions: Completions) -> Observation:
    """The chunks carry the arrays of their tokens."""
    control = completions.ask_control(stream=True)
    return _legacy_logprobs(completions.ask(logprobs=2, limit=4, stream=True), control)


def _told(answer: TextResponse) -> list[Any]:
    """Return the `logprobs` of the first choice: one of a plain answer, one of each chunk of a stream."""
    bodies = answer.chunks if answer.streamed else [answer.body]
    return [logprobs for body in bodies if (logprobs := get_path(body, "choices", 0, "logprobs"))]


def _held(found: Any) -> str:
    return quote_value(sorted(found)[:4], 200) if isinstance(found, dict) else "no object"


def _legacy_logprobs(answer: TextResponse, control: TextResponse) -> Observation:
    every = _told(answer)
    if not every:
        return ignored("`logprobs` is absent or null")
    found = every[0]
    tokens = as_list(get_path(found, "tokens"))
    tops = as_list(get_path(found, "top_logprobs"))
    if not tokens:
        return broken(f"`logprobs` has not the form of this endpoint: it holds {_held(found)}")
    if any(get_path(told, "tokens") for told in _told(control)):
        return ignored("probabilities come whether they are asked for or not")
    if token_choice.are_of_another_text(
        answer.text, [token for told in every for token in as_list(get_path(told, "tokens"))]
    ):
        return broken("the probabilities are those of other tokens than the text's")
    if all(isinstance(top, dict) and 2 <= len(top) <= 3 for top in tops) and len(tops) == len(tokens):
        return supported("each token comes with its probability and two alternatives")
    return partial("tokens come with their probabilities, but not with two alternatives each")


@probe("completions/fields/user", values=values("zq-user", {}), chance=chance.STATUSES)
def user(completions: Completions) -> Observation:
    """An identifier of the end user, for OpenAI's own records."""
    return check_value_is_read(completions, "user")


declare_derived(
    "completions/fields/n", "How many choices are generated.", values=values(1, "zz"), chance=chance.AS_CHOICES
)


@probe("completions/fields/n/plain", chance=chance.CHOICES_COUNTED, title="without stream")
def n(completions: Completions) -> Observation:
    """As many choices as asked for, with indices counting from 0."""
    return text_generation.check_n(completions)


@probe("completions/fields/n/stream", chance=chance.CHOICES_COUNTED, title="with stream")
def n_stream(completions: Completions) -> Observation:
    """Each choice has chunks of its own index."""
    return text_generation.check_n(completions, stream=True)


@probe("completions/stream/equals_plain", title="stream and plain answer say the same", chance=chance.GREEDY_TEXT)
def equals_plain(completions: Completions) -> Observation:
    """At temperature 0 the joined chunks are the plain text, with the same finish_reason."""
    return text_generation.check_stream_equals_plain(completions, compare_counts=False)
