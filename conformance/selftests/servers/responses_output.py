"""The items of a response as they are written, each with the events that a stream tells of it.

An event here has all its members but `sequence_number`, which is the stream's affair.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from .responses_input import Item, new_id, seal

Event = dict[str, Any]


@dataclass(kw_only=True)
class Writing:
    """An item that is being written; each kind is a subclass."""

    index: int
    """Its place in the output."""
    item: Item
    """What is known of it so far."""

    def open(self) -> Iterator[Event]:
        """Yield the events that begin the item."""
        yield self.event("output_item.added", item={**self.item}, of_item=False)

    def add(self, delta: Any) -> Iterator[Event]:
        """Take a piece of the item, and yield its events."""
        raise NotImplementedError

    def close(self, status: str) -> Iterator[Event]:
        """Yield the events that end the item. `status`: `completed` or `incomplete`."""
        self.item["status"] = status
        yield self.event("output_item.done", item=self.item, of_item=False)

    def event(self, name: str, /, *, of_item: bool = True, **members: Any) -> Event:
        """Return an event about the item, or about a part of it."""
        named = {"item_id": self.item["id"]} if of_item else {}
        return {"type": f"response.{name}", **named, "output_index": self.index, **members}


@dataclass(kw_only=True)
class Message(Writing):
    """Text of the assistant: one part."""

    item: Item = field(
        default_factory=lambda: {
            "id": new_id("message"),
            "type": "message",
            "status": "in_progress",
            "content": [],
            "role": "assistant",
        }
    )
    part: dict[str, Any] = field(
        default_factory=lambda: {"type": "output_text", "annotations": [], "logprobs": [], "text": ""}
    )

    def open(self) -> Iterator[Event]:
        """Yield the beginnings of item and part."""
        yield from super().open()
        yield self.event("content_part.added", content_index=0, part={**self.part, "annotations": []})

    def add(self, delta: tuple[Mapping[str, Any], list[Any]]) -> Iterator[Event]:
        """Take a delta of chat with the probabilities of its tokens."""
        told, logprobs = delta
        if told.get("content"):
            self.part["text"] += told["content"]
            self.part["logprobs"] = [*self.part["logprobs"], *logprobs]
            yield self.event("output_text.delta", content_index=0, delta=told["content"], logprobs=logprobs)
        for annotation in told.get("annotations") or ():
            flat = {"type": annotation["type"], **annotation[annotation["type"]]}
            self.part["annotations"].append(flat)
            place = len(self.part["annotations"]) - 1
            yield self.event("output_text.annotation.added", content_index=0, annotation_index=place, annotation=flat)

    def close(self, status: str) -> Iterator[Event]:
        """Yield the ends of text, part and item."""
        text, logprobs = self.part["text"], self.part["logprobs"]
        yield self.event("output_text.done", content_index=0, text=text, logprobs=logprobs)
        yield self.event("content_part.done", content_index=0, part=self.part)
        self.item["content"] = [self.part]
        yield from super().close(status)


@dataclass(kw_only=True)
class Call(Writing):
    """A call of a function or of a custom tool."""

    custom: bool

    @classmethod
    def begin(cls, index: int, call: Mapping[str, Any], spaces: Mapping[str, str]) -> Call:
        """Return the call that a delta of chat begins. `spaces`: the namespaces of some tools by their names."""
        custom = call["type"] == "custom"
        name = call[call["type"]]["name"]
        kind = "custom_tool_call" if custom else "function_call"
        item = {
            "id": new_id(kind),
            "type": kind,
            "status": "in_progress",
            "call_id": call["id"],
            "name": name,
            "input" if custom else "arguments": "",
        }
        if name in spaces:
            item["namespace"] = spaces[name]
        return cls(index=index, item=item, custom=custom)

    @property
    def text(self) -> str:
        """The member that the call's text stands in."""
        return "input" if self.custom else "arguments"

    @property
    def stem(self) -> str:
        """What the names of its events begin with."""
        return "custom_tool_call_input" if self.custom else "function_call_arguments"

    def add(self, delta: Mapping[str, Any]) -> Iterator[Event]:
        """Take a delta of chat about the call."""
        piece = delta["custom" if self.custom else "function"][self.text]
        if piece:
            self.item[self.text] += piece
            yield self.event(f"{self.stem}.delta", delta=piece)

    def close(self, status: str) -> Iterator[Event]:
        """Yield the ends of the text and of the item."""
        named = {} if self.custom else {"name": self.item["name"]}
        yield self.event(f"{self.stem}.done", **named, **{self.text: self.item[self.text]})
        yield from super().close(status)


@dataclass(kw_only=True)
class Reasoning(Writing):
    """What the model thinks, with a summary where one is asked for."""

    item: Item = field(
        default_factory=lambda: {
            "id": new_id("reasoning"),
            "type": "reasoning",
            "status": "in_progress",
            "summary": [],
        }
    )
    summary: str | None = None
    """`auto`, `concise` or `detailed`; None: no summary."""
    hidden: bool = False
    """Whether the thoughts themselves are not shown."""
    sealed: bool = False
    """Whether the thoughts are sealed in the item."""
    thoughts: str = ""

    def add(self, delta: str) -> Iterator[Event]:
        """Take a piece of the thoughts."""
        self.thoughts += delta
        if not self.hidden:
            yield self.event("reasoning_text.delta", content_index=0, delta=delta)

    def close(self, status: str) -> Iterator[Event]:
        """Yield the end of the thoughts, their summary, and the end of the item."""
        if not self.hidden and self.thoughts:
            yield self.event("reasoning_text.done", content_index=0, text=self.thoughts)
            self.item["content"] = [{"type": "reasoning_text", "text": self.thoughts}]
        if self.summary is not None:
            yield from self._summarize(self.summary)
        if self.sealed:
            self.item["encrypted_content"] = seal(self.thoughts)
        yield from super().close(status)

    def _summarize(self, form: str) -> Iterator[Event]:
        words = self.thoughts.split()
        kept = words[:4] if form == "concise" else words
        text = f"The model thought: {' '.join(kept)}."
        empty, part = ({"type": "summary_text", "text": each} for each in ("", text))
        yield self.event("reasoning_summary_part.added", summary_index=0, part=empty)
        for piece in text.partition(":"):
            yield self.event("reasoning_summary_text.delta", summary_index=0, delta=piece)
        yield self.event("reasoning_summary_text.done", summary_index=0, text=text)
        yield self.event("reasoning_summary_part.done", summary_index=0, part=part)
        self.item["summary"] = [part]


@dataclass(kw_only=True)
class Hosted(Writing):
    """An item of a tool that the server runs itself."""

    stages: tuple[str, ...]
    """What its events tell between its beginning and its end, in order."""
    result: Mapping[str, Any]
    """Members that it has once it is done."""

    def run(self) -> Iterator[Event]:
        """Yield all its events."""
        yield from self.open()
        for stage in self.stages:
            yield self.event(f"{self.item['type']}.{stage}")
        self.item |= self.result
        yield from self.close("completed")
