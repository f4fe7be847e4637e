"""A tiny deterministic language model: what comes next is a hash of the whole prompt and of the last words.

It writes prose that never ends by itself before `WEARY` tokens. Its logits are sparse: a few candidates stand out,
all other words share one low logit, bytes and marks a lower one, so that a step costs some hundred operations.

On every fourth step a word that was there before is the likeliest, by less than a penalty of 1; two steps later such
a word is second by as little. So either penalty, of either sign, changes greedy text within a few tokens.
"""

from __future__ import annotations

import hashlib
import math
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from .vocabulary import COUNT, END, FIRST_WORD, SIZE, is_word

WEARY = 80
"""Tokens after which the model wants to end."""
REST = -4.0
"""Logit of a word that is no candidate."""
IMPOSSIBLE = -30.0
"""Logit of bytes and marks: a bias of 100 still forces them."""
CANDIDATES = 16
TOP = 3.0
"""Logit of the likeliest fresh word; the others lie up to 2.5 below, at least `GAP`."""
GAP = 0.25
ABOVE = 0.7
"""How far a repeated word lies above the likeliest fresh one, on every fourth step."""
BELOW = 0.2
"""How far a repeated word lies below it, two steps later: nearer than the second fresh one."""


@dataclass(frozen=True, kw_only=True)
class Sampling:
    """What decides which token is taken."""

    temperature: float = 1.0
    top_p: float = 1.0
    frequency_penalty: float = 0.0
    presence_penalty: float = 0.0
    bias: Mapping[int, float] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Logits:
    """Logits of all tokens: some by id, the other words at `REST`, anything else at `IMPOSSIBLE`."""

    values: Mapping[int, float]

    def of(self, token: int) -> float:
        """The logit of a token."""
        return self.values.get(token, REST if is_word(token) else IMPOSSIBLE)

    @property
    def others(self) -> int:
        """How many words stand at `REST`."""
        return COUNT - sum(1 for token in self.values if is_word(token))

    def log_total(self, temperature: float = 1.0) -> float:
        """Logarithm of the sum over all tokens."""
        scaled = [value / temperature for value in self.values.values()]
        high = max([*scaled, REST / temperature])
        total = sum(math.exp(value - high) for value in scaled)
        total += self.others * math.exp(REST / temperature - high)
        total += (SIZE - COUNT) * math.exp(IMPOSSIBLE / temperature - high)
        return high + math.log(total)

    def logprob(self, token: int) -> float:
        """Logarithm of the probability of a token, at temperature 1."""
        return min(0.0, self.of(token) - self.log_total())

    def top(self, count: int) -> list[tuple[int, float]]:
        """The likeliest tokens and their logarithms of probability, likeliest first."""
        ranked = sorted(self.values.items(), key=lambda item: (-item[1], item[0]))
        found = [token for token, value in ranked if value > REST]
        found += [token for token in range(FIRST_WORD, FIRST_WORD + count) if token not in self.values]
        found += [token for token, value in ranked if value <= REST]
        total = self.log_total()
        return [(token, min(0.0, self.of(token) - total)) for token in found[:count]]


def prompt_key(prompt: Sequence[int]) -> bytes:
    """What the model keeps of its prompt."""
    return hashlib.blake2b(b"".join(token.to_bytes(2, "big") for token in prompt), digest_size=16).digest()


def raw_logits(key: bytes, said: Sequence[int]) -> dict[int, float]:
    """Logits of what comes after the prompt of that key and the tokens said, before any setting."""
    recent = b"".join(token.to_bytes(2, "big") for token in said[-3:])
    place = len(said)
    digest = hashlib.blake2b(key + recent + place.to_bytes(4, "big"), digest_size=2 * CANDIDATES).digest()
    before = {token for token in said if is_word(token)}
    words: list[int] = []
    number = int.from_bytes(digest, "big")
    while len(words) < CANDIDATES:
        number, offset = divmod(number, COUNT)
        word = FIRST_WORD + (offset + 37 * len(words)) % COUNT
        while word in before or word in words:
            word = FIRST_WORD + (word - FIRST_WORD + 1) % COUNT
        words.append(word)
    logits = {word: TOP - (GAP + digest[rank] / 115 if rank else 0.0) for rank, word in enumerate(words)}
    if len(before) >= 3 and place % 2:
        older = sorted(before)[digest[-1] % len(before)]
        logits[older] = TOP + (ABOVE if place % 4 == 3 else -BELOW)
    if place >= WEARY:
        logits[END] = 20.0
    return logits


def adjusted(raw: Mapping[int, float], counts: Mapping[int, int], sampling: Sampling) -> Logits:
    """Logits with penalties and bias. `counts`: how often each token was said."""
    values = dict(raw)
    plain = Logits(values=raw)
    if sampling.frequency_penalty or sampling.presence_penalty:
        for token, count in counts.items():
            penalty = sampling.frequency_penalty * count + sampling.presence_penalty
            values[token] = plain.of(token) - penalty
    for token, bias in sampling.bias.items():
        values[token] = values.get(token, plain.of(token)) + bias
    return Logits(values=values)


def chosen(logits: Logits, sampling: Sampling, rng: random.Random) -> int:
    """The token that is taken."""
    ranked = sorted(logits.values.items(), key=lambda item: (-item[1], item[0]))
    if sampling.temperature < 1e-4:
        return ranked[0][0]
    total = logits.log_total(sampling.temperature)
    target = rng.random()
    rest = logits.others * math.exp(REST / sampling.temperature - total)
    kept: list[tuple[int | None, float]] = []
    mass = 0.0
    for token, weight in _with_rest(ranked, rest, sampling.temperature, total):
        kept.append((token, weight))
        mass += weight
        if mass >= sampling.top_p:
            break
    target *= mass
    for token, weight in kept:
        target -= weight
        if target <= 0:
            return _other(logits, rng) if token is None else token
    return kept[0][0] if kept[0][0] is not None else _other(logits, rng)


def _with_rest(
    ranked: Sequence[tuple[int, float]], rest: float, temperature: float, total: float
) -> list[tuple[int | None, float]]:
    """Tokens and weights, heaviest first; None stands for all words at `REST` together."""
    found: list[tuple[int | None, float]] = []
    told = False
    for token, value in ranked:
        if value < REST and not told:
            found.append((None, rest))
            told = True
        found.append((token, math.exp(value / temperature - total)))
    return found if told else [*found, (None, rest)]


def _other(logits: Logits, rng: random.Random) -> int:
    """One of the words at `REST`, each as likely as another."""
    while True:
        token = FIRST_WORD + rng.randrange(COUNT)
        if token not in logits.values:
            return token
