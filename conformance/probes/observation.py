"""What a probe says it saw, and how several votes make one observation."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from conformance.checklist.verdicts import Evidence, Verdict


@dataclass(frozen=True, kw_only=True)
class Observation:
    """The outcome of an experiment whose requests were all answered."""

    verdict: Verdict
    reason: str
    evidence: Evidence = Evidence.EFFECT


def supported(reason: str, evidence: Evidence = Evidence.EFFECT) -> Observation:
    """Return the observation that the effect was seen."""
    return Observation(verdict=Verdict.SUPPORTED, reason=reason, evidence=evidence)


def partial(reason: str) -> Observation:
    """Return the observation that some of what the row asks was seen."""
    return Observation(verdict=Verdict.PARTIAL, reason=reason)


def ignored(reason: str) -> Observation:
    """Return the observation that the field was accepted, and its effect provably absent."""
    return Observation(verdict=Verdict.IGNORED, reason=reason, evidence=Evidence.ACCEPTED)


def rejected(reason: str) -> Observation:
    """Refused in a way that is no 4xx of the request itself."""
    return Observation(verdict=Verdict.REJECTED, reason=reason, evidence=Evidence.NONE)


def broken(reason: str) -> Observation:
    """Return the observation that the answer contradicts the documentation, not just by a missing effect."""
    return Observation(verdict=Verdict.BROKEN, reason=reason, evidence=Evidence.EFFECT)


def not_applicable(reason: str) -> Observation:
    """Return the observation that there is nothing that the row could ask about."""
    return Observation(verdict=Verdict.NOT_APPLICABLE, reason=reason, evidence=Evidence.NONE)


def inconclusive(reason: str) -> Observation:
    """We could not tell."""
    return Observation(verdict=Verdict.INCONCLUSIVE, reason=reason, evidence=Evidence.NONE)


def weigh(votes: Iterable[bool | None], *, seen: str, absent: str, unclear: str) -> Observation:
    """One observation out of the votes of several prompts.

    A vote is True (the effect was seen), False (it was provably absent) or None (neither). All must agree: the
    effect on one prompt and not on the other is a case for a person.
    """
    cast = list(votes)
    if cast and all(vote is True for vote in cast):
        return supported(seen)
    if cast and all(vote is False for vote in cast):
        return ignored(absent)
    count = f"{sum(v is True for v in cast)} seen, {sum(v is False for v in cast)} absent of {len(cast)}"
    return inconclusive(f"{unclear} ({count})")
