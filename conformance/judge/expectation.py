"""How a verdict compares with the expected one: the only place that decides what is worse.

pytest's outcome of a row, the exit status, `compare`, annotations and JUnit all ask here.
"""

from __future__ import annotations

from enum import StrEnum

from conformance.checklist.verdicts import Verdict


class Standing(StrEnum):
    """Relation of the verdict found to the one expected."""

    NOT_COMPARED = "not_compared"
    """Nothing is expected of the row, or one of the two runs did not ask it."""
    AS_EXPECTED = "as_expected"
    IMPROVED = "improved"
    REGRESSED = "regressed"
    EVIDENCE_LOST = "evidence_lost"
    """A verdict about the server was expected, and none could be found."""
    EVIDENCE_GAINED = "evidence_gained"
    NOT_SUPPORTED = "not_supported"
    """Support is required of every row, and this one lacks it."""

    @property
    def fails(self) -> bool:
        """Whether the row fails the run: exit status 1, a failed pytest item and JUnit case, an annotation."""
        return self in _FAILING


_FAILING = (Standing.REGRESSED, Standing.EVIDENCE_LOST, Standing.NOT_SUPPORTED)


def assess_verdict(found: Verdict, expected: Verdict | None, *, require_supported: bool = False) -> Standing:
    """Return how the verdict found compares with the expected one.

    `expected`: None where nothing is expected. `require_supported`: whether a row without support fails even where
    nothing better is expected; one that is not applicable has nothing to support, and one that was not asked
    says nothing.
    """
    standing = _compare(found, expected)
    lacks_support = not found.is_positive and found not in (Verdict.NOT_APPLICABLE, Verdict.UNTESTED)
    return Standing.NOT_SUPPORTED if require_supported and lacks_support and not standing.fails else standing


def _compare(found: Verdict, expected: Verdict | None) -> Standing:
    if expected is None or Verdict.UNTESTED in (found, expected):
        return Standing.NOT_COMPARED
    if found.rank is None:
        return Standing.AS_EXPECTED if expected.rank is None else Standing.EVIDENCE_LOST
    if expected.rank is None:
        return Standing.EVIDENCE_GAINED
    if found.rank == expected.rank:
        return Standing.AS_EXPECTED
    return Standing.REGRESSED if found.rank > expected.rank else Standing.IMPROVED


_STEPS = {
    (Verdict.IGNORED, Verdict.REJECTED): "fails loudly instead of silently",
    (Verdict.REJECTED, Verdict.IGNORED): "fails silently instead of loudly",
    (Verdict.BROKEN, Verdict.REJECTED): "a clean refusal instead of a fault",
    (Verdict.REJECTED, Verdict.BROKEN): "a fault instead of a clean refusal",
    (Verdict.BROKEN, Verdict.IGNORED): "answers, though without the effect, instead of a fault",
    (Verdict.IGNORED, Verdict.BROKEN): "a fault instead of an answer without the effect",
}


def explain_step(old: Verdict | None, new: Verdict | None) -> str:
    """Return why one verdict without support is better or worse than another; empty where the words say it.

    The order is that of the verdicts' ranks: what a caller notices and can handle is better than what goes unnoticed.
    """
    return _STEPS.get((old, new), "") if old and new else ""
