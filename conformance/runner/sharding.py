"""A part of a run: which rows one of several CI jobs asks, so that together they ask each row once."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from conformance.checklist.rows import Row
from conformance.errors import UsageError


@dataclass(frozen=True, kw_only=True)
class Shard:
    """The `index`-th, counted from 1, of `of` parts."""

    index: int
    of: int

    def __str__(self) -> str:
        """As the option has it: `2/5`."""
        return f"{self.index}/{self.of}"

    def record(self, selected: Iterable[str]) -> dict[str, Any]:
        """As the report holds it: with the rows that the whole run was to reach, this shard's or not."""
        return {"index": self.index, "of": self.of, "selected": sorted(selected)}


def shard_of(text: str | None) -> Shard | None:
    """Return the shard that `--shard` names; None without one.

    Raises:
        UsageError: it names none.
    """
    if not text:
        return None
    match = re.fullmatch(r"([0-9]{1,4})/([0-9]{1,4})", text)
    index, of = (int(match[1]), int(match[2])) if match else (0, 0)
    if not 1 <= index <= of:
        raise UsageError(f"--shard: {text!r} is no part of a run; the second of five is 2/5")
    return Shard(index=index, of=of)


def _weight(row: Row) -> int:
    """About how many requests a row sends: a bad request is a control, the request and a retry of the control.

    Operations share their controls, and ask once.
    """
    return {"errors": 3, "operations": 1}.get(row.endpoint, 6)


def rows_in(shard: Shard, rows: Iterable[Row]) -> frozenset[str]:
    """Ids of the rows that the shard asks, of those that the whole run is to reach.

    Rows about one field stay together, since they share their controls, unless they are more than a fair part.
    The heaviest group goes first to the shard that has least, so shards send about as many requests each. It
    depends on the rows alone: every job finds the same cut.
    """
    asked = [row for row in rows if row.probe is not None]
    groups: dict[str, list[Row]] = {}
    fair = sum(map(_weight, asked)) / shard.of
    for row in sorted(asked, key=lambda row: row.id):
        groups.setdefault("/".join(row.id.split("/")[:3]), []).append(row)
    for name, group in list(groups.items()):
        if sum(map(_weight, group)) > fair:
            del groups[name]
            groups.update({row.id: [row] for row in group})
    loads = [0] * shard.of
    mine: set[str] = set()
    for name in sorted(groups, key=lambda name: (-sum(map(_weight, groups[name])), name)):
        lightest = loads.index(min(loads))
        loads[lightest] += sum(map(_weight, groups[name]))
        if lightest == shard.index - 1:
            mine.update(row.id for row in groups[name])
    return frozenset(mine)
