"""Each fault of the miniature /v1/responses is told by its row, and what is odd and legal is accused of nothing."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable
from functools import cache
from typing import Any

import httpx
import pytest

from conformance.checklist.findings import Finding
from conformance.checklist.verdicts import Verdict
from conformance.judge.catalog import load_catalog
from conformance.judge.finalize import judge_rules
from conformance.probes.added_text import LONG_TEXT
from conformance.selftests.asking import MODELS, asked, asker_of, rows
from conformance.wire.exchange import Call, Exchange

from .honours import SMALL_MODEL
from .interface import Server, json_reply
from .proxy import honest
from .responses_faults import FIELD_FAULTS, LEGAL, OBJECT_FAULTS, keeps_no_state, tells_items
from .responses_operation_faults import OPERATION_FAULTS
from .responses_proxy import Operates, ResponsesProxy
from .responses_stream_faults import STREAM_FAULTS, tells_its_failure
from .test_responses import BODY, REQUESTS
from .transport import BASE_URL, InProcess

ALL_MODELS = {**MODELS, "small_context": SMALL_MODEL}
ACCUSED = {Verdict.BROKEN, Verdict.IGNORED, Verdict.PARTIAL, Verdict.REJECTED}
TELLING = ("logprobs", "text beside a call", "summary", "background", "all settings")
"""Requests whose answers hold all that the rules look at."""

ASKED_FAULTS = FIELD_FAULTS | OPERATION_FAULTS
RULED_FAULTS = OBJECT_FAULTS | {
    f"stream/{name}": (f"responses/stream/{rule}", maker) for name, (rule, maker) in STREAM_FAULTS.items()
}


def exchanges(server: Server, names: Iterable[str] = TELLING) -> list[Exchange]:
    """What the server answers to some requests, plain and streamed, and to two that go on from others."""
    asker = asker_of(server)

    def create(**fields: Any) -> Exchange:
        return asker.send(Call(path="/responses", body={**BODY, **fields}, sdk_method="responses.create"))

    found = [create(**REQUESTS[name], **stream) for name in names for stream in ({}, {"stream": True})]
    http = httpx.Client(transport=InProcess(server), base_url=BASE_URL)
    conversation = http.post("/conversations", json={}).json()["id"]
    previous = http.post("/responses", json=BODY).json()["id"]
    return [*found, create(conversation=conversation), create(previous_response_id=previous)]


RULES = [row.id for row in load_catalog().values() if row.endpoint == "responses" and row.rule is not None]


def judged(server: Server, names: Iterable[str] = TELLING, only: Collection[str] = RULES) -> dict[str, Finding]:
    """The findings of all rules of the endpoint, or of some."""
    return judge_rules(exchanges(server, names), models=ALL_MODELS, selected=only)


@cache
def judged_honest() -> dict[str, Finding]:
    return judged(honest())


def accused(findings: dict[str, Finding]) -> dict[str, str]:
    return {name: found.reason for name, found in findings.items() if found.verdict in ACCUSED}


@pytest.mark.parametrize("name", ASKED_FAULTS)
def test_a_fault_is_told_by_its_row(name: str) -> None:
    row, maker = ASKED_FAULTS[name]
    found = asked(maker(), [row], ALL_MODELS)[0][row]
    assert found.verdict in ACCUSED, found.reason


@pytest.mark.parametrize("name", RULED_FAULTS)
def test_a_fault_is_told_by_its_rule(name: str) -> None:
    row, maker = RULED_FAULTS[name]
    if load_catalog()[row].rule is None:
        found = asked(maker(), [row], ALL_MODELS)[0][row]
    else:
        assert judged_honest()[row].verdict is Verdict.SUPPORTED
        found = judged(maker(), only=[row])[row]
    assert found.verdict in ACCUSED, found.reason


def offers(*known: str, replaced: str = "") -> Server:
    """Some hosted tools are offered to the model, which does not call them; one of another type is none to it.

    `replaced`: a text that the prompt has where there are no tools.
    """

    def offered(tool: Any) -> Any:
        name = tool["type"] if tool["type"] in known else "x"
        return tool if tool["type"] == "function" else {"type": "function", "name": name, "parameters": {}}

    def going(body: dict[str, Any]) -> dict[str, Any]:
        tools = body.get("tools")
        return {**body, "tools": [offered(tool) for tool in tools]} if tools else {**body, "instructions": replaced}

    return ResponsesProxy(going=going)


@pytest.mark.parametrize("replaced", ["", LONG_TEXT])
@pytest.mark.parametrize(("tool", "due"), [("web_search", Verdict.INCONCLUSIVE), ("file_search", Verdict.IGNORED)])
def test_a_hosted_tool_that_is_not_used_is_ignored_only_if_it_is_like_none(
    tool: str, due: Verdict, replaced: str
) -> None:
    row = f"responses/fields/tools/{tool}"
    found = asked(offers("web_search", replaced=replaced), [row])[0][row]
    assert found.verdict is due, found.reason


def test_where_a_plain_answer_loses_its_text_the_stream_is_asked_for_too() -> None:
    row = "responses/fields/tools/text_beside_call"
    server = tells_items(lambda item: None if item["type"] == "message" else item)
    findings, sent = asked(server, [row])
    assert findings[row].verdict is Verdict.BROKEN, findings[row].reason
    assert [exchange.accepted for exchange in sent if exchange.call.streams] == [True]


def test_a_summary_that_the_model_does_not_write_is_no_fault_of_the_operation() -> None:
    row = "responses/operations/compact"
    failed = json_reply({"error": {"message": "the model did not return a summary"}}, 500)
    server = Operates(method="POST", path="/v1/responses/compact", instead=lambda _request, _reply: failed)
    found = asked(server, [row], ALL_MODELS)[0][row]
    assert found.verdict is Verdict.INCONCLUSIVE, found.reason


def test_an_honest_server_breaks_no_rule() -> None:
    assert accused(judged(honest(), REQUESTS)) == {}


TOUCHED = {
    "template_text_is_replaced": ("responses/fields/in", "responses/fields/previous", "responses/operations/input"),
    "parts_are_joined_by_a_newline": ("responses/fields/in", "responses/operations/input"),
}
"""Legal variation -> how the ids of further rows begin that it might mislead."""


@pytest.mark.parametrize("name", LEGAL)
def test_what_is_legal_is_accused_of_nothing(name: str) -> None:
    assert accused(judged(LEGAL[name](), REQUESTS)) == {}
    touched = TOUCHED.get(name, ("responses/stream", "responses/features"))
    names = [row.id for row in rows(ALL_MODELS) if row.id.startswith(touched)]
    assert len(names) > 3
    assert accused(asked(LEGAL[name](), names, ALL_MODELS)[0]) == {}


def answer(server: Server, name: str, **fields: Any) -> str:
    http = httpx.Client(transport=InProcess(server), base_url=BASE_URL)
    return http.post("/responses", json={**BODY, **REQUESTS[name], **fields}).text


def test_a_stream_that_tells_its_failure_is_no_silent_end() -> None:
    row = "responses/stream/error_in_stream"
    assert judged(tells_its_failure(), only=[row])[row].verdict is Verdict.SUPPORTED
    assert judged_honest()[row].verdict is Verdict.NOT_APPLICABLE


def test_what_keeps_nothing_refuses_to_go_on() -> None:
    row = "responses/fields/previous_response_id"
    assert asked(keeps_no_state(), [row])[0][row].verdict is Verdict.REJECTED


def test_items_that_are_interleaved_keep_their_order() -> None:
    text = answer(LEGAL["interleaved_items"](), "text beside a call", stream=True)
    events: list[Any] = [json.loads(piece.partition("data: ")[2]) for piece in text.split("\n\n")[:-1]]
    places = [event["output_index"] for event in events if "output_index" in event]
    assert places[:4] == [0, 1, 0, 1]
    assert [event["sequence_number"] for event in events] == list(range(len(events)))


SEEN: dict[str, Callable[[Server], bool]] = {
    "done_marker": lambda server: answer(server, "text", stream=True).endswith("data: [DONE]\n\n"),
    "vendor_events": lambda server: "zq.heartbeat" in answer(server, "text", stream=True),
    "template_text_is_replaced": lambda server: input_tokens(server) > input_tokens(honest()) + 40,
    "parts_are_joined_by_a_newline": lambda server: input_tokens(server, PARTS) == input_tokens(honest(), PARTS) + 1,
    "lean_objects": lambda server: "frequency_penalty" not in answer(server, "text"),
}
PARTS = [{"role": "user", "content": [{"type": "input_text", "text": text} for text in ("Hi", "Ho")]}]


def input_tokens(server: Server, given: Any = "Hi") -> int:
    return int(json.loads(answer(server, "text", input=given))["usage"]["input_tokens"])


@pytest.mark.parametrize("name", SEEN)
def test_what_is_legal_can_be_seen(name: str) -> None:
    assert SEEN[name](LEGAL[name]())
    assert not SEEN[name](honest())
