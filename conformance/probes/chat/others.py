"""chat/fields: what has an effect on few servers, and what has none that can be seen."""

from __future__ import annotations

from typing import Any

from conformance.checklist.field_values import FieldValues, values
from conformance.checklist.verdicts import Evidence, Severity
from conformance.probes import chance, text_generation
from conformance.probes.endpoints import Chat, is_addressable
from conformance.probes.observation import Observation, ignored, inconclusive, supported, weigh
from conformance.probes.registry import declare_derived, probe
from conformance.probes.response_views import TextResponse, as_int64, as_list, get_path
from conformance.probes.session import is_rejection
from conformance.wire.exchange import Exchange

MAX_THINKING_TOKENS = 128
"""Tokens that leave a thinking model room to think and to answer."""


def shows_thinking(answer: TextResponse) -> bool:
    """Whether the answer shows thinking: as text under any of the names in use, or as counted tokens."""
    for choice in answer.choices:
        message = get_path(choice, "message")
        if get_path(message, "reasoning") or get_path(message, "reasoning_content"):
            return True
    if answer.streamed and any(
        get_path(chunk, "choices", 0, "delta", name)
        for chunk in answer.chunks
        for name in ("reasoning", "reasoning_content")
    ):
        return True
    counted = as_int64(get_path(answer.usage, "completion_tokens_details", "reasoning_tokens"))
    return bool(counted) or "<think>" in answer.text


def check_effort(chat: Chat, setting: Any) -> Observation:
    """How much a model thinks: with `none` not at all, with `high` visibly. `setting` makes the field."""
    votes: list[bool | None] = []
    for prompt in ("What is 7 times 8?", "Which is larger, 9.11 or 9.9?"):
        chat.ask_control(prompt, max_tokens=MAX_THINKING_TOKENS)
        high, none = (
            chat.ask(prompt, max_tokens=MAX_THINKING_TOKENS, **setting(effort)) for effort in ("high", "none")
        )
        if shows_thinking(high) != shows_thinking(none):
            # Where nothing is said, thoughts may have been hidden until the limit.
            votes.append(shows_thinking(high) if none.text.strip() else None)
        else:
            same_prompt = high.prompt_tokens == none.prompt_tokens
            votes.append(False if high.text == none.text and same_prompt else None)
    return weigh(
        votes,
        seen="the model thinks with effort `high` and does not with `none`",
        absent="effort `high` and `none` get the same answer",
        unclear="the effort changes the answer, but thinking is seen in both or in neither",
    )


@probe(
    "chat/fields/reasoning_effort",
    capability="thinking",
    values=values("low", "zz_bogus", capability="thinking"),
    chance=chance.GREEDY_ANSWER,
)
def reasoning_effort(chat: Chat) -> Observation:
    """From none to max: how much the model thinks before it answers."""
    return check_effort(chat, lambda effort: {"reasoning_effort": effort})


declare_derived(
    "chat/fields/reasoning", "The same as an object: an extension of several servers.", capability="thinking"
)


@probe("chat/fields/reasoning/effort", capability="thinking", severity=Severity.SHOULD, chance=chance.GREEDY_ANSWER)
def reasoning_object(chat: Chat) -> Observation:
    """`reasoning.effort`, as in the Responses API; not in OpenAI's clause for chat."""
    return check_effort(chat, lambda effort: {"reasoning": {"effort": effort}})


@probe("chat/fields/user", values=values("zq-user", {}), chance=chance.STATUSES)
def user_field(chat: Chat) -> Observation:
    """An identifier of the end user, for OpenAI's own records (deprecated)."""
    return text_generation.check_value_is_read(chat, "user")


@probe(
    "chat/fields/audio",
    values=values({"voice": "alloy", "format": "wav"}, 7, modalities=["text", "audio"]),
    chance=chance.MEMBERS,
)
def audio(chat: Chat) -> Observation:
    """Voice and format of a spoken answer; needs `modalities` with audio."""
    chat.ask_control()
    answer = chat.ask(audio={"voice": "alloy", "format": "wav"}, modalities=["text", "audio"])
    if get_path(answer.message, "audio", "data"):
        return supported("the answer holds `audio`")
    return ignored("audio is asked for and none comes")


@probe("chat/fields/modalities", values=values(["text"], ["zz"]), chance=chance.MEMBER_OR_STATUS)
def modalities(chat: Chat) -> Observation:
    """What the answer is made of: text, or text and audio."""
    chat.ask_control()
    answer = chat.ask(modalities=["text", "audio"], audio={"voice": "alloy", "format": "wav"})
    if get_path(answer.message, "audio", "data"):
        return supported("with audio among the modalities the answer holds `audio`")
    return text_generation.check_value_is_read(chat, "modalities")


@probe(
    "chat/fields/prediction", values=values({"type": "content", "content": "a"}, 7), chance=chance.MEMBER_OR_STATUS
)
def prediction(chat: Chat) -> Observation:
    """Text that the answer will mostly repeat, to answer faster; the usage counts what was taken of it."""
    votes = []
    for prompt, control in chat.find_repeatable_controls(2):
        answer = chat.ask(prompt, prediction={"type": "content", "content": control.text})
        details = get_path(answer.usage, "completion_tokens_details")
        counts = [as_int64(get_path(details, f"{kind}_prediction_tokens")) or 0 for kind in ("accepted", "rejected")]
        votes.append(sum(counts) > 0)
    if all(votes):
        return supported("the usage counts predicted tokens")
    return text_generation.check_value_is_read(chat, "prediction")


@probe("chat/fields/web_search_options", values=values({}, 7), chance=chance.MEMBER_OR_STATUS)
def web_search_options(chat: Chat) -> Observation:
    """The model searches the web and cites what it found."""
    prompt = "What is in the news today?"
    chat.ask_control(prompt)
    answer = chat.ask(prompt, web_search_options={})
    cited = [get_path(note, "type") for note in as_list(get_path(answer.message, "annotations"))]
    if "url_citation" in cited:
        return supported("the answer cites addresses")
    return text_generation.check_value_is_read(chat, "web_search_options")


def _stored(chat: Chat, answer: TextResponse) -> Any:
    """Return the stored completion, as GET gives it, or None."""
    name = get_path(answer.body, "id")
    if not isinstance(name, str) or "/" in name or not is_addressable(name[:80]):
        return None
    return chat.attempt_retrieve(name[:80])


def _fetched(exchange: Exchange) -> bool:
    """Whether what came is the answer of that id."""
    return exchange.accepted and exchange.call.path.endswith(f"/{get_path(exchange.json, 'id')}")


@probe("chat/fields/store", values=values(False, "zz"), chance=chance.FETCHED)
def store(chat: Chat) -> Observation:
    """Whether the answer is kept; what is kept can be fetched by its id."""
    chat.ask_control()
    kept, left = (_stored(chat, chat.ask(store=value, max_tokens=1)) for value in (True, False))
    if kept is None or left is None:
        return inconclusive("the answer has no id to fetch it by")
    if not _fetched(kept):
        return ignored(f"store is accepted, and fetching the answer by its id gives {kept.failure or kept.status}")
    if _fetched(left):
        return ignored("an answer can be fetched by its id whether it was to be stored or not")
    if left.failure is not None or left.status is None or not is_rejection(left.status):
        return inconclusive(f"fetching what was not to be stored gives {left.failure or left.status}, no refusal")
    return supported("the stored answer can be fetched by its id, and one not to be stored cannot")


@probe("chat/fields/metadata", values=values({"zq": "1"}, 7), chance=chance.MEMBER_OR_STATUS)
def metadata(chat: Chat) -> Observation:
    """Up to 16 pairs that are kept with a stored answer."""
    chat.ask_control()
    kept = _stored(chat, chat.ask(store=True, metadata={"zq": "1"}, max_tokens=1))
    if kept is not None and _fetched(kept) and get_path(kept.json, "metadata") == {"zq": "1"}:
        return supported("the stored answer has the metadata")
    return text_generation.check_value_is_read(chat, "metadata")


@probe("chat/fields/service_tier", values=values("default", "zz_bogus"), chance=chance.MEMBER_OR_STATUS)
def service_tier(chat: Chat) -> Observation:
    """Which tier of service answers; the answer names it."""
    chat.ask_control()
    answer = chat.ask(service_tier="flex", max_tokens=1)
    if get_path(answer.body, "service_tier") == "flex":
        return supported("the answer names the service_tier that was asked for", Evidence.ECHOED)
    return text_generation.check_value_is_read(chat, "service_tier")


@probe(
    "chat/fields/moderation", values=values({"model": "omni-moderation-latest"}, 7), chance=chance.MEMBER_OR_STATUS
)
def moderation(chat: Chat) -> Observation:
    """Whether the answer is moderated; the answer then holds the outcome."""
    chat.ask_control()
    asked = {"model": "omni-moderation-latest"}
    answer = chat.ask(moderation=asked, max_tokens=1)
    if get_path(answer.body, "moderation") not in (None, {}, asked):
        return supported("the answer holds the outcome of its moderation")
    return text_generation.check_value_is_read(chat, "moderation")


@probe("chat/fields/verbosity", values=values("low", "zz_bogus"), chance=chance.GREEDY_OR_STATUS)
def verbosity(chat: Chat) -> Observation:
    """From low to high: how much the model says."""
    votes: list[bool | None] = []
    for prompt, _ in chat.find_repeatable_controls():
        low, high = (chat.ask(prompt, verbosity=value) for value in ("low", "high"))
        votes.append(low.text != high.text)
    if all(votes):
        return supported("greedy text, which repeats itself, differs between `low` and `high`")
    return text_generation.check_value_is_read(chat, "verbosity")


UNSEEN: dict[str, tuple[str, FieldValues]] = {
    "safety_identifier": ("An identifier of the end user, for OpenAI's own checks.", values("zq-user", {})),
    "prompt_cache_key": ("Groups requests that share a prompt, for OpenAI's cache.", values("zq", {})),
    "prompt_cache_options": ("How the prompt is cached.", values({"mode": "implicit", "ttl": "30m"}, 7)),
    "prompt_cache_retention": (
        "How long the prompt stays cached (deprecated).",
        values("in_memory", "zz_bogus"),
    ),
}
"""Field without an effect that could be seen -> what it is for. A cache is a matter of price and speed."""


def _declare(field: str, description: str, allowed: FieldValues) -> None:
    @probe(
        f"chat/fields/{field}",
        description=description,
        severity=Severity.SHOULD,
        chance=chance.STATUSES,
        values=allowed,
    )
    def _reads(chat: Chat) -> Observation:
        return text_generation.check_value_is_read(chat, field)


for _field, (_description, _values) in UNSEEN.items():
    _declare(_field, _description, _values)
