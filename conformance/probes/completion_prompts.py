"""completions/fields/prompt: the four forms of a prompt."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from conformance.checklist.field_values import values
from conformance.checklist.verdicts import Severity, Verdict

from . import chance
from .endpoints import Completions
from .observation import Observation, broken, ignored, inconclusive, partial, supported
from .registry import declare_derived, probe
from .repetition import MIN_REPEATED, shared_share
from .response_views import TextResponse, as_int64, get_path
from .session import RequestRejectedError

declare_derived("completions/fields/prompt", "The text to continue, in four forms.", values=values(None, {}))


@probe("completions/fields/prompt/string", chance=chance.GREEDY_TEXT)
def prompt_string(completions: Completions) -> Observation:
    """A string: other words, another text."""
    (_, one), (_, two) = completions.find_repeatable_controls(2)
    longer = completions.ask_control(f"{completions.prompts[0]} and a very old and very wise and very hungry horse")
    grown = (longer.prompt_tokens or 0) > (one.prompt_tokens or 0)
    if one.text == two.text == longer.text and one.text.strip():
        if grown:
            return inconclusive("three different prompts get one and the same text, but count different tokens")
        return ignored("three different prompts get one and the same text")
    if longer.prompt_tokens and not grown:
        return inconclusive("the prompts' token counts do not grow with their length")
    return supported("other prompts get other texts, and a longer one counts more tokens")


@probe("completions/fields/prompt/array_of_strings", chance=chance.GREEDY_TEXT)
def prompt_strings(completions: Completions) -> Observation:
    """An array of strings: a choice for each, as it would be alone."""
    controls = completions.find_repeatable_controls(2)
    answer = completions.ask([prompt for prompt, _ in controls])
    texts = {as_int64(get_path(choice, "index")): answer.text_of(choice) for choice in answer.choices}
    if len(texts) < 2:
        return ignored(f"two prompts get {len(answer.choices)} choice")
    if sorted(texts, key=str) != [0, 1]:
        return partial("two prompts get two choices, but their indices are not 0 and 1")
    if all(control.is_repeated_in(texts[place]) for place, (_, control) in enumerate(controls)):
        return supported("two prompts get two choices, each equal to the prompt's own answer")
    # Prompts that are computed together round otherwise than alone: a text may depart after a while.
    own = [shared_share(texts[place], controls[place][1].text) for place in (0, 1)]
    others = [shared_share(texts[place], controls[1 - place][1].text) for place in (0, 1)]
    if min(own) >= MIN_REPEATED:
        return supported("two prompts get two choices, each beginning as the prompt's own answer does")
    if min(others) >= MIN_REPEATED > max(own):
        return partial("two prompts get two choices, but in another order")
    return inconclusive("two prompts get two choices, but not as each prompt alone")


@probe("completions/fields/prompt/array_of_tokens", chance=chance.PROMPT_TOKENS)
def prompt_tokens(completions: Completions) -> Observation:
    """An array of token ids: as many prompt tokens as ids."""
    return _ask_ids(completions, lambda first: [[first, first + 1, first + 2], [*range(first + 3, first + 8)]])


@probe("completions/fields/prompt/array_of_token_arrays", chance=chance.PROMPT_TOKENS)
def prompt_token_arrays(completions: Completions) -> Observation:
    """Arrays of token ids: a choice for each."""
    return _ask_ids(completions, lambda first: [[[first, first + 1, first + 2], [first + 3, first + 4]]])


FIRST_IDS = (301, 41)
"""First of the token ids that a prompt is made of: every vocabulary has the second, most have the first."""


def _ask_ids(completions: Completions, prompts: Callable[[int], list[Any]]) -> Observation:
    """Ask with prompts of token ids, none of which another begins with: some servers count only what is new.

    Raises:
        RequestRejectedError: ids are refused that every vocabulary has.
    """
    control = completions.ask_control(limit=1)
    try:
        asked = prompts(FIRST_IDS[0])
        answers = [completions.ask(prompt, limit=1) for prompt in asked]
    except RequestRejectedError:
        asked = prompts(FIRST_IDS[1])
        answers = [completions.ask(prompt, limit=1) for prompt in asked]
    ids = [sum(len(each) if isinstance(each, list) else 1 for each in prompt) for prompt in asked]
    choices = sum(isinstance(each, list) for each in asked[0]) or 1
    seen = _judge_counts(list(zip(answers, ids, strict=True)), choices)
    if not seen.verdict.is_positive and control.prompt_tokens == len(completions.prompts[0]):
        return inconclusive("the server counts characters, not tokens")
    return seen


def _judge_counts(answers: list[tuple[TextResponse, int]], choices: int) -> Observation:
    """Each answer counts its ids as prompt tokens, give or take one begin-of-text per prompt."""
    if any(len(answer.choices) != choices for answer, _ in answers):
        return ignored(f"{len(answers[0][0].choices)} choices came where {choices} were due")
    counts = [(answer.prompt_tokens, ids) for answer, ids in answers]
    if not all(count for count, _ in counts):
        return inconclusive("the server counts no prompt tokens")
    if all(ids <= (count or 0) <= ids + choices for count, ids in counts):
        return supported("each id counts as one prompt token")
    if len({count for count, _ in counts}) == 1 and len(counts) > 1:
        return ignored("prompts of 3 and of 5 ids count the same")
    return broken(f"prompts of {[ids for _, ids in counts]} ids count {[count for count, _ in counts]} tokens")


@probe("completions/notes/prompt_string", severity=Severity.SHOULD, chance=chance.AS_PROMPT_FORMS)
def prompt_forms_are_honest(completions: Completions) -> Observation:
    """Forms of `prompt` that are not supported are refused, not misread."""
    refused: list[str] = []
    taken: list[str] = []
    misread: list[str] = []
    unclear: list[str] = []
    for name, experiment in (
        ("array of strings", prompt_strings),
        ("array of tokens", prompt_tokens),
        ("array of token arrays", prompt_token_arrays),
    ):
        try:
            seen = experiment(completions)
        except RequestRejectedError:
            refused.append(name)
            continue
        if seen.verdict is Verdict.INCONCLUSIVE:
            unclear.append(name)
        else:
            (taken if seen.verdict.is_positive else misread).append(name)
    if misread:
        return ignored(f"accepted and misread: {', '.join(misread)}")
    if unclear:
        return inconclusive(f"accepted, and whether they are read cannot be told: {', '.join(unclear)}")
    if refused and not taken:
        return supported("a string only: the three other forms are refused")
    return supported(f"taken beside the string: {', '.join(taken)}" + ("; the rest is refused" if refused else ""))
