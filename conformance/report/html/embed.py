"""Exchanges as the page carries them: each once, cut so that the whole page stays small.

The page's script draws a row's exchanges when the row is opened. What arrives here is all text that it will show,
already free of hidden characters. An event of a stream is held as what it has in place of a part of the event before
it, since most of a stream repeats itself: that is small, and what a reader wants to see of it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

from conformance.report.render.explain import format_curl
from conformance.report.text import clip, escape_invisible, format_data_block
from conformance.wire.exchange import Exchange, SdkResult
from conformance.wire.sse import Event

_LIMITS = (24_000, 12_000, 6_000, 3_000, 1_500, 700, 300, 100)
"""Characters of one request or answer; the first with which all fit is taken."""

_EVENTS = 300
_LENGTH_AT_END = "content-length"


def embed_exchanges(exchanges: Iterable[Exchange], budget: int) -> str:
    """Return the data block of the exchanges: `{"headers": [...], "exchanges": {id: record}}`.

    `budget`: bytes it should keep to. With thousands of exchanges even their beginnings may need more.
    """
    known = tuple(exchanges)
    text = ""
    for limit in _LIMITS:
        headers: dict[str, int] = {}
        records = {exchange.id: _record(exchange, limit, headers) for exchange in known}
        text = format_data_block({"headers": list(headers), "exchanges": records})
        if len(text) <= budget:
            break
    return text


def _record(exchange: Exchange, limit: int, headers: dict[str, int]) -> dict[str, Any]:
    sent = escape_invisible(exchange.sent)
    sent_headers = _lines((name, value) for name, value in exchange.sent_headers if name != _LENGTH_AT_END)
    record: dict[str, Any] = {
        "method": escape_invisible(exchange.call.method),
        "url": escape_invisible(clip(exchange.url)),
        "transport": exchange.call.transport,
        "sent": sent[:limit],
        "sentSize": _size(exchange.sent) if len(sent) > limit else None,
        "sentHeaders": headers.setdefault(sent_headers, len(headers)),
        "status": exchange.status,
        "failure": exchange.failure
        and escape_invisible(f"{exchange.failure}: {clip(exchange.detail, 300)}".strip(": ")),
        "headers": _lines(exchange.headers),
        "seconds": _seconds(exchange.seconds),
        "invalid": exchange.invalid_utf8,
        "sdk": escape_invisible(_taken(exchange.sdk_result)),
        **_command(exchange, sent, limit),
        **_answer(exchange, limit),
    }
    return {key: value for key, value in record.items() if value not in (None, "", False)}


def _command(exchange: Exchange, sent: str, limit: int) -> dict[str, str]:
    """Return the curl command: whole, or without the body, which the record has already; none when it is cut."""
    if len(sent) > limit:
        return {}
    command = escape_invisible(format_curl(exchange))
    body = "'" + sent.replace("'", "'\"'\"'") + "'"
    return {"curlHead": command.removesuffix(body)} if sent and command.endswith(body) else {"curl": command}


def _answer(exchange: Exchange, limit: int) -> dict[str, Any]:
    if exchange.call.streams and any(event.data for event in exchange.events):
        return _streamed(exchange, limit)
    text = exchange.text
    return {"body": escape_invisible(text[:limit]), "bodySize": _size(text) if len(text) > limit else None}


def _streamed(exchange: Exchange, limit: int) -> dict[str, Any]:
    events: list[list[Any]] = []
    before = ""
    room = limit
    longest = limit // 4  # so that one event does not push out all others
    for event in exchange.events[:_EVENTS]:
        data = escape_invisible(event.data[:longest])
        start, end = _shared(before, data)
        new = data[start : len(data) - end]
        room -= len(new) + 20
        if room < 0 and events:
            break
        events.append([_seconds(event.seconds), start, end, new, *_notes(event)])
        before = data
    whole = len(events) == len(exchange.events) and all(len(event.data) <= longest for event in exchange.events)
    return {
        "events": events,
        "eventsInAll": len(exchange.events),
        "bodySize": None if whole else _size(exchange.text),
        "joined": escape_invisible(clip((exchange.sdk_result and exchange.sdk_result.text) or "", 600)),
    }


def _shared(before: str, now: str) -> tuple[int, int]:
    """How many characters two events have in common at their beginnings and at their ends, whole JSON values only."""
    most = min(len(before), len(now))
    start = next((place for place in range(most) if before[place] != now[place]), most)
    while start and now[start - 1] not in '":,{[':
        start -= 1
    most -= start
    end = next((place for place in range(most) if before[-1 - place] != now[-1 - place]), most)
    while end and now[-end] not in '":,}]':
        end -= 1
    return start, end


def _notes(event: Event) -> list[str]:
    """Return what is odd about the framing of an event, in a line; nothing when nothing is."""
    notes = [f"event: {clip(event.name, 80)}"] if event.name else []
    notes += [f"{event.comments} comment lines"] if event.comments else []
    notes += [f"a line that is no field: {line}" for line in event.malformed_lines[:3]]
    notes += [] if event.terminated else ["no blank line ends it"]
    return [escape_invisible("; ".join(notes))] if notes else []


def _taken(taken: SdkResult | None) -> str:
    if taken is None or not taken.exception:
        return ""
    facts = {"status": taken.status, "type": taken.type, "code": taken.code, "param": taken.param}
    said = ", ".join(f"{name} {clip(str(value), 80)}" for name, value in facts.items() if value is not None)
    return f"{taken.exception} ({said or 'no details'}): {clip(taken.message, 300)}"


def _lines(headers: Iterable[tuple[str, str]]) -> str:
    return escape_invisible(clip("\n".join(f"{name}: {value}" for name, value in headers), 2000))


def _size(text: str) -> int:
    return len(text.encode("utf-8", "surrogatepass"))


def _seconds(value: float) -> float:
    return round(value, 3) if math.isfinite(value) else 0.0
