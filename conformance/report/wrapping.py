"""Lines for a terminal: as wide as it is, ids never broken, `…` where something is cut."""

from __future__ import annotations

import shutil
import textwrap
from collections.abc import Sequence

from .text import clean_line

MAX_WIDTH = 160
"""Columns that lines are wrapped at, however wide the terminal is."""

_MIN_TEXT_WIDTH = 34
"""Columns that the last column of a table needs; with fewer it gets lines of its own."""


def terminal_width() -> int:
    """Return the columns to wrap at: the terminal's (or `COLUMNS`), 100 where there is none."""
    return max(40, min(shutil.get_terminal_size((100, 24)).columns, MAX_WIDTH))


def cut_line(text: str, max_characters: int = 200) -> str:
    """Return a text as one harmless line, see `clean_line`; `…` ends it where something is cut."""
    line = " ".join(clean_line(text, 2 * max_characters).split())
    return line if len(line) <= max_characters else f"{line[: max_characters - 1].rstrip()}…"


def wrap_line(text: str, width: int, *, indent: str = "", hanging: str | None = None) -> list[str]:
    """Return a line of text as lines of at most `width` columns; words, hence ids and addresses, are not broken.

    `indent`: before the first line. `hanging`: before the others, as the first where it is None.
    """
    return textwrap.wrap(
        text,
        width,
        initial_indent=indent,
        subsequent_indent=indent if hanging is None else hanging,
        break_long_words=False,
        break_on_hyphens=False,
    ) or [indent.rstrip()]


def align_rows(rows: Sequence[Sequence[str]], width: int, *, indent: str = "  ") -> list[str]:
    """Return rows of cells as a table without borders, whose last cells are wrapped below themselves.

    Where the other columns leave too little room, the last cell begins on a line of its own.
    """
    if not rows:
        return []
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]) - 1)]
    place = len(indent) + sum(widths) + 2 * len(widths)
    lines: list[str] = []
    for row in rows:
        begin = indent + "  ".join(cell.ljust(size) for cell, size in zip(row[:-1], widths, strict=True))
        if not row[-1]:
            lines.append(begin.rstrip())
        elif width - place >= _MIN_TEXT_WIDTH:
            lines += wrap_line(row[-1], width, indent=f"{begin}  ", hanging=" " * place)
        else:
            lines += [begin.rstrip(), *wrap_line(row[-1], width, indent=f"{indent}    ")]
    return lines
