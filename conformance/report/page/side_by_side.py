"""The page of `compare`: rows by reports, versions of one server or different servers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .columns import columns, table
from .document import rendered


def compare_page(reports: Sequence[Mapping[str, Any]], *, links: Sequence[str] = ()) -> str:
    """The page, reports in the order given. `links`: the address of each report's own page, where it is known."""
    own = columns(reports, links=links)
    made = table(own)
    names = list(dict.fromkeys(column.name for column in own))
    title = " and ".join(names) if len(names) < 3 else f"{len(own)} reports"
    return rendered("compare.html.j2", "table.css", ("table.js",), table=made, columns=own, title=title)
