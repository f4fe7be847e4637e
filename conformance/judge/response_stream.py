"""A stream of /v1/responses, put together: its items and their parts, whatever order the events come in.

Items are told apart by `output_index`, parts by `content_index` or `summary_index`, so that interleaved ones are
read as well as any. An event that lacks an index, or names a wrong one, is put where its id says, else to the last
item: the fault is noted once, and everything else is judged as if the index were right.

Any JSON may come. Nothing is raised, and the time taken is linear in the number of events.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from conformance.probes.response_views import as_int64, as_list, get_path
from conformance.wire.sse import Event

DONE = "[DONE]"
ERROR = "error"
CREATED, QUEUED, IN_PROGRESS = "response.created", "response.queued", "response.in_progress"
ITEM_ADDED, ITEM_DONE = "response.output_item.added", "response.output_item.done"

TERMINAL: Mapping[str, str] = {
    "response.completed": "completed",
    "response.incomplete": "incomplete",
    "response.failed": "failed",
}
"""Events that end a stream -> the status of the response that they hold."""

LIFECYCLE = frozenset({CREATED, QUEUED, IN_PROGRESS, *TERMINAL})
"""Events that hold the response."""


@dataclass(frozen=True)
class _Kind:
    """What an event below an item is."""

    track: str
    """What its part is one of: `content`, `reasoning`, `summary`, `arguments`, `input`."""
    step: str
    """`added` and `closed` surround a part; `delta`, `whole` (the text at its end) and `note` lie between."""
    text: str = ""
    """The member that holds the text."""


KINDS: Mapping[str, _Kind] = {
    "response.content_part.added": _Kind("content", "added"),
    "response.content_part.done": _Kind("content", "closed"),
    "response.output_text.delta": _Kind("content", "delta", "delta"),
    "response.output_text.annotation.added": _Kind("content", "note"),
    "response.output_text.done": _Kind("content", "whole", "text"),
    "response.refusal.delta": _Kind("content", "delta", "delta"),
    "response.refusal.done": _Kind("content", "whole", "refusal"),
    "response.reasoning_text.delta": _Kind("reasoning", "delta", "delta"),
    "response.reasoning_text.done": _Kind("reasoning", "whole", "text"),
    "response.reasoning_summary_part.added": _Kind("summary", "added"),
    "response.reasoning_summary_part.done": _Kind("summary", "closed"),
    "response.reasoning_summary_text.delta": _Kind("summary", "delta", "delta"),
    "response.reasoning_summary_text.done": _Kind("summary", "whole", "text"),
    "response.function_call_arguments.delta": _Kind("arguments", "delta", "delta"),
    "response.function_call_arguments.done": _Kind("arguments", "whole", "arguments"),
    "response.custom_tool_call_input.delta": _Kind("input", "delta", "delta"),
    "response.custom_tool_call_input.done": _Kind("input", "whole", "input"),
}
"""Events below an item. Those of hosted tools and of vendors are none: only their type and number are judged."""

INDEX_OF: Mapping[str, str] = {"content": "content_index", "reasoning": "content_index", "summary": "summary_index"}
"""Track -> the member that numbers its parts; the others have one part."""


@dataclass(kw_only=True)
class Part:
    """A text that comes in pieces: a part of a message, of thoughts or of their summary, or the input of a call."""

    track: str
    index: int
    deltas: list[str] = field(default_factory=list)
    delta_logprobs: list[Any] = field(default_factory=list)
    wholes: list[Any] = field(default_factory=list)
    """The whole text, as each event at its end tells it."""
    told_logprobs: list[list[Any]] = field(default_factory=list)
    """Log probabilities of the whole text, as each event at its end tells them."""
    added: bool = False
    closed: list[Any] = field(default_factory=list)
    """`part` of each event that closes it."""
    order_faults: list[str] = field(default_factory=list)
    """What is wrong between deltas and whole text."""
    frame_faults: list[str] = field(default_factory=list)
    """What is wrong with the events that surround it."""

    @property
    def text(self) -> str:
        """The deltas, joined."""
        return "".join(self.deltas)

    def take(self, kind: _Kind, body: Mapping[str, Any]) -> None:
        """Take in an event."""
        if kind.step == "added":
            self._open()
        elif kind.step == "closed":
            self._close(body.get("part"))
        else:
            self._take_text(kind, body)

    def _open(self) -> None:
        if self.added:
            self.frame_faults.append("a part is added twice")
        elif self.deltas or self.wholes:
            self.frame_faults.append("a part is added after its text has begun")
        self.added = True

    def _close(self, part: Any) -> None:
        if self.closed:
            self.frame_faults.append("a part is done twice")
        elif not self.added:
            self.frame_faults.append("a part is done that was not added")
        self.closed.append(part)
        self.told_logprobs.append(as_list(get_path(part, "logprobs")))

    def _take_text(self, kind: _Kind, body: Mapping[str, Any]) -> None:
        if self.closed:
            self.frame_faults.append("text comes after its part is done")
        if kind.step == "whole":
            if self.wholes:
                self.order_faults.append("a text is done twice")
            self.wholes.append(body.get(kind.text))
            self.told_logprobs.append(as_list(body.get("logprobs")))
        elif kind.step == "delta":
            if self.wholes:
                self.order_faults.append("a delta comes after its text is done")
            delta = body.get(kind.text)
            self.deltas.append(delta if isinstance(delta, str) else "")
            self.delta_logprobs += as_list(body.get("logprobs"))


@dataclass(kw_only=True)
class Item:
    """An item of the output."""

    index: int | None
    """Its `output_index`, None where no event tells it."""
    added: list[Any] = field(default_factory=list)
    """`item` of each event that adds it."""
    done: list[Any] = field(default_factory=list)
    """`item` of each event that ends it."""
    type: str = ""
    """What it is, as it was first called."""
    ids: dict[str, None] = field(default_factory=dict)
    """Its ids, the first one first: each event that adds or ends it may tell another."""
    parts: dict[str, dict[int, Part]] = field(default_factory=dict)
    """Track -> index -> part, in order of appearance."""
    faults: list[str] = field(default_factory=list)
    """Events outside of it."""

    def of_track(self, *tracks: str) -> list[Part]:
        """Return the parts of some tracks."""
        return [part for track in tracks for part in self.parts.get(track, {}).values()]

    def note(self, told: Any) -> None:
        """Note type and id of an item that an event holds."""
        kind, name = get_path(told, "type"), get_path(told, "id")
        if isinstance(kind, str) and not self.type:
            self.type = kind
        if isinstance(name, str) and name:
            self.ids[name] = None


@dataclass(frozen=True, kw_only=True)
class StreamEvent:
    """An event that holds a JSON object."""

    type: str
    """Its `type`; where it has none, its name in the stream's framing."""
    name: str
    body: Mapping[str, Any]

    @property
    def response(self) -> Any:
        """The response that it holds."""
        return self.body.get("response")

    @property
    def is_known(self) -> bool:
        """Whether it is one of the API or of its hosted tools, and no vendor's."""
        return self.type.startswith("response.") or self.type == ERROR

    @property
    def is_bare_error(self) -> bool:
        """Whether it is the envelope of an error without a type, which the SDK takes for an error all the same."""
        return self.type == ERROR and "type" not in self.body


@dataclass(kw_only=True)
class ResponseStream:
    """The stream, read to its end. What is computed of it is kept, so that it may be asked for of each item."""

    events: list[StreamEvent] = field(default_factory=list)
    items: list[Item] = field(default_factory=list)
    """In order of appearance."""
    index_faults: list[str] = field(default_factory=list)

    @cached_property
    def known(self) -> list[StreamEvent]:
        """The events without those of vendors."""
        return [event for event in self.events if event.is_known]

    @cached_property
    def lifecycle(self) -> list[StreamEvent]:
        """The events that hold the response."""
        return [event for event in self.events if event.type in LIFECYCLE]

    @cached_property
    def terminal(self) -> StreamEvent | None:
        """The event that ends it, None where there is none."""
        return next((event for event in self.events if event.type in TERMINAL), None)

    @cached_property
    def is_orderly(self) -> bool:
        """Whether the server came to the end of what it had to say, so that nothing may be left open."""
        return self.terminal is not None and TERMINAL[self.terminal.type] != "failed" and not self.errors

    @cached_property
    def is_cut(self) -> bool:
        """Whether it says that the response is not complete."""
        return self.terminal is not None and (
            self.terminal.type == "response.incomplete" or get_path(self.terminal.response, "status") == "incomplete"
        )

    @cached_property
    def errors(self) -> list[StreamEvent]:
        """The events that tell of an error."""
        return [event for event in self.events if event.type == ERROR]

    @cached_property
    def output(self) -> list[Any] | None:
        """The output of the response at the end, None where that is no list."""
        output = None if self.terminal is None else get_path(self.terminal.response, "output")
        return output if isinstance(output, list) else None

    @cached_property
    def ordered_items(self) -> list[Item]:
        """The items in the order of their indices; those that share one, in order of appearance."""
        last = len(self.items)
        return sorted(self.items, key=lambda item: last if item.index is None else item.index)


def read_response_stream(events: Iterable[Event]) -> ResponseStream:
    """Return a stream put together from its events; what holds no JSON object is left out."""
    reader = _Reader()
    for event in events:
        if event.data.strip() != DONE and isinstance(event.json, dict):
            reader.take(StreamEvent(type=_type_of(event), name=event.name, body=event.json))
    return reader.stream


def _type_of(event: Event) -> str:
    told = event.json.get("type")
    if isinstance(told, str):
        return told
    return ERROR if event.json.get("error") else event.name


class _Reader:
    """Takes in one event after the other."""

    def __init__(self) -> None:
        self.stream = ResponseStream()
        # By index and id, and by index alone, the one that came last; the index None stands for any.
        self._named: dict[tuple[int | None, str], Item] = {}
        self._latest: dict[int | None, Item] = {}

    def take(self, event: StreamEvent) -> None:
        """Take in an event."""
        self.stream.events.append(event)
        if event.type == ITEM_ADDED:
            self._add_item(event.body)
        elif event.type == ITEM_DONE:
            self._end_item(event.body)
        elif kind := KINDS.get(event.type):
            self._take_piece(kind, event.body)

    def _add_item(self, body: Mapping[str, Any]) -> None:
        index, told = self._index(body, "output_index"), get_path(body, "item", "id")
        item = self._named.get((index, told)) if isinstance(told, str) and told else None
        if item is None or (item.added and item.done):
            item = self._new_item(index)
        elif item.added:
            item.faults.append("an item is added twice")
        else:
            item.faults.append("an item is added after it has begun")
        item.added.append(body.get("item"))
        self._enter(item, body.get("item"))

    def _new_item(self, index: int | None) -> Item:
        items, faults = self.stream.items, self.stream.index_faults
        if index in self._latest and index is not None:
            faults.append("two items have one `output_index`")
        elif index not in (None, len(items)):
            faults.append("an item does not take the next `output_index`")
        item = Item(index=index)
        items.append(item)
        self._latest[index] = self._latest[None] = item
        return item

    def _enter(self, item: Item, told: Any) -> None:
        item.note(told)
        name = get_path(told, "id")
        if isinstance(name, str) and name:
            self._named[(item.index, name)] = self._named[(None, name)] = item

    def _end_item(self, body: Mapping[str, Any]) -> None:
        told = body.get("item")
        item = self._find(self._index(body, "output_index"), get_path(told, "id"))
        if item.done:
            item.faults.append("an item is done twice")
        elif not item.added:
            item.faults.append("an item is done that was not added")
        elif _differs(next(iter(item.ids), ""), get_path(told, "id")):
            item.faults.append("an item has another id when it is done")
        elif _differs(item.type, get_path(told, "type")):
            item.faults.append("an item has another type when it is done")
        item.done.append(told)
        item.note(told)

    def _take_piece(self, kind: _Kind, body: Mapping[str, Any]) -> None:
        index, told = self._index(body, "output_index"), body.get("item_id")
        if not isinstance(told, str):
            self.stream.index_faults.append("`item_id` is missing")
        item = self._find(index, told)
        if isinstance(told, str) and item.ids and told not in item.ids:
            self.stream.index_faults.append("`item_id` is not that of the item at the `output_index`")
        if item.done:
            item.faults.append("an event of an item comes after it is done")
        elif not item.added:
            item.faults.append("an event of an item comes before it is added")
        self._part(item, kind, body).take(kind, body)

    def _part(self, item: Item, kind: _Kind, body: Mapping[str, Any]) -> Part:
        thinks = item.type == "reasoning" or get_path(body, "part", "type") == "reasoning_text"
        track = "reasoning" if kind.track == "content" and thinks else kind.track
        known = item.parts.setdefault(track, {})
        index = self._index(body, INDEX_OF[track]) if track in INDEX_OF else 0
        if index is None:  # a new part where one is added, else the last one
            index = len(known) if kind.step == "added" or not known else next(reversed(known))
        if index not in known:
            if index != len(known):
                self.stream.index_faults.append("a part does not take the next index")
            known[index] = Part(track=track, index=index)
        return known[index]

    def _find(self, index: int | None, told: Any) -> Item:
        """Return the item that an event belongs to; a new one, where none was added that it may belong to."""
        name = told if isinstance(told, str) else ""
        if found := self._named.get((index, name)):
            return found
        if found := self._named.get((None, name)):
            self.stream.index_faults.append("`output_index` is not that of the item of that id")
            return found
        found = self._latest.get(index)
        if found is None:
            found = self._new_item(index)
            self._enter(found, {"id": told})
        return found

    def _index(self, body: Mapping[str, Any], member: str) -> int | None:
        index = as_int64(body.get(member))
        if index is None or index < 0:
            self.stream.index_faults.append(f"`{member}` is missing")
            return None
        return index


def _differs(known: str, told: Any) -> bool:
    return bool(known) and isinstance(told, str) and told != known
