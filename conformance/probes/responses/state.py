"""responses/fields and operations: what a server keeps of an answer, and what can be done with it."""

from __future__ import annotations

import json
from typing import Any

from conformance.checklist.field_values import values
from conformance.probes import chance
from conformance.probes.added_text import LONG_TEXT, UNSTABLE_COUNTS
from conformance.probes.endpoints import Responses, is_addressable
from conformance.probes.observation import (
    Observation,
    broken,
    ignored,
    inconclusive,
    not_applicable,
    partial,
    supported,
)
from conformance.probes.registry import probe
from conformance.probes.response_output import OutputResponse
from conformance.probes.response_views import as_list, get_path
from conformance.probes.session import RequestRejectedError, UndeterminedError, is_refused, is_usable
from conformance.probes.unread_fields import check_value_is_read, require_effect
from conformance.wire.exchange import Exchange
from conformance.wire.json_text import quote_value

UNKNOWN_ID = "resp_zq_unknown"
"""An id that no response has."""

LONG_HISTORY = " ".join([LONG_TEXT] * 6)
"""Some hundred and twenty words, which are missed where they are lost."""

MIN_HISTORY_TOKENS = 100
"""Tokens that `LONG_HISTORY` costs at the very least."""


def name_of(answer: OutputResponse) -> str:
    """Return the id of an answer, to ask for it again.

    Raises:
        UndeterminedError: there is none that could stand in an address.
    """
    name = answer.id
    if name is None or "/" in name or not is_addressable(name):
        raise UndeterminedError("the answer has no id that could stand in an address")
    return name


def is_that(exchange: Exchange, name: str) -> bool:
    """Tell whether what came is the response of that id."""
    return exchange.accepted and get_path(exchange.json, "id") == name


def ask_stored(responses: Responses, subject: Any = None, /, **fields: Any) -> OutputResponse:
    """Send a treatment that is to be stored: without `store`, where that is not taken, since it is the default.

    Raises:
        RequestRejectedError, RequestFailedError: the server did not take it.
    """
    if not is_usable(responses.attempt(store=True, limit=1)):
        return responses.ask(subject, limit=1, **fields)
    return responses.ask(subject, store=True, limit=1, **fields)


def keep(responses: Responses, subject: Any = None, /, **fields: Any) -> tuple[OutputResponse, Exchange]:
    """Send a treatment that is to be stored, and return it with what asking for its id gives.

    Raises:
        RequestRejectedError, RequestFailedError: the server did not take it.
        UndeterminedError: the answer has no id.
    """
    answer = ask_stored(responses, subject, **fields)
    return answer, responses.attempt_retrieve(name_of(answer))


MAX_SENT_CHARACTERS = 65_536
"""Characters of JSON that a server gave, and that are sent back to it."""


def require_sendable(items: list[Any]) -> list[Any]:
    """Return items of an answer, to be sent back.

    Raises:
        UndeterminedError: they hold what is no JSON, or no text, or are very long.
    """
    try:
        written = json.dumps(items, allow_nan=False, ensure_ascii=False)
        written.encode()
    except (ValueError, RecursionError) as error:
        raise UndeterminedError("what the answer holds cannot be sent back") from error
    if len(written) > MAX_SENT_CHARACTERS:
        raise UndeterminedError(f"what the answer holds is too long to be sent back: {len(written)} characters")
    return items


def require_kept(kept: Exchange) -> None:
    """Refuse to go on where nothing is stored: an operation on what is not there is absent.

    Raises:
        RequestRejectedError: what was to be stored is not found, and refused as such.
        UndeterminedError: it cannot be told.
    """
    if kept.accepted:
        return
    if is_refused(kept):
        raise RequestRejectedError(kept)
    raise UndeterminedError(f"asking for a stored answer gives {kept.failure or kept.status}")


@probe("responses/fields/store", values=values(False, "zz"), chance=chance.FETCHED)
def store(responses: Responses) -> Observation:
    """Whether the answer is kept, as it is by default; what is kept can be fetched by its id."""
    responses.ask_control()
    answer = responses.ask(store=True, limit=1)
    kept = responses.attempt_retrieve(name_of(answer))
    if not is_that(kept, name_of(answer)):
        return ignored(f"store is accepted, and fetching the answer by its id gives {kept.failure or kept.status}")
    left = responses.attempt_retrieve(name_of(responses.ask(store=False, limit=1)))
    plain_name = name_of(responses.ask_control(limit=1))
    plain = responses.attempt_retrieve(plain_name)
    if left.accepted:
        return ignored("an answer can be fetched by its id whether it was to be stored or not")
    if not is_refused(left):
        return inconclusive(f"fetching what was not to be stored gives {left.failure or left.status}, no refusal")
    if is_refused(plain):
        return partial("what is to be stored can be fetched by its id, but not by default, as it should be")
    if not is_that(plain, plain_name):
        return inconclusive(f"fetching what is stored by default gives {plain.failure or plain.status}")
    return supported("a stored answer can be fetched by its id, by default too, and one not to be stored cannot")


@probe("responses/fields/metadata", values=values({"zq": "1"}, 7), chance=chance.MEMBER_OR_STATUS)
def metadata(responses: Responses) -> Observation:
    """Up to 16 pairs that are kept with the answer, and come back in it."""
    responses.ask_control()
    answer, kept = keep(responses, metadata={"zq": "1"})
    if not kept.accepted and not is_refused(kept):
        return inconclusive(f"fetching the answer by its id gives {kept.failure or kept.status}")
    told = get_path(answer.body, "metadata") == {"zq": "1"}
    stored = get_path(kept.json, "metadata") == {"zq": "1"}
    if told and (stored or not kept.accepted):
        return supported("the answer holds the metadata" + (", stored too" if stored else ""))
    if kept.accepted and told != stored:
        return partial("the metadata come back in the answer or in what is stored of it, not in both")
    seen = check_value_is_read(responses, "metadata")
    return require_effect(seen, absent=True, words="the answer does not have them")


@probe("responses/fields/previous_response_id", values=values(None, 7), chance=chance.GREEDY_TEXT)
def previous_response_id(responses: Responses) -> Observation:
    """The input and the output of an earlier answer stand before the new input."""
    unknown = responses.attempt_minimal(previous_response_id=UNKNOWN_ID)
    control = responses.ask_control("Go on.", limit=1)
    first = ask_stored(responses, LONG_HISTORY)
    answer = responses.ask("Go on.", previous_response_id=name_of(first), limit=1)
    counts = (control.prompt_tokens, first.prompt_tokens, answer.prompt_tokens)
    if None in counts or not all(counts):
        return inconclusive("the server counts no input tokens")
    grown = (answer.prompt_tokens or 0) - (control.prompt_tokens or 0)
    if grown <= 0 and responses.has_stable_prompt_count(responses.prompts[0]):
        return ignored("the earlier turn is not in the prompt: it has as many tokens as without")
    if grown < MIN_HISTORY_TOKENS:
        return inconclusive(f"the prompt grows by {grown} tokens, where the earlier turn has more")
    if unknown.accepted:
        return partial("the earlier turn adds its tokens; but the id of no response is taken too")
    return supported("the earlier turn adds its tokens, and the id of no response is refused")


@probe(
    "responses/fields/previous_response_id/instructions",
    title="instructions do not carry over",
    chance=chance.GREEDY_TEXT,
)
def previous_instructions(responses: Responses) -> Observation:
    """The instructions of an earlier answer are not those of the next."""
    first = ask_stored(responses, LONG_HISTORY)
    plain = responses.ask("Go on.", previous_response_id=name_of(first), limit=1)
    alone = responses.ask_control("Go on.", limit=1)
    if not plain.prompt_tokens or not alone.prompt_tokens:
        return inconclusive("the server counts no input tokens")
    if plain.prompt_tokens <= alone.prompt_tokens:
        return not_applicable("no earlier turn is in the prompt at all")
    instructed = responses.ask_control("Hello.", store=True, limit=1, instructions=LONG_HISTORY)
    told = responses.ask("Go on.", previous_response_id=name_of(instructed), limit=1)
    counts = (told.prompt_tokens, instructed.prompt_tokens, instructed.completion_tokens)
    if None in counts or not responses.has_stable_prompt_count(responses.prompts[0]):
        return inconclusive(UNSTABLE_COUNTS)
    # The earlier answer is in the prompt too, and may be long; a server need not count tokens.
    carried = (told.prompt_tokens or 0) - (instructed.completion_tokens or 0)
    if carried >= (instructed.prompt_tokens or 0) and carried - alone.prompt_tokens >= MIN_HISTORY_TOKENS:
        return broken("the instructions of an earlier answer are in the prompt of the next")
    return supported("the prompt of the next answer has the earlier turn, and not its instructions")


def create_conversation(responses: Responses, items: list[Any]) -> str:
    """Return the id of a new conversation.

    Raises:
        RequestRejectedError, UndeterminedError: there is none.
    """
    made = responses.attempt_operation("POST", "/conversations", "conversations.create", body={"items": items})
    name = get_path(made.json, "id")
    if is_refused(made):
        raise RequestRejectedError(made)
    if not made.accepted or not isinstance(name, str) or "/" in name or not is_addressable(name):
        raise UndeterminedError(f"making a conversation gives {made.failure or made.status}, and no id")
    return name


@probe("responses/fields/conversation", values=values(None, 7), chance=chance.GREEDY_TEXT)
def conversation(responses: Responses) -> Observation:
    """The items of a conversation stand before the input, which is added to it, with the output."""
    responses.ask_control()
    bare = responses.attempt_minimal(conversation="conv_zq_unknown")
    if bare.accepted:
        grown = _try_conversation(responses)
        return grown or ignored("the id of no conversation is taken, and its items are not in the prompt")
    name = create_conversation(responses, [{"type": "message", "role": "user", "content": LONG_HISTORY}])
    control = responses.ask_control("Go on.", limit=1)
    answers = [responses.ask("Go on.", conversation=form, limit=1) for form in (name, {"id": name})]
    if not control.prompt_tokens or not answers[0].prompt_tokens:
        return inconclusive("the server counts no input tokens")
    if not responses.has_stable_prompt_count(responses.prompts[0]):
        return inconclusive(UNSTABLE_COUNTS)
    if any((each.prompt_tokens or 0) < control.prompt_tokens + MIN_HISTORY_TOKENS for each in answers):
        return ignored("the items of the conversation are not in the prompt")
    told = get_path(answers[0].body, "conversation", "id")
    if told != name:
        return partial("the items of the conversation are in the prompt, and the answer does not name it")
    return supported("the items of the conversation add their tokens, and the answer names it")


def _try_conversation(responses: Responses) -> Observation | None:
    """Return that a conversation reaches the prompt, though a server takes any id; None where it does not."""
    try:
        name = create_conversation(responses, [{"type": "message", "role": "user", "content": LONG_HISTORY}])
    except RequestRejectedError:
        return None
    control = responses.ask_control("Go on.", limit=1)
    answer = responses.ask("Go on.", conversation=name, limit=1)
    if (answer.prompt_tokens or 0) >= (control.prompt_tokens or 0) + MIN_HISTORY_TOKENS:
        return partial("the items of a conversation add their tokens; but the id of no conversation is taken too")
    return None


TERMINAL = ("completed", "incomplete", "failed", "cancelled")
"""Statuses after which nothing comes any more."""

MAX_POLLS = 10
"""How often a response that is made in the background is asked for, a plain answer of equal length between."""


@probe("responses/fields/background", values=values(False, "zz"), chance=chance.FETCHED)
def background(responses: Responses) -> Observation:
    """The answer comes at once, `queued` or `in_progress`, and is fetched by its id when it is there."""
    responses.ask_control()
    answer = responses.ask(background=True, store=True)
    if answer.streamed:
        return inconclusive("answers come in streams alone, which last until the answer is there")
    if answer.status == "completed" or (answer.status in TERMINAL and answer.content.strip()):
        return ignored(f"the first answer is {answer.status} already: it did not come in the background")
    if answer.status not in ("queued", "in_progress"):
        return inconclusive(f"the status of the first answer is {quote_value(answer.status)}")
    last = _poll(responses, name_of(answer))
    if get_path(last.json, "status") in ("completed", "incomplete") and as_list(get_path(last.json, "output")):
        return supported(f"the answer is {answer.status} at first, and there when it is fetched by its id")
    status = get_path(last.json, "status") or last.failure or last.status
    return broken(f"the answer is {answer.status} at first, and {quote_value(status)} when it is fetched by its id")


def _poll(responses: Responses, name: str) -> Exchange:
    """Ask for a response until it is there. Plain answers of equal length are waited for in between: no clock is."""
    last = responses.attempt_retrieve(name)
    for number in range(1, MAX_POLLS):
        if get_path(last.json, "status") not in ("queued", "in_progress"):
            break
        responses.ask_control(repetition=number)
        last = responses.attempt_retrieve(name, repetition=number)
    return last
