"""chat/fields: what has an effect on few servers, and what has none that can be seen."""

from __future__ import annotations

from typing import Any

from conformance.checklist.field_values import FieldValues, values
from conformance.checklist.verdicts import Evidence, Severity
from conformance.probes import chance
from conformance.probes.control import CONTROL_TOKENS
from conformance.probes.effort import check_effort, check_verbosity
from conformance.probes.endpoints import Chat, is_addressable
from conformance.probes.observation import Observation, ignored, inconclusive, supported
from conformance.probes.registry import declare_derived, probe
from conformance.probes.response_views import TextResponse, as_int64, as_list, get_path
from conformance.probes.session import (
    RequestFailedError,
    RequestRejectedError,
    is_rejection,
)
from conformance.probes.tool_conversations import MAX_LONG_CALL_TOKENS
from conformance.probes.unread_fields import check_moderation, check_value_is_read, is_unread, require_effect
from conformance.wire.exchange import Exchange


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
    return check_value_is_read(chat, "user")


@probe(
    "chat/fields/audio",
    values=values({"voice": "alloy", "format": "wav"}, 7, modalities=["text", "audio"]),
    chance=chance.MEMBERS,
)
def audio(chat: Chat) -> Observation:
    """Voice and format of a spoken answer; needs `modalities` with audio."""
    chat.ask_control()
    answer = _ask_for_sound(chat)
    if _sound(answer):
        return supported("the answer holds `audio`")
    if _says_or_ends(answer):
        return ignored("audio is asked for and none comes")
    return inconclusive("the limit came before sound or text")


def _ask_for_sound(chat: Chat) -> TextResponse:
    """Ask for a spoken answer; once more, with room for thoughts, where the limit came before sound and text."""
    fields: dict[str, Any] = {"audio": {"voice": "alloy", "format": "wav"}, "modalities": ["text", "audio"]}
    answer = chat.ask(**fields, answer_limit=CONTROL_TOKENS)
    if _sound(answer) or _says_or_ends(answer):
        return answer
    return chat.ask(**fields, answer_limit=MAX_LONG_CALL_TOKENS)


def _sound(answer: TextResponse) -> Any:
    return get_path(answer.message, "audio", "data")


def _says_or_ends(answer: TextResponse) -> bool:
    """Tell whether an answer has come so far that what was asked for would show."""
    return bool(answer.content.strip()) or answer.finish_reason not in ("length", None)


@probe("chat/fields/modalities", values=values(["text"], ["zz"]), chance=chance.MEMBER_OR_STATUS)
def modalities(chat: Chat) -> Observation:
    """What the answer is made of: text, or text and audio."""
    chat.ask_control()
    try:
        answer = _ask_for_sound(chat)
    except (RequestRejectedError, RequestFailedError):
        # A server that cannot speak, or does not know `audio`, may read the field all the same.
        return check_value_is_read(chat, "modalities")
    if _sound(answer):
        return supported("with audio among the modalities the answer holds `audio`")
    absent = _says_or_ends(answer)
    return require_effect(
        check_value_is_read(chat, "modalities"), absent=absent, words="audio is asked for and none comes"
    )


@probe(
    "chat/fields/prediction", values=values({"type": "content", "content": "a"}, 7), chance=chance.MEMBER_OR_STATUS
)
def prediction(chat: Chat) -> Observation:
    """Text that the answer will mostly repeat, to answer faster; the usage counts what was taken of it."""
    votes: list[bool | None] = []
    for prompt in chat.prompts[:2]:
        said = chat.ask_control(prompt, answer_limit=CONTROL_TOKENS).content
        answer = chat.ask(prompt, prediction={"type": "content", "content": said}, answer_limit=CONTROL_TOKENS)
        details = get_path(answer.usage, "completion_tokens_details")
        counts = [as_int64(get_path(details, f"{kind}_prediction_tokens")) for kind in ("accepted", "rejected")]
        votes.append(None if None in counts or not said.strip() else any(counts))
    if all(votes):
        return supported("the usage counts predicted tokens")
    seen = check_value_is_read(chat, "prediction")
    if all(vote is False for vote in votes):
        return require_effect(seen, absent=True, words="the usage counts no token of a text that comes true")
    return seen


@probe("chat/fields/web_search_options", values=values({}, 7), chance=chance.MEMBER_OR_STATUS)
def web_search_options(chat: Chat) -> Observation:
    """The model searches the web and cites what it found."""
    prompt = "What is in the news today?"
    control = chat.ask_control(prompt, answer_limit=CONTROL_TOKENS)
    answer = chat.ask(prompt, web_search_options={}, answer_limit=CONTROL_TOKENS)
    if _cites(answer):
        return supported("the answer cites addresses")
    seen = check_value_is_read(chat, "web_search_options")
    absent = is_unread(answer, control, other=chat.ask_control())
    # What was found is cited behind what is said of it.
    if seen.verdict.is_positive and not absent and _cites(chat.ask(prompt, web_search_options={}, answer_limit=256)):
        return supported("the answer cites addresses")
    return require_effect(seen, absent=absent, words="no address is cited")


def _cites(answer: TextResponse) -> bool:
    messages = [answer.message]
    if answer.streamed:
        messages = [get_path(chunk, "choices", 0, "delta") for chunk in answer.chunks]
    notes = [note for message in messages for note in as_list(get_path(message, "annotations"))]
    return "url_citation" in [get_path(note, "type") for note in notes]


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
    kept, left = (_stored(chat, chat.ask(store=value, limit=1)) for value in (True, False))
    if kept is None or left is None:
        return inconclusive("the answer has no id to fetch it by")
    if not _fetched(kept) and chat.control.stream:
        return inconclusive("an answer that was streamed cannot be fetched by its id: it may be stored later")
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
    try:
        kept = _stored(chat, chat.ask(store=True, metadata={"zq": "1"}, limit=1))
    except (RequestRejectedError, RequestFailedError):
        # A server that does not know `store` may read the field all the same.
        return check_value_is_read(chat, "metadata")
    if kept is not None and _fetched(kept) and get_path(kept.json, "metadata") == {"zq": "1"}:
        return supported("the stored answer has the metadata")
    seen = check_value_is_read(chat, "metadata")
    if kept is None or kept.failure is not None or kept.status is None:
        return require_effect(seen, absent=False, words="the answer could not be fetched by its id")
    if _fetched(kept):
        return require_effect(seen, absent=True, words="the stored answer does not have them")
    if is_rejection(kept.status) and not chat.control.stream:
        words = f"no answer is stored that they could be kept with ({kept.status} for its id)"
        return require_effect(seen, absent=True, words=words)
    return require_effect(seen, absent=False, words=f"fetching the answer by its id gives {kept.status}")


@probe("chat/fields/service_tier", values=values("default", "zz_bogus"), chance=chance.MEMBER_OR_STATUS)
def service_tier(chat: Chat) -> Observation:
    """Which tier of service answers; the answer names it."""
    chat.ask_control()
    try:
        told = get_path(chat.ask(service_tier="flex", limit=1).body, "service_tier")
    except RequestRejectedError:
        # Not every model is served in every tier.
        return check_value_is_read(chat, "service_tier")
    if told == "flex":
        return supported("the answer names the service_tier that was asked for", Evidence.ECHOED)
    seen = check_value_is_read(chat, "service_tier")
    # The clause lets another tier answer, and has the answer name it.
    return seen if isinstance(told, str) else require_effect(seen, absent=True, words="the answer names no tier")


@probe(
    "chat/fields/moderation", values=values({"model": "omni-moderation-latest"}, 7), chance=chance.MEMBER_OR_STATUS
)
def moderation(chat: Chat) -> Observation:
    """Whether the answer is moderated; the answer then holds the outcome."""
    return check_moderation(chat)


@probe("chat/fields/verbosity", values=values("low", "zz_bogus"), chance=chance.GREEDY_OR_STATUS)
def verbosity(chat: Chat) -> Observation:
    """From low to high: how much the model says."""
    return check_verbosity(chat, "verbosity", lambda value: {"verbosity": value})


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
        return check_value_is_read(chat, field)


for _field, (_description, _values) in UNSEEN.items():
    _declare(_field, _description, _values)
