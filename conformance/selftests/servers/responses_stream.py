"""A response in the making: one sequence of events, of which a plain answer is the last one's response."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from .chat_choice import ChatChoice
from .parts import Serving
from .responses_input import Item, new_id
from .responses_object import describe, usage_of
from .responses_output import Call, Event, Hosted, Message, Reasoning, Writing
from .settings import given, obfuscation


def _forget(_: dict[str, Any]) -> None:
    """Keep nothing."""


@dataclass(kw_only=True)
class Response:
    """A response to one request. Iterate over `events()` once."""

    body: Mapping[str, Any]
    prompt: Sequence[int]
    choice: ChatChoice
    serving: Serving
    first: Sequence[Hosted] = ()
    """Items that stand before what the model itself writes."""
    spaces: Mapping[str, str] = field(default_factory=dict)
    """Namespaces of some tools by the tools' names."""
    keep: Callable[[dict[str, Any]], None] = _forget
    """Is given the whole response before its last event goes out."""
    name: str = field(default_factory=lambda: new_id("resp"))
    created: int = field(default_factory=lambda: int(time.time()))
    output: list[Item] = field(default_factory=list)
    cancelled: bool = False
    """Whether it is to end at its next token."""

    def events(self) -> Iterator[Event]:
        """Yield every event, numbered, with random characters beside each delta unless they are turned off."""
        hides = given(self.body, "stream_options", {}).get("include_obfuscation", True)
        for number, event in enumerate(self._events()):
            numbered = {"type": event["type"], "sequence_number": number, **event}
            if hides and event["type"].endswith(".delta"):
                numbered["obfuscation"] = obfuscation()
            yield numbered

    def whole(self) -> dict[str, Any]:
        """Return the whole response."""
        *_, last = self._events()
        whole: dict[str, Any] = last["response"]
        return whole

    def begun(self, status: str) -> dict[str, Any]:
        """Return the response before anything of it is written."""
        return describe(self.body, name=self.name, created=self.created, status=status, output=())

    def _events(self) -> Iterator[Event]:
        waits = bool(self.body.get("background"))
        yield {"type": "response.created", "response": self.begun("queued" if waits else "in_progress")}
        if waits:
            yield {"type": "response.queued", "response": self.begun("queued")}
        yield {"type": "response.in_progress", "response": self.begun("in_progress")}
        for item in self.first:
            yield from item.run()
            self.output.append(item.item)
        yield from self._written()
        whole = self._ended()
        self.keep(whole)
        # A response that was cancelled has no event of its own: its stream ends as one that was cut.
        kind = "incomplete" if self.cancelled else whole["status"]
        yield {"type": f"response.{kind}", "response": whole}

    def _written(self) -> Iterator[Event]:
        """Yield the events of the items that the model writes, one after the other."""
        writing: Writing | None = None
        written: tuple[str, int] | None = None
        for place, delta in self._pieces():
            if writing is None or place != written:
                if writing is not None:
                    yield from self._finish(writing, "completed")
                writing, written = self._begin(place[0], delta), place
                yield from writing.open()
            yield from writing.add(delta)
            if self.cancelled:
                break
        if writing is not None:
            yield from self._finish(writing, "completed" if self._status() == "completed" else "incomplete")

    def _pieces(self) -> Iterator[tuple[tuple[str, int], Any]]:
        """Yield kind and number of an item, and a piece of it."""
        hides = self.choice.thinking.hidden
        for delta, told in self.choice.deltas():
            if hides and self.choice.thought:
                hides = False
                yield ("reasoning", 0), self._hidden_thoughts()
            thought = delta.get("reasoning") or delta.get("reasoning_content")
            if thought:
                yield ("reasoning", 0), thought
            if delta.get("content") or delta.get("annotations"):
                yield ("message", 0), (delta, told["content"] if told else [])
            for call in delta.get("tool_calls") or ():
                yield ("call", call["index"]), call
        if hides and self.choice.thought:
            yield ("reasoning", 0), self._hidden_thoughts()

    def _hidden_thoughts(self) -> str:
        return self.serving.parts.vocabulary.decode(self.choice.thought)

    def _begin(self, kind: str, delta: Any) -> Writing:
        index = len(self.output)
        if kind == "message":
            return Message(index=index)
        if kind == "call":
            return Call.begin(index, delta, self.spaces)
        reasoning = given(self.body, "reasoning", {})
        return Reasoning(
            index=index,
            summary=reasoning.get("summary") or reasoning.get("generate_summary"),
            hidden=self.choice.thinking.hidden,
            sealed="reasoning.encrypted_content" in given(self.body, "include", ()),
        )

    def _finish(self, writing: Writing, status: str) -> Iterator[Event]:
        yield from writing.close(status)
        self.output.append(writing.item)

    def _status(self) -> str:
        if self.cancelled:
            return "cancelled"
        return "incomplete" if self.choice.finish == "length" else "completed"

    def _ended(self) -> dict[str, Any]:
        usage = self._usage() if self.serving.counts else None
        return describe(
            self.body,
            name=self.name,
            created=self.created,
            status=self._status(),
            output=self.output,
            usage=usage,
        )

    def _usage(self) -> dict[str, Any]:
        count = self.serving.text_count
        thought, said = count(self.choice.thought), count(self.choice.said)
        return usage_of(self.serving.prompt_count(self.prompt), thought + said, thought)
