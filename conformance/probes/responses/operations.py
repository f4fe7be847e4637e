"""responses/operations: what can be done with what is stored."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from conformance.checklist.verdicts import Severity
from conformance.probes import chance
from conformance.probes.added_text import LONG_TEXT, UNSTABLE_COUNTS
from conformance.probes.endpoints import Responses
from conformance.probes.observation import Observation, broken, ignored, inconclusive, partial, rejected, supported
from conformance.probes.registry import probe
from conformance.probes.response_output import OutputResponse
from conformance.probes.response_views import as_int64, as_list, get_path
from conformance.probes.session import RequestRejectedError, is_refused, is_usable
from conformance.probes.tool_conversations import user
from conformance.wire.exchange import Exchange
from conformance.wire.json_text import quote_value

from .state import (
    TERMINAL,
    UNKNOWN_ID,
    ask_stored,
    create_conversation,
    keep,
    name_of,
    require_kept,
    require_sendable,
)


@probe("responses/operations/retrieve", title="GET /responses/{id}", chance=chance.FETCHED)
def retrieve(responses: Responses) -> Observation:
    """A stored response is given as it was; an unknown id is not found."""
    responses.ask_control()
    answer, kept = keep(responses)
    require_kept(kept)
    unknown = responses.attempt_retrieve(UNKNOWN_ID)
    differing = [
        name for name in ("id", "object", "status", "output", "usage", "model", "created_at")
        if get_path(kept.json, name) != get_path(answer.body, name)
    ]  # fmt: skip
    if differing:
        return partial(f"what is stored differs from the answer in {', '.join(differing)}")
    if unknown.status != 404:
        return partial(f"what is stored is the answer; an unknown id gives {unknown.failure or unknown.status}")
    return supported("what is stored is the answer, and an unknown id is not found")


@probe("responses/operations/retrieve/stream", title="with stream", severity=Severity.SHOULD, chance=chance.FETCHED)
def retrieve_stream(responses: Responses) -> Observation:
    """The stream of an answer made in the background can be had again, from any event on."""
    responses.ask_control()
    _, kept = keep(responses)
    require_kept(kept)
    first = responses.ask(background=True, store=True, stream=True)
    name = name_of(first)
    after = 2
    resumed = responses.attempt_retrieve(name, stream=True, starting_after=after)
    seen = _judge_resumed(resumed, after)
    if not seen.verdict.is_positive and not _is_in_background(first):
        return inconclusive("no answer is made in the background, so that there is no stream to have again")
    return seen


def _judge_resumed(resumed: Exchange, after: int) -> Observation:
    if not is_usable(resumed):
        return rejected(f"its stream cannot be had again: {resumed.failure or resumed.status}")
    numbers = [
        as_int64(get_path(event.json, "sequence_number")) for event in resumed.events if event.json is not None
    ]
    if not numbers:
        return ignored("the response comes as a whole, not as a stream")
    if any(number is not None and number <= after for number in numbers):
        return ignored("the stream begins anew, and not after the event that was named")
    return supported("the stream goes on after the event that was named")


def _is_in_background(answer: OutputResponse) -> bool:
    """Tell whether an answer says that it was made in the background: the field may be ignored."""
    return get_path(answer.body, "background") is True


@probe("responses/operations/delete", title="DELETE /responses/{id}", chance=chance.FETCHED)
def delete(responses: Responses) -> Observation:
    """A stored response can be deleted, and is gone then."""
    responses.ask_control()
    _, kept = keep(responses)
    require_kept(kept)
    name = name_of(ask_stored(responses, "Good bye."))  # which no other row goes on from
    gone = responses.attempt_operation("DELETE", f"{responses.path}/{name}", "responses.delete", name)
    if is_refused(gone):
        raise RequestRejectedError(gone)
    if not gone.accepted:
        return broken(f"deleting gives {gone.failure or gone.status}")
    after = responses.attempt_retrieve(name, repetition=1)
    if after.accepted:
        return ignored("what was deleted can still be fetched by its id")
    if not is_refused(after):
        return inconclusive(f"fetching what was deleted gives {after.failure or after.status}")
    if get_path(gone.json, "deleted") is not True:
        return partial("what was deleted is gone; the answer does not say `deleted`")
    return supported("what was deleted is gone, and the answer says so")


@probe("responses/operations/cancel", title="POST /responses/{id}/cancel", chance=chance.FETCHED)
def cancel(responses: Responses) -> Observation:
    """A response that is made in the background can be cancelled."""
    responses.ask_control()
    first = responses.ask(background=True, store=True)
    if first.status in TERMINAL:  # also where the server answers in streams alone, which are read to their end
        return _cancel_what_is_done(responses, name_of(first))
    name = name_of(responses.ask(background=True, store=True, limit=400))
    path = f"{responses.path}/{name}/cancel"
    ended = responses.attempt_operation("POST", path, "responses.cancel", name)
    if is_refused(ended):
        raise RequestRejectedError(ended)
    status = get_path(ended.json, "status")
    if ended.accepted and status == "cancelled":
        return supported("a response in the making is cancelled")
    if ended.accepted and status in TERMINAL:
        return inconclusive(f"the response was {status} before it could be cancelled")
    return ignored(f"after it was cancelled the response is {quote_value(status or ended.status)}")


def _cancel_what_is_done(responses: Responses, name: str) -> Observation:
    """Judge a server that makes no answer in the background: whether the operation is there at all."""
    ended = responses.attempt_operation("POST", f"{responses.path}/{name}/cancel", "responses.cancel", name)
    if ended.status in NO_ROUTE:
        raise RequestRejectedError(ended)
    return inconclusive("no answer is in the making, so that there is none to cancel")


NO_ROUTE = (404, 405, 501)
"""Statuses that say of an operation on what is there that the operation is not. Others may refuse what is done."""


@probe("responses/operations/input_items", title="GET /responses/{id}/input_items", chance=chance.FETCHED)
def input_items(responses: Responses) -> Observation:
    """The items of an input are listed, newest first unless asked otherwise, and page by page."""
    responses.ask_control()
    texts = ["One.", "Two.", "Three."]
    require_kept(keep(responses)[1])
    answer = ask_stored(responses, [user(text) for text in texts])
    name = name_of(answer)
    path = f"{responses.path}/{name}/input_items"

    def listed(number: int, **query: Any) -> Exchange:
        return responses.attempt_operation(
            "GET", path, "responses.input_items.list", name, body=query or None, repetition=number
        )

    whole = listed(0)
    if is_refused(whole):
        raise RequestRejectedError(whole)
    told = [_text_of(item) for item in as_list(get_path(whole.json, "data"))]
    rising = [_text_of(item) for item in as_list(get_path(listed(0, order="asc").json, "data"))]
    page = listed(0, limit=1)
    if sorted(told) != sorted(texts):
        return broken(f"{len(told)} items are listed where 3 were sent")
    if told != texts[::-1] or rising != texts:
        return partial("the items are listed, but not in the order that was asked for")
    if len(as_list(get_path(page.json, "data"))) != 1 or get_path(page.json, "has_more") is not True:
        return partial("the items are listed, but not page by page")
    return supported("the items are listed in either order, and page by page")


def _text_of(item: Any) -> str:
    content = get_path(item, "content")
    text = content if isinstance(content, str) else get_path(content, 0, "text")
    return text if isinstance(text, str) else ""


@probe("responses/operations/input_tokens", title="POST /responses/input_tokens", chance=chance.PROMPT_TOKENS)
def input_tokens(responses: Responses) -> Observation:
    """The tokens of an input are counted as its answer counts them."""
    bodies: list[Mapping[str, Any]] = [{}, {"instructions": LONG_TEXT}]
    counts: list[tuple[int | None, int | None]] = []
    for more in bodies:
        control = responses.ask_control(limit=1, **more)
        body = {"model": responses.model, "input": responses.prompts[0], **more}
        path = f"{responses.path}/input_tokens"
        counted = responses.attempt_operation("POST", path, "responses.input_tokens.count", body=body)
        if is_refused(counted):
            raise RequestRejectedError(counted)
        if not counted.accepted:
            return broken(f"counting gives {counted.failure or counted.status}")
        counts.append((as_int64(get_path(counted.json, "input_tokens")), control.prompt_tokens))
    if any(count is None for count, _ in counts):
        return broken("the answer holds no `input_tokens`")
    if any(due is None for _, due in counts):
        return inconclusive("answers count no input tokens, to compare with")
    if not responses.has_stable_prompt_count(responses.prompts[0]):
        return inconclusive(UNSTABLE_COUNTS)
    (short, short_due), (long, long_due) = counts
    if short == short_due == long_due != long:
        return inconclusive("as many tokens are counted as the answer has; but with instructions it has no more")
    if any(count != due for count, due in counts):
        return partial(f"counted {short} and {long}; the answers have {short_due} and {long_due}")
    return supported("as many tokens are counted as the answers have, with and without instructions")


@probe(
    "responses/operations/compact",
    title="POST /responses/compact",
    severity=Severity.SHOULD,
    chance=chance.FETCHED,
)
def compact(responses: Responses) -> Observation:
    """A conversation is made into fewer items, which can stand for it in the next input.

    Its text has no limit, so that a model with a small context is asked where there is one.
    """
    responses = replace(responses, model=responses.session.models.get("small_context", responses.model))
    responses.ask_control()
    turns = [user(LONG_TEXT), {"role": "assistant", "content": "Aye."}, user("Go on.")]
    path = f"{responses.path}/compact"
    body = {"model": responses.model, "input": turns}
    made = responses.attempt_operation("POST", path, "responses.compact", body=body)
    if is_refused(made):
        raise RequestRejectedError(made)
    if made.failure == "timeout":
        return inconclusive("compacting has no end within the deadline: the model's text has no limit there")
    if not made.accepted and isinstance(message := get_path(made.json, "error", "message"), str):
        # Its model writes the summary, and a small one may fail at the form that the server asks of it.
        return inconclusive(f"compacting fails, which may be the model's fault: {made.status}: {message[:100]}")
    output = get_path(made.json, "output")
    if not made.accepted or not isinstance(output, list) or not output:
        return broken(f"compacting gives {made.failure or made.status}, and no output")
    alone = responses.ask_control("Go on.", limit=1)
    answer = responses.ask([*require_sendable(output), user("Go on.")], limit=1)
    if not answer.prompt_tokens or not alone.prompt_tokens:
        return inconclusive("what comes of compacting is taken as input; but the server counts no input tokens")
    if not responses.has_stable_prompt_count(responses.prompts[0]):
        return inconclusive(UNSTABLE_COUNTS)
    if answer.prompt_tokens <= alone.prompt_tokens:
        return partial("what comes of compacting is taken as input, and adds no tokens to the prompt")
    if get_path(made.json, "object") != "response.compaction":
        return partial("what comes of compacting stands for the conversation; `object` is not `response.compaction`")
    return supported("what comes of compacting stands for the conversation in the next input")


@probe(
    "responses/operations/conversations",
    title="/conversations",
    severity=Severity.SHOULD,
    chance=chance.FETCHED,
)
def conversations(responses: Responses) -> Observation:
    """A conversation can be made, fetched, listed and deleted."""
    responses.ask_control()
    name = create_conversation(responses, [{"type": "message", "role": "user", "content": "One."}])
    path = f"/conversations/{name}"
    fetched = responses.attempt_operation("GET", path, "conversations.retrieve", name)
    items = responses.attempt_operation("GET", f"{path}/items", "conversations.items.list", name)
    gone = responses.attempt_operation("DELETE", path, "conversations.delete", name)
    after = responses.attempt_operation("GET", path, "conversations.retrieve", name, repetition=1)
    if get_path(fetched.json, "id") != name:
        return broken(f"fetching a conversation gives {fetched.failure or fetched.status}")
    if [_text_of(item) for item in as_list(get_path(items.json, "data"))] != ["One."]:
        return broken("the items of a conversation are not those that it was made with")
    if not gone.accepted or after.status != 404:
        return partial("a conversation can be made, fetched and listed; it is not gone when it is deleted")
    return supported("a conversation can be made, fetched, listed and deleted")
