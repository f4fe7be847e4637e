"""index.html of a folder of reports: servers and versions by feature."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from conformance.checklist.claims import version_key

from .columns import columns, table
from .document import rendered
from .sections import depth

_KINDS = ("features", "fields")


def overview(reports: Mapping[str, Mapping[str, Any]]) -> str:
    """The index of reports by the name of their folders. Servers in the order of their names, newest versions first.

    It shows features and request fields, without the rows below them: each cell leads to its row in the report.
    """
    names = sorted(reports, key=lambda name: (_kind(reports[name]), _newest_first(reports[name]), name))
    own = columns([reports[name] for name in names], links=[f"{quote(name)}/index.html" for name in names])
    made = table(own, wanted=lambda row: depth(row) == 0 and row["id"].split("/")[1] in _KINDS)
    return rendered("overview.html.j2", "table.css", ("table.js",), table=made, columns=own)


def _kind(report: Mapping[str, Any]) -> str:
    return str(report["target"]["kind"]).lower()


def _newest_first(report: Mapping[str, Any]) -> tuple[int, ...]:
    key = version_key(report["target"]["version"] or "")
    return tuple(-part for part in (*key, *[0] * (6 - len(key))))
