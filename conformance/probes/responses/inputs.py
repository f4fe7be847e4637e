"""responses/fields/input and instructions: what reaches the model. Prompt tokens are the witness, and the text."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from conformance.checklist.field_values import values
from conformance.checklist.verdicts import Evidence, Severity
from conformance.probes import chance
from conformance.probes.added_text import (
    LONG_TEXT,
    MIN_ADDED_TOKENS,
    check_added_text,
    check_added_turns,
    check_earlier_answer,
    check_instruction,
    check_text_parts,
    find_controls,
    has_prompt_grown,
    means_the_same,
)
from conformance.probes.availability import send_bad
from conformance.probes.endpoints import Responses
from conformance.probes.observation import Observation, broken, ignored, inconclusive, rejected, supported, weigh
from conformance.probes.registry import declare_derived, probe
from conformance.probes.response_output import OutputResponse
from conformance.probes.session import is_refused, is_usable
from conformance.probes.tool_conversations import user

from .state import keep

Item = dict[str, Any]

declare_derived("responses/fields/input", "What the model is asked: a text, or items.", values=values(None, 7))


@probe("responses/fields/input/string", chance=chance.GREEDY_TEXT)
def string(responses: Responses) -> Observation:
    """A string: other words, another answer."""
    _, ((prompt, one), (_, two)) = find_controls(responses)
    longer = responses.ask_control(f"{prompt} {LONG_TEXT}")
    grown = (longer.prompt_tokens or 0) > (one.prompt_tokens or 0)
    if one.text == two.text == longer.text and one.text.strip():
        if grown:
            return inconclusive("three different inputs get one and the same answer, but count different tokens")
        return ignored("three different inputs get one and the same answer")
    if longer.prompt_tokens and not grown:
        return inconclusive("the inputs' token counts do not grow with their length")
    return supported("other inputs get other answers, and a longer one counts more tokens")


def _check_form(responses: Responses, make: Callable[[str], list[Item]]) -> Observation:
    """Check that items mean the same as the string that they hold.

    Counts tell so only where a longer string has more tokens: a server that reads no input counts alike.
    """
    greedy, controls = find_controls(responses)
    varies = greedy and len({control.text for _, control in controls}) > 1
    votes: list[bool | None] = []
    for prompt, control in controls[: responses.prompt_count]:
        answer = responses.ask(make(prompt))
        longer = responses.ask_control(f"{prompt} {LONG_TEXT}")
        counts = has_prompt_grown(longer, control, MIN_ADDED_TOKENS, greedy=greedy) is True
        counts = counts and responses.has_stable_prompt_count(prompt)
        votes.append(means_the_same(answer, control, counts=counts, varies=varies, joints=3))
    return weigh(
        votes,
        seen="as many prompt tokens as the string has, or the same answer",
        absent="the items do not reach the prompt",
        unclear="the items reach the prompt with other token counts than the string",
    )


@probe("responses/fields/input/items", title="a message without a type", chance=chance.GREEDY_TEXT)
def items(responses: Responses) -> Observation:
    """An array with one message, its role and its text, means the same as the text."""
    return _check_form(responses, lambda prompt: [user(prompt)])


@probe("responses/fields/input/message_item", title="a message item with parts", chance=chance.GREEDY_TEXT)
def message_item(responses: Responses) -> Observation:
    """An item of type `message` whose content is an array of one `input_text` means the same as the text."""

    def make(prompt: str) -> list[Item]:
        return [{"type": "message", **user([{"type": "input_text", "text": prompt}])}]

    return _check_form(responses, make)


@probe("responses/fields/input/text_parts", title="several text parts", chance=chance.GREEDY_TEXT)
def text_parts(responses: Responses) -> Observation:
    """Several `input_text` parts mean the same as one string of them."""
    return check_text_parts(responses)


declare_derived("responses/fields/input/role", "Who speaks.")


@probe("responses/fields/input/role/system", chance=chance.GREEDY_TEXT)
def role_system(responses: Responses) -> Observation:
    """A system message reaches the model."""
    return check_instruction(responses, "system")


@probe("responses/fields/input/role/developer", chance=chance.GREEDY_TEXT)
def role_developer(responses: Responses) -> Observation:
    """A developer message reaches the model, as a system message does."""
    return check_instruction(responses, "developer")


@probe("responses/fields/input/role/user", chance=chance.GREEDY_TEXT)
def role_user(responses: Responses) -> Observation:
    """A second user message in a row reaches the model."""
    return check_added_turns(responses, lambda prompt: [user(LONG_TEXT), user(prompt)])


@probe("responses/fields/input/role/assistant", chance=chance.GREEDY_TEXT)
def role_assistant(responses: Responses) -> Observation:
    """An assistant's earlier message, its text as a string, reaches the model."""
    return check_earlier_answer(responses)


def _check_history(responses: Responses, spell: Callable[[str], Item]) -> Observation:
    """Check that an assistant's earlier message in this spelling is one with the same text as a string.

    Where the string is refused, it is compared with a short one in the same spelling.
    """
    prompt = responses.prompts[0]

    def ask(message: Item) -> OutputResponse:
        return responses.ask([user("Hello."), message, user(prompt)])

    plain = responses.attempt([user("Hello."), {"role": "assistant", "content": LONG_TEXT}, user(prompt)])
    if not is_usable(plain):
        return check_added_text(responses, lambda _: ask(spell(LONG_TEXT)), ask_without=lambda _: ask(spell("Yes.")))
    answer, control = ask(spell(LONG_TEXT)), responses.read(plain)
    alone = responses.ask_control(prompt)
    grown = has_prompt_grown(control, alone, MIN_ADDED_TOKENS)
    if grown is False:
        return ignored("the same text as a string does not reach the prompt either")
    if grown is None:
        return inconclusive("whether the same text as a string reaches the prompt cannot be told")
    counts = responses.has_stable_prompt_count(prompt)
    greedy, controls = find_controls(responses)
    varies = greedy and len({plain.text for _, plain in controls}) > 1
    return weigh(
        [means_the_same(answer, control, counts=counts, varies=varies, joints=3)],
        seen="as many prompt tokens as the same text has as a string",
        absent="its text does not reach the prompt",
        unclear="it reaches the prompt with other token counts than the same text as a string",
    )


@probe(
    "responses/fields/input/role/assistant/parts",
    title="`output_text` parts without a type or an id",
    chance=chance.GREEDY_TEXT,
)
def assistant_parts(responses: Responses) -> Observation:
    """An assistant's message as an array of `output_text` parts, as the AI SDK sends it, reaches the model."""
    return _check_history(
        responses, lambda said: {"role": "assistant", "content": [{"type": "output_text", "text": said}]}
    )


@probe(
    "responses/fields/input/role/assistant/message_item", title="a whole output message", chance=chance.GREEDY_TEXT
)
def assistant_item(responses: Responses) -> Observation:
    """An assistant's message just as an answer held it, with id, status and annotations, reaches the model."""
    return _check_history(responses, output_message)


def output_message(said: str) -> Item:
    """Return a message as an answer holds it."""
    part = {"type": "output_text", "text": said, "annotations": [], "logprobs": []}
    return {"type": "message", "id": "msg_zq1", "role": "assistant", "status": "completed", "content": [part]}


@probe(
    "responses/fields/input/refusal",
    title="an earlier refusal",
    severity=Severity.SHOULD,
    chance=chance.GREEDY_TEXT,
)
def refusal(responses: Responses) -> Observation:
    """An assistant's earlier refusal is taken as history, and its text reaches the model."""

    def spell(said: str) -> Item:
        parts = [{"type": "refusal", "refusal": said}]
        return {"type": "message", "id": "msg_zq1", "role": "assistant", "status": "completed", "content": parts}

    return _check_history(responses, spell)


@probe(
    "responses/fields/input/item_reference",
    title="an unknown item",
    severity=Severity.SHOULD,
    chance=chance.STATUS_AND_ERROR,
)
def item_reference(responses: Responses) -> Observation:
    """A reference to an item that a stored answer holds adds its tokens; one to an unknown item is refused."""
    unknown = send_bad(responses, input=[{"type": "item_reference", "id": "msg_zq_unknown"}, user("Hi")])
    answer, _ = keep(responses)
    ids = [item.get("id") for item in answer.items if isinstance(item, dict) and isinstance(item.get("id"), str)]
    if not ids:
        return inconclusive("the answer's items have no ids to refer to")
    control = responses.ask_control()
    known = responses.ask([{"type": "item_reference", "id": ids[0]}, user(responses.prompts[0])])
    if not is_refused(unknown):
        return ignored(f"a reference to an item that does not exist is answered with {unknown.status}")
    if (known.prompt_tokens or 0) > (control.prompt_tokens or 0) > 0:
        return supported("a reference to a stored item adds its tokens, and one to an unknown item is refused")
    return inconclusive("a reference to a stored item is taken, and no count shows whether it reaches the prompt")


HOSTED_ITEMS: tuple[Item, ...] = (
    {"type": "web_search_call", "id": "ws_1", "status": "completed", "action": {"type": "search", "query": "zq"}},
    {"type": "file_search_call", "id": "fs_1", "status": "completed", "queries": ["zq"]},
    {"type": "image_generation_call", "id": "ig_1", "status": "completed", "result": None},
    {"type": "code_interpreter_call", "id": "ci_1", "status": "completed", "code": "1", "container_id": "c",
     "outputs": None},
    {"type": "local_shell_call", "id": "ls_1", "call_id": "call_ls", "status": "completed",
     "action": {"type": "exec", "command": ["ls"], "env": {}}},
    {"type": "mcp_list_tools", "id": "mcpl_1", "server_label": "zq", "tools": []},
)  # fmt: skip
"""Items of features that OpenAI hosts, as they stand in the history of a conversation. Agents send them back."""


@probe(
    "responses/fields/input/hosted_items",
    title="items of hosted tools in the history",
    severity=Severity.SHOULD,
    chance=chance.STATUSES,
)
def hosted_items(responses: Responses) -> Observation:
    """An item of a feature that the server lacks is taken as history, or refused with a 4xx: never a 5xx."""
    responses.ask_control()
    kinds = ", ".join(item["type"] for item in HOSTED_ITEMS)
    exchange = responses.attempt_minimal(input=[*HOSTED_ITEMS, user("Hi")])
    if is_refused(exchange):
        return rejected(f"refused with {exchange.status}, one of {kinds} at least")
    answer = responses.ask_minimal(input=[*HOSTED_ITEMS, user("Hi")])
    if not responses.read(answer.exchange).items:
        return broken(f"the answer to a history of {kinds} holds nothing")
    if not is_refused(responses.attempt_minimal(input=BAD_ITEMS["unknown_item"])):
        return inconclusive(f"taken as history: {kinds}; but an item of an invented type is not refused")
    return supported(f"taken as history, where an item of an invented type is not: {kinds}", Evidence.ACCEPTED)


BAD_ITEMS: dict[str, list[Item]] = {
    "unknown_item": [{"type": "zz_bogus", "zq": 1}],
    "unknown_part": [user([{"type": "zz_bogus", "text": "Hi"}])],
    "unknown_role": [{"role": "wizard", "content": "Hi"}],
    "part_of_chat": [user([{"type": "text", "text": "Hi"}])],
}
"""Row of an error -> an input that is none."""


@probe("responses/fields/instructions", values=values("Answer.", 7), chance=chance.GREEDY_TEXT)
def instructions(responses: Responses) -> Observation:
    """A system message in front of the input: a long one counts more tokens than a short one."""
    return check_added_text(
        responses,
        lambda prompt: responses.ask(prompt, instructions=LONG_TEXT),
        ask_without=lambda prompt: responses.ask(prompt, instructions="Yes."),
    )
