"""The experiments on how much a model thinks, and how much it says."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from conformance.checklist.field_values import FieldValues

from .endpoints import ConversationEndpoint
from .observation import Observation, inconclusive, partial, supported, weigh
from .repetition import departs_early
from .response_views import TextResponse, as_int64, get_path
from .session import RequestRejectedError, UndeterminedError
from .unread_fields import check_value_is_read, is_unread, require_effect

Setting = Callable[[str], dict[str, Any]]
"""Makes the field that a value stands in."""

MAX_THINKING_TOKENS = 128
"""Tokens that leave a thinking model room to think and to answer."""


def shows_thinking(answer: TextResponse) -> bool:
    """Whether the answer shows thinking: as text under any of the names in use, or as counted tokens."""
    counted = as_int64(get_path(answer.usage, "completion_tokens_details", "reasoning_tokens"))
    return bool(counted) or bool(answer.thoughts.strip())


def check_effort(
    endpoint: ConversationEndpoint, setting: Setting, *, limit: int = MAX_THINKING_TOKENS
) -> Observation:
    """How much a model thinks: with `none` not at all, with `high` visibly. `limit`: tokens to think and answer."""
    votes: list[bool | None] = []
    for prompt in ("What is 7 times 8?", "Which is larger, 9.11 or 9.9?")[: endpoint.prompt_count]:
        endpoint.ask_control(prompt, answer_limit=limit)
        high = _ask_with_effort(endpoint, prompt, setting("high"), limit)
        try:
            none = _ask_with_effort(endpoint, prompt, setting("none"), limit)
        except RequestRejectedError as refusal:
            return _check_lower_effort(endpoint, prompt, high, setting, refusal, limit)
        if shows_thinking(high) != shows_thinking(none):
            # Where nothing is said, thoughts may have been hidden until the limit.
            votes.append(shows_thinking(high) if none.content.strip() else None)
        else:
            alike = _are_alike(high, none) or _are_alike(
                high, _ask_with_effort(endpoint, prompt, setting("none"), limit, repetition=1)
            )
            votes.append(False if alike else None)
    return weigh(
        votes,
        seen="the model thinks with effort `high` and does not with `none`",
        absent="effort `high` and `none` get the same answer",
        unclear="the effort changes the answer, but thinking is seen in both or in neither",
    )


def _ask_with_effort(
    endpoint: ConversationEndpoint, prompt: str, setting: dict[str, Any], limit: int, repetition: int = 0
) -> TextResponse:
    """Ask with an effort, and without what else turns thinking off in plain requests."""
    fields = {**endpoint.without_switches, **setting}
    return endpoint.ask(prompt, answer_limit=limit, repetition=repetition, **fields)


def _are_alike(one: TextResponse, two: TextResponse) -> bool:
    """Tell whether two answers say the same; where they say nothing, thoughts may be hidden.

    As many tokens, and the same words in the first half: beyond, rounding alone may have chosen another.
    """
    counts = {(answer.prompt_tokens, answer.completion_tokens) for answer in (one, two)}
    told = bool(one.content.strip()) and bool(two.content.strip())
    return told and len(counts) == 1 and not departs_early(two.text, one.text)


def _check_lower_effort(
    endpoint: ConversationEndpoint,
    prompt: str,
    high: TextResponse,
    setting: Setting,
    refusal: RequestRejectedError,
    limit: int,
) -> Observation:
    """Check that `low` thinks less than `high`: there are models that think always.

    Raises:
        RequestRejectedError: `low` is refused as `none` is.
    """
    try:
        low = _ask_with_effort(endpoint, prompt, setting("low"), limit)
    except RequestRejectedError:
        raise refusal from None
    more, less = (
        as_int64(get_path(answer.usage, "completion_tokens_details", "reasoning_tokens")) for answer in (high, low)
    )
    refused = f"`none` is refused with {refusal.exchange.status}"
    if more is not None and less is not None and more > less:
        return partial(f"{refused}; `high` thinks for {more} tokens where `low` does for {less}")
    return inconclusive(f"{refused}; how much `high` and `low` think cannot be told")


def check_verbosity(
    endpoint: ConversationEndpoint, field: str, setting: Setting, allowed: FieldValues | None = None
) -> Observation:
    """Check that `low` and `high` get texts of their own; where they do not, that a value is read at all.

    `allowed`: a value and nonsense of the field, where those of its row are about something else.
    """
    try:
        controls = [(prompt, control.response) for prompt, control in endpoint.find_repeatable_controls()]
    except UndeterminedError:  # other texts prove nothing then, and other counts do
        controls = [(prompt, endpoint.ask_control(prompt)) for prompt in endpoint.prompts[:1]]
    greedy = len(controls) > 1
    differing: list[bool | None] = []
    unread: list[bool] = []
    grown: list[bool] = []
    asked = controls if endpoint.prompt_count > 1 else controls[:1]
    for place, (prompt, control) in enumerate(asked):
        low, high = (endpoint.ask(prompt, **setting(value)) for value in ("low", "high"))
        differing.append(_differ(low.text, high.text) if greedy else None)
        if differing[-1]:
            again = [endpoint.ask(prompt, repetition=1, **setting(value)).text for value in ("low", "high")]
            repeated = not departs_early(again[0], low.text) and not departs_early(again[1], high.text)
            differing[-1] = True if repeated and departs_early(*again) else None
        unread += [is_unread(answer, control, other=controls[place - 1][1]) for answer in (low, high)]
        grown.append((low.prompt_tokens or 0) > (control.prompt_tokens or 0) > 0)
    if all(differing):
        return supported("greedy text, which repeats itself, differs between `low` and `high`")
    seen = check_value_is_read(endpoint, field, allowed)
    if all(grown) and True not in differing and endpoint.has_stable_prompt_count(controls[0][0]):
        return seen  # the model is told, and says the same
    return require_effect(seen, absent=all(unread), words="`low` and `high` do not get texts of their own")


def _differ(one: str, two: str) -> bool | None:
    """Tell whether two greedy texts differ; None where they do so late that rounding may have done it."""
    if one == two:
        return False
    return True if departs_early(one, two) else None
