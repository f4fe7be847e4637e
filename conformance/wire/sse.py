"""Server-sent events read out of what arrived, with their times and with everything odd about their framing.

Own code, since the conformance of the framing itself is measured: a parser that forgives hides the fault.
Source: WHATWG HTML, 9.2.6 "Interpreting an event stream".
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
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


_LINE_END = re.compile("\r\n|\r|\n")


def _lines(pieces: Iterable[tuple[float, str]]) -> Iterator[tuple[float, str, bool]]:
    """Each line, when its end arrived, and whether it has an end. A CR ends a line at once, whatever follows."""
    parts: list[str] = []
    seconds = 0.0
    begun = after_cr = False
    for seconds, piece in pieces:
        if not piece:
            continue
        # One byte order mark at the start is no part of the stream, and CR LF is one line end, even when cut in two.
        text = piece if begun else piece.removeprefix("\ufeff")
        begun = True
        if after_cr:
            text = text.removeprefix("\n")
        after_cr = text.endswith("\r")
        first, *others = _LINE_END.split(text)
        parts.append(first)
        for start in others:
            yield seconds, "".join(parts), True
            parts = [start]
    if rest := "".join(parts):
        yield seconds, rest, False


def events_of(pieces: Iterable[tuple[float, str]]) -> tuple[Event, ...]:
    """The events in pieces of text that arrived at the given seconds. Takes time linear in their length."""
    found: list[Event] = []
    reader = _Reader()
    seconds = 0.0
    for seconds, line, ended in _lines(pieces):
        if line or not ended:
            reader.line(line)
        elif not reader.empty:
            found.append(reader.event(seconds, terminated=True))
    if not reader.empty:
        found.append(reader.event(seconds, terminated=False))
    return tuple(found)
