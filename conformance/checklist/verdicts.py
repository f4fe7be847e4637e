"""The words of the report: verdicts of a row, grades of evidence, severities."""

from __future__ import annotations

from enum import StrEnum


class Verdict(StrEnum):
    """What was found out about a row. `LEGEND` says what each word means."""

    SUPPORTED = "supported"
    PARTIAL = "partial"
    REJECTED = "rejected"
    IGNORED = "ignored"
    BROKEN = "broken"
    INCONCLUSIVE = "inconclusive"
    NOT_APPLICABLE = "not_applicable"
    UNTESTED = "untested"

    @property
    def rank(self) -> int | None:
        """0 is best; None for the verdicts that say nothing about the server."""
        return RANKED.index(self) if self in RANKED else None

    @property
    def is_positive(self) -> bool:
        """Whether the documentation's box would be ticked."""
        return self in (Verdict.SUPPORTED, Verdict.PARTIAL)


RANKED = (Verdict.SUPPORTED, Verdict.PARTIAL, Verdict.REJECTED, Verdict.IGNORED, Verdict.BROKEN)

LEGEND = {
    Verdict.SUPPORTED: "accepted, and its documented effect was seen, or (evidence `parsed`) its value was "
    "demonstrably read",
    Verdict.PARTIAL: "some of its documented forms work, or it works and its answer breaks the schema",
    Verdict.REJECTED: "refused with a 4xx: honest, the caller notices",
    Verdict.IGNORED: "accepted, and the effect was provably absent: the silent failure",
    Verdict.BROKEN: "a 5xx, a cut connection, a hang past the deadline, an answer that the SDK or the schema cannot "
    "take, or one that breaks a documented rule",
    Verdict.INCONCLUSIVE: "we could not tell: the control failed or the model gave no chance to see it",
    Verdict.NOT_APPLICABLE: "the target declares no model or capability that could be asked",
    Verdict.UNTESTED: "not asked in this run",
}


class Evidence(StrEnum):
    """How strong the proof is, strongest first."""

    EFFECT = "effect"
    ECHOED = "echoed"
    PARSED = "parsed"
    ACCEPTED = "accepted"
    NONE = "none"


class Severity(StrEnum):
    """Whether a departure breaks a named client or the SDK (`must`), or clients tolerate it (`should`)."""

    MUST = "must"
    SHOULD = "should"
