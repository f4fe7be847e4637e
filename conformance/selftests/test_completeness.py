"""The ledger: every field and every box has a row, every row has an answer, and no id ever changes.

A new row is entered by: python -m conformance.selftests.ledger --write
"""

from __future__ import annotations

import inspect
import re
import subprocess
import sys
from urllib.parse import unquote

import pytest
from openai.resources.chat.completions import Completions as Chat
from openai.resources.completions import Completions
from openai.resources.embeddings import Embeddings
from openai.resources.images import Images
from openai.resources.responses import Responses

from conformance.checklist.claims import claims_of, documented_boxes
from conformance.checklist.rows import CAPABILITIES, field_values
from conformance.judge.catalog import load_catalog
from conformance.judge.derive import expand_parts
from conformance.judge.rules.registry import cross_response_rule, rule
from conformance.probes import chance
from conformance.probes.clauses import anchors, clause_url
from conformance.probes.documents import single_value_schema
from conformance.probes.endpoints import HEADINGS
from conformance.probes.registry import probe
from conformance.wire.exchange import Call

from . import ledger
from .asking import asker_of
from .servers import CHAT_MODEL, EMBEDDING_MODEL, IMAGE_MODEL, HonoursEverything

METHODS = {
    "chat": Chat.create,
    "completions": Completions.create,
    "embeddings": Embeddings.create,
    "responses": Responses.create,
    "images": Images.generate,
}
PROBED = ("chat", "completions", "embeddings", "images", "models", "responses", "errors", "clients", "native")


@pytest.mark.parametrize("endpoint", METHODS)
def test_every_field_of_the_sdk_has_a_row_and_values(endpoint):
    fields = set(inspect.signature(METHODS[endpoint]).parameters) - ledger.OF_THE_CLIENT
    assert len(fields) >= 5
    assert {field for field in fields if f"{endpoint}/fields/{field}" not in load_catalog()} == set()
    assert fields - set(field_values(endpoint)) == set()


def test_every_box_of_the_newest_page_has_a_row_in_the_pages_order():
    boxes = [box.row for box in claims_of("ollama", "0.32.15").boxes if not box.note]
    assert len(boxes) > 75
    assert len([row for row in boxes if row.count("/") > 2]) > 10, "boxes below other boxes are compared too"
    assert [row for row in load_catalog() if row in boxes] == boxes


def test_every_row_of_the_probed_endpoints_is_answered_and_says_what_it_is_about():
    for row in load_catalog().values():
        if row.endpoint in PROBED:
            assert bool(row.probe) + bool(row.rule) + bool(row.derived_from) == 1, row.id
            assert len(row.description) > 10, row.id
            assert row.heading


def test_every_row_states_a_bound_on_luck_or_that_it_is_deterministic_and_why():
    stated = set()
    for row in load_catalog().values():
        bound, _, ground = row.false_verdict_probability.partition(": ")
        assert bound == "deterministic" or float(bound.removeprefix("below ")) <= 1e-5, row.id
        assert len(ground) > 20, row.id
        stated.add(row.false_verdict_probability)
    # A new release of a documentation may bring a box that nobody has a probe for yet.
    known = {text for name, text in vars(chance).items() if name.isupper()} - {chance.NOT_PROBED}
    assert stated - {chance.NOT_PROBED} == known, "each statement is of some row"


@pytest.mark.parametrize("declare", [probe, rule, cross_response_rule])
def test_a_row_cannot_be_declared_without_a_statement(declare):
    assert inspect.signature(declare).parameters["chance"].default is inspect.Parameter.empty


def test_ids_are_stable():
    assert sorted(load_catalog()) == ledger.ROWS.read_text(encoding="utf-8").split()


@pytest.mark.parametrize("first", ["probes.chat.tools", "judge.rules.streams", "probes.text_generation"])
def test_the_order_of_the_matrix_does_not_hang_on_what_is_imported_first(first):
    script = f"import conformance.{first}, conformance.judge.catalog as c; print(*c.load_catalog(), sep='\\n')"
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert ended.stdout.split() == list(load_catalog())


EXTENSIONS = {
    "chat/fields/reasoning": "several servers have it, OpenAI's clause for chat has not",
    "chat/fields/reasoning/effort": "the same",
    "responses/fields/think": "Ollama has it, OpenAI's clause has not",
}
"""Rows of fields that OpenAI's reference does not have, and why there is one."""


def test_the_clause_of_a_field_is_the_anchor_of_that_very_field_and_no_anchor_is_left_over():
    used = set()
    for row in load_catalog().values():
        if row.endpoint in METHODS and row.kind == "fields" and row.id not in EXTENSIONS:
            page, _, anchor = clause_url(row).partition("#")
            assert unquote(anchor) == anchors()[row.endpoint][row.path[0]], row.id
            assert f"(param) {row.path[0]} >" in unquote(anchor), row.id
            assert page.endswith(f"/methods/{METHODS[row.endpoint].__name__}"), row.id
            used.add((row.endpoint, row.path[0]))
    assert used == {(endpoint, field) for endpoint, fields in anchors().items() for field in fields}


def test_every_row_has_a_clause_and_an_extension_has_the_page_alone():
    for row in load_catalog().values():
        url = clause_url(row)
        assert url.startswith("https://developers.openai.com/api/"), row.id
        assert "#" not in url or row.id not in EXTENSIONS, row.id


def test_boxes_of_every_release_have_rows():
    assert set(documented_boxes()) <= set(load_catalog())


@pytest.mark.parametrize("endpoint", METHODS)
def test_every_field_is_asked_with_nonsense_and_no_other_row_is_about_a_field_that_is_none(endpoint):
    fields = set(field_values(endpoint))
    assert {field for field in fields if f"errors/{endpoint}/wrong_type/{field}" not in load_catalog()} == set()
    tops = {row.path[0] for row in load_catalog().values() if row.endpoint == endpoint and row.kind == "fields"}
    extensions = {"reasoning", "options", "think"}
    assert tops - fields <= extensions, tops - fields
    for name, values in field_values(endpoint).items():
        assert values.valid != values.invalid, name
        assert name not in values.context, name


def test_ids_are_lower_case_paths_of_a_known_endpoint_and_every_derived_row_follows_from_rows():
    for row in load_catalog().values():
        assert re.fullmatch(r"[a-z_]+(/[a-z0-9_.]+){2,}", row.id), row.id
        assert row.endpoint in HEADINGS, row.id
        assert row.capability in CAPABILITIES, row.id
        if row.derived_from:
            assert expand_parts(row, load_catalog()), row.id
            assert set(expand_parts(row, load_catalog())) <= set(load_catalog()), row.id


CHAT = {"model": CHAT_MODEL, "messages": [{"role": "user", "content": "Hi"}], "max_tokens": 1}
CREATE = "chat.completions.create"
PARSED = {**CHAT, "response_format": single_value_schema("zq_key", "v7")}
SDK_CALLS = {
    "chat": Call(path="/chat/completions", body=CHAT, sdk_method=CREATE),
    "chat, streamed": Call(path="/chat/completions", body={**CHAT, "stream": True}, sdk_method=CREATE),
    "chat, async": Call(path="/chat/completions", body=CHAT, sdk_method=CREATE, transport="sdk_async"),
    "chat, parsed": Call(path="/chat/completions", body=PARSED, sdk_method=CREATE, transport="sdk_parse"),
    "chat, stored": Call(
        path="/chat/completions/chatcmpl-zz",
        method="GET",
        sdk_method="chat.completions.retrieve",
        sdk_arguments=("chatcmpl-zz",),
    ),
    "completions": Call(
        path="/completions",
        body={"model": CHAT_MODEL, "prompt": "Hi", "max_tokens": 1},
        sdk_method="completions.create",
    ),
    "embeddings": Call(
        path="/embeddings",
        body={"model": EMBEDDING_MODEL, "input": "Hi", "encoding_format": "float"},
        sdk_method="embeddings.create",
    ),
    "images": Call(
        path="/images/generations", body={"model": IMAGE_MODEL, "prompt": "Hi"}, sdk_method="images.generate"
    ),
    "models": Call(path="/models", method="GET", sdk_method="models.list"),
    "one model": Call(
        path=f"/models/{CHAT_MODEL}", method="GET", sdk_method="models.retrieve", sdk_arguments=(CHAT_MODEL,)
    ),
    "any route": Call(path="/zz", raw="{}", transport="sdk_raw_body"),
}
"""Every method of the SDK that rows go through."""


class Hears:
    """Honours everything, and keeps the requests."""

    def __init__(self):
        self.inner, self.requests = HonoursEverything(), []

    def answer(self, request):
        self.requests.append(request)
        return self.inner.answer(request)


@pytest.mark.parametrize("name", SDK_CALLS)
def test_the_sdk_sends_every_call_that_rows_go_through_to_its_route(name):
    """A new release of the SDK may rename or move what `wire.sdk` calls: then this fails, and no server is blamed."""
    call, server = SDK_CALLS[name], Hears()
    exchange = asker_of(server).send(call)
    [request] = server.requests
    assert (request.method, request.path) == (call.method, f"/v1{call.path}")
    assert request.headers["x-stainless-lang"] == "python"
    body = {} if call.transport == "sdk_parse" else call.body or {}
    assert {field: request.json[field] for field in body} == body
    assert exchange.status == (404 if name in ("chat, stored", "any route") else 200)
