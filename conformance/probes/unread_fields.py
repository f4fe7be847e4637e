"""How to tell that nobody reads a field: no trace of it in the answer, or nonsense taken like a valid value."""

from __future__ import annotations

from typing import Any

from conformance.checklist.field_values import FieldValues
from conformance.checklist.rows import field_values
from conformance.checklist.verdicts import Evidence
from conformance.wire.exchange import Exchange
from conformance.wire.json_text import quote_value

from .availability import attempt_valid, send_nonsense
from .endpoints import RequestEndpoint, TextEndpoint
from .observation import Observation, ignored, inconclusive, supported
from .response_views import TextResponse, get_path
from .session import is_usable

MIN_TELLING_CHARACTERS = 32
"""Characters of the shortest text that tells two prompts apart, where no prompt tokens are counted."""


def is_unread(answer: TextResponse, control: TextResponse, *, other: TextResponse) -> bool:
    """Tell whether what would add to the prompt provably left no trace: text and prompt tokens are the control's.

    `other`: the control of another prompt. Where its text is the same too, or no count tells the prompts apart and
    the texts are short, a model may well say the same with the field, and nothing is proven.
    """
    if not control.text.strip() or answer.text != control.text or control.text == other.text:
        return False
    counts = [each.prompt_tokens for each in (answer, control, other)]
    if None in counts or counts[1] == counts[2]:
        return len(control.text) >= MIN_TELLING_CHARACTERS and (None in counts or counts[0] == counts[1])
    return counts[0] == counts[1]


def check_value_is_read(
    endpoint: RequestEndpoint[Any], field: str, allowed: FieldValues | None = None
) -> Observation:
    """For a field without visible effect: the valid value is accepted and nonsense refused, so somebody reads it.

    Where nonsense is accepted too, an invented key tells a server that is lenient with everything. `allowed`: a value
    and nonsense of the field, where those of its row are about something else.
    """
    values = allowed or field_values(endpoint.name)[field]
    endpoint.ask_minimal(**values.context)
    if not is_usable(attempt_valid(endpoint, field, values)):
        endpoint.ask_minimal(**values.context, **{field: values.valid})
    nonsense = send_nonsense(endpoint, field, values)
    if nonsense.status is not None and 400 <= nonsense.status < 500:
        return supported(
            f"a valid value is accepted and {quote_value(values.invalid)} is refused: it is read", Evidence.PARSED
        )
    if not nonsense.accepted:
        return _judge_failure(endpoint, field, values.invalid, nonsense)
    if endpoint.attempt_minimal(zz_unknown=1).accepted:
        return ignored(f"a valid value, {quote_value(values.invalid)} and an invented key are all accepted alike")
    return ignored(
        f"{quote_value(values.invalid)} is taken like a valid value: the name is known, and the value is not read"
    )


def _judge_failure(endpoint: RequestEndpoint[Any], field: str, invalid: Any, nonsense: Exchange) -> Observation:
    """Judge nonsense that makes the server fail: where its words name the field, the field is read."""
    status = nonsense.failure or nonsense.status
    named = nonsense.failure is None and field in nonsense.text
    if named and endpoint.attempt_minimal(zz_unknown=invalid).accepted:
        return supported(
            f"{quote_value(invalid)} is answered with {status}, in words that name the field", Evidence.PARSED
        )
    return inconclusive(f"a valid value is accepted; {quote_value(invalid)} is answered with status {status}")


def check_moderation(endpoint: TextEndpoint) -> Observation:
    """Check that an answer that is to be moderated holds the outcome."""
    endpoint.ask_control()
    asked = {"model": "omni-moderation-latest"}
    answer = endpoint.ask(moderation=asked, limit=1)
    if get_path(answer.body, "moderation") not in (None, {}, asked):
        return supported("the answer holds the outcome of its moderation")
    return require_effect(
        check_value_is_read(endpoint, "moderation"), absent=True, words="the answer holds no outcome of a moderation"
    )


def require_effect(seen: Observation, *, absent: bool, words: str) -> Observation:
    """Return what the values say of a field whose effect would show and did not: a check of values is too little.

    `seen`: of `check_value_is_read`. `absent`: whether the effect is provably absent, and not only unseen.
    `words`: what was seen in its place.
    """
    if not seen.verdict.is_positive:
        return seen
    if absent:
        return ignored(f"nonsense is refused, and a valid value has no effect: {words}")
    return inconclusive(f"nonsense is refused, but whether a valid value has its effect cannot be told: {words}")
