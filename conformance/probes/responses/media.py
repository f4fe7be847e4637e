"""responses/fields/input: pictures and files. Prompt tokens, answers and their odds are the witnesses."""

from __future__ import annotations

import base64
from typing import Any

from conformance.checklist.verdicts import Severity
from conformance.probes import chance
from conformance.probes.availability import send_bad
from conformance.probes.content_parts import PICTURE_PROMPT, check_image_part, check_media_part
from conformance.probes.endpoints import Responses
from conformance.probes.errors import grade_error
from conformance.probes.observation import Observation, broken, ignored, inconclusive, partial, supported
from conformance.probes.registry import declare_derived, probe
from conformance.probes.sample_images import data_url
from conformance.probes.session import is_refused
from conformance.probes.tool_conversations import user
from conformance.wire.exchange import IMAGE_HOST

declare_derived("responses/fields/input/image", "Pictures reach the model.", capability="vision")


def _picture(url: str, **more: Any) -> dict[str, Any]:
    """Return a content part with a picture, in the form of chat."""
    return {"type": "image_url", "image_url": {"url": url, **more}}


@probe("responses/fields/input/image/data_url", capability="vision", chance=chance.GREEDY_MEDIA)
def image_data_url(responses: Responses) -> Observation:
    """An `input_image` whose `image_url` is a data URL."""
    return check_image_part(responses, lambda pattern: _picture(data_url(pattern)))


@probe("responses/fields/input/image/http_url", capability="vision", chance=chance.GREEDY_MEDIA)
def image_http_url(responses: Responses) -> Observation:
    """An `input_image` whose `image_url` is an http address that the server fetches."""
    prompt = {"type": "input_text", "text": PICTURE_PROMPT}
    control = responses.ask_control(PICTURE_PROMPT)
    urls = (data_url("checks"), f"{IMAGE_HOST}/checks.png")
    given, fetched = (
        responses.ask([user([prompt, {"type": "input_image", "image_url": url, "detail": "auto"}])]) for url in urls
    )
    if (fetched.text, fetched.prompt_tokens) == (control.text, control.prompt_tokens) and control.prompt_tokens:
        return ignored("with the picture's address, prompt tokens and answer are the same as without")
    if control.prompt_tokens == given.prompt_tokens:
        return inconclusive("a picture as a data URL adds no tokens, to compare with")
    if (fetched.text, fetched.prompt_tokens) == (given.text, given.prompt_tokens):
        return supported("the picture that is fetched gets the answer of the same as a data URL")
    return inconclusive("the picture's address gets another answer than the same picture as a data URL")


@probe("responses/fields/input/image/detail", capability="vision", severity=Severity.SHOULD, chance=chance.STATUSES)
def image_detail(responses: Responses) -> Observation:
    """`detail` is one of low, high, auto and original; anything else is refused."""
    bare = {"type": "input_image", "image_url": data_url("checks")}
    responses.ask([user([{**bare, "detail": "low"}])], limit=1)
    bad = send_bad(responses, input=[user([{**bare, "detail": "zz_bogus"}])])
    if is_refused(bad):
        return supported(f"low is taken, and 'zz_bogus' is refused with {bad.status}")
    if not bad.accepted:
        return inconclusive(f"'zz_bogus' is answered with {bad.failure or bad.status}")
    return ignored("'zz_bogus' is taken like a valid value: `detail` is not read")


@probe(
    "responses/fields/input/image/file_id",
    capability="vision",
    title="the id of no file",
    severity=Severity.SHOULD,
    chance=chance.STATUSES,
)
def image_file_id(responses: Responses) -> Observation:
    """A picture by the id of a file that does not exist is refused: it must not be left out in silence."""
    part = {"type": "input_image", "file_id": "file-zq-unknown", "detail": "auto"}
    return _judge_refusal(responses, part, "a picture that does not exist")


@probe(
    "responses/fields/input/image/broken",
    capability="vision",
    title="no picture",
    severity=Severity.SHOULD,
    chance=chance.STATUSES,
)
def image_broken(responses: Responses) -> Observation:
    """What is no base64, and what is no picture, is refused."""
    word = base64.b64encode(b"hello").decode()
    seen = [
        _judge_refusal(
            responses, {"type": "input_image", "image_url": f"data:image/png;base64,{data}", "detail": "auto"}, what
        )
        for data, what in (("!!!!", "what is no base64"), (word, "what is no picture"))
    ]
    worse = [each for each in seen if not each.verdict.is_positive]
    if len(worse) == 1 and seen != worse:
        return partial(worse[0].reason)
    return worse[0] if worse else seen[0]


def _judge_refusal(responses: Responses, part: dict[str, Any], what: str) -> Observation:
    exchange = send_bad(responses, input=[user([{"type": "input_text", "text": "What is shown?"}, part])])
    if exchange.accepted:
        return ignored(f"{what} is answered with {exchange.status}, as if it were not there")
    if is_refused(exchange):
        return supported(f"{what} is refused with {exchange.status}")
    return broken(f"{what} is answered with {exchange.failure or exchange.status}")


@probe("errors/responses/image_object", capability="vision", severity=Severity.SHOULD, chance=chance.STATUS_AND_ERROR)
def image_object(responses: Responses) -> Observation:
    """`image_url` as an object, which is chat's form: 400."""
    part = {"type": "input_image", "image_url": {"url": data_url("checks")}, "detail": "auto"}
    return grade_error(send_bad(responses, input=[user([part])]), 400, param="input")


@probe("responses/fields/input/file", severity=Severity.SHOULD, chance=chance.GREEDY_MEDIA)
def file(responses: Responses) -> Observation:
    """An `input_file` with a text, for servers that read files: what it holds reaches the model."""

    def document(name: str, text: str) -> dict[str, Any]:
        data = base64.b64encode(text.encode()).decode()
        return {"type": "file", "file": {"filename": name, "file_data": f"data:text/plain;base64,{data}"}}

    return check_media_part(responses, document("zq.txt", "Hello."), document("qx.txt", "Sailors sing. " * 20))
