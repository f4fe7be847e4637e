"""Whether a server's text depends on what it was asked before.

Where a prompt that lies in the server's cache is computed otherwise than a new one, the two round differently, and
text that hangs on a hair changes: greedy text now and then, sampled text often. Seen with Ollama 0.6.8: of texts
sampled with one seed, one in three differs when the same prompt is asked twice in a row. Its seed would look ignored.
"""

from __future__ import annotations

from typing import Any

from conformance.probes.endpoints import Chat, is_continuation
from conformance.probes.response_views import MalformedResponseError, TextResponse
from conformance.probes.session import ControlFailedError, is_usable
from conformance.probes.token_choice import SEEDED_SAMPLING, SEEDED_SAMPLING_LONGER

PROMPTS = 3
"""As many as the rows ask with, so that most of this is asked anyway."""


def depends_on_cache(chat: Chat) -> bool:
    """Whether the same request is answered otherwise in a row than after others. Most of these are asked anyway.

    A server whose controls fail or cannot be read does not: its own rows say so.
    """
    if chat.control.temperature is None:
        return False
    try:
        return not _greedy_text_repeats(chat) or _sampled_text_does(chat)
    except (ControlFailedError, MalformedResponseError):
        return False


def _greedy_text_repeats(chat: Chat) -> bool:
    """Whether greedy text is the same in a row, and again after other prompts."""
    asked = [
        (prompt, chat.ask_control(prompt).text, chat.repeat_control(prompt).text) for prompt in chat.prompts[:PROMPTS]
    ]
    if not all(is_continuation(again, control) for _, control, again in asked):
        return False
    return all(chat.ask_control(prompt, repetition=2).text == control for prompt, control, _ in asked)


def _sampled_text_does(chat: Chat) -> bool:
    """Whether text sampled with one seed repeats on some prompts only, or only after others."""
    in_a_row = []
    for prompt in chat.prompts[:PROMPTS]:
        first, second = _seeded(chat, prompt), _seeded(chat, prompt, **SEEDED_SAMPLING_LONGER)
        if first is None or second is None:
            return False
        in_a_row.append(is_continuation(second, first))
    if any(in_a_row):
        return not all(in_a_row)
    return any(_seeded(chat, prompt, repetition=2) == _seeded(chat, prompt) for prompt in chat.prompts[:PROMPTS])


def _seeded(chat: Chat, prompt: str, *, repetition: int = 0, **settings: Any) -> str | None:
    exchange = chat.attempt(prompt, repetition=repetition, seed=11, **{**SEEDED_SAMPLING, **settings})
    return TextResponse(exchange).text if is_usable(exchange) else None
