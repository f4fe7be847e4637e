"""Does a server's text hang on what it was asked before?

Where a prompt that lies in the server's cache is computed otherwise than a new one, the two round differently, and
text that hangs on a hair changes: greedy text now and then, sampled text often. Seen with Ollama 0.6.8: of texts
sampled with one seed, one in three differs when the same prompt is asked twice in a row. Its seed would look ignored.
"""

from __future__ import annotations

from typing import Any

from .answers import Answer, Unreadable
from .endpoints import Chat, goes_on
from .generating import SEEDED, SEEDED_AGAIN
from .session import CannotTell, ControlFailed, works


def depends_on_history(chat: Chat) -> bool:
    """Whether the same request is answered otherwise in a row than after others. Most of these are asked anyway.

    A server whose controls fail or cannot be read does not: its own rows say so.
    """
    try:
        greedy = [chat.control(prompt, ordinal=2).text == control.text for prompt, control in chat.steady()]
        return not all(greedy) or _sampled_text_does(chat)
    except CannotTell as doubt:
        return "differently" in str(doubt)
    except (ControlFailed, Unreadable):
        return False


def _sampled_text_does(chat: Chat) -> bool:
    """Whether text sampled with one seed repeats on some prompts only, or only after others."""
    in_a_row = []
    for prompt in chat.prompts:
        first, second = _seeded(chat, prompt), _seeded(chat, prompt, **SEEDED_AGAIN)
        if first is None or second is None:
            return False
        in_a_row.append(goes_on(second, first))
    if any(in_a_row):
        return not all(in_a_row)
    return any(_seeded(chat, prompt, ordinal=2) == _seeded(chat, prompt) for prompt in chat.prompts)


def _seeded(chat: Chat, prompt: str, *, ordinal: int = 0, **settings: Any) -> str | None:
    exchange = chat.attempt(prompt, ordinal=ordinal, seed=11, **{**SEEDED, **settings})
    return Answer(exchange).text if works(exchange) else None
