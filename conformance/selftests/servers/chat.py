"""/v1/chat/completions: every one of its fields, plain and streamed."""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from .calls import calls_due, choice_of, said_beside, tools_text
from .chat_choice import ChatChoice, joined
from .fields import check_body
from .generation import Task
from .interface import RefusalError, Reply, json_reply
from .messages import check_order, message_tokens, text_of
from .model import prompt_key
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
from .vocabulary import START

TIERS = {"auto": "default", "fast": "priority"}
"""Service tier as it is asked for -> as the answer tells it, where the two differ."""


@dataclass(kw_only=True)
class Chat:
    """The endpoint, with what it was told to store."""

    extensions: bool = False
    """Whether fields are read that OpenAI's clause does not have."""
    serving: Serving = field(default_factory=Serving)
    results_due: bool = False
    """Whether earlier tool calls must have been answered, as OpenAI demands."""
    pace: float = 0.0
    """Seconds between the chunks of a stream."""
    late: float = 0.0
    """Seconds between the later chunks of a long one."""
    stored: dict[str, dict[str, Any]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def check(self, body: Mapping[str, Any]) -> None:
        """Refuse what OpenAI refuses.

        Raises:
            RefusalError: naming the field.
        """
        parts = self.serving.parts
        known = body
        if "template" in parts.thinking.switches:
            known = {name: value for name, value in body.items() if name != "chat_template_kwargs"}
        check_body("chat", known, extensions=self.extensions, tokens=parts.vocabulary.size)
        check_stream(body)
        if body.get("max_tokens") is not None and body.get("max_completion_tokens") is not None:
            message = "Setting 'max_tokens' and 'max_completion_tokens' at the same time is not supported."
            raise RefusalError(message, param="max_tokens", code="invalid_parameter_combination")
        if body.get("top_logprobs") is not None and not body.get("logprobs"):
            message = "The 'top_logprobs' parameter is only allowed when 'logprobs' is enabled."
            raise RefusalError(message, param="top_logprobs")
        if "audio" in given(body, "modalities", ()) and body.get("audio") is None:
            raise RefusalError("Audio output requires the 'audio' parameter.", param="audio")
        _check_json_named(body)
        check_order(body["messages"], results_due=self.results_due)
        parts.manners.check(body)

    def answer(self, body: Mapping[str, Any]) -> Reply:
        """The reply to a body that passed the check.

        Raises:
            RefusalError: it asks for what cannot be done.
        """
        body = self.serving.parts.heard(body)
        prompt = self.prompt(body)
        choices = choices_of(body, prompt, self.serving)
        answer = _Answer(body=body, prompt=prompt, choices=choices, serving=self.serving)
        if body.get("stream"):
            kind = (("content-type", "text/event-stream; charset=utf-8"), ("cache-control", "no-cache"))
            return Reply(headers=kind, body=self._stream(answer))
        whole = answer.whole()
        self._keep(body, whole)
        return json_reply(whole)

    def prompt(self, body: Mapping[str, Any]) -> tuple[int, ...]:
        """Return the tokens of all that the model reads."""
        model = self.serving.parts.model
        encode = model.vocabulary.encode
        tokens = encode(tools_text(body))
        if body.get("verbosity") is not None:
            tokens += encode(f"Verbosity: {body['verbosity']}\n")
        if body.get("web_search_options") is not None:
            tokens += encode("Found: The news of today\n")
        for place, message in enumerate(body["messages"]):
            tokens += message_tokens(message, f"messages[{place}]", model.vocabulary, template=model.template)
        return (*tokens, START, *encode("assistant\n")) if model.template else tuple(tokens)

    def retrieve(self, name: str) -> Reply:
        """A stored answer.

        Raises:
            RefusalError: there is none of that id.
        """
        with self._lock:
            found = self.stored.get(name)
        if found is None:
            raise RefusalError(f"Chat completion {name[:80]} not found", status=404)
        return json_reply(found)

    def _keep(self, body: Mapping[str, Any], whole: dict[str, Any]) -> None:
        if body.get("store"):
            with self._lock:
                self.stored[whole["id"]] = {**whole, "metadata": given(body, "metadata", {})}

    def _stream(self, answer: _Answer) -> Iterator[bytes]:
        yield from paced(self._kept(answer), self.pace, self.late)

    def _kept(self, answer: _Answer) -> Iterator[dict[str, Any]]:
        """The chunks; once they are all there, and before the stream ends, the answer is kept."""
        yield from answer.chunks()
        if answer.body.get("store"):
            self._keep(answer.body, {**answer.head("chat.completion"), "choices": [], **answer.told()})


def _check_json_named(body: Mapping[str, Any]) -> None:
    if given(body, "response_format", {}).get("type") != "json_object":
        return
    if not any("json" in text_of(message).lower() for message in body["messages"]):
        message = (
            "'messages' must contain the word 'json' in some form, to use 'response_format' of type 'json_object'."
        )
        raise RefusalError(message, param="messages")


def choices_of(body: Mapping[str, Any], prompt: tuple[int, ...], serving: Serving) -> list[ChatChoice]:
    """Return the choices that a request gets, before the first of them is written.

    Raises:
        RefusalError: it asks for what cannot be done.
    """
    parts = serving.parts
    choice = choice_of(body)
    field = "max_completion_tokens" if body.get("max_completion_tokens") is not None else "max_tokens"
    limit = room(body, len(prompt), field, parts.manners.context)
    key = prompt_key(prompt)
    made = []
    for index in range(given(body, "n", 1)):
        rng = dice(body if parts.seeds else {}, index)
        form = form_dice(body, key, rng)
        calls = calls_due(choice, body["messages"], form, parallel=body.get("parallel_tool_calls", True))
        task = Task(
            prompt=prompt,
            limit=limit,
            sampling=sampling_of(body),
            stops=stops_of(body),
            tops=given(body, "top_logprobs", 0) if body.get("logprobs") else None,
            plan=form_plan(body, form, parts.vocabulary),
            model=parts.model,
            flip=serving.flip(),
        )
        made.append(
            ChatChoice(
                task=task,
                rng=rng,
                calls=calls[:1] if body.get("functions") else calls,
                legacy=bool(body.get("functions")),
                preface=said_beside(body["messages"]) if calls and choice.mode == "auto" else "",
                forced=choice.mode == "named",
                thinking=parts.thinking,
                thoughts=parts.thinking.count(body, key),
                spoken="audio" in given(body, "modalities", ()),
                cites=body.get("web_search_options") is not None,
            )
        )
    return made


@dataclass(kw_only=True)
class _Answer:
    """An answer in the making."""

    body: Mapping[str, Any]
    prompt: Sequence[int]
    choices: Sequence[ChatChoice]
    serving: Serving
    id: str = field(default_factory=lambda: f"chatcmpl-{uuid.uuid4().hex}")
    created: int = field(default_factory=lambda: int(time.time()))

    def head(self, kind: str) -> dict[str, Any]:
        """What plain answers and chunks have in common."""
        tier = given(self.body, "service_tier", "auto")
        return {
            "id": self.id,
            "object": kind,
            "created": self.created,
            "model": self.body["model"],
            "service_tier": TIERS.get(tier, tier),
            "system_fingerprint": FINGERPRINT,
        }

    def whole(self) -> dict[str, Any]:
        """The plain answer."""
        choices = []
        for index, choice in enumerate(self.choices):
            message, logprobs = joined(choice)
            choices.append({"index": index, "message": message, "logprobs": logprobs, "finish_reason": choice.finish})
        return {**self.head("chat.completion"), "choices": choices, **self.told(), **self.moderation()}

    def chunks(self) -> Iterator[dict[str, Any]]:
        """The stream's chunks."""
        head = self.head("chat.completion.chunk")

        def chunk(index: int, delta: Any, logprobs: Any = None, finish: str | None = None) -> dict[str, Any]:
            choice = {"index": index, "delta": delta, "logprobs": logprobs, "finish_reason": finish}
            return padded({**head, "choices": [choice], **self.serving.beside}, self.body)

        def deltas(choice: ChatChoice) -> Iterator[tuple[Any, Any, str | None]]:
            for delta, logprobs in choice.deltas():
                yield delta, logprobs, None
            yield {}, None, choice.finish

        for index, (delta, logprobs, finish) in in_turn([deltas(choice) for choice in self.choices]):
            made = chunk(index, delta, logprobs, finish)
            if finish and self.serving.tells_unasked(self.body):
                made["usage"] = self.usage()
            yield {**made, **self.moderation()} if finish and self._all_done() else made
        if self.serving.tells(self.body):
            yield {**head, "choices": [], "usage": self.usage()}

    def _all_done(self) -> bool:
        return self.body.get("moderation") is not None

    def told(self) -> dict[str, Any]:
        """The usage of a plain answer, where there is one."""
        return {"usage": self.usage()} if self.serving.counts else {}

    def usage(self) -> dict[str, Any]:
        """Tokens of all choices together."""
        accepted, rejected = self._predicted()
        count = self.serving.text_count
        completion = sum(count(choice.thought) + count(choice.said) for choice in self.choices) + rejected
        spoken = sum(len(choice.said) for choice in self.choices if choice.spoken)
        prompt = self.serving.prompt_count(self.prompt)
        return {
            "prompt_tokens": prompt,
            "completion_tokens": completion,
            "total_tokens": prompt + completion,
            "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
            "completion_tokens_details": {
                "reasoning_tokens": sum(count(choice.thought) for choice in self.choices),
                "audio_tokens": spoken,
                "accepted_prediction_tokens": accepted,
                "rejected_prediction_tokens": rejected,
            },
        }

    def _predicted(self) -> tuple[int, int]:
        """How many tokens of the prediction came true, and how many did not."""
        prediction = self.body.get("prediction")
        if prediction is None:
            return 0, 0
        content = prediction["content"]
        text = content if isinstance(content, str) else "".join(part["text"] for part in content)
        predicted = self.serving.parts.vocabulary.encode(text)
        first = self.choices[0]
        said = [*first.thought, *first.said] if first.thinking.inline else first.said
        accepted = next(
            (at for at, pair in enumerate(zip(predicted, said, strict=False)) if pair[0] != pair[1]), None
        )
        if accepted is None:
            accepted = min(len(predicted), len(said))
        return accepted, len(predicted) - accepted

    def moderation(self) -> dict[str, Any]:
        """The outcome of moderation, where it was asked for: nothing is ever flagged."""
        wanted = self.body.get("moderation")
        if wanted is None:
            return {}
        result = moderation_result(wanted["model"])
        found = {"type": "moderation_results", "model": wanted["model"]}
        outputs = {**found, "results": [result for _ in self.choices]}
        return {"moderation": {"input": {**found, "results": [result]}, "output": outputs}}


def moderation_result(model: str) -> dict[str, Any]:
    """Return the outcome of moderating one text by a model: it is never flagged."""
    return {
        "type": "moderation_result",
        "model": model,
        "flagged": False,
        "categories": {"violence": False},
        "category_scores": {"violence": 0.01},
        "category_applied_input_types": {"violence": ["text"]},
    }
