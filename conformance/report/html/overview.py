"""index.html of a folder of reports: servers and versions by feature."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import quote

from conformance.checklist.claims import version_key
from conformance.report.outline import is_top

from .columns import Column, build_columns, build_table
from .document import render_template

_KINDS = ("features", "fields")


def render_overview(reports: Mapping[str, Mapping[str, Any]]) -> str:
    """Return the index of reports by the names of their folders: servers by name, newest versions first.

    It shows features and request fields, without the rows below them: each cell leads to its row in the report.
    """
    names = sorted(reports, key=lambda name: (_kind(reports[name]), _newest_first(reports[name]), name))
    found = build_columns([reports[name] for name in names], links=[f"{quote(name)}/index.html" for name in names])
    columns = [_with_name(column, name) for column, name in zip(found, names, strict=True)]
    table = build_table(columns, wanted=lambda row: is_top(row) and row["id"].split("/")[1] in _KINDS)
    return render_template("overview.html.j2", "table.css", ("table.js",), table=table, columns=columns)


def _with_name(column: Column, folder: str) -> Column:
    """Return a column with what its folder is called beyond kind and version, as `--name` may have it."""
    plain = f"{column.kind}-{column.version}"
    more = folder.removeprefix(plain) if folder.startswith(f"{plain}-") else ""
    return replace(column, version=f"{column.version} {more.lstrip('-')}".strip())


def _kind(report: Mapping[str, Any]) -> str:
    return str(report["target"]["kind"]).lower()


def _newest_first(report: Mapping[str, Any]) -> tuple[int, ...]:
    key = version_key(report["target"]["version"] or "")
    return tuple(-part for part in (*key, *[0] * (6 - len(key))))
