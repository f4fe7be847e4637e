"""Server-sent events read out of what arrived, with their times and with everything odd about their framing.

Own code, since the conformance of the framing itself is measured: a parser that forgives hides the fault.
Source: WHATWG HTML, 9.2.6 "Interpreting an event stream".
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from .documents import parsed


@dataclass(frozen=True, kw_only=True)
class Event:
    """One event: its data, the other fields it had, and when its last byte arrived."""

    data: str
    name: str = ""
    seconds: float = 0.0
    comments: int = 0
    odd: tuple[str, ...] = ()
    """Lines that are neither field nor comment, clipped."""
    terminated: bool = True
    """Whether a blank line ended the event, as the standard demands."""

    @cached_property
    def json(self) -> Any:
        """The data as JSON, or None."""
        return parsed(self.data)


class _Reader:
    """Collects the lines of one event."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        self.data: list[str] = []
        self.name = ""
        self.comments = 0
        self.odd: list[str] = []

    @property
    def empty(self) -> bool:
        return not (self.data or self.name or self.odd)

    def line(self, line: str) -> None:
        if line.startswith(":"):
            self.comments += 1
            return
        field, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if field == "data":
            self.data.append(value)
        elif field == "event":
            self.name = value
        elif field not in ("id", "retry"):
            self.odd.append(line[:80])

    def event(self, seconds: float, terminated: bool) -> Event:
        made = Event(
            data="\n".join(self.data),
            name=self.name,
            seconds=seconds,
            comments=self.comments,
            odd=tuple(self.odd),
            terminated=terminated,
        )
        self.reset()
        return made


def events_of(pieces: Iterable[tuple[float, str]]) -> tuple[Event, ...]:
    """The events in pieces of text that arrived at the given seconds."""
    found: list[Event] = []
    reader = _Reader()
    rest = ""
    seconds = 0.0
    for seconds, piece in pieces:
        lines = (rest + piece).replace("\r\n", "\n").split("\n")
        rest = lines.pop()
        for line in lines:
            if line:
                reader.line(line)
            elif not reader.empty:
                found.append(reader.event(seconds, terminated=True))
    if rest:
        reader.line(rest)
    if not reader.empty:
        found.append(reader.event(seconds, terminated=False))
    return tuple(found)
