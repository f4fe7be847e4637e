"""Whether the probabilities of a greedy text say that a penalty must change it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping

from .endpoints import TextEndpoint
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
    for token, logprob, tops in read_odds(TextResponse(exchange)):
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
