"""The experiments on the probabilities of tokens that an answer tells."""

from __future__ import annotations

from typing import Any

from .endpoints import ConversationEndpoint
from .observation import Observation, broken, ignored, inconclusive, supported
from .response_views import TextResponse, as_list, get_path
from .token_choice import are_of_another_text


def check_logprobs(endpoint: ConversationEndpoint, *, stream: bool = False) -> Observation:
    """Check that the probabilities of the tokens come, where they are asked for and not otherwise."""
    streaming: dict[str, Any] = {"stream": True} if stream else {}
    control = endpoint.ask_control(**streaming)
    answer = endpoint.ask(**endpoint.logprobs_fields, answer_limit=4, **streaming)
    if not answer.logprobs:
        return _no_odds(answer, "no chunk holds probabilities" if stream else "probabilities are absent or empty")
    if control.logprobs:
        return ignored("probabilities come whether they are asked for or not")
    if _of_another_text(answer):
        return broken("the probabilities are those of other tokens than the text's")
    return supported(f"{len(answer.logprobs)} tokens come with their probabilities")


def _no_odds(answer: TextResponse, absent: str) -> Observation:
    """Judge an answer without probabilities: thoughts need have none, nor an answer that has no token."""
    return ignored(absent) if answer.content else inconclusive(f"{absent}, but the answer has no text either")


def _of_another_text(answer: TextResponse) -> bool:
    return are_of_another_text(answer.text, [get_path(entry, "token") for entry in answer.logprobs])


def check_top_logprobs(endpoint: ConversationEndpoint) -> Observation:
    """Check that as many alternatives come as `top_logprobs` asks for."""
    three = endpoint.ask(**endpoint.logprobs_fields, top_logprobs=3, answer_limit=4)
    none = endpoint.ask_control(**endpoint.logprobs_fields, answer_limit=4)
    if not three.logprobs:
        return _no_odds(three, "probabilities are absent, and the alternatives with them")
    if _of_another_text(three):
        return broken("the alternatives are those of other tokens than the text's")
    counts = [len(as_list(get_path(entry, "top_logprobs"))) for entry in three.logprobs]
    plain = [len(as_list(get_path(entry, "top_logprobs"))) for entry in none.logprobs]
    if all(count == 3 for count in counts) and not any(plain):
        return supported("each token comes with the 3 alternatives asked for, and with none where none are asked for")
    if counts == plain:
        return ignored(f"{counts} alternatives come whether asked for or not")
    if all(count == 3 for count in counts):
        return supported(f"each token comes with the 3 alternatives asked for (without the field with {plain[:1]})")
    return inconclusive(f"3 alternatives were asked for; {counts} came")
