"""responses: null where a field may be null, and the bodies of clients that send it."""

from __future__ import annotations

from typing import Any

from conformance.checklist.verdicts import Evidence
from conformance.probes import chance, text_generation
from conformance.probes.added_text import UNSTABLE_COUNTS
from conformance.probes.endpoints import Responses
from conformance.probes.observation import Observation, ignored, inconclusive, partial, supported
from conformance.probes.registry import probe
from conformance.probes.session import ABSENT, is_usable

NULLABLE = (
    "background", "context_management", "conversation", "include", "max_tool_calls", "metadata",
    "moderation", "parallel_tool_calls", "previous_response_id", "prompt", "prompt_cache_key",
    "prompt_cache_retention", "reasoning", "safety_identifier", "service_tier", "store", "stream", "stream_options",
    "temperature", "top_logprobs", "top_p", "truncation",
)  # fmt: skip
"""Fields that may be null by the clause, but for the limit, which has a row of its own, and `instructions`, which
are asked apart: null makes an empty system message of them on some servers."""

CLIENT_BODY: dict[str, Any] = {
    "instructions": None, "previous_response_id": None, "reasoning": None, "metadata": None, "user": ABSENT,
    "tools": [], "store": False, "truncation": "disabled", "top_p": 1.0,
}  # fmt: skip
"""What LlamaIndex sends beside model, input and limit in every request."""


@probe("responses/notes/null_fields", title="null for nullable fields", chance=chance.STATUSES)
def nulls(responses: Responses) -> Observation:
    """Null means the same as absence, in each of the 23 fields that may be null beside the limit."""
    free = responses.without_switches
    control = responses.ask_control(limit=1, **free)
    if not control.items:
        return inconclusive("the plain answer holds nothing, so that none with null can be compared with it")
    counts = responses.has_stable_prompt_count(responses.prompts[0])
    names = [name for name in NULLABLE if not (name == "stream" and responses.control.stream)]

    def find_wrong(names: tuple[str, ...]) -> list[str]:
        """Return those that are not taken like absence: all at once, then by halves."""
        fields: dict[str, Any] = {**free, **dict.fromkeys(names)}
        exchange = responses.attempt(limit=1, **fields)
        if is_usable(exchange) and (not counts or responses.read(exchange).prompt_tokens == control.prompt_tokens):
            return []
        if len(names) == 1:
            return list(names)
        half = len(names) // 2
        return [*find_wrong(names[:half]), *find_wrong(names[half:])]

    wrong = [*find_wrong(tuple(names)), *find_wrong(("instructions",))]
    if not wrong:
        return supported("null is taken like absence, for each of them")
    words = f"null is refused, or no absence, for {', '.join(wrong)}"
    return ignored(words) if len(wrong) > len(names) else partial(words)


@probe("responses/fields/max_output_tokens/null", title="null", chance=chance.GREEDY_TEXT)
def limit_null(responses: Responses) -> Observation:
    """A limit of null is none. Read as a stream, which is left after its first pieces of text."""
    responses.ask_control(stream=True)
    answer = responses.ask(max_output_tokens=None, limit=None, stream=True, abort_after_events=MAX_EVENTS)
    limited = text_generation.check_token_limit(responses, "max_output_tokens", names_end=False)
    if not limited.verdict.is_positive:  # a server that reads no limit takes null like any other
        return limited
    if answer.content_chunk_count or answer.items:
        return supported("a limit of null is taken, and the text begins", Evidence.ACCEPTED)
    return inconclusive(f"a limit of null is taken, and no text came within {MAX_EVENTS} events")


MAX_EVENTS = 40
"""Events of a stream without a limit, after which it is left."""


@probe("responses/notes/as_clients_send", title="the fields of LlamaIndex", chance=chance.STATUSES)
def as_clients_send(responses: Responses) -> Observation:
    """The body of a client that sends null and default values for many fields is taken like a plain one."""
    control = responses.ask_control(limit=1, **responses.without_switches)
    answer = responses.ask(limit=1, **CLIENT_BODY)
    if not control.items or not answer.items:
        return inconclusive("an answer holds nothing, so that the two cannot be compared")
    if answer.prompt_tokens == control.prompt_tokens:
        return supported("the body is taken like a plain one")
    if not answer.prompt_tokens or not control.prompt_tokens:
        return inconclusive("the server counts no input tokens")
    if not responses.has_stable_prompt_count(responses.prompts[0]):
        return inconclusive(UNSTABLE_COUNTS)
    return partial(
        f"the body is taken, and counts {answer.prompt_tokens} tokens where a plain one counts "
        f"{control.prompt_tokens}: null is no absence"
    )
