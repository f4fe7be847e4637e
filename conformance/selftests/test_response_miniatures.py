"""The rules of the streams of /v1/responses, over what each faulty miniature says."""

from __future__ import annotations

from functools import cache

import pytest

from conformance.checklist.verdicts import Verdict
from conformance.wire.exchange import Call, Exchange

from .asking import asker_of
from .servers import Server
from .servers.proxy import honest
from .servers.responses_stream_faults import LEGAL_STREAMS, STREAM_FAULTS
from .servers.test_responses import BODY, REQUESTS
from .test_response_rules import STREAM_RULES

ASKED = (
    *REQUESTS.values(),
    {"input": "Hi", "include": ["message.output_text.logprobs"], "top_logprobs": 2},
)
OF_PROBES = {"one_piece": "pieces", "text_lost_beside_a_call": "text_beside_call"}
"""Faults that no stream shows alone: probes look at its times, and at how many tokens it took."""

OF_SEVERAL = {"text_never_closed_beside_a_call": {"items_paired", "parts_paired"}}
"""Faults that belong to other rows too."""


def streams_of(server: Server) -> list[Exchange]:
    send = asker_of(server).send
    bodies = [{**BODY, "temperature": 0, **asked, "stream": True} for asked in ASKED]
    return [send(Call(path="/responses", sdk_method="responses.create", body=body)) for body in bodies]


def verdicts(server: Server) -> dict[str, Verdict]:
    exchanges = streams_of(server)
    return {row.removeprefix("responses/stream/"): rule(exchanges).verdict for row, rule in STREAM_RULES.items()}


@cache
def honest_verdicts() -> dict[str, Verdict]:
    return verdicts(honest())


def test_an_honest_miniature_keeps_every_rule() -> None:
    kept = {row for row, verdict in honest_verdicts().items() if verdict is Verdict.SUPPORTED}
    assert set(STREAM_RULES) - {f"responses/stream/{row}" for row in kept} == {"responses/stream/error_in_stream"}


@pytest.mark.parametrize("name", sorted(STREAM_FAULTS.keys() - OF_PROBES))
def test_a_fault_breaks_its_rule_and_no_other(name: str) -> None:
    due, maker = STREAM_FAULTS[name]
    broken = {row for row, verdict in verdicts(maker()).items() if verdict is Verdict.BROKEN}
    assert broken == {due} | OF_SEVERAL.get(name, set())


@pytest.mark.parametrize("name", LEGAL_STREAMS)
def test_what_is_legal_breaks_no_rule(name: str) -> None:
    broken = {row for row, verdict in verdicts(LEGAL_STREAMS[name]()).items() if verdict is Verdict.BROKEN}
    assert broken == set()
