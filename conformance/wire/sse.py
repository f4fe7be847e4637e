"""Server-sent events parsed from what arrived, with their times and with every fault of their framing.

Own code, since the conformance of the framing itself is measured: a lenient parser would hide the fault.
Source: WHATWG HTML, 9.2.6 "Interpreting an event stream".
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from .json_text import parse_json

_MAX_LINE_CHARACTERS = 80
"""Characters that are kept of a malformed line."""


@dataclass(frozen=True, kw_only=True)
class Event:
    """One event: its data, its other fields, and when its last byte arrived."""

    data: str
    name: str = ""
    """Value of the field `event`."""
    seconds: float = 0.0
    """When the line that ended the event arrived, in the time of the chunks it was parsed from."""
    comments: int = 0
    """Number of comment lines before or in the event."""
    malformed_lines: tuple[str, ...] = ()
    """Lines that are neither field nor comment, each clipped to `_MAX_LINE_CHARACTERS`."""
    terminated: bool = True
    """Whether a blank line ended the event, as the standard demands."""

    @cached_property
    def json(self) -> Any:
        """The data as JSON, or None."""
        return parse_json(self.data)


class _EventBuilder:
    """Collects the lines of one event."""

    def __init__(self) -> None:
        self._reset()

    def _reset(self) -> None:
        self._data: list[str] = []
        self._name = ""
        self._comments = 0
        self._malformed_lines: list[str] = []

    @property
    def is_empty(self) -> bool:
        """Whether there is no event to build: comments alone make none."""
        return not (self._data or self._name or self._malformed_lines)

    def add_line(self, line: str) -> None:
        """Take in one line, without its end."""
        if line.startswith(":"):
            self._comments += 1
            return
        field, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if field == "data":
            self._data.append(value)
        elif field == "event":
            self._name = value
        elif field not in ("id", "retry"):
            self._malformed_lines.append(line[:_MAX_LINE_CHARACTERS])

    def build(self, seconds: float, terminated: bool) -> Event:
        """Return the event of the lines so far, and begin the next one."""
        event = Event(
            data="\n".join(self._data),
            name=self._name,
            seconds=seconds,
            comments=self._comments,
            malformed_lines=tuple(self._malformed_lines),
            terminated=terminated,
        )
        self._reset()
        return event


_LINE_END = re.compile("\r\n|\r|\n")


def _split_lines(chunks: Iterable[tuple[float, str]]) -> Iterator[tuple[float, str, bool]]:
    """Yield each line, when its end arrived, and whether it has one. A CR ends a line at once, whatever follows."""
    parts: list[str] = []
    seconds = 0.0
    begun = after_cr = False
    for seconds, chunk in chunks:
        if not chunk:
            continue
        # One byte order mark at the start is no part of the stream, and CR LF is one line end, even when cut in two.
        text = chunk if begun else chunk.removeprefix("\ufeff")
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


def parse_events(chunks: Iterable[tuple[float, str]]) -> tuple[Event, ...]:
    """Return the events in chunks of text that arrived at the given seconds. Takes time linear in their length."""
    events: list[Event] = []
    builder = _EventBuilder()
    seconds = 0.0
    for seconds, line, has_end in _split_lines(chunks):
        if line or not has_end:
            builder.add_line(line)
        elif not builder.is_empty:
            events.append(builder.build(seconds, terminated=True))
    if not builder.is_empty:
        events.append(builder.build(seconds, terminated=False))
    return tuple(events)
