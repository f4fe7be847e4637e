"""What the server keeps of responses and conversations, and how long lists of items are read page by page."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from .interface import RefusalError
from .responses_input import Item, new_id
from .responses_output import Event
from .responses_stream import Response

MAX_PAGE = 100
"""Items of a page at most."""


@dataclass(kw_only=True)
class Record:
    """A response that is kept, with what it was asked.

    One that runs in the background goes on while it is asked for: at the first look it is in progress, at the second
    it has ended. So no clock decides what a client sees.
    """

    response: Response
    asked: Sequence[Item]
    """The items of its own request."""
    earlier: Sequence[Item] = ()
    """The items of the conversation before."""
    whole: dict[str, Any] | None = None
    """The response, once it has ended."""
    looks: int = 0
    _events: list[Event] = field(default_factory=list)
    _source: Iterator[Event] | None = None
    _lock: threading.RLock = field(default_factory=threading.RLock)

    @property
    def is_background(self) -> bool:
        """Whether it is not answered in the connection that asked for it."""
        return bool(self.response.body.get("background"))

    @property
    def items(self) -> list[Item]:
        """The conversation up to its end, which the next response goes on."""
        return [*self.earlier, *self.asked, *(self.whole or {}).get("output", ())]

    def look(self) -> dict[str, Any]:
        """Return the response as it is now."""
        with self._lock:
            self.looks += 1
            if self.whole is None and self.looks > 1:
                self._run_to_end()
            return self.whole or self.response.begun("in_progress")

    def cancel(self) -> dict[str, Any]:
        """End the response, and return it.

        Raises:
            RefusalError: it does not run in the background, or has ended by itself.
        """
        if not self.is_background:
            raise RefusalError("Cannot cancel a synchronous response.")
        with self._lock:
            if self.whole is None:
                self.response.cancelled = True
                self._run_to_end()
            found = self.whole or {}
            if found["status"] != "cancelled":
                raise RefusalError(f"Cannot cancel a {found['status']} response.")
            return found

    def events(self, after: int = -1) -> Iterator[Event]:
        """Yield the events of a number above `after`: those that are there, and those still to come."""
        place = 0
        while (event := self._event(place)) is not None:
            place += 1
            if event["sequence_number"] > after:
                yield event

    def _event(self, place: int) -> Event | None:
        with self._lock:
            if self._source is None:
                self._source = self.response.events()
            while place >= len(self._events):
                event = next(self._source, None)
                if event is None:
                    return None
                self._events.append(event)
            return self._events[place]

    def _run_to_end(self) -> None:
        for _ in self.events():
            pass


@dataclass(kw_only=True)
class Conversation:
    """A conversation that lasts."""

    metadata: Mapping[str, str]
    items: list[Item]
    name: str = field(default_factory=lambda: new_id("conv"))
    created: int = field(default_factory=lambda: int(time.time()))

    def described(self) -> dict[str, Any]:
        """Return the object that tells of it."""
        return {
            "id": self.name,
            "object": "conversation",
            "created_at": self.created,
            "metadata": dict(self.metadata),
        }

    def item(self, name: str) -> Item:
        """Return one item.

        Raises:
            RefusalError: there is none of that id.
        """
        found = next((item for item in self.items if item["id"] == name), None)
        if found is None:
            raise RefusalError(f"Conversation item with id '{name[:80]}' not found.", status=404)
        return found


@dataclass(kw_only=True)
class Archive:
    """Everything that is kept."""

    _records: dict[str, Record] = field(default_factory=dict)
    _conversations: dict[str, Conversation] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, record: Record) -> None:
        """Keep a response."""
        with self._lock:
            self._records[record.response.name] = record

    def record(self, name: str) -> Record:
        """Return a response by its id.

        Raises:
            RefusalError: there is none.
        """
        with self._lock:
            found = self._records.get(name)
        if found is None:
            raise RefusalError(f"Response with id '{name[:80]}' not found.", status=404)
        return found

    def previous(self, name: str) -> list[Item]:
        """Return the conversation that ends with a response.

        Raises:
            RefusalError: there is no such response.
        """
        with self._lock:
            found = self._records.get(name)
        if found is None:
            raise RefusalError(
                f"Previous response with id '{name[:80]}' not found.",
                param="previous_response_id",
                code="previous_response_not_found",
            )
        return found.items

    def drop_record(self, name: str) -> None:
        """Forget a response.

        Raises:
            RefusalError: there is none of that id.
        """
        self.record(name)
        with self._lock:
            self._records.pop(name, None)

    def begin(self, items: Sequence[Item], metadata: Mapping[str, str]) -> Conversation:
        """Begin a conversation."""
        made = Conversation(metadata=metadata, items=list(items))
        with self._lock:
            self._conversations[made.name] = made
        return made

    def conversation(self, name: str) -> Conversation:
        """Return a conversation by its id.

        Raises:
            RefusalError: there is none.
        """
        with self._lock:
            found = self._conversations.get(name)
        if found is None:
            raise RefusalError(f"Conversation with id '{name[:80]}' not found.", status=404)
        return found

    def drop_conversation(self, name: str) -> None:
        """Forget a conversation.

        Raises:
            RefusalError: there is none of that id.
        """
        self.conversation(name)
        with self._lock:
            self._conversations.pop(name, None)

    def resolve(self, items: Sequence[Item]) -> list[Item]:
        """Return the items with what the references among them refer to in their place.

        Raises:
            RefusalError: nothing of that id is kept.
        """
        return [self._referred(item["id"]) if item["type"] == "item_reference" else item for item in items]

    def _referred(self, name: str) -> Item:
        with self._lock:
            kept = [item for record in self._records.values() for item in record.items]
            kept += [item for conversation in self._conversations.values() for item in conversation.items]
        found = next((item for item in kept if item["id"] == name), None)
        if found is None:
            raise RefusalError(f"Item with id '{name[:80]}' not found.", param="input", status=404)
        return found


def page_of(
    items: Sequence[Item], *, order: str = "desc", after: str | None = None, limit: int = 20
) -> dict[str, Any]:
    """Return a page of a list of items, which came in this order: the newest first unless `order` is `asc`.

    Raises:
        RefusalError: `after` is no id of the list.
    """
    ordered = list(items) if order == "asc" else list(reversed(items))
    start = 0
    if after is not None:
        place = next((place for place, item in enumerate(ordered) if item["id"] == after), None)
        if place is None:
            raise RefusalError(f"No item with id '{after[:80]}' found.", param="after", status=404)
        start = place + 1
    data = ordered[start : start + limit]
    return {
        "object": "list",
        "data": data,
        "first_id": data[0]["id"] if data else None,
        "last_id": data[-1]["id"] if data else None,
        "has_more": start + limit < len(ordered),
    }
