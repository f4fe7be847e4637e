"""What miniature servers that honour every field differ in. Each part's default is what the servers do without it.

The kinds of models and servers there are, by name and as combinations of these parts, stand in `kinds.py`.
"""

from __future__ import annotations

import itertools
import random
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from .interface import RefusalError
from .model import MODEL, Model
from .vocabulary import Vocabulary

THOUGHTS = {"none": 0, "minimal": 4, "low": 8, "medium": 16, "high": 24, "xhigh": 32, "max": 40}
"""Effort -> tokens of thinking, of a model that thinks when it is told to."""


@dataclass(frozen=True, kw_only=True)
class Thinking:
    """What comes before the answer."""

    shortest: int = 0
    longest: int = 0
    """Tokens of thinking where the request says nothing of it: how many, is the prompt's affair."""
    member: str = "reasoning"
    """Where thoughts stand in a message; empty: between tags in its content."""
    hidden: bool = False
    """Whether thoughts are counted and not shown."""
    has_odds: bool = False
    """Whether log probabilities are told of thoughts too."""
    stops: bool = False
    """Whether a stop sequence ends the answer within thoughts."""
    switches: tuple[Literal["effort", "template"], ...] = ("effort",)
    """What governs thinking: `reasoning_effort`, or `enable_thinking` in `chat_template_kwargs`."""

    @property
    def inline(self) -> bool:
        """Whether thoughts stand in the content."""
        return not self.member

    def count(self, body: Mapping[str, Any], key: bytes) -> int:
        """How many tokens of thinking a request gets. `key`: that of the prompt."""
        usual = self.shortest + key[2] % (self.longest - self.shortest + 1)
        if "template" in self.switches and (body.get("chat_template_kwargs") or {}).get("enable_thinking") is False:
            return 0
        if "effort" not in self.switches:
            return usual
        effort = body.get("reasoning_effort") or (body.get("reasoning") or {}).get("effort")
        if effort is None or not self.longest:
            return usual if effort is None else THOUGHTS[effort]
        return usual * THOUGHTS[effort] // THOUGHTS["medium"]


@dataclass(frozen=True, kw_only=True)
class Counting:
    """What usage says."""

    unit: Literal["tokens", "characters", "nothing"] = "tokens"
    prompt: Literal["all", "uncached", "zero"] = "all"
    """How much of the prompt is counted."""
    unasked: bool = False
    """Whether a stream tells its usage without being asked for it, beside its last choice."""
    zeros: bool = False
    """Whether each chunk of a stream has a usage of zeros."""


@dataclass(frozen=True, kw_only=True)
class Manners:
    """What a server refuses in its own words, and how it dresses its answers."""

    least_limit: int = 0
    context: int = 32_768
    """Tokens that prompt and answer may have together."""
    coldest: float = 0.0
    hottest: float = 2.0
    """Temperatures that are taken."""
    most_choices: int = 128
    streams_only: bool = False
    reasoning_only: bool = False
    """Whether what reasoning models of OpenAI refuse is refused."""
    completes: bool = True
    """Whether there are completions beside chat."""
    batch_differs: bool = False
    """Whether several prompts in one request get other texts than each alone."""

    def check(self, body: Mapping[str, Any]) -> None:
        """Refuse what this server refuses and others do not.

        Raises:
            RefusalError: in the server's own words.
        """
        if self.reasoning_only:
            refuse_as_reasoning_models_do(body)
        for name in ("max_tokens", "max_completion_tokens"):
            if body.get(name) is not None and body[name] < self.least_limit:
                message = f"Invalid '{name}': integer below minimum value. Expected a value >= {self.least_limit}."
                raise RefusalError(message, param=name, code="integer_below_min_value")
        temperature = body.get("temperature")
        if temperature is not None and not self.coldest <= temperature <= self.hottest:
            message = f"`temperature` must be from {self.coldest:g} to {self.hottest:g}, but is {temperature:g}."
            raise RefusalError(message, param="temperature", status=422)
        for name in ("n", "best_of"):
            if body.get(name) is not None and body[name] > self.most_choices:
                raise RefusalError(f"This model gives {self.most_choices} choice at a time, not {body[name]}.")
        if self.streams_only and not body.get("stream"):
            message = "This model only supports stream mode, please enable the stream parameter to access the model."
            raise RefusalError(message)


FIXED = {"temperature": 1, "top_p": 1, "presence_penalty": 0, "frequency_penalty": 0}
"""Settings of which OpenAI's reasoning models take the default alone."""


def refuse_as_reasoning_models_do(body: Mapping[str, Any]) -> None:
    """Refuse what OpenAI's reasoning models refuse.

    Raises:
        RefusalError: in their words.
    """
    if body.get("max_tokens") is not None:
        message = (
            "Unsupported parameter: 'max_tokens' is not supported with this model. "
            "Use 'max_completion_tokens' instead."
        )
        raise RefusalError(message, param="max_tokens", code="unsupported_parameter")
    for name in ("stop", "logprobs", "top_logprobs", "logit_bias"):
        if body.get(name):
            message = f"Unsupported parameter: '{name}' is not supported with this model."
            raise RefusalError(message, param=name, code="unsupported_parameter")
    for name, due in FIXED.items():
        if body.get(name) is not None and body[name] != due:
            message = (
                f"Unsupported value: '{name}' does not support {body[name]:g} with this model. "
                f"Only the default ({due}) value is supported."
            )
            raise RefusalError(message, param=name, code="unsupported_value")


@dataclass(frozen=True, kw_only=True)
class Parts:
    """A kind of model on a kind of server."""

    model: Model = MODEL
    thinking: Thinking = Thinking()
    counting: Counting = Counting()
    manners: Manners = Manners()
    seeds: bool = True
    """Whether a seed makes sampling repeatable."""
    flips: int = 0
    """In how many of a hundred texts a late token is another than usual."""
    deaf: bool = False
    """Whether fields are checked and then dropped."""

    @property
    def vocabulary(self) -> Vocabulary:
        """The tokens of the model."""
        return self.model.vocabulary

    def heard(self, body: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return what the server acts on, of a body that passed its checks."""
        if not self.deaf:
            return body
        kept = {name: body[name] for name in ("model", "messages", "prompt", "input", "stream") if name in body}
        # Greedy, and with a limit, as servers are that know no field: the model ends by itself.
        return kept if "input" in kept else {**kept, "temperature": 0, "max_tokens": 200}


PLAIN = Parts()


@dataclass(kw_only=True)
class Serving:
    """What one server remembers from request to request."""

    parts: Parts = PLAIN
    _texts: Iterator[int] = field(default_factory=itertools.count)
    _read: set[tuple[int, ...]] = field(default_factory=set)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def flip(self) -> int | None:
        """Return the place of a token that is another than usual; None where the text is the usual one."""
        if not self.parts.flips:
            return None
        with self._lock:
            number = next(self._texts)
        rng = random.Random(f"flip {number}")  # noqa: S311 - repeatable on purpose
        return rng.randrange(6, 22) if rng.randrange(100) < self.parts.flips else None

    @property
    def beside(self) -> dict[str, Any]:
        """What each chunk of a stream has beside its choice."""
        zeros = {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}
        return {"usage": zeros} if self.parts.counting.zeros else {}

    def tells(self, body: Mapping[str, Any]) -> bool:
        """Whether a stream ends with its usage."""
        return self.counts and bool((body.get("stream_options") or {}).get("include_usage"))

    def tells_unasked(self, body: Mapping[str, Any]) -> bool:
        """Whether the chunk with the last choice has the usage."""
        return self.parts.counting.unasked and not self.tells(body)

    @property
    def counts(self) -> bool:
        """Whether there is any usage."""
        return self.parts.counting.unit != "nothing"

    def prompt_count(self, prompt: Sequence[int]) -> int:
        """Return what usage says of a prompt."""
        counting = self.parts.counting
        if counting.prompt == "zero":
            return 0
        if counting.unit == "characters":
            return len(self.parts.vocabulary.decode(prompt))
        return self._uncached(tuple(prompt)) if counting.prompt == "uncached" else len(prompt)

    def _uncached(self, prompt: tuple[int, ...]) -> int:
        with self._lock:
            known = next((size for size in range(len(prompt), 0, -1) if prompt[:size] in self._read), 0)
            self._read |= {prompt[:size] for size in range(known + 1, len(prompt) + 1)}
        return len(prompt) - known

    def text_count(self, tokens: Sequence[int]) -> int:
        """Return what usage says of tokens that were generated."""
        if self.parts.counting.unit == "characters":
            return len(self.parts.vocabulary.decode(tokens))
        return len(tokens)


def with_vocabulary(parts: Parts, vocabulary: Vocabulary) -> Parts:
    """Return the parts with another vocabulary."""
    return replace(parts, model=replace(parts.model, vocabulary=vocabulary))
