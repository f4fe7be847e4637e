"""Which request of a row is compared with which, and where they differ: the experiment, read off the requests."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from conformance.wire.exchange import Exchange

Path = tuple[str, ...]


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
            return "control"
        if not self.changed:
            return "the same again"
        shown = [_change(self.treatment.sent_json, path) for path in self.changed[:3]]
        more = len(self.changed) - len(shown)
        return ", ".join(shown) + (f" and {more} more" if more else "")


def pair_requests(exchanges: Sequence[Exchange]) -> list[RequestDiff]:
    """Return each exchange with its nearest earlier one. Only requests to the same path are alike."""
    found: list[RequestDiff] = []
    for number, exchange in enumerate(exchanges):
        best: tuple[Path, ...] | None = None
        control = None
        for other in exchanges[:number]:
            if (other.call.method, other.call.path) != (exchange.call.method, exchange.call.path):
                continue
            paths = find_changes(other, exchange)
            if best is None or len(paths) < len(best):
                best, control = paths, other
        found.append(RequestDiff(treatment=exchange, control=control, changed=best or ()))
    return found


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
