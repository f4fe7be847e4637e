"""Tiny deterministic language models: what comes next is a hash of the whole prompt and of the last words.

The one that servers have by default writes prose that never ends by itself before `WEARY` tokens. Logits are sparse:
a few candidates stand out, all other words share one low logit, bytes and marks a lower one, so that a step costs
some hundred operations.

On every fourth step a word that was there before is the likeliest, by less than a penalty of 1; two steps later such
a word is second by as little. So either penalty, of either sign, changes greedy text within a few tokens.
"""

from __future__ import annotations

import hashlib
import math
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from .vocabulary import END, START, WORDS, Vocabulary

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
INSIDE = 30.0
"""What is added to the logits of bytes that end a character which has begun."""
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
    vocabulary: Vocabulary = WORDS

    def of(self, token: int) -> float:
        """The logit of a token."""
        return self.values.get(token, REST if self.vocabulary.is_word(token) else IMPOSSIBLE)

    @property
    def others(self) -> int:
        """How many words stand at `REST`."""
        return len(self.vocabulary.words) - sum(1 for token in self.values if self.vocabulary.is_word(token))

    def log_total(self, temperature: float = 1.0) -> float:
        """Logarithm of the sum over all tokens."""
        scaled = [value / temperature for value in self.values.values()]
        high = max([*scaled, REST / temperature])
        total = sum(math.exp(value - high) for value in scaled)
        total += self.others * math.exp(REST / temperature - high)
        total += (self.vocabulary.size - len(self.vocabulary.words)) * math.exp(IMPOSSIBLE / temperature - high)
        return high + math.log(total)

    def logprob(self, token: int) -> float:
        """Logarithm of the probability of a token, at temperature 1."""
        return min(0.0, self.of(token) - self.log_total())

    def top(self, count: int) -> list[tuple[int, float]]:
        """The likeliest tokens and their logarithms of probability, likeliest first."""
        ranked = sorted(self.values.items(), key=lambda item: (-item[1], item[0]))
        found = [token for token, value in ranked if value > REST]
        found += [token for token in self.vocabulary.words[:count] if token not in self.values]
        found += [token for token, value in ranked if value <= REST]
        total = self.log_total()
        return [(token, min(0.0, self.of(token) - total)) for token in found[:count]]


def prompt_key(prompt: Sequence[int]) -> bytes:
    """What the model keeps of its prompt."""
    return hashlib.blake2b(b"".join(token.to_bytes(2, "big") for token in prompt), digest_size=16).digest()


@dataclass(frozen=True, kw_only=True)
class Model:
    """How a model writes."""

    vocabulary: Vocabulary = WORDS
    shortest: int | None = None
    """The fewest tokens of an answer, whose length then is the prompt's affair; None: all are `longest`."""
    longest: int | None = WEARY
    """Tokens after which the model wants to end; None: it never ends by itself."""
    lead: float = 0.0
    """How much further than usual the likeliest token lies above the others."""
    period: int | None = None
    """Tokens after which the text repeats itself."""
    opening: str = ""
    """What every text begins with."""
    sayings: tuple[str, ...] = ()
    """Where the model has no words of its own: one of these is what it says, whatever it is asked."""
    translates: bool = False
    """Whether each token of the answer is that of the prompt's last text, in other words."""
    template: bool = True
    """Whether a conversation reaches the model with its roles; if not, as one text."""

    def script(self, prompt: Sequence[int]) -> tuple[int, ...] | None:
        """The tokens that the model wants to say to a prompt, where those are fixed."""
        if self.sayings:
            number = prompt_key(prompt)[0] % len(self.sayings)
            return tuple(self.vocabulary.encode(self.sayings[number]))
        if not self.translates:
            return None
        words = self.vocabulary.words
        return tuple(words[(7 * token) % len(words)] for token in _last_text(prompt)[-MAX_TRANSLATED:])

    def logits(self, key: bytes, said: Sequence[int], script: Sequence[int] | None = None) -> dict[int, float]:
        """Logits of what comes after the prompt of that key and the tokens said, before any setting."""
        logits = dict(_raw_logits(self.vocabulary, key, tuple(said)))
        place = len(said)
        wanted = self._wanted(said, script)
        if wanted is not None:
            logits[wanted] = TOP + ABOVE + max(self.lead, MIN_LEAD)
        elif self.lead:
            best = max(logits, key=lambda token: (logits[token] <= TOP, logits[token]))
            logits[best] += self.lead
        if self._ends(key, place, script):
            logits[END] = 20.0
        return logits

    def _wanted(self, said: Sequence[int], script: Sequence[int] | None) -> int | None:
        """The token that stands out, whatever else is likely."""
        place = len(said)
        opening = self.vocabulary.encode(self.opening)
        if place < len(opening):
            return opening[place]
        if script is not None and place < len(script):
            return script[place]
        if self.period is not None and place >= self.period:
            return said[-self.period]
        return None

    def _ends(self, key: bytes, place: int, script: Sequence[int] | None) -> bool:
        if script is not None:
            return place >= len(script)
        if self.longest is None:
            return False
        if self.shortest is None:
            return place >= self.longest
        return place >= self.shortest + key[1] % (self.longest - self.shortest + 1)


MODEL = Model()
"""The model of all servers that have no other."""
MIN_LEAD = 2.0
"""How far what the model wants to say lies above all else, at least."""
MAX_TRANSLATED = 60
"""Tokens of a text that are translated: of a longer one, the last."""


def _last_text(prompt: Sequence[int]) -> Sequence[int]:
    """The tokens of the last message of a conversation; of a prompt without messages, all."""
    if END not in prompt:
        return prompt
    end = len(prompt) - 1 - prompt[::-1].index(END)
    start = max((place for place in range(end) if prompt[place] == START), default=0)
    return prompt[start + 1 : end]


@lru_cache(maxsize=1 << 15)
def _raw_logits(vocabulary: Vocabulary, key: bytes, said: tuple[int, ...]) -> Mapping[int, float]:
    """The logits before what is special to a model: tests ask with the same beginnings over and over."""
    recent = b"".join(token.to_bytes(2, "big") for token in said[-3:])
    place = len(said)
    digest = hashlib.blake2b(key + recent + place.to_bytes(4, "big"), digest_size=2 * CANDIDATES).digest()
    choices = vocabulary.after(said[-1] if said else None)
    count = len(choices)
    before = {token for token in said[-(count // 3) :] if vocabulary.is_word(token)}
    words: list[int] = []
    number = int.from_bytes(digest, "big")
    while len(words) < CANDIDATES:
        number, offset = divmod(number, count)
        offset = (offset + 37 * len(words)) % count
        while choices[offset] in before or choices[offset] in words:
            offset = (offset + 1) % count
        words.append(choices[offset])
    logits = {word: TOP - (GAP + digest[rank] / 115 if rank else 0.0) for rank, word in enumerate(words)}
    if choices is not vocabulary.words:
        return {token: value + INSIDE for token, value in logits.items()}
    if len(before) >= 3 and place % 2:
        older = sorted(before)[digest[-1] % len(before)]
        logits[older] = TOP + (ABOVE if place % 4 == 3 else -BELOW)
    return logits


def adjusted(
    raw: Mapping[int, float], counts: Mapping[int, int], sampling: Sampling, vocabulary: Vocabulary = WORDS
) -> Logits:
    """Logits with penalties and bias. `counts`: how often each token was said."""
    values = dict(raw)
    plain = Logits(values=raw, vocabulary=vocabulary)
    if sampling.frequency_penalty or sampling.presence_penalty:
        for token, count in counts.items():
            penalty = sampling.frequency_penalty * count + sampling.presence_penalty
            values[token] = plain.of(token) - penalty
    for token, bias in sampling.bias.items():
        values[token] = values.get(token, plain.of(token)) + bias
    return Logits(values=values, vocabulary=vocabulary)


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
        token = logits.vocabulary.words[rng.randrange(len(logits.vocabulary.words))]
        if token not in logits.values:
            return token
