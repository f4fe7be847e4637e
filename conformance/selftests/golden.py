"""Golden files: what a small fixed report looks like as a file, as a matrix and in a terminal.

After a change that is meant, write them anew, and read the difference: `python -m conformance.selftests.golden`.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from conformance.report.compare import compare
from conformance.report.files import write_report
from conformance.report.render.terminal import format_conclusion, format_summary

from .page_material import ALL, ordinary

FOLDER = Path(__file__).parent / "data" / "golden"
HINTS = ("thinking: no model is known to think; name one with --thinking-model",)


def before(report: Any) -> Any:
    """The report of an older version: one row better, one worse, one that could not be told."""
    verdicts = {
        "chat/fields/n": "supported",
        "chat/fields/stop/quoted": "ignored",
        "embeddings/fields/input": "supported",
    }
    rows = [{**row, "verdict": verdicts.get(row["id"], row["verdict"])} for row in report["rows"]]
    return {**report, "rows": rows}


def rendered() -> dict[str, str]:
    """Name of a golden file -> its text."""
    report = ordinary()
    with tempfile.TemporaryDirectory() as folder:
        file = write_report(report, ALL.values(), Path(folder), "golden")
        texts = {name: file.with_name(name).read_text(encoding="utf-8") for name in ("report.json", "matrix.md")}
    difference, baseline = compare(before(report), report), {**report["target"], "version": "0.5.0"}
    file = Path("reports/ollama-0.5.1/report.json")
    lines = format_summary(report, file, HINTS, difference=difference, baseline=baseline, width=80)
    lines.append(format_conclusion(report, 1, difference=difference, baseline=baseline))
    return {**texts, "summary.txt": "\n".join(line.text for line in lines) + "\n"}


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for name, text in rendered().items():
        (FOLDER / name).write_text(text, encoding="utf-8")
