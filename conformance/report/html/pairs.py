"""Which request of a row is compared with which, and where they differ: the experiment, read off the requests."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from conformance.wire.exchange import Call, Exchange

Path = tuple[str, ...]

PROMPTS = ("messages", "prompt", "input")
"""Members of a request that hold its prompt."""


@dataclass(frozen=True, kw_only=True)
class RequestDiff:
    """An exchange of a row, beside the earlier one whose request is nearest to its own."""

    treatment: Exchange
    control: Exchange | None
    """None for the first request of its kind, which is what the others are compared with."""
    changed: tuple[Path, ...] = ()
    """Paths in the request's body that the control does not have, has not the same, or that are gone."""

    @property
    def label(self) -> str:
        """What the request does differently, in a line."""
        if self.control is None:
            return _route(self.treatment)
        shown = [_change(self.treatment.sent_json, path) for path in self.changed[:3]]
        more = len(self.changed) - len(shown)
        told = [", ".join(shown) + (f" and {more} more" if more else "")] if shown else []
        return ", ".join([*told, *_other_ways(self.control.call, self.treatment.call)]) or "the same again"


def _route(exchange: Exchange) -> str:
    return f"`{exchange.call.method} {exchange.call.path}`"


_WAYS = {
    "sdk": "by the SDK",
    "sdk_async": "by the SDK's async client",
    "sdk_parse": "by the SDK's `.parse()`",
    "sdk_stream": "by the SDK's `.stream()`",
    "sdk_raw_body": "by the SDK's `post` or `get`",
    "http": "without the SDK",
}
"""Transport -> what is said of a request that goes another way than the one it is compared with."""


def _other_ways(control: Call, treatment: Call) -> list[str]:
    """Return how a request is sent otherwise, apart from its body."""
    ways = [_WAYS[treatment.transport]] if control.transport != treatment.transport else []
    before, now = dict(control.headers), dict(treatment.headers)
    names = [name for name in {**before, **now} if before.get(name) != now.get(name)]
    ways += [f"with another header `{name}`" for name in names]
    ways += ["with a slash after the base URL"] if treatment.trailing_slash and not control.trailing_slash else []
    return ways + (["left before its end"] if treatment.aborts and not control.aborts else [])


def pair_requests(exchanges: Sequence[Exchange]) -> list[RequestDiff]:
    """Return each exchange with its nearest earlier one. Only requests to the same path are alike.

    Of two that are as near, the one with the same prompt is nearer.
    """
    found: list[RequestDiff] = []
    for number, exchange in enumerate(exchanges):
        best: tuple[Path, ...] = ()
        control = None
        for other in exchanges[:number]:
            if (other.call.method, other.call.path) != (exchange.call.method, exchange.call.path):
                continue
            paths = find_changes(other, exchange)
            if control is None or _distance(paths) < _distance(best):
                best, control = paths, other
        found.append(RequestDiff(treatment=exchange, control=control, changed=best))
    return found


def _distance(changed: Sequence[Path]) -> tuple[int, bool]:
    return len(changed), any(path and path[0] in PROMPTS for path in changed)


def find_changes(control: Exchange, treatment: Exchange) -> tuple[Path, ...]:
    """Return where two requests differ: the topmost paths; the whole body, `()`, where one is no JSON object."""
    one, two = control.sent_json, treatment.sent_json
    if not (isinstance(one, dict) and isinstance(two, dict)):
        return () if control.sent == treatment.sent else ((),)
    try:
        return tuple(_find_changes(one, two, ()))
    except RecursionError:
        return ((),)


def _find_changes(one: Any, two: Any, path: Path) -> Iterator[Path]:
    if isinstance(one, dict) and isinstance(two, dict):
        for key in dict.fromkeys([*two, *one]):
            if key not in one or key not in two:
                yield (*path, key)
            else:
                yield from _find_changes(one[key], two[key], (*path, key))
    elif isinstance(one, list) and isinstance(two, list) and len(one) == len(two):
        for number, (left, right) in enumerate(zip(one, two, strict=True)):
            yield from _find_changes(left, right, (*path, str(number)))
    elif type(one) is not type(two) or one != two:
        yield path


def _change(treatment: Any, path: Path) -> str:
    if not path:
        return "another body"
    name = ".".join(path)
    there, value = _at(treatment, path)
    if not there:
        return f"without `{name}`"
    text = json.dumps(value, ensure_ascii=False)
    return f"`{name}`: {text if len(text) <= 60 else text[:59] + '…'}"


def _at(body: Any, path: Path) -> tuple[bool, Any]:
    for step in path:
        if isinstance(body, dict) and step in body:
            body = body[step]
        elif isinstance(body, list):
            body = body[int(step)]
        else:
            return False, None
    return True, body
