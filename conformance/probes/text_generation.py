"""The experiments that chat and completions share. Each compares a treatment with a control of the same prompt.

What decides which token is taken is in `token_choice`.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable
from typing import Any

from conformance.wire.exchange import Exchange
from conformance.wire.json_text import quote_value

from .availability import send_bad
from .endpoints import CONTROL_TOKENS, TextEndpoint
from .observation import Observation, broken, ignored, inconclusive, partial, supported, weigh
from .repetition import trim_cut
from .response_views import MalformedResponseError, TextResponse, get_path
from .session import ABSENT, RequestFailedError, RequestRejectedError, UndeterminedError

SAMPLED_CHOICES: dict[str, Any] = {"temperature": 1, "limit": 16}
"""What several choices are asked with: as many tokens as a seed is judged by, so that copies can be told."""

Form = Callable[[str], Any]


def find_sequence_inside(text: str, after: float = 0.25, *, start: int = 0) -> str:
    """Return a sequence to cut the text at: its first occurrence lies in the given part of the text, text around it.

    A word where there is one; else two to four characters, of any script. `start`: characters of thoughts before it,
    in which it must not occur.

    Raises:
        UndeterminedError: there is none.
    """
    answer = text[start:]
    words = (match.group() for match in re.finditer(r"[^\W\d_]{3,}", answer))
    slices = (answer[at : at + size] for size in (4, 3, 2) for at in range(len(answer) - size))
    for sequence in (*words, *(each for each in slices if each == each.strip())):
        at = text.find(sequence) - start
        if len(answer) * after <= at and at + len(sequence) < len(answer) * 0.9:
            return sequence
    raise UndeterminedError("the control holds no sequence to cut it at")


def _streaming(stream: bool) -> dict[str, Any]:
    return {"stream": True} if stream else {}


def check_stop(endpoint: TextEndpoint, form: Form, *, stream: bool = False) -> Observation:
    """`stop`: the text is the control's, cut at the first occurrence of a sequence of its own."""
    votes: list[bool | None] = []
    reasons = set()
    contains = False
    for prompt, control in endpoint.find_repeatable_controls(2, answered=True):
        sequence = find_sequence_inside(control.text, start=_start_of_answer(control.response))
        answer = endpoint.ask(prompt, stop=form(sequence), answer_limit=CONTROL_TOKENS, **_streaming(stream))
        cut = control.text.partition(sequence)[0]
        text = answer.text.strip()
        if text in (cut.strip(), (cut + sequence).strip()):
            votes.append(True)
            reasons.add(answer.finish_reason)
            contains = contains or text != cut.strip()
        else:
            votes.append(_runs_on(answer, cut + sequence))
    if all(votes) and contains:
        return partial("the text ends at the sequence, and contains it")
    if all(votes) and reasons != {"stop"}:
        return partial("the text ends before the sequence, but finish_reason is not `stop`")
    return weigh(
        votes,
        seen="the text ends before the sequence, with finish_reason `stop`",
        absent="the text runs on over the sequence, equal to the control's",
        unclear="the text is neither the control's nor the control's cut at the sequence",
    )


def _start_of_answer(control: TextResponse) -> int:
    """Return how many characters of thoughts come before the answer; 0 where there is none."""
    return len(control.text) - len(control.content) if control.content.strip() else 0


def _runs_on(answer: TextResponse, beginning: str) -> bool | None:
    """Return False for a text that runs on over a sequence. In thoughts alone, stop sequences need not count."""
    over = answer.text.strip().startswith(beginning.strip())
    return False if over and answer.content.strip() else None


def check_token_limit(
    endpoint: TextEndpoint, field: str, *, stream: bool = False, names_end: bool = True
) -> Observation:
    """`max_tokens` and its kin: as many tokens and finish_reason `length`, where the control runs on.

    `names_end`: whether this row is about how the end is named too.
    """
    limit = max(3, endpoint.control.min_limit)
    limits: dict[str, Any] = {"max_tokens": ABSENT, field: limit}
    votes: list[bool | None] = []
    reasons = set()
    for prompt in endpoint.prompts[:2]:
        # Were another field than the plain request's ignored, nothing would end the answer: let a sequence do it.
        control = endpoint.ask_control(prompt)
        guarded = control
        guard: dict[str, Any] = {}
        if field != endpoint.control.limit_field and control.is_cut:
            guard, guarded = _guard(endpoint, prompt, after=max(0.5, (limit + 1) / CONTROL_TOKENS))
        ask = endpoint.ask_stream_with_usage if stream else endpoint.ask
        answer = ask(prompt, **limits, **guard)
        if answer.streamed and answer.finish_reason is None:  # cut short, perhaps by another request
            answer = ask(prompt, repetition=1, **limits, **guard)
        votes.append(_is_limited(endpoint, answer, guarded, limit))
        reasons.add(answer.finish_reason)
    if all(votes) and names_end and reasons != {"length"}:
        return partial(f"{limit} tokens were generated, but finish_reason is not `length`")
    named = ", with finish_reason `length`" if names_end else ""
    return weigh(
        votes,
        seen=f"{limit} tokens were generated{named}, where the control runs on",
        absent=f"the text runs on past {limit} tokens, as the control's does",
        unclear=f"the text is neither the control's nor its first {limit} tokens, or the control has no more",
    )


def _guard(endpoint: TextEndpoint, prompt: str, *, after: float) -> tuple[dict[str, Any], TextResponse]:
    """Return a stop sequence that ends the answer where nothing else would, and the text that it leaves.

    Raises:
        UndeterminedError: stop sequences are ignored.
    """
    control = endpoint.ask_control(prompt, answer_limit=CONTROL_TOKENS)
    sequence = find_sequence_inside(control.text, after=after, start=_start_of_answer(control))
    try:
        guarded = endpoint.ask_prerequisite(prompt, stop=sequence, answer_limit=CONTROL_TOKENS)
    except (RequestRejectedError, RequestFailedError):
        return {}, control  # the deadline must do
    left = control.text.partition(sequence)[0]
    if guarded.text.rstrip() not in (left.rstrip(), left + sequence):
        raise UndeterminedError("no stop sequence would end the answer if the limit were ignored")
    return {"stop": sequence}, guarded


def _is_limited(endpoint: TextEndpoint, answer: TextResponse, control: TextResponse, limit: int) -> bool | None:
    """Whether the limit ended a text whose control runs on."""
    counted = answer.completion_tokens if endpoint.control.counts == "tokens" else None
    begins = control.text.strip().startswith(trim_cut(answer.text).strip())
    shorter = len(answer.text) < len(control.text) and begins
    if counted == limit and (shorter or (answer.is_cut and endpoint.control.temperature is None)):
        return True
    brief = 2 * len(answer.text) <= len(control.text)
    if counted is None and shorter and (answer.is_cut or brief):
        return True  # where nothing is counted, so short a text is explained by no limit of the server's own
    if shorter and brief and answer.is_cut and (counted or 0) <= limit + 1:
        return True  # a gateway may count one more; that belongs to the rule about counts
    if not has_more_tokens(control, limit):
        return None
    return False if len(answer.text) >= len(control.text.rstrip()) else None


def has_more_tokens(control: TextResponse, limit: int) -> bool:
    """Tell whether a text certainly has more tokens than the limit: several words, or a greater limit that cut it."""
    return control.is_cut or len(control.text.split()) > limit or 4 * limit < len(control.text.strip()) / 4


def check_n(endpoint: TextEndpoint, *, stream: bool = False) -> Observation:
    """`n`: as many choices as asked for, indices counting from 0.

    Where the choices of two prompts are copies, two other prompts decide whether that was luck, and at last the
    hottest sampling: a model that is sure of its answer says it twice.
    """
    votes: list[bool | None] = []
    copied = True
    for place, (prompt, n) in enumerate(zip((*endpoint.prompts, *endpoint.prompts[:2]), (2, *[3] * 5), strict=True)):
        if len(votes) >= 2 and not (all(votes) and copied):
            break
        sampling = SAMPLED_CHOICES if place < len(endpoint.prompts) else {**SAMPLED_CHOICES, "temperature": 2}
        endpoint.ask_control(prompt)
        try:
            answer = endpoint.ask(prompt, n=n, **sampling, **_streaming(stream))
        except RequestRejectedError:
            if place < len(endpoint.prompts):
                raise
            break
        one = len(answer.choices) == 1 and not (stream and answer.finished_choice_count > 1)
        votes.append(True if sorted(answer.indices) == list(range(n)) else False if one else None)
        copied = copied and len({text for choice in answer.choices if (text := answer.text_of(choice).strip())}) < 2
    if all(votes) and copied:
        return inconclusive("as many choices came as were asked for, but all are copies of one, or say nothing")
    return weigh(
        votes,
        seen="as many choices came as were asked for (2 and 3), each with an index of its own",
        absent="one choice came where 2 and 3 were asked for",
        unclear="the choices are neither one nor as many as asked for",
    )


def check_stream(endpoint: TextEndpoint) -> Observation:
    """`stream`: the answer arrives as server-sent events."""
    endpoint.ask_control()
    answer = endpoint.ask(stream=True)
    kind = answer.exchange.header("content-type")
    if kind.startswith("text/event-stream") and len(answer.chunks) > 1:
        return supported(f"{len(answer.chunks)} events of {kind.partition(';')[0]} arrived")
    if answer.exchange.json is not None:
        return ignored("one JSON document came where a stream was asked for")
    return inconclusive(
        f"the answer is neither a JSON document nor several events (content-type {quote_value(kind, 60)})"
    )


MAX_REPETITIONS = 2
"""How often a stream and a plain answer that differ are asked again, before the server is accused."""


def check_stream_equals_plain(endpoint: TextEndpoint, *, compare_counts: bool) -> Observation:
    """At temperature 0 the joined chunks are the plain answer: text, finish_reason, and counted tokens.

    Where they differ, both are asked again: a server whose answers differ among themselves contradicts nothing.
    """
    if endpoint.control.stream:
        return inconclusive("plain answers are refused")
    different: set[str] = set()
    for prompt, repeated in endpoint.find_repeatable_controls(2):
        ask = endpoint.ask_stream_with_usage if compare_counts else functools.partial(endpoint.ask, stream=True)
        plain, streamed = _compared(repeated.response), _compared(ask(prompt))
        names = [
            name for name, value in plain.items() if value != streamed[name] and None not in (value, streamed[name])
        ]
        if not names:
            continue
        for repetition in range(1, MAX_REPETITIONS + 1):
            again = _compared(endpoint.ask_control(prompt, repetition=repetition))
            if again != plain or _compared(ask(prompt, repetition=repetition)) != streamed:
                return inconclusive(
                    "the stream and the plain answer differ, and so do equal requests among themselves"
                )
        different.update(names)
    if different:
        return broken(f"the stream and the plain answer differ in {', '.join(sorted(different))}")
    return supported("content, finish_reason and usage agree on two prompts")


def check_error_before_stream(endpoint: TextEndpoint, **wrong: Any) -> Observation:
    """Check that a bad request for a stream is refused with a 4xx and an error envelope, as a plain one is.

    `wrong`: the subject, of a type that no request has.
    """
    endpoint.ask_control(stream=True)
    exchange = endpoint.attempt(stream=True, limit=1, **wrong)
    if exchange.status is not None and 400 <= exchange.status < 500 and get_path(exchange.json, "error"):
        return supported(f"refused with {exchange.status} and an error envelope")
    if exchange.accepted:
        return ignored("a bad request for a stream is answered with 200")
    return broken(f"a bad request for a stream is answered with status {exchange.status}, no 4xx with an envelope")


def _compared(answer: TextResponse) -> dict[str, Any]:
    return {
        "content": answer.text,
        "finish_reason": answer.finish_reason,
        "completion_tokens": answer.completion_tokens or None,  # some count nothing while they stream
    }


def check_include_usage(endpoint: TextEndpoint) -> Observation:
    """`stream_options.include_usage`: a last chunk without choices counts the tokens, only when asked for."""
    endpoint.ask_control(stream=True)
    plain = endpoint.ask(stream=True, stream_options=ABSENT)
    counted = endpoint.ask(stream=True, stream_options={"include_usage": True})
    last, unasked = _usage_chunks(counted), _usage_chunks(plain)
    if counted.usage is None:
        return ignored("no chunk holds a usage")
    # A usage of zeros, unasked, is none, unless there is nothing better when it is asked for.
    told = plain.usage is not None and bool(plain.completion_tokens or not counted.completion_tokens)
    if told and bool(last) == bool(unasked):
        where = "in a chunk without choices" if unasked else "beside the last choice"
        return ignored(f"usage comes {where}, whether it is asked for or not")
    if not counted.completion_tokens:
        return partial("usage comes when asked for, but it counts no generated tokens")
    if last == 0:
        return partial("usage comes when asked for, but beside a choice, not in a last chunk without choices")
    if last > 1:
        return partial(f"usage comes when asked for, but in {last} chunks without choices, not once")
    if plain.usage is not None:
        return partial("with it a last chunk without choices holds the usage; without it usage comes all the same")
    return supported("with it a last chunk without choices holds the usage; without it there is none")


def _usage_chunks(answer: TextResponse) -> int:
    chunks = [chunk for chunk in answer.chunks if isinstance(chunk, dict)]
    return sum(1 for chunk in chunks if chunk.get("choices") == [] and isinstance(chunk.get("usage"), dict))


def check_include_obfuscation(endpoint: TextEndpoint) -> Observation:
    """`stream_options.include_obfuscation`: random characters beside each piece of text, unless turned off."""
    endpoint.ask_control(stream=True)
    on, off = (endpoint.ask(stream=True, stream_options={"include_obfuscation": value}) for value in (True, False))
    for answer in (on, off):
        if not answer.chunks:
            raise MalformedResponseError(answer.exchange, "server-sent events")
    padded = [any(get_path(chunk, "obfuscation") for chunk in answer.chunks) for answer in (on, off)]
    if not any(padded) and not on.text:
        return inconclusive("no chunk holds text that it could even out")
    if padded == [True, False]:
        return supported("chunks carry `obfuscation` when asked to, and none otherwise")
    return ignored(f"chunks carry `obfuscation` {'either way' if all(padded) else 'neither way'}")


UNKNOWN_MODEL_STATUSES = (400, 404, 422)
"""Statuses that refuse a name as no model's. OpenAI says 404; others call it a bad request.

A plain request has just worked on the same route, and this one differs from it in the model alone: a 404 is the
model's and not the route's. 405 and 501 speak of the route whatever the model, 401 and 403 of the client, 429 and
5xx of the server's state."""


def check_unknown_model(endpoint: TextEndpoint) -> Observation:
    """`model`: a name that no model has is refused."""
    return judge_unknown_model(send_bad(endpoint, model="no-such-model-zz"))


def judge_unknown_model(exchange: Exchange) -> Observation:
    """Return what an answer to a request for a model that does not exist says of `model`.

    A plain request to the same route must have worked.
    """
    if exchange.failure is None and exchange.status in UNKNOWN_MODEL_STATUSES:
        return supported(f"a name that no model has is refused with {exchange.status}")
    if exchange.accepted:
        return ignored("a name that no model has is answered like the real one")
    return inconclusive(f"an unknown name was answered with status {exchange.status}")
