"""One text as it is generated: token by token, with stop sequences, limits and probabilities.

Pieces come out as soon as they can no longer become part of a stop sequence or of a character still incomplete; a
plain answer joins the same pieces that a stream sends, so that the two cannot differ.
"""

from __future__ import annotations

import codecs
import random
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from .model import MODEL, Logits, Model, Sampling, adjusted, chosen, prompt_key
from .vocabulary import END, WORDS, Vocabulary

FORCED = 100.0
"""What is added to the logit of a token that a grammar demands."""


@dataclass(frozen=True, kw_only=True)
class Task:
    """What is to be generated."""

    prompt: tuple[int, ...]
    limit: int
    sampling: Sampling
    stops: tuple[str, ...] = ()
    tops: int | None = None
    """How many alternatives are told at each token; None: no probabilities at all."""
    plan: tuple[int, ...] | None = None
    """The tokens that a grammar demands; None where the model is free."""
    weighed: bool = False
    """Whether it will be asked how likely the whole text was."""
    model: Model = MODEL
    flip: int | None = None
    """The place of a token that is another than usual, where it is nearly a tie: what batching does on a GPU."""


@dataclass(frozen=True, kw_only=True)
class Odds:
    """A token that was taken, or the part of it that a stop sequence left, with its probability."""

    data: bytes
    logprob: float
    tops: tuple[tuple[int, float], ...]


@dataclass(frozen=True, kw_only=True)
class Piece:
    """A part of the text, and the tokens it is made of."""

    text: str
    odds: tuple[Odds, ...]


@dataclass(kw_only=True)
class Generation:
    """One choice. Iterate over `pieces()` once; `finish` and `tokens` then tell how it ended."""

    task: Task
    rng: random.Random
    tokens: list[int] = field(default_factory=list)
    finish: str = "length"
    logprob: float = 0.0
    """Of the whole text, where the task says that it is `weighed`."""

    def pieces(self) -> Iterator[Piece]:
        """The text as it comes."""
        vocabulary = self.task.model.vocabulary
        window = _Window(stops=self.task.stops, halves=vocabulary.halves)
        for token, logits in self._steps():
            piece = window.add(vocabulary.token_bytes(token), self._odds(token, logits))
            if piece is not None:
                yield piece
            if window.stopped:
                self.finish = "stop"
                return
        piece = window.rest()
        if piece is not None:
            yield piece

    def text(self) -> str:
        """The whole text."""
        return "".join(piece.text for piece in self.pieces())

    def _odds(self, token: int, logits: Logits) -> Odds:
        data = self.task.model.vocabulary.token_bytes(token)
        if self.task.tops is None:
            return Odds(data=data, logprob=0.0, tops=())
        return Odds(data=data, logprob=logits.logprob(token), tops=tuple(logits.top(self.task.tops)))

    def _steps(self) -> Iterator[tuple[int, Logits]]:
        key = prompt_key(self.task.prompt)
        script = self.task.model.script(self.task.prompt)
        counts: Counter[int] = Counter()
        while len(self.tokens) < self.task.limit:
            raw = self._raw(key, script)
            logits = adjusted(raw, counts, self.task.sampling, self.task.model.vocabulary)
            token = chosen(logits, self.task.sampling, self.rng)
            if token == END:
                self.finish = "stop"
                return
            self.tokens.append(token)
            counts[token] += 1
            if self.task.weighed:
                self.logprob += logits.logprob(token)
            yield token, logits

    def _raw(self, key: bytes, script: Sequence[int] | None) -> dict[int, float]:
        place = len(self.tokens)
        raw = self.task.model.logits(key, self.tokens, script)
        if self.task.plan is None:
            return flipped(raw) if place == self.task.flip else raw
        due = self.task.plan[place] if place < len(self.task.plan) else END
        return {**{token: value for token, value in raw.items() if token != END}, due: 3 * FORCED}


NEAR = 2.0
"""How far the first choice may lead for rounding to make it the second."""


def flipped(raw: dict[int, float]) -> dict[int, float]:
    """The logits with the two likeliest tokens exchanged, where they are near each other."""
    first, second = sorted(raw, key=lambda token: (-raw[token], token))[:2]
    if raw[first] - raw[second] > NEAR:
        return raw
    return {**raw, first: raw[second], second: raw[first]}


@dataclass(kw_only=True)
class _Window:
    """Text that has not gone out yet."""

    stops: Sequence[str]
    halves: str = "replace"
    stopped: bool = False
    _text: str = ""
    _odds: list[Odds] = field(default_factory=list)
    _decoder: Any = field(init=False)

    def __post_init__(self) -> None:
        """Open the decoder."""
        self._decoder = codecs.getincrementaldecoder("utf-8")(self.halves)

    def add(self, data: bytes, odds: Odds) -> Piece | None:
        """Take a token; give what may go out."""
        self._text += self._decoder.decode(data)
        self._odds.append(odds)
        found = [place for stop in self.stops if (place := self._text.find(stop)) >= 0]
        if found:
            self.stopped = True
            return self._out(min(found), cut=True)
        if self._decoder.getstate()[0] or self._may_become_stop():
            return None
        return self._out(len(self._text))

    def rest(self) -> Piece | None:
        """What is left when nothing more comes."""
        self._text += self._decoder.decode(b"", True)
        return self._out(len(self._text))

    def _may_become_stop(self) -> bool:
        return any(
            self._text.endswith(stop[:length])
            for stop in self.stops
            for length in range(1, min(len(stop), len(self._text) + 1))
        )

    def _out(self, length: int, *, cut: bool = False) -> Piece | None:
        text, odds = self._text[:length], self._odds
        if cut:
            odds = _within(odds, len(text.encode()))
        self._text, self._odds = "", []
        return Piece(text=text, odds=tuple(odds)) if text or odds else None


def _within(odds: Sequence[Odds], size: int) -> list[Odds]:
    """The tokens that make up so many bytes, the last one shortened to fit."""
    kept: list[Odds] = []
    for each in odds:
        if size <= 0:
            break
        data = each.data[:size]
        size -= len(data)
        kept.append(Odds(data=data, logprob=each.logprob, tops=each.tops))
    return kept


def chat_logprobs(odds: Sequence[Odds], vocabulary: Vocabulary = WORDS) -> dict[str, Any]:
    """Probabilities in the form of chat."""

    def entry(data: bytes, logprob: float) -> dict[str, Any]:
        return {"token": shown(data), "logprob": round(logprob, 6) + 0.0, "bytes": list(data)}

    content = [
        {
            **entry(each.data, each.logprob),
            "top_logprobs": [entry(vocabulary.token_bytes(token), logprob) for token, logprob in each.tops],
        }
        for each in odds
    ]
    return {"content": content, "refusal": None}


def shown(data: bytes) -> str:
    """A token as a string: bytes that are no text by themselves are spelled out."""
    try:
        return data.decode()
    except UnicodeDecodeError:
        return "bytes:" + "".join(f"\\x{byte:02x}" for byte in data)
