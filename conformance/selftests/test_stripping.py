"""The field-stripping client: with its field taken out of the request, each row that was supported is ignored.

The server honours everything, and is lenient: a strict one would refuse `tool_choice` when `tools` is taken out.
Error rows are asked of the strict one. Calls without the field are the same with and without stripping, so they are
asked once for all rows.
"""

from __future__ import annotations

from functools import cache

import pytest

from conformance.checklist.verdicts import Evidence, Verdict
from conformance.judge.catalog import load_catalog
from conformance.probes.embeddings import ONE
from conformance.probes.endpoints import Chat, Completions, Responses
from conformance.probes.responses.errors import BAD_REQUESTS
from conformance.probes.responses.inputs import BAD_ITEMS
from conformance.probes.session import Send
from conformance.wire.client import Client
from conformance.wire.exchange import Call, Exchange

from .asking import MODELS, TIMED, asker_of, examined, outcome, rows
from .servers import HonoursEverything
from .servers.behaviours import OTHERS, Strips

pytestmark = pytest.mark.exhaustive

CONTROLS = {
    **{(each.name, name): value for each in OTHERS.values() for name, value in each.smallest.items()},
    ("chat", "messages"): [{"role": "user", "content": Chat.prompts[0]}],
    ("completions", "prompt"): Completions.prompts[0],
    ("responses", "input"): Responses.prompts[0],
    ("embeddings", "input"): ONE,
}
"""Endpoint and required field -> what a control sends, which the field is replaced by."""

BAD = {
    "chat/stream/error_before_first_token": "messages",
    "completions/features/json_mode": "response_format",
    "completions/notes/prompt_string": "prompt",
    "clients/openai_python/parse": "response_format",
    "errors/chat/unknown_field": "zz_unknown",
    "errors/chat/empty_messages": "messages",
    "errors/chat/unknown_role": "messages",
    "errors/embeddings/empty_input": "input",
    "responses/stream/error_before_start": "input",
    **{f"errors/responses/{name}": [*fields][-1] for name, (_, _, fields) in BAD_REQUESTS.items()},
    **dict.fromkeys((f"errors/responses/{name}" for name in BAD_ITEMS), "input"),
    "errors/responses/image_object": "input",
    "errors/responses/two_histories": "previous_response_id",
    "errors/responses/unknown_previous_response_id": "previous_response_id",
}
"""Rows about a field, whose ids do not name it."""

OTHERWISE = {
    "chat/fields/tools/function/strict": "without tools there is no call whose arguments could be judged",
    "embeddings/fields/encoding_format/absent": "is about the field's absence",
    "chat/stream/equals_plain": "a document is no stream that could equal it",
    "chat/stream/tool_calls": "a document has no chunks with calls",
    "chat/stream/created_constant": "a document has no chunks with times",
    "errors/chat/wrong_type/audio": "without it, the modality audio that it belongs to is refused",
    "chat/stream/client_leaves": "a document is no stream to leave",
    "completions/stream/equals_plain": "a document is no stream that could equal it",
    "errors/responses/two_histories": "the conversation that is left is unknown too",
    "responses/stream/equals_create": "a document is no stream that could equal it",
    "responses/stream/pieces": "a document has no pieces",
    "responses/stream/client_leaves": "a document is no stream to leave",
    "responses/fields/input/items": "no longer input shows that counts tell",
    "responses/fields/input/message_item": "no longer input shows that counts tell",
    "responses/fields/input/hosted_items": "an item of an invented type is taken as well",
    "responses/fields/temperature": "there is no seed, under which sampled text would repeat itself",
    "responses/fields/max_output_tokens/incomplete": "without a limit the answer is not cut",
    "responses/fields/previous_response_id/instructions": "no turn goes on from another",
    "responses/fields/reasoning/summary": "without it the model does not think",
    "responses/fields/reasoning/generate_summary": "without it the model does not think",
    "responses/fields/tools/function/strict": "without tools there is no call whose arguments could be judged",
    "responses/fields/tools/namespace": "without tools there is no call",
    "responses/fields/tools/text_beside_call": "without tools there is no call",
    "responses/fields/tools/cut_call": "without tools there is no call",
}
"""Rows of which nothing can be said without the field, and why: they must not stay supported."""


THE_SAME = {
    "responses/fields/input/reasoning": "the item is only to be taken",
}
"""Rows that are as well supported without the field, and why."""


ONLY_TAKEN = {"responses/fields/input/hosted_items", "responses/fields/max_output_tokens/null"}
"""Rows about values that are only to be taken, where others are not: no effect shows, and yet none when stripped."""


def field_of(row: str) -> str | None:
    """The field that a row is about; None where it is about none."""
    endpoint, kind, *path = row.split("/")
    if row in BAD:
        return BAD[row]
    if kind == "fields":
        return path[0]
    if endpoint == "errors" and path == ["unknown_model"]:
        return "model"
    if endpoint == "errors" and path and path[0] in ("wrong_type", "out_of_range"):
        return path[1]
    return "stream" if kind == "stream" else None


@cache
def server(*, strict: bool) -> HonoursEverything:
    """The server behind both clients: what one of them stores, the other finds."""
    return HonoursEverything(lenient=not strict, extensions=not strict, pace=0)


@cache
def whole(*, strict: bool) -> Client:
    return asker_of(server(strict=strict))


@cache
def without(endpoint: str, field: str, model: str, *, strict: bool) -> Client:
    value = model if field == "model" else CONTROLS.get((endpoint, field))
    return asker_of(Strips(inner=server(strict=strict), field=field, value=value))


def stripping(endpoint: str, field: str, model: str, *, strict: bool) -> Send:
    def send(call: Call) -> Exchange:
        holds = isinstance(call.body, dict) and field in call.body
        return (without(endpoint, field, model, strict=strict) if holds else whole(strict=strict)).send(call)

    return send


ROWS = [row for row in rows() if field_of(row.id) and row.id not in TIMED]


CUT = frozenset(
    {
        "chat/fields/tools/custom",
        "chat/fields/tool_choice/required",
        "chat/fields/function_call",
        "responses/fields/tools/custom",
        "responses/fields/tool_choice/required",
    }
)
"""Rows that demand a call. This server's text never ends by itself, so that the limit cuts it, and a call might come
behind it: that is no proof. A server whose text ends is accused."""


@pytest.mark.parametrize("row", [row.id for row in ROWS])
def test_a_stripped_field_is_ignored(row):
    strict = row.startswith("errors/")
    found = examined(row, whole(strict=strict).send)
    assert found.verdict is Verdict.SUPPORTED, found.reason
    if found.evidence in (Evidence.PARSED, Evidence.ECHOED):
        # There is no effect to take away: the row asks whether nonsense is refused, or whether the value comes back.
        # That it can be ignored is shown by the server that ignores every field, which is accused of it.
        assert outcome("ignores_every_field")[0][row].verdict is Verdict.IGNORED
        return
    assert found.evidence is Evidence.EFFECT or row in THE_SAME or row in ONLY_TAKEN
    field = field_of(row) or ""
    model = MODELS[load_catalog()[row].capability]
    endpoint = row.split("/")[1 if strict else 0]
    stripped = examined(row, stripping(endpoint, field, model, strict=strict))
    if row in OTHERWISE:
        assert stripped.verdict in (Verdict.INCONCLUSIVE, Verdict.BROKEN, Verdict.NOT_APPLICABLE), stripped.reason
    elif row in CUT:
        assert stripped.verdict is Verdict.INCONCLUSIVE, stripped.reason
        assert outcome("ignores_every_field")[0][row].verdict is Verdict.IGNORED
    elif row in THE_SAME:
        assert stripped.verdict is Verdict.SUPPORTED, stripped.reason
    else:
        assert stripped.verdict is Verdict.IGNORED, stripped.reason


def test_every_other_row_is_about_the_answer_or_the_transport_not_about_a_field():
    kinds = {tuple(row.id.split("/")[:2]) for row in rows() if field_of(row.id) is None}
    fields = {kind for kind in kinds if kind[1] == "fields"}
    assert fields == set()
    missing = {row.id for row in rows() if field_of(row.id) is None and row.id.startswith("errors/")}
    names = {row.split("/")[2] for row in missing}
    assert names == {"missing", "malformed_json", "not_an_object", "unknown", "unknown_id", "wrong_method"}
