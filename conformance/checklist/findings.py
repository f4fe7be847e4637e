"""Findings: a verdict about a row, its reason, and the exchanges that prove it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from .verdicts import Evidence, Verdict


@dataclass(frozen=True, kw_only=True)
class Finding:
    """What was found out about one row."""

    row: str
    verdict: Verdict
    reason: str
    evidence: Evidence = Evidence.NONE
    exchanges: tuple[str, ...] = ()
    model: str | None = None
    seconds: float = 0.0

    def to_record(self) -> dict[str, Any]:
        """Return the finding as a JSON object of plain types."""
        record = asdict(self)
        return {**record, "verdict": str(self.verdict), "evidence": str(self.evidence)}


def finding_from_record(record: dict[str, Any]) -> Finding:
    """Return the finding of a record that `Finding.to_record` made.

    Raises:
        KeyError: a member is missing.
        ValueError: a verdict or a grade of evidence is none.
        TypeError: a member is unknown, or the exchanges are no list.
    """
    return Finding(
        **{
            **record,
            "verdict": Verdict(record["verdict"]),
            "evidence": Evidence(record["evidence"]),
            "exchanges": tuple(record["exchanges"]),
        }
    )
