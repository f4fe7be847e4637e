"""What the documentation of a server claims of a row, at a version. Data, never a verdict."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Box:
    """A checkbox (or a note) of the documentation page at one release."""

    row: str
    wording: str
    claimed: bool
    order: int
    """Position on the newest page; boxes that left it and notes stand last."""
    note: bool = False


@dataclass(frozen=True, kw_only=True)
class PageSection:
    """A part of the documentation page: its heading in Markdown, with the line that names its path, if any."""

    heading: str
    prefix: str
    """What the ids of its rows begin with."""


_SECTIONS = (
    ("v0.1.24", "chat/", "`/v1/chat/completions`"),
    ("v0.1.24", "completions/", "`/v1/completions`"),
    ("v0.1.24", "models/", "`/v1/models`"),
    ("v0.1.24", "models/notes/retrieve/", "`/v1/models/{model}`"),
    ("v0.1.24", "embeddings/", "`/v1/embeddings`"),
    ("v0.1.24", "images/", "`/v1/images/generations` (experimental)"),
    ("v0.1.24", "responses/", "`/v1/responses`"),
    ("v0.34.4", "responses/", "Responses API\n\n`POST /v1/responses`"),
)
"""Release since which a heading stands on Ollama's page, what the rows below it begin with, and the heading, in the
order of the page. Whether a release has the section at all is told by its boxes."""


@dataclass(frozen=True, kw_only=True)
class Claims:
    """All boxes of one release of the page."""

    source: str
    release: str
    boxes: tuple[Box, ...]

    def box(self, row: str) -> Box | None:
        """Return the box of the row, or None when the page says nothing of it."""
        return self._by_row().get(row)

    def sections(self) -> list[tuple[PageSection, tuple[Box, ...]]]:
        """Return the sections of the page with their boxes and notes, in the order of the page.

        Boxes that merely follow from a note stand nowhere on it, and are left out.
        """
        headings = {
            prefix: heading for since, prefix, heading in _SECTIONS if version_key(since) <= version_key(self.release)
        }
        found: dict[str, list[Box]] = {prefix: [] for prefix in headings}
        for box in sorted(self.boxes, key=lambda box: box.order):
            if not box.note or box.row.split("/")[1] == "notes":
                prefix = max((each for each in headings if box.row.startswith(each)), key=len, default=None)
                if prefix is not None:
                    found[prefix].append(box)
        return [
            (PageSection(heading=headings[prefix], prefix=prefix), tuple(boxes))
            for prefix, boxes in found.items()
            if boxes
        ]

    def _by_row(self) -> dict[str, Box]:
        return {box.row: box for box in self.boxes}


def version_key(version: str) -> tuple[int, ...]:
    """`v0.24.0-rc1` -> (0, 24, 0); empty for what is not a version."""
    match = re.match(r"v?(\d+(?:\.\d+)*)", version)
    return tuple(int(part) for part in match.group(1).split(".")) if match else ()


@cache
def _document(kind: str) -> dict[str, Any] | None:
    file = resources.files(__package__).joinpath("data", f"{kind}.json")
    return json.loads(file.read_text(encoding="utf-8")) if file.is_file() else None


def claims_of(kind: str, version: str | None) -> Claims | None:
    """Claims of the newest release not after `version`; None for servers nobody documented.

    A version that cannot be read (a development build says 0.0.0) is taken for the newest release.
    """
    document = _document(kind)
    if document is None:
        return None
    key = version_key(version or "")
    if not any(key):
        key = version_key(document["last"])
    entries = [(entry, False) for entry in document["boxes"]] + [(entry, True) for entry in document["notes"]]
    boxes = []
    for order, (entry, note) in enumerate(entries):
        valid = [claim for claim in entry["claims"] if version_key(claim["since"]) <= key]
        if valid and valid[-1]["claimed"] is not None:
            last = valid[-1]
            boxes.append(
                Box(row=entry["row"], wording=last["wording"], claimed=last["claimed"], order=order, note=note)
            )
    release = "v" + ".".join(map(str, key))
    return Claims(source=document["source"], release=release, boxes=tuple(boxes))


def documented_boxes() -> dict[str, str]:
    """Row id -> newest wording of every box that any release of any documentation has had, in its order."""
    document = _document("ollama") or {"boxes": (), "notes": ()}
    entries = (entry for part in ("boxes", "notes") for entry in document[part])
    return {entry["row"]: str(entry["claims"][-1]["wording"]) for entry in entries}


@cache
def wordings(kind: str = "ollama") -> dict[str, tuple[str, ...]]:
    """Row id -> every wording that a box of the row has had, in any release."""
    document = _document(kind) or {"boxes": ()}
    return {
        entry["row"]: tuple(dict.fromkeys(claim["wording"] for claim in entry["claims"]))
        for entry in document["boxes"]
    }


@cache
def checklists(kind: str = "ollama") -> tuple[tuple[str, ...], ...]:
    """Return the different checklists that releases have had: the rows of their boxes, in the order of the page."""
    document = _document(kind) or {"boxes": ()}
    releases = {claim["since"] for entry in document["boxes"] for claim in entry["claims"]}
    found: dict[tuple[str, ...], None] = {}
    for release in sorted(releases, key=version_key):
        claims = claims_of(kind, release)
        boxes = [] if claims is None else sorted(claims.boxes, key=lambda box: box.order)
        found[tuple(box.row for box in boxes if not box.note)] = None
    return tuple(found)
