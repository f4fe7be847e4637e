"""What a run tells a CI: a summary for its page, and annotations where GitHub runs it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from conformance.report.annotations import commands
from conformance.report.compare import Difference
from conformance.report.summary import markdown


def told(
    report: Mapping[str, Any],
    difference: Difference | None,
    written: Path,
    *,
    named: str | None,
    environ: Mapping[str, str],
) -> list[str]:
    """Write the summary; the lines to print.

    `named`: the file that --summary names, written anew. GitHub's own file, which belongs to the whole step, is
    only added to. A summary that cannot be written is told, and changes nothing else.
    """
    lines = commands(difference) if difference and environ.get("GITHUB_ACTIONS") == "true" else []
    file = named or environ.get("GITHUB_STEP_SUMMARY")
    if file:
        try:
            with Path(file).open("w" if named else "a", encoding="utf-8") as summary:
                summary.write(markdown(report, difference, written))
        except OSError as error:
            lines.append(f"careful: --summary: cannot write {file}: {error.strerror or error}")
    return lines
