"""How to tell that a text that is added to a request reaches the model: by prompt tokens, and by the answer."""

from __future__ import annotations

from collections.abc import Callable

from conformance.checklist.verdicts import Verdict

from .content_parts import text_part
from .endpoints import ConversationEndpoint, TextEndpoint
from .observation import Observation, ignored, inconclusive, partial, weigh
from .repetition import departs_early
from .response_views import TextResponse
from .session import UndeterminedError
from .tool_conversations import Message, user

LONG_TEXT = (
    "You answer every question in the voice of an old sailor who has crossed seven seas and fears nothing at all."
)
"""Some twenty words: whether they reach the prompt shows in its token count, whatever the tokenizer."""

MIN_ADDED_TOKENS = 10
"""Tokens that `LONG_TEXT` costs at the very least."""

UNSTABLE_COUNTS = "equal requests count different input tokens, so that counts tell nothing"
"""Why a row is inconclusive that counts alone could decide."""


def find_controls(endpoint: TextEndpoint) -> tuple[bool, list[tuple[str, TextResponse]]]:
    """Return whether greedy text repeats itself, and two prompts with their controls. Counts need no such text."""
    try:
        return True, [(prompt, control.response) for prompt, control in endpoint.find_repeatable_controls(2)]
    except UndeterminedError:
        return False, [(prompt, endpoint.ask_control(prompt)) for prompt in endpoint.prompts[:2]]


def has_prompt_grown(
    answer: TextResponse, control: TextResponse, tokens: int | None, *, greedy: bool = True
) -> bool | None:
    """Whether the answer's prompt is longer than the control's by at least so many tokens; by text where unknown.

    `tokens` is None where the server's counts cannot be compared; `greedy` is false where its texts cannot.
    """
    departs = greedy and departs_early(answer.text, control.text)
    if tokens is None or not answer.prompt_tokens or not control.prompt_tokens:
        return True if departs and control.text.strip() else None
    grown = answer.prompt_tokens - control.prompt_tokens
    if grown >= tokens:
        return True
    return False if grown <= 0 and (answer.text == control.text or not greedy) else None


def check_added_text(
    endpoint: TextEndpoint,
    ask_with: Callable[[str], TextResponse],
    *,
    ask_without: Callable[[str], TextResponse] | None = None,
    tokens: int = MIN_ADDED_TOKENS,
) -> Observation:
    """Check that a text that is added to a prompt reaches the model.

    `ask_with`: sends a treatment, the prompt with the text. `ask_without`: sends its control; the plain request
    unless given. `tokens`: that the text costs at least. One prompt is enough where an endpoint says so.
    """
    votes = []
    changed = False
    greedy, controls = find_controls(endpoint)
    for prompt, plain in controls[: endpoint.prompt_count]:
        answer = ask_with(prompt)
        control = plain if ask_without is None else ask_without(prompt)
        comparable = tokens if endpoint.has_stable_prompt_count(prompt) else None
        votes.append(has_prompt_grown(answer, control, comparable, greedy=greedy))
        changed = changed or answer.text != control.text
    # A model that says one thing to every prompt would say it here too: then the counts must do.
    varies = len({plain.text for _, plain in controls}) > 1
    if all(votes) and not changed and varies:
        return inconclusive("it is counted as prompt tokens, but two prompts get the same answers as without it")
    return weigh(
        votes,
        seen="it adds its tokens to the prompt",
        absent="prompt tokens and answer are the same as without it",
        unclear="it changes the prompt or the answer, but not as its text would",
    )


Turns = Callable[[str], list[Message]]
"""Makes the turns of a conversation that ends with a prompt."""


def check_added_turns(
    endpoint: ConversationEndpoint, with_it: Turns, without: Turns | None = None, *, tokens: int = MIN_ADDED_TOKENS
) -> Observation:
    """Check that what `with_it` has more than `without`, or than the prompt alone, reaches the model."""

    def ask_with(prompt: str) -> TextResponse:
        return endpoint.ask(endpoint.spell_turns(with_it(prompt)))

    if without is None:
        return check_added_text(endpoint, ask_with, tokens=tokens)
    ask_without = lambda prompt: endpoint.ask_control(endpoint.spell_turns(without(prompt)))  # noqa: E731 - as above
    return check_added_text(endpoint, ask_with, ask_without=ask_without, tokens=tokens)


def check_instruction(endpoint: ConversationEndpoint, role: str) -> Observation:
    """Check that a long instruction counts more tokens than a short one: a template may have one of its own."""
    return check_added_turns(
        endpoint,
        lambda prompt: [{"role": role, "content": LONG_TEXT}, user(prompt)],
        lambda prompt: [{"role": role, "content": "Yes."}, user(prompt)],
    )


def check_earlier_answer(endpoint: ConversationEndpoint) -> Observation:
    """Check that an assistant's message between two of the user's reaches the model."""
    return check_added_turns(
        endpoint,
        lambda prompt: [user("Hello."), {"role": "assistant", "content": LONG_TEXT}, user(prompt)],
        lambda prompt: [user("Hello."), user(prompt)],
    )


def check_text_parts(endpoint: ConversationEndpoint) -> Observation:
    """Check that an array of text parts means the same as one string of them."""
    one: list[bool | None] = []
    several: list[bool | None] = []
    greedy, controls = find_controls(endpoint)
    varies = greedy and len({control.text for _, control in controls}) > 1
    for place, (prompt, control) in enumerate(controls[: endpoint.prompt_count]):
        # The prompt goes first, then last: a server that reads one part only loses the long one once.
        texts = [f"{LONG_TEXT} ", prompt] if place else [prompt, f" {LONG_TEXT}"]
        string = endpoint.ask_control("".join(texts))
        grown = has_prompt_grown(string, control, MIN_ADDED_TOKENS, greedy=greedy)
        if grown is False and greedy and not varies:
            return ignored("different prompts get one and the same answer, and count as many tokens")
        counts = grown is True
        counts = counts and endpoint.has_stable_prompt_count(prompt)
        alone, both = (
            endpoint.ask(endpoint.spell_turns([user([text_part(text) for text in parts])]))
            for parts in ([prompt], texts)
        )
        one.append(means_the_same(alone, control, counts=counts, varies=varies))
        lost = varies and both.text == control.text != string.text
        several.append(False if lost else means_the_same(both, string, joints=6, counts=counts, varies=varies))
    if all(one) and False in several:
        return partial("one part means the same as a string, but of several parts not all reach the model")
    return weigh(
        [*one, *several],
        seen="as many prompt tokens as the string has, give or take what joins the parts",
        absent="the parts do not reach the prompt",
        unclear="the parts reach the prompt with other token counts than the string",
    )


def excuse_template(endpoint: ConversationEndpoint, seen: Observation) -> Observation:
    """Return what was seen of a member that chat templates need not write; inconclusive where the model's may not.

    Only of a model of ours is it known that its template writes the names of participants, calls and their results.
    """
    if seen.verdict is Verdict.IGNORED and endpoint.session.models.get("whole_template") != endpoint.model:
        return inconclusive(f"{seen.reason}; but the model's own template may be what leaves it out")
    return seen


def means_the_same(
    answer: TextResponse, control: TextResponse, *, counts: bool, varies: bool, joints: int = 2
) -> bool | None:
    """Whether as many tokens reach the model, or `joints` more; by text where the server's counts do not tell.

    `varies`: whether the model says other things to other prompts, and the same to the same.
    """
    if not counts or answer.prompt_tokens is None or control.prompt_tokens is None:
        return True if varies and answer.text == control.text else None
    missing = control.prompt_tokens - answer.prompt_tokens
    return True if -joints <= missing <= 2 else False if missing > 2 else None
