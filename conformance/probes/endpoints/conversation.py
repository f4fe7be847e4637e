"""What the endpoints share that take a conversation with tools: each spells it in its own way.

Experiments write turns, tools and choices as chat has them; the endpoint says how they stand in its request.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from .text import TextEndpoint

Turn = dict[str, Any]
"""A message, as chat has it."""


@dataclass(kw_only=True)
class ConversationEndpoint(TextEndpoint):
    """An endpoint whose subject is a conversation, spelled as chat spells it."""

    has_null_content: ClassVar[bool] = True
    """Whether a turn of tool calls alone has null as its content."""

    def spell_turns(self, turns: Sequence[Turn]) -> Any:
        """Return the subject of a request that holds these turns."""
        return list(turns)

    def spell_tools(self, tools: Sequence[Mapping[str, Any]]) -> list[Any]:
        """Return the value of `tools`."""
        return list(tools)

    def spell_choice(self, choice: Any) -> Any:
        """Return the value of `tool_choice`: a word, or what demands one tool or allows some."""
        return choice
