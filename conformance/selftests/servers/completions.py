"""/v1/completions: every one of its fields, plain and streamed."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from .fields import check_body
from .generation import Generation, Odds, Piece, Task, shown
from .interface import RefusalError, Reply, json_reply
from .model import Logits, adjusted, prompt_key
from .parts import Serving
from .settings import (
    FINGERPRINT,
    check_stream,
    dice,
    form_dice,
    form_plan,
    given,
    in_turn,
    paced,
    padded,
    room,
    sampling_of,
    stops_of,
)
from .vocabulary import END, START, WORDS, Vocabulary

DEFAULT_LIMIT = 16
LATE = 9
"""The place of the token that is another where prompts are one batch, if they are on this server."""


@dataclass(kw_only=True)
class Completions:
    """The endpoint."""

    extensions: bool = False
    serving: Serving = field(default_factory=Serving)
    pace: float = 0.0
    late: float = 0.0

    def check(self, body: Mapping[str, Any]) -> None:
        """Refuse what OpenAI refuses.

        Raises:
            RefusalError: naming the field.
        """
        parts = self.serving.parts
        if not parts.manners.completes:
            message = "This is a chat model and not supported in the v1/completions endpoint."
            raise RefusalError(f"{message} Did you mean to use v1/chat/completions?", param="model", status=404)
        check_body("completions", body, extensions=self.extensions, tokens=parts.vocabulary.size)
        check_stream(body)
        if body.get("best_of") is not None and body["best_of"] < given(body, "n", 1):
            raise RefusalError(
                "You requested that the server return more choices than it generates.", param="best_of"
            )
        if body.get("stream") and given(body, "best_of", 1) > given(body, "n", 1):
            raise RefusalError("Results of 'best_of' cannot be streamed.", param="best_of")
        if body.get("prompt") == []:
            raise RefusalError("Invalid 'prompt': empty array.", param="prompt", code="empty_array")
        parts.manners.check(body)

    def answer(self, body: Mapping[str, Any]) -> Reply:
        """The reply to a body that passed the check.

        Raises:
            RefusalError: it asks for what cannot be done.
        """
        body = self.serving.parts.heard(body)
        prompts = _prompts(body, self.serving.parts.vocabulary)
        batched = len(prompts) > 1 and self.serving.parts.manners.batch_differs
        texts = [text for prompt in prompts for text in _texts(body, prompt, self.serving, batched=batched)]
        answer = _Answer(body=body, texts=texts, serving=self.serving)
        if body.get("stream"):
            kind = (("content-type", "text/event-stream; charset=utf-8"), ("cache-control", "no-cache"))
            return Reply(headers=kind, body=paced(answer.chunks(), self.pace, self.late))
        return json_reply(answer.whole())


def _prompts(body: Mapping[str, Any], vocabulary: Vocabulary) -> list[list[int]]:
    """The prompts, whatever the form they came in."""
    encode = vocabulary.encode
    given_prompt = body.get("prompt")
    if given_prompt is None:
        return [[END]]
    if isinstance(given_prompt, str):
        return [encode(given_prompt)]
    if isinstance(given_prompt[0], int):
        return [list(given_prompt)]
    return [encode(each) if isinstance(each, str) else list(each) for each in given_prompt]


@dataclass(kw_only=True)
class _Text:
    """One text in the making. Iterate over `pieces()` once."""

    prompt: list[int]
    """As the caller gave it, to be echoed."""
    generation: Generation
    echo: bool
    tops: int | None

    @property
    def vocabulary(self) -> Vocabulary:
        """The tokens of the model."""
        return self.generation.task.model.vocabulary

    def pieces(self) -> Iterator[Piece]:
        """The echo, then the text as it comes."""
        if self.echo:
            yield Piece(text=self.vocabulary.decode(self.prompt), odds=self._echoed())
        yield from self.generation.pieces()

    def _echoed(self) -> tuple[Odds, ...]:
        if self.tops is None:
            return ()
        found = []
        sampling = self.generation.task.sampling
        for place, token in enumerate(self.prompt):
            raw = self.generation.task.model.logits(prompt_key(self.prompt[:place]), ())
            logits = Logits(values=raw, vocabulary=self.vocabulary)
            logits = adjusted(raw, {}, sampling, self.vocabulary) if place else logits
            tops = tuple(logits.top(self.tops)) if place else ()
            found.append(Odds(data=self.vocabulary.token_bytes(token), logprob=logits.logprob(token), tops=tops))
        return tuple(found)


def _texts(body: Mapping[str, Any], prompt: list[int], serving: Serving, *, batched: bool) -> list[_Text]:
    """The texts that one prompt gets; with `best_of` more than are returned."""
    parts = serving.parts
    read = tuple(prompt)
    if body.get("suffix"):
        read = (*read, START, *parts.vocabulary.encode(body["suffix"]))
    limited = {"max_tokens": given(body, "max_tokens", DEFAULT_LIMIT)}
    limit = room(limited, len(read), "max_tokens", parts.manners.context)
    made = []
    for index in range(given(body, "best_of", given(body, "n", 1))):
        rng = dice(body, index)
        task = Task(
            prompt=read,
            limit=limit,
            sampling=sampling_of(body),
            stops=stops_of(body),
            tops=body.get("logprobs"),
            plan=form_plan(body, form_dice(body, prompt_key(read), rng), parts.vocabulary),
            weighed=given(body, "best_of", 1) > 1,
            model=parts.model,
            flip=LATE if batched else serving.flip(),
        )
        generation = Generation(task=task, rng=rng)
        made.append(
            _Text(prompt=prompt, generation=generation, echo=bool(body.get("echo")), tops=body.get("logprobs"))
        )
    return made


@dataclass(kw_only=True)
class _Answer:
    """An answer in the making."""

    body: Mapping[str, Any]
    texts: Sequence[_Text]
    serving: Serving
    id: str = field(default_factory=lambda: f"cmpl-{uuid.uuid4().hex}")
    created: int = field(default_factory=lambda: int(time.time()))

    @property
    def head(self) -> dict[str, Any]:
        """What plain answers and chunks have in common."""
        return {
            "id": self.id,
            "object": "text_completion",
            "created": self.created,
            "model": self.body["model"],
            "system_fingerprint": FINGERPRINT,
        }

    def whole(self) -> dict[str, Any]:
        """The plain answer: of each prompt's texts the likeliest."""
        made = [(text, list(text.pieces())) for text in self.texts]
        kept = given(self.body, "n", 1)
        tried = given(self.body, "best_of", kept)
        choices: list[dict[str, Any]] = []
        for start in range(0, len(made), tried):
            group = made[start : start + tried]
            if tried > kept:
                group.sort(key=lambda pair: -pair[0].generation.logprob / max(1, len(pair[0].generation.tokens)))
            choices += [self._choice(len(choices) + at, *pair) for at, pair in enumerate(group[:kept])]
        told = {"usage": self.usage()} if self.serving.counts else {}
        return {**self.head, "choices": choices, **told}

    def _choice(self, index: int, text: _Text, pieces: Sequence[Piece]) -> dict[str, Any]:
        odds = [each for piece in pieces for each in piece.odds]
        logprobs = None
        if text.tops is not None:
            logprobs = legacy_logprobs(odds, self._start(text), text.echo, text.vocabulary)
        return {
            "text": "".join(piece.text for piece in pieces),
            "index": index,
            "logprobs": logprobs,
            "finish_reason": text.generation.finish,
        }

    @staticmethod
    def _start(text: _Text) -> int:
        return 0 if text.echo else len(text.vocabulary.decode(text.prompt))

    def chunks(self) -> Iterator[dict[str, Any]]:
        """The stream's chunks."""
        places = [self._start(text) for text in self.texts]

        def pieces(text: _Text) -> Iterator[tuple[Piece | None, str | None]]:
            for piece in text.pieces():
                yield piece, None
            yield None, text.generation.finish

        for index, (piece, finish) in in_turn([pieces(text) for text in self.texts]):
            text = self.texts[index]
            logprobs = None
            if piece is not None and text.tops is not None:
                logprobs = legacy_logprobs(
                    piece.odds, places[index], text.echo and places[index] == 0, text.vocabulary
                )
                places[index] += len(piece.text)
            said = piece.text if piece is not None else ""
            choice = {"text": said, "index": index, "logprobs": logprobs, "finish_reason": finish}
            made = padded({**self.head, "choices": [choice], **self.serving.beside}, self.body)
            if finish and self.serving.tells_unasked(self.body):
                made["usage"] = self.usage()
            yield made
        if self.serving.tells(self.body):
            yield {**self.head, "choices": [], "usage": self.usage()}

    def usage(self) -> dict[str, Any]:
        """Tokens of all texts together, those that `best_of` dropped too."""
        tried = given(self.body, "best_of", given(self.body, "n", 1))
        prompt = sum(self.serving.prompt_count(text.generation.task.prompt) for text in self.texts[::tried])
        completion = sum(self.serving.text_count(text.generation.tokens) for text in self.texts)
        return {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion}


def legacy_logprobs(
    odds: Sequence[Odds], start: int, first_unknown: bool, vocabulary: Vocabulary = WORDS
) -> dict[str, Any]:
    """Probabilities in the form of this endpoint. Of a prompt's first token there is none."""
    offsets = []
    place = start
    for each in odds:
        offsets.append(place)
        place += len(each.data.decode("utf-8", "ignore"))
    told: list[float | None] = [round(each.logprob, 6) + 0.0 for each in odds]
    tops: list[dict[str, float] | None] = [
        {
            **{shown(vocabulary.token_bytes(token)): round(value, 6) + 0.0 for token, value in each.tops},
            shown(each.data): logprob,
        }
        for each, logprob in zip(odds, told, strict=True)
        if logprob is not None
    ]
    if first_unknown and told:
        told[0] = tops[0] = None
    return {
        "tokens": [shown(each.data) for each in odds],
        "token_logprobs": told,
        "top_logprobs": tops,
        "text_offset": offsets,
    }
