"""One choice of a chat answer, as the deltas that a stream sends; a plain answer joins them."""

from __future__ import annotations

import base64
import random
import secrets
import struct
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from .calls import ToolCall
from .generation import Generation, Task, chat_logprobs
from .parts import Thinking

Delta = tuple[dict[str, Any], dict[str, Any] | None]
"""A delta, and the probabilities of its tokens."""


@dataclass(kw_only=True)
class ChatChoice:
    """One choice. Iterate over `deltas()` once; the rest is known then."""

    task: Task
    rng: random.Random
    calls: tuple[ToolCall, ...] = ()
    legacy: bool = False
    """Whether the call is told as the deprecated `function_call`."""
    preface: str = ""
    """What is said before the calls."""
    forced: bool = False
    """Whether the request named the tool: OpenAI then ends with `stop`."""
    thinking: Thinking = field(default_factory=Thinking)
    thoughts: int = 0
    """Tokens of thinking that are due."""
    spoken: bool = False
    """Whether the answer is sound, with its text as a transcript."""
    cites: bool = False
    finish: str = "stop"
    thought: list[int] = field(default_factory=list)
    """Tokens of thinking."""
    said: list[int] = field(default_factory=list)
    """Tokens of the answer itself."""
    _stopped: bool = False
    """Whether a stop sequence has ended the answer among its thoughts."""

    def deltas(self) -> Iterator[Delta]:
        """The answer as it comes, without the final empty delta."""
        first: dict[str, Any] = {"role": "assistant", "refusal": None}
        if self.calls and not self.thoughts and not self.preface:
            # As OpenAI does: the role, and no content, beside the head of the first call.
            calling = self._calling()
            yield {**first, "content": None, **next(calling, ({}, None))[0]}, None
            yield from calling
            return
        yield (first if self.calls or self.spoken else {**first, "content": ""}), None
        yield from self._thinking()
        if self._stopped:
            self.finish = "stop"
        elif self.calls:
            yield from self._prefacing()
            if self.finish != "length":
                yield from self._calling()
        elif self.task.limit <= 0:
            self.finish = "length"
        elif self.spoken:
            yield from self._speaking()
        else:
            yield from self._writing()

    def _thinking(self) -> Iterator[Delta]:
        inline = self.thinking.inline
        if not self.thoughts or (inline and self.task.plan is not None):
            return  # a grammar holds for the content, and thoughts would stand there
        encode = self.task.model.vocabulary.encode
        yield from self._thinking_part(1 << 20, tuple(encode("<think>\n")) if inline else ())
        yield from self._thinking_part(self.thoughts)
        yield from self._thinking_part(1 << 20, tuple(encode("\n</think>\n\n")) if inline else ())
        self.task = replace(self.task, prompt=(*self.task.prompt, *self.thought))

    def _thinking_part(self, most: int, plan: tuple[int, ...] | None = None) -> Iterator[Delta]:
        """Generate one part of the thoughts: tags, which are the `plan`, or up to so many tokens between them."""
        limit = min(most, self.task.limit)
        if plan == () or limit <= 0 or self._stopped:
            return
        stops = self.task.stops if self.thinking.stops else ()
        tops = self.task.tops if self.thinking.has_odds else None
        prompt = (*self.task.prompt, *self.thought)
        model = replace(self.task.model, shortest=None, longest=None, opening="", sayings=(), translates=False)
        part = replace(
            self.task, prompt=prompt, limit=limit, stops=stops, tops=tops, plan=plan, model=model, flip=None
        )
        generation = Generation(task=part, rng=self.rng)
        for piece in generation.pieces():
            told = chat_logprobs(piece.odds, model.vocabulary) if tops is not None else None
            if not self.thinking.hidden:
                yield {self.thinking.member or "content": piece.text}, told
        self._stopped = generation.finish == "stop" and plan is None
        self.thought += generation.tokens
        self.task = replace(self.task, limit=self.task.limit - len(generation.tokens))

    def _writing(self) -> Iterator[Delta]:
        generation = Generation(task=self.task, rng=self.rng)
        text = ""
        for piece in generation.pieces():
            text += piece.text
            self.said = generation.tokens
            told = chat_logprobs(piece.odds, self.task.model.vocabulary) if self.task.tops is not None else None
            yield {"content": piece.text}, told
        self.said = generation.tokens
        self.finish = generation.finish
        if self.cites and text.strip():
            yield {"annotations": [_citation(text)]}, None

    def _prefacing(self) -> Iterator[Delta]:
        if not self.preface:
            return
        plan = tuple(self.task.model.vocabulary.encode(self.preface))
        generation = Generation(task=replace(self.task, plan=plan, stops=()), rng=self.rng)
        for piece in generation.pieces():
            self.said = generation.tokens
            told = chat_logprobs(piece.odds, self.task.model.vocabulary) if self.task.tops is not None else None
            yield {"content": piece.text}, told
        self.finish = generation.finish

    def _speaking(self) -> Iterator[Delta]:
        name = f"audio_{secrets.token_hex(8)}"
        generation = Generation(task=replace(self.task, tops=None), rng=self.rng)
        for piece in generation.pieces():
            yield {"audio": {"id": name, "transcript": piece.text}}, None
        self.said = generation.tokens
        self.finish = generation.finish
        yield {"audio": {"id": name, "data": base64.b64encode(wav()).decode()}}, None
        yield {"audio": {"expires_at": int(time.time()) + 3600}}, None

    def _calling(self) -> Iterator[Delta]:
        ends = "function_call" if self.legacy else "tool_calls"
        self.finish = "stop" if self.forced else ends
        for index, call in enumerate(self.calls):
            left = self.task.limit - len(self.said)
            if left < 2:
                self.finish = "length"
                return
            self.said += [0, 0]
            yield self._delta(index, call, f"call_{secrets.token_hex(12)}", ""), None
            plan = tuple(self.task.model.vocabulary.encode(call.text))
            part = replace(self.task, limit=left - 2, stops=(), tops=None, plan=plan)
            writing = Generation(task=part, rng=self.rng)
            for piece in writing.pieces():
                yield self._delta(index, call, None, piece.text), None
            self.said += writing.tokens
            if len(writing.tokens) < len(plan):
                self.finish = "length"
                return

    def _delta(self, index: int, call: ToolCall, name: str | None, text: str) -> dict[str, Any]:
        custom = call.tool.kind == "custom"
        inside: dict[str, Any] = {"name": call.tool.name} if name is not None else {}
        inside["input" if custom else "arguments"] = text
        if self.legacy:
            return {"function_call": inside}
        kind = "custom" if custom else "function"
        head = {"id": name, "type": kind} if name is not None else {}
        return {"tool_calls": [{"index": index, **head, kind: inside}]}


def _citation(text: str) -> dict[str, Any]:
    start = len(text) - len(text.lstrip())
    end = start + len(text.split(maxsplit=1)[0])
    where = {
        "start_index": start,
        "end_index": end,
        "url": "https://news.example/today",
        "title": "The news of today",
    }
    return {"type": "url_citation", "url_citation": where}


def wav() -> bytes:
    """A WAV of eight silent samples."""
    samples = b"\x80" * 8
    form = struct.pack("<HHIIHH", 1, 1, 8000, 8000, 1, 8)
    body = b"WAVEfmt " + struct.pack("<I", len(form)) + form + b"data" + struct.pack("<I", len(samples)) + samples
    return b"RIFF" + struct.pack("<I", len(body)) + body


def joined(choice: ChatChoice) -> tuple[dict[str, Any], dict[str, Any] | None]:
    """The message of a plain answer, and the probabilities of its tokens."""
    message: dict[str, Any] = {"role": "assistant", "content": None, "refusal": None, "annotations": []}
    probabilities: list[Any] = []
    for delta, told in choice.deltas():
        _merge(message, delta)
        probabilities += told["content"] if told else []
    logprobs = {"content": probabilities, "refusal": None} if choice.task.tops is not None else None
    return message, None if choice.calls or choice.spoken else logprobs


def _merge(message: dict[str, Any], delta: Mapping[str, Any]) -> None:
    for key in ("content", "reasoning", "reasoning_content"):
        if delta.get(key) is not None:
            message[key] = (message.get(key) or "") + delta[key]
    if "annotations" in delta:
        message["annotations"] = delta["annotations"]
    if "audio" in delta:
        audio = message.setdefault("audio", {"id": "", "data": "", "expires_at": 0, "transcript": ""})
        transcript = audio["transcript"] + delta["audio"].get("transcript", "")
        audio.update(delta["audio"], transcript=transcript)
    if "function_call" in delta:
        call = message.setdefault("function_call", {"name": "", "arguments": ""})
        call["name"] += delta["function_call"].get("name", "")
        call["arguments"] += delta["function_call"]["arguments"]
    for part in delta.get("tool_calls", ()):
        _merge_call(message.setdefault("tool_calls", []), part)


def _merge_call(calls: list[dict[str, Any]], part: Mapping[str, Any]) -> None:
    kind = "custom" if "custom" in part else "function"
    text = "input" if kind == "custom" else "arguments"
    if part["index"] == len(calls):
        calls.append({"id": part["id"], "type": part["type"], kind: {"name": part[kind]["name"], text: ""}})
    calls[part["index"]][kind][text] += part[kind][text]
