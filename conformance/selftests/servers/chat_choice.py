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
from .vocabulary import encode

Delta = tuple[dict[str, Any], dict[str, Any] | None]
"""A delta, and the probabilities of its tokens."""

THOUGHTS = {"none": 0, "minimal": 4, "low": 8, "medium": 16, "high": 24, "xhigh": 32, "max": 40}
"""Effort -> tokens of thinking."""


@dataclass(kw_only=True)
class ChatChoice:
    """One choice. Iterate over `deltas()` once; the rest is known then."""

    task: Task
    rng: random.Random
    calls: tuple[ToolCall, ...] = ()
    legacy: bool = False
    """Whether the call is told as the deprecated `function_call`."""
    forced: bool = False
    """Whether the request named the tool: OpenAI then ends with `stop`."""
    thoughts: int = 0
    spoken: bool = False
    """Whether the answer is sound, with its text as a transcript."""
    cites: bool = False
    finish: str = "stop"
    thought: int = 0
    """Tokens of thinking that were generated."""
    said: list[int] = field(default_factory=list)
    """Tokens of the answer itself."""

    @property
    def tokens(self) -> int:
        """All tokens that were generated."""
        return self.thought + len(self.said)

    def deltas(self) -> Iterator[Delta]:
        """The answer as it comes, without the final empty delta."""
        first: dict[str, Any] = {"role": "assistant", "refusal": None}
        if self.calls and not self.thoughts:
            # As OpenAI does: the role, and no content, beside the head of the first call.
            calling = self._calling()
            yield {**first, "content": None, **next(calling, ({}, None))[0]}, None
            yield from calling
            return
        yield (first if self.calls or self.spoken else {**first, "content": ""}), None
        yield from self._thinking()
        if self.calls:
            yield from self._calling()
        elif self.task.limit <= 0:
            self.finish = "length"
        elif self.spoken:
            yield from self._speaking()
        else:
            yield from self._writing()

    def _thinking(self) -> Iterator[Delta]:
        if not self.thoughts:
            return
        free = replace(self.task, limit=min(self.thoughts, self.task.limit), stops=(), tops=None, plan=None)
        thinking = Generation(task=free, rng=self.rng)
        for piece in thinking.pieces():
            yield {"reasoning": piece.text}, None
        self.thought = len(thinking.tokens)
        self.task = replace(
            self.task,
            prompt=(*self.task.prompt, *thinking.tokens),
            limit=self.task.limit - self.thought,
        )

    def _writing(self) -> Iterator[Delta]:
        generation = Generation(task=self.task, rng=self.rng)
        text = ""
        for piece in generation.pieces():
            text += piece.text
            self.said = generation.tokens
            told = chat_logprobs(piece.odds) if self.task.tops is not None else None
            yield {"content": piece.text}, told
        self.said = generation.tokens
        self.finish = generation.finish
        if self.cites and text.strip():
            yield {"annotations": [_citation(text)]}, None

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
            plan = tuple(encode(call.text))
            part = Task(prompt=self.task.prompt, limit=left - 2, sampling=self.task.sampling, plan=plan)
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
    for key in ("content", "reasoning"):
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
