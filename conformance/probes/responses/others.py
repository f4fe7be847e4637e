"""responses/fields: what has an effect on few servers, and what has none that can be seen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from conformance.checklist.field_values import FieldValues, values
from conformance.checklist.verdicts import Evidence, Severity
from conformance.probes import chance, told_odds
from conformance.probes.added_text import LONG_TEXT
from conformance.probes.availability import send_bad
from conformance.probes.effort import check_effort
from conformance.probes.endpoints import Responses
from conformance.probes.observation import Observation, ignored, inconclusive, partial, supported
from conformance.probes.registry import declare_derived, probe
from conformance.probes.response_output import OutputResponse
from conformance.probes.response_views import as_list, get_path
from conformance.probes.sample_images import data_url
from conformance.probes.session import RequestRejectedError, is_refused, is_usable
from conformance.probes.tool_conversations import user
from conformance.probes.unread_fields import check_moderation, check_value_is_read, require_effect
from conformance.wire.exchange import Exchange
from conformance.wire.json_text import quote_value

from .state import keep, name_of, require_sendable

declare_derived(
    "responses/fields/include",
    "What the answer is to hold besides.",
    values=values(["message.output_text.logprobs"], 7),
)


@probe("responses/fields/include/output_text_logprobs", chance=chance.MEMBERS)
def include_logprobs(responses: Responses) -> Observation:
    """`message.output_text.logprobs`: the text's parts hold the probabilities of their tokens."""
    return told_odds.check_logprobs(responses)


@probe("responses/fields/include/output_text_logprobs/stream", title="with stream", chance=chance.MEMBERS)
def include_logprobs_stream(responses: Responses) -> Observation:
    """The events of a stream hold them too."""
    return told_odds.check_logprobs(responses, stream=True)


@probe(
    "responses/fields/include/reasoning_encrypted_content",
    capability="thinking",
    severity=Severity.SHOULD,
    chance=chance.MEMBERS,
)
def include_encrypted(responses: Responses) -> Observation:
    """`reasoning.encrypted_content`: thoughts in a form that can be sent back where nothing is stored."""
    asked = {"include": ["reasoning.encrypted_content"], "store": False}
    with_it, without = (_ask_to_think(responses, **fields) for fields in (asked, {"store": False}))
    items = with_it.items_of("reasoning")
    if not items:
        return inconclusive("the answer holds no item with thoughts")
    held = [get_path(item, "encrypted_content") for item in items]
    unasked = [get_path(item, "encrypted_content") for item in without.items_of("reasoning")]
    if not any(held):
        return ignored("the item with thoughts holds no `encrypted_content`")
    if any(unasked):
        return ignored("`encrypted_content` comes whether it is asked for or not")
    return supported("the item with thoughts holds `encrypted_content` when it is asked for, and not otherwise")


@probe(
    "responses/fields/include/input_image_url", capability="vision", severity=Severity.SHOULD, chance=chance.FETCHED
)
def include_image_url(responses: Responses) -> Observation:
    """`message.input_image.image_url`: the list of a stored answer's input holds the addresses of its pictures."""
    part = {"type": "input_image", "image_url": data_url("checks"), "detail": "auto"}
    answer, kept = keep(responses, [user([part])])
    if is_refused(kept):
        raise RequestRejectedError(kept)
    path = f"{responses.path}/{name_of(answer)}/input_items"
    told = []
    for include in (["message.input_image.image_url"], None):
        query = {} if include is None else {"include": include}
        listed = responses.attempt_operation(
            "GET", path, "responses.input_items.list", name_of(answer), body=query or None
        )
        if is_refused(listed):
            raise RequestRejectedError(listed)
        if not is_usable(listed) or not as_list(get_path(listed.json, "data")):
            return inconclusive(f"the list of the input gives {listed.failure or listed.status}, and no items")
        told.append("data:image" in listed.text)
    if told == [True, False]:
        return supported("the list holds the picture's address when it is asked for, and not otherwise")
    return ignored(f"the list holds the picture's address {'either way' if all(told) else 'neither way'}")


declare_derived(
    "responses/fields/reasoning",
    "How much the model thinks, and what it tells of it.",
    capability="thinking",
    values=values({"effort": "low"}, 7, capability="thinking"),
)


@probe("responses/fields/reasoning/effort", capability="thinking", chance=chance.GREEDY_ANSWER)
def reasoning_effort(responses: Responses) -> Observation:
    """From none to max: how much the model thinks before it answers."""
    return check_effort(responses, lambda effort: {"reasoning": {"effort": effort}}, limit=MAX_THINKING_TOKENS)


MAX_THINKING_TOKENS = 48
"""Tokens in which a model that thinks is seen to, and one that does not has answered."""

QUESTION = "What is 7 times 8?"
THINK = {"effort": "high"}


@probe("responses/fields/think", capability="thinking", severity=Severity.SHOULD, chance=chance.GREEDY_ANSWER)
def think(responses: Responses) -> Observation:
    """Whether the model thinks: an extension of Ollama's, not in OpenAI's clause."""
    return check_effort(responses, lambda effort: {"think": effort != "none"}, limit=MAX_THINKING_TOKENS)


def _ask_to_think(responses: Responses, **fields: Any) -> OutputResponse:
    """Ask for thoughts and an answer, of a model that may think only when it is told to, or is told not to."""
    settings = {**responses.without_switches, **fields}
    if is_usable(responses.attempt(QUESTION, answer_limit=MAX_THINKING_TOKENS, reasoning=THINK)):
        settings["reasoning"] = {**THINK, **fields.get("reasoning", {})}
    return responses.ask(QUESTION, answer_limit=MAX_THINKING_TOKENS, **settings)


@probe("responses/fields/reasoning/summary", capability="thinking", chance=chance.MEMBERS)
def reasoning_summary(responses: Responses) -> Observation:
    """`auto`, `concise` or `detailed`: a summary of the thoughts is told; it is not where none is asked for."""
    return _check_summary(responses, "summary", ({}, {"stream": True}))


def _check_summary(responses: Responses, member: str, settings: Sequence[Mapping[str, Any]]) -> Observation:
    """Check that a member of `reasoning` asks for a summary, in requests with each of the settings."""
    plain = _ask_to_think(responses)
    told, *others = (_ask_to_think(responses, reasoning={member: "auto"}, **each) for each in settings)
    with_it, without = (_summaries(answer) for answer in (told, plain))
    if not told.items_of("reasoning") and not plain.items_of("reasoning"):
        return inconclusive("the answer holds no item with thoughts")
    if with_it and without:
        return ignored("a summary comes whether it is asked for or not")
    if not with_it:
        return ignored("no summary comes, asked for or not")
    for streamed in others:
        if _summaries(streamed):
            continue
        if not streamed.finished_choice_count:
            return inconclusive("the stream ends before its last event")
        return partial("a summary comes when it is asked for, and none otherwise; but none in a stream")
    too = ", in a stream too," if len(settings) > 1 else ""
    return supported(f"a summary comes when it is asked for{too} and none otherwise")


@probe(
    "responses/fields/reasoning/generate_summary",
    capability="thinking",
    severity=Severity.SHOULD,
    chance=chance.MEMBERS,
)
def generate_summary(responses: Responses) -> Observation:
    """`reasoning.generate_summary`, the former name of `summary`."""
    return _check_summary(responses, "generate_summary", ({},))


@probe("responses/features/reasoning_summaries", capability="thinking", chance=chance.MEMBERS)
def reasoning_summaries(responses: Responses) -> Observation:
    """Thinking models tell a summary of their thoughts, where one is asked for."""
    told = _ask_to_think(responses, reasoning={"summary": "auto"})
    if not told.items_of("reasoning"):
        return inconclusive("the answer holds no item with thoughts")
    if _summaries(told):
        return supported("the item with thoughts holds a summary")
    return ignored("the item with thoughts holds no summary, though one is asked for")


def _summaries(answer: OutputResponse) -> list[Any]:
    return [part for item in answer.items_of("reasoning") for part in as_list(get_path(item, "summary"))]


@probe("responses/fields/input/reasoning", capability="thinking", chance=chance.STATUSES)
def input_reasoning(responses: Responses) -> Observation:
    """An item with thoughts, just as the server told it, can be sent back before the message that it belongs to."""
    answer = _ask_to_think(responses)
    if not answer.items_of("reasoning"):
        return inconclusive("the answer holds no item with thoughts")
    history = [user(QUESTION), *require_sendable(answer.items), user("And 7 times 9?")]
    without = [item for item in history if get_path(item, "type") != "reasoning"]
    again, plain = (responses.ask(items, limit=1) for items in (history, without))
    if (again.prompt_tokens or 0) > (plain.prompt_tokens or 0):
        return supported("thoughts that are sent back are taken, and add their tokens to the prompt")
    return supported("thoughts that are sent back are taken", Evidence.ACCEPTED)


declare_derived(
    "responses/fields/truncation",
    "What happens to an input that is too long.",
    capability="small_context",
    values=values("disabled", "zz_bogus"),
)

CONTEXT_TURNS = 40
"""Turns that are longer together than a context of 512 tokens."""


def _long_conversation(length: int = CONTEXT_TURNS) -> list[dict[str, Any]]:
    turns: list[dict[str, Any]] = []
    for _ in range(length // 2):
        turns += [user(LONG_TEXT), {"role": "assistant", "content": "Aye."}]
    return [*turns, user("Hi")]


def _is_cut(responses: Responses, exchange: Exchange) -> bool:
    """Tell whether an input counts far fewer tokens than its turns have, by what two of them cost."""
    brief, longer = (responses.ask_control(_long_conversation(length), limit=1).prompt_tokens for length in (0, 2))
    counted = responses.read(exchange).prompt_tokens
    if not (brief and longer and counted) or longer <= brief:
        return False
    return counted < brief + (longer - brief) * (CONTEXT_TURNS // 2) * MAX_CUT


MAX_CUT = 0.8
"""Share of an input's tokens that one which was cut has at most: two turns tell what all cost up to a few."""


@probe("responses/fields/truncation/disabled", capability="small_context", chance=chance.STATUSES)
def truncation_disabled(responses: Responses) -> Observation:
    """`disabled`, the default: an input longer than the context is refused, and not cut in silence."""
    responses.ask_control("Hi", limit=1)
    exchange = responses.attempt(_long_conversation(), truncation="disabled", limit=1)
    if exchange.accepted and not _is_cut(responses, exchange):
        return inconclusive("an input that was to be too long is answered, and no count tells whether it was cut")
    if exchange.accepted:
        tokens = responses.read(exchange).prompt_tokens
        return ignored(f"an input longer than the context is answered, as {tokens} tokens: it is cut in silence")
    if not is_refused(exchange):
        return inconclusive(f"an input longer than the context gives {exchange.failure or exchange.status}")
    code = get_path(exchange.json, "error", "code")
    if code == "context_length_exceeded":
        return supported("an input longer than the context is refused, with the code for it")
    return partial(
        f"an input longer than the context is refused with {exchange.status}, and code {quote_value(code)}"
    )


@probe("responses/fields/truncation/auto", capability="small_context", chance=chance.STATUSES)
def truncation_auto(responses: Responses) -> Observation:
    """`auto`: of an input longer than the context the oldest items are left out."""
    responses.ask_control("Hi", limit=1)
    strict = responses.attempt(_long_conversation(), truncation="disabled", limit=1)
    exchange = responses.attempt(_long_conversation(), truncation="auto", limit=1)
    if is_usable(exchange) and responses.read(exchange).items and is_refused(strict):
        return supported("an input longer than the context is answered with `auto`, and refused with `disabled`")
    if exchange.accepted and strict.accepted and not _is_cut(responses, strict):
        return inconclusive("an input that was to be too long is answered, and no count tells whether it was cut")
    if exchange.accepted and strict.accepted:
        return ignored("an input longer than the context is answered with `disabled` as with `auto`")
    if is_refused(exchange):
        bogus = send_bad(responses, truncation="zz_bogus")
        if bogus.accepted:
            return ignored("an input longer than the context is refused with `auto`, and any word is taken")
        raise RequestRejectedError(exchange)
    return inconclusive(f"an input longer than the context gives {exchange.failure or exchange.status}")


@probe("responses/fields/service_tier", values=values("default", "zz_bogus"), chance=chance.MEMBER_OR_STATUS)
def service_tier(responses: Responses) -> Observation:
    """Which tier of service answers; the answer names it."""
    responses.ask_control()
    try:
        told = get_path(responses.ask(service_tier="flex", limit=1).body, "service_tier")
    except RequestRejectedError:
        return check_value_is_read(responses, "service_tier")  # not every model is served in every tier
    plain = get_path(responses.ask_control(limit=1).body, "service_tier")
    if told == "flex" and plain != "flex":
        return supported("the answer names the service_tier that was asked for", Evidence.ECHOED)
    seen = check_value_is_read(responses, "service_tier")
    # The clause lets another tier answer, and has the answer name it.
    return seen if isinstance(told, str) else require_effect(seen, absent=True, words="the answer names no tier")


@probe(
    "responses/fields/moderation",
    values=values({"model": "omni-moderation-latest"}, 7),
    chance=chance.MEMBER_OR_STATUS,
)
def moderation(responses: Responses) -> Observation:
    """Whether the answer is moderated; the answer then holds the outcome."""
    return check_moderation(responses)


@probe("responses/fields/prompt", values=values(None, 7), chance=chance.STATUSES)
def prompt(responses: Responses) -> Observation:
    """A stored template by its id, with variables: the id of no template is refused."""
    exchange = send_bad(responses, prompt={"id": "pmpt_zq_unknown"})
    if exchange.accepted:
        return ignored("the id of no template is taken, and the input answered as without it")
    if is_refused(exchange) and "pmpt_zq_unknown" in exchange.text:
        return supported(f"the id of no template is refused with {exchange.status}, and named", Evidence.PARSED)
    if is_refused(exchange):
        raise RequestRejectedError(exchange)
    return inconclusive(f"the id of no template is answered with {exchange.failure or exchange.status}")


UNSEEN: dict[str, tuple[str, FieldValues]] = {
    "context_management": (
        "When the context is compacted.", values([{"type": "compaction", "compact_threshold": 100_000}], 7),
    ),
    "safety_identifier": ("An identifier of the end user, for OpenAI's own checks.", values("zq-user", {})),
    "user": ("An identifier of the end user (deprecated).", values("zq-user", {})),
    "prompt_cache_key": ("Groups requests that share a prompt, for OpenAI's cache.", values("zq", {})),
    "prompt_cache_options": ("How the prompt is cached.", values({"mode": "implicit", "ttl": "30m"}, 7)),
    "prompt_cache_retention": ("How long the prompt stays cached (deprecated).", values("in_memory", "zz_bogus")),
    "access_programs": ("Programs of a field that a request asks for.", values({"cyber": "standard"}, 7)),
    "image": ("How pictures of the input are read.", values({"context_compression": "auto"}, 7)),
}  # fmt: skip
"""Field without an effect that could be seen -> what it is for."""


def _declare(field: str, description: str, allowed: FieldValues) -> None:
    @probe(
        f"responses/fields/{field}",
        description=description,
        severity=Severity.SHOULD,
        chance=chance.STATUSES,
        values=allowed,
    )
    def read(responses: Responses) -> Observation:
        return check_value_is_read(responses, field)


for _field, (_description, _values) in UNSEEN.items():
    _declare(_field, _description, _values)


REASONING_MEMBERS: dict[str, Any] = {"context": "auto", "mode": "standard"}
"""Member of `reasoning` without an effect that could be seen -> a valid value."""


def _declare_member(member: str, valid: Any) -> None:
    @probe(
        f"responses/fields/reasoning/{member}",
        description=f"`reasoning.{member}`, which has an effect on some models alone.",
        capability="thinking",
        severity=Severity.SHOULD,
        chance=chance.STATUSES,
    )
    def read(responses: Responses) -> Observation:
        allowed = values({member: valid}, {member: 7})
        return check_value_is_read(responses, "reasoning", allowed)


for _field, _valid in REASONING_MEMBERS.items():
    _declare_member(_field, _valid)
