"""The experiments that chat and completions share. Each compares a treatment with a control of the same prompt.

Where a control is asked twice and differs, "differs from the control" proves nothing, and `steady` says so.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any

from conformance.checklist.rows import field_values
from conformance.checklist.verdicts import Evidence
from conformance.wire.exchange import Exchange

from .availability import send_bad
from .endpoints import RequestEndpoint, TextEndpoint, is_continuation
from .observation import Observation, ignored, inconclusive, partial, supported, weigh
from .response_views import TextResponse
from .session import ABSENT, RequestFailedError, RequestRejectedError, UndeterminedError

MAX_TEMPERATURE = 2.0
"""The highest temperature that the API takes. `probes.chance` bounds how likely its text is the greedy one."""

SEEDED_SAMPLING: dict[str, Any] = {"temperature": 1.2, "limit": 16}
"""Sampling that is live. `probes.chance` bounds how likely two texts of 16 tokens are equal by luck."""

SEEDED_SAMPLING_LONGER: dict[str, Any] = {**SEEDED_SAMPLING, "limit": SEEDED_SAMPLING["limit"] + 1}

MIN_SEEDED_CHARACTERS = 16
"""Characters of the shortest sampled text whose repetition says anything of a seed."""

SAMPLED_CHOICES: dict[str, Any] = {"temperature": 1, "limit": 16}
"""What several choices are asked with: as many tokens as in `SEEDED_SAMPLING`, so that copies can be told."""

Form = Callable[[str], Any]


def find_word_inside(text: str, after: float = 0.25) -> str:
    """Return a word to cut the text at: its first occurrence lies in the given part of the text, with text around it.

    Raises:
        CannotTell: there is none.
    """
    for match in re.finditer(r"[^\W\d_]{3,}", text):
        inside = len(text) * after <= match.start() and match.end() < len(text) * 0.9
        if inside and text.find(match.group()) == match.start():
            return match.group()
    raise UndeterminedError("the control holds no word to cut it at")


def _streaming(stream: bool) -> dict[str, Any]:
    return {"stream": True} if stream else {}


def check_stop(endpoint: TextEndpoint, form: Form, *, stream: bool = False) -> Observation:
    """`stop`: the text is the control's, cut at the first occurrence of a word of its own."""
    votes: list[bool | None] = []
    reasons = set()
    for prompt, control in endpoint.find_repeatable_controls(2):
        word = find_word_inside(control.text)
        answer = endpoint.ask(prompt, stop=form(word), **_streaming(stream))
        cut = control.text.partition(word)[0].strip()
        if answer.text.strip() == cut:
            votes.append(True)
            reasons.add(answer.finish_reason)
        else:
            votes.append(False if answer.text.strip() == control.text.strip() else None)
    if all(votes) and reasons != {"stop"}:
        return partial("the text ends before the sequence, but finish_reason is not `stop`")
    return weigh(
        votes,
        seen="the text ends before the sequence, with finish_reason `stop`",
        absent="the text runs on over the sequence, equal to the control's",
        unclear="the text is neither the control's nor the control's cut at the sequence",
    )


def check_token_limit(endpoint: TextEndpoint, field: str, *, stream: bool = False) -> Observation:
    """`max_tokens` and its kin: three tokens and finish_reason `length`, where the control runs on."""
    limits: dict[str, Any] = {"max_tokens": ABSENT, field: 3}
    votes: list[bool | None] = []
    reasons = set()
    for prompt, control in endpoint.find_repeatable_controls(2):
        # Were another field than max_tokens ignored, nothing would end the answer: let a stop sequence do it.
        guard, guarded = ({}, control) if field == "max_tokens" else _guarded(endpoint, prompt, control)
        ask = endpoint.ask_stream_with_usage if stream else endpoint.ask
        answer = ask(prompt, **limits, **guard)
        votes.append(_limited(answer, guarded))
        reasons.add(answer.finish_reason)
    if all(votes) and reasons != {"length"}:
        return partial("3 tokens were generated, but finish_reason is not `length`")
    return weigh(
        votes,
        seen="3 tokens were generated, with finish_reason `length`, where the control runs on",
        absent="the text runs on past 3 tokens, as the control's does",
        unclear="the text is neither the control's nor its first 3 tokens",
    )


def _guarded(endpoint: TextEndpoint, prompt: str, control: TextResponse) -> tuple[dict[str, Any], TextResponse]:
    """Return a stop sequence that ends the answer where nothing else would, and the text that it leaves.

    Raises:
        CannotTell: stop sequences are ignored.
    """
    word = find_word_inside(control.text, after=0.5)
    try:
        guarded = endpoint.ask_prerequisite(prompt, stop=word)
    except (RequestRejectedError, RequestFailedError):
        return {}, control  # the deadline must do
    if guarded.text.rstrip() != control.text.partition(word)[0].rstrip():
        raise UndeterminedError("no stop sequence would end the answer if the limit were ignored")
    return {"stop": word}, guarded


def _limited(answer: TextResponse, control: TextResponse) -> bool | None:
    shorter = len(answer.text) < len(control.text) and control.text.strip().startswith(answer.text.strip())
    # Where nothing is counted, the text must be so short that no limit of the server's own explains it.
    brief = 2 * len(answer.text) <= len(control.text)
    counted = brief if answer.completion_tokens is None else answer.completion_tokens == 3
    if shorter and counted:
        return True
    return False if len(answer.text) >= len(control.text.rstrip()) else None


def check_n(endpoint: TextEndpoint, *, stream: bool = False) -> Observation:
    """`n`: as many choices as asked for, indices counting from 0.

    Where the choices of two prompts are copies, the two other prompts decide whether that was luck.
    """
    votes: list[bool | None] = []
    copied = True
    for prompt, n in zip(endpoint.prompts, (2, 3, 3, 3), strict=True):
        if len(votes) == 2 and not (all(votes) and copied):
            break
        endpoint.ask_control(prompt)
        answer = endpoint.ask(prompt, n=n, **SAMPLED_CHOICES, **_streaming(stream))
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


def check_temperature(endpoint: TextEndpoint) -> Observation:
    """`temperature`: the hottest sampling differs from greedy text, which repeats itself."""
    votes: list[bool | None] = []
    try:
        controls = endpoint.find_repeatable_controls()
    except UndeterminedError:
        return _samples_at_zero(endpoint)
    for prompt, control in controls:
        votes.append(endpoint.ask(prompt, temperature=MAX_TEMPERATURE).text != control.text)
    return weigh(
        votes,
        seen="text at temperature 0 repeats itself, and at temperature 2 is another",
        absent="text at temperature 2 equals text at temperature 0",
        unclear="the prompts disagree on whether temperature 2 changes the text",
    )


def _samples_at_zero(endpoint: TextEndpoint) -> Observation:
    """Text at temperature 0 changes. Where it repeats under a seed, it is sampled, and temperature has no effect."""
    votes: list[bool | None] = []
    for prompt in endpoint.prompts:
        free = {endpoint.ask_control(prompt, repetition=repetition).text for repetition in (0, 1)}
        # Where rounding alone changes a text, five answers look like this on one prompt of 32 at most, whatever the
        # probabilities of the texts are; on four prompts, once in a million times.
        seeded = {endpoint.ask(prompt, seed=11, repetition=repetition).text for repetition in (0, 1, 2)}
        other = {endpoint.ask(prompt, seed=12, repetition=repetition).text for repetition in (0, 1)}
        sampled = len(free) == 2 and len(seeded) == len(other) == 1 and seeded != other
        votes.append(False if sampled else None)
    return weigh(
        votes,
        seen="",
        absent="text at temperature 0 changes, and repeats under a seed: it is sampled all the same",
        unclear="two equal requests at temperature 0 were answered differently",
    )


def check_top_p(endpoint: TextEndpoint) -> Observation:
    """`top_p`: the narrowest nucleus leaves the likeliest token only, so the hottest sampling turns greedy."""
    votes: list[bool | None] = []
    for prompt, control in endpoint.find_repeatable_controls(2):
        hot = endpoint.ask_control(prompt, temperature=MAX_TEMPERATURE)
        narrow = endpoint.ask(prompt, temperature=MAX_TEMPERATURE, top_p=0.001)
        votes.append(None if hot.text == control.text else narrow.text == control.text)
    return weigh(
        votes,
        seen="at temperature 2, top_p 0.001 gives the greedy text, which the same without top_p does not",
        absent="at temperature 2, top_p 0.001 leaves the text as far from greedy as it is without",
        unclear="sampling was not seen to be hot, so that narrowing it shows nothing",
    )


def check_seed(endpoint: TextEndpoint) -> Observation:
    """`seed`: sampled text repeats with the seed and changes with it, on two prompts of three at least.

    The repetition asks for a token more, so that it does not come from a cache of whole answers. Rounding may change
    a sampled text now and then. A text that ends at once may well be had twice by luck, and does not count.
    """
    votes: list[bool | None] = []
    for prompt, _ in endpoint.find_repeatable_controls():
        first = endpoint.ask(prompt, seed=11, **SEEDED_SAMPLING).text
        if len(first.strip()) < MIN_SEEDED_CHARACTERS:
            continue
        repeats = is_continuation(endpoint.ask(prompt, seed=11, **SEEDED_SAMPLING_LONGER).text, first)
        other = endpoint.ask(prompt, seed=12, **SEEDED_SAMPLING).text
        votes.append(None if repeats and first == other else repeats)
    if len(votes) < 2:
        return inconclusive("sampled texts end at once, and such texts may well be had twice by luck")
    if votes.count(True) == 2 and None not in votes:
        return supported(
            "sampled text repeats under the same seed on two prompts of three, and changes with the seed"
        )
    return weigh(
        votes,
        seen="sampled text repeats under the same seed and is another under another seed",
        absent="sampled text changes under the same seed, while greedy text repeats",
        unclear="equal seeds gave equal text on too few prompts, or sampling is not live",
    )


def check_penalty(endpoint: TextEndpoint, field: str) -> Observation:
    """Check a penalty: greedy text, which repeats itself, changes. Two prompts must show it."""
    changed = unchanged = 0
    tiny: dict[str, Any] = {field: 0.001}
    for value in (2.0, -2.0):
        for prompt, control in endpoint.find_repeatable_controls():
            penalty: dict[str, Any] = {field: value}
            if endpoint.ask(prompt, **penalty).text != control.text:
                changed += 1
            else:
                unchanged += 1
            if changed == 2:
                if _differs(endpoint, prompt, control, **tiny):
                    return inconclusive("a penalty of 0.001 changes greedy text too: by its name, not by its value")
                return supported("greedy text, which repeats itself, changes under the penalty on two prompts")
    if changed:
        return inconclusive(f"the penalties 2 and -2 changed {changed} of {changed + unchanged} greedy texts")
    return ignored("under the penalties 2 and -2, greedy text on three prompts equals the controls'")


def _differs(endpoint: TextEndpoint, prompt: str, control: TextResponse, **fields: Any) -> bool:
    """Whether a field makes the text another, where it is taken. Some servers take round numbers only."""
    try:
        return endpoint.ask(prompt, **fields).text != control.text
    except RequestRejectedError:
        return False


def check_logit_bias(endpoint: TextEndpoint) -> Observation:
    """`logit_bias`: a bias of 100 on an arbitrary token forces it, over and over; another token, another text."""
    votes: list[bool | None] = []
    for prompt, control in endpoint.find_repeatable_controls(2):
        one, two = (endpoint.ask(prompt, logit_bias={token: 100}, limit=6).text for token in ("300", "500"))
        if _one_unit(one) and _one_unit(two) and one != two:
            votes.append(True)
        else:
            votes.append(False if control.text.startswith(one.rstrip()) and one == two else None)
    return weigh(
        votes,
        seen="a bias of 100 on a token makes the text that one token, repeated; another token, another text",
        absent="a bias of 100 on either of two tokens leaves the greedy text as it was",
        unclear="the text changed, but not into the forced token",
    )


def _one_unit(text: str) -> bool:
    """Whether the text is one unit repeated four times or more; some servers trim the space that it begins with."""
    return any(re.fullmatch(r"(.+?)\1{3,}", each, re.DOTALL) for each in (text, f" {text.strip()}"))


def are_of_another_text(text: str, tokens: Iterable[Any]) -> bool:
    """Whether most of the tokens that are words are not in the text. Spaces and special tokens count for nothing."""
    words = [word for token in tokens if (word := str(token).strip(" \n\u2581\u0120\u010a")).isalpha()]
    return 2 * sum(word not in text for word in words) > len(words)


def check_stream(endpoint: TextEndpoint) -> Observation:
    """`stream`: the answer arrives as server-sent events."""
    endpoint.ask_control()
    answer = endpoint.ask(stream=True)
    kind = answer.exchange.header("content-type")
    if kind.startswith("text/event-stream") and len(answer.chunks) > 1:
        return supported(f"{len(answer.chunks)} events of {kind.partition(';')[0]} arrived")
    if answer.exchange.json is not None:
        return ignored("one JSON document came where a stream was asked for")
    return inconclusive(f"the answer is neither a JSON document nor several events (content-type {kind[:60]!r})")


def check_include_usage(endpoint: TextEndpoint) -> Observation:
    """`stream_options.include_usage`: a last chunk without choices counts the tokens, only when asked for."""
    endpoint.ask_control(stream=True)
    plain = endpoint.ask(stream=True)
    counted = endpoint.ask(stream=True, stream_options={"include_usage": True})
    if _usage_chunks(counted) == 1 and _usage_chunks(plain) == 0:
        if not counted.completion_tokens:
            return partial("a last chunk without choices holds a usage, but it counts no generated tokens")
        return supported("with it a last chunk without choices holds the usage; without it there is none")
    if _usage_chunks(counted) == 0 and counted.usage is None:
        return ignored("no chunk holds a usage")
    if _usage_chunks(counted) == 0 and plain.usage is not None:
        return ignored("usage comes beside the last choice, whether it is asked for or not")
    if _usage_chunks(counted) == 0:
        return partial("usage comes when asked for, but beside a choice, not in a last chunk without choices")
    return ignored("a usage chunk comes whether it is asked for or not")


def _usage_chunks(answer: TextResponse) -> int:
    chunks = [chunk for chunk in answer.chunks if isinstance(chunk, dict)]
    return sum(1 for chunk in chunks if chunk.get("choices") == [] and isinstance(chunk.get("usage"), dict))


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


def check_value_is_read(endpoint: RequestEndpoint[Any], field: str) -> Observation:
    """For a field without visible effect: the valid value is accepted and nonsense refused, so somebody reads it.

    Where nonsense is accepted too, an invented key tells a server that is lenient with everything.
    """
    values = field_values(endpoint.name)[field]
    endpoint.ask_minimal(**values.context)
    endpoint.ask_minimal(**values.context, **{field: values.valid})
    nonsense = send_bad(endpoint, **values.context, **{field: values.invalid})
    if nonsense.status is not None and 400 <= nonsense.status < 500:
        return supported(f"a valid value is accepted and {values.invalid!r} is refused: it is read", Evidence.PARSED)
    if not nonsense.accepted:
        return inconclusive(
            f"a valid value is accepted; {values.invalid!r} is answered with status {nonsense.status}"
        )
    if endpoint.attempt_minimal(zz_unknown=1).accepted:
        return ignored(f"a valid value, {values.invalid!r} and an invented key are all accepted alike")
    return inconclusive(f"{values.invalid!r} is accepted, though an invented key is not")
