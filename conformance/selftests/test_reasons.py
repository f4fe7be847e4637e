"""Words of reasons: those of rows that follow from others, and values that a server sent."""

from __future__ import annotations

import pytest

from conformance.checklist.findings import Finding
from conformance.checklist.rows import Row
from conformance.checklist.verdicts import Verdict
from conformance.judge.derive import derive_finding
from conformance.wire.json_text import quote_value

S, P, IGNORED, R, NA = Verdict.SUPPORTED, Verdict.PARTIAL, Verdict.IGNORED, Verdict.REJECTED, Verdict.NOT_APPLICABLE


@pytest.mark.parametrize(
    ("parts", "said"),
    [
        ({"logprobs": P, "top_logprobs": S}, "logprobs is partial, top_logprobs supported"),
        ({"plain": IGNORED, "stream": IGNORED}, "plain and stream are ignored"),
        ({"a": S, "b": S, "c": S, "d": R}, "a, b and c are supported; d rejected"),
        ({"a": NA, "b": IGNORED, "c": NA}, "a and c are not applicable, b ignored"),
        ({"a": IGNORED}, "why a is so"),
    ],
)
def test_the_reason_of_a_whole_is_a_sentence_about_its_parts(parts: dict[str, Verdict], said: str) -> None:
    row = Row(id="chat/fields/zq", derived_from=("chat/fields/zq/*",), false_verdict_probability="0")
    findings = {
        f"{row.id}/{name}": Finding(row=f"{row.id}/{name}", verdict=verdict, reason=f"why {name} is so")
        for name, verdict in parts.items()
    }
    assert derive_finding(row, findings).reason == said


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (None, "null"),
        (True, "true"),
        ({"type": "zz"}, '{"type": "zz"}'),
        (["zz", None], '["zz", null]'),
        ("it's", '"it\'s"'),
        ("é\x1b\u202e\ud800", '"é\\u001b\\u202e\\ud800"'),
        ("x" * 39, '"' + "x" * 38 + "…"),
        ("x" * 38, '"' + "x" * 38 + '"'),
    ],
    ids=ascii,
)
def test_a_value_in_a_reason_is_written_as_json(value: object, written: str) -> None:
    assert quote_value(value) == written
