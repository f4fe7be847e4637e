"""How to tell that a content part other than text reaches the model: by prompt tokens, answers and their odds."""

from __future__ import annotations

from typing import Any

from .endpoints import ConversationEndpoint
from .observation import Observation, ignored, inconclusive, supported
from .response_views import TextResponse, as_finite_float, get_path
from .sample_images import data_url
from .session import RequestFailedError, RequestRejectedError, UndeterminedError
from .tool_conversations import user


def text_part(text: str) -> dict[str, Any]:
    """Return a content part with a text."""
    return {"type": "text", "text": text}


def _ask(endpoint: ConversationEndpoint, content: list[Any], **settings: Any) -> TextResponse:
    return endpoint.ask(endpoint.spell_turns([user(content)]), **settings)


PICTURE_PROMPT = "What is shown here?"


def check_image_part(endpoint: ConversationEndpoint, picture: Any) -> Observation:
    """Pictures cost prompt tokens, and other pictures get other answers. `picture` makes the part of a pattern."""
    prompt = PICTURE_PROMPT
    control = endpoint.ask_control(prompt)
    parts = [[text_part(prompt), picture(pattern)] for pattern in ("checks", "stripes")]
    checks, stripes = (_ask(endpoint, content) for content in parts)
    again = _ask(endpoint, parts[0], repetition=1)
    unseen = {checks.prompt_tokens, stripes.prompt_tokens} == {control.prompt_tokens}
    if unseen and checks.text == stripes.text == control.text:
        return ignored("with a picture, prompt tokens and answer are the same as without")
    if checks.text != again.text:
        return inconclusive("the same picture was answered differently at temperature 0")
    costs = control.prompt_tokens is None or (checks.prompt_tokens or 0) > control.prompt_tokens
    if not (checks.prompt_tokens == stripes.prompt_tokens == _as_data_url(endpoint, prompt, checks)):
        return inconclusive("pictures of one size cost different numbers of tokens: they may be read as text")
    if costs and (checks.text != stripes.text or _have_other_odds(endpoint, parts)):
        return supported("a picture adds prompt tokens, and another picture gets another answer")
    if checks.text == stripes.text:
        return inconclusive("pictures change the prompt, but two of them get one answer")
    return inconclusive("pictures change the answer, but not the count of prompt tokens")


def _as_data_url(endpoint: ConversationEndpoint, prompt: str, otherwise: TextResponse) -> int | None:
    """Return the prompt tokens of the same picture as a data URL; of the answer, where data URLs are not taken."""
    part = {"type": "image_url", "image_url": {"url": data_url("checks")}}
    try:
        return _ask(endpoint, [text_part(prompt), part]).prompt_tokens
    except RequestRejectedError:
        return otherwise.prompt_tokens
    except RequestFailedError as failure:
        raise UndeterminedError("the same picture as a data URL is not answered") from failure


MAX_ROUNDING = 0.01
"""Nats by which rounding may change the logarithm of a probability."""


def _have_other_odds(endpoint: ConversationEndpoint, contents: list[Any]) -> bool | None:
    """Whether two contents get other probabilities where they get the same words; None where none are told."""
    first, second = (
        _ask(endpoint, content, **endpoint.logprobs_fields, answer_limit=4).logprobs for content in contents
    )
    if not first or not second:
        return None
    if [get_path(entry, "token") for entry in first] != [get_path(entry, "token") for entry in second]:
        return True
    pairs = zip(first, second, strict=True)
    odds = [[as_finite_float(get_path(entry, "logprob")) or 0.0 for entry in pair] for pair in pairs]
    return any(abs(one - two) > MAX_ROUNDING for one, two in odds)


def check_media_part(
    endpoint: ConversationEndpoint, first: Any, second: Any, written: int | None = None
) -> Observation:
    """Parts other than text and pictures: what they hold reaches the model, or another part would get one answer.

    `written`: characters of the second part's data. A prompt that grows by a token for each few of them holds text.
    """
    prompt = "What is this?"
    control = endpoint.ask_control(prompt)
    contents = [[text_part(prompt), part] for part in (first, second)]
    one, two = (_ask(endpoint, content) for content in contents)
    counted = bool(one.prompt_tokens)
    if one.text == control.text and one.prompt_tokens == control.prompt_tokens and counted and one.text.strip():
        return ignored("with the part, prompt tokens and answer are the same as without")
    if one.text == two.text and one.prompt_tokens == two.prompt_tokens:
        return _judge_equal_parts(endpoint, contents)
    if _ask(endpoint, contents[0], repetition=1).text != one.text:
        return inconclusive("the same part was answered differently at temperature 0")
    if written and (two.prompt_tokens or 0) - (control.prompt_tokens or 0) > written / 4:
        return inconclusive("the part costs as many tokens as its base64 has as text: written out, not heard")
    return supported("another part gets another answer")


def _judge_equal_parts(endpoint: ConversationEndpoint, contents: list[Any]) -> Observation:
    """Judge two different parts that get one answer: a model of few words may give it to both."""
    prompts = [[text_part(prompt)] for prompt in endpoint.prompts[:2]]
    try:
        differ = _have_other_odds(endpoint, contents)
        if differ is False and not _have_other_odds(endpoint, prompts):
            differ = None
    except (RequestRejectedError, RequestFailedError):
        differ = None
    if differ is None:
        return inconclusive("two different parts get one answer, and no probabilities tell them apart")
    if differ:
        return inconclusive("two different parts get one answer, with other probabilities")
    return ignored("two different parts get one answer: what they hold does not reach the model")
