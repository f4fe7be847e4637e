"""What proves that nobody reads a field: a trace must be missing that would have to be there."""

from __future__ import annotations

import json

import pytest

from conformance.probes.response_views import TextResponse
from conformance.probes.unread_fields import MIN_TELLING_CHARACTERS, is_unread
from conformance.wire.exchange import Call, Exchange

LONG = "x" * MIN_TELLING_CHARACTERS
SHORT = LONG[1:]


def answer(text: str, tokens: int | None) -> TextResponse:
    usage = None if tokens is None else {"prompt_tokens": tokens}
    body = json.dumps({"choices": [{"message": {"content": text}}], "usage": usage})
    return TextResponse(Exchange(call=Call(path="/chat/completions"), status=200, chunks=((0.1, body),)))


@pytest.mark.parametrize(
    ("text", "tokens", "other", "of_other", "unread"),
    [
        (SHORT, 9, "other", 5, True),
        (SHORT, 10, "other", 5, False),  # the prompt grew
        ("else", 9, "other", 5, False),
        (SHORT, 9, SHORT, 5, False),  # the model says one thing to all prompts
        ("", 9, "other", 5, False),  # the limit came before any text
        (SHORT, 9, "other", 9, False),  # all prompts count alike, and few words may be had twice
        (LONG, 9, "other", 9, True),
        (LONG, None, "other", None, True),
        (SHORT, None, "other", None, False),
    ],
)
def test_a_field_is_unread_where_what_it_adds_would_show(
    text: str, tokens: int | None, other: str, of_other: int | None, unread: bool
) -> None:
    said = LONG if text == LONG else "" if not text else SHORT
    control = answer(said, None if tokens is None else 9)
    assert is_unread(answer(text, tokens), control, other=answer(other, of_other)) is unread
