"""chat/fields/messages: what reaches the model. The prompt's token count is the witness, and the text beside it."""

from __future__ import annotations

from typing import Any

from conformance.checklist.field_values import values
from conformance.checklist.verdicts import Severity
from conformance.probes import chance
from conformance.probes.added_text import (
    LONG_TEXT,
    MIN_ADDED_TOKENS,
    check_added_turns,
    check_earlier_answer,
    check_instruction,
    check_text_parts,
    excuse_template,
    find_controls,
    has_prompt_grown,
)
from conformance.probes.endpoints import Chat
from conformance.probes.observation import Observation, ignored, inconclusive, partial, supported
from conformance.probes.registry import declare_derived, probe
from conformance.probes.tool_conversations import Message, after_a_call, fill_content, refuses_null, user


@probe("chat/fields/messages/turns", title="several turns", chance=chance.GREEDY_TEXT)
def turns(chat: Chat) -> Observation:
    """Earlier turns reach the model: each adds its tokens."""
    return check_added_turns(
        chat,
        lambda prompt: [user("Hello."), {"role": "assistant", "content": LONG_TEXT}, user(prompt)],
    )


declare_derived("chat/fields/messages", "The conversation so far.", values=values(None, "x"))


@probe("chat/fields/messages/text", chance=chance.GREEDY_TEXT)
def text(chat: Chat) -> Observation:
    """`content` as a string: other words, another answer."""
    greedy, ((prompt, one), (_, two)) = find_controls(chat)
    longer = chat.ask_control(f"{prompt} {LONG_TEXT}")
    grown = has_prompt_grown(longer, one, MIN_ADDED_TOKENS, greedy=greedy)
    if one.text == two.text == longer.text and one.text.strip():
        if grown:
            return inconclusive("three different prompts get one and the same answer, but count different tokens")
        return ignored("three different prompts get one and the same answer")
    if grown and (one.text != two.text or not greedy):
        return supported("other prompts get other answers, and a longer one counts more tokens")
    return inconclusive("the prompts' token counts do not grow with their length")


@probe("chat/fields/messages/content_parts", chance=chance.GREEDY_TEXT)
def content_parts(chat: Chat) -> Observation:
    """`content` as an array of text parts means the same as one string of them."""
    return check_text_parts(chat)


@probe(
    "chat/fields/messages/system/parts",
    title="content parts of a system message",
    severity=Severity.SHOULD,
    chance=chance.GREEDY_TEXT,
)
def system_parts(chat: Chat) -> Observation:
    """A system message's content may be an array of text parts too."""

    def parts(text: str) -> list[Message]:
        return [{"role": "system", "content": [{"type": "text", "text": text}]}]

    return check_added_turns(
        chat,
        lambda prompt: [*parts(LONG_TEXT), user(prompt)],
        lambda prompt: [*parts("Yes."), user(prompt)],
    )


declare_derived("chat/fields/messages/role", "Who speaks.")


@probe("chat/fields/messages/role/system", chance=chance.GREEDY_TEXT)
def role_system(chat: Chat) -> Observation:
    """A system message reaches the model."""
    return check_instruction(chat, "system")


@probe("chat/fields/messages/role/developer", chance=chance.GREEDY_TEXT)
def role_developer(chat: Chat) -> Observation:
    """A developer message reaches the model, as a system message does."""
    return check_instruction(chat, "developer")


@probe("chat/fields/messages/role/user", chance=chance.GREEDY_TEXT)
def role_user(chat: Chat) -> Observation:
    """A second user message in a row reaches the model."""
    return check_added_turns(chat, lambda prompt: [user(LONG_TEXT), user(prompt)])


@probe("chat/fields/messages/role/assistant", chance=chance.GREEDY_TEXT)
def role_assistant(chat: Chat) -> Observation:
    """An assistant message between two user messages reaches the model."""
    return check_earlier_answer(chat)


@probe("chat/fields/messages/role/tool", capability="tools", chance=chance.GREEDY_TEXT)
def role_tool(chat: Chat) -> Observation:
    """A tool's result reaches the model."""
    seen = check_added_turns(
        chat,
        lambda prompt: fill_content(chat, after_a_call(prompt, LONG_TEXT)),
        lambda prompt: fill_content(chat, after_a_call(prompt, "Rain.")),
    )
    return excuse_template(chat, seen)


@probe("chat/fields/messages/tool_calls", capability="tools", chance=chance.GREEDY_TEXT)
def message_tool_calls(chat: Chat) -> Observation:
    """An assistant's earlier tool calls reach the model, arguments included."""
    seen = check_added_turns(
        chat,
        lambda prompt: fill_content(chat, after_a_call(prompt, "Rain.", city=LONG_TEXT)),
        lambda prompt: fill_content(chat, after_a_call(prompt, "Rain.")),
    )
    return excuse_template(chat, seen)


@probe("chat/fields/messages/name", severity=Severity.SHOULD, chance=chance.GREEDY_TEXT)
def name(chat: Chat) -> Observation:
    """A participant's name tells users apart: it reaches the prompt."""
    seen = check_added_turns(chat, lambda prompt: [user(prompt, name="zq_bob")], tokens=1)
    return excuse_template(chat, seen)


@probe("chat/fields/messages/as_serialised", title="an answer of the SDK, sent back", chance=chance.GREEDY_TEXT)
def as_serialised(chat: Chat) -> Observation:
    """An assistant's message comes back as the SDK writes it: absent members as null, empty annotations."""
    extras: dict[str, Any] = {
        "refusal": None,
        "annotations": [],
        "audio": None,
        "function_call": None,
        "tool_calls": None,
    }
    seen = check_added_turns(
        chat,
        lambda prompt: [user("Hello."), {"role": "assistant", "content": LONG_TEXT, **extras}, user(prompt)],
        lambda prompt: [user("Hello."), user(prompt)],
    )
    if seen.verdict.is_positive and refuses_null(chat):
        return partial(f"{seen.reason}; but null as content, beside tool calls, is refused")
    return seen
