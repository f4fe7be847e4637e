"""Samples of exchanges as text, and the smallest changes of it that break a rule.

A sample is what stands on the wire: a status (or the word for a failure), the headers, an empty line and the body. A
change replaces one piece of that text, so that nothing else can be the reason.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from conformance.wire.exchange import Call, Exchange

NOW = 1_700_000_000
"""Unix time of every sample."""


@dataclass(frozen=True, kw_only=True)
class Sample:
    """A request, and its answer as text. Lone surrogates in the text stand for bytes that are no UTF-8."""

    call: Call
    wire: str

    def exchange(self) -> Exchange:
        """Return the exchange as the recorder would have it."""
        head, _, body = self.wire.partition("\n\n")
        outcome, *lines = head.split("\n")
        content = body.encode("utf-8", "surrogateescape")
        text = content.decode("utf-8", "replace")
        return Exchange(
            call=self.call,
            status=int(outcome) if outcome.isdigit() else None,
            failure=None if outcome.isdigit() else outcome,  # type: ignore[arg-type]
            headers=tuple((name, value) for name, _, value in (line.partition(": ") for line in lines)),
            chunks=((0.1, text),),
            invalid_utf8=any("\udc80" <= char <= "\udcff" for char in body),
            started=float(NOW),
            seconds=0.1,
        )


@dataclass(frozen=True, kw_only=True)
class Change:
    """One piece of an answer replaced, and the reason that the rule must name then."""

    reason: str
    old: str
    new: str
    nth: int = 0
    """Which occurrence of `old`."""

    def apply(self, sample: Sample) -> Sample:
        """Return the sample with the change."""
        parts = sample.wire.split(self.old)
        assert len(parts) > self.nth + 1, f"the honest answer has no {self.old!r}"
        before, after = (self.old.join(part) for part in (parts[: self.nth + 1], parts[self.nth + 1 :]))
        return replace(sample, wire=before + self.new + after)


@dataclass(frozen=True, kw_only=True)
class RulePair:
    """Honest samples, and a change of the last of them that breaks the rule of a row."""

    row: str
    honest: tuple[Sample, ...]
    change: Change

    @property
    def broken(self) -> tuple[Sample, ...]:
        """The samples of which the last breaks the rule."""
        return (*self.honest[:-1], self.change.apply(self.honest[-1]))


Pair = tuple[str, tuple[Sample, ...], Change]
"""Row, honest samples and change: what a `RulePair` is made of."""


def change(reason: str, old: str, new: str = "", nth: int = 0) -> Change:
    return Change(reason=reason, old=old, new=new, nth=nth)


JSON_HEAD = "200\ncontent-type: application/json\n\n"
STREAM_HEAD = "200\ncontent-type: text/event-stream; charset=utf-8\n\n"
