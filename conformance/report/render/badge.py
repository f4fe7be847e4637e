"""Badges: how many rows are supported, as SVG files and as the JSON that shields' endpoint badge reads.

Counts, never a score. The colour is that of the worst verdict, so green is never said of what is ignored.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from conformance.checklist.rows import is_counted
from conformance.checklist.verdicts import RANKED, Verdict
from conformance.probes.endpoints import HEADINGS
from conformance.report.text import escape_svg

_COLOURS = {
    Verdict.SUPPORTED: ("brightgreen", "#2d8a34"),
    Verdict.PARTIAL: ("green", "#567d0f"),
    Verdict.REJECTED: ("yellow", "#8a6a00"),
    Verdict.IGNORED: ("orange", "#b3541e"),
    Verdict.BROKEN: ("red", "#c0392b"),
}
"""Worst verdict -> shields' name of a colour, and the shade that our own SVG uses: white text is readable on it."""
_NOTHING = ("lightgrey", "#6b6b6b")

_NARROW, _WIDE = "fijlrtI.,:;|!'/() -", "mwMW@%"


@dataclass(frozen=True, kw_only=True)
class Badge:
    """A label, a message, and a colour by two names."""

    label: str
    message: str
    colour: tuple[str, str]


def render_badges(report: Mapping[str, Any]) -> dict[str, str]:
    """Return the text of each badge of a report by its file name: overall and per endpoint, `.svg` and `.json`."""
    counted = [row for row in report["rows"] if is_counted(row["id"])]
    made = {"overall": _badge("OpenAI API", counted, report)}
    for endpoint, heading in HEADINGS.items():
        rows = [row for row in counted if row["endpoint"] == endpoint]
        if any(Verdict(row["verdict"]).rank is not None for row in rows):
            made[endpoint] = _badge(heading, rows, report)
    files = {}
    for name, badge in made.items():
        files[f"{name}.svg"] = render_svg(badge)
        files[f"{name}.json"] = format_shields_endpoint(badge)
    return files


def _badge(label: str, rows: list[Mapping[str, Any]], report: Mapping[str, Any]) -> Badge:
    verdicts = [verdict for row in rows if (verdict := Verdict(row["verdict"])).rank is not None]
    if not verdicts:
        return Badge(label=label, message="nothing asked", colour=_NOTHING)
    partial = verdicts.count(Verdict.PARTIAL)
    message = f"{verdicts.count(Verdict.SUPPORTED)} of {len(verdicts)} supported"
    message += f", {partial} partial" if partial else ""
    if not report["complete"]:
        return Badge(label=label, message=f"{message} (partial run)", colour=_NOTHING)
    return Badge(label=label, message=message, colour=_COLOURS[max(verdicts, key=RANKED.index)])


def format_shields_endpoint(badge: Badge) -> str:
    """Return the JSON that shields' endpoint badge reads, in its schema version 1."""
    record = {"schemaVersion": 1, "label": badge.label, "message": badge.message, "color": badge.colour[0]}
    return json.dumps(record) + "\n"


def _width(text: str) -> int:
    """About the width of a text at 11 pixels; `textLength` makes the browser keep to it."""
    return 10 + round(sum(3.9 if char in _NARROW else 9.8 if char in _WIDE else 6.8 for char in text))


def render_svg(badge: Badge) -> str:
    """Return the badge as an image that refers to nothing outside."""
    label, message = escape_svg(badge.label), escape_svg(badge.message)
    left, right = _width(badge.label), _width(badge.message)
    text = '<text x="{x}" y="14" textLength="{length}" lengthAdjust="spacingAndGlyphs">{text}</text>'
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{left + right}" height="20" role="img" '
        f'aria-label="{label}: {message}">\n'
        f"<title>{label}: {message}</title>\n"
        f'<clipPath id="r"><rect width="{left + right}" height="20" rx="3"/></clipPath>\n'
        f'<g clip-path="url(#r)"><rect width="{left}" height="20" fill="#444"/>'
        f'<rect x="{left}" width="{right}" height="20" fill="{badge.colour[1]}"/></g>\n'
        '<g fill="#fff" font-family="Verdana,DejaVu Sans,Geneva,sans-serif" font-size="11">'
        f"{text.format(x=5, length=left - 10, text=label)}"
        f"{text.format(x=left + 5, length=right - 10, text=message)}</g>\n"
        "</svg>\n"
    )
