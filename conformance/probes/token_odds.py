"""Whether the probabilities of a greedy text say that a penalty must change it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from .endpoints import TextEndpoint
from .repetition import RepeatedResponse, common_beginning
from .response_views import TextResponse, as_finite_float, as_list, get_path
from .session import is_usable

PENALTY = 2.0
"""What is added or taken, in nats: for each time that a token has come, or once."""
MIN_LEAD = 0.25
"""Nats by which another token must lead under the penalty: more than rounding ever makes."""

Odds = tuple[str, float, Mapping[str, float]]
"""A token, the logarithm of its probability, and those of the likeliest others."""


def read_odds(answer: TextResponse) -> Iterator[Odds]:
    """Yield the tokens of an answer with their probabilities, in the form of chat or of completions."""
    for entry in answer.logprobs:
        tops = {
            str(get_path(top, "token")): lead
            for top in as_list(get_path(entry, "top_logprobs"))
            if (lead := as_finite_float(get_path(top, "logprob"))) is not None
        }
        yield from _complete(get_path(entry, "token"), get_path(entry, "logprob"), tops)
    told = get_path(answer.choices, 0, "logprobs")
    tokens, values = as_list(get_path(told, "tokens")), as_list(get_path(told, "token_logprobs"))
    for token, value, top in zip(tokens, values, as_list(get_path(told, "top_logprobs")), strict=False):
        found = top if isinstance(top, dict) else {}
        tops = {str(name): lead for name, each in found.items() if (lead := as_finite_float(each)) is not None}
        yield from _complete(token, value, tops)


def _complete(token: object, value: object, tops: Mapping[str, float]) -> Iterator[Odds]:
    logprob = as_finite_float(value)
    if isinstance(token, str) and logprob is not None:
        yield token, logprob, tops


def must_change(endpoint: TextEndpoint, prompt: str, field: str) -> bool:
    """Tell whether a penalty of 2 or -2 must change the greedy text of a prompt, by its own probabilities.

    False where the server tells none. Tokens of the prompt are left out: some servers penalise them too.
    """
    exchange = endpoint.attempt(prompt, **endpoint.odds_fields)
    if not is_usable(exchange):
        return False
    before: Counter[str] = Counter()
    for token, logprob, tops in read_odds(endpoint.read(exchange)):
        for other, other_logprob in tops.items():
            if other == token or any(each.strip() in prompt for each in (token, other)):
                continue
            came, other_came = before[token], before[other]
            if field == "presence_penalty":
                came, other_came = min(came, 1), min(other_came, 1)
            behind = logprob - other_logprob + MIN_LEAD
            if behind < PENALTY * abs(came - other_came):
                return True
        before[token] += 1
    return False


FREQUENCY_PENALTIES = (2.0, 1.0, 0.5, 0.25)
"""Penalties that are tried, strongest first: the weaker one that changes a text, the more it proves."""


MIN_WORDS_PER_TOKEN = 0.6
"""Words of a text per token of it, from which on its tokens are words, and not letters or parts of words."""


def must_change_by_frequency(endpoint: TextEndpoint, prompt: str, control: RepeatedResponse) -> bool:
    """Tell whether a presence penalty of 2 must change the greedy text, since a frequency penalty does.

    Where the two texts part, the frequency penalty took from the token of the control's word its value for each time
    that it had come, in the prompt or in the text: no more often than words with its first letter. Where that is 2 at
    most, and nothing like the word in its place had come, a presence penalty of 2 takes as much or more. False where
    tokens are not words, or are not counted.
    """
    whole = control.response.text
    counted = control.response.completion_tokens if endpoint.control.counts == "tokens" else None
    if not counted or len(whole.split()) < MIN_WORDS_PER_TOKEN * counted:
        return False
    for value in FREQUENCY_PENALTIES:
        fields: dict[str, Any] = {"frequency_penalty": value}
        exchange = endpoint.attempt(prompt, **fields)
        if not is_usable(exchange):
            return False
        text = endpoint.read(exchange).text
        before = re.sub(r"\w+\Z", "", common_beginning(text, control.text))
        word, other = (re.match(r"\w+", each[len(before) :]) for each in (control.text, text))
        if word is None or other is None or control.is_repeated_in(text):
            return False
        came = re.findall(r"\w+", f"{prompt} {before}")
        is_new = not any(each.startswith(other.group()[:2]) for each in came)
        if is_new and value * sum(each[0] == word.group()[0] for each in came) <= PENALTY:
            return True
    return False
