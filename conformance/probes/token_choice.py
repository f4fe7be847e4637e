"""The experiments on what decides which token is taken: temperature, nucleus, seed, penalties, bias.

Each compares texts that repeat themselves. A model that is sure of its text, or says little, hides these fields'
effects: an unchanged text is held against the server only where the field would have had to change it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from conformance.checklist.rows import field_values

from .endpoints import TextEndpoint, is_continuation
from .observation import Observation, broken, ignored, inconclusive, partial, supported, weigh
from .repetition import MIN_REPEATED, RepeatedResponse, departs_early, shared_share
from .session import RequestFailedError, RequestRejectedError, UndeterminedError
from .token_odds import must_change, must_change_by_frequency

MAX_TEMPERATURE = 2.0
"""The highest temperature that the API takes. `probes.chance` bounds how likely its text is the greedy one."""

COOLER_TEMPERATURE = 1.0
"""What is tried where a higher one is refused: some servers take none above it."""

MIN_HOT_TOKENS = 8
"""Tokens of the shortest text whose repetition at the hottest temperature says anything."""

SEEDED_SAMPLING: dict[str, Any] = {"temperature": 1.2, "limit": 16}
"""Sampling that is live. `probes.chance` bounds how likely two texts of 16 tokens are equal by luck."""

SEEDED_SAMPLING_LONGER: dict[str, Any] = {**SEEDED_SAMPLING, "limit": SEEDED_SAMPLING["limit"] + 1}

MIN_SEEDED_CHARACTERS = 16
"""Characters of the shortest sampled text whose repetition says anything of a seed."""


def check_temperature(endpoint: TextEndpoint) -> Observation:
    """`temperature`: the hottest sampling differs from greedy text, which repeats itself."""
    lowest = endpoint.control.temperature
    if lowest is None:
        endpoint.ask(temperature=MAX_TEMPERATURE)
        return inconclusive("temperature 0 is refused, and 2 is not")
    try:
        controls = endpoint.find_repeatable_controls()
    except UndeterminedError:
        return _samples_at_zero(endpoint)
    try:
        votes = [_is_hot(endpoint, prompt, control) for prompt, control in controls]
    except RequestRejectedError as refusal:
        cooler = [_differs(endpoint, *each, temperature=COOLER_TEMPERATURE) for each in controls]
        if True in cooler:
            return partial(f"text changes with the temperature, of which 2 is refused with {refusal.exchange.status}")
        raise
    if all(votes) and lowest > 0:
        return partial("text changes with the temperature, of which 0 is refused")
    return weigh(
        votes,
        seen="text at temperature 0 repeats itself, and at temperature 2 is another",
        absent="text at temperature 2 equals text at temperature 0",
        unclear="the prompts disagree on whether temperature 2 changes the text, or it is too short to tell",
    )


def _is_hot(endpoint: TextEndpoint, prompt: str, control: RepeatedResponse) -> bool | None:
    """Whether text at the hottest temperature is not greedy: it departs early, as rounding alone rarely makes it.

    A text of few tokens may be had by luck each time.
    """
    first = endpoint.ask(prompt, temperature=MAX_TEMPERATURE).text
    if departs_early(first, control.text):
        return endpoint.departs_again(prompt, control, temperature=MAX_TEMPERATURE)
    tokens = control.response.completion_tokens or 0
    is_long = tokens >= MIN_HOT_TOKENS or len(control.text.split()) >= MIN_HOT_TOKENS
    if is_long and control.is_repeated_in(first):
        return False
    hot = (endpoint.ask(prompt, temperature=MAX_TEMPERATURE, repetition=number) for number in (1, 2, 3))
    return True if any(departs_early(answer.text, control.text) for answer in hot) else None


def _samples_at_zero(endpoint: TextEndpoint) -> Observation:
    """Text at temperature 0 changes. Where it repeats under a seed, it is sampled, and temperature has no effect."""
    if "seed" not in field_values(endpoint.name):
        return inconclusive("two equal requests at temperature 0 were answered differently")
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
    if endpoint.control.temperature is None:
        endpoint.ask(top_p=0.001)
    votes: list[bool | None] = []
    for prompt, control in endpoint.find_repeatable_controls(2):
        temperature = MAX_TEMPERATURE
        try:
            hot = endpoint.ask_prerequisite(prompt, temperature=temperature)
        except RequestRejectedError:
            temperature = COOLER_TEMPERATURE
            hot = endpoint.ask_control(prompt, temperature=temperature)
        narrow = endpoint.ask(prompt, temperature=temperature, top_p=0.001)
        vote = _is_narrowed(narrow.text, hot.text, control)
        if vote is False:
            # Rounding may lead to another greedy text from an early token on. That repeats itself, hot text does not.
            again = endpoint.ask(prompt, temperature=temperature, top_p=0.001, repetition=1)
            vote = False if departs_early(again.text, narrow.text) else None
        elif vote:
            vote = endpoint.departs_again(prompt, control, temperature=temperature)
        votes.append(vote)
    return weigh(
        votes,
        seen="at temperature 2, top_p 0.001 gives the greedy text, which the same without top_p does not",
        absent="at temperature 2, top_p 0.001 leaves the text as far from greedy as it is without",
        unclear="the narrowed text is neither the greedy one nor as far from it as hot text, or that is greedy too",
    )


def _is_narrowed(narrow: str, hot: str, control: RepeatedResponse) -> bool | None:
    """Whether narrowed text is greedy where hot text is not, as far as the two can be compared."""
    if control.is_repeated_in(hot):
        return None
    if control.is_repeated_in(narrow):
        return True
    share = shared_share(narrow, control.text)
    if share < MIN_REPEATED:
        return False
    return True if shared_share(hot, control.text) < share / 4 else None


def check_seed(endpoint: TextEndpoint) -> Observation:
    """`seed`: sampled text repeats with the seed and changes with it, on two prompts of three at least.

    The repetition asks for a token more, so that it does not come from a cache of whole answers. Rounding may change
    a sampled text now and then. A text that ends at once may well be had twice by luck, and does not count.
    """
    votes: list[bool | None] = []
    for prompt, _ in endpoint.find_repeatable_controls():
        votes += _votes_on_seed(endpoint, prompt)
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


def _votes_on_seed(endpoint: TextEndpoint, prompt: str) -> list[bool | None]:
    """Return a vote; none where the text is too short. Where sampling is not live, the hottest may be."""
    vote: bool | None = None
    for temperature in (SEEDED_SAMPLING["temperature"], MAX_TEMPERATURE):
        try:
            first, longer, other = _ask_seeded(endpoint, prompt, temperature)
        except RequestRejectedError:
            if temperature == MAX_TEMPERATURE:
                break
            first, longer, other = _ask_seeded(endpoint, prompt, COOLER_TEMPERATURE)
        if len(first.strip()) < MIN_SEEDED_CHARACTERS:
            return []
        repeats = is_continuation(longer, first)
        vote = None if repeats and first == other else repeats
        if vote is not None:
            break
    return [vote]


def _ask_seeded(endpoint: TextEndpoint, prompt: str, temperature: float) -> tuple[str, str, str]:
    """Return the texts of one seed, of the same with a token more, and of another seed."""
    first = endpoint.ask(prompt, seed=11, **{**SEEDED_SAMPLING, "temperature": temperature}).text
    longer = endpoint.ask(prompt, seed=11, **{**SEEDED_SAMPLING_LONGER, "temperature": temperature}).text
    other = endpoint.ask(prompt, seed=12, **{**SEEDED_SAMPLING, "temperature": temperature}).text
    return first, longer, other


def check_penalty(endpoint: TextEndpoint, field: str) -> Observation:
    """Check a penalty: greedy text, which repeats itself, changes. Two prompts must show it.

    Both ends of the documented range are asked, and a value so small that it must not change anything.
    """
    if endpoint.control.temperature is None:
        endpoint.ask(**_penalty(field, 2.0))
    controls = endpoint.find_repeatable_controls()
    count, late = 0, []
    for value in (2.0, -2.0):
        for prompt, control in controls:
            vote = endpoint.is_changed(prompt, control, confirm=False, **_penalty(field, value))
            count += vote is True
            if count == 2:
                return _check_strength(endpoint, prompt, control, field, asked=value)
            if vote is None:
                late.append((prompt, control, value))
    # Late changes need more requests: they are looked into where there are no others.
    for prompt, control, value in late:
        count += endpoint.is_changed(prompt, control, **_penalty(field, value)) is True
        if count == 2:
            return _check_strength(endpoint, prompt, control, field, asked=value)
    if count or late:
        return inconclusive(f"the penalties 2 and -2 changed {count} of {2 * len(controls)} greedy texts")
    return _judge_no_change(endpoint, field, controls)


def _judge_no_change(endpoint: TextEndpoint, field: str, controls: list[tuple[str, RepeatedResponse]]) -> Observation:
    """Judge a penalty under which no greedy text changed: it need not, where the model is sure of each token."""
    if any(must_change(endpoint, prompt, field) for prompt, _ in controls):
        return ignored("under the penalties 2 and -2, greedy text on three prompts equals the controls'")
    by_frequency = field == "presence_penalty" and any(
        must_change_by_frequency(endpoint, prompt, control) for prompt, control in controls
    )
    if by_frequency:
        return ignored("under the penalties 2 and -2, greedy text is the controls'; a frequency penalty changes it")
    nonsense: dict[str, Any] = {field: "zz"}
    if endpoint.attempt_minimal(**nonsense).accepted:
        return ignored('under the penalties 2 and -2, greedy text is the controls\', and "zz" is accepted as well')
    return inconclusive("the penalties 2 and -2 change no greedy text, but nothing shows that they would have to")


def _penalty(field: str, value: float) -> dict[str, Any]:
    return {field: value}


def _check_strength(
    endpoint: TextEndpoint, prompt: str, control: RepeatedResponse, field: str, *, asked: float
) -> Observation:
    """Judge a penalty that has an effect: a tiny one and none have none, and both ends of the range are taken."""
    if endpoint.is_changed(prompt, control, **_penalty(field, 0)):
        others = [each for each in endpoint.find_repeatable_controls() if each[0] != prompt]
        if all(endpoint.is_changed(*each, **_penalty(field, 0)) for each in others):
            return broken("a penalty of 0, the default, changes greedy text")
        return inconclusive("a penalty of 0, the default, changes one greedy text of three")
    if _differs(endpoint, prompt, control, **_penalty(field, 0.001)):
        return inconclusive("a penalty of 0.001 changes greedy text too: by its name, not by its value")
    try:
        other = endpoint.ask(prompt, **_penalty(field, -asked))
    except (RequestRejectedError, RequestFailedError) as failure:
        came = failure.exchange.failure or f"status {failure.exchange.status}"
        return partial(f"greedy text changes under the penalty {asked:g}; {-asked:g} is answered with {came}")
    if not other.choices:
        return inconclusive(f"greedy text changes under the penalty {asked:g}; under {-asked:g} there is none")
    return supported("greedy text, which repeats itself, changes under the penalty on two prompts")


def _differs(endpoint: TextEndpoint, prompt: str, control: RepeatedResponse, **fields: Any) -> bool | None:
    """Whether a field makes the text another, where it is taken. Some servers take round numbers only."""
    try:
        return endpoint.is_changed(prompt, control, **fields)
    except RequestRejectedError:
        return False


BIASED_TOKENS = ((300, 500), (40, 60), (1300, 1500), (10_300, 10_500))
"""Pairs of token ids. Some vocabularies begin with a thousand ids that show no text, some have a few hundred."""


def check_logit_bias(endpoint: TextEndpoint) -> Observation:
    """`logit_bias`: a bias of 100 on an arbitrary token forces it, over and over; another token, another text."""
    if endpoint.control.temperature is None:
        endpoint.ask(logit_bias={"300": 100})
    votes = [_is_forced(endpoint, *each) for each in endpoint.find_repeatable_controls(2)]
    return weigh(
        votes,
        seen="a bias of 100 on a token makes the text that one token, repeated; another token, another text",
        absent="a bias of 100 on either of two tokens leaves the greedy text as it was",
        unclear="the text changed, but not into the forced token",
    )


def _is_forced(endpoint: TextEndpoint, prompt: str, control: RepeatedResponse) -> bool | None:
    """Whether a bias forces two tokens. Ids that the vocabulary does not have, or that show no text, are no proof."""
    refusal: RequestRejectedError | None = None
    for pair in BIASED_TOKENS:
        try:
            one, two = (endpoint.ask(prompt, logit_bias={str(token): 100}, limit=6).text for token in pair)
        except RequestRejectedError as error:
            refusal = refusal or error
            continue
        if _is_one_unit(one) and _is_one_unit(two) and one != two:
            return True
        if one.strip() and two.strip():
            return False if control.text.startswith(one.rstrip()) and one == two else None
    if refusal is not None:
        raise refusal
    return None


def _is_one_unit(text: str) -> bool:
    """Whether the text is one unit repeated four times or more; some servers trim the space that it begins with."""
    return any(re.fullmatch(r"(.+?)\1{3,}", each, re.DOTALL) for each in (text, f" {text.strip()}"))


def are_of_another_text(text: str, tokens: Iterable[Any]) -> bool:
    """Whether most of the tokens that are words are not in the text. Spaces and special tokens count for nothing."""
    words = [word for token in tokens if (word := str(token).strip(" \n\u2581\u0120\u010a")).isalpha()]
    return 2 * sum(word not in text for word in words) > len(words)
