"""chat/fields/messages: pictures, sounds and files. Prompt tokens, answers and their odds are the witnesses."""

from __future__ import annotations

import base64
import struct
from typing import Any

from conformance.checklist.verdicts import Severity
from conformance.probes import chance
from conformance.probes.endpoints import Chat
from conformance.probes.observation import Observation, ignored, inconclusive, supported
from conformance.probes.registry import declare_derived, probe
from conformance.probes.response_views import TextResponse, as_finite_float, get_path
from conformance.probes.sample_images import data_url
from conformance.probes.session import RequestFailedError, RequestRejectedError, UndeterminedError
from conformance.probes.tool_conversations import user
from conformance.wire.exchange import IMAGE_HOST

from .messages import text_part

declare_derived("chat/fields/messages/image", "Pictures reach the model.", capability="vision")


def check_image_part(chat: Chat, picture: Any) -> Observation:
    """Pictures cost prompt tokens, and other pictures get other answers. `picture` makes the part of a pattern."""
    prompt = "What is shown here?"
    control = chat.ask_control(prompt)
    parts = [[{"type": "text", "text": prompt}, picture(pattern)] for pattern in ("checks", "stripes")]
    checks, stripes = (chat.ask([user(content)]) for content in parts)
    again = chat.ask([user(parts[0])], repetition=1)
    unseen = {checks.prompt_tokens, stripes.prompt_tokens} == {control.prompt_tokens}
    if unseen and checks.text == stripes.text == control.text:
        return ignored("with a picture, prompt tokens and answer are the same as without")
    if checks.text != again.text:
        return inconclusive("the same picture was answered differently at temperature 0")
    costs = control.prompt_tokens is None or (checks.prompt_tokens or 0) > control.prompt_tokens
    if not (checks.prompt_tokens == stripes.prompt_tokens == _as_data_url(chat, prompt, checks)):
        return inconclusive("pictures of one size cost different numbers of tokens: they may be read as text")
    if costs and (checks.text != stripes.text or _have_other_odds(chat, parts)):
        return supported("a picture adds prompt tokens, and another picture gets another answer")
    if checks.text == stripes.text:
        return inconclusive("pictures change the prompt, but two of them get one answer")
    return inconclusive("pictures change the answer, but not the count of prompt tokens")


def _as_data_url(chat: Chat, prompt: str, otherwise: TextResponse) -> int | None:
    """Return the prompt tokens of the same picture as a data URL; of the answer, where data URLs are not taken."""
    part = {"type": "image_url", "image_url": {"url": data_url("checks")}}
    try:
        return chat.ask([user([text_part(prompt), part])]).prompt_tokens
    except RequestRejectedError:
        return otherwise.prompt_tokens
    except RequestFailedError as failure:
        raise UndeterminedError("the same picture as a data URL is not answered") from failure


MAX_ROUNDING = 0.01
"""Nats by which rounding may change the logarithm of a probability."""


def _have_other_odds(chat: Chat, contents: list[Any]) -> bool | None:
    """Whether two contents get other probabilities where they get the same words; None where none are told."""
    first, second = (chat.ask([user(content)], logprobs=True, answer_limit=4).logprobs for content in contents)
    if not first or not second:
        return None
    if [get_path(entry, "token") for entry in first] != [get_path(entry, "token") for entry in second]:
        return True
    pairs = zip(first, second, strict=True)
    odds = [[as_finite_float(get_path(entry, "logprob")) or 0.0 for entry in pair] for pair in pairs]
    return any(abs(one - two) > MAX_ROUNDING for one, two in odds)


@probe("chat/fields/messages/image/base64", capability="vision", chance=chance.GREEDY_MEDIA)
def image_base64(chat: Chat) -> Observation:
    """`image_url` as an object whose url is a data URL."""
    return check_image_part(chat, lambda pattern: {"type": "image_url", "image_url": {"url": data_url(pattern)}})


@probe("chat/fields/messages/image/url", capability="vision", chance=chance.GREEDY_MEDIA)
def image_url(chat: Chat) -> Observation:
    """`image_url` as an object whose url is an http address that the server fetches."""
    return check_image_part(
        chat, lambda pattern: {"type": "image_url", "image_url": {"url": f"{IMAGE_HOST}/{pattern}.png"}}
    )


@probe(
    "chat/fields/messages/image/bare",
    capability="vision",
    title="bare string",
    severity=Severity.SHOULD,
    chance=chance.GREEDY_MEDIA,
)
def image_bare(chat: Chat) -> Observation:
    """`image_url` as a bare string, as Ollama's documentation shows it; OpenAI's clause knows the object only."""
    return check_image_part(chat, lambda pattern: {"type": "image_url", "image_url": data_url(pattern)})


def check_media_part(chat: Chat, first: Any, second: Any, written: int | None = None) -> Observation:
    """Parts other than text and pictures: what they hold reaches the model, or another part would get one answer.

    `written`: characters of the second part's data. A prompt that grows by a token for each few of them holds text.
    """
    prompt = "What is this?"
    control = chat.ask_control(prompt)
    contents = [[text_part(prompt), part] for part in (first, second)]
    one, two = (chat.ask([user(content)]) for content in contents)
    counted = bool(one.prompt_tokens)
    if one.text == control.text and one.prompt_tokens == control.prompt_tokens and counted and one.text.strip():
        return ignored("with the part, prompt tokens and answer are the same as without")
    if one.text == two.text and one.prompt_tokens == two.prompt_tokens:
        return _judge_equal_parts(chat, contents)
    if chat.ask([user([{"type": "text", "text": prompt}, first])], repetition=1).text != one.text:
        return inconclusive("the same part was answered differently at temperature 0")
    if written and (two.prompt_tokens or 0) - (control.prompt_tokens or 0) > written / 4:
        return inconclusive("the part costs as many tokens as its base64 has as text: written out, not heard")
    return supported("another part gets another answer")


def _judge_equal_parts(chat: Chat, contents: list[Any]) -> Observation:
    """Judge two different parts that get one answer: a model of few words may give it to both."""
    prompts = [[text_part(prompt)] for prompt in chat.prompts[:2]]
    try:
        differ = _have_other_odds(chat, contents)
        if differ is False and not _have_other_odds(chat, prompts):
            differ = None
    except (RequestRejectedError, RequestFailedError):
        differ = None
    if differ is None:
        return inconclusive("two different parts get one answer, and no probabilities tell them apart")
    if differ:
        return inconclusive("two different parts get one answer, with other probabilities")
    return ignored("two different parts get one answer: what they hold does not reach the model")


def sound(samples: bytes) -> dict[str, Any]:
    """Return a WAV of one channel, 8,000 samples a second, as a content part."""
    head = struct.pack("<4sI4s4sIHHIIHH4sI", b"RIFF", 36 + len(samples), b"WAVE", b"fmt ", 16, 1, 1, 8000, 8000, 1, 8,
                       b"data", len(samples))  # fmt: skip
    data = base64.b64encode(head + samples).decode()
    return {"type": "input_audio", "input_audio": {"data": data, "format": "wav"}}


@probe("chat/fields/messages/input_audio", severity=Severity.SHOULD, chance=chance.GREEDY_MEDIA)
def input_audio(chat: Chat) -> Observation:
    """A content part with sound, for models that hear."""
    long = sound(b"\x00\xff" * 1600)
    return check_media_part(chat, sound(b"\x80" * 800), long, written=len(long["input_audio"]["data"]))


def document(name: str, data: bytes) -> dict[str, Any]:
    """Return a PDF as a content part."""
    url = f"data:application/pdf;base64,{base64.b64encode(data).decode()}"
    return {"type": "file", "file": {"filename": name, "file_data": url}}


@probe("chat/fields/messages/file", severity=Severity.SHOULD, chance=chance.GREEDY_MEDIA)
def file(chat: Chat) -> Observation:
    """A content part with a file, for models that read files."""
    return check_media_part(
        chat, document("zq.pdf", b"%PDF-1.1\n%%EOF\n"), document("qx.pdf", b"%PDF-1.1\n%" + b"b" * 400)
    )
