"""The field-stripping client: with its field taken out of the request, each row that was supported is ignored."""

from __future__ import annotations

import pytest

from conformance.checklist.verdicts import Evidence, Verdict
from conformance.judge.catalogue import catalogue

from .asking import MODELS, asked, outcome
from .servers import HonoursEverything, strips

CONTROLS = {
    "messages": [{"role": "user", "content": "Write a long story about a dragon and a knight."}],
    "prompt": "Once upon a time, a dragon and a knight",
    "input": "A dragon sleeps in the cave.",
    "model": None,
}
"""Required fields are replaced by what a control sends."""

OTHERWISE = {
    "chat/fields/tools/function/strict": "without tools there is no call whose arguments could be judged",
    "chat/fields/tool_choice/none": "needs tools that auto calls; asked with its own field stripped",
    "embeddings/fields/encoding_format/absent": "is about the field's absence",
    "chat/fields/stream_options/include_obfuscation": "on is OpenAI's default: without the field chunks carry it",
}
"""Rows for which another verdict than `ignored` is right, and why."""


def effects() -> list[str]:
    findings, _ = outcome("honours_everything")
    return [
        row
        for row, finding in findings.items()
        if "/fields/" in row
        and finding.verdict is Verdict.SUPPORTED
        and finding.evidence is Evidence.EFFECT
        and row not in OTHERWISE
    ]


@pytest.mark.parametrize("row", [row.id for row in catalogue().values() if row.probe and "/fields/" in row.id])
def test_a_stripped_field_is_ignored(row):
    if row not in effects():
        pytest.skip("no effect to take away, or another verdict is right: see OTHERWISE")
    field = row.split("/")[2]
    value = CONTROLS.get(field)
    if field == "model":
        value = MODELS["embedding"] if row.startswith("embeddings/") else MODELS["chat"]
    lenient = HonoursEverything(lenient=True)
    finding = asked(strips(field, lenient, value), [row])[0][row]
    assert finding.verdict is Verdict.IGNORED, finding.reason
