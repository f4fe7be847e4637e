"""Servers whose limits, thoughts, counts and refusals mislead a careless probe; `fools.py` has the others.

Each is an honest server behind a proxy, and most are right: accusing them would be wrong.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, cast

from .fields import check_body
from .fools import demands_format, says_instead, with_text
from .interface import RefusalError, Reply, Request, Server, json_reply
from .proxy import Body, Proxy, honest, without


def spaces_the_document(room: int, *, begins: bool) -> Server:
    """White space, which a grammar allows, fills limits below `room`: after the value, or before the document."""

    def coming(sent: Body, got: Body) -> Body:
        if not demands_format(sent) or not got.get("choices") or sent.get("max_tokens", room) >= room:
            return got
        choices = [
            with_text(each, lambda text: text.replace("}", "\n") if begins else "\n") for each in got["choices"]
        ]
        return {**got, "choices": [{**each, "finish_reason": each["finish_reason"] and "length"} for each in choices]}

    return Proxy(coming=coming)


def follows_no_number() -> Server:
    """The grammar holds numbers to their kind, not to their `enum`: another one comes."""
    return says_instead(lambda text: text.replace("7", "8").replace("4", "5"), demands_format)


THOUGHTS = 300
"""Tokens of the thoughts of `thinks_first`."""


def thinks_first(*dropped: str) -> Server:
    """Thinks for `THOUGHTS` tokens before each answer, so that a smaller limit cuts it before text and calls."""

    def coming(sent: Body, got: Body) -> Body:
        limit = sent.get("max_tokens", sent.get("max_completion_tokens", THOUGHTS))
        if limit >= THOUGHTS or not got.get("choices"):
            return got
        return {**got, "choices": [_still_thinking(each) for each in got["choices"]]}

    return Proxy(going=lambda body: without(body, *dropped), coming=coming)


def _still_thinking(choice: Body) -> Body:
    part = "message" if "message" in choice else "delta"
    kept = without(choice[part], "tool_calls", "function_call", "audio")
    thoughts = {"content": "", "reasoning": "Let me see."} if kept.get("content") or part == "message" else {}
    return {**choice, part: {**kept, **thoughts}, "finish_reason": choice["finish_reason"] and "length"}


def checks_and_drops(*dropped: str) -> Server:
    """Fields are checked as they are declared, and nobody reads them then."""

    def going(body: Body) -> Body:
        if "messages" in body:
            check_body("chat", body, extensions=True)
        return without(body, *dropped)

    return Proxy(going=going)


def knows_names_only() -> Server:
    """Refuses fields that it does not know, and reads none of those without visible effect, whatever they hold."""
    unread = ("user", "safety_identifier", "service_tier", "verbosity", "prompt_cache_key")

    def going(body: Body) -> Body:
        if "zz_unknown" in body:
            raise RefusalError("Unknown parameter: 'zz_unknown'.", param="zz_unknown")
        return without(body, *unread)

    return Proxy(going=going)


def fails_on_null_content() -> Server:
    """A message without text is a failure of the server: its template joins strings."""

    def going(body: Body) -> Body:
        messages = body.get("messages")
        if isinstance(messages, list) and any("content" in each and each["content"] is None for each in messages):
            raise RefusalError("Internal error: content is null", status=500)
        return body

    return Proxy(going=going)


def writes_calls_as_text() -> Server:
    """The model calls a function in a form that the server does not know: the call stays in the text."""

    def coming(_sent: Body, got: Body) -> Body:
        return {**got, "choices": [_as_text(each) for each in got["choices"]]} if got.get("choices") else got

    return Proxy(coming=coming)


def _as_text(choice: Body) -> Body:
    part = "message" if "message" in choice else "delta"
    calls = choice[part].get("tool_calls") or ()
    if not calls:
        return choice
    text = "".join(f"{call['function'].get('name', '')}{call['function']['arguments']}" for call in calls)
    return {
        **choice,
        part: {**without(choice[part], "tool_calls"), "content": text},
        "finish_reason": choice["finish_reason"] and "stop",
    }


def talks_before_the_call(*, tells: bool) -> Server:
    """A call that is demanded may come behind any text, which goes on until the limit cuts it.

    `tells`: whether the finish_reason says that it was cut.
    """

    def coming(sent: Body, got: Body) -> Body:
        demanded = [sent.get("tool_choice"), sent.get("function_call")]
        if not got.get("choices") or all(choice in (None, "auto", "none") for choice in demanded):
            return got
        reason = "length" if tells else "stop"
        message = {"role": "assistant", "content": "I am glad that you are here.", "refusal": None}
        choices = [{**each, "message": message, "finish_reason": reason} for each in got["choices"]]
        counted = {**got["usage"], "completion_tokens": sent["max_tokens"]}
        counted["total_tokens"] = counted["prompt_tokens"] + counted["completion_tokens"]
        return {**got, "choices": choices, "usage": counted}

    return Proxy(coming=coming)


def refuses(*names: str) -> Server:
    """Some fields are refused, whatever they hold."""

    def going(body: Body) -> Body:
        for name in names:
            if name in body:
                raise RefusalError(f"Unsupported parameter: '{name}'.", param=name)
        return body

    return Proxy(going=going)


def counts_in_every_chunk(*, when_asked: bool, counts: bool) -> Server:
    """Usage comes beside the choices: of zeros where it is not asked for, or the whole of it either way.

    `when_asked`: whether the last chunk without choices, which the clause wants, comes where it is asked for.
    """

    def coming(sent: Body, got: Body) -> Body:
        if not sent.get("stream") or not got.get("choices"):
            return got
        told = 7 if counts or (asked(sent) and not when_asked and got["choices"][0]["finish_reason"]) else 0
        if asked(sent) and when_asked:
            return got
        return {**got, "usage": {"prompt_tokens": told, "completion_tokens": told, "total_tokens": 2 * told}}

    def asked(sent: Body) -> bool:
        return bool((sent.get("stream_options") or {}).get("include_usage"))

    def going(body: Body) -> Body:
        return body if when_asked else without(body, "stream_options")

    return Proxy(going=going, coming=coming)


def thinks_always() -> Server:
    """Effort `none` is refused: the model cannot but think."""

    def going(body: Body) -> Body:
        if "none" in (body.get("reasoning_effort"), (body.get("reasoning") or {}).get("effort")):
            raise RefusalError(
                "Unsupported value: 'none' is not supported with this model.", param="reasoning_effort"
            )
        return body

    return Proxy(going=going)


def serves_one_tier(*, tells: bool) -> Server:
    """Another tier than the default is refused; or all are taken, and the answer names none."""

    def going(body: Body) -> Body:
        if "messages" in body:
            check_body("chat", body, extensions=True)
        if tells and body.get("service_tier", "default") != "default":
            raise RefusalError("Invalid service_tier argument.", param="service_tier")
        return body

    def coming(_sent: Body, got: Body) -> Body:
        return got if tells else without(got, "service_tier")

    return Proxy(going=going, coming=coming)


def gives_nearly_one_vector() -> Server:
    """All vectors lie close to each other, as those of models do that nobody trained for it."""

    def coming(_sent: Body, got: Body) -> Body:
        if got.get("object") != "list" or not all(isinstance(each["embedding"], list) for each in got["data"]):
            return got
        return {
            **got,
            "data": [{**each, "embedding": [1 + n / 100 for n in each["embedding"]]} for each in got["data"]],
        }

    return Proxy(coming=coming)


@dataclass(kw_only=True)
class ChangesModels:
    """Changes what GET /v1/models and /v1/models/{model} answer, in an honest server's place."""

    change: Callable[[str, Reply], Reply]
    """Path and honest reply -> what the client gets."""
    inner: Server = field(default_factory=honest)

    def answer(self, request: Request) -> Reply:
        """The reply, changed if it is about models."""
        reply = self.inner.answer(request)
        about = request.method == "GET" and request.path.startswith("/v1/models")
        return self.change(request.path, reply) if about else reply


def _with_entries(reply: Reply, change: Callable[[list[Any]], list[Any]]) -> Reply:
    listed = json.loads(cast("bytes", reply.body))
    return json_reply({**listed, "data": change(listed["data"])})


def lists_models_twice() -> Server:
    """Each model is in the list twice."""
    return ChangesModels(
        change=lambda path, reply: _with_entries(reply, lambda data: data * 2) if path == "/v1/models" else reply
    )


def has_no_route_for_one_model(*, lists: bool = True) -> Server:
    """The list is there, or is empty, and no single model can be asked for: every path below it is unknown."""
    absent = Reply(status=404, body=b'{"detail":"Not Found"}')

    def change(path: str, reply: Reply) -> Reply:
        if path != "/v1/models":
            return absent
        return reply if lists else _with_entries(reply, lambda _: [])

    return ChangesModels(change=change)


def owns_models_twice() -> Server:
    """A single model has another owner than in the list, and no time of creation."""

    def change(path: str, reply: Reply) -> Reply:
        if path == "/v1/models":
            return reply
        return json_reply(
            {**without(json.loads(cast("bytes", reply.body)), "created"), "owned_by": "another"}, reply.status
        )

    return ChangesModels(change=change)


def refuses_formats_of_vectors() -> Server:
    """`encoding_format`, which the SDK sends of its own accord, is refused; vectors come as numbers without it."""
    return refuses("encoding_format")


def fails_on_wrong_types() -> Server:
    """Every error of validation is a failure of the server, in words that name the field."""

    def going(body: Body) -> Body:
        if "user" in body and not isinstance(body["user"], str):
            raise RefusalError("1 validation error: ('body', 'user') is no string", status=500)
        return body

    return Proxy(going=going)


def gives_vectors_of_any_length() -> Server:
    """Vectors are not scaled to unit length."""

    def coming(_sent: Body, got: Body) -> Body:
        if got.get("object") != "list":
            return got
        longer = [
            {**each, "embedding": [6 * number for number in each["embedding"]]}
            if isinstance(each["embedding"], list)
            else each
            for each in got["data"]
        ]
        return {**got, "data": longer}

    return Proxy(coming=coming)


def says_nothing() -> Server:
    """The model has nothing to say, whatever is asked."""
    return says_instead(lambda _: "", lambda _sent: True)


def contains_the_stop_sequence() -> Server:
    """A text ends at a stop sequence, and with it."""

    def coming(sent: Body, got: Body) -> Body:
        stop = sent.get("stop")
        if stop is None or sent.get("stream") or not got.get("choices"):
            return got
        sequence = stop if isinstance(stop, str) else next(each for each in stop if each.isascii())
        choices = [
            with_text(each, lambda text: text + sequence) if each["finish_reason"] == "stop" else each
            for each in got["choices"]
        ]
        return {**got, "choices": choices}

    return Proxy(coming=coming)


def fails_on_negative_penalties() -> Server:
    """Half of the documented range of the penalties brings the server down."""

    def going(body: Body) -> Body:
        for name in ("frequency_penalty", "presence_penalty"):
            if isinstance(value := body.get(name), int | float) and value < 0:
                raise RefusalError(f"{name} must be above 0", status=500)
        return body

    return Proxy(going=going)
