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
        """As a JSON object of plain types."""
        record = asdict(self)
        return {**record, "verdict": str(self.verdict), "evidence": str(self.evidence)}


def finding_from_record(record: dict[str, Any]) -> Finding:
    """The finding of a record.

    Raises:
        KeyError, ValueError, TypeError: it is no record of a finding.
    """
    return Finding(
        **{
            **record,
            "verdict": Verdict(record["verdict"]),
            "evidence": Evidence(record["evidence"]),
            "exchanges": tuple(record["exchanges"]),
        }
    )


def is_worse(new: Verdict, old: Verdict) -> bool:
    """Whether a verdict is worse than another; the unranked ones are neither."""
    return new.rank is not None and old.rank is not None and new.rank > old.rank


def is_evidence_lost(new: Verdict, old: Verdict) -> bool:
    """Whether evidence was lost: a ranked verdict became an unranked one."""
    return new.rank is None and old.rank is not None
