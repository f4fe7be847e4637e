"""The page of `compare`: rows by reports, versions of one server or different servers."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from conformance.files import atomic_write

from .columns import Column, build_columns, build_table
from .document import render_template


def render_comparison(reports: Sequence[Mapping[str, Any]], *, links: Sequence[str] = ()) -> str:
    """Return the page, reports in the order given. `links`: the address of each one's own page, where it is known."""
    columns = build_columns(reports, links=links)
    return render_template(
        "compare.html.j2",
        "table.css",
        ("table.js",),
        table=build_table(columns),
        columns=columns,
        title=_title(columns),
        changes=_have_history(columns),
    )


def _have_history(columns: Sequence[Column]) -> bool:
    """Whether any column can have changed against one before it: two of one kind of server."""
    return len({column.kind for column in columns}) < len(columns)


def _title(columns: Sequence[Column]) -> str:
    names = list(dict.fromkeys(column.name for column in columns))
    if len(names) > 2 and len({column.kind for column in columns}) == 1:
        return f"{names[0]} to {columns[-1].version}"
    return " and ".join(names) if len(names) < 4 else f"{len(columns)} reports"


def write_comparison(files: Sequence[Path], reports: Sequence[Mapping[str, Any]], page: Path | None) -> Path:
    """Write the page of reports that lie in these files; return where it lies.

    Without `page` it lies beside the folder of the last report, named after all folders, so that the comparison of
    other reports does not overwrite it. It leads to the pages of the reports that have one.

    Raises:
        OSError: it cannot be written.
    """
    names = "-".join(dict.fromkeys(file.absolute().parent.name for file in files))
    place = page or files[-1].absolute().parent.parent / f"compare-{names[:150]}.html"
    text = render_comparison(reports, links=[_link(file, place.absolute().parent) for file in files])
    atomic_write(place, text)
    return place


def _link(file: Path, start: Path) -> str:
    page = file.absolute().with_name("index.html")
    return quote(Path(os.path.relpath(page, start)).as_posix()) if page.is_file() else ""
