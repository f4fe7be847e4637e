"""What a model may answer when it is sampled, and how likely: from the token probabilities that llama.cpp tells.

A tree of answers branches with every token. It is followed only as far as a question needs; what lies below counts as
the worst that it could be, so that every probability here is an upper bound.
"""

from __future__ import annotations

import itertools
import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import httpx

PRECISION = 1e-3
"""How far the server's own probabilities may be from those computed here."""

LIKELIEST = 64
"""Tokens asked for after each prefix; more than any sampler here keeps."""

NEGLIGIBLE = 1e-10
"""Ways to spell a text that are less likely are not followed: they count as if they came to it."""

AT_ONCE = 25
"""Branches that are split before it is judged anew which ones to split."""


@dataclass(frozen=True, kw_only=True)
class Token:
    """A token that may come next, and its natural log probability before sampling."""

    id: int
    text: bytes
    logprob: float

    @property
    def ends(self) -> bool:
        """Whether the answer ends with it: special tokens have no text."""
        return not self.text


@dataclass(frozen=True, kw_only=True)
class Sampler:
    """What a server keeps of the likeliest tokens before it applies the temperature, and how it frames prompts."""

    name: str
    top_k: int
    top_p: float
    min_p: float
    frames_completions: bool
    """Whether a completion's prompt is put into the chat template."""

    def probabilities(self, tokens: Sequence[Token], temperature: float) -> list[tuple[Token, float]]:
        """Return the tokens that can come, with their probabilities."""
        kept = sorted(tokens, key=lambda token: -token.logprob)[: self.top_k]
        weights = [math.exp(token.logprob - kept[0].logprob) for token in kept]
        shares = itertools.accumulate(weight / sum(weights) for weight in weights)
        count = 1 + next((place for place, share in enumerate(shares) if share >= self.top_p), len(kept))
        kept = [token for token, weight in zip(kept[:count], weights, strict=False) if weight >= self.min_p]
        heated = [math.exp((token.logprob - kept[0].logprob) / temperature) for token in kept]
        return [(token, weight / sum(heated)) for token, weight in zip(kept, heated, strict=True)]


Prefix = tuple[int, ...]


@dataclass(kw_only=True)
class Model:
    """A model behind llama.cpp's native API. What it was asked once it is not asked again."""

    client: httpx.Client
    requests: int = 0
    _known: dict[Prefix, list[Token]] = field(default_factory=dict)
    _forced: int = -1

    def post(self, path: str, body: Mapping[str, Any]) -> Any:
        """Return the answer's JSON.

        Raises:
            httpx.HTTPError: the server does not answer as llama.cpp does.
        """
        self.requests += 1
        return self.client.post(path, json=body).raise_for_status().json()

    def prefix(self, text: str) -> Prefix:
        """Return the tokens of a prompt."""
        body = {"content": text, "add_special": True, "parse_special": True}
        return tuple(self.post("/tokenize", body)["tokens"])

    def framed(self, prompt: str) -> str:
        """Return a user's message in the model's chat template."""
        text: str = self.post("/apply-template", {"messages": [{"role": "user", "content": prompt}]})["prompt"]
        return text

    def next_tokens(self, prefix: Prefix) -> list[Token]:
        """Return the likeliest tokens after a prefix, with their probabilities before sampling."""
        if prefix not in self._known:
            self._known[prefix] = self._ask(prefix, cache_prompt=True)
        return self._known[prefix]

    def differs(self, prefix: Prefix, sampler: Sampler, temperature: float) -> bool:
        """Tell whether the server's own sampling comes to other probabilities than the sampler here."""
        settings = {"top_k": sampler.top_k, "top_p": sampler.top_p, "min_p": sampler.min_p}
        found = self._complete(
            prefix, temperature=temperature, post_sampling_probs=True, cache_prompt=False, **settings
        )
        theirs = {each["id"]: each["prob"] for each in found["top_probs"]}
        tokens = self._ask(prefix, cache_prompt=False)
        ours = {token.id: probability for token, probability in sampler.probabilities(tokens, temperature)}
        return set(theirs) != set(ours) or any(abs(theirs[token] - ours[token]) > PRECISION for token in theirs)

    def _ask(self, prefix: Prefix, *, cache_prompt: bool) -> list[Token]:
        if self._forced < 0:
            self._forced = self.prefix(" a")[-1]
        # A token is forced, because an end of text would come without its probabilities. It does not change them.
        forced = [[self._forced, 100]]
        found = self._complete(prefix, temperature=0, logit_bias=forced, cache_prompt=cache_prompt)
        return [
            Token(id=each["id"], text=bytes(each["bytes"]), logprob=each["logprob"]) for each in found["top_logprobs"]
        ]

    def _complete(self, prefix: Prefix, **settings: Any) -> Any:
        body = {"prompt": list(prefix), "n_predict": 1, "n_probs": LIKELIEST, **settings}
        return self.post("/completion", body)["completion_probabilities"][0]


@dataclass(frozen=True, kw_only=True)
class Branch:
    """All answers that begin with some tokens."""

    probability: float
    tokens: Prefix = ()
    raw: bytes = b""
    ended: bool = False
    """Whether the model ended the answer here."""
    full: bool = False
    """Whether the limit ended the answer here."""

    @property
    def final(self) -> bool:
        """Whether this is one answer."""
        return self.ended or self.full

    @cached_property
    def text(self) -> str:
        """What is compared of it: no space at either end, no half characters."""
        return self.raw.decode("utf-8", "ignore").strip()

    @property
    def length(self) -> int:
        """How many characters a client gets, space at the ends not counted; half a character is one."""
        return len(self.raw.decode("utf-8", "replace").strip())


@dataclass(frozen=True, kw_only=True)
class Experiment:
    """A prompt that is sampled: where, how hot, and how many tokens long."""

    model: Model
    sampler: Sampler
    prompt: Prefix
    temperature: float
    limit: int

    def split(self, branch: Branch) -> Iterator[Branch]:
        """Yield the branches by the token that comes next."""
        for token, probability in self.sampler.probabilities(
            self.model.next_tokens(self.prompt + branch.tokens), self.temperature
        ):
            yield Branch(
                probability=branch.probability * probability,
                tokens=(*branch.tokens, token.id),
                raw=branch.raw + token.text,
                ended=token.ends,
                full=len(branch.tokens) + 1 == self.limit,
            )

    def branches(self, goal: float, splits: int, *, shortest: int) -> list[Branch]:
        """Return all answers in branches: those that most may equal are split until `continues` is below the goal."""
        found = [Branch(probability=1.0)]
        for _ in range(0, splits, AT_ONCE):
            if continues(found, shortest=shortest) < goal:
                break
            shared = likeness(found)
            found.sort(key=lambda branch: branch.probability * shared[branch.text] * (not branch.final), reverse=True)
            chosen, found = found[:AT_ONCE], found[AT_ONCE:]
            for branch in chosen:
                found += [branch] if branch.final else self.split(branch)
        return found

    def equals(self, text: str) -> float:
        """Return the probability of an answer with this text, however it is spelled in tokens."""
        total = 0.0
        waiting = [Branch(probability=1.0)]
        while waiting:
            for branch in self.split(waiting.pop()):
                if branch.text == text if branch.final else text.startswith(branch.text):
                    if branch.final or branch.probability < NEGLIGIBLE:
                        total += branch.probability
                    else:
                        waiting.append(branch)
        return total

    def greedy(self) -> str:
        """Return the text of the likeliest tokens."""
        branch = Branch(probability=1.0)
        while not branch.final:
            branch = max(self.split(branch), key=lambda each: each.probability)
        return branch.text


def likeness(branches: Iterable[Branch]) -> dict[str, float]:
    """Return for each text the probability of an answer that may begin with it, or it with the answer."""
    every: dict[str, float] = defaultdict(float)
    longer: dict[str, float] = defaultdict(float)
    for branch in branches:
        every[branch.text] += branch.probability
    for text, probability in every.items():
        for beginning in beginnings(text):
            longer[beginning] += probability
    return {
        text: every[text] + longer[text] + sum(every.get(each, 0.0) for each in beginnings(text)) for text in [*every]
    }


def beginnings(text: str) -> list[str]:
    """Return all shorter texts that a text begins with."""
    return [text[:length] for length in range(len(text))]


def continues(branches: Iterable[Branch], *, shortest: int = 0) -> float:
    """Bound the probability that an answer begins with another's text, which has so many characters at least.

    It bounds the probability that the two are equal, too.
    """
    every: dict[str, float] = defaultdict(float)
    unended: dict[str, float] = defaultdict(float)
    first: dict[str, float] = defaultdict(float)
    for branch in branches:
        every[branch.text] += branch.probability
        if not branch.ended:
            unended[branch.text] += branch.probability
        if not branch.final or branch.length >= shortest:
            first[branch.text] += branch.probability
    return sum(
        probability * sum(first.get(each, 0.0) for each in [*beginnings(text), text])
        + first.get(text, 0.0) * sum(unended.get(each, 0.0) for each in beginnings(text))
        for text, probability in every.items()
    )


def says_nothing(branches: Iterable[Branch]) -> float:
    """Bound the probability of an answer without text."""
    return sum(branch.probability for branch in branches if not branch.text)
