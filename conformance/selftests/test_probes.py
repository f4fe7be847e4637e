"""Every probe against every miniature server gives the verdict that a rule foretells.

No verdict here was taken from a run: each rule says, by the row's id alone, what a server of that behaviour deserves.
"""

from __future__ import annotations

import re
import time
from dataclasses import replace

import pytest

from conformance.checklist.rows import field_values
from conformance.checklist.verdicts import Verdict
from conformance.judge.catalog import load_catalog
from conformance.probes.responses.errors import BAD_REQUESTS
from conformance.wire.client import Address, Client
from conformance.wire.exchange_cache import MemoryExchangeCache

from .asking import TIMED, asked, asker_of, examined, outcome, rows
from .servers import HonoursEverything, Reply, Request, made, strips
from .servers.behaviours import KNOWN, REQUIRED
from .servers.transport import listening

S = Verdict.SUPPORTED
P = Verdict.PARTIAL
R = Verdict.REJECTED
IGNORED = Verdict.IGNORED
B = Verdict.BROKEN
U = Verdict.INCONCLUSIVE

EXTENSIONS = {"chat/fields/reasoning/effort", "completions/features/json_mode", "responses/fields/think"}
"""Rows of what OpenAI's clause does not have: a server that follows the clause refuses it."""


FEW = {*KNOWN, "encoding_format"}
"""What the servers that refuse, crash, hang or cut on anything else know."""

WITNESSES = {
    "seed": "temperature",
    "top_p": "temperature",
    "tool_choice": "tools",
    "tools": "tools",
    "max_completion_tokens": "stop",
    "encoding_format": "encoding_format",
}
"""Field -> the field without which its effect cannot be seen: where that is ignored too, nobody can tell."""

UNCLEAR = {
    "responses/fields/input/hosted_items": "an item of an invented type is taken as well",
    "responses/fields/max_output_tokens/incomplete": "no answer is cut",
    "responses/fields/input/reasoning": "no answer holds thoughts",
    "responses/fields/reasoning/summary": "no answer holds thoughts",
    "responses/fields/reasoning/generate_summary": "no answer holds thoughts",
    "responses/fields/include/reasoning_encrypted_content": "no answer holds thoughts",
}
"""Row -> why nobody can tell it of a server that reads the required fields alone."""

COMPANIONS = {
    "responses/fields/input/reasoning": "reasoning",
    "responses/features/reasoning_summaries": "reasoning",
    "responses/notes/as_clients_send": "instructions",
    "responses/operations/retrieve/stream": "background",
    "responses/operations/cancel": "background",
    "responses/operations/input_tokens": "instructions",
    "clients/openai_python/responses_stream/call": "tools",
}
"""Row that is about no field, or about one that the servers of few fields know -> what it cannot be asked without."""

IN_A_QUERY = "responses/fields/include/input_image_url"
"""The row of a field that stands in the query of a list, which the servers of few fields know in full."""

IGNORING = ("ignores_every_field", "ignores_and_samples", "always_repeats_itself", "always_random")


def verdicts(name: str) -> dict[str, Verdict]:
    return {row: finding.verdict for row, finding in outcome(name)[0].items() if row not in TIMED}


def fields(found: dict[str, Verdict]) -> dict[str, Verdict]:
    """Row -> verdict of the rows that are about a request field."""
    special = (
        "completions/features/json_mode",
        "clients/openai_python/parse",
        "clients/openai_python/responses_parse",
    )
    return {row: verdict for row, verdict in found.items() if row.split("/")[1] == "fields" or row in special}


def field_of(row: str) -> str:
    """The field that a row is about."""
    return row.split("/")[2] if row.split("/")[1] == "fields" else "response_format"


def extra(row: str) -> bool:
    """Whether a row is about a field that the servers of few fields do not know, or cannot be asked without one."""
    others = ("/stream_options/", "chat/stream/tool_calls")
    return field_of(row) not in FEW or any(other in row for other in others)


def test_a_server_that_honours_everything_is_supported_in_every_row():
    odd = {row: str(verdict) for row, verdict in verdicts("honours_everything").items() if verdict is not S}
    assert odd == dict.fromkeys(EXTENSIONS, "rejected")


def test_a_document_in_place_of_a_stream_does_not_arrive_in_pieces():
    """What the row says of streams is tested in `test_arrival.py`, with times that are written over them."""
    found = asked(strips("stream"), TIMED)[0]
    assert {found[row].verdict for row in TIMED} <= {B, U}


def test_a_server_that_has_the_extensions_too_is_supported_in_them():
    found = asked(made("honours_extensions"), sorted(EXTENSIONS))[0]
    assert {finding.verdict for finding in found.values()} == {S}


def test_a_server_that_wants_each_tool_call_answered_as_openai_does_sees_every_one_answered():
    names = [row.id for row in rows() if row.capability == "tools" or "tool" in row.id or "function" in row.id]
    found = asked(made("demands_tool_results"), names)[0]
    assert {row: finding.reason for row, finding in found.items() if finding.verdict is not S} == {}


def test_a_server_that_honours_everything_keeps_every_rule():
    _, exchanges = outcome("honours_everything")
    found = {row.id: row.rule(exchanges) for row in load_catalog().values() if row.rule}
    assert {row for row, finding in found.items() if finding.verdict is not S} == {"responses/stream/error_in_stream"}
    assert found["responses/stream/error_in_stream"].verdict is Verdict.NOT_APPLICABLE  # it never fails


def accused_of_each(found: dict[str, Verdict]) -> None:
    """A greedy server that reads the required fields alone is accused of every other one that can be told."""
    unclear = {row for row, verdict in found.items() if verdict is U}
    assert {row for row in unclear if field_of(row) not in WITNESSES} == set(UNCLEAR)
    good = {field_of(row) for row, verdict in found.items() if verdict is S}
    assert good == REQUIRED - {"model"} | {"stream"}


@pytest.mark.parametrize("name", IGNORING)
def test_a_server_that_ignores_every_field_is_supported_in_none_and_takes_bad_requests(name):
    reads = REQUIRED if name.startswith("ignores") else set()
    better = {
        row: str(verdict)
        for row, verdict in fields(verdicts(name)).items()
        if verdict not in (IGNORED, U) and field_of(row) not in {"stream", *reads}
    }
    if name == "always_random":
        # It counts tokens of a text of its own, not of the ids that were sent.
        assert better.pop("embeddings/fields/input/array_of_tokens") == "broken"
    no_turn_goes_on = better.pop("responses/fields/previous_response_id/instructions")
    assert (no_turn_goes_on, better) == ("not_applicable", {})
    errors = {row: verdict for row, verdict in verdicts(name).items() if row.startswith("errors/")}
    odd = {row: str(verdict) for row, verdict in errors.items() if verdict is not IGNORED}
    routes = ("routes/unknown", "routes/wrong_method", "responses/wrong_method", "responses/unknown_id")
    assert odd == {f"errors/{row}": "supported" for row in routes}
    if name == "ignores_every_field":
        accused_of_each(fields(verdicts(name)))


def due_of_few_fields(row: str, otherwise: Verdict) -> set[Verdict]:
    """What may be said of a row where all but a few fields are answered in one way. `otherwise`: what that is."""
    if row in COMPANIONS:
        return {otherwise, U}
    return {otherwise} if extra(row) and row != IN_A_QUERY else {S}


def misused_field(endpoint: str, path: list[str]) -> str:
    """The field that a bad request holds a bad value of, empty where it is bad in another way."""
    name = path[0]
    if name in ("wrong_type", "out_of_range"):
        return path[1]
    if endpoint == "responses" and name in BAD_REQUESTS:
        *_, last = BAD_REQUESTS[name][2]
        return last
    return "previous_response_id" if name in ("two_histories", "unknown_previous_response_id") else ""


def bad_requests_of_few_fields(found: dict[str, Verdict], untaken: Verdict, unknown: set[Verdict]) -> None:
    """Where the valid value fails too, a bad one shows nothing; all other errors are right.

    `untaken`: what is said of a field whose companions, if it has any, are taken. `unknown`: what may be said of a
    field of which no valid value can be known beforehand.
    """
    values = {endpoint: field_values(endpoint) for endpoint in {row.split("/")[1] for row in found}}
    for row, verdict in found.items():
        kind, endpoint, *path = row.split("/")
        if kind != "errors" or path == ["unknown_field"]:
            continue
        field = misused_field(endpoint, path)
        known = values[endpoint].get(field)
        if not field or field in FEW:
            due = {S}
        elif known is None or not FEW.issuperset(known.context):
            due = {U}
        else:
            due = {untaken} if known.valid is not None else unknown
        assert verdict in due, (row, verdict)


def test_a_server_that_refuses_extras_is_rejected_in_them_and_in_nothing_else():
    found = verdicts("refuses_extras")
    told = {row: found[row] for row in found if not row.startswith("errors/")}
    about_fields = {*fields(told), "chat/stream/tool_calls"}
    due = {row: due_of_few_fields(row, R) if row in {*about_fields, *COMPANIONS} else {S} for row in told}
    due["responses/notes/null_fields"] = {P}  # null is taken in the few that are known
    assert {row: str(told[row]) for row in told if told[row] not in due[row]} == {}
    bad_requests_of_few_fields(found, Verdict.NOT_APPLICABLE, {S, P})


@pytest.mark.parametrize("name", ["crashes_on_extras", "hangs_on_extras", "cuts_on_extras"])
def test_a_server_that_fails_on_extras_is_broken_in_them_and_in_nothing_else(name):
    found = fields(verdicts(name))
    assert {row: str(found[row]) for row in found if found[row] not in due_of_few_fields(row, B)} == {}
    bad_requests_of_few_fields(verdicts(name), U, {B})


BY_REFUSALS = {"images/fields/model", "images/fields/prompt"}
"""Rows that are told by refusals alone, without an accepted request beside them: those arrive whole."""


@pytest.mark.parametrize("name", ["hangs", "cuts_the_stream"])
def test_of_a_server_that_does_not_answer_nothing_is_claimed(name):
    found = verdicts(name)
    refusals = {found.pop(row) for row in BY_REFUSALS}
    assert refusals == {U if name == "hangs" else S}
    posted = {row: str(verdict) for row, verdict in found.items() if not row.startswith("models/")}
    assert set(posted.values()) == {"broken", "inconclusive"}
    broken = {row for row, verdict in posted.items() if verdict == "broken"}
    assert broken == {row.id for row in rows() if row.is_control and row.id in posted}
    if name == "hangs":
        assert not any(
            verdict.rank is not None for row, verdict in found.items() if row not in broken | {"models/features/list"}
        )


@pytest.mark.parametrize("name", ["absent_404", "absent_501"])
def test_an_absent_endpoint_is_rejected_in_all_its_rows(name):
    found = verdicts(name)
    assert {str(verdict) for row, verdict in found.items() if not row.startswith("errors/")} == {"rejected"}
    assert not {verdict for row, verdict in found.items() if row.startswith("errors/")} & {S, P, IGNORED}
    assert all("absent" in finding.reason for finding in outcome(name)[0].values())


def test_a_server_that_answers_200_to_all_is_supported_in_nothing_and_rejects_nothing():
    assert {row for row, verdict in verdicts("ok_to_all").items() if verdict in (S, P, R)} == set()


HARMFUL = ("deep_json", "huge_numbers", "longer_numbers", "not_a_number", "infinite_numbers", "empty_answers",
           "html_to_all", "other_shapes", "gzip_bomb", "redirects_for_ever")  # fmt: skip


@pytest.mark.parametrize("name", HARMFUL)
def test_no_answer_makes_the_judge_raise_and_none_of_these_is_supported(name):
    findings, exchanges = outcome(name)
    assert len(findings) == len(rows())
    for row in load_catalog().values():
        if row.rule:
            assert row.rule(exchanges).row == row.id
    lists_models = name == "other_shapes"
    good = {row for row, found in findings.items() if found.verdict.is_positive and "/fields/" in row}
    assert {row for row in good if not (lists_models and row.startswith("models/"))} == set()


FEW_ROWS = ("chat/features/chat_completions", "chat/fields/stop/string", "chat/fields/stream",
            "clients/openai_python/async", "completions/fields/echo", "embeddings/fields/dimensions")  # fmt: skip

DEADLINE = 1.5
"""Seconds: long enough for an honest answer on a busy machine."""

PATIENCE = 10
"""Seconds that a busy machine may add to a deadline: fewer than the deadlines of ten rows, or of a client's own."""


@pytest.mark.parametrize(
    ("name", "due"),
    [("hangs", {B, U}), ("cuts_the_stream", {B, U}), ("hangs_on_extras", {S, B}), ("cuts_on_extras", {S, B})],
)
def test_on_a_socket_those_that_hang_or_cut_are_found_out_within_the_deadline(name, due):
    with listening(made(name)) as url:
        asker = Client(address=Address(base_url=url), cache=MemoryExchangeCache(), deadline=DEADLINE)
        found = {row: examined(row, asker.send) for row in FEW_ROWS}
    in_process = outcome(name)[0]
    assert {row: found[row].verdict for row in FEW_ROWS} == {row: in_process[row].verdict for row in FEW_ROWS}
    assert {finding.verdict for finding in found.values()} <= due
    slow = [exchange for exchange in asker.cache.all() if exchange.seconds > DEADLINE + PATIENCE]
    assert slow == []
    assert any(exchange.failure in ("timeout", "cut") for exchange in asker.cache.all())


def test_a_row_about_a_server_that_hangs_costs_one_deadline():
    with listening(made("hangs")) as url:
        asker = Client(address=Address(base_url=url), cache=MemoryExchangeCache(), deadline=DEADLINE)
        began = time.monotonic()
        for row in rows():
            if row.id.startswith("chat/"):
                examined(row.id, asker.send)
    assert time.monotonic() - began < 2 * DEADLINE + PATIENCE


class LeavesOutAlternatives:
    """Honours everything; where no alternatives are asked for, it leaves `top_logprobs` out, as Ollama does."""

    def __init__(self) -> None:
        self.inner = HonoursEverything(pace=0)

    def answer(self, request: Request) -> Reply:
        reply = self.inner.answer(request)
        body = reply.body if isinstance(reply.body, bytes) else b"".join(reply.body)
        return replace(reply, body=re.sub(rb', ?"top_logprobs": ?\[\]', b"", body))


def test_an_effect_with_a_fault_in_the_answers_shape_is_partial_and_the_fault_is_named():
    names = ["chat/fields/logprobs/plain", "chat/fields/logprobs/stream", "chat/fields/stop/string"]
    plain, stream, stop = asked(LeavesOutAlternatives(), names)[0].values()
    assert stop.verdict is S
    for finding in (plain, stream):
        assert finding.verdict is P
        assert finding.reason.endswith("choices.*.logprobs.content.*.top_logprobs: is missing")


@pytest.mark.parametrize("row", ["chat/fields/presence_penalty", "completions/fields/presence_penalty"])
def test_a_presence_penalty_that_is_not_read_is_found_without_probabilities_by_what_a_frequency_penalty_does(row):
    tells_no_odds = strips("logprobs", strips("top_logprobs", HonoursEverything(pace=0)))
    found = examined(row, asker_of(strips("presence_penalty", tells_no_odds)).send)
    assert found.verdict is IGNORED
    assert "a frequency penalty changes it" in found.reason
    assert examined(row, asker_of(tells_no_odds).send).verdict is S
    reads_neither = strips("frequency_penalty", strips("presence_penalty", tells_no_odds))
    assert '"zz" is accepted as well' in examined(row, asker_of(reads_neither).send).reason
